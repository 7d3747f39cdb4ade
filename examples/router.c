/* A callback server, ROUTER, and a client, DEALER, that talk over tcp in one
 * loop. The client asks COUNT questions, all at once; the server answers each
 * as it comes.
 *
 *   router [COUNT]     10 if not said otherwise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static zuv_socket_t server;
static zuv_socket_t client;
static int answers_due = 10;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

/* A ROUTER sees the sender's routing id in front of the message, and sends to
 * the peer whose id it finds there. Received parts may be sent as they are. */
static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  printf("server: \"%.*s\" from %s\n", (int)zuv_msg_size(&parts[count - 1]),
         (const char *)zuv_msg_data(&parts[count - 1]), zuv_peer_address(peer));
  zuv_msg_close(&parts[count - 1]);
  zuv_msg_init_const(&parts[count - 1], "forty-two", 9);
  check(zuv_try_send(socket, parts, count));
}

static void on_answer(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  (void)peer;
  printf("client: \"%.*s\"\n", (int)zuv_msg_size(&parts[count - 1]),
         (const char *)zuv_msg_data(&parts[count - 1]));
  if (--answers_due > 0)
    return;
  zuv_close(socket, NULL);
  zuv_close(&server, NULL);
}

static void ask(int number) {
  char text[32];
  zuv_msg_t question;

  snprintf(text, sizeof(text), "question %d", number);
  check(zuv_msg_init_copy(&question, text, strlen(text)));
  check(zuv_try_send(&client, &question, 1));
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  char endpoint[64];
  size_t size = sizeof(endpoint);

  if (argc > 1)
    answers_due = atoi(argv[1]);

  check(zuv_socket_init(NULL, loop, &server, ZUV_ROUTER));
  check(zuv_bind(&server, "tcp://127.0.0.1:*"));
  check(zuv_get_option(&server, ZUV_LAST_ENDPOINT, endpoint, &size));
  check(zuv_recv_start(&server, on_question));
  printf("server: listening on %s\n", endpoint);

  check(zuv_socket_init(NULL, loop, &client, ZUV_DEALER));
  check(zuv_set_int(&client, ZUV_SNDHWM, 0));
  check(zuv_connect(&client, endpoint));
  check(zuv_recv_start(&client, on_answer));
  for (int i = 1; i <= answers_due; i++)
    ask(i);

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
