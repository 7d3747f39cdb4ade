#include "core/socket.h"

#include <string.h>

#include "base/alloc.h"
#include "core/authentication.h"
#include "transport/transports.h"

static void socket_work(zuv__task_t *task);

int zuv__socket_check(const zuv_socket_t *handle) {
  const zuv__socket_t *socket = zuv__socket(handle);
  if (socket == NULL || socket->closing)
    return UV_EINVAL;
  return socket->abandoned ? UV_ECANCELED : 0;
}

static zuv__socket_t *socket_new(const zuv__pattern_t *pattern) {
  zuv__socket_t *socket = zuv__calloc(1, sizeof(*socket) + pattern->state_size);
  if (socket == NULL)
    return NULL;
  socket->pattern = pattern;
  socket->pattern_state = socket + 1;
  zuv__options_init(&socket->options, pattern->type);
  zuv__list_init(&socket->in_loop);
  zuv__list_init(&socket->endpoints);
  zuv__list_init(&socket->pipes);
  zuv__list_init(&socket->readers);
  zuv__list_init(&socket->waiting);
  zuv__list_init(&socket->done);
  zuv__list_init(&socket->events);
  zuv__list_init(&socket->questions);
  zuv__task_init(&socket->work, socket_work);
  socket->ref = true;
  return socket;
}

int zuv_socket_init(zuv_context_t *context, uv_loop_t *loop,
                    zuv_socket_t *handle, int type) {
  const zuv__pattern_t *pattern = zuv__pattern_find(type);
  zuv__socket_t *socket;
  int err;

  if (pattern == NULL || loop == NULL)
    return UV_EINVAL;
  socket = socket_new(pattern);
  if (socket == NULL)
    return UV_ENOMEM;
  err = pattern->init == NULL ? 0 : pattern->init(socket);
  if (err != 0)
    goto fail;
  err = zuv__context_acquire(context, &socket->context);
  if (err != 0)
    goto fail_pattern;
  err = zuv__loop_acquire(loop, &socket->loop);
  if (err != 0)
    goto fail_context;
  zuv__list_push_back(&socket->loop->sockets, &socket->in_loop);
  socket->handle = handle;
  handle->loop = loop;
  handle->type = type;
  handle->zuv__impl = socket;
  return 0;

fail_context:
  zuv__context_release(socket->context);
fail_pattern:
  if (pattern->destroy != NULL)
    pattern->destroy(socket);
fail:
  zuv__free(socket);
  return err;
}

void zuv__socket_update_hold(zuv__socket_t *socket) {
  bool hold = socket->closing ||
              (socket->ref && !(zuv__list_empty(&socket->endpoints) &&
                                zuv__list_empty(&socket->pipes)));
  if (hold == socket->holding)
    return;
  socket->holding = hold;
  if (hold)
    zuv__loop_hold(socket->loop);
  else
    zuv__loop_unhold(socket->loop);
}

int zuv__socket_add_endpoint(zuv__socket_t *socket, zuv__endpoint_t *endpoint) {
  char *last = zuv__strndup(endpoint->text, strlen(endpoint->text));
  if (last == NULL)
    return UV_ENOMEM;
  zuv__free(socket->last_endpoint);
  socket->last_endpoint = last;
  zuv__list_push_back(&socket->endpoints, &endpoint->in_socket);
  zuv__socket_update_hold(socket);
  return 0;
}

void zuv__socket_remove_endpoint(zuv__endpoint_t *endpoint) {
  zuv__list_remove(&endpoint->in_socket);
  zuv__socket_update_hold(endpoint->socket);
  if (endpoint->socket->closing)
    zuv__socket_schedule(endpoint->socket);
}

int zuv_bind(zuv_socket_t *handle, const char *endpoint) {
  const zuv__transport_t *transport;
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  err = zuv__transport_find(endpoint, &transport);
  if (err != 0)
    return err;
  return transport->bind(zuv__socket(handle), endpoint);
}

static zuv__endpoint_t *find_endpoint(zuv__socket_t *socket, const char *text) {
  for (zuv__list_t *node = socket->endpoints.next; node != &socket->endpoints;
       node = node->next) {
    zuv__endpoint_t *endpoint =
        zuv__container_of(node, zuv__endpoint_t, in_socket);
    if (strcmp(endpoint->text, text) == 0)
      return endpoint;
  }
  return NULL;
}

int zuv_connect(zuv_socket_t *handle, const char *endpoint) {
  const zuv__transport_t *transport;
  zuv__socket_t *socket;
  zuv__endpoint_t *same;
  unsigned char id_size;
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  socket = zuv__socket(handle);
  err = zuv__transport_find(endpoint, &transport);
  if (err != 0)
    return err;
  if (socket->pattern->single_connect && transport != &zuv__transport_inproc) {
    same = find_endpoint(socket, endpoint);
    if (same != NULL && !same->bound)
      return 0;
  }
  id_size = socket->options.connect_routing_id_size;
  err = transport->connect(socket, endpoint);
  /* Only a connect that succeeds has consumed the id. */
  if (err != 0)
    socket->options.connect_routing_id_size = id_size;
  return err;
}

