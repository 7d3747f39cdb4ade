#include "transport/connection.h"

#include <sys/socket.h>

#include "base/alloc.h"
#include "transport/address.h"
#include "core/queue.h"
#include "zmtp/command.h"

enum { SMALL_MAX = 256 }; /* copied without a call */

static void on_flush(zuv__task_t *task) {
  zuv__connection_flush(zuv__container_of(task, zuv__connection_t, flush_task));
}

static void on_resume(zuv__task_t *task) {
  zuv__connection_parse_kept(
      zuv__container_of(task, zuv__connection_t, resume_task));
}

static void on_free(zuv__task_t *task) {
  zuv__connection_t *c = zuv__container_of(task, zuv__connection_t, free_task);

  zuv__connection_free_input(c);
  zuv__free(c);
}

static void on_handshake_timeout(zuv__timer_t *timer) {
  zuv__connection_lose(
      zuv__container_of(timer, zuv__connection_t, handshake_timer),
      UV_ETIMEDOUT, false);
}

static void on_io(void *owner, int events) {
  zuv__connection_t *c = owner;

  if (events & UV_WRITABLE && c->blocked)
    zuv__connection_flush(c);
  if (events & UV_READABLE && c->state != ZUV__CONNECTION_CLOSED && !c->paused)
    zuv__connection_read(c);
  zuv__connection_watch(c);
}

static int sink_write(void *context, const void *bytes, size_t size) {
  zuv__connection_t *c = context;
  int err = zuv__output_reserve(&c->output, c->loop, size);
  if (err == 0)
    zuv__output_append(&c->output, bytes, size);
  return err;
}

static int start(zuv__connection_t *c) {
  zuv__sink_t sink = {sink_write, c};

  if (c->raw) {
    zuv_peer_t *peer;
    char address[ZUV__ADDRESS_SIZE];

    c->state = ZUV__CONNECTION_TRAFFIC;
    zuv__address_of_peer(c->io->fd, address, sizeof(address));
    peer = zuv__peer_new(address, c->session->endpoint, -1, "", NULL, 0);
    if (peer == NULL)
      return UV_ENOMEM;
    peer->fd = c->io->fd;
    return zuv__session_ready(c->session, peer);
  }
  if (c->session->options->handshake_ivl > 0)
    zuv__timer_start(c->loop, &c->handshake_timer,
                     (uint64_t)c->session->options->handshake_ivl);
  if (zuv__engine_start(&c->engine, &sink) == ZUV__ENGINE_FAILED)
    return UV_ENOMEM;
  zuv__loop_schedule_flush(c->loop, &c->flush_task);
  return 0;
}

int zuv__connection_new(zuv__session_t *session, zuv__io_t *io) {
  zuv__connection_t *c = zuv__calloc(1, sizeof(*c));
  int64_t max_size = session->options->max_message_size;
  int err;

  if (c == NULL) {
    zuv__io_close(io);
    return UV_ENOMEM;
  }
  c->session = session;
  c->loop = session->socket->loop;
  c->raw = session->socket->pattern->raw || session->options->router_raw;
  c->max_size = max_size < 0 ? UINT64_MAX : (uint64_t)max_size;
  zuv__task_init(&c->flush_task, on_flush);
  zuv__task_init(&c->resume_task, on_resume);
  zuv__task_init(&c->free_task, on_free);
  zuv__timer_init(&c->handshake_timer, on_handshake_timeout);
  zuv__engine_init(&c->engine, session->config);
  c->io = io;
  io->owner = c;
  io->cb = on_io;
  session->connection = c;
  err = start(c);
  /* A raw one may have sent the last that its pipe had, and be closed. */
  if (err == 0 && c->state != ZUV__CONNECTION_CLOSED)
    err = zuv__io_watch(c->io, UV_READABLE);
  if (err != 0 && session->connection == c)
    zuv__session_drop_connection(session);
  return err;
}

/* A close with bytes unread resets the connection, and the peer might lose what
 * we have just written: so read what is there. */
