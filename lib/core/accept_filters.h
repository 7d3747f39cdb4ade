/* Accept filters: whom a listener lets in. The values of TCP_ACCEPT_FILTER and
 * IPC_FILTER_PID, _UID and _GID as the options keep them, and whether a peer
 * matches one. No I/O: the transport says who the peer is.
 *
 * An address is IPv6 here; an IPv4 one is mapped (RFC 4291, 2.5.5.2). So a
 * filter for IPv4 counts for the same peers whether they come in by IPv4 or
 * through an IPv6 listener. Without filters everybody matches.
 *
 * UV_EINVAL: not an address, not its prefix, or a value of the wrong size.
 * UV_ENOMEM: nothing has changed. */
#ifndef ZUV_CORE_ACCEPT_FILTERS_H
#define ZUV_CORE_ACCEPT_FILTERS_H

#include <stdbool.h>

#include "core/options.h"

enum { ZUV__FILTER_ADDRESS_SIZE = 16 };

typedef struct zuv__address_filter_s {
  uint8_t address[ZUV__FILTER_ADDRESS_SIZE];
  uint8_t bits; /* that must be equal, from the first */
} zuv__address_filter_t;

/* Who is at the other end of an ipc connection. */
typedef struct zuv__process_s {
  int pid;
  int uid;
  int gid;
} zuv__process_t;

/* "ADDRESS" or "ADDRESS/BITS", numeric; IPv6 only if that is on, and then it
 * may stand in brackets. Of an IPv4 address up to 32 bits count; with IPv6 on,
 * 96 to 128 bits count from the beginning of the mapped one. */
int zuv__address_filter_parse(const char *text, size_t size, bool ipv6,
                              zuv__address_filter_t *out);

/* Adds one more filter; NULL with size 0 removes those of this option. */
int zuv__accept_filters_set(zuv__options_t *options,
                            const zuv__option_t *option, const void *value,
                            size_t size);

bool zuv__accept_filters_match_address(
    const zuv__options_t *options,
    const uint8_t address[ZUV__FILTER_ADDRESS_SIZE]);

/* Whether one of any kind names these. */
bool zuv__accept_filters_match_credentials(const zuv__options_t *options,
                                           const zuv__process_t *credentials);

/* Whether one names this group. */
bool zuv__accept_filters_match_group(const zuv__options_t *options, int gid);

static inline bool zuv__accept_filters_of_tcp(const zuv__options_t *options) {
  return options->bytes[ZUV__BYTES_TCP_ACCEPT_FILTERS] != NULL;
}

static inline bool zuv__accept_filters_of_ipc(const zuv__options_t *options) {
  return options->bytes[ZUV__BYTES_IPC_FILTER_PIDS] != NULL ||
         options->bytes[ZUV__BYTES_IPC_FILTER_UIDS] != NULL ||
         options->bytes[ZUV__BYTES_IPC_FILTER_GIDS] != NULL;
}

#endif /* ZUV_CORE_ACCEPT_FILTERS_H */
