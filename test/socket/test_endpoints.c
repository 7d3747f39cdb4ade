/* Endpoint texts as bind, connect, unbind and disconnect take them. Not run per
 * transport: each test names its own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"

/* A name that no resolver has to be asked for: its label is too long. */
#define NO_SUCH_HOST                                                           \
  "a123456789b123456789c123456789d123456789e123456789f123456789g123456789"

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

static void check(const row_t *row, int result) {
  if (result != row->error)
    print_error("%s: %s, not %s\n", row->text == NULL ? "NULL" : row->text,
                zuv_err_name(result), zuv_err_name(row->error));
  assert_int_equal(result, row->error);
}

static void assert_last(harness_socket_t *s, const char *beginning) {
  char text[HARNESS_TEXT_MAX];

  harness_last_endpoint(s, text);
  if (strncmp(text, beginning, strlen(beginning)) != 0)
    assert_string_equal(text, beginning);
}

/* Something goes through `endpoint` from a new PUSH to `pull`. */
static void assert_reaches(harness_socket_t *pull, const char *endpoint,
                           int ipv6) {
  harness_socket_t *push = harness_socket(pull->harness, ZUV_PUSH);

  harness_set(push, ZUV_IPV6, ipv6);
  harness_connect(push, endpoint);
  harness_send(push, endpoint);
  harness_expect_next(pull, endpoint);
}

/* ---- Errors ---- */

static const row_t neither[] = {
    {"", UV_EINVAL},
    {"tcp", UV_EINVAL},
    {"127.0.0.1:5555", UV_EINVAL},
    {"://127.0.0.1:5555", UV_EINVAL},
    {"tcp://", UV_EINVAL},
    {"ipc://", UV_EINVAL},
    {"inproc://", UV_EINVAL},
    {"tcp:/127.0.0.1:5555", UV_EINVAL},
    {"TCP://127.0.0.1:5555", UV_EPROTONOSUPPORT},
    {"udp://127.0.0.1:5555", UV_EPROTONOSUPPORT},
    {"ws://127.0.0.1:5555", UV_EPROTONOSUPPORT},
    {"pgm://lo;239.0.0.1:5555", UV_EPROTONOSUPPORT},
    {"nonsense://x", UV_EPROTONOSUPPORT},
    {"tcp://127.0.0.1", UV_EINVAL},
    {"tcp://127.0.0.1:", UV_EINVAL},
    {"tcp://127.0.0.1:abc", UV_EINVAL},
    {"tcp://127.0.0.1:70000", UV_EINVAL},
    {"tcp://127.0.0.1:65536", UV_EINVAL},
    {"tcp://127.0.0.1:-1", UV_EINVAL},
    {"tcp://127.0.0.1:80x", UV_EINVAL},
    {"tcp://lo;127.0.0.1:5555", UV_EINVAL},
    {"ipc://@", UV_EINVAL},
};

static void malformed_texts_are_refused(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  row_t null = {NULL, UV_EINVAL};

  for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
    check(&neither[i], zuv_bind(&s->zuv, neither[i].text));
    check(&neither[i], zuv_connect(&s->zuv, neither[i].text));
  }
  check(&null, zuv_bind(&s->zuv, NULL));
  check(&null, zuv_connect(&s->zuv, NULL));
  assert_int_equal(harness_events(s, ZUV_EVENT_LISTENING), 0);
}

static void what_cannot_be_bound_is_refused(void **state) {
  static const row_t rows[] = {
      {"tcp://:*", UV_ENODEV},
      {"tcp://no-such-interface/:*", UV_EINVAL},
      {"tcp://" NO_SUCH_HOST ":*", UV_ENODEV},
      {"tcp://192.0.2.1:*", UV_EADDRNOTAVAIL},
      {"tcp://[::1]:*", UV_ENODEV},
      {"ipc:///tmp", UV_EADDRINUSE},
      {"ipc:///no such directory/socket", UV_ENOENT},
  };
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    check(&rows[i], zuv_bind(&s->zuv, rows[i].text));
}

