/* A pipeline: the ventilator (PUSH) hands out numbers, three workers square
 * them (PULL to PUSH), the sink (PULL) adds up the squares.
 *
 *   pipeline [COUNT]     10000 if not said otherwise */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

enum { WORKERS = 3 };

typedef struct {
  zuv_socket_t in; /* in.data is the worker */
  zuv_socket_t out;
  int done;
} worker_t;

static zuv_socket_t ventilator;
static zuv_socket_t sink;
static worker_t workers[WORKERS];
static uint64_t count = 10000;
static uint64_t handed_out;
static uint64_t collected;
static uint64_t sum;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

/* Sends while there is room. This is called again when there is room again,
 * until we stop it. */
static void on_writable(zuv_socket_t *socket) {
  while (handed_out < count) {
    uint64_t number = handed_out + 1;
    zuv_msg_t msg;
    int err;

    zuv_msg_init_view(&msg, &number, sizeof(number));
    err = zuv_try_send(socket, &msg, 1);
    if (err == UV_EAGAIN)
      return;
    check(err);
    handed_out++;
  }
  zuv_writable_stop(socket);
}

static void on_work(zuv_socket_t *socket, zuv_msg_t *parts, size_t part_count,
                    zuv_peer_t *peer) {
  worker_t *worker = socket->data;
  uint64_t number;
  zuv_msg_t msg;

  (void)part_count;
  (void)peer;
  memcpy(&number, zuv_msg_data(&parts[0]), sizeof(number));
  number *= number;
  worker->done++;
  zuv_msg_init_view(&msg, &number, sizeof(number));
  check(zuv_try_send(&worker->out, &msg, 1));
}

static void on_result(zuv_socket_t *socket, zuv_msg_t *parts, size_t part_count,
                      zuv_peer_t *peer) {
  uint64_t square;

  (void)part_count;
  (void)peer;
  memcpy(&square, zuv_msg_data(&parts[0]), sizeof(square));
  sum += square;
  if (++collected == count)
    zuv_close_all(socket->loop);
}

static void start_worker(uv_loop_t *loop, worker_t *worker) {
  check(zuv_socket_init(NULL, loop, &worker->in, ZUV_PULL));
  check(zuv_socket_init(NULL, loop, &worker->out, ZUV_PUSH));
  worker->in.data = worker;
  check(zuv_set_int(&worker->out, ZUV_SNDHWM, 0)); /* results never wait */
  check(zuv_connect(&worker->in, "inproc://work"));
  check(zuv_connect(&worker->out, "inproc://results"));
  check(zuv_recv_start(&worker->in, on_work));
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();

  if (argc > 1)
    count = strtoull(argv[1], NULL, 10);

  check(zuv_socket_init(NULL, loop, &ventilator, ZUV_PUSH));
  check(zuv_bind(&ventilator, "inproc://work"));
  check(zuv_socket_init(NULL, loop, &sink, ZUV_PULL));
  check(zuv_bind(&sink, "inproc://results"));
  check(zuv_recv_start(&sink, on_result));
  for (int i = 0; i < WORKERS; i++)
    start_worker(loop, &workers[i]);
  check(zuv_writable_start(&ventilator, on_writable));

  uv_run(loop, UV_RUN_DEFAULT);
  for (int i = 0; i < WORKERS; i++)
    printf("worker %d squared %d numbers\n", i + 1, workers[i].done);
  printf("the sum of the squares up to %" PRIu64 " is %" PRIu64 "\n", count,
         sum);
  if (sum != count * (count + 1) * (2 * count + 1) / 6)
    return 1;
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
