/* DEALER and ROUTER: routing ids, where messages go, what is told of peers.
 * Section D of the behaviours. */
#include <dlfcn.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_calls.h"
#include "support/blocking_raw.h"

/* Options that older headers show only with their draft API. */
enum {
  DRAFT_ROUTER_NOTIFY = 97,
  DRAFT_HELLO_MSG = 110,
  DRAFT_DISCONNECT_MSG = 111,
  DRAFT_HICCUP_MSG = 114
};

enum { BIG = 50000 /* bytes: what fills a peer soon */ };

static void *named_dealer(blocking_t *b, const char *name) {
  void *dealer = blocking_socket(b, ZMQ_DEALER);

  blocking_set_text(dealer, ZMQ_ROUTING_ID, name);
  return dealer;
}

/* Skips the test when the library does not have a draft option. */
static void set_draft(void *socket, int option, const void *value,
                      size_t size) {
  if (zmq_setsockopt(socket, option, value, size) != 0) {
    assert_false(blocking_is_zuv());
    assert_int_equal(errno, EINVAL);
    skip();
  }
}

/* Receives "id|text"; the id as text. */
static void expect_from_anyone(void *router, const char *text, char *id) {
  char *message = blocking_receive(router, BLOCKING_DEADLINE_MS);

  assert_non_null(message);
  snprintf(id, BLOCKING_TEXT_MAX, "%.*s", (int)strcspn(message, "|"), message);
  assert_string_equal(message + strlen(id) + 1, text);
  free(message);
}

static void send_to(void *router, const char *id, const char *text) {
  char whole[2 * BLOCKING_TEXT_MAX];

  snprintf(whole, sizeof(whole), "%s|%s", id, text);
  blocking_send(router, whole);
}

/* The number in an id that a ROUTER made. */
static uint32_t generated_number(const char *id) {
  char bytes[BLOCKING_TEXT_MAX];
  uint32_t number = 0;
  size_t size;

  blocking_unescape(id, bytes, &size);
  assert_int_equal(size, 5);
  assert_int_equal(bytes[0], 0);
  for (size_t i = 1; i < size; i++)
    number = (number << 8) | (unsigned char)bytes[i];
  return number;
}

/* Waits until a monitored peer is lost; inproc has no events. */
static void wait_lost(void *monitor) {
  if (blocking_is_inproc())
    blocking_settle();
  else
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
}

static void router_numbers_peers_without_an_id(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *one = blocking_socket(*state, ZMQ_DEALER);
  void *two = blocking_socket(*state, ZMQ_DEALER);
  char id_one[BLOCKING_TEXT_MAX];
  char id_two[BLOCKING_TEXT_MAX];

  /* Behaviour 52. */
  blocking_join(*state, router, one, NULL);
  blocking_join(*state, router, two, NULL);
  blocking_send(one, "1");
  expect_from_anyone(router, "1", id_one);
  blocking_send(two, "2|2");
  expect_from_anyone(router, "2|2", id_two);
  assert_int_equal(generated_number(id_two),
                   (uint32_t)(generated_number(id_one) + 1));
  send_to(router, id_two, "back to two");
  send_to(router, id_one, "back to one");
  blocking_expect_recv(two, "back to two");
  blocking_expect_recv(one, "back to one");
}

static void router_uses_the_id_that_a_peer_announced(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");

  /* Behaviour 53. */
  blocking_join(*state, router, peter, NULL);
  blocking_send(peter, "hello");
  blocking_expect_recv(router, "peter|hello");
  blocking_send(router, "peter||good|day");
  blocking_expect_recv(peter, "|good|day");
}

static void the_longest_id_works(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *dealer = blocking_socket(*state, ZMQ_DEALER);
  char id[255];
  char got[256];

  /* Behaviour 53. */
  memset(id, 'i', sizeof(id));
  blocking_expect_ok(zmq_setsockopt(dealer, ZMQ_ROUTING_ID, id, sizeof(id)));
  blocking_join(*state, router, dealer, NULL);
  blocking_send(dealer, "long");
  blocking_wait_events(router, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(router, got, sizeof(got), 0), sizeof(id));
  assert_memory_equal(got, id, sizeof(id));
  blocking_expect(router, "long");
  assert_int_equal(zmq_send(router, id, sizeof(id), ZMQ_SNDMORE), sizeof(id));
  assert_int_equal(zmq_send(router, "back", 4, 0), 4);
  blocking_expect(dealer, "back");
}

