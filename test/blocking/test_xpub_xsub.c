/* XPUB and XSUB: subscriptions as messages, and who hears of them. */
#include "support/blocking.h"

/* Newer than the oldest zmq.h of its ABI, or draft names. Where the library
 * knows none of them the test is skipped. */
enum {
  XPUB_MANUAL_LAST_VALUE = 98,
  ONLY_FIRST_SUBSCRIBE = 108,
  XSUB_VERBOSE_UNSUBSCRIBE = 115,
  TOPICS_COUNT = 116
};

/* A subscription and a cancellation as they are sent and shown. The string ends
 * between the byte and the topic, lest a digit joins the number. */
#define ON "\\x01"
#define OFF "\\x00"

static void subscribe(void *sub, const char *topic) {
  blocking_set_text(sub, ZMQ_SUBSCRIBE, topic);
}

static void unsubscribe(void *sub, const char *topic) {
  blocking_set_text(sub, ZMQ_UNSUBSCRIBE, topic);
}

static bool has_option(void *socket, int option) {
  int zero = 0;

  if (zmq_setsockopt(socket, option, &zero, sizeof(zero)) == 0)
    return true;
  assert_int_equal(errno, EINVAL);
  assert_false(blocking_is_zuv());
  return false;
}

/* Waits for both messages, in any order. */
static void expect_both(void *socket, const char *one, const char *other) {
  char *first = blocking_receive(socket, BLOCKING_DEADLINE_MS);
  bool one_came;

  assert_non_null(first);
  one_came = strcmp(first, one) == 0;
  if (!one_came)
    assert_string_equal(first, other);
  free(first);
  blocking_expect(socket, one_came ? other : one);
}

/* Behaviours 78 and 80. */
static void xpub_hears_the_first_and_the_last_of_a_topic(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *one = blocking_socket(b, ZMQ_SUB);
  void *two = blocking_socket(b, ZMQ_SUB);

  blocking_join(b, xpub, one, NULL);
  blocking_join(b, xpub, two, NULL);
  subscribe(one, "A");
  blocking_expect(xpub, ON "A");
  subscribe(one, "A");
  subscribe(two, "A");
  subscribe(two, "two");
  blocking_expect(xpub, ON "two");
  unsubscribe(one, "A");
  unsubscribe(one, "A");
  subscribe(one, "one");
  blocking_expect(xpub, ON "one");
  unsubscribe(two, "A");
  blocking_expect(xpub, OFF "A");
}

/* Behaviour 79. */
static void xpub_hears_what_a_lost_sub_leaves(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  subscribe(sub, "B");
  subscribe(sub, "C");
  blocking_join(b, xpub, sub, NULL);
  expect_both(xpub, ON "B", ON "C");
  blocking_close(b, sub);
  expect_both(xpub, OFF "B", OFF "C");
}

/* Behaviour 79. */
static void xpub_hears_what_a_disconnect_leaves(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);
  char endpoint[BLOCKING_TEXT_MAX];

  subscribe(sub, "");
  blocking_join(b, xpub, sub, endpoint);
  blocking_expect(xpub, ON);
  blocking_expect_ok(zmq_disconnect(sub, endpoint));
  /* Some libraries disconnect only when called again. */
  blocking_wait(blocking_events(sub) == 0 &&
                (blocking_events(xpub) & ZMQ_POLLIN) != 0);
  blocking_expect(xpub, OFF);
}

/* Behaviour 80. */
static void verbose_xpub_hears_every_subscription(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *one = blocking_socket(b, ZMQ_SUB);
  void *two = blocking_socket(b, ZMQ_SUB);

  blocking_set(xpub, ZMQ_XPUB_VERBOSE, 1);
  blocking_join(b, xpub, one, NULL);
  blocking_join(b, xpub, two, NULL);
  for (int i = 0; i < 3; i++) {
    subscribe(one, "A");
    blocking_expect(xpub, ON "A");
  }
  subscribe(two, "A");
  blocking_expect(xpub, ON "A");
  unsubscribe(two, "A");
  subscribe(two, "B");
  blocking_expect(xpub, ON "B");
  for (int i = 0; i < 3; i++)
    unsubscribe(one, "A");
  blocking_expect(xpub, OFF "A");
}

