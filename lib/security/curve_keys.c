#include "security/curve_keys.h"

#include <sodium.h>

#include "security/secret.h"

bool zuv__curve_keypair(uint8_t public_key[ZUV__CURVE_KEY_SIZE],
                        uint8_t secret_key[ZUV__CURVE_KEY_SIZE]) {
  return zuv__security_init() &&
         crypto_box_keypair(public_key, secret_key) == 0;
}

bool zuv__curve_public(uint8_t public_key[ZUV__CURVE_KEY_SIZE],
                       const uint8_t secret_key[ZUV__CURVE_KEY_SIZE]) {
  return zuv__security_init() &&
         crypto_scalarmult_base(public_key, secret_key) == 0;
}
