/* What sockets and peers count, exactly, and the walk over peers. */
#include "support/far.h"
#include "support/harness.h"
#include "support/old_peer.h"

static zuv_stats_t stats_of(harness_socket_t *s) {
  zuv_stats_t stats;

  memset(&stats, 0xee, sizeof(stats));
  assert_int_equal(zuv_socket_stats(&s->zuv, &stats), 0);
  for (size_t i = 0; i < 16; i++)
    assert_int_equal(stats.zuv__reserved[i], 0);
  return stats;
}

#define expect_in(stats, messages, bytes)                                      \
  do {                                                                         \
    assert_int_equal((stats).messages_in, messages);                           \
    assert_int_equal((stats).bytes_in, bytes);                                 \
  } while (0)

#define expect_out(stats, messages, bytes)                                     \
  do {                                                                         \
    assert_int_equal((stats).messages_out, messages);                          \
    assert_int_equal((stats).bytes_out, bytes);                                \
  } while (0)

static void expect_nothing_waits(harness_socket_t *s) {
  zuv_stats_t stats = stats_of(s);

  assert_int_equal(stats.queued_in, 0);
  assert_int_equal(stats.queued_in_bytes, 0);
  assert_int_equal(stats.queued_out, 0);
  assert_int_equal(stats.queued_out_bytes, 0);
  assert_int_equal(stats.dropped, 0);
  assert_int_equal(stats.lost, 0);
}

static void a_new_socket_has_counted_nothing(void **state) {
  harness_socket_t *s = harness_socket(*state, ZUV_PAIR);
  zuv_stats_t zero, stats = stats_of(s);

  memset(&zero, 0, sizeof(zero));
  assert_memory_equal(&stats, &zero, sizeof(stats));
  assert_int_equal(zuv_socket_stats(&s->zuv, NULL), UV_EINVAL);
}

static void both_sides_count_the_same(void **state) {
  static const size_t sizes[] = {0, 1, 48, 255, 256, 257, 4096, 4097, 300000};
  harness_t *h = *state;
  harness_socket_t *left = harness_socket(h, ZUV_PAIR);
  harness_socket_t *right = harness_socket(h, ZUV_PAIR);
  size_t bytes = 0;

  harness_join(left, right, NULL);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    assert_int_equal(harness_try_send_size(right, sizes[i], 'x'), 0);
    bytes += sizes[i];
    harness_wait(h, left->received == i + 1);
    expect_in(stats_of(left), i + 1, bytes);
    expect_out(stats_of(right), i + 1, bytes);
  }
  harness_send(left, "a||bcd");
  harness_wait(h, right->received == 1);
  expect_out(stats_of(left), 1, 4);
  expect_in(stats_of(right), 1, 4);
  expect_nothing_waits(left);
  expect_nothing_waits(right);
  assert_int_equal(stats_of(left).peers, 1);
  assert_int_equal(stats_of(left).connections, 1);
  assert_int_equal(stats_of(right).connections, 1);
  assert_int_equal(stats_of(right).reconnects, 0);
  harness_close(right);
  harness_wait_lost(left, 1);
  harness_wait(h, stats_of(left).peers == 0);
  /* What is gone still counts. */
  expect_in(stats_of(left), sizeof(sizes) / sizeof(sizes[0]), bytes);
  expect_out(stats_of(left), 1, 4);
}

static void envelopes_count_as_they_go(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_socket(h, ZUV_REP);
  harness_socket_t *req = harness_socket(h, ZUV_REQ);

  harness_set(req, ZUV_REQ_CORRELATE, 1);
  harness_join(rep, req, NULL);
  harness_send(req, "question");
  harness_expect(rep, 0, "question");
  harness_send(rep, "answer");
  harness_expect(req, 0, "answer");
  expect_out(stats_of(req), 1, 4 + 8);
  expect_in(stats_of(rep), 1, 4 + 8);
  expect_out(stats_of(rep), 1, 4 + 6);
  expect_in(stats_of(req), 1, 4 + 6);
}

