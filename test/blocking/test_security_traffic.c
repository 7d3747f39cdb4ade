/* Messages over CURVE: of every size, of many parts, through every pattern. */
#include "support/blocked.h"
#include "support/secured.h"

#ifndef ZMQ_METADATA
#define ZMQ_METADATA 95 /* a draft name, in any libzmq */
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two new sockets with CURVE, joined. */
static void curve_pair(blocking_t *b, int server_type, int client_type,
                       void **server, void **client) {
  secured_keys_t keys;

  secured_make_keys(&keys);
  *server = blocking_socket(b, server_type);
  *client = blocking_socket(b, client_type);
  secured_curve_server(*server, &keys);
  secured_curve_client(*client, NULL, keys.public_key);
  blocking_join(b, *server, *client, NULL);
}

/* ---- Sizes ---- */

/* Bytes that tell their place and their message. */
static void fill(uint8_t *bytes, size_t size, uint32_t seed) {
  for (size_t i = 0; i < size; i++) {
    seed = seed * 1664525 + 1013904223;
    bytes[i] = (uint8_t)(seed >> 24);
  }
}

static void send_filled(void *socket, size_t size, uint32_t seed, int flags) {
  zmq_msg_t part;

  blocking_expect_ok(zmq_msg_init_size(&part, size));
  fill(zmq_msg_data(&part), size, seed);
  assert_int_equal(zmq_msg_send(&part, socket, flags), size);
}

/* Requires one part of these. */
static void expect_filled(void *socket, size_t size, uint32_t seed, bool more) {
  zmq_msg_t part;
  uint8_t *expected = malloc(size + 1);

  assert_non_null(expected);
  fill(expected, size, seed);
  zmq_msg_init(&part);
  assert_int_equal(zmq_msg_recv(&part, socket, 0), size);
  assert_int_equal(zmq_msg_size(&part), size);
  assert_memory_equal(zmq_msg_data(&part), expected, size);
  assert_int_equal(zmq_msg_more(&part), more);
  zmq_msg_close(&part);
  free(expected);
}

static void set_timeouts(void *socket) {
  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
}

/* There and back. */
static void expect_passes(void *server, void *client, size_t size) {
  send_filled(client, size, (uint32_t)size, 0);
  expect_filled(server, size, (uint32_t)size, false);
  send_filled(server, size, ~(uint32_t)size, 0);
  expect_filled(client, size, ~(uint32_t)size, false);
}

/* Sizes that are near a limit of something once they are sealed. */
static void test_sizes_near_limits(void **state) {
  static const size_t limits[] = {255, 256, 4096, 8192, 65536};
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PAIR, ZMQ_PAIR, &server, &client);
  set_timeouts(server);
  set_timeouts(client);
  for (size_t size = 0; size < 80; size++)
    expect_passes(server, client, size);
  for (size_t i = 0; i < COUNT(limits); i++)
    for (size_t less = 0; less <= 34; less++)
      expect_passes(server, client, limits[i] - less);
}

static void test_large_messages(void **state) {
  static const size_t sizes[] = {100000, 1 << 20, (1 << 20) + 1, 16 << 20};
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PAIR, ZMQ_PAIR, &server, &client);
  set_timeouts(server);
  set_timeouts(client);
  for (size_t i = 0; i < COUNT(sizes); i++)
    expect_passes(server, client, sizes[i]);
}

/* Without waiting for one before the next. */
static void test_a_stream_of_sizes(void **state) {
  enum { MESSAGES = 700 };
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PULL, ZMQ_PUSH, &server, &client);
  set_timeouts(server);
  set_timeouts(client);
  for (uint32_t i = 0; i < MESSAGES; i++)
    send_filled(client, i % 50 == 49 ? 100 * i : i, i, 0);
  for (uint32_t i = 0; i < MESSAGES; i++)
    expect_filled(server, i % 50 == 49 ? 100 * i : i, i, false);
}

static void test_many_parts(void **state) {
  enum { PARTS = 200 };
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PULL, ZMQ_PUSH, &server, &client);
  set_timeouts(server);
  set_timeouts(client);
  for (int message = 0; message < 3; message++) {
    for (uint32_t i = 0; i < PARTS; i++)
      send_filled(client, i * (i % 7), i, i + 1 < PARTS ? ZMQ_SNDMORE : 0);
    for (uint32_t i = 0; i < PARTS; i++)
      expect_filled(server, i * (i % 7), i, i + 1 < PARTS);
  }
}

