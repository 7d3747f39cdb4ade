/* Messages that no application has sent: HELLO_MSG, DISCONNECT_MSG, HICCUP_MSG,
 * PROBE_ROUTER and ROUTER_NOTIFY, over every transport. */
#include "support/raw_tcp.h"

static void set_bytes(harness_socket_t *s, int option, const char *text) {
  assert_int_equal(zuv_set_option(&s->zuv, option, text, strlen(text)), 0);
}

static harness_socket_t *router(harness_t *h) {
  return harness_socket(h, ZUV_ROUTER);
}

static harness_socket_t *dealer(harness_t *h, const char *id) {
  harness_socket_t *s = harness_socket(h, ZUV_DEALER);

  set_bytes(s, ZUV_ROUTING_ID, id);
  harness_set(s, ZUV_RECONNECT_IVL, 1);
  return s;
}

/* ---- HELLO_MSG ---- */

/* Behaviour 67. */
static void hello_comes_first(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");

  set_bytes(binder, ZUV_HELLO_MSG, "WELCOME");
  set_bytes(connecter, ZUV_HELLO_MSG, "HELLO");
  harness_set(connecter, ZUV_PROBE_ROUTER, 1);
  harness_join(binder, connecter, NULL);
  harness_send(connecter, "message");
  harness_expect_next(binder, "D|HELLO");
  harness_expect_next(binder, "D|");
  harness_expect_next(binder, "D|message");
  harness_expect_next(connecter, "WELCOME");
  harness_settle(h);
  assert_int_equal(binder->received + connecter->received, 0);
}

static void hello_comes_before_what_waits(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");
  char text[HARNESS_TEXT_MAX];

  set_bytes(connecter, ZUV_HELLO_MSG, "HELLO");
  harness_fresh_endpoint(h, text);
  harness_connect(connecter, text);
  harness_send(connecter, "one");
  harness_send(connecter, "two|parts");
  assert_int_equal(zuv_bind(&binder->zuv, text), 0);
  harness_expect_next(binder, "D|HELLO");
  harness_expect_next(binder, "D|one");
  harness_expect_next(binder, "D|two|parts");
}

static void hello_may_be_large_and_binary(void **state) {
  enum { SIZE = 300 * 1024 };
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");
  char *bytes = malloc(SIZE);

  assert_non_null(bytes);
  for (int i = 0; i < SIZE; i++)
    bytes[i] = (char)(i * 7);
  assert_int_equal(zuv_set_option(&connecter->zuv, ZUV_HELLO_MSG, bytes, SIZE),
                   0);
  harness_join(binder, connecter, NULL);
  harness_wait(h, binder->received == 1);
  assert_int_equal(binder->messages[0].count, 2);
  assert_int_equal(binder->messages[0].parts[1].size, SIZE);
  assert_memory_equal(binder->messages[0].parts[1].data, bytes, SIZE);
  free(bytes);
}

