/* ZAP: when a handler is asked, what it is asked, and what its answer does. */
#include <unistd.h>

#include "support/secured.h"
#include "support/zap_handler.h"

#ifndef ZMQ_METADATA
#define ZMQ_METADATA 95 /* a draft name, in any libzmq */
#endif

enum { HANDSHAKE_MS = 400 /* for handshakes that never end */ };

typedef void make_fn(blocking_t *b, secured_pair_t *pair);

static void make_null(blocking_t *b, secured_pair_t *pair) {
  secured_make(b, pair, ZMQ_PAIR, ZMQ_PAIR);
}

/* NULL that asks. */
static void make_null_in_domain(blocking_t *b, secured_pair_t *pair) {
  make_null(b, pair);
  blocking_set_text(pair->server, ZMQ_ZAP_DOMAIN, "domain");
}

/* What there is to ask about. */
static make_fn *const kinds[] = {make_null_in_domain, secured_make_plain,
                                 secured_make_curve};
static const char *const mechanisms[] = {"NULL", "PLAIN", "CURVE"};
enum { KINDS = 3, OF_NULL = 0, OF_PLAIN = 1, OF_CURVE = 2 };

/* What the handler is shown of a client, NULL: nothing. */
static const char *credentials(int kind, void *client) {
  static char text[ZAP_TEXT_MAX];
  char key[SECURED_KEY_TEXT];
  size_t size = sizeof(key);

  if (kind == OF_NULL)
    return NULL;
  if (kind == OF_PLAIN)
    return "admin|secret";
  blocking_expect_ok(zmq_getsockopt(client, ZMQ_CURVE_PUBLICKEY, key, &size));
  zap_key_text(key, text);
  return text;
}

/* ---- When it is asked ---- */

/* Behaviour 163. */
static void test_curve_without_a_handler(void **state) {
  secured_pair_t pair;

  secured_make_curve(*state, &pair);
  secured_connect(*state, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Behaviour 163. */
static void test_curve_in_a_domain_without_a_handler(void **state) {
  secured_pair_t pair;

  secured_make_curve(*state, &pair);
  blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "domain");
  secured_connect(*state, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Behaviour 164. */
static void test_null_without_a_domain(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  make_null(b, &pair);
  blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
  zap_expect_nothing(handler);
}

/* Behaviour 164. */
static void test_null_in_a_domain(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  make_null_in_domain(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "domain", "", "NULL", NULL);
  blocking_send(pair.client, "early");
  blocking_expect_nothing(pair.server);
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(&pair);
  blocking_expect(pair.server, "early");
}

/* Behaviour 164. */
static void test_null_in_a_domain_without_a_handler(void **state) {
  secured_pair_t pair;

  make_null_in_domain(*state, &pair);
  secured_connect(*state, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Behaviour 164: whichever side of NULL has a domain asks. */
static void test_null_of_the_connecting_side(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  make_null(b, &pair);
  blocking_set_text(pair.client, ZMQ_ZAP_DOMAIN, "of client");
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "of client", "", "NULL", NULL);
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
}

/* Clients of PLAIN and CURVE ask nobody. */
static void test_clients_do_not_ask(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  for (int kind = OF_PLAIN; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    blocking_set_text(pair.client, ZMQ_ZAP_DOMAIN, "of client");
    secured_connect(b, &pair);
    zap_take(handler, &request);
    zap_expect_request(&request, "", "", mechanisms[kind],
                       credentials(kind, pair.client));
    zap_answer(handler, &request, "200", "", "");
    secured_expect_success(&pair);
    zap_expect_nothing(handler);
    secured_close(b, &pair);
  }
}

/* Behaviour 165. */
static void test_enforced_without_a_handler(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "domain");
    blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    if (!blocking_is_zuv()) /* which leaves it to the timer */
      blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    secured_connect(b, &pair);
    assert_int_equal(secured_wait_refused(pair.of_server,
                                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL),
                     EFAULT);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
    secured_wait_refused(pair.of_client, ZMQ_EVENT_CONNECT_RETRIED);
    secured_expect_never(&pair);
    blocking_expect_nothing(pair.server);
    secured_close(b, &pair);
  }
}

/* Behaviour 165. */
static void test_enforced_with_a_handler(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "domain");
    blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    secured_connect(b, &pair);
    zap_serve(handler, "200");
    secured_expect_success(&pair);
    secured_expect_traffic(&pair);
    secured_close(b, &pair);
  }
}

/* Behaviour 165: CURVE that enforces domains, and has none, does not ask. */
static void test_curve_enforced_without_a_domain(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  secured_make_curve(b, &pair);
  blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
  zap_expect_nothing(handler);
}

/* ---- What it is asked ---- */

static const int handler_types[] = {ZMQ_REP, ZMQ_ROUTER};

