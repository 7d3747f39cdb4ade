/* How a context ends, and what the calls around it answer. */
#include <pthread.h>
#include <signal.h>

#include "support/blocked.h"
#include "support/blocking.h"

/* ---- The end ---- */

static int terminate(void *context) {
  return zmq_ctx_term(context);
}

static void new_context(blocking_t *b) {
  b->context = zmq_ctx_new();
  assert_non_null(b->context);
}

/* Behaviour 121. */
static void test_term_ends_every_wait(void **state) {
  blocking_t *b = *state;
  static blocked_wait_t wait;
  static blocked_t blocked;

  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &wait, kind, -1);
    blocked_start_wait(&blocked, &wait, true);
    blocked_wait_asleep(&blocked);
    blocking_expect_ok(zmq_ctx_term(b->context));
    blocked_expect_errno(&blocked, ETERM);
    new_context(b);
  }
}

/* Behaviour 121: a time-out does not put it off. */
static void test_term_ends_every_wait_with_timeout(void **state) {
  blocking_t *b = *state;
  static blocked_wait_t wait;
  static blocked_t blocked;

  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &wait, kind, 10 * BLOCKING_DEADLINE_MS);
    blocked_start_wait(&blocked, &wait, true);
    blocked_wait_asleep(&blocked);
    blocking_expect_ok(zmq_ctx_term(b->context));
    blocked_expect_errno(&blocked, ETERM);
    new_context(b);
  }
}

/* Behaviours 121, 124. */
static void test_shutdown_ends_every_wait(void **state) {
  blocking_t *b = *state;
  static blocked_wait_t wait;
  static blocked_t blocked;

  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &wait, kind, -1);
    blocked_start_wait(&blocked, &wait, false);
    blocked_wait_asleep(&blocked);
    blocking_expect_ok(zmq_ctx_shutdown(b->context));
    blocked_expect_errno(&blocked, ETERM);
    blocking_expect_errno(wait.call(&wait), ETERM);
    blocked_close(&wait);
    blocking_restart(b);
  }
}

/* Behaviour 121: all of them at once. */
static void test_term_ends_all_waits_together(void **state) {
  enum { WAITS = 32 };
  blocking_t *b = *state;
  static blocked_wait_t waits[WAITS];
  static blocked_t blocked[WAITS];

  assert_true(blocked_kinds() <= WAITS);
  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &waits[kind], kind, -1);
    blocked_start_wait(&blocked[kind], &waits[kind], true);
  }
  for (size_t kind = 0; kind < blocked_kinds(); kind++)
    blocked_wait_asleep(&blocked[kind]);
  blocking_expect_ok(zmq_ctx_term(b->context));
  for (size_t kind = 0; kind < blocked_kinds(); kind++)
    blocked_expect_errno(&blocked[kind], ETERM);
  new_context(b);
}

/* Waits until the context answers that it ends. */
static bool has_begun_to_end(void *context) {
  void *socket = zmq_socket(context, ZMQ_PAIR);

  if (socket != NULL) {
    zmq_close(socket);
    return false;
  }
  return errno == ETERM;
}

/* Behaviour 121. */
static void test_term_waits_for_the_last_socket(void **state) {
  blocking_t *b = *state;
  void *first = zmq_socket(b->context, ZMQ_PAIR);
  void *second = zmq_socket(b->context, ZMQ_PUB);
  static blocked_t blocked;

  blocked_start(&blocked, terminate, b->context);
  blocking_wait(has_begun_to_end(b->context));
  blocking_settle();
  assert_false(blocked_has_returned(&blocked));
  blocking_expect_ok(zmq_close(first));
  blocking_settle();
  assert_false(blocked_has_returned(&blocked));
  blocking_expect_ok(zmq_close(second));
  blocked_expect_ok(&blocked);
  new_context(b);
}

static bool has_noticed(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT) == -1 && errno == ETERM;
}

