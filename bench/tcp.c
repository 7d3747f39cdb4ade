/* Plain TCP on the loopback interface, and a client that speaks just enough
 * ZMTP (RFC 23) to be a cheap peer of either library. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;

  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)port);
  return address;
}

int bench_tcp_listen(int *port) {
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  bench_require(fd >= 0, "socket");
  bench_require(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
  bench_require(listen(fd, 128) == 0, "listen");
  bench_require(getsockname(fd, (struct sockaddr *)&address, &size) == 0,
                "getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

int bench_tcp_connect(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;

  bench_require(fd >= 0, "socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  bench_require(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
                "connect");
  return fd;
}

int bench_port_of(const char *endpoint) {
  const char *colon = strrchr(endpoint, ':');
  bench_require(colon != NULL, "the endpoint's port");
  return atoi(colon + 1);
}

/* Appends the READY command; answers the new end. */
static size_t append_ready(uint8_t *bytes, const char *type) {
  size_t type_size = strlen(type);
  size_t at = 0;

  bytes[at++] = 0x04; /* a short command */
  bytes[at++] = (uint8_t)(6 + 12 + 4 + type_size);
  memcpy(bytes + at, "\5READY\13Socket-Type\0\0\0", 6 + 12 + 3);
  at += 6 + 12 + 3;
  bytes[at++] = (uint8_t)type_size;
  memcpy(bytes + at, type, type_size);
  return at + type_size;
}

int bench_zmtp_connect(int port, const char *type, const void *extra,
                       size_t size) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  uint8_t bytes[512] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0};
  uint8_t header[2];
  size_t used = 64;
  int fd = bench_tcp_connect(port);

  /* Thousands of connections in TIME_WAIT would disturb the next run. */
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  memcpy(bytes + 12, "NULL", 4);
  used += append_ready(bytes + used, type);
  bench_write_all(fd, bytes, used);
  bench_read_all(fd, bytes, 64);
  bench_read_all(fd, header, sizeof(header));
  bench_require(header[0] == 0x04, "the peer's READY");
  bench_read_all(fd, bytes, header[1]);
  /* libzmq takes no message before it has sent its own READY. */
  bench_write_all(fd, extra, size);
  return fd;
}
