/* zmq.h while memory runs out: calls fail with ENOMEM and work when they are
 * repeated, or a connection is made again. */
#include "blocking_stage.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_FIRST = 1, TWO_THREADS = 2 };

static const char *const places[] = {"tcp", "ipc", "inproc://stage"};
enum { TCP, IPC, INPROC };

/* ---- Contexts and sockets ---- */

static void all_types(const scenario_t *scenario) {
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_open(scenario->variant & TWO_THREADS ? 2 : 0);
  must(zmq_ctx_set(blocking.context, ZMQ_MAX_SOCKETS, 100));
  for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
    void *socket = blocking_socket(type);

    if (type == ZMQ_SUB)
      blocking_set_text(socket, ZMQ_SUBSCRIBE, "topic");
    blocking_set_text(socket, ZMQ_ROUTING_ID, "name");
    blocking_bind(socket, "tcp", endpoint);
    must(zmq_unbind(socket, endpoint));
    blocking_connect(socket, endpoint);
    must(zmq_disconnect(socket, endpoint));
    if (type == ZMQ_STREAM)
      continue;
    blocking_bind(socket, "inproc://name", endpoint);
    must(zmq_unbind(socket, endpoint));
    blocking_connect(socket, "inproc://name");
    if (type % 2 == 0)
      blocking_close_socket(socket);
  }
  must(zmq_ctx_shutdown(blocking.context));
  blocking_close();
}

/* ---- Messages ---- */

static int freed;

static void on_free(void *data, void *hint) {
  (void)hint;
  freed++;
  free(data);
}

static void messages(const scenario_t *scenario) {
  zmq_msg_t a, b, c;
  void *data = malloc(100);

  (void)scenario;
  freed = 0;
  blocking_open(0);
  must(zmq_msg_init_size(&a, 1000));
  must(zmq_msg_init_data(&b, data, 100, on_free, NULL));
  must(zmq_msg_init(&c));
  must(zmq_msg_copy(&c, &a));
  assert_int_equal(zmq_msg_size(&c), 1000);
  must(zmq_msg_copy(&a, &b));
  must(zmq_msg_move(&c, &b));
  assert_int_equal(zmq_msg_size(&b), 0);
  must(zmq_msg_close(&b));
  must(zmq_msg_init_buffer(&b,
                           "a few octets that do not fit into a message "
                           "itself, but are copied elsewhere",
                           75));
  must(zmq_msg_close(&a));
  assert_int_equal(freed, 0);
  must(zmq_msg_close(&c));
  assert_int_equal(freed, 1);
  must(zmq_msg_close(&b));
  blocking_close();
}

/* Bodies of the program are freed once, whatever fails. */
static void handed_bodies(const scenario_t *scenario) {
  void *push, *pull;
  int made = 0;

  freed = 0;
  blocking_open(0);
  pull = blocking_socket(ZMQ_PULL);
  push = blocking_socket(ZMQ_PUSH);
  blocking_join(pull, push, places[scenario->transport], false);
  for (int i = 0; i < 4; i++) {
    size_t size = i % 2 == 0 ? 300 * 1000 : 7;
    zmq_msg_t msg;
    void *data = calloc(1, size);

    must(zmq_msg_init_data(&msg, data, size, on_free, NULL));
    made++;
    if (must_not(-2, zmq_msg_send(&msg, push, 0)) < 0)
      must(zmq_msg_close(&msg));
    must(zmq_msg_init(&msg));
    (void)zmq_msg_recv(&msg, pull, 0);
    must(zmq_msg_close(&msg));
  }
  blocking_close();
  assert_int_equal(freed, made);
}

/* ---- Conversations ---- */

static bool connects_first(const scenario_t *scenario) {
  return (scenario->variant & CONNECT_FIRST) != 0;
}

static void open_both(const scenario_t *scenario, void **binder,
                      void **connecter) {
  blocking_open(scenario->variant & TWO_THREADS ? 2 : 0);
  *binder = blocking_socket(scenario->binder);
  *connecter = blocking_socket(scenario->connecter);
}

static void one_way(const scenario_t *scenario) {
  void *binder, *connecter;

  open_both(scenario, &binder, &connecter);
  if (scenario->connecter == ZMQ_SUB)
    blocking_set_text(connecter, ZMQ_SUBSCRIBE, "");
  blocking_join(binder, connecter, places[scenario->transport],
                connects_first(scenario));
  if (scenario->binder == ZMQ_PULL)
    blocking_talk(connecter, binder);
  else
    blocking_talk(binder, connecter);
  blocking_close();
}

static void both_ways(const scenario_t *scenario) {
  void *binder, *connecter;

  open_both(scenario, &binder, &connecter);
  blocking_join(binder, connecter, places[scenario->transport],
                connects_first(scenario));
  blocking_talk(binder, connecter);
  blocking_talk(connecter, binder);
  blocking_close();
}

/* A lost request or reply is made up for by another request. */
static void request_reply(const scenario_t *scenario) {
  void *rep, *req;

  open_both(scenario, &rep, &req);
  blocking_set(req, ZMQ_REQ_RELAXED, 1);
  blocking_set(req, ZMQ_REQ_CORRELATE, 1);
  blocking_join(rep, req, places[scenario->transport],
                connects_first(scenario));
  for (int kind = 0; kind < BLOCKING_KINDS; kind++) {
    int answer = -1;

    while (answer != kind) {
      int question;

      blocking_check_deadline();
      (void)blocking_send(req, NULL, kind);
      question = blocking_receive(rep, NULL);
      if (question >= 0)
        (void)blocking_send(rep, NULL, question);
      answer = blocking_receive(req, NULL);
    }
  }
  blocking_close();
}

