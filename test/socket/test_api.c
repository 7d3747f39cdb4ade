/* The calls of zuv.h: misuse, requests, room, back-pressure, life cycle. */
#include "support/harness.h"

/* ---- Misuse ---- */

static void ignore_message(zuv_socket_t *s, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)s;
  (void)parts;
  (void)count;
  (void)peer;
}

static void ignore_socket(zuv_socket_t *s) {
  (void)s;
}

static void ignore_event(zuv_socket_t *s, const zuv_event_t *event) {
  (void)s;
  (void)event;
}

static void unknown_types_are_refused(void **state) {
  harness_t *h = *state;
  zuv_socket_t s;

  assert_int_equal(zuv_socket_init(NULL, &h->loop, &s, -1), UV_EINVAL);
  assert_int_equal(zuv_socket_init(NULL, &h->loop, &s, 12), UV_EINVAL);
  assert_int_equal(zuv_socket_init(NULL, NULL, &s, ZUV_PAIR), UV_EINVAL);
}

static void a_call_needs_its_arguments(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PAIR);
  zuv_send_t request;
  zuv_msg_t part;

  zuv_msg_init(&part);
  assert_int_equal(zuv_try_send(&s->zuv, NULL, 1), UV_EINVAL);
  assert_int_equal(zuv_try_send(&s->zuv, &part, 0), UV_EINVAL);
  assert_int_equal(zuv_send(&request, &s->zuv, &part, 0, NULL), UV_EINVAL);
  assert_int_equal(zuv_recv_start(&s->zuv, NULL), UV_EINVAL);
  assert_int_equal(zuv_writable_start(&s->zuv, NULL), UV_EINVAL);
  assert_int_equal(zuv_event_start(&s->zuv, NULL), UV_EINVAL);
}

static void a_type_has_its_directions(void **state) {
  harness_t *h = *state;
  zuv_send_t request;

  /* behaviour 13 */
  for (int type = ZUV_PAIR; type <= ZUV_STREAM; type++) {
    harness_socket_t *s = harness_deaf_socket(h, type);
    bool sends = type != ZUV_SUB && type != ZUV_PULL;
    bool receives = type != ZUV_PUB && type != ZUV_PUSH;

    assert_int_equal(zuv_recv_start(&s->zuv, ignore_message),
                     receives ? 0 : UV_ENOTSUP);
    assert_int_equal(zuv_writable_start(&s->zuv, ignore_socket),
                     sends ? 0 : UV_ENOTSUP);
    if (sends)
      continue;
    assert_int_equal(harness_try_send(s, "x"), UV_ENOTSUP);
    assert_int_equal(harness_request(&request, s, "x", NULL), UV_ENOTSUP);
  }
}

static void assert_refuses(zuv_socket_t *s) {
  zuv_send_t request;
  zuv_msg_t part;

  zuv_msg_init(&part);
  assert_true(zuv_is_closing(s));
  assert_int_equal(zuv_bind(s, "inproc://x"), UV_EINVAL);
  assert_int_equal(zuv_unbind(s, "inproc://x"), UV_EINVAL);
  assert_int_equal(zuv_connect(s, "inproc://x"), UV_EINVAL);
  assert_int_equal(zuv_disconnect(s, "inproc://x"), UV_EINVAL);
  assert_int_equal(zuv_try_send(s, &part, 1), UV_EINVAL);
  assert_int_equal(zuv_send(&request, s, &part, 1, NULL), UV_EINVAL);
  assert_int_equal(zuv_recv_start(s, ignore_message), UV_EINVAL);
  assert_int_equal(zuv_recv_stop(s), UV_EINVAL);
  assert_int_equal(zuv_writable_start(s, ignore_socket), UV_EINVAL);
  assert_int_equal(zuv_writable_stop(s), UV_EINVAL);
  assert_int_equal(zuv_event_start(s, ignore_event), UV_EINVAL);
  assert_int_equal(zuv_event_stop(s), UV_EINVAL);
  assert_int_equal(zuv_set_int(s, ZUV_SNDHWM, 1), UV_EINVAL);
}

