/* Who may come in, by a ZAP handler of the application: what it is asked, and
 * that all of those concerned may go at any time. */
#include "auth_stage.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- ZAP handlers ---- */

static secured_handler_t handler;

static void expect_request(const char *domain, const char *routing_id,
                           const char *mechanism, size_t count) {
  assert_int_equal(handler.count, count);
  assert_string_equal(handler.parts[0], "1.0");
  assert_string_equal(handler.parts[1], "1");
  assert_string_equal(handler.parts[2], domain);
  expect_address(handler.parts[3], CLIENT_IP);
  assert_string_equal(handler.parts[4], routing_id);
  assert_string_equal(handler.parts[5], mechanism);
}

static void a_handler_is_asked_about_null(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  secured_set_text(&stage.server, ZUV_ZAP_DOMAIN, "a domain");
  secured_set_text(&stage.server, ZUV_ROUTING_ID, "the server");
  secured_set_text(&stage.client, ZUV_ROUTING_ID, "the client");
  handler.reply = "1.0|#|200|OK|alice|";
  ends_join(&stage);
  ends_wait_ready(&stage);
  expect_request("a domain", "the server", "NULL", 6);
  assert_string_equal(stage.server.ready.user_id, "alice");
  assert_string_equal(stage.client.ready.user_id, "(none)");
  actor_close(&stage.rig, &handler.actor);
}

static void a_handler_is_asked_about_plain(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  ends_set(&stage, ZUV_PLAIN);
  ends_join(&stage);
  ends_wait_ready(&stage);
  expect_request("", "", "PLAIN", 8);
  assert_string_equal(handler.parts[6], "alice");
  assert_string_equal(handler.parts[7], "her password");
  assert_string_equal(stage.server.ready.user_id, "(none)");
  actor_close(&stage.rig, &handler.actor);
}

static void a_handler_is_asked_about_curve(void **state) {
  uint8_t key[ZUV_CURVE_KEY_SIZE];

  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  ends_set(&stage, ZUV_CURVE);
  secured_set_text(&stage.server, ZUV_ZAP_DOMAIN, "a domain");
  actor_set(&stage.server.actor, ZUV_ZAP_ENFORCE_DOMAIN, 1);
  ends_join(&stage);
  ends_wait_ready(&stage);
  expect_request("a domain", "", "CURVE", 7);
  assert_int_equal(zuv_z85_decode(key, secured_client_keys.public_key), 0);
  assert_int_equal(handler.sizes[6], ZUV_CURVE_KEY_SIZE);
  assert_memory_equal(handler.parts[6], key, ZUV_CURVE_KEY_SIZE);
  actor_close(&stage.rig, &handler.actor);
}

static void on_property(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  size_t size = 0;
  const void *value = zuv_peer_property(peer, "department", &size);

  assert_non_null(value);
  assert_int_equal(size, 5);
  assert_memory_equal(value, "sales", 5);
  assert_non_null(zuv_peer_property(peer, "User-Id", &size));
  actor_on_recv(socket, parts, count, peer);
}

static void on_router_request(zuv_socket_t *socket, zuv_msg_t *parts,
                              size_t count, zuv_peer_t *peer) {
  static const char metadata[] = "\012Department\0\0\0\5sales";
  static const char *const texts[] = {"1.0", NULL, "200", "OK", "alice", NULL};
  zuv_msg_t reply[8];

  (void)peer;
  assert_int_equal(count, 10);
  assert_int_equal(zuv_msg_size(&parts[1]), 0);
  zuv_msg_init(&reply[0]);
  zuv_msg_init(&reply[1]);
  zuv_msg_init(&reply[3]);
  assert_int_equal(zuv_msg_move(&reply[0], &parts[0]), 0);
  for (size_t i = 0; i < COUNT(texts); i++)
    if (texts[i] != NULL)
      zuv_msg_init_const(&reply[2 + i], texts[i], strlen(texts[i]));
  assert_int_equal(zuv_msg_move(&reply[3], &parts[3]), 0);
  zuv_msg_init_const(&reply[7], metadata, sizeof(metadata) - 1);
  assert_int_equal(zuv_try_send(socket, reply, COUNT(reply)), 0);
}

