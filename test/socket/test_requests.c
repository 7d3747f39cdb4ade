/* zuv_request(): requests and their replies, and all ways a request can end. */
#include "support/far.h"
#include "support/harness.h"

/* Allocations that succeed from now on. */
static size_t allocations_left = SIZE_MAX;

static bool may_allocate(void) {
  if (allocations_left == SIZE_MAX)
    return true;
  return allocations_left > 0 && allocations_left-- > 0;
}

static void *limited_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *limited_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

static void *limited_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

typedef struct {
  zuv_request_t request; /* first */
  int status;
  size_t ended; /* how many times */
  char text[HARNESS_TEXT_MAX];
  uint64_t began_ms;
  uint64_t took_ms;
} asked_t;

static void on_end(zuv_request_t *request, int status, zuv_msg_t *parts,
                   size_t count, zuv_peer_t *peer) {
  asked_t *asked = (asked_t *)request;
  size_t used = 0;

  asked->status = status;
  asked->ended++;
  asked->took_ms = harness_now_ms() - asked->began_ms;
  assert_true((status == 0) == (peer != NULL));
  assert_true((status == 0) == (parts != NULL));
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      asked->text[used++] = '|';
    memcpy(asked->text + used, zuv_msg_data(&parts[i]),
           zuv_msg_size(&parts[i]));
    used += zuv_msg_size(&parts[i]);
  }
  asked->text[used] = '\0';
}

static int try_ask(asked_t *asked, harness_socket_t *s, const char *text,
                   uint64_t timeout_ms) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  size_t count = harness_parts(text, parts);
  int err;

  memset(asked, 0, sizeof(*asked));
  asked->status = 1;
  asked->began_ms = harness_now_ms();
  err = zuv_request(&asked->request, &s->zuv, parts, count, timeout_ms, on_end);
  harness_parts_close(parts, count);
  return err;
}

static void ask(asked_t *asked, harness_socket_t *s, const char *text,
                uint64_t timeout_ms) {
  assert_int_equal(try_ask(asked, s, text, timeout_ms), 0);
  assert_int_equal(asked->ended, 0);
}

#define expect_end(h, asked, expected_status, expected_text)                   \
  do {                                                                         \
    harness_wait(h, (asked)->ended > 0);                                       \
    assert_int_equal((asked)->status, expected_status);                        \
    assert_string_equal((asked)->text, expected_text);                         \
    assert_int_equal((asked)->ended, 1);                                       \
  } while (0)

static zuv_stats_t stats_of(harness_socket_t *s) {
  zuv_stats_t stats;

  assert_int_equal(zuv_socket_stats(&s->zuv, &stats), 0);
  return stats;
}

/* Sends each message back to whom it came from. */
static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  (void)peer;
  assert_int_equal(zuv_try_send(socket, parts, count), 0);
}

static harness_socket_t *echoing(harness_t *h, int type) {
  harness_socket_t *s = harness_deaf_socket(h, type);

  assert_int_equal(zuv_recv_start(&s->zuv, echo), 0);
  return s;
}

/* Answers message `index` of a ROUTER by text. */
static void answer(harness_socket_t *router, size_t index, const char *body) {
  char text[HARNESS_TEXT_MAX];
  size_t used;

  used = (size_t)snprintf(text, sizeof(text), "%s|",
                          harness_part(router, index, 0));
  snprintf(text + used, sizeof(text) - used, "%s||%s",
           harness_part(router, index, 1), body);
  harness_send(router, text);
}

/* ---- Replies ---- */

static void servers_of_either_type_answer(void **state) {
  static const int types[] = {ZUV_REP, ZUV_ROUTER};
  harness_t *h = *state;

  for (int i = 0; i < 2; i++) {
    harness_socket_t *server = echoing(h, types[i]);
    harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
    asked_t one, many, large;

    harness_join(server, dealer, NULL);
    ask(&one, dealer, "hello", 0);
    expect_end(h, &one, 0, "hello");
    ask(&many, dealer, "a||b|c|d|e|f|g|h", 0);
    expect_end(h, &many, 0, "a||b|c|d|e|f|g|h");
    ask(&large, dealer, "", 0);
    expect_end(h, &large, 0, "");
  }
}

