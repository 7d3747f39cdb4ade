/* PUB and SUB, XPUB and XSUB: who gets what, and who hears of it. */
#include "support/harness.h"

static void wait_topics(harness_socket_t *pub, int count) {
  harness_wait(pub->harness, harness_get(pub, ZUV_TOPICS_COUNT) == count);
}

/* Subscribes, and waits until the publisher knows: subscriptions travel in
 * order, so a topic of its own behind the wanted one tells. */
static void subscribe(harness_socket_t *pub, harness_socket_t *sub,
                      const char *topic) {
  static int number;
  char marker[32];
  int before;

  harness_subscribe(sub, topic);
  snprintf(marker, sizeof(marker), "~marker %d", number++);
  before = harness_get(pub, ZUV_TOPICS_COUNT);
  harness_subscribe(sub, marker);
  harness_wait(pub->harness, harness_get(pub, ZUV_TOPICS_COUNT) > before);
  before = harness_get(pub, ZUV_TOPICS_COUNT);
  harness_unsubscribe(sub, marker);
  harness_wait(pub->harness, harness_get(pub, ZUV_TOPICS_COUNT) < before);
}

static void join_pub_sub(harness_t *h, harness_socket_t **pub,
                         harness_socket_t **sub, char *endpoint) {
  *pub = harness_socket(h, ZUV_PUB);
  *sub = harness_socket(h, ZUV_SUB);
  harness_join(*pub, *sub, endpoint);
}

static void nothing_arrives_without_a_subscription(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviours 69 and 76 */
  join_pub_sub(h, &pub, &sub, NULL);
  harness_send(pub, "A unwanted");
  subscribe(pub, sub, "A");
  harness_send(pub, "A wanted");
  harness_expect(sub, 0, "A wanted");
}

static void the_beginning_of_the_first_part_decides(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviour 70 */
  join_pub_sub(h, &pub, &sub, NULL);
  subscribe(pub, sub, "A");
  harness_send(pub, "B|A");
  harness_send(pub, "");
  harness_send(pub, "aA");
  harness_send(pub, "A|B|C");
  harness_send(pub, "AB|");
  harness_expect(sub, 0, "A|B|C");
  harness_expect(sub, 1, "AB|");
}

static void subscriptions_are_counted(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviours 71 and 72 */
  join_pub_sub(h, &pub, &sub, NULL);
  subscribe(pub, sub, "A");
  harness_subscribe(sub, "A");
  harness_subscribe(sub, "end");
  wait_topics(pub, 2);
  harness_unsubscribe(sub, "A");
  harness_unsubscribe(sub, "never subscribed");
  harness_send(pub, "A still");
  harness_expect(sub, 0, "A still");
  harness_unsubscribe(sub, "A");
  wait_topics(pub, 1);
  harness_send(pub, "A no more");
  harness_send(pub, "end");
  harness_expect(sub, 1, "end");
}

static void overlapping_subscriptions_give_one_copy(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 73 */
  join_pub_sub(h, &pub, &sub, endpoint);
  harness_subscribe(sub, "a");
  harness_subscribe(sub, "ab");
  subscribe(pub, sub, "abc");
  if (!harness_is_inproc())
    harness_connect(sub, endpoint);
  harness_send(pub, "abcd");
  harness_send(pub, "abc");
  harness_expect(sub, 0, "abcd");
  harness_expect(sub, 1, "abc");
}

static void the_empty_subscription_gets_everything(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviour 74 */
  join_pub_sub(h, &pub, &sub, NULL);
  assert_int_equal(zuv_set_option(&sub->zuv, ZUV_SUBSCRIBE, NULL, 0), 0);
  wait_topics(pub, 1);
  harness_send(pub, "");
  harness_send(pub, "|A");
  harness_send(pub, "\\x00\\x01|x");
  harness_expect(sub, 0, "");
  harness_expect(sub, 1, "|A");
  harness_expect(sub, 2, "\\x00\\x01|x");
}

