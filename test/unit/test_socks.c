/* The client of SOCKS5, against captures of libzmq (test/vectors) and proxies
 * that answer anything at all, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/socks.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Octets with their number. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static zuv__socks_t socks;

static const zuv__socks_target_t plain = {.host = "example.test", .port = 7777};
static const zuv__socks_target_t known = {.host = "127.0.0.1",
                                          .port = 7777,
                                          .username = (const uint8_t *)"user",
                                          .username_size = 4,
                                          .password = (const uint8_t *)"pw",
                                          .password_size = 2};

/* Sends all that waits, and requires what it is. */
static void expect_sent(const uint8_t *bytes, size_t size) {
  assert_int_equal(socks.out_size, size);
  assert_memory_equal(socks.out, bytes, size);
  zuv__socks_sent(&socks, size);
}

/* Gives octets as they come, at most `piece` at a time, and tells how many were
 * taken. */
static zuv__socks_result_t give(const uint8_t *bytes, size_t size, size_t piece,
                                size_t *taken) {
  zuv__socks_result_t result = ZUV__SOCKS_GOES_ON;

  *taken = 0;
  while (result == ZUV__SOCKS_GOES_ON && *taken < size) {
    size_t part = size - *taken;

    if (socks.out_size > 0)
      break;
    if (part > piece)
      part = piece;
    if (part > zuv__socks_wanted(&socks))
      part = zuv__socks_wanted(&socks);
    assert_true(part > 0);
    result = zuv__socks_take(&socks, bytes + *taken, part);
    *taken += part;
  }
  return result;
}

static zuv__socks_result_t give_all(const uint8_t *bytes, size_t size) {
  size_t taken;
  zuv__socks_result_t result = give(bytes, size, size, &taken);

  assert_int_equal(taken, size);
  return result;
}

/* Up to where the target has been asked for. */
static void ask(const zuv__socks_target_t *target) {
  zuv__socks_start(&socks, target);
  zuv__socks_sent(&socks, socks.out_size);
  assert_int_equal(target->username_size > 0 ? give_all(BYTES("\5\2"))
                                             : give_all(BYTES("\5\0")),
                   ZUV__SOCKS_GOES_ON);
  if (target->username_size > 0) {
    zuv__socks_sent(&socks, socks.out_size);
    assert_int_equal(give_all(BYTES("\1\0")), ZUV__SOCKS_GOES_ON);
  }
}

/* ---- Captures ---- */

enum { LINE_SIZE = 256 };

static size_t read_hex(const char *text, uint8_t *bytes) {
  size_t size = 0;
  unsigned octet;

  for (; sscanf(text, "%2x", &octet) == 1; text += 2) {
    assert_true(size < LINE_SIZE);
    bytes[size++] = (uint8_t)octet;
  }
  return size;
}

static FILE *open_vectors(void) {
  const char *directory = getenv("ZUV_TEST_VECTORS");
  char path[512];
  FILE *file;

  snprintf(path, sizeof(path), "%s/21-socks5.txt",
           directory == NULL ? "test/vectors" : directory);
  file = fopen(path, "r");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  return file;
}

/* Each begins with a line "# target ... method selection". */
static const zuv__socks_target_t *next_target(const char *comment) {
  static const zuv__socks_target_t literal = {.host = "::1", .port = 7777};

  if (strstr(comment, "method selection") == NULL)
    return NULL;
  if (strstr(comment, "username/password") != NULL)
    return &known;
  return strstr(comment, "[::1]") != NULL ? &literal : &plain;
}

static void replay(size_t piece) {
  FILE *file = open_vectors();
  char text[2 * LINE_SIZE + 8];
  uint8_t bytes[LINE_SIZE];
  zuv__socks_result_t result = ZUV__SOCKS_CONNECTED;
  size_t connections = 0;
  size_t taken;

  while (fgets(text, sizeof(text), file) != NULL) {
    size_t size = text[0] == '#' ? 0 : read_hex(text + 2, bytes);

    if (text[0] == '#' && next_target(text) != NULL) {
      assert_int_equal(result, ZUV__SOCKS_CONNECTED);
      zuv__socks_start(&socks, next_target(text));
      result = ZUV__SOCKS_GOES_ON;
    } else if (text[0] == 'Z' && result == ZUV__SOCKS_GOES_ON) {
      expect_sent(bytes, size);
    } else if (text[0] == 'P') {
      result = give(bytes, size, piece, &taken);
      assert_int_equal(taken, size);
      connections += result == ZUV__SOCKS_CONNECTED;
    }
  }
  assert_int_equal(connections, 3);
  fclose(file);
}

static void captures_are_replayed(void **state) {
  (void)state;
  for (size_t piece = 1; piece <= 10; piece++)
    replay(piece);
}

/* ---- What is asked ---- */

static void expect_asked(const char *host, const uint8_t *bytes, size_t size) {
  zuv__socks_target_t target = {.host = host, .port = 0x1234};

  ask(&target);
  expect_sent(bytes, size);
}

