/* Options: every row of the table through get and set on every socket type,
 * and the facts that the table has to state. The values of the security options
 * and of the accept filters have rules and tests of their own. */
#include "core/options.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOCKET_TYPES 12

static const char *const type_names[SOCKET_TYPES] = {
    "PAIR",   "PUB",  "SUB",  "REQ",  "REP",  "DEALER",
    "ROUTER", "PULL", "PUSH", "XPUB", "XSUB", "STREAM"};

static void expect(const zuv__option_t *option, int type, const char *what,
                   int actual, int expected) {
  if (actual != expected)
    fail_msg("%s of %s on %s: %d instead of %d", what, option->name,
             type_names[type], actual, expected);
}

static int is_number(const zuv__option_t *option) {
  return option->type != ZUV__OPTION_STRING && option->type != ZUV__OPTION_BLOB;
}

static size_t number_size(const zuv__option_t *option) {
  return option->type == ZUV__OPTION_INT64 || option->type == ZUV__OPTION_UINT64
             ? 8
             : 4;
}

static int set_number(zuv__options_t *options, int type,
                      const zuv__option_t *option, int64_t value) {
  int narrow = (int)value;

  if (number_size(option) == 8)
    return zuv__options_set(options, type, option->number, &value, 8);
  return zuv__options_set(options, type, option->number, &narrow, 4);
}

static int64_t get_number(const zuv__options_t *options, int type,
                          const zuv__option_t *option) {
  int64_t wide = -12345;
  int narrow = -12345;
  size_t size = number_size(option);

  expect(option, type, "get",
         zuv__options_get(options, type, option->number,
                          size == 8 ? (void *)&wide : (void *)&narrow, &size),
         0);
  assert_int_equal(size, number_size(option));
  return size == 8 ? wide : narrow;
}

static int set_int(zuv__options_t *options, int number, int value) {
  return zuv__options_set(options, options->type, number, &value,
                          sizeof(value));
}

static int set_bytes(zuv__options_t *options, int number, const void *value,
                     size_t size) {
  return zuv__options_set(options, options->type, number, value, size);
}

static int get_int(const zuv__options_t *options, int number) {
  return (int)get_number(options, options->type, zuv__option_find(number));
}

/* The result of a set that is right in everything. */
static int success(const zuv__option_t *option) {
  return option->handling == ZUV__OPTION_SPECIAL ? ZUV__OPTION_SPECIAL : 0;
}

/* What a get says after a set of `value`. */
static int64_t reads_as(const zuv__option_t *option, int64_t value) {
  int is_flag = option->type == ZUV__OPTION_FLAG ||
                option->type == ZUV__OPTION_INVERSE_FLAG;

  /* the unit of the wire is a tenth of a second */
  if (option->number == ZUV_HEARTBEAT_TTL)
    return value - value % 100;
  return is_flag ? value != 0 : value;
}

/* Calls check(option, socket type) for every pair of the two. */
static void for_all(void (*check)(const zuv__option_t *, int)) {
  int number;
  int type;

  for (number = 0; number < ZUV__OPTION_END; number++) {
    for (type = 0; type < SOCKET_TYPES; type++) {
      if (zuv__option_find(number) != NULL)
        check(zuv__option_find(number), type);
    }
  }
}

static int applies(const zuv__option_t *option, int type, unsigned int access) {
  return option->handling != ZUV__OPTION_UNSUPPORTED &&
         (option->socket_types & (1u << type)) != 0 &&
         (option->access & access) != 0;
}

/* The same, for what is checked by the range of the row. */
static int applies_by_range(const zuv__option_t *option, int type,
                            unsigned int access) {
  return option->handling != ZUV__OPTION_SECURITY &&
         option->handling != ZUV__OPTION_FILTER &&
         option->handling != ZUV__OPTION_METADATA &&
         applies(option, type, access);
}

static void check_row(const zuv__option_t *option, int type) {
  assert_non_null(option->summary);
  assert_non_null(option->unit);
  assert_ptr_equal(option, zuv__option_find(option->number));
  if (option->handling == ZUV__OPTION_UNSUPPORTED)
    return;
  assert_int_not_equal(option->socket_types & 0xfffu, 0);
  assert_int_equal(option->socket_types & ~0xfffu, 0);
  assert_int_not_equal(option->access & 3u, 0);
  assert_true(option->min <= option->max);
  if (option->handling != ZUV__OPTION_PLAIN)
    return;
  assert_true(option->offset + option->size <= sizeof(zuv__options_t));
  if (is_number(option))
    assert_int_equal(option->size, number_size(option));
  else if (option->type == ZUV__OPTION_STRING)
    assert_true((size_t)option->max < option->size);
  else
    assert_true((size_t)option->max <= option->size && option->size < 256);
  (void)type;
}

