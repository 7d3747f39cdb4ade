/* Peers that are in and break the rules of an encrypted connection, and servers
 * that are none. */
#include <unistd.h>

#include "fort.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MEBIBYTE = 1 << 20 };

/* ---- Inside an encrypted connection ---- */

static size_t encode(stranger_t *s, int flags, const void *payload, size_t size,
                     uint8_t *out) {
  zuv__mechanism_t *m = s->engine.mechanism;
  return m->ops->encode(m, (uint8_t)flags, payload, size, out);
}

static void enter(stranger_t *s, int64_t max_message_size) {
  fort_open(ZUV_CURVE, 0, 200);
  if (max_message_size >= 0) {
    assert_int_equal(zuv_set_option(&fort.server.actor.zuv, ZUV_MAXMSGSIZE,
                                    &max_message_size,
                                    sizeof(max_message_size)),
                     0);
    actor_bind(&fort.server.actor, fort.endpoint);
  }
  stranger_open(s, ZUV_CURVE, fort.endpoint);
  stranger_reach(&fort.rig, s, STRANGER_READY);
  rig_until(&fort.rig, happened(ZUV_EVENT_READY) == 2);
}

static void leave(stranger_t *s) {
  stranger_close(s);
  fort_close();
}

static void a_spoiled_message_ends_the_connection(void **state) {
  static const struct {
    size_t at; /* in a short frame; its size follows its flags */
    uint8_t mask;
    int reason;
  } spoils[] = {
      {2 + 1, 1, ZMTP(UNEXPECTED_COMMAND)},           /* the name */
      {2, 0x80, ZMTP(MALFORMED_COMMAND_UNSPECIFIED)}, /* its size */
      {2 + 8, 0x80, ZMTP(CRYPTOGRAPHIC)},             /* the counter, high */
      {2 + 15, 2, ZMTP(CRYPTOGRAPHIC)},               /* and a later one */
      {2 + 16, 1, ZMTP(CRYPTOGRAPHIC)},               /* the tag */
      {2 + 32, 1, ZMTP(CRYPTOGRAPHIC)},               /* the flags */
      {2 + 33, 1, ZMTP(CRYPTOGRAPHIC)},               /* the payload */
      {2 + 37, 0x80, ZMTP(CRYPTOGRAPHIC)},            /* its end */
  };

  (void)state;
  for (size_t i = 0; i < COUNT(spoils); i++) {
    uint8_t frame[64];
    size_t size;
    stranger_t s;

    enter(&s, -1);
    size = encode(&s, 0, "hello", 5, frame);
    stranger_say(&fort.rig, &s, frame, size);
    rig_until(&fort.rig, fort.strange == 1);
    size = encode(&s, 0, "again", 5, frame);
    frame[spoils[i].at] ^= spoils[i].mask;
    stranger_say(&fort.rig, &s, frame, size);
    expect_out(&s, 1, UV_EPROTO, spoils[i].reason);
    assert_int_equal(fort.strange, 1);
    leave(&s);
  }
}

static void a_repeated_message_ends_the_connection(void **state) {
  uint8_t frame[64];
  size_t size;
  stranger_t s;

  (void)state;
  enter(&s, -1);
  size = encode(&s, 0, "hello", 5, frame);
  stranger_say(&fort.rig, &s, frame, size);
  stranger_say(&fort.rig, &s, frame, size);
  expect_out(&s, 1, UV_EPROTO, ZMTP(INVALID_SEQUENCE));
  assert_int_equal(fort.strange, 1);
  leave(&s);
}

