#include "core/option_bytes.h"

#include <string.h>
#include <uv.h>

#include "base/alloc.h"
#include "security/secret.h"

int zuv__option_bytes_append(zuv__option_bytes_t **value, const void *data,
                             size_t size) {
  zuv__option_bytes_t *old = *value;
  size_t front = old == NULL ? 0 : old->size;
  zuv__option_bytes_t *fresh;

  if (size > SIZE_MAX / 2 - front)
    return UV_ENOMEM;
  fresh = zuv__malloc(sizeof(*fresh) + front + size + 1);
  if (fresh == NULL)
    return UV_ENOMEM;
  fresh->references = 1;
  fresh->size = front + size;
  if (front > 0)
    memcpy(fresh->data, old->data, front);
  if (size > 0)
    memcpy(fresh->data + front, data, size);
  fresh->data[fresh->size] = '\0';
  *value = fresh;
  zuv__option_bytes_release(old);
  return 0;
}

int zuv__option_bytes_set(zuv__option_bytes_t **value, const void *data,
                          size_t size) {
  zuv__option_bytes_t *fresh = NULL;
  int err = size == 0 ? 0 : zuv__option_bytes_append(&fresh, data, size);

  if (err != 0)
    return err;
  zuv__option_bytes_release(*value);
  *value = fresh;
  return 0;
}

zuv__option_bytes_t *zuv__option_bytes_share(zuv__option_bytes_t *value) {
  if (value != NULL)
    value->references++;
  return value;
}

void zuv__option_bytes_release(zuv__option_bytes_t *value) {
  if (value == NULL || --value->references > 0)
    return;
  zuv__wipe(value->data, value->size);
  zuv__free(value);
}
