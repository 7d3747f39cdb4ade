/* NULL, PLAIN and CURVE between sockets of ours, over tcp and ipc: who is ready
 * as whom, messages of every size, patterns, and what either end is told when a
 * handshake fails. */
#include <unistd.h>

#include "hostile/secured.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QUIET_MS = 40, PATTERN_SIZE = 4 << 20, LARGEST = (3 << 20) + 7 };

static const char *const names[] = {"NULL", "PLAIN", "CURVE"};

/* ---- Two ends ---- */

typedef struct {
  rig_t rig;
  secured_t server;
  secured_t client;
  char endpoint[RIG_TEXT_MAX];
} ends_t;

static void ends_open(ends_t *ends, int server_type, int client_type) {
  rig_open(&ends->rig);
  secured_open(&ends->server, NULL, &ends->rig.loop, server_type);
  secured_open(&ends->client, NULL, &ends->rig.loop, client_type);
}

static void set_server(secured_t *s, int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_server(s);
  if (mechanism == ZUV_CURVE)
    secured_curve_server(s);
}

static void set_client(secured_t *s, int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_client(s, "alice", "her password");
  if (mechanism == ZUV_CURVE)
    secured_curve_client(s);
}

static void ends_connect(ends_t *ends) {
  secured_bind(&ends->server, ends->endpoint);
  actor_connect(&ends->client.actor, ends->endpoint);
}

static void ends_wait_ready(ends_t *ends) {
  rig_until(&ends->rig, ends->server.actor.events[ZUV_EVENT_READY] > 0 &&
                            ends->client.actor.events[ZUV_EVENT_READY] > 0);
}

static void ends_close(ends_t *ends) {
  actor_close(&ends->rig, &ends->client.actor);
  actor_close(&ends->rig, &ends->server.actor);
  rig_close(&ends->rig);
}

/* Two sockets that talk, with everybody let in. */
static void ends_start(ends_t *ends, int mechanism, int server_type,
                       int client_type) {
  ends_open(ends, server_type, client_type);
  set_server(&ends->server, mechanism);
  set_client(&ends->client, mechanism);
  if (mechanism == ZUV_PLAIN)
    secured_ask(&ends->server, 200, "alice");
  ends_connect(ends);
  ends_wait_ready(ends);
}

static size_t failures(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED];
}

static size_t losses(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_DISCONNECTED];
}

/* ---- Who is ready ---- */

static void ready_tells_mechanism_and_user(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    for (int asked = 0; asked <= 1; asked++) {
      bool has_user = asked || mechanism == ZUV_PLAIN;
      ends_t ends;

      ends_open(&ends, ZUV_DEALER, ZUV_DEALER);
      set_server(&ends.server, mechanism);
      set_client(&ends.client, mechanism);
      if (has_user)
        secured_ask(&ends.server, 200, "alice");
      ends_connect(&ends);
      ends_wait_ready(&ends);
      assert_string_equal(ends.server.ready.mechanism, names[mechanism]);
      assert_string_equal(ends.client.ready.mechanism, names[mechanism]);
      assert_string_equal(ends.server.ready.user_id,
                          has_user ? "alice" : "(none)");
      assert_string_equal(ends.client.ready.user_id, "(none)");

      assert_int_equal(actor_send(&ends.client.actor, "to the server"), 0);
      assert_int_equal(actor_send(&ends.server.actor, "to|the|client"), 0);
      rig_until(&ends.rig, ends.server.actor.received == 1 &&
                               ends.client.actor.received == 1);
      assert_string_equal(ends.server.actor.text, "to the server");
      assert_string_equal(ends.client.actor.text, "to|the|client");
      assert_string_equal(ends.server.from.mechanism, names[mechanism]);
      assert_string_equal(ends.server.from.user_id,
                          has_user ? "alice" : "(none)");
      assert_string_equal(ends.client.from.user_id, "(none)");
      assert_int_equal(failures(&ends.server) + failures(&ends.client), 0);
      ends_close(&ends);
    }
  }
}

/* Roles have nothing to do with who binds. */
static void a_server_may_connect(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PAIR, ZUV_PAIR);
    set_client(&ends.server, mechanism);
    set_server(&ends.client, mechanism);
    secured_ask(&ends.client, 200, "alice");
    ends_connect(&ends);
    ends_wait_ready(&ends);
    assert_string_equal(ends.client.ready.user_id, "alice");
    assert_int_equal(actor_send(&ends.server.actor, "hello"), 0);
    rig_until(&ends.rig, ends.client.actor.received == 1);
    ends_close(&ends);
  }
}

static void endpoints_keep_what_was_set_when_they_were_made(void **state) {
  char endpoints[3][RIG_TEXT_MAX];
  secured_t clients[3];
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_ROUTER, ZUV_DEALER);
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    set_server(&ends.server, mechanism);
    secured_bind(&ends.server, endpoints[mechanism]);
  }
  secured_ask(&ends.server, 200, NULL);
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    secured_t *client = &clients[mechanism];

    secured_open(client, NULL, &ends.rig.loop, ZUV_DEALER);
    set_client(client, mechanism);
    actor_connect(&client->actor, endpoints[mechanism]);
    rig_until(&ends.rig, client->actor.events[ZUV_EVENT_READY] == 1);
    assert_string_equal(client->ready.mechanism, names[mechanism]);
    assert_string_equal(ends.server.ready.mechanism, names[mechanism]);
    assert_int_equal(ends.server.question.mechanism, mechanism);
    assert_int_equal(actor_send(&client->actor, "hello"), 0);
    rig_until(&ends.rig, ends.server.actor.received == (size_t)mechanism + 1);
  }
  for (int i = 0; i < 3; i++)
    actor_close(&ends.rig, &clients[i].actor);
  ends_close(&ends);
}

