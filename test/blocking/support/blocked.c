#include "support/blocked.h"

#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- The thread ---- */

static void *run(void *argument) {
  blocked_t *blocked = argument;
  uint64_t begin = blocking_now_ms();

  atomic_store(&blocked->thread_id, (int)gettid());
  blocked->result = blocked->call(blocked->argument);
  blocked->error = errno;
  blocked->took_ms = blocking_now_ms() - begin;
  atomic_store(&blocked->returned, true);
  return NULL;
}

void blocked_start_named(blocked_t *blocked, const char *name,
                         blocked_call_fn *call, void *argument) {
  blocked->name = name;
  blocked->call = call;
  blocked->argument = argument;
  blocked->result = 0;
  blocked->error = 0;
  atomic_init(&blocked->thread_id, 0);
  atomic_init(&blocked->returned, false);
  assert_int_equal(pthread_create(&blocked->thread, NULL, run, blocked), 0);
}

/* The state letter is what follows the last ')': a name may contain others. */
static bool is_asleep(int thread_id) {
  char path[64];
  char text[512];
  const char *end;
  size_t size;
  FILE *file;

  snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread_id);
  file = fopen(path, "r");
  if (file == NULL)
    return false;
  size = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[size] = '\0';
  end = strrchr(text, ')');
  return end != NULL && end[1] == ' ' && end[2] == 'S';
}

void blocked_wait_asleep(blocked_t *blocked) {
  blocking_wait(blocked_has_returned(blocked) ||
                (atomic_load(&blocked->thread_id) != 0 &&
                 is_asleep(atomic_load(&blocked->thread_id))));
}

bool blocked_has_returned(blocked_t *blocked) {
  return atomic_load(&blocked->returned);
}

void blocked_interrupt(blocked_t *blocked, int signal) {
  uint64_t until = blocking_now_ms() + BLOCKING_DEADLINE_MS;

  blocked_wait_asleep(blocked);
  while (!blocked_has_returned(blocked)) {
    assert_int_equal(pthread_kill(blocked->thread, signal), 0);
    blocking_wait_step(until, blocked->name, __FILE__, __LINE__);
  }
}

void blocked_join(blocked_t *blocked) {
  blocking_wait(blocked_has_returned(blocked));
  assert_int_equal(pthread_join(blocked->thread, NULL), 0);
}

void blocked_expect_errno_at(blocked_t *blocked, int expected, const char *file,
                             int line) {
  blocked_join(blocked);
  if (blocked->result == -1 && blocked->error == expected)
    return;
  print_error("%s:%d: %s: %d with \"%s\" instead of \"%s\"\n", file, line,
              blocked->name, blocked->result, zmq_strerror(blocked->error),
              zmq_strerror(expected));
  _fail(file, line);
}

void blocked_expect_ok_at(blocked_t *blocked, const char *file, int line) {
  blocked_join(blocked);
  if (blocked->result >= 0)
    return;
  print_error("%s:%d: %s: %d with \"%s\"\n", file, line, blocked->name,
              blocked->result, zmq_strerror(blocked->error));
  _fail(file, line);
}

/* ---- Every call that waits ---- */

static int wait_in_recv(void *argument) {
  blocked_wait_t *wait = argument;
  char byte;

  return zmq_recv(wait->sockets[0], &byte, 1, 0);
}

static int wait_in_msg_recv(void *argument) {
  blocked_wait_t *wait = argument;
  zmq_msg_t message;
  int result;
  int error;

  zmq_msg_init(&message);
  result = zmq_msg_recv(&message, wait->sockets[0], 0);
  error = errno;
  zmq_msg_close(&message);
  errno = error;
  return result;
}

static int wait_in_recviov(void *argument) {
  blocked_wait_t *wait = argument;
  struct iovec part;
  size_t count = 1;

  return zmq_recviov(wait->sockets[0], &part, &count, 0);
}

static int wait_in_send(void *argument) {
  blocked_wait_t *wait = argument;

  return zmq_send(wait->sockets[0], "x", 1, 0);
}

static int wait_in_send_const(void *argument) {
  blocked_wait_t *wait = argument;

  return zmq_send_const(wait->sockets[0], "x", 1, 0);
}

static int wait_in_msg_send(void *argument) {
  blocked_wait_t *wait = argument;
  zmq_msg_t message;
  int result;
  int error;

  zmq_msg_init(&message);
  result = zmq_msg_send(&message, wait->sockets[0], 0);
  error = errno;
  zmq_msg_close(&message);
  errno = error;
  return result;
}

static int wait_in_poll(void *argument) {
  blocked_wait_t *wait = argument;
  zmq_pollitem_t items[BLOCKED_SOCKETS_MAX] = {{0}};

  for (size_t i = 0; i < wait->socket_count; i++) {
    items[i].socket = wait->sockets[i];
    items[i].events = ZMQ_POLLIN;
  }
  return zmq_poll(items, (int)wait->socket_count, -1);
}

