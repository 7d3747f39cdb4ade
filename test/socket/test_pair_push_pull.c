/* Messages whole and in order, PUSH and PULL, PAIR. */
#include "support/harness.h"

static void parts_arrive_together_and_in_order(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  /* behaviours 2 and 3 */
  harness_join(pull, push, NULL);
  harness_send(push, "one");
  harness_send(push, "first|second|third");
  harness_send(push, "");
  harness_send(push, "|||");
  harness_expect_next(pull, "one");
  harness_expect_next(pull, "first|second|third");
  harness_expect_next(pull, "");
  harness_expect_next(pull, "|||");
}

static void messages_keep_their_order(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char text[HARNESS_TEXT_MAX];
  enum { COUNT = 3000 };

  /* behaviour 17 */
  harness_join(pull, push, NULL);
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), i % 3 == 0 ? "%d|tail" : "%d", i);
    harness_send_waiting(push, text);
  }
  harness_wait(h, pull->received == COUNT);
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), i % 3 == 0 ? "%d|tail" : "%d", i);
    assert_string_equal(pull->messages[i].text, text);
  }
}

static void parts_of_any_size_arrive_unchanged(void **state) {
  static const size_t sizes[] = {0,    1,    32,    33,    34,     254,
                                 255,  256,  257,   8191,  8192,   8193,
                                 4096, 1000, 65535, 65536, 100000, 1000000};
  enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_join(pull, push, NULL);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(push, sizes[i], (char)('a' + i)), 0);
  harness_wait(h, pull->received == COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    const harness_part_t *part = &pull->messages[i].parts[0];
    const char *bytes = part->data;
    assert_int_equal(part->size, sizes[i]);
    for (size_t at = 0; at < part->size; at++)
      assert_true(bytes[at] == (char)('a' + i));
  }
}

static void a_very_large_message_arrives_whole(void **state) {
  enum { SIZE = 50 * 1000 * 1000 };
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  /* behaviour 18 */
  harness_join(pull, push, NULL);
  assert_int_equal(harness_try_send_size(push, SIZE, 'x'), 0);
  harness_send(push, "after");
  harness_expect(pull, 1, "after");
  assert_int_equal(pull->messages[0].parts[0].size, SIZE);
  assert_memory_equal((char *)pull->messages[0].parts[0].data + SIZE - 3, "xxx",
                      4);
}

static void sending_takes_the_parts_or_leaves_them(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  zuv_msg_t parts[2];

  /* behaviour 6 */
  assert_int_equal(harness_parts("kept|whole", parts), 2);
  assert_int_equal(zuv_try_send(&push->zuv, parts, 2), UV_EAGAIN);
  assert_int_equal(zuv_msg_size(&parts[0]), 4);
  assert_memory_equal(zuv_msg_data(&parts[1]), "whole", 5);
  harness_join(pull, push, NULL);
  assert_int_equal(zuv_try_send(&push->zuv, parts, 2), 0);
  assert_int_equal(zuv_msg_size(&parts[0]), 0);
  assert_int_equal(zuv_msg_size(&parts[1]), 0);
  harness_expect(pull, 0, "kept|whole");
}

static void push_alternates_between_pulls(void **state) {
  harness_socket_t *even = harness_socket(*state, ZUV_PULL);
  harness_socket_t *odd = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  /* behaviour 93 */
  harness_join(even, push, NULL);
  harness_join(odd, push, NULL);
  assert_int_equal(harness_fill(push, "", 6), 6);
  harness_expect_next(even, "0");
  harness_expect_next(even, "2");
  harness_expect_next(even, "4");
  harness_expect_next(odd, "1");
  harness_expect_next(odd, "3");
  harness_expect_next(odd, "5");
}

static void pull_reads_from_all_peers_in_turn(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *x = harness_socket(h, ZUV_PUSH);
  harness_socket_t *y = harness_socket(h, ZUV_PUSH);

  harness_join(pull, x, NULL);
  harness_join(pull, y, NULL);
  harness_fill(x, "x", 3);
  harness_fill(y, "y", 3);
  harness_close(x);
  harness_close(y);
  harness_wait_lost(pull, 2);
  harness_receive(pull);
  harness_wait(h, pull->received == 6);
  for (size_t i = 0; i + 1 < 6; i++)
    assert_true(pull->messages[i].text[0] != pull->messages[i + 1].text[0]);
}

static void push_may_send_before_pull_binds(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 94 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "early ", 5), 5);
  harness_send(push, "a|b|c");
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_send(push, "late");
  harness_expect(pull, 0, "early 0");
  harness_expect(pull, 4, "early 4");
  harness_expect(pull, 5, "a|b|c");
  harness_expect(pull, 6, "late");
}

