/* tcp connects by way of a SOCKS5 proxy that the test plays itself. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/harness.h"
#include "support/raw_tcp.h"

/* Octets with their number. */
#define BYTES(text) (text), sizeof(text) - 1

#define TARGET "tcp://target.test:7777"
#define ASKED "\5\1\0\3\xbtarget.test\x1e\x61"
#define GRANTED "\5\0\0\1\1\2\3\4\5\6"

enum { INTERVAL = 10 };

typedef struct {
  harness_t *h;
  raw_listener_t listener;
  size_t seen; /* of its connections */
} proxy_t;

static void proxy_open(harness_t *h, proxy_t *proxy) {
  memset(proxy, 0, sizeof(*proxy));
  proxy->h = h;
  raw_tcp_listen(h, &proxy->listener);
}

static void proxy_close(proxy_t *proxy) {
  raw_tcp_listener_close(&proxy->listener);
}

static raw_tcp_t *proxy_next(proxy_t *proxy) {
  harness_wait(proxy->h, proxy->listener.accepted > proxy->seen);
  return proxy->listener.peers[proxy->seen++];
}

/* A socket that goes through the proxy, wherever it connects to. */
static harness_socket_t *client_of(proxy_t *proxy, int type) {
  harness_socket_t *s = harness_socket(proxy->h, type);

  harness_set(s, ZUV_RECONNECT_IVL, INTERVAL);
  harness_set_text(s, ZUV_SOCKS_PROXY,
                   proxy->listener.endpoint + strlen("tcp://"));
  return s;
}

/* Waits for these octets, and for nothing else. */
static void expect(raw_tcp_t *raw, const char *bytes, size_t size) {
  harness_wait(raw->harness, raw->size >= size);
  assert_memory_equal(raw->bytes, bytes, size);
  raw->size -= size;
  memmove(raw->bytes, raw->bytes + size, raw->size);
}

/* One negotiation without a password, up to the answer. */
static raw_tcp_t *negotiate(proxy_t *proxy) {
  raw_tcp_t *raw = proxy_next(proxy);

  expect(raw, BYTES("\5\1\0"));
  raw_tcp_send(raw, BYTES("\5\0"));
  expect(raw, BYTES(ASKED));
  return raw;
}

static void hand_over(raw_tcp_t *from, raw_tcp_t *to) {
  if (from->size == 0)
    return;
  raw_tcp_send(to, from->bytes, from->size);
  from->size = 0;
}

/* What a proxy does between its two connections. */
static bool relay(raw_tcp_t *one, raw_tcp_t *other) {
  hand_over(one, other);
  hand_over(other, one);
  return true;
}

static void expect_event(const harness_socket_t *s, size_t index,
                         zuv_event_type type, int status,
                         const proxy_t *proxy) {
  const harness_event_t *event = &s->events[index];

  assert_true(s->happened > index);
  assert_string_equal(zuv_event_name(event->type), zuv_event_name(type));
  assert_int_equal(event->status, status);
  assert_string_equal(event->endpoint, TARGET);
  assert_string_equal(event->remote, proxy->listener.endpoint);
}

static void messages_pass(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push;
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t outward;
  raw_tcp_t *inward;
  proxy_t proxy;

  proxy_open(h, &proxy);
  harness_bind(pull, endpoint);
  push = client_of(&proxy, ZUV_PUSH);
  harness_connect(push, TARGET);
  harness_send(push, "hello");
  inward = negotiate(&proxy);
  assert_int_equal(harness_events(push, ZUV_EVENT_CONNECTED), 0);
  raw_tcp_connect(h, &outward, endpoint);
  raw_tcp_send(inward, BYTES(GRANTED));
  harness_wait(h, relay(inward, &outward) && pull->received > 0);
  harness_expect(pull, 0, "hello");
  harness_wait(h, relay(inward, &outward) && push->happened >= 3);
  expect_event(push, 0, ZUV_EVENT_CONNECT_DELAYED, 0, &proxy);
  expect_event(push, 1, ZUV_EVENT_CONNECTED, 0, &proxy);
  expect_event(push, 2, ZUV_EVENT_READY, 0, &proxy);
  assert_int_equal(harness_event(pull, ZUV_EVENT_READY, 0)->connecting, 0);

  /* when the connection is lost, the next one takes the same way */
  raw_tcp_close(inward);
  raw_tcp_close(&outward);
  inward = negotiate(&proxy);
  harness_wait(h, push->happened >= 6);
  expect_event(push, 3, ZUV_EVENT_DISCONNECTED, UV_EOF, &proxy);
  expect_event(push, 4, ZUV_EVENT_CONNECT_RETRIED, UV_EOF, &proxy);
  expect_event(push, 5, ZUV_EVENT_CONNECT_DELAYED, 0, &proxy);
  harness_send(push, "again");
  raw_tcp_connect(h, &outward, endpoint);
  raw_tcp_send(inward, BYTES(GRANTED));
  harness_wait(h, relay(inward, &outward) && pull->received > 1);
  harness_expect(pull, 1, "again");
  assert_int_equal(zuv_disconnect(&push->zuv, TARGET), 0);
  raw_tcp_close(&outward);
  proxy_close(&proxy);
}