static void keys_may_change_between_endpoints(void **state) {
  char endpoint[RIG_TEXT_MAX];
  secured_t other;
  ends_t ends;

  (void)state;
  ends_start(&ends, ZUV_CURVE, ZUV_ROUTER, ZUV_DEALER);
  secured_set_text(&ends.server, ZUV_CURVE_SECRETKEY,
                   secured_other_keys.secret_key);
  secured_bind(&ends.server, endpoint);
  secured_open(&other, NULL, &ends.rig.loop, ZUV_DEALER);
  secured_curve_client_with(&other, &secured_client_keys,
                            secured_other_keys.public_key);
  actor_connect(&other.actor, endpoint);
  rig_until(&ends.rig, other.actor.events[ZUV_EVENT_READY] == 1);
  assert_int_equal(actor_send(&ends.client.actor, "by the first"), 0);
  rig_until(&ends.rig, ends.server.actor.received == 1);
  actor_close(&ends.rig, &other.actor);
  ends_close(&ends);
}

/* ---- Messages ---- */

/* A flow of numbered messages with sizes and octets that follow from the
 * number. */
typedef struct {
  size_t (*size)(size_t number, size_t part);
  size_t (*parts)(size_t number);
  size_t total;
  size_t sent;
  size_t received;
} flow_t;

static uint8_t *pattern;

static int make_pattern(void **state) {
  uint32_t random = 12345;

  pattern = malloc(PATTERN_SIZE);
  if (pattern == NULL)
    return -1;
  for (size_t i = 0; i < PATTERN_SIZE; i++) {
    random = random * 1664525 + 1013904223;
    pattern[i] = (uint8_t)(random >> 24);
  }
  return secured_make_keys(state);
}

static int free_pattern(void **state) {
  (void)state;
  free(pattern);
  return 0;
}

static const uint8_t *octets_of(size_t number, size_t part) {
  return pattern + (number * 31 + part * 7) % 4096;
}

static void flow_send(flow_t *flow, actor_t *actor) {
  while (flow->sent < flow->total) {
    zuv_msg_t parts[16];
    size_t count = flow->parts(flow->sent);
    int err;

    for (size_t i = 0; i < count; i++)
      zuv_msg_init_view(&parts[i], octets_of(flow->sent, i),
                        flow->size(flow->sent, i));
    err = zuv_try_send(&actor->zuv, parts, count);
    if (err == UV_EAGAIN)
      return;
    assert_int_equal(err, 0);
    flow->sent++;
  }
}

static void on_flow(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  flow_t *flow = socket->data;

  (void)peer;
  assert_int_equal(count, flow->parts(flow->received));
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(zuv_msg_size(&parts[i]), flow->size(flow->received, i));
    if (zuv_msg_size(&parts[i]) > 0)
      assert_true(memcmp(zuv_msg_data(&parts[i]), octets_of(flow->received, i),
                         zuv_msg_size(&parts[i])) == 0);
  }
  flow->received++;
}

/* Both directions at the same time. */
static void exchange(int mechanism, const flow_t *flow) {
  flow_t up = *flow;
  flow_t down = *flow;
  ends_t ends;

  ends_start(&ends, mechanism, ZUV_PAIR, ZUV_PAIR);
  ends.server.actor.zuv.data = &up;
  ends.client.actor.zuv.data = &down;
  assert_int_equal(zuv_recv_start(&ends.server.actor.zuv, on_flow), 0);
  assert_int_equal(zuv_recv_start(&ends.client.actor.zuv, on_flow), 0);
  rig_until(&ends.rig,
            (flow_send(&up, &ends.client.actor),
             flow_send(&down, &ends.server.actor),
             up.received == up.total && down.received == down.total));
  assert_int_equal(losses(&ends.server) + losses(&ends.client), 0);
  ends_close(&ends);
}

static void exchange_with_all(const flow_t *flow) {
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++)
    exchange(mechanism, flow);
}

/* Around the limits of frames, of boxes, of what is copied and of buffers. */
static const size_t sizes[] = {
    0,      1,       2,       15,     16,    17,    31,    32,    33,    34,
    63,     64,      65,      206,    207,   221,   222,   223,   254,   255,
    256,    257,     288,     289,    447,   448,   478,   479,   480,   511,
    512,    513,     1000,    4095,   4096,  4097,  8158,  8159,  8160,  8191,
    8192,   8193,    8200,    16383,  16384, 16385, 32734, 32735, 32736, 32767,
    32768,  32769,   65502,   65503,  65504, 65535, 65536, 65537, 65600, 131072,
    262144, 1048575, 1048576, LARGEST};

static size_t one_part(size_t number) {
  (void)number;
  return 1;
}

static size_t each_size(size_t number, size_t part) {
  (void)part;
  return sizes[number];
}

static void messages_of_every_size_arrive(void **state) {
  const flow_t flow = {each_size, one_part, COUNT(sizes), 0, 0};

  (void)state;
  exchange_with_all(&flow);
}

static size_t consecutive_size(size_t number, size_t part) {
  (void)part;
  return number;
}

static void every_small_size_arrives(void **state) {
  const flow_t flow = {consecutive_size, one_part, 1200, 0, 0};

  (void)state;
  exchange_with_all(&flow);
}

static size_t many_parts(size_t number) {
  return 1 + number % 12;
}

static size_t mixed_size(size_t number, size_t part) {
  return sizes[(number * 7 + part * 11) % (COUNT(sizes) - 6)];
}

