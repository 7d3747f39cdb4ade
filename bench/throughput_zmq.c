/* PUSH to PULL with libzmq's blocking calls, as its own throughput test does.
 */
#include <string.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

static double receive(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = libzmq.ctx_new();
  void *socket = libzmq_bound(context, ZUV_PULL, endpoint, sizeof(endpoint));
  uint64_t begin = 0;
  libzmq_msg_t msg;
  double value;

  bench_say(link, endpoint, sizeof(endpoint));
  libzmq.msg_init(&msg);
  for (uint64_t i = 0; i < work->count; i++) {
    bench_require(libzmq.recvmsg(socket, &msg, 0) >= 0, "zmq_recvmsg");
    bench_require(libzmq.msg_size(&msg) == work->size, "the message's size");
    if (i == 0)
      begin = bench_now();
  }
  value = (double)(work->count - 1) * 1e9 / (double)(bench_now() - begin);
  libzmq.msg_close(&msg);
  libzmq.close(socket);
  libzmq.ctx_term(context);
  return value;
}

static double send_all(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = libzmq.ctx_new();
  libzmq_msg_t msg;
  void *socket;

  bench_hear(link, endpoint, sizeof(endpoint));
  socket = libzmq_connected(context, ZUV_PUSH, endpoint);
  for (uint64_t i = 0; i < work->count; i++) {
    bench_require(libzmq.msg_init_size(&msg, work->size) == 0,
                  "zmq_msg_init_size");
    bench_require(libzmq.sendmsg(socket, &msg, 0) >= 0, "zmq_sendmsg");
  }
  libzmq.close(socket);
  libzmq.ctx_term(context);
  return 0;
}

double bench_throughput_zmq(const bench_work_t *work) {
  return bench_run_roles(work, receive, send_all);
}
