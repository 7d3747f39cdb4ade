/* What zmq.h has beside sockets, while memory runs out: polls, pollers, timers,
 * monitors, proxies, threads, authentication. */
#include "blocking_stage.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* ---- Polling ---- */

enum { ITEMS = 20, POLL_MS = 15 };

static void polled(const scenario_t *scenario) {
  zmq_pollitem_t items[ITEMS + 1];
  int fds[2];
  void *push, *pull;

  assert_int_equal(pipe(fds), 0);
  blocking_open(scenario->variant);
  push = blocking_socket(ZMQ_PUSH);
  for (int i = 0; i < ITEMS; i++) {
    pull = i % 4 == 0 ? blocking_socket(ZMQ_PULL) : NULL;
    items[i] = (zmq_pollitem_t){pull, fds[0], ZMQ_POLLIN, 0};
  }
  pull = items[0].socket;
  items[ITEMS] = (zmq_pollitem_t){NULL, fds[1], ZMQ_POLLIN, 0};
  blocking_join(pull, push, "tcp", false);
  do {
    blocking_check_deadline();
    (void)blocking_send(push, NULL, BLOCKING_SMALL);
    must(zmq_poll(items, ITEMS + 1, POLL_MS));
  } while ((items[0].revents & ZMQ_POLLIN) == 0);
  (void)blocking_receive(pull, NULL);
  blocking_close();
  close(fds[0]);
  close(fds[1]);
}

/* EAGAIN: in time. */
static int wait_for_any(void *poller, zmq_poller_event_t *event) {
  int rc = zmq_poller_wait(poller, event, POLL_MS);
  return rc < 0 && errno == EAGAIN ? 0 : rc;
}

static void watched(const scenario_t *scenario) {
  zmq_poller_event_t event = {0};
  int fds[2];
  void *poller, *push, *pull;

  assert_int_equal(pipe(fds), 0);
  blocking_open(scenario->variant);
  pull = blocking_socket(ZMQ_PULL);
  push = blocking_socket(ZMQ_PUSH);
  blocking_join(pull, push, "tcp", false);
  poller = must_not(NULL, zmq_poller_new());
  must(zmq_poller_add_fd(poller, fds[0], NULL, ZMQ_POLLIN));
  for (int i = 0; i < ITEMS / 2; i++)
    must(zmq_poller_add(poller, blocking_socket(ZMQ_PULL), NULL, ZMQ_POLLIN));
  must(zmq_poller_add(poller, pull, &fds, ZMQ_POLLIN));
  assert_int_equal(zmq_poller_size(poller), ITEMS / 2 + 2);
  must(zmq_poller_modify(poller, pull, ZMQ_POLLIN | ZMQ_POLLERR));
  do {
    blocking_check_deadline();
    (void)blocking_send(push, NULL, BLOCKING_SMALL);
    must(wait_for_any(poller, &event));
  } while (event.socket != pull);
  assert_ptr_equal(event.user_data, &fds);
  must(zmq_poller_remove(poller, pull));
  must(zmq_poller_remove_fd(poller, fds[0]));
  must(zmq_poller_destroy(&poller));
  blocking_close();
  close(fds[0]);
  close(fds[1]);
}

static void by_descriptor(const scenario_t *scenario) {
  void *pull, *push;
  int events = 0;
  int fd = -1;
  size_t size = sizeof(fd);

  blocking_open(scenario->variant);
  pull = blocking_socket(ZMQ_PULL);
  push = blocking_socket(ZMQ_PUSH);
  must(zmq_getsockopt(pull, ZMQ_FD, &fd, &size));
  blocking_join(pull, push, "tcp", false);
  while ((events & ZMQ_POLLIN) == 0) {
    zmq_pollitem_t item = {NULL, fd, ZMQ_POLLIN, 0};

    blocking_check_deadline();
    (void)blocking_send(push, NULL, BLOCKING_SMALL);
    must(zmq_poll(&item, 1, POLL_MS));
    size = sizeof(events);
    must(zmq_getsockopt(pull, ZMQ_EVENTS, &events, &size));
  }
  (void)blocking_receive(pull, NULL);
  blocking_close();
}

/* ---- Timers ---- */

static int expired;

static void on_timer(int id, void *arg) {
  (void)id;
  (void)arg;
  expired++;
}

