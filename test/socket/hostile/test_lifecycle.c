/* Closing in every state, lingering, requests that end, loops that run again,
 * contexts, and the ways to run a loop. What may be done inside callbacks is in
 * test_callbacks.c, what uv_walk() does in test_walk.c. */
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

enum { SOON_MS = 1000 };

static void test_close_right_after_init(void **state) {
  rig_t rig;
  actor_t actor;

  (void)state;
  rig_open(&rig);
  for (int type = ZUV_PAIR; type <= ZUV_STREAM; type++) {
    actor_open(&actor, NULL, &rig.loop, type);
    zuv_close(&actor.zuv, actor_on_close);
    assert_int_equal(actor.closed, 0);
    assert_true(zuv_is_closing(&actor.zuv));
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(actor.closed, 1);
  }
  rig_close(&rig);
}

static void test_closing_socket_takes_no_calls(void **state) {
  rig_t rig;
  actor_t actor;
  zuv_send_t request;
  zuv_msg_t part;

  (void)state;
  rig_open(&rig);
  actor_open(&actor, NULL, &rig.loop, ZUV_DEALER);
  zuv_close(&actor.zuv, actor_on_close);
  zuv_msg_init_const(&part, "x", 1);
  for (int i = 0; i < 2; i++) {
    zuv_socket_t *s = &actor.zuv;
    assert_int_equal(zuv_bind(s, rig_any_port()), UV_EINVAL);
    assert_int_equal(zuv_connect(s, "tcp://127.0.0.1:1"), UV_EINVAL);
    assert_int_equal(zuv_unbind(s, "tcp://127.0.0.1:1"), UV_EINVAL);
    assert_int_equal(zuv_disconnect(s, "tcp://127.0.0.1:1"), UV_EINVAL);
    assert_int_equal(zuv_recv_start(s, actor_on_recv), UV_EINVAL);
    assert_int_equal(zuv_event_start(s, actor_on_event), UV_EINVAL);
    assert_int_equal(zuv_writable_start(s, actor_on_close), UV_EINVAL);
    assert_int_equal(zuv_try_send(s, &part, 1), UV_EINVAL);
    assert_int_equal(zuv_send(&request, s, &part, 1, NULL), UV_EINVAL);
    assert_int_equal(zuv_set_int(s, ZUV_SNDHWM, 1), UV_EINVAL);
    zuv_ref(s);
    zuv_unref(s);
    /* Once closing, then closed. */
    uv_run(&rig.loop, UV_RUN_DEFAULT);
  }
  zuv_msg_close(&part);
  assert_int_equal(actor.closed, 1);
  zuv_close(&actor.zuv, actor_on_close);
  rig_close(&rig);
  assert_int_equal(actor.closed, 1);
}

/* ---- Requests ---- */

typedef struct {
  zuv_send_t zuv;
  int ended;
  int status;
  int order;
  size_t closed_before;
} request_t;

static int ends;

static void on_sent(zuv_send_t *zuv, int status) {
  request_t *request = (request_t *)zuv;
  request->ended++;
  request->status = status;
  request->order = ends++;
  request->closed_before = ((actor_t *)zuv->socket)->closed;
}

static void send_request(actor_t *actor, request_t *request) {
  zuv_msg_t parts[2];

  memset(request, 0, sizeof(*request));
  zuv_msg_init_view(&parts[0], "one", 3);
  zuv_msg_init_view(&parts[1], "two", 3);
  assert_int_equal(zuv_send(&request->zuv, &actor->zuv, parts, 2, on_sent), 0);
  assert_int_equal(request->ended, 0);
}

static void expect_cancelled(const request_t *requests, int count) {
  for (int i = 0; i < count; i++) {
    assert_int_equal(requests[i].ended, 1);
    assert_int_equal(requests[i].status, UV_ECANCELED);
    assert_int_equal(requests[i].order, i);
    assert_int_equal(requests[i].closed_before, 0);
  }
}

static void
test_requests_without_a_peer_are_cancelled_before_the_close(void **state) {
  rig_t rig;
  actor_t push;
  request_t requests[5];

  (void)state;
  rig_open(&rig);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  ends = 0;
  for (int i = 0; i < 5; i++)
    send_request(&push, &requests[i]);
  zuv_close(&push.zuv, actor_on_close);
  zuv_close(&push.zuv, actor_on_close);
  uv_run(&rig.loop, UV_RUN_DEFAULT);
  assert_int_equal(push.closed, 1);
  expect_cancelled(requests, 5);
  rig_close(&rig);
}

