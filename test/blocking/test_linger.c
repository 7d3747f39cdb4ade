/* What becomes of messages when a socket is closed, an endpoint is left, or the
 * context ends. */
#include "support/blocking.h"

#include <pthread.h>

enum { LINGER_MS = 300 };

/* A PUSH with one message for an endpoint nobody is bound to. */
static void *pending(blocking_t *b, int linger, char *endpoint) {
  void *push = blocking_socket(b, ZMQ_PUSH);

  blocking_set(push, ZMQ_LINGER, linger);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  blocking_send(push, "pending");
  return push;
}

/* A second context: what waits in the first one must not end with it. */
static blocking_t *other_context(void) {
  void *other;

  assert_int_equal(blocking_setup(&other), 0);
  return other;
}

static void end_other(blocking_t *other) {
  void *state = other;

  blocking_teardown(&state);
}

/* zmq_ctx_term() in a thread. */
typedef struct {
  pthread_t thread;
  void *context;
  int result;
  int done; /* atomic */
} term_t;

static void *run_term(void *argument) {
  term_t *term = argument;

  term->result = zmq_ctx_term(term->context);
  __atomic_store_n(&term->done, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void begin_term(blocking_t *b, term_t *term) {
  memset(term, 0, sizeof(*term));
  term->context = b->context;
  b->context = NULL;
  assert_int_equal(pthread_create(&term->thread, NULL, run_term, term), 0);
}

static bool is_done(term_t *term) {
  return __atomic_load_n(&term->done, __ATOMIC_ACQUIRE) != 0;
}

static void end_term(term_t *term) {
  blocking_wait(is_done(term));
  pthread_join(term->thread, NULL);
  assert_int_equal(term->result, 0);
}

/* How long closing the socket and ending the context takes. */
static uint64_t end_time(blocking_t *b, void *socket) {
  uint64_t begin = blocking_now_ms();

  if (socket != NULL)
    blocking_close(b, socket);
  blocking_end(b);
  return blocking_now_ms() - begin;
}

/* ---- Closing ---- */

static void closing_never_waits(void **state) {
  static const int lingers[] = {0, 1, LINGER_MS, 3600 * 1000, -1};
  enum { COUNT = sizeof(lingers) / sizeof(lingers[0]) };
  blocking_t *b = *state;
  char endpoints[COUNT][BLOCKING_TEXT_MAX];
  uint64_t begin = blocking_now_ms();

  /* Behaviour 110: waiting for the last two would hang the test. */
  for (size_t i = 0; i < COUNT; i++)
    blocking_close(b, pending(b, lingers[i], endpoints[i]));
  assert_in_range(blocking_now_ms() - begin, 0, BLOCKING_DEADLINE_MS);
  for (size_t i = COUNT - 2; i < COUNT; i++) {
    void *pull = blocking_socket(b, ZMQ_PULL);
    blocking_bind_to(pull, endpoints[i]);
    blocking_expect(pull, "pending");
  }
}

static void without_linger_nothing_is_waited_for(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  uint64_t took = end_time(b, pending(b, 0, endpoint));

  /* Behaviour 111. */
  assert_in_range(took, 0, BLOCKING_DEADLINE_MS);
}

static void a_linger_time_is_waited_for(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  /* Behaviour 111: by a clock of whole milliseconds. */
  assert_in_range(end_time(b, pending(b, LINGER_MS, endpoint)), LINGER_MS - 1,
                  BLOCKING_DEADLINE_MS);
}

static void a_linger_time_ends_when_all_is_sent(void **state) {
  blocking_t *b = *state;
  blocking_t *other;
  void *pull;
  char endpoint[BLOCKING_TEXT_MAX];
  term_t term;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 111. */
  other = other_context();
  pull = blocking_socket(other, ZMQ_PULL);
  blocking_close(b, pending(b, 3600 * 1000, endpoint));
  begin_term(b, &term);
  blocking_bind_to(pull, endpoint);
  blocking_expect(pull, "pending");
  end_term(&term);
  end_other(other);
}

static void without_a_limit_the_end_waits_for_the_peer(void **state) {
  blocking_t *b = *state;
  blocking_t *other;
  void *pull;
  char endpoint[BLOCKING_TEXT_MAX];
  term_t term;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 111. */
  other = other_context();
  pull = blocking_socket(other, ZMQ_PULL);
  blocking_close(b, pending(b, -1, endpoint));
  begin_term(b, &term);
  blocking_settle();
  assert_false(is_done(&term));
  blocking_bind_to(pull, endpoint);
  blocking_expect(pull, "pending");
  end_term(&term);
  end_other(other);
}

static void a_peer_that_does_not_read_is_waited_for(void **state) {
  static const char large[1000000];
  blocking_t *b = *state;
  blocking_t *other;
  void *pull;
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  uint64_t took;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 111: the time ends also when the peer is there. */
  other = other_context();
  pull = blocking_socket(other, ZMQ_PULL);
  blocking_set(pull, ZMQ_RCVHWM, 1);
  blocking_bind(b, pull, endpoint);
  blocking_set(push, ZMQ_LINGER, LINGER_MS);
  blocking_connect(push, endpoint);
  for (int i = 0; i < 30; i++)
    assert_int_equal(zmq_send(push, large, sizeof(large), 0), sizeof(large));
  took = end_time(b, push);
  assert_in_range(took, LINGER_MS - 1, BLOCKING_DEADLINE_MS);
  end_other(other);
}

static void nothing_pending_is_not_waited_for(void **state) {
  blocking_t *b = *state;
  void *unused = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull;
  void *push;

  /* Behaviour 112: waiting would hang the test. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(unused, endpoint);
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "x");
  blocking_expect(pull, "x");
  blocking_close(b, unused);
  blocking_close(b, push);
  blocking_close(b, pull);
  blocking_end(b);
}

static void the_linger_at_the_close_counts(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *push = pending(b, -1, endpoint);

  /* Behaviour 113: waiting would hang the test. */
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_close(b, push);
  blocking_end(b);
}

static void the_linger_at_the_close_may_be_longer(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *push = pending(b, 0, endpoint);

  if (blocking_is_inproc())
    skip();
  /* Behaviour 113. */
  blocking_set(push, ZMQ_LINGER, LINGER_MS);
  assert_in_range(end_time(b, push), LINGER_MS - 1, BLOCKING_DEADLINE_MS);
}

static void unread_messages_are_not_waited_for(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* Behaviour 118: waiting would hang the test. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "unread");
  blocking_wait_events(pull, ZMQ_POLLIN);
  blocking_set(pull, ZMQ_LINGER, -1);
  blocking_close(b, pull);
  blocking_close(b, push);
  blocking_end(b);
}

static void without_linger_a_long_queue_is_cut(void **state) {
  enum { COUNT = 20, SIZE = 1000000 };
  static unsigned char large[SIZE];
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  uint64_t until = blocking_now_ms() + BLOCKING_DEADLINE_MS;
  void *monitor;
  bool ended = false;
  int got = 0;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 116: a prefix arrives, and no message in part. */
  blocking_set(push, ZMQ_SNDBUF, 65536);
  blocking_set(pull, ZMQ_RCVBUF, 65536);
  blocking_set(pull, ZMQ_RCVHWM, 1);
  blocking_join(b, pull, push, NULL);
  monitor = blocking_monitor(b, pull, ZMQ_EVENT_DISCONNECTED);
  for (int i = 0; i < COUNT; i++) {
    memset(large, i, SIZE);
    assert_int_equal(zmq_send(push, large, SIZE, 0), SIZE);
  }
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_close(b, push);
  /* the event may come before the last messages */
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_QUIET_MS);
  for (;;) {
    if (zmq_recv(pull, large, SIZE, 0) == SIZE) {
      assert_int_equal(large[0], got);
      assert_int_equal(large[SIZE - 1], got);
      got++;
    } else if (ended) {
      break;
    } else {
      ended = blocking_next_event(monitor, NULL, NULL, 1) != 0;
      assert_true(blocking_now_ms() < until);
    }
  }
  assert_in_range(got, 0, COUNT - 1);
  blocking_monitor_end(b, pull, monitor);
}

