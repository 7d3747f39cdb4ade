/* Contexts, sockets of all types, their options and endpoints while memory runs
 * out: what fails has done nothing, and works when it is called again. */
#include <fcntl.h>
#include <unistd.h>

#include "stage.h"

static zuv_socket_t *zuv_of(talker_t *talker) {
  return &talker->s.actor.zuv;
}

static void get_last_endpoint(talker_t *talker, char text[RIG_TEXT_MAX]) {
  size_t size = RIG_TEXT_MAX;

  must(zuv_get_option(zuv_of(talker), ZUV_LAST_ENDPOINT, text, &size));
}

static void run_a_while(void) {
  for (int i = 0; i < 6; i++)
    uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
}

/* Nothing of a refused call stays. */
static void bind_checked(talker_t *talker, const char *endpoint) {
  char before[RIG_TEXT_MAX], after[RIG_TEXT_MAX];
  size_t failed;
  int err;

  do {
    get_last_endpoint(talker, before);
    failed = failing_failed();
    err = zuv_bind(zuv_of(talker), endpoint);
    get_last_endpoint(talker, after);
    assert_true(err == 0 || strcmp(before, after) == 0);
  } while (stage_repeats(err, failed));
  if (err != 0)
    fail_msg("bind %s: %s", endpoint, zuv_err_name(err));
}

static void connect_checked(talker_t *talker, const char *endpoint) {
  size_t failed;
  int err;

  do {
    failed = failing_failed();
    err = zuv_connect(zuv_of(talker), endpoint);
    if (err != 0)
      assert_int_equal(zuv_disconnect(zuv_of(talker), endpoint), UV_ENOENT);
  } while (stage_repeats(err, failed));
  if (err != 0)
    fail_msg("connect %s: %s", endpoint, zuv_err_name(err));
}

/* Binds to what `any` stands for, and once more to what it became. */
static void bind_again(talker_t *talker, const char *any) {
  char endpoint[RIG_TEXT_MAX];

  bind_checked(talker, any);
  get_last_endpoint(talker, endpoint);
  assert_int_equal(zuv_unbind(zuv_of(talker), endpoint), 0);
  assert_int_equal(zuv_unbind(zuv_of(talker), endpoint), UV_ENOENT);
  if (strcmp(any, "ipc://*") == 0)
    return;
  run_a_while();
  bind_checked(talker, endpoint);
}

static void set_options(talker_t *talker) {
  int type = talker->s.actor.zuv.type;

  talker_set_text(talker, ZUV_ROUTING_ID,
                  "a rather long routing id of a peer "
                  "that is hardly ever called so");
  talker_set_text(talker, ZUV_ZAP_DOMAIN, "domain");
  talker_set_text(talker, ZUV_HELLO_MSG, "hello");
  talker_set_text(talker, ZUV_DISCONNECT_MSG, "it has gone");
  talker_set_text(talker, ZUV_HICCUP_MSG, "it has gone for now");
  talker_set_text(talker, ZUV_SOCKS_USERNAME, "alice");
  talker_set_text(talker, ZUV_SOCKS_PASSWORD, "her password");
  must(zuv_set_int(zuv_of(talker), ZUV_IMMEDIATE, 0));
  if (type == ZUV_SUB)
    talker_set_text(talker, ZUV_SUBSCRIBE, "topic");
  if (type == ZUV_XPUB || type == ZUV_PUB)
    talker_set_text(talker, ZUV_XPUB_WELCOME_MSG,
                    "a welcome that does not fit into a message itself, so "
                    "that it needs memory");
  if (type == ZUV_ROUTER || type == ZUV_STREAM)
    talker_set_text(talker, ZUV_CONNECT_ROUTING_ID, "somebody");
}

static void bind_everywhere(talker_t *talker) {
  bind_again(talker, rig_any_port());
  if (talker->s.actor.zuv.type == ZUV_STREAM)
    return;
  bind_again(talker, "ipc://*");
  bind_checked(talker, "ipc://*");
  bind_again(talker, stage_ipc_path());
  bind_again(talker, "inproc://bound");
}

static void connect_everywhere(talker_t *talker, const char *nobody) {
  connect_checked(talker, nobody);
  if (talker->s.actor.zuv.type == ZUV_STREAM)
    return;
  connect_checked(talker, "ipc:///nowhere/at/all");
  connect_checked(talker, "inproc://nobody");
}

/* All that a socket does without a peer. */
static void alone(const scenario_t *scenario) {
  char nobody[RIG_TEXT_MAX];
  int reserved;
  talker_t *talker;

  stage_open(scenario);
  reserved = raw_reserve(nobody);
  talker = talker_new(scenario->binder);
  set_options(talker);
  bind_everywhere(talker);
  connect_everywhere(talker, nobody);
  run_a_while();
  if (scenario->variant == 0) {
    assert_int_equal(zuv_disconnect(zuv_of(talker), nobody), 0);
    run_a_while();
  }
  stage_close();
  close(reserved);
}

static bool is_retried(void) {
  return stage->talkers[0]->s.actor.events[ZUV_EVENT_CONNECT_RETRIED] >= 2;
}

/* No such host, as every attempt finds anew. */
static void no_host(const scenario_t *scenario) {
  talker_t *talker;

  stage_open(scenario);
  talker = talker_new(ZUV_DEALER);
  /* Longer than names may be: no server is asked. */
  connect_checked(talker,
                  "tcp://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaa:5555");
  stage_until(is_retried);
  stage_close();
}

/* A descriptor that was not adopted is still its owner's. */
static void adopt(const scenario_t *scenario) {
  char endpoint[RIG_TEXT_MAX];
  talker_t *talker;
  int fd, err;
  size_t failed;

  stage_open(scenario);
  talker = talker_new(ZUV_ROUTER);
  fd = raw_listen(endpoint);
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  must(zuv_set_int(zuv_of(talker), ZUV_USE_FD, fd));
  do {
    failed = failing_failed();
    err = zuv_bind(zuv_of(talker), rig_any_port());
    if (err != 0)
      assert_true(fcntl(fd, F_GETFD) >= 0);
  } while (stage_repeats(err, failed));
  assert_int_equal(err, 0);
  must(zuv_set_int(zuv_of(talker), ZUV_USE_FD, -1));
  stage_close();
}

/* Contexts and sockets of which nothing is used. */
static void unused(const scenario_t *scenario) {
  stage_open(scenario);
  for (int type = ZUV_PAIR; type <= ZUV_STREAM; type++) {
    talker_t *talker = talker_new(type);
    if (type % 2 == 0)
      talker_close(talker);
  }
  stage_close();
}

#define ALONE(name, type)                                                      \
  {name, alone, TCP, type, 0, 0}, {                                            \
    name " closed while connecting", alone, TCP, type, 0, 1                    \
  }

static const scenario_t scenarios[] = {
    {"unused", unused, 0, 0, 0, 0},
    ALONE("PAIR", ZUV_PAIR),
    ALONE("PUB", ZUV_PUB),
    ALONE("SUB", ZUV_SUB),
    ALONE("REQ", ZUV_REQ),
    ALONE("REP", ZUV_REP),
    ALONE("DEALER", ZUV_DEALER),
    ALONE("ROUTER", ZUV_ROUTER),
    ALONE("PULL", ZUV_PULL),
    ALONE("PUSH", ZUV_PUSH),
    ALONE("XPUB", ZUV_XPUB),
    ALONE("XSUB", ZUV_XSUB),
    ALONE("STREAM", ZUV_STREAM),
    {"no host", no_host, TCP, 0, 0, 0},
    {"adopted descriptor", adopt, TCP, 0, 0, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults life", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
