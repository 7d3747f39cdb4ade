/* The greeting: our 64 octets, and what each octet of the peer's decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/greeting.h"

static void make(uint8_t out[ZUV__GREETING_SIZE]) {
  zuv__greeting_write(out, 0, "NULL", false);
}

/* Reads with "NULL" as our mechanism, at most `chunk` octets a call, answers
 * the last event and how many octets were used. The step events must come
 * exactly where they belong. */
static zuv__greeting_event_t read_all(zuv__greeting_t *greeting,
                                      const uint8_t *in, size_t len,
                                      size_t chunk, size_t *used) {
  zuv__greeting_event_t event = ZUV__GREETING_NEEDS_MORE;

  zuv__greeting_init(greeting);
  for (*used = 0; *used < len;) {
    size_t give = len - *used < chunk ? len - *used : chunk;
    size_t consumed;

    event = zuv__greeting_read(greeting, "NULL", in + *used, give, &consumed);
    *used += consumed;
    assert_true(consumed <= give);
    assert_true(consumed > 0 || event == ZUV__GREETING_COMPLETE);
    if (event == ZUV__GREETING_SIGNATURE)
      assert_int_equal(*used, 10);
    if (event == ZUV__GREETING_REVISION)
      assert_int_equal(*used, 11);
    if (*used == 10 || *used == 11)
      assert_int_not_equal(event, ZUV__GREETING_NEEDS_MORE);
    if (event == ZUV__GREETING_COMPLETE)
      break;
  }
  return event;
}

static void ours_is_laid_out_as_the_rfc_says(void **state) {
  uint8_t out[ZUV__GREETING_SIZE];
  static const uint8_t zeros[31];
  (void)state;

  zuv__greeting_write(out, 2, "CURVE", true);
  assert_memory_equal(out, "\xff\0\0\0\0\0\0\0\x03\x7f\x03\x01", 12);
  assert_memory_equal(out + 12, "CURVE", 5);
  assert_memory_equal(out + 17, zeros, 15);
  assert_int_equal(out[32], 1);
  assert_memory_equal(out + 33, zeros, 31);
}

static void the_padding_counts_the_routing_id(void **state) {
  uint8_t out[ZUV__GREETING_SIZE];
  (void)state;

  zuv__greeting_write(out, 255, "NULL", false);
  assert_memory_equal(out, "\xff\0\0\0\0\0\0\x01\0\x7f", 10);
}

static void it_is_read_in_any_split(void **state) {
  uint8_t in[ZUV__GREETING_SIZE + 5] = {0};
  zuv__greeting_t greeting;
  size_t used;
  (void)state;

  make(in);
  for (size_t chunk = 1; chunk <= sizeof(in); chunk++) {
    assert_int_equal(read_all(&greeting, in, sizeof(in), chunk, &used),
                     ZUV__GREETING_COMPLETE);
    assert_int_equal(used, ZUV__GREETING_SIZE);
    assert_int_equal(greeting.version, ZUV__VERSION_3_1);
    assert_true(greeting.mechanism_matches);
    assert_memory_equal(greeting.head, in, ZUV__GREETING_HEAD_SIZE);
  }
  for (size_t len = 1; len < ZUV__GREETING_SIZE; len++) {
    zuv__greeting_event_t event = read_all(&greeting, in, len, len, &used);
    assert_int_not_equal(event, ZUV__GREETING_COMPLETE);
    assert_int_equal(used, len);
  }
}

/* It stays where it is: a frame begins with it. */
static void any_other_first_octet_is_a_1_0_peer(void **state) {
  zuv__greeting_t greeting;
  size_t used;
  (void)state;

  for (unsigned first = 0; first < 255; first++)
    for (size_t chunk = 1; chunk <= 64; chunk += 63) {
      uint8_t in[ZUV__GREETING_SIZE];

      make(in);
      in[0] = (uint8_t)first;
      assert_int_equal(read_all(&greeting, in, sizeof(in), chunk, &used),
                       ZUV__GREETING_COMPLETE);
      assert_int_equal(greeting.version, ZUV__VERSION_1_0);
      assert_int_equal(used, 0);
      assert_int_equal(greeting.received, 0);
    }
}

static void only_bit_0_of_octet_9_counts(void **state) {
  (void)state;

  for (unsigned last = 0; last < 256; last++)
    for (size_t chunk = 1; chunk <= 64; chunk += 3) {
      bool odd = (last & 1) != 0;
      uint8_t in[ZUV__GREETING_SIZE];
      zuv__greeting_t greeting;
      size_t used;

      make(in);
      in[9] = (uint8_t)last;
      assert_int_equal(read_all(&greeting, in, sizeof(in), chunk, &used),
                       ZUV__GREETING_COMPLETE);
      assert_int_equal(used, odd ? 64 : 10);
      assert_int_equal(greeting.version,
                       odd ? ZUV__VERSION_3_1 : ZUV__VERSION_1_0);
      assert_memory_equal(greeting.head, in, odd ? 12 : 10);
    }
}

