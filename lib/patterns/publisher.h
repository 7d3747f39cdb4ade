/* What PUB and XPUB share: who subscribed to what, and the sending. The struct
 * stands first in the state of both. Used by pub.c and xpub.c only. */
#ifndef ZUV_PATTERNS_PUBLISHER_H
#define ZUV_PATTERNS_PUBLISHER_H

#include "core/socket.h"
#include "patterns/subscription.h"

typedef struct zuv__publisher_s {
  zuv__subscriptions_t subscriptions;
  zuv_msg_t welcome; /* XPUB_WELCOME_MSG; empty: none */
  /* XPUB_MANUAL: whose subscription the application read last, or NULL */
  zuv__pipe_t *last;
} zuv__publisher_t;

int zuv__publisher_init(zuv__socket_t *socket);
void zuv__publisher_destroy(zuv__socket_t *socket);

/* A connection begins: with the welcome message. */
int zuv__publisher_ready(zuv__socket_t *socket, zuv__pipe_t *pipe);

/* Whether a part that arrived is a subscription by its form and its place in
 * the message (ONLY_FIRST_SUBSCRIBE). Asked once for each part. */
bool zuv__publisher_is_subscription(zuv__pipe_t *pipe, zuv_msg_t *part,
                                    bool more,
                                    zuv__subscription_t *subscription);

/* The connection is lost, maybe amid a message. */
void zuv__publisher_forget_message(zuv__pipe_t *pipe);

/* A message that had to wait (XPUB_NODROP) may be wanted by fewer peers now. */
void zuv__publisher_fewer_subscribers(zuv__socket_t *socket);

/* How many peers a message with this first part would be for. */
size_t zuv__publisher_count(zuv__socket_t *socket, const void *topic,
                            size_t size);

/* The peer gets a topic, or gets it no more. Fails as
 * zuv__subscriptions_add(). */
int zuv__publisher_apply(zuv__socket_t *socket, zuv__pipe_t *pipe,
                         bool subscribe, const void *topic, size_t size);

/* The functions of both tables. */
int zuv__publisher_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count);
int zuv__publisher_check_first(zuv__socket_t *socket, const zuv_msg_t *first);
bool zuv__publisher_writable_now(zuv__socket_t *socket);
int zuv__publisher_set_option(zuv__socket_t *socket, int option,
                              const void *value, size_t size);
int zuv__publisher_get_option(zuv__socket_t *socket, int option, void *value,
                              size_t *size);

#endif /* ZUV_PATTERNS_PUBLISHER_H */
