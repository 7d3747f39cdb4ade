/* ZAP handlers that come and go, and sockets that go while their request is
 * with a handler. */
#include "support/blocked.h"
#include "support/secured.h"
#include "support/zap_handler.h"

enum { HANDSHAKE_MS = 400 /* for handshakes that may never end */ };

typedef void make_fn(blocking_t *b, secured_pair_t *pair);

static void make_null_in_domain(blocking_t *b, secured_pair_t *pair) {
  secured_make(b, pair, ZMQ_PAIR, ZMQ_PAIR);
  blocking_set_text(pair->server, ZMQ_ZAP_DOMAIN, "domain");
}

/* What there is to ask about. */
static make_fn *const kinds[] = {make_null_in_domain, secured_make_plain,
                                 secured_make_curve};
enum { KINDS = 3 };

/* A library may end a connection only while all that takes part is called. */
static bool has_lost(void *monitor, void *handler, void *server) {
  blocking_events(handler);
  if (server != NULL)
    blocking_events(server);
  return blocking_next_event(monitor, NULL, NULL, 0) == ZMQ_EVENT_DISCONNECTED;
}

/* ---- The handler ---- */

/* Behaviours 163, 164: it is asked from then on. */
static void test_bound_after_the_server(void **state) {
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  zap_request_t request;
  void *handler;
  void *client;

  blocking_set_text(server, ZMQ_ZAP_DOMAIN, "domain");
  blocking_bind(b, server, endpoint);
  client = blocking_socket(b, ZMQ_PUSH);
  blocking_connect(client, endpoint);
  blocking_send(client, "without");
  blocking_expect(server, "without");
  handler = zap_handler(b, ZMQ_REP);
  client = blocking_socket(b, ZMQ_PUSH);
  blocking_connect(client, endpoint);
  blocking_send(client, "with");
  zap_take(handler, &request);
  blocking_expect_nothing(server);
  zap_answer(handler, &request, "200", "", "");
  blocking_expect(server, "with");
}

/* Behaviour 162: without it PLAIN lets nobody in any more; who is in stays. */
static void test_gone_for_good(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  void *late = blocking_socket(b, ZMQ_REQ);
  void *monitor = blocking_monitor(b, late, ZMQ_EVENT_ALL);
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_REP, ZMQ_REQ);
  secured_plain_server(pair.server);
  secured_plain_client(pair.client, "admin", "secret");
  secured_plain_client(late, "admin", "secret");
  blocking_set(late, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
  secured_connect(b, &pair);
  zap_serve(handler, "200");
  secured_expect_success(&pair);
  zap_close(b, handler);
  secured_expect_traffic(&pair);
  blocking_connect(late, pair.endpoint);
  secured_wait_refused(monitor, ZMQ_EVENT_CONNECT_RETRIED);
  /* closing may take its time, and what is asked meanwhile as well */
  while (secured_wait_refused(pair.of_server,
                              ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) != EFAULT)
    continue;
  secured_expect_traffic(&pair);
}

/* The next one takes over. */
static void test_one_after_the_other(void **state) {
  blocking_t *b = *state;
  void *server = blocking_socket(b, ZMQ_PULL);
  void *handler;
  void *client;
  char endpoint[BLOCKING_TEXT_MAX];

  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < 4; i++) {
    handler = zap_handler(b, i % 2 == 0 ? ZMQ_REP : ZMQ_ROUTER);
    client = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(client, "admin", "secret");
    blocking_connect(client, endpoint);
    blocking_send(client, "in");
    zap_serve(handler, "200");
    blocking_expect(server, "in");
    zap_close(b, handler);
  }
}

/* Behaviour 171: the question dies with the handler, and may be asked anew. */
static void test_closed_while_it_is_asked(void **state) {
  blocking_t *b = *state;
  zap_request_t request;
  secured_pair_t pair;
  void *handler;

  for (int kind = 0; kind < KINDS; kind++) {
    handler = zap_handler(b, ZMQ_REP);
    kinds[kind](b, &pair);
    blocking_set_text(pair.server, ZMQ_ZAP_DOMAIN, "domain");
    blocking_set(pair.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    secured_connect(b, &pair);
    zap_take(handler, &request);
    zap_close(b, handler);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
    secured_wait_refused(pair.of_client, ZMQ_EVENT_CONNECT_RETRIED);
    secured_expect_never(&pair);
    handler = zap_handler(b, ZMQ_REP);
    zap_serve(handler, "200");
    secured_expect_traffic(&pair);
    secured_close(b, &pair);
    zap_close(b, handler);
  }
}

/* Only REP and ROUTER can answer. Better than libzmq, which ends the process.
 */
static void test_something_else_at_its_endpoint(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;

  if (!blocking_is_zuv())
    skip();
  zap_handler(b, ZMQ_PULL);
  secured_make_plain(b, &pair);
  blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
  secured_connect(b, &pair);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_CONNECT_RETRIED);
  secured_expect_never(&pair);
}