static void the_wire_has_an_id_and_an_empty_part(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t first, second;

  harness_join(router, dealer, NULL);
  ask(&first, dealer, "one|two", 0);
  ask(&second, dealer, "three", 0);
  harness_wait(h, router->received == 2);
  assert_int_equal(router->messages[0].count, 5);
  assert_int_equal(router->messages[0].parts[1].size, 4);
  assert_int_equal(router->messages[0].parts[2].size, 0);
  assert_string_equal(router->messages[0].parts[3].data, "one");
  assert_string_equal(router->messages[0].parts[4].data, "two");
  assert_memory_not_equal(router->messages[0].parts[1].data,
                          router->messages[1].parts[1].data, 4);
  /* In any order. */
  answer(router, 1, "3");
  expect_end(h, &second, 0, "3");
  assert_int_equal(first.ended, 0);
  answer(router, 0, "1|2");
  expect_end(h, &first, 0, "1|2");
  assert_int_equal(stats_of(dealer).late_replies, 0);
}

static void many_wait_at_a_time(void **state) {
  enum { COUNT = 3000, SERVERS = 3 };
  harness_t *h = *state;
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t *asked = calloc(COUNT, sizeof(*asked));
  size_t ended = 0;
  char text[32];

  assert_non_null(asked);
  for (int i = 0; i < SERVERS; i++)
    harness_join(echoing(h, i == 0 ? ZUV_ROUTER : ZUV_REP), dealer, NULL);
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "question %d", i);
    ask(&asked[i], dealer, text, 60000);
  }
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "question %d", i);
    expect_end(h, &asked[i], 0, text);
    ended++;
  }
  assert_int_equal(ended, COUNT);
  assert_int_equal(stats_of(dealer).late_replies, 0);
  free(asked);
}

static void a_callback_asks_again(zuv_request_t *request, int status,
                                  zuv_msg_t *parts, size_t count,
                                  zuv_peer_t *peer) {
  asked_t *asked = (asked_t *)request;

  (void)peer;
  assert_int_equal(status, 0);
  assert_int_equal(count, 1);
  if (++asked->ended < 100)
    assert_int_equal(zuv_request(request, request->socket, parts, count, 5000,
                                 a_callback_asks_again),
                     0);
}

static void a_request_can_be_used_again_in_its_callback(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = echoing(h, ZUV_REP);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked = {.ended = 0};
  zuv_msg_t part;

  harness_join(rep, dealer, NULL);
  zuv_msg_init_view(&part, "again", 5);
  assert_int_equal(zuv_request(&asked.request, &dealer->zuv, &part, 1, 5000,
                               a_callback_asks_again),
                   0);
  harness_wait(h, asked.ended == 100);
}

static void close_in_reply(zuv_request_t *request, int status, zuv_msg_t *parts,
                           size_t count, zuv_peer_t *peer) {
  asked_t *asked = (asked_t *)request;

  (void)parts;
  (void)count;
  (void)peer;
  asked->status = status;
  asked->ended++;
  harness_close_begin((harness_socket_t *)request->socket);
}

static void the_socket_can_be_closed_in_the_callback(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = echoing(h, ZUV_REP);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t first = {.ended = 0}, second;
  zuv_msg_t part;

  harness_join(rep, dealer, NULL);
  zuv_msg_init_view(&part, "x", 1);
  assert_int_equal(
      zuv_request(&first.request, &dealer->zuv, &part, 1, 0, close_in_reply),
      0);
  ask(&second, dealer, "y", 0);
  harness_wait(h, dealer->closed);
  assert_int_equal(first.status, 0);
  assert_int_equal(first.ended, 1);
  assert_int_equal(second.ended, 1);
  assert_int_equal(second.status, UV_ECANCELED);
}

static void two_loops_ask_and_answer(void **state) {
  harness_t *h = *state;
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked[20];
  far_t rep;

  if (!harness_is_inproc())
    skip();
  far_init(&rep, h, ZUV_REP);
  if (harness_transport == HARNESS_INPROC)
    assert_int_equal(zuv_bind(&rep.zuv, "inproc://far"), 0);
  harness_connect(dealer, "inproc://far");
  for (int i = 0; i < 20; i++)
    ask(&asked[i], dealer, "far", 10000);
  if (harness_transport != HARNESS_INPROC)
    assert_int_equal(zuv_bind(&rep.zuv, "inproc://far"), 0);
  assert_int_equal(zuv_recv_start(&rep.zuv, echo), 0);
  far_wait(&rep, asked[19].ended == 1);
  for (int i = 0; i < 20; i++)
    expect_end(h, &asked[i], 0, "far");
  zuv_recv_stop(&rep.zuv);
  ask(&asked[0], dealer, "no answer", 0);
  far_settle(&rep);
  far_finish(&rep);
  expect_end(h, &asked[0], UV_ECONNRESET, "");
}

