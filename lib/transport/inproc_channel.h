/* Two pipes of sockets on different loops, joined: the only place of the core
 * with a lock on the way of a message. Each side gathers what it sends in its
 * own pipe and hands over the whole batch before its loop polls; a letter wakes
 * the other side.
 *
 * A channel has two ends, each owned by the loop of its pipe. It is freed with
 * the second of them. The end of a binding socket may not be taken yet. */
#ifndef ZUV_TRANSPORT_INPROC_CHANNEL_H
#define ZUV_TRANSPORT_INPROC_CHANNEL_H

#include "core/pipe.h"
#include "transport/inproc.h"

typedef struct zuv__channel_s zuv__channel_t;
struct zuv__socket_s;

enum { ZUV__CHANNEL_CONNECTING = 0, ZUV__CHANNEL_BINDING = 1 };

/* A channel whose first end is taken by this pipe of the connecting socket,
 * which is attached by it; `owner` may be NULL. The other end is the caller's
 * to give away. */
int zuv__channel_new(struct zuv__socket_s *socket, const char *endpoint,
                     zuv__inproc_owner_t *owner, zuv__channel_t **out);

/* Takes the binding end with a new pipe of the socket, on the socket's loop.
 * UV_ENOMEM: the end is still not taken. */
int zuv__channel_take(zuv__channel_t *channel, struct zuv__socket_s *binder);

/* Gives up the binding end, which nobody takes; the connecting socket is told
 * the status, if it is not 0. From any thread. */
void zuv__channel_refuse(zuv__channel_t *channel, int status);

/* Taking it would be for nothing: the connecting socket has left, and has sent
 * nothing. */
bool zuv__channel_is_void(zuv__channel_t *channel);

/* The pipe of the connecting end if it is on this loop, the caller's, and still
 * open; else NULL. */
zuv__pipe_t *zuv__channel_pipe_on(zuv__channel_t *channel, zuv__loop_t *loop);

/* Ends the channel of a pipe as zuv__channel_pipe_on() answered it, whose
 * binding end is not taken: the pipe goes on without it. What it had handed
 * over is moved to `waiting`; *owner is its owner. */
void zuv__channel_dissolve(zuv__channel_t *channel, zuv__queue_t *waiting,
                           zuv__inproc_owner_t **owner);

#endif /* ZUV_TRANSPORT_INPROC_CHANNEL_H */
