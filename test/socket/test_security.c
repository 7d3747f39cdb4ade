/* NULL, PLAIN and CURVE between sockets of ours, over tcp and ipc: who is ready
 * as whom, messages of every size, and patterns. */
#include <unistd.h>

#include "hostile/secured.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QUIET_MS = 40, PATTERN_SIZE = 4 << 20, LARGEST = (3 << 20) + 7 };

static const char *const names[] = {"NULL", "PLAIN", "CURVE"};

/* ---- Who is ready ---- */

static void ready_tells_mechanism_and_user(void **state) {
  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    for (int asked = 0; asked <= 1; asked++) {
      bool has_user = asked || mechanism == ZUV_PLAIN;
      ends_t ends;

      ends_open(&ends, ZUV_DEALER, ZUV_DEALER);
      ends_set(&ends, mechanism);
      if (has_user)
        secured_ask(&ends.server, 200, "alice");
      ends_join(&ends);
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
      assert_int_equal(
          secured_failures(&ends.server) + secured_failures(&ends.client), 0);
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
    secured_set_client(&ends.server, mechanism);
    secured_set_server(&ends.client, mechanism);
    secured_ask(&ends.client, 200, "alice");
    ends_join(&ends);
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
    secured_set_server(&ends.server, mechanism);
    secured_bind(&ends.server, endpoints[mechanism]);
  }
  secured_ask(&ends.server, 200, NULL);
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    secured_t *client = &clients[mechanism];

    secured_open(client, NULL, &ends.rig.loop, ZUV_DEALER);
    secured_set_client(client, mechanism);
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
  assert_int_equal(secured_losses(&ends.server) + secured_losses(&ends.client),
                   0);
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
    ends_set(&ends, mechanism);
    if (mechanism == ZUV_PLAIN)
      secured_ask(&ends.server, 200, NULL);
    ends_join(&ends);
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
    ends_set(&ends, mechanism);
    if (mechanism == ZUV_PLAIN)
      secured_ask(&ends.server, 200, NULL);
    assert_int_equal(zuv_set_option(&ends.server.actor.zuv, ZUV_MAXMSGSIZE,
                                    &limit, sizeof(limit)),
                     0);
    ends_join(&ends);
    ends_wait_ready(&ends);
    zuv_msg_init_view(&part, pattern, 1000);
    assert_int_equal(zuv_try_send(&ends.client.actor.zuv, &part, 1), 0);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_int_equal(ends.server.actor.size, 1000);
    zuv_msg_init_view(&part, pattern, 1001);
    assert_int_equal(zuv_try_send(&ends.client.actor.zuv, &part, 1), 0);
    rig_until(&ends.rig, secured_losses(&ends.server) == 1);
    assert_int_equal(ends.server.actor.last[ZUV_EVENT_DISCONNECTED].status,
                     UV_EMSGSIZE);
    assert_int_equal(ends.server.actor.received, 1);
    assert_int_equal(secured_failures(&ends.server), 0);
    ends_close(&ends);
  }
}

/* ZUV_MAXMSGSIZE is about messages: commands of peers are none. */
static void long_topics_are_no_long_messages(void **state) {
  const int64_t limit = 4;

  (void)state;
  for (int mechanism = ZUV_NULL; mechanism <= ZUV_CURVE; mechanism++) {
    ends_t ends;

    ends_open(&ends, ZUV_XPUB, ZUV_SUB);
    ends_set(&ends, mechanism);
    secured_ask(&ends.server, 200, "alice");
    assert_int_equal(zuv_set_option(&ends.server.actor.zuv, ZUV_MAXMSGSIZE,
                                    &limit, sizeof(limit)),
                     0);
    assert_int_equal(zuv_set_option(&ends.client.actor.zuv, ZUV_SUBSCRIBE,
                                    "a topic of some length", 22),
                     0);
    ends_join(&ends);
    rig_until(&ends.rig, ends.server.actor.received == 1);
    assert_int_equal(secured_losses(&ends.server), 0);
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
  assert_int_equal(secured_failures(&server), 0);
  close(fd);
  actor_close(&rig, &server.actor);
  rig_close(&rig);
}

/* ---- Patterns ---- */

enum { SUBSCRIBERS = 6 };

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
    secured_set_server(&publisher, mechanism);
    secured_bind(&publisher, endpoints[mechanism]);
  }
  for (int i = 0; i < SUBSCRIBERS; i++) {
    secured_open(&subscribers[i], NULL, &rig.loop, ZUV_SUB);
    secured_set_client(&subscribers[i], i % 3);
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
    assert_int_equal(secured_losses(&subscribers[i]), 0);
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
    ends_set(&ends, mechanism);
    secured_ask(&ends.server, 200, NULL);
    secured_set_text(&ends.client, ZUV_SUBSCRIBE, "early");
    ends_join(&ends);
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
    ends_set(&ends, mechanism);
    secured_ask(&ends.server, 200, "alice");
    actor_set(&ends.server.actor, ZUV_ROUTER_MANDATORY, 1);
    secured_set_text(&ends.client, ZUV_ROUTING_ID, "her id");
    ends_join(&ends);
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
  };

  if (argc > 1)
    secured_transport = argv[1];
  return cmocka_run_group_tests_name("security", tests, make_pattern,
                                     free_pattern);
}