/* A ROUTER as the handler; what it says of the peer are its properties. */
static void a_handler_tells_properties(void **state) {
  actor_t router;

  (void)state;
  actor_open(&router, NULL, &stage.rig.loop, ZUV_ROUTER);
  assert_int_equal(zuv_recv_start(&router.zuv, on_router_request), 0);
  assert_int_equal(zuv_bind(&router.zuv, "inproc://zeromq.zap.01"), 0);
  ends_set(&stage, ZUV_PLAIN);
  assert_int_equal(zuv_recv_start(&stage.server.actor.zuv, on_property), 0);
  ends_join(&stage);
  ends_wait_ready(&stage);
  hello();
  assert_string_equal(stage.server.ready.user_id, "alice");
  actor_close(&stage.rig, &router);
}

static void a_slow_handler_is_waited_for(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_PLAIN);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(secured_is_ready(&stage.server));
  handler.reply = "1.0|#|200|||";
  assert_int_equal(secured_handler_answer(&handler), 0);
  ends_wait_ready(&stage);
  actor_close(&stage.rig, &handler.actor);
}

static void a_handler_serves_a_crowd(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  secured_curve_server(&stage.server);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_id);
  for (int i = 0; i < CROWD; i++)
    rig_until(&stage.rig, secured_is_ready(&crowd.clients[i]));
  assert_int_equal(handler.asked, CROWD);
  crowd_close();
  actor_close(&stage.rig, &handler.actor);
}

/* Nobody will answer any more: the handshake has its time. */
static void a_handler_may_close_while_it_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_PLAIN);
  actor_set(&stage.server.actor, ZUV_HANDSHAKE_IVL, 80);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  actor_close(&stage.rig, &handler.actor);
  rig_until(&stage.rig,
            stage.server.actor.events[ZUV_EVENT_HANDSHAKE_FAILED] >= 2);
  secured_expect_failure_at(&stage.server, 0, UV_ETIMEDOUT, 0, 0);
  secured_expect_failure_at(&stage.server, 1, UV_EFAULT, 0, 0);
  /* a new handler lets the client in, which still tries */
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  ends_wait_ready(&stage);
  actor_close(&stage.rig, &handler.actor);
}

static void an_asker_may_close_while_it_asks(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_PLAIN);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  actor_close(&stage.rig, &stage.server.actor);
  handler.reply = "1.0|#|200|||";
  (void)secured_handler_answer(&handler);
  rig_run_for(&stage.rig, QUIET_MS);
  actor_close(&stage.rig, &handler.actor);
}

static void a_client_may_leave_while_a_handler_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_CURVE);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  actor_close(&stage.rig, &stage.client.actor);
  rig_until(&stage.rig, stage.server.actor.events[ZUV_EVENT_DISCONNECTED] == 1);
  handler.reply = "1.0|#|200|||";
  (void)secured_handler_answer(&handler);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(secured_is_ready(&stage.server));
  actor_close(&stage.rig, &handler.actor);
}

static void everything_may_close_while_a_handler_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_PLAIN);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  zuv_close_all(&stage.rig.loop);
  rig_until(&stage.rig, stage.server.actor.zuv.zuv__impl == NULL &&
                            stage.client.actor.zuv.zuv__impl == NULL &&
                            handler.actor.zuv.zuv__impl == NULL);
}

/* A question keeps no loop alive that nothing else does. */
static void a_question_does_not_hold_the_loop(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  ends_set(&stage, ZUV_PLAIN);
  ends_join(&stage);
  rig_until(&stage.rig, handler.asked == 1);
  zuv_unref(&stage.server.actor.zuv);
  zuv_unref(&stage.client.actor.zuv);
  zuv_unref(&handler.actor.zuv);
  uv_unref((uv_handle_t *)&stage.rig.tick);
  assert_int_equal(uv_run(&stage.rig.loop, UV_RUN_NOWAIT), 0);
  uv_ref((uv_handle_t *)&stage.rig.tick);
  zuv_ref(&stage.server.actor.zuv);
  zuv_ref(&stage.client.actor.zuv);
  zuv_ref(&handler.actor.zuv);
  actor_close(&stage.rig, &handler.actor);
}

/* ---- A handler on another thread ---- */

