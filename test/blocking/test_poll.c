/* zmq_poll. */
#include <fcntl.h>
#include <unistd.h>

#include "support/blocked.h"
#include "support/blocking.h"
#include "support/full.h"

enum { ITEMS_MAX = 128 };

typedef struct {
  zmq_pollitem_t items[ITEMS_MAX];
  int count;
  long timeout_ms;
} polling_t;

static void add_socket(polling_t *polling, void *socket, short events) {
  polling->items[polling->count++] =
      (zmq_pollitem_t){.socket = socket, .fd = -1, .events = events};
}

static void add_descriptor(polling_t *polling, int fd, short events) {
  polling->items[polling->count++] =
      (zmq_pollitem_t){.fd = fd, .events = events};
}

static int poll_call(void *argument) {
  polling_t *polling = argument;

  return zmq_poll(polling->items, polling->count, polling->timeout_ms);
}

/* Polls once, with what is there. */
static int poll_now(polling_t *polling) {
  for (int i = 0; i < polling->count; i++)
    polling->items[i].revents = -1;
  return zmq_poll(polling->items, polling->count, 0);
}

static void make_pipe(int *ends) {
  assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

/* Behaviour 184. */
static void test_counts_and_resets(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound[3];
  void *connected[3];

  for (size_t i = 0; i < 3; i++) {
    blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound[i], &connected[i]);
    add_socket(&polling, bound[i], ZMQ_POLLIN);
  }
  assert_int_equal(poll_now(&polling), 0);
  for (int i = 0; i < 3; i++)
    assert_int_equal(polling.items[i].revents, 0);
  blocking_send(connected[0], "a");
  blocking_send(connected[2], "c");
  blocking_wait(poll_now(&polling) == 2);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLIN);
  assert_int_equal(polling.items[1].revents, 0);
  assert_int_equal(polling.items[2].revents, ZMQ_POLLIN);
  assert_int_equal(poll_now(&polling), 2);
  blocking_expect(bound[0], "a");
  assert_int_equal(poll_now(&polling), 1);
  assert_int_equal(polling.items[0].revents, 0);
  blocking_expect(bound[2], "c");
  assert_int_equal(poll_now(&polling), 0);
}

/* Behaviour 184. */
static void test_in_and_out(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  add_socket(&polling, bound, ZMQ_POLLIN | ZMQ_POLLOUT);
  assert_int_equal(poll_now(&polling), 1);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLOUT);
  blocking_send(connected, "m");
  blocking_wait(poll_now(&polling) == 1 &&
                polling.items[0].revents == (ZMQ_POLLIN | ZMQ_POLLOUT));
  polling.items[0].events = ZMQ_POLLIN;
  assert_int_equal(poll_now(&polling), 1);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLIN);
}

/* Behaviour 185. */
static void test_no_events_asked(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  blocking_send(connected, "m");
  blocking_wait_events(bound, ZMQ_POLLIN);
  add_socket(&polling, bound, 0);
  add_socket(&polling, bound, ZMQ_POLLERR | ZMQ_POLLPRI);
  polling.items[0].revents = ZMQ_POLLIN;
  assert_int_equal(zmq_poll(polling.items, 2, BLOCKING_QUIET_MS), 0);
  assert_int_equal(polling.items[0].revents, 0);
  assert_int_equal(polling.items[1].revents, 0);
}

/* Behaviour 188. */
static void test_same_socket_twice(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  blocking_send(connected, "m");
  blocking_wait_events(bound, ZMQ_POLLIN);
  add_socket(&polling, bound, ZMQ_POLLIN);
  add_socket(&polling, bound, ZMQ_POLLIN);
  add_socket(&polling, bound, ZMQ_POLLOUT);
  assert_int_equal(poll_now(&polling), 3);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLIN);
  assert_int_equal(polling.items[1].revents, ZMQ_POLLIN);
  assert_int_equal(polling.items[2].revents, ZMQ_POLLOUT);
}

/* Behaviour 184: an item with a socket has no descriptor. */
static void test_descriptor_of_a_socket_item_is_ignored(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  int ends[2];

  make_pipe(ends);
  assert_int_equal(write(ends[1], "x", 1), 1);
  add_socket(&polling, blocking_socket(b, ZMQ_PULL), ZMQ_POLLIN);
  polling.items[0].fd = ends[0];
  assert_int_equal(poll_now(&polling), 0);
  close(ends[0]);
  close(ends[1]);
}

