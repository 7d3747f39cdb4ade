/* What one side says of itself in a handshake. Filled by the socket, once for
 * all of its connections; read by the engine and the mechanisms. */
#ifndef ZUV_ZMTP_CONFIG_H
#define ZUV_ZMTP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zuv__mechanism_ops_s;
struct zuv__security_s;

/* Everything here outlives the engines that use it. */
typedef struct zuv__engine_config_s {
  int socket_type;
  const uint8_t *routing_id; /* may be NULL when empty */
  size_t routing_id_size;    /* up to 255 */
  const struct zuv__mechanism_ops_s *mechanism;
  const struct zuv__security_s *security; /* keys, passwords; NULL for NULL */
  bool as_server;                         /* role for mechanisms with roles */
  bool connecting; /* the peer was connected to, not accepted */
  /* Ask before letting the peer in (ZAP or a callback). Servers of PLAIN and
   * CURVE always do. */
  bool authenticate;
  /* Not to talk to peers of ZMTP 1.0 and 2.0. With any mechanism but NULL
   * that is so anyway. */
  bool refuse_old_peers;
  const uint8_t *extra_metadata; /* raw properties, sent as they are */
  size_t extra_metadata_size;
} zuv__engine_config_t;

/* The size of our own metadata block: Socket-Type, Identity if the type sends
 * it, and the extra properties. */
size_t zuv__config_metadata_size(const zuv__engine_config_t *config);

/* Writes that block, of exactly that size. */
void zuv__config_metadata_write(const zuv__engine_config_t *config,
                                uint8_t *out);

#endif /* ZUV_ZMTP_CONFIG_H */
