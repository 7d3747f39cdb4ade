/* Who may come in: zuv_auth_start() and its requests, answered at once, later,
 * too late or by nobody, and ZAP handlers of the application on any loop. */
#include <unistd.h>

#include "hostile/secured.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QUIET_MS = 40, CROWD = 40 };

/* ---- Nothing is leaked ---- */

static struct {
  long alive; /* allocations */
  bool fails;
} memory;

static void *counted(void *pointer) {
  memory.alive += pointer != NULL;
  return pointer;
}

static void *counting_malloc(size_t size) {
  return memory.fails ? NULL : counted(malloc(size));
}

static void *counting_calloc(size_t count, size_t size) {
  return memory.fails ? NULL : counted(calloc(count, size));
}

static void *counting_realloc(void *pointer, size_t size) {
  if (memory.fails)
    return NULL;
  return pointer == NULL ? counted(malloc(size)) : realloc(pointer, size);
}

static void counting_free(void *pointer) {
  memory.alive -= pointer != NULL;
  free(pointer);
}

/* ---- A server, and clients ---- */

static struct {
  rig_t rig;
  secured_t server;
  secured_t client;
  char endpoint[RIG_TEXT_MAX];
  uv_timer_t timer;
} stage;

static int stage_open(void **state) {
  (void)state;
  memory.alive = 0;
  memset(&stage, 0, sizeof(stage));
  rig_open(&stage.rig);
  secured_open(&stage.server, NULL, &stage.rig.loop, ZUV_DEALER);
  secured_open(&stage.client, NULL, &stage.rig.loop, ZUV_DEALER);
  return 0;
}

static void end(secured_t *s) {
  if (s->actor.zuv.zuv__impl != NULL && !zuv_is_closing(&s->actor.zuv))
    actor_close(&stage.rig, &s->actor);
}

static int stage_close(void **state) {
  (void)state;
  end(&stage.client);
  end(&stage.server);
  rig_close(&stage.rig);
  assert_int_equal(memory.alive, 0);
  return 0;
}

#define stage_test(function)                                                   \
  cmocka_unit_test_setup_teardown(function, stage_open, stage_close)

static void set_server(int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_server(&stage.server);
  else if (mechanism == ZUV_CURVE)
    secured_curve_server(&stage.server);
}

static void set_client(secured_t *client, int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_client(client, "alice", "her password");
  else if (mechanism == ZUV_CURVE)
    secured_curve_client(client);
}

static void set_mechanism(int mechanism) {
  set_server(mechanism);
  set_client(&stage.client, mechanism);
}

static void join(void) {
  secured_bind(&stage.server, stage.endpoint);
  actor_connect(&stage.client.actor, stage.endpoint);
}

static bool is_ready(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_READY] > 0;
}

static void wait_ready(void) {
  rig_until(&stage.rig, is_ready(&stage.server) && is_ready(&stage.client));
}

static void wait_asked(size_t count) {
  rig_until(&stage.rig, stage.server.asked >= count);
}

/* Asks once, and has no answer yet. */
static void wait_for_request(int mechanism) {
  set_mechanism(mechanism);
  secured_ask(&stage.server, 0, NULL);
  join();
  wait_asked(1);
}

static zuv_auth_t *request(size_t index) {
  return stage.server.requests[index];
}

static void hello(void) {
  size_t received = stage.server.actor.received;

  assert_int_equal(actor_send(&stage.client.actor, "hello"), 0);
  rig_until(&stage.rig, stage.server.actor.received > received);
}

/* ---- What is asked ---- */

/* Who connects leaves from the usual address of loopback. */
#define CLIENT_IP "127.0.0.1"

static void expect_address(const char *address, const char *ip) {
  char expected[RIG_TEXT_MAX];

  if (strcmp(secured_transport, "ipc") == 0)
    snprintf(expected, sizeof(expected), "localhost:%d:%d:%d", (int)getuid(),
             (int)getgid(), (int)getpid());
  else
    snprintf(expected, sizeof(expected), "%s", ip);
  assert_string_equal(address, expected);
}

static void a_request_of_null_tells_the_address(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_set_text(&stage.client, ZUV_ROUTING_ID, "not yet known");
  secured_set_text(&stage.server, ZUV_ZAP_DOMAIN, "a domain");
  secured_ask(&stage.server, 200, "somebody");
  join();
  wait_ready();
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
  join();
  wait_ready();
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
  join();
  wait_ready();
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
  join();
  wait_ready();
  assert_string_equal(asked->username, name);
  assert_string_equal(asked->password, password);
}

