/* CURVE: keys that fit and keys that do not, connections that are lost and made
 * again, many of them, and who is let in. */
#include "support/secured.h"
#include "support/zap_handler.h"

/* Requires that the server finds the client's keys wrong, and that the client
 * only sees it go, and tries again. */
static void expect_wrong_keys(secured_pair_t *pair) {
  secured_expect_failure(pair->of_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
  secured_expect_loss(pair->of_client);
  blocking_expect_nothing(pair->server);
  secured_expect_never(pair);
}

/* ---- Keys ---- */

static void test_right_keys(void **state) {
  secured_pair_t pair;

  secured_make_curve(*state, &pair);
  secured_connect(*state, &pair);
  secured_expect_success(&pair);
  for (int i = 0; i < 20; i++)
    secured_expect_traffic(&pair);
}

/* The role does not follow from who binds. */
static void test_the_server_connects(void **state) {
  blocking_t *b = *state;
  secured_keys_t server;
  secured_pair_t pair;

  secured_make_keys(&server);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_curve_client(pair.server, NULL, server.public_key);
  secured_curve_server(pair.client, &server);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Keys as bytes, as text without its zero, and as text. */
static void test_forms_of_keys(void **state) {
  static const size_t sizes[] = {32, 40, 41};
  static const int options[] = {ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY,
                                ZMQ_CURVE_SERVERKEY};
  blocking_t *b = *state;
  secured_keys_t server;
  secured_keys_t client;
  secured_pair_t pair;
  uint8_t key[32];

  for (int i = 0; i < 3; i++) {
    secured_make_keys(&server);
    secured_make_keys(&client);
    const char *const texts[] = {client.public_key, client.secret_key,
                                 server.public_key};
    secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
    secured_curve_server(pair.server, &server);
    for (int k = 0; k < 3; k++) {
      assert_non_null(zmq_z85_decode(key, texts[k]));
      blocking_expect_ok(zmq_setsockopt(pair.client, options[k],
                                        sizes[i] == 32 ? (const void *)key
                                                       : (const void *)texts[k],
                                        sizes[i]));
    }
    secured_connect(b, &pair);
    secured_expect_success(&pair);
    secured_close(b, &pair);
  }
}

/* A server needs nothing but its secret key. */
static void test_a_server_with_more_keys(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  secured_keys_t other;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.server, ZMQ_CURVE_PUBLICKEY, other.public_key);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Behaviour 172. */
static void test_another_server_key(void **state) {
  blocking_t *b = *state;
  secured_keys_t other;
  secured_pair_t pair;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.client, ZMQ_CURVE_SERVERKEY, other.public_key);
  secured_connect(b, &pair);
  blocking_try_send(pair.client, "early", ZMQ_DONTWAIT);
  expect_wrong_keys(&pair);
}

/* A secret key that is not the public key's. */
static void test_halves_of_two_keys(void **state) {
  blocking_t *b = *state;
  secured_keys_t other;
  secured_pair_t pair;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.client, ZMQ_CURVE_SECRETKEY, other.secret_key);
  secured_connect(b, &pair);
  expect_wrong_keys(&pair);
}

/* A client that has only been told the server's key. */
static void test_a_client_without_keys(void **state) {
  blocking_t *b = *state;
  secured_keys_t server;
  secured_pair_t pair;

  secured_make_keys(&server);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_curve_server(pair.server, &server);
  blocking_set_text(pair.client, ZMQ_CURVE_SERVERKEY, server.public_key);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_expect_never(&pair);
}

/* A library may refuse to bind it. */
static void test_a_server_without_keys(void **state) {
  blocking_t *b = *state;
  secured_keys_t server;
  secured_pair_t pair;

  if (blocking_is_zuv()) {
    void *socket = blocking_socket(b, ZMQ_PAIR);
    blocking_set(socket, ZMQ_CURVE_SERVER, 1);
    blocking_expect_errno(zmq_bind(socket, "tcp://127.0.0.1:*"), EINVAL);
    return;
  }
  secured_make_keys(&server);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  blocking_set(pair.server, ZMQ_CURVE_SERVER, 1);
  secured_curve_client(pair.client, NULL, server.public_key);
  secured_connect(b, &pair);
  expect_wrong_keys(&pair);
}

/* Two of a kind never finish. */
static void test_two_clients(void **state) {
  blocking_t *b = *state;
  secured_keys_t keys;
  secured_pair_t pair;

  secured_make_keys(&keys);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_curve_client(pair.server, &keys, keys.public_key);
  secured_curve_client(pair.client, &keys, keys.public_key);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_DISCONNECTED);
  secured_expect_never(&pair);
}

