/* CURVE, both roles, through the engine: the octets of the known answer (file
 * 23 of test/vectors, or of ZUV_TEST_VECTORS), every way to spoil a command of
 * it, and traffic. Randomness is a list of octets, each repeated as often as
 * asked for; behind the list it goes on with other ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "security/curve.h"
#include "security/secret.h"
#include "zmtp/engine.h"
#include "zmtp/frame.h"
#include "zmtp/socket_type.h"
#include "zuv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { OCTETS_MAX = 1024 };

typedef struct {
  uint8_t bytes[OCTETS_MAX];
  size_t size;
} octets_t;

/* ---- Randomness and the vector file ---- */

static const char *random_octets = "";

static const char *random_name(void) {
  return "test";
}

/* The octet of each request in turn. The server asks once for four values: its
 * transient key, the key of the cookie, and two nonces. */
static void random_fill(void *buffer, size_t size) {
  static const size_t parts[] = {32, 32, 16, 16};
  static unsigned others;
  uint8_t *octets = buffer;

  if (*random_octets == '\0') {
    for (size_t i = 0; i < size; i++)
      octets[i] = (uint8_t)(others++ * 2654435761u >> 13);
  } else if (size == 96) {
    for (size_t i = 0; i < 4; octets += parts[i++])
      memset(octets, *random_octets++, parts[i]);
  } else {
    memset(octets, *random_octets++, size);
  }
}

static uint32_t random_number(void) {
  uint32_t number;

  random_fill(&number, sizeof(number));
  return number;
}

static randombytes_implementation fixed_random = {
    .implementation_name = random_name,
    .random = random_number,
    .buf = random_fill,
};

/* In the order in which each role asks. */
#define CLIENT_RANDOM "\x33\x88"
#define SERVER_RANDOM "\x44\x55\x66\x77"

static struct {
  octets_t c_secret, s_secret, ct_secret, st_secret, cookie_key;
  octets_t c_public, s_public, ct_public, session_key;
  octets_t welcome_plaintext;
  octets_t hello, welcome, initiate, ready;
  octets_t hello_message, empty_message, part1, part2, ping, pong;
  octets_t subscribe, subscribe_30;
} known;

static const struct {
  const char *name;
  octets_t *octets;
} known_names[] = {
    {"c_secret", &known.c_secret},
    {"s_secret", &known.s_secret},
    {"ct_secret", &known.ct_secret},
    {"st_secret", &known.st_secret},
    {"cookie_key", &known.cookie_key},
    {"c_public", &known.c_public},
    {"s_public", &known.s_public},
    {"ct_public", &known.ct_public},
    {"session_key", &known.session_key},
    {"welcome_plaintext", &known.welcome_plaintext},
    {"hello_frame", &known.hello},
    {"welcome_frame", &known.welcome},
    {"initiate_frame", &known.initiate},
    {"ready_frame", &known.ready},
    {"client_msg_hello_frame", &known.hello_message},
    {"client_msg_empty_frame", &known.empty_message},
    {"server_msg_part1_frame", &known.part1},
    {"server_msg_part2_frame", &known.part2},
    {"client_ping_frame", &known.ping},
    {"server_pong_frame", &known.pong},
    {"client_subscribe_A_frame", &known.subscribe},
    {"client_subscribe_A_30_frame", &known.subscribe_30},
};

static void read_hex(octets_t *octets, const char *hex) {
  unsigned octet;

  for (; sscanf(hex, "%2x", &octet) == 1; hex += 2) {
    assert_true(octets->size < OCTETS_MAX);
    octets->bytes[octets->size++] = (uint8_t)octet;
  }
}

static void read_line(const char *line) {
  size_t length = strcspn(line, " ");

  for (size_t i = 0; i < COUNT(known_names); i++)
    if (strlen(known_names[i].name) == length &&
        strncmp(known_names[i].name, line, length) == 0)
      read_hex(known_names[i].octets, line + length + 1);
}

static int set_up(void **state) {
  const char *directory = getenv("ZUV_TEST_VECTORS");
  char line[2 * OCTETS_MAX + 64];
  char path[512];
  FILE *file;
  (void)state;

  randombytes_set_implementation(&fixed_random);
  assert_true(zuv__security_init());
  snprintf(path, sizeof(path), "%s/23-curve-kat.txt",
           directory == NULL ? "test/vectors" : directory);
  file = fopen(path, "r");
  if (file == NULL)
    return -1;
  while (fgets(line, sizeof(line), file) != NULL)
    read_line(line);
  fclose(file);
  for (size_t i = 0; i < COUNT(known_names); i++)
    if (known_names[i].octets->size == 0)
      return -1;
  return 0;
}

/* ---- One side of a connection ---- */

typedef struct {
  zuv__security_t security;
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  octets_t out; /* since it was last looked at */
  size_t writes_left;
} side_t;

static int sink_write(void *context, const void *bytes, size_t size) {
  side_t *side = context;

  if (side->writes_left == 0)
    return -1;
  side->writes_left--;
  assert_true(size <= OCTETS_MAX - side->out.size);
  memcpy(side->out.bytes + side->out.size, bytes, size);
  side->out.size += size;
  return 0;
}

static void copy_key(uint8_t *key, const octets_t *from) {
  memcpy(key, from->bytes, ZUV__CURVE_KEY_SIZE);
}

