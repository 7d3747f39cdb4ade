/* What a monitor tells of connections that come to nothing, mostly to peers
 * that only the kernel's TCP makes. */
#include <sys/socket.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_raw.h"
#include "support/monitored.h"

/* Options that a library may lack: skips the test. */
static void set_if_supported(void *socket, int option, const void *value,
                             size_t size) {
  if (zmq_setsockopt(socket, option, value, size) == 0)
    return;
  assert_false(blocking_is_zuv());
  assert_int_equal(errno, EINVAL);
  skip();
}

static const char greeting[64] = {[0] = (char)0xff,
                                  [8] = 1,
                                  [9] = 0x7f,
                                  [10] = 3,
                                  [11] = 1,
                                  'N',
                                  'U',
                                  'L',
                                  'L'};

static const char ready[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PUSH";

/* A listener, and a bare connection to it that was accepted. */
static int raw_peer(blocking_t *b, char *endpoint, void **monitor) {
  int fd;

  monitored_listener(b, ZMQ_PULL, endpoint, monitor);
  fd = blocking_raw_connect(endpoint);
  monitored_expect_accepted(*monitor, endpoint);
  return fd;
}

/* Behaviour 150. */
static void test_peer_leaves_the_handshake(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd;

  if (!blocking_is_tcp())
    skip();
  fd = raw_peer(b, endpoint, &monitor);
  blocking_raw_send(fd, greeting, 20);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  assert_int_equal(
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint),
      EPIPE);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  close(fd);
}

/* Behaviour 150. */
static void test_peer_resets_the_handshake(void **state) {
  static const struct linger none = {.l_onoff = 1};
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd;

  if (!blocking_is_tcp())
    skip();
  fd = raw_peer(b, endpoint, &monitor);
  blocking_raw_send(fd, greeting, 20);
  /* nothing is to be written any more, which would find out first */
  blocking_raw_skip(fd, sizeof(greeting));
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)),
                   0);
  close(fd);
  assert_int_equal(
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint),
      ECONNRESET);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
}

/* Behaviours 146, 150: the connecting side tries again. */
static void test_listener_leaves_the_handshake(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);
  int listener;

  if (!blocking_is_tcp())
    skip();
  listener = blocking_raw_listen(endpoint);
  blocking_connect(pusher, endpoint);
  for (int i = 0; i < 2; i++) {
    int fd = blocking_raw_accept(listener);

    blocking_raw_send(fd, greeting, 20);
    blocking_raw_skip(fd, 10);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    monitored_expect_connected(monitor, endpoint);
    assert_int_equal(monitored_expect(monitor,
                                      ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                      endpoint),
                     EPIPE);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    monitored_expect_retry(monitor, endpoint, 20);
    close(fd);
  }
  close(listener);
}

/* Behaviour 151. */
static void test_handshake_takes_too_long(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  uint64_t begin = blocking_now_ms();
  int fd;

  if (!blocking_is_tcp())
    skip();
  blocking_set(puller, ZMQ_HANDSHAKE_IVL, 100);
  blocking_bind(b, puller, endpoint);
  fd = blocking_raw_connect(endpoint);
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, endpoint);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
  assert_true(blocking_now_ms() - begin >= 100);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  close(fd);
}

/* Behaviour 151. */
static void test_silent_listener(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);
  int listener;

  if (!blocking_is_tcp())
    skip();
  listener = blocking_raw_listen(endpoint);
  blocking_set(pusher, ZMQ_HANDSHAKE_IVL, 60);
  blocking_connect(pusher, endpoint);
  for (int i = 0; i < 2; i++) {
    monitored_expect_connected(monitor, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    monitored_expect_retry(monitor, endpoint, 20);
  }
  close(listener);
}

/* Behaviour 152. */
static void test_other_mechanism(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  char other[64];
  void *monitor;
  int fd;

  if (!blocking_is_tcp())
    skip();
  memcpy(other, greeting, sizeof(other));
  memcpy(other + 12, "PLAIN", 5);
  fd = raw_peer(b, endpoint, &monitor);
  blocking_raw_send(fd, other, sizeof(other));
  assert_int_equal(
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, endpoint),
      ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  close(fd);
}

/* Behaviour 152: a connecting side does not try again. */
static void test_other_mechanism_of_a_listener(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  char other[64];
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);
  int listener;
  int fd;

  if (!blocking_is_tcp())
    skip();
  memcpy(other, greeting, sizeof(other));
  memcpy(other + 12, "PLAIN", 5);
  listener = blocking_raw_listen(endpoint);
  blocking_connect(pusher, endpoint);
  fd = blocking_raw_accept(listener);
  blocking_raw_send(fd, other, sizeof(other));
  monitored_expect_connected(monitor, endpoint);
  assert_int_equal(
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, endpoint),
      ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  monitored_expect_nothing(monitor);
  close(fd);
  close(listener);
}

