/* The patterns that send to one peer at a time: PAIR, PUSH, PULL, DEALER, REQ,
 * REP, ROUTER and STREAM, over pipes with fake links. Generated ids begin with
 * the bytes 00 41 41 41 41. */
#include "fake_link.h"

#include "base/random.h"
#include "routing/peer_ids.h"

static uv_loop_t loop;
static zuv_socket_t sock;
static fake_log_t received;
static fake_link_t a, b, c;

static long allocations_left = -1; /* negative: all succeed */

static bool may_allocate(void) {
  if (allocations_left == 0)
    return false;
  if (allocations_left > 0)
    allocations_left--;
  return true;
}

static void *limited_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *limited_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

static void *limited_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

static void only_a(void *bytes, size_t size) {
  memset(bytes, 'A', size);
}

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)socket;
  (void)peer;
  fake_log(&received, parts, count);
}

static void run(void) {
  for (int i = 0; i < 3; i++)
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void open_socket(int type) {
  memset(&received, 0, sizeof(received));
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(zuv_socket_init(NULL, &loop, &sock, type), 0);
  if (type != ZUV_PUSH)
    assert_int_equal(zuv_recv_start(&sock, on_message), 0);
}

static void close_socket(void) {
  zuv_close(&sock, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

static const char *next_received(void) {
  run();
  return fake_next(&received);
}

static int events(void) {
  int value;
  size_t size = sizeof(value);

  assert_int_equal(zuv_get_option(&sock, ZUV_EVENTS, &value, &size), 0);
  return value;
}

#define assert_sent(link, text)                                                \
  assert_string_equal(fake_next(&(link)->sent), text)
#define assert_received(text) assert_string_equal(next_received(), text)

/* ---- PUSH, PULL, DEALER ---- */

static void test_push_alternates(void **state) {
  (void)state;
  open_socket(ZUV_PUSH);
  assert_int_equal(fake_send(&sock, "0"), UV_EAGAIN);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  for (int i = 0; i < 2; i++) {
    assert_int_equal(fake_send(&sock, "1|x"), 0);
    assert_int_equal(fake_send(&sock, "2"), 0);
    assert_sent(&a, "1|x");
    assert_sent(&b, "2");
  }
  assert_sent(&a, "(none)");
  close_socket();
}

static void test_push_skips_the_full(void **state) {
  (void)state;
  open_socket(ZUV_PUSH);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  a.room = 1;
  for (int i = 0; i < 4; i++)
    assert_int_equal(fake_send(&sock, "m"), 0);
  assert_int_equal(a.sent.count, 1);
  assert_int_equal(b.sent.count, 3);
  fake_leave(&b);
  assert_int_equal(events(), 0);
  assert_int_equal(fake_send(&sock, "m"), UV_EAGAIN);
  fake_relieve(&a, 9);
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "m"), 0);
  assert_int_equal(a.sent.count, 2);
  close_socket();
}

static void test_push_keeps_parts_without_memory(void **state) {
  (void)state;
  open_socket(ZUV_PUSH);
  fake_accept(&a, &sock, "");
  a.failure = UV_ENOMEM;
  assert_int_equal(fake_send(&sock, "x|y"), UV_ENOMEM);
  assert_int_equal(fake_send(&sock, "x|y"), 0);
  close_socket();
}

static void test_pull_reads_what_an_ended_peer_sent(void **state) {
  (void)state;
  open_socket(ZUV_PULL);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  fake_arrive(&a, "a1");
  fake_arrive(&a, "a2|x");
  fake_arrive_parts(&a, "a3", true);
  fake_leave(&a);
  fake_arrive(&b, "b1");
  assert_received("a1");
  assert_received("b1");
  assert_received("a2|x");
  assert_received("(none)");
  assert_int_equal(fake_send(&sock, "m"), UV_ENOTSUP);
  close_socket();
}

static void test_dealer_probes_each_pipe_once(void **state) {
  (void)state;
  open_socket(ZUV_DEALER);
  assert_int_equal(zuv_set_int(&sock, ZUV_PROBE_ROUTER, 1), 0);
  fake_open(&a, &sock, true);
  fake_ready(&a, "");
  zuv__pipe_lost(a.pipe);
  fake_ready(&a, "");
  fake_accept(&b, &sock, "");
  assert_int_equal(fake_send(&sock, "1"), 0);
  assert_int_equal(fake_send(&sock, "2"), 0);
  assert_sent(&a, "");
  assert_sent(&a, "1");
  assert_sent(&a, "(none)");
  assert_sent(&b, "");
  assert_sent(&b, "2");
  fake_arrive(&b, "back|too");
  assert_received("back|too");
  close_socket();
}

/* ---- PAIR ---- */

static void test_pair_refuses_a_second_peer(void **state) {
  (void)state;
  open_socket(ZUV_PAIR);
  assert_int_equal(fake_send(&sock, "m"), UV_EAGAIN);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  fake_arrive(&b, "unheard");
  assert_int_equal(fake_send(&sock, "m"), 0);
  assert_sent(&a, "m");
  assert_sent(&b, "(none)");
  assert_received("(none)");
  assert_non_null(b.pipe);
  fake_leave(&b);
  close_socket();
}

static void test_pair_takes_a_new_peer_when_the_old_is_read(void **state) {
  (void)state;
  open_socket(ZUV_PAIR);
  zuv_recv_stop(&sock);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "last words");
  fake_leave(&a);
  assert_int_equal(fake_send(&sock, "m"), UV_EAGAIN);
  fake_accept(&b, &sock, "");
  zuv_recv_start(&sock, on_message);
  assert_received("last words");
  /* Refused once is refused for good. */
  zuv__pipe_lost(b.pipe);
  fake_ready(&b, "");
  assert_int_equal(fake_send(&sock, "m"), UV_EAGAIN);
  fake_accept(&c, &sock, "");
  assert_int_equal(fake_send(&sock, "m"), 0);
  assert_sent(&c, "m");
  close_socket();
}

