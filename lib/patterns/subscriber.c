#include "patterns/subscriber.h"

#include <limits.h>

int zuv__subscribing_init(zuv__socket_t *socket) {
  zuv__subscribing_t *state = zuv__state(socket, zuv__subscribing_t);

  zuv__subscriptions_init(&state->topics);
  zuv__list_init(&state->connected);
  return 0;
}

void zuv__subscribing_destroy(zuv__socket_t *socket) {
  zuv__subscriptions_destroy(&zuv__state(socket, zuv__subscribing_t)->topics);
}

int zuv__subscribing_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__subscribing_t *state = zuv__state(socket, zuv__subscribing_t);
  const zuv__topic_t *topic = NULL;
  int err = 0;

  zuv__list_remove(&pipe->in_writers);
  zuv__list_push_back(&state->connected, &pipe->in_writers);
  /* A link that has no memory for one ends its connection, and the next one
   * begins here again. */
  while (err == 0 &&
         (topic = zuv__subscriptions_next(&state->topics, topic)) != NULL)
    err = pipe->ops->subscribe(pipe, true, topic->node.key, topic->node.size);
  return err;
}

void zuv__subscribing_lost(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__list_remove(&pipe->in_writers);
}

int zuv__subscribing_get_option(zuv__socket_t *socket, int option, void *value,
                                size_t *size) {
  zuv__subscribing_t *state = zuv__state(socket, zuv__subscribing_t);
  size_t count = zuv__subscriptions_count(&state->topics);

  if (option != ZUV_TOPICS_COUNT)
    return UV_EINVAL;
  return zuv__option_answer_int(zuv__option_find(option),
                                count > INT_MAX ? INT_MAX : (int)count, value,
                                size);
}
