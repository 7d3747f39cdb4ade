/* Requests and replies, routing ids, probes, handovers and raw connections
 * while memory runs out. */
#include "stage.h"

/* As an option and on the wire longer than what a message holds itself. */
#define LONG_ID                                                                \
  "a routing id that is longer than what fits into a message without memory"

enum { PLAIN_TALK, LONG_TALK, CORRELATE, VARIANTS };

enum { TEXT_SIZE = 5000 }; /* sent by reference */

static talker_t *server;
static talker_t *client;

static void set(talker_t *talker, int option, int value) {
  must(zuv_set_int(&talker->s.actor.zuv, option, value));
}

static void open_both(const scenario_t *scenario) {
  stage_open(scenario);
  server = talker_new(scenario->binder);
  client = talker_new(scenario->connecter);
}

/* ---- ROUTER ---- */

static bool both_are_heard(void) {
  bool there = talkers_talk(client, server, MANY);
  return talkers_talk(server, client, MANY) && there;
}

static void dealer_router(const scenario_t *scenario) {
  open_both(scenario);
  set(server, ZUV_ROUTER_MANDATORY, 1);
  if (scenario->variant == LONG_TALK)
    talker_set_text(client, ZUV_ROUTING_ID, LONG_ID);
  talkers_join(server, client);
  stage_until(both_are_heard);
  if (scenario->variant == LONG_TALK)
    assert_memory_equal(server->from.id, LONG_ID, sizeof(LONG_ID) - 1);
  stage_close();
}

/* A ROUTER that connects says what it calls its peer. */
static bool named_is_heard(void) {
  client->from.size = sizeof(LONG_ID) - 1;
  memcpy(client->from.id, LONG_ID, client->from.size);
  return talkers_talk(client, server, MANY);
}

static void connect_named(const scenario_t *scenario) {
  open_both(scenario);
  set(client, ZUV_ROUTER_MANDATORY, 1);
  client->calls_peer = LONG_ID;
  talkers_join(server, client);
  stage_until(named_is_heard);
  stage_close();
}

/* ---- Probes ---- */

static void on_probed(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  talker_t *talker = (talker_t *)socket;

  (void)peer;
  assert_int_equal(count, 2);
  assert_int_equal(zuv_msg_size(&parts[1]), 0);
  talker->s.actor.received++;
}

/* An event may tell that it was lost. */
static bool is_probed(void) {
  return server->s.actor.received > 0 || stage_losses() > 0;
}

static void probed(const scenario_t *scenario) {
  open_both(scenario);
  must(zuv_recv_start(&server->s.actor.zuv, on_probed));
  set(client, ZUV_PROBE_ROUTER, 1);
  if (scenario->connecter == ZUV_ROUTER)
    client->calls_peer = "server";
  talkers_join(server, client);
  stage_until(is_probed);
  stage_close();
}

/* ---- Handover ---- */

static talker_t *second;

static bool first_is_heard(void) {
  return talkers_talk(client, server, SMALL);
}

static bool second_is_heard(void) {
  /* What the first has left may come in between, under another id. */
  if (server->heard[SMALL] > 1 && server->from.size == sizeof(LONG_ID) - 1)
    return true;
  (void)talker_send(second, SMALL, NULL, 0);
  return false;
}

static void handed_over(const scenario_t *scenario) {
  open_both(scenario);
  set(server, ZUV_ROUTER_HANDOVER, 1);
  set(server, ZUV_ROUTER_NOTIFY, 0);
  talker_set_text(client, ZUV_ROUTING_ID, LONG_ID);
  talkers_join(server, client);
  stage_until(first_is_heard);
  must(zuv_recv_stop(&server->s.actor.zuv));
  /* Unread when the id changes hands. */
  (void)talker_send(client, MANY, NULL, 0);
  second = talker_new(scenario->connecter);
  talker_set_text(second, ZUV_ROUTING_ID, LONG_ID);
  talker_connect(second, server);
  for (int i = 0; i < 8; i++)
    uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  must(zuv_recv_start(&server->s.actor.zuv, talker_on_recv));
  /* The two take the id from one another as often as they connect. */
  set(client, ZUV_LINGER, 0);
  talker_close(client);
  stage_until(second_is_heard);
  assert_memory_equal(server->from.id, LONG_ID, sizeof(LONG_ID) - 1);
  stage_close();
}

