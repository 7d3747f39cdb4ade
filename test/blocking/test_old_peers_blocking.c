/* Peers of ZMTP 1.0 and 2.0, which only the kernel's TCP makes: every socket
 * type, both ways, connecting and connected to; identities, sizes,
 * subscriptions, what a monitor tells. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_raw.h"
#include "support/monitored.h"

enum { BODY_MAX = 300000, PACKET_MAX = BODY_MAX + 10 };

typedef enum {
  V1,           /* begins with a short frame */
  V1_LONG,      /* with a long one, which looks like a greeting */
  V1_WITH_TYPE, /* revision 0 */
  V2,
  VERSIONS
} version_t;

enum { WAYS = 2 * VERSIONS }; /* each connects, and is connected to */

typedef struct {
  version_t version;
  void *socket;
  char endpoint[BLOCKING_TEXT_MAX];
  int listener; /* or -1 */
  int fd;
} old_t;

/* ---- The peer's side of the wire ---- */

static bool has_type(version_t version) {
  return version == V1_WITH_TYPE || version == V2;
}

static size_t put_header(version_t version, bool more, size_t size,
                         uint8_t *out) {
  size_t length = version == V2 ? size : size + 1;
  bool is_long = length > (version == V2 ? 255 : 254);
  size_t used = 1;

  if (version == V2)
    out[0] = (uint8_t)(more | (is_long ? 2 : 0));
  else
    out[0] = is_long ? 0xff : (uint8_t)length;
  if (version == V2 && !is_long)
    out[used++] = (uint8_t)length;
  if (is_long)
    for (int shift = 56; shift >= 0; shift -= 8)
      out[used++] = (uint8_t)((uint64_t)length >> shift);
  if (version != V2)
    out[used++] = more;
  return used;
}

static void say_part(const old_t *old, bool more, const void *body,
                     size_t size) {
  static uint8_t packet[PACKET_MAX];
  size_t used = put_header(old->version, more, size, packet);

  memcpy(packet + used, body, size);
  blocking_raw_send(old->fd, packet, used + size);
}

static void hear_bytes(const old_t *old, const void *bytes, size_t size) {
  static uint8_t got[PACKET_MAX];

  assert_true(size <= sizeof(got));
  if (size == 0)
    return;
  assert_int_equal(recv(old->fd, got, size, MSG_WAITALL), size);
  assert_memory_equal(got, bytes, size);
}

static void hear_part(const old_t *old, bool more, const void *body,
                      size_t size) {
  static uint8_t packet[PACKET_MAX];
  size_t used = put_header(old->version, more, size, packet);

  memcpy(packet + used, body, size);
  hear_bytes(old, packet, used + size);
}

static void for_each_part(const old_t *old, const char *text,
                          void (*part)(const old_t *, bool, const void *,
                                       size_t)) {
  char bytes[BLOCKING_TEXT_MAX];
  size_t size;

  do {
    text = blocking_unescape(text, bytes, &size);
    part(old, *text == '|', bytes, size);
  } while (*text++ == '|');
}

static void say(const old_t *old, const char *text) {
  for_each_part(old, text, say_part);
}

static void hear(const old_t *old, const char *text) {
  for_each_part(old, text, hear_part);
}

/* Greeting and identity. */
static void greet(const old_t *old, int type, const char *identity) {
  static const uint8_t signature[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f};
  uint8_t bytes[12];

  memcpy(bytes, signature, sizeof(signature));
  if (old->version == V1_LONG) {
    bytes[8] = (uint8_t)(strlen(identity) + 1);
    bytes[9] = 0;
    blocking_raw_send(old->fd, bytes, 10);
    if (identity[0] != '\0')
      blocking_raw_send(old->fd, identity, strlen(identity));
    return;
  }
  bytes[10] = old->version == V2;
  bytes[11] = (uint8_t)type;
  if (has_type(old->version))
    blocking_raw_send(old->fd, bytes, 12);
  say(old, identity);
}

