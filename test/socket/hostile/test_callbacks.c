/* Close, disconnect and unbind in every callback: in each kind of scene, each
 * callback of either socket once does each thing that it may. Whatever comes of
 * it, requests end once, close callbacks come once and the loop ends empty. */
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

typedef enum {
  CLOSE,
  CLOSE_LINGERING,
  CLOSE_OTHER,
  CLOSE_ALL,
  END_ENDPOINTS,
  STOP,
  SEND,
  ACTIONS
} action_t;

enum {
  RECV = ZUV_EVENT_DROPPED + 1, /* events are numbered by their type */
  SENT,
  WRITABLE,
  CLOSED,
  OCCASIONS
};

enum { REQUESTS = 3, PATIENCE_MS = 15 };

typedef struct player_s {
  actor_t actor; /* first */
  struct player_s *other;
  char endpoint[RIG_TEXT_MAX];
  zuv_send_t requests[REQUESTS + 1];
  int requested;
  int ended;
  int writable;
  bool extra_sent;
  bool live; /* not known to be closed */
} player_t;

typedef struct {
  const char *name;
  void (*begin)(void);
  void (*end)(void); /* may be NULL */
} scene_t;

static struct {
  rig_t rig;
  zuv_context_t context;
  player_t players[2]; /* the one that binds, the one that connects */
  int occasion;
  int who;
  action_t action;
  bool acted;
  int fd; /* of the scene, or -1 */
  raw_full_t full;
} stage;

static player_t *const binder = &stage.players[0];
static player_t *const connecter = &stage.players[1];

/* What has happened in any run, so that nothing goes untested unnoticed. */
static size_t happened[2][OCCASIONS];

static void request(player_t *player);

static void on_closed(zuv_socket_t *socket);

static void close_player(player_t *player, int linger) {
  zuv_set_int(&player->actor.zuv, ZUV_LINGER, linger);
  if (player->live)
    zuv_close(&player->actor.zuv, on_closed);
}

static void end_endpoints(player_t *player) {
  zuv_disconnect(&player->actor.zuv, player->endpoint);
  zuv_unbind(&player->actor.zuv, player->endpoint);
}

static void act(player_t *player) {
  zuv_socket_t *socket = &player->actor.zuv;

  switch (stage.action) {
    case CLOSE:
      close_player(player, 0);
      break;
    case CLOSE_LINGERING:
      close_player(player, 20);
      break;
    case CLOSE_OTHER:
      close_player(player->other, 0);
      break;
    case CLOSE_ALL:
      close_player(player, 0);
      close_player(player->other, 0);
      zuv_close_all(&stage.rig.loop);
      break;
    case END_ENDPOINTS:
      end_endpoints(player);
      break;
    case STOP:
      zuv_recv_stop(socket);
      zuv_writable_stop(socket);
      zuv_event_stop(socket);
      break;
    case SEND:
      actor_send(&player->actor, "from a callback");
      request(player);
      break;
    case ACTIONS:
      break;
  }
}

static void occasion(zuv_socket_t *socket, int what) {
  player_t *player = (player_t *)socket;
  int who = player == binder ? 0 : 1;

  assert_true(player->live || what == CLOSED);
  happened[who][what]++;
  if (stage.acted || what != stage.occasion || who != stage.who)
    return;
  stage.acted = true;
  act(player);
}

static void on_closed(zuv_socket_t *socket) {
  player_t *player = (player_t *)socket;

  assert_int_equal(player->ended, player->requested);
  player->actor.closed++;
  player->live = false;
  occasion(socket, CLOSED);
}

static void on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  actor_note_message((actor_t *)socket, parts, count);
  occasion(socket, RECV);
  /* All that was handed in stays valid until we return. */
  actor_note_message((actor_t *)socket, parts, count);
  if (peer != NULL)
    assert_true(strlen(zuv_peer_endpoint(peer)) > 0);
}

static void on_sent(zuv_send_t *request, int status) {
  player_t *player = (player_t *)request->socket;

  assert_true(status <= 0);
  player->ended++;
  occasion(request->socket, SENT);
}

static void on_writable(zuv_socket_t *socket) {
  player_t *player = (player_t *)socket;

  occasion(socket, WRITABLE);
  if (++player->writable >= 3)
    zuv_writable_stop(socket);
}

