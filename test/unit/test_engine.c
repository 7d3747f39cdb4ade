/* The engine with the NULL mechanism: every way through a handshake and every
 * way out of it; peers before ZMTP 3 are in test_old_peer.c. `side_t` is one
 * side with the connection's duties: it keeps what the engine did not use and
 * gives it again with more behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "zmtp/engine.h"
#include "zmtp/frame.h"
#include "zmtp/socket_type.h"
#include "zuv.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define READY_PUSH "\x04\x1a\005READY\013Socket-Type\0\0\0\004PUSH"
#define READY_PULL "\x04\x1a\005READY\013Socket-Type\0\0\0\004PULL"

typedef struct {
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  uint8_t out[2048];
  size_t out_size;
  size_t writes_left; /* how many more the sink takes */
  uint8_t kept[2048];
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

/* A PULL, unless the config is changed before the start. */
static void side_init(side_t *side) {
  memset(side, 0, sizeof(*side));
  side->config.socket_type = ZUV__SOCKET_PULL;
  side->config.mechanism = &zuv__mechanism_null;
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

static void greet(uint8_t out[ZUV__GREETING_SIZE]) {
  zuv__greeting_write(out, 0, "NULL", false);
}

/* Starts, and takes the side to where the peer's greeting has been read. */
static void start_and_greet(side_t *side) {
  uint8_t greeting[ZUV__GREETING_SIZE];

  greet(greeting);
  assert_int_equal(zuv__engine_start(&side->engine, &side->sink),
                   ZUV__ENGINE_GREETING);
  assert_int_equal(feed(side, greeting, sizeof(greeting)),
                   ZUV__ENGINE_HANDSHAKE);
}

static void expect_failure(side_t *side, zuv__failure_kind_t kind,
                           zuv__protocol_error_t error, int status) {
  size_t consumed = 1;

  assert_int_equal(side->engine.state, ZUV__ENGINE_FAILED);
  assert_int_equal(side->engine.failure.kind, kind);
  assert_int_equal(side->engine.failure.error, error);
  assert_int_equal(side->engine.failure.status, status);
  assert_non_null(side->engine.failure.text);
  assert_null(side->engine.mechanism);
  assert_false(zuv__engine_wants_authentication(&side->engine));
  assert_int_equal(zuv__engine_handshake(&side->engine, &side->sink,
                                         (const uint8_t *)"x", 1, &consumed),
                   ZUV__ENGINE_FAILED);
  assert_int_equal(consumed, 0);
  zuv__engine_destroy(&side->engine);
}

/* What a PULL makes of these octets in place of the peer's READY. */
static void expect_error(const uint8_t *bytes, size_t size,
                         zuv__protocol_error_t error) {
  side_t side;

  side_init(&side);
  start_and_greet(&side);
  assert_int_equal(feed(&side, bytes, size), ZUV__ENGINE_FAILED);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, error, 0);
}

static void expect_traffic(const uint8_t *bytes, size_t size) {
  side_t side;

  side_init(&side);
  start_and_greet(&side);
  assert_int_equal(feed(&side, bytes, size), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side.kept_size, 0);
  zuv__engine_destroy(&side.engine);
}

