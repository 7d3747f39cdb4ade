/* Too few descriptors, connects that fail, and storms of connections: nothing
 * is lost, and the loop never waits. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "town.h"

enum { GUESTS = 8, STORM = 500, SPARES_MAX = 64 };

/* ---- Running out of descriptors ---- */

typedef struct {
  struct rlimit before;
  int spares[SPARES_MAX];
  int count;
} shortage_t;

/* From now on no descriptor is free, until some spares are closed. */
static void shortage_begin(shortage_t *shortage) {
  struct rlimit limit;
  int next = dup(0);
  int fd;

  assert_true(next >= 0);
  close(next);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &shortage->before), 0);
  limit = shortage->before;
  limit.rlim_cur = (rlim_t)next + 16;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  shortage->count = 0;
  while ((fd = dup(0)) >= 0)
    shortage->spares[shortage->count++] = fd;
}

static void shortage_free(shortage_t *shortage, int count) {
  while (count-- > 0 && shortage->count > 0)
    close(shortage->spares[--shortage->count]);
}

static void shortage_end(shortage_t *shortage) {
  shortage_free(shortage, SPARES_MAX);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &shortage->before), 0);
}

static void
test_accept_without_descriptors_pauses_and_loses_nobody(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  shortage_t shortage;
  int fds[GUESTS];

  (void)state;
  town_open(&town, NULL);
  wire_handshake(&wire, "DEALER");
  wire_frame(&wire, 0, "here", 4);
  /* The kernel takes them in; nobody has accepted yet. */
  for (int i = 0; i < GUESTS; i++) {
    fds[i] = raw_connect(town.endpoint);
    assert_true(raw_send_wire(&town.rig, fds[i], &wire));
  }
  shortage_begin(&shortage);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_ACCEPT_FAILED] == 1);
  assert_int_equal(town.server.last[ZUV_EVENT_ACCEPT_FAILED].status, UV_EMFILE);
  assert_true(town.server.last[ZUV_EVENT_ACCEPT_FAILED].delay_ms > 0);
  /* It is tried again, and meanwhile the others go on. */
  rig_until(&town.rig, town.server.events[ZUV_EVENT_ACCEPT_FAILED] == 3);
  assert_int_equal(town.server.received, 0);
  town_is_well(&town);
  shortage_free(&shortage, 3);
  rig_until(&town.rig, town.server.received == 3);
  shortage_free(&shortage, GUESTS);
  rig_until(&town.rig, town.server.received == GUESTS);
  assert_int_equal(town.server.events[ZUV_EVENT_DISCONNECTED], 0);
  assert_int_equal(town.server.events[ZUV_EVENT_ACCEPTED], GUESTS + 1);
  shortage_end(&shortage);
  for (int i = 0; i < GUESTS; i++)
    close(fds[i]);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] == GUESTS);
  town_close(&town);
}

static void test_close_while_accepting_pauses(void **state) {
  town_t town;
  shortage_t shortage;
  int fd;

  (void)state;
  town_open(&town, NULL);
  fd = raw_connect(town.endpoint);
  shortage_begin(&shortage);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_ACCEPT_FAILED] == 1);
  town_close(&town);
  shortage_end(&shortage);
  close(fd);
}

static void test_connect_without_descriptors_is_tried_again(void **state) {
  town_t town;
  shortage_t shortage;
  actor_t dealer;

  (void)state;
  town_open(&town, NULL);
  actor_open(&dealer, NULL, &town.rig.loop, ZUV_DEALER);
  actor_set(&dealer, ZUV_RECONNECT_IVL, 5);
  shortage_begin(&shortage);
  actor_connect(&dealer, town.endpoint);
  assert_int_equal(actor_send(&dealer, "late"), 0);
  rig_until(&town.rig, dealer.events[ZUV_EVENT_CONNECT_RETRIED] >= 2);
  assert_int_equal(dealer.last[ZUV_EVENT_CONNECT_RETRIED].status, UV_EMFILE);
  shortage_end(&shortage);
  rig_until(&town.rig, town.server.received == 1);
  actor_close(&town.rig, &dealer);
  town_close(&town);
}

static void test_bind_without_descriptors_is_an_error(void **state) {
  rig_t rig;
  shortage_t shortage;
  actor_t router;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  actor_open(&router, NULL, &rig.loop, ZUV_ROUTER);
  shortage_begin(&shortage);
  assert_int_equal(zuv_bind(&router.zuv, rig_any_port()), UV_EMFILE);
  assert_int_equal(zuv_bind(&router.zuv, "ipc://*"), UV_EMFILE);
  shortage_end(&shortage);
  actor_bind(&router, endpoint);
  actor_close(&rig, &router);
  rig_close(&rig);
}