/* Behaviour 184: descriptors of the system. */
static void test_descriptors(void **state) {
  static polling_t polling = {.count = 0};
  int ends[2];

  (void)state;
  make_pipe(ends);
  add_descriptor(&polling, ends[0], ZMQ_POLLIN);
  add_descriptor(&polling, ends[1], ZMQ_POLLOUT);
  add_descriptor(&polling, ends[0], 0);
  assert_int_equal(poll_now(&polling), 1);
  assert_int_equal(polling.items[0].revents, 0);
  assert_int_equal(polling.items[1].revents, ZMQ_POLLOUT);
  assert_int_equal(write(ends[1], "x", 1), 1);
  assert_int_equal(poll_now(&polling), 2);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLIN);
  assert_int_equal(polling.items[2].revents, 0);
  close(ends[0]);
  close(ends[1]);
}

/* Behaviour 186. */
static void test_closed_and_absent_descriptors(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  int ends[2];
  int closed;

  make_pipe(ends);
  /* a number that nobody else is given meanwhile */
  closed = fcntl(ends[0], F_DUPFD_CLOEXEC, 900);
  assert_true(closed >= 900);
  close(closed);
  add_descriptor(&polling, closed, ZMQ_POLLIN);
  add_descriptor(&polling, closed, 0);
  add_descriptor(&polling, -1, ZMQ_POLLIN | ZMQ_POLLOUT);
  add_descriptor(&polling, ends[0], ZMQ_POLLIN);
  add_socket(&polling, blocking_socket(b, ZMQ_PULL), ZMQ_POLLIN);
  assert_int_equal(poll_now(&polling), 2);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLERR);
  assert_int_equal(polling.items[1].revents, ZMQ_POLLERR);
  assert_int_equal(polling.items[2].revents, 0);
  assert_int_equal(polling.items[3].revents, 0);
  close(ends[1]);
  assert_int_equal(poll_now(&polling), 3);
  assert_int_equal(polling.items[3].revents, ZMQ_POLLERR);
  close(ends[0]);
}

/* Behaviour 186: alone, and waiting. */
static void test_only_an_absent_descriptor(void **state) {
  static polling_t polling = {.count = 0};
  uint64_t begin = blocking_now_ms();

  (void)state;
  add_descriptor(&polling, -1, ZMQ_POLLIN);
  assert_int_equal(zmq_poll(polling.items, 1, BLOCKING_QUIET_MS), 0);
  assert_true(blocking_now_ms() - begin >= BLOCKING_QUIET_MS);
}

/* Behaviour 187. */
static void test_bad_arguments(void **state) {
  zmq_pollitem_t item = {.fd = -1};
  uint64_t begin = blocking_now_ms();

  (void)state;
  blocking_expect_errno(zmq_poll(NULL, 1, 0), EFAULT);
  blocking_expect_errno(zmq_poll(NULL, 1, -1), EFAULT);
  blocking_expect_errno(zmq_poll(&item, -1, 0), EINVAL);
  blocking_expect_errno(zmq_poll(NULL, -1, 0), EINVAL);
  blocking_expect_ok(zmq_poll(NULL, 0, 0));
  blocking_expect_ok(zmq_poll(&item, 0, 0));
  assert_true(blocking_now_ms() - begin < BLOCKING_DEADLINE_MS);
}

/* Behaviour 187. */
static void test_no_items_sleep(void **state) {
  uint64_t begin = blocking_now_ms();

  (void)state;
  blocking_expect_ok(zmq_poll(NULL, 0, 60));
  assert_true(blocking_now_ms() - begin >= 60);
}

/* Behaviour 126: a handle that is none. */
static void test_closed_socket(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound;
  void *connected;
  void *closed = blocking_socket(b, ZMQ_PULL);

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  blocking_close(b, closed);
  add_socket(&polling, closed, ZMQ_POLLIN);
  blocking_expect_errno(poll_now(&polling), ENOTSOCK);
  polling.timeout_ms = -1;
  blocking_expect_errno(poll_call(&polling), ENOTSOCK);
  add_socket(&polling, bound, ZMQ_POLLIN);
  blocking_expect_errno(poll_call(&polling), ENOTSOCK);
}

