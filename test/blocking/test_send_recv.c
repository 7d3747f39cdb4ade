/* Sending and receiving one part: sizes, flags, time-outs, ownership. */
#include "support/blocking.h"

#include <pthread.h>

static void a_short_buffer_gets_the_beginning(void **state) {
  blocking_t *b = *state;
  char buffer[4] = "....";
  void *pull;
  void *push;

  /* Behaviour 1. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "abcdefgh|ij");
  blocking_send(push, "next");
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(pull, buffer, 3, 0), 8);
  assert_memory_equal(buffer, "abc.", 4);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 1);
  assert_int_equal(zmq_recv(pull, NULL, 0, 0), 2);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 0);
  blocking_expect(pull, "next");
}

static void an_empty_part_needs_no_buffer(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  /* Behaviour 2. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send(push, NULL, 0, ZMQ_SNDMORE), 0);
  assert_int_equal(zmq_send(push, NULL, 0, 0), 0);
  assert_int_equal(zmq_send_const(push, NULL, 0, 0), 0);
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(pull, NULL, 0, 0), 0);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 1);
  assert_int_equal(zmq_recv(pull, NULL, 0, 0), 0);
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 0);
  blocking_expect(pull, "");
}

static void init_message(zmq_msg_t *message, size_t size, int byte) {
  blocking_expect_ok(zmq_msg_init_size(message, size));
  memset(zmq_msg_data(message), byte, size);
}

static void a_sent_message_is_empty(void **state) {
  static const size_t sizes[] = {0, 5, 33, 34, 1000, 100000};
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  /* Behaviour 6. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    init_message(&message, sizes[i], 'x');
    assert_int_equal(zmq_msg_send(&message, push, 0), sizes[i]);
    assert_int_equal(zmq_msg_size(&message), 0);
    blocking_expect_ok(zmq_msg_close(&message));

    blocking_expect_ok(zmq_msg_init(&message));
    assert_int_equal(zmq_msg_recv(&message, pull, 0), sizes[i]);
    assert_int_equal(zmq_msg_size(&message), sizes[i]);
    for (size_t at = 0; at < sizes[i]; at++)
      assert_int_equal(((char *)zmq_msg_data(&message))[at], 'x');
    blocking_expect_ok(zmq_msg_close(&message));
  }
}

static void a_sent_message_can_be_used_again(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *one;
  void *other;

  /* Behaviour 6. */
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &one, &other);
  init_message(&message, 100, 'x');
  assert_int_equal(zmq_msg_send(&message, one, 0), 100);
  assert_int_equal(zmq_msg_send(&message, one, 0), 0);
  assert_int_equal(zmq_msg_recv(&message, other, 0), 100);
  assert_int_equal(zmq_msg_send(&message, other, 0), 100);
  assert_int_equal(zmq_msg_recv(&message, one, 0), 100);
  blocking_expect(other, "");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_message_not_sent_is_kept(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  zmq_msg_t message;

  /* Behaviour 6. */
  init_message(&message, 100, 'x');
  blocking_expect_errno(zmq_msg_send(&message, push, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(zmq_msg_size(&message), 100);
  blocking_set(push, ZMQ_SNDTIMEO, 1);
  blocking_expect_errno(zmq_msg_send(&message, push, ZMQ_SNDMORE), EAGAIN);
  assert_int_equal(zmq_msg_size(&message), 100);
  assert_int_equal(((char *)zmq_msg_data(&message))[99], 'x');
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_copy_outlives_what_was_sent(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  zmq_msg_t copy;
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  init_message(&message, 5000, 'x');
  blocking_expect_ok(zmq_msg_init(&copy));
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  assert_int_equal(zmq_msg_send(&message, push, 0), 5000);
  assert_int_equal(zmq_msg_size(&copy), 5000);
  assert_int_equal(((char *)zmq_msg_data(&copy))[4999], 'x');
  assert_int_equal(zmq_msg_recv(&message, pull, 0), 5000);
  assert_memory_equal(zmq_msg_data(&message), zmq_msg_data(&copy), 5000);
  blocking_expect_ok(zmq_msg_close(&copy));
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_failed_receive_empties_the_message(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  zmq_msg_t message;

  /* Behaviour 7. */
  init_message(&message, 100, 'x');
  blocking_expect_errno(zmq_msg_recv(&message, pull, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(zmq_msg_size(&message), 0);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void count_free(void *data, void *hint) {
  (void)data;
  __atomic_add_fetch((int *)hint, 1, __ATOMIC_SEQ_CST);
}

static int load(int *value) {
  return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static void a_receive_frees_what_was_in_the_message(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char data[100] = "";
  int freed = 0;
  zmq_msg_t message;

  /* Behaviour 7. */
  blocking_expect_ok(
      zmq_msg_init_data(&message, data, sizeof(data), count_free, &freed));
  blocking_expect_errno(zmq_msg_recv(&message, pull, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(load(&freed), 1);
  blocking_expect_ok(zmq_msg_close(&message));
  assert_int_equal(load(&freed), 1);
}

static void data_of_the_application_is_freed_once_after_sending(void **state) {
  static char data[200000];
  blocking_t *b = *state;
  int freed = 0;
  zmq_msg_t message;
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  memset(data, 'x', sizeof(data));
  blocking_expect_ok(
      zmq_msg_init_data(&message, data, sizeof(data), count_free, &freed));
  assert_int_equal(zmq_msg_send(&message, push, 0), sizeof(data));
  blocking_expect(pull, "<200000 bytes>");
  blocking_wait(load(&freed) == 1);
  blocking_end(b);
  assert_int_equal(load(&freed), 1);
}

static void constant_data_is_not_copied_but_arrives(void **state) {
  static const char data[] = "constant data, longer than what fits a message";
  blocking_t *b = *state;
  char text[BLOCKING_TEXT_MAX] = "";
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send_const(push, data, 5, ZMQ_SNDMORE), 5);
  assert_int_equal(zmq_send_const(push, data, sizeof(data), 0), sizeof(data));
  blocking_wait_events(pull, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(pull, text, sizeof(text), 0), 5);
  assert_string_equal(text, "const");
  assert_int_equal(zmq_recv(pull, text, sizeof(text), 0), sizeof(data));
  assert_string_equal(text, data);
}

static void unknown_flags_are_ignored(void **state) {
  const int unknown = 0x7fffff00 | 0xfc;
  blocking_t *b = *state;
  char byte = 0;
  void *pull;
  void *push;

  /* Behaviour 12. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send(push, "a", 1, unknown), 1);
  assert_int_equal(zmq_recv(pull, &byte, 1, unknown), 1);
  assert_int_equal(byte, 'a');
  assert_int_equal(blocking_get(pull, ZMQ_RCVMORE), 0);
  blocking_expect_errno(zmq_recv(pull, &byte, 1, unknown | ZMQ_DONTWAIT),
                        EAGAIN);
}

static void one_way_sockets_refuse_the_other_way(void **state) {
  static const int receivers[] = {ZMQ_SUB, ZMQ_PULL};
  static const int senders[] = {ZMQ_PUB, ZMQ_PUSH};
  blocking_t *b = *state;
  zmq_msg_t message;
  char byte;

  /* Behaviour 13. */
  blocking_expect_ok(zmq_msg_init(&message));
  for (size_t i = 0; i < 2; i++) {
    void *socket = blocking_socket(b, receivers[i]);
    blocking_expect_errno(zmq_send(socket, "", 0, 0), ENOTSUP);
    blocking_expect_errno(zmq_send(socket, "", 0, ZMQ_DONTWAIT), ENOTSUP);
    blocking_expect_errno(zmq_msg_send(&message, socket, 0), ENOTSUP);
    assert_int_equal(blocking_events(socket), 0);
    socket = blocking_socket(b, senders[i]);
    blocking_expect_errno(zmq_recv(socket, &byte, 1, 0), ENOTSUP);
    blocking_expect_errno(zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT), ENOTSUP);
    blocking_expect_errno(zmq_msg_recv(&message, socket, 0), ENOTSUP);
  }
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_call_gives_up_when_its_time_is_over(void **state) {
  blocking_t *b = *state;
  void *pair = blocking_socket(b, ZMQ_PAIR);
  uint64_t begin = blocking_now_ms();
  char byte;

  /* Behaviour 14. */
  blocking_set(pair, ZMQ_RCVTIMEO, 120);
  blocking_set(pair, ZMQ_SNDTIMEO, 120);
  blocking_expect_errno(zmq_recv(pair, &byte, 1, 0), EAGAIN);
  assert_in_range(blocking_now_ms() - begin, 120, BLOCKING_DEADLINE_MS);
  begin = blocking_now_ms();
  blocking_expect_errno(zmq_send(pair, "", 0, 0), EAGAIN);
  assert_in_range(blocking_now_ms() - begin, 120, BLOCKING_DEADLINE_MS);
}

static void a_call_that_may_not_wait_fails_at_once(void **state) {
  const int hour = 3600 * 1000;
  blocking_t *b = *state;
  void *pair = blocking_socket(b, ZMQ_PAIR);
  char byte;

  /* Behaviour 14: waiting would hang the test. */
  blocking_set(pair, ZMQ_RCVTIMEO, hour);
  blocking_set(pair, ZMQ_SNDTIMEO, hour);
  blocking_expect_errno(zmq_recv(pair, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_errno(zmq_send(pair, "", 0, ZMQ_DONTWAIT), EAGAIN);
  blocking_set(pair, ZMQ_RCVTIMEO, 0);
  blocking_set(pair, ZMQ_SNDTIMEO, 0);
  blocking_expect_errno(zmq_recv(pair, &byte, 1, 0), EAGAIN);
  blocking_expect_errno(zmq_send(pair, "", 0, 0), EAGAIN);
}

typedef struct {
  void *socket;
  int result;
} call_t;

static void *receive_one(void *argument) {
  call_t *call = argument;
  char byte;

  call->result = zmq_recv(call->socket, &byte, 1, 0);
  return NULL;
}

static void a_waiting_receive_gets_what_comes(void **state) {
  blocking_t *b = *state;
  call_t call = {.result = -2};
  pthread_t thread;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &call.socket, &push);
  assert_int_equal(pthread_create(&thread, NULL, receive_one, &call), 0);
  blocking_settle();
  assert_int_equal(zmq_send(push, "abc", 3, 0), 3);
  pthread_join(thread, NULL);
  assert_int_equal(call.result, 3);
}

static void *send_one(void *argument) {
  call_t *call = argument;

  call->result = zmq_send(call->socket, "last", 4, 0);
  return NULL;
}

static void a_waiting_send_goes_on_when_there_is_room(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  call_t call = {.socket = blocking_socket(b, ZMQ_PUSH), .result = -2};
  pthread_t thread;
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_set_hwm(call.socket, 5, 5);
  blocking_set_hwm(pull, 5, 5);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(call.socket, endpoint);
  assert_int_equal(blocking_fill(call.socket, "", 100), 5);
  assert_int_equal(pthread_create(&thread, NULL, send_one, &call), 0);
  blocking_settle();
  blocking_bind_to(pull, endpoint);
  blocking_expect_numbers(pull, "", 0, 5);
  blocking_expect(pull, "last");
  pthread_join(thread, NULL);
  assert_int_equal(call.result, 4);
}

static void a_closed_message_receives_nothing(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  zmq_msg_t closed;

  /* Behaviour 16. */
  blocking_expect_ok(zmq_msg_init(&closed));
  blocking_expect_ok(zmq_msg_close(&closed));
  blocking_expect_errno(zmq_msg_recv(NULL, pull, 0), EFAULT);
  blocking_expect_errno(zmq_msg_recv(&closed, pull, 0), EFAULT);
}

static void what_cannot_be_sent_is_refused(void **state) {
  blocking_t *b = *state;
  zmq_msg_t closed;
  void *pull;
  void *push;

  if (!blocking_is_zuv())
    skip();
  /* Behaviour 16. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_expect_ok(zmq_msg_init(&closed));
  blocking_expect_ok(zmq_msg_close(&closed));
  blocking_expect_errno(zmq_msg_send(NULL, push, 0), EFAULT);
  blocking_expect_errno(zmq_msg_send(&closed, push, 0), EFAULT);
  blocking_expect_errno(zmq_sendmsg(push, NULL, 0), EFAULT);
  blocking_expect_errno(zmq_recvmsg(pull, NULL, 0), EFAULT);
  blocking_expect_errno(zmq_send(push, NULL, 1, 0), EFAULT);
  blocking_expect_errno(zmq_send_const(push, NULL, 1, 0), EFAULT);
  blocking_send(push, "good");
  blocking_expect_errno(zmq_recv(pull, NULL, 1, 0), EFAULT);
  blocking_expect(pull, "good");
}

static void no_socket_is_told(void **state) {
  zmq_msg_t message;
  char byte;

  (void)state;
  blocking_expect_ok(zmq_msg_init(&message));
  blocking_expect_errno(zmq_send(NULL, "", 0, 0), ENOTSOCK);
  blocking_expect_errno(zmq_send_const(NULL, "", 0, 0), ENOTSOCK);
  blocking_expect_errno(zmq_recv(NULL, &byte, 1, 0), ENOTSOCK);
  blocking_expect_errno(zmq_msg_send(&message, NULL, 0), ENOTSOCK);
  blocking_expect_errno(zmq_msg_recv(&message, NULL, 0), ENOTSOCK);
  blocking_expect_errno(zmq_sendmsg(NULL, &message, 0), ENOTSOCK);
  blocking_expect_errno(zmq_recvmsg(NULL, &message, 0), ENOTSOCK);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void the_old_names_swap_the_arguments(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  init_message(&message, 50, 'x');
  assert_int_equal(zmq_sendmsg(push, &message, ZMQ_SNDMORE), 50);
  assert_int_equal(zmq_sendmsg(push, &message, 0), 0);
  assert_int_equal(zmq_recvmsg(pull, &message, 0), 50);
  assert_int_equal(zmq_msg_more(&message), 1);
  assert_int_equal(zmq_recvmsg(pull, &message, ZMQ_DONTWAIT), 0);
  assert_int_equal(zmq_msg_more(&message), 0);
  blocking_expect_errno(zmq_recvmsg(pull, &message, ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_ok(zmq_msg_close(&message));
}

enum { IN_ORDER = 20000 };

static void *send_numbers(void *argument) {
  call_t *call = argument;

  for (uint32_t i = 0; i < IN_ORDER; i++) {
    if (zmq_send(call->socket, &i, sizeof(i), 0) != sizeof(i))
      return NULL;
  }
  call->result = 0;
  return NULL;
}

static void messages_come_in_order_and_once(void **state) {
  blocking_t *b = *state;
  call_t call = {.result = -1};
  pthread_t thread;
  uint32_t number;
  uint32_t wrong = 0;
  void *pull;

  /* Behaviour 17. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &call.socket);
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(call.socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  assert_int_equal(pthread_create(&thread, NULL, send_numbers, &call), 0);
  for (uint32_t i = 0; i < IN_ORDER; i++) {
    if (zmq_recv(pull, &number, sizeof(number), 0) != sizeof(number))
      break;
    wrong += number != i;
  }
  pthread_join(thread, NULL);
  assert_int_equal(call.result, 0);
  assert_int_equal(wrong, 0);
  blocking_expect_nothing(pull);
}

static void a_large_message_arrives_whole(void **state) {
  const size_t size = 50 * 1000 * 1000;
  blocking_t *b = *state;
  zmq_msg_t message;
  uint32_t *words;
  size_t wrong = 0;
  void *pull;
  void *push;

  /* Behaviour 18. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_set(pull, ZMQ_RCVTIMEO, 2 * BLOCKING_DEADLINE_MS);
  blocking_expect_ok(zmq_msg_init_size(&message, size));
  words = zmq_msg_data(&message);
  for (size_t i = 0; i < size / sizeof(*words); i++)
    words[i] = (uint32_t)i * 2654435761U;
  assert_int_equal(zmq_msg_send(&message, push, 0), size);
  assert_int_equal(zmq_msg_recv(&message, pull, 0), size);
  assert_int_equal(zmq_msg_size(&message), size);
  for (size_t i = 0; i < size / sizeof(*words); i++) {
    uint32_t word;
    memcpy(&word, (char *)zmq_msg_data(&message) + i * sizeof(word),
           sizeof(word));
    wrong += word != (uint32_t)i * 2654435761U;
  }
  assert_int_equal(wrong, 0);
  blocking_expect_ok(zmq_msg_close(&message));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_short_buffer_gets_the_beginning),
      blocking_test(an_empty_part_needs_no_buffer),
      blocking_test(a_sent_message_is_empty),
      blocking_test(a_sent_message_can_be_used_again),
      blocking_test(a_message_not_sent_is_kept),
      blocking_test(a_copy_outlives_what_was_sent),
      blocking_test(a_failed_receive_empties_the_message),
      blocking_test(a_receive_frees_what_was_in_the_message),
      blocking_test(data_of_the_application_is_freed_once_after_sending),
      blocking_test(constant_data_is_not_copied_but_arrives),
      blocking_test(unknown_flags_are_ignored),
      blocking_test(one_way_sockets_refuse_the_other_way),
      blocking_test(a_call_gives_up_when_its_time_is_over),
      blocking_test(a_call_that_may_not_wait_fails_at_once),
      blocking_test(a_waiting_receive_gets_what_comes),
      blocking_test(a_waiting_send_goes_on_when_there_is_room),
      blocking_test(a_closed_message_receives_nothing),
      blocking_test(what_cannot_be_sent_is_refused),
      blocking_test(no_socket_is_told),
      blocking_test(the_old_names_swap_the_arguments),
      blocking_test(messages_come_in_order_and_once),
      blocking_test(a_large_message_arrives_whole),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