static void a_closing_socket_refuses_all(void **state) {
  harness_t *h = *state;
  harness_socket_t *s = harness_socket(h, ZUV_PAIR);

  assert_false(zuv_is_closing(&s->zuv));
  harness_close_begin(s);
  assert_refuses(&s->zuv);
  harness_wait(h, s->closed);
  assert_refuses(&s->zuv);
}

static void a_name_for_every_code(void **state) {
  (void)state;
  assert_int_equal(zuv_version(), ZUV_VERSION_HEX);
  for (int code = -5000; code <= 0; code++) {
    assert_non_null(zuv_err_name(code));
    assert_non_null(zuv_strerror(code));
  }
  assert_string_equal(zuv_err_name(UV_EAGAIN), "UV_EAGAIN");
  for (int type = 0; type < 20; type++)
    assert_non_null(zuv_event_name((zuv_event_type)type));
  assert_string_equal(zuv_event_name(ZUV_EVENT_LISTENING), "listening");
}

/* ---- Requests ---- */

enum { REQUESTS = 12 };

static zuv_send_t requests[REQUESTS];
static int statuses[REQUESTS]; /* in the order of completion */
static size_t order[REQUESTS];
static size_t completed;

static void on_sent(zuv_send_t *request, int status) {
  assert_true(completed < REQUESTS);
  order[completed] = (size_t)(request - requests);
  statuses[completed++] = status;
}

static void request_all(harness_socket_t *s) {
  char text[HARNESS_TEXT_MAX];

  completed = 0;
  for (size_t i = 0; i < REQUESTS; i++) {
    snprintf(text, sizeof(text), "%zu|part", i);
    assert_int_equal(harness_request(&requests[i], s, text, on_sent), 0);
    /* never from inside the call */
    assert_int_equal(completed, 0);
  }
}

static void assert_completed(size_t count, int status) {
  assert_int_equal(completed, count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(order[i], i);
    assert_int_equal(statuses[i], status);
  }
}

static void requests_wait_for_a_peer_in_order(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  request_all(push);
  assert_int_equal(harness_try_send(push, "overtaking"), UV_EAGAIN);
  assert_int_equal(harness_get(push, ZUV_EVENTS), 0);
  harness_join(pull, push, NULL);
  harness_wait(h, completed == REQUESTS);
  assert_completed(REQUESTS, 0);
  harness_expect(pull, 0, "0|part");
  harness_expect(pull, REQUESTS - 1, "11|part");
  harness_send(push, "after");
  harness_expect(pull, REQUESTS, "after");
}

static void requests_wait_for_room_in_order(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  harness_set(push, ZUV_SNDHWM, 2);
  harness_set(pull, ZUV_RCVHWM, 2);
  harness_join(pull, push, NULL);
  request_all(push);
  harness_receive(pull);
  harness_wait(h, completed == REQUESTS && pull->received == REQUESTS);
  assert_completed(REQUESTS, 0);
  assert_string_equal(pull->messages[REQUESTS - 1].text, "11|part");
}

static void waiting_requests_are_cancelled_by_a_close(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  request_all(push);
  harness_close_begin(push);
  assert_int_equal(completed, 0);
  harness_wait(h, push->closed);
  assert_completed(REQUESTS, UV_ECANCELED);
}

static void queued_requests_are_cancelled_by_a_close(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(push, ZUV_LINGER, 0);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  request_all(push);
  harness_close(push);
  assert_int_equal(completed, REQUESTS);
  if (!harness_is_inproc())
    assert_completed(REQUESTS, UV_ECANCELED);
}

static void requests_of_a_lingering_socket_complete(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  request_all(push);
  harness_close_begin(push);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_wait(h, push->closed && pull->received == REQUESTS);
  assert_completed(REQUESTS, 0);
}

static void a_request_tells_at_once_what_cannot_be(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_socket(h, ZUV_REP);
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);

  completed = 0;
  assert_int_equal(harness_request(&requests[0], rep, "x", on_sent), UV_EPROTO);
  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  assert_int_equal(harness_request(&requests[0], router, "x|y", on_sent),
                   UV_EHOSTUNREACH);
  harness_settle(h);
  assert_int_equal(completed, 0);
}

