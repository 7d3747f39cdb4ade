/* What waits, for a peer, for room or for the end, while memory runs out:
 * queues, requests, writable callbacks, pauses, lingering sockets. */
#include "stage.h"

enum { REQUESTS_MAX = 12, CONFLATED = 1 };

typedef struct {
  zuv_send_t send; /* first */
  bool begun;
  size_t ended;
  int status;
} request_t;

static talker_t *sender;
static talker_t *receiver;
static request_t requests[REQUESTS_MAX];
static size_t requests_count;
static size_t writable_calls;
static uint64_t tick; /* of the last message */

static void on_sent(zuv_send_t *send, int status) {
  request_t *request = (request_t *)send;

  request->ended++;
  request->status = status;
}

static int try_request(request_t *request, kind_t kind) {
  zuv_msg_t parts[PARTS_MAX];
  size_t count;
  int err = kind_parts(kind, parts, &count);

  if (err != 0)
    return err;
  err = zuv_send(&request->send, &sender->s.actor.zuv, parts, count, on_sent);
  for (size_t i = 0; i < count; i++) {
    if (err == 0)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
    zuv_msg_close(&parts[i]);
  }
  return err;
}

static void request(kind_t kind) {
  request_t *next = &requests[requests_count++];

  assert_true(requests_count <= REQUESTS_MAX);
  must(try_request(next, kind));
  next->begun = true;
}

static bool all_have_ended(void) {
  for (size_t i = 0; i < requests_count; i++)
    if (requests[i].ended == 0)
      return false;
  return true;
}

/* Once each, with nothing but what may happen. */
static void expect_ended_once(void) {
  for (size_t i = 0; i < requests_count; i++) {
    int status = requests[i].status;

    assert_int_equal(requests[i].ended, 1);
    assert_true(status == 0 || status == UV_ENOMEM || status == UV_ECONNRESET ||
                status == UV_ECANCELED);
  }
}

static void open_both(const scenario_t *scenario) {
  stage_open(scenario);
  memset(requests, 0, sizeof(requests));
  requests_count = 0;
  writable_calls = 0;
  tick = 0;
  sender = talker_new(scenario->connecter);
  receiver = talker_new(scenario->binder);
}

static void set(talker_t *talker, int option, int value) {
  must(zuv_set_int(&talker->s.actor.zuv, option, value));
}

/* An endpoint that is bound only later. */
static void reserve_endpoint(char endpoint[RIG_TEXT_MAX]) {
  size_t size = RIG_TEXT_MAX;
  zuv_socket_t *socket = &receiver->s.actor.zuv;

  if (stage->scenario->transport == INPROC) {
    strcpy(endpoint, "inproc://later");
    return;
  }
  if (stage->scenario->transport == IPC) {
    strcpy(endpoint, stage_ipc_path());
    return;
  }
  talker_bind(receiver);
  must(zuv_get_option(socket, ZUV_LAST_ENDPOINT, endpoint, &size));
  assert_int_equal(zuv_unbind(socket, endpoint), 0);
}

static void connect_before_bind(char endpoint[RIG_TEXT_MAX]) {
  reserve_endpoint(endpoint);
  strcpy(sender->connected, endpoint);
  must(zuv_connect(&sender->s.actor.zuv, endpoint));
}

static void bind_at_last(const char *endpoint) {
  must(zuv_bind(&receiver->s.actor.zuv, endpoint));
}

static bool all_is_heard(void) {
  return talkers_talk(sender, receiver, MANY);
}

static bool all_is_heard_and_ended(void) {
  return all_is_heard() && all_have_ended();
}

/* Each kind once, as talkers_talk() would. */
static void send_each(void) {
  for (kind_t kind = SMALL; kind < KINDS; kind++) {
    must(talker_send(sender, kind, NULL, 0));
    sender->sent[kind].done = true;
    sender->sent[kind].losses = stage_losses();
  }
}

static void queued_first(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];

  open_both(scenario);
  connect_before_bind(endpoint);
  send_each();
  uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  bind_at_last(endpoint);
  stage_until(all_is_heard);
  talker_expect_balance(sender);
  stage_close();
}

static void queued_in_vain(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];

  open_both(scenario);
  set(sender, ZUV_SNDHWM, 4);
  connect_before_bind(endpoint);
  send_each();
  must(talker_send(sender, SMALL, NULL, 0));
  assert_int_equal(talker_send(sender, SMALL, NULL, 0), UV_EAGAIN);
  request(LARGE);
  request(MANY);
  uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  if (scenario->variant == 1)
    must(zuv_disconnect(&sender->s.actor.zuv, endpoint));
  stage_close();
  expect_ended_once();
  assert_int_equal(requests[0].status, UV_ECANCELED);
  assert_int_equal(requests[1].status, UV_ECANCELED);
}

/* More requests than there is room for. */
static void request_many(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];

  open_both(scenario);
  set(sender, ZUV_SNDHWM, 2);
  set(receiver, ZUV_RCVHWM, 2);
  connect_before_bind(endpoint);
  for (int i = 0; i < 3; i++)
    for (kind_t kind = SMALL; kind < KINDS; kind++)
      request(kind);
  uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  bind_at_last(endpoint);
  stage_until(all_is_heard_and_ended);
  expect_ended_once();
  stage_close();
}

