/* The options of a context: their defaults and ranges, and what the sockets
 * made afterwards have of them. */
#include <limits.h>

#include "support/blocking.h"

enum { ZERO_COPY_RECV = 10 /* a draft name */ };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
  int option;
  int initial;
  int good[3];
  int bad[2];
} row_t;

static const row_t rows[] = {
    {ZMQ_IO_THREADS, 1, {0, 4, 1}, {-1, INT_MIN}},
    {ZMQ_MAX_SOCKETS, 1023, {1, 5000, 100}, {0, -1}},
    {ZMQ_MAX_MSGSZ, INT_MAX, {0, 1000, INT_MAX}, {-1, INT_MIN}},
    {ZMQ_THREAD_SCHED_POLICY, -1, {0, 1, 2}, {-1, INT_MIN}},
    {ZERO_COPY_RECV, 1, {0, 1, 1}, {-1, INT_MIN}},
    {ZMQ_IPV6, 0, {1, 0, 1}, {-1, INT_MIN}},
    {ZMQ_BLOCKY, 1, {0, 1, 0}, {-1, INT_MIN}},
};

static void defaults_and_ranges(void **state) {
  blocking_t *b = *state;

  for (size_t i = 0; i < COUNT(rows); i++) {
    const row_t *row = &rows[i];
    assert_int_equal(zmq_ctx_get(b->context, row->option), row->initial);
    for (size_t j = 0; j < COUNT(row->good); j++) {
      blocking_expect_ok(zmq_ctx_set(b->context, row->option, row->good[j]));
      assert_int_equal(zmq_ctx_get(b->context, row->option), row->good[j]);
    }
    for (size_t j = 0; j < COUNT(row->bad); j++) {
      blocking_expect_errno(zmq_ctx_set(b->context, row->option, row->bad[j]),
                            EINVAL);
      assert_int_equal(zmq_ctx_get(b->context, row->option), row->good[2]);
    }
  }
}

static void flags_read_back_as_one(void **state) {
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IPV6, 2));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_IPV6), 1);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_BLOCKY, 7));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_BLOCKY), 1);
}

/* -1 is an error and a value: errno tells which. */
static void a_value_may_look_like_an_error(void **state) {
  blocking_t *b = *state;

  errno = 0;
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_THREAD_SCHED_POLICY), -1);
  assert_int_equal(errno, 0);
}

static void the_size_of_a_message_is_told(void **state) {
  blocking_t *b = *state;

  assert_int_equal(zmq_ctx_get(b->context, ZMQ_MSG_T_SIZE), sizeof(zmq_msg_t));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_MSG_T_SIZE), 64);
  blocking_expect_errno(zmq_ctx_set(b->context, ZMQ_MSG_T_SIZE, 64), EINVAL);
}

/* SOCKET_LIMIT is read, and THREAD_PRIORITY set, under one number. */
static void the_most_sockets_are_told(void **state) {
  blocking_t *b = *state;

  assert_int_equal(zmq_ctx_get(b->context, ZMQ_SOCKET_LIMIT), 65535);
  blocking_expect_errno(zmq_ctx_set(b->context, ZMQ_THREAD_PRIORITY, -1),
                        EINVAL);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_PRIORITY, 0));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_SOCKET_LIMIT), 65535);
}

static void processors_are_added_and_removed(void **state) {
  static const int options[] = {ZMQ_THREAD_AFFINITY_CPU_ADD,
                                ZMQ_THREAD_AFFINITY_CPU_REMOVE};
  blocking_t *b = *state;

  blocking_expect_errno(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0), EINVAL);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0));
  blocking_expect_errno(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0), EINVAL);
  for (size_t i = 0; i < COUNT(options); i++) {
    blocking_expect_errno(zmq_ctx_set(b->context, options[i], -1), EINVAL);
    blocking_expect_errno(zmq_ctx_get(b->context, options[i]), EINVAL);
  }
}

static void threads_have_a_prefix(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;

  assert_int_equal(zmq_ctx_get(b->context, ZMQ_THREAD_NAME_PREFIX), 0);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_NAME_PREFIX, 1234));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_THREAD_NAME_PREFIX), 1234);
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  blocking_send(bound, "works");
  blocking_expect(connected, "works");
}

