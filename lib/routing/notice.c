#include "routing/notice.h"

#include "core/socket.h"

int zuv__notice_probe(zuv__pipe_t *pipe) {
  zuv_msg_t empty;

  if (!pipe->socket->options.probe_router || !pipe->can_write)
    return 0;
  zuv__msg_init(&empty);
  return zuv__pipe_write(pipe, &empty, 1);
}

bool zuv__notice_hello(const zuv__options_t *options,
                       const zuv__pattern_t *pattern, zuv_msg_t *msg) {
  const zuv__option_bytes_t *hello = options->bytes[ZUV__BYTES_HELLO_MSG];

  if (hello == NULL || !pattern->says_hello)
    return false;
  zuv_msg_init_view(msg, hello->data, hello->size);
  return true;
}

/* Takes the message. */
static void deliver(zuv__pipe_t *pipe, zuv_msg_t *msg) {
  zuv__socket_t *socket = pipe->socket;
  zuv__block_pool_t *blocks = &socket->loop->blocks;

  if (pipe->conflate)
    zuv__queue_clear(&pipe->in, blocks);
  if ((pipe->connecting && zuv__pipe_in_is_full(pipe)) ||
      zuv__queue_push(&pipe->in, blocks, msg, false) != 0) {
    zuv__msg_close(msg);
    zuv__pipe_dropped(pipe);
    /* The one that it should have replaced is gone already. */
    if (pipe->in.count == 0)
      zuv__list_remove(&pipe->in_readers);
    return;
  }
  zuv__socket_readable(socket, pipe);
}

void zuv__notice_deliver(zuv__pipe_t *pipe) {
  zuv_msg_t empty;

  zuv__msg_init(&empty);
  deliver(pipe, &empty);
}

void zuv__notice_loss(zuv__pipe_t *pipe, const zuv__options_t *options) {
  const zuv__pattern_t *pattern = pipe->socket->pattern;
  bool wanted =
      pipe->connecting ? pattern->hears_hiccup : pattern->hears_disconnect;
  const zuv__option_bytes_t *text =
      options->bytes[pipe->connecting ? ZUV__BYTES_HICCUP_MSG
                                      : ZUV__BYTES_DISCONNECT_MSG];
  zuv_msg_t msg;

  if (!wanted || text == NULL || pipe->state != ZUV__PIPE_OPEN ||
      !pipe->attached || pipe->raw)
    return;
  zuv_msg_init_view(&msg, text->data, text->size);
  deliver(pipe, &msg);
}
