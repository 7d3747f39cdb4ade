/* PUSH to PULL: between two processes or two threads, one pair of sockets or
 * several with a thread each. A message begins with its number, which the
 * receiver compares. The clock runs from the first message after the warm-up
 * to the last; of several pairs, from the first that begins to the last that
 * ends.
 *
 * The link: the receiving side says the endpoint of each of its sockets, and 1
 * when it has all messages. The senders stay open until then: libzmq gives up
 * what an ipc peer has sent if that peer closes while the receiver is behind.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../libzmq.h"
#include "blocking.h"
#include "zuv.h"

typedef struct {
  const bench_work_t *work;
  void *socket;
  bool messages; /* zmq_msg_send and zmq_msg_recv; else with a buffer */
  uint64_t begin;
  uint64_t end;
} side_t;

static uint64_t total_of(const bench_work_t *work) {
  return blocking_warm_up(work) + work->count;
}

static void check(uint64_t expected, const void *data) {
  uint64_t number;

  memcpy(&number, data, sizeof(number));
  bench_require(number == expected, "the message's number");
}

static void receive_message(const side_t *side, uint64_t expected) {
  libzmq_msg_t msg;

  libzmq.msg_init(&msg);
  bench_require(libzmq.msg_recv(&msg, side->socket, 0) == (int)side->work->size,
                "zmq_msg_recv");
  check(expected, libzmq.msg_data(&msg));
  libzmq.msg_close(&msg);
}

static void *receive(void *argument) {
  side_t *side = argument;
  size_t size = side->work->size;
  uint64_t warm_up = blocking_warm_up(side->work);
  uint64_t total = total_of(side->work);
  char *buffer = malloc(size);

  bench_require(buffer != NULL && size >= sizeof(total), "a buffer");
  for (uint64_t i = 0; i < total; i++) {
    if (i == warm_up)
      side->begin = bench_now();
    if (side->messages) {
      receive_message(side, i);
      continue;
    }
    bench_require(libzmq.recv(side->socket, buffer, size, 0) == (int)size,
                  "zmq_recv");
    check(i, buffer);
  }
  side->end = bench_now();
  free(buffer);
  return NULL;
}

static void send_message(const side_t *side, uint64_t number) {
  size_t size = side->work->size;
  libzmq_msg_t msg;

  bench_require(libzmq.msg_init_size(&msg, size) == 0, "zmq_msg_init_size");
  memcpy(libzmq.msg_data(&msg), &number, sizeof(number));
  bench_require(libzmq.msg_send(&msg, side->socket, 0) == (int)size,
                "zmq_msg_send");
}

static void *send_all(void *argument) {
  side_t *side = argument;
  size_t size = side->work->size;
  uint64_t total = total_of(side->work);
  char *buffer = calloc(1, size);

  bench_require(buffer != NULL, "calloc");
  for (uint64_t i = 0; i < total; i++) {
    if (side->messages) {
      send_message(side, i);
      continue;
    }
    memcpy(buffer, &i, sizeof(i));
    bench_require(libzmq.send(side->socket, buffer, size, 0) == (int)size,
                  "zmq_send");
  }
  free(buffer);
  return NULL;
}

/* Runs the sides to their end, the last one in this thread. */
static void run_sides(side_t *sides, int count, void *(*run)(void *)) {
  pthread_t *threads = calloc((size_t)count, sizeof(*threads));

  bench_require(threads != NULL, "calloc");
  for (int i = 0; i < count - 1; i++)
    bench_require(pthread_create(&threads[i], NULL, run, &sides[i]) == 0,
                  "pthread_create");
  run(&sides[count - 1]);
  for (int i = 0; i < count - 1; i++)
    pthread_join(threads[i], NULL);
  free(threads);
}

static double rate_of(const side_t *sides, int count) {
  uint64_t begin = sides[0].begin, end = sides[0].end;

  for (int i = 1; i < count; i++) {
    if (sides[i].begin < begin)
      begin = sides[i].begin;
    if (sides[i].end > end)
      end = sides[i].end;
  }
  return (double)sides[0].work->count * count * 1e9 / (double)(end - begin);
}

static int pairs_of(const bench_work_t *work) {
  return work->peers == 0 ? 1 : work->peers;
}

static void close_all(side_t *sides, int count, void *context) {
  for (int i = 0; i < count - 1; i++)
    bench_require(libzmq.close(sides[i].socket) == 0, "zmq_close");
  blocking_end(sides[count - 1].socket, context);
  free(sides);
}

static double pull(const bench_work_t *work, int link, bool messages) {
  void *context = blocking_context();
  int count = pairs_of(work);
  side_t *sides = calloc((size_t)count, sizeof(*sides));
  double rate;

  bench_require(sides != NULL, "calloc");
  for (int i = 0; i < count; i++) {
    char endpoint[BENCH_ENDPOINT_MAX];
    sides[i].work = work;
    sides[i].messages = messages;
    sides[i].socket = blocking_bound(context, ZUV_PULL, work, endpoint);
    bench_say(link, endpoint, sizeof(endpoint));
  }
  run_sides(sides, count, receive);
  bench_say(link, "\1", 1);
  rate = rate_of(sides, count);
  close_all(sides, count, context);
  return rate;
}

static double push(const bench_work_t *work, int link, bool messages) {
  void *context = blocking_context();
  int count = pairs_of(work);
  side_t *sides = calloc((size_t)count, sizeof(*sides));
  char received;

  bench_require(sides != NULL, "calloc");
  for (int i = 0; i < count; i++) {
    char endpoint[BENCH_ENDPOINT_MAX];
    bench_hear(link, endpoint, sizeof(endpoint));
    sides[i].work = work;
    sides[i].messages = messages;
    sides[i].socket = blocking_connected(context, ZUV_PUSH, work, endpoint);
  }
  run_sides(sides, count, send_all);
  bench_hear(link, &received, 1);
  close_all(sides, count, context);
  return 0;
}

double blocking_pull(const bench_work_t *work, int link) {
  return pull(work, link, false);
}

double blocking_push(const bench_work_t *work, int link) {
  return push(work, link, false);
}

double blocking_pull_messages(const bench_work_t *work, int link) {
  return pull(work, link, true);
}

double blocking_push_messages(const bench_work_t *work, int link) {
  return push(work, link, true);
}

double blocking_push_to_thread(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  side_t from = {.work = work}, to = {.work = work};
  pthread_t thread;

  (void)link;
  to.socket = blocking_bound(context, ZUV_PULL, work, endpoint);
  from.socket = libzmq_connected(context, ZUV_PUSH, endpoint);
  bench_require(pthread_create(&thread, NULL, send_all, &from) == 0,
                "pthread_create");
  receive(&to);
  pthread_join(thread, NULL);
  bench_require(libzmq.close(from.socket) == 0, "zmq_close");
  blocking_end(to.socket, context);
  return rate_of(&to, 1);
}