static void what_cannot_be_a_target_is_refused(void **state) {
  static const row_t rows[] = {
      {"tcp://*:5555", UV_EINVAL},        {"tcp://127.0.0.1:*", UV_EINVAL},
      {"tcp://127.0.0.1:0", UV_EINVAL},   {"tcp://-a:55", UV_EINVAL},
      {"tcp://_a:55", UV_EINVAL},         {"tcp://a b:55", UV_EINVAL},
      {"tcp://127.0.0.1:55/", UV_EINVAL}, {"tcp://*:0;127.0.0.1:5", UV_EINVAL},
  };
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    check(&rows[i], zuv_connect(&s->zuv, rows[i].text));
}

static void a_port_in_use_is_refused(void **state) {
  harness_socket_t *first = harness_socket(*state, ZUV_PULL);
  harness_socket_t *second = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&first->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(first, endpoint);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), UV_EADDRINUSE);
  assert_int_equal(zuv_bind(&first->zuv, endpoint), UV_EADDRINUSE);
  assert_last(first, endpoint);
}

static void nobody_can_listen_at_a_path_that_is_too_long(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char text[160];

  /* behaviour 137 */
  snprintf(text, sizeof(text), "ipc:///tmp/zuv-test-%d-", (int)getpid());
  for (size_t size = strlen(text); size < sizeof(text) - 1; size++)
    text[size] = 'x';
  text[sizeof("ipc://") - 1 + 107] = '\0';
  assert_int_equal(zuv_bind(&s->zuv, text), 0);
  assert_reaches(s, text, 0);
  assert_int_equal(unlink(text + sizeof("ipc://") - 1), 0);
  text[sizeof("ipc://") - 1 + 107] = 'x';
  text[sizeof("ipc://") - 1 + 108] = '\0';
  assert_int_equal(zuv_bind(&s->zuv, text), UV_ENAMETOOLONG);
  assert_int_equal(zuv_connect(&s->zuv, text), UV_ENAMETOOLONG);
}

/* ---- tcp ---- */

static void wildcards_show_what_was_bound(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 131 */
  assert_last(s, "");
  assert_int_equal(zuv_bind(&s->zuv, "tcp://*:*"), 0);
  assert_last(s, "tcp://0.0.0.0:");
  harness_last_endpoint(s, endpoint);
  assert_int_not_equal(atoi(strrchr(endpoint, ':') + 1), 0);
  assert_int_equal(zuv_bind(&s->zuv, "tcp://127.0.0.1:0"), 0);
  assert_last(s, "tcp://127.0.0.1:");
}

static void interface_and_host_names_can_be_bound(void **state) {
  static const char *const texts[] = {"tcp://lo:*", "tcp://localhost:*"};
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(zuv_bind(&s->zuv, texts[i]), 0);
    assert_last(s, "tcp://127.0.0.1:");
    harness_last_endpoint(s, endpoint);
    assert_reaches(s, endpoint, 0);
  }
}

static void ipv6_is_used_when_allowed(void **state) {
  static const char *const texts[] = {"tcp://[::1]:*", "tcp://::1:*",
                                      "tcp://lo:*"};
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  char other[HARNESS_TEXT_MAX];

  if (!has_ipv6())
    skip();
  harness_set(s, ZUV_IPV6, 1);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(zuv_bind(&s->zuv, texts[i]), 0);
    assert_last(s, "tcp://[::1]:");
    harness_last_endpoint(s, endpoint);
    assert_reaches(s, endpoint, 1);
  }
  assert_int_equal(zuv_bind(&s->zuv, "tcp://127.0.0.1:*"), 0);
  assert_last(s, "tcp://[::ffff:127.0.0.1]:");
  assert_int_equal(zuv_bind(&s->zuv, "tcp://[::1%]:*"), UV_EINVAL);
  assert_int_equal(zuv_bind(&s->zuv, "tcp://[::1%nosuch]:*"), UV_EINVAL);
  /* behaviours 131 and 140 */
  assert_int_equal(zuv_bind(&s->zuv, "tcp://*:*"), 0);
  assert_last(s, "tcp://[::]:");
  harness_last_endpoint(s, endpoint);
  snprintf(other, sizeof(other), "tcp://127.0.0.1%s", strrchr(endpoint, ':'));
  assert_reaches(s, other, 0);
  assert_reaches(s, other, 1);
  snprintf(other, sizeof(other), "tcp://[::1]%s", strrchr(endpoint, ':'));
  assert_reaches(s, other, 1);
}

