/* The same with plain blocking sockets: messages with a length before them over
 * a tcp or a unix stream, and a ping-pong over tcp.
 *
 * The link: the listening side says the port, or the number in the name of the
 * unix socket. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "blocking.h"

static socklen_t unix_address(struct sockaddr_un *address, int number) {
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  /* An abstract name: it begins with a null byte and needs no file. */
  return (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
         (socklen_t)snprintf(address->sun_path + 1,
                             sizeof(address->sun_path) - 1, "zuv-bench-raw-%d",
                             number);
}

static int unix_listen(int *number) {
  struct sockaddr_un address;
  socklen_t size;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  *number = (int)getpid();
  size = unix_address(&address, *number);
  bench_require(fd >= 0, "socket");
  bench_require(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
  bench_require(listen(fd, 1) == 0, "listen");
  return fd;
}

static int unix_connect(int number) {
  struct sockaddr_un address;
  socklen_t size = unix_address(&address, number);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  bench_require(fd >= 0, "socket");
  bench_require(connect(fd, (struct sockaddr *)&address, size) == 0, "connect");
  return fd;
}

static bool uses_tcp(const bench_work_t *work) {
  return strcmp(work->roles->transport, "tcp") == 0;
}

/* Takes one connection. */
static int accepted(const bench_work_t *work, int link) {
  int number, fd, on = 1;
  int listener =
      uses_tcp(work) ? bench_tcp_listen(&number) : unix_listen(&number);

  bench_say(link, &number, sizeof(number));
  fd = accept(listener, NULL, NULL);
  bench_require(fd >= 0, "accept");
  close(listener);
  if (uses_tcp(work))
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

static int connected(const bench_work_t *work, int link) {
  int number;

  bench_hear(link, &number, sizeof(number));
  return uses_tcp(work) ? bench_tcp_connect(number) : unix_connect(number);
}

static void receive_exactly(int fd, void *data, size_t size) {
  bench_require(recv(fd, data, size, MSG_WAITALL) == (ssize_t)size, "recv");
}

static void send_exactly(int fd, const void *data, size_t size) {
  bench_require(send(fd, data, size, 0) == (ssize_t)size, "send");
}

/* ---- messages ---------------------------------------------------------------
 */

double blocking_raw_pull(const bench_work_t *work, int link) {
  int fd = accepted(work, link);
  uint64_t warm_up = blocking_warm_up(work), begin = 0;
  char *body = malloc(work->size);
  double seconds;

  bench_require(body != NULL, "malloc");
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    uint64_t length;
    if (i == warm_up)
      begin = bench_now();
    receive_exactly(fd, &length, sizeof(length));
    bench_require(length == work->size, "the message's size");
    receive_exactly(fd, body, length);
  }
  seconds = (double)(bench_now() - begin) / 1e9;
  free(body);
  close(fd);
  return (double)work->count / seconds;
}

double blocking_raw_push(const bench_work_t *work, int link) {
  int fd = connected(work, link);
  uint64_t total = blocking_warm_up(work) + work->count;
  uint64_t length = work->size;
  char *body = malloc(work->size);
  struct iovec parts[2] = {{&length, sizeof(length)}, {body, work->size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

  bench_require(body != NULL, "malloc");
  memset(body, 'x', work->size);
  for (uint64_t i = 0; i < total; i++)
    bench_require(sendmsg(fd, &message, 0) ==
                      (ssize_t)(sizeof(length) + work->size),
                  "sendmsg");
  free(body);
  close(fd);
  return 0;
}

/* ---- ping-pong --------------------------------------------------------------
 */

double blocking_raw_rep(const bench_work_t *work, int link) {
  int fd = accepted(work, link);
  uint64_t total = blocking_warm_up(work) + work->count;
  char body[BENCH_SMALL_MAX];

  bench_require(work->size <= sizeof(body), "room for the message");
  for (uint64_t i = 0; i < total; i++) {
    receive_exactly(fd, body, work->size);
    send_exactly(fd, body, work->size);
  }
  close(fd);
  return 0;
}

double blocking_raw_req(const bench_work_t *work, int link) {
  int fd = connected(work, link);
  uint64_t warm_up = blocking_warm_up(work), begin = 0;
  char body[BENCH_SMALL_MAX];
  double seconds;

  bench_require(work->size <= sizeof(body), "room for the message");
  memset(body, 'x', sizeof(body));
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    if (i == warm_up)
      begin = bench_now();
    send_exactly(fd, body, work->size);
    receive_exactly(fd, body, work->size);
  }
  seconds = (double)(bench_now() - begin) / 1e9;
  close(fd);
  return seconds / (double)work->count / 2;
}