/* The DEALER "client-1" or the ROUTER of the vector file. */
static void side_init(side_t *side, bool as_server) {
  memset(side, 0, sizeof(*side));
  side->security.mechanism = ZUV__MECHANISM_CURVE;
  side->security.as_server = as_server;
  side->config.mechanism = zuv__mechanism_find(ZUV__MECHANISM_CURVE, as_server);
  side->config.security = &side->security;
  side->config.as_server = as_server;
  side->config.authenticate = as_server;
  side->sink.write = sink_write;
  side->sink.context = side;
  side->writes_left = SIZE_MAX;
  if (as_server) {
    side->config.socket_type = ZUV__SOCKET_ROUTER;
    copy_key(side->security.curve_secret_key, &known.s_secret);
    copy_key(side->security.curve_public_key, &known.s_public);
  } else {
    side->config.socket_type = ZUV__SOCKET_DEALER;
    side->config.routing_id = (const uint8_t *)"client-1";
    side->config.routing_id_size = 8;
    copy_key(side->security.curve_secret_key, &known.c_secret);
    copy_key(side->security.curve_public_key, &known.c_public);
    copy_key(side->security.curve_server_key, &known.s_public);
  }
  zuv__engine_init(&side->engine, &side->config);
}

/* The engine sees an allocation of the exact size. */
static zuv__engine_state_t give(side_t *side, const uint8_t *bytes,
                                size_t size) {
  uint8_t *exact = malloc(size);
  size_t consumed;

  assert_non_null(exact);
  memcpy(exact, bytes, size);
  zuv__engine_handshake(&side->engine, &side->sink, exact, size, &consumed);
  free(exact);
  if (side->engine.state != ZUV__ENGINE_FAILED)
    assert_int_equal(consumed, size);
  return side->engine.state;
}

static zuv__engine_state_t give_octets(side_t *side, const octets_t *octets) {
  return give(side, octets->bytes, octets->size);
}

/* Takes the side to where the peer's greeting has been read. */
static void start(side_t *side) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  size_t sent = side->out.size + ZUV__GREETING_SIZE;

  zuv__greeting_write(greeting, 0, "CURVE", !side->config.as_server);
  zuv__engine_start(&side->engine, &side->sink);
  give(side, greeting, sizeof(greeting));
  if (side->engine.state == ZUV__ENGINE_FAILED && side->out.size < sent)
    return;
  side->out.size -= sent;
  memmove(side->out.bytes, side->out.bytes + sent, side->out.size);
}

static void start_client(side_t *client) {
  side_init(client, false);
  random_octets = CLIENT_RANDOM;
  start(client);
}

static void start_server(side_t *server) {
  side_init(server, true);
  random_octets = SERVER_RANDOM;
  start(server);
}

static octets_t taken(side_t *side) {
  octets_t out = side->out;

  side->out.size = 0;
  return out;
}

static void expect_octets(const octets_t *octets, const octets_t *expected) {
  assert_int_equal(octets->size, expected->size);
  assert_memory_equal(octets->bytes, expected->bytes, expected->size);
}

static void expect_sent(side_t *side, const octets_t *expected) {
  octets_t out = taken(side);

  expect_octets(&out, expected);
}

static void expect_failure(side_t *side, zuv__failure_kind_t kind,
                           zuv__protocol_error_t error, int status) {
  assert_int_equal(side->engine.state, ZUV__ENGINE_FAILED);
  assert_int_equal(side->engine.failure.kind, kind);
  assert_int_equal(side->engine.failure.error, error);
  assert_int_equal(side->engine.failure.status, status);
  assert_non_null(side->engine.failure.text);
  assert_int_equal(side->out.size, 0);
  assert_null(side->engine.mechanism);
  zuv__engine_destroy(&side->engine);
}

static void expect_error(side_t *side, zuv__protocol_error_t error) {
  expect_failure(side, ZUV__ENGINE_PROTOCOL_ERROR, error, 0);
}

static zuv__engine_state_t judge(side_t *server, int status) {
  const zuv__verdict_t verdict = {.status = status};

  return zuv__engine_authenticated(&server->engine, &server->sink, &verdict);
}

/* Each takes the side to where it waits for the peer's next command. */
static void client_at_welcome(side_t *client) {
  start_client(client);
  expect_sent(client, &known.hello);
}

static void client_at_ready(side_t *client) {
  client_at_welcome(client);
  give_octets(client, &known.welcome);
  expect_sent(client, &known.initiate);
}

static void server_at_hello(side_t *server) {
  start_server(server);
  assert_int_equal(server->out.size, 0);
}

static void server_at_initiate(side_t *server) {
  server_at_hello(server);
  give_octets(server, &known.hello);
  expect_sent(server, &known.welcome);
}