/* Some are in the pipe, the others wait for room in it. */
static void
test_requests_of_a_pipe_are_cancelled_before_the_close(void **state) {
  const char *endpoints[] = {"tcp", "inproc://nobody-binds-this"};
  char refused[RIG_TEXT_MAX];
  rig_t rig;
  int port = raw_reserve(refused);

  (void)state;
  endpoints[0] = refused;
  rig_open(&rig);
  for (int e = 0; e < 2; e++) {
    actor_t push;
    request_t requests[5];

    actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
    actor_set(&push, ZUV_SNDHWM, 2);
    actor_set(&push, ZUV_LINGER, 0);
    actor_connect(&push, endpoints[e]);
    ends = 0;
    for (int i = 0; i < 5; i++)
      send_request(&push, &requests[i]);
    rig_run_for(&rig, 5);
    zuv_close(&push.zuv, actor_on_close);
    rig_until(&rig, push.closed == 1);
    for (int i = 0; i < 5; i++) {
      assert_int_equal(requests[i].ended, 1);
      assert_int_equal(requests[i].closed_before, 0);
      /* inproc hands over to the peer's side at once */
      if (e == 0 || requests[i].status != 0)
        assert_int_equal(requests[i].status, UV_ECANCELED);
    }
  }
  close(port);
  rig_close(&rig);
}

static void
test_requests_end_with_success_when_linger_lets_them_out(void **state) {
  rig_t rig;
  actor_t push;
  actor_t pull;
  request_t requests[3];
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  actor_open(&pull, NULL, &rig.loop, ZUV_PULL);
  actor_bind(&pull, endpoint);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_connect(&push, endpoint);
  for (int i = 0; i < 3; i++)
    send_request(&push, &requests[i]);
  zuv_close(&push.zuv, actor_on_close);
  rig_until(&rig, push.closed == 1 && pull.received == 3);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(requests[i].ended, 1);
    assert_int_equal(requests[i].status, 0);
    assert_int_equal(requests[i].closed_before, 0);
  }
  actor_close(&rig, &pull);
  rig_close(&rig);
}

/* ---- Lingering ---- */

typedef struct {
  rig_t rig;
  actor_t push;
  char endpoint[RIG_TEXT_MAX];
  int port;
  uint64_t closed_at;
} lingering_t;

/* A message waits for a peer that is not there yet. */
static void linger_begin(lingering_t *l, int linger) {
  memset(l, 0, sizeof(*l));
  l->port = raw_reserve(l->endpoint);
  rig_open(&l->rig);
  actor_open(&l->push, NULL, &l->rig.loop, ZUV_PUSH);
  actor_set(&l->push, ZUV_LINGER, linger);
  actor_set(&l->push, ZUV_RECONNECT_IVL, 5);
  actor_connect(&l->push, l->endpoint);
  assert_int_equal(actor_send(&l->push, "wanted|badly"), 0);
  l->closed_at = rig_now_ms();
  zuv_close(&l->push.zuv, actor_on_close);
}

static uint64_t linger_passed(const lingering_t *l) {
  return rig_now_ms() - l->closed_at;
}

static void linger_end(lingering_t *l) {
  rig_until(&l->rig, l->push.closed == 1);
  close(l->port);
  rig_close(&l->rig);
  assert_int_equal(l->push.closed, 1);
}

static void receive_late(lingering_t *l) {
  actor_t pull;

  actor_open(&pull, NULL, &l->rig.loop, ZUV_PULL);
  assert_int_equal(listen(l->port, 16), 0);
  actor_set(&pull, ZUV_USE_FD, dup(l->port));
  assert_int_equal(zuv_bind(&pull.zuv, l->endpoint), 0);
  rig_until(&l->rig, pull.received == 1);
  assert_string_equal(pull.text, "wanted|badly");
  actor_close(&l->rig, &pull);
}

static void test_linger_0_closes_at_once(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, 0);
  uv_run(&l.rig.loop, UV_RUN_DEFAULT);
  assert_int_equal(l.push.closed, 1);
  assert_true(linger_passed(&l) < SOON_MS);
  linger_end(&l);
}

static void test_linger_n_closes_after_n(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, 60);
  uv_run(&l.rig.loop, UV_RUN_DEFAULT);
  assert_int_equal(l.push.closed, 1);
  assert_in_range(linger_passed(&l), 59, 60 + SOON_MS);
  linger_end(&l);
}

