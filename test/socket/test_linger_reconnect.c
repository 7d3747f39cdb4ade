/* What becomes of messages when a socket closes or disconnects, and how a lost
 * connection is tried again. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/raw_tcp.h"

enum { SOON_MS = 2000 /* much less than any wait that would be a bug */ };

/* A PUSH with three messages for a peer that is not there. */
static harness_socket_t *waiting_push(harness_t *h, int linger,
                                      char *endpoint) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  /* behaviour 113: the value at the time of the close counts */
  harness_set(push, ZUV_LINGER, linger);
  assert_int_equal(harness_fill(push, "", 3), 3);
  return push;
}

static uint64_t time_of_close(harness_socket_t *s) {
  uint64_t begin = harness_now_ms();

  harness_close(s);
  return harness_now_ms() - begin;
}

static void linger_zero_closes_at_once(void **state) {
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviours 110 and 111 */
  assert_true(time_of_close(waiting_push(*state, 0, endpoint)) < SOON_MS);
}

static void linger_waits_its_time(void **state) {
  char endpoint[HARNESS_TEXT_MAX];
  uint64_t took;

  if (harness_is_inproc())
    skip();
  /* behaviour 111 */
  took = time_of_close(waiting_push(*state, 300, endpoint));
  assert_true(took >= 299);
}

static void linger_for_ever_waits_for_the_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  harness_socket_t *push = waiting_push(h, -1, endpoint);

  /* behaviours 111 and 117 */
  harness_close_begin(push);
  if (!harness_is_inproc()) {
    harness_settle(h);
    assert_false(push->closed);
  }
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_expect(pull, 2, "2");
  harness_wait(h, push->closed);
}

static void a_second_close_shortens_the_linger(void **state) {
  harness_t *h = *state;
  char endpoint[HARNESS_TEXT_MAX];
  harness_socket_t *push = waiting_push(h, -1, endpoint);

  harness_close_begin(push);
  harness_settle(h);
  if (!push->closed) {
    harness_set(push, ZUV_LINGER, 0);
    zuv_close(&push->zuv, NULL);
  }
  harness_wait(h, push->closed);
}

static void nothing_pending_closes_at_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 112 */
  harness_set(push, ZUV_LINGER, -1);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_true(time_of_close(push) < SOON_MS);
}

static void unread_messages_do_not_delay(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  /* behaviour 118 */
  harness_set(pull, ZUV_LINGER, -1);
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 5), 5);
  harness_wait(h, harness_get(pull, ZUV_EVENTS) == ZUV_POLLIN);
  assert_true(time_of_close(pull) < SOON_MS);
}

static void default_lingers(void **state) {
  harness_t *h = *state;

  /* behaviour 119 */
  for (int type = ZUV_PAIR; type <= ZUV_STREAM; type++) {
    harness_socket_t *s = harness_socket(h, type);
    assert_int_equal(harness_get(s, ZUV_LINGER),
                     type == ZUV_SUB || type == ZUV_XSUB ? 0 : -1);
  }
}

static void all_is_delivered_before_a_close_ends(void **state) {
  enum { COUNT = 200 };
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_join(pull, push, NULL);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(push, 50000, 'x'), 0);
  harness_close_begin(push);
  harness_wait(h, pull->received == COUNT);
  harness_wait(h, push->closed);
}

static void linger_zero_gives_up_a_long_queue(void **state) {
  enum { COUNT = 20 };
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  if (harness_is_inproc())
    skip();
  /* behaviour 116 */
  harness_set(pull, ZUV_RCVHWM, 1);
  harness_join(pull, push, NULL);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(push, 5000000, 'x'), 0);
  harness_set(push, ZUV_LINGER, 0);
  assert_true(time_of_close(push) < SOON_MS);
  harness_receive(pull);
  harness_wait_lost(pull, 1);
  assert_true(pull->received < COUNT);
}

static void inproc_keeps_what_a_closed_sender_sent(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *late = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (!harness_is_inproc())
    skip();
  /* behaviour 117 */
  harness_set(push, ZUV_LINGER, 0);
  harness_join(pull, push, NULL);
  assert_int_equal(harness_fill(push, "", 3), 3);
  harness_close(push);
  harness_receive(pull);
  harness_expect(pull, 2, "2");
  push = waiting_push(h, 0, endpoint);
  harness_close(push);
  assert_int_equal(zuv_bind(&late->zuv, endpoint), 0);
  harness_expect(late, 2, "2");
}

static void disconnect_lingers_too(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  harness_socket_t *push = waiting_push(h, -1, endpoint);

  /* behaviour 114 */
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_expect(pull, 2, "2");
}