/* ---- Notices ---- */

static size_t notices;

static void on_notice(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                      zuv_peer_t *peer) {
  talker_t *talker = (talker_t *)socket;

  if (count == 2 && zuv_msg_size(&parts[1]) == 0)
    notices++;
  else
    talker_on_recv(&talker->s.actor.zuv, parts, count, peer);
}

static bool both_are_noticed(void) {
  return notices + server->s.actor.events[ZUV_EVENT_DROPPED] >= 2;
}

static void noticed(const scenario_t *scenario) {
  open_both(scenario);
  notices = 0;
  must(zuv_recv_start(&server->s.actor.zuv, on_notice));
  set(server, ZUV_ROUTER_MANDATORY, 1);
  set(server, ZUV_ROUTER_NOTIFY, 3);
  talkers_join(server, client);
  stage_until(both_are_heard);
  talker_close(client);
  if (sweep_is_single())
    stage_until(both_are_noticed);
  stage_close();
}

/* ---- Texts of connections ---- */

static bool is_text(zuv_msg_t *part) {
  const char *text = zuv_msg_data(part);

  return zuv_msg_size(part) > 0 && (text[0] == 'H' || text[0] == 'G') &&
         text[zuv_msg_size(part) - 1] == text[0];
}

static void on_text(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  assert_non_null(peer);
  if (!is_text(&parts[count - 1]))
    talker_on_recv(socket, parts, count, peer);
}

static void set_texts(talker_t *talker, size_t size) {
  static char text[TEXT_SIZE];

  must(zuv_recv_start(&talker->s.actor.zuv, on_text));
  memset(text, 'H', size);
  must(zuv_set_option(&talker->s.actor.zuv, ZUV_HELLO_MSG, text, size));
  memset(text, 'G', size);
  must(zuv_set_option(&talker->s.actor.zuv, ZUV_DISCONNECT_MSG, text, size));
  must(zuv_set_option(&talker->s.actor.zuv, ZUV_HICCUP_MSG, text, size));
}

/* Of the size that is the variant. */
static void greeted(const scenario_t *scenario) {
  open_both(scenario);
  set_texts(server, (size_t)scenario->variant);
  set_texts(client, (size_t)scenario->variant);
  if (scenario->connecter == ZUV_ROUTER)
    client->calls_peer = LONG_ID;
  talkers_join(server, client);
  stage_until(scenario->connecter == ZUV_ROUTER ? named_is_heard
                                                : both_are_heard);
  talker_close(client);
  stage_close();
}

/* Of what waits only the newest counts, and that may be the notice. */
static bool something_waits(void) {
  zuv_stats_t stats;

  assert_int_equal(zuv_socket_stats(&client->s.actor.zuv, &stats), 0);
  if (stats.queued_in == 0)
    (void)talker_send(server, SMALL, NULL, 0);
  return stats.queued_in > 0;
}

static bool server_is_lost(void) {
  return client->s.actor.events[ZUV_EVENT_DISCONNECTED] > 0 ||
         client->s.actor.events[ZUV_EVENT_EVENTS_DROPPED] > 0;
}

static void hiccup_conflated(const scenario_t *scenario) {
  open_both(scenario);
  set(client, ZUV_CONFLATE, 1);
  must(zuv_recv_start(&server->s.actor.zuv, on_text));
  set_texts(client, (size_t)scenario->variant);
  must(zuv_recv_stop(&client->s.actor.zuv));
  talkers_join(server, client);
  stage_until(something_waits);
  talker_close(server);
  stage_until(server_is_lost);
  must(zuv_recv_start(&client->s.actor.zuv, on_text));
  for (int i = 0; i < 4; i++)
    uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
  stage_close();
}

