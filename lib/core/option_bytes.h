/* Values of options that are too large or too seldom used to be kept in every
 * copy of the options: bytes in a block of their own, counted and never
 * changed, which the copies share. NULL is the empty value. A block belongs to
 * one loop.
 *
 * UV_ENOMEM: nothing has changed. */
#ifndef ZUV_CORE_OPTION_BYTES_H
#define ZUV_CORE_OPTION_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct zuv__option_bytes_s {
  size_t references;
  size_t size;
  uint8_t data[]; /* a NUL follows, which `size` does not count */
} zuv__option_bytes_t;

/* Replaces the value by a copy of these bytes; of none by NULL. */
int zuv__option_bytes_set(zuv__option_bytes_t **value, const void *data,
                          size_t size);

/* Replaces the value by one that goes on with these bytes. */
int zuv__option_bytes_append(zuv__option_bytes_t **value, const void *data,
                             size_t size);

/* One more reference, also of NULL. */
zuv__option_bytes_t *zuv__option_bytes_share(zuv__option_bytes_t *value);

/* Gives a reference up. The last one wipes the block: it may be a password. */
void zuv__option_bytes_release(zuv__option_bytes_t *value);

#endif /* ZUV_CORE_OPTION_BYTES_H */