static void test_linger_n_closes_sooner_when_all_is_sent(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, 10000);
  rig_run_for(&l.rig, 20);
  assert_int_equal(l.push.closed, 0);
  receive_late(&l);
  rig_until(&l.rig, l.push.closed == 1);
  assert_true(linger_passed(&l) < 5000);
  linger_end(&l);
}

static void test_linger_without_end_waits_for_the_peer(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, -1);
  rig_run_for(&l.rig, 60);
  assert_int_equal(l.push.closed, 0);
  receive_late(&l);
  linger_end(&l);
}

static void test_second_close_cuts_linger_short(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, -1);
  rig_run_for(&l.rig, 10);
  assert_int_equal(l.push.closed, 0);
  actor_set(&l.push, ZUV_LINGER, 0);
  zuv_close(&l.push.zuv, NULL);
  linger_end(&l);
}

static void test_second_close_bounds_linger(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, -1);
  rig_run_for(&l.rig, 10);
  actor_set(&l.push, ZUV_LINGER, 30);
  zuv_close(&l.push.zuv, actor_on_close);
  linger_end(&l);
}

static void test_second_close_does_not_lengthen_linger(void **state) {
  lingering_t l;

  (void)state;
  linger_begin(&l, 100);
  while (l.push.closed == 0 && linger_passed(&l) < 5000) {
    rig_run_for(&l.rig, 10);
    zuv_set_int(&l.push.zuv, ZUV_LINGER, 1000);
    zuv_close(&l.push.zuv, actor_on_close);
  }
  assert_int_equal(l.push.closed, 1);
  assert_true(linger_passed(&l) < 900);
  linger_end(&l);
}

static void test_close_all_ends_what_lingers(void **state) {
  lingering_t l;
  actor_t other;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  linger_begin(&l, -1);
  actor_open(&other, NULL, &l.rig.loop, ZUV_REP);
  actor_bind(&other, endpoint);
  rig_run_for(&l.rig, 10);
  assert_int_equal(l.push.closed, 0);
  zuv_close_all(&l.rig.loop);
  zuv_close(&other.zuv, actor_on_close);
  linger_end(&l);
  assert_int_equal(other.closed, 0);
}

/* ---- Closing while something is on its way ---- */

static void expect_close_soon(rig_t *rig, actor_t *actor) {
  uint64_t before = rig_now_ms();

  actor_set(actor, ZUV_LINGER, 0);
  zuv_close(&actor->zuv, actor_on_close);
  rig_until(rig, actor->closed == 1);
  assert_true(rig_now_ms() - before < SOON_MS);
}

static void test_close_while_connecting(void **state) {
  rig_t rig;
  actor_t actor;
  raw_full_t full;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  raw_listen_full(&full, endpoint);
  for (int immediate = 0; immediate < 2; immediate++) {
    actor_open(&actor, NULL, &rig.loop, ZUV_DEALER);
    actor_set(&actor, ZUV_IMMEDIATE, immediate);
    actor_connect(&actor, endpoint);
    rig_until(&rig, actor.events[ZUV_EVENT_CONNECT_DELAYED] == 1);
    expect_close_soon(&rig, &actor);
  }
  raw_listen_full_end(&full);
  rig_close(&rig);
}

static void test_close_while_resolving(void **state) {
  rig_t rig;
  actor_t actors[8];

  (void)state;
  rig_open(&rig);
  for (int i = 0; i < 8; i++) {
    actor_open(&actors[i], NULL, &rig.loop, ZUV_DEALER);
    actor_set(&actors[i], ZUV_IMMEDIATE, i & 1);
    actor_connect(&actors[i], "tcp://localhost:9");
    if (i & 2)
      uv_run(&rig.loop, UV_RUN_NOWAIT);
    actor_set(&actors[i], ZUV_LINGER, 0);
    zuv_close(&actors[i].zuv, actor_on_close);
  }
  for (int i = 0; i < 8; i++)
    rig_until(&rig, actors[i].closed == 1);
  rig_close(&rig);
}

