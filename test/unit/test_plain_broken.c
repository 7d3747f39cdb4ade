/* Every way to break a handshake of PLAIN: commands out of turn, cut, extended,
 * changed and too large, and the error value of each, which is libzmq's. */
#include "plain_side.h"

#include "zmtp/metadata.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commands_out_of_turn_are_errors),
      cmocka_unit_test(a_client_that_does_not_wait_is_an_error),
      cmocka_unit_test(what_comes_after_ready_is_traffic),
      cmocka_unit_test(every_command_cut_or_extended),
      cmocka_unit_test(every_command_with_every_octet_changed),
      cmocka_unit_test(each_step_has_its_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
