/* Two loops on two threads, joined by inproc. The main thread has a harness;
 * the other one, a side, has a socket and does with it what its callbacks say.
 * Made to be run under ThreadSanitizer. */
#include "support/harness.h"

/* cmocka fails tests on its own thread only. */
#define check(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);          \
      abort();                                                                 \
    }                                                                          \
  } while (0)

#define NAME "inproc://between threads"

typedef struct side_s side_t;

struct side_s {
  zuv_socket_t socket; /* first */
  uv_thread_t thread;
  uv_loop_t loop;
  uv_sem_t joined;  /* its socket is bound or connected */
  uv_async_t order; /* from the main thread: `on_order` */
  uv_async_t last;  /* to the main thread, when it ends */
  bool ended;
  bool forgotten;
  harness_t *harness;
  zuv_context_t *context;
  int type;
  bool binds;
  void (*prepare)(side_t *side);
  void (*on_order)(side_t *side);
  zuv_recv_cb on_message;
  size_t received;
  size_t sent;
  size_t most;
};

static void end_side(side_t *side) {
  zuv_close(&side->socket, NULL);
  uv_close((uv_handle_t *)&side->order, NULL);
}

static void on_order(uv_async_t *async) {
  side_t *side = async->data;
  side->on_order(side);
}

static void side_main(void *argument) {
  side_t *side = argument;

  check(uv_loop_init(&side->loop) == 0);
  check(uv_async_init(&side->loop, &side->order, on_order) == 0);
  side->order.data = side;
  check(zuv_socket_init(side->context, &side->loop, &side->socket,
                        side->type) == 0);
  if (side->prepare != NULL)
    side->prepare(side);
  if (side->on_message != NULL)
    check(zuv_recv_start(&side->socket, side->on_message) == 0);
  check((side->binds ? zuv_bind(&side->socket, NAME)
                     : zuv_connect(&side->socket, NAME)) == 0);
  uv_sem_post(&side->joined);
  check(uv_run(&side->loop, UV_RUN_DEFAULT) == 0);
  check(uv_loop_close(&side->loop) == 0);
  check(uv_async_send(&side->last) == 0);
}

static void on_last(uv_async_t *async) {
  ((side_t *)async->data)->ended = true;
}

static void side_start(side_t *side, harness_t *h) {
  side->harness = h;
  side->context = h->context;
  assert_int_equal(uv_async_init(&h->loop, &side->last, on_last), 0);
  side->last.data = side;
  if (side->on_order == NULL)
    side->on_order = end_side;
  assert_int_equal(uv_sem_init(&side->joined, 0), 0);
  assert_int_equal(uv_thread_create(&side->thread, side_main, side), 0);
}

static void side_wait(side_t *side) {
  uv_sem_wait(&side->joined);
}

static void side_order(side_t *side) {
  assert_int_equal(uv_async_send(&side->order), 0);
}

static void on_forgotten(uv_handle_t *handle) {
  ((side_t *)handle->data)->forgotten = true;
}

/* The main loop runs until the side has ended: it may have to help. */
static void side_join(side_t *side) {
  harness_wait(side->harness, side->ended);
  assert_int_equal(uv_thread_join(&side->thread), 0);
  uv_sem_destroy(&side->joined);
  uv_close((uv_handle_t *)&side->last, on_forgotten);
  harness_wait(side->harness, side->forgotten);
}

static bool part_is(zuv_msg_t *part, const char *text) {
  return zuv_msg_size(part) == strlen(text) &&
         memcmp(zuv_msg_data(part), text, strlen(text)) == 0;
}

/* Starts the side, and joins a socket of the main thread to it, in the order
 * that this process tests. */
static void join(harness_t *h, side_t *side, harness_socket_t *s) {
  side->binds = harness_transport == HARNESS_INPROC_CONNECT_FIRST;
  if (side->binds)
    harness_connect(s, NAME);
  else
    assert_int_equal(zuv_bind(&s->zuv, NAME), 0);
  side_start(side, h);
  side_wait(side);
}

