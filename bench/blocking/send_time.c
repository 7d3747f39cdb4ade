/* How long a zmq_send takes while another thread's socket of the same context
 * has much to read. The traffic comes from another process: bare connections
 * that send small messages at a steady rate, and one that reads what is sent.
 *
 * The link: the measuring process says the endpoints of its PULL and its PUSH;
 * the other one says 1 when all are connected, and hears 1 to end. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../libzmq.h"
#include "blocking.h"
#include "zuv.h"

enum {
  SEND_INTERVAL_NS = 100000,
  SECOND_NS = 1000000000,
  CHECKED_PART = 2, /* so much of the traffic has to arrive at least */
  BURST_MAX = 100,
  FRAME_MAX = 2 + 255
};

/* ---- the process that is measured ------------------------------------------
 */

typedef struct {
  void *socket;
  uint64_t count;
} taker_t;

/* Receives until the context ends. */
static void *take_all(void *argument) {
  taker_t *taker = argument;
  char body[FRAME_MAX];

  while (libzmq.recv(taker->socket, body, sizeof(body), 0) >= 0)
    taker->count++;
  if (libzmq.last_error() != ZMQ_ETERM_ERROR)
    bench_fail("zmq_recv", strerror(libzmq.last_error()));
  bench_require(libzmq.close(taker->socket) == 0, "zmq_close");
  return NULL;
}

/* Answers how long zmq_send took. */
static uint64_t timed_send(void *socket, const char *body, size_t size) {
  uint64_t begin = bench_now();

  bench_require(libzmq.send(socket, body, size, 0) == (int)size, "zmq_send");
  return bench_now() - begin;
}

static void wait_until(uint64_t when) {
  struct timespec time = {.tv_sec = (time_t)(when / SECOND_NS),
                          .tv_nsec = (long)(when % SECOND_NS)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static int by_time(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Fills `times`, and answers how long all of it took. */
static uint64_t send_all(void *socket, const bench_work_t *work,
                         uint64_t *times) {
  uint64_t warm_up = blocking_warm_up(work);
  uint64_t first = bench_now(), next = first;
  char body[FRAME_MAX];

  memset(body, 'x', sizeof(body));
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    uint64_t time = timed_send(socket, body, work->size);
    if (i >= warm_up)
      times[i - warm_up] = time;
    next += SEND_INTERVAL_NS;
    if (next < bench_now())
      next = bench_now(); /* no burst after a pause */
    wait_until(next);
  }
  return bench_now() - first;
}

/* The times of all sends, the shortest first. */
static uint64_t *sorted_times(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  uint64_t *times = calloc(work->count, sizeof(*times));
  void *context = blocking_context();
  taker_t taker = {0};
  double seconds;
  pthread_t thread;
  void *push;
  char ready;

  bench_require(times != NULL && work->size < FRAME_MAX, "memory");
  taker.socket = blocking_bound(context, ZUV_PULL, work, endpoint);
  bench_say(link, endpoint, sizeof(endpoint));
  push = blocking_bound(context, ZUV_PUSH, work, endpoint);
  bench_say(link, endpoint, sizeof(endpoint));
  bench_require(pthread_create(&thread, NULL, take_all, &taker) == 0,
                "pthread_create");
  bench_hear(link, &ready, 1);
  seconds = (double)send_all(push, work, times) / 1e9;
  bench_say(link, "\1", 1);
  blocking_end(push, context);
  pthread_join(thread, NULL);
  bench_require((double)taker.count > seconds * work->rate / CHECKED_PART,
                "receiving the traffic");
  qsort(times, work->count, sizeof(*times), by_time);
  return times;
}

double blocking_send_tail(const bench_work_t *work, int link) {
  uint64_t *times = sorted_times(work, link);
  double value = (double)times[work->count - 1 - work->count / 1000] / 1e9;

  free(times);
  return value;
}

double blocking_send_max(const bench_work_t *work, int link) {
  uint64_t *times = sorted_times(work, link);
  double value = (double)times[work->count - 1] / 1e9;

  free(times);
  return value;
}

/* ---- the traffic -----------------------------------------------------------
 */

typedef struct {
  int *peers;
  int count;
  int next;
  int reader;
  size_t frame_size;
  uint8_t frame[FRAME_MAX];
} traffic_t;

static void drain(int fd) {
  static char bytes[64 * 1024];

  while (read(fd, bytes, sizeof(bytes)) > 0)
    ;
}

static void send_next(traffic_t *traffic) {
  bench_write_all(traffic->peers[traffic->next], traffic->frame,
                  traffic->frame_size);
  traffic->next = (traffic->next + 1) % traffic->count;
}

/* Goes on until the other process says that it is done. */
static void run_traffic(traffic_t *traffic, const bench_work_t *work,
                        int link) {
  struct pollfd item = {.fd = link, .events = POLLIN};
  uint64_t begin = bench_now(), sent = 0;

  while (poll(&item, 1, 1) == 0) {
    uint64_t passed = bench_now() - begin;
    uint64_t due = passed * (uint64_t)work->rate / SECOND_NS;
    uint64_t burst = due - sent > BURST_MAX ? BURST_MAX : due - sent;
    for (uint64_t i = 0; i < burst; i++)
      send_next(traffic);
    sent = due;
    drain(traffic->reader);
  }
}

double blocking_traffic(const bench_work_t *work, int link) {
  char pull[BENCH_ENDPOINT_MAX], push[BENCH_ENDPOINT_MAX];
  traffic_t traffic = {.count = work->peers, .frame_size = work->size + 2};

  bench_require(work->size <= 255, "a message of this size");
  traffic.frame[1] = (uint8_t)work->size;
  traffic.peers = calloc((size_t)work->peers, sizeof(*traffic.peers));
  bench_require(traffic.peers != NULL, "calloc");
  bench_hear(link, pull, sizeof(pull));
  bench_hear(link, push, sizeof(push));
  for (int i = 0; i < work->peers; i++)
    traffic.peers[i] = bench_zmtp_connect(bench_port_of(pull), "PUSH", "", 0);
  traffic.reader = bench_zmtp_connect(bench_port_of(push), "PULL", "", 0);
  bench_require(fcntl(traffic.reader, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  bench_say(link, "\1", 1);
  run_traffic(&traffic, work, link);
  free(traffic.peers);
  return 0;
}
