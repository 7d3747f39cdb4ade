/* Two loops in two threads, joined by inproc. Each socket stays in its own
 * thread; what they share is the context, here the default one. The main
 * thread sends COUNT numbers, the other sends each back, doubled.
 *
 *   threads [COUNT]     10000 if not said otherwise */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static uint64_t count = 10000;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

static void send_number(zuv_socket_t *socket, uint64_t number) {
  zuv_msg_t msg;

  zuv_msg_init_view(&msg, &number, sizeof(number));
  check(zuv_try_send(socket, &msg, 1));
}

static uint64_t number_of(zuv_msg_t *msg) {
  uint64_t number;

  memcpy(&number, zuv_msg_data(msg), sizeof(number));
  return number;
}

/* The other thread: an empty message ends it. */
static void on_number(zuv_socket_t *socket, zuv_msg_t *parts, size_t part_count,
                      zuv_peer_t *peer) {
  (void)part_count;
  (void)peer;
  if (zuv_msg_size(&parts[0]) == 0)
    zuv_close(socket, NULL);
  else
    send_number(socket, number_of(&parts[0]) * 2);
}

static void run_other(void *unused) {
  uv_loop_t loop;
  zuv_socket_t socket;

  (void)unused;
  check(uv_loop_init(&loop));
  check(zuv_socket_init(NULL, &loop, &socket, ZUV_PAIR));
  check(zuv_connect(&socket, "inproc://numbers"));
  check(zuv_recv_start(&socket, on_number));
  uv_run(&loop, UV_RUN_DEFAULT);
  check(uv_loop_close(&loop));
}

static void on_double(zuv_socket_t *socket, zuv_msg_t *parts, size_t part_count,
                      zuv_peer_t *peer) {
  uint64_t number = number_of(&parts[0]) / 2;
  zuv_msg_t end;

  (void)part_count;
  (void)peer;
  if (number < count) {
    send_number(socket, number + 1);
    return;
  }
  printf("the last answer: %" PRIu64 "\n", number_of(&parts[0]));
  zuv_msg_init(&end);
  check(zuv_try_send(socket, &end, 1));
  zuv_close(socket, NULL);
}

/* A PAIR has nobody to send to before its peer is there. */
static void on_peer(zuv_socket_t *socket) {
  zuv_writable_stop(socket);
  send_number(socket, 1);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  zuv_socket_t socket;
  uv_thread_t other;
  uint64_t began;

  if (argc > 1)
    count = strtoull(argv[1], NULL, 10);

  check(zuv_socket_init(NULL, loop, &socket, ZUV_PAIR));
  check(zuv_bind(&socket, "inproc://numbers"));
  check(zuv_recv_start(&socket, on_double));
  check(zuv_writable_start(&socket, on_peer));
  check(uv_thread_create(&other, run_other, NULL));

  began = uv_hrtime();
  uv_run(loop, UV_RUN_DEFAULT);
  check(uv_thread_join(&other));
  printf("%" PRIu64 " round trips between two threads, %" PRIu64 " ns each\n",
         count, (uv_hrtime() - began) / (count > 0 ? count : 1));
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
