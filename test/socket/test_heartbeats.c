/* Heartbeats as a scripted peer sees them: PINGs octet by octet, who is taken
 * for dead and when, and who is not. A silent peer beside the one that must not
 * be lost is the clock: when its time is over, so is the other's. */
#include <sys/socket.h>
#include <unistd.h>

#include "hostile/stranger.h"
#include "zmtp/frame.h"

enum { IVL = 40, TIMEOUT = 60, WIRE_ROOM = 1 << 16 };

static const uint8_t ping_25[] = "\x04\x07\x04PING\x00\x19";
static const uint8_t ping_0[] = "\x04\x07\x04PING\x00\x00";

typedef struct {
  rig_t rig;
  actor_t server;
  char endpoint[RIG_TEXT_MAX];
} heart_t;

/* A raw peer, and what it has heard. */
typedef struct {
  int fd;
  bool closed;
  size_t size;
  uint8_t bytes[WIRE_ROOM];
} guest_t;

static guest_t guest, other, clock_guest;

static uint64_t now_of(rig_t *rig) {
  uv_update_time(&rig->loop);
  return uv_now(&rig->loop);
}

static void heart_open(heart_t *heart, int type, int ivl, int timeout) {
  rig_open(&heart->rig);
  actor_open(&heart->server, NULL, &heart->rig.loop, type);
  actor_set(&heart->server, ZUV_HEARTBEAT_IVL, ivl);
  if (timeout >= 0)
    actor_set(&heart->server, ZUV_HEARTBEAT_TIMEOUT, timeout);
}

static void heart_close(heart_t *heart) {
  actor_close(&heart->rig, &heart->server);
  rig_close(&heart->rig);
}

static void serve(heart_t *heart) {
  actor_bind(&heart->server, heart->endpoint);
}

static size_t ready_count(const heart_t *heart) {
  return heart->server.events[ZUV_EVENT_READY];
}

static size_t lost_count(const heart_t *heart) {
  return heart->server.events[ZUV_EVENT_DISCONNECTED];
}

static void listen_to(guest_t *g) {
  ssize_t n;

  do {
    assert_true(g->size < WIRE_ROOM);
    n = recv(g->fd, g->bytes + g->size, WIRE_ROOM - g->size, 0);
    if (n > 0)
      g->size += (size_t)n;
  } while (n > 0);
  g->closed = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static bool has_heard(guest_t *g, size_t size) {
  listen_to(g);
  return g->size >= size;
}

static void say(heart_t *heart, guest_t *g, const void *bytes, size_t size) {
  assert_true(raw_send(&heart->rig, g->fd, bytes, size));
}

static void say_ping(heart_t *heart, guest_t *g, unsigned ttl,
                     const char *context) {
  wire_t wire = {.size = 0};
  uint8_t data[64] = {(uint8_t)(ttl >> 8), (uint8_t)ttl};

  memcpy(data + 2, context, strlen(context));
  wire_command(&wire, "PING", data, 2 + strlen(context));
  say(heart, g, wire.bytes, wire.size);
}

static void say_message(heart_t *heart, guest_t *g, const char *text) {
  wire_t wire = {.size = 0};

  wire_frame(&wire, 0, text, strlen(text));
  say(heart, g, wire.bytes, wire.size);
}

/* Shakes hands, and forgets what it heard in doing so. */
static void shake_hands(heart_t *heart, guest_t *g, int minor,
                        const char *type) {
  size_t ready = ready_count(heart);
  wire_t wire = {.size = 0};

  g->size = 0;
  g->closed = false;
  wire_greeting(&wire, 3, minor, "NULL");
  wire_ready(&wire, type, NULL, 0);
  raw_send_wire(&heart->rig, g->fd, &wire);
  rig_until(&heart->rig, ready_count(heart) > ready);
  /* The greeting, and READY in a short frame. */
  rig_until(&heart->rig, has_heard(g, 66) && g->size >= 66u + g->bytes[65]);
  g->size -= 66u + g->bytes[65];
  memmove(g->bytes, g->bytes + 66 + g->bytes[65], g->size);
}

static void enter(heart_t *heart, guest_t *g, const char *type) {
  g->fd = raw_connect(heart->endpoint);
  shake_hands(heart, g, 1, type);
}

static void leave(guest_t *g) {
  close(g->fd);
}

static bool is_gone(guest_t *g) {
  listen_to(g);
  return g->closed;
}

static void expect_timed_out(heart_t *heart) {
  assert_string_equal(
      zuv_err_name(heart->server.last[ZUV_EVENT_DISCONNECTED].status),
      "UV_ETIMEDOUT");
  assert_int_equal(heart->server.events[ZUV_EVENT_HANDSHAKE_FAILED], 0);
}

/* A peer says nothing from now on until it is lost. */
static void let_time_pass(heart_t *heart, const char *type) {
  size_t lost = lost_count(heart);

  enter(heart, &clock_guest, type);
  rig_until(&heart->rig, is_gone(&clock_guest) && lost_count(heart) > lost);
  expect_timed_out(heart);
  leave(&clock_guest);
}

/* ---- Our PINGs ---- */

static void pings_go_out_by_the_interval(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, IVL, 0);
  actor_set(&heart.server, ZUV_HEARTBEAT_TTL, 2599);
  serve(&heart);
  start = now_of(&heart.rig);
  enter(&heart, &guest, "DEALER");
  for (size_t i = 1; i <= 4; i++) {
    rig_until(&heart.rig, has_heard(&guest, 9 * i));
    assert_true(now_of(&heart.rig) - start >= i * IVL);
    assert_memory_equal(guest.bytes + 9 * (i - 1), ping_25, 9);
  }
  /* A TIMEOUT of 0 is none. */
  assert_false(guest.closed);
  leave(&guest);
  heart_close(&heart);
}

