/* ZAP 1.0 (RFC 27) without I/O: what to ask a handler about a peer, and what
 * its answer means. Frames are slices of memory that somebody else owns. An
 * answer can be malformed in each of libzmq's five ways. */
#ifndef ZUV_SECURITY_ZAP_H
#define ZUV_SECURITY_ZAP_H

#include <stddef.h>
#include <stdint.h>

#include "security/mechanism.h"

#define ZUV__ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum {
  /* The delimiter, the version, the request's id, domain, address, routing id,
   * mechanism; then the credentials. */
  ZUV__ZAP_REQUEST_FRAMES_MAX = 7 + ZUV__CREDENTIALS_MAX,
  ZUV__ZAP_REPLY_FRAMES = 7 /* with the delimiter */
};

typedef struct zuv__zap_frame_s {
  const uint8_t *data; /* may be NULL when empty */
  size_t size;
} zuv__zap_frame_t;

typedef struct zuv__zap_question_s {
  const uint8_t *domain;
  size_t domain_size;
  const char *address;
  const uint8_t *routing_id; /* our own: so it is with libzmq */
  size_t routing_id_size;
  const zuv__credentials_t *credentials;
} zuv__zap_question_t;

/* Fills the frames of a request, as a DEALER sends them, with slices of what
 * the question points to; answers how many. */
size_t zuv__zap_request(const zuv__zap_question_t *question,
                        zuv__zap_frame_t frames[ZUV__ZAP_REQUEST_FRAMES_MAX]);

/* Reads a reply, as a DEALER gets it. ZUV__PROTOCOL_NO_ERROR: `verdict` is
 * filled, with slices of the frames; else why it is none. */
zuv__protocol_error_t zuv__zap_parse_reply(const zuv__zap_frame_t *frames,
                                           size_t count,
                                           zuv__verdict_t *verdict);

#endif /* ZUV_SECURITY_ZAP_H */
