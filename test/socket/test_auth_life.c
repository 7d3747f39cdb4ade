/* Requests to be let in, while what they belong to starts, stops and closes,
 * and many of them at once. */
#include "auth_stage.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Starting, stopping, closing ---- */

static void on_other_auth(zuv_socket_t *socket, zuv_auth_t *question) {
  (void)socket;
  assert_int_equal(zuv_auth_allow(question, "by the other"), 0);
}

static void starting_again_replaces_the_callback(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  assert_int_equal(zuv_auth_start(&stage.server.actor.zuv, on_other_auth), 0);
  assert_int_equal(zuv_auth_deny(request(0), 300), 0);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "by the other");
  assert_int_equal(stage.server.asked, 1);
}

static void misuse_is_told(void **state) {
  secured_t other;

  (void)state;
  assert_int_equal(zuv_auth_start(&stage.server.actor.zuv, NULL), UV_EINVAL);
  assert_int_equal(zuv_auth_stop(&stage.server.actor.zuv), 0);
  secured_open(&other, NULL, &stage.rig.loop, ZUV_PAIR);
  zuv_close(&other.actor.zuv, actor_on_close);
  assert_int_equal(zuv_auth_start(&other.actor.zuv, secured_on_auth),
                   UV_EINVAL);
  assert_int_equal(zuv_auth_stop(&other.actor.zuv), UV_EINVAL);
  rig_until(&stage.rig, other.actor.closed == 1);
}

static void stopping_leaves_requests_to_be_answered(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  assert_int_equal(zuv_auth_stop(&stage.server.actor.zuv), 0);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(secured_is_ready(&stage.server));
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "alice");
}

static void on_auth_stop(zuv_socket_t *socket, zuv_auth_t *question) {
  ((secured_t *)socket)->asked++;
  assert_int_equal(zuv_auth_stop(socket), 0);
  assert_int_equal(zuv_auth_deny(question, 300), 0);
}

/* Who was not told of yet comes again, and others are asked, or nobody. */
static void stopping_in_the_callback_asks_no_more(void **state) {
  secured_t others[CROWD];

  (void)state;
  ends_set(&stage, ZUV_CURVE);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_stop);
  ends_join(&stage);
  for (int i = 0; i < CROWD; i++) {
    secured_open(&others[i], NULL, &stage.rig.loop, ZUV_DEALER);
    secured_curve_client(&others[i]);
    actor_connect(&others[i].actor, stage.endpoint);
  }
  for (int i = 0; i < CROWD; i++)
    rig_until(&stage.rig, secured_is_ready(&others[i]));
  ends_wait_ready(&stage);
  assert_int_equal(stage.server.asked, 1);
  for (int i = 0; i < CROWD; i++)
    actor_close(&stage.rig, &others[i].actor);
}

static zuv_auth_t *left_over;

static void on_auth_close(zuv_socket_t *socket, zuv_auth_t *question) {
  zuv_set_int(socket, ZUV_LINGER, 0);
  zuv_close(socket, actor_on_close);
  left_over = question;
}

static void a_socket_may_be_closed_before_it_answers(void **state) {
  (void)state;
  for (int at_once = 0; at_once <= 1; at_once++) {
    secured_t server;

    secured_open(&server, NULL, &stage.rig.loop, ZUV_DEALER);
    secured_plain_server(&server);
    zuv_auth_start(&server.actor.zuv, on_auth_close);
    secured_bind(&server, stage.endpoint);
    secured_plain_client(&stage.client, "alice", "her password");
    actor_connect(&stage.client.actor, stage.endpoint);
    rig_until(&stage.rig, server.actor.closed == 1);
    assert_int_equal(at_once ? zuv_auth_allow(left_over, NULL)
                             : zuv_auth_deny(left_over, 300),
                     UV_ECANCELED);
  }
}

