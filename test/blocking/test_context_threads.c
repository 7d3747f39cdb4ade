/* What the options of a context make of its I/O threads: their names, their
 * processors, their scheduling. A wish that the system does not grant is no
 * reason to end, as libzmq does. */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "support/blocking.h"

/* The id of the thread with that name, or 0. */
static pid_t find_thread(const char *name) {
  DIR *directory = opendir("/proc/self/task");
  struct dirent *entry;
  pid_t found = 0;

  assert_non_null(directory);
  while (found == 0 && (entry = readdir(directory)) != NULL) {
    char path[300];
    char line[32] = "";
    FILE *file;
    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
    file = fopen(path, "r");
    if (file == NULL)
      continue;
    if (fgets(line, sizeof(line), file) != NULL &&
        strcspn(line, "\n") == strlen(name) &&
        memcmp(line, name, strlen(name)) == 0)
      found = (pid_t)atoi(entry->d_name);
    fclose(file);
  }
  closedir(directory);
  return found;
}

/* Starts the I/O thread, and waits until it is named; the rest is done then. */
static pid_t start(blocking_t *b, int prefix) {
  char name[32];

  snprintf(name, sizeof(name), "%d/ZMQbg/IO/0", prefix);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_NAME_PREFIX, prefix));
  blocking_bind_to(blocking_socket(b, ZMQ_PULL), "tcp://127.0.0.1:*");
  blocking_wait(find_thread(name) != 0);
  return find_thread(name);
}

static void expect_to_work(blocking_t *b) {
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  blocking_send(bound, "works");
  blocking_expect(connected, "works");
}

/* ---- What this process may do ---- */

typedef struct {
  int policy;
  int priority; /* or the nice value */
  bool granted;
} wish_t;

static void *wish_for(void *data) {
  wish_t *wish = data;
  struct sched_param parameters = {.sched_priority = wish->priority};

  wish->granted = wish->policy == SCHED_OTHER
                      ? setpriority(PRIO_PROCESS, 0, wish->priority) == 0
                      : pthread_setschedparam(pthread_self(), wish->policy,
                                              &parameters) == 0;
  return NULL;
}

static bool is_granted(int policy, int priority) {
  wish_t wish = {policy, priority, false};
  pthread_t thread;

  assert_int_equal(pthread_create(&thread, NULL, wish_for, &wish), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  return wish.granted;
}

/* ---- Names ---- */

static void threads_have_names(void **state) {
  blocking_t *b = *state;

  blocking_bind_to(blocking_socket(b, ZMQ_PULL), "tcp://127.0.0.1:*");
  blocking_wait(find_thread("ZMQbg/IO/0") != 0);
}

static void names_have_a_prefix(void **state) {
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_NAME_PREFIX, -123456));
  blocking_bind_to(blocking_socket(b, ZMQ_PULL), "tcp://127.0.0.1:*");
  /* which the system cuts */
  blocking_wait(find_thread("-123456/ZMQbg/I") != 0);
  expect_to_work(b);
}

static void each_thread_has_its_number(void **state) {
  static const char *const names[] = {"2/ZMQbg/IO/0", "2/ZMQbg/IO/1",
                                      "2/ZMQbg/IO/2"};
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 3));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_NAME_PREFIX, 2));
  for (int i = 0; i < 3; i++)
    blocking_bind_to(blocking_socket(b, ZMQ_PULL), "tcp://127.0.0.1:*");
  for (int i = 0; i < 3; i++)
    blocking_wait(find_thread(names[i]) != 0);
}

/* ---- Processors ---- */

static int some_processor(void) {
  cpu_set_t mine;
  int processor = 0;

  assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
  while (!CPU_ISSET((size_t)processor, &mine))
    processor++;
  return processor;
}

static void threads_keep_to_their_processors(void **state) {
  blocking_t *b = *state;
  int processor = some_processor();
  cpu_set_t set;
  pid_t thread;

  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_ADD, processor));
  thread = start(b, 3);
  assert_int_equal(sched_getaffinity(thread, sizeof(set), &set), 0);
  assert_int_equal(CPU_COUNT(&set), 1);
  assert_true(CPU_ISSET((size_t)processor, &set));
  expect_to_work(b);
}

