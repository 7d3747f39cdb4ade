/* SUB: receives from all its peers what it subscribed to. The publishers
 * filter, and so does SUB: one may have sent a message before it knew that the
 * topic is not wanted any more. */
#include "patterns/patterns.h"
#include "patterns/subscriber.h"

/* Tells the connected peers. The first error, if any. */
static int tell(zuv__subscribing_t *state, bool subscribe, const void *topic,
                size_t size) {
  zuv__list_t *head = &state->connected;
  int result = 0;

  for (zuv__list_t *node = head->next; node != head; node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_writers);
    int err = pipe->ops->subscribe(pipe, subscribe, topic, size);
    if (result == 0)
      result = err;
  }
  return result;
}

/* A peer that cannot be told sends in vain, which receive() hides. */
static void unsubscribe(zuv__subscribing_t *state, const void *topic,
                        size_t size) {
  bool last;

  zuv__subscriptions_unref(&state->topics, topic, size, &last);
  if (last)
    tell(state, false, topic, size);
}

static int subscribe(zuv__subscribing_t *state, const void *topic,
                     size_t size) {
  int err = zuv__subscriptions_ref(&state->topics, topic, size, NULL);

  if (err != 0)
    return err;
  err = tell(state, true, topic, size);
  if (err != 0)
    unsubscribe(state, topic, size);
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
