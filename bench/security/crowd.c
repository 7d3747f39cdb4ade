#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare_peer.h"
#include "half_open.h"

enum { SPARE_FILES = 64, PATIENCE_MS = 5000, POLL_MS = 20, KINDS = 3 };

/* ---- half-open peers
 * ---------------------------------------------------------
 */

/* When it is done the server has accepted it, and done all that it can. */
static int half_opened(int port, int kind) {
  bare_peer_t peer;

  bare_peer_connect(&peer, port, "CURVE");
  if (kind == 0) {
    bare_peer_receive_signature(&peer);
    return peer.fd;
  }
  bare_peer_send_greeting(&peer);
  bare_peer_receive_greeting(&peer);
  if (kind == 1)
    return peer.fd;
  bare_peer_send_hello(&peer);
  bare_peer_receive_welcome(&peer);
  return peer.fd;
}

static struct pollfd *open_all(const bench_work_t *work, int port) {
  struct pollfd *items = calloc((size_t)work->peers, sizeof(*items));

  bench_require(items != NULL, "calloc");
  for (int i = 0; i < work->peers; i++) {
    items[i].fd = half_opened(port, i % KINDS);
    items[i].events = POLLIN;
  }
  return items;
}

static bool is_gone(int fd) {
  char bytes[256];
  ssize_t count = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN);
}

/* Waits for so long for one to end; closes those that did, and moves the others
 * together. Answers how many there still are. */
static int drop_gone(struct pollfd *items, int count, int timeout) {
  int left = 0;

  if (poll(items, (nfds_t)count, timeout) <= 0)
    return count;
  for (int i = 0; i < count; i++) {
    if (items[i].revents != 0 && is_gone(items[i].fd))
      close(items[i].fd);
    else
      items[left++] = items[i];
  }
  return left;
}

static crowd_end_t wait_for_end(struct pollfd *items, const bench_work_t *work,
                                uint64_t last_opened) {
  uint64_t patience = (uint64_t)(work->handshake + PATIENCE_MS) * 1000000;
  int left = drop_gone(items, work->peers, 0);
  crowd_end_t end = {.held = left};

  while (left > 0 && bench_now() - last_opened < patience)
    left = drop_gone(items, left, POLL_MS);
  end.left = left;
  end.last = (double)(bench_now() - last_opened) / 1e9;
  return end;
}

/* ---- the process
 * ---------------------------------------------------------------
 */

_Noreturn static void run_crowd(const bench_work_t *work, int port, int link) {
  struct pollfd *items;
  uint64_t last_opened;
  crowd_end_t end;
  char what;

  bench_guard();
  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  bench_hear(link, &what, 1);
  items = open_all(work, port);
  last_opened = bench_now();
  bench_say(link, "\1", 1);
  bench_hear(link, &what, 1);
  end = wait_for_end(items, work, last_opened);
  bench_say(link, &end, sizeof(end));
  _exit(0);
}

int crowd_start(const bench_work_t *work, int port) {
  int link[2];
  pid_t pid;

  bench_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0,
                "socketpair");
  pid = fork();
  bench_require(pid >= 0, "fork");
  if (pid == 0) {
    close(link[0]);
    run_crowd(work, port, link[1]);
  }
  close(link[1]);
  return link[0];
}
