/* What SUB and XSUB share: the topics that the application wants, counted, and
 * telling them to every peer as it connects. Subscriptions are state: no
 * high-water mark holds one back. The struct is the state of both. Used by
 * sub.c and xsub.c only. */
#ifndef ZUV_PATTERNS_SUBSCRIBER_H
#define ZUV_PATTERNS_SUBSCRIBER_H

#include "core/socket.h"

typedef struct zuv__subscribing_s {
  zuv__subscriptions_t topics;
  zuv__list_t connected; /* the pipes with a peer, by in_writers */
} zuv__subscribing_t;

/* The functions of both tables. */
int zuv__subscribing_init(zuv__socket_t *socket);
void zuv__subscribing_destroy(zuv__socket_t *socket);
int zuv__subscribing_ready(zuv__socket_t *socket, zuv__pipe_t *pipe);
void zuv__subscribing_lost(zuv__socket_t *socket, zuv__pipe_t *pipe);
int zuv__subscribing_get_option(zuv__socket_t *socket, int option, void *value,
                                size_t *size);

#endif /* ZUV_PATTERNS_SUBSCRIBER_H */
