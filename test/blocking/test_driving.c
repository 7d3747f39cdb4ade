/* Who moves the bytes of a context: threads that wait, threads that send once
 * and go on, free callbacks of the program. Output never depends on another
 * call of whoever sent it, nor on a thread that sleeps. */
#include <limits.h>
#include <stdatomic.h>

#include "support/blocked.h"
#include "support/blocking.h"

enum {
  BURST = 20000,
  SMALL = 1000,
  LARGE = 100000,
  HUGE_SIZE = 16 << 20,
  ROUNDS = 10
};

/* ---- A thread that waits ---- */

static blocked_t waiting;

static int receive_in_vain(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, 0);
}

/* A thread of this context that waits for a message which nobody sends. */
static void start_waiting(blocking_t *b) {
  void *pair = blocking_socket(b, ZMQ_PAIR);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pair, "tcp://127.0.0.1:*", endpoint);
  blocked_start(&waiting, receive_in_vain, pair);
  blocked_wait_asleep(&waiting);
}

/* The context is good for nothing but its end afterwards. */
static void stop_waiting(blocking_t *b) {
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocked_expect_errno(&waiting, ETERM);
}

/* Joins the two, which may be of different contexts. */
static void join_by(void *binder, void *connecter, const char *text,
                    char *endpoint) {
  blocking_bind_resolved(binder, text, endpoint);
  blocking_connect(connecter, endpoint);
  blocking_send(connecter, "hello");
  blocking_expect(binder, "hello");
}

/* ---- Output ---- */

static void a_burst_leaves_while_another_thread_waits(void **state) {
  static char bytes[SMALL];
  blocking_t *b = *state;
  void *other = NULL;
  void *pull;
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];

  assert_int_equal(blocking_setup(&other), 0);
  pull = blocking_socket(other, ZMQ_PULL);
  blocking_set(pull, ZMQ_RCVHWM, 10);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(push, ZMQ_SNDHWM, 0);
  join_by(pull, push, "tcp://127.0.0.1:*", endpoint);
  start_waiting(b);
  for (int i = 0; i < BURST; i++) {
    memcpy(bytes, &i, sizeof(i));
    assert_int_equal(zmq_send(push, bytes, SMALL, 0), SMALL);
  }
  for (int i = 0; i < BURST; i++) {
    assert_int_equal(zmq_recv(pull, bytes, SMALL, 0), SMALL);
    assert_memory_equal(bytes, &i, sizeof(i));
  }
  stop_waiting(b);
  blocking_teardown(&other);
}

static void fill_huge(char *bytes) {
  for (size_t i = 0; i < HUGE_SIZE; i++)
    bytes[i] = (char)(i ^ (i >> 8) ^ (i >> 16));
}

static char huge[HUGE_SIZE];

static int receive_huge(void *socket) {
  zmq_msg_t message;
  int result;
  int error;

  zmq_msg_init(&message);
  result = zmq_msg_recv(&message, socket, 0);
  error = errno;
  if (result >= 0) {
    error = EBADMSG;
    if (result != HUGE_SIZE ||
        memcmp(zmq_msg_data(&message), huge, HUGE_SIZE) != 0)
      result = -1;
  }
  zmq_msg_close(&message);
  errno = error;
  return result;
}

/* One call sends it, and the sender does not call again. */
static void send_huge(blocking_t *of_push, blocking_t *of_pull) {
  static blocked_t receiving;
  void *pull = blocking_socket(of_pull, ZMQ_PULL);
  void *push = blocking_socket(of_push, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];

  fill_huge(huge);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  join_by(pull, push, "tcp://127.0.0.1:*", endpoint);
  blocked_start(&receiving, receive_huge, pull);
  blocked_wait_asleep(&receiving);
  assert_int_equal(zmq_send(push, huge, HUGE_SIZE, 0), HUGE_SIZE);
  blocked_expect_ok(&receiving);
}

static void one_send_is_enough_for_a_huge_message(void **state) {
  void *other = NULL;

  assert_int_equal(blocking_setup(&other), 0);
  send_huge(*state, other);
  blocking_teardown(&other);
}

