/* Receiving. A message is taken whole from the core; its first part goes to the
 * caller, the others wait in socket->incoming. Where many small messages of one
 * peer wait they are borrowed at once, and then cost no lock. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/futex.h"
#include "blocking/message.h"
#include "blocking/socket.h"

/* ---- Into the slot ---- */

/* The peer is that of a stream: messages over inproc tell nothing of it. */
static bool is_told(const zuv_peer_t *peer) {
  return peer != NULL && peer->address[0] != '\0';
}

static int fill_message(zmq__socket_t *socket, zmq__slot_t *slot,
                        zuv_msg_t *part, zuv_peer_t *from, bool more) {
  zuv_msg_t *msg = zmq__msg(slot->msg);
  zuv__msg_t *m = zuv__msg(msg);
  int err;

  if (zuv__msg(part)->kind == ZUV__MSG_VIEW && !socket->zero_copy) {
    err = zuv_msg_init_copy(msg, zuv__msg_data(part), zuv__msg_size(part));
    if (err != 0)
      return err;
  } else {
    err = zuv__msg_make_lasting(part);
    if (err != 0)
      return err;
    zuv__msg_take(msg, part);
  }
  m->flags =
      (uint8_t)((m->flags & ZUV__MSG_SHARED) | (more ? ZUV__MSG_MORE : 0));
  if (is_told(from)) {
    zuv__peer_retain(from);
    m->metadata = from;
  }
  return 0;
}

/* Gives the part to the caller; it is closed in any case. */
static inline int fill(zmq__socket_t *socket, zmq__slot_t *slot,
                       zuv_msg_t *part, zuv_peer_t *from, bool more) {
  size_t size = zuv__msg_size(part);
  int err = 0;

  slot->size = size;
  socket->more = more;
  if (slot->msg != NULL)
    err = fill_message(socket, slot, part, from, more);
  else if (slot->room > 0 && size > 0)
    memcpy(slot->buffer, zuv__msg_data(part),
           size < slot->room ? size : slot->room);
  zuv__msg_close(part);
  return err;
}

static void forget_sender(zmq__socket_t *socket) {
  if (socket->incoming_from != NULL)
    zuv__peer_release(socket->incoming_from);
  socket->incoming_from = NULL;
}

static int fill_from_incoming(zmq__socket_t *socket, zmq__slot_t *slot) {
  zmq__parts_t *incoming = &socket->incoming;
  zuv_msg_t *part = &incoming->parts[incoming->next++];
  bool more = incoming->next < incoming->count;
  int err = fill(socket, slot, part, socket->incoming_from, more);

  if (!more) {
    incoming->count = incoming->next = 0;
    forget_sender(socket);
  }
  return err;
}

/* Keeps parts that the caller will take one by one. */
static int keep(zmq__socket_t *socket, zuv_msg_t *parts, size_t count,
                zuv_peer_t *from) {
  zmq__parts_t *incoming = &socket->incoming;
  int err = zmq__parts_reserve(incoming, count);

  for (size_t i = 0; i < count && err == 0; i++) {
    err = zuv__msg_make_lasting(&parts[i]);
    if (err == 0)
      zuv__msg_take(&incoming->parts[incoming->count++], &parts[i]);
  }
  if (err != 0) {
    zmq__parts_clear(incoming);
    return err;
  }
  if (is_told(from)) {
    zuv__peer_retain(from);
    socket->incoming_from = from;
  }
  return 0;
}

/* ---- From the inbox ---- */

/* A message of several parts, or one that waits for its reader. */
ZUV__COLD static int keep_from_inbox(zmq__socket_t *socket) {
  zmq__parts_t *incoming = &socket->incoming;
  zuv__inbox_t *inbox = &socket->inbox;
  bool more = true;
  int err = 0;

  while (more) {
    zuv_msg_t part;

    zuv__inbox_next_part(inbox, &part, &more);
    if (err == 0)
      err = keep(socket, &part, 1, NULL);
    zuv__msg_close(&part);
  }
  if (err == 0 && !zuv__inbox_wants(inbox, incoming->parts, incoming->count))
    zmq__parts_clear(incoming);
  if (incoming->count > 0 && is_told(inbox->peer)) {
    zuv__peer_retain(inbox->peer);
    socket->incoming_from = inbox->peer;
  }
  return err;
}