static void timed(const scenario_t *scenario) {
  void *timers = must_not(NULL, zmq_timers_new());
  int id = 0;

  (void)scenario;
  expired = 0;
  for (int i = 0; i < 40; i++)
    id =
        must_not(-1, zmq_timers_add(timers, 1 + (size_t)i % 2, on_timer, NULL));
  must(zmq_timers_cancel(timers, id));
  while (expired < 39)
    must(zmq_timers_execute(timers));
  must(zmq_timers_destroy(&timers));
}

/* ---- Monitors ---- */

static int monitor_event(void *socket) {
  zmq_msg_t part;
  uint16_t event = 0;
  int rc;

  zmq_msg_init(&part);
  rc = zmq_msg_recv(&part, socket, 0);
  if (rc >= 2)
    memcpy(&event, zmq_msg_data(&part), sizeof(event));
  while (rc >= 0 && zmq_msg_more(&part))
    rc = zmq_msg_recv(&part, socket, 0);
  zmq_msg_close(&part);
  return event;
}

/* An event for which there is no memory is not told. */
static void monitored(const scenario_t *scenario) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull, *push, *monitor;
  bool ready = false;

  blocking_open(scenario->variant);
  pull = blocking_socket(ZMQ_PULL);
  push = blocking_socket(ZMQ_PUSH);
  monitor = blocking_socket(ZMQ_PAIR);
  must(zmq_socket_monitor(push, "inproc://monitor", ZMQ_EVENT_ALL));
  blocking_connect(monitor, "inproc://monitor");
  blocking_bind(pull, "tcp", endpoint);
  blocking_connect(push, endpoint);
  while (!ready) {
    int event;

    blocking_check_deadline();
    (void)blocking_send(push, NULL, BLOCKING_SMALL);
    event = monitor_event(monitor);
    ready = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ||
            (failing_failed() > 0 &&
             blocking_receive(pull, NULL) == BLOCKING_SMALL);
  }
  must(zmq_socket_monitor(push, NULL, 0));
  must(zmq_socket_monitor_versioned(pull, "inproc://other", ZMQ_EVENT_ALL, 2,
                                    ZMQ_PUB));
  blocking_close();
}

/* ---- Proxies ---- */

static struct { void *frontend, *backend, *capture, *control; } proxied;

/* Whoever runs one begins again when it had no memory. */
static void run_proxy(void *arg) {
  int rc;

  (void)arg;
  do
    rc = zmq_proxy_steerable(proxied.frontend, proxied.backend, proxied.capture,
                             proxied.control);
  while (rc < 0 && errno == ENOMEM);
}

static void through_proxy(const scenario_t *scenario) {
  char front[BLOCKING_TEXT_MAX], back[BLOCKING_TEXT_MAX];
  char captured[BLOCKING_TEXT_MAX], controlled[BLOCKING_TEXT_MAX];
  void *push, *pull, *controller, *thread;

  blocking_open(scenario->variant);
  proxied.frontend = blocking_socket(ZMQ_PULL);
  proxied.backend = blocking_socket(ZMQ_PUSH);
  proxied.capture = blocking_socket(ZMQ_PUB);
  proxied.control = blocking_socket(ZMQ_PAIR);
  blocking_bind(proxied.frontend, "tcp", front);
  blocking_bind(proxied.backend, "inproc://back", back);
  blocking_bind(proxied.capture, "inproc://capture", captured);
  blocking_bind(proxied.control, "inproc://control", controlled);
  push = blocking_socket(ZMQ_PUSH);
  pull = blocking_socket(ZMQ_PULL);
  controller = blocking_socket(ZMQ_PAIR);
  blocking_connect(controller, controlled);
  blocking_connect(push, front);
  blocking_connect(pull, back);
  thread = must_not(NULL, zmq_threadstart(run_proxy, NULL));
  blocking_talk(push, pull);
  /* Over inproc the controller's connection may have to be made again. */
  while (zmq_send(controller, "TERMINATE", 9, 0) < 0)
    blocking_check_deadline();
  zmq_threadclose(thread);
  blocking_close();
}

/* ---- Authentication ---- */

static atomic_bool handler_ends;

