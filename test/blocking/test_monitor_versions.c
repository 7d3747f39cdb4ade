/* zmq_socket_monitor_versioned() and zmq_socket_monitor_pipes_stats(), which
 * are in draft: where a library has them. */
#include <dlfcn.h>

#include "support/blocking.h"
#include "support/monitored.h"

enum { PIPES_STATS = 0x10000, VALUES_MAX = 4 };

typedef int versioned_fn(void *socket, const char *endpoint, uint64_t events,
                         int version, int type);
typedef int stats_fn(void *socket);

static versioned_fn *monitor_versioned;
static stats_fn *monitor_pipes_stats;

static void find(const char *name, void *function) {
  void *symbol = dlsym(RTLD_DEFAULT, name);

  memcpy(function, &symbol, sizeof(symbol));
}

static int setup(void **state) {
  find("zmq_socket_monitor_versioned", &monitor_versioned);
  find("zmq_socket_monitor_pipes_stats", &monitor_pipes_stats);
  return blocking_setup(state);
}

#define versions_test(function)                                                \
  cmocka_unit_test_setup_teardown(function, setup, blocking_teardown)

static void need(bool has) {
  if (monitor_versioned == NULL || monitor_pipes_stats == NULL || !has)
    skip();
}

/* A reader of the events of a socket, in version 2. */
static void *versioned(blocking_t *b, void *socket, uint64_t events, int type,
                       int reader_type) {
  void *reader = blocking_socket(b, reader_type);
  char endpoint[BLOCKING_TEXT_MAX];

  snprintf(endpoint, sizeof(endpoint), "inproc://versioned-%u",
           b->name_count++);
  blocking_expect_ok(monitor_versioned(socket, endpoint, events, 2, type));
  if (reader_type == ZMQ_SUB)
    blocking_expect_ok(zmq_setsockopt(reader, ZMQ_SUBSCRIBE, "", 0));
  blocking_set(reader, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_connect(reader, endpoint);
  return reader;
}

static void *paired(blocking_t *b, void *socket, uint64_t events) {
  return versioned(b, socket, events, ZMQ_PAIR, ZMQ_PAIR);
}

/* ---- Reading ---- */

typedef struct {
  uint64_t event;
  uint64_t values[VALUES_MAX];
  uint64_t value_count;
  char local[BLOCKING_TEXT_MAX];
  char remote[BLOCKING_TEXT_MAX];
} told_t;

static uint64_t next_number(void *reader) {
  uint64_t number = 0;

  assert_int_equal(zmq_recv(reader, &number, sizeof(number), 0),
                   sizeof(number));
  assert_int_equal(blocking_get(reader, ZMQ_RCVMORE), 1);
  return number;
}

static void next_text(void *reader, char *text, int more) {
  int size = zmq_recv(reader, text, BLOCKING_TEXT_MAX - 1, 0);

  assert_in_range(size, 0, BLOCKING_TEXT_MAX - 1);
  text[size] = '\0';
  assert_int_equal(blocking_get(reader, ZMQ_RCVMORE), more);
}

static void take(void *reader, told_t *told) {
  told->event = next_number(reader);
  told->value_count = next_number(reader);
  assert_in_range(told->value_count, 1, VALUES_MAX);
  for (uint64_t i = 0; i < told->value_count; i++)
    told->values[i] = next_number(reader);
  next_text(reader, told->local, 1);
  next_text(reader, told->remote, 0);
}

/* The next event, with one value and these texts; NULL: whatever it is. */
static uint64_t expect(void *reader, uint64_t event, const char *local,
                       const char *remote) {
  told_t told;

  take(reader, &told);
  if (told.event != event)
    fail_msg("event 0x%x instead of 0x%x", (unsigned)told.event,
             (unsigned)event);
  assert_int_equal(told.value_count, 1);
  if (local != NULL)
    assert_string_equal(told.local, local);
  if (remote != NULL)
    assert_string_equal(told.remote, remote);
  return told.values[0];
}

/* ---- Events ---- */

/* Behaviour 161: both ends of a tcp connection, from both sides. */
static void test_both_ends(void **state) {
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *theirs, *ours;
  told_t accepted, connected;

  need(blocking_is_tcp());
  theirs = paired(b, puller, ZMQ_EVENT_ALL);
  ours = paired(b, pusher, ZMQ_EVENT_ALL);
  blocking_bind(b, puller, bound);
  blocking_connect(pusher, bound);
  expect(theirs, ZMQ_EVENT_LISTENING, bound, "");
  take(theirs, &accepted);
  assert_int_equal(accepted.event, ZMQ_EVENT_ACCEPTED);
  assert_int_equal(accepted.value_count, 1);
  assert_string_equal(accepted.local, bound);
  assert_memory_equal(accepted.remote, "tcp://127.0.0.1:", 16);
  expect(theirs, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, bound, accepted.remote);

  assert_int_equal(expect(ours, ZMQ_EVENT_CONNECT_DELAYED, "", bound),
                   EINPROGRESS);
  take(ours, &connected);
  assert_int_equal(connected.event, ZMQ_EVENT_CONNECTED);
  assert_string_equal(connected.local, accepted.remote);
  assert_string_equal(connected.remote, bound);
  assert_int_equal(
      expect(ours, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, connected.local, bound), 0);

  blocking_close(b, puller);
  assert_int_equal(expect(ours, ZMQ_EVENT_DISCONNECTED, connected.local, bound),
                   connected.values[0]);
  expect(ours, ZMQ_EVENT_CONNECT_RETRIED, "", bound);
  expect(theirs, ZMQ_EVENT_CLOSED, bound, "");
  expect(theirs, ZMQ_EVENT_MONITOR_STOPPED, "", "");
}

/* The connecting end of ipc has no name. */
static void test_ends_of_ipc(void **state) {
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *theirs, *ours;

  need(blocking_transport == BLOCKING_IPC && blocking_is_zuv());
  theirs = paired(b, puller, ZMQ_EVENT_ALL);
  ours = paired(b, pusher, ZMQ_EVENT_ALL);
  blocking_bind(b, puller, bound);
  blocking_connect(pusher, bound);
  expect(theirs, ZMQ_EVENT_LISTENING, bound, "");
  expect(theirs, ZMQ_EVENT_ACCEPTED, bound, "");
  expect(theirs, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, bound, "");
  expect(ours, ZMQ_EVENT_CONNECTED, "", bound);
  expect(ours, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "", bound);
}

/* A monitor that comes later knows the ends of connections there are. */
static void test_monitor_that_comes_later(void **state) {
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *monitor;
  told_t told;

  need(blocking_is_tcp());
  blocking_bind(b, puller, bound);
  blocking_connect(pusher, bound);
  blocking_send(pusher, "m");
  blocking_expect(puller, "m");
  monitor = paired(b, pusher, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_ok(zmq_unbind(puller, bound));
  blocking_events(puller);
  take(monitor, &told);
  assert_int_equal(told.event, ZMQ_EVENT_DISCONNECTED);
  assert_memory_equal(told.local, "tcp://127.0.0.1:", 16);
  assert_string_not_equal(told.local, bound);
  assert_string_equal(told.remote, bound);
}

static bool has_message(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

  return zmq_poll(&item, 1, 10) == 1;
}

/* With PUB the number of the event is the topic. */
static void test_types_of_monitors(void **state) {
  static const int types[] = {ZMQ_PAIR, ZMQ_PUSH, ZMQ_PUB};
  static const int readers[] = {ZMQ_PAIR, ZMQ_PULL, ZMQ_SUB};
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];

  need(true);
  for (size_t i = 0; i < 3; i++) {
    void *puller = blocking_socket(b, ZMQ_PULL);
    void *reader =
        versioned(b, puller, ZMQ_EVENT_LISTENING, types[i], readers[i]);

    /* a subscription may be on its way */
    do
      blocking_bind_resolved(puller, "tcp://127.0.0.1:*", bound);
    while (!has_message(reader));
    expect(reader, ZMQ_EVENT_LISTENING, NULL, "");
    blocking_close(b, puller);
  }
}

/* What a SUB has not subscribed to, or has no room for, is no loss to tell of,
 * or is one. */
static void test_losses_of_a_publisher(void **state) {
  enum { ROUNDS = 1500 };
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *reader;
  uint64_t event;
  size_t count = 0;

  need(blocking_is_zuv());
  reader = versioned(b, puller, ZMQ_EVENT_ALL, ZMQ_PUB, ZMQ_SUB);
  for (int i = 0; i < ROUNDS; i++) {
    blocking_bind_resolved(puller, "tcp://127.0.0.1:*", bound);
    blocking_expect_ok(zmq_unbind(puller, bound));
  }
  blocking_wait(blocking_get(reader, ZMQ_EVENTS) & ZMQ_POLLIN);
  do {
    told_t told;

    take(reader, &told);
    event = told.event;
    count++;
  } while (blocking_get(reader, ZMQ_EVENTS) & ZMQ_POLLIN);
  blocking_close(b, puller);
  while (event != ZMQ_EVENT_MONITOR_STOPPED) {
    told_t told;

    take(reader, &told);
    event = told.event;
    if (event == ZMQ_EVENT_MONITOR_STOPPED)
      assert_int_equal(count + told.values[0], 2 * ROUNDS);
    else
      count++;
  }
}

static void test_bad_arguments(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PULL);
  static const int types[] = {ZMQ_REQ, ZMQ_SUB, ZMQ_PULL, ZMQ_DEALER, -1, 99};

  need(true);
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
    blocking_expect_errno(
        monitor_versioned(socket, "inproc://v", 0xffff, 2, types[i]), EINVAL);
  blocking_expect_errno(
      monitor_versioned(socket, "inproc://v", 1 << 16, 1, ZMQ_PAIR), EINVAL);
  blocking_expect_errno(
      monitor_versioned(socket, "inproc://v", 0xffff, 3, ZMQ_PAIR), EINVAL);
  blocking_expect_errno(
      monitor_versioned(socket, "inproc://v", 0xffff, 0, ZMQ_PAIR), EINVAL);
  blocking_expect_errno(
      monitor_versioned(socket, "tcp://127.0.0.1:*", 0xffff, 2, ZMQ_PAIR),
      EPROTONOSUPPORT);
  blocking_expect_errno(monitor_pipes_stats(socket), EINVAL);
  blocking_expect_ok(
      monitor_versioned(socket, "inproc://v", 0xffff, 2, ZMQ_PAIR));
  blocking_expect_errno(monitor_pipes_stats(socket), EINVAL);
  blocking_expect_ok(monitor_versioned(socket, NULL, 0, 2, ZMQ_PAIR));
}

