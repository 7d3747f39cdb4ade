/* zmq_timers_*. Time passes by itself: no test needs it to pass in time. */
#include "support/blocking.h"

enum { LONG = 3600 * 1000, SHORT = 5 }; /* milliseconds */

typedef struct {
  void *timers;
  int calls[16];
  int order[64];
  int count;
} fired_t;

static void count_call(int id, void *arg) {
  fired_t *fired = arg;

  fired->calls[id & 15]++;
  if (fired->count < 64)
    fired->order[fired->count] = id;
  fired->count++;
}

static int setup(void **state) {
  fired_t *fired = calloc(1, sizeof(*fired));

  if (fired == NULL)
    return -1;
  fired->timers = zmq_timers_new();
  *state = fired;
  return fired->timers == NULL ? -1 : 0;
}

static int teardown(void **state) {
  fired_t *fired = *state;

  if (fired->timers != NULL)
    zmq_timers_destroy(&fired->timers);
  free(fired);
  return 0;
}

static void wait_due(void *timers) {
  blocking_wait(zmq_timers_timeout(timers) == 0);
}

static void wait_ms(uint64_t ms) {
  uint64_t until = blocking_now_ms() + ms;

  blocking_wait(blocking_now_ms() > until);
}

/* An execute that runs this many handlers. */
static void expect_calls(fired_t *fired, int expected) {
  int before = fired->count;

  blocking_expect_ok(zmq_timers_execute(fired->timers));
  assert_int_equal(fired->count - before, expected);
}

static void nothing_is_due_without_timers(void **state) {
  fired_t *fired = *state;

  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
  blocking_expect_ok(zmq_timers_execute(fired->timers));
  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
}

static void ids_count_from_one(void **state) {
  fired_t *fired = *state;

  /* Behaviour 194. */
  for (int id = 1; id <= 3; id++)
    assert_int_equal(zmq_timers_add(fired->timers, LONG, count_call, fired),
                     id);
  blocking_expect_ok(zmq_timers_cancel(fired->timers, 3));
  assert_int_equal(zmq_timers_add(fired->timers, LONG, count_call, fired), 4);
}

static void the_timeout_is_that_of_the_next(void **state) {
  fired_t *fired = *state;
  long timeout;

  zmq_timers_add(fired->timers, LONG, count_call, fired);
  timeout = zmq_timers_timeout(fired->timers);
  assert_true(timeout > LONG - BLOCKING_DEADLINE_MS && timeout <= LONG);
  zmq_timers_add(fired->timers, LONG / 2, count_call, fired);
  timeout = zmq_timers_timeout(fired->timers);
  assert_true(timeout > LONG / 2 - BLOCKING_DEADLINE_MS && timeout <= LONG / 2);
  expect_calls(fired, 0);
}

static void a_timer_repeats(void **state) {
  fired_t *fired = *state;
  uint64_t started = blocking_now_ms();

  zmq_timers_add(fired->timers, SHORT, count_call, fired);
  for (int i = 0; i < 3; i++) {
    wait_due(fired->timers);
    expect_calls(fired, 1);
  }
  /* Clocks that count whole milliseconds may be one short. */
  assert_true(blocking_now_ms() - started >= 3 * (SHORT - 1));
}

static void missed_times_are_not_made_up_for(void **state) {
  fired_t *fired = *state;

  /* Behaviour 194. */
  zmq_timers_add(fired->timers, SHORT, count_call, fired);
  wait_ms(5 * SHORT);
  expect_calls(fired, 1);
}

static void timers_run_in_the_order_in_which_they_are_due(void **state) {
  static const size_t intervals[] = {201, 101, 1};
  fired_t *fired = *state;
  int ids[3];
  uint64_t started;

  /* Behaviour 194. Should adding them take too long, again. */
  for (;;) {
    started = blocking_now_ms();
    for (int i = 0; i < 3; i++)
      ids[i] = zmq_timers_add(fired->timers, intervals[i], count_call, fired);
    if (blocking_now_ms() - started < 50)
      break;
    for (int i = 0; i < 3; i++)
      blocking_expect_ok(zmq_timers_cancel(fired->timers, ids[i]));
  }
  wait_ms(210);
  expect_calls(fired, 3);
  for (int i = 0; i < 3; i++)
    assert_int_equal(fired->order[i], ids[2 - i]);
}

static void equal_timers_run_in_the_order_of_adding(void **state) {
  fired_t *fired = *state;

  for (int i = 0; i < 10; i++)
    zmq_timers_add(fired->timers, SHORT, count_call, fired);
  wait_ms(3 * SHORT);
  expect_calls(fired, 10);
  for (int i = 0; i < 10; i++)
    assert_int_equal(fired->order[i], i + 1);
}