static void octets_are_sent_in_libzmqs_order(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  side_t side;
  (void)state;

  greet(greeting);
  side_init(&side);
  zuv__engine_start(&side.engine, &side.sink);
  for (size_t i = 0; i < ZUV__GREETING_SIZE; i++) {
    assert_int_equal(side.out_size, i < 10 ? 10 : i < 11 ? 11 : 64);
    feed(&side, greeting + i, 1);
  }
  assert_memory_equal(side.out, greeting, 64);
  assert_int_equal(side.out_size, 64 + sizeof(READY_PULL) - 1);
  assert_memory_equal(side.out + 64, READY_PULL, sizeof(READY_PULL) - 1);
  assert_int_equal(side.engine.state, ZUV__ENGINE_HANDSHAKE);
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

static void two_engines_come_to_traffic_in_any_split(void **state) {
  (void)state;

  for (size_t chunk = 1; chunk < 200; chunk++) {
    size_t to_right = 0;
    size_t to_left = 0;
    bool left_idle;
    bool right_idle;
    side_t left;
    side_t right;

    side_init(&left);
    side_init(&right);
    left.config.socket_type = ZUV__SOCKET_DEALER;
    left.config.routing_id = (const uint8_t *)"left";
    left.config.routing_id_size = 4;
    right.config.socket_type = ZUV__SOCKET_ROUTER;
    right.config.extra_metadata = (const uint8_t *)"\003X-a\0\0\0\001b";
    right.config.extra_metadata_size = 9;
    zuv__engine_start(&left.engine, &left.sink);
    zuv__engine_start(&right.engine, &right.sink);
    do {
      left_idle = !carry(&right, &left, &to_left, chunk);
      right_idle = !carry(&left, &right, &to_right, chunk);
    } while (!left_idle || !right_idle);

    assert_int_equal(left.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(right.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(left.engine.peer.socket_type, ZUV__SOCKET_ROUTER);
    assert_int_equal(right.engine.peer.socket_type, ZUV__SOCKET_DEALER);
    assert_int_equal(left.engine.peer.version_minor, 1);
    assert_int_equal(left.engine.peer.routing_id_size, 0);
    assert_int_equal(right.engine.peer.routing_id_size, 4);
    assert_memory_equal(right.engine.peer.routing_id, "left", 4);
    assert_ptr_equal(left.engine.peer.mechanism, &zuv__mechanism_null);
    assert_null(left.engine.mechanism);
    zuv__engine_destroy(&left.engine);
    zuv__engine_destroy(&right.engine);
  }
}

static void octets_behind_ready_are_traffic(void **state) {
  static const char ready_and_more[] = READY_PUSH "\x00\x05hello";
  uint8_t all[ZUV__GREETING_SIZE + sizeof(ready_and_more) - 1];
  (void)state;

  greet(all);
  memcpy(all + ZUV__GREETING_SIZE, ready_and_more, sizeof(ready_and_more) - 1);
  for (size_t split = 0; split <= sizeof(all); split++) {
    side_t side;

    side_init(&side);
    zuv__engine_start(&side.engine, &side.sink);
    feed(&side, all, split);
    assert_int_equal(feed(&side, all + split, sizeof(all) - split),
                     ZUV__ENGINE_TRAFFIC);
    assert_int_equal(side.kept_size, 7);
    assert_memory_equal(side.kept, "\x00\x05hello", 7);
    zuv__engine_destroy(&side.engine);
  }
}

static void a_pending_frame_says_what_it_needs(void **state) {
  side_t side;
  size_t total = sizeof(READY_PUSH) - 1;
  (void)state;

  side_init(&side);
  assert_int_equal(zuv__engine_needed(&side.engine), 0);
  start_and_greet(&side);
  for (size_t i = 0; i < total; i++) {
    assert_int_equal(zuv__engine_needed(&side.engine), i < 2 ? 0 : total);
    assert_int_equal(side.kept_size, i);
    feed(&side, (const uint8_t *)READY_PUSH + i, 1);
  }
  assert_int_equal(side.engine.state, ZUV__ENGINE_TRAFFIC);
  assert_int_equal(zuv__engine_needed(&side.engine), 0);
  zuv__engine_destroy(&side.engine);
}

static void a_minor_of_0_is_remembered(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  side_t side;
  (void)state;

  greet(greeting);
  greeting[11] = 0;
  side_init(&side);
  zuv__engine_start(&side.engine, &side.sink);
  feed(&side, greeting, sizeof(greeting));
  assert_int_equal(feed(&side, BYTES(READY_PUSH)), ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side.engine.peer.version_minor, 0);
  zuv__engine_destroy(&side.engine);
}

static void ready_is_taken_in_any_frame(void **state) {
  (void)state;
  expect_traffic(BYTES("\x00"
                       "\x06\005READY"));
  expect_traffic(BYTES("\x01"
                       "\x06\005READY"));
  expect_traffic(BYTES("\x05"
                       "\x06\005READY"));
  expect_traffic(BYTES("\xfc"
                       "\x06\005READY"));
  expect_traffic(BYTES("\x06\0\0\0\0\0\0\0\x06\005READY"));
  expect_traffic(BYTES("\x02\0\0\0\0\0\0\0\x06\005READY"));
}

static void anything_else_before_ready_is_unexpected(void **state) {
  (void)state;
  expect_error(BYTES("\x00\x05hello"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x00\x00"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x04\x00"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x04\x06\005ready"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x04\x06\005HELLO"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x04\x06\006READY"), ZUV__ZMTP_UNEXPECTED_COMMAND);
  expect_error(BYTES("\x04\x07\004PING\0\0"), ZUV__ZMTP_UNEXPECTED_COMMAND);
}

static void metadata_that_does_not_fit_is_invalid(void **state) {
  (void)state;
  expect_error(BYTES(READY_PULL), ZUV__ZMTP_INVALID_METADATA);
  expect_error(BYTES("\x04\x1a\005READY\013Socket-Type\0\0\0\004push"),
               ZUV__ZMTP_INVALID_METADATA);
  expect_error(BYTES("\x04\x07\005READY\0"), ZUV__ZMTP_INVALID_METADATA);
  expect_error(BYTES("\x04\x08\005READY\001x"), ZUV__ZMTP_INVALID_METADATA);
  expect_error(BYTES("\x04\x0d\005READY\001x\0\0\0\0\0"),
               ZUV__ZMTP_INVALID_METADATA);
}

static void a_routing_id_has_at_most_255_octets(void **state) {
  uint8_t frame[9 + 6 + 13 + 256] = "\x06\0\0\0\0\0\0\x01\x13"
                                    "\005READY\010Identity\0\0\001";
  (void)state;

  expect_error(frame, sizeof(frame), ZUV__ZMTP_INVALID_METADATA);
  frame[8] = 0x12;
  frame[26] = 0;
  frame[27] = 255;
  expect_traffic(frame, sizeof(frame) - 1);
}

static void another_mechanism_is_a_mismatch(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  side_t side;
  (void)state;

  zuv__greeting_write(greeting, 0, "PLAIN", false);
  side_init(&side);
  zuv__engine_start(&side.engine, &side.sink);
  assert_int_equal(feed(&side, greeting, sizeof(greeting)), ZUV__ENGINE_FAILED);
  assert_int_equal(side.out_size, 64);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR,
                 ZUV__ZMTP_MECHANISM_MISMATCH, 0);
}

static void handshake_frames_have_a_limit(void **state) {
  uint8_t header[ZUV__FRAME_HEADER_MAX];
  side_t side;
  (void)state;

  side_init(&side);
  start_and_greet(&side);
  zuv__frame_encode_header(header, ZUV__FRAME_COMMAND, ZUV__COMMAND_MAX);
  assert_int_equal(feed(&side, header, 9), ZUV__ENGINE_HANDSHAKE);
  assert_int_equal(zuv__engine_needed(&side.engine), ZUV__COMMAND_MAX + 9);
  zuv__engine_destroy(&side.engine);

  zuv__frame_encode_header(header, ZUV__FRAME_COMMAND, ZUV__COMMAND_MAX + 1);
  expect_error(header, 9, ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED);
  zuv__frame_encode_header(header, 0, ZUV__COMMAND_MAX + 1);
  expect_error(header, 9, ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED);
  expect_error(BYTES("\x06\x80\0\0\0\0\0\0\x01"),
               ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED);
}

static void an_error_command_is_a_refusal_with_a_reason(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    int status;
    const char *text;
  } errors[] = {
      {"\x04\x0a\005ERROR\003300", 12, 300, "300"},
      {"\x04\x0a\005ERROR\003400", 12, 400, "400"},
      {"\x04\x0a\005ERROR\003500", 12, 500, "500"},
      {"\x04\x0a\005ERROR\003200", 12, 0, "200"},
      {"\x04\x0a\005ERROR\003foo", 12, 0, "foo"},
      {"\x00\x0a\005ERROR\003401", 12, 0, "401"},
      {"\x04\x07\005ERROR\000", 9, 0, ""},
      {"\x04\x09\005ERROR\00240", 11, 0, "40"},
  };
  (void)state;

  for (size_t i = 0; i < COUNT(errors); i++) {
    side_t side;

    side_init(&side);
    start_and_greet(&side);
    feed(&side, (const uint8_t *)errors[i].bytes, errors[i].size);
    assert_string_equal(side.engine.failure.peer_text, errors[i].text);
    expect_failure(&side, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                   errors[i].status);
  }
  expect_error(BYTES("\x04\x06\005ERROR"), ZUV__ZMTP_MALFORMED_COMMAND_ERROR);
  expect_error(BYTES("\x04\x09\005ERROR\00340"),
               ZUV__ZMTP_MALFORMED_COMMAND_ERROR);
}

static const zuv__verdict_t accepted = {
    .status = 200,
    .user_id = (const uint8_t *)"joe",
    .user_id_size = 3,
    .metadata = (const uint8_t *)"\003X-z\0\0\0\0019",
    .metadata_size = 9,
};

static void side_init_authenticating(side_t *side) {
  side_init(side);
  side->config.authenticate = true;
  start_and_greet(side);
  assert_int_equal(side->out_size, 64);
  assert_true(zuv__engine_wants_authentication(&side->engine));
}

static void expect_authenticated(side_t *side) {
  static const char expected[] = "\007User-Id\0\0\0\003joe"
                                 "\003X-z\0\0\0\0019"
                                 "\013Socket-Type\0\0\0\004PUSH";

  assert_int_equal(side->engine.state, ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side->out_size, 64 + sizeof(READY_PULL) - 1);
  assert_memory_equal(side->out + 64, READY_PULL, sizeof(READY_PULL) - 1);
  assert_int_equal(side->engine.peer.metadata_size, sizeof(expected) - 1);
  assert_memory_equal(side->engine.peer.metadata, expected,
                      sizeof(expected) - 1);
  zuv__engine_destroy(&side->engine);
}

static void ready_is_withheld_until_the_verdict(void **state) {
  zuv__credentials_t credentials;
  side_t side;
  (void)state;

  side_init_authenticating(&side);
  zuv__engine_credentials(&side.engine, &credentials);
  assert_string_equal(credentials.mechanism, "NULL");
  assert_int_equal(credentials.count, 0);
  assert_int_equal(feed(&side, BYTES(READY_PUSH)), ZUV__ENGINE_HANDSHAKE);
  assert_int_equal(side.out_size, 64);
  assert_true(zuv__engine_wants_authentication(&side.engine));
  assert_int_equal(
      zuv__engine_authenticated(&side.engine, &side.sink, &accepted),
      ZUV__ENGINE_TRAFFIC);
  expect_authenticated(&side);
}

static void the_verdict_may_come_before_the_peers_ready(void **state) {
  side_t side;
  (void)state;

  side_init_authenticating(&side);
  assert_int_equal(
      zuv__engine_authenticated(&side.engine, &side.sink, &accepted),
      ZUV__ENGINE_HANDSHAKE);
  assert_false(zuv__engine_wants_authentication(&side.engine));
  assert_int_equal(feed(&side, BYTES(READY_PUSH)), ZUV__ENGINE_TRAFFIC);
  expect_authenticated(&side);
}

/* What the peer should hear waits for its READY, before or after the verdict:
 * libzmq comes back if it hears it too early. */
static void refused(int given, int status, const char *sent, size_t size) {
  const zuv__verdict_t verdict = {.status = given};

  for (int ready_first = 0; ready_first < 2; ready_first++) {
    side_t side;
    zuv__engine_state_t state;

    side_init_authenticating(&side);
    if (ready_first)
      feed(&side, BYTES(READY_PUSH));
    state = zuv__engine_authenticated(&side.engine, &side.sink, &verdict);
    if (!ready_first && size > 0) {
      assert_int_equal(state, ZUV__ENGINE_HANDSHAKE);
      assert_int_equal(side.out_size, 64);
      assert_false(zuv__engine_wants_authentication(&side.engine));
      state = feed(&side, BYTES(READY_PUSH));
    }
    assert_int_equal(state, ZUV__ENGINE_FAILED);
    assert_int_equal(side.out_size, 64 + size);
    assert_memory_equal(side.out + 64, sent, size);
    expect_failure(&side, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR, status);
  }
}

static void a_refusal_is_sent_except_a_temporary_one(void **state) {
  (void)state;
  refused(300, 300, "", 0);
  refused(400, 400, "\x04\x0a\005ERROR\003400", 12);
  refused(500, 500, "\x04\x0a\005ERROR\003500", 12);
  refused(0, 500, "\x04\x0a\005ERROR\003500", 12);
  refused(201, 500, "\x04\x0a\005ERROR\003500", 12);
}

static void a_second_command_is_unexpected(void **state) {
  static const char *const seconds[] = {READY_PUSH, "\x04\x0a\005ERROR\003400"};
  static const size_t sizes[] = {sizeof(READY_PUSH) - 1, 12};
  (void)state;

  for (size_t i = 0; i < COUNT(seconds); i++) {
    side_t side;

    side_init_authenticating(&side);
    feed(&side, BYTES(READY_PUSH));
    feed(&side, (const uint8_t *)seconds[i], sizes[i]);
    expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR,
                   ZUV__ZMTP_UNEXPECTED_COMMAND, 0);
  }
}

static void a_verdict_with_malformed_metadata_fails(void **state) {
  const zuv__verdict_t verdict = {
      .status = 200, .metadata = (const uint8_t *)"\001x", .metadata_size = 2};
  side_t side;
  (void)state;

  side_init_authenticating(&side);
  zuv__engine_authenticated(&side.engine, &side.sink, &verdict);
  assert_int_equal(side.out_size, 64);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZAP_INVALID_METADATA,
                 0);
}

static void an_answer_that_is_none_fails(void **state) {
  side_t side;
  (void)state;

  side_init_authenticating(&side);
  zuv__engine_answer_is_malformed(&side.engine, ZUV__ZAP_BAD_VERSION);
  assert_int_equal(side.out_size, 64);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZAP_BAD_VERSION, 0);

  side_init(&side);
  start_and_greet(&side);
  zuv__engine_answer_is_malformed(&side.engine, ZUV__ZAP_BAD_VERSION);
  assert_int_equal(feed(&side, BYTES(READY_PUSH)), ZUV__ENGINE_TRAFFIC);
  zuv__engine_answer_is_malformed(&side.engine, ZUV__ZAP_BAD_VERSION);
  assert_int_equal(side.engine.state, ZUV__ENGINE_TRAFFIC);
  zuv__engine_destroy(&side.engine);
}

