/* Z85 both ways. Outputs have exactly the size that they need, so that a
 * sanitizer sees a write behind their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "security/z85.h"

static const struct {
  uint8_t data[8];
  size_t size;
  const char *text;
} pairs[] = {
    {{0}, 0, ""},
    {{0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b}, 8, "HelloWorld"},
    {{0, 0, 0, 0}, 4, "00000"},
    {{0, 0, 0, 84}, 4, "0000#"},
    {{0, 0, 0, 85}, 4, "00010"},
    {{0xff, 0xff, 0xff, 0xff}, 4, "%nSc0"},
    {{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, 8, "00001%nSc0"},
};

static void known_pairs_go_both_ways(void **state) {
  (void)state;

  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    size_t length = strlen(pairs[i].text);
    char *text = malloc(length + 1);
    uint8_t *data = malloc(pairs[i].size + 1);

    assert_non_null(text);
    assert_non_null(data);
    assert_true(zuv__z85_encode(text, pairs[i].data, pairs[i].size));
    assert_string_equal(text, pairs[i].text);
    data[pairs[i].size] = 0xaa;
    assert_true(zuv__z85_decode(data, pairs[i].text, length));
    assert_memory_equal(data, pairs[i].data, pairs[i].size);
    assert_int_equal(data[pairs[i].size], 0xaa);
    free(data);
    free(text);
  }
}

static void all_bytes_come_back(void **state) {
  uint8_t data[1024];
  uint8_t decoded[1024];
  char text[1024 / 4 * 5 + 1];
  uint32_t next = 1;
  (void)state;

  for (size_t i = 0; i < sizeof(data); i++) {
    next = next * 1664525 + 1013904223;
    data[i] = (uint8_t)(next >> 24);
  }
  for (size_t size = 0; size <= sizeof(data); size += 4) {
    assert_true(zuv__z85_encode(text, data, size));
    assert_int_equal(strlen(text), size / 4 * 5);
    assert_true(zuv__z85_decode(decoded, text, strlen(text)));
    assert_memory_equal(decoded, data, size);
  }
}

static void every_digit_has_its_value(void **state) {
  uint8_t decoded[4];
  char text[6];
  (void)state;

  for (unsigned value = 0; value < 85; value++) {
    const uint8_t data[4] = {0, 0, 0, (uint8_t)value};

    assert_true(zuv__z85_encode(text, data, 4));
    assert_memory_equal(text, "0000", 4);
    assert_true(zuv__z85_decode(decoded, text, 5));
    assert_memory_equal(decoded, data, 4);
  }
}

static void only_digits_are_taken(void **state) {
  static const char digits[] =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
      ".-:+=^!/*?&<>()[]{}@%$#";
  uint8_t decoded[4];
  (void)state;

  for (int c = 0; c < 256; c++)
    for (size_t place = 0; place < 5; place++) {
      char text[5] = {'0', '0', '0', '0', '0'};
      const char *digit = c == 0 ? NULL : strchr(digits, c);
      bool fits = place > 0 || (digit != NULL && digit - digits <= 82);

      text[place] = (char)c;
      assert_int_equal(zuv__z85_decode(decoded, text, 5),
                       digit != NULL && fits);
    }
}

static void sizes_must_be_whole_groups(void **state) {
  static const uint8_t data[12];
  (void)state;

  for (size_t size = 0; size < 12; size++) {
    char text[16] = "untouched";
    uint8_t decoded[12] = "untouched";

    if (size % 4 != 0) {
      assert_false(zuv__z85_encode(text, data, size));
      assert_string_equal(text, "untouched");
    }
    if (size % 5 != 0) {
      assert_false(zuv__z85_decode(decoded, "00000000000", size));
      assert_memory_equal(decoded, "untouched", 10);
    }
  }
}

static void groups_over_32_bits_are_refused(void **state) {
  static const char *const texts[] = {"%nSc1", "%nSd0", "%nT00",     "%o000",
                                      "$0000", "#####", "00000#####"};
  uint8_t decoded[8];
  (void)state;

  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    assert_false(zuv__z85_decode(decoded, texts[i], strlen(texts[i])));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_pairs_go_both_ways),
      cmocka_unit_test(all_bytes_come_back),
      cmocka_unit_test(every_digit_has_its_value),
      cmocka_unit_test(only_digits_are_taken),
      cmocka_unit_test(sizes_must_be_whole_groups),
      cmocka_unit_test(groups_over_32_bits_are_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