static void hear_greeting(const old_t *old, int type, const char *identity) {
  uint8_t bytes[12] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3};

  /* RFC 15 has no XPUB and XSUB; libzmq says their numbers all the same. */
  if (blocking_is_zuv() && (type == ZMQ_XPUB || type == ZMQ_XSUB))
    type = type == ZMQ_XPUB ? ZMQ_PUB : ZMQ_SUB;
  bytes[8] = (uint8_t)(strlen(identity) + 1);
  bytes[11] = (uint8_t)type;
  if (has_type(old->version)) {
    hear_bytes(old, bytes, 12);
    hear(old, identity);
  } else {
    hear_bytes(old, bytes, 10);
    hear_bytes(old, identity, strlen(identity));
  }
}

/* Each part is a packet of its own: the next one is not to wait. */
static void hurry(const old_t *old) {
  const int on = 1;

  assert_int_equal(
      setsockopt(old->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

static void old_join(old_t *old, blocking_t *b, void *socket, int way) {
  old->version = (version_t)(way / 2);
  old->socket = socket;
  old->listener = -1;
  if (way % 2 == 0) {
    blocking_bind(b, socket, old->endpoint);
    old->fd = blocking_raw_connect(old->endpoint);
  } else {
    old->listener = blocking_raw_listen(old->endpoint);
    blocking_connect(socket, old->endpoint);
    old->fd = blocking_raw_accept(old->listener);
  }
  hurry(old);
}

static void old_open(old_t *old, blocking_t *b, void *socket, int way, int type,
                     const char *identity) {
  old_join(old, b, socket, way);
  greet(old, type, identity);
  hear_greeting(old, blocking_get(socket, ZMQ_TYPE), "");
}

/* libzmq does what a new peer makes due inside calls on its socket. */
static void wait_heard(const old_t *old) {
  char byte;

  blocking_wait(blocking_events(old->socket) >= 0 &&
                recv(old->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
}

static void old_close(old_t *old) {
  close(old->fd);
  if (old->listener >= 0)
    close(old->listener);
}

/* ---- Every type ---- */

typedef struct {
  int own;
  int type;         /* the peer's */
  const char *says; /* each NULL: nothing */
  const char *received;
  const char *sent;
  const char *heard;
} exchange_t;

static const exchange_t exchanges[] = {
    {ZMQ_PAIR, ZMQ_PAIR, "a||b", "a||b", "c||", "c||"},
    {ZMQ_PUSH, ZMQ_PULL, NULL, NULL, "a|b", "a|b"},
    {ZMQ_PULL, ZMQ_PUSH, "a|b", "a|b", NULL, NULL},
    {ZMQ_DEALER, ZMQ_DEALER, "a|b", "a|b", "c", "c"},
    {ZMQ_DEALER, ZMQ_ROUTER, "a", "a", "c|d", "c|d"},
    {ZMQ_DEALER, ZMQ_REP, "|a", "|a", "|c", "|c"},
    {ZMQ_ROUTER, ZMQ_DEALER, "a|b", "id|a|b", "id|c|", "c|"},
    {ZMQ_ROUTER, ZMQ_REQ, "|a", "id||a", "id||c", "|c"},
    {ZMQ_ROUTER, ZMQ_ROUTER, "a", "id|a", "id|c", "c"},
    {ZMQ_REP, ZMQ_REQ, "|a|b", "a|b", "c|d", "|c|d"},
    {ZMQ_REP, ZMQ_DEALER, "hop||a", "a", "c", "hop||c"},
    {ZMQ_SUB, ZMQ_PUB, "a|b", "a|b", NULL, NULL},
    {ZMQ_XSUB, ZMQ_PUB, "a|b", "a|b", "\\x01t", "\\x01t"},
};

static void exchange_messages(blocking_t *b, const exchange_t *exchange,
                              int way) {
  void *socket = blocking_socket(b, exchange->own);
  old_t old;

  if (exchange->own == ZMQ_SUB)
    blocking_expect_ok(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "a", 1));
  old_open(&old, b, socket, way, exchange->type, "id");
  if (exchange->own == ZMQ_SUB) {
    wait_heard(&old);
    hear(&old, "\\x01a");
  }
  for (int i = 0; i < 3; i++) {
    if (exchange->says != NULL) {
      say(&old, exchange->says);
      blocking_expect(socket, exchange->received);
    }
    if (exchange->sent != NULL) {
      blocking_send(socket, exchange->sent);
      hear(&old, exchange->heard);
    }
  }
  blocking_close(b, socket);
  old_close(&old);
}

static void test_every_type(void **state) {
  for (int way = 0; way < WAYS; way++)
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
      exchange_messages(*state, &exchanges[i], way);
}

static void test_req(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_REQ);
    old_t old;

    old_open(&old, b, socket, way, ZMQ_REP, "");
    for (int i = 0; i < 3; i++) {
      blocking_send(socket, "question|more");
      hear(&old, "|question|more");
      say(&old, "|answer");
      blocking_expect(socket, "answer");
    }
    blocking_close(b, socket);
    old_close(&old);
  }
}

/* ---- Who they are ---- */

static void test_our_identity(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_DEALER);
    old_t old;

    blocking_set_text(socket, ZMQ_ROUTING_ID, "ME");
    old_join(&old, b, socket, way);
    greet(&old, ZMQ_ROUTER, "");
    hear_greeting(&old, ZMQ_DEALER, "ME");
    blocking_close(b, socket);
    old_close(&old);
  }
}

