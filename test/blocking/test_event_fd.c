/* Waiting on ZMQ_FD outside of the library. */
#include <fcntl.h>
#include <poll.h>

#include "support/blocked.h"
#include "support/blocking.h"
#include "support/full.h"

static bool is_readable(void *socket, int timeout_ms) {
  struct pollfd item = {.fd = blocking_get(socket, ZMQ_FD), .events = POLLIN};
  int count;

  do
    count = poll(&item, 1, timeout_ms);
  while (count == -1 && errno == EINTR);
  return count == 1 && item.revents == POLLIN;
}

/* Waits for events as a program with its own loop does: nothing is looked at
 * before the descriptor says so. */
#define wait_by_descriptor(socket, events)                                     \
  wait_by_descriptor_at(socket, events, __LINE__)
static void wait_by_descriptor_at(void *socket, int events, int line) {
  while ((blocking_events(socket) & events) == 0) {
    if (!is_readable(socket, BLOCKING_DEADLINE_MS))
      fail_msg("line %d: the descriptor does not tell", line);
  }
}

/* Reads ZMQ_EVENTS until the descriptor has nothing to tell. */
static void quieten(void *socket) {
  do
    blocking_events(socket);
  while (is_readable(socket, BLOCKING_QUIET_MS));
}

/* Behaviour 189. */
static void test_fd_is_constant(void **state) {
  blocking_t *b = *state;
  void *bound = blocking_socket(b, ZMQ_PULL);
  void *connected = blocking_socket(b, ZMQ_PUSH);
  int fd = blocking_get(bound, ZMQ_FD);

  assert_true(fd >= 0);
  assert_int_not_equal(fd, blocking_get(connected, ZMQ_FD));
  blocking_join(b, bound, connected, NULL);
  blocking_send(connected, "m");
  assert_int_equal(blocking_get(bound, ZMQ_FD), fd);
  blocking_expect(bound, "m");
  assert_int_equal(blocking_get(bound, ZMQ_FD), fd);
  assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

/* Behaviour 189. */
static void test_fd_tells_of_messages(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  for (int i = 0; i < 50; i++) {
    blocking_send(connected, "m");
    wait_by_descriptor(bound, ZMQ_POLLIN);
    blocking_expect(bound, "m");
  }
}

/* Behaviour 189: one edge, cleared by ZMQ_EVENTS though messages remain. */
static void test_fd_is_an_edge(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  quieten(bound);
  assert_false(is_readable(bound, 0));
  blocking_send(connected, "first");
  blocking_send(connected, "second");
  wait_by_descriptor(bound, ZMQ_POLLIN);
  quieten(bound);
  assert_int_equal(blocking_events(bound), ZMQ_POLLIN);
  blocking_expect(bound, "first");
  assert_int_equal(blocking_events(bound), ZMQ_POLLIN);
  blocking_expect(bound, "second");
  assert_int_equal(blocking_events(bound), 0);
  assert_false(is_readable(bound, BLOCKING_QUIET_MS));
  blocking_send(connected, "third");
  assert_true(is_readable(bound, BLOCKING_DEADLINE_MS));
  wait_by_descriptor(bound, ZMQ_POLLIN);
  blocking_expect(bound, "third");
}

/* Behaviour 189: to have seen EAGAIN is to have seen the edge. */
static void test_fd_after_eagain(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  char byte;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  for (int i = 0; i < 50; i++) {
    while (zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT) >= 0)
      continue;
    assert_int_equal(errno, EAGAIN);
    blocking_send(connected, "m");
    while (zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT) == -1)
      assert_true(is_readable(bound, BLOCKING_DEADLINE_MS));
  }
}

/* Behaviour 189: a multipart message in several reads. */
static void test_fd_and_parts(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  char byte;

  blocking_pair(b, ZMQ_ROUTER, ZMQ_DEALER, &bound, &connected);
  for (int i = 0; i < 20; i++) {
    blocking_send(connected, "a|b");
    wait_by_descriptor(bound, ZMQ_POLLIN);
    assert_int_equal(zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT), 5);
    assert_true(blocking_events(bound) & ZMQ_POLLIN);
    assert_int_equal(zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT), 1);
    assert_true(blocking_events(bound) & ZMQ_POLLIN);
    assert_int_equal(zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT), 1);
  }
}

/* Behaviour 189: room to send is told by readability, too. */
static void test_fd_tells_of_room(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  size_t sent;

  full_pair(b, &bound, &connected);
  for (int i = 0; i < 3; i++) {
    sent = 0;
    do {
      sent += full_fill(connected);
      quieten(connected);
    } while (blocking_events(connected) != 0);
    full_receive(bound, sent);
    wait_by_descriptor(connected, ZMQ_POLLOUT);
  }
}

static void test_fd_tells_of_a_peer(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *puller = blocking_socket(b, ZMQ_PULL);

  blocking_bind(b, pusher, endpoint);
  quieten(pusher);
  blocking_connect(puller, endpoint);
  wait_by_descriptor(pusher, ZMQ_POLLOUT);
}

/* Behaviours 121, 189. */
static void test_fd_tells_of_the_end(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  struct pollfd item = {.events = POLLIN};
  int value;
  size_t size = sizeof(value);

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  quieten(bound);
  item.fd = blocking_get(bound, ZMQ_FD);
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  assert_int_equal(poll(&item, 1, BLOCKING_DEADLINE_MS), 1);
  blocking_expect_errno(zmq_getsockopt(bound, ZMQ_EVENTS, &value, &size),
                        ETERM);
}

enum { TALKS = 400 };

