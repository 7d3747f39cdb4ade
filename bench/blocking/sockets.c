#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../libzmq.h"
#include "../security/keys.h"
#include "blocking.h"
#include "zuv.h"

void *blocking_context(void) {
  void *context = libzmq.ctx_new();

  bench_require(context != NULL, "zmq_ctx_new");
  return context;
}

static void set_int(void *socket, int option, int value) {
  bench_require(libzmq.setsockopt(socket, option, &value, sizeof(value)) == 0,
                "zmq_setsockopt");
}

static void set_key(void *socket, int option, const uint8_t *key) {
  bench_require(libzmq.setsockopt(socket, option, key, KEY_SIZE) == 0,
                "zmq_setsockopt of a key");
}

static bool uses_curve(const bench_work_t *work) {
  return strcmp(work->roles->mechanism, "CURVE") == 0;
}

static void *new_socket(void *context, int type) {
  void *socket = libzmq.socket(context, type);

  bench_require(socket != NULL, "zmq_socket");
  return socket;
}

void *blocking_bound(void *context, int type, const bench_work_t *work,
                     char *endpoint) {
  const char *transport = work->roles->transport;
  char address[BENCH_ENDPOINT_MAX] = "tcp://127.0.0.1:*";
  void *socket = new_socket(context, type);

  if (strcmp(transport, "ipc") == 0)
    snprintf(address, sizeof(address), "ipc://@zuv-bench-%d", (int)getpid());
  else if (strcmp(transport, "inproc") == 0)
    snprintf(address, sizeof(address), "inproc://bench");
  if (uses_curve(work)) {
    set_int(socket, ZUV_CURVE_SERVER, 1);
    set_key(socket, ZUV_CURVE_SECRETKEY, keys_of_server()->secret_key);
  }
  if (work->handshake != 0)
    set_int(socket, ZUV_HANDSHAKE_IVL, work->handshake);
  libzmq_bind(socket, address, endpoint, BENCH_ENDPOINT_MAX);
  return socket;
}

void *blocking_connected(void *context, int type, const bench_work_t *work,
                         const char *endpoint) {
  void *socket = new_socket(context, type);

  if (uses_curve(work)) {
    set_key(socket, ZUV_CURVE_SERVERKEY, keys_of_server()->public_key);
    set_key(socket, ZUV_CURVE_PUBLICKEY, keys_of_client()->public_key);
    set_key(socket, ZUV_CURVE_SECRETKEY, keys_of_client()->secret_key);
  }
  bench_require(libzmq.connect(socket, endpoint) == 0, "zmq_connect");
  return socket;
}

void blocking_end(void *socket, void *context) {
  bench_require(libzmq.close(socket) == 0, "zmq_close");
  bench_require(libzmq.ctx_term(context) == 0, "zmq_ctx_term");
}