static void test_router_makes_an_identity(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *router = blocking_socket(b, ZMQ_ROUTER);
    char id[256];
    old_t old;

    old_open(&old, b, router, way, ZMQ_DEALER, "");
    say(&old, "a");
    assert_int_equal(zmq_recv(router, id, sizeof(id), 0), 5);
    blocking_expect(router, "a");
    assert_int_equal(zmq_send(router, id, 5, ZMQ_SNDMORE), 5);
    blocking_send(router, "b");
    hear(&old, "b");
    blocking_close(b, router);
    old_close(&old);
  }
}

static void test_no_properties(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_PULL);
    zmq_msg_t msg;
    old_t old;

    old_open(&old, b, socket, way, ZMQ_PUSH, "id");
    say(&old, "a");
    blocking_expect_ok(zmq_msg_init(&msg));
    assert_int_equal(zmq_msg_recv(&msg, socket, 0), 1);
    blocking_expect_errno(zmq_msg_gets(&msg, "Socket-Type"), EINVAL);
    blocking_expect_errno(zmq_msg_gets(&msg, "Identity"), EINVAL);
    blocking_expect_errno(zmq_msg_gets(&msg, "User-Id"), EINVAL);
    if (blocking_is_zuv())
      assert_string_equal(zmq_msg_gets(&msg, "Peer-Address"), "127.0.0.1");
    blocking_expect_ok(zmq_msg_close(&msg));
    blocking_close(b, socket);
    old_close(&old);
  }
}

/* ---- Messages ---- */

static void test_all_sizes(void **state) {
  static const size_t sizes[] = {0,   1,   252,   253,   254,     255,
                                 256, 257, 65535, 65536, BODY_MAX};
  static uint8_t body[BODY_MAX];
  static uint8_t got[BODY_MAX];
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_DEALER);
    old_t old;

    old_open(&old, b, socket, way, ZMQ_DEALER, "");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      size_t size = sizes[i];

      memset(body, 'a' + (int)i, size);
      assert_int_equal(zmq_send(socket, body, size, ZMQ_SNDMORE), size);
      assert_int_equal(zmq_send(socket, body, size, 0), size);
      hear_part(&old, true, body, size);
      hear_part(&old, false, body, size);
      say_part(&old, true, body, size);
      say_part(&old, false, body, size);
      for (int k = 0; k < 2; k++) {
        assert_int_equal(zmq_recv(socket, got, sizeof(got), 0), size);
        assert_int_equal(memcmp(got, body, size), 0);
        assert_int_equal(blocking_get(socket, ZMQ_RCVMORE), k == 0);
      }
    }
    blocking_close(b, socket);
    old_close(&old);
  }
}

static void test_before_the_connection(void **state) {
  blocking_t *b = *state;

  for (int way = 1; way < WAYS; way += 2) {
    void *socket = blocking_socket(b, ZMQ_PUSH);
    old_t old;

    old_join(&old, b, socket, way);
    blocking_send(socket, "a|b");
    blocking_send(socket, "c");
    greet(&old, ZMQ_PULL, "");
    hear_greeting(&old, ZMQ_PUSH, "");
    hear(&old, "a|b");
    hear(&old, "c");
    blocking_close(b, socket);
    old_close(&old);
  }
}