static void on_auth_answer_and_close(zuv_socket_t *socket,
                                     zuv_auth_t *question) {
  assert_int_equal(zuv_auth_allow(question, "alice"), 0);
  zuv_set_int(socket, ZUV_LINGER, 0);
  zuv_close(socket, actor_on_close);
}

static void on_auth_close_and_answer(zuv_socket_t *socket,
                                     zuv_auth_t *question) {
  zuv_set_int(socket, ZUV_LINGER, 0);
  zuv_close(socket, actor_on_close);
  assert_int_equal(zuv_auth_allow(question, "alice"), UV_ECANCELED);
}

static void a_socket_may_be_closed_in_the_callback(void **state) {
  static const zuv_auth_cb callbacks[] = {on_auth_answer_and_close,
                                          on_auth_close_and_answer};

  (void)state;
  secured_curve_client(&stage.client);
  for (size_t i = 0; i < COUNT(callbacks); i++) {
    secured_t server;

    secured_open(&server, NULL, &stage.rig.loop, ZUV_DEALER);
    secured_curve_server(&server);
    zuv_auth_start(&server.actor.zuv, callbacks[i]);
    secured_bind(&server, stage.endpoint);
    actor_connect(&stage.client.actor, stage.endpoint);
    rig_until(&stage.rig, server.actor.closed == 1);
  }
}

static void on_auth_close_all(zuv_socket_t *socket, zuv_auth_t *question) {
  zuv_close_all(socket->loop);
  left_over = question;
}

static void everything_may_be_closed_in_the_callback(void **state) {
  (void)state;
  ends_set(&stage, ZUV_PLAIN);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_close_all);
  left_over = NULL;
  ends_join(&stage);
  rig_until(&stage.rig, left_over != NULL);
  rig_until(&stage.rig, zuv_is_closing(&stage.server.actor.zuv) &&
                            stage.server.actor.zuv.zuv__impl == NULL &&
                            stage.client.actor.zuv.zuv__impl == NULL);
  assert_int_equal(zuv_auth_allow(left_over, NULL), UV_ECANCELED);
}

static void close_all_ends_what_waits(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  zuv_close_all(&stage.rig.loop);
  rig_until(&stage.rig, stage.server.actor.zuv.zuv__impl == NULL &&
                            stage.client.actor.zuv.zuv__impl == NULL);
  assert_int_equal(zuv_auth_allow(request(0), "alice"), UV_ECANCELED);
}

static void close_handle(uv_handle_t *handle, void *argument) {
  (void)argument;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

/* Loops are taken down by uv_walk() and uv_close(), before or after the
 * answer, with a callback or a handler that is asked. */
static void walking_the_loop_ends_what_waits(void **state) {
  (void)state;
  for (int round = 0; round < 4; round++) {
    secured_handler_t handler;
    secured_t server;
    secured_t client;
    char endpoint[RIG_TEXT_MAX];
    rig_t rig;

    rig_open(&rig);
    secured_open(&server, NULL, &rig.loop, ZUV_DEALER);
    secured_open(&client, NULL, &rig.loop, ZUV_DEALER);
    secured_plain_server(&server);
    secured_plain_client(&client, "alice", "her password");
    secured_handler_open(&handler, NULL, &rig.loop);
    handler.reply = NULL;
    if (round < 3)
      secured_ask(&server, 0, NULL);
    secured_bind(&server, endpoint);
    actor_connect(&client.actor, endpoint);
    rig_until(&rig, server.asked + handler.asked == 1);
    if (round == 1)
      assert_int_equal(zuv_auth_allow(server.requests[0], "alice"), 0);
    uv_walk(&rig.loop, close_handle, NULL);
    assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
    if (round == 0)
      assert_int_equal(zuv_auth_allow(server.requests[0], "alice"),
                       UV_ECANCELED);
    zuv_close(&server.actor.zuv, actor_on_close);
    zuv_close(&client.actor.zuv, actor_on_close);
    zuv_close(&handler.actor.zuv, actor_on_close);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    assert_int_equal(
        server.actor.closed + client.actor.closed + handler.actor.closed, 3);
    if (round == 2)
      assert_int_equal(zuv_auth_deny(server.requests[0], 400), UV_ECANCELED);
  }
}

/* ---- Many ---- */

static void many_requests_are_answered_in_any_order(void **state) {
  (void)state;
  secured_plain_server(&stage.server);
  secured_ask(&stage.server, 0, NULL);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_name);
  wait_asked(CROWD);
  /* 7 and CROWD have no common divisor */
  for (size_t i = 0; i < CROWD; i++) {
    zuv_auth_t *next = request(i * 7 % CROWD);
    assert_int_equal(zuv_auth_allow(next, next->username), 0);
    if (i % 3 == 0)
      rig_run_for(&stage.rig, 1);
  }
  crowd_speaks();
  crowd_close();
}

