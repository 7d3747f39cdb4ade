/* PUSH to PULL with the native API: the sender fills its socket in every loop
 * iteration that has room, the receiver counts in its callback. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "zuv.h"

enum { BATCH = 1000 };

typedef struct {
  zuv_socket_t socket;
  const bench_work_t *work;
  uint64_t done;
  uint64_t begin;
  uint64_t end;
  char *body;
} side_t;

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  side_t *side = socket->data;

  (void)peer;
  bench_require(count == 1 && zuv_msg_size(&parts[0]) == side->work->size,
                "the message's size");
  if (side->done == 0)
    side->begin = bench_now();
  if (++side->done == side->work->count) {
    side->end = bench_now();
    zuv_close(socket, NULL);
  }
}

static double receive(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  size_t size = sizeof(endpoint);
  side_t side = {.work = work};
  uv_loop_t *loop = uv_default_loop();

  bench_require_ok(zuv_socket_init(NULL, loop, &side.socket, ZUV_PULL),
                   "zuv_socket_init");
  side.socket.data = &side;
  bench_require_ok(zuv_bind(&side.socket, "tcp://127.0.0.1:*"), "zuv_bind");
  bench_require_ok(
      zuv_get_option(&side.socket, ZUV_LAST_ENDPOINT, endpoint, &size),
      "zuv_get_option");
  bench_require_ok(zuv_recv_start(&side.socket, on_message), "zuv_recv_start");
  bench_say(link, endpoint, sizeof(endpoint));
  uv_run(loop, UV_RUN_DEFAULT);
  bench_require(side.done == work->count, "receiving all messages");
  return (double)(work->count - 1) * 1e9 / (double)(side.end - side.begin);
}

static void on_writable(zuv_socket_t *socket) {
  side_t *side = socket->data;
  size_t size = side->work->size;
  zuv_msg_t msg;

  for (int i = 0; i < BATCH && side->done < side->work->count; i++) {
    int err;
    /* A small body is copied on its way, a large one need not be. */
    if (size <= BENCH_SMALL_MAX)
      zuv_msg_init_view(&msg, side->body, size);
    else
      zuv_msg_init_const(&msg, side->body, size);
    err = zuv_try_send(socket, &msg, 1);
    if (err == UV_EAGAIN)
      return;
    bench_require_ok(err, "zuv_try_send");
    side->done++;
  }
  if (side->done == side->work->count)
    zuv_close(socket, NULL);
}

static double send_all(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  side_t side = {.work = work, .body = calloc(1, work->size)};
  uv_loop_t *loop = uv_default_loop();

  bench_require(side.body != NULL, "calloc");
  memset(side.body, 'x', work->size);
  bench_hear(link, endpoint, sizeof(endpoint));
  bench_require_ok(zuv_socket_init(NULL, loop, &side.socket, ZUV_PUSH),
                   "zuv_socket_init");
  side.socket.data = &side;
  bench_require_ok(zuv_connect(&side.socket, endpoint), "zuv_connect");
  bench_require_ok(zuv_writable_start(&side.socket, on_writable),
                   "zuv_writable_start");
  uv_run(loop, UV_RUN_DEFAULT);
  free(side.body);
  return 0;
}

double bench_throughput_zuv(const bench_work_t *work) {
  return bench_run_roles(work, receive, send_all);
}
