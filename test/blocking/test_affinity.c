/* ZMQ_AFFINITY: which I/O thread serves a socket, and that a socket is the same
 * after it was told so. */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support/blocking.h"

enum { THREADS = 3 };

/* A context of several I/O threads. */
static int setup(void **state) {
  blocking_t *b;

  if (blocking_setup(state) != 0)
    return -1;
  b = *state;
  return zmq_ctx_set(b->context, ZMQ_IO_THREADS, THREADS);
}

#define affinity_test(function)                                                \
  cmocka_unit_test_setup_teardown(function, setup, blocking_teardown)

static void set_affinity(void *socket, uint64_t mask) {
  blocking_expect_ok(zmq_setsockopt(socket, ZMQ_AFFINITY, &mask, sizeof(mask)));
}

static void *bound_to(blocking_t *b, int type, uint64_t mask, char *endpoint) {
  void *socket = blocking_socket(b, type);

  set_affinity(socket, mask);
  blocking_bind_resolved(socket, "tcp://127.0.0.1:*", endpoint);
  return socket;
}

/* ---- Which thread ---- */

/* How often the I/O thread has slept. */
static long sleeps_of(int thread) {
  DIR *directory = opendir("/proc/self/task");
  struct dirent *entry;
  char wanted[32];
  long sleeps = -1;

  snprintf(wanted, sizeof(wanted), "Name:\tZMQbg/IO/%d\n", thread);
  assert_non_null(directory);
  while ((entry = readdir(directory)) != NULL) {
    char path[300];
    char line[128];
    bool is_it = false;
    FILE *file;
    snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
      is_it = is_it || strcmp(line, wanted) == 0;
      if (is_it && strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
        sleeps = atol(line + 24);
    }
    if (file != NULL)
      fclose(file);
  }
  closedir(directory);
  return sleeps;
}

/* Waits until a thread sleeps on. */
static void wait_for_quiet(int thread) {
  long before;

  do {
    before = sleeps_of(thread);
    blocking_settle();
  } while (sleeps_of(thread) != before);
}

/* Of each thread when all of them slept. */
static void count_sleeps(long *sleeps) {
  for (int i = 0; i < THREADS; i++) {
    wait_for_quiet(i);
    sleeps[i] = sleeps_of(i);
  }
}

/* A socket of another context sends to `pull` now and then, while nobody waits
 * here: that thread wakes from it, and no other. */
static void expect_to_wake(int chosen, void *pull, const char *endpoint) {
  enum { WAKINGS = 10, NOISE = 4 };
  void *other = zmq_ctx_new();
  long before[THREADS];
  void *push;

  /* Its thread is none of those that are looked at. */
  blocking_expect_ok(zmq_ctx_set(other, ZMQ_THREAD_NAME_PREFIX, 1));
  push = zmq_socket(other, ZMQ_PUSH);
  blocking_expect_ok(zmq_connect(push, endpoint));
  blocking_send(push, "first");
  blocking_expect(pull, "first");
  count_sleeps(before);
  blocking_wait((blocking_try_send(push, "more", ZMQ_DONTWAIT),
                 sleeps_of(chosen) - before[chosen] > WAKINGS));
  for (int i = 0; i < THREADS; i++)
    if (i != chosen)
      assert_in_range(sleeps_of(i) - before[i], 0, NOISE);
  blocking_expect(pull, "more");
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_expect_ok(zmq_close(push));
  blocking_expect_ok(zmq_ctx_term(other));
}

/* A thread may start with the first socket that it is to serve. */
static void start_threads(blocking_t *b) {
  char endpoint[BLOCKING_TEXT_MAX];

  for (int i = 0; i < THREADS; i++)
    bound_to(b, ZMQ_PULL, UINT64_C(1) << i, endpoint);
  for (int i = 0; i < THREADS; i++)
    blocking_wait(sleeps_of(i) >= 0);
}

static void the_thread_that_is_named_serves(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  start_threads(b);
  for (int chosen = 0; chosen < THREADS; chosen++) {
    void *pull = bound_to(b, ZMQ_PULL, UINT64_C(1) << chosen, endpoint);
    expect_to_wake(chosen, pull, endpoint);
  }
}

static void a_mask_may_name_no_thread(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  set_affinity(socket, UINT64_C(1) << THREADS);
  blocking_expect_errno(zmq_bind(socket, "tcp://127.0.0.1:*"), EMTHREAD);
  blocking_expect_errno(zmq_connect(socket, "tcp://127.0.0.1:5"), EMTHREAD);
  blocking_bind_to(socket, "inproc://needs-no-thread");
  set_affinity(socket, UINT64_C(1) << (THREADS - 1));
  blocking_bind_resolved(socket, "tcp://127.0.0.1:*", endpoint);
  blocking_expect_reaches(b, socket, endpoint, false);
}

/* ---- The socket is the same ---- */

