/* Every option of ZeroMQ and of zuv through zuv.h, on every socket type, by the
 * facts that the test of zmq.h goes by, too. */
#include <poll.h>

#include "blocking/support/option_checks.h"
#include "support/harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void on_closed(zuv_socket_t *socket) {
  free(socket);
}

static void *open_socket(void *state, int type) {
  harness_t *h = state;
  zuv_socket_t *socket = malloc(sizeof(*socket));

  assert_non_null(socket);
  assert_int_equal(zuv_socket_init(h->context, &h->loop, socket, type), 0);
  return socket;
}

static void close_socket(void *state, void *socket) {
  harness_t *h = state;

  zuv_close(socket, on_closed);
  uv_run(&h->loop, UV_RUN_NOWAIT);
}

static int set(void *socket, int option, const void *value, size_t size) {
  return zuv_set_option(socket, option, value, size);
}

static int get(void *socket, int option, void *value, size_t *size) {
  return zuv_get_option(socket, option, value, size);
}

static const option_api_t native = {.is_zuv = true,
                                    .is_native = true,
                                    .open = open_socket,
                                    .close = close_socket,
                                    .set = set,
                                    .get = get};

static void new_sockets_have_the_defaults(void **state) {
  option_check_all(&native, *state, option_check_default);
}

static void numbers_have_their_ranges(void **state) {
  option_check_all(&native, *state, option_check_numbers);
}

static void numbers_and_keys_have_their_sizes(void **state) {
  option_check_all(&native, *state, option_check_sizes);
}

static void texts_and_bytes_have_their_lengths(void **state) {
  option_check_all(&native, *state, option_check_lengths);
}

static void directions_and_types_are_kept_to(void **state) {
  option_check_all(&native, *state, option_check_refusals);
}

static void null_is_refused(void **state) {
  option_check_all(&native, *state, option_check_null);
}

static void other_numbers_are_unknown(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PAIR);

  for (int number = -1; number < 1100; number++) {
    bool known = false;
    unsigned char bytes[8] = {0};
    size_t size = sizeof(int);
    for (size_t i = 0; i < option_fact_count; i++)
      known = known || option_facts[i].number == number;
    if (known)
      continue;
    assert_int_equal(set(&s->zuv, number, bytes, size), UV_EINVAL);
    assert_int_equal(get(&s->zuv, number, bytes, &size), UV_EINVAL);
  }
}

/* ---- What is not as in zmq.h ---- */

static void no_thread_but_the_loop_can_be_chosen(void **state) {
  static const uint64_t masks[] = {2, UINT64_C(1) << 63, UINT64_MAX - 1};
  harness_socket_t *s = harness_socket(*state, ZUV_PAIR);
  uint64_t mask = 0;
  size_t size = sizeof(mask);

  for (size_t i = 0; i < COUNT(masks); i++)
    assert_int_equal(zuv_set_option(&s->zuv, ZUV_AFFINITY, &masks[i], 8),
                     UV_ENOTSUP);
  assert_int_equal(zuv_get_option(&s->zuv, ZUV_AFFINITY, &mask, &size), 0);
  assert_true(mask == 0);
}

/* FD is what a loop around ours may wait for. */
static void the_descriptor_is_the_loops(void **state) {
  harness_t *h = *state;
  harness_socket_t *one = harness_socket(h, ZUV_PULL);
  harness_socket_t *other = harness_socket(h, ZUV_PUSH);

  assert_int_equal(harness_get(one, ZUV_FD), uv_backend_fd(&h->loop));
  assert_int_equal(harness_get(other, ZUV_FD), harness_get(one, ZUV_FD));
}

/* Runs the loop as a loop around it would, by FD and uv_backend_timeout(). */
static void run_from_outside(harness_t *h, harness_socket_t *s) {
  struct pollfd item = {.fd = harness_get(s, ZUV_FD), .events = POLLIN};
  int timeout = uv_backend_timeout(&h->loop);

  if (timeout < 0 || timeout > HARNESS_DEADLINE_MS)
    timeout = HARNESS_DEADLINE_MS;
  assert_true(poll(&item, 1, timeout) >= 0);
  uv_run(&h->loop, UV_RUN_NOWAIT);
}

static void a_loop_around_ours_can_wait_for_the_descriptor(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  uint64_t until = harness_now_ms() + HARNESS_DEADLINE_MS;

  harness_bind(pull, endpoint);
  harness_connect(push, endpoint);
  harness_send(push, "news");
  while (pull->received == 0) {
    assert_true(harness_now_ms() < until);
    run_from_outside(h, pull);
  }
  assert_string_equal(pull->messages[0].text, "news");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      harness_test(new_sockets_have_the_defaults),
      harness_test(numbers_have_their_ranges),
      harness_test(numbers_and_keys_have_their_sizes),
      harness_test(texts_and_bytes_have_their_lengths),
      harness_test(directions_and_types_are_kept_to),
      harness_test(null_is_refused),
      harness_test(other_numbers_are_unknown),
      harness_test(no_thread_but_the_loop_can_be_chosen),
      harness_test(the_descriptor_is_the_loops),
      harness_test(a_loop_around_ours_can_wait_for_the_descriptor),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