static void a_request_of_curve_tells_key_and_routing_id(void **state) {
  const secured_question_t *asked = &stage.server.question;

  (void)state;
  secured_set_text(&stage.client, ZUV_ROUTING_ID, "her id");
  secured_set_text(&stage.server, ZUV_ROUTING_ID, "the server");
  set_mechanism(ZUV_CURVE);
  secured_ask(&stage.server, 200, "alice");
  join();
  wait_ready();
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
  join();
  rig_until(&stage.rig, stage.client.asked == 3);
  assert_int_equal(asked->mechanism, ZUV_NULL);
  assert_string_equal(asked->endpoint, stage.endpoint);
  expect_address(asked->address, rig_address());
  secured_expect_failure(&stage.client, UV_EACCES, 0, 300);
  secured_expect_hang_up(&stage.server);
  stage.client.verdict = 200;
  stage.client.user_id = "the server";
  wait_ready();
  assert_string_equal(stage.client.ready.user_id, "the server");
  assert_int_equal(actor_send(&stage.server.actor, "hello"), 0);
  rig_until(&stage.rig, stage.client.actor.received == 1);
  assert_string_equal(stage.client.from.user_id, "the server");
}

static void a_server_that_is_refused_is_told(void **state) {
  (void)state;
  secured_ask(&stage.client, 400, NULL);
  join();
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
  join();
  wait_ready();
  assert_string_equal(stage.server.ready.user_id, "the client");
  assert_string_equal(stage.client.ready.user_id, "the server");
}

/* Clients of PLAIN and CURVE have no question. */
static void clients_do_not_ask(void **state) {
  (void)state;
  set_mechanism(ZUV_CURVE);
  secured_ask(&stage.client, 400, NULL);
  join();
  wait_ready();
  assert_int_equal(stage.client.asked, 0);
}

static void nobody_is_asked_about_inproc(void **state) {
  (void)state;
  set_mechanism(ZUV_CURVE);
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
  (void)state;
  set_mechanism(ZUV_CURVE);
  wait_for_request(ZUV_CURVE);
  uv_timer_init(&stage.rig.loop, &stage.timer);
  stage.timer.data = request(0);
  uv_timer_start(&stage.timer, on_timer, 20, 0);
  wait_ready();
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
    set_server((int)i);
    set_client(&client, (int)i);
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
  assert_false(is_ready(&stage.server));
}

static void an_answer_after_unbind(void **state) {
  (void)state;
  wait_for_request(ZUV_CURVE);
  assert_int_equal(zuv_unbind(&stage.server.actor.zuv, stage.endpoint), 0);
  assert_int_equal(zuv_auth_allow(request(0), NULL), UV_ECANCELED);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(is_ready(&stage.client));
}

static void an_answer_after_disconnect(void **state) {
  (void)state;
  secured_ask(&stage.client, 0, NULL);
  join();
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
  set_mechanism(ZUV_PLAIN);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_twice);
  join();
  wait_ready();
  assert_string_equal(stage.server.ready.user_id, "first");
}

static void statuses_are_those_of_zap(void **state) {
  static const int bad[] = {-1, 0, 1, 100, 200, 201, 301, 404, 600};

  (void)state;
  wait_for_request(ZUV_CURVE);
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(zuv_auth_deny(request(0), bad[i]), UV_EINVAL);
  assert_int_equal(zuv_auth_allow(request(0), NULL), 0);
  wait_ready();
}

static void user_ids_may_be_long_or_empty(void **state) {
  char long_id[SECURED_NAME_MAX - 1];

  (void)state;
  memset(long_id, 'u', sizeof(long_id) - 1);
  long_id[sizeof(long_id) - 1] = '\0';
  set_mechanism(ZUV_CURVE);
  secured_ask(&stage.server, 200, "");
  join();
  wait_ready();
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
  memory.fails = true;
  assert_int_equal(zuv_auth_allow(request(0), "alice"), UV_ENOMEM);
  assert_int_equal(zuv_auth_allow(request(0), "alice"), UV_ENOMEM);
  memory.fails = false;
  assert_string_equal(request(0)->endpoint, stage.endpoint);
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  wait_ready();
  assert_string_equal(stage.server.ready.user_id, "alice");
}