static void a_cancelled_timer_never_runs(void **state) {
  fired_t *fired = *state;
  int id = zmq_timers_add(fired->timers, SHORT, count_call, fired);
  int other = zmq_timers_add(fired->timers, SHORT, count_call, fired);

  wait_due(fired->timers);
  blocking_expect_ok(zmq_timers_cancel(fired->timers, id));
  wait_ms(2 * SHORT);
  expect_calls(fired, 1);
  assert_int_equal(fired->order[0], other);
  blocking_expect_ok(zmq_timers_cancel(fired->timers, other));
  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
}

static void a_cancelled_timer_is_unknown_at_once(void **state) {
  fired_t *fired = *state;
  int id = zmq_timers_add(fired->timers, LONG, count_call, fired);

  blocking_expect_ok(zmq_timers_cancel(fired->timers, id));
  blocking_expect_errno(zmq_timers_cancel(fired->timers, id), EINVAL);
  if (!blocking_is_zuv())
    return;
  blocking_expect_errno(zmq_timers_reset(fired->timers, id), EINVAL);
  blocking_expect_errno(zmq_timers_set_interval(fired->timers, id, 1), EINVAL);
}

static void unknown_ids_are_refused(void **state) {
  static const int ids[] = {0, -1, 1, 99};
  fired_t *fired = *state;

  for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
    blocking_expect_errno(zmq_timers_cancel(fired->timers, ids[i]), EINVAL);
    blocking_expect_errno(zmq_timers_reset(fired->timers, ids[i]), EINVAL);
    blocking_expect_errno(zmq_timers_set_interval(fired->timers, ids[i], 1),
                          EINVAL);
  }
}

static void reset_starts_anew(void **state) {
  fired_t *fired = *state;
  int id = zmq_timers_add(fired->timers, 100, count_call, fired);

  wait_due(fired->timers);
  blocking_expect_ok(zmq_timers_reset(fired->timers, id));
  assert_true(zmq_timers_timeout(fired->timers) <= 100);
  wait_due(fired->timers);
  expect_calls(fired, 1);
}

static void a_new_interval_counts_from_now(void **state) {
  fired_t *fired = *state;
  int id = zmq_timers_add(fired->timers, LONG, count_call, fired);

  blocking_expect_ok(zmq_timers_set_interval(fired->timers, id, SHORT));
  wait_due(fired->timers);
  expect_calls(fired, 1);
  wait_due(fired->timers);
  blocking_expect_ok(zmq_timers_set_interval(fired->timers, id, LONG));
  expect_calls(fired, 0);
  assert_true(zmq_timers_timeout(fired->timers) > LONG / 2);
}

static void an_interval_may_be_without_end(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  zmq_timers_add(fired->timers, SIZE_MAX, count_call, fired);
  assert_true(zmq_timers_timeout(fired->timers) > LONG);
  expect_calls(fired, 0);
}

static void no_interval_runs_once_an_execute(void **state) {
  fired_t *fired = *state;

  /* Behaviour 195. */
  if (!blocking_is_zuv())
    skip();
  zmq_timers_add(fired->timers, 0, count_call, fired);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(zmq_timers_timeout(fired->timers), 0);
    expect_calls(fired, 1);
  }
}

/* ---- Handlers that change timers ---- */

static void cancel_own(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  fired->calls[0] = zmq_timers_cancel(fired->timers, id);
}

static void a_handler_may_cancel_itself(void **state) {
  fired_t *fired = *state;

  /* Behaviour 194. */
  zmq_timers_add(fired->timers, SHORT, cancel_own, fired);
  wait_due(fired->timers);
  expect_calls(fired, 1);
  assert_int_equal(fired->calls[0], 0);
  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
  wait_ms(2 * SHORT);
  expect_calls(fired, 0);
}

static void cancel_all(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  for (int i = 1; i <= 5; i++)
    zmq_timers_cancel(fired->timers, i);
}

static void a_handler_may_cancel_others_that_are_due(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  for (int i = 0; i < 5; i++)
    zmq_timers_add(fired->timers, SHORT, cancel_all, fired);
  wait_ms(2 * SHORT);
  expect_calls(fired, 1);
  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
}

static void reset_all(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  for (int i = 1; i <= 5; i++)
    zmq_timers_reset(fired->timers, i);
}

static void a_handler_may_reset_others_that_are_due(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  for (int i = 0; i < 5; i++)
    zmq_timers_add(fired->timers, 0, reset_all, fired);
  expect_calls(fired, 1);
  expect_calls(fired, 1);
}

static void add_more(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  zmq_timers_add(fired->timers, 0, count_call, fired);
}

static void what_a_handler_adds_runs_the_next_time(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  zmq_timers_add(fired->timers, SHORT, add_more, fired);
  wait_due(fired->timers);
  expect_calls(fired, 1);
  assert_int_equal(zmq_timers_timeout(fired->timers), 0);
  blocking_expect_ok(zmq_timers_execute(fired->timers));
  assert_true(fired->calls[2] == 1);
}

static void change_interval(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  fired->calls[0] = zmq_timers_set_interval(fired->timers, id, LONG);
}

