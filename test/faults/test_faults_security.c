/* Handshakes, the questions they ask and secured traffic while memory runs
 * out. */
#include "stage.h"

/* Who lets a client in, or does not. */
enum { NOBODY, CALLBACK, LATER, HANDLER, REFUSAL, SILENCE };

enum { MECHANISMS = 3, DECIDERS = 6 };

#define SECURE(mechanism, decides) ((decides)*MECHANISMS + (mechanism))

static talker_t *server;
static talker_t *client;
static talker_t *handler;
static bool subscribed;

static int mechanism_of(const scenario_t *scenario) {
  return scenario->variant % MECHANISMS;
}

static int decides(void) {
  return stage->scenario->variant / MECHANISMS;
}

/* ---- Questions ---- */

/* The peer may have gone meanwhile. */
static void allow(zuv_auth_t *request) {
  size_t failed;
  int err;

  do {
    failed = failing_failed();
    err = zuv_auth_allow(request, "alice");
  } while (stage_repeats(err, failed));
  assert_true(err == 0 || err == UV_ECANCELED);
}

static void on_auth(zuv_socket_t *socket, zuv_auth_t *request) {
  secured_t *s = (secured_t *)socket;

  (void)s;
  if (decides() == CALLBACK)
    allow(request);
  else if (decides() == REFUSAL)
    assert_int_equal(zuv_auth_deny(request, 300), 0);
  else
    s->requests[s->asked++] = request;
}

static void answer_all(void) {
  secured_t *s = &server->s;

  while (s->asked > 0)
    allow(s->requests[--s->asked]);
}

static int try_reply(zuv_socket_t *socket, zuv_msg_t *parts) {
  zuv_msg_t reply[6];
  int err;

  for (size_t i = 0; i < 6; i++)
    zuv_msg_init(&reply[i]);
  zuv_msg_init_const(&reply[0], "1.0", 3);
  err = zuv_msg_copy(&reply[1], &parts[1]);
  if (err != 0)
    return err;
  zuv_msg_init_const(&reply[2], "200", 3);
  zuv_msg_init_const(&reply[4], "alice", 5);
  err = zuv_try_send(socket, reply, 6);
  for (size_t i = 0; i < 6; i++)
    zuv_msg_close(&reply[i]);
  return err;
}

static void on_zap_request(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)peer;
  assert_true(count >= 6);
  must(try_reply(socket, parts));
}

static void open_handler(void) {
  handler = talker_new(ZUV_REP);
  must(zuv_recv_start(&handler->s.actor.zuv, on_zap_request));
  must(zuv_bind(&handler->s.actor.zuv, "inproc://zeromq.zap.01"));
  /* The question or its answer may be what is lost. */
  must(zuv_set_int(&server->s.actor.zuv, ZUV_HANDSHAKE_IVL, 60));
}

/* ---- Two ends ---- */

/* The name that authentication gave the peer is there, or memory was not. */
static void on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  size_t failed;
  const char *user_id;

  do {
    failed = failing_failed();
    user_id = zuv_peer_user_id(peer);
  } while (user_id == NULL && failing_failed() > failed);
  if (socket == &server->s.actor.zuv && decides() != NOBODY)
    assert_string_equal(user_id, "alice");
  talker_on_recv(socket, parts, count, peer);
}

static void open_both(const scenario_t *scenario) {
  zuv_socket_t *socket;

  stage_open(scenario);
  server = talker_new(scenario->binder);
  client = talker_new(scenario->connecter);
  socket = &server->s.actor.zuv;
  secured_set_server(&server->s, mechanism_of(scenario));
  secured_set_client(&client->s, mechanism_of(scenario));
  if (scenario->binder != ZUV_PUB && scenario->binder != ZUV_PUSH)
    must(zuv_recv_start(socket, on_recv));
  if (decides() == HANDLER) {
    talker_set_text(server, ZUV_ZAP_DOMAIN, "domain");
    open_handler();
  } else if (decides() != NOBODY) {
    must(zuv_auth_start(socket, on_auth));
  }
}

