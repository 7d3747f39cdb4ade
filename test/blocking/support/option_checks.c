#include "option_checks.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
  LONG = 1000, /* a text where there is no limit */
  ROOM = LONG + 16,
  FILL = 0xaa, /* what a get has to leave, or to replace */
  KEY_SIZE = 32,
  KEY_TEXT = 40,
  SUB = 2,
  XPUB_MANUAL = 71
};

static const size_t some_sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 41, 255};
enum { SOME = sizeof(some_sizes) / sizeof(some_sizes[0]) };

static void require(int actual, int expected, const char *what,
                    const option_fact_t *fact, int type, int64_t value) {
  if (actual != expected)
    fail_msg("%s of %s on type %d, value or size %lld: %d instead of %d", what,
             fact->name, type, (long long)value, actual, expected);
}

static void require_that(bool holds, const char *what,
                         const option_fact_t *fact, int type, int64_t value) {
  require(holds, true, what, fact, type, value);
}

/* ---- What a row says ---- */

static bool is_text(const option_fact_t *fact) {
  return fact->kind == OPTION_TEXT || fact->kind == OPTION_BYTES;
}

static bool is_number(const option_fact_t *fact) {
  return !is_text(fact) && fact->kind != OPTION_KEY;
}

static size_t number_size(const option_fact_t *fact) {
  return fact->kind == OPTION_WIDE ? sizeof(int64_t) : sizeof(int);
}

static int64_t reads_as(const option_fact_t *fact, int64_t value) {
  if (fact->kind == OPTION_FLAG)
    return value != 0;
  return fact->kind == OPTION_TENTHS ? value / 100 * 100 : value;
}

/* The library knows the number, and no more. */
static bool is_missing(const option_api_t *api, const option_fact_t *fact) {
  if (fact->marks & OPTION_ONLY_NATIVE)
    return !api->is_native;
  return (fact->marks &
          (unsigned)(api->is_zuv ? OPTION_NOT_OURS : OPTION_NOT_DEBIANS)) != 0;
}

static bool can(const option_api_t *api, const option_fact_t *fact, int type,
                unsigned access) {
  return !is_missing(api, fact) && (fact->types & (1u << type)) != 0 &&
         (fact->access & access) != 0;
}

static int refusal(const option_api_t *api, const option_fact_t *fact) {
  return api->is_native && is_missing(api, fact) ? -ENOTSUP : -EINVAL;
}

/* ---- Calls ---- */

static int set_number(const option_api_t *api, void *socket,
                      const option_fact_t *fact, int64_t value) {
  int narrow = (int)value;

  if (number_size(fact) == sizeof(value))
    return api->set(socket, fact->number, &value, sizeof(value));
  return api->set(socket, fact->number, &narrow, sizeof(narrow));
}

static int64_t get_number(const option_api_t *api, void *socket,
                          const option_fact_t *fact, int type) {
  int64_t wide = -12345;
  int narrow = -12345;
  size_t size = number_size(fact);
  void *value = size == sizeof(wide) ? (void *)&wide : (void *)&narrow;

  require(api->get(socket, fact->number, value, &size), 0, "get", fact, type,
          0);
  require_that(size == number_size(fact), "size", fact, type, (int64_t)size);
  return size == sizeof(wide) ? wide : narrow;
}

static void turn_manual_on(const option_api_t *api, void *socket,
                           const option_fact_t *fact, int type) {
  int one = 1;

  if ((fact->marks & OPTION_IF_MANUAL) && type != SUB)
    assert_int_equal(api->set(socket, XPUB_MANUAL, &one, sizeof(one)), 0);
}

void option_check_all(const option_api_t *api, void *state,
                      option_check_t check) {
  for (size_t i = 0; i < option_fact_count; i++) {
    for (int type = 0; type < OPTION_SOCKET_TYPES; type++) {
      void *socket = api->open(state, type);
      check(api, socket, &option_facts[i], type);
      api->close(state, socket);
    }
  }
}