static void disconnect_without_linger_drops(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  harness_socket_t *push = waiting_push(h, 0, endpoint);

  if (harness_is_inproc())
    skip();
  /* behaviour 114 */
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_connect(push, endpoint);
  harness_send(push, "only this");
  harness_expect(pull, 0, "only this");
}

static void disconnect_discards_the_unread(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 115 */
  harness_bind(push, endpoint);
  harness_connect(pull, endpoint);
  harness_wait_ready(push, 1);
  assert_int_equal(harness_fill(push, "", 4), 4);
  harness_wait(h, harness_get(pull, ZUV_EVENTS) == ZUV_POLLIN);
  assert_int_equal(zuv_disconnect(&pull->zuv, endpoint), 0);
  assert_int_equal(harness_get(pull, ZUV_EVENTS), 0);
  harness_receive(pull);
  harness_wait_lost(push, 1);
  assert_int_equal(pull->received, 0);
}

static void unbind_keeps_the_unread(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviours 115 and 133 */
  harness_bind(pull, endpoint);
  harness_connect(push, endpoint);
  harness_wait_ready(push, 1);
  harness_send(push, "before");
  harness_wait(h, harness_get(pull, ZUV_EVENTS) == ZUV_POLLIN);
  assert_int_equal(zuv_unbind(&pull->zuv, endpoint), 0);
  harness_wait_lost(push, 1);
  harness_receive(pull);
  harness_expect(pull, 0, "before");
}

/* A PUSH whose peer reads no more, in the middle of a large message. */
static harness_socket_t *stuck_push(harness_t *h, harness_socket_t *pull,
                                    int immediate) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set(push, ZUV_LINGER, -1);
  harness_set(push, ZUV_IMMEDIATE, immediate);
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(pull, ZUV_RCVHWM, 1);
  harness_join(pull, push, NULL);
  harness_send(push, "first");
  harness_wait(h, harness_get(pull, ZUV_EVENTS) == ZUV_POLLIN);
  assert_int_equal(harness_try_send_size(push, 20000000, 'x'), 0);
  return push;
}

static void what_is_lost_with_the_peer_is_not_waited_for(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push;

  if (harness_is_inproc())
    skip();
  push = stuck_push(h, pull, 0);
  harness_close_begin(push);
  harness_settle(h);
  assert_false(push->closed);
  harness_close(pull);
  harness_wait(h, push->closed);
}

static void an_immediate_socket_lingers_for_its_peer_only(void **state) {
  harness_t *h = *state;
  harness_socket_t *other = harness_socket(h, ZUV_PULL);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *push;

  if (harness_is_inproc())
    skip();
  push = stuck_push(h, pull, 1);
  harness_send(push, "queued");
  harness_close_begin(push);
  harness_settle(h);
  assert_false(push->closed);
  harness_close(pull);
  harness_wait(h, push->closed);
  /* nothing of it tries to connect again, while the loop goes on */
  harness_settle(h);
  assert_false(other->closed);
}

static void a_handshake_under_way_does_not_delay(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char endpoint[HARNESS_TEXT_MAX];
  const char *path = endpoint + strlen("ipc://");
  int silent;

  /* only there a connect takes no time */
  if (harness_transport != HARNESS_IPC)
    skip();
  harness_fresh_endpoint(h, endpoint);
  assert_true(strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path));
  silent = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(silent, (struct sockaddr *)&address, sizeof(address)),
                   0);
  assert_int_equal(listen(silent, 1), 0);
  harness_set(push, ZUV_LINGER, -1);
  harness_connect(push, endpoint);
  assert_true(time_of_close(push) < SOON_MS);
  close(silent);
}

static size_t requests_flushed;

static void on_flushed(zuv_send_t *request, int status) {
  (void)request;
  assert_int_equal(status, 0);
  requests_flushed++;
}

/* Else two peers that each wait for the other to read would wait for ever. */
static void a_lingering_socket_reads_on(void **state) {
  harness_t *h = *state;
  harness_socket_t *leaving = harness_deaf_socket(h, ZUV_DEALER);
  harness_socket_t *staying = harness_deaf_socket(h, ZUV_DEALER);
  zuv_send_t request;
  zuv_msg_t part;

  if (harness_is_inproc())
    skip();
  requests_flushed = 0;
  harness_set(leaving, ZUV_RCVHWM, 1);
  harness_set(staying, ZUV_RCVHWM, 1);
  harness_join(staying, leaving, NULL);
  harness_send_waiting(staying, "first");
  harness_send(leaving, "first");
  harness_wait(h, harness_get(staying, ZUV_EVENTS) & ZUV_POLLIN);
  harness_wait(h, harness_get(leaving, ZUV_EVENTS) & ZUV_POLLIN);
  assert_int_equal(harness_try_send_size(leaving, 20000000, 'x'), 0);
  assert_int_equal(zuv_msg_init_size(&part, 20000000), 0);
  memset(zuv_msg_data(&part), 'x', 20000000);
  assert_int_equal(zuv_send(&request, &staying->zuv, &part, 1, on_flushed), 0);
  harness_settle(h);
  assert_int_equal(requests_flushed, 0);
  harness_set(leaving, ZUV_LINGER, -1);
  harness_close_begin(leaving);
  harness_wait(h, requests_flushed == 1);
  assert_false(leaving->closed);
  harness_receive(staying);
  harness_wait(h, leaving->closed);
  harness_wait(h, staying->received == 2);
}

