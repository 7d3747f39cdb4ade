/* What a monitor tells, and in which order. */
#include <pthread.h>
#include <stdatomic.h>

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

/* A connection is named by its own addresses, not by what was bound. */
static void test_bound_to_any_address(void **state) {
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);

  if (!blocking_is_tcp())
    skip();
  blocking_bind_to(puller, "tcp://*:*");
  blocking_get_text(puller, ZMQ_LAST_ENDPOINT, bound);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1%s",
           strrchr(bound, ':'));
  blocking_connect(pusher, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, bound);
  monitored_expect_accepted(monitor, endpoint);
  monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
  blocking_close(b, pusher);
  monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
  blocking_expect_ok(zmq_unbind(puller, bound));
  monitored_expect(monitor, ZMQ_EVENT_CLOSED, bound);
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

static void expect_only_retries(blocking_t *b, const char *endpoint) {
  void *monitor;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &monitor);

  blocking_connect(pusher, endpoint);
  for (int i = 0; i < 3; i++)
    monitored_expect_retry(monitor, endpoint, 20);
}

/* Behaviour 145: nothing to connect to, or to connect from. */
static void test_no_address(void **state) {
  if (!blocking_is_tcp())
    skip();
  /* no resolver has to be asked: the label is too long */
  expect_only_retries(
      *state,
      "tcp://a123456789b123456789c123456789d123456789e123456789f123456789"
      "g123456789:5555");
  expect_only_retries(*state, "tcp://nosuchnic:0;127.0.0.1:5555");
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

/* Reads to the end: how many events, and what the last one says is missing. */
static void count_events(void *monitor, size_t *count, uint32_t *missing) {
  int event;

  for (*count = 0;; (*count)++) {
    event = blocking_next_event(monitor, missing, NULL, BLOCKING_DEADLINE_MS);
    assert_int_not_equal(event, 0);
    if (event == ZMQ_EVENT_MONITOR_STOPPED)
      return;
  }
}

/* Behaviour 159: what was lost is counted. */
static void test_lost_events(void **state) {
  enum { ROUNDS = 2500 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_socket(b, ZMQ_PAIR);
  size_t count;
  uint32_t missing;

  if (!blocking_is_zuv())
    skip();
  blocking_expect_ok(
      zmq_socket_monitor(puller, "inproc://lossy", ZMQ_EVENT_ALL));
  for (int i = 0; i < ROUNDS; i++) {
    blocking_bind(b, puller, endpoint);
    blocking_expect_ok(zmq_unbind(puller, endpoint));
  }
  blocking_connect(monitor, "inproc://lossy");
  blocking_expect_ok(zmq_socket_monitor(puller, NULL, 0));
  count_events(monitor, &count, &missing);
  assert_true(count >= 1000);
  assert_true(missing > 0);
  assert_int_equal(count + missing, 2 * ROUNDS);
}

/* Behaviour 159: so is nothing that nobody asked for. */
static void test_no_lost_events(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *monitor;
  size_t count;
  uint32_t missing;

  if (!blocking_is_zuv())
    skip();
  monitor = blocking_monitor(b, puller,
                             ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_MONITOR_STOPPED);
  for (int i = 0; i < 2500; i++) {
    blocking_bind(b, puller, endpoint);
    blocking_expect_ok(zmq_unbind(puller, endpoint));
  }
  blocking_close(b, puller);
  count_events(monitor, &count, &missing);
  assert_int_equal(count, 0);
  assert_int_equal(missing, 0);
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

static void *socket_on_thread(blocking_t *b, int type, int thread) {
  void *socket = blocking_socket(b, type);
  uint64_t mask = UINT64_C(1) << thread;

  blocking_expect_ok(zmq_setsockopt(socket, ZMQ_AFFINITY, &mask, sizeof(mask)));
  return socket;
}

static atomic_bool flooded_enough;

static void *flood(void *pub) {
  while (!atomic_load(&flooded_enough))
    zmq_send(pub, "flood", 5, 0);
  return NULL;
}

/* A reader on another I/O thread is told of the end, however busy that of the
 * socket is. */
static void test_reader_of_a_busy_thread(void **state) {
  enum { SUBSCRIBERS = 4, READERS = 100 };
  blocking_t *b = *state;
  void *other = zmq_ctx_new();
  void *pub = zmq_socket(other, ZMQ_PUB);
  void *watched;
  char endpoint[BLOCKING_TEXT_MAX];
  pthread_t flooder;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 2));
  blocking_bind(b, pub, endpoint);
  for (int i = 0; i < SUBSCRIBERS; i++) {
    void *sub = socket_on_thread(b, ZMQ_SUB, 0);
    blocking_set(sub, ZMQ_CONFLATE, 1);
    blocking_set_text(sub, ZMQ_SUBSCRIBE, "");
    blocking_connect(sub, endpoint);
  }
  watched = socket_on_thread(b, ZMQ_PULL, 0);
  atomic_store(&flooded_enough, false);
  assert_int_equal(pthread_create(&flooder, NULL, flood, pub), 0);
  for (int i = 0; i < READERS; i++) {
    void *reader = socket_on_thread(b, ZMQ_PAIR, 1);
    snprintf(endpoint, sizeof(endpoint), "inproc://reader-%d", i);
    blocking_expect_ok(zmq_socket_monitor(watched, endpoint, ZMQ_EVENT_ALL));
    blocking_connect(reader, endpoint);
    blocking_expect_ok(zmq_socket_monitor(watched, NULL, 0));
    monitored_expect(reader, ZMQ_EVENT_MONITOR_STOPPED, "");
    blocking_close(b, reader);
  }
  atomic_store(&flooded_enough, true);
  assert_int_equal(pthread_join(flooder, NULL), 0);
  blocking_set(pub, ZMQ_LINGER, 0);
  blocking_expect_ok(zmq_close(pub));
  blocking_expect_ok(zmq_ctx_term(other));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_bound_side),
      blocking_test(test_unbind_with_a_peer),
      blocking_test(test_closing_the_bound_side),
      blocking_test(test_bound_to_any_address),
      blocking_test(test_connecting_side),
      blocking_test(test_nobody_listens),
      blocking_test(test_no_address),
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
      blocking_test(test_lost_events),
      blocking_test(test_no_lost_events),
      blocking_test(test_late_reader),
      blocking_test(test_reader_of_a_busy_thread),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
