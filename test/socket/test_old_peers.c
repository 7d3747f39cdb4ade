/* Peers of ZMTP 1.0 and 2.0: scripted ones, in every socket type that these
 * versions know, which connect or are connected to. */
#include "support/old_peer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
  WAYS = 2 * OLD_VERSIONS, /* each version connects, and is connected to */
  LARGE = 300000
};

static old_version_t version_of(int way) {
  return (old_version_t)(way / 2);
}

/* A socket of ours and an old peer. */
typedef struct {
  harness_t *harness;
  harness_socket_t *socket;
  raw_listener_t listener; /* of the peer, if it is connected to */
  bool listens;
  old_peer_t peer;
  char endpoint[HARNESS_TEXT_MAX];
} pair_t;

/* Joins them, without a word of the peer. */
static void pair_join(pair_t *pair, harness_socket_t *socket, int way) {
  harness_t *h = socket->harness;

  memset(pair, 0, sizeof(*pair));
  pair->harness = h;
  pair->socket = socket;
  pair->listens = way % 2 != 0;
  if (!pair->listens) {
    harness_bind(socket, pair->endpoint);
    old_connect(h, &pair->peer, version_of(way), pair->endpoint);
    return;
  }
  raw_tcp_listen(h, &pair->listener);
  memcpy(pair->endpoint, pair->listener.endpoint, sizeof(pair->endpoint));
  harness_connect(socket, pair->endpoint);
  old_accept(&pair->peer, version_of(way), &pair->listener, 0);
}

/* The socket stays, and has nobody. */
static void pair_end(pair_t *pair) {
  if (pair->listens)
    raw_tcp_listener_close(&pair->listener);
  else
    old_close(&pair->peer);
}

static int type_on_the_wire(int type) {
  return type == ZUV_XPUB ? ZUV_PUB : type == ZUV_XSUB ? ZUV_SUB : type;
}

static void pair_open(pair_t *pair, harness_socket_t *socket, int way, int type,
                      const char *identity) {
  int own;
  size_t size = sizeof(own);

  pair_join(pair, socket, way);
  assert_int_equal(zuv_get_option(&socket->zuv, ZUV_TYPE, &own, &size), 0);
  old_greet(&pair->peer, type, identity);
  old_expect_greeting(&pair->peer, type_on_the_wire(own), "");
  harness_wait_event(socket, ZUV_EVENT_READY, 1);
}

/* ---- Every socket type ---- */

typedef struct {
  int own;
  int type;         /* the peer's */
  const char *says; /* each NULL: nothing */
  const char *received;
  const char *sent;
  const char *heard;
} exchange_t;

static const exchange_t exchanges[] = {
    {ZUV_PAIR, ZUV_PAIR, "a||b", "a||b", "c||", "c||"},
    {ZUV_PUSH, ZUV_PULL, NULL, NULL, "a|b", "a|b"},
    {ZUV_PULL, ZUV_PUSH, "a|b", "a|b", NULL, NULL},
    {ZUV_DEALER, ZUV_DEALER, "a|b", "a|b", "c", "c"},
    {ZUV_DEALER, ZUV_ROUTER, "a", "a", "c|d", "c|d"},
    {ZUV_DEALER, ZUV_REP, "|a", "|a", "|c", "|c"},
    {ZUV_ROUTER, ZUV_DEALER, "a|b", "id|a|b", "id|c|", "c|"},
    {ZUV_ROUTER, ZUV_REQ, "|a", "id||a", "id||c", "|c"},
    {ZUV_ROUTER, ZUV_ROUTER, "a", "id|a", "id|c", "c"},
    {ZUV_REP, ZUV_REQ, "|a|b", "a|b", "c|d", "|c|d"},
    {ZUV_REP, ZUV_DEALER, "hop||a", "a", "c", "hop||c"},
    {ZUV_SUB, ZUV_PUB, "a|b", "a|b", NULL, NULL},
    {ZUV_XSUB, ZUV_PUB, "a|b", "a|b", "\\x01t", "\\x01t"},
    {ZUV_PUB, ZUV_SUB, "\\x01a", NULL, "a|b", "a|b"},
    {ZUV_XPUB, ZUV_SUB, "\\x01a", "\\x01a", "a|b", "a|b"},
};

static void prepare(harness_socket_t *socket, const exchange_t *exchange,
                    pair_t *pair) {
  if (exchange->own == ZUV_SUB) {
    harness_subscribe(socket, "a");
    old_expect(&pair->peer, "\\x01a");
  }
  if (exchange->own == ZUV_XPUB &&
      (pair->peer.version == OLD_1_0 || pair->peer.version == OLD_1_0_LONG))
    harness_expect_next(socket, "\\x01");
}

