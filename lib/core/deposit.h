/* How an inproc peer's message gets into a pipe: inline, for there is nothing
 * else to such a message's way. */
#ifndef ZUV_CORE_DEPOSIT_H
#define ZUV_CORE_DEPOSIT_H

#include "core/socket.h"

/* For pipes that nobody reads, that conflate, or whose pattern looks at every
 * part. On UV_ENOMEM the first parts may be taken. */
ZUV__COLD int zuv__pipe_deposit_specially(zuv__pipe_t *pipe, zuv_msg_t *parts,
                                          size_t count);

/* A whole message arrives, maybe inside an API call: it is queued, and
 * delivered before the next poll. Takes all parts or, on UV_ENOMEM, none.
 * pipe->in_full tells whether this was the last that fits. */
static inline int zuv__pipe_deposit(zuv__pipe_t *pipe, zuv_msg_t *parts,
                                    size_t count) {
  zuv__socket_t *socket = pipe->socket;
  const zuv__pattern_t *pattern = socket->pattern;
  int err;

  if (pipe->conflate || pipe->silent || pipe->state != ZUV__PIPE_OPEN ||
      pattern->arrived != NULL || !pattern->can_receive)
    return zuv__pipe_deposit_specially(pipe, parts, count);
  err = zuv__queue_write(&pipe->in, &socket->loop->blocks, parts, count);
  if (err != 0)
    return err;
  zuv__socket_readable(socket, pipe);
  if (zuv__pipe_in_is_full(pipe))
    pipe->in_full = true;
  return 0;
}

#endif /* ZUV_CORE_DEPOSIT_H */