static void test_pair_sends_before_the_peer_is_there(void **state) {
  (void)state;
  open_socket(ZUV_PAIR);
  fake_open(&a, &sock, true);
  fake_open(&b, &sock, true);
  assert_int_equal(fake_send(&sock, "early"), 0);
  assert_sent(&a, "early");
  fake_leave(&a);
  fake_ready(&b, "");
  assert_int_equal(fake_send(&sock, "late"), 0);
  assert_sent(&b, "late");
  close_socket();
}

/* ---- REQ ---- */

static void test_req_alternates_and_keeps_its_turn(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  assert_int_equal(fake_send(&sock, "q"), UV_EAGAIN);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "q1|x"), 0);
  assert_sent(&a, "|q1|x");
  assert_int_equal(fake_send(&sock, "q2"), UV_EPROTO);
  assert_int_equal(events(), 0);
  zuv_recv_stop(&sock);
  fake_arrive(&a, "|r1|y");
  assert_int_equal(events(), ZUV_POLLIN);
  zuv_recv_start(&sock, on_message);
  assert_received("r1|y");
  assert_int_equal(fake_send(&sock, "q2"), 0);
  assert_sent(&b, "|q2");
  assert_sent(&a, "(none)");
  close_socket();
}

static void test_req_drops_what_is_no_reply(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  fake_arrive(&a, "|from before");
  assert_received("(none)");
  assert_int_equal(fake_send(&sock, "q"), 0);
  fake_arrive(&b, "|from another");
  fake_arrive(&a, "no delimiter");
  fake_arrive(&a, "x|no delimiter");
  fake_arrive(&a, "");
  assert_received("(none)");
  fake_arrive(&a, "|r");
  fake_arrive(&a, "|again");
  assert_received("r");
  assert_received("(none)");
  close_socket();
}