static void exchange_messages(harness_t *h, const exchange_t *exchange,
                              int way) {
  harness_socket_t *socket = harness_socket(h, exchange->own);
  pair_t pair;

  pair_open(&pair, socket, way, exchange->type, "id");
  prepare(socket, exchange, &pair);
  for (int i = 0; i < 3; i++) {
    if (exchange->says != NULL && (i == 0 || exchange->own != ZUV_XPUB))
      old_send(&pair.peer, exchange->says);
    if (exchange->received != NULL && (i == 0 || exchange->own != ZUV_XPUB))
      harness_expect_next(socket, exchange->received);
    if (exchange->own == ZUV_PUB)
      harness_wait(h, harness_get(socket, ZUV_TOPICS_COUNT) > 0);
    if (exchange->sent != NULL) {
      harness_send(socket, exchange->sent);
      old_expect(&pair.peer, exchange->heard);
    }
  }
  old_expect_nothing(&pair.peer);
  pair_end(&pair);
  harness_close(socket);
}

static void every_type_talks_to_them(void **state) {
  for (int way = 0; way < WAYS; way++)
    for (size_t i = 0; i < COUNT(exchanges); i++)
      exchange_messages(*state, &exchanges[i], way);
}

/* REQ waits for the answer of the peer that it has asked. */
static void a_req_gets_its_answer(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_REQ);
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_REP, "");
    for (int i = 0; i < 3; i++) {
      harness_send(socket, "question|more");
      old_expect(&pair.peer, "|question|more");
      old_send(&pair.peer, "|answer");
      harness_expect_next(socket, "answer");
    }
    pair_end(&pair);
    harness_close(socket);
  }
}

/* ---- Who they are ---- */

static void what_is_known_of_them(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    bool typed = old_has_type(version_of(way));
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    const harness_event_t *ready;
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_PUSH, "\\x00who");
    old_send(&pair.peer, "a");
    harness_wait(h, socket->received == 1);
    assert_int_equal(socket->messages[0].peer_type, typed ? ZUV_PUSH : -1);
    assert_string_equal(socket->messages[0].peer_mechanism, "");
    assert_string_equal(socket->messages[0].peer_address, "127.0.0.1");
    assert_string_equal(socket->messages[0].peer_routing_id, "\\x00who");
    ready = harness_event(socket, ZUV_EVENT_READY, 0);
    assert_int_equal(ready->peer_type, typed ? ZUV_PUSH : -1);
    pair_end(&pair);
    harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
    assert_int_equal(harness_events(socket, ZUV_EVENT_HANDSHAKE_FAILED), 0);
    harness_close(socket);
  }
}

static void a_type_that_does_not_fit_is_taken(void **state) {
  harness_t *h = *state;
  harness_socket_t *socket = harness_socket(h, ZUV_PULL);
  pair_t pair;

  pair_open(&pair, socket, 2 * OLD_2_0, ZUV_SUB, "");
  old_send(&pair.peer, "a");
  harness_expect(socket, 0, "a");
  assert_int_equal(socket->messages[0].peer_type, ZUV_SUB);
  pair_end(&pair);
}

static void our_identity_goes_out(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_DEALER);
    pair_t pair;

    harness_set_text(socket, ZUV_ROUTING_ID, "ME");
    pair_join(&pair, socket, way);
    old_greet(&pair.peer, ZUV_ROUTER, "");
    old_expect_greeting(&pair.peer, ZUV_DEALER, "ME");
    harness_send(socket, "a");
    old_expect(&pair.peer, "a");
    pair_end(&pair);
    harness_close(socket);
  }
}

static void a_router_knows_them_by_their_identities(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  char endpoint[HARNESS_TEXT_MAX];
  old_peer_t peers[OLD_VERSIONS];
  char text[HARNESS_TEXT_MAX];

  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  harness_bind(router, endpoint);
  for (int i = 0; i < OLD_VERSIONS; i++) {
    snprintf(text, sizeof(text), "\\xff peer %d", i);
    old_connect(h, &peers[i], (old_version_t)i, endpoint);
    old_greet(&peers[i], ZUV_DEALER, text);
    old_expect_greeting(&peers[i], ZUV_ROUTER, "");
    old_send(&peers[i], "here|I am");
    strcat(text, "|here|I am");
    harness_expect_next(router, text);
  }
  for (int i = OLD_VERSIONS - 1; i >= 0; i--) {
    snprintf(text, sizeof(text), "\\xff peer %d|to you", i);
    harness_send(router, text);
    old_expect(&peers[i], "to you");
  }
  assert_int_equal(harness_try_send(router, "\\xff peer 9|x"), UV_EHOSTUNREACH);
  for (int i = 0; i < OLD_VERSIONS; i++) {
    old_expect_nothing(&peers[i]);
    old_close(&peers[i]);
  }
}

/* Without an identity the ROUTER makes one up. */
static void a_router_names_those_without_identity(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
    char text[HARNESS_TEXT_MAX];
    pair_t pair;

    pair_open(&pair, router, way, ZUV_DEALER, "");
    old_send(&pair.peer, "a");
    harness_wait(h, router->received == 1);
    assert_int_equal(router->messages[0].parts[0].size, 5);
    snprintf(text, sizeof(text), "%s|b", harness_part(router, 0, 0));
    harness_send(router, text);
    old_expect(&pair.peer, "b");
    pair_end(&pair);
    harness_close(router);
  }
}

