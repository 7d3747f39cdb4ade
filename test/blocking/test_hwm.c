/* High-water marks: how much is taken before a send waits. Counted in messages,
 * for each peer and each direction. */
#include "support/blocking.h"

static void *limited(blocking_t *b, int type, int send_limit,
                     int receive_limit) {
  void *socket = blocking_socket(b, type);

  blocking_set_hwm(socket, send_limit, receive_limit);
  return socket;
}

/* ---- Towards nobody ---- */

static void a_connecting_socket_queues_up_to_its_limit(void **state) {
  static const int types[] = {ZMQ_PUSH, ZMQ_DEALER, ZMQ_PAIR};
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 19. */
  for (size_t i = 0; i < 3; i++) {
    void *socket = limited(b, types[i], 10, 10);
    blocking_fresh_endpoint(b, endpoint);
    blocking_connect(socket, endpoint);
    assert_int_equal(blocking_events(socket), ZMQ_POLLOUT);
    assert_int_equal(blocking_fill(socket, "", 100), 10);
    blocking_expect_errno(zmq_send(socket, "", 0, ZMQ_DONTWAIT), EAGAIN);
    assert_int_equal(blocking_events(socket), 0);
    if (types[i] == ZMQ_PAIR)
      continue;
    blocking_fresh_endpoint(b, endpoint);
    blocking_connect(socket, endpoint);
    assert_int_equal(blocking_events(socket), ZMQ_POLLOUT);
    assert_int_equal(blocking_fill(socket, "", 100), 10);
    assert_int_equal(blocking_events(socket), 0);
  }
}

static void what_is_queued_arrives_when_the_peer_comes(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviours 17 and 19. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "", 100), 10);
  blocking_bind_to(pull, endpoint);
  blocking_expect_numbers(pull, "", 0, 10);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_send(push, "room");
  blocking_expect(pull, "room");
}

static void an_immediate_socket_queues_nothing(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  /* Behaviour 20. */
  blocking_set(push, ZMQ_IMMEDIATE, 1);
  blocking_set(push, ZMQ_RECONNECT_IVL, 10);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "no", 10), 0);
  assert_int_equal(blocking_events(push), 0);
  blocking_settle();
  assert_int_equal(blocking_events(push), 0);
  assert_int_equal(blocking_fill(push, "no", 10), 0);
  blocking_bind_to(pull, endpoint);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_send(push, "yes");
  blocking_expect(pull, "yes");
}

static void a_bound_socket_without_peers_queues_nothing(void **state) {
  static const int types[] = {ZMQ_PUSH, ZMQ_DEALER, ZMQ_PAIR, ZMQ_REQ};
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 21. */
  for (size_t i = 0; i < 4; i++) {
    void *socket = blocking_socket(b, types[i]);
    blocking_expect_errno(zmq_send(socket, "", 0, ZMQ_DONTWAIT), EAGAIN);
    blocking_bind(b, socket, endpoint);
    assert_int_equal(blocking_events(socket), 0);
    blocking_expect_errno(zmq_send(socket, "", 0, ZMQ_DONTWAIT), EAGAIN);
  }
}

/* ---- Towards a peer in the same process ---- */

/* How many messages a PUSH gets rid of to a PULL that does not read. */
static size_t inproc_room(blocking_t *b, int send_limit, int receive_limit,
                          size_t most) {
  void *push = limited(b, ZMQ_PUSH, send_limit, 1);
  void *pull = limited(b, ZMQ_PULL, 1, receive_limit);
  size_t taken;

  blocking_join(b, pull, push, NULL);
  taken = blocking_fill(push, "", most);
  blocking_expect_numbers(pull, "", 0, taken);
  return taken;
}