/* ---- The default ---- */

static void check_default_text(const option_api_t *api, void *socket,
                               const option_fact_t *fact, int type) {
  char bytes[ROOM];
  size_t size = sizeof(bytes);

  require(api->get(socket, fact->number, bytes, &size), 0, "get", fact, type,
          0);
  require((int)size, fact->kind == OPTION_TEXT ? 1 : 0, "size", fact, type, 0);
}

static void check_default_key(const option_api_t *api, void *socket,
                              const option_fact_t *fact, int type) {
  static const unsigned char zeros[KEY_SIZE];
  unsigned char key[KEY_SIZE];
  size_t size = sizeof(key);

  require(api->get(socket, fact->number, key, &size), 0, "get", fact, type, 0);
  assert_memory_equal(key, zeros, sizeof(key));
}

void option_check_default(const option_api_t *api, void *socket,
                          const option_fact_t *fact, int type) {
  int64_t value;

  if (!can(api, fact, type, OPTION_GET))
    return;
  if (is_text(fact)) {
    check_default_text(api, socket, fact, type);
  } else if (fact->kind == OPTION_KEY) {
    check_default_key(api, socket, fact, type);
  } else {
    value = get_number(api, socket, fact, type);
    require_that((fact->marks & OPTION_OWN_VALUE)
                     ? value >= 0
                     : value == option_initial(fact, type),
                 "default", fact, type, value);
  }
}

/* ---- Numbers ---- */

static void check_refused_number(const option_api_t *api, void *socket,
                                 const option_fact_t *fact, int type,
                                 int64_t value) {
  bool readable = (fact->access & OPTION_GET) != 0;
  int64_t before = readable ? get_number(api, socket, fact, type) : 0;

  require(set_number(api, socket, fact, value), -EINVAL, "set", fact, type,
          value);
  if (readable)
    require_that(get_number(api, socket, fact, type) == before,
                 "get after a refused set", fact, type, value);
}

void option_check_numbers(const option_api_t *api, void *socket,
                          const option_fact_t *fact, int type) {
  if (!can(api, fact, type, OPTION_SET) || !is_number(fact))
    return;
  for (size_t i = 0; i < fact->bad_count; i++)
    check_refused_number(api, socket, fact, type, fact->bad[i]);
  for (size_t i = 0; i < fact->good_count; i++) {
    int64_t value = fact->good[i];
    require(set_number(api, socket, fact, value), 0, "set", fact, type, value);
    if (fact->access & OPTION_GET)
      require_that(get_number(api, socket, fact, type) == reads_as(fact, value),
                   "get after a set", fact, type, value);
  }
  for (size_t i = 0; i < fact->bad_count; i++)
    check_refused_number(api, socket, fact, type, fact->bad[i]);
  for (size_t i = 0; i < fact->harmful_count && api->is_zuv; i++)
    check_refused_number(api, socket, fact, type, fact->harmful[i]);
}

/* ---- Sizes ---- */

static bool has_size(const option_fact_t *fact, size_t size) {
  if (fact->kind == OPTION_KEY)
    return size == KEY_SIZE || size == KEY_TEXT + 1;
  return size == number_size(fact);
}

static void check_get_size(const option_api_t *api, void *socket,
                           const option_fact_t *fact, int type, size_t room) {
  unsigned char value[256];
  bool larger = (fact->marks & OPTION_IN_LARGER) && room > number_size(fact);
  size_t size = room;

  memset(value, FILL, sizeof(value));
  require(api->get(socket, fact->number, value, &size),
          has_size(fact, room) || larger ? 0 : -EINVAL, "get", fact, type,
          (int64_t)room);
  for (size_t i = room; i < sizeof(value); i++)
    require(value[i], FILL, "a byte behind the buffer", fact, type,
            (int64_t)room);
  if (!larger)
    return;
  require((int)size, (int)number_size(fact), "size", fact, type, (int64_t)room);
  for (size_t i = size; i < room; i++)
    require(value[i], 0, "the rest of the buffer", fact, type, (int64_t)room);
}