static void a_verdict_nobody_waits_for_is_ignored(void **state) {
  const zuv__verdict_t verdict = {.status = 400};
  side_t side;
  (void)state;

  side_init(&side);
  assert_int_equal(
      zuv__engine_authenticated(&side.engine, &side.sink, &verdict),
      ZUV__ENGINE_GREETING);
  start_and_greet(&side);
  assert_int_equal(
      zuv__engine_authenticated(&side.engine, &side.sink, &verdict),
      ZUV__ENGINE_HANDSHAKE);
  feed(&side, BYTES(READY_PUSH));
  assert_int_equal(
      zuv__engine_authenticated(&side.engine, &side.sink, &verdict),
      ZUV__ENGINE_TRAFFIC);
  zuv__engine_destroy(&side.engine);
}

static size_t allocations_left;

static bool may_allocate(void) {
  if (allocations_left == 0)
    return false;
  allocations_left--;
  return true;
}

static void *failing_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *failing_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

static void *failing_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

/* A whole handshake with authentication; the state it ends in. */
static zuv__engine_state_t handshake(side_t *side) {
  uint8_t greeting[ZUV__GREETING_SIZE];

  greet(greeting);
  zuv__engine_start(&side->engine, &side->sink);
  feed(side, greeting, sizeof(greeting));
  zuv__engine_authenticated(&side->engine, &side->sink, &accepted);
  return feed(side, BYTES(READY_PUSH));
}

