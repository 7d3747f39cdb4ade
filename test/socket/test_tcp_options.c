/* What the options of tcp become in the kernel, at both ends of a connection.
 * What a value should become there is asked of the kernel itself, on a socket
 * that nobody else has touched; a value that it does not take is left out. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/harness.h"

enum { NUMBERS_MAX = 4 };

typedef struct {
  int number; /* 0: the last one */
  int value;
} setting_t;

typedef struct {
  const char *name;
  setting_t settings[NUMBERS_MAX];
  int level;
  int kernel_name;
  int kernel_value; /* that is set to have the same */
  bool ipv6_only;
} row_t;

static const row_t rows[] = {
    {"SNDBUF", {{ZUV_SNDBUF, 30000}}, SOL_SOCKET, SO_SNDBUF, 30000, false},
    {"SNDBUF 0", {{ZUV_SNDBUF, 0}}, SOL_SOCKET, SO_SNDBUF, 0, false},
    {"RCVBUF", {{ZUV_RCVBUF, 40000}}, SOL_SOCKET, SO_RCVBUF, 40000, false},
    {"KEEPALIVE", {{ZUV_TCP_KEEPALIVE, 1}}, SOL_SOCKET, SO_KEEPALIVE, 1, false},
    {"KEEPALIVE 0",
     {{ZUV_TCP_KEEPALIVE, 0}},
     SOL_SOCKET,
     SO_KEEPALIVE,
     0,
     false},
    {"KEEPALIVE_CNT",
     {{ZUV_TCP_KEEPALIVE, 1}, {ZUV_TCP_KEEPALIVE_CNT, 3}},
     IPPROTO_TCP,
     TCP_KEEPCNT,
     3,
     false},
    {"KEEPALIVE_IDLE",
     {{ZUV_TCP_KEEPALIVE, 1}, {ZUV_TCP_KEEPALIVE_IDLE, 77}},
     IPPROTO_TCP,
     TCP_KEEPIDLE,
     77,
     false},
    {"KEEPALIVE_INTVL",
     {{ZUV_TCP_KEEPALIVE, 1}, {ZUV_TCP_KEEPALIVE_INTVL, 7}},
     IPPROTO_TCP,
     TCP_KEEPINTVL,
     7,
     false},
    {"MAXRT",
     {{ZUV_TCP_MAXRT, 4321}},
     IPPROTO_TCP,
     TCP_USER_TIMEOUT,
     4321,
     false},
    {"TOS", {{ZUV_TOS, 0x28}}, IPPROTO_IP, IP_TOS, 0x28, false},
    {"TOS of IPv6", {{ZUV_TOS, 0x28}}, IPPROTO_IPV6, IPV6_TCLASS, 0x28, true},
    {"PRIORITY", {{ZUV_PRIORITY, 3}}, SOL_SOCKET, SO_PRIORITY, 3, false},
    {"PRIORITY beside TOS",
     {{ZUV_TOS, 0x28}, {ZUV_PRIORITY, 1}},
     SOL_SOCKET,
     SO_PRIORITY,
     1,
     false},
    {"BUSY_POLL", {{ZUV_BUSY_POLL, 40}}, SOL_SOCKET, SO_BUSY_POLL, 40, false},
    /* and what is always so */
    {"NODELAY", {{0, 0}}, IPPROTO_TCP, TCP_NODELAY, 1, false},
    /* and what without an option is left alone */
    {"no KEEPALIVE",
     {{ZUV_TCP_KEEPALIVE_CNT, 3}, {ZUV_TCP_KEEPALIVE_IDLE, 77}},
     SOL_SOCKET,
     SO_KEEPALIVE,
     0,
     false},
};

static int kernel_value(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);

  assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

/* Skips a family that the machine does not have. */
static int untouched_socket(int family) {
  int fd = socket(family, SOCK_STREAM, 0);

  if (fd < 0)
    skip();
  return fd;
}

/* False: the kernel does not take it. */
static bool expected_of(const row_t *row, int family, int *expected) {
  int fd = untouched_socket(family);
  bool taken = setsockopt(fd, row->level, row->kernel_name, &row->kernel_value,
                          sizeof(int)) == 0;

  if (taken)
    *expected = kernel_value(fd, row->level, row->kernel_name);
  close(fd);
  return taken;
}

typedef struct {
  harness_socket_t *bound;
  harness_socket_t *connected;
} pair_t;

