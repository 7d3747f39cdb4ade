/* The options that choose a security mechanism and its role, and their
 * credentials: sizes, ranges, defaults, and which of them wins. */
#include <limits.h>

#include "support/blocking.h"
#include "support/secured.h"

enum { TYPES = 12, NAME_MAX_SIZE = 255, KEY_SIZE = 32 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int names[] = {ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD};
static const int keys[] = {ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY,
                           ZMQ_CURVE_SERVERKEY};
static const int flags[] = {ZMQ_PLAIN_SERVER, ZMQ_CURVE_SERVER};
static const int gssapi_flags[] = {ZMQ_GSSAPI_SERVER, ZMQ_GSSAPI_PLAINTEXT,
                                   ZMQ_GSSAPI_PRINCIPAL_NAMETYPE,
                                   ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE};
static const int gssapi_texts[] = {ZMQ_GSSAPI_PRINCIPAL,
                                   ZMQ_GSSAPI_SERVICE_PRINCIPAL};

/* 00 01 02 ... 1f, and the same as Z85. */
static const char text_key[] = "009c61o!#m2NH?C3>iWS5d]J*6CRx17-skh9337x";
static uint8_t binary_key[KEY_SIZE];
/* 32 zeros as Z85. */
static const char no_key[] = "0000000000000000000000000000000000000000";

static int set_bytes(void *socket, int option, const void *bytes, size_t size) {
  return zmq_setsockopt(socket, option, bytes, size);
}

static int get_bytes(void *socket, int option, void *bytes, size_t size) {
  return zmq_getsockopt(socket, option, bytes, &size);
}

/* Requires mechanism and role. */
static void expect_role(void *socket, int mechanism, bool plain_server,
                        bool curve_server) {
  assert_int_equal(blocking_get(socket, ZMQ_MECHANISM), mechanism);
  assert_int_equal(blocking_get(socket, ZMQ_PLAIN_SERVER), plain_server);
  assert_int_equal(blocking_get(socket, ZMQ_CURVE_SERVER), curve_server);
}

static void expect_key(void *socket, int option, const void *binary,
                       const char *text) {
  uint8_t bytes[KEY_SIZE];
  char z85[SECURED_KEY_TEXT];
  size_t size = sizeof(bytes);

  blocking_expect_ok(zmq_getsockopt(socket, option, bytes, &size));
  assert_int_equal(size, sizeof(bytes));
  assert_memory_equal(bytes, binary, sizeof(bytes));
  size = sizeof(z85);
  blocking_expect_ok(zmq_getsockopt(socket, option, z85, &size));
  assert_int_equal(size, sizeof(z85));
  assert_string_equal(z85, text);
}

static void expect_text(void *socket, int option, const char *expected) {
  char text[BLOCKING_TEXT_MAX];
  size_t size = sizeof(text);

  blocking_expect_ok(zmq_getsockopt(socket, option, text, &size));
  assert_string_equal(text, expected);
  assert_int_equal(size, strlen(expected) + 1);
}

/* ---- What there is ---- */

static void test_what_is_built_in(void **state) {
  (void)state;
  assert_int_equal(zmq_has("curve"), 1);
  assert_int_equal(zmq_has("null"), 0);
  assert_int_equal(zmq_has("plain"), 0);
  assert_int_equal(zmq_has("CURVE"), 0);
}

static void test_defaults_of_every_type(void **state) {
  static const uint8_t zeros[KEY_SIZE];
  blocking_t *b = *state;

  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(b, type);
    expect_role(socket, ZMQ_NULL, false, false);
    for (size_t i = 0; i < COUNT(names); i++)
      expect_text(socket, names[i], "");
    for (size_t i = 0; i < COUNT(keys); i++)
      expect_key(socket, keys[i], zeros, no_key);
    expect_text(socket, ZMQ_ZAP_DOMAIN, "");
    assert_int_equal(blocking_get(socket, ZMQ_ZAP_ENFORCE_DOMAIN), 0);
  }
}