static void a_request_may_do_without_a_callback(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  assert_int_equal(harness_request(&requests[0], push, "quiet", NULL), 0);
  harness_join(pull, push, NULL);
  harness_expect(pull, 0, "quiet");
}

static void send_again(zuv_send_t *request, int status) {
  harness_socket_t *s = (harness_socket_t *)request->socket;

  assert_int_equal(status, 0);
  if (++completed < 50)
    assert_int_equal(harness_request(request, s, "chain", send_again), 0);
}

static void a_request_may_be_used_again_in_its_callback(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  completed = 0;
  harness_join(pull, push, NULL);
  assert_int_equal(harness_request(&requests[0], push, "chain", send_again), 0);
  harness_wait(h, pull->received == 50);
  assert_int_equal(completed, 50);
}

static void requests_fail_with_the_peer_that_had_them(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  zuv_msg_t part;

  if (harness_is_inproc())
    skip();
  completed = 0;
  harness_set(pull, ZUV_RCVHWM, 1);
  harness_join(push, pull, NULL);
  for (size_t i = 0; i < REQUESTS; i++) {
    assert_int_equal(zuv_msg_init_size(&part, 5000000), 0);
    memset(zuv_msg_data(&part), 'x', 5000000);
    assert_int_equal(zuv_send(&requests[i], &push->zuv, &part, 1, on_sent), 0);
  }
  harness_close(pull);
  harness_wait(h, completed == REQUESTS);
  assert_int_equal(statuses[REQUESTS - 1], UV_ECONNRESET);
}

/* ---- Room ---- */

static size_t calls;
static size_t stop_after;

static void on_writable(zuv_socket_t *s) {
  if (++calls == stop_after)
    assert_int_equal(zuv_writable_stop(s), 0);
}

static void writable_is_told_while_there_is_room(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  calls = 0;
  stop_after = 5;
  assert_int_equal(zuv_writable_start(&push->zuv, on_writable), 0);
  assert_int_equal(calls, 0);
  harness_settle(h);
  assert_int_equal(calls, 0);
  harness_join(pull, push, NULL);
  harness_wait(h, calls == 5);
  harness_settle(h);
  assert_int_equal(calls, 5);
}

static void writable_is_told_once_an_iteration(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);

  calls = 0;
  stop_after = 0;
  assert_int_equal(zuv_writable_start(&pub->zuv, on_writable), 0);
  for (size_t i = 0; i < 20; i++) {
    uv_run(&h->loop, UV_RUN_NOWAIT);
    assert_true(calls <= i + 1);
  }
  assert_true(calls >= 19);
  assert_int_equal(zuv_writable_stop(&pub->zuv), 0);
  calls = 0;
  uv_run(&h->loop, UV_RUN_NOWAIT);
  assert_int_equal(calls, 0);
}

static void fill_it(zuv_socket_t *s) {
  calls += harness_fill((harness_socket_t *)s, "", 1000);
  if (calls >= 3000)
    assert_int_equal(zuv_writable_stop(s), 0);
}

static void writable_drives_a_stream_of_messages(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  calls = 0;
  harness_set(push, ZUV_SNDHWM, 10);
  harness_set(pull, ZUV_RCVHWM, 10);
  harness_join(pull, push, NULL);
  assert_int_equal(zuv_writable_start(&push->zuv, fill_it), 0);
  harness_wait(h, calls >= 3000);
  harness_wait(h, pull->received == calls);
}

/* ---- Receiving ---- */

static size_t taken;

static void take_three(zuv_socket_t *s, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)parts;
  (void)count;
  (void)peer;
  if (++taken % 3 == 0)
    assert_int_equal(zuv_recv_stop(s), 0);
}

static void delivery_stops_at_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  taken = 0;
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 9), 9);
  for (size_t round = 1; round <= 3; round++) {
    assert_int_equal(zuv_recv_start(&pull->zuv, take_three), 0);
    assert_int_equal(taken, 3 * (round - 1));
    harness_wait(h, taken == 3 * round);
    harness_settle(h);
    assert_int_equal(taken, 3 * round);
  }
}

