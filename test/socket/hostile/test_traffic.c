/* Peers that shake hands and then misbehave: sizes, commands, floods, and peers
 * that do not read. Their connection may end, with a status; the healthy peer's
 * goes on, and memory stays bounded. */
#include <malloc.h>
#include <unistd.h>

#include "town.h"

enum { LIMIT = 1000 };

/* ---- Memory that zuv holds ---- */

static size_t held;
static size_t held_most;

static void *note(void *pointer) {
  if (pointer != NULL) {
    held += malloc_usable_size(pointer);
    held_most = held > held_most ? held : held_most;
  }
  return pointer;
}

static void forget(void *pointer) {
  if (pointer != NULL)
    held -= malloc_usable_size(pointer);
}

static void *noted_malloc(size_t size) {
  return note(malloc(size));
}

static void *noted_calloc(size_t count, size_t size) {
  return note(calloc(count, size));
}

static void *noted_realloc(void *pointer, size_t size) {
  size_t before = pointer == NULL ? 0 : malloc_usable_size(pointer);
  void *fresh = realloc(pointer, size);

  if (fresh == NULL)
    return NULL;
  held -= before;
  return note(fresh);
}

static void noted_free(void *pointer) {
  forget(pointer);
  free(pointer);
}

static void watch_memory(void) {
  held_most = held;
}

/* ---- A guest of the town ---- */

static int enter(town_t *town) {
  size_t ready = town->server.events[ZUV_EVENT_READY];
  wire_t wire = {.size = 0};
  int fd = raw_connect(town->endpoint);

  wire_handshake(&wire, "DEALER");
  raw_send_wire(&town->rig, fd, &wire);
  rig_until(&town->rig, town->server.events[ZUV_EVENT_READY] > ready);
  return fd;
}

static void expect_thrown_out(town_t *town, int fd, size_t nth, int status) {
  rig_until(&town->rig, town->server.events[ZUV_EVENT_DISCONNECTED] >= nth);
  assert_string_equal(
      zuv_err_name(town->server.last[ZUV_EVENT_DISCONNECTED].status),
      zuv_err_name(status));
  rig_until(&town->rig, raw_is_closed(fd));
  close(fd);
}

/* ---- Sizes ---- */

static void set_limit(actor_t *server) {
  int64_t limit = LIMIT;
  assert_int_equal(
      zuv_set_option(&server->zuv, ZUV_MAXMSGSIZE, &limit, sizeof(limit)), 0);
}

static void set_tiny_limit(actor_t *server) {
  int64_t limit = 8; /* the healthy peer's size */
  assert_int_equal(
      zuv_set_option(&server->zuv, ZUV_MAXMSGSIZE, &limit, sizeof(limit)), 0);
}

static void test_frame_of_exactly_maxmsgsize_passes(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  char body[LIMIT] = "";
  int fd;

  (void)state;
  town_open(&town, set_limit);
  fd = enter(&town);
  wire_frame(&wire, 2, body, LIMIT);
  wire_frame(&wire, 1 | 2, body, LIMIT);
  wire_frame(&wire, 2, body, LIMIT);
  raw_send_wire(&town.rig, fd, &wire);
  rig_until(&town.rig, town.server.received == 2);
  assert_int_equal(town.server.size, 2 * LIMIT);
  close(fd);
  town_close(&town);
}

static void test_frame_over_maxmsgsize_ends_the_connection(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  int fd;

  (void)state;
  town_open(&town, set_limit);
  fd = enter(&town);
  /* The message before it is delivered, the one that it is part of is not. */
  wire_frame(&wire, 0, "before", 6);
  wire_frame(&wire, 1, "half", 4);
  wire_long_header(&wire, 0, LIMIT + 1);
  raw_send_wire(&town.rig, fd, &wire);
  expect_thrown_out(&town, fd, 1, UV_EMSGSIZE);
  assert_int_equal(town.server.received, 1);
  assert_string_equal(town.server.text, "before");
  town_close(&town);
}