/* Every call but zmq_close. */
static void expect_every_call_fails(void *socket, int expected) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
  char bytes[BLOCKING_TEXT_MAX];
  int value = 0;
  size_t size = sizeof(value);
  zmq_msg_t message;

  zmq_msg_init(&message);
  blocking_expect_errno(zmq_bind(socket, "inproc://end"), expected);
  blocking_expect_errno(zmq_bind(socket, "tcp://127.0.0.1:*"), expected);
  blocking_expect_errno(zmq_connect(socket, "inproc://end"), expected);
  blocking_expect_errno(zmq_unbind(socket, "inproc://end"), expected);
  blocking_expect_errno(zmq_disconnect(socket, "inproc://end"), expected);
  blocking_expect_errno(zmq_setsockopt(socket, ZMQ_LINGER, &value, size),
                        expected);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_TYPE, &value, &size),
                        expected);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_EVENTS, &value, &size),
                        expected);
  blocking_expect_errno(zmq_send(socket, "x", 1, 0), expected);
  blocking_expect_errno(zmq_send(socket, "x", 1, ZMQ_DONTWAIT), expected);
  blocking_expect_errno(zmq_send_const(socket, "x", 1, 0), expected);
  blocking_expect_errno(zmq_msg_send(&message, socket, 0), expected);
  blocking_expect_errno(zmq_sendmsg(socket, &message, 0), expected);
  blocking_expect_errno(zmq_recv(socket, bytes, 1, 0), expected);
  blocking_expect_errno(zmq_recv(socket, bytes, 1, ZMQ_DONTWAIT), expected);
  blocking_expect_errno(zmq_msg_recv(&message, socket, 0), expected);
  blocking_expect_errno(zmq_recvmsg(socket, &message, 0), expected);
  blocking_expect_errno(
      zmq_socket_monitor(socket, "inproc://monitor", ZMQ_EVENT_ALL), expected);
  blocking_expect_errno(zmq_poll(&item, 1, 0), expected);
  zmq_msg_close(&message);
}

/* Behaviour 122. */
static void test_calls_on_a_socket_that_term_waits_for(void **state) {
  blocking_t *b = *state;
  void *socket = zmq_socket(b->context, ZMQ_DEALER);
  static blocked_t blocked;

  blocked_start(&blocked, terminate, b->context);
  blocking_wait(has_begun_to_end(b->context));
  blocking_wait(has_noticed(socket));
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), ETERM);
  expect_every_call_fails(socket, ETERM);
  blocking_expect_ok(zmq_close(socket));
  blocked_expect_ok(&blocked);
  new_context(b);
}

/* Behaviour 122: with a peer, and messages that wait. */
static void test_calls_on_a_connected_socket(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  for (int i = 0; i < 10; i++)
    blocking_send(connected, "waits");
  blocking_wait_events(bound, ZMQ_POLLIN);
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_wait(has_noticed(bound));
  blocking_wait(has_noticed(connected));
  expect_every_call_fails(bound, ETERM);
  expect_every_call_fails(connected, ETERM);
}

/* Behaviour 124. */
static void test_shutdown(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PAIR);

  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), ETERM);
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_IO_THREADS), 1);
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 10));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_MAX_SOCKETS), 10);
  blocking_expect_errno(zmq_send(socket, "x", 1, 0), ETERM);
}

/* Behaviour 124. */
static void test_shutdown_without_sockets(void **state) {
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), ETERM);
  blocking_expect_ok(zmq_ctx_term(b->context));
  new_context(b);
  blocking_close(b, blocking_socket(b, ZMQ_PAIR));
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), ETERM);
}

static atomic_int signals_seen;

static void on_signal(int number) {
  (void)number;
  atomic_fetch_add(&signals_seen, 1);
}

/* Behaviour 125. */
static void test_term_interrupted(void **state) {
  blocking_t *b = *state;
  struct sigaction action = {.sa_handler = on_signal};
  void *socket = zmq_socket(b->context, ZMQ_PULL);
  static blocked_t blocked;

  atomic_store(&signals_seen, 0);
  assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
  for (int i = 0; i < 3; i++) {
    blocked_start(&blocked, terminate, b->context);
    blocked_interrupt(&blocked, SIGUSR1);
    blocked_expect_errno(&blocked, EINTR);
    blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), ETERM);
  }
  assert_true(atomic_load(&signals_seen) >= 3);
  blocked_start(&blocked, terminate, b->context);
  blocked_wait_asleep(&blocked);
  assert_false(blocked_has_returned(&blocked));
  blocking_expect_ok(zmq_close(socket));
  blocked_expect_ok(&blocked);
  new_context(b);
}

