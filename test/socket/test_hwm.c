/* High-water marks, counted in messages per peer and direction. */
#include "support/harness.h"

static harness_socket_t *limited(harness_t *h, int type, int send_limit,
                                 int receive_limit) {
  harness_socket_t *s = harness_deaf_socket(h, type);
  harness_set(s, ZUV_SNDHWM, send_limit);
  harness_set(s, ZUV_RCVHWM, receive_limit);
  return s;
}

static void a_connecting_socket_queues_up_to_its_limit(void **state) {
  static const int types[] = {ZUV_PUSH, ZUV_DEALER, ZUV_PAIR};
  harness_t *h = *state;
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 19 */
  for (size_t i = 0; i < 3; i++) {
    harness_socket_t *s = limited(h, types[i], 10, 10);
    harness_fresh_endpoint(h, endpoint);
    harness_connect(s, endpoint);
    assert_int_equal(harness_fill(s, "", 100), 10);
    assert_int_equal(harness_try_send(s, "full"), UV_EAGAIN);
    assert_int_equal(harness_get(s, ZUV_EVENTS), 0);
    if (types[i] == ZUV_PAIR)
      continue;
    harness_fresh_endpoint(h, endpoint);
    harness_connect(s, endpoint);
    assert_int_equal(harness_fill(s, "", 100), 10);
  }
}

static void an_immediate_socket_queues_nothing(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 10, 10);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 20 */
  harness_set(push, ZUV_IMMEDIATE, 1);
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  harness_settle(h);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_send_waiting(push, "yes");
  harness_expect(pull, 0, "yes");
}

static void a_bound_socket_without_peers_queues_nothing(void **state) {
  static const int types[] = {ZUV_PUSH, ZUV_DEALER, ZUV_PAIR, ZUV_REQ};
  harness_t *h = *state;
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 21 */
  for (size_t i = 0; i < 4; i++) {
    harness_socket_t *s = harness_socket(h, types[i]);
    harness_bind(s, endpoint);
    assert_int_equal(harness_try_send(s, "no"), UV_EAGAIN);
  }
}

/* How many messages a PUSH with `send_limit` gets rid of to a PULL with
 * `receive_limit` that does not read. */
static size_t inproc_room(harness_t *h, int send_limit, int receive_limit,
                          size_t most) {
  harness_socket_t *push = limited(h, ZUV_PUSH, send_limit, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, receive_limit);

  harness_join(pull, push, NULL);
  return harness_fill(push, "", most);
}

static void inproc_takes_the_sum_of_both_limits(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  harness_socket_t *pull;

  if (!harness_is_inproc())
    skip();
  /* behaviours 22 and 24 */
  assert_int_equal(inproc_room(h, 5, 3, 10000), 8);
  assert_int_equal(inproc_room(h, 7, 11, 10000), 18);
  assert_int_equal(inproc_room(h, 1, 1, 10000), 2);
  assert_int_equal(inproc_room(h, 0, 3, 10000), 10000);
  assert_int_equal(inproc_room(h, 5, 0, 10000), 10000);
  push = harness_socket(h, ZUV_PUSH);
  pull = harness_deaf_socket(h, ZUV_PULL);
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 10000), 2000);
}

static void inproc_counts_each_direction_alone(void **state) {
  harness_t *h = *state;
  harness_socket_t *left = limited(h, ZUV_PAIR, 5, 11);
  harness_socket_t *right = limited(h, ZUV_PAIR, 7, 3);

  if (!harness_is_inproc())
    skip();
  /* behaviour 22 */
  harness_join(left, right, NULL);
  assert_int_equal(harness_fill(left, "", 100), 8);
  assert_int_equal(harness_fill(right, "", 100), 18);
}

static void inproc_adds_the_binders_limit_at_the_bind(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 5, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, 3);

  if (!harness_is_inproc())
    skip();
  /* behaviour 23 */
  harness_connect(push, "inproc://later");
  assert_int_equal(harness_fill(push, "a", 100), 5);
  assert_int_equal(zuv_bind(&pull->zuv, "inproc://later"), 0);
  assert_int_equal(harness_fill(push, "b", 100), 3);
  harness_receive(pull);
  harness_expect(pull, 7, "b2");
  assert_string_equal(pull->messages[0].text, "a0");
}

