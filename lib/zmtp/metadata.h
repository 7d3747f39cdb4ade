/* Properties as READY, INITIATE and a ZAP reply carry them: a name behind one
 * length octet, a value behind four. A "block" is any number of them, raw.
 * Used by the mechanisms, by peer.c, and by whoever answers property queries.
 * Reading fails for a block that is cut or has octets left over. */
#ifndef ZUV_ZMTP_METADATA_H
#define ZUV_ZMTP_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZUV__PROPERTY_NAME_MAX = 255 };

/* Points into the block it was read from. */
typedef struct zuv__property_s {
  const uint8_t *name;
  size_t name_size; /* 1 to 255 */
  const uint8_t *value;
  size_t value_size; /* up to 2^31 - 1 */
} zuv__property_t;

/* Reads the property at *offset (0 to begin with) and moves *offset behind it.
 * 1: a property, 0: the end, -1: the block is malformed from here on. */
int zuv__metadata_next(const uint8_t *block, size_t size, size_t *offset,
                       zuv__property_t *property);

/* True when the whole block can be read. */
bool zuv__metadata_is_valid(const uint8_t *block, size_t size);

/* Finds the first property of this name, in any case (RFC 37). False when
 * there is none before the end or before the block becomes malformed. */
bool zuv__metadata_find(const uint8_t *block, size_t size, const char *name,
                        zuv__property_t *property);

/* True when the property has this name, in any case. */
bool zuv__property_is(const zuv__property_t *property, const char *name);

/* The octets that a property takes in a block. */
size_t zuv__property_size(size_t name_size, size_t value_size);

/* Writes a property to `out` and returns its size; 0, and nothing is written,
 * when it does not fit into `room`, or name or value have no legal size. */
size_t zuv__metadata_append(uint8_t *out, size_t room, const char *name,
                            size_t name_size, const void *value,
                            size_t value_size);

#endif /* ZUV_ZMTP_METADATA_H */
