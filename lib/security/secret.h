/* Handling of secrets, for the mechanisms and for whoever keeps a secret of
 * theirs: wiping, comparing without telling where two differ, and random
 * octets. The only way to libsodium from outside this room. */
#ifndef ZUV_SECURITY_SECRET_H
#define ZUV_SECURITY_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before anything else of this room; any thread, any number of times. False:
 * the system has no source of randomness. */
bool zuv__security_init(void);

/* Overwrites memory in a way that no compiler leaves out. */
void zuv__wipe(void *memory, size_t size);

/* In a time that depends on the size only. */
bool zuv__secrets_equal(const void *a, const void *b, size_t size);

#endif /* ZUV_SECURITY_SECRET_H */