/* ---- What waits ---- */

/* The next statistics of a socket with one pipe. */
static void take_stats(void *socket, void *reader, told_t *told) {
  blocking_expect_ok(monitor_pipes_stats(socket));
  take(reader, told);
  assert_int_equal(told->event, PIPES_STATS);
  assert_int_equal(told->value_count, 2);
}

static bool is_waiting(void *socket, void *reader, uint64_t outbound,
                       uint64_t inbound) {
  told_t told;

  take_stats(socket, reader, &told);
  return told.values[0] == outbound && told.values[1] == inbound;
}

static void *stats_of(blocking_t *b, void *socket) {
  return paired(b, socket, PIPES_STATS);
}

static void test_no_pipe(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PULL);

  need(true);
  (void)stats_of(*state, socket);
  blocking_expect_errno(monitor_pipes_stats(socket), EAGAIN);
}

/* Received and not read: inbound of the receiver. Over inproc it has not left
 * the sender, either, whose outbound it is. */
static void test_unread_messages(void **state) {
  blocking_t *b = *state;
  void *puller, *pusher, *of_puller, *of_pusher;

  need(true);
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &puller, &pusher);
  of_puller = stats_of(b, puller);
  of_pusher = stats_of(b, pusher);
  blocking_wait(is_waiting(puller, of_puller, 0, 0));
  for (int i = 0; i < 5; i++)
    blocking_send(pusher, "a|b|c");
  blocking_wait(is_waiting(puller, of_puller, 0, 5));
  blocking_wait(is_waiting(pusher, of_pusher, blocking_is_inproc() ? 5 : 0, 0));
  for (int i = 0; i < 5; i++)
    blocking_expect(puller, "a|b|c");
  blocking_wait(is_waiting(puller, of_puller, 0, 0));
  blocking_wait(is_waiting(pusher, of_pusher, 0, 0));
}

