/* The draft functions of socket types that zmq_socket() does not make: ENOTSUP,
 * once the handle is known to be a socket. */
#include <errno.h>

#include "blocking/error.h"
#include "blocking/socket.h"
#include "zmq.h"

static int refuse(void *handle) {
  return zmq__socket_of(handle) == NULL ? -1 : zmq__fail_errno(ENOTSUP);
}

int zmq_join(void *socket, const char *group) {
  (void)group;
  return refuse(socket);
}

int zmq_leave(void *socket, const char *group) {
  (void)group;
  return refuse(socket);
}

uint32_t zmq_connect_peer(void *socket, const char *endpoint) {
  (void)endpoint;
  (void)refuse(socket);
  return 0;
}
