#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The loop ---- */

uint64_t rig_now_ms(void) {
  return uv_hrtime() / 1000000;
}

const char *rig_address(void) {
  static char address[32];
  unsigned pid = (unsigned)getpid();

  snprintf(address, sizeof(address), "127.%u.%u.%u", 1 + (pid >> 16 & 0x7f),
           pid >> 8 & 0xff, pid & 0xff);
  return address;
}

const char *rig_any_port(void) {
  static char endpoint[64];

  snprintf(endpoint, sizeof(endpoint), "tcp://%s:*", rig_address());
  return endpoint;
}

static void on_tick(uv_timer_t *tick) {
  rig_t *rig = tick->data;

  rig->ticks++;
  if (rig->on_tick != NULL)
    rig->on_tick(rig);
}

void rig_open(rig_t *rig) {
  memset(rig, 0, sizeof(*rig));
  assert_int_equal(uv_loop_init(&rig->loop), 0);
  assert_int_equal(uv_timer_init(&rig->loop, &rig->tick), 0);
  rig->tick.data = rig;
}

static void on_deadline(uv_timer_t *tick) {
  (void)tick;
  fail_msg("the loop does not end");
}

void rig_close(rig_t *rig) {
  /* Whatever does not end must not hang the test. */
  uv_timer_start(&rig->tick, on_deadline, RIG_DEADLINE_MS, 0);
  uv_unref((uv_handle_t *)&rig->tick);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&rig->tick, NULL);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
}

void rig_until_begin(rig_t *rig) {
  uv_timer_start(&rig->tick, on_tick, 2, 2);
  rig->deadline = rig_now_ms() + RIG_DEADLINE_MS;
}

void rig_until_step(rig_t *rig, const char *condition, const char *file,
                    int line) {
  uv_run(&rig->loop, UV_RUN_ONCE);
  if (rig_now_ms() > rig->deadline)
    fail_msg("%s:%d: does not come true: %s", file, line, condition);
}

void rig_until_end(rig_t *rig) {
  uv_timer_stop(&rig->tick);
}

void rig_run_for(rig_t *rig, uint64_t ms) {
  uint64_t until = rig_now_ms() + ms;
  rig_until(rig, rig_now_ms() >= until);
}

/* ---- Sockets ---- */

void actor_note_message(actor_t *actor, zuv_msg_t *parts, size_t count) {
  size_t used = 0;

  actor->received++;
  actor->count = count;
  actor->size = 0;
  for (size_t i = 0; i < count; i++) {
    size_t size = zuv_msg_size(&parts[i]);
    size_t room = sizeof(actor->text) - used - 1;
    actor->size += size;
    if (i > 0 && room > 0) {
      actor->text[used++] = '|';
      room--;
    }
    if (size > room)
      size = room;
    if (size > 0)
      memcpy(actor->text + used, zuv_msg_data(&parts[i]), size);
    used += size;
  }
  actor->text[used] = '\0';
}

void actor_on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                   zuv_peer_t *peer) {
  (void)peer;
  actor_note_message((actor_t *)socket, parts, count);
}

void actor_on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  actor_t *actor = (actor_t *)socket;

  actor->events[event->type]++;
  actor->last[event->type] = *event;
  actor->last[event->type].endpoint = NULL;
  actor->last[event->type].peer = NULL;
}

void actor_on_close(zuv_socket_t *socket) {
  ((actor_t *)socket)->closed++;
}

void actor_open(actor_t *actor, zuv_context_t *context, uv_loop_t *loop,
                int type) {
  memset(actor, 0, sizeof(*actor));
  assert_int_equal(zuv_socket_init(context, loop, &actor->zuv, type), 0);
  assert_int_equal(zuv_event_start(&actor->zuv, actor_on_event), 0);
  if (type != ZUV_PUB && type != ZUV_PUSH)
    assert_int_equal(zuv_recv_start(&actor->zuv, actor_on_recv), 0);
}

void actor_set(actor_t *actor, int option, int value) {
  assert_int_equal(zuv_set_int(&actor->zuv, option, value), 0);
}

void actor_bind(actor_t *actor, char endpoint[RIG_TEXT_MAX]) {
  size_t size = RIG_TEXT_MAX;

  assert_int_equal(zuv_bind(&actor->zuv, rig_any_port()), 0);
  assert_int_equal(
      zuv_get_option(&actor->zuv, ZUV_LAST_ENDPOINT, endpoint, &size), 0);
}

void actor_connect(actor_t *actor, const char *endpoint) {
  assert_int_equal(zuv_connect(&actor->zuv, endpoint), 0);
}

int actor_send(actor_t *actor, const char *text) {
  zuv_msg_t parts[16];
  size_t count = 0;
  int err;

  for (;;) {
    size_t size = strcspn(text, "|");
    zuv_msg_init_view(&parts[count++], text, size);
    if (text[size] == '\0')
      break;
    text += size + 1;
  }
  err = zuv_try_send(&actor->zuv, parts, count);
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
  return err;
}

void actor_close(rig_t *rig, actor_t *actor) {
  actor_set(actor, ZUV_LINGER, 0);
  zuv_close(&actor->zuv, actor_on_close);
  rig_until(rig, actor->closed > 0);
  assert_int_equal(actor->closed, 1);
}

/* ---- Bytes ---- */