static void every_subscriber_gets_its_own_selection(void **state) {
  enum { COUNT = 10 };
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *subs[COUNT];
  char text[HARNESS_TEXT_MAX];

  for (int i = 0; i < COUNT; i++) {
    subs[i] = harness_socket(h, ZUV_SUB);
    harness_join(pub, subs[i], NULL);
    snprintf(text, sizeof(text), "%d", i);
    harness_subscribe(subs[i], text);
    subscribe(pub, subs[i], "all");
  }
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "%d for one", i);
    harness_send(pub, text);
  }
  harness_send(pub, "all of you|get this");
  assert_int_equal(harness_try_send_size(pub, 100000, '7'), 0);
  harness_send(pub, "all done");
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "%d for one", i);
    harness_expect(subs[i], 0, text);
    harness_expect(subs[i], 1, "all of you|get this");
    if (i == 7) {
      harness_expect(subs[i], 2, "<100000 bytes>");
      harness_expect(subs[i], 3, "all done");
    } else {
      harness_expect(subs[i], 2, "all done");
    }
  }
}

static void sub_filters_what_it_wants_no_more(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *sub = harness_deaf_socket(h, ZUV_SUB);
  harness_socket_t *xsub = harness_deaf_socket(h, ZUV_XSUB);

  /* behaviour 75 */
  harness_join(pub, sub, NULL);
  harness_join(pub, xsub, NULL);
  harness_subscribe(sub, "B");
  subscribe(pub, sub, "A");
  harness_send(xsub, "\\x01"
                     "A");
  harness_send(xsub, "\\x01"
                     "C");
  wait_topics(pub, 3);
  harness_send(pub, "A");
  harness_send(pub, "B");
  harness_wait(h, (harness_get(sub, ZUV_EVENTS) & ZUV_POLLIN) &&
                      (harness_get(xsub, ZUV_EVENTS) & ZUV_POLLIN));
  harness_unsubscribe(sub, "A");
  harness_send(xsub, "\\x00"
                     "A");
  harness_receive(sub);
  harness_receive(xsub);
  harness_expect(sub, 0, "B");
  harness_expect(xsub, 0, "A");
}

static void a_binding_sub_works_too(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);

  /* behaviour 77: without any further call on the SUB */
  harness_subscribe(sub, "A");
  harness_join(sub, pub, NULL);
  wait_topics(pub, 1);
  harness_send(pub, "A");
  harness_expect(sub, 0, "A");
}

static void pub_forgets_the_topics_of_a_lost_sub(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  join_pub_sub(h, &pub, &sub, NULL);
  harness_subscribe(sub, "A");
  harness_subscribe(sub, "B");
  wait_topics(pub, 2);
  assert_int_equal(harness_get(sub, ZUV_TOPICS_COUNT), 2);
  harness_close(sub);
  wait_topics(pub, 0);
}

static void a_restarted_pub_finds_the_subscriptions(void **state) {
  harness_t *h = *state;
  harness_socket_t *again = harness_socket(h, ZUV_PUB);
  harness_socket_t *pub;
  harness_socket_t *sub;
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 90 */
  pub = harness_socket(h, ZUV_PUB);
  sub = harness_socket(h, ZUV_SUB);
  harness_set(sub, ZUV_RECONNECT_IVL, 10);
  harness_subscribe(sub, "A");
  harness_subscribe(sub, "dropped");
  harness_join(pub, sub, endpoint);
  wait_topics(pub, 2);
  harness_close(pub);
  harness_wait_lost(sub, 1);
  harness_unsubscribe(sub, "dropped");
  harness_subscribe(sub, "B");
  assert_int_equal(zuv_bind(&again->zuv, endpoint), 0);
  harness_wait_ready(again, 1);
  wait_topics(again, 2);
  harness_send(again, "dropped");
  harness_send(again, "A");
  harness_send(again, "B");
  harness_expect(sub, 0, "A");
  harness_expect(sub, 1, "B");
}

