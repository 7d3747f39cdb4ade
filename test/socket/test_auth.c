/* Who may come in, by zuv_auth_start(): what a request says, and answers that
 * come at once, later, too late, or wrongly. */
#include <unistd.h>

#include "auth_stage.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- What is asked ---- */

static void a_request_of_null_tells_the_address(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_set_text(&stage.client, ZUV_ROUTING_ID, "not yet known");
  secured_set_text(&stage.server, ZUV_ZAP_DOMAIN, "a domain");
  secured_ask(&stage.server, 200, "somebody");
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_int_equal(stage.server.asked, 1);
  assert_int_equal(asked->mechanism, ZUV_NULL);
  assert_string_equal(asked->endpoint, stage.endpoint);
  expect_address(asked->address, CLIENT_IP);
  assert_string_equal(asked->domain, "a domain");
  assert_int_equal(asked->routing_id_size, 0);
  assert_false(asked->has_username);
  assert_false(asked->has_password);
  assert_string_equal(asked->public_key, "");
  assert_string_equal(stage.server.ready.user_id, "somebody");
}

static void a_request_of_plain_tells_name_and_password(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_plain_server(&stage.server);
  assert_int_equal(
      zuv_set_option(&stage.client.actor.zuv, ZUV_PLAIN_USERNAME, "al\0ice", 6),
      0);
  assert_int_equal(
      zuv_set_option(&stage.client.actor.zuv, ZUV_PLAIN_PASSWORD, "\0pass", 5),
      0);
  secured_ask(&stage.server, 200, NULL);
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_int_equal(asked->mechanism, ZUV_PLAIN);
  assert_string_equal(asked->endpoint, stage.endpoint);
  expect_address(asked->address, CLIENT_IP);
  assert_string_equal(asked->domain, "");
  assert_int_equal(asked->username_size, 6);
  assert_memory_equal(asked->username, "al\0ice", 6);
  assert_int_equal(asked->password_size, 5);
  assert_memory_equal(asked->password, "\0pass", 5);
  assert_string_equal(asked->public_key, "");
  assert_string_equal(stage.server.ready.user_id, "(none)");
}

static void a_password_alone_has_an_empty_name(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_plain_server(&stage.server);
  secured_set_text(&stage.client, ZUV_PLAIN_PASSWORD, "password");
  secured_ask(&stage.server, 200, NULL);
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_true(asked->has_username);
  assert_int_equal(asked->username_size, 0);
  assert_string_equal(asked->password, "password");
}

static void names_and_passwords_may_have_255_bytes(void **state) {
  const secured_question_t *asked = &stage.server.question;
  char name[256];
  char password[256];

  (void)state;
  memset(name, 'n', 255);
  memset(password, 'p', 255);
  name[255] = password[255] = '\0';
  secured_plain_server(&stage.server);
  secured_plain_client(&stage.client, name, password);
  secured_ask(&stage.server, 200, NULL);
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_string_equal(asked->username, name);
  assert_string_equal(asked->password, password);
}

static void a_request_of_curve_tells_key_and_routing_id(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_set_text(&stage.client, ZUV_ROUTING_ID, "her id");
  secured_set_text(&stage.server, ZUV_ROUTING_ID, "the server");
  ends_set(&stage, ZUV_CURVE);
  secured_ask(&stage.server, 200, "alice");
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_int_equal(asked->mechanism, ZUV_CURVE);
  assert_string_equal(asked->endpoint, stage.endpoint);
  expect_address(asked->address, CLIENT_IP);
  assert_string_equal(asked->routing_id, "her id");
  assert_string_equal(asked->public_key, secured_client_keys.public_key);
  assert_false(asked->has_username);
  assert_false(asked->has_password);
  assert_string_equal(stage.server.ready.user_id, "alice");
}