static void hello_is_said_again_after_a_reconnection(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = router(h);
  harness_socket_t *second;
  harness_socket_t *connecter = dealer(h, "D");
  char text[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  set_bytes(connecter, ZUV_HELLO_MSG, "HELLO");
  harness_set(connecter, ZUV_PROBE_ROUTER, 1);
  harness_join(first, connecter, text);
  harness_expect_next(first, "D|HELLO");
  harness_expect_next(first, "D|");
  harness_close(first);
  harness_wait_lost(connecter, 1);
  harness_send(connecter, "waits");
  second = router(h);
  assert_int_equal(zuv_bind(&second->zuv, text), 0);
  harness_expect_next(second, "D|HELLO");
  /* A probe belongs to the pipe, which is the same. */
  harness_expect_next(second, "D|waits");
}

static void all_peers_that_are_accepted_hear_it(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = harness_socket(h, ZUV_REP);
  harness_socket_t *one, *other;
  char text[HARNESS_TEXT_MAX];

  if (harness_transport == HARNESS_INPROC_CONNECT_FIRST)
    skip();
  set_bytes(binder, ZUV_HELLO_MSG, "WELCOME");
  one = dealer(h, "one");
  harness_join(binder, one, text);
  harness_expect_next(one, "WELCOME");
  other = dealer(h, "other");
  harness_connect(other, text);
  harness_expect_next(other, "WELCOME");
}

/* An option for the next bind or connect. */
static void hello_is_that_of_the_bind(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");
  char text[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  set_bytes(binder, ZUV_HELLO_MSG, "before");
  harness_bind(binder, text);
  set_bytes(binder, ZUV_HELLO_MSG, "after");
  harness_connect(connecter, text);
  harness_expect_next(connecter, "before");
  set_bytes(binder, ZUV_HELLO_MSG, "");
  harness_bind(binder, text);
  harness_connect(connecter, text);
  harness_wait_ready(connecter, 2);
  harness_settle(h);
  assert_int_equal(connecter->received, 0);
}

static void other_types_say_none(void **state) {
  static const int pairs[][2] = {{ZUV_PULL, ZUV_PUSH},
                                 {ZUV_PAIR, ZUV_PAIR},
                                 {ZUV_SUB, ZUV_PUB},
                                 {ZUV_ROUTER, ZUV_REQ}};
  harness_t *h = *state;

  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    harness_socket_t *listener = harness_socket(h, pairs[i][0]);
    harness_socket_t *speaker = harness_socket(h, pairs[i][1]);

    if (pairs[i][0] == ZUV_SUB)
      harness_subscribe(listener, "");
    set_bytes(speaker, ZUV_HELLO_MSG, "HELLO");
    harness_join(listener, speaker, NULL);
    harness_settle(h);
    assert_int_equal(listener->received, 0);
  }
}

/* A requester cannot take it for a reply. */
static void a_hello_is_no_reply(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = harness_socket(h, ZUV_REP);
  harness_socket_t *connecter = harness_socket(h, ZUV_REQ);

  set_bytes(binder, ZUV_HELLO_MSG, "HELLO");
  harness_join(binder, connecter, NULL);
  harness_send(connecter, "question");
  harness_expect_next(binder, "question");
  harness_send(binder, "answer");
  harness_expect_next(connecter, "answer");
  assert_int_equal(connecter->received, 0);
}

/* ---- DISCONNECT_MSG ---- */

/* Behaviour 67. */
static void the_end_of_an_accepted_peer_is_told(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *stays = dealer(h, "stays");
  harness_socket_t *goes = dealer(h, "goes");
  char text[HARNESS_TEXT_MAX];

  if (harness_transport == HARNESS_INPROC_CONNECT_FIRST)
    skip();
  set_bytes(binder, ZUV_DISCONNECT_MSG, "GONE");
  harness_join(binder, stays, text);
  harness_connect(goes, text);
  harness_send(goes, "last");
  harness_expect_next(binder, "goes|last");
  harness_close(goes);
  harness_expect_next(binder, "goes|GONE");
  harness_send(stays, "here");
  harness_expect_next(binder, "stays|here");
}

static void a_disconnect_is_an_end_too(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *goes = dealer(h, "goes");
  char text[HARNESS_TEXT_MAX];

  set_bytes(binder, ZUV_DISCONNECT_MSG, "GONE");
  harness_set(binder, ZUV_ROUTER_NOTIFY, 2);
  harness_join(binder, goes, text);
  assert_int_equal(zuv_disconnect(&goes->zuv, text), 0);
  /* ROUTER_NOTIFY is not for inproc. */
  if (!harness_is_inproc())
    harness_expect_next(binder, "goes|");
  harness_expect_next(binder, "goes|GONE");
}

static void what_was_sent_comes_before_the_end(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *goes = dealer(h, "goes");

  set_bytes(binder, ZUV_DISCONNECT_MSG, "GONE");
  harness_set(goes, ZUV_LINGER, -1);
  harness_join(binder, goes, NULL);
  for (int i = 0; i < 100; i++)
    harness_send(goes, "a|b");
  zuv_close(&goes->zuv, NULL);
  goes->closed = goes->closing = true;
  for (int i = 0; i < 100; i++)
    harness_expect_next(binder, "goes|a|b");
  harness_expect_next(binder, "goes|GONE");
}

static void a_peer_that_we_connected_to_is_not_told_of(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = dealer(h, "B");
  harness_socket_t *connecter = router(h);

  set_bytes(connecter, ZUV_DISCONNECT_MSG, "GONE");
  set_bytes(binder, ZUV_HICCUP_MSG, "HICCUP");
  harness_join(binder, connecter, NULL);
  harness_close(binder);
  harness_wait_lost(connecter, 1);
  harness_settle(h);
  assert_int_equal(connecter->received, 0);
}

/* ---- HICCUP_MSG ---- */

/* Behaviour 67. */
static void the_loss_of_a_server_is_told(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");
  char text[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  set_bytes(connecter, ZUV_HICCUP_MSG, "HICCUP");
  set_bytes(connecter, ZUV_DISCONNECT_MSG, "not this");
  harness_join(binder, connecter, text);
  harness_send(connecter, "hello");
  harness_expect_next(binder, "D|hello");
  harness_send(binder, "D|last");
  harness_expect_next(connecter, "last");
  harness_close(binder);
  harness_expect_next(connecter, "HICCUP");
  /* Attempts that fail are no news. */
  harness_wait_event(connecter, ZUV_EVENT_CONNECT_RETRIED, 3);
  assert_int_equal(connecter->received, 0);
  binder = router(h);
  assert_int_equal(zuv_bind(&binder->zuv, text), 0);
  harness_send(connecter, "again");
  harness_expect_next(binder, "D|again");
  harness_close(binder);
  harness_expect_next(connecter, "HICCUP");
}

static void a_handshake_that_fails_is_no_loss(void **state) {
  harness_t *h = *state;
  harness_socket_t *connecter = dealer(h, "D");
  raw_listener_t listener;

  if (!harness_is_tcp())
    skip();
  set_bytes(connecter, ZUV_HICCUP_MSG, "HICCUP");
  harness_set(connecter, ZUV_HANDSHAKE_IVL, 20);
  raw_tcp_listen(h, &listener);
  harness_connect(connecter, listener.endpoint);
  harness_wait_event(connecter, ZUV_EVENT_HANDSHAKE_FAILED, 2);
  assert_int_equal(connecter->received, 0);
  raw_tcp_listener_close(&listener);
}

static void lose_servers(harness_socket_t *connecter, size_t count) {
  harness_t *h = connecter->harness;
  char text[HARNESS_TEXT_MAX];

  harness_set(connecter, ZUV_RECONNECT_IVL, 1);
  set_bytes(connecter, ZUV_HICCUP_MSG, "HICCUP");
  harness_fresh_endpoint(h, text);
  harness_connect(connecter, text);
  for (size_t i = 1; i <= count; i++) {
    harness_socket_t *binder = router(h);
    assert_int_equal(zuv_bind(&binder->zuv, text), 0);
    harness_wait_ready(connecter, i);
    harness_close(binder);
    harness_wait_lost(connecter, i);
  }
}

/* Whoever does not read them has no more than fit. */
static void unread_hiccups_do_not_pile_up(void **state) {
  const uint64_t bytes = 10;
  harness_t *h = *state;

  if (!harness_is_tcp())
    skip();
  for (int by_bytes = 0; by_bytes <= 1; by_bytes++) {
    harness_socket_t *connecter = harness_deaf_socket(h, ZUV_DEALER);

    harness_set(connecter, ZUV_RCVHWM, by_bytes ? 0 : 2);
    if (by_bytes)
      assert_int_equal(zuv_set_option(&connecter->zuv, ZUV_RCVHWM_BYTES, &bytes,
                                      sizeof(bytes)),
                       0);
    lose_servers(connecter, 5);
    harness_receive(connecter);
    harness_expect_next(connecter, "HICCUP");
    harness_expect_next(connecter, "HICCUP");
    harness_settle(h);
    assert_int_equal(connecter->received, 0);
    assert_int_equal(connecter->dropped, 3);
  }
}

/* ---- ROUTER_NOTIFY, PROBE_ROUTER ---- */

/* Behaviour 66. */
static void each_notice_has_its_bit(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  for (int bits = 0; bits <= 2; bits++) {
    harness_socket_t *binder = router(h);
    harness_socket_t *connecter = dealer(h, "D");

    harness_set(binder, ZUV_ROUTER_NOTIFY, bits);
    assert_int_equal(harness_get(binder, ZUV_ROUTER_NOTIFY), bits);
    harness_join(binder, connecter, text);
    if (bits == 1)
      harness_expect_next(binder, "D|");
    harness_send(connecter, "message");
    harness_expect_next(binder, "D|message");
    harness_close(connecter);
    harness_wait_lost(binder, 1);
    if (bits == 2)
      harness_expect_next(binder, "D|");
    harness_settle(h);
    assert_int_equal(binder->received, 0);
  }
}

static void a_router_is_notified_as_it_was_bound(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");
  char text[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  harness_set(binder, ZUV_ROUTER_NOTIFY, 1);
  harness_bind(binder, text);
  harness_set(binder, ZUV_ROUTER_NOTIFY, 0);
  harness_connect(connecter, text);
  harness_expect_next(binder, "D|");
}

/* Behaviour 61. */
static void a_dealer_probes(void **state) {
  harness_t *h = *state;
  harness_socket_t *binder = router(h);
  harness_socket_t *connecter = dealer(h, "D");

  harness_set(connecter, ZUV_PROBE_ROUTER, 1);
  harness_join(binder, connecter, NULL);
  harness_send(connecter, "message");
  harness_expect_next(binder, "D|");
  harness_expect_next(binder, "D|message");
}

/* ---- On the wire ---- */

static const char handshake[] =
    "\xff\0\0\0\0\0\0\0\0\x7f\3\1NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\x04\x1c\5READY\013Socket-Type\0\0\0\6ROUTER";

static void vectors_say_what_comes_first(void **state) {
  static const char hello[] = "\0\5HELLO";
  harness_t *h = *state;
  harness_socket_t *connecter = harness_socket(h, ZUV_DEALER);
  raw_listener_t listener;
  raw_tcp_t *peer;
  size_t said;

  if (!harness_is_tcp())
    skip();
  harness_set(connecter, ZUV_PROBE_ROUTER, 1);
  set_bytes(connecter, ZUV_HELLO_MSG, "HELLO");
  raw_tcp_listen(h, &listener);
  harness_connect(connecter, listener.endpoint);
  harness_wait(h, listener.accepted == 1 && listener.peers[0]->connected);
  peer = listener.peers[0];
  raw_tcp_send(peer, handshake, sizeof(handshake) - 1);
  harness_wait(h, peer->size >= 66);
  said = 66 + (size_t)peer->bytes[65];
  harness_wait(h, peer->size >= said + 9);
  assert_memory_equal(peer->bytes + said, hello, 7);
  assert_memory_equal(peer->bytes + said + 7, "\0\0", 2);
  raw_tcp_listener_close(&listener);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(hello_comes_first),
      harness_test(hello_comes_before_what_waits),
      harness_test(hello_may_be_large_and_binary),
      harness_test(hello_is_said_again_after_a_reconnection),
      harness_test(all_peers_that_are_accepted_hear_it),
      harness_test(hello_is_that_of_the_bind),
      harness_test(other_types_say_none),
      harness_test(a_hello_is_no_reply),
      harness_test(the_end_of_an_accepted_peer_is_told),
      harness_test(a_disconnect_is_an_end_too),
      harness_test(what_was_sent_comes_before_the_end),
      harness_test(a_peer_that_we_connected_to_is_not_told_of),
      harness_test(the_loss_of_a_server_is_told),
      harness_test(a_handshake_that_fails_is_no_loss),
      harness_test(unread_hiccups_do_not_pile_up),
      harness_test(each_notice_has_its_bit),
      harness_test(a_router_is_notified_as_it_was_bound),
      harness_test(a_dealer_probes),
      harness_test(vectors_say_what_comes_first),
  };

  if (!harness_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
