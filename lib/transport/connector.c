/*
 *   WAITING --timer--> RESOLVING --> CONNECTING --> NEGOTIATING --> CONNECTED
 *      ^                   |             |               |              |
 *      +----- delay -------+-------------+---------------+--------------+
 *                                                                       |
 *   STOPPED <-- a failure that trying again cannot heal ----------------+
 *
 * Names are resolved anew for each attempt, on libuv's thread pool, and all
 * addresses of a name are tried in order. NEGOTIATING is with a SOCKS proxy,
 * whose address then takes the place of the target's. ipc has neither it nor
 * RESOLVING, and CONNECTING takes no time. The delay follows RECONNECT_IVL,
 * RECONNECT_IVL_MAX and RECONNECT_JITTER.
 *
 * The pipe is there from the start, and messages wait in it; with
 * ZMQ_IMMEDIATE only while a peer is connected. When the application closes the
 * endpoint, attempts go on for as long as the pipe lingers. */
#include "transport/connector.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"
#include "core/io.h"
#include "routing/peer_ids.h"
#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/ipc.h"
#include "transport/proxy.h"
#include "transport/tcp.h"

typedef enum {
  WAITING,
  RESOLVING,
  CONNECTING,
  NEGOTIATING,
  CONNECTED,
  STOPPED
} state_t;

enum {
  REFUSALS_MAX = 6,         /* in a row: 32 times the first delay */
  REFUSED_DELAY_MAX = 60000 /* ms, unless the first is longer */
};

typedef struct connector_s connector_t;

/* Outlives a connector that goes away while libuv resolves. */
typedef struct {
  uv_getaddrinfo_t request;
  connector_t *connector; /* NULL: gone */
} resolution_t;

struct connector_s {
  zuv__endpoint_t endpoint;
  zuv__options_t options;
  zuv__engine_config_t config;
  zuv__session_t session;
  zuv__endpoint_address_t where;
  zuv__proxy_t *proxy;           /* NULL: none */
  zuv__timer_t timer;            /* the delay, or the limit of the attempt */
  zuv__io_t *io;                 /* CONNECTING, NEGOTIATING */
  resolution_t *resolution;      /* RESOLVING */
  struct addrinfo *addresses;    /* of the name, or NULL */
  struct addrinfo *next_address; /* to try */
  uint64_t delay_ms;             /* of the next doubling */
  unsigned refusals;             /* secured handshakes that failed in a row */
  state_t state;
  bool closed; /* by the application: goes away with its pipe */
};

static void attempt(connector_t *connector);
static void attempt_failed(connector_t *connector, int status);

static void tell(connector_t *connector, zuv_event_type type, int status,
                 uint64_t delay_ms, int fd) {
  zuv_event_t event = {.type = type,
                       .status = status,
                       .endpoint = connector->endpoint.text,
                       .remote = connector->session.proxy,
                       .connecting = 1,
                       .delay_ms = delay_ms,
                       .fd = fd};
  zuv__monitor_event(connector->endpoint.socket, &event);
}

static zuv__loop_t *loop_of(connector_t *connector) {
  return connector->endpoint.socket->loop;
}

static void forget_addresses(connector_t *connector) {
  if (connector->addresses != NULL)
    uv_freeaddrinfo(connector->addresses);
  connector->addresses = connector->next_address = NULL;
}

/* Where the descriptor is to be connected to. */
static const zuv__tcp_endpoint_t *next_hop(const connector_t *connector) {
  return connector->proxy != NULL ? &connector->proxy->where
                                  : &connector->where.u.tcp;
}

/* Ends whatever the attempt is at. */
static void cancel_attempt(connector_t *connector) {
  if (connector->state == NEGOTIATING)
    zuv__proxy_end(connector->proxy);
  zuv__timer_stop(loop_of(connector), &connector->timer);
  if (connector->resolution != NULL) {
    connector->resolution->connector = NULL;
    uv_cancel((uv_req_t *)&connector->resolution->request);
    connector->resolution = NULL;
  }
  if (connector->io != NULL) {
    zuv__io_close(connector->io);
    connector->io = NULL;
  }
  forget_addresses(connector);
}

