/* SUB: receives from all its peers what it subscribed to. The publishers
 * filter, and so does SUB: one may have sent a message before it knew that the
 * topic is not wanted any more. */
#include "patterns/patterns.h"
#include "patterns/subscriber.h"

static int tell(zuv__list_t *node, bool subscribe, const void *topic,
                size_t size) {
  zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_writers);
  return pipe->ops->subscribe(pipe, subscribe, topic, size);
}

/* Tells all connected peers, or none. */
static int tell_all(zuv__subscribing_t *state, const void *topic, size_t size) {
  zuv__list_t *head = &state->connected;
  int err = 0;

  for (zuv__list_t *node = head->next; node != head; node = node->next) {
    err = tell(node, true, topic, size);
    if (err == 0)
      continue;
    while ((node = node->prev) != head)
      (void)tell(node, false, topic, size);
    break;
  }
  return err;
}

/* A peer that cannot be told sends in vain, which receive() hides. */
static void unsubscribe(zuv__subscribing_t *state, const void *topic,
                        size_t size) {
  zuv__list_t *head = &state->connected;
  bool last;

  zuv__subscriptions_unref(&state->topics, topic, size, &last);
  for (zuv__list_t *node = head->next; last && node != head; node = node->next)
    (void)tell(node, false, topic, size);
}

static int subscribe(zuv__subscribing_t *state, const void *topic,
                     size_t size) {
  int err = zuv__subscriptions_ref(&state->topics, topic, size, NULL);

  if (err != 0)
    return err;
  err = tell_all(state, topic, size);
  if (err != 0)
    zuv__subscriptions_unref(&state->topics, topic, size, NULL);
  return err;
}

static int set_option(zuv__socket_t *socket, int option, const void *value,
                      size_t size) {
  zuv__subscribing_t *state = zuv__state(socket, zuv__subscribing_t);

  switch (option) {
    case ZUV_SUBSCRIBE:
      return subscribe(state, value, size);
    case ZUV_UNSUBSCRIBE:
      unsubscribe(state, value, size);
      return 0;
    default:
      return UV_EINVAL;
  }
}

static int receive(zuv__socket_t *socket, zuv__pipe_t *pipe,
                   zuv__incoming_t *message) {
  zuv__subscribing_t *state = zuv__state(socket, zuv__subscribing_t);
  bool matches = zuv__subscriptions_matches(&state->topics,
                                            zuv__msg_data(&message->parts[0]),
                                            zuv__msg_size(&message->parts[0]));

  (void)pipe;
  return matches == !socket->options.invert_matching ? ZUV__DELIVER : ZUV__DROP;
}

const zuv__pattern_t zuv__pattern_sub = {
    .type = ZUV_SUB,
    .name = "SUB",
    .can_receive = true,
    .single_connect = true,
    .conflates = true,
    .receives_alone = true,
    .state_size = sizeof(zuv__subscribing_t),
    .init = zuv__subscribing_init,
    .destroy = zuv__subscribing_destroy,
    .ready = zuv__subscribing_ready,
    .lost = zuv__subscribing_lost,
    .detach = zuv__subscribing_lost,
    .receive = receive,
    .set_option = set_option,
    .get_option = zuv__subscribing_get_option,
};