static void messages_of_many_parts_arrive(void **state) {
  const flow_t flow = {mixed_size, many_parts, 150, 0, 0};

  (void)state;
  exchange_with_all(&flow);
}

static size_t small_size(size_t number, size_t part) {
  return (number * 13 + part * 5) % 90;
}

static void many_small_messages_arrive_in_order(void **state) {
  const flow_t flow = {small_size, many_parts, 4000, 0, 0};

  (void)state;
  exchange_with_all(&flow);
}

/* They are encrypted for a peer that is not there yet. */
static void messages_sent_before_the_handshake_arrive(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PULL, ZUV_PUSH);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    if (mechanism == ZUV_PLAIN)
      secured_ask(&ends.server, 200, NULL);
    ends_connect(&ends);
    for (int i = 0; i < 20; i++)
      assert_int_equal(actor_send(&ends.client.actor, "waiting|message"), 0);
    rig_until(&ends.rig, ends.server.actor.received == 20);
    assert_string_equal(ends.server.actor.text, "waiting|message");
    ends_close(&ends);
  }
}

/* MAXMSGSIZE counts the payload with every mechanism. */
static void the_limit_is_that_of_the_payload(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    int64_t limit = 1000;
    zuv_msg_t part;
    ends_t ends;

    ends_open(&ends, ZUV_PULL, ZUV_PUSH);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    if (mechanism == ZUV_PLAIN)
      secured_ask(&ends.server, 200, NULL);
    assert_int_equal(zuv_set_option(&ends.server.actor.zuv, ZUV_MAXMSGSIZE,
                                    &limit, sizeof(limit)),
                     0);
    ends_connect(&ends);
    ends_wait_ready(&ends);
    zuv_msg_init_view(&part, pattern, 1000);
    assert_int_equal(zuv_try_send(&ends.client.actor.zuv, &part, 1), 0);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_int_equal(ends.server.actor.size, 1000);
    zuv_msg_init_view(&part, pattern, 1001);
    assert_int_equal(zuv_try_send(&ends.client.actor.zuv, &part, 1), 0);
    rig_until(&ends.rig, losses(&ends.server) == 1);
    assert_int_equal(ends.server.actor.last[ZUV_EVENT_DISCONNECTED].status,
                     UV_EMSGSIZE);
    assert_int_equal(ends.server.actor.received, 1);
    assert_int_equal(failures(&ends.server), 0);
    ends_close(&ends);
  }
}

/* ---- Patterns ---- */

enum { SUBSCRIBERS = 6 };

/* ZUV_MAXMSGSIZE is about messages: commands of peers are none. */
static void long_topics_are_no_long_messages(void **state) {
  const int64_t limit = 4;

  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_XPUB, ZUV_SUB);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    secured_ask(&ends.server, 200, "alice");
    assert_int_equal(zuv_set_option(&ends.server.actor.zuv, ZUV_MAXMSGSIZE,
                                    &limit, sizeof(limit)),
                     0);
    assert_int_equal(zuv_set_option(&ends.client.actor.zuv, ZUV_SUBSCRIBE,
                                    "a topic of some length", 22),
                     0);
    ends_connect(&ends);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_int_equal(losses(&ends.server), 0);
    ends_close(&ends);
  }
}

/* However the octets come in. */
static void traffic_may_follow_ready_at_once(void **state) {
  char endpoint[RIG_TEXT_MAX];
  wire_t wire = {.size = 0};
  secured_t server;
  rig_t rig;
  int fd;

  (void)state;
  rig_open(&rig);
  secured_open(&server, NULL, &rig.loop, ZUV_PULL);
  actor_bind(&server.actor, endpoint);
  fd = raw_connect(endpoint);
  wire_greeting(&wire, 3, 1, "NULL");
  wire_ready(&wire, "PUSH", NULL, 0);
  wire_frame(&wire, 0, "hello", 5);
  assert_true(raw_send_wire(&rig, fd, &wire));
  rig_until(&rig, server.actor.received == 1);
  assert_int_equal(failures(&server), 0);
  close(fd);
  actor_close(&rig, &server.actor);
  rig_close(&rig);
}

static void publish_until(rig_t *rig, secured_t *publisher, const char *text,
                          const secured_t *subscriber) {
  size_t before = subscriber->actor.received;

  rig_until(rig, (actor_send(&publisher->actor, text),
                  subscriber->actor.received > before));
}

/* Two subscribers of each mechanism at one PUB: what is framed once for some is
 * encrypted for each of the others. */
static void a_publisher_serves_all_mechanisms(void **state) {
  secured_t subscribers[SUBSCRIBERS];
  char endpoints[3][RIG_TEXT_MAX];
  secured_t publisher;
  rig_t rig;

  (void)state;
  rig_open(&rig);
  secured_open(&publisher, NULL, &rig.loop, ZUV_PUB);
  secured_ask(&publisher, 200, NULL);
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    set_server(&publisher, mechanism);
    secured_bind(&publisher, endpoints[mechanism]);
  }
  for (int i = 0; i < SUBSCRIBERS; i++) {
    secured_open(&subscribers[i], NULL, &rig.loop, ZUV_SUB);
    set_client(&subscribers[i], i % 3);
    secured_set_text(&subscribers[i], ZUV_SUBSCRIBE, "news");
    actor_connect(&subscribers[i].actor, endpoints[i % 3]);
  }
  for (int i = 0; i < SUBSCRIBERS; i++)
    publish_until(&rig, &publisher, "news|first", &subscribers[i]);
  rig_run_for(&rig, QUIET_MS);
  for (int i = 0; i < SUBSCRIBERS; i++)
    subscribers[i].actor.received = 0;
  for (int i = 0; i < 100; i++) {
    assert_int_equal(actor_send(&publisher.actor, "news|of|several|parts"), 0);
    assert_int_equal(actor_send(&publisher.actor, "gossip"), 0);
  }
  for (int i = 0; i < SUBSCRIBERS; i++) {
    rig_until(&rig, subscribers[i].actor.received == 100);
    assert_string_equal(subscribers[i].actor.text, "news|of|several|parts");
    assert_int_equal(losses(&subscribers[i]), 0);
  }
  for (int i = 0; i < SUBSCRIBERS; i++)
    actor_close(&rig, &subscribers[i].actor);
  actor_close(&rig, &publisher.actor);
  rig_close(&rig);
}