static void connector_free(connector_t *connector) {
  cancel_attempt(connector);
  zuv__proxy_free(connector->proxy);
  zuv__session_drop_connection(&connector->session);
  zuv__free(connector->endpoint.text);
  zuv__options_destroy(&connector->options);
  zuv__free(connector);
}

/* No further attempt. Unless the endpoint is to be forgotten, it stays known,
 * so that connecting it again must be preceded by a disconnect, as in ZeroMQ.
 */
static void stop(connector_t *connector, int status, bool forget) {
  cancel_attempt(connector);
  connector->state = STOPPED;
  tell(connector, ZUV_EVENT_STOPPED, status, 0, -1);
  zuv__session_end_pipe(&connector->session);
  if (connector->closed || forget) {
    zuv__socket_remove_endpoint(&connector->endpoint);
    connector_free(connector);
  }
}

/* RECONNECT_IVL plus as much again at random, or doubling up to
 * RECONNECT_IVL_MAX. A server that refuses us will hardly change its mind, and
 * each attempt costs it a lot: then the first doubles as well. */
static uint64_t full_delay(connector_t *connector) {
  uint64_t interval = (uint64_t)connector->options.reconnect_ivl;
  uint64_t max = (uint64_t)connector->options.reconnect_ivl_max;
  uint64_t delay;

  if (max == 0) {
    for (unsigned i = 1;
         i < connector->refusals && interval <= REFUSED_DELAY_MAX / 2; i++)
      interval *= 2;
    return interval + zuv__random_u32() % interval;
  }
  delay = connector->delay_ms == 0 ? interval : connector->delay_ms;
  if (delay > max)
    delay = max;
  connector->delay_ms = delay * 2 > max ? max : delay * 2;
  return delay;
}

/* What many clients lost at the same time they shall not ask for at the same
 * time. */
static uint64_t next_delay(connector_t *connector) {
  uint64_t delay = full_delay(connector);
  uint64_t most = delay * (uint64_t)connector->options.reconnect_jitter / 100;

  if (most > 0)
    delay -= zuv__random_u32() % (most + 1);
  return delay > 0 ? delay : 1;
}

static void wait_for_next(connector_t *connector, int status) {
  uint64_t delay;

  cancel_attempt(connector);
  if (connector->options.reconnect_ivl <= 0) {
    if (connector->closed) {
      /* What lingers has no way to go any more. */
      stop(connector, status, true);
      return;
    }
    connector->state = STOPPED;
    tell(connector, ZUV_EVENT_STOPPED, status, 0, -1);
    return;
  }
  delay = next_delay(connector);
  connector->state = WAITING;
  zuv__timer_start(loop_of(connector), &connector->timer, delay);
  tell(connector, ZUV_EVENT_CONNECT_RETRIED, status, delay, -1);
}

static void on_timer(zuv__timer_t *timer) {
  connector_t *connector = zuv__container_of(timer, connector_t, timer);

  if (connector->state == CONNECTING || connector->state == NEGOTIATING)
    attempt_failed(connector, UV_ETIMEDOUT);
  else
    attempt(connector);
}

static void connected(connector_t *connector, zuv__io_t *io) {
  zuv__loss_t loss = {.fd = io->fd};

  cancel_attempt(connector);
  connector->state = CONNECTED;
  if (connector->refusals == 0)
    connector->delay_ms = 0;
  if (connector->where.scheme == ZUV__TRANSPORT_TCP)
    zuv__tcp_tune(io->fd, &connector->options);
  zuv__session_tell(&connector->session,
                    &(zuv_event_t){.type = ZUV_EVENT_CONNECTED, .fd = io->fd});
  loss.status = zuv__connection_new(&connector->session, io);
  if (loss.status != 0)
    zuv__session_lost(&connector->session, &loss);
}

