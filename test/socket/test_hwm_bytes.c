/* Limits in bytes, per peer and direction, beside those in messages. */
#include "support/far.h"
#include "support/harness.h"

static void set_bytes(zuv_socket_t *socket, int option, uint64_t value) {
  assert_int_equal(zuv_set_option(socket, option, &value, sizeof(value)), 0);
}

static uint64_t get_bytes(zuv_socket_t *socket, int option) {
  uint64_t value = 1;
  size_t size = sizeof(value);

  assert_int_equal(zuv_get_option(socket, option, &value, &size), 0);
  assert_int_equal(size, sizeof(value));
  return value;
}

/* Limited in bytes only. */
static harness_socket_t *limited(harness_t *h, int type, uint64_t send,
                                 uint64_t receive) {
  harness_socket_t *s = harness_deaf_socket(h, type);

  harness_set(s, ZUV_SNDHWM, 0);
  harness_set(s, ZUV_RCVHWM, 0);
  set_bytes(&s->zuv, ZUV_SNDHWM_BYTES, send);
  set_bytes(&s->zuv, ZUV_RCVHWM_BYTES, receive);
  return s;
}

static size_t fill(harness_socket_t *s, size_t size, size_t most) {
  size_t sent = 0;

  while (sent < most && harness_try_send_size(s, size, 'x') == 0)
    sent++;
  return sent;
}

static harness_socket_t *connected_to_nobody(harness_t *h, uint64_t send) {
  harness_socket_t *push = limited(h, ZUV_PUSH, send, 0);
  char endpoint[HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  return push;
}

static void the_options_are_uint64(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PAIR);
  int narrow = 1;

  assert_int_equal(get_bytes(&s->zuv, ZUV_SNDHWM_BYTES), 0);
  assert_int_equal(get_bytes(&s->zuv, ZUV_RCVHWM_BYTES), 0);
  set_bytes(&s->zuv, ZUV_SNDHWM_BYTES, UINT64_C(1) << 40);
  assert_true(get_bytes(&s->zuv, ZUV_SNDHWM_BYTES) == UINT64_C(1) << 40);
  assert_int_equal(
      zuv_set_option(&s->zuv, ZUV_RCVHWM_BYTES, &narrow, sizeof(narrow)),
      UV_EINVAL);
}

static void what_waits_is_limited_in_bytes(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 1000);

  assert_int_equal(fill(push, 100, 100), 10);
  assert_int_equal(harness_try_send(push, ""), UV_EAGAIN);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
}

static void a_large_message_always_fits(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 1);

  assert_int_equal(fill(push, 1000000, 100), 1);
  assert_int_equal(harness_try_send(push, "x"), UV_EAGAIN);
}

static void empty_messages_have_no_bytes(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 1);

  assert_int_equal(fill(push, 0, 5000), 5000);
  assert_int_equal(fill(push, 1, 5000), 1);
  assert_int_equal(fill(push, 0, 5000), 0);
}

static void all_parts_count(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 9);

  harness_send(push, "ab|cd|e");
  harness_send(push, "ab||cd");
  assert_int_equal(harness_try_send(push, ""), UV_EAGAIN);
}

static void either_limit_counts(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 1000);

  harness_set(push, ZUV_SNDHWM, 3);
  assert_int_equal(fill(push, 100, 100), 3);
  push = connected_to_nobody(*state, 1000);
  harness_set(push, ZUV_SNDHWM, 3);
  assert_int_equal(fill(push, 500, 100), 2);
}

static void a_change_counts_at_once(void **state) {
  harness_socket_t *push = connected_to_nobody(*state, 1000);

  assert_int_equal(fill(push, 100, 100), 10);
  set_bytes(&push->zuv, ZUV_SNDHWM_BYTES, 1500);
  assert_int_equal(harness_get(push, ZUV_EVENTS), ZUV_POLLOUT);
  assert_int_equal(fill(push, 100, 100), 5);
  set_bytes(&push->zuv, ZUV_SNDHWM_BYTES, 0);
  assert_int_equal(fill(push, 100, 1000), 1000);
}

