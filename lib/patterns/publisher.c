#include "patterns/publisher.h"

#include <limits.h>

#include "routing/fan_out.h"

/* Of pipe->pattern_flags. */
enum {
  IN_MESSAGE = 1, /* more parts of its latest message are to come */
  DATA_ONLY = 2   /* and none of them is a subscription */
};

int zuv__publisher_init(zuv__socket_t *socket) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);

  zuv__subscriptions_init(&publisher->subscriptions);
  zuv__msg_init(&publisher->welcome);
  return 0;
}

void zuv__publisher_destroy(zuv__socket_t *socket) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);

  zuv__subscriptions_destroy(&publisher->subscriptions);
  zuv__msg_close(&publisher->welcome);
}

int zuv__publisher_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  zuv_msg_t copy;

  if (zuv__msg_size(&publisher->welcome) == 0)
    return 0;
  zuv__msg_init(&copy);
  if (!pipe->can_write || zuv_msg_copy(&copy, &publisher->welcome) != 0 ||
      zuv__pipe_write(pipe, &copy, 1) != 0)
    zuv__pipe_dropped(pipe);
  zuv__msg_close(&copy);
  return 0;
}

bool zuv__publisher_is_subscription(zuv__pipe_t *pipe, zuv_msg_t *part,
                                    bool more,
                                    zuv__subscription_t *subscription) {
  bool first = (pipe->pattern_flags & IN_MESSAGE) == 0;
  bool is = (pipe->pattern_flags & DATA_ONLY) == 0 &&
            zuv__subscription_read(part, subscription);

  /* As a whole message it is what else comes as a command. */
  if (is && first && !more)
    zuv__pipe_uncount(pipe, zuv__msg_size(part));
  if (!more)
    pipe->pattern_flags = 0;
  else if (first && !is && pipe->socket->options.only_first_subscribe)
    pipe->pattern_flags = IN_MESSAGE | DATA_ONLY;
  else
    pipe->pattern_flags |= IN_MESSAGE;
  return is;
}

void zuv__publisher_forget_message(zuv__pipe_t *pipe) {
  pipe->pattern_flags = 0;
}

void zuv__publisher_fewer_subscribers(zuv__socket_t *socket) {
  if (socket->options.xpub_nodrop)
    zuv__socket_schedule(socket);
}

int zuv__publisher_apply(zuv__socket_t *socket, zuv__pipe_t *pipe,
                         bool subscribe, const void *topic, size_t size) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  zuv__subscriptions_t *index = &publisher->subscriptions;
  bool changed;
  int err;

  if (subscribe) {
    err = zuv__subscriptions_add(index, &pipe->subscriber, topic, size, NULL,
                                 &changed);
    if (err != 0)
      return err;
  } else {
    changed = zuv__subscriptions_remove(index, &pipe->subscriber, topic, size,
                                        NULL) == 0;
    zuv__publisher_fewer_subscribers(socket);
  }
  if (changed)
    zuv__monitor_subscription(socket, pipe, subscribe, topic, size);
  return 0;
}

static inline zuv__pipe_t *pipe_of(zuv__subscriber_t *subscriber) {
  return zuv__container_of(subscriber, zuv__pipe_t, subscriber);
}

/* The message goes to those that want it, as the latest match found them. */
static void send_to_matched(zuv__socket_t *socket, zuv_msg_t *parts,
                            size_t count) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  zuv__subscriber_t *subscriber;
  zuv__fan_out_t fan_out;

  zuv__fan_out_begin(&fan_out, socket, parts, count);
  while ((subscriber = zuv__subscriptions_take_matched(
              &publisher->subscriptions)) != NULL)
    zuv__fan_out_to(&fan_out, pipe_of(subscriber));
  zuv__fan_out_end(&fan_out);
}

static bool matched_have_room(const zuv__publisher_t *publisher) {
  zuv__subscriber_t *subscriber = publisher->subscriptions.matched;

  for (; subscriber != NULL; subscriber = subscriber->next_matched) {
    if (!pipe_of(subscriber)->can_write)
      return false;
  }
  return true;
}

/* The one subscriber that XPUB_MANUAL_LAST_VALUE lets have the message, or
 * NULL. */
static zuv__pipe_t *only_one(const zuv__socket_t *socket) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);

  return socket->options.xpub_manual_last_value ? publisher->last : NULL;
}

