/* Sending: now or not at all, and requests that wait their turn. */
#include "base/alloc.h"
#include "core/inbox.h"
#include "core/socket.h"

static int check_send(const zuv_socket_t *handle, const zuv_msg_t *parts,
                      size_t count) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  if (parts == NULL || count == 0)
    return UV_EINVAL;
  return zuv__socket(handle)->pattern->can_send ? 0 : UV_ENOTSUP;
}

int zuv_try_send(zuv_socket_t *handle, zuv_msg_t *parts, size_t count) {
  zuv__socket_t *socket;
  int err = check_send(handle, parts, count);

  if (err != 0)
    return err;
  socket = zuv__socket(handle);
  if (!zuv__list_empty(&socket->waiting))
    return UV_EAGAIN;
  socket->sent_to = NULL;
  return socket->pattern->send(socket, parts, count);
}

void zuv__request_withdraw(zuv_send_t *request) {
  if (request->zuv__parts != NULL) {
    zuv__msgs_close(request->zuv__parts, request->zuv__count);
    zuv__free(request->zuv__parts);
    request->zuv__parts = NULL;
  }
  zuv__list_remove(zuv__request_link(request));
}

void zuv__request_done(zuv_send_t *request, int status) {
  zuv__socket_t *socket = zuv__socket(request->socket);

  request->zuv__status = status;
  zuv__request_withdraw(request);
  zuv__list_push_back(&socket->done, zuv__request_link(request));
  zuv__socket_schedule(socket);
}

void zuv__requests_cancel(zuv__list_t *requests, int status) {
  while (!zuv__list_empty(requests))
    zuv__request_done(zuv__request(requests->next), status);
}

void zuv__requests_tell(zuv__socket_t *socket) {
  zuv__list_t now;

  zuv__list_init(&now);
  zuv__list_splice(&now, &socket->done);
  while (!zuv__list_empty(&now)) {
    zuv_send_t *request = zuv__request(now.next);
    zuv__list_remove(now.next);
    if (request->zuv__cb != NULL)
      request->zuv__cb(request, request->zuv__status);
  }
}

/* The pattern took the request's message: what is its fate? */
static void request_taken(zuv__socket_t *socket, zuv_send_t *request) {
  zuv__pipe_t *pipe = socket->sent_to;
  zuv__list_t *link = zuv__request_link(request);

  zuv__list_remove(link);
  if (pipe != NULL && zuv__requester_owns(request))
    zuv__requester_sent(request, pipe);
  if (pipe == NULL || pipe->state != ZUV__PIPE_OPEN ||
      pipe->flushed >= pipe->written) {
    zuv__request_done(request, 0);
    return;
  }
  request->zuv__sequence = pipe->written;
  zuv__list_push_back(&pipe->requests, link);
}

static int request_wait(zuv__socket_t *socket, zuv_send_t *request,
                        zuv_msg_t *parts, size_t count) {
  zuv_msg_t *kept;

  if (count > SIZE_MAX / sizeof(*kept))
    return UV_ENOMEM;
  kept = zuv__malloc(count * sizeof(*kept));
  if (kept == NULL)
    return UV_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    int err = zuv__msg_make_lasting(&parts[i]);
    if (err != 0) {
      zuv__free(kept);
      return err;
    }
  }
  for (size_t i = 0; i < count; i++)
    zuv__msg_take(&kept[i], &parts[i]);
  request->zuv__parts = kept;
  request->zuv__count = count;
  zuv__list_push_back(&socket->waiting, zuv__request_link(request));
  return 0;
}

int zuv_send(zuv_send_t *request, zuv_socket_t *handle, zuv_msg_t *parts,
             size_t count, zuv_send_cb send_cb) {
  zuv__socket_t *socket;
  int err = check_send(handle, parts, count);

  if (err != 0)
    return err;
  socket = zuv__socket(handle);
  request->socket = handle;
  request->zuv__cb = send_cb;
  request->zuv__parts = NULL;
  request->zuv__count = 0;
  zuv__list_init(zuv__request_link(request));
  err = UV_EAGAIN;
  if (zuv__list_empty(&socket->waiting)) {
    socket->sent_to = NULL;
    err = socket->pattern->send(socket, parts, count);
  }
  if (err == UV_EAGAIN)
    return request_wait(socket, request, parts, count);
  if (err == 0)
    request_taken(socket, request);
  return err;
}

void zuv__socket_serve_senders(zuv__socket_t *socket) {
  while (!zuv__list_empty(&socket->waiting)) {
    zuv_send_t *request = zuv__request(socket->waiting.next);
    int err;

    socket->sent_to = NULL;
    err =
        socket->pattern->send(socket, request->zuv__parts, request->zuv__count);
    if (err == UV_EAGAIN)
      return;
    if (err == 0)
      request_taken(socket, request);
    else
      zuv__request_done(request, err);
  }
  if (socket->writable_cb == NULL || !socket->pattern->writable_now(socket))
    return;
  zuv__socket_schedule(socket);
  if (socket->writable_told == socket->loop->iteration)
    return;
  socket->writable_told = socket->loop->iteration;
  socket->writable_cb(socket->handle);
}

int zuv_writable_start(zuv_socket_t *handle, zuv_writable_cb writable_cb) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  if (!zuv__socket(handle)->pattern->can_send)
    return UV_ENOTSUP;
  if (writable_cb == NULL)
    return UV_EINVAL;
  zuv__socket(handle)->writable_cb = writable_cb;
  zuv__socket_schedule(zuv__socket(handle));
  return 0;
}

int zuv_writable_stop(zuv_socket_t *handle) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  zuv__socket(handle)->writable_cb = NULL;
  return 0;
}

int zuv__socket_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  const zuv__pattern_t *pattern = socket->pattern;

  if (pattern->check_first != NULL)
    return pattern->check_first(socket, first);
  return pattern->writable_now(socket) ? 0 : UV_EAGAIN;
}