static void every_failed_allocation_ends_as_out_of_memory(void **state) {
  size_t failures = 0;
  (void)state;

  zuv_replace_allocator(failing_malloc, failing_realloc, failing_calloc, free);
  for (;; failures++) {
    zuv__engine_state_t end;
    side_t side;

    side_init(&side);
    side.config.authenticate = true;
    allocations_left = failures;
    end = handshake(&side);
    if (end == ZUV__ENGINE_TRAFFIC) {
      zuv__engine_destroy(&side.engine);
      break;
    }
    expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR, 0);
  }
  zuv_replace_allocator(malloc, realloc, calloc, free);
  assert_true(failures >= 3);
}

static void every_failed_write_ends_as_out_of_memory(void **state) {
  (void)state;

  for (size_t writes = 0; writes < 4; writes++) {
    side_t side;

    side_init(&side);
    side.config.authenticate = true;
    side.writes_left = writes;
    assert_int_equal(handshake(&side), ZUV__ENGINE_FAILED);
    expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR, 0);
  }
}

static void a_refusal_stands_when_its_text_finds_no_memory(void **state) {
  side_t side;
  (void)state;

  side_init(&side);
  start_and_greet(&side);
  zuv_replace_allocator(failing_malloc, failing_realloc, failing_calloc, free);
  allocations_left = 0;
  feed(&side, BYTES("\x04\x0a\005ERROR\003400"));
  zuv_replace_allocator(malloc, realloc, calloc, free);
  assert_null(side.engine.failure.peer_text);
  expect_failure(&side, ZUV__ENGINE_REFUSED_BY_PEER, ZUV__PROTOCOL_NO_ERROR,
                 400);
}