static void all_that_was_taken_arrives(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 300000, 0);
  harness_socket_t *pull = limited(h, ZUV_PULL, 0, 200000);
  /* Over inproc one queue has the sum of both. */
  size_t room = harness_is_inproc() ? 500000 : 200000;
  uint64_t deadline = harness_now_ms() + HARNESS_DEADLINE_MS;
  zuv_stats_t stats;
  size_t sent = 0;

  harness_join(pull, push, NULL);
  do {
    assert_true(harness_now_ms() < deadline);
    sent += fill(push, 50000, 1000);
    uv_run(&h->loop, UV_RUN_NOWAIT);
    assert_int_equal(zuv_socket_stats(&pull->zuv, &stats), 0);
  } while (stats.queued_in_bytes < room);
  harness_run_for(h, HARNESS_QUIET_MS);
  sent += fill(push, 50000, 1000);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  assert_int_equal(zuv_socket_stats(&pull->zuv, &stats), 0);
  assert_int_equal(stats.queued_in_bytes, room);
  harness_receive(pull);
  harness_wait(h, pull->received == sent);
  assert_int_equal(harness_get(push, ZUV_EVENTS), ZUV_POLLOUT);
  harness_send(push, "room");
  harness_expect(pull, sent, "room");
}

static void raising_the_limit_goes_on_reading(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 0, 0);
  harness_socket_t *pull = limited(h, ZUV_PULL, 0, 10);
  zuv_stats_t stats;

  if (harness_is_inproc())
    skip();
  harness_join(pull, push, NULL);
  assert_int_equal(fill(push, 10, 10), 10);
  harness_wait(h, (zuv_socket_stats(&pull->zuv, &stats), stats.queued_in == 1));
  harness_settle(h);
  zuv_socket_stats(&pull->zuv, &stats);
  assert_int_equal(stats.queued_in, 1);
  set_bytes(&pull->zuv, ZUV_RCVHWM_BYTES, 100);
  harness_wait(h,
               (zuv_socket_stats(&pull->zuv, &stats), stats.queued_in == 10));
}

static size_t inproc_room(harness_t *h, uint64_t send, uint64_t receive,
                          size_t size) {
  harness_socket_t *push = limited(h, ZUV_PUSH, send, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, receive);

  harness_join(pull, push, NULL);
  return fill(push, size, 5000);
}

static void inproc_takes_the_sum_of_both_limits(void **state) {
  harness_t *h = *state;

  if (!harness_is_inproc())
    skip();
  assert_int_equal(inproc_room(h, 500, 300, 100), 8);
  assert_int_equal(inproc_room(h, 500, 301, 100), 9);
  assert_int_equal(inproc_room(h, 0, 300, 100), 5000);
  assert_int_equal(inproc_room(h, 500, 0, 100), 5000);
  assert_int_equal(inproc_room(h, INT64_MAX, INT64_MAX, 100), 5000);
}

static void stop_after_three(zuv_socket_t *socket, zuv_msg_t *parts,
                             size_t count, zuv_peer_t *peer) {
  harness_socket_t *s = (harness_socket_t *)socket;

  (void)parts;
  (void)count;
  (void)peer;
  if (++s->received % 3 == 0)
    zuv_recv_stop(socket);
}

static void half_of_a_full_pipe_is_offered_again(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 500, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, 300);

  if (!harness_is_inproc())
    skip();
  harness_join(pull, push, NULL);
  assert_int_equal(fill(push, 100, 100), 8);
  assert_int_equal(zuv_recv_start(&pull->zuv, stop_after_three), 0);
  harness_wait(h, pull->received == 3);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  assert_int_equal(zuv_recv_start(&pull->zuv, stop_after_three), 0);
  harness_wait(h, pull->received == 6);
  assert_int_equal(harness_get(push, ZUV_EVENTS), ZUV_POLLOUT);
  assert_int_equal(fill(push, 100, 100), 6);
  pull->received = 0;
}

