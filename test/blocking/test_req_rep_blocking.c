/* REQ and REP: whose turn it is, envelopes, correlation, and what is left of a
 * conversation when one side leaves. Section C of the behaviours. */
#include "support/blocking.h"
#include "support/blocking_calls.h"

/* Answers a request as a ROUTER shows it, "[front|...]|body", with `body`. */
static void answer(void *router, const char *request, const char *body) {
  char text[BLOCKING_TEXT_MAX];
  const char *last = strrchr(request, '|');

  assert_non_null(last);
  snprintf(text, sizeof(text), "%.*s|%s", (int)(last - request), request, body);
  blocking_send(router, text);
}

/* The next request that reaches a ROUTER, to be freed. */
static char *next_request(void *router) {
  char *request = blocking_receive(router, BLOCKING_DEADLINE_MS);

  assert_non_null(request);
  return request;
}

/* The start of a request up to its first '|': the id of who asked. */
static void copy_id(const char *request, char *id) {
  snprintf(id, BLOCKING_TEXT_MAX, "%.*s", (int)strcspn(request, "|"), request);
}

static void request_and_reply_alternate(void **state) {
  void *rep;
  void *req;
  char byte;

  /* Behaviours 38, 39. */
  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  blocking_expect_errno(zmq_recv(req, &byte, 1, 0), EFSM);
  blocking_expect_errno(zmq_recv(req, &byte, 1, ZMQ_DONTWAIT), EFSM);
  assert_int_equal(blocking_try_send(rep, "unasked", 0), EFSM);
  for (int round = 0; round < 3; round++) {
    blocking_send(req, "question|of|parts");
    assert_int_equal(blocking_try_send(req, "impatient", 0), EFSM);
    blocking_expect(rep, "question|of|parts");
    blocking_expect_errno(zmq_recv(rep, &byte, 1, 0), EFSM);
    blocking_expect_errno(zmq_recv(rep, &byte, 1, ZMQ_DONTWAIT), EFSM);
    blocking_send(rep, "answer||");
    assert_int_equal(blocking_try_send(rep, "again", 0), EFSM);
    blocking_expect(req, "answer||");
    blocking_expect_errno(zmq_recv(req, &byte, 1, 0), EFSM);
  }
  blocking_send(req, "");
  blocking_expect(rep, "");
  blocking_send(rep, "");
  blocking_expect(req, "");
}

static void a_message_is_finished_before_the_turn_changes(void **state) {
  void *rep;
  void *req;
  char byte;

  /* Behaviour 40. */
  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  assert_int_equal(zmq_send(req, "1", 1, ZMQ_SNDMORE), 1);
  blocking_expect_errno(zmq_recv(req, &byte, 1, ZMQ_DONTWAIT), EFSM);
  assert_int_equal(zmq_send(req, "2", 1, 0), 1);
  blocking_wait_events(rep, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(rep, &byte, 1, 0), 1);
  blocking_expect_errno(zmq_send(rep, "x", 1, 0), EFSM);
  blocking_expect(rep, "2");
  assert_int_equal(zmq_send(rep, "3", 1, ZMQ_SNDMORE), 1);
  blocking_expect_errno(zmq_recv(rep, &byte, 1, ZMQ_DONTWAIT), EFSM);
  assert_int_equal(zmq_send(rep, "4", 1, 0), 1);
  blocking_wait_events(req, ZMQ_POLLIN);
  assert_int_equal(zmq_recv(req, &byte, 1, 0), 1);
  assert_int_equal(byte, '3');
  blocking_expect_errno(zmq_send(req, "x", 1, 0), EFSM);
  blocking_expect(req, "4");
  blocking_send(req, "next");
  blocking_expect(rep, "next");
}

static void events_follow_the_turn(void **state) {
  void *rep;
  void *req;

  /* Behaviour 51. */
  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  assert_int_equal(blocking_events(req), ZMQ_POLLOUT);
  assert_int_equal(blocking_events(rep), 0);
  blocking_send(req, "q");
  assert_int_equal(blocking_events(req), 0);
  blocking_wait_events(rep, ZMQ_POLLIN);
  assert_int_equal(blocking_events(rep), ZMQ_POLLIN);
  blocking_expect(rep, "q");
  assert_int_equal(blocking_events(rep), ZMQ_POLLOUT);
  blocking_send(rep, "a");
  assert_int_equal(blocking_events(rep), 0);
  blocking_wait_events(req, ZMQ_POLLIN);
  assert_int_equal(blocking_events(req), ZMQ_POLLIN);
  blocking_expect(req, "a");
  assert_int_equal(blocking_events(req), ZMQ_POLLOUT);
}