/* Whether a pipe gets the message, by the latest match and all options. */
static bool is_target(const zuv__socket_t *socket, const zuv__pipe_t *pipe) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  bool matched =
      pipe->subscriber.generation == publisher->subscriptions.generation;
  zuv__pipe_t *only = only_one(socket);

  if (!pipe->attached || (only != NULL && pipe != only))
    return false;
  return matched == !socket->options.invert_matching;
}

static bool targets_have_room(zuv__socket_t *socket) {
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_socket);
    if (!pipe->can_write && is_target(socket, pipe))
      return false;
  }
  return true;
}

/* The same for INVERT_MATCHING and XPUB_MANUAL_LAST_VALUE, where not those that
 * matched decide, but all there are. */
static int send_to_targets(zuv__socket_t *socket, zuv_msg_t *parts,
                           size_t count) {
  zuv__fan_out_t fan_out;

  if (socket->options.xpub_nodrop && !targets_have_room(socket))
    return UV_EAGAIN;
  zuv__fan_out_begin(&fan_out, socket, parts, count);
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_socket);
    if (is_target(socket, pipe))
      zuv__fan_out_to(&fan_out, pipe);
  }
  zuv__fan_out_end(&fan_out);
  if (only_one(socket) != NULL)
    zuv__state(socket, zuv__publisher_t)->last = NULL;
  return 0;
}

int zuv__publisher_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);

  zuv__subscriptions_match(&publisher->subscriptions, zuv__msg_data(&parts[0]),
                           zuv__msg_size(&parts[0]));
  if (socket->options.invert_matching || only_one(socket) != NULL)
    return send_to_targets(socket, parts, count);
  if (socket->options.xpub_nodrop && !matched_have_room(publisher))
    return UV_EAGAIN;
  send_to_matched(socket, parts, count);
  return 0;
}

int zuv__publisher_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  zuv_msg_t *part = (zuv_msg_t *)(uintptr_t)first;

  if (!socket->options.xpub_nodrop)
    return 0;
  zuv__subscriptions_match(&publisher->subscriptions, zuv__msg_data(part),
                           zuv__msg_size(part));
  if (socket->options.invert_matching || only_one(socket) != NULL)
    return targets_have_room(socket) ? 0 : UV_EAGAIN;
  return matched_have_room(publisher) ? 0 : UV_EAGAIN;
}

size_t zuv__publisher_count(zuv__socket_t *socket, const void *topic,
                            size_t size) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  size_t count =
      zuv__subscriptions_match(&publisher->subscriptions, topic, size);

  if (!socket->options.invert_matching)
    return count;
  count = 0;
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next)
    if (is_target(socket, zuv__container_of(node, zuv__pipe_t, in_socket)))
      count++;
  return count;
}

/* It is not known before the message is which peers it would have to wait for:
 * as in ZeroMQ, with XPUB_NODROP too. */
bool zuv__publisher_writable_now(zuv__socket_t *socket) {
  (void)socket;
  return true;
}

static int set_welcome(zuv__publisher_t *publisher, const void *value,
                       size_t size) {
  zuv_msg_t welcome;
  int err = zuv_msg_init_copy(&welcome, value, size);

  if (err != 0)
    return err;
  zuv__msg_close(&publisher->welcome);
  publisher->welcome = welcome;
  return 0;
}

/* XPUB_MANUAL: the application answers the subscription that it read last. */
static int answer_subscription(zuv__socket_t *socket, bool subscribe,
                               const void *topic, size_t size) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  zuv__pipe_t *pipe = publisher->last;

  if (pipe == NULL)
    return 0;
  return zuv__publisher_apply(socket, pipe, subscribe, topic, size);
}

int zuv__publisher_set_option(zuv__socket_t *socket, int option,
                              const void *value, size_t size) {
  switch (option) {
    case ZUV_SUBSCRIBE:
      return answer_subscription(socket, true, value, size);
    case ZUV_UNSUBSCRIBE:
      return answer_subscription(socket, false, value, size);
    case ZUV_XPUB_WELCOME_MSG:
      return set_welcome(zuv__state(socket, zuv__publisher_t), value, size);
    default:
      return UV_EINVAL;
  }
}

int zuv__publisher_get_option(zuv__socket_t *socket, int option, void *value,
                              size_t *size) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);
  size_t count = zuv__subscriptions_count(&publisher->subscriptions);

  if (option != ZUV_TOPICS_COUNT)
    return UV_EINVAL;
  return zuv__option_answer_int(zuv__option_find(option),
                                count > INT_MAX ? INT_MAX : (int)count, value,
                                size);
}