static void requests_may_linger(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_socket(h, ZUV_REP);
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(req, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(req, endpoint);
  harness_send(req, "last wish");
  harness_close_begin(req);
  assert_int_equal(zuv_bind(&rep->zuv, endpoint), 0);
  harness_expect(rep, 0, "last wish");
  harness_wait(h, req->closed);
}

/* ---- Trying again ---- */

static harness_socket_t *retrying(harness_t *h, int interval, int most) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(push, ZUV_RECONNECT_IVL, interval);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, most);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  return push;
}

static uint64_t delay_of(harness_socket_t *s, size_t index) {
  harness_wait_event(s, ZUV_EVENT_CONNECT_RETRIED, index + 1);
  return harness_event(s, ZUV_EVENT_CONNECT_RETRIED, index)->delay_ms;
}

static void the_delay_varies_at_random(void **state) {
  harness_socket_t *s;

  if (harness_is_inproc())
    skip();
  /* behaviour 179 */
  s = retrying(*state, 100, 0);
  for (size_t i = 0; i < 3; i++)
    assert_true(delay_of(s, i) >= 100 && delay_of(s, i) <= 199);
  for (size_t i = 0; i < 2; i++) {
    uint64_t from = harness_event(s, ZUV_EVENT_CONNECT_RETRIED, i)->time_ms;
    uint64_t to = harness_event(s, ZUV_EVENT_CONNECT_RETRIED, i + 1)->time_ms;
    assert_true(to - from + 2 >= delay_of(s, i));
  }
}

static void the_delay_doubles_up_to_a_limit(void **state) {
  static const uint64_t expected[] = {10, 20, 40, 80, 100, 100};
  harness_socket_t *s;

  if (harness_is_inproc())
    skip();
  /* behaviour 179 */
  s = retrying(*state, 10, 100);
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(delay_of(s, i), expected[i]);
}

static void a_limit_below_the_delay_wins(void **state) {
  harness_socket_t *s;

  if (harness_is_inproc())
    skip();
  /* behaviour 179 */
  s = retrying(*state, 100, 10);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(delay_of(s, i), 10);
}

static void without_a_delay_nothing_is_tried_again(void **state) {
  static const int intervals[] = {-1, 0};
  harness_t *h = *state;

  if (harness_is_inproc())
    skip();
  /* behaviour 180 */
  for (size_t i = 0; i < 2; i++) {
    harness_socket_t *push = harness_socket(h, ZUV_PUSH);
    harness_socket_t *pull = harness_socket(h, ZUV_PULL);
    harness_socket_t *never = retrying(h, intervals[i], 0);
    char endpoint[HARNESS_TEXT_MAX];

    harness_wait_event(never, ZUV_EVENT_STOPPED, 1);
    assert_int_equal(harness_events(never, ZUV_EVENT_CONNECT_RETRIED), 0);
    harness_last_endpoint(never, endpoint);
    assert_int_equal(zuv_disconnect(&never->zuv, endpoint), 0);

    harness_set(push, ZUV_RECONNECT_IVL, intervals[i]);
    harness_join(pull, push, endpoint);
    harness_close(pull);
    harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
    assert_int_equal(zuv_disconnect(&push->zuv, endpoint), UV_ENOENT);
    assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  }
}

static void what_will_never_be_sent_is_not_waited_for(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  harness_set(push, ZUV_LINGER, -1);
  harness_set(push, ZUV_RECONNECT_IVL, -1);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(harness_fill(push, "", 3), 3);
  assert_true(time_of_close(push) < SOON_MS);
}

static void a_refused_connection_may_stop_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (!harness_is_tcp())
    skip();
  harness_set(push, ZUV_RECONNECT_STOP, ZUV_RECONNECT_STOP_CONN_REFUSED);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(harness_event(push, ZUV_EVENT_STOPPED, 0)->status,
                   UV_ECONNREFUSED);
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), UV_ENOENT);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
}

