/* Where a sans-I/O step puts the octets that go to the peer. The connection
 * provides it (an append to its output buffer); engine and mechanisms write. */
#ifndef ZUV_ZMTP_SINK_H
#define ZUV_ZMTP_SINK_H

#include <stddef.h>

typedef struct zuv__sink_s {
  /* Takes all octets, copying them, and returns 0; or takes none and returns
   * something else, which ends the handshake as out of memory. Must not call
   * back into the engine. */
  int (*write)(void *context, const void *bytes, size_t size);
  void *context;
} zuv__sink_t;

static inline int zuv__sink_write(const zuv__sink_t *sink, const void *bytes,
                                  size_t size) {
  return sink->write(sink->context, bytes, size);
}

#endif /* ZUV_ZMTP_SINK_H */
