/* What the application can learn of a peer (zuv_peer_*). Made by the link when
 * the peer is ready; the pipe holds one reference, each waiting event one, and
 * each message that carries it as metadata one.
 *
 * Such messages cross threads: the reference count is atomic, and what
 * zuv__peer_text() reads does not change once the peer is known to others. */
#ifndef ZUV_CORE_PEER_H
#define ZUV_CORE_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/stats.h"
#include "zuv.h"

struct zuv__pipe_s;

struct zuv_peer_s {
  atomic_uint references;
  int type;
  int fd; /* of the connection, or -1; a number to tell, never to use */
  struct zuv__pipe_s *pipe; /* NULL once the pipe has a newer peer or is gone */
  const char *mechanism;
  uint8_t *metadata; /* raw properties; owned, or NULL */
  size_t metadata_size;
  _Atomic(char *) values;    /* of the properties, see peer.c; owned, or NULL */
  const uint8_t *routing_id; /* announced; behind the texts */
  size_t routing_id_size;
  zuv__counts_t counts; /* of `pipe`, once that is NULL */
  const char *endpoint; /* behind the address */
  char address[];
};

/* With copies of the texts and the routing id. NULL: no memory. */
zuv_peer_t *zuv__peer_new(const char *address, const char *endpoint, int type,
                          const char *mechanism, const void *routing_id,
                          size_t routing_id_size);

static inline void zuv__peer_retain(zuv_peer_t *peer) {
  atomic_fetch_add_explicit(&peer->references, 1, memory_order_relaxed);
}

void zuv__peer_release(zuv_peer_t *peer);

/* What the peer, its address or its authentication says under this name, in
 * this case: "Peer-Address", "Socket-Type", "User-Id", "Routing-Id" (the same
 * as "Identity") or any property. NUL-terminated, as long as the peer lives;
 * any thread. NULL: nothing known, as of all inproc peers, or no memory. */
const char *zuv__peer_text(zuv_peer_t *peer, const char *name);
/* It would, if there were memory. */
bool zuv__peer_has_property(const zuv_peer_t *peer, const char *name);

#endif /* ZUV_CORE_PEER_H */
