/* What zuv_event_start() tells, in which order, and with which facts. */
#include <unistd.h>

#include "support/harness.h"
#include "support/raw_tcp.h"

enum { INTERVAL_MS = 20 };

/* ---- Reading events in order ---- */

typedef struct {
  harness_socket_t *socket;
  size_t position;
} cursor_t;

static cursor_t cursor_of(harness_socket_t *socket) {
  return (cursor_t){.socket = socket};
}

/* Waits for the next event, and requires what it is. Valid until the loop runs.
 */
#define expect(cursor, type) expect_at(cursor, type, #type, __LINE__)
static const harness_event_t *expect_at(cursor_t *cursor, zuv_event_type type,
                                        const char *name, int line) {
  harness_socket_t *s = cursor->socket;
  const harness_event_t *event;

  harness_wait(s->harness, s->happened > cursor->position);
  event = &s->events[cursor->position++];
  if (event->type != type)
    fail_msg("line %d: \"%s\" of %s instead of %s", line,
             zuv_event_name(event->type), event->endpoint, name);
  return event;
}

static void expect_nothing(cursor_t *cursor) {
  harness_settle(cursor->socket->harness);
  assert_int_equal(cursor->socket->happened, cursor->position);
}

static void assert_ends(const harness_event_t *event, const char *local,
                        const char *remote) {
  assert_string_equal(event->local, local);
  assert_string_equal(event->remote, remote);
}

/* What each event of a connecting endpoint says when there is no connection. */
static void assert_attempt(const harness_event_t *event, const char *endpoint) {
  assert_string_equal(event->endpoint, endpoint);
  assert_ends(event, "", endpoint);
  assert_int_equal(event->connecting, 1);
}

static void expect_delayed(cursor_t *cursor, const char *endpoint) {
  if (harness_is_tcp())
    assert_attempt(expect(cursor, ZUV_EVENT_CONNECT_DELAYED), endpoint);
}

static const harness_event_t *expect_connected(cursor_t *cursor,
                                               const char *endpoint) {
  const harness_event_t *event;

  expect_delayed(cursor, endpoint);
  event = expect(cursor, ZUV_EVENT_CONNECTED);
  assert_string_equal(event->endpoint, endpoint);
  assert_string_equal(event->remote, endpoint);
  assert_int_equal(event->connecting, 1);
  assert_true(event->fd >= 0);
  return event;
}

static void expect_retry(cursor_t *cursor, const char *endpoint, int status) {
  const harness_event_t *event = expect(cursor, ZUV_EVENT_CONNECT_RETRIED);

  assert_attempt(event, endpoint);
  assert_int_equal(event->status, status);
  assert_in_range(event->delay_ms, INTERVAL_MS, 2 * INTERVAL_MS);
}

static harness_socket_t *connecter(harness_t *h, int type) {
  harness_socket_t *s = harness_socket(h, type);

  harness_set(s, ZUV_RECONNECT_IVL, INTERVAL_MS);
  return s;
}

/* ---- Without failures ---- */

/* Behaviours 143, 144: and both sides tell the same ends. */
static void from_listening_to_closing(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];
  harness_event_t accepted, connected, event;

  harness_bind(pull, bound);
  event = *expect(&theirs, ZUV_EVENT_LISTENING);
  assert_string_equal(event.endpoint, bound);
  assert_ends(&event, bound, "");
  assert_true(event.fd >= 0);
  assert_int_equal(event.connecting, 0);

  harness_connect(push, bound);
  connected = *expect_connected(&ours, bound);
  accepted = *expect(&theirs, ZUV_EVENT_ACCEPTED);
  assert_ends(&accepted, bound, connected.local);
  assert_int_equal(accepted.connecting, 0);
  if (harness_is_tcp())
    assert_memory_equal(connected.local, "tcp://127.0.0.1:", 16);
  else
    assert_string_equal(connected.local, "");

  event = *expect(&ours, ZUV_EVENT_READY);
  assert_int_equal(event.peer_type, ZUV_PULL);
  assert_int_equal(event.fd, connected.fd);
  assert_ends(&event, connected.local, bound);
  event = *expect(&theirs, ZUV_EVENT_READY);
  assert_int_equal(event.peer_type, ZUV_PUSH);
  assert_int_equal(event.fd, accepted.fd);
  assert_ends(&event, bound, accepted.remote);

  harness_close(push);
  event = *expect(&theirs, ZUV_EVENT_DISCONNECTED);
  assert_int_equal(event.status, UV_EOF);
  assert_int_equal(event.fd, accepted.fd);
  assert_int_equal(event.peer_type, ZUV_PUSH);
  assert_ends(&event, bound, accepted.remote);
  assert_int_equal(zuv_unbind(&pull->zuv, bound), 0);
  event = *expect(&theirs, ZUV_EVENT_CLOSED);
  assert_ends(&event, bound, "");
  assert_int_equal(event.status, 0);
  expect_nothing(&theirs);
  expect_nothing(&ours);
}

