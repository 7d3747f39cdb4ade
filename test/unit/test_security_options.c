/* The security options: what each one takes and gives back, which mechanism
 * and role follow from any sequence of them, and what an endpoint's copy has
 * in addition. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/options.h"
#include "core/security_options.h"
#include "security/curve_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { SOCKET_TYPES = 12 };

static const int flags[] = {ZUV_PLAIN_SERVER, ZUV_CURVE_SERVER};
static const int texts[] = {ZUV_PLAIN_USERNAME, ZUV_PLAIN_PASSWORD,
                            ZUV_ZAP_DOMAIN};
static const int credentials[] = {ZUV_PLAIN_USERNAME, ZUV_PLAIN_PASSWORD};
static const int keys[] = {ZUV_CURVE_PUBLICKEY, ZUV_CURVE_SECRETKEY,
                           ZUV_CURVE_SERVERKEY};

/* The key pair of zmq_curve(7). */
static const char secret_text[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
static const char public_text[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
static const char zero_text[] = "0000000000000000000000000000000000000000";

static zuv__options_t new_options(void) {
  zuv__options_t options;

  zuv__options_init(&options, ZUV_DEALER);
  return options;
}

static int set(zuv__options_t *options, int number, const void *value,
               size_t size) {
  return zuv__options_set(options, options->type, number, value, size);
}

static int set_int(zuv__options_t *options, int number, int value) {
  return set(options, number, &value, sizeof(value));
}

static int set_text(zuv__options_t *options, int number, const char *text) {
  return set(options, number, text, strlen(text));
}

static int get(const zuv__options_t *options, int number, void *value,
               size_t *size) {
  return zuv__options_get(options, options->type, number, value, size);
}

static int get_int(const zuv__options_t *options, int number) {
  int value = -12345;
  size_t size = sizeof(value);

  assert_int_equal(get(options, number, &value, &size), 0);
  assert_int_equal(size, sizeof(value));
  return value;
}

static void expect_text(const zuv__options_t *options, int number,
                        const char *expected) {
  char text[300];
  size_t size = sizeof(text);

  assert_int_equal(get(options, number, text, &size), 0);
  assert_int_equal(size, strlen(expected) + 1);
  assert_string_equal(text, expected);
}

static void expect_key(const zuv__options_t *options, int number,
                       const char *expected) {
  uint8_t bytes[ZUV_CURVE_KEY_SIZE];
  uint8_t expected_bytes[ZUV_CURVE_KEY_SIZE];
  char text[ZUV_CURVE_KEY_TEXT_SIZE];
  size_t size = sizeof(text);

  assert_int_equal(get(options, number, text, &size), 0);
  assert_int_equal(size, ZUV_CURVE_KEY_TEXT_SIZE);
  assert_string_equal(text, expected);
  size = sizeof(bytes);
  assert_int_equal(get(options, number, bytes, &size), 0);
  assert_int_equal(size, ZUV_CURVE_KEY_SIZE);
  assert_int_equal(zuv_z85_decode(expected_bytes, expected), 0);
  assert_memory_equal(bytes, expected_bytes, sizeof(bytes));
}

/* ---- Single options ---- */

static void new_sockets_have_no_security(void **state) {
  (void)state;
  for (int type = 0; type < SOCKET_TYPES; type++) {
    zuv__options_t options;

    zuv__options_init(&options, type);
    assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_NULL);
    for (size_t i = 0; i < COUNT(flags); i++)
      assert_int_equal(get_int(&options, flags[i]), 0);
    for (size_t i = 0; i < COUNT(texts); i++)
      expect_text(&options, texts[i], "");
    for (size_t i = 0; i < COUNT(keys); i++)
      expect_key(&options, keys[i], zero_text);
    assert_int_equal(get_int(&options, ZUV_ZAP_ENFORCE_DOMAIN), 0);
  }
}

static void every_socket_type_takes_them(void **state) {
  (void)state;
  for (int type = 0; type < SOCKET_TYPES; type++) {
    zuv__options_t options;

    zuv__options_init(&options, type);
    for (size_t i = 0; i < COUNT(flags); i++)
      assert_int_equal(set_int(&options, flags[i], 1), 0);
    for (size_t i = 0; i < COUNT(texts); i++)
      assert_int_equal(set_text(&options, texts[i], "text"), 0);
    for (size_t i = 0; i < COUNT(keys); i++)
      assert_int_equal(set_text(&options, keys[i], public_text), 0);
    assert_int_equal(set_int(&options, ZUV_ZAP_ENFORCE_DOMAIN, 1), 0);
    assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_CURVE);
  }
}

