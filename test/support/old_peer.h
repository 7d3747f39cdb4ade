/* A scripted peer of ZMTP 1.0 or 2.0 over raw TCP, with an encoder of its own:
 * nothing of it is the library's. */
#ifndef OLD_PEER_H
#define OLD_PEER_H

#include "support/raw_tcp.h"

typedef enum {
  OLD_1_0,      /* libzmq 2: begins with a short frame */
  OLD_1_0_LONG, /* the same, with a long header that looks like a greeting */
  OLD_1_0_WITH_TYPE, /* revision 0 */
  OLD_2_0,           /* libzmq 3 */
  OLD_VERSIONS
} old_version_t;

typedef struct {
  raw_tcp_t own;
  raw_tcp_t *raw; /* own, or the listener's */
  old_version_t version;
  size_t read; /* bytes of raw->bytes */
} old_peer_t;

bool old_has_type(old_version_t version);

void old_connect(harness_t *h, old_peer_t *peer, old_version_t version,
                 const char *endpoint);
/* Waits for the listener's connection `index`, which is not closed here. */
void old_accept(old_peer_t *peer, old_version_t version,
                raw_listener_t *listener, size_t index);
void old_close(old_peer_t *peer);

/* Says greeting and identity. `identity` is text, up to 255 octets. */
void old_greet(old_peer_t *peer, int type, const char *identity);
/* Requires the other's greeting, with this type and identity. */
void old_expect_greeting(old_peer_t *peer, int type, const char *identity);

/* The wire form of frames; how many octets. */
size_t old_frame(old_version_t version, bool more, const void *body,
                 size_t size, uint8_t *out);
/* Sends the message, which is text. */
void old_send(old_peer_t *peer, const char *text);
/* Sends one part of equal octets. */
void old_send_size(old_peer_t *peer, size_t size, char octet, bool more);
void old_send_bytes(old_peer_t *peer, const void *bytes, size_t size);

/* Waits for octets and requires them. */
void old_expect_bytes(old_peer_t *peer, const void *bytes, size_t size);
/* Waits for a message and requires its text. */
void old_expect(old_peer_t *peer, const char *text);
/* Waits for one part of equal octets. */
void old_expect_size(old_peer_t *peer, size_t size, char octet, bool more);
/* Nothing more has come until now. */
void old_expect_nothing(old_peer_t *peer);

#endif /* OLD_PEER_H */
