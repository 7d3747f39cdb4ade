/* What a monitor tells, and in which order. */
#include <dlfcn.h>
#include <pthread.h>

#include "support/blocking.h"
#include "support/monitored.h"

/* Behaviour 143. */
static void test_bound_side(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = monitored_listener(b, ZMQ_PULL, endpoint, &monitor);
  void *pusher;

  for (int i = 0; i < 3; i++) {
    pusher = blocking_socket(b, ZMQ_PUSH);
    blocking_connect(pusher, endpoint);
    monitored_expect_accepted(monitor, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
    monitored_expect_nothing(monitor);
    blocking_close(b, pusher);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  }
  blocking_expect_ok(zmq_unbind(puller, endpoint));
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, endpoint);
  monitored_expect_nothing(monitor);
}

/* Behaviour 143: what unbind ends is not told of. */
static void test_unbind_with_a_peer(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = monitored_listener(b, ZMQ_PULL, endpoint, &monitor);
  void *pusher = blocking_socket(b, ZMQ_PUSH);

  blocking_connect(pusher, endpoint);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_expect_ok(zmq_unbind(puller, endpoint));
  blocking_events(puller);
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, endpoint);
  monitored_expect_nothing(monitor);
}

/* Behaviour 143. */
static void test_closing_the_bound_side(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = monitored_listener(b, ZMQ_PULL, endpoint, &monitor);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  int event;

  blocking_connect(pusher, endpoint);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_close(b, puller);
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, endpoint);
  do
    event = blocking_next_event(monitor, NULL, endpoint, BLOCKING_DEADLINE_MS);
  while (event == ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(event, ZMQ_EVENT_MONITOR_STOPPED);
  assert_string_equal(endpoint, "");
  monitored_expect_nothing(monitor);
}

/* Behaviour 144. */
static void test_connecting_side(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);

  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  monitored_expect_connected(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  monitored_expect_nothing(monitor);
}

/* Behaviour 145. */
static void test_nobody_listens(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);

  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(pusher, endpoint);
  for (int i = 0; i < 4; i++) {
    monitored_expect_delay(monitor, endpoint);
    monitored_expect(monitor, ZMQ_EVENT_CLOSED, endpoint);
    monitored_expect_retry(monitor, endpoint, 20);
  }
}

/* Behaviour 146. */
static void test_peer_closes(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);

  blocking_fresh_endpoint(b, endpoint);
  blocking_bind_to(puller, endpoint);
  blocking_connect(pusher, endpoint);
  monitored_expect_connected(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_close(b, puller);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  monitored_expect_retry(monitor, endpoint, 20);
  puller = blocking_socket(b, ZMQ_PULL);
  blocking_wait(zmq_bind(puller, endpoint) == 0);
  blocking_wait_monitor(monitor, ZMQ_EVENT_CONNECTED);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
}

static bool has_event_after_call(void *monitor, void *called, int *event) {
  blocking_events(called);
  *event = blocking_next_event(monitor, NULL, NULL, 1);
  return *event != 0;
}