/* The address is in zap_head(). The routing id is the asking socket's own, as
 * libzmq has it, not the peer's as in RFC 27. */
static void test_requests(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  zap_request_t request;

  for (size_t i = 0; i < 2; i++) {
    void *handler = zap_handler(b, handler_types[i]);
    for (int kind = 0; kind < KINDS; kind++) {
      kinds[kind](b, &pair);
      blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "a domain");
      blocking_set_text(pair.server, ZMQ_ROUTING_ID, "of server");
      secured_connect(b, &pair);
      zap_take(handler, &request);
      zap_expect_request(&request, "a domain", "of server", mechanisms[kind],
                         credentials(kind, pair.client));
      assert_int_equal(request.envelope[0] != '\0',
                       handler_types[i] == ZMQ_ROUTER);
      zap_answer(handler, &request, "200", "", "");
      secured_expect_success(&pair);
      secured_expect_traffic(&pair);
      secured_close(b, &pair);
    }
    zap_close(b, handler);
  }
}

static void test_a_domain_of_any_bytes(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  make_null(b, &pair);
  blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "a|\xff|b");
  blocking_expect_ok(
      zmq_setsockopt(pair.server, ZMQ_ROUTING_ID, "\1\0|\xfe", 4));
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_expect_request(&request, "a\\x7c\\xff\\x7cb", "\\x01\\x00\\x7c\\xfe",
                     "NULL", NULL);
  zap_answer(handler, &request, "200", "", "");
  secured_expect_success(&pair);
}

