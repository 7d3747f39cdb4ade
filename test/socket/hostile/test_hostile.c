/* Peers that break the rules. Each is met by a clear event and loses only its
 * own connection: a healthy peer of the same socket goes on all the while. */
#include <unistd.h>

#include "town.h"

/* ---- Handshakes that fail ---- */

/* Up to the octet of the revision. */
static void put_signature(wire_t *wire) {
  wire_put(wire, "\xff\0\0\0\0\0\0\0\1\x7f", 10);
}

static void put_zmtp_1_without_flags(wire_t *wire) {
  wire_put(wire, "\0", 1);
}

static void put_zmtp_1_impossible_identity(wire_t *wire) {
  wire_put(wire, "\xff\x80\0\0\0\0\0\0\0\0", 10);
}

static void put_zmtp_1_huge_identity(wire_t *wire) {
  wire_put(wire, "\xff\0\0\1\0\0\0\0\0\0", 10);
}

static void put_zmtp_1_type_long_identity(wire_t *wire) {
  put_signature(wire);
  wire_put(wire, "\0\5\xff\0\0\0\0\0\0\1\1", 11);
}

static void put_zmtp_2_long_identity(wire_t *wire) {
  put_signature(wire);
  wire_put(wire, "\1\5", 2);
  wire_long_header(wire, 0, 256);
}

static void put_zmtp_2_impossible_identity(wire_t *wire) {
  put_signature(wire);
  wire_put(wire, "\1\5", 2);
  wire_long_header(wire, 0, (uint64_t)1 << 63);
}

/* Answers the seed for more of it. */
static uint32_t put_noise(wire_t *wire, uint32_t seed, size_t size) {
  while (size-- > 0) {
    uint8_t octet;
    seed = seed * 1664525 + 1013904223;
    octet = (uint8_t)(seed >> 24);
    wire_put(wire, &octet, 1);
  }
  return seed;
}

static void put_garbage_behind_a_signature(wire_t *wire) {
  put_signature(wire);
  wire_put(wire, "\x7e", 1);
  put_noise(wire, 12345, 3000);
}

static void put_garbage_behind_a_greeting(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_put(wire, "\x04\x80\xf0", 3);
  put_noise(wire, 12345, 3000);
}

static void put_plain(wire_t *wire) {
  wire_greeting(wire, 3, 1, "PLAIN");
  wire_command(wire, "HELLO", "\1a\1b", 4);
}

static void put_curve(wire_t *wire) {
  wire_greeting(wire, 3, 0, "CURVE");
}

static void put_long_mechanism(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULLNULLNULLNULLNULL");
}

static void put_wrong_type(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_ready(wire, "PUB", NULL, 0);
}

static void put_unknown_type(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_ready(wire, "NONSENSE", NULL, 0);
}

static void put_long_routing_id(wire_t *wire) {
  uint8_t id[256] = {1};

  wire_greeting(wire, 3, 1, "NULL");
  wire_ready(wire, "DEALER", id, sizeof(id));
}

static void put_metadata_without_name(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "READY", "\0\0\0\0\0", 5);
}

static void put_metadata_cut_in_name(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "READY", "\013Socket", 7);
}

static void put_metadata_value_too_long(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "READY", "\013Socket-Type\377\377\377\377DEALER", 22);
}

static void put_metadata_value_cut(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "READY", "\013Socket-Type\0\0\0\7DEALER", 22);
}

static void put_error(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "ERROR", "\003400", 4);
}

static void put_error_in_words(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "ERROR", "\007go away", 8);
}

static void put_malformed_error(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "ERROR", "\377400", 4);
}

static void put_hello(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_command(wire, "HELLO", NULL, 0);
}

static void put_message_first(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_frame(wire, 0, "hello", 5);
}

static void put_empty_command(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_frame(wire, 4, NULL, 0);
}

static void put_huge_command(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_long_header(wire, 4, (uint64_t)1 << 40);
}

static void put_impossible_command(wire_t *wire) {
  wire_greeting(wire, 3, 1, "NULL");
  wire_long_header(wire, 4, (uint64_t)1 << 63);
}

