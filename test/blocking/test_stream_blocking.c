/* STREAM: raw TCP clients and servers. Section G of the behaviours. TCP only.
 */
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_calls.h"
#include "support/blocking_raw.h"

/* Requires "id|" next, and that the id is one that was generated; gets it as
 * text. */
static void expect_stranger(void *stream, char *id) {
  char *message = blocking_receive(stream, BLOCKING_DEADLINE_MS);
  char bytes[BLOCKING_TEXT_MAX];
  size_t size;

  assert_non_null(message);
  assert_string_equal(blocking_unescape(message, bytes, &size), "|");
  assert_int_equal(size, 5);
  assert_int_equal(bytes[0], 0);
  snprintf(id, BLOCKING_TEXT_MAX, "%.*s", (int)strcspn(message, "|"), message);
  free(message);
}

static void expect_from(void *stream, const char *id, const char *body) {
  char text[2 * BLOCKING_TEXT_MAX];

  snprintf(text, sizeof(text), "%s|%s", id, body);
  blocking_expect(stream, text);
}

/* 0 or the errno. */
static int try_send_to(void *stream, const char *id, const char *body,
                       int flags) {
  char text[2 * BLOCKING_TEXT_MAX];

  snprintf(text, sizeof(text), "%s|%s", id, body);
  return blocking_try_send(stream, text, flags);
}

static void send_to(void *stream, const char *id, const char *body) {
  assert_int_equal(try_send_to(stream, id, body, 0), 0);
}

/* Whether the socket has noticed that a connection is gone. */
static bool is_unreachable(void *stream, const char *id) {
  blocking_events(stream);
  return try_send_to(stream, id, "x", ZMQ_DONTWAIT) == EHOSTUNREACH;
}