static void an_announced_id_outlives_a_reconnection(void **state) {
  void *first = blocking_socket(*state, ZMQ_ROUTER);
  void *second = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  void *monitor;
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  /* Behaviours 53, 65. */
  blocking_set(peter, ZMQ_RECONNECT_IVL, 10);
  blocking_join(*state, first, peter, endpoint);
  blocking_set_text(peter, ZMQ_ROUTING_ID, "paul");
  blocking_send(peter, "1");
  blocking_expect(first, "peter|1");
  monitor = blocking_monitor(*state, peter, ZMQ_EVENT_DISCONNECTED);
  blocking_close(*state, first);
  wait_lost(monitor);
  blocking_wait(zmq_bind(second, endpoint) == 0);
  blocking_send(peter, "2");
  blocking_expect(second, "peter|2");
  blocking_send(second, "peter|3");
  blocking_expect(peter, "3");
}

static void a_changed_id_counts_for_the_next_connection(void **state) {
  void *before = blocking_socket(*state, ZMQ_ROUTER);
  void *after = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");

  /* Behaviour 65. */
  blocking_join(*state, before, peter, NULL);
  blocking_set_text(peter, ZMQ_ROUTING_ID, "paul");
  blocking_join(*state, after, peter, NULL);
  blocking_send(peter, "1");
  blocking_send(peter, "2");
  blocking_expect(before, "peter|1");
  blocking_expect(after, "paul|2");
}

static void a_second_peer_with_an_id_in_use_is_not_heard(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *first = named_dealer(*state, "same");
  void *second = named_dealer(*state, "same");
  void *monitor;

  /* Behaviour 54. */
  blocking_join(*state, router, first, NULL);
  blocking_join(*state, router, second, NULL);
  monitor = blocking_monitor(*state, second, ZMQ_EVENT_DISCONNECTED);
  (void)blocking_try_send(second, "unheard", ZMQ_DONTWAIT);
  blocking_send(first, "heard");
  blocking_expect_recv(router, "same|heard");
  blocking_send(router, "same|for the first");
  blocking_expect_recv(first, "for the first");
  blocking_expect_nothing(router);
  blocking_expect_nothing(second);
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 0), 0);
}

static void with_handover_a_second_peer_takes_the_id(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *first = named_dealer(*state, "same");
  void *second = named_dealer(*state, "same");

  /* Behaviour 55. */
  blocking_set(router, ZMQ_ROUTER_HANDOVER, 1);
  blocking_set(first, ZMQ_RECONNECT_IVL, -1);
  blocking_join(*state, router, first, NULL);
  blocking_send(first, "1");
  blocking_expect(router, "same|1");
  blocking_join(*state, router, second, NULL);
  blocking_send(second, "2");
  blocking_expect(router, "same|2");
  (void)blocking_try_send(first, "unheard", ZMQ_DONTWAIT);
  blocking_send(router, "same|for the second");
  blocking_expect(second, "for the second");
  blocking_expect_nothing(router);
  blocking_expect_nothing(first);
}

static void messages_to_nobody_are_dropped(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");

  /* Behaviours 56, 59. */
  assert_int_equal(blocking_events(router), ZMQ_POLLOUT);
  blocking_send(router, "nobody|lost");
  blocking_join(*state, router, peter, NULL);
  blocking_send(router, "nobody|lost|all|of it");
  blocking_send(router, "nobody");
  blocking_send(router, "peter");
  blocking_send(router, "peter|found");
  blocking_expect(peter, "found");
  assert_int_equal(blocking_events(router), ZMQ_POLLOUT);
}

static void mandatory_refuses_unknown_peers(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");

  /* Behaviours 57, 59. */
  blocking_set(router, ZMQ_ROUTER_MANDATORY, 1);
  assert_int_equal(blocking_events(router), 0);
  assert_int_equal(blocking_try_send(router, "peter|early", 0), EHOSTUNREACH);
  blocking_join(*state, router, peter, NULL);
  assert_int_equal(blocking_events(router), ZMQ_POLLOUT);
  blocking_expect_errno(zmq_send(router, "paul", 4, ZMQ_SNDMORE), EHOSTUNREACH);
  assert_int_equal(zmq_send(router, "peter", 5, ZMQ_SNDMORE), 5);
  assert_int_equal(zmq_send(router, "found", 5, 0), 5);
  blocking_expect_recv(peter, "found");
  blocking_close(*state, peter);
  blocking_wait(blocking_try_send(router, "peter|gone", ZMQ_DONTWAIT) ==
                EHOSTUNREACH);
  blocking_wait_no_events(router, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(router, "peter|gone", 0), EHOSTUNREACH);
  blocking_set(router, ZMQ_ROUTER_MANDATORY, 0);
  assert_int_equal(blocking_events(router), ZMQ_POLLOUT);
}