static void test_close_while_shaking_hands(void **state) {
  rig_t rig;
  actor_t actor;
  wire_t wire = {.size = 0};
  char endpoint[RIG_TEXT_MAX];
  int listener = raw_listen(endpoint);

  (void)state;
  rig_open(&rig);
  wire_handshake(&wire, "ROUTER");
  for (size_t size = 0; size < wire.size; size += 9) {
    int fd;
    actor_open(&actor, NULL, &rig.loop, ZUV_DEALER);
    actor_connect(&actor, endpoint);
    fd = raw_accept(&rig, listener);
    raw_send(&rig, fd, wire.bytes, size);
    rig_until(&rig, actor.events[ZUV_EVENT_CONNECTED] == 1);
    expect_close_soon(&rig, &actor);
    rig_until(&rig, raw_is_closed(fd));
    close(fd);
  }
  close(listener);
  rig_close(&rig);
}

static void test_close_of_a_listener_with_half_shaken_hands(void **state) {
  rig_t rig;
  actor_t actor;
  wire_t wire = {.size = 0};
  char endpoint[RIG_TEXT_MAX];
  int fds[5];

  (void)state;
  rig_open(&rig);
  wire_handshake(&wire, "DEALER");
  for (int unbind = 0; unbind < 2; unbind++) {
    actor_open(&actor, NULL, &rig.loop, ZUV_ROUTER);
    actor_bind(&actor, endpoint);
    for (size_t i = 0; i < 5; i++) {
      fds[i] = raw_connect(endpoint);
      raw_send(&rig, fds[i], wire.bytes, i == 4 ? wire.size : 20 * i);
    }
    rig_until(&rig, actor.events[ZUV_EVENT_ACCEPTED] == 5 &&
                        actor.events[ZUV_EVENT_READY] == 1);
    if (unbind) {
      assert_int_equal(zuv_unbind(&actor.zuv, endpoint), 0);
      rig_until(&rig, actor.events[ZUV_EVENT_CLOSED] == 1);
    } else {
      expect_close_soon(&rig, &actor);
    }
    for (int i = 0; i < 5; i++) {
      rig_until(&rig, raw_is_closed(fds[i]));
      close(fds[i]);
    }
    if (unbind)
      expect_close_soon(&rig, &actor);
  }
  rig_close(&rig);
}

static void test_close_while_backing_off(void **state) {
  rig_t rig;
  actor_t actor;
  char endpoint[RIG_TEXT_MAX];
  int port = raw_reserve(endpoint);

  (void)state;
  rig_open(&rig);
  for (int immediate = 0; immediate < 2; immediate++) {
    actor_open(&actor, NULL, &rig.loop, ZUV_DEALER);
    actor_set(&actor, ZUV_RECONNECT_IVL, 60000);
    actor_set(&actor, ZUV_IMMEDIATE, immediate);
    actor_connect(&actor, endpoint);
    rig_until(&rig, actor.events[ZUV_EVENT_CONNECT_RETRIED] == 1);
    expect_close_soon(&rig, &actor);
  }
  close(port);
  rig_close(&rig);
}

static void test_close_of_a_socket_joined_to_itself(void **state) {
  const char *endpoint = "inproc://narcissus";
  rig_t rig;
  actor_t actor;

  (void)state;
  rig_open(&rig);
  for (int first = 0; first < 2; first++)
    for (int unread = 0; unread < 2; unread++) {
      actor_open(&actor, NULL, &rig.loop, ZUV_DEALER);
      if (unread)
        zuv_recv_stop(&actor.zuv);
      if (first)
        assert_int_equal(zuv_bind(&actor.zuv, endpoint), 0);
      actor_connect(&actor, endpoint);
      actor_connect(&actor, endpoint);
      if (!first)
        assert_int_equal(zuv_bind(&actor.zuv, endpoint), 0);
      for (int i = 0; i < 6; i++)
        assert_int_equal(actor_send(&actor, "to myself"), 0);
      if (!unread)
        rig_until(&rig, actor.received == 6);
      expect_close_soon(&rig, &actor);
    }
  rig_close(&rig);
}

/* ---- Loops ---- */