static void one_send_is_enough_within_a_context(void **state) {
  send_huge(*state, *state);
}

/* ---- Endpoints ---- */

static void an_endpoint_is_free_at_once_while_a_thread_waits(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* libzmq closes the listener some time after zmq_unbind(). */
  if (!blocking_is_zuv())
    skip();
  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  start_waiting(b);
  for (int i = 0; i < ROUNDS; i++) {
    blocking_expect_ok(zmq_unbind(pull, endpoint));
    blocking_bind_to(pull, endpoint);
    blocking_expect_reaches(b, pull, endpoint, false);
  }
  stop_waiting(b);
}

/* ---- Free callbacks ---- */

static atomic_int failed_frees;

static void free_and_tell(void *data, void *hint) {
  free(data);
  if (zmq_send(hint, "freed", 5, 0) != 5)
    atomic_fetch_add(&failed_frees, 1);
}

/* The callback sends on another socket of the context. */
static void tell_of_frees(blocking_t *b, const char *text) {
  void *told = blocking_socket(b, ZMQ_PAIR);
  void *teller = blocking_socket(b, ZMQ_PAIR);
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  zmq_msg_t message;
  void *data;

  atomic_store(&failed_frees, 0);
  join_by(told, teller, "inproc://told", endpoint);
  join_by(pull, push, text, endpoint);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  for (int i = 0; i < ROUNDS; i++) {
    data = calloc(1, LARGE);
    assert_non_null(data);
    blocking_expect_ok(
        zmq_msg_init_data(&message, data, LARGE, free_and_tell, teller));
    assert_int_equal(zmq_msg_send(&message, push, 0), LARGE);
    assert_int_equal(zmq_recv(pull, NULL, 0, 0), LARGE);
    blocking_expect(told, "freed");
  }
  assert_int_equal(atomic_load(&failed_frees), 0);
}

static void a_free_callback_may_send(void **state) {
  tell_of_frees(*state, "tcp://127.0.0.1:*");
}

static void a_free_callback_may_send_inproc(void **state) {
  tell_of_frees(*state, "inproc://freed");
}

static void a_free_callback_may_send_while_a_thread_waits(void **state) {
  start_waiting(*state);
  tell_of_frees(*state, "tcp://127.0.0.1:*");
  stop_waiting(*state);
}

/* ---- A peer that goes ---- */

static char large[LARGE];

static void send_part(void *socket, int flags) {
  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  assert_int_equal(zmq_send(socket, large, LARGE, flags), LARGE);
}

/* The rest of the message is taken, and goes to nobody. */
static void lose_the_peer_between_parts(blocking_t *b, const char *text) {
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(push, text, endpoint);
  blocking_connect(first, endpoint);
  blocking_send(push, "hello");
  blocking_expect(first, "hello");
  send_part(push, ZMQ_SNDMORE);
  blocking_close(b, first);
  if (strncmp(text, "tcp:", 4) == 0)
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  send_part(push, 0);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  blocking_connect(second, endpoint);
  blocking_send(push, "next|message");
  blocking_expect(second, "next|message");
  blocking_monitor_end(b, push, monitor);
}

static void a_peer_may_go_between_large_parts(void **state) {
  lose_the_peer_between_parts(*state, "tcp://127.0.0.1:*");
}

static void a_peer_may_go_between_large_parts_inproc(void **state) {
  lose_the_peer_between_parts(*state, "inproc://gone");
}

/* The sender makes no call between the end of one peer and the start of the
 * next: a large message goes whole to either. */