/* Sends "peter|<BIG bytes>"; 0 or the errno of the id. */
static int try_send_big(void *router, int flags) {
  static const char body[BIG];

  if (zmq_send(router, "peter", 5, flags | ZMQ_SNDMORE) < 0)
    return errno;
  assert_int_equal(zmq_send(router, body, BIG, flags), BIG);
  return 0;
}

/* One more, unless there is no room: then whether the socket says so. */
static bool has_become_full(void *router, size_t *sent) {
  int error = try_send_big(router, ZMQ_DONTWAIT);

  if (error == 0) {
    (*sent)++;
    return false;
  }
  assert_int_equal(error, EAGAIN);
  return (blocking_events(router) & ZMQ_POLLOUT) == 0;
}

static void mandatory_waits_for_a_full_peer(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  blocking_call_t call;
  size_t sent = 0;
  uint64_t start = 0;

  /* Behaviours 58, 59. */
  blocking_set(router, ZMQ_ROUTER_MANDATORY, 1);
  blocking_set_hwm(router, 3, 1000);
  blocking_set_hwm(peter, 1000, 4);
  blocking_join(*state, router, peter, NULL);
  blocking_wait(has_become_full(router, &sent));
  blocking_set(router, ZMQ_SNDTIMEO, 60);
  for (start = blocking_now_ms(); try_send_big(router, 0) == 0; sent++)
    start = blocking_now_ms();
  assert_int_equal(errno, EAGAIN);
  assert_true(blocking_now_ms() - start >= 60);
  assert_true(sent >= 7);
  blocking_send_start(&call, router, "peter|room again");
  for (; sent > 0; sent--)
    blocking_expect(peter, "<50000 bytes>");
  blocking_send_finish(&call);
  blocking_expect(peter, "room again");
}

static void connect_routing_id_names_a_peer_at_once(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *dealer = named_dealer(*state, "its own name");
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 60. */
  blocking_fresh_endpoint(*state, endpoint);
  blocking_set(router, ZMQ_ROUTER_MANDATORY, 1);
  blocking_set(router, ZMQ_RECONNECT_IVL, 10);
  if (blocking_transport == BLOCKING_INPROC)
    blocking_bind_to(dealer, endpoint);
  blocking_set_text(router, ZMQ_CONNECT_ROUTING_ID, "peer1");
  blocking_connect(router, endpoint);
  blocking_send(router, "peer1|at once");
  if (blocking_transport != BLOCKING_INPROC)
    blocking_bind_to(dealer, endpoint);
  blocking_expect_recv(dealer, "at once");
  blocking_send(dealer, "reply");
  blocking_expect_recv(router, "peer1|reply");
  blocking_send(router, "peer1|and more");
  blocking_expect_recv(dealer, "and more");
}

static void connect_routing_id_serves_one_connect(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *first = named_dealer(*state, "first");
  void *second = named_dealer(*state, "second");
  char endpoint[BLOCKING_TEXT_MAX];

  /* Behaviour 60. */
  blocking_set_text(router, ZMQ_CONNECT_ROUTING_ID, "renamed");
  blocking_join(*state, first, router, endpoint);
  blocking_join(*state, second, router, NULL);
  blocking_send(first, "1");
  blocking_expect(router, "renamed|1");
  blocking_send(second, "2");
  blocking_expect(router, "second|2");
  /* libzmq ends the process */
  if (!blocking_is_zuv())
    return;
  blocking_set_text(router, ZMQ_CONNECT_ROUTING_ID, "renamed");
  blocking_expect_errno(zmq_connect(router, endpoint), EINVAL);
  blocking_send(router, "renamed|still there");
  blocking_expect(first, "still there");
}

