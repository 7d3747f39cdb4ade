/* Messages of several parts: whole or not at all, in order, and as vectors. */
#include "support/blocking.h"

#include <pthread.h>
#include <sys/uio.h>

static void parts_come_in_order_with_more_on_all_but_the_last(void **state) {
  blocking_t *b = *state;
  char text[8] = "";
  void *pull;
  void *push;

  /* Behaviour 3. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 0);
  blocking_send(push, "0|1|2|3");
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(zmq_recv(pull, text, sizeof(text), 0), 1);
    assert_int_equal(text[0], '0' + i);
    assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), i < 3);
  }
  blocking_expect_errno(zmq_recv(pull, text, sizeof(text), ZMQ_DONTWAIT),
                        EAGAIN);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 0);
}

static void a_message_tells_of_more_parts(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  /* Behaviour 3. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "a|b");
  blocking_wait_events(pull, ZMQ_POLLIN);
  blocking_expect_ok(zmq_msg_init(&message));
  assert_int_equal(zmq_msg_more(&message), 0);
  assert_int_equal(zmq_msg_recv(&message, pull, 0), 1);
  assert_int_equal(zmq_msg_more(&message), 1);
  assert_int_equal(zmq_msg_get(&message, ZMQ_MORE), 1);
  assert_int_equal(zmq_msg_recv(&message, pull, 0), 1);
  assert_int_equal(zmq_msg_more(&message), 0);
  assert_int_equal(zmq_msg_get(&message, ZMQ_MORE), 0);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void nothing_is_seen_before_the_last_part(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;
  char byte;

  /* Behaviour 4. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send(push, "a", 1, ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_send(push, "b", 1, ZMQ_SNDMORE), 1);
  blocking_settle();
  assert_int_equal(blocking_events(pull), 0);
  blocking_expect_errno(zmq_recv(pull, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(zmq_send(push, "c", 1, 0), 1);
  blocking_expect(pull, "a|b|c");
}

static void a_fragment_dies_with_its_sender(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* Behaviour 5. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "whole|message");
  blocking_send(push, "another");
  assert_int_equal(zmq_send(push, "frag", 4, ZMQ_SNDMORE), 4);
  assert_int_equal(zmq_send(push, "ment", 4, ZMQ_SNDMORE), 4);
  blocking_close(b, push);
  blocking_expect(pull, "whole|message");
  blocking_expect(pull, "another");
  blocking_expect_nothing(pull);
}

static void a_fragment_does_not_delay_the_end(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* Behaviour 5: the linger time is for whole messages. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send(push, "fragment", 8, ZMQ_SNDMORE), 8);
  blocking_close(b, push);
  blocking_end(b);
}

static void more_is_told_by_the_flags_of_the_send_only(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *one;
  void *other;

  /* Behaviour 8. */
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &one, &other);
  blocking_send(one, "a|b");
  blocking_wait_events(other, ZMQ_POLLIN);
  blocking_expect_ok(zmq_msg_init(&message));
  assert_int_equal(zmq_msg_recv(&message, other, 0), 1);
  assert_int_equal(zmq_msg_more(&message), 1);
  assert_int_equal(zmq_msg_send(&message, other, 0), 1);
  assert_int_equal(zmq_msg_recv(&message, other, 0), 1);
  assert_int_equal(zmq_msg_more(&message), 0);
  assert_int_equal(zmq_msg_send(&message, other, ZMQ_SNDMORE), 1);
  assert_int_equal(zmq_msg_send(&message, other, 0), 0);
  blocking_expect(one, "a");
  blocking_expect(one, "b|");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_message_read_in_part_goes_on_with_its_rest(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *first = blocking_socket(b, ZMQ_PUSH);
  void *second = blocking_socket(b, ZMQ_PUSH);
  char text[4] = "";
  char *left;
  char *right;

  /* Behaviour 3: parts of two senders never mix. */
  blocking_join(b, pull, first, NULL);
  blocking_join(b, pull, second, NULL);
  blocking_send(first, "a1|a2|a3");
  blocking_send(second, "b1|b2|b3");
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(pull, text, sizeof(text), 0), 2);
  assert_int_equal(blocking_events(pull), ZMQ_POLLIN);
  left = blocking_receive(pull, BLOCKING_DEADLINE_MS);
  right = blocking_receive(pull, BLOCKING_DEADLINE_MS);
  assert_string_equal(left, text[0] == 'a' ? "a2|a3" : "b2|b3");
  assert_string_equal(right, text[0] == 'a' ? "b1|b2|b3" : "a1|a2|a3");
  free(left);
  free(right);
}

/* ---- Many shapes ---- */

enum { SHAPES = 2000, SHAPE_PARTS = 6, SHAPE_LARGEST = 70000 };

static size_t shape_parts(unsigned i) {
  return i * 7 % SHAPE_PARTS + 1;
}

static size_t shape_size(unsigned i, unsigned part) {
  unsigned mix = i * 2654435761U + part * 40503U;

  return (mix >> 8) % 100 == 0 ? mix % SHAPE_LARGEST : (mix >> 16) % 300;
}

static void *send_shapes(void *socket) {
  char *data = malloc(SHAPE_LARGEST);
  size_t wrong = data == NULL;

  for (unsigned i = 0; i < SHAPES && wrong == 0; i++) {
    size_t parts = shape_parts(i);
    for (unsigned part = 0; part < parts && wrong == 0; part++) {
      size_t size = shape_size(i, part);
      memset(data, (int)(i + part), size);
      wrong += zmq_send(socket, data, size,
                        part + 1 < parts ? ZMQ_SNDMORE : 0) != (int)size;
    }
  }
  free(data);
  return (void *)(uintptr_t)wrong;
}