/* ---- Other ends ---- */

static void time_runs_out(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t first, second, third;

  harness_join(router, dealer, NULL);
  ask(&first, dealer, "1", 30);
  ask(&second, dealer, "2", 60000);
  ask(&third, dealer, "3", UINT64_MAX);
  expect_end(h, &first, UV_ETIMEDOUT, "");
  assert_true(first.took_ms >= 29);
  harness_wait(h, router->received == 3);
  /* Late, and nobody else's. */
  answer(router, 0, "late");
  answer(router, 1, "in time");
  expect_end(h, &second, 0, "in time");
  assert_int_equal(first.ended, 1);
  assert_int_equal(stats_of(dealer).late_replies, 1);
  answer(router, 1, "once more");
  answer(router, 2, "last");
  expect_end(h, &third, 0, "last");
  assert_int_equal(stats_of(dealer).late_replies, 2);
  assert_int_equal(stats_of(dealer).dropped, 0);
}

static void time_runs_out_before_there_is_room(void **state) {
  harness_t *h = *state;
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  harness_socket_t *rep = echoing(h, ZUV_REP);
  asked_t first, second;

  /* Without a peer it waits. */
  ask(&first, dealer, "1", 30);
  ask(&second, dealer, "2|3", 60000);
  assert_int_equal(harness_try_send(dealer, "x"), UV_EAGAIN);
  expect_end(h, &first, UV_ETIMEDOUT, "");
  assert_true(first.took_ms >= 29);
  harness_join(rep, dealer, NULL);
  expect_end(h, &second, 0, "2|3");
  /* It was withdrawn. */
  harness_settle(h);
  assert_int_equal(stats_of(rep).messages_in, 1);
  assert_int_equal(stats_of(dealer).late_replies, 0);
}

static void a_request_is_cancelled(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t waiting, sent;

  ask(&waiting, dealer, "1", 0);
  assert_int_equal(zuv_request_cancel(&waiting.request), 0);
  assert_int_equal(waiting.ended, 0);
  assert_int_equal(zuv_request_cancel(&waiting.request), UV_EINVAL);
  expect_end(h, &waiting, UV_ECANCELED, "");
  assert_int_equal(zuv_request_cancel(&waiting.request), UV_EINVAL);
  harness_join(router, dealer, NULL);
  ask(&sent, dealer, "2", 60000);
  harness_wait(h, router->received == 1);
  assert_int_equal(zuv_request_cancel(&sent.request), 0);
  answer(router, 0, "late");
  expect_end(h, &sent, UV_ECANCELED, "");
  harness_wait(h, stats_of(dealer).late_replies == 1);
}

static void closing_ends_all(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t waiting, sent;

  harness_join(router, dealer, NULL);
  ask(&sent, dealer, "1", 60000);
  harness_wait(h, router->received == 1);
  harness_set(dealer, ZUV_SNDHWM, 1);
  ask(&waiting, dealer, "2", 0);
  harness_close(dealer);
  assert_int_equal(sent.ended, 1);
  assert_int_equal(sent.status, UV_ECANCELED);
  assert_int_equal(waiting.ended, 1);
  assert_int_equal(waiting.status, UV_ECANCELED);
  assert_int_equal(try_ask(&sent, dealer, "3", 0), UV_EINVAL);
}

static void the_peer_leaves(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *other = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked[4];
  bool lost[4];

  harness_join(router, dealer, NULL);
  harness_join(other, dealer, NULL);
  for (int i = 0; i < 4; i++)
    ask(&asked[i], dealer, i % 2 == 0 ? "even" : "odd", 0);
  harness_wait(h, router->received == 2 && other->received == 2);
  harness_close(router);
  harness_wait(h, asked[0].ended + asked[1].ended == 1);
  harness_wait(h, asked[2].ended + asked[3].ended == 1);
  for (int i = 0; i < 4; i++)
    lost[i] = asked[i].ended == 1;
  answer(other, 1, "still here");
  answer(other, 0, "still here");
  for (int i = 0; i < 4; i++)
    expect_end(h, &asked[i], lost[i] ? UV_ECONNRESET : 0,
               lost[i] ? "" : "still here");
}