static void client_in_traffic(side_t *client) {
  client_at_ready(client);
  assert_int_equal(give_octets(client, &known.ready), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(client->out.size, 0);
}

static void server_in_traffic(side_t *server) {
  server_at_initiate(server);
  give_octets(server, &known.initiate);
  assert_true(zuv__engine_wants_authentication(&server->engine));
  assert_int_equal(judge(server, 200), ZUV__ENGINE_TRAFFIC);
  expect_sent(server, &known.ready);
}

/* ---- The handshake ---- */

static void the_client_sends_what_is_known(void **state) {
  side_t client;
  (void)state;

  client_in_traffic(&client);
  assert_int_equal(client.engine.peer.socket_type, ZUV__SOCKET_ROUTER);
  assert_int_equal(client.engine.peer.routing_id_size, 0);
  zuv__engine_destroy(&client.engine);
}

static void the_server_sends_what_is_known(void **state) {
  zuv__credentials_t credentials;
  side_t server;
  (void)state;

  server_at_initiate(&server);
  assert_int_equal(give_octets(&server, &known.initiate),
                   ZUV__ENGINE_HANDSHAKE);
  assert_true(zuv__engine_wants_authentication(&server.engine));
  zuv__engine_credentials(&server.engine, &credentials);
  assert_string_equal(credentials.mechanism, "CURVE");
  assert_int_equal(credentials.count, 1);
  assert_int_equal(credentials.parts[0].size, known.c_public.size);
  assert_memory_equal(credentials.parts[0].data, known.c_public.bytes, 32);
  assert_int_equal(server.engine.peer.socket_type, ZUV__SOCKET_DEALER);
  assert_int_equal(server.engine.peer.routing_id_size, 8);
  assert_memory_equal(server.engine.peer.routing_id, "client-1", 8);
  assert_int_equal(judge(&server, 200), ZUV__ENGINE_TRAFFIC);
  expect_sent(&server, &known.ready);
  zuv__engine_destroy(&server.engine);
}

static bool holds(const void *memory, size_t size, const octets_t *secret) {
  return memmem(memory, size, secret->bytes, 16) != NULL;
}

static void expect_no_secrets(const side_t *side) {
  const octets_t *const secrets[] = {&known.c_secret,   &known.s_secret,
                                     &known.ct_secret,  &known.st_secret,
                                     &known.cookie_key, &known.session_key};
  const zuv__mechanism_t *m = side->engine.mechanism;

  for (size_t i = 0; i < COUNT(secrets); i++)
    assert_false(holds(m, m->ops->state_size, secrets[i]));
}

static void nothing_of_the_handshake_stays(void **state) {
  octets_t hello_key = {.size = 32};
  side_t client;
  side_t server;
  (void)state;

  assert_int_equal(crypto_box_beforenm(hello_key.bytes, known.s_public.bytes,
                                       known.ct_secret.bytes),
                   0);
  client_at_ready(&client);
  assert_true(holds(client.engine.mechanism,
                    client.engine.mechanism->ops->state_size, &hello_key));
  give_octets(&client, &known.ready);
  server_in_traffic(&server);
  expect_no_secrets(&client);
  expect_no_secrets(&server);
  assert_false(holds(client.engine.mechanism,
                     client.engine.mechanism->ops->state_size, &hello_key));
  assert_false(holds(server.engine.mechanism,
                     server.engine.mechanism->ops->state_size, &hello_key));
  zuv__engine_destroy(&client.engine);
  zuv__engine_destroy(&server.engine);
}

static void refuse(int status, const char *sent, size_t size) {
  side_t server;

  server_at_initiate(&server);
  give_octets(&server, &known.initiate);
  assert_int_equal(judge(&server, status), ZUV__ENGINE_FAILED);
  assert_int_equal(server.out.size, size);
  assert_memory_equal(server.out.bytes, sent, size);
  server.out.size = 0;
  expect_failure(&server, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR, status);
}

static void a_refused_client_is_told_unless_it_may_return(void **state) {
  (void)state;
  refuse(300, "", 0);
  refuse(400, "\x04\x0a\005ERROR\003400", 12);
  refuse(500, "\x04\x0a\005ERROR\003500", 12);
}

static void a_refusal_reaches_the_client(void **state) {
  char longest[2 + 6 + 1 + 255 + 7] = "";
  side_t client;
  (void)state;

  client_at_ready(&client);
  give(&client, (const uint8_t *)"\x04\x0a\005ERROR\003400", 12);
  assert_string_equal(client.engine.failure.peer_text, "400");
  expect_failure(&client, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                 400);

  memcpy(longest, "\x06\0\0\0\0\0\0\x01\x06\005ERROR\xff", 16);
  memset(longest + 16, 'x', 255);
  client_at_welcome(&client);
  give(&client, (const uint8_t *)longest, sizeof(longest));
  expect_failure(&client, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                 0);

  client_at_ready(&client);
  give(&client, (const uint8_t *)"\x04\x09\005ERROR\00340", 11);
  expect_error(&client, ZUV__ZMTP_MALFORMED_COMMAND_ERROR);
}

/* ---- Spoilt commands ---- */

/* One step of a role: how to get there, what it waits for, and what it says of
 * a command that is cut or has a wrong octet. */
typedef struct {
  void (*begin)(side_t *side);
  const octets_t *frame;
  size_t name_size;
  size_t min_size;
  size_t ignored; /* so many octets... */
  size_t skip;    /* ...behind so many are not looked at */
  zuv__protocol_error_t no_command;
  zuv__protocol_error_t malformed; /* from the name on, below min_size */
  zuv__protocol_error_t extended;
  zuv__protocol_error_t too_large;
  size_t max;
} step_t;

static const step_t steps[] = {
    {server_at_hello, &known.hello, 6, 200, 72, 8,
     ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED, ZUV__ZMTP_MALFORMED_COMMAND_HELLO,
     ZUV__ZMTP_MALFORMED_COMMAND_HELLO, ZUV__ZMTP_MALFORMED_COMMAND_HELLO, 200},
    {server_at_initiate, &known.initiate, 9, 257, 0, 0,
     ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED,
     ZUV__ZMTP_MALFORMED_COMMAND_INITIATE, ZUV__ZMTP_CRYPTOGRAPHIC,
     ZUV__ZMTP_MALFORMED_COMMAND_INITIATE, 257 + 16384},
    {client_at_welcome, &known.welcome, 8, 168, 0, 0,
     ZUV__ZMTP_UNEXPECTED_COMMAND, ZUV__ZMTP_CRYPTOGRAPHIC,
     ZUV__ZMTP_CRYPTOGRAPHIC, ZUV__ZMTP_CRYPTOGRAPHIC, 262},
    {client_at_ready, &known.ready, 6, 30, 0, 0, ZUV__ZMTP_UNEXPECTED_COMMAND,
     ZUV__ZMTP_MALFORMED_COMMAND_READY, ZUV__ZMTP_CRYPTOGRAPHIC,
     ZUV__ZMTP_MALFORMED_COMMAND_READY, 30 + 16384},
};

static octets_t body_of(const octets_t *frame) {
  octets_t body;
  zuv__frame_t found = {0};

  assert_int_equal(
      zuv__frame_decode(frame->bytes, frame->size, UINT64_MAX, &found),
      ZUV__FRAME_COMPLETE);
  body.size = found.size;
  memcpy(body.bytes, found.body, found.size);
  return body;
}

static zuv__engine_state_t give_body(side_t *side, const octets_t *body) {
  uint8_t frame[ZUV__FRAME_HEADER_MAX + OCTETS_MAX];
  size_t header =
      zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, body->size);

  memcpy(frame + header, body->bytes, body->size);
  return give(side, frame, header + body->size);
}

