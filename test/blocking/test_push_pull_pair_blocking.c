/* PUSH, PULL and PAIR: who gets what, and what a peer that leaves takes with
 * it. Section F of the behaviours. */
#include "support/blocking.h"
#include "support/blocking_calls.h"

enum { LOST_OR_READY = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED };

/* Waits until a monitored peer is lost; inproc has no events. */
static void wait_lost(void *monitor) {
  if (blocking_is_inproc())
    blocking_settle();
  else
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
}

/* Requires the numbers first, first + step... below last. */
static void expect_every(void *socket, int step, int first, int last) {
  char text[16];

  for (; first < last; first += step) {
    snprintf(text, sizeof(text), "%d", first);
    blocking_expect(socket, text);
  }
}

static void push_alternates_between_pulls(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *even = blocking_socket(*state, ZMQ_PULL);
  void *odd = blocking_socket(*state, ZMQ_PULL);

  /* Behaviour 93. */
  blocking_join(*state, push, even, NULL);
  blocking_join(*state, push, odd, NULL);
  assert_int_equal(blocking_fill(push, "", 6), 6);
  expect_every(even, 2, 0, 6);
  expect_every(odd, 2, 1, 6);
  assert_int_equal(blocking_events(push), ZMQ_POLLOUT);
}

static void whole_messages_alternate(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *first = blocking_socket(*state, ZMQ_PULL);
  void *second = blocking_socket(*state, ZMQ_PULL);

  /* Behaviour 93. */
  blocking_join(*state, first, push, NULL);
  blocking_join(*state, second, push, NULL);
  blocking_send(push, "a|b|c");
  blocking_send(push, "d||");
  blocking_send(push, "e");
  blocking_expect(first, "a|b|c");
  blocking_expect(first, "e");
  blocking_expect(second, "d||");
}

static void pull_hears_all_pushes(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  void *x = blocking_socket(*state, ZMQ_PUSH);
  void *y = blocking_socket(*state, ZMQ_PUSH);
  void *monitor;
  char *text;
  char last = 0;

  blocking_join(*state, pull, x, NULL);
  blocking_join(*state, pull, y, NULL);
  monitor = blocking_monitor(*state, pull, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_fill(x, "x", 4), 4);
  assert_int_equal(blocking_fill(y, "y", 4), 4);
  blocking_close(*state, x);
  blocking_close(*state, y);
  wait_lost(monitor);
  wait_lost(monitor);
  for (int i = 0; i < 8; i++) {
    text = blocking_receive(pull, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
    assert_int_equal(text[1], '0' + i / 2);
    assert_int_not_equal(text[0], last);
    last = text[0];
    free(text);
  }
}

static void messages_wait_for_the_bind(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *pull = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 94. */
  blocking_fresh_endpoint(*state, endpoint);
  blocking_set(push, ZMQ_RECONNECT_IVL, 10);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "m", 5), 5);
  blocking_send(push, "and|parts");
  blocking_settle();
  blocking_bind_to(pull, endpoint);
  blocking_expect_numbers(pull, "m", 0, 5);
  blocking_expect(pull, "and|parts");
}

static void a_connecting_push_keeps_messages_over_a_restart(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *before = blocking_socket(*state, ZMQ_PULL);
  void *after = blocking_socket(*state, ZMQ_PULL);
  void *monitor;
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  /* Behaviour 95. */
  blocking_set(push, ZMQ_RECONNECT_IVL, 10);
  blocking_join(*state, before, push, endpoint);
  blocking_send(push, "before");
  blocking_expect(before, "before");
  monitor = blocking_monitor(*state, push, LOST_OR_READY);
  blocking_close(*state, before);
  wait_lost(monitor);
  assert_int_equal(blocking_fill(push, "m", 5), 5);
  blocking_wait(zmq_bind(after, endpoint) == 0);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_expect_numbers(after, "m", 0, 5);
  blocking_expect_nothing(after);
}

