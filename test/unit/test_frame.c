/* Framing of ZMTP 2.0 and 3.x. Every input is an allocation of its own of the
 * exact size, so that a sanitizer sees a read behind its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/frame.h"

static const size_t sizes[] = {0, 1, 2, 254, 255, 256, 257, 65535, 65536};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static int decode(const uint8_t *bytes, size_t size, uint64_t max_size,
                  zuv__frame_t *frame) {
  uint8_t *exact = malloc(size);
  int result;

  assert_true(exact != NULL || size == 0);
  if (size > 0)
    memcpy(exact, bytes, size);
  memset(frame, 0xee, sizeof(*frame));
  result = zuv__frame_decode(exact, size, max_size, frame);
  if (result == ZUV__FRAME_COMPLETE)
    frame->body = bytes + (frame->body - exact);
  free(exact);
  return result;
}

/* Header and body; the body's octets count up. */
static uint8_t *build(uint8_t flags, size_t size, size_t *total) {
  uint8_t *bytes = malloc(ZUV__FRAME_HEADER_MAX + size);
  size_t header;

  assert_non_null(bytes);
  header = zuv__frame_encode_header(bytes, flags, size);
  assert_int_equal(header, zuv__frame_header_size(size));
  for (size_t i = 0; i < size; i++)
    bytes[header + i] = (uint8_t)i;
  *total = header + size;
  return bytes;
}

static void sizes_up_to_255_have_a_short_header(void **state) {
  uint8_t out[ZUV__FRAME_HEADER_MAX];
  (void)state;

  assert_int_equal(zuv__frame_encode_header(out, 0, 0), 2);
  assert_memory_equal(out, "\x00\x00", 2);
  assert_int_equal(zuv__frame_encode_header(out, ZUV__FRAME_MORE, 255), 2);
  assert_memory_equal(out, "\x01\xff", 2);
  assert_int_equal(zuv__frame_encode_header(out, ZUV__FRAME_COMMAND, 7), 2);
  assert_memory_equal(out, "\x04\x07", 2);
}

static void sizes_from_256_have_a_long_header(void **state) {
  uint8_t out[ZUV__FRAME_HEADER_MAX];
  (void)state;

  assert_int_equal(zuv__frame_encode_header(out, 0, 256), 9);
  assert_memory_equal(out, "\x02\0\0\0\0\0\0\x01\x00", 9);
  assert_int_equal(zuv__frame_encode_header(out, ZUV__FRAME_MORE, 65536), 9);
  assert_memory_equal(out, "\x03\0\0\0\0\0\x01\0\0", 9);
  assert_int_equal(
      zuv__frame_encode_header(out, ZUV__FRAME_COMMAND, 0x0102030405060708), 9);
  assert_memory_equal(out, "\x06\x01\x02\x03\x04\x05\x06\x07\x08", 9);
}

static void what_was_encoded_is_decoded(void **state) {
  static const uint8_t flags[] = {0, ZUV__FRAME_MORE, ZUV__FRAME_COMMAND,
                                  ZUV__FRAME_MORE | ZUV__FRAME_COMMAND};
  (void)state;

  for (size_t f = 0; f < sizeof(flags); f++)
    for (size_t i = 0; i < SIZE_COUNT; i++) {
      size_t total;
      uint8_t *bytes = build(flags[f], sizes[i], &total);
      zuv__frame_t frame;

      assert_int_equal(decode(bytes, total, UINT64_MAX, &frame),
                       ZUV__FRAME_COMPLETE);
      assert_int_equal(frame.flags, flags[f]);
      assert_int_equal(frame.size, sizes[i]);
      assert_int_equal(frame.total, total);
      assert_ptr_equal(frame.body, bytes + total - sizes[i]);
      free(bytes);
    }
}

static void every_cut_is_partial_and_says_how_much_is_missing(void **state) {
  (void)state;

  for (size_t i = 0; i < SIZE_COUNT; i++) {
    size_t total;
    uint8_t *bytes = build(ZUV__FRAME_MORE, sizes[i], &total);
    size_t header = total - sizes[i];
    size_t step = sizes[i] > 1000 ? 997 : 1;

    for (size_t len = 0; len < total; len += len < 20 ? 1 : step) {
      zuv__frame_t frame;

      assert_int_equal(decode(bytes, len, UINT64_MAX, &frame),
                       ZUV__FRAME_PARTIAL);
      if (len < header) {
        assert_int_equal(frame.total, 0);
      } else {
        assert_int_equal(frame.total, total);
        assert_int_equal(frame.size, sizes[i]);
        assert_int_equal(frame.flags, ZUV__FRAME_MORE);
      }
    }
    free(bytes);
  }
}