/* Behaviour 129. */
static void test_term_with_a_name_that_was_never_bound(void **state) {
  blocking_t *b = *state;
  void *socket = zmq_socket(b->context, ZMQ_PUSH);

  blocking_set(socket, ZMQ_LINGER, -1);
  blocking_connect(socket, "inproc://never-bound");
  assert_int_equal(blocking_fill(socket, "m", 10), 10);
  blocking_expect_ok(zmq_close(socket));
  blocking_expect_ok(zmq_ctx_term(b->context));
  new_context(b);
}

static void test_term_without_anything(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++)
    blocking_expect_ok(zmq_ctx_term(zmq_ctx_new()));
}

static void test_term_again_and_again(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;

  for (int i = 0; i < 50; i++) {
    bound = blocking_socket(b, ZMQ_PULL);
    connected = blocking_socket(b, ZMQ_PUSH);
    blocking_attach(b, bound, connected, NULL);
    blocking_send(connected, "m");
    blocking_expect(bound, "m");
    blocking_restart(b);
  }
}

static void test_other_names_of_term(void **state) {
  void *context = zmq_init(2);

  (void)state;
  assert_non_null(context);
  assert_int_equal(zmq_ctx_get(context, ZMQ_IO_THREADS), 2);
  blocking_expect_ok(zmq_term(context));
  context = zmq_ctx_new();
  assert_non_null(context);
  blocking_expect_ok(zmq_ctx_destroy(context));
}

static void test_contexts_are_apart(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  void *other = zmq_ctx_new();
  void *stranger = zmq_socket(other, ZMQ_PULL);

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  blocking_bind_to(bound, "inproc://same-name");
  blocking_bind_to(stranger, "inproc://same-name");
  blocking_expect_ok(zmq_ctx_shutdown(other));
  blocking_wait(has_noticed(stranger));
  blocking_send(connected, "still here");
  blocking_expect(bound, "still here");
  blocking_expect_ok(zmq_close(stranger));
  blocking_expect_ok(zmq_ctx_term(other));
  blocking_send(connected, "and here");
  blocking_expect(bound, "and here");
}

/* ---- Bad arguments ---- */

/* Behaviour 126. */
static void test_socket_after_close(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_DEALER);

  blocking_close(b, socket);
  blocking_expect_errno(zmq_close(socket), ENOTSOCK);
  expect_every_call_fails(socket, ENOTSOCK);
}

/* Behaviour 126: for certain, however the memory is used since. */
static void test_socket_long_after_close(void **state) {
  blocking_t *b = *state;
  void *closed[20];

  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < 20; i++)
    closed[i] = blocking_socket(b, ZMQ_DEALER);
  for (size_t i = 0; i < 20; i++)
    blocking_close(b, closed[i]);
  blocking_settle();
  for (size_t i = 0; i < 20; i++)
    blocking_socket(b, ZMQ_DEALER);
  for (size_t i = 0; i < 20; i++) {
    blocking_expect_errno(zmq_close(closed[i]), ENOTSOCK);
    expect_every_call_fails(closed[i], ENOTSOCK);
  }
  blocking_restart(b);
  for (size_t i = 0; i < 20; i++)
    blocking_expect_errno(zmq_close(closed[i]), ENOTSOCK);
}

static void test_context_after_term(void **state) {
  void *context;
  void *another;

  (void)state;
  if (!blocking_is_zuv())
    skip();
  context = zmq_ctx_new();
  blocking_expect_ok(zmq_ctx_term(context));
  another = zmq_ctx_new();
  assert_non_null(another);
  blocking_expect_errno(zmq_ctx_term(context), EFAULT);
  blocking_expect_errno(zmq_ctx_shutdown(context), EFAULT);
  blocking_expect_errno(zmq_ctx_get(context, ZMQ_IO_THREADS), EFAULT);
  blocking_expect_errno(zmq_ctx_set(context, ZMQ_IO_THREADS, 1), EFAULT);
  blocking_expect_errno(zmq_socket(context, ZMQ_PAIR), EFAULT);
  blocking_expect_ok(zmq_ctx_term(another));
}

static void expect_no_context(void *context) {
  blocking_expect_errno(zmq_ctx_term(context), EFAULT);
  blocking_expect_errno(zmq_ctx_destroy(context), EFAULT);
  blocking_expect_errno(zmq_term(context), EFAULT);
  blocking_expect_errno(zmq_ctx_shutdown(context), EFAULT);
  blocking_expect_errno(zmq_ctx_get(context, ZMQ_IO_THREADS), EFAULT);
  blocking_expect_errno(zmq_ctx_set(context, ZMQ_IO_THREADS, 1), EFAULT);
  blocking_expect_errno(zmq_socket(context, ZMQ_PAIR), EFAULT);
}