static void on_negotiating(void *owner, int events) {
  connector_t *connector = owner;
  zuv__io_t *io = connector->io;
  int status = zuv__proxy_step(connector->proxy, io);

  (void)events;
  if (status == UV_EAGAIN)
    return;
  if (status != 0) {
    attempt_failed(connector, status);
    return;
  }
  connector->io = NULL;
  connected(connector, io);
}

/* CONNECT_TIMEOUT is of the whole attempt, and goes on; but no proxy has more
 * time than any handshake. */
static void limit_negotiation(connector_t *connector) {
  uint64_t limit = (uint64_t)connector->options.handshake_ivl;
  uint64_t left = zuv__timer_left(loop_of(connector), &connector->timer);

  if (limit > 0 && limit < left)
    zuv__timer_start(loop_of(connector), &connector->timer, limit);
}

/* The descriptor is connected, if not yet to the target. */
static void reached(connector_t *connector, zuv__io_t *io) {
  if (connector->where.scheme == ZUV__TRANSPORT_TCP &&
      zuv__tcp_is_own_end(io->fd)) {
    connector->io = io;
    attempt_failed(connector, UV_ECONNREFUSED);
    return;
  }
  if (connector->proxy == NULL) {
    connector->io = NULL;
    connected(connector, io);
    return;
  }
  connector->io = io;
  connector->state = NEGOTIATING;
  io->cb = on_negotiating;
  limit_negotiation(connector);
  zuv__proxy_begin(connector->proxy);
  on_negotiating(connector, 0);
}

static void on_connecting(void *owner, int events) {
  connector_t *connector = owner;
  zuv__io_t *io = connector->io;
  int error = 0;
  socklen_t size = sizeof(error);

  (void)events;
  if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  if (error != 0) {
    attempt_failed(connector, uv_translate_sys_error(error));
    return;
  }
  reached(connector, io);
}

static void start_limit(connector_t *connector) {
  if (connector->options.connect_timeout > 0)
    zuv__timer_start(loop_of(connector), &connector->timer,
                     (uint64_t)connector->options.connect_timeout);
}

/* The descriptor is connected (`status` 0) or on its way. */
static void follow(connector_t *connector, int fd, int status) {
  zuv__io_t *io;
  int err = zuv__io_open(loop_of(connector), fd, connector, on_connecting, &io);

  if (err != 0) {
    close(fd);
    attempt_failed(connector, err);
    return;
  }
  start_limit(connector);
  if (status == 0) {
    reached(connector, io);
    return;
  }
  connector->io = io;
  connector->state = CONNECTING;
  tell(connector, ZUV_EVENT_CONNECT_DELAYED, 0, 0, fd);
  err = zuv__io_watch(io, UV_WRITABLE);
  if (err != 0)
    attempt_failed(connector, err);
}

/* True when the attempt goes on; else *status says why it does not. */
static bool connect_tcp(connector_t *connector, const struct sockaddr *address,
                        socklen_t length, int *status) {
  int fd = -1;

  *status = zuv__tcp_connect(address, length, next_hop(connector),
                             &connector->options, &fd);
  if (fd < 0)
    return false;
  follow(connector, fd, *status);
  return true;
}

/* Tries the addresses that are left until one does not fail at once. */
static void connect_next_address(connector_t *connector) {
  uint16_t port = htons(next_hop(connector)->port);
  int status = UV_EAI_NODATA;

  while (connector->next_address != NULL) {
    struct addrinfo *info = connector->next_address;
    struct sockaddr_storage address;

    connector->next_address = info->ai_next;
    memcpy(&address, info->ai_addr, info->ai_addrlen);
    if (address.ss_family == AF_INET6)
      ((struct sockaddr_in6 *)&address)->sin6_port = port;
    else
      ((struct sockaddr_in *)&address)->sin_port = port;
    if (connect_tcp(connector, (struct sockaddr *)&address, info->ai_addrlen,
                    &status))
      return;
  }
  attempt_failed(connector, status);
}