static void test_tiny_maxmsgsize_lets_the_handshake_pass(void **state) {
  town_t town;
  int fd;

  (void)state;
  town_open(&town, set_tiny_limit);
  fd = enter(&town);
  raw_send(&town.rig, fd, "\0\0108 octets", 10);
  rig_until(&town.rig, town.server.received == 1);
  raw_send(&town.rig, fd, "\0\0119 octets.", 11);
  expect_thrown_out(&town, fd, 1, UV_EMSGSIZE);
  assert_int_equal(town.server.received, 1);
  town_close(&town);
}

static void test_impossible_size_ends_the_connection(void **state) {
  uint64_t sizes[] = {(uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 9,
                      (uint64_t)INT64_MAX + 10};
  town_t town;

  (void)state;
  town_open(&town, NULL);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    wire_t wire = {.size = 0};
    int fd = enter(&town);
    wire_long_header(&wire, 0, sizes[i]);
    raw_send_wire(&town.rig, fd, &wire);
    expect_thrown_out(&town, fd, i + 1, UV_EPROTO);
  }
  assert_int_equal(town.server.received, 0);
  town_close(&town);
}

/* A guest of ZMTP 1.0 says its sizes in another way. */
static int enter_as_old(town_t *town) {
  size_t ready = town->server.events[ZUV_EVENT_READY];
  int fd = raw_connect(town->endpoint);

  raw_send(&town->rig, fd, "\1\0", 2);
  rig_until(&town->rig, town->server.events[ZUV_EVENT_READY] > ready);
  return fd;
}

static void test_announced_size_commits_no_memory(void **state) {
  uint64_t sizes[] = {(uint64_t)1 << 30, (uint64_t)1 << 62, INT64_MAX - 9};
  enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
  town_t town;
  char body[5000] = "";

  (void)state;
  town_open(&town, NULL);
  for (size_t i = 0; i < 2 * SIZES; i++) {
    bool old = i >= SIZES;
    wire_t wire = {.size = 0};
    int fd = old ? enter_as_old(&town) : enter(&town);
    watch_memory();
    wire_long_header(&wire, old ? 0xff : 0, sizes[i % SIZES]);
    raw_send_wire(&town.rig, fd, &wire);
    raw_send(&town.rig, fd, body, sizeof(body));
    town_is_well(&town);
    assert_true(held_most - held < 1024 * 1024);
    close(fd);
    rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] > i);
  }
  assert_int_equal(town.server.received, 0);
  town_close(&town);
}

/* ---- Commands ---- */

static void test_unknown_commands_are_ignored(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  char data[400] = "";
  int fd;

  (void)state;
  town_open(&town, NULL);
  fd = enter(&town);
  wire_command(&wire, "NONSENSE", "abc", 3);
  wire_command(&wire, "X", data, sizeof(data));
  wire_command(&wire, "READY", NULL, 0);
  wire_command(&wire, "SUBSCRIBE", "topic", 5);
  wire_command(&wire, "PONG", "abc", 3);
  wire_command(&wire, "PING", "a", 1);
  wire_frame(&wire, 0, "end", 3);
  raw_send_wire(&town.rig, fd, &wire);
  rig_until(&town.rig, town.server.received == 1);
  assert_string_equal(town.server.text, "end");
  close(fd);
  town_close(&town);
}

static void test_commands_between_the_frames_of_a_message(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  char pong[64];
  size_t have = 0;
  int fd;

  (void)state;
  town_open(&town, NULL);
  fd = enter(&town);
  raw_is_closed(fd);
  wire_frame(&wire, 1, "a", 1);
  wire_command(&wire, "PING", "\0\0context", 9);
  wire_frame(&wire, 1, "b", 1);
  wire_command(&wire, "NONSENSE", NULL, 0);
  wire_frame(&wire, 0, "c", 1);
  raw_send_wire(&town.rig, fd, &wire);
  rig_until(&town.rig, town.server.received == 1);
  assert_string_equal(town.server.text, "a|b|c");
  rig_until(&town.rig, (have += raw_read(fd, pong + have, 64 - have)) >= 14);
  assert_memory_equal(pong, "\4\14\4PONGcontext", 14);
  close(fd);
  town_close(&town);
}

/* ---- Floods ---- */