static void on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  zuv_event_type type = event->type;
  size_t before = strlen(event->endpoint);

  actor_on_event(socket, event);
  occasion(socket, (int)type);
  assert_int_equal(strlen(event->endpoint), before);
  assert_int_equal(event->type, type);
  if (event->peer != NULL)
    assert_true(strlen(zuv_peer_endpoint(event->peer)) > 0);
}

static void request(player_t *player) {
  zuv_msg_t parts[2];

  if (player->requested > REQUESTS)
    return;
  zuv_msg_init_view(&parts[0], "a", 1);
  zuv_msg_init_view(&parts[1], "request", 7);
  if (zuv_send(&player->requests[player->requested], &player->actor.zuv, parts,
               2, on_sent) == 0)
    player->requested++;
}

static void enter(player_t *player, int type) {
  zuv_socket_t *socket = &player->actor.zuv;

  memset(player, 0, sizeof(*player));
  player->other = player == binder ? connecter : binder;
  player->live = true;
  assert_int_equal(
      zuv_socket_init(&stage.context, &stage.rig.loop, socket, type), 0);
  actor_set(&player->actor, ZUV_RECONNECT_IVL, 2);
  zuv_event_start(socket, on_event);
  zuv_recv_start(socket, on_recv);
  zuv_writable_start(socket, on_writable);
}

/* ---- Scenes ---- */

static void converse(void) {
  for (int i = 0; i < REQUESTS; i++) {
    request(binder);
    request(connecter);
  }
}

static void bind_and_connect(const char *endpoint) {
  size_t size = RIG_TEXT_MAX;

  enter(binder, ZUV_DEALER);
  enter(connecter, ZUV_DEALER);
  assert_int_equal(zuv_bind(&binder->actor.zuv, endpoint), 0);
  zuv_get_option(&binder->actor.zuv, ZUV_LAST_ENDPOINT, binder->endpoint,
                 &size);
  strcpy(connecter->endpoint, binder->endpoint);
  actor_connect(&connecter->actor, connecter->endpoint);
  converse();
}

static void tcp_begin(void) {
  bind_and_connect(rig_any_port());
}

static void ipc_begin(void) {
  bind_and_connect("ipc://*");
}

static void inproc_begin(void) {
  bind_and_connect("inproc://stage");
}

static void inproc_connect_first_begin(void) {
  enter(binder, ZUV_DEALER);
  enter(connecter, ZUV_DEALER);
  strcpy(binder->endpoint, "inproc://stage");
  strcpy(connecter->endpoint, "inproc://stage");
  actor_connect(&connecter->actor, connecter->endpoint);
  converse();
  assert_int_equal(zuv_bind(&binder->actor.zuv, binder->endpoint), 0);
}

/* Messages that waited for a callback. */
static void tcp_deaf_begin(void) {
  tcp_begin();
  zuv_recv_stop(&binder->actor.zuv);
  rig_until(&stage.rig, binder->actor.events[ZUV_EVENT_READY] > 0 ||
                            !binder->live || stage.acted);
  rig_run_for(&stage.rig, 2);
  if (binder->live)
    zuv_recv_start(&binder->actor.zuv, on_recv);
}

/* The binder leaves first: the other one tries again. */
static void deserted_end(void) {
  end_endpoints(binder);
  rig_run_for(&stage.rig, 5);
}

/* The connecter leaves first: the binder loses a peer. */
static void left_end(void) {
  end_endpoints(connecter);
  rig_run_for(&stage.rig, 2);
  end_endpoints(binder);
  rig_run_for(&stage.rig, 2);
}

static void refused_begin(void) {
  enter(binder, ZUV_DEALER);
  enter(connecter, ZUV_DEALER);
  stage.fd = raw_reserve(connecter->endpoint);
  strcpy(binder->endpoint, connecter->endpoint);
  actor_connect(&connecter->actor, connecter->endpoint);
  actor_connect(&binder->actor, binder->endpoint);
  converse();
}

static void full_begin(void) {
  enter(binder, ZUV_DEALER);
  enter(connecter, ZUV_DEALER);
  raw_listen_full(&stage.full, connecter->endpoint);
  actor_set(&connecter->actor, ZUV_CONNECT_TIMEOUT, 5);
  actor_connect(&connecter->actor, connecter->endpoint);
  converse();
}