static void pair_open(harness_t *h, pair_t *pair, const row_t *row, int ipv6) {
  pair->bound = harness_socket(h, ZUV_PAIR);
  pair->connected = harness_socket(h, ZUV_PAIR);
  for (size_t i = 0; i < NUMBERS_MAX && row->settings[i].number != 0; i++) {
    harness_set(pair->bound, row->settings[i].number, row->settings[i].value);
    harness_set(pair->connected, row->settings[i].number,
                row->settings[i].value);
  }
  harness_set(pair->bound, ZUV_IPV6, ipv6);
  harness_set(pair->connected, ZUV_IPV6, ipv6);
}

static void pair_join(pair_t *pair, const char *wildcard) {
  char endpoint[HARNESS_TEXT_MAX];

  assert_int_equal(zuv_bind(&pair->bound->zuv, wildcard), 0);
  harness_last_endpoint(pair->bound, endpoint);
  harness_connect(pair->connected, endpoint);
  harness_wait_ready(pair->bound, 1);
  harness_wait_ready(pair->connected, 1);
}

static int accepted_fd(const pair_t *pair) {
  return harness_event(pair->bound, ZUV_EVENT_ACCEPTED, 0)->fd;
}

static int connected_fd(const pair_t *pair) {
  return harness_event(pair->connected, ZUV_EVENT_CONNECTED, 0)->fd;
}

static void pair_close(pair_t *pair) {
  harness_close(pair->connected);
  harness_close(pair->bound);
}

static void require_value(int fd, const row_t *row, int expected,
                          const char *end) {
  int value = kernel_value(fd, row->level, row->kernel_name);

  if (value != expected)
    fail_msg("%s, %s: %d in place of %d", row->name, end, value, expected);
}

static void check_row(harness_t *h, const row_t *row, int family,
                      const char *wildcard) {
  int expected = 0;
  pair_t pair;

  if (!expected_of(row, family, &expected)) {
    print_message("%s is not to be had\n", row->name);
    return;
  }
  pair_open(h, &pair, row, family == AF_INET6);
  pair_join(&pair, wildcard);
  require_value(connected_fd(&pair), row, expected, "connected");
  require_value(accepted_fd(&pair), row, expected, "accepted");
  pair_close(&pair);
}

static void options_reach_the_kernel(void **state) {
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    if (!rows[i].ipv6_only)
      check_row(*state, &rows[i], AF_INET, "tcp://127.0.0.1:*");
}

static void options_reach_the_kernel_with_ipv6(void **state) {
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    check_row(*state, &rows[i], AF_INET6, "tcp://[::1]:*");
}

/* An IPv4 address that IPv6 sockets use. */
static void options_reach_the_kernel_with_mapped_addresses(void **state) {
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    check_row(*state, &rows[i], AF_INET6, "tcp://127.0.0.1:*");
}

/* The descriptor of the listener has what its connections are to have. */
static void a_listener_has_them_too(void **state) {
  static const row_t row = {"TOS", {{ZUV_TOS, 0x28}}, IPPROTO_IP, IP_TOS, 0x28,
                            false};
  pair_t pair;

  pair_open(*state, &pair, &row, 0);
  assert_int_equal(zuv_bind(&pair.bound->zuv, "tcp://127.0.0.1:*"), 0);
  harness_wait_event(pair.bound, ZUV_EVENT_LISTENING, 1);
  require_value(harness_event(pair.bound, ZUV_EVENT_LISTENING, 0)->fd, &row,
                0x28, "listening");
}

static void what_was_set_later_is_for_later(void **state) {
  static const row_t none = {"none",       {{0, 0}}, SOL_SOCKET,
                             SO_KEEPALIVE, 0,        false};
  pair_t pair;

  pair_open(*state, &pair, &none, 0);
  pair_join(&pair, "tcp://127.0.0.1:*");
  harness_set(pair.bound, ZUV_TCP_KEEPALIVE, 1);
  harness_set(pair.connected, ZUV_TCP_KEEPALIVE, 1);
  require_value(connected_fd(&pair), &none, 0, "connected");
  require_value(accepted_fd(&pair), &none, 0, "accepted");
}

