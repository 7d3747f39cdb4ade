/* Peers that say something else than the handshakes of PLAIN and CURVE want, or
 * leave: each loses its own connection and is met by a clear event, while a
 * peer that is in goes on. */
#include <unistd.h>

#include "fort.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Saying something else ---- */

typedef struct {
  const char *name;
  int mechanism;
  stranger_stage_t stage;
  int verdict;
  void (*put)(wire_t *wire);
  int reason;
} nonsense_t;

static void put_noise(wire_t *wire) {
  uint32_t state = 4711;

  /* a frame of what is no command */
  wire_put(wire, "\4\310\311", 3);
  for (int i = 0; i < 199; i++) {
    uint8_t octet;
    state = state * 1664525 + 1013904223;
    octet = (uint8_t)(state >> 24);
    wire_put(wire, &octet, 1);
  }
}

static void put_message(wire_t *wire) {
  wire_frame(wire, 0, "hello", 5);
}

static void put_empty(wire_t *wire) {
  wire_frame(wire, 4, "", 0);
}

static void put_nameless(wire_t *wire) {
  wire_frame(wire, 4, "\0", 1);
}

static void put_name_only(wire_t *wire) {
  wire_command(wire, "HELLO", "", 0);
}

static void put_short_hello(wire_t *wire) {
  wire_command(wire, "HELLO", "\1\0", 2);
}

static void put_long_hello(wire_t *wire) {
  static const char name[300];
  wire_command(wire, "HELLO", name, sizeof(name));
}

static void put_ready(wire_t *wire) {
  wire_ready(wire, "DEALER", NULL, 0);
}

static void put_welcome(wire_t *wire) {
  wire_command(wire, "WELCOME", "", 0);
}

static void put_error(wire_t *wire) {
  wire_command(wire, "ERROR", "\003400", 4);
}

static void put_ping(wire_t *wire) {
  wire_command(wire, "PING", "\0\0", 2);
}

static void put_encrypted(wire_t *wire) {
  static const char octets[40];
  wire_command(wire, "MESSAGE", octets, sizeof(octets));
}

static void put_short_initiate(wire_t *wire) {
  static const char octets[200];
  wire_command(wire, "INITIATE", octets, sizeof(octets));
}

static void put_zero_initiate(wire_t *wire) {
  static const char octets[300];
  wire_command(wire, "INITIATE", octets, sizeof(octets));
}

static void put_bad_metadata(wire_t *wire) {
  wire_command(wire, "INITIATE", "\013Socket-Type\377\377\377\377DEALER", 22);
}

static void put_wrong_type(wire_t *wire) {
  wire_command(wire, "INITIATE", "\013Socket-Type\0\0\0\3PUB", 19);
}