static void what_waits_is_queued(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  zuv_stats_t stats;

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "|", 10), 10);
  if (harness_is_inproc()) {
    /* They are handed on before the loop polls. */
    assert_int_equal(stats_of(push).queued_out + stats_of(push).messages_out,
                     10);
  } else {
    stats = stats_of(push);
    assert_int_equal(stats.queued_out, 10);
    assert_int_equal(stats.queued_out_bytes, 10);
    expect_out(stats, 0, 0);
  }
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_wait(h, stats_of(pull).queued_in == 10);
  stats = stats_of(pull);
  assert_int_equal(stats.queued_in_bytes, 10);
  expect_in(stats, 10, 10);
  expect_out(stats_of(push), 10, 10);
  expect_nothing_waits(push);
  harness_receive(pull);
  harness_wait(h, pull->received == 10);
  expect_nothing_waits(pull);
  expect_in(stats_of(pull), 10, 10);
}

static void all_that_was_accepted_is_accounted_for(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);
  zuv_stats_t stats;
  size_t sent = 0;

  harness_join(push, pull, NULL);
  while (harness_try_send_size(push, 50000, 'x') == 0)
    sent++;
  stats = stats_of(push);
  assert_int_equal(stats.messages_out + stats.queued_out, sent);
  assert_int_equal(stats.bytes_out + stats.queued_out_bytes, sent * 50000);
  harness_close(pull);
  harness_wait(h, stats_of(push).peers == 0);
  stats = stats_of(push);
  assert_int_equal(stats.queued_out, 0);
  assert_int_equal(stats.messages_out + stats.lost, sent);
  assert_int_equal(stats.bytes_out, stats.messages_out * 50000);
  assert_true(harness_is_inproc() == (stats.lost == 0));
}

static void what_lingers_can_be_seen(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];
  zuv_stats_t stats;

  if (harness_is_inproc())
    skip();
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  harness_send(push, "never sent");
  harness_close_begin(push);
  harness_settle(h);
  assert_int_equal(stats_of(push).queued_out, 1);
  assert_int_equal(stats_of(push).queued_out_bytes, 10);
  harness_set(push, ZUV_LINGER, 0);
  harness_close(push);
  assert_int_equal(zuv_socket_stats(&push->zuv, &stats), UV_EINVAL);
}

static void a_newer_message_takes_the_place(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  harness_set(push, ZUV_CONFLATE, 1);
  harness_fresh_endpoint(h, endpoint);
  harness_connect(push, endpoint);
  assert_int_equal(harness_fill(push, "message ", 10), 10);
  assert_int_equal(stats_of(push).queued_out, 1);
  assert_int_equal(stats_of(push).queued_out_bytes, 9);
  assert_int_equal(stats_of(push).lost, 9);
  expect_out(stats_of(push), 0, 0);
}

static void published_messages_count_for_each_peer(void **state) {
  static const size_t sizes[] = {1, 1000, 3000, 5000, 100000};
  enum { PEERS = 3 };
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *subs[PEERS];
  size_t bytes = 0;

  for (int i = 0; i < PEERS; i++) {
    subs[i] = harness_socket(h, ZUV_SUB);
    harness_subscribe(subs[i], i == 0 ? "nobody" : "");
    harness_join(pub, subs[i], NULL);
  }
  harness_wait(h, zuv_subscriber_count(&pub->zuv, "", 0) == PEERS - 1);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    assert_int_equal(harness_try_send_size(pub, sizes[i], 'x'), 0);
    bytes += sizes[i];
    harness_wait(h, subs[1]->received == i + 1 && subs[2]->received == i + 1);
  }
  harness_send(pub, "a|bc");
  harness_wait(h, subs[1]->received == 6 && subs[2]->received == 6);
  expect_out(stats_of(pub), 2 * 6, 2 * (bytes + 3));
  /* Subscriptions are none. */
  expect_in(stats_of(pub), 0, 0);
  expect_in(stats_of(subs[0]), 0, 0);
  expect_in(stats_of(subs[1]), 6, bytes + 3);
  expect_in(stats_of(subs[2]), 6, bytes + 3);
  expect_out(stats_of(subs[2]), 0, 0);
  expect_nothing_waits(subs[2]);
}