static void test_two_servers(void **state) {
  blocking_t *b = *state;
  secured_keys_t keys;
  secured_pair_t pair;
  uint64_t begin = blocking_now_ms();

  secured_make_keys(&keys);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_curve_server(pair.server, &keys);
  secured_curve_server(pair.client, &keys);
  blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, 100);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_expect_passed(begin, 100);
  secured_expect_loss(pair.of_client);
  secured_expect_never(&pair);
}

/* ---- Endpoints keep what was set when they were made ---- */

static void expect_reaches(blocking_t *b, void *server, const char *endpoint,
                           const char *server_public_key, bool reaches) {
  void *client = blocking_socket(b, ZMQ_PUSH);
  void *monitor = blocking_monitor(b, client, ZMQ_EVENT_ALL);

  if (server_public_key != NULL)
    secured_curve_client(client, NULL, server_public_key);
  blocking_connect(client, endpoint);
  if (reaches) {
    blocking_send(client, endpoint);
    blocking_expect(server, endpoint);
  } else {
    blocking_try_send(client, endpoint, ZMQ_DONTWAIT);
    secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
    blocking_expect_nothing(server);
  }
  blocking_set(client, ZMQ_LINGER, 0);
  blocking_close(b, client);
}

static void test_another_key_for_each_bind(void **state) {
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_PULL);
  char first[BLOCKING_TEXT_MAX];
  char second[BLOCKING_TEXT_MAX];
  char third[BLOCKING_TEXT_MAX];
  secured_keys_t keys[2];

  secured_make_keys(&keys[0]);
  secured_make_keys(&keys[1]);
  secured_curve_server(server, &keys[0]);
  blocking_bind(b, server, first);
  secured_curve_server(server, &keys[1]);
  blocking_bind(b, server, second);
  blocking_set(server, ZMQ_CURVE_SERVER, 0);
  blocking_bind(b, server, third);
  expect_reaches(b, server, first, keys[0].public_key, true);
  expect_reaches(b, server, first, keys[1].public_key, false);
  expect_reaches(b, server, first, NULL, false);
  expect_reaches(b, server, second, keys[0].public_key, false);
  expect_reaches(b, server, second, keys[1].public_key, true);
  expect_reaches(b, server, third, keys[1].public_key, false);
  expect_reaches(b, server, third, NULL, true);
}

static void test_another_key_for_each_connect(void **state) {
  blocking_t *b = *state;
  void *client = blocking_socket(b, ZMQ_PUB);
  void *servers[2];
  char endpoint[BLOCKING_TEXT_MAX];
  secured_keys_t keys;

  for (int i = 0; i < 2; i++) {
    secured_make_keys(&keys);
    servers[i] = blocking_socket(b, ZMQ_SUB);
    secured_curve_server(servers[i], &keys);
    blocking_set_text(servers[i], ZMQ_SUBSCRIBE, "");
    blocking_bind(b, servers[i], endpoint);
    secured_curve_client(client, NULL, keys.public_key);
    blocking_connect(client, endpoint);
  }
  for (int i = 0; i < 2; i++) {
    blocking_wait((blocking_send(client, "to both"),
                   (blocking_events(servers[i]) & ZMQ_POLLIN) != 0));
    blocking_expect(servers[i], "to both");
  }
}

/* ---- Again, and many ---- */

static void *bind_again(blocking_t *b, const char *endpoint,
                        const secured_keys_t *keys) {
  void *server = blocking_socket(b, ZMQ_REP);

  secured_curve_server(server, keys);
  blocking_wait(zmq_bind(server, endpoint) == 0);
  return server;
}

static void test_the_server_comes_back(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  secured_keys_t keys;
  void *monitor;
  void *client = monitored_connecter(b, ZMQ_REQ, &monitor);
  void *server;

  secured_make_keys(&keys);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(client, endpoint);
  for (int i = 0; i < 5; i++) {
    server = bind_again(b, endpoint, &keys);
    blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    for (int k = 0; k < 5; k++) {
      blocking_send(client, "question");
      blocking_expect(server, "question");
      blocking_send(server, "answer");
      blocking_expect(client, "answer");
    }
    blocking_close(b, server);
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  }
}