static void a_handler_may_change_its_interval(void **state) {
  fired_t *fired = *state;

  zmq_timers_add(fired->timers, SHORT, change_interval, fired);
  wait_due(fired->timers);
  expect_calls(fired, 1);
  assert_int_equal(fired->calls[0], 0);
  assert_true(zmq_timers_timeout(fired->timers) > LONG / 2);
}

static void execute_again(int id, void *arg) {
  fired_t *fired = arg;

  count_call(id, arg);
  zmq_timers_execute(fired->timers);
}

static void executing_in_a_handler_does_nothing(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  zmq_timers_add(fired->timers, 0, execute_again, fired);
  zmq_timers_add(fired->timers, 0, execute_again, fired);
  expect_calls(fired, 2);
  assert_int_equal(fired->order[0], 1);
  assert_int_equal(fired->order[1], 2);
}

static void destroy(int id, void *arg) {
  fired_t *fired = arg;
  void *timers = fired->timers;

  count_call(id, arg);
  zmq_timers_destroy(&fired->timers);
  if (zmq_timers_add(timers, 0, count_call, fired) == -1 && errno == EFAULT)
    fired->calls[0]++;
}

static void a_handler_may_destroy_all(void **state) {
  fired_t *fired = *state;

  if (!blocking_is_zuv())
    skip();
  zmq_timers_add(fired->timers, 0, destroy, fired);
  zmq_timers_add(fired->timers, 0, destroy, fired);
  expect_calls(fired, 1);
  assert_int_equal(fired->calls[0], 1);
  assert_null(fired->timers);
}

/* ---- Many, and misuse ---- */

static void many_timers_all_run(void **state) {
  enum { MANY = 1000 };
  fired_t *fired = *state;

  for (int i = 0; i < MANY; i++)
    assert_int_equal(
        zmq_timers_add(fired->timers, (size_t)(i % 7), count_call, fired),
        i + 1);
  if (!blocking_is_zuv())
    /* The others never end. */
    for (int i = 0; i < MANY; i += 7)
      zmq_timers_cancel(fired->timers, i + 1);
  wait_ms(10);
  blocking_expect_ok(zmq_timers_execute(fired->timers));
  assert_true(fired->count >= MANY - MANY / 7 - 1);
  for (int i = 0; i < MANY; i++)
    if (blocking_is_zuv() || i % 7 != 0)
      blocking_expect_ok(zmq_timers_cancel(fired->timers, i + 1));
  assert_int_equal(zmq_timers_timeout(fired->timers), -1);
}

static void misuse_is_refused(void **state) {
  fired_t *fired = *state;
  void *none = NULL;
  char other[256] = {0};

  blocking_expect_errno(zmq_timers_destroy(&none), EFAULT);
  blocking_expect_errno(zmq_timers_add(NULL, 1, count_call, fired), EFAULT);
  blocking_expect_errno(zmq_timers_add(fired->timers, 1, NULL, fired), EFAULT);
  blocking_expect_errno(zmq_timers_cancel(NULL, 1), EFAULT);
  blocking_expect_errno(zmq_timers_reset(NULL, 1), EFAULT);
  blocking_expect_errno(zmq_timers_set_interval(NULL, 1, 1), EFAULT);
  blocking_expect_errno(zmq_timers_timeout(NULL), EFAULT);
  blocking_expect_errno(zmq_timers_execute(NULL), EFAULT);
  blocking_expect_errno(zmq_timers_execute(other), EFAULT);
  blocking_expect_ok(zmq_timers_destroy(&fired->timers));
  assert_null(fired->timers);
  if (blocking_is_zuv())
    blocking_expect_errno(zmq_timers_destroy(NULL), EFAULT);
}

#define timers_test(function)                                                  \
  cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      timers_test(nothing_is_due_without_timers),
      timers_test(ids_count_from_one),
      timers_test(the_timeout_is_that_of_the_next),
      timers_test(a_timer_repeats),
      timers_test(missed_times_are_not_made_up_for),
      timers_test(timers_run_in_the_order_in_which_they_are_due),
      timers_test(equal_timers_run_in_the_order_of_adding),
      timers_test(a_cancelled_timer_never_runs),
      timers_test(a_cancelled_timer_is_unknown_at_once),
      timers_test(unknown_ids_are_refused),
      timers_test(reset_starts_anew),
      timers_test(a_new_interval_counts_from_now),
      timers_test(an_interval_may_be_without_end),
      timers_test(no_interval_runs_once_an_execute),
      timers_test(a_handler_may_cancel_itself),
      timers_test(a_handler_may_cancel_others_that_are_due),
      timers_test(a_handler_may_reset_others_that_are_due),
      timers_test(what_a_handler_adds_runs_the_next_time),
      timers_test(a_handler_may_change_its_interval),
      timers_test(executing_in_a_handler_does_nothing),
      timers_test(a_handler_may_destroy_all),
      timers_test(many_timers_all_run),
      timers_test(misuse_is_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