static void options_set_before_hold(void **state) {
  blocking_t *b = *state;
  char text[BLOCKING_TEXT_MAX];

  for (int thread = 0; thread < THREADS; thread++) {
    void *socket = blocking_socket(b, ZMQ_DEALER);
    uint64_t mask = 0;
    size_t size = sizeof(mask);
    blocking_set_text(socket, ZMQ_ROUTING_ID, "me");
    blocking_set_text(socket, ZMQ_SOCKS_PROXY, "127.0.0.1:1080");
    blocking_set_text(socket, ZMQ_ZAP_DOMAIN, "domain");
    blocking_set(socket, ZMQ_SNDHWM, 7);
    blocking_set(socket, ZMQ_LINGER, 11);
    set_affinity(socket, UINT64_C(1) << thread);
    size = sizeof(text);
    blocking_expect_ok(zmq_getsockopt(socket, ZMQ_ROUTING_ID, text, &size));
    assert_int_equal(size, 2);
    assert_memory_equal(text, "me", 2);
    blocking_get_text(socket, ZMQ_SOCKS_PROXY, text);
    assert_string_equal(text, "127.0.0.1:1080");
    blocking_get_text(socket, ZMQ_ZAP_DOMAIN, text);
    assert_string_equal(text, "domain");
    assert_int_equal(blocking_get(socket, ZMQ_SNDHWM), 7);
    assert_int_equal(blocking_get(socket, ZMQ_LINGER), 11);
    assert_int_equal(blocking_get(socket, ZMQ_TYPE), ZMQ_DEALER);
    size = sizeof(mask);
    blocking_expect_ok(zmq_getsockopt(socket, ZMQ_AFFINITY, &mask, &size));
    assert_true(mask == UINT64_C(1) << thread);
  }
}

static void the_descriptor_stays(void **state) {
  blocking_t *b = *state;

  for (int thread = 0; thread < THREADS; thread++) {
    struct pollfd item = {.events = POLLIN};
    char endpoint[BLOCKING_TEXT_MAX];
    void *push = blocking_socket(b, ZMQ_PUSH);
    void *pull = blocking_socket(b, ZMQ_PULL);
    item.fd = blocking_get(pull, ZMQ_FD);
    set_affinity(pull, UINT64_C(1) << thread);
    assert_int_equal(blocking_get(pull, ZMQ_FD), item.fd);
    blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
    blocking_connect(push, endpoint);
    assert_int_equal(blocking_events(pull), 0);
    blocking_send(push, "news");
    while ((blocking_events(pull) & ZMQ_POLLIN) == 0)
      assert_int_equal(poll(&item, 1, BLOCKING_DEADLINE_MS), 1);
    blocking_expect(pull, "news");
  }
}

/* libzmq welcomes when the publisher is in a call. */
static void expect_welcome(void *xpub, void *socket) {
  blocking_wait((blocking_events(xpub), blocking_events(socket) & ZMQ_POLLIN));
  blocking_expect(socket, "topic: welcome");
}

static void subscriptions_and_welcomes_are_kept(void **state) {
  blocking_t *b = *state;

  for (int thread = 0; thread < THREADS; thread++) {
    char endpoint[BLOCKING_TEXT_MAX];
    void *xpub = blocking_socket(b, ZMQ_XPUB);
    void *sub = blocking_socket(b, ZMQ_SUB);
    void *xsub = blocking_socket(b, ZMQ_XSUB);
    blocking_set_text(xpub, ZMQ_XPUB_WELCOME_MSG, "topic: welcome");
    blocking_set_text(sub, ZMQ_SUBSCRIBE, "topic");
    blocking_send(xsub, "\\x01topic");
    set_affinity(xpub, UINT64_C(1) << thread);
    set_affinity(sub, UINT64_C(1) << thread);
    set_affinity(xsub, UINT64_C(1) << thread);
    blocking_bind_resolved(xpub, "tcp://127.0.0.1:*", endpoint);
    blocking_connect(sub, endpoint);
    blocking_connect(xsub, endpoint);
    blocking_expect(xpub, "\\x01topic");
    expect_welcome(xpub, sub);
    expect_welcome(xpub, xsub);
  }
}

static void what_has_begun_goes_on(void **state) {
  blocking_t *b = *state;

  for (int thread = 0; thread < THREADS; thread++) {
    char endpoint[BLOCKING_TEXT_MAX];
    void *push = blocking_socket(b, ZMQ_PUSH);
    void *pull = blocking_socket(b, ZMQ_PULL);
    void *monitor = blocking_monitor(b, push, ZMQ_EVENT_ALL);
    blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
    set_affinity(push, UINT64_C(1) << thread);
    blocking_connect(push, endpoint);
    blocking_send(push, "1");
    blocking_expect(pull, "1");
    set_affinity(push, UINT64_C(1) << ((thread + 1) % THREADS));
    set_affinity(pull, UINT64_C(1) << ((thread + 1) % THREADS));
    blocking_send(push, "2");
    blocking_expect(pull, "2");
    blocking_wait_monitor(monitor, ZMQ_EVENT_CONNECTED);
    blocking_monitor_end(b, push, monitor);
  }
}