static const nonsense_t nonsense[] = {
    {"noise", ZUV_CURVE, STRANGER_GREETED, 200, put_noise,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"message", ZUV_CURVE, STRANGER_GREETED, 200, put_message,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"nothing", ZUV_CURVE, STRANGER_GREETED, 200, put_empty,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"no name", ZUV_CURVE, STRANGER_GREETED, 200, put_nameless,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"HELLO, empty", ZUV_CURVE, STRANGER_GREETED, 200, put_name_only,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"HELLO, short", ZUV_CURVE, STRANGER_GREETED, 200, put_short_hello,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"HELLO, long", ZUV_CURVE, STRANGER_GREETED, 200, put_long_hello,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"READY first", ZUV_CURVE, STRANGER_GREETED, 200, put_ready,
     ZMTP(UNEXPECTED_COMMAND)},
    {"MESSAGE first", ZUV_CURVE, STRANGER_GREETED, 200, put_encrypted,
     ZMTP(UNEXPECTED_COMMAND)},
    {"noise then", ZUV_CURVE, STRANGER_WELCOME, 200, put_noise,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"HELLO then", ZUV_CURVE, STRANGER_WELCOME, 200, put_short_hello,
     ZMTP(UNEXPECTED_COMMAND)},
    {"WELCOME then", ZUV_CURVE, STRANGER_WELCOME, 200, put_welcome,
     ZMTP(UNEXPECTED_COMMAND)},
    {"ERROR then", ZUV_CURVE, STRANGER_WELCOME, 200, put_error,
     ZMTP(UNEXPECTED_COMMAND)},
    {"PING then", ZUV_CURVE, STRANGER_WELCOME, 200, put_ping,
     ZMTP(UNEXPECTED_COMMAND)},
    {"MESSAGE then", ZUV_CURVE, STRANGER_WELCOME, 200, put_encrypted,
     ZMTP(UNEXPECTED_COMMAND)},
    {"INITIATE, short", ZUV_CURVE, STRANGER_WELCOME, 200, put_short_initiate,
     ZMTP(MALFORMED_COMMAND_INITIATE)},
    {"INITIATE, zeros", ZUV_CURVE, STRANGER_WELCOME, 200, put_zero_initiate,
     ZMTP(INVALID_SEQUENCE)},
    {"noise while it waits", ZUV_CURVE, STRANGER_INITIATE, 0, put_noise,
     ZMTP(UNSPECIFIED)},
    {"INITIATE while it waits", ZUV_CURVE, STRANGER_INITIATE, 0,
     put_zero_initiate, ZMTP(UNSPECIFIED)},
    {"MESSAGE while it waits", ZUV_CURVE, STRANGER_INITIATE, 0, put_encrypted,
     ZMTP(UNSPECIFIED)},

    {"noise", ZUV_PLAIN, STRANGER_GREETED, 200, put_noise,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"message", ZUV_PLAIN, STRANGER_GREETED, 200, put_message,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"nothing", ZUV_PLAIN, STRANGER_GREETED, 200, put_empty,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"HELLO, empty", ZUV_PLAIN, STRANGER_GREETED, 200, put_name_only,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"HELLO, short", ZUV_PLAIN, STRANGER_GREETED, 200, put_short_hello,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"HELLO, long", ZUV_PLAIN, STRANGER_GREETED, 200, put_long_hello,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"READY first", ZUV_PLAIN, STRANGER_GREETED, 200, put_ready,
     ZMTP(UNEXPECTED_COMMAND)},
    {"noise then", ZUV_PLAIN, STRANGER_WELCOME, 200, put_noise,
     ZMTP(UNEXPECTED_COMMAND)},
    {"HELLO then", ZUV_PLAIN, STRANGER_WELCOME, 200, put_short_hello,
     ZMTP(UNEXPECTED_COMMAND)},
    {"READY then", ZUV_PLAIN, STRANGER_WELCOME, 200, put_ready,
     ZMTP(UNEXPECTED_COMMAND)},
    {"message then", ZUV_PLAIN, STRANGER_WELCOME, 200, put_message,
     ZMTP(UNEXPECTED_COMMAND)},
    {"bad metadata", ZUV_PLAIN, STRANGER_WELCOME, 200, put_bad_metadata,
     ZMTP(INVALID_METADATA)},
    {"wrong socket type", ZUV_PLAIN, STRANGER_WELCOME, 200, put_wrong_type,
     ZMTP(INVALID_METADATA)},
    {"noise while it waits", ZUV_PLAIN, STRANGER_HELLO, 0, put_noise,
     ZMTP(UNSPECIFIED)},
    {"INITIATE while it waits", ZUV_PLAIN, STRANGER_HELLO, 0, put_wrong_type,
     ZMTP(UNSPECIFIED)},
    {"nothing while it waits", ZUV_PLAIN, STRANGER_HELLO, 0, put_empty,
     ZMTP(UNSPECIFIED)},
};

