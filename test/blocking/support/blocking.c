#include "support/blocking.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONG_PART = 200 /* bytes: shown by its size only */ };

blocking_transport_t blocking_transport = BLOCKING_TCP;

bool blocking_is_inproc(void) {
  return blocking_transport == BLOCKING_INPROC ||
         blocking_transport == BLOCKING_INPROC_CONNECT_FIRST;
}

bool blocking_is_tcp(void) {
  return blocking_transport == BLOCKING_TCP;
}

bool blocking_is_zuv(void) {
  return zmq_has("zuv") == 1;
}

bool blocking_take_arguments(int argc, char **argv) {
  static const char *const names[] = {"tcp", "ipc", "inproc",
                                      "inproc-connect-first"};

  if (argc < 2)
    return true;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(argv[1], names[i]) == 0) {
      blocking_transport = (blocking_transport_t)i;
      return true;
    }
  }
  fprintf(stderr, "unknown transport: %s\n", argv[1]);
  return false;
}

/* ---- Life ---- */

int blocking_setup(void **state) {
  blocking_t *b = calloc(1, sizeof(*b));

  if (b == NULL)
    return -1;
  b->context = zmq_ctx_new();
  if (b->context == NULL) {
    free(b);
    return -1;
  }
  *state = b;
  return 0;
}

void blocking_end(blocking_t *b) {
  const int linger = 0;

  for (size_t i = 0; i < b->socket_count; i++) {
    zmq_setsockopt(b->sockets[i], ZMQ_LINGER, &linger, sizeof(linger));
    zmq_close(b->sockets[i]);
  }
  b->socket_count = 0;
  if (b->context == NULL)
    return;
  while (zmq_ctx_term(b->context) != 0 && errno == EINTR)
    continue;
  b->context = NULL;
}

void blocking_restart(blocking_t *b) {
  blocking_end(b);
  b->context = zmq_ctx_new();
  assert_non_null(b->context);
}

static void remove_directory(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  char file[sizeof(((blocking_t *)0)->directory) + 256 + 2];

  if (directory == NULL)
    return;
  while ((entry = readdir(directory)) != NULL) {
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    unlink(file);
  }
  closedir(directory);
  rmdir(path);
}

int blocking_teardown(void **state) {
  blocking_t *b = *state;

  blocking_end(b);
  for (size_t i = 0; i < b->reserved_count; i++)
    close(b->reserved[i]);
  if (b->directory[0] != '\0')
    remove_directory(b->directory);
  free(b);
  return 0;
}

/* ---- Sockets ---- */

void *blocking_socket(blocking_t *b, int type) {
  void *socket = zmq_socket(b->context, type);

  assert_non_null(socket);
  assert_true(b->socket_count < BLOCKING_SOCKETS_MAX);
  b->sockets[b->socket_count++] = socket;
  return socket;
}

void blocking_forget(blocking_t *b, void *socket) {
  for (size_t i = 0; i < b->socket_count; i++) {
    if (b->sockets[i] == socket) {
      b->sockets[i] = b->sockets[--b->socket_count];
      return;
    }
  }
  fail_msg("a socket that blocking_socket() did not make");
}

void blocking_close(blocking_t *b, void *socket) {
  blocking_forget(b, socket);
  blocking_expect_ok(zmq_close(socket));
}

void blocking_set(void *socket, int option, int value) {
  blocking_expect_ok(zmq_setsockopt(socket, option, &value, sizeof(value)));
}

void blocking_set_text(void *socket, int option, const char *text) {
  blocking_expect_ok(zmq_setsockopt(socket, option, text, strlen(text)));
}

int blocking_get(void *socket, int option) {
  int value = -1;
  size_t size = sizeof(value);

  blocking_expect_ok(zmq_getsockopt(socket, option, &value, &size));
  assert_int_equal(size, sizeof(value));
  return value;
}

void blocking_get_text(void *socket, int option, char *text) {
  size_t size = BLOCKING_TEXT_MAX;

  blocking_expect_ok(zmq_getsockopt(socket, option, text, &size));
}

void blocking_set_hwm(void *socket, int send, int receive) {
  blocking_set(socket, ZMQ_SNDHWM, send);
  blocking_set(socket, ZMQ_RCVHWM, receive);
}

/* ---- Endpoints ---- */

/* Bound but not listening: the port refuses, and nobody else gets it. */
static int reserve_port(blocking_t *b) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;

  assert_true(fd >= 0);
  assert_true(b->reserved_count < BLOCKING_RESERVED_MAX);
  b->reserved[b->reserved_count++] = fd;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
                   0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  return ntohs(address.sin_port);
}