static void test_req_discards_no_half_message(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "|old");
  fake_arrive_parts(&a, "stray", true);
  assert_int_equal(fake_send(&sock, "q"), 0);
  fake_arrive_parts(&a, "|rest of it", false);
  assert_received("(none)");
  fake_arrive(&a, "|r");
  assert_received("r");
  close_socket();
}

static void test_req_takes_any_reply_when_the_asked_is_gone(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  assert_int_equal(fake_send(&sock, "q"), 0);
  fake_leave(&a);
  assert_int_equal(fake_send(&sock, "q"), UV_EPROTO);
  fake_arrive(&b, "|r");
  assert_received("r");
  close_socket();
}

static void test_req_reads_the_reply_of_a_peer_that_left(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_accept(&a, &sock, "");
  assert_int_equal(fake_send(&sock, "q"), 0);
  fake_arrive(&a, "|r");
  fake_leave(&a);
  assert_received("r");
  close_socket();
}

static void test_req_waits_for_a_lost_connection(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_open(&a, &sock, true);
  assert_int_equal(fake_send(&sock, "q"), 0);
  zuv__pipe_lost(a.pipe);
  fake_ready(&a, "");
  assert_int_equal(fake_send(&sock, "q"), UV_EPROTO);
  assert_sent(&a, "|q");
  assert_sent(&a, "(none)");
  close_socket();
}

/* The id part of request number `n`, as text. */
static const char *request_id(uint32_t n) {
  static fake_log_t log;
  uint32_t id = UINT32_C(0x41414141) + n;
  zuv_msg_t part;

  zuv_msg_init_view(&part, &id, sizeof(id));
  memset(&log, 0, sizeof(log));
  fake_log(&log, &part, 1);
  return fake_next(&log);
}

static const char *with_id(uint32_t n, const char *rest) {
  static char text[FAKE_TEXT_MAX];
  strcpy(text, request_id(n));
  return strcat(text, rest);
}

static void test_req_correlates(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  assert_int_equal(zuv_set_int(&sock, ZUV_REQ_CORRELATE, 1), 0);
  assert_int_equal(zuv_set_int(&sock, ZUV_REQ_RELAXED, 1), 0);
  fake_accept(&a, &sock, "");
  assert_int_equal(fake_send(&sock, "q1"), 0);
  assert_sent(&a, with_id(1, "||q1"));
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "q2"), 0);
  assert_sent(&a, with_id(2, "||q2"));
  fake_arrive(&a, with_id(1, "||late"));
  fake_arrive(&a, "|no id");
  fake_arrive(&a, with_id(2, "|x|no delimiter"));
  fake_arrive(&a, with_id(2, "|"));
  assert_received("(none)");
  fake_arrive(&a, with_id(2, "||r2|x"));
  assert_received("r2|x");
  close_socket();
}

static void test_req_relaxed_goes_to_the_next(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  assert_int_equal(zuv_set_int(&sock, ZUV_REQ_RELAXED, 1), 0);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  assert_int_equal(fake_send(&sock, "q1"), 0);
  assert_int_equal(fake_send(&sock, "q2"), 0);
  assert_sent(&b, "|q2");
  fake_arrive(&a, "|r1");
  fake_arrive(&b, "|r2");
  assert_received("r2");
  close_socket();
}

static void test_req_keeps_parts_without_memory(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  fake_accept(&a, &sock, "");
  a.failure = UV_ENOMEM;
  assert_int_equal(fake_send(&sock, "x|y"), UV_ENOMEM);
  assert_int_equal(fake_send(&sock, "x|y"), 0);
  assert_sent(&a, "|x|y");
  close_socket();
}

static void send_next(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  on_message(socket, parts, count, peer);
  if (received.count < 3)
    assert_int_equal(fake_send(socket, "next"), 0);
}

