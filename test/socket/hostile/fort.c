#include "fort.h"

fort_t fort;

static void on_server_message(zuv_socket_t *socket, zuv_msg_t *parts,
                              size_t count, zuv_peer_t *peer) {
  (void)peer;
  if (zuv_msg_size(&parts[0]) == 7 &&
      memcmp(zuv_msg_data(&parts[0]), "healthy", 7) == 0)
    assert_int_equal(zuv_try_send(socket, parts, count), 0);
  else
    fort.strange++;
}

static void on_answer(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  (void)socket;
  (void)peer;
  assert_int_equal(count, 1);
  assert_int_equal(zuv_msg_size(&parts[0]), sizeof(fort.answered));
  assert_memory_equal(zuv_msg_data(&parts[0]), &fort.answered,
                      sizeof(fort.answered));
  fort.answered++;
}

void fort_ask(rig_t *rig) {
  zuv_msg_t part;

  (void)rig;
  if (fort.asked > fort.answered)
    return;
  zuv_msg_init_view(&part, &fort.asked, sizeof(fort.asked));
  assert_int_equal(zuv_try_send(&fort.healthy.actor.zuv, &part, 1), 0);
  fort.asked++;
}

void fort_is_well(void) {
  uint64_t now = fort.answered;

  rig_until(&fort.rig, fort.answered >= now + 2);
  assert_int_equal(fort.healthy.actor.events[ZUV_EVENT_DISCONNECTED], 0);
}

void fort_open(int mechanism, int handshake_ivl, int verdict) {
  char endpoint[RIG_TEXT_MAX];

  memset(&fort, 0, sizeof(fort));
  rig_open(&fort.rig);
  secured_open(&fort.server, NULL, &fort.rig.loop, ZUV_ROUTER);
  secured_open(&fort.healthy, NULL, &fort.rig.loop, ZUV_DEALER);
  if (mechanism == ZUV_PLAIN) {
    secured_plain_server(&fort.server);
    secured_plain_client(&fort.healthy, "healthy", "password");
  } else if (mechanism == ZUV_CURVE) {
    secured_curve_server(&fort.server);
    secured_curve_client(&fort.healthy);
  }
  secured_ask(&fort.server, 200, NULL);
  secured_set_text(&fort.healthy, ZUV_ROUTING_ID, "healthy");
  zuv_recv_start(&fort.server.actor.zuv, on_server_message);
  zuv_recv_start(&fort.healthy.actor.zuv, on_answer);
  actor_bind(&fort.server.actor, endpoint);
  actor_connect(&fort.healthy.actor, endpoint);
  rig_until(&fort.rig, fort.healthy.actor.events[ZUV_EVENT_READY] == 1 &&
                           happened(ZUV_EVENT_READY) == 1);
  if (handshake_ivl > 0)
    actor_set(&fort.server.actor, ZUV_HANDSHAKE_IVL, handshake_ivl);
  actor_set(&fort.server.actor, ZUV_BACKLOG, 1000);
  actor_bind(&fort.server.actor, fort.endpoint);
  fort.server.verdict = verdict;
  fort.server.asked = 0;
  fort.rig.on_tick = fort_ask;
  fort_is_well();
}

void answer_in_vain(void) {
  for (size_t i = 0; i < fort.server.asked; i++)
    if (fort.server.requests[i] != NULL)
      assert_int_equal(zuv_auth_allow(fort.server.requests[i], NULL),
                       UV_ECANCELED);
  fort.server.asked = 0;
}

void fort_close(void) {
  fort_is_well();
  fort.rig.on_tick = NULL;
  actor_close(&fort.rig, &fort.healthy.actor);
  actor_close(&fort.rig, &fort.server.actor);
  answer_in_vain();
  rig_close(&fort.rig);
}

void wait_failed(size_t count) {
  rig_until(&fort.rig, happened(ZUV_EVENT_HANDSHAKE_FAILED) >= count &&
                           happened(ZUV_EVENT_DISCONNECTED) >= count);
}

void expect_out(stranger_t *s, size_t failed, int status, int reason) {
  wait_failed(failed);
  secured_expect_failure(&fort.server, status, reason, 0);
  rig_until(&fort.rig, stranger_is_closed(s));
  assert_int_equal(happened(ZUV_EVENT_HANDSHAKE_FAILED), failed);
}

void wait_asked(stranger_stage_t stage) {
  if (fort.server.verdict == 0 && stage >= STRANGER_HELLO)
    rig_until(&fort.rig, fort.server.asked == 1);
}