static void a_full_socket_has_room_again_when_its_peer_reads(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 5, 5);
  harness_socket_t *pull = limited(h, ZUV_PULL, 5, 5);
  size_t sent = 0;

  /* behaviours 17 and 27: all that was taken arrives */
  harness_join(pull, push, NULL);
  for (int round = 0; round < 1000; round++) {
    while (harness_try_send_size(push, 100000, 'x') == 0)
      sent++;
    uv_run(&h->loop, UV_RUN_NOWAIT);
    if (harness_get(push, ZUV_EVENTS) == 0)
      break;
  }
  harness_run_for(h, HARNESS_QUIET_MS);
  while (harness_try_send_size(push, 100000, 'x') == 0)
    sent++;
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  assert_true(sent >= 10);
  harness_receive(pull);
  harness_wait(h, pull->received == sent);
  assert_int_equal(harness_get(push, ZUV_EVENTS), ZUV_POLLOUT);
  harness_send(push, "room");
  harness_expect(pull, sent, "room");
}

static void half_of_a_full_inproc_pipe_is_offered_again(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 5, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, 3);
  size_t more;

  if (!harness_is_inproc())
    skip();
  /* behaviour 25: at the latest when all is read there is room for half */
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "a", 100), 8);
  harness_receive(pull);
  harness_wait(h, pull->received == 8);
  harness_stop_receiving(pull);
  harness_wait(h, harness_get(push, ZUV_EVENTS) == ZUV_POLLOUT);
  more = harness_fill(push, "b", 100);
  assert_in_range(more, 4, 8);
  harness_receive(pull);
  harness_wait(h, pull->received == 8 + more);
}

static void messages_count_not_parts(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 10, 10);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 26 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "a|b|", 100), 10);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_expect(pull, 9, "a|b|9");
}

static void a_limit_of_zero_is_none(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 0, 0);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 28 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "", 20000), 20000);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_wait(h, pull->received == 20000);
  assert_string_equal(pull->messages[19999].text, "19999");
}

static void raising_the_limit_counts_at_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 10, 10);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 29 */
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "", 5), 5);
  harness_set(push, ZUV_SNDHWM, 30);
  assert_int_equal(harness_fill(push, "", 100), 25);
}

static void pub_drops_for_a_slow_subscriber(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = limited(h, ZUV_PUB, 7, 1);
  harness_socket_t *slow = limited(h, ZUV_SUB, 1, 4);
  harness_socket_t *quick = harness_socket(h, ZUV_SUB);

  if (!harness_is_inproc())
    skip();
  /* behaviour 31 */
  harness_subscribe(slow, "");
  harness_subscribe(quick, "");
  harness_join(pub, slow, NULL);
  harness_join(pub, quick, NULL);
  assert_int_equal(harness_fill(pub, "", 50), 50);
  harness_receive(slow);
  harness_expect(slow, 10, "10");
  harness_wait(h, pub->dropped >= 39);
  assert_int_equal(slow->received, 11);
}

static void a_slow_subscriber_holds_up_nobody(void **state) {
  enum { COUNT = 400 };
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *slow = limited(h, ZUV_SUB, 1, 2);
  harness_socket_t *quick = harness_socket(h, ZUV_SUB);

  harness_set(pub, ZUV_SNDHWM, 10);
  harness_subscribe(slow, "s");
  harness_subscribe(quick, "s");
  harness_subscribe(quick, "q");
  harness_join(pub, slow, NULL);
  harness_join(pub, quick, NULL);
  harness_wait(h, harness_get(pub, ZUV_TOPICS_COUNT) == 2);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(harness_try_send_size(pub, 50000, 's'), 0);
    /* One at a time, so that the quick one never has to miss any. */
    harness_wait(h, quick->received == i + 1);
  }
  harness_wait(h, pub->dropped > 0);
}