static void test_high_water_marks(void **state) {
  enum { HWM = 4, SIZE = 100000, MOST = 2000 };
  static const char body[SIZE];
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_PAIR);
    old_t old;
    int sent = 0;

    blocking_set_hwm(socket, HWM, HWM);
    old_open(&old, b, socket, way, ZMQ_PAIR, "");
    blocking_wait_events(socket, ZMQ_POLLOUT);
    while (sent < MOST && zmq_send(socket, body, SIZE, ZMQ_DONTWAIT) == SIZE)
      sent++;
    assert_int_equal(errno, EAGAIN);
    assert_true(sent < MOST);
    for (int i = 0; i < sent; i++)
      hear_part(&old, false, body, SIZE);
    blocking_send(socket, "last");
    hear(&old, "last");
    for (int i = 0; i < 20 * HWM; i++)
      say(&old, "m");
    for (int i = 0; i < 20 * HWM; i++)
      blocking_expect(socket, "m");
    blocking_close(b, socket);
    old_close(&old);
  }
}

/* ---- Subscriptions ---- */

static void test_subscriptions_go_out(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_SUB);
    old_t old;

    blocking_expect_ok(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "A", 1));
    old_open(&old, b, socket, way, ZMQ_PUB, "");
    wait_heard(&old);
    hear(&old, "\\x01A");
    blocking_expect_ok(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0));
    hear(&old, "\\x01");
    blocking_expect_ok(zmq_setsockopt(socket, ZMQ_UNSUBSCRIBE, "", 0));
    hear(&old, "\\x00");
    say(&old, "B");
    say(&old, "A|b");
    blocking_expect(socket, "A|b");
    blocking_expect_ok(zmq_setsockopt(socket, ZMQ_UNSUBSCRIBE, "A", 1));
    hear(&old, "\\x00A");
    blocking_close(b, socket);
    old_close(&old);
  }
}

/* Who says nothing of topics wants all. */
static void test_subscriptions_come_in(void **state) {
  blocking_t *b = *state;

  for (int way = 0; way < WAYS; way++) {
    void *socket = blocking_socket(b, ZMQ_XPUB);
    bool all = !has_type((version_t)(way / 2));
    old_t old;

    old_open(&old, b, socket, way, ZMQ_SUB, "");
    if (all)
      blocking_expect(socket, "\\x01");
    say(&old, "\\x01B");
    blocking_expect(socket, "\\x01B");
    blocking_send(socket, "A");
    if (all)
      hear(&old, "A");
    blocking_send(socket, "B|b");
    hear(&old, "B|b");
    say(&old, "\\x00B");
    blocking_expect(socket, "\\x00B");
    old_close(&old);
    /* To libzmq one that was connected to may come again. */
    if (all && (way % 2 == 0 || blocking_is_zuv()))
      blocking_expect(socket, "\\x00");
    blocking_close(b, socket);
  }
}

static void test_pub(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pub = blocking_socket(b, ZMQ_XPUB);
  void *sub = blocking_socket(b, ZMQ_SUB);
  old_t olds[VERSIONS];
  char text[32];

  blocking_set(pub, ZMQ_XPUB_VERBOSE, 1);
  blocking_bind(b, pub, endpoint);
  blocking_expect_ok(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
  blocking_connect(sub, endpoint);
  blocking_expect(pub, "\\x01");
  for (int i = 0; i < VERSIONS; i++) {
    olds[i] = (old_t){.version = (version_t)i,
                      .fd = blocking_raw_connect(endpoint),
                      .listener = -1};
    greet(&olds[i], ZMQ_SUB, "");
    hear_greeting(&olds[i], ZMQ_XPUB, "");
    if (has_type(olds[i].version))
      say(&olds[i], "\\x01");
    blocking_expect(pub, "\\x01");
  }
  for (int i = 0; i < 100; i++) {
    snprintf(text, sizeof(text), "m%d|part", i);
    blocking_send(pub, text);
  }
  for (int i = 0; i < 100; i++) {
    snprintf(text, sizeof(text), "m%d|part", i);
    blocking_expect(sub, text);
    for (int k = 0; k < VERSIONS; k++)
      hear(&olds[k], text);
  }
  for (int k = 0; k < VERSIONS; k++)
    old_close(&olds[k]);
}

/* ---- What a monitor tells ---- */

/* They have no handshake that could succeed, and so are at it to their end. */
static void test_events_of_a_listener(void **state) {
  blocking_t *b = *state;

  for (int version = 0; version < VERSIONS; version++) {
    old_t old = {.version = (version_t)version, .listener = -1};
    void *monitor;

    old.socket = monitored_listener(b, ZMQ_PULL, old.endpoint, &monitor);
    old.fd = blocking_raw_connect(old.endpoint);
    monitored_expect_accepted(monitor, old.endpoint);
    greet(&old, ZMQ_PUSH, "");
    hear_greeting(&old, ZMQ_PULL, "");
    say(&old, "a");
    blocking_expect(old.socket, "a");
    monitored_expect_nothing(monitor);
    assert_int_equal(shutdown(old.fd, SHUT_WR), 0);
    assert_int_equal(monitored_expect(monitor,
                                      ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                      old.endpoint),
                     EPIPE);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, old.endpoint);
    old_close(&old);
  }
}

