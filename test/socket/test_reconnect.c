/* When a connection is tried again, and when not any more: the random part of
 * the delay, ZUV_RECONNECT_STOP, and peers that are none. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/raw_tcp.h"

/* ---- The delay ---- */

/* A socket that tries where nobody is. */
static harness_socket_t *retrying(harness_t *h, int interval, int most,
                                  int jitter) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(push, ZUV_RECONNECT_IVL, interval);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, most);
  harness_set(push, ZUV_RECONNECT_JITTER, jitter);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  return push;
}

static uint64_t delay_of(harness_socket_t *s, size_t index) {
  harness_wait_event(s, ZUV_EVENT_CONNECT_RETRIED, index + 1);
  return harness_event(s, ZUV_EVENT_CONNECT_RETRIED, index)->delay_ms;
}

static void jitter_shortens_each_delay(void **state) {
  enum { COUNT = 12 };
  harness_socket_t *s = retrying(*state, 40, 40, 50);
  bool differ = false;

  for (size_t i = 0; i < COUNT; i++) {
    assert_in_range(delay_of(s, i), 20, 40);
    differ |= delay_of(s, i) != delay_of(s, 0);
    if (i > 0)
      assert_true(
          harness_event(s, ZUV_EVENT_CONNECT_RETRIED, i)->time_ms -
              harness_event(s, ZUV_EVENT_CONNECT_RETRIED, i - 1)->time_ms + 2 >=
          delay_of(s, i - 1));
  }
  assert_true(differ);
}

static void jitter_does_not_hinder_the_doubling(void **state) {
  static const uint64_t most[] = {10, 20, 40, 80, 80, 80};
  harness_socket_t *s = retrying(*state, 10, 80, 25);

  for (size_t i = 0; i < 6; i++)
    assert_in_range(delay_of(s, i), most[i] - most[i] / 4, most[i]);
}

static void jitter_applies_to_a_spread_delay(void **state) {
  harness_socket_t *s = retrying(*state, 20, 0, 50);

  for (size_t i = 0; i < 6; i++)
    assert_in_range(delay_of(s, i), 10, 39);
}

/* Never none at all: that would be a busy loop. */
static void the_whole_delay_may_be_jitter(void **state) {
  harness_socket_t *s = retrying(*state, 2, 2, 100);

  for (size_t i = 0; i < 20; i++)
    assert_in_range(delay_of(s, i), 1, 2);
}

/* Behaviour 179. */
static void without_jitter_delays_are_exact(void **state) {
  harness_socket_t *s = retrying(*state, 7, 7, 0);

  for (size_t i = 0; i < 10; i++)
    assert_int_equal(delay_of(s, i), 7);
}

/* Behaviour 182. Where TCP connects, the doubling begins anew, even when the
 * handshake fails. */
static void a_connection_restarts_the_doubling(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  size_t refused;

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, 1000);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  while (delay_of(push, harness_events(push, ZUV_EVENT_CONNECT_RETRIED)) < 40)
    continue;
  refused = harness_events(push, ZUV_EVENT_CONNECT_RETRIED);
  assert_int_equal(listen(h->reserved[0], 8), 0);
  harness_wait_event(push, ZUV_EVENT_CONNECTED, 1);
  assert_int_equal(refused, harness_events(push, ZUV_EVENT_CONNECT_RETRIED));
  close(accept(h->reserved[0], NULL, NULL));
  assert_int_equal(delay_of(push, refused), 10);
}

/* ---- RECONNECT_STOP ---- */

static harness_socket_t *stopping(harness_t *h, int stop) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_set(push, ZUV_RECONNECT_STOP, stop);
  return push;
}

/* The endpoint stays known, and what waits has no way to go. */
static void expect_stopped(harness_socket_t *push, const char *endpoint,
                           int status) {
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(harness_event(push, ZUV_EVENT_STOPPED, 0)->status, status);
  assert_int_equal(harness_events(push, ZUV_EVENT_CONNECT_RETRIED), 0);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
}

static void an_end_in_the_handshake_may_stop_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = stopping(h, ZUV_RECONNECT_STOP_HANDSHAKE_FAILED);
  raw_listener_t listener;

  raw_tcp_listen(h, &listener);
  harness_connect(push, listener.endpoint);
  harness_send(push, "lost");
  harness_wait(h, listener.accepted == 1);
  harness_wait(h, listener.peers[0]->size > 0);
  raw_tcp_close(listener.peers[0]);
  expect_stopped(push, listener.endpoint, UV_EOF);
  raw_tcp_listener_close(&listener);
}

static void silence_in_the_handshake_may_stop_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = stopping(h, ZUV_RECONNECT_STOP_HANDSHAKE_FAILED);
  raw_listener_t listener;

  raw_tcp_listen(h, &listener);
  harness_set(push, ZUV_HANDSHAKE_IVL, 50);
  harness_connect(push, listener.endpoint);
  expect_stopped(push, listener.endpoint, UV_ETIMEDOUT);
  raw_tcp_listener_close(&listener);
}

