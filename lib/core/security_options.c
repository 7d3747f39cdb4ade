#include "core/security_options.h"

#include <string.h>

#include "security/curve_keys.h"
#include "security/secret.h"
#include "security/z85.h"

static void choose(zuv__security_t *security, uint8_t mechanism,
                   bool as_server) {
  security->mechanism = mechanism;
  security->as_server = as_server;
}

static int set_server(zuv__security_t *security, uint8_t mechanism,
                      const void *value, size_t size) {
  int flag;

  if (value == NULL || size != sizeof(flag))
    return UV_EINVAL;
  memcpy(&flag, value, sizeof(flag));
  if (flag != 0 && flag != 1)
    return UV_EINVAL;
  choose(security, flag ? mechanism : ZUV_NULL, flag);
  return 0;
}

static int set_text(zuv__security_text_t *text, const void *value,
                    size_t size) {
  if (value == NULL || size == 0 || size > ZUV__CREDENTIAL_MAX)
    return UV_EINVAL;
  memmove(text->bytes, value, size);
  zuv__wipe(text->bytes + size, sizeof(text->bytes) - size);
  text->size = (uint8_t)size;
  return 0;
}

static int set_credential(zuv__security_t *security, zuv__security_text_t *text,
                          const void *value, size_t size) {
  int err;

  /* zmq_setsockopt(3): this way back to NULL; the text stays readable. */
  if (value == NULL && size == 0) {
    choose(security, ZUV_NULL, security->as_server);
    return 0;
  }
  err = set_text(text, value, size);
  if (err == 0)
    choose(security, ZUV_PLAIN, false);
  return err;
}

static int read_key(uint8_t key[ZUV__CURVE_KEY_SIZE], const void *value,
                    size_t size) {
  uint8_t bytes[ZUV__CURVE_KEY_SIZE];
  const char *text = value;
  int err = 0;

  if (value == NULL)
    return UV_EINVAL;
  if (size == ZUV__CURVE_KEY_SIZE) {
    memmove(key, value, ZUV__CURVE_KEY_SIZE);
    return 0;
  }
  if (size == ZUV__CURVE_KEY_TEXT_SIZE + 1 &&
      text[ZUV__CURVE_KEY_TEXT_SIZE] == '\0')
    size = ZUV__CURVE_KEY_TEXT_SIZE;
  if (size != ZUV__CURVE_KEY_TEXT_SIZE || !zuv__z85_decode(bytes, text, size))
    err = UV_EINVAL;
  else
    memcpy(key, bytes, sizeof(bytes));
  zuv__wipe(bytes, sizeof(bytes));
  return err;
}

static int set_key(zuv__security_t *security, uint8_t *key, const void *value,
                   size_t size, bool as_server) {
  int err = read_key(key, value, size);

  if (err == 0)
    choose(security, ZUV_CURVE, as_server);
  return err;
}

static int set_enforce_domain(zuv__security_t *security, const void *value,
                              size_t size) {
  int flag;

  if (value == NULL || size != sizeof(flag))
    return UV_EINVAL;
  memcpy(&flag, value, sizeof(flag));
  security->zap_enforce_domain = flag != 0;
  return 0;
}

int zuv__security_option_set(zuv__security_t *security,
                             const zuv__option_t *option, const void *value,
                             size_t size) {
  switch (option->number) {
    case ZUV_PLAIN_SERVER:
      return set_server(security, ZUV_PLAIN, value, size);
    case ZUV_CURVE_SERVER:
      return set_server(security, ZUV_CURVE, value, size);
    case ZUV_PLAIN_USERNAME:
      return set_credential(security, &security->plain_username, value, size);
    case ZUV_PLAIN_PASSWORD:
      return set_credential(security, &security->plain_password, value, size);
    case ZUV_CURVE_PUBLICKEY:
      return set_key(security, security->curve_public_key, value, size,
                     security->as_server);
    case ZUV_CURVE_SECRETKEY:
      return set_key(security, security->curve_secret_key, value, size,
                     security->as_server);
    case ZUV_CURVE_SERVERKEY:
      return set_key(security, security->curve_server_key, value, size, false);
    case ZUV_ZAP_DOMAIN:
      return set_text(&security->zap_domain, value, size);
    case ZUV_ZAP_ENFORCE_DOMAIN:
      return set_enforce_domain(security, value, size);
    default:
      return UV_EINVAL;
  }
}

/* As bytes or as text, whichever the buffer is made for. */
static int get_key(const uint8_t *key, void *value, size_t *size) {
  if (value == NULL || size == NULL)
    return UV_EINVAL;
  if (*size == ZUV__CURVE_KEY_SIZE) {
    memcpy(value, key, ZUV__CURVE_KEY_SIZE);
    return 0;
  }
  if (*size != ZUV__CURVE_KEY_TEXT_SIZE + 1)
    return UV_EINVAL;
  zuv__z85_encode(value, key, ZUV__CURVE_KEY_SIZE);
  return 0;
}

static int get_text(const zuv__security_text_t *text,
                    const zuv__option_t *option, void *value, size_t *size) {
  return zuv__option_answer_bytes(option, text->bytes, text->size, value, size);
}

int zuv__security_option_get(const zuv__security_t *security,
                             const zuv__option_t *option, void *value,
                             size_t *size) {
  switch (option->number) {
    case ZUV_MECHANISM:
      return zuv__option_answer_int(option, security->mechanism, value, size);
    case ZUV_PLAIN_SERVER:
      return zuv__option_answer_int(
          option, security->mechanism == ZUV_PLAIN && security->as_server,
          value, size);
    case ZUV_CURVE_SERVER:
      return zuv__option_answer_int(
          option, security->mechanism == ZUV_CURVE && security->as_server,
          value, size);
    case ZUV_PLAIN_USERNAME:
      return get_text(&security->plain_username, option, value, size);
    case ZUV_PLAIN_PASSWORD:
      return get_text(&security->plain_password, option, value, size);
    case ZUV_CURVE_PUBLICKEY:
      return get_key(security->curve_public_key, value, size);
    case ZUV_CURVE_SECRETKEY:
      return get_key(security->curve_secret_key, value, size);
    case ZUV_CURVE_SERVERKEY:
      return get_key(security->curve_server_key, value, size);
    case ZUV_ZAP_DOMAIN:
      return get_text(&security->zap_domain, option, value, size);
    case ZUV_ZAP_ENFORCE_DOMAIN:
      return zuv__option_answer_int(option, security->zap_enforce_domain, value,
                                    size);
    default:
      return UV_EINVAL;
  }
}

int zuv__security_prepare(zuv__security_t *security) {
  static const uint8_t not_set[ZUV__CURVE_KEY_SIZE];

  if (security->mechanism != ZUV_CURVE)
    return 0;
  if (!zuv__security_init())
    return UV_EIO;
  /* It would be a key, but one that everybody knows. */
  if (security->as_server &&
      zuv__secrets_equal(security->curve_secret_key, not_set, sizeof(not_set)))
    return UV_EINVAL;
  /* A server may be told its secret key only, and what it was told as its
   * public key may not belong to it. */
  if (security->as_server && !zuv__curve_public(security->curve_public_key,
                                                security->curve_secret_key))
    return UV_EIO;
  return 0;
}