static void other_commands_end_the_connection(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(nonsense); i++) {
    const nonsense_t *said = &nonsense[i];
    wire_t wire = {.size = 0};
    stranger_t s;

    print_message("%s\n", said->name);
    fort_open(said->mechanism, 0, said->verdict);
    stranger_open(&s, said->mechanism, fort.endpoint);
    stranger_reach(&fort.rig, &s, said->stage);
    wait_asked(said->stage);
    said->put(&wire);
    stranger_say(&fort.rig, &s, wire.bytes, wire.size);
    expect_out(&s, 1, UV_EPROTO, said->reason);
    assert_int_equal(happened(ZUV_EVENT_READY), 1);
    answer_in_vain();
    stranger_close(&s);
    fort_close();
  }
}

/* With NULL the peer need not wait while we ask. */
static void null_waits_with_a_ready(void **state) {
  wire_t wire = {.size = 0};
  int fd;

  (void)state;
  fort_open(ZUV_NULL, 0, 0);
  fd = raw_connect(fort.endpoint);
  wire_handshake(&wire, "DEALER");
  assert_true(raw_send_wire(&fort.rig, fd, &wire));
  rig_until(&fort.rig, fort.server.asked == 1);
  rig_run_for(&fort.rig, 20);
  assert_int_equal(happened(ZUV_EVENT_READY), 1);
  assert_int_equal(zuv_auth_allow(fort.server.requests[0], NULL), 0);
  fort.server.requests[0] = NULL;
  rig_until(&fort.rig, happened(ZUV_EVENT_READY) == 2);
  assert_true(raw_send(&fort.rig, fd, "\0\5hello", 7));
  rig_until(&fort.rig, fort.strange == 1);
  close(fd);
  fort_close();
}

static void null_waits_with_one_ready_only(void **state) {
  wire_t wire = {.size = 0};
  wire_t second = {.size = 0};
  int fd;

  (void)state;
  fort_open(ZUV_NULL, 0, 0);
  fd = raw_connect(fort.endpoint);
  wire_handshake(&wire, "DEALER");
  wire_ready(&second, "DEALER", NULL, 0);
  assert_true(raw_send_wire(&fort.rig, fd, &wire));
  rig_until(&fort.rig, fort.server.asked == 1);
  assert_true(raw_send_wire(&fort.rig, fd, &second));
  wait_failed(1);
  secured_expect_failure(&fort.server, UV_EPROTO, ZMTP(UNEXPECTED_COMMAND), 0);
  rig_until(&fort.rig, raw_is_closed(fd));
  close(fd);
  answer_in_vain();
  fort_close();
}

/* ---- One bit ---- */

/* Spoils the octet of its INITIATE at this place. */
static void spoil(size_t at, uint8_t mask, int reason) {
  size_t initiate;
  stranger_t s;

  fort_open(ZUV_CURVE, 0, 200);
  stranger_open(&s, ZUV_CURVE, fort.endpoint);
  stranger_reach(&fort.rig, &s, STRANGER_WELCOME);
  initiate = s.sent;
  assert_true(initiate + at < s.out.size);
  s.out.bytes[initiate + at] ^= mask;
  rig_until(&fort.rig, stranger_moves(&s, STRANGER_INITIATE));
  expect_out(&s, 1, UV_EPROTO, reason);
  assert_int_equal(fort.server.asked, 0);
  stranger_close(&s);
  fort_close();
}

static void no_bit_of_initiate_may_change(void **state) {
  enum { FRAME = 9, NAME = 9, COOKIE = 96, COUNTER = 8, TAG = 16 };
  const size_t cookie = FRAME + NAME;
  const size_t counter = cookie + COOKIE;
  const size_t box = counter + COUNTER;

  (void)state;
  spoil(FRAME + 3, 1, ZMTP(UNEXPECTED_COMMAND));
  spoil(cookie, 1, ZMTP(CRYPTOGRAPHIC));
  spoil(cookie + 16, 1, ZMTP(CRYPTOGRAPHIC));
  spoil(cookie + COOKIE - 1, 0x80, ZMTP(CRYPTOGRAPHIC));
  spoil(counter + 7, 3, ZMTP(INVALID_SEQUENCE));
  spoil(counter, 0x80, ZMTP(CRYPTOGRAPHIC));
  spoil(box, 1, ZMTP(CRYPTOGRAPHIC));
  spoil(box + TAG, 1, ZMTP(CRYPTOGRAPHIC));
  spoil(box + TAG + 32 + 96, 0x40, ZMTP(CRYPTOGRAPHIC));
}