static void test_events_of_a_connecter(void **state) {
  blocking_t *b = *state;

  for (int version = 0; version < VERSIONS; version++) {
    old_t old = {.version = (version_t)version};
    void *monitor;

    old.socket = monitored_connecter(b, ZMQ_PULL, &monitor);
    old.listener = blocking_raw_listen(old.endpoint);
    blocking_connect(old.socket, old.endpoint);
    for (int i = 0; i < 2; i++) {
      old.fd = blocking_raw_accept(old.listener);
      greet(&old, ZMQ_PUSH, "");
      hear_greeting(&old, ZMQ_PULL, "");
      say(&old, "a");
      blocking_expect(old.socket, "a");
      close(old.fd);
      monitored_expect_connected(monitor, old.endpoint);
      monitored_expect(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                       old.endpoint);
      monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, old.endpoint);
      monitored_expect_retry(monitor, old.endpoint, 20);
    }
    close(old.listener);
    blocking_close(b, old.socket);
  }
}

/* A frame that cannot be ends it for good. */
static void test_broken_frames(void **state) {
  static const char v1[] = "\xff\0\0\0\0\0\0\0\0";
  static const char v2[] = "\2\xff\xff\xff\xff\xff\xff\xff\xff";
  blocking_t *b = *state;

  for (int version = 0; version < VERSIONS; version++) {
    old_t old = {.version = (version_t)version};
    void *monitor;

    old.socket = monitored_connecter(b, ZMQ_PULL, &monitor);
    old.listener = blocking_raw_listen(old.endpoint);
    blocking_connect(old.socket, old.endpoint);
    old.fd = blocking_raw_accept(old.listener);
    monitored_expect_connected(monitor, old.endpoint);
    greet(&old, ZMQ_PUSH, "");
    hear_greeting(&old, ZMQ_PULL, "");
    say(&old, "a");
    blocking_expect(old.socket, "a");
    blocking_raw_send(old.fd, version == V2 ? v2 : v1, sizeof(v1) - 1);
    blocking_raw_expect_end(old.fd);
    monitored_expect(monitor, ZMQ_EVENT_DISCONNECTED, old.endpoint);
    monitored_expect_nothing(monitor);
    old_close(&old);
    blocking_close(b, old.socket);
  }
}

static void test_too_large(void **state) {
  const int64_t limit = 300;
  char body[301] = "";
  blocking_t *b = *state;

  for (int version = 0; version < VERSIONS; version++) {
    void *socket = blocking_socket(b, ZMQ_PULL);
    old_t old;

    blocking_expect_ok(
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof(limit)));
    old_open(&old, b, socket, 2 * version, ZMQ_PUSH, "");
    say_part(&old, false, body, 300);
    blocking_wait_events(socket, ZMQ_POLLIN);
    assert_int_equal(zmq_recv(socket, body, sizeof(body), 0), 300);
    say_part(&old, false, body, 301);
    blocking_expect_nothing(socket);
    old_close(&old);
    blocking_close(b, socket);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_every_type),
      blocking_test(test_req),
      blocking_test(test_our_identity),
      blocking_test(test_router_makes_an_identity),
      blocking_test(test_no_properties),
      blocking_test(test_all_sizes),
      blocking_test(test_before_the_connection),
      blocking_test(test_high_water_marks),
      blocking_test(test_subscriptions_go_out),
      blocking_test(test_subscriptions_come_in),
      blocking_test(test_pub),
      blocking_test(test_events_of_a_listener),
      blocking_test(test_events_of_a_connecter),
      blocking_test(test_broken_frames),
      blocking_test(test_too_large),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
