/* The greeting of ZMTP (RFC 37, 3.2): 64 octets each way, exchanged in steps so
 * that older peers can be told apart before they are confused. Called by the
 * engine only. Takes any split of the input. With a peer of 2.0 (RFC 15) it has
 * 12 octets; one of 1.0 (RFC 13) has none, and begins with a frame. */
#ifndef ZUV_ZMTP_GREETING_H
#define ZUV_ZMTP_GREETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ZUV__GREETING_SIZE = 64,
  ZUV__GREETING_SIGNATURE_SIZE = 10,
  ZUV__GREETING_HEAD_SIZE = 12, /* signature, revision, minor or socket type */
  ZUV__GREETING_MECHANISM_SIZE = 20
};

typedef enum zuv__version {
  ZUV__VERSION_UNDECIDED,
  ZUV__VERSION_1_0,           /* no signature: what it says are frames */
  ZUV__VERSION_1_0_WITH_TYPE, /* revision 0: a greeting, then frames of 1.0 */
  ZUV__VERSION_2_0,           /* revision 1 */
  ZUV__VERSION_3_0,
  ZUV__VERSION_3_1 /* also every later one */
} zuv__version_t;

typedef enum zuv__greeting_event {
  ZUV__GREETING_NEEDS_MORE, /* all input was used */
  ZUV__GREETING_SIGNATURE,  /* 10 octets read: our octet 10 is due */
  /* 11 octets read: the rest of ours is due, or, to a version before 3.0, the
   * octet with our socket type */
  ZUV__GREETING_REVISION,
  ZUV__GREETING_COMPLETE /* `version` and `mechanism_matches` are final */
} zuv__greeting_event_t;

typedef struct zuv__greeting_s {
  uint8_t head[ZUV__GREETING_HEAD_SIZE]; /* as received */
  uint8_t received;                      /* octets so far */
  uint8_t version;                       /* zuv__version_t */
  bool mechanism_matches;
} zuv__greeting_t;

void zuv__greeting_init(zuv__greeting_t *greeting);

/* Writes our own 64 octets. `mechanism` has at most 20 characters. */
void zuv__greeting_write(uint8_t out[ZUV__GREETING_SIZE],
                         size_t routing_id_size, const char *mechanism,
                         bool as_server);

/* Reads the peer's octets up to the next event; *consumed says how many were
 * used. Call again with the rest while there is one, until COMPLETE. Never uses
 * an octet behind the greeting. Of a 1.0 peer none is used if its first frame
 * has a short header. A long one looks like a signature, until all 10 octets of
 * it are in `head`. */
zuv__greeting_event_t zuv__greeting_read(zuv__greeting_t *greeting,
                                         const char *mechanism,
                                         const uint8_t *in, size_t len,
                                         size_t *consumed);

static inline bool zuv__version_is_before_3(zuv__version_t version) {
  return version >= ZUV__VERSION_1_0 && version <= ZUV__VERSION_2_0;
}

#endif /* ZUV_ZMTP_GREETING_H */