/* Behaviours 143, 147: what we end is not told of. */
static void our_own_ends_are_no_events(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];

  harness_bind(pull, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  for (int i = 0; i < 2; i++) {
    harness_connect(push, bound);
    expect_connected(&ours, bound);
    expect(&ours, ZUV_EVENT_READY);
    expect(&theirs, ZUV_EVENT_ACCEPTED);
    expect(&theirs, ZUV_EVENT_READY);
    if (i == 0) {
      assert_int_equal(zuv_disconnect(&push->zuv, bound), 0);
      expect(&theirs, ZUV_EVENT_DISCONNECTED);
      expect_nothing(&ours);
    }
  }
  assert_int_equal(zuv_unbind(&pull->zuv, bound), 0);
  expect(&theirs, ZUV_EVENT_CLOSED);
  expect(&ours, ZUV_EVENT_DISCONNECTED);
  expect_nothing(&theirs);
}

/* Behaviour 146. */
static void a_peer_that_leaves_is_called_again(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, bound);
  assert_int_equal(zuv_bind(&pull->zuv, bound), 0);
  harness_connect(push, bound);
  expect_connected(&ours, bound);
  expect(&ours, ZUV_EVENT_READY);
  harness_close(pull);
  assert_int_equal(expect(&ours, ZUV_EVENT_DISCONNECTED)->status, UV_EOF);
  expect_retry(&ours, bound, UV_EOF);
  pull = harness_socket(h, ZUV_PULL);
  assert_int_equal(zuv_bind(&pull->zuv, bound), 0);
  harness_wait_event(push, ZUV_EVENT_READY, 2);
}

/* ---- Nobody there ---- */

/* Behaviour 145. */
static void nobody_listens(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t ours = cursor_of(push);
  char endpoint[HARNESS_TEXT_MAX];
  int status = harness_is_tcp() ? UV_ECONNREFUSED : UV_ENOENT;

  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  for (int i = 0; i < 3; i++) {
    const harness_event_t *event;

    expect_delayed(&ours, endpoint);
    event = expect(&ours, ZUV_EVENT_CLOSED);
    assert_attempt(event, endpoint);
    assert_int_equal(event->status, status);
    expect_retry(&ours, endpoint, status);
  }
}

static void expect_only_retries(harness_t *h, const char *endpoint) {
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t ours = cursor_of(push);

  harness_connect(push, endpoint);
  for (int i = 0; i < 3; i++) {
    const harness_event_t *event = expect(&ours, ZUV_EVENT_CONNECT_RETRIED);

    assert_attempt(event, endpoint);
    assert_true(event->status < 0);
  }
}

/* Behaviour 145. */
static void there_is_no_address(void **state) {
  if (!harness_is_tcp())
    skip();
  /* no resolver has to be asked: the label is too long */
  expect_only_retries(
      *state,
      "tcp://a123456789b123456789c123456789d123456789e123456789f123456789"
      "g123456789:5555");
  expect_only_retries(*state, "tcp://nosuchnic:0;127.0.0.1:5555");
}

/* A call answers its error, and that is all. */
static void failed_calls_are_no_events(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_PULL);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  cursor_t events = cursor_of(second);
  char bound[HARNESS_TEXT_MAX];

  if (!harness_is_tcp())
    skip();
  harness_bind(first, bound);
  assert_int_equal(zuv_bind(&second->zuv, bound), UV_EADDRINUSE);
  assert_int_equal(zuv_connect(&second->zuv, "tcp://x"), UV_EINVAL);
  expect_nothing(&events);
}

