#include "zmtp/command.h"

#include <assert.h>
#include <string.h>

#include "zmtp/frame.h"

typedef struct {
  const char *name; /* behind its length octet, as on the wire */
  size_t size;      /* with the length octet */
} wire_name_t;

#define WIRE_NAME(text)                                                        \
  { text, sizeof(text) - 1 }

static const wire_name_t wire_names[] = {
    [ZUV__COMMAND_READY] = WIRE_NAME("\005READY"),
    [ZUV__COMMAND_ERROR] = WIRE_NAME("\005ERROR"),
    [ZUV__COMMAND_SUBSCRIBE] = WIRE_NAME("\011SUBSCRIBE"),
    [ZUV__COMMAND_CANCEL] = WIRE_NAME("\006CANCEL"),
    [ZUV__COMMAND_PING] = WIRE_NAME("\004PING"),
    [ZUV__COMMAND_PONG] = WIRE_NAME("\004PONG"),
    [ZUV__COMMAND_HELLO] = WIRE_NAME("\005HELLO"),
    [ZUV__COMMAND_WELCOME] = WIRE_NAME("\007WELCOME"),
    [ZUV__COMMAND_INITIATE] = WIRE_NAME("\010INITIATE"),
    [ZUV__COMMAND_MESSAGE] = WIRE_NAME("\007MESSAGE"),
    [ZUV__COMMAND_JOIN] = WIRE_NAME("\004JOIN"),
    [ZUV__COMMAND_LEAVE] = WIRE_NAME("\005LEAVE"),
};

#define WIRE_NAME_COUNT (sizeof(wire_names) / sizeof(wire_names[0]))

zuv__command_kind_t zuv__command_parse(const uint8_t *body, size_t size,
                                       zuv__command_t *command) {
  size_t prefix;

  if (size == 0 || body[0] == 0 || body[0] > size - 1)
    return ZUV__COMMAND_MALFORMED;

  prefix = 1 + (size_t)body[0];
  command->name = body + 1;
  command->name_size = body[0];
  command->data = body + prefix;
  command->size = size - prefix;

  for (size_t i = ZUV__COMMAND_UNKNOWN + 1; i < WIRE_NAME_COUNT; i++)
    if (wire_names[i].size == prefix &&
        memcmp(wire_names[i].name, body, prefix) == 0)
      return (zuv__command_kind_t)i;
  return ZUV__COMMAND_UNKNOWN;
}

static const wire_name_t *wire_name(zuv__command_kind_t kind) {
  assert(kind > ZUV__COMMAND_UNKNOWN && (size_t)kind < WIRE_NAME_COUNT);
  return &wire_names[kind];
}

size_t zuv__command_frame_size(zuv__command_kind_t kind, size_t size) {
  size_t body = wire_name(kind)->size + size;
  return zuv__frame_header_size(body) + body;
}

size_t zuv__command_write(uint8_t *out, zuv__command_kind_t kind,
                          const void *data, size_t size) {
  const wire_name_t *name = wire_name(kind);
  size_t used =
      zuv__frame_encode_header(out, ZUV__FRAME_COMMAND, name->size + size);

  memcpy(out + used, name->name, name->size);
  used += name->size;
  if (data != NULL && size > 0)
    memcpy(out + used, data, size);
  return used + size;
}

int zuv__command_parse_ping(const zuv__command_t *command, zuv__ping_t *ping) {
  if (command->size < 2)
    return -1;
  ping->ttl = (uint16_t)(command->data[0] << 8 | command->data[1]);
  ping->context = command->data + 2;
  ping->context_size = command->size - 2;
  if (ping->context_size > ZUV__PING_CONTEXT_MAX)
    ping->context_size = ZUV__PING_CONTEXT_MAX;
  return 0;
}

size_t zuv__command_write_ping(uint8_t *out, const zuv__ping_t *ping) {
  uint8_t data[2 + ZUV__PING_CONTEXT_MAX];

  assert(ping->context_size <= ZUV__PING_CONTEXT_MAX);
  data[0] = (uint8_t)(ping->ttl >> 8);
  data[1] = (uint8_t)ping->ttl;
  if (ping->context_size > 0)
    memcpy(data + 2, ping->context, ping->context_size);
  return zuv__command_write(out, ZUV__COMMAND_PING, data,
                            2 + ping->context_size);
}

size_t zuv__command_write_pong(uint8_t *out, const zuv__ping_t *ping) {
  assert(ping->context_size <= ZUV__PING_CONTEXT_MAX);
  return zuv__command_write(out, ZUV__COMMAND_PONG, ping->context,
                            ping->context_size);
}

int zuv__command_parse_error(const zuv__command_t *command,
                             const uint8_t **reason, size_t *size) {
  if (command->size == 0 || command->data[0] > command->size - 1)
    return -1;
  *reason = command->data + 1;
  *size = command->data[0];
  return 0;
}
