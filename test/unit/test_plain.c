/* PLAIN in both roles: what libzmq sends octet by octet, what it accepts, and
 * every way to break it. `side_t` is one engine with its connection's duties:
 * it keeps what was not used and gives it again with more behind. */
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
#include "zmtp/metadata.h"
#include "zmtp/socket_type.h"
#include "zuv.h"

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

static int sink_write(void *context, const void *bytes, size_t size) {
  side_t *side = context;

  if (side->writes_left == 0)
    return -1;
  side->writes_left--;
  assert_true(size <= sizeof(side->out) - side->out_size);
  memcpy(side->out + side->out_size, bytes, size);
  side->out_size += size;
  return 0;
}

static void set_text(zuv__security_text_t *text, const char *value) {
  text->size = (uint8_t)strlen(value);
  memcpy(text->bytes, value, text->size);
}

static void side_init(side_t *side, bool as_server) {
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
static zuv__engine_state_t feed(side_t *side, const uint8_t *bytes,
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

static void greet(uint8_t out[ZUV__GREETING_SIZE], bool as_server) {
  zuv__greeting_write(out, 0, "PLAIN", as_server);
}

/* Starts, and takes the side to where the peer's greeting has been read. */
static void start_and_greet(side_t *side) {
  uint8_t greeting[ZUV__GREETING_SIZE];

  greet(greeting, false);
  zuv__engine_start(&side->engine, &side->sink);
  feed(side, greeting, sizeof(greeting));
}

/* One command in a frame of its own. */
static zuv__engine_state_t command(side_t *side, const uint8_t *body,
                                   size_t size) {
  uint8_t frame[ZUV__FRAME_HEADER_MAX + 1024];
  size_t used = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, size);

  assert_true(size <= 1024);
  memcpy(frame + used, body, size);
  return feed(side, frame, used + size);
}

static zuv__engine_state_t answer(side_t *side, int status) {
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

static void side_at(side_t *side, step_t step) {
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

static void expect_failure(side_t *side, zuv__failure_kind_t kind,
                           zuv__protocol_error_t error, int status) {
  assert_int_equal(side->engine.state, ZUV__ENGINE_FAILED);
  assert_int_equal(side->engine.failure.kind, kind);
  assert_int_equal(side->engine.failure.error, error);
  assert_int_equal(side->engine.failure.status, status);
  assert_non_null(side->engine.failure.text);
  assert_null(side->engine.mechanism);
  zuv__engine_destroy(&side->engine);
}

static void expect_error(step_t step, const uint8_t *body, size_t size,
                         zuv__protocol_error_t error) {
  side_t side;
  size_t sent;

  side_at(&side, step);
  sent = side.out_size;
  command(&side, body, size);
  assert_int_equal(side.out_size, sent);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, error, 0);
}

static void expect_refused_by_peer(step_t step, const uint8_t *body,
                                   size_t size, int status) {
  side_t side;

  side_at(&side, step);
  command(&side, body, size);
  assert_non_null(side.engine.failure.peer_text);
  expect_failure(&side, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                 status);
}

static void expect_sent(const side_t *side, size_t *seen, const uint8_t *body,
                        size_t size) {
  uint8_t header[ZUV__FRAME_HEADER_MAX];
  size_t used = zuv__frame_encode_header(header, ZUV__FRAME_COMMAND, size);

  assert_true(side->out_size - *seen >= used + size);
  assert_memory_equal(side->out + *seen, header, used);
  assert_memory_equal(side->out + *seen + used, body, size);
  *seen += used + size;
}

static void the_client_says_what_libzmqs_client_says(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  size_t seen = ZUV__GREETING_SIZE;
  side_t side;
  (void)state;

  greet(greeting, false);
  side_init(&side, false);
  start_and_greet(&side);
  assert_memory_equal(side.out, greeting, sizeof(greeting));
  expect_sent(&side, &seen, BYTES(HELLO));
  assert_int_equal(side.out_size, seen);
  command(&side, BYTES(WELCOME));
  expect_sent(&side, &seen, BYTES(INITIATE));
  assert_int_equal(side.out_size, seen);
  assert_int_equal(command(&side, BYTES(READY)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side.out_size, seen);
  assert_null(side.engine.mechanism);
  zuv__engine_destroy(&side.engine);
}

static void the_server_says_what_libzmqs_server_says(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  size_t seen = ZUV__GREETING_SIZE;
  side_t side;
  (void)state;

  greet(greeting, true);
  side_init(&side, true);
  start_and_greet(&side);
  assert_memory_equal(side.out, greeting, sizeof(greeting));
  command(&side, BYTES(HELLO));
  assert_int_equal(side.out_size, seen);
  assert_int_equal(answer(&side, 200), ZUV__ENGINE_HANDSHAKE);
  expect_sent(&side, &seen, BYTES(WELCOME));
  assert_int_equal(side.out_size, seen);
  assert_int_equal(command(&side, BYTES(INITIATE)), ZUV__ENGINE_TRAFFIC);
  expect_sent(&side, &seen, BYTES(READY));
  assert_int_equal(side.out_size, seen);
  assert_null(side.engine.mechanism);
  zuv__engine_destroy(&side.engine);
}

static void the_server_asks_even_when_it_is_not_told_to(void **state) {
  side_t side;
  (void)state;

  side_init(&side, true);
  side.config.authenticate = false;
  start_and_greet(&side);
  assert_false(zuv__engine_wants_authentication(&side.engine));
  command(&side, BYTES(HELLO));
  assert_true(zuv__engine_wants_authentication(&side.engine));
  zuv__engine_destroy(&side.engine);
}

static void the_client_never_asks(void **state) {
  side_t side;
  (void)state;

  side_init(&side, false);
  side.config.authenticate = true;
  start_and_greet(&side);
  assert_false(zuv__engine_wants_authentication(&side.engine));
  command(&side, BYTES(WELCOME));
  assert_false(zuv__engine_wants_authentication(&side.engine));
  assert_int_equal(command(&side, BYTES(READY)), ZUV__ENGINE_TRAFFIC);
  zuv__engine_destroy(&side.engine);
}

/* Moves at most `chunk` octets of what `from` has sent since *moved. */
static bool carry(side_t *from, side_t *to, size_t *moved, size_t chunk) {
  size_t size = from->out_size - *moved;

  if (size == 0)
    return false;
  if (size > chunk)
    size = chunk;
  feed(to, from->out + *moved, size);
  *moved += size;
  return true;
}

/* Both until nothing moves any more; the server's verdict meanwhile. */
static void converse(side_t *client, side_t *server,
                     const zuv__verdict_t *verdict, size_t chunk) {
  size_t to_server = 0;
  size_t to_client = 0;
  bool moved;

  zuv__engine_start(&client->engine, &client->sink);
  zuv__engine_start(&server->engine, &server->sink);
  do {
    moved = carry(client, server, &to_server, chunk);
    moved = carry(server, client, &to_client, chunk) || moved;
    if (!moved && zuv__engine_wants_authentication(&server->engine)) {
      zuv__engine_authenticated(&server->engine, &server->sink, verdict);
      moved = true;
    }
  } while (moved);
}

static void two_engines_come_to_traffic_in_any_split(void **state) {
  static const char expected[] = "\007User-Id\0\0\0\003joe"
                                 "\003X-z\0\0\0\0019"
                                 "\013Socket-Type\0\0\0\006DEALER"
                                 "\010Identity\0\0\0\004left"
                                 "\003X-a\0\0\0\001b";
  const zuv__verdict_t verdict = {.status = 200,
                                  .user_id = (const uint8_t *)"joe",
                                  .user_id_size = 3,
                                  .metadata =
                                      (const uint8_t *)"\003X-z\0\0\0\0019",
                                  .metadata_size = 9};
  (void)state;

  for (size_t chunk = 1; chunk < 160; chunk++) {
    side_t client;
    side_t server;

    side_init(&client, false);
    side_init(&server, true);
    client.config.routing_id = (const uint8_t *)"left";
    client.config.routing_id_size = 4;
    client.config.extra_metadata = (const uint8_t *)"\003X-a\0\0\0\001b";
    client.config.extra_metadata_size = 9;
    converse(&client, &server, &verdict, chunk);
    assert_int_equal(client.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(server.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(client.engine.peer.socket_type, ZUV__SOCKET_ROUTER);
    assert_int_equal(server.engine.peer.socket_type, ZUV__SOCKET_DEALER);
    assert_memory_equal(server.engine.peer.routing_id, "left", 4);
    assert_int_equal(server.engine.peer.metadata_size, sizeof(expected) - 1);
    assert_memory_equal(server.engine.peer.metadata, expected,
                        sizeof(expected) - 1);
    assert_int_equal(client.kept_size + server.kept_size, 0);
    zuv__engine_destroy(&client.engine);
    zuv__engine_destroy(&server.engine);
  }
}

static void credentials_may_be_of_any_size_and_any_octets(void **state) {
  static const uint8_t sizes[][2] = {{0, 0}, {0, 255}, {255, 0}, {255, 255}};
  (void)state;

  for (size_t i = 0; i < COUNT(sizes); i++) {
    zuv__credentials_t credentials;
    size_t moved = 0;
    side_t client;
    side_t server;

    side_init(&client, false);
    client.security.plain_username.size = sizes[i][0];
    client.security.plain_password.size = sizes[i][1];
    for (size_t k = 0; k < 255; k++) {
      client.security.plain_username.bytes[k] = (uint8_t)k;
      client.security.plain_password.bytes[k] = (uint8_t)~k;
    }
    start_and_greet(&client);
    side_init(&server, true);
    zuv__engine_start(&server.engine, &server.sink);
    while (carry(&client, &server, &moved, 100))
      continue;
    assert_true(zuv__engine_wants_authentication(&server.engine));
    zuv__engine_credentials(&server.engine, &credentials);
    assert_string_equal(credentials.mechanism, "PLAIN");
    assert_int_equal(credentials.count, 2);
    assert_int_equal(credentials.parts[0].size, sizes[i][0]);
    assert_int_equal(credentials.parts[1].size, sizes[i][1]);
    assert_memory_equal(credentials.parts[0].data,
                        client.security.plain_username.bytes, sizes[i][0]);
    assert_memory_equal(credentials.parts[1].data,
                        client.security.plain_password.bytes, sizes[i][1]);
    zuv__engine_destroy(&client.engine);
    zuv__engine_destroy(&server.engine);
  }
}

static void refused(int given, int status, const uint8_t *body, size_t size) {
  const zuv__verdict_t verdict = {.status = given};
  size_t seen = ZUV__GREETING_SIZE;
  side_t client;
  side_t server;

  side_init(&client, false);
  side_init(&server, true);
  converse(&client, &server, &verdict, 7);
  if (size > 0)
    expect_sent(&server, &seen, body, size);
  assert_int_equal(server.out_size, seen);
  expect_failure(&server, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR, status);
  if (size > 0) {
    expect_failure(&client, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                   status);
  } else {
    assert_int_equal(client.engine.state, ZUV__ENGINE_HANDSHAKE);
    zuv__engine_destroy(&client.engine);
  }
}

static void a_refusal_is_spelled_as_libzmq_does(void **state) {
  (void)state;
  refused(400, 400, BYTES(MISSPELLED_400));
  refused(500, 500, BYTES("\x5eRROR\003500"));
  refused(0, 500, BYTES("\x5eRROR\003500"));
  refused(300, 300, NULL, 0);
}

static void a_refusal_stands_when_it_cannot_be_sent(void **state) {
  side_t side;
  (void)state;

  side_at(&side, SERVER_BEFORE_VERDICT);
  side.writes_left = 0;
  answer(&side, 400);
  expect_failure(&side, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR, 400);
}

static void the_client_knows_both_spellings(void **state) {
  static const struct {
    const char *body;
    size_t size;
    int status;
  } errors[] = {
      {ERROR_400, 10, 400},          {MISSPELLED_400, 9, 400},
      {"\005ERROR\003500", 10, 500}, {"\x5eRROR\003300", 9, 300},
      {"\x5eRROR\003foo", 9, 0},     {"\x5eRROR\0", 6, 0},
      {"\x5eRROR\003400+", 10, 400},
  };
  (void)state;

  for (size_t i = 0; i < COUNT(errors); i++)
    for (int step = CLIENT_BEFORE_WELCOME; step <= CLIENT_BEFORE_READY; step++)
      expect_refused_by_peer((step_t)step, (const uint8_t *)errors[i].body,
                             errors[i].size, errors[i].status);
}

static void the_longest_error_fits_in_both_steps(void **state) {
  uint8_t body[6 + 1 + 255];
  (void)state;

  memset(body, 'x', sizeof(body));
  memcpy(body, "\005ERROR\377", 7);
  expect_refused_by_peer(CLIENT_BEFORE_WELCOME, body, sizeof(body), 0);
  expect_refused_by_peer(CLIENT_BEFORE_READY, body, sizeof(body), 0);
  memcpy(body, "\x5eRROR\377", 6);
  expect_refused_by_peer(CLIENT_BEFORE_WELCOME, body, sizeof(body) - 1, 0);
  expect_error(CLIENT_BEFORE_WELCOME, body, sizeof(body) - 2,
               ZUV__ZMTP_MALFORMED_COMMAND_ERROR);
}

/* Every command in every step; 0 where it is in its place. */
static void commands_out_of_turn_are_errors(void **state) {
  static const struct {
    const char *body;
    size_t size;
    zuv__protocol_error_t errors[STEP_COUNT];
  } cases[] = {
#define FOR(body) body, sizeof(body) - 1
      {FOR(HELLO), {0, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
      {FOR(WELCOME), {0x10000001, 0x10000000, 0x10000001, 0, 0x10000001}},
      {FOR(INITIATE), {0x10000001, 0x10000000, 0, 0x10000001, 0x10000001}},
      {FOR(READY), {0x10000001, 0x10000000, 0x10000001, 0x10000001, 0}},
      {FOR(ERROR_400), {0x10000001, 0x10000000, 0x10000001, 0, 0}},
      {FOR(MISSPELLED_400), {0x10000011, 0x10000000, 0x10000001, 0, 0}},
      {FOR("\005hello"),
       {0x10000001, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
      {FOR("\007MESSAGE"),
       {0x10000001, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
      {FOR("\0HELLO"),
       {0x10000001, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
      {FOR("x"), {0x10000011, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
      {FOR(""), {0x10000011, 0x10000000, 0x10000001, 0x10000001, 0x10000001}},
#undef FOR
  };
  (void)state;

  for (size_t i = 0; i < COUNT(cases); i++)
    for (int step = 0; step < STEP_COUNT; step++)
      if (cases[i].errors[step] != 0)
        expect_error((step_t)step, (const uint8_t *)cases[i].body,
                     cases[i].size, cases[i].errors[step]);
}

static void a_client_that_does_not_wait_is_an_error(void **state) {
  uint8_t both[2 + sizeof(HELLO) - 1 + 2 + sizeof(INITIATE) - 1];
  size_t used = zuv__command_write(both, ZUV__COMMAND_HELLO, CREDENTIALS,
                                   sizeof(CREDENTIALS) - 1);
  side_t side;
  (void)state;

  zuv__command_write(both + used, ZUV__COMMAND_INITIATE, FROM_DEALER,
                     sizeof(FROM_DEALER) - 1);
  side_init(&side, true);
  start_and_greet(&side);
  feed(&side, both, sizeof(both));
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZMTP_UNSPECIFIED, 0);

  side_at(&side, SERVER_BEFORE_VERDICT);
  assert_int_equal(feed(&side, BYTES("\x04")), ZUV__ENGINE_HANDSHAKE);
  feed(&side, BYTES("\x01"));
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZMTP_UNSPECIFIED, 0);
}

static void what_comes_after_ready_is_traffic(void **state) {
  side_t side;
  (void)state;

  side_at(&side, CLIENT_BEFORE_READY);
  assert_int_equal(command(&side, BYTES(READY)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(command(&side, BYTES(READY)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side.kept_size, 2 + sizeof(READY) - 1);
  zuv__engine_destroy(&side.engine);
  side_at(&side, SERVER_BEFORE_INITIATE);
  assert_int_equal(command(&side, BYTES(INITIATE)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(command(&side, BYTES(ERROR_400)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side.kept_size, 2 + sizeof(ERROR_400) - 1);
  zuv__engine_destroy(&side.engine);
}

static void two_clients_find_out(void **state) {
  const zuv__verdict_t verdict = {.status = 200};
  side_t left;
  side_t right;
  (void)state;

  side_init(&left, false);
  side_init(&right, false);
  converse(&left, &right, &verdict, 1000);
  expect_failure(&left, ZUV__ENGINE_PROTOCOL_ERROR,
                 ZUV__ZMTP_UNEXPECTED_COMMAND, 0);
  expect_failure(&right, ZUV__ENGINE_PROTOCOL_ERROR,
                 ZUV__ZMTP_UNEXPECTED_COMMAND, 0);
}

static void two_servers_wait_for_each_other(void **state) {
  const zuv__verdict_t verdict = {.status = 200};
  side_t left;
  side_t right;
  (void)state;

  side_init(&left, true);
  side_init(&right, true);
  converse(&left, &right, &verdict, 1000);
  assert_int_equal(left.engine.state, ZUV__ENGINE_HANDSHAKE);
  assert_int_equal(right.engine.state, ZUV__ENGINE_HANDSHAKE);
  assert_int_equal(left.out_size, ZUV__GREETING_SIZE);
  zuv__engine_destroy(&left.engine);
  zuv__engine_destroy(&right.engine);
}

/* What a side makes of a command: 0 when it goes on or is done, 1 for a refusal
 * by the peer, else the protocol error. */
static int outcome(step_t step, const uint8_t *body, size_t size) {
  side_t side;
  int result = 0;

  side_at(&side, step);
  if (command(&side, body, size) == ZUV__ENGINE_FAILED) {
    result = side.engine.failure.kind == ZUV__ENGINE_REFUSED_BY_PEER
                 ? 1
                 : (int)side.engine.failure.error;
    assert_int_equal(side.engine.failure.kind,
                     result == 1 ? ZUV__ENGINE_REFUSED_BY_PEER
                                 : ZUV__ENGINE_PROTOCOL_ERROR);
    assert_int_not_equal(result, 0);
  }
  zuv__engine_destroy(&side.engine);
  return result;
}

/* Which metadata is in order is told elsewhere; here, that it is looked at. */
static int metadata_outcome(const uint8_t *block, size_t size,
                            const char *type) {
  zuv__property_t property;

  if (!zuv__metadata_is_valid(block, size))
    return ZUV__ZMTP_INVALID_METADATA;
  if (zuv__metadata_find(block, size, "Socket-Type", &property) &&
      (property.value_size != strlen(type) ||
       memcmp(property.value, type, strlen(type)) != 0))
    return ZUV__ZMTP_INVALID_METADATA;
  return 0;
}

static int expected_hello(const uint8_t *body, size_t size) {
  if (size <= 1 || body[0] >= size)
    return ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED;
  if (memcmp(body, HELLO, 6) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  if (size != sizeof(HELLO) - 1 || body[6] != 5 || body[12] != 6)
    return ZUV__ZMTP_MALFORMED_COMMAND_HELLO;
  return 0;
}

static int expected_welcome(const uint8_t *body, size_t size) {
  if (size < 8 || memcmp(body, WELCOME, 8) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return size > 8 ? ZUV__ZMTP_MALFORMED_COMMAND_WELCOME : 0;
}

static int expected_initiate(const uint8_t *body, size_t size) {
  if (size < 9 || memcmp(body, INITIATE, 9) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return metadata_outcome(body + 9, size - 9, "DEALER");
}

static int expected_ready(const uint8_t *body, size_t size) {
  if (size < 6 || memcmp(body, READY, 6) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return metadata_outcome(body + 6, size - 6, "ROUTER");
}

static int expected_reason(const uint8_t *data, size_t size) {
  return size == 0 || data[0] > size - 1 ? ZUV__ZMTP_MALFORMED_COMMAND_ERROR
                                         : 1;
}

static int expected_error(const uint8_t *body, size_t size) {
  if (size < 6 || memcmp(body, ERROR_400, 6) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return expected_reason(body + 6, size - 6);
}

static int expected_misspelled(const uint8_t *body, size_t size) {
  if (size < 5 || memcmp(body, MISSPELLED_400, 5) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return expected_reason(body + 5, size - 5);
}

typedef struct {
  step_t step;
  const char *body;
  size_t size;
  int (*expected)(const uint8_t *body, size_t size);
} genuine_t;

static const genuine_t genuine[] = {
#define FOR(body) body, sizeof(body) - 1
    {SERVER_BEFORE_HELLO, FOR(HELLO), expected_hello},
    {CLIENT_BEFORE_WELCOME, FOR(WELCOME), expected_welcome},
    {SERVER_BEFORE_INITIATE, FOR(INITIATE), expected_initiate},
    {CLIENT_BEFORE_READY, FOR(READY), expected_ready},
    {CLIENT_BEFORE_WELCOME, FOR(ERROR_400), expected_error},
    {CLIENT_BEFORE_READY, FOR(ERROR_400), expected_error},
    {CLIENT_BEFORE_WELCOME, FOR(MISSPELLED_400), expected_misspelled},
    {CLIENT_BEFORE_READY, FOR(MISSPELLED_400), expected_misspelled},
#undef FOR
};

static void every_command_cut_or_extended(void **state) {
  uint8_t body[128];
  (void)state;

  for (size_t i = 0; i < COUNT(genuine); i++) {
    const genuine_t *g = &genuine[i];

    for (int last = 0; last < 256; last++) {
      memcpy(body, g->body, g->size);
      body[g->size] = (uint8_t)last;
      assert_int_equal(outcome(g->step, body, g->size + 1),
                       g->expected(body, g->size + 1));
    }
    for (size_t size = 0; size < g->size; size++)
      assert_int_equal(outcome(g->step, body, size), g->expected(body, size));
  }
}

static void every_command_with_every_octet_changed(void **state) {
  uint8_t body[128];
  (void)state;

  for (size_t i = 0; i < COUNT(genuine); i++) {
    const genuine_t *g = &genuine[i];

    memcpy(body, g->body, g->size);
    for (size_t at = 0; at < g->size; at++) {
      for (int change = 1; change < 256; change++) {
        body[at] = (uint8_t)(g->body[at] ^ change);
        assert_int_equal(outcome(g->step, body, g->size),
                         g->expected(body, g->size));
      }
      body[at] = (uint8_t)g->body[at];
    }
  }
}

/* A header alone: the largest body is waited for, one octet more is not. */
static void each_step_has_its_limit(void **state) {
  static const struct {
    size_t max;
    zuv__protocol_error_t error;
  } limits[STEP_COUNT] = {
      [SERVER_BEFORE_HELLO] = {518, ZUV__ZMTP_MALFORMED_COMMAND_HELLO},
      [SERVER_BEFORE_VERDICT] = {0, ZUV__ZMTP_UNSPECIFIED},
      [SERVER_BEFORE_INITIATE] = {9 + 16384,
                                  ZUV__ZMTP_MALFORMED_COMMAND_INITIATE},
      [CLIENT_BEFORE_WELCOME] = {262, ZUV__ZMTP_MALFORMED_COMMAND_WELCOME},
      [CLIENT_BEFORE_READY] = {6 + 16384, ZUV__ZMTP_MALFORMED_COMMAND_READY},
  };
  uint8_t header[ZUV__FRAME_HEADER_MAX];
  (void)state;

  for (int step = 0; step < STEP_COUNT; step++) {
    size_t used;
    side_t side;

    if (step != SERVER_BEFORE_VERDICT) {
      used = zuv__frame_encode_header(header, ZUV__FRAME_COMMAND,
                                      limits[step].max);
      side_at(&side, (step_t)step);
      assert_int_equal(feed(&side, header, used), ZUV__ENGINE_HANDSHAKE);
      assert_int_equal(zuv__engine_needed(&side.engine),
                       used + limits[step].max);
      zuv__engine_destroy(&side.engine);
    }
    used = zuv__frame_encode_header(header, ZUV__FRAME_COMMAND,
                                    limits[step].max + 1);
    side_at(&side, (step_t)step);
    feed(&side, header, used);
    expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, limits[step].error, 0);
  }
}

/* An allocator that can fail, and that looks for the password in what is given
 * back. Each block has its size in front. */
enum { BLOCK_HEADER = 16 };

static size_t allocations_left = SIZE_MAX;
static size_t leaks_of_password;

static bool holds_password(const void *memory, size_t size) {
  return memmem(memory, size, "secret", 6) != NULL;
}

static void *checked_malloc(size_t size) {
  uint8_t *block;

  if (allocations_left == 0)
    return NULL;
  allocations_left--;
  block = calloc(1, BLOCK_HEADER + size);
  if (block == NULL)
    return NULL;
  memcpy(block, &size, sizeof(size));
  return block + BLOCK_HEADER;
}

static void *checked_calloc(size_t count, size_t size) {
  return checked_malloc(count * size);
}

static void checked_free(void *pointer) {
  uint8_t *block = pointer;
  size_t size;

  if (pointer == NULL)
    return;
  memcpy(&size, block - BLOCK_HEADER, sizeof(size));
  if (holds_password(pointer, size))
    leaks_of_password++;
  free(block - BLOCK_HEADER);
}

static void *checked_realloc(void *pointer, size_t size) {
  void *block = checked_malloc(size);
  size_t old = 0;

  if (block == NULL || pointer == NULL)
    return block;
  memcpy(&old, (uint8_t *)pointer - BLOCK_HEADER, sizeof(old));
  memcpy(block, pointer, old < size ? old : size);
  checked_free(pointer);
  return block;
}

static int with_checked_allocator(void **state) {
  (void)state;
  allocations_left = SIZE_MAX;
  leaks_of_password = 0;
  return zuv_replace_allocator(checked_malloc, checked_realloc, checked_calloc,
                               checked_free);
}

static int with_usual_allocator(void **state) {
  (void)state;
  return zuv_replace_allocator(malloc, realloc, calloc, free);
}

static void the_password_is_gone_after_the_verdict(void **state) {
  const size_t size = zuv__mechanism_plain_server.state_size;
  side_t side;
  (void)state;

  side_at(&side, SERVER_BEFORE_VERDICT);
  assert_true(holds_password(side.engine.mechanism, size));
  answer(&side, 200);
  assert_false(holds_password(side.engine.mechanism, size));
  zuv__engine_destroy(&side.engine);
  side_at(&side, SERVER_BEFORE_VERDICT);
  zuv__engine_destroy(&side.engine);
  side_at(&side, SERVER_BEFORE_VERDICT);
  answer(&side, 400);
  zuv__engine_destroy(&side.engine);
  side_at(&side, CLIENT_BEFORE_WELCOME);
  zuv__engine_destroy(&side.engine);
  assert_int_equal(leaks_of_password, 0);
}

static const zuv__verdict_t accepted = {
    .status = 200, .user_id = (const uint8_t *)"joe", .user_id_size = 3};

static void every_failed_allocation_ends_as_out_of_memory(void **state) {
  size_t failures = 0;
  (void)state;

  for (;; failures++) {
    side_t sides[2];
    size_t ready = 0;

    side_init(&sides[0], false);
    side_init(&sides[1], true);
    allocations_left = failures;
    converse(&sides[0], &sides[1], &accepted, 1000);
    for (int i = 0; i < 2; i++) {
      ready += sides[i].engine.state == ZUV__ENGINE_TRAFFIC;
      if (sides[i].engine.state == ZUV__ENGINE_FAILED)
        expect_failure(&sides[i], ZUV__ENGINE_OUT_OF_MEMORY,
                       ZUV__PROTOCOL_NO_ERROR, 0);
      else
        zuv__engine_destroy(&sides[i].engine);
    }
    if (ready == 2)
      break;
  }
  assert_true(failures >= 6);
  assert_int_equal(leaks_of_password, 0);
}

static void every_failed_write_ends_as_out_of_memory(void **state) {
  (void)state;

  for (size_t writes = 0; writes < 5; writes++) {
    for (int limited = 0; limited < 2; limited++) {
      side_t sides[2];

      side_init(&sides[0], false);
      side_init(&sides[1], true);
      sides[limited].writes_left = writes;
      converse(&sides[0], &sides[1], &accepted, 1000);
      expect_failure(&sides[limited], ZUV__ENGINE_OUT_OF_MEMORY,
                     ZUV__PROTOCOL_NO_ERROR, 0);
      zuv__engine_destroy(&sides[1 - limited].engine);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_client_says_what_libzmqs_client_says),
      cmocka_unit_test(the_server_says_what_libzmqs_server_says),
      cmocka_unit_test(the_server_asks_even_when_it_is_not_told_to),
      cmocka_unit_test(the_client_never_asks),
      cmocka_unit_test(two_engines_come_to_traffic_in_any_split),
      cmocka_unit_test(credentials_may_be_of_any_size_and_any_octets),
      cmocka_unit_test(a_refusal_is_spelled_as_libzmq_does),
      cmocka_unit_test(a_refusal_stands_when_it_cannot_be_sent),
      cmocka_unit_test(the_client_knows_both_spellings),
      cmocka_unit_test(the_longest_error_fits_in_both_steps),
      cmocka_unit_test(commands_out_of_turn_are_errors),
      cmocka_unit_test(a_client_that_does_not_wait_is_an_error),
      cmocka_unit_test(what_comes_after_ready_is_traffic),
      cmocka_unit_test(two_clients_find_out),
      cmocka_unit_test(two_servers_wait_for_each_other),
      cmocka_unit_test(every_command_cut_or_extended),
      cmocka_unit_test(every_command_with_every_octet_changed),
      cmocka_unit_test(each_step_has_its_limit),
      cmocka_unit_test_setup_teardown(the_password_is_gone_after_the_verdict,
                                      with_checked_allocator,
                                      with_usual_allocator),
      cmocka_unit_test_setup_teardown(
          every_failed_allocation_ends_as_out_of_memory, with_checked_allocator,
          with_usual_allocator),
      cmocka_unit_test(every_failed_write_ends_as_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