static void messages_in_clear_end_the_connection(void **state) {
  static const struct {
    int flags;
    const char *body;
    size_t size;
    int reason;
  } frames[] = {
      {0, "\005clear", 6, ZMTP(UNEXPECTED_COMMAND)},
      {0, "\004clear text", 11, ZMTP(UNEXPECTED_COMMAND)},
      {0, "", 0, ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
      {1, "x", 1, ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
      {4, "\004PING\0\0", 7, ZMTP(UNEXPECTED_COMMAND)},
      {4, "\007MESSAGE", 8, ZMTP(MALFORMED_COMMAND_MESSAGE)},
      {0, "\007MESSAGE12345678", 16, ZMTP(MALFORMED_COMMAND_MESSAGE)},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(frames); i++) {
    wire_t wire = {.size = 0};
    stranger_t s;

    enter(&s, -1);
    wire_frame(&wire, frames[i].flags, frames[i].body, frames[i].size);
    stranger_say(&fort.rig, &s, wire.bytes, wire.size);
    expect_out(&s, 1, UV_EPROTO, frames[i].reason);
    assert_int_equal(fort.strange, 0);
    leave(&s);
  }
}

/* The largest that is allowed, and one that is not, by its header alone. */
static void large_messages_are_refused_by_their_header(void **state) {
  enum { LIMIT = 100000 };
  static uint8_t payload[LIMIT];
  static uint8_t frame[LIMIT + 64];
  wire_t wire = {.size = 0};
  size_t size;
  stranger_t s;

  (void)state;
  enter(&s, LIMIT);
  size = encode(&s, 0, payload, LIMIT, frame);
  stranger_say(&fort.rig, &s, frame, size);
  rig_until(&fort.rig, fort.strange == 1);
  wire_long_header(&wire, 0, LIMIT + 33 + 1);
  stranger_say(&fort.rig, &s, wire.bytes, wire.size);
  rig_until(&fort.rig, happened(ZUV_EVENT_DISCONNECTED) == 1);
  assert_int_equal(fort.server.actor.last[ZUV_EVENT_DISCONNECTED].status,
                   UV_EMSGSIZE);
  rig_until(&fort.rig, stranger_is_closed(&s));
  leave(&s);
}

/* A command inside is obeyed like one in clear. */
static void encrypted_commands_are_answered(void **state) {
  zuv__frame_t frame;
  uint8_t ping[64];
  uint8_t answer[64];
  size_t have = 0;
  stranger_t s;

  (void)state;
  enter(&s, -1);
  stranger_say(&fort.rig, &s, ping,
               encode(&s, 4, "\004PING\0\0context", 14, ping));
  rig_until(&fort.rig, (have += raw_read(s.fd, answer + have,
                                         sizeof(answer) - have)) >= 2 &&
                           have >= 2u + answer[1]);
  assert_int_equal(s.engine.mechanism->ops->decode(
                       s.engine.mechanism, answer + 2, answer[1], &frame),
                   ZUV__PROTOCOL_NO_ERROR);
  assert_int_equal(frame.flags, 4);
  assert_int_equal(frame.size, 12);
  assert_memory_equal(frame.body, "\004PONGcontext", 12);
  leave(&s);
}

/* ---- Servers that are none ---- */

typedef struct {
  const char *name;
  int mechanism;
  void (*put)(wire_t *wire);
  int status;
  int reason;
  int peer_status;
} server_t;

static void put_welcome(wire_t *wire) {
  wire_command(wire, "WELCOME", "", 0);
}

static void put_ready(wire_t *wire) {
  wire_ready(wire, "DEALER", NULL, 0);
}

static void put_error(wire_t *wire) {
  wire_command(wire, "ERROR", "\003400", 4);
}

static void put_encrypted(wire_t *wire) {
  static const char octets[40];
  wire_command(wire, "MESSAGE", octets, sizeof(octets));
}

static void put_zero_welcome(wire_t *wire) {
  static const char octets[160];
  wire_command(wire, "WELCOME", octets, sizeof(octets));
}

static void put_large_command(wire_t *wire) {
  wire_long_header(wire, 4, 16 * MEBIBYTE);
}

static void put_odd_error(wire_t *wire) {
  wire_frame(wire, 4, "^RROR\003400", 9);
}

static void put_long_error(wire_t *wire) {
  wire_command(wire, "ERROR", "\012too short", 10);
}

static const server_t servers[] = {
    {"WELCOME, zeros", ZUV_CURVE, put_zero_welcome, UV_EPROTO,
     ZMTP(CRYPTOGRAPHIC), 0},
    {"WELCOME, empty", ZUV_CURVE, put_welcome, UV_EPROTO, ZMTP(CRYPTOGRAPHIC),
     0},
    {"READY", ZUV_CURVE, put_ready, UV_EPROTO, ZMTP(UNEXPECTED_COMMAND), 0},
    {"MESSAGE", ZUV_CURVE, put_encrypted, UV_EPROTO, ZMTP(UNEXPECTED_COMMAND),
     0},
    {"ERROR", ZUV_CURVE, put_error, UV_EACCES, 0, 400},
    {"ERROR, long", ZUV_CURVE, put_long_error, UV_EPROTO,
     ZMTP(MALFORMED_COMMAND_ERROR), 0},
    {"16 MiB", ZUV_CURVE, put_large_command, UV_EPROTO, ZMTP(CRYPTOGRAPHIC), 0},
    {"WELCOME, zeros", ZUV_PLAIN, put_zero_welcome, UV_EPROTO,
     ZMTP(MALFORMED_COMMAND_WELCOME), 0},
    {"READY", ZUV_PLAIN, put_ready, UV_EPROTO, ZMTP(UNEXPECTED_COMMAND), 0},
    {"ERROR", ZUV_PLAIN, put_error, UV_EACCES, 0, 400},
    {"ERROR of libzmq", ZUV_PLAIN, put_odd_error, UV_EACCES, 0, 400},
    {"16 MiB", ZUV_PLAIN, put_large_command, UV_EPROTO,
     ZMTP(MALFORMED_COMMAND_WELCOME), 0},
};

static void a_false_server_stops_the_client(void **state) {
  char endpoint[RIG_TEXT_MAX];
  int listener = raw_listen(endpoint);
  rig_t rig;

  (void)state;
  rig_open(&rig);
  for (size_t i = 0; i < COUNT(servers); i++) {
    const server_t *server = &servers[i];
    wire_t wire = {.size = 0};
    secured_t client;
    int fd;

    print_message("%s\n", server->name);
    secured_open(&client, NULL, &rig.loop, ZUV_DEALER);
    if (server->mechanism == ZUV_CURVE)
      secured_curve_client(&client);
    else
      secured_plain_client(&client, "alice", "her password");
    actor_connect(&client.actor, endpoint);
    fd = raw_accept(&rig, listener);
    wire_greeting(&wire, 3, 1,
                  server->mechanism == ZUV_CURVE ? "CURVE" : "PLAIN");
    server->put(&wire);
    assert_true(raw_send_wire(&rig, fd, &wire));
    rig_until(&rig, client.actor.events[ZUV_EVENT_STOPPED] == 1);
    secured_expect_failure(&client, server->status, server->reason,
                           server->peer_status);
    rig_until(&rig, raw_is_closed(fd));
    close(fd);
    actor_close(&rig, &client.actor);
  }
  close(listener);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_spoiled_message_ends_the_connection),
      cmocka_unit_test(a_repeated_message_ends_the_connection),
      cmocka_unit_test(messages_in_clear_end_the_connection),
      cmocka_unit_test(large_messages_are_refused_by_their_header),
      cmocka_unit_test(encrypted_commands_are_answered),
      cmocka_unit_test(a_false_server_stops_the_client),
  };

  return cmocka_run_group_tests_name("handshake traffic", tests,
                                     secured_make_keys, NULL);
}
