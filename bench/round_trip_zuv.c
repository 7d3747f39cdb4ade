/* REQ to REP and back with the native API. */
#include <string.h>

#include "bench.h"
#include "zuv.h"

typedef struct {
  zuv_socket_t socket;
  const bench_work_t *work;
  uint64_t done;
  char body[BENCH_SMALL_MAX];
} side_t;

static void reply(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                  zuv_peer_t *peer) {
  side_t *side = socket->data;

  (void)peer;
  bench_require_ok(zuv_try_send(socket, parts, count), "zuv_try_send");
  if (++side->done == side->work->count)
    zuv_close(socket, NULL);
}

static double answer(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  size_t size = sizeof(endpoint);
  side_t side = {.work = work};
  uv_loop_t *loop = uv_default_loop();

  bench_require_ok(zuv_socket_init(NULL, loop, &side.socket, ZUV_REP),
                   "zuv_socket_init");
  side.socket.data = &side;
  bench_require_ok(zuv_bind(&side.socket, "tcp://127.0.0.1:*"), "zuv_bind");
  bench_require_ok(
      zuv_get_option(&side.socket, ZUV_LAST_ENDPOINT, endpoint, &size),
      "zuv_get_option");
  bench_require_ok(zuv_recv_start(&side.socket, reply), "zuv_recv_start");
  bench_say(link, endpoint, sizeof(endpoint));
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}

static void ask(side_t *side) {
  zuv_msg_t msg;

  zuv_msg_init_view(&msg, side->body, side->work->size);
  bench_require_ok(zuv_try_send(&side->socket, &msg, 1), "zuv_try_send");
}

static void on_writable(zuv_socket_t *socket) {
  zuv_writable_stop(socket);
  ask(socket->data);
}

static void on_reply(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  side_t *side = socket->data;

  (void)peer;
  bench_require(count == 1 && zuv_msg_size(&parts[0]) == side->work->size,
                "the reply's size");
  if (++side->done == side->work->count)
    zuv_close(socket, NULL);
  else
    ask(side);
}

static double measure(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  side_t side = {.work = work};
  uv_loop_t *loop = uv_default_loop();
  uint64_t begin;

  bench_require(work->size <= sizeof(side.body), "room for the message");
  memset(side.body, 'x', sizeof(side.body));
  bench_hear(link, endpoint, sizeof(endpoint));
  bench_require_ok(zuv_socket_init(NULL, loop, &side.socket, ZUV_REQ),
                   "zuv_socket_init");
  side.socket.data = &side;
  bench_require_ok(zuv_connect(&side.socket, endpoint), "zuv_connect");
  bench_require_ok(zuv_recv_start(&side.socket, on_reply), "zuv_recv_start");
  bench_require_ok(zuv_writable_start(&side.socket, on_writable),
                   "zuv_writable_start");
  begin = bench_now();
  uv_run(loop, UV_RUN_DEFAULT);
  bench_require(side.done == work->count, "receiving all replies");
  return (double)(bench_now() - begin) / 1e9 / (double)work->count;
}

double bench_round_trip_zuv(const bench_work_t *work) {
  return bench_run_roles(work, measure, answer);
}