static void subscriptions_change_over_secured_connections(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_XPUB, ZUV_SUB);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    secured_ask(&ends.server, 200, NULL);
    secured_set_text(&ends.client, ZUV_SUBSCRIBE, "early");
    ends_connect(&ends);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_string_equal(ends.server.actor.text, "\1early");
    secured_set_text(&ends.client, ZUV_SUBSCRIBE, "late");
    rig_until(&ends.rig, ends.server.actor.received == 2);
    assert_string_equal(ends.server.actor.text, "\1late");
    assert_int_equal(actor_send(&ends.server.actor, "early bird"), 0);
    assert_int_equal(actor_send(&ends.server.actor, "later|than"), 0);
    rig_until(&ends.rig, ends.client.actor.received == 2);
    assert_string_equal(ends.client.actor.text, "later|than");
    secured_set_text(&ends.client, ZUV_UNSUBSCRIBE, "early");
    rig_until(&ends.rig, ends.server.actor.received == 3);
    assert_int_equal(ends.server.actor.text[0], '\0');
    assert_string_equal(ends.server.actor.text + 1, "early");
    assert_int_equal(actor_send(&ends.server.actor, "early riser"), 0);
    assert_int_equal(actor_send(&ends.server.actor, "latest"), 0);
    rig_until(&ends.rig, ends.client.actor.received == 3);
    assert_string_equal(ends.client.actor.text, "latest");
    ends_close(&ends);
  }
}

/* What is larger than a short frame when it is encrypted, and than any that is
 * written at once. */
static void long_topics_are_subscribed_to(void **state) {
  static const size_t lengths[] = {200, 212, 213, 214, 255, 256, 9000, 200000};
  ends_t ends;

  (void)state;
  ends_start(&ends, ZUV_CURVE, ZUV_XPUB, ZUV_SUB);
  for (size_t i = 0; i < COUNT(lengths); i++) {
    zuv_msg_t part;

    assert_int_equal(zuv_set_option(&ends.client.actor.zuv, ZUV_SUBSCRIBE,
                                    pattern + i, lengths[i]),
                     0);
    rig_until(&ends.rig, ends.server.actor.received == i + 1);
    assert_int_equal(ends.server.actor.size, lengths[i] + 1);
    zuv_msg_init_view(&part, pattern + i, lengths[i]);
    assert_int_equal(zuv_try_send(&ends.server.actor.zuv, &part, 1), 0);
    rig_until(&ends.rig, ends.client.actor.received == i + 1);
    assert_int_equal(ends.client.actor.size, lengths[i]);
  }
  ends_close(&ends);
}

static void routers_know_their_peers_by_id(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_ROUTER, ZUV_DEALER);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    secured_ask(&ends.server, 200, "alice");
    actor_set(&ends.server.actor, ZUV_ROUTER_MANDATORY, 1);
    secured_set_text(&ends.client, ZUV_ROUTING_ID, "her id");
    ends_connect(&ends);
    ends_wait_ready(&ends);
    assert_int_equal(actor_send(&ends.server.actor, "her id|are|you|there"), 0);
    rig_until(&ends.rig, ends.client.actor.received == 1);
    assert_string_equal(ends.client.actor.text, "are|you|there");
    assert_int_equal(actor_send(&ends.client.actor, "yes"), 0);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_string_equal(ends.server.actor.text, "her id|yes");
    assert_int_equal(actor_send(&ends.server.actor, "his id|you?"),
                     UV_EHOSTUNREACH);
    ends_close(&ends);
  }
}

static void requests_are_answered(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_start(&ends, mechanism, ZUV_REP, ZUV_REQ);
    for (size_t i = 1; i <= 10; i++) {
      assert_int_equal(actor_send(&ends.client.actor, "question"), 0);
      rig_until(&ends.rig, ends.server.actor.received == i);
      assert_int_equal(actor_send(&ends.server.actor, "an|answer"), 0);
      rig_until(&ends.rig, ends.client.actor.received == i);
    }
    ends_close(&ends);
  }
}

/* ---- Failures ---- */

enum { NOBODY = -1, HANG_UP = 1 };

typedef struct {
  const char *name;
  int server; /* mechanisms */
  int client;
  int verdict;       /* of the callback; NOBODY: there is none */
  const char *reply; /* of the ZAP handler; NULL: there is none */
  const char *domain;
  bool enforce;
  /* what the server is told */
  int status;
  int reason;
  int peer_status;
  /* what the client is told: the same in its words, or HANG_UP, after which it
   * tries again */
  int client_status;
} failure_t;

#define MISMATCH                                                               \
  UV_EPROTO, ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, 0, UV_EPROTO
#define REFUSED(peer_status)                                                   \
  UV_EACCES, 0, peer_status, peer_status == 300 ? HANG_UP : UV_EACCES
