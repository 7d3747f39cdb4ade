/* ZMQ_METADATA: what it takes, and where peers read it. */
#include "support/blocking.h"
#include "support/secured.h"
#include "support/zap_handler.h"

/* In zmq.h it is a draft name, the option is not. */
enum { METADATA = 95, LARGE = 15 * 1024 };

static int set(void *socket, const char *text) {
  return zmq_setsockopt(socket, METADATA, text, strlen(text));
}

static void receive(void *socket, zmq_msg_t *message) {
  blocking_expect_ok(zmq_msg_init(message));
  assert_true(zmq_msg_recv(message, socket, 0) >= 0);
}

static void expect_property(zmq_msg_t *message, const char *name,
                            const char *expected) {
  const char *value = zmq_msg_gets(message, name);

  assert_non_null(value);
  assert_string_equal(value, expected);
}

static void expect_none(zmq_msg_t *message, const char *name) {
  blocking_expect_errno(zmq_msg_gets(message, name), EINVAL);
}

/* Behaviour 176. */
static void only_its_form_is_taken(void **state) {
  static const char *const bad[] = {"X-a",        "X-a:",    ":value",
                                    "X:value",    "x-a:val", "a:value",
                                    "name:X-a:b", ""};
  blocking_t *b = *state;
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  char text[300];
  size_t size = sizeof(text);

  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    blocking_expect_errno(set(dealer, bad[i]), EINVAL);
  blocking_expect_errno(zmq_setsockopt(dealer, METADATA, NULL, 0), EINVAL);
  memset(text, 'n', sizeof(text));
  memcpy(text, "X-", 2);
  text[256] = ':';
  blocking_expect_errno(zmq_setsockopt(dealer, METADATA, text, size), EINVAL);
  text[255] = ':';
  blocking_expect_ok(zmq_setsockopt(dealer, METADATA, text, size));
  blocking_expect_errno(zmq_getsockopt(dealer, METADATA, text, &size), EINVAL);
  /* libzmq refuses whatever has four octets. */
  if (blocking_is_zuv())
    blocking_expect_ok(set(dealer, "X-:b"));
}

/* Behaviours 175, 176. */
static void a_peer_reads_it_on_every_part(void **state) {
  blocking_t *b = *state;
  void *router = blocking_socket(b, ZMQ_ROUTER);
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  zmq_msg_t message;

  blocking_expect_ok(set(dealer, "X-foo:bar"));
  blocking_expect_ok(set(dealer, "X-foo:second"));
  blocking_expect_ok(set(dealer, "X-Foo:other"));
  blocking_expect_ok(set(dealer, "X-colons:a:b:"));
  blocking_expect_ok(zmq_setsockopt(dealer, METADATA, "X-nul:ab\0cd", 11));
  blocking_expect_ok(set(router, "X-side:router"));
  blocking_join(b, router, dealer, NULL);
  blocking_send(dealer, "a|b");
  for (int i = 0; i < 3; i++) {
    receive(router, &message);
    if (blocking_is_inproc()) {
      expect_none(&message, "X-foo");
    } else {
      expect_property(&message, "X-foo", "bar");
      expect_property(&message, "X-Foo", "other");
      expect_property(&message, "X-colons", "a:b:");
      expect_property(&message, "X-nul", "ab");
      expect_property(&message, "Socket-Type", "DEALER");
      expect_none(&message, "x-foo");
      expect_none(&message, "X-fo");
      expect_none(&message, "X-side");
    }
    if (i == 0) {
      assert_true(zmq_msg_more(&message));
      assert_int_equal(zmq_msg_send(&message, router, ZMQ_SNDMORE), 5);
    }
    blocking_expect_ok(zmq_msg_close(&message));
  }
  blocking_send(router, "back");
  receive(dealer, &message);
  if (blocking_is_inproc())
    expect_none(&message, "X-side");
  else
    expect_property(&message, "X-side", "router");
  blocking_expect_ok(zmq_msg_close(&message));
}

/* An option for the next bind or connect. */
static void it_is_that_of_the_bind(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  zmq_msg_t message;

  if (blocking_is_inproc())
    skip();
  blocking_expect_ok(set(push, "X-before:1"));
  blocking_bind(b, push, endpoint);
  blocking_expect_ok(set(push, "X-after:2"));
  blocking_connect(pull, endpoint);
  blocking_send(push, "x");
  receive(pull, &message);
  expect_property(&message, "X-before", "1");
  expect_none(&message, "X-after");
  blocking_expect_ok(zmq_msg_close(&message));
}

/* What only we and our authentication may say. */
static void nobody_can_pretend(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *pull = blocking_socket(b, ZMQ_PULL);
  zmq_msg_t message;

  if (blocking_is_inproc())
    skip();
  blocking_expect_errno(set(push, "User-Id:root"), EINVAL);
  blocking_expect_errno(set(push, "Peer-Address:8.8.8.8"), EINVAL);
  blocking_join(b, pull, push, NULL);
  blocking_send(push, "x");
  receive(pull, &message);
  expect_none(&message, "User-Id");
  blocking_expect_ok(zmq_msg_close(&message));
}

/* The mechanisms have limits of their own. */
static void much_of_it_goes_through_any_mechanism(void **state) {
  static char text[LARGE - 16];
  blocking_t *b = *state;
  zap_thread_t *handler;
  secured_keys_t keys;

  if (blocking_is_inproc())
    skip();
  memset(text, 'v', sizeof(text));
  memcpy(text, "X-large:", 8);
  secured_make_keys(&keys);
  handler = zap_thread_start(b, zap_allow_all, NULL);
  for (int mechanism = ZMQ_NULL; mechanism <= ZMQ_CURVE; mechanism++) {
    void *pull = blocking_socket(b, ZMQ_PULL);
    void *push = blocking_socket(b, ZMQ_PUSH);
    zmq_msg_t message;

    if (mechanism == ZMQ_PLAIN) {
      secured_plain_server(pull);
      secured_plain_client(push, "name", "password");
    } else if (mechanism == ZMQ_CURVE) {
      secured_curve_server(pull, &keys);
      secured_curve_client(push, NULL, keys.public_key);
    }
    blocking_expect_ok(zmq_setsockopt(push, METADATA, text, sizeof(text)));
    blocking_join(b, pull, push, NULL);
    blocking_send(push, "x");
    receive(pull, &message);
    assert_int_equal(strlen(zmq_msg_gets(&message, "X-large")),
                     sizeof(text) - 8);
    blocking_expect_ok(zmq_msg_close(&message));
  }
  zap_thread_end(handler);
}

static void more_than_fits_is_refused(void **state) {
  static char text[LARGE];
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);

  if (!blocking_is_zuv())
    skip();
  memset(text, 'v', sizeof(text));
  memcpy(text, "X-large:", 8);
  blocking_expect_errno(zmq_setsockopt(push, METADATA, text, sizeof(text)),
                        EINVAL);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(only_its_form_is_taken),
      blocking_test(a_peer_reads_it_on_every_part),
      blocking_test(it_is_that_of_the_bind),
      blocking_test(nobody_can_pretend),
      blocking_test(much_of_it_goes_through_any_mechanism),
      blocking_test(more_than_fits_is_refused),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
