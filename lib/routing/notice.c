#include "routing/notice.h"

#include "core/socket.h"

void zuv__notice_probe(zuv__pipe_t *pipe) {
  zuv_msg_t empty;

  if (!pipe->socket->options.probe_router || !pipe->can_write)
    return;
  zuv__msg_init(&empty);
  (void)zuv__pipe_write(pipe, &empty, 1);
}

void zuv__notice_deliver(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;
  zuv_msg_t empty;

  zuv__msg_init(&empty);
  if ((pipe->connecting &&
       zuv__limit_reached(pipe->in.count, pipe->in_limit)) ||
      zuv__queue_push(&pipe->in, &socket->loop->blocks, &empty, false) != 0) {
    zuv__monitor_dropped(socket, 1);
    return;
  }
  zuv__socket_readable(socket, pipe);
}