static void pings_go_to_peers_of_3_0_too(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, IVL, 0);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  shake_hands(&heart, &guest, 0, "DEALER");
  rig_until(&heart.rig, has_heard(&guest, 9));
  assert_memory_equal(guest.bytes, ping_0, 9);
  leave(&guest);
  heart_close(&heart);
}

static void peers_of_2_0_hear_none(void **state) {
  static const char greeting[] = "\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0";
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 1, 1);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  guest.size = 0;
  say(&heart, &guest, greeting, sizeof(greeting) - 1);
  rig_until(&heart.rig, ready_count(&heart) == 1 && has_heard(&guest, 14));
  rig_run_for(&heart.rig, 30);
  assert_false(has_heard(&guest, 15));
  assert_false(guest.closed);
  leave(&guest);
  heart_close(&heart);
}

static void a_raw_peer_hears_none(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_STREAM, 1, 1);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  guest.size = 0;
  rig_until(&heart.rig, ready_count(&heart) == 1);
  rig_run_for(&heart.rig, 30);
  assert_false(has_heard(&guest, 1));
  assert_false(guest.closed);
  leave(&guest);
  heart_close(&heart);
}

/* ---- Silence ---- */

/* Behaviours 157, 177. */
static void a_silent_peer_is_lost(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 100, 150);
  serve(&heart);
  start = now_of(&heart.rig);
  enter(&heart, &guest, "DEALER");
  rig_until(&heart.rig, is_gone(&guest) && lost_count(&heart) == 1);
  assert_true(now_of(&heart.rig) - start >= 250);
  expect_timed_out(&heart);
  /* One PING came before the deadline, one while it ran. */
  assert_int_equal(guest.size, 18);
  leave(&guest);
  heart_close(&heart);
}

static void without_a_timeout_it_is_the_interval(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, IVL, -1);
  serve(&heart);
  start = now_of(&heart.rig);
  enter(&heart, &guest, "DEALER");
  rig_until(&heart.rig, is_gone(&guest) && lost_count(&heart) == 1);
  assert_true(now_of(&heart.rig) - start >= 2 * IVL);
  expect_timed_out(&heart);
  leave(&guest);
  heart_close(&heart);
}

static void a_connector_tries_again(void **state) {
  heart_t heart;
  int listener;
  (void)state;

  heart_open(&heart, ZUV_DEALER, IVL, TIMEOUT);
  actor_set(&heart.server, ZUV_RECONNECT_IVL, 1);
  listener = raw_listen(heart.endpoint);
  actor_connect(&heart.server, heart.endpoint);
  guest.fd = raw_accept(&heart.rig, listener);
  shake_hands(&heart, &guest, 1, "ROUTER");
  rig_until(&heart.rig, lost_count(&heart) == 1);
  expect_timed_out(&heart);
  assert_int_equal(heart.server.events[ZUV_EVENT_CONNECT_RETRIED], 1);
  other.fd = raw_accept(&heart.rig, listener);
  shake_hands(&heart, &other, 1, "ROUTER");
  leave(&guest);
  leave(&other);
  close(listener);
  heart_close(&heart);
}

/* An incomplete frame, octet by octet. */
static void any_octet_is_a_sign_of_life(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, IVL, 6 * IVL);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  say(&heart, &guest, "\2\0\0\0\0\0\1\0\0", 9);
  for (size_t i = 1; i <= 12; i++) {
    rig_until(&heart.rig, has_heard(&guest, 9 * i));
    say(&heart, &guest, "x", 1);
  }
  assert_false(guest.closed);
  /* And silence from then on is silence. */
  rig_until(&heart.rig, is_gone(&guest) && lost_count(&heart) == 1);
  expect_timed_out(&heart);
  leave(&guest);
  heart_close(&heart);
}