/* A bound STREAM and a client of it, as the STREAM knows it. */
static void *stream_with_client(blocking_t *b, int *client, char *id) {
  void *stream = blocking_socket(b, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind(b, stream, endpoint);
  *client = blocking_raw_connect(endpoint);
  expect_stranger(stream, id);
  return stream;
}

static void a_client_comes_talks_and_leaves(void **state) {
  char id[BLOCKING_TEXT_MAX];
  void *stream;
  int client;

  /* Behaviours 100, 102. */
  stream = stream_with_client(*state, &client, id);
  blocking_raw_send(client, "hello", 5);
  expect_from(stream, id, "hello");
  send_to(stream, id, "good ");
  send_to(stream, id, "day");
  blocking_raw_expect(client, "good day");
  blocking_raw_send(client, "again", 5);
  expect_from(stream, id, "again");
  close(client);
  expect_from(stream, id, "");
  blocking_wait(is_unreachable(stream, id));
}

static void every_client_has_its_own_id(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  char first_id[BLOCKING_TEXT_MAX];
  char second_id[BLOCKING_TEXT_MAX];
  int first;
  int second;

  /* Behaviours 100, 102. */
  blocking_bind(*state, stream, endpoint);
  first = blocking_raw_connect(endpoint);
  expect_stranger(stream, first_id);
  second = blocking_raw_connect(endpoint);
  expect_stranger(stream, second_id);
  assert_string_not_equal(first_id, second_id);
  blocking_raw_send(second, "two", 3);
  expect_from(stream, second_id, "two");
  blocking_raw_send(first, "one", 3);
  expect_from(stream, first_id, "one");
  send_to(stream, first_id, "to one");
  send_to(stream, second_id, "to two");
  blocking_raw_expect(first, "to one");
  blocking_raw_expect(second, "to two");
  close(first);
  expect_from(stream, first_id, "");
  send_to(stream, second_id, "still there");
  blocking_raw_expect(second, "still there");
  close(second);
}

static void many_bytes_come_in_bounded_pieces(void **state) {
  enum { SIZE = 20000, PIECE_MAX = 8192 };
  static char bytes[SIZE];
  static char piece[SIZE];
  char id[BLOCKING_TEXT_MAX];
  void *stream;
  int client;
  int size;

  /* Behaviour 101. */
  for (size_t i = 0; i < SIZE; i++)
    bytes[i] = (char)(i * 7);
  stream = stream_with_client(*state, &client, id);
  blocking_set(stream, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_raw_send(client, bytes, SIZE);
  for (int got = 0; got < SIZE; got += size) {
    assert_int_equal(zmq_recv(stream, piece, SIZE, 0), 5);
    assert_int_equal(blocking_get(stream, ZMQ_RCVMORE), 1);
    size = zmq_recv(stream, piece, SIZE, 0);
    assert_int_equal(blocking_get(stream, ZMQ_RCVMORE), 0);
    assert_true(size > 0 && size <= PIECE_MAX && got + size <= SIZE);
    assert_memory_equal(piece, bytes + got, (size_t)size);
  }
  close(client);
}

static void many_bytes_go_out_in_order(void **state) {
  enum { SIZE = 1000000 };
  static char bytes[SIZE];
  char id_text[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  char expected[64];
  size_t id_size;
  void *stream;
  int client;

  /* Behaviour 102. */
  memset(bytes, 'x', SIZE);
  stream = stream_with_client(*state, &client, id_text);
  blocking_unescape(id_text, id, &id_size);
  assert_int_equal(zmq_send(stream, id, id_size, ZMQ_SNDMORE), 5);
  assert_int_equal(zmq_send(stream, bytes, SIZE, 0), SIZE);
  send_to(stream, id_text, "the end");
  memset(expected, 'x', sizeof(expected));
  expected[50] = '\0';
  for (int i = 0; i < SIZE / 50; i++)
    blocking_raw_expect(client, expected);
  blocking_raw_expect(client, "the end");
  close(client);
}

static void more_after_the_bytes_is_ignored(void **state) {
  char id_text[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  size_t id_size;
  void *stream;
  int client;

  /* Behaviour 102. */
  stream = stream_with_client(*state, &client, id_text);
  blocking_unescape(id_text, id, &id_size);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(zmq_send(stream, id, id_size, ZMQ_SNDMORE), 5);
    assert_int_equal(zmq_send(stream, "more", 4, ZMQ_SNDMORE), 4);
  }
  blocking_raw_expect(client, "moremore");
  send_to(stream, id_text, "end");
  blocking_raw_expect(client, "end");
  close(client);
}

static void an_empty_message_closes_the_connection(void **state) {
  char id[BLOCKING_TEXT_MAX];
  void *stream;
  int client;

  /* Behaviour 103. */
  stream = stream_with_client(*state, &client, id);
  send_to(stream, id, "last words");
  send_to(stream, id, "");
  blocking_raw_expect(client, "last words");
  blocking_wait(is_unreachable(stream, id));
  blocking_raw_expect_end(client);
  blocking_expect_nothing(stream);
  close(client);
}

static void unknown_ids_are_refused(void **state) {
  char id[BLOCKING_TEXT_MAX];
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  int client;

  /* Behaviour 104. */
  assert_int_equal(blocking_events(stream), ZMQ_POLLOUT);
  blocking_expect_errno(zmq_send(stream, "nobody", 6, ZMQ_SNDMORE),
                        EHOSTUNREACH);
  stream = stream_with_client(*state, &client, id);
  blocking_expect_errno(zmq_send(stream, "nobody", 6, ZMQ_SNDMORE),
                        EHOSTUNREACH);
  send_to(stream, id, "somebody");
  blocking_raw_expect(client, "somebody");
  close(client);
}

enum { BIG = 200000 /* bytes: what fills a connection soon */ };

/* Sends big messages to a client that does not read, until a send fails with
 * EAGAIN. Counts them, and says how long the last one waited. */
static uint64_t send_until_full(void *stream, const char *id, size_t *sent) {
  static const char bytes[BIG];
  uint64_t start = blocking_now_ms();

  for (; zmq_send(stream, id, 5, ZMQ_SNDMORE) == 5; (*sent)++) {
    assert_int_equal(zmq_send(stream, bytes, BIG, 0), BIG);
    start = blocking_now_ms();
  }
  assert_int_equal(errno, EAGAIN);
  return blocking_now_ms() - start;
}

/* A STREAM with a client that did not read until nothing more could be sent. */
static void *full_stream(blocking_t *b, int *client, char *id_text,
                         size_t *sent) {
  void *stream = blocking_socket(b, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  size_t id_size;

  blocking_set(stream, ZMQ_SNDHWM, 5);
  blocking_bind(b, stream, endpoint);
  *client = blocking_raw_connect(endpoint);
  expect_stranger(stream, id_text);
  blocking_unescape(id_text, id, &id_size);
  *sent = 0;
  blocking_set(stream, ZMQ_SNDTIMEO, 60);
  assert_true(send_until_full(stream, id, sent) >= 60);
  blocking_set(stream, ZMQ_SNDTIMEO, 0);
  send_until_full(stream, id, sent);
  blocking_set(stream, ZMQ_SNDTIMEO, -1);
  return stream;
}

static void a_full_connection_makes_its_sender_wait(void **state) {
  char id[BLOCKING_TEXT_MAX];
  char text[BLOCKING_TEXT_MAX + 8];
  blocking_call_t call;
  size_t sent;
  void *stream;
  int client;

  /* Behaviour 104. */
  stream = full_stream(*state, &client, id, &sent);
  assert_int_equal(blocking_events(stream), ZMQ_POLLOUT);
  snprintf(text, sizeof(text), "%s|room", id);
  blocking_send_start(&call, stream, text);
  blocking_raw_skip(client, sent * BIG);
  blocking_send_finish(&call);
  blocking_raw_expect(client, "room");
  close(client);
}

static void a_full_connection_that_breaks_is_forgotten(void **state) {
  char id[BLOCKING_TEXT_MAX];
  size_t sent;
  void *stream;
  int client;

  /* libzmq may wait for it forever when the context is terminated */
  if (!blocking_is_zuv())
    skip();
  stream = full_stream(*state, &client, id, &sent);
  close(client);
  expect_from(stream, id, "");
  blocking_wait(is_unreachable(stream, id));
}

static void a_lonely_id_takes_no_other_message_with_it(void **state) {
  char id_text[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  size_t id_size;
  void *stream;
  int client;

  /* Behaviour 105; libzmq takes the next part for its bytes. */
  if (!blocking_is_zuv())
    skip();
  stream = stream_with_client(*state, &client, id_text);
  blocking_unescape(id_text, id, &id_size);
  (void)zmq_send(stream, id, id_size, 0);
  send_to(stream, id_text, "heard");
  blocking_raw_expect(client, "heard");
  close(client);
}

/* Connects a STREAM; the id of the connection as text. */
static void connect_stream(void *stream, const char *endpoint, char *id_text) {
  unsigned char id[BLOCKING_TEXT_MAX];
  size_t size = sizeof(id);

  blocking_connect(stream, endpoint);
  blocking_expect_ok(zmq_getsockopt(stream, ZMQ_ROUTING_ID, id, &size));
  assert_int_equal(size, 5);
  assert_int_equal(id[0], 0);
  blocking_escape(id, size, id_text, BLOCKING_TEXT_MAX);
}

static void a_connecting_stream_knows_its_id_at_once(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  int listener = blocking_raw_listen(endpoint);
  int server;

  /* Behaviour 106. */
  connect_stream(stream, endpoint, id);
  send_to(stream, id, "early");
  server = blocking_raw_accept(listener);
  blocking_raw_expect(server, "early");
  expect_from(stream, id, "");
  blocking_raw_send(server, "welcome", 7);
  expect_from(stream, id, "welcome");
  close(server);
  close(listener);
}

static void bytes_wait_for_the_server(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  void *server = blocking_socket(*state, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  char server_id[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];

  /* Behaviour 106. */
  blocking_fresh_endpoint(*state, endpoint);
  blocking_set(stream, ZMQ_RECONNECT_IVL, 10);
  connect_stream(stream, endpoint, server_id);
  send_to(stream, server_id, "anybody?");
  blocking_settle();
  blocking_bind_to(server, endpoint);
  expect_stranger(server, id);
  expect_from(server, id, "anybody?");
  send_to(server, id, "me");
  expect_from(stream, server_id, "");
  expect_from(stream, server_id, "me");
}

static void a_connecting_stream_keeps_its_id_when_dropped(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  char endpoint[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  int listener = blocking_raw_listen(endpoint);
  int server;

  /* Behaviour 107. */
  blocking_set(stream, ZMQ_RECONNECT_IVL, 10);
  connect_stream(stream, endpoint, id);
  server = blocking_raw_accept(listener);
  expect_from(stream, id, "");
  close(server);
  expect_from(stream, id, "");
  server = blocking_raw_accept(listener);
  expect_from(stream, id, "");
  send_to(stream, id, "same id");
  blocking_raw_expect(server, "same id");
  close(server);
  close(listener);
}

static void without_notify_only_bytes_are_received(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  void *monitor = blocking_monitor(*state, stream, ZMQ_EVENT_ALL);
  char endpoint[BLOCKING_TEXT_MAX];
  char *message;
  int client;

  /* Behaviour 108. */
  blocking_set(stream, ZMQ_STREAM_NOTIFY, 0);
  blocking_bind(*state, stream, endpoint);
  client = blocking_raw_connect(endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_ACCEPTED);
  blocking_expect_nothing(stream);
  blocking_raw_send(client, "x", 1);
  message = blocking_receive(stream, BLOCKING_DEADLINE_MS);
  assert_non_null(message);
  assert_non_null(strchr(message, '|'));
  assert_string_equal(strchr(message, '|'), "|x");
  free(message);
  close(client);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_nothing(stream);
}

static void the_monitor_tells_of_connections(void **state) {
  void *server = blocking_socket(*state, ZMQ_STREAM);
  void *client = blocking_socket(*state, ZMQ_STREAM);
  void *of_server = blocking_monitor(*state, server, ZMQ_EVENT_ALL);
  void *of_client = blocking_monitor(*state, client, ZMQ_EVENT_ALL);
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 109, what is not an artefact of it. */
  blocking_bind(*state, server, endpoint);
  blocking_connect(client, endpoint);
  blocking_wait_monitor(of_server, ZMQ_EVENT_ACCEPTED);
  blocking_wait_monitor(of_client, ZMQ_EVENT_CONNECTED);
  blocking_monitor_end(*state, client, of_client);
  blocking_close(*state, client);
  blocking_wait_monitor(of_server, ZMQ_EVENT_DISCONNECTED);
}

static void bytes_sent_before_leaving_are_received_first(void **state) {
  void *stream = blocking_socket(*state, ZMQ_STREAM);
  void *monitor = blocking_monitor(*state, stream, ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  int client;

  /* Behaviour 100. */
  blocking_bind(*state, stream, endpoint);
  client = blocking_raw_connect(endpoint);
  blocking_raw_send(client, "bye", 3);
  close(client);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  expect_stranger(stream, id);
  expect_from(stream, id, "bye");
  expect_from(stream, id, "");
  blocking_expect_nothing(stream);
}

static void a_stream_waits_in_recv(void **state) {
  char expected[2 * BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  blocking_call_t call;
  void *stream;
  int client;

  /* Behaviour 100. */
  stream = stream_with_client(*state, &client, id);
  blocking_receive_start(&call, stream);
  blocking_raw_send(client, "wake up", 7);
  snprintf(expected, sizeof(expected), "%s|wake up", id);
  blocking_receive_finish(&call, expected);
  blocking_receive_start(&call, stream);
  close(client);
  snprintf(expected, sizeof(expected), "%s|", id);
  blocking_receive_finish(&call, expected);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(a_client_comes_talks_and_leaves),
      blocking_test(every_client_has_its_own_id),
      blocking_test(many_bytes_come_in_bounded_pieces),
      blocking_test(many_bytes_go_out_in_order),
      blocking_test(more_after_the_bytes_is_ignored),
      blocking_test(an_empty_message_closes_the_connection),
      blocking_test(unknown_ids_are_refused),
      blocking_test(a_full_connection_makes_its_sender_wait),
      blocking_test(a_full_connection_that_breaks_is_forgotten),
      blocking_test(a_lonely_id_takes_no_other_message_with_it),
      blocking_test(a_connecting_stream_knows_its_id_at_once),
      blocking_test(bytes_wait_for_the_server),
      blocking_test(a_connecting_stream_keeps_its_id_when_dropped),
      blocking_test(without_notify_only_bytes_are_received),
      blocking_test(the_monitor_tells_of_connections),
      blocking_test(bytes_sent_before_leaving_are_received_first),
      blocking_test(a_stream_waits_in_recv),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
