/* Sending. The core takes whole messages: the parts of one gather in
 * socket->outgoing until the last is there. Whether there is room is asked
 * before the first is kept, since only that may fail for want of it. */
#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/futex.h"
#include "blocking/message.h"
#include "blocking/socket.h"

/* With the lock: what is to be done, now or not at all. */
typedef int (*attempt_t)(zmq__socket_t *socket, zuv_msg_t *parts, size_t count);

static inline int send_now(zmq__socket_t *socket, zuv_msg_t *parts,
                           size_t count) {
  socket->core->sent_to = NULL;
  return socket->core->pattern->send(socket->core, parts, count);
}

static int check_now(zmq__socket_t *socket, zuv_msg_t *parts, size_t count) {
  (void)count;
  return zuv__socket_check_first(socket->core, parts);
}

/* With the lock. */
ZUV__COLD static int wait_for_room(zmq__socket_t *socket, attempt_t attempt,
                                   zuv_msg_t *parts, size_t count,
                                   int timeout) {
  zmq__loop_t *loop = socket->loop;
  bool io = socket->io;
  zmq__wait_t wait = {.deadline = zmq__deadline_in(timeout),
                      .habit = &socket->habit};
  zmq__waiter_t waiter;
  int waited = 0;
  int err;

  zmq__waiter_init(&waiter);
  zmq__socket_watch(socket, &waiter);
  zmq__loop_begin_wait(loop, io);
  for (;;) {
    if (!zmq__context_is_running(socket->context)) {
      err = ZMQ__ETERM;
      break;
    }
    err = attempt(socket, parts, count);
    if (err != UV_EAGAIN)
      break;
    if (waited != 0) {
      err = waited == UV_ETIMEDOUT ? UV_EAGAIN : waited;
      break;
    }
    waited = zmq__loop_wait(loop, &waiter, io, &wait);
  }
  zmq__loop_end_wait(loop, &waiter, io);
  zmq__socket_watch(socket, NULL);
  zmq__waiter_destroy(&waiter);
  return err;
}

/* With the lock: there was no room. */
ZUV__COLD static int try_again(zmq__socket_t *socket, attempt_t attempt,
                               zuv_msg_t *parts, size_t count, int flags) {
  int timeout = socket->core->options.sndtimeo;
  int err;

  zuv__socket_find_room(socket->core);
  err = attempt(socket, parts, count);
  if (err != UV_EAGAIN)
    return err;
  /* Only a message that is not begun yet is waited for. */
  if ((flags & ZMQ_DONTWAIT) == 0 && timeout != 0 &&
      parts != socket->outgoing.parts) {
    err = wait_for_room(socket, attempt, parts, count, timeout);
  } else {
    zmq__loop_look(socket->loop);
    err = attempt(socket, parts, count);
  }
  zmq__loop_see_to_driver(socket->loop);
  if (err == UV_EAGAIN)
    zmq__socket_observed(socket);
  return err;
}

/* ---- Large messages ----
 *
 * A sender that is far ahead of the kernel fills memory up to the high-water
 * mark, and each byte then leaves the processor's cache and comes back. So a
 * thread that may wait at all lets the kernel catch up. If that takes long, and
 * as long as the kernel takes nothing, messages queue as they always do. */

enum {
  LARGE_MIN = 32 * 1024,
  CATCH_UP_NS = 2 * ZMQ__NS_PER_MS,
  FIRST_CATCH_UP_NS = 20 * ZMQ__NS_PER_MS /* while the first peer connects */
};

static bool has_pipe(const zuv__socket_t *core, const zuv__pipe_t *pipe) {
  for (zuv__list_t *node = core->pipes.next; node != &core->pipes;
       node = node->next)
    if (zuv__container_of(node, zuv__pipe_t, in_socket) == pipe)
      return true;
  return false;
}

static bool is_ahead(const zmq__socket_t *socket, const zuv__pipe_t *pipe) {
  return has_pipe(socket->core, pipe) && pipe->out.count > 0;
}

/* With the lock. */
ZUV__COLD static void let_catch_up(zmq__socket_t *socket,
                                   const zuv__pipe_t *pipe) {
  uint64_t limit = pipe->peer == NULL ? FIRST_CATCH_UP_NS : CATCH_UP_NS;
  zmq__wait_t wait = {.deadline = zmq__clock_ns() + limit,
                      .habit = &socket->habit};
  zmq__waiter_t waiter;
  int waited = 0;

  zmq__waiter_init(&waiter);
  zmq__socket_watch(socket, &waiter);
  zmq__loop_begin_wait(socket->loop, true);
  while (waited == 0 && is_ahead(socket, pipe) &&
         zmq__context_is_running(socket->context))
    waited = zmq__loop_wait(socket->loop, &waiter, true, &wait);
  zmq__loop_end_wait(socket->loop, &waiter, true);
  zmq__socket_watch(socket, NULL);
  zmq__waiter_destroy(&waiter);
  socket->stalled_at = ZMQ__NOT_STALLED;
  if (waited == UV_ETIMEDOUT && has_pipe(socket->core, pipe))
    socket->stalled_at = pipe->flushed;
}

/* With the lock. What is too large to gather was written at once, but maybe not
 * all of it. */
ZUV__COLD static void sent_large(zmq__socket_t *socket, int flags) {
  const zuv__pipe_t *pipe = socket->core->sent_to;

  if (uv_backend_timeout(&socket->loop->uv) == 0)
    zmq__loop_see_to_driver(socket->loop);
  /* The pipe may have gone while others had the lock. */
  if (pipe != NULL && (flags & ZMQ_DONTWAIT) == 0 &&
      socket->loop->waiting == 0 && is_ahead(socket, pipe) &&
      socket->stalled_at != pipe->flushed)
    let_catch_up(socket, pipe);
}