typedef struct {
  const char *name;
  void (*put)(wire_t *wire);
  int status;
  int reason;
  int peer_status;
} bad_handshake_t;

static const bad_handshake_t bad_handshakes[] = {
    {"zmtp 1.0 without flags", put_zmtp_1_without_flags, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNSPECIFIED, 0},
    {"zmtp 1.0, impossible identity", put_zmtp_1_impossible_identity, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNSPECIFIED, 0},
    {"zmtp 1.0, huge identity", put_zmtp_1_huge_identity, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"zmtp 1.0 with type, long identity", put_zmtp_1_type_long_identity,
     UV_EPROTO, ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"zmtp 2.0, long identity", put_zmtp_2_long_identity, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"zmtp 2.0, impossible identity", put_zmtp_2_impossible_identity, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNSPECIFIED, 0},
    {"garbage behind a signature", put_garbage_behind_a_signature, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, 0},
    {"garbage behind a greeting", put_garbage_behind_a_greeting, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, 0},
    {"PLAIN", put_plain, UV_EPROTO, ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH,
     0},
    {"CURVE", put_curve, UV_EPROTO, ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH,
     0},
    {"long mechanism", put_long_mechanism, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, 0},
    {"wrong socket type", put_wrong_type, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"unknown socket type", put_unknown_type, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"long routing id", put_long_routing_id, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"metadata without name", put_metadata_without_name, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"metadata cut in a name", put_metadata_cut_in_name, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"metadata value too long", put_metadata_value_too_long, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"metadata value cut", put_metadata_value_cut, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, 0},
    {"ERROR", put_error, UV_EACCES, 0, 400},
    {"ERROR in words", put_error_in_words, UV_EACCES, 0, 0},
    {"malformed ERROR", put_malformed_error, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR, 0},
    {"HELLO", put_hello, UV_EPROTO, ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND,
     0},
    {"message first", put_message_first, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, 0},
    {"empty command", put_empty_command, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, 0},
    {"huge command", put_huge_command, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED, 0},
    {"impossible command", put_impossible_command, UV_EPROTO,
     ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED, 0},
};

enum { BAD_HANDSHAKES = sizeof(bad_handshakes) / sizeof(bad_handshakes[0]) };

static void check_failure(const actor_t *actor, const bad_handshake_t *bad) {
  const zuv_event_t *event = &actor->last[ZUV_EVENT_HANDSHAKE_FAILED];

  if (event->status != bad->status || event->reason != bad->reason ||
      event->peer_status != bad->peer_status)
    fail_msg("%s: status %s, reason %#x, peer status %d", bad->name,
             zuv_err_name(event->status), (unsigned)event->reason,
             event->peer_status);
}

static void test_bad_handshake_is_told_and_closed(void **state) {
  town_t town;

  (void)state;
  town_open(&town, NULL);
  for (size_t i = 0; i < BAD_HANDSHAKES; i++) {
    wire_t wire = {.size = 0};
    int fd = raw_connect(town.endpoint);

    bad_handshakes[i].put(&wire);
    raw_send_wire(&town.rig, fd, &wire);
    rig_until(&town.rig, town.server.events[ZUV_EVENT_HANDSHAKE_FAILED] > i);
    check_failure(&town.server, &bad_handshakes[i]);
    rig_until(&town.rig, raw_is_closed(fd));
    rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] > i);
    close(fd);
    town_is_well(&town);
  }
  assert_int_equal(town.server.events[ZUV_EVENT_READY], 1);
  assert_int_equal(town.server.received, 0);
  town_close(&town);
}

/* The same from the side that connects: it tells why, and does not try again
 * what cannot get better. */