static void test_every_type_takes_them(void **state) {
  blocking_t *b = *state;

  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(b, type);
    for (size_t i = 0; i < COUNT(flags); i++)
      blocking_set(socket, flags[i], 1);
    for (size_t i = 0; i < COUNT(names); i++)
      blocking_set_text(socket, names[i], "name");
    for (size_t i = 0; i < COUNT(keys); i++)
      blocking_set_text(socket, keys[i], text_key);
    blocking_set_text(socket, ZMQ_ZAP_DOMAIN, "domain");
    blocking_set(socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    expect_role(socket, ZMQ_CURVE, false, false);
  }
}

static void test_the_mechanism_is_only_read(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  int value = ZMQ_PLAIN;
  char large[16] = "";

  blocking_expect_errno(set_bytes(socket, ZMQ_MECHANISM, &value, sizeof(value)),
                        EINVAL);
  blocking_expect_errno(get_bytes(socket, ZMQ_MECHANISM, large, 3), EINVAL);
  blocking_expect_errno(get_bytes(socket, ZMQ_MECHANISM, large, 8), EINVAL);
  assert_int_equal(blocking_get(socket, ZMQ_MECHANISM), ZMQ_NULL);
}

static void expect_not_settable(void *socket, int option, const void *value,
                                size_t size) {
  blocking_expect_errno(set_bytes(socket, option, value, size), EINVAL);
}

static void test_gssapi_is_not_built_in(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char text[BLOCKING_TEXT_MAX];
  int one = 1;

  if (zmq_has("gssapi"))
    skip();
  for (size_t i = 0; i < COUNT(gssapi_flags); i++) {
    expect_not_settable(socket, gssapi_flags[i], &one, sizeof(one));
    blocking_expect_errno(get_bytes(socket, gssapi_flags[i], &one, sizeof(one)),
                          EINVAL);
  }
  for (size_t i = 0; i < COUNT(gssapi_texts); i++) {
    expect_not_settable(socket, gssapi_texts[i], "name", 4);
    blocking_expect_errno(
        get_bytes(socket, gssapi_texts[i], text, sizeof(text)), EINVAL);
  }
  expect_role(socket, ZMQ_NULL, false, false);
}

/* ---- Sizes and ranges ---- */

static void test_values_of_servers(void **state) {
  static const int bad[] = {-1, 2, INT_MAX, INT_MIN};
  void *socket = blocking_socket(*state, ZMQ_DEALER);

  for (size_t i = 0; i < COUNT(flags); i++) {
    blocking_set(socket, flags[i], 1);
    for (size_t k = 0; k < COUNT(bad); k++)
      blocking_expect_errno(
          set_bytes(socket, flags[i], &bad[k], sizeof(bad[k])), EINVAL);
    assert_int_equal(blocking_get(socket, flags[i]), 1);
  }
}

static void test_sizes_of_servers(void **state) {
  static const size_t sizes[] = {0, 1, 3, 5, 8};
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char value[8] = {0};

  for (size_t i = 0; i < COUNT(flags); i++) {
    blocking_set(socket, flags[i], 1);
    for (size_t k = 0; k < COUNT(sizes); k++) {
      blocking_expect_errno(set_bytes(socket, flags[i], value, sizes[k]),
                            EINVAL);
      blocking_expect_errno(get_bytes(socket, flags[i], value, sizes[k]),
                            EINVAL);
    }
    blocking_expect_errno(set_bytes(socket, flags[i], NULL, 0), EINVAL);
    assert_int_equal(blocking_get(socket, flags[i]), 1);
  }
}