/* Behaviour 81. */
static void verboser_xpub_hears_every_cancellation_too(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *one = blocking_socket(b, ZMQ_SUB);
  void *two = blocking_socket(b, ZMQ_SUB);

  blocking_set(xpub, ZMQ_XPUB_VERBOSER, 1);
  blocking_join(b, xpub, one, NULL);
  blocking_join(b, xpub, two, NULL);
  subscribe(one, "A");
  blocking_expect(xpub, ON "A");
  subscribe(one, "A");
  blocking_expect(xpub, ON "A");
  subscribe(two, "A");
  blocking_expect(xpub, ON "A");
  unsubscribe(one, "A");
  unsubscribe(one, "A");
  blocking_expect(xpub, OFF "A");
  blocking_expect_nothing(xpub);
  blocking_close(b, two);
  blocking_expect(xpub, OFF "A");
}

/* Behaviour 80: XPUB_VERBOSE ends what XPUB_VERBOSER began. */
static void verbose_ends_verboser(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *one = blocking_socket(b, ZMQ_SUB);
  void *two = blocking_socket(b, ZMQ_SUB);

  blocking_set(xpub, ZMQ_XPUB_VERBOSER, 1);
  blocking_set(xpub, ZMQ_XPUB_VERBOSE, 1);
  blocking_join(b, xpub, one, NULL);
  blocking_join(b, xpub, two, NULL);
  subscribe(one, "A");
  blocking_expect(xpub, ON "A");
  subscribe(two, "A");
  blocking_expect(xpub, ON "A");
  unsubscribe(one, "A");
  subscribe(one, "B");
  blocking_expect(xpub, ON "B");
}

/* Behaviour 82. */
static void xsub_cancels_a_topic_when_its_count_is_zero(void **state) {
  void *xpub;
  void *xsub;

  blocking_pair(*state, ZMQ_XPUB, ZMQ_XSUB, &xpub, &xsub);
  blocking_send(xsub, ON "A");
  blocking_send(xsub, ON "A");
  blocking_send(xsub, OFF "A");
  blocking_send(xsub, OFF "unknown");
  blocking_send(xsub, ON "B");
  blocking_expect(xpub, ON "A");
  blocking_expect(xpub, ON "B");
  blocking_send(xpub, "A still");
  blocking_expect(xsub, "A still");
  blocking_send(xsub, OFF "A");
  blocking_expect(xpub, OFF "A");
  blocking_send(xpub, "A no more");
  blocking_send(xpub, "B");
  blocking_expect(xsub, "B");
}

/* Behaviour 82. */
static void xsub_repeats_subscriptions(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *xsub = blocking_socket(b, ZMQ_XSUB);

  blocking_set(xpub, ZMQ_XPUB_VERBOSER, 1);
  blocking_join(b, xpub, xsub, NULL);
  blocking_send(xsub, ON "A");
  blocking_send(xsub, ON "A");
  blocking_send(xsub, OFF "A");
  blocking_send(xsub, OFF "A");
  blocking_send(xsub, OFF "A");
  blocking_send(xsub, ON "end");
  blocking_expect(xpub, ON "A");
  blocking_expect(xpub, ON "A");
  blocking_expect(xpub, OFF "A");
  blocking_expect(xpub, ON "end");
}