static void rows_are_sound(void **state) {
  (void)state;
  for_all(check_row);
  assert_int_equal(offsetof(zuv__options_t, routing_id_size),
                   offsetof(zuv__options_t, routing_id) + 255);
  assert_int_equal(offsetof(zuv__options_t, connect_routing_id_size),
                   offsetof(zuv__options_t, connect_routing_id) + 255);
}

static void unknown_numbers_are_invalid(void **state) {
  static const int numbers[] = {INT_MIN, -1, 0,  1,  2,  3,   10,     20,
                                26,      29, 30, 67, 70, 125, INT_MAX};
  zuv__options_t options;
  size_t i;

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  for (i = 0; i < COUNT(numbers); i++) {
    int value = 0;
    size_t size = sizeof(value);

    assert_null(zuv__option_find(numbers[i]));
    assert_int_equal(
        zuv__options_set(&options, ZUV_PAIR, numbers[i], &value, size),
        UV_EINVAL);
    assert_int_equal(
        zuv__options_get(&options, ZUV_PAIR, numbers[i], &value, &size),
        UV_EINVAL);
  }
}

static void unknown_socket_types_are_invalid(void **state) {
  zuv__options_t options;
  int value = 1;
  size_t size = sizeof(value);

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  assert_int_equal(zuv__options_set(&options, -1, ZUV_LINGER, &value, size),
                   UV_EINVAL);
  assert_int_equal(zuv__options_set(&options, 12, ZUV_LINGER, &value, size),
                   UV_EINVAL);
  assert_int_equal(zuv__options_get(&options, 64, ZUV_LINGER, &value, &size),
                   UV_EINVAL);
}

static void check_unsupported(const zuv__option_t *option, int type) {
  zuv__options_t options;
  char buffer[512] = {0};
  size_t sizes[] = {0, 1, 4, 8, 32, sizeof(buffer)};
  size_t i;

  if (option->handling != ZUV__OPTION_UNSUPPORTED)
    return;
  zuv__options_init(&options, type);
  for (i = 0; i < COUNT(sizes); i++) {
    expect(option, type, "set",
           zuv__options_set(&options, type, option->number, buffer, sizes[i]),
           UV_ENOTSUP);
    expect(option, type, "get",
           zuv__options_get(&options, type, option->number, buffer, &sizes[i]),
           UV_ENOTSUP);
  }
  expect(option, type, "set of NULL",
         zuv__options_set(&options, type, option->number, NULL, 4), UV_ENOTSUP);
  expect(option, type, "get of NULL",
         zuv__options_get(&options, type, option->number, NULL, NULL),
         UV_ENOTSUP);
}

static void unsupported_options_say_so(void **state) {
  (void)state;
  for_all(check_unsupported);
}

static void unsupported_options_are_the_listed_ones(void **state) {
  static const int numbers[] = {62,  63,  64,  65,  85,  86,  87,  88,
                                90,  91,  103, 104, 105, 106, 107, 117,
                                118, 119, 120, 121, 122, 123, 124};
  size_t next = 0;
  int number;

  (void)state;
  for (number = 0; number < ZUV__OPTION_END; number++) {
    const zuv__option_t *option = zuv__option_find(number);

    if (option == NULL || option->handling != ZUV__OPTION_UNSUPPORTED)
      continue;
    assert_true(next < COUNT(numbers));
    assert_int_equal(number, numbers[next++]);
  }
  assert_int_equal(next, COUNT(numbers));
}

static void check_direction(const zuv__option_t *option, int type) {
  zuv__options_t options;
  char buffer[256] = {0};
  size_t i;

  if (option->handling == ZUV__OPTION_UNSUPPORTED)
    return;
  zuv__options_init(&options, type);
  for (i = 0; i <= sizeof(buffer); i++) {
    size_t size = i;

    if (!applies(option, type, ZUV__OPTION_SET))
      expect(option, type, "set",
             zuv__options_set(&options, type, option->number, buffer, size),
             UV_EINVAL);
    if (!applies(option, type, ZUV__OPTION_GET))
      expect(option, type, "get",
             zuv__options_get(&options, type, option->number, buffer, &size),
             UV_EINVAL);
  }
}

static void wrong_direction_or_socket_type_is_invalid(void **state) {
  (void)state;
  for_all(check_direction);
}

