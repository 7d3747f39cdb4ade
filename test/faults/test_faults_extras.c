/* Requests, the walk over peers, events of subscriptions and limits in bytes,
 * while memory runs out. */
#include "stage.h"

enum { ASKED_MAX = 3 * KINDS, PATIENCE_MS = 50 };

typedef struct {
  zuv_request_t request; /* first */
  kind_t kind;
  size_t begun;
  size_t ended;
  int status;
} asked_t;

static talker_t *here;
static talker_t *there;
static asked_t asked[ASKED_MAX];
static size_t walked;
static uint64_t tick; /* of the last message */

static void open_both(const scenario_t *scenario) {
  stage_open(scenario);
  memset(asked, 0, sizeof(asked));
  walked = 0;
  tick = 0;
  here = talker_new(scenario->connecter);
  there = talker_new(scenario->binder);
}

/* ---- Requests ---- */

/* A REP goes on only when it has answered. */
static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  (void)peer;
  must(zuv_try_send(socket, parts, count));
}

static void give_no_answer(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)socket;
  (void)parts;
  (void)count;
  (void)peer;
}

static void on_end(zuv_request_t *request, int status, zuv_msg_t *parts,
                   size_t count, zuv_peer_t *peer) {
  asked_t *one = (asked_t *)request;

  one->ended++;
  one->status = status;
  assert_int_equal(one->ended, one->begun);
  assert_true(status == 0 || status == UV_ENOMEM || status == UV_ETIMEDOUT ||
              status == UV_ECONNRESET || status == UV_ECANCELED);
  assert_int_equal(status == 0, peer != NULL);
  if (status == 0)
    talker_on_recv(request->socket, parts, count, peer);
}

static int ask(asked_t *one) {
  zuv_msg_t parts[PARTS_MAX];
  size_t count;
  int err = kind_parts(one->kind, parts, &count);

  if (err != 0)
    return err;
  err = zuv_request(&one->request, &here->s.actor.zuv, parts, count,
                    PATIENCE_MS, on_end);
  for (size_t i = 0; i < count; i++) {
    if (err == 0)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
    zuv_msg_close(&parts[i]);
  }
  if (err == 0)
    one->begun++;
  return err;
}

/* What has no reply yet is asked again. */
static bool all_are_answered(void) {
  bool all = true;

  for (size_t i = 0; i < ASKED_MAX; i++) {
    asked_t *one = &asked[i];
    bool answered = one->ended > 0 && one->status == 0;

    one->kind = (kind_t)(i % KINDS);
    all = all && answered && one->ended == one->begun;
    if (!answered && one->ended == one->begun)
      (void)ask(one);
  }
  return all;
}

static void ask_and_answer(const scenario_t *scenario) {
  open_both(scenario);
  must(zuv_recv_start(&there->s.actor.zuv, echo));
  talkers_join(there, here);
  stage_until(all_are_answered);
  stage_close();
}

/* None of them is answered, and each has its end. */
static void ask_in_vain(const scenario_t *scenario) {
  open_both(scenario);
  must(zuv_set_int(&here->s.actor.zuv, ZUV_SNDHWM, 2));
  must(zuv_recv_start(&there->s.actor.zuv, give_no_answer));
  if (scenario->variant != 0)
    talkers_join(there, here);
  for (size_t i = 0; i < ASKED_MAX; i++) {
    asked[i].kind = (kind_t)(i % KINDS);
    must(ask(&asked[i]));
  }
  uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  if (asked[1].begun > asked[1].ended)
    (void)zuv_request_cancel(&asked[1].request);
  stage_close();
  for (size_t i = 0; i < ASKED_MAX; i++)
    assert_int_equal(asked[i].ended, 1);
}

/* ---- Peers ---- */

static void on_peer(zuv_socket_t *socket, zuv_peer_t *peer, void *arg) {
  zuv_stats_t stats;

  (void)socket;
  (void)arg;
  assert_int_equal(zuv_peer_stats(peer, &stats), 0);
  walked++;
  if (stage->scenario->variant != 0 && walked == 1)
    assert_int_equal(zuv_peer_close(peer), 0);
}