static void the_metadata_can_be_taken_over(void **state) {
  uint8_t *metadata;
  side_t side;
  size_t size;
  (void)state;

  side_init(&side);
  start_and_greet(&side);
  assert_null(zuv__engine_take_metadata(&side.engine, &size));
  assert_int_equal(size, 0);
  feed(&side, BYTES("\x04\x15\005READY\010Identity\0\0\0\002ME"));
  metadata = zuv__engine_take_metadata(&side.engine, &size);
  zuv__engine_destroy(&side.engine);
  assert_int_equal(size, 15);
  assert_memory_equal(metadata, "\010Identity\0\0\0\002ME", 15);
  zuv__free(metadata);
}

static void an_engine_may_be_destroyed_at_any_time(void **state) {
  static const char ready[] = READY_PUSH;
  uint8_t all[ZUV__GREETING_SIZE + sizeof(ready) - 1];
  (void)state;

  greet(all);
  memcpy(all + ZUV__GREETING_SIZE, ready, sizeof(ready) - 1);
  for (size_t size = 0; size <= sizeof(all); size++) {
    side_t side;

    side_init(&side);
    zuv__engine_start(&side.engine, &side.sink);
    feed(&side, all, size);
    zuv__engine_destroy(&side.engine);
    zuv__engine_destroy(&side.engine);
  }
}

