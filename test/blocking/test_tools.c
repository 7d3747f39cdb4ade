/* The small helpers of zmq.h: errors, version, capabilities, counters,
 * stopwatches, threads, Z85 and keys. */
#include "support/blocking.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>

static void the_version_is_4_3(void **state) {
  int major = 0, minor = 0, patch = 0;
  (void)state;

  zmq_version(&major, &minor, &patch);
  assert_int_equal(major, 4);
  assert_int_equal(minor, 3);
  assert_true(patch >= 4);
  if (!blocking_is_zuv())
    return;
  assert_int_equal(patch, 5);
  zmq_version(NULL, NULL, NULL);
}

static void errors_have_texts(void **state) {
  static const int standard[] = {EAGAIN, EINVAL, ENOTSUP, EADDRINUSE, ENOTSOCK};
  (void)state;

  assert_string_equal(zmq_strerror(EFSM),
                      "Operation cannot be accomplished in current state");
  assert_string_equal(zmq_strerror(ENOCOMPATPROTO),
                      "The protocol is not compatible with the socket type");
  assert_string_equal(zmq_strerror(ETERM), "Context was terminated");
  assert_string_equal(zmq_strerror(EMTHREAD), "No thread available");
  assert_string_equal(zmq_strerror(EHOSTUNREACH), "Host unreachable");
  for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
    assert_string_equal(zmq_strerror(standard[i]), strerror(standard[i]));
  assert_non_null(zmq_strerror(-1));
  assert_non_null(zmq_strerror(INT_MAX));
}

static void the_errno_is_that_of_the_thread(void **state) {
  (void)state;

  errno = EBUSY;
  assert_int_equal(zmq_errno(), EBUSY);
  errno = 0;
  assert_int_equal(zmq_errno(), 0);
}

static void capabilities_are_words(void **state) {
  static const char *const absent[] = {"tcp",   "inproc", "udp", "plain", "IPC",
                                       "Curve", "ws",     "",    "epgm"};
  (void)state;

  /* Behaviour 199. */
  assert_int_equal(zmq_has("ipc"), 1);
  for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
    assert_int_equal(zmq_has(absent[i]), 0);
  if (blocking_is_zuv())
    assert_int_equal(zmq_has(NULL), 0);
}

/* ---- Counters ---- */

static void a_counter_counts(void **state) {
  void *counter = zmq_atomic_counter_new();
  (void)state;

  /* Behaviour 196. */
  assert_non_null(counter);
  assert_int_equal(zmq_atomic_counter_value(counter), 0);
  assert_int_equal(zmq_atomic_counter_inc(counter), 0);
  assert_int_equal(zmq_atomic_counter_inc(counter), 1);
  assert_int_equal(zmq_atomic_counter_inc(counter), 2);
  assert_int_equal(zmq_atomic_counter_value(counter), 3);
  assert_int_equal(zmq_atomic_counter_dec(counter), 1);
  assert_int_equal(zmq_atomic_counter_dec(counter), 1);
  assert_int_equal(zmq_atomic_counter_dec(counter), 0);
  assert_int_equal(zmq_atomic_counter_dec(counter), 1);
  assert_int_equal(zmq_atomic_counter_value(counter), -1);
  zmq_atomic_counter_set(counter, INT_MAX);
  assert_int_equal(zmq_atomic_counter_inc(counter), INT_MAX);
  assert_int_equal(zmq_atomic_counter_value(counter), INT_MIN);
  zmq_atomic_counter_destroy(&counter);
  assert_null(counter);
}

enum { THREADS = 4, ROUNDS = 10000 };

static void *count_up(void *counter) {
  for (int i = 0; i < ROUNDS; i++)
    zmq_atomic_counter_inc(counter);
  return NULL;
}

static void *count_down(void *counter) {
  intptr_t zeros = 0;

  for (int i = 0; i < ROUNDS; i++)
    zeros += zmq_atomic_counter_dec(counter) == 0;
  return (void *)zeros;
}

