/* Memory runs out at any allocation: the call that needed it says so and works
 * when it is tried again, or what was lost is made again; nobody crashes, every
 * close callback comes and nothing is leaked. */
#include <unistd.h>

#include "rig.h"

enum { PATIENCE_MS = 3000, HARD_TIMES_MS = 6, ALLOCATIONS_MAX = 5000 };

/* ---- The allocator ---- */

static struct {
  size_t count;     /* allocations so far */
  size_t fail_from; /* the first one that fails; 0: none */
  size_t fail_to;   /* and the last one */
  long alive;
} memory;

static bool fails(void) {
  memory.count++;
  return memory.fail_from > 0 && memory.count >= memory.fail_from &&
         memory.count <= memory.fail_to;
}

static void *note(void *pointer) {
  if (pointer != NULL)
    memory.alive++;
  return pointer;
}

static void *failing_malloc(size_t size) {
  return fails() ? NULL : note(malloc(size));
}

static void *failing_calloc(size_t count, size_t size) {
  return fails() ? NULL : note(calloc(count, size));
}

static void *failing_realloc(void *pointer, size_t size) {
  if (fails())
    return NULL;
  return pointer == NULL ? note(malloc(size)) : realloc(pointer, size);
}

static void failing_free(void *pointer) {
  if (pointer != NULL)
    memory.alive--;
  free(pointer);
}

/* ---- A conversation ---- */

typedef struct {
  const char *name;
  const char *endpoint;
  int binder;
  int connecter;
  bool connect_first;
  bool two_loops;
} talk_t;

/* stands for rig_any_port() */
#define TCP NULL

static const talk_t talks[] = {
    {"tcp", TCP, ZUV_ROUTER, ZUV_DEALER, false, false},
    {"ipc", "ipc://*", ZUV_ROUTER, ZUV_DEALER, false, false},
    {"tcp req-rep", TCP, ZUV_REP, ZUV_REQ, false, false},
    {"tcp pub-sub", TCP, ZUV_XPUB, ZUV_SUB, false, false},
    {"tcp sub-pub", TCP, ZUV_SUB, ZUV_PUB, false, false},
    {"tcp push-pull", TCP, ZUV_PULL, ZUV_PUSH, false, false},
    {"tcp pair", TCP, ZUV_PAIR, ZUV_PAIR, false, false},
    {"inproc", "inproc://memory", ZUV_ROUTER, ZUV_DEALER, false, false},
    {"inproc, connect first", "inproc://memory", ZUV_ROUTER, ZUV_DEALER, true,
     false},
    {"inproc pub-sub", "inproc://memory", ZUV_XPUB, ZUV_SUB, false, false},
    {"inproc pub-sub, connect first", "inproc://memory", ZUV_XPUB, ZUV_SUB,
     true, false},
    {"inproc pair", "inproc://memory", ZUV_PAIR, ZUV_PAIR, false, false},
    {"two loops", "inproc://memory", ZUV_ROUTER, ZUV_DEALER, false, true},
    {"two loops, connect first", "inproc://memory", ZUV_ROUTER, ZUV_DEALER,
     true, true},
    {"two loops pub-sub", "inproc://memory", ZUV_XPUB, ZUV_SUB, false, true},
};

enum { TALKS = sizeof(talks) / sizeof(talks[0]) };

static struct {
  const talk_t *talk;
  rig_t rig;
  uv_loop_t other_loop;
  zuv_context_t context;
  actor_t binder;
  actor_t connecter;
  bool binder_open;
  bool connecter_open;
  bool has_context;
  zuv_send_t request;
  bool requested;
  int request_ended;
  bool answer_due; /* there was no memory to give it */
} stage;

/* A call may fail once for want of memory, or for good in hard times. */
#define retry(call)                                                            \
  ({                                                                           \
    int retry_err = (call);                                                    \
    if (retry_err == UV_ENOMEM)                                                \
      retry_err = (call);                                                      \
    retry_err;                                                                 \
  })

/* A ROUTER and a REP answer, so that both directions are used. */
static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  (void)peer;
  actor_note_message((actor_t *)socket, parts, count);
  if (socket->type == ZUV_ROUTER || socket->type == ZUV_REP)
    stage.answer_due = retry(zuv_try_send(socket, parts, count)) != 0;
}

