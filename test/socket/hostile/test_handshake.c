/* Peers that hold up the handshakes of PLAIN and CURVE, or announce more than
 * there may be: each loses its own connection, is met by a clear event and
 * costs little, while a peer that is in goes on. */
#include <unistd.h>

#include "counting.h"
#include "fort.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { SHORT_MS = 100, MEBIBYTE = 1 << 20 };

/* ---- Saying nothing more ---- */

/* On a busy machine a stranger may be late, and out before it is there. */
static void silence(int mechanism, stranger_stage_t stage, int verdict) {
  stranger_t s;

  fort_open(mechanism, SHORT_MS, verdict);
  stranger_open(&s, mechanism, fort.endpoint);
  rig_until(&fort.rig, stranger_moves(&s, stage));
  expect_out(&s, 1, UV_ETIMEDOUT, 0);
  assert_int_equal(happened(ZUV_EVENT_READY), 1);
  stranger_close(&s);
  fort_close();
}

static void silence_ends_with_the_time_for_the_handshake(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    for (int stage = STRANGER_CONNECTED; stage <= STRANGER_WELCOME; stage++)
      silence(mechanism, (stranger_stage_t)stage,
              mechanism == ZUV_PLAIN && stage == STRANGER_HELLO ? 0 : 200);
  }
  silence(ZUV_CURVE, STRANGER_INITIATE, 0);
}

static void octets_one_by_one_are_a_handshake_too(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    stranger_t s;

    fort_open(mechanism, 0, 200);
    stranger_open(&s, mechanism, fort.endpoint);
    for (int stage = STRANGER_GREETED; stage <= STRANGER_INITIATE; stage += 2) {
      size_t until;

      rig_until(&fort.rig,
                stranger_moves(&s, STRANGER_CONNECTED) && s.out.size > s.sent);
      for (until = s.out.size; s.sent < until; s.sent++) {
        uint64_t ticks = fort.rig.ticks;
        assert_true(raw_send(&fort.rig, s.fd, s.out.bytes + s.sent, 1));
        if (s.sent % 16 == 0)
          rig_until(&fort.rig, fort.rig.ticks > ticks);
        else
          uv_run(&fort.rig.loop, UV_RUN_NOWAIT);
      }
    }
    stranger_reach(&fort.rig, &s, STRANGER_READY);
    rig_until(&fort.rig, happened(ZUV_EVENT_READY) == 2);
    stranger_close(&s);
    fort_close();
  }
}

/* An octet in time does not prolong it. */
static void dribbling_ends_with_the_time_for_the_handshake(void **state) {
  (void)state;
  for (int mechanism = ZUV_PLAIN; mechanism <= ZUV_CURVE; mechanism++) {
    stranger_t s;
    wire_t wire = {.size = 0};

    fort_open(mechanism, SHORT_MS, 200);
    stranger_open(&s, mechanism, fort.endpoint);
    rig_until(&fort.rig, stranger_moves(&s, STRANGER_WELCOME));
    wire_long_header(&wire, 4, 9 + 16 * 1024);
    wire_put(&wire, "\010INITIATE", 9);
    stranger_say(&fort.rig, &s, wire.bytes, wire.size);
    rig_until(&fort.rig, (stranger_say(&fort.rig, &s, "x", 1),
                          happened(ZUV_EVENT_HANDSHAKE_FAILED) == 1));
    expect_out(&s, 1, UV_ETIMEDOUT, 0);
    stranger_close(&s);
    fort_close();
  }
}

/* ---- A crowd of them ---- */

enum {
  CROWD = 500,
  CROWD_MS = 1500,
  /* what one may cost, and what all of them may for the loop */
  EACH_MAX = 2500,
  ALL_MAX = MEBIBYTE / 4
};

/* What was in use before. */
static long base;

static void measure(rig_t *rig) {
  size_t here = happened(ZUV_EVENT_ACCEPTED) - happened(ZUV_EVENT_DISCONNECTED);
  long used = counting.octets - base;

  fort_ask(rig);
  if (used > (long)here * EACH_MAX + ALL_MAX)
    fail_msg("%ld octets for %zu strangers", used, here);
}

/* What a client says first is the same for every connection. */
static void record(wire_t *wire, int mechanism) {
  stranger_t model;

  stranger_open(&model, mechanism, fort.endpoint);
  stranger_reach(&fort.rig, &model, STRANGER_HELLO);
  wire->size = 0;
  wire_put(wire, model.out.bytes, model.sent);
  stranger_close(&model);
  wait_failed(1);
}

/* How many octets each of them sends: up to HELLO, or with the beginning of a
 * command behind it. */
static size_t crowd_says(size_t i, const wire_t *wire, size_t hello) {
  const size_t says[] = {
      0,         10,         64,         66,    64 + 2 + 100, hello - 1, hello,
      hello + 1, hello + 12, wire->size, hello, hello + 12,   wire->size};

  return says[i % COUNT(says)];
}

