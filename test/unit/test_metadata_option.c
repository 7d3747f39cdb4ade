/* ZUV_METADATA: which texts are properties, and how they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/metadata_option.h"
#include "core/options.h"
#include "transport/session.h"
#include "zmtp/metadata.h"

static zuv__option_bytes_t *metadata;

static int drop(void **state) {
  (void)state;
  zuv__option_bytes_release(metadata);
  metadata = NULL;
  return 0;
}

static int set(const void *text, size_t size) {
  return zuv__metadata_option_set(&metadata, text, size);
}

#define SET(text) set(text, sizeof(text) - 1)

static void expect_kept(const void *bytes, size_t size) {
  assert_int_equal(metadata->size, size);
  assert_memory_equal(metadata->data, bytes, size);
}

#define EXPECT_KEPT(text) expect_kept(text, sizeof(text) - 1)

static void a_property_is_kept_as_it_is_sent(void **state) {
  (void)state;
  assert_int_equal(SET("X-foo:bar"), 0);
  EXPECT_KEPT("\005X-foo\0\0\0\003bar");
  /* Names that differ in case are two. */
  assert_int_equal(SET("X-Foo:a:b"), 0);
  EXPECT_KEPT("\005X-foo\0\0\0\003bar\005X-Foo\0\0\0\003a:b");
}

static void the_first_value_stays(void **state) {
  (void)state;
  assert_int_equal(SET("X-foo:bar"), 0);
  assert_int_equal(SET("X-b:c"), 0);
  assert_int_equal(SET("X-foo:other"), 0);
  assert_int_equal(SET("X-b:"), UV_EINVAL);
  EXPECT_KEPT("\005X-foo\0\0\0\003bar\003X-b\0\0\0\001c");
}

/* libzmq refuses whatever has four octets. */
static void four_octets_are_enough(void **state) {
  (void)state;
  assert_int_equal(SET("X-:b"), 0);
  EXPECT_KEPT("\002X-\0\0\0\001b");
}

static void a_nul_ends_the_value(void **state) {
  (void)state;
  assert_int_equal(set("X-a:b", 6), 0);
  assert_int_equal(SET("X-c:de\0f"), 0);
  EXPECT_KEPT("\003X-a\0\0\0\001b\003X-c\0\0\0\002de");
}

/* Behaviour 176. */
static void other_texts_are_invalid(void **state) {
  char name[2 + 255 + 2];
  (void)state;

  assert_int_equal(set(NULL, 0), UV_EINVAL);
  assert_int_equal(set(NULL, 5), UV_EINVAL);
  assert_int_equal(SET(""), UV_EINVAL);
  assert_int_equal(SET("X-a"), UV_EINVAL);
  assert_int_equal(SET("X-a:"), UV_EINVAL);
  assert_int_equal(SET("X-a:\0b"), UV_EINVAL);
  assert_int_equal(SET(":value"), UV_EINVAL);
  assert_int_equal(SET("X:value"), UV_EINVAL);
  assert_int_equal(SET("name:value"), UV_EINVAL);
  assert_int_equal(SET("x-name:value"), UV_EINVAL);
  assert_int_equal(SET("X-a\0b:value"), UV_EINVAL);
  memset(name, 'n', sizeof(name));
  memcpy(name, "X-", 2);
  name[256] = ':';
  assert_int_equal(set(name, 258), UV_EINVAL);
  assert_null(metadata);
  name[255] = ':';
  assert_int_equal(set(name, 257), 0);
}

static void more_than_the_limit_is_invalid(void **state) {
  static char text[ZUV__METADATA_OPTION_MAX];
  size_t most = ZUV__METADATA_OPTION_MAX - zuv__property_size(3, 0);
  (void)state;

  memset(text, 'v', sizeof(text));
  memcpy(text, "X-a:", 4);
  assert_int_equal(set(text, 4 + most + 1), UV_EINVAL);
  assert_null(metadata);
  assert_int_equal(set(text, 4 + most), 0);
  assert_int_equal(metadata->size, ZUV__METADATA_OPTION_MAX);
  assert_int_equal(SET("X-b:c"), UV_EINVAL);
  /* Not even now is the same name an error. */
  assert_int_equal(SET("X-a:b"), 0);
}

static int allocations_left;

static void *failing_malloc(size_t size) {
  return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void without_memory_nothing_changes(void **state) {
  (void)state;

  assert_int_equal(SET("X-a:b"), 0);
  assert_int_equal(zuv_replace_allocator(failing_malloc, realloc, calloc, free),
                   0);
  for (int i = 0; i < 2; i++) {
    allocations_left = i;
    assert_int_equal(SET("X-c:d"), UV_ENOMEM);
    EXPECT_KEPT("\003X-a\0\0\0\001b");
  }
  allocations_left = 2;
  assert_int_equal(SET("X-c:d"), 0);
  assert_int_equal(zuv_replace_allocator(malloc, realloc, calloc, free), 0);
}

static void a_handshake_carries_them(void **state) {
  static const char said[] = "\013Socket-Type\0\0\0\003PUB\003X-a\0\0\0\001b";
  zuv__engine_config_t config;
  zuv__options_t options, copy;
  uint8_t block[64];
  (void)state;

  zuv__options_init(&options, ZUV_PUB);
  assert_int_equal(
      zuv__options_set(&options, ZUV_PUB, ZUV_METADATA, "X-a:b", 5), 0);
  zuv__options_copy(&copy, &options);
  assert_int_equal(
      zuv__options_set(&options, ZUV_PUB, ZUV_METADATA, "X-c:d", 5), 0);
  assert_int_equal(zuv__session_config(&config, &copy, ZUV_PUB), 0);
  assert_int_equal(zuv__config_metadata_size(&config), sizeof(said) - 1);
  zuv__config_metadata_write(&config, block);
  assert_memory_equal(block, said, sizeof(said) - 1);
  zuv__options_destroy(&copy);
  zuv__options_destroy(&options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(a_property_is_kept_as_it_is_sent, drop),
      cmocka_unit_test_teardown(the_first_value_stays, drop),
      cmocka_unit_test_teardown(four_octets_are_enough, drop),
      cmocka_unit_test_teardown(a_nul_ends_the_value, drop),
      cmocka_unit_test_teardown(other_texts_are_invalid, drop),
      cmocka_unit_test_teardown(more_than_the_limit_is_invalid, drop),
      cmocka_unit_test_teardown(without_memory_nothing_changes, drop),
      cmocka_unit_test_teardown(a_handshake_carries_them, drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