static void a_connecting_push_keeps_its_queue_for_the_next_pull(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 95 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_join(first, push, endpoint);
  harness_send(push, "before");
  harness_expect(first, 0, "before");
  harness_close(first);
  harness_wait_lost(push, 1);
  assert_int_equal(harness_fill(push, "meanwhile ", 5), 5);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_expect(second, 4, "meanwhile 4");
  assert_string_equal(second->messages[0].text, "meanwhile 0");
}

static void a_bound_push_forgets_what_a_lost_pull_did_not_take(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 95 */
  harness_set(first, ZUV_RCVHWM, 1);
  harness_join(push, first, endpoint);
  for (int i = 0; i < 100; i++) {
    if (harness_try_send_size(push, 100000, 'q') != 0)
      break;
  }
  harness_close(first);
  harness_wait_lost(push, 1);
  harness_connect(second, endpoint);
  harness_wait_ready(second, 1);
  harness_wait_ready(push, 2);
  harness_send(push, "new");
  harness_expect(second, 0, "new");
}

static void pull_still_reads_what_a_gone_peer_sent(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  /* behaviours 5 and 97 */
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 10), 10);
  harness_close(push);
  harness_wait_lost(pull, 1);
  harness_receive(pull);
  harness_wait(h, pull->received == 10);
  assert_string_equal(pull->messages[0].text, "0");
  assert_string_equal(pull->messages[9].text, "9");
}

static void the_wrong_direction_is_not_supported(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  /* behaviour 13 */
  harness_join(pull, push, NULL);
  assert_int_equal(harness_try_send(pull, "no"), UV_ENOTSUP);
}

static void pair_talks_both_ways(void **state) {
  harness_socket_t *left = harness_socket(*state, ZUV_PAIR);
  harness_socket_t *right = harness_socket(*state, ZUV_PAIR);

  harness_join(left, right, NULL);
  harness_send(left, "to|right");
  harness_send(right, "to|left");
  harness_send(right, "again");
  harness_expect(right, 0, "to|right");
  harness_expect(left, 0, "to|left");
  harness_expect(left, 1, "again");
}

static void pair_ignores_a_second_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *pair = harness_socket(h, ZUV_PAIR);
  harness_socket_t *first = harness_socket(h, ZUV_PAIR);
  harness_socket_t *second = harness_socket(h, ZUV_PAIR);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 98 */
  harness_join(pair, first, endpoint);
  harness_connect(second, endpoint);
  harness_wait_ready(second, 1);
  harness_wait_ready(pair, 2);
  if (harness_is_inproc())
    assert_int_equal(harness_try_send(second, "unheard"), UV_EAGAIN);
  else
    harness_send(second, "unheard");
  harness_send(pair, "for the first");
  harness_send(first, "heard");
  harness_expect(pair, 0, "heard");
  harness_expect(first, 0, "for the first");
  harness_settle(h);
  assert_int_equal(pair->received, 1);
  assert_int_equal(second->received, 0);
  assert_int_equal(harness_events(second, ZUV_EVENT_DISCONNECTED), 0);
}

static void pair_takes_a_new_peer_when_the_old_one_left(void **state) {
  harness_socket_t *pair = harness_socket(*state, ZUV_PAIR);
  harness_socket_t *first = harness_socket(*state, ZUV_PAIR);
  harness_socket_t *second = harness_socket(*state, ZUV_PAIR);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 99 */
  harness_join(pair, first, endpoint);
  harness_send(first, "bye");
  harness_close(first);
  harness_expect(pair, 0, "bye");
  harness_wait_lost(pair, 1);
  assert_int_equal(harness_try_send(pair, "to nobody"), UV_EAGAIN);
  harness_connect(second, endpoint);
  harness_wait_ready(second, 1);
  harness_wait_ready(pair, 2);
  harness_send(pair, "welcome");
  harness_send(second, "hello");
  harness_expect(second, 0, "welcome");
  harness_expect(pair, 1, "hello");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(parts_arrive_together_and_in_order),
      harness_test(messages_keep_their_order),
      harness_test(parts_of_any_size_arrive_unchanged),
      harness_test(a_very_large_message_arrives_whole),
      harness_test(sending_takes_the_parts_or_leaves_them),
      harness_test(push_alternates_between_pulls),
      harness_test(pull_reads_from_all_peers_in_turn),
      harness_test(push_may_send_before_pull_binds),
      harness_test(a_connecting_push_keeps_its_queue_for_the_next_pull),
      harness_test(a_bound_push_forgets_what_a_lost_pull_did_not_take),
      harness_test(pull_still_reads_what_a_gone_peer_sent),
      harness_test(the_wrong_direction_is_not_supported),
      harness_test(pair_talks_both_ways),
      harness_test(pair_ignores_a_second_peer),
      harness_test(pair_takes_a_new_peer_when_the_old_one_left),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
