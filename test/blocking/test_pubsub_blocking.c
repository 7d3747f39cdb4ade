/* PUB and SUB: who gets what. Subscriptions travel to the publisher, so a test
 * first waits until they are there: see subscribed(). */
#include "support/blocking.h"

enum { TOPICS_COUNT = 116 /* newer than the oldest zmq.h of its ABI */ };

static void subscribe(void *sub, const char *topic) {
  blocking_set_text(sub, ZMQ_SUBSCRIBE, topic);
}

static void unsubscribe(void *sub, const char *topic) {
  blocking_set_text(sub, ZMQ_UNSUBSCRIBE, topic);
}

/* Whether something sent as `marker` gets from one to the other: what was sent
 * before it is there too. What is left of the attempts is filtered out once the
 * topic is cancelled. */
static bool marker_passes(void *pub, void *sub, const char *marker) {
  char *text;
  bool same;

  blocking_send(pub, marker);
  text = blocking_receive(sub, 5);
  same = text != NULL && strcmp(text, marker) == 0;
  if (text != NULL && !same)
    fail_msg("\"%s\" arrived while waiting for a subscription", text);
  free(text);
  return same;
}

/* Waits until the publisher knows all that the SUB asked for so far. There may
 * be no message unread. */
static void subscribed(void *pub, void *sub) {
  static int number;
  char marker[32];

  snprintf(marker, sizeof(marker), "~marker %d", number++);
  subscribe(sub, marker);
  blocking_wait(marker_passes(pub, sub, marker));
  unsubscribe(sub, marker);
}

/* Reads what is left of markers that are not filtered out. */
static void skip_markers(void *pub, void *sub) {
  char *text;
  bool last = false;

  blocking_send(pub, "end of markers");
  while (!last) {
    text = blocking_receive(sub, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
    last = strcmp(text, "end of markers") == 0;
    free(text);
  }
}

static void join_pub_sub(blocking_t *b, void **pub, void **sub) {
  blocking_pair(b, ZMQ_PUB, ZMQ_SUB, pub, sub);
}

/* Behaviours 69 and 76. */
static void nothing_arrives_without_a_subscription(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  blocking_send(pub, "A unwanted");
  blocking_expect_nothing(sub);
  subscribe(sub, "A");
  subscribed(pub, sub);
  blocking_send(pub, "A wanted");
  blocking_expect(sub, "A wanted");
}

/* Behaviour 76. */
static void sending_to_nobody_succeeds(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_set(pub, ZMQ_SNDHWM, 1);
  assert_int_equal(blocking_fill(pub, "", 5000), 5000);
  blocking_bind(b, pub, endpoint);
  assert_int_equal(blocking_fill(pub, "", 5000), 5000);
  assert_int_equal(zmq_send(pub, "parts", 5, ZMQ_SNDMORE), 5);
  assert_int_equal(zmq_send(pub, NULL, 0, 0), 0);
}

/* Behaviour 76: what was published before the subscription is lost. */
static void a_late_subscriber_misses_the_beginning(void **state) {
  blocking_t *b = *state;
  void *pub;
  void *early;
  void *late = blocking_socket(b, ZMQ_SUB);

  join_pub_sub(b, &pub, &early);
  subscribe(early, "1");
  subscribed(pub, early);
  blocking_send(pub, "1");
  subscribe(late, "");
  blocking_join(b, pub, late, NULL);
  blocking_wait(marker_passes(pub, late, "now"));
  blocking_expect(early, "1");
}

/* Behaviour 70. */
static void the_beginning_of_the_first_part_decides(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  subscribe(sub, "A");
  subscribed(pub, sub);
  blocking_send(pub, "B|A");
  blocking_send(pub, "");
  blocking_send(pub, "|A");
  blocking_send(pub, "aA");
  blocking_send(pub, "A|B|C");
  blocking_send(pub, "AB|");
  blocking_expect(sub, "A|B|C");
  blocking_expect(sub, "AB|");
  blocking_expect_nothing(sub);
}

/* Behaviour 70. */
static void a_topic_may_hold_any_byte(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  blocking_expect_ok(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "\0\1", 2));
  blocking_expect_ok(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "\377\0z", 3));
  subscribed(pub, sub);
  blocking_send(pub, "\\x00");
  blocking_send(pub, "\\x00\\x02");
  blocking_send(pub, "\\xff\\x00");
  blocking_send(pub, "\\x00\\x01 one");
  blocking_send(pub, "\\xff\\x00z two");
  blocking_expect(sub, "\\x00\\x01 one");
  blocking_expect(sub, "\\xff\\x00z two");
}

