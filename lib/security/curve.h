/* What the two roles of CURVE (CurveZMQ, RFC 26) share: the commands as they
 * are on the wire, nonces, boxes with metadata, and traffic once the keys are
 * agreed on. Called by curve_client.c and curve_server.c, encode and decode by
 * the connection. Fails for memory, and for a peer whose boxes do not open. */
#ifndef ZUV_SECURITY_CURVE_H
#define ZUV_SECURITY_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "security/mechanism.h"
#include "security/settings.h"

enum {
  ZUV__CURVE_TAG_SIZE = crypto_box_MACBYTES,
  ZUV__CURVE_NONCE_SIZE = crypto_box_NONCEBYTES,
  ZUV__CURVE_RANDOM_SIZE = 16, /* of a nonce that is not counted */
  ZUV__CURVE_COUNTER_SIZE = 8,
  ZUV__CURVE_METADATA_MAX = 16 * 1024,
  ZUV__CURVE_ERROR_MAX = 6 + 1 + 255
};

/* Octets only, so that each can be laid over a body. A `box` is a tag and
 * ciphertext; one without a size goes on to the end of the command. */

/* Content of the boxes in a cookie (the client's transient public key, the
 * server's transient secret one) and in a vouch (the client's transient public
 * key, the server's long-term public one). */
typedef struct zuv__curve_key_pair_s {
  uint8_t client[ZUV__CURVE_KEY_SIZE];
  uint8_t server[ZUV__CURVE_KEY_SIZE];
} zuv__curve_key_pair_t;

/* A cookie or a vouch. */
typedef struct zuv__curve_sealed_pair_s {
  uint8_t random[ZUV__CURVE_RANDOM_SIZE];
  uint8_t box[ZUV__CURVE_TAG_SIZE + sizeof(zuv__curve_key_pair_t)];
} zuv__curve_sealed_pair_t;

typedef struct zuv__curve_hello_s {
  uint8_t name[6];
  uint8_t version[2];
  uint8_t padding[72];
  uint8_t client_key[ZUV__CURVE_KEY_SIZE]; /* transient */
  uint8_t counter[ZUV__CURVE_COUNTER_SIZE];
  uint8_t box[ZUV__CURVE_TAG_SIZE + 64];
} zuv__curve_hello_t;

typedef struct zuv__curve_welcome_content_s {
  uint8_t server_key[ZUV__CURVE_KEY_SIZE]; /* transient */
  zuv__curve_sealed_pair_t cookie;
} zuv__curve_welcome_content_t;

typedef struct zuv__curve_welcome_s {
  uint8_t name[8];
  uint8_t random[ZUV__CURVE_RANDOM_SIZE];
  uint8_t box[ZUV__CURVE_TAG_SIZE + sizeof(zuv__curve_welcome_content_t)];
} zuv__curve_welcome_t;

/* Metadata follows inside the box. */
typedef struct zuv__curve_initiate_content_s {
  uint8_t client_key[ZUV__CURVE_KEY_SIZE]; /* long-term */
  zuv__curve_sealed_pair_t vouch;
} zuv__curve_initiate_content_t;

typedef struct zuv__curve_initiate_s {
  uint8_t name[9];
  zuv__curve_sealed_pair_t cookie;
  uint8_t counter[ZUV__CURVE_COUNTER_SIZE];
  uint8_t box[];
} zuv__curve_initiate_t;

typedef struct zuv__curve_ready_s {
  uint8_t name[6];
  uint8_t counter[ZUV__CURVE_COUNTER_SIZE];
  uint8_t box[]; /* of metadata only */
} zuv__curve_ready_t;

typedef struct zuv__curve_message_s {
  uint8_t name[8];
  uint8_t counter[ZUV__CURVE_COUNTER_SIZE];
  uint8_t tag[ZUV__CURVE_TAG_SIZE];
  uint8_t content[]; /* an octet of flags, then the payload */
} zuv__curve_message_t;

enum {
  ZUV__CURVE_INITIATE_MIN = sizeof(zuv__curve_initiate_t) +
                            ZUV__CURVE_TAG_SIZE +
                            sizeof(zuv__curve_initiate_content_t),
  ZUV__CURVE_READY_MIN = sizeof(zuv__curve_ready_t) + ZUV__CURVE_TAG_SIZE,
  ZUV__CURVE_MESSAGE_MIN = sizeof(zuv__curve_message_t) + 1
};