static void close_all(void) {
  secured_t s = server->s;

  /* What the application has is freed when it answers. */
  stage_close();
  while (s.asked > 0)
    assert_int_equal(zuv_auth_deny(s.requests[--s.asked], 400), UV_ECANCELED);
}

static bool both_are_heard(void) {
  bool there;

  answer_all();
  there = talkers_talk(client, server, MANY);
  return talkers_talk(server, client, MANY) && there;
}

static void talked(const scenario_t *scenario) {
  open_both(scenario);
  talkers_join(server, client);
  stage_until(both_are_heard);
  close_all();
}

static bool server_is_heard(void) {
  if (!subscribed) {
    for (int i = 0; i < 20; i++) {
      char topic[300];
      memset(topic, 'a' + i, sizeof(topic));
      must(zuv_set_option(&client->s.actor.zuv, ZUV_SUBSCRIBE, topic,
                          (size_t)i * 15));
    }
    subscribed = true;
  }
  return talkers_talk(server, client, MANY);
}

static void published(const scenario_t *scenario) {
  subscribed = false;
  open_both(scenario);
  talkers_join(server, client);
  stage_until(server_is_heard);
  close_all();
}

/* ---- Nobody comes in ---- */

static bool has_been_refused(void) {
  size_t failures = server->s.actor.events[ZUV_EVENT_HANDSHAKE_FAILED] +
                    client->s.actor.events[ZUV_EVENT_HANDSHAKE_FAILED];

  return failures >= 2 || server->s.asked > 0;
}

static void kept_out(const scenario_t *scenario) {
  open_both(scenario);
  talkers_join(server, client);
  must(talker_send(client, MANY, NULL, 0));
  stage_until(has_been_refused);
  assert_int_equal(server->s.actor.received, 0);
  close_all();
}

/* The client believes in another server. */
static void wrong_key(const scenario_t *scenario) {
  open_both(scenario);
  secured_curve_client_with(&client->s, &secured_client_keys,
                            secured_other_keys.public_key);
  must(zuv_set_int(&client->s.actor.zuv, ZUV_RECONNECT_IVL, 1));
  talkers_join(server, client);
  stage_until(has_been_refused);
  close_all();
}

static const scenario_t scenarios[] = {
    {"NULL, callback", talked, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_NULL, CALLBACK)},
    {"NULL, handler", talked, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_NULL, HANDLER)},
    {"PLAIN, callback", talked, TCP, ZUV_PAIR, ZUV_PAIR,
     SECURE(ZUV_PLAIN, CALLBACK)},
    {"PLAIN, later", talked, IPC, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_PLAIN, LATER)},
    {"PLAIN, handler", talked, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_PLAIN, HANDLER)},
    {"CURVE, nobody", talked, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, NOBODY)},
    {"CURVE, callback", talked, IPC, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, CALLBACK)},
    {"CURVE, handler", talked, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, HANDLER)},
    {"CURVE, publisher", published, TCP, ZUV_PUB, ZUV_SUB,
     SECURE(ZUV_CURVE, NOBODY)},
    {"NULL, refused", kept_out, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_NULL, REFUSAL)},
    {"PLAIN, refused", kept_out, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_PLAIN, REFUSAL)},
    {"CURVE, refused", kept_out, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, REFUSAL)},
    {"PLAIN, not answered", kept_out, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_PLAIN, SILENCE)},
    {"CURVE, not answered", kept_out, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, SILENCE)},
    {"CURVE, wrong key", wrong_key, TCP, ZUV_DEALER, ZUV_DEALER,
     SECURE(ZUV_CURVE, NOBODY)},
};

int main(int argc, char **argv) {
  if (secured_make_keys(NULL) != 0)
    return 1;
  return sweep_main("faults security", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