/* A recording of somebody else's handshake leads nowhere. */
static void a_recorded_initiate_is_refused(void **state) {
  stranger_t model;
  stranger_t s;

  (void)state;
  fort_open(ZUV_CURVE, 0, 200);
  stranger_open(&model, ZUV_CURVE, fort.endpoint);
  stranger_reach(&fort.rig, &model, STRANGER_READY);
  rig_until(&fort.rig, happened(ZUV_EVENT_READY) == 2);
  stranger_open(&s, ZUV_CURVE, fort.endpoint);
  stranger_reach(&fort.rig, &s, STRANGER_CONNECTED);
  stranger_say(&fort.rig, &s, model.out.bytes, model.out.size);
  expect_out(&s, 1, UV_EPROTO, ZMTP(CRYPTOGRAPHIC));
  assert_int_equal(happened(ZUV_EVENT_READY), 2);
  stranger_close(&model);
  stranger_close(&s);
  fort_close();
}

/* ---- Leaving ---- */

/* Says `cut` octets, of which the model has said the first, and leaves. */
static void say_and_leave(int mechanism, const stranger_t *model, size_t cut) {
  stranger_t s;

  stranger_open(&s, mechanism, fort.endpoint);
  if (cut <= model->sent) {
    stranger_say(&fort.rig, &s, model->out.bytes, cut);
  } else {
    stranger_reach(&fort.rig, &s, STRANGER_WELCOME);
    stranger_say(&fort.rig, &s, s.out.bytes + s.sent, cut - s.sent);
  }
  stranger_close(&s);
}

static void a_handshake_may_be_cut_anywhere(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    stranger_t model;

    fort_open(mechanism, 0, 200);
    stranger_open(&model, mechanism, fort.endpoint);
    stranger_reach(&fort.rig, &model, STRANGER_WELCOME);
    for (size_t cut = 0; cut < model.out.size; cut += 3) {
      size_t lost = happened(ZUV_EVENT_DISCONNECTED);

      say_and_leave(mechanism, &model, cut);
      rig_until(&fort.rig, happened(ZUV_EVENT_DISCONNECTED) > lost);
      secured_expect_hang_up(&fort.server);
    }
    assert_int_equal(happened(ZUV_EVENT_HANDSHAKE_FAILED),
                     happened(ZUV_EVENT_DISCONNECTED));
    assert_int_equal(happened(ZUV_EVENT_READY), 1);
    stranger_close(&model);
    fort_close();
  }
}

static void leaving_while_it_waits(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    stranger_t s;

    fort_open(mechanism, 0, 0);
    stranger_open(&s, mechanism, fort.endpoint);
    stranger_reach(&fort.rig, &s,
                   mechanism == ZUV_PLAIN ? STRANGER_HELLO : STRANGER_INITIATE);
    rig_until(&fort.rig, fort.server.asked == 1);
    stranger_close(&s);
    wait_failed(1);
    assert_int_equal(zuv_auth_allow(fort.server.requests[0], NULL),
                     UV_ECANCELED);
    fort.server.requests[0] = NULL;
    fort_close();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_commands_end_the_connection),
      cmocka_unit_test(null_waits_with_a_ready),
      cmocka_unit_test(null_waits_with_one_ready_only),
      cmocka_unit_test(no_bit_of_initiate_may_change),
      cmocka_unit_test(a_recorded_initiate_is_refused),
      cmocka_unit_test(a_handshake_may_be_cut_anywhere),
      cmocka_unit_test(leaving_while_it_waits),
  };

  return cmocka_run_group_tests_name("handshake commands", tests,
                                     secured_make_keys, NULL);
}
