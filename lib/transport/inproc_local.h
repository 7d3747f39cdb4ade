/* Two pipes of sockets on the same loop, joined: writing to one is queueing in
 * the other. */
#ifndef ZUV_TRANSPORT_INPROC_LOCAL_H
#define ZUV_TRANSPORT_INPROC_LOCAL_H

#include "core/pipe.h"
#include "transport/inproc.h"

/* Joins the connecting socket's pipe, which may be attached already and hold
 * messages in `out`, with a new pipe of the binding socket. `waiting` are
 * messages from before, or NULL. UV_ENOMEM: nothing has happened. */
int zuv__inproc_join(zuv__pipe_t *connecting, zuv__inproc_owner_t *owner,
                     struct zuv__socket_s *binder, zuv__queue_t *waiting);

/* Moves one message of the queue into the pipe. UV_ENOMEM: it is lost. */
int zuv__inproc_deposit_next(zuv__queue_t *queue, zuv__pipe_t *to);

/* A pipe that zuv__inproc_join() will take: it is not attached. */
zuv__pipe_t *zuv__inproc_pipe_new(struct zuv__socket_s *socket,
                                  const char *endpoint);

#endif /* ZUV_TRANSPORT_INPROC_LOCAL_H */