/* With NULL, who connects may ask as well. */
static void a_connecting_socket_asks_about_its_server(void **state) {
  const secured_question_t *asked = &stage.client.question;

  (void)state;
  secured_ask(&stage.client, 300, NULL);
  ends_join(&stage);
  rig_until(&stage.rig, stage.client.asked == 3);
  assert_int_equal(asked->mechanism, ZUV_NULL);
  assert_string_equal(asked->endpoint, stage.endpoint);
  expect_address(asked->address, rig_address());
  secured_expect_failure(&stage.client, UV_EACCES, 0, 300);
  secured_expect_hang_up(&stage.server);
  stage.client.verdict = 200;
  stage.client.user_id = "the server";
  ends_wait_ready(&stage);
  assert_string_equal(stage.client.ready.user_id, "the server");
  assert_int_equal(actor_send(&stage.server.actor, "hello"), 0);
  rig_until(&stage.rig, stage.client.actor.received == 1);
  assert_string_equal(stage.client.from.user_id, "the server");
}

static void a_server_that_is_refused_is_told(void **state) {
  (void)state;
  secured_ask(&stage.client, 400, NULL);
  ends_join(&stage);
  rig_until(&stage.rig,
            stage.server.actor.events[ZUV_EVENT_HANDSHAKE_FAILED] > 0 &&
                stage.client.actor.events[ZUV_EVENT_STOPPED] > 0);
  secured_expect_failure(&stage.server, UV_EACCES, 0, 400);
  secured_expect_failure(&stage.client, UV_EACCES, 0, 400);
}

static void both_ends_of_null_may_ask(void **state) {
  (void)state;
  secured_ask(&stage.server, 200, "the client");
  secured_ask(&stage.client, 200, "the server");
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "the client");
  assert_string_equal(stage.client.ready.user_id, "the server");
}

/* Neither says that it is ready, and neither waits for that. */
static void both_ends_of_null_may_refuse(void **state) {
  (void)state;
  secured_ask(&stage.server, 400, NULL);
  secured_ask(&stage.client, 400, NULL);
  ends_join(&stage);
  rig_until(&stage.rig,
            stage.server.actor.events[ZUV_EVENT_HANDSHAKE_FAILED] > 0 &&
                stage.client.actor.events[ZUV_EVENT_STOPPED] > 0);
  secured_expect_failure(&stage.server, UV_EACCES, 0, 400);
  secured_expect_failure(&stage.client, UV_EACCES, 0, 400);
}

/* Clients of PLAIN and CURVE have no question. */
static void clients_do_not_ask(void **state) {
  (void)state;
  ends_set(&stage, ZUV_CURVE);
  secured_ask(&stage.client, 400, NULL);
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_int_equal(stage.client.asked, 0);
}

static void nobody_is_asked_about_inproc(void **state) {
  (void)state;
  ends_set(&stage, ZUV_CURVE);
  secured_ask(&stage.server, 400, NULL);
  assert_int_equal(zuv_bind(&stage.server.actor.zuv, "inproc://here"), 0);
  actor_connect(&stage.client.actor, "inproc://here");
  hello();
  assert_int_equal(stage.server.asked, 0);
}

static void nobody_is_asked_about_streams(void **state) {
  secured_t stream;
  char endpoint[RIG_TEXT_MAX];
  int fd;

  (void)state;
  secured_open(&stream, NULL, &stage.rig.loop, ZUV_STREAM);
  secured_plain_server(&stream);
  secured_ask(&stream, 400, NULL);
  actor_bind(&stream.actor, endpoint);
  fd = raw_connect(endpoint);
  assert_true(raw_send(&stage.rig, fd, "raw", 3));
  rig_until(&stage.rig, stream.actor.size >= 8);
  assert_int_equal(stream.asked, 0);
  close(fd);
  actor_close(&stage.rig, &stream.actor);
}

/* ---- When it is answered ---- */

static void on_timer(uv_timer_t *timer) {
  assert_int_equal(zuv_auth_allow(timer->data, "alice"), 0);
  uv_close((uv_handle_t *)timer, NULL);
}

static void the_answer_may_come_later(void **state) {
  static uv_timer_t timer;

  (void)state;
  ends_set(&stage, ZUV_CURVE);
  wait_for_request(ZUV_CURVE);
  uv_timer_init(&stage.rig.loop, &timer);
  timer.data = request(0);
  uv_timer_start(&timer, on_timer, 20, 0);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "alice");
  hello();
}