/* Behaviour 70: topics are not limited to a small size. */
static void a_topic_may_be_long(void **state) {
  enum { LONG = 5000 };
  char topic[LONG + 1];
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  memset(topic, 't', sizeof(topic));
  blocking_expect_ok(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, LONG));
  subscribed(pub, sub);
  assert_int_equal(zmq_send(pub, topic, LONG - 1, 0), LONG - 1);
  assert_int_equal(zmq_send(pub, topic, LONG, 0), LONG);
  assert_int_equal(zmq_send(pub, topic, LONG + 1, 0), LONG + 1);
  blocking_expect(sub, "<5000 bytes>");
  blocking_expect(sub, "<5001 bytes>");
}

/* Behaviours 71 and 72. */
static void subscriptions_are_counted(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  subscribe(sub, "A");
  subscribe(sub, "A");
  subscribe(sub, "end");
  subscribed(pub, sub);
  unsubscribe(sub, "A");
  unsubscribe(sub, "never subscribed");
  subscribed(pub, sub);
  blocking_send(pub, "A still");
  blocking_expect(sub, "A still");
  unsubscribe(sub, "A");
  unsubscribe(sub, "A");
  subscribed(pub, sub);
  blocking_send(pub, "A no more");
  blocking_send(pub, "end");
  blocking_expect(sub, "end");
}

/* Behaviour 73. */
static void overlapping_subscriptions_give_one_copy(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  subscribe(sub, "a");
  subscribe(sub, "ab");
  subscribe(sub, "abc");
  subscribed(pub, sub);
  blocking_send(pub, "abcd");
  blocking_send(pub, "abc");
  blocking_expect(sub, "abcd");
  blocking_expect(sub, "abc");
  blocking_expect_nothing(sub);
}

/* Behaviour 73. */
static void connecting_twice_gives_one_copy(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *sub = blocking_socket(b, ZMQ_SUB);
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  blocking_join(b, pub, sub, endpoint);
  blocking_connect(sub, endpoint);
  subscribe(sub, "");
  subscribed(pub, sub);
  skip_markers(pub, sub);
  blocking_send(pub, "once");
  blocking_expect(sub, "once");
  blocking_expect_nothing(sub);
}

/* Behaviour 74. */
static void the_empty_subscription_gets_everything(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  blocking_expect_ok(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, NULL, 0));
  blocking_join(b, pub, sub, NULL);
  blocking_wait(marker_passes(pub, sub, "now"));
  skip_markers(pub, sub);
  blocking_send(pub, "");
  blocking_send(pub, "|A");
  blocking_send(pub, "\\x00\\x01|x");
  blocking_expect(sub, "");
  blocking_expect(sub, "|A");
  blocking_expect(sub, "\\x00\\x01|x");
}

static void every_subscriber_gets_its_own_selection(void **state) {
  enum { COUNT = 10 };
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *subs[COUNT];
  char text[BLOCKING_TEXT_MAX];

  for (int i = 0; i < COUNT; i++) {
    subs[i] = blocking_socket(b, ZMQ_SUB);
    blocking_join(b, pub, subs[i], NULL);
    snprintf(text, sizeof(text), "%d", i);
    subscribe(subs[i], text);
    subscribe(subs[i], "all");
    subscribed(pub, subs[i]);
  }
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "%d for one", i);
    blocking_send(pub, text);
  }
  blocking_send(pub, "all of you|get this");
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "%d for one", i);
    blocking_expect(subs[i], text);
    blocking_expect(subs[i], "all of you|get this");
  }
}

