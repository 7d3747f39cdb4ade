/* What ends a bind and a connect: whose text it must be, and what becomes of
 * the connections. Not run per transport: each test names its own. */
#include "support/blocking.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Behaviour 132. */
static void unbind_wants_the_resolved_text(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char half[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://*:*", endpoint);
  snprintf(half, sizeof(half), "tcp://*%.10s", strrchr(endpoint, ':'));
  blocking_expect_errno(zmq_unbind(pull, "tcp://*:*"), ENOENT);
  blocking_expect_errno(zmq_unbind(pull, half), ENOENT);
  blocking_expect_ok(zmq_unbind(pull, endpoint));
  blocking_expect_errno(zmq_unbind(pull, endpoint), ENOENT);
  blocking_expect_last(pull, endpoint);
}

static void unknown_texts_are_not_found(void **state) {
  static const struct {
    const char *text;
    int error;
  } rows[] = {
      {NULL, EINVAL},
      {"tcp", EINVAL},
      {"nonsense://x", EPROTONOSUPPORT},
      {"tcp://127.0.0.1:5555", ENOENT},
      {"ipc:///tmp/x", ENOENT},
      {"inproc://x", ENOENT},
  };
  void *pull = blocking_socket(*state, ZMQ_PULL);

  for (size_t i = 0; i < COUNT(rows); i++) {
    blocking_expect_errno(zmq_unbind(pull, rows[i].text), rows[i].error);
    blocking_expect_errno(zmq_disconnect(pull, rows[i].text), rows[i].error);
  }
}

static void an_endpoint_is_known_to_its_socket_only(void **state) {
  void *one = blocking_socket(*state, ZMQ_PULL);
  void *other = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(one, "tcp://127.0.0.1:*", endpoint);
  blocking_expect_errno(zmq_unbind(other, endpoint), ENOENT);
  blocking_bind_to(one, "inproc://mine");
  blocking_expect_errno(zmq_unbind(other, "inproc://mine"), ENOENT);
  blocking_expect_ok(zmq_unbind(one, endpoint));
  blocking_expect_ok(zmq_unbind(one, "inproc://mine"));
}

static void both_calls_end_both_kinds(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  void *push = blocking_socket(*state, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  blocking_connect(push, endpoint);
  blocking_expect_ok(zmq_unbind(push, endpoint));
  blocking_expect_ok(zmq_disconnect(pull, endpoint));
}

static void a_name_finds_what_was_connected_by_number(void **state) {
  void *push = blocking_socket(*state, ZMQ_PUSH);
  void *pull = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char text[BLOCKING_TEXT_MAX];

  blocking_connect(push, "tcp://127.0.0.1:5");
  blocking_expect_ok(zmq_disconnect(push, "tcp://localhost:5"));
  blocking_connect(push, "tcp://localhost:5");
  blocking_expect_errno(zmq_disconnect(push, "tcp://127.0.0.1:5"), ENOENT);
  blocking_expect_ok(zmq_disconnect(push, "tcp://localhost:5"));
  blocking_bind_resolved(pull, "tcp://lo:*", endpoint);
  snprintf(text, sizeof(text), "tcp://localhost%.10s", strrchr(endpoint, ':'));
  blocking_expect_ok(zmq_unbind(pull, text));
}

/* Some libraries disconnect `socket` only when called again. */
static void wait_disconnected(void *monitor, void *socket) {
  blocking_wait(
      (blocking_events(socket), blocking_next_event(monitor, NULL, NULL, 1)) ==
      ZMQ_EVENT_DISCONNECTED);
}

static void one_disconnect_ends_all_connections_of_a_text(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *monitor = blocking_monitor(
      b, pull, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  blocking_connect(push, endpoint);
  blocking_connect(push, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  blocking_expect_errno(zmq_disconnect(push, endpoint), ENOENT);
  for (int i = 0; i < 2; i++)
    wait_disconnected(monitor, push);
}

static void some_types_connect_once_to_a_text(void **state) {
  static const struct {
    int type;
    int peer;
    bool once;
  } rows[] = {
      {ZMQ_SUB, ZMQ_PUB, true},        {ZMQ_PUB, ZMQ_SUB, true},
      {ZMQ_REQ, ZMQ_REP, true},        {ZMQ_DEALER, ZMQ_ROUTER, true},
      {ZMQ_PULL, ZMQ_PUSH, false},     {ZMQ_PUSH, ZMQ_PULL, false},
      {ZMQ_XSUB, ZMQ_XPUB, false},     {ZMQ_XPUB, ZMQ_XSUB, false},
      {ZMQ_ROUTER, ZMQ_DEALER, false}, {ZMQ_REP, ZMQ_REQ, false},
  };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  for (size_t i = 0; i < COUNT(rows); i++) {
    void *binder = blocking_socket(b, rows[i].peer);
    void *socket = blocking_socket(b, rows[i].type);
    void *monitor = blocking_monitor(b, binder, ZMQ_EVENT_ACCEPTED);
    blocking_bind_resolved(binder, "tcp://127.0.0.1:*", endpoint);
    blocking_connect(socket, endpoint);
    blocking_connect(socket, endpoint);
    blocking_wait_monitor(monitor, ZMQ_EVENT_ACCEPTED);
    if (rows[i].once)
      assert_int_equal(
          blocking_next_event(monitor, NULL, NULL, BLOCKING_QUIET_MS), 0);
    else
      blocking_wait_monitor(monitor, ZMQ_EVENT_ACCEPTED);
    blocking_monitor_end(b, binder, monitor);
  }
}

/* Behaviour 133. `text` is bound, and bound by an heir afterwards. */
static void check_unbind(blocking_t *b, const char *text) {
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *here = blocking_socket(b, ZMQ_PUSH);
  void *there = blocking_socket(b, ZMQ_PUSH);
  void *heir = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, here, ZMQ_EVENT_DISCONNECTED);
  char first[BLOCKING_TEXT_MAX];
  char second[BLOCKING_TEXT_MAX];

  blocking_set(here, ZMQ_RECONNECT_IVL, 10);
  blocking_bind_resolved(pull, text, first);
  blocking_abstract_name("there", second);
  blocking_bind_to(pull, second);
  blocking_connect(here, first);
  blocking_send(here, "queued");
  blocking_wait_events(pull, ZMQ_POLLIN);
  blocking_connect(there, second);
  blocking_expect_ok(zmq_unbind(pull, first));
  blocking_expect(pull, "queued");
  wait_disconnected(monitor, pull);
  blocking_wait(zmq_bind(heir, first) == 0);
  blocking_send(here, "to the heir");
  blocking_expect(heir, "to the heir");
  blocking_send(there, "still here");
  blocking_expect(pull, "still here");
  blocking_monitor_end(b, here, monitor);
  blocking_restart(b);
}

static void unbind_ends_what_was_accepted_there_only(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];

  check_unbind(b, "tcp://127.0.0.1:*");
  blocking_transport = BLOCKING_IPC;
  blocking_fresh_endpoint(b, endpoint);
  blocking_transport = BLOCKING_TCP;
  check_unbind(b, endpoint);
}

/* Behaviour 133, better: at once, without another call on the socket. */
static void unbind_ends_connections_at_once(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;

  if (!blocking_is_zuv())
    skip();
  blocking_join(b, pull, push, endpoint);
  monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_ok(zmq_unbind(pull, endpoint));
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
}

static void transports_mix_on_a_socket(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char tcp[BLOCKING_TEXT_MAX];
  char ipc[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", tcp);
  blocking_abstract_name("mixed", ipc);
  blocking_bind_to(pull, ipc);
  blocking_bind_to(pull, "inproc://mixed");
  blocking_expect_reaches(b, pull, tcp, false);
  blocking_expect_reaches(b, pull, ipc, false);
  blocking_expect_reaches(b, pull, "inproc://mixed", false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(unbind_wants_the_resolved_text),
      blocking_test(unknown_texts_are_not_found),
      blocking_test(an_endpoint_is_known_to_its_socket_only),
      blocking_test(both_calls_end_both_kinds),
      blocking_test(a_name_finds_what_was_connected_by_number),
      blocking_test(one_disconnect_ends_all_connections_of_a_text),
      blocking_test(some_types_connect_once_to_a_text),
      blocking_test(unbind_ends_what_was_accepted_there_only),
      blocking_test(unbind_ends_connections_at_once),
      blocking_test(transports_mix_on_a_socket),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