/* A program may be busy with other things for longer than the deadline. */
static void what_waits_in_the_kernel_is_a_sign_of_life(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, IVL, TIMEOUT);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  for (size_t i = 1; i <= 3; i++) {
    rig_until(&heart.rig, has_heard(&guest, 9 * i));
    say(&heart, &guest, "\x04\x05\x04PONG", 7);
    uv_sleep(2 * TIMEOUT);
  }
  rig_until(&heart.rig, has_heard(&guest, 36));
  assert_false(guest.closed);
  leave(&guest);
  heart_close(&heart);
}

/* ---- PINGs of the peer ---- */

static void a_context_comes_back(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 0, -1);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  say_ping(&heart, &guest, 0, "");
  say_ping(&heart, &guest, 0, "ctx!");
  say_ping(&heart, &guest, 0, "0123456789abcdefXY");
  rig_until(&heart.rig, has_heard(&guest, 7 + 11 + 23));
  assert_memory_equal(guest.bytes, "\x04\x05\x04PONG", 7);
  assert_memory_equal(guest.bytes + 7, "\x04\x09\x04PONGctx!", 11);
  assert_memory_equal(guest.bytes + 18, "\x04\x15\x04PONG0123456789abcdef", 23);
  leave(&guest);
  heart_close(&heart);
}

static void a_ping_without_its_ttl_is_ignored(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 0, -1);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  say(&heart, &guest, "\x04\x05\x04PING", 7);
  say(&heart, &guest, "\x04\x06\x04PING\x00", 8);
  say_ping(&heart, &guest, 0, "real");
  rig_until(&heart.rig, has_heard(&guest, 11));
  assert_int_equal(guest.size, 11);
  assert_memory_equal(guest.bytes, "\x04\x09\x04PONGreal", 11);
  leave(&guest);
  heart_close(&heart);
}

/* Behaviour 178. */
static void the_peers_time_to_live_is_honoured(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 0, -1);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  start = now_of(&heart.rig);
  say_ping(&heart, &guest, 3, "ctx!");
  rig_until(&heart.rig, is_gone(&guest) && lost_count(&heart) == 1);
  assert_true(now_of(&heart.rig) - start >= 300);
  assert_int_equal(guest.size, 11);
  assert_memory_equal(guest.bytes, "\x04\x09\x04PONGctx!", 11);
  expect_timed_out(&heart);
  leave(&guest);
  heart_close(&heart);
}

static void what_follows_ends_the_time_to_live(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 0, -1);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  enter(&heart, &clock_guest, "DEALER");
  say_ping(&heart, &guest, 5, "");
  rig_until(&heart.rig, has_heard(&guest, 7));
  say_message(&heart, &guest, "alive");
  say_ping(&heart, &clock_guest, 6, "");
  rig_until(&heart.rig, is_gone(&clock_guest));
  assert_false(is_gone(&guest));
  leave(&guest);
  leave(&clock_guest);
  heart_close(&heart);
}

/* 656 tenths are 64 milliseconds when 16 bits are all there is. */
static void a_long_time_to_live_is_long(void **state) {
  heart_t heart;
  (void)state;

  heart_open(&heart, ZUV_ROUTER, 0, -1);
  serve(&heart);
  enter(&heart, &guest, "DEALER");
  enter(&heart, &other, "DEALER");
  enter(&heart, &clock_guest, "DEALER");
  say_ping(&heart, &guest, 656, "");
  say_ping(&heart, &other, 0xffff, "");
  rig_until(&heart.rig, has_heard(&guest, 7) && has_heard(&other, 7));
  say_ping(&heart, &clock_guest, 1, "");
  rig_until(&heart.rig, is_gone(&clock_guest));
  assert_false(is_gone(&guest));
  assert_false(is_gone(&other));
  leave(&guest);
  leave(&other);
  leave(&clock_guest);
  heart_close(&heart);
}

/* ---- Who does not read ---- */

/* The application takes nothing, so we stop reading. The clock's pipe is empty,
 * and read. */
