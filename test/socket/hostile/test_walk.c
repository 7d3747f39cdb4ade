/* Programs end by uv_walk() and uv_close() on every handle, ours included. In
 * every state, and in every order with zuv_close(): close callbacks come once,
 * requests end, the loop ends and closes, nothing is leaked. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

enum { ACTORS_MAX = 3, REQUESTS = 4, STUCK_SECONDS = 30 };

static struct {
  uv_loop_t loop;
  uv_timer_t timer;
  zuv_context_t context;
  actor_t actors[ACTORS_MAX];
  int count;
  zuv_send_t requests[REQUESTS];
  int requested;
  int ended;
  raw_full_t full;
  bool has_full;
  int fd;
} world;

/* ---- States to be in ---- */

static actor_t *enter(int type) {
  actor_t *actor = &world.actors[world.count++];

  actor_open(actor, &world.context, &world.loop, type);
  return actor;
}

static void on_tick(uv_timer_t *timer) {
  (void)timer;
}

#define run_until(condition)                                                   \
  do {                                                                         \
    uint64_t deadline = rig_now_ms() + RIG_DEADLINE_MS;                        \
    uv_timer_start(&world.timer, on_tick, 1, 1);                               \
    while (!(condition)) {                                                     \
      assert_true(rig_now_ms() < deadline);                                    \
      uv_run(&world.loop, UV_RUN_ONCE);                                        \
    }                                                                          \
    uv_timer_stop(&world.timer);                                               \
  } while (0)

static void be_idle(void) {
  enter(ZUV_PAIR);
  enter(ZUV_PUB);
}

static void be_bound(void) {
  char endpoint[RIG_TEXT_MAX];
  actor_bind(enter(ZUV_ROUTER), endpoint);
  assert_int_equal(zuv_bind(&enter(ZUV_REP)->zuv, "ipc://*"), 0);
  assert_int_equal(zuv_bind(&world.actors[0].zuv, "inproc://walk"), 0);
}

static void join(const char *endpoint, int type, int other) {
  char text[RIG_TEXT_MAX];
  size_t size = sizeof(text);
  actor_t *a = enter(type);
  actor_t *b = enter(other);

  assert_int_equal(zuv_bind(&a->zuv, endpoint), 0);
  zuv_get_option(&a->zuv, ZUV_LAST_ENDPOINT, text, &size);
  actor_connect(b, text);
}

static void be_connected(void) {
  join(rig_any_port(), ZUV_DEALER, ZUV_DEALER);
  actor_send(&world.actors[1], "hello");
  run_until(world.actors[0].received == 1);
}

/* Both have sent, nothing has left yet. */
static void be_busy(void) {
  be_connected();
  for (int i = 0; i < 10; i++) {
    actor_send(&world.actors[0], "to|and");
    actor_send(&world.actors[1], "fro");
  }
}

static void be_connected_over_ipc(void) {
  join("ipc://*", ZUV_REQ, ZUV_REP);
  run_until(world.actors[0].events[ZUV_EVENT_READY] == 1);
  actor_send(&world.actors[0], "hello");
  run_until(world.actors[1].received == 1);
}

static void be_subscribed(void) {
  join(rig_any_port(), ZUV_XPUB, ZUV_SUB);
  zuv_set_option(&world.actors[1].zuv, ZUV_SUBSCRIBE, "", 0);
  run_until(world.actors[0].received == 1);
  actor_send(&world.actors[0], "news");
}

static void be_just_connecting(void) {
  join(rig_any_port(), ZUV_DEALER, ZUV_DEALER);
  actor_send(&world.actors[1], "hello");
}

