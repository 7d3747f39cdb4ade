#include "routing/load_balancer.h"

#include "core/socket.h"

void zuv__load_balancer_init(zuv__load_balancer_t *balancer) {
  zuv__list_init(&balancer->writers);
}

void zuv__load_balancer_add(zuv__load_balancer_t *balancer, zuv__pipe_t *pipe) {
  if (pipe->can_write && zuv__list_empty(&pipe->in_writers))
    zuv__list_push_back(&balancer->writers, &pipe->in_writers);
}

void zuv__load_balancer_remove(zuv__pipe_t *pipe) {
  zuv__list_remove(&pipe->in_writers);
}

zuv__pipe_t *zuv__load_balancer_next(zuv__load_balancer_t *balancer) {
  while (!zuv__list_empty(&balancer->writers)) {
    zuv__pipe_t *pipe =
        zuv__container_of(balancer->writers.next, zuv__pipe_t, in_writers);
    if (pipe->can_write)
      return pipe;
    zuv__load_balancer_remove(pipe);
  }
  return NULL;
}

void zuv__load_balancer_wrote(zuv__load_balancer_t *balancer,
                              zuv__pipe_t *pipe) {
  pipe->socket->sent_to = pipe;
  /* The only one has its turn again. */
  if (pipe->in_writers.next == pipe->in_writers.prev && pipe->can_write)
    return;
  zuv__load_balancer_remove(pipe);
  zuv__load_balancer_add(balancer, pipe);
}

int zuv__load_balancer_send(zuv__load_balancer_t *balancer, zuv_msg_t *parts,
                            size_t count) {
  zuv__pipe_t *pipe = zuv__load_balancer_next(balancer);
  int err;

  if (pipe == NULL)
    return UV_EAGAIN;
  err = zuv__pipe_write(pipe, parts, count);
  if (err == 0)
    zuv__load_balancer_wrote(balancer, pipe);
  return err;
}