static void peers_addresses_are_numeric(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  char other[HARNESS_TEXT_MAX];

  if (!has_ipv6())
    skip();
  /* behaviour 140 */
  harness_set(pull, ZUV_IPV6, 1);
  harness_set(push, ZUV_IPV6, 1);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://*:*"), 0);
  harness_last_endpoint(pull, endpoint);
  snprintf(other, sizeof(other), "tcp://[::1]%s", strrchr(endpoint, ':'));
  harness_connect(push, other);
  harness_send(push, "6");
  harness_wait(pull->harness, pull->received == 1);
  assert_string_equal(pull->messages[0].peer_address, "::1");
  harness_forget_first(pull);
  assert_int_equal(zuv_disconnect(&push->zuv, other), 0);
  snprintf(other, sizeof(other), "tcp://127.0.0.1%s", strrchr(endpoint, ':'));
  harness_connect(push, other);
  harness_send(push, "4");
  harness_wait(pull->harness, pull->received == 1);
  assert_string_equal(pull->messages[0].peer_address, "::ffff:127.0.0.1");
}

static void a_source_address_is_what_the_peer_sees(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  char text[2 * HARNESS_TEXT_MAX];

  /* behaviour 138 */
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  snprintf(text, sizeof(text), "tcp://127.0.0.2:0;%s",
           endpoint + strlen("tcp://"));
  harness_connect(push, text);
  harness_send(push, "from 2");
  harness_expect(pull, 0, "from 2");
  assert_string_equal(pull->messages[0].peer_address, "127.0.0.2");
  assert_int_equal(zuv_disconnect(&push->zuv, text), 0);
  snprintf(text, sizeof(text), "tcp://lo:0;%s", endpoint + strlen("tcp://"));
  harness_connect(push, text);
  harness_send(push, "from lo");
  harness_expect(pull, 1, "from lo");
  assert_string_equal(pull->messages[1].peer_address, "127.0.0.1");
}

static void a_bad_source_is_tried_again_for_ever(void **state) {
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_connect(push, "tcp://nosuch0:0;127.0.0.1:5555");
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
  assert_int_equal(harness_events(push, ZUV_EVENT_CONNECTED), 0);
}

static void an_unknown_host_is_tried_again_for_ever(void **state) {
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);

  /* behaviours 139 and 145 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_connect(push, "tcp://" NO_SUCH_HOST ":5555");
  assert_last(push, "tcp://" NO_SUCH_HOST ":5555");
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
  assert_int_equal(push->happened,
                   harness_events(push, ZUV_EVENT_CONNECT_RETRIED));
}

static void host_names_are_resolved_when_connecting(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  char text[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  snprintf(text, sizeof(text), "tcp://localhost%s", strrchr(endpoint, ':'));
  assert_reaches(pull, text, 0);
}

static void a_socket_may_close_while_it_resolves(void **state) {
  for (int i = 0; i < 20; i++) {
    harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
    harness_connect(push, "tcp://localhost:5");
    harness_connect(push, "tcp://localhost:6");
    if (i % 2 == 0)
      uv_run(push->zuv.loop, UV_RUN_NOWAIT);
    harness_set(push, ZUV_LINGER, 0);
    harness_close(push);
  }
}

/* ---- ipc ---- */

static void a_path_is_taken_over(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *old = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 135 */
  harness_transport = HARNESS_IPC;
  harness_fresh_endpoint(h, endpoint);
  harness_transport = HARNESS_TCP;
  assert_int_equal(zuv_bind(&first->zuv, endpoint), 0);
  harness_connect(old, endpoint);
  harness_wait_event(old, ZUV_EVENT_READY, 1);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  assert_reaches(second, endpoint, 0);
  harness_send(old, "to the first");
  harness_expect(first, 0, "to the first");
}