static void an_identity_may_have_255_octets(void **state) {
  harness_t *h = *state;

  for (int version = 0; version < OLD_VERSIONS; version++)
    for (size_t size = 253; size <= 256; size++) {
      harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
      uint8_t bytes[12 + 10 + 256];
      uint8_t id[256];
      pair_t pair;
      size_t used = 0;

      pair_join(&pair, router, 2 * version);
      if (old_has_type(pair.peer.version)) {
        memcpy(bytes, "\xff\0\0\0\0\0\0\0\1\x7f\0\5", 12);
        bytes[10] = pair.peer.version == OLD_2_0;
        used = 12;
      }
      memset(id, 'i', sizeof(id));
      used += old_frame(pair.peer.version, false, id, size, bytes + used);
      old_send_bytes(&pair.peer, bytes, used);
      if (size > 255) {
        harness_wait_event(router, ZUV_EVENT_DISCONNECTED, 1);
        assert_int_equal(
            harness_event(router, ZUV_EVENT_HANDSHAKE_FAILED, 0)->reason,
            ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA);
      } else {
        old_send(&pair.peer, "a");
        harness_wait(h, router->received == 1);
        assert_int_equal(router->messages[0].parts[0].size, size);
      }
      pair_end(&pair);
      harness_close(router);
    }
}

/* ---- Messages ---- */

static void messages_of_all_sizes(void **state) {
  static const size_t sizes[] = {0,   1,   252,   253,   254,    255,
                                 256, 257, 65535, 65536, 100000, LARGE};
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_DEALER);
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_DEALER, "");
    for (size_t i = 0; i < COUNT(sizes); i++) {
      const harness_part_t *part;

      assert_int_equal(harness_try_send_size(socket, sizes[i], 'o'), 0);
      old_expect_size(&pair.peer, sizes[i], 'o', false);
      old_send_size(&pair.peer, sizes[i], 'i', false);
      harness_wait(h, socket->received == 1);
      part = &socket->messages[0].parts[0];
      assert_int_equal(part->size, sizes[i]);
      for (size_t k = 0; k < part->size; k++)
        assert_int_equal(((char *)part->data)[k], 'i');
      harness_forget_first(socket);
    }
    pair_end(&pair);
    harness_close(socket);
  }
}

static void large_parts_of_one_message(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PAIR);
    zuv_msg_t parts[3];
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_PAIR, "");
    for (int i = 0; i < 3; i++) {
      assert_int_equal(zuv_msg_init_size(&parts[i], i == 1 ? 3 : LARGE), 0);
      memset(zuv_msg_data(&parts[i]), 'a' + i, zuv_msg_size(&parts[i]));
    }
    assert_int_equal(zuv_try_send(&socket->zuv, parts, 3), 0);
    old_expect_size(&pair.peer, LARGE, 'a', true);
    old_expect_size(&pair.peer, 3, 'b', true);
    old_expect_size(&pair.peer, LARGE, 'c', false);
    old_send_size(&pair.peer, LARGE, 'd', true);
    old_send_size(&pair.peer, 254, 'e', true);
    old_send_size(&pair.peer, 0, 'f', false);
    harness_wait(h, socket->received == 1);
    assert_int_equal(socket->messages[0].count, 3);
    assert_int_equal(socket->messages[0].parts[0].size, LARGE);
    assert_int_equal(socket->messages[0].parts[1].size, 254);
    assert_int_equal(socket->messages[0].parts[2].size, 0);
    pair_end(&pair);
    harness_close(socket);
  }
}

static void what_waited_for_the_connection_goes_out(void **state) {
  harness_t *h = *state;

  for (int version = 0; version < OLD_VERSIONS; version++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PUSH);
    raw_listener_t listener;
    old_peer_t peer;

    raw_tcp_listen(h, &listener);
    harness_connect(socket, listener.endpoint);
    harness_send(socket, "a|b");
    assert_int_equal(harness_try_send_size(socket, LARGE, 'c'), 0);
    old_accept(&peer, (old_version_t)version, &listener, 0);
    old_greet(&peer, ZUV_PULL, "");
    old_expect_greeting(&peer, ZUV_PUSH, "");
    old_expect(&peer, "a|b");
    old_expect_size(&peer, LARGE, 'c', false);
    raw_tcp_listener_close(&listener);
    harness_close(socket);
  }
}

