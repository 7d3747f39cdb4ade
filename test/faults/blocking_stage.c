#include "blocking_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "blocking/socket.h"
#include "core/body_cache.h"

enum {
  DEADLINE_MS = 15000,
  WAIT_MS = 15,
  LARGE_SIZE = 300 * 1000,
  MIDDLE_SIZE = 20000,
  UNUSED_HANDLES = 300
};

blocking_stage_t blocking;

static uint64_t now_ms(void) {
  return uv_hrtime() / 1000000;
}

void blocking_check_deadline(void) {
  if (now_ms() > blocking.deadline)
    fail_msg("the scenario does not end");
}

bool blocking_repeats(size_t failed_before) {
  if (errno != ENOMEM)
    return false;
  if (failing_failed() == failed_before)
    fail_msg("ENOMEM, but there was memory");
  return true;
}

/* ---- Beginning and ending ---- */

/* A context cannot be told from one that is used again, so that each needs
 * another while they are made. */
void blocking_make_handles(void) {
  void *contexts[UNUSED_HANDLES];
  void *sockets[UNUSED_HANDLES];

  for (int i = 0; i < UNUSED_HANDLES; i++)
    contexts[i] = zmq_ctx_new();
  for (int i = 0; i < UNUSED_HANDLES; i++)
    sockets[i] = zmq_socket(contexts[0], ZMQ_PAIR);
  for (int i = 0; i < UNUSED_HANDLES; i++)
    zmq_close(sockets[i]);
  for (int i = 0; i < UNUSED_HANDLES; i++)
    zmq_ctx_term(contexts[i]);
  for (int i = 0; i < UNUSED_HANDLES; i++) {
    void *poller = zmq_poller_new();
    zmq_poller_destroy(&poller);
  }
}

/* Large bodies that are kept for the next use. */
static void forget_bodies(void) {
  for (size_t size = 1; size <= ZUV__BODY_CACHE_MAX; size *= 2) {
    zuv__body_t *body;

    while ((body = zuv__body_cache_find(size)) != NULL)
      zuv__free(body);
  }
}

void blocking_open(int io_threads) {
  memset(&blocking, 0, sizeof(blocking));
  blocking.deadline = now_ms() + DEADLINE_MS;
  blocking.context = must_not(NULL, zmq_ctx_new());
  if (io_threads > 0)
    must(zmq_ctx_set(blocking.context, ZMQ_IO_THREADS, io_threads));
}

void blocking_close_socket(void *socket) {
  for (size_t i = 0; i < blocking.count; i++)
    if (blocking.sockets[i] == socket)
      blocking.sockets[i] = NULL;
  assert_int_equal(zmq_close(socket), 0);
}

void blocking_close(void) {
  for (size_t i = 0; i < blocking.count; i++)
    if (blocking.sockets[i] != NULL)
      assert_int_equal(zmq_close(blocking.sockets[i]), 0);
  assert_int_equal(zmq_ctx_term(blocking.context), 0);
  forget_bodies();
}

/* ---- Sockets ---- */

void *blocking_socket(int type) {
  void *socket = must_not(NULL, zmq_socket(blocking.context, type));

  assert_true(blocking.count < BLOCKING_SOCKETS_MAX);
  blocking.sockets[blocking.count++] = socket;
  blocking_set(socket, ZMQ_RECONNECT_IVL, 1);
  blocking_set(socket, ZMQ_LINGER, 0);
  blocking_set(socket, ZMQ_SNDTIMEO, WAIT_MS);
  blocking_set(socket, ZMQ_RCVTIMEO, WAIT_MS);
  return socket;
}

void blocking_set(void *socket, int option, int value) {
  must(zmq_setsockopt(socket, option, &value, sizeof(value)));
}

void blocking_set_text(void *socket, int option, const char *text) {
  must(zmq_setsockopt(socket, option, text, strlen(text)));
}

static const char *endpoint_to_bind(const char *where) {
  static char endpoint[BLOCKING_TEXT_MAX];
  unsigned pid = (unsigned)getpid();

  if (strcmp(where, "ipc") == 0)
    return "ipc://*";
  if (strcmp(where, "tcp") != 0)
    return where;
  /* Of this process alone, as rig_address(). */
  snprintf(endpoint, sizeof(endpoint), "tcp://127.%u.%u.%u:*",
           1 + (pid >> 16 & 0x7f), pid >> 8 & 0xff, pid & 0xff);
  return endpoint;
}