#define NO_HANDLER UV_EFAULT, 0, 0, HANG_UP
#define MALFORMED(reason) UV_EPROTO, ZUV_PROTOCOL_ERROR_ZAP_##reason, 0, HANG_UP

static const failure_t cases[] = {
    {"NULL and PLAIN", 0, 1, NOBODY, NULL, NULL, false, MISMATCH},
    {"NULL and CURVE", 0, 2, NOBODY, NULL, NULL, false, MISMATCH},
    {"PLAIN and NULL", 1, 0, NOBODY, NULL, NULL, false, MISMATCH},
    {"PLAIN and CURVE", 1, 2, NOBODY, NULL, NULL, false, MISMATCH},
    {"CURVE and NULL", 2, 0, NOBODY, NULL, NULL, false, MISMATCH},
    {"CURVE and PLAIN", 2, 1, NOBODY, NULL, NULL, false, MISMATCH},

    {"NULL, 300", 0, 0, 300, NULL, NULL, false, REFUSED(300)},
    {"NULL, 400", 0, 0, 400, NULL, NULL, false, REFUSED(400)},
    {"NULL, 500", 0, 0, 500, NULL, NULL, false, REFUSED(500)},
    {"PLAIN, 300", 1, 1, 300, NULL, NULL, false, REFUSED(300)},
    {"PLAIN, 400", 1, 1, 400, NULL, NULL, false, REFUSED(400)},
    {"PLAIN, 500", 1, 1, 500, NULL, NULL, false, REFUSED(500)},
    {"CURVE, 300", 2, 2, 300, NULL, NULL, false, REFUSED(300)},
    {"CURVE, 400", 2, 2, 400, NULL, NULL, false, REFUSED(400)},
    {"CURVE, 500", 2, 2, 500, NULL, NULL, false, REFUSED(500)},

    {"NULL, ZAP 300", 0, 0, NOBODY, "1.0|#|300|||", "d", false, REFUSED(300)},
    {"NULL, ZAP 400", 0, 0, NOBODY, "1.0|#|400|||", "d", false, REFUSED(400)},
    {"NULL, ZAP 500", 0, 0, NOBODY, "1.0|#|500|||", "d", false, REFUSED(500)},
    {"PLAIN, ZAP 300", 1, 1, NOBODY, "1.0|#|300|||", NULL, false, REFUSED(300)},
    {"PLAIN, ZAP 400", 1, 1, NOBODY, "1.0|#|400|||", NULL, false, REFUSED(400)},
    {"PLAIN, ZAP 500", 1, 1, NOBODY, "1.0|#|500|||", NULL, false, REFUSED(500)},
    {"CURVE, ZAP 300", 2, 2, NOBODY, "1.0|#|300|||", NULL, false, REFUSED(300)},
    {"CURVE, ZAP 400", 2, 2, NOBODY, "1.0|#|400|||", NULL, false, REFUSED(400)},
    {"CURVE, ZAP 500", 2, 2, NOBODY, "1.0|#|500|||", NULL, false, REFUSED(500)},

    {"PLAIN, nobody", 1, 1, NOBODY, NULL, NULL, false, NO_HANDLER},
    {"PLAIN, nobody, domain", 1, 1, NOBODY, NULL, "d", false, NO_HANDLER},
    {"PLAIN, enforced", 1, 1, NOBODY, NULL, "d", true, NO_HANDLER},
    {"PLAIN, no domain", 1, 1, NOBODY, "1.0|#|200|||", NULL, true, NO_HANDLER},
    {"NULL, enforced", 0, 0, NOBODY, NULL, "d", true, NO_HANDLER},
    {"CURVE, enforced", 2, 2, NOBODY, NULL, "d", true, NO_HANDLER},

    {"no metadata", 1, 1, NOBODY, "1.0|#|200|OK|", NULL, false,
     MALFORMED(MALFORMED_REPLY)},
    {"one part", 1, 1, NOBODY, "1.0", NULL, false, MALFORMED(MALFORMED_REPLY)},
    {"empty reply", 2, 2, NOBODY, "", NULL, false, MALFORMED(MALFORMED_REPLY)},
    {"a part too many", 2, 2, NOBODY, "1.0|#|200|OK|||", NULL, false,
     MALFORMED(MALFORMED_REPLY)},
    {"version", 1, 1, NOBODY, "1.1|#|200|OK||", NULL, false,
     MALFORMED(BAD_VERSION)},
    {"no version", 0, 0, NOBODY, "|#|200|OK||", "d", false,
     MALFORMED(BAD_VERSION)},
    {"id", 1, 1, NOBODY, "1.0|2|200|OK||", NULL, false,
     MALFORMED(BAD_REQUEST_ID)},
    {"long id", 2, 2, NOBODY, "1.0|#1|200|OK||", NULL, false,
     MALFORMED(BAD_REQUEST_ID)},
    {"status 201", 1, 1, NOBODY, "1.0|#|201|OK||", NULL, false,
     MALFORMED(INVALID_STATUS_CODE)},
    {"status 600", 2, 2, NOBODY, "1.0|#|600|OK||", NULL, false,
     MALFORMED(INVALID_STATUS_CODE)},
    {"short status", 1, 1, NOBODY, "1.0|#|20|OK||", NULL, false,
     MALFORMED(INVALID_STATUS_CODE)},
    {"long status", 0, 0, NOBODY, "1.0|#|2000|OK||", "d", false,
     MALFORMED(INVALID_STATUS_CODE)},
    {"status in words", 1, 1, NOBODY, "1.0|#|OK|200||", NULL, false,
     MALFORMED(INVALID_STATUS_CODE)},
    {"metadata", 1, 1, NOBODY, "1.0|#|200|OK||metadata", NULL, false,
     MALFORMED(INVALID_METADATA)},
    {"metadata of a refusal", 2, 2, NOBODY, "1.0|#|400|OK||x", NULL, false,
     MALFORMED(INVALID_METADATA)},
};