static void mechanisms_are_found_by_number_and_role(void **state) {
  (void)state;
  assert_ptr_equal(zuv__mechanism_find(ZUV__MECHANISM_NULL, true),
                   &zuv__mechanism_null);
  assert_ptr_equal(zuv__mechanism_find(ZUV__MECHANISM_NULL, false),
                   &zuv__mechanism_null);
  assert_ptr_equal(zuv__mechanism_find(ZUV__MECHANISM_CURVE, true),
                   &zuv__mechanism_curve_server);
  assert_ptr_equal(zuv__mechanism_find(ZUV__MECHANISM_PLAIN, false),
                   &zuv__mechanism_plain_client);
  assert_null(zuv__mechanism_find(-1, false));
  assert_null(zuv__mechanism_find(3, true));
}

static void null_has_no_roles(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  side_t side;
  (void)state;

  greet(greeting);
  side_init(&side);
  side.config.as_server = true;
  start_and_greet(&side);
  assert_memory_equal(side.out, greeting, sizeof(greeting));
  zuv__engine_destroy(&side.engine);
}

/* A mechanism with roles that has frames of its own and is ready at once. */
static int destroyed;

static void sealed_init(zuv__mechanism_t *m) {
  m->status = ZUV__MECHANISM_READY;
}

static void sealed_destroy(zuv__mechanism_t *m) {
  (void)m;
  destroyed++;
}

static void sealed_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  (void)m;
  (void)sink;
}

static size_t sealed_encode(zuv__mechanism_t *m, uint8_t flags,
                            const uint8_t *payload, size_t size, uint8_t *out) {
  (void)m;
  (void)flags;
  (void)payload;
  (void)out;
  return size;
}

static const zuv__mechanism_ops_t sealed = {
    .name = "SEALED-AND-20-OCTETS",
    .number = 77,
    .state_size = sizeof(zuv__mechanism_t),
    .init = sealed_init,
    .destroy = sealed_destroy,
    .next = sealed_next,
    .encode = sealed_encode,
};

static void a_mechanism_with_frames_of_its_own_lives_on(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  side_t side;
  (void)state;

  zuv__greeting_write(greeting, 0, sealed.name, true);
  side_init(&side);
  side.config.mechanism = &sealed;
  side.config.as_server = true;
  zuv__engine_init(&side.engine, &side.config);
  zuv__engine_start(&side.engine, &side.sink);
  assert_int_equal(feed(&side, greeting, sizeof(greeting)),
                   ZUV__ENGINE_TRAFFIC);
  assert_memory_equal(side.out, greeting, sizeof(greeting));
  assert_ptr_equal(side.engine.mechanism->ops, &sealed);
  assert_int_equal(destroyed, 0);
  zuv__engine_destroy(&side.engine);
  assert_int_equal(destroyed, 1);
}

