/* STREAM, and ROUTER with ROUTER_RAW: raw connections. TCP only. */
#include "support/harness.h"
#include "support/raw_tcp.h"

/* Sends [part `part` of message `index`][text]. */
static int answer(harness_socket_t *s, size_t index, const char *text) {
  char whole[HARNESS_TEXT_MAX];

  snprintf(whole, sizeof(whole), "%s|%s", harness_part(s, index, 0), text);
  return harness_try_send(s, whole);
}

static void assert_body(harness_socket_t *s, size_t index, const char *text) {
  harness_wait(s->harness, s->received > index);
  assert_int_equal(s->messages[index].count, 2);
  assert_string_equal(harness_part(s, index, 1), text);
  assert_int_equal(s->messages[index].parts[0].size, 5);
  assert_memory_equal(s->messages[index].parts[0].data,
                      s->messages[0].parts[0].data, 5);
  assert_int_equal(*(char *)s->messages[index].parts[0].data, 0);
}

static void a_client_comes_talks_and_leaves(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  /* behaviours 100, 102 and 109 */
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(stream, 0, "");
  raw_tcp_send(&client, "hello", 5);
  assert_body(stream, 1, "hello");
  assert_int_equal(answer(stream, 0, "good day"), 0);
  harness_wait(h, client.size == 8);
  assert_memory_equal(client.bytes, "good day", 8);
  assert_int_equal(stream->messages[1].peer_type, -1);
  assert_string_equal(stream->messages[1].peer_mechanism, "");
  assert_string_equal(stream->messages[1].peer_address, "127.0.0.1");
  raw_tcp_close(&client);
  assert_body(stream, 2, "");
  assert_int_equal(answer(stream, 0, "too late"), UV_EHOSTUNREACH);
  assert_int_equal(harness_events(stream, ZUV_EVENT_READY), 1);
}

static void many_bytes_come_in_bounded_pieces(void **state) {
  enum { SIZE = 20000, PIECE_MAX = 8192 };
  static char bytes[SIZE];
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;
  size_t got = 0;

  /* behaviour 101 */
  for (size_t i = 0; i < SIZE; i++)
    bytes[i] = (char)(i * 7);
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(stream, 0, "");
  raw_tcp_send(&client, bytes, SIZE);
  for (size_t i = 1; got < SIZE; i++) {
    harness_wait(h, stream->received > i);
    const harness_part_t *piece = &stream->messages[i].parts[1];
    assert_true(piece->size > 0 && piece->size <= PIECE_MAX);
    assert_memory_equal(piece->data, bytes + got, piece->size);
    got += piece->size;
  }
  assert_int_equal(got, SIZE);
  raw_tcp_close(&client);
}

/* Sends `size` bytes to a STREAM with this IN_BATCH_SIZE; the largest piece
 * that they are received in. */
static size_t largest_piece(harness_t *h, int batch, size_t size) {
  static const char bytes[20000];
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  size_t largest = 0;
  size_t got = 0;
  raw_tcp_t client;

  harness_set(stream, ZUV_IN_BATCH_SIZE, batch);
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(stream, 0, "");
  raw_tcp_send(&client, bytes, size);
  for (size_t i = 1; got < size; i++) {
    harness_wait(h, stream->received > i);
    const harness_part_t *piece = &stream->messages[i].parts[1];
    largest = piece->size > largest ? piece->size : largest;
    got += piece->size;
  }
  assert_int_equal(got, size);
  raw_tcp_close(&client);
  return largest;
}

static void the_size_of_pieces_is_an_option(void **state) {
  assert_int_equal(largest_piece(*state, 1, 5), 1);
  assert_int_equal(largest_piece(*state, 100, 1001), 100);
  assert_in_range(largest_piece(*state, 20000, 20000), 8193, 20000);
}

static void an_empty_message_closes_the_connection(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  /* behaviour 103 */
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(stream, 0, "");
  assert_int_equal(answer(stream, 0, "last words"), 0);
  assert_int_equal(answer(stream, 0, ""), 0);
  assert_int_equal(answer(stream, 0, "more"), UV_EHOSTUNREACH);
  harness_wait(h, client.ended);
  assert_int_equal(client.size, 10);
  raw_tcp_close(&client);
  harness_settle(h);
  assert_int_equal(stream->received, 1);
}

static void unknown_ids_are_refused(void **state) {
  harness_socket_t *stream = harness_socket(*state, ZUV_STREAM);

  /* behaviour 104 */
  assert_int_equal(harness_try_send(stream, "nobody|x"), UV_EHOSTUNREACH);
  assert_int_equal(harness_get(stream, ZUV_EVENTS), ZUV_POLLOUT);
}