static void exchange(uv_loop_t *loop, uv_run_mode mode, zuv_context_t *context,
                     const char *endpoint) {
  uint64_t deadline = rig_now_ms() + RIG_DEADLINE_MS;
  char text[RIG_TEXT_MAX];
  size_t size = sizeof(text);
  actor_t rep;
  actor_t req;

  actor_open(&rep, context, loop, ZUV_REP);
  actor_open(&req, context, loop, ZUV_REQ);
  assert_int_equal(zuv_bind(&rep.zuv, endpoint), 0);
  zuv_get_option(&rep.zuv, ZUV_LAST_ENDPOINT, text, &size);
  actor_connect(&req, text);
  assert_int_equal(actor_send(&req, "question"), 0);
  while (rep.received == 0 && rig_now_ms() < deadline)
    uv_run(loop, mode);
  assert_int_equal(actor_send(&rep, "answer"), 0);
  while (req.received == 0 && rig_now_ms() < deadline)
    uv_run(loop, mode);
  assert_string_equal(req.text, "answer");
  zuv_close(&rep.zuv, actor_on_close);
  zuv_close(&req.zuv, actor_on_close);
  while (rep.closed + req.closed < 2 && rig_now_ms() < deadline)
    uv_run(loop, mode);
  assert_int_equal(rep.closed + req.closed, 2);
}