static bool all_is_heard(void) {
  return talkers_talk(here, there, MANY);
}

static bool somebody_is_there(void) {
  walked = 0;
  must(zuv_peers(&there->s.actor.zuv, on_peer, NULL));
  return walked > 0;
}

static void walk(const scenario_t *scenario) {
  open_both(scenario);
  talkers_join(there, here);
  stage_until(somebody_is_there);
  here->lossy = true;
  stage_until(all_is_heard);
  stage_close();
}

/* ---- Subscribers ---- */

static const char *const topics[] = {"a", "b",
                                     "a topic that fits into no message"};

static void set_topic(int option, const char *topic) {
  must(zuv_set_option(&here->s.actor.zuv, option, topic, strlen(topic)));
}

static bool all_are_known(void) {
  for (size_t i = 0; i < 3; i++)
    if (zuv_subscriber_count(&there->s.actor.zuv, topics[i],
                             strlen(topics[i])) != 1)
      return false;
  return true;
}

static bool only_one_is_left(void) {
  return zuv_subscriber_count(&there->s.actor.zuv, topics[0], 1) == 0 &&
         zuv_subscriber_count(&there->s.actor.zuv, topics[1], 1) == 1;
}

static void subscribe(const scenario_t *scenario) {
  open_both(scenario);
  for (size_t i = 0; i < 3; i++)
    set_topic(ZUV_SUBSCRIBE, topics[i]);
  talkers_join(there, here);
  stage_until(all_are_known);
  set_topic(ZUV_UNSUBSCRIBE, topics[0]);
  set_topic(ZUV_UNSUBSCRIBE, topics[2]);
  stage_until(only_one_is_left);
  stage_close();
}

/* ---- Limits ---- */

static void set_bytes(talker_t *talker, int option, uint64_t bytes) {
  must(zuv_set_option(&talker->s.actor.zuv, option, &bytes, sizeof(bytes)));
}

static bool pause_and_go_on(void) {
  zuv_socket_t *socket = &there->s.actor.zuv;

  if (stage->rig.ticks == tick)
    return false;
  tick = stage->rig.ticks;
  (void)talker_send(here, (kind_t)(tick % KINDS), NULL, 0);
  if (tick % 4 < 2)
    must(zuv_recv_stop(socket));
  else
    must(zuv_recv_start(socket, talker_on_recv));
  return there->heard[SMALL] > 1 && there->heard[MANY] > 1;
}

static void limited_in_bytes(const scenario_t *scenario) {
  open_both(scenario);
  set_bytes(here, ZUV_SNDHWM_BYTES, 100000);
  set_bytes(there, ZUV_RCVHWM_BYTES, 1000);
  talkers_join(there, here);
  stage_until(pause_and_go_on);
  stage_close();
}

static const scenario_t scenarios[] = {
    {"requests to REP, tcp", ask_and_answer, TCP, ZUV_REP, ZUV_DEALER, 0},
    {"requests to ROUTER, ipc", ask_and_answer, IPC, ZUV_ROUTER, ZUV_DEALER, 0},
    {"requests to REP, inproc", ask_and_answer, INPROC, ZUV_REP, ZUV_DEALER, 0},
    {"requests to nobody", ask_in_vain, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
    {"requests in vain, tcp", ask_in_vain, TCP, ZUV_ROUTER, ZUV_DEALER, 1},
    {"requests in vain, inproc", ask_in_vain, INPROC, ZUV_ROUTER, ZUV_DEALER,
     1},
    {"a walk over peers, tcp", walk, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"a walk over peers, inproc", walk, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"a peer is sent away", walk, TCP, ZUV_PULL, ZUV_PUSH, 1},
    {"subscribers of PUB, tcp", subscribe, TCP, ZUV_PUB, ZUV_SUB, 0},
    {"subscribers of XPUB, inproc", subscribe, INPROC, ZUV_XPUB, ZUV_SUB, 0},
    {"limited in bytes, tcp", limited_in_bytes, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"limited in bytes, inproc", limited_in_bytes, INPROC, ZUV_PULL, ZUV_PUSH,
     0},
};

int main(int argc, char **argv) {
  return sweep_main("faults extras", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
