/* ROUTER: receives from all peers with the sender's routing id as first part,
 * and sends to the peer that the first part names. See routing/peer_ids.h for
 * where the ids come from.
 *
 * A message to an unknown or full peer is dropped; with ROUTER_MANDATORY the
 * answer is UV_EHOSTUNREACH or UV_EAGAIN instead. An id alone goes nowhere.
 * UV_ENOMEM takes nothing either.
 *
 * With ROUTER_RAW the peers are raw connections, as for STREAM. */
#include "patterns/patterns.h"

#include "core/socket.h"
#include "routing/notice.h"
#include "routing/peer_ids.h"

/* Bits of ROUTER_NOTIFY. */
enum { NOTIFY_CONNECT = 1, NOTIFY_DISCONNECT = 2 };

typedef struct {
  zuv__peer_ids_t ids; /* first, see peer_ids.h */
} router_t;

static int router_init(zuv__socket_t *socket) {
  zuv__peer_ids_init(&zuv__state(socket, router_t)->ids);
  return 0;
}

static void router_destroy(zuv__socket_t *socket) {
  zuv__peer_ids_destroy(&zuv__state(socket, router_t)->ids);
}

/* The pipe has just got its id: from now on it may be written to. */
static int probe(zuv__pipe_t *pipe) {
  return pipe->raw ? 0 : zuv__notice_probe(pipe);
}

static int router_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  int err = zuv__peer_ids_attach(&zuv__state(socket, router_t)->ids, pipe);

  return err == 0 && zuv__pipe_has_id(pipe) ? probe(pipe) : err;
}

/* Is the application to hear of this pipe's connections? */
static bool notifies(const zuv__pipe_t *pipe, int what) {
  if (pipe->raw)
    return pipe->socket->options.stream_notify != 0;
  return (pipe->notify & what) != 0;
}

static int router_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  bool had_id = zuv__pipe_has_id(pipe);
  int err = zuv__peer_ids_ready(&zuv__state(socket, router_t)->ids, pipe);

  if (err == 0 && !had_id)
    err = probe(pipe);
  if (err != 0)
    return err;
  pipe->pattern_flags |= ZUV__PIPE_UP;
  if (notifies(pipe, NOTIFY_CONNECT))
    zuv__notice_deliver(pipe);
  return 0;
}

static void router_lost(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  /* A connection that fails before it is ready is lost, too. */
  if (!(pipe->pattern_flags & ZUV__PIPE_UP))
    return;
  pipe->pattern_flags = 0;
  if (notifies(pipe, NOTIFY_DISCONNECT))
    zuv__notice_deliver(pipe);
}

static void router_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__peer_ids_detach(&zuv__state(socket, router_t)->ids, pipe);
}

static void router_forget(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__peer_ids_forget(pipe);
}

static int drop(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  zuv__msgs_close(parts, count);
  zuv__monitor_dropped(socket, 1);
  return 0;
}

static int router_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  int err;

  if (count == 1)
    return drop(socket, parts, count);
  err = zuv__peer_ids_send(&zuv__state(socket, router_t)->ids, parts, count);
  if ((err == UV_EHOSTUNREACH || err == UV_EAGAIN) &&
      !socket->options.router_mandatory)
    return drop(socket, parts, count);
  return err;
}

static bool router_writable_now(zuv__socket_t *socket) {
  if (!socket->options.router_mandatory)
    return true;
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    const zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_socket);
    if (pipe->attached && pipe->can_write && zuv__pipe_has_id(pipe))
      return true;
  }
  return false;
}

static int router_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  if (!socket->options.router_mandatory)
    return 0;
  return zuv__peer_ids_check(&zuv__state(socket, router_t)->ids, first);
}

static int router_receive(zuv__socket_t *socket, zuv__pipe_t *pipe,
                          zuv__incoming_t *message) {
  (void)socket;
  return zuv__peer_ids_prepend(pipe, message);
}

const zuv__pattern_t zuv__pattern_router = {
    .type = ZUV_ROUTER,
    .name = "ROUTER",
    .can_send = true,
    .can_receive = true,
    .says_hello = true,
    .hears_disconnect = true,
    .state_size = sizeof(router_t),
    .init = router_init,
    .destroy = router_destroy,
    .attach = router_attach,
    .ready = router_ready,
    .lost = router_lost,
    .detach = router_detach,
    .forget = router_forget,
    .send = router_send,
    .writable_now = router_writable_now,
    .check_first = router_check_first,
    .receive = router_receive,
};