static void expect_body_error(const step_t *step, const octets_t *body,
                              zuv__protocol_error_t error) {
  side_t side;

  step->begin(&side);
  give_body(&side, body);
  expect_error(&side, error);
}

static void cut_commands_are_refused(void **state) {
  (void)state;

  for (size_t i = 0; i < COUNT(steps); i++) {
    const step_t *step = &steps[i];
    octets_t body = body_of(step->frame);

    body.bytes[body.size++] = 0;
    expect_body_error(step, &body, step->extended);
    for (body.size -= 2; body.size > 0; body.size--)
      expect_body_error(step, &body,
                        body.size < step->name_size  ? step->no_command
                        : body.size < step->min_size ? step->malformed
                                                     : ZUV__ZMTP_CRYPTOGRAPHIC);
    expect_body_error(step, &body, step->no_command);
  }
}

static zuv__protocol_error_t error_at(const step_t *step, size_t at) {
  if (at < step->name_size)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  if (step->frame == &known.hello && at < 8)
    return ZUV__ZMTP_MALFORMED_COMMAND_HELLO;
  return ZUV__ZMTP_CRYPTOGRAPHIC;
}

/* The topmost bit of a public key is not part of it (RFC 7748, 5). */
static bool is_harmless(const step_t *step, size_t at, uint8_t bit) {
  return (at >= step->skip && at - step->skip < step->ignored) ||
         (step->frame == &known.hello && at == 80 + 31 && bit == 0x80);
}

static void a_wrong_octet_anywhere_is_found(void **state) {
  static const uint8_t bits[] = {0x01, 0x80};
  side_t side;
  (void)state;

  for (size_t i = 0; i < COUNT(steps); i++) {
    const octets_t body = body_of(steps[i].frame);

    for (size_t at = 0; at < 2 * body.size; at++) {
      octets_t wrong = body;
      uint8_t bit = bits[at % 2];

      wrong.bytes[at / 2] ^= bit;
      if (!is_harmless(&steps[i], at / 2, bit)) {
        expect_body_error(&steps[i], &wrong, error_at(&steps[i], at / 2));
        continue;
      }
      steps[i].begin(&side);
      assert_int_equal(give_body(&side, &wrong), ZUV__ENGINE_HANDSHAKE);
      zuv__engine_destroy(&side.engine);
    }
  }
}

static void commands_out_of_turn_are_refused(void **state) {
  const octets_t none = {.bytes = {0, 0}, .size = 2};
  side_t side;
  (void)state;

  for (size_t i = 0; i < COUNT(steps); i++)
    for (size_t j = 0; j < COUNT(steps); j++) {
      octets_t body = body_of(steps[j].frame);

      if (i != j)
        expect_body_error(&steps[i], &body,
                          body.size > steps[i].max
                              ? steps[i].too_large
                              : ZUV__ZMTP_UNEXPECTED_COMMAND);
    }
  expect_body_error(&steps[0], &none, ZUV__ZMTP_UNEXPECTED_COMMAND);

  for (size_t i = 0; i < 2; i++) {
    server_at_initiate(&side);
    give_octets(&side, &known.initiate);
    assert_true(zuv__engine_wants_authentication(&side.engine));
    give_octets(&side, i == 0 ? &known.initiate : &known.hello_message);
    expect_error(&side, ZUV__ZMTP_UNSPECIFIED);
  }
}

static zuv__engine_state_t announce(side_t *side, size_t size) {
  uint8_t header[ZUV__FRAME_HEADER_MAX] = {ZUV__FRAME_COMMAND |
                                           ZUV__FRAME_LONG};
  size_t consumed;

  header[7] = (uint8_t)(size >> 8);
  header[8] = (uint8_t)size;
  return zuv__engine_handshake(&side->engine, &side->sink, header,
                               sizeof(header), &consumed);
}

static void too_much_is_refused_by_its_header(void **state) {
  side_t server;
  (void)state;

  for (size_t i = 0; i < COUNT(steps); i++) {
    size_t max = steps[i].max;
    side_t side;

    steps[i].begin(&side);
    assert_int_equal(announce(&side, max), ZUV__ENGINE_HANDSHAKE);
    assert_int_equal(zuv__engine_needed(&side.engine),
                     ZUV__FRAME_HEADER_MAX + max);
    assert_int_equal(announce(&side, max + 1), ZUV__ENGINE_FAILED);
    expect_error(&side, steps[i].too_large);
  }

  server_at_initiate(&server);
  give_octets(&server, &known.initiate);
  assert_true(zuv__engine_wants_authentication(&server.engine));
  assert_int_equal(announce(&server, 1), ZUV__ENGINE_FAILED);
  expect_error(&server, ZUV__ZMTP_UNSPECIFIED);
}