static void test_message_without_end_is_cut_off(void **state) {
  enum { FRAMES = 65536 };
  town_t town;
  uint8_t *frames = calloc(FRAMES, 2);
  int fd;

  (void)state;
  assert_non_null(frames);
  for (size_t i = 0; i < FRAMES; i++)
    frames[2 * i] = 1;
  town_open(&town, NULL);
  watch_memory();
  fd = enter(&town);
  while (town.server.events[ZUV_EVENT_DISCONNECTED] == 0) {
    raw_send(&town.rig, fd, frames, 2 * FRAMES);
    rig_run_for(&town.rig, 2);
  }
  expect_thrown_out(&town, fd, 1, UV_EMSGSIZE);
  assert_int_equal(town.server.received, 0);
  assert_true(held_most < 64 * 1024 * 1024);
  free(frames);
  town_close(&town);
}

/* It asks for answers and reads none of them. */
static void test_ping_flood_without_reading_is_bounded(void **state) {
  enum { PINGS = 4096 };
  town_t town;
  wire_t ping = {.size = 0};
  uint8_t *pings;
  int fd;

  (void)state;
  wire_command(&ping, "PING", "\0\0sixteen bytes....", 18);
  pings = malloc(PINGS * ping.size);
  assert_non_null(pings);
  for (size_t i = 0; i < PINGS; i++)
    memcpy(pings + i * ping.size, ping.bytes, ping.size);
  town_open(&town, NULL);
  fd = enter(&town);
  watch_memory();
  for (int i = 0; i < 200; i++)
    raw_send(&town.rig, fd, pings, PINGS * ping.size);
  assert_true(held_most < 2 * 1024 * 1024);
  raw_send(&town.rig, fd, "\0\3end", 5);
  rig_until(&town.rig, town.server.received == 1);
  close(fd);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] == 1);
  free(pings);
  town_close(&town);
}

static void test_message_flood_does_not_starve_the_others(void **state) {
  enum { MESSAGES = 50000 };
  town_t town;
  uint8_t *messages = calloc(MESSAGES, 3);
  int fd;

  (void)state;
  assert_non_null(messages);
  for (size_t i = 0; i < MESSAGES; i++)
    messages[3 * i + 1] = 1;
  town_open(&town, NULL);
  fd = enter(&town);
  for (int i = 0; i < 10; i++) {
    raw_send(&town.rig, fd, messages, 3 * MESSAGES);
    town_is_well(&town);
  }
  rig_until(&town.rig, town.server.received == 10 * MESSAGES);
  close(fd);
  free(messages);
  town_close(&town);
}

/* It sends and resets the connection, which our next write learns first: what
 * it sent is with the kernel, and is delivered. */
static void test_failed_write_loses_nothing_received(void **state) {
  enum { MESSAGES = 1000 };
  rig_t rig;
  actor_t dealer;
  wire_t wire = {.size = 0};
  char endpoint[RIG_TEXT_MAX];
  char messages[3 * MESSAGES] = "";
  int fd;

  (void)state;
  rig_open(&rig);
  actor_open(&dealer, NULL, &rig.loop, ZUV_DEALER);
  actor_bind(&dealer, endpoint);
  fd = raw_connect(endpoint);
  wire_handshake(&wire, "DEALER");
  raw_send_wire(&rig, fd, &wire);
  rig_until(&rig, dealer.events[ZUV_EVENT_READY] == 1);
  for (int i = 0; i < MESSAGES; i++)
    messages[3 * i + 1] = 1;
  assert_int_equal(write(fd, messages, sizeof(messages)), sizeof(messages));
  /* With our greeting unread this is a reset. */
  close(fd);
  assert_int_equal(actor_send(&dealer, "anybody there?"), 0);
  rig_until(&rig, dealer.events[ZUV_EVENT_DISCONNECTED] == 1);
  assert_int_equal(dealer.received, MESSAGES);
  actor_close(&rig, &dealer);
  rig_close(&rig);
}

/* ---- Peers that do not read ---- */

static void set_few(actor_t *server) {
  actor_set(server, ZUV_SNDHWM, 10);
  actor_set(server, ZUV_RCVHWM, 10);
  actor_set(server, ZUV_ROUTER_MANDATORY, 1);
  actor_set(server, ZUV_SNDBUF, 16 * 1024);
}