static void
test_bad_handshake_of_the_bound_side_stops_the_connector(void **state) {
  rig_t rig;
  char endpoint[RIG_TEXT_MAX];
  int listener = raw_listen(endpoint);

  (void)state;
  rig_open(&rig);
  for (size_t i = 0; i < BAD_HANDSHAKES; i++) {
    wire_t wire = {.size = 0};
    actor_t actor;
    int fd;

    actor_open(&actor, NULL, &rig.loop, ZUV_ROUTER);
    actor_set(&actor, ZUV_RECONNECT_IVL, 1);
    actor_connect(&actor, endpoint);
    fd = raw_accept(&rig, listener);
    bad_handshakes[i].put(&wire);
    raw_send_wire(&rig, fd, &wire);
    rig_until(&rig, actor.events[ZUV_EVENT_STOPPED] > 0);
    check_failure(&actor, &bad_handshakes[i]);
    assert_int_equal(actor.last[ZUV_EVENT_STOPPED].status,
                     bad_handshakes[i].status);
    assert_int_equal(actor.events[ZUV_EVENT_CONNECT_RETRIED], 0);
    rig_until(&rig, raw_is_closed(fd));
    close(fd);
    actor_close(&rig, &actor);
  }
  close(listener);
  rig_close(&rig);
}

static void set_short_handshake(actor_t *server) {
  actor_set(server, ZUV_HANDSHAKE_IVL, 60);
}

static void test_silent_peer_is_given_up_after_handshake_ivl(void **state) {
  size_t sizes[] = {0, 1, 10, 12, 63, 64, 70};
  town_t town;
  wire_t wire = {.size = 0};

  (void)state;
  wire_handshake(&wire, "DEALER");
  town_open(&town, set_short_handshake);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    int fd = raw_connect(town.endpoint);
    raw_send(&town.rig, fd, wire.bytes, sizes[i]);
    rig_until(&town.rig, town.server.events[ZUV_EVENT_HANDSHAKE_FAILED] > i);
    assert_int_equal(town.server.last[ZUV_EVENT_HANDSHAKE_FAILED].status,
                     UV_ETIMEDOUT);
    rig_until(&town.rig, raw_is_closed(fd));
    close(fd);
  }
  town_close(&town);
}

static void
test_handshake_ivl_does_not_touch_a_finished_handshake(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  int fd;

  (void)state;
  wire_handshake(&wire, "DEALER");
  town_open(&town, set_short_handshake);
  fd = raw_connect(town.endpoint);
  raw_send_wire(&town.rig, fd, &wire);
  rig_until(&town.rig, town.server.events[ZUV_EVENT_READY] == 2);
  rig_run_for(&town.rig, 120);
  assert_int_equal(town.server.events[ZUV_EVENT_HANDSHAKE_FAILED], 0);
  raw_send(&town.rig, fd, "\0\5hello", 7);
  rig_until(&town.rig, town.server.received == 1);
  close(fd);
  town_close(&town);
}

/* What has no signature is ZMTP 1.0 as far as it goes. */
static void test_noise_ends_with_its_connection(void **state) {
  enum { TIMES = 60, SIZE = 3000 };
  town_t town;
  uint32_t seed = 1;

  (void)state;
  town_open(&town, NULL);
  for (size_t i = 0; i < TIMES; i++) {
    wire_t wire = {.size = 0};
    int fd = raw_connect(town.endpoint);

    if (i % 3 != 0) {
      put_signature(&wire);
      wire_put(&wire, i % 3 == 1 ? "\0\5\1\0" : "\1\5\0\0", 4);
    }
    seed = put_noise(&wire, seed, SIZE);
    raw_send_wire(&town.rig, fd, &wire);
    close(fd);
    rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] > i);
  }
  town_is_well(&town);
  town_close(&town);
}

/* ---- Connections cut short ---- */

/* A handshake, and a message of a short, a long and a last frame. */
static void put_whole_conversation(wire_t *wire) {
  char body[300];

  memset(body, 'x', sizeof(body));
  wire_handshake(wire, "DEALER");
  wire_frame(wire, 1, "ab", 2);
  wire_frame(wire, 1 | 2, body, sizeof(body));
  wire_frame(wire, 0, "cde", 3);
}