static int open_one(actor_t *actor, uv_loop_t *loop, int type, bool *is_open) {
  int err;

  memset(actor, 0, sizeof(*actor));
  err = retry(zuv_socket_init(&stage.context, loop, &actor->zuv, type));
  if (err != 0)
    return err;
  *is_open = true;
  zuv_event_start(&actor->zuv, actor_on_event);
  if (type != ZUV_PUSH && type != ZUV_PUB)
    zuv_recv_start(&actor->zuv, on_question);
  actor_set(actor, ZUV_RECONNECT_IVL, 1);
  actor_set(actor, ZUV_LINGER, 0);
  if (type == ZUV_REQ)
    actor_set(actor, ZUV_REQ_RELAXED, 1);
  if (type == ZUV_SUB)
    err = retry(zuv_set_option(&actor->zuv, ZUV_SUBSCRIBE, "topic", 5));
  return err;
}

static int bind_one(void) {
  const char *endpoint = stage.talk->endpoint;

  if (endpoint == TCP)
    endpoint = rig_any_port();
  return retry(zuv_bind(&stage.binder.zuv, endpoint));
}

static int connect_one(void) {
  char text[RIG_TEXT_MAX];
  size_t size = sizeof(text);

  if (stage.talk->connect_first)
    strcpy(text, stage.talk->endpoint);
  else if (zuv_get_option(&stage.binder.zuv, ZUV_LAST_ENDPOINT, text, &size) !=
           0)
    return UV_ENOMEM;
  return retry(zuv_connect(&stage.connecter.zuv, text));
}

static int open_both(void) {
  const talk_t *talk = stage.talk;
  uv_loop_t *loop = &stage.rig.loop;
  int err = retry(zuv_context_init(&stage.context));

  if (err != 0)
    return err;
  stage.has_context = true;
  err = open_one(&stage.binder, loop, talk->binder, &stage.binder_open);
  if (err == 0)
    err = open_one(&stage.connecter, talk->two_loops ? &stage.other_loop : loop,
                   talk->connecter, &stage.connecter_open);
  return err;
}

static int join_both(void) {
  bool connect_first = stage.talk->connect_first;
  int err = connect_first ? connect_one() : bind_one();

  if (err == 0)
    err = connect_first ? bind_one() : connect_one();
  return err;
}

static int begin(void) {
  int err = open_both();
  return err != 0 ? err : join_both();
}

static void on_sent(zuv_send_t *request, int status) {
  (void)request;
  (void)status;
  stage.request_ended++;
}

static char large[20000] = "topic";

static void say(actor_t *actor) {
  zuv_msg_t parts[3];
  int err;

  if (zuv_msg_init_copy(&parts[0], "topic", 5) != 0)
    return;
  zuv_msg_init_view(&parts[1], large, sizeof(large));
  if (zuv_msg_init_size(&parts[2], 100) != 0)
    zuv_msg_init(&parts[2]);
  memset(zuv_msg_data(&parts[2]), 'x', zuv_msg_size(&parts[2]));
  if (!stage.requested) {
    err = zuv_send(&stage.request, &actor->zuv, parts, 3, on_sent);
    stage.requested = err == 0;
  } else {
    err = zuv_try_send(&actor->zuv, parts, 3);
  }
  /* Taken whole or not at all. */
  for (int i = 0; i < 3; i++) {
    if (err == 0)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
    zuv_msg_close(&parts[i]);
  }
}

static actor_t *speaker(void) {
  int type = stage.talk->binder;
  return type == ZUV_XPUB ? &stage.binder : &stage.connecter;
}

static bool all_said(void) {
  actor_t *hears =
      speaker() == &stage.binder ? &stage.connecter : &stage.binder;
  int type = stage.talk->binder;

  if (type == ZUV_ROUTER || type == ZUV_REP)
    return stage.connecter.received >= 2;
  return hears->received >= 2;
}

static void on_tick(rig_t *rig) {
  (void)rig;
  if (stage.talk->binder == ZUV_REP && stage.answer_due)
    stage.answer_due = actor_send(&stage.binder, "late answer") != 0;
  say(speaker());
}

static void run_other_loop(void) {
  if (stage.talk->two_loops)
    uv_run(&stage.other_loop, UV_RUN_NOWAIT);
}

/* Over inproc nobody tries again by himself: the event asks us to. */
static void connect_again(void) {
  char text[RIG_TEXT_MAX];
  size_t size = sizeof(text);
  zuv_socket_t *socket = &stage.connecter.zuv;

  stage.connecter.events[ZUV_EVENT_STOPPED] = 0;
  if (zuv_get_option(socket, ZUV_LAST_ENDPOINT, text, &size) != 0)
    return;
  (void)zuv_disconnect(socket, text);
  /* A PAIR takes no new peer before it has read what the old one sent. */
  for (int i = 0; i < 4; i++) {
    uv_run(&stage.rig.loop, UV_RUN_NOWAIT);
    run_other_loop();
  }
  (void)retry(zuv_connect(socket, text));
}