/* UV_EAGAIN: the message was dropped, or it is in socket->incoming now. */
static inline int take_from_inbox(zmq__socket_t *socket, zmq__slot_t *slot) {
  zuv__inbox_t *inbox = &socket->inbox;
  int err = UV_EAGAIN;
  zuv_msg_t part;

  if (zuv__inbox_next(inbox, &part)) {
    if (zuv__inbox_wants(inbox, &part, 1))
      err = fill(socket, slot, &part, inbox->peer, false);
    else
      zuv__msg_close(&part);
  } else {
    int kept = keep_from_inbox(socket);
    err = kept == 0 ? UV_EAGAIN : kept;
  }
  zuv__inbox_done(inbox);
  return err;
}

static void report(zmq__socket_t *socket) {
  zmq__loop_enter(socket->loop);
  zuv__inbox_report(&socket->inbox);
  zmq__loop_leave(socket->loop);
}

/* Without the lock: a part that is with us already. */
static inline int take_own(zmq__socket_t *socket, zmq__slot_t *slot) {
  while (socket->incoming.count == 0 && socket->inbox.queue.count > 0) {
    int err = take_from_inbox(socket, slot);
    if (zuv__inbox_report_due(&socket->inbox) && socket->inbox.pipe != NULL)
      report(socket);
    if (err != UV_EAGAIN)
      return err;
  }
  if (socket->incoming.count > 0)
    return fill_from_incoming(socket, slot);
  return UV_EAGAIN;
}

/* ---- From the core ---- */

static int take_message(zmq__socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  zmq__slot_t *slot = socket->slot;
  int err = 0;

  if (slot == NULL)
    return keep(socket, parts, count, peer);
  if (count > 1)
    err = keep(socket, parts + 1, count - 1, peer);
  if (err == 0)
    err = fill(socket, slot, &parts[0], peer, count > 1);
  if (err != 0)
    zmq__receive_drop_rest(socket);
  return err;
}

static void on_message(zuv_socket_t *handle, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  zmq__socket_t *socket = handle->data;

  socket->slot_error = take_message(socket, parts, count, peer);
  if (socket->slot_error != 0 && socket->core->pattern->undelivered != NULL)
    socket->core->pattern->undelivered(socket->core);
}

/* What was put off until the next turn of the loop may bring more. */
static bool pull(zmq__socket_t *socket, zmq__slot_t *slot) {
  socket->slot = slot;
  return zuv__socket_pull(socket->core, on_message);
}

/* With the lock: the next part into the slot, or UV_EAGAIN. */
static int take_locked(zmq__socket_t *socket, zmq__slot_t *slot) {
  for (int i = 0; i < 2; i++) {
    if (zuv__inbox_borrow(&socket->inbox))
      return UV_EAGAIN;
    if (pull(socket, slot))
      return socket->slot_error;
    if (i == 0 && !zmq__loop_work(socket->loop))
      break;
  }
  return UV_EAGAIN;
}

static int take(zmq__socket_t *socket, zmq__slot_t *slot) {
  int err = take_locked(socket, slot);

  /* What was just borrowed may all be unwanted. */
  while (err == UV_EAGAIN && socket->inbox.queue.count > 0) {
    err = take_from_inbox(socket, slot);
    if (socket->incoming.count > 0)
      err = fill_from_incoming(socket, slot);
    if (socket->inbox.queue.count == 0)
      zuv__inbox_report(&socket->inbox);
    if (err == UV_EAGAIN && socket->inbox.queue.count == 0)
      err = take_locked(socket, slot);
  }
  return err;
}

/* REQ and REP have one message at a time. */
static bool lets_gather(const zmq__socket_t *socket) {
  return socket->core->pattern->readable_now == NULL;
}

