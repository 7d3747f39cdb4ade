/* Behaviour 15: a signal handler that ran in the waiting thread ends the wait,
 * whatever the call, the time-out and the flags of the handler. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "support/blocked.h"
#include "support/blocking.h"

enum { WAITS_MAX = 32 };

static atomic_int handled;

static void on_signal(int number) {
  (void)number;
  atomic_fetch_add(&handled, 1);
}

static void install(void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

  assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
}

/* Each call is interrupted twice: it can be made again, and waits again. */
static void interrupt_every_wait(blocking_t *b, int flags, int timeout_ms) {
  static blocked_wait_t wait;
  static blocked_t blocked;

  install(on_signal, flags);
  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &wait, kind, timeout_ms);
    for (int i = 0; i < 2; i++) {
      blocked_start_wait(&blocked, &wait, false);
      blocked_interrupt(&blocked, SIGUSR1);
      blocked_expect_errno(&blocked, EINTR);
    }
    blocked_close(&wait);
  }
}

static void test_every_wait(void **state) {
  interrupt_every_wait(*state, 0, -1);
}

static void test_every_wait_with_restart(void **state) {
  interrupt_every_wait(*state, SA_RESTART, -1);
}

static void test_every_wait_with_timeout(void **state) {
  interrupt_every_wait(*state, 0, 10 * BLOCKING_DEADLINE_MS);
}

static void test_every_wait_with_restart_and_timeout(void **state) {
  interrupt_every_wait(*state, SA_RESTART, 10 * BLOCKING_DEADLINE_MS);
}

/* Whoever else waits in the same context goes on waiting. */
static void test_one_of_many(void **state) {
  blocking_t *b = *state;
  static blocked_wait_t waits[WAITS_MAX];
  static blocked_t blocked[WAITS_MAX];
  size_t count = blocked_kinds();

  install(on_signal, 0);
  assert_true(count <= WAITS_MAX);
  for (size_t kind = 0; kind < count; kind++) {
    blocked_prepare(b, &waits[kind], kind, -1);
    blocked_start_wait(&blocked[kind], &waits[kind], true);
  }
  for (size_t kind = 0; kind < count; kind++)
    blocked_wait_asleep(&blocked[kind]);
  for (size_t kind = 0; kind < count; kind++) {
    blocked_interrupt(&blocked[kind], SIGUSR1);
    blocked_expect_errno(&blocked[kind], EINTR);
    for (size_t other = kind + 1; other < count; other++)
      assert_false(blocked_has_returned(&blocked[other]));
  }
}

/* The same from the last to the first: whoever it was that did the waiting for
 * all of them. */
static void test_one_of_many_backwards(void **state) {
  blocking_t *b = *state;
  static blocked_wait_t waits[WAITS_MAX];
  static blocked_t blocked[WAITS_MAX];

  install(on_signal, SA_RESTART);
  for (size_t kind = 0; kind < blocked_kinds(); kind++) {
    blocked_prepare(b, &waits[kind], kind, -1);
    blocked_start_wait(&blocked[kind], &waits[kind], true);
    blocked_wait_asleep(&blocked[kind]);
  }
  for (size_t kind = blocked_kinds(); kind-- > 0;) {
    blocked_interrupt(&blocked[kind], SIGUSR1);
    blocked_expect_errno(&blocked[kind], EINTR);
    for (size_t other = 0; other < kind; other++)
      assert_false(blocked_has_returned(&blocked[other]));
  }
}

static int poll_nothing(void *unused) {
  (void)unused;
  return zmq_poll(NULL, 0, 10 * BLOCKING_DEADLINE_MS);
}

static int poll_descriptor(void *ends) {
  zmq_pollitem_t item = {.fd = *(int *)ends, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, -1);
}

static int poll_descriptor_with_timeout(void *ends) {
  zmq_pollitem_t item = {.fd = *(int *)ends, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, 10 * BLOCKING_DEADLINE_MS);
}

static int poll_socket_with_timeout(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, 10 * BLOCKING_DEADLINE_MS);
}

static void interrupt_call(blocked_call_fn *call, void *argument, int flags) {
  static blocked_t blocked;

  install(on_signal, flags);
  blocked_start(&blocked, call, argument);
  blocked_interrupt(&blocked, SIGUSR1);
  blocked_expect_errno(&blocked, EINTR);
}

static void test_other_polls(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  int ends[2];

  assert_int_equal(pipe(ends), 0);
  for (int i = 0; i < 2; i++) {
    int flags = i == 0 ? 0 : SA_RESTART;

    interrupt_call(poll_nothing, NULL, flags);
    interrupt_call(poll_descriptor, ends, flags);
    interrupt_call(poll_descriptor_with_timeout, ends, flags);
    interrupt_call(poll_socket_with_timeout, socket, flags);
  }
  close(ends[0]);
  close(ends[1]);
}

static int terminate(void *context) {
  return zmq_ctx_term(context);
}

/* Behaviour 125. */
static void test_term(void **state) {
  blocking_t *b = *state;
  void *socket = zmq_socket(b->context, ZMQ_PULL);

  interrupt_call(terminate, b->context, 0);
  interrupt_call(terminate, b->context, SA_RESTART);
  blocking_expect_ok(zmq_close(socket));
  blocking_expect_ok(zmq_ctx_term(b->context));
  b->context = NULL;
}