static void nodrop_sends_to_all_or_none(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = limited(h, ZUV_XPUB, 2, 100);
  harness_socket_t *slow = limited(h, ZUV_SUB, 1, 2);
  harness_socket_t *quick = harness_socket(h, ZUV_SUB);

  if (!harness_is_inproc())
    skip();
  /* behaviour 32 */
  harness_set(xpub, ZUV_XPUB_NODROP, 1);
  harness_subscribe(slow, "A");
  harness_subscribe(quick, "");
  harness_join(xpub, slow, NULL);
  harness_join(xpub, quick, NULL);
  for (int i = 0; i < 4; i++) {
    harness_send(xpub, "A");
    harness_wait(h, quick->received == (size_t)i + 1);
  }
  assert_int_equal(harness_try_send(xpub, "A"), UV_EAGAIN);
  harness_send(xpub, "B");
  harness_expect(quick, 4, "B");
  harness_receive(slow);
  harness_wait(h, slow->received == 4);
  harness_send(xpub, "A again");
  harness_expect(slow, 4, "A again");
  harness_expect(quick, 5, "A again");
}

static void router_drops_for_a_full_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = limited(h, ZUV_ROUTER, 3, 1);
  harness_socket_t *dealer = limited(h, ZUV_DEALER, 1, 4);

  if (!harness_is_inproc())
    skip();
  /* behaviour 33 */
  harness_set_text(dealer, ZUV_ROUTING_ID, "d");
  harness_join(router, dealer, NULL);
  assert_int_equal(harness_fill(router, "d|", 20), 20);
  harness_receive(dealer);
  harness_expect(dealer, 6, "6");
  harness_wait(h, router->dropped == 13);
  assert_int_equal(dealer->received, 7);
}

static void a_full_peer_is_skipped(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 10, 10);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char nowhere[HARNESS_TEXT_MAX];

  /* behaviour 34 */
  harness_fresh_endpoint(h, nowhere);
  harness_connect(push, nowhere);
  harness_join(pull, push, NULL);
  for (int i = 0; i < 50; i++) {
    harness_send_waiting(push, "x");
    uv_run(&h->loop, UV_RUN_NOWAIT);
  }
  harness_wait(h, pull->received == 40);
}

static void conflate_keeps_the_newest(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  if (harness_is_inproc())
    skip();
  /* behaviour 35 */
  harness_set(pull, ZUV_CONFLATE, 1);
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 20), 20);
  harness_close(push);
  harness_wait_lost(pull, 1);
  harness_receive(pull);
  harness_expect(pull, 0, "19");
  harness_settle(h);
  assert_int_equal(pull->received, 1);
}

static void conflate_keeps_the_last_part(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  /* behaviour 36; over inproc the connecting side decides (37) */
  harness_set(pull, ZUV_CONFLATE, 1);
  harness_set(push, ZUV_CONFLATE, harness_is_inproc());
  harness_join(pull, push, NULL);
  harness_send(push, "first");
  harness_send(push, "a|b|c");
  harness_close(push);
  harness_wait_lost(pull, 1);
  harness_receive(pull);
  harness_expect(pull, 0, "c");
  harness_settle(h);
  assert_int_equal(pull->received, 1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(a_connecting_socket_queues_up_to_its_limit),
      harness_test(an_immediate_socket_queues_nothing),
      harness_test(a_bound_socket_without_peers_queues_nothing),
      harness_test(inproc_takes_the_sum_of_both_limits),
      harness_test(inproc_counts_each_direction_alone),
      harness_test(inproc_adds_the_binders_limit_at_the_bind),
      harness_test(a_full_socket_has_room_again_when_its_peer_reads),
      harness_test(half_of_a_full_inproc_pipe_is_offered_again),
      harness_test(messages_count_not_parts),
      harness_test(a_limit_of_zero_is_none),
      harness_test(raising_the_limit_counts_at_once),
      harness_test(pub_drops_for_a_slow_subscriber),
      harness_test(a_slow_subscriber_holds_up_nobody),
      harness_test(nodrop_sends_to_all_or_none),
      harness_test(router_drops_for_a_full_peer),
      harness_test(a_full_peer_is_skipped),
      harness_test(conflate_keeps_the_newest),
      harness_test(conflate_keeps_the_last_part),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