/* A failed handshake tells of the proxy, too. */
static void a_failed_handshake_names_the_proxy(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_connect(push, TARGET);
  raw = negotiate(&proxy);
  raw_tcp_send(raw, BYTES(GRANTED));
  harness_wait_event(push, ZUV_EVENT_CONNECTED, 1);
  raw_tcp_close(raw);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 1);
  expect_event(push, 2, ZUV_EVENT_HANDSHAKE_FAILED, UV_EOF, &proxy);
  expect_event(push, 3, ZUV_EVENT_DISCONNECTED, UV_EOF, &proxy);
  expect_event(push, 4, ZUV_EVENT_CONNECT_RETRIED, UV_EOF, &proxy);
  proxy_close(&proxy);
}

/* They are of the target, and not of the negotiation. */
static void octets_behind_the_answer_are_not_lost(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  stream = client_of(&proxy, ZUV_STREAM);
  harness_connect(stream, TARGET);
  raw = negotiate(&proxy);
  raw_tcp_send(raw, BYTES(GRANTED "hello"));
  harness_wait(h, stream->received >= 2);
  assert_string_equal(harness_part(stream, 0, 1), "");
  assert_string_equal(harness_part(stream, 1, 1), "hello");
  assert_string_equal(stream->messages[1].peer_endpoint, TARGET);
  proxy_close(&proxy);
}

static void send_octet_by_octet(raw_tcp_t *raw, const char *bytes,
                                size_t size) {
  for (size_t i = 0; i < size; i++) {
    raw_tcp_send(raw, bytes + i, 1);
    for (int turns = 0; turns < 3; turns++)
      uv_run(&raw->harness->loop, UV_RUN_NOWAIT);
  }
}

static void answers_may_come_in_single_octets(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  stream = client_of(&proxy, ZUV_STREAM);
  harness_set_text(stream, ZUV_SOCKS_USERNAME, "user");
  harness_set_text(stream, ZUV_SOCKS_PASSWORD, "secret");
  harness_connect(stream, TARGET);
  raw = proxy_next(&proxy);
  expect(raw, BYTES("\5\1\2"));
  send_octet_by_octet(raw, BYTES("\5\2"));
  expect(raw, BYTES("\1\4user\6secret"));
  send_octet_by_octet(raw, BYTES("\1\0"));
  expect(raw, BYTES(ASKED));
  send_octet_by_octet(raw, BYTES("\5\0\0\3\4host\1\2!"));
  harness_wait(h, stream->received >= 2);
  assert_string_equal(harness_part(stream, 1, 1), "!");
  proxy_close(&proxy);
}

static void the_longest_name_and_password(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  char text[256] = {0};
  char expected[513] = "\1\xff";
  raw_tcp_t *raw;
  proxy_t proxy;

  memset(text, 'x', 255);
  memset(expected + 2, 'x', 255);
  expected[257] = '\xff';
  memset(expected + 258, 'x', 255);
  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  /* the smallest that the kernel has */
  harness_set(push, ZUV_SNDBUF, 0);
  harness_set_text(push, ZUV_SOCKS_USERNAME, text);
  harness_set_text(push, ZUV_SOCKS_PASSWORD, text);
  harness_connect(push, TARGET);
  /* an endpoint keeps what was set before it */
  harness_set_text(push, ZUV_SOCKS_PASSWORD, "other");
  for (int i = 0; i < 2; i++) {
    raw = proxy_next(&proxy);
    expect(raw, BYTES("\5\1\2"));
    raw_tcp_send(raw, BYTES("\5\2"));
    expect(raw, expected, sizeof(expected));
    raw_tcp_close(raw);
  }
  proxy_close(&proxy);
}

