/* inproc: sockets of one context, on the same loop or on loops of different
 * threads. This file pair keeps the names; inproc_local.c joins two pipes on
 * one loop, inproc_channel.c two pipes on two.
 *
 * A connect before the bind parks: a channel is made whose other end is not
 * taken yet, and the next bind of the name takes it, even if the connecting
 * socket has closed meanwhile. What comes to nothing for want of memory is
 * connected again after RECONNECT_IVL. */
#ifndef ZUV_TRANSPORT_INPROC_H
#define ZUV_TRANSPORT_INPROC_H

#include "core/context.h"
#include "core/pipe.h"
#include "core/socket.h"

struct zuv__socket_s;

/* The row of the transport table. */
int zuv__inproc_bind(struct zuv__socket_s *socket, const char *text);
int zuv__inproc_connect(struct zuv__socket_s *socket, const char *text);

/* The type of the socket that has bound this name, without "inproc://"; -1:
 * nobody has. */
int zuv__inproc_bound_type(zuv__context_t *context, const char *name);

/* Drops the connects that no bind has taken, if the context has no socket. */
void zuv__inproc_forget_parked(zuv__context_t *context);

/* Who owns a pipe from below, if anybody (the connecting endpoint): told when
 * the pipe has ended. */
typedef struct zuv__inproc_owner_s {
  zuv__pipe_t *pipe; /* set to NULL then */
  /* After that, if no socket wanted it to end. */
  void (*failed)(struct zuv__inproc_owner_s *owner, int status);
} zuv__inproc_owner_t;

/* Tells the pattern of the new pipe, whose link is set up: HELLO_MSG comes
 * first. UV_ENOMEM: the pattern does not know it. */
int zuv__inproc_attach(zuv__pipe_t *pipe);

/* A limit over both sides of a direction; 0 on either side means none. */
static inline uint64_t zuv__inproc_limit(uint64_t send, uint64_t receive) {
  return send == 0 || receive == 0 ? 0 : send + receive;
}

/* Bytes that came into the pipe through its queue, which has counted them. What
 * passes the queue by, zuv__pipe_deposit_specially() counts. */
static inline uint64_t zuv__inproc_queued_bytes(const zuv__pipe_t *pipe) {
  return pipe->socket->pattern->arrived != NULL ? 0 : pipe->in.written_bytes;
}

/* What a socket says of itself to an inproc peer: a zuv_peer_t for the peer's
 * pipe. NULL: no memory. */
zuv_peer_t *zuv__inproc_peer(int type, const void *routing_id,
                             size_t routing_id_size, const char *endpoint);

#endif /* ZUV_TRANSPORT_INPROC_H */
