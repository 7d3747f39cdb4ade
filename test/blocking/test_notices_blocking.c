/* HELLO_MSG, DISCONNECT_MSG and HICCUP_MSG, with one and with two I/O threads:
 * the sockets are on loops of their own then. libzmq has them as drafts. */
#include "support/blocking.h"

enum { HELLO_MSG = 110, DISCONNECT_MSG = 111, HICCUP_MSG = 114 };

static int threads; /* of I/O */

static void begin(blocking_t *b) {
  if (!blocking_is_zuv())
    skip();
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, threads));
}

static void *dealer(blocking_t *b, const char *id) {
  void *socket = blocking_socket(b, ZMQ_DEALER);

  blocking_set_text(socket, ZMQ_ROUTING_ID, id);
  blocking_set_text(socket, HELLO_MSG, "HELLO");
  return socket;
}

/* Behaviour 67. */
static void both_say_hello(void **state) {
  blocking_t *b = *state;
  void *router, *peter;

  begin(b);
  router = blocking_socket(b, ZMQ_ROUTER);
  peter = dealer(b, "peter");
  blocking_set_text(router, HELLO_MSG, "WELCOME");
  blocking_attach(b, router, peter, NULL);
  blocking_send(peter, "message");
  blocking_expect(router, "peter|HELLO");
  blocking_expect(router, "peter|message");
  blocking_expect(peter, "WELCOME");
}

/* Behaviour 67. */
static void who_goes_is_told_of(void **state) {
  blocking_t *b = *state;
  void *router, *peter;

  begin(b);
  router = blocking_socket(b, ZMQ_ROUTER);
  peter = dealer(b, "peter");
  blocking_set_text(router, DISCONNECT_MSG, "GONE");
  blocking_attach(b, router, peter, NULL);
  blocking_expect(router, "peter|HELLO");
  blocking_send(peter, "last|words");
  blocking_close(b, peter);
  blocking_expect(router, "peter|last|words");
  blocking_expect(router, "peter|GONE");
  blocking_expect_nothing(router);
}

static void who_disconnects_is_told_of(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *router, *peter;

  begin(b);
  router = blocking_socket(b, ZMQ_ROUTER);
  peter = dealer(b, "peter");
  blocking_set_text(router, DISCONNECT_MSG, "GONE");
  blocking_attach(b, router, peter, endpoint);
  blocking_expect(router, "peter|HELLO");
  blocking_expect_ok(zmq_disconnect(peter, endpoint));
  blocking_expect(router, "peter|GONE");
}

/* Behaviour 67. */
static void a_server_that_goes_is_told_of(void **state) {
  blocking_t *b = *state;
  void *router, *peter;

  begin(b);
  router = blocking_socket(b, ZMQ_ROUTER);
  peter = dealer(b, "peter");
  blocking_set_text(peter, HICCUP_MSG, "HICCUP");
  blocking_attach(b, router, peter, NULL);
  blocking_expect(router, "peter|HELLO");
  blocking_close(b, router);
  if (blocking_is_inproc())
    blocking_expect_nothing(peter);
  else
    blocking_expect(peter, "HICCUP");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(both_say_hello),
      blocking_test(who_goes_is_told_of),
      blocking_test(who_disconnects_is_told_of),
      blocking_test(a_server_that_goes_is_told_of),
  };
  int failed = 0;

  if (!blocking_take_arguments(argc, argv))
    return 2;
  for (threads = 1; threads <= 2; threads++)
    failed += cmocka_run_group_tests(tests, NULL, NULL);
  return failed;
}