static void test_loop_runs_again_after_all_sockets_went(void **state) {
  uv_loop_t loop;

  (void)state;
  assert_int_equal(uv_loop_init(&loop), 0);
  for (int i = 0; i < 3; i++) {
    exchange(&loop, UV_RUN_ONCE, NULL, rig_any_port());
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    exchange(&loop, UV_RUN_NOWAIT, NULL, "inproc://again");
    exchange(&loop, UV_RUN_ONCE, NULL, "ipc://*");
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_loop_can_be_closed_after_nowait_runs(void **state) {
  uv_loop_t loop;

  (void)state;
  assert_int_equal(uv_loop_init(&loop), 0);
  exchange(&loop, UV_RUN_NOWAIT, NULL, rig_any_port());
  while (uv_run(&loop, UV_RUN_NOWAIT) != 0)
    ;
  assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_loop_ends_without_referenced_endpoints(void **state) {
  rig_t rig;
  actor_t actor;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  actor_open(&actor, NULL, &rig.loop, ZUV_REP);
  /* No endpoint: nothing can happen. */
  uv_run(&rig.loop, UV_RUN_DEFAULT);
  actor_bind(&actor, endpoint);
  for (int i = 0; i < 10; i++)
    assert_int_not_equal(uv_run(&rig.loop, UV_RUN_NOWAIT), 0);
  assert_true(zuv_has_ref(&actor.zuv));
  zuv_unref(&actor.zuv);
  assert_false(zuv_has_ref(&actor.zuv));
  uv_run(&rig.loop, UV_RUN_DEFAULT);
  /* A closing socket keeps the loop alive until its callback. */
  zuv_close(&actor.zuv, actor_on_close);
  uv_run(&rig.loop, UV_RUN_DEFAULT);
  assert_int_equal(actor.closed, 1);
  rig_close(&rig);
}

static void test_loop_sleeps_when_nothing_happens(void **state) {
  rig_t rig;
  actor_t rep;
  actor_t req;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  actor_open(&rep, NULL, &rig.loop, ZUV_REP);
  actor_open(&req, NULL, &rig.loop, ZUV_REQ);
  actor_bind(&rep, endpoint);
  actor_connect(&req, endpoint);
  rig_until(&rig, req.events[ZUV_EVENT_READY] == 1 &&
                      rep.events[ZUV_EVENT_READY] == 1);
  rig_until(&rig, uv_backend_timeout(&rig.loop) != 0);
  for (int i = 0; i < 3; i++)
    uv_run(&rig.loop, UV_RUN_NOWAIT);
  assert_int_not_equal(uv_backend_timeout(&rig.loop), 0);
  actor_close(&rig, &rep);
  actor_close(&rig, &req);
  rig_close(&rig);
}

static void on_close_free(zuv_socket_t *socket) {
  free(socket);
}

static void on_close_again(zuv_socket_t *socket) {
  actor_t *actor = (actor_t *)socket;

  if (++actor->closed == 5)
    return;
  assert_int_equal(zuv_socket_init(NULL, &((rig_t *)actor->zuv.data)->loop,
                                   socket, ZUV_PAIR),
                   0);
  assert_int_equal(zuv_bind(socket, "inproc://again"), 0);
  zuv_close(socket, on_close_again);
}

static void test_memory_is_the_callers_in_the_close_callback(void **state) {
  rig_t rig;
  actor_t actor;
  zuv_socket_t *heap = malloc(sizeof(*heap));

  (void)state;
  rig_open(&rig);
  assert_non_null(heap);
  assert_int_equal(zuv_socket_init(NULL, &rig.loop, heap, ZUV_PUB), 0);
  assert_int_equal(zuv_bind(heap, rig_any_port()), 0);
  zuv_close(heap, on_close_free);
  actor_open(&actor, NULL, &rig.loop, ZUV_PAIR);
  actor.zuv.data = &rig;
  zuv_close(&actor.zuv, on_close_again);
  uv_run(&rig.loop, UV_RUN_DEFAULT);
  assert_int_equal(actor.closed, 5);
  rig_close(&rig);
}

/* ---- Contexts ---- */

static void test_contexts_are_name_spaces_of_their_own(void **state) {
  rig_t rig;
  zuv_context_t contexts[2];
  actor_t pulls[2];
  actor_t pushes[2];

  (void)state;
  rig_open(&rig);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(zuv_context_init(&contexts[i]), 0);
    actor_open(&pulls[i], &contexts[i], &rig.loop, ZUV_PULL);
    actor_open(&pushes[i], &contexts[i], &rig.loop, ZUV_PUSH);
    assert_int_equal(zuv_bind(&pulls[i].zuv, "inproc://same"), 0);
    actor_connect(&pushes[i], "inproc://same");
  }
  assert_int_equal(actor_send(&pushes[0], "zero"), 0);
  assert_int_equal(actor_send(&pushes[1], "one"), 0);
  rig_until(&rig, pulls[0].received == 1 && pulls[1].received == 1);
  assert_string_equal(pulls[0].text, "zero");
  assert_string_equal(pulls[1].text, "one");
  for (int i = 0; i < 2; i++) {
    assert_int_equal(zuv_context_destroy(&contexts[i]), UV_EBUSY);
    actor_close(&rig, &pulls[i]);
    assert_int_equal(zuv_context_destroy(&contexts[i]), UV_EBUSY);
    actor_close(&rig, &pushes[i]);
    assert_int_equal(zuv_context_destroy(&contexts[i]), 0);
    assert_int_equal(zuv_context_destroy(&contexts[i]), UV_EINVAL);
  }
  rig_close(&rig);
}

static void test_context_ends_with_connects_that_nobody_answered(void **state) {
  rig_t rig;
  zuv_context_t context;
  actor_t push;

  (void)state;
  rig_open(&rig);
  assert_int_equal(zuv_context_init(&context), 0);
  actor_open(&push, &context, &rig.loop, ZUV_PUSH);
  actor_connect(&push, "inproc://nobody");
  assert_int_equal(actor_send(&push, "lost"), 0);
  actor_close(&rig, &push);
  assert_int_equal(zuv_context_destroy(&context), 0);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_close_right_after_init),
      cmocka_unit_test(test_closing_socket_takes_no_calls),
      cmocka_unit_test(
          test_requests_without_a_peer_are_cancelled_before_the_close),
      cmocka_unit_test(test_requests_of_a_pipe_are_cancelled_before_the_close),
      cmocka_unit_test(
          test_requests_end_with_success_when_linger_lets_them_out),
      cmocka_unit_test(test_linger_0_closes_at_once),
      cmocka_unit_test(test_linger_n_closes_after_n),
      cmocka_unit_test(test_linger_n_closes_sooner_when_all_is_sent),
      cmocka_unit_test(test_linger_without_end_waits_for_the_peer),
      cmocka_unit_test(test_second_close_cuts_linger_short),
      cmocka_unit_test(test_second_close_bounds_linger),
      cmocka_unit_test(test_second_close_does_not_lengthen_linger),
      cmocka_unit_test(test_close_all_ends_what_lingers),
      cmocka_unit_test(test_close_while_connecting),
      cmocka_unit_test(test_close_while_resolving),
      cmocka_unit_test(test_close_while_shaking_hands),
      cmocka_unit_test(test_close_of_a_listener_with_half_shaken_hands),
      cmocka_unit_test(test_close_while_backing_off),
      cmocka_unit_test(test_close_of_a_socket_joined_to_itself),
      cmocka_unit_test(test_loop_runs_again_after_all_sockets_went),
      cmocka_unit_test(test_loop_can_be_closed_after_nowait_runs),
      cmocka_unit_test(test_loop_ends_without_referenced_endpoints),
      cmocka_unit_test(test_loop_sleeps_when_nothing_happens),
      cmocka_unit_test(test_memory_is_the_callers_in_the_close_callback),
      cmocka_unit_test(test_contexts_are_name_spaces_of_their_own),
      cmocka_unit_test(test_context_ends_with_connects_that_nobody_answered),
  };
  return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
