/* Accept filters: which texts are filters, what they match, and how the options
 * keep them. */
#include "core/accept_filters.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* longer than any address */
#define LONG_TEXT                                                              \
  "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse(const char *text, bool ipv6, zuv__address_filter_t *filter) {
  return zuv__address_filter_parse(text, strlen(text), ipv6, filter);
}

static void expect_filter(const char *text, bool ipv6, const char *address,
                          int bits) {
  zuv__address_filter_t filter;
  uint8_t expected[ZUV__FILTER_ADDRESS_SIZE];

  assert_int_equal(inet_pton(AF_INET6, address, expected), 1);
  if (parse(text, ipv6, &filter) != 0)
    fail_msg("%s is no filter", text);
  assert_memory_equal(filter.address, expected, sizeof(expected));
  assert_int_equal(filter.bits, bits);
}

static void addresses_and_prefixes(void **state) {
  (void)state;
  for (int ipv6 = 0; ipv6 < 2; ipv6++) {
    expect_filter("127.0.0.1", ipv6, "::ffff:127.0.0.1", 128);
    expect_filter("127.0.0.1/32", ipv6, "::ffff:127.0.0.1", 128);
    expect_filter("10.1.2.3/8", ipv6, "::ffff:10.1.2.3", 104);
    expect_filter("10.1.2.3/08", ipv6, "::ffff:10.1.2.3", 104);
    expect_filter("0.0.0.0/0", ipv6, "::ffff:0.0.0.0", 96);
  }
  expect_filter("10.1.2.3/96", true, "::ffff:10.1.2.3", 96);
  expect_filter("10.1.2.3/104", true, "::ffff:10.1.2.3", 104);
  expect_filter("10.1.2.3/128", true, "::ffff:10.1.2.3", 128);
  expect_filter("::1", true, "::1", 128);
  expect_filter("[::1]", true, "::1", 128);
  expect_filter("[fe80::]/10", true, "fe80::", 10);
  expect_filter("::/0", true, "::", 0);
  expect_filter("::ffff:10.0.0.0/104", true, "::ffff:10.0.0.0", 104);
}

static void everything_else_is_refused(void **state) {
  static const char *const never[] = {"",
                                      "/",
                                      "/8",
                                      "*",
                                      "lo",
                                      "localhost",
                                      "127.1",
                                      "0x7f000001",
                                      "[127.0.0.1]",
                                      " 127.0.0.1",
                                      "127.0.0.1 ",
                                      "127.0.0.1:80",
                                      "127.0.0.1/",
                                      "127.0.0.1/-1",
                                      "127.0.0.1/+8",
                                      "127.0.0.1/8x",
                                      "127.0.0.1/ 8",
                                      "127.0.0.1/0000",
                                      "127.0.0.1/8/8",
                                      "127.0.0.1/33",
                                      "127.0.0.1/95",
                                      "127.0.0.1/129",
                                      "127.0.0.1/4294967296",
                                      "::1/129",
                                      "[::1",
                                      "::1]",
                                      "[]",
                                      "[[::1]]",
                                      "fe80::1%lo",
                                      LONG_TEXT};
  static const char *const without_ipv6[] = {
      "::1", "[::1]", "::/0", "::ffff:10.0.0.0/104", "10.0.0.0/104"};
  zuv__address_filter_t filter;

  (void)state;
  for (size_t i = 0; i < COUNT(never); i++)
    for (int ipv6 = 0; ipv6 < 2; ipv6++)
      if (parse(never[i], ipv6, &filter) != UV_EINVAL)
        fail_msg("\"%s\" is a filter", never[i]);
  for (size_t i = 0; i < COUNT(without_ipv6); i++)
    assert_int_equal(parse(without_ipv6[i], false, &filter), UV_EINVAL);
  assert_int_equal(
      zuv__address_filter_parse("127.0.0.1\0x", 11, false, &filter), UV_EINVAL);
}

/* ---- In the options ---- */

