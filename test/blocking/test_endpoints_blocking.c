/* Endpoint texts as bind, connect, unbind and disconnect take them. Not run per
 * transport: each test names its own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/blocking.h"

/* A name that no resolver has to be asked for: its label is too long. */
#define NO_SUCH_HOST                                                           \
  "a123456789b123456789c123456789d123456789e123456789f123456789g123456789"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
  const char *text;
  int error;
} row_t;

static bool has_ipv6(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  bool has =
      fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

  if (fd >= 0)
    close(fd);
  return has;
}

/* The row's error is what the call must answer. */
static void check(const row_t *row, int result) {
  int error = result == 0 ? 0 : errno;

  if (error != row->error)
    print_error("%s: \"%s\", not \"%s\"\n",
                row->text == NULL ? "NULL" : row->text, zmq_strerror(error),
                zmq_strerror(row->error));
  assert_int_equal(error, row->error);
  assert_int_equal(result, row->error == 0 ? 0 : -1);
}

static void assert_last_begins(void *socket, const char *expected) {
  char text[BLOCKING_TEXT_MAX];

  blocking_get_text(socket, ZMQ_LAST_ENDPOINT, text);
  if (strncmp(text, expected, strlen(expected)) != 0)
    assert_string_equal(text, expected);
}

static void fresh_of(blocking_t *b, blocking_transport_t transport,
                     char *endpoint) {
  blocking_transport = transport;
  blocking_fresh_endpoint(b, endpoint);
  blocking_transport = BLOCKING_TCP;
}

/* Receives one message and gets a property of it. */
static void receive_property(void *socket, const char *name, char *value) {
  zmq_msg_t message;
  const char *found;

  blocking_wait_events(socket, ZMQ_POLLIN);
  zmq_msg_init(&message);
  assert_true(zmq_msg_recv(&message, socket, 0) >= 0);
  found = zmq_msg_gets(&message, name);
  snprintf(value, BLOCKING_TEXT_MAX, "%s", found == NULL ? "(none)" : found);
  zmq_msg_close(&message);
}

/* ---- Errors ---- */

static const row_t malformed[] = {
    {"", EINVAL},
    {"tcp", EINVAL},
    {"127.0.0.1:5555", EINVAL},
    {"://127.0.0.1:5555", EINVAL},
    {"tcp://", EINVAL},
    {"ipc://", EINVAL},
    {"inproc://", EINVAL},
    {"tcp:/127.0.0.1:5555", EINVAL},
    {"TCP://127.0.0.1:5555", EPROTONOSUPPORT},
    {"nonsense://x", EPROTONOSUPPORT},
    {"tcp://127.0.0.1", EINVAL},
    {"tcp://127.0.0.1:", EINVAL},
    {"tcp://127.0.0.1:abc", EINVAL},
    {"ipc://@", EINVAL},
};

static void malformed_texts_are_refused(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);

  for (size_t i = 0; i < COUNT(malformed); i++) {
    check(&malformed[i], zmq_bind(pull, malformed[i].text));
    check(&malformed[i], zmq_connect(pull, malformed[i].text));
  }
  blocking_expect_last(pull, "");
}

static void what_a_lax_reader_takes_is_refused_too(void **state) {
  static const row_t rows[] = {
      {NULL, EINVAL},
      {"tcp://127.0.0.1:70000", EINVAL},
      {"tcp://127.0.0.1:65536", EINVAL},
      {"tcp://127.0.0.1:-1", EINVAL},
      {"tcp://127.0.0.1:80x", EINVAL},
  };
  void *pull = blocking_socket(*state, ZMQ_PULL);

  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < COUNT(rows); i++) {
    check(&rows[i], zmq_bind(pull, rows[i].text));
    check(&rows[i], zmq_connect(pull, rows[i].text));
  }
}