static void check_set_size(const option_api_t *api, void *socket,
                           const option_fact_t *fact, int type, size_t size) {
  unsigned char value[256] = {0};

  if (has_size(fact, size) || (fact->kind == OPTION_KEY && size == KEY_TEXT))
    return;
  require(api->set(socket, fact->number, value, size), -EINVAL, "set", fact,
          type, (int64_t)size);
}

/* As bytes and as text, with a NUL or without. */
static void check_keys(const option_api_t *api, void *socket,
                       const option_fact_t *fact, int type) {
  static const char text[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
  unsigned char key[KEY_SIZE];
  char read[KEY_TEXT + 1];
  size_t size = sizeof(read);

  memset(key, 'k', sizeof(key));
  require(api->set(socket, fact->number, text, KEY_TEXT), 0, "set", fact, type,
          KEY_TEXT);
  require(api->get(socket, fact->number, read, &size), 0, "get", fact, type, 0);
  assert_string_equal(read, text);
  require(api->set(socket, fact->number, key, KEY_SIZE), 0, "set", fact, type,
          KEY_SIZE);
  memset(key, 0, sizeof(key));
  size = sizeof(key);
  require(api->get(socket, fact->number, key, &size), 0, "get", fact, type, 0);
  assert_true(key[0] == 'k' && key[KEY_SIZE - 1] == 'k');
  require(api->set(socket, fact->number, text, sizeof(text)), 0, "set", fact,
          type, sizeof(text));
}

void option_check_sizes(const option_api_t *api, void *socket,
                        const option_fact_t *fact, int type) {
  if (is_text(fact))
    return;
  for (size_t i = 0; i < SOME; i++) {
    if (can(api, fact, type, OPTION_GET))
      check_get_size(api, socket, fact, type, some_sizes[i]);
    if (!can(api, fact, type, OPTION_SET))
      continue;
    /* libzmq does not look. */
    if (api->is_zuv || !(fact->marks & OPTION_NULL_CLEARS))
      check_set_size(api, socket, fact, type, some_sizes[i]);
  }
  if (fact->kind == OPTION_KEY)
    check_keys(api, socket, fact, type);
}

/* ---- Lengths ---- */

static void check_read_back(const option_api_t *api, void *socket,
                            const option_fact_t *fact, int type,
                            const char *text, size_t length) {
  size_t nul = fact->kind == OPTION_TEXT ? 1 : 0;
  size_t size = length + nul;
  char bytes[ROOM];

  if (!(fact->access & OPTION_GET))
    return;
  memset(bytes, FILL, sizeof(bytes));
  require(api->get(socket, fact->number, bytes, &size), 0, "get", fact, type,
          (int64_t)length);
  require_that(size == length + nul, "size", fact, type, (int64_t)length);
  require_that(memcmp(bytes, text, length) == 0, "text", fact, type,
               (int64_t)length);
  size = sizeof(bytes);
  require(api->get(socket, fact->number, bytes, &size), 0, "get", fact, type,
          (int64_t)length);
  require_that(size == length + nul, "size", fact, type, (int64_t)length);
  for (size_t i = length; i < sizeof(bytes); i++)
    require(bytes[i], 0, "the rest of the buffer", fact, type, (int64_t)length);
  if (length + nul == 0)
    return;
  size = length + nul - 1;
  require(api->get(socket, fact->number, bytes, &size), -EINVAL,
          "get of too little", fact, type, (int64_t)length);
}

static void check_good_text(const option_api_t *api, void *socket,
                            const option_fact_t *fact, int type,
                            const char *text, size_t length) {
  require(api->set(socket, fact->number, text, length), 0, "set", fact, type,
          (int64_t)length);
  check_read_back(api, socket, fact, type, text, length);
}

static void check_bad_text(const option_api_t *api, void *socket,
                           const option_fact_t *fact, int type,
                           const char *text, size_t length) {
  require(api->set(socket, fact->number, text, length), -EINVAL, "set", fact,
          type, (int64_t)length);
}

static void check_some_texts(const option_api_t *api, void *socket,
                             const option_fact_t *fact, int type) {
  for (int i = 0; i < OPTION_TEXTS_MAX; i++) {
    const char *good = fact->good_texts[i];
    const char *bad = fact->bad_texts[i];
    if (good != NULL)
      check_good_text(api, socket, fact, type, good, strlen(good));
    if (bad != NULL)
      check_bad_text(api, socket, fact, type, bad, strlen(bad));
  }
}

static void check_all_lengths(const option_api_t *api, void *socket,
                              const option_fact_t *fact, int type) {
  size_t longest = fact->longest == 0 ? LONG : fact->longest;
  char text[ROOM];

  memset(text, 't', sizeof(text));
  check_good_text(api, socket, fact, type, text, longest);
  check_good_text(api, socket, fact, type, text, longest / 2);
  check_good_text(api, socket, fact, type, text, fact->shortest);
  if (fact->shortest > 0)
    check_bad_text(api, socket, fact, type, text, fact->shortest - 1);
  /* libzmq takes a longer one. */
  if (fact->longest > 0 && (api->is_zuv || (fact->access & OPTION_GET)))
    check_bad_text(api, socket, fact, type, text, longest + 1);
  check_read_back(api, socket, fact, type, text, fact->shortest);
}

void option_check_lengths(const option_api_t *api, void *socket,
                          const option_fact_t *fact, int type) {
  if (!can(api, fact, type, OPTION_SET))
    return;
  turn_manual_on(api, socket, fact, type);
  if (is_text(fact)) {
    if (fact->good_texts[0] != NULL)
      check_some_texts(api, socket, fact, type);
    else
      check_all_lengths(api, socket, fact, type);
  }
  if (is_text(fact) || api->is_zuv)
    require(api->set(socket, fact->number, NULL, 0),
            (fact->marks & OPTION_NULL_CLEARS) ? 0 : -EINVAL, "set of NULL",
            fact, type, 0);
}

/* ---- Refusals ---- */

void option_check_refusals(const option_api_t *api, void *socket,
                           const option_fact_t *fact, int type) {
  bool may_set = can(api, fact, type, OPTION_SET);
  unsigned char bytes[256] = {0};

  if ((fact->marks & OPTION_IF_MANUAL) && type != SUB)
    may_set = false;
  for (size_t i = 0; i < SOME; i++) {
    size_t size = some_sizes[i];
    if (!may_set)
      require(api->set(socket, fact->number, bytes, size), refusal(api, fact),
              "set", fact, type, (int64_t)size);
    if (!can(api, fact, type, OPTION_GET))
      require(api->get(socket, fact->number, bytes, &size), refusal(api, fact),
              "get", fact, type, (int64_t)some_sizes[i]);
  }
}

/* ---- NULL ---- */

void option_check_null(const option_api_t *api, void *socket,
                       const option_fact_t *fact, int type) {
  bool missing = is_missing(api, fact);
  int expected = missing          ? refusal(api, fact)
                 : api->is_native ? -EINVAL
                                  : -EFAULT;
  char byte = 0;

  if (!api->is_zuv)
    return;
  if (can(api, fact, type, OPTION_SET) || missing)
    for (size_t i = 1; i < SOME; i++)
      require(api->set(socket, fact->number, NULL, some_sizes[i]), expected,
              "set of NULL", fact, type, (int64_t)some_sizes[i]);
  if (!can(api, fact, type, OPTION_GET) && !missing)
    return;
  for (size_t i = 0; i < SOME; i++) {
    size_t size = some_sizes[i];
    require(api->get(socket, fact->number, NULL, &size), expected,
            "get into NULL", fact, type, (int64_t)size);
  }
  require(api->get(socket, fact->number, &byte, NULL), expected,
          "get without a size", fact, type, 0);
}