/* Greeting, identity and three messages. */
static size_t put_conversation(old_version_t version, uint8_t *bytes) {
  uint8_t body[300];
  size_t size = 0;

  memset(body, 'x', sizeof(body));
  if (version == OLD_1_0_LONG) {
    memcpy(bytes, "\xff\0\0\0\0\0\0\0\3\0id", 12);
    size = 12;
  } else if (old_has_type(version)) {
    memcpy(bytes, "\xff\0\0\0\0\0\0\0\3\x7f\0\x08", 12);
    bytes[10] = version == OLD_2_0;
    size = 12;
  }
  if (version != OLD_1_0_LONG)
    size += old_frame(version, false, "id", 2, bytes + size);
  size += old_frame(version, true, "ab", 2, bytes + size);
  size += old_frame(version, false, "", 0, bytes + size);
  size += old_frame(version, false, body, sizeof(body), bytes + size);
  return size + old_frame(version, false, "end", 3, bytes + size);
}

static void they_may_speak_slowly(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    uint8_t bytes[512];
    size_t size = put_conversation(version_of(way), bytes);
    pair_t pair;

    pair_join(&pair, socket, way);
    for (size_t i = 0; i < size; i++) {
      old_send_bytes(&pair.peer, bytes + i, 1);
      uv_run(&h->loop, UV_RUN_NOWAIT);
      uv_run(&h->loop, UV_RUN_NOWAIT);
    }
    harness_expect(socket, 2, "end");
    assert_string_equal(socket->messages[0].text, "ab|");
    assert_int_equal(socket->messages[1].parts[0].size, 300);
    assert_string_equal(socket->messages[0].peer_routing_id, "id");
    pair_end(&pair);
    harness_close(socket);
  }
}

static void half_a_message_is_none(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_PUSH, "");
    old_send(&pair.peer, "whole");
    old_send_size(&pair.peer, 3, 'x', true);
    old_send_bytes(&pair.peer, "\5\0x", 3);
    harness_expect(socket, 0, "whole");
    pair_end(&pair);
    harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
    assert_int_equal(harness_event(socket, ZUV_EVENT_DISCONNECTED, 0)->status,
                     UV_EOF);
    assert_int_equal(socket->received, 1);
    harness_close(socket);
  }
}

static void they_are_connected_to_again(void **state) {
  harness_t *h = *state;

  for (int version = 0; version < OLD_VERSIONS; version++) {
    harness_socket_t *socket = harness_socket(h, ZUV_DEALER);
    pair_t pair;
    old_peer_t again;

    harness_set(socket, ZUV_RECONNECT_IVL, 1);
    pair_open(&pair, socket, 2 * version + 1, ZUV_DEALER, "");
    raw_tcp_close(pair.peer.raw);
    harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
    harness_send(socket, "after");
    old_accept(&again, (old_version_t)version, &pair.listener, 1);
    old_greet(&again, ZUV_DEALER, "");
    old_expect_greeting(&again, ZUV_DEALER, "");
    old_expect(&again, "after");
    pair_end(&pair);
    harness_close(socket);
  }
}

/* ---- High-water marks ---- */

static void a_full_pipe_holds_them_back(void **state) {
  enum { HWM = 5, TOTAL = 2000, SIZE = 5000 };
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_deaf_socket(h, ZUV_PULL);
    pair_t pair;

    harness_set(socket, ZUV_RCVHWM, HWM);
    pair_open(&pair, socket, way, ZUV_PUSH, "");
    for (int i = 0; i < 10; i++)
      old_send_size(&pair.peer, SIZE, (char)i, false);
    harness_settle(h);
    harness_receive(socket);
    for (int i = 10; i < TOTAL; i++)
      old_send_size(&pair.peer, SIZE, (char)i, false);
    harness_wait(h, socket->received == TOTAL);
    for (int i = 0; i < TOTAL; i++) {
      assert_int_equal(socket->messages[i].parts[0].size, SIZE);
      assert_int_equal(*(char *)socket->messages[i].parts[0].data, (char)i);
    }
    pair_end(&pair);
    harness_close(socket);
  }
}

static void they_hold_us_back(void **state) {
  enum { HWM = 4, SIZE = 100000, MOST = 1000 };
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PUSH);
    pair_t pair;
    int sent = 0;

    harness_set(socket, ZUV_SNDHWM, HWM);
    pair_open(&pair, socket, way, ZUV_PULL, "");
    raw_tcp_stop_reading(pair.peer.raw);
    while (sent < MOST &&
           harness_try_send_size(socket, SIZE, (char)sent) == 0) {
      uv_run(&h->loop, UV_RUN_NOWAIT);
      sent++;
    }
    assert_true(sent >= HWM && sent < MOST);
    assert_int_equal(harness_try_send_size(socket, SIZE, 'x'), UV_EAGAIN);
    raw_tcp_read_again(pair.peer.raw);
    for (int i = 0; i < sent; i++)
      old_expect_size(&pair.peer, SIZE, (char)i, false);
    harness_send_waiting(socket, "last");
    old_expect(&pair.peer, "last");
    pair_end(&pair);
    harness_close(socket);
  }
}

/* ---- Subscriptions ---- */