static void what_cannot_be_bound_is_refused(void **state) {
  static const row_t rows[] = {
      {"tcp://:*", ENODEV},
      {"tcp://" NO_SUCH_HOST ":*", ENODEV},
      {"tcp://192.0.2.1:*", EADDRNOTAVAIL},
      {"tcp://[::1]:*", ENODEV},
      {"tcp://lo;127.0.0.1:*", EINVAL},
      {"ipc:///tmp", EADDRINUSE},
      {"ipc:///no such directory/socket", ENOENT},
  };
  void *pull = blocking_socket(*state, ZMQ_PULL);

  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i], zmq_bind(pull, rows[i].text));
  blocking_expect_last(pull, "");
}

static void what_cannot_be_a_target_is_refused(void **state) {
  static const row_t rows[] = {
      {"tcp://*:5555", EINVAL},          {"tcp://127.0.0.1:*", EINVAL},
      {"tcp://-a:55", EINVAL},           {"tcp://_a:55", EINVAL},
      {"tcp://a b:55", EINVAL},          {"tcp://127.0.0.1:55/", EINVAL},
      {"tcp://*:0;127.0.0.1:5", EINVAL},
  };
  void *pull = blocking_socket(*state, ZMQ_PULL);

  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i], zmq_connect(pull, rows[i].text));
  blocking_expect_last(pull, "");
}

static void a_port_in_use_is_refused(void **state) {
  blocking_t *b = *state;
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(first, "tcp://127.0.0.1:*", endpoint);
  blocking_expect_errno(zmq_bind(second, endpoint), EADDRINUSE);
  blocking_expect_errno(zmq_bind(first, endpoint), EADDRINUSE);
  blocking_expect_last(first, endpoint);
  blocking_expect_last(second, "");
  blocking_expect_reaches(b, first, endpoint, false);
}

static void what_is_no_socket_is_refused(void **state) {
  (void)state;
  blocking_expect_errno(zmq_bind(NULL, "inproc://x"), ENOTSOCK);
  blocking_expect_errno(zmq_connect(NULL, "inproc://x"), ENOTSOCK);
  blocking_expect_errno(zmq_unbind(NULL, "inproc://x"), ENOTSOCK);
  blocking_expect_errno(zmq_disconnect(NULL, "inproc://x"), ENOTSOCK);
}

/* Behaviour 137. */
static void nobody_can_listen_at_a_path_that_is_too_long(void **state) {
  const size_t path = sizeof("ipc://") - 1;
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char text[160];

  snprintf(text, sizeof(text), "ipc:///tmp/zuv-test-%d-", (int)getpid());
  for (size_t size = strlen(text); size < sizeof(text) - 1; size++)
    text[size] = 'x';
  text[path + 107] = '\0';
  blocking_bind_to(pull, text);
  blocking_expect_last(pull, text);
  blocking_expect_reaches(b, pull, text, false);
  assert_int_equal(unlink(text + path), 0);
  text[path + 107] = 'x';
  text[path + 108] = '\0';
  blocking_expect_errno(zmq_bind(pull, text), ENAMETOOLONG);
  blocking_expect_errno(zmq_connect(pull, text), ENAMETOOLONG);
}

/* ---- tcp ---- */

/* Behaviour 131. */
static void wildcards_show_what_was_bound(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char other[BLOCKING_TEXT_MAX];

  blocking_expect_last(pull, "");
  blocking_bind_resolved(pull, "tcp://*:*", endpoint);
  assert_last_begins(pull, "tcp://0.0.0.0:");
  assert_int_not_equal(atoi(strrchr(endpoint, ':') + 1), 0);
  snprintf(other, sizeof(other), "tcp://127.0.0.1%.10s",
           strrchr(endpoint, ':'));
  blocking_expect_reaches(b, pull, other, false);
  blocking_bind_resolved(pull, "tcp://127.0.0.1:0", endpoint);
  assert_last_begins(pull, "tcp://127.0.0.1:");
  assert_int_not_equal(atoi(strrchr(endpoint, ':') + 1), 0);
  blocking_expect_reaches(b, pull, endpoint, false);
}