static const char *ipc_directory(blocking_t *b) {
  if (b->directory[0] == '\0') {
    snprintf(b->directory, sizeof(b->directory), "/tmp/zuv-test-XXXXXX");
    assert_non_null(mkdtemp(b->directory));
  }
  return b->directory;
}

void blocking_fresh_endpoint(blocking_t *b, char *endpoint) {
  unsigned number = b->name_count++;

  switch (blocking_transport) {
    case BLOCKING_TCP:
      snprintf(endpoint, BLOCKING_TEXT_MAX, "tcp://127.0.0.1:%d",
               reserve_port(b));
      break;
    case BLOCKING_IPC:
      snprintf(endpoint, BLOCKING_TEXT_MAX, "ipc://%s/%u", ipc_directory(b),
               number);
      break;
    case BLOCKING_INPROC:
    case BLOCKING_INPROC_CONNECT_FIRST:
      snprintf(endpoint, BLOCKING_TEXT_MAX, "inproc://name-%u", number);
      break;
  }
}

void blocking_bind(blocking_t *b, void *socket, char *endpoint) {
  if (blocking_is_tcp())
    snprintf(endpoint, BLOCKING_TEXT_MAX, "tcp://127.0.0.1:*");
  else
    blocking_fresh_endpoint(b, endpoint);
  blocking_bind_to(socket, endpoint);
  blocking_get_text(socket, ZMQ_LAST_ENDPOINT, endpoint);
}

void blocking_bind_to(void *socket, const char *endpoint) {
  blocking_expect_ok(zmq_bind(socket, endpoint));
}

void blocking_connect(void *socket, const char *endpoint) {
  blocking_expect_ok(zmq_connect(socket, endpoint));
}

void blocking_attach(blocking_t *b, void *binder, void *connecter,
                     char *endpoint) {
  char text[BLOCKING_TEXT_MAX];

  if (blocking_transport == BLOCKING_INPROC_CONNECT_FIRST) {
    blocking_fresh_endpoint(b, text);
    blocking_connect(connecter, text);
    blocking_bind_to(binder, text);
  } else {
    blocking_bind(b, binder, text);
    blocking_connect(connecter, text);
  }
  if (endpoint != NULL)
    snprintf(endpoint, BLOCKING_TEXT_MAX, "%s", text);
}