static void test_req_asks_again_inside_the_callback(void **state) {
  (void)state;
  open_socket(ZUV_REQ);
  zuv_recv_start(&sock, send_next);
  fake_accept(&a, &sock, "");
  assert_int_equal(fake_send(&sock, "first"), 0);
  fake_arrive(&a, "|r1");
  fake_arrive(&a, "|r1 again");
  run();
  fake_arrive(&a, "|r2");
  assert_received("r1");
  assert_received("r2");
  assert_received("(none)");
  close_socket();
}

/* ---- REP ---- */

static void test_rep_keeps_the_envelope(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  assert_int_equal(fake_send(&sock, "r"), UV_EPROTO);
  assert_int_equal(events(), 0);
  fake_arrive(&a, "h1|h2||q1|x");
  fake_arrive(&b, "|q2");
  assert_received("q1|x");
  assert_received("(none)");
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "r1|y"), 0);
  assert_sent(&a, "h1|h2||r1|y");
  assert_received("q2");
  assert_int_equal(fake_send(&sock, "r2"), 0);
  assert_sent(&b, "|r2");
  assert_int_equal(fake_send(&sock, "r2"), UV_EPROTO);
  close_socket();
}

static void test_rep_drops_requests_without_delimiter(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "x");
  fake_arrive(&a, "x|y");
  fake_arrive(&a, "");
  fake_arrive(&a, "x|");
  fake_arrive(&a, "|");
  assert_received("");
  assert_int_equal(fake_send(&sock, ""), 0);
  assert_sent(&a, "|");
  assert_received("(none)");
  close_socket();
}

static void test_rep_drops_a_reply_to_nobody(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "");
  fake_arrive(&a, "|q1");
  assert_received("q1");
  fake_leave(&a);
  run();
  assert_int_equal(fake_send(&sock, "r1"), 0);
  b.room = 1;
  for (int i = 0; i < 2; i++) {
    fake_arrive(&b, "h||q");
    assert_received("q");
    assert_int_equal(fake_send(&sock, "r"), 0);
  }
  assert_sent(&b, "h||r");
  assert_sent(&b, "(none)");
  assert_int_equal(fake_send(&sock, "r"), UV_EPROTO);
  close_socket();
}

static void test_rep_answers_a_request_of_a_peer_that_left(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "|q1");
  fake_arrive(&a, "|q2");
  fake_leave(&a);
  assert_received("q1");
  assert_int_equal(fake_send(&sock, "r"), 0);
  assert_received("q2");
  assert_int_equal(fake_send(&sock, "r"), 0);
  close_socket();
}

static void test_rep_keeps_parts_without_memory(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "h||q");
  assert_received("q");
  a.failure = UV_ENOMEM;
  assert_int_equal(fake_send(&sock, "x|y"), UV_ENOMEM);
  assert_int_equal(fake_send(&sock, "x|y"), 0);
  assert_sent(&a, "h||x|y");
  close_socket();
}

static void test_rep_carries_a_long_envelope(void **state) {
  char request[FAKE_TEXT_MAX] = "";
  char reply[FAKE_TEXT_MAX];

  (void)state;
  for (int i = 0; i < 50; i++)
    strcat(request, "hop|");
  strcpy(reply, request);
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "");
  for (int i = 0; i < 2; i++) {
    fake_arrive(&a, strcat(request, i == 0 ? "|q" : ""));
    assert_received("q");
    assert_int_equal(fake_send(&sock, "r"), 0);
    assert_sent(&a, strcat(reply, i == 0 ? "|r" : ""));
  }
  close_socket();
}

static void test_rep_refuses_a_second_peer_with_the_id(void **state) {
  (void)state;
  open_socket(ZUV_REP);
  fake_accept(&a, &sock, "same");
  fake_accept(&b, &sock, "same");
  fake_arrive(&b, "|unheard");
  fake_arrive(&a, "|q");
  assert_received("q");
  assert_received("(none)");
  close_socket();
}

/* ---- ROUTER ---- */