static void be_unread(void) {
  be_connected();
  zuv_recv_stop(&world.actors[0].zuv);
  for (int i = 0; i < 5; i++)
    actor_send(&world.actors[1], "un|read");
  for (int i = 0; i < 20; i++)
    uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void on_sent(zuv_send_t *request, int status) {
  (void)request;
  (void)status;
  world.ended++;
}

static void request(actor_t *actor) {
  static char body[200000];

  while (world.requested < REQUESTS) {
    zuv_msg_t part;
    zuv_msg_init_view(&part, body, sizeof(body));
    assert_int_equal(zuv_send(&world.requests[world.requested++], &actor->zuv,
                              &part, 1, on_sent),
                     0);
  }
}

static void be_waiting_with_requests(void) {
  request(enter(ZUV_PUSH));
}

/* The peer does not read: some bytes are out, some messages wait. */
static void be_blocked(void) {
  char endpoint[RIG_TEXT_MAX];
  wire_t wire = {.size = 0};
  actor_t *push = enter(ZUV_PUSH);

  actor_set(push, ZUV_SNDHWM, 2);
  actor_set(push, ZUV_SNDBUF, 4096);
  actor_bind(push, endpoint);
  wire_handshake(&wire, "PULL");
  world.fd = raw_connect(endpoint);
  assert_int_equal(write(world.fd, wire.bytes, wire.size), wire.size);
  run_until(push->events[ZUV_EVENT_READY] == 1);
  request(push);
  for (int i = 0; i < 20; i++)
    uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void be_shaking_hands(void) {
  char endpoint[RIG_TEXT_MAX];

  actor_bind(enter(ZUV_ROUTER), endpoint);
  world.fd = raw_connect(endpoint);
  assert_int_equal(write(world.fd, "\377\0\0", 3), 3);
  run_until(world.actors[0].events[ZUV_EVENT_ACCEPTED] == 1);
}

static void be_connecting(void) {
  char endpoint[RIG_TEXT_MAX];
  actor_t *actor = enter(ZUV_DEALER);

  raw_listen_full(&world.full, endpoint);
  world.has_full = true;
  actor_connect(actor, endpoint);
  run_until(actor->events[ZUV_EVENT_CONNECT_DELAYED] == 1);
  actor_send(actor, "hello");
}

static void be_resolving(void) {
  for (int i = 0; i < 2; i++) {
    actor_t *actor = enter(ZUV_DEALER);
    actor_set(actor, ZUV_IMMEDIATE, i);
    actor_connect(actor, "tcp://localhost:9");
  }
}

static void be_backing_off(void) {
  char endpoint[RIG_TEXT_MAX];
  actor_t *actor = enter(ZUV_DEALER);

  world.fd = raw_reserve(endpoint);
  actor_set(actor, ZUV_RECONNECT_IVL, 60000);
  actor_connect(actor, endpoint);
  actor_send(actor, "hello");
  run_until(actor->events[ZUV_EVENT_CONNECT_RETRIED] == 1);
}

static void be_lingering(void) {
  be_backing_off();
  request(&world.actors[0]);
  zuv_close(&world.actors[0].zuv, actor_on_close);
  uv_run(&world.loop, UV_RUN_NOWAIT);
  assert_int_equal(world.actors[0].closed, 0);
}

static void be_joined_inproc(void) {
  join("inproc://walk", ZUV_DEALER, ZUV_DEALER);
  actor_send(&world.actors[0], "to");
  actor_send(&world.actors[1], "fro");
}

static void be_parked_inproc(void) {
  actor_t *push = enter(ZUV_PUSH);

  actor_connect(push, "inproc://nobody");
  actor_send(push, "hello");
  uv_run(&world.loop, UV_RUN_NOWAIT);
  request(push);
}

static void be_unreferenced(void) {
  be_connected();
  zuv_unref(&world.actors[0].zuv);
  zuv_unref(&world.actors[1].zuv);
}

static const struct {
  const char *name;
  void (*be)(void);
} states[] = {
    {"idle", be_idle},
    {"bound", be_bound},
    {"connected", be_connected},
    {"busy", be_busy},
    {"over ipc", be_connected_over_ipc},
    {"subscribed", be_subscribed},
    {"just connecting", be_just_connecting},
    {"unread", be_unread},
    {"waiting with requests", be_waiting_with_requests},
    {"blocked", be_blocked},
    {"shaking hands", be_shaking_hands},
    {"connecting", be_connecting},
    {"resolving", be_resolving},
    {"backing off", be_backing_off},
    {"lingering", be_lingering},
    {"joined inproc", be_joined_inproc},
    {"parked inproc", be_parked_inproc},
    {"unreferenced", be_unreferenced},
};

enum { STATES = sizeof(states) / sizeof(states[0]) };

/* ---- Ways to end ---- */

static void on_handle_closed(uv_handle_t *handle) {
  (void)handle;
}

static void walk_one(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle))
    uv_close(handle, on_handle_closed);
}

static void walk(void) {
  uv_walk(&world.loop, walk_one, NULL);
}

static void close_sockets(void) {
  for (int i = 0; i < world.count; i++)
    zuv_close(&world.actors[i].zuv, actor_on_close);
}

static void run(void) {
  uv_run(&world.loop, UV_RUN_DEFAULT);
}

static void walk_then_close(void) {
  walk();
  close_sockets();
}

static void close_then_walk(void) {
  close_sockets();
  walk();
}

static void walk_run_close(void) {
  walk();
  run();
  close_sockets();
}