static void test_sizes_of_names(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char longest[NAME_MAX_SIZE + 2];

  memset(longest, 'n', sizeof(longest));
  longest[NAME_MAX_SIZE + 1] = '\0';
  for (size_t i = 0; i < COUNT(names); i++) {
    blocking_set_text(socket, names[i], "n");
    expect_text(socket, names[i], "n");
    blocking_expect_errno(
        set_bytes(socket, names[i], longest, NAME_MAX_SIZE + 1), EINVAL);
    blocking_expect_errno(set_bytes(socket, names[i], "", 0), EINVAL);
    expect_text(socket, names[i], "n");
    blocking_expect_ok(set_bytes(socket, names[i], longest, NAME_MAX_SIZE));
    expect_text(socket, names[i], longest + 1);
  }
}

static void test_room_for_names(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char text[8];
  size_t size = sizeof(text);

  for (size_t i = 0; i < COUNT(names); i++) {
    blocking_set_text(socket, names[i], "name");
    blocking_expect_errno(get_bytes(socket, names[i], text, 4), EINVAL);
    blocking_expect_errno(get_bytes(socket, names[i], text, 0), EINVAL);
    blocking_expect_ok(get_bytes(socket, names[i], text, 5));
    assert_string_equal(text, "name");
    memset(text, 'x', sizeof(text));
    size = sizeof(text);
    blocking_expect_ok(zmq_getsockopt(socket, names[i], text, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(text, "name\0\0\0", sizeof(text));
  }
}

/* A zero byte is a byte like others. */
static void test_names_with_zeros(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char text[8];
  size_t size;

  for (size_t i = 0; i < COUNT(names); i++) {
    blocking_expect_ok(set_bytes(socket, names[i], "a\0b", 4));
    size = sizeof(text);
    blocking_expect_ok(zmq_getsockopt(socket, names[i], text, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(text, "a\0b\0", 5);
  }
}

static void test_sizes_of_keys(void **state) {
  static const size_t bad[] = {0, 1, 31, 33, 39, 42, 64};
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char key[64];

  memset(key, '0', sizeof(key));
  for (size_t i = 0; i < COUNT(keys); i++) {
    blocking_expect_ok(set_bytes(socket, keys[i], binary_key, KEY_SIZE));
    expect_key(socket, keys[i], binary_key, text_key);
    for (size_t k = 0; k < COUNT(bad); k++) {
      blocking_expect_errno(set_bytes(socket, keys[i], key, bad[k]), EINVAL);
      blocking_expect_errno(get_bytes(socket, keys[i], key, bad[k]), EINVAL);
    }
    blocking_expect_errno(get_bytes(socket, keys[i], key, 40), EINVAL);
    blocking_expect_errno(set_bytes(socket, keys[i], NULL, 0), EINVAL);
    expect_key(socket, keys[i], binary_key, text_key);
  }
}

static void test_keys_as_text(void **state) {
  static const size_t sizes[] = {40, 41};
  static const uint8_t zeros[KEY_SIZE];
  void *socket = blocking_socket(*state, ZMQ_DEALER);

  for (size_t i = 0; i < COUNT(keys); i++) {
    for (size_t k = 0; k < COUNT(sizes); k++) {
      blocking_expect_ok(set_bytes(socket, keys[i], text_key, sizes[k]));
      expect_key(socket, keys[i], binary_key, text_key);
      blocking_expect_ok(set_bytes(socket, keys[i], no_key, sizes[k]));
      expect_key(socket, keys[i], zeros, no_key);
    }
  }
}

/* The last one is a group above ffffffff. */
static void test_texts_that_are_no_keys(void **state) {
  static const char *const bad[] = {
      "009c61o!#m2NH?C3>iWS5d]J*6CRx17-skh9337 ",
      "\"09c61o!#m2NH?C3>iWS5d]J*6CRx17-skh9337x",
      "009c61o!#m2NH?C3>iWS5d]\x80*6CRx17-skh9337x",
      "009c61o!#m2NH?C3>iWS5d]J*6CRx17-skh#####"};
  void *socket = blocking_socket(*state, ZMQ_DEALER);

  for (size_t i = 0; i < COUNT(keys); i++) {
    for (size_t k = 0; k < COUNT(bad); k++) {
      blocking_expect_errno(set_bytes(socket, keys[i], bad[k], 40), EINVAL);
      blocking_expect_errno(set_bytes(socket, keys[i], bad[k], 41), EINVAL);
    }
  }
  expect_role(socket, ZMQ_NULL, false, false);
}

/* Better than libzmq, which keeps what it has read of a bad text, and takes one
 * that ends too early. */
static void test_bad_texts_change_nothing(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char text[SECURED_KEY_TEXT];

  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < COUNT(keys); i++) {
    blocking_expect_ok(set_bytes(socket, keys[i], text_key, 40));
    memset(text, '1', sizeof(text));
    blocking_expect_errno(set_bytes(socket, keys[i], text, 41), EINVAL);
    text[39] = ' ';
    blocking_expect_errno(set_bytes(socket, keys[i], text, 40), EINVAL);
    memset(text, '\0', sizeof(text));
    memset(text, '1', 35);
    blocking_expect_errno(set_bytes(socket, keys[i], text, 40), EINVAL);
    blocking_expect_errno(set_bytes(socket, keys[i], text, 41), EINVAL);
    expect_key(socket, keys[i], binary_key, text_key);
  }
}

static void test_domains(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char longest[NAME_MAX_SIZE + 2];

  memset(longest, 'd', sizeof(longest));
  longest[NAME_MAX_SIZE + 1] = '\0';
  blocking_expect_errno(set_bytes(socket, ZMQ_ZAP_DOMAIN, "", 0), EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_ZAP_DOMAIN, NULL, 0), EINVAL);
  blocking_set_text(socket, ZMQ_ZAP_DOMAIN, "first");
  expect_text(socket, ZMQ_ZAP_DOMAIN, "first");
  blocking_expect_errno(
      set_bytes(socket, ZMQ_ZAP_DOMAIN, longest, NAME_MAX_SIZE + 1), EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_ZAP_DOMAIN, "", 0), EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_ZAP_DOMAIN, NULL, 0), EINVAL);
  expect_text(socket, ZMQ_ZAP_DOMAIN, "first");
  blocking_expect_ok(set_bytes(socket, ZMQ_ZAP_DOMAIN, longest, NAME_MAX_SIZE));
  expect_text(socket, ZMQ_ZAP_DOMAIN, longest + 1);
  expect_role(socket, ZMQ_NULL, false, false);
}