static void after_the_handshake_it_goes_on(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = stopping(h, ZUV_RECONNECT_STOP_HANDSHAKE_FAILED);
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  harness_join(first, push, endpoint);
  harness_close(first);
  harness_wait_lost(push, 1);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_send(push, "again");
  harness_expect(second, 0, "again");
}

/* Nor does a refused connection stop it: that is another bit. */
static void each_case_has_its_own_bit(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = stopping(h, ZUV_RECONNECT_STOP_HANDSHAKE_FAILED |
                                           ZUV_RECONNECT_STOP_AFTER_DISCONNECT);
  harness_socket_t *refused = stopping(h, ZUV_RECONNECT_STOP_CONN_REFUSED);
  raw_listener_t listener;
  char endpoint[HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 3);
  raw_tcp_listen(h, &listener);
  harness_connect(refused, listener.endpoint);
  for (size_t i = 0; i < 3; i++) {
    harness_wait(h, listener.accepted > i);
    raw_tcp_close(listener.peers[i]);
  }
  harness_wait_event(refused, ZUV_EVENT_CONNECT_RETRIED, 3);
  raw_tcp_listener_close(&listener);
}

/* The file of a socket that nobody listens on any more. */
static void leave_dead_ipc(const char *endpoint) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = endpoint + strlen("ipc://");
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  assert_true(strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path));
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  close(fd);
}

static void after_a_disconnect_it_may_stop(void **state) {
  static const harness_transport_t transports[] = {HARNESS_IPC, HARNESS_TCP};
  harness_t *h = *state;

  for (size_t i = 0; i < 2; i++) {
    harness_socket_t *push = stopping(h, ZUV_RECONNECT_STOP_AFTER_DISCONNECT);
    char endpoint[HARNESS_TEXT_MAX];

    harness_transport = transports[i];
    harness_fresh_endpoint(h, endpoint);
    if (harness_transport == HARNESS_IPC)
      leave_dead_ipc(endpoint);
    harness_set(push, ZUV_LINGER, -1);
    harness_connect(push, endpoint);
    harness_send(push, "for nobody");
    harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
    assert_int_equal(harness_events(push, ZUV_EVENT_STOPPED), 0);
    assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
    harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
    assert_int_equal(harness_event(push, ZUV_EVENT_STOPPED, 0)->status,
                     UV_ECONNREFUSED);
    /* nothing is left to wait for */
    harness_close(push);
  }
  harness_transport = HARNESS_TCP;
}

static void without_the_bit_a_disconnect_lingers(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = stopping(h, 0);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  size_t before;

  harness_fresh_endpoint(h, endpoint);
  harness_set(push, ZUV_LINGER, -1);
  harness_connect(push, endpoint);
  harness_send(push, "for whoever comes");
  assert_int_equal(zuv_disconnect(&push->zuv, endpoint), 0);
  before = harness_events(push, ZUV_EVENT_CONNECT_RETRIED);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, before + 2);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_expect(pull, 0, "for whoever comes");
}

/* ---- Nobody there ---- */

/* The kernel connects a socket to itself when it leaves from where it wants to
 * go, as may happen by chance with ports that outgoing connections use. */
static void nobody_is_connected_to_himself(void **state) {
  harness_t *h = *state;
  harness_socket_t *pair = harness_socket(h, ZUV_PAIR);
  char endpoint[HARNESS_TEXT_MAX];
  char text[2 * HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, endpoint);
  snprintf(text, sizeof(text), "%s;%s", endpoint, endpoint + strlen("tcp://"));
  harness_set(pair, ZUV_RECONNECT_IVL, 10);
  harness_connect(pair, text);
  harness_wait_event(pair, ZUV_EVENT_CONNECT_RETRIED, 2);
  assert_int_equal(harness_event(pair, ZUV_EVENT_CONNECT_RETRIED, 0)->status,
                   UV_ECONNREFUSED);
  assert_int_equal(harness_events(pair, ZUV_EVENT_CLOSED),
                   harness_events(pair, ZUV_EVENT_CONNECT_RETRIED));
  assert_int_equal(harness_events(pair, ZUV_EVENT_CONNECTED), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      harness_test(jitter_shortens_each_delay),
      harness_test(jitter_does_not_hinder_the_doubling),
      harness_test(jitter_applies_to_a_spread_delay),
      harness_test(the_whole_delay_may_be_jitter),
      harness_test(without_jitter_delays_are_exact),
      harness_test(a_connection_restarts_the_doubling),
      harness_test(an_end_in_the_handshake_may_stop_it),
      harness_test(silence_in_the_handshake_may_stop_it),
      harness_test(after_the_handshake_it_goes_on),
      harness_test(each_case_has_its_own_bit),
      harness_test(after_a_disconnect_it_may_stop),
      harness_test(without_the_bit_a_disconnect_lingers),
      harness_test(nobody_is_connected_to_himself),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