/* Behaviour 130. */
static void test_no_context(void **state) {
  uint64_t something_else[128] = {0};

  (void)state;
  expect_no_context(NULL);
  expect_no_context(something_else);
  blocking_expect_errno(zmq_init(-1), EINVAL);
}

/* Behaviour 130. zmq_poll takes an item without a socket for a descriptor. */
static void expect_no_socket(void *socket) {
  int value = 0;
  size_t size = sizeof(value);
  char byte;
  zmq_msg_t message;

  zmq_msg_init(&message);
  blocking_expect_errno(zmq_close(socket), ENOTSOCK);
  blocking_expect_errno(zmq_bind(socket, "inproc://name"), ENOTSOCK);
  blocking_expect_errno(zmq_connect(socket, "inproc://name"), ENOTSOCK);
  blocking_expect_errno(zmq_unbind(socket, "inproc://name"), ENOTSOCK);
  blocking_expect_errno(zmq_disconnect(socket, "inproc://name"), ENOTSOCK);
  blocking_expect_errno(zmq_setsockopt(socket, ZMQ_LINGER, &value, size),
                        ENOTSOCK);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_LINGER, &value, &size),
                        ENOTSOCK);
  blocking_expect_errno(zmq_send(socket, "x", 1, 0), ENOTSOCK);
  blocking_expect_errno(zmq_send_const(socket, "x", 1, 0), ENOTSOCK);
  blocking_expect_errno(zmq_recv(socket, &byte, 1, 0), ENOTSOCK);
  blocking_expect_errno(zmq_msg_send(&message, socket, 0), ENOTSOCK);
  blocking_expect_errno(zmq_msg_recv(&message, socket, 0), ENOTSOCK);
  blocking_expect_errno(zmq_sendmsg(socket, &message, 0), ENOTSOCK);
  blocking_expect_errno(zmq_recvmsg(socket, &message, 0), ENOTSOCK);
  blocking_expect_errno(zmq_socket_monitor(socket, "inproc://name", 1),
                        ENOTSOCK);
  zmq_msg_close(&message);
}

/* Behaviour 130. */
static void test_no_socket(void **state) {
  static uint64_t something_else[1024];

  (void)state;
  expect_no_socket(NULL);
  expect_no_socket(something_else);
}

static void test_a_context_is_no_socket(void **state) {
  blocking_t *b = *state;

  if (!blocking_is_zuv())
    skip();
  expect_no_context(blocking_socket(b, ZMQ_PAIR));
  expect_no_socket(b->context);
}

/* ---- Limits and threads ---- */

static bool makes_socket(blocking_t *b, void **socket) {
  *socket = zmq_socket(b->context, ZMQ_PAIR);
  if (*socket == NULL)
    assert_int_equal(errno, EMFILE);
  return *socket != NULL;
}

/* Behaviour 127. */
static void test_max_sockets(void **state) {
  blocking_t *b = *state;
  void *first;
  void *another;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 3));
  first = blocking_socket(b, ZMQ_PAIR);
  blocking_socket(b, ZMQ_PUB);
  blocking_socket(b, ZMQ_SUB);
  for (int i = 0; i < 3; i++)
    blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), EMFILE);
  blocking_close(b, first);
  blocking_wait(makes_socket(b, &another));
  blocking_expect_errno(zmq_socket(b->context, ZMQ_PAIR), EMFILE);
  blocking_expect_ok(zmq_close(another));
}

/* Behaviour 128. */
static void test_no_io_threads(void **state) {
  blocking_t *b = *state;
  void *puller;
  void *pusher;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 0));
  puller = blocking_socket(b, ZMQ_PULL);
  pusher = blocking_socket(b, ZMQ_PUSH);
  blocking_expect_errno(zmq_bind(puller, "tcp://127.0.0.1:*"), EMTHREAD);
  blocking_expect_errno(zmq_connect(pusher, "tcp://127.0.0.1:9"), EMTHREAD);
  blocking_expect_errno(zmq_bind(puller, "ipc://*"), EMTHREAD);
  blocking_expect_errno(zmq_connect(pusher, "ipc:///tmp/no-such"), EMTHREAD);
  blocking_bind_to(puller, "inproc://works");
  blocking_connect(pusher, "inproc://works");
  blocking_send(pusher, "a|b");
  blocking_expect(puller, "a|b");
}