/* The same between two loops, for sockets are spread over the I/O threads. */
static void test_unread_messages_across_loops(void **state) {
  blocking_t *b = *state;

  need(blocking_is_inproc());
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 3));
  test_unread_messages(state);
}

/* Subscriptions between two loops count until they are taken, and leave room
 * for messages then. */
static void test_subscriptions_across_loops(void **state) {
  blocking_t *b = *state;
  void *publisher, *subscriber, *reader;

  need(blocking_is_inproc() && blocking_is_zuv());
  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 3));
  blocking_pair(b, ZMQ_XPUB, ZMQ_XSUB, &publisher, &subscriber);
  reader = stats_of(b, subscriber);
  for (int i = 0; i < 2500; i++) {
    char text[32];

    snprintf(text, sizeof(text), "\\x01topic%d", i);
    blocking_send(subscriber, text);
    blocking_expect(publisher, text);
  }
  blocking_wait(is_waiting(subscriber, reader, 0, 0));
  blocking_send(subscriber, "to the publisher");
  blocking_expect(publisher, "to the publisher");
}

/* Sent and not taken: outbound of a sender that is not connected. */
static void test_unsent_messages(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *reader;
  told_t told;

  need(true);
  blocking_set(pusher, ZMQ_RECONNECT_IVL, 20);
  reader = stats_of(b, pusher);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(pusher, endpoint);
  for (int i = 0; i < 7; i++)
    blocking_send(pusher, "m");
  take_stats(pusher, reader, &told);
  assert_int_equal(told.values[0], 7);
  assert_int_equal(told.values[1], 0);
  assert_string_equal(told.remote, endpoint);
  assert_string_equal(told.local, "");
  blocking_bind_to(puller, endpoint);
  for (int i = 0; i < 7; i++)
    blocking_expect(puller, "m");
  blocking_wait(is_waiting(pusher, reader, 0, 0));
}

