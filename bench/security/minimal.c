/* A server that does the least that a CURVE handshake can do: it moves frames
 * of the right sizes with epoll, accept, read, write and close, and computes
 * with libsodium what the protocol demands, when INITIATE comes. What a library
 * needs beyond that is its own.
 *
 * The link: it says its process id and its endpoint. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bench.h"
#include "operations.h"
#include "security.h"

enum {
  CONNECTIONS_MAX = 1024, /* by descriptor */
  EVENTS_MAX = 64,
  READ_SIZE = 8192,
  GREETING_SIZE = 64,
  WELCOME_SIZE = 168,
  READY_SIZE = 50
};

typedef struct {
  int epoll;
  int listener;
  bool ended;
  operations_t operations;
  uint8_t answered[CONNECTIONS_MAX]; /* commands, and the greeting */
} server_t;

static void watch(const server_t *server, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

  bench_require(epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0,
                "epoll_ctl");
}

static void accept_all(server_t *server) {
  int fd, on = 1;

  while ((fd = accept4(server->listener, NULL, NULL,
                       SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    bench_require(fd < CONNECTIONS_MAX, "room for the connection");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    server->answered[fd] = 0;
    watch(server, fd);
  }
  bench_require(errno == EAGAIN, "accept4");
}

static void answer(server_t *server, int fd) {
  static const uint8_t greeting[GREETING_SIZE] = {
      0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E'};
  static const uint8_t welcome[2 + WELCOME_SIZE] = "\4\250"
                                                   "\7WELCOME";
  static const uint8_t ready[2 + READY_SIZE] = "\4\62\5READY";

  switch (server->answered[fd]++) {
    case 0:
      bench_write_all(fd, greeting, sizeof(greeting));
      break;
    case 1:
      bench_write_all(fd, welcome, sizeof(welcome));
      break;
    case 2:
      operations_serve(&server->operations);
      bench_write_all(fd, ready, sizeof(ready));
      break;
    default:
      server->ended = true;
  }
}

static void take_part(server_t *server, int fd) {
  char bytes[READ_SIZE];

  /* Each part comes at once, as it was written. */
  if (read(fd, bytes, sizeof(bytes)) > 0)
    answer(server, fd);
  else
    close(fd);
}

double minimal_handshake_server(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  struct epoll_event events[EVENTS_MAX];
  server_t server = {0};
  pid_t pid = getpid();
  int port;

  (void)work;
  operations_prepare(&server.operations);
  server.listener = bench_tcp_listen(&port);
  bench_require(fcntl(server.listener, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  bench_require(server.epoll >= 0, "epoll_create1");
  watch(&server, server.listener);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", port);
  bench_say(link, &pid, sizeof(pid));
  bench_say(link, endpoint, sizeof(endpoint));
  while (!server.ended) {
    int count = epoll_wait(server.epoll, events, EVENTS_MAX, -1);
    bench_require(count > 0, "epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == server.listener)
        accept_all(&server);
      else
        take_part(&server, events[i].data.fd);
    }
  }
  return 0;
}