/* Both ways at the same time, more than the kernel has room for. */
static void test_both_ways(void **state) {
  enum { MESSAGES = 100, SIZE = 50000 };
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PAIR, ZMQ_PAIR, &server, &client);
  set_timeouts(server);
  set_timeouts(client);
  for (uint32_t i = 0; i < MESSAGES; i++) {
    send_filled(client, SIZE + i, i, 0);
    send_filled(server, SIZE - i, ~i, 0);
  }
  for (uint32_t i = 0; i < MESSAGES; i++) {
    expect_filled(server, SIZE + i, i, false);
    expect_filled(client, SIZE - i, ~i, false);
  }
}

/* ---- Patterns ---- */

static void test_req_rep(void **state) {
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_REP, ZMQ_REQ, &server, &client);
  for (int i = 0; i < 20; i++) {
    blocking_send(client, "a||b");
    blocking_expect(server, "a||b");
    blocking_send(server, "|answer|");
    blocking_expect(client, "|answer|");
  }
}

static void test_router_dealer(void **state) {
  blocking_t *b = *state;
  secured_keys_t keys;
  void *server = blocking_socket(b, ZMQ_ROUTER);
  void *client = blocking_socket(b, ZMQ_DEALER);

  secured_make_keys(&keys);
  secured_curve_server(server, &keys);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_set_text(client, ZMQ_ROUTING_ID, "the client");
  blocking_join(b, server, client, NULL);
  blocking_send(client, "a||b");
  blocking_expect(server, "the client|a||b");
  blocking_send(server, "the client|c|");
  blocking_expect(client, "c|");
}

static void test_push_pull(void **state) {
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_PUSH, ZMQ_PULL, &server, &client);
  assert_int_equal(blocking_fill(server, "m", 200), 200);
  blocking_expect_numbers(client, "m", 0, 200);
}

/* Subscriptions travel sealed, too. */
static void test_pub_sub(void **state) {
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_XPUB, ZMQ_SUB, &server, &client);
  blocking_set_text(client, ZMQ_SUBSCRIBE, "a");
  blocking_expect(server, "\\x01a");
  blocking_send(server, "b|not this");
  blocking_send(server, "a|this");
  blocking_expect(client, "a|this");
  blocking_set_text(client, ZMQ_UNSUBSCRIBE, "a");
  blocking_expect(server, "\\x00a");
  blocking_send(server, "a|not this");
  blocking_set_text(client, ZMQ_SUBSCRIBE, "");
  blocking_expect(server, "\\x01");
  blocking_send(server, "c");
  blocking_expect(client, "c");
}

/* A publisher that connects, and subscribers that are the server's clients. */
static void test_xpub_xsub(void **state) {
  blocking_t *b = *state;
  void *server;
  void *client;

  curve_pair(b, ZMQ_XSUB, ZMQ_XPUB, &server, &client);
  blocking_send(server, "\\x01topic");
  blocking_expect(client, "\\x01topic");
  blocking_send(client, "topic|1");
  blocking_expect(server, "topic|1");
  blocking_send(server, "no subscription");
  blocking_expect(client, "no subscription");
  blocking_send(server, "\\x00topic");
  blocking_expect(client, "\\x00topic");
  blocking_send(client, "topic|2");
  blocking_expect_nothing(server);
}

/* Each subscriber gets the same, sealed for it. */
static void test_many_subscribers(void **state) {
  enum { SUBSCRIBERS = 10 };
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_XPUB);
  void *subscribers[SUBSCRIBERS];
  char endpoint[BLOCKING_TEXT_MAX];
  secured_keys_t keys;

  secured_make_keys(&keys);
  secured_curve_server(server, &keys);
  blocking_set(server, ZMQ_XPUB_VERBOSE, 1);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < SUBSCRIBERS; i++) {
    subscribers[i] = blocking_socket(b, ZMQ_SUB);
    set_timeouts(subscribers[i]);
    secured_curve_client(subscribers[i], NULL, keys.public_key);
    blocking_set_text(subscribers[i], ZMQ_SUBSCRIBE, "");
    blocking_connect(subscribers[i], endpoint);
    blocking_expect(server, "\\x01");
  }
  for (uint32_t message = 0; message < 20; message++) {
    send_filled(server, 1000 * message, message, ZMQ_SNDMORE);
    send_filled(server, message, ~message, 0);
  }
  for (int i = 0; i < SUBSCRIBERS; i++) {
    for (uint32_t message = 0; message < 20; message++) {
      expect_filled(subscribers[i], 1000 * message, message, true);
      expect_filled(subscribers[i], message, ~message, false);
    }
  }
}

