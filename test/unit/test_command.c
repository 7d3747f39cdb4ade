/* Commands: what is one, what they are called, and the bytes we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/command.h"
#include "zmtp/frame.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Parses an allocation of the exact size. */
static zuv__command_kind_t classify(const uint8_t *body, size_t size) {
  uint8_t *exact = malloc(size);
  zuv__command_t command;
  zuv__command_kind_t kind;

  if (size > 0)
    memcpy(exact, body, size);
  kind = zuv__command_parse(exact, size, &command);
  if (kind != ZUV__COMMAND_MALFORMED) {
    assert_ptr_equal(command.name, exact + 1);
    assert_int_equal(command.name_size, exact[0]);
    assert_ptr_equal(command.data, exact + 1 + command.name_size);
    assert_int_equal(command.size, size - 1 - command.name_size);
  }
  free(exact);
  return kind;
}

static void known_names_are_classified(void **state) {
  (void)state;
  assert_int_equal(classify(BYTES("\005READY")), ZUV__COMMAND_READY);
  assert_int_equal(classify(BYTES("\005READYx")), ZUV__COMMAND_READY);
  assert_int_equal(classify(BYTES("\005ERROR\003400")), ZUV__COMMAND_ERROR);
  assert_int_equal(classify(BYTES("\011SUBSCRIBEA")), ZUV__COMMAND_SUBSCRIBE);
  assert_int_equal(classify(BYTES("\006CANCELA")), ZUV__COMMAND_CANCEL);
  assert_int_equal(classify(BYTES("\004PING\0\0")), ZUV__COMMAND_PING);
  assert_int_equal(classify(BYTES("\004PONG")), ZUV__COMMAND_PONG);
  assert_int_equal(classify(BYTES("\005HELLO")), ZUV__COMMAND_HELLO);
  assert_int_equal(classify(BYTES("\007WELCOME")), ZUV__COMMAND_WELCOME);
  assert_int_equal(classify(BYTES("\010INITIATE")), ZUV__COMMAND_INITIATE);
  assert_int_equal(classify(BYTES("\007MESSAGE")), ZUV__COMMAND_MESSAGE);
  assert_int_equal(classify(BYTES("\004JOINgrp")), ZUV__COMMAND_JOIN);
  assert_int_equal(classify(BYTES("\005LEAVEg2")), ZUV__COMMAND_LEAVE);
}

static void other_names_are_unknown(void **state) {
  (void)state;
  assert_int_equal(classify(BYTES("\005ready")), ZUV__COMMAND_UNKNOWN);
  assert_int_equal(classify(BYTES("\004READY")), ZUV__COMMAND_UNKNOWN);
  assert_int_equal(classify(BYTES("\006READY!")), ZUV__COMMAND_UNKNOWN);
  assert_int_equal(classify(BYTES("\001x")), ZUV__COMMAND_UNKNOWN);
}

static void a_body_without_a_whole_name_is_malformed(void **state) {
  (void)state;
  assert_int_equal(classify(NULL, 0), ZUV__COMMAND_MALFORMED);
  assert_int_equal(classify(BYTES("\000")), ZUV__COMMAND_MALFORMED);
  assert_int_equal(classify(BYTES("\000READY")), ZUV__COMMAND_MALFORMED);
  assert_int_equal(classify(BYTES("\377READY")), ZUV__COMMAND_MALFORMED);
  for (size_t size = 1; size < 6; size++)
    assert_int_equal(classify((const uint8_t *)"\005READY", size),
                     ZUV__COMMAND_MALFORMED);
}

static void a_short_subscription_has_a_short_header(void **state) {
  uint8_t out[32];
  (void)state;

  assert_int_equal(zuv__command_frame_size(ZUV__COMMAND_SUBSCRIBE, 1), 13);
  assert_int_equal(zuv__command_write(out, ZUV__COMMAND_SUBSCRIBE, "A", 1), 13);
  assert_memory_equal(out, "\x04\x0b\x09SUBSCRIBEA", 13);
  assert_int_equal(zuv__command_write(out, ZUV__COMMAND_SUBSCRIBE, NULL, 0),
                   12);
  assert_memory_equal(out, "\x04\x0a\x09SUBSCRIBE", 12);
  assert_int_equal(zuv__command_write(out, ZUV__COMMAND_CANCEL, "A", 1), 10);
  assert_memory_equal(out,
                      "\x04\x08\x06"
                      "CANCELA",
                      10);
}

