/* PLAIN in both roles: what libzmq sends octet by octet, who is let in and who
 * is not, what becomes of the password, and want of memory. */
#include "plain_side.h"

#include "zuv.h"

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

  for (size_t writes = 0; writes < 4; writes++) {
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
      cmocka_unit_test(two_clients_find_out),
      cmocka_unit_test(two_servers_wait_for_each_other),
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