static void a_sub_hears_many_publishers(void **state) {
  blocking_t *b = *state;
  void *sub = blocking_socket(b, ZMQ_SUB);
  void *pubs[3];

  subscribe(sub, "A");
  for (int i = 0; i < 3; i++) {
    pubs[i] = blocking_socket(b, ZMQ_PUB);
    blocking_join(b, pubs[i], sub, NULL);
    subscribed(pubs[i], sub);
  }
  for (int i = 0; i < 3; i++) {
    blocking_send(pubs[i], "A");
    blocking_expect(sub, "A");
  }
}

/* Behaviour 75. */
static void sub_filters_what_it_wants_no_more(void **state) {
  void *pub;
  void *sub;

  join_pub_sub(*state, &pub, &sub);
  subscribe(sub, "A");
  subscribe(sub, "B");
  subscribed(pub, sub);
  blocking_send(pub, "A|queued");
  blocking_send(pub, "B");
  unsubscribe(sub, "A");
  blocking_expect(sub, "B");
}

/* Behaviour 77: the publisher may connect. */
static void a_binding_sub_works_too(void **state) {
  void *pub;
  void *sub;

  blocking_pair(*state, ZMQ_SUB, ZMQ_PUB, &sub, &pub);
  subscribe(sub, "A");
  subscribed(pub, sub);
  blocking_send(pub, "A");
  blocking_expect(sub, "A");
}

/* Behaviour 77, better: no further call on the SUB is needed. */
static void a_binding_sub_need_not_be_called(void **state) {
  blocking_t *b = *state;
  void *sub = blocking_socket(b, ZMQ_SUB);
  void *xpub = blocking_socket(b, ZMQ_XPUB);

  if (!blocking_is_zuv())
    skip();
  subscribe(sub, "A");
  blocking_attach(b, sub, xpub, NULL);
  blocking_expect(xpub, "\\x01"
                        "A");
}

/* Behaviour 90. */
static void a_restarted_pub_finds_the_subscriptions(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *sub = blocking_socket(b, ZMQ_SUB);
  void *again = blocking_socket(b, ZMQ_PUB);
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;

  if (blocking_is_inproc())
    skip();
  blocking_set(sub, ZMQ_RECONNECT_IVL, 10);
  monitor = blocking_monitor(b, sub, ZMQ_EVENT_DISCONNECTED);
  subscribe(sub, "A");
  subscribe(sub, "dropped");
  blocking_fresh_endpoint(b, endpoint);
  blocking_bind_to(pub, endpoint);
  blocking_connect(sub, endpoint);
  subscribed(pub, sub);
  blocking_close(b, pub);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  unsubscribe(sub, "dropped");
  subscribe(sub, "B");
  blocking_wait(zmq_bind(again, endpoint) == 0);
  subscribed(again, sub);
  blocking_send(again, "dropped");
  blocking_send(again, "A");
  blocking_send(again, "B");
  blocking_expect(sub, "A");
  blocking_expect(sub, "B");
}

/* Behaviour 89. The markers of subscribed() do not pass here, so the other ones
 * are waited for. */
static void inverted_matching_gets_the_rest(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  blocking_set(pub, ZMQ_INVERT_MATCHING, 1);
  blocking_set(sub, ZMQ_INVERT_MATCHING, 1);
  blocking_join(b, pub, sub, NULL);
  subscribe(sub, "A");
  blocking_expect(pub, "\\x01"
                       "A");
  blocking_send(pub, "A no");
  blocking_send(pub, "B yes");
  blocking_send(pub, "A no");
  blocking_expect(sub, "B yes");
  blocking_expect_nothing(sub);
}