static void test_enforcing_domains(void **state) {
  static const int values[] = {1, 2, INT_MAX, -1, INT_MIN, 0};
  static const size_t sizes[] = {0, 1, 3, 5, 8};
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char value[8] = {0};

  for (size_t i = 0; i < COUNT(values); i++) {
    blocking_set(socket, ZMQ_ZAP_ENFORCE_DOMAIN, values[i]);
    assert_int_equal(blocking_get(socket, ZMQ_ZAP_ENFORCE_DOMAIN),
                     values[i] != 0);
  }
  for (size_t i = 0; i < COUNT(sizes); i++) {
    blocking_expect_errno(
        set_bytes(socket, ZMQ_ZAP_ENFORCE_DOMAIN, value, sizes[i]), EINVAL);
    blocking_expect_errno(
        get_bytes(socket, ZMQ_ZAP_ENFORCE_DOMAIN, value, sizes[i]), EINVAL);
  }
  expect_role(socket, ZMQ_NULL, false, false);
}

/* ---- The last call wins ---- */

/* Behaviour 173. */
static void test_curve_after_plain(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);

  blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
  expect_role(socket, ZMQ_PLAIN, true, false);
  blocking_set(socket, ZMQ_CURVE_SERVER, 1);
  expect_role(socket, ZMQ_CURVE, false, true);
  blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
  expect_role(socket, ZMQ_PLAIN, true, false);
}

