#include "transport/connection.h"

#include <sys/socket.h>

#include "base/alloc.h"
#include "transport/address.h"
#include "transport/heartbeat.h"

static void on_flush(zuv__task_t *task) {
  zuv__connection_flush(zuv__container_of(task, zuv__connection_t, flush_task));
}

static void on_resume(zuv__task_t *task) {
  zuv__connection_t *c =
      zuv__container_of(task, zuv__connection_t, resume_task);

  zuv__heartbeat_resumed(c);
  if (c->state == ZUV__CONNECTION_HANDSHAKE)
    zuv__connection_resume_handshake(c);
  if (c->state != ZUV__CONNECTION_CLOSED)
    zuv__connection_parse_kept(c);
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

  if (events & UV_WRITABLE && c->blocked) {
    zuv__heartbeat_progressed(c);
    zuv__connection_flush(c);
  }
  /* Who waits for its turn has sent what that is about, and may wait with the
   * rest. */
  if (events & UV_READABLE && zuv__engine_wants_turn(&c->engine))
    c->paused = true;
  if (events & UV_READABLE && c->state != ZUV__CONNECTION_CLOSED && !c->paused)
    zuv__connection_read(c);
  zuv__connection_watch(c);
}

static int start(zuv__connection_t *c) {
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
  return zuv__connection_start_handshake(c);
}

static void set_batches(zuv__connection_t *c, const zuv__options_t *options) {
  c->write_at = options->out_batch_is_set ? (uint32_t)options->out_batch_size
                                          : ZUV__OUTPUT_BUFFER_SIZE;
  c->raw_max = (uint32_t)options->in_batch_size;
  c->read_max = options->in_batch_is_set ? c->raw_max : UINT32_MAX;
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
  c->wipes_input =
      !c->raw && session->config->mechanism->number == ZUV__MECHANISM_PLAIN;
  c->max_size = max_size < 0 ? UINT64_MAX : (uint64_t)max_size;
  c->frame_max = c->max_size;
  set_batches(c, session->options);
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
  if ((c->state == ZUV__CONNECTION_TRAFFIC && c->failure == 0) ||
      c->says_goodbye)
    discard_unread(c);
  c->state = ZUV__CONNECTION_CLOSED;
  zuv__task_cancel(&c->flush_task);
  zuv__task_cancel(&c->resume_task);
  zuv__connection_end_handshake(c);
  zuv__heartbeat_free(c);
  zuv__output_clear(&c->output, c->loop);
  zuv__io_close(c->io);
  c->io = NULL;
  /* A message that lies in our input may be with the application just now. */
  zuv__loop_schedule(c->loop, &c->free_task);
}

void zuv__connection_lose(zuv__connection_t *c, int status, bool protocol) {
  zuv__session_t *session = c->session;
  zuv__loss_t loss = {status, protocol, c->state == ZUV__CONNECTION_HANDSHAKE,
                      -1};

  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  loss.fd = c->io->fd;
  zuv__session_see_ends(session, loss.fd);
  if (loss.in_handshake)
    zuv__connection_tell_handshake_failed(c, status);
  c->failure = status;
  zuv__connection_close(c);
  zuv__session_lost(session, &loss);
}

void zuv__connection_dismiss(zuv__connection_t *c) {
  if (c->state == ZUV__CONNECTION_CLOSED || c->failure != 0)
    return;
  if (!c->peer_gone)
    (void)zuv__output_flush(&c->output, c->loop, c->io->fd);
  c->peer_gone = false;
  c->says_goodbye = true;
  c->failure = UV_ECANCELED;
  zuv__loop_schedule_flush(c->loop, &c->flush_task);
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
