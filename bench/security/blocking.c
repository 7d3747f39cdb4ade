/* The libraries' part of the security suite through zmq_*: a server of
 * handshakes, and REQ and REP beside half-open connections. */
#include <unistd.h>

#include "../blocking/blocking.h"
#include "../libzmq.h"
#include "half_open.h"
#include "security.h"
#include "zuv.h"

enum { SPARE_FILES = 64 };

static void *server(void *context, int type, const bench_work_t *work,
                    int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  pid_t pid = getpid();
  void *socket = blocking_bound(context, type, work, endpoint);

  bench_say(link, &pid, sizeof(pid));
  bench_say(link, endpoint, sizeof(endpoint));
  return socket;
}

double blocking_handshake_server(const bench_work_t *work, int link) {
  void *context = blocking_context();
  void *socket = server(context, ZUV_PULL, work, link);
  char body[BENCH_SMALL_MAX];

  bench_require(libzmq.recv(socket, body, sizeof(body), 0) == 1, "zmq_recv");
  blocking_end(socket, context);
  return 0;
}

double blocking_echo_server(const bench_work_t *work, int link) {
  char body[BENCH_SMALL_MAX];
  void *context, *socket;
  int size;

  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  context = blocking_context();
  socket = server(context, ZUV_REP, work, link);
  do {
    size = libzmq.recv(socket, body, sizeof(body), 0);
    bench_require(size >= 0 && size <= (int)sizeof(body), "zmq_recv");
    bench_require(libzmq.send(socket, body, (size_t)size, 0) == size,
                  "zmq_send");
  } while (size > 0);
  blocking_end(socket, context);
  return 0;
}

typedef struct {
  void *socket;
  size_t size;
  char body[BENCH_SMALL_MAX];
} client_t;

static void round_trip(void *argument) {
  client_t *client = argument;
  int size = (int)client->size;

  bench_require(libzmq.send(client->socket, client->body, client->size, 0) ==
                    size,
                "zmq_send");
  bench_require(libzmq.recv(client->socket, client->body, sizeof(client->body),
                            0) == size,
                "zmq_recv");
}

double blocking_half_open(const bench_work_t *work, int link) {
  client_t client = {.size = work->size};
  half_open_t run;
  double value;
  void *context;

  bench_require(work->size <= sizeof(client.body), "room for the message");
  half_open_begin(&run, work, link);
  context = blocking_context();
  client.socket = blocking_connected(context, ZUV_REQ, work, run.endpoint);
  value = half_open_measure(&run, round_trip, &client);
  client.size = 0;
  round_trip(&client);
  blocking_end(client.socket, context);
  return value;
}