static void check_initial(const zuv__option_t *option, int type) {
  zuv__options_t options;
  int64_t expected = option->initial;
  char buffer[256];
  size_t size = sizeof(buffer);

  if (!applies_by_range(option, type, ZUV__OPTION_GET) ||
      option->handling == ZUV__OPTION_SPECIAL)
    return;
  zuv__options_init(&options, type);
  if (option->number == ZUV_TYPE)
    expected = type;
  if (option->number == ZUV_LINGER && (type == ZUV_SUB || type == ZUV_XSUB))
    expected = 0;
  if (is_number(option)) {
    assert_int_equal(get_number(&options, type, option), expected);
    return;
  }
  expect(option, type, "get",
         zuv__options_get(&options, type, option->number, buffer, &size), 0);
  assert_int_equal(size, option->type == ZUV__OPTION_STRING ? 1 : 0);
}

static void new_sockets_have_the_initial_values(void **state) {
  (void)state;
  for_all(check_initial);
}

/* Whether the table's range holds a value that is refused all the same. */
static int is_exception(const zuv__option_t *option, int64_t value) {
  if (option->number == ZUV_AFFINITY)
    return value != 0 && (value & 1) == 0;
  return value == 0 && (option->number == ZUV_TCP_KEEPALIVE_CNT ||
                        option->number == ZUV_TCP_KEEPALIVE_IDLE ||
                        option->number == ZUV_TCP_KEEPALIVE_INTVL);
}

static void check_number_values(const zuv__option_t *option, int type) {
  zuv__options_t options;
  zuv__options_t before;
  int64_t values[] = {option->min, option->max, option->min / 2 + 1,
                      option->initial, option->max / 2};
  size_t i;

  if (!applies_by_range(option, type, ZUV__OPTION_SET) || !is_number(option))
    return;
  zuv__options_init(&options, type);
  for (i = 0; i < COUNT(values); i++) {
    if (values[i] < option->min || values[i] > option->max ||
        is_exception(option, values[i]))
      continue;
    expect(option, type, "set", set_number(&options, type, option, values[i]),
           success(option));
    if ((option->access & ZUV__OPTION_GET) != 0)
      assert_int_equal(get_number(&options, type, option),
                       reads_as(option, values[i]));
  }
  if (option->type == ZUV__OPTION_UINT64)
    return;
  before = options;
  if (option->min > (number_size(option) == 8 ? INT64_MIN : INT_MIN))
    expect(option, type, "set below the range",
           set_number(&options, type, option, option->min - 1), UV_EINVAL);
  if (option->max < (number_size(option) == 8 ? INT64_MAX : INT_MAX))
    expect(option, type, "set above the range",
           set_number(&options, type, option, option->max + 1), UV_EINVAL);
  assert_memory_equal(&options, &before, sizeof(options));
}

static void numbers_are_kept_within_their_range(void **state) {
  (void)state;
  for_all(check_number_values);
}

static void check_number_sizes(const zuv__option_t *option, int type) {
  zuv__options_t options;
  zuv__options_t before;
  unsigned char buffer[20];
  size_t i;

  if (option->handling == ZUV__OPTION_UNSUPPORTED || !is_number(option))
    return;
  zuv__options_init(&options, type);
  before = options;
  for (i = 0; i <= sizeof(buffer); i++) {
    size_t right = number_size(option);
    int is_wide = (option->access & ZUV__OPTION_GET_WIDE) != 0 && i > right;
    size_t size = i;

    memset(buffer, 0, sizeof(buffer));
    if (applies(option, type, ZUV__OPTION_SET) && i != right)
      expect(option, type, "set of a wrong size",
             zuv__options_set(&options, type, option->number, buffer, i),
             UV_EINVAL);
    if (!applies(option, type, ZUV__OPTION_GET))
      continue;
    memset(buffer, 0xaa, sizeof(buffer));
    expect(option, type, "get",
           zuv__options_get(&options, type, option->number, buffer, &size),
           i == right || is_wide ? success(option) : UV_EINVAL);
    if (option->handling != ZUV__OPTION_SPECIAL && is_wide) {
      assert_int_equal(size, right);
      assert_int_equal(buffer[i - 1], 0);
    }
    if (i < sizeof(buffer))
      assert_int_equal(buffer[i], 0xaa);
  }
  assert_memory_equal(&options, &before, sizeof(options));
}

static void numbers_have_one_size(void **state) {
  (void)state;
  for_all(check_number_sizes);
}