static void targets_are_named_as_what_they_are(void **state) {
  (void)state;
  expect_asked("a", BYTES("\5\1\0\3\1a\x12\x34"));
  expect_asked("1.2.3.4", BYTES("\5\1\0\1\1\2\3\4\x12\x34"));
  /* these are names */
  expect_asked("1.2.3", BYTES("\5\1\0\3\0051.2.3\x12\x34"));
  expect_asked("01.2.3.4", BYTES("\5\1\0\3\01001.2.3.4\x12\x34"));
  expect_asked("::", BYTES("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x12\x34"));
  expect_asked("::ffff:1.2.3.4",
               BYTES("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4\x12\x34"));
  /* a zone is of this machine */
  expect_asked("fe80::1%lo",
               BYTES("\5\1\0\4\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34"));
}

static void the_longest_name_fits(void **state) {
  char host[256] = {0};

  (void)state;
  memset(host, 'h', sizeof(host) - 1);
  ask(&(zuv__socks_target_t){.host = host, .port = 1});
  assert_int_equal(socks.out_size, 4 + 1 + 255 + 2);
  assert_int_equal(socks.out[4], 255);
  assert_memory_equal(socks.out + 5, host, 255);
}

static void names_and_passwords_have_up_to_255_octets(void **state) {
  uint8_t name[255];
  uint8_t password[255];
  zuv__socks_target_t target = {.host = "h",
                                .port = 1,
                                .username = name,
                                .username_size = sizeof(name),
                                .password = password,
                                .password_size = sizeof(password)};

  (void)state;
  memset(name, 0, sizeof(name));
  memset(password, 0xff, sizeof(password));
  zuv__socks_start(&socks, &target);
  expect_sent(BYTES("\5\1\2"));
  assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
  assert_int_equal(socks.out_size, ZUV__SOCKS_OUT_MAX);
  assert_memory_equal(socks.out, "\1\xff", 2);
  assert_memory_equal(socks.out + 2, name, 255);
  assert_int_equal(socks.out[257], 255);
  assert_memory_equal(socks.out + 258, password, 255);
}

static void a_password_may_be_empty(void **state) {
  zuv__socks_target_t target = {.host = "h",
                                .port = 1,
                                .username = (const uint8_t *)"u",
                                .username_size = 1};

  (void)state;
  zuv__socks_start(&socks, &target);
  expect_sent(BYTES("\5\1\2"));
  assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
  expect_sent(BYTES("\1\1u\0"));
}

static void requests_may_be_sent_in_pieces(void **state) {
  (void)state;
  ask(&plain);
  for (size_t left = socks.out_size; left > 0; left--) {
    assert_int_equal(socks.out_size, left);
    if (left == 3)
      assert_memory_equal(socks.out, "t\x1e\x61", 3);
    zuv__socks_sent(&socks, 1);
  }
}

static bool shows(const char *secret) {
  size_t size = strlen(secret);

  for (size_t i = 0; i + size <= sizeof(socks.out); i++)
    if (memcmp(socks.out + i, secret, size) == 0)
      return true;
  return false;
}

static void secrets_are_wiped(void **state) {
  static const zuv__socks_target_t secret = {.host = "h",
                                             .port = 1,
                                             .username = (const uint8_t *)"u",
                                             .username_size = 1,
                                             .password =
                                                 (const uint8_t *)"tell nobody",
                                             .password_size = 11};

  (void)state;
  memset(&socks, 0, sizeof(socks));
  zuv__socks_start(&socks, &secret);
  zuv__socks_sent(&socks, 3);
  assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
  assert_true(shows("tell nobody"));
  zuv__socks_sent(&socks, 5);
  assert_true(shows("ell nobody"));
  zuv__socks_sent(&socks, socks.out_size);
  assert_false(shows("nobody"));
  /* also when it never went out */
  zuv__socks_start(&socks, &secret);
  zuv__socks_sent(&socks, 3);
  assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
  zuv__socks_end(&socks);
  assert_false(shows("nobody"));
  assert_int_equal(zuv__socks_wanted(&socks), 0);
}

/* ---- What is answered ---- */

/* The whole answer is taken, and not an octet behind it. */
static void expect_connected(const uint8_t *bytes, size_t size) {
  for (size_t piece = 1; piece <= size; piece++) {
    size_t taken;

    ask(&plain);
    zuv__socks_sent(&socks, socks.out_size);
    assert_int_equal(give(bytes, size, piece, &taken), ZUV__SOCKS_CONNECTED);
    assert_int_equal(taken, size - 3);
    assert_int_equal(zuv__socks_wanted(&socks), 0);
  }
}

static void addresses_of_any_kind_are_skipped(void **state) {
  uint8_t longest[5 + 255 + 2 + 3] = {5, 0, 0, 3, 255};

  (void)state;
  expect_connected(BYTES("\5\0\0\1\1\2\3\4\x1e\x61zuv"));
  expect_connected(
      BYTES("\5\0\0\4\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x1e\x61zuv"));
  expect_connected(BYTES("\5\0\0\3\4host\x1e\x61zuv"));
  expect_connected(BYTES("\5\0\0\3\0\x1e\x61zuv"));
  expect_connected(longest, sizeof(longest));
}