static size_t size_of(zuv_msg_t *parts, size_t count) {
  size_t size = 0;

  for (size_t i = 0; i < count; i++)
    size += zuv__msg_size(&parts[i]);
  return size;
}

/* ---- Messages ---- */

static inline int send_message(zmq__socket_t *socket, zuv_msg_t *parts,
                               size_t count, int flags) {
  size_t size = size_of(parts, count);
  int err;

  zmq__loop_enter(socket->loop);
  /* A publisher should know of the subscriptions that have come. */
  if (socket->core->pattern->subscription != NULL)
    zmq__loop_catch_up(socket->loop);
  err = send_now(socket, parts, count);
  if (err == UV_EAGAIN)
    err = try_again(socket, send_now, parts, count, flags);
  zmq__loop_sent(socket->loop);
  if (size >= LARGE_MIN && err == 0)
    sent_large(socket, flags);
  zmq__loop_handed_over(socket->loop);
  zmq__loop_leave_quickly(socket->loop);
  return err;
}

static int check_first(zmq__socket_t *socket, zuv_msg_t *part, int flags) {
  int err;

  zmq__loop_enter(socket->loop);
  err = check_now(socket, part, 1);
  if (err == UV_EAGAIN)
    err = try_again(socket, check_now, part, 1, flags);
  zmq__loop_leave_quickly(socket->loop);
  return err;
}

/* Room was promised with the first part, but the peer has left since: then the
 * message is lost, as those are that were on their way. After any other error
 * the last part is the caller's again, who may send it once more. */
static int send_gathered(zmq__socket_t *socket, zuv_msg_t *last, int flags) {
  zmq__parts_t *outgoing = &socket->outgoing;
  int err = send_message(socket, outgoing->parts, outgoing->count, flags);

  if (err == 0 || err == UV_EAGAIN || err == UV_EHOSTUNREACH) {
    zmq__parts_clear(outgoing);
    return 0;
  }
  zuv__msg_take(last, &outgoing->parts[--outgoing->count]);
  return err;
}

ZUV__COLD static int gather(zmq__socket_t *socket, zuv_msg_t *part, bool more,
                            int flags) {
  zmq__parts_t *outgoing = &socket->outgoing;
  int err = 0;

  if (outgoing->count == 0)
    err = check_first(socket, part, flags);
  if (err == 0)
    err = zuv__msg_make_lasting(part);
  if (err == 0)
    err = zmq__parts_reserve(outgoing, 1);
  if (err != 0)
    return err;
  zuv__msg_take(&outgoing->parts[outgoing->count++], part);
  return more ? 0 : send_gathered(socket, part, flags);
}

/* A message is being read: REQ and REP cannot send before its end. */
static int check_reading(zmq__socket_t *socket) {
  if (socket->type == ZMQ_REP)
    return UV_EPROTO;
  if (socket->type != ZMQ_REQ)
    return 0;
  if (!socket->core->options.req_relaxed)
    return UV_EPROTO;
  zmq__receive_drop_rest(socket);
  return 0;
}

int zmq__send(zmq__socket_t *socket, zuv_msg_t *part, int flags) {
  bool more = (flags & ZMQ_SNDMORE) != 0;

  if (!socket->core->pattern->can_send)
    return UV_ENOTSUP;
  if (socket->incoming.count > 0) {
    int err = check_reading(socket);
    if (err != 0)
      return err;
  }
  /* The second part of a STREAM message is its last, whatever the flag says. */
  if (socket->type == ZMQ_STREAM && socket->outgoing.count == 1)
    more = false;
  if (!more && socket->outgoing.count == 0)
    return send_message(socket, part, 1, flags);
  return gather(socket, part, more, flags);
}

/* ---- zmq.h ---- */

static inline int answer(int err, size_t size) {
  if (err != 0)
    return zmq__fail(err);
  return size > INT_MAX ? INT_MAX : (int)size;
}

/* A failed send may have copied the buffer already. */
static int send_buffer(zmq__socket_t *socket, zuv_msg_t *part, size_t size,
                       int flags) {
  int err = zmq__send(socket, part, flags);

  if (err != 0)
    zuv__msg_close(part);
  return answer(err, size);
}

int zmq_send(void *handle, const void *buffer, size_t size, int flags) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zuv_msg_t part;

  if (socket == NULL)
    return -1;
  if (buffer == NULL && size > 0)
    return zmq__fail_errno(EFAULT);
  zuv__msg_init_view(&part, buffer, size, NULL);
  return send_buffer(socket, &part, size, flags);
}

int zmq_send_const(void *handle, const void *buffer, size_t size, int flags) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zuv_msg_t part;

  if (socket == NULL)
    return -1;
  if (buffer == NULL && size > 0)
    return zmq__fail_errno(EFAULT);
  zuv_msg_init_const(&part, buffer, size);
  return answer(zmq__send(socket, &part, flags), size);
}

int zmq_msg_send(zmq_msg_t *msg, void *handle, int flags) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zuv__msg_t *m;
  size_t size;

  if (socket == NULL)
    return -1;
  if (!zmq__msg_check(msg))
    return zmq__fail_errno(EFAULT);
  m = zuv__msg(zmq__msg(msg));
  size = zuv__msg_size(zmq__msg(msg));
  m->flags &= ZUV__MSG_SHARED;
  if (m->metadata != NULL)
    zuv__peer_release(m->metadata);
  m->metadata = NULL;
  return answer(zmq__send(socket, zmq__msg(msg), flags), size);
}

int zmq_sendmsg(void *handle, zmq_msg_t *msg, int flags) {
  return zmq_msg_send(msg, handle, flags);
}