static void check_null(const zuv__option_t *option, int type) {
  zuv__options_t options;
  char byte = 0;
  size_t size = 4;

  zuv__options_init(&options, type);
  options.xpub_manual = 1;
  if (applies(option, type, ZUV__OPTION_SET)) {
    expect(option, type, "set of NULL",
           zuv__options_set(&options, type, option->number, NULL, 4),
           UV_EINVAL);
  }
  if (applies_by_range(option, type, ZUV__OPTION_SET))
    expect(option, type, "set of NULL, 0",
           zuv__options_set(&options, type, option->number, NULL, 0),
           is_number(option) ||
                   (option->min > 0 && option->type != ZUV__OPTION_STRING)
               ? UV_EINVAL
               : success(option));
  if (applies(option, type, ZUV__OPTION_GET)) {
    expect(option, type, "get into NULL",
           zuv__options_get(&options, type, option->number, NULL, &size),
           UV_EINVAL);
    expect(option, type, "get without a size",
           zuv__options_get(&options, type, option->number, &byte, NULL),
           UV_EINVAL);
  }
  zuv__options_destroy(&options);
}

static void null_is_never_read_or_written(void **state) {
  (void)state;
  for_all(check_null);
}

static void check_byte_lengths(const zuv__option_t *option, int type) {
  zuv__options_t options;
  unsigned char value[290];
  unsigned char buffer[300];
  size_t length;

  if (!applies_by_range(option, type, ZUV__OPTION_SET) || is_number(option))
    return;
  zuv__options_init(&options, type);
  options.xpub_manual = 1;
  memset(value, 'x', sizeof(value));
  for (length = 0; length <= sizeof(value); length++) {
    int64_t signed_length = (int64_t)length;
    int is_valid = signed_length >= option->min && signed_length <= option->max;
    size_t nul = option->type == ZUV__OPTION_STRING ? 1 : 0;
    size_t size = sizeof(buffer);

    expect(option, type, "set",
           zuv__options_set(&options, type, option->number, value, length),
           is_valid ? success(option) : UV_EINVAL);
    if (!is_valid || !applies(option, type, ZUV__OPTION_GET))
      continue;
    memset(buffer, 0xaa, sizeof(buffer));
    expect(option, type, "get",
           zuv__options_get(&options, type, option->number, buffer, &size), 0);
    assert_int_equal(size, length + nul);
    assert_memory_equal(buffer, value, length);
    assert_int_equal(buffer[length], 0);
    assert_int_equal(buffer[sizeof(buffer) - 1], 0);

    expect(option, type, "get of the exact size",
           zuv__options_get(&options, type, option->number, buffer, &size), 0);
    if (size == 0)
      continue;
    size--;
    expect(option, type, "get of too small a size",
           zuv__options_get(&options, type, option->number, buffer, &size),
           UV_EINVAL);
  }
  zuv__options_destroy(&options);
}

static void strings_and_blobs_are_kept_within_their_length(void **state) {
  (void)state;
  for_all(check_byte_lengths);
}

static void a_refused_blob_leaves_the_old_one(void **state) {
  zuv__options_t options;
  char value[256] = "other";
  char buffer[255];
  size_t size = sizeof(buffer);

  (void)state;
  zuv__options_init(&options, ZUV_DEALER);
  assert_int_equal(set_bytes(&options, ZUV_ROUTING_ID, "\0first", 6), 0);
  assert_int_equal(set_bytes(&options, ZUV_ROUTING_ID, value, 256), UV_EINVAL);
  assert_int_equal(
      zuv__options_get(&options, ZUV_DEALER, ZUV_ROUTING_ID, buffer, &size), 0);
  assert_int_equal(size, 6);
  assert_memory_equal(buffer, "\0first", 6);
  assert_int_equal(options.routing_id_size, 6);
}

static void a_shorter_blob_leaves_nothing_of_the_old_one(void **state) {
  zuv__options_t options;
  char value[255];
  size_t i;

  (void)state;
  memset(value, 'x', sizeof(value));
  zuv__options_init(&options, ZUV_ROUTER);
  assert_int_equal(set_bytes(&options, ZUV_CONNECT_ROUTING_ID, value, 255), 0);
  assert_int_equal(options.connect_routing_id_size, 255);
  assert_int_equal(set_bytes(&options, ZUV_CONNECT_ROUTING_ID, "y", 1), 0);
  assert_int_equal(options.connect_routing_id_size, 1);
  for (i = 1; i < sizeof(options.connect_routing_id); i++)
    assert_int_equal(options.connect_routing_id[i], 0);
}

static void a_device_name_may_come_with_its_nul(void **state) {
  zuv__options_t options;
  char buffer[17];
  size_t size = sizeof(buffer);

  (void)state;
  zuv__options_init(&options, ZUV_PULL);
  assert_int_equal(set_bytes(&options, ZUV_BINDTODEVICE, "lo", 3), 0);
  assert_int_equal(
      zuv__options_get(&options, ZUV_PULL, ZUV_BINDTODEVICE, buffer, &size), 0);
  assert_int_equal(size, 3);
  assert_string_equal(buffer, "lo");
}