static void subscriptions_of_old_peers_are_no_messages(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  char endpoint[HARNESS_TEXT_MAX];
  old_peer_t peer;

  if (!harness_is_tcp())
    skip();
  harness_bind(pub, endpoint);
  old_connect(h, &peer, OLD_2_0, endpoint);
  old_greet(&peer, ZUV_SUB, "");
  old_expect_greeting(&peer, ZUV_PUB, "");
  old_send(&peer, "\\x01topic");
  harness_wait(h, zuv_subscriber_count(&pub->zuv, "topic", 5) == 1);
  expect_in(stats_of(pub), 0, 0);
  old_send(&peer, "message");
  harness_wait(h, stats_of(pub).messages_in == 1);
  expect_in(stats_of(pub), 1, 7);
  old_close(&peer);
}

static void far_subscribers_count(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  zuv_stats_t stats;
  far_t sub;

  if (!harness_is_inproc())
    skip();
  far_init(&sub, h, ZUV_SUB);
  assert_int_equal(zuv_set_option(&sub.zuv, ZUV_SUBSCRIBE, "abc", 3), 0);
  if (harness_transport == HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pub->zuv, "inproc://far"), 0);
  assert_int_equal(zuv_connect(&sub.zuv, "inproc://far"), 0);
  if (harness_transport != HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pub->zuv, "inproc://far"), 0);
  assert_int_equal(zuv_recv_start(&sub.zuv, far_on_message), 0);
  far_wait(&sub, zuv_subscriber_count(&pub->zuv, "abcd", 4) == 1);
  assert_int_equal(zuv_set_option(&sub.zuv, ZUV_SUBSCRIBE, "xyz", 3), 0);
  assert_int_equal(zuv_socket_stats(&sub.zuv, &stats), 0);
  assert_int_equal(stats.queued_out, 0);
  assert_int_equal(stats.queued_out_bytes, 0);
  assert_int_equal(stats.messages_out, 0);
  harness_send(pub, "abc|1");
  harness_send(pub, "abcd");
  assert_int_equal(stats_of(pub).queued_out, 2);
  far_wait(&sub, sub.received == 2);
  assert_int_equal(zuv_socket_stats(&sub.zuv, &stats), 0);
  expect_in(stats, 2, 8);
  expect_out(stats, 0, 0);
  expect_out(stats_of(pub), 2, 8);
  expect_in(stats_of(pub), 0, 0);
  assert_int_equal(stats.peers, 1);
  assert_int_equal(stats.connections, 1);
  expect_nothing_waits(pub);
  far_finish(&sub);
  far_wait(&sub, stats_of(pub).peers == 0);
  expect_out(stats_of(pub), 2, 8);
}

static void a_parked_connection_counts_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);

  if (!harness_is_inproc())
    skip();
  harness_connect(push, "inproc://later");
  harness_send(push, "12");
  harness_settle(h);
  expect_out(stats_of(push), 1, 2);
  harness_send(push, "345");
  assert_int_equal(zuv_bind(&pull->zuv, "inproc://later"), 0);
  harness_wait(h, pull->received == 2);
  expect_out(stats_of(push), 2, 5);
  expect_in(stats_of(pull), 2, 5);
  harness_send(push, "6789");
  harness_wait(h, pull->received == 3);
  expect_out(stats_of(push), 3, 9);
  harness_close(push);
  harness_wait(h, stats_of(pull).peers == 0);
  expect_in(stats_of(pull), 3, 9);
}