static void test_several_io_threads(void **state) {
  enum { PAIRS = 8, MESSAGES = 50 };
  blocking_t *b = *state;
  void *bound[PAIRS];
  void *connected[PAIRS];

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 4));
  assert_int_equal(zmq_ctx_get(b->context, ZMQ_IO_THREADS), 4);
  for (size_t i = 0; i < PAIRS; i++) {
    bound[i] = blocking_socket(b, ZMQ_PAIR);
    connected[i] = blocking_socket(b, ZMQ_PAIR);
    blocking_attach(b, bound[i], connected[i], NULL);
  }
  for (size_t i = 0; i < PAIRS; i++)
    for (size_t k = 0; k < MESSAGES; k++)
      blocking_send(connected[i], "to");
  for (size_t i = 0; i < PAIRS; i++) {
    for (size_t k = 0; k < MESSAGES; k++)
      blocking_expect(bound[i], "to");
    blocking_send(bound[i], "fro");
    blocking_expect(connected[i], "fro");
  }
}

/* One socket whose peers are served by different threads. */
static void test_one_socket_over_several_io_threads(void **state) {
  enum { PEERS = 8 };
  blocking_t *b = *state;
  void *server;
  void *peers[PEERS];
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 4));
  server = blocking_socket(b, ZMQ_REP);
  blocking_bind(b, server, endpoint);
  for (size_t i = 0; i < PEERS; i++) {
    peers[i] = blocking_socket(b, ZMQ_REQ);
    blocking_connect(peers[i], endpoint);
  }
  for (int round = 0; round < 5; round++) {
    for (size_t i = 0; i < PEERS; i++)
      blocking_send(peers[i], "ask");
    for (size_t i = 0; i < PEERS; i++) {
      blocking_expect(server, "ask");
      blocking_send(server, "answer");
    }
    for (size_t i = 0; i < PEERS; i++)
      blocking_expect(peers[i], "answer");
  }
}

static void test_affinity(void **state) {
  blocking_t *b = *state;
  void *puller;
  void *pusher;
  uint64_t second = 1U << 1;
  uint64_t absent = 1U << 5;
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 2));
  puller = blocking_socket(b, ZMQ_PULL);
  pusher = blocking_socket(b, ZMQ_PUSH);
  blocking_expect_ok(
      zmq_setsockopt(puller, ZMQ_AFFINITY, &second, sizeof(second)));
  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  blocking_send(pusher, "m");
  blocking_expect(puller, "m");
  blocking_expect_ok(
      zmq_setsockopt(puller, ZMQ_AFFINITY, &absent, sizeof(absent)));
  blocking_expect_errno(zmq_bind(puller, "tcp://127.0.0.1:*"), EMTHREAD);
  blocking_expect_errno(zmq_connect(puller, "tcp://127.0.0.1:9"), EMTHREAD);
  blocking_bind_to(puller, "inproc://exempt");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_term_ends_every_wait),
      blocking_test(test_term_ends_every_wait_with_timeout),
      blocking_test(test_shutdown_ends_every_wait),
      blocking_test(test_term_ends_all_waits_together),
      blocking_test(test_term_waits_for_the_last_socket),
      blocking_test(test_calls_on_a_socket_that_term_waits_for),
      blocking_test(test_calls_on_a_connected_socket),
      blocking_test(test_shutdown),
      blocking_test(test_shutdown_without_sockets),
      blocking_test(test_term_interrupted),
      blocking_test(test_term_with_a_name_that_was_never_bound),
      blocking_test(test_term_without_anything),
      blocking_test(test_term_again_and_again),
      blocking_test(test_other_names_of_term),
      blocking_test(test_contexts_are_apart),
      blocking_test(test_socket_after_close),
      blocking_test(test_socket_long_after_close),
      blocking_test(test_context_after_term),
      blocking_test(test_no_context),
      blocking_test(test_no_socket),
      blocking_test(test_a_context_is_no_socket),
      blocking_test(test_max_sockets),
      blocking_test(test_no_io_threads),
      blocking_test(test_several_io_threads),
      blocking_test(test_one_socket_over_several_io_threads),
      blocking_test(test_affinity),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
