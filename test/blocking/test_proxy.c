/* zmq_proxy, zmq_proxy_steerable and zmq_device. */
#include "support/blocked.h"
#include "support/blocking.h"

typedef struct {
  void *frontend;
  void *backend;
  void *capture;
  void *control;
  blocked_t thread;
} proxy_t;

static int run_proxy(void *argument) {
  proxy_t *proxy = argument;

  return zmq_proxy(proxy->frontend, proxy->backend, proxy->capture);
}

static int run_steerable(void *argument) {
  proxy_t *proxy = argument;

  return zmq_proxy_steerable(proxy->frontend, proxy->backend, proxy->capture,
                             proxy->control);
}

static int run_device(void *argument) {
  proxy_t *proxy = argument;

  return zmq_device(ZMQ_QUEUE, proxy->frontend, proxy->backend);
}

/* Behaviour 192: the context ends it. */
static void end_proxy(blocking_t *b, proxy_t *proxy) {
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocked_expect_errno(&proxy->thread, ETERM);
}

/* Makes one end of the proxy and a peer for it. */
static void *make_end(blocking_t *b, int type, int peer_type, void **peer) {
  void *end = blocking_socket(b, type);

  *peer = blocking_socket(b, peer_type);
  blocking_join(b, end, *peer, NULL);
  return end;
}

/* Behaviour 192. */
static void test_questions_and_answers(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *asker;
  void *answerer;

  proxy.frontend = make_end(b, ZMQ_ROUTER, ZMQ_REQ, &asker);
  proxy.backend = make_end(b, ZMQ_DEALER, ZMQ_REP, &answerer);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (int i = 0; i < 20; i++) {
    blocking_send(asker, "a||b|c");
    blocking_expect(answerer, "a||b|c");
    blocking_send(answerer, "|answer|");
    blocking_expect(asker, "|answer|");
  }
  end_proxy(b, &proxy);
}

/* Behaviour 192. */
static void test_device(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *asker;
  void *answerer;

  proxy.frontend = make_end(b, ZMQ_ROUTER, ZMQ_REQ, &asker);
  proxy.backend = make_end(b, ZMQ_DEALER, ZMQ_REP, &answerer);
  blocked_start(&proxy.thread, run_device, &proxy);
  blocking_send(asker, "question");
  blocking_expect(answerer, "question");
  blocking_send(answerer, "answer");
  blocking_expect(asker, "answer");
  end_proxy(b, &proxy);
}

/* Behaviour 192: every message, whole and in order, though the queues are
 * short. */
static void test_many_messages(void **state) {
  enum { MESSAGES = 2000 };
  blocking_t *b = *state;
  static proxy_t proxy;
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *puller = blocking_socket(b, ZMQ_PULL);
  char text[BLOCKING_TEXT_MAX];
  int sent = 0;

  proxy.frontend = blocking_socket(b, ZMQ_PULL);
  proxy.backend = blocking_socket(b, ZMQ_PUSH);
  blocking_set_hwm(proxy.frontend, 5, 5);
  blocking_set_hwm(proxy.backend, 5, 5);
  blocking_set_hwm(pusher, 5, 5);
  blocking_set_hwm(puller, 5, 5);
  blocking_join(b, proxy.frontend, pusher, NULL);
  blocking_join(b, proxy.backend, puller, NULL);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (int received = 0; received < MESSAGES; received++) {
    for (; sent < MESSAGES; sent++) {
      snprintf(text, sizeof(text), "%d|two|%d", sent, sent);
      if (!(blocking_events(pusher) & ZMQ_POLLOUT))
        break;
      blocking_send(pusher, text);
    }
    snprintf(text, sizeof(text), "%d|two|%d", received, received);
    blocking_expect(puller, text);
  }
  end_proxy(b, &proxy);
}

/* Behaviour 192: input waits while the output cannot take it. */
static void test_output_without_a_peer(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pusher;
  void *puller;

  proxy.backend = blocking_socket(b, ZMQ_PUSH);
  proxy.frontend = make_end(b, ZMQ_PULL, ZMQ_PUSH, &pusher);
  blocking_bind(b, proxy.backend, endpoint);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (int i = 0; i < 10; i++) {
    snprintf(endpoint + BLOCKING_TEXT_MAX - 8, 8, "m%d", i);
    blocking_send(pusher, endpoint + BLOCKING_TEXT_MAX - 8);
  }
  blocking_settle();
  puller = blocking_socket(b, ZMQ_PULL);
  blocking_connect(puller, endpoint);
  blocking_expect_numbers(puller, "m", 0, 10);
  end_proxy(b, &proxy);
}