static void the_greeting_of_a_connection_is_not_counted(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);

  if (harness_is_inproc())
    skip();
  assert_int_equal(zuv_set_option(&router->zuv, ZUV_HELLO_MSG, "welcome", 7),
                   0);
  harness_join(router, dealer, NULL);
  harness_expect(dealer, 0, "welcome");
  expect_out(stats_of(router), 0, 0);
  expect_in(stats_of(dealer), 1, 7);
}

static void raw_streams_count(void **state) {
  harness_t *h = *state;
  harness_socket_t *stream = harness_socket(h, ZUV_STREAM);
  char endpoint[HARNESS_TEXT_MAX];
  char text[HARNESS_TEXT_MAX];
  raw_tcp_t raw;

  if (!harness_is_tcp())
    skip();
  harness_set(stream, ZUV_STREAM_NOTIFY, 0);
  harness_bind(stream, endpoint);
  raw_tcp_connect(h, &raw, endpoint);
  raw_tcp_send(&raw, "hello", 5);
  harness_wait(h, stream->received == 1);
  snprintf(text, sizeof(text), "%s|good day", harness_part(stream, 0, 0));
  harness_send(stream, text);
  harness_wait(h, raw.size == 8);
  expect_in(stats_of(stream), 1, 5);
  expect_out(stats_of(stream), 1, 8);
  raw_tcp_close(&raw);
}

static void encrypted_messages_count_in_clear(void **state) {
  harness_t *h = *state;
  harness_socket_t *server = harness_socket(h, ZUV_PAIR);
  harness_socket_t *client = harness_socket(h, ZUV_PAIR);
  char public_key[41], secret_key[41], own_public[41], own_secret[41];

  if (harness_is_inproc())
    skip();
  assert_int_equal(zuv_curve_keypair(public_key, secret_key), 0);
  assert_int_equal(zuv_curve_keypair(own_public, own_secret), 0);
  harness_set(server, ZUV_CURVE_SERVER, 1);
  harness_set_text(server, ZUV_CURVE_SECRETKEY, secret_key);
  harness_set_text(client, ZUV_CURVE_SERVERKEY, public_key);
  harness_set_text(client, ZUV_CURVE_PUBLICKEY, own_public);
  harness_set_text(client, ZUV_CURVE_SECRETKEY, own_secret);
  harness_join(server, client, NULL);
  harness_send(client, "abc|de");
  assert_int_equal(harness_try_send_size(client, 100000, 'x'), 0);
  harness_wait(h, server->received == 2);
  expect_in(stats_of(server), 2, 100005);
  expect_out(stats_of(client), 2, 100005);
}

/* ---- Connections ---- */

static void reconnections_are_told_apart(void **state) {
  harness_t *h = *state;

  if (harness_is_inproc())
    skip();
  for (int immediate = 0; immediate < 2; immediate++) {
    harness_socket_t *pull = harness_socket(h, ZUV_PULL);
    harness_socket_t *push = harness_socket(h, ZUV_PUSH);
    char endpoint[HARNESS_TEXT_MAX];
    zuv_stats_t stats;

    harness_set(push, ZUV_RECONNECT_IVL, 10);
    harness_set(push, ZUV_IMMEDIATE, immediate);
    harness_join(pull, push, endpoint);
    harness_send(push, "one");
    harness_wait(h, pull->received == 1);
    harness_close(pull);
    harness_wait_lost(push, 1);
    assert_int_equal(stats_of(push).peers, 0);
    pull = harness_socket(h, ZUV_PULL);
    assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
    harness_wait_ready(push, 2);
    harness_send_waiting(push, "two");
    harness_wait(h, pull->received == 1);
    stats = stats_of(push);
    assert_int_equal(stats.connections, 2);
    assert_int_equal(stats.reconnects, 1);
    assert_int_equal(stats.peers, 1);
    expect_out(stats, 2, 6);
    assert_int_equal(stats_of(pull).reconnects, 0);
  }
}