/* One that took its place, and does not have its key, gets nothing. */
static void test_an_impostor_comes_back(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  secured_keys_t keys;
  secured_keys_t other;
  void *monitor;
  void *client = monitored_connecter(b, ZMQ_REQ, &monitor);
  void *server;

  secured_make_keys(&keys);
  secured_make_keys(&other);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_fresh_endpoint(b, endpoint);
  server = bind_again(b, endpoint, &keys);
  blocking_connect(client, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_close(b, server);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  server = bind_again(b, endpoint, &other);
  secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_nothing(server);
  blocking_close(b, server);
  server = bind_again(b, endpoint, &keys);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_send(client, "question");
  blocking_expect(server, "question");
}

static void test_many_clients_at_once(void **state) {
  enum { CLIENTS = 100 };
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_ROUTER);
  void *clients[CLIENTS];
  char endpoint[BLOCKING_TEXT_MAX];
  char text[2 * BLOCKING_TEXT_MAX];
  secured_keys_t keys;
  char *received;

  secured_make_keys(&keys);
  secured_curve_server(server, &keys);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = blocking_socket(b, ZMQ_DEALER);
    secured_curve_client(clients[i], NULL, keys.public_key);
    snprintf(text, sizeof(text), "client %d", i);
    blocking_set_text(clients[i], ZMQ_ROUTING_ID, text);
    blocking_connect(clients[i], endpoint);
    blocking_send(clients[i], "question");
  }
  for (int i = 0; i < CLIENTS; i++) {
    received = blocking_receive(server, BLOCKING_DEADLINE_MS);
    assert_non_null(received);
    snprintf(text, sizeof(text), "%s|to %s", received, received);
    free(received);
    blocking_send(server, text);
  }
  for (int i = 0; i < CLIENTS; i++) {
    snprintf(text, sizeof(text), "question|to client %d|question", i);
    blocking_expect(clients[i], text);
  }
}

/* ---- Who is let in ---- */

/* Lets one key in. */
static void allow_one(const zap_request_t *request, char *reply,
                      void *argument) {
  const char *key = argument;
  const char *asked = strstr(request->text, "|CURVE|");
  bool is_known = asked != NULL && strcmp(asked + 7, key) == 0;

  snprintf(reply, ZAP_TEXT_MAX, "1.0|1|%s|text|%s|", is_known ? "200" : "400",
           is_known ? "friend" : "");
}

/* Behaviours 166, 167, 168. */
static void test_by_key(void **state) {
  blocking_t *b = *state;
  static char known[ZAP_TEXT_MAX];
  zap_thread_t *thread;
  secured_keys_t server;
  secured_keys_t friend;
  secured_pair_t pair;

  secured_make_keys(&server);
  secured_make_keys(&friend);
  zap_key_text(friend.public_key, known);
  thread = zap_thread_start(b, allow_one, known);
  for (int i = 0; i < 4; i++) {
    bool is_friend = i % 2 == 0;
    secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
    secured_curve_server(pair.server, &server);
    secured_curve_client(pair.client, is_friend ? &friend : NULL,
                         server.public_key);
    secured_connect(b, &pair);
    if (is_friend) {
      secured_expect_success(&pair);
      secured_expect_traffic(&pair);
    } else {
      secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
      secured_expect_failure(pair.of_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
                             400);
      secured_expect_given_up(pair.of_client);
    }
    secured_close(b, &pair);
  }
  assert_int_equal(zap_thread_count(thread), 4);
  zap_thread_end(thread);
}

/* Behaviours 172, 182: libzmq tries again as if it was the first time. Ours
 * doubles the delay each time, until it has been let in. */
static void test_a_refused_client_tries_again(void **state) {
  enum { ATTEMPTS = 4 };
  blocking_t *b = *state;
  secured_keys_t other;
  secured_pair_t pair;
  uint32_t delay = 20;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.client, ZMQ_CURVE_SERVERKEY, other.public_key);
  secured_connect(b, &pair);
  for (int i = 0; i < ATTEMPTS; i++) {
    if (i > 0)
      monitored_expect_connected(pair.of_client, pair.endpoint);
    monitored_expect(pair.of_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                     NULL);
    monitored_expect(pair.of_client, ZMQ_EVENT_DISCONNECTED, NULL);
    monitored_expect_retry(pair.of_client, NULL, delay);
    if (blocking_is_zuv())
      delay *= 2;
  }
}

/* Behaviour 172: nobody is asked about a client that cannot prove anything. */
static void test_no_proof_no_question(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_keys_t other;
  secured_pair_t pair;

  secured_make_keys(&other);
  secured_make_curve(b, &pair);
  blocking_set_text(pair.client, ZMQ_CURVE_SECRETKEY, other.secret_key);
  secured_connect(b, &pair);
  expect_wrong_keys(&pair);
  zap_expect_nothing(handler);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_right_keys),
      blocking_test(test_the_server_connects),
      blocking_test(test_forms_of_keys),
      blocking_test(test_a_server_with_more_keys),
      blocking_test(test_another_server_key),
      blocking_test(test_halves_of_two_keys),
      blocking_test(test_a_client_without_keys),
      blocking_test(test_a_server_without_keys),
      blocking_test(test_two_clients),
      blocking_test(test_two_servers),
      blocking_test(test_another_key_for_each_bind),
      blocking_test(test_another_key_for_each_connect),
      blocking_test(test_the_server_comes_back),
      blocking_test(test_an_impostor_comes_back),
      blocking_test(test_many_clients_at_once),
      blocking_test(test_by_key),
      blocking_test(test_a_refused_client_tries_again),
      blocking_test(test_no_proof_no_question),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security curve", tests, NULL, NULL);
}