static void threads_may_count_at_once(void **state) {
  void *counter = zmq_atomic_counter_new();
  pthread_t threads[THREADS];
  intptr_t zeros = 0;
  void *result;
  (void)state;

  for (size_t i = 0; i < THREADS; i++)
    blocking_expect_ok(pthread_create(&threads[i], NULL, count_up, counter));
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(zmq_atomic_counter_value(counter), THREADS * ROUNDS);
  for (size_t i = 0; i < THREADS; i++)
    blocking_expect_ok(pthread_create(&threads[i], NULL, count_down, counter));
  for (size_t i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &result);
    zeros += (intptr_t)result;
  }
  assert_int_equal(zeros, 1);
  zmq_atomic_counter_destroy(&counter);
}

static void no_counter_counts_nothing(void **state) {
  void *none = NULL;
  (void)state;

  if (!blocking_is_zuv())
    skip();
  zmq_atomic_counter_set(NULL, 1);
  assert_int_equal(zmq_atomic_counter_inc(NULL), 0);
  assert_int_equal(zmq_atomic_counter_dec(NULL), 0);
  assert_int_equal(zmq_atomic_counter_value(NULL), 0);
  zmq_atomic_counter_destroy(&none);
  zmq_atomic_counter_destroy(NULL);
}

/* ---- Time ---- */

static void a_stopwatch_shows_microseconds(void **state) {
  void *watch = zmq_stopwatch_start();
  uint64_t started = blocking_now_ms();
  unsigned long first, second, last;
  (void)state;

  assert_non_null(watch);
  blocking_sleep_ms(20);
  first = zmq_stopwatch_intermediate(watch);
  second = zmq_stopwatch_intermediate(watch);
  last = zmq_stopwatch_stop(watch);
  assert_true(first >= 19000);
  assert_true(second >= first && last >= second);
  assert_true(last <= (blocking_now_ms() - started + 2) * 1000 + 100000);
}

static void no_stopwatch_shows_nothing(void **state) {
  (void)state;

  if (!blocking_is_zuv())
    skip();
  assert_int_equal(zmq_stopwatch_intermediate(NULL), 0);
  assert_int_equal(zmq_stopwatch_stop(NULL), 0);
}

static void sleep_takes_seconds(void **state) {
  uint64_t started = blocking_now_ms();
  (void)state;

  zmq_sleep(0);
  zmq_sleep(1);
  assert_true(blocking_now_ms() - started >= 999);
  if (blocking_is_zuv())
    zmq_sleep(-1);
}

/* ---- Threads ---- */

typedef struct {
  pthread_t thread;
  char name[32];
  sigset_t mask;
  bool ran;
} told_t;

static void tell(void *arg) {
  told_t *told = arg;

  told->thread = pthread_self();
  pthread_getname_np(told->thread, told->name, sizeof(told->name));
  pthread_sigmask(SIG_SETMASK, NULL, &told->mask);
  told->ran = true;
}

