/* PLAIN (RFC 24), the server: takes user name and password from the client's
 * HELLO, has them judged, and answers WELCOME; then READY with our metadata for
 * the client's INITIATE. Called by the engine. Fails when the client is
 * refused, when it sends anything out of turn or malformed or does not wait for
 * the verdict, when its metadata does not fit, and for memory. */
#include "security/plain.h"

#include <string.h>

#include "security/mechanism.h"
#include "security/secret.h"
#include "zmtp/command.h"

typedef struct {
  zuv__mechanism_t base;
  enum {
    EXPECTS_HELLO,
    AWAITS_VERDICT,
    SENDS_WELCOME,
    EXPECTS_INITIATE,
    SENDS_READY
  } step;
  zuv__security_text_t username; /* wiped by the verdict */
  zuv__security_text_t password; /* the same */
} plain_server_t;

static void server_init(zuv__mechanism_t *m) {
  plain_server_t *server = (plain_server_t *)m;

  server->step = EXPECTS_HELLO;
  m->command_max = ZUV__PLAIN_HELLO_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_HELLO;
}

static void wipe_credentials(plain_server_t *server) {
  zuv__wipe(&server->username, sizeof(server->username));
  zuv__wipe(&server->password, sizeof(server->password));
}

/* What has no place for the name it announces is malformed, not unexpected:
 * so libzmq has it, for HELLO alone. */
static bool is_command(const uint8_t *body, size_t size) {
  return size > 1 && body[0] < size;
}

/* Takes a text from the front of what is left. */
static bool take_text(const uint8_t **in, size_t *left,
                      zuv__security_text_t *text) {
  if (*left == 0 || (*in)[0] > *left - 1)
    return false;
  text->size = (*in)[0];
  memcpy(text->bytes, *in + 1, text->size);
  text->bytes[text->size] = '\0';
  *left -= 1 + (size_t)text->size;
  *in += 1 + (size_t)text->size;
  return true;
}

static void take_hello(zuv__mechanism_t *m, const uint8_t *body, size_t size) {
  plain_server_t *server = (plain_server_t *)m;
  zuv__command_t command;

  if (!is_command(body, size)) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED,
                        "expected a HELLO command");
    return;
  }
  if (zuv__command_parse(body, size, &command) != ZUV__COMMAND_HELLO) {
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        "expected a HELLO command");
    return;
  }
  if (!take_text(&command.data, &command.size, &server->username) ||
      !take_text(&command.data, &command.size, &server->password) ||
      command.size > 0) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_HELLO,
                        "malformed HELLO command");
    return;
  }
  server->step = AWAITS_VERDICT;
  m->status = ZUV__MECHANISM_AUTHENTICATE;
  m->command_max = 0;
  m->too_large_error = ZUV__ZMTP_UNSPECIFIED;
}

static void take_initiate(zuv__mechanism_t *m, const uint8_t *body,
                          size_t size) {
  plain_server_t *server = (plain_server_t *)m;
  zuv__command_t command;

  if (zuv__command_parse(body, size, &command) != ZUV__COMMAND_INITIATE) {
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        "expected an INITIATE command");
    return;
  }
  server->step = SENDS_READY;
  zuv__mechanism_read_metadata(m, command.data, command.size);
}

static void server_process(zuv__mechanism_t *m, const uint8_t *body,
                           size_t size) {
  const plain_server_t *server = (const plain_server_t *)m;

  if (server->step == EXPECTS_HELLO)
    take_hello(m, body, size);
  else if (server->step == EXPECTS_INITIATE)
    take_initiate(m, body, size);
  else
    zuv__mechanism_fail(m, ZUV__ZMTP_UNSPECIFIED,
                        "the peer did not wait for the verdict");
}

static void server_credentials(const zuv__mechanism_t *m,
                               zuv__credentials_t *credentials) {
  const plain_server_t *server = (const plain_server_t *)m;

  credentials->mechanism = m->ops->name;
  credentials->count = 2;
  credentials->parts[0].data = server->username.bytes;
  credentials->parts[0].size = server->username.size;
  credentials->parts[1].data = server->password.bytes;
  credentials->parts[1].size = server->password.size;
}

static void server_authenticated(zuv__mechanism_t *m, int status) {
  plain_server_t *server = (plain_server_t *)m;

  wipe_credentials(server);
  if (status != 200) {
    zuv__mechanism_refuse(m, status);
    return;
  }
  m->status = ZUV__MECHANISM_IN_PROGRESS;
  server->step = SENDS_WELCOME;
  m->command_max = ZUV__PLAIN_INITIATE_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_INITIATE;
}

static void write_welcome(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  uint8_t frame[16];

  if (zuv__sink_write(
          sink, frame,
          zuv__command_write(frame, ZUV__COMMAND_WELCOME, NULL, 0)) != 0)
    zuv__mechanism_fail_memory(m);
}

/* The frame of zuv__mechanism_write_refusal, in libzmq's spelling. */
static void write_refusal(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  static const char body[] = ZUV__PLAIN_ERROR_PREFIX "\003x00";
  uint8_t frame[ZUV__FRAME_SHORT_HEADER + sizeof(body)];
  const size_t size = sizeof(body) - 1;
  size_t used;

  if (m->failure->kind != ZUV__ENGINE_REFUSED ||
      (m->failure->status != 400 && m->failure->status != 500))
    return;
  used = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, size);
  memcpy(frame + used, body, size);
  frame[used + ZUV__PLAIN_ERROR_PREFIX_SIZE + 1] =
      (uint8_t)('0' + m->failure->status / 100);
  /* The refusal stands whether or not the sink can take it. */
  (void)zuv__sink_write(sink, frame, used + size);
}

static void server_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  plain_server_t *server = (plain_server_t *)m;

  if (m->status == ZUV__MECHANISM_FAILED) {
    write_refusal(m, sink);
  } else if (server->step == SENDS_WELCOME) {
    server->step = EXPECTS_INITIATE;
    write_welcome(m, sink);
  } else if (server->step == SENDS_READY) {
    m->status = ZUV__MECHANISM_READY;
    zuv__mechanism_write_metadata(m, sink, ZUV__COMMAND_READY);
  }
}

const zuv__mechanism_ops_t zuv__mechanism_plain_server = {
    .name = "PLAIN",
    .number = ZUV__MECHANISM_PLAIN,
    .state_size = sizeof(plain_server_t),
    .init = server_init,
    .next = server_next,
    .process = server_process,
    .credentials = server_credentials,
    .authenticated = server_authenticated,
};
