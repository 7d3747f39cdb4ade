/* The names of inproc: whose they are, and what they connect. */
#include "support/blocking.h"

/* Behaviour 134. */
static void an_inproc_name_has_one_binder(void **state) {
  blocking_t *b = *state;
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *old = blocking_socket(b, ZMQ_PUSH);

  blocking_bind_to(first, "inproc://x");
  blocking_expect_errno(zmq_bind(second, "inproc://x"), EADDRINUSE);
  blocking_expect_errno(zmq_bind(first, "inproc://x"), EADDRINUSE);
  blocking_bind_to(second, "inproc://X");
  blocking_connect(old, "inproc://x");
  blocking_expect_ok(zmq_unbind(first, "inproc://x"));
  blocking_bind_to(second, "inproc://x");
  blocking_send(old, "to the first");
  blocking_expect(first, "to the first");
  blocking_expect_reaches(b, second, "inproc://x", false);
}

/* The two sockets live on two I/O threads, if they have loops of their own. */
static void an_unbind_keeps_who_has_just_connected(void **state) {
  blocking_t *b = *state;
  void *pull;
  void *push;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 2));
  pull = blocking_socket(b, ZMQ_PULL);
  push = blocking_socket(b, ZMQ_PUSH);
  blocking_bind_to(pull, "inproc://x");
  blocking_connect(push, "inproc://x");
  blocking_send(push, "before");
  blocking_expect_ok(zmq_unbind(pull, "inproc://x"));
  blocking_expect(pull, "before");
  blocking_send(push, "after");
  blocking_expect(pull, "after");
}

static void a_long_inproc_name_works(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  void *push = blocking_socket(*state, ZMQ_PUSH);
  char name[360];

  memset(name, 'n', sizeof(name));
  memcpy(name, "inproc://", 9);
  name[sizeof(name) - 1] = '\0';
  blocking_bind_to(pull, name);
  blocking_connect(push, name);
  blocking_send(push, "long");
  blocking_expect(pull, "long");
}

static void contexts_have_names_of_their_own(void **state) {
  blocking_t *b = *state;
  blocking_t other = {.context = zmq_ctx_new()};
  void *here = blocking_socket(b, ZMQ_PULL);
  void *there = blocking_socket(&other, ZMQ_PULL);
  void *push = blocking_socket(&other, ZMQ_PUSH);

  blocking_bind_to(here, "inproc://x");
  blocking_bind_to(there, "inproc://x");
  blocking_connect(push, "inproc://x");
  blocking_send(push, "there");
  blocking_expect(there, "there");
  assert_int_equal(blocking_events(here), 0);
  blocking_end(&other);
}

/* Behaviour 142. */
static void inproc_does_not_reconnect(void **state) {
  blocking_t *b = *state;
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);

  blocking_bind_to(first, "inproc://x");
  blocking_connect(push, "inproc://x");
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_close(b, first);
  blocking_wait(zmq_bind(second, "inproc://x") == 0);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(push, "no", ZMQ_DONTWAIT), EAGAIN);
  blocking_connect(push, "inproc://x");
  blocking_send(push, "yes");
  blocking_expect(second, "yes");
}

/* inproc looks at no type. */
static void inproc_checks_no_types(void **state) {
  void *pub = blocking_socket(*state, ZMQ_PUB);
  void *pull = blocking_socket(*state, ZMQ_PULL);

  blocking_bind_to(pub, "inproc://types");
  blocking_connect(pull, "inproc://types");
  blocking_events(pub);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(an_inproc_name_has_one_binder),
      blocking_test(an_unbind_keeps_who_has_just_connected),
      blocking_test(a_long_inproc_name_works),
      blocking_test(contexts_have_names_of_their_own),
      blocking_test(inproc_does_not_reconnect),
      blocking_test(inproc_checks_no_types),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
