/* The one place where randomness comes in. Safe to call from any thread. */
#ifndef ZUV_BASE_RANDOM_H
#define ZUV_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef void (*zuv__random_fn)(void *bytes, size_t size);

uint32_t zuv__random_u32(void);

/* Never fails: when the system has no randomness to give, a generator of our
 * own seeded from the clock steps in. Good for ids, jitter and hash seeds;
 * secrets are made by the security mechanisms themselves. */
void zuv__random_bytes(void *bytes, size_t size);

/* For tests: all randomness comes from `random` from now on; NULL brings the
 * system's back. Call it while no other thread uses zuv. */
void zuv__random_replace(zuv__random_fn random);

#endif /* ZUV_BASE_RANDOM_H */