/* A loop needs descriptors too, and so does a socket's first use of it. */
static void
test_socket_init_without_descriptors_is_an_error_or_works(void **state) {
  rig_t rig;
  shortage_t shortage;
  zuv_socket_t socket;
  int err;

  (void)state;
  rig_open(&rig);
  shortage_begin(&shortage);
  err = zuv_socket_init(NULL, &rig.loop, &socket, ZUV_PAIR);
  if (err == 0)
    zuv_close(&socket, NULL);
  else
    assert_int_equal(err, UV_EMFILE);
  shortage_end(&shortage);
  rig_close(&rig);
}

/* ---- Connects that fail ---- */

static void test_refused_connect_is_told_and_tried_again(void **state) {
  rig_t rig;
  actor_t push;
  actor_t pull;
  char endpoint[RIG_TEXT_MAX];
  int port = raw_reserve(endpoint);

  (void)state;
  rig_open(&rig);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&push, ZUV_RECONNECT_IVL, 5);
  actor_connect(&push, endpoint);
  assert_int_equal(actor_send(&push, "waiting"), 0);
  rig_until(&rig, push.events[ZUV_EVENT_CONNECT_RETRIED] >= 3);
  assert_int_equal(push.last[ZUV_EVENT_CONNECT_RETRIED].status,
                   UV_ECONNREFUSED);
  assert_in_range(push.last[ZUV_EVENT_CONNECT_RETRIED].delay_ms, 5, 10);
  actor_open(&pull, NULL, &rig.loop, ZUV_PULL);
  assert_int_equal(listen(port, 16), 0);
  actor_set(&pull, ZUV_USE_FD, port);
  assert_int_equal(zuv_bind(&pull.zuv, endpoint), 0);
  rig_until(&rig, pull.received == 1);
  actor_close(&rig, &push);
  actor_close(&rig, &pull);
  rig_close(&rig);
}

static void test_refused_connect_stops_if_asked(void **state) {
  rig_t rig;
  actor_t push;
  char endpoint[RIG_TEXT_MAX];
  int port = raw_reserve(endpoint);

  (void)state;
  rig_open(&rig);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&push, ZUV_RECONNECT_STOP, ZUV_RECONNECT_STOP_CONN_REFUSED);
  actor_connect(&push, endpoint);
  rig_until(&rig, push.events[ZUV_EVENT_STOPPED] == 1);
  assert_int_equal(push.last[ZUV_EVENT_STOPPED].status, UV_ECONNREFUSED);
  assert_int_equal(push.events[ZUV_EVENT_CONNECT_RETRIED], 0);
  close(port);
  actor_close(&rig, &push);
  rig_close(&rig);
}

static void test_missing_ipc_path_is_tried_again(void **state) {
  rig_t rig;
  actor_t push;
  actor_t pull;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  snprintf(endpoint, sizeof(endpoint), "ipc:///tmp/zuv-test-accept-%d",
           (int)getpid());
  rig_open(&rig);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&push, ZUV_RECONNECT_IVL, 5);
  actor_connect(&push, endpoint);
  assert_int_equal(actor_send(&push, "waiting"), 0);
  rig_until(&rig, push.events[ZUV_EVENT_CONNECT_RETRIED] >= 2);
  actor_open(&pull, NULL, &rig.loop, ZUV_PULL);
  assert_int_equal(zuv_bind(&pull.zuv, endpoint), 0);
  rig_until(&rig, pull.received == 1);
  actor_close(&rig, &push);
  actor_close(&rig, &pull);
  unlink(endpoint + strlen("ipc://"));
  rig_close(&rig);
}

static void test_connect_timeout_gives_an_attempt_up(void **state) {
  rig_t rig;
  actor_t push;
  raw_full_t full;
  char endpoint[RIG_TEXT_MAX];

  (void)state;
  rig_open(&rig);
  raw_listen_full(&full, endpoint);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&push, ZUV_CONNECT_TIMEOUT, 30);
  actor_set(&push, ZUV_RECONNECT_IVL, 5);
  actor_connect(&push, endpoint);
  rig_until(&rig, push.events[ZUV_EVENT_CLOSED] >= 2);
  assert_true(push.events[ZUV_EVENT_CONNECT_DELAYED] >= 2);
  assert_int_equal(push.last[ZUV_EVENT_CLOSED].status, UV_ETIMEDOUT);
  assert_int_equal(push.events[ZUV_EVENT_CONNECTED], 0);
  actor_close(&rig, &push);
  raw_listen_full_end(&full);
  rig_close(&rig);
}

