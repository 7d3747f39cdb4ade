/* Keys and Z85 for the application. Fails for text that is no Z85, and without
 * a source of randomness. */
#include <string.h>

#include "security/curve_keys.h"
#include "security/secret.h"
#include "security/z85.h"
#include "zuv.h"

_Static_assert((int)ZUV_CURVE_KEY_SIZE == (int)ZUV__CURVE_KEY_SIZE,
               "the size of a key");
_Static_assert((int)ZUV_CURVE_KEY_TEXT_SIZE == ZUV__CURVE_KEY_TEXT_SIZE + 1,
               "the size of a key as text");

int zuv_curve_keypair(char public_key[ZUV_CURVE_KEY_TEXT_SIZE],
                      char secret_key[ZUV_CURVE_KEY_TEXT_SIZE]) {
  uint8_t public_bytes[ZUV__CURVE_KEY_SIZE];
  uint8_t secret_bytes[ZUV__CURVE_KEY_SIZE];

  if (public_key == NULL || secret_key == NULL)
    return UV_EINVAL;
  if (!zuv__curve_keypair(public_bytes, secret_bytes))
    return UV_EIO;
  zuv__z85_encode(public_key, public_bytes, sizeof(public_bytes));
  zuv__z85_encode(secret_key, secret_bytes, sizeof(secret_bytes));
  zuv__wipe(secret_bytes, sizeof(secret_bytes));
  return 0;
}

int zuv_curve_public(char public_key[ZUV_CURVE_KEY_TEXT_SIZE],
                     const char *secret_key) {
  uint8_t public_bytes[ZUV__CURVE_KEY_SIZE];
  uint8_t secret_bytes[ZUV__CURVE_KEY_SIZE];
  int err = 0;

  if (public_key == NULL || secret_key == NULL ||
      strlen(secret_key) != ZUV__CURVE_KEY_TEXT_SIZE ||
      !zuv__z85_decode(secret_bytes, secret_key, ZUV__CURVE_KEY_TEXT_SIZE))
    return UV_EINVAL;
  if (zuv__curve_public(public_bytes, secret_bytes))
    zuv__z85_encode(public_key, public_bytes, sizeof(public_bytes));
  else
    err = UV_EIO;
  zuv__wipe(secret_bytes, sizeof(secret_bytes));
  return err;
}

int zuv_z85_encode(char *text, const void *data, size_t size) {
  if (text == NULL || (data == NULL && size > 0))
    return UV_EINVAL;
  return zuv__z85_encode(text, data, size) ? 0 : UV_EINVAL;
}

int zuv_z85_decode(void *data, const char *text) {
  size_t size = text == NULL ? 0 : strlen(text);

  if (data == NULL || size == 0)
    return UV_EINVAL;
  return zuv__z85_decode(data, text, size) ? 0 : UV_EINVAL;
}