static void over_inproc_all_that_was_sent_stays(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 117. */
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_join(b, pull, push, NULL);
  assert_int_equal(blocking_fill(push, "", 3), 3);
  blocking_close(b, push);
  blocking_expect_numbers(pull, "", 0, 3);
  blocking_expect_nothing(pull);
}

static void over_inproc_it_stays_for_a_later_bind(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 117. */
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_connect(push, "inproc://later");
  assert_int_equal(blocking_fill(push, "", 3), 3);
  blocking_close(b, push);
  blocking_bind_to(pull, "inproc://later");
  blocking_expect_numbers(pull, "", 0, 3);
  blocking_expect_nothing(pull);
}

static void all_that_was_sent_arrives_after_the_close(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* Behaviour 111. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(blocking_fill(push, "", 900), 900);
  blocking_close(b, push);
  blocking_expect_numbers(pull, "", 0, 900);
  blocking_expect_nothing(pull);
}

/* ---- The time a socket begins with ---- */

static void receivers_of_topics_begin_without_linger(void **state) {
  blocking_t *b = *state;

  /* Behaviour 119. */
  for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
    void *socket = blocking_socket(b, type);
    bool without = type == ZMQ_SUB || type == ZMQ_XSUB;
    assert_int_equal(blocking_get(socket, ZMQ_LINGER), without ? 0 : -1);
  }
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_BLOCKY, 0));
  for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
    void *socket = blocking_socket(b, type);
    assert_int_equal(blocking_get(socket, ZMQ_LINGER), 0);
  }
}

