/* The bytes of the same messages over blocking sockets, in pieces of 64 KiB. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { PIECE = 64 * 1024 };

static double receive(const bench_work_t *work, int link) {
  uint64_t total = work->count * work->size;
  uint64_t received = 0, first = 0, begin = 0;
  char *piece = malloc(PIECE);
  int port, fd, listener = bench_tcp_listen(&port);
  double seconds;

  bench_require(piece != NULL, "malloc");
  bench_say(link, &port, sizeof(port));
  fd = accept(listener, NULL, NULL);
  bench_require(fd >= 0, "accept");
  while (received < total) {
    ssize_t size = read(fd, piece, PIECE);
    bench_require(size > 0, "read");
    received += (uint64_t)size;
    if (first == 0) {
      first = received;
      begin = bench_now();
    }
  }
  seconds = (double)(bench_now() - begin) / 1e9;
  free(piece);
  return (double)(total - first) / (double)work->size / seconds;
}

static double send_all(const bench_work_t *work, int link) {
  uint64_t left = work->count * work->size;
  char *piece = malloc(PIECE);
  int port, fd;

  bench_require(piece != NULL, "malloc");
  memset(piece, 'x', PIECE);
  bench_hear(link, &port, sizeof(port));
  fd = bench_tcp_connect(port);
  while (left > 0) {
    size_t size = left < PIECE ? (size_t)left : PIECE;
    bench_write_all(fd, piece, size);
    left -= size;
  }
  close(fd);
  free(piece);
  return 0;
}

double bench_throughput_raw(const bench_work_t *work) {
  return bench_run_roles(work, receive, send_all);
}