static void test_peer_that_never_reads_meets_the_high_water_mark(void **state) {
  enum { SIZE = 20000 };
  town_t town;
  wire_t wire = {.size = 0};
  static char body[SIZE];
  int refused = 0;
  int fd;

  (void)state;
  town_open(&town, set_few);
  fd = raw_connect(town.endpoint);
  wire_greeting(&wire, 3, 1, "NULL");
  wire_ready(&wire, "DEALER", "deaf", 4);
  raw_send_wire(&town.rig, fd, &wire);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_READY] == 2);
  watch_memory();
  while (refused < 5) {
    zuv_msg_t parts[2];
    int err;

    zuv_msg_init_const(&parts[0], "deaf", 4);
    zuv_msg_init_view(&parts[1], body, SIZE);
    err = zuv_try_send(&town.server.zuv, parts, 2);
    if (err == 0)
      continue;
    assert_int_equal(err, UV_EAGAIN);
    refused++;
    rig_run_for(&town.rig, 10);
  }
  assert_true(held_most < 4 * 1024 * 1024);
  town_is_well(&town);
  /* It reads at last, and all comes through. */
  rig_until(&town.rig,
            !raw_is_closed(fd) && actor_send(&town.server, "deaf|x") == 0);
  close(fd);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] == 1);
  town_close(&town);
}

static void test_reading_stops_at_the_high_water_mark(void **state) {
  enum { SIZE = 1000 };
  rig_t rig;
  actor_t pull;
  wire_t wire = {.size = 0};
  char endpoint[RIG_TEXT_MAX];
  char frame[9 + SIZE] = {2};
  size_t sent = 0;
  size_t left = 0;
  int fd;

  (void)state;
  rig_open(&rig);
  actor_open(&pull, NULL, &rig.loop, ZUV_PULL);
  actor_set(&pull, ZUV_RCVHWM, 10);
  actor_set(&pull, ZUV_RCVBUF, 8 * 1024);
  zuv_recv_stop(&pull.zuv);
  actor_bind(&pull, endpoint);
  fd = raw_connect(endpoint);
  wire_handshake(&wire, "PUSH");
  raw_send_wire(&rig, fd, &wire);
  rig_until(&rig, pull.events[ZUV_EVENT_READY] == 1);
  frame[7] = (char)(SIZE >> 8);
  frame[8] = (char)(SIZE & 255);
  watch_memory();
  while (left == 0) {
    left = sizeof(frame);
    sent++;
    for (int tries = 0; left > 0 && tries < 50; tries++) {
      ssize_t n = write(fd, frame + sizeof(frame) - left, left);
      if (n > 0)
        left -= (size_t)n;
      else
        rig_run_for(&rig, 2);
    }
  }
  assert_true(held_most < 1024 * 1024);
  zuv_recv_start(&pull.zuv, actor_on_recv);
  raw_send(&rig, fd, frame + sizeof(frame) - left, left);
  rig_until(&rig, pull.received == sent);
  close(fd);
  actor_close(&rig, &pull);
  rig_close(&rig);
}

/* ---- Subscriptions ---- */

typedef struct {
  rig_t rig;
  actor_t pub;
  actor_t sub;
  char endpoint[RIG_TEXT_MAX];
} press_t;

static void publish(rig_t *rig) {
  actor_send(&((press_t *)rig)->pub, "news|of|today");
}

static void press_open(press_t *press) {
  memset(press, 0, sizeof(*press));
  rig_open(&press->rig);
  actor_open(&press->pub, NULL, &press->rig.loop, ZUV_PUB);
  actor_set(&press->pub, ZUV_SNDHWM, 10);
  actor_bind(&press->pub, press->endpoint);
  actor_open(&press->sub, NULL, &press->rig.loop, ZUV_SUB);
  zuv_set_option(&press->sub.zuv, ZUV_SUBSCRIBE, "news", 4);
  actor_connect(&press->sub, press->endpoint);
  press->rig.on_tick = publish;
  rig_until(&press->rig, press->sub.received > 0);
}

static int press_enter(press_t *press) {
  wire_t wire = {.size = 0};
  int fd = raw_connect(press->endpoint);

  wire_handshake(&wire, "SUB");
  raw_send_wire(&press->rig, fd, &wire);
  rig_until(&press->rig, press->pub.events[ZUV_EVENT_READY] == 2);
  return fd;
}