/* Behaviour 173. */
static void test_no_server_is_no_mechanism(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);

  blocking_set(socket, ZMQ_CURVE_SERVER, 1);
  blocking_set(socket, ZMQ_PLAIN_SERVER, 0);
  expect_role(socket, ZMQ_NULL, false, false);
  blocking_set_text(socket, ZMQ_CURVE_SERVERKEY, text_key);
  blocking_set(socket, ZMQ_PLAIN_SERVER, 0);
  expect_role(socket, ZMQ_NULL, false, false);
  blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
  blocking_set(socket, ZMQ_CURVE_SERVER, 0);
  expect_role(socket, ZMQ_NULL, false, false);
}

/* Behaviour 173: what they were can still be read. */
static void test_no_name_is_no_mechanism(void **state) {
  blocking_t *b = *state;

  for (size_t i = 0; i < COUNT(names); i++) {
    void *socket = blocking_socket(b, ZMQ_DEALER);
    blocking_set_text(socket, names[i], "name");
    expect_role(socket, ZMQ_PLAIN, false, false);
    expect_text(socket, names[1 - i], "");
    blocking_expect_ok(set_bytes(socket, names[i], NULL, 0));
    expect_role(socket, ZMQ_NULL, false, false);
    expect_text(socket, names[i], "name");
    blocking_set_text(socket, ZMQ_CURVE_SECRETKEY, text_key);
    blocking_expect_ok(set_bytes(socket, names[i], NULL, 0));
    expect_role(socket, ZMQ_NULL, false, false);
  }
}

static void test_roles_of_keys(void **state) {
  blocking_t *b = *state;

  for (size_t i = 0; i < COUNT(keys); i++) {
    void *socket = blocking_socket(b, ZMQ_DEALER);
    bool is_server = keys[i] != ZMQ_CURVE_SERVERKEY;
    blocking_set_text(socket, keys[i], text_key);
    expect_role(socket, ZMQ_CURVE, false, false);
    blocking_set(socket, ZMQ_CURVE_SERVER, 1);
    blocking_set_text(socket, keys[i], text_key);
    expect_role(socket, ZMQ_CURVE, false, is_server);
    blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
    blocking_set_text(socket, keys[i], text_key);
    expect_role(socket, ZMQ_CURVE, false, is_server);
  }
}

/* One setting, and what it makes of mechanism and role. */
typedef struct {
  int option;
  int value;        /* of a server option */
  const char *text; /* of others; NULL: without a value */
} step_t;

typedef struct {
  int mechanism;
  bool as_server;
} role_t;

static const step_t steps[] = {
    {ZMQ_PLAIN_SERVER, 1, NULL},        {ZMQ_PLAIN_SERVER, 0, NULL},
    {ZMQ_PLAIN_USERNAME, 0, "name"},    {ZMQ_PLAIN_USERNAME, 0, NULL},
    {ZMQ_PLAIN_PASSWORD, 0, "name"},    {ZMQ_PLAIN_PASSWORD, 0, NULL},
    {ZMQ_CURVE_SERVER, 1, NULL},        {ZMQ_CURVE_SERVER, 0, NULL},
    {ZMQ_CURVE_PUBLICKEY, 0, text_key}, {ZMQ_CURVE_SECRETKEY, 0, text_key},
    {ZMQ_CURVE_SERVERKEY, 0, text_key}, {ZMQ_ZAP_DOMAIN, 0, "domain"},
};

