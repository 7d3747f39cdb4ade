/* native_worker: the same through zuv.h. */
#include <string.h>
#include <unistd.h>

#include "../blocking/blocking.h"
#include "../worker.h"
#include "half_open.h"
#include "keys.h"
#include "security.h"
#include "zuv.h"

enum { SPARE_FILES = 64 };

const worker_role_t worker_roles[] = {
    {"handshakes", bare_handshakes},
    {"handshake-server", native_handshake_server},
    {"half-open", native_half_open},
    {"echo-server", native_echo_server},
    {0},
};

static bool uses_curve(const bench_work_t *work) {
  return strcmp(work->roles->mechanism, "CURVE") == 0;
}

static void set_key(zuv_socket_t *socket, int option, const uint8_t *key) {
  bench_require_ok(zuv_set_option(socket, option, key, KEY_SIZE),
                   "zuv_set_option of a key");
}

static void init(zuv_socket_t *socket, int type) {
  bench_require_ok(zuv_socket_init(NULL, uv_default_loop(), socket, type),
                   "zuv_socket_init");
}

/* ---- servers
 * ------------------------------------------------------------------
 */

/* Says where it is; runs until the callback closes the socket. */
static void serve(zuv_socket_t *socket, zuv_recv_cb callback,
                  const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  size_t size = sizeof(endpoint);
  pid_t pid = getpid();

  if (uses_curve(work)) {
    bench_require_ok(zuv_set_int(socket, ZUV_CURVE_SERVER, 1), "CURVE_SERVER");
    set_key(socket, ZUV_CURVE_SECRETKEY, keys_of_server()->secret_key);
  }
  if (work->handshake != 0)
    bench_require_ok(zuv_set_int(socket, ZUV_HANDSHAKE_IVL, work->handshake),
                     "HANDSHAKE_IVL");
  bench_require_ok(zuv_bind(socket, "tcp://127.0.0.1:*"), "zuv_bind");
  bench_require_ok(zuv_get_option(socket, ZUV_LAST_ENDPOINT, endpoint, &size),
                   "zuv_get_option");
  bench_require_ok(zuv_recv_start(socket, callback), "zuv_recv_start");
  bench_say(link, &pid, sizeof(pid));
  bench_say(link, endpoint, sizeof(endpoint));
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static void end(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                zuv_peer_t *peer) {
  (void)parts;
  (void)count;
  (void)peer;
  zuv_close(socket, NULL);
}

double native_handshake_server(const bench_work_t *work, int link) {
  zuv_socket_t socket;

  init(&socket, ZUV_PULL);
  serve(&socket, end, work, link);
  return 0;
}

static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  bool last = zuv_msg_size(&parts[0]) == 0;

  (void)peer;
  bench_require_ok(zuv_try_send(socket, parts, count), "zuv_try_send");
  if (last)
    zuv_close(socket, NULL);
}

double native_echo_server(const bench_work_t *work, int link) {
  zuv_socket_t socket;

  bench_require(bench_allow_files(work->peers + SPARE_FILES), "setrlimit");
  init(&socket, ZUV_REP);
  serve(&socket, echo, work, link);
  return 0;
}

/* ---- the client
 * -----------------------------------------------------------------
 */

typedef struct {
  zuv_socket_t socket;
  size_t size;
  bool writable;
  bool answered;
  char body[BENCH_SMALL_MAX];
} client_t;

static void on_writable(zuv_socket_t *socket) {
  client_t *client = socket->data;

  client->writable = true;
  zuv_writable_stop(socket);
}

static void on_reply(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  client_t *client = socket->data;

  (void)peer;
  bench_require(count == 1 && zuv_msg_size(&parts[0]) == client->size,
                "the reply's size");
  client->answered = true;
}

static void run_until(const bool *done) {
  while (!*done)
    uv_run(uv_default_loop(), UV_RUN_ONCE);
}

static void round_trip(void *argument) {
  client_t *client = argument;
  zuv_msg_t msg;

  client->answered = false;
  zuv_msg_init_view(&msg, client->body, client->size);
  bench_require_ok(zuv_try_send(&client->socket, &msg, 1), "zuv_try_send");
  run_until(&client->answered);
}

static void connect_client(client_t *client, const bench_work_t *work,
                           const char *endpoint) {
  zuv_socket_t *socket = &client->socket;

  init(socket, ZUV_REQ);
  socket->data = client;
  if (uses_curve(work)) {
    set_key(socket, ZUV_CURVE_SERVERKEY, keys_of_server()->public_key);
    set_key(socket, ZUV_CURVE_PUBLICKEY, keys_of_client()->public_key);
    set_key(socket, ZUV_CURVE_SECRETKEY, keys_of_client()->secret_key);
  }
  bench_require_ok(zuv_connect(socket, endpoint), "zuv_connect");
  bench_require_ok(zuv_recv_start(socket, on_reply), "zuv_recv_start");
  bench_require_ok(zuv_writable_start(socket, on_writable),
                   "zuv_writable_start");
  run_until(&client->writable);
}

double native_half_open(const bench_work_t *work, int link) {
  client_t client = {.size = work->size};
  half_open_t run;
  double value;

  bench_require(work->size <= sizeof(client.body), "room for the message");
  half_open_begin(&run, work, link);
  connect_client(&client, work, run.endpoint);
  value = half_open_measure(&run, round_trip, &client);
  client.size = 0;
  round_trip(&client);
  zuv_close(&client.socket, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return value;
}