/* ---- The patterns ---- */

static void count_in_order(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  side_t *side = (side_t *)socket;
  char expected[32];

  (void)peer;
  if (part_is(&parts[0], "end")) {
    end_side(side);
    return;
  }
  snprintf(expected, sizeof(expected), "%zu", side->received++);
  check(count == 2);
  check(part_is(&parts[0], expected));
  check(zuv_msg_size(&parts[1]) == side->received % 7 * 20);
}

static void messages_cross_in_order(void **state) {
  enum { COUNT = 20000 };
  harness_t *h = *state;
  side_t side = {.type = ZUV_PULL, .on_message = count_in_order};
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  zuv_msg_t parts[2];
  char text[32];
  int err;

  join(h, &side, push);
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(text, sizeof(text), "%zu", i);
    zuv_msg_init_view(&parts[0], text, strlen(text));
    assert_int_equal(zuv_msg_init_size(&parts[1], (i + 1) % 7 * 20), 0);
    harness_wait(h, (err = zuv_try_send(&push->zuv, parts, 2)) != UV_EAGAIN);
    assert_int_equal(err, 0);
  }
  harness_send_waiting(push, "end");
  side_join(&side);
  assert_int_equal(side.received, COUNT);
}

/* Sends everything back, until it is to end. */
static void echo(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                 zuv_peer_t *peer) {
  side_t *side = (side_t *)socket;
  bool last = part_is(&parts[count - 1], "end");

  (void)peer;
  side->received++;
  check(zuv_try_send(socket, parts, count) == 0);
  if (last)
    end_side(side);
}

static void ping_pong(harness_t *h, int type, int side_type, int rounds) {
  side_t side = {.type = side_type, .on_message = echo};
  harness_socket_t *s = harness_socket(h, type);
  char text[32];

  join(h, &side, s);
  for (int i = 0; i < rounds; i++) {
    snprintf(text, sizeof(text), "ping|%d", i);
    harness_send_waiting(s, text);
    harness_expect_next(s, text);
  }
  harness_send_waiting(s, "end");
  harness_expect_next(s, "end");
  side_join(&side);
  harness_close(s);
}

static void pair_answers_pair(void **state) {
  ping_pong(*state, ZUV_PAIR, ZUV_PAIR, 500);
}

static void rep_answers_req(void **state) {
  ping_pong(*state, ZUV_REQ, ZUV_REP, 500);
}

static void router_answers_dealer(void **state) {
  ping_pong(*state, ZUV_DEALER, ZUV_ROUTER, 500);
}

static void dealer_answers_dealer(void **state) {
  ping_pong(*state, ZUV_DEALER, ZUV_DEALER, 500);
}

static void name_it(side_t *side) {
  check(zuv_set_option(&side->socket, ZUV_ROUTING_ID, "side", 4) == 0);
}

static void router_reaches_a_named_dealer(void **state) {
  harness_t *h = *state;
  side_t side = {.type = ZUV_DEALER, .on_message = echo, .prepare = name_it};
  harness_socket_t *router = harness_socket(h, ZUV_ROUTER);
  int err;

  harness_set(router, ZUV_ROUTER_MANDATORY, 1);
  join(h, &side, router);
  harness_wait(h, (err = harness_try_send(router, "side|hello")) !=
                      UV_EHOSTUNREACH);
  assert_int_equal(err, 0);
  harness_expect_next(router, "side|hello");
  harness_send(router, "side|end");
  harness_expect_next(router, "side|end");
  side_join(&side);
  harness_wait(h, harness_try_send(router, "side|gone") == UV_EHOSTUNREACH);
}

static void subscribe_to_two(side_t *side) {
  check(zuv_set_option(&side->socket, ZUV_SUBSCRIBE, "A", 1) == 0);
  check(zuv_set_option(&side->socket, ZUV_SUBSCRIBE, "end", 3) == 0);
}