static void a_full_connection_refuses(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;
  zuv_msg_t parts[2];
  size_t sent = 0;
  int err = 0;

  /* behaviour 104 */
  harness_set(stream, ZUV_SNDHWM, 5);
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  uv_read_stop((uv_stream_t *)&client.tcp);
  assert_body(stream, 0, "");
  for (; err == 0; sent++) {
    assert_true(sent < 1000);
    assert_int_equal(
        zuv_msg_init_copy(&parts[0], stream->messages[0].parts[0].data, 5), 0);
    assert_int_equal(zuv_msg_init_size(&parts[1], 200000), 0);
    memset(zuv_msg_data(&parts[1]), 'x', 200000);
    err = zuv_try_send(&stream->zuv, parts, 2);
    harness_parts_close(parts, 2);
    uv_run(&h->loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(err, UV_EAGAIN);
  assert_int_equal(harness_get(stream, ZUV_EVENTS), ZUV_POLLOUT);
  raw_tcp_close(&client);
}

static void an_id_alone_goes_nowhere(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  /* behaviour 105, but the next message is no victim of it */
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(stream, 0, "");
  harness_send(stream, harness_part(stream, 0, 0));
  assert_int_equal(answer(stream, 0, "one|too many"), UV_EINVAL);
  assert_int_equal(answer(stream, 0, "heard"), 0);
  harness_wait(h, client.size == 5);
  assert_memory_equal(client.bytes, "heard", 5);
  raw_tcp_close(&client);
}

static void a_connecting_stream_knows_its_id_at_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  raw_listener_t listener;
  unsigned char id[255];
  size_t size = sizeof(id);
  zuv_msg_t parts[2];

  /* behaviour 106 */
  raw_tcp_listen(h, &listener);
  harness_connect(stream, listener.endpoint);
  assert_int_equal(zuv_get_option(&stream->zuv, ZUV_ROUTING_ID, id, &size), 0);
  assert_int_equal(size, 5);
  assert_int_equal(zuv_msg_init_copy(&parts[0], id, size), 0);
  assert_int_equal(zuv_msg_init_copy(&parts[1], "early", 5), 0);
  assert_int_equal(zuv_try_send(&stream->zuv, parts, 2), 0);
  harness_wait(h, listener.accepted == 1 && listener.peers[0]->size == 5);
  assert_memory_equal(listener.peers[0]->bytes, "early", 5);
  assert_body(stream, 0, "");
  assert_memory_equal(stream->messages[0].parts[0].data, id, 5);
  raw_tcp_listener_close(&listener);
}

static void a_connecting_stream_keeps_its_id_when_dropped(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  raw_listener_t listener;

  /* behaviour 107 */
  harness_set(stream, ZUV_RECONNECT_IVL, 10);
  raw_tcp_listen(h, &listener);
  harness_connect(stream, listener.endpoint);
  assert_body(stream, 0, "");
  harness_wait(h, listener.accepted == 1);
  raw_tcp_close(listener.peers[0]);
  assert_body(stream, 1, "");
  assert_body(stream, 2, "");
  harness_wait(h, listener.accepted == 2);
  assert_int_equal(answer(stream, 0, "same id"), 0);
  harness_wait(h, listener.peers[1]->size == 7);
  raw_tcp_listener_close(&listener);
}

/* More than a connection gathers before it writes: all is out, and the pipe at
 * its end, while the new connection is still being made. */
static void a_closed_stream_still_connects_and_sends(void **state) {
  enum { SIZE = 100000 };
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  harness_socket_t *server = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  zuv_msg_t parts[2];
  size_t got = 0;

  harness_set(server, ZUV_STREAM_NOTIFY, 0);
  harness_set(stream, ZUV_LINGER, -1);
  harness_set(stream, ZUV_RECONNECT_IVL, 10);
  harness_set_text(stream, ZUV_CONNECT_ROUTING_ID, "server");
  harness_fresh_endpoint(h, endpoint);
  harness_connect(stream, endpoint);
  zuv_msg_init_view(&parts[0], "server", 6);
  assert_int_equal(zuv_msg_init_size(&parts[1], SIZE), 0);
  memset(zuv_msg_data(&parts[1]), 'x', SIZE);
  assert_int_equal(zuv_try_send(&stream->zuv, parts, 2), 0);
  harness_close_begin(stream);
  harness_settle(h);
  assert_false(stream->closed);
  assert_int_equal(zuv_bind(&server->zuv, endpoint), 0);
  harness_wait(h, stream->closed);
  for (size_t i = 0; got < SIZE; i++) {
    harness_wait(h, server->received > i);
    got += server->messages[i].parts[1].size;
  }
  assert_int_equal(got, SIZE);
}

static void without_notify_only_bytes_are_received(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  /* behaviour 108 */
  harness_set(stream, ZUV_STREAM_NOTIFY, 0);
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  raw_tcp_send(&client, "x", 1);
  assert_body(stream, 0, "x");
  raw_tcp_close(&client);
  harness_wait_event(stream, ZUV_EVENT_DISCONNECTED, 1);
  harness_settle(h);
  assert_int_equal(stream->received, 1);
}

static void bytes_sent_before_leaving_are_received_first(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_deaf_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  raw_tcp_send(&client, "bye", 3);
  raw_tcp_close(&client);
  harness_wait_event(stream, ZUV_EVENT_DISCONNECTED, 1);
  harness_receive(stream);
  assert_body(stream, 0, "");
  assert_body(stream, 1, "bye");
  assert_body(stream, 2, "");
}

static void a_raw_router_talks_to_tcp_clients(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t client;

  /* behaviour 68 */
  harness_set(router, ZUV_ROUTER_RAW, 1);
  harness_bind(router, endpoint);
  raw_tcp_connect(h, &client, endpoint);
  assert_body(router, 0, "");
  raw_tcp_send(&client, "GET /", 5);
  assert_body(router, 1, "GET /");
  assert_int_equal(answer(router, 0, "200 OK"), 0);
  harness_wait(h, client.size == 6);
  assert_memory_equal(client.bytes, "200 OK", 6);
  raw_tcp_close(&client);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(a_client_comes_talks_and_leaves),
      harness_test(many_bytes_come_in_bounded_pieces),
      harness_test(the_size_of_pieces_is_an_option),
      harness_test(an_empty_message_closes_the_connection),
      harness_test(unknown_ids_are_refused),
      harness_test(a_full_connection_refuses),
      harness_test(an_id_alone_goes_nowhere),
      harness_test(a_connecting_stream_knows_its_id_at_once),
      harness_test(a_connecting_stream_keeps_its_id_when_dropped),
      harness_test(a_closed_stream_still_connects_and_sends),
      harness_test(without_notify_only_bytes_are_received),
      harness_test(bytes_sent_before_leaving_are_received_first),
      harness_test(a_raw_router_talks_to_tcp_clients),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
