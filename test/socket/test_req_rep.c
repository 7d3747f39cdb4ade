/* REQ and REP: whose turn it is, envelopes, correlation. */
#include "support/harness.h"

/* Answers "re: <body>" to the last received message of a ROUTER, whose parts
 * were [front...]["" ][body]. */
static void router_answers(harness_socket_t *router, size_t index,
                           const char *body) {
  char text[HARNESS_TEXT_MAX] = "";
  size_t parts = router->messages[index].count;

  for (size_t i = 0; i + 1 < parts; i++)
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|",
             harness_part(router, index, i));
  snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", body);
  harness_send(router, text);
}

/* A deaf ROUTER as the server of a REQ. */
static void join_router(harness_t *h, harness_socket_t **router,
                        harness_socket_t *req) {
  *router = harness_socket(h, ZUV_ROUTER);
  harness_join(*router, req, NULL);
}

static void request_and_reply_alternate(void **state) {
  harness_socket_t *rep = harness_socket(*state, ZUV_REP);
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);

  harness_join(rep, req, NULL);
  /* behaviours 38 and 39 */
  assert_int_equal(harness_try_send(rep, "unasked"), UV_EPROTO);
  harness_send(req, "question|of|parts");
  assert_int_equal(harness_try_send(req, "impatient"), UV_EPROTO);
  harness_expect(rep, 0, "question|of|parts");
  harness_send(rep, "answer|of|parts");
  assert_int_equal(harness_try_send(rep, "again"), UV_EPROTO);
  harness_expect(req, 0, "answer|of|parts");
  harness_send(req, "");
  harness_expect(rep, 1, "");
  harness_send(rep, "");
  harness_expect(req, 1, "");
}

static void events_follow_the_turn(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_deaf_socket(h, ZUV_REP);
  harness_socket_t *req = harness_deaf_socket(h, ZUV_REQ);

  /* behaviour 51 */
  harness_join(rep, req, NULL);
  assert_int_equal(harness_get(req, ZUV_EVENTS), ZUV_POLLOUT);
  assert_int_equal(harness_get(rep, ZUV_EVENTS), 0);
  harness_send(req, "q");
  assert_int_equal(harness_get(req, ZUV_EVENTS), 0);
  harness_wait(h, harness_get(rep, ZUV_EVENTS) == ZUV_POLLIN);
  harness_receive(rep);
  harness_expect(rep, 0, "q");
  assert_int_equal(harness_get(rep, ZUV_EVENTS), ZUV_POLLOUT);
  harness_send(rep, "a");
  assert_int_equal(harness_get(rep, ZUV_EVENTS), 0);
  harness_wait(h, harness_get(req, ZUV_EVENTS) == ZUV_POLLIN);
  harness_receive(req);
  harness_expect(req, 0, "a");
  assert_int_equal(harness_get(req, ZUV_EVENTS), ZUV_POLLOUT);
}

static void rep_hears_the_next_request_only_after_its_reply(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_socket(h, ZUV_REP);
  harness_socket_t *one = harness_socket(h, ZUV_REQ);
  harness_socket_t *two = harness_socket(h, ZUV_REQ);

  /* behaviour 39 */
  harness_join(rep, one, NULL);
  harness_join(rep, two, NULL);
  harness_send(one, "first");
  harness_expect(rep, 0, "first");
  harness_send(two, "second");
  harness_settle(h);
  assert_int_equal(rep->received, 1);
  harness_send(rep, "to one");
  harness_expect(one, 0, "to one");
  harness_expect(rep, 1, "second");
  harness_send(rep, "to two");
  harness_expect(two, 0, "to two");
  assert_int_equal(one->received, 1);
}

static void a_request_without_a_peer_leaves_the_turn(void **state) {
  harness_socket_t *rep = harness_socket(*state, ZUV_REP);
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);

  /* behaviour 41 */
  assert_int_equal(harness_try_send(req, "early"), UV_EAGAIN);
  assert_int_equal(harness_try_send(req, "early"), UV_EAGAIN);
  harness_join(rep, req, NULL);
  harness_send(req, "now");
  harness_expect(rep, 0, "now");
}

static void requests_alternate_between_the_peers(void **state) {
  harness_socket_t *first = harness_socket(*state, ZUV_REP);
  harness_socket_t *second = harness_socket(*state, ZUV_REP);
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);
  char text[HARNESS_TEXT_MAX];

  /* behaviour 42 */
  harness_join(first, req, NULL);
  harness_join(second, req, NULL);
  for (size_t i = 0; i < 4; i++) {
    harness_socket_t *rep = i % 2 == 0 ? first : second;
    snprintf(text, sizeof(text), "%zu", i);
    harness_send(req, text);
    harness_expect(rep, i / 2, text);
    harness_send(rep, text);
    harness_expect(req, i, text);
  }
}