static void count_topic(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  side_t *side = (side_t *)socket;

  (void)count;
  (void)peer;
  if (part_is(&parts[0], "end")) {
    end_side(side);
    return;
  }
  check(((char *)zuv_msg_data(&parts[0]))[0] == 'A');
  side->received++;
}

static void subscriptions_and_messages_cross(void **state) {
  harness_t *h = *state;
  side_t side = {
      .type = ZUV_SUB, .on_message = count_topic, .prepare = subscribe_to_two};
  harness_socket_t *xpub = harness_socket(h, ZUV_XPUB);

  join(h, &side, xpub);
  harness_wait(h, xpub->received == 2);
  for (int i = 0; i < 100; i++) {
    harness_send(xpub, "A|wanted");
    harness_send(xpub, "B|not wanted");
  }
  assert_int_equal(harness_try_send_size(xpub, 100000, 'A'), 0);
  harness_send(xpub, "end");
  side_join(&side);
  assert_int_equal(side.received, 101);
  /* behaviour 79: it left */
  harness_wait(h, xpub->received == 4);
}

/* ---- Limits ---- */

static void limit_to_three(side_t *side) {
  check(zuv_set_int(&side->socket, ZUV_RCVHWM, 3) == 0);
}

static void read_on(side_t *side) {
  check(zuv_recv_start(&side->socket, count_topic) == 0);
}

static void both_limits_count(void **state) {
  harness_t *h = *state;
  side_t side = {
      .type = ZUV_PULL, .prepare = limit_to_three, .on_order = read_on};
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  size_t sent = 0;

  /* behaviours 22 and 23 */
  harness_set(push, ZUV_SNDHWM, 5);
  join(h, &side, push);
  harness_wait(h, (sent += harness_fill(push, "A", 100)) >= 8);
  harness_settle(h);
  assert_int_equal(harness_try_send(push, "A"), UV_EAGAIN);
  assert_int_equal(sent, 8);
  side_order(&side);
  for (int i = 0; i < 100; i++)
    harness_send_waiting(push, "A");
  harness_send_waiting(push, "end");
  side_join(&side);
  assert_int_equal(side.received, 108);
}

static void keep_the_newest(side_t *side) {
  check(zuv_set_int(&side->socket, ZUV_CONFLATE, 1) == 0);
}

static void count_until_end(zuv_socket_t *socket, zuv_msg_t *parts,
                            size_t count, zuv_peer_t *peer) {
  side_t *side = (side_t *)socket;

  (void)peer;
  check(count == 1);
  side->received++;
  if (part_is(&parts[0], "end"))
    end_side(side);
}

static void read_the_newest(side_t *side) {
  check(zuv_recv_start(&side->socket, count_until_end) == 0);
}

static void a_conflating_sender_never_waits(void **state) {
  harness_t *h = *state;
  side_t side = {.type = ZUV_PULL,
                 .prepare = keep_the_newest,
                 .on_order = read_the_newest};
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set(push, ZUV_CONFLATE, 1);
  harness_set(push, ZUV_SNDHWM, 1);
  join(h, &side, push);
  harness_send_waiting(push, "first");
  for (int i = 0; i < 10; i++) {
    assert_int_equal(harness_fill(push, "", 500), 500);
    uv_run(&h->loop, UV_RUN_NOWAIT);
  }
  harness_send(push, "end");
  harness_settle(h);
  side_order(&side);
  side_join(&side);
  /* one that was there before, maybe, and the newest */
  assert_in_range(side.received, 1, 2);
}

static size_t completed;

static void on_sent(zuv_send_t *request, int status) {
  (void)request;
  assert_int_equal(status, 0);
  completed++;
}

