/* Setting and reading options by the table in options_table.c. See options.h
 * for who calls this and what can fail. */
#include "core/options.h"

#include <assert.h>
#include <string.h>

#include "core/accept_filters.h"
#include "core/metadata_option.h"
#include "core/security_options.h"
#include "security/secret.h"

const zuv__option_t *zuv__option_find(int number) {
  const zuv__option_t *option;

  if (number >= 0 && number < ZUV__OPTION_LIMIT)
    option = &zuv__option_table[number];
  else if (number >= ZUV__OPTION_OWN && number < ZUV__OPTION_END)
    option = &zuv__own_option_table[number - ZUV__OPTION_OWN];
  else
    return NULL;
  return option->name == NULL ? NULL : option;
}

static int is_number(const zuv__option_t *option) {
  return option->type != ZUV__OPTION_STRING && option->type != ZUV__OPTION_BLOB;
}

static size_t number_size(const zuv__option_t *option) {
  if (option->type == ZUV__OPTION_INT64 || option->type == ZUV__OPTION_UINT64)
    return sizeof(int64_t);
  return sizeof(int);
}

/* The value in a caller's or an options struct's memory. Unsigned values pass
 * through with their bits unchanged. */
static int64_t load(const zuv__option_t *option, const void *memory) {
  int64_t wide;
  int narrow;

  if (number_size(option) == sizeof(wide)) {
    memcpy(&wide, memory, sizeof(wide));
    return wide;
  }
  memcpy(&narrow, memory, sizeof(narrow));
  return narrow;
}

static void save(const zuv__option_t *option, void *memory, int64_t value) {
  int narrow = (int)value;

  if (number_size(option) == sizeof(value))
    memcpy(memory, &value, sizeof(value));
  else
    memcpy(memory, &narrow, sizeof(narrow));
}

/* From what the caller says to what is stored, and back. */
static int64_t convert(const zuv__option_t *option, int64_t value) {
  if (option->type == ZUV__OPTION_FLAG)
    return value != 0;
  if (option->type == ZUV__OPTION_INVERSE_FLAG)
    return value == 0;
  return value;
}

static void init_from(zuv__options_t *options, const zuv__option_t *table,
                      size_t count) {
  for (const zuv__option_t *option = table; option < table + count; option++)
    if (option->name != NULL && option->handling == ZUV__OPTION_PLAIN &&
        is_number(option))
      save(option, (char *)options + option->offset,
           convert(option, option->initial));
}

void zuv__options_init(zuv__options_t *options, int socket_type) {
  memset(options, 0, sizeof(*options));
  init_from(options, zuv__option_table, ZUV__OPTION_LIMIT);
  init_from(options, zuv__own_option_table, ZUV__OPTION_END - ZUV__OPTION_OWN);
  options->type = socket_type;
  if (socket_type == ZUV_SUB || socket_type == ZUV_XSUB)
    options->linger = 0;
}

void zuv__options_copy(zuv__options_t *to, const zuv__options_t *from) {
  *to = *from;
  for (int i = 0; i < ZUV__BYTES_COUNT; i++)
    to->bytes[i] = zuv__option_bytes_share(from->bytes[i]);
}

int zuv__options_clone(zuv__options_t *to, const zuv__options_t *from) {
  *to = *from;
  memset(to->bytes, 0, sizeof(to->bytes));
  for (int i = 0; i < ZUV__BYTES_COUNT; i++) {
    const zuv__option_bytes_t *bytes = from->bytes[i];
    int err = bytes == NULL ? 0
                            : zuv__option_bytes_set(&to->bytes[i], bytes->data,
                                                    bytes->size);
    if (err != 0) {
      zuv__options_destroy(to);
      return err;
    }
  }
  return 0;
}

void zuv__options_destroy(zuv__options_t *options) {
  for (int i = 0; i < ZUV__BYTES_COUNT; i++) {
    zuv__option_bytes_release(options->bytes[i]);
    options->bytes[i] = NULL;
  }
  zuv__wipe(&options->security, sizeof(options->security));
}

