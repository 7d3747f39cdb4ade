/* Subscriptions and what is published while memory runs out. */
#include "stage.h"

enum {
  TOPICS = 40, /* of different lengths */
  WELCOMED = 1,
  MANUAL = 2,
  VERBOSER = 4
};

static talker_t *publisher;
static talker_t *subscriber;

/* What an XPUB has heard of: +1 for each subscription, -1 for each end. */
static int told[TOPICS + 1];
static size_t subscribed; /* topics at all */

static void set(talker_t *talker, int option, int value) {
  must(zuv_set_int(&talker->s.actor.zuv, option, value));
}

/* Topic 0 is what all messages begin with; the others fit none. */
static size_t topic_text(int topic, char text[RIG_TEXT_MAX]) {
  if (topic == 0)
    text[0] = '\0';
  else
    snprintf(text, RIG_TEXT_MAX, "%.*s%d", topic * 5,
             "a topic that begins like many others do: "
             "................................................................"
             "................................................................",
             topic);
  return strlen(text);
}

static int topic_number(const char *text, size_t size) {
  char known[RIG_TEXT_MAX];

  for (int i = 0; i <= TOPICS; i++)
    if (topic_text(i, known) == size && memcmp(known, text, size) == 0)
      return i;
  fail_msg("a topic that nobody knows");
  return 0;
}

/* A subscription, or what an XSUB sends upstream. */
static void on_upstream(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  const char *data = zuv_msg_data(&parts[0]);
  size_t size = zuv_msg_size(&parts[0]);
  int topic;

  if (size == 0 || (data[0] != 0 && data[0] != 1)) {
    talker_on_recv(socket, parts, count, peer);
    return;
  }
  assert_int_equal(count, 1);
  topic = topic_number(data + 1, size - 1);
  told[topic] += data[0] == 1 ? 1 : -1;
  if (stage->scenario->variant & MANUAL && data[0] == 1)
    must(zuv_set_option(socket, ZUV_SUBSCRIBE, data + 1, size - 1));
  if (stage->scenario->variant & MANUAL && data[0] == 0)
    must(zuv_set_option(socket, ZUV_UNSUBSCRIBE, data + 1, size - 1));
}

static int send_subscription(talker_t *talker, bool subscribe, int topic) {
  char text[RIG_TEXT_MAX + 1];
  size_t size = topic_text(topic, text + 1) + 1;
  zuv_msg_t part;
  int err;

  text[0] = subscribe ? 1 : 0;
  zuv_msg_init_view(&part, text, size);
  err = zuv_try_send(&talker->s.actor.zuv, &part, 1);
  zuv_msg_close(&part);
  return err;
}

static void subscribe(talker_t *talker, int topic) {
  zuv_socket_t *socket = &talker->s.actor.zuv;
  char text[RIG_TEXT_MAX];
  size_t size = topic_text(topic, text);

  if (socket->type == ZUV_XSUB)
    must(send_subscription(talker, true, topic));
  else
    must(zuv_set_option(socket, ZUV_SUBSCRIBE, text, size));
}

static void unsubscribe(talker_t *talker, int topic) {
  zuv_socket_t *socket = &talker->s.actor.zuv;
  char text[RIG_TEXT_MAX];
  size_t size = topic_text(topic, text);

  if (socket->type == ZUV_XSUB)
    must(send_subscription(talker, false, topic));
  else
    must(zuv_set_option(socket, ZUV_UNSUBSCRIBE, text, size));
}

static int topics_count(talker_t *talker) {
  int count = -1;
  size_t size = sizeof(count);

  must(zuv_get_option(&talker->s.actor.zuv, ZUV_TOPICS_COUNT, &count, &size));
  return count;
}

/* ---- One publisher, one subscriber ---- */

static bool all_is_heard(void) {
  return talkers_talk(publisher, subscriber, MANY);
}

static void on_published(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                         zuv_peer_t *peer) {
  if (count == 1 && zuv_msg_size(&parts[0]) == 300)
    return; /* the welcome */
  talker_on_recv(socket, parts, count, peer);
}