static void an_abstract_name_is_not_taken_over(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 135 */
  harness_transport = HARNESS_IPC_ABSTRACT;
  harness_fresh_endpoint(h, endpoint);
  harness_transport = HARNESS_TCP;
  assert_int_equal(zuv_bind(&first->zuv, endpoint), 0);
  assert_last(first, endpoint);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), UV_EADDRINUSE);
  assert_int_equal(zuv_unbind(&first->zuv, endpoint), 0);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  assert_reaches(second, endpoint, 0);
}

static void a_wildcard_path_vanishes_with_its_socket(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  char path[HARNESS_TEXT_MAX];
  struct stat status;

  /* behaviour 136 */
  assert_int_equal(setenv("TMPDIR", "/tmp", 1), 0);
  assert_int_equal(zuv_bind(&s->zuv, "ipc://*"), 0);
  assert_last(s, "ipc:///tmp/tmp");
  harness_last_endpoint(s, endpoint);
  assert_reaches(s, endpoint, 0);
  snprintf(path, sizeof(path), "%s", endpoint + strlen("ipc://"));
  assert_int_equal(stat(path, &status), 0);
  harness_close(s);
  assert_int_equal(stat(path, &status), -1);
  *strrchr(path, '/') = '\0';
  assert_int_equal(stat(path, &status), -1);
}

static void an_ipc_peer_is_known_by_its_process(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  char expected[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pull->zuv, "ipc://*"), 0);
  harness_last_endpoint(pull, endpoint);
  harness_connect(push, endpoint);
  harness_send(push, "who");
  harness_expect(pull, 0, "who");
  snprintf(expected, sizeof(expected), "localhost:%u:%u:%d", getuid(), getgid(),
           (int)getpid());
  assert_string_equal(pull->messages[0].peer_address, expected);
}

/* ---- inproc ---- */

static void an_inproc_name_has_one_binder(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *old = harness_socket(h, ZUV_PUSH);

  /* behaviour 134 */
  assert_int_equal(zuv_bind(&first->zuv, "inproc://x"), 0);
  assert_int_equal(zuv_bind(&second->zuv, "inproc://x"), UV_EADDRINUSE);
  assert_int_equal(zuv_bind(&second->zuv, "inproc://X"), 0);
  harness_connect(old, "inproc://x");
  assert_int_equal(zuv_unbind(&first->zuv, "inproc://x"), 0);
  assert_int_equal(zuv_bind(&second->zuv, "inproc://x"), 0);
  harness_send(old, "to the first");
  harness_expect(first, 0, "to the first");
  assert_reaches(second, "inproc://x", 0);
}

static void a_long_inproc_name_works(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  char name[360];

  memset(name, 'n', sizeof(name));
  memcpy(name, "inproc://", 9);
  name[sizeof(name) - 1] = '\0';
  assert_int_equal(zuv_bind(&pull->zuv, name), 0);
  harness_connect(push, name);
  harness_send(push, "long");
  harness_expect(pull, 0, "long");
}

static void contexts_have_names_of_their_own(void **state) {
  harness_t *h = *state;
  zuv_context_t other;
  harness_socket_t *here = harness_socket(h, ZUV_PULL);
  harness_socket_t *there;
  harness_socket_t *push;

  assert_int_equal(zuv_context_init(&other), 0);
  h->context = &other;
  there = harness_socket(h, ZUV_PULL);
  push = harness_socket(h, ZUV_PUSH);
  assert_int_equal(zuv_bind(&here->zuv, "inproc://x"), 0);
  assert_int_equal(zuv_bind(&there->zuv, "inproc://x"), 0);
  harness_connect(push, "inproc://x");
  harness_send(push, "there");
  harness_expect(there, 0, "there");
  assert_int_equal(here->received, 0);
  assert_int_equal(zuv_context_destroy(&other), UV_EBUSY);
  harness_close(there);
  harness_close(push);
  assert_int_equal(zuv_context_destroy(&other), 0);
  h->context = &h->own_context;
}

