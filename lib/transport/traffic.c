/* What comes in after the handshake: frames become parts for the pipe, and
 * commands are obeyed. Through a secured connection a frame is opened first,
 * where it lies. What cannot be taken loses the connection. */
#include "transport/connection.h"
#include "transport/heartbeat.h"
#include "zmtp/command.h"

/* The peer asks without reading the answers. */
static bool answers_pile_up(const zuv__connection_t *c) {
  return c->blocked && c->output.size >= ZUV__OUTPUT_BUFFER_SIZE;
}

static int take_ping(zuv__connection_t *c, const zuv__command_t *command) {
  uint8_t pong[ZUV__PING_FRAME_MAX];
  zuv__ping_t ping;
  int err;

  if (zuv__command_parse_ping(command, &ping) != 0)
    return 0;
  err = zuv__heartbeat_ttl(c, ping.ttl);
  if (err != 0 || answers_pile_up(c))
    return err;
  return zuv__connection_write_frame(c, pong,
                                     zuv__command_write_pong(pong, &ping));
}

static bool take_command(zuv__connection_t *c, const zuv__frame_t *frame) {
  zuv__socket_t *socket = c->session->socket;
  zuv__pipe_t *pipe = c->session->pipe;
  zuv__command_t command;
  zuv__command_kind_t kind =
      zuv__command_parse(frame->body, frame->size, &command);
  int err = 0;

  if (kind == ZUV__COMMAND_SUBSCRIBE || kind == ZUV__COMMAND_CANCEL) {
    if (socket->pattern->subscription != NULL && pipe->attached)
      err = socket->pattern->subscription(socket, pipe,
                                          kind == ZUV__COMMAND_SUBSCRIBE,
                                          command.data, command.size);
  } else if (kind == ZUV__COMMAND_PING) {
    err = take_ping(c, &command);
  }
  if (err != 0)
    zuv__connection_lose(c, err, false);
  return c->state != ZUV__CONNECTION_CLOSED;
}

/* The peer's frame cannot be opened. Whoever sent it may not be the peer. */
static void break_off(zuv__connection_t *c, zuv__protocol_error_t error) {
  c->engine.failure.error = error;
  zuv__connection_tell_handshake_failed(c, UV_EPROTO);
  zuv__connection_lose(c, UV_EPROTO, true);
}

/* Opens the frame in place. False: the connection is lost. */
static bool open_frame(zuv__connection_t *c, zuv__frame_t *frame) {
  zuv__mechanism_t *m = c->engine.mechanism;
  zuv__protocol_error_t error =
      m->ops->decode(m, (uint8_t *)(uintptr_t)frame->body, frame->size, frame);

  if (error != ZUV__PROTOCOL_NO_ERROR) {
    break_off(c, error);
    return false;
  }
  if (frame->size > c->max_size && (!(frame->flags & ZUV__FRAME_COMMAND) ||
                                    frame->size > ZUV__COMMAND_MAX)) {
    zuv__connection_lose(c, UV_EMSGSIZE, true);
    return false;
  }
  return true;
}

bool zuv__connection_take_frame(zuv__connection_t *c, zuv__frame_t *frame,
                                zuv__body_t *chunk) {
  zuv__pipe_t *pipe = c->session->pipe;
  bool more;
  bool room;
  zuv_msg_t msg;
  int err;

  if (c->secured && !open_frame(c, frame))
    return false;
  more = (frame->flags & ZUV__FRAME_MORE) != 0;
  if (frame->flags & ZUV__FRAME_COMMAND)
    /* A bit that ZMTP 2.0 reserves: libzmq drops such a frame, too. */
    return !zuv__connection_speaks_commands(c) || take_command(c, frame);
  if (!more) {
    c->input.frames = 0;
    pipe->received++;
  } else if (++c->input.frames > ZUV__FRAMES_PER_MESSAGE_MAX) {
    zuv__connection_lose(c, UV_EMSGSIZE, true);
    return false;
  }
  pipe->received_bytes += frame->size;
  zuv__msg_init_view(&msg, frame->body, frame->size, chunk);
  room = zuv__pipe_arrived(pipe, &msg, more, &err);
  if (c->state == ZUV__CONNECTION_CLOSED)
    return false;
  if (err != 0) {
    /* It may have become lasting before there was no room for it. */
    zuv__msg_close(&msg);
    zuv__connection_lose(c, err, false);
    return false;
  }
  c->paused = !room;
  return room;
}