static void threads_meet_over_inproc(void **state) {
  blocking_t *b = *state;

  for (int i = 0; i < THREADS * THREADS; i++) {
    char endpoint[BLOCKING_TEXT_MAX];
    void *bound = blocking_socket(b, ZMQ_PAIR);
    void *connected = blocking_socket(b, ZMQ_PAIR);
    snprintf(endpoint, sizeof(endpoint), "inproc://pair-%d", i);
    set_affinity(bound, UINT64_C(1) << (i / THREADS));
    set_affinity(connected, UINT64_C(1) << (i % THREADS));
    blocking_bind_to(bound, endpoint);
    blocking_connect(connected, endpoint);
    blocking_send(bound, "down");
    blocking_expect(connected, "down");
    blocking_send(connected, "up");
    blocking_expect(bound, "up");
  }
}

/* No more sockets are counted than there are. */
/* What one thread has sent to itself it can read at once, whatever loops the
 * two sockets live on. */
static void a_message_between_threads_is_there_at_once(void **state) {
  blocking_t *b = *state;
  void *bound = blocking_socket(b, ZMQ_PAIR);
  void *connected = blocking_socket(b, ZMQ_PAIR);
  char text[2];

  set_affinity(bound, 1);
  set_affinity(connected, 2);
  assert_int_equal(zmq_bind(bound, "inproc://at-once"), 0);
  assert_int_equal(zmq_connect(connected, "inproc://at-once"), 0);
  for (int i = 0; i < 1000; i++) {
    zmq_pollitem_t item = {.socket = bound, .events = ZMQ_POLLIN};
    int events = 0;
    size_t size = sizeof(events);

    assert_int_equal(zmq_send(connected, "m", 1, 0), 1);
    if (i % 3 == 0)
      assert_int_equal(zmq_poll(&item, 1, 0), 1);
    if (i % 3 == 1) {
      assert_int_equal(zmq_getsockopt(bound, ZMQ_EVENTS, &events, &size), 0);
      assert_int_equal(events & ZMQ_POLLIN, ZMQ_POLLIN);
    }
    assert_int_equal(zmq_recv(bound, text, sizeof(text), ZMQ_DONTWAIT), 1);
  }
}

static void moving_takes_no_socket_away(void **state) {
  blocking_t *b = *state;
  void *one;
  void *other;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 2));
  one = blocking_socket(b, ZMQ_PAIR);
  for (int i = 0; i < 300; i++)
    set_affinity(one, UINT64_C(1) << (i % THREADS));
  blocking_wait((other = zmq_socket(b->context, ZMQ_PAIR)) != NULL);
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), EMFILE);
  blocking_expect_ok(zmq_close(other));
}

static atomic_bool watched_enough;

/* Begins and ends monitors; answers how many calls have failed. */
static void *watch_again_and_again(void *socket) {
  intptr_t failures = 0;

  for (int i = 0; !atomic_load(&watched_enough); i++) {
    char endpoint[BLOCKING_TEXT_MAX];
    snprintf(endpoint, sizeof(endpoint), "inproc://watch-%d", i);
    failures += zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_ALL) != 0;
    failures += zmq_socket_monitor(socket, NULL, 0) != 0;
  }
  return (void *)failures;
}

/* A monitor may be begun and ended by another thread. */
static void a_socket_moves_while_it_is_watched(void **state) {
  enum { MOVES = 10000 };
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  pthread_t watcher;
  void *failures;

  atomic_store(&watched_enough, false);
  assert_int_equal(
      pthread_create(&watcher, NULL, watch_again_and_again, socket), 0);
  for (int i = 0; i < MOVES; i++)
    set_affinity(socket, UINT64_C(1) << (i % THREADS));
  atomic_store(&watched_enough, true);
  assert_int_equal(pthread_join(watcher, &failures), 0);
  assert_null(failures);
  blocking_bind_resolved(socket, "tcp://127.0.0.1:*", endpoint);
  blocking_expect_reaches(b, socket, endpoint, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      affinity_test(the_thread_that_is_named_serves),
      affinity_test(a_mask_may_name_no_thread),
      affinity_test(options_set_before_hold),
      affinity_test(the_descriptor_stays),
      affinity_test(subscriptions_and_welcomes_are_kept),
      affinity_test(what_has_begun_goes_on),
      affinity_test(threads_meet_over_inproc),
      affinity_test(a_message_between_threads_is_there_at_once),
      affinity_test(moving_takes_no_socket_away),
      affinity_test(a_socket_moves_while_it_is_watched),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