/* Which socket types an option belongs to, stated apart from the table. */
static void options_belong_to_the_sockets_of_libzmq(void **state) {
  static const struct {
    int number;
    const char *socket_types;
  } rows[] = {
      {ZUV_SUBSCRIBE, "PUB SUB XPUB"},
      {ZUV_UNSUBSCRIBE, "PUB SUB XPUB"},
      {ZUV_ROUTER_MANDATORY, "REP ROUTER"},
      {ZUV_ROUTER_HANDOVER, "REP ROUTER"},
      {ZUV_ROUTER_RAW, "REP ROUTER"},
      {ZUV_ROUTER_NOTIFY, "REP ROUTER"},
      {ZUV_PROBE_ROUTER, "REQ REP DEALER ROUTER"},
      {ZUV_CONNECT_ROUTING_ID, "REP ROUTER STREAM"},
      {ZUV_REQ_CORRELATE, "REQ"},
      {ZUV_REQ_RELAXED, "REQ"},
      {ZUV_STREAM_NOTIFY, "STREAM"},
      {ZUV_XPUB_VERBOSE, "PUB XPUB"},
      {ZUV_XPUB_VERBOSER, "PUB XPUB"},
      {ZUV_XPUB_MANUAL, "PUB XPUB"},
      {ZUV_XPUB_NODROP, "PUB XPUB"},
      {ZUV_XPUB_WELCOME_MSG, "PUB XPUB"},
      {ZUV_XPUB_MANUAL_LAST_VALUE, "PUB XPUB"},
      {ZUV_ONLY_FIRST_SUBSCRIBE, "PUB XPUB XSUB"},
      {ZUV_XSUB_VERBOSE_UNSUBSCRIBE, "XSUB"},
      {ZUV_TOPICS_COUNT, "PUB SUB XPUB XSUB"},
  };
  uint32_t generic = 0xfffu;
  size_t specific = 0;
  size_t i;
  int number;

  (void)state;
  for (i = 0; i < COUNT(rows); i++) {
    uint32_t mask = 0;
    int type;

    for (type = 0; type < SOCKET_TYPES; type++) {
      char padded[64];
      char name[16];

      snprintf(padded, sizeof(padded), " %s ", rows[i].socket_types);
      snprintf(name, sizeof(name), " %s ", type_names[type]);
      if (strstr(padded, name) != NULL)
        mask |= 1u << type;
    }
    assert_int_equal(zuv__option_find(rows[i].number)->socket_types, mask);
  }
  for (number = 0; number < ZUV__OPTION_END; number++) {
    const zuv__option_t *option = zuv__option_find(number);

    if (option != NULL && option->handling != ZUV__OPTION_UNSUPPORTED &&
        option->socket_types != generic)
      specific++;
  }
  assert_int_equal(specific, COUNT(rows));
}

static void special_options_are_left_to_the_caller(void **state) {
  static const int numbers[] = {
      ZUV_SUBSCRIBE, ZUV_UNSUBSCRIBE,   ZUV_RCVMORE,          ZUV_FD,
      ZUV_EVENTS,    ZUV_LAST_ENDPOINT, ZUV_XPUB_WELCOME_MSG, ZUV_TOPICS_COUNT};
  size_t next = 0;
  int number;

  (void)state;
  for (number = 0; number < ZUV__OPTION_END; number++) {
    const zuv__option_t *option = zuv__option_find(number);

    if (option == NULL || option->handling != ZUV__OPTION_SPECIAL)
      continue;
    assert_true(next < COUNT(numbers));
    assert_int_equal(number, numbers[next++]);
  }
  assert_int_equal(next, COUNT(numbers));
}

static void the_well_known_defaults_hold(void **state) {
  static const int zero[] = {ZUV_RECONNECT_IVL_MAX, ZUV_IMMEDIATE,
                             ZUV_MECHANISM,         ZUV_IPV6,
                             ZUV_THREAD_SAFE,       ZUV_CONFLATE,
                             ZUV_INVERT_MATCHING,   ZUV_TCP_MAXRT,
                             ZUV_CONNECT_TIMEOUT,   ZUV_TOS,
                             ZUV_PRIORITY,          ZUV_RECONNECT_STOP,
                             ZUV_BUSY_POLL};
  static const int minus_one[] = {ZUV_LINGER,
                                  ZUV_SNDTIMEO,
                                  ZUV_RCVTIMEO,
                                  ZUV_SNDBUF,
                                  ZUV_RCVBUF,
                                  ZUV_USE_FD,
                                  ZUV_TCP_KEEPALIVE,
                                  ZUV_TCP_KEEPALIVE_CNT,
                                  ZUV_TCP_KEEPALIVE_IDLE,
                                  ZUV_TCP_KEEPALIVE_INTVL};
  zuv__options_t options;
  size_t i;

  (void)state;
  zuv__options_init(&options, ZUV_PUSH);
  for (i = 0; i < COUNT(zero); i++)
    assert_int_equal(get_int(&options, zero[i]), 0);
  for (i = 0; i < COUNT(minus_one); i++)
    assert_int_equal(get_int(&options, minus_one[i]), -1);
  assert_int_equal(get_int(&options, ZUV_RECONNECT_IVL), 100);
  assert_int_equal(get_int(&options, ZUV_BACKLOG), 100);
  assert_int_equal(get_int(&options, ZUV_SNDHWM), 1000);
  assert_int_equal(get_int(&options, ZUV_RCVHWM), 1000);
  assert_int_equal(get_int(&options, ZUV_IPV4ONLY), 1);
  assert_int_equal(get_int(&options, ZUV_HANDSHAKE_IVL), 30000);
  assert_int_equal(options.max_message_size, -1);
  zuv__options_init(&options, ZUV_STREAM);
  assert_int_equal(options.stream_notify, 1);
}