void wire_put(wire_t *wire, const void *bytes, size_t size) {
  assert_true(size <= RIG_WIRE_MAX - wire->size);
  if (size > 0)
    memcpy(wire->bytes + wire->size, bytes, size);
  wire->size += size;
}

static void put_number(wire_t *wire, uint64_t value, int octets) {
  for (int i = octets - 1; i >= 0; i--) {
    uint8_t octet = (uint8_t)(value >> (8 * i));
    wire_put(wire, &octet, 1);
  }
}

void wire_greeting(wire_t *wire, int major, int minor, const char *mechanism) {
  uint8_t greeting[64] = {0xff};

  greeting[9] = 0x7f;
  greeting[10] = (uint8_t)major;
  greeting[11] = (uint8_t)minor;
  memcpy(greeting + 12, mechanism, strlen(mechanism));
  wire_put(wire, greeting, sizeof(greeting));
}

void wire_long_header(wire_t *wire, int flags, uint64_t size) {
  put_number(wire, (uint64_t)flags | 2, 1);
  put_number(wire, size, 8);
}

void wire_frame(wire_t *wire, int flags, const void *body, size_t size) {
  put_number(wire, (uint64_t)flags, 1);
  put_number(wire, size, flags & 2 ? 8 : 1);
  wire_put(wire, body, size);
}

void wire_command(wire_t *wire, const char *name, const void *data,
                  size_t size) {
  size_t body = 1 + strlen(name) + size;

  if (body > 255)
    wire_long_header(wire, 4, body);
  else
    put_number(wire, 4u << 8 | body, 2);
  put_number(wire, strlen(name), 1);
  wire_put(wire, name, strlen(name));
  wire_put(wire, data, size);
}

static void put_property(wire_t *wire, const char *name, const void *value,
                         size_t size) {
  put_number(wire, strlen(name), 1);
  wire_put(wire, name, strlen(name));
  put_number(wire, size, 4);
  wire_put(wire, value, size);
}

void wire_ready(wire_t *wire, const char *type, const void *routing_id,
                size_t size) {
  wire_t properties = {.size = 0};

  put_property(&properties, "Socket-Type", type, strlen(type));
  put_property(&properties, "Identity", routing_id, size);
  wire_command(wire, "READY", properties.bytes, properties.size);
}

void wire_handshake(wire_t *wire, const char *type) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_ready(wire, type, NULL, 0);
}

/* ---- Raw peers ---- */

static int open_socket(struct sockaddr_in *address, int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_true(fd >= 0);
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_port = htons((uint16_t)port);
  assert_int_equal(inet_pton(AF_INET, rig_address(), &address->sin_addr), 1);
  return fd;
}

static void make_nonblocking(int fd) {
  int one = 1;

  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int raw_connect(const char *endpoint) {
  struct sockaddr_in address;
  int fd = open_socket(&address, atoi(strrchr(endpoint, ':') + 1));

  /* The kernel completes this without the loop. */
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                   0);
  make_nonblocking(fd);
  return fd;
}

int raw_reserve(char endpoint[RIG_TEXT_MAX]) {
  struct sockaddr_in address;
  socklen_t length = sizeof(address);
  int fd = open_socket(&address, 0);

  assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  make_nonblocking(fd);
  snprintf(endpoint, RIG_TEXT_MAX, "tcp://%s:%d", rig_address(),
           ntohs(address.sin_port));
  return fd;
}

int raw_listen(char endpoint[RIG_TEXT_MAX]) {
  int fd = raw_reserve(endpoint);

  assert_int_equal(listen(fd, 16), 0);
  return fd;
}

void raw_listen_full(raw_full_t *full, char endpoint[RIG_TEXT_MAX]) {
  struct sockaddr_in address;
  int port;

  full->listener = raw_listen(endpoint);
  port = atoi(strrchr(endpoint, ':') + 1);
  assert_int_equal(listen(full->listener, 0), 0);
  for (int i = 0; i < 4; i++) {
    full->waiting[i] = open_socket(&address, port);
    make_nonblocking(full->waiting[i]);
    (void)connect(full->waiting[i], (struct sockaddr *)&address,
                  sizeof(address));
  }
}

void raw_listen_full_end(raw_full_t *full) {
  for (int i = 0; i < 4; i++)
    close(full->waiting[i]);
  close(full->listener);
}

int raw_accept(rig_t *rig, int listener) {
  int fd;

  rig_until(rig, (fd = accept(listener, NULL, NULL)) >= 0);
  make_nonblocking(fd);
  return fd;
}

bool raw_send(rig_t *rig, int fd, const void *bytes, size_t size) {
  size_t sent = 0;
  bool closed = false;

  while (sent < size && !closed) {
    ssize_t n = send(fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
    if (n > 0)
      sent += (size_t)n;
    else if (errno != EAGAIN)
      closed = true;
    else
      rig_run_for(rig, 2);
  }
  return !closed;
}

bool raw_send_wire(rig_t *rig, int fd, const wire_t *wire) {
  return raw_send(rig, fd, wire->bytes, wire->size);
}

bool raw_is_closed(int fd) {
  char bytes[4096];
  ssize_t n;

  do
    n = recv(fd, bytes, sizeof(bytes), 0);
  while (n > 0);
  return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

size_t raw_read(int fd, void *bytes, size_t room) {
  ssize_t n = recv(fd, bytes, room, 0);
  return n > 0 ? (size_t)n : 0;
}
