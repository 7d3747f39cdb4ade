/* What the application can learn of a peer (zuv_peer_*). Made by the link when
 * the peer is ready; the pipe holds one reference, each waiting event one. */
#ifndef ZUV_CORE_PEER_H
#define ZUV_CORE_PEER_H

#include <stdint.h>

#include "zuv.h"

struct zuv__pipe_s;

struct zuv_peer_s {
  unsigned references;
  int type;
  struct zuv__pipe_s *pipe; /* NULL once the pipe has a newer peer or is gone */
  const char *mechanism;
  char *user_id;     /* owned, or NULL */
  uint8_t *metadata; /* raw properties; owned, or NULL */
  size_t metadata_size;
  const uint8_t *routing_id; /* announced; behind the texts */
  size_t routing_id_size;
  const char *endpoint; /* behind the address */
  char address[];
};

/* With copies of the texts and the routing id. NULL: no memory. */
zuv_peer_t *zuv__peer_new(const char *address, const char *endpoint, int type,
                          const char *mechanism, const void *routing_id,
                          size_t routing_id_size);

static inline void zuv__peer_retain(zuv_peer_t *peer) {
  peer->references++;
}

void zuv__peer_release(zuv_peer_t *peer);

#endif /* ZUV_CORE_PEER_H */