static void attempt_failed(connector_t *connector, int status) {
  /* An ipc attempt is over before it could be watched. */
  if (connector->io != NULL || connector->where.scheme == ZUV__TRANSPORT_IPC)
    tell(connector, ZUV_EVENT_CLOSED, status, 0,
         connector->io == NULL ? -1 : connector->io->fd);
  if (connector->state == NEGOTIATING)
    zuv__proxy_end(connector->proxy);
  if (connector->io != NULL) {
    zuv__io_close(connector->io);
    connector->io = NULL;
  }
  zuv__timer_stop(loop_of(connector), &connector->timer);
  if (connector->next_address != NULL)
    connect_next_address(connector);
  else if (status == UV_ECONNREFUSED &&
           connector->options.reconnect_stop &
               ZUV_RECONNECT_STOP_CONN_REFUSED &&
           connector->where.scheme == ZUV__TRANSPORT_TCP)
    stop(connector, status, true);
  else if (status == UV_ECONNREFUSED && connector->closed &&
           connector->options.reconnect_stop &
               ZUV_RECONNECT_STOP_AFTER_DISCONNECT)
    stop(connector, status, true);
  else
    wait_for_next(connector, status);
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *addresses) {
  resolution_t *resolution = zuv__container_of(request, resolution_t, request);
  connector_t *connector = resolution->connector;

  zuv__free(resolution);
  if (connector == NULL) {
    uv_freeaddrinfo(addresses);
    return;
  }
  connector->resolution = NULL;
  if (status != 0) {
    wait_for_next(connector, status);
    return;
  }
  connector->addresses = connector->next_address = addresses;
  connect_next_address(connector);
}

static void resolve(connector_t *connector) {
  bool ipv6 = connector->options.ipv6 != 0;
  struct addrinfo hints = {.ai_family = ipv6 ? AF_INET6 : AF_INET,
                           .ai_flags = ipv6 ? AI_V4MAPPED | AI_ALL : 0,
                           .ai_socktype = SOCK_STREAM};
  resolution_t *resolution = zuv__malloc(sizeof(*resolution));
  int err = UV_ENOMEM;

  if (resolution != NULL) {
    resolution->connector = connector;
    err = uv_getaddrinfo(loop_of(connector)->uv, &resolution->request,
                         on_resolved, next_hop(connector)->host, NULL, &hints);
  }
  if (err != 0) {
    zuv__free(resolution);
    wait_for_next(connector, err);
    return;
  }
  connector->resolution = resolution;
  connector->state = RESOLVING;
}

static void attempt_tcp(connector_t *connector) {
  const zuv__tcp_endpoint_t *tcp = next_hop(connector);
  struct sockaddr_storage address;
  int err = zuv__tcp_resolve_numeric(tcp->host, tcp->port,
                                     connector->options.ipv6 != 0, &address);

  if (err == UV_EAI_NONAME)
    resolve(connector);
  else if (err != 0)
    attempt_failed(connector, err);
  else if (!connect_tcp(connector, (struct sockaddr *)&address,
                        zuv__tcp_address_length(&address), &err))
    attempt_failed(connector, err);
}

static void attempt(connector_t *connector) {
  int fd = -1;
  int err;

  if (connector->where.scheme == ZUV__TRANSPORT_TCP) {
    attempt_tcp(connector);
    return;
  }
  err = zuv__ipc_connect(&connector->where.u.ipc, &connector->options, &fd);
  if (err != 0)
    attempt_failed(connector, err);
  else
    follow(connector, fd, 0);
}

/* A handshake that ends without a word is how servers refuse. */
static void count_refusals(connector_t *connector, const zuv__loss_t *loss) {
  if (!loss->in_handshake) {
    connector->refusals = 0;
    connector->delay_ms = 0;
  } else if (connector->options.security.mechanism != ZUV_NULL &&
             connector->refusals < REFUSALS_MAX) {
    connector->refusals++;
  }
}