static void inproc_does_not_reconnect(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  /* behaviour 142 */
  assert_int_equal(zuv_bind(&first->zuv, "inproc://x"), 0);
  harness_connect(push, "inproc://x");
  harness_close(first);
  assert_int_equal(zuv_bind(&second->zuv, "inproc://x"), 0);
  harness_settle(h);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  harness_connect(push, "inproc://x");
  harness_send(push, "yes");
  harness_expect(second, 0, "yes");
}

/* ---- unbind and disconnect ---- */

static void unbind_wants_the_resolved_text(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  char half[HARNESS_TEXT_MAX];

  /* behaviour 132 */
  assert_int_equal(zuv_bind(&s->zuv, "tcp://*:*"), 0);
  harness_last_endpoint(s, endpoint);
  snprintf(half, sizeof(half), "tcp://*%s", strrchr(endpoint, ':'));
  assert_int_equal(zuv_unbind(&s->zuv, "tcp://*:*"), UV_ENOENT);
  assert_int_equal(zuv_unbind(&s->zuv, half), UV_ENOENT);
  assert_int_equal(zuv_unbind(&s->zuv, endpoint), 0);
  assert_int_equal(zuv_unbind(&s->zuv, endpoint), UV_ENOENT);
  assert_last(s, endpoint);
}

static void unknown_texts_are_not_found(void **state) {
  static const row_t rows[] = {
      {NULL, UV_EINVAL},
      {"tcp", UV_EINVAL},
      {"nonsense://x", UV_EPROTONOSUPPORT},
      {"tcp://127.0.0.1:5555", UV_ENOENT},
      {"ipc:///tmp/x", UV_ENOENT},
      {"inproc://x", UV_ENOENT},
  };
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    check(&rows[i], zuv_unbind(&s->zuv, rows[i].text));
    check(&rows[i], zuv_disconnect(&s->zuv, rows[i].text));
  }
}

static void both_calls_end_both_kinds(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(zuv_unbind(&push->zuv, endpoint), 0);
  assert_int_equal(zuv_disconnect(&pull->zuv, endpoint), 0);
}

static void a_name_finds_what_was_connected_by_number(void **state) {
  harness_socket_t *push = harness_socket(*state, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  char text[HARNESS_TEXT_MAX];

  harness_connect(push, "tcp://127.0.0.1:5");
  assert_int_equal(zuv_disconnect(&push->zuv, "tcp://localhost:5"), 0);
  harness_connect(push, "tcp://localhost:5");
  assert_int_equal(zuv_disconnect(&push->zuv, "tcp://127.0.0.1:5"), UV_ENOENT);
  assert_int_equal(zuv_disconnect(&push->zuv, "tcp://localhost:5"), 0);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://lo:*"), 0);
  harness_last_endpoint(pull, endpoint);
  snprintf(text, sizeof(text), "tcp://localhost%s", strrchr(endpoint, ':'));
  assert_int_equal(zuv_unbind(&pull->zuv, text), 0);
}

static void one_disconnect_ends_all_connections_of_a_text(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  harness_connect(push, endpoint);
  harness_connect(push, endpoint);
  harness_wait_event(pull, ZUV_EVENT_READY, 2);
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), UV_ENOENT);
  harness_wait_event(pull, ZUV_EVENT_DISCONNECTED, 2);
}

static void some_types_connect_once_to_a_text(void **state) {
  static const int once[] = {ZUV_SUB, ZUV_PUB, ZUV_REQ, ZUV_DEALER};
  static const int peers[] = {ZUV_PUB, ZUV_SUB, ZUV_REP, ZUV_ROUTER};
  harness_t *h = *state;
  char endpoint[HARNESS_TEXT_MAX];

  for (size_t i = 0; i < 4; i++) {
    harness_socket_t *binder = harness_socket(h, peers[i]);
    harness_socket_t *s = harness_socket(h, once[i]);
    assert_int_equal(zuv_bind(&binder->zuv, "tcp://127.0.0.1:*"), 0);
    harness_last_endpoint(binder, endpoint);
    harness_connect(s, endpoint);
    harness_connect(s, endpoint);
    harness_wait_event(binder, ZUV_EVENT_READY, 1);
    harness_settle(h);
    assert_int_equal(harness_events(binder, ZUV_EVENT_ACCEPTED), 1);
  }
}

