/* Handshakes that fail between sockets of ours, over tcp and ipc: what either
 * end is told, whether the client comes back, and when. */
#include "hostile/secured.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QUIET_MS = 40 };

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
  secured_set_server(server, failure->server);
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
  secured_set_client(&ends.client, failure->client);
  if (failure->reply != NULL) {
    secured_handler_open(&handler, NULL, &ends.rig.loop);
    handler.reply = failure->reply;
  }
  ends_join(&ends);
  rig_until(&ends.rig, secured_losses(&ends.server) >= 1 &&
                           secured_losses(&ends.client) >= 1);
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
    secured_set_client(&ends.client, admitted[i].client);
    secured_handler_open(&handler, NULL, &ends.rig.loop);
    if (admitted[i].reply == NULL)
      actor_close(&ends.rig, &handler.actor);
    else
      handler.reply = admitted[i].reply;
    ends_join(&ends);
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
  ends_join(&ends);
  rig_until(&ends.rig, secured_failures(&ends.server) >= 2 &&
                           secured_failures(&ends.client) >= 2);
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
  ends_join(&ends);
  rig_until(&ends.rig, secured_failures(&ends.server) >= 1);
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
    secured_set_client(&ends.server, mechanism);
    secured_set_client(&ends.client, mechanism);
    ends_join(&ends);
    rig_until(&ends.rig, ends.client.actor.events[ZUV_EVENT_STOPPED] == 1 &&
                             secured_failures(&ends.server) == 1);
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
    secured_set_server(&ends.server, mechanism);
    secured_set_server(&ends.client, mechanism);
    actor_set(&ends.client.actor, ZUV_HANDSHAKE_IVL, 60);
    ends_join(&ends);
    rig_until(&ends.rig, secured_failures(&ends.client) == 2);
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
    ends_set(&ends, mechanism);
    secured_ask(&ends.server, 0, NULL);
    actor_set(&ends.server.actor, ZUV_HANDSHAKE_IVL, 60);
    ends_join(&ends);
    rig_until(&ends.rig, secured_failures(&ends.client) >= 1);
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
  ends_set(&ends, ZUV_CURVE);
  secured_ask(&ends.server, 0, NULL);
  actor_set(&ends.client.actor, ZUV_HANDSHAKE_IVL, 60);
  ends_join(&ends);
  rig_until(&ends.rig, secured_failures(&ends.client) >= 1 &&
                           secured_failures(&ends.server) >= 1);
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
    secured_set_client(&ends.server, mechanism);
    secured_set_server(&ends.client, mechanism);
    secured_ask(&ends.client, 300, NULL);
    actor_set(&ends.client.actor, ZUV_LINGER, -1);
    ends_join(&ends);
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
  ends_set(&ends, ZUV_CURVE);
  secured_ask(&ends.server, 400, NULL);
  ends_join(&ends);
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
  ends_join(&ends);
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
  ends_join(&ends);
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
  ends_set(&ends, ZUV_PLAIN);
  secured_ask(&ends.server, 300, NULL);
  actor_set(&ends.client.actor, ZUV_RECONNECT_IVL, FIRST);
  ends_join(&ends);
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
  ends_join(&ends);
  rig_until(&ends.rig,
            ends.client.actor.events[ZUV_EVENT_CONNECT_RETRIED] >= FAILURES);
  for (unsigned i = 0; i < FAILURES; i++)
    assert_true(ends.client.delays[i] < 2 * FIRST);
  ends_close(&ends);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
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
  return cmocka_run_group_tests_name("security failures", tests,
                                     secured_make_keys, NULL);
}
