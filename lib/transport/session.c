#include "transport/session.h"

#include "base/alloc.h"
#include "core/monitor.h"
#include "core/security_options.h"
#include "routing/notice.h"
#include "security/mechanism.h"
#include "transport/connection.h"

int zuv__session_config(zuv__engine_config_t *config, zuv__options_t *options,
                        int socket_type) {
  const zuv__option_bytes_t *metadata = options->bytes[ZUV__BYTES_METADATA];

  memset(config, 0, sizeof(*config));
  config->socket_type = socket_type;
  config->routing_id = options->routing_id;
  config->routing_id_size = options->routing_id_size;
  config->security = &options->security;
  config->mechanism = zuv__mechanism_find(options->security.mechanism,
                                          options->security.as_server);
  config->as_server = options->security.as_server;
  /* Whoever decides may say so at once, see admission.c. */
  config->authenticate = true;
  config->refuse_old_peers = options->security.zap_domain.size > 0;
  if (metadata != NULL) {
    config->extra_metadata = metadata->data;
    config->extra_metadata_size = metadata->size;
  }
  return zuv__security_prepare(&options->security);
}

/* ---- The link below the pipe ---- */

static bool can_take(zuv__session_t *session, zuv__pipe_t *pipe) {
  return session->connection != NULL && pipe->out.count == 0 &&
         !pipe->conflate && zuv__connection_can_write(session->connection);
}

/* Only the newest message counts, and of it only the last part. */
static int write_conflated(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  zuv__block_pool_t *blocks = &pipe->socket->loop->blocks;
  int err = zuv__msg_make_lasting(&parts[count - 1]);

  if (err != 0)
    return err;
  zuv__pipe_clear_out(pipe);
  err = zuv__queue_write(&pipe->out, blocks, &parts[count - 1], 1);
  if (err == 0)
    zuv__msgs_close(parts, count - 1);
  return err;
}

static int link_write(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  zuv__session_t *session = pipe->link;
  zuv__connection_t *connection = session->connection;
  int err;

  if (can_take(session, pipe))
    return zuv__connection_write(connection, parts, count);
  if (pipe->conflate)
    err = write_conflated(pipe, parts, count);
  else
    err =
        zuv__queue_write(&pipe->out, &pipe->socket->loop->blocks, parts, count);
  if (err != 0)
    return err;
  if (!pipe->conflate && zuv__pipe_out_is_full(pipe))
    pipe->can_write = false;
  if (connection != NULL && zuv__connection_can_write(connection))
    zuv__loop_schedule_flush(pipe->socket->loop, &connection->flush_task);
  return 0;
}

static int link_write_framed(zuv__pipe_t *pipe, zuv__body_t *chunk,
                             const uint8_t *bytes, size_t size) {
  zuv__session_t *session = pipe->link;

  if (!can_take(session, pipe) || !session->connection->in_clear)
    return UV_EAGAIN;
  return zuv__connection_write_shared(session->connection, chunk, bytes, size);
}

static void link_resume(zuv__pipe_t *pipe) {
  zuv__session_t *session = pipe->link;

  if (session->connection != NULL)
    zuv__connection_resume(session->connection);
}

static int link_subscribe(zuv__pipe_t *pipe, bool subscribe, const void *topic,
                          size_t size) {
  zuv__session_t *session = pipe->link;

  /* Without a connection all is said when the next one is ready. */
  if (session->connection == NULL)
    return 0;
  return zuv__connection_subscribe(session->connection, subscribe, topic, size);
}

static void link_limits(zuv__pipe_t *pipe) {
  if (!zuv__pipe_out_is_full(pipe))
    zuv__pipe_writable(pipe);
  if (pipe->in_full && !zuv__pipe_in_is_full(pipe)) {
    pipe->in_full = false;
    link_resume(pipe);
  }
}

/* A handshake is none of the pipe's. */
static bool nothing_waits(const zuv__session_t *session) {
  const zuv__connection_t *connection = session->connection;

  return session->pipe->out.count == 0 &&
         (connection == NULL || connection->state != ZUV__CONNECTION_TRAFFIC ||
          zuv__connection_is_flushed(connection));
}

static void link_drain(zuv__pipe_t *pipe) {
  zuv__session_t *session = pipe->link;

  if (nothing_waits(session))
    zuv__pipe_drained(pipe);
  else if (session->connection != NULL)
    /* Nobody reads any more, but the end of the peer must be noticed. */
    zuv__connection_resume(session->connection);
}