/* It is the application's to read until then. */
static void a_request_stays_as_it_is(void **state) {
  (void)state;
  wait_for_request(ZUV_PLAIN);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_string_equal(request(0)->username, "alice");
  assert_string_equal(request(0)->password, "her password");
  assert_string_equal(request(0)->endpoint, stage.endpoint);
  assert_int_equal(zuv_auth_deny(request(0), 400), 0);
  rig_until(&stage.rig, stage.client.actor.events[ZUV_EVENT_STOPPED] == 1);
}

static void an_answer_for_a_peer_that_left(void **state) {
  (void)state;
  secured_ask(&stage.server, 0, NULL);
  for (size_t i = 0; i < 3; i++) {
    secured_t client;

    secured_open(&client, NULL, &stage.rig.loop, ZUV_DEALER);
    secured_set_server(&stage.server, (int)i);
    secured_set_client(&client, (int)i);
    secured_bind(&stage.server, stage.endpoint);
    actor_connect(&client.actor, stage.endpoint);
    wait_asked(i + 1);
    actor_close(&stage.rig, &client.actor);
    rig_until(&stage.rig,
              stage.server.actor.events[ZUV_EVENT_DISCONNECTED] == i + 1);
    assert_string_equal(request(i)->endpoint, stage.endpoint);
    assert_int_equal(i == 1 ? zuv_auth_deny(request(i), 400)
                            : zuv_auth_allow(request(i), "late"),
                     UV_ECANCELED);
  }
  assert_false(secured_is_ready(&stage.server));
}

static void an_answer_after_unbind(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  assert_int_equal(zuv_unbind(&stage.server.actor.zuv, stage.endpoint), 0);
  assert_int_equal(zuv_auth_allow(request(0), NULL), UV_ECANCELED);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(secured_is_ready(&stage.client));
}

static void an_answer_after_disconnect(void **state) {
  (void)state;
  secured_ask(&stage.client, 0, NULL);
  ends_join(&stage);
  rig_until(&stage.rig, stage.client.asked == 1);
  assert_int_equal(zuv_disconnect(&stage.client.actor.zuv, stage.endpoint), 0);
  assert_int_equal(zuv_auth_deny(stage.client.requests[0], 500), UV_ECANCELED);
}

static void an_answer_while_the_socket_closes(void **state) {
  (void)state;
  wait_for_request(ZUV_PLAIN);
  zuv_close(&stage.server.actor.zuv, actor_on_close);
  assert_int_equal(zuv_auth_allow(request(0), "late"), UV_ECANCELED);
  rig_until(&stage.rig, stage.server.actor.closed == 1);
}

static void an_answer_after_the_socket_is_gone(void **state) {
  (void)state;
  wait_for_request(ZUV_PLAIN);
  actor_close(&stage.rig, &stage.server.actor);
  memset(&stage.server.actor.zuv, 0xee, sizeof(stage.server.actor.zuv));
  stage.server.actor.zuv.zuv__impl = NULL;
  assert_string_equal(request(0)->username, "alice");
  assert_int_equal(zuv_auth_allow(request(0), "late"), UV_ECANCELED);
}

static void an_answer_after_the_loop_is_gone(void **state) {
  secured_t server;
  secured_t client;
  char endpoint[RIG_TEXT_MAX];
  rig_t rig;

  (void)state;
  rig_open(&rig);
  secured_open(&server, NULL, &rig.loop, ZUV_DEALER);
  secured_open(&client, NULL, &rig.loop, ZUV_DEALER);
  secured_ask(&server, 0, NULL);
  actor_bind(&server.actor, endpoint);
  actor_connect(&client.actor, endpoint);
  rig_until(&rig, server.asked == 1);
  actor_close(&rig, &server.actor);
  actor_close(&rig, &client.actor);
  rig_close(&rig);
  memset(&rig, 0xee, sizeof(rig));
  assert_int_equal(zuv_auth_deny(server.requests[0], 400), UV_ECANCELED);
}