static void octets_behind_the_frame_are_left_alone(void **state) {
  static const uint8_t bytes[] = {0x01, 0x01, 'a', 0x01, 0x00,
                                  0x00, 0x02, 'b', 'b'};
  static const size_t expected[] = {1, 0, 2};
  size_t offset = 0;
  (void)state;

  for (size_t i = 0; i < 3; i++) {
    zuv__frame_t frame = {0};

    assert_int_equal(
        decode(bytes + offset, sizeof(bytes) - offset, UINT64_MAX, &frame),
        ZUV__FRAME_COMPLETE);
    assert_int_equal(frame.size, expected[i]);
    assert_int_equal(frame.flags, i < 2 ? ZUV__FRAME_MORE : 0);
    offset += frame.total;
  }
  assert_int_equal(offset, sizeof(bytes));
}

static void a_long_header_for_a_small_size_is_taken(void **state) {
  static const uint8_t bytes[] = {0x02, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
  zuv__frame_t frame = {0};
  (void)state;

  assert_int_equal(decode(bytes, sizeof(bytes), UINT64_MAX, &frame),
                   ZUV__FRAME_COMPLETE);
  assert_int_equal(frame.size, 1);
  assert_int_equal(frame.total, 10);
  assert_int_equal(frame.flags, 0);
}

static void reserved_flag_bits_are_ignored(void **state) {
  (void)state;

  for (unsigned reserved = 0; reserved < 256; reserved += 8) {
    uint8_t bytes[] = {(uint8_t)(reserved | ZUV__FRAME_MORE), 1, 'x'};
    zuv__frame_t frame = {0};

    assert_int_equal(decode(bytes, sizeof(bytes), UINT64_MAX, &frame),
                     ZUV__FRAME_COMPLETE);
    assert_int_equal(frame.flags, ZUV__FRAME_MORE);
  }
}

static void the_limit_itself_fits_and_one_more_does_not(void **state) {
  static const size_t limits[] = {0, 10, 254, 255, 256, 1000};
  (void)state;

  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    size_t total;
    uint8_t *bytes = build(0, limits[i], &total);
    zuv__frame_t frame = {0};

    assert_int_equal(decode(bytes, total, limits[i], &frame),
                     ZUV__FRAME_COMPLETE);
    free(bytes);
    bytes = build(0, limits[i] + 1, &total);
    assert_int_equal(decode(bytes, total, limits[i], &frame),
                     ZUV__FRAME_TOO_LARGE);
    assert_int_equal(decode(bytes, total - limits[i] - 1, limits[i], &frame),
                     ZUV__FRAME_TOO_LARGE);
    free(bytes);
  }
}

static void commands_have_a_limit_of_their_own(void **state) {
  uint8_t bytes[ZUV__FRAME_HEADER_MAX];
  zuv__frame_t frame = {0};
  (void)state;

  zuv__frame_encode_header(bytes, ZUV__FRAME_COMMAND, 11);
  assert_int_equal(decode(bytes, 2, 10, &frame), ZUV__FRAME_PARTIAL);
  zuv__frame_encode_header(bytes, ZUV__FRAME_COMMAND, ZUV__COMMAND_MAX);
  assert_int_equal(decode(bytes, 9, 10, &frame), ZUV__FRAME_PARTIAL);
  zuv__frame_encode_header(bytes, ZUV__FRAME_COMMAND, ZUV__COMMAND_MAX + 1);
  assert_int_equal(decode(bytes, 9, 10, &frame), ZUV__FRAME_TOO_LARGE);
  assert_int_equal(decode(bytes, 9, ZUV__COMMAND_MAX + 1, &frame),
                   ZUV__FRAME_PARTIAL);
  assert_int_equal(decode(bytes, 9, UINT64_MAX, &frame), ZUV__FRAME_PARTIAL);
}

static void sizes_that_cannot_exist_are_malformed(void **state) {
  static const uint8_t bit_63[] = {0x02, 0x80, 0, 0, 0, 0, 0, 0, 0};
  static const uint8_t all_ones[] = {0x06, 255, 255, 255, 255,
                                     255,  255, 255, 255};
  static const uint8_t largest[] = {0x02, 0x7f, 255, 255, 255,
                                    255,  255,  255, 255};
  zuv__frame_t frame = {0};
  (void)state;

  assert_int_equal(decode(bit_63, 9, UINT64_MAX, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(bit_63, 9, 10, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(all_ones, 9, UINT64_MAX, &frame),
                   ZUV__FRAME_MALFORMED);
  if (SIZE_MAX > INT64_MAX) {
    assert_int_equal(decode(largest, 9, UINT64_MAX, &frame),
                     ZUV__FRAME_PARTIAL);
    assert_true(frame.total == (size_t)INT64_MAX + 9);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_up_to_255_have_a_short_header),
      cmocka_unit_test(sizes_from_256_have_a_long_header),
      cmocka_unit_test(what_was_encoded_is_decoded),
      cmocka_unit_test(every_cut_is_partial_and_says_how_much_is_missing),
      cmocka_unit_test(octets_behind_the_frame_are_left_alone),
      cmocka_unit_test(a_long_header_for_a_small_size_is_taken),
      cmocka_unit_test(reserved_flag_bits_are_ignored),
      cmocka_unit_test(the_limit_itself_fits_and_one_more_does_not),
      cmocka_unit_test(commands_have_a_limit_of_their_own),
      cmocka_unit_test(sizes_that_cannot_exist_are_malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