/* Behaviour 192: subscriptions travel against the messages. */
static void test_publishing(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *publisher;
  void *subscriber;

  proxy.frontend = make_end(b, ZMQ_XSUB, ZMQ_XPUB, &publisher);
  proxy.backend = make_end(b, ZMQ_XPUB, ZMQ_SUB, &subscriber);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  blocking_set_text(subscriber, ZMQ_SUBSCRIBE, "news");
  blocking_expect(publisher, "\\x01news");
  blocking_send(publisher, "other|1");
  blocking_send(publisher, "news|2");
  blocking_expect(subscriber, "news|2");
  blocking_set_text(subscriber, ZMQ_UNSUBSCRIBE, "news");
  blocking_expect(publisher, "\\x00news");
  end_proxy(b, &proxy);
}

/* Behaviour 192: both directions are copied, part by part. */
static void capture_both_directions(blocking_t *b, int capture_type,
                                    int reader_type) {
  static proxy_t proxy;
  void *left;
  void *right;
  void *reader;

  proxy.frontend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &left);
  proxy.backend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &right);
  proxy.capture = make_end(b, capture_type, reader_type, &reader);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  blocking_send(left, "a||c");
  blocking_expect(right, "a||c");
  blocking_expect(reader, "a||c");
  blocking_send(right, "d|e");
  blocking_expect(left, "d|e");
  blocking_expect(reader, "d|e");
  end_proxy(b, &proxy);
  blocking_restart(b);
}

static void test_capture(void **state) {
  blocking_t *b = *state;

  capture_both_directions(b, ZMQ_PUSH, ZMQ_PULL);
  capture_both_directions(b, ZMQ_PAIR, ZMQ_PAIR);
  capture_both_directions(b, ZMQ_DEALER, ZMQ_DEALER);
}

/* Behaviour 192: a publisher that nobody listens to holds nothing up. */
static void test_capture_without_a_reader(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *left;
  void *right;

  proxy.capture = blocking_socket(b, ZMQ_PUB);
  proxy.frontend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &left);
  proxy.backend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &right);
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (int i = 0; i < 20; i++) {
    blocking_send(left, "a|b");
    blocking_expect(right, "a|b");
  }
  end_proxy(b, &proxy);
}

/* Behaviour 192: one socket at both ends returns what it gets. */
static void test_echo(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *peer;

  proxy.frontend = make_end(b, ZMQ_ROUTER, ZMQ_DEALER, &peer);
  proxy.backend = proxy.frontend;
  blocked_start(&proxy.thread, run_proxy, &proxy);
  for (int i = 0; i < 10; i++) {
    blocking_send(peer, "a|b");
    blocking_expect(peer, "a|b");
  }
  end_proxy(b, &proxy);
}

/* Behaviour 192. */
static void test_no_sockets(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_DEALER);

  blocking_expect_errno(zmq_proxy(NULL, socket, NULL), EFAULT);
  blocking_expect_errno(zmq_proxy(socket, NULL, NULL), EFAULT);
  blocking_expect_errno(zmq_proxy_steerable(NULL, socket, NULL, socket),
                        EFAULT);
  if (!blocking_is_zuv())
    return;
  blocking_expect_errno(zmq_device(ZMQ_QUEUE, NULL, socket), EFAULT);
  blocking_expect_errno(zmq_device(ZMQ_QUEUE, socket, NULL), EFAULT);
}

static void test_closed_sockets(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_DEALER);
  void *closed = blocking_socket(b, ZMQ_DEALER);

  if (!blocking_is_zuv())
    skip();
  blocking_close(b, closed);
  blocking_expect_errno(zmq_proxy(closed, socket, NULL), ENOTSOCK);
  blocking_expect_errno(zmq_proxy(socket, closed, NULL), ENOTSOCK);
  blocking_expect_errno(zmq_proxy(socket, socket, closed), ENOTSOCK);
  blocking_expect_errno(zmq_proxy_steerable(socket, socket, NULL, closed),
                        ENOTSOCK);
}