static void on_auth_twice(zuv_socket_t *socket, zuv_auth_t *question) {
  ((secured_t *)socket)->asked++;
  assert_int_equal(zuv_auth_allow(question, "first"), 0);
  assert_int_equal(zuv_auth_allow(question, "second"), UV_EINVAL);
  assert_int_equal(zuv_auth_deny(question, 400), UV_EINVAL);
}

static void the_first_answer_counts(void **state) {
  (void)state;
  ends_set(&stage, ZUV_PLAIN);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_twice);
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "first");
}

static void statuses_are_those_of_zap(void **state) {
  static const int bad[] = {-1, 0, 1, 100, 200, 201, 301, 404, 600};

  (void)state;
  wait_for_request(ZUV_CURVE);
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(zuv_auth_deny(request(0), bad[i]), UV_EINVAL);
  assert_int_equal(zuv_auth_allow(request(0), NULL), 0);
  ends_wait_ready(&stage);
}

static void user_ids_may_be_long_or_empty(void **state) {
  char long_id[SECURED_NAME_MAX - 1];

  (void)state;
  memset(long_id, 'u', sizeof(long_id) - 1);
  long_id[sizeof(long_id) - 1] = '\0';
  ends_set(&stage, ZUV_CURVE);
  secured_ask(&stage.server, 200, "");
  ends_join(&stage);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "(none)");
  stage.server.user_id = long_id;
  assert_int_equal(zuv_disconnect(&stage.client.actor.zuv, stage.endpoint), 0);
  actor_connect(&stage.client.actor, stage.endpoint);
  rig_until(&stage.rig, stage.server.actor.events[ZUV_EVENT_READY] == 2);
  assert_string_equal(stage.server.ready.user_id, long_id);
}

static void without_memory_an_answer_may_be_given_again(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  counting.fails = true;
  assert_int_equal(zuv_auth_allow(request(0), "alice"), UV_ENOMEM);
  assert_int_equal(zuv_auth_allow(request(0), "alice"), UV_ENOMEM);
  counting.fails = false;
  assert_string_equal(request(0)->endpoint, stage.endpoint);
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  ends_wait_ready(&stage);
  assert_string_equal(stage.server.ready.user_id, "alice");
}

static void the_answer_comes_before_the_peer_leaves(void **state) {
  (void)state;
  wait_for_request(ZUV_PLAIN);
  /* Answered, but the server has not looked at it when it loses the peer. */
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  assert_int_equal(zuv_unbind(&stage.server.actor.zuv, stage.endpoint), 0);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(secured_is_ready(&stage.server));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      stage_test(a_request_of_null_tells_the_address),
      stage_test(a_request_of_plain_tells_name_and_password),
      stage_test(a_password_alone_has_an_empty_name),
      stage_test(names_and_passwords_may_have_255_bytes),
      stage_test(a_request_of_curve_tells_key_and_routing_id),
      stage_test(a_connecting_socket_asks_about_its_server),
      stage_test(a_server_that_is_refused_is_told),
      stage_test(both_ends_of_null_may_ask),
      stage_test(both_ends_of_null_may_refuse),
      stage_test(clients_do_not_ask),
      stage_test(nobody_is_asked_about_inproc),
      stage_test(nobody_is_asked_about_streams),
      stage_test(the_answer_may_come_later),
      stage_test(a_request_stays_as_it_is),
      stage_test(an_answer_for_a_peer_that_left),
      stage_test(an_answer_after_unbind),
      stage_test(an_answer_after_disconnect),
      stage_test(an_answer_while_the_socket_closes),
      stage_test(an_answer_after_the_socket_is_gone),
      stage_test(an_answer_after_the_loop_is_gone),
      stage_test(the_first_answer_counts),
      stage_test(statuses_are_those_of_zap),
      stage_test(user_ids_may_be_long_or_empty),
      stage_test(without_memory_an_answer_may_be_given_again),
      stage_test(the_answer_comes_before_the_peer_leaves),
  };

  if (argc > 1)
    secured_transport = argv[1];
  counting_start();
  return cmocka_run_group_tests_name("auth", tests, secured_make_keys, NULL);
}
