/* DEALER and ROUTER: routing ids, where messages go, what is told of peers. */
#include "support/harness.h"

static uint32_t generated_number(const harness_part_t *id) {
  const unsigned char *bytes = id->data;

  assert_int_equal(id->size, 5);
  assert_int_equal(bytes[0], 0);
  return ((uint32_t)bytes[1] << 24) | ((uint32_t)bytes[2] << 16) |
         ((uint32_t)bytes[3] << 8) | bytes[4];
}

static harness_socket_t *named_dealer(harness_t *h, const char *name) {
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  harness_set_text(dealer, ZUV_ROUTING_ID, name);
  return dealer;
}

static void router_numbers_peers_without_an_id(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *one = harness_socket(h, ZUV_DEALER);
  harness_socket_t *two = harness_socket(h, ZUV_DEALER);
  char text[HARNESS_TEXT_MAX];
  uint32_t number;

  /* behaviour 52 */
  harness_join(router, one, NULL);
  harness_join(router, two, NULL);
  harness_send(one, "1");
  harness_wait(h, router->received == 1);
  harness_send(two, "2|2");
  harness_wait(h, router->received == 2);
  number = generated_number(&router->messages[0].parts[0]);
  assert_int_equal(generated_number(&router->messages[1].parts[0]), number + 1);
  snprintf(text, sizeof(text), "%s|back", harness_part(router, 1, 0));
  harness_send(router, text);
  harness_expect(two, 0, "back");
  assert_string_equal(router->messages[0].peer_routing_id,
                      harness_part(router, 0, 0));
}

static void router_uses_the_id_that_a_peer_announced(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  /* behaviour 53 */
  harness_join(router, peter, NULL);
  harness_send(peter, "hello");
  harness_expect(router, 0, "peter|hello");
  harness_send(router, "peter||good|day");
  harness_expect(peter, 0, "|good|day");
}

static void an_announced_id_outlives_a_reconnection(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *second = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviours 53 and 65 */
  harness_set(peter, ZUV_RECONNECT_IVL, 10);
  harness_join(first, peter, endpoint);
  harness_set_text(peter, ZUV_ROUTING_ID, "paul");
  harness_send(peter, "1");
  harness_expect(first, 0, "peter|1");
  harness_close(first);
  harness_wait_lost(peter, 1);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_send(peter, "2");
  harness_expect(second, 0, "peter|2");
}

static void a_second_peer_with_an_id_in_use_is_not_heard(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *first = named_dealer(h, "same");
  harness_socket_t *second = named_dealer(h, "same");

  /* behaviour 54 */
  harness_join(router, first, NULL);
  harness_join(router, second, NULL);
  (void)harness_try_send(second, "unheard");
  harness_send(first, "heard");
  harness_expect(router, 0, "same|heard");
  harness_send(router, "same|for the first");
  harness_expect(first, 0, "for the first");
  harness_settle(h);
  assert_int_equal(router->received, 1);
  assert_int_equal(second->received, 0);
  assert_int_equal(harness_events(second, ZUV_EVENT_DISCONNECTED), 0);
}

static void with_handover_a_second_peer_takes_the_id(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *first = named_dealer(h, "same");
  harness_socket_t *second = named_dealer(h, "same");
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 55 */
  harness_set(router, ZUV_ROUTER_HANDOVER, 1);
  harness_set(first, ZUV_RECONNECT_IVL, -1);
  harness_join(router, first, endpoint);
  harness_send(first, "1");
  harness_expect(router, 0, "same|1");
  harness_connect(second, endpoint);
  harness_wait_ready(router, 2);
  harness_wait_lost(first, 1);
  (void)harness_try_send(first, "unheard");
  harness_send(second, "2");
  harness_expect(router, 1, "same|2");
  harness_send(router, "same|for the second");
  harness_expect(second, 0, "for the second");
  harness_settle(h);
  assert_int_equal(router->received, 2);
  assert_int_equal(first->received, 0);
}

static void with_handover_a_socket_may_take_the_id_from_itself(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(router, ZUV_ROUTER_HANDOVER, 1);
  harness_set(router, ZUV_RECONNECT_IVL, -1);
  harness_set_text(router, ZUV_ROUTING_ID, "me");
  if (harness_transport == HARNESS_INPROC_CONNECT_FIRST) {
    harness_fresh_endpoint(h, endpoint);
    harness_connect(router, endpoint);
    assert_int_equal(zuv_bind(&router->zuv, endpoint), 0);
  } else {
    harness_bind(router, endpoint);
    harness_connect(router, endpoint);
  }
  harness_settle(h);
  harness_send(router, "me|hello");
  harness_settle(h);
  harness_forget_messages(router);
  /* it lives and works */
  harness_connect(dealer, endpoint);
  harness_send_waiting(dealer, "hello");
  harness_wait(h, router->received == 1);
}

