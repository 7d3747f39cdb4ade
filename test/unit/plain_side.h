/* PLAIN in both roles, for the tests of it: `side_t` is one engine with its
 * connection's duties, which keeps what was not used and gives it again with
 * more behind, and can be taken to any step of a handshake. */
#ifndef ZUV_TEST_PLAIN_SIDE_H
#define ZUV_TEST_PLAIN_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "security/mechanism.h"
#include "security/settings.h"
#include "zmtp/engine.h"
#include "zmtp/frame.h"
#include "zmtp/socket_type.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bodies as captured from a DEALER and a ROUTER of libzmq. */
#define CREDENTIALS                                                            \
  "\005admin"                                                                  \
  "\006secret"
#define HELLO "\005HELLO" CREDENTIALS
#define WELCOME "\007WELCOME"
#define FROM_DEALER "\013Socket-Type\0\0\0\006DEALER\010Identity\0\0\0\0"
#define FROM_ROUTER "\013Socket-Type\0\0\0\006ROUTER\010Identity\0\0\0\0"
#define INITIATE "\010INITIATE" FROM_DEALER
#define READY "\005READY" FROM_ROUTER
#define ERROR_400 "\005ERROR\003400"
#define MISSPELLED_400                                                         \
  "\x5eRROR\003"                                                               \
  "400"

typedef struct {
  zuv__security_t security;
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  uint8_t out[2048];
  size_t out_size;
  size_t writes_left; /* how many more the sink takes */
  uint8_t kept[1024];
  size_t kept_size;
} side_t;

static inline int sink_write(void *context, const void *bytes, size_t size) {
  side_t *side = context;

  if (side->writes_left == 0)
    return -1;
  side->writes_left--;
  assert_true(size <= sizeof(side->out) - side->out_size);
  memcpy(side->out + side->out_size, bytes, size);
  side->out_size += size;
  return 0;
}

static inline void set_text(zuv__security_text_t *text, const char *value) {
  text->size = (uint8_t)strlen(value);
  memcpy(text->bytes, value, text->size);
}

static inline void side_init(side_t *side, bool as_server) {
  memset(side, 0, sizeof(*side));
  side->security.mechanism = ZUV__MECHANISM_PLAIN;
  side->security.as_server = as_server;
  if (!as_server) {
    set_text(&side->security.plain_username, "admin");
    set_text(&side->security.plain_password, "secret");
  }
  side->config.socket_type =
      as_server ? ZUV__SOCKET_ROUTER : ZUV__SOCKET_DEALER;
  side->config.mechanism = zuv__mechanism_find(ZUV__MECHANISM_PLAIN, as_server);
  side->config.security = &side->security;
  side->config.as_server = as_server;
  side->config.authenticate = as_server;
  side->sink.write = sink_write;
  side->sink.context = side;
  side->writes_left = SIZE_MAX;
  zuv__engine_init(&side->engine, &side->config);
}

/* The engine sees an allocation of the exact size. */
static inline zuv__engine_state_t feed(side_t *side, const uint8_t *bytes,
                                       size_t size) {
  size_t len = side->kept_size + size;
  uint8_t *exact = malloc(len);
  size_t consumed;
  zuv__engine_state_t state;

  assert_true(exact != NULL || len == 0);
  if (len > 0) {
    memcpy(exact, side->kept, side->kept_size);
    memcpy(exact + side->kept_size, bytes, size);
  }
  state =
      zuv__engine_handshake(&side->engine, &side->sink, exact, len, &consumed);
  assert_true(consumed <= len);
  side->kept_size = len - consumed;
  assert_true(side->kept_size <= sizeof(side->kept));
  if (side->kept_size > 0)
    memcpy(side->kept, exact + consumed, side->kept_size);
  free(exact);
  return state;
}

static inline void greet(uint8_t out[ZUV__GREETING_SIZE], bool as_server) {
  zuv__greeting_write(out, 0, "PLAIN", as_server);
}

/* Starts, and takes the side to where the peer's greeting has been read. */
static inline void start_and_greet(side_t *side) {
  uint8_t greeting[ZUV__GREETING_SIZE];

  greet(greeting, false);
  zuv__engine_start(&side->engine, &side->sink);
  feed(side, greeting, sizeof(greeting));
}

/* One command in a frame of its own. */
static inline zuv__engine_state_t command(side_t *side, const uint8_t *body,
                                          size_t size) {
  uint8_t frame[ZUV__FRAME_HEADER_MAX + 1024];
  size_t used = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, size);

  assert_true(size <= 1024);
  memcpy(frame + used, body, size);
  return feed(side, frame, used + size);
}

static inline zuv__engine_state_t answer(side_t *side, int status) {
  const zuv__verdict_t verdict = {.status = status};

  return zuv__engine_authenticated(&side->engine, &side->sink, &verdict);
}

/* The steps at which a command comes. */
typedef enum {
  SERVER_BEFORE_HELLO,
  SERVER_BEFORE_VERDICT,
  SERVER_BEFORE_INITIATE,
  CLIENT_BEFORE_WELCOME,
  CLIENT_BEFORE_READY,
  STEP_COUNT
} step_t;

static inline void side_at(side_t *side, step_t step) {
  side_init(side, step < CLIENT_BEFORE_WELCOME);
  start_and_greet(side);
  if (step == SERVER_BEFORE_VERDICT || step == SERVER_BEFORE_INITIATE)
    command(side, BYTES(HELLO));
  if (step == SERVER_BEFORE_INITIATE)
    answer(side, 200);
  if (step == CLIENT_BEFORE_READY)
    command(side, BYTES(WELCOME));
  assert_int_equal(side->engine.state, ZUV__ENGINE_HANDSHAKE);
  assert_int_equal(zuv__engine_wants_authentication(&side->engine),
                   step == SERVER_BEFORE_VERDICT);
}

static inline void expect_failure(side_t *side, zuv__failure_kind_t kind,
                                  zuv__protocol_error_t error, int status) {
  assert_int_equal(side->engine.state, ZUV__ENGINE_FAILED);
  assert_int_equal(side->engine.failure.kind, kind);
  assert_int_equal(side->engine.failure.error, error);
  assert_int_equal(side->engine.failure.status, status);
  assert_non_null(side->engine.failure.text);
  assert_null(side->engine.mechanism);
  zuv__engine_destroy(&side->engine);
}

static inline void expect_error(step_t step, const uint8_t *body, size_t size,
                                zuv__protocol_error_t error) {
  side_t side;
  size_t sent;

  side_at(&side, step);
  sent = side.out_size;
  command(&side, body, size);
  assert_int_equal(side.out_size, sent);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, error, 0);
}

static inline void expect_refused_by_peer(step_t step, const uint8_t *body,
                                          size_t size, int status) {
  side_t side;

  side_at(&side, step);
  command(&side, body, size);
  assert_non_null(side.engine.failure.peer_text);
  expect_failure(&side, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                 status);
}

#endif /* ZUV_TEST_PLAIN_SIDE_H */