/* ---- REQ and REP ---- */

/* One conversation at a time: a lost reply is asked for again. */
static size_t round_begun; /* tick */
static size_t round_losses;

static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  size_t failed;
  int err;

  talker_on_recv(socket, parts, count, peer);
  do {
    failed = failing_failed();
    err = zuv_try_send(socket, parts, count);
  } while (stage_repeats(err, failed));
  assert_int_equal(err, 0);
}

static bool is_answered(kind_t kind) {
  size_t failed = failing_failed();
  bool again = sweep_is_single() ? round_losses != stage_losses()
                                 : stage->rig.ticks > round_begun + 10;
  int err;

  if (client->heard[kind] > 0)
    return true;
  if (client->sent[kind].done && !again)
    return false;
  err = talker_send(client, kind, NULL, 0);
  if (err == UV_ENOMEM)
    (void)stage_repeats(err, failed);
  client->sent[kind].done = err == 0;
  round_begun = stage->rig.ticks;
  round_losses = stage_losses();
  return false;
}

static bool all_are_answered(void) {
  for (kind_t kind = SMALL; kind < KINDS; kind++)
    if (!is_answered(kind))
      return false;
  return true;
}

static void request_reply(const scenario_t *scenario) {
  open_both(scenario);
  if (scenario->binder == ZUV_REP)
    must(zuv_recv_start(&server->s.actor.zuv, on_question));
  set(client, ZUV_REQ_RELAXED, 1);
  if (scenario->variant == CORRELATE)
    set(client, ZUV_REQ_CORRELATE, 1);
  talkers_join(server, client);
  stage_until(all_are_answered);
  stage_close();
}

/* ---- STREAM ---- */

enum { STREAM_SIZE = 200000 };

static uint8_t stream_bytes[STREAM_SIZE];
static size_t stream_heard; /* in a row by the server, since it was connected */
static size_t stream_echoed;
static size_t stream_lost;

static void on_bytes(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  talker_t *talker = (talker_t *)socket;

  (void)peer;
  assert_int_equal(count, 2);
  talker->from.size = zuv_msg_size(&parts[0]);
  memcpy(talker->from.id, zuv_msg_data(&parts[0]), talker->from.size);
  if (talker == client) {
    stream_echoed += zuv_msg_size(&parts[1]);
    return;
  }
  if (zuv_msg_size(&parts[1]) == 0)
    return;
  stream_heard += zuv_msg_size(&parts[1]);
  if (zuv_try_send(socket, parts, 2) != 0)
    stream_lost++;
}

static int send_bytes(void) {
  zuv_msg_t parts[2];
  int err;

  zuv_msg_init_view(&parts[0], client->from.id, client->from.size);
  zuv_msg_init_view(&parts[1], stream_bytes, STREAM_SIZE);
  err = zuv_try_send(&client->s.actor.zuv, parts, 2);
  zuv_msg_close(&parts[0]);
  zuv_msg_close(&parts[1]);
  return err;
}

static bool is_echoed(void) {
  size_t losses = stage_losses() + stream_lost;

  if (stream_echoed >= STREAM_SIZE)
    return true;
  if (client->from.size == 0)
    return false;
  if (!client->sent[SMALL].done || client->sent[SMALL].losses != losses ||
      (!sweep_is_single() &&
       stage->rig.ticks > client->sent[SMALL].tick + 20)) {
    int err = send_bytes();
    client->sent[SMALL].done = err == 0;
    client->sent[SMALL].losses = losses;
    client->sent[SMALL].tick = stage->rig.ticks;
    stream_heard = stream_echoed = 0;
  }
  return false;
}

