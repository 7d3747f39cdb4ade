/* Long-term keys of CURVE: making them, for the applications of both APIs. */
#ifndef ZUV_SECURITY_CURVE_KEYS_H
#define ZUV_SECURITY_CURVE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "security/settings.h"

/* A fresh pair. False: no randomness. */
bool zuv__curve_keypair(uint8_t public_key[ZUV__CURVE_KEY_SIZE],
                        uint8_t secret_key[ZUV__CURVE_KEY_SIZE]);

/* The public key of a secret one. False: as above. */
bool zuv__curve_public(uint8_t public_key[ZUV__CURVE_KEY_SIZE],
                       const uint8_t secret_key[ZUV__CURVE_KEY_SIZE]);

#endif /* ZUV_SECURITY_CURVE_KEYS_H */
