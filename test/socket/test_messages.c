/* zuv_msg_*: who owns the bytes, and how long they last. */
#include "support/harness.h"

static void assert_bytes(zuv_msg_t *msg, const char *text) {
  assert_int_equal(zuv_msg_size(msg), strlen(text));
  assert_memory_equal(zuv_msg_data(msg), text, strlen(text));
}

static const char long_text[] =
    "a body that is too long to be kept inside of the message itself";

static void an_empty_message_has_size_zero(void **state) {
  zuv_msg_t msg;

  (void)state;
  zuv_msg_init(&msg);
  assert_int_equal(zuv_msg_size(&msg), 0);
  zuv_msg_close(&msg);
  zuv_msg_close(&msg);
  assert_int_equal(zuv_msg_init_copy(&msg, NULL, 0), 0);
  assert_int_equal(zuv_msg_size(&msg), 0);
  zuv_msg_close(&msg);
}

static void a_copy_of_bytes_is_independent(void **state) {
  char bytes[sizeof(long_text)];
  zuv_msg_t msg;

  (void)state;
  for (size_t size = 1; size < sizeof(bytes); size++) {
    memcpy(bytes, long_text, sizeof(bytes));
    assert_int_equal(zuv_msg_init_copy(&msg, bytes, size), 0);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(zuv_msg_size(&msg), size);
    assert_memory_equal(zuv_msg_data(&msg), long_text, size);
    zuv_msg_close(&msg);
    assert_int_equal(zuv_msg_size(&msg), 0);
  }
}

static void no_memory_is_an_error(void **state) {
  zuv_msg_t msg;

  (void)state;
  assert_int_equal(zuv_msg_init_size(&msg, SIZE_MAX), UV_ENOMEM);
}

static void count_call(void *data, void *hint) {
  assert_ptr_equal(data, long_text);
  ++*(int *)hint;
}

static void users_bytes_are_freed_once(void **state) {
  void *data = (void *)(uintptr_t)long_text;
  int freed = 0;
  zuv_msg_t msg;
  zuv_msg_t copy;

  (void)state;
  assert_int_equal(zuv_msg_init_data(&msg, data, 10, NULL, NULL), UV_EINVAL);
  assert_int_equal(zuv_msg_init_data(&msg, NULL, 10, count_call, &freed),
                   UV_EINVAL);
  assert_int_equal(
      zuv_msg_init_data(&msg, data, sizeof(long_text), count_call, &freed), 0);
  assert_ptr_equal(zuv_msg_data(&msg), data);
  zuv_msg_init(&copy);
  assert_int_equal(zuv_msg_copy(&copy, &msg), 0);
  assert_ptr_equal(zuv_msg_data(&copy), data);
  zuv_msg_close(&msg);
  assert_int_equal(freed, 0);
  zuv_msg_close(&copy);
  assert_int_equal(freed, 1);
}

static void users_bytes_are_freed_after_sending(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  int freed = 0;
  zuv_msg_t part;

  harness_join(pull, push, NULL);
  assert_int_equal(zuv_msg_init_data(&part, (void *)(uintptr_t)long_text,
                                     strlen(long_text), count_call, &freed),
                   0);
  assert_int_equal(zuv_try_send(&push->zuv, &part, 1), 0);
  harness_expect(pull, 0, long_text);
  harness_wait(h, freed == 1);
  assert_int_equal(zuv_msg_init_data(&part, (void *)(uintptr_t)long_text,
                                     strlen(long_text), count_call, &freed),
                   0);
  harness_close(push);
  assert_int_equal(zuv_try_send(&push->zuv, &part, 1), UV_EINVAL);
  assert_int_equal(freed, 1);
  zuv_msg_close(&part);
  assert_int_equal(freed, 2);
}

static void constant_bytes_are_never_copied(void **state) {
  zuv_msg_t msg;
  zuv_msg_t other;

  (void)state;
  zuv_msg_init_const(&msg, long_text, strlen(long_text));
  zuv_msg_init(&other);
  assert_int_equal(zuv_msg_move(&other, &msg), 0);
  assert_ptr_equal(zuv_msg_data(&other), long_text);
  assert_int_equal(zuv_msg_size(&msg), 0);
  zuv_msg_close(&other);
}