/* With the lock. */
static int wait_for_part(zmq__socket_t *socket, zmq__slot_t *slot,
                         int timeout) {
  zmq__loop_t *loop = socket->loop;
  bool io = socket->io;
  zmq__wait_t wait = {.deadline = zmq__deadline_in(timeout),
                      .lets_gather = lets_gather(socket),
                      .habit = &socket->habit};
  zmq__waiter_t waiter;
  int waited = 0;
  int err;

  zmq__waiter_init(&waiter);
  zmq__socket_watch(socket, &waiter);
  zmq__loop_begin_wait(loop, io);
  for (;;) {
    err = take(socket, slot);
    if (err != UV_EAGAIN)
      break;
    if (!zmq__context_is_running(socket->context))
      err = ZMQ__ETERM;
    else if (waited == UV_ETIMEDOUT)
      err = UV_EAGAIN;
    else
      err = waited;
    if (err != 0)
      break;
    waited = zmq__loop_wait(loop, &waiter, io, &wait);
  }
  zmq__loop_end_wait(loop, &waiter, io);
  zmq__socket_watch(socket, NULL);
  zmq__waiter_destroy(&waiter);
  return err;
}

ZUV__COLD static int receive_locked(zmq__socket_t *socket, zmq__slot_t *slot,
                                    int flags) {
  int timeout = socket->core->options.rcvtimeo;
  int err;

  zmq__context_fetch(socket->context);
  zmq__loop_enter(socket->loop);
  err = take(socket, slot);
  if (err == UV_EAGAIN && zuv__socket_is_deaf(socket->core))
    err = UV_EPROTO;
  if (err == UV_EAGAIN && zuv__loop_take_letters(socket->loop->core) > 0)
    err = take(socket, slot);
  if (err == UV_EAGAIN) {
    if ((flags & ZMQ_DONTWAIT) == 0 && timeout != 0) {
      err = wait_for_part(socket, slot, timeout);
    } else {
      zmq__loop_look(socket->loop);
      err = take(socket, slot);
    }
  }
  if (err == UV_EAGAIN)
    zmq__socket_observed(socket);
  zmq__loop_leave(socket->loop);
  return err;
}

int zmq__receive(zmq__socket_t *socket, zmq__slot_t *slot, int flags) {
  int err;

  if (!socket->core->pattern->can_receive)
    return UV_ENOTSUP;
  err = take_own(socket, slot);
  return err == UV_EAGAIN ? receive_locked(socket, slot, flags) : err;
}

bool zmq__receive_prefetch(zmq__socket_t *socket) {
  while (socket->incoming.count == 0) {
    if (socket->inbox.queue.count > 0) {
      (void)keep_from_inbox(socket);
      if (socket->inbox.queue.count == 0)
        zuv__inbox_report(&socket->inbox);
    } else if (!pull(socket, NULL)) {
      return false;
    }
  }
  return true;
}

void zmq__receive_drop_rest(zmq__socket_t *socket) {
  zmq__parts_clear(&socket->incoming);
  forget_sender(socket);
}

void zmq__receive_end(zmq__socket_t *socket) {
  zmq__parts_destroy(&socket->incoming);
  zmq__parts_destroy(&socket->outgoing);
  forget_sender(socket);
  zuv__inbox_destroy(&socket->inbox);
}

/* ---- zmq.h ---- */

static inline int receive(zmq__socket_t *socket, zmq__slot_t *slot, int flags) {
  int err = zmq__receive(socket, slot, flags);

  if (err != 0)
    return zmq__fail(err);
  return slot->size > INT_MAX ? INT_MAX : (int)slot->size;
}

int zmq_recv(void *handle, void *buffer, size_t size, int flags) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zmq__slot_t slot = {.buffer = buffer, .room = size};

  if (socket == NULL)
    return -1;
  if (buffer == NULL && size > 0)
    return zmq__fail_errno(EFAULT);
  return receive(socket, &slot, flags);
}

int zmq_msg_recv(zmq_msg_t *msg, void *handle, int flags) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  zmq__slot_t slot = {.msg = msg};

  if (socket == NULL)
    return -1;
  if (!zmq__msg_check(msg))
    return zmq__fail_errno(EFAULT);
  zmq__msg_clear(msg);
  return receive(socket, &slot, flags);
}

int zmq_recvmsg(void *handle, zmq_msg_t *msg, int flags) {
  return zmq_msg_recv(msg, handle, flags);
}