static void test_router_addresses_peers(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(events(), ZUV_POLLOUT);
  fake_accept(&a, &sock, "");
  fake_accept(&b, &sock, "bob");
  fake_accept(&c, &sock, "");
  fake_arrive(&a, "from a|x");
  fake_arrive(&b, "from b");
  fake_arrive(&c, "");
  assert_received("\\00AAAA|from a|x");
  assert_received("bob|from b");
  assert_received("\\00AAAB|");
  fake_arrive_parts(&b, "straight through", false);
  assert_string_equal(fake_next(&received), "bob|straight through");
  assert_int_equal(fake_send(&sock, "\\00AAAB|to c|"), 0);
  assert_int_equal(fake_send(&sock, "bob|to b"), 0);
  assert_int_equal(fake_send(&sock, "nobody|lost"), 0);
  assert_int_equal(fake_send(&sock, "bob"), 0);
  assert_sent(&c, "to c|");
  assert_sent(&b, "to b");
  assert_sent(&b, "(none)");
  fake_leave(&b);
  assert_int_equal(fake_send(&sock, "bob|lost"), 0);
  close_socket();
}

static void test_router_mandatory(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_MANDATORY, 1), 0);
  assert_int_equal(events(), 0);
  fake_accept(&a, &sock, "a");
  a.room = 1;
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "nobody|m"), UV_EHOSTUNREACH);
  assert_int_equal(fake_send(&sock, "a"), 0);
  assert_int_equal(fake_send(&sock, "a|m"), 0);
  assert_int_equal(events(), 0);
  assert_int_equal(fake_send(&sock, "a|m"), UV_EAGAIN);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_MANDATORY, 0), 0);
  assert_int_equal(fake_send(&sock, "a|dropped"), 0);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_MANDATORY, 1), 0);
  fake_relieve(&a, 9);
  a.failure = UV_ENOMEM;
  assert_int_equal(fake_send(&sock, "a|m"), UV_ENOMEM);
  assert_int_equal(fake_send(&sock, "a|m"), 0);
  fake_leave(&a);
  assert_int_equal(fake_send(&sock, "a|m"), UV_EHOSTUNREACH);
  close_socket();
}

static void test_router_keeps_the_id_over_reconnections(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  fake_open(&a, &sock, true);
  assert_int_equal(fake_send(&sock, "first|nobody yet"), 0);
  fake_ready(&a, "first");
  zuv__pipe_lost(a.pipe);
  fake_ready(&a, "second");
  fake_arrive(&a, "m");
  assert_received("first|m");
  assert_int_equal(fake_send(&sock, "first|m"), 0);
  assert_int_equal(fake_send(&sock, "second|m"), 0);
  assert_sent(&a, "m");
  assert_sent(&a, "(none)");
  close_socket();
}

static void test_router_refuses_a_second_peer_with_the_id(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  fake_accept(&a, &sock, "same");
  fake_accept(&b, &sock, "same");
  fake_arrive(&b, "unheard");
  fake_arrive(&a, "heard");
  assert_received("same|heard");
  assert_received("(none)");
  assert_int_equal(fake_send(&sock, "same|m"), 0);
  assert_sent(&a, "m");
  fake_leave(&a);
  /* It stays refused, and the id is free for the next. */
  fake_ready(&b, "same");
  fake_accept(&c, &sock, "same");
  assert_int_equal(fake_send(&sock, "same|m"), 0);
  assert_sent(&c, "m");
  close_socket();
}

static void test_router_hands_an_id_over(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_HANDOVER, 1), 0);
  fake_accept(&a, &sock, "same");
  fake_arrive(&a, "of the old");
  fake_accept(&b, &sock, "same");
  fake_arrive(&b, "of the new");
  assert_null(a.pipe);
  assert_received("\\00AAAA|of the old");
  assert_received("same|of the new");
  assert_int_equal(fake_send(&sock, "\\00AAAA|m"), 0);
  assert_int_equal(fake_send(&sock, "same|m"), 0);
  assert_sent(&a, "(none)");
  assert_sent(&b, "m");
  close_socket();
}