static void the_answer_comes_before_the_peer_leaves(void **state) {
  (void)state;
  wait_for_request(ZUV_PLAIN);
  /* Answered, but the server has not looked at it when it loses the peer. */
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  assert_int_equal(zuv_unbind(&stage.server.actor.zuv, stage.endpoint), 0);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(is_ready(&stage.server));
}

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
  wait_ready();
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
  assert_false(is_ready(&stage.server));
  assert_int_equal(zuv_auth_allow(request(0), "alice"), 0);
  wait_ready();
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
  set_mechanism(ZUV_CURVE);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_stop);
  join();
  for (int i = 0; i < CROWD; i++) {
    secured_open(&others[i], NULL, &stage.rig.loop, ZUV_DEALER);
    secured_curve_client(&others[i]);
    actor_connect(&others[i].actor, stage.endpoint);
  }
  for (int i = 0; i < CROWD; i++)
    rig_until(&stage.rig, is_ready(&others[i]));
  wait_ready();
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
  set_mechanism(ZUV_PLAIN);
  zuv_auth_start(&stage.server.actor.zuv, on_auth_close_all);
  left_over = NULL;
  join();
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

static struct {
  secured_t clients[CROWD];
  char names[CROWD][32];
  size_t matched;
} crowd;

/* Every message is its sender's name, and its peer's user id the same. */
static void on_name(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  const char *user_id = zuv_peer_user_id(peer);

  (void)socket;
  assert_int_equal(count, 1);
  assert_non_null(user_id);
  assert_int_equal(zuv_msg_size(&parts[0]), strlen(user_id));
  assert_memory_equal(zuv_msg_data(&parts[0]), user_id, strlen(user_id));
  crowd.matched++;
}

static void crowd_open(void (*prepare)(secured_t *client, const char *name)) {
  crowd.matched = 0;
  for (int i = 0; i < CROWD; i++) {
    snprintf(crowd.names[i], sizeof(crowd.names[i]), "client %d", i);
    secured_open(&crowd.clients[i], NULL, &stage.rig.loop, ZUV_DEALER);
    prepare(&crowd.clients[i], crowd.names[i]);
    actor_connect(&crowd.clients[i].actor, stage.endpoint);
  }
}

static void crowd_speaks(void) {
  assert_int_equal(zuv_recv_start(&stage.server.actor.zuv, on_name), 0);
  for (int i = 0; i < CROWD; i++) {
    rig_until(&stage.rig, is_ready(&crowd.clients[i]));
    assert_int_equal(actor_send(&crowd.clients[i].actor, crowd.names[i]), 0);
  }
  rig_until(&stage.rig, crowd.matched == CROWD);
}

static void crowd_close(void) {
  for (int i = 0; i < CROWD; i++)
    actor_close(&stage.rig, &crowd.clients[i].actor);
}

static void with_name(secured_t *client, const char *name) {
  secured_plain_client(client, name, "password");
}

static void with_id(secured_t *client, const char *name) {
  secured_set_text(client, ZUV_ROUTING_ID, name);
  secured_curve_client(client);
}

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
  end(&stage.server);
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
  rig_until(&stage.rig, is_ready(&other));
  for (size_t i = 1; i <= 50; i++) {
    assert_int_equal(actor_send(&other.actor, "meanwhile"), 0);
    rig_until(&stage.rig, stage.server.actor.received == i);
    assert_int_equal(actor_send(&stage.server.actor, "indeed"), 0);
    rig_until(&stage.rig, other.actor.received == i);
  }
  assert_false(is_ready(&stage.client));
  assert_int_equal(zuv_auth_allow(request(0), NULL), 0);
  wait_ready();
  rig_until(&stage.rig, is_ready(&stage.client));
  actor_close(&stage.rig, &other.actor);
}

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
  join();
  wait_ready();
  expect_request("a domain", "the server", "NULL", 6);
  assert_string_equal(stage.server.ready.user_id, "alice");
  assert_string_equal(stage.client.ready.user_id, "(none)");
  actor_close(&stage.rig, &handler.actor);
}