static void open_both(const scenario_t *scenario) {
  char welcome[300];
  bool publisher_binds =
      scenario->binder == ZUV_PUB || scenario->binder == ZUV_XPUB;
  talker_t *binder, *connecter;

  memset(told, 0, sizeof(told));
  stage_open(scenario);
  binder = talker_new(scenario->binder);
  connecter = talker_new(scenario->connecter);
  publisher = publisher_binds ? binder : connecter;
  subscriber = publisher_binds ? connecter : binder;
  must(zuv_recv_start(&subscriber->s.actor.zuv, on_published));
  if (publisher->s.actor.zuv.type == ZUV_XPUB)
    must(zuv_recv_start(&publisher->s.actor.zuv, on_upstream));
  memset(welcome, 'w', sizeof(welcome));
  if (scenario->variant & WELCOMED)
    must(zuv_set_option(&publisher->s.actor.zuv, ZUV_XPUB_WELCOME_MSG, welcome,
                        sizeof(welcome)));
  if (scenario->variant & MANUAL)
    set(publisher, ZUV_XPUB_MANUAL, 1);
  if (scenario->variant & VERBOSER)
    set(publisher, ZUV_XPUB_VERBOSER, 1);
}

static void join_both(const scenario_t *scenario) {
  if (publisher->s.actor.zuv.type == scenario->binder)
    talkers_join(publisher, subscriber);
  else
    talkers_join(subscriber, publisher);
}

static void published(const scenario_t *scenario) {
  open_both(scenario);
  subscribe(subscriber, 1);
  join_both(scenario);
  subscribe(subscriber, 0);
  stage_until(all_is_heard);
  stage_close();
}

/* ---- Many topics ---- */

/* Over tcp a lost connection ends all subscriptions, and the next begins them
 * again. */
static bool publisher_knows_all(void) {
  return topics_count(publisher) == (int)subscribed;
}

static bool application_knows_all(void) {
  for (int i = 0; i <= TOPICS; i++) {
    bool wanted = i > 0 && i <= (int)subscribed;
    if (told[i] != (wanted ? 1 : 0))
      return false;
  }
  return publisher_knows_all();
}

/* An application that relays subscriptions must not be left with one that
 * nobody has any more, nor without one, unless an event tells. */
static void stage_until_all_know(void) {
  bool exact = publisher->s.actor.zuv.type == ZUV_XPUB &&
               stage->scenario->variant == 0 && sweep_is_single();

  stage_until(publisher_knows_all);
  if (exact && publisher->s.actor.events[ZUV_EVENT_DROPPED] == 0)
    stage_until(application_knows_all);
}

static void many_topics(const scenario_t *scenario) {
  open_both(scenario);
  for (int i = 1; i <= TOPICS / 2; i++)
    subscribe(subscriber, i);
  join_both(scenario);
  for (int i = TOPICS / 2 + 1; i <= TOPICS; i++)
    subscribe(subscriber, i);
  subscribed = TOPICS;
  stage_until_all_know();
  for (int i = TOPICS / 4 + 1; i <= TOPICS; i++)
    unsubscribe(subscriber, i);
  subscribed = TOPICS / 4;
  stage_until_all_know();
  stage_close();
}

/* ---- Many subscribers ---- */

enum { SUBSCRIBERS = 3 };

static talker_t *subscribers[SUBSCRIBERS];

static bool all_have_heard_all(void) {
  bool all = true;

  for (int i = 0; i < SUBSCRIBERS; i++)
    all = talkers_talk(publisher, subscribers[i], MANY) && all;
  return all;
}

static void fanned_out(const scenario_t *scenario) {
  stage_open(scenario);
  publisher = talker_new(scenario->binder);
  if (scenario->binder == ZUV_XPUB)
    must(zuv_recv_start(&publisher->s.actor.zuv, on_upstream));
  talker_bind(publisher);
  for (int i = 0; i < SUBSCRIBERS; i++) {
    subscribers[i] = talker_new(scenario->connecter);
    talker_connect(subscribers[i], publisher);
    subscribe(subscribers[i], 0);
  }
  stage_until(all_have_heard_all);
  talker_close(subscribers[0]);
  stage_close();
}

/* ---- Upstream ---- */

static bool publisher_has_heard_all(void) {
  return talkers_talk(subscriber, publisher, MANY);
}

/* XSUB may send messages of any kind to XPUB. */
static void upstream(const scenario_t *scenario) {
  open_both(scenario);
  subscriber->lossy = true;
  join_both(scenario);
  stage_until(publisher_has_heard_all);
  stage_close();
}

