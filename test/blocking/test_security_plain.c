/* PLAIN: who is let in, what both ends tell of it, and what goes over the wire.
 */
#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/secured.h"
#include "support/zap_handler.h"

enum { HANDSHAKE_MS = 400 /* for handshakes that never end */ };

/* Behaviours 167, 175. */
static void test_let_in(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  zap_request_t request;
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "", "", "PLAIN", "admin|secret");
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
  zap_expect_nothing(handler);
}

/* The role does not follow from who binds. */
static void test_the_server_connects(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  zap_request_t request;
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_client(pair.server, "admin", "secret");
  secured_plain_server(pair.client);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "", "", "PLAIN", "admin|secret");
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Connects a client with these credentials, and requires that the handler sees
 * them. */
static void expect_credentials(blocking_t *b, void *handler,
                               secured_pair_t *pair, const char *credentials) {
  zap_request_t request;

  secured_connect(b, pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "", "", "PLAIN", credentials);
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(pair);
  secured_close(b, pair);
}

/* Behaviour 167: one of the two is enough. */
static void test_only_a_name(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair.server);
  blocking_set_text(pair.client, ZMQ_PLAIN_USERNAME, "admin");
  expect_credentials(b, handler, &pair, "admin|");
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair.server);
  blocking_set_text(pair.client, ZMQ_PLAIN_PASSWORD, "secret");
  expect_credentials(b, handler, &pair, "|secret");
}

/* Behaviour 167: any bytes, up to 255 of them. */
static void test_unusual_names(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  char longest[256];
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair.server);
  blocking_expect_ok(
      zmq_setsockopt(pair.client, ZMQ_PLAIN_USERNAME, "\0a\0|\xff", 5));
  blocking_expect_ok(zmq_setsockopt(pair.client, ZMQ_PLAIN_PASSWORD, "\0", 1));
  expect_credentials(b, handler, &pair, "\\x00a\\x00\\x7c\\xff|\\x00");
  memset(longest, 'n', 255);
  longest[255] = '\0';
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair.server);
  secured_plain_client(pair.client, longest, longest);
  expect_credentials(b, handler, &pair, "<255 bytes>|<255 bytes>");
}

/* Behaviour 162. */
static void test_no_handler(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                         EFAULT);
  secured_expect_loss(pair.of_client);
  monitored_expect_accepted(pair.of_server, pair.endpoint);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                         EFAULT);
  secured_expect_never(&pair);
}

/* Behaviour 162: one that comes later is asked about the next attempt. */
static void test_a_handler_that_comes_later(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  void *handler;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  secured_expect_loss(pair.of_client);
  handler = zap_handler(b, ZMQ_REP);
  zap_serve(handler, "200");
  blocking_wait_monitor(pair.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  secured_expect_traffic(&pair);
}

static void refuse(blocking_t *b, const char *status, uint32_t code) {
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  zap_serve(handler, status);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, code);
  secured_expect_failure(pair.of_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, code);
  secured_expect_given_up(pair.of_client);
  blocking_expect_nothing(pair.server);
}

/* Behaviour 168. */
static void test_refused(void **state) {
  refuse(*state, "400", 400);
}

/* Behaviour 168. */
static void test_an_error_of_the_handler(void **state) {
  refuse(*state, "500", 500);
}

