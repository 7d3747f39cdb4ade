/* CURVE in one program: a server, the thread that says who may come in, a
 * client that may and one that may not.
 *
 *   curve
 *
 * The keys are made on the spot. Otherwise they come from files of zuv-keygen,
 * and a client gets the server's public key from somebody it trusts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum { KEY_SIZE = 32, KEY_TEXT_SIZE = 41, PARTS_MAX = 8, PART_SIZE = 256 };

typedef struct {
  char public_key[KEY_TEXT_SIZE];
  char secret_key[KEY_TEXT_SIZE];
} key_pair_t;

/* Of a request to the handler. */
typedef struct {
  char bytes[PART_SIZE];
  size_t size;
} part_t;

static void *context;
static key_pair_t server_keys, alice_keys, mallory_keys;

static int check(int result) {
  if (result >= 0)
    return result;
  fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
  exit(1);
}

static void set_text(void *socket, int option, const char *text) {
  check(zmq_setsockopt(socket, option, text, strlen(text) + 1));
}

/* Returns how many parts came; -1: the context ended. */
static int receive_request(void *handler, part_t parts[PARTS_MAX]) {
  int count = 0, more = 1;
  size_t size = sizeof(more);

  while (more && count < PARTS_MAX) {
    part_t *part = &parts[count++];
    int got = zmq_recv(handler, part->bytes, PART_SIZE, 0);

    if (got < 0)
      return -1;
    part->size = (size_t)got < PART_SIZE ? (size_t)got : PART_SIZE;
    check(zmq_getsockopt(handler, ZMQ_RCVMORE, &more, &size));
  }
  return count;
}

static void send_part(void *handler, const void *data, size_t size, int more) {
  check(zmq_send(handler, data, size, more ? ZMQ_SNDMORE : 0));
}

/* ZAP, RFC 27. A request is: version, request id, domain, address, routing id,
 * mechanism, and for CURVE the 32 bytes of the client's key, which it has
 * proven to own. An answer is: version, request id, status, text, user id,
 * metadata. */
static void judge_clients(void *handler) {
  uint8_t alice[KEY_SIZE];
  part_t parts[PARTS_MAX];
  int count;

  zmq_z85_decode(alice, alice_keys.public_key);
  while ((count = receive_request(handler, parts)) >= 0) {
    int known = count == 7 && parts[5].size == 5 &&
                memcmp(parts[5].bytes, "CURVE", 5) == 0 &&
                parts[6].size == KEY_SIZE &&
                memcmp(parts[6].bytes, alice, KEY_SIZE) == 0;
    const char *user = known ? "alice" : "";

    printf("handler: %s from %.*s\n", known ? "alice" : "a stranger",
           (int)parts[3].size, parts[3].bytes);
    send_part(handler, "1.0", 3, 1);
    send_part(handler, parts[1].bytes, parts[1].size, 1);
    send_part(handler, known ? "200" : "400", 3, 1);
    send_part(handler, known ? "OK" : "no", 2, 1);
    send_part(handler, user, strlen(user), 1);
    send_part(handler, "", 0, 0);
  }
  check(zmq_close(handler));
}

/* Everything is set before the connect, which keeps what it finds. */
static void *new_client(const key_pair_t *keys) {
  void *client = zmq_socket(context, ZMQ_REQ);
  int no_linger = 0;

  check(zmq_setsockopt(client, ZMQ_LINGER, &no_linger, sizeof(no_linger)));
  set_text(client, ZMQ_CURVE_SERVERKEY, server_keys.public_key);
  set_text(client, ZMQ_CURVE_PUBLICKEY, keys->public_key);
  set_text(client, ZMQ_CURVE_SECRETKEY, keys->secret_key);
  return client;
}

static void ask_as_alice(const char *endpoint, void *server) {
  void *client = new_client(&alice_keys);
  zmq_msg_t msg;
  char text[64];
  int size;

  check(zmq_connect(client, endpoint));
  check(zmq_send(client, "hello", 5, 0));

  /* The User-Id is the handler's word, not the client's. */
  check(zmq_msg_init(&msg));
  check(zmq_msg_recv(&msg, server, 0));
  printf("server: %s says \"%.*s\"\n", zmq_msg_gets(&msg, "User-Id"),
         (int)zmq_msg_size(&msg), (const char *)zmq_msg_data(&msg));
  check(zmq_msg_send(&msg, server, 0));

  size = check(zmq_recv(client, text, sizeof(text), 0));
  printf("alice: \"%.*s\" came back\n", size, text);
  check(zmq_close(client));
}

/* Who is refused gets no answer and no error; a monitor is told. */
static void ask_as_mallory(const char *endpoint) {
  void *client = new_client(&mallory_keys);
  void *monitor = zmq_socket(context, ZMQ_PAIR);
  uint16_t event;
  uint32_t status;
  char frame[6];

  check(zmq_socket_monitor(client, "inproc://mallory",
                           ZMQ_EVENT_HANDSHAKE_FAILED_AUTH));
  check(zmq_connect(monitor, "inproc://mallory"));
  check(zmq_connect(client, endpoint));
  check(zmq_recv(monitor, frame, sizeof(frame), 0));
  memcpy(&event, frame, sizeof(event));
  memcpy(&status, frame + sizeof(event), sizeof(status));
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
    printf("mallory: refused with %u\n", status);
  check(zmq_close(client));
  check(zmq_close(monitor));
}

int main(void) {
  void *handler, *server, *thread;
  int yes = 1;
  char endpoint[64];
  size_t size = sizeof(endpoint);

  setvbuf(stdout, NULL, _IOLBF, 0);
  check(zmq_curve_keypair(server_keys.public_key, server_keys.secret_key));
  check(zmq_curve_keypair(alice_keys.public_key, alice_keys.secret_key));
  check(zmq_curve_keypair(mallory_keys.public_key, mallory_keys.secret_key));
  context = zmq_ctx_new();

  /* The handler is there before the server is: a CURVE server that finds none
   * lets in everybody. */
  handler = zmq_socket(context, ZMQ_REP);
  check(zmq_bind(handler, "inproc://zeromq.zap.01"));
  thread = zmq_threadstart(judge_clients, handler);

  server = zmq_socket(context, ZMQ_REP);
  check(zmq_setsockopt(server, ZMQ_CURVE_SERVER, &yes, sizeof(yes)));
  set_text(server, ZMQ_CURVE_SECRETKEY, server_keys.secret_key);
  check(zmq_bind(server, "tcp://127.0.0.1:*"));
  check(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size));

  ask_as_alice(endpoint, server);
  ask_as_mallory(endpoint);

  check(zmq_close(server));
  check(zmq_ctx_shutdown(context));
  zmq_threadclose(thread);
  check(zmq_ctx_term(context));
  return 0;
}
