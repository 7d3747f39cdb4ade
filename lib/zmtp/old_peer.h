/* What peers of ZMTP 1.0 (RFC 13) and 2.0 (RFC 15) say where those of 3.x have
 * a handshake: a number for the socket type, and a first frame, the identity,
 * which is the routing id. Called by the engine. A peer's identity can be too
 * long or broken. */
#ifndef ZUV_ZMTP_OLD_PEER_H
#define ZUV_ZMTP_OLD_PEER_H

#include "zmtp/config.h"
#include "zmtp/frame_v1.h"
#include "zmtp/greeting.h"
#include "zmtp/peer.h"

enum { ZUV__IDENTITY_MAX = ZUV__FRAME_V1_HEADER_MAX + ZUV__ROUTING_ID_MAX };

/* How RFC 15 numbers a socket type: it knows no XPUB and no XSUB. */
uint8_t zuv__old_socket_type(int socket_type);

/* Writes our identity as this version frames it, and returns its size. */
size_t zuv__old_identity_write(uint8_t out[ZUV__IDENTITY_MAX],
                               zuv__version_t version,
                               const zuv__engine_config_t *config);

/* Looks at the peer's identity, which follows its complete greeting. Answers
 * and fills `frame` as zuv__frame_decode(); frame->total counts the octets of
 * `in` only. */
int zuv__old_identity_decode(const zuv__greeting_t *greeting, const uint8_t *in,
                             size_t len, zuv__frame_t *frame);

/* Fills version and socket type, by its complete greeting. */
void zuv__old_peer_describe(zuv__peer_t *peer, const zuv__greeting_t *greeting);

#endif /* ZUV_ZMTP_OLD_PEER_H */