/* A mechanism whose every step halves what the next command may have. */
static void narrowing_init(zuv__mechanism_t *m) {
  m->command_max = 400;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_HELLO;
}

static void narrowing_process(zuv__mechanism_t *m, const uint8_t *body,
                              size_t size) {
  (void)body;
  assert_true(size <= m->command_max);
  m->command_max /= 2;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_INITIATE;
}

static const zuv__mechanism_ops_t narrowing = {
    .name = "NARROWING",
    .number = 78,
    .state_size = sizeof(zuv__mechanism_t),
    .init = narrowing_init,
    .next = sealed_next,
    .process = narrowing_process,
};

/* Up to the step that takes at most 400 >> commands octets. */
static void side_init_narrowing(side_t *side, const zuv__mechanism_ops_t *ops,
                                int commands) {
  uint8_t greeting[ZUV__GREETING_SIZE];

  zuv__greeting_write(greeting, 0, ops->name, false);
  side_init(side);
  side->config.mechanism = ops;
  zuv__engine_init(&side->engine, &side->config);
  zuv__engine_start(&side->engine, &side->sink);
  feed(side, greeting, sizeof(greeting));
  for (int i = 0; i < commands; i++)
    feed(side, BYTES("\x04\x00"));
  assert_int_equal(side->engine.state, ZUV__ENGINE_HANDSHAKE);
}

/* What a header with nothing behind it leads to, one octet at a time. */
static void expect_too_large(int commands, const uint8_t *header, size_t size,
                             zuv__protocol_error_t error) {
  side_t side;

  side_init_narrowing(&side, &narrowing, commands);
  for (size_t i = 0; i < size; i++) {
    assert_int_equal(side.engine.state, ZUV__ENGINE_HANDSHAKE);
    feed(&side, header + i, 1);
    assert_int_equal(zuv__engine_needed(&side.engine), 0);
  }
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, error, 0);
}

static void each_step_limits_its_command(void **state) {
  uint8_t frame[ZUV__FRAME_HEADER_MAX + 400];
  (void)state;

  memset(frame, 'x', sizeof(frame));
  for (int i = 0; i < 6; i++) {
    zuv__protocol_error_t error = i == 0 ? ZUV__ZMTP_MALFORMED_COMMAND_HELLO
                                         : ZUV__ZMTP_MALFORMED_COMMAND_INITIATE;
    size_t max = (size_t)400 >> i;
    size_t header = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, max);
    side_t side;

    side_init_narrowing(&side, &narrowing, i);
    for (size_t k = 0; k < header + max; k++) {
      assert_int_equal(zuv__engine_needed(&side.engine),
                       k < header ? 0 : header + max);
      assert_int_equal(side.kept_size, k);
      feed(&side, frame + k, 1);
    }
    assert_int_equal(side.engine.state, ZUV__ENGINE_HANDSHAKE);
    assert_int_equal(side.kept_size, 0);
    zuv__engine_destroy(&side.engine);

    header = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, max + 1);
    expect_too_large(i, frame, header, error);
    header = zuv__frame_encode_header(frame, 0, max + 1);
    expect_too_large(i, frame, header, error);
    expect_too_large(i, BYTES("\x06\0\0\0\0\0\0\x01\x91"), error);
    expect_too_large(i, BYTES("\x06\0\0\0\0\0\1\x20\0"), error);
    expect_too_large(i, BYTES("\x06\0\0\0\0\0\1\x20\1"), error);
    expect_too_large(i, BYTES("\x02\x7f\xff\0\0\0\0\0\0"), error);
  }
}

/* The same, but each command takes long. */
static const zuv__mechanism_ops_t slow = {
    .name = "NARROWING",
    .number = 79,
    .state_size = sizeof(zuv__mechanism_t),
    .costly = true,
    .init = narrowing_init,
    .next = sealed_next,
    .process = narrowing_process,
};