static void talk_for(uint64_t ms) {
  uint64_t until = rig_now_ms() + ms;

  stage.rig.on_tick = on_tick;
  rig_until_begin(&stage.rig);
  while (!all_said() && rig_now_ms() < until) {
    uv_run(&stage.rig.loop, UV_RUN_ONCE);
    run_other_loop();
    if (stage.connecter.events[ZUV_EVENT_STOPPED] > 0) {
      assert_int_equal(stage.connecter.last[ZUV_EVENT_STOPPED].status,
                       UV_ENOMEM);
      connect_again();
    }
  }
  rig_until_end(&stage.rig);
}

static void close_both(void) {
  if (stage.binder_open)
    zuv_close(&stage.binder.zuv, actor_on_close);
  if (stage.connecter_open)
    zuv_close(&stage.connecter.zuv, actor_on_close);
}

/* With memory again: all must end. */
static void end(void) {
  close_both();
  rig_until_begin(&stage.rig);
  stage.rig.on_tick = NULL;
  while (stage.binder.closed < stage.binder_open ||
         stage.connecter.closed < stage.connecter_open) {
    rig_until_step(&stage.rig, "closed", __FILE__, __LINE__);
    run_other_loop();
  }
  rig_until_end(&stage.rig);
  rig_close(&stage.rig);
  uv_run(&stage.other_loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&stage.other_loop), 0);
  assert_int_equal(stage.binder.closed, stage.binder_open);
  assert_int_equal(stage.connecter.closed, stage.connecter_open);
  assert_int_equal(stage.request_ended, stage.requested);
  if (stage.has_context)
    assert_int_equal(zuv_context_destroy(&stage.context), 0);
}

static void stage_open(const talk_t *talk, size_t fail_from, size_t fail_to) {
  memset(&stage, 0, sizeof(stage));
  stage.talk = talk;
  rig_open(&stage.rig);
  assert_int_equal(uv_loop_init(&stage.other_loop), 0);
  memset(&memory, 0, sizeof(memory));
  memory.fail_from = fail_from;
  memory.fail_to = fail_to;
}

static void expect_no_leak(size_t fail_from) {
  if (memory.alive != 0)
    fail_msg("%s, allocation %zu: %ld leaked", stage.talk->name, fail_from,
             memory.alive);
}

/* One allocation fails: in the end all is said nevertheless. */
static void test_one_failed_allocation_is_survived(void **state) {
  (void)state;
  for (int t = 0; t < TALKS; t++) {
    size_t allocations = ALLOCATIONS_MAX;

    for (size_t k = 0; k <= allocations; k++) {
      int err;

      stage_open(&talks[t], k, k);
      err = begin();
      if (err != 0)
        fail_msg("%s, allocation %zu: %s", talks[t].name, k, uv_err_name(err));
      talk_for(PATIENCE_MS);
      if (!all_said())
        fail_msg("%s, allocation %zu: nothing arrives", talks[t].name, k);
      /* The first run tells how many there are. */
      if (k == 0)
        allocations = memory.count;
      end();
      expect_no_leak(k);
    }
  }
}

/* From one allocation on all fail for a while: calls may fail, but nothing
 * breaks, and what could be begun ends well. */
static void test_hard_times_are_survived(void **state) {
  (void)state;
  for (int t = 0; t < TALKS; t++) {
    bool untouched = false;

    for (size_t k = 1; !untouched && k < ALLOCATIONS_MAX; k++) {
      stage_open(&talks[t], k, SIZE_MAX);
      if (begin() == 0)
        talk_for(HARD_TIMES_MS);
      untouched = memory.count < k;
      /* Closing needs no memory. */
      close_both();
      for (int i = 0; i < 4; i++) {
        uv_run(&stage.rig.loop, UV_RUN_NOWAIT);
        run_other_loop();
      }
      memory.fail_to = 0;
      end();
      expect_no_leak(k);
    }
  }
}

/* The same, but the memory comes back while the sockets live. */
static void test_after_hard_times_all_is_said(void **state) {
  (void)state;
  for (int t = 0; t < TALKS; t++) {
    bool untouched = false;

    for (size_t k = 1; !untouched && k < ALLOCATIONS_MAX; k += 3) {
      bool begun;

      stage_open(&talks[t], k, SIZE_MAX);
      begun = begin() == 0;
      if (begun)
        talk_for(HARD_TIMES_MS);
      untouched = memory.count < k;
      memory.fail_to = 0;
      /* Not even the event may have found room. */
      if (begun && talks[t].endpoint != TCP &&
          strncmp(talks[t].endpoint, "inproc", 6) == 0)
        connect_again();
      if (begun)
        talk_for(PATIENCE_MS);
      if (begun && !all_said())
        fail_msg("%s, from allocation %zu: nothing arrives any more",
                 talks[t].name, k);
      end();
      expect_no_leak(k);
    }
  }
}

