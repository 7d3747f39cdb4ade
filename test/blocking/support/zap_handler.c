#include "support/zap_handler.h"

#include <pthread.h>
#include <unistd.h>

struct zap_thread_s {
  pthread_t thread;
  void *handler;
  void *control; /* the thread's end */
  void *ended_by;
  zap_rule_fn *rule;
  void *argument;
  atomic_int count;
};

/* ---- Requests and replies: any thread ---- */

/* A ROUTER has "<routing id>||<request>", a REP the request. */
static void read_request(zap_request_t *request, const char *text) {
  const char *delimiter = strstr(text, "||");
  size_t size = 0;

  if (strncmp(text, "1.0|", 4) != 0 && delimiter != NULL)
    size = (size_t)(delimiter + 1 - text);
  if (size >= sizeof(request->envelope))
    size = 0;
  memcpy(request->envelope, text, size);
  request->envelope[size] = '\0';
  snprintf(request->text, sizeof(request->text), "%s",
           text + size + (size > 0));
}

static bool take(void *handler, zap_request_t *request, int timeout_ms) {
  char *text = blocking_receive(handler, timeout_ms);

  if (text == NULL)
    return false;
  read_request(request, text);
  free(text);
  return true;
}

static int reply_to(void *handler, const zap_request_t *request,
                    const char *reply) {
  char text[sizeof(request->envelope) + ZAP_TEXT_MAX + 2];

  snprintf(text, sizeof(text), "%s%s%s", request->envelope,
           request->envelope[0] == '\0' ? "" : "|", reply);
  return blocking_try_send(handler, text, 0);
}

/* ---- Played by the test ---- */

void *zap_handler(blocking_t *b, int type) {
  void *handler = blocking_socket(b, type);

  /* one that was closed gives the name back a little later */
  blocking_wait(zmq_bind(handler, ZAP_ENDPOINT) == 0);
  return handler;
}

void zap_take(void *handler, zap_request_t *request) {
  assert_true(take(handler, request, BLOCKING_DEADLINE_MS));
}

void zap_expect_nothing(void *handler) {
  blocking_expect_nothing(handler);
}

void zap_answer_with(void *handler, const zap_request_t *request,
                     const char *reply) {
  assert_int_equal(reply_to(handler, request, reply), 0);
}

void zap_answer(void *handler, const zap_request_t *request, const char *status,
                const char *user_id, const char *metadata) {
  char reply[ZAP_TEXT_MAX];

  snprintf(reply, sizeof(reply), "1.0|1|%s|text|%s|%s", status, user_id,
           metadata);
  zap_answer_with(handler, request, reply);
}

void zap_serve(void *handler, const char *status) {
  zap_request_t request;

  zap_take(handler, &request);
  zap_answer(handler, &request, status, "", "");
}

void zap_head(char text[ZAP_TEXT_MAX], const char *domain,
              const char *routing_id, const char *mechanism) {
  char address[BLOCKING_TEXT_MAX] = "127.0.0.1";

  if (!blocking_is_tcp())
    snprintf(address, sizeof(address), "localhost:%u:%u:%d", getuid(), getgid(),
             (int)getpid());
  snprintf(text, ZAP_TEXT_MAX, "1.0|1|%s|%s|%s|%s", domain, address, routing_id,
           mechanism);
}

void zap_expect_request_at(const zap_request_t *request, const char *domain,
                           const char *routing_id, const char *mechanism,
                           const char *credentials, const char *file,
                           int line) {
  char expected[2 * ZAP_TEXT_MAX];

  zap_head(expected, domain, routing_id, mechanism);
  if (credentials != NULL)
    snprintf(expected + strlen(expected), ZAP_TEXT_MAX, "|%s", credentials);
  if (strcmp(request->text, expected) == 0)
    return;
  print_error("%s:%d: \"%s\" instead of \"%s\"\n", file, line, request->text,
              expected);
  _fail(file, line);
}

void zap_property(char metadata[ZAP_TEXT_MAX], const char *name,
                  const char *value) {
  size_t at = strlen(metadata);

  snprintf(metadata + at, ZAP_TEXT_MAX - at,
           "\\x%02x%s\\x00\\x00\\x%02x\\x%02x%s", (unsigned)strlen(name), name,
           (unsigned)strlen(value) / 256, (unsigned)strlen(value) % 256, value);
}

void zap_key_text(const char *public_key, char text[ZAP_TEXT_MAX]) {
  uint8_t key[32];

  assert_non_null(zmq_z85_decode(key, public_key));
  blocking_escape(key, sizeof(key), text, ZAP_TEXT_MAX);
}

void zap_close(blocking_t *b, void *handler) {
  blocking_set(handler, ZMQ_LINGER, 0);
  blocking_close(b, handler);
}

/* ---- In a thread ---- */

void zap_allow_all(const zap_request_t *request, char *reply, void *argument) {
  (void)request;
  (void)argument;
  snprintf(reply, ZAP_TEXT_MAX, "1.0|1|200|OK||");
}

static void answer_one(zap_thread_t *thread) {
  zap_request_t request;
  char reply[ZAP_TEXT_MAX];

  if (!take(thread->handler, &request, 0))
    return;
  thread->rule(&request, reply, thread->argument);
  atomic_fetch_add(&thread->count, 1);
  reply_to(thread->handler, &request, reply);
}

static void *run(void *argument) {
  zap_thread_t *thread = argument;
  zmq_pollitem_t items[] = {
      {.socket = thread->handler, .events = ZMQ_POLLIN},
      {.socket = thread->control, .events = ZMQ_POLLIN},
  };

  while (zmq_poll(items, 2, -1) > 0 && items[1].revents == 0)
    answer_one(thread);
  zmq_close(thread->handler);
  zmq_close(thread->control);
  return NULL;
}

zap_thread_t *zap_thread_start(blocking_t *b, zap_rule_fn *rule,
                               void *argument) {
  zap_thread_t *thread = calloc(1, sizeof(*thread));
  char endpoint[BLOCKING_TEXT_MAX];

  assert_non_null(thread);
  thread->rule = rule;
  thread->argument = argument;
  thread->handler = zap_handler(b, ZMQ_ROUTER);
  blocking_forget(b, thread->handler);
  snprintf(endpoint, sizeof(endpoint), "inproc://zap-end-%p", (void *)thread);
  thread->ended_by = blocking_socket(b, ZMQ_PAIR);
  thread->control = blocking_socket(b, ZMQ_PAIR);
  blocking_forget(b, thread->control);
  blocking_bind_to(thread->ended_by, endpoint);
  blocking_connect(thread->control, endpoint);
  assert_int_equal(pthread_create(&thread->thread, NULL, run, thread), 0);
  return thread;
}

int zap_thread_count(zap_thread_t *thread) {
  return atomic_load(&thread->count);
}

void zap_thread_end(zap_thread_t *thread) {
  assert_int_equal(blocking_try_send(thread->ended_by, "", 0), 0);
  zap_thread_join(thread);
}

void zap_thread_join(zap_thread_t *thread) {
  assert_int_equal(pthread_join(thread->thread, NULL), 0);
  free(thread);
}