static void starting_again_replaces_the_callback(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  taken = 0;
  harness_join(pull, push, NULL);
  assert_int_equal(zuv_recv_start(&pull->zuv, take_three), 0);
  harness_receive(pull);
  harness_send(push, "x");
  harness_expect(pull, 0, "x");
  assert_int_equal(taken, 0);
}

static void a_stopped_receiver_holds_up_the_sender(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  size_t sent = 0;

  harness_set(push, ZUV_SNDHWM, 4);
  harness_set(pull, ZUV_RCVHWM, 4);
  harness_join(pull, push, NULL);
  harness_send(push, "first");
  harness_expect(pull, 0, "first");
  harness_stop_receiving(pull);
  for (int quiet = 0; quiet < 3; quiet++) {
    while (harness_try_send_size(push, 200000, 'x') == 0) {
      sent++;
      quiet = 0;
      uv_run(&h->loop, UV_RUN_NOWAIT);
      assert_true(sent < 2000);
    }
    harness_settle(h);
  }
  assert_int_equal(pull->received, 1);
  harness_receive(pull);
  harness_wait(h, pull->received == sent + 1);
}

/* ---- Peers ---- */

static void a_message_tells_of_its_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  const harness_message_t *message;
  char endpoint[HARNESS_TEXT_MAX];

  harness_set_text(dealer, ZUV_ROUTING_ID, "peter");
  harness_set_text(router, ZUV_ROUTING_ID, "the router");
  harness_join(router, dealer, endpoint);
  harness_send(dealer, "x");
  harness_wait(h, router->received == 1);
  harness_send(router, "peter|y");
  harness_wait(h, dealer->received == 1);
  message = &router->messages[0];
  assert_int_equal(message->peer_type, ZUV_DEALER);
  assert_string_equal(message->peer_routing_id, "peter");
  assert_string_equal(message->peer_endpoint, endpoint);
  assert_string_equal(message->peer_mechanism,
                      harness_is_inproc() ? "" : "NULL");
  if (harness_is_tcp())
    assert_string_equal(message->peer_address, "127.0.0.1");
  if (harness_is_inproc())
    assert_string_equal(message->peer_address, "");
  message = &dealer->messages[0];
  assert_int_equal(message->peer_type, ZUV_ROUTER);
  assert_string_equal(message->peer_routing_id, "the router");
  assert_string_equal(message->peer_endpoint, endpoint);
}

static bool properties_seen;

static void look_at_properties(zuv_socket_t *s, zuv_msg_t *parts, size_t count,
                               zuv_peer_t *peer) {
  size_t size = 0;
  const char *value;

  (void)s;
  (void)parts;
  (void)count;
  assert_null(zuv_peer_user_id(peer));
  assert_null(zuv_peer_property(peer, "X-none", &size));
  value = zuv_peer_property(peer, "socket-TYPE", &size);
  if (harness_is_inproc()) {
    assert_null(value);
  } else {
    assert_int_equal(size, 4);
    assert_memory_equal(value, "PUSH", 4);
  }
  value = zuv_peer_property(peer, "x-FOO", &size);
  if (harness_is_inproc()) {
    assert_null(value);
  } else {
    assert_int_equal(size, 3);
    assert_memory_equal(value, "bar", 3);
  }
  properties_seen = true;
}

static void a_peer_has_the_properties_of_its_handshake(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  /* Behaviours 175, 176. */
  harness_set_text(push, ZUV_METADATA, "X-foo:bar");
  properties_seen = false;
  assert_int_equal(zuv_recv_start(&pull->zuv, look_at_properties), 0);
  harness_join(pull, push, NULL);
  harness_send(push, "x");
  harness_wait(h, properties_seen);
}

/* ---- Life cycle ---- */

