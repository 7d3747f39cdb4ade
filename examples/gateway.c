/* zuv beside handles of your own in one loop: a gateway that takes plain text
 * over a uv_tcp_t and pushes it on as ZeroMQ messages. A uv_timer_t plays the
 * plain client and writes COUNT times; a PULL socket plays the ZeroMQ side.
 *
 *   gateway [COUNT]     5 if not said otherwise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static uv_tcp_t listener;
static uv_tcp_t accepted;
static uv_tcp_t client;
static uv_connect_t connecting;
static uv_timer_t timer;
static zuv_socket_t push;
static zuv_socket_t pull;
static int ticks_due = 5;
static size_t bytes_due;

static void check(int err) {
  if (err >= 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  static char bytes[1024];

  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(bytes, sizeof(bytes));
}

/* Plain text comes in and goes on: the view spares a copy of our own. A real
 * gateway would answer UV_EAGAIN with uv_read_stop() and zuv_writable_start().
 */
static void on_text(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  zuv_msg_t msg;

  if (size == UV_EOF) {
    uv_close((uv_handle_t *)stream, NULL);
    return;
  }
  check((int)size);
  zuv_msg_init_view(&msg, buffer->base, (size_t)size);
  check(zuv_try_send(&push, &msg, 1));
}

static void on_accept(uv_stream_t *stream, int status) {
  check(status);
  check(uv_tcp_init(stream->loop, &accepted));
  check(uv_accept(stream, (uv_stream_t *)&accepted));
  check(uv_read_start((uv_stream_t *)&accepted, on_buffer, on_text));
  uv_close((uv_handle_t *)stream, NULL);
}

static void on_tick(uv_timer_t *handle) {
  static char text[] = "tick";
  uv_buf_t buffer = uv_buf_init(text, sizeof(text) - 1);

  check(uv_try_write((uv_stream_t *)&client, &buffer, 1));
  if (--ticks_due > 0)
    return;
  uv_close((uv_handle_t *)handle, NULL);
  uv_close((uv_handle_t *)&client, NULL);
}

static void on_connect(uv_connect_t *request, int status) {
  (void)request;
  check(status);
  check(uv_timer_start(&timer, on_tick, 0, 20));
}

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)count;
  (void)peer;
  printf("a message: \"%.*s\"\n", (int)zuv_msg_size(&parts[0]),
         (const char *)zuv_msg_data(&parts[0]));
  bytes_due -= zuv_msg_size(&parts[0]);
  if (bytes_due > 0)
    return;
  zuv_close(socket, NULL);
  zuv_close(&push, NULL);
}

static void start_plain_side(uv_loop_t *loop) {
  struct sockaddr_in address;
  int size = sizeof(address);

  check(uv_ip4_addr("127.0.0.1", 0, &address));
  check(uv_tcp_init(loop, &listener));
  check(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0));
  check(uv_listen((uv_stream_t *)&listener, 8, on_accept));
  check(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size));
  check(uv_tcp_init(loop, &client));
  check(uv_tcp_connect(&connecting, &client, (struct sockaddr *)&address,
                       on_connect));
  check(uv_timer_init(loop, &timer));
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  char endpoint[128];
  size_t size = sizeof(endpoint);

  if (argc > 1)
    ticks_due = atoi(argv[1]);
  bytes_due = (size_t)ticks_due * strlen("tick");

  check(zuv_socket_init(NULL, loop, &pull, ZUV_PULL));
  check(zuv_bind(&pull, "ipc://*"));
  check(zuv_get_option(&pull, ZUV_LAST_ENDPOINT, endpoint, &size));
  check(zuv_recv_start(&pull, on_message));
  check(zuv_socket_init(NULL, loop, &push, ZUV_PUSH));
  check(zuv_connect(&push, endpoint));
  start_plain_side(loop);

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
