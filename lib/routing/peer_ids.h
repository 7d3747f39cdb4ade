/* The routing ids of a socket's peers: what ROUTER, REP and STREAM tell them
 * apart by.
 *
 * A pipe gets its id once and keeps it over reconnections:
 *   - when it is attached, from CONNECT_ROUTING_ID, or generated if it is raw;
 *   - else when its peer is ready: the announced id, or a generated one.
 * From then on until it is detached the id finds the pipe. The pipe keeps its
 * id until it is forgotten, because what it has received can still be read.
 * Generated ids are 00 and a 32-bit big-endian counter with a random start.
 *
 * An id that another pipe has makes the newcomer unwelcome; with
 * ROUTER_HANDOVER it gets the id, and the older pipe is closed.
 *
 * The state of these patterns begins with its zuv__peer_ids_t. */
#ifndef ZUV_ROUTING_PEER_IDS_H
#define ZUV_ROUTING_PEER_IDS_H

#include "base/map.h"
#include "core/pattern.h"
#include "core/pipe.h"

typedef struct zuv__peer_ids_s {
  zuv__map_t map; /* of pipe->by_routing_id */
  uint32_t next;  /* in the next generated id */
} zuv__peer_ids_t;

void zuv__peer_ids_init(zuv__peer_ids_t *ids);
/* No pipe may be left. */
void zuv__peer_ids_destroy(zuv__peer_ids_t *ids);

bool zuv__peer_ids_taken(const zuv__peer_ids_t *ids, const void *id,
                         size_t size);

/* Before an endpoint is made that connects: UV_EINVAL if the socket addresses
 * its peers by id and its CONNECT_ROUTING_ID is in use, else 0. */
int zuv__peer_ids_check_connect(struct zuv__socket_s *socket);

/* -- what the pattern's callbacks of the same names do first -- */

/* UV_ENOMEM: the pipe has not got the id that it must have by now. */
int zuv__peer_ids_attach(zuv__peer_ids_t *ids, zuv__pipe_t *pipe);
/* UV_EEXIST: its id belongs to another; UV_ENOMEM: it has none. */
int zuv__peer_ids_ready(zuv__peer_ids_t *ids, zuv__pipe_t *pipe);
void zuv__peer_ids_detach(zuv__peer_ids_t *ids, zuv__pipe_t *pipe);
void zuv__peer_ids_forget(zuv__pipe_t *pipe);

static inline bool zuv__pipe_has_id(const zuv__pipe_t *pipe) {
  return pipe->by_routing_id.key != NULL;
}

/* Puts the id of the pipe in front of a message that it received. Answers as
 * a pattern's receive. */
int zuv__peer_ids_prepend(const zuv__pipe_t *pipe, zuv__incoming_t *message);

/* Whether the peer that this part names could be sent to: 0, UV_EHOSTUNREACH or
 * UV_EAGAIN. */
int zuv__peer_ids_check(const zuv__peer_ids_t *ids, const zuv_msg_t *id);

/* Sends parts[1..count) to the peer that parts[0] names; there are at least
 * two parts. To a raw peer goes one part, and an empty one closes the
 * connection. UV_EHOSTUNREACH, UV_EAGAIN, UV_EINVAL, UV_ENOMEM: nothing was
 * taken. */
int zuv__peer_ids_send(zuv__peer_ids_t *ids, zuv_msg_t *parts, size_t count);

#endif /* ZUV_ROUTING_PEER_IDS_H */
