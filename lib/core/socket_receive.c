/* Receiving: messages reach the application straight from the link that read
 * them when it waits for them, else fair-queued over the pipes. */
#include "core/inbox.h"
#include "core/peer.h"
#include "core/socket.h"

static void set_recv_cb(zuv__socket_t *socket, zuv_recv_cb recv_cb) {
  if (socket->requester == NULL)
    socket->recv_cb = recv_cb;
  else
    socket->requester->recv_cb = recv_cb;
}

int zuv_recv_start(zuv_socket_t *handle, zuv_recv_cb recv_cb) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  if (!zuv__socket(handle)->pattern->can_receive)
    return UV_ENOTSUP;
  if (recv_cb == NULL)
    return UV_EINVAL;
  set_recv_cb(zuv__socket(handle), recv_cb);
  zuv__socket_schedule(zuv__socket(handle));
  return 0;
}

int zuv_recv_stop(zuv_socket_t *handle) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  set_recv_cb(zuv__socket(handle), NULL);
  return 0;
}

static inline bool pattern_readable(zuv__socket_t *socket) {
  return socket->pattern->readable_now == NULL ||
         socket->pattern->readable_now(socket);
}

bool zuv__socket_wants_message(const zuv__socket_t *socket) {
  return socket->recv_cb != NULL && zuv__list_empty(&socket->readers) &&
         zuv__list_empty(&socket->events) && !socket->closing &&
         pattern_readable((zuv__socket_t *)(uintptr_t)socket);
}

bool zuv__socket_has_message(zuv__socket_t *socket) {
  if (socket->pattern->next_own != NULL)
    return socket->pattern->has_own(socket);
  return !zuv__list_empty(&socket->readers) && pattern_readable(socket);
}

static void deliver(zuv__socket_t *socket, zuv_peer_t *peer,
                    zuv__incoming_t *message) {
  socket->recv_cb(socket->handle, message->parts, message->count, peer);
}

/* Passes a message through the pattern and closes what the application leaves
 * of it. */
static inline bool pass(zuv__socket_t *socket, zuv__pipe_t *pipe,
                        zuv__incoming_t *message) {
  int verdict = ZUV__DELIVER;

  if (socket->pattern->receive != NULL)
    verdict = socket->pattern->receive(socket, pipe, message);
  if (verdict == ZUV__DELIVER)
    deliver(socket, pipe->peer, message);
  for (size_t i = 0; i < message->count; i++)
    zuv__msg_discard(&message->parts[i]);
  return verdict == ZUV__DELIVER;
}

void zuv__socket_deliver_now(zuv__socket_t *socket, zuv__pipe_t *pipe,
                             zuv_msg_t *part) {
  zuv_msg_t parts[2];
  zuv__incoming_t message = {&parts[1], 1};

  parts[1] = *part;
  zuv__msg_init(part);
  pass(socket, pipe, &message);
}

void zuv__socket_readable_first(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  if (pipe != NULL && zuv__list_empty(&pipe->in_readers))
    zuv__list_push_back(&socket->readers, &pipe->in_readers);
  if (socket->recv_cb != NULL)
    zuv__socket_schedule(socket);
  else if (socket->notify != NULL)
    socket->notify(socket->handle);
}

ZUV__COLD static void peek_drop(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  /* No memory to read it: it is lost, as a message that cannot be received is
   * in ZeroMQ, but counted. */
  zuv_msg_t part;
  bool more;

  do {
    zuv__queue_pop(&pipe->in, &socket->loop->blocks, &part, &more);
    zuv__msg_close(&part);
  } while (more);
  if (pipe->in.count == 0)
    zuv__list_remove(&pipe->in_readers);
  zuv__pipe_dropped(pipe);
}

ZUV__COLD static bool dispatch_many_parts(zuv__socket_t *socket,
                                          zuv__pipe_t *pipe) {
  zuv__incoming_t message;
  size_t count;

  if (zuv__pipe_read(pipe, &count) != 0) {
    peek_drop(socket, pipe);
    return false;
  }
  message.parts = socket->loop->parts + 1;
  message.count = count;
  return pass(socket, pipe, &message);
}