static void close_on_message(zuv_socket_t *s, zuv_msg_t *parts, size_t count,
                             zuv_peer_t *peer) {
  zuv_msg_t part;

  (void)count;
  (void)peer;
  harness_close_begin((harness_socket_t *)s);
  /* still valid until this returns */
  zuv_msg_init(&part);
  assert_int_equal(zuv_msg_move(&part, &parts[0]), 0);
  assert_true(zuv_msg_size(&part) > 0);
  zuv_msg_close(&part);
}

static void close_on_event(zuv_socket_t *s, const zuv_event_t *event) {
  (void)event;
  if (!((harness_socket_t *)s)->closing)
    harness_close_begin((harness_socket_t *)s);
}

static void close_on_sent(zuv_send_t *request, int status) {
  harness_socket_t *s = (harness_socket_t *)request->socket;

  (void)status;
  if (!s->closing)
    harness_close_begin(s);
}

static void close_on_writable(zuv_socket_t *s) {
  harness_close_begin((harness_socket_t *)s);
}

static int events_at_the_last;

static void look_for_more(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                          zuv_peer_t *peer) {
  harness_socket_t *s = (harness_socket_t *)socket;

  (void)parts;
  (void)count;
  (void)peer;
  s->received++;
  events_at_the_last = harness_get(s, ZUV_EVENTS);
}

static void the_last_message_leaves_nothing_to_read(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  size_t before;

  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 3), 3);
  harness_wait(h, harness_get(pull, ZUV_EVENTS) == ZUV_POLLIN);
  harness_settle(h);
  before = pull->received;
  assert_int_equal(zuv_recv_start(&pull->zuv, look_for_more), 0);
  harness_wait(h, pull->received == before + 3);
  assert_int_equal(events_at_the_last, 0);
  pull->received = before;
}

static size_t events_told;

static void count_event(zuv_socket_t *s, const zuv_event_t *event) {
  (void)s;
  (void)event;
  events_told++;
}

static void events_from_before_are_not_told(void **state) {
  harness_t *h = *state;
  harness_socket_t *s = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  events_told = 0;
  harness_bind(s, endpoint);
  assert_int_equal(zuv_event_stop(&s->zuv), 0);
  assert_int_equal(zuv_event_start(&s->zuv, count_event), 0);
  harness_settle(h);
  assert_int_equal(events_told, 0);
}

static void every_callback_may_close(void **state) {
  harness_t *h = *state;
  harness_socket_t *s[4];
  harness_socket_t *peer[4];
  zuv_send_t sends[2];
  char endpoint[HARNESS_TEXT_MAX];

  for (size_t i = 0; i < 4; i++) {
    s[i] = harness_deaf_socket(h, ZUV_PAIR);
    peer[i] = harness_socket(h, ZUV_PAIR);
    harness_join(s[i], peer[i], NULL);
  }
  assert_int_equal(zuv_recv_start(&s[0]->zuv, close_on_message), 0);
  harness_fill(peer[0], "message ", 10);
  assert_int_equal(harness_request(&sends[0], s[1], "one", close_on_sent), 0);
  assert_int_equal(harness_request(&sends[1], s[1], "two", close_on_sent), 0);
  assert_int_equal(zuv_writable_start(&s[2]->zuv, close_on_writable), 0);
  assert_int_equal(zuv_event_start(&s[3]->zuv, close_on_event), 0);
  harness_bind(s[3], endpoint);
  if (harness_is_inproc())
    harness_close_begin(s[3]);
  for (size_t i = 0; i < 4; i++)
    harness_wait(h, s[i]->closed);
  harness_expect(peer[1], 1, "two");
}

/* Runs the loop without blocking until nothing keeps it alive. */
static bool ends(harness_t *h) {
  uint64_t begin = harness_now_ms();

  while (harness_now_ms() - begin < 5000) {
    if (uv_run(&h->loop, UV_RUN_NOWAIT) == 0)
      return true;
  }
  return false;
}