static void inproc_takes_the_sum_of_both_limits(void **state) {
  blocking_t *b = *state;

  if (!blocking_is_inproc())
    skip();
  /* Behaviours 22 and 24. */
  assert_int_equal(inproc_room(b, 5, 3, 10000), 8);
  assert_int_equal(inproc_room(b, 7, 11, 10000), 18);
  assert_int_equal(inproc_room(b, 1, 1, 10000), 2);
  assert_int_equal(inproc_room(b, 1000, 1000, 10000), 2000);
  assert_int_equal(inproc_room(b, 0, 3, 10000), 10000);
  assert_int_equal(inproc_room(b, 5, 0, 10000), 10000);
}

static void inproc_counts_each_direction_alone(void **state) {
  blocking_t *b = *state;
  void *left = limited(b, ZMQ_PAIR, 5, 11);
  void *right = limited(b, ZMQ_PAIR, 7, 3);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 22. */
  blocking_join(b, left, right, NULL);
  assert_int_equal(blocking_fill(left, "l", 100), 8);
  assert_int_equal(blocking_fill(right, "r", 100), 18);
  blocking_expect_numbers(right, "l", 0, 8);
  blocking_expect_numbers(left, "r", 0, 18);
}

static void inproc_adds_the_binders_limit_at_the_bind(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 5, 1);
  void *pull = limited(b, ZMQ_PULL, 1, 3);

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 23. */
  blocking_connect(push, "inproc://later");
  assert_int_equal(blocking_fill(push, "a", 100), 5);
  blocking_bind_to(pull, "inproc://later");
  blocking_wait_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_fill(push, "b", 100), 3);
  blocking_expect_numbers(pull, "a", 0, 5);
  blocking_expect_numbers(pull, "b", 0, 3);
}

static void half_of_a_full_inproc_pipe_is_offered_again(void **state) {
  static const int limits[][2] = {{5, 3}, {7, 11}, {1, 1}, {1000, 1000}};
  blocking_t *b = *state;

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 25: at the latest when half is read; for at least one half. */
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    void *push = limited(b, ZMQ_PUSH, limits[i][0], 1);
    void *pull = limited(b, ZMQ_PULL, 1, limits[i][1]);
    size_t total = (size_t)(limits[i][0] + limits[i][1]);
    size_t more;
    blocking_join(b, pull, push, NULL);
    assert_int_equal(blocking_fill(push, "a", 10000), total);
    assert_int_equal(blocking_events(push), 0);
    blocking_expect_numbers(pull, "a", 0, total / 2);
    blocking_wait_events(push, ZMQ_POLLOUT);
    more = blocking_fill(push, "b", 10000);
    assert_in_range(more, 1, total / 2);
    blocking_expect_numbers(pull, "a", total / 2, total);
    blocking_expect_numbers(pull, "b", 0, more);
    blocking_wait_events(push, ZMQ_POLLOUT);
    assert_in_range(blocking_fill(push, "c", 10000), total / 2, total);
  }
}

/* ---- Towards a peer that does not read ---- */

static size_t fill_with_large(void *push) {
  static const char large[100000];
  size_t sent = 0;

  while (zmq_send(push, large, sizeof(large), ZMQ_DONTWAIT) >= 0)
    sent++;
  assert_int_equal(errno, EAGAIN);
  return sent;
}

static void a_full_socket_has_room_again_when_its_peer_reads(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 5, 5);
  void *pull = limited(b, ZMQ_PULL, 5, 5);
  size_t sent = 0;

  /* Behaviours 17 and 27: all that was taken arrives. */
  if (!blocking_is_inproc()) {
    blocking_set(push, ZMQ_SNDBUF, 4096);
    blocking_set(pull, ZMQ_RCVBUF, 4096);
  }
  blocking_join(b, pull, push, NULL);
  blocking_wait((sent += fill_with_large(push)) >= 10);
  for (int quiet = 0; quiet < 3; quiet++) {
    blocking_settle();
    sent += fill_with_large(push);
  }
  assert_int_equal(blocking_events(push), 0);
  for (size_t i = 0; i < sent; i++)
    blocking_expect(pull, "<100000 bytes>");
  blocking_expect_nothing(pull);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_send(push, "room");
  blocking_expect(pull, "room");
}

/* ---- What counts, and when ---- */