/* Reads one message of the pipe and delivers it, or drops it: false. */
static inline bool dispatch_one(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__block_pool_t *blocks = &socket->loop->blocks;
  zuv_msg_t parts[2];
  zuv__incoming_t message = {&parts[1], 1};
  bool delivered;

  zuv__block_pool_pin(blocks);
  if (zuv__queue_pop_single(&pipe->in, blocks, &parts[1])) {
    if (pipe->in.count == 0)
      zuv__list_remove(&pipe->in_readers);
    delivered = pass(socket, pipe, &message);
  } else {
    delivered = dispatch_many_parts(socket, pipe);
  }
  zuv__block_pool_unpin(blocks);
  zuv__pipe_was_read(pipe, 1);
  return delivered;
}

static bool dispatch_own(zuv__socket_t *socket) {
  zuv_msg_t parts[2];
  zuv__incoming_t message = {&parts[1], 1};
  zuv_peer_t *from = NULL;
  bool told;

  zuv__block_pool_pin(&socket->loop->blocks);
  told = socket->pattern->next_own(socket, &message, &from);
  if (told) {
    deliver(socket, from, &message);
    zuv__msgs_close(message.parts, message.count);
    if (from != NULL)
      zuv__peer_release(from);
  }
  zuv__block_pool_unpin(&socket->loop->blocks);
  return told;
}

static inline bool may_deliver(zuv__socket_t *socket) {
  return socket->recv_cb != NULL && pattern_readable(socket);
}

/* The next pipe in turn; it comes last the next time. */
static inline zuv__pipe_t *next_reader(zuv__socket_t *socket) {
  zuv__list_t *node = socket->readers.next;

  if (node == &socket->readers)
    return NULL;
  if (node->next != &socket->readers) {
    zuv__list_remove(node);
    zuv__list_push_back(&socket->readers, node);
  }
  return zuv__container_of(node, zuv__pipe_t, in_readers);
}

static inline bool is_only_reader(const zuv__socket_t *socket) {
  return socket->readers.next == socket->readers.prev;
}

/* The usual case: one pipe has messages of a single part, and the pattern lets
 * them pass as they are, always. */
static inline bool may_run(const zuv__socket_t *socket) {
  return socket->pattern->receive == NULL &&
         socket->pattern->readable_now == NULL && is_only_reader(socket);
}

/* Answers how many more may be delivered. */
static int dispatch_run(zuv__socket_t *socket, zuv__pipe_t *pipe, int left) {
  zuv__block_pool_t *blocks = &socket->loop->blocks;
  zuv_msg_t part;

  zuv__block_pool_pin(blocks);
  while (left > 0 && pipe->in.count > 0 && is_only_reader(socket) &&
         socket->recv_cb != NULL &&
         zuv__queue_pop_single(&pipe->in, blocks, &part)) {
    left--;
    if (pipe->in.count == 0)
      zuv__list_remove(&pipe->in_readers);
    socket->recv_cb(socket->handle, &part, 1, pipe->peer);
    zuv__msg_discard(&part);
    zuv__pipe_was_read(pipe, 1);
  }
  zuv__block_pool_unpin(blocks);
  return left;
}

/* Answers how many more may be delivered; 0 if there may be more to deliver. */
static int dispatch_pipes(zuv__socket_t *socket, int left) {
  while (left > 0 && may_deliver(socket)) {
    zuv__pipe_t *pipe = next_reader(socket);
    int before = left;

    if (pipe == NULL)
      break;
    if (may_run(socket))
      left = dispatch_run(socket, pipe, left);
    if (left == before) {
      dispatch_one(socket, pipe);
      left--;
    }
  }
  return left;
}

void zuv__socket_dispatch(zuv__socket_t *socket) {
  int left = ZUV__DISPATCH_MAX;

  if (socket->pattern->next_own == NULL)
    left = dispatch_pipes(socket, left);
  else
    while (left > 0 && may_deliver(socket) && dispatch_own(socket))
      left--;
  if (left == 0)
    zuv__socket_schedule(socket);
}

bool zuv__socket_pull(zuv__socket_t *socket, zuv_recv_cb recv_cb) {
  bool delivered = false;
  zuv__pipe_t *pipe;

  socket->recv_cb = recv_cb;
  if (socket->pattern->next_own != NULL)
    delivered = dispatch_own(socket);
  else
    while (!delivered && may_deliver(socket) &&
           (pipe = next_reader(socket)) != NULL)
      delivered = dispatch_one(socket, pipe);
  socket->recv_cb = NULL;
  return delivered;
}