static void link_count(const zuv__pipe_t *pipe, zuv__counts_t *counts) {
  const zuv__session_t *session = pipe->link;

  if (session->connection != NULL)
    counts->bytes_out += session->connection->sent_bytes;
}

/* Before the pipe and its connection part. */
static void settle_counts(zuv__session_t *session) {
  zuv__connection_t *connection = session->connection;

  if (connection == NULL || session->pipe == NULL)
    return;
  session->pipe->sent_bytes += connection->sent_bytes;
  connection->sent_bytes = 0;
}

static void link_dismiss(zuv__pipe_t *pipe) {
  zuv__session_t *session = pipe->link;

  if (session->connection != NULL)
    zuv__connection_dismiss(session->connection);
}

static void link_end(zuv__pipe_t *pipe) {
  zuv__session_t *session = pipe->link;

  settle_counts(session);
  session->pipe = NULL;
  zuv__session_drop_connection(session);
  session->owner->ended(session);
}

/* What the connection has taken is as good as the kernel's. */
static void link_stats(zuv__pipe_t *pipe, zuv__pipe_stats_t *stats) {
  zuv__session_t *session = pipe->link;

  if (session->connection != NULL)
    zuv__session_see_ends(session, session->connection->io->fd);
  if (session->ends == NULL)
    return;
  stats->local = session->ends->local;
  stats->remote = session->ends->remote;
}

static const zuv__link_ops_t link_ops = {
    .write = link_write,
    .write_framed = link_write_framed,
    .resume = link_resume,
    .subscribe = link_subscribe,
    .limits = link_limits,
    .count = link_count,
    .dismiss = link_dismiss,
    .drain = link_drain,
    .stats = link_stats,
    .end = link_end,
};

/* ---- For the owner ---- */

/* With IMMEDIATE a pipe comes later than the connect, which has consumed
 * CONNECT_ROUTING_ID: by now that may be set for another one. */
static int attach_later(zuv__session_t *session, zuv__pipe_t *pipe) {
  const zuv__options_t *own = session->options;
  zuv__options_t *options = &session->socket->options;
  unsigned char size = options->connect_routing_id_size;
  unsigned char id[sizeof(options->connect_routing_id)];
  int err;

  memcpy(id, options->connect_routing_id, sizeof(id));
  memcpy(options->connect_routing_id, own->connect_routing_id, sizeof(id));
  options->connect_routing_id_size = own->connect_routing_id_size;
  err = zuv__pipe_attach(pipe);
  memcpy(options->connect_routing_id, id, sizeof(id));
  options->connect_routing_id_size = size;
  return err;
}

int zuv__session_open_pipe(zuv__session_t *session) {
  zuv__pipe_t *pipe =
      zuv__pipe_new(session->socket, &link_ops, session, session->endpoint);
  int err;

  if (pipe == NULL)
    return UV_ENOMEM;
  pipe->connecting = session->connecting;
  pipe->raw =
      session->socket->pattern->raw || session->options->router_raw != 0;
  pipe->notify = (uint8_t)session->options->router_notify;
  session->pipe = pipe;
  err = session->connecting && session->options->immediate
            ? attach_later(session, pipe)
            : zuv__pipe_attach(pipe);
  if (err != 0) {
    session->pipe = NULL;
    zuv__pipe_ended(pipe);
  }
  return err;
}

static void forget_ends(zuv__session_t *session) {
  zuv__free(session->ends);
  session->ends = NULL;
}

void zuv__session_drop_connection(zuv__session_t *session) {
  zuv__connection_t *connection = session->connection;

  settle_counts(session);
  session->connection = NULL;
  forget_ends(session);
  if (connection != NULL)
    zuv__connection_close(connection);
}

void zuv__session_end_pipe(zuv__session_t *session) {
  zuv__pipe_t *pipe = session->pipe;

  settle_counts(session);
  session->pipe = NULL;
  zuv__session_drop_connection(session);
  if (pipe != NULL)
    zuv__pipe_ended(pipe);
}

void zuv__session_see_ends(zuv__session_t *session, int fd) {
  const char *remote = session->proxy != NULL ? session->proxy
                       : session->connecting  ? session->endpoint
                                              : NULL;

  if (session->socket->event_cb != NULL && session->ends == NULL)
    session->ends = zuv__ends_of(fd, remote);
}