/* Behaviour 89. */
static void inverted_matching_at_one_end_gets_nothing(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  blocking_set(pub, ZMQ_INVERT_MATCHING, 1);
  blocking_join(b, pub, sub, NULL);
  subscribe(sub, "A");
  blocking_expect(pub, "\\x01"
                       "A");
  blocking_send(pub, "A");
  blocking_send(pub, "B");
  blocking_expect_nothing(sub);
}

/* Behaviours 13 and 91. */
static void each_goes_one_way_only(void **state) {
  void *pub;
  void *sub;
  char byte;

  join_pub_sub(*state, &pub, &sub);
  assert_int_equal(blocking_events(pub), ZMQ_POLLOUT);
  assert_int_equal(blocking_events(sub), 0);
  blocking_expect_errno(zmq_send(sub, "no", 2, 0), ENOTSUP);
  blocking_expect_errno(zmq_recv(pub, &byte, 1, 0), ENOTSUP);
  subscribe(sub, "A");
  subscribed(pub, sub);
  blocking_send(pub, "A");
  blocking_wait_events(sub, ZMQ_POLLIN);
  assert_int_equal(blocking_events(sub), ZMQ_POLLIN);
  assert_int_equal(blocking_events(pub), ZMQ_POLLOUT);
}

/* Behaviour 91. */
static void room_to_publish_never_ends(void **state) {
  blocking_t *b = *state;
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *sub = blocking_socket(b, ZMQ_SUB);

  assert_int_equal(blocking_events(pub), ZMQ_POLLOUT);
  assert_int_equal(blocking_events(sub), 0);
  blocking_set_hwm(pub, 2, 2);
  blocking_set_hwm(sub, 2, 2);
  blocking_join(b, pub, sub, NULL);
  subscribe(sub, "A");
  subscribed(pub, sub);
  assert_int_equal(blocking_fill(pub, "A", 2000), 2000);
  assert_int_equal(blocking_events(pub), ZMQ_POLLOUT);
  blocking_wait_events(sub, ZMQ_POLLIN);
}

/* Behaviour 92, better: the count is never stale. */
static void topics_are_counted(void **state) {
  void *pub;
  void *sub;

  if (!blocking_is_zuv())
    skip();
  join_pub_sub(*state, &pub, &sub);
  subscribe(sub, "A");
  subscribe(sub, "B");
  subscribe(sub, "B");
  assert_int_equal(blocking_get(sub, TOPICS_COUNT), 2);
  blocking_wait(blocking_get(pub, TOPICS_COUNT) == 2);
  unsubscribe(sub, "B");
  assert_int_equal(blocking_get(sub, TOPICS_COUNT), 2);
  unsubscribe(sub, "B");
  assert_int_equal(blocking_get(sub, TOPICS_COUNT), 1);
  blocking_wait(blocking_get(pub, TOPICS_COUNT) == 1);
  blocking_close(*state, sub);
  blocking_wait(blocking_get(pub, TOPICS_COUNT) == 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(nothing_arrives_without_a_subscription),
      blocking_test(sending_to_nobody_succeeds),
      blocking_test(a_late_subscriber_misses_the_beginning),
      blocking_test(the_beginning_of_the_first_part_decides),
      blocking_test(a_topic_may_hold_any_byte),
      blocking_test(a_topic_may_be_long),
      blocking_test(subscriptions_are_counted),
      blocking_test(overlapping_subscriptions_give_one_copy),
      blocking_test(connecting_twice_gives_one_copy),
      blocking_test(the_empty_subscription_gets_everything),
      blocking_test(every_subscriber_gets_its_own_selection),
      blocking_test(a_sub_hears_many_publishers),
      blocking_test(sub_filters_what_it_wants_no_more),
      blocking_test(a_binding_sub_works_too),
      blocking_test(a_binding_sub_need_not_be_called),
      blocking_test(a_restarted_pub_finds_the_subscriptions),
      blocking_test(inverted_matching_gets_the_rest),
      blocking_test(inverted_matching_at_one_end_gets_nothing),
      blocking_test(each_goes_one_way_only),
      blocking_test(room_to_publish_never_ends),
      blocking_test(topics_are_counted),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
