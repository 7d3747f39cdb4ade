/* What each pattern does with a full peer: drop, skip or wait; and queues that
 * keep the newest message only. */
#include "support/blocking.h"

static void *limited(blocking_t *b, int type, int send_limit,
                     int receive_limit) {
  void *socket = blocking_socket(b, type);

  blocking_set_hwm(socket, send_limit, receive_limit);
  return socket;
}

/* Publishes until it comes through, then forgets all copies. */
static void wait_subscribed(void *publisher, void *subscriber,
                            const char *text) {
  do {
    blocking_send(publisher, text);
    blocking_sleep_ms(1);
  } while (blocking_drain(subscriber) == 0);
  blocking_settle();
  blocking_drain(subscriber);
}

/* ---- Dropping ---- */

static void pub_drops_for_a_slow_subscriber(void **state) {
  blocking_t *b = *state;
  void *pub = limited(b, ZMQ_PUB, 7, 1);
  void *slow = limited(b, ZMQ_SUB, 1, 4);
  void *quick = blocking_socket(b, ZMQ_SUB);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 31. */
  blocking_set_text(slow, ZMQ_SUBSCRIBE, "");
  blocking_set_text(quick, ZMQ_SUBSCRIBE, "");
  blocking_join(b, pub, slow, NULL);
  blocking_join(b, pub, quick, NULL);
  blocking_events(pub);
  assert_int_equal(blocking_fill(pub, "", 50), 50);
  blocking_expect_numbers(slow, "", 0, 11);
  blocking_expect_nothing(slow);
  blocking_expect_numbers(quick, "", 0, 50);
}

static void pub_never_waits_for_a_slow_subscriber(void **state) {
  static const char large[50000] = "s";
  blocking_t *b = *state;
  void *pub = limited(b, ZMQ_PUB, 2, 2);
  void *slow = limited(b, ZMQ_SUB, 2, 2);
  size_t got = 0;
  char *text;

  /* Behaviour 31: the rest is lost, and what comes is whole and in order. */
  if (!blocking_is_inproc()) {
    blocking_set(pub, ZMQ_SNDBUF, 4096);
    blocking_set(slow, ZMQ_RCVBUF, 4096);
  }
  blocking_set_text(slow, ZMQ_SUBSCRIBE, "");
  blocking_join(b, pub, slow, NULL);
  wait_subscribed(pub, slow, "warm up");
  for (int i = 0; i < 1000; i++)
    assert_int_equal(zmq_send(pub, large, sizeof(large), 0), sizeof(large));
  while ((text = blocking_receive(slow, 5 * BLOCKING_QUIET_MS)) != NULL) {
    assert_string_equal(text, "<50000 bytes>");
    free(text);
    got++;
  }
  assert_in_range(got, 1, 999);
  wait_subscribed(pub, slow, "goes on");
}

static void nodrop_sends_to_all_or_none(void **state) {
  blocking_t *b = *state;
  void *xpub = limited(b, ZMQ_XPUB, 2, 100);
  void *slow = limited(b, ZMQ_SUB, 1, 2);
  void *quick = blocking_socket(b, ZMQ_SUB);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 32. */
  blocking_set(xpub, ZMQ_XPUB_NODROP, 1);
  blocking_set_text(slow, ZMQ_SUBSCRIBE, "A");
  blocking_set_text(quick, ZMQ_SUBSCRIBE, "");
  blocking_join(b, xpub, slow, NULL);
  blocking_join(b, xpub, quick, NULL);
  blocking_expect(xpub, "\\x01A");
  blocking_expect(xpub, "\\x01");
  assert_int_equal(blocking_fill(xpub, "A", 50), 4);
  blocking_expect_numbers(quick, "A", 0, 4);
  blocking_expect_errno(zmq_send(xpub, "A", 1, ZMQ_DONTWAIT), EAGAIN);
  blocking_set(xpub, ZMQ_SNDTIMEO, 50);
  blocking_expect_errno(zmq_send(xpub, "A", 1, 0), EAGAIN);
  blocking_send(xpub, "B");
  blocking_expect(quick, "B");
  blocking_expect_numbers(slow, "A", 0, 4);
  blocking_send(xpub, "A again");
  blocking_expect(slow, "A again");
  blocking_expect(quick, "A again");
}

static void nodrop_refuses_first_parts_only(void **state) {
  blocking_t *b = *state;

  if (!blocking_is_inproc())
    skip();
  /* Behaviours 26 and 32. */
  for (int inverted = 0; inverted < 2; inverted++) {
    void *xpub = limited(b, ZMQ_XPUB, 2, 100);
    void *sub = limited(b, ZMQ_SUB, 1, 2);

    blocking_set(xpub, ZMQ_XPUB_NODROP, 1);
    blocking_set(xpub, ZMQ_INVERT_MATCHING, inverted);
    blocking_set(sub, ZMQ_INVERT_MATCHING, inverted);
    blocking_set_text(sub, ZMQ_SUBSCRIBE, inverted ? "B" : "A");
    blocking_join(b, xpub, sub, NULL);
    blocking_expect(xpub, inverted ? "\\x01"
                                     "B"
                                   : "\\x01"
                                     "A");
    assert_int_equal(blocking_fill(xpub, "A|more|", 50), 4);
    blocking_expect_errno(zmq_send(xpub, "A", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE),
                          EAGAIN);
    blocking_send(xpub, "B|for nobody");
    blocking_expect_numbers(sub, "A|more|", 0, 4);
    blocking_send(xpub, "A|end");
    blocking_expect(sub, "A|end");
    blocking_close(b, sub);
    blocking_close(b, xpub);
  }
}

