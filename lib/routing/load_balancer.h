/* Round robin over the pipes that can take a message: what PUSH, DEALER and REQ
 * send by. Intrusive through pipe->in_writers; pipes that are full leave the
 * turn until they are added again. Nothing allocates. */
#ifndef ZUV_ROUTING_LOAD_BALANCER_H
#define ZUV_ROUTING_LOAD_BALANCER_H

#include "core/pipe.h"

typedef struct zuv__load_balancer_s {
  zuv__list_t writers; /* the pipe whose turn it is comes first */
} zuv__load_balancer_t;

void zuv__load_balancer_init(zuv__load_balancer_t *balancer);

/* The pipe is new, or can be written to again: it takes part, as the last. */
void zuv__load_balancer_add(zuv__load_balancer_t *balancer, zuv__pipe_t *pipe);

/* The pipe takes no part any more. */
void zuv__load_balancer_remove(zuv__pipe_t *pipe);

/* The pipe whose turn it is, or NULL when none can take a message. */
zuv__pipe_t *zuv__load_balancer_next(zuv__load_balancer_t *balancer);

/* That pipe took a message: notes it in socket->sent_to and passes the turn. */
void zuv__load_balancer_wrote(zuv__load_balancer_t *balancer,
                              zuv__pipe_t *pipe);

/* All of it at once: 0, UV_EAGAIN, or UV_ENOMEM with nothing taken. */
int zuv__load_balancer_send(zuv__load_balancer_t *balancer, zuv_msg_t *parts,
                            size_t count);

#endif /* ZUV_ROUTING_LOAD_BALANCER_H */
