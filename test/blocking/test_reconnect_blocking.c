/* Connections that are refused, lost or never answered: when the next attempt
 * is made, and what becomes of the messages. Run over tcp and ipc. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/blocking_raw.h"

/* Draft names. */
enum {
  RECONNECT_STOP = 109,
  RECONNECT_STOP_CONN_REFUSED = 1,
  RECONNECT_STOP_HANDSHAKE_FAILED = 2,
  RECONNECT_STOP_AFTER_DISCONNECT = 4
};

static void *new_push(blocking_t *b, int interval, int most) {
  void *push = blocking_socket(b, ZMQ_PUSH);

  blocking_set(push, ZMQ_LINGER, 0);
  blocking_set(push, ZMQ_RECONNECT_IVL, interval);
  blocking_set(push, ZMQ_RECONNECT_IVL_MAX, most);
  return push;
}

/* A PUSH that connects to where nobody is, and the monitor of its retries. */
static void *new_retrier(blocking_t *b, int interval, int most,
                         char *endpoint) {
  void *push = new_push(b, interval, most);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_CONNECT_RETRIED);

  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  return monitor;
}

static unsigned next_delay(void *monitor) {
  return blocking_wait_monitor(monitor, ZMQ_EVENT_CONNECT_RETRIED);
}

/* Binds `socket` where somebody was a moment ago. */
static void bind_again(void *socket, const char *endpoint) {
  blocking_wait(zmq_bind(socket, endpoint) == 0);
}

/* Behaviour 179. */
static void delays_are_spread(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  uint64_t begin = blocking_now_ms();
  void *monitor = new_retrier(*state, 100, 0, endpoint);
  unsigned sum = 0;

  for (unsigned i = 0; i < 5; i++) {
    unsigned delay = next_delay(monitor);
    assert_in_range(delay, 100, 199);
    assert_true(blocking_now_ms() - begin + 2 * i >= sum);
    sum += delay;
  }
}

/* Behaviour 179. Libraries before 4.3.5 spread these delays too. */
static void delays_double_up_to_the_most(void **state) {
  static const unsigned delays[] = {10, 20, 40, 80, 100, 100, 100};
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor = new_retrier(*state, 10, 100, endpoint);

  for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++)
    assert_in_range(next_delay(monitor), delays[i],
                    delays[i] + (blocking_is_zuv() ? 0 : 9));
}

/* Behaviour 179. Libraries before 4.3.5 ignore such a limit. */
static void a_most_below_the_interval_wins(void **state) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;

  if (!blocking_is_zuv())
    skip();
  monitor = new_retrier(*state, 50, 20, endpoint);
  for (int i = 0; i < 4; i++)
    assert_int_equal(next_delay(monitor), 20);
}

/* Behaviour 182. */
static void a_connection_restarts_the_doubling(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  struct pollfd item = {.events = POLLIN};
  void *monitor;
  int accepted;

  if (!blocking_is_tcp())
    skip();
  monitor = new_retrier(b, 10, 10000, endpoint);
  while (next_delay(monitor) < 40)
    continue;
  item.fd = b->reserved[0];
  assert_int_equal(listen(item.fd, 8), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(poll(&item, 1, BLOCKING_DEADLINE_MS), 1);
    accepted = accept(item.fd, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted);
    if (i == 0)
      while (next_delay(monitor) >= 20)
        continue;
    else
      assert_in_range(next_delay(monitor), 10, 19);
  }
}

/* Behaviour 180. */
static void check_no_second_attempt(blocking_t *b, int interval) {
  void *push = new_push(b, interval, 0);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor =
      blocking_monitor(b, push, ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED);

  blocking_set(push, ZMQ_SNDHWM, 3);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_CLOSED);
  blocking_bind_to(pull, endpoint);
  assert_int_equal(blocking_fill(push, "", 10), 3);
  blocking_expect_nothing(pull);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
}

static void a_failed_first_attempt_is_not_repeated(void **state) {
  check_no_second_attempt(*state, -1);
  check_no_second_attempt(*state, 0);
}

