/* A server that speaks CURVE and knows its clients. curve_client.c is one.
 *
 *   zuv-keygen server
 *   echo "$(zuv-keygen alice) alice" >>clients
 *   curve_server server.secret clients [COUNT [ENDPOINT]]
 *
 * Answers COUNT requests, 5 by default, at tcp://127.0.0.1:*. Each line of the
 * file of clients is a public key and a name; who is not in it stays out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

enum { CLIENTS_MAX = 100, NAME_SIZE = 32 };

typedef struct {
  uint8_t public_key[ZUV_CURVE_KEY_SIZE];
  char name[NAME_SIZE];
} client_t;

static client_t clients[CLIENTS_MAX];
static size_t client_count;
static int requests_due = 5;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

static FILE *open_file(const char *path) {
  FILE *file = fopen(path, "r");

  if (file != NULL)
    return file;
  perror(path);
  exit(1);
}

/* The key as it stands in a file of zuv-keygen. The socket has a copy of what
 * is set, so the text is wiped; without a buffer, stdio has none. */
static void set_secret_key(zuv_socket_t *server, const char *path) {
  char key[ZUV_CURVE_KEY_TEXT_SIZE] = "";
  FILE *file = open_file(path);

  setvbuf(file, NULL, _IONBF, 0);
  if (fread(key, 1, sizeof(key) - 1, file) != sizeof(key) - 1)
    check(UV_EINVAL);
  fclose(file);
  check(zuv_set_option(server, ZUV_CURVE_SECRETKEY, key, sizeof(key)));
  explicit_bzero(key, sizeof(key));
}

static void read_clients(const char *path) {
  char key[ZUV_CURVE_KEY_TEXT_SIZE], name[NAME_SIZE];
  FILE *file = open_file(path);

  while (client_count < CLIENTS_MAX &&
         fscanf(file, "%40s %31s", key, name) == 2) {
    client_t *client = &clients[client_count++];

    if (strlen(key) != sizeof(key) - 1)
      check(UV_EINVAL);
    check(zuv_z85_decode(client->public_key, key));
    memcpy(client->name, name, sizeof(name));
  }
  fclose(file);
}

/* By now the client has proven that it owns the key, so knowing the key is
 * knowing the client. Without this callback, and without a ZAP handler, all who
 * know the server's public key would be let in. */
static void on_client(zuv_socket_t *server, zuv_auth_t *request) {
  (void)server;
  for (size_t i = 0; i < client_count; i++) {
    if (memcmp(clients[i].public_key, request->public_key,
               ZUV_CURVE_KEY_SIZE) != 0)
      continue;
    zuv_auth_allow(request, clients[i].name);
    return;
  }
  printf("server: nobody I know, from %s\n", request->address);
  zuv_auth_deny(request, 400);
}

/* The user id is the name that zuv_auth_allow() gave; what the message says of
 * its sender is only what the sender says. */
static void on_request(zuv_socket_t *server, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  char text[64];
  zuv_msg_t reply;

  (void)count;
  printf("server: %s says \"%.*s\"\n", zuv_peer_user_id(peer),
         (int)zuv_msg_size(&parts[0]), (const char *)zuv_msg_data(&parts[0]));
  snprintf(text, sizeof(text), "welcome, %s", zuv_peer_user_id(peer));
  zuv_msg_init_view(&reply, text, strlen(text));
  check(zuv_try_send(server, &reply, 1));
  if (--requests_due == 0)
    zuv_close(server, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  zuv_socket_t server;
  char endpoint[128];
  size_t size = sizeof(endpoint);

  if (argc < 3) {
    fprintf(stderr, "curve_server SECRET-KEY CLIENTS [COUNT [ENDPOINT]]\n");
    return 2;
  }
  if (argc > 3)
    requests_due = atoi(argv[3]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  read_clients(argv[2]);

  /* Endpoints keep the security that is set when they are made. */
  check(zuv_socket_init(NULL, loop, &server, ZUV_REP));
  check(zuv_set_int(&server, ZUV_CURVE_SERVER, 1));
  set_secret_key(&server, argv[1]);
  check(zuv_auth_start(&server, on_client));
  check(zuv_recv_start(&server, on_request));
  check(zuv_bind(&server, argc > 4 ? argv[4] : "tcp://127.0.0.1:*"));
  check(zuv_get_option(&server, ZUV_LAST_ENDPOINT, endpoint, &size));
  printf("server: listening on %s, for %zu clients\n", endpoint, client_count);

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