/* ---- Handshakes that fail ---- */

static const char greeting[64] = {[0] = (char)0xff,
                                  [8] = 1,
                                  [9] = 0x7f,
                                  [10] = 3,
                                  [11] = 1,
                                  'N',
                                  'U',
                                  'L',
                                  'L'};

/* A peer of a bound PULL that says this after its greeting, and why it is out.
 */
typedef struct {
  const char *bytes;
  size_t size;
  int status;
  int reason;
  int peer_status;
} saying_t;

#define SAYS(text, ...)                                                        \
  { text, sizeof(text) - 1, __VA_ARGS__ }
#define ZMTP(reason) ZUV_PROTOCOL_ERROR_ZMTP_##reason

/* Behaviours 153, 154. */
static const saying_t sayings[] = {
    SAYS("\x04\x06\x05HELLO", UV_EPROTO, ZMTP(UNEXPECTED_COMMAND), 0),
    SAYS("\x04\x06\x05"
         "ERROR",
         UV_EPROTO, ZMTP(MALFORMED_COMMAND_ERROR), 0),
    SAYS("\x04\x0a\x05"
         "ERROR\x03"
         "400",
         UV_EACCES, 0, 400),
    SAYS("\x04\x12\x05READY\x0bSocket-Type", UV_EPROTO, ZMTP(INVALID_METADATA),
         0),
    SAYS("\x04\x19\x05READY\x0bSocket-Type\0\0\0\3PUB", UV_EPROTO,
         ZMTP(INVALID_METADATA), 0),
};

static void expect_failure(cursor_t *cursor, const char *bound,
                           const saying_t *why) {
  harness_event_t accepted = *expect(cursor, ZUV_EVENT_ACCEPTED);
  harness_event_t failed = *expect(cursor, ZUV_EVENT_HANDSHAKE_FAILED);
  harness_event_t lost = *expect(cursor, ZUV_EVENT_DISCONNECTED);

  assert_int_equal(failed.status, why->status);
  assert_int_equal(failed.reason, why->reason);
  assert_int_equal(failed.peer_status, why->peer_status);
  assert_int_equal(failed.fd, accepted.fd);
  assert_string_equal(failed.endpoint, bound);
  /* the kernel forgets who has reset */
  if (why->status != UV_ECONNRESET)
    assert_string_equal(failed.address, "127.0.0.1");
  assert_ends(&failed, bound, accepted.remote);
  assert_int_equal(lost.status, why->status);
  assert_int_equal(lost.peer_type, -2);
  assert_int_equal(lost.fd, accepted.fd);
  assert_ends(&lost, bound, accepted.remote);
}

static void what_peers_say_instead(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  cursor_t theirs = cursor_of(pull);
  char bound[HARNESS_TEXT_MAX];

  if (!harness_is_tcp())
    skip();
  harness_bind(pull, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
    raw_tcp_t raw;

    raw_tcp_connect(h, &raw, bound);
    raw_tcp_send(&raw, greeting, sizeof(greeting));
    raw_tcp_send(&raw, sayings[i].bytes, sayings[i].size);
    expect_failure(&theirs, bound, &sayings[i]);
    raw_tcp_close(&raw);
  }
  expect_nothing(&theirs);
}

/* Behaviour 152: neither side tries again. */
static void mechanisms_differ(void **state) {
  static const saying_t mismatch = {.status = UV_EPROTO,
                                    .reason = ZMTP(MECHANISM_MISMATCH)};
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];
  const harness_event_t *event;

  if (!harness_is_tcp())
    skip();
  harness_set(pull, ZUV_PLAIN_SERVER, 1);
  harness_bind(pull, bound);
  harness_connect(push, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  expect_failure(&theirs, bound, &mismatch);
  expect_connected(&ours, bound);
  event = expect(&ours, ZUV_EVENT_HANDSHAKE_FAILED);
  assert_int_equal(event->status, UV_EPROTO);
  assert_int_equal(event->reason, ZMTP(MECHANISM_MISMATCH));
  assert_string_equal(event->remote, bound);
  expect(&ours, ZUV_EVENT_DISCONNECTED);
  assert_attempt(expect(&ours, ZUV_EVENT_STOPPED), bound);
  expect_nothing(&ours);
  expect_nothing(&theirs);
}