/* Behaviour 169. */
static void test_refused_for_a_while(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  if (!blocking_is_zuv()) /* which leaves it to the timer */
    blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
  secured_connect(b, &pair);
  zap_serve(handler, "300");
  assert_int_equal(
      secured_wait_refused(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
      300);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_expect_loss(pair.of_client);
  zap_serve(handler, "200");
  blocking_wait_monitor(pair.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  secured_expect_traffic(&pair);
}

/* Two clients tell each other what neither expects. */
static void test_two_clients(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_client(pair.server, "admin", "secret");
  secured_plain_client(pair.client, "admin", "secret");
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_DISCONNECTED);
  secured_expect_never(&pair);
}

/* Two servers wait for each other, as long as a handshake may take. */
static void test_two_servers(void **state) {
  blocking_t *b = *state;
  uint64_t begin = blocking_now_ms();
  secured_pair_t pair;

  zap_handler(b, ZMQ_REP);
  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  secured_plain_server(pair.server);
  secured_plain_server(pair.client);
  blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, 100);
  secured_connect(b, &pair);
  monitored_expect(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
  monitored_expect(pair.of_server, ZMQ_EVENT_DISCONNECTED, NULL);
  secured_expect_passed(begin, 100);
  secured_expect_loss(pair.of_client);
}

/* Better than libzmq, which ends the process. */
static void test_enforcing_without_a_domain(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  if (!blocking_is_zuv())
    skip();
  zap_handler(b, ZMQ_REP);
  secured_make_plain(b, &pair);
  blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_DISCONNECTED);
  secured_expect_never(&pair);
}

/* What is sent before the handshake is done waits for it. */
static void test_messages_wait_for_the_handshake(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  blocking_send(pair.client, "early|1");
  blocking_send(pair.client, "early|2");
  zap_take(handler, &request);
  blocking_expect_nothing(pair.server);
  zap_answer(handler, &request, "200", "", "");
  blocking_expect(pair.server, "early|1");
  blocking_expect(pair.server, "early|2");
}

/* ---- Over the wire ---- */

/* A server, and a bare connection that has exchanged greetings with it. */
static int greet(blocking_t *b, secured_pair_t *pair) {
  char greeting[SECURED_GREETING];
  int fd;

  secured_make_plain(b, pair);
  blocking_bind(b, pair->server, pair->endpoint);
  monitored_expect(pair->of_server, ZMQ_EVENT_LISTENING, pair->endpoint);
  fd = blocking_raw_connect(pair->endpoint);
  monitored_expect_accepted(pair->of_server, pair->endpoint);
  secured_greeting(greeting, "PLAIN", 1);
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_skip(fd, sizeof(greeting));
  return fd;
}

static void expect_bytes(int fd, const char *bytes, size_t size) {
  char text[BLOCKING_TEXT_MAX];
  char expected[BLOCKING_TEXT_MAX];
  unsigned char got[64];

  assert_true(size <= sizeof(got));
  secured_raw_take(fd, got, size);
  blocking_escape(got, size, text, sizeof(text));
  blocking_escape(bytes, size, expected, sizeof(expected));
  assert_string_equal(text, expected);
}

#define LITERAL(text) text, sizeof(text) - 1
#define HELLO                                                                  \
  "\x04\x13\x05HELLO\x05"                                                      \
  "admin\x06secret"

static void test_commands_of_a_server(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  void *handler;
  int fd;

  if (!blocking_is_tcp())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  fd = greet(b, &pair);
  blocking_raw_send(fd, LITERAL(HELLO));
  zap_serve(handler, "200");
  expect_bytes(fd, LITERAL("\x04\x08\x07WELCOME"));
  blocking_raw_send(fd, LITERAL("\x04\x1d\x08INITIATE\x0bSocket-Type"
                                "\0\0\0\4PAIR"));
  expect_bytes(fd, LITERAL("\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PAIR"));
  monitored_expect(pair.of_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
  blocking_raw_send(fd, LITERAL("\0\2hi"));
  blocking_expect(pair.server, "hi");
  close(fd);
}

/* Better than libzmq: what a peer calls itself is not its user id. */
static void test_a_forged_user_id(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  zmq_msg_t message;
  void *handler;
  int fd;

  if (!blocking_is_tcp() || !blocking_is_zuv())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  fd = greet(b, &pair);
  blocking_raw_send(fd, LITERAL(HELLO));
  zap_serve(handler, "200");
  expect_bytes(fd, LITERAL("\x04\x08\x07WELCOME"));
  blocking_raw_send(fd, LITERAL("\x04\x2d\x08INITIATE\x0bSocket-Type"
                                "\0\0\0\4PAIR\x07User-Id\0\0\0\4root"));
  blocking_raw_send(fd, LITERAL("\0\2hi"));
  blocking_wait_events(pair.server, ZMQ_POLLIN);
  zmq_msg_init(&message);
  assert_int_equal(zmq_msg_recv(&message, pair.server, ZMQ_DONTWAIT), 2);
  assert_null(zmq_msg_gets(&message, "User-Id"));
  zmq_msg_close(&message);
  close(fd);
}

/* As libzmq writes it, or as RFC 24 has it. */
static void test_the_refusal_of_a_server(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  void *handler;
  int fd;

  if (!blocking_is_tcp())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  fd = greet(b, &pair);
  blocking_raw_send(fd, LITERAL(HELLO));
  zap_serve(handler, "400");
  expect_bytes(fd, LITERAL("\x04\x09\x5eRROR\x03"
                           "400"));
  monitored_expect(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, NULL);
  if (blocking_is_zuv())
    secured_raw_wait_end(fd);
  close(fd);
}

typedef struct {
  const char *bytes;
  size_t size;
  uint32_t error;
} bad_hello_t;

/* Requires that the server ends the connection for this. */
static void expect_refused(blocking_t *b, const bad_hello_t *bad) {
  secured_pair_t pair;
  int fd = greet(b, &pair);

  blocking_raw_send(fd, bad->bytes, bad->size);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         bad->error);
  secured_raw_wait_end(fd);
  close(fd);
}