void zuv__session_tell(zuv__session_t *session, const zuv_event_t *event) {
  zuv_event_t told = *event;

  if (session->socket->event_cb == NULL)
    return;
  if (event->type == ZUV_EVENT_ACCEPTED || event->type == ZUV_EVENT_CONNECTED)
    forget_ends(session);
  if (event->type != ZUV_EVENT_DISCONNECTED)
    zuv__session_see_ends(session, event->fd);
  told.endpoint = session->endpoint;
  told.connecting = session->connecting;
  if (session->ends != NULL) {
    told.local = session->ends->local;
    told.remote = session->ends->remote;
  }
  zuv__monitor_event(session->socket, &told);
}

/* ---- From the connection ---- */

/* In front of all that waits in the pipe, or that a pattern sends first. */
static int say_hello(zuv__session_t *session) {
  zuv_msg_t hello;
  uint64_t sent_bytes = session->connection->sent_bytes;
  int err;

  if (session->connection->raw ||
      !zuv__notice_hello(session->options, session->socket->pattern, &hello))
    return 0;
  err = zuv__msg_make_lasting(&hello);
  if (err != 0)
    return err;
  /* zuv__connection_write() has one caller, in which it is inlined. */
  zuv__connection_write_part(session->connection, &hello, false);
  /* It is none of those that the statistics count. */
  session->connection->sent_bytes = sent_bytes;
  return 0;
}

int zuv__session_ready(zuv__session_t *session, zuv_peer_t *peer) {
  zuv__pipe_t *pipe;
  int err = say_hello(session);

  if (err == 0 && session->pipe == NULL)
    err = zuv__session_open_pipe(session);
  if (err != 0) {
    zuv__peer_release(peer);
    return err;
  }
  pipe = session->pipe;
  zuv__session_tell(
      session,
      &(zuv_event_t){.type = ZUV_EVENT_READY, .peer = peer, .fd = peer->fd});
  err = zuv__pipe_ready(pipe, peer);
  if (err != 0)
    return err;
  if (session->was_ready)
    session->socket->counts.reconnects++;
  session->was_ready = true;
  zuv__session_pump(session);
  return 0;
}

static void pump_messages(zuv__pipe_t *pipe, zuv__connection_t *connection) {
  zuv__block_pool_t *blocks = &pipe->socket->loop->blocks;

  while (pipe->out.count > 0 && zuv__connection_can_write(connection)) {
    bool more = true;

    zuv__block_pool_pin(blocks);
    while (more) {
      zuv_msg_t part;
      zuv__queue_pop(&pipe->out, blocks, &part, &more);
      zuv__connection_write_part(connection, &part, more);
    }
    zuv__block_pool_unpin(blocks);
  }
}

void zuv__session_pump(zuv__session_t *session) {
  zuv__pipe_t *pipe = session->pipe;

  if (pipe == NULL)
    return;
  pump_messages(pipe, session->connection);
  if (zuv__connection_is_flushed(session->connection))
    zuv__pipe_flushed(pipe, pipe->written - pipe->out.count);
  if (pipe->state == ZUV__PIPE_LINGERING) {
    if (nothing_waits(session))
      zuv__pipe_drained(pipe);
    return;
  }
  if (pipe->conflate || zuv__pipe_out_is_relieved(pipe))
    zuv__pipe_writable(pipe);
}

void zuv__session_lost(zuv__session_t *session, const zuv__loss_t *loss) {
  zuv__pipe_t *pipe = session->pipe;
  /* Not if it failed between its handshake and that. */
  bool was_ready = pipe != NULL && pipe->connected;

  settle_counts(session);
  session->connection = NULL;
  if (pipe != NULL)
    zuv__pipe_lost(pipe);
  if (was_ready)
    zuv__notice_loss(pipe, session->options);
  zuv__session_tell(session,
                    &(zuv_event_t){.type = ZUV_EVENT_DISCONNECTED,
                                   .status = loss->status,
                                   .peer = was_ready ? pipe->peer : NULL,
                                   .fd = loss->fd});
  forget_ends(session);
  /* What the connection had yet to write is gone with it. */
  if (pipe != NULL && pipe->state == ZUV__PIPE_LINGERING &&
      nothing_waits(session))
    zuv__pipe_drained(pipe);
  else
    session->owner->lost(session, loss);
}
