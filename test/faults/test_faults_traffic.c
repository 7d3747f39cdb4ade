/* Messages of all sizes between two sockets of a loop while memory runs out. */
#include "stage.h"

static talker_t *binder;
static talker_t *connecter;

static bool connecter_is_heard(void) {
  return talkers_talk(connecter, binder, MANY);
}

static bool binder_is_heard(void) {
  return talkers_talk(binder, connecter, MANY);
}

static bool both_are_heard(void) {
  bool there = connecter_is_heard();
  return binder_is_heard() && there;
}

static void open_both(const scenario_t *scenario) {
  stage_open(scenario);
  binder = talker_new(scenario->binder);
  connecter = talker_new(scenario->connecter);
}

static void one_way(const scenario_t *scenario) {
  open_both(scenario);
  talkers_join(binder, connecter);
  stage_until(scenario->binder == ZUV_PUSH ? binder_is_heard
                                           : connecter_is_heard);
  talker_expect_balance(binder);
  talker_expect_balance(connecter);
  stage_close();
}

static void both_ways(const scenario_t *scenario) {
  open_both(scenario);
  talkers_join(binder, connecter);
  stage_until(both_are_heard);
  talker_expect_balance(binder);
  talker_expect_balance(connecter);
  stage_close();
}

static const scenario_t scenarios[] = {
    {"push-pull tcp", one_way, TCP, ZUV_PULL, ZUV_PUSH, 0},
    {"push-pull ipc", one_way, IPC, ZUV_PULL, ZUV_PUSH, 0},
    {"push-pull inproc", one_way, INPROC, ZUV_PULL, ZUV_PUSH, 0},
    {"push-pull inproc, connect first", one_way, INPROC_CONNECT_FIRST, ZUV_PULL,
     ZUV_PUSH, 0},
    {"pull-push tcp", one_way, TCP, ZUV_PUSH, ZUV_PULL, 0},
    {"pull-push inproc", one_way, INPROC, ZUV_PUSH, ZUV_PULL, 0},
    {"pull-push inproc, connect first", one_way, INPROC_CONNECT_FIRST, ZUV_PUSH,
     ZUV_PULL, 0},
    {"pair tcp", both_ways, TCP, ZUV_PAIR, ZUV_PAIR, 0},
    {"pair inproc", both_ways, INPROC, ZUV_PAIR, ZUV_PAIR, 0},
    {"pair inproc, connect first", both_ways, INPROC_CONNECT_FIRST, ZUV_PAIR,
     ZUV_PAIR, 0},
    {"dealer tcp", both_ways, TCP, ZUV_DEALER, ZUV_DEALER, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults traffic", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
