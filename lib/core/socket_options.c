/* The options that need more than the table: those that act at once, and those
 * whose answer is computed. */
#include "core/inbox.h"
#include "core/socket.h"

static int special_set(zuv__socket_t *socket, int option, const void *value,
                       size_t size) {
  if (socket->pattern->set_option == NULL)
    return UV_EINVAL;
  return socket->pattern->set_option(socket, option, value, size);
}

static void limits_changed(zuv__socket_t *socket) {
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next)
    zuv__pipe_update_limits(zuv__container_of(node, zuv__pipe_t, in_socket));
}

void zuv__socket_find_room(zuv__socket_t *socket) {
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_socket);
    if (pipe->attached && !pipe->can_write)
      zuv__pipe_update_limits(pipe);
  }
}

static bool is_limit(int option) {
  return option == ZUV_SNDHWM || option == ZUV_RCVHWM ||
         option == ZUV_SNDHWM_BYTES || option == ZUV_RCVHWM_BYTES;
}

int zuv_set_option(zuv_socket_t *handle, int option, const void *value,
                   size_t size) {
  zuv__socket_t *socket = zuv__socket(handle);
  int err;

  if (socket == NULL || (socket->closing && option != ZUV_LINGER))
    return UV_EINVAL;
  err = zuv__options_set(&socket->options, handle->type, option, value, size);
  if (err == ZUV__OPTION_SPECIAL)
    return special_set(socket, option, value, size);
  if (err == 0 && is_limit(option))
    limits_changed(socket);
  return err;
}

int zuv_set_int(zuv_socket_t *handle, int option, int value) {
  return zuv_set_option(handle, option, &value, sizeof(value));
}

static int events_now(zuv__socket_t *socket) {
  int events = 0;
  if (socket->pattern->can_receive && zuv__socket_has_message(socket))
    events |= ZUV_POLLIN;
  if (socket->pattern->can_send && zuv__list_empty(&socket->waiting) &&
      socket->pattern->writable_now(socket))
    events |= ZUV_POLLOUT;
  return events;
}

static int special_get(zuv__socket_t *socket, int option, void *value,
                       size_t *size) {
  const zuv__option_t *row = zuv__option_find(option);
  const char *last = socket->last_endpoint;

  switch (option) {
    case ZUV_EVENTS:
      return zuv__option_answer_int(row, events_now(socket), value, size);
    case ZUV_RCVMORE:
      /* Messages are delivered whole. */
      return zuv__option_answer_int(row, 0, value, size);
    case ZUV_FD:
      return zuv__option_answer_int(row, uv_backend_fd(socket->loop->uv), value,
                                    size);
    case ZUV_LAST_ENDPOINT:
      return zuv__option_answer_bytes(row, last, last ? strlen(last) : 0, value,
                                      size);
    default:
      break;
  }
  if (socket->pattern->get_option == NULL)
    return UV_EINVAL;
  return socket->pattern->get_option(socket, option, value, size);
}

int zuv_get_option(zuv_socket_t *handle, int option, void *value,
                   size_t *size) {
  zuv__socket_t *socket = zuv__socket(handle);
  int err;

  if (socket == NULL)
    return UV_EINVAL;
  /* Nothing to write to; but an option that there is not is told first. */
  if (value == NULL || size == NULL)
    value = size = NULL;
  err = zuv__options_get(&socket->options, handle->type, option, value, size);
  if (err == ZUV__OPTION_SPECIAL)
    return special_get(socket, option, value, size);
  return err;
}