static void a_processor_that_is_not_there_is_ignored(void **state) {
  blocking_t *b = *state;
  cpu_set_t mine;
  cpu_set_t set;
  pid_t thread;

  if (!blocking_is_zuv())
    skip();
  blocking_expect_errno(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_ADD, CPU_SETSIZE),
      EINVAL);
  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_AFFINITY_CPU_ADD, CPU_SETSIZE - 1));
  thread = start(b, 4);
  assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
  assert_int_equal(sched_getaffinity(thread, sizeof(set), &set), 0);
  assert_true(CPU_EQUAL(&mine, &set));
  expect_to_work(b);
}

/* ---- Scheduling ---- */

static void threads_have_their_policy(void **state) {
  blocking_t *b = *state;
  pid_t thread;

  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH));
  thread = start(b, 5);
  assert_int_equal(sched_getscheduler(thread), SCHED_BATCH);
  assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
  expect_to_work(b);
}

static void a_policy_that_is_not_there_is_ignored(void **state) {
  blocking_t *b = *state;
  pid_t thread;

  if (!blocking_is_zuv())
    skip();
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_SCHED_POLICY, 77));
  thread = start(b, 6);
  assert_int_equal(sched_getscheduler(thread), SCHED_OTHER);
  expect_to_work(b);
}

static void a_real_time_priority_needs_privileges(void **state) {
  blocking_t *b = *state;
  bool granted = is_granted(SCHED_RR, 7);
  struct sched_param parameters;
  pid_t thread;

  if (!granted && !blocking_is_zuv())
    skip();
  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_SCHED_POLICY, SCHED_RR));
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_PRIORITY, 7));
  thread = start(b, 7);
  assert_int_equal(sched_getscheduler(thread),
                   granted ? SCHED_RR : SCHED_OTHER);
  assert_int_equal(sched_getparam(thread, &parameters), 0);
  assert_int_equal(parameters.sched_priority, granted ? 7 : 0);
  expect_to_work(b);
}

/* libzmq asks for the priority 0, which there is none of, and ends. */
static void a_real_time_policy_has_a_least_priority(void **state) {
  blocking_t *b = *state;
  struct sched_param parameters;
  pid_t thread;

  if (!blocking_is_zuv() || !is_granted(SCHED_FIFO, 1))
    skip();
  blocking_expect_ok(
      zmq_ctx_set(b->context, ZMQ_THREAD_SCHED_POLICY, SCHED_FIFO));
  thread = start(b, 8);
  assert_int_equal(sched_getscheduler(thread), SCHED_FIFO);
  assert_int_equal(sched_getparam(thread, &parameters), 0);
  assert_int_equal(parameters.sched_priority, 1);
  expect_to_work(b);
}

static void a_priority_is_a_nice_value_elsewhere(void **state) {
  blocking_t *b = *state;
  bool granted = is_granted(SCHED_OTHER, -20);
  pid_t thread;

  if (!granted && !blocking_is_zuv())
    skip();
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_THREAD_PRIORITY, 1));
  thread = start(b, 9);
  assert_int_equal(getpriority(PRIO_PROCESS, (id_t)thread),
                   granted ? -20 : getpriority(PRIO_PROCESS, 0));
  expect_to_work(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(threads_have_names),
      blocking_test(names_have_a_prefix),
      blocking_test(each_thread_has_its_number),
      blocking_test(threads_keep_to_their_processors),
      blocking_test(a_processor_that_is_not_there_is_ignored),
      blocking_test(threads_have_their_policy),
      blocking_test(a_policy_that_is_not_there_is_ignored),
      blocking_test(a_real_time_priority_needs_privileges),
      blocking_test(a_real_time_policy_has_a_least_priority),
      blocking_test(a_priority_is_a_nice_value_elsewhere),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
