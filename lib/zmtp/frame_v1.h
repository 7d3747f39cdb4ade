/* Framing of ZMTP 1.0 (RFC 13): a length of one or nine octets, which counts a
 * flags octet, that octet, a body. There are no commands. A decode fails for a
 * frame without flags, for one over a limit, and for one that no memory could
 * hold. */
#ifndef ZUV_ZMTP_FRAME_V1_H
#define ZUV_ZMTP_FRAME_V1_H

#include <stdbool.h>

#include "zmtp/frame.h"

enum {
  ZUV__FRAME_V1_SHORT_HEADER = 2,
  ZUV__FRAME_V1_HEADER_MAX = 10,
  ZUV__FRAME_V1_SHORT_MAX = 253, /* the largest body with a short header */
  ZUV__FRAME_V1_LONG = 0xff      /* first octet of a long header */
};

/* zuv__frame_decode() of this framing; frame->flags is MORE or 0. Also reads a
 * long header of a small frame, as the identity of libzmq has one. */
static inline int zuv__frame_v1_decode(const uint8_t *in, size_t len,
                                       uint64_t max_size, zuv__frame_t *frame) {
  size_t header = ZUV__FRAME_V1_SHORT_HEADER;
  uint64_t length;

  frame->total = 0;
  if (len == 0)
    return ZUV__FRAME_PARTIAL;

  length = in[0];
  if (length == ZUV__FRAME_V1_LONG) {
    header = ZUV__FRAME_V1_HEADER_MAX;
    if (len < ZUV__FRAME_V1_HEADER_MAX - 1)
      return ZUV__FRAME_PARTIAL;
    length = zuv__frame_read_u64(in + 1);
    if (length > (uint64_t)INT64_MAX ||
        length > SIZE_MAX - ZUV__FRAME_V1_HEADER_MAX)
      return ZUV__FRAME_MALFORMED;
  }
  if (length == 0)
    return ZUV__FRAME_MALFORMED;
  if (length - 1 > max_size)
    return ZUV__FRAME_TOO_LARGE;
  if (len < header)
    return ZUV__FRAME_PARTIAL;

  frame->size = (size_t)length - 1;
  frame->total = header + frame->size;
  frame->flags = in[header - 1] & ZUV__FRAME_MORE;
  if (len - header < frame->size)
    return ZUV__FRAME_PARTIAL;
  frame->body = in + header;
  return ZUV__FRAME_COMPLETE;
}

/* Writes the header of a frame with a body of `size` octets and returns its
 * length, 2 or 10. */
static inline size_t zuv__frame_v1_encode_header(uint8_t *out, bool more,
                                                 size_t size) {
  uint64_t length = (uint64_t)size + 1;

  if (size <= ZUV__FRAME_V1_SHORT_MAX) {
    out[0] = (uint8_t)length;
    out[1] = more;
    return ZUV__FRAME_V1_SHORT_HEADER;
  }
  out[0] = ZUV__FRAME_V1_LONG;
  for (int i = 8; i > 0; i--, length >>= 8)
    out[i] = (uint8_t)length;
  out[9] = more;
  return ZUV__FRAME_V1_HEADER_MAX;
}

#endif /* ZUV_ZMTP_FRAME_V1_H */