void blocking_join(blocking_t *b, void *binder, void *connecter,
                   char *endpoint) {
  void *of_binder;
  void *of_connecter;

  if (blocking_is_inproc()) {
    blocking_attach(b, binder, connecter, endpoint);
  } else {
    of_binder = blocking_monitor(b, binder, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    of_connecter =
        blocking_monitor(b, connecter, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    blocking_attach(b, binder, connecter, endpoint);
    blocking_wait_monitor(of_binder, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    blocking_wait_monitor(of_connecter, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    blocking_monitor_end(b, binder, of_binder);
    blocking_monitor_end(b, connecter, of_connecter);
  }
  /* A library may notice a new peer only when it is called. */
  blocking_events(binder);
  blocking_events(connecter);
}

void blocking_pair(blocking_t *b, int bind_type, int connect_type, void **bound,
                   void **connected) {
  *bound = blocking_socket(b, bind_type);
  *connected = blocking_socket(b, connect_type);
  blocking_join(b, *bound, *connected, NULL);
}

/* ---- Messages ---- */

const char *blocking_unescape(const char *text, char *bytes, size_t *size) {
  *size = 0;
  while (*text != '\0' && *text != '|') {
    unsigned value = (unsigned char)*text++;
    if (value == '\\') {
      sscanf(text, "x%2x", &value);
      text += 3;
    }
    bytes[(*size)++] = (char)value;
  }
  return text;
}

static bool is_plain(unsigned char byte) {
  return byte >= ' ' && byte < 0x7f && byte != '|' && byte != '\\';
}

void blocking_escape(const void *data, size_t size, char *text, size_t room) {
  const unsigned char *bytes = data;
  size_t at = 0;

  for (size_t i = 0; i < size && at + 5 < room; i++) {
    if (is_plain(bytes[i]))
      text[at++] = (char)bytes[i];
    else
      at += (size_t)snprintf(text + at, 5, "\\x%02x", bytes[i]);
  }
  text[at] = '\0';
}

int blocking_try_send(void *socket, const char *text, int flags) {
  char *bytes = malloc(strlen(text) + 1);
  size_t size;
  int error = 0;
  bool more = true;

  if (bytes == NULL)
    return ENOMEM;
  while (more && error == 0) {
    text = blocking_unescape(text, bytes, &size);
    more = *text++ == '|';
    if (zmq_send(socket, bytes, size, flags | (more ? ZMQ_SNDMORE : 0)) < 0)
      error = errno;
  }
  free(bytes);
  return error;
}

void blocking_send(void *socket, const char *text) {
  int before = blocking_get(socket, ZMQ_SNDTIMEO);
  int error;

  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  error = blocking_try_send(socket, text, 0);
  blocking_set(socket, ZMQ_SNDTIMEO, before);
  if (error != 0)
    print_error("sending \"%s\": %s\n", text, zmq_strerror(error));
  assert_int_equal(error, 0);
}

static size_t part_text(zmq_msg_t *part, char *text, size_t room) {
  if (zmq_msg_size(part) > LONG_PART)
    snprintf(text, room, "<%zu bytes>", zmq_msg_size(part));
  else
    blocking_escape(zmq_msg_data(part), zmq_msg_size(part), text, room);
  return strlen(text);
}

/* Appends one part; 1 when more follow, 0 when not, -1 when none was there. */
static int receive_part(void *socket, char *text, size_t room) {
  zmq_msg_t part;
  int more = -1;
  int error = 0;

  zmq_msg_init(&part);
  if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
    error = errno;
  } else {
    part_text(&part, text, room);
    more = zmq_msg_more(&part);
  }
  zmq_msg_close(&part);
  if (error != 0)
    errno = error;
  return more;
}

char *blocking_receive(void *socket, int timeout_ms) {
  const size_t room = BLOCKING_PARTS_MAX * (4 * LONG_PART + 8);
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
  char *text;
  size_t at = 0;
  int more;

  if (zmq_poll(&item, 1, timeout_ms) < 0)
    return NULL;
  text = calloc(1, room);
  if (text == NULL)
    return NULL;
  while ((more = receive_part(socket, text + at, room - at)) == 1) {
    at += strlen(text + at);
    text[at++] = '|';
  }
  if (more == 0)
    return text;
  free(text);
  return NULL;
}

size_t blocking_fill(void *socket, const char *prefix, size_t most) {
  char text[BLOCKING_TEXT_MAX];
  size_t sent = 0;

  for (; sent < most; sent++) {
    snprintf(text, sizeof(text), "%s%zu", prefix, sent);
    if (blocking_try_send(socket, text, ZMQ_DONTWAIT) != 0)
      break;
  }
  return sent;
}

size_t blocking_drain(void *socket) {
  size_t count = 0;
  char *text;

  while ((text = blocking_receive(socket, 0)) != NULL) {
    free(text);
    count++;
  }
  return count;
}

/* ---- Expecting ---- */

void blocking_expect_at(void *socket, const char *expected, const char *file,
                        int line) {
  char *text = blocking_receive(socket, BLOCKING_DEADLINE_MS);
  bool same = text != NULL && strcmp(text, expected) == 0;

  if (text == NULL)
    print_error("%s:%d: waited in vain for \"%s\": %s\n", file, line, expected,
                zmq_strerror(errno));
  else if (!same)
    print_error("%s:%d: \"%s\" instead of \"%s\"\n", file, line, text,
                expected);
  free(text);
  if (!same)
    _fail(file, line);
}

void blocking_expect_numbers_at(void *socket, const char *prefix, size_t first,
                                size_t last, const char *file, int line) {
  char text[BLOCKING_TEXT_MAX];

  for (; first < last; first++) {
    snprintf(text, sizeof(text), "%s%zu", prefix, first);
    blocking_expect_at(socket, text, file, line);
  }
}

void blocking_expect_nothing_at(void *socket, const char *file, int line) {
  char *text = blocking_receive(socket, BLOCKING_QUIET_MS);

  if (text == NULL)
    return;
  print_error("%s:%d: unexpected \"%s\"\n", file, line, text);
  free(text);
  _fail(file, line);
}

void blocking_expect_errno_at(intptr_t result, intptr_t failure, int expected,
                              const char *call, const char *file, int line) {
  int error = errno;

  if (result == failure && error == expected)
    return;
  print_error("%s:%d: %s: %ld with \"%s\" instead of \"%s\"\n", file, line,
              call, (long)result, zmq_strerror(error), zmq_strerror(expected));
  _fail(file, line);
}

void blocking_expect_ok_at(int result, const char *call, const char *file,
                           int line) {
  if (result == 0)
    return;
  print_error("%s:%d: %s: %d with \"%s\"\n", file, line, call, result,
              zmq_strerror(errno));
  _fail(file, line);
}

/* ---- Waiting ---- */

uint64_t blocking_now_ms(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void blocking_sleep_ms(unsigned ms) {
  struct timespec left = {.tv_sec = ms / 1000,
                          .tv_nsec = (long)(ms % 1000) * 1000000};

  while (nanosleep(&left, &left) != 0 && errno == EINTR)
    continue;
}

void blocking_settle(void) {
  blocking_sleep_ms(BLOCKING_QUIET_MS);
}

void blocking_wait_step(uint64_t until, const char *condition, const char *file,
                        int line) {
  if (blocking_now_ms() > until) {
    print_error("%s:%d: waited in vain for: %s\n", file, line, condition);
    _fail(file, line);
  }
  blocking_sleep_ms(1);
}

int blocking_events(void *socket) {
  return blocking_get(socket, ZMQ_EVENTS);
}

/* ---- Monitors ---- */

void *blocking_monitor(blocking_t *b, void *socket, int events) {
  void *monitor = blocking_socket(b, ZMQ_PAIR);
  char endpoint[BLOCKING_TEXT_MAX];

  snprintf(endpoint, sizeof(endpoint), "inproc://monitor-%u", b->name_count++);
  blocking_expect_ok(zmq_socket_monitor(socket, endpoint, events));
  blocking_connect(monitor, endpoint);
  return monitor;
}

void blocking_monitor_end(blocking_t *b, void *socket, void *monitor) {
  blocking_expect_ok(zmq_socket_monitor(socket, NULL, 0));
  blocking_close(b, monitor);
}

int blocking_next_event(void *monitor, uint32_t *value, char *address,
                        int timeout_ms) {
  zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
  unsigned char head[6];
  char text[BLOCKING_TEXT_MAX] = "";
  uint16_t event;

  if (zmq_poll(&item, 1, timeout_ms) != 1)
    return 0;
  assert_int_equal(zmq_recv(monitor, head, sizeof(head), ZMQ_DONTWAIT), 6);
  assert_int_equal(blocking_get(monitor, ZMQ_RCVMORE), 1);
  assert_true(zmq_recv(monitor, text, sizeof(text) - 1, ZMQ_DONTWAIT) >= 0);
  assert_int_equal(blocking_get(monitor, ZMQ_RCVMORE), 0);
  memcpy(&event, head, sizeof(event));
  if (value != NULL)
    memcpy(value, head + 2, sizeof(*value));
  if (address != NULL)
    memcpy(address, text, sizeof(text));
  return event;
}

uint32_t blocking_wait_monitor(void *monitor, int event) {
  uint32_t value;
  int next;

  while ((next = blocking_next_event(monitor, &value, NULL,
                                     BLOCKING_DEADLINE_MS)) != event) {
    if (next == 0)
      fail_msg("no event 0x%x came", (unsigned)event);
  }
  return value;
}

/* ---- Named endpoints ---- */

void blocking_bind_resolved(void *socket, const char *text, char *endpoint) {
  blocking_bind_to(socket, text);
  blocking_get_text(socket, ZMQ_LAST_ENDPOINT, endpoint);
}

void blocking_abstract_name(const char *name, char *endpoint) {
  snprintf(endpoint, BLOCKING_TEXT_MAX, "ipc://@zuv-test-%d-%s", (int)getpid(),
           name);
}

void blocking_expect_last_at(void *socket, const char *expected,
                             const char *file, int line) {
  char text[BLOCKING_TEXT_MAX];

  blocking_get_text(socket, ZMQ_LAST_ENDPOINT, text);
  if (strcmp(text, expected) == 0)
    return;
  print_error("%s:%d: \"%s\" instead of \"%s\"\n", file, line, text, expected);
  _fail(file, line);
}

void blocking_expect_reaches(blocking_t *b, void *pull, const char *endpoint,
                             bool ipv6) {
  void *push = blocking_socket(b, ZMQ_PUSH);

  blocking_set(push, ZMQ_IPV6, ipv6);
  blocking_connect(push, endpoint);
  blocking_send(push, endpoint);
  blocking_expect(pull, endpoint);
  blocking_set(push, ZMQ_LINGER, 0);
  blocking_close(b, push);
}
