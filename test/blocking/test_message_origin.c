/* What a received message tells of its content and of where it came from. */
#include "support/blocking.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Receives one part into `message`, which is initialised by this. */
static void receive(void *socket, zmq_msg_t *message) {
  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_expect_ok(zmq_msg_init(message));
  assert_true(zmq_msg_recv(message, socket, 0) >= 0);
}

/* ---- Shared content ---- */

static void copies_of_long_messages_share_their_content(void **state) {
  zmq_msg_t message;
  zmq_msg_t copy;

  /* Behaviour 9. */
  (void)state;
  blocking_expect_ok(zmq_msg_init_size(&message, 1000));
  blocking_expect_ok(zmq_msg_init(&copy));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 1);
  assert_int_equal(zmq_msg_get(&copy, ZMQ_SHARED), 1);
  assert_ptr_equal(zmq_msg_data(&message), zmq_msg_data(&copy));
  blocking_expect_ok(zmq_msg_close(&copy));
  blocking_expect_ok(zmq_msg_close(&message));
}

static void copies_of_short_messages_are_apart(void **state) {
  zmq_msg_t message;
  zmq_msg_t copy;

  /* Behaviour 9. */
  (void)state;
  blocking_expect_ok(zmq_msg_init_size(&message, 10));
  blocking_expect_ok(zmq_msg_init(&copy));
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
  assert_int_equal(zmq_msg_get(&copy, ZMQ_SHARED), 0);
  assert_ptr_not_equal(zmq_msg_data(&message), zmq_msg_data(&copy));
  blocking_expect_ok(zmq_msg_close(&copy));
  blocking_expect_ok(zmq_msg_close(&message));
}

static void constant_data_crosses_inproc_shared(void **state) {
  static const char data[1000] = "constant";
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 10. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_send_const(push, data, sizeof(data), 0), sizeof(data));
  receive(pull, &message);
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 1);
  assert_ptr_equal(zmq_msg_data(&message), data);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void shared_content_crosses_inproc_uncopied(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  zmq_msg_t copy;
  zmq_msg_t received;
  void *pull;
  void *push;

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 11. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_expect_ok(zmq_msg_init_size(&message, 1000));
  blocking_expect_ok(zmq_msg_init(&copy));
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  assert_int_equal(zmq_msg_send(&copy, push, 0), 1000);
  receive(pull, &received);
  assert_int_equal(zmq_msg_get(&received, ZMQ_SHARED), 1);
  assert_ptr_equal(zmq_msg_data(&received), zmq_msg_data(&message));
  blocking_expect_ok(zmq_msg_close(&received));
  blocking_expect_ok(zmq_msg_close(&message));
}

/* ---- Properties ---- */

