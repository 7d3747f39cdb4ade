/* Bare peers that say CURVE and then something else, or nothing. Only over tcp.
 */
#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/secured.h"
#include "support/tapped.h"
#include "support/zap_handler.h"

enum { HANDSHAKE_MS = 150 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LITERAL(text) text, sizeof(text) - 1

static secured_keys_t keys;

/* A frame in parts: what it begins with, and zeros up to its size. */
typedef struct {
  const char *begin;
  size_t begin_size;
  uint8_t size; /* of the body */
  uint32_t error;
} stranger_t;

static void say(int fd, const stranger_t *stranger) {
  char frame[2 + 255] = {4, (char)stranger->size};

  memcpy(frame + 2, stranger->begin, stranger->begin_size);
  blocking_raw_send(fd, frame, 2u + stranger->size);
}

static void greet(int fd) {
  char greeting[SECURED_GREETING];

  secured_greeting(greeting, "CURVE", 1);
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_skip(fd, sizeof(greeting));
}

static void *curve_server(blocking_t *b, char *endpoint, void **monitor,
                          int handshake_ms) {
  void *server = blocking_socket(b, ZMQ_REP);

  *monitor = blocking_monitor(b, server, ZMQ_EVENT_ALL);
  secured_curve_server(server, &keys);
  blocking_set(server, ZMQ_HANDSHAKE_IVL, handshake_ms);
  blocking_bind(b, server, endpoint);
  monitored_expect(*monitor, ZMQ_EVENT_LISTENING, endpoint);
  return server;
}

/* A client, and the bare listener it has connected to. */
static void *curve_client(blocking_t *b, int *listener, void **monitor) {
  void *client = monitored_connecter(b, ZMQ_REQ, monitor);
  char endpoint[BLOCKING_TEXT_MAX];

  secured_curve_client(client, NULL, keys.public_key);
  *listener = blocking_raw_listen(endpoint);
  blocking_connect(client, endpoint);
  monitored_expect_connected(*monitor, endpoint);
  return client;
}

/* ---- Strange clients ---- */

static void test_bad_hellos(void **state) {
  static const stranger_t strangers[] = {
      {LITERAL("\5HELLO\1"), 200, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
      {LITERAL("\5HELLO\1"), 199,
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\5HELLO\1"), 201,
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\5HELLO\2"), 200,
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\5HELLO\1\1"), 200,
       ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\5HELLO"), 6, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
      {LITERAL("\10INITIATE"), 200, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\7WELCOME"), 168, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\5READY"), 30, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\7MESSAGE"), 33, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\5hello\1"), 200, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
  };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *server = curve_server(b, endpoint, &monitor, 0);
  void *handler = zap_handler(b, ZMQ_REP);
  int fd;

  for (size_t i = 0; i < COUNT(strangers); i++) {
    fd = blocking_raw_connect(endpoint);
    monitored_expect_accepted(monitor, endpoint);
    greet(fd);
    say(fd, &strangers[i]);
    secured_expect_failure(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           strangers[i].error);
    secured_raw_wait_end(fd);
    close(fd);
  }
  blocking_expect_nothing(server);
  zap_expect_nothing(handler);
}

/* Better than libzmq: it is not waited for what is too large to be right. */
static void test_commands_that_are_too_large(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
  } heads[] = {
      {LITERAL("\6\0\0\0\0\0\1\0\0\5HELLO")},
      {LITERAL("\6\x3f\xff\xff\xff\xff\xff\xff\xff\5HELLO")},
      {LITERAL("\6\x7f\xff\xff\xff\xff\xff\xff\xff\5HELLO")},
      {LITERAL("\6\xff\xff\xff\xff\xff\xff\xff\xff\5HELLO")},
      {LITERAL("\2\0\0\0\0\0\1\0\0\5HELLO")},
  };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd;

  if (!blocking_is_zuv())
    skip();
  curve_server(b, endpoint, &monitor, 0);
  for (size_t i = 0; i < COUNT(heads); i++) {
    fd = blocking_raw_connect(endpoint);
    greet(fd);
    blocking_raw_send(fd, heads[i].bytes, heads[i].size);
    secured_raw_wait_end(fd);
    secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
    close(fd);
  }
}

/* How far a client gets before it says no more. */
static int stall(const char *endpoint, int stage) {
  char greeting[SECURED_GREETING];
  int fd = blocking_raw_connect(endpoint);

  secured_greeting(greeting, "CURVE", 1);
  switch (stage) {
    case 0:
      break;
    case 1:
      blocking_raw_send(fd, greeting, 40);
      break;
    case 2:
      blocking_raw_send(fd, greeting, sizeof(greeting));
      break;
    default:
      blocking_raw_send(fd, greeting, sizeof(greeting));
      blocking_raw_send(fd, LITERAL("\x04\xc8\5HELLO\1\0\0\0"));
      break;
  }
  return fd;
}

/* Behaviour 151. */
static void test_clients_that_stall(void **state) {
  enum { STAGES = 4 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  uint64_t begin;
  int fd;

  curve_server(b, endpoint, &monitor, HANDSHAKE_MS);
  for (int stage = 0; stage < STAGES; stage++) {
    begin = blocking_now_ms();
    fd = stall(endpoint, stage);
    monitored_expect_accepted(monitor, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    secured_expect_passed(begin, HANDSHAKE_MS);
    secured_raw_wait_end(fd);
    close(fd);
  }
}

/* Those who do not stall are served meanwhile. */
static void test_beside_those_that_stall(void **state) {
  enum { STALLED = 20 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *server = curve_server(b, endpoint, &monitor, 0);
  void *client = blocking_socket(b, ZMQ_REQ);
  int stalled[STALLED];

  for (int i = 0; i < STALLED; i++)
    stalled[i] = stall(endpoint, i % 4);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_connect(client, endpoint);
  for (int i = 0; i < 20; i++) {
    blocking_send(client, "question");
    blocking_expect(server, "question");
    blocking_send(server, "answer");
    blocking_expect(client, "answer");
  }
  for (int i = 0; i < STALLED; i++)
    close(stalled[i]);
}

/* Behaviour 151: a real client whose last word never comes. */
static void test_a_client_stopped_half_way(void **state) {
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_PAIR);
  void *client = blocking_socket(b, ZMQ_PAIR);
  uint64_t begin = blocking_now_ms();
  void *monitor = blocking_monitor(b, server, ZMQ_EVENT_ALL);
  tapped_t tapped;

  secured_curve_server(server, &keys);
  secured_curve_client(client, NULL, keys.public_key);
  blocking_set(server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
  tapped_connect(&tapped, server, client);
  tapped_pass(tapped.to_client, tapped.to_server, "HELLO");
  tapped_pass(tapped.to_server, tapped.to_client, "WELCOME");
  secured_wait_refused(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, NULL);
  secured_expect_passed(begin, HANDSHAKE_MS);
  tapped_end(&tapped);
}

/* The server may end at any time. */
static void test_the_end_while_some_stall(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int stalled[4];

  curve_server(b, endpoint, &monitor, 0);
  for (int i = 0; i < 4; i++) {
    stalled[i] = stall(endpoint, i);
    monitored_expect_accepted(monitor, endpoint);
  }
  blocking_end(b);
  for (int i = 0; i < 4; i++) {
    secured_raw_wait_end(stalled[i]);
    close(stalled[i]);
  }
}

/* ---- Strange servers ---- */

/* What a client makes of what comes instead of WELCOME: it does not come back.
 */
static void test_bad_welcomes(void **state) {
  static const stranger_t strangers[] = {
      {LITERAL("\7WELCOME"), 168, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
      {LITERAL("\7WELCOME"), 167, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
      {LITERAL("\7WELCOME"), 169, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
      {LITERAL("\5HELLO\1"), 200, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
      {LITERAL("\5ERROR\4"
               "400"),
       10, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR},
      {LITERAL("\5ERROR"), 6, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR},
  };
  blocking_t *b = *state;
  void *monitor;
  void *client;
  int listener;
  int fd;

  for (size_t i = 0; i < COUNT(strangers); i++) {
    client = curve_client(b, &listener, &monitor);
    fd = blocking_raw_accept(listener);
    greet(fd);
    blocking_raw_skip(fd, 202);
    say(fd, &strangers[i]);
    secured_expect_failure(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           strangers[i].error);
    secured_expect_given_up(monitor);
    secured_raw_wait_end(fd);
    blocking_close(b, client);
    close(fd);
    close(listener);
  }
}

/* Behaviours 168, 169: the status codes are told, other reasons are not. */
static void test_errors_of_a_server(void **state) {
  static const struct {
    const char *reason;
    uint32_t status;
  } errors[] = {{"300", 300}, {"400", 400}, {"500", 500},
                {"foo", 0},   {"200", 0},   {"4000", 0}};
  blocking_t *b = *state;
  char frame[32];
  void *monitor;
  void *client;
  int listener;
  int fd;

  for (size_t i = 0; i < COUNT(errors); i++) {
    size_t size = strlen(errors[i].reason);
    client = curve_client(b, &listener, &monitor);
    fd = blocking_raw_accept(listener);
    greet(fd);
    blocking_raw_skip(fd, 202);
    snprintf(frame, sizeof(frame), "\4%c\5ERROR%c%s", (int)(7 + size),
             (int)size, errors[i].reason);
    blocking_raw_send(fd, frame, 9 + size);
    if (errors[i].status != 0)
      secured_expect_failure(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
                             errors[i].status);
    else
      secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
    secured_expect_given_up(monitor);
    secured_raw_wait_end(fd);
    blocking_close(b, client);
    close(fd);
    close(listener);
  }
}

/* Behaviour 151: the client tries again. */
static void test_a_server_that_stalls(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *client = monitored_connecter(b, ZMQ_REQ, &monitor);
  int listener = blocking_raw_listen(endpoint);
  int fd;

  secured_curve_client(client, NULL, keys.public_key);
  blocking_set(client, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
  blocking_connect(client, endpoint);
  for (int i = 0; i < 2; i++) {
    monitored_expect_connected(monitor, endpoint);
    fd = blocking_raw_accept(listener);
    if (i == 1)
      greet(fd);
    monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
    secured_raw_wait_end(fd);
    close(fd);
  }
  close(listener);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_bad_hellos),
      blocking_test(test_commands_that_are_too_large),
      blocking_test(test_clients_that_stall),
      blocking_test(test_beside_those_that_stall),
      blocking_test(test_a_client_stopped_half_way),
      blocking_test(test_the_end_while_some_stall),
      blocking_test(test_bad_welcomes),
      blocking_test(test_errors_of_a_server),
      blocking_test(test_a_server_that_stalls),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  secured_make_keys(&keys);
  return cmocka_run_group_tests_name("security strangers", tests, NULL, NULL);
}