static void a_paused_reader_knows_nothing_of_silence(void **state) {
  wire_t wire = {.size = 0};
  heart_t heart;
  uint64_t start;
  size_t heard;
  (void)state;

  heart_open(&heart, ZUV_PULL, IVL, TIMEOUT);
  actor_set(&heart.server, ZUV_RCVHWM, 2);
  zuv_recv_stop(&heart.server.zuv);
  serve(&heart);
  enter(&heart, &guest, "PUSH");
  wire_command(&wire, "PING", "\0\1", 2);
  for (int i = 0; i < 4; i++)
    wire_frame(&wire, 0, "filler", 6);
  say(&heart, &guest, wire.bytes, wire.size);
  for (int i = 0; i < 3; i++)
    let_time_pass(&heart, "PUSH");
  assert_false(is_gone(&guest));
  /* Our own PINGs go on: the peer knows that we live. */
  heard = guest.size;
  rig_until(&heart.rig, has_heard(&guest, heard + 18));
  start = now_of(&heart.rig);
  zuv_recv_start(&heart.server.zuv, actor_on_recv);
  rig_until(&heart.rig, heart.server.received == 4);
  rig_until(&heart.rig, is_gone(&guest));
  assert_true(now_of(&heart.rig) - start >= TIMEOUT);
  expect_timed_out(&heart);
  leave(&guest);
  heart_close(&heart);
}

static void a_time_to_live_begins_anew_after_a_pause(void **state) {
  wire_t wire = {.size = 0};
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_PULL, 0, -1);
  actor_set(&heart.server, ZUV_RCVHWM, 1);
  zuv_recv_stop(&heart.server.zuv);
  serve(&heart);
  enter(&heart, &guest, "PUSH");
  enter(&heart, &clock_guest, "PUSH");
  wire_command(&wire, "PING", "\0\1", 2);
  wire_frame(&wire, 0, "a", 1);
  say(&heart, &guest, wire.bytes, wire.size);
  rig_until(&heart.rig, has_heard(&guest, 7));
  say_ping(&heart, &clock_guest, 3, "");
  rig_until(&heart.rig, is_gone(&clock_guest));
  assert_false(is_gone(&guest));
  start = now_of(&heart.rig);
  zuv_recv_start(&heart.server.zuv, actor_on_recv);
  rig_until(&heart.rig, is_gone(&guest));
  assert_true(now_of(&heart.rig) - start >= 100);
  expect_timed_out(&heart);
  leave(&guest);
  leave(&clock_guest);
  heart_close(&heart);
}

enum { BIG = 1 << 20 };

/* Sends until no more is taken; answers how many were. */
static size_t stuff(heart_t *heart) {
  static const char bytes[BIG];
  size_t count = 0;
  int err;

  do {
    zuv_msg_t part;
    zuv_msg_init_view(&part, bytes, sizeof(bytes));
    err = zuv_try_send(&heart->server.zuv, &part, 1);
    zuv_msg_close(&part);
    count += err == 0;
  } while (err == 0);
  assert_int_equal(err, UV_EAGAIN);
  return count;
}

static void limit_buffers(int fd) {
  int size = 4096;

  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* As if it were gone without a word, with our output full. */
static void who_reads_nothing_is_lost(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_PUSH, IVL, TIMEOUT);
  actor_set(&heart.server, ZUV_SNDHWM, 4);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  limit_buffers(guest.fd);
  start = now_of(&heart.rig);
  shake_hands(&heart, &guest, 1, "PULL");
  stuff(&heart);
  rig_until(&heart.rig, lost_count(&heart) == 1);
  assert_true(now_of(&heart.rig) - start >= IVL + TIMEOUT);
  expect_timed_out(&heart);
  leave(&guest);
  heart_close(&heart);
}

static size_t swallowed;
static size_t pings_swallowed;

/* Messages are all zeros. A PING across the end of a piece is not seen. */
static void swallow_piece(void) {
  static uint8_t bytes[32 * 1024];
  ssize_t n = recv(guest.fd, bytes, sizeof(bytes), 0);

  for (ssize_t i = 0; i + 9 <= n; i++)
    pings_swallowed += memcmp(bytes + i, ping_0, 9) == 0;
  if (n > 0)
    swallowed += (size_t)n;
}

/* Some now and then, so that the sender's kernel has room again. */
static void swallow(rig_t *rig) {
  if (rig->ticks % 2 == 0)
    swallow_piece();
}

/* It does not come to our PING within the deadline. */
static void who_reads_slowly_is_not_lost(void **state) {
  heart_t heart;
  uint64_t start;
  (void)state;

  heart_open(&heart, ZUV_PUSH, IVL, 4 * TIMEOUT);
  actor_set(&heart.server, ZUV_SNDHWM, 4);
  actor_set(&heart.server, ZUV_SNDBUF, 64 * 1024);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  shake_hands(&heart, &guest, 1, "PULL");
  stuff(&heart);
  swallowed = 0;
  heart.rig.on_tick = swallow;
  start = now_of(&heart.rig);
  while (now_of(&heart.rig) - start < 3 * (IVL + 4 * TIMEOUT)) {
    rig_run_for(&heart.rig, 10);
    stuff(&heart);
    assert_int_equal(lost_count(&heart), 0);
  }
  heart.rig.on_tick = NULL;
  assert_true(swallowed > 0);
  leave(&guest);
  heart_close(&heart);
}