/* Behaviour 14, of zmq_poll. */
static void test_timeout(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.count = 0};
  void *bound;
  void *connected;
  uint64_t begin;
  int ends[2];

  make_pipe(ends);
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  add_socket(&polling, bound, ZMQ_POLLIN);
  add_descriptor(&polling, ends[0], ZMQ_POLLIN);
  for (polling.count = 1; polling.count <= 2; polling.count++) {
    begin = blocking_now_ms();
    polling.timeout_ms = 120;
    assert_int_equal(poll_call(&polling), 0);
    assert_true(blocking_now_ms() - begin >= 120);
  }
  close(ends[0]);
  close(ends[1]);
}

/* Behaviour 184: what ends a wait without time-out. */
static void test_a_message_wakes(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  void *bound;
  void *connected;
  static blocked_t blocked;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  add_socket(&polling, blocking_socket(b, ZMQ_PULL), ZMQ_POLLIN);
  add_socket(&polling, bound, ZMQ_POLLIN);
  for (int i = 0; i < 20; i++) {
    blocked_start(&blocked, poll_call, &polling);
    blocked_wait_asleep(&blocked);
    blocking_send(connected, "m");
    blocked_expect_ok(&blocked);
    assert_int_equal(blocked.result, 1);
    assert_int_equal(polling.items[0].revents, 0);
    assert_int_equal(polling.items[1].revents, ZMQ_POLLIN);
    blocking_expect(bound, "m");
  }
}

static void test_a_peer_wakes(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  char endpoint[BLOCKING_TEXT_MAX];
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *puller = blocking_socket(b, ZMQ_PULL);
  static blocked_t blocked;

  blocking_bind(b, pusher, endpoint);
  add_socket(&polling, pusher, ZMQ_POLLOUT);
  assert_int_equal(poll_now(&polling), 0);
  blocked_start(&blocked, poll_call, &polling);
  blocked_wait_asleep(&blocked);
  blocking_connect(puller, endpoint);
  blocked_expect_ok(&blocked);
  assert_int_equal(blocked.result, 1);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLOUT);
}

static void test_room_wakes(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  void *bound;
  void *connected;
  static blocked_t blocked;
  size_t sent;

  full_pair(b, &bound, &connected);
  add_socket(&polling, connected, ZMQ_POLLOUT);
  sent = 0;
  do
    sent += full_fill(connected);
  while (poll_now(&polling) != 0);
  blocked_start(&blocked, poll_call, &polling);
  blocked_wait_asleep(&blocked);
  full_receive(bound, sent);
  blocked_expect_ok(&blocked);
  assert_int_equal(blocked.result, 1);
  assert_int_equal(polling.items[0].revents, ZMQ_POLLOUT);
}

/* Sockets and descriptors in one wait: either wakes. */
static void test_sockets_and_descriptors(void **state) {
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  void *bound;
  void *connected;
  static blocked_t blocked;
  int ends[2];
  char byte;

  make_pipe(ends);
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  add_descriptor(&polling, ends[0], ZMQ_POLLIN);
  add_socket(&polling, bound, ZMQ_POLLIN);
  for (int i = 0; i < 10; i++) {
    blocked_start(&blocked, poll_call, &polling);
    blocked_wait_asleep(&blocked);
    assert_int_equal(write(ends[1], "x", 1), 1);
    blocked_expect_ok(&blocked);
    assert_int_equal(blocked.result, 1);
    assert_int_equal(polling.items[0].revents, ZMQ_POLLIN);
    assert_int_equal(polling.items[1].revents, 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);

    blocked_start(&blocked, poll_call, &polling);
    blocked_wait_asleep(&blocked);
    blocking_send(connected, "m");
    blocked_expect_ok(&blocked);
    assert_int_equal(blocked.result, 1);
    assert_int_equal(polling.items[0].revents, 0);
    assert_int_equal(polling.items[1].revents, ZMQ_POLLIN);
    blocking_expect(bound, "m");
  }
  close(ends[0]);
  close(ends[1]);
}

static void test_only_descriptors_wake(void **state) {
  static polling_t polling = {.timeout_ms = -1};
  static blocked_t blocked;
  int ends[2];

  (void)state;
  make_pipe(ends);
  add_descriptor(&polling, ends[0], ZMQ_POLLIN);
  blocked_start(&blocked, poll_call, &polling);
  blocked_wait_asleep(&blocked);
  assert_int_equal(write(ends[1], "x", 1), 1);
  blocked_expect_ok(&blocked);
  assert_int_equal(blocked.result, 1);
  close(ends[0]);
  close(ends[1]);
}