/* LAST_ENDPOINT: the last success of bind and connect; a text, with its NUL. */
static void the_last_endpoint_is_kept(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char text[BLOCKING_TEXT_MAX];
  size_t size = sizeof(text);

  blocking_expect_ok(zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, text, &size));
  assert_int_equal(size, 1);
  assert_int_equal(text[0], '\0');
  blocking_bind_to(pull, "inproc://last");
  blocking_expect_last(pull, "inproc://last");
  blocking_connect(pull, "tcp://localhost:5");
  blocking_expect_last(pull, "tcp://localhost:5");
  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  blocking_expect_errno(zmq_bind(pull, endpoint), EADDRINUSE);
  blocking_expect_errno(zmq_connect(pull, "tcp://"), EINVAL);
  blocking_expect_last(pull, endpoint);
  blocking_expect_ok(zmq_unbind(pull, endpoint));
  blocking_expect_ok(zmq_disconnect(pull, "tcp://localhost:5"));
  blocking_expect_last(pull, endpoint);
  memset(text, 'x', sizeof(text));
  size = strlen(endpoint) + 1;
  blocking_expect_ok(zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, text, &size));
  assert_int_equal(size, strlen(endpoint) + 1);
  assert_string_equal(text, endpoint);
  size = strlen(endpoint);
  blocking_expect_errno(zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, text, &size),
                        EINVAL);
}

static void an_interface_name_can_be_bound(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://lo:*", endpoint);
  assert_last_begins(pull, "tcp://127.0.0.1:");
  blocking_expect_reaches(b, pull, endpoint, false);
}

/* Newer libzmq can do this too. */
static void a_host_name_can_be_bound(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  if (!blocking_is_zuv())
    skip();
  blocking_bind_resolved(pull, "tcp://localhost:*", endpoint);
  assert_last_begins(pull, "tcp://127.0.0.1:");
  blocking_expect_reaches(b, pull, endpoint, false);
}