static void nothing_is_wanted_too_early(void **state) {
  (void)state;
  zuv__socks_start(&socks, &known);
  assert_int_equal(zuv__socks_wanted(&socks), 2);
  zuv__socks_sent(&socks, 3);
  assert_int_equal(zuv__socks_take(&socks, BYTES("")), ZUV__SOCKS_GOES_ON);
  assert_int_equal(zuv__socks_take(&socks, BYTES("\5")), ZUV__SOCKS_GOES_ON);
  assert_int_equal(zuv__socks_wanted(&socks), 1);
  assert_int_equal(socks.out_size, 0);
  assert_int_equal(zuv__socks_take(&socks, BYTES("\2")), ZUV__SOCKS_GOES_ON);
  assert_true(socks.out_size > 0);
}

static void methods_not_offered_are_refused(void **state) {
  (void)state;
  for (unsigned method = 0; method <= 255; method++) {
    uint8_t answer[] = {5, (uint8_t)method};

    zuv__socks_start(&socks, &plain);
    zuv__socks_sent(&socks, 3);
    assert_int_equal(give_all(answer, 2),
                     method == 0 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_NOT_LET_IN);
    /* who asks for a password gets none without being asked for one by us */
    zuv__socks_start(&socks, &known);
    zuv__socks_sent(&socks, 3);
    assert_int_equal(give_all(answer, 2),
                     method == 2 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_NOT_LET_IN);
    assert_true(method == 2 || socks.out_size == 0);
  }
}

static void passwords_are_accepted_or_not(void **state) {
  (void)state;
  for (unsigned status = 0; status <= 255; status++) {
    uint8_t answer[] = {1, (uint8_t)status};

    zuv__socks_start(&socks, &known);
    zuv__socks_sent(&socks, 3);
    assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
    zuv__socks_sent(&socks, socks.out_size);
    assert_int_equal(give_all(answer, 2),
                     status == 0 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_NOT_LET_IN);
  }
}

static void other_versions_are_no_socks(void **state) {
  (void)state;
  for (unsigned version = 0; version <= 255; version++) {
    uint8_t answer[] = {(uint8_t)version, 0, 0, 1, 0};

    zuv__socks_start(&socks, &plain);
    zuv__socks_sent(&socks, 3);
    assert_int_equal(give_all(answer, 2),
                     version == 5 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_MALFORMED);
    zuv__socks_start(&socks, &known);
    zuv__socks_sent(&socks, 3);
    assert_int_equal(give_all(BYTES("\5\2")), ZUV__SOCKS_GOES_ON);
    zuv__socks_sent(&socks, socks.out_size);
    assert_int_equal(give_all(answer, 2),
                     version == 1 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_MALFORMED);
    ask(&plain);
    zuv__socks_sent(&socks, socks.out_size);
    assert_int_equal(give_all(answer, 5),
                     version == 5 ? ZUV__SOCKS_GOES_ON : ZUV__SOCKS_MALFORMED);
  }
}

static zuv__socks_result_t answer_of(uint8_t reply, uint8_t reserved,
                                     uint8_t kind) {
  uint8_t answer[] = {5, reply, reserved, kind, 0};

  ask(&plain);
  zuv__socks_sent(&socks, socks.out_size);
  return give_all(answer, sizeof(answer));
}

static void refusals_say_why(void **state) {
  (void)state;
  for (unsigned reply = 1; reply <= 255; reply++) {
    zuv__socks_result_t result = answer_of((uint8_t)reply, 0, 1);

    assert_int_equal(result,
                     reply <= 8 ? ZUV__SOCKS_REFUSED : ZUV__SOCKS_MALFORMED);
    if (reply <= 8)
      assert_int_equal(socks.reply, reply);
    assert_int_equal(zuv__socks_wanted(&socks), 0);
  }
}

static void malformed_answers_are_told(void **state) {
  (void)state;
  for (unsigned octet = 1; octet <= 255; octet++)
    assert_int_equal(answer_of(0, (uint8_t)octet, 1), ZUV__SOCKS_MALFORMED);
  for (unsigned kind = 0; kind <= 255; kind++)
    assert_int_equal(answer_of(0, 0, (uint8_t)kind),
                     kind == 1 || kind == 3 || kind == 4
                         ? ZUV__SOCKS_GOES_ON
                         : ZUV__SOCKS_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(captures_are_replayed),
      cmocka_unit_test(targets_are_named_as_what_they_are),
      cmocka_unit_test(the_longest_name_fits),
      cmocka_unit_test(names_and_passwords_have_up_to_255_octets),
      cmocka_unit_test(a_password_may_be_empty),
      cmocka_unit_test(requests_may_be_sent_in_pieces),
      cmocka_unit_test(secrets_are_wiped),
      cmocka_unit_test(addresses_of_any_kind_are_skipped),
      cmocka_unit_test(nothing_is_wanted_too_early),
      cmocka_unit_test(methods_not_offered_are_refused),
      cmocka_unit_test(passwords_are_accepted_or_not),
      cmocka_unit_test(other_versions_are_no_socks),
      cmocka_unit_test(refusals_say_why),
      cmocka_unit_test(malformed_answers_are_told),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
