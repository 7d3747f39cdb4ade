#include "zmtp/old_peer.h"

#include <string.h>

#include "zmtp/socket_type.h"

enum { SOCKET_TYPE = 11 }; /* its place in the greeting */

uint8_t zuv__old_socket_type(int socket_type) {
  switch (socket_type) {
    case ZUV__SOCKET_XPUB:
      return ZUV__SOCKET_PUB;
    case ZUV__SOCKET_XSUB:
      return ZUV__SOCKET_SUB;
    default:
      return (uint8_t)socket_type;
  }
}

size_t zuv__old_identity_write(uint8_t out[ZUV__IDENTITY_MAX],
                               zuv__version_t version,
                               const zuv__engine_config_t *config) {
  size_t size = config->routing_id_size;
  size_t header = 0;

  /* To a 1.0 peer our signature was the header. */
  if (version == ZUV__VERSION_2_0)
    header = zuv__frame_encode_header(out, 0, size);
  else if (version == ZUV__VERSION_1_0_WITH_TYPE)
    header = zuv__frame_v1_encode_header(out, false, size);
  if (size > 0)
    memcpy(out + header, config->routing_id, size);
  return header + size;
}

/* The header is in the greeting. */
static int decode_behind_signature(const zuv__greeting_t *greeting,
                                   const uint8_t *in, size_t len,
                                   zuv__frame_t *frame) {
  int result = zuv__frame_v1_decode(
      greeting->head, ZUV__GREETING_SIGNATURE_SIZE, ZUV__ROUTING_ID_MAX, frame);

  if (result < ZUV__FRAME_PARTIAL)
    return result;
  frame->total = frame->size;
  frame->body = in;
  return len < frame->size ? ZUV__FRAME_PARTIAL : ZUV__FRAME_COMPLETE;
}

int zuv__old_identity_decode(const zuv__greeting_t *greeting, const uint8_t *in,
                             size_t len, zuv__frame_t *frame) {
  int result;

  if (greeting->version == ZUV__VERSION_1_0 && greeting->received > 0)
    return decode_behind_signature(greeting, in, len, frame);
  if (greeting->version != ZUV__VERSION_2_0)
    return zuv__frame_v1_decode(in, len, ZUV__ROUTING_ID_MAX, frame);
  result = zuv__frame_decode(in, len, ZUV__ROUTING_ID_MAX, frame);
  /* What is a command in 3.x has a limit of its own. */
  if (result >= ZUV__FRAME_PARTIAL && frame->total > 0 &&
      frame->size > ZUV__ROUTING_ID_MAX)
    return ZUV__FRAME_TOO_LARGE;
  return result;
}

void zuv__old_peer_describe(zuv__peer_t *peer,
                            const zuv__greeting_t *greeting) {
  peer->version_major = greeting->version == ZUV__VERSION_2_0 ? 2 : 1;
  peer->version_minor = 0;
  if (greeting->version != ZUV__VERSION_1_0 &&
      zuv__socket_type_name(greeting->head[SOCKET_TYPE]) != NULL)
    peer->socket_type = (int8_t)greeting->head[SOCKET_TYPE];
}