static void gulp(rig_t *rig) {
  (void)rig;
  for (int i = 0; i < 32; i++)
    swallow_piece();
}

static void pings_do_not_pile_up(void **state) {
  heart_t heart;
  size_t total;
  (void)state;

  heart_open(&heart, ZUV_PUSH, 1, 0);
  actor_set(&heart.server, ZUV_SNDHWM, 4);
  serve(&heart);
  guest.fd = raw_connect(heart.endpoint);
  shake_hands(&heart, &guest, 1, "PULL");
  total = stuff(&heart) * (BIG + 9);
  rig_run_for(&heart.rig, 50);
  swallowed = pings_swallowed = 0;
  heart.rig.on_tick = gulp;
  rig_until(&heart.rig, swallowed >= total);
  heart.rig.on_tick = NULL;
  /* A few, from before the output was blocked and since it no longer is. */
  assert_in_range(pings_swallowed, 0, 10);
  leave(&guest);
  heart_close(&heart);
}

/* ---- Through a mechanism ---- */

static void secured_peers_hear_pings_too(void **state) {
  static const int mechanisms[] = {ZUV_PLAIN, ZUV_CURVE};
  (void)state;

  for (int i = 0; i < 2; i++) {
    ends_t ends;
    stranger_t stranger;
    uint8_t octets[256];

    ends_open(&ends, ZUV_ROUTER, ZUV_DEALER);
    ends_set(&ends, mechanisms[i]);
    secured_ask(&ends.server, 200, "");
    actor_set(&ends.server.actor, ZUV_HEARTBEAT_IVL, IVL);
    actor_set(&ends.server.actor, ZUV_HEARTBEAT_TIMEOUT, 5 * TIMEOUT);
    actor_set(&ends.client.actor, ZUV_HEARTBEAT_IVL, IVL);
    ends_join(&ends);
    ends_wait_ready(&ends);
    stranger_open(&stranger, mechanisms[i], ends.endpoint);
    stranger_reach(&ends.rig, &stranger, STRANGER_READY);
    rig_until(&ends.rig, raw_read(stranger.fd, octets, sizeof(octets)) >= 9);
    rig_until(&ends.rig, stranger_is_closed(&stranger));
    rig_until(&ends.rig, ends.server.actor.events[ZUV_EVENT_DISCONNECTED] > 0);
    assert_string_equal(
        zuv_err_name(ends.server.actor.last[ZUV_EVENT_DISCONNECTED].status),
        "UV_ETIMEDOUT");
    /* The real client has answered all the while. */
    assert_int_equal(ends.client.actor.events[ZUV_EVENT_DISCONNECTED], 0);
    stranger_close(&stranger);
    ends_close(&ends);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pings_go_out_by_the_interval),
      cmocka_unit_test(pings_go_to_peers_of_3_0_too),
      cmocka_unit_test(peers_of_2_0_hear_none),
      cmocka_unit_test(a_raw_peer_hears_none),
      cmocka_unit_test(a_silent_peer_is_lost),
      cmocka_unit_test(without_a_timeout_it_is_the_interval),
      cmocka_unit_test(a_connector_tries_again),
      cmocka_unit_test(any_octet_is_a_sign_of_life),
      cmocka_unit_test(what_waits_in_the_kernel_is_a_sign_of_life),
      cmocka_unit_test(a_context_comes_back),
      cmocka_unit_test(a_ping_without_its_ttl_is_ignored),
      cmocka_unit_test(the_peers_time_to_live_is_honoured),
      cmocka_unit_test(what_follows_ends_the_time_to_live),
      cmocka_unit_test(a_long_time_to_live_is_long),
      cmocka_unit_test(a_paused_reader_knows_nothing_of_silence),
      cmocka_unit_test(a_time_to_live_begins_anew_after_a_pause),
      cmocka_unit_test(who_reads_nothing_is_lost),
      cmocka_unit_test(who_reads_slowly_is_not_lost),
      cmocka_unit_test(pings_do_not_pile_up),
      cmocka_unit_test(secured_peers_hear_pings_too),
  };
  (void)argc;
  (void)argv;
  return cmocka_run_group_tests(tests, secured_make_keys, NULL);
}