/* Sockets of two contexts in one wait: a message for either wakes. */
static void test_two_contexts(void **state) {
  blocking_t *b = *state;
  void *other = NULL;
  static polling_t polling = {.timeout_ms = -1};
  void *bound[2];
  void *connected[2];
  static blocked_t blocked;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound[0], &connected[0]);
  assert_int_equal(blocking_setup(&other), 0);
  blocking_pair(other, ZMQ_PULL, ZMQ_PUSH, &bound[1], &connected[1]);
  add_socket(&polling, bound[0], ZMQ_POLLIN);
  add_socket(&polling, bound[1], ZMQ_POLLIN);
  for (size_t i = 0; i < 20; i++) {
    blocked_start(&blocked, poll_call, &polling);
    blocked_wait_asleep(&blocked);
    blocking_send(connected[i % 2], "m");
    blocked_expect_ok(&blocked);
    assert_int_equal(blocked.result, 1);
    assert_int_equal(polling.items[i % 2].revents, ZMQ_POLLIN);
    assert_int_equal(polling.items[1 - i % 2].revents, 0);
    blocking_expect(bound[i % 2], "m");
  }
  assert_int_equal(blocking_teardown(&other), 0);
}

/* Sockets that different I/O threads serve. */
static void test_several_io_threads(void **state) {
  enum { PAIRS = 8 };
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  void *bound[PAIRS];
  void *connected[PAIRS];
  static blocked_t blocked;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 4));
  for (size_t i = 0; i < PAIRS; i++) {
    blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound[i], &connected[i]);
    add_socket(&polling, bound[i], ZMQ_POLLIN);
  }
  for (size_t i = 0; i < PAIRS; i++) {
    blocked_start(&blocked, poll_call, &polling);
    blocked_wait_asleep(&blocked);
    blocking_send(connected[i], "m");
    blocked_expect_ok(&blocked);
    assert_int_equal(blocked.result, 1);
    assert_int_equal(polling.items[i].revents, ZMQ_POLLIN);
    blocking_expect(bound[i], "m");
  }
}

static void test_many_items(void **state) {
  enum { SOCKETS = 50 };
  blocking_t *b = *state;
  static polling_t polling = {.timeout_ms = -1};
  char endpoint[BLOCKING_TEXT_MAX];
  void *publisher = blocking_socket(b, ZMQ_XPUB);
  void *subscriber;
  static blocked_t blocked;

  blocking_bind(b, publisher, endpoint);
  for (size_t i = 0; i < SOCKETS; i++) {
    subscriber = blocking_socket(b, ZMQ_SUB);
    blocking_set_text(subscriber, ZMQ_SUBSCRIBE,
                      i == SOCKETS - 1 ? "last" : "not last");
    blocking_connect(subscriber, endpoint);
    add_socket(&polling, subscriber, ZMQ_POLLIN);
  }
  blocking_set(publisher, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  for (int i = 0; i < 2; i++)
    assert_true(zmq_recv(publisher, endpoint, sizeof(endpoint), 0) > 0);
  blocked_start(&blocked, poll_call, &polling);
  blocked_wait_asleep(&blocked);
  blocking_send(publisher, "last");
  blocked_expect_ok(&blocked);
  assert_int_equal(blocked.result, 1);
  assert_int_equal(polling.items[SOCKETS - 1].revents, ZMQ_POLLIN);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_counts_and_resets),
      blocking_test(test_in_and_out),
      blocking_test(test_no_events_asked),
      blocking_test(test_same_socket_twice),
      blocking_test(test_descriptor_of_a_socket_item_is_ignored),
      blocking_test(test_descriptors),
      blocking_test(test_closed_and_absent_descriptors),
      blocking_test(test_only_an_absent_descriptor),
      blocking_test(test_bad_arguments),
      blocking_test(test_no_items_sleep),
      blocking_test(test_closed_socket),
      blocking_test(test_timeout),
      blocking_test(test_a_message_wakes),
      blocking_test(test_a_peer_wakes),
      blocking_test(test_room_wakes),
      blocking_test(test_sockets_and_descriptors),
      blocking_test(test_only_descriptors_wake),
      blocking_test(test_two_contexts),
      blocking_test(test_several_io_threads),
      blocking_test(test_many_items),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