static void router_drops_for_a_full_peer(void **state) {
  blocking_t *b = *state;
  void *router = limited(b, ZMQ_ROUTER, 3, 1);
  void *dealer = limited(b, ZMQ_DEALER, 1, 4);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 33. */
  blocking_set_text(dealer, ZMQ_ROUTING_ID, "d");
  blocking_join(b, router, dealer, NULL);
  assert_int_equal(blocking_fill(router, "d|", 20), 20);
  blocking_expect_numbers(dealer, "", 0, 7);
  blocking_expect_nothing(dealer);
}

/* ---- Skipping ---- */

static void a_full_peer_is_skipped(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char nowhere[BLOCKING_TEXT_MAX];
  size_t got = 0;
  char *text;

  /* Behaviour 34: the one that cannot send keeps its ten. */
  blocking_fresh_endpoint(b, nowhere);
  blocking_connect(push, nowhere);
  blocking_join(b, pull, push, NULL);
  for (int i = 0; i < 50; i++)
    blocking_send(push, "x");
  for (; got < 40; got++) {
    text = blocking_receive(pull, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
    free(text);
  }
  blocking_expect_nothing(pull);
}

/* ---- Conflating ---- */

static void a_conflating_receiver_keeps_the_newest(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  size_t got = 0;
  int newest = -1;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 35: one, or a few when they were long under way. */
  blocking_set(pull, ZMQ_CONFLATE, 1);
  blocking_join(b, pull, push, NULL);
  assert_int_equal(blocking_fill(push, "", 20), 20);
  blocking_settle();
  for (; newest != 19; got++) {
    char *text = blocking_receive(pull, BLOCKING_DEADLINE_MS);
    int before = newest;
    assert_non_null(text);
    newest = atoi(text);
    free(text);
    assert_true(newest > before);
  }
  assert_in_range(got, 1, 19);
  blocking_expect_nothing(pull);
}

static void the_newest_stays_readable_when_its_sender_left(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *monitor;

  /* libzmq loses it: the end of the connection is the newest then. */
  if (blocking_is_inproc() || !blocking_is_zuv())
    skip();
  /* Behaviours 35 and 97. */
  blocking_set(pull, ZMQ_CONFLATE, 1);
  blocking_join(b, pull, push, NULL);
  monitor = blocking_monitor(b, pull, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_fill(push, "", 20), 20);
  blocking_close(b, push);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_monitor_end(b, pull, monitor);
  blocking_expect(pull, "19");
  blocking_expect_nothing(pull);
}

/* Conflating sockets whose receiver comes last; but libzmq loses what was sent
 * to an inproc name before its bind. */
static void connect_to(blocking_t *b, void *push, void *pull, char *endpoint) {
  blocking_set(push, ZMQ_CONFLATE, 1);
  blocking_fresh_endpoint(b, endpoint);
  if (blocking_is_inproc() && !blocking_is_zuv())
    blocking_bind_to(pull, endpoint);
  blocking_connect(push, endpoint);
}

static void then_bind(void *pull, const char *endpoint) {
  if (!blocking_is_inproc() || blocking_is_zuv())
    blocking_bind_to(pull, endpoint);
}

static void a_conflating_sender_keeps_the_newest(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 3, 3);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 35: whatever the high-water mark. */
  connect_to(b, push, pull, endpoint);
  assert_int_equal(blocking_fill(push, "", 20), 20);
  then_bind(pull, endpoint);
  blocking_expect(pull, "19");
  blocking_expect_nothing(pull);
}

static void conflating_keeps_the_last_part(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 36. */
  connect_to(b, push, pull, endpoint);
  blocking_send(push, "first");
  blocking_send(push, "a|b|c");
  then_bind(pull, endpoint);
  blocking_expect(pull, "c");
  blocking_expect_nothing(pull);
}

static void over_inproc_the_connecting_side_conflates(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 37: also when it is the one that receives. */
  blocking_set(pull, ZMQ_CONFLATE, 1);
  blocking_join(b, push, pull, NULL);
  assert_int_equal(blocking_fill(push, "", 20), 20);
  blocking_expect(pull, "19");
  blocking_expect_nothing(pull);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(pub_drops_for_a_slow_subscriber),
      blocking_test(pub_never_waits_for_a_slow_subscriber),
      blocking_test(nodrop_sends_to_all_or_none),
      blocking_test(nodrop_refuses_first_parts_only),
      blocking_test(router_drops_for_a_full_peer),
      blocking_test(a_full_peer_is_skipped),
      blocking_test(a_conflating_receiver_keeps_the_newest),
      blocking_test(the_newest_stays_readable_when_its_sender_left),
      blocking_test(a_conflating_sender_keeps_the_newest),
      blocking_test(conflating_keeps_the_last_part),
      blocking_test(over_inproc_the_connecting_side_conflates),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
