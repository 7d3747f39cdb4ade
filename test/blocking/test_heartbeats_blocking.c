/* Heartbeats: a scripted peer that is silent, or not, and programs that do not
 * care: nobody is in a call of the library while PINGs are due. */
#include <sys/socket.h>
#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/monitored.h"

enum {
  CLOCK_MS = 2, /* of two clocks that count milliseconds */
  PING_SIZE = 9,
  GREETING_SIZE = 64,
  READY_WITH_IDENTITY = 43, /* of a ROUTER or DEALER */
  READY_OF_PULL = 28
};

static const char greeting[GREETING_SIZE] = "\xff\0\0\0\0\0\0\0\0\x7f\3\1NULL";
static const char ready_of_dealer[] =
    "\x04\x1c\5READY\013Socket-Type\0\0\0\6DEALER";
static const char ready_of_push[] =
    "\x04\x1a\5READY\013Socket-Type\0\0\0\4PUSH";
static const char ready_of_router[] =
    "\x04\x1c\5READY\013Socket-Type\0\0\0\6ROUTER";

static void shake_hands(int fd, const char *ready, size_t size,
                        size_t their_ready) {
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_send(fd, ready, size);
  blocking_raw_skip(fd, GREETING_SIZE + their_ready);
}

#define SHAKE_HANDS(fd, ready, their_ready)                                    \
  shake_hands(fd, ready, sizeof(ready) - 1, their_ready)

static void expect_bytes(int fd, const void *bytes, size_t size) {
  uint8_t heard[64];

  assert_true(size <= sizeof(heard));
  assert_int_equal(recv(fd, heard, size, MSG_WAITALL), size);
  assert_memory_equal(heard, bytes, size);
}

static void expect_ping(int fd, char ttl) {
  uint8_t ping[] = "\x04\x07\x04PING\x00\x00";

  ping[8] = (uint8_t)ttl;
  expect_bytes(fd, ping, PING_SIZE);
}

static void *router_with(blocking_t *b, int ivl, int timeout, char *endpoint) {
  void *router = blocking_socket(b, ZMQ_ROUTER);

  blocking_set(router, ZMQ_HEARTBEAT_IVL, ivl);
  blocking_set(router, ZMQ_HEARTBEAT_TIMEOUT, timeout);
  blocking_set(router, ZMQ_HEARTBEAT_TTL, 2550);
  blocking_bind(b, router, endpoint);
  return router;
}

/* The next five come within reason. */
static void expect_pings_in_time(int fd, uint64_t ivl) {
  uint64_t start = blocking_now_ms();

  for (int i = 0; i < 5; i++)
    expect_ping(fd, 25);
  assert_true(blocking_now_ms() - start < 5 * ivl + 3000);
}

static void pings_go_out_while_nobody_calls(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  uint64_t start;
  int fd;

  (void)router_with(b, 50, 0, endpoint);
  fd = blocking_raw_connect(endpoint);
  start = blocking_now_ms();
  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  expect_pings_in_time(fd, 50);
  assert_true(blocking_now_ms() - start + CLOCK_MS >= 5 * 50);
  close(fd);
}

/* A thread that has waited leaves the loop to others. */
static void pings_go_out_after_somebody_has_waited(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = router_with(b, 50, 0, endpoint);
  int fd = blocking_raw_connect(endpoint);
  char pings[16 * PING_SIZE];

  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  for (int i = 0; i < 5; i++) {
    free(blocking_receive(router, 60));
    blocking_raw_send(fd, "\0\1x", 3);
    free(blocking_receive(router, BLOCKING_DEADLINE_MS));
    (void)zmq_send(router, "nobody", 6, ZMQ_SNDMORE);
    (void)zmq_send(router, "", 0, 0);
  }
  while (recv(fd, pings, sizeof(pings), MSG_DONTWAIT) > 0)
    continue;
  expect_pings_in_time(fd, 50);
  close(fd);
}

/* Behaviours 157, 177. */
static void a_silent_peer_is_lost(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = router_with(b, 100, 150, endpoint);
  void *monitor = blocking_monitor(b, router, ZMQ_EVENT_ALL);
  uint64_t start = blocking_now_ms();
  int fd = blocking_raw_connect(endpoint);

  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  expect_ping(fd, 25);
  expect_ping(fd, 25);
  blocking_raw_expect_end(fd);
  assert_true(blocking_now_ms() - start + CLOCK_MS >= 250);
  monitored_expect(monitor, ZMQ_EVENT_ACCEPTED, NULL);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, NULL);
  monitored_expect_nothing(monitor);
  close(fd);
  blocking_monitor_end(b, router, monitor);
}