static void the_mechanism_is_only_read(void **state) {
  zuv__options_t options = new_options();
  const zuv__options_t before = options;
  unsigned char buffer[16];

  (void)state;
  for (int value = -1; value <= 3; value++)
    assert_int_equal(set_int(&options, ZUV_MECHANISM, value), UV_EINVAL);
  assert_int_equal(set(&options, ZUV_MECHANISM, NULL, 0), UV_EINVAL);
  for (size_t i = 0; i <= sizeof(buffer); i++) {
    size_t size = i;
    assert_int_equal(get(&options, ZUV_MECHANISM, buffer, &size),
                     i == sizeof(int) ? 0 : UV_EINVAL);
    assert_int_equal(size, i);
  }
  assert_memory_equal(&options, &before, sizeof(options));
}

static void flags_take_zero_and_one(void **state) {
  static const int bad[] = {INT_MIN, -1, 2, 256, INT_MAX};
  unsigned char bytes[16] = {0};

  (void)state;
  for (size_t i = 0; i < COUNT(flags); i++) {
    zuv__options_t options = new_options();
    int value = 1;

    assert_int_equal(set_int(&options, flags[i], 1), 0);
    for (size_t j = 0; j < COUNT(bad); j++)
      assert_int_equal(set_int(&options, flags[i], bad[j]), UV_EINVAL);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
      size_t room = size;
      if (size == sizeof(int))
        continue;
      assert_int_equal(set(&options, flags[i], bytes, size), UV_EINVAL);
      assert_int_equal(get(&options, flags[i], bytes, &room), UV_EINVAL);
    }
    assert_int_equal(set(&options, flags[i], NULL, sizeof(value)), UV_EINVAL);
    assert_int_equal(set(&options, flags[i], NULL, 0), UV_EINVAL);
    assert_int_equal(get_int(&options, flags[i]), 1);
    assert_int_equal(set_int(&options, flags[i], 0), 0);
    assert_int_equal(get_int(&options, flags[i]), 0);
  }
}

static void enforcing_takes_any_number(void **state) {
  static const int values[] = {1, 0, INT_MIN, 0, -1, 0, 2, 0, INT_MAX};
  zuv__options_t options = new_options();
  unsigned char bytes[16] = {0};

  (void)state;
  for (size_t i = 0; i < COUNT(values); i++) {
    assert_int_equal(set_int(&options, ZUV_ZAP_ENFORCE_DOMAIN, values[i]), 0);
    assert_int_equal(get_int(&options, ZUV_ZAP_ENFORCE_DOMAIN), values[i] != 0);
  }
  for (size_t size = 0; size <= sizeof(bytes); size++) {
    if (size != sizeof(int))
      assert_int_equal(set(&options, ZUV_ZAP_ENFORCE_DOMAIN, bytes, size),
                       UV_EINVAL);
  }
  assert_int_equal(set(&options, ZUV_ZAP_ENFORCE_DOMAIN, NULL, sizeof(int)),
                   UV_EINVAL);
  assert_int_equal(get_int(&options, ZUV_ZAP_ENFORCE_DOMAIN), 1);
  assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_NULL);
}

static void texts_have_1_to_255_bytes(void **state) {
  char value[300];
  char buffer[300];

  (void)state;
  memset(value, 'x', sizeof(value));
  value[3] = '\0';
  for (size_t i = 0; i < COUNT(texts); i++) {
    zuv__options_t options = new_options();

    for (size_t length = 0; length <= sizeof(value); length++) {
      zuv__options_t before = options;
      bool is_valid = length >= 1 && length <= 255;
      size_t size = sizeof(buffer);

      assert_int_equal(set(&options, texts[i], value, length),
                       is_valid ? 0 : UV_EINVAL);
      if (!is_valid) {
        assert_memory_equal(&options, &before, sizeof(options));
        continue;
      }
      memset(buffer, 0xaa, sizeof(buffer));
      assert_int_equal(get(&options, texts[i], buffer, &size), 0);
      assert_int_equal(size, length + 1);
      assert_memory_equal(buffer, value, length);
      for (size_t j = length; j < sizeof(buffer); j++)
        assert_int_equal(buffer[j], 0);
      assert_int_equal(get(&options, texts[i], buffer, &size), 0);
      size--;
      assert_int_equal(get(&options, texts[i], buffer, &size), UV_EINVAL);
    }
    assert_int_equal(set(&options, texts[i], NULL, 1), UV_EINVAL);
  }
}