static bool is_shape(zmq_msg_t *message, unsigned i, unsigned part) {
  const unsigned char *data = zmq_msg_data(message);
  size_t size = zmq_msg_size(message);

  if (size != shape_size(i, part))
    return false;
  for (size_t at = 0; at < size; at++) {
    if (data[at] != (unsigned char)(i + part))
      return false;
  }
  return zmq_msg_more(message) == (part + 1 < shape_parts(i));
}

static void messages_of_all_shapes_arrive(void **state) {
  blocking_t *b = *state;
  pthread_t thread;
  zmq_msg_t message;
  size_t wrong = 0;
  void *wrong_sends;
  void *pull;
  void *push;

  /* Behaviours 3 and 17. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_set(push, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  assert_int_equal(pthread_create(&thread, NULL, send_shapes, push), 0);
  blocking_expect_ok(zmq_msg_init(&message));
  for (unsigned i = 0; i < SHAPES && wrong == 0; i++) {
    for (unsigned part = 0; part < shape_parts(i) && wrong == 0; part++)
      wrong +=
          zmq_msg_recv(&message, pull, 0) < 0 || !is_shape(&message, i, part);
  }
  pthread_join(thread, &wrong_sends);
  blocking_expect_ok(zmq_msg_close(&message));
  assert_int_equal(wrong, 0);
  assert_null(wrong_sends);
  blocking_expect_nothing(pull);
}

/* ---- Vectors ---- */

static struct iovec vector(const char *text) {
  return (struct iovec){.iov_base = (void *)(uintptr_t)text,
                        .iov_len = strlen(text)};
}

static void a_vector_is_one_message_or_many(void **state) {
  blocking_t *b = *state;
  struct iovec parts[] = {vector("one"), vector(""), vector("three")};
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_sendiov(push, parts, 3, ZMQ_SNDMORE), 5);
  assert_int_equal(zmq_sendiov(push, parts, 3, 0), 5);
  assert_int_equal(zmq_sendiov(push, parts, 1, ZMQ_SNDMORE), 3);
  blocking_expect(pull, "one||three");
  blocking_expect(pull, "one");
  blocking_expect(pull, "");
  blocking_expect(pull, "three");
  blocking_expect(pull, "one");
  blocking_expect_nothing(pull);
}

static void a_vector_can_be_refused(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  struct iovec part = vector("x");

  blocking_expect_errno(zmq_sendiov(push, &part, 0, 0), EINVAL);
  blocking_expect_errno(zmq_sendiov(push, NULL, 1, 0), EINVAL);
  blocking_expect_errno(zmq_sendiov(NULL, &part, 1, 0), ENOTSOCK);
  blocking_expect_errno(zmq_sendiov(push, &part, 1, ZMQ_DONTWAIT), EAGAIN);
}

static void free_vector(struct iovec *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(parts[i].iov_base);
}

static void a_message_is_received_into_a_vector(void **state) {
  blocking_t *b = *state;
  struct iovec parts[5];
  size_t count = 5;
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "one||three");
  blocking_send(push, "next");
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recviov(pull, parts, &count, 0), 3);
  assert_int_equal(count, 3);
  assert_int_equal(parts[0].iov_len, 3);
  assert_memory_equal(parts[0].iov_base, "one", 3);
  assert_int_equal(parts[1].iov_len, 0);
  assert_int_equal(parts[2].iov_len, 5);
  assert_memory_equal(parts[2].iov_base, "three", 5);
  free_vector(parts, count);
  blocking_expect(pull, "next");
}

static void what_does_not_fit_a_vector_stays(void **state) {
  blocking_t *b = *state;
  struct iovec parts[2];
  size_t count = 2;
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "one|two|three|four");
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recviov(pull, parts, &count, 0), 2);
  assert_int_equal(count, 2);
  assert_memory_equal(parts[1].iov_base, "two", 3);
  free_vector(parts, count);
  blocking_expect(pull, "three|four");
}

static void receiving_a_vector_can_be_refused(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  struct iovec part;
  size_t count = 1;
  size_t none = 0;

  blocking_expect_errno(zmq_recviov(pull, &part, &count, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(count, 0);
  count = 1;
  blocking_expect_errno(zmq_recviov(pull, &part, &none, 0), EINVAL);
  blocking_expect_errno(zmq_recviov(pull, &part, NULL, 0), EINVAL);
  blocking_expect_errno(zmq_recviov(pull, NULL, &count, 0), EINVAL);
  blocking_expect_errno(zmq_recviov(NULL, &part, &count, 0), ENOTSOCK);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(parts_come_in_order_with_more_on_all_but_the_last),
      blocking_test(a_message_tells_of_more_parts),
      blocking_test(nothing_is_seen_before_the_last_part),
      blocking_test(a_fragment_dies_with_its_sender),
      blocking_test(a_fragment_does_not_delay_the_end),
      blocking_test(more_is_told_by_the_flags_of_the_send_only),
      blocking_test(a_message_read_in_part_goes_on_with_its_rest),
      blocking_test(messages_of_all_shapes_arrive),
      blocking_test(a_vector_is_one_message_or_many),
      blocking_test(a_vector_can_be_refused),
      blocking_test(a_message_is_received_into_a_vector),
      blocking_test(what_does_not_fit_a_vector_stays),
      blocking_test(receiving_a_vector_can_be_refused),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