/* ---- Wrong keys, cookies, vouches and metadata ---- */

static void a_client_must_know_the_servers_key(void **state) {
  octets_t hello;
  side_t client;
  side_t server;
  (void)state;

  side_init(&client, false);
  copy_key(client.security.curve_server_key, &known.c_public);
  start(&client);
  hello = taken(&client);
  server_at_hello(&server);
  give_octets(&server, &hello);
  expect_error(&server, ZUV__ZMTP_CRYPTOGRAPHIC);
  give_octets(&client, &known.welcome);
  expect_error(&client, ZUV__ZMTP_CRYPTOGRAPHIC);

  side_init(&client, false);
  memset(client.security.curve_server_key, 0, ZUV__CURVE_KEY_SIZE);
  start(&client);
  expect_error(&client, ZUV__ZMTP_CRYPTOGRAPHIC);
}

/* A key of zeros makes a shared key that everybody knows. */
static void weak_transient_keys_are_refused(void **state) {
  octets_t hello = known.hello;
  octets_t welcome = known.welcome;
  octets_t content = known.welcome_plaintext;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE] = ZUV__CURVE_NONCE_WELCOME;
  side_t side;
  (void)state;

  memset(hello.bytes + 2 + 80, 0, ZUV__CURVE_KEY_SIZE);
  server_at_hello(&side);
  give_octets(&side, &hello);
  expect_error(&side, ZUV__ZMTP_CRYPTOGRAPHIC);

  memset(content.bytes, 0, ZUV__CURVE_KEY_SIZE);
  memcpy(nonce + 8, welcome.bytes + 2 + 8, 16);
  assert_int_equal(crypto_box_easy(welcome.bytes + 2 + 24, content.bytes,
                                   content.size, nonce, known.s_public.bytes,
                                   known.ct_secret.bytes),
                   0);
  client_at_welcome(&side);
  give_octets(&side, &welcome);
  expect_error(&side, ZUV__ZMTP_CRYPTOGRAPHIC);
}

static void expect_cookie_refused(const char *randomness) {
  side_t server;

  side_init(&server, true);
  random_octets = randomness;
  start(&server);
  give_octets(&server, &known.hello);
  taken(&server);
  give_octets(&server, &known.initiate);
  expect_error(&server, ZUV__ZMTP_CRYPTOGRAPHIC);
}

static void a_cookie_is_good_for_one_connection(void **state) {
  (void)state;
  expect_cookie_refused("\x45\x56\x67\x78");
  /* It opens, and holds the key of another connection. */
  expect_cookie_refused("\x45\x55\x66\x77");
}

/* What the server says of an INITIATE that a client made with these keys. */
static void expect_vouch_error(const octets_t *public_key,
                               const octets_t *secret_key,
                               const octets_t *server_key,
                               zuv__protocol_error_t error) {
  octets_t initiate;
  side_t client;
  side_t server;

  client_at_welcome(&client);
  copy_key(client.security.curve_public_key, public_key);
  copy_key(client.security.curve_secret_key, secret_key);
  copy_key(client.security.curve_server_key, server_key);
  give_octets(&client, &known.welcome);
  initiate = taken(&client);
  zuv__engine_destroy(&client.engine);
  server_at_initiate(&server);
  give_octets(&server, &initiate);
  expect_error(&server, error);
}

static void a_vouch_is_for_one_connection_of_its_owner(void **state) {
  const octets_t zeros = {.size = 32};
  octets_t octets;
  side_t client;
  side_t server;
  (void)state;

  expect_vouch_error(&known.c_public, &known.cookie_key, &known.s_public,
                     ZUV__ZMTP_CRYPTOGRAPHIC);
  expect_vouch_error(&known.ct_public, &known.c_secret, &known.s_public,
                     ZUV__ZMTP_CRYPTOGRAPHIC);
  expect_vouch_error(&zeros, &known.c_secret, &known.s_public,
                     ZUV__ZMTP_CRYPTOGRAPHIC);
  expect_vouch_error(&known.c_public, &known.c_secret, &known.c_public,
                     ZUV__ZMTP_KEY_EXCHANGE);

  /* The same key in other octets than those that the vouch holds. */
  client_at_welcome(&client);
  octets = known.hello;
  octets.bytes[2 + 80 + 31] ^= 0x80;
  server_at_hello(&server);
  give_octets(&server, &octets);
  octets = taken(&server);
  give_octets(&client, &octets);
  octets = taken(&client);
  zuv__engine_destroy(&client.engine);
  give_octets(&server, &octets);
  expect_error(&server, ZUV__ZMTP_KEY_EXCHANGE);
}

static void the_counter_of_initiate_is_above_that_of_hello(void **state) {
  (void)state;

  for (uint8_t counter = 0; counter < 2; counter++) {
    octets_t initiate = known.initiate;
    side_t server;

    initiate.bytes[ZUV__FRAME_HEADER_MAX + 112] = counter;
    server_at_initiate(&server);
    give_octets(&server, &initiate);
    expect_error(&server, ZUV__ZMTP_INVALID_SEQUENCE);
  }
}