static void inverted_matching_gets_the_rest(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviour 89 */
  join_pub_sub(h, &pub, &sub, NULL);
  harness_set(pub, ZUV_INVERT_MATCHING, 1);
  harness_set(sub, ZUV_INVERT_MATCHING, 1);
  harness_subscribe(sub, "A");
  wait_topics(pub, 1);
  harness_send(pub, "A no");
  harness_send(pub, "B yes");
  harness_expect(sub, 0, "B yes");
}

static void room_to_send_never_ends(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub;
  harness_socket_t *sub;

  /* behaviour 91 */
  assert_int_equal(harness_get(harness_socket(h, ZUV_PUB), ZUV_EVENTS), 2);
  assert_int_equal(harness_get(harness_socket(h, ZUV_XPUB), ZUV_EVENTS), 2);
  assert_int_equal(harness_get(harness_socket(h, ZUV_XSUB), ZUV_EVENTS), 2);
  join_pub_sub(h, &pub, &sub, NULL);
  assert_int_equal(harness_get(sub, ZUV_EVENTS), 0);
  assert_int_equal(harness_try_send(sub, "no"), UV_ENOTSUP);
}

static void xpub_hears_the_first_and_the_last_of_a_topic(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *one = harness_socket(h, ZUV_SUB);
  harness_socket_t *two = harness_socket(h, ZUV_SUB);

  /* behaviours 78 and 80 */
  harness_join(xpub, one, NULL);
  harness_join(xpub, two, NULL);
  harness_subscribe(one, "A");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_subscribe(two, "A");
  harness_subscribe(two, "two");
  harness_expect(xpub, 1, "\\x01two");
  harness_unsubscribe(one, "A");
  harness_subscribe(one, "one");
  harness_expect(xpub, 2, "\\x01one");
  harness_unsubscribe(two, "A");
  harness_expect(xpub, 3,
                 "\\x00"
                 "A");
}

static bool heard(const harness_socket_t *s, const char *text) {
  for (size_t i = 0; i < s->received; i++) {
    if (strcmp(s->messages[i].text, text) == 0)
      return true;
  }
  return false;
}

static void xpub_hears_what_a_lost_sub_leaves(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);

  /* behaviour 79 */
  harness_subscribe(sub, "B");
  harness_subscribe(sub, "C");
  harness_join(xpub, sub, NULL);
  harness_wait(h, xpub->received == 2);
  assert_true(heard(xpub, "\\x01"
                          "B") &&
              heard(xpub, "\\x01"
                          "C"));
  harness_close(sub);
  harness_wait(h, xpub->received == 4);
  assert_true(heard(xpub, "\\x00"
                          "B") &&
              heard(xpub, "\\x00"
                          "C"));
}

static void verbose_xpub_hears_every_subscription(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *one = harness_socket(h, ZUV_XSUB);
  harness_socket_t *two = harness_socket(h, ZUV_SUB);

  /* behaviours 80 and 82 */
  harness_set(xpub, ZUV_XPUB_VERBOSE, 1);
  harness_join(xpub, one, NULL);
  harness_join(xpub, two, NULL);
  harness_send(one, "\\x01"
                    "A");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_send(one, "\\x01"
                    "A");
  harness_expect(xpub, 1,
                 "\\x01"
                 "A");
  harness_subscribe(two, "A");
  harness_expect(xpub, 2,
                 "\\x01"
                 "A");
  harness_unsubscribe(two, "A");
  harness_subscribe(two, "B");
  harness_expect(xpub, 3,
                 "\\x01"
                 "B");
}

static void verboser_xpub_hears_every_cancellation_too(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *one = harness_socket(h, ZUV_SUB);
  harness_socket_t *two = harness_socket(h, ZUV_SUB);

  /* behaviour 81 */
  harness_set(xpub, ZUV_XPUB_VERBOSER, 1);
  harness_join(xpub, one, NULL);
  harness_join(xpub, two, NULL);
  harness_subscribe(one, "A");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_subscribe(two, "A");
  harness_expect(xpub, 1,
                 "\\x01"
                 "A");
  harness_unsubscribe(one, "A");
  harness_expect(xpub, 2,
                 "\\x00"
                 "A");
  harness_close(two);
  harness_expect(xpub, 3,
                 "\\x00"
                 "A");
}