static void the_padding_of_the_peer_is_ignored(void **state) {
  uint8_t in[ZUV__GREETING_SIZE];
  zuv__greeting_t greeting;
  size_t used;
  (void)state;

  make(in);
  memset(in + 1, 0xab, 8);
  assert_int_equal(read_all(&greeting, in, sizeof(in), 64, &used),
                   ZUV__GREETING_COMPLETE);
}

static zuv__version_t version_of(unsigned revision, unsigned minor) {
  if (revision == 0)
    return ZUV__VERSION_1_0_WITH_TYPE;
  if (revision == 1)
    return ZUV__VERSION_2_0;
  return revision == 3 && minor == 0 ? ZUV__VERSION_3_0 : ZUV__VERSION_3_1;
}

static void the_revision_decides_the_version(void **state) {
  (void)state;

  for (unsigned revision = 0; revision < 256; revision++)
    for (unsigned minor = 0; minor < 256; minor += minor < 3 ? 1 : 36) {
      uint8_t in[ZUV__GREETING_SIZE];
      zuv__greeting_t greeting;
      size_t used;

      make(in);
      in[10] = (uint8_t)revision;
      in[11] = (uint8_t)minor;
      assert_int_equal(read_all(&greeting, in, sizeof(in), 64, &used),
                       ZUV__GREETING_COMPLETE);
      assert_int_equal(used, revision < 2 ? 12 : 64);
      assert_int_equal(greeting.version, version_of(revision, minor));
      assert_int_equal(
          zuv__version_is_before_3((zuv__version_t)greeting.version),
          revision < 2);
      assert_int_equal(greeting.head[11], minor);
    }
}

/* The revision is known one octet before the greeting is complete. */
static void an_older_greeting_ends_with_the_socket_type(void **state) {
  (void)state;

  for (uint8_t revision = 0; revision < 2; revision++)
    for (size_t chunk = 1; chunk <= 16; chunk++) {
      uint8_t in[16];
      zuv__greeting_t greeting;
      size_t used;

      memcpy(in, "\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0\0\0", 16);
      in[10] = revision;
      assert_int_equal(read_all(&greeting, in, 11, chunk, &used),
                       ZUV__GREETING_REVISION);
      assert_true(zuv__version_is_before_3((zuv__version_t)greeting.version));
      assert_int_equal(read_all(&greeting, in, sizeof(in), chunk, &used),
                       ZUV__GREETING_COMPLETE);
      assert_int_equal(used, 12);
      assert_memory_equal(greeting.head, in, 12);
    }
}

static void all_20_octets_of_the_mechanism_count(void **state) {
  (void)state;

  for (size_t i = 12; i < ZUV__GREETING_SIZE; i++) {
    uint8_t in[ZUV__GREETING_SIZE];
    zuv__greeting_t greeting;
    size_t used;

    make(in);
    in[i] ^= 0x20;
    assert_int_equal(read_all(&greeting, in, sizeof(in), 64, &used),
                     ZUV__GREETING_COMPLETE);
    assert_int_equal(greeting.mechanism_matches, i >= 32);
  }
}

static void a_longer_or_shorter_mechanism_is_another(void **state) {
  static const char *const names[] = {"NUL", "NULLL", "PLAIN", "", "null"};
  (void)state;

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    uint8_t in[ZUV__GREETING_SIZE];
    zuv__greeting_t greeting;
    size_t used;

    zuv__greeting_write(in, 0, names[i], false);
    assert_int_equal(read_all(&greeting, in, sizeof(in), 64, &used),
                     ZUV__GREETING_COMPLETE);
    assert_false(greeting.mechanism_matches);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ours_is_laid_out_as_the_rfc_says),
      cmocka_unit_test(the_padding_counts_the_routing_id),
      cmocka_unit_test(it_is_read_in_any_split),
      cmocka_unit_test(any_other_first_octet_is_a_1_0_peer),
      cmocka_unit_test(only_bit_0_of_octet_9_counts),
      cmocka_unit_test(the_padding_of_the_peer_is_ignored),
      cmocka_unit_test(the_revision_decides_the_version),
      cmocka_unit_test(an_older_greeting_ends_with_the_socket_type),
      cmocka_unit_test(all_20_octets_of_the_mechanism_count),
      cmocka_unit_test(a_longer_or_shorter_mechanism_is_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
