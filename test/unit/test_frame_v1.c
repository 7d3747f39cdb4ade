/* Framing of ZMTP 1.0. Every input is an allocation of its own of the exact
 * size, so that a sanitizer sees a read behind its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/frame_v1.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const size_t sizes[] = {0, 1, 2, 252, 253, 254, 255, 256, 65535, 65536};

static int decode(const uint8_t *bytes, size_t size, uint64_t max_size,
                  zuv__frame_t *frame) {
  uint8_t *exact = malloc(size);
  int result;

  assert_true(exact != NULL || size == 0);
  if (size > 0)
    memcpy(exact, bytes, size);
  memset(frame, 0xee, sizeof(*frame));
  result = zuv__frame_v1_decode(exact, size, max_size, frame);
  if (result == ZUV__FRAME_COMPLETE)
    frame->body = bytes + (frame->body - exact);
  free(exact);
  return result;
}

/* Header and body; the body's octets count up. */
static uint8_t *build(bool more, size_t size, size_t *total) {
  uint8_t *bytes = malloc(ZUV__FRAME_V1_HEADER_MAX + size);
  size_t header;

  assert_non_null(bytes);
  header = zuv__frame_v1_encode_header(bytes, more, size);
  for (size_t i = 0; i < size; i++)
    bytes[header + i] = (uint8_t)i;
  *total = header + size;
  return bytes;
}

static void sizes_up_to_253_have_a_short_header(void **state) {
  uint8_t out[ZUV__FRAME_V1_HEADER_MAX];
  (void)state;

  assert_int_equal(zuv__frame_v1_encode_header(out, false, 0), 2);
  assert_memory_equal(out, "\x01\x00", 2);
  assert_int_equal(zuv__frame_v1_encode_header(out, true, 0), 2);
  assert_memory_equal(out, "\x01\x01", 2);
  assert_int_equal(zuv__frame_v1_encode_header(out, false, 253), 2);
  assert_memory_equal(out, "\xfe\x00", 2);
}

static void sizes_from_254_have_a_long_header(void **state) {
  uint8_t out[ZUV__FRAME_V1_HEADER_MAX];
  (void)state;

  assert_int_equal(zuv__frame_v1_encode_header(out, false, 254), 10);
  assert_memory_equal(out, "\xff\0\0\0\0\0\0\0\xff\x00", 10);
  assert_int_equal(zuv__frame_v1_encode_header(out, true, 65535), 10);
  assert_memory_equal(out, "\xff\0\0\0\0\0\x01\0\0\x01", 10);
  if (SIZE_MAX > UINT32_MAX) {
    assert_int_equal(
        zuv__frame_v1_encode_header(out, false, (size_t)0x0102030405060707),
        10);
    assert_memory_equal(out, "\xff\x01\x02\x03\x04\x05\x06\x07\x08\x00", 10);
  }
}

static void what_was_encoded_is_decoded(void **state) {
  (void)state;

  for (int more = 0; more < 2; more++)
    for (size_t i = 0; i < COUNT(sizes); i++) {
      size_t total;
      uint8_t *bytes = build(more != 0, sizes[i], &total);
      zuv__frame_t frame;

      assert_int_equal(decode(bytes, total, UINT64_MAX, &frame),
                       ZUV__FRAME_COMPLETE);
      assert_int_equal(frame.flags, more ? ZUV__FRAME_MORE : 0);
      assert_int_equal(frame.size, sizes[i]);
      assert_int_equal(frame.total, total);
      assert_ptr_equal(frame.body, bytes + total - sizes[i]);
      free(bytes);
    }
}