/* Behaviour 154, over any transport. */
static void socket_types_do_not_match(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pub);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];

  harness_bind(pub, bound);
  harness_connect(push, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  expect(&theirs, ZUV_EVENT_ACCEPTED);
  expect(&theirs, ZUV_EVENT_HANDSHAKE_FAILED);
  expect(&theirs, ZUV_EVENT_DISCONNECTED);
  expect_connected(&ours, bound);
  expect(&ours, ZUV_EVENT_HANDSHAKE_FAILED);
  expect(&ours, ZUV_EVENT_DISCONNECTED);
  harness_settle(h);
  assert_int_equal(harness_events(push, ZUV_EVENT_READY), 0);
  assert_int_equal(harness_events(pub, ZUV_EVENT_READY), 0);
}

/* Behaviour 150: in the middle of its greeting. */
static void a_peer_leaves_the_handshake(void **state) {
  static const saying_t eof = {.status = UV_EOF};
  static const saying_t reset = {.status = UV_ECONNRESET};
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  cursor_t theirs = cursor_of(pull);
  char bound[HARNESS_TEXT_MAX];
  uv_shutdown_t shutdown;
  raw_tcp_t raw;

  if (!harness_is_tcp())
    skip();
  harness_bind(pull, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  raw_tcp_connect(h, &raw, bound);
  raw_tcp_send(&raw, greeting, 20);
  assert_int_equal(uv_shutdown(&shutdown, (uv_stream_t *)&raw.tcp, NULL), 0);
  expect_failure(&theirs, bound, &eof);
  raw_tcp_close(&raw);

  raw_tcp_connect(h, &raw, bound);
  raw_tcp_send(&raw, greeting, 20);
  /* nothing is to be written any more, which would find out first */
  harness_wait(h, raw.size >= sizeof(greeting));
  assert_int_equal(uv_tcp_close_reset(&raw.tcp, NULL), 0);
  expect_failure(&theirs, bound, &reset);
  free(raw.bytes);
}

/* Behaviour 151, on both sides. */
static void the_handshake_takes_too_long(void **state) {
  static const saying_t late = {.status = UV_ETIMEDOUT};
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  cursor_t ours = cursor_of(push);
  uint64_t begin = harness_now_ms();
  char bound[HARNESS_TEXT_MAX];
  raw_listener_t listener;
  raw_tcp_t raw;

  if (!harness_is_tcp())
    skip();
  harness_set(pull, ZUV_HANDSHAKE_IVL, 60);
  harness_set(push, ZUV_HANDSHAKE_IVL, 60);
  harness_bind(pull, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  raw_tcp_connect(h, &raw, bound);
  expect_failure(&theirs, bound, &late);
  assert_true(harness_now_ms() - begin >= 60);
  raw_tcp_close(&raw);

  raw_tcp_listen(h, &listener);
  harness_connect(push, listener.endpoint);
  for (int i = 0; i < 2; i++) {
    expect_connected(&ours, listener.endpoint);
    assert_int_equal(expect(&ours, ZUV_EVENT_HANDSHAKE_FAILED)->status,
                     UV_ETIMEDOUT);
    assert_int_equal(expect(&ours, ZUV_EVENT_DISCONNECTED)->status,
                     UV_ETIMEDOUT);
    expect_retry(&ours, listener.endpoint, UV_ETIMEDOUT);
  }
  harness_close(push);
  raw_tcp_listener_close(&listener);
}

/* ---- Traffic, filters ---- */

/* Behaviour 156. */
static void a_message_is_too_large(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  int64_t limit = 1000;
  char bound[HARNESS_TEXT_MAX];

  assert_int_equal(
      zuv_set_option(&pull->zuv, ZUV_MAXMSGSIZE, &limit, sizeof(limit)), 0);
  harness_bind(pull, bound);
  harness_connect(push, bound);
  assert_int_equal(harness_try_send_size(push, 1000, 'x'), 0);
  harness_wait(h, pull->received == 1);
  expect(&theirs, ZUV_EVENT_LISTENING);
  expect(&theirs, ZUV_EVENT_ACCEPTED);
  expect(&theirs, ZUV_EVENT_READY);
  assert_int_equal(harness_try_send_size(push, 1001, 'x'), 0);
  assert_true(expect(&theirs, ZUV_EVENT_DISCONNECTED)->status < 0);
}

/* Behaviour 149: and who it was. */
static void a_filter_refuses(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  cursor_t theirs = cursor_of(pull);
  cursor_t ours = cursor_of(push);
  char bound[HARNESS_TEXT_MAX];
  char address[64] = "127.0.0.1";

  if (harness_is_tcp()) {
    harness_set_text(pull, ZUV_TCP_ACCEPT_FILTER, "10.0.0.0/8");
  } else {
    harness_set(pull, ZUV_IPC_FILTER_UID, -2);
    snprintf(address, sizeof(address), "localhost:%u:%u:%d",
             (unsigned)geteuid(), (unsigned)getegid(), (int)getpid());
  }
  harness_bind(pull, bound);
  harness_connect(push, bound);
  expect(&theirs, ZUV_EVENT_LISTENING);
  for (int i = 0; i < 2; i++) {
    const harness_event_t *event = expect(&theirs, ZUV_EVENT_ACCEPT_FAILED);

    assert_int_equal(event->status, UV_EACCES);
    assert_string_equal(event->endpoint, bound);
    assert_string_equal(event->address, address);
    assert_int_equal(event->fd, -1);
    assert_int_equal(event->delay_ms, 0);
    expect_connected(&ours, bound);
    expect(&ours, ZUV_EVENT_HANDSHAKE_FAILED);
    expect(&ours, ZUV_EVENT_DISCONNECTED);
    expect(&ours, ZUV_EVENT_CONNECT_RETRIED);
  }
  /* an endpoint bound from now on has another one */
  if (harness_is_tcp())
    assert_int_equal(zuv_set_option(&pull->zuv, ZUV_TCP_ACCEPT_FILTER, NULL, 0),
                     0);
  else
    harness_set(pull, ZUV_IPC_FILTER_PID, getpid());
  harness_bind(pull, bound);
  harness_connect(push, bound);
  harness_wait_event(push, ZUV_EVENT_READY, 1);
}

/* ---- Listening itself ---- */

typedef struct {
  size_t told;
  size_t told_of_loss;
  uint64_t lost;
  char local[HARNESS_TEXT_MAX];
  char remote[HARNESS_TEXT_MAX];
} notes_t;

static notes_t notes;

static void note(zuv_socket_t *socket, const zuv_event_t *event) {
  (void)socket;
  if (event->type == ZUV_EVENT_EVENTS_DROPPED) {
    notes.lost += event->count;
    notes.told_of_loss++;
    assert_string_equal(event->endpoint, "");
    assert_string_equal(event->local, "");
    assert_string_equal(event->remote, "");
    assert_int_equal(event->fd, -1);
    return;
  }
  notes.told++;
  snprintf(notes.local, sizeof(notes.local), "%s", event->local);
  snprintf(notes.remote, sizeof(notes.remote), "%s", event->remote);
}

/* The ends of a connection that is older than the interest in it. */
static void who_listens_late_knows_the_ends(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = connecter(h, ZUV_PUSH);
  char bound[HARNESS_TEXT_MAX];

  memset(&notes, 0, sizeof(notes));
  assert_int_equal(zuv_event_stop(&pull->zuv), 0);
  harness_bind(pull, bound);
  harness_connect(push, bound);
  harness_send(push, "m");
  harness_expect(pull, 0, "m");
  assert_int_equal(zuv_event_start(&pull->zuv, note), 0);
  harness_close(push);
  harness_wait(h, notes.told == 1);
  assert_string_equal(notes.local, bound);
  if (harness_is_tcp())
    assert_memory_equal(notes.remote, "tcp://127.0.0.1:", 16);
  else
    assert_string_equal(notes.remote, "");
}

/* Events from an API call wait for the loop, which is not run here. */
static void bind_and_unbind(harness_socket_t *s, int times) {
  char bound[HARNESS_TEXT_MAX];

  for (int i = 0; i < times; i++) {
    harness_bind(s, bound);
    assert_int_equal(zuv_unbind(&s->zuv, bound), 0);
  }
}

/* Behaviour 159: the number of events that wait has an end, and is told. */
static void too_many_events_are_counted(void **state) {
  enum { TIMES = 3000 };
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  memset(&notes, 0, sizeof(notes));
  assert_int_equal(zuv_event_start(&pull->zuv, note), 0);
  bind_and_unbind(pull, TIMES);
  assert_int_equal(notes.told, 0);
  harness_wait(h, notes.lost > 0);
  assert_int_equal(notes.told + notes.lost, 2 * TIMES);
  assert_true(notes.told >= 4096);
  assert_int_equal(notes.told_of_loss, 1);
  bind_and_unbind(pull, 1);
  harness_settle(h);
  assert_int_equal(notes.told + notes.lost, 2 * TIMES + 2);
  assert_int_equal(notes.told_of_loss, 1);
}

static void who_stops_listening_is_told_of_no_loss(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  memset(&notes, 0, sizeof(notes));
  assert_int_equal(zuv_event_start(&pull->zuv, note), 0);
  bind_and_unbind(pull, 3000);
  assert_int_equal(zuv_event_stop(&pull->zuv), 0);
  bind_and_unbind(pull, 1);
  assert_int_equal(zuv_event_start(&pull->zuv, note), 0);
  harness_settle(h);
  assert_int_equal(notes.told, 0);
  assert_int_equal(notes.told_of_loss, 0);
}

static bool has_no_memory;

static void *scarce_malloc(size_t size) {
  return has_no_memory ? NULL : malloc(size);
}

static void *scarce_calloc(size_t count, size_t size) {
  return has_no_memory ? NULL : calloc(count, size);
}

static void *scarce_realloc(void *pointer, size_t size) {
  return has_no_memory ? NULL : realloc(pointer, size);
}

/* While nothing of zuv is alive. */
static int scarce_setup(void **state) {
  assert_int_equal(
      zuv_replace_allocator(scarce_malloc, scarce_realloc, scarce_calloc, free),
      0);
  return harness_setup(state);
}

static int scarce_teardown(void **state) {
  int result;

  has_no_memory = false;
  result = harness_teardown(state);
  zuv_replace_allocator(malloc, realloc, calloc, free);
  return result;
}

static void an_event_without_memory_is_counted(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char bound[HARNESS_TEXT_MAX];

  memset(&notes, 0, sizeof(notes));
  harness_bind(pull, bound);
  harness_wait_event(pull, ZUV_EVENT_LISTENING, 1);
  assert_int_equal(zuv_event_start(&pull->zuv, note), 0);
  has_no_memory = true;
  assert_int_equal(zuv_unbind(&pull->zuv, bound), 0);
  has_no_memory = false;
  harness_wait(h, notes.told_of_loss == 1);
  assert_int_equal(notes.lost, 1);
  assert_int_equal(notes.told, 0);
  bind_and_unbind(pull, 1);
  harness_wait(h, notes.told == 2);
  assert_int_equal(notes.told_of_loss, 1);
}

static void names_of_events(void **state) {
  (void)state;
  for (int type = ZUV_EVENT_LISTENING; type <= ZUV_EVENT_EVENTS_DROPPED; type++)
    assert_string_not_equal(zuv_event_name((zuv_event_type)type), "unknown");
  assert_string_equal(zuv_event_name(ZUV_EVENT_EVENTS_DROPPED),
                      "events dropped");
  assert_string_equal(zuv_event_name((zuv_event_type)99), "unknown");
}

#define scarce_test(function)                                                  \
  cmocka_unit_test_setup_teardown(function, scarce_setup, scarce_teardown)

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(from_listening_to_closing),
      harness_test(our_own_ends_are_no_events),
      harness_test(a_peer_that_leaves_is_called_again),
      harness_test(nobody_listens),
      harness_test(there_is_no_address),
      harness_test(failed_calls_are_no_events),
      harness_test(what_peers_say_instead),
      harness_test(mechanisms_differ),
      harness_test(socket_types_do_not_match),
      harness_test(a_peer_leaves_the_handshake),
      harness_test(the_handshake_takes_too_long),
      harness_test(a_message_is_too_large),
      harness_test(a_filter_refuses),
      harness_test(who_listens_late_knows_the_ends),
      harness_test(too_many_events_are_counted),
      harness_test(who_stops_listening_is_told_of_no_loss),
      scarce_test(an_event_without_memory_is_counted),
      harness_test(names_of_events),
  };

  if (!harness_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