static void apply(secured_t *server, const failure_t *failure) {
  set_server(server, failure->server);
  if (failure->verdict != NOBODY)
    secured_ask(server, failure->verdict, NULL);
  if (failure->domain != NULL)
    secured_set_text(server, ZUV_ZAP_DOMAIN, failure->domain);
  actor_set(&server->actor, ZUV_ZAP_ENFORCE_DOMAIN, failure->enforce);
}

static void check_client(ends_t *ends, const failure_t *failure) {
  secured_t *client = &ends->client;

  if (failure->client_status == HANG_UP) {
    secured_expect_hang_up(client);
    rig_until(&ends->rig, client->actor.events[ZUV_EVENT_CONNECTED] >= 3);
    assert_int_equal(client->actor.events[ZUV_EVENT_STOPPED], 0);
    return;
  }
  secured_expect_failure(client, failure->client_status, failure->reason,
                         failure->peer_status);
  rig_until(&ends->rig, client->actor.events[ZUV_EVENT_STOPPED] == 1);
  assert_int_equal(client->actor.last[ZUV_EVENT_STOPPED].status,
                   failure->client_status);
  rig_run_for(&ends->rig, QUIET_MS);
  assert_int_equal(client->actor.events[ZUV_EVENT_CONNECTED], 1);
  assert_int_equal(client->actor.events[ZUV_EVENT_CONNECT_RETRIED], 0);
  assert_int_equal(ends->server.actor.events[ZUV_EVENT_ACCEPTED], 1);
}

static void check_failure(const failure_t *failure) {
  secured_handler_t handler;
  ends_t ends;

  ends_open(&ends, ZUV_DEALER, ZUV_DEALER);
  apply(&ends.server, failure);
  set_client(&ends.client, failure->client);
  if (failure->reply != NULL) {
    secured_handler_open(&handler, NULL, &ends.rig.loop);
    handler.reply = failure->reply;
  }
  ends_connect(&ends);
  rig_until(&ends.rig, losses(&ends.server) >= 1 && losses(&ends.client) >= 1);
  secured_expect_failure_at(&ends.server, 0, failure->status, failure->reason,
                            failure->peer_status);
  check_client(&ends, failure);
  assert_int_equal(ends.server.actor.events[ZUV_EVENT_READY], 0);
  assert_int_equal(ends.client.actor.events[ZUV_EVENT_READY], 0);
  if (failure->reply != NULL)
    actor_close(&ends.rig, &handler.actor);
  ends_close(&ends);
}

static void both_ends_are_told_why_a_handshake_failed(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    print_message("%s\n", cases[i].name);
    check_failure(&cases[i]);
  }
}

/* The rules of who is asked, where they let in. */
static void nobody_is_asked_where_nobody_needs_to_be(void **state) {
  static const failure_t admitted[] = {
      {"", 0, 0, NOBODY, NULL, NULL, false, 0, 0, 0, 0},
      {"", 0, 0, NOBODY, NULL, NULL, true, 0, 0, 0, 0},
      {"", 0, 0, NOBODY, NULL, "d", false, 0, 0, 0, 0},
      {"", 2, 2, NOBODY, NULL, NULL, false, 0, 0, 0, 0},
      {"", 2, 2, NOBODY, NULL, NULL, true, 0, 0, 0, 0},
      {"", 2, 2, NOBODY, NULL, "d", false, 0, 0, 0, 0},
      /* there is a handler that would refuse */
      {"", 0, 0, NOBODY, "1.0|#|400|||", NULL, false, 0, 0, 0, 0},
      {"", 0, 0, NOBODY, "1.0|#|400|||", NULL, true, 0, 0, 0, 0},
      {"", 2, 2, NOBODY, "1.0|#|400|||", NULL, true, 0, 0, 0, 0},
      /* a callback is asked instead */
      {"", 0, 0, 200, "1.0|#|400|||", "d", true, 0, 0, 0, 0},
      {"", 1, 1, 200, "1.0|#|400|||", "d", true, 0, 0, 0, 0},
      {"", 2, 2, 200, "1.0|#|400|||", "d", true, 0, 0, 0, 0},
      {"", 1, 1, 200, NULL, NULL, true, 0, 0, 0, 0},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(admitted); i++) {
    secured_handler_t handler;
    ends_t ends;

    ends_open(&ends, ZUV_DEALER, ZUV_DEALER);
    apply(&ends.server, &admitted[i]);
    set_client(&ends.client, admitted[i].client);
    secured_handler_open(&handler, NULL, &ends.rig.loop);
    if (admitted[i].reply == NULL)
      actor_close(&ends.rig, &handler.actor);
    else
      handler.reply = admitted[i].reply;
    ends_connect(&ends);
    ends_wait_ready(&ends);
    assert_int_equal(handler.asked, 0);
    assert_int_equal(ends.server.asked, admitted[i].verdict == 200);
    if (admitted[i].reply != NULL)
      actor_close(&ends.rig, &handler.actor);
    ends_close(&ends);
  }
}