static int wait_in_proxy(void *argument) {
  blocked_wait_t *wait = argument;

  return zmq_proxy(wait->sockets[0], wait->sockets[1], wait->sockets[2]);
}

static int wait_in_steerable(void *argument) {
  blocked_wait_t *wait = argument;

  return zmq_proxy_steerable(wait->sockets[0], wait->sockets[1], NULL,
                             wait->sockets[2]);
}

enum { REQUESTED = -2, FULL = -3, END = -1 /* instead of a socket type */ };

static const struct {
  const char *name;
  blocked_call_fn *call;
  bool has_timeout;
  int types[BLOCKED_SOCKETS_MAX + 1];
} kinds[] = {
    {"zmq_recv", wait_in_recv, true, {ZMQ_PULL, END}},
    {"zmq_recv of a subscriber", wait_in_recv, true, {ZMQ_SUB, END}},
    {"zmq_recv of a reply", wait_in_recv, true, {REQUESTED, END}},
    {"zmq_msg_recv", wait_in_msg_recv, true, {ZMQ_DEALER, END}},
    {"zmq_recviov", wait_in_recviov, true, {ZMQ_PAIR, END}},
    {"zmq_send without a peer", wait_in_send, true, {ZMQ_PUSH, END}},
    {"zmq_send to a full peer", wait_in_send, true, {FULL, END}},
    {"zmq_send_const", wait_in_send_const, true, {ZMQ_REQ, END}},
    {"zmq_msg_send", wait_in_msg_send, true, {ZMQ_DEALER, END}},
    {"zmq_poll of one", wait_in_poll, false, {ZMQ_PULL, END}},
    {"zmq_poll of more",
     wait_in_poll,
     false,
     {ZMQ_SUB, ZMQ_REP, ZMQ_PAIR, END}},
    {"zmq_proxy", wait_in_proxy, false, {ZMQ_ROUTER, ZMQ_DEALER, END}},
    {"zmq_proxy with capture",
     wait_in_proxy,
     false,
     {ZMQ_XSUB, ZMQ_XPUB, ZMQ_PUB, END}},
    {"zmq_proxy_steerable",
     wait_in_steerable,
     false,
     {ZMQ_PULL, ZMQ_PUSH, ZMQ_PAIR, END}},
};

size_t blocked_kinds(void) {
  return sizeof(kinds) / sizeof(kinds[0]);
}

static void add_socket(blocking_t *b, blocked_wait_t *wait, int type,
                       int timeout_ms) {
  void *socket = zmq_socket(b->context, type);

  assert_non_null(socket);
  assert_true(wait->socket_count < BLOCKED_SOCKETS_MAX);
  wait->sockets[wait->socket_count++] = socket;
  blocking_set(socket, ZMQ_LINGER, 0);
  blocking_set_hwm(socket, 1, 1);
  blocking_set(socket, ZMQ_RCVTIMEO, timeout_ms);
  blocking_set(socket, ZMQ_SNDTIMEO, timeout_ms);
}

/* A REQ that waits for a REP, or a PUSH whose PULL is full. */
static void add_with_peer(blocking_t *b, blocked_wait_t *wait, bool request,
                          int timeout_ms) {
  char endpoint[BLOCKING_TEXT_MAX];

  add_socket(b, wait, request ? ZMQ_REQ : ZMQ_PUSH, timeout_ms);
  add_socket(b, wait, request ? ZMQ_REP : ZMQ_PULL, timeout_ms);
  snprintf(endpoint, sizeof(endpoint), "inproc://waits-%u", b->name_count++);
  blocking_bind_to(wait->sockets[1], endpoint);
  blocking_connect(wait->sockets[0], endpoint);
  blocking_send(wait->sockets[0], "first");
  if (!request)
    blocking_send(wait->sockets[0], "second");
}

void blocked_prepare(blocking_t *b, blocked_wait_t *wait, size_t kind,
                     int timeout_ms) {
  *wait = (blocked_wait_t){.name = kinds[kind].name,
                           .call = kinds[kind].call,
                           .has_timeout = kinds[kind].has_timeout};
  for (const int *type = kinds[kind].types; *type != END; type++) {
    if (*type == REQUESTED || *type == FULL)
      add_with_peer(b, wait, *type == REQUESTED, timeout_ms);
    else
      add_socket(b, wait, *type, timeout_ms);
  }
}

void blocked_close(blocked_wait_t *wait) {
  for (size_t i = 0; i < wait->socket_count; i++)
    zmq_close(wait->sockets[i]);
}

static int wait_and_close(void *argument) {
  blocked_wait_t *wait = argument;
  int result = wait->call(wait);
  int error = errno;

  blocked_close(wait);
  errno = error;
  return result;
}

void blocked_start_wait(blocked_t *blocked, blocked_wait_t *wait,
                        bool then_close) {
  blocked_start_named(blocked, wait->name,
                      then_close ? wait_and_close : wait->call, wait);
}