static int receive(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, 0);
}

/* What is not handled interrupts nobody. */
static void test_ignored(void **state) {
  blocking_t *b = *state;
  static blocked_t blocked;
  void *bound;
  void *connected;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  install(SIG_IGN, 0);
  blocked_start(&blocked, receive, bound);
  blocked_wait_asleep(&blocked);
  for (int i = 0; i < 20; i++) {
    pthread_kill(blocked.thread, SIGUSR1);
    blocking_sleep_ms(1);
  }
  assert_false(blocked_has_returned(&blocked));
  blocking_send(connected, "m");
  blocked_expect_ok(&blocked);
}

/* A thread of the library may block signals only once it runs. That which
 * transports has run when a message came over tcp; that which cleans up after
 * closed sockets, when their name is free. */
static void wait_for_threads_of_the_library(blocking_t *b) {
  void *first = blocking_socket(b, ZMQ_PAIR);
  void *second = blocking_socket(b, ZMQ_PAIR);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_to(first, "tcp://127.0.0.1:*");
  blocking_get_text(first, ZMQ_LAST_ENDPOINT, endpoint);
  blocking_connect(second, endpoint);
  blocking_send(second, "m");
  blocking_expect(first, "m");
  blocking_bind_to(first, "inproc://taken");
  blocking_close(b, first);
  blocking_wait(zmq_bind(second, "inproc://taken") == 0);
}

/* A signal for the process is for its own threads, not for the library's. */
static void test_threads_of_the_library(void **state) {
  blocking_t *b = *state;
  sigset_t set;
  sigset_t pending;
  void *bound;
  void *connected;

  install(on_signal, 0);
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  wait_for_threads_of_the_library(b);
  atomic_store(&handled, 0);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
  assert_int_equal(kill(getpid(), SIGUSR1), 0);
  blocking_settle();
  assert_int_equal(atomic_load(&handled), 0);
  assert_int_equal(sigpending(&pending), 0);
  assert_int_equal(sigismember(&pending, SIGUSR1), 1);
  assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
  blocking_wait(atomic_load(&handled) == 1);
  blocking_send(connected, "m");
  blocking_expect(bound, "m");
}

typedef struct {
  void *asker;
  void *answerer;
  int interrupted;
} talk_t;

enum { QUESTIONS = 500 };

static int send_again(talk_t *talk, void *socket, int number) {
  int size;

  while ((size = zmq_send(socket, &number, sizeof(number), 0)) == -1 &&
         errno == EINTR)
    talk->interrupted++;
  return size == sizeof(number) ? 0 : -1;
}

static int receive_again(talk_t *talk, void *socket, int expected) {
  int number = -1;
  int size;

  while ((size = zmq_recv(socket, &number, sizeof(number), 0)) == -1 &&
         errno == EINTR)
    talk->interrupted++;
  return size == sizeof(number) && number == expected ? 0 : -1;
}

static int talk_on(void *argument) {
  talk_t *talk = argument;

  for (int i = 0; i < QUESTIONS; i++) {
    if (send_again(talk, talk->asker, i) != 0 ||
        receive_again(talk, talk->answerer, i) != 0 ||
        send_again(talk, talk->answerer, -i) != 0 ||
        receive_again(talk, talk->asker, -i) != 0)
      return -1;
  }
  return 0;
}

/* However often it is interrupted, whoever tries again loses nothing. */
static void test_many_signals_while_talking(void **state) {
  blocking_t *b = *state;
  static talk_t talk;
  static blocked_t talker;

  install(on_signal, 0);
  blocking_pair(b, ZMQ_REP, ZMQ_REQ, &talk.answerer, &talk.asker);
  talk.interrupted = 0;
  blocked_start(&talker, talk_on, &talk);
  while (!blocked_has_returned(&talker)) {
    pthread_kill(talker.thread, SIGUSR1);
    usleep(200);
  }
  blocked_expect_ok(&talker);
}

/* Behaviour 14: an interruption is no time-out, and a time-out still comes. */
static void test_timeout_after_a_signal(void **state) {
  blocking_t *b = *state;
  static blocked_t blocked;
  void *socket = blocking_socket(b, ZMQ_PULL);

  blocking_set(socket, ZMQ_RCVTIMEO, 120);
  install(SIG_IGN, 0);
  blocked_start(&blocked, receive, socket);
  blocked_wait_asleep(&blocked);
  pthread_kill(blocked.thread, SIGUSR1);
  blocked_expect_errno(&blocked, EAGAIN);
  assert_true(blocked.took_ms >= 120);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_every_wait),
      blocking_test(test_every_wait_with_restart),
      blocking_test(test_every_wait_with_timeout),
      blocking_test(test_every_wait_with_restart_and_timeout),
      blocking_test(test_one_of_many),
      blocking_test(test_one_of_many_backwards),
      blocking_test(test_other_polls),
      blocking_test(test_term),
      blocking_test(test_ignored),
      blocking_test(test_threads_of_the_library),
      blocking_test(test_many_signals_while_talking),
      blocking_test(test_timeout_after_a_signal),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
