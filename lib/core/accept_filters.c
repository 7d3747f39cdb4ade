#include "core/accept_filters.h"

#include <arpa/inet.h>
#include <string.h>
#include <uv.h>

enum { ADDRESS_TEXT_MAX = 45, BITS_MAX = 128, MAPPED_BITS = 96 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ---- Parsing ---- */

static bool parse_v4(const char *text, uint8_t *address) {
  if (inet_pton(AF_INET, text, address + sizeof(mapped)) != 1)
    return false;
  memcpy(address, mapped, sizeof(mapped));
  return true;
}

static bool parse_v6(char *text, size_t size, uint8_t *address) {
  if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
    text[size - 1] = '\0';
    text++;
  }
  return inet_pton(AF_INET6, text, address) == 1;
}

/* Digits alone, up to the greatest prefix. */
static int parse_bits(const char *text, size_t size) {
  int bits = 0;

  if (size == 0 || size > 3)
    return -1;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    bits = bits * 10 + (text[i] - '0');
  }
  return bits > BITS_MAX ? -1 : bits;
}

int zuv__address_filter_parse(const char *text, size_t size, bool ipv6,
                              zuv__address_filter_t *out) {
  const char *slash = memchr(text, '/', size);
  size_t length = slash == NULL ? size : (size_t)(slash - text);
  char address[ADDRESS_TEXT_MAX + sizeof("[]")];
  int bits = BITS_MAX;
  bool v4;

  if (length >= sizeof(address) || memchr(text, '\0', size) != NULL)
    return UV_EINVAL;
  memcpy(address, text, length);
  address[length] = '\0';
  v4 = parse_v4(address, out->address);
  if (!v4 && (!ipv6 || !parse_v6(address, length, out->address)))
    return UV_EINVAL;
  if (slash != NULL) {
    bits = parse_bits(slash + 1, size - length - 1);
    /* libzmq counts them in the mapped address when IPV6 is on, so that
     * 10.0.0.0/8 lets everybody in. */
    if (v4 && bits >= 0 && bits <= 32)
      bits += MAPPED_BITS;
    else if (v4 && (!ipv6 || bits < MAPPED_BITS))
      bits = -1;
  }
  if (bits < 0)
    return UV_EINVAL;
  out->bits = (uint8_t)bits;
  return 0;
}

/* ---- Keeping ---- */

static bool has(const zuv__option_bytes_t *all, const void *one, size_t size) {
  for (size_t i = 0; all != NULL && i < all->size; i += size)
    if (memcmp(all->data + i, one, size) == 0)
      return true;
  return false;
}

static int add(zuv__option_bytes_t **all, const void *one, size_t size) {
  return has(*all, one, size) ? 0 : zuv__option_bytes_append(all, one, size);
}

int zuv__accept_filters_set(zuv__options_t *options,
                            const zuv__option_t *option, const void *value,
                            size_t size) {
  zuv__option_bytes_t **all = &options->bytes[option->offset];
  zuv__address_filter_t filter;
  int err;

  if (value == NULL)
    return size == 0 ? zuv__option_bytes_set(all, NULL, 0) : UV_EINVAL;
  if (option->type == ZUV__OPTION_INT)
    return size == sizeof(int) ? add(all, value, size) : UV_EINVAL;
  if (size < (size_t)option->min || size > (size_t)option->max)
    return UV_EINVAL;
  /* As libzmq takes it: a text may come with its NUL. */
  if (((const char *)value)[size - 1] == '\0')
    size--;
  err = zuv__address_filter_parse(value, size, options->ipv6 != 0, &filter);
  return err != 0 ? err : add(all, &filter, sizeof(filter));
}

/* ---- Matching ---- */

static bool equal_bits(const uint8_t *one, const uint8_t *other,
                       unsigned bits) {
  unsigned whole = bits / 8;
  unsigned left = 8 - bits % 8;

  if (memcmp(one, other, whole) != 0)
    return false;
  return left == 8 || one[whole] >> left == other[whole] >> left;
}

bool zuv__accept_filters_match_address(
    const zuv__options_t *options,
    const uint8_t address[ZUV__FILTER_ADDRESS_SIZE]) {
  const zuv__option_bytes_t *all =
      options->bytes[ZUV__BYTES_TCP_ACCEPT_FILTERS];
  zuv__address_filter_t filter;

  for (size_t i = 0; all != NULL && i < all->size; i += sizeof(filter)) {
    memcpy(&filter, all->data + i, sizeof(filter));
    if (equal_bits(filter.address, address, filter.bits))
      return true;
  }
  return all == NULL;
}

static bool has_id(const zuv__options_t *options, int which, int id) {
  return has(options->bytes[which], &id, sizeof(id));
}

bool zuv__accept_filters_match_credentials(const zuv__options_t *options,
                                           const zuv__process_t *credentials) {
  return !zuv__accept_filters_of_ipc(options) ||
         has_id(options, ZUV__BYTES_IPC_FILTER_PIDS, credentials->pid) ||
         has_id(options, ZUV__BYTES_IPC_FILTER_UIDS, credentials->uid) ||
         has_id(options, ZUV__BYTES_IPC_FILTER_GIDS, credentials->gid);
}

bool zuv__accept_filters_match_group(const zuv__options_t *options, int gid) {
  return has_id(options, ZUV__BYTES_IPC_FILTER_GIDS, gid);
}