static void metadata_must_fit(void **state) {
  side_t side;
  (void)state;

  server_at_initiate(&side);
  side.config.socket_type = ZUV__SOCKET_PUB;
  give_octets(&side, &known.initiate);
  expect_error(&side, ZUV__ZMTP_INVALID_METADATA);
  client_at_ready(&side);
  side.config.socket_type = ZUV__SOCKET_SUB;
  give_octets(&side, &known.ready);
  expect_error(&side, ZUV__ZMTP_INVALID_METADATA);
}

/* ---- Want of memory ---- */

static size_t allocations_left;

static void *limited_malloc(size_t size) {
  return allocations_left > 0 ? allocations_left--, malloc(size) : NULL;
}

static void *limited_calloc(size_t count, size_t size) {
  return allocations_left > 0 ? allocations_left--, calloc(count, size) : NULL;
}

static void *limited_realloc(void *pointer, size_t size) {
  return allocations_left > 0   ? allocations_left--,
         realloc(pointer, size) : NULL;
}

/* All that a side is given on its way into traffic. */
static zuv__engine_state_t run(side_t *side) {
  const bool as_server = side->config.as_server;

  random_octets = as_server ? SERVER_RANDOM : CLIENT_RANDOM;
  start(side);
  if (side->engine.state != ZUV__ENGINE_FAILED)
    give_octets(side, as_server ? &known.hello : &known.welcome);
  if (side->engine.state != ZUV__ENGINE_FAILED)
    give_octets(side, as_server ? &known.initiate : &known.ready);
  judge(side, 200);
  return side->engine.state;
}

static void without_memory_a_handshake_fails(void **state) {
  (void)state;

  for (int as_server = 0; as_server < 2; as_server++) {
    side_t side;
    size_t i = 0;

    zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc,
                          free);
    for (;; i++) {
      side_init(&side, as_server);
      allocations_left = i;
      if (run(&side) == ZUV__ENGINE_TRAFFIC)
        break;
      side.out.size = 0;
      expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR,
                     0);
    }
    zuv__engine_destroy(&side.engine);
    zuv_replace_allocator(malloc, realloc, calloc, free);
    assert_int_equal(i, 4);
    for (i = 0;; i++) {
      side_init(&side, as_server);
      side.writes_left = i;
      if (run(&side) == ZUV__ENGINE_TRAFFIC)
        break;
      side.out.size = 0;
      expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR,
                     0);
    }
    zuv__engine_destroy(&side.engine);
    assert_int_equal(i, 4);
  }
}

/* ---- Traffic ---- */

typedef struct {
  uint8_t *bytes; /* of the exact size */
  size_t size;
  uint8_t *body;
  size_t body_size;
} sealed_t;

static sealed_t seal(side_t *side, uint8_t flags, const void *payload,
                     size_t size) {
  zuv__mechanism_t *m = side->engine.mechanism;
  uint8_t *out = malloc(size + m->ops->overhead);
  zuv__frame_t frame = {0};
  sealed_t sealed;

  assert_non_null(out);
  sealed.size = m->ops->encode(m, flags, payload, size, out);
  assert_true(sealed.size <= size + m->ops->overhead);
  sealed.bytes = realloc(out, sealed.size);
  assert_non_null(sealed.bytes);
  assert_int_equal(
      zuv__frame_decode(sealed.bytes, sealed.size, UINT64_MAX, &frame),
      ZUV__FRAME_COMPLETE);
  assert_int_equal(frame.total, sealed.size);
  assert_int_equal(frame.flags, 0);
  sealed.body_size = frame.size;
  sealed.body = sealed.bytes + sealed.size - frame.size;
  return sealed;
}

static zuv__protocol_error_t unseal(side_t *side, uint8_t *body, size_t size,
                                    zuv__frame_t *frame) {
  zuv__mechanism_t *m = side->engine.mechanism;

  return m->ops->decode(m, body, size, frame);
}

/* Nothing comes out, and the octets are as they were. */
static void expect_sealed(side_t *side, const uint8_t *body, size_t size,
                          zuv__protocol_error_t error) {
  uint8_t *exact = malloc(size);
  zuv__frame_t frame = {0};

  assert_true(exact != NULL || size == 0);
  if (size > 0)
    memcpy(exact, body, size);
  assert_int_equal(unseal(side, exact, size, &frame), error);
  assert_null(frame.body);
  if (size > 0)
    assert_memory_equal(exact, body, size);
  free(exact);
}

static void pass(side_t *from, side_t *to, uint8_t flags, const void *payload,
                 size_t size, const octets_t *expected) {
  sealed_t sealed = seal(from, flags, payload, size);
  zuv__frame_t frame = {.total = 7};

  if (expected != NULL) {
    assert_int_equal(sealed.size, expected->size);
    assert_memory_equal(sealed.bytes, expected->bytes, expected->size);
  }
  assert_int_equal(unseal(to, sealed.body, sealed.body_size, &frame),
                   ZUV__PROTOCOL_NO_ERROR);
  assert_int_equal(frame.flags, flags);
  assert_int_equal(frame.total, 7);
  assert_int_equal(frame.size, size);
  assert_true(frame.size <=
              sealed.body_size - to->engine.mechanism->ops->decode_overhead);
  if (size > 0)
    assert_memory_equal(frame.body, payload, size);
  free(sealed.bytes);
}

static void pair_up(side_t *client, side_t *server) {
  client_in_traffic(client);
  server_in_traffic(server);
}

static void part(side_t *client, side_t *server) {
  zuv__engine_destroy(&client->engine);
  zuv__engine_destroy(&server->engine);
}

