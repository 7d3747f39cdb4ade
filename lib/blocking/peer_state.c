/* zmq_socket_get_peer_state(): fails with ENOTSOCK, ETERM, ENOTSUP,
 * EHOSTUNREACH and EFAULT. */
#include <errno.h>

#include "blocking/error.h"
#include "blocking/socket.h"
#include "routing/peer_ids.h"
#include "zmq.h"

/* With the lock. Unlike a send, whatever ROUTER_MANDATORY says. */
static int check_peer(const zmq__socket_t *socket, const zuv_msg_t *id) {
  return zuv__peer_ids_check(zuv__state(socket->core, zuv__peer_ids_t), id);
}

int zmq_socket_get_peer_state(void *handle, const void *routing_id,
                              size_t size) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zuv_msg_t id;
  int err;

  if (socket == NULL)
    return -1;
  if (socket->type != ZMQ_ROUTER)
    return zmq__fail_errno(ENOTSUP);
  if (routing_id == NULL && size > 0)
    return zmq__fail_errno(EFAULT);
  zuv__msg_init_view(&id, routing_id, size, NULL);
  zmq__loop_enter(socket->loop);
  err = check_peer(socket, &id);
  if (err != 0) {
    zmq__loop_look(socket->loop);
    err = check_peer(socket, &id);
  }
  zmq__loop_leave(socket->loop);
  if (err == UV_EAGAIN)
    return 0;
  return err == 0 ? ZMQ_POLLOUT : zmq__fail(err);
}