typedef struct {
  uv_thread_t thread;
  uv_loop_t loop;
  uv_async_t stop;
  uv_sem_t bound;
  secured_handler_t handler;
  bool failed;
} side_t;

static void on_side_request(zuv_socket_t *socket, zuv_msg_t *parts,
                            size_t count, zuv_peer_t *peer) {
  side_t *side = socket->data;
  zuv_msg_t reply[6];

  (void)peer;
  side->failed |= count != 7;
  for (size_t i = 0; i < 6; i++)
    zuv_msg_init(&reply[i]);
  zuv_msg_init_const(&reply[0], "1.0", 3);
  side->failed |= zuv_msg_move(&reply[1], &parts[1]) != 0;
  zuv_msg_init_const(&reply[2], "200", 3);
  zuv_msg_init_const(&reply[4], "alice", 5);
  side->failed |= zuv_try_send(socket, reply, 6) != 0;
  side->handler.asked++;
}

static void on_side_stop(uv_async_t *async) {
  side_t *side = async->data;

  zuv_close(&side->handler.actor.zuv, NULL);
  uv_close((uv_handle_t *)async, NULL);
}

static void side_main(void *argument) {
  side_t *side = argument;
  zuv_socket_t *zuv = &side->handler.actor.zuv;

  side->failed = uv_loop_init(&side->loop) != 0 ||
                 uv_async_init(&side->loop, &side->stop, on_side_stop) != 0 ||
                 zuv_socket_init(NULL, &side->loop, zuv, ZUV_REP) != 0 ||
                 zuv_recv_start(zuv, on_side_request) != 0 ||
                 zuv_bind(zuv, "inproc://zeromq.zap.01") != 0;
  side->stop.data = side;
  zuv->data = side;
  uv_sem_post(&side->bound);
  uv_run(&side->loop, UV_RUN_DEFAULT);
  side->failed |= uv_loop_close(&side->loop) != 0;
}

/* Allocations are counted by one thread only. */
static int uncounted_open(void **state) {
  counting_stop();
  return stage_open(state);
}

static int uncounted_close(void **state) {
  int err = stage_close(state);

  counting_start();
  return err;
}

static void a_handler_may_live_on_another_thread(void **state) {
  static side_t side;

  (void)state;
  memset(&side, 0, sizeof(side));
  assert_int_equal(uv_sem_init(&side.bound, 0), 0);
  assert_int_equal(uv_thread_create(&side.thread, side_main, &side), 0);
  uv_sem_wait(&side.bound);
  secured_curve_server(&stage.server);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_id);
  for (int i = 0; i < CROWD; i++)
    rig_until(&stage.rig, secured_is_ready(&crowd.clients[i]));
  assert_string_equal(stage.server.ready.user_id, "alice");
  /* it goes while some ask */
  for (int i = 0; i < CROWD; i++) {
    zuv_disconnect(&crowd.clients[i].actor.zuv, stage.endpoint);
    actor_connect(&crowd.clients[i].actor, stage.endpoint);
  }
  rig_until(&stage.rig,
            stage.server.actor.events[ZUV_EVENT_READY] >= CROWD + 2);
  uv_async_send(&side.stop);
  assert_int_equal(uv_thread_join(&side.thread), 0);
  uv_sem_destroy(&side.bound);
  assert_false(side.failed);
  assert_true(side.handler.asked >= CROWD + 2);
  crowd_close();
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      stage_test(a_handler_is_asked_about_null),
      stage_test(a_handler_is_asked_about_plain),
      stage_test(a_handler_is_asked_about_curve),
      stage_test(a_handler_tells_properties),
      stage_test(a_slow_handler_is_waited_for),
      stage_test(a_handler_serves_a_crowd),
      stage_test(a_handler_may_close_while_it_is_asked),
      stage_test(an_asker_may_close_while_it_asks),
      stage_test(a_client_may_leave_while_a_handler_is_asked),
      stage_test(everything_may_close_while_a_handler_is_asked),
      stage_test(a_question_does_not_hold_the_loop),
      cmocka_unit_test_setup_teardown(a_handler_may_live_on_another_thread,
                                      uncounted_open, uncounted_close),
  };

  if (argc > 1)
    secured_transport = argv[1];
  counting_start();
  return cmocka_run_group_tests_name("auth zap", tests, secured_make_keys,
                                     NULL);
}
