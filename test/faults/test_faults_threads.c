/* inproc between two loops, each with a thread of its own, while memory runs
 * out for either. */
#include <stdatomic.h>

#include "stage.h"

enum { CONNECT_FIRST = 1, TICK_MS = 2, TRIES = 20 };

/* The other thread: a ROUTER that sends back what it gets, or a publisher that
 * always says the same. */
static struct {
  uv_thread_t thread;
  uv_loop_t loop;
  uv_async_t stop;
  uv_timer_t tick;
  uv_sem_t go;
  uv_sem_t bound;
  zuv_socket_t socket;
  int type;
  int error;
  int closed;
} other;

/* For want of memory a call may fail a few times. Failing the test is up to the
 * first thread. */
#define try(call)                                                              \
  do {                                                                         \
    for (int tries = 0; other.error == 0 && tries < TRIES; tries++) {          \
      int try_result = (call);                                                 \
      if (try_result != UV_ENOMEM || tries + 1 == TRIES) {                     \
        other.error = try_result;                                              \
        break;                                                                 \
      }                                                                        \
    }                                                                          \
  } while (0)

static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  (void)peer;
  if (socket->type == ZUV_ROUTER)
    (void)zuv_try_send(socket, parts, count);
}

static void on_tick(uv_timer_t *tick) {
  zuv_msg_t part;

  (void)tick;
  zuv_msg_init_view(&part, "small", 5);
  (void)zuv_try_send(&other.socket, &part, 1);
  zuv_msg_close(&part);
}

static void on_closed(zuv_socket_t *socket) {
  (void)socket;
  other.closed++;
}

static void on_stop(uv_async_t *stop) {
  uv_close((uv_handle_t *)stop, NULL);
  uv_close((uv_handle_t *)&other.tick, NULL);
  if (other.socket.zuv__impl != NULL)
    zuv_close(&other.socket, on_closed);
}

static void run_other(void *context) {
  (void)context;
  uv_sem_wait(&other.go);
  try(zuv_socket_init(&stage->context, &other.loop, &other.socket, other.type));
  try(zuv_recv_start(&other.socket, on_question));
  try(zuv_set_int(&other.socket, ZUV_LINGER, 0));
  try(zuv_bind(&other.socket, "inproc://other"));
  if (other.type == ZUV_XPUB)
    uv_timer_start(&other.tick, on_tick, TICK_MS, TICK_MS);
  uv_sem_post(&other.bound);
  uv_run(&other.loop, UV_RUN_DEFAULT);
}

static void other_open(int type) {
  memset(&other, 0, sizeof(other));
  other.type = type;
  assert_int_equal(uv_loop_init(&other.loop), 0);
  assert_int_equal(uv_async_init(&other.loop, &other.stop, on_stop), 0);
  assert_int_equal(uv_timer_init(&other.loop, &other.tick), 0);
  assert_int_equal(uv_sem_init(&other.go, 0), 0);
  assert_int_equal(uv_sem_init(&other.bound, 0), 0);
  assert_int_equal(uv_thread_create(&other.thread, run_other, NULL), 0);
}

static void other_bind(void) {
  uv_sem_post(&other.go);
  uv_sem_wait(&other.bound);
  if (other.error != 0)
    fail_msg("in the other thread: %s", zuv_err_name(other.error));
}

static void other_close(void) {
  uv_async_send(&other.stop);
  assert_int_equal(uv_thread_join(&other.thread), 0);
  assert_int_equal(uv_loop_close(&other.loop), 0);
  assert_int_equal(other.closed, 1);
  uv_sem_destroy(&other.go);
  uv_sem_destroy(&other.bound);
}

/* ---- This thread ---- */

static talker_t *talker;

static void connect_to_other(void) {
  strcpy(talker->connected, "inproc://other");
  must(zuv_connect(&talker->s.actor.zuv, talker->connected));
}

/* It hears itself. */
static bool all_comes_back(void) {
  return talkers_talk(talker, talker, MANY);
}

static bool something_is_published(void) {
  return talker->heard[SMALL] >= 2;
}

static void subscribe_to_much(void) {
  zuv_socket_t *socket = &talker->s.actor.zuv;

  for (int i = 0; i < 30; i++) {
    char topic[300];
    memset(topic, 'a' + i % 26, sizeof(topic));
    must(zuv_set_option(socket, ZUV_SUBSCRIBE, topic, (size_t)i * 10));
  }
}

static void across(const scenario_t *scenario) {
  bool connect_first = scenario->variant == CONNECT_FIRST;

  stage_open(scenario);
  other_open(scenario->binder);
  talker = talker_new(scenario->connecter);
  talker->lossy = true;
  if (scenario->connecter == ZUV_SUB)
    subscribe_to_much();
  if (connect_first) {
    connect_to_other();
    if (scenario->connecter == ZUV_DEALER)
      (void)all_comes_back();
    uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  }
  other_bind();
  if (!connect_first)
    connect_to_other();
  stage_until(scenario->connecter == ZUV_SUB ? something_is_published
                                             : all_comes_back);
  if (scenario->variant == CONNECT_FIRST)
    talker_close(talker);
  other_close();
  stage_close();
}

static const scenario_t scenarios[] = {
    {"dealer-router", across, INPROC, ZUV_ROUTER, ZUV_DEALER, 0},
    {"dealer-router, connect first", across, INPROC, ZUV_ROUTER, ZUV_DEALER,
     CONNECT_FIRST},
    {"sub-xpub", across, INPROC, ZUV_XPUB, ZUV_SUB, 0},
    {"sub-xpub, connect first", across, INPROC, ZUV_XPUB, ZUV_SUB,
     CONNECT_FIRST},
};

int main(int argc, char **argv) {
  return sweep_main("faults threads", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
