/* Commands of ZMTP 3.x: a name behind its length octet, then data. The engine
 * and the mechanisms use it in the handshake, the connection in traffic.
 * Parsing fails only for what is not a command at all; writing cannot fail. */
#ifndef ZUV_ZMTP_COMMAND_H
#define ZUV_ZMTP_COMMAND_H

#include <stddef.h>
#include <stdint.h>

typedef enum zuv__command_kind {
  ZUV__COMMAND_MALFORMED, /* empty, no name, or the name runs past the end */
  ZUV__COMMAND_UNKNOWN,
  ZUV__COMMAND_READY,
  ZUV__COMMAND_ERROR,
  ZUV__COMMAND_SUBSCRIBE,
  ZUV__COMMAND_CANCEL,
  ZUV__COMMAND_PING,
  ZUV__COMMAND_PONG,
  ZUV__COMMAND_HELLO,
  ZUV__COMMAND_WELCOME,
  ZUV__COMMAND_INITIATE,
  ZUV__COMMAND_MESSAGE,
  ZUV__COMMAND_JOIN,
  ZUV__COMMAND_LEAVE
} zuv__command_kind_t;

/* Points into the body it was parsed from. */
typedef struct zuv__command_s {
  const uint8_t *name;
  size_t name_size;
  const uint8_t *data;
  size_t size; /* of data */
} zuv__command_t;

/* Splits a frame's body. `command` is filled unless MALFORMED is returned. */
zuv__command_kind_t zuv__command_parse(const uint8_t *body, size_t size,
                                       zuv__command_t *command);

/* The size of the frame, header included, of a command of a known kind with
 * `size` octets of data. */
size_t zuv__command_frame_size(zuv__command_kind_t kind, size_t size);

/* Writes that whole frame to `out` and returns its size: a subscription with
 * SUBSCRIBE or CANCEL and the topic as data, READY with metadata, and so on.
 * `data` may be NULL: the caller then fills the last `size` octets itself. */
size_t zuv__command_write(uint8_t *out, zuv__command_kind_t kind,
                          const void *data, size_t size);

/* RFC 37, heartbeats. */
enum {
  ZUV__PING_CONTEXT_MAX = 16,
  ZUV__PING_FRAME_MAX = 2 + 5 + 2 + ZUV__PING_CONTEXT_MAX
};

typedef struct zuv__ping_s {
  uint16_t ttl; /* in tenths of a second, 0 = none */
  const uint8_t *context;
  size_t context_size; /* at most ZUV__PING_CONTEXT_MAX: the rest is cut */
} zuv__ping_t;

/* 0, or -1 for a PING without its two ttl octets. */
int zuv__command_parse_ping(const zuv__command_t *command, zuv__ping_t *ping);

/* Both write a whole frame of at most ZUV__PING_FRAME_MAX octets and return
 * its size. A PONG carries the context of the PING it answers. */
size_t zuv__command_write_ping(uint8_t *out, const zuv__ping_t *ping);
size_t zuv__command_write_pong(uint8_t *out, const zuv__ping_t *ping);

/* The reason of an ERROR command. 0, or -1 when it is missing or cut. */
int zuv__command_parse_error(const zuv__command_t *command,
                             const uint8_t **reason, size_t *size);

#endif /* ZUV_ZMTP_COMMAND_H */
