#include "core/metadata_option.h"

#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/alloc.h"
#include "zmtp/metadata.h"

typedef struct {
  const char *name;
  size_t name_size;
  const char *value;
  size_t value_size;
} entry_t;

static bool parse(const char *text, size_t size, entry_t *entry) {
  const char *colon = memchr(text, ':', size);

  if (colon == NULL)
    return false;
  entry->name = text;
  entry->name_size = (size_t)(colon - text);
  entry->value = colon + 1;
  entry->value_size = strnlen(colon + 1, size - entry->name_size - 1);
  return entry->value_size > 0 && entry->name_size >= 2 &&
         memcmp(text, "X-", 2) == 0 &&
         entry->name_size <= ZUV__PROPERTY_NAME_MAX &&
         memchr(text, '\0', entry->name_size) == NULL;
}

/* Names that differ in case are two, as in libzmq. */
static bool is_there(const zuv__option_bytes_t *metadata,
                     const entry_t *entry) {
  zuv__property_t property;
  size_t offset = 0;

  if (metadata == NULL)
    return false;
  while (zuv__metadata_next(metadata->data, metadata->size, &offset,
                            &property) > 0)
    if (property.name_size == entry->name_size &&
        memcmp(property.name, entry->name, entry->name_size) == 0)
      return true;
  return false;
}

int zuv__metadata_option_set(zuv__option_bytes_t **metadata, const void *text,
                             size_t size) {
  size_t used = *metadata == NULL ? 0 : (*metadata)->size;
  entry_t entry;
  uint8_t *encoded;
  size_t room;
  int err;

  if (text == NULL || !parse(text, size, &entry))
    return UV_EINVAL;
  if (is_there(*metadata, &entry))
    return 0;
  room = zuv__property_size(entry.name_size, entry.value_size);
  if (room > ZUV__METADATA_OPTION_MAX - used)
    return UV_EINVAL;
  encoded = zuv__malloc(room);
  if (encoded == NULL)
    return UV_ENOMEM;
  (void)zuv__metadata_append(encoded, room, entry.name, entry.name_size,
                             entry.value, entry.value_size);
  err = zuv__option_bytes_append(metadata, encoded, room);
  zuv__free(encoded);
  return err;
}