static int add_text(zuv__options_t *options, const char *text) {
  return zuv__options_set(options, ZUV_PULL, ZUV_TCP_ACCEPT_FILTER, text,
                          strlen(text));
}

static int add_id(zuv__options_t *options, int number, int id) {
  return zuv__options_set(options, ZUV_PULL, number, &id, sizeof(id));
}

static int clear(zuv__options_t *options, int number) {
  return zuv__options_set(options, ZUV_PULL, number, NULL, 0);
}

static bool matches(const zuv__options_t *options, const char *address) {
  uint8_t bytes[ZUV__FILTER_ADDRESS_SIZE];

  assert_int_equal(inet_pton(AF_INET6, address, bytes), 1);
  return zuv__accept_filters_match_address(options, bytes);
}

static bool lets_in(const zuv__options_t *options, int pid, int uid, int gid) {
  zuv__process_t credentials = {pid, uid, gid};

  return zuv__accept_filters_match_credentials(options, &credentials);
}

static void a_text_may_come_with_its_nul(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(zuv__options_set(&options, ZUV_PULL, ZUV_TCP_ACCEPT_FILTER,
                                    "10.0.0.1", sizeof("10.0.0.1")),
                   0);
  assert_true(matches(&options, "::ffff:10.0.0.1"));
  assert_false(matches(&options, "::ffff:10.0.0.2"));
  assert_int_equal(
      zuv__options_set(&options, ZUV_PULL, ZUV_TCP_ACCEPT_FILTER, "", 1),
      UV_EINVAL);
  zuv__options_destroy(&options);
}

static void any_filter_of_addresses_is_enough(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_false(zuv__accept_filters_of_tcp(&options));
  assert_true(matches(&options, "::ffff:1.2.3.4"));
  assert_int_equal(add_text(&options, "10.0.0.0/8"), 0);
  assert_int_equal(add_text(&options, "192.168.7.128/25"), 0);
  assert_true(zuv__accept_filters_of_tcp(&options));
  assert_false(zuv__accept_filters_of_ipc(&options));
  assert_true(matches(&options, "::ffff:10.255.0.1"));
  assert_false(matches(&options, "::ffff:11.0.0.0"));
  assert_true(matches(&options, "::ffff:192.168.7.128"));
  assert_true(matches(&options, "::ffff:192.168.7.255"));
  assert_false(matches(&options, "::ffff:192.168.7.127"));
  assert_false(matches(&options, "::10.0.0.1"));
  assert_false(matches(&options, "::1"));
  assert_int_equal(clear(&options, ZUV_TCP_ACCEPT_FILTER), 0);
  assert_true(matches(&options, "::1"));
  zuv__options_destroy(&options);
}

static void what_all_addresses_are(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(add_text(&options, "0.0.0.0/0"), 0);
  assert_true(matches(&options, "::ffff:1.2.3.4"));
  assert_false(matches(&options, "::1"));
  assert_int_equal(add_id(&options, ZUV_IPV6, 1), 0);
  assert_int_equal(add_text(&options, "::/0"), 0);
  assert_true(matches(&options, "::1"));
  zuv__options_destroy(&options);
}

static void any_kind_of_ids_is_enough(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_false(zuv__accept_filters_of_ipc(&options));
  assert_true(lets_in(&options, 1, 2, 3));
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_PID, 10), 0);
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_PID, 11), 0);
  assert_true(zuv__accept_filters_of_ipc(&options));
  assert_false(lets_in(&options, 1, 10, 10));
  assert_true(lets_in(&options, 11, 2, 3));
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_UID, 20), 0);
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_GID, -1), 0);
  assert_true(lets_in(&options, 1, 20, 3));
  assert_true(lets_in(&options, 1, 2, -1));
  assert_true(zuv__accept_filters_match_group(&options, -1));
  assert_false(zuv__accept_filters_match_group(&options, 20));
  assert_int_equal(clear(&options, ZUV_IPC_FILTER_PID), 0);
  assert_false(lets_in(&options, 11, 2, 3));
  assert_int_equal(clear(&options, ZUV_IPC_FILTER_UID), 0);
  assert_int_equal(clear(&options, ZUV_IPC_FILTER_GID), 0);
  assert_int_equal(clear(&options, ZUV_IPC_FILTER_GID), 0);
  assert_true(lets_in(&options, 11, 2, 3));
  zuv__options_destroy(&options);
}