/* The checks that set and get share. `access` is the direction. */
static int look_up(int number, int socket_type, unsigned int access,
                   const zuv__option_t **option) {
  *option = zuv__option_find(number);
  if (*option == NULL)
    return UV_EINVAL;
  if ((*option)->handling == ZUV__OPTION_UNSUPPORTED)
    return UV_ENOTSUP;
  if (socket_type < ZUV_PAIR || socket_type > ZUV_STREAM)
    return UV_EINVAL;
  if (((*option)->socket_types & (1u << socket_type)) == 0)
    return UV_EINVAL;
  if (((*option)->access & access) == 0)
    return UV_EINVAL;
  return 0;
}

/* The range, and values within it that cannot be honoured all the same. */
static int check_number(const zuv__option_t *option, int64_t value) {
  switch (option->number) {
    /* the kernel refuses 0, and every connection would fail */
    case ZUV_TCP_KEEPALIVE_CNT:
    case ZUV_TCP_KEEPALIVE_IDLE:
    case ZUV_TCP_KEEPALIVE_INTVL:
      if (value == 0)
        return UV_EINVAL;
      break;
    /* the loop is the one thread there is */
    case ZUV_AFFINITY:
      if (value != 0 && (value & 1) == 0)
        return UV_ENOTSUP;
      break;
    default:
      break;
  }
  if (value < option->min || value > option->max)
    return UV_EINVAL;
  return 0;
}

/* Options that change others besides their own value. */
static void set_dependents(zuv__options_t *options, int number) {
  switch (number) {
    case ZUV_XPUB_VERBOSE:
      options->xpub_verboser = 0;
      break;
    case ZUV_XPUB_VERBOSER:
      options->xpub_verbose = options->xpub_verboser;
      break;
    case ZUV_HEARTBEAT_TTL:
      options->heartbeat_ttl -= options->heartbeat_ttl % 100;
      break;
    case ZUV_IN_BATCH_SIZE:
      options->in_batch_is_set = 1;
      break;
    case ZUV_OUT_BATCH_SIZE:
      options->out_batch_is_set = 1;
      break;
    case ZUV_XPUB_MANUAL_LAST_VALUE:
      options->xpub_manual = options->xpub_manual_last_value;
      break;
    default:
      break;
  }
}

static int set_number(zuv__options_t *options, const zuv__option_t *option,
                      const void *value, size_t size) {
  int64_t number;
  int status;

  if (value == NULL || size != number_size(option))
    return UV_EINVAL;
  number = load(option, value);
  status = check_number(option, number);
  if (status != 0)
    return status;
  if (option->handling == ZUV__OPTION_SPECIAL)
    return ZUV__OPTION_SPECIAL;
  save(option, (char *)options + option->offset, convert(option, number));
  set_dependents(options, option->number);
  return 0;
}

static int set_bytes(zuv__options_t *options, const zuv__option_t *option,
                     const void *value, size_t size) {
  char *field = (char *)options + option->offset;

  if (value == NULL && size != 0)
    return UV_EINVAL;
  if (size > (uint64_t)option->max)
    return UV_EINVAL;
  /* NULL empties a text, whatever the least length of one. */
  if (size < (uint64_t)option->min &&
      (value != NULL || option->type != ZUV__OPTION_STRING))
    return UV_EINVAL;
  if (option->handling == ZUV__OPTION_SPECIAL)
    return ZUV__OPTION_SPECIAL;
  /* Copied first: the value may be the field itself. */
  if (size != 0)
    memmove(field, value, size);
  memset(field + size, 0, option->size - size);
  if (option->type == ZUV__OPTION_BLOB)
    *(unsigned char *)(field + option->size) = (unsigned char)size;
  return 0;
}

static int set_counted(zuv__options_t *options, const zuv__option_t *option,
                       const void *value, size_t size) {
  if (value == NULL
          ? size != 0
          : size < (uint64_t)option->min || size > (uint64_t)option->max)
    return UV_EINVAL;
  return zuv__option_bytes_set(&options->bytes[option->offset], value, size);
}