static void failed_handshakes_count(void **state) {
  harness_t *h = *state;
  static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\1NONSENSE";
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];
  raw_tcp_t raw;

  if (!harness_is_tcp())
    skip();
  harness_bind(pull, endpoint);
  for (size_t i = 1; i <= 3; i++) {
    raw_tcp_connect(h, &raw, endpoint);
    raw_tcp_send(&raw, greeting, sizeof(greeting));
    harness_wait_event(pull, ZUV_EVENT_HANDSHAKE_FAILED, i);
    raw_tcp_close(&raw);
  }
  assert_int_equal(stats_of(pull).handshakes_failed, 3);
  assert_int_equal(stats_of(pull).connections, 0);
}

/* ---- Peers ---- */

typedef struct {
  size_t count;
  size_t close_at;        /* this peer is closed; 0: none */
  harness_socket_t *ends; /* at the first peer; or NULL */
  zuv_stats_t sum;
} walk_t;

static void on_peer(zuv_socket_t *socket, zuv_peer_t *peer, void *arg) {
  walk_t *walk = arg;
  zuv_stats_t stats;

  (void)socket;
  assert_int_equal(zuv_peer_stats(peer, &stats), 0);
  walk->sum.messages_out += stats.messages_out;
  walk->sum.bytes_out += stats.bytes_out;
  walk->sum.dropped += stats.dropped;
  assert_int_equal(zuv_peer_stats(peer, NULL), UV_EINVAL);
  if (++walk->count == walk->close_at)
    assert_int_equal(zuv_peer_close(peer), 0);
  if (walk->ends != NULL && walk->count == 1)
    harness_close_begin(walk->ends);
}