/* Behaviour 177. */
static void an_answer_is_a_sign_of_life(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = router_with(b, 40, 400, endpoint);
  void *monitor = blocking_monitor(b, router, ZMQ_EVENT_DISCONNECTED);
  int fd = blocking_raw_connect(endpoint);

  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  for (int i = 0; i < 15; i++) {
    expect_ping(fd, 25);
    blocking_raw_send(fd, i % 2 ? "\x04\x05\x04PONG" : "\0\5hello", 7);
  }
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 0), 0);
  close(fd);
  assert_int_equal(
      blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
      ZMQ_EVENT_DISCONNECTED);
  blocking_monitor_end(b, router, monitor);
}

static void a_lost_server_is_tried_again(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  int listener = blocking_raw_listen(endpoint);
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  int fds[3];

  blocking_set(dealer, ZMQ_HEARTBEAT_IVL, 30);
  blocking_set(dealer, ZMQ_RECONNECT_IVL, 1);
  blocking_connect(dealer, endpoint);
  for (int i = 0; i < 3; i++) {
    fds[i] = blocking_raw_accept(listener);
    SHAKE_HANDS(fds[i], ready_of_router, READY_WITH_IDENTITY);
    expect_ping(fds[i], 0);
  }
  for (int i = 0; i < 3; i++)
    close(fds[i]);
  close(listener);
}

/* Behaviour 178. */
static void a_time_to_live_is_honoured(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = blocking_socket(b, ZMQ_ROUTER);
  uint64_t start;
  int fd;

  blocking_bind(b, router, endpoint);
  fd = blocking_raw_connect(endpoint);
  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  start = blocking_now_ms();
  blocking_raw_send(fd,
                    "\x04\x17\x04PING\0\3"
                    "0123456789abcdef",
                    25);
  expect_bytes(fd, "\x04\x15\x04PONG0123456789abcdef", 23);
  blocking_raw_expect_end(fd);
  assert_true(blocking_now_ms() - start + CLOCK_MS >= 300);
  close(fd);
}

/* libzmq computes the time in 16 bits. */
static void a_long_time_to_live_is_long(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = blocking_socket(b, ZMQ_ROUTER);
  char byte;
  int fd;

  if (!blocking_is_zuv())
    skip();
  blocking_bind(b, router, endpoint);
  fd = blocking_raw_connect(endpoint);
  SHAKE_HANDS(fd, ready_of_dealer, READY_WITH_IDENTITY);
  blocking_raw_send(fd, "\x04\x07\x04PING\x02\x90", PING_SIZE);
  expect_bytes(fd, "\x04\x05\x04PONG", 7);
  blocking_sleep_ms(120);
  assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
  close(fd);
}

/* libzmq takes the peer for dead whose messages it does not read. */
static void who_is_not_read_is_not_silent(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *monitor;
  int fd;

  if (!blocking_is_zuv())
    skip();
  blocking_set(pull, ZMQ_RCVHWM, 2);
  blocking_set(pull, ZMQ_HEARTBEAT_IVL, 40);
  blocking_set(pull, ZMQ_HEARTBEAT_TIMEOUT, 40);
  monitor = blocking_monitor(b, pull, ZMQ_EVENT_DISCONNECTED);
  blocking_bind(b, pull, endpoint);
  fd = blocking_raw_connect(endpoint);
  SHAKE_HANDS(fd, ready_of_push, READY_OF_PULL);
  blocking_raw_send(fd, "\0\0010\0\0011\0\0012\0\0013\0\0014", 15);
  for (int i = 0; i < 8; i++)
    expect_ping(fd, 0);
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 0), 0);
  blocking_expect_numbers(pull, "", 0, 5);
  assert_int_equal(
      blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
      ZMQ_EVENT_DISCONNECTED);
  close(fd);
  blocking_monitor_end(b, pull, monitor);
}

/* Each is alive for the other, while the program sleeps. */
static void two_sockets_keep_each_other(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router = router_with(b, 20, 500, endpoint);
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  void *monitor = blocking_monitor(b, dealer, ZMQ_EVENT_DISCONNECTED);

  blocking_set(dealer, ZMQ_HEARTBEAT_IVL, 20);
  blocking_set(dealer, ZMQ_HEARTBEAT_TIMEOUT, 500);
  blocking_set(dealer, ZMQ_HEARTBEAT_TTL, 500);
  blocking_set_text(dealer, ZMQ_ROUTING_ID, "D");
  blocking_connect(dealer, endpoint);
  blocking_send(dealer, "before");
  blocking_expect(router, "D|before");
  blocking_sleep_ms(700);
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 0), 0);
  blocking_send(dealer, "after");
  blocking_expect(router, "D|after");
  blocking_monitor_end(b, dealer, monitor);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(pings_go_out_while_nobody_calls),
      blocking_test(pings_go_out_after_somebody_has_waited),
      blocking_test(a_silent_peer_is_lost),
      blocking_test(an_answer_is_a_sign_of_life),
      blocking_test(a_lost_server_is_tried_again),
      blocking_test(a_time_to_live_is_honoured),
      blocking_test(a_long_time_to_live_is_long),
      blocking_test(who_is_not_read_is_not_silent),
      blocking_test(two_sockets_keep_each_other),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