int zuv__options_set(zuv__options_t *options, int socket_type, int number,
                     const void *value, size_t size) {
  const zuv__option_t *option;
  int status;

  status = look_up(number, socket_type, ZUV__OPTION_SET, &option);
  if (status != 0)
    return status;
  if ((number == ZUV_SUBSCRIBE || number == ZUV_UNSUBSCRIBE) &&
      socket_type != ZUV_SUB && !options->xpub_manual)
    return UV_EINVAL;
  if (option->handling == ZUV__OPTION_SECURITY)
    return zuv__security_option_set(&options->security, option, value, size);
  if (option->handling == ZUV__OPTION_METADATA)
    return zuv__metadata_option_set(&options->bytes[option->offset], value,
                                    size);
  if (option->handling == ZUV__OPTION_BYTES)
    return set_counted(options, option, value, size);
  if (option->handling == ZUV__OPTION_FILTER)
    return zuv__accept_filters_set(options, option, value, size);
  if (is_number(option))
    return set_number(options, option, value, size);
  return set_bytes(options, option, value, size);
}

/* Whether the buffer of a get can take an answer of `length` bytes. */
static int check_buffer(const zuv__option_t *option, size_t length,
                        const void *value, const size_t *size) {
  if (size == NULL || (value == NULL && *size != 0))
    return UV_EINVAL;
  if (*size < length)
    return UV_EINVAL;
  if (is_number(option) && *size != length &&
      (option->access & ZUV__OPTION_GET_WIDE) == 0)
    return UV_EINVAL;
  return 0;
}

/* `room` is the length with the NUL of a string. */
static int answer(const zuv__option_t *option, const void *bytes, size_t length,
                  size_t room, void *value, size_t *size) {
  int status = check_buffer(option, room, value, size);

  if (status != 0)
    return status;
  if (length != 0)
    memcpy(value, bytes, length);
  if (*size != length)
    memset((char *)value + length, 0, *size - length);
  *size = room;
  return 0;
}

int zuv__option_answer_int(const zuv__option_t *option, int number, void *value,
                           size_t *size) {
  assert(is_number(option) && number_size(option) == sizeof(number));
  return answer(option, &number, sizeof(number), sizeof(number), value, size);
}

int zuv__option_answer_bytes(const zuv__option_t *option, const void *bytes,
                             size_t length, void *value, size_t *size) {
  assert(!is_number(option));
  if (option->type == ZUV__OPTION_STRING)
    return answer(option, bytes, length, length + 1, value, size);
  return answer(option, bytes, length, length, value, size);
}

static int get_number(const zuv__option_t *option, int64_t number, void *value,
                      size_t *size) {
  if (number_size(option) == sizeof(int))
    return zuv__option_answer_int(option, (int)number, value, size);
  return answer(option, &number, sizeof(number), sizeof(number), value, size);
}

/* What a SPECIAL get can be refused for before its answer is known. */
static int check_special(const zuv__option_t *option, const void *value,
                         const size_t *size) {
  size_t least = 0;
  int status;

  if (is_number(option))
    least = number_size(option);
  else if (option->type == ZUV__OPTION_STRING)
    least = 1;
  status = check_buffer(option, least, value, size);
  return status != 0 ? status : ZUV__OPTION_SPECIAL;
}

int zuv__options_get(const zuv__options_t *options, int socket_type, int number,
                     void *value, size_t *size) {
  const zuv__option_t *option;
  const zuv__option_bytes_t *bytes;
  const char *field;
  int status;

  status = look_up(number, socket_type, ZUV__OPTION_GET, &option);
  if (status != 0)
    return status;
  if (option->handling == ZUV__OPTION_SPECIAL)
    return check_special(option, value, size);
  if (option->handling == ZUV__OPTION_SECURITY)
    return zuv__security_option_get(&options->security, option, value, size);
  if (option->handling == ZUV__OPTION_CONSTANT)
    return get_number(option, option->initial, value, size);

  if (option->handling == ZUV__OPTION_BYTES) {
    bytes = options->bytes[option->offset];
    return zuv__option_answer_bytes(option, bytes == NULL ? NULL : bytes->data,
                                    bytes == NULL ? 0 : bytes->size, value,
                                    size);
  }
  field = (const char *)options + option->offset;
  if (is_number(option))
    return get_number(option, convert(option, load(option, field)), value,
                      size);
  if (option->type == ZUV__OPTION_STRING)
    return zuv__option_answer_bytes(option, field, strlen(field), value, size);
  return zuv__option_answer_bytes(
      option, field, *(const unsigned char *)(field + option->size), value,
      size);
}