static void peers_are_walked(void **state) {
  enum { PEERS = 5 };
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *pulls[PEERS];
  walk_t walk = {0};

  assert_int_equal(zuv_peers(&push->zuv, NULL, NULL), UV_EINVAL);
  assert_int_equal(zuv_peers(&push->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.count, 0);
  for (int i = 0; i < PEERS; i++) {
    pulls[i] = harness_socket(h, ZUV_PULL);
    harness_join(push, pulls[i], NULL);
  }
  for (int i = 0; i < 2 * PEERS; i++)
    harness_send(push, "abc");
  assert_int_equal(zuv_peers(&push->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.count, PEERS);
  assert_int_equal(walk.sum.messages_out, 2 * PEERS);
  assert_int_equal(walk.sum.bytes_out, 2 * 3 * PEERS);
  harness_close(pulls[1]);
  harness_wait(h, stats_of(push).peers == PEERS - 1);
  memset(&walk, 0, sizeof(walk));
  assert_int_equal(zuv_peers(&push->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.count, PEERS - 1);
}

static void a_socket_closes_while_its_peers_are_walked(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  walk_t walk = {.ends = push};

  harness_set(push, ZUV_LINGER, 0);
  harness_join(push, harness_socket(h, ZUV_PULL), NULL);
  harness_join(push, harness_socket(h, ZUV_PULL), NULL);
  assert_int_equal(zuv_peers(&push->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.count, 1);
  harness_close(push);
  assert_int_equal(zuv_peers(&push->zuv, on_peer, &walk), UV_EINVAL);
}

static void a_slow_peer_shows_what_it_missed(void **state) {
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *slow = harness_deaf_socket(h, ZUV_SUB);
  walk_t walk = {0};

  if (!harness_is_inproc())
    skip();
  harness_set(pub, ZUV_SNDHWM, 3);
  harness_set(slow, ZUV_RCVHWM, 2);
  harness_subscribe(slow, "");
  harness_join(pub, slow, NULL);
  assert_int_equal(harness_fill(pub, "", 10), 10);
  assert_int_equal(stats_of(pub).dropped, 5);
  expect_out(stats_of(pub), 5, 5);
  assert_int_equal(zuv_peers(&pub->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.sum.dropped, 5);
  assert_int_equal(walk.sum.messages_out, 5);
}

typedef struct {
  harness_socket_t *socket;
  zuv_stats_t stats;
  size_t seen;
  int close_result;
} last_t;

static void on_last_event(zuv_socket_t *socket, const zuv_event_t *event) {
  last_t *last = socket->data;

  if (event->type != ZUV_EVENT_DISCONNECTED)
    return;
  assert_non_null(event->peer);
  assert_int_equal(zuv_peer_stats(event->peer, &last->stats), 0);
  last->close_result = zuv_peer_close(event->peer);
  last->seen++;
}

static void the_last_numbers_come_with_the_end(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  last_t last = {.socket = pull};

  if (harness_is_inproc())
    skip();
  harness_join(pull, push, NULL);
  pull->zuv.data = &last;
  assert_int_equal(zuv_event_start(&pull->zuv, on_last_event), 0);
  harness_send(push, "ab|cd");
  harness_wait(h, pull->received == 1);
  harness_close(push);
  harness_wait(h, last.seen == 1);
  expect_in(last.stats, 1, 4);
  assert_int_equal(last.close_result, UV_ENOTCONN);
  assert_int_equal(last.stats.queued_in, 0);
}

static void close_sender(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                         zuv_peer_t *peer) {
  harness_socket_t *s = (harness_socket_t *)socket;
  zuv_msg_t bye;

  (void)parts;
  (void)count;
  zuv_msg_init_view(&bye, "bye", 3);
  if (s->zuv.type == ZUV_PAIR)
    assert_int_equal(zuv_try_send(socket, &bye, 1), 0);
  assert_int_equal(zuv_peer_close(peer), 0);
  s->zuv.data = s;
}

static void a_peer_can_be_sent_away(void **state) {
  harness_t *h = *state;
  harness_socket_t *here = harness_deaf_socket(h, ZUV_PAIR);
  harness_socket_t *there = harness_socket(h, ZUV_PAIR);

  harness_set(there, ZUV_RECONNECT_IVL, 10);
  harness_join(here, there, NULL);
  assert_int_equal(zuv_recv_start(&here->zuv, close_sender), 0);
  harness_send(there, "hello");
  harness_wait(h, here->zuv.data == here);
  harness_expect(there, 0, "bye");
  harness_wait(h, stats_of(there).peers == 0 || stats_of(there).reconnects > 0);
  if (harness_is_inproc()) {
    harness_settle(h);
    assert_int_equal(stats_of(there).peers, 0);
    assert_int_equal(stats_of(here).peers, 0);
    return;
  }
  /* It comes back, as after any loss. */
  harness_wait(h, stats_of(there).reconnects == 1);
  harness_wait(h, stats_of(here).connections == 2);
  assert_int_equal(harness_event(here, ZUV_EVENT_DISCONNECTED, 0)->status,
                   UV_ECANCELED);
}

static void a_peer_is_sent_away_in_a_walk(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  walk_t walk = {.close_at = 2};

  for (int i = 0; i < 3; i++) {
    harness_socket_t *push = harness_socket(h, ZUV_PUSH);
    harness_set(push, ZUV_RECONNECT_IVL, -1);
    harness_join(pull, push, NULL);
  }
  assert_int_equal(zuv_peers(&pull->zuv, on_peer, &walk), 0);
  assert_int_equal(walk.count, 3);
  harness_wait(h, stats_of(pull).peers == 2);
}

/* ---- Subscribers ---- */

typedef struct {
  char topics[64];
  size_t subscribed;
  size_t unsubscribed;
  size_t largest;
} topics_t;

static void on_subscription(zuv_socket_t *socket, const zuv_event_t *event) {
  topics_t *topics = socket->data;

  if (event->type != ZUV_EVENT_SUBSCRIBED &&
      event->type != ZUV_EVENT_UNSUBSCRIBED) {
    assert_null(event->topic);
    assert_int_equal(event->topic_size, 0);
    return;
  }
  assert_non_null(event->peer);
  assert_non_null(event->topic);
  assert_int_equal(zuv_peer_type(event->peer), ZUV_SUB);
  if (event->topic_size > topics->largest)
    topics->largest = event->topic_size;
  if (event->type == ZUV_EVENT_SUBSCRIBED)
    topics->subscribed++;
  else
    topics->unsubscribed++;
  if (event->topic_size < 8 && strlen(topics->topics) < 48) {
    strcat(topics->topics, event->type == ZUV_EVENT_SUBSCRIBED ? "+" : "-");
    strncat(topics->topics, event->topic, event->topic_size);
  }
}

static void subscribers_are_counted(void **state) {
  static const int types[] = {ZUV_PUB, ZUV_XPUB};
  harness_t *h = *state;

  for (int i = 0; i < 2; i++) {
    harness_socket_t *pub = harness_socket(h, types[i]);
    harness_socket_t *all = harness_socket(h, ZUV_SUB);
    harness_socket_t *some = harness_socket(h, ZUV_SUB);

    harness_subscribe(all, "");
    harness_subscribe(some, "weather.");
    harness_subscribe(some, "weather.rome");
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "weather.rome", 12), 0);
    harness_join(pub, all, NULL);
    harness_join(pub, some, NULL);
    harness_wait(h, zuv_subscriber_count(&pub->zuv, "weather.rome", 12) == 2);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "weather.oslo", 12), 2);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "weather", 7), 1);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "", 0), 1);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, NULL, 0), 1);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, NULL, 1), UV_EINVAL);
    harness_set(pub, ZUV_INVERT_MATCHING, 1);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "weather", 7), 1);
    assert_int_equal(zuv_subscriber_count(&pub->zuv, "weather.", 8), 0);
    harness_set(pub, ZUV_INVERT_MATCHING, 0);
    harness_close(all);
    harness_wait(h, zuv_subscriber_count(&pub->zuv, "weather.rome", 12) == 1);
    assert_int_equal(zuv_subscriber_count(&some->zuv, "", 0), UV_EINVAL);
  }
}

