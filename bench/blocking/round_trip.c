/* REQ to REP and back, one after the other, between two processes or two
 * threads, with zmq_send and zmq_recv of a buffer.
 *
 * The link: REP says its endpoint. */
#include <pthread.h>
#include <string.h>

#include "../libzmq.h"
#include "blocking.h"
#include "zuv.h"

typedef struct {
  const bench_work_t *work;
  void *socket;
} answerer_t;

static void send_body(void *socket, const char *body, size_t size) {
  bench_require(libzmq.send(socket, body, size, 0) == (int)size, "zmq_send");
}

static void receive_body(void *socket, char *body, size_t size) {
  bench_require(libzmq.recv(socket, body, size, 0) == (int)size, "zmq_recv");
}

static void *answer_all(void *argument) {
  const answerer_t *answerer = argument;
  const bench_work_t *work = answerer->work;
  uint64_t total = blocking_warm_up(work) + work->count;
  char body[BENCH_SMALL_MAX];

  for (uint64_t i = 0; i < total; i++) {
    receive_body(answerer->socket, body, work->size);
    send_body(answerer->socket, body, work->size);
  }
  return NULL;
}

static double ask_all(void *socket, const bench_work_t *work) {
  uint64_t warm_up = blocking_warm_up(work);
  char body[BENCH_SMALL_MAX];
  uint64_t begin = 0;

  memset(body, 'x', sizeof(body));
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    if (i == warm_up)
      begin = bench_now();
    send_body(socket, body, work->size);
    receive_body(socket, body, work->size);
  }
  return (double)(bench_now() - begin) / 1e9 / (double)work->count / 2;
}

static void require_small(const bench_work_t *work) {
  bench_require(work->size <= BENCH_SMALL_MAX, "room for the message");
}

double blocking_rep(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  answerer_t answerer = {.work = work};

  require_small(work);
  answerer.socket = blocking_bound(context, ZUV_REP, work, endpoint);
  bench_say(link, endpoint, sizeof(endpoint));
  answer_all(&answerer);
  blocking_end(answerer.socket, context);
  return 0;
}

double blocking_req(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  void *socket;
  double value;

  require_small(work);
  bench_hear(link, endpoint, sizeof(endpoint));
  socket = libzmq_connected(context, ZUV_REQ, endpoint);
  value = ask_all(socket, work);
  blocking_end(socket, context);
  return value;
}

double blocking_req_to_thread(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  answerer_t answerer = {.work = work};
  pthread_t thread;
  void *socket;
  double value;

  (void)link;
  require_small(work);
  answerer.socket = blocking_bound(context, ZUV_REP, work, endpoint);
  socket = libzmq_connected(context, ZUV_REQ, endpoint);
  bench_require(pthread_create(&thread, NULL, answer_all, &answerer) == 0,
                "pthread_create");
  value = ask_all(socket, work);
  pthread_join(thread, NULL);
  bench_require(libzmq.close(answerer.socket) == 0, "zmq_close");
  blocking_end(socket, context);
  return value;
}
