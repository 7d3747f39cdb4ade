#include "stage.h"

#include <unistd.h>

stage_t *stage;

void stage_open(const scenario_t *scenario) {
  /* What a run that failed has left must not be mistaken for this one's. */
  stage = calloc(1, sizeof(*stage));
  assert_non_null(stage);
  stage->scenario = scenario;
  rig_open(&stage->rig);
  must(zuv_context_init(&stage->context));
}

bool stage_repeats(int result, size_t failed_before) {
  if (result != UV_ENOMEM)
    return false;
  if (failing_failed() == failed_before)
    fail_msg("UV_ENOMEM, but there was memory");
  return true;
}

size_t stage_losses(void) {
  size_t losses = 0;

  for (size_t i = 0; i < stage->count; i++) {
    const actor_t *actor = &stage->talkers[i]->s.actor;
    losses += actor->events[ZUV_EVENT_DISCONNECTED] +
              actor->events[ZUV_EVENT_DROPPED] +
              actor->events[ZUV_EVENT_HANDSHAKE_FAILED] +
              actor->events[ZUV_EVENT_STOPPED];
  }
  return losses;
}

/* ---- Waiting ---- */

static void begin_connect(talker_t *talker) {
  if (talker->calls_peer != NULL)
    talker_set_text(talker, ZUV_CONNECT_ROUTING_ID, talker->calls_peer);
  must(zuv_connect(&talker->s.actor.zuv, talker->connected));
}

/* Whatever fails for memory is tried again. */
static void expect_nobody_stopped(void) {
  for (size_t i = 0; i < stage->count; i++)
    assert_int_equal(stage->talkers[i]->s.actor.events[ZUV_EVENT_STOPPED], 0);
}

void stage_until(bool (*done)(void)) {
  rig_until_begin(&stage->rig);
  while (!done()) {
    rig_until_step(&stage->rig, "what the scenario waits for", __FILE__,
                   __LINE__);
    expect_nobody_stopped();
  }
  rig_until_end(&stage->rig);
}

/* ---- Ending ---- */

static bool all_are_closed(void) {
  for (size_t i = 0; i < stage->count; i++)
    if (stage->talkers[i]->s.actor.closed == 0)
      return false;
  return true;
}

void stage_close(void) {
  for (size_t i = 0; i < stage->count; i++)
    if (stage->talkers[i]->s.actor.closed == 0)
      zuv_close(&stage->talkers[i]->s.actor.zuv, actor_on_close);
  stage_until(all_are_closed);
  rig_close(&stage->rig);
  for (size_t i = 0; i < stage->count; i++) {
    assert_int_equal(stage->talkers[i]->s.actor.closed, 1);
    free(stage->talkers[i]);
  }
  assert_int_equal(zuv_context_destroy(&stage->context), 0);
  free(stage);
  stage = NULL;
}

void talker_expect_balance(const talker_t *talker) {
  zuv_stats_t stats;

  must(zuv_socket_stats(&talker->s.actor.zuv, &stats));
  if (stats.messages_out + stats.queued_out + stats.lost != talker->accepted)
    fail_msg("of %zu messages %u are out, %u wait, %u are lost",
             talker->accepted, (unsigned)stats.messages_out,
             (unsigned)stats.queued_out, (unsigned)stats.lost);
}

void talker_close(talker_t *talker) {
  zuv_close(&talker->s.actor.zuv, actor_on_close);
  rig_until(&stage->rig, talker->s.actor.closed > 0);
}

/* ---- Beginning ---- */

talker_t *talker_new(int type) {
  talker_t *talker = calloc(1, sizeof(*talker));
  zuv_socket_t *socket;

  assert_non_null(talker);
  assert_true(stage->count < STAGE_TALKERS_MAX);
  socket = &talker->s.actor.zuv;
  must(zuv_socket_init(&stage->context, &stage->rig.loop, socket, type));
  stage->talkers[stage->count++] = talker;
  talker->lossy = type == ZUV_PUB || type == ZUV_XPUB;
  talker->lead = type == ZUV_ROUTER || type == ZUV_STREAM;
  must(zuv_event_start(socket, actor_on_event));
  if (type != ZUV_PUB && type != ZUV_PUSH)
    must(zuv_recv_start(socket, talker_on_recv));
  must(zuv_set_int(socket, ZUV_RECONNECT_IVL, 1));
  must(zuv_set_int(socket, ZUV_LINGER, 0));
  return talker;
}

void talker_set_text(talker_t *talker, int option, const char *text) {
  must(zuv_set_option(&talker->s.actor.zuv, option, text, strlen(text)));
}

const char *stage_ipc_path(void) {
  static char endpoint[RIG_TEXT_MAX];
  const char *directory = getenv("TMPDIR");

  snprintf(endpoint, sizeof(endpoint), "ipc://%s/zuv-faults-%d",
           directory != NULL ? directory : "/tmp", (int)getpid());
  return endpoint;
}

static const char *endpoint_to_bind(void) {
  switch (stage->scenario->transport) {
    case TCP:
      return rig_any_port();
    case IPC:
      return "ipc://*";
    default:
      return "inproc://stage";
  }
}

void talker_bind(talker_t *talker) {
  must(zuv_bind(&talker->s.actor.zuv, endpoint_to_bind()));
}

void talker_connect(talker_t *talker, talker_t *binder) {
  size_t size = RIG_TEXT_MAX;

  if (stage->scenario->transport == INPROC_CONNECT_FIRST)
    strcpy(talker->connected, endpoint_to_bind());
  else
    must(zuv_get_option(&binder->s.actor.zuv, ZUV_LAST_ENDPOINT,
                        talker->connected, &size));
  begin_connect(talker);
}

void talkers_join(talker_t *binder, talker_t *connecter) {
  if (stage->scenario->transport == INPROC_CONNECT_FIRST) {
    talker_connect(connecter, binder);
    talker_bind(binder);
  } else {
    talker_bind(binder);
    talker_connect(connecter, binder);
  }
}