static void subscriptions_are_told_when_they_count(void **state) {
  static const int types[] = {ZUV_PUB, ZUV_XPUB};
  harness_t *h = *state;
  char large[5000];

  memset(large, 'x', sizeof(large));
  for (int i = 0; i < 2; i++) {
    harness_socket_t *pub = harness_deaf_socket(h, types[i]);
    harness_socket_t *sub = harness_socket(h, ZUV_SUB);
    topics_t topics = {0};
    char endpoint[HARNESS_TEXT_MAX];

    pub->zuv.data = &topics;
    assert_int_equal(zuv_event_start(&pub->zuv, on_subscription), 0);
    harness_bind(pub, endpoint);
    harness_connect(sub, endpoint);
    harness_subscribe(sub, "a");
    harness_wait(h, topics.subscribed == 1);
    harness_send(pub, "a");
    harness_expect(sub, 0, "a");
    harness_subscribe(sub, "");
    harness_subscribe(sub, "b");
    harness_unsubscribe(sub, "a");
    harness_wait(h, topics.unsubscribed == 1);
    assert_string_equal(topics.topics, "+a++b-a");
    assert_int_equal(
        zuv_set_option(&sub->zuv, ZUV_SUBSCRIBE, large, sizeof(large)), 0);
    harness_wait(h, topics.subscribed == 4);
    assert_int_equal(topics.largest, sizeof(large));
    harness_close(sub);
    harness_wait(h, stats_of(pub).peers == 0);
    harness_settle(h);
    assert_int_equal(topics.unsubscribed, 1);
    pub->zuv.data = NULL;
    assert_int_equal(zuv_event_stop(&pub->zuv), 0);
  }
}

