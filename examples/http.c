/* A tiny HTTP server on a STREAM socket, for curl or any browser. It serves
 * COUNT requests and ends; 0, the default, is without end.
 *
 *   http [COUNT [ENDPOINT]]     ENDPOINT is tcp://127.0.0.1:* by default */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static int served;
static int served_at_most;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

/* A STREAM sends bytes as [id][bytes], and closes a connection with [id][].
 * The client may have gone already: then there is nobody to answer. */
static void answer(zuv_socket_t *socket, zuv_msg_t *id, zuv_peer_t *peer) {
  char body[128];
  char text[512];
  zuv_msg_t parts[2];
  zuv_msg_t end[2];

  snprintf(body, sizeof(body), "Hello %s, this is answer number %d.\n",
           zuv_peer_address(peer), ++served);
  snprintf(text, sizeof(text),
           "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
           "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
           strlen(body), body);

  zuv_msg_init_view(&parts[0], zuv_msg_data(id), zuv_msg_size(id));
  zuv_msg_init_view(&parts[1], text, strlen(text));
  if (zuv_try_send(socket, parts, 2) != 0)
    return;
  zuv_msg_init_view(&end[0], zuv_msg_data(id), zuv_msg_size(id));
  zuv_msg_init(&end[1]);
  zuv_try_send(socket, end, 2);
}

/* Bytes of a connection, or none when it comes and goes. That a request ends
 * with what has just arrived is good enough for a GET. */
static void on_bytes(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  const char *bytes = zuv_msg_data(&parts[1]);
  size_t size = zuv_msg_size(&parts[1]);

  (void)count;
  if (size < 4 || memcmp(bytes + size - 4, "\r\n\r\n", 4) != 0)
    return;
  printf("%.*s\n", (int)strcspn(bytes, "\r"), bytes);
  answer(socket, &parts[0], peer);
  if (served == served_at_most)
    zuv_close(socket, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  zuv_socket_t server;
  char endpoint[64];
  size_t size = sizeof(endpoint);

  if (argc > 1)
    served_at_most = atoi(argv[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);

  check(zuv_socket_init(NULL, loop, &server, ZUV_STREAM));
  check(zuv_bind(&server, argc > 2 ? argv[2] : "tcp://127.0.0.1:*"));
  check(zuv_get_option(&server, ZUV_LAST_ENDPOINT, endpoint, &size));
  check(zuv_recv_start(&server, on_bytes));
  printf("http%s\n", endpoint + strlen("tcp"));

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