/* A longer one was perhaps a secret. */
static void a_shorter_text_leaves_nothing_of_the_old_one(void **state) {
  zuv__options_t options = new_options();
  const zuv__security_text_t *password = &options.security.plain_password;

  (void)state;
  assert_int_equal(set_text(&options, ZUV_PLAIN_PASSWORD, "long password"), 0);
  assert_int_equal(set_text(&options, ZUV_PLAIN_PASSWORD, "short"), 0);
  assert_int_equal(password->size, 5);
  for (size_t i = 5; i < sizeof(password->bytes); i++)
    assert_int_equal(password->bytes[i], 0);
}

static void credentials_outlive_their_mechanism(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(credentials); i++) {
    zuv__options_t options = new_options();

    assert_int_equal(set_text(&options, credentials[i], "kept"), 0);
    assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_PLAIN);
    expect_text(&options, credentials[1 - i], "");
    assert_int_equal(set(&options, credentials[i], "", 0), UV_EINVAL);
    assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_PLAIN);
    assert_int_equal(set(&options, credentials[i], NULL, 0), 0);
    assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_NULL);
    expect_text(&options, credentials[i], "kept");
  }
}

static void a_domain_stays(void **state) {
  zuv__options_t options = new_options();

  (void)state;
  assert_int_equal(set(&options, ZUV_ZAP_DOMAIN, NULL, 0), UV_EINVAL);
  assert_int_equal(set_text(&options, ZUV_ZAP_DOMAIN, "global"), 0);
  assert_int_equal(set(&options, ZUV_ZAP_DOMAIN, "", 0), UV_EINVAL);
  assert_int_equal(set(&options, ZUV_ZAP_DOMAIN, NULL, 0), UV_EINVAL);
  expect_text(&options, ZUV_ZAP_DOMAIN, "global");
  assert_int_equal(get_int(&options, ZUV_MECHANISM), ZUV_NULL);
}

static void texts_are_read_with_their_nul(void **state) {
  zuv__options_t options = new_options();
  char byte = 'x';
  size_t size = 0;

  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    assert_int_equal(get(&options, texts[i], &byte, NULL), UV_EINVAL);
    size = 0;
    assert_int_equal(get(&options, texts[i], NULL, &size), UV_EINVAL);
    assert_int_equal(get(&options, texts[i], &byte, &size), UV_EINVAL);
    size = 1;
    assert_int_equal(get(&options, texts[i], NULL, &size), UV_EINVAL);
    assert_int_equal(get(&options, texts[i], &byte, &size), 0);
    assert_int_equal(size, 1);
    assert_int_equal(byte, 0);
  }
}

/* ---- Keys ---- */

static void keys_come_as_bytes_or_text(void **state) {
  uint8_t bytes[ZUV_CURVE_KEY_SIZE];

  (void)state;
  assert_int_equal(zuv_z85_decode(bytes, public_text), 0);
  for (size_t i = 0; i < COUNT(keys); i++) {
    zuv__options_t options = new_options();

    assert_int_equal(set(&options, keys[i], bytes, 32), 0);
    expect_key(&options, keys[i], public_text);
    assert_int_equal(set(&options, keys[i], secret_text, 40), 0);
    expect_key(&options, keys[i], secret_text);
    assert_int_equal(set(&options, keys[i], public_text, 41), 0);
    expect_key(&options, keys[i], public_text);
    for (size_t other = 0; other < COUNT(keys); other++) {
      if (other != i)
        expect_key(&options, keys[other], zero_text);
    }
  }
}

static void keys_of_other_sizes_are_invalid(void **state) {
  char value[100];

  (void)state;
  memset(value, 0, sizeof(value));
  memcpy(value, public_text, sizeof(public_text));
  for (size_t i = 0; i < COUNT(keys); i++) {
    zuv__options_t options = new_options();
    const zuv__options_t before = options;

    for (size_t size = 0; size <= sizeof(value); size++) {
      if (size != 32 && size != 40 && size != 41)
        assert_int_equal(set(&options, keys[i], value, size), UV_EINVAL);
      assert_int_equal(set(&options, keys[i], NULL, size), UV_EINVAL);
    }
    assert_memory_equal(&options, &before, sizeof(options));
  }
}