/* ---- Control ---- */

/* Two ends with peers, steered over inproc by a socket of `steering` type. */
static void *start_steered(blocking_t *b, proxy_t *proxy, int control,
                           int steering, void **left, void **right) {
  void *steerer = blocking_socket(b, steering);

  proxy->control = blocking_socket(b, control);
  blocking_bind_to(proxy->control, "inproc://control");
  blocking_connect(steerer, "inproc://control");
  proxy->frontend = make_end(b, ZMQ_ROUTER, ZMQ_DEALER, left);
  proxy->backend = make_end(b, ZMQ_DEALER, ZMQ_DEALER, right);
  blocked_start(&proxy->thread, run_steerable, proxy);
  return steerer;
}

/* Behaviour 193. */
static void test_terminate(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *left;
  void *right;
  void *steerer = start_steered(b, &proxy, ZMQ_PAIR, ZMQ_PAIR, &left, &right);

  blocking_send(left, "a|b");
  free(blocking_receive(right, BLOCKING_DEADLINE_MS));
  blocking_send(steerer, "TERMINATE");
  blocked_expect_ok(&proxy.thread);
  assert_int_equal(proxy.thread.result, 0);
}

/* Behaviour 192. */
static void test_the_end_of_a_steered_one(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *left;
  void *right;

  start_steered(b, &proxy, ZMQ_PAIR, ZMQ_PAIR, &left, &right);
  blocked_wait_asleep(&proxy.thread);
  end_proxy(b, &proxy);
}

static void test_without_control(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *left;
  void *right;

  proxy.frontend = make_end(b, ZMQ_PULL, ZMQ_PUSH, &left);
  proxy.backend = make_end(b, ZMQ_PUSH, ZMQ_PULL, &right);
  blocked_start(&proxy.thread, run_steerable, &proxy);
  blocking_send(left, "a|b");
  blocking_expect(right, "a|b");
  end_proxy(b, &proxy);
}

/* Asks for the eight numbers. */
static void get_statistics(void *steerer, uint64_t numbers[8]) {
  size_t size = sizeof(int);
  int more;

  blocking_send(steerer, "STATISTICS");
  blocking_set(steerer, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  for (int i = 0; i < 8; i++) {
    assert_int_equal(zmq_recv(steerer, &numbers[i], sizeof(numbers[i]), 0),
                     sizeof(numbers[i]));
    blocking_expect_ok(zmq_getsockopt(steerer, ZMQ_RCVMORE, &more, &size));
    assert_int_equal(more, i < 7);
  }
}

/* Behaviour 193: messages and bytes, received and sent, of each end. A message
 * counts once, however many parts it has. */
static void test_statistics(void **state) {
  static const uint64_t expected[8] = {1, 5, 1, 1, 1, 1, 1, 5};
  blocking_t *b = *state;
  static proxy_t proxy;
  void *steerer = blocking_socket(b, ZMQ_PAIR);
  void *left;
  void *right;
  uint64_t numbers[8];

  proxy.control = blocking_socket(b, ZMQ_PAIR);
  blocking_bind_to(proxy.control, "inproc://control");
  blocking_connect(steerer, "inproc://control");
  proxy.frontend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &left);
  proxy.backend = make_end(b, ZMQ_PAIR, ZMQ_PAIR, &right);
  blocked_start(&proxy.thread, run_steerable, &proxy);
  get_statistics(steerer, numbers);
  for (int i = 0; i < 8; i++)
    assert_int_equal(numbers[i], 0);
  blocking_send(left, "12|345");
  blocking_expect(right, "12|345");
  blocking_send(right, "6");
  blocking_expect(left, "6");
  get_statistics(steerer, numbers);
  for (int i = 0; i < 8; i++)
    assert_int_equal(numbers[i], expected[i]);
  blocking_send(steerer, "TERMINATE");
  blocked_expect_ok(&proxy.thread);
}

/* A REP owes an answer to every command, others answer only with numbers. */
static void steer(void *steerer, const char *command, bool replies) {
  uint64_t numbers[8];

  blocking_send(steerer, command);
  if (replies)
    blocking_expect(steerer, "");
  else
    get_statistics(steerer, numbers);
}

