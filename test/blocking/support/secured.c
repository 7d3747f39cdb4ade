#include "support/secured.h"

#include <sys/socket.h>

enum { LIBZMQ_HANDSHAKE_MS = 1000 };

void secured_make_keys(secured_keys_t *keys) {
  blocking_expect_ok(zmq_curve_keypair(keys->public_key, keys->secret_key));
}

/* ---- Roles ---- */

void secured_plain_server(void *socket) {
  blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
}

void secured_plain_client(void *socket, const char *username,
                          const char *password) {
  blocking_set_text(socket, ZMQ_PLAIN_USERNAME, username);
  blocking_set_text(socket, ZMQ_PLAIN_PASSWORD, password);
}

static void set_key(void *socket, int option, const char *key) {
  blocking_expect_ok(zmq_setsockopt(socket, option, key, SECURED_KEY_TEXT));
}

void secured_curve_server(void *socket, const secured_keys_t *server) {
  blocking_set(socket, ZMQ_CURVE_SERVER, 1);
  set_key(socket, ZMQ_CURVE_SECRETKEY, server->secret_key);
}

void secured_curve_client(void *socket, const secured_keys_t *client,
                          const char *server_public_key) {
  secured_keys_t fresh;

  if (client == NULL) {
    secured_make_keys(&fresh);
    client = &fresh;
  }
  set_key(socket, ZMQ_CURVE_PUBLICKEY, client->public_key);
  set_key(socket, ZMQ_CURVE_SECRETKEY, client->secret_key);
  set_key(socket, ZMQ_CURVE_SERVERKEY, server_public_key);
}

/* ---- Two sockets with monitors ---- */

void secured_make(blocking_t *b, secured_pair_t *pair, int server_type,
                  int client_type) {
  pair->server = blocking_socket(b, server_type);
  pair->of_server = blocking_monitor(b, pair->server, ZMQ_EVENT_ALL);
  pair->client = monitored_connecter(b, client_type, &pair->of_client);
  /* libzmq now and then leaves a refusal to the timer */
  if (!blocking_is_zuv())
    blocking_set(pair->server, ZMQ_HANDSHAKE_IVL, LIBZMQ_HANDSHAKE_MS);
}

void secured_connect(blocking_t *b, secured_pair_t *pair) {
  blocking_bind(b, pair->server, pair->endpoint);
  monitored_expect(pair->of_server, ZMQ_EVENT_LISTENING, pair->endpoint);
  blocking_connect(pair->client, pair->endpoint);
  monitored_expect_accepted(pair->of_server, pair->endpoint);
  monitored_expect_connected(pair->of_client, pair->endpoint);
}

void secured_make_plain(blocking_t *b, secured_pair_t *pair) {
  secured_make(b, pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair->server);
  secured_plain_client(pair->client, "admin", "secret");
}

void secured_make_curve(blocking_t *b, secured_pair_t *pair) {
  secured_keys_t server;

  secured_make_keys(&server);
  secured_make(b, pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_curve_server(pair->server, &server);
  secured_curve_client(pair->client, NULL, server.public_key);
}

void secured_close(blocking_t *b, secured_pair_t *pair) {
  blocking_set(pair->client, ZMQ_LINGER, 0);
  blocking_close(b, pair->client);
  blocking_set(pair->server, ZMQ_LINGER, 0);
  blocking_close(b, pair->server);
}

void secured_expect_success(secured_pair_t *pair) {
  monitored_expect(pair->of_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
  monitored_expect(pair->of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
}

void secured_expect_traffic(secured_pair_t *pair) {
  blocking_send(pair->client, "question||of two");
  blocking_expect(pair->server, "question||of two");
  blocking_send(pair->server, "answer|");
  blocking_expect(pair->client, "answer|");
}

void secured_expect_failure_at(void *monitor, int event, uint32_t value,
                               const char *name, const char *file, int line) {
  uint32_t told = monitored_expect_at(monitor, event, name, NULL, line);

  if (told != value) {
    print_error("%s:%d: %s 0x%x instead of 0x%x\n", file, line, name, told,
                value);
    _fail(file, line);
  }
  if (blocking_is_zuv())
    monitored_expect_at(monitor, ZMQ_EVENT_DISCONNECTED, "DISCONNECTED", NULL,
                        line);
  else
    secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
}

void secured_expect_loss(void *of_client) {
  monitored_expect(of_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
  monitored_expect(of_client, ZMQ_EVENT_DISCONNECTED, NULL);
  monitored_expect_retry(of_client, NULL, 20);
}

void secured_expect_given_up(void *of_client) {
  monitored_expect_nothing(of_client);
}

uint32_t secured_wait_refused(void *monitor, int event) {
  uint64_t until = blocking_now_ms() + BLOCKING_DEADLINE_MS;
  uint32_t value;
  int next;

  do {
    assert_true(blocking_now_ms() < until);
    next = blocking_next_event(monitor, &value, NULL, BLOCKING_DEADLINE_MS);
    assert_int_not_equal(next, 0);
    assert_int_not_equal(next, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  } while (next != event);
  return value;
}

static void expect_no_success(void *monitor) {
  int event;

  while ((event = blocking_next_event(monitor, NULL, NULL, 0)) != 0)
    assert_int_not_equal(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

void secured_expect_never(secured_pair_t *pair) {
  expect_no_success(pair->of_server);
  expect_no_success(pair->of_client);
}

void secured_expect_passed(uint64_t since, uint64_t ms) {
  assert_true(blocking_now_ms() - since + (blocking_is_zuv() ? 0 : 5) >= ms);
}

/* ---- Bare peers ---- */

void secured_greeting(char greeting[SECURED_GREETING], const char *mechanism,
                      int minor) {
  memset(greeting, 0, SECURED_GREETING);
  greeting[0] = (char)0xff;
  greeting[8] = 1;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting[11] = (char)minor;
  memcpy(greeting + 12, mechanism, strlen(mechanism));
}

void secured_raw_take(int fd, void *bytes, size_t size) {
  assert_int_equal(recv(fd, bytes, size, MSG_WAITALL), size);
}

void secured_raw_wait_end(int fd) {
  char bytes[4096];
  ssize_t got;

  do
    got = recv(fd, bytes, sizeof(bytes), 0);
  while (got > 0);
  /* a side that has not read all ends it with a reset */
  assert_true(got == 0 || errno == ECONNRESET);
}
