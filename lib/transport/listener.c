/* The descriptor is watched, and accepted from, by us: uv_listen() would hide
 * EMFILE by dropping the connections that wait. Here accepting pauses, an event
 * tells, and after a while it is tried again; nobody loses a connection.
 *
 * A closed listener lives on until the last of its peers is gone, for their
 * pipes may linger. */
#include "transport/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/io.h"
#include "transport/address.h"
#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/filter.h"
#include "transport/ipc.h"
#include "transport/tcp.h"

enum {
  ACCEPTS_PER_EVENT_MAX = 16, /* then other descriptors get their turn */
  ACCEPT_RETRY_MS = 100       /* after running out of descriptors */
};

typedef struct {
  zuv__endpoint_t endpoint;
  zuv__options_t options;
  zuv__engine_config_t config;
  zuv__io_t *io; /* NULL once closed */
  zuv__timer_t accept_retry;
  zuv__list_t accepted;
  char *directory; /* of a wildcard ipc socket, or NULL */
  bool tcp;
} listener_t;

typedef struct {
  zuv__session_t session;
  listener_t *listener;
  zuv__list_t in_listener;
} accepted_t;

static void listener_free(listener_t *listener) {
  zuv__free(listener->endpoint.text);
  zuv__options_destroy(&listener->options);
  zuv__free(listener);
}

static void accepted_free(accepted_t *accepted) {
  listener_t *listener = accepted->listener;

  zuv__list_remove(&accepted->in_listener);
  zuv__free(accepted);
  if (listener->io == NULL && zuv__list_empty(&listener->accepted))
    listener_free(listener);
}

static void on_session_lost(zuv__session_t *session, const zuv__loss_t *loss) {
  (void)loss;
  zuv__session_end_pipe(session);
  accepted_free(zuv__container_of(session, accepted_t, session));
}

static void on_session_ended(zuv__session_t *session) {
  accepted_free(zuv__container_of(session, accepted_t, session));
}

static const zuv__session_owner_t accepted_owner = {on_session_lost,
                                                    on_session_ended};

static void tell(listener_t *listener, zuv_event_type type, int status,
                 uint64_t delay_ms, int fd) {
  zuv_event_t event = {.type = type,
                       .status = status,
                       .endpoint = listener->endpoint.text,
                       .delay_ms = delay_ms,
                       .fd = fd};
  zuv__monitor_event(listener->endpoint.socket, &event);
}

static int serve(listener_t *listener, int fd) {
  zuv__socket_t *socket = listener->endpoint.socket;
  accepted_t *accepted = zuv__calloc(1, sizeof(*accepted));
  zuv__io_t *io;
  int err;

  if (accepted == NULL) {
    close(fd);
    return UV_ENOMEM;
  }
  accepted->listener = listener;
  zuv__list_push_back(&listener->accepted, &accepted->in_listener);
  accepted->session.socket = socket;
  accepted->session.owner = &accepted_owner;
  accepted->session.options = &listener->options;
  accepted->session.config = &listener->config;
  accepted->session.endpoint = listener->endpoint.text;
  if (listener->tcp)
    zuv__tcp_tune(fd, &listener->options);
  else
    zuv__ipc_tune(fd, &listener->options);
  err = zuv__io_open(socket->loop, fd, NULL, NULL, &io);
  if (err == 0) {
    zuv__session_tell(&accepted->session,
                      &(zuv_event_t){.type = ZUV_EVENT_ACCEPTED, .fd = fd});
    err = zuv__connection_new(&accepted->session, io);
  } else {
    close(fd);
  }
  if (err != 0) {
    zuv__session_end_pipe(&accepted->session);
    accepted_free(accepted);
  }
  return err;
}

static void take(listener_t *listener, int fd) {
  char address[ZUV__ADDRESS_SIZE] = "";
  int err = zuv__filter_check(fd, &listener->options);
  zuv_event_t event = {.type = ZUV_EVENT_ACCEPT_FAILED,
                       .endpoint = listener->endpoint.text,
                       .fd = -1,
                       .address = address};

  if (err == 0) {
    err = serve(listener, fd);
  } else {
    zuv__address_of_peer(fd, address, sizeof(address));
    close(fd);
  }
  event.status = err;
  if (err != 0)
    zuv__monitor_event(listener->endpoint.socket, &event);
}

static bool is_passing(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO ||
         error == EPERM;
}