/* Behaviour 147. */
static void test_disconnecting(void **state) {
  blocking_t *b = *state;
  int event;
  char endpoint[BLOCKING_TEXT_MAX];
  void *theirs;
  void *ours;
  void *pusher;

  monitored_listener(b, ZMQ_PULL, endpoint, &theirs);
  pusher = monitored_connecter(b, ZMQ_PUSH, &ours);
  blocking_connect(pusher, endpoint);
  monitored_expect_connected(ours, endpoint);
  monitored_expect(ours, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_wait_monitor(theirs, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_expect_ok(zmq_disconnect(pusher, endpoint));
  /* a library may do it only while it is called */
  blocking_wait(has_event_after_call(theirs, pusher, &event));
  assert_int_equal(event, ZMQ_EVENT_DISCONNECTED);
  monitored_expect_nothing(ours);
  blocking_close(b, pusher);
  monitored_expect(ours, ZMQ_EVENT_MONITOR_STOPPED, "");
}

/* Behaviour 147. */
static void test_closing_the_connecting_side(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *theirs;
  void *ours;
  void *pusher;

  monitored_listener(b, ZMQ_PULL, endpoint, &theirs);
  pusher = monitored_connecter(b, ZMQ_PUSH, &ours);
  blocking_connect(pusher, endpoint);
  monitored_expect_connected(ours, endpoint);
  monitored_expect(ours, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_wait_monitor(theirs, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_close(b, pusher);
  assert_int_equal(monitored_expect(ours, ZMQ_EVENT_MONITOR_STOPPED, ""), 0);
  monitored_expect(theirs, ZMQ_EVENT_DISCONNECTED, endpoint);
}

/* Behaviour 148: only that it is told, and why. */
static void test_bind_fails(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *first = blocking_socket(b, ZMQ_PULL);
  void *second = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, second, ZMQ_EVENT_ALL);

  if (!blocking_is_tcp())
    skip();
  blocking_bind(b, first, endpoint);
  blocking_expect_errno(zmq_bind(second, endpoint), EADDRINUSE);
  assert_int_equal(blocking_wait_monitor(monitor, ZMQ_EVENT_BIND_FAILED),
                   EADDRINUSE);
}

/* ---- The monitor itself ---- */

/* Behaviour 158. */
static void test_replacing_and_stopping(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *first = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  void *second = blocking_monitor(b, puller, ZMQ_EVENT_ALL);

  monitored_expect(first, ZMQ_EVENT_MONITOR_STOPPED, "");
  blocking_bind(b, puller, endpoint);
  monitored_expect(second, ZMQ_EVENT_LISTENING, endpoint);
  monitored_expect_nothing(first);
  blocking_expect_ok(zmq_socket_monitor(puller, NULL, 0));
  monitored_expect(second, ZMQ_EVENT_MONITOR_STOPPED, "");
  blocking_expect_ok(zmq_socket_monitor(puller, NULL, 0));
  blocking_bind(b, puller, endpoint);
  monitored_expect_nothing(second);
}

/* Only what was asked for. */
static void test_selection(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *monitor =
      blocking_monitor(b, puller, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED);
  void *none = blocking_monitor(b, pusher, 0);

  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  blocking_send(pusher, "m");
  blocking_expect(puller, "m");
  blocking_close(b, pusher);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  monitored_expect_nothing(monitor);
  monitored_expect_nothing(none);
}

/* Behaviour 160. */
static void test_bad_arguments(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  void *other = blocking_socket(b, ZMQ_PULL);

  blocking_expect_errno(
      zmq_socket_monitor(socket, "tcp://127.0.0.1:*", ZMQ_EVENT_ALL),
      EPROTONOSUPPORT);
  blocking_expect_errno(zmq_socket_monitor(socket, "ipc://*", ZMQ_EVENT_ALL),
                        EPROTONOSUPPORT);
  blocking_expect_errno(zmq_socket_monitor(socket, "nonsense", ZMQ_EVENT_ALL),
                        EINVAL);
  blocking_expect_errno(zmq_socket_monitor(socket, "inproc://m", 1 << 16),
                        EINVAL);
  blocking_bind_to(other, "inproc://taken");
  blocking_expect_errno(
      zmq_socket_monitor(socket, "inproc://taken", ZMQ_EVENT_ALL), EADDRINUSE);
}

typedef struct {
  void *monitor;
  int listening;
  int accepted;
  int disconnected;
  int error;
} reader_t;

/* Reads in a thread of its own until the monitor stops. */
static void *read_events(void *argument) {
  reader_t *reader = argument;
  unsigned char head[6];
  uint16_t event = 0;

  while (event != ZMQ_EVENT_MONITOR_STOPPED) {
    if (zmq_recv(reader->monitor, head, sizeof(head), 0) != sizeof(head) ||
        zmq_recv(reader->monitor, NULL, 0, 0) < 0) {
      reader->error = errno;
      break;
    }
    memcpy(&event, head, sizeof(event));
    reader->listening += event == ZMQ_EVENT_LISTENING;
    reader->accepted += event == ZMQ_EVENT_ACCEPTED;
    reader->disconnected += event == ZMQ_EVENT_DISCONNECTED;
  }
  zmq_close(reader->monitor);
  return NULL;
}

static void test_reader_in_a_thread(void **state) {
  enum { PEERS = 20 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  reader_t reader = {.monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL)};
  pthread_t thread;
  void *pusher;

  blocking_forget(b, reader.monitor);
  blocking_set(reader.monitor, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  assert_int_equal(pthread_create(&thread, NULL, read_events, &reader), 0);
  blocking_bind(b, puller, endpoint);
  for (int i = 0; i < PEERS; i++) {
    pusher = blocking_socket(b, ZMQ_PUSH);
    blocking_connect(pusher, endpoint);
    blocking_send(pusher, "m");
    blocking_expect(puller, "m");
    blocking_close(b, pusher);
  }
  blocking_close(b, puller);
  pthread_join(thread, NULL);
  assert_int_equal(reader.error, 0);
  assert_int_equal(reader.listening, 1);
  assert_int_equal(reader.accepted, PEERS);
  assert_in_range(reader.disconnected, 0, PEERS);
}

/* Behaviour 159: what nobody reads holds nothing up. */
static void test_nobody_reads(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher;

  if (!blocking_is_zuv())
    skip();
  blocking_expect_ok(
      zmq_socket_monitor(puller, "inproc://unread", ZMQ_EVENT_ALL));
  for (int i = 0; i < 30; i++) {
    blocking_bind(b, puller, endpoint);
    pusher = blocking_socket(b, ZMQ_PUSH);
    blocking_connect(pusher, endpoint);
    blocking_send(pusher, "m");
    blocking_expect(puller, "m");
    blocking_close(b, pusher);
    blocking_expect_ok(zmq_unbind(puller, endpoint));
  }
}

/* Behaviour 159: a reader that has its queue full, or leaves first. */
static void test_reader_does_not_read(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_socket(b, ZMQ_PAIR);

  if (!blocking_is_zuv())
    skip();
  blocking_set_hwm(monitor, 1, 1);
  blocking_expect_ok(
      zmq_socket_monitor(puller, "inproc://full", ZMQ_EVENT_ALL));
  blocking_connect(monitor, "inproc://full");
  for (int i = 0; i < 2000; i++) {
    if (i == 1000)
      blocking_close(b, monitor);
    blocking_bind(b, puller, endpoint);
    blocking_expect_ok(zmq_unbind(puller, endpoint));
  }
}

/* Behaviour 159: events from before the reader connected are kept. */
static void test_late_reader(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_socket(b, ZMQ_PAIR);

  if (!blocking_is_zuv())
    skip();
  blocking_expect_ok(
      zmq_socket_monitor(puller, "inproc://late", ZMQ_EVENT_ALL));
  blocking_bind(b, puller, endpoint);
  blocking_connect(monitor, "inproc://late");
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, endpoint);
}

typedef int monitor_versioned_fn(void *socket, const char *endpoint,
                                 uint64_t events, int version, int type);

static uint64_t next_number(void *monitor) {
  uint64_t number = 0;

  assert_int_equal(zmq_recv(monitor, &number, sizeof(number), 0),
                   sizeof(number));
  assert_int_equal(blocking_get(monitor, ZMQ_RCVMORE), 1);
  return number;
}

/* Behaviour 161. */
static void test_second_version(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *symbol = dlsym(RTLD_DEFAULT, "zmq_socket_monitor_versioned");
  monitor_versioned_fn *monitor_versioned;
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *monitor = blocking_socket(b, ZMQ_PAIR);
  char local[BLOCKING_TEXT_MAX] = "";
  char remote[BLOCKING_TEXT_MAX] = "";

  if (symbol == NULL || !blocking_is_tcp())
    skip();
  memcpy(&monitor_versioned, &symbol, sizeof(symbol));
  blocking_expect_errno(
      monitor_versioned(pusher, "inproc://v2", 0xffff, 2, ZMQ_REQ), EINVAL);
  blocking_expect_errno(
      monitor_versioned(pusher, "inproc://v2", 1 << 16, 1, ZMQ_PAIR), EINVAL);
  blocking_expect_ok(monitor_versioned(pusher, "inproc://v2",
                                       ZMQ_EVENT_CONNECTED, 2, ZMQ_PAIR));
  blocking_set(monitor, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_connect(monitor, "inproc://v2");
  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  assert_true(next_number(monitor) == ZMQ_EVENT_CONNECTED);
  assert_true(next_number(monitor) == 1);
  next_number(monitor);
  assert_true(zmq_recv(monitor, local, sizeof(local) - 1, 0) > 0);
  assert_true(zmq_recv(monitor, remote, sizeof(remote) - 1, 0) > 0);
  assert_int_equal(blocking_get(monitor, ZMQ_RCVMORE), 0);
  assert_memory_equal(local, "tcp://127.0.0.1:", 16);
  assert_string_not_equal(local, endpoint);
  assert_string_equal(remote, endpoint);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_bound_side),
      blocking_test(test_unbind_with_a_peer),
      blocking_test(test_closing_the_bound_side),
      blocking_test(test_connecting_side),
      blocking_test(test_nobody_listens),
      blocking_test(test_peer_closes),
      blocking_test(test_disconnecting),
      blocking_test(test_closing_the_connecting_side),
      blocking_test(test_bind_fails),
      blocking_test(test_replacing_and_stopping),
      blocking_test(test_selection),
      blocking_test(test_bad_arguments),
      blocking_test(test_reader_in_a_thread),
      blocking_test(test_nobody_reads),
      blocking_test(test_reader_does_not_read),
      blocking_test(test_late_reader),
      blocking_test(test_second_version),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