static void copies_share_a_large_body_and_not_a_small_one(void **state) {
  zuv_msg_t from;
  zuv_msg_t to;

  (void)state;
  /* behaviour 9 */
  zuv_msg_init(&to);
  assert_int_equal(zuv_msg_init_copy(&from, long_text, strlen(long_text)), 0);
  assert_int_equal(zuv_msg_copy(&to, &from), 0);
  assert_ptr_equal(zuv_msg_data(&to), zuv_msg_data(&from));
  zuv_msg_close(&from);
  assert_bytes(&to, long_text);

  assert_int_equal(zuv_msg_init_copy(&from, "small", 5), 0);
  assert_int_equal(zuv_msg_copy(&to, &from), 0);
  *(char *)zuv_msg_data(&to) = 'S';
  assert_bytes(&from, "small");
  assert_bytes(&to, "Small");
  zuv_msg_close(&from);
  zuv_msg_close(&to);
}

static void moving_closes_the_old_content(void **state) {
  zuv_msg_t from;
  zuv_msg_t to;
  int freed = 0;

  (void)state;
  assert_int_equal(zuv_msg_init_data(&to, (void *)(uintptr_t)long_text, 5,
                                     count_call, &freed),
                   0);
  assert_int_equal(zuv_msg_init_copy(&from, long_text, strlen(long_text)), 0);
  assert_int_equal(zuv_msg_move(&to, &from), 0);
  assert_int_equal(freed, 1);
  assert_bytes(&to, long_text);
  assert_int_equal(zuv_msg_size(&from), 0);
  zuv_msg_close(&to);
}

static void a_view_becomes_lasting_when_moved_or_copied(void **state) {
  char bytes[sizeof(long_text)];
  zuv_msg_t view;
  zuv_msg_t moved;
  zuv_msg_t copied;

  (void)state;
  memcpy(bytes, long_text, sizeof(bytes));
  zuv_msg_init(&moved);
  zuv_msg_init(&copied);
  zuv_msg_init_view(&view, bytes, strlen(bytes));
  assert_ptr_equal(zuv_msg_data(&view), bytes);
  assert_int_equal(zuv_msg_copy(&copied, &view), 0);
  assert_int_equal(zuv_msg_move(&moved, &view), 0);
  memset(bytes, 'x', sizeof(bytes));
  assert_bytes(&copied, long_text);
  assert_bytes(&moved, long_text);
  zuv_msg_close(&copied);
  zuv_msg_close(&moved);
}

static void a_view_can_be_sent(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char bytes[sizeof(long_text)];
  zuv_msg_t parts[2];

  harness_join(pull, push, NULL);
  memcpy(bytes, long_text, sizeof(bytes));
  zuv_msg_init_view(&parts[0], bytes, strlen(bytes));
  zuv_msg_init_view(&parts[1], bytes, 6);
  assert_int_equal(zuv_try_send(&push->zuv, parts, 2), 0);
  memset(bytes, 'x', sizeof(bytes));
  harness_wait(h, pull->received == 1);
  assert_int_equal(pull->messages[0].parts[0].size, strlen(long_text));
  assert_memory_equal(pull->messages[0].parts[0].data, long_text,
                      strlen(long_text));
  assert_memory_equal(pull->messages[0].parts[1].data, "a body", 6);
}

/* Keeps every part it receives. */
enum { KEPT_MAX = 400 };
static zuv_msg_t kept[KEPT_MAX];
static size_t kept_count;

static void keep_parts(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)socket;
  (void)peer;
  for (size_t i = 0; i < count; i++) {
    zuv_msg_init(&kept[kept_count]);
    assert_int_equal(kept_count % 2 == 0
                         ? zuv_msg_move(&kept[kept_count], &parts[i])
                         : zuv_msg_copy(&kept[kept_count], &parts[i]),
                     0);
    kept_count++;
  }
}