/* Behaviour 82 with XSUB_VERBOSE_UNSUBSCRIBE. */
static void a_verbose_xsub_passes_on_every_cancellation(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *xsub = blocking_socket(b, ZMQ_XSUB);

  if (!has_option(xsub, XSUB_VERBOSE_UNSUBSCRIBE))
    skip();
  blocking_set(xpub, ZMQ_XPUB_VERBOSER, 1);
  blocking_set(xsub, XSUB_VERBOSE_UNSUBSCRIBE, 1);
  blocking_join(b, xpub, xsub, NULL);
  blocking_send(xsub, ON "A");
  blocking_send(xsub, ON "A");
  blocking_expect(xpub, ON "A");
  blocking_expect(xpub, ON "A");
  blocking_send(xsub, OFF "A");
  blocking_expect(xpub, OFF "A");
}

/* Behaviour 75: XSUB filters nothing itself. */
static void xsub_delivers_what_was_queued(void **state) {
  void *xpub;
  void *xsub;

  blocking_pair(*state, ZMQ_XPUB, ZMQ_XSUB, &xpub, &xsub);
  blocking_send(xsub, ON "A");
  blocking_expect(xpub, ON "A");
  blocking_send(xpub, "A");
  blocking_wait_events(xsub, ZMQ_POLLIN);
  blocking_send(xsub, OFF "A");
  blocking_expect(xsub, "A");
}

/* Behaviour 83. */
static void xsub_sends_other_messages_upstream(void **state) {
  void *xpub;
  void *xsub;

  blocking_pair(*state, ZMQ_XPUB, ZMQ_XSUB, &xpub, &xsub);
  blocking_send(xsub, "up|stream");
  blocking_send(xsub, "");
  blocking_send(xsub, "\\x02");
  blocking_expect(xpub, "up|stream");
  blocking_expect(xpub, "");
  blocking_expect(xpub, "\\x02");
}

/* Behaviour 83. */
static void pub_drops_what_is_no_subscription(void **state) {
  blocking_t *b = *state;
  void *pub;
  void *xsub;
  char *text = NULL;

  blocking_pair(b, ZMQ_PUB, ZMQ_XSUB, &pub, &xsub);
  blocking_send(xsub, "up|stream");
  blocking_send(xsub, "");
  blocking_send(xsub, ON "A");
  blocking_wait(zmq_send(pub, "A", 1, 0) == 1 &&
                (text = blocking_receive(xsub, 5)) != NULL);
  assert_string_equal(text, "A");
  free(text);
}

/* Behaviour 84. */
static void later_parts_may_subscribe(void **state) {
  void *xpub;
  void *xsub;

  blocking_pair(*state, ZMQ_XPUB, ZMQ_XSUB, &xpub, &xsub);
  blocking_send(xsub, "user|" ON "D");
  blocking_expect(xpub, "user|" ON "D");
  blocking_send(xpub, "C");
  blocking_send(xpub, "D");
  blocking_expect(xsub, "D");
}

/* Behaviour 84. */
static void only_the_first_part_may_subscribe_if_so_set(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *xsub = blocking_socket(b, ZMQ_XSUB);

  if (!has_option(xpub, ONLY_FIRST_SUBSCRIBE))
    skip();
  blocking_set(xpub, ONLY_FIRST_SUBSCRIBE, 1);
  blocking_set(xsub, ONLY_FIRST_SUBSCRIBE, 1);
  blocking_join(b, xpub, xsub, NULL);
  blocking_send(xsub, "user|" ON "D");
  blocking_expect(xpub, "user|" ON "D");
  blocking_send(xsub, ON "E");
  blocking_expect(xpub, ON "E");
  blocking_send(xpub, "D");
  blocking_send(xpub, "E");
  blocking_expect(xsub, "E");
}