static void twice_the_same_is_kept_once(void **state) {
  zuv__options_t options;
  size_t size;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(add_text(&options, "10.0.0.1"), 0);
  size = options.bytes[ZUV__BYTES_TCP_ACCEPT_FILTERS]->size;
  assert_int_equal(add_text(&options, "10.0.0.1/32"), 0);
  assert_int_equal(options.bytes[ZUV__BYTES_TCP_ACCEPT_FILTERS]->size, size);
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_GID, 7), 0);
  assert_int_equal(add_id(&options, ZUV_IPC_FILTER_GID, 7), 0);
  assert_int_equal(options.bytes[ZUV__BYTES_IPC_FILTER_GIDS]->size,
                   sizeof(int));
  zuv__options_destroy(&options);
}

static void bad_values_change_nothing(void **state) {
  static const int numbers[] = {ZUV_IPC_FILTER_PID, ZUV_IPC_FILTER_UID,
                                ZUV_IPC_FILTER_GID};
  char text[257];
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(add_text(&options, "10.0.0.1"), 0);
  memset(text, '1', sizeof(text));
  for (size_t size = 0; size <= sizeof(text); size++)
    assert_int_equal(
        zuv__options_set(&options, ZUV_PULL, ZUV_TCP_ACCEPT_FILTER, text, size),
        UV_EINVAL);
  assert_int_equal(
      zuv__options_set(&options, ZUV_PULL, ZUV_TCP_ACCEPT_FILTER, NULL, 1),
      UV_EINVAL);
  assert_true(matches(&options, "::ffff:10.0.0.1"));
  assert_false(matches(&options, "::ffff:10.0.0.2"));
  for (size_t i = 0; i < COUNT(numbers); i++) {
    for (size_t size = 0; size <= 8; size++)
      if (size != sizeof(int))
        assert_int_equal(
            zuv__options_set(&options, ZUV_PULL, numbers[i], text, size),
            UV_EINVAL);
    assert_int_equal(
        zuv__options_set(&options, ZUV_PULL, numbers[i], NULL, sizeof(int)),
        UV_EINVAL);
  }
  assert_false(zuv__accept_filters_of_ipc(&options));
  zuv__options_destroy(&options);
}

/* A listener keeps the filters of its bind. */
static void copies_keep_theirs(void **state) {
  zuv__options_t options;
  zuv__options_t copy;

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(add_text(&options, "10.0.0.1"), 0);
  zuv__options_copy(&copy, &options);
  assert_int_equal(add_text(&options, "10.0.0.2"), 0);
  assert_true(matches(&options, "::ffff:10.0.0.2"));
  assert_false(matches(&copy, "::ffff:10.0.0.2"));
  zuv__options_destroy(&options);
  assert_true(matches(&copy, "::ffff:10.0.0.1"));
  zuv__options_destroy(&copy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_and_prefixes),
      cmocka_unit_test(everything_else_is_refused),
      cmocka_unit_test(a_text_may_come_with_its_nul),
      cmocka_unit_test(any_filter_of_addresses_is_enough),
      cmocka_unit_test(what_all_addresses_are),
      cmocka_unit_test(any_kind_of_ids_is_enough),
      cmocka_unit_test(twice_the_same_is_kept_once),
      cmocka_unit_test(bad_values_change_nothing),
      cmocka_unit_test(copies_keep_theirs),
  };

  return cmocka_run_group_tests_name("accept filters", tests, NULL, NULL);
}