static void test_unknown_host_does_not_hold_the_loop(void **state) {
  town_t town;
  actor_t dealer;
  uint64_t before = rig_now_ms();

  (void)state;
  town_open(&town, NULL);
  actor_open(&dealer, NULL, &town.rig.loop, ZUV_DEALER);
  actor_connect(&dealer, "tcp://no-such-host.invalid:5555");
  assert_true(rig_now_ms() - before < 2000);
  before = town.rig.ticks;
  rig_until(&town.rig, town.rig.ticks > before + 20);
  town_is_well(&town);
  assert_int_equal(dealer.events[ZUV_EVENT_CONNECTED], 0);
  /* Its answer may come now or when nobody cares any more. */
  actor_close(&town.rig, &dealer);
  town_close(&town);
}

static void test_impossible_host_name_is_tried_again(void **state) {
  rig_t rig;
  actor_t push;

  (void)state;
  rig_open(&rig);
  actor_open(&push, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&push, ZUV_RECONNECT_IVL, 5);
  actor_connect(&push,
                "tcp://a-label-of-more-than-sixty-three-characters-is-not-"
                "a-host-name-at-all.invalid:5555");
  rig_until(&rig, push.events[ZUV_EVENT_CONNECT_RETRIED] >= 2);
  assert_true(push.last[ZUV_EVENT_CONNECT_RETRIED].status < 0);
  actor_close(&rig, &push);
  rig_close(&rig);
}

/* ---- Storms ---- */

static void test_storm_of_connects_and_closes(void **state) {
  town_t town;

  (void)state;
  town_open(&town, NULL);
  for (int i = 0; i < STORM; i++) {
    close(raw_connect(town.endpoint));
    if (i % 50 == 49)
      town_is_well(&town);
  }
  rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] == STORM);
  assert_int_equal(town.server.events[ZUV_EVENT_ACCEPTED], STORM + 1);
  assert_int_equal(town.server.events[ZUV_EVENT_HANDSHAKE_FAILED], STORM);
  town_close(&town);
}

static void test_storm_of_peers_that_send_and_leave(void **state) {
  town_t town;
  wire_t wire = {.size = 0};

  (void)state;
  wire_handshake(&wire, "DEALER");
  wire_frame(&wire, 0, "bye", 3);
  town_open(&town, NULL);
  for (int i = 0; i < STORM; i++) {
    int fd = raw_connect(town.endpoint);
    raw_send_wire(&town.rig, fd, &wire);
    close(fd);
    if (i % 50 == 49)
      town_is_well(&town);
  }
  rig_until(&town.rig, town.server.received == STORM);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] == STORM);
  town_close(&town);
}

static void test_storm_of_sockets(void **state) {
  enum { AT_ONCE = 50 };
  static actor_t dealers[AT_ONCE];
  town_t town;

  (void)state;
  town_open(&town, NULL);
  for (int round = 0; round < 10; round++) {
    size_t closed = 0;
    for (int i = 0; i < AT_ONCE; i++) {
      actor_open(&dealers[i], NULL, &town.rig.loop, ZUV_DEALER);
      actor_connect(&dealers[i], town.endpoint);
      assert_int_equal(actor_send(&dealers[i], "parting|words"), 0);
      /* LINGER lets it out. */
      zuv_close(&dealers[i].zuv, actor_on_close);
    }
    while (closed < AT_ONCE) {
      rig_until(&town.rig, dealers[closed].closed > 0);
      closed++;
    }
    town_is_well(&town);
  }
  rig_until(&town.rig, town.server.received == STORM);
  town_close(&town);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept_without_descriptors_pauses_and_loses_nobody),
      cmocka_unit_test(test_close_while_accepting_pauses),
      cmocka_unit_test(test_connect_without_descriptors_is_tried_again),
      cmocka_unit_test(test_bind_without_descriptors_is_an_error),
      cmocka_unit_test(
          test_socket_init_without_descriptors_is_an_error_or_works),
      cmocka_unit_test(test_refused_connect_is_told_and_tried_again),
      cmocka_unit_test(test_refused_connect_stops_if_asked),
      cmocka_unit_test(test_missing_ipc_path_is_tried_again),
      cmocka_unit_test(test_connect_timeout_gives_an_attempt_up),
      cmocka_unit_test(test_unknown_host_does_not_hold_the_loop),
      cmocka_unit_test(test_impossible_host_name_is_tried_again),
      cmocka_unit_test(test_storm_of_connects_and_closes),
      cmocka_unit_test(test_storm_of_peers_that_send_and_leave),
      cmocka_unit_test(test_storm_of_sockets),
  };
  return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