static void test_router_names_the_peer_of_a_connect(void **state) {
  zuv__socket_t *socket;

  (void)state;
  open_socket(ZUV_ROUTER);
  socket = zuv__socket(&sock);
  assert_int_equal(zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "peer1", 5),
                   0);
  assert_int_equal(zuv__peer_ids_check_connect(socket), 0);
  fake_accept(&b, &sock, "");
  fake_open(&a, &sock, true);
  assert_int_equal(fake_send(&sock, "peer1|early"), 0);
  fake_ready(&a, "ignored");
  fake_arrive(&a, "m");
  assert_sent(&a, "early");
  assert_received("peer1|m");
  assert_int_equal(zuv__peer_ids_check_connect(socket), 0);
  assert_int_equal(zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "peer1", 5),
                   0);
  assert_int_equal(zuv__peer_ids_check_connect(socket), UV_EINVAL);
  fake_leave(&a);
  assert_int_equal(zuv__peer_ids_check_connect(socket), 0);
  close_socket();
}

static void test_router_generates_only_free_ids(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "\0AAAA", 5),
                   0);
  fake_open(&a, &sock, true);
  fake_accept(&b, &sock, "");
  fake_arrive(&b, "m");
  assert_received("\\00AAAB|m");
  close_socket();
}

static void test_router_notifies(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_NOTIFY, 3), 0);
  fake_open(&a, &sock, true);
  zuv__pipe_lost(a.pipe); /* before it was ready */
  fake_ready(&a, "a");
  assert_received("a|");
  fake_arrive(&a, "m");
  fake_arrive_parts(&a, "never whole", true);
  fake_leave(&a);
  assert_received("a|m");
  assert_received("a|");
  assert_received("(none)");
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_NOTIFY, 2), 0);
  fake_accept(&b, &sock, "b");
  assert_received("(none)");
  fake_leave(&b);
  assert_received("b|");
  close_socket();
}

static void test_router_probes(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_int(&sock, ZUV_PROBE_ROUTER, 1), 0);
  fake_open(&a, &sock, true);
  assert_sent(&a, "(none)");
  fake_ready(&a, "a");
  assert_sent(&a, "");
  zuv__pipe_lost(a.pipe);
  fake_ready(&a, "a");
  assert_sent(&a, "(none)");
  assert_int_equal(zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "b", 1), 0);
  fake_open(&b, &sock, true);
  assert_sent(&b, "");
  fake_ready(&b, "");
  assert_sent(&b, "(none)");
  close_socket();
}

static void close_then_log(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  zuv_close(socket, NULL);
  on_message(socket, parts, count, peer);
}