/* Both unbind and disconnect take either kind of endpoint, as in ZeroMQ. */
static int end_endpoint(zuv_socket_t *handle, const char *text) {
  const zuv__transport_t *transport;
  zuv__socket_t *socket;
  zuv__endpoint_t *endpoint;
  char resolved[ZUV__TRANSPORT_TEXT_SIZE];
  bool found = false;
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  socket = zuv__socket(handle);
  err = zuv__transport_find(text, &transport);
  if (err != 0)
    return err;
  endpoint = find_endpoint(socket, text);
  if (endpoint == NULL) {
    err = zuv__transport_resolve_text(socket, text, resolved);
    if (err != 0)
      return err == UV_EINVAL || err == UV_ENAMETOOLONG ? err : UV_ENOENT;
    text = resolved;
    endpoint = find_endpoint(socket, text);
  }
  for (; endpoint != NULL; endpoint = find_endpoint(socket, text)) {
    found = true;
    zuv__list_remove(&endpoint->in_socket);
    endpoint->close(endpoint, socket->options.linger);
  }
  zuv__socket_update_hold(socket);
  return found ? 0 : UV_ENOENT;
}

int zuv_unbind(zuv_socket_t *handle, const char *endpoint) {
  return end_endpoint(handle, endpoint);
}

int zuv_disconnect(zuv_socket_t *handle, const char *endpoint) {
  return end_endpoint(handle, endpoint);
}

/* Ends what the socket has, as far as linger allows. */
static void wind_down(zuv__socket_t *socket, int linger) {
  while (!zuv__list_empty(&socket->endpoints)) {
    zuv__endpoint_t *endpoint =
        zuv__container_of(socket->endpoints.next, zuv__endpoint_t, in_socket);
    zuv__list_remove(&endpoint->in_socket);
    endpoint->close(endpoint, linger);
  }
  for (zuv__list_t *node = socket->pipes.next, *next; node != &socket->pipes;
       node = next) {
    next = node->next;
    zuv__pipe_close(zuv__container_of(node, zuv__pipe_t, in_socket), linger);
    /* A socket connected to itself over inproc has lost the next pipe, too.
     * Its memory is still there, and closing the others again does no harm. */
    if (next != &socket->pipes && zuv__list_empty(next))
      next = socket->pipes.next;
  }
  zuv__socket_update_hold(socket);
  zuv__socket_schedule(socket);
}

void zuv_close(zuv_socket_t *handle, zuv_close_cb close_cb) {
  zuv__socket_t *socket = zuv__socket(handle);

  if (socket == NULL)
    return;
  if (!socket->closing) {
    socket->closing = true;
    socket->close_cb = close_cb;
    socket->recv_cb = NULL;
    socket->writable_cb = NULL;
    socket->event_cb = NULL;
    socket->auth_cb = NULL;
    zuv__monitor_clear(socket);
    zuv__requester_cancel(socket);
    zuv__requests_cancel(&socket->waiting, UV_ECANCELED);
  }
  wind_down(socket, socket->abandoned ? 0 : socket->options.linger);
}

void zuv__socket_abandon(zuv__socket_t *socket) {
  socket->abandoned = true;
  zuv__requester_cancel(socket);
  wind_down(socket, 0);
}

void zuv_close_all(uv_loop_t *uv) {
  zuv__loop_t *loop = zuv__loop_find(uv);

  if (loop == NULL)
    return;
  for (zuv__list_t *node = loop->sockets.next; node != &loop->sockets;
       node = node->next) {
    zuv__socket_t *socket = zuv__container_of(node, zuv__socket_t, in_loop);
    if (socket->internal)
      continue;
    socket->options.linger = 0;
    zuv_close(socket->handle, NULL);
  }
}

int zuv_is_closing(const zuv_socket_t *handle) {
  const zuv__socket_t *socket = zuv__socket(handle);
  return socket == NULL || socket->closing;
}

void zuv_ref(zuv_socket_t *handle) {
  zuv__socket_t *socket = zuv__socket(handle);
  if (socket == NULL)
    return;
  socket->ref = true;
  zuv__socket_update_hold(socket);
}

void zuv_unref(zuv_socket_t *handle) {
  zuv__socket_t *socket = zuv__socket(handle);
  if (socket == NULL)
    return;
  socket->ref = false;
  zuv__socket_update_hold(socket);
}

int zuv_has_ref(const zuv_socket_t *handle) {
  const zuv__socket_t *socket = zuv__socket(handle);
  return socket != NULL && socket->ref;
}

static void socket_finish(zuv__socket_t *socket) {
  zuv_socket_t *handle = socket->handle;
  zuv_close_cb close_cb = socket->close_cb;
  zuv__loop_t *loop = socket->loop;

  zuv__monitor_clear(socket);
  zuv__requester_destroy(socket);
  if (socket->pattern->destroy != NULL)
    socket->pattern->destroy(socket);
  zuv__list_remove(&socket->in_loop);
  zuv__task_cancel(&socket->work);
  zuv__context_release(socket->context);
  if (socket->holding)
    zuv__loop_unhold(loop);
  zuv__free(socket->last_endpoint);
  zuv__options_destroy(&socket->options);
  zuv__free(socket);
  handle->zuv__impl = NULL;
  zuv__loop_release(loop);
  if (close_cb != NULL)
    close_cb(handle);
}

static void socket_work(zuv__task_t *task) {
  zuv__socket_t *socket = zuv__container_of(task, zuv__socket_t, work);

  zuv__monitor_tell(socket);
  zuv__auth_tell(socket);
  zuv__requests_tell(socket);
  zuv__socket_serve_senders(socket);
  zuv__socket_dispatch(socket);
  zuv__requester_settle(socket);
  if (socket->closing && zuv__list_empty(&socket->endpoints) &&
      zuv__list_empty(&socket->pipes) && zuv__list_empty(&socket->done) &&
      socket->dependents == 0)
    socket_finish(socket);
}
