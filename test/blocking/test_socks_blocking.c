/* tcp connects by way of a SOCKS5 proxy: one that the test plays itself, and
 * one that passes everything on, in a thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_raw.h"
#include "support/monitored.h"
#include "support/secured.h"

/* Draft names. */
enum { SOCKS_USERNAME = 99, SOCKS_PASSWORD = 100 };

/* Octets with their number. */
#define BYTES(text) (text), sizeof(text) - 1

#define TARGET "tcp://target.test:7777"
#define ASKED "\5\1\0\3\xbtarget.test\x1e\x61"
#define GRANTED "\5\0\0\1\1\2\3\4\5\6"

/* ---- Played by the test ---- */

static void expect_bytes(int fd, const char *expected, size_t size) {
  char bytes[BLOCKING_TEXT_MAX];

  assert_true(size <= sizeof(bytes));
  assert_int_equal(recv(fd, bytes, size, MSG_WAITALL), size);
  assert_memory_equal(bytes, expected, size);
}

static void set_proxy(void *socket, const char *endpoint) {
  blocking_set_text(socket, ZMQ_SOCKS_PROXY, endpoint + strlen("tcp://"));
}

/* Takes the next connection, up to the answer. */
static int negotiate(int listener) {
  int fd = blocking_raw_accept(listener);

  expect_bytes(fd, BYTES("\5\1\0"));
  blocking_raw_send(fd, BYTES("\5\0"));
  expect_bytes(fd, BYTES(ASKED));
  return fd;
}

/* Receives [id][text] of a STREAM. */
static void expect_text(void *stream, const char *text) {
  char bytes[BLOCKING_TEXT_MAX];
  int size;

  assert_int_equal(zmq_recv(stream, bytes, sizeof(bytes), 0), 5);
  size = zmq_recv(stream, bytes, sizeof(bytes), 0);
  assert_int_equal(size, strlen(text));
  assert_memory_equal(bytes, text, strlen(text));
}

/* Monitors name who is connected to, and tell of a connection when the proxy
 * has made it. */
static void octets_pass(void **state) {
  blocking_t *b = *state;
  char proxy[BLOCKING_TEXT_MAX];
  char last[BLOCKING_TEXT_MAX];
  size_t size = sizeof(last);
  int listener = blocking_raw_listen(proxy);
  void *stream = blocking_socket(b, ZMQ_STREAM);
  void *monitor =
      blocking_monitor(b, stream,
                       ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECTED |
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
  int fd;

  blocking_set(stream, ZMQ_RECONNECT_IVL, 20);
  set_proxy(stream, proxy);
  blocking_connect(stream, TARGET);
  blocking_expect_ok(zmq_getsockopt(stream, ZMQ_LAST_ENDPOINT, last, &size));
  assert_string_equal(last, TARGET);
  for (int i = 0; i < 2; i++) {
    monitored_expect_delay(monitor, proxy);
    fd = negotiate(listener);
    monitored_expect_nothing(monitor);
    blocking_raw_send(fd, BYTES(GRANTED "hello"));
    expect_text(stream, "");
    expect_text(stream, "hello");
    monitored_expect(monitor, ZMQ_EVENT_CONNECTED, proxy);
    close(fd);
    expect_text(stream, "");
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, proxy);
    monitored_expect_retry(monitor, proxy, 20);
  }
  fd = negotiate(listener);
  blocking_raw_send(fd, BYTES(GRANTED));
  expect_text(stream, "");
  blocking_close(b, stream);
  blocking_raw_expect_end(fd);
  close(fd);
  close(listener);
}

static void a_password_is_sent_when_there_is_a_name(void **state) {
  blocking_t *b = *state;
  char proxy[BLOCKING_TEXT_MAX];
  int listener = blocking_raw_listen(proxy);
  void *stream = blocking_socket(b, ZMQ_STREAM);
  int fd;

  set_proxy(stream, proxy);
  blocking_set_text(stream, SOCKS_USERNAME, "user");
  blocking_set_text(stream, SOCKS_PASSWORD, "secret");
  blocking_connect(stream, TARGET);
  fd = blocking_raw_accept(listener);
  expect_bytes(fd, BYTES("\5\1\2"));
  blocking_raw_send(fd, BYTES("\5\2"));
  expect_bytes(fd, BYTES("\1\4user\6secret"));
  blocking_raw_send(fd, BYTES("\1\0"));
  expect_bytes(fd, BYTES(ASKED));
  blocking_raw_send(fd, BYTES(GRANTED "in"));
  expect_text(stream, "");
  expect_text(stream, "in");
  blocking_close(b, stream);
  close(fd);
  close(listener);
}

/* ---- A thread ---- */

typedef struct {
  int listener;
  pthread_t thread;
} relay_t;

/* What comes from one goes to the other, until one ends. */
static void pass_on(int one, int other) {
  struct pollfd items[2] = {{.fd = one, .events = POLLIN},
                            {.fd = other, .events = POLLIN}};
  char bytes[4096];

  while (poll(items, 2, BLOCKING_DEADLINE_MS) > 0) {
    for (size_t i = 0; i < 2; i++) {
      ssize_t size;
      if (items[i].revents == 0)
        continue;
      size = recv(items[i].fd, bytes, sizeof(bytes), 0);
      if (size <= 0 ||
          send(items[1 - i].fd, bytes, (size_t)size, MSG_NOSIGNAL) != size)
        return;
    }
  }
}