/* ---- Particular moments ---- */

static void stage_open_for(const talk_t *talk) {
  stage_open(talk, 0, 0);
  assert_int_equal(open_both(), 0);
}

static void fail_from_now(bool fail) {
  memory.fail_from = fail ? memory.count + 1 : 0;
  memory.fail_to = fail ? SIZE_MAX : 0;
}

static void run_both(void) {
  for (int i = 0; i < 4; i++) {
    uv_run(&stage.rig.loop, UV_RUN_NOWAIT);
    run_other_loop();
  }
}

static int send_large(actor_t *actor, size_t parts_count, size_t size) {
  zuv_msg_t parts[8];
  int err;

  for (size_t i = 0; i < parts_count; i++)
    zuv_msg_init_view(&parts[i], large, size);
  err = zuv_try_send(&actor->zuv, parts, parts_count);
  for (size_t i = 0; i < parts_count; i++)
    zuv_msg_close(&parts[i]);
  return err;
}

/* The older message is dropped for the newer, for which there is no memory. */
static void test_a_newest_message_may_be_lost(void **state) {
  static const talk_t talk = {"conflated", TCP,   ZUV_PUSH,
                              ZUV_PULL,    false, false};
  int value = 0;
  size_t size = sizeof(value);

  (void)state;
  stage_open_for(&talk);
  actor_set(&stage.connecter, ZUV_CONFLATE, 1);
  zuv_recv_stop(&stage.connecter.zuv);
  assert_int_equal(join_both(), 0);
  rig_until(&stage.rig, send_large(&stage.binder, 1, 300) == 0);
  rig_until(&stage.rig, zuv_get_option(&stage.connecter.zuv, ZUV_EVENTS, &value,
                                       &size) == 0 &&
                            value == ZUV_POLLIN);
  assert_int_equal(send_large(&stage.binder, 1, 300), 0);
  fail_from_now(true);
  run_both();
  fail_from_now(false);
  zuv_recv_start(&stage.connecter.zuv, on_question);
  run_both();
  rig_until(&stage.rig, send_large(&stage.binder, 1, 300) == 0);
  rig_until(&stage.rig, stage.connecter.received > 0);
  end();
  expect_no_leak(0);
}

/* What could not be received has left its room all the same. */
static void test_lost_messages_leave_their_room(void **state) {
  static const talk_t talk = {"two loops, small limits",
                              "inproc://memory",
                              ZUV_PUSH,
                              ZUV_PULL,
                              false,
                              true};
  (void)state;
  stage_open_for(&talk);
  actor_set(&stage.binder, ZUV_SNDHWM, 1);
  actor_set(&stage.connecter, ZUV_RCVHWM, 1);
  assert_int_equal(join_both(), 0);
  run_both();
  for (int i = 0; i < 10; i++) {
    assert_int_equal(send_large(&stage.binder, 5, 10), 0);
    uv_run(&stage.rig.loop, UV_RUN_NOWAIT);
    fail_from_now(true);
    run_other_loop();
    fail_from_now(false);
    run_both();
  }
  assert_int_equal(stage.connecter.received, 0);
  assert_int_equal(send_large(&stage.binder, 5, 10), 0);
  run_both();
  assert_int_equal(stage.connecter.received, 1);
  end();
  expect_no_leak(0);
}

/* The subscriber has left before its subscription finds no memory. */
static void test_a_subscription_may_be_lost_last(void **state) {
  static const talk_t talk = {
      "two loops, leaving", "inproc://memory", ZUV_SUB, ZUV_XPUB, false, true};
  (void)state;
  stage_open_for(&talk);
  assert_int_equal(join_both(), 0);
  run_both();
  run_both();
  assert_int_equal(
      zuv_set_option(&stage.binder.zuv, ZUV_SUBSCRIBE, "another", 7), 0);
  zuv_close(&stage.binder.zuv, actor_on_close);
  uv_run(&stage.rig.loop, UV_RUN_NOWAIT);
  fail_from_now(true);
  run_other_loop();
  fail_from_now(false);
  end();
  expect_no_leak(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_failed_allocation_is_survived),
      cmocka_unit_test(test_hard_times_are_survived),
      cmocka_unit_test(test_after_hard_times_all_is_said),
      cmocka_unit_test(test_a_newest_message_may_be_lost),
      cmocka_unit_test(test_lost_messages_leave_their_room),
      cmocka_unit_test(test_a_subscription_may_be_lost_last),
  };
  zuv_replace_allocator(failing_malloc, failing_realloc, failing_calloc,
                        failing_free);
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
