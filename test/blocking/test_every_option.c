/* Every option of ZeroMQ through zmq.h, on every socket type: support/
 * option_facts.c has the facts. What the options do is tested where it is
 * done. */
#include "support/blocking.h"
#include "support/option_checks.h"

static void *open_socket(void *state, int type) {
  return blocking_socket(state, type);
}

static void close_socket(void *state, void *socket) {
  blocking_close(state, socket);
}

static int set(void *socket, int option, const void *value, size_t size) {
  return zmq_setsockopt(socket, option, value, size) == 0 ? 0 : -errno;
}

static int get(void *socket, int option, void *value, size_t *size) {
  return zmq_getsockopt(socket, option, value, size) == 0 ? 0 : -errno;
}

static void check_all(blocking_t *b, option_check_t check) {
  const option_api_t api = {.is_zuv = blocking_is_zuv(),
                            .open = open_socket,
                            .close = close_socket,
                            .set = set,
                            .get = get};

  /* libzmq counts a socket for a while after it was closed. */
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 10000));
  option_check_all(&api, b, check);
}

/* Behaviour 119, as far as it is about SUB and XSUB. */
static void new_sockets_have_the_defaults(void **state) {
  check_all(*state, option_check_default);
}

static void numbers_have_their_ranges(void **state) {
  check_all(*state, option_check_numbers);
}

/* Behaviour 190. */
static void numbers_and_keys_have_their_sizes(void **state) {
  check_all(*state, option_check_sizes);
}

static void texts_and_bytes_have_their_lengths(void **state) {
  check_all(*state, option_check_lengths);
}

/* Behaviour 86. */
static void directions_and_types_are_kept_to(void **state) {
  check_all(*state, option_check_refusals);
}

static void null_is_refused(void **state) {
  if (!blocking_is_zuv())
    skip();
  check_all(*state, option_check_null);
}

/* No number is an option that is not in the table. */
static void other_numbers_are_unknown(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PAIR);

  for (int number = -1; number < 1100; number++) {
    bool known = false;
    unsigned char bytes[8] = {0};
    size_t size = sizeof(int);
    for (size_t i = 0; i < option_fact_count; i++)
      known = known || option_facts[i].number == number;
    if (known)
      continue;
    assert_int_equal(set(socket, number, bytes, size), -EINVAL);
    assert_int_equal(get(socket, number, bytes, &size), -EINVAL);
  }
}

/* Behaviour 122; libzmq has to be told of the end first (123). */
static void a_terminated_context_answers_for_all(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PAIR);
  int value = 0;
  size_t size = sizeof(value);

  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocking_wait(zmq_getsockopt(socket, ZMQ_EVENTS, &value, &size) == -1);
  blocking_expect_errno(
      zmq_setsockopt(socket, ZMQ_LINGER, &value, sizeof(value)), ETERM);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_LINGER, &value, &size),
                        ETERM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(new_sockets_have_the_defaults),
      blocking_test(numbers_have_their_ranges),
      blocking_test(numbers_and_keys_have_their_sizes),
      blocking_test(texts_and_bytes_have_their_lengths),
      blocking_test(directions_and_types_are_kept_to),
      blocking_test(null_is_refused),
      blocking_test(other_numbers_are_unknown),
      blocking_test(a_terminated_context_answers_for_all),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