static void known_messages_pass_both_ways(void **state) {
  side_t client;
  side_t server;
  (void)state;

  for (int minor = 0; minor < 2; minor++) {
    pair_up(&client, &server);
    pass(&client, &server, 0, "hello", 5, &known.hello_message);
    pass(&client, &server, 0, "", 0, &known.empty_message);
    pass(&server, &client, ZUV__FRAME_MORE, "part-1", 6, &known.part1);
    pass(&server, &client, 0, "part-2", 6, &known.part2);
    pass(&client, &server, ZUV__FRAME_COMMAND, "\004PING\0\0ctx!", 11,
         &known.ping);
    pass(&server, &client, ZUV__FRAME_COMMAND, "\004PONGctx!", 9, &known.pong);
    if (minor == 0)
      pass(&client, &server, 0, "\001A", 2, &known.subscribe_30);
    else
      pass(&client, &server, ZUV__FRAME_COMMAND, "\011SUBSCRIBEA", 11,
           &known.subscribe);
    part(&client, &server);
  }
}

/* Sealing is the same as with the box of the library. */
static void pass_and_compare(side_t *from, side_t *to, uint8_t *content,
                             size_t size, uint64_t counter) {
  const char *prefix = from->config.as_server ? ZUV__CURVE_NONCE_FROM_SERVER
                                              : ZUV__CURVE_NONCE_FROM_CLIENT;
  size_t box_size = ZUV__CURVE_TAG_SIZE + 1 + size;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  uint8_t *box = malloc(box_size);
  zuv__frame_t frame = {0};
  sealed_t sealed;

  assert_non_null(box);
  content[0] = 3;
  sealed = seal(from, ZUV__FRAME_MORE | ZUV__FRAME_COMMAND, content + 1, size);
  memcpy(nonce, prefix, 16);
  memcpy(nonce + 16, sealed.body + 8, 8);
  assert_int_equal(zuv__frame_read_u64(sealed.body + 8), counter);
  assert_int_equal(crypto_box_easy_afternm(box, content, 1 + size, nonce,
                                           known.session_key.bytes),
                   0);
  assert_int_equal(sealed.body_size, 16 + box_size);
  assert_memory_equal(sealed.body + 16, box, box_size);
  assert_int_equal(unseal(to, sealed.body, sealed.body_size, &frame),
                   ZUV__PROTOCOL_NO_ERROR);
  assert_int_equal(frame.size, size);
  assert_memory_equal(frame.body, content + 1, size);
  assert_int_equal(frame.flags, ZUV__FRAME_MORE | ZUV__FRAME_COMMAND);
  free(sealed.bytes);
  free(box);
}

static void use_unit(side_t *side, size_t unit) {
  ((zuv__curve_t *)side->engine.mechanism)->stream_unit = unit;
}

/* However many blocks of keystream the machine makes at once. */
static void messages_of_all_sizes_pass(void **state) {
  static const size_t units[] = {64, 256, 512};
  static const size_t large[] = {1023,  1024,  1056,   1500,    4095,   4096,
                                 65535, 65536, 100000, 1048575, 1048576};
  uint8_t *content = malloc(1 + 1048576);
  (void)state;

  assert_non_null(content);
  randombytes_buf(content, 1 + 1048576);
  for (size_t i = 0; i < COUNT(units); i++) {
    uint64_t counter = 2;
    side_t client;
    side_t server;

    pair_up(&client, &server);
    use_unit(&client, units[i]);
    use_unit(&server, units[i]);
    for (size_t size = 0; size < 1100 + COUNT(large); size++, counter++) {
      size_t actual = size < 1100 ? size : large[size - 1100];
      pass_and_compare(&client, &server, content, actual, counter + 1);
      pass_and_compare(&server, &client, content, actual, counter);
    }
    part(&client, &server);
  }
  free(content);
}

