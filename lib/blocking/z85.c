/* The functions of zmq.h around Z85 and keys. They fail with EINVAL for a text
 * that is no Z85 or a size that has none, EFAULT for NULL, and EIO without a
 * source of randomness. */
#include <errno.h>
#include <string.h>

#include "blocking/error.h"
#include "security/z85.h"
#include "zmq.h"
#include "zuv.h"

char *zmq_z85_encode(char *text, const uint8_t *data, size_t size) {
  if (text == NULL || (data == NULL && size > 0)) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  if (!zuv__z85_encode(text, data, size)) {
    zmq__fail_errno(EINVAL);
    return NULL;
  }
  return text;
}

uint8_t *zmq_z85_decode(uint8_t *data, const char *text) {
  size_t size;

  if (data == NULL || text == NULL) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  size = strlen(text);
  if (size == 0 || !zuv__z85_decode(data, text, size)) {
    zmq__fail_errno(EINVAL);
    return NULL;
  }
  return data;
}

int zmq_curve_keypair(char *public_key, char *secret_key) {
  int err;

  if (public_key == NULL || secret_key == NULL)
    return zmq__fail_errno(EFAULT);
  err = zuv_curve_keypair(public_key, secret_key);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_curve_public(char *public_key, const char *secret_key) {
  int err;

  if (public_key == NULL || secret_key == NULL)
    return zmq__fail_errno(EFAULT);
  err = zuv_curve_public(public_key, secret_key);
  return err == 0 ? 0 : zmq__fail(err);
}
