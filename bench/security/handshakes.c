/* Bare peers that connect to a server of a library, do a whole handshake and
 * leave, a few at a time. What the server's process spends is read from its
 * processor clock, so that nothing there has to take the measure.
 *
 * The link: the server says its process id and its endpoint. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "../blocking/blocking.h"
#include "bare_peer.h"
#include "security.h"

typedef struct {
  bare_peer_t *peers;
  uint64_t at_a_time;
  int port;
  const char *mechanism;
} clients_t;

static double read_clock(clockid_t clock) {
  struct timespec time;

  bench_require(clock_gettime(clock, &time) == 0, "clock_gettime");
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void step(const clients_t *clients, uint64_t count,
                 void (*run)(bare_peer_t *peer)) {
  for (uint64_t i = 0; i < count; i++)
    run(&clients->peers[i]);
}

static void receive_greeting_send_hello(bare_peer_t *peer) {
  bare_peer_receive_greeting(peer);
  bare_peer_send_hello(peer);
}

static void receive_welcome_send_initiate(bare_peer_t *peer) {
  bare_peer_receive_welcome(peer);
  bare_peer_send_initiate(peer);
}

static void begin_handshakes(const clients_t *clients, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    bare_peer_connect(&clients->peers[i], clients->port, clients->mechanism);
    bare_peer_send_greeting(&clients->peers[i]);
  }
  step(clients, count, receive_greeting_send_hello);
  step(clients, count, receive_welcome_send_initiate);
}

static void receive_ready_leave(bare_peer_t *peer) {
  bare_peer_receive_ready(peer);
  close(peer->fd);
}

static void run_handshakes(const clients_t *clients, uint64_t total) {
  while (total > 0) {
    uint64_t count = total < clients->at_a_time ? total : clients->at_a_time;
    begin_handshakes(clients, count);
    step(clients, count, receive_ready_leave);
    total -= count;
  }
}

/* The server waits for a message. */
static void end_server(const clients_t *clients) {
  begin_handshakes(clients, 1);
  step(clients, 1, bare_peer_receive_ready);
  step(clients, 1, bare_peer_send_message);
}

double bare_handshakes(const bench_work_t *work, int link) {
  clients_t clients = {.at_a_time = (uint64_t)work->peers};
  char endpoint[BENCH_ENDPOINT_MAX];
  clockid_t clock;
  double cpu;
  pid_t pid;
  char byte;

  bench_hear(link, &pid, sizeof(pid));
  bench_hear(link, endpoint, sizeof(endpoint));
  bench_require(clock_getcpuclockid(pid, &clock) == 0, "clock_getcpuclockid");
  clients.port = bench_port_of(endpoint);
  clients.mechanism = work->roles->mechanism;
  clients.peers = calloc(clients.at_a_time, sizeof(*clients.peers));
  bench_require(clients.peers != NULL, "calloc");
  run_handshakes(&clients, blocking_warm_up(work));
  cpu = read_clock(clock);
  run_handshakes(&clients, work->count);
  cpu = read_clock(clock) - cpu;
  end_server(&clients);
  /* A reset, when this process ends, must not overtake the message. */
  bench_require(read(link, &byte, 1) == 0, "waiting for the server");
  free(clients.peers);
  return cpu / (double)work->count;
}