static void an_immediate_socket_loses_its_queue_with_the_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 181 */
  harness_set(push, ZUV_IMMEDIATE, 1);
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(first, ZUV_RCVHWM, 1);
  harness_join(first, push, endpoint);
  for (int i = 0; i < 30; i++)
    assert_int_equal(harness_try_send_size(push, 500000, 'x'), 0);
  harness_close(first);
  harness_wait_lost(push, 1);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_send_waiting(push, "new");
  harness_expect(second, 0, "new");
}

static void the_queue_survives_a_lost_peer(void **state) {
  enum { COUNT = 30 };
  harness_t *h = *state;
  harness_socket_t *first = harness_deaf_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 181: what was handed to the kernel is lost, the rest is not */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(first, ZUV_RCVHWM, 1);
  harness_join(first, push, endpoint);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(push, 5000000, 'x'), 0);
  harness_wait(h, harness_get(first, ZUV_EVENTS) == ZUV_POLLIN);
  harness_close(first);
  harness_wait_lost(push, 1);
  harness_send(push, "end");
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_wait(
      h, second->received > 0 &&
             strcmp(second->messages[second->received - 1].text, "end") == 0);
  assert_true(second->received > COUNT / 2);
  assert_true(second->received <= COUNT + 1);
}

static void a_failed_handshake_starts_the_delay_anew(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  raw_listener_t listener;

  if (!harness_is_tcp())
    skip();
  /* behaviour 182 */
  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, 1000);
  raw_tcp_listen(h, &listener);
  harness_connect(push, listener.endpoint);
  for (size_t i = 0; i < 4; i++) {
    harness_wait(h, listener.accepted == i + 1);
    raw_tcp_close(listener.peers[i]);
    assert_int_equal(delay_of(push, i), 10);
  }
  raw_tcp_listener_close(&listener);
}

/* A listener whose queue is full answers no further attempt. */
static void connect_timeout_ends_an_attempt(void **state) {
  enum { FILLERS = 8 };
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int fillers[FILLERS];
  const harness_event_t *delayed;
  const harness_event_t *closed;

  if (!harness_is_tcp()) {
    close(listener);
    skip();
  }
  /* behaviour 183 */
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 0), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size),
                   0);
  for (int i = 0; i < FILLERS; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fillers[i], (struct sockaddr *)&address, size);
  }
  harness_set(push, ZUV_CONNECT_TIMEOUT, 150);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
  harness_connect(push, endpoint);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 1);
  delayed = harness_event(push, ZUV_EVENT_CONNECT_DELAYED, 0);
  closed = harness_event(push, ZUV_EVENT_CLOSED, 0);
  assert_non_null(delayed);
  assert_non_null(closed);
  assert_int_equal(closed->status, UV_ETIMEDOUT);
  assert_true(closed->time_ms - delayed->time_ms + 2 >= 150);
  for (int i = 0; i < FILLERS; i++)
    close(fillers[i]);
  close(listener);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(linger_zero_closes_at_once),
      harness_test(linger_waits_its_time),
      harness_test(linger_for_ever_waits_for_the_peer),
      harness_test(a_second_close_shortens_the_linger),
      harness_test(nothing_pending_closes_at_once),
      harness_test(unread_messages_do_not_delay),
      harness_test(default_lingers),
      harness_test(all_is_delivered_before_a_close_ends),
      harness_test(linger_zero_gives_up_a_long_queue),
      harness_test(inproc_keeps_what_a_closed_sender_sent),
      harness_test(disconnect_lingers_too),
      harness_test(disconnect_without_linger_drops),
      harness_test(disconnect_discards_the_unread),
      harness_test(unbind_keeps_the_unread),
      harness_test(what_is_lost_with_the_peer_is_not_waited_for),
      harness_test(an_immediate_socket_lingers_for_its_peer_only),
      harness_test(a_handshake_under_way_does_not_delay),
      harness_test(a_lingering_socket_reads_on),
      harness_test(requests_may_linger),
      harness_test(the_delay_varies_at_random),
      harness_test(the_delay_doubles_up_to_a_limit),
      harness_test(a_limit_below_the_delay_wins),
      harness_test(without_a_delay_nothing_is_tried_again),
      harness_test(what_will_never_be_sent_is_not_waited_for),
      harness_test(a_refused_connection_may_stop_it),
      harness_test(an_immediate_socket_loses_its_queue_with_the_peer),
      harness_test(the_queue_survives_a_lost_peer),
      harness_test(a_failed_handshake_starts_the_delay_anew),
      harness_test(connect_timeout_ends_an_attempt),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