static void both_limits_have_to_be_relieved(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 500, 1);
  harness_socket_t *pull = limited(h, ZUV_PULL, 1, 500);

  if (!harness_is_inproc())
    skip();
  harness_set(push, ZUV_SNDHWM, 3);
  harness_set(pull, ZUV_RCVHWM, 4);
  harness_join(pull, push, NULL);
  assert_int_equal(fill(push, 0, 3), 3);
  assert_int_equal(fill(push, 800, 1), 1);
  assert_int_equal(fill(push, 200, 3), 1);
  assert_int_equal(fill(push, 0, 3), 0);
  assert_int_equal(zuv_recv_start(&pull->zuv, stop_after_three), 0);
  harness_wait(h, pull->received == 3);
  /* Two of seven messages, but all of the bytes. */
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  assert_int_equal(zuv_recv_start(&pull->zuv, stop_after_three), 0);
  harness_wait(h, pull->received == 5);
  assert_int_equal(harness_get(push, ZUV_EVENTS), ZUV_POLLOUT);
  pull->received = 0;
}

static void two_loops_take_the_sum_of_both_limits(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 500, 0);
  far_t pull;
  int none = 0;

  if (!harness_is_inproc())
    skip();
  far_init(&pull, h, ZUV_PULL);
  zuv_set_option(&pull.zuv, ZUV_RCVHWM, &none, sizeof(none));
  set_bytes(&pull.zuv, ZUV_RCVHWM_BYTES, 300);
  if (harness_transport == HARNESS_INPROC) {
    assert_int_equal(zuv_bind(&pull.zuv, "inproc://far"), 0);
    harness_connect(push, "inproc://far");
  } else {
    /* Until somebody binds, it has its own limit. */
    harness_connect(push, "inproc://far");
    assert_int_equal(fill(push, 100, 100), 5);
    assert_int_equal(zuv_bind(&pull.zuv, "inproc://far"), 0);
  }
  far_settle(&pull);
  fill(push, 100, 100);
  far_settle(&pull);
  assert_int_equal(fill(push, 100, 100), 0);

  /* Half of the bytes have to be read. */
  pull.stop_after = 3;
  assert_int_equal(zuv_recv_start(&pull.zuv, far_on_message), 0);
  far_wait(&pull, pull.received == 3);
  far_settle(&pull);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  pull.stop_after = 0;
  assert_int_equal(zuv_recv_start(&pull.zuv, far_on_message), 0);
  far_wait(&pull, pull.received == 8);
  far_wait(&pull, harness_get(push, ZUV_EVENTS) == ZUV_POLLOUT);
  zuv_recv_stop(&pull.zuv);
  assert_int_equal(fill(push, 100, 100), 8);
  far_finish(&pull);
}

static void two_loops_pass_what_the_limits_allow(void **state) {
  enum { COUNT = 5000 };
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 3000, 0);
  size_t sent = 0, bytes = 0;
  far_t pull;

  if (!harness_is_inproc())
    skip();
  far_init(&pull, h, ZUV_PULL);
  set_bytes(&pull.zuv, ZUV_RCVHWM_BYTES, 2000);
  assert_int_equal(zuv_bind(&pull.zuv, "inproc://far"), 0);
  harness_connect(push, "inproc://far");
  assert_int_equal(zuv_recv_start(&pull.zuv, far_on_message), 0);
  while (sent < COUNT) {
    size_t size = sent * 37 % 700;
    far_wait(&pull, harness_try_send_size(push, size, 'x') == 0);
    bytes += size;
    sent++;
  }
  far_wait(&pull, pull.received == COUNT);
  assert_int_equal(pull.received_bytes, bytes);
  far_finish(&pull);
}

