/* What a socket's options say of security. Filled by core/security_options.c,
 * copied into every listener and connector, read by the mechanisms and by
 * authentication. It holds secrets: whoever ends a copy wipes it with
 * zuv__wipe(). */
#ifndef ZUV_SECURITY_SETTINGS_H
#define ZUV_SECURITY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum {
  ZUV__CURVE_KEY_SIZE = 32,
  ZUV__CURVE_KEY_TEXT_SIZE = 40, /* as Z85, without a NUL */
  ZUV__CREDENTIAL_MAX = 255      /* user name, password, domain */
};

typedef struct zuv__security_text_s {
  uint8_t size;
  uint8_t bytes[ZUV__CREDENTIAL_MAX + 1]; /* a NUL behind them */
} zuv__security_text_t;

typedef struct zuv__security_s {
  uint8_t mechanism; /* ZUV__MECHANISM_* */
  bool as_server;
  bool zap_enforce_domain;
  zuv__security_text_t zap_domain;
  zuv__security_text_t plain_username;
  zuv__security_text_t plain_password;
  /* All zero: not set. */
  uint8_t curve_public_key[ZUV__CURVE_KEY_SIZE];
  uint8_t curve_secret_key[ZUV__CURVE_KEY_SIZE];
  uint8_t curve_server_key[ZUV__CURVE_KEY_SIZE];
} zuv__security_t;

#endif /* ZUV_SECURITY_SETTINGS_H */