/* ---- Writable ---- */

static void on_writable(zuv_socket_t *socket) {
  (void)socket;
  writable_calls++;
  (void)talker_send(sender, (kind_t)(writable_calls % KINDS), NULL, 0);
}

static bool some_is_heard(void) {
  return receiver->heard[SMALL] > 4 && receiver->heard[MANY] > 4;
}

static void when_writable(const scenario_t *scenario) {
  open_both(scenario);
  set(sender, ZUV_SNDHWM, 2);
  talkers_join(receiver, sender);
  must(zuv_writable_start(&sender->s.actor.zuv, on_writable));
  stage_until(some_is_heard);
  stage_close();
}

/* ---- Pauses ---- */

/* As many messages as there are ticks; of every four, two are waited for. */
static bool pause_and_go_on(void) {
  zuv_socket_t *socket = &receiver->s.actor.zuv;
  kind_t kinds = stage->scenario->variant == CONFLATED ? MANY : KINDS;

  if (stage->rig.ticks == tick)
    return false;
  tick = stage->rig.ticks;
  (void)talker_send(sender, (kind_t)(tick % kinds), NULL, 0);
  if (tick % 4 < 2)
    must(zuv_recv_stop(socket));
  else
    must(zuv_recv_start(socket, talker_on_recv));
  return receiver->heard[SMALL] > 1 && receiver->heard[kinds - 1] > 1;
}

/* Messages that wait on the receiving side. */
static void received_slowly(const scenario_t *scenario) {
  open_both(scenario);
  set(sender, ZUV_SNDHWM, 2);
  set(receiver, ZUV_RCVHWM, 3);
  talkers_join(receiver, sender);
  stage_until(pause_and_go_on);
  stage_close();
}

static void conflated(const scenario_t *scenario) {
  open_both(scenario);
  set(sender, ZUV_CONFLATE, 1);
  set(receiver, ZUV_CONFLATE, 1);
  talkers_join(receiver, sender);
  stage_until(pause_and_go_on);
  stage_close();
}

/* ---- Ends ---- */

static bool is_joined(void) {
  return receiver->heard[SMALL] > 0 ||
         (all_is_heard(), receiver->heard[SMALL] > 0);
}

/* What was sent before the close arrives, if nothing is lost on the way. */
static void lingering(const scenario_t *scenario) {
  size_t heard;

  open_both(scenario);
  set(sender, ZUV_LINGER, -1);
  talkers_join(receiver, sender);
  stage_until(is_joined);
  heard = receiver->heard[MANY];
  must(talker_send(sender, LARGE, NULL, 0));
  must(talker_send(sender, MANY, NULL, 0));
  request(MANY);
  talker_close(sender);
  rig_until(&stage->rig,
            receiver->heard[MANY] >= heard + 2 || failing_failed() > 0);
  stage_close();
  expect_ended_once();
}

/* Nobody comes, and the time is over. */
static void lingering_in_vain(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];

  open_both(scenario);
  set(sender, ZUV_LINGER, 10);
  connect_before_bind(endpoint);
  send_each();
  request(MANY);
  talker_close(sender);
  stage_close();
  expect_ended_once();
}

/* The peer goes and comes while messages are under way. */
static void peer_returns(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];
  size_t size = sizeof(endpoint);

  open_both(scenario);
  talkers_join(receiver, sender);
  stage_until(is_joined);
  must(zuv_get_option(&receiver->s.actor.zuv, ZUV_LAST_ENDPOINT, endpoint,
                      &size));
  request(LARGE);
  request(MANY);
  talker_close(receiver);
  request(MANY);
  receiver = talker_new(scenario->binder);
  bind_at_last(endpoint);
  sender->lossy = true;
  stage_until(all_is_heard_and_ended);
  expect_ended_once();
  stage_close();
}

static const scenario_t scenarios[] = {
    {"queued first, tcp", queued_first, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"queued first, ipc", queued_first, IPC, ZUV_PULL, ZUV_PUSH, 0},
    {"queued first, inproc", queued_first, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"queued first, pair inproc", queued_first, INPROC, ZUV_PAIR, ZUV_PAIR, 0},
    {"queued in vain, tcp", queued_in_vain, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"queued in vain, inproc", queued_in_vain, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"queued in vain, disconnected", queued_in_vain, TCP, ZUV_PULL, ZUV_PUSH,
     1},
    {"requests, tcp", request_many, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"requests, inproc", request_many, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"writable, tcp", when_writable, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"writable, inproc", when_writable, INPROC, ZUV_PAIR, ZUV_PAIR, 0},
    {"received slowly, tcp", received_slowly, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"received slowly, inproc", received_slowly, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"conflated, tcp", conflated, TCP, ZUV_PULL, ZUV_PUSH, CONFLATED},
    {"conflated, inproc", conflated, INPROC, ZUV_PULL, ZUV_PUSH, CONFLATED},
    {"lingering, tcp", lingering, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"lingering, inproc", lingering, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"lingering in vain", lingering_in_vain, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"peer returns", peer_returns, TCP, ZUV_PULL, ZUV_PUSH, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults waiting", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
