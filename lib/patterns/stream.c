/* STREAM: raw connections. Every chunk of bytes is received as [id][bytes], and
 * sent so; [id][""] closes the connection. With STREAM_NOTIFY the start and the
 * loss of a connection are received as [id][""], but not a loss that we caused.
 * A connecting pipe can be sent to at once, keeps its id over reconnections,
 * and shows it as the socket's ROUTING_ID.
 *
 * Sending: UV_EHOSTUNREACH to an unknown id, UV_EAGAIN to a full connection,
 * UV_EINVAL for more than two parts, UV_ENOMEM. An id alone goes nowhere. */
#include "patterns/patterns.h"

#include "core/socket.h"
#include "routing/notice.h"
#include "routing/peer_ids.h"

typedef struct {
  zuv__peer_ids_t ids; /* first, see peer_ids.h */
} stream_t;

static int stream_init(zuv__socket_t *socket) {
  zuv__peer_ids_init(&zuv__state(socket, stream_t)->ids);
  return 0;
}

static void stream_destroy(zuv__socket_t *socket) {
  zuv__peer_ids_destroy(&zuv__state(socket, stream_t)->ids);
}

static void show_id(zuv__options_t *options, const zuv__map_node_t *id) {
  memcpy(options->routing_id, id->key, id->size);
  options->routing_id_size = (unsigned char)id->size;
}

static int stream_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  int err = zuv__peer_ids_attach(&zuv__state(socket, stream_t)->ids, pipe);

  if (err == 0 && pipe->connecting && zuv__pipe_has_id(pipe))
    show_id(&socket->options, &pipe->by_routing_id);
  return err;
}

static int stream_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  int err = zuv__peer_ids_ready(&zuv__state(socket, stream_t)->ids, pipe);

  if (err != 0)
    return err;
  pipe->pattern_flags |= ZUV__PIPE_UP;
  if (socket->options.stream_notify)
    zuv__notice_deliver(pipe);
  return 0;
}

static void stream_lost(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  if (!(pipe->pattern_flags & ZUV__PIPE_UP))
    return;
  pipe->pattern_flags = 0;
  if (socket->options.stream_notify)
    zuv__notice_deliver(pipe);
}

static void stream_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__peer_ids_detach(&zuv__state(socket, stream_t)->ids, pipe);
}

static void stream_forget(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__peer_ids_forget(pipe);
}

static int stream_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  if (count > 2)
    return UV_EINVAL;
  if (count == 2)
    return zuv__peer_ids_send(&zuv__state(socket, stream_t)->ids, parts, count);
  zuv__msgs_close(parts, count);
  return 0;
}

static bool stream_writable_now(zuv__socket_t *socket) {
  (void)socket;
  return true;
}

static int stream_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  return zuv__peer_ids_check(&zuv__state(socket, stream_t)->ids, first);
}

static int stream_receive(zuv__socket_t *socket, zuv__pipe_t *pipe,
                          zuv__incoming_t *message) {
  (void)socket;
  return zuv__peer_ids_prepend(pipe, message);
}

const zuv__pattern_t zuv__pattern_stream = {
    .type = ZUV_STREAM,
    .name = "STREAM",
    .can_send = true,
    .can_receive = true,
    .raw = true,
    .state_size = sizeof(stream_t),
    .init = stream_init,
    .destroy = stream_destroy,
    .attach = stream_attach,
    .ready = stream_ready,
    .lost = stream_lost,
    .detach = stream_detach,
    .forget = stream_forget,
    .send = stream_send,
    .writable_now = stream_writable_now,
    .check_first = stream_check_first,
    .receive = stream_receive,
};