static void a_probe_comes_first(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");

  /* Behaviour 61. */
  blocking_set(peter, ZMQ_PROBE_ROUTER, 1);
  blocking_join(*state, router, peter, NULL);
  blocking_expect(router, "peter|");
  blocking_send(router, "peter|known");
  blocking_expect(peter, "known");
  blocking_send(peter, "then");
  blocking_expect(router, "peter|then");
}

static void router_still_reads_what_a_gone_peer_sent(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  void *monitor;

  /* Behaviour 62. */
  blocking_join(*state, router, peter, NULL);
  monitor = blocking_monitor(*state, router, ZMQ_EVENT_DISCONNECTED);
  blocking_send(peter, "m1");
  blocking_send(peter, "m2|with more");
  blocking_close(*state, peter);
  wait_lost(monitor);
  blocking_expect(router, "peter|m1");
  blocking_expect(router, "peter|m2|with more");
  blocking_expect_nothing(router);
}

static void router_is_readable_until_the_last_part(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  const char *parts[] = {"peter", "a", "", "b"};
  char bytes[8];

  /* Behaviour 63. */
  blocking_join(*state, router, peter, NULL);
  blocking_send(peter, "a||b");
  blocking_wait_events(router, ZMQ_POLLIN);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(blocking_events(router), ZMQ_POLLIN | ZMQ_POLLOUT);
    assert_int_equal(zmq_recv(router, bytes, sizeof(bytes), ZMQ_DONTWAIT),
                     strlen(parts[i]));
    assert_memory_equal(bytes, parts[i], strlen(parts[i]));
    assert_int_equal(blocking_get(router, ZMQ_RCVMORE), i < 3);
  }
  assert_int_equal(blocking_events(router), ZMQ_POLLOUT);
  blocking_expect_errno(zmq_recv(router, bytes, 1, ZMQ_DONTWAIT), EAGAIN);
}