static void no_program_inherits_a_descriptor(void **state) {
  static const row_t none = {"none", {{0, 0}}, 0, 0, 0, false};
  pair_t pair;
  int fds[3];

  pair_open(*state, &pair, &none, 0);
  pair_join(&pair, "tcp://127.0.0.1:*");
  fds[0] = connected_fd(&pair);
  fds[1] = accepted_fd(&pair);
  fds[2] = harness_event(pair.bound, ZUV_EVENT_LISTENING, 0)->fd;
  for (size_t i = 0; i < 3; i++) {
    assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
  }
}

static void ipc_has_buffers_only(void **state) {
  static const row_t buffer = {
      "SNDBUF", {{ZUV_SNDBUF, 30000}}, SOL_SOCKET, SO_SNDBUF, 30000, false};
  static const row_t tos = {
      "TOS", {{ZUV_TOS, 0x28}}, SOL_SOCKET, SO_KEEPALIVE, 0, false};
  harness_transport_t before = harness_transport;
  harness_t *h = *state;
  int expected = 0;
  pair_t pair;

  harness_transport = HARNESS_IPC;
  assert_true(expected_of(&buffer, AF_UNIX, &expected));
  pair_open(h, &pair, &buffer, 0);
  harness_join(pair.bound, pair.connected, NULL);
  require_value(connected_fd(&pair), &buffer, expected, "connected");
  require_value(accepted_fd(&pair), &buffer, expected, "accepted");
  pair_open(h, &pair, &tos, 0);
  harness_join(pair.bound, pair.connected, NULL);
  harness_transport = before;
}

/* ---- Devices ---- */

#define NO_SUCH_DEVICE "nosuch0"

/* What the kernel says of a device: some need a privilege for any. */
static int status_of_device(const char *device) {
  int fd = untouched_socket(AF_INET);
  int error = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
                         (socklen_t)strlen(device)) == 0
                  ? 0
                  : errno;

  close(fd);
  return uv_translate_sys_error(error);
}

static void expect_device(int fd, const char *device) {
  char name[32] = "";
  socklen_t size = sizeof(name);

  assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
  assert_string_equal(name, device);
}

static void a_device_reaches_the_kernel(void **state) {
  static const row_t none = {"none", {{0, 0}}, 0, 0, 0, false};
  pair_t pair;

  if (status_of_device("lo") != 0)
    skip();
  pair_open(*state, &pair, &none, 0);
  harness_set_text(pair.bound, ZUV_BINDTODEVICE, "lo");
  harness_set_text(pair.connected, ZUV_BINDTODEVICE, "lo");
  pair_join(&pair, "tcp://127.0.0.1:*");
  expect_device(connected_fd(&pair), "lo");
  expect_device(accepted_fd(&pair), "lo");
}

static void binding_to_no_device_fails_at_once(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PULL);

  harness_set_text(s, ZUV_BINDTODEVICE, NO_SUCH_DEVICE);
  assert_true(status_of_device(NO_SUCH_DEVICE) != 0);
  assert_int_equal(zuv_bind(&s->zuv, "tcp://127.0.0.1:*"),
                   status_of_device(NO_SUCH_DEVICE));
  /* another attempt may be without it */
  assert_int_equal(zuv_set_option(&s->zuv, ZUV_BINDTODEVICE, NULL, 0), 0);
  assert_int_equal(zuv_bind(&s->zuv, "tcp://127.0.0.1:*"), 0);
}

static void connecting_from_no_device_is_tried_for_ever(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PUSH);

  harness_set(s, ZUV_RECONNECT_IVL, 10);
  harness_set_text(s, ZUV_BINDTODEVICE, NO_SUCH_DEVICE);
  harness_connect(s, "tcp://127.0.0.1:5");
  harness_wait_event(s, ZUV_EVENT_CONNECT_RETRIED, 3);
  assert_int_equal(s->happened, harness_events(s, ZUV_EVENT_CONNECT_RETRIED));
  assert_int_equal(s->events[0].status, status_of_device(NO_SUCH_DEVICE));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      harness_test(options_reach_the_kernel),
      harness_test(options_reach_the_kernel_with_ipv6),
      harness_test(options_reach_the_kernel_with_mapped_addresses),
      harness_test(a_listener_has_them_too),
      harness_test(what_was_set_later_is_for_later),
      harness_test(no_program_inherits_a_descriptor),
      harness_test(ipc_has_buffers_only),
      harness_test(a_device_reaches_the_kernel),
      harness_test(binding_to_no_device_fails_at_once),
      harness_test(connecting_from_no_device_is_tried_for_ever),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