static void a_costly_command_waits_for_its_turn(void **state) {
  side_t side;
  (void)state;

  side_init_narrowing(&side, &slow, 0);
  zuv__engine_take_turns(&side.engine);
  assert_int_equal(feed(&side, BYTES("\x04\x01")), ZUV__ENGINE_HANDSHAKE);
  assert_false(zuv__engine_wants_turn(&side.engine));
  feed(&side, BYTES("x\x04\x01y"));
  assert_true(zuv__engine_wants_turn(&side.engine));
  feed(&side, BYTES(""));
  assert_int_equal(side.engine.mechanism->command_max, 400);
  assert_int_equal(side.kept_size, 6);

  zuv__engine_grant_turn(&side.engine);
  assert_false(zuv__engine_wants_turn(&side.engine));
  feed(&side, BYTES(""));
  assert_int_equal(side.engine.mechanism->command_max, 200);
  assert_int_equal(side.kept_size, 3);
  assert_true(zuv__engine_wants_turn(&side.engine));

  zuv__engine_grant_turn(&side.engine);
  feed(&side, BYTES(""));
  assert_int_equal(side.engine.mechanism->command_max, 100);
  assert_int_equal(side.kept_size, 0);
  assert_false(zuv__engine_wants_turn(&side.engine));
  zuv__engine_destroy(&side.engine);
}

static void what_is_too_large_waits_for_no_turn(void **state) {
  side_t side;
  (void)state;

  side_init_narrowing(&side, &slow, 0);
  zuv__engine_take_turns(&side.engine);
  feed(&side, BYTES("\x06\0\0\0\0\0\0\x01\x91"));
  assert_false(zuv__engine_wants_turn(&side.engine));
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR,
                 ZUV__ZMTP_MALFORMED_COMMAND_HELLO, 0);
}

static void a_cheap_command_needs_no_turn(void **state) {
  side_t side;
  (void)state;

  side_init_narrowing(&side, &narrowing, 0);
  zuv__engine_take_turns(&side.engine);
  feed(&side, BYTES("\x04\x01x"));
  assert_false(zuv__engine_wants_turn(&side.engine));
  assert_int_equal(side.kept_size, 0);
  zuv__engine_destroy(&side.engine);
}

static void an_engine_is_small(void **state) {
  (void)state;
  assert_true(sizeof(zuv__engine_t) <= 160);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(octets_are_sent_in_libzmqs_order),
      cmocka_unit_test(two_engines_come_to_traffic_in_any_split),
      cmocka_unit_test(octets_behind_ready_are_traffic),
      cmocka_unit_test(a_pending_frame_says_what_it_needs),
      cmocka_unit_test(a_minor_of_0_is_remembered),
      cmocka_unit_test(ready_is_taken_in_any_frame),
      cmocka_unit_test(anything_else_before_ready_is_unexpected),
      cmocka_unit_test(metadata_that_does_not_fit_is_invalid),
      cmocka_unit_test(a_routing_id_has_at_most_255_octets),
      cmocka_unit_test(another_mechanism_is_a_mismatch),
      cmocka_unit_test(handshake_frames_have_a_limit),
      cmocka_unit_test(an_error_command_is_a_refusal_with_a_reason),
      cmocka_unit_test(ready_is_withheld_until_the_verdict),
      cmocka_unit_test(the_verdict_may_come_before_the_peers_ready),
      cmocka_unit_test(a_refusal_is_sent_except_a_temporary_one),
      cmocka_unit_test(a_second_command_is_unexpected),
      cmocka_unit_test(a_verdict_with_malformed_metadata_fails),
      cmocka_unit_test(an_answer_that_is_none_fails),
      cmocka_unit_test(a_verdict_nobody_waits_for_is_ignored),
      cmocka_unit_test(every_failed_allocation_ends_as_out_of_memory),
      cmocka_unit_test(every_failed_write_ends_as_out_of_memory),
      cmocka_unit_test(a_refusal_stands_when_its_text_finds_no_memory),
      cmocka_unit_test(the_metadata_can_be_taken_over),
      cmocka_unit_test(an_engine_may_be_destroyed_at_any_time),
      cmocka_unit_test(mechanisms_are_found_by_number_and_role),
      cmocka_unit_test(null_has_no_roles),
      cmocka_unit_test(a_mechanism_with_frames_of_its_own_lives_on),
      cmocka_unit_test(each_step_limits_its_command),
      cmocka_unit_test(a_costly_command_waits_for_its_turn),
      cmocka_unit_test(what_is_too_large_waits_for_no_turn),
      cmocka_unit_test(a_cheap_command_needs_no_turn),
      cmocka_unit_test(an_engine_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