/* As vectors 07 and 08 have it. */
static void subscriptions_are_messages(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_SUB);
    char topic[HARNESS_TEXT_MAX];
    char expected[HARNESS_TEXT_MAX + 8];
    pair_t pair;

    harness_subscribe(socket, "A");
    pair_join(&pair, socket, way);
    old_greet(&pair.peer, ZUV_PUB, "");
    old_expect_greeting(&pair.peer, ZUV_SUB, "");
    old_expect(&pair.peer, "\\x01A");
    harness_subscribe(socket, "");
    old_expect(&pair.peer, "\\x01");
    harness_unsubscribe(socket, "A");
    old_expect(&pair.peer, "\\x00A");
    harness_unsubscribe(socket, "");
    old_expect(&pair.peer, "\\x00");
    for (int size = 243; size < HARNESS_TEXT_MAX; size++) {
      memset(topic, 't', sizeof(topic));
      topic[size] = '\0';
      harness_subscribe(socket, topic);
      snprintf(expected, sizeof(expected), "\\x01%s", topic);
      old_expect(&pair.peer, expected);
    }
    pair_end(&pair);
    harness_close(socket);
  }
}

/* A publisher of libzmq 2 sends everything. */
static void a_sub_filters(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_SUB);
    pair_t pair;

    harness_subscribe(socket, "A");
    pair_open(&pair, socket, way, ZUV_PUB, "");
    old_send(&pair.peer, "B|no");
    old_send(&pair.peer, "A|yes");
    old_send(&pair.peer, "no|A");
    old_send(&pair.peer, "AA");
    harness_expect_next(socket, "A|yes");
    harness_expect_next(socket, "AA");
    pair_end(&pair);
    harness_close(socket);
  }
}

static bool says_nothing_of_topics(old_version_t version) {
  return version == OLD_1_0 || version == OLD_1_0_LONG;
}

static void those_of_1_0_are_subscribed_to_all(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++)
    for (int type = ZUV_PUB; type <= ZUV_XPUB; type += ZUV_XPUB - ZUV_PUB) {
      bool all = says_nothing_of_topics(version_of(way));
      harness_socket_t *socket = harness_socket(h, type);
      pair_t pair;

      pair_open(&pair, socket, way, ZUV_SUB, "");
      assert_int_equal(harness_get(socket, ZUV_TOPICS_COUNT), all);
      if (all && type == ZUV_XPUB)
        harness_expect_next(socket, "\\x01");
      harness_send(socket, "early");
      if (all)
        old_expect(&pair.peer, "early");
      old_send(&pair.peer, "\\x01B");
      harness_wait(h, harness_get(socket, ZUV_TOPICS_COUNT) == 1 + all);
      harness_send(socket, "A");
      if (all)
        old_expect(&pair.peer, "A");
      harness_send(socket, "B|b");
      old_expect(&pair.peer, "B|b");
      old_send(&pair.peer, "\\x00B");
      harness_wait(h, harness_get(socket, ZUV_TOPICS_COUNT) == all);
      pair_end(&pair);
      harness_wait(h, harness_get(socket, ZUV_TOPICS_COUNT) == 0);
      if (type == ZUV_XPUB) {
        harness_expect_next(socket, "\\x01B");
        harness_expect_next(socket, "\\x00B");
        if (all)
          harness_expect_next(socket, "\\x00");
      }
      harness_close(socket);
    }
}

/* A message for many is framed once, but not for those of 1.0. */
static void one_message_for_all_versions(void **state) {
  enum { MESSAGES = 200, TIMES = 2 };
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);
  char endpoint[HARNESS_TEXT_MAX];
  old_peer_t peers[TIMES * OLD_VERSIONS];
  char text[64];

  harness_set(pub, ZUV_SNDHWM, 0);
  harness_bind(pub, endpoint);
  harness_subscribe(sub, "");
  harness_connect(sub, endpoint);
  for (int i = 0; i < TIMES * OLD_VERSIONS; i++) {
    old_connect(h, &peers[i], (old_version_t)(i % OLD_VERSIONS), endpoint);
    old_greet(&peers[i], ZUV_SUB, "");
    old_expect_greeting(&peers[i], ZUV_PUB, "");
    if (!says_nothing_of_topics(peers[i].version))
      old_send(&peers[i], "\\x01");
    snprintf(text, sizeof(text), "\\x01%d", i);
    old_send(&peers[i], text);
  }
  harness_wait_event(sub, ZUV_EVENT_READY, 1);
  harness_wait(h,
               harness_get(pub, ZUV_TOPICS_COUNT) == TIMES * OLD_VERSIONS + 1);
  /* The SUB's own subscription has no topic of its own to be counted by. */
  harness_subscribe(sub, "sub");
  harness_wait(h,
               harness_get(pub, ZUV_TOPICS_COUNT) == TIMES * OLD_VERSIONS + 2);
  for (int i = 0; i < MESSAGES; i++) {
    snprintf(text, sizeof(text), "m%d|part", i);
    harness_send(pub, text);
  }
  assert_int_equal(harness_try_send_size(pub, LARGE, 'x'), 0);
  for (int i = 0; i < MESSAGES; i++) {
    snprintf(text, sizeof(text), "m%d|part", i);
    for (int k = 0; k < TIMES * OLD_VERSIONS; k++)
      old_expect(&peers[k], text);
    harness_expect_next(sub, text);
  }
  harness_wait(h, sub->received == 1);
  for (int k = 0; k < TIMES * OLD_VERSIONS; k++) {
    old_expect_size(&peers[k], LARGE, 'x', false);
    old_close(&peers[k]);
  }
  assert_int_equal(pub->dropped, 0);
}

