/* zmq_setsockopt(), zmq_getsockopt(): the core's options, and those that only a
 * socket has that is asked instead of calling back. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "blocking/error.h"
#include "blocking/socket.h"

/* ---- ZMQ_AFFINITY ---- */

static int set_affinity(zmq__socket_t *socket, const void *value, size_t size) {
  uint64_t mask;

  if (size != sizeof(mask))
    return UV_EINVAL;
  memcpy(&mask, value, size);
  return zmq__socket_set_affinity(socket, mask);
}

static int get_affinity(const zmq__socket_t *socket, void *value,
                        const size_t *size) {
  if (*size != sizeof(socket->affinity))
    return UV_EINVAL;
  memcpy(value, &socket->affinity, *size);
  return 0;
}

/* ---- zmq_setsockopt ---- */

/* libzmq answers EINVAL, whatever the arguments, for what it was built without.
 * What only zuv has is no option of libzmq. */
static bool is_missing(int option) {
  const zuv__option_t *row = zuv__option_find(option);
  return row == NULL || row->handling == ZUV__OPTION_UNSUPPORTED ||
         option >= ZUV__OPTION_OWN;
}

static int set(zmq__socket_t *socket, int option, const void *value,
               size_t size) {
  int err;

  zmq__loop_enter(socket->loop);
  err = zuv_set_option(&socket->native->zuv, option, value, size);
  if (err == 0 && option == ZMQ_XPUB_WELCOME_MSG)
    socket->has_welcome = true;
  zmq__loop_leave(socket->loop);
  return err;
}

int zmq_setsockopt(void *handle, int option, const void *value, size_t size) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  int err;

  if (socket == NULL)
    return -1;
  if (is_missing(option))
    return zmq__fail_errno(EINVAL);
  if (value == NULL && size > 0)
    return zmq__fail_errno(EFAULT);
  err = option == ZMQ_AFFINITY ? set_affinity(socket, value, size)
                               : set(socket, option, value, size);
  return err == 0 ? 0 : zmq__fail(err);
}

/* ---- ZMQ_EVENTS ---- */

/* Messages that the pattern may drop are taken, to know. */
static bool is_readable(zmq__socket_t *socket) {
  zuv__socket_t *core = socket->core;

  if (socket->incoming.count > 0)
    return true;
  if (!core->pattern->can_receive)
    return false;
  if (core->pattern->receive != NULL)
    return zmq__receive_prefetch(socket);
  return socket->inbox.queue.count > 0 || zuv__socket_has_message(core);
}

static bool is_writable(zmq__socket_t *socket) {
  zuv__socket_t *core = socket->core;

  if (!core->pattern->can_send)
    return false;
  /* A request or a reply that is kept ready is not read yet. */
  if (socket->incoming.count > 0 &&
      (socket->type == ZMQ_REQ || socket->type == ZMQ_REP))
    return false;
  return core->pattern->writable_now(core);
}

int zmq__socket_events(zmq__socket_t *socket, int wanted) {
  int events = 0;

  if ((wanted & ZMQ_POLLIN) != 0 &&
      (is_readable(socket) ||
       (zmq__loop_work(socket->loop) && is_readable(socket))))
    events |= ZMQ_POLLIN;
  if ((wanted & ZMQ_POLLOUT) != 0 && is_writable(socket))
    events |= ZMQ_POLLOUT;
  return events;
}

static int get_events(zmq__socket_t *socket) {
  int events;

  zmq__loop_look(socket->loop);
  zmq__socket_observed(socket);
  events = zmq__socket_events(socket, ZMQ_POLLIN | ZMQ_POLLOUT);
  return events;
}

/* ---- ZMQ_FD ---- */

/* From now on the loop must be driven while the program waits elsewhere. What
 * happened before counts as an edge. */
static int get_fd(zmq__socket_t *socket, int *fd) {
  if (socket->events_fd < 0) {
    socket->events_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (socket->events_fd < 0)
      return uv_translate_sys_error(errno);
    socket->edge = true;
    zmq__socket_watch(socket, socket->waiter);
  }
  *fd = socket->events_fd;
  return 0;
}

/* ---- zmq_getsockopt ---- */

/* True: it is one of ours, and *number the answer, if *err is 0. */
static bool get_own(zmq__socket_t *socket, int option, int *number, int *err) {
  *err = 0;
  switch (option) {
    case ZMQ_EVENTS:
      *number = get_events(socket);
      return true;
    case ZMQ_FD:
      *err = get_fd(socket, number);
      return true;
    case ZMQ_RCVMORE:
      *number = socket->more;
      return true;
    default:
      return false;
  }
}

static int answer(int number, void *value, size_t *size) {
  static const zuv__option_t row = {.type = ZUV__OPTION_INT,
                                    .access =
                                        ZUV__OPTION_GET | ZUV__OPTION_GET_WIDE};
  return zuv__option_answer_int(&row, number, value, size);
}

int zmq_getsockopt(void *handle, int option, void *value, size_t *size) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  int number = 0;
  int err;

  if (socket == NULL)
    return -1;
  if (is_missing(option))
    return zmq__fail_errno(EINVAL);
  if (value == NULL || size == NULL)
    return zmq__fail_errno(EFAULT);
  if (option == ZMQ_EVENTS)
    zmq__context_fetch(socket->context);
  zmq__loop_enter(socket->loop);
  if (option == ZMQ_AFFINITY)
    err = get_affinity(socket, value, size);
  else if (!get_own(socket, option, &number, &err))
    err = zuv_get_option(&socket->native->zuv, option, value, size);
  else if (err == 0)
    err = answer(number, value, size);
  zmq__loop_leave(socket->loop);
  return err == 0 ? 0 : zmq__fail(err);
}