/* ---- Failures ---- */

/* The proxy's answers to what it is sent, then the end; and why the attempt has
 * failed. */
typedef struct {
  const char *answers[3];
  size_t sizes[3];
  int status;
} failure_t;

#define FAILURE1(status, a)                                                    \
  { {a}, {sizeof(a) - 1}, status }
#define FAILURE2(status, a, b)                                                 \
  { {a, b}, {sizeof(a) - 1, sizeof(b) - 1}, status }
#define FAILURE3(status, a, b, c)                                              \
  { {a, b, c}, {sizeof(a) - 1, sizeof(b) - 1, sizeof(c) - 1}, status }

static const failure_t failures[] = {
    {{NULL}, {0}, UV_EOF},
    FAILURE1(UV_EOF, "\5"),
    FAILURE1(UV_EPROTO, "\4\x5a"),
    FAILURE1(UV_EPROTO, "HTTP/1.1 400 Bad Request\r\n\r\n"),
    FAILURE1(UV_EACCES, "\5\xff"),
    FAILURE1(UV_EACCES, "\5\0"),
    FAILURE2(UV_EOF, "\5\2", ""),
    FAILURE2(UV_EOF, "\5\2", "\1"),
    FAILURE2(UV_EPROTO, "\5\2", "\5\0"),
    FAILURE2(UV_EACCES, "\5\2", "\1\1"),
    FAILURE3(UV_EOF, "\5\2", "\1\0", ""),
    FAILURE3(UV_EOF, "\5\2", "\1\0", "\5"),
    FAILURE3(UV_EOF, "\5\2", "\1\0", "\5\0\0\1"),
    FAILURE3(UV_EOF, "\5\2", "\1\0", "\5\0\0\1\1\2\3\4\5"),
    FAILURE3(UV_EOF, "\5\2", "\1\0", "\5\0\0\3\xff" GRANTED),
    FAILURE3(UV_EPROTO, "\5\2", "\1\0", "\4\0\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EPROTO, "\5\2", "\1\0", "\5\0\1\1\1\2\3\4\5\6"),
    FAILURE3(UV_EPROTO, "\5\2", "\1\0", "\5\0\0\2\1\2\3\4\5\6"),
    FAILURE3(UV_EPROTO, "\5\2", "\1\0", "\5\x9\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EIO, "\5\2", "\1\0", "\5\1\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EACCES, "\5\2", "\1\0", "\5\2\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_ENETUNREACH, "\5\2", "\1\0", "\5\3\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EHOSTUNREACH, "\5\2", "\1\0", "\5\4\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_ECONNREFUSED, "\5\2", "\1\0", "\5\5\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EHOSTUNREACH, "\5\2", "\1\0", "\5\6\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_ENOTSUP, "\5\2", "\1\0", "\5\7\0\1\1\2\3\4\5\6"),
    FAILURE3(UV_EAFNOSUPPORT, "\5\2", "\1\0", "\5\x8\0\1\1\2\3\4\5\6"),
};

static void play(raw_tcp_t *raw, const failure_t *failure) {
  static const char *const requests[] = {"\5\1\2", "\1\4user\2pw", ASKED};
  static const size_t sizes[] = {3, 9, sizeof(ASKED) - 1};

  for (size_t i = 0; i < 3; i++) {
    expect(raw, requests[i], sizes[i]);
    if (failure->answers[i] == NULL)
      break;
    raw_tcp_send(raw, failure->answers[i], failure->sizes[i]);
    if (i < 2 && failure->answers[i + 1] == NULL)
      break;
  }
  if (failure->status != UV_EOF)
    harness_wait(raw->harness, raw->ended);
  raw_tcp_close(raw);
}

static void failures_are_told_and_tried_again(void **state) {
  enum { COUNT = sizeof(failures) / sizeof(failures[0]) };
  harness_t *h = *state;
  harness_socket_t *stream;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  stream = client_of(&proxy, ZUV_STREAM);
  harness_set_text(stream, ZUV_SOCKS_USERNAME, "user");
  harness_set_text(stream, ZUV_SOCKS_PASSWORD, "pw");
  harness_connect(stream, TARGET);
  for (size_t i = 0; i < COUNT; i++) {
    play(proxy_next(&proxy), &failures[i]);
    harness_wait(h, stream->happened >= 3 * i + 3);
    expect_event(stream, 3 * i, ZUV_EVENT_CONNECT_DELAYED, 0, &proxy);
    expect_event(stream, 3 * i + 1, ZUV_EVENT_CLOSED, failures[i].status,
                 &proxy);
    expect_event(stream, 3 * i + 2, ZUV_EVENT_CONNECT_RETRIED,
                 failures[i].status, &proxy);
    assert_in_range(stream->events[3 * i + 2].delay_ms, INTERVAL,
                    2 * INTERVAL - 1);
  }
  /* and none of them is for ever */
  raw = proxy_next(&proxy);
  expect(raw, BYTES("\5\1\2"));
  raw_tcp_send(raw, BYTES("\5\2"));
  expect(raw, BYTES("\1\4user\2pw"));
  raw_tcp_send(raw, BYTES("\1\0"));
  expect(raw, BYTES(ASKED));
  raw_tcp_send(raw, BYTES(GRANTED "at last"));
  harness_wait(h, stream->received >= 2);
  assert_string_equal(harness_part(stream, 1, 1), "at last");
  proxy_close(&proxy);
}

static void a_failing_proxy_doubles_the_delay(void **state) {
  static const uint64_t expected[] = {10, 20, 40, 50, 50, 10};
  harness_socket_t *push;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(*state, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, 50);
  harness_connect(push, TARGET);
  for (size_t i = 0; i < 6; i++) {
    raw = negotiate(&proxy);
    /* once it is through, the delay begins anew */
    if (i == 5) {
      raw_tcp_send(raw, BYTES(GRANTED));
      harness_wait_event(push, ZUV_EVENT_CONNECTED, 1);
    }
    raw_tcp_close(raw);
    harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, i + 1);
    assert_int_equal(
        harness_event(push, ZUV_EVENT_CONNECT_RETRIED, i)->delay_ms,
        expected[i]);
  }
  proxy_close(&proxy);
}

static void a_dead_proxy_is_tried_again(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, endpoint);
  harness_set(push, ZUV_RECONNECT_IVL, INTERVAL);
  harness_set_text(push, ZUV_SOCKS_PROXY, endpoint + strlen("tcp://"));
  harness_connect(push, TARGET);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 3);
  assert_int_equal(harness_event(push, ZUV_EVENT_CLOSED, 2)->status,
                   UV_ECONNREFUSED);
  assert_string_equal(harness_event(push, ZUV_EVENT_CLOSED, 2)->remote,
                      endpoint);
}