static void unbind_ends_what_was_accepted_there_only(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *here = harness_socket(h, ZUV_PUSH);
  harness_socket_t *there = harness_socket(h, ZUV_PUSH);
  harness_socket_t *heir = harness_socket(h, ZUV_PULL);
  char first[HARNESS_TEXT_MAX];
  char second[HARNESS_TEXT_MAX];

  /* behaviour 133 */
  harness_set(here, ZUV_RECONNECT_IVL, 10);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, first);
  assert_int_equal(zuv_bind(&pull->zuv, "ipc://*"), 0);
  harness_last_endpoint(pull, second);
  harness_connect(here, first);
  harness_connect(there, second);
  harness_wait_event(pull, ZUV_EVENT_READY, 2);
  assert_int_equal(zuv_unbind(&pull->zuv, first), 0);
  harness_wait_event(here, ZUV_EVENT_DISCONNECTED, 1);
  harness_wait_event(here, ZUV_EVENT_CONNECT_RETRIED, 1);
  assert_int_equal(zuv_bind(&heir->zuv, first), 0);
  harness_send(here, "to the heir");
  harness_expect(heir, 0, "to the heir");
  harness_send(there, "still here");
  harness_expect(pull, 0, "still here");
  assert_int_equal(harness_events(there, ZUV_EVENT_DISCONNECTED), 0);
}

/* ---- options of the kernel's sockets ---- */

static uint16_t port_of(int fd, bool of_peer) {
  struct sockaddr_in address = {.sin_family = AF_UNSPEC};
  socklen_t size = sizeof(address);
  int err = of_peer ? getpeername(fd, (struct sockaddr *)&address, &size)
                    : getsockname(fd, (struct sockaddr *)&address, &size);

  return err == 0 && address.sin_family == AF_INET ? ntohs(address.sin_port)
                                                   : 0;
}

static int kernel_option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);

  (void)getsockopt(fd, level, name, &value, &size);
  return value;
}

/* The descriptor at a port of ours, or connected to one of a peer's; -1 if none
 * of this process is. */
static int find_fd(uint16_t port, bool of_peer, int listening) {
  for (int fd = 0; fd < 256; fd++)
    if (port_of(fd, of_peer) == port &&
        kernel_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == listening)
      return fd;
  return -1;
}

static void set_kernel_options(harness_socket_t *s) {
  harness_set(s, ZUV_TCP_KEEPALIVE, 1);
  harness_set(s, ZUV_TCP_KEEPALIVE_CNT, 3);
  harness_set(s, ZUV_TCP_KEEPALIVE_IDLE, 77);
  harness_set(s, ZUV_TCP_KEEPALIVE_INTVL, 11);
  harness_set(s, ZUV_TCP_MAXRT, 4321);
  harness_set(s, ZUV_TOS, 0x28);
  harness_set(s, ZUV_PRIORITY, 3);
  harness_set(s, ZUV_SNDBUF, 20000);
  harness_set(s, ZUV_RCVBUF, 30000);
  harness_set(s, ZUV_BACKLOG, 7);
}