static void crowd(int mechanism, int verdict) {
  static const uint8_t beginning[200];
  static int fds[CROWD];
  wire_t wire;
  size_t hello;
  size_t lost;

  fort_open(mechanism, CROWD_MS, verdict);
  record(&wire, mechanism);
  answer_in_vain();
  hello = wire.size;
  /* the largest INITIATE that there may be, and a bit of it */
  wire_long_header(&wire, 4, 9 + 16 * 1024);
  wire_put(&wire, "\010INITIATE", 9);
  wire_put(&wire, beginning, sizeof(beginning));
  rig_run_for(&fort.rig, 20);
  lost = happened(ZUV_EVENT_DISCONNECTED);
  base = counting.octets;
  fort.rig.on_tick = measure;
  for (size_t i = 0; i < CROWD; i++) {
    fds[i] = raw_connect(fort.endpoint);
    raw_send(&fort.rig, fds[i], wire.bytes, crowd_says(i, &wire, hello));
    uv_run(&fort.rig.loop, UV_RUN_NOWAIT);
  }
  rig_until(&fort.rig, happened(ZUV_EVENT_DISCONNECTED) == lost + CROWD);
  assert_int_equal(happened(ZUV_EVENT_READY), 1);
  for (size_t i = 0; i < CROWD; i++) {
    rig_until(&fort.rig, raw_is_closed(fds[i]));
    close(fds[i]);
  }
  answer_in_vain();
  fort_close();
}

static void a_crowd_costs_little_and_goes_in_time(void **state) {
  (void)state;
  crowd(ZUV_PLAIN, 200);
  crowd(ZUV_CURVE, 200);
}

/* Those who wait for an answer, too. */
static void a_crowd_may_wait_for_its_answer(void **state) {
  (void)state;
  crowd(ZUV_PLAIN, 0);
}

/* ---- Announcing much ---- */

typedef struct {
  const char *name;
  int mechanism;
  stranger_stage_t stage;
  int verdict;
  uint64_t size;
  int reason;
} announcement_t;

static const announcement_t announcements[] = {
    {"HELLO, 16 MiB", ZUV_CURVE, STRANGER_GREETED, 200, 16 * MEBIBYTE,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"HELLO, one more", ZUV_CURVE, STRANGER_GREETED, 200, 201,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"INITIATE, 16 MiB", ZUV_CURVE, STRANGER_WELCOME, 200, 16 * MEBIBYTE,
     ZMTP(MALFORMED_COMMAND_INITIATE)},
    {"INITIATE, one more", ZUV_CURVE, STRANGER_WELCOME, 200,
     257 + 16 * 1024 + 1, ZMTP(MALFORMED_COMMAND_INITIATE)},
    {"while it waits", ZUV_CURVE, STRANGER_INITIATE, 0, 1, ZMTP(UNSPECIFIED)},
    {"while it waits, 16 MiB", ZUV_CURVE, STRANGER_INITIATE, 0, 16 * MEBIBYTE,
     ZMTP(UNSPECIFIED)},
    {"HELLO, no size", ZUV_CURVE, STRANGER_GREETED, 200, UINT64_MAX,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"INITIATE, no size", ZUV_CURVE, STRANGER_WELCOME, 200, UINT64_C(1) << 63,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
    {"name, 16 MiB", ZUV_PLAIN, STRANGER_GREETED, 200, 16 * MEBIBYTE,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"name, one more", ZUV_PLAIN, STRANGER_GREETED, 200, 6 + 512 + 1,
     ZMTP(MALFORMED_COMMAND_HELLO)},
    {"metadata, 16 MiB", ZUV_PLAIN, STRANGER_WELCOME, 200, 16 * MEBIBYTE,
     ZMTP(MALFORMED_COMMAND_INITIATE)},
    {"metadata, one more", ZUV_PLAIN, STRANGER_WELCOME, 200, 9 + 16 * 1024 + 1,
     ZMTP(MALFORMED_COMMAND_INITIATE)},
    {"password waits", ZUV_PLAIN, STRANGER_HELLO, 0, 1, ZMTP(UNSPECIFIED)},
    {"password waits, 16 MiB", ZUV_PLAIN, STRANGER_HELLO, 0, 16 * MEBIBYTE,
     ZMTP(UNSPECIFIED)},
    {"metadata, no size", ZUV_PLAIN, STRANGER_WELCOME, 200, UINT64_MAX,
     ZMTP(MALFORMED_COMMAND_UNSPECIFIED)},
};

static void what_is_too_large_is_not_waited_for(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(announcements); i++) {
    const announcement_t *much = &announcements[i];
    wire_t wire = {.size = 0};
    stranger_t s;

    print_message("%s\n", much->name);
    fort_open(much->mechanism, 0, much->verdict);
    stranger_open(&s, much->mechanism, fort.endpoint);
    stranger_reach(&fort.rig, &s, much->stage);
    wait_asked(much->stage);
    base = counting.octets;
    fort.rig.on_tick = measure;
    wire_long_header(&wire, 4, much->size);
    stranger_say(&fort.rig, &s, wire.bytes, wire.size);
    expect_out(&s, 1, UV_EPROTO, much->reason);
    answer_in_vain();
    stranger_close(&s);
    fort_close();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(silence_ends_with_the_time_for_the_handshake),
      cmocka_unit_test(octets_one_by_one_are_a_handshake_too),
      cmocka_unit_test(dribbling_ends_with_the_time_for_the_handshake),
      cmocka_unit_test(a_crowd_costs_little_and_goes_in_time),
      cmocka_unit_test(a_crowd_may_wait_for_its_answer),
      cmocka_unit_test(what_is_too_large_is_not_waited_for),
  };

  counting_start();
  return cmocka_run_group_tests_name("handshake", tests, secured_make_keys,
                                     NULL);
}