/* Behaviour 85. */
static void manual_xpub_decides_itself(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  blocking_set(xpub, ZMQ_XPUB_MANUAL, 1);
  blocking_join(b, xpub, sub, NULL);
  subscribe(sub, "A");
  subscribe(sub, "XA");
  blocking_expect(xpub, ON "A");
  blocking_expect(xpub, ON "XA");
  blocking_send(xpub, "A no effect yet");
  subscribe(xpub, "XA");
  blocking_send(xpub, "A still not");
  blocking_send(xpub, "XA instead");
  blocking_expect(sub, "XA instead");
  unsubscribe(sub, "XA");
  blocking_expect(xpub, OFF "XA");
  unsubscribe(xpub, "XA");
  subscribe(sub, "end");
  blocking_expect(xpub, ON "end");
  subscribe(xpub, "end");
  subscribe(sub, "XA");
  blocking_expect(xpub, ON "XA");
  blocking_send(xpub, "XA no more");
  blocking_send(xpub, "end");
  blocking_expect(sub, "end");
}

/* Behaviour 86. */
static void only_a_manual_xpub_can_subscribe(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);

  blocking_expect_errno(zmq_setsockopt(xpub, ZMQ_SUBSCRIBE, "A", 1), EINVAL);
  blocking_expect_errno(zmq_setsockopt(xpub, ZMQ_UNSUBSCRIBE, "A", 1), EINVAL);
  blocking_set(xpub, ZMQ_XPUB_MANUAL, 1);
  /* Success without effect: no subscription was read. */
  subscribe(xpub, "A");
  unsubscribe(xpub, "A");
  blocking_set(xpub, ZMQ_XPUB_MANUAL, 0);
  blocking_expect_errno(zmq_setsockopt(xpub, ZMQ_SUBSCRIBE, "A", 1), EINVAL);
}

/* Behaviour 88. */
static void the_last_value_goes_to_the_new_subscriber_only(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *old = blocking_socket(b, ZMQ_SUB);
  void *new = blocking_socket(b, ZMQ_SUB);

  if (!has_option(xpub, XPUB_MANUAL_LAST_VALUE))
    skip();
  blocking_set(xpub, XPUB_MANUAL_LAST_VALUE, 1);
  blocking_join(b, xpub, old, NULL);
  subscribe(old, "A");
  blocking_expect(xpub, ON "A");
  subscribe(xpub, "A");
  blocking_send(xpub, "A 1");
  blocking_expect(old, "A 1");
  blocking_join(b, xpub, new, NULL);
  subscribe(new, "A");
  blocking_expect(xpub, ON "A");
  subscribe(xpub, "A");
  blocking_send(xpub, "A 1 again");
  blocking_send(xpub, "A 2");
  blocking_expect(new, "A 1 again");
  blocking_expect(new, "A 2");
  blocking_expect(old, "A 2");
}

/* Behaviour 87. */
static void welcome_goes_to_who_subscribed_to_it(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *wants = blocking_socket(b, ZMQ_SUB);
  void *other = blocking_socket(b, ZMQ_SUB);

  blocking_set_text(xpub, ZMQ_XPUB_WELCOME_MSG, "Welcome");
  subscribe(wants, "W");
  subscribe(other, "A");
  blocking_join(b, xpub, wants, NULL);
  blocking_expect(xpub, ON "W");
  blocking_expect(wants, "Welcome");
  blocking_join(b, xpub, other, NULL);
  blocking_expect(xpub, ON "A");
  blocking_send(xpub, "A");
  blocking_expect(other, "A");
  blocking_expect_ok(zmq_setsockopt(xpub, ZMQ_XPUB_WELCOME_MSG, NULL, 0));
  blocking_expect_nothing(wants);
}

/* Behaviour 91. */
static void room_to_publish_never_ends(void **state) {
  blocking_t *b = *state;
  void *xpub = blocking_socket(b, ZMQ_XPUB);
  void *xsub = blocking_socket(b, ZMQ_XSUB);

  assert_int_equal(blocking_events(xpub), ZMQ_POLLOUT);
  assert_int_equal(blocking_events(xsub), ZMQ_POLLOUT);
  blocking_set_hwm(xpub, 2, 2);
  blocking_set_hwm(xsub, 2, 2);
  blocking_join(b, xpub, xsub, NULL);
  blocking_send(xsub, ON "A");
  blocking_expect(xpub, ON "A");
  assert_int_equal(blocking_fill(xpub, "A", 2000), 2000);
  assert_int_equal(blocking_fill(xsub, "up", 2000), 2000);
  assert_int_equal(blocking_events(xpub) & ZMQ_POLLOUT, ZMQ_POLLOUT);
  assert_int_equal(blocking_events(xsub) & ZMQ_POLLOUT, ZMQ_POLLOUT);
  blocking_expect(xsub, "A0");
  blocking_expect(xpub, "up0");
}