static bool take_bytes(int fd, void *bytes, size_t size) {
  return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* Serves one connection, to an IPv4 address. */
static void *relay_run(void *argument) {
  relay_t *relay = argument;
  struct sockaddr_in address = {.sin_family = AF_INET};
  int other = socket(AF_INET, SOCK_STREAM, 0);
  int fd = accept(relay->listener, NULL, NULL);
  char bytes[10];

  if (take_bytes(fd, bytes, 3) && send(fd, "\5\0", 2, MSG_NOSIGNAL) == 2 &&
      take_bytes(fd, bytes, 10)) {
    memcpy(&address.sin_addr, bytes + 4, 4);
    memcpy(&address.sin_port, bytes + 8, 2);
    if (connect(other, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, BYTES(GRANTED), MSG_NOSIGNAL) > 0)
      pass_on(fd, other);
  }
  close(fd);
  close(other);
  return NULL;
}

static void requests_pass(void **state) {
  blocking_t *b = *state;
  void *rep = blocking_socket(b, ZMQ_REP);
  void *req = blocking_socket(b, ZMQ_REQ);
  char endpoint[BLOCKING_TEXT_MAX];
  char proxy[BLOCKING_TEXT_MAX];
  relay_t relay;

  relay.listener = blocking_raw_listen(proxy);
  assert_int_equal(pthread_create(&relay.thread, NULL, relay_run, &relay), 0);
  blocking_bind(b, rep, endpoint);
  set_proxy(req, proxy);
  blocking_connect(req, endpoint);
  for (int i = 0; i < 10; i++) {
    blocking_send(req, "question");
    blocking_expect(rep, "question");
    blocking_send(rep, "answer");
    blocking_expect(req, "answer");
  }
  blocking_close(b, req);
  pthread_join(relay.thread, NULL);
  close(relay.listener);
}

/* ---- Failures. They end the program where libzmq 4.3 is used. ---- */

static void a_failed_negotiation_is_tried_again(void **state) {
  blocking_t *b = *state;
  char proxy[BLOCKING_TEXT_MAX];
  void *monitor;
  void *stream;
  int listener;
  int fd;

  if (!blocking_is_zuv())
    skip();
  listener = blocking_raw_listen(proxy);
  stream = monitored_connecter(b, ZMQ_STREAM, &monitor);
  set_proxy(stream, proxy);
  blocking_connect(stream, TARGET);
  monitored_expect_delay(monitor, proxy);
  close(negotiate(listener));
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, proxy);
  monitored_expect_retry(monitor, proxy, 20);
  monitored_expect_delay(monitor, proxy);
  fd = negotiate(listener);
  blocking_raw_send(fd, BYTES("\5\1\0\1\1\2\3\4\5\6"));
  secured_raw_wait_end(fd);
  close(fd);
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, proxy);
  monitored_expect_retry(monitor, proxy, 20);
  fd = negotiate(listener);
  blocking_raw_send(fd, BYTES(GRANTED "in"));
  expect_text(stream, "");
  expect_text(stream, "in");
  close(fd);
  close(listener);
}

static void a_stalling_proxy_is_left(void **state) {
  blocking_t *b = *state;
  char proxy[BLOCKING_TEXT_MAX];
  void *monitor;
  void *push;
  int listener;

  if (!blocking_is_zuv())
    skip();
  listener = blocking_raw_listen(proxy);
  push = monitored_connecter(b, ZMQ_PUSH, &monitor);
  blocking_set(push, ZMQ_CONNECT_TIMEOUT, 50);
  set_proxy(push, proxy);
  blocking_connect(push, TARGET);
  for (int i = 0; i < 2; i++) {
    monitored_expect_delay(monitor, proxy);
    monitored_expect(monitor, ZMQ_EVENT_CLOSED, proxy);
    monitored_expect_retry(monitor, proxy, 20);
  }
  close(listener);
}

static void sockets_close_in_the_middle(void **state) {
  blocking_t *b = *state;
  char proxy[BLOCKING_TEXT_MAX];
  int listener;

  if (!blocking_is_zuv())
    skip();
  listener = blocking_raw_listen(proxy);
  for (int i = 0; i < 4; i++) {
    void *push = blocking_socket(b, ZMQ_PUSH);
    int fd;

    blocking_set(push, ZMQ_LINGER, 0);
    set_proxy(push, proxy);
    blocking_connect(push, TARGET);
    fd = negotiate(listener);
    if (i % 2 == 1)
      blocking_raw_send(fd, BYTES("\5\0\0\1"));
    if (i < 2)
      blocking_close(b, push);
    else
      blocking_expect_ok(zmq_disconnect(push, TARGET));
    secured_raw_wait_end(fd);
    close(fd);
  }
  close(listener);
}

static void a_malformed_proxy_is_an_error(void **state) {
  blocking_t *b = *state;
  void *push = blocking_socket(b, ZMQ_PUSH);

  if (!blocking_is_zuv())
    skip();
  blocking_set_text(push, ZMQ_SOCKS_PROXY, "tcp://127.0.0.1:1080");
  blocking_expect_errno(zmq_connect(push, TARGET), EINVAL);
  blocking_expect_errno(zmq_disconnect(push, TARGET), ENOENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(octets_pass),
      blocking_test(a_password_is_sent_when_there_is_a_name),
      blocking_test(requests_pass),
      blocking_test(a_failed_negotiation_is_tried_again),
      blocking_test(a_stalling_proxy_is_left),
      blocking_test(sockets_close_in_the_middle),
      blocking_test(a_malformed_proxy_is_an_error),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