static void a_large_message_goes_whole_to_the_next_peer(void **state) {
  const char *whole = "<100000 bytes>|<100000 bytes>";
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(
      b, push, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];
  char *text;

  blocking_bind_resolved(push, "tcp://127.0.0.1:*", endpoint);
  blocking_connect(first, endpoint);
  blocking_send(push, "hello");
  blocking_expect(first, "hello");
  blocking_close(b, first);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_connect(second, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  send_part(push, ZMQ_SNDMORE);
  send_part(push, 0);
  blocking_events(push);
  blocking_send(push, "next");
  text = blocking_receive(second, BLOCKING_DEADLINE_MS);
  assert_non_null(text);
  if (strcmp(text, "next") != 0) {
    assert_string_equal(text, whole);
    blocking_expect(second, "next");
  }
  free(text);
  blocking_monitor_end(b, push, monitor);
}

/* ---- Time-outs ---- */

typedef struct {
  void *socket;
  long timeout;
} long_poll_t;

static int poll_for_long(void *argument) {
  long_poll_t *poll = argument;
  zmq_pollitem_t item = {.socket = poll->socket, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, poll->timeout);
}

static void the_longest_time_outs_do_not_pass_at_once(void **state) {
  static const long timeouts[] = {INT_MAX, LONG_MAX / 1000, LONG_MAX / 1000 + 1,
                                  LONG_MAX - 1, LONG_MAX};
  static long_poll_t poll;
  static blocked_t polling;
  blocking_t *b = *state;

  for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
    poll.socket = blocking_socket(b, ZMQ_PULL);
    poll.timeout = timeouts[i];
    blocked_start(&polling, poll_for_long, &poll);
    blocked_wait_asleep(&polling);
    blocking_settle();
    assert_false(blocked_has_returned(&polling));
    blocking_expect_ok(zmq_ctx_shutdown(b->context));
    blocked_expect_errno(&polling, ETERM);
    blocking_restart(b);
  }
}

/* ---- Half a reply ---- */

/* A new request gives up the parts of the old reply that were not read. */
static void request_after_half_a_reply(blocking_t *b, const char *text,
                                       bool correlate) {
  void *rep = blocking_socket(b, ZMQ_REP);
  void *req = blocking_socket(b, ZMQ_REQ);
  char endpoint[BLOCKING_TEXT_MAX];
  char byte = '\0';

  blocking_set(req, ZMQ_REQ_RELAXED, 1);
  blocking_set(req, ZMQ_REQ_CORRELATE, correlate);
  blocking_set(req, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  join_by(rep, req, text, endpoint);
  blocking_send(rep, "a|b|c");
  for (int i = 0; i < ROUNDS; i++) {
    assert_int_equal(zmq_recv(req, &byte, 1, 0), 1);
    assert_int_equal(byte, 'a');
    assert_int_equal(blocking_get(req, ZMQ_RCVMORE), 1);
    blocking_send(req, "again|more");
    blocking_expect(rep, "again|more");
    blocking_send(rep, "a|d");
  }
  blocking_expect(req, "a|d");
}

/* Behaviour 48. */
static void a_relaxed_request_drops_half_a_reply(void **state) {
  request_after_half_a_reply(*state, "tcp://127.0.0.1:*", false);
  request_after_half_a_reply(*state, "tcp://127.0.0.1:*", true);
}

/* Behaviour 48. */
static void a_relaxed_request_drops_half_a_reply_inproc(void **state) {
  request_after_half_a_reply(*state, "inproc://relaxed", false);
  request_after_half_a_reply(*state, "inproc://correlated", true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_burst_leaves_while_another_thread_waits),
      blocking_test(one_send_is_enough_for_a_huge_message),
      blocking_test(one_send_is_enough_within_a_context),
      blocking_test(an_endpoint_is_free_at_once_while_a_thread_waits),
      blocking_test(a_free_callback_may_send),
      blocking_test(a_free_callback_may_send_inproc),
      blocking_test(a_free_callback_may_send_while_a_thread_waits),
      blocking_test(a_peer_may_go_between_large_parts),
      blocking_test(a_peer_may_go_between_large_parts_inproc),
      blocking_test(a_large_message_goes_whole_to_the_next_peer),
      blocking_test(the_longest_time_outs_do_not_pass_at_once),
      blocking_test(a_relaxed_request_drops_half_a_reply),
      blocking_test(a_relaxed_request_drops_half_a_reply_inproc),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