static void a_thread_runs_and_is_joined(void **state) {
  told_t told = {0};
  sigset_t before, after;
  void *thread;
  (void)state;

  pthread_sigmask(SIG_SETMASK, NULL, &before);
  thread = zmq_threadstart(tell, &told);
  assert_non_null(thread);
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  zmq_threadclose(thread);
  assert_true(told.ran);
  assert_false(pthread_equal(told.thread, pthread_self()));
  assert_string_equal(told.name, "ZMQapp");
  assert_int_equal(sigismember(&told.mask, SIGINT), 1);
  assert_int_equal(sigismember(&told.mask, SIGTERM), 1);
  assert_int_equal(sigismember(&told.mask, SIGALRM), 1);
  for (int i = 1; i < 32; i++)
    assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

static void no_thread_is_refused(void **state) {
  (void)state;

  if (!blocking_is_zuv())
    skip();
  blocking_expect_errno(zmq_threadstart(NULL, NULL), EFAULT);
  zmq_threadclose(NULL);
}

/* ---- Z85 and keys ---- */

static void z85_goes_both_ways(void **state) {
  static const uint8_t data[8] = {0x86, 0x4f, 0xd2, 0x6f,
                                  0xb5, 0x59, 0xf7, 0x5b};
  uint8_t decoded[8] = {0};
  char text[11];
  (void)state;

  /* Behaviour 197. */
  assert_ptr_equal(zmq_z85_encode(text, data, sizeof(data)), text);
  assert_string_equal(text, "HelloWorld");
  assert_ptr_equal(zmq_z85_decode(decoded, text), decoded);
  assert_memory_equal(decoded, data, sizeof(data));
  assert_ptr_equal(zmq_z85_encode(text, data, 0), text);
  assert_string_equal(text, "");
}

static void what_is_no_z85_is_refused(void **state) {
  static const char *const texts[] = {"",       "Hell",    "HelloWorl",
                                      "He llo", "Hel\"o",  "%nSc1",
                                      "#####",  "Hell\xc3"};
  static const uint8_t data[8];
  uint8_t decoded[16];
  char text[32];
  (void)state;

  /* Behaviour 197. */
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    blocking_expect_errno(zmq_z85_decode(decoded, texts[i]) == NULL ? -1 : 0,
                          EINVAL);
  assert_non_null(zmq_z85_decode(decoded, "%nSc0"));
  assert_memory_equal(decoded, "\xff\xff\xff\xff", 4);
  for (size_t size = 1; size < 8; size++)
    if (size % 4 != 0)
      blocking_expect_errno(zmq_z85_encode(text, data, size) == NULL ? -1 : 0,
                            EINVAL);
  if (!blocking_is_zuv())
    return;
  blocking_expect_errno(zmq_z85_encode(NULL, data, 4), EFAULT);
  blocking_expect_errno(zmq_z85_encode(text, NULL, 4), EFAULT);
  blocking_expect_errno(zmq_z85_decode(NULL, "HelloWorld"), EFAULT);
  blocking_expect_errno(zmq_z85_decode(decoded, NULL), EFAULT);
}

static void a_public_key_belongs_to_its_secret(void **state) {
  char public_key[41] = "", secret_key[41] = "", derived[41] = "";
  (void)state;

  /* Behaviour 198. */
  if (!zmq_has("curve")) {
    blocking_expect_errno(zmq_curve_keypair(public_key, secret_key), ENOTSUP);
    blocking_expect_errno(zmq_curve_public(derived, secret_key), ENOTSUP);
    return;
  }
  blocking_expect_ok(zmq_curve_keypair(public_key, secret_key));
  assert_int_equal(strlen(public_key), 40);
  assert_int_equal(strlen(secret_key), 40);
  assert_string_not_equal(public_key, secret_key);
  blocking_expect_ok(zmq_curve_public(derived, secret_key));
  assert_string_equal(derived, public_key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_version_is_4_3),
      cmocka_unit_test(errors_have_texts),
      cmocka_unit_test(the_errno_is_that_of_the_thread),
      cmocka_unit_test(capabilities_are_words),
      cmocka_unit_test(a_counter_counts),
      cmocka_unit_test(threads_may_count_at_once),
      cmocka_unit_test(no_counter_counts_nothing),
      cmocka_unit_test(a_stopwatch_shows_microseconds),
      cmocka_unit_test(no_stopwatch_shows_nothing),
      cmocka_unit_test(sleep_takes_seconds),
      cmocka_unit_test(a_thread_runs_and_is_joined),
      cmocka_unit_test(no_thread_is_refused),
      cmocka_unit_test(z85_goes_both_ways),
      cmocka_unit_test(what_is_no_z85_is_refused),
      cmocka_unit_test(a_public_key_belongs_to_its_secret),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
