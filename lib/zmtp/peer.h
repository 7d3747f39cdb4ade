/* What is known of the peer after a handshake. A mechanism feeds it with the
 * peer's metadata, the engine with version and authentication; the connection
 * reads it. Fails for metadata that is malformed or does not fit us, and for
 * want of memory. */
#ifndef ZUV_ZMTP_PEER_H
#define ZUV_ZMTP_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "zmtp/config.h"

enum { ZUV__ROUTING_ID_MAX = 255 };

struct zuv__mechanism_ops_s;

typedef struct zuv__peer_s {
  uint8_t *metadata; /* raw block, owned; NULL when empty. What authentication
                        said comes first, then the peer's own properties */
  size_t metadata_size;
  uint8_t *identity;         /* owned; of peers before ZMTP 3, else NULL */
  const uint8_t *routing_id; /* inside metadata or identity, or NULL when
                                empty */
  const struct zuv__mechanism_ops_s *mechanism; /* NULL before ZMTP 3 */
  uint8_t routing_id_size;
  uint8_t version_major; /* 1.0, 2.0, 3.0 or 3.1; 0 when not known yet */
  uint8_t version_minor;
  int8_t socket_type; /* a number, or -1 when the peer did not say */
} zuv__peer_t;

typedef enum zuv__peer_result {
  ZUV__PEER_OK,
  ZUV__PEER_MALFORMED_METADATA,
  ZUV__PEER_WRONG_SOCKET_TYPE,
  ZUV__PEER_ROUTING_ID_TOO_LONG,
  ZUV__PEER_OUT_OF_MEMORY
} zuv__peer_result_t;

void zuv__peer_init(zuv__peer_t *peer);
void zuv__peer_destroy(zuv__peer_t *peer);

/* Checks the peer's metadata against our socket type and appends it, without
 * the properties that only we may set. On any failure `peer` is unchanged. */
zuv__peer_result_t zuv__peer_add_metadata(zuv__peer_t *peer,
                                          const zuv__engine_config_t *config,
                                          const uint8_t *block, size_t size);

/* Takes a copy of the routing id that a peer before ZMTP 3 has: up to 255
 * octets. OK or OUT_OF_MEMORY. */
zuv__peer_result_t zuv__peer_set_identity(zuv__peer_t *peer,
                                          const uint8_t *identity, size_t size);

/* Puts User-Id (unless user_id is NULL) and the properties of a ZAP reply in
 * front of everything. MALFORMED_METADATA is about `block`. */
zuv__peer_result_t zuv__peer_add_authentication(zuv__peer_t *peer,
                                                const uint8_t *user_id,
                                                size_t user_id_size,
                                                const uint8_t *block,
                                                size_t size);

#endif /* ZUV_ZMTP_PEER_H */