static void the_connection_is_lost_and_comes_back(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  char endpoint[HARNESS_TEXT_MAX];
  asked_t lost, kept;

  if (harness_is_inproc())
    skip();
  harness_set(dealer, ZUV_RECONNECT_IVL, 10);
  harness_join(router, dealer, endpoint);
  ask(&lost, dealer, "1", 0);
  harness_wait(h, router->received == 1);
  harness_close(router);
  expect_end(h, &lost, UV_ECONNRESET, "");
  /* What waits for the next connection is not lost. */
  ask(&kept, dealer, "2", 0);
  router = echoing(h, ZUV_REP);
  assert_int_equal(zuv_bind(&router->zuv, endpoint), 0);
  expect_end(h, &kept, 0, "2");
}

/* Answers and leaves at once. */
static void echo_and_close(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)peer;
  assert_int_equal(zuv_try_send(socket, parts, count), 0);
  harness_close_begin((harness_socket_t *)socket);
}

static void a_reply_that_came_before_the_end_counts(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = harness_deaf_socket(h, ZUV_REP);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked;

  harness_join(rep, dealer, NULL);
  assert_int_equal(zuv_recv_start(&rep->zuv, echo_and_close), 0);
  ask(&asked, dealer, "quick", 0);
  expect_end(h, &asked, 0, "quick");
}

static void disconnecting_ends_requests(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  char endpoint[HARNESS_TEXT_MAX];
  asked_t asked;

  harness_join(router, dealer, endpoint);
  ask(&asked, dealer, "1", 0);
  harness_wait(h, router->received == 1);
  assert_int_equal(zuv_disconnect(&dealer->zuv, endpoint), 0);
  expect_end(h, &asked, UV_ECONNRESET, "");
}

/* ---- Beside other messages ---- */

static void other_messages_are_for_the_receiver(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  char text[HARNESS_TEXT_MAX];
  const char *id;
  asked_t asked;

  harness_set_text(dealer, ZUV_ROUTING_ID, "d");
  harness_join(router, dealer, NULL);
  ask(&asked, dealer, "question", 0);
  harness_wait(h, router->received == 1);
  id = harness_part(router, 0, 1);
  harness_send(router, "d|news");
  harness_send(router, "d|four||news");
  harness_send(router, "d||");
  snprintf(text, sizeof(text), "d|%s|no empty part", id);
  harness_send(router, text);
  answer(router, 0, "answer");
  expect_end(h, &asked, 0, "answer");
  harness_send(router, "d|after");
  harness_expect(dealer, 4, "after");
  assert_string_equal(dealer->messages[0].text, "news");
  assert_string_equal(dealer->messages[1].text, "four||news");
  assert_string_equal(dealer->messages[2].text, "|");
  assert_int_equal(dealer->messages[3].count, 2);
  harness_send(dealer, "of another kind");
  harness_expect(router, 1, "d|of another kind");
}

static void without_a_receiver_they_are_dropped(void **state) {
  harness_t *h = *state;
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked;

  harness_set_text(dealer, ZUV_ROUTING_ID, "d");
  harness_join(router, dealer, NULL);
  ask(&asked, dealer, "question", 0);
  harness_wait(h, router->received == 1);
  harness_send(router, "d|news");
  answer(router, 0, "answer");
  expect_end(h, &asked, 0, "answer");
  assert_int_equal(stats_of(dealer).dropped, 1);
  harness_send(router, "d|more news");
  harness_wait(h, stats_of(dealer).dropped == 2);
  harness_receive(dealer);
  harness_send(router, "d|still more");
  harness_expect(dealer, 0, "still more");
  harness_stop_receiving(dealer);
  harness_send(router, "d|too much");
  harness_wait(h, stats_of(dealer).dropped == 3);
}

static void a_reply_counts_from_whom_was_asked(void **state) {
  harness_t *h = *state;
  harness_socket_t *asked_one = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *forger = harness_socket(h, ZUV_ROUTER);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  char text[HARNESS_TEXT_MAX];
  asked_t asked;

  harness_set_text(dealer, ZUV_ROUTING_ID, "d");
  harness_join(asked_one, dealer, NULL);
  ask(&asked, dealer, "secret", 0);
  harness_wait(h, asked_one->received == 1);
  harness_join(forger, dealer, NULL);
  snprintf(text, sizeof(text), "d|%s||forged", harness_part(asked_one, 0, 1));
  harness_wait(h, stats_of(dealer).peers == 2);
  harness_send(forger, text);
  harness_wait(h, stats_of(dealer).late_replies == 1);
  assert_int_equal(asked.ended, 0);
  answer(asked_one, 0, "true");
  expect_end(h, &asked, 0, "true");
}

