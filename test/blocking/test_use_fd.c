/* ZMQ_USE_FD, which a bind adopts, and ZMQ_BINDTODEVICE. Not run per transport.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/monitored.h"

/* On a free port of loopback, listening or not; `endpoint` gets its name. */
static int tcp_socket(bool listening, char *endpoint) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  if (listening)
    assert_int_equal(listen(fd, 8), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  snprintf(endpoint, BLOCKING_TEXT_MAX, "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
  return fd;
}

static void fresh_ipc(blocking_t *b, char *endpoint) {
  blocking_transport = BLOCKING_IPC;
  blocking_fresh_endpoint(b, endpoint);
  blocking_transport = BLOCKING_TCP;
}

static int ipc_listener(blocking_t *b, char *endpoint) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = endpoint + strlen("ipc://");
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  fresh_ipc(b, endpoint);
  assert_true(strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path));
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(fd, 8), 0);
  return fd;
}

static bool is_open(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

/* Behaviour 141: by its own name, whatever was asked for. */
static void expect_adopted(blocking_t *b, int fd, const char *text,
                           const char *expected) {
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, pull, ZMQ_EVENT_ALL);
  /* libzmq tells of what was asked for over ipc */
  bool tells_name = blocking_is_zuv() || strncmp(text, "tcp:", 4) == 0;

  blocking_set(pull, ZMQ_USE_FD, fd);
  blocking_bind_to(pull, text);
  blocking_expect_last(pull, expected);
  assert_int_equal(monitored_expect(monitor, ZMQ_EVENT_LISTENING,
                                    tells_name ? expected : NULL),
                   fd);
  blocking_expect_reaches(b, pull, expected, false);
  blocking_expect_ok(zmq_unbind(pull, expected));
  assert_int_equal(blocking_wait_monitor(monitor, ZMQ_EVENT_CLOSED), fd);
  blocking_wait(!is_open(fd));
}

static void a_tcp_descriptor_is_adopted(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  int fd = tcp_socket(true, endpoint);

  expect_adopted(*state, fd, "tcp://127.0.0.1:*", endpoint);
}

static void an_ipc_descriptor_is_adopted(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  char unused[BLOCKING_TEXT_MAX];
  int fd = ipc_listener(*state, endpoint);

  fresh_ipc(*state, unused);
  expect_adopted(*state, fd, unused, endpoint);
  assert_int_equal(access(unused + strlen("ipc://"), F_OK), -1);
}

/* Behaviour 141: it is closed in the end. */
static void a_context_that_ends_closes_it(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  int fd = tcp_socket(true, endpoint);

  blocking_set(pull, ZMQ_USE_FD, fd);
  blocking_bind_to(pull, "tcp://127.0.0.1:*");
  blocking_end(b);
  assert_false(is_open(fd));
}

/* Better: an error, and the descriptor stays its owner's. */
static void expect_refused(blocking_t *b, int fd, const char *text, int error) {
  void *pull = blocking_socket(b, ZMQ_PULL);

  blocking_set(pull, ZMQ_USE_FD, fd);
  blocking_expect_errno(zmq_bind(pull, text), error);
  blocking_close(b, pull);
  assert_int_equal(is_open(fd), error != EBADF);
  if (error != EBADF)
    close(fd);
}

static void what_cannot_be_adopted_stays_its_owners(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  int fds[2];

  if (!blocking_is_zuv())
    skip();
  assert_int_equal(pipe(fds), 0);
  expect_refused(b, fds[0], "tcp://127.0.0.1:*", ENOTSOCK);
  expect_refused(b, fds[1], "ipc://@zuv-unused", ENOTSOCK);
  expect_refused(b, 1000000, "tcp://127.0.0.1:*", EBADF);
  expect_refused(b, tcp_socket(false, endpoint), "tcp://127.0.0.1:*", EINVAL);
  expect_refused(b, tcp_socket(true, endpoint), "ipc://@zuv-unused", EINVAL);
  expect_refused(b, ipc_listener(b, endpoint), "tcp://127.0.0.1:*", EINVAL);
}

/* Where the system lets us: not before Linux 5.7 without a privilege. */
static void a_device_is_bound_to(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull = blocking_socket(*state, ZMQ_PULL);

  blocking_set_text(pull, ZMQ_BINDTODEVICE, "nosuchnic");
  assert_int_equal(zmq_bind(pull, "tcp://127.0.0.1:*"), -1);
  assert_true(errno == ENODEV || errno == EPERM);
  blocking_set_text(pull, ZMQ_BINDTODEVICE, "lo");
  if (zmq_bind(pull, "tcp://127.0.0.1:*") != 0) {
    assert_int_equal(errno, EPERM);
    skip();
  }
  blocking_get_text(pull, ZMQ_LAST_ENDPOINT, endpoint);
  blocking_expect_reaches(*state, pull, endpoint, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_tcp_descriptor_is_adopted),
      blocking_test(an_ipc_descriptor_is_adopted),
      blocking_test(a_context_that_ends_closes_it),
      blocking_test(what_cannot_be_adopted_stays_its_owners),
      blocking_test(a_device_is_bound_to),
  };

  return cmocka_run_group_tests_name("use fd", tests, NULL, NULL);
}
