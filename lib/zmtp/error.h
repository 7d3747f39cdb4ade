/* Why a handshake failed: the numbers of the field and how we keep them.
 * Filled by the engine and the mechanisms, read by the connection, which turns
 * it into an event. Nothing here can fail. */
#ifndef ZUV_ZMTP_ERROR_H
#define ZUV_ZMTP_ERROR_H

#include <stdint.h>

/* The values are those of libzmq's handshake events. */
typedef enum zuv__protocol_error {
  ZUV__PROTOCOL_NO_ERROR = 0,
  ZUV__ZMTP_UNSPECIFIED = 0x10000000,
  ZUV__ZMTP_UNEXPECTED_COMMAND = 0x10000001,
  ZUV__ZMTP_INVALID_SEQUENCE = 0x10000002,
  ZUV__ZMTP_KEY_EXCHANGE = 0x10000003,
  ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED = 0x10000011,
  ZUV__ZMTP_MALFORMED_COMMAND_MESSAGE = 0x10000012,
  ZUV__ZMTP_MALFORMED_COMMAND_HELLO = 0x10000013,
  ZUV__ZMTP_MALFORMED_COMMAND_INITIATE = 0x10000014,
  ZUV__ZMTP_MALFORMED_COMMAND_ERROR = 0x10000015,
  ZUV__ZMTP_MALFORMED_COMMAND_READY = 0x10000016,
  ZUV__ZMTP_MALFORMED_COMMAND_WELCOME = 0x10000017,
  ZUV__ZMTP_INVALID_METADATA = 0x10000018,
  ZUV__ZMTP_CRYPTOGRAPHIC = 0x11000001,
  ZUV__ZMTP_MECHANISM_MISMATCH = 0x11000002,
  ZUV__ZAP_UNSPECIFIED = 0x20000000,
  ZUV__ZAP_MALFORMED_REPLY = 0x20000001,
  ZUV__ZAP_BAD_REQUEST_ID = 0x20000002,
  ZUV__ZAP_BAD_VERSION = 0x20000003,
  ZUV__ZAP_INVALID_STATUS_CODE = 0x20000004,
  ZUV__ZAP_INVALID_METADATA = 0x20000005,
  ZUV__WS_UNSPECIFIED = 0x30000000
} zuv__protocol_error_t;

typedef enum zuv__failure_kind {
  ZUV__ENGINE_NO_FAILURE,
  /* The peer broke the protocol or does not fit us: see `error`. */
  ZUV__ENGINE_PROTOCOL_ERROR,
  /* Our authentication said no: see `status`. */
  ZUV__ENGINE_REFUSED,
  /* The peer sent an ERROR command: see `status` and `peer_text`. */
  ZUV__ENGINE_REFUSED_BY_PEER,
  /* A peer of ZMTP 1.0 or 2.0, which we do not let in. */
  ZUV__ENGINE_UNSUPPORTED_VERSION,
  /* malloc, or the sink, had no room. Not the peer's fault. */
  ZUV__ENGINE_OUT_OF_MEMORY
} zuv__failure_kind_t;

typedef struct zuv__failure_s {
  zuv__failure_kind_t kind;
  zuv__protocol_error_t error; /* PROTOCOL_ERROR only, else 0 */
  int status; /* 300, 400 or 500 when refused with such a status, else 0 */
  const char *text; /* short, static; NULL without a failure */
  char *peer_text;  /* the reason of the peer's ERROR command, owned by the
                       engine, NUL-terminated; NULL otherwise */
} zuv__failure_t;

#endif /* ZUV_ZMTP_ERROR_H */
