#include "keys.h"

#include <sodium.h>
#include <string.h>

#include "../bench.h"

/* Of all bytes zero: not yet made. */
static void make(keys_t *keys, uint8_t number) {
  uint8_t seed[crypto_box_SEEDBYTES];

  if (!sodium_is_zero(keys->secret_key, sizeof(keys->secret_key)))
    return;
  bench_require(sodium_init() >= 0, "sodium_init");
  memset(seed, number, sizeof(seed));
  crypto_box_seed_keypair(keys->public_key, keys->secret_key, seed);
}

const keys_t *keys_of_server(void) {
  static keys_t keys;

  make(&keys, 1);
  return &keys;
}

const keys_t *keys_of_client(void) {
  static keys_t keys;

  make(&keys, 2);
  return &keys;
}