static void received_parts_can_be_kept(void **state) {
  static const size_t sizes[] = {0, 1, 33, 34, 100, 1000, 9000, 70000, 200000};
  enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  zuv_msg_t parts[2];

  kept_count = 0;
  assert_int_equal(zuv_recv_start(&pull->zuv, keep_parts), 0);
  harness_join(pull, push, NULL);
  for (size_t i = 0; i < KEPT_MAX / 2; i++) {
    for (size_t part = 0; part < 2; part++) {
      size_t size = sizes[(i + part) % SIZES];
      assert_int_equal(zuv_msg_init_size(&parts[part], size), 0);
      memset(zuv_msg_data(&parts[part]), (int)(i % 100 + part), size);
    }
    assert_int_equal(zuv_try_send(&push->zuv, parts, 2), 0);
  }
  harness_wait(h, kept_count == KEPT_MAX);
  harness_close(push);
  harness_close(pull);
  for (size_t i = 0; i < KEPT_MAX; i++) {
    size_t size = sizes[(i / 2 + i % 2) % SIZES];
    const char *bytes = zuv_msg_data(&kept[i]);
    assert_int_equal(zuv_msg_size(&kept[i]), size);
    for (size_t at = 0; at < size; at++)
      assert_int_equal(bytes[at], i / 2 % 100 + i % 2);
    zuv_msg_close(&kept[i]);
  }
}

static const void *data_received;

static void note_data(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  (void)socket;
  (void)count;
  (void)peer;
  data_received = zuv_msg_data(&parts[0]);
}

static void a_large_body_crosses_inproc_without_a_copy(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  const void *data_sent;
  zuv_msg_t part;

  if (!harness_is_inproc())
    skip();
  /* behaviour 11 */
  assert_int_equal(zuv_recv_start(&pull->zuv, note_data), 0);
  harness_join(pull, push, NULL);
  assert_int_equal(zuv_msg_init_size(&part, 100000), 0);
  memset(zuv_msg_data(&part), 'z', 100000);
  data_sent = zuv_msg_data(&part);
  data_received = NULL;
  assert_int_equal(zuv_try_send(&push->zuv, &part, 1), 0);
  harness_wait(h, data_received != NULL);
  assert_ptr_equal(data_received, data_sent);
}

/* Sends only the first of the parts it receives back. */
static void echo_first(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)count;
  (void)peer;
  assert_int_equal(zuv_try_send(socket, parts, 1), 0);
}

static void a_received_part_alone_is_a_whole_message(void **state) {
  harness_t *h = *state;
  harness_socket_t *echoing = harness_deaf_socket(h, ZUV_PAIR);
  harness_socket_t *pair = harness_socket(h, ZUV_PAIR);

  /* behaviour 8 */
  assert_int_equal(zuv_recv_start(&echoing->zuv, echo_first), 0);
  harness_join(echoing, pair, NULL);
  harness_send(pair, "one|two|three");
  harness_send(pair, "four");
  harness_expect(pair, 0, "one");
  harness_expect(pair, 1, "four");
}

/* Sends what it receives back to where it came from. */
static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  (void)peer;
  assert_int_equal(zuv_try_send(socket, parts, count), 0);
}

static void received_parts_can_be_sent(void **state) {
  enum { COUNT = 100 };
  harness_t *h = *state;
  harness_socket_t *router = harness_deaf_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);

  assert_int_equal(zuv_recv_start(&router->zuv, echo), 0);
  harness_join(router, dealer, NULL);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(dealer, i * i * 10, 'e'), 0);
  harness_wait(h, dealer->received == COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    const harness_part_t *part = &dealer->messages[i].parts[0];
    assert_int_equal(part->size, i * i * 10);
    assert_int_equal(strspn(part->data, "e"), part->size);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_message_has_size_zero),
      cmocka_unit_test(a_copy_of_bytes_is_independent),
      cmocka_unit_test(no_memory_is_an_error),
      cmocka_unit_test(users_bytes_are_freed_once),
      cmocka_unit_test(constant_bytes_are_never_copied),
      cmocka_unit_test(copies_share_a_large_body_and_not_a_small_one),
      cmocka_unit_test(moving_closes_the_old_content),
      cmocka_unit_test(a_view_becomes_lasting_when_moved_or_copied),
      harness_test(users_bytes_are_freed_after_sending),
      harness_test(a_view_can_be_sent),
      harness_test(received_parts_can_be_kept),
      harness_test(a_large_body_crosses_inproc_without_a_copy),
      harness_test(a_received_part_alone_is_a_whole_message),
      harness_test(received_parts_can_be_sent),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