static void unknown_properties_are_refused(void **state) {
  zmq_msg_t message;

  (void)state;
  blocking_expect_ok(zmq_msg_init(&message));
  blocking_expect_errno(zmq_msg_get(&message, 0), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, 4), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, -1), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  blocking_expect_errno(zmq_msg_set(&message, ZMQ_MORE, 1), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Address"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void the_descriptor_of_a_connection_is_told(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  char own[BLOCKING_TEXT_MAX];
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  zmq_msg_t message;
  struct stat status;
  int fd;

  blocking_attach(b, pull, push, endpoint);
  blocking_send(push, "x");
  receive(pull, &message);
  if (blocking_is_inproc()) {
    blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  } else {
    fd = zmq_msg_get(&message, ZMQ_SRCFD);
    blocking_expect_ok(fstat(fd, &status));
    assert_true(S_ISSOCK(status.st_mode));
  }
  if (blocking_is_tcp()) {
    fd = zmq_msg_get(&message, ZMQ_SRCFD);
    blocking_expect_ok(getsockname(fd, (struct sockaddr *)&address, &size));
    snprintf(own, sizeof(own), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    assert_string_equal(own, endpoint);
  }
  blocking_expect_ok(zmq_msg_close(&message));
}

/* ---- Metadata ---- */

static void expect_property(zmq_msg_t *message, const char *name,
                            const char *expected) {
  const char *value = zmq_msg_gets(message, name);

  if (value == NULL)
    fail_msg("no %s", name);
  assert_string_equal(value, expected);
}

static void expect_address(zmq_msg_t *message) {
  char expected[BLOCKING_TEXT_MAX] = "127.0.0.1";

  if (!blocking_is_tcp())
    snprintf(expected, sizeof(expected), "localhost:%d:%d:%d", (int)getuid(),
             (int)getgid(), (int)getpid());
  expect_property(message, "Peer-Address", expected);
}

static void the_peer_is_told(void **state) {
  blocking_t *b = *state;
  void *router = blocking_socket(b, ZMQ_ROUTER);
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  zmq_msg_t message;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 175: on every part, also the one the socket adds. */
  blocking_set_text(dealer, ZMQ_ROUTING_ID, "the-dealer");
  blocking_join(b, router, dealer, NULL);
  blocking_send(dealer, "a|b");
  for (int i = 0; i < 3; i++) {
    receive(router, &message);
    expect_address(&message);
    expect_property(&message, "Socket-Type", "DEALER");
    expect_property(&message, "Identity", "the-dealer");
    assert_int_equal(zmq_msg_more(&message), i < 2);
    blocking_expect_ok(zmq_msg_close(&message));
  }
  blocking_send(router, "the-dealer|back");
  receive(dealer, &message);
  expect_address(&message);
  expect_property(&message, "Socket-Type", "ROUTER");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void the_peer_is_told_with_its_routing_id_after_a_poll(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *router;
  void *dealer;

  if (blocking_is_inproc() || !blocking_is_zuv())
    skip();
  /* Behaviour 175: libzmq forgets it when it has looked for the part before. */
  blocking_pair(b, ZMQ_ROUTER, ZMQ_DEALER, &router, &dealer);
  blocking_send(dealer, "a");
  blocking_wait_events(router, ZMQ_POLLIN);
  receive(router, &message);
  expect_address(&message);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void every_type_of_peer_is_told(void **state) {
  static const struct {
    int bind_type;
    int connect_type;
    const char *name;
    bool is_publisher;
  } cases[] = {{ZMQ_PULL, ZMQ_PUSH, "PUSH", false},
               {ZMQ_REP, ZMQ_REQ, "REQ", false},
               {ZMQ_PAIR, ZMQ_PAIR, "PAIR", false},
               {ZMQ_SUB, ZMQ_PUB, "PUB", true},
               {ZMQ_XSUB, ZMQ_XPUB, "XPUB", true},
               {ZMQ_DEALER, ZMQ_DEALER, "DEALER", false},
               {ZMQ_REP, ZMQ_DEALER, "DEALER", false}};
  blocking_t *b = *state;
  zmq_msg_t message;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 175. */
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    void *binder = blocking_socket(b, cases[i].bind_type);
    void *connecter = blocking_socket(b, cases[i].connect_type);
    if (cases[i].bind_type == ZMQ_SUB)
      blocking_set_text(binder, ZMQ_SUBSCRIBE, "");
    blocking_join(b, binder, connecter, NULL);
    if (cases[i].bind_type == ZMQ_XSUB)
      blocking_send(binder, "\\x01");
    blocking_send(connecter, "|x");
    /* what is published before the subscription came is lost */
    while (cases[i].is_publisher &&
           (blocking_events(binder) & ZMQ_POLLIN) == 0) {
      blocking_settle();
      blocking_send(connecter, "|x");
    }
    receive(binder, &message);
    expect_address(&message);
    expect_property(&message, "Socket-Type", cases[i].name);
    blocking_expect_ok(zmq_msg_close(&message));
  }
}

static void names_of_metadata_are_exact(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  /* Behaviour 175. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "x");
  receive(pull, &message);
  blocking_expect_errno(zmq_msg_gets(&message, "peer-address"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Addres"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "User-Id"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, ""), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void the_routing_id_has_a_second_name(void **state) {
  blocking_t *b = *state;
  void *router = blocking_socket(b, ZMQ_ROUTER);
  void *dealer = blocking_socket(b, ZMQ_DEALER);
  zmq_msg_t message;

  if (blocking_is_inproc() || !blocking_is_zuv())
    skip();
  /* Behaviour 175. */
  blocking_set_text(dealer, ZMQ_ROUTING_ID, "the-dealer");
  blocking_join(b, router, dealer, NULL);
  blocking_send(dealer, "a");
  receive(router, &message);
  expect_property(&message, "Routing-Id", "the-dealer");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void inproc_messages_have_no_metadata(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *pull;
  void *push;

  if (!blocking_is_inproc())
    skip();
  /* Behaviour 175. */
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "x");
  receive(pull, &message);
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Address"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "Socket-Type"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "Identity"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void metadata_lives_as_long_as_its_messages(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  zmq_msg_t copy;
  zmq_msg_t moved;
  void *pull;
  void *push;

  if (blocking_is_inproc())
    skip();
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "x");
  receive(pull, &message);
  blocking_expect_ok(zmq_msg_init(&copy));
  blocking_expect_ok(zmq_msg_init(&moved));
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  blocking_expect_ok(zmq_msg_move(&moved, &message));
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Address"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
  blocking_end(b);
  expect_address(&copy);
  blocking_expect_ok(zmq_msg_close(&copy));
  expect_address(&moved);
  expect_property(&moved, "Socket-Type", "PUSH");
  blocking_expect_ok(zmq_msg_close(&moved));
}

static void metadata_is_not_sent_on(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *last = blocking_socket(b, ZMQ_PAIR);
  void *relay = blocking_socket(b, ZMQ_PAIR);
  zmq_msg_t message;

  blocking_join(b, pull, push, NULL);
  blocking_bind_to(last, "inproc://last");
  blocking_connect(relay, "inproc://last");
  blocking_send(push, "x");
  receive(pull, &message);
  assert_int_equal(zmq_msg_send(&message, relay, 0), 1);
  receive(last, &message);
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Address"), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_stream_message_tells_its_address_only(void **state) {
  blocking_t *b = *state;
  void *stream = blocking_socket(b, ZMQ_STREAM);
  void *client = blocking_socket(b, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  zmq_msg_t message;

  if (!blocking_is_tcp())
    skip();
  /* Behaviour 175. */
  blocking_attach(b, stream, client, endpoint);
  receive(stream, &message);
  expect_address(&message);
  blocking_expect_errno(zmq_msg_gets(&message, "Socket-Type"), EINVAL);
  blocking_expect_errno(zmq_msg_gets(&message, "Identity"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(copies_of_long_messages_share_their_content),
      blocking_test(copies_of_short_messages_are_apart),
      blocking_test(constant_data_crosses_inproc_shared),
      blocking_test(shared_content_crosses_inproc_uncopied),
      blocking_test(unknown_properties_are_refused),
      blocking_test(the_descriptor_of_a_connection_is_told),
      blocking_test(the_peer_is_told),
      blocking_test(the_peer_is_told_with_its_routing_id_after_a_poll),
      blocking_test(every_type_of_peer_is_told),
      blocking_test(names_of_metadata_are_exact),
      blocking_test(the_routing_id_has_a_second_name),
      blocking_test(inproc_messages_have_no_metadata),
      blocking_test(metadata_lives_as_long_as_its_messages),
      blocking_test(metadata_is_not_sent_on),
      blocking_test(a_stream_message_tells_its_address_only),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