static void a_context_that_is_not_blocky_ends_at_once(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *push;

  /* Behaviour 119: waiting would hang the test. */
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_BLOCKY, 0));
  push = blocking_socket(b, ZMQ_PUSH);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  blocking_send(push, "pending");
  blocking_close(b, push);
  blocking_end(b);
}

/* ---- Leaving an endpoint ---- */

static void a_disconnect_lingers(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  void *push = pending(b, -1, endpoint);

  if (blocking_is_inproc())
    skip();
  /* Behaviour 114. */
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  blocking_expect_errno(zmq_send(push, "", 0, ZMQ_DONTWAIT), EAGAIN);
  blocking_bind_to(pull, endpoint);
  blocking_expect(pull, "pending");
  blocking_expect_nothing(pull);
}

static void a_disconnect_without_linger_drops(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  void *push = pending(b, 0, endpoint);

  if (blocking_is_inproc())
    skip();
  /* Behaviour 114. */
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  blocking_expect_errno(zmq_send(push, "", 0, ZMQ_DONTWAIT), EAGAIN);
  blocking_bind_to(pull, endpoint);
  blocking_settle();
  blocking_connect(push, endpoint);
  blocking_send(push, "after");
  blocking_expect(pull, "after");
  blocking_expect_nothing(pull);
}

static void a_disconnected_receiver_forgets(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 115. */
  blocking_join(b, push, pull, endpoint);
  assert_int_equal(blocking_fill(push, "", 4), 4);
  blocking_wait_events(pull, ZMQ_POLLIN);
  blocking_expect_ok(zmq_disconnect(pull, endpoint));
  blocking_expect_errno(zmq_recv(pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_nothing(pull);
}

static void an_unbound_receiver_remembers(void **state) {
  const size_t count = blocking_is_inproc() ? 4 : 1;
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 115. */
  blocking_join(b, pull, push, endpoint);
  assert_int_equal(blocking_fill(push, "", count), count);
  blocking_wait_events(pull, ZMQ_POLLIN);
  blocking_expect_ok(zmq_unbind(pull, endpoint));
  blocking_expect_numbers(pull, "", 0, count);
  blocking_expect_nothing(pull);
}

static void a_connection_ends_with_the_disconnect(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;

  if (blocking_is_inproc() || !blocking_is_zuv())
    skip();
  /* Behaviour 120: without another call on that socket. */
  blocking_join(b, pull, push, endpoint);
  monitor = blocking_monitor(b, pull, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_monitor_end(b, pull, monitor);
}

static void a_connection_ends_with_the_unbind(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;

  if (blocking_is_inproc() || !blocking_is_zuv())
    skip();
  /* Behaviour 120: without another call on that socket. */
  blocking_join(b, pull, push, endpoint);
  monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_ok(zmq_unbind(pull, endpoint));
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_monitor_end(b, push, monitor);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(closing_never_waits),
      blocking_test(without_linger_nothing_is_waited_for),
      blocking_test(a_linger_time_is_waited_for),
      blocking_test(a_linger_time_ends_when_all_is_sent),
      blocking_test(without_a_limit_the_end_waits_for_the_peer),
      blocking_test(a_peer_that_does_not_read_is_waited_for),
      blocking_test(nothing_pending_is_not_waited_for),
      blocking_test(the_linger_at_the_close_counts),
      blocking_test(the_linger_at_the_close_may_be_longer),
      blocking_test(unread_messages_are_not_waited_for),
      blocking_test(without_linger_a_long_queue_is_cut),
      blocking_test(over_inproc_all_that_was_sent_stays),
      blocking_test(over_inproc_it_stays_for_a_later_bind),
      blocking_test(all_that_was_sent_arrives_after_the_close),
      blocking_test(receivers_of_topics_begin_without_linger),
      blocking_test(a_context_that_is_not_blocky_ends_at_once),
      blocking_test(a_disconnect_lingers),
      blocking_test(a_disconnect_without_linger_drops),
      blocking_test(a_disconnected_receiver_forgets),
      blocking_test(an_unbound_receiver_remembers),
      blocking_test(a_connection_ends_with_the_disconnect),
      blocking_test(a_connection_ends_with_the_unbind),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