static void streamed(const scenario_t *scenario) {
  char id[255];
  size_t size = sizeof(id);

  open_both(scenario);
  stream_heard = stream_echoed = stream_lost = 0;
  must(zuv_recv_start(&server->s.actor.zuv, on_bytes));
  must(zuv_recv_start(&client->s.actor.zuv, on_bytes));
  talkers_join(server, client);
  /* It shows what it calls the connection. */
  must(zuv_get_option(&client->s.actor.zuv, ZUV_ROUTING_ID, id, &size));
  assert_int_equal(size, 5);
  memcpy(client->from.id, id, size);
  client->from.size = size;
  stage_until(is_echoed);
  stage_close();
}

static const scenario_t scenarios[] = {
    {"dealer-router tcp", dealer_router, TCP, ZUV_ROUTER, ZUV_DEALER,
     PLAIN_TALK},
    {"dealer-router ipc, long id", dealer_router, IPC, ZUV_ROUTER, ZUV_DEALER,
     LONG_TALK},
    {"dealer-router inproc, long id", dealer_router, INPROC, ZUV_ROUTER,
     ZUV_DEALER, LONG_TALK},
    {"dealer-router inproc, connect first", dealer_router, INPROC_CONNECT_FIRST,
     ZUV_ROUTER, ZUV_DEALER, PLAIN_TALK},
    {"router-dealer tcp, named", connect_named, TCP, ZUV_DEALER, ZUV_ROUTER, 0},
    {"router-dealer inproc, named", connect_named, INPROC, ZUV_DEALER,
     ZUV_ROUTER, 0},
    {"router-dealer inproc, named, connect first", connect_named,
     INPROC_CONNECT_FIRST, ZUV_DEALER, ZUV_ROUTER, 0},
    {"probe by DEALER tcp", probed, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
    {"probe by DEALER inproc", probed, INPROC, ZUV_ROUTER, ZUV_DEALER, 0},
    {"probe by REQ tcp", probed, TCP, ZUV_ROUTER, ZUV_REQ, 0},
    {"probe by ROUTER tcp", probed, TCP, ZUV_ROUTER, ZUV_ROUTER, 0},
    {"probe by ROUTER inproc", probed, INPROC, ZUV_ROUTER, ZUV_ROUTER, 0},
    {"handover tcp", handed_over, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
    {"handover inproc", handed_over, INPROC, ZUV_ROUTER, ZUV_DEALER, 0},
    {"notices", noticed, TCP, ZUV_ROUTER, ZUV_DEALER, 0},
    {"hello tcp", greeted, TCP, ZUV_DEALER, ZUV_DEALER, TEXT_SIZE},
    {"hello ipc, small", greeted, IPC, ZUV_DEALER, ZUV_DEALER, 300},
    {"hello inproc", greeted, INPROC, ZUV_DEALER, ZUV_DEALER, TEXT_SIZE},
    {"hello inproc, small", greeted, INPROC, ZUV_DEALER, ZUV_DEALER, 20},
    {"hello inproc, connect first", greeted, INPROC_CONNECT_FIRST, ZUV_DEALER,
     ZUV_DEALER, TEXT_SIZE},
    {"hello inproc, named", greeted, INPROC, ZUV_DEALER, ZUV_ROUTER, 20},
    {"hello inproc, named, connect first", greeted, INPROC_CONNECT_FIRST,
     ZUV_DEALER, ZUV_ROUTER, 20},
    {"hiccup, conflated", hiccup_conflated, TCP, ZUV_DEALER, ZUV_DEALER,
     TEXT_SIZE},
    {"req-rep tcp", request_reply, TCP, ZUV_REP, ZUV_REQ, PLAIN_TALK},
    {"req-rep tcp, correlated", request_reply, TCP, ZUV_REP, ZUV_REQ,
     CORRELATE},
    {"req-rep inproc", request_reply, INPROC, ZUV_REP, ZUV_REQ, PLAIN_TALK},
    {"req-rep inproc, correlated", request_reply, INPROC, ZUV_REP, ZUV_REQ,
     CORRELATE},
    {"stream", streamed, TCP, ZUV_STREAM, ZUV_STREAM, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults routing", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