static void requests_complete(void **state) {
  enum { COUNT = 200 };
  static zuv_send_t requests[COUNT];
  harness_t *h = *state;
  side_t side = {
      .type = ZUV_PULL, .prepare = limit_to_three, .on_message = count_topic};
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  completed = 0;
  harness_set(push, ZUV_SNDHWM, 5);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(harness_request(&requests[i], push,
                                     i + 1 < COUNT ? "A" : "end", on_sent),
                     0);
  join(h, &side, push);
  harness_wait(h, completed == COUNT);
  side_join(&side);
  assert_int_equal(side.received, COUNT - 1);
}

/* ---- Ownership ---- */

static uv_mutex_t freed_mutex;
static int freed;

static void on_free(void *data, void *hint) {
  (void)hint;
  free(data);
  uv_mutex_lock(&freed_mutex);
  freed++;
  uv_mutex_unlock(&freed_mutex);
}

static void bodies_are_shared_between_threads(void **state) {
  enum { COUNT = 200, SIZE = 5000 };
  harness_t *h = *state;
  side_t side = {
      .type = ZUV_SUB, .on_message = count_topic, .prepare = subscribe_to_two};
  harness_socket_t *pub = harness_socket(h, ZUV_XPUB);
  harness_socket_t *here = harness_socket(h, ZUV_SUB);
  zuv_msg_t part;
  char *data;

  assert_int_equal(uv_mutex_init(&freed_mutex), 0);
  freed = 0;
  harness_subscribe(here, "A");
  join(h, &side, pub);
  assert_int_equal(zuv_bind(&here->zuv, "inproc://here"), 0);
  harness_connect(pub, "inproc://here");
  harness_wait(h, pub->received == 2);
  for (int i = 0; i < COUNT; i++) {
    data = malloc(SIZE);
    assert_non_null(data);
    memset(data, 'A', SIZE);
    assert_int_equal(zuv_msg_init_data(&part, data, SIZE, on_free, NULL), 0);
    assert_int_equal(zuv_try_send(&pub->zuv, &part, 1), 0);
  }
  harness_send(pub, "end");
  harness_wait(h, here->received == COUNT);
  side_join(&side);
  harness_close(pub);
  harness_close(here);
  assert_int_equal(side.received, COUNT);
  assert_int_equal(freed, COUNT);
  uv_mutex_destroy(&freed_mutex);
}

/* ---- Coming and going ---- */

static void send_and_leave(side_t *side) {
  zuv_msg_t part;

  for (size_t i = 0; i < side->most; i++) {
    zuv_msg_init_const(&part, "bye", 3);
    check(zuv_try_send(&side->socket, &part, 1) == 0);
  }
  end_side(side);
}

static void what_a_closed_sender_sent_is_received(void **state) {
  harness_t *h = *state;
  side_t side = {.type = ZUV_PUSH, .on_order = send_and_leave, .most = 500};
  harness_socket_t *pull = harness_deaf_socket(h, ZUV_PULL);

  /* behaviour 117 */
  if (harness_transport == HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pull->zuv, NAME), 0);
  side_start(&side, h);
  side_wait(&side);
  side_order(&side);
  side_join(&side);
  if (harness_transport != HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pull->zuv, NAME), 0);
  harness_receive(pull);
  harness_wait(h, pull->received == 500);
  harness_settle(h);
  assert_int_equal(pull->received, 500);
}

static void many_threads_connect_to_one(void **state) {
  enum { SIDES = 4, EACH = 300 };
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  side_t sides[SIDES];

  if (harness_transport == HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pull->zuv, NAME), 0);
  for (size_t i = 0; i < SIDES; i++) {
    sides[i] =
        (side_t){.type = ZUV_PUSH, .on_order = send_and_leave, .most = EACH};
    side_start(&sides[i], h);
  }
  for (size_t i = 0; i < SIDES; i++) {
    side_wait(&sides[i]);
    side_order(&sides[i]);
  }
  if (harness_transport != HARNESS_INPROC)
    assert_int_equal(zuv_bind(&pull->zuv, NAME), 0);
  harness_wait(h, pull->received == SIDES * EACH);
  for (size_t i = 0; i < SIDES; i++)
    side_join(&sides[i]);
}