/* Of the target, that is, or of the proxy. */
static void a_refused_connection_may_stop_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_RECONNECT_STOP, ZUV_RECONNECT_STOP_CONN_REFUSED);
  harness_connect(push, TARGET);
  raw_tcp_send(negotiate(&proxy), BYTES("\5\4\0\1\1\2\3\4\5\6"));
  raw_tcp_send(negotiate(&proxy), BYTES("\5\5\0\1\1\2\3\4\5\6"));
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(harness_events(push, ZUV_EVENT_CONNECT_RETRIED), 1);
  assert_int_equal(zuv_disconnect(&push->zuv, TARGET), UV_ENOENT);
  assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
  proxy_close(&proxy);
}

static void without_a_delay_nothing_is_tried_again(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_RECONNECT_IVL, -1);
  harness_connect(push, TARGET);
  raw_tcp_close(negotiate(&proxy));
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(zuv_disconnect(&push->zuv, TARGET), 0);
  proxy_close(&proxy);
}

/* ---- Time ---- */

/* A proxy that says nothing, or nothing more. */
static void check_stall(harness_t *h, int connect_timeout, int handshake_ivl,
                        uint64_t limit, bool answers_first) {
  harness_socket_t *push;
  uint64_t before;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_CONNECT_TIMEOUT, connect_timeout);
  harness_set(push, ZUV_HANDSHAKE_IVL, handshake_ivl);
  before = harness_now_ms();
  harness_connect(push, TARGET);
  if (answers_first)
    negotiate(&proxy);
  harness_wait_event(push, ZUV_EVENT_CLOSED, 1);
  assert_true(harness_now_ms() - before + 2 >= limit);
  assert_int_equal(harness_event(push, ZUV_EVENT_CLOSED, 0)->status,
                   UV_ETIMEDOUT);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 1);
  harness_close(push);
  proxy_close(&proxy);
}