static void apply(const step_t *step, role_t *role) {
  switch (step->option) {
    case ZMQ_PLAIN_SERVER:
      role->mechanism = step->value ? ZMQ_PLAIN : ZMQ_NULL;
      role->as_server = step->value;
      break;
    case ZMQ_CURVE_SERVER:
      role->mechanism = step->value ? ZMQ_CURVE : ZMQ_NULL;
      role->as_server = step->value;
      break;
    case ZMQ_PLAIN_USERNAME:
    case ZMQ_PLAIN_PASSWORD:
      role->mechanism = step->text == NULL ? ZMQ_NULL : ZMQ_PLAIN;
      if (step->text != NULL)
        role->as_server = false;
      break;
    case ZMQ_CURVE_SERVERKEY:
      role->as_server = false;
      role->mechanism = ZMQ_CURVE;
      break;
    case ZMQ_CURVE_PUBLICKEY:
    case ZMQ_CURVE_SECRETKEY:
      role->mechanism = ZMQ_CURVE;
      break;
    default:
      break;
  }
}

static void take_step(void *socket, const step_t *step, role_t *role) {
  if (step->option == ZMQ_PLAIN_SERVER || step->option == ZMQ_CURVE_SERVER)
    blocking_set(socket, step->option, step->value);
  else
    blocking_expect_ok(set_bytes(socket, step->option, step->text,
                                 step->text == NULL ? 0 : strlen(step->text)));
  apply(step, role);
  expect_role(socket, role->mechanism,
              role->as_server && role->mechanism == ZMQ_PLAIN,
              role->as_server && role->mechanism == ZMQ_CURVE);
}

/* Behaviour 173: all sequences of three. */
static void test_every_sequence(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  role_t role = {.mechanism = ZMQ_NULL, .as_server = false};

  for (size_t i = 0; i < COUNT(steps); i++) {
    for (size_t j = 0; j < COUNT(steps); j++) {
      for (size_t k = 0; k < COUNT(steps); k++) {
        take_step(socket, &steps[i], &role);
        take_step(socket, &steps[j], &role);
        take_step(socket, &steps[k], &role);
      }
    }
  }
}

/* What is refused leaves all as it was. */
static void test_what_is_refused_changes_nothing(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  const int two = 2;

  blocking_set(socket, ZMQ_PLAIN_SERVER, 1);
  blocking_expect_errno(set_bytes(socket, ZMQ_CURVE_SERVER, &two, sizeof(two)),
                        EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_CURVE_SERVERKEY, text_key, 39),
                        EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_PLAIN_USERNAME, "", 0), EINVAL);
  expect_role(socket, ZMQ_PLAIN, true, false);
  blocking_set(socket, ZMQ_CURVE_SERVER, 1);
  blocking_expect_errno(set_bytes(socket, ZMQ_PLAIN_SERVER, &two, sizeof(two)),
                        EINVAL);
  blocking_expect_errno(set_bytes(socket, ZMQ_PLAIN_PASSWORD, "", 0), EINVAL);
  expect_role(socket, ZMQ_CURVE, false, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_what_is_built_in),
      blocking_test(test_defaults_of_every_type),
      blocking_test(test_every_type_takes_them),
      blocking_test(test_the_mechanism_is_only_read),
      blocking_test(test_gssapi_is_not_built_in),
      blocking_test(test_values_of_servers),
      blocking_test(test_sizes_of_servers),
      blocking_test(test_sizes_of_names),
      blocking_test(test_room_for_names),
      blocking_test(test_names_with_zeros),
      blocking_test(test_sizes_of_keys),
      blocking_test(test_keys_as_text),
      blocking_test(test_texts_that_are_no_keys),
      blocking_test(test_bad_texts_change_nothing),
      blocking_test(test_domains),
      blocking_test(test_enforcing_domains),
      blocking_test(test_curve_after_plain),
      blocking_test(test_no_server_is_no_mechanism),
      blocking_test(test_no_name_is_no_mechanism),
      blocking_test(test_roles_of_keys),
      blocking_test(test_every_sequence),
      blocking_test(test_what_is_refused_changes_nothing),
  };

  for (size_t i = 0; i < KEY_SIZE; i++)
    binary_key[i] = (uint8_t)i;
  return cmocka_run_group_tests_name("security options", tests, NULL, NULL);
}