static void a_socket_with_an_endpoint_keeps_the_loop_alive(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  assert_true(zuv_has_ref(&pull->zuv));
  assert_true(ends(h));
  harness_join(pull, push, NULL);
  harness_settle(h);
  assert_true(uv_loop_alive(&h->loop));
  zuv_unref(&pull->zuv);
  assert_false(zuv_has_ref(&pull->zuv));
  zuv_unref(&push->zuv);
  assert_true(ends(h));
  zuv_ref(&push->zuv);
  assert_true(uv_loop_alive(&h->loop));
  zuv_unref(&push->zuv);
  zuv_unref(&push->zuv);
  assert_true(ends(h));
  /* closing needs the loop, whatever was unreferenced */
  harness_close_begin(pull);
  harness_close_begin(push);
  assert_true(uv_loop_alive(&h->loop));
  assert_true(ends(h));
  assert_true(pull->closed && push->closed);
}

static void closing_all_closes_all(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *lingering = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  harness_join(pull, push, NULL);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(lingering, endpoint);
  harness_send(lingering, "never");
  harness_close_begin(lingering);
  zuv_close_all(&h->loop);
  harness_wait(h, lingering->closed);
  /* The others have no callback that would tell. */
  assert_true(ends(h));
  assert_null(pull->zuv.zuv__impl);
  assert_null(push->zuv.zuv__impl);
  pull->closed = push->closed = true;
}

static void closing_all_of_an_empty_loop_is_nothing(void **state) {
  harness_t *h = *state;

  zuv_close_all(&h->loop);
  assert_true(ends(h));
}

static void close_if_open(uv_handle_t *handle, void *except) {
  if (handle != except && !uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void closing_the_loops_handles_is_survived(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  zuv_socket_t more;

  harness_join(pull, push, NULL);
  harness_fill(push, "", 10);
  uv_walk(&h->loop, close_if_open, &h->deadline);
  assert_int_equal(zuv_socket_init(NULL, &h->loop, &more, ZUV_PAIR),
                   UV_ECANCELED);
  harness_settle(h);
  assert_int_equal(harness_try_send(push, "x"), UV_ECANCELED);
  harness_close(pull);
  harness_close(push);
}

static void close_may_be_told_to_nobody(void **state) {
  harness_t *h = *state;
  harness_socket_t *s = harness_socket(h, ZUV_PAIR);
  char endpoint[HARNESS_TEXT_MAX];

  harness_bind(s, endpoint);
  zuv_close(&s->zuv, NULL);
  zuv_close(&s->zuv, NULL);
  assert_true(ends(h));
  zuv_close(&s->zuv, NULL);
  assert_true(zuv_is_closing(&s->zuv));
  s->closed = true;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(unknown_types_are_refused),
      harness_test(a_call_needs_its_arguments),
      harness_test(a_type_has_its_directions),
      harness_test(a_closing_socket_refuses_all),
      harness_test(a_name_for_every_code),
      harness_test(requests_wait_for_a_peer_in_order),
      harness_test(requests_wait_for_room_in_order),
      harness_test(waiting_requests_are_cancelled_by_a_close),
      harness_test(queued_requests_are_cancelled_by_a_close),
      harness_test(requests_of_a_lingering_socket_complete),
      harness_test(a_request_tells_at_once_what_cannot_be),
      harness_test(a_request_may_do_without_a_callback),
      harness_test(a_request_may_be_used_again_in_its_callback),
      harness_test(requests_fail_with_the_peer_that_had_them),
      harness_test(writable_is_told_while_there_is_room),
      harness_test(writable_is_told_once_an_iteration),
      harness_test(writable_drives_a_stream_of_messages),
      harness_test(delivery_stops_at_once),
      harness_test(starting_again_replaces_the_callback),
      harness_test(a_stopped_receiver_holds_up_the_sender),
      harness_test(a_message_tells_of_its_peer),
      harness_test(a_peer_has_the_properties_of_its_handshake),
      harness_test(the_last_message_leaves_nothing_to_read),
      harness_test(events_from_before_are_not_told),
      harness_test(every_callback_may_close),
      harness_test(a_socket_with_an_endpoint_keeps_the_loop_alive),
      harness_test(closing_all_closes_all),
      harness_test(closing_all_of_an_empty_loop_is_nothing),
      harness_test(closing_the_loops_handles_is_survived),
      harness_test(close_may_be_told_to_nobody),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