static void a_stalling_proxy_is_left(void **state) {
  check_stall(*state, 100, 30000, 100, false);
  check_stall(*state, 100, 30000, 100, true);
  check_stall(*state, 0, 100, 100, false);
  check_stall(*state, 0, 100, 100, true);
  check_stall(*state, 30000, 100, 100, true);
  check_stall(*state, 150, 0, 150, true);
}

static void without_a_limit_it_is_waited_for(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_HANDSHAKE_IVL, 0);
  harness_connect(push, TARGET);
  negotiate(&proxy);
  harness_settle(h);
  assert_int_equal(harness_events(push, ZUV_EVENT_CLOSED), 0);
  proxy_close(&proxy);
}

/* The handshake has its own. */
static void the_handshake_is_not_limited_by_the_connect(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_CONNECT_TIMEOUT, 5000);
  harness_set(push, ZUV_HANDSHAKE_IVL, 100);
  harness_connect(push, TARGET);
  raw_tcp_send(negotiate(&proxy), BYTES(GRANTED));
  harness_wait_event(push, ZUV_EVENT_DISCONNECTED, 1);
  assert_int_equal(harness_event(push, ZUV_EVENT_DISCONNECTED, 0)->status,
                   UV_ETIMEDOUT);
  proxy_close(&proxy);
}

/* ---- Leaving ---- */

static void it_can_be_left_at_any_point(void **state) {
  harness_t *h = *state;
  proxy_t proxy;

  proxy_open(h, &proxy);
  /* the last ones leave connections behind that nobody takes */
  for (int point = 7; point >= 0; point--) {
    harness_socket_t *push = client_of(&proxy, ZUV_PUSH);
    raw_tcp_t *raw = NULL;

    harness_connect(push, TARGET);
    if (point >= 2) {
      raw = proxy_next(&proxy);
      expect(raw, BYTES("\5\1\0"));
    }
    if (point >= 4) {
      raw_tcp_send(raw, BYTES("\5\0"));
      expect(raw, BYTES(ASKED));
    }
    if (point >= 6)
      raw_tcp_send(raw, BYTES("\5\0\0"));
    if (point % 2 == 0) {
      assert_int_equal(zuv_disconnect(&push->zuv, TARGET), 0);
      assert_int_equal(harness_try_send(push, "no"), UV_EAGAIN);
    } else {
      harness_close(push);
    }
    harness_wait(h, raw == NULL || raw->ended);
  }
  proxy_close(&proxy);
}

static void what_lingers_goes_through_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push;
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t outward;
  raw_tcp_t *inward;
  proxy_t proxy;

  proxy_open(h, &proxy);
  harness_bind(pull, endpoint);
  push = client_of(&proxy, ZUV_PUSH);
  harness_set(push, ZUV_LINGER, -1);
  harness_connect(push, TARGET);
  harness_send(push, "last words");
  raw_tcp_close(negotiate(&proxy));
  inward = negotiate(&proxy);
  harness_close_begin(push);
  harness_settle(h);
  assert_false(push->closed);
  raw_tcp_connect(h, &outward, endpoint);
  raw_tcp_send(inward, BYTES(GRANTED));
  harness_wait(h, relay(inward, &outward) && pull->received > 0);
  harness_expect(pull, 0, "last words");
  harness_wait(h, push->closed);
  raw_tcp_close(&outward);
  proxy_close(&proxy);
}

/* ---- Which way ---- */

static void a_malformed_proxy_is_an_error(void **state) {
  static const char *const texts[] = {"127.0.0.1", "127.0.0.1:0", "a b:1",
                                      "tcp://127.0.0.1:1080", ":1080"};
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    harness_set_text(push, ZUV_SOCKS_PROXY, texts[i]);
    assert_int_equal(zuv_connect(&push->zuv, TARGET), UV_EINVAL);
    assert_int_equal(zuv_disconnect(&push->zuv, TARGET), UV_ENOENT);
  }
  assert_int_equal(zuv_set_option(&push->zuv, ZUV_SOCKS_PROXY, NULL, 0), 0);
  assert_int_equal(zuv_connect(&push->zuv, TARGET), 0);
}

