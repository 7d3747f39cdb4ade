/* The greeting of ZMTP (RFC 37, 3.2): 64 octets each way, exchanged in steps so
 * that older peers can be told apart before they are confused. Called by the
 * engine only. Takes any split of the input. A peer that is not of version 3
 * is recognised here; what to do about it is decided in greeting.c, at
 * zuv__version_is_supported, and nowhere else. */
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
  ZUV__VERSION_1_0,           /* no signature: the octets are its first frame */
  ZUV__VERSION_1_0_WITH_TYPE, /* revision 0: signed, but framed as 1.0 */
  ZUV__VERSION_2_0,           /* revision 1 */
  ZUV__VERSION_3_0,
  ZUV__VERSION_3_1 /* also every later one */
} zuv__version_t;

typedef enum zuv__greeting_event {
  ZUV__GREETING_NEEDS_MORE, /* all input was used */
  ZUV__GREETING_SIGNATURE,  /* 10 octets read: our octet 10 is due */
  ZUV__GREETING_REVISION,   /* 11 octets read: the rest of ours is due */
  ZUV__GREETING_COMPLETE,   /* `version` and `mechanism_matches` are final */
  ZUV__GREETING_UNSUPPORTED /* `version` says which */
} zuv__greeting_event_t;

typedef struct zuv__greeting_s {
  uint8_t head[ZUV__GREETING_HEAD_SIZE]; /* as received: a 1.0 peer's framing
                                            starts with its first octet */
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
 * used. Call again with the rest while there is one, until COMPLETE or
 * UNSUPPORTED. Never uses an octet behind the greeting. */
zuv__greeting_event_t zuv__greeting_read(zuv__greeting_t *greeting,
                                         const char *mechanism,
                                         const uint8_t *in, size_t len,
                                         size_t *consumed);

/* True for the versions that the engine can continue with. */
bool zuv__version_is_supported(zuv__version_t version);

#endif /* ZUV_ZMTP_GREETING_H */