/* The same client asks again after it lost its server. */
static void test_every_connection_asks(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  blocking_fresh_endpoint(b, pair.endpoint);
  blocking_connect(pair.client, pair.endpoint);
  for (int i = 0; i < 3; i++) {
    blocking_wait(zmq_bind(pair.server, pair.endpoint) == 0);
    zap_serve(handler, "200");
    blocking_wait_monitor(pair.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    blocking_set(pair.server, ZMQ_LINGER, 0);
    blocking_close(b, pair.server);
    pair.server = blocking_socket(b, ZMQ_PAIR);
    secured_plain_server(pair.server);
  }
}

/* ---- What a good answer does ---- */

static void expect_property(zmq_msg_t *part, const char *name,
                            const char *value) {
  const char *told = zmq_msg_gets(part, name);

  if (value == NULL) {
    assert_null(told);
    return;
  }
  assert_non_null(told);
  assert_string_equal(told, value);
}

/* Requires these of every part of the next message. */
static void expect_properties(void *socket, const char *user_id,
                              const char *colour) {
  zmq_msg_t part;
  int more = 1;
  int parts = 0;

  blocking_wait_events(socket, ZMQ_POLLIN);
  for (; more; parts++) {
    zmq_msg_init(&part);
    assert_true(zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0);
    more = zmq_msg_more(&part);
    expect_property(&part, "User-Id", user_id);
    expect_property(&part, "Colour", colour);
    expect_property(&part, "colour", NULL);
    expect_property(&part, "Socket-Type", "PAIR");
    zmq_msg_close(&part);
  }
  assert_int_equal(parts, 3);
}

/* Requires it of the next message, of one part. */
static void expect_next_property(void *socket, const char *name,
                                 const char *value) {
  zmq_msg_t part;

  blocking_wait_events(socket, ZMQ_POLLIN);
  zmq_msg_init(&part);
  assert_true(zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0);
  assert_false(zmq_msg_more(&part));
  expect_property(&part, name, value);
  zmq_msg_close(&part);
}

/* Behaviour 166: in every part, and until the connection ends. */
static void test_user_id_and_metadata(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;
  zap_request_t request;

  for (int kind = 0; kind < KINDS; kind++) {
    char metadata[ZAP_TEXT_MAX] = "";
    kinds[kind](b, &pair);
    secured_connect(b, &pair);
    zap_take(handler, &request);
    zap_property(metadata, "Colour", "deep blue");
    zap_property(metadata, "Empty", "");
    zap_answer(handler, &request, "200", "the user", metadata);
    secured_expect_success(&pair);
    for (int i = 0; i < 3; i++) {
      blocking_send(pair.client, "a||c");
      expect_properties(pair.server, "the user", "deep blue");
    }
    blocking_send(pair.server, "a||c");
    expect_properties(pair.client, NULL, NULL);
    secured_close(b, &pair);
  }
}

/* Behaviour 166: the peer cannot say what the handler has said. */
static void test_the_handler_is_believed_first(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  char metadata[ZAP_TEXT_MAX] = "";
  secured_pair_t pair;
  zap_request_t request;

  secured_make_curve(b, &pair);
  assert_int_equal(
      zmq_setsockopt(pair.client, ZMQ_METADATA, "X-Rank:admin", 12), 0);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_property(metadata, "X-Rank", "guest");
  zap_answer(handler, &request, "200", "user", metadata);
  secured_expect_success(&pair);
  blocking_send(pair.client, "");
  expect_next_property(pair.server, "X-Rank", "guest");
}

/* Behaviour 166: each peer has its own. */
static void test_users_of_one_socket(void **state) {
  enum { USERS = 5 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  void *server = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char user[32];
  zap_request_t request;
  void *clients[USERS];

  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < USERS; i++) {
    snprintf(user, sizeof(user), "user %d", i);
    clients[i] = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(clients[i], user, "secret");
    blocking_connect(clients[i], endpoint);
    zap_take(handler, &request);
    zap_answer(handler, &request, "200", user, "");
  }
  for (int i = USERS - 1; i >= 0; i--) {
    snprintf(user, sizeof(user), "user %d", i);
    blocking_send(clients[i], user);
    expect_next_property(server, "User-Id", user);
  }
}

/* ---- What a refusal does ---- */

static void say_status(const zap_request_t *request, char *reply,
                       void *status) {
  (void)request;
  snprintf(reply, ZAP_TEXT_MAX, "1.0|1|%s|text||", (const char *)status);
}

/* Requires that the client is told so, and takes it for the last word. */
static void expect_refused(void *of_client, uint32_t code) {
  secured_expect_failure(of_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, code);
  secured_expect_given_up(of_client);
}

/* With libzmq and NULL, the client's READY may find the connection gone, and
 * then the client has not heard of the refusal and comes again. */
static void refuse(blocking_t *b, char *status, uint32_t code) {
  zap_thread_t *thread = zap_thread_start(b, say_status, status);
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    secured_connect(b, &pair);
    blocking_try_send(pair.client, "early", ZMQ_DONTWAIT);
    assert_int_equal(
        secured_wait_refused(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
        code);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
    if (kind == OF_NULL && !blocking_is_zuv())
      assert_int_equal(
          secured_wait_refused(pair.of_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
          code);
    else
      expect_refused(pair.of_client, code);
    blocking_expect_nothing(pair.server);
    secured_close(b, &pair);
  }
  zap_thread_end(thread);
}

static char not_allowed[] = "400";
static char out_of_order[] = "500";

/* Behaviour 168. */
static void test_refused(void **state) {
  refuse(*state, not_allowed, 400);
}

/* Behaviour 168. */
static void test_an_error_of_the_handler(void **state) {
  refuse(*state, out_of_order, 500);
}

/* Behaviour 169. */
static void test_refused_for_a_while(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    if (!blocking_is_zuv()) /* which leaves it to the timer */
      blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    secured_connect(b, &pair);
    zap_serve(handler, "300");
    assert_int_equal(
        secured_wait_refused(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
        300);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
    secured_expect_loss(pair.of_client);
    zap_serve(handler, "200");
    blocking_wait_monitor(pair.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    secured_expect_traffic(&pair);
    secured_close(b, &pair);
  }
}

/* Behaviour 168: the others of the socket do not notice. */
static void test_one_of_two_is_refused(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  void *refused = blocking_socket(b, ZMQ_DEALER);
  void *monitor = blocking_monitor(b, refused, ZMQ_EVENT_ALL);
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_REP, ZMQ_REQ);
  secured_plain_server(pair.server);
  secured_plain_client(pair.client, "admin", "secret");
  secured_plain_client(refused, "admin", "guess");
  secured_connect(b, &pair);
  zap_serve(handler, "200");
  secured_expect_success(&pair);
  blocking_connect(refused, pair.endpoint);
  zap_serve(handler, "400");
  assert_int_equal(
      secured_wait_refused(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH), 400);
  secured_expect_traffic(&pair);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_curve_without_a_handler),
      blocking_test(test_curve_in_a_domain_without_a_handler),
      blocking_test(test_null_without_a_domain),
      blocking_test(test_null_in_a_domain),
      blocking_test(test_null_in_a_domain_without_a_handler),
      blocking_test(test_null_of_the_connecting_side),
      blocking_test(test_clients_do_not_ask),
      blocking_test(test_enforced_without_a_handler),
      blocking_test(test_enforced_with_a_handler),
      blocking_test(test_curve_enforced_without_a_domain),
      blocking_test(test_requests),
      blocking_test(test_a_domain_of_any_bytes),
      blocking_test(test_every_connection_asks),
      blocking_test(test_user_id_and_metadata),
      blocking_test(test_the_handler_is_believed_first),
      blocking_test(test_users_of_one_socket),
      blocking_test(test_refused),
      blocking_test(test_an_error_of_the_handler),
      blocking_test(test_refused_for_a_while),
      blocking_test(test_one_of_two_is_refused),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security zap", tests, NULL, NULL);
}
