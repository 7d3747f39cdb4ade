/* Randomness from the system, or from what a test put in its place. Called by
 * whoever needs ids, jitter or seeds; cannot fail. */
#include "base/random.h"

#include <uv.h>

/* One step of a 64-bit generator: adds a constant, then mixes. */
static uint64_t next_value(uint64_t *state) {
  uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static void random_from_clock(unsigned char *bytes, size_t size) {
  uint64_t state = uv_hrtime() ^ ((uint64_t)uv_os_getpid() << 32) ^
                   (uint64_t)(uintptr_t)bytes;
  uint64_t value = 0;
  size_t i;

  for (i = 0; i < size; i++) {
    if (i % sizeof(value) == 0)
      value = next_value(&state);
    bytes[i] = (unsigned char)value;
    value >>= 8;
  }
}

static void random_from_system(void *bytes, size_t size) {
  if (size > 0 && uv_random(NULL, NULL, bytes, size, 0, NULL) != 0)
    random_from_clock(bytes, size);
}

static zuv__random_fn source = random_from_system;

void zuv__random_replace(zuv__random_fn random) {
  source = random != NULL ? random : random_from_system;
}

void zuv__random_bytes(void *bytes, size_t size) {
  source(bytes, size);
}

uint32_t zuv__random_u32(void) {
  uint32_t value;
  source(&value, sizeof(value));
  return value;
}