/* ---- What else passes ---- */

/* Behaviours 175, 176. */
static void test_properties(void **state) {
  blocking_t *b = *state;
  secured_keys_t keys;
  void *server = blocking_socket(b, ZMQ_ROUTER);
  void *client = blocking_socket(b, ZMQ_DEALER);
  zmq_msg_t part;

  secured_make_keys(&keys);
  secured_curve_server(server, &keys);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_set_text(client, ZMQ_ROUTING_ID, "client");
  assert_int_equal(zmq_setsockopt(client, ZMQ_METADATA, "X-Colour:blue", 13),
                   0);
  blocking_join(b, server, client, NULL);
  blocking_send(client, "message");
  blocking_wait_events(server, ZMQ_POLLIN);
  for (int i = 0; i < 2; i++) {
    zmq_msg_init(&part);
    assert_true(zmq_msg_recv(&part, server, ZMQ_DONTWAIT) > 0);
    if (i == 1) {
      assert_string_equal(zmq_msg_gets(&part, "X-Colour"), "blue");
      assert_string_equal(zmq_msg_gets(&part, "Socket-Type"), "DEALER");
      assert_string_equal(zmq_msg_gets(&part, "Identity"), "client");
      assert_non_null(zmq_msg_gets(&part, "Peer-Address"));
      assert_null(zmq_msg_gets(&part, "User-Id"));
    }
    zmq_msg_close(&part);
  }
}

/* Behaviour 154: types are compared behind the seal as well. */
static void test_types_that_do_not_match(void **state) {
  blocking_t *b = *state;
  secured_keys_t keys;
  secured_pair_t pair;

  secured_make_keys(&keys);
  secured_make(b, &pair, ZMQ_PUB, ZMQ_PUSH);
  secured_curve_server(pair.server, &keys);
  secured_curve_client(pair.client, NULL, keys.public_key);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_DISCONNECTED);
  secured_expect_never(&pair);
}

/* Behaviour 177: heartbeats pass, and keep a silent connection. */
static void test_heartbeats(void **state) {
  blocking_t *b = *state;
  const int interval = 10;
  const int limit = BLOCKING_DEADLINE_MS;
  secured_pair_t pair;

  secured_make_curve(b, &pair);
  if (zmq_setsockopt(pair.server, ZMQ_HEARTBEAT_IVL, &interval,
                     sizeof(interval)) != 0) {
    assert_int_equal(errno, ENOTSUP);
    skip();
  }
  blocking_set(pair.server, ZMQ_HEARTBEAT_TIMEOUT, limit);
  blocking_set(pair.client, ZMQ_HEARTBEAT_IVL, interval);
  blocking_set(pair.client, ZMQ_HEARTBEAT_TIMEOUT, limit);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  for (int i = 0; i < 3; i++) {
    monitored_expect_nothing(pair.of_server);
    monitored_expect_nothing(pair.of_client);
    secured_expect_traffic(&pair);
  }
}

static void set_largest(void *socket, int64_t size) {
  blocking_expect_ok(
      zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size, sizeof(size)));
}

/* Behaviour 156: with libzmq the seal, 33 bytes, counts as well. */
static void test_the_largest_message(void **state) {
  enum { LARGEST = 1000, SEAL = 33 };
  blocking_t *b = *state;
  secured_pair_t pair;
  size_t largest = blocking_is_zuv() ? LARGEST : LARGEST - SEAL;

  secured_make_curve(b, &pair);
  set_largest(pair.server, LARGEST);
  set_timeouts(pair.server);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  send_filled(pair.client, 0, 1, 0);
  expect_filled(pair.server, 0, 1, false);
  send_filled(pair.client, largest, 1, ZMQ_SNDMORE);
  send_filled(pair.client, largest, 2, 0);
  expect_filled(pair.server, largest, 1, true);
  expect_filled(pair.server, largest, 2, false);
  monitored_expect_nothing(pair.of_server);
  send_filled(pair.client, largest + 1, 3, 0);
  monitored_expect(pair.of_server, ZMQ_EVENT_DISCONNECTED, NULL);
  blocking_expect_nothing(pair.server);
}

/* Better than libzmq, where the handshake is too large as well. */
static void test_small_largest_messages(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  if (!blocking_is_zuv())
    skip();
  for (int64_t largest = 0; largest < 3; largest++) {
    secured_make_curve(b, &pair);
    set_largest(pair.server, largest);
    set_largest(pair.client, largest);
    set_timeouts(pair.server);
    secured_connect(b, &pair);
    secured_expect_success(&pair);
    send_filled(pair.client, (size_t)largest, 1, 0);
    expect_filled(pair.server, (size_t)largest, 1, false);
    send_filled(pair.client, (size_t)largest + 1, 1, 0);
    monitored_expect(pair.of_server, ZMQ_EVENT_DISCONNECTED, NULL);
    secured_close(b, &pair);
  }
}