static void test_router_closes_inside_the_callback(void **state) {
  char id[201];
  char text[256];

  (void)state;
  memset(id, 'i', 200);
  id[200] = '\0';
  strcat(strcpy(text, id), "|m");
  open_socket(ZUV_ROUTER);
  zuv_recv_start(&sock, close_then_log);
  fake_accept(&a, &sock, id);
  fake_arrive(&a, "m");
  fake_arrive(&a, "unread");
  assert_received(text);
  assert_received("(none)");
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- STREAM ---- */

static void test_stream_tells_of_connections(void **state) {
  (void)state;
  open_socket(ZUV_STREAM);
  assert_int_equal(events(), ZUV_POLLOUT);
  fake_accept(&a, &sock, "");
  fake_arrive(&a, "bytes");
  fake_leave(&a);
  assert_received("\\00AAAA|");
  assert_received("\\00AAAA|bytes");
  assert_received("\\00AAAA|");
  assert_received("(none)");
  assert_int_equal(zuv_set_int(&sock, ZUV_STREAM_NOTIFY, 0), 0);
  fake_accept(&b, &sock, "");
  fake_arrive(&b, "bytes");
  fake_leave(&b);
  assert_received("\\00AAAB|bytes");
  assert_received("(none)");
  close_socket();
}

static void test_stream_sends(void **state) {
  (void)state;
  open_socket(ZUV_STREAM);
  fake_accept(&a, &sock, "");
  assert_received("\\00AAAA|");
  a.room = 1;
  assert_int_equal(fake_send(&sock, "\\00AAAA|x|y"), UV_EINVAL);
  assert_int_equal(fake_send(&sock, "\\00AAAA"), 0);
  assert_int_equal(fake_send(&sock, "\\00AAAB|x"), UV_EHOSTUNREACH);
  assert_int_equal(fake_send(&sock, "\\00AAAA|x"), 0);
  assert_sent(&a, "x");
  assert_int_equal(fake_send(&sock, "\\00AAAA|x"), UV_EAGAIN);
  assert_int_equal(events(), ZUV_POLLOUT);
  assert_int_equal(fake_send(&sock, "\\00AAAA|"), 0);
  assert_null(a.pipe);
  assert_int_equal(fake_send(&sock, "\\00AAAA|x"), UV_EHOSTUNREACH);
  assert_received("(none)");
  close_socket();
}

static void test_stream_connects(void **state) {
  unsigned char id[255];
  size_t size = sizeof(id);

  (void)state;
  open_socket(ZUV_STREAM);
  fake_open(&a, &sock, true);
  assert_int_equal(zuv_get_option(&sock, ZUV_ROUTING_ID, id, &size), 0);
  assert_int_equal(size, 5);
  assert_memory_equal(id, "\0AAAA", 5);
  assert_int_equal(fake_send(&sock, "\\00AAAA|early"), 0);
  assert_sent(&a, "early");
  fake_ready(&a, "");
  zuv__pipe_lost(a.pipe);
  zuv__pipe_lost(a.pipe);
  fake_ready(&a, "");
  for (int i = 0; i < 3; i++)
    assert_received("\\00AAAA|");
  assert_received("(none)");
  assert_int_equal(zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "b", 1), 0);
  fake_open(&b, &sock, true);
  assert_int_equal(fake_send(&sock, "b|m"), 0);
  assert_sent(&b, "m");
  close_socket();
}

static void test_stream_bounds_unread_notices(void **state) {
  (void)state;
  open_socket(ZUV_STREAM);
  zuv_recv_stop(&sock);
  assert_int_equal(zuv_set_int(&sock, ZUV_RCVHWM, 10), 0);
  fake_open(&a, &sock, true);
  for (int i = 0; i < 100; i++) {
    fake_ready(&a, "");
    zuv__pipe_lost(a.pipe);
  }
  assert_int_equal(a.pipe->in.count, 10);
  close_socket();
}

static void test_raw_router(void **state) {
  (void)state;
  open_socket(ZUV_ROUTER);
  assert_int_equal(zuv_set_int(&sock, ZUV_ROUTER_RAW, 1), 0);
  assert_int_equal(zuv_set_int(&sock, ZUV_PROBE_ROUTER, 1), 0);
  fake_accept(&a, &sock, "ignored");
  fake_arrive(&a, "bytes");
  assert_received("\\00AAAA|");
  assert_received("\\00AAAA|bytes");
  assert_int_equal(fake_send(&sock, "\\00AAAA|x"), 0);
  assert_sent(&a, "x");
  assert_int_equal(fake_send(&sock, "nobody|x"), 0);
  assert_int_equal(fake_send(&sock, "\\00AAAA|"), 0);
  assert_null(a.pipe);
  close_socket();
}

/* ---- No memory ---- */

/* A bit of everything; results do not matter here. */
static void play(int type) {
  int options[] = {ZUV_ROUTER_HANDOVER, ZUV_PROBE_ROUTER, ZUV_REQ_CORRELATE};
  char id[101];

  memset(id, 'i', 100);
  id[100] = '\0';
  for (size_t i = 0; i < 3; i++)
    zuv_set_int(&sock, options[i], 1);
  zuv_set_int(&sock, ZUV_ROUTER_NOTIFY, 3);
  zuv_set_option(&sock, ZUV_CONNECT_ROUTING_ID, "c", 1);
  fake_accept(&a, &sock, id);
  fake_accept(&b, &sock, id);
  fake_open(&c, &sock, true);
  fake_ready(&c, "");
  fake_send(&sock, "c|m");
  for (int i = 0; i < 3; i++) {
    fake_arrive(&b, "h||m");
    fake_arrive(&c, "h||m");
    run();
    fake_send(&sock, type == ZUV_STREAM ? "c|m" : "m|m|m");
  }
  fake_leave(&b);
  run();
  fake_send(&sock, "c|");
}

