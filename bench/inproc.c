/* inproc: zuv between two sockets of one loop, libzmq between two threads. Each
 * message carries its number and a pattern; the receiver compares all of it. */
#include <pthread.h>
#include <string.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

enum { BATCH = 1000, WORDS = 8 };

typedef struct {
  uint64_t words[WORDS];
} body_t;

typedef struct {
  zuv_socket_t push;
  zuv_socket_t pull;
  const bench_work_t *work;
  uint64_t sent;
  uint64_t received;
  void *context;
} both_t;

static void prepare(both_t *both, const bench_work_t *work) {
  memset(both, 0, sizeof(*both));
  both->work = work;
  bench_require(work->size == sizeof(body_t), "a message of this size");
}

static void fill(void *data, uint64_t number) {
  body_t body;

  for (int i = 0; i < WORDS; i++)
    body.words[i] = number;
  memcpy(data, &body, sizeof(body));
}

static void check(both_t *both, const void *data, size_t size) {
  uint64_t difference = 0;
  body_t body;

  bench_require(size == sizeof(body), "the message's size");
  memcpy(&body, data, sizeof(body));
  for (int i = 0; i < WORDS; i++)
    difference |= body.words[i] ^ both->received;
  bench_require(difference == 0, "the message's content");
  both->received++;
}

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  both_t *both = socket->data;

  (void)peer;
  (void)count;
  check(both, zuv_msg_data(&parts[0]), zuv_msg_size(&parts[0]));
  if (both->received == both->work->count)
    zuv_close(socket, NULL);
}

static void on_writable(zuv_socket_t *socket) {
  both_t *both = socket->data;
  zuv_msg_t msg;
  body_t body;

  for (int i = 0; i < BATCH && both->sent < both->work->count; i++) {
    int err;
    fill(&body, both->sent);
    zuv_msg_init_view(&msg, &body, sizeof(body));
    err = zuv_try_send(socket, &msg, 1);
    if (err == UV_EAGAIN)
      return;
    bench_require_ok(err, "zuv_try_send");
    both->sent++;
  }
  if (both->sent == both->work->count)
    zuv_close(socket, NULL);
}

static double run_zuv(const bench_work_t *work, int link) {
  static both_t both;
  uv_loop_t *loop = uv_default_loop();
  uint64_t begin;

  (void)link;
  prepare(&both, work);
  bench_require_ok(zuv_socket_init(NULL, loop, &both.pull, ZUV_PULL),
                   "zuv_socket_init");
  bench_require_ok(zuv_socket_init(NULL, loop, &both.push, ZUV_PUSH),
                   "zuv_socket_init");
  both.pull.data = both.push.data = &both;
  bench_require_ok(zuv_bind(&both.pull, "inproc://bench"), "zuv_bind");
  bench_require_ok(zuv_connect(&both.push, "inproc://bench"), "zuv_connect");
  bench_require_ok(zuv_recv_start(&both.pull, on_message), "zuv_recv_start");
  bench_require_ok(zuv_writable_start(&both.push, on_writable),
                   "zuv_writable_start");
  begin = bench_now();
  uv_run(loop, UV_RUN_DEFAULT);
  bench_require(both.received == work->count, "receiving all messages");
  return (double)work->count * 1e9 / (double)(bench_now() - begin);
}

static void *send_zmq(void *argument) {
  both_t *both = argument;
  void *socket = libzmq_connected(both->context, ZUV_PUSH, "inproc://bench");
  libzmq_msg_t msg;

  for (; both->sent < both->work->count; both->sent++) {
    bench_require(libzmq.msg_init_size(&msg, sizeof(body_t)) == 0,
                  "zmq_msg_init_size");
    fill(libzmq.msg_data(&msg), both->sent);
    bench_require(libzmq.sendmsg(socket, &msg, 0) >= 0, "zmq_sendmsg");
  }
  libzmq.close(socket);
  return NULL;
}

static double run_zmq(const bench_work_t *work, int link) {
  static both_t both;
  void *socket;
  pthread_t thread;
  libzmq_msg_t msg;
  uint64_t begin;
  double value;

  (void)link;
  prepare(&both, work);
  both.context = libzmq.ctx_new();
  socket = libzmq.socket(both.context, ZUV_PULL);
  bench_require(socket != NULL, "zmq_socket");
  bench_require(libzmq.bind(socket, "inproc://bench") == 0, "zmq_bind");
  begin = bench_now();
  bench_require(pthread_create(&thread, NULL, send_zmq, &both) == 0,
                "pthread_create");
  libzmq.msg_init(&msg);
  while (both.received < work->count) {
    bench_require(libzmq.recvmsg(socket, &msg, 0) >= 0, "zmq_recvmsg");
    check(&both, libzmq.msg_data(&msg), libzmq.msg_size(&msg));
  }
  value = (double)work->count * 1e9 / (double)(bench_now() - begin);
  pthread_join(thread, NULL);
  libzmq.msg_close(&msg);
  libzmq.close(socket);
  libzmq.ctx_term(both.context);
  return value;
}

double bench_inproc_zuv(const bench_work_t *work) {
  return bench_run_roles(work, run_zuv, NULL);
}

double bench_inproc_zmq(const bench_work_t *work) {
  return bench_run_roles(work, run_zmq, NULL);
}