static zuv__protocol_error_t error_of_message(const uint8_t *body,
                                              size_t size) {
  if (size <= 1 || body[0] >= size)
    return ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED;
  if (size < 8 || memcmp(body, "\007MESSAGE", 8) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  if (size < 33)
    return ZUV__ZMTP_MALFORMED_COMMAND_MESSAGE;
  /* The last one was INITIATE, with 2. */
  if (zuv__frame_read_u64(body + 8) <= 2)
    return ZUV__ZMTP_INVALID_SEQUENCE;
  return ZUV__ZMTP_CRYPTOGRAPHIC;
}

static void spoil(side_t *server, sealed_t *sealed) {
  uint8_t *body = malloc(sealed->body_size + 1);

  assert_non_null(body);
  memcpy(body, sealed->body, sealed->body_size);
  body[sealed->body_size] = 0;
  expect_sealed(server, body, sealed->body_size + 1, ZUV__ZMTP_CRYPTOGRAPHIC);
  for (size_t size = 0; size < sealed->body_size; size++)
    expect_sealed(server, body, size, error_of_message(body, size));
  for (size_t at = 0; at < sealed->body_size; at++) {
    body[at] ^= 0x01;
    expect_sealed(server, body, sealed->body_size,
                  error_of_message(body, sealed->body_size));
    body[at] ^= 0x81;
    expect_sealed(server, body, sealed->body_size,
                  error_of_message(body, sealed->body_size));
    body[at] ^= 0x80;
  }
  free(body);
}

static void spoilt_messages_are_refused(void **state) {
  static const size_t sizes[] = {0, 5, 64, 300, 1200};
  static const uint8_t payload[1200] = {1, 2, 3};
  (void)state;

  for (size_t i = 0; i < COUNT(sizes); i++) {
    side_t client;
    side_t server;
    sealed_t sealed;
    zuv__frame_t frame = {0};

    pair_up(&client, &server);
    sealed = seal(&client, 0, payload, sizes[i]);
    spoil(&server, &sealed);
    assert_int_equal(unseal(&server, sealed.body, sealed.body_size, &frame),
                     ZUV__PROTOCOL_NO_ERROR);
    free(sealed.bytes);
    part(&client, &server);
  }
}

/* Also that nobody is sent back what he said himself. */
static void messages_come_once_and_in_order(void **state) {
  sealed_t sealed[3];
  uint8_t again[64];
  zuv__frame_t frame = {0};
  side_t client;
  side_t server;
  (void)state;

  pair_up(&client, &server);
  for (size_t i = 0; i < COUNT(sealed); i++)
    sealed[i] = seal(&client, 0, "text", 4);
  expect_sealed(&client, sealed[2].body, sealed[2].body_size,
                ZUV__ZMTP_CRYPTOGRAPHIC);
  assert_true(sealed[1].body_size <= sizeof(again));
  memcpy(again, sealed[1].body, sealed[1].body_size);
  assert_int_equal(unseal(&server, sealed[1].body, sealed[1].body_size, &frame),
                   ZUV__PROTOCOL_NO_ERROR);
  expect_sealed(&server, again, sealed[1].body_size,
                ZUV__ZMTP_INVALID_SEQUENCE);
  expect_sealed(&server, sealed[0].body, sealed[0].body_size,
                ZUV__ZMTP_INVALID_SEQUENCE);
  assert_int_equal(unseal(&server, sealed[2].body, sealed[2].body_size, &frame),
                   ZUV__PROTOCOL_NO_ERROR);
  for (size_t i = 0; i < COUNT(sealed); i++)
    free(sealed[i].bytes);
  part(&client, &server);
}

/* The first message is behind the command that ended the handshake. */
static void messages_count_on_from_the_handshake(void **state) {
  side_t client;
  side_t server;
  sealed_t sealed;
  (void)state;

  pair_up(&client, &server);
  ((zuv__curve_t *)server.engine.mechanism)->sends.counter--;
  sealed = seal(&server, 0, "text", 4);
  expect_sealed(&client, sealed.body, sealed.body_size,
                ZUV__ZMTP_INVALID_SEQUENCE);
  free(sealed.bytes);
  ((zuv__curve_t *)client.engine.mechanism)->sends.counter--;
  sealed = seal(&client, 0, "text", 4);
  expect_sealed(&server, sealed.body, sealed.body_size,
                ZUV__ZMTP_INVALID_SEQUENCE);
  free(sealed.bytes);
  part(&client, &server);
}

static void commands_in_clear_are_no_traffic(void **state) {
  static const uint8_t ping[] = "\004PING\0\0";
  octets_t ready = body_of(&known.ready);
  side_t client;
  (void)state;

  client_in_traffic(&client);
  expect_sealed(&client, ping, 7, ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_sealed(&client, ready.bytes, ready.size, ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_sealed(&client, (const uint8_t *)"\0\0", 2,
                ZUV__ZMTP_UNEXPECTED_COMMAND);
  zuv__engine_destroy(&client.engine);
}

static void a_counter_never_starts_again(void **state) {
  side_t client;
  side_t server;
  sealed_t sealed;
  (void)state;

  pair_up(&client, &server);
  ((zuv__curve_t *)client.engine.mechanism)->sends.counter = UINT64_MAX - 1;
  pass(&client, &server, ZUV__FRAME_MORE, "last", 4, NULL);
  for (int i = 0; i < 2; i++) {
    sealed = seal(&client, 0, "more", 4);
    assert_int_equal(sealed.body_size, 33);
    assert_int_equal(zuv__frame_read_u64(sealed.body + 8), UINT64_MAX);
    assert_true(sodium_is_zero(sealed.body + 16, 17));
    expect_sealed(&server, sealed.body, 33, ZUV__ZMTP_INVALID_SEQUENCE);
    free(sealed.bytes);
  }
  part(&client, &server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_client_sends_what_is_known),
      cmocka_unit_test(the_server_sends_what_is_known),
      cmocka_unit_test(nothing_of_the_handshake_stays),
      cmocka_unit_test(a_refused_client_is_told_unless_it_may_return),
      cmocka_unit_test(a_refusal_reaches_the_client),
      cmocka_unit_test(cut_commands_are_refused),
      cmocka_unit_test(a_wrong_octet_anywhere_is_found),
      cmocka_unit_test(commands_out_of_turn_are_refused),
      cmocka_unit_test(too_much_is_refused_by_its_header),
      cmocka_unit_test(a_client_must_know_the_servers_key),
      cmocka_unit_test(weak_transient_keys_are_refused),
      cmocka_unit_test(a_cookie_is_good_for_one_connection),
      cmocka_unit_test(a_vouch_is_for_one_connection_of_its_owner),
      cmocka_unit_test(the_counter_of_initiate_is_above_that_of_hello),
      cmocka_unit_test(metadata_must_fit),
      cmocka_unit_test(without_memory_a_handshake_fails),
      cmocka_unit_test(known_messages_pass_both_ways),
      cmocka_unit_test(messages_of_all_sizes_pass),
      cmocka_unit_test(spoilt_messages_are_refused),
      cmocka_unit_test(messages_come_once_and_in_order),
      cmocka_unit_test(messages_count_on_from_the_handshake),
      cmocka_unit_test(commands_in_clear_are_no_traffic),
      cmocka_unit_test(a_counter_never_starts_again),
  };
  return cmocka_run_group_tests_name("curve", tests, set_up, NULL);
}