static void a_request_without_a_peer_is_not_sent(void **state) {
  void *rep = blocking_socket(*state, ZMQ_REP);
  void *req = blocking_socket(*state, ZMQ_REQ);
  char endpoint[BLOCKING_TEXT_MAX];
  blocking_call_t call;
  uint64_t start;
  char byte;

  /* Behaviour 41. */
  blocking_bind(*state, req, endpoint);
  assert_int_equal(blocking_events(req), 0);
  assert_int_equal(blocking_try_send(req, "early", ZMQ_DONTWAIT), EAGAIN);
  blocking_set(req, ZMQ_SNDTIMEO, 60);
  start = blocking_now_ms();
  assert_int_equal(blocking_try_send(req, "early", 0), EAGAIN);
  assert_true(blocking_now_ms() - start >= 60);
  blocking_expect_errno(zmq_recv(req, &byte, 1, ZMQ_DONTWAIT), EFSM);
  blocking_send_start(&call, req, "patient");
  blocking_connect(rep, endpoint);
  blocking_expect(rep, "patient");
  blocking_send_finish(&call);
  blocking_send(rep, "reply");
  blocking_expect(req, "reply");
}

static void waiting_for_a_reply_ends_but_the_turn_stays(void **state) {
  void *rep;
  void *req;
  uint64_t start;
  char byte;

  /* Behaviours 14, 39. */
  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  blocking_set(req, ZMQ_RCVTIMEO, 60);
  blocking_send(req, "q");
  blocking_expect_errno(zmq_recv(req, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  start = blocking_now_ms();
  blocking_expect_errno(zmq_recv(req, &byte, 1, 0), EAGAIN);
  assert_true(blocking_now_ms() - start >= 60);
  assert_int_equal(blocking_try_send(req, "another", ZMQ_DONTWAIT), EFSM);
  blocking_expect(rep, "q");
  blocking_send(rep, "late");
  blocking_expect_recv(req, "late");
}

static void both_sides_wait_in_recv(void **state) {
  void *rep;
  void *req;
  blocking_call_t call;

  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  blocking_receive_start(&call, rep);
  blocking_send(req, "wake|up");
  blocking_receive_finish(&call, "wake|up");
  blocking_receive_start(&call, req);
  blocking_send(rep, "you|too|");
  blocking_receive_finish(&call, "you|too|");
}

enum { ROUNDS = 500 };

/* Sends back what it receives, until a timeout. */
static void *echo_thread(void *rep) {
  char bytes[16];
  int size;

  for (int i = 0; i < ROUNDS; i++) {
    size = zmq_recv(rep, bytes, sizeof(bytes), 0);
    if (size < 0 || zmq_send(rep, bytes, (size_t)size, 0) != size)
      return NULL;
  }
  return rep;
}

static void a_thread_serves_many_requests(void **state) {
  void *rep;
  void *req;
  void *result;
  pthread_t thread;
  char number[16];

  blocking_pair(*state, ZMQ_REP, ZMQ_REQ, &rep, &req);
  blocking_set(rep, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  assert_int_equal(pthread_create(&thread, NULL, echo_thread, rep), 0);
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(number, sizeof(number), "%d", i);
    blocking_send(req, number);
    blocking_expect_recv(req, number);
  }
  assert_int_equal(pthread_join(thread, &result), 0);
  assert_ptr_equal(result, rep);
}

static void rep_answers_one_after_the_other(void **state) {
  void *rep = blocking_socket(*state, ZMQ_REP);
  void *one = blocking_socket(*state, ZMQ_REQ);
  void *two = blocking_socket(*state, ZMQ_REQ);

  /* Behaviour 39. */
  blocking_join(*state, rep, one, NULL);
  blocking_join(*state, rep, two, NULL);
  blocking_send(one, "first");
  blocking_expect(rep, "first");
  blocking_send(two, "second");
  blocking_settle();
  assert_int_equal(blocking_events(rep), ZMQ_POLLOUT);
  blocking_send(rep, "to one");
  blocking_expect(one, "to one");
  blocking_expect(rep, "second");
  blocking_send(rep, "to two");
  blocking_expect(two, "to two");
  assert_int_equal(blocking_events(one), ZMQ_POLLOUT);
}

static void requests_alternate_between_the_peers(void **state) {
  void *reps[2] = {blocking_socket(*state, ZMQ_REP),
                   blocking_socket(*state, ZMQ_REP)};
  void *req = blocking_socket(*state, ZMQ_REQ);
  char text[16];

  /* Behaviour 42. */
  blocking_join(*state, reps[0], req, NULL);
  blocking_join(*state, reps[1], req, NULL);
  for (int i = 0; i < 6; i++) {
    snprintf(text, sizeof(text), "%d", i);
    blocking_send(req, text);
    blocking_expect(reps[i % 2], text);
    blocking_send(reps[i % 2], text);
    blocking_expect(req, text);
  }
}

static void req_adds_an_empty_part(void **state) {
  void *router;
  void *req;
  char id[BLOCKING_TEXT_MAX];
  char expected[2 * BLOCKING_TEXT_MAX];
  char *request;

  /* Behaviour 43. */
  blocking_pair(*state, ZMQ_ROUTER, ZMQ_REQ, &router, &req);
  blocking_send(req, "body|more");
  request = next_request(router);
  copy_id(request, id);
  snprintf(expected, sizeof(expected), "%s||body|more", id);
  assert_string_equal(request, expected);
  free(request);
  snprintf(expected, sizeof(expected), "%s||reply|more", id);
  blocking_send(router, expected);
  blocking_expect(req, "reply|more");
}

static void rep_returns_the_envelope(void **state) {
  void *rep;
  void *dealer;

  /* Behaviour 43. */
  blocking_pair(*state, ZMQ_REP, ZMQ_DEALER, &rep, &dealer);
  blocking_send(dealer, "hop 1|hop 2||body|");
  blocking_expect(rep, "body|");
  blocking_send(rep, "reply|more");
  blocking_expect(dealer, "hop 1|hop 2||reply|more");
  blocking_send(dealer, "|bare");
  blocking_expect(rep, "bare");
  blocking_send(rep, "");
  blocking_expect(dealer, "|");
}

static void rep_drops_requests_without_an_empty_part(void **state) {
  void *rep;
  void *dealer;

  /* Behaviour 44. */
  blocking_pair(*state, ZMQ_REP, ZMQ_DEALER, &rep, &dealer);
  blocking_send(dealer, "bare");
  blocking_send(dealer, "two|parts");
  blocking_send(dealer, "|good");
  blocking_expect_recv(rep, "good");
  blocking_send(rep, "answer");
  blocking_expect(dealer, "|answer");
  blocking_expect_nothing(rep);
}

static void a_request_is_not_sent_again_when_its_peer_dies(void **state) {
  void *first = blocking_socket(*state, ZMQ_REP);
  void *second = blocking_socket(*state, ZMQ_REP);
  void *req = blocking_socket(*state, ZMQ_REQ);
  void *monitor;
  char endpoint[BLOCKING_TEXT_MAX];
  char byte;

  /* Behaviour 45. */
  blocking_set(req, ZMQ_RECONNECT_IVL, 10);
  blocking_join(*state, first, req, endpoint);
  monitor = blocking_monitor(
      *state, req, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  blocking_send(req, "lost");
  blocking_expect(first, "lost");
  blocking_close(*state, first);
  if (blocking_is_inproc()) {
    blocking_settle();
  } else {
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
    blocking_wait(zmq_bind(second, endpoint) == 0);
    blocking_wait_monitor(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    blocking_expect_nothing(second);
  }
  blocking_expect_errno(zmq_recv(req, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(blocking_try_send(req, "no", ZMQ_DONTWAIT), EFSM);
  assert_int_equal(blocking_events(req), 0);
}

static void a_reply_to_a_gone_peer_is_dropped(void **state) {
  void *rep = blocking_socket(*state, ZMQ_REP);
  void *gone = blocking_socket(*state, ZMQ_REQ);
  void *next = blocking_socket(*state, ZMQ_REQ);
  void *monitor;
  char byte;

  /* Behaviour 46. */
  blocking_join(*state, rep, gone, NULL);
  monitor = blocking_monitor(*state, rep, ZMQ_EVENT_DISCONNECTED);
  blocking_send(gone, "q");
  blocking_expect(rep, "q");
  blocking_close(*state, gone);
  if (blocking_is_inproc())
    blocking_settle();
  else
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  blocking_send(rep, "to|nobody");
  assert_int_equal(blocking_try_send(rep, "no", 0), EFSM);
  blocking_expect_errno(zmq_recv(rep, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  blocking_attach(*state, rep, next, NULL);
  blocking_send(next, "next");
  blocking_expect(rep, "next");
  blocking_send(rep, "to next");
  blocking_expect(next, "to next");
}

static void correlation_ignores_other_replies(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *req = blocking_socket(*state, ZMQ_REQ);
  char text[2 * BLOCKING_TEXT_MAX];
  char id[BLOCKING_TEXT_MAX];
  char bytes[BLOCKING_TEXT_MAX];
  const char *rest;
  char *request;
  size_t size;

  /* Behaviour 47. */
  blocking_set(req, ZMQ_REQ_CORRELATE, 1);
  blocking_join(*state, router, req, NULL);
  blocking_send(req, "q");
  request = next_request(router);
  copy_id(request, id);
  rest = blocking_unescape(request + strlen(id) + 1, bytes, &size);
  assert_int_equal(size, 4);
  assert_string_equal(rest, "||q");
  snprintf(text, sizeof(text), "%s|none||wrong", id);
  blocking_send(router, text);
  snprintf(text, sizeof(text), "%s||uncorrelated", id);
  if (blocking_is_zuv() || blocking_is_inproc())
    blocking_send(router, text);
  answer(router, request, "right");
  blocking_expect_recv(req, "right");
  free(request);
}

static void correlation_is_transparent_to_a_rep(void **state) {
  void *rep = blocking_socket(*state, ZMQ_REP);
  void *req = blocking_socket(*state, ZMQ_REQ);

  /* Behaviours 43, 47. */
  blocking_set(req, ZMQ_REQ_CORRELATE, 1);
  blocking_join(*state, rep, req, NULL);
  for (int i = 0; i < 3; i++) {
    blocking_send(req, "q");
    blocking_expect(rep, "q");
    blocking_send(rep, "a");
    blocking_expect_recv(req, "a");
  }
}

static void relaxed_goes_to_the_next_peer(void **state) {
  void *req = blocking_socket(*state, ZMQ_REQ);
  void *slow = blocking_socket(*state, ZMQ_ROUTER);
  void *quick = blocking_socket(*state, ZMQ_ROUTER);
  char *first;
  char *second;

  /* Behaviour 48. */
  blocking_set(req, ZMQ_REQ_RELAXED, 1);
  blocking_set(req, ZMQ_REQ_CORRELATE, 1);
  blocking_join(*state, slow, req, NULL);
  blocking_join(*state, quick, req, NULL);
  blocking_send(req, "one");
  assert_int_equal(blocking_events(req) & ZMQ_POLLOUT, ZMQ_POLLOUT);
  blocking_send(req, "two");
  first = next_request(slow);
  second = next_request(quick);
  answer(slow, first, "late");
  answer(quick, second, "in time");
  blocking_expect_recv(req, "in time");
  free(first);
  free(second);
  blocking_send(req, "three");
  first = next_request(slow);
  answer(slow, first, "again");
  blocking_expect_recv(req, "again");
  free(first);
}

static void relaxed_forgets_the_reply_to_an_older_request(void **state) {
  void *req = blocking_socket(*state, ZMQ_REQ);
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  char *first;
  char *second;

  /* Behaviour 48, with a single peer. */
  blocking_set(req, ZMQ_REQ_RELAXED, 1);
  blocking_set(req, ZMQ_REQ_CORRELATE, 1);
  blocking_join(*state, router, req, NULL);
  blocking_send(req, "one");
  blocking_send(req, "two");
  first = next_request(router);
  second = next_request(router);
  answer(router, first, "to one");
  answer(router, second, "to two");
  blocking_expect_recv(req, "to two");
  free(first);
  free(second);
}

static void a_reply_without_an_empty_part_is_ignored(void **state) {
  void *router;
  void *req;
  char text[BLOCKING_TEXT_MAX + 16];
  char id[BLOCKING_TEXT_MAX];
  char *request;

  /* Behaviour 49; libzmq ends the connection. */
  if (!blocking_is_zuv())
    skip();
  blocking_pair(*state, ZMQ_ROUTER, ZMQ_REQ, &router, &req);
  blocking_send(req, "q");
  request = next_request(router);
  copy_id(request, id);
  snprintf(text, sizeof(text), "%s|no delimiter", id);
  blocking_send(router, text);
  answer(router, request, "good");
  blocking_expect_recv(req, "good");
  free(request);
}

/* One exchange, which moves the REQ on to its next peer. */
static void exchange(void *req, void *router) {
  char *request;

  blocking_send(req, "q");
  request = next_request(router);
  answer(router, request, "a");
  blocking_expect(req, "a");
  free(request);
}

static void a_reply_of_another_peer_is_ignored(void **state) {
  void *req = blocking_socket(*state, ZMQ_REQ);
  void *first = blocking_socket(*state, ZMQ_ROUTER);
  void *second = blocking_socket(*state, ZMQ_ROUTER);
  char uncalled[BLOCKING_TEXT_MAX + 16];
  char id[BLOCKING_TEXT_MAX];
  char *request;

  /* Behaviour 50. */
  blocking_set_text(req, ZMQ_ROUTING_ID, "asker");
  blocking_join(*state, first, req, NULL);
  blocking_join(*state, second, req, NULL);
  exchange(req, first);
  exchange(req, second);
  blocking_send(req, "who?");
  request = next_request(first);
  copy_id(request, id);
  assert_string_equal(id, "asker");
  snprintf(uncalled, sizeof(uncalled), "%s||not asked", id);
  blocking_send(second, uncalled);
  blocking_expect_nothing(req);
  answer(first, request, "asked");
  blocking_expect_recv(req, "asked");
  free(request);
}

static void req_probes_a_router(void **state) {
  void *router = blocking_socket(*state, ZMQ_ROUTER);
  void *req = blocking_socket(*state, ZMQ_REQ);

  /* Behaviour 61, which holds for REQ as well. */
  blocking_set_text(req, ZMQ_ROUTING_ID, "prober");
  blocking_set(req, ZMQ_PROBE_ROUTER, 1);
  blocking_join(*state, router, req, NULL);
  blocking_expect(router, "prober|");
  blocking_send(req, "q");
  blocking_expect(router, "prober||q");
  blocking_send(router, "prober||a");
  blocking_expect(req, "a");
}

/* Hands the next message from one socket to the other. */
static void forward(void *from, void *to) {
  char *text = next_request(from);

  blocking_send(to, text);
  free(text);
}

static void a_device_of_router_and_dealer_is_transparent(void **state) {
  void *rep;
  void *dealer;
  void *router;
  void *req;

  /* Behaviour 43. */
  blocking_pair(*state, ZMQ_ROUTER, ZMQ_REQ, &router, &req);
  blocking_pair(*state, ZMQ_DEALER, ZMQ_REP, &dealer, &rep);
  blocking_send(req, "through|and back");
  forward(router, dealer);
  blocking_expect(rep, "through|and back");
  blocking_send(rep, "yes");
  forward(dealer, router);
  blocking_expect(req, "yes");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(request_and_reply_alternate),
      blocking_test(a_message_is_finished_before_the_turn_changes),
      blocking_test(events_follow_the_turn),
      blocking_test(a_request_without_a_peer_is_not_sent),
      blocking_test(waiting_for_a_reply_ends_but_the_turn_stays),
      blocking_test(both_sides_wait_in_recv),
      blocking_test(a_thread_serves_many_requests),
      blocking_test(rep_answers_one_after_the_other),
      blocking_test(requests_alternate_between_the_peers),
      blocking_test(req_adds_an_empty_part),
      blocking_test(rep_returns_the_envelope),
      blocking_test(rep_drops_requests_without_an_empty_part),
      blocking_test(a_request_is_not_sent_again_when_its_peer_dies),
      blocking_test(a_reply_to_a_gone_peer_is_dropped),
      blocking_test(correlation_ignores_other_replies),
      blocking_test(correlation_is_transparent_to_a_rep),
      blocking_test(relaxed_goes_to_the_next_peer),
      blocking_test(relaxed_forgets_the_reply_to_an_older_request),
      blocking_test(a_reply_without_an_empty_part_is_ignored),
      blocking_test(a_reply_of_another_peer_is_ignored),
      blocking_test(req_probes_a_router),
      blocking_test(a_device_of_router_and_dealer_is_transparent),
  };

  if (!blocking_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