/* The order of these rules is libzmq's; programs can observe it. */
static void on_session_lost(zuv__session_t *session, const zuv__loss_t *loss) {
  connector_t *connector = zuv__container_of(session, connector_t, session);

  count_refusals(connector, loss);
  if (loss->protocol ||
      (loss->in_handshake &&
       connector->options.reconnect_stop & ZUV_RECONNECT_STOP_HANDSHAKE_FAILED))
    stop(connector, loss->status, false);
  else if (connector->options.reconnect_ivl <= 0)
    stop(connector, loss->status, true);
  else {
    if (connector->options.immediate)
      zuv__session_end_pipe(session);
    if (connector->closed && session->pipe == NULL)
      connector_free(connector);
    else
      wait_for_next(connector, loss->status);
  }
}

/* The pipe was ended from above: with the endpoint, or by its pattern, which
 * wants no more of this peer. */
static void on_session_ended(zuv__session_t *session) {
  connector_t *connector = zuv__container_of(session, connector_t, session);

  cancel_attempt(connector);
  connector->state = STOPPED;
  if (connector->closed)
    connector_free(connector);
}

static const zuv__session_owner_t connector_owner = {on_session_lost,
                                                     on_session_ended};

static void connector_close(zuv__endpoint_t *endpoint, int linger) {
  connector_t *connector = zuv__container_of(endpoint, connector_t, endpoint);

  connector->closed = true;
  if (connector->session.pipe != NULL) {
    /* Without another attempt nothing that waits has a way to go. */
    zuv__pipe_close(connector->session.pipe,
                    connector->state == STOPPED ? 0 : linger);
    return;
  }
  zuv__session_drop_connection(&connector->session);
  connector_free(connector);
}

static int connector_new(zuv__socket_t *socket, const char *text,
                         const zuv__endpoint_address_t *where,
                         connector_t **out) {
  connector_t *connector = zuv__calloc(1, sizeof(*connector));
  int err;

  if (connector == NULL)
    return UV_ENOMEM;
  connector->endpoint.text = zuv__strndup(text, strlen(text));
  if (connector->endpoint.text == NULL) {
    zuv__free(connector);
    return UV_ENOMEM;
  }
  zuv__list_init(&connector->endpoint.in_socket);
  connector->endpoint.socket = socket;
  connector->endpoint.close = connector_close;
  zuv__options_copy(&connector->options, &socket->options);
  connector->where = *where;
  zuv__timer_init(&connector->timer, on_timer);
  err = zuv__session_config(&connector->config, &connector->options,
                            socket->pattern->type);
  if (err == 0 && where->scheme == ZUV__TRANSPORT_TCP)
    err = zuv__proxy_new(&connector->options, &connector->where.u.tcp,
                         &connector->proxy);
  if (err != 0) {
    connector_free(connector);
    return err;
  }
  connector->config.connecting = true;
  connector->session.socket = socket;
  connector->session.owner = &connector_owner;
  connector->session.options = &connector->options;
  connector->session.config = &connector->config;
  connector->session.endpoint = connector->endpoint.text;
  if (connector->proxy != NULL)
    connector->session.proxy = connector->proxy->text;
  connector->session.connecting = true;
  *out = connector;
  return 0;
}

int zuv__connector_connect(zuv__socket_t *socket, const char *text) {
  zuv__endpoint_address_t where;
  connector_t *connector;
  int err = zuv__endpoint_parse_connect(text, &where);

  if (err == 0)
    err = zuv__peer_ids_check_connect(socket);
  if (err == 0)
    err = connector_new(socket, text, &where, &connector);
  if (err != 0)
    return err;
  err = zuv__socket_add_endpoint(socket, &connector->endpoint);
  if (err != 0) {
    connector_free(connector);
    return err;
  }
  if (connector->options.immediate) {
    socket->options.connect_routing_id_size = 0;
  } else {
    err = zuv__session_open_pipe(&connector->session);
    if (err != 0) {
      zuv__socket_remove_endpoint(&connector->endpoint);
      connector_free(connector);
      return err;
    }
  }
  attempt(connector);
  return 0;
}