static void close_run_walk(void) {
  close_sockets();
  uv_run(&world.loop, UV_RUN_NOWAIT);
  walk();
}

static void walk_run_once_close(void) {
  walk();
  uv_run(&world.loop, UV_RUN_NOWAIT);
  close_sockets();
}

static void walk_twice(void) {
  walk();
  uv_run(&world.loop, UV_RUN_NOWAIT);
  walk();
  close_sockets();
  walk();
}

/* Calls on a loop that was walked are refused, or do no harm. */
static void walk_use_close(void) {
  walk();
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < world.count; j++) {
      zuv_socket_t *socket = &world.actors[j].zuv;
      actor_send(&world.actors[j], "anybody?");
      zuv_connect(socket, "tcp://127.0.0.1:9");
      zuv_bind(socket, rig_any_port());
      zuv_connect(socket, "inproc://walk-use");
      zuv_bind(socket, "inproc://walk-use");
      zuv_recv_start(socket, actor_on_recv);
    }
    uv_run(&world.loop, UV_RUN_NOWAIT);
  }
  close_sockets();
}

static void on_time_walk(uv_timer_t *timer) {
  (void)timer;
  walk();
}

static void on_time_close_and_walk(uv_timer_t *timer) {
  (void)timer;
  close_sockets();
  walk();
}

static void walk_in_a_callback(void) {
  uv_timer_start(&world.timer, on_time_walk, 1, 0);
  run();
  close_sockets();
}

static void close_and_walk_in_a_callback(void) {
  uv_timer_start(&world.timer, on_time_close_and_walk, 1, 0);
}