/* Fills a peer that does not read until the kernel takes no more; how many. */
static size_t fill_up(void *push) {
  static const char body[100000];
  size_t sent = 0;

  while (zmq_send(push, body, sizeof(body), ZMQ_DONTWAIT) >= 0)
    sent++;
  assert_int_equal(errno, EAGAIN);
  return sent;
}

static void a_bound_push_loses_what_a_lost_peer_did_not_read(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *before = blocking_socket(*state, ZMQ_PULL);
  void *after = blocking_socket(*state, ZMQ_PULL);
  void *monitor;
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 95. */
  blocking_set_hwm(push, 3, 1000);
  blocking_set_hwm(before, 1000, 4);
  blocking_join(*state, push, before, endpoint);
  monitor = blocking_monitor(*state, push, LOST_OR_READY);
  assert_true(fill_up(push) >= 3);
  blocking_close(*state, before);
  wait_lost(monitor);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(push, "nobody", ZMQ_DONTWAIT), EAGAIN);
  blocking_attach(*state, push, after, NULL);
  blocking_send(push, "new");
  blocking_expect(after, "new");
  blocking_expect_nothing(after);
}

/* A PUSH whose peer left when it had been sent the first of several parts, and
 * a new peer that is ready. */
static void *push_without_its_first_peer(blocking_t *b, void **push) {
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *monitor;

  *push = blocking_socket(b, ZMQ_PUSH);
  blocking_join(b, *push, first, NULL);
  monitor = blocking_monitor(b, *push, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(zmq_send(*push, "1", 1, ZMQ_SNDMORE), 1);
  blocking_close(b, first);
  wait_lost(monitor);
  blocking_monitor_end(b, *push, monitor);
  blocking_join(b, *push, second, NULL);
  return second;
}

/* Requires that nothing comes in fragments. The first messages may still go to
 * the lost peer: nothing tells when an inproc peer is gone. Ours sends a
 * message when it is whole, so that none is lost with the peer its first part
 * met. */
static void expect_whole_messages(void *push, void *pull) {
  enum { PATIENCE_MS = 10 };
  char *text = NULL;

  blocking_wait((blocking_send(push, "next|whole"),
                 (text = blocking_receive(pull, PATIENCE_MS)) != NULL));
  if (blocking_is_zuv() && strcmp(text, "1|2|3|4") == 0) {
    free(text);
    text = blocking_receive(pull, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
  }
  do {
    assert_string_equal(text, "next|whole");
    free(text);
  } while ((text = blocking_receive(pull, BLOCKING_QUIET_MS)) != NULL);
}

static void the_rest_of_a_message_to_a_lost_peer_is_dropped(void **state) {
  void *push;
  void *pull = push_without_its_first_peer(*state, &push);

  /* Behaviour 96. */
  assert_int_equal(zmq_send(push, "2", 1, ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_send(push, "3", 1, ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_send(push, "4", 1, 0), 1);
  expect_whole_messages(push, pull);
}

static void the_rest_is_dropped_without_waiting_as_well(void **state) {
  void *push;
  void *pull = push_without_its_first_peer(*state, &push);
  int result = zmq_send(push, "2", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE);

  /* Behaviour 96. */
  if (result < 0) {
    assert_int_equal(errno, EAGAIN);
    result = zmq_send(push, "2", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE);
  }
  assert_int_equal(result, 1);
  assert_int_equal(zmq_send(push, "3", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_send(push, "4", 1, ZMQ_DONTWAIT), 1);
  expect_whole_messages(push, pull);
}

static void pull_still_reads_what_a_gone_peer_sent(void **state) {
  void *pull;
  void *push;
  void *monitor;

  /* Behaviour 97. */
  blocking_pair(*state, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  monitor = blocking_monitor(*state, pull, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_fill(push, "m", 10), 10);
  blocking_close(*state, push);
  wait_lost(monitor);
  blocking_expect_numbers(pull, "m", 0, 10);
  blocking_expect_nothing(pull);
}

static void push_waits_for_a_peer(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *pull = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  blocking_call_t call;
  uint64_t start;

  /* Behaviours 14, 21. */
  blocking_bind(*state, push, endpoint);
  assert_int_equal(blocking_events(push), 0);
  assert_int_equal(blocking_try_send(push, "x", ZMQ_DONTWAIT), EAGAIN);
  blocking_set(push, ZMQ_SNDTIMEO, 60);
  start = blocking_now_ms();
  assert_int_equal(blocking_try_send(push, "x", 0), EAGAIN);
  assert_true(blocking_now_ms() - start >= 60);
  blocking_send_start(&call, push, "for|whoever comes");
  blocking_connect(pull, endpoint);
  blocking_expect_recv(pull, "for|whoever comes");
  blocking_send_finish(&call);
}

static void push_waits_for_room(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *pull = blocking_socket(*state, ZMQ_PULL);
  blocking_call_t call;
  size_t sent;

  /* Behaviour 22. */
  blocking_set_hwm(push, 3, 1000);
  blocking_set_hwm(pull, 1000, 4);
  blocking_join(*state, pull, push, NULL);
  sent = fill_up(push);
  blocking_send_start(&call, push, "the|last");
  for (; sent > 0; sent--)
    blocking_expect(pull, "<100000 bytes>");
  blocking_expect_recv(pull, "the|last");
  blocking_send_finish(&call);
}

static void pull_waits_for_a_message(void **state) {
  void *pull;
  void *push;
  blocking_call_t call;
  uint64_t start;
  char byte;

  /* Behaviour 14. */
  blocking_pair(*state, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_set(pull, ZMQ_RCVTIMEO, 60);
  start = blocking_now_ms();
  blocking_expect_errno(zmq_recv(pull, &byte, 1, 0), EAGAIN);
  assert_true(blocking_now_ms() - start >= 60);
  blocking_receive_start(&call, pull);
  blocking_send(push, "wake|up");
  blocking_receive_finish(&call, "wake|up");
}

enum { MANY = 20000 };

static int push_many(void *push) {
  for (int i = 0; i < MANY; i++) {
    if (zmq_send(push, &i, sizeof(i), i % 3 == 0 ? ZMQ_SNDMORE : 0) < 0)
      return -1;
  }
  return 0;
}

static void many_messages_arrive_in_order(void **state) {
  void *pull;
  void *push;
  blocked_t sender;
  int number = -1;

  /* Behaviours 3, 17. */
  blocking_pair(*state, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_set(push, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocked_start(&sender, push_many, push);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(zmq_recv(pull, &number, sizeof(number), 0),
                     sizeof(number));
    assert_int_equal(number, i);
    assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), i % 3 == 0);
  }
  blocked_expect_ok(&sender);
}

static void pair_talks_both_ways(void **state) {
  void *left;
  void *right;

  blocking_pair(*state, ZMQ_PAIR, ZMQ_PAIR, &left, &right);
  assert_int_equal(blocking_events(left), ZMQ_POLLOUT);
  assert_int_equal(blocking_events(right), ZMQ_POLLOUT);
  blocking_send(left, "one");
  blocking_send(left, "two|parts|");
  blocking_send(right, "from the right");
  blocking_expect(right, "one");
  blocking_expect(right, "two|parts|");
  blocking_expect(left, "from the right");
  blocking_expect_nothing(left);
}

static void pair_refuses_a_second_peer(void **state) {
  void *pair = blocking_socket(*state, ZMQ_PAIR);
  void *first = blocking_socket(*state, ZMQ_PAIR);
  void *second = blocking_socket(*state, ZMQ_PAIR);

  /* Behaviour 98. */
  blocking_join(*state, pair, first, NULL);
  blocking_attach(*state, pair, second, NULL);
  (void)blocking_try_send(second, "unheard", ZMQ_DONTWAIT);
  blocking_settle();
  blocking_send(first, "heard");
  blocking_expect(pair, "heard");
  assert_int_equal(blocking_fill(pair, "m", 4), 4);
  blocking_expect_numbers(first, "m", 0, 4);
  blocking_expect_nothing(second);
  blocking_expect_nothing(pair);
  if (blocking_is_inproc())
    blocking_wait(blocking_try_send(second, "unheard", ZMQ_DONTWAIT) == EAGAIN);
  blocking_send(first, "still heard");
  blocking_expect(pair, "still heard");
}

/* A new peer, or NULL when it is refused: nothing tells when the end of the old
 * one is over. */
static void *accepted_peer(blocking_t *b, void *pair) {
  enum { PATIENCE_MS = 1000 };
  void *peer = blocking_socket(b, ZMQ_PAIR);
  uint64_t until = blocking_now_ms() + PATIENCE_MS;

  blocking_attach(b, pair, peer, NULL);
  while (blocking_now_ms() < until) {
    if ((blocking_events(pair) & ZMQ_POLLOUT) != 0)
      return peer;
    blocking_sleep_ms(1);
  }
  blocking_close(b, peer);
  return NULL;
}

static void pair_takes_a_new_peer_when_it_lost_the_old_one(void **state) {
  void *pair = blocking_socket(*state, ZMQ_PAIR);
  void *old = blocking_socket(*state, ZMQ_PAIR);
  void *new = NULL;
  void *monitor;

  /* Behaviour 99. */
  blocking_join(*state, pair, old, NULL);
  monitor = blocking_monitor(*state, pair, ZMQ_EVENT_DISCONNECTED);
  blocking_send(old, "last|words");
  blocking_close(*state, old);
  wait_lost(monitor);
  blocking_expect(pair, "last|words");
  blocking_wait_no_events(pair, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(pair, "nobody", ZMQ_DONTWAIT), EAGAIN);
  blocking_wait((new = accepted_peer(*state, pair)) != NULL);
  blocking_send(new, "hello");
  blocking_expect(pair, "hello");
  blocking_send(pair, "welcome");
  blocking_expect(new, "welcome");
}

static void pair_waits_for_a_peer(void **state) {
  void *pair = blocking_socket(*state, ZMQ_PAIR);
  void *peer = blocking_socket(*state, ZMQ_PAIR);
  char endpoint[BLOCKING_TEXT_MAX];
  blocking_call_t call;

  /* Behaviour 21. */
  blocking_bind(*state, pair, endpoint);
  assert_int_equal(blocking_events(pair), 0);
  assert_int_equal(blocking_try_send(pair, "x", ZMQ_DONTWAIT), EAGAIN);
  blocking_send_start(&call, pair, "welcome");
  blocking_connect(peer, endpoint);
  blocking_expect_recv(peer, "welcome");
  blocking_send_finish(&call);
  blocking_receive_start(&call, pair);
  blocking_send(peer, "thank|you");
  blocking_receive_finish(&call, "thank|you");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(push_alternates_between_pulls),
      blocking_test(whole_messages_alternate),
      blocking_test(pull_hears_all_pushes),
      blocking_test(messages_wait_for_the_bind),
      blocking_test(a_connecting_push_keeps_messages_over_a_restart),
      blocking_test(a_bound_push_loses_what_a_lost_peer_did_not_read),
      blocking_test(the_rest_of_a_message_to_a_lost_peer_is_dropped),
      blocking_test(the_rest_is_dropped_without_waiting_as_well),
      blocking_test(pull_still_reads_what_a_gone_peer_sent),
      blocking_test(push_waits_for_a_peer),
      blocking_test(push_waits_for_room),
      blocking_test(pull_waits_for_a_message),
      blocking_test(many_messages_arrive_in_order),
      blocking_test(pair_talks_both_ways),
      blocking_test(pair_refuses_a_second_peer),
      blocking_test(pair_takes_a_new_peer_when_it_lost_the_old_one),
      blocking_test(pair_waits_for_a_peer),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