static void messages_to_nobody_are_dropped(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  /* behaviour 56 */
  harness_join(router, peter, NULL);
  harness_send(router, "nobody|lost");
  harness_send(router, "peter");
  harness_send(router, "peter|found");
  harness_expect(peter, 0, "found");
  harness_wait(h, router->dropped == 2);
}

static void mandatory_refuses_unknown_peers(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  /* behaviours 57 and 59 */
  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  assert_int_equal(harness_get(router, ZUV_EVENTS), 0);
  assert_int_equal(harness_try_send(router, "peter|early"), UV_EHOSTUNREACH);
  harness_join(router, peter, NULL);
  assert_int_equal(harness_get(router, ZUV_EVENTS), ZUV_POLLOUT);
  assert_int_equal(harness_try_send(router, "paul|lost"), UV_EHOSTUNREACH);
  harness_send(router, "peter|found");
  harness_expect(peter, 0, "found");
  harness_close(peter);
  harness_wait_lost(router, 1);
  assert_int_equal(harness_try_send(router, "peter|gone"), UV_EHOSTUNREACH);
  harness_set(router, ZUV_ROUTER_MANDATORY, 0);
  assert_int_equal(harness_get(router, ZUV_EVENTS), ZUV_POLLOUT);
}

static void mandatory_waits_for_a_full_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = harness_deaf_socket(h, ZUV_DEALER);
  enum { ENOUGH = 4000 };
  zuv_msg_t parts[2];
  size_t sent = 0;
  int err = 0;

  /* behaviour 58 */
  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  harness_set(router, ZUV_SNDHWM, 3);
  harness_set(peter, ZUV_RCVHWM, 4);
  harness_set_text(peter, ZUV_ROUTING_ID, "peter");
  harness_join(router, peter, NULL);
  for (; sent < ENOUGH; sent++) {
    assert_int_equal(zuv_msg_init_copy(&parts[0], "peter", 5), 0);
    assert_int_equal(zuv_msg_init_size(&parts[1], 50000), 0);
    memset(zuv_msg_data(&parts[1]), 'x', 50000);
    err = zuv_try_send(&router->zuv, parts, 2);
    harness_parts_close(parts, 2);
    if (err != 0)
      break;
    uv_run(&h->loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(err, UV_EAGAIN);
  assert_true(sent >= 7);
  assert_int_equal(harness_get(router, ZUV_EVENTS), 0);
  harness_receive(peter);
  harness_wait(h, peter->received == sent);
  harness_send_waiting(router, "peter|room again");
  harness_expect(peter, sent, "room again");
}

static void connect_routing_id_names_a_peer_at_once(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = named_dealer(h, "its own name");
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 60 */
  harness_bind(dealer, endpoint);
  harness_set_text(router, ZUV_CONNECT_ROUTING_ID, "peer1");
  harness_connect(router, endpoint);
  harness_send(router, "peer1|at once");
  harness_expect(dealer, 0, "at once");
  harness_send(dealer, "reply");
  harness_expect(router, 0, "peer1|reply");
  /* A second one would have the same name: refused instead of an abort. */
  harness_set_text(router, ZUV_CONNECT_ROUTING_ID, "peer1");
  assert_int_equal(zuv_connect(&router->zuv, endpoint), UV_EINVAL);
}

/* Though the pipes come later, each with its connection. */
static void connect_routing_id_is_that_of_its_connect(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealers[2] = {harness_socket(h, ZUV_DEALER),
                                  harness_socket(h, ZUV_DEALER)};
  static const char *const names[2] = {"first", "second"};
  char endpoint[HARNESS_TEXT_MAX];

  harness_set(router, ZUV_IMMEDIATE, 1);
  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  for (int i = 0; i < 2; i++) {
    harness_bind(dealers[i], endpoint);
    harness_set_text(router, ZUV_CONNECT_ROUTING_ID, names[i]);
    harness_connect(router, endpoint);
  }
  harness_wait_ready(router, 2);
  harness_send(router, "second|to the second");
  harness_send(router, "first|to the first");
  harness_expect(dealers[0], 0, "to the first");
  harness_expect(dealers[1], 0, "to the second");
}

static void a_probe_comes_first(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  /* behaviour 61 */
  harness_set(peter, ZUV_PROBE_ROUTER, 1);
  harness_join(router, peter, NULL);
  harness_expect(router, 0, "peter|");
  harness_send(peter, "then");
  harness_expect(router, 1, "peter|then");
}

static void router_still_reads_what_a_gone_peer_sent(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_deaf_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  /* behaviour 62 */
  harness_join(router, peter, NULL);
  harness_send(peter, "m1");
  harness_send(peter, "m2");
  harness_close(peter);
  harness_wait_lost(router, 1);
  harness_receive(router);
  harness_expect(router, 0, "peter|m1");
  harness_expect(router, 1, "peter|m2");
}

static void dealer_alternates_both_ways(void **state) {
  harness_t *h = *state;
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  harness_socket_t *x = harness_socket(h, ZUV_DEALER);
  harness_socket_t *y = harness_socket(h, ZUV_DEALER);

  /* behaviour 64 */
  harness_join(dealer, x, NULL);
  harness_join(dealer, y, NULL);
  assert_int_equal(harness_fill(dealer, "", 6), 6);
  harness_expect(x, 2, "4");
  harness_expect(y, 2, "5");
  harness_fill(x, "x", 3);
  harness_fill(y, "y", 3);
  harness_close(x);
  harness_close(y);
  harness_wait_lost(dealer, 2);
  harness_receive(dealer);
  harness_wait(h, dealer->received == 6);
  for (size_t i = 0; i + 1 < 6; i++)
    assert_true(dealer->messages[i].text[0] != dealer->messages[i + 1].text[0]);
}

static void router_notify_tells_of_peers(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *peter = named_dealer(h, "peter");

  if (harness_is_inproc())
    skip();
  /* behaviour 66 */
  harness_set(router, ZUV_ROUTER_NOTIFY, 3);
  harness_join(router, peter, NULL);
  harness_expect(router, 0, "peter|");
  harness_send(peter, "in between");
  harness_expect(router, 1, "peter|in between");
  harness_close(peter);
  harness_expect(router, 2, "peter|");
}

static void routers_talk_to_each_other(void **state) {
  harness_t *h = *state;
  harness_socket_t *left = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *right = harness_socket(h, ZUV_ROUTER);

  harness_set_text(left, ZUV_ROUTING_ID, "left");
  harness_set_text(right, ZUV_ROUTING_ID, "right");
  harness_join(left, right, NULL);
  harness_send(left, "right|hello");
  harness_expect(right, 0, "left|hello");
  harness_send(right, "left|hello|you");
  harness_expect(left, 0, "right|hello|you");
}

static void the_longest_id_works(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  char id[255];
  zuv_msg_t parts[2];

  memset(id, 'i', sizeof(id));
  assert_int_equal(zuv_set_option(&dealer->zuv, ZUV_ROUTING_ID, id, sizeof(id)),
                   0);
  harness_join(router, dealer, NULL);
  harness_send(dealer, "long");
  harness_wait(h, router->received == 1);
  assert_int_equal(router->messages[0].parts[0].size, sizeof(id));
  assert_memory_equal(router->messages[0].parts[0].data, id, sizeof(id));
  assert_int_equal(zuv_msg_init_copy(&parts[0], id, sizeof(id)), 0);
  assert_int_equal(zuv_msg_init_copy(&parts[1], "back", 4), 0);
  assert_int_equal(zuv_try_send(&router->zuv, parts, 2), 0);
  harness_expect(dealer, 0, "back");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(router_numbers_peers_without_an_id),
      harness_test(router_uses_the_id_that_a_peer_announced),
      harness_test(an_announced_id_outlives_a_reconnection),
      harness_test(a_second_peer_with_an_id_in_use_is_not_heard),
      harness_test(with_handover_a_second_peer_takes_the_id),
      harness_test(with_handover_a_socket_may_take_the_id_from_itself),
      harness_test(messages_to_nobody_are_dropped),
      harness_test(mandatory_refuses_unknown_peers),
      harness_test(mandatory_waits_for_a_full_peer),
      harness_test(connect_routing_id_names_a_peer_at_once),
      harness_test(connect_routing_id_is_that_of_its_connect),
      harness_test(a_probe_comes_first),
      harness_test(router_still_reads_what_a_gone_peer_sent),
      harness_test(dealer_alternates_both_ways),
      harness_test(router_notify_tells_of_peers),
      harness_test(routers_talk_to_each_other),
      harness_test(the_longest_id_works),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