/* ---- Closing and waiting ---- */

/* All that was sent arrives, though its socket was closed at once. */
static void test_linger(void **state) {
  enum { MESSAGES = 200, SIZE = 10000 };
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_PULL);
  void *client = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  secured_keys_t keys;

  secured_make_keys(&keys);
  secured_curve_server(server, &keys);
  secured_curve_client(client, NULL, keys.public_key);
  set_timeouts(server);
  blocking_set(client, ZMQ_LINGER, BLOCKING_DEADLINE_MS);
  blocking_bind(b, server, endpoint);
  blocking_connect(client, endpoint);
  for (uint32_t i = 0; i < MESSAGES; i++)
    send_filled(client, SIZE, i, 0);
  blocking_close(b, client);
  for (uint32_t i = 0; i < MESSAGES; i++)
    expect_filled(server, SIZE, i, false);
}

/* Without a linger it does not wait for a handshake that cannot succeed. */
static void test_no_linger(void **state) {
  blocking_t *b = *state;
  secured_keys_t other;
  secured_pair_t pair;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.client, ZMQ_CURVE_SERVERKEY, other.public_key);
  secured_connect(b, &pair);
  blocking_send(pair.client, "in vain");
  blocking_end(b);
}

static void test_polling(void **state) {
  enum { PAIRS = 3 };
  blocking_t *b = *state;
  void *servers[PAIRS];
  void *clients[PAIRS];
  zmq_pollitem_t items[PAIRS] = {{0}};

  for (int i = 0; i < PAIRS; i++) {
    curve_pair(b, ZMQ_PAIR, ZMQ_PAIR, &servers[i], &clients[i]);
    items[i] = (zmq_pollitem_t){.socket = servers[i], .events = ZMQ_POLLIN};
  }
  assert_int_equal(zmq_poll(items, PAIRS, 0), 0);
  for (int i = 0; i < PAIRS; i++) {
    blocking_send(clients[i], "a|b");
    assert_int_equal(zmq_poll(items, PAIRS, BLOCKING_DEADLINE_MS), 1);
    for (int k = 0; k < PAIRS; k++)
      assert_int_equal(items[k].revents, k == i ? ZMQ_POLLIN : 0);
    blocking_expect(servers[i], "a|b");
  }
}

typedef struct {
  void *frontend;
  void *backend;
  blocked_t thread;
} proxy_t;

static int run_proxy(void *argument) {
  proxy_t *proxy = argument;

  return zmq_proxy(proxy->frontend, proxy->backend, NULL);
}

/* Sealed on both sides, with other keys. */
static void test_proxy(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *asker;
  void *answerer;

  curve_pair(b, ZMQ_ROUTER, ZMQ_REQ, &proxy.frontend, &asker);
  curve_pair(b, ZMQ_DEALER, ZMQ_REP, &proxy.backend, &answerer);
  set_timeouts(asker);
  set_timeouts(answerer);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (uint32_t i = 0; i < 20; i++) {
    send_filled(asker, i * 997, i, ZMQ_SNDMORE);
    send_filled(asker, i, i, 0);
    expect_filled(answerer, i * 997, i, true);
    expect_filled(answerer, i, i, false);
    send_filled(answerer, i * 499, ~i, 0);
    expect_filled(asker, i * 499, ~i, false);
  }
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocked_expect_errno(&proxy.thread, ETERM);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_sizes_near_limits),
      blocking_test(test_large_messages),
      blocking_test(test_a_stream_of_sizes),
      blocking_test(test_many_parts),
      blocking_test(test_both_ways),
      blocking_test(test_req_rep),
      blocking_test(test_router_dealer),
      blocking_test(test_push_pull),
      blocking_test(test_pub_sub),
      blocking_test(test_xpub_xsub),
      blocking_test(test_many_subscribers),
      blocking_test(test_properties),
      blocking_test(test_types_that_do_not_match),
      blocking_test(test_heartbeats),
      blocking_test(test_the_largest_message),
      blocking_test(test_small_largest_messages),
      blocking_test(test_linger),
      blocking_test(test_no_linger),
      blocking_test(test_polling),
      blocking_test(test_proxy),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security traffic", tests, NULL, NULL);
}