static void unknown_options_are_refused(void **state) {
  static const int numbers[] = {-1, 0, 11, 17, 41, 43, 69, 71, 1000, INT_MAX};
  blocking_t *b = *state;

  for (size_t i = 0; i < COUNT(numbers); i++) {
    blocking_expect_errno(zmq_ctx_set(b->context, numbers[i], 1), EINVAL);
    blocking_expect_errno(zmq_ctx_get(b->context, numbers[i]), EINVAL);
  }
}

/* Behaviour 130. */
static void what_is_no_context_is_refused(void **state) {
  (void)state;
  blocking_expect_errno(zmq_ctx_set(NULL, ZMQ_IO_THREADS, 1), EFAULT);
  blocking_expect_errno(zmq_ctx_get(NULL, ZMQ_IO_THREADS), EFAULT);
}

/* Behaviour 119. */
static void without_blocky_nothing_lingers(void **state) {
  blocking_t *b = *state;
  void *before = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_BLOCKY, 0));
  assert_int_equal(blocking_get(before, ZMQ_LINGER), -1);
  for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++)
    assert_int_equal(blocking_get(blocking_socket(b, type), ZMQ_LINGER), 0);
  blocking_fresh_endpoint(b, endpoint);
  before = blocking_socket(b, ZMQ_PUSH);
  blocking_connect(before, endpoint);
  blocking_send(before, "never sent");
  blocking_end(b);
}

static void sockets_made_afterwards_use_ipv6(void **state) {
  blocking_t *b = *state;
  void *before = blocking_socket(b, ZMQ_PAIR);
  void *after;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IPV6, 1));
  after = blocking_socket(b, ZMQ_PAIR);
  assert_int_equal(blocking_get(before, ZMQ_IPV6), 0);
  assert_int_equal(blocking_get(after, ZMQ_IPV6), 1);
  assert_int_equal(blocking_get(after, ZMQ_IPV4ONLY), 0);
  blocking_set(after, ZMQ_IPV6, 0);
  assert_int_equal(blocking_get(after, ZMQ_IPV6), 0);
}

/* What the first socket fixes can be set, and has no effect. */
static void some_options_are_fixed_by_the_first_socket(void **state) {
  blocking_t *b = *state;
  void *socket;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 2));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 0));
  socket = blocking_socket(b, ZMQ_PAIR);
  blocking_socket(b, ZMQ_PAIR);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 10));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 1));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_MAX_SOCKETS), 10);
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_IO_THREADS), 1);
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), EMFILE);
  blocking_expect_errno(zmq_socket(b->context, 1000), EMFILE);
  blocking_expect_errno(zmq_bind(socket, "tcp://127.0.0.1:*"), EMTHREAD);
}

/* MAX_MSGSZ is kept, and limits nothing. */
static void a_size_limit_is_not_enforced(void **state) {
  blocking_t *b = *state;
  static const char bytes[10000];
  void *bound;
  void *connected;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_MSGSZ, 10));
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  assert_int_equal(zmq_send(connected, bytes, sizeof(bytes), 0), 10000);
  blocking_expect(bound, "<10000 bytes>");
}

static void without_zero_copy_messages_arrive(void **state) {
  blocking_t *b = *state;
  static const char bytes[10000];
  void *bound;
  void *connected;

  blocking_expect_ok(zmq_ctx_set(b->context, ZERO_COPY_RECV, 0));
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  blocking_send(connected, "short");
  assert_int_equal(zmq_send(connected, bytes, sizeof(bytes), 0), 10000);
  blocking_expect(bound, "short");
  blocking_expect(bound, "<10000 bytes>");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(defaults_and_ranges),
      blocking_test(flags_read_back_as_one),
      blocking_test(a_value_may_look_like_an_error),
      blocking_test(the_size_of_a_message_is_told),
      blocking_test(the_most_sockets_are_told),
      blocking_test(processors_are_added_and_removed),
      blocking_test(threads_have_a_prefix),
      blocking_test(unknown_options_are_refused),
      blocking_test(what_is_no_context_is_refused),
      blocking_test(without_blocky_nothing_lingers),
      blocking_test(sockets_made_afterwards_use_ipv6),
      blocking_test(some_options_are_fixed_by_the_first_socket),
      blocking_test(a_size_limit_is_not_enforced),
      blocking_test(without_zero_copy_messages_arrive),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
