/* REQ to REP and back with libzmq's blocking calls. */
#include <string.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

static double answer(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = libzmq.ctx_new();
  void *socket = libzmq_bound(context, ZUV_REP, endpoint, sizeof(endpoint));
  libzmq_msg_t msg;

  bench_say(link, endpoint, sizeof(endpoint));
  libzmq.msg_init(&msg);
  for (uint64_t i = 0; i < work->count; i++) {
    bench_require(libzmq.recvmsg(socket, &msg, 0) >= 0, "zmq_recvmsg");
    bench_require(libzmq.sendmsg(socket, &msg, 0) >= 0, "zmq_sendmsg");
  }
  libzmq.close(socket);
  libzmq.ctx_term(context);
  return 0;
}

static double measure(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = libzmq.ctx_new();
  uint64_t begin;
  libzmq_msg_t msg;
  void *socket;
  double value;

  bench_hear(link, endpoint, sizeof(endpoint));
  socket = libzmq_connected(context, ZUV_REQ, endpoint);
  begin = bench_now();
  libzmq.msg_init_size(&msg, work->size);
  memset(libzmq.msg_data(&msg), 'x', work->size);
  for (uint64_t i = 0; i < work->count; i++) {
    bench_require(libzmq.sendmsg(socket, &msg, 0) >= 0, "zmq_sendmsg");
    bench_require(libzmq.recvmsg(socket, &msg, 0) >= 0, "zmq_recvmsg");
    bench_require(libzmq.msg_size(&msg) == work->size, "the reply's size");
  }
  value = (double)(bench_now() - begin) / 1e9 / (double)work->count;
  libzmq.msg_close(&msg);
  libzmq.close(socket);
  libzmq.ctx_term(context);
  return value;
}

double bench_round_trip_zmq(const bench_work_t *work) {
  return bench_run_roles(work, measure, answer);
}