static void test_every_allocation_may_fail(void **state) {
  static const int types[] = {ZUV_PAIR, ZUV_PUSH,   ZUV_PULL,   ZUV_DEALER,
                              ZUV_REQ,  ZUV_ROUTER, ZUV_STREAM, ZUV_REP};

  (void)state;
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    long limit = 0;
    bool failed = true;

    for (; failed; limit++) {
      open_socket(types[i]);
      allocations_left = limit;
      play(types[i]);
      failed = allocations_left == 0;
      allocations_left = -1;
      close_socket();
    }
    assert_true(limit > 3);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_push_alternates),
      cmocka_unit_test(test_push_skips_the_full),
      cmocka_unit_test(test_push_keeps_parts_without_memory),
      cmocka_unit_test(test_pull_reads_what_an_ended_peer_sent),
      cmocka_unit_test(test_dealer_probes_each_pipe_once),
      cmocka_unit_test(test_pair_refuses_a_second_peer),
      cmocka_unit_test(test_pair_takes_a_new_peer_when_the_old_is_read),
      cmocka_unit_test(test_pair_sends_before_the_peer_is_there),
      cmocka_unit_test(test_req_alternates_and_keeps_its_turn),
      cmocka_unit_test(test_req_drops_what_is_no_reply),
      cmocka_unit_test(test_req_discards_no_half_message),
      cmocka_unit_test(test_req_takes_any_reply_when_the_asked_is_gone),
      cmocka_unit_test(test_req_reads_the_reply_of_a_peer_that_left),
      cmocka_unit_test(test_req_waits_for_a_lost_connection),
      cmocka_unit_test(test_req_correlates),
      cmocka_unit_test(test_req_relaxed_goes_to_the_next),
      cmocka_unit_test(test_req_keeps_parts_without_memory),
      cmocka_unit_test(test_req_asks_again_inside_the_callback),
      cmocka_unit_test(test_rep_keeps_the_envelope),
      cmocka_unit_test(test_rep_drops_requests_without_delimiter),
      cmocka_unit_test(test_rep_drops_a_reply_to_nobody),
      cmocka_unit_test(test_rep_answers_a_request_of_a_peer_that_left),
      cmocka_unit_test(test_rep_keeps_parts_without_memory),
      cmocka_unit_test(test_rep_carries_a_long_envelope),
      cmocka_unit_test(test_rep_refuses_a_second_peer_with_the_id),
      cmocka_unit_test(test_router_addresses_peers),
      cmocka_unit_test(test_router_mandatory),
      cmocka_unit_test(test_router_keeps_the_id_over_reconnections),
      cmocka_unit_test(test_router_refuses_a_second_peer_with_the_id),
      cmocka_unit_test(test_router_hands_an_id_over),
      cmocka_unit_test(test_router_names_the_peer_of_a_connect),
      cmocka_unit_test(test_router_generates_only_free_ids),
      cmocka_unit_test(test_router_notifies),
      cmocka_unit_test(test_router_probes),
      cmocka_unit_test(test_router_closes_inside_the_callback),
      cmocka_unit_test(test_stream_tells_of_connections),
      cmocka_unit_test(test_stream_sends),
      cmocka_unit_test(test_stream_connects),
      cmocka_unit_test(test_stream_bounds_unread_notices),
      cmocka_unit_test(test_raw_router),
      cmocka_unit_test(test_every_allocation_may_fail),
  };

  zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc, free);
  zuv__random_replace(only_a);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
