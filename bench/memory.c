/* What a connected tcp peer costs a ROUTER that is idle, after one message each
 * way. The peers are bare sockets in another process. A first peer pays for
 * what is needed once; the others are the difference to then.
 *
 * The link: the clients say 'b' when the first peer, and 'm' when all peers
 * have had their answer, and hear 1 when the server has taken its measure. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

enum { SPARE_FILES = 64 };

static const uint8_t hello[] = {0, 2, 'h', 'i'};

typedef struct {
  bool resident; /* else the heap */
  bool finished;
  double base;
  double value;
} meter_t;

static double heap_now(void) {
  struct mallinfo2 info = mallinfo2();
  return (double)(info.uordblks + info.hblkhd);
}

static double resident_now(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long size, resident = 0;

  bench_require(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2,
                "reading /proc/self/statm");
  fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* Serves one request of the clients. */
static void take_measure(meter_t *meter, const bench_work_t *work, int link) {
  double now;
  char what;

  bench_hear(link, &what, 1);
  now = meter->resident ? resident_now() : heap_now();
  if (what == 'b') {
    meter->base = now;
  } else {
    meter->value = (now - meter->base) / (double)work->peers;
    meter->finished = true;
  }
  bench_say(link, "\1", 1);
}

static double run_clients(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  char answer;

  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  bench_hear(link, endpoint, sizeof(endpoint));
  for (int i = 0; i <= work->peers; i++) {
    uint8_t echo[sizeof(hello)];
    int fd = bench_zmtp_connect(bench_port_of(endpoint), "DEALER", hello,
                                sizeof(hello));
    bench_read_all(fd, echo, sizeof(echo));
    if (i != 0 && i != work->peers)
      continue;
    bench_say(link, i == 0 ? "b" : "m", 1);
    bench_hear(link, &answer, 1);
  }
  return 0;
}

/* ---- zuv ------------------------------------------------------------------
 */

typedef struct {
  zuv_socket_t socket;
  uv_poll_t poll;
  const bench_work_t *work;
  meter_t *meter;
  int link;
} server_t;

static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  (void)peer;
  bench_require_ok(zuv_try_send(socket, parts, count), "zuv_try_send");
}

static void on_link(uv_poll_t *poll, int status, int events) {
  server_t *server = poll->data;

  (void)events;
  bench_require_ok(status, "uv_poll");
  take_measure(server->meter, server->work, server->link);
  if (server->meter->finished)
    uv_stop(poll->loop);
}

static double serve_zuv(const bench_work_t *work, int link, bool resident) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  size_t size = sizeof(endpoint);
  meter_t meter = {.resident = resident};
  server_t server = {.work = work, .meter = &meter, .link = link};
  uv_loop_t *loop = uv_default_loop();

  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  bench_require_ok(zuv_socket_init(NULL, loop, &server.socket, ZUV_ROUTER),
                   "zuv_socket_init");
  bench_require_ok(zuv_bind(&server.socket, "tcp://127.0.0.1:*"), "zuv_bind");
  bench_require_ok(
      zuv_get_option(&server.socket, ZUV_LAST_ENDPOINT, endpoint, &size),
      "zuv_get_option");
  bench_require_ok(zuv_recv_start(&server.socket, echo), "zuv_recv_start");
  bench_require_ok(uv_poll_init(loop, &server.poll, link), "uv_poll_init");
  server.poll.data = &server;
  bench_require_ok(uv_poll_start(&server.poll, UV_READABLE, on_link),
                   "uv_poll_start");
  bench_say(link, endpoint, sizeof(endpoint));
  uv_run(loop, UV_RUN_DEFAULT);
  return meter.value;
}

/* ---- libzmq ---------------------------------------------------------------
 */

static void echo_zmq(void *socket) {
  libzmq_msg_t id, body;

  libzmq.msg_init(&id);
  libzmq.msg_init(&body);
  bench_require(libzmq.recvmsg(socket, &id, 0) >= 0, "zmq_recvmsg");
  bench_require(libzmq.recvmsg(socket, &body, 0) >= 0, "zmq_recvmsg");
  bench_require(libzmq.sendmsg(socket, &id, ZMQ_SNDMORE_FLAG) >= 0,
                "zmq_sendmsg");
  bench_require(libzmq.sendmsg(socket, &body, 0) >= 0, "zmq_sendmsg");
}

static double serve_zmq(const bench_work_t *work, int link, bool resident) {
  char endpoint[BENCH_ENDPOINT_MAX];
  meter_t meter = {.resident = resident};
  void *context, *socket;

  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  context = libzmq.ctx_new();
  socket = libzmq_bound(context, ZUV_ROUTER, endpoint, sizeof(endpoint));
  bench_say(link, endpoint, sizeof(endpoint));
  echo_zmq(socket);
  take_measure(&meter, work, link);
  for (int i = 0; i < work->peers; i++)
    echo_zmq(socket);
  take_measure(&meter, work, link);
  return meter.value;
}

static double heap_zuv(const bench_work_t *work, int link) {
  return serve_zuv(work, link, false);
}

static double heap_zmq(const bench_work_t *work, int link) {
  return serve_zmq(work, link, false);
}

static double resident_zuv(const bench_work_t *work, int link) {
  return serve_zuv(work, link, true);
}

static double resident_zmq(const bench_work_t *work, int link) {
  return serve_zmq(work, link, true);
}

double bench_heap_zuv(const bench_work_t *work) {
  return bench_run_roles(work, heap_zuv, run_clients);
}

double bench_heap_zmq(const bench_work_t *work) {
  return bench_run_roles(work, heap_zmq, run_clients);
}

double bench_resident_zuv(const bench_work_t *work) {
  return bench_run_roles(work, resident_zuv, run_clients);
}

double bench_resident_zmq(const bench_work_t *work) {
  return bench_run_roles(work, resident_zmq, run_clients);
}