static void linger_is_zero_for_subscribers(void **state) {
  zuv__options_t options;
  int type;

  (void)state;
  for (type = 0; type < SOCKET_TYPES; type++) {
    zuv__options_init(&options, type);
    assert_int_equal(options.linger,
                     type == ZUV_SUB || type == ZUV_XSUB ? 0 : -1);
  }
}

static void ipv4only_is_the_opposite_of_ipv6(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  assert_int_equal(set_int(&options, ZUV_IPV4ONLY, 0), 0);
  assert_int_equal(get_int(&options, ZUV_IPV6), 1);
  assert_int_equal(set_int(&options, ZUV_IPV6, 0), 0);
  assert_int_equal(get_int(&options, ZUV_IPV4ONLY), 1);
  assert_int_equal(set_int(&options, ZUV_IPV4ONLY, 2), UV_EINVAL);
}

static void affinity_names_the_one_thread_there_is(void **state) {
  static const uint64_t with[] = {1, 3, UINT64_MAX, 0};
  static const uint64_t without[] = {2, UINT64_C(1) << 32, UINT64_MAX - 1};
  zuv__options_t options;
  size_t i;

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  for (i = 0; i < COUNT(with); i++) {
    assert_int_equal(set_bytes(&options, ZUV_AFFINITY, &with[i], 8), 0);
    assert_true(options.affinity == with[i]);
  }
  for (i = 0; i < COUNT(without); i++)
    assert_int_equal(set_bytes(&options, ZUV_AFFINITY, &without[i], 8),
                     UV_ENOTSUP);
  assert_int_equal(set_bytes(&options, ZUV_AFFINITY, &with[0], 4), UV_EINVAL);
  assert_true(options.affinity == 0);
}

/* They read the same, whether the default holds or is set. */
static void batch_sizes_are_set_or_not(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  assert_int_equal(get_int(&options, ZUV_IN_BATCH_SIZE), 8192);
  assert_int_equal(get_int(&options, ZUV_OUT_BATCH_SIZE), 8192);
  assert_int_equal(set_int(&options, ZUV_IN_BATCH_SIZE, 0), UV_EINVAL);
  assert_int_equal(set_int(&options, ZUV_OUT_BATCH_SIZE, 0), UV_EINVAL);
  assert_false(options.in_batch_is_set || options.out_batch_is_set);
  assert_int_equal(set_int(&options, ZUV_IN_BATCH_SIZE, 8192), 0);
  assert_true(options.in_batch_is_set && !options.out_batch_is_set);
  assert_int_equal(set_int(&options, ZUV_OUT_BATCH_SIZE, 1), 0);
  assert_true(options.out_batch_is_set);
}

static void multicast_options_are_kept(void **state) {
  static const struct {
    int number;
    int initial;
    int least;
  } rows[] = {{ZUV_RATE, 100, 1},
              {ZUV_RECOVERY_IVL, 10000, 0},
              {ZUV_MULTICAST_HOPS, 1, 1},
              {ZUV_MULTICAST_MAXTPDU, 1500, 1}};
  static const int flags[][2] = {{ZUV_MULTICAST_LOOP, 1},
                                 {ZUV_LOOPBACK_FASTPATH, 0}};
  zuv__options_t options;
  size_t i;

  (void)state;
  zuv__options_init(&options, ZUV_PUB);
  for (i = 0; i < COUNT(rows); i++) {
    assert_int_equal(get_int(&options, rows[i].number), rows[i].initial);
    assert_int_equal(set_int(&options, rows[i].number, 77), 0);
    assert_int_equal(set_int(&options, rows[i].number, rows[i].least - 1),
                     UV_EINVAL);
    assert_int_equal(get_int(&options, rows[i].number), 77);
    assert_int_equal(set_int(&options, rows[i].number, rows[i].least), 0);
    assert_int_equal(get_int(&options, rows[i].number), rows[i].least);
  }
  for (i = 0; i < COUNT(flags); i++) {
    assert_int_equal(get_int(&options, flags[i][0]), flags[i][1]);
    assert_int_equal(set_int(&options, flags[i][0], 0), 0);
    assert_int_equal(get_int(&options, flags[i][0]), 0);
    assert_int_equal(set_int(&options, flags[i][0], INT_MIN), 0);
    assert_int_equal(get_int(&options, flags[i][0]), 1);
  }
}

