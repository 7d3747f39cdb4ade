/* ZUV_USE_FD, which a bind adopts, and ZUV_BINDTODEVICE. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"

/* Bound to a free port of loopback. */
static int tcp_socket(int type, int family) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(family, type, 0);
  int err;

  if (fd < 0)
    return -1;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  err = family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
                           : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
  if (err == 0)
    return fd;
  close(fd);
  return -1;
}

static int tcp_listener(int family) {
  int fd = tcp_socket(SOCK_STREAM, family);

  if (fd >= 0)
    assert_int_equal(listen(fd, 8), 0);
  return fd;
}

static int port_of(int fd) {
  struct sockaddr_in6 address;
  socklen_t size = sizeof(address);

  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  return ntohs(address.sin6_port);
}

/* "ipc://PATH", or "ipc://@NAME". */
static int ipc_listener(const char *endpoint) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = endpoint + strlen("ipc://");
  socklen_t size =
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path));
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(fd, 8), 0);
  return fd;
}

static void fresh_ipc(harness_t *h, char *endpoint) {
  harness_transport_t before = harness_transport;

  harness_transport = HARNESS_IPC;
  harness_fresh_endpoint(h, endpoint);
  harness_transport = before;
}

static bool is_open(int fd) {
  return fcntl(fd, F_GETFD) != -1;
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

/* Behaviour 141: adopted, by its own name, and closed in the end. */
static void expect_adopted(harness_t *h, int fd, const char *text,
                           const char *expected, int ipv6) {
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char last[HARNESS_TEXT_MAX];

  harness_set(pull, ZUV_USE_FD, fd);
  assert_int_equal(zuv_bind(&pull->zuv, text), 0);
  harness_last_endpoint(pull, last);
  assert_string_equal(last, expected);
  harness_wait_event(pull, ZUV_EVENT_LISTENING, 1);
  assert_string_equal(harness_event(pull, ZUV_EVENT_LISTENING, 0)->endpoint,
                      expected);
  assert_int_equal(harness_event(pull, ZUV_EVENT_LISTENING, 0)->fd, fd);
  /* Adopting it again harms nobody. */
  assert_int_equal(zuv_bind(&pull->zuv, text), UV_EEXIST);
  assert_reaches(pull, expected, ipv6);
  assert_int_equal(zuv_unbind(&pull->zuv, expected), 0);
  assert_false(is_open(fd));
}

static void a_tcp_descriptor_is_adopted(void **state) {
  char expected[HARNESS_TEXT_MAX];
  int fd = tcp_listener(AF_INET);

  snprintf(expected, sizeof(expected), "tcp://127.0.0.1:%d", port_of(fd));
  expect_adopted(*state, fd, "tcp://127.0.0.1:*", expected, 0);
  fd = tcp_listener(AF_INET);
  snprintf(expected, sizeof(expected), "tcp://127.0.0.1:%d", port_of(fd));
  expect_adopted(*state, fd, "tcp://10.9.8.7:1234", expected, 0);
  fd = tcp_listener(AF_INET6);
  if (fd < 0)
    return;
  snprintf(expected, sizeof(expected), "tcp://[::1]:%d", port_of(fd));
  expect_adopted(*state, fd, "tcp://*:*", expected, 1);
}

static void an_ipc_descriptor_is_adopted(void **state) {
  char endpoint[HARNESS_TEXT_MAX];
  char unused[HARNESS_TEXT_MAX];

  fresh_ipc(*state, endpoint);
  fresh_ipc(*state, unused);
  expect_adopted(*state, ipc_listener(endpoint), unused, endpoint, 0);
  /* Whoever made the path may remove it. */
  assert_int_equal(access(endpoint + strlen("ipc://"), F_OK), 0);
  assert_int_equal(access(unused + strlen("ipc://"), F_OK), -1);

  fresh_ipc(*state, endpoint);
  expect_adopted(*state, ipc_listener(endpoint), "ipc://*", endpoint, 0);
  snprintf(endpoint, sizeof(endpoint), "ipc://@zuv-use-fd-%d", (int)getpid());
  expect_adopted(*state, ipc_listener(endpoint), "ipc://@other", endpoint, 0);
}

static void a_socket_that_closes_closes_it(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  int fd = tcp_listener(AF_INET);

  harness_set(pull, ZUV_USE_FD, fd);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://*:*"), 0);
  harness_close(pull);
  assert_false(is_open(fd));
}

/* What is no listening descriptor of the transport stays its owner's. */
static void expect_refused(harness_t *h, int fd, const char *text, int error) {
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char last[HARNESS_TEXT_MAX];

  assert_true(fd >= 0);
  harness_set(pull, ZUV_USE_FD, fd);
  assert_int_equal(zuv_bind(&pull->zuv, text), error);
  assert_true(error == UV_EBADF || is_open(fd));
  harness_last_endpoint(pull, last);
  assert_string_equal(last, "");
  harness_set(pull, ZUV_USE_FD, -1);
  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_close(pull);
  assert_true(error == UV_EBADF || is_open(fd));
  if (error != UV_EBADF)
    close(fd);
}

static void what_cannot_be_adopted_stays_its_owners(void **state) {
  harness_t *h = *state;
  char endpoint[HARNESS_TEXT_MAX];
  int fds[2];

  assert_int_equal(pipe(fds), 0);
  expect_refused(h, fds[0], "tcp://127.0.0.1:*", UV_ENOTSOCK);
  expect_refused(h, fds[1], "ipc://@zuv-unused", UV_ENOTSOCK);
  expect_refused(h, fds[1], "tcp://127.0.0.1:*", UV_EBADF);
  expect_refused(h, 1000000, "tcp://127.0.0.1:*", UV_EBADF);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  expect_refused(h, fds[0], "ipc://@zuv-unused", UV_EINVAL);
  expect_refused(h, fds[1], "tcp://127.0.0.1:*", UV_EINVAL);
  expect_refused(h, tcp_socket(SOCK_STREAM, AF_INET), "tcp://127.0.0.1:*",
                 UV_EINVAL);
  expect_refused(h, tcp_socket(SOCK_DGRAM, AF_INET), "tcp://127.0.0.1:*",
                 UV_EINVAL);
  expect_refused(h, tcp_listener(AF_INET), "ipc://@zuv-unused", UV_EINVAL);
  fresh_ipc(h, endpoint);
  expect_refused(h, ipc_listener(endpoint), "tcp://127.0.0.1:*", UV_EINVAL);
}

/* ---- BINDTODEVICE ---- */

/* Where the system lets us: not before Linux 5.7 without a privilege. */
static void a_device_is_bound_to(void **state) {
  harness_socket_t *pull = harness_socket(*state, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  int err;

  harness_set_text(pull, ZUV_BINDTODEVICE, "nosuchnic");
  err = zuv_bind(&pull->zuv, "tcp://127.0.0.1:*");
  assert_true(err == UV_ENODEV || err == UV_EPERM);
  harness_set_text(pull, ZUV_BINDTODEVICE, "lo");
  err = zuv_bind(&pull->zuv, "tcp://127.0.0.1:*");
  if (err == UV_EPERM)
    skip();
  assert_int_equal(err, 0);
  harness_last_endpoint(pull, endpoint);
  assert_reaches(pull, endpoint, 0);
}

static void a_device_is_connected_through(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  const harness_event_t *event;

  assert_int_equal(zuv_bind(&pull->zuv, "tcp://127.0.0.1:*"), 0);
  harness_last_endpoint(pull, endpoint);
  harness_set(push, ZUV_RECONNECT_IVL, 20);
  harness_set_text(push, ZUV_BINDTODEVICE, "nosuchnic");
  harness_connect(push, endpoint);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
  event = harness_event(push, ZUV_EVENT_CONNECT_RETRIED, 1);
  assert_true(event->status == UV_ENODEV || event->status == UV_EPERM);
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
  if (event->status == UV_EPERM)
    skip();
  harness_set_text(push, ZUV_BINDTODEVICE, "lo");
  harness_connect(push, endpoint);
  harness_send(push, "through lo");
  harness_expect_next(pull, "through lo");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(a_tcp_descriptor_is_adopted),
      harness_test(an_ipc_descriptor_is_adopted),
      harness_test(a_socket_that_closes_closes_it),
      harness_test(what_cannot_be_adopted_stays_its_owners),
      harness_test(a_device_is_bound_to),
      harness_test(a_device_is_connected_through),
  };

  (void)argc;
  (void)argv;
  return cmocka_run_group_tests_name("use fd", tests, NULL, NULL);
}