/* ---- What breaks the rules ---- */

typedef struct {
  const char *bytes;
  size_t size;
  int status;
} broken_t;

#define BROKEN(text, status)                                                   \
  { text, sizeof(text) - 1, status }

static const broken_t broken_1[] = {
    BROKEN("\0", UV_EPROTO),
    BROKEN("\xff\0\0\0\0\0\0\0\0", UV_EPROTO),
    BROKEN("\xff\x80\0\0\0\0\0\0\0", UV_EPROTO),
    BROKEN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", UV_EPROTO),
    BROKEN("\x66", UV_EMSGSIZE),
    BROKEN("\xff\0\0\0\0\0\0\0\x66", UV_EMSGSIZE),
    BROKEN("\xff\x7f\xff\xff\xff\xff\xff\xff\xff", UV_EMSGSIZE),
};
static const broken_t broken_2[] = {
    BROKEN("\2\x80\0\0\0\0\0\0\0", UV_EPROTO),
    BROKEN("\0\x65", UV_EMSGSIZE),
    BROKEN("\2\0\0\0\0\0\0\0\x65", UV_EMSGSIZE),
};

static void expect_end(harness_t *h, int way, const broken_t *broken) {
  harness_socket_t *socket = harness_socket(h, ZUV_PULL);
  pair_t pair;

  harness_set(socket, ZUV_RECONNECT_IVL, 1);
  assert_int_equal(zuv_set_option(&socket->zuv, ZUV_MAXMSGSIZE, &(int64_t){100},
                                  sizeof(int64_t)),
                   0);
  pair_open(&pair, socket, way, ZUV_PUSH, "");
  old_send_size(&pair.peer, 100, 'x', false);
  old_send_bytes(&pair.peer, broken->bytes, broken->size);
  harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
  assert_int_equal(harness_event(socket, ZUV_EVENT_DISCONNECTED, 0)->status,
                   broken->status);
  if (pair.listens)
    harness_wait_event(socket, ZUV_EVENT_STOPPED, 1);
  harness_wait(h, pair.peer.raw->ended);
  assert_int_equal(socket->received, 1);
  pair_end(&pair);
  harness_close(socket);
}

static void frames_that_cannot_be_end_it(void **state) {
  for (int way = 0; way < WAYS; way++) {
    bool second = version_of(way) == OLD_2_0;
    const broken_t *broken = second ? broken_2 : broken_1;
    size_t count = second ? COUNT(broken_2) : COUNT(broken_1);

    for (size_t i = 0; i < count; i++)
      expect_end(*state, way, &broken[i]);
  }
}

/* 2.0 reserves the bit that says "command" in 3.x; libzmq drops such frames. */
static void reserved_bits_of_2_0(void **state) {
  harness_t *h = *state;

  for (int way = 2 * OLD_2_0; way < 2 * OLD_2_0 + 2; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_XPUB);
    pair_t pair;

    pair_open(&pair, socket, way, ZUV_SUB, "");
    old_send_bytes(&pair.peer, "\4\7\4PING\0\0", 9);
    old_send_bytes(&pair.peer, "\4\x0a\x09SUBSCRIBE", 12);
    old_send_bytes(&pair.peer, "\5\1a", 3);
    old_send_bytes(&pair.peer, "\xf8\2\1A", 4);
    old_send_bytes(&pair.peer, "\0\2\1B", 4);
    harness_expect_next(socket, "\\x01A");
    harness_expect_next(socket, "\\x01B");
    harness_send(socket, "A");
    old_expect(&pair.peer, "A");
    pair_end(&pair);
    harness_close(socket);
  }
}

