#include "zmtp/metadata.h"

#include <string.h>

#define VALUE_MAX ((uint32_t)0x7fffffff)

static uint32_t read_u32(const uint8_t *in) {
  return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 |
         (uint32_t)in[3];
}

static void write_u32(uint8_t *out, uint32_t value) {
  out[0] = (uint8_t)(value >> 24);
  out[1] = (uint8_t)(value >> 16);
  out[2] = (uint8_t)(value >> 8);
  out[3] = (uint8_t)value;
}

int zuv__metadata_next(const uint8_t *block, size_t size, size_t *offset,
                       zuv__property_t *property) {
  size_t left = size - *offset;
  const uint8_t *in;
  uint32_t value_size;

  if (left == 0)
    return 0;
  in = block + *offset;
  if (in[0] == 0 || left - 1 < (size_t)in[0] + 4)
    return -1;
  property->name = in + 1;
  property->name_size = in[0];

  left -= 1 + property->name_size + 4;
  in += 1 + property->name_size;
  value_size = read_u32(in);
  if (value_size > VALUE_MAX || value_size > left)
    return -1;
  property->value = in + 4;
  property->value_size = value_size;

  *offset = size - left + value_size;
  return 1;
}

bool zuv__metadata_is_valid(const uint8_t *block, size_t size) {
  zuv__property_t property;
  size_t offset = 0;
  int result;

  do
    result = zuv__metadata_next(block, size, &offset, &property);
  while (result > 0);
  return result == 0;
}

bool zuv__metadata_find(const uint8_t *block, size_t size, const char *name,
                        zuv__property_t *property) {
  size_t offset = 0;

  while (zuv__metadata_next(block, size, &offset, property) > 0)
    if (zuv__property_is(property, name))
      return true;
  return false;
}

/* The alphabet of names is ASCII: no locale may have a say. */
static int lower(int c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool zuv__property_is(const zuv__property_t *property, const char *name) {
  if (strlen(name) != property->name_size)
    return false;
  for (size_t i = 0; i < property->name_size; i++)
    if (lower(property->name[i]) != lower((unsigned char)name[i]))
      return false;
  return true;
}

size_t zuv__property_size(size_t name_size, size_t value_size) {
  return 1 + name_size + 4 + value_size;
}

size_t zuv__metadata_append(uint8_t *out, size_t room, const char *name,
                            size_t name_size, const void *value,
                            size_t value_size) {
  if (name_size == 0 || name_size > ZUV__PROPERTY_NAME_MAX ||
      value_size > VALUE_MAX ||
      room < zuv__property_size(name_size, value_size))
    return 0;

  *out++ = (uint8_t)name_size;
  memcpy(out, name, name_size);
  out += name_size;
  write_u32(out, (uint32_t)value_size);
  if (value_size > 0)
    memcpy(out + 4, value, value_size);
  return zuv__property_size(name_size, value_size);
}