static int zap_reply(void *socket, zmq_msg_t *id) {
  static const char *const rest[] = {"200", "OK", "alice", ""};
  int rc = zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);

  if (rc >= 0)
    rc = zmq_msg_send(id, socket, ZMQ_SNDMORE);
  for (int i = 0; i < 4 && rc >= 0; i++)
    rc = zmq_send(socket, rest[i], strlen(rest[i]), i < 3 ? ZMQ_SNDMORE : 0);
  return rc;
}

/* A ROUTER as a handler could lose a part of its answer; a REP that fails in
 * the middle is closed, and another takes its place. */
static void serve_zap(void *handler) {
  while (!atomic_load(&handler_ends)) {
    zmq_msg_t id, part;
    int rc;

    zmq_msg_init(&id);
    zmq_msg_init(&part);
    rc = zmq_msg_recv(&part, handler, 0);
    if (rc >= 0)
      rc = zmq_msg_recv(&id, handler, 0);
    if (rc >= 0 && zmq_msg_more(&id))
      do
        rc = zmq_msg_recv(&part, handler, 0);
      while (rc >= 0 && zmq_msg_more(&part));
    if (rc >= 0)
      while (zap_reply(handler, &id) < 0 && errno == ENOMEM)
        ;
    zmq_msg_close(&id);
    zmq_msg_close(&part);
  }
}

/* Who a message is of can be asked again. */
static void expect_name(void *client, void *server) {
  zmq_msg_t msg;
  int rc;

  zmq_msg_init(&msg);
  do {
    blocking_check_deadline();
    (void)blocking_send(client, NULL, BLOCKING_SMALL);
    rc = zmq_msg_recv(&msg, server, 0);
  } while (rc < 0);
  assert_string_equal(must_not(NULL, zmq_msg_gets(&msg, "User-Id")), "alice");
  must(zmq_msg_close(&msg));
}

static void authenticated(const scenario_t *scenario) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *handler, *server, *client, *thread;

  blocking_open(scenario->variant);
  atomic_store(&handler_ends, false);
  handler = blocking_socket(ZMQ_REP);
  blocking_bind(handler, "inproc://zeromq.zap.01", endpoint);
  thread = must_not(NULL, zmq_threadstart(serve_zap, handler));
  server = blocking_socket(ZMQ_PULL);
  client = blocking_socket(ZMQ_PUSH);
  /* The question or its answer may be what is lost. */
  blocking_set(server, ZMQ_HANDSHAKE_IVL, 60);
  blocking_set(server, ZMQ_PLAIN_SERVER, 1);
  blocking_set_text(server, ZMQ_ZAP_DOMAIN, "domain");
  blocking_set_text(client, ZMQ_PLAIN_USERNAME, "alice");
  blocking_set_text(client, ZMQ_PLAIN_PASSWORD, "her password");
  blocking_join(server, client, "tcp", false);
  blocking_talk(client, server);
  expect_name(client, server);
  atomic_store(&handler_ends, true);
  zmq_threadclose(thread);
  blocking_close();
}

/* ---- The rest ---- */

static void tools(const scenario_t *scenario) {
  void *counter = must_not(NULL, zmq_atomic_counter_new());
  void *stopwatch = must_not(NULL, zmq_stopwatch_start());
  char public_key[41], secret_key[41];

  (void)scenario;
  must(zmq_curve_keypair(public_key, secret_key));
  must(zmq_curve_public(public_key, secret_key));
  zmq_atomic_counter_inc(counter);
  zmq_atomic_counter_destroy(&counter);
  (void)zmq_stopwatch_stop(stopwatch);
}

static const scenario_t scenarios[] = {
    {"poll", polled, 0, 0, 0, 0},
    {"poll, two I/O threads", polled, 0, 0, 0, 2},
    {"poller", watched, 0, 0, 0, 0},
    {"poller, two I/O threads", watched, 0, 0, 0, 2},
    {"descriptor", by_descriptor, 0, 0, 0, 0},
    {"timers", timed, 0, 0, 0, 0},
    {"monitor", monitored, 0, 0, 0, 0},
    {"monitor, two I/O threads", monitored, 0, 0, 0, 2},
    {"proxy", through_proxy, 0, 0, 0, 0},
    {"proxy, two I/O threads", through_proxy, 0, 0, 0, 2},
    {"authentication", authenticated, 0, 0, 0, 0},
    {"tools", tools, 0, 0, 0, 0},
};

int main(int argc, char **argv) {
  failing_install();
  blocking_make_handles();
  return sweep_main("faults calls", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
