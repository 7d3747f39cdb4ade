/* What must not be taken for the silence of a peer:
 *
 *   - We do not read, as the application has enough: deadlines that expire
 *     meanwhile start again, and begin anew when reading goes on. Our PINGs
 *     still go out, by which the peer knows that we live.
 *   - The loop was busy for long: what has come is still with the kernel.
 *   - The peer reads slowly: our PING waits behind what it has yet to read.
 *     While the output is blocked no PING is added to it, and each time that
 *     the kernel takes some of it counts as life. A peer that reads nothing at
 *     all and says nothing is lost, as one that is gone without a word. */
#include "transport/heartbeat.h"

#include <poll.h>

#include "base/alloc.h"
#include "zmtp/command.h"

enum { TTL_UNIT_MS = 100 };

static bool is_running(const zuv__timer_t *timer) {
  return zuv__heap_node_inserted(&timer->node);
}

static uint64_t timeout_of(const zuv__connection_t *c) {
  const zuv__options_t *options = c->session->options;
  int timeout = options->heartbeat_timeout;

  return (uint64_t)(timeout < 0 ? options->heartbeat_ivl : timeout);
}

/* The kernel has something to tell of it, which the loop will hear next. */
static bool has_news(const zuv__connection_t *c, short events) {
  struct pollfd fd = {.fd = c->io->fd, .events = events};

  return poll(&fd, 1, 0) > 0;
}

static void expired(zuv__connection_t *c, zuv__timer_t *timer, uint64_t ms,
                    short events) {
  if (c->paused)
    zuv__timer_start(c->loop, timer, ms);
  else if (!has_news(c, events))
    zuv__connection_lose(c, UV_ETIMEDOUT, false);
}

static void on_deadline(zuv__timer_t *timer) {
  zuv__connection_t *c =
      zuv__container_of(timer, zuv__heartbeat_t, deadline)->connection;

  expired(c, timer, timeout_of(c), c->blocked ? POLLIN | POLLOUT : POLLIN);
}

static void on_peer_deadline(zuv__timer_t *timer) {
  zuv__connection_t *c =
      zuv__container_of(timer, zuv__heartbeat_t, peer_deadline)->connection;

  expired(c, timer, c->heartbeat->ttl_ms, POLLIN);
}

/* At once, for the deadline is to begin when the PING is on its way. */
static int send_ping(zuv__connection_t *c) {
  const zuv__ping_t ping = {
      .ttl = (uint16_t)(c->session->options->heartbeat_ttl / TTL_UNIT_MS)};
  uint8_t frame[ZUV__PING_FRAME_MAX];
  size_t size = zuv__command_write_ping(frame, &ping);
  int err = zuv__connection_write_frame(c, frame, size);

  if (err == 0)
    zuv__connection_flush(c);
  return err;
}

static void on_interval(zuv__timer_t *timer) {
  zuv__heartbeat_t *heartbeat =
      zuv__container_of(timer, zuv__heartbeat_t, interval);
  zuv__connection_t *c = heartbeat->connection;
  uint64_t timeout = timeout_of(c);
  int err = zuv__connection_can_write(c) ? send_ping(c) : 0;

  if (err != 0)
    zuv__connection_lose(c, err, false);
  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  zuv__timer_start(c->loop, timer,
                   (uint64_t)c->session->options->heartbeat_ivl);
  if (timeout > 0 && !is_running(&heartbeat->deadline))
    zuv__timer_start(c->loop, &heartbeat->deadline, timeout);
}

static int ensure(zuv__connection_t *c) {
  zuv__heartbeat_t *heartbeat;

  if (c->heartbeat != NULL)
    return 0;
  heartbeat = zuv__calloc(1, sizeof(*heartbeat));
  if (heartbeat == NULL)
    return UV_ENOMEM;
  heartbeat->connection = c;
  zuv__timer_init(&heartbeat->interval, on_interval);
  zuv__timer_init(&heartbeat->deadline, on_deadline);
  zuv__timer_init(&heartbeat->peer_deadline, on_peer_deadline);
  c->heartbeat = heartbeat;
  return 0;
}

int zuv__heartbeat_start(zuv__connection_t *c) {
  int interval = c->session->options->heartbeat_ivl;
  int err;

  if (interval == 0 || !zuv__connection_speaks_commands(c))
    return 0;
  err = ensure(c);
  if (err != 0)
    return err;
  zuv__timer_start(c->loop, &c->heartbeat->interval, (uint64_t)interval);
  return 0;
}

int zuv__heartbeat_ttl(zuv__connection_t *c, uint16_t ttl) {
  int err;

  if (ttl == 0)
    return 0;
  err = ensure(c);
  if (err != 0)
    return err;
  c->heartbeat->ttl_ms = (uint64_t)ttl * TTL_UNIT_MS;
  zuv__timer_start(c->loop, &c->heartbeat->peer_deadline, c->heartbeat->ttl_ms);
  return 0;
}

void zuv__heartbeat_end_deadlines(zuv__connection_t *c) {
  zuv__timer_stop(c->loop, &c->heartbeat->deadline);
  zuv__timer_stop(c->loop, &c->heartbeat->peer_deadline);
}

void zuv__heartbeat_progressed(zuv__connection_t *c) {
  if (c->heartbeat != NULL)
    zuv__timer_stop(c->loop, &c->heartbeat->deadline);
}

void zuv__heartbeat_resumed(zuv__connection_t *c) {
  zuv__heartbeat_t *heartbeat = c->heartbeat;

  if (heartbeat == NULL)
    return;
  if (is_running(&heartbeat->deadline))
    zuv__timer_start(c->loop, &heartbeat->deadline, timeout_of(c));
  if (is_running(&heartbeat->peer_deadline))
    zuv__timer_start(c->loop, &heartbeat->peer_deadline, heartbeat->ttl_ms);
}

void zuv__heartbeat_free(zuv__connection_t *c) {
  zuv__heartbeat_t *heartbeat = c->heartbeat;

  if (heartbeat == NULL)
    return;
  zuv__timer_stop(c->loop, &heartbeat->interval);
  zuv__heartbeat_end_deadlines(c);
  c->heartbeat = NULL;
  zuv__free(heartbeat);
}
