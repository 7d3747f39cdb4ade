#include "town.h"

/* Server and healthy peer share a loop, so that one pointer finds the town. */
static town_t *town_of(zuv_socket_t *socket) {
  return socket->loop->data;
}

static void on_server_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)peer;
  if (zuv_msg_size(&parts[0]) == 7 &&
      memcmp(zuv_msg_data(&parts[0]), "healthy", 7) == 0)
    assert_int_equal(zuv_try_send(socket, parts, count), 0);
  else
    actor_note_message((actor_t *)socket, parts + 1, count - 1);
}

static void on_answer(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  town_t *town = town_of(socket);
  uint64_t number;

  (void)peer;
  assert_int_equal(count, 1);
  assert_int_equal(zuv_msg_size(&parts[0]), sizeof(number));
  memcpy(&number, zuv_msg_data(&parts[0]), sizeof(number));
  assert_int_equal(number, town->answered);
  town->answered++;
}

/* A question at a time. */
static void ask(rig_t *rig) {
  town_t *town = (town_t *)rig;
  zuv_msg_t part;

  if (town->asked > town->answered)
    return;
  zuv_msg_init_view(&part, &town->asked, sizeof(town->asked));
  assert_int_equal(zuv_try_send(&town->healthy.zuv, &part, 1), 0);
  town->asked++;
}

void town_open(town_t *town, void (*prepare)(actor_t *server)) {
  memset(town, 0, sizeof(*town));
  rig_open(&town->rig);
  town->rig.loop.data = town;
  actor_open(&town->server, NULL, &town->rig.loop, ZUV_ROUTER);
  zuv_recv_start(&town->server.zuv, on_server_recv);
  if (prepare != NULL)
    prepare(&town->server);
  actor_bind(&town->server, town->endpoint);
  actor_open(&town->healthy, NULL, &town->rig.loop, ZUV_DEALER);
  zuv_recv_start(&town->healthy.zuv, on_answer);
  assert_int_equal(
      zuv_set_option(&town->healthy.zuv, ZUV_ROUTING_ID, "healthy", 7), 0);
  actor_connect(&town->healthy, town->endpoint);
  rig_until(&town->rig, town->healthy.events[ZUV_EVENT_READY] == 1 &&
                            town->server.events[ZUV_EVENT_READY] == 1);
  town->rig.on_tick = ask;
  town_is_well(town);
}

void town_is_well(town_t *town) {
  uint64_t now = town->answered;

  rig_until(&town->rig, town->answered >= now + 2);
  assert_int_equal(town->healthy.events[ZUV_EVENT_DISCONNECTED], 0);
}

void town_close(town_t *town) {
  town_is_well(town);
  town->rig.on_tick = NULL;
  actor_close(&town->rig, &town->healthy);
  actor_close(&town->rig, &town->server);
  rig_close(&town->rig);
}