static void manual_subscriptions_are_told_when_allowed(void **state) {
  harness_t *h = *state;
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);
  topics_t topics = {0};
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(xpub, ZUV_XPUB_MANUAL, 1);
  xpub->zuv.data = &topics;
  assert_int_equal(zuv_event_start(&xpub->zuv, on_subscription), 0);
  harness_subscribe(sub, "asked");
  harness_bind(xpub, endpoint);
  harness_connect(sub, endpoint);
  harness_wait(h, xpub->received == 1);
  harness_settle(h);
  assert_int_equal(topics.subscribed, 0);
  assert_int_equal(zuv_subscriber_count(&xpub->zuv, "asked", 5), 0);
  assert_int_equal(zuv_set_option(&xpub->zuv, ZUV_SUBSCRIBE, "given", 5), 0);
  assert_int_equal(zuv_subscriber_count(&xpub->zuv, "given", 5), 1);
  harness_wait(h, topics.subscribed == 1);
  assert_string_equal(topics.topics, "+given");
  assert_int_equal(zuv_set_option(&xpub->zuv, ZUV_UNSUBSCRIBE, "given", 5), 0);
  harness_wait(h, topics.unsubscribed == 1);
  xpub->zuv.data = NULL;
  assert_int_equal(zuv_event_stop(&xpub->zuv), 0);
}

static void a_flood_of_topics_leaves_room_for_other_events(void **state) {
  enum { TOPICS = 5000 };
  harness_t *h = *state;
  harness_socket_t *pub = harness_socket(h, ZUV_PUB);
  harness_socket_t *sub = harness_socket(h, ZUV_SUB);
  topics_t topics = {0};
  char text[32];

  if (!harness_is_inproc())
    skip();
  pub->zuv.data = &topics;
  assert_int_equal(zuv_event_start(&pub->zuv, on_subscription), 0);
  harness_join(pub, sub, NULL);
  for (int i = 0; i < TOPICS; i++) {
    snprintf(text, sizeof(text), "a topic, number %d", i);
    harness_subscribe(sub, text);
  }
  assert_true(stats_of(pub).events_dropped > 0);
  harness_wait(h, topics.subscribed + stats_of(pub).events_dropped == TOPICS);
  assert_int_equal(topics.subscribed, 2048);
  assert_int_equal(zuv_subscriber_count(&pub->zuv, text, strlen(text)), 1);
  pub->zuv.data = NULL;
  assert_int_equal(zuv_event_stop(&pub->zuv), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(a_new_socket_has_counted_nothing),
      harness_test(both_sides_count_the_same),
      harness_test(envelopes_count_as_they_go),
      harness_test(what_waits_is_queued),
      harness_test(all_that_was_accepted_is_accounted_for),
      harness_test(what_lingers_can_be_seen),
      harness_test(a_newer_message_takes_the_place),
      harness_test(published_messages_count_for_each_peer),
      harness_test(subscriptions_of_old_peers_are_no_messages),
      harness_test(far_subscribers_count),
      harness_test(a_parked_connection_counts_once),
      harness_test(the_greeting_of_a_connection_is_not_counted),
      harness_test(raw_streams_count),
      harness_test(encrypted_messages_count_in_clear),
      harness_test(reconnections_are_told_apart),
      harness_test(failed_handshakes_count),
      harness_test(peers_are_walked),
      harness_test(a_socket_closes_while_its_peers_are_walked),
      harness_test(a_slow_peer_shows_what_it_missed),
      harness_test(the_last_numbers_come_with_the_end),
      harness_test(a_peer_can_be_sent_away),
      harness_test(a_peer_is_sent_away_in_a_walk),
      harness_test(subscribers_are_counted),
      harness_test(subscriptions_are_told_when_they_count),
      harness_test(manual_subscriptions_are_told_when_allowed),
      harness_test(a_flood_of_topics_leaves_room_for_other_events),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
