/* Messages of the connection, requests, and what is told of peers, while memory
 * runs out. */
#include <unistd.h>

#include "stage.h"

enum { REQUESTS = 6 };

static talker_t *server;
static talker_t *client;
static talker_t *leaver;

static void set(talker_t *talker, int option, int value) {
  must(zuv_set_int(&talker->s.actor.zuv, option, value));
}

static void open_both(const scenario_t *scenario) {
  stage_open(scenario);
  server = talker_new(scenario->binder);
  client = talker_new(scenario->connecter);
}

/* ---- Messages of the connection ---- */

static size_t expected; /* of what the server hears */

static bool was_dropped(const talker_t *talker) {
  return talker->s.actor.events[ZUV_EVENT_DROPPED] > 0;
}

static bool is_greeted(const talker_t *talker) {
  return talker->heard[SMALL] > 0 || was_dropped(talker) || was_dropped(server);
}

static bool client_is_greeted(void) {
  return is_greeted(client);
}

static bool leaver_is_greeted(void) {
  return is_greeted(leaver);
}

static bool both_are_heard(void) {
  bool there = talkers_talk(client, server, MANY);
  return talkers_talk(server, client, MANY) && there;
}

static bool server_hears_the_end(void) {
  return server->heard[SMALL] >= expected || was_dropped(server);
}

static bool client_hears_of_the_break(void) {
  return client->heard[SMALL] > 1 || was_dropped(client);
}

/* Each of them is heard, or an event tells that it was lost. */
static void greeted(const scenario_t *scenario) {
  open_both(scenario);
  set(server, ZUV_ROUTER_MANDATORY, 1);
  talker_set_text(server, ZUV_HELLO_MSG, "small");
  talker_set_text(server, ZUV_DISCONNECT_MSG, "small");
  talker_set_text(client, ZUV_HICCUP_MSG, "small");
  talkers_join(server, client);
  stage_until(client_is_greeted);
  leaver = talker_new(scenario->connecter);
  talker_connect(leaver, server);
  stage_until(leaver_is_greeted);
  stage_until(both_are_heard);
  expected = server->heard[SMALL] + 1;
  talker_close(leaver);
  if (sweep_is_single())
    stage_until(server_hears_the_end);
  talker_close(server);
  if (sweep_is_single() && scenario->transport == TCP)
    stage_until(client_hears_of_the_break);
  stage_close();
}

/* ---- Requests ---- */

typedef struct {
  zuv_request_t request; /* first */
  bool asked;
  size_t ended;
  int status;
} question_t;

static question_t questions[REQUESTS];
static uint64_t timeout; /* ms */

static void on_reply(zuv_request_t *request, int status, zuv_msg_t *parts,
                     size_t count, zuv_peer_t *peer) {
  question_t *question = (question_t *)request;

  (void)peer;
  if (status == 0)
    talker_on_recv(&client->s.actor.zuv, parts, count, NULL);
  question->ended++;
  question->status = status;
}

/* Without memory it does not answer, and an event tells. */
static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  (void)peer;
  must(zuv_try_send(socket, parts, count));
}

static int try_ask(question_t *question, kind_t kind) {
  zuv_msg_t parts[PARTS_MAX];
  size_t count;
  int err = kind_parts(kind, parts, &count);

  if (err != 0)
    return err;
  err = zuv_request(&question->request, &client->s.actor.zuv, parts, count,
                    timeout, on_reply);
  for (size_t i = 0; i < count; i++) {
    if (err == 0)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
    zuv_msg_close(&parts[i]);
  }
  return err;
}

static void ask(question_t *question, int index) {
  *question = (question_t){.asked = true};
  must(try_ask(question, (kind_t)(index % KINDS)));
}

static bool all_have_ended(void) {
  for (int i = 0; i < REQUESTS; i++)
    if (questions[i].ended == 0)
      return false;
  return true;
}

/* One that failed is asked again. */
static bool all_are_answered(void) {
  bool all = true;

  for (int i = 0; i < REQUESTS; i++) {
    question_t *question = &questions[i];
    bool failed = question->ended > 0 && question->status != 0;

    if (failed || !question->asked)
      ask(question, i);
    all = all && question->ended > 0 && question->status == 0;
  }
  return all;
}

static void expect_ended_once(void) {
  for (int i = 0; i < REQUESTS; i++)
    assert_int_equal(questions[i].ended, questions[i].asked);
}

static void asked(const scenario_t *scenario) {
  open_both(scenario);
  memset(questions, 0, sizeof(questions));
  timeout = 200;
  must(zuv_recv_start(&server->s.actor.zuv, on_question));
  if (scenario->variant > 0)
    set(client, ZUV_SNDHWM, scenario->variant);
  talkers_join(server, client);
  stage_until(all_are_answered);
  expect_ended_once();
  stage_close();
}

/* Nobody is there to answer. */
static void asked_in_vain(const scenario_t *scenario) {
  char nobody[RIG_TEXT_MAX];
  int reserved = raw_reserve(nobody);

  open_both(scenario);
  memset(questions, 0, sizeof(questions));
  timeout = 4;
  set(client, ZUV_SNDHWM, 2);
  must(zuv_connect(&client->s.actor.zuv, nobody));
  for (int i = 0; i < REQUESTS; i++)
    ask(&questions[i], i);
  must(zuv_request_cancel(&questions[1].request));
  must(zuv_request_cancel(&questions[4].request));
  if (scenario->variant > 0)
    stage_until(all_have_ended);
  stage_close();
  expect_ended_once();
  close(reserved);
}

/* ---- Peers ---- */

static size_t walked;

static void on_peer(zuv_socket_t *socket, zuv_peer_t *peer, void *arg) {
  zuv_stats_t stats;

  (void)socket;
  (void)arg;
  walked++;
  must(zuv_peer_stats(peer, &stats));
  assert_string_equal(zuv_peer_mechanism(peer), "NULL");
}

static bool peers_are_walked(void) {
  walked = 0;
  must(zuv_peers(&server->s.actor.zuv, on_peer, NULL));
  return walked == 1;
}

static void told_of(const scenario_t *scenario) {
  zuv_stats_t stats;

  open_both(scenario);
  set(server, ZUV_ROUTER_MANDATORY, 1);
  talkers_join(server, client);
  stage_until(both_are_heard);
  stage_until(peers_are_walked);
  must(zuv_socket_stats(&server->s.actor.zuv, &stats));
  stage_close();
}

static const scenario_t scenarios[] = {
    {"greeted tcp", greeted, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
    {"greeted ipc", greeted, IPC, ZUV_ROUTER, ZUV_DEALER, 0},
    {"requests tcp", asked, TCP, ZUV_REP, ZUV_DEALER, 0},
    {"requests inproc", asked, INPROC, ZUV_REP, ZUV_DEALER, 0},
    {"requests that wait", asked, TCP, ZUV_REP, ZUV_DEALER, 2},
    {"requests in vain", asked_in_vain, TCP, ZUV_REP, ZUV_DEALER, 0},
    {"requests out of time", asked_in_vain, TCP, ZUV_REP, ZUV_DEALER, 1},
    {"peers", told_of, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults extras", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
