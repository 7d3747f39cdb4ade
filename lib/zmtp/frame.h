/* Framing of ZMTP 2.0 and 3.x (RFC 37, 3.4): a flags octet, a size of one or
 * eight octets, a body. Called for every frame of every connection, hence
 * inline. A decode fails for a frame that is over a limit or that no memory
 * could hold. */
#ifndef ZUV_ZMTP_FRAME_H
#define ZUV_ZMTP_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { ZUV__FRAME_MORE = 1, ZUV__FRAME_LONG = 2, ZUV__FRAME_COMMAND = 4 };

enum {
  ZUV__FRAME_SHORT_HEADER = 2,
  ZUV__FRAME_HEADER_MAX = 9,
  ZUV__FRAME_SHORT_MAX = 255, /* the largest body with a short header */
  /* A command may be this large whatever ZMQ_MAXMSGSIZE says: 64 KiB, and room
   * for the properties that libzmq lets an application add. */
  ZUV__COMMAND_MAX = 64 * 1024 + 8 * 1024
};

enum {
  ZUV__FRAME_COMPLETE = 1,
  ZUV__FRAME_PARTIAL = 0,
  ZUV__FRAME_TOO_LARGE = -1,
  ZUV__FRAME_MALFORMED = -2
};

typedef struct zuv__frame_s {
  const uint8_t *body; /* inside the input */
  size_t size;         /* of the body */
  size_t total;        /* of header and body */
  uint8_t flags;       /* ZUV__FRAME_MORE and ZUV__FRAME_COMMAND only */
} zuv__frame_t;

static inline uint64_t zuv__frame_read_u64(const uint8_t *in) {
  return (uint64_t)in[0] << 56 | (uint64_t)in[1] << 48 | (uint64_t)in[2] << 40 |
         (uint64_t)in[3] << 32 | (uint64_t)in[4] << 24 | (uint64_t)in[5] << 16 |
         (uint64_t)in[6] << 8 | (uint64_t)in[7];
}

/* Looks at the frame that starts at `in`. `max_size` limits the body of a
 * message; a command may always have ZUV__COMMAND_MAX octets. UINT64_MAX means
 * no limit.
 *   COMPLETE   the whole frame is there, `frame` is filled.
 *   PARTIAL    more octets are needed. frame->total says how many in all, and
 *              size and flags are set, once the header is there; else total is
 *              0. frame->body is not set.
 *   TOO_LARGE  the announced size is over the limit. `frame` is not set.
 *   MALFORMED  the announced size cannot exist. `frame` is not set. */
static inline int zuv__frame_decode(const uint8_t *in, size_t len,
                                    uint64_t max_size, zuv__frame_t *frame) {
  size_t header = ZUV__FRAME_SHORT_HEADER;
  uint64_t size;
  uint8_t flags;

  frame->total = 0;
  if (len < ZUV__FRAME_SHORT_HEADER)
    return ZUV__FRAME_PARTIAL;

  flags = in[0];
  if ((flags & ZUV__FRAME_LONG) == 0) {
    size = in[1];
  } else {
    header = ZUV__FRAME_HEADER_MAX;
    if (len < ZUV__FRAME_HEADER_MAX)
      return ZUV__FRAME_PARTIAL;
    size = zuv__frame_read_u64(in + 1);
    if (size > (uint64_t)INT64_MAX || size > SIZE_MAX - ZUV__FRAME_HEADER_MAX)
      return ZUV__FRAME_MALFORMED;
  }
  if (size > max_size &&
      ((flags & ZUV__FRAME_COMMAND) == 0 || size > ZUV__COMMAND_MAX))
    return ZUV__FRAME_TOO_LARGE;

  frame->size = (size_t)size;
  frame->total = header + (size_t)size;
  frame->flags = flags & (ZUV__FRAME_MORE | ZUV__FRAME_COMMAND);
  if (len - header < (size_t)size)
    return ZUV__FRAME_PARTIAL;
  frame->body = in + header;
  return ZUV__FRAME_COMPLETE;
}

/* Writes the header of a frame with a body of `size` octets and returns its
 * length, 2 or 9. `flags` are MORE and COMMAND; LONG is set as needed. */
static inline size_t zuv__frame_encode_header(uint8_t *out, uint8_t flags,
                                              size_t size) {
  uint64_t wide = size;

  if (size <= ZUV__FRAME_SHORT_MAX) {
    out[0] = flags;
    out[1] = (uint8_t)size;
    return ZUV__FRAME_SHORT_HEADER;
  }
  out[0] = (uint8_t)(flags | ZUV__FRAME_LONG);
  for (int i = 8; i > 0; i--, wide >>= 8)
    out[i] = (uint8_t)wide;
  return ZUV__FRAME_HEADER_MAX;
}

/* The length of that header. */
static inline size_t zuv__frame_header_size(size_t size) {
  return size <= ZUV__FRAME_SHORT_MAX ? ZUV__FRAME_SHORT_HEADER
                                      : ZUV__FRAME_HEADER_MAX;
}

#endif /* ZUV_ZMTP_FRAME_H */