static void a_wrong_server_key_is_told_to_the_server_only(void **state) {
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  secured_curve_server(&ends.server);
  secured_curve_client_with(&ends.client, &secured_client_keys,
                            secured_other_keys.public_key);
  ends_connect(&ends);
  rig_until(&ends.rig,
            failures(&ends.server) >= 2 && failures(&ends.client) >= 2);
  secured_expect_failure(&ends.server, UV_EPROTO,
                         ZUV_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, 0);
  secured_expect_hang_up(&ends.client);
  assert_int_equal(ends.client.actor.events[ZUV_EVENT_STOPPED], 0);
  ends_close(&ends);
}

/* The public key of a client is what it proves to own. */
static void a_client_cannot_claim_the_key_of_another(void **state) {
  secured_keys_t stolen = secured_other_keys;
  ends_t ends;

  (void)state;
  memcpy(stolen.public_key, secured_client_keys.public_key,
         sizeof(stolen.public_key));
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  secured_curve_server(&ends.server);
  secured_ask(&ends.server, 200, NULL);
  secured_curve_client_with(&ends.client, &stolen,
                            secured_server_keys.public_key);
  ends_connect(&ends);
  rig_until(&ends.rig, failures(&ends.server) >= 1);
  secured_expect_failure_at(&ends.server, 0, UV_EPROTO,
                            ZUV_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, 0);
  assert_int_equal(ends.server.asked, 0);
  ends_close(&ends);
}

static void two_clients_do_not_understand_each_other(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PAIR, ZUV_PAIR);
    set_client(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    ends_connect(&ends);
    rig_until(&ends.rig, ends.client.actor.events[ZUV_EVENT_STOPPED] == 1 &&
                             failures(&ends.server) == 1);
    secured_expect_failure(&ends.client, UV_EPROTO,
                           ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, 0);
    secured_expect_failure(&ends.server, UV_EPROTO,
                           ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, 0);
    ends_close(&ends);
  }
}

static void two_servers_wait_for_each_other(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PAIR, ZUV_PAIR);
    set_server(&ends.server, mechanism);
    set_server(&ends.client, mechanism);
    actor_set(&ends.client.actor, ZUV_HANDSHAKE_IVL, 60);
    ends_connect(&ends);
    rig_until(&ends.rig, failures(&ends.client) == 2);
    secured_expect_failure(&ends.client, UV_ETIMEDOUT, 0, 0);
    secured_expect_hang_up(&ends.server);
    assert_int_equal(ends.client.actor.events[ZUV_EVENT_STOPPED], 0);
    ends_close(&ends);
  }
}

static void the_time_of_a_handshake_includes_the_answer(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PAIR, ZUV_PAIR);
    set_server(&ends.server, mechanism);
    set_client(&ends.client, mechanism);
    secured_ask(&ends.server, 0, NULL);
    actor_set(&ends.server.actor, ZUV_HANDSHAKE_IVL, 60);
    ends_connect(&ends);
    rig_until(&ends.rig, failures(&ends.client) >= 1);
    secured_expect_failure(&ends.server, UV_ETIMEDOUT, 0, 0);
    secured_expect_hang_up(&ends.client);
    assert_int_equal(ends.client.actor.events[ZUV_EVENT_STOPPED], 0);
    assert_true(ends.server.asked >= 1);
    assert_int_equal(zuv_auth_allow(ends.server.requests[0], "too late"),
                     UV_ECANCELED);
    /* the next one is in time */
    ends.server.verdict = 200;
    ends_wait_ready(&ends);
    for (size_t i = 1; i < ends.server.asked; i++)
      if (ends.server.requests[i] != NULL)
        assert_int_equal(zuv_auth_deny(ends.server.requests[i], 400),
                         UV_ECANCELED);
    ends_close(&ends);
  }
}

static void the_client_has_a_limit_of_its_own(void **state) {
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PAIR, ZUV_PAIR);
  set_server(&ends.server, ZUV_CURVE);
  set_client(&ends.client, ZUV_CURVE);
  secured_ask(&ends.server, 0, NULL);
  actor_set(&ends.client.actor, ZUV_HANDSHAKE_IVL, 60);
  ends_connect(&ends);
  rig_until(&ends.rig,
            failures(&ends.client) >= 1 && failures(&ends.server) >= 1);
  secured_expect_failure(&ends.client, UV_ETIMEDOUT, 0, 0);
  secured_expect_hang_up(&ends.server);
  ends.server.verdict = 200;
  for (size_t i = 0; i < ends.server.asked; i++)
    assert_int_equal(zuv_auth_allow(ends.server.requests[i], NULL),
                     UV_ECANCELED);
  ends_close(&ends);
}

/* A socket that lingers asks nobody any more, and lets nobody in. */
static void nobody_comes_in_while_the_socket_closes(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_PULL, ZUV_PUSH);
    set_client(&ends.server, mechanism);
    set_server(&ends.client, mechanism);
    secured_ask(&ends.client, 300, NULL);
    actor_set(&ends.client.actor, ZUV_LINGER, -1);
    ends_connect(&ends);
    assert_int_equal(actor_send(&ends.client.actor, "not for everybody"), 0);
    rig_until(&ends.rig, ends.client.asked >= 2);
    zuv_close(&ends.client.actor.zuv, actor_on_close);
    rig_until(&ends.rig, ends.client.actor.closed == 1);
    rig_run_for(&ends.rig, QUIET_MS);
    assert_int_equal(ends.server.actor.received, 0);
    actor_close(&ends.rig, &ends.server.actor);
    rig_close(&ends.rig);
  }
}