void blocking_bind(void *socket, const char *where,
                   char endpoint[BLOCKING_TEXT_MAX]) {
  size_t size = BLOCKING_TEXT_MAX;

  must(zmq_bind(socket, endpoint_to_bind(where)));
  must(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size));
}

void blocking_connect(void *socket, const char *endpoint) {
  must(zmq_connect(socket, endpoint));
}

void blocking_join(void *binder, void *connecter, const char *where,
                   bool connect_first) {
  char endpoint[BLOCKING_TEXT_MAX];

  if (connect_first)
    blocking_connect(connecter, where);
  blocking_bind(binder, where, endpoint);
  if (!connect_first)
    blocking_connect(connecter, endpoint);
}

/* ---- Messages ---- */

static char pattern[LARGE_SIZE];

static const char *bytes(void) {
  if (pattern[0] == 0)
    for (int i = 0; i < LARGE_SIZE; i++)
      pattern[i] = (char)('x' + i * 7 + (i >> 12));
  return pattern;
}

/* The sizes of the parts; the first of a kind tells which it is. */
static const size_t sizes[BLOCKING_KINDS][5] = {
    {5, 0, 0, 0, 0}, {LARGE_SIZE, 0, 0, 0, 0}, {7, MIDDLE_SIZE, 0, 300, 40}};

static size_t parts_count(int kind) {
  return kind == BLOCKING_MANY ? 5 : 1;
}

/* A part that fails for memory is repeated: what was sent of the message
 * stays. Another error ends it. */
static int send_part(void *socket, const char *data, size_t size, int flags) {
  size_t failed;
  int rc;

  do {
    failed = failing_failed();
    rc = zmq_send(socket, data, size, flags);
  } while (rc < 0 && blocking_repeats(failed));
  return rc;
}

int blocking_send(void *socket, const char *lead, int kind) {
  size_t count = parts_count(kind);
  int rc = 0;

  if (lead != NULL)
    rc = send_part(socket, lead, strlen(lead), ZMQ_SNDMORE);
  for (size_t i = 0; i < count && rc >= 0; i++)
    rc = send_part(socket, bytes(), sizes[kind][i],
                   i + 1 < count ? ZMQ_SNDMORE : 0);
  return rc;
}

static int receive_part(void *socket, zmq_msg_t *part) {
  size_t failed;
  int rc;

  do {
    failed = failing_failed();
    rc = zmq_msg_recv(part, socket, 0);
  } while (rc < 0 && blocking_repeats(failed));
  return rc;
}

static int kind_of(size_t size) {
  for (int kind = 0; kind < BLOCKING_KINDS; kind++)
    if (sizes[kind][0] == size)
      return kind;
  fail_msg("a message that nobody has sent so");
  return -1;
}

static void expect_part(zmq_msg_t *part, int kind, size_t index) {
  assert_true(index < parts_count(kind));
  assert_int_equal(zmq_msg_size(part), sizes[kind][index]);
  assert_memory_equal(zmq_msg_data(part), bytes(), sizes[kind][index]);
  assert_int_equal(zmq_msg_more(part), index + 1 < parts_count(kind));
}

static int receive_lead(void *socket, zmq_msg_t *part,
                        char lead[BLOCKING_TEXT_MAX]) {
  int rc = receive_part(socket, part);

  if (rc < 0)
    return rc;
  assert_true(rc < BLOCKING_TEXT_MAX && zmq_msg_more(part));
  memcpy(lead, zmq_msg_data(part), (size_t)rc);
  lead[rc] = '\0';
  return rc;
}

int blocking_receive(void *socket, char lead[BLOCKING_TEXT_MAX]) {
  zmq_msg_t part;
  int kind = -1;
  int rc = 0;

  zmq_msg_init(&part);
  if (lead != NULL)
    rc = receive_lead(socket, &part, lead);
  for (size_t i = 0; rc >= 0 && (i == 0 || zmq_msg_more(&part)); i++) {
    rc = receive_part(socket, &part);
    if (rc >= 0 && i == 0)
      kind = kind_of((size_t)rc);
    if (rc >= 0)
      expect_part(&part, kind, i);
  }
  zmq_msg_close(&part);
  return rc < 0 ? -1 : kind;
}

void blocking_talk(void *from, void *to) {
  for (int kind = 0; kind < BLOCKING_KINDS; kind++) {
    int heard = -1;

    while (heard != kind) {
      blocking_check_deadline();
      (void)blocking_send(from, NULL, kind);
      heard = blocking_receive(to, NULL);
    }
  }
}
