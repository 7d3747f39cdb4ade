/* A ROUTER that sends back what it gets, and many DEALER sockets in another
 * process that have one request each on its way and are polled together.
 *
 * The link: the ROUTER says its endpoint. */
#include <stdlib.h>
#include <string.h>

#include "../libzmq.h"
#include "blocking.h"
#include "zuv.h"

static uint64_t requests_of(const bench_work_t *work) {
  return blocking_warm_up(work) + work->count;
}

static void echo(void *socket) {
  libzmq_msg_t id, body;

  libzmq.msg_init(&id);
  libzmq.msg_init(&body);
  bench_require(libzmq.msg_recv(&id, socket, 0) > 0, "zmq_msg_recv");
  bench_require(libzmq.msg_recv(&body, socket, 0) >= 0, "zmq_msg_recv");
  bench_require(libzmq.msg_send(&id, socket, ZMQ_SNDMORE_FLAG) >= 0,
                "zmq_msg_send");
  bench_require(libzmq.msg_send(&body, socket, 0) >= 0, "zmq_msg_send");
}

double blocking_router(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  void *socket = blocking_bound(context, ZUV_ROUTER, work, endpoint);
  uint64_t requests = requests_of(work);

  bench_say(link, endpoint, sizeof(endpoint));
  for (uint64_t i = 0; i < requests; i++)
    echo(socket);
  blocking_end(socket, context);
  return 0;
}

typedef struct {
  const bench_work_t *work;
  libzmq_item_t *items;
  char body[BENCH_SMALL_MAX];
  uint64_t asked;
  uint64_t answered;
} dealers_t;

static void ask(dealers_t *dealers, void *socket) {
  size_t size = dealers->work->size;

  bench_require(libzmq.send(socket, dealers->body, size, 0) == (int)size,
                "zmq_send");
  dealers->asked++;
}

static void take_answer(dealers_t *dealers, void *socket) {
  char body[BENCH_SMALL_MAX];

  bench_require(libzmq.recv(socket, body, sizeof(body), 0) ==
                    (int)dealers->work->size,
                "zmq_recv");
  dealers->answered++;
  if (dealers->asked < requests_of(dealers->work))
    ask(dealers, socket);
}

static void take_answers(dealers_t *dealers) {
  int peers = dealers->work->peers;

  bench_require(libzmq.poll(dealers->items, peers, -1) > 0, "zmq_poll");
  for (int i = 0; i < peers; i++) {
    if (dealers->items[i].revents & ZMQ_POLLIN_EVENT)
      take_answer(dealers, dealers->items[i].socket);
  }
}

static double ask_all(dealers_t *dealers) {
  uint64_t total = requests_of(dealers->work);
  uint64_t begin, before;

  for (int i = 0; i < dealers->work->peers; i++)
    ask(dealers, dealers->items[i].socket);
  while (dealers->answered < blocking_warm_up(dealers->work))
    take_answers(dealers);
  begin = bench_now();
  before = dealers->answered;
  while (dealers->answered < total)
    take_answers(dealers);
  return (double)(total - before) * 1e9 / (double)(bench_now() - begin);
}

double blocking_dealers(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  dealers_t dealers = {.work = work};
  double value;

  bench_require(work->size <= BENCH_SMALL_MAX, "room for the message");
  bench_require(requests_of(work) > (uint64_t)work->peers, "the count");
  dealers.items = calloc((size_t)work->peers, sizeof(*dealers.items));
  bench_require(dealers.items != NULL, "calloc");
  memset(dealers.body, 'x', sizeof(dealers.body));
  bench_hear(link, endpoint, sizeof(endpoint));
  for (int i = 0; i < work->peers; i++) {
    dealers.items[i].socket = libzmq_connected(context, ZUV_DEALER, endpoint);
    dealers.items[i].events = ZMQ_POLLIN_EVENT;
  }
  value = ask_all(&dealers);
  for (int i = 1; i < work->peers; i++)
    bench_require(libzmq.close(dealers.items[i].socket) == 0, "zmq_close");
  blocking_end(dealers.items[0].socket, context);
  free(dealers.items);
  return value;
}
