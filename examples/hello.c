/* A server for any ZeroMQ program: a REP socket that answers COUNT requests.
 * hello_peer.py is such a program, on libzmq, and starts this one.
 *
 *   hello [COUNT [ENDPOINT]]     5 requests, tcp://127.0.0.1:* by default */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static int requests_due = 5;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

static void on_request(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  char text[64];
  zuv_msg_t reply;

  printf("zuv:    \"%.*s\" from %s, a socket of type %d\n",
         (int)zuv_msg_size(&parts[0]), (const char *)zuv_msg_data(&parts[0]),
         zuv_peer_address(peer), zuv_peer_type(peer));
  snprintf(text, sizeof(text), "%d bytes in %zu part%s, thank you",
           (int)zuv_msg_size(&parts[0]), count, count == 1 ? "" : "s");
  zuv_msg_init_view(&reply, text, strlen(text));
  check(zuv_try_send(socket, &reply, 1));
  if (--requests_due == 0)
    zuv_close(socket, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  zuv_socket_t server;
  char endpoint[128];
  size_t size = sizeof(endpoint);

  if (argc > 1)
    requests_due = atoi(argv[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);

  check(zuv_socket_init(NULL, loop, &server, ZUV_REP));
  check(zuv_bind(&server, argc > 2 ? argv[2] : "tcp://127.0.0.1:*"));
  check(zuv_get_option(&server, ZUV_LAST_ENDPOINT, endpoint, &size));
  check(zuv_recv_start(&server, on_request));
  printf("zuv:    listening on %s\n", endpoint);

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