static void press_close(press_t *press) {
  size_t received = press->sub.received;

  rig_until(&press->rig, press->sub.received > received + 1);
  assert_int_equal(press->sub.events[ZUV_EVENT_DISCONNECTED], 0);
  press->rig.on_tick = NULL;
  actor_close(&press->rig, &press->sub);
  actor_close(&press->rig, &press->pub);
  rig_close(&press->rig);
}

static void subscribe_many(press_t *press, int fd, int topics, bool distinct) {
  wire_t wire = {.size = 0};

  for (int i = 0; i < topics; i++) {
    int number = distinct ? i : 0;
    wire_command(&wire, "SUBSCRIBE", &number, sizeof(number));
    if (RIG_WIRE_MAX - wire.size < 64) {
      raw_send_wire(&press->rig, fd, &wire);
      wire.size = 0;
    }
  }
  raw_send_wire(&press->rig, fd, &wire);
}

static void
test_subscription_flood_leaves_other_subscribers_alone(void **state) {
  press_t press;
  int fd;

  (void)state;
  press_open(&press);
  watch_memory();
  fd = press_enter(&press);
  subscribe_many(&press, fd, 100000, true);
  assert_true(held_most < 64 * 1024 * 1024);
  close(fd);
  rig_until(&press.rig, press.pub.events[ZUV_EVENT_DISCONNECTED] == 1);
  press_close(&press);
}

static void test_same_subscription_over_and_over_takes_no_memory(void **state) {
  press_t press;
  int fd;

  (void)state;
  press_open(&press);
  fd = press_enter(&press);
  watch_memory();
  subscribe_many(&press, fd, 100000, false);
  assert_true(held_most - held < 1024 * 1024);
  close(fd);
  press_close(&press);
}

static void test_subscriber_that_never_reads_is_dropped_for(void **state) {
  press_t press;
  static char body[30000];
  int fd;

  (void)state;
  press_open(&press);
  fd = press_enter(&press);
  raw_send(&press.rig, fd, "\4\12\11SUBSCRIBE", 12);
  watch_memory();
  rig_until_begin(&press.rig);
  while (press.pub.events[ZUV_EVENT_DROPPED] == 0) {
    zuv_msg_t part;
    zuv_msg_init_view(&part, body, sizeof(body));
    assert_int_equal(zuv_try_send(&press.pub.zuv, &part, 1), 0);
    rig_until_step(&press.rig, "dropped", __FILE__, __LINE__);
  }
  rig_until_end(&press.rig);
  assert_true(press.pub.last[ZUV_EVENT_DROPPED].count > 0);
  assert_true(held_most < 4 * 1024 * 1024);
  close(fd);
  press_close(&press);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_frame_of_exactly_maxmsgsize_passes),
      cmocka_unit_test(test_frame_over_maxmsgsize_ends_the_connection),
      cmocka_unit_test(test_tiny_maxmsgsize_lets_the_handshake_pass),
      cmocka_unit_test(test_impossible_size_ends_the_connection),
      cmocka_unit_test(test_announced_size_commits_no_memory),
      cmocka_unit_test(test_unknown_commands_are_ignored),
      cmocka_unit_test(test_commands_between_the_frames_of_a_message),
      cmocka_unit_test(test_message_without_end_is_cut_off),
      cmocka_unit_test(test_ping_flood_without_reading_is_bounded),
      cmocka_unit_test(test_message_flood_does_not_starve_the_others),
      cmocka_unit_test(test_failed_write_loses_nothing_received),
      cmocka_unit_test(test_peer_that_never_reads_meets_the_high_water_mark),
      cmocka_unit_test(test_reading_stops_at_the_high_water_mark),
      cmocka_unit_test(test_subscription_flood_leaves_other_subscribers_alone),
      cmocka_unit_test(test_same_subscription_over_and_over_takes_no_memory),
      cmocka_unit_test(test_subscriber_that_never_reads_is_dropped_for),
  };
  zuv_replace_allocator(noted_malloc, noted_realloc, noted_calloc, noted_free);
  return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