static void every_cut_is_partial_and_says_how_much_is_missing(void **state) {
  (void)state;

  for (size_t i = 0; i < COUNT(sizes); i++) {
    size_t total;
    uint8_t *bytes = build(true, sizes[i], &total);
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
  static const uint8_t bytes[] = {0x02, 0x01, 'a', 0x01, 0x01,
                                  0x03, 0x00, 'b', 'b'};
  static const size_t expected[] = {1, 0, 2};
  size_t offset = 0;
  (void)state;

  for (size_t i = 0; i < COUNT(expected); i++) {
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
  static const uint8_t bytes[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 2, 1, 'x'};
  zuv__frame_t frame = {0};
  (void)state;

  assert_int_equal(decode(bytes, sizeof(bytes), 1, &frame),
                   ZUV__FRAME_COMPLETE);
  assert_int_equal(frame.size, 1);
  assert_int_equal(frame.total, 11);
  assert_int_equal(frame.flags, ZUV__FRAME_MORE);
}

static void other_flag_bits_are_ignored(void **state) {
  (void)state;

  for (unsigned flags = 0; flags < 256; flags++) {
    uint8_t bytes[] = {2, (uint8_t)flags, 'x'};
    zuv__frame_t frame = {0};

    assert_int_equal(decode(bytes, sizeof(bytes), UINT64_MAX, &frame),
                     ZUV__FRAME_COMPLETE);
    assert_int_equal(frame.flags, flags & ZUV__FRAME_MORE);
    assert_int_equal(frame.size, 1);
  }
}

/* The flags octet, which the length counts, is no part of the body. */
static void the_limit_itself_fits_and_one_more_does_not(void **state) {
  static const size_t limits[] = {0, 10, 252, 253, 254, 255, 1000};
  (void)state;

  for (size_t i = 0; i < COUNT(limits); i++) {
    size_t total;
    uint8_t *bytes = build(false, limits[i], &total);
    size_t length = limits[i] + 1 > ZUV__FRAME_V1_SHORT_MAX ? 9 : 1;
    zuv__frame_t frame = {0};

    assert_int_equal(decode(bytes, total, limits[i], &frame),
                     ZUV__FRAME_COMPLETE);
    free(bytes);
    bytes = build(false, limits[i] + 1, &total);
    assert_int_equal(decode(bytes, total, limits[i], &frame),
                     ZUV__FRAME_TOO_LARGE);
    assert_int_equal(decode(bytes, length, limits[i], &frame),
                     ZUV__FRAME_TOO_LARGE);
    free(bytes);
  }
}

static void lengths_that_cannot_exist_are_malformed(void **state) {
  static const uint8_t none[] = {0x00};
  static const uint8_t long_none[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0};
  static const uint8_t bit_63[] = {0xff, 0x80, 0, 0, 0, 0, 0, 0, 0};
  static const uint8_t all_ones[] = {0xff, 255, 255, 255, 255,
                                     255,  255, 255, 255};
  static const uint8_t largest[] = {0xff, 0x7f, 255, 255, 255,
                                    255,  255,  255, 255, 0};
  zuv__frame_t frame = {0};
  (void)state;

  assert_int_equal(decode(none, 1, UINT64_MAX, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(none, 1, 0, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(long_none, 9, 10, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(bit_63, 9, UINT64_MAX, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(bit_63, 9, 10, &frame), ZUV__FRAME_MALFORMED);
  assert_int_equal(decode(all_ones, 9, UINT64_MAX, &frame),
                   ZUV__FRAME_MALFORMED);
  if (SIZE_MAX > INT64_MAX) {
    assert_int_equal(decode(largest, 10, UINT64_MAX, &frame),
                     ZUV__FRAME_PARTIAL);
    assert_true(frame.total == (size_t)INT64_MAX - 1 + 10);
    assert_int_equal(decode(largest, 9, 1000, &frame), ZUV__FRAME_TOO_LARGE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_up_to_253_have_a_short_header),
      cmocka_unit_test(sizes_from_254_have_a_long_header),
      cmocka_unit_test(what_was_encoded_is_decoded),
      cmocka_unit_test(every_cut_is_partial_and_says_how_much_is_missing),
      cmocka_unit_test(octets_behind_the_frame_are_left_alone),
      cmocka_unit_test(a_long_header_for_a_small_size_is_taken),
      cmocka_unit_test(other_flag_bits_are_ignored),
      cmocka_unit_test(the_limit_itself_fits_and_one_more_does_not),
      cmocka_unit_test(lengths_that_cannot_exist_are_malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