static void test_cut_at_any_byte_delivers_no_half_message(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  wire_t handshake = {.size = 0};

  (void)state;
  put_whole_conversation(&wire);
  wire_handshake(&handshake, "DEALER");
  town_open(&town, NULL);
  for (size_t size = 0; size <= wire.size; size++) {
    size_t lost = town.server.events[ZUV_EVENT_DISCONNECTED];
    int fd = raw_connect(town.endpoint);

    raw_send(&town.rig, fd, wire.bytes, size);
    close(fd);
    rig_until(&town.rig, town.server.events[ZUV_EVENT_DISCONNECTED] > lost);
    assert_int_equal(town.server.received, size == wire.size ? 1 : 0);
  }
  assert_int_equal(town.server.count, 3);
  assert_int_equal(town.server.size, 305);
  assert_int_equal(town.server.events[ZUV_EVENT_HANDSHAKE_FAILED],
                   handshake.size);
  assert_int_equal(town.server.events[ZUV_EVENT_ACCEPTED], wire.size + 2);
  town_close(&town);
}

static void test_slow_peer_byte_by_byte_is_understood(void **state) {
  town_t town;
  wire_t wire = {.size = 0};
  int fd;

  (void)state;
  put_whole_conversation(&wire);
  town_open(&town, NULL);
  fd = raw_connect(town.endpoint);
  for (size_t i = 0; i < wire.size; i++) {
    uint64_t ticks = town.rig.ticks;
    assert_true(raw_send(&town.rig, fd, wire.bytes + i, 1));
    if (i % 8 == 0)
      rig_until(&town.rig, town.rig.ticks > ticks);
    else
      uv_run(&town.rig.loop, UV_RUN_NOWAIT);
  }
  rig_until(&town.rig, town.server.received == 1);
  assert_int_equal(town.server.count, 3);
  assert_int_equal(town.server.size, 305);
  close(fd);
  town_close(&town);
}

/* A connector meets a server that is cut at each byte: it tries again until it
 * is served, and the message that waited arrives once. */
static void test_connector_survives_a_cut_at_any_byte(void **state) {
  rig_t rig;
  actor_t actor;
  wire_t wire = {.size = 0};
  char endpoint[RIG_TEXT_MAX];
  char answer[RIG_WIRE_MAX];
  int listener = raw_listen(endpoint);
  size_t have = 0;
  int fd;

  (void)state;
  rig_open(&rig);
  wire_handshake(&wire, "PULL");
  actor_open(&actor, NULL, &rig.loop, ZUV_PUSH);
  actor_set(&actor, ZUV_RECONNECT_IVL, 1);
  actor_connect(&actor, endpoint);
  assert_int_equal(actor_send(&actor, "waiting|message"), 0);
  for (size_t size = 0; size < wire.size; size++) {
    fd = raw_accept(&rig, listener);
    raw_send(&rig, fd, wire.bytes, size);
    close(fd);
    rig_until(&rig, actor.events[ZUV_EVENT_DISCONNECTED] > size);
  }
  assert_int_equal(actor.events[ZUV_EVENT_HANDSHAKE_FAILED], wire.size);
  fd = raw_accept(&rig, listener);
  raw_send_wire(&rig, fd, &wire);
  rig_until(&rig, (have += raw_read(fd, answer + have, 200)) > 100);
  assert_memory_equal(answer + have - 18, "\1\7waiting\0\7message", 18);
  close(fd);
  close(listener);
  actor_close(&rig, &actor);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bad_handshake_is_told_and_closed),
      cmocka_unit_test(test_noise_ends_with_its_connection),
      cmocka_unit_test(
          test_bad_handshake_of_the_bound_side_stops_the_connector),
      cmocka_unit_test(test_silent_peer_is_given_up_after_handshake_ivl),
      cmocka_unit_test(test_handshake_ivl_does_not_touch_a_finished_handshake),
      cmocka_unit_test(test_cut_at_any_byte_delivers_no_half_message),
      cmocka_unit_test(test_slow_peer_byte_by_byte_is_understood),
      cmocka_unit_test(test_connector_survives_a_cut_at_any_byte),
  };
  return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