static void xsub_cancels_a_topic_when_its_count_is_zero(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);

  /* behaviour 82 */
  harness_join(xpub, xsub, NULL);
  harness_send(xsub, "\\x01"
                     "A");
  harness_send(xsub, "\\x01"
                     "A");
  harness_send(xsub, "\\x00"
                     "A");
  harness_send(xsub, "\\x00unknown");
  harness_send(xsub, "\\x01"
                     "B");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_expect(xpub, 1,
                 "\\x01"
                 "B");
  harness_send(xpub, "A still");
  harness_expect(xsub, 0, "A still");
  harness_send(xsub, "\\x00"
                     "A");
  harness_expect(xpub, 2,
                 "\\x00"
                 "A");
}

static void a_verbose_xsub_passes_on_every_cancellation(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);

  /* behaviour 82 with XSUB_VERBOSE_UNSUBSCRIBE: each of them goes upstream */
  harness_set(xpub, ZUV_XPUB_VERBOSER, 1);
  harness_set(xsub, ZUV_XSUB_VERBOSE_UNSUBSCRIBE, 1);
  harness_join(xpub, xsub, NULL);
  harness_send(xsub, "\\x01A");
  harness_send(xsub, "\\x01A");
  harness_send(xsub, "\\x00A");
  harness_send(xsub, "\\x00A");
  harness_expect(xpub, 0, "\\x01A");
  harness_expect(xpub, 1, "\\x01A");
  harness_expect(xpub, 2, "\\x00A");
  harness_wait(h, harness_get(xpub, ZUV_TOPICS_COUNT) == 0);
}

static void xsub_sends_other_messages_upstream(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);

  /* behaviour 83 */
  harness_join(xpub, xsub, NULL);
  harness_join(pub, xsub, NULL);
  harness_send(xsub, "up|stream");
  harness_send(xsub, "");
  harness_expect(xpub, 0, "up|stream");
  harness_expect(xpub, 1, "");
  harness_send(xsub, "\\x01"
                     "A");
  wait_topics(pub, 1);
}

static void later_parts_may_subscribe(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);

  /* behaviour 84 */
  harness_join(xpub, xsub, NULL);
  harness_send(xsub, "user|\\x01"
                     "D");
  harness_expect(xpub, 0,
                 "user|\\x01"
                 "D");
  assert_int_equal(harness_get(xpub, ZUV_TOPICS_COUNT), 1);
  harness_send(xpub, "D");
  harness_expect(xsub, 0, "D");
}

static void only_the_first_part_may_subscribe_if_so_set(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);

  /* behaviour 84 */
  harness_set(xpub, ZUV_ONLY_FIRST_SUBSCRIBE, 1);
  harness_set(xsub, ZUV_ONLY_FIRST_SUBSCRIBE, 1);
  harness_join(xpub, xsub, NULL);
  harness_send(xsub, "user|\\x01"
                     "D");
  harness_expect(xpub, 0,
                 "user|\\x01"
                 "D");
  assert_int_equal(harness_get(xpub, ZUV_TOPICS_COUNT), 0);
}

static void manual_xpub_decides_itself(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);

  /* behaviours 85 and 86 */
  assert_int_equal(zuv_set_option(&xpub->zuv, ZUV_SUBSCRIBE, "A", 1),
                   UV_EINVAL);
  harness_set(xpub, ZUV_XPUB_MANUAL, 1);
  harness_join(xpub, sub, NULL);
  harness_subscribe(sub, "A");
  harness_subscribe(sub, "XA");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_expect(xpub, 1, "\\x01XA");
  harness_send(xpub, "A no effect yet");
  harness_subscribe(xpub, "XA");
  harness_send(xpub, "A still not");
  harness_send(xpub, "XA instead");
  harness_expect(sub, 0, "XA instead");
  harness_unsubscribe(sub, "XA");
  harness_expect(xpub, 2, "\\x00XA");
  harness_unsubscribe(xpub, "XA");
  assert_int_equal(harness_get(xpub, ZUV_TOPICS_COUNT), 0);
}