static void req_adds_an_empty_part(void **state) {
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);
  harness_socket_t *router;
  char expected[HARNESS_TEXT_MAX];

  /* behaviour 43 */
  join_router(*state, &router, req);
  harness_send(req, "body|more");
  harness_wait(*state, router->received == 1);
  snprintf(expected, sizeof(expected), "%s||body|more",
           harness_part(router, 0, 0));
  assert_string_equal(router->messages[0].text, expected);
  assert_int_equal(router->messages[0].parts[0].size, 5);
}

static void rep_returns_the_envelope(void **state) {
  harness_socket_t *rep = harness_socket(*state, ZUV_REP);
  harness_socket_t *dealer = harness_socket(*state, ZUV_DEALER);

  /* behaviour 43 */
  harness_join(rep, dealer, NULL);
  harness_send(dealer, "hop 1|hop 2||body|");
  harness_expect(rep, 0, "body|");
  harness_send(rep, "reply|more");
  harness_expect(dealer, 0, "hop 1|hop 2||reply|more");
}

static void rep_drops_requests_without_an_empty_part(void **state) {
  harness_socket_t *rep = harness_socket(*state, ZUV_REP);
  harness_socket_t *dealer = harness_socket(*state, ZUV_DEALER);

  /* behaviour 44 */
  harness_join(rep, dealer, NULL);
  harness_send(dealer, "bare");
  harness_send(dealer, "two|parts");
  harness_send(dealer, "|good");
  harness_expect(rep, 0, "good");
  assert_int_equal(rep->received, 1);
}

static void a_request_is_not_sent_again_when_its_peer_dies(void **state) {
  harness_t *h = *state;
  harness_socket_t *first = harness_socket(h, ZUV_REP);
  harness_socket_t *second = harness_socket(h, ZUV_REP);
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_is_inproc())
    skip();
  /* behaviour 45 */
  harness_set(req, ZUV_RECONNECT_IVL, 10);
  harness_join(first, req, endpoint);
  harness_send(req, "lost");
  harness_expect(first, 0, "lost");
  harness_close(first);
  harness_wait_lost(req, 1);
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_wait_ready(req, 2);
  harness_settle(h);
  assert_int_equal(second->received, 0);
  assert_int_equal(harness_try_send(req, "no"), UV_EPROTO);
}

static void a_reply_to_a_gone_peer_is_dropped(void **state) {
  harness_socket_t *rep = harness_socket(*state, ZUV_REP);
  harness_socket_t *gone = harness_socket(*state, ZUV_REQ);
  harness_socket_t *next = harness_socket(*state, ZUV_REQ);
  char endpoint[HARNESS_TEXT_MAX];

  /* behaviour 46 */
  harness_join(rep, gone, endpoint);
  harness_send(gone, "q");
  harness_expect(rep, 0, "q");
  harness_close(gone);
  harness_wait_lost(rep, 1);
  harness_send(rep, "to nobody");
  assert_int_equal(harness_try_send(rep, "no"), UV_EPROTO);
  harness_connect(next, endpoint);
  harness_send(next, "next");
  harness_expect(rep, 1, "next");
  harness_send(rep, "to next");
  harness_expect(next, 0, "to next");
}

static void correlation_ignores_other_replies(void **state) {
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);
  harness_socket_t *router;
  char wrong[HARNESS_TEXT_MAX];

  /* behaviour 47 */
  harness_set(req, ZUV_REQ_CORRELATE, 1);
  join_router(*state, &router, req);
  harness_send(req, "q");
  harness_wait(*state, router->received == 1);
  assert_int_equal(router->messages[0].count, 4);
  assert_int_equal(router->messages[0].parts[1].size, 4);
  assert_int_equal(router->messages[0].parts[2].size, 0);
  snprintf(wrong, sizeof(wrong), "%s|none||wrong", harness_part(router, 0, 0));
  harness_send(router, wrong);
  router_answers(router, 0, "right");
  harness_expect(req, 0, "right");
}

static void relaxed_goes_to_the_next_peer(void **state) {
  harness_t *h = *state;
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  harness_socket_t *slow;
  harness_socket_t *quick;

  /* behaviour 48 */
  harness_set(req, ZUV_REQ_RELAXED, 1);
  harness_set(req, ZUV_REQ_CORRELATE, 1);
  join_router(h, &slow, req);
  join_router(h, &quick, req);
  harness_send(req, "one");
  harness_send(req, "two");
  harness_wait(h, slow->received == 1 && quick->received == 1);
  router_answers(slow, 0, "late");
  router_answers(quick, 0, "in time");
  harness_expect(req, 0, "in time");
  harness_send(req, "three");
  harness_wait(h, slow->received == 2);
  router_answers(slow, 1, "again");
  harness_expect(req, 1, "again");
}