static void a_topic_over_245_octets_needs_the_long_header(void **state) {
  uint8_t topic[246];
  uint8_t out[300];
  (void)state;

  memset(topic, 't', sizeof(topic));
  assert_int_equal(zuv__command_frame_size(ZUV__COMMAND_SUBSCRIBE, 245), 257);
  assert_int_equal(zuv__command_write(out, ZUV__COMMAND_SUBSCRIBE, topic, 245),
                   257);
  assert_memory_equal(out, "\x04\xff\x09SUBSCRIBEt", 13);
  assert_int_equal(zuv__command_frame_size(ZUV__COMMAND_SUBSCRIBE, 246), 265);
  assert_int_equal(zuv__command_write(out, ZUV__COMMAND_SUBSCRIBE, topic, 246),
                   265);
  assert_memory_equal(out, "\x06\0\0\0\0\0\0\x01\0\x09SUBSCRIBEt", 20);
  assert_int_equal(out[264], 't');
}

static void every_kind_written_is_read_back(void **state) {
  uint8_t out[64];
  (void)state;

  for (int kind = ZUV__COMMAND_READY; kind <= ZUV__COMMAND_LEAVE; kind++) {
    size_t size = zuv__command_write(out, (zuv__command_kind_t)kind, "data", 4);
    zuv__command_t command;
    zuv__frame_t frame = {0};

    assert_int_equal(size,
                     zuv__command_frame_size((zuv__command_kind_t)kind, 4));
    assert_int_equal(zuv__frame_decode(out, size, UINT64_MAX, &frame),
                     ZUV__FRAME_COMPLETE);
    assert_int_equal(frame.flags, ZUV__FRAME_COMMAND);
    assert_int_equal(zuv__command_parse(frame.body, frame.size, &command),
                     kind);
    assert_int_equal(command.size, 4);
    assert_memory_equal(command.data, "data", 4);
  }
}

static void a_ping_needs_its_ttl(void **state) {
  zuv__command_t command = {.data = (const uint8_t *)"\x02\x90"
                                                     "ctx!"};
  zuv__ping_t ping;
  (void)state;

  for (command.size = 0; command.size < 2; command.size++)
    assert_int_equal(zuv__command_parse_ping(&command, &ping), -1);
  command.size = 2;
  assert_int_equal(zuv__command_parse_ping(&command, &ping), 0);
  assert_int_equal(ping.ttl, 656);
  assert_int_equal(ping.context_size, 0);
  command.size = 6;
  assert_int_equal(zuv__command_parse_ping(&command, &ping), 0);
  assert_int_equal(ping.context_size, 4);
  assert_memory_equal(ping.context, "ctx!", 4);
}

static void a_pong_echoes_at_most_16_octets(void **state) {
  zuv__command_t command = {.data = (const uint8_t *)"\0\0"
                                                     "0123456789abcdefXY",
                            .size = 20};
  uint8_t out[ZUV__PING_FRAME_MAX];
  zuv__ping_t ping;
  (void)state;

  assert_int_equal(zuv__command_parse_ping(&command, &ping), 0);
  assert_int_equal(ping.context_size, 16);
  assert_int_equal(zuv__command_write_pong(out, &ping), 23);
  assert_memory_equal(out, "\x04\x15\x04PONG0123456789abcdef", 23);
}

static void a_ping_carries_ttl_and_context(void **state) {
  const zuv__ping_t bare = {.ttl = 25};
  const zuv__ping_t full = {.ttl = 0xfffe,
                            .context = (const uint8_t *)"0123456789abcdef",
                            .context_size = 16};
  uint8_t out[ZUV__PING_FRAME_MAX];
  (void)state;

  assert_int_equal(zuv__command_write_ping(out, &bare), 9);
  assert_memory_equal(out, "\x04\x07\x04PING\x00\x19", 9);
  assert_int_equal(zuv__command_write_ping(out, &full), sizeof(out));
  assert_memory_equal(out,
                      "\x04\x17\x04PING\xff\xfe"
                      "0123456789abcdef",
                      25);
}

static void an_error_needs_its_whole_reason(void **state) {
  zuv__command_t command = {.data = (const uint8_t *)"\003400", .size = 4};
  const uint8_t *reason;
  size_t size;
  (void)state;

  assert_int_equal(zuv__command_parse_error(&command, &reason, &size), 0);
  assert_int_equal(size, 3);
  assert_memory_equal(reason, "400", 3);
  for (command.size = 0; command.size < 4; command.size++)
    assert_int_equal(zuv__command_parse_error(&command, &reason, &size), -1);
  command.data = (const uint8_t *)"\0";
  command.size = 1;
  assert_int_equal(zuv__command_parse_error(&command, &reason, &size), 0);
  assert_int_equal(size, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_names_are_classified),
      cmocka_unit_test(other_names_are_unknown),
      cmocka_unit_test(a_body_without_a_whole_name_is_malformed),
      cmocka_unit_test(a_short_subscription_has_a_short_header),
      cmocka_unit_test(a_topic_over_245_octets_needs_the_long_header),
      cmocka_unit_test(every_kind_written_is_read_back),
      cmocka_unit_test(a_ping_needs_its_ttl),
      cmocka_unit_test(a_pong_echoes_at_most_16_octets),
      cmocka_unit_test(a_ping_carries_ttl_and_context),
      cmocka_unit_test(an_error_needs_its_whole_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