/* What the messages waited for is gone, as with any endpoint that stopped. */
static void a_refused_client_may_connect_again(void **state) {
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  set_server(&ends.server, ZUV_CURVE);
  set_client(&ends.client, ZUV_CURVE);
  secured_ask(&ends.server, 400, NULL);
  ends_connect(&ends);
  rig_until(&ends.rig, ends.client.actor.events[ZUV_EVENT_STOPPED] == 1);
  ends.server.verdict = 200;
  zuv_disconnect(&ends.client.actor.zuv, ends.endpoint);
  actor_connect(&ends.client.actor, ends.endpoint);
  ends_wait_ready(&ends);
  assert_int_equal(actor_send(&ends.client.actor, "hello"), 0);
  rig_until(&ends.rig, ends.server.actor.received == 1);
  ends_close(&ends);
}

/* ---- Trying again ---- */

static void pauses_grow_after_refusals_without_a_word(void **state) {
  enum { FIRST = 2, FAILURES = 8 };
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  secured_curve_server(&ends.server);
  secured_curve_client_with(&ends.client, &secured_client_keys,
                            secured_other_keys.public_key);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL, FIRST);
  ends_connect(&ends);
  rig_until(&ends.rig,
            ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] >= FAILURES);
  for (unsigned i = 0; i < FAILURES; i++) {
    uint64_t least = (uint64_t)FIRST << (i < 5 ? i : 5);
    if (ends.client.delays[i] < least || ends.client.delays[i] >= 2 * least)
      fail_msg("pause %u is %llu ms", i,
               (unsigned long long)ends.client.delays[i]);
  }
  ends_close(&ends);
}

static void the_longest_pause_is_reconnect_ivl_max(void **state) {
  static const uint64_t expected[] = {2, 4, 8, 16, 32, 64, 100, 100};
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  secured_curve_server(&ends.server);
  secured_curve_client_with(&ends.client, &secured_client_keys,
                            secured_other_keys.public_key);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL, 2);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL_MAX, 100);
  ends_connect(&ends);
  rig_until(&ends.rig, ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] >=
                           COUNT(expected));
  for (size_t i = 0; i < COUNT(expected); i++)
    assert_int_equal(ends.client.delays[i], expected[i]);
  ends_close(&ends);
}

static void pauses_are_short_again_after_a_success(void **state) {
  enum { FIRST = 2 };
  size_t failed;
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  set_server(&ends.server, ZUV_PLAIN);
  set_client(&ends.client, ZUV_PLAIN);
  secured_ask(&ends.server, 300, NULL);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL, FIRST);
  ends_connect(&ends);
  rig_until(&ends.rig,
            ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] >= 3);
  assert_true(ends.client.delays[2] >= 4 * FIRST);
  ends.server.verdict = 200;
  ends_wait_ready(&ends);
  failed = ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED];
  assert_int_equal(zuv_unbind(&ends.server.actor.zuv, ends.endpoint), 0);
  rig_until(&ends.rig,
            ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] > failed);
  assert_true(ends.client.delays[failed] < 2 * FIRST);
  ends_close(&ends);
}

static void pauses_of_null_do_not_grow(void **state) {
  enum { FIRST = 2, FAILURES = 8 };
  ends_t ends;

  (void)state;
  ends_open(&ends, ZUV_PULL, ZUV_PUSH);
  secured_ask(&ends.server, 300, NULL);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL, FIRST);
  ends_connect(&ends);
  rig_until(&ends.rig,
            ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] >= FAILURES);
  for (unsigned i = 0; i < FAILURES; i++)
    assert_true(ends.client.delays[i] < 2 * FIRST);
  ends_close(&ends);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ready_tells_mechanism_and_user),
      cmocka_unit_test(a_server_may_connect),
      cmocka_unit_test(endpoints_keep_what_was_set_when_they_were_made),
      cmocka_unit_test(keys_may_change_between_endpoints),
      cmocka_unit_test(messages_of_every_size_arrive),
      cmocka_unit_test(every_small_size_arrives),
      cmocka_unit_test(messages_of_many_parts_arrive),
      cmocka_unit_test(many_small_messages_arrive_in_order),
      cmocka_unit_test(messages_sent_before_the_handshake_arrive),
      cmocka_unit_test(the_limit_is_that_of_the_payload),
      cmocka_unit_test(long_topics_are_no_long_messages),
      cmocka_unit_test(traffic_may_follow_ready_at_once),
      cmocka_unit_test(a_publisher_serves_all_mechanisms),
      cmocka_unit_test(subscriptions_change_over_secured_connections),
      cmocka_unit_test(long_topics_are_subscribed_to),
      cmocka_unit_test(routers_know_their_peers_by_id),
      cmocka_unit_test(requests_are_answered),
      cmocka_unit_test(both_ends_are_told_why_a_handshake_failed),
      cmocka_unit_test(nobody_is_asked_where_nobody_needs_to_be),
      cmocka_unit_test(a_wrong_server_key_is_told_to_the_server_only),
      cmocka_unit_test(a_client_cannot_claim_the_key_of_another),
      cmocka_unit_test(two_clients_do_not_understand_each_other),
      cmocka_unit_test(two_servers_wait_for_each_other),
      cmocka_unit_test(the_time_of_a_handshake_includes_the_answer),
      cmocka_unit_test(the_client_has_a_limit_of_its_own),
      cmocka_unit_test(nobody_comes_in_while_the_socket_closes),
      cmocka_unit_test(a_refused_client_may_connect_again),
      cmocka_unit_test(pauses_grow_after_refusals_without_a_word),
      cmocka_unit_test(the_longest_pause_is_reconnect_ivl_max),
      cmocka_unit_test(pauses_are_short_again_after_a_success),
      cmocka_unit_test(pauses_of_null_do_not_grow),
  };

  if (argc > 1)
    secured_transport = argv[1];
  return cmocka_run_group_tests_name("security", tests, make_pattern,
                                     free_pattern);
}