/* Handlers of another context are none. */
static void test_a_handler_of_another_context(void **state) {
  blocking_t *b = *state;
  void *other = zmq_ctx_new();
  void *handler = zmq_socket(other, ZMQ_REP);
  secured_pair_t pair;

  blocking_bind_to(handler, ZAP_ENDPOINT);
  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                         EFAULT);
  secured_expect_loss(pair.of_client);
  blocking_expect_ok(zmq_close(handler));
  blocking_expect_ok(zmq_ctx_term(other));
}

/* ---- Those who wait ---- */

/* Behaviour 171: the answer has nobody to go to. */
static void test_the_client_goes(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  void *server = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, server, ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];
  zap_request_t request;
  void *client;

  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < 3; i++) {
    client = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(client, "admin", "secret");
    blocking_set(client, ZMQ_LINGER, 0);
    blocking_connect(client, endpoint);
    zap_take(handler, &request);
    blocking_close(b, client);
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
    zap_answer(handler, &request, i == 0 ? "200" : "400", "", "");
  }
  client = blocking_socket(b, ZMQ_PUSH);
  secured_plain_client(client, "admin", "secret");
  blocking_connect(client, endpoint);
  blocking_send(client, "in");
  zap_serve(handler, "200");
  blocking_expect(server, "in");
}

/* As above, for the server's end. */
static void test_the_server_goes(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  zap_request_t request;
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    secured_connect(b, &pair);
    zap_take(handler, &request);
    blocking_close(b, pair.server);
    blocking_wait(has_lost(pair.of_client, handler, NULL));
    zap_answer(handler, &request, "200", "", "");
    blocking_close(b, pair.client);
  }
}

static void test_the_endpoint_goes(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  zap_request_t request;
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  blocking_expect_ok(zmq_unbind(pair.server, pair.endpoint));
  blocking_wait(has_lost(pair.of_client, handler, pair.server));
  zap_answer(handler, &request, "200", "", "");
  blocking_expect_nothing(pair.server);
}

/* ---- The end of the context ---- */

static int terminate(void *context) {
  return zmq_ctx_term(context);
}

/* Terminates in a thread, while this one closes what there is. */
static void expect_end(blocking_t *b) {
  static blocked_t thread;
  const int linger = 0;

  blocked_start(&thread, terminate, b->context);
  for (size_t i = 0; i < b->socket_count; i++) {
    zmq_setsockopt(b->sockets[i], ZMQ_LINGER, &linger, sizeof(linger));
    zmq_close(b->sockets[i]);
  }
  b->socket_count = 0;
  blocked_expect_ok(&thread);
  b->context = zmq_ctx_new();
  assert_non_null(b->context);
}

/* Whatever has become of the request. */
static void test_the_end_while_it_is_asked(void **state) {
  blocking_t *b = *state;
  zap_request_t request;
  secured_pair_t pair;
  void *handler;

  for (int kind = 0; kind < KINDS; kind++) {
    for (int stage = 0; stage < 3; stage++) {
      handler = zap_handler(b, stage == 0 ? ZMQ_REP : ZMQ_ROUTER);
      kinds[kind](b, &pair);
      secured_connect(b, &pair);
      if (stage == 0)
        blocking_wait_events(handler, ZMQ_POLLIN);
      else
        zap_take(handler, &request);
      if (stage == 2)
        zap_answer(handler, &request, "200", "", "");
      expect_end(b);
    }
  }
}

/* Many ask, and the handler goes first. */
static void test_the_end_while_many_ask(void **state) {
  enum { CLIENTS = 20 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  void *server = blocking_socket(b, ZMQ_PULL);
  void *client;
  char endpoint[BLOCKING_TEXT_MAX];

  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < CLIENTS; i++) {
    client = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(client, "admin", "secret");
    blocking_connect(client, endpoint);
  }
  blocking_wait_events(handler, ZMQ_POLLIN);
  expect_end(b);
}

/* A handler in a thread of its own ends with the context. */
static void test_the_end_of_a_thread(void **state) {
  blocking_t *b = *state;
  zap_thread_t *thread = zap_thread_start(b, zap_allow_all, NULL);
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  secured_expect_traffic(&pair);
  assert_int_equal(zap_thread_count(thread), 1);
  expect_end(b);
  zap_thread_join(thread);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_bound_after_the_server),
      blocking_test(test_gone_for_good),
      blocking_test(test_one_after_the_other),
      blocking_test(test_closed_while_it_is_asked),
      blocking_test(test_something_else_at_its_endpoint),
      blocking_test(test_a_handler_of_another_context),
      blocking_test(test_the_client_goes),
      blocking_test(test_the_server_goes),
      blocking_test(test_the_endpoint_goes),
      blocking_test(test_the_end_while_it_is_asked),
      blocking_test(test_the_end_while_many_ask),
      blocking_test(test_the_end_of_a_thread),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security zap life", tests, NULL, NULL);
}