/* Behaviour 155: 'G' announces an identity of 70 octets. */
static void another_protocol_waits_for_the_timer(void **state) {
  static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  harness_t *h = *state;
  harness_socket_t *socket = harness_socket(h, ZUV_PULL);
  uint64_t began = harness_now_ms();
  pair_t pair;

  harness_set(socket, ZUV_HANDSHAKE_IVL, 100);
  pair_join(&pair, socket, 0);
  old_send_bytes(&pair.peer, http, sizeof(http) - 1);
  harness_wait_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 1);
  assert_true(harness_now_ms() - began >= 98);
  assert_int_equal(harness_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 0)->status,
                   UV_ETIMEDOUT);
  harness_wait(h, pair.peer.raw->ended);
  pair_end(&pair);

  harness_set(socket, ZUV_HANDSHAKE_IVL, 0);
  harness_bind(socket, pair.endpoint);
  old_connect(h, &pair.peer, OLD_1_0, pair.endpoint);
  old_send_bytes(&pair.peer, http, sizeof(http) - 1);
  harness_settle(h);
  assert_int_equal(harness_events(socket, ZUV_EVENT_HANDSHAKE_FAILED), 1);
  old_close(&pair.peer);
  harness_wait_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 2);
  assert_int_equal(harness_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 1)->status,
                   UV_EOF);
  assert_int_equal(harness_events(socket, ZUV_EVENT_READY), 0);
}

static void without_an_identity_the_timer_ends_it(void **state) {
  static const char *const beginnings[] = {"", "\xff\0\0\0\0\0\0\0\1",
                                           "\xff\0\0\0\0\0\0\0\1\x7f",
                                           "\xff\0\0\0\0\0\0\0\1\x7f\1\x08"};
  static const size_t sizes[] = {0, 9, 10, 12};
  harness_t *h = *state;

  for (size_t i = 0; i < COUNT(sizes); i++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    pair_t pair;

    harness_set(socket, ZUV_HANDSHAKE_IVL, 50);
    pair_join(&pair, socket, 0);
    old_send_bytes(&pair.peer, beginnings[i], sizes[i]);
    harness_wait_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 1);
    assert_int_equal(
        harness_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 0)->status,
        UV_ETIMEDOUT);
    pair_end(&pair);
    harness_close(socket);
  }
}

static void the_timer_does_not_touch_those_who_are_in(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    pair_t pair;

    harness_set(socket, ZUV_HANDSHAKE_IVL, 30);
    pair_open(&pair, socket, way, ZUV_PUSH, "");
    harness_run_for(h, 60);
    old_send(&pair.peer, "a");
    harness_expect(socket, 0, "a");
    pair_end(&pair);
    harness_close(socket);
  }
}

/* ---- Security ---- */

static void be_plain_server(harness_socket_t *socket) {
  harness_set(socket, ZUV_PLAIN_SERVER, 1);
}

static void be_plain_client(harness_socket_t *socket) {
  harness_set_text(socket, ZUV_PLAIN_USERNAME, "me");
  harness_set_text(socket, ZUV_PLAIN_PASSWORD, "secret");
}

static void have_a_domain(harness_socket_t *socket) {
  harness_set_text(socket, ZUV_ZAP_DOMAIN, "a domain");
}

/* Behaviour 174. */
static void secured_sockets_refuse_them(void **state) {
  static void (*const secure[])(harness_socket_t *) = {
      be_plain_server, be_plain_client, have_a_domain};
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++)
    for (size_t i = 0; i < COUNT(secure); i++) {
      harness_socket_t *socket = harness_socket(h, ZUV_PULL);
      pair_t pair;

      secure[i](socket);
      harness_set(socket, ZUV_RECONNECT_IVL, 1);
      pair_join(&pair, socket, way);
      old_greet(&pair.peer, ZUV_PUSH, "id");
      old_send(&pair.peer, "a");
      harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
      assert_int_equal(
          harness_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 0)->status,
          UV_EPROTONOSUPPORT);
      if (pair.listens)
        harness_wait_event(socket, ZUV_EVENT_STOPPED, 1);
      harness_wait(h, pair.peer.raw->ended);
      assert_int_equal(socket->received, 0);
      assert_int_equal(harness_events(socket, ZUV_EVENT_READY), 0);
      assert_int_equal(harness_events(socket, ZUV_EVENT_CONNECT_RETRIED), 0);
      pair_end(&pair);
      harness_close(socket);
    }
}

static zuv_auth_t *asked;

static void on_asked(zuv_socket_t *socket, zuv_auth_t *request) {
  (void)socket;
  assert_null(asked);
  asked = request;
}

static void on_asked_allow(zuv_socket_t *socket, zuv_auth_t *request) {
  (void)socket;
  assert_int_equal(zuv_auth_allow(request, "at once"), 0);
}

/* What they say behind their identity waits, too. */
static void the_application_is_asked(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_DEALER);
    pair_t pair;

    asked = NULL;
    assert_int_equal(zuv_auth_start(&socket->zuv, on_asked), 0);
    pair_join(&pair, socket, way);
    old_greet(&pair.peer, ZUV_DEALER, "id");
    old_send(&pair.peer, "early|message");
    if (pair.listens)
      harness_send(socket, "waits, too");
    harness_wait(h, asked != NULL);
    assert_int_equal(asked->mechanism, ZUV_NULL);
    assert_string_equal(asked->address, "127.0.0.1");
    assert_int_equal(asked->routing_id_size, 2);
    assert_memory_equal(asked->routing_id, "id", 2);
    old_send_size(&pair.peer, 100000, 'x', false);
    harness_settle(h);
    assert_int_equal(socket->received, 0);
    assert_int_equal(harness_events(socket, ZUV_EVENT_READY), 0);
    old_expect_greeting(&pair.peer, ZUV_DEALER, "");
    old_expect_nothing(&pair.peer);
    assert_int_equal(zuv_auth_allow(asked, "somebody"), 0);
    harness_expect(socket, 0, "early|message");
    harness_wait(h, socket->received == 2);
    assert_int_equal(socket->messages[1].parts[0].size, 100000);
    if (pair.listens)
      old_expect(&pair.peer, "waits, too");
    harness_send(socket, "welcome");
    old_expect(&pair.peer, "welcome");
    pair_end(&pair);
    harness_close(socket);
  }
}