static void a_proxy_may_come_with_its_nul(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *other = harness_socket(h, ZUV_PUSH);
  char text[HARNESS_TEXT_MAX];
  size_t size = sizeof(text);

  harness_set_text(push, ZUV_SOCKS_PROXY, "127.0.0.1:1");
  assert_int_equal(zuv_get_option(&push->zuv, ZUV_SOCKS_PROXY, text, &size), 0);
  assert_int_equal(size, sizeof("127.0.0.1:1"));
  assert_int_equal(zuv_set_option(&other->zuv, ZUV_SOCKS_PROXY, text, size), 0);
  assert_int_equal(zuv_connect(&other->zuv, TARGET), 0);
  assert_int_equal(zuv_set_option(&other->zuv, ZUV_SOCKS_PROXY, "", 1), 0);
  assert_int_equal(zuv_connect(&other->zuv, "tcp://127.0.0.1:2"), UV_EINVAL);
}

static void other_transports_know_no_proxy(void **state) {
  static const harness_transport_t transports[] = {HARNESS_IPC, HARNESS_INPROC};
  harness_t *h = *state;

  for (size_t i = 0; i < 2; i++) {
    harness_socket_t *pull = harness_socket(h, ZUV_PULL);
    harness_socket_t *push = harness_socket(h, ZUV_PUSH);

    harness_transport = transports[i];
    harness_set_text(pull, ZUV_SOCKS_PROXY, "127.0.0.1:1");
    harness_set_text(push, ZUV_SOCKS_PROXY, "nonsense");
    harness_join(pull, push, NULL);
    harness_send(push, "directly");
    harness_expect(pull, 0, "directly");
  }
  harness_transport = HARNESS_TCP;
}

static void binding_knows_no_proxy(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set_text(pull, ZUV_SOCKS_PROXY, "nonsense");
  harness_join(pull, push, NULL);
}

/* libzmq sends it to the proxy as if it were of the target's name. */
static void the_source_is_that_of_the_way_to_the_proxy(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  struct sockaddr_in address;
  int size = sizeof(address);
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  harness_connect(push, "tcp://127.0.0.2:0;target.test:7777");
  raw = negotiate(&proxy);
  assert_int_equal(
      uv_tcp_getpeername(&raw->tcp, (struct sockaddr *)&address, &size), 0);
  assert_int_equal(ntohl(address.sin_addr.s_addr), INADDR_LOOPBACK + 1);
  proxy_close(&proxy);
}

static void addresses_are_sent_as_such(void **state) {
  harness_t *h = *state;
  harness_socket_t *push;
  raw_tcp_t *raw;
  proxy_t proxy;

  proxy_open(h, &proxy);
  push = client_of(&proxy, ZUV_PUSH);
  /* whatever ZUV_IPV6 is: it is the proxy that connects to it */
  harness_connect(push, "tcp://[fe80::1%lo]:258");
  raw = proxy_next(&proxy);
  expect(raw, BYTES("\5\1\0"));
  raw_tcp_send(raw, BYTES("\5\0"));
  expect(raw, BYTES("\5\1\0\4\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\2"));
  harness_connect(push, "tcp://1.2.3.4:258");
  raw = proxy_next(&proxy);
  expect(raw, BYTES("\5\1\0"));
  raw_tcp_send(raw, BYTES("\5\0"));
  expect(raw, BYTES("\5\1\0\1\1\2\3\4\1\2"));
  proxy_close(&proxy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      harness_test(messages_pass),
      harness_test(a_failed_handshake_names_the_proxy),
      harness_test(octets_behind_the_answer_are_not_lost),
      harness_test(answers_may_come_in_single_octets),
      harness_test(the_longest_name_and_password),
      harness_test(failures_are_told_and_tried_again),
      harness_test(a_failing_proxy_doubles_the_delay),
      harness_test(a_dead_proxy_is_tried_again),
      harness_test(a_refused_connection_may_stop_it),
      harness_test(without_a_delay_nothing_is_tried_again),
      harness_test(a_stalling_proxy_is_left),
      harness_test(without_a_limit_it_is_waited_for),
      harness_test(the_handshake_is_not_limited_by_the_connect),
      harness_test(it_can_be_left_at_any_point),
      harness_test(what_lingers_goes_through_it),
      harness_test(a_malformed_proxy_is_an_error),
      harness_test(a_proxy_may_come_with_its_nul),
      harness_test(other_transports_know_no_proxy),
      harness_test(binding_knows_no_proxy),
      harness_test(the_source_is_that_of_the_way_to_the_proxy),
      harness_test(addresses_are_sent_as_such),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
