#include "libzmq.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "zuv.h"

libzmq_t libzmq;
static char loaded_file[512];

static bool find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);

  if (address == NULL)
    fprintf(stderr, "bench: libzmq has no %s\n", name);
  memcpy(function, &address, sizeof(address));
  return address != NULL;
}

bool libzmq_load(const char *name) {
  void *library;
  Dl_info info;
  bool ok = true;

  library = dlopen(name != NULL ? name : "libzmq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "bench: %s\n", dlerror());
    return false;
  }
  ok &= find(library, "zmq_version", &libzmq.version);
  ok &= find(library, "zmq_ctx_new", &libzmq.ctx_new);
  ok &= find(library, "zmq_ctx_term", &libzmq.ctx_term);
  ok &= find(library, "zmq_socket", &libzmq.socket);
  ok &= find(library, "zmq_close", &libzmq.close);
  ok &= find(library, "zmq_bind", &libzmq.bind);
  ok &= find(library, "zmq_connect", &libzmq.connect);
  ok &= find(library, "zmq_setsockopt", &libzmq.setsockopt);
  ok &= find(library, "zmq_getsockopt", &libzmq.getsockopt);
  ok &= find(library, "zmq_msg_init", &libzmq.msg_init);
  ok &= find(library, "zmq_msg_init_size", &libzmq.msg_init_size);
  ok &= find(library, "zmq_msg_close", &libzmq.msg_close);
  ok &= find(library, "zmq_msg_data", &libzmq.msg_data);
  ok &= find(library, "zmq_msg_size", &libzmq.msg_size);
  ok &= find(library, "zmq_sendmsg", &libzmq.sendmsg);
  ok &= find(library, "zmq_recvmsg", &libzmq.recvmsg);
  ok &= find(library, "zmq_msg_send", &libzmq.msg_send);
  ok &= find(library, "zmq_msg_recv", &libzmq.msg_recv);
  ok &= find(library, "zmq_send", &libzmq.send);
  ok &= find(library, "zmq_recv", &libzmq.recv);
  ok &= find(library, "zmq_poll", &libzmq.poll);
  ok &= find(library, "zmq_errno", &libzmq.last_error);
  if (ok && dladdr(dlsym(library, "zmq_version"), &info) != 0)
    snprintf(loaded_file, sizeof(loaded_file), "%s", info.dli_fname);
  return ok;
}

const char *libzmq_file(void) {
  return loaded_file;
}

void libzmq_bind(void *socket, const char *address, char *endpoint,
                 size_t size) {
  bench_require(libzmq.bind(socket, address) == 0, "zmq_bind");
  memset(endpoint, 0, size);
  bench_require(libzmq.getsockopt(socket, ZUV_LAST_ENDPOINT, endpoint, &size) ==
                    0,
                "zmq_getsockopt");
}

void *libzmq_bound(void *context, int type, char *endpoint, size_t size) {
  void *socket = libzmq.socket(context, type);

  bench_require(socket != NULL, "zmq_socket");
  libzmq_bind(socket, "tcp://127.0.0.1:*", endpoint, size);
  return socket;
}

void *libzmq_connected(void *context, int type, const char *endpoint) {
  void *socket = libzmq.socket(context, type);

  bench_require(socket != NULL, "zmq_socket");
  bench_require(libzmq.connect(socket, endpoint) == 0, "zmq_connect");
  return socket;
}