static void the_application_may_answer_at_once(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    pair_t pair;

    assert_int_equal(zuv_auth_start(&socket->zuv, on_asked_allow), 0);
    pair_open(&pair, socket, way, ZUV_PUSH, "");
    old_send(&pair.peer, "a");
    harness_expect(socket, 0, "a");
    pair_end(&pair);
    harness_close(socket);
  }
}

static void whom_the_application_refuses_hears_nothing(void **state) {
  static const int statuses[] = {300, 400, 500};
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++)
    for (size_t i = 0; i < COUNT(statuses); i++) {
      harness_socket_t *socket = harness_socket(h, ZUV_PULL);
      pair_t pair;

      asked = NULL;
      harness_set(socket, ZUV_RECONNECT_IVL, 1);
      assert_int_equal(zuv_auth_start(&socket->zuv, on_asked), 0);
      pair_join(&pair, socket, way);
      old_greet(&pair.peer, ZUV_PUSH, "");
      old_send(&pair.peer, "a");
      harness_wait(h, asked != NULL);
      assert_int_equal(zuv_auth_deny(asked, statuses[i]), 0);
      harness_wait(h, pair.peer.raw->ended);
      old_expect_greeting(&pair.peer, ZUV_PULL, "");
      old_expect_nothing(&pair.peer);
      assert_int_equal(
          harness_event(socket, ZUV_EVENT_HANDSHAKE_FAILED, 0)->status,
          UV_EACCES);
      if (pair.listens)
        harness_wait_event(socket,
                           statuses[i] == 300 ? ZUV_EVENT_CONNECT_RETRIED
                                              : ZUV_EVENT_STOPPED,
                           1);
      assert_int_equal(socket->received, 0);
      assert_int_equal(harness_events(socket, ZUV_EVENT_READY), 0);
      asked = NULL;
      harness_close(socket);
      pair_end(&pair);
    }
}

static void who_leaves_before_the_answer_is_gone(void **state) {
  harness_t *h = *state;

  for (int way = 0; way < WAYS; way++) {
    harness_socket_t *socket = harness_socket(h, ZUV_PULL);
    pair_t pair;

    asked = NULL;
    harness_set(socket, ZUV_RECONNECT_IVL, 60000);
    assert_int_equal(zuv_auth_start(&socket->zuv, on_asked), 0);
    pair_join(&pair, socket, way);
    old_greet(&pair.peer, ZUV_PUSH, "");
    harness_wait(h, asked != NULL);
    pair_end(&pair);
    harness_wait_event(socket, ZUV_EVENT_DISCONNECTED, 1);
    assert_int_equal(zuv_auth_allow(asked, NULL), UV_ECANCELED);
    harness_close(socket);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(every_type_talks_to_them),
      harness_test(a_req_gets_its_answer),
      harness_test(what_is_known_of_them),
      harness_test(a_type_that_does_not_fit_is_taken),
      harness_test(our_identity_goes_out),
      harness_test(a_router_knows_them_by_their_identities),
      harness_test(a_router_names_those_without_identity),
      harness_test(an_identity_may_have_255_octets),
      harness_test(messages_of_all_sizes),
      harness_test(large_parts_of_one_message),
      harness_test(what_waited_for_the_connection_goes_out),
      harness_test(they_may_speak_slowly),
      harness_test(half_a_message_is_none),
      harness_test(they_are_connected_to_again),
      harness_test(a_full_pipe_holds_them_back),
      harness_test(they_hold_us_back),
      harness_test(subscriptions_are_messages),
      harness_test(a_sub_filters),
      harness_test(those_of_1_0_are_subscribed_to_all),
      harness_test(one_message_for_all_versions),
      harness_test(frames_that_cannot_be_end_it),
      harness_test(reserved_bits_of_2_0),
      harness_test(another_protocol_waits_for_the_timer),
      harness_test(without_an_identity_the_timer_ends_it),
      harness_test(the_timer_does_not_touch_those_who_are_in),
      harness_test(secured_sockets_refuse_them),
      harness_test(the_application_is_asked),
      harness_test(the_application_may_answer_at_once),
      harness_test(whom_the_application_refuses_hears_nothing),
      harness_test(who_leaves_before_the_answer_is_gone),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