static void keys_that_are_no_z85_are_invalid(void **state) {
  static const struct {
    const char *text;
    size_t size;
  } bad[] = {
      {"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI ", 40},
      {"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI\0", 40},
      {"\0ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 40},
      {"Yne@$w-vo<fVvi]a<NY\xc3\xa9"
       "1ed:M$fCG*[IaLV{hID",
       40},
      /* more than 32 bits */
      {"#####w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 40},
      {"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaL#####", 40},
      /* 41 characters */
      {"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID0", 41},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(keys); i++) {
    zuv__options_t options = new_options();
    zuv__options_t before;

    assert_int_equal(set_text(&options, keys[i], secret_text), 0);
    assert_int_equal(set_int(&options, ZUV_PLAIN_SERVER, 1), 0);
    before = options;
    for (size_t j = 0; j < COUNT(bad); j++)
      assert_int_equal(set(&options, keys[i], bad[j].text, bad[j].size),
                       UV_EINVAL);
    assert_memory_equal(&options, &before, sizeof(options));
  }
}

static void keys_are_read_in_two_sizes_only(void **state) {
  uint8_t buffer[64];

  (void)state;
  for (size_t i = 0; i < COUNT(keys); i++) {
    zuv__options_t options = new_options();

    assert_int_equal(set_text(&options, keys[i], public_text), 0);
    for (size_t room = 0; room <= sizeof(buffer); room++) {
      size_t size = room;

      memset(buffer, 0xaa, sizeof(buffer));
      assert_int_equal(get(&options, keys[i], buffer, &size),
                       room == 32 || room == 41 ? 0 : UV_EINVAL);
      assert_int_equal(size, room);
      if (room != 32 && room != 41)
        assert_int_equal(buffer[0], 0xaa);
      if (room < sizeof(buffer))
        assert_int_equal(buffer[room], 0xaa);
      assert_int_equal(get(&options, keys[i], NULL, &size), UV_EINVAL);
    }
    assert_int_equal(get(&options, keys[i], buffer, NULL), UV_EINVAL);
  }
}

static void a_value_may_be_the_option_itself(void **state) {
  zuv__options_t options = new_options();
  zuv__security_t *security = &options.security;

  (void)state;
  assert_int_equal(set_text(&options, ZUV_PLAIN_USERNAME, "a name"), 0);
  assert_int_equal(
      set(&options, ZUV_PLAIN_USERNAME, security->plain_username.bytes + 2, 4),
      0);
  expect_text(&options, ZUV_PLAIN_USERNAME, "name");
  assert_int_equal(set_text(&options, ZUV_CURVE_SECRETKEY, secret_text), 0);
  assert_int_equal(
      set(&options, ZUV_CURVE_SECRETKEY, security->curve_secret_key, 32), 0);
  expect_key(&options, ZUV_CURVE_SECRETKEY, secret_text);
}

/* ---- Which mechanism, and which role ---- */

enum { KEEP = -1, CLIENT = 0, SERVER = 1 };

/* What can be set, and what it does to the two. Behaviour 173. */
static const struct {
  int number;
  int value;        /* of a flag */
  const char *text; /* of a text or key; NULL: none */
  int mechanism;
  int role;
} steps[] = {
    {ZUV_PLAIN_SERVER, 1, NULL, ZUV_PLAIN, SERVER},
    {ZUV_PLAIN_SERVER, 0, NULL, ZUV_NULL, CLIENT},
    {ZUV_CURVE_SERVER, 1, NULL, ZUV_CURVE, SERVER},
    {ZUV_CURVE_SERVER, 0, NULL, ZUV_NULL, CLIENT},
    {ZUV_PLAIN_USERNAME, 0, "name", ZUV_PLAIN, CLIENT},
    {ZUV_PLAIN_USERNAME, 0, NULL, ZUV_NULL, KEEP},
    {ZUV_PLAIN_PASSWORD, 0, "word", ZUV_PLAIN, CLIENT},
    {ZUV_PLAIN_PASSWORD, 0, NULL, ZUV_NULL, KEEP},
    {ZUV_CURVE_PUBLICKEY, 0, public_text, ZUV_CURVE, KEEP},
    {ZUV_CURVE_SECRETKEY, 0, secret_text, ZUV_CURVE, KEEP},
    {ZUV_CURVE_SERVERKEY, 0, public_text, ZUV_CURVE, CLIENT},
    {ZUV_ZAP_DOMAIN, 0, "global", KEEP, KEEP},
    {ZUV_ZAP_ENFORCE_DOMAIN, 1, NULL, KEEP, KEEP},
};

static int take(zuv__options_t *options, size_t step) {
  int number = steps[step].number;

  if (steps[step].text != NULL)
    return set_text(options, number, steps[step].text);
  if (number == ZUV_PLAIN_USERNAME || number == ZUV_PLAIN_PASSWORD)
    return set(options, number, NULL, 0);
  return set_int(options, number, steps[step].value);
}

static void check_sequence(const size_t *sequence, size_t length) {
  zuv__options_t options = new_options();
  int mechanism = ZUV_NULL;
  int role = CLIENT;

  for (size_t i = 0; i < length; i++) {
    size_t step = sequence[i];

    assert_int_equal(take(&options, step), 0);
    if (steps[step].mechanism != KEEP)
      mechanism = steps[step].mechanism;
    if (steps[step].role != KEEP)
      role = steps[step].role;
    assert_int_equal(get_int(&options, ZUV_MECHANISM), mechanism);
    assert_int_equal(get_int(&options, ZUV_PLAIN_SERVER),
                     mechanism == ZUV_PLAIN && role == SERVER);
    assert_int_equal(get_int(&options, ZUV_CURVE_SERVER),
                     mechanism == ZUV_CURVE && role == SERVER);
    assert_int_equal(options.security.mechanism, mechanism);
    assert_int_equal(options.security.as_server, role == SERVER);
  }
}

static void the_last_one_set_wins(void **state) {
  size_t sequence[3];

  (void)state;
  for (sequence[0] = 0; sequence[0] < COUNT(steps); sequence[0]++)
    for (sequence[1] = 0; sequence[1] < COUNT(steps); sequence[1]++)
      for (sequence[2] = 0; sequence[2] < COUNT(steps); sequence[2]++)
        check_sequence(sequence, 3);
}

static void what_is_refused_chooses_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(steps); i++) {
    zuv__options_t options = new_options();
    zuv__options_t before;

    assert_int_equal(take(&options, i), 0);
    before = options;
    for (size_t j = 0; j < COUNT(steps); j++)
      assert_int_equal(set(&options, steps[j].number, "123", 0), UV_EINVAL);
    for (size_t j = 0; j < COUNT(keys); j++)
      assert_int_equal(set(&options, keys[j], "123", 3), UV_EINVAL);
    for (size_t j = 0; j < COUNT(flags); j++)
      assert_int_equal(set_int(&options, flags[j], 7), UV_EINVAL);
    assert_memory_equal(&options, &before, sizeof(options));
  }
}