static void a_handler_is_asked_about_plain(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  set_mechanism(ZUV_PLAIN);
  join();
  wait_ready();
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
  set_mechanism(ZUV_CURVE);
  secured_set_text(&stage.server, ZUV_ZAP_DOMAIN, "a domain");
  actor_set(&stage.server.actor, ZUV_ZAP_ENFORCE_DOMAIN, 1);
  join();
  wait_ready();
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
  set_mechanism(ZUV_PLAIN);
  assert_int_equal(zuv_recv_start(&stage.server.actor.zuv, on_property), 0);
  join();
  wait_ready();
  hello();
  assert_string_equal(stage.server.ready.user_id, "alice");
  actor_close(&stage.rig, &router);
}

static void a_slow_handler_is_waited_for(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  set_mechanism(ZUV_PLAIN);
  join();
  rig_until(&stage.rig, handler.asked == 1);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(is_ready(&stage.server));
  handler.reply = "1.0|#|200|||";
  assert_int_equal(secured_handler_answer(&handler), 0);
  wait_ready();
  actor_close(&stage.rig, &handler.actor);
}

static void a_handler_serves_a_crowd(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  secured_curve_server(&stage.server);
  secured_bind(&stage.server, stage.endpoint);
  crowd_open(with_id);
  for (int i = 0; i < CROWD; i++)
    rig_until(&stage.rig, is_ready(&crowd.clients[i]));
  assert_int_equal(handler.asked, CROWD);
  crowd_close();
  actor_close(&stage.rig, &handler.actor);
}

/* Nobody will answer any more: the handshake has its time. */
static void a_handler_may_close_while_it_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  set_mechanism(ZUV_PLAIN);
  actor_set(&stage.server.actor, ZUV_HANDSHAKE_IVL, 80);
  join();
  rig_until(&stage.rig, handler.asked == 1);
  actor_close(&stage.rig, &handler.actor);
  rig_until(&stage.rig,
            stage.server.actor.events[ZUV_EVENT_HANDSHAKE_FAILED] >= 2);
  secured_expect_failure_at(&stage.server, 0, UV_ETIMEDOUT, 0, 0);
  secured_expect_failure_at(&stage.server, 1, UV_EFAULT, 0, 0);
  /* a new handler lets the client in, which still tries */
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  wait_ready();
  actor_close(&stage.rig, &handler.actor);
}

static void an_asker_may_close_while_it_asks(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  set_mechanism(ZUV_PLAIN);
  join();
  rig_until(&stage.rig, handler.asked == 1);
  end(&stage.server);
  handler.reply = "1.0|#|200|||";
  (void)secured_handler_answer(&handler);
  rig_run_for(&stage.rig, QUIET_MS);
  actor_close(&stage.rig, &handler.actor);
}

static void a_client_may_leave_while_a_handler_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  set_mechanism(ZUV_CURVE);
  join();
  rig_until(&stage.rig, handler.asked == 1);
  end(&stage.client);
  rig_until(&stage.rig, stage.server.actor.events[ZUV_EVENT_DISCONNECTED] == 1);
  handler.reply = "1.0|#|200|||";
  (void)secured_handler_answer(&handler);
  rig_run_for(&stage.rig, QUIET_MS);
  assert_false(is_ready(&stage.server));
  actor_close(&stage.rig, &handler.actor);
}

static void everything_may_close_while_a_handler_is_asked(void **state) {
  (void)state;
  secured_handler_open(&handler, NULL, &stage.rig.loop);
  handler.reply = NULL;
  set_mechanism(ZUV_PLAIN);
  join();
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
  set_mechanism(ZUV_PLAIN);
  join();
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
  zuv_replace_allocator(malloc, realloc, calloc, free);
  return stage_open(state);
}

static int uncounted_close(void **state) {
  int err = stage_close(state);

  zuv_replace_allocator(counting_malloc, counting_realloc, counting_calloc,
                        counting_free);
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
    rig_until(&stage.rig, is_ready(&crowd.clients[i]));
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
      stage_test(a_request_of_null_tells_the_address),
      stage_test(a_request_of_plain_tells_name_and_password),
      stage_test(a_password_alone_has_an_empty_name),
      stage_test(names_and_passwords_may_have_255_bytes),
      stage_test(a_request_of_curve_tells_key_and_routing_id),
      stage_test(a_connecting_socket_asks_about_its_server),
      stage_test(a_server_that_is_refused_is_told),
      stage_test(both_ends_of_null_may_ask),
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
  zuv_replace_allocator(counting_malloc, counting_realloc, counting_calloc,
                        counting_free);
  return cmocka_run_group_tests_name("auth", tests, secured_make_keys, NULL);
}
