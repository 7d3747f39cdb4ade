/* A signal handler that ran in the waiting thread ends the wait with EINTR,
 * whoever else waits in the same context. */
#include "support/blocking.h"

#include <pthread.h>
#include <signal.h>

enum { WAITERS = 3, INTERVAL_MS = 5 };

static void on_signal(int number) {
  (void)number;
}

static int install_handler(void **state) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

  (void)state;
  return sigaction(SIGUSR1, &action, NULL);
}

/* One blocking call, in a thread of its own. */
typedef struct {
  pthread_t thread;
  void *socket;
  int (*call)(void *socket);
  int result;
  int error;
  int done; /* atomic */
} waiter_t;

static int call_receive(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, 0);
}

static int call_receive_message(void *socket) {
  zmq_msg_t message;
  int result;
  int error;

  zmq_msg_init(&message);
  result = zmq_msg_recv(&message, socket, 0);
  error = errno;
  zmq_msg_close(&message);
  errno = error;
  return result;
}

static int call_send(void *socket) {
  return zmq_send(socket, "x", 1, 0);
}

static int call_poll(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, -1);
}

static int call_poll_with_timeout(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, 3600 * 1000);
}

static void *run_waiter(void *argument) {
  waiter_t *waiter = argument;

  waiter->result = waiter->call(waiter->socket);
  waiter->error = errno;
  __atomic_store_n(&waiter->done, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void start_waiter(waiter_t *waiter, int (*call)(void *), void *socket) {
  memset(waiter, 0, sizeof(*waiter));
  waiter->call = call;
  waiter->socket = socket;
  assert_int_equal(pthread_create(&waiter->thread, NULL, run_waiter, waiter),
                   0);
}

static bool is_done(waiter_t *waiter) {
  return __atomic_load_n(&waiter->done, __ATOMIC_ACQUIRE) != 0;
}

/* A signal that comes before the wait begins is lost: it is sent again. */
static void interrupt_waiter(waiter_t *waiter) {
  uint64_t until = blocking_now_ms() + BLOCKING_DEADLINE_MS;

  while (!is_done(waiter)) {
    pthread_kill(waiter->thread, SIGUSR1);
    blocking_wait_step(until, "interrupted", __FILE__, __LINE__);
    blocking_sleep_ms(INTERVAL_MS);
  }
  pthread_join(waiter->thread, NULL);
  assert_int_equal(waiter->result, -1);
  assert_int_equal(waiter->error, EINTR);
}

static void *connected(blocking_t *b, int type) {
  void *bound = blocking_socket(b, type);
  void *connecter = blocking_socket(b, type);

  blocking_set_hwm(bound, 1, 1);
  blocking_set_hwm(connecter, 1, 1);
  blocking_set(connecter, ZMQ_RCVTIMEO, 3600 * 1000);
  blocking_set(connecter, ZMQ_SNDTIMEO, 3600 * 1000);
  blocking_join(b, bound, connecter, NULL);
  return connecter;
}

static void a_signal_ends_a_receive(void **state) {
  blocking_t *b = *state;
  waiter_t waiter;

  /* Behaviour 15. */
  start_waiter(&waiter, call_receive, connected(b, ZMQ_PAIR));
  interrupt_waiter(&waiter);
  start_waiter(&waiter, call_receive_message, connected(b, ZMQ_DEALER));
  interrupt_waiter(&waiter);
}

static void a_signal_ends_a_receive_without_time_out(void **state) {
  blocking_t *b = *state;
  void *pair = connected(b, ZMQ_PAIR);
  waiter_t waiter;

  /* Behaviour 15. */
  blocking_set(pair, ZMQ_RCVTIMEO, -1);
  start_waiter(&waiter, call_receive, pair);
  interrupt_waiter(&waiter);
}

static void a_signal_ends_a_send(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  waiter_t waiter;

  /* Behaviour 15. */
  blocking_set(push, ZMQ_SNDHWM, 1);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "", 10), 1);
  start_waiter(&waiter, call_send, push);
  interrupt_waiter(&waiter);
  blocking_set(push, ZMQ_SNDTIMEO, 3600 * 1000);
  start_waiter(&waiter, call_send, push);
  interrupt_waiter(&waiter);
}

static void a_signal_ends_a_poll(void **state) {
  blocking_t *b = *state;
  void *pair = connected(b, ZMQ_PAIR);
  waiter_t waiter;

  /* Behaviour 15. */
  start_waiter(&waiter, call_poll, pair);
  interrupt_waiter(&waiter);
  start_waiter(&waiter, call_poll_with_timeout, pair);
  interrupt_waiter(&waiter);
}

static void a_signal_ends_the_wait_of_its_thread_only(void **state) {
  blocking_t *b = *state;
  waiter_t waiters[WAITERS];

  /* Behaviour 15: in each order of being interrupted. */
  for (size_t first = 0; first < WAITERS; first++) {
    for (size_t i = 0; i < WAITERS; i++)
      start_waiter(&waiters[i], i == 1 ? call_poll : call_receive,
                   connected(b, ZMQ_PAIR));
    blocking_settle();
    interrupt_waiter(&waiters[first]);
    blocking_settle();
    for (size_t i = 0; i < WAITERS; i++)
      assert_int_equal(is_done(&waiters[i]), i == first);
    for (size_t i = 0; i < WAITERS; i++) {
      if (i != first)
        interrupt_waiter(&waiters[i]);
    }
  }
}

static void an_interrupted_socket_works_on(void **state) {
  blocking_t *b = *state;
  void *bound = blocking_socket(b, ZMQ_PAIR);
  void *connecter = blocking_socket(b, ZMQ_PAIR);
  waiter_t waiter;

  blocking_join(b, bound, connecter, NULL);
  start_waiter(&waiter, call_receive, connecter);
  interrupt_waiter(&waiter);
  blocking_send(bound, "after|that");
  blocking_expect(connecter, "after|that");
  blocking_send(connecter, "back");
  blocking_expect(bound, "back");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_signal_ends_a_receive),
      blocking_test(a_signal_ends_a_receive_without_time_out),
      blocking_test(a_signal_ends_a_send),
      blocking_test(a_signal_ends_a_poll),
      blocking_test(a_signal_ends_the_wait_of_its_thread_only),
      blocking_test(an_interrupted_socket_works_on),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, install_handler, NULL);
}