/* Behaviour 193: what arrives during a pause waits for the end of it. */
static void pause_and_resume(blocking_t *b, int control, int steering) {
  static proxy_t proxy;
  bool replies = control == ZMQ_REP;
  void *left;
  void *right;
  void *steerer = start_steered(b, &proxy, control, steering, &left, &right);
  char *text;

  for (int i = 0; i < 3; i++) {
    steer(steerer, "PAUSE", replies);
    blocking_send(left, "m");
    blocking_expect_nothing(right);
    steer(steerer, "RESUME", replies);
    text = blocking_receive(right, BLOCKING_DEADLINE_MS);
    assert_non_null(text);
    free(text);
  }
  blocking_send(steerer, "TERMINATE");
  if (replies)
    blocking_expect(steerer, "");
  blocked_expect_ok(&proxy.thread);
  assert_int_equal(proxy.thread.result, 0);
}

/* Behaviour 193: some releases of libzmq have the two exchanged. */
static void test_pause_and_resume(void **state) {
  int major;
  int minor;
  int patch;

  zmq_version(&major, &minor, &patch);
  if (!blocking_is_zuv() && patch != 4)
    skip();
  pause_and_resume(*state, ZMQ_PAIR, ZMQ_PAIR);
}

/* Behaviour 193: not every libzmq answers a REP that steers. */
static void test_pause_and_resume_by_request(void **state) {
  if (!blocking_is_zuv())
    skip();
  pause_and_resume(*state, ZMQ_REP, ZMQ_REQ);
}

/* Behaviour 193: a subscriber cannot be answered, and need not. */
static void test_subscriber_as_control(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *steerer = blocking_socket(b, ZMQ_XPUB);
  void *left;
  void *right;

  if (!blocking_is_zuv())
    skip();
  proxy.control = blocking_socket(b, ZMQ_SUB);
  blocking_set_text(proxy.control, ZMQ_SUBSCRIBE, "");
  blocking_bind_to(steerer, "inproc://control");
  blocking_connect(proxy.control, "inproc://control");
  blocking_expect(steerer, "\\x01");
  proxy.frontend = make_end(b, ZMQ_PULL, ZMQ_PUSH, &left);
  proxy.backend = make_end(b, ZMQ_PUSH, ZMQ_PULL, &right);
  blocked_start(&proxy.thread, run_steerable, &proxy);
  blocking_send(left, "before");
  blocking_expect(right, "before");
  blocking_send(steerer, "TERMINATE");
  blocked_expect_ok(&proxy.thread);
  assert_int_equal(proxy.thread.result, 0);
}

/* Behaviour 193. */
static void test_unknown_commands(void **state) {
  blocking_t *b = *state;
  static proxy_t proxy;
  void *left;
  void *right;
  void *steerer;
  uint64_t numbers[8];
  char *text;

  if (!blocking_is_zuv())
    skip();
  steerer = start_steered(b, &proxy, ZMQ_REP, ZMQ_REQ, &left, &right);
  blocking_send(steerer, "DANCE");
  blocking_expect(steerer, "");
  blocking_send(steerer, "");
  blocking_expect(steerer, "");
  blocking_send(steerer, "PAUSE|RESUME");
  blocking_expect(steerer, "");
  blocking_send(steerer, "RESUME");
  blocking_expect(steerer, "");
  get_statistics(steerer, numbers);
  blocking_send(left, "still works");
  text = blocking_receive(right, BLOCKING_DEADLINE_MS);
  assert_non_null(text);
  free(text);
  blocking_send(steerer, "TERMINATE");
  blocking_expect(steerer, "");
  blocked_expect_ok(&proxy.thread);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_questions_and_answers),
      blocking_test(test_device),
      blocking_test(test_many_messages),
      blocking_test(test_output_without_a_peer),
      blocking_test(test_publishing),
      blocking_test(test_capture),
      blocking_test(test_capture_without_a_reader),
      blocking_test(test_echo),
      blocking_test(test_no_sockets),
      blocking_test(test_closed_sockets),
      blocking_test(test_terminate),
      blocking_test(test_the_end_of_a_steered_one),
      blocking_test(test_without_control),
      blocking_test(test_statistics),
      blocking_test(test_pause_and_resume),
      blocking_test(test_pause_and_resume_by_request),
      blocking_test(test_subscriber_as_control),
      blocking_test(test_unknown_commands),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