/* Sends numbered messages at its own pace, and drops what it receives. */
static int talk(void *socket) {
  char text[32];
  char byte;
  unsigned random = 1;

  for (int i = 0; i < TALKS; i++) {
    snprintf(text, sizeof(text), "n%d", i);
    if (zmq_send(socket, text, strlen(text), 0) < 0)
      return -1;
    while (zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT) >= 0)
      continue;
    random = random * 1103515245U + 12345U;
    if (random >> 28 < 4)
      blocking_sleep_ms(1);
  }
  return 0;
}

/* Calls that succeed, and have nothing to do with receiving. */
static void do_something_else(void *socket, int round, bool may_send) {
  assert_int_equal(blocking_get(socket, ZMQ_TYPE), ZMQ_PAIR);
  blocking_set(socket, ZMQ_LINGER, round);
  blocking_get(socket, ZMQ_RCVMORE);
  blocking_get(socket, ZMQ_RCVHWM);
  if (may_send && round % 2 == 0)
    zmq_send(socket, "unrelated", 9, ZMQ_DONTWAIT);
}

static size_t receive_numbered(void *socket, size_t next) {
  char *text;
  char expected[32];

  while ((text = blocking_receive(socket, 0)) != NULL) {
    snprintf(expected, sizeof(expected), "n%zu", next);
    assert_string_equal(text, expected);
    free(text);
    next++;
  }
  return next;
}

/* Behaviour 189: a program that reads ZMQ_EVENTS after each send misses
 * nothing, whatever it does in between. */
static void test_fd_misses_nothing(void **state) {
  blocking_t *b = *state;
  void *mine;
  void *theirs;
  static blocked_t talker;
  size_t received = 0;

  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &mine, &theirs);
  blocked_start(&talker, talk, theirs);
  for (int round = 0; received < TALKS; round++) {
    do_something_else(mine, round, true);
    if (blocking_events(mine) & ZMQ_POLLIN) {
      received = receive_numbered(mine, received);
    } else {
      do_something_else(mine, round, false);
      assert_true(is_readable(mine, BLOCKING_DEADLINE_MS));
    }
  }
  blocked_expect_ok(&talker);
}

/* The same, but sends come between reading ZMQ_EVENTS and waiting. */
static void test_fd_misses_nothing_after_sends(void **state) {
  blocking_t *b = *state;
  void *mine;
  void *theirs;
  static blocked_t talker;
  size_t received = 0;

  if (!blocking_is_zuv())
    skip();
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &mine, &theirs);
  blocked_start(&talker, talk, theirs);
  for (int round = 0; received < TALKS; round++) {
    if (blocking_events(mine) & ZMQ_POLLIN) {
      received = receive_numbered(mine, received);
    } else {
      do_something_else(mine, round, true);
      assert_true(is_readable(mine, BLOCKING_DEADLINE_MS));
    }
  }
  blocked_expect_ok(&talker);
}

/* An edge that was not looked at outlives calls that succeed. */
static void test_fd_edge_outlives_other_calls(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *mine;
  void *theirs;

  if (!blocking_is_zuv())
    skip();
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &mine, &theirs);
  for (int i = 0; i < 20; i++) {
    quieten(mine);
    blocking_send(theirs, "m");
    assert_true(is_readable(mine, BLOCKING_DEADLINE_MS));
    for (int round = 0; round < 10; round++)
      do_something_else(mine, round, true);
    blocking_bind(b, mine, endpoint);
    assert_true(is_readable(mine, BLOCKING_DEADLINE_MS));
    assert_true(blocking_events(mine) & ZMQ_POLLIN);
    blocking_expect(mine, "m");
    blocking_expect_ok(zmq_unbind(mine, endpoint));
  }
}

/* Behaviour 189: no descriptor waits for the application alone. */
static void test_events_before_a_peer(void **state) {
  static const struct {
    int type;
    int events;
  } expected[] = {
      {ZMQ_PAIR, 0},
      {ZMQ_PUB, ZMQ_POLLOUT},
      {ZMQ_SUB, 0},
      {ZMQ_REQ, 0},
      {ZMQ_REP, 0},
      {ZMQ_DEALER, 0},
      {ZMQ_PULL, 0},
      {ZMQ_ROUTER, ZMQ_POLLOUT},
      {ZMQ_PUSH, 0},
      {ZMQ_XPUB, ZMQ_POLLOUT},
      {ZMQ_XSUB, ZMQ_POLLOUT},
      {ZMQ_STREAM, ZMQ_POLLOUT},
  };
  blocking_t *b = *state;

  for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
    assert_int_equal(blocking_events(blocking_socket(b, expected[i].type)),
                     expected[i].events);
}

/* Behaviour 190. */
static void test_sizes_of_options(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PUB);
  unsigned char value[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  size_t size = sizeof(value);
  int events;

  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_EVENTS, value, &size));
  assert_int_equal(size, sizeof(events));
  memcpy(&events, value, sizeof(events));
  assert_int_equal(events, ZMQ_POLLOUT);
  size = 3;
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_EVENTS, value, &size),
                        EINVAL);
  size = sizeof(value);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_LINGER, value, &size),
                        EINVAL);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_fd_is_constant),
      blocking_test(test_fd_tells_of_messages),
      blocking_test(test_fd_is_an_edge),
      blocking_test(test_fd_after_eagain),
      blocking_test(test_fd_and_parts),
      blocking_test(test_fd_tells_of_room),
      blocking_test(test_fd_tells_of_a_peer),
      blocking_test(test_fd_tells_of_the_end),
      blocking_test(test_fd_misses_nothing),
      blocking_test(test_fd_misses_nothing_after_sends),
      blocking_test(test_fd_edge_outlives_other_calls),
      blocking_test(test_events_before_a_peer),
      blocking_test(test_sizes_of_options),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("event fd", tests, NULL, NULL);
}