static void the_last_value_goes_to_the_new_subscriber_only(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *old = harness_socket(h, ZUV_SUB);
  harness_socket_t *new = harness_socket(h, ZUV_SUB);

  /* behaviour 88 */
  harness_set(xpub, ZUV_XPUB_MANUAL_LAST_VALUE, 1);
  harness_join(xpub, old, NULL);
  harness_subscribe(old, "A");
  harness_expect(xpub, 0,
                 "\\x01"
                 "A");
  harness_subscribe(xpub, "A");
  harness_send(xpub, "A 1");
  harness_expect(old, 0, "A 1");
  harness_join(xpub, new, NULL);
  harness_subscribe(new, "A");
  harness_expect(xpub, 1,
                 "\\x01"
                 "A");
  harness_subscribe(xpub, "A");
  harness_send(xpub, "A 1 again");
  harness_send(xpub, "A 2");
  harness_expect(new, 0, "A 1 again");
  harness_expect(new, 1, "A 2");
  harness_expect(old, 1, "A 2");
}

static void welcome_goes_to_who_subscribed_to_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *wants = harness_socket(h, ZUV_SUB);
  harness_socket_t *other = harness_socket(h, ZUV_SUB);

  /* behaviour 87 */
  harness_set_text(xpub, ZUV_XPUB_WELCOME_MSG, "Welcome");
  harness_subscribe(wants, "W");
  harness_subscribe(other, "A");
  harness_join(xpub, wants, NULL);
  harness_join(xpub, other, NULL);
  harness_expect(wants, 0, "Welcome");
  wait_topics(xpub, 2);
  harness_send(xpub, "A");
  harness_expect(other, 0, "A");
}

static void a_forwarder_passes_messages_and_subscriptions(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *xsub = harness_socket(h, ZUV_XSUB);
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);

  harness_join(pub, xsub, NULL);
  harness_join(xpub, sub, NULL);
  harness_subscribe(sub, "A");
  harness_wait(h, xpub->received == 1);
  harness_send(xsub, xpub->messages[0].text);
  wait_topics(pub, 1);
  harness_send(pub, "A|through");
  harness_wait(h, xsub->received == 1);
  harness_send(xpub, xsub->messages[0].text);
  harness_expect(sub, 0, "A|through");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(nothing_arrives_without_a_subscription),
      harness_test(the_beginning_of_the_first_part_decides),
      harness_test(subscriptions_are_counted),
      harness_test(overlapping_subscriptions_give_one_copy),
      harness_test(the_empty_subscription_gets_everything),
      harness_test(every_subscriber_gets_its_own_selection),
      harness_test(sub_filters_what_it_wants_no_more),
      harness_test(a_binding_sub_works_too),
      harness_test(pub_forgets_the_topics_of_a_lost_sub),
      harness_test(a_restarted_pub_finds_the_subscriptions),
      harness_test(inverted_matching_gets_the_rest),
      harness_test(room_to_send_never_ends),
      harness_test(xpub_hears_the_first_and_the_last_of_a_topic),
      harness_test(xpub_hears_what_a_lost_sub_leaves),
      harness_test(verbose_xpub_hears_every_subscription),
      harness_test(verboser_xpub_hears_every_cancellation_too),
      harness_test(xsub_cancels_a_topic_when_its_count_is_zero),
      harness_test(a_verbose_xsub_passes_on_every_cancellation),
      harness_test(xsub_sends_other_messages_upstream),
      harness_test(later_parts_may_subscribe),
      harness_test(only_the_first_part_may_subscribe_if_so_set),
      harness_test(manual_xpub_decides_itself),
      harness_test(the_last_value_goes_to_the_new_subscriber_only),
      harness_test(welcome_goes_to_who_subscribed_to_it),
      harness_test(a_forwarder_passes_messages_and_subscriptions),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