static void discard_unread(zuv__connection_t *c) {
  uint8_t bytes[16 * 1024];

  shutdown(c->io->fd, SHUT_WR);
  for (int i = 0; i < ZUV__READS_PER_EVENT_MAX; i++)
    if (recv(c->io->fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
      return;
}

void zuv__connection_close(zuv__connection_t *c) {
  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  if (c->state == ZUV__CONNECTION_TRAFFIC && c->failure == 0)
    discard_unread(c);
  c->state = ZUV__CONNECTION_CLOSED;
  zuv__timer_stop(c->loop, &c->handshake_timer);
  zuv__task_cancel(&c->flush_task);
  zuv__task_cancel(&c->resume_task);
  zuv__engine_destroy(&c->engine);
  zuv__output_clear(&c->output, c->loop);
  zuv__io_close(c->io);
  c->io = NULL;
  /* A message that lies in our input may be with the application just now. */
  zuv__loop_schedule(c->loop, &c->free_task);
}

static void tell_handshake_failed(zuv__connection_t *c, int status) {
  const zuv__failure_t *failure = &c->engine.failure;
  zuv_event_t event = {.type = ZUV_EVENT_HANDSHAKE_FAILED,
                       .status = status,
                       .reason = (int)failure->error,
                       .peer_status = failure->status,
                       .endpoint = c->session->endpoint,
                       .fd = c->io->fd};

  zuv__monitor_event(c->session->socket, &event);
}

void zuv__connection_lose(zuv__connection_t *c, int status, bool protocol) {
  zuv__session_t *session = c->session;
  zuv__loss_t loss = {status, protocol, c->state == ZUV__CONNECTION_HANDSHAKE,
                      -1};

  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  loss.fd = c->io->fd;
  if (loss.in_handshake)
    tell_handshake_failed(c, status);
  c->failure = status;
  zuv__connection_close(c);
  zuv__session_lost(session, &loss);
}

void zuv__connection_watch(zuv__connection_t *c) {
  int events = 0;

  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  if (!c->paused)
    events |= UV_READABLE;
  if (c->blocked && !c->peer_gone)
    events |= UV_WRITABLE;
  if (zuv__io_watch(c->io, events) != 0 && c->failure == 0) {
    c->failure = UV_ECANCELED;
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
  }
}

void zuv__connection_resume(zuv__connection_t *c) {
  if (c->state == ZUV__CONNECTION_CLOSED || !c->paused)
    return;
  zuv__loop_schedule(c->loop, &c->resume_task);
}

/* ---- The handshake ---- */

static int engine_status(const zuv__failure_t *failure) {
  switch (failure->kind) {
    case ZUV__ENGINE_OUT_OF_MEMORY:
      return UV_ENOMEM;
    case ZUV__ENGINE_REFUSED:
    case ZUV__ENGINE_REFUSED_BY_PEER:
      return UV_EACCES;
    case ZUV__ENGINE_UNSUPPORTED_VERSION:
      return UV_EPROTONOSUPPORT;
    default:
      return UV_EPROTO;
  }
}

static int handshake_done(zuv__connection_t *c) {
  const zuv__peer_t *known = &c->engine.peer;
  char address[ZUV__ADDRESS_SIZE];
  zuv_peer_t *peer;

  zuv__timer_stop(c->loop, &c->handshake_timer);
  c->legacy_subscriptions = known->version_minor == 0;
  zuv__address_of_peer(c->io->fd, address, sizeof(address));
  peer = zuv__peer_new(address, c->session->endpoint, known->socket_type,
                       known->mechanism->name, known->routing_id,
                       known->routing_id_size);
  if (peer == NULL)
    return UV_ENOMEM;
  peer->fd = c->io->fd;
  peer->metadata = zuv__engine_take_metadata(&c->engine, &peer->metadata_size);
  c->state = ZUV__CONNECTION_TRAFFIC;
  return zuv__session_ready(c->session, peer);
}

size_t zuv__connection_take_handshake(zuv__connection_t *c,
                                      const uint8_t *bytes, size_t size) {
  zuv__sink_t sink = {sink_write, c};
  size_t consumed = 0;
  zuv__engine_state_t state =
      zuv__engine_handshake(&c->engine, &sink, bytes, size, &consumed);
  int err;

  if (!zuv__output_is_empty(&c->output))
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
  if (state == ZUV__ENGINE_FAILED) {
    const zuv__failure_t *failure = &c->engine.failure;
    /* What the peer should hear of it still goes out, if it can. */
    zuv__output_flush(&c->output, c->loop, c->io->fd);
    zuv__connection_lose(c, engine_status(failure),
                         failure->kind != ZUV__ENGINE_OUT_OF_MEMORY);
  } else if (state == ZUV__ENGINE_TRAFFIC) {
    err = handshake_done(c);
    if (err != 0)
      zuv__connection_lose(c, err, false);
  }
  return consumed;
}

/* ---- Traffic in ---- */

/* The peer asks without reading the answers. */
static bool answers_pile_up(const zuv__connection_t *c) {
  return c->blocked && c->output.size >= ZUV__OUTPUT_BUFFER_SIZE;
}

static bool take_command(zuv__connection_t *c, const zuv__frame_t *frame) {
  zuv__socket_t *socket = c->session->socket;
  zuv__pipe_t *pipe = c->session->pipe;
  uint8_t pong[ZUV__PING_FRAME_MAX];
  zuv__command_t command;
  zuv__command_kind_t kind =
      zuv__command_parse(frame->body, frame->size, &command);
  zuv__ping_t ping;
  int err = 0;

  if (kind == ZUV__COMMAND_SUBSCRIBE || kind == ZUV__COMMAND_CANCEL) {
    if (socket->pattern->subscription != NULL && pipe->attached)
      err = socket->pattern->subscription(socket, pipe,
                                          kind == ZUV__COMMAND_SUBSCRIBE,
                                          command.data, command.size);
  } else if (kind == ZUV__COMMAND_PING && !answers_pile_up(c) &&
             zuv__command_parse_ping(&command, &ping) == 0) {
    size_t size = zuv__command_write_pong(pong, &ping);
    err = zuv__connection_write_bytes(c, pong, size);
  }
  if (err != 0)
    zuv__connection_lose(c, err, false);
  return c->state != ZUV__CONNECTION_CLOSED;
}

bool zuv__connection_take_frame(zuv__connection_t *c, const zuv__frame_t *frame,
                                zuv__body_t *chunk) {
  bool more = (frame->flags & ZUV__FRAME_MORE) != 0;
  bool room;
  zuv_msg_t msg;
  int err;

  if (frame->flags & ZUV__FRAME_COMMAND)
    return take_command(c, frame);
  c->input.frames = more ? c->input.frames + 1 : 0;
  if (c->input.frames > ZUV__FRAMES_PER_MESSAGE_MAX) {
    zuv__connection_lose(c, UV_EMSGSIZE, true);
    return false;
  }
  zuv__msg_init_view(&msg, frame->body, frame->size, chunk);
  room = zuv__pipe_arrived(c->session->pipe, &msg, more, &err);
  if (c->state == ZUV__CONNECTION_CLOSED)
    return false;
  if (err != 0) {
    zuv__connection_lose(c, err, false);
    return false;
  }
  c->paused = !room;
  return room;
}

/* ---- Output ---- */

/* After a message was put into the output, maybe inside an API call. */
static void written(zuv__connection_t *c) {
  if (c->output.size >= ZUV__OUTPUT_BUFFER_SIZE && c->failure == 0) {
    int err = zuv__output_flush(&c->output, c->loop, c->io->fd);
    if (err == UV_EAGAIN) {
      c->blocked = true;
      zuv__connection_watch(c);
      return;
    }
    c->failure = err;
  }
  /* Even if all is out: whoever waits for that is told by the task. */
  zuv__loop_schedule_flush(c->loop, &c->flush_task);
}

/* Puts a part whose room is reserved. */
static void put_part(zuv__connection_t *c, zuv_msg_t *part, bool more) {
  size_t size = zuv__msg_size(part);
  zuv__output_t *output = &c->output;

  if (!c->raw) {
    size_t header = zuv__frame_encode_header(output->bytes + output->used,
                                             more ? ZUV__FRAME_MORE : 0, size);
    output->used += header;
    output->size += header;
  }
  if (size > ZUV__OUTPUT_COPY_MAX) {
    zuv__output_append_large(output, part);
  } else {
    zuv__output_append(output, zuv__msg_data(part), size);
    zuv__msg_close(part);
  }
}

/* A view of so much that it fills the output: most of it will be with the
 * kernel before anybody looks away, so only the rest is copied. */
static bool is_written_at_once(const zuv_msg_t *part) {
  const zuv__msg_t *m = zuv__msg_const(part);
  return m->kind == ZUV__MSG_VIEW && m->u.far.body == NULL &&
         m->u.far.size >= ZUV__OUTPUT_BUFFER_SIZE;
}

/* Reserves the room that put_part needs for all these parts. */
static int reserve(zuv__connection_t *c, zuv_msg_t *parts, size_t count) {
  size_t size = 0;
  size_t large = 0;
  int err;

  for (size_t i = 0; i < count; i++) {
    size_t part = zuv__msg_size(&parts[i]);
    size += ZUV__FRAME_HEADER_MAX;
    if (part <= ZUV__OUTPUT_COPY_MAX) {
      size += part;
      continue;
    }
    large++;
    if (is_written_at_once(&parts[i]))
      continue;
    err = zuv__msg_make_lasting(&parts[i]);
    if (err != 0)
      return err;
  }
  err = zuv__output_reserve(&c->output, c->loop, size);
  if (err == 0 && large > 0)
    err = zuv__output_reserve_large(&c->output, large);
  return err;
}

/* The usual case: one part of a few bytes, and room for it. */
static inline bool put_small(zuv__connection_t *c, zuv_msg_t *part) {
  zuv__output_t *output = &c->output;
  size_t size = zuv__msg_size(part);
  uint8_t *out = output->bytes + output->used;

  if (size > SMALL_MAX || zuv__msg(part)->kind == ZUV__MSG_COUNTED || c->raw ||
      output->room - output->used < SMALL_MAX + ZUV__FRAME_HEADER_MAX)
    return false;
  out += zuv__frame_encode_header(out, 0, size);
  zuv__copy_small(out, zuv__msg_data(part), size);
  out += size;
  output->size += (size_t)(out - output->bytes) - output->used;
  output->used = (size_t)(out - output->bytes);
  zuv__msg_init(part);
  return true;
}

int zuv__connection_write(zuv__connection_t *c, zuv_msg_t *parts,
                          size_t count) {
  int err;

  if (count == 1 && put_small(c, parts)) {
    written(c);
    return 0;
  }
  err = reserve(c, parts, count);
  if (err != 0)
    return err;
  for (size_t i = 0; i < count; i++)
    put_part(c, &parts[i], i + 1 < count);
  written(c);
  err = zuv__output_make_lasting(&c->output);
  if (err != 0 && c->failure == 0)
    c->failure = err;
  return 0;
}

void zuv__connection_write_part(zuv__connection_t *c, zuv_msg_t *part,
                                bool more) {
  int err = c->failure != 0 ? c->failure : reserve(c, part, 1);
  if (err != 0) {
    zuv__msg_close(part);
    c->failure = err;
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
    return;
  }
  put_part(c, part, more);
  if (!more)
    written(c);
}

int zuv__connection_write_bytes(zuv__connection_t *c, const void *bytes,
                                size_t size) {
  int err = zuv__output_reserve(&c->output, c->loop, size);
  if (err != 0)
    return err;
  zuv__output_append(&c->output, bytes, size);
  written(c);
  return 0;
}

int zuv__connection_write_shared(zuv__connection_t *c, zuv__body_t *chunk,
                                 const uint8_t *bytes, size_t size) {
  int err = zuv__output_append_shared(&c->output, chunk, bytes, size);
  if (err == 0)
    written(c);
  return err;
}

int zuv__connection_subscribe(zuv__connection_t *c, bool subscribe,
                              const void *topic, size_t size) {
  zuv__command_kind_t kind =
      subscribe ? ZUV__COMMAND_SUBSCRIBE : ZUV__COMMAND_CANCEL;
  size_t total = zuv__command_frame_size(kind, size) + 1;
  uint8_t *out;
  int err;

  if (c->state != ZUV__CONNECTION_TRAFFIC)
    return 0;
  err = zuv__output_reserve(&c->output, c->loop, total);
  if (err != 0) {
    /* The next connection is told of all topics. */
    c->failure = err;
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
    return err;
  }
  out = c->output.bytes + c->output.used;
  if (c->legacy_subscriptions) {
    /* ZMTP 3.0: a message whose first octet says what it is. */
    total = zuv__frame_encode_header(out, 0, size + 1);
    out[total++] = subscribe ? 1 : 0;
    if (size > 0)
      memcpy(out + total, topic, size);
    total += size;
  } else {
    total = zuv__command_write(out, kind, topic, size);
  }
  c->output.used += total;
  c->output.size += total;
  written(c);
  return 0;
}

void zuv__connection_flush(zuv__connection_t *c) {
  int err = c->failure;

  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  if (c->peer_gone) {
    zuv__output_clear(&c->output, c->loop);
    return;
  }
  if (err == 0)
    err = zuv__output_flush(&c->output, c->loop, c->io->fd);
  if ((err == UV_EPIPE || err == UV_ECONNRESET) && !c->paused) {
    /* What the peer sent before it went is with the kernel: the connection is
     * lost when that is read. */
    c->peer_gone = true;
    c->failure = 0;
    zuv__output_clear(&c->output, c->loop);
  } else if (err != 0 && err != UV_EAGAIN) {
    zuv__connection_lose(c, err, false);
    return;
  }
  c->blocked = err == UV_EAGAIN || c->peer_gone;
  zuv__connection_watch(c);
  if (!c->blocked && c->state == ZUV__CONNECTION_TRAFFIC)
    zuv__session_pump(c->session);
}
