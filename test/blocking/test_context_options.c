/* The options of a context: their defaults and ranges, and what the sockets
 * made afterwards have of them. What threads have: test_context_threads.c. */
#include <dlfcn.h>
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

static void a_prefix_may_be_a_number(void **state) {
  static const int numbers[] = {1234, -5, 0, INT_MAX, INT_MIN};
  blocking_t *b = *state;

  assert_int_equal(zmq_ctx_get(b->context, ZMQ_THREAD_NAME_PREFIX), 0);
  for (size_t i = 0; i < COUNT(numbers); i++) {
    blocking_expect_ok(
        zmq_ctx_set(b->context, ZMQ_THREAD_NAME_PREFIX, numbers[i]));
    assert_int_equal(zmq_ctx_get(b->context, ZMQ_THREAD_NAME_PREFIX),
                     numbers[i]);
  }
}

static void unknown_options_are_refused(void **state) {
  static const int known[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 42, 70};
  blocking_t *b = *state;

  for (int number = -1; number < 1100; number++) {
    bool is_known = false;
    for (size_t i = 0; i < COUNT(known); i++)
      is_known = is_known || known[i] == number;
    if (is_known)
      continue;
    blocking_expect_errno(zmq_ctx_set(b->context, number, 1), EINVAL);
    blocking_expect_errno(zmq_ctx_get(b->context, number), EINVAL);
  }
}

/* ---- With sizes: libraries may lack these calls, so they are looked up ----
 */

static struct {
  int (*set)(void *context, int option, const void *value, size_t size);
  int (*get)(void *context, int option, void *value, size_t *size);
} ext;

static bool look_up(const char *name, void *function) {
  void *symbol = dlsym(RTLD_DEFAULT, name);

  memcpy(function, &symbol, sizeof(symbol));
  return symbol != NULL;
}

static void need_ext(void) {
  if (!look_up("zmq_ctx_set_ext", &ext.set) ||
      !look_up("zmq_ctx_get_ext", &ext.get))
    skip();
}

static void ints_have_their_size(void **state) {
  blocking_t *b = *state;

  need_ext();
  for (size_t i = 0; i < COUNT(rows); i++) {
    for (size_t room = 0; room <= 9; room++) {
      char bytes[9] = {0};
      size_t size = room;
      if (room == sizeof(int))
        continue;
      blocking_expect_errno(ext.set(b->context, rows[i].option, bytes, room),
                            EINVAL);
      blocking_expect_errno(ext.get(b->context, rows[i].option, bytes, &size),
                            EINVAL);
    }
    for (size_t j = 0; j < COUNT(rows[i].good); j++) {
      int value = INT_MIN;
      size_t size = sizeof(value);
      blocking_expect_ok(ext.set(b->context, rows[i].option, &rows[i].good[j],
                                 sizeof(rows[i].good[j])));
      blocking_expect_ok(ext.get(b->context, rows[i].option, &value, &size));
      assert_true(value == rows[i].good[j] && size == sizeof(value));
    }
  }
}

static void a_prefix_has_up_to_16_bytes(void **state) {
  static const char text[] = "0123456789abcdefg";
  blocking_t *b = *state;
  char bytes[32];
  int number = 0;
  size_t size;

  need_ext();
  for (size_t length = 0; length <= 17; length++) {
    bool good = length >= 1 && length <= 16;
    if (length == sizeof(int))
      continue;
    if (!good) {
      blocking_expect_errno(
          ext.set(b->context, ZMQ_THREAD_NAME_PREFIX, text, length), EINVAL);
      continue;
    }
    blocking_expect_ok(
        ext.set(b->context, ZMQ_THREAD_NAME_PREFIX, text, length));
    memset(bytes, 0, sizeof(bytes));
    size = sizeof(bytes);
    blocking_expect_ok(
        ext.get(b->context, ZMQ_THREAD_NAME_PREFIX, bytes, &size));
    assert_int_equal(strlen(bytes), length);
    assert_memory_equal(bytes, text, length);
    /* libzmq does not tell. */
    if (blocking_is_zuv())
      assert_int_equal(size, length);
  }
  size = 15;
  blocking_expect_errno(
      ext.get(b->context, ZMQ_THREAD_NAME_PREFIX, bytes, &size), EINVAL);
  /* Four bytes are an int. */
  size = sizeof(number);
  blocking_expect_ok(
      ext.set(b->context, ZMQ_THREAD_NAME_PREFIX, &size, sizeof(int)));
  blocking_expect_ok(
      ext.get(b->context, ZMQ_THREAD_NAME_PREFIX, &number, &size));
  assert_int_equal(number, 4);
}

static void null_is_refused(void **state) {
  blocking_t *b = *state;
  int value = 0;
  size_t size = sizeof(value);

  if (!blocking_is_zuv())
    skip();
  need_ext();
  blocking_expect_errno(ext.set(b->context, ZMQ_IPV6, NULL, size), EINVAL);
  blocking_expect_errno(ext.get(b->context, ZMQ_IPV6, NULL, &size), EINVAL);
  blocking_expect_errno(ext.get(b->context, ZMQ_IPV6, &value, NULL), EINVAL);
  blocking_expect_errno(ext.set(NULL, ZMQ_IPV6, &value, size), EFAULT);
  blocking_expect_errno(ext.get(NULL, ZMQ_IPV6, &value, &size), EFAULT);
}

/* Behaviour 130. */
static void what_is_no_context_is_refused(void **state) {
  (void)state;
  blocking_expect_errno(zmq_ctx_set(NULL, ZMQ_IO_THREADS, 1), EFAULT);
  blocking_expect_errno(zmq_ctx_get(NULL, ZMQ_IO_THREADS), EFAULT);
}

/* Behaviour 124, of these calls. */
static void they_can_be_set_after_a_shutdown(void **state) {
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IPV6, 1));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_IPV6), 1);
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
      blocking_test(a_prefix_may_be_a_number),
      blocking_test(unknown_options_are_refused),
      blocking_test(ints_have_their_size),
      blocking_test(a_prefix_has_up_to_16_bytes),
      blocking_test(null_is_refused),
      blocking_test(they_can_be_set_after_a_shutdown),
      blocking_test(what_is_no_context_is_refused),
      blocking_test(without_blocky_nothing_lingers),
      blocking_test(sockets_made_afterwards_use_ipv6),
      blocking_test(some_options_are_fixed_by_the_first_socket),
      blocking_test(a_size_limit_is_not_enforced),
      blocking_test(without_zero_copy_messages_arrive),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