static void some_sockets_ask_otherwise(void **state) {
  static const int types[] = {ZUV_REQ, ZUV_PAIR, ZUV_ROUTER, ZUV_PUSH, ZUV_SUB};
  harness_t *h = *state;
  harness_socket_t *dealer = harness_socket(h, ZUV_DEALER);
  asked_t asked;

  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
    assert_int_equal(try_ask(&asked, harness_socket(h, types[i]), "x", 0),
                     UV_ENOTSUP);
  harness_set(dealer, ZUV_CONFLATE, 1);
  assert_int_equal(try_ask(&asked, dealer, "x", 0), UV_ENOTSUP);
  harness_set(dealer, ZUV_CONFLATE, 0);
  assert_int_equal(
      zuv_request(&asked.request, &dealer->zuv, NULL, 1, 0, on_end), UV_EINVAL);
  {
    zuv_msg_t part;
    zuv_msg_init(&part);
    assert_int_equal(
        zuv_request(&asked.request, &dealer->zuv, &part, 0, 0, on_end),
        UV_EINVAL);
    assert_int_equal(
        zuv_request(&asked.request, &dealer->zuv, &part, 1, 0, NULL),
        UV_EINVAL);
  }
  harness_settle(h);
  assert_int_equal(asked.ended, 0);
}

/* Without memory nothing has happened, and the parts are the caller's. */
static void a_request_without_memory_was_none(void **state) {
  harness_t *h = *state;
  harness_socket_t *rep = echoing(h, ZUV_REP);
  harness_socket_t *dealer = harness_deaf_socket(h, ZUV_DEALER);
  asked_t asked = {.ended = 0};
  zuv_msg_t parts[10];
  int err = UV_ENOMEM;

  for (size_t left = 0; err != 0; left++) {
    for (size_t i = 0; i < 10; i++)
      zuv_msg_init_view(&parts[i], "part", 4);
    allocations_left = left;
    err = zuv_request(&asked.request, &dealer->zuv, parts, 10, 0, on_end);
    allocations_left = SIZE_MAX;
    assert_true(err == 0 || err == UV_ENOMEM);
    for (size_t i = 0; i < 10; i++)
      assert_int_equal(zuv_msg_size(&parts[i]), err == 0 ? 0 : 4);
    harness_parts_close(parts, 10);
    assert_true(left < 20);
  }
  harness_join(rep, dealer, NULL);
  harness_wait(h, asked.ended == 1);
  assert_int_equal(asked.status, 0);
  assert_int_equal(stats_of(rep).messages_in, 1);
}

static void closed_by_walking(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void requests_end_when_the_loop_is_taken_down(void **state) {
  harness_t *h = *state;
  far_t dealer;
  asked_t asked = {.ended = 0};
  zuv_msg_t part;

  far_init(&dealer, h, ZUV_DEALER);
  zuv_msg_init_view(&part, "x", 1);
  assert_int_equal(
      zuv_request(&asked.request, &dealer.zuv, &part, 1, 60000, on_end), 0);
  uv_walk(&dealer.loop, closed_by_walking, NULL);
  far_wait(&dealer, asked.ended == 1);
  assert_int_equal(asked.status, UV_ECANCELED);
  far_finish(&dealer);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(servers_of_either_type_answer),
      harness_test(the_wire_has_an_id_and_an_empty_part),
      harness_test(many_wait_at_a_time),
      harness_test(a_request_can_be_used_again_in_its_callback),
      harness_test(the_socket_can_be_closed_in_the_callback),
      harness_test(two_loops_ask_and_answer),
      harness_test(time_runs_out),
      harness_test(time_runs_out_before_there_is_room),
      harness_test(a_request_is_cancelled),
      harness_test(closing_ends_all),
      harness_test(the_peer_leaves),
      harness_test(the_connection_is_lost_and_comes_back),
      harness_test(a_reply_that_came_before_the_end_counts),
      harness_test(disconnecting_ends_requests),
      harness_test(other_messages_are_for_the_receiver),
      harness_test(without_a_receiver_they_are_dropped),
      harness_test(a_reply_counts_from_whom_was_asked),
      harness_test(some_sockets_ask_otherwise),
      harness_test(a_request_without_memory_was_none),
      harness_test(requests_end_when_the_loop_is_taken_down),
  };

  if (!harness_take_arguments(argc, argv) ||
      zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc,
                            free) != 0)
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