/* A message of several parts, each a subscription. */
static int subscribe_at_once(talker_t *talker, bool subscribes) {
  char texts[3][RIG_TEXT_MAX + 1];
  zuv_msg_t parts[3];
  int err;

  for (int i = 0; i < 3; i++) {
    size_t size = topic_text(i + 1, texts[i] + 1);
    texts[i][0] = subscribes ? 1 : 0;
    zuv_msg_init_view(&parts[i], texts[i], size + 1);
  }
  err = zuv_try_send(&talker->s.actor.zuv, parts, 3);
  for (int i = 0; i < 3; i++)
    zuv_msg_close(&parts[i]);
  return err;
}

static void subscribed_at_once(const scenario_t *scenario) {
  open_both(scenario);
  must(subscribe_at_once(subscriber, true));
  assert_int_equal(topics_count(subscriber), 3);
  join_both(scenario);
  subscribed = 3;
  stage_until(publisher_knows_all);
  must(subscribe_at_once(subscriber, false));
  subscribed = 0;
  stage_until(publisher_knows_all);
  stage_close();
}

static const scenario_t scenarios[] = {
    {"pub-sub tcp", published, TCP, ZUV_PUB, ZUV_SUB, 0},
    {"sub-pub tcp", published, TCP, ZUV_SUB, ZUV_PUB, 0},
    {"pub-sub inproc", published, INPROC, ZUV_PUB, ZUV_SUB, 0},
    {"pub-sub inproc, connect first", published, INPROC_CONNECT_FIRST, ZUV_PUB,
     ZUV_SUB, 0},
    {"xpub-xsub ipc", published, IPC, ZUV_XPUB, ZUV_XSUB, 0},
    {"xpub-xsub inproc", published, INPROC, ZUV_XPUB, ZUV_XSUB, 0},
    {"xsub-xpub tcp", published, TCP, ZUV_XSUB, ZUV_XPUB, 0},
    {"welcome tcp", published, TCP, ZUV_XPUB, ZUV_SUB, WELCOMED},
    {"welcome inproc", published, INPROC, ZUV_XPUB, ZUV_SUB, WELCOMED},
    {"manual tcp", published, TCP, ZUV_XPUB, ZUV_SUB, MANUAL},
    {"manual inproc", published, INPROC, ZUV_XPUB, ZUV_XSUB, MANUAL},
    {"topics, pub-sub tcp", many_topics, TCP, ZUV_PUB, ZUV_SUB, 0},
    {"topics, xpub-sub tcp", many_topics, TCP, ZUV_XPUB, ZUV_SUB, 0},
    {"topics, xpub-xsub tcp", many_topics, TCP, ZUV_XPUB, ZUV_XSUB, 0},
    {"topics, xpub-sub inproc", many_topics, INPROC, ZUV_XPUB, ZUV_SUB, 0},
    {"topics, xpub-xsub inproc", many_topics, INPROC, ZUV_XPUB, ZUV_XSUB, 0},
    {"topics, xpub-sub inproc, connect first", many_topics,
     INPROC_CONNECT_FIRST, ZUV_XPUB, ZUV_SUB, 0},
    {"topics, manual tcp", many_topics, TCP, ZUV_XPUB, ZUV_SUB, MANUAL},
    {"topics, verboser tcp", many_topics, TCP, ZUV_XPUB, ZUV_SUB, VERBOSER},
    {"fanned out tcp", fanned_out, TCP, ZUV_PUB, ZUV_SUB, 0},
    {"fanned out ipc", fanned_out, IPC, ZUV_XPUB, ZUV_SUB, 0},
    {"fanned out inproc", fanned_out, INPROC, ZUV_PUB, ZUV_SUB, 0},
    {"upstream tcp", upstream, TCP, ZUV_XPUB, ZUV_XSUB, 0},
    {"upstream inproc", upstream, INPROC, ZUV_XPUB, ZUV_XSUB, 0},
    {"at once tcp", subscribed_at_once, TCP, ZUV_XPUB, ZUV_XSUB, 0},
    {"at once inproc", subscribed_at_once, INPROC, ZUV_XPUB, ZUV_XSUB, 0},
};

int main(int argc, char **argv) {
  return sweep_main("faults pubsub", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
