#include "blocking_raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RAW_EXPECT_MAX = 256 };

static void set_deadline(int fd) {
  const struct timeval deadline = {.tv_sec = BLOCKING_DEADLINE_MS / 1000};

  assert_int_equal(
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)), 0);
  assert_int_equal(
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline)), 0);
}

static int raw_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_true(fd >= 0);
  set_deadline(fd);
  return fd;
}

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int blocking_raw_connect(const char *endpoint) {
  const char *port = strrchr(endpoint, ':');
  struct sockaddr_in address;
  int fd = raw_socket();

  assert_non_null(port);
  address = loopback((uint16_t)strtoul(port + 1, NULL, 10));
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                   0);
  return fd;
}

int blocking_raw_listen(char *endpoint) {
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  int fd = raw_socket();

  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(fd, 16), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  snprintf(endpoint, BLOCKING_TEXT_MAX, "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
  return fd;
}

int blocking_raw_accept(int listener) {
  struct pollfd item = {.fd = listener, .events = POLLIN};
  int fd;

  assert_int_equal(poll(&item, 1, BLOCKING_DEADLINE_MS), 1);
  fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  assert_true(fd >= 0);
  set_deadline(fd);
  return fd;
}

void blocking_raw_send(int fd, const void *bytes, size_t size) {
  const char *next = bytes;
  ssize_t sent;

  for (; size > 0; size -= (size_t)sent, next += sent) {
    sent = send(fd, next, size, MSG_NOSIGNAL);
    assert_true(sent > 0);
  }
}

void blocking_raw_expect(int fd, const char *text) {
  char bytes[RAW_EXPECT_MAX + 1] = "";
  size_t size = strlen(text);

  assert_true(size <= RAW_EXPECT_MAX);
  if (size > 0)
    assert_int_equal(recv(fd, bytes, size, MSG_WAITALL), size);
  assert_string_equal(bytes, text);
}

void blocking_raw_skip(int fd, size_t size) {
  static char bytes[100000];
  ssize_t got;

  for (; size > 0; size -= (size_t)got) {
    got = recv(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes), 0);
    assert_true(got > 0);
  }
}

void blocking_raw_expect_end(int fd) {
  char byte;

  assert_int_equal(recv(fd, &byte, 1, 0), 0);
}
