/* ZAP handlers that answer badly, late, or not at all. */
#include "support/secured.h"
#include "support/zap_handler.h"

typedef void make_fn(blocking_t *b, secured_pair_t *pair);

static void make_null_in_domain(blocking_t *b, secured_pair_t *pair) {
  secured_make(b, pair, ZMQ_PAIR, ZMQ_PAIR);
  blocking_set_text(pair->server, ZMQ_ZAP_DOMAIN, "domain");
}

/* What there is to ask about. */
static make_fn *const kinds[] = {make_null_in_domain, secured_make_plain,
                                 secured_make_curve};
enum { KINDS = 3 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Replies that are none ---- */

typedef struct {
  const char *reply;
  uint32_t error;
} bad_reply_t;

/* Requires that the server says why, and that a good reply to the next attempt
 * of the client lets it in. */
static void expect_error(blocking_t *b, make_fn *make, void *handler,
                         const bad_reply_t *bad) {
  zap_request_t request;
  secured_pair_t pair;

  make(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_answer_with(handler, &request, bad->reply);
  secured_expect_failure(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         bad->error);
  secured_expect_loss(pair.of_client);
  zap_serve(handler, "200");
  blocking_wait_monitor(pair.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  secured_expect_traffic(&pair);
  secured_close(b, &pair);
}

static void expect_errors(blocking_t *b, make_fn *make, const bad_reply_t *bad,
                          size_t count) {
  void *handler = zap_handler(b, ZMQ_REP);

  for (size_t i = 0; i < count; i++)
    expect_error(b, make, handler, &bad[i]);
}

/* Behaviour 170. */
static void test_one_of_each_kind(void **state) {
  static const bad_reply_t bad[] = {
      {"1.0|1|201|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.1|1|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
      {"1.0|2|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID},
      {"1.0|1|200|text|user", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1|200|text|user|x", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
  };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);

  for (int kind = 0; kind < KINDS; kind++)
    for (size_t i = 0; i < COUNT(bad); i++)
      expect_error(b, kinds[kind], handler, &bad[i]);
}

/* Behaviour 170. */
static void test_status_codes(void **state) {
  static const bad_reply_t bad[] = {
      {"1.0|1||text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|20|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|2000|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|100|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|600|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|401|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|abc|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
      {"1.0|1|\\x00\\x00\\xc8|text|user|",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
  };

  expect_errors(*state, secured_make_plain, bad, COUNT(bad));
}

/* Behaviour 170. */
static void test_versions_and_ids(void **state) {
  static const bad_reply_t bad[] = {
      {"|1|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
      {"1.00|1|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
      {"1|1|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
      {"1.0||200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID},
      {"1.0|11|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID},
      {"1.0|\\x01|200|text|user|", ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID},
  };

  expect_errors(*state, secured_make_plain, bad, COUNT(bad));
}

/* Behaviour 170. */
static void test_counts_of_parts(void **state) {
  static const bad_reply_t bad[] = {
      {"", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1|200", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1|200|text", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1|200|text|user||", ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
      {"1.0|1|200|text|user||more|and|more",
       ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
  };

  expect_errors(*state, secured_make_plain, bad, COUNT(bad));
}

/* Behaviour 170. */
static void test_metadata(void **state) {
  static const bad_reply_t bad[] = {
      {"1.0|1|200|text|user|\\x01", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
      {"1.0|1|200|text|user|\\x01a\\x00\\x00\\x00",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
      {"1.0|1|200|text|user|\\x01a\\x00\\x00\\x00\\x02v",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
      {"1.0|1|200|text|user|\\x01a\\xff\\xff\\xff\\xffv",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
      {"1.0|1|200|text|user|\\x01a\\x00\\x00\\x00\\x01v\\x01",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
  };

  expect_errors(*state, secured_make_plain, bad, COUNT(bad));
}

/* Better than libzmq, which takes a property that ends behind its name or
 * behind the size of its value. */
static void test_metadata_cut_short(void **state) {
  static const bad_reply_t bad[] = {
      {"1.0|1|200|text|user|\\x01a", ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
      {"1.0|1|200|text|user|\\x01a\\x00\\x00\\x00\\x01",
       ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
  };

  if (!blocking_is_zuv())
    skip();
  expect_errors(*state, secured_make_plain, bad, COUNT(bad));
}

/* Behaviour 170: something stands where nothing should. */
static void test_no_delimiter(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  char reply[ZAP_TEXT_MAX];
  zap_request_t request;
  secured_pair_t pair;

  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  snprintf(reply, sizeof(reply), "%sx|1.0|1|200|text|user|", request.envelope);
  blocking_send(handler, reply);
  secured_wait_refused(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
  secured_wait_refused(pair.of_client, ZMQ_EVENT_CONNECT_RETRIED);
  secured_expect_never(&pair);
}

/* The text of a status is for people; the user id has no limit that matters. */
static void test_long_but_good(void **state) {
  enum { LONG = 1000 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  char user[LONG + 1];
  zap_request_t request;
  secured_pair_t pair;
  zmq_msg_t part;

  memset(user, 'u', LONG);
  user[LONG] = '\0';
  secured_make_plain(b, &pair);
  secured_connect(b, &pair);
  zap_take(handler, &request);
  zap_answer(handler, &request, "200", user, "");
  secured_expect_success(&pair);
  blocking_send(pair.client, "");
  blocking_wait_events(pair.server, ZMQ_POLLIN);
  zmq_msg_init(&part);
  assert_int_equal(zmq_msg_recv(&part, pair.server, ZMQ_DONTWAIT), 0);
  assert_string_equal(zmq_msg_gets(&part, "User-Id"), user);
  zmq_msg_close(&part);
}

/* A second reply has nobody to go to. */
static void test_two_replies(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  zap_request_t request;
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    secured_connect(b, &pair);
    zap_take(handler, &request);
    zap_answer(handler, &request, "200", "user", "");
    secured_expect_success(&pair);
    zap_answer(handler, &request, "400", "user", "");
    blocking_settle();
    secured_expect_traffic(&pair);
    secured_close(b, &pair);
  }
}

/* ---- Replies that come late, or never ---- */

/* Behaviour 171. */
static void test_no_reply(void **state) {
  enum { HANDSHAKE_MS = 150 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  secured_pair_t pair;
  uint64_t begin;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    blocking_set(pair.server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    begin = blocking_now_ms();
    secured_connect(b, &pair);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    monitored_expect(pair.of_server, ZMQ_EVENT_DISCONNECTED, NULL);
    secured_expect_passed(begin, HANDSHAKE_MS);
    secured_expect_loss(pair.of_client);
    secured_close(b, &pair);
    blocking_drain(handler);
  }
}

/* Behaviour 171: the client may lose its patience, too. */
static void test_no_reply_for_the_client(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  zap_request_t first;
  secured_pair_t pair;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &pair);
    blocking_set(pair.client, ZMQ_HANDSHAKE_IVL, 300);
    secured_connect(b, &pair);
    zap_take(handler, &first);
    secured_expect_loss(pair.of_client);
    secured_wait_refused(pair.of_server, ZMQ_EVENT_DISCONNECTED);
    /* the answer has nobody to go to, and lets nobody in */
    zap_answer(handler, &first, "200", "user", "");
    blocking_expect_nothing(pair.server);
    secured_expect_never(&pair);
    secured_close(b, &pair);
    blocking_settle();
    blocking_drain(handler);
  }
}

/* One client waits for its answer, and all others go on. */
static void test_a_slow_handler_stalls_nobody(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  zap_request_t slow;
  secured_pair_t quick;
  secured_pair_t waiting;

  for (int kind = 0; kind < KINDS; kind++) {
    kinds[kind](b, &quick);
    kinds[kind](b, &waiting);
    secured_connect(b, &quick);
    zap_serve(handler, "200");
    secured_expect_success(&quick);
    secured_connect(b, &waiting);
    zap_take(handler, &slow);
    for (int i = 0; i < 20; i++)
      secured_expect_traffic(&quick);
    blocking_send(waiting.client, "early");
    blocking_expect_nothing(waiting.server);
    zap_answer(handler, &slow, "200", "", "");
    secured_expect_success(&waiting);
    blocking_expect(waiting.server, "early");
    secured_close(b, &quick);
    secured_close(b, &waiting);
  }
}

/* Clients of one socket, answered in another order than they came. */
static void test_answers_in_another_order(void **state) {
  enum { CLIENTS = 4 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_ROUTER);
  void *server = blocking_socket(b, ZMQ_PULL);
  void *clients[CLIENTS];
  zap_request_t requests[CLIENTS];
  char endpoint[BLOCKING_TEXT_MAX];
  char text[32];

  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < CLIENTS; i++) {
    snprintf(text, sizeof(text), "client %d", i);
    clients[i] = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(clients[i], text, "secret");
    blocking_connect(clients[i], endpoint);
    blocking_send(clients[i], text);
    zap_take(handler, &requests[i]);
  }
  for (int i = CLIENTS - 1; i >= 0; i--) {
    blocking_expect_nothing(server);
    snprintf(text, sizeof(text), "client %d", i);
    assert_non_null(strstr(requests[i].text, text));
    zap_answer(handler, &requests[i], "200", text, "");
    blocking_expect(server, text);
  }
}

/* A REP handler asks for one at a time, and forgets nobody. */
static void test_many_wait_for_one_handler(void **state) {
  enum { CLIENTS = 20 };
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  void *server = blocking_socket(b, ZMQ_PULL);
  void *client;
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_set_hwm(handler, 1, 1);
  secured_plain_server(server);
  blocking_bind(b, server, endpoint);
  for (int i = 0; i < CLIENTS; i++) {
    client = blocking_socket(b, ZMQ_PUSH);
    secured_plain_client(client, "admin", "secret");
    blocking_connect(client, endpoint);
    blocking_send(client, "in");
  }
  blocking_settle();
  for (int i = 0; i < CLIENTS; i++)
    zap_serve(handler, "200");
  for (int i = 0; i < CLIENTS; i++)
    blocking_expect(server, "in");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_one_of_each_kind),
      blocking_test(test_status_codes),
      blocking_test(test_versions_and_ids),
      blocking_test(test_counts_of_parts),
      blocking_test(test_metadata),
      blocking_test(test_metadata_cut_short),
      blocking_test(test_no_delimiter),
      blocking_test(test_long_but_good),
      blocking_test(test_two_replies),
      blocking_test(test_no_reply),
      blocking_test(test_no_reply_for_the_client),
      blocking_test(test_a_slow_handler_stalls_nobody),
      blocking_test(test_answers_in_another_order),
      blocking_test(test_many_wait_for_one_handler),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security zap replies", tests, NULL, NULL);
}