static void keepalive_takes_what_the_kernel_takes(void **state) {
  static const int limits[][2] = {{ZUV_TCP_KEEPALIVE_CNT, 127},
                                  {ZUV_TCP_KEEPALIVE_IDLE, 32767},
                                  {ZUV_TCP_KEEPALIVE_INTVL, 32767}};
  zuv__options_t options;
  size_t i;

  (void)state;
  zuv__options_init(&options, ZUV_PAIR);
  for (i = 0; i < COUNT(limits); i++) {
    assert_int_equal(set_int(&options, limits[i][0], 0), UV_EINVAL);
    assert_int_equal(set_int(&options, limits[i][0], -2), UV_EINVAL);
    assert_int_equal(set_int(&options, limits[i][0], limits[i][1] + 1),
                     UV_EINVAL);
    assert_int_equal(get_int(&options, limits[i][0]), -1);
    assert_int_equal(set_int(&options, limits[i][0], 1), 0);
    assert_int_equal(set_int(&options, limits[i][0], limits[i][1]), 0);
    assert_int_equal(set_int(&options, limits[i][0], -1), 0);
  }
}

static void verbose_and_verboser_share_their_flags(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_XPUB);
  assert_int_equal(set_int(&options, ZUV_XPUB_VERBOSER, 7), 0);
  assert_int_equal(options.xpub_verbose, 1);
  assert_int_equal(options.xpub_verboser, 1);
  assert_int_equal(set_int(&options, ZUV_XPUB_VERBOSE, 1), 0);
  assert_int_equal(options.xpub_verbose, 1);
  assert_int_equal(options.xpub_verboser, 0);
  assert_int_equal(set_int(&options, ZUV_XPUB_VERBOSER, 0), 0);
  assert_int_equal(options.xpub_verbose, 0);
}

static void manual_last_value_implies_manual(void **state) {
  zuv__options_t options;

  (void)state;
  zuv__options_init(&options, ZUV_XPUB);
  assert_int_equal(set_int(&options, ZUV_XPUB_MANUAL_LAST_VALUE, 1), 0);
  assert_int_equal(options.xpub_manual, 1);
  assert_int_equal(set_int(&options, ZUV_XPUB_MANUAL_LAST_VALUE, 0), 0);
  assert_int_equal(options.xpub_manual, 0);
}

static void publishers_subscribe_only_in_manual_mode(void **state) {
  static const int types[] = {ZUV_PUB, ZUV_XPUB};
  zuv__options_t options;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(types); i++) {
    zuv__options_init(&options, types[i]);
    assert_int_equal(set_bytes(&options, ZUV_SUBSCRIBE, "a", 1), UV_EINVAL);
    assert_int_equal(set_bytes(&options, ZUV_UNSUBSCRIBE, "a", 1), UV_EINVAL);
    assert_int_equal(set_int(&options, ZUV_XPUB_MANUAL, 1), 0);
    assert_int_equal(set_bytes(&options, ZUV_SUBSCRIBE, "a", 1),
                     ZUV__OPTION_SPECIAL);
    assert_int_equal(set_bytes(&options, ZUV_UNSUBSCRIBE, NULL, 0),
                     ZUV__OPTION_SPECIAL);
  }
  zuv__options_init(&options, ZUV_SUB);
  assert_int_equal(set_bytes(&options, ZUV_SUBSCRIBE, NULL, 0),
                   ZUV__OPTION_SPECIAL);
}