static void a_forwarder_passes_messages_and_subscriptions(void **state) {
  blocking_t *b = *state;
  void *pub;
  void *xsub;
  void *xpub;
  void *sub;
  zmq_msg_t part;

  blocking_pair(b, ZMQ_XPUB, ZMQ_XSUB, &pub, &xsub);
  blocking_pair(b, ZMQ_XPUB, ZMQ_SUB, &xpub, &sub);
  zmq_msg_init(&part);
  subscribe(sub, "A");
  blocking_wait_events(xpub, ZMQ_POLLIN);
  assert_int_equal(zmq_msg_recv(&part, xpub, 0), 2);
  assert_int_equal(zmq_msg_send(&part, xsub, 0), 2);
  blocking_expect(pub, ON "A");
  blocking_send(pub, "A|through");
  blocking_wait_events(xsub, ZMQ_POLLIN);
  assert_int_equal(zmq_msg_recv(&part, xsub, 0), 1);
  assert_int_equal(zmq_msg_send(&part, xpub, ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_msg_recv(&part, xsub, 0), 7);
  assert_int_equal(zmq_msg_send(&part, xpub, 0), 7);
  zmq_msg_close(&part);
  blocking_expect(sub, "A|through");
}

/* Behaviour 92, better: the count is never stale. */
static void topics_are_counted(void **state) {
  blocking_t *b = *state;
  void *xpub;
  void *xsub;

  if (!blocking_is_zuv())
    skip();
  blocking_pair(b, ZMQ_XPUB, ZMQ_XSUB, &xpub, &xsub);
  blocking_send(xsub, ON "A");
  blocking_send(xsub, ON "B");
  blocking_send(xsub, ON "B");
  assert_int_equal(blocking_get(xsub, TOPICS_COUNT), 2);
  blocking_wait(blocking_get(xpub, TOPICS_COUNT) == 2);
  blocking_close(b, xsub);
  blocking_wait(blocking_get(xpub, TOPICS_COUNT) == 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(xpub_hears_the_first_and_the_last_of_a_topic),
      blocking_test(xpub_hears_what_a_lost_sub_leaves),
      blocking_test(xpub_hears_what_a_disconnect_leaves),
      blocking_test(verbose_xpub_hears_every_subscription),
      blocking_test(verboser_xpub_hears_every_cancellation_too),
      blocking_test(verbose_ends_verboser),
      blocking_test(xsub_cancels_a_topic_when_its_count_is_zero),
      blocking_test(xsub_repeats_subscriptions),
      blocking_test(a_verbose_xsub_passes_on_every_cancellation),
      blocking_test(xsub_delivers_what_was_queued),
      blocking_test(xsub_sends_other_messages_upstream),
      blocking_test(pub_drops_what_is_no_subscription),
      blocking_test(later_parts_may_subscribe),
      blocking_test(only_the_first_part_may_subscribe_if_so_set),
      blocking_test(manual_xpub_decides_itself),
      blocking_test(only_a_manual_xpub_can_subscribe),
      blocking_test(the_last_value_goes_to_the_new_subscriber_only),
      blocking_test(welcome_goes_to_who_subscribed_to_it),
      blocking_test(room_to_publish_never_ends),
      blocking_test(a_forwarder_passes_messages_and_subscriptions),
      blocking_test(topics_are_counted),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