/* After the greeting a peer says this, and is out for this reason. */
static void expect_failure(blocking_t *b, const void *bytes, size_t size,
                           int event, uint32_t reason) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd = raw_peer(b, endpoint, &monitor);

  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_send(fd, bytes, size);
  assert_int_equal(monitored_expect(monitor, event, endpoint), reason);
  /* libzmq may leave such a connection as it is while somebody listens */
  if (blocking_is_zuv()) {
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    monitored_expect_nothing(monitor);
  }
  close(fd);
}

/* Behaviour 153. */
static void test_unexpected_commands(void **state) {
  const int event = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  const uint32_t reason = ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND;

  if (!blocking_is_tcp())
    skip();
  expect_failure(*state, "\x04\x06\x05HELLO", 8, event, reason);
  expect_failure(*state, "\x04\x06\x05ready", 8, event, reason);
}

static void test_error_commands(void **state) {
  if (!blocking_is_tcp())
    skip();
  expect_failure(*state,
                 "\x04\x06\x05"
                 "ERROR",
                 8, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                 ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR);
  expect_failure(*state,
                 "\x04\x0a\x05"
                 "ERROR\x03"
                 "400",
                 12, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
}

/* Behaviour 154: what has no event in libzmq has one that says why. */
static void test_bad_metadata(void **state) {
  static const char truncated[] = "\x04\x12\x05READY\x0bSocket-Type";
  static const char unknown[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PULP";
  const int event = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  const uint32_t reason = ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA;

  if (!blocking_is_tcp() || !blocking_is_zuv())
    skip();
  expect_failure(*state, truncated, sizeof(truncated) - 1, event, reason);
  expect_failure(*state, unknown, sizeof(unknown) - 1, event, reason);
}

/* Behaviour 154: it ends, and was never right. */
static void test_types_that_do_not_match(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *theirs;
  void *ours;
  void *pusher;
  int event;

  monitored_listener(b, ZMQ_PUB, endpoint, &theirs);
  pusher = monitored_connecter(b, ZMQ_PUSH, &ours);
  blocking_connect(pusher, endpoint);
  do {
    event = blocking_next_event(theirs, NULL, NULL, BLOCKING_DEADLINE_MS);
    assert_int_not_equal(event, 0);
    assert_int_not_equal(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  } while (event != ZMQ_EVENT_DISCONNECTED);
  do {
    event = blocking_next_event(ours, NULL, NULL, BLOCKING_DEADLINE_MS);
    assert_int_not_equal(event, 0);
    assert_int_not_equal(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  } while (event != ZMQ_EVENT_DISCONNECTED);
}

/* Behaviour 155: what it says is taken for the identity of a ZMTP 1.0 peer. */
static void test_another_protocol(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd;

  if (!blocking_is_tcp())
    skip();
  fd = raw_peer(b, endpoint, &monitor);
  blocking_raw_send(fd, "GET / HTTP/1.1\r\n\r\n", 18);
  monitored_expect_nothing(monitor);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  assert_int_equal(
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint),
      EPIPE);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  close(fd);
}

/* Behaviour 156. */
static void test_message_too_large(void **state) {
  static const char large[2000];
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  int64_t limit = 1000;
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);

  blocking_expect_ok(
      zmq_setsockopt(puller, ZMQ_MAXMSGSIZE, &limit, sizeof(limit)));
  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  blocking_send(pusher, "small");
  blocking_expect(puller, "small");
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, endpoint);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  assert_int_equal(zmq_send(pusher, large, sizeof(large), 0), sizeof(large));
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
}

/* Behaviour 157. */
static void test_no_heartbeat(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  const int interval = 100;
  const int limit = 150;
  int fd;

  if (!blocking_is_tcp())
    skip();
  set_if_supported(puller, ZMQ_HEARTBEAT_IVL, &interval, sizeof(interval));
  set_if_supported(puller, ZMQ_HEARTBEAT_TIMEOUT, &limit, sizeof(limit));
  blocking_bind(b, puller, endpoint);
  fd = blocking_raw_connect(endpoint);
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_send(fd, ready, sizeof(ready) - 1);
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, endpoint);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  close(fd);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_peer_leaves_the_handshake),
      blocking_test(test_peer_resets_the_handshake),
      blocking_test(test_listener_leaves_the_handshake),
      blocking_test(test_handshake_takes_too_long),
      blocking_test(test_silent_listener),
      blocking_test(test_other_mechanism),
      blocking_test(test_other_mechanism_of_a_listener),
      blocking_test(test_unexpected_commands),
      blocking_test(test_error_commands),
      blocking_test(test_bad_metadata),
      blocking_test(test_types_that_do_not_match),
      blocking_test(test_another_protocol),
      blocking_test(test_message_too_large),
      blocking_test(test_no_heartbeat),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("monitor handshake", tests, NULL, NULL);
}