static void full_end(void) {
  raw_listen_full_end(&stage.full);
}

/* Types that do not fit: the handshake fails on both sides. */
static void misfits_begin(void) {
  enter(binder, ZUV_DEALER);
  enter(connecter, ZUV_PAIR);
  actor_bind(&binder->actor, binder->endpoint);
  strcpy(connecter->endpoint, binder->endpoint);
  actor_connect(&connecter->actor, connecter->endpoint);
  converse();
}

static void dropped_begin(void) {
  enter(binder, ZUV_ROUTER);
  enter(connecter, ZUV_ROUTER);
  actor_bind(&binder->actor, binder->endpoint);
  strcpy(connecter->endpoint, binder->endpoint);
  actor_connect(&connecter->actor, connecter->endpoint);
  /* There is no peer of this name. */
  converse();
}

static const scene_t scenes[] = {
    {"tcp", tcp_begin, left_end},
    {"tcp, deserted", tcp_begin, deserted_end},
    {"tcp, deaf", tcp_deaf_begin, left_end},
    {"ipc", ipc_begin, deserted_end},
    {"inproc", inproc_begin, left_end},
    {"inproc, deserted", inproc_begin, deserted_end},
    {"inproc, connect first", inproc_connect_first_begin, left_end},
    {"refused", refused_begin, NULL},
    {"full", full_begin, full_end},
    {"misfits", misfits_begin, NULL},
    {"dropped", dropped_begin, NULL},
};

enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

static bool all_said(void) {
  return stage.acted || (binder->actor.received >= 2 * REQUESTS &&
                         connecter->actor.received >= 2 * REQUESTS);
}

static void play(const scene_t *scene) {
  uint64_t patience;

  stage.acted = false;
  stage.fd = -1;
  memset(stage.players, 0, sizeof(stage.players));
  rig_open(&stage.rig);
  assert_int_equal(zuv_context_init(&stage.context), 0);
  scene->begin();
  patience = rig_now_ms() + PATIENCE_MS;
  rig_until(&stage.rig, all_said() || rig_now_ms() > patience);
  if (scene->end != NULL)
    scene->end();
  close_player(binder, 0);
  close_player(connecter, 0);
  rig_until(&stage.rig, !binder->live && !connecter->live);
  rig_close(&stage.rig);
  for (int i = 0; i < 2; i++) {
    assert_true(stage.players[i].actor.closed <= 1);
    assert_int_equal(stage.players[i].ended, stage.players[i].requested);
  }
  assert_int_equal(zuv_context_destroy(&stage.context), 0);
  if (stage.fd >= 0)
    close(stage.fd);
}

/* Only what happens in a scene at all is worth acting upon. */
static void learn(const scene_t *scene, bool occurs[2][OCCASIONS]) {
  memset(happened, 0, sizeof(happened));
  stage.action = ACTIONS;
  stage.occasion = -1;
  play(scene);
  for (int who = 0; who < 2; who++)
    for (int what = 0; what < OCCASIONS; what++)
      occurs[who][what] = happened[who][what] > 0;
}

static void test_every_action_in_every_callback(void **state) {
  bool ever[OCCASIONS] = {false};
  int missing = 0;

  (void)state;
  for (int i = 0; i < SCENES; i++) {
    bool occurs[2][OCCASIONS];

    learn(&scenes[i], occurs);
    for (stage.who = 0; stage.who < 2; stage.who++)
      for (stage.occasion = 0; stage.occasion < OCCASIONS; stage.occasion++) {
        if (!occurs[stage.who][stage.occasion])
          continue;
        for (int action = 0; action < ACTIONS; action++) {
          stage.action = (action_t)action;
          play(&scenes[i]);
          ever[stage.occasion] |= stage.acted;
        }
      }
  }
  for (int what = ZUV_EVENT_LISTENING; what < OCCASIONS; what++)
    if (!ever[what] && what != ZUV_EVENT_ACCEPT_FAILED) {
      print_message("not tested: occasion %d\n", what);
      missing++;
    }
  assert_int_equal(missing, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_action_in_every_callback),
  };
  return cmocka_run_group_tests_name("callbacks", tests, NULL, NULL);
}