static void two_loops_follow_a_change(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 500, 0);
  far_t pull;
  int none = 0;

  if (!harness_is_inproc())
    skip();
  far_init(&pull, h, ZUV_PULL);
  zuv_set_option(&pull.zuv, ZUV_RCVHWM, &none, sizeof(none));
  set_bytes(&pull.zuv, ZUV_RCVHWM_BYTES, 500);
  assert_int_equal(zuv_bind(&pull.zuv, "inproc://far"), 0);
  harness_connect(push, "inproc://far");
  far_settle(&pull);
  assert_int_equal(fill(push, 100, 100), 10);
  set_bytes(&push->zuv, ZUV_SNDHWM_BYTES, 700);
  assert_int_equal(fill(push, 100, 100), 2);
  set_bytes(&pull.zuv, ZUV_RCVHWM_BYTES, 800);
  far_settle(&pull);
  assert_int_equal(fill(push, 100, 100), 3);
  far_finish(&pull);
}

static void pub_drops_for_a_slow_subscriber(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = limited(h, ZUV_PUB, 500, 0);
  harness_socket_t *slow = limited(h, ZUV_SUB, 0, 300);

  if (!harness_is_inproc())
    skip();
  harness_subscribe(slow, "");
  harness_join(pub, slow, NULL);
  assert_int_equal(fill(pub, 100, 20), 20);
  harness_receive(slow);
  harness_wait(h, slow->received == 8 && pub->dropped == 12);
}

static void xpub_drops_what_peers_send_beyond_it(void **state) {
  harness_t *h = *state;
  bool inproc = harness_is_inproc();
  harness_socket_t *xpub = limited(h, ZUV_XPUB, 0, inproc ? 15 : 20);
  harness_socket_t *xsub = limited(h, ZUV_XSUB, inproc ? 5 : 0, 0);
  zuv_stats_t stats;

  harness_join(xpub, xsub, NULL);
  for (int i = 0; i < 4; i++)
    harness_send(xsub, "five.|five.");
  harness_wait(h, xpub->dropped == 2);
  assert_int_equal(zuv_socket_stats(&xpub->zuv, &stats), 0);
  assert_int_equal(stats.queued_in, 2);
  assert_int_equal(stats.queued_in_bytes, 20);
  harness_receive(xpub);
  harness_wait(h, xpub->received == 2);
  harness_send(xsub, "more");
  harness_expect(xpub, 2, "more");
  zuv_socket_stats(&xpub->zuv, &stats);
  assert_int_equal(stats.queued_in, 0);
  assert_int_equal(stats.queued_in_bytes, 0);
}

static void conflate_has_no_limit(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = limited(h, ZUV_PUSH, 10, 10);
  harness_socket_t *pull = limited(h, ZUV_PULL, 10, 10);

  harness_set(push, ZUV_CONFLATE, 1);
  harness_set(pull, ZUV_CONFLATE, 1);
  harness_join(pull, push, NULL);
  assert_int_equal(fill(push, 100, 50), 50);
  harness_settle(h);
  assert_int_equal(fill(push, 100, 50), 50);
  harness_send(push, "newest");
  harness_settle(h);
  harness_receive(pull);
  harness_wait(
      h, pull->received > 0 &&
             strcmp(pull->messages[pull->received - 1].text, "newest") == 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(the_options_are_uint64),
      harness_test(what_waits_is_limited_in_bytes),
      harness_test(a_large_message_always_fits),
      harness_test(empty_messages_have_no_bytes),
      harness_test(all_parts_count),
      harness_test(either_limit_counts),
      harness_test(a_change_counts_at_once),
      harness_test(all_that_was_taken_arrives),
      harness_test(raising_the_limit_goes_on_reading),
      harness_test(inproc_takes_the_sum_of_both_limits),
      harness_test(half_of_a_full_pipe_is_offered_again),
      harness_test(both_limits_have_to_be_relieved),
      harness_test(two_loops_take_the_sum_of_both_limits),
      harness_test(two_loops_pass_what_the_limits_allow),
      harness_test(two_loops_follow_a_change),
      harness_test(pub_drops_for_a_slow_subscriber),
      harness_test(xpub_drops_what_peers_send_beyond_it),
      harness_test(conflate_has_no_limit),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