static void dealer_alternates_both_ways(void **state) {
  void *dealer = blocking_socket(*state, ZMQ_DEALER);
  void *peers[2] = {blocking_socket(*state, ZMQ_DEALER),
                    blocking_socket(*state, ZMQ_DEALER)};
  void *monitor;
  char *text;
  char last = 0;

  /* Behaviour 64. */
  blocking_join(*state, dealer, peers[0], NULL);
  blocking_join(*state, dealer, peers[1], NULL);
  assert_int_equal(blocking_fill(dealer, "", 6), 6);
  for (int i = 0; i < 6; i++) {
    char expected[8];
    snprintf(expected, sizeof(expected), "%d", i);
    blocking_expect(peers[i % 2], expected);
  }
  monitor = blocking_monitor(*state, dealer, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_fill(peers[0], "x", 3), 3);
  assert_int_equal(blocking_fill(peers[1], "y", 3), 3);
  blocking_close(*state, peers[0]);
  blocking_close(*state, peers[1]);
  wait_lost(monitor);
  wait_lost(monitor);
  for (int i = 0; i < 6; i++) {
    text = blocking_receive(dealer, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
    assert_int_equal(text[1], '0' + i / 2);
    assert_int_not_equal(text[0], last);
    last = text[0];
    free(text);
  }
}

static void routers_talk_to_each_other(void **state) {
  void *left = blocking_socket(*state, ZMQ_ROUTER);
  void *right = blocking_socket(*state, ZMQ_ROUTER);

  blocking_set_text(left, ZMQ_ROUTING_ID, "left");
  blocking_set_text(right, ZMQ_ROUTING_ID, "right");
  blocking_join(*state, left, right, NULL);
  blocking_send(left, "right|hello");
  blocking_expect(right, "left|hello");
  blocking_send(right, "left|hello|you");
  blocking_expect(left, "right|hello|you");
}

static void router_notify_tells_of_peers(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  const int both = 3;

  if (blocking_is_inproc())
    skip();
  /* Behaviour 66. */
  set_draft(router, DRAFT_ROUTER_NOTIFY, &both, sizeof(both));
  blocking_join(*state, router, peter, NULL);
  blocking_expect(router, "peter|");
  blocking_send(peter, "in between");
  blocking_expect(router, "peter|in between");
  blocking_close(*state, peter);
  blocking_expect(router, "peter|");
}

static void greetings_and_farewells_are_sent(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  void *paul = named_dealer(*state, "paul");
  char endpoint[BLOCKING_TEXT_MAX];

  if (blocking_is_inproc())
    skip();
  /* Behaviour 67. */
  set_draft(router, DRAFT_HELLO_MSG, "HELLO", 5);
  set_draft(router, DRAFT_DISCONNECT_MSG, "GONE", 4);
  set_draft(paul, DRAFT_HICCUP_MSG, "HICCUP", 6);
  blocking_join(*state, router, peter, endpoint);
  blocking_expect(peter, "HELLO");
  blocking_send(peter, "hello");
  blocking_expect(router, "peter|hello");
  blocking_close(*state, peter);
  blocking_expect(router, "peter|GONE");
  blocking_connect(paul, endpoint);
  blocking_expect(paul, "HELLO");
  blocking_close(*state, router);
  blocking_expect(paul, "HICCUP");
}

static void a_raw_router_talks_to_tcp_clients(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  char endpoint[BLOCKING_TEXT_MAX];
  char first[BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  int client;

  if (!blocking_is_tcp())
    skip();
  /* Behaviour 68. */
  blocking_set(router, ZMQ_ROUTER_RAW, 1);
  blocking_bind(*state, router, endpoint);
  client = blocking_raw_connect(endpoint);
  expect_from_anyone(router, "", first);
  generated_number(first);
  blocking_raw_send(client, "GET /", 5);
  expect_from_anyone(router, "GET /", id);
  assert_string_equal(id, first);
  send_to(router, id, "200 OK");
  blocking_raw_expect(client, "200 OK");
  close(client);
}

typedef int peer_state_fn(void *socket, const void *routing_id, size_t size);

/* zmq_socket_get_peer_state() is a draft: not every library exports it. */
static peer_state_fn *find_peer_state(void) {
  void *symbol = dlsym(RTLD_DEFAULT, "zmq_socket_get_peer_state");
  peer_state_fn *function = NULL;

  assert_int_equal(sizeof(function), sizeof(symbol));
  memcpy(&function, &symbol, sizeof(function));
  return function;
}

static void the_state_of_one_peer_can_be_asked(void **state) {
  peer_state_fn *peer_state = find_peer_state();
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *peter = named_dealer(*state, "peter");
  size_t sent = 0;

  if (peer_state == NULL)
    skip();
  blocking_set(router, ZMQ_ROUTER_MANDATORY, 1);
  blocking_set_hwm(router, 3, 1000);
  blocking_set_hwm(peter, 1000, 4);
  blocking_expect_errno(peer_state(NULL, "peter", 5), ENOTSOCK);
  blocking_expect_errno(peer_state(peter, "peter", 5), ENOTSUP);
  blocking_expect_errno(peer_state(router, "peter", 5), EHOSTUNREACH);
  blocking_join(*state, router, peter, NULL);
  assert_int_equal(peer_state(router, "peter", 5), ZMQ_POLLOUT);
  blocking_expect_errno(peer_state(router, "paul", 4), EHOSTUNREACH);
  blocking_wait(has_become_full(router, &sent) &&
                peer_state(router, "peter", 5) == 0);
  for (; sent > 0; sent--)
    blocking_expect(peter, "<50000 bytes>");
  blocking_wait(blocking_events(router) == ZMQ_POLLOUT &&
                peer_state(router, "peter", 5) == ZMQ_POLLOUT);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(router_numbers_peers_without_an_id),
      blocking_test(router_uses_the_id_that_a_peer_announced),
      blocking_test(the_longest_id_works),
      blocking_test(an_announced_id_outlives_a_reconnection),
      blocking_test(a_changed_id_counts_for_the_next_connection),
      blocking_test(a_second_peer_with_an_id_in_use_is_not_heard),
      blocking_test(with_handover_a_second_peer_takes_the_id),
      blocking_test(messages_to_nobody_are_dropped),
      blocking_test(mandatory_refuses_unknown_peers),
      blocking_test(mandatory_waits_for_a_full_peer),
      blocking_test(connect_routing_id_names_a_peer_at_once),
      blocking_test(connect_routing_id_serves_one_connect),
      blocking_test(a_probe_comes_first),
      blocking_test(router_still_reads_what_a_gone_peer_sent),
      blocking_test(router_is_readable_until_the_last_part),
      blocking_test(dealer_alternates_both_ways),
      blocking_test(routers_talk_to_each_other),
      blocking_test(router_notify_tells_of_peers),
      blocking_test(greetings_and_farewells_are_sent),
      blocking_test(a_raw_router_talks_to_tcp_clients),
      blocking_test(the_state_of_one_peer_can_be_asked),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