static void callers_answer_with_the_same_size_rules(void **state) {
  const zuv__option_t *events = zuv__option_find(ZUV_EVENTS);
  const zuv__option_t *endpoint = zuv__option_find(ZUV_LAST_ENDPOINT);
  const zuv__option_t *routing_id = zuv__option_find(ZUV_ROUTING_ID);
  int wide[2] = {-1, -1};
  char text[8];
  size_t size = 3;

  (void)state;
  assert_int_equal(zuv__option_answer_int(events, 3, wide, &size), UV_EINVAL);
  size = sizeof(wide);
  assert_int_equal(zuv__option_answer_int(events, 3, wide, &size), 0);
  assert_int_equal(size, sizeof(int));
  assert_int_equal(wide[0], 3);
  assert_int_equal(wide[1], 0);

  size = 3;
  assert_int_equal(zuv__option_answer_bytes(endpoint, "abc", 3, text, &size),
                   UV_EINVAL);
  assert_int_equal(size, 3);
  size = sizeof(text);
  memset(text, 'x', sizeof(text));
  assert_int_equal(zuv__option_answer_bytes(endpoint, "abc", 3, text, &size),
                   0);
  assert_int_equal(size, 4);
  assert_memory_equal(text, "abc\0\0\0\0\0", 8);

  size = 0;
  assert_int_equal(zuv__option_answer_bytes(endpoint, "", 0, NULL, &size),
                   UV_EINVAL);
  assert_int_equal(zuv__option_answer_bytes(routing_id, NULL, 0, NULL, &size),
                   0);
}

static void a_copy_keeps_its_values(void **state) {
  zuv__options_t options;
  zuv__options_t copy;

  (void)state;
  zuv__options_init(&options, ZUV_DEALER);
  assert_int_equal(set_bytes(&options, ZUV_ROUTING_ID, "one", 3), 0);
  copy = options;
  assert_int_equal(set_bytes(&options, ZUV_ROUTING_ID, "three", 5), 0);
  assert_int_equal(copy.routing_id_size, 3);
  assert_memory_equal(copy.routing_id, "one", 3);
}

static void a_clone_shares_nothing(void **state) {
  zuv__options_t options;
  zuv__options_t clone;

  (void)state;
  zuv__options_init(&options, ZUV_DEALER);
  assert_int_equal(set_bytes(&options, ZUV_HELLO_MSG, "hello", 5), 0);
  assert_int_equal(set_int(&options, ZUV_LINGER, 7), 0);
  assert_int_equal(zuv__options_clone(&clone, &options), 0);
  assert_ptr_not_equal(clone.bytes[ZUV__BYTES_HELLO_MSG],
                       options.bytes[ZUV__BYTES_HELLO_MSG]);
  assert_int_equal(options.bytes[ZUV__BYTES_HELLO_MSG]->references, 1);
  zuv__options_destroy(&options);
  assert_int_equal(clone.linger, 7);
  assert_int_equal(clone.bytes[ZUV__BYTES_HELLO_MSG]->size, 5);
  assert_memory_equal(clone.bytes[ZUV__BYTES_HELLO_MSG]->data, "hello", 6);
  assert_null(clone.bytes[ZUV__BYTES_HICCUP_MSG]);
  zuv__options_destroy(&clone);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_sound),
      cmocka_unit_test(unknown_numbers_are_invalid),
      cmocka_unit_test(unknown_socket_types_are_invalid),
      cmocka_unit_test(unsupported_options_say_so),
      cmocka_unit_test(unsupported_options_are_the_listed_ones),
      cmocka_unit_test(wrong_direction_or_socket_type_is_invalid),
      cmocka_unit_test(new_sockets_have_the_initial_values),
      cmocka_unit_test(numbers_are_kept_within_their_range),
      cmocka_unit_test(numbers_have_one_size),
      cmocka_unit_test(null_is_never_read_or_written),
      cmocka_unit_test(strings_and_blobs_are_kept_within_their_length),
      cmocka_unit_test(a_refused_blob_leaves_the_old_one),
      cmocka_unit_test(a_shorter_blob_leaves_nothing_of_the_old_one),
      cmocka_unit_test(a_device_name_may_come_with_its_nul),
      cmocka_unit_test(options_belong_to_the_sockets_of_libzmq),
      cmocka_unit_test(special_options_are_left_to_the_caller),
      cmocka_unit_test(the_well_known_defaults_hold),
      cmocka_unit_test(linger_is_zero_for_subscribers),
      cmocka_unit_test(ipv4only_is_the_opposite_of_ipv6),
      cmocka_unit_test(affinity_names_the_one_thread_there_is),
      cmocka_unit_test(batch_sizes_are_set_or_not),
      cmocka_unit_test(multicast_options_are_kept),
      cmocka_unit_test(keepalive_takes_what_the_kernel_takes),
      cmocka_unit_test(verbose_and_verboser_share_their_flags),
      cmocka_unit_test(manual_last_value_implies_manual),
      cmocka_unit_test(publishers_subscribe_only_in_manual_mode),
      cmocka_unit_test(callers_answer_with_the_same_size_rules),
      cmocka_unit_test(a_copy_keeps_its_values),
      cmocka_unit_test(a_clone_shares_nothing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