static void relaxed_forgets_the_reply_to_an_older_request(void **state) {
  harness_t *h = *state;
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  harness_socket_t *router;

  /* behaviour 48, with a single peer */
  harness_set(req, ZUV_REQ_RELAXED, 1);
  harness_set(req, ZUV_REQ_CORRELATE, 1);
  join_router(h, &router, req);
  harness_send(req, "one");
  harness_send(req, "two");
  harness_wait(h, router->received == 2);
  router_answers(router, 0, "to one");
  router_answers(router, 1, "to two");
  harness_expect(req, 0, "to two");
}

static void a_reply_of_another_peer_is_ignored(void **state) {
  harness_t *h = *state;
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  harness_socket_t *first;
  harness_socket_t *second;

  /* behaviour 50 */
  join_router(h, &first, req);
  join_router(h, &second, req);
  harness_send(req, "0");
  harness_wait(h, first->received == 1);
  router_answers(first, 0, "re 0");
  harness_expect(req, 0, "re 0");
  harness_send(req, "1");
  harness_wait(h, second->received == 1);
  router_answers(second, 0, "re 1");
  harness_expect(req, 1, "re 1");
  harness_send(req, "2");
  harness_wait(h, first->received == 2);
  router_answers(second, 0, "not asked");
  harness_settle(h);
  assert_int_equal(req->received, 2);
  router_answers(first, 1, "re 2");
  harness_expect(req, 2, "re 2");
}

static void a_reply_without_an_empty_part_is_ignored(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  char bad[HARNESS_TEXT_MAX];

  /* behaviour 49: only the message is lost, the connection stays */
  harness_join(router, req, NULL);
  harness_send(req, "q");
  harness_wait(h, router->received == 1);
  snprintf(bad, sizeof(bad), "%s|no delimiter", harness_part(router, 0, 0));
  harness_send(router, bad);
  snprintf(bad, sizeof(bad), "%s|", harness_part(router, 0, 0));
  harness_send(router, bad);
  router_answers(router, 0, "good");
  harness_expect(req, 0, "good");
  assert_int_equal(req->received, 1);
  assert_int_equal(harness_events(req, ZUV_EVENT_DISCONNECTED), 0);
}

static void req_probes_a_router(void **state) {
  harness_socket_t *router = harness_socket(*state, ZUV_ROUTER);
  harness_socket_t *req = harness_socket(*state, ZUV_REQ);

  /* behaviour 61, which holds for REQ as well */
  harness_set(req, ZUV_PROBE_ROUTER, 1);
  harness_join(router, req, NULL);
  harness_wait(*state, router->received == 1);
  assert_int_equal(router->messages[0].count, 2);
  assert_string_equal(harness_part(router, 0, 1), "");
  harness_send(req, "q");
  harness_wait(*state, router->received == 2);
  router_answers(router, 1, "a");
  harness_expect(req, 0, "a");
}

static void a_device_of_router_and_dealer_is_transparent(void **state) {
  harness_t *h = *state;
  harness_socket_t *req = harness_socket(h, ZUV_REQ);
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  harness_socket_t *rep = harness_socket(h, ZUV_REP);

  harness_join(router, req, NULL);
  harness_join(dealer, rep, NULL);
  harness_send(req, "through|and back");
  harness_wait(h, router->received == 1);
  harness_send(dealer, router->messages[0].text);
  harness_expect(rep, 0, "through|and back");
  harness_send(rep, "yes");
  harness_wait(h, dealer->received == 1);
  harness_send(router, dealer->messages[0].text);
  harness_expect(req, 0, "yes");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(request_and_reply_alternate),
      harness_test(events_follow_the_turn),
      harness_test(rep_hears_the_next_request_only_after_its_reply),
      harness_test(a_request_without_a_peer_leaves_the_turn),
      harness_test(requests_alternate_between_the_peers),
      harness_test(req_adds_an_empty_part),
      harness_test(rep_returns_the_envelope),
      harness_test(rep_drops_requests_without_an_empty_part),
      harness_test(a_request_is_not_sent_again_when_its_peer_dies),
      harness_test(a_reply_to_a_gone_peer_is_dropped),
      harness_test(correlation_ignores_other_replies),
      harness_test(relaxed_goes_to_the_next_peer),
      harness_test(relaxed_forgets_the_reply_to_an_older_request),
      harness_test(a_reply_of_another_peer_is_ignored),
      harness_test(a_reply_without_an_empty_part_is_ignored),
      harness_test(req_probes_a_router),
      harness_test(a_device_of_router_and_dealer_is_transparent),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
