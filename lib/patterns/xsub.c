/* XSUB: SUB whose application subscribes by sending messages, and may send
 * others upstream. Every message goes to all peers; what comes from them is
 * not filtered.
 *
 * A message that only subscribes goes out at once or as a link's subscription,
 * never into a queue: there it could be lost, be overtaken, or outlive the
 * connection that it was meant for. Peers that connect later are told the sum
 * of all. */
#include "patterns/patterns.h"
#include "patterns/subscriber.h"
#include "patterns/subscription.h"
#include "routing/fan_out.h"

/* Marks in the flags of parts, while a message is looked through. */
enum {
  KNOWN = 64,     /* it cancels a topic that had been subscribed to */
  SWALLOWED = 128 /* it does not go upstream */
};

/* Whether a part subscribes or cancels. */
static bool is_subscription(const zuv__socket_t *socket, zuv_msg_t *parts,
                            size_t i, zuv__subscription_t *sub) {
  if (i > 0 && socket->options.only_first_subscribe &&
      !zuv__subscription_read(&parts[0], sub))
    return false;
  return zuv__subscription_read(&parts[i], sub);
}

static int count_part(zuv__socket_t *socket, zuv_msg_t *part,
                      const zuv__subscription_t *sub) {
  zuv__subscriptions_t *topics =
      &zuv__state(socket, zuv__subscribing_t)->topics;
  bool last;

  if (sub->subscribe)
    return zuv__subscriptions_ref(topics, sub->topic, sub->size, NULL);
  if (zuv__subscriptions_unref(topics, sub->topic, sub->size, &last) == 0)
    zuv__msg(part)->flags |= KNOWN;
  if (!last && !socket->options.xsub_verbose_unsubscribe)
    zuv__msg(part)->flags |= SWALLOWED;
  return 0;
}

/* Takes back what the first parts of a message did. A topic may be lost for
 * want of memory, as the message is. */
static void count_back(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  zuv__subscriptions_t *topics =
      &zuv__state(socket, zuv__subscribing_t)->topics;
  zuv__subscription_t sub;

  while (count-- > 0) {
    zuv__msg_t *part = zuv__msg(&parts[count]);
    if (is_subscription(socket, parts, count, &sub)) {
      if (sub.subscribe)
        zuv__subscriptions_unref(topics, sub.topic, sub.size, NULL);
      else if (part->flags & KNOWN)
        (void)zuv__subscriptions_ref(topics, sub.topic, sub.size, NULL);
    }
    part->flags &= (uint8_t) ~(KNOWN | SWALLOWED);
  }
}

/* Counts all subscriptions of the message, and answers how many there are. */
static int count_parts(zuv__socket_t *socket, zuv_msg_t *parts, size_t count,
                       size_t *subscriptions) {
  zuv__subscription_t sub;

  *subscriptions = 0;
  for (size_t i = 0; i < count; i++) {
    int err;

    if (!is_subscription(socket, parts, i, &sub))
      continue;
    err = count_part(socket, &parts[i], &sub);
    if (err != 0) {
      count_back(socket, parts, i);
      return err;
    }
    ++*subscriptions;
  }
  return 0;
}

/* Moves the parts that go upstream to the front, closes the others and answers
 * how many are left. */
static size_t remove_swallowed(zuv_msg_t *parts, size_t count) {
  size_t kept = 0;

  for (size_t i = 0; i < count; i++) {
    bool swallowed = (zuv__msg(&parts[i])->flags & SWALLOWED) != 0;

    zuv__msg(&parts[i])->flags &= (uint8_t) ~(KNOWN | SWALLOWED);
    if (swallowed)
      zuv__msg_close(&parts[i]);
    else if (kept++ < i)
      zuv__msg_take(&parts[kept - 1], &parts[i]);
  }
  return kept;
}

/* The subscriptions of the message, without the rest of it. */
static int subscribe(zuv__socket_t *socket, zuv__pipe_t *pipe, zuv_msg_t *parts,
                     size_t count) {
  zuv__subscription_t sub;
  int err = 0;

  for (size_t i = 0; i < count && err == 0; i++) {
    if (is_subscription(socket, parts, i, &sub))
      err = pipe->ops->subscribe(pipe, sub.subscribe, sub.topic, sub.size);
  }
  return err;
}

/* Peers have been told of a topic, but not all could be. */
static void take_back(zuv__list_t *head, zuv__list_t *node,
                      const zuv__subscription_t *sub) {
  while ((node = node->prev) != head) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_writers);
    (void)pipe->ops->subscribe(pipe, false, sub->topic, sub->size);
  }
}

/* UV_ENOMEM: `whole`, the one part that was sent, subscribes, and nobody was
 * told. Of other messages what cannot be told is dropped. */
static int send_subscriptions(zuv__socket_t *socket, zuv__fan_out_t *fan_out,
                              zuv_msg_t *parts, size_t count, bool whole) {
  zuv__list_t *head = &zuv__state(socket, zuv__subscribing_t)->connected;
  zuv__subscription_t sub;

  for (zuv__list_t *node = head->next; node != head; node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_writers);
    int err = 0;

    if (!zuv__fan_out_directly(fan_out, pipe))
      err = subscribe(socket, pipe, parts, count);
    if (err == 0)
      continue;
    if (whole && is_subscription(socket, parts, 0, &sub) && sub.subscribe) {
      take_back(head, node, &sub);
      return err;
    }
    fan_out->dropped++;
  }
  return 0;
}

static void send_to_all(zuv__socket_t *socket, zuv__fan_out_t *fan_out,
                        zuv_msg_t *parts, size_t count) {
  for (zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    zuv__pipe_t *pipe = zuv__container_of(node, zuv__pipe_t, in_socket);
    if (!pipe->attached)
      continue;
    if (!pipe->can_write && !zuv__list_empty(&pipe->in_writers) &&
        subscribe(socket, pipe, parts, count) != 0)
      fan_out->dropped++;
    zuv__fan_out_to(fan_out, pipe);
  }
}

static int xsub_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  zuv__fan_out_t fan_out;
  size_t subscriptions;
  size_t kept;
  bool all;
  int err = count_parts(socket, parts, count, &subscriptions);

  if (err != 0)
    return err;
  all = subscriptions == count;
  kept = remove_swallowed(parts, count);
  if (kept == 0)
    return 0;
  zuv__fan_out_begin(&fan_out, socket, parts, kept);
  if (all)
    err = send_subscriptions(socket, &fan_out, parts, kept, count == 1);
  else
    send_to_all(socket, &fan_out, parts, kept);
  if (err != 0) {
    count_back(socket, parts, 1);
    return err;
  }
  zuv__fan_out_end(&fan_out);
  return 0;
}

static bool writable_now(zuv__socket_t *socket) {
  (void)socket;
  return true;
}

const zuv__pattern_t zuv__pattern_xsub = {
    .type = ZUV_XSUB,
    .name = "XSUB",
    .can_send = true,
    .can_receive = true,
    .state_size = sizeof(zuv__subscribing_t),
    .init = zuv__subscribing_init,
    .destroy = zuv__subscribing_destroy,
    .ready = zuv__subscribing_ready,
    .lost = zuv__subscribing_lost,
    .detach = zuv__subscribing_lost,
    .send = xsub_send,
    .writable_now = writable_now,
    .get_option = zuv__subscribing_get_option,
};