/* Behaviours 153, 162: the handler does not hear of them. */
static void test_malformed_commands(void **state) {
  static const bad_hello_t bad[] = {
      {LITERAL("\x04\x14\x05HELLO\x05"
               "admin\x06secret!"),
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\x04\x12\x05HELLO\x05"
               "admin\x06secre"),
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\x04\x0c\x05HELLO\x05"
               "admin"),
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\x04\x06\x05HELLO"),
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\x04\x08\x07WELCOME"),
       ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PAIR"),
       ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
  };
  blocking_t *b = *state;
  void *handler;

  if (!blocking_is_tcp())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    expect_refused(b, &bad[i]);
  zap_expect_nothing(handler);
}

/* Nobody is in before INITIATE. */
static void test_a_message_instead_of_initiate(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  void *handler;
  int fd;

  if (!blocking_is_tcp())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  fd = greet(b, &pair);
  blocking_raw_send(fd, LITERAL(HELLO));
  zap_serve(handler, "200");
  blocking_raw_send(fd, LITERAL("\0\2hi"));
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_raw_wait_end(fd);
  blocking_expect_nothing(pair.server);
  close(fd);
}

/* Behaviour 151. */
static void test_a_client_that_stalls(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  uint64_t begin = blocking_now_ms();
  char greeting[SECURED_GREETING];
  int fd;

  if (!blocking_is_tcp())
    skip();
  secured_make_plain(b, &pair);
  blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, 100);
  blocking_bind(b, pair.server, pair.endpoint);
  fd = blocking_raw_connect(pair.endpoint);
  secured_greeting(greeting, "PLAIN", 1);
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_send(fd, HELLO, 10);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_expect_passed(begin, 100);
  secured_raw_wait_end(fd);
  close(fd);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_let_in),
      blocking_test(test_the_server_connects),
      blocking_test(test_only_a_name),
      blocking_test(test_unusual_names),
      blocking_test(test_no_handler),
      blocking_test(test_a_handler_that_comes_later),
      blocking_test(test_refused),
      blocking_test(test_an_error_of_the_handler),
      blocking_test(test_refused_for_a_while),
      blocking_test(test_two_clients),
      blocking_test(test_two_servers),
      blocking_test(test_enforcing_without_a_domain),
      blocking_test(test_messages_wait_for_the_handshake),
      blocking_test(test_commands_of_a_server),
      blocking_test(test_a_forged_user_id),
      blocking_test(test_the_refusal_of_a_server),
      blocking_test(test_malformed_commands),
      blocking_test(test_a_message_instead_of_initiate),
      blocking_test(test_a_client_that_stalls),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security plain", tests, NULL, NULL);
}