static void many_requests_of_curve_are_answered_backwards(void **state) {
  (void)state;
  secured_curve_server(&stage.server);
  secured_ask(&stage.server, 0, NULL);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_id);
  wait_asked(CROWD);
  for (size_t i = CROWD; i-- > 0;) {
    zuv_auth_t *next = request(i);
    assert_int_equal(zuv_auth_allow(next, next->routing_id), 0);
  }
  crowd_speaks();
  crowd_close();
}

static void many_requests_wait_when_their_socket_closes(void **state) {
  (void)state;
  secured_curve_server(&stage.server);
  secured_ask(&stage.server, 0, NULL);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_id);
  wait_asked(CROWD);
  for (size_t i = 0; i < CROWD; i += 2)
    assert_int_equal(zuv_auth_allow(request(i), NULL), 0);
  actor_close(&stage.rig, &stage.server.actor);
  for (size_t i = 1; i < CROWD; i += 2)
    assert_int_equal(zuv_auth_allow(request(i), NULL), UV_ECANCELED);
  crowd_close();
}

static void a_slow_answer_holds_up_nobody_else(void **state) {
  secured_t other;

  (void)state;
  wait_for_request(ZUV_CURVE);
  stage.server.verdict = 200;
  secured_open(&other, NULL, &stage.rig.loop, ZUV_DEALER);
  secured_curve_client(&other);
  actor_connect(&other.actor, stage.endpoint);
  rig_until(&stage.rig, secured_is_ready(&other));
  for (size_t i = 1; i <= 50; i++) {
    assert_int_equal(actor_send(&other.actor, "meanwhile"), 0);
    rig_until(&stage.rig, stage.server.actor.received == i);
    assert_int_equal(actor_send(&stage.server.actor, "indeed"), 0);
    rig_until(&stage.rig, other.actor.received == i);
  }
  assert_false(secured_is_ready(&stage.client));
  assert_int_equal(zuv_auth_allow(request(0), NULL), 0);
  ends_wait_ready(&stage);
  rig_until(&stage.rig, secured_is_ready(&stage.client));
  actor_close(&stage.rig, &other.actor);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      stage_test(starting_again_replaces_the_callback),
      stage_test(misuse_is_told),
      stage_test(stopping_leaves_requests_to_be_answered),
      stage_test(stopping_in_the_callback_asks_no_more),
      stage_test(a_socket_may_be_closed_before_it_answers),
      stage_test(a_socket_may_be_closed_in_the_callback),
      stage_test(everything_may_be_closed_in_the_callback),
      stage_test(close_all_ends_what_waits),
      stage_test(walking_the_loop_ends_what_waits),
      stage_test(many_requests_are_answered_in_any_order),
      stage_test(many_requests_of_curve_are_answered_backwards),
      stage_test(many_requests_wait_when_their_socket_closes),
      stage_test(a_slow_answer_holds_up_nobody_else),
  };

  if (argc > 1)
    secured_transport = argv[1];
  counting_start();
  return cmocka_run_group_tests_name("auth life", tests, secured_make_keys,
                                     NULL);
}