static const struct {
  const char *name;
  void (*end)(void);
} ways[] = {
    {"walk then close", walk_then_close},
    {"close then walk", close_then_walk},
    {"walk, run, close", walk_run_close},
    {"close, run, walk", close_run_walk},
    {"walk, run once, close", walk_run_once_close},
    {"walk twice", walk_twice},
    {"walk, use, close", walk_use_close},
    {"walk in a callback", walk_in_a_callback},
    {"close and walk in a callback", close_and_walk_in_a_callback},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void world_begin(void) {
  memset(&world, 0, sizeof(world));
  world.fd = -1;
  assert_int_equal(uv_loop_init(&world.loop), 0);
  assert_int_equal(uv_timer_init(&world.loop, &world.timer), 0);
  assert_int_equal(zuv_context_init(&world.context), 0);
}

static void world_end(const char *state, const char *way) {
  int err;

  run();
  for (int i = 0; i < world.count; i++)
    if (world.actors[i].closed != 1)
      fail_msg("%s, %s: %zu close callbacks", state, way,
               world.actors[i].closed);
  if (world.ended != world.requested)
    fail_msg("%s, %s: %d of %d requests", state, way, world.ended,
             world.requested);
  err = uv_loop_close(&world.loop);
  if (err != 0)
    fail_msg("%s, %s: %s", state, way, uv_err_name(err));
  assert_int_equal(zuv_context_destroy(&world.context), 0);
  if (world.fd >= 0)
    close(world.fd);
  if (world.has_full)
    raw_listen_full_end(&world.full);
}

static void test_walk_in_every_state(void **state) {
  (void)state;
  for (int s = 0; s < STATES; s++)
    for (int w = 0; w < WAYS; w++) {
      alarm(STUCK_SECONDS);
      world_begin();
      states[s].be();
      ways[w].end();
      world_end(states[s].name, ways[w].name);
    }
}

static void test_loop_serves_new_sockets_after_a_walk(void **state) {
  (void)state;
  world_begin();
  be_connected();
  walk_then_close();
  run();
  assert_int_equal(world.actors[0].closed + world.actors[1].closed, 2);
  uv_timer_init(&world.loop, &world.timer);
  world.count = 0;
  memset(world.actors, 0, sizeof(world.actors));
  be_busy();
  run_until(world.actors[1].received == 10);
  close_then_walk();
  world_end("again", "again");
}

static void test_new_socket_on_a_walked_loop_is_refused(void **state) {
  zuv_socket_t socket;

  (void)state;
  world_begin();
  be_connected();
  walk();
  assert_int_equal(
      zuv_socket_init(&world.context, &world.loop, &socket, ZUV_PAIR),
      UV_ECANCELED);
  uv_run(&world.loop, UV_RUN_NOWAIT);
  assert_int_equal(
      zuv_socket_init(&world.context, &world.loop, &socket, ZUV_PAIR),
      UV_ECANCELED);
  close_sockets();
  world_end("connected", "refused");
}

/* A program that never calls zuv_close() still gets its loop closed. */
static void test_loop_closes_without_zuv_close(void **state) {
  static uv_loop_t loop; /* of this test only: zuv keeps what is not closed */
  static actor_t rep;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  alarm(STUCK_SECONDS);
  assert_int_equal(uv_loop_init(&loop), 0);
  actor_open(&rep, NULL, &loop, ZUV_REP);
  actor_bind(&rep, endpoint);
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_walk(&loop, walk_one, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- Two loops, joined by inproc ---- */

typedef struct {
  uv_thread_t thread;
  uv_sem_t ready;
  uv_async_t stop;
  uv_loop_t loop;
  zuv_context_t *context;
  actor_t actor;
  bool walks; /* when told to stop, else it only closes */
  bool binds;
  int error; /* of uv_loop_close() or before */
} there_t;

static void on_stop(uv_async_t *stop) {
  there_t *there = stop->data;

  if (!there->walks)
    uv_close((uv_handle_t *)stop, NULL);
  else
    uv_walk(&there->loop, walk_one, NULL);
  zuv_close(&there->actor.zuv, actor_on_close);
}

static void live_there(void *arg) {
  there_t *there = arg;
  zuv_socket_t *socket = &there->actor.zuv;

  there->error = uv_loop_init(&there->loop);
  uv_async_init(&there->loop, &there->stop, on_stop);
  there->stop.data = there;
  there->error |= zuv_socket_init(there->context, &there->loop, socket,
                                  there->binds ? ZUV_PULL : ZUV_PUSH);
  zuv_set_int(socket, ZUV_LINGER, 0);
  if (there->binds) {
    zuv_recv_start(socket, actor_on_recv);
    there->error |= zuv_bind(socket, "inproc://there");
  } else {
    there->error |= zuv_connect(socket, "inproc://there");
    for (int i = 0; i < 100; i++)
      actor_send(&there->actor, "hello");
  }
  uv_sem_post(&there->ready);
  uv_run(&there->loop, UV_RUN_DEFAULT);
  there->error |= uv_loop_close(&there->loop);
}

/* Bits: who binds, who walks, who ends first, and whether they have met. */
enum {
  THERE_BINDS = 1,
  THERE_WALKS = 2,
  HERE_WALKS = 4,
  THERE_FIRST = 8,
  MEET = 16,
  CASES = 32
};

static void end_here(int bits) {
  if (bits & HERE_WALKS)
    walk_then_close();
  else
    close_then_walk();
}

static void play_two_loops(int bits) {
  there_t there;
  actor_t *here;

  world_begin();
  memset(&there, 0, sizeof(there));
  there.context = &world.context;
  there.binds = (bits & THERE_BINDS) != 0;
  there.walks = (bits & THERE_WALKS) != 0;
  assert_int_equal(uv_sem_init(&there.ready, 0), 0);
  here = enter(there.binds ? ZUV_PUSH : ZUV_PULL);
  actor_set(here, ZUV_LINGER, 0);
  assert_int_equal(uv_thread_create(&there.thread, live_there, &there), 0);
  uv_sem_wait(&there.ready);
  if (there.binds) {
    actor_connect(here, "inproc://there");
    for (int i = 0; i < 100; i++)
      actor_send(here, "hello");
  } else {
    assert_int_equal(zuv_bind(&here->zuv, "inproc://there"), 0);
  }
  if (bits & MEET && !there.binds)
    run_until(here->received > 0);
  if (bits & THERE_FIRST) {
    uv_async_send(&there.stop);
    for (int i = 0; i < 3; i++)
      uv_run(&world.loop, UV_RUN_NOWAIT);
    end_here(bits);
  } else {
    end_here(bits);
    uv_run(&world.loop, UV_RUN_NOWAIT);
    uv_async_send(&there.stop);
  }
  run();
  uv_thread_join(&there.thread);
  assert_int_equal(there.error, 0);
  assert_int_equal(there.actor.closed, 1);
  uv_sem_destroy(&there.ready);
  world_end("two loops", "any");
}

static void test_walk_of_loops_joined_by_inproc(void **state) {
  (void)state;
  for (int round = 0; round < 10; round++) {
    alarm(STUCK_SECONDS);
    for (int bits = 0; bits < CASES; bits++)
      play_two_loops(bits);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_walk_in_every_state),
      cmocka_unit_test(test_loop_serves_new_sockets_after_a_walk),
      cmocka_unit_test(test_new_socket_on_a_walked_loop_is_refused),
      cmocka_unit_test(test_walk_of_loops_joined_by_inproc),
      cmocka_unit_test(test_loop_closes_without_zuv_close),
  };
  return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