static void messages_count_not_parts(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 26. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "a|b|", 100), 10);
  blocking_expect_errno(zmq_send(push, "", 0, ZMQ_DONTWAIT | ZMQ_SNDMORE),
                        EAGAIN);
  blocking_bind_to(pull, endpoint);
  blocking_expect_numbers(pull, "a|b|", 0, 10);
}

static void a_message_that_was_begun_is_finished(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 1, 1);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 26: only the first part can fail. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(zmq_send(push, "x", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_send(push, "y", 1, ZMQ_DONTWAIT), 1);
  blocking_expect_errno(zmq_send(push, "", 0, ZMQ_DONTWAIT), EAGAIN);
  blocking_bind_to(pull, endpoint);
  blocking_wait_events(pull, ZMQ_POLLIN);
  for (int i = 0; i <= 1000; i++) {
    assert_int_equal(zmq_recv(pull, NULL, 0, ZMQ_DONTWAIT), 1);
    assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), i < 1000);
  }
}

static void a_lower_limit_takes_no_room_from_a_message(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* libzmq asks again with each part, and answers EAGAIN. */
  if (!blocking_is_inproc() && !blocking_is_zuv())
    skip();
  /* Behaviour 26: only the first part can fail. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(blocking_fill(push, "", 5), 5);
  assert_int_equal(zmq_send(push, "a", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), 1);
  blocking_set_hwm(pull, 1, 1);
  blocking_set_hwm(push, 1, 1);
  assert_int_equal(zmq_send(push, "b", 1, ZMQ_DONTWAIT), 1);
  blocking_expect_numbers(pull, "", 0, 5);
  blocking_expect(pull, "a|b");
}

static void a_limit_of_zero_is_none(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 0, 0);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 28. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "", 20000), 20000);
  assert_int_equal(blocking_events(push), ZMQ_POLLOUT);
  blocking_bind_to(pull, endpoint);
  blocking_expect_numbers(pull, "", 0, 20000);
}

static void raising_the_limit_counts_at_once(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  char endpoint[BLOCKING_TEXT_MAX];

  /* libzmq forgets the limit of an inproc name that is not bound yet. */
  if (blocking_is_inproc() && !blocking_is_zuv())
    skip();
  /* Behaviour 29. */
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "", 5), 5);
  blocking_set(push, ZMQ_SNDHWM, 30);
  assert_int_equal(blocking_fill(push, "", 100), 25);
}

static void the_limit_of_a_peer_is_the_one_at_its_connect(void **state) {
  blocking_t *b = *state;
  void *push = limited(b, ZMQ_PUSH, 10, 10);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_fresh_endpoint(b, endpoint);
  blocking_set(push, ZMQ_SNDHWM, 3);
  blocking_connect(push, endpoint);
  assert_int_equal(blocking_fill(push, "", 100), 3);
  blocking_fresh_endpoint(b, endpoint);
  blocking_set(push, ZMQ_SNDHWM, 4);
  blocking_connect(push, endpoint);
  assert_in_range(blocking_fill(push, "", 100), 4, 5);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_connecting_socket_queues_up_to_its_limit),
      blocking_test(what_is_queued_arrives_when_the_peer_comes),
      blocking_test(an_immediate_socket_queues_nothing),
      blocking_test(a_bound_socket_without_peers_queues_nothing),
      blocking_test(inproc_takes_the_sum_of_both_limits),
      blocking_test(inproc_counts_each_direction_alone),
      blocking_test(inproc_adds_the_binders_limit_at_the_bind),
      blocking_test(half_of_a_full_inproc_pipe_is_offered_again),
      blocking_test(a_full_socket_has_room_again_when_its_peer_reads),
      blocking_test(messages_count_not_parts),
      blocking_test(a_message_that_was_begun_is_finished),
      blocking_test(a_lower_limit_takes_no_room_from_a_message),
      blocking_test(a_limit_of_zero_is_none),
      blocking_test(raising_the_limit_counts_at_once),
      blocking_test(the_limit_of_a_peer_is_the_one_at_its_connect),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