static void host_names_are_resolved_when_connecting(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char text[BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  snprintf(text, sizeof(text), "tcp://localhost%.10s", strrchr(endpoint, ':'));
  blocking_expect_reaches(b, pull, text, false);
}

static void ipv6_is_used_when_allowed(void **state) {
  static const char *const texts[] = {"tcp://[::1]:*", "tcp://::1:*",
                                      "tcp://lo:*"};
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  if (!has_ipv6())
    skip();
  blocking_set(pull, ZMQ_IPV6, 1);
  for (size_t i = 0; i < COUNT(texts); i++) {
    blocking_bind_resolved(pull, texts[i], endpoint);
    assert_last_begins(pull, "tcp://[::1]:");
    blocking_expect_reaches(b, pull, endpoint, true);
  }
  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  assert_last_begins(pull, "tcp://[::ffff:127.0.0.1]:");
  blocking_expect_errno(zmq_bind(pull, "tcp://[::1%]:*"), EINVAL);
  blocking_expect_errno(zmq_bind(pull, "tcp://[::1%nosuch]:*"), EINVAL);
}

static void a_mapped_address_needs_no_ipv6(void **state) {
  blocking_t *b = *state;
  void *dual = blocking_socket(b, ZMQ_PULL);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  if (!has_ipv6())
    skip();
  blocking_set(dual, ZMQ_IPV6, 1);
  blocking_bind_resolved(dual, "tcp://127.0.0.1:*", endpoint);
  assert_last_begins(dual, "tcp://[::ffff:127.0.0.1]:");
  blocking_expect_reaches(b, dual, endpoint, false);
  blocking_bind_resolved(pull, "tcp://[::ffff:127.0.0.1]:*", endpoint);
  assert_last_begins(pull, "tcp://127.0.0.1:");
  blocking_expect_reaches(b, pull, endpoint, false);
}

/* Behaviours 131, 140 and 175. */
static void a_dual_socket_takes_both_families(void **state) {
  static const struct {
    const char *host;
    int ipv6;
    const char *peer;
  } rows[] = {
      {"127.0.0.1", 0, "::ffff:127.0.0.1"},
      {"127.0.0.1", 1, "::ffff:127.0.0.1"},
      {"[::1]", 1, "::1"},
  };
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char text[BLOCKING_TEXT_MAX];

  if (!has_ipv6())
    skip();
  blocking_set(pull, ZMQ_IPV6, 1);
  blocking_bind_resolved(pull, "tcp://*:*", endpoint);
  assert_last_begins(pull, "tcp://[::]:");
  for (size_t i = 0; i < COUNT(rows); i++) {
    void *push = blocking_socket(b, ZMQ_PUSH);
    blocking_set(push, ZMQ_IPV6, rows[i].ipv6);
    snprintf(text, sizeof(text), "tcp://%s%.10s", rows[i].host,
             strrchr(endpoint, ':'));
    blocking_connect(push, text);
    blocking_send(push, "who");
    receive_property(pull, "Peer-Address", text);
    assert_string_equal(text, rows[i].peer);
  }
}

/* Behaviour 138. */
static void a_source_address_is_what_the_peer_sees(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *other = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  char text[2 * BLOCKING_TEXT_MAX];

  blocking_bind_resolved(pull, "tcp://127.0.0.1:*", endpoint);
  snprintf(text, sizeof(text), "tcp://127.0.0.2:0;%s",
           endpoint + strlen("tcp://"));
  blocking_connect(push, text);
  blocking_expect_last(push, text);
  blocking_send(push, "from 2");
  receive_property(pull, "Peer-Address", text);
  assert_string_equal(text, "127.0.0.2");
  snprintf(text, sizeof(text), "tcp://lo:0;%s", endpoint + strlen("tcp://"));
  blocking_connect(other, text);
  blocking_send(other, "from lo");
  receive_property(pull, "Peer-Address", text);
  assert_string_equal(text, "127.0.0.1");
}

/* Both succeed at once, and nothing but retries is heard of. */
static void assert_only_retries(blocking_t *b, const char *endpoint) {
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_ALL);

  blocking_set(push, ZMQ_RECONNECT_IVL, 10);
  blocking_connect(push, endpoint);
  blocking_expect_last(push, endpoint);
  for (int i = 0; i < 3; i++)
    assert_int_equal(
        blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
        ZMQ_EVENT_CONNECT_RETRIED);
  blocking_monitor_end(b, push, monitor);
}

/* Behaviours 139 and 145. */
static void an_unknown_host_is_tried_again_for_ever(void **state) {
  assert_only_retries(*state, "tcp://" NO_SUCH_HOST ":5555");
}

/* Behaviour 145. */
static void a_bad_source_is_tried_again_for_ever(void **state) {
  assert_only_retries(*state, "tcp://nosuch0:0;127.0.0.1:5555");
}

static void a_socket_may_close_while_it_resolves(void **state) {
  for (int i = 0; i < 20; i++) {
    void *push = blocking_socket(*state, ZMQ_PUSH);
    blocking_connect(push, "tcp://localhost:5");
    blocking_connect(push, "tcp://localhost:6");
    blocking_set(push, ZMQ_LINGER, 0);
    blocking_close(*state, push);
  }
}

/* ---- ipc ---- */

/* Behaviour 135. */
static void a_path_is_taken_over(void **state) {
  blocking_t *b = *state;
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *old = blocking_socket(b, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];

  fresh_of(b, BLOCKING_IPC, endpoint);
  blocking_bind_to(first, endpoint);
  blocking_connect(old, endpoint);
  blocking_send(old, "connected");
  blocking_expect(first, "connected");
  blocking_bind_to(second, endpoint);
  blocking_expect_reaches(b, second, endpoint, false);
  blocking_send(old, "to the first");
  blocking_expect(first, "to the first");
}