/* Behaviour 180. */
static void check_loss_is_the_end(blocking_t *b, int interval) {
  void *push = new_push(b, interval, 0);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind(b, pull, endpoint);
  blocking_connect(push, endpoint);
  blocking_send(push, "through");
  blocking_expect(pull, "through");
  blocking_close(b, pull);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(push, "no", ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_errno(zmq_disconnect(push, endpoint), ENOENT);
}

static void a_lost_connection_removes_the_endpoint(void **state) {
  check_loss_is_the_end(*state, -1);
  check_loss_is_the_end(*state, 0);
}

/* RECONNECT_STOP: a refused connection removes the endpoint. */
static void a_refusal_can_be_the_end(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  int stop = RECONNECT_STOP_CONN_REFUSED;
  char endpoint[BLOCKING_TEXT_MAX];

  if (!blocking_is_tcp())
    skip();
  blocking_expect_ok(zmq_setsockopt(push, RECONNECT_STOP, &stop, sizeof(stop)));
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_try_send(push, "no", ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_errno(zmq_disconnect(push, endpoint), ENOENT);
}

/* RECONNECT_STOP: so does a handshake that ends. Libraries before 4.3.5 know
 * only refused connections. */
static void a_failed_handshake_can_be_the_end(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *monitor = blocking_monitor(
      b, push, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
  char endpoint[BLOCKING_TEXT_MAX];
  int listener;

  if (!blocking_is_tcp() || !blocking_is_zuv())
    skip();
  listener = blocking_raw_listen(endpoint);
  blocking_set(push, RECONNECT_STOP, RECONNECT_STOP_HANDSHAKE_FAILED);
  blocking_connect(push, endpoint);
  close(blocking_raw_accept(listener));
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 100), 0);
  assert_int_equal(blocking_try_send(push, "no", ZMQ_DONTWAIT), EAGAIN);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  close(listener);
}

/* RECONNECT_STOP: what lingers after a disconnect is given up where nobody
 * listens. */
static void a_disconnect_can_be_the_end(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_CONNECT_RETRIED);
  char endpoint[BLOCKING_TEXT_MAX];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = endpoint + strlen("ipc://");
  int dead;

  if (blocking_is_tcp() || !blocking_is_zuv())
    skip();
  blocking_fresh_endpoint(b, endpoint);
  assert_true(strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path));
  dead = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
  close(dead);
  blocking_set(push, ZMQ_LINGER, -1);
  blocking_set(push, RECONNECT_STOP, RECONNECT_STOP_AFTER_DISCONNECT);
  blocking_connect(push, endpoint);
  blocking_send(push, "for nobody");
  next_delay(monitor);
  next_delay(monitor);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
  /* else this would wait for ever */
  blocking_close(b, push);
}

/* Connects, and has the peer die. */
static void *lose_the_peer(blocking_t *b, void *push, char *endpoint) {
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);

  blocking_fresh_endpoint(b, endpoint);
  blocking_bind_to(pull, endpoint);
  blocking_connect(push, endpoint);
  blocking_send(push, "through");
  blocking_expect(pull, "through");
  blocking_close(b, pull);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  return blocking_socket(b, ZMQ_PULL);
}

/* Behaviours 95 and 181. */
static void what_is_sent_meanwhile_waits(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull = lose_the_peer(b, push, endpoint);

  assert_int_equal(blocking_fill(push, "", 5), 5);
  bind_again(pull, endpoint);
  blocking_expect_numbers(pull, "", 0, 5);
}

/* Behaviour 181. */
static void immediate_sends_nothing_meanwhile(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  char endpoint[BLOCKING_TEXT_MAX];
  void *pull;

  blocking_set(push, ZMQ_IMMEDIATE, 1);
  pull = lose_the_peer(b, push, endpoint);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  assert_int_equal(blocking_fill(push, "lost", 5), 0);
  bind_again(pull, endpoint);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_send(push, "first");
  blocking_expect(pull, "first");
}

enum { BIG = 20000 /* bytes of a message, and one more for each */ };

/* Sends until the peer, the kernel and the queue are full for good. */
static int send_until_stuck(void *push) {
  static char bytes[2 * BIG];
  int sent = 0;
  int before;

  do {
    before = sent;
    while (zmq_send(push, bytes, (size_t)(BIG + sent), ZMQ_DONTWAIT) >= 0)
      sent++;
    blocking_settle();
  } while (sent > before);
  return sent;
}

/* Joins, fills the way and the queue, and has the peer die. How many were sent:
 * the last ones are in the queue. */
static int lose_a_full_peer(blocking_t *b, void *push, char *endpoint) {
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  int sent;

  blocking_set(push, ZMQ_SNDHWM, 20);
  blocking_set(push, ZMQ_SNDBUF, 4096);
  blocking_set(pull, ZMQ_RCVBUF, 4096);
  blocking_set(pull, ZMQ_RCVHWM, 1);
  blocking_fresh_endpoint(b, endpoint);
  blocking_bind_to(pull, endpoint);
  blocking_connect(push, endpoint);
  blocking_events(pull);
  blocking_wait_events(push, ZMQ_POLLOUT);
  sent = send_until_stuck(push);
  assert_true(sent >= 20);
  blocking_close(b, pull);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  return sent;
}

