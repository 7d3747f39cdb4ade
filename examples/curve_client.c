/* A client of curve_server.c. It has the server's public key, from somebody it
 * trusts, and a key pair of its own.
 *
 *   zuv-keygen alice
 *   curve_client ENDPOINT server.public alice [TEXT]
 *
 * Says TEXT, or hello, prints the answer, and fails if it is not let in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static int result;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

/* The key as it stands in a file of zuv-keygen. The socket has a copy of what
 * is set, so the text is wiped; without a buffer, stdio has none. */
static void set_key(zuv_socket_t *client, int option, const char *path) {
  char key[ZUV_CURVE_KEY_TEXT_SIZE] = "";
  FILE *file = fopen(path, "r");

  if (file == NULL) {
    perror(path);
    exit(1);
  }
  setvbuf(file, NULL, _IONBF, 0);
  if (fread(key, 1, sizeof(key) - 1, file) != sizeof(key) - 1)
    check(UV_EINVAL);
  fclose(file);
  check(zuv_set_option(client, option, key, sizeof(key)));
  explicit_bzero(key, sizeof(key));
}

static void set_own_keys(zuv_socket_t *client, const char *name) {
  char path[256];

  snprintf(path, sizeof(path), "%s.public", name);
  set_key(client, ZUV_CURVE_PUBLICKEY, path);
  snprintf(path, sizeof(path), "%s.secret", name);
  set_key(client, ZUV_CURVE_SECRETKEY, path);
}

static void on_reply(zuv_socket_t *client, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  (void)count;
  printf("client: \"%.*s\" over %s\n", (int)zuv_msg_size(&parts[0]),
         (const char *)zuv_msg_data(&parts[0]), zuv_peer_mechanism(peer));
  zuv_close(client, NULL);
}

/* A client that is refused gets no answer and no error: only events tell. It
 * is not tried again after a refusal. A server that has another key than the
 * one we trust cannot read what we say and hangs up, which is a handshake that
 * failed without a refusal; it would be tried for ever. */
static void on_event(zuv_socket_t *client, const zuv_event_t *event) {
  if (event->type != ZUV_EVENT_HANDSHAKE_FAILED)
    return;
  if (event->status == UV_EACCES)
    printf("client: refused with %d\n", event->peer_status);
  else
    printf("client: no handshake: %s\n", zuv_strerror(event->status));
  result = 1;
  zuv_set_int(client, ZUV_LINGER, 0);
  zuv_close(client, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  zuv_socket_t client;
  zuv_msg_t request;
  const char *text = argc > 4 ? argv[4] : "hello";

  if (argc < 4) {
    fprintf(stderr, "curve_client ENDPOINT SERVER-PUBLIC-KEY NAME [TEXT]\n");
    return 2;
  }

  /* Endpoints keep the security that is set when they are made. */
  check(zuv_socket_init(NULL, loop, &client, ZUV_REQ));
  set_key(&client, ZUV_CURVE_SERVERKEY, argv[2]);
  set_own_keys(&client, argv[3]);
  check(zuv_event_start(&client, on_event));
  check(zuv_recv_start(&client, on_reply));
  check(zuv_connect(&client, argv[1]));
  zuv_msg_init_const(&request, text, strlen(text));
  check(zuv_try_send(&client, &request, 1));

  uv_run(loop, UV_RUN_DEFAULT);
  check(uv_loop_close(loop));
  return result;
}
