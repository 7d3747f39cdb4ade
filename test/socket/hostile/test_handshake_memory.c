/* Memory runs out once, at any allocation of a handshake of PLAIN or CURVE, or
 * of what decides about it: the call that needed it says so and works when it
 * is tried again, or the connection is made again; messages arrive, and nothing
 * is leaked. */
#include "secured.h"

enum { ALLOCATIONS_MAX = 2000 };

/* ---- The allocator ---- */

static struct {
  size_t count; /* allocations so far */
  size_t fails; /* the one that fails; 0: none */
  long alive;
} memory;

static void *note(void *pointer) {
  memory.alive += pointer != NULL;
  return pointer;
}

static bool fails(void) {
  return ++memory.count == memory.fails;
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
  memory.alive -= pointer != NULL;
  free(pointer);
}

/* ---- A conversation ---- */

typedef enum { NOBODY, CALLBACK, LATER, HANDLER } decides_t;

typedef struct {
  const char *name;
  int mechanism;
  decides_t decides;
} talk_t;

static const talk_t talks[] = {
    {"NULL, callback", ZUV_NULL, CALLBACK},
    {"PLAIN, callback", ZUV_PLAIN, CALLBACK},
    {"PLAIN, later", ZUV_PLAIN, LATER},
    {"PLAIN, handler", ZUV_PLAIN, HANDLER},
    {"CURVE, nobody", ZUV_CURVE, NOBODY},
    {"CURVE, callback", ZUV_CURVE, CALLBACK},
    {"CURVE, handler", ZUV_CURVE, HANDLER},
};

enum { TALKS = sizeof(talks) / sizeof(talks[0]) };

/* Only one fails. */
#define retry(call)                                                            \
  ({                                                                           \
    int retry_err = (call);                                                    \
    retry_err == UV_ENOMEM ? (call) : retry_err;                               \
  })

static void on_auth(zuv_socket_t *socket, zuv_auth_t *request) {
  secured_t *s = (secured_t *)socket;

  if (s->verdict == 200) {
    int err = retry(zuv_auth_allow(request, "alice"));
    assert_int_equal(err, 0);
    return;
  }
  assert_true(s->asked < SECURED_REQUESTS_MAX);
  s->requests[s->asked++] = request;
}

/* Peers of the requests may have gone. */
static void answer_all(secured_t *s) {
  for (; s->asked > 0; s->asked--) {
    int err = retry(zuv_auth_allow(s->requests[s->asked - 1], "alice"));
    assert_true(err == 0 || err == UV_ECANCELED);
  }
}

static void on_zap_request(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  zuv_msg_t reply[6];
  int err;

  (void)count;
  (void)peer;
  for (size_t i = 0; i < 6; i++)
    zuv_msg_init(&reply[i]);
  zuv_msg_init_const(&reply[0], "1.0", 3);
  assert_int_equal(retry(zuv_msg_move(&reply[1], &parts[1])), 0);
  zuv_msg_init_const(&reply[2], "200", 3);
  zuv_msg_init_const(&reply[4], "alice", 5);
  err = retry(zuv_try_send(socket, reply, 6));
  assert_int_equal(err, 0);
}

static struct {
  rig_t rig;
  secured_t server;
  secured_t client;
  actor_t handler;
} stage;

static void stage_open(const talk_t *talk) {
  memset(&stage, 0, sizeof(stage));
  rig_open(&stage.rig);
  secured_open(&stage.server, NULL, &stage.rig.loop, ZUV_DEALER);
  secured_open(&stage.client, NULL, &stage.rig.loop, ZUV_DEALER);
  if (talk->mechanism == ZUV_PLAIN) {
    secured_plain_server(&stage.server);
    secured_plain_client(&stage.client, "alice", "her password");
  } else if (talk->mechanism == ZUV_CURVE) {
    secured_curve_server(&stage.server);
    secured_curve_client(&stage.client);
  }
  if (talk->decides == CALLBACK || talk->decides == LATER)
    assert_int_equal(zuv_auth_start(&stage.server.actor.zuv, on_auth), 0);
  stage.server.verdict = talk->decides == LATER ? 0 : 200;
  if (talk->decides != HANDLER)
    return;
  /* The question or its answer may be what is lost. */
  actor_set(&stage.server.actor, ZUV_HANDSHAKE_IVL, 150);
  actor_open(&stage.handler, NULL, &stage.rig.loop, ZUV_REP);
  assert_int_equal(zuv_recv_start(&stage.handler.zuv, on_zap_request), 0);
  assert_int_equal(zuv_bind(&stage.handler.zuv, "inproc://zeromq.zap.01"), 0);
}

static void join(void) {
  char endpoint[RIG_TEXT_MAX];
  size_t size = sizeof(endpoint);
  int err = retry(zuv_bind(&stage.server.actor.zuv, rig_any_port()));

  assert_int_equal(err, 0);
  assert_int_equal(zuv_get_option(&stage.server.actor.zuv, ZUV_LAST_ENDPOINT,
                                  endpoint, &size),
                   0);
  err = retry(zuv_connect(&stage.client.actor.zuv, endpoint));
  assert_int_equal(err, 0);
}

/* A message may be lost with its connection, so it is sent again. */
static bool have_talked(void) {
  answer_all(&stage.server);
  if (stage.server.actor.received == 0)
    actor_send(&stage.client.actor, "hello");
  if (stage.client.actor.received == 0)
    actor_send(&stage.server.actor, "good|day");
  return stage.server.actor.received > 0 && stage.client.actor.received > 0;
}

static void stage_close(void) {
  actor_close(&stage.rig, &stage.client.actor);
  actor_close(&stage.rig, &stage.server.actor);
  answer_all(&stage.server);
  if (stage.handler.zuv.zuv__impl != NULL)
    actor_close(&stage.rig, &stage.handler);
  rig_close(&stage.rig);
}

/* True: so many allocations were made. */
static bool survives(const talk_t *talk, size_t number) {
  stage_open(talk);
  memory.count = 0;
  memory.fails = number;
  join();
  rig_until(&stage.rig, have_talked());
  memory.fails = 0;
  assert_int_equal(stage.client.actor.events[ZUV_EVENT_STOPPED], 0);
  if (talk->decides != NOBODY)
    assert_string_equal(stage.server.from.user_id, "alice");
  stage_close();
  if (memory.alive != 0)
    fail_msg("%s: allocation %zu leaks", talk->name, number);
  return memory.count >= number;
}

static void one_failed_allocation_is_survived(void **state) {
  (void)state;
  for (size_t i = 0; i < TALKS; i++) {
    size_t number = 1;

    print_message("%s\n", talks[i].name);
    while (survives(&talks[i], number))
      number++;
    assert_true(number > 10 && number < ALLOCATIONS_MAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_failed_allocation_is_survived),
  };

  zuv_replace_allocator(failing_malloc, failing_realloc, failing_calloc,
                        failing_free);
  return cmocka_run_group_tests_name("handshake memory", tests,
                                     secured_make_keys, NULL);
}