/* Both ends of a connection. */
static void test_ends_of_pipes(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *of_puller, *of_pusher;
  told_t theirs, ours;

  need(blocking_is_tcp());
  blocking_join(b, puller, pusher, endpoint);
  of_puller = stats_of(b, puller);
  of_pusher = stats_of(b, pusher);
  take_stats(puller, of_puller, &theirs);
  take_stats(pusher, of_pusher, &ours);
  assert_string_equal(theirs.local, endpoint);
  assert_string_equal(ours.remote, endpoint);
  assert_string_equal(ours.local, theirs.remote);
  assert_memory_equal(ours.local, "tcp://127.0.0.1:", 16);
}

/* One event for each. */
static void test_many_pipes(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *reader;
  uint64_t inbound = 0;
  told_t told;

  need(!blocking_is_inproc() || blocking_transport == BLOCKING_INPROC);
  blocking_bind(b, puller, endpoint);
  for (int i = 0; i < 3; i++) {
    void *pusher = blocking_socket(b, ZMQ_PUSH);

    blocking_connect(pusher, endpoint);
    blocking_send(pusher, "m");
    blocking_expect(puller, "m");
  }
  reader = stats_of(b, puller);
  blocking_expect_ok(monitor_pipes_stats(puller));
  for (int i = 0; i < 3; i++) {
    take(reader, &told);
    assert_int_equal(told.event, PIPES_STATS);
    inbound += told.values[1];
  }
  assert_int_equal(inbound, 0);
  monitored_expect_nothing(reader);
}

/* Of a pipe that keeps the newest message only, no more waits. */
static void test_conflating(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *reader;

  need(blocking_is_zuv());
  blocking_set(puller, ZMQ_CONFLATE, 1);
  blocking_set(pusher, ZMQ_CONFLATE, 1);
  blocking_attach(b, puller, pusher, endpoint);
  reader = stats_of(b, pusher);
  for (int i = 0; i < 100; i++)
    blocking_send(pusher, "m");
  blocking_wait(blocking_get(puller, ZMQ_EVENTS) & ZMQ_POLLIN);
  blocking_expect(puller, "m");
  blocking_wait(is_waiting(pusher, reader, 0, 0));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      versions_test(test_both_ends),
      versions_test(test_ends_of_ipc),
      versions_test(test_monitor_that_comes_later),
      versions_test(test_types_of_monitors),
      versions_test(test_losses_of_a_publisher),
      versions_test(test_bad_arguments),
      versions_test(test_no_pipe),
      versions_test(test_unread_messages),
      versions_test(test_unread_messages_across_loops),
      versions_test(test_subscriptions_across_loops),
      versions_test(test_unsent_messages),
      versions_test(test_ends_of_pipes),
      versions_test(test_many_pipes),
      versions_test(test_conflating),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("monitor versions", tests, NULL, NULL);
}
