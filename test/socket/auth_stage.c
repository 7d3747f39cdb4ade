#include "auth_stage.h"

#include <unistd.h>

ends_t stage;

int stage_open(void **state) {
  (void)state;
  counting.blocks = 0;
  ends_open(&stage, ZUV_DEALER, ZUV_DEALER);
  return 0;
}

int stage_close(void **state) {
  (void)state;
  ends_close(&stage);
  assert_int_equal(counting.blocks, 0);
  return 0;
}

void wait_asked(size_t count) {
  rig_until(&stage.rig, stage.server.asked >= count);
}

void wait_for_request(int mechanism) {
  ends_set(&stage, mechanism);
  secured_ask(&stage.server, 0, NULL);
  ends_join(&stage);
  wait_asked(1);
}

zuv_auth_t *request(size_t index) {
  return stage.server.requests[index];
}

void hello(void) {
  size_t received = stage.server.actor.received;

  assert_int_equal(actor_send(&stage.client.actor, "hello"), 0);
  rig_until(&stage.rig, stage.server.actor.received > received);
}

void expect_address(const char *address, const char *ip) {
  char expected[RIG_TEXT_MAX];

  if (strcmp(secured_transport, "ipc") == 0)
    snprintf(expected, sizeof(expected), "localhost:%d:%d:%d", (int)getuid(),
             (int)getgid(), (int)getpid());
  else
    snprintf(expected, sizeof(expected), "%s", ip);
  assert_string_equal(address, expected);
}

/* ---- Many clients ---- */

struct crowd_s crowd;

/* Every message is its sender's name, and its peer's user id the same. */
static void on_name(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  const char *user_id = zuv_peer_user_id(peer);

  (void)socket;
  assert_int_equal(count, 1);
  assert_non_null(user_id);
  assert_int_equal(zuv_msg_size(&parts[0]), strlen(user_id));
  assert_memory_equal(zuv_msg_data(&parts[0]), user_id, strlen(user_id));
  crowd.matched++;
}

void crowd_open(void (*prepare)(secured_t *client, const char *name)) {
  crowd.matched = 0;
  for (int i = 0; i < CROWD; i++) {
    snprintf(crowd.names[i], sizeof(crowd.names[i]), "client %d", i);
    secured_open(&crowd.clients[i], NULL, &stage.rig.loop, ZUV_DEALER);
    prepare(&crowd.clients[i], crowd.names[i]);
    actor_connect(&crowd.clients[i].actor, stage.endpoint);
  }
}

void crowd_speaks(void) {
  assert_int_equal(zuv_recv_start(&stage.server.actor.zuv, on_name), 0);
  for (int i = 0; i < CROWD; i++) {
    rig_until(&stage.rig, secured_is_ready(&crowd.clients[i]));
    assert_int_equal(actor_send(&crowd.clients[i].actor, crowd.names[i]), 0);
  }
  rig_until(&stage.rig, crowd.matched == CROWD);
}

void crowd_close(void) {
  for (int i = 0; i < CROWD; i++)
    actor_close(&stage.rig, &crowd.clients[i].actor);
}

void with_name(secured_t *client, const char *name) {
  secured_plain_client(client, name, "password");
}

void with_id(secured_t *client, const char *name) {
  secured_set_text(client, ZUV_ROUTING_ID, name);
  secured_curve_client(client);
}