static void assert_kernel_options(int fd) {
  assert_true(fd >= 0);
  assert_int_equal(kernel_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  assert_int_equal(kernel_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  assert_int_equal(kernel_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
  assert_int_equal(kernel_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
  assert_int_equal(kernel_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 11);
  assert_int_equal(kernel_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 4321);
  assert_int_equal(kernel_option(fd, IPPROTO_IP, IP_TOS), 0x28);
  /* the kernel doubles what is asked for */
  assert_int_equal(kernel_option(fd, SOL_SOCKET, SO_SNDBUF), 40000);
  assert_int_equal(kernel_option(fd, SOL_SOCKET, SO_RCVBUF), 60000);
}

static void tcp_options_reach_the_kernel(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  struct tcp_info info;
  socklen_t size = sizeof(info);
  char endpoint[HARNESS_TEXT_MAX];
  uint16_t port;
  int fd;

  set_kernel_options(pull);
  set_kernel_options(push);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  port = (uint16_t)atoi(strrchr(endpoint, ':') + 1);
  harness_connect(push, endpoint);
  harness_send(push, "hello");
  harness_expect(pull, 0, "hello");
  fd = find_fd(port, true, 0);
  assert_kernel_options(fd);
  assert_int_equal(kernel_option(fd, SOL_SOCKET, SO_PRIORITY), 3);
  assert_kernel_options(find_fd(port, false, 0));
  fd = find_fd(port, false, 1);
  assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  /* of a listening socket this is the limit of those that wait */
  assert_int_equal(info.tcpi_sacked, 7);
}

static void a_device_can_be_bound_to(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *lost = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  int err;

  harness_set_text(pull, ZUV_BINDTODEVICE, "no-such-device");
  err = zuv_bind(&pull->zuv, "tcp://127.0.0.1:*");
  /* older kernels let only root ask */
  assert_true(err == UV_ENODEV || err == UV_EPERM);
  if (err == UV_EPERM)
    skip();
  harness_set_text(pull, ZUV_BINDTODEVICE, "lo");
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  harness_set_text(push, ZUV_BINDTODEVICE, "lo");
  harness_connect(push, endpoint);
  harness_send(push, "hello");
  harness_expect(pull, 0, "hello");
  harness_set_text(lost, ZUV_BINDTODEVICE, "no-such-device");
  harness_connect(lost, endpoint);
  harness_wait_event(lost, ZUV_EVENT_CONNECT_RETRIED, 1);
  assert_int_equal(harness_event(lost, ZUV_EVENT_CONNECT_RETRIED, 0)->status,
                   UV_ENODEV);
}

static void transports_mix_on_a_socket(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char tcp[HARNESS_TEXT_MAX];
  char ipc[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, tcp);
  assert_int_equal(zuv_bind(&pull->zuv, "ipc://*"), 0);
  harness_last_endpoint(pull, ipc);
  assert_int_equal(zuv_bind(&pull->zuv, "inproc://mixed"), 0);
  assert_reaches(pull, tcp, 0);
  assert_reaches(pull, ipc, 0);
  assert_reaches(pull, "inproc://mixed", 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      harness_test(malformed_texts_are_refused),
      harness_test(what_cannot_be_bound_is_refused),
      harness_test(what_cannot_be_a_target_is_refused),
      harness_test(a_port_in_use_is_refused),
      harness_test(nobody_can_listen_at_a_path_that_is_too_long),
      harness_test(wildcards_show_what_was_bound),
      harness_test(interface_and_host_names_can_be_bound),
      harness_test(ipv6_is_used_when_allowed),
      harness_test(peers_addresses_are_numeric),
      harness_test(a_source_address_is_what_the_peer_sees),
      harness_test(a_bad_source_is_tried_again_for_ever),
      harness_test(an_unknown_host_is_tried_again_for_ever),
      harness_test(host_names_are_resolved_when_connecting),
      harness_test(a_socket_may_close_while_it_resolves),
      harness_test(a_path_is_taken_over),
      harness_test(an_abstract_name_is_not_taken_over),
      harness_test(a_wildcard_path_vanishes_with_its_socket),
      harness_test(an_ipc_peer_is_known_by_its_process),
      harness_test(an_inproc_name_has_one_binder),
      harness_test(a_long_inproc_name_works),
      harness_test(contexts_have_names_of_their_own),
      harness_test(inproc_does_not_reconnect),
      harness_test(unbind_wants_the_resolved_text),
      harness_test(unknown_texts_are_not_found),
      harness_test(both_calls_end_both_kinds),
      harness_test(a_name_finds_what_was_connected_by_number),
      harness_test(one_disconnect_ends_all_connections_of_a_text),
      harness_test(some_types_connect_once_to_a_text),
      harness_test(unbind_ends_what_was_accepted_there_only),
      harness_test(tcp_options_reach_the_kernel),
      harness_test(a_device_can_be_bound_to),
      harness_test(transports_mix_on_a_socket),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