static void on_listening(void *owner, int events) {
  listener_t *listener = owner;
  zuv__socket_t *socket = listener->endpoint.socket;

  (void)events;
  for (int i = 0; i < ACCEPTS_PER_EVENT_MAX && listener->io != NULL; i++) {
    int fd =
        accept4(listener->io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int err = fd < 0 ? errno : 0;

    if (fd >= 0) {
      take(listener, fd);
    } else if (err == EAGAIN || err == EWOULDBLOCK) {
      return;
    } else if (!is_passing(err)) {
      zuv__io_watch(listener->io, 0);
      zuv__timer_start(socket->loop, &listener->accept_retry, ACCEPT_RETRY_MS);
      tell(listener, ZUV_EVENT_ACCEPT_FAILED, uv_translate_sys_error(err),
           ACCEPT_RETRY_MS, -1);
      return;
    }
  }
}

static void on_accept_retry(zuv__timer_t *timer) {
  listener_t *listener = zuv__container_of(timer, listener_t, accept_retry);
  zuv__io_watch(listener->io, UV_READABLE);
}

static void listener_close(zuv__endpoint_t *endpoint, int linger) {
  listener_t *listener = zuv__container_of(endpoint, listener_t, endpoint);
  zuv__list_t *node, *next;

  zuv__timer_stop(endpoint->socket->loop, &listener->accept_retry);
  tell(listener, ZUV_EVENT_CLOSED, 0, 0, listener->io->fd);
  zuv__io_close(listener->io);
  zuv__ipc_cleanup(listener->directory);
  listener->directory = NULL;
  for (node = listener->accepted.next; node != &listener->accepted;
       node = next) {
    accepted_t *accepted = zuv__container_of(node, accepted_t, in_listener);
    next = node->next;
    if (accepted->session.pipe != NULL) {
      zuv__pipe_close_keeping_unread(accepted->session.pipe, linger);
    } else {
      zuv__session_drop_connection(&accepted->session);
      accepted_free(accepted);
    }
  }
  listener->io = NULL;
  if (zuv__list_empty(&listener->accepted))
    listener_free(listener);
}

/* Whether a descriptor can be adopted: its address does not matter, but it must
 * listen, and be of this transport. */
static int check_adopted(int fd, bool tcp) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  int type = 0;
  int listens = 0;
  socklen_t size = sizeof(int);

  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
    return uv_translate_sys_error(errno);
  if (type != SOCK_STREAM || !listens)
    return UV_EINVAL;
  if (tcp)
    return address.ss_family == AF_INET || address.ss_family == AF_INET6
               ? 0
               : UV_EINVAL;
  return address.ss_family == AF_UNIX ? 0 : UV_EINVAL;
}

static int listen_on(listener_t *listener, const zuv__endpoint_address_t *where,
                     int *fd) {
  if (listener->options.use_fd >= 0) {
    *fd = listener->options.use_fd;
    return check_adopted(*fd, listener->tcp);
  }
  if (listener->tcp)
    return zuv__tcp_listen(&where->u.tcp, &listener->options, fd);
  return zuv__ipc_listen(&where->u.ipc, &listener->options, fd,
                         &listener->directory);
}

static int set_text(listener_t *listener, int fd) {
  char text[ZUV__ENDPOINT_TEXT_SIZE];
  int err = zuv__address_of_self(fd, text, sizeof(text));

  if (err != 0)
    return err;
  listener->endpoint.text = zuv__strndup(text, strlen(text));
  return listener->endpoint.text == NULL ? UV_ENOMEM : 0;
}

int zuv__listener_bind(zuv__socket_t *socket, const char *text) {
  zuv__endpoint_address_t where;
  listener_t *listener;
  int fd = -1;
  int err = zuv__endpoint_parse_bind(text, &where);

  if (err != 0)
    return err;
  listener = zuv__calloc(1, sizeof(*listener));
  if (listener == NULL)
    return UV_ENOMEM;
  listener->endpoint.socket = socket;
  listener->endpoint.bound = true;
  listener->endpoint.close = listener_close;
  zuv__options_copy(&listener->options, &socket->options);
  listener->tcp = where.scheme == ZUV__TRANSPORT_TCP;
  zuv__list_init(&listener->endpoint.in_socket);
  zuv__list_init(&listener->accepted);
  zuv__timer_init(&listener->accept_retry, on_accept_retry);
  err = zuv__session_config(&listener->config, &listener->options,
                            socket->pattern->type);
  if (err == 0)
    err = listen_on(listener, &where, &fd);
  if (err != 0)
    goto fail;
  err = set_text(listener, fd);
  if (err == 0)
    err = zuv__io_open(socket->loop, fd, listener, on_listening, &listener->io);
  if (err != 0)
    goto fail_fd;
  listener->io->listens = true;
  err = zuv__io_watch(listener->io, UV_READABLE);
  if (err == 0)
    err = zuv__socket_add_endpoint(socket, &listener->endpoint);
  if (err != 0)
    goto fail_io;
  tell(listener, ZUV_EVENT_LISTENING, 0, 0, fd);
  return 0;

fail_io:
  zuv__io_release(listener->io);
fail_fd:
  /* A descriptor that was to be adopted is still its owner's. */
  if (listener->options.use_fd < 0)
    close(fd);
fail:
  zuv__ipc_cleanup(listener->directory);
  listener_free(listener);
  return err;
}