/* Behaviour 181. */
static void the_queue_survives_a_loss(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];
  int sent = lose_a_full_peer(b, push, endpoint);
  int size = 0;

  bind_again(pull, endpoint);
  while (size != BIG + sent - 1) {
    int next;
    blocking_wait_events(pull, ZMQ_POLLIN);
    next = zmq_recv(pull, NULL, 0, 0);
    assert_true(next >= BIG && (size == 0 || next == size + 1));
    size = next;
  }
}

/* Behaviour 181. */
static void immediate_loses_the_queue_with_the_peer(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *pull = blocking_socket(b, ZMQ_PULL);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_set(push, ZMQ_IMMEDIATE, 1);
  lose_a_full_peer(b, push, endpoint);
  blocking_wait_no_events(push, ZMQ_POLLOUT);
  bind_again(pull, endpoint);
  blocking_wait_events(push, ZMQ_POLLOUT);
  blocking_send(push, "new");
  blocking_expect(pull, "new");
}

/* Fills the queue of a listener that accepts nobody, so that no further
 * connection is answered. */
static int listen_without_answer(int *fillers, int count) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 0), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size),
                   0);
  for (int i = 0; i < count; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fillers[i], (struct sockaddr *)&address, size);
  }
  return listener;
}

/* Behaviour 183. */
static void an_attempt_can_be_limited(void **state) {
  enum { FILLERS = 8 };
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_ALL);
  char endpoint[BLOCKING_TEXT_MAX];
  int fillers[FILLERS];
  int listener;
  uint64_t before;

  if (!blocking_is_tcp())
    skip();
  listener = listen_without_answer(fillers, FILLERS);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size),
                   0);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
  blocking_set(push, ZMQ_CONNECT_TIMEOUT, 150);
  before = blocking_now_ms();
  blocking_connect(push, endpoint);
  assert_int_equal(
      blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
      ZMQ_EVENT_CONNECT_DELAYED);
  assert_int_equal(
      blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
      ZMQ_EVENT_CLOSED);
  assert_true(blocking_now_ms() - before + 2 >= 150);
  assert_int_equal(
      blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
      ZMQ_EVENT_CONNECT_RETRIED);
  for (int i = 0; i < FILLERS; i++)
    close(fillers[i]);
  close(listener);
}

/* Behaviour 151: who does not greet is left, and tried again. */
static void a_silent_peer_is_tried_again(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *monitor =
      blocking_monitor(b, push,
                       ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
  char endpoint[BLOCKING_TEXT_MAX];
  uint64_t before;

  if (!blocking_is_tcp())
    skip();
  blocking_set(push, ZMQ_HANDSHAKE_IVL, 100);
  blocking_fresh_endpoint(b, endpoint);
  assert_int_equal(listen(b->reserved[0], 8), 0);
  before = blocking_now_ms();
  blocking_connect(push, endpoint);
  for (int i = 0; i < 2; i++) {
    blocking_wait_monitor(monitor, ZMQ_EVENT_CONNECTED);
    assert_int_equal(
        blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS),
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  }
  assert_true(blocking_now_ms() - before + 4 >= 200);
}

/* A peer of a type that does not fit is not tried again. */
static void a_misfit_is_the_end(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *pub = blocking_socket(b, ZMQ_PUB);
  void *monitor = blocking_monitor(
      b, push, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_bind(b, pub, endpoint);
  blocking_connect(push, endpoint);
  blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, 100), 0);
  blocking_expect_ok(zmq_disconnect(push, endpoint));
}

/* Whoever binds there next gets the connection. */
static void another_may_take_over(void **state) {
  blocking_t *b = *state;
  void *push = new_push(b, 10, 0);
  void *monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(push, endpoint);
  for (int i = 0; i < 5; i++) {
    void *pull = blocking_socket(b, ZMQ_PULL);
    bind_again(pull, endpoint);
    blocking_send(push, "next");
    blocking_expect(pull, "next");
    blocking_close(b, pull);
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(delays_are_spread),
      blocking_test(delays_double_up_to_the_most),
      blocking_test(a_most_below_the_interval_wins),
      blocking_test(a_connection_restarts_the_doubling),
      blocking_test(a_failed_first_attempt_is_not_repeated),
      blocking_test(a_lost_connection_removes_the_endpoint),
      blocking_test(a_refusal_can_be_the_end),
      blocking_test(a_failed_handshake_can_be_the_end),
      blocking_test(a_disconnect_can_be_the_end),
      blocking_test(what_is_sent_meanwhile_waits),
      blocking_test(immediate_sends_nothing_meanwhile),
      blocking_test(the_queue_survives_a_loss),
      blocking_test(immediate_loses_the_queue_with_the_peer),
      blocking_test(an_attempt_can_be_limited),
      blocking_test(a_silent_peer_is_tried_again),
      blocking_test(a_misfit_is_the_end),
      blocking_test(another_may_take_over),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