static void flood(zuv_socket_t *socket) {
  zuv_msg_t part;

  for (int i = 0; i < 50; i++) {
    zuv_msg_init_const(&part, "flood", 5);
    if (zuv_try_send(socket, &part, 1) != 0)
      return;
    ((side_t *)socket)->sent++;
  }
}

static void flood_on(side_t *side) {
  check(zuv_writable_start(&side->socket, flood) == 0);
}

/* Both ends close at the same time, in the middle of a lot of traffic, at
 * moments that differ from round to round. */
static void closing_races_with_traffic(void **state) {
  enum { ROUNDS = 60 };
  harness_t *h = *state;

  for (size_t round = 0; round < ROUNDS; round++) {
    side_t side = {.type = ZUV_PUSH, .prepare = flood_on};
    harness_socket_t *pull = harness_socket(h, ZUV_PULL);

    harness_set(pull, ZUV_RCVHWM, round % 3 == 0 ? 2 : 1000);
    join(h, &side, pull);
    if (round % 4 != 0)
      harness_wait(h, pull->received > round);
    side_order(&side);
    if (round % 2 == 0)
      harness_close(pull);
    side_join(&side);
    if (round % 2 != 0)
      harness_close(pull);
  }
}

static void ignore_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  (void)socket;
  (void)parts;
  (void)count;
  (void)peer;
}

/* The name goes, or its socket, while others are about to connect to it. */
static void unbinding_races_with_connecting(void **state) {
  enum { ROUNDS = 60 };
  harness_t *h = *state;

  for (int round = 0; round < ROUNDS; round++) {
    side_t side = {.type = ZUV_PAIR, .on_message = ignore_message};
    harness_socket_t *pair = harness_socket(h, ZUV_PAIR);

    assert_int_equal(zuv_bind(&pair->zuv, NAME), 0);
    side_start(&side, h);
    if (round % 3 == 0)
      side_wait(&side);
    if (round % 2 == 0)
      assert_int_equal(zuv_unbind(&pair->zuv, NAME), 0);
    harness_close(pair);
    if (round % 3 != 0)
      side_wait(&side);
    side_order(&side);
    side_join(&side);
  }
}

static void a_context_outlives_what_nobody_bound(void **state) {
  harness_t *h = *state;
  side_t side = {.type = ZUV_PUSH, .on_order = send_and_leave, .most = 5};

  /* behaviour 129: the harness destroys the context */
  side_start(&side, h);
  side_wait(&side);
  side_order(&side);
  side_join(&side);
}

static void rooms_are_freed_by_a_lost_peer(void **state) {
  harness_t *h = *state;
  side_t side = {.type = ZUV_PULL};
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  /* behaviour 142 */
  join(h, &side, push);
  harness_send_waiting(push, "unread");
  side_order(&side);
  side_join(&side);
  harness_wait(h, harness_try_send(push, "x") == UV_EAGAIN &&
                      harness_get(push, ZUV_EVENTS) == 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(messages_cross_in_order),
      harness_test(pair_answers_pair),
      harness_test(rep_answers_req),
      harness_test(router_answers_dealer),
      harness_test(dealer_answers_dealer),
      harness_test(router_reaches_a_named_dealer),
      harness_test(subscriptions_and_messages_cross),
      harness_test(both_limits_count),
      harness_test(a_conflating_sender_never_waits),
      harness_test(requests_complete),
      harness_test(bodies_are_shared_between_threads),
      harness_test(what_a_closed_sender_sent_is_received),
      harness_test(many_threads_connect_to_one),
      harness_test(closing_races_with_traffic),
      harness_test(unbinding_races_with_connecting),
      harness_test(a_context_outlives_what_nobody_bound),
      harness_test(rooms_are_freed_by_a_lost_peer),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