/* Behaviour 135. */
static void an_abstract_name_is_not_taken_over(void **state) {
  blocking_t *b = *state;
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_abstract_name("taken", endpoint);
  blocking_bind_to(first, endpoint);
  blocking_expect_last(first, endpoint);
  blocking_expect_reaches(b, first, endpoint, false);
  blocking_expect_errno(zmq_bind(second, endpoint), EADDRINUSE);
  blocking_expect_ok(zmq_unbind(first, endpoint));
  blocking_wait(zmq_bind(second, endpoint) == 0);
  blocking_expect_reaches(b, second, endpoint, false);
}

/* Behaviour 136. */
static void a_wildcard_path_vanishes_with_its_socket(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  char path[BLOCKING_TEXT_MAX];
  struct stat status;

  assert_int_equal(setenv("TMPDIR", "/tmp", 1), 0);
  blocking_bind_resolved(pull, "ipc://*", endpoint);
  assert_last_begins(pull, "ipc:///tmp/tmp");
  blocking_expect_reaches(b, pull, endpoint, false);
  snprintf(path, sizeof(path), "%s", endpoint + strlen("ipc://"));
  assert_int_equal(stat(path, &status), 0);
  blocking_close(b, pull);
  blocking_wait(stat(path, &status) == -1);
  *strrchr(path, '/') = '\0';
  blocking_wait(stat(path, &status) == -1);
}

/* Behaviour 175. */
static void an_ipc_peer_is_known_by_its_process(void **state) {
  void *pull = blocking_socket(*state, ZMQ_PULL);
  void *push = blocking_socket(*state, ZMQ_PUSH);
  char endpoint[BLOCKING_TEXT_MAX];
  char expected[BLOCKING_TEXT_MAX];
  char peer[BLOCKING_TEXT_MAX];

  blocking_abstract_name("who", endpoint);
  blocking_bind_to(pull, endpoint);
  blocking_connect(push, endpoint);
  blocking_send(push, "who");
  receive_property(pull, "Peer-Address", peer);
  snprintf(expected, sizeof(expected), "localhost:%u:%u:%d", getuid(), getgid(),
           (int)getpid());
  assert_string_equal(peer, expected);
}

static void a_path_may_be_bound_later(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_CONNECT_RETRIED);
  char endpoint[BLOCKING_TEXT_MAX];

  fresh_of(b, BLOCKING_IPC, endpoint);
  blocking_set(push, ZMQ_RECONNECT_IVL, 10);
  blocking_connect(push, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_CONNECT_RETRIED);
  blocking_bind_to(pull, endpoint);
  blocking_send(push, "late");
  blocking_expect(pull, "late");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(malformed_texts_are_refused),
      blocking_test(what_a_lax_reader_takes_is_refused_too),
      blocking_test(what_cannot_be_bound_is_refused),
      blocking_test(what_cannot_be_a_target_is_refused),
      blocking_test(a_port_in_use_is_refused),
      blocking_test(what_is_no_socket_is_refused),
      blocking_test(nobody_can_listen_at_a_path_that_is_too_long),
      blocking_test(wildcards_show_what_was_bound),
      blocking_test(the_last_endpoint_is_kept),
      blocking_test(an_interface_name_can_be_bound),
      blocking_test(a_host_name_can_be_bound),
      blocking_test(host_names_are_resolved_when_connecting),
      blocking_test(ipv6_is_used_when_allowed),
      blocking_test(a_mapped_address_needs_no_ipv6),
      blocking_test(a_dual_socket_takes_both_families),
      blocking_test(a_source_address_is_what_the_peer_sees),
      blocking_test(an_unknown_host_is_tried_again_for_ever),
      blocking_test(a_bad_source_is_tried_again_for_ever),
      blocking_test(a_socket_may_close_while_it_resolves),
      blocking_test(a_path_is_taken_over),
      blocking_test(an_abstract_name_is_not_taken_over),
      blocking_test(a_wildcard_path_vanishes_with_its_socket),
      blocking_test(an_ipc_peer_is_known_by_its_process),
      blocking_test(a_path_may_be_bound_later),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