/* ---- The copy of an endpoint ---- */

static void a_server_gets_the_public_key_of_its_secret(void **state) {
  static const char *const told[] = {NULL, public_text, secret_text};

  (void)state;
  for (size_t i = 0; i < COUNT(told); i++) {
    zuv__options_t options = new_options();
    zuv__security_t copy;

    assert_int_equal(set_text(&options, ZUV_CURVE_SECRETKEY, secret_text), 0);
    if (told[i] != NULL)
      assert_int_equal(set_text(&options, ZUV_CURVE_PUBLICKEY, told[i]), 0);
    assert_int_equal(set_int(&options, ZUV_CURVE_SERVER, 1), 0);
    copy = options.security;
    assert_int_equal(zuv__security_prepare(&copy), 0);
    options.security = copy;
    expect_key(&options, ZUV_CURVE_PUBLICKEY, public_text);
    expect_key(&options, ZUV_CURVE_SECRETKEY, secret_text);
  }
}

static void others_keep_what_was_set(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(steps); i++) {
    zuv__options_t options = new_options();
    zuv__security_t copy;

    assert_int_equal(set_text(&options, ZUV_CURVE_SECRETKEY, secret_text), 0);
    assert_int_equal(set_text(&options, ZUV_CURVE_PUBLICKEY, secret_text), 0);
    assert_int_equal(take(&options, i), 0);
    if (get_int(&options, ZUV_CURVE_SERVER))
      continue;
    copy = options.security;
    assert_int_equal(zuv__security_prepare(&copy), 0);
    assert_memory_equal(&copy, &options.security, sizeof(copy));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_sockets_have_no_security),
      cmocka_unit_test(every_socket_type_takes_them),
      cmocka_unit_test(the_mechanism_is_only_read),
      cmocka_unit_test(flags_take_zero_and_one),
      cmocka_unit_test(enforcing_takes_any_number),
      cmocka_unit_test(texts_have_1_to_255_bytes),
      cmocka_unit_test(a_shorter_text_leaves_nothing_of_the_old_one),
      cmocka_unit_test(credentials_outlive_their_mechanism),
      cmocka_unit_test(a_domain_stays),
      cmocka_unit_test(texts_are_read_with_their_nul),
      cmocka_unit_test(keys_come_as_bytes_or_text),
      cmocka_unit_test(keys_of_other_sizes_are_invalid),
      cmocka_unit_test(keys_that_are_no_z85_are_invalid),
      cmocka_unit_test(keys_are_read_in_two_sizes_only),
      cmocka_unit_test(a_value_may_be_the_option_itself),
      cmocka_unit_test(the_last_one_set_wins),
      cmocka_unit_test(what_is_refused_chooses_nothing),
      cmocka_unit_test(a_server_gets_the_public_key_of_its_secret),
      cmocka_unit_test(others_keep_what_was_set),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