static void routed(const scenario_t *scenario) {
  void *router, *dealer;
  char id[BLOCKING_TEXT_MAX] = "";

  open_both(scenario, &router, &dealer);
  blocking_set_text(dealer, ZMQ_ROUTING_ID,
                    "an id that does not fit into a message without memory");
  blocking_join(router, dealer, places[scenario->transport],
                connects_first(scenario));
  for (int kind = 0; kind < BLOCKING_KINDS; kind++) {
    int answer = -1;

    while (answer != kind) {
      int question;

      blocking_check_deadline();
      (void)blocking_send(dealer, NULL, kind);
      question = blocking_receive(router, id);
      if (question >= 0)
        (void)blocking_send(router, id, question);
      answer = blocking_receive(dealer, NULL);
    }
  }
  blocking_close();
}

/* A socket whose loop is chosen when it has its options already. */
static void placed(const scenario_t *scenario) {
  void *pull, *push;

  blocking_open(3);
  pull = blocking_socket(ZMQ_PULL);
  push = blocking_socket(ZMQ_PUSH);
  blocking_set_text(push, ZMQ_ROUTING_ID, "name");
  blocking_set_text(push, ZMQ_HELLO_MSG, "hello");
  for (uint64_t mask = 1; mask <= 4; mask *= 2)
    must(zmq_setsockopt(push, ZMQ_AFFINITY, &mask, sizeof(mask)));
  blocking_set_text(push, ZMQ_HELLO_MSG, "");
  blocking_join(pull, push, places[scenario->transport], false);
  blocking_talk(push, pull);
  blocking_close();
}

/* What is sent before the close arrives. */
static void lingering(const scenario_t *scenario) {
  void *pull, *push;

  open_both(scenario, &pull, &push);
  blocking_set(push, ZMQ_LINGER, 5000);
  blocking_join(pull, push, places[scenario->transport], false);
  blocking_talk(push, pull);
  (void)blocking_send(push, NULL, BLOCKING_LARGE);
  (void)blocking_send(push, NULL, BLOCKING_MANY);
  blocking_close_socket(push);
  (void)blocking_receive(pull, NULL);
  (void)blocking_receive(pull, NULL);
  blocking_close();
}

static const scenario_t scenarios[] = {
    {"all types", all_types, 0, 0, 0, 0},
    {"all types, two I/O threads", all_types, 0, 0, 0, TWO_THREADS},
    {"messages", messages, 0, 0, 0, 0},
    {"handed bodies tcp", handed_bodies, TCP, 0, 0, 0},
    {"handed bodies inproc", handed_bodies, INPROC, 0, 0, 0},
    {"push-pull tcp", one_way, TCP, ZMQ_PULL, ZMQ_PUSH, 0},
    {"pull-push ipc", one_way, IPC, ZMQ_PUSH, ZMQ_PULL, 0},
    {"push-pull inproc", one_way, INPROC, ZMQ_PULL, ZMQ_PUSH, 0},
    {"pub-sub tcp", one_way, TCP, ZMQ_XPUB, ZMQ_SUB, 0},
    {"pub-sub inproc", one_way, INPROC, ZMQ_PUB, ZMQ_SUB, 0},
    {"pair tcp", both_ways, TCP, ZMQ_PAIR, ZMQ_PAIR, 0},
    {"pair inproc", both_ways, INPROC, ZMQ_PAIR, ZMQ_PAIR, 0},
    {"pair inproc, two I/O threads", both_ways, INPROC, ZMQ_PAIR, ZMQ_PAIR,
     TWO_THREADS},
    {"dealer inproc, connect first", both_ways, INPROC, ZMQ_DEALER, ZMQ_DEALER,
     CONNECT_FIRST},
    {"dealer inproc, connect first, two I/O threads", both_ways, INPROC,
     ZMQ_DEALER, ZMQ_DEALER, CONNECT_FIRST | TWO_THREADS},
    {"req-rep tcp", request_reply, TCP, ZMQ_REP, ZMQ_REQ, 0},
    {"req-rep inproc", request_reply, INPROC, ZMQ_REP, ZMQ_REQ, 0},
    {"router-dealer tcp", routed, TCP, ZMQ_ROUTER, ZMQ_DEALER, 0},
    {"router-dealer inproc", routed, INPROC, ZMQ_ROUTER, ZMQ_DEALER, 0},
    {"placed tcp", placed, TCP, 0, 0, 0},
    {"placed inproc", placed, INPROC, 0, 0, 0},
    {"lingering tcp", lingering, TCP, ZMQ_PULL, ZMQ_PUSH, 0},
    {"lingering inproc", lingering, INPROC, ZMQ_PULL, ZMQ_PUSH, 0},
};

int main(int argc, char **argv) {
  failing_install();
  blocking_make_handles();
  return sweep_main("faults blocking", scenarios,
                    sizeof(scenarios) / sizeof(scenarios[0]), argc, argv);
}