/* What starts a nonce: 16 characters before a counter, 8 before 16 random
 * octets. */
#define ZUV__CURVE_NONCE_HELLO "CurveZMQHELLO---"
#define ZUV__CURVE_NONCE_INITIATE "CurveZMQINITIATE"
#define ZUV__CURVE_NONCE_READY "CurveZMQREADY---"
#define ZUV__CURVE_NONCE_FROM_CLIENT "CurveZMQMESSAGEC"
#define ZUV__CURVE_NONCE_FROM_SERVER "CurveZMQMESSAGES"
#define ZUV__CURVE_NONCE_COOKIE "COOKIE--"
#define ZUV__CURVE_NONCE_WELCOME "WELCOME-"
#define ZUV__CURVE_NONCE_VOUCH "VOUCH---"

/* One direction of a connection. */
typedef struct zuv__curve_direction_s {
  uint8_t key[crypto_stream_salsa20_KEYBYTES]; /* in traffic */
  uint64_t counter; /* the last one used; from the handshake on */
} zuv__curve_direction_t;

/* The head of both roles' state, and all that is left of it in traffic. */
typedef struct zuv__curve_s {
  zuv__mechanism_t base;
  zuv__curve_direction_t sends;
  zuv__curve_direction_t receives;
  size_t stream_unit; /* see curve.c */
} zuv__curve_t;

/* Fails, as for memory, when there is no randomness. */
void zuv__curve_init(zuv__curve_t *curve);

/* The next counter for a command of the handshake that we send. */
void zuv__curve_count(zuv__curve_t *curve,
                      uint8_t counter[ZUV__CURVE_COUNTER_SIZE]);

void zuv__curve_counted_nonce(uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                              const char prefix[16],
                              const uint8_t counter[ZUV__CURVE_COUNTER_SIZE]);
void zuv__curve_random_nonce(uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                             const char prefix[8],
                             const uint8_t random[ZUV__CURVE_RANDOM_SIZE]);

/* Writes a command of a fixed size, which is the whole body. Fails for
 * memory. */
void zuv__curve_write_command(zuv__curve_t *curve, const zuv__sink_t *sink,
                              const void *body, size_t size);

/* Writes a command: `clear` as it is, then a box of `content` and our own
 * metadata. Fails for memory. */
void zuv__curve_write_metadata(zuv__curve_t *curve, const zuv__sink_t *sink,
                               const void *clear, size_t clear_size,
                               const void *content, size_t content_size,
                               const uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                               const uint8_t key[ZUV__CURVE_KEY_SIZE]);

/* What is in a box of `size` octets, tag included; free it with zuv__free. NULL
 * and failed as CRYPTOGRAPHIC or for memory. */
uint8_t *zuv__curve_open_metadata(zuv__curve_t *curve, const uint8_t *box,
                                  size_t size,
                                  const uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                                  const uint8_t key[ZUV__CURVE_KEY_SIZE]);

void zuv__curve_fail_cryptographic(zuv__curve_t *curve, const char *text);

/* Makes the keys of both directions from the session's and goes to READY. */
void zuv__curve_start_traffic(zuv__curve_t *curve,
                              const uint8_t session_key[ZUV__CURVE_KEY_SIZE],
                              const char send_prefix[16],
                              const char receive_prefix[16]);

/* For both tables: see mechanism.h. */
enum {
  ZUV__CURVE_DECODE_OVERHEAD = ZUV__CURVE_MESSAGE_MIN,
  ZUV__CURVE_OVERHEAD = ZUV__FRAME_HEADER_MAX + ZUV__CURVE_DECODE_OVERHEAD
};

size_t zuv__curve_encode(zuv__mechanism_t *m, uint8_t flags,
                         const uint8_t *payload, size_t size, uint8_t *out);
zuv__protocol_error_t zuv__curve_decode(zuv__mechanism_t *m, uint8_t *body,
                                        size_t size, zuv__frame_t *frame);

#endif /* ZUV_SECURITY_CURVE_H */
