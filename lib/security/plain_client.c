/* PLAIN (RFC 24), the client: HELLO with user name and password, then, after
 * the server's WELCOME, INITIATE with our metadata for its READY. Called by the
 * engine. Fails when the server refuses, when it sends anything out of turn or
 * malformed, when its metadata does not fit, and for memory. */
#include "security/plain.h"

#include <string.h>

#include "security/mechanism.h"
#include "security/secret.h"
#include "zmtp/command.h"

typedef struct {
  zuv__mechanism_t base;
  enum { SENDS_HELLO, EXPECTS_WELCOME, SENDS_INITIATE, EXPECTS_READY } step;
} plain_client_t;

static void client_init(zuv__mechanism_t *m) {
  plain_client_t *client = (plain_client_t *)m;

  client->step = SENDS_HELLO;
  m->command_max = ZUV__PLAIN_ERROR_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_WELCOME;
}

static size_t put_text(uint8_t *out, const zuv__security_text_t *text) {
  out[0] = text->size;
  memcpy(out + 1, text->bytes, text->size);
  return 1 + (size_t)text->size;
}

static void write_hello(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  const zuv__security_t *security = m->config->security;
  uint8_t frame[ZUV__FRAME_HEADER_MAX + ZUV__PLAIN_HELLO_MAX];
  size_t data =
      2 + (size_t)security->plain_username.size + security->plain_password.size;
  size_t total = zuv__command_write(frame, ZUV__COMMAND_HELLO, NULL, data);
  size_t used = total - data;

  used += put_text(frame + used, &security->plain_username);
  put_text(frame + used, &security->plain_password);
  if (zuv__sink_write(sink, frame, total) != 0)
    zuv__mechanism_fail_memory(m);
  zuv__wipe(frame, sizeof(frame));
}

static void client_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  plain_client_t *client = (plain_client_t *)m;

  if (m->status != ZUV__MECHANISM_IN_PROGRESS)
    return;
  if (client->step == SENDS_HELLO) {
    client->step = EXPECTS_WELCOME;
    write_hello(m, sink);
  } else if (client->step == SENDS_INITIATE) {
    client->step = EXPECTS_READY;
    zuv__mechanism_write_metadata(m, sink, ZUV__COMMAND_INITIATE);
  }
}

static void take_welcome(zuv__mechanism_t *m, const zuv__command_t *command) {
  plain_client_t *client = (plain_client_t *)m;

  if (command->size > 0) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_WELCOME,
                        "malformed WELCOME command");
    return;
  }
  client->step = SENDS_INITIATE;
  m->command_max = ZUV__PLAIN_READY_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_READY;
}

static void take_ready(zuv__mechanism_t *m, const zuv__command_t *command) {
  zuv__mechanism_read_metadata(m, command->data, command->size);
  if (m->status != ZUV__MECHANISM_FAILED)
    m->status = ZUV__MECHANISM_READY;
}

/* The misspelled ERROR is no command by its form, so it is looked for first. */
static void client_process(zuv__mechanism_t *m, const uint8_t *body,
                           size_t size) {
  const plain_client_t *client = (const plain_client_t *)m;
  const size_t prefix = ZUV__PLAIN_ERROR_PREFIX_SIZE;
  zuv__command_t command;
  zuv__command_kind_t kind;

  if (size >= prefix && memcmp(body, ZUV__PLAIN_ERROR_PREFIX, prefix) == 0) {
    zuv__mechanism_read_error(m, body + prefix, size - prefix);
    return;
  }
  kind = zuv__command_parse(body, size, &command);
  if (kind == ZUV__COMMAND_ERROR)
    zuv__mechanism_read_error(m, command.data, command.size);
  else if (kind == ZUV__COMMAND_WELCOME && client->step == EXPECTS_WELCOME)
    take_welcome(m, &command);
  else if (kind == ZUV__COMMAND_READY && client->step == EXPECTS_READY)
    take_ready(m, &command);
  else
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        "expected WELCOME, READY or ERROR in their turn");
}

const zuv__mechanism_ops_t zuv__mechanism_plain_client = {
    .name = "PLAIN",
    .number = ZUV__MECHANISM_PLAIN,
    .state_size = sizeof(plain_client_t),
    .init = client_init,
    .next = client_next,
    .process = client_process,
};
