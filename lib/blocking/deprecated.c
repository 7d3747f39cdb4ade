/* Messages as vectors, of older versions of zmq.h. They fail as zmq_send() and
 * zmq_recv() do, and with EINVAL without a vector. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "blocking/error.h"
#include "blocking/socket.h"
#include "zmq.h"

int zmq_sendiov(void *socket, struct iovec *parts, size_t count, int flags) {
  int size = 0;

  if (zmq__socket_of(socket) == NULL)
    return -1;
  if (parts == NULL || count == 0)
    return zmq__fail_errno(EINVAL);
  for (size_t i = 0; i < count && size >= 0; i++) {
    if (i == count - 1)
      flags &= ~ZMQ_SNDMORE;
    size = zmq_send(socket, parts[i].iov_base, parts[i].iov_len, flags);
  }
  return size;
}

/* The program frees it with free(), whatever allocator the library has. */
static int copy_out(zmq_msg_t *msg, struct iovec *part) {
  size_t size = zmq_msg_size(msg);

  part->iov_base = malloc(size == 0 ? 1 : size);
  if (part->iov_base == NULL)
    return zmq__fail_errno(ENOMEM);
  memcpy(part->iov_base, zmq_msg_data(msg), size);
  part->iov_len = size;
  return 0;
}

int zmq_recviov(void *socket, struct iovec *parts, size_t *count, int flags) {
  size_t room;
  zmq_msg_t msg;
  bool more = true;
  int rc = 0;
  int err;

  if (zmq__socket_of(socket) == NULL)
    return -1;
  if (count == NULL || *count == 0 || parts == NULL)
    return zmq__fail_errno(EINVAL);
  room = *count;
  *count = 0;
  zmq_msg_init(&msg);
  while (more && *count < room && rc >= 0) {
    rc = zmq_msg_recv(&msg, socket, flags);
    if (rc >= 0)
      rc = copy_out(&msg, &parts[*count]);
    if (rc >= 0)
      ++*count;
    more = zmq_msg_more(&msg) != 0;
  }
  err = errno;
  zmq_msg_close(&msg);
  errno = err;
  return rc < 0 ? -1 : (int)*count;
}
