/* PUB: a message goes to every peer that subscribed to a beginning of it. Who
 * has no room misses it. From its peers it takes subscriptions only, as
 * commands or as messages; everything else they send is dropped (RFC 29). */
#include "patterns/patterns.h"
#include "patterns/publisher.h"

static int subscription(zuv__socket_t *socket, zuv__pipe_t *pipe,
                        bool subscribe, const void *topic, size_t size) {
  /* With XPUB_MANUAL only the application could answer it, and PUB has no way
   * to ask. */
  if (!pipe->attached || socket->options.xpub_manual)
    return 0;
  return zuv__publisher_apply(socket, pipe, subscribe, topic, size);
}

static int arrived(zuv__socket_t *socket, zuv__pipe_t *pipe, zuv_msg_t *part,
                   bool more) {
  zuv__subscription_t sub;
  int err = 0;

  if (zuv__publisher_is_subscription(pipe, part, more, &sub))
    err = subscription(socket, pipe, sub.subscribe, sub.topic, sub.size);
  if (err == 0)
    zuv__msg_close(part);
  else
    zuv__publisher_forget_message(pipe);
  return err;
}

static void lost(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__publisher_t *publisher = zuv__state(socket, zuv__publisher_t);

  zuv__publisher_forget_message(pipe);
  zuv__subscriptions_remove_all(&publisher->subscriptions, &pipe->subscriber,
                                NULL, NULL);
  zuv__publisher_fewer_subscribers(socket);
}

const zuv__pattern_t zuv__pattern_pub = {
    .type = ZUV_PUB,
    .name = "PUB",
    .can_send = true,
    .single_connect = true,
    .conflates = true,
    .state_size = sizeof(zuv__publisher_t),
    .init = zuv__publisher_init,
    .destroy = zuv__publisher_destroy,
    .ready = zuv__publisher_ready,
    .lost = lost,
    .detach = lost,
    .send = zuv__publisher_send,
    .writable_now = zuv__publisher_writable_now,
    .check_first = zuv__publisher_check_first,
    .arrived = arrived,
    .subscription = subscription,
    .subscribers = zuv__publisher_count,
    .set_option = zuv__publisher_set_option,
    .get_option = zuv__publisher_get_option,
};
