#include "security/z85.h"

/* RFC 32: the character of each digit of base 85. */
static const char characters[] = {
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    ".-:+=^!/*?&<>()[]{}@%$#"};

enum { BASE = 85 };

/* The digit that a character stands for, or BASE. Every one is looked at, so
 * that the time does not tell which one of a secret key it was. */
static uint32_t digit_of(char character) {
  uint32_t digit = BASE;

  for (uint32_t i = 0; i < BASE; i++)
    digit = characters[i] == character ? i : digit;
  return digit;
}

bool zuv__z85_encode(char *text, const uint8_t *data, size_t size) {
  if (size % ZUV__Z85_BYTES != 0)
    return false;
  for (size_t i = 0; i < size; i += ZUV__Z85_BYTES) {
    uint32_t value = (uint32_t)data[i] << 24 | (uint32_t)data[i + 1] << 16 |
                     (uint32_t)data[i + 2] << 8 | (uint32_t)data[i + 3];

    for (int place = ZUV__Z85_CHARACTERS - 1; place >= 0; place--) {
      text[place] = characters[value % BASE];
      value /= BASE;
    }
    text += ZUV__Z85_CHARACTERS;
  }
  *text = '\0';
  return true;
}

bool zuv__z85_decode(uint8_t *data, const char *text, size_t size) {
  if (size % ZUV__Z85_CHARACTERS != 0)
    return false;
  for (size_t i = 0; i < size; i += ZUV__Z85_CHARACTERS) {
    uint64_t value = 0;

    for (size_t place = 0; place < ZUV__Z85_CHARACTERS; place++) {
      uint32_t digit = digit_of(text[i + place]);

      if (digit == BASE)
        return false;
      value = value * BASE + digit;
    }
    if (value > UINT32_MAX)
      return false;
    for (int shift = 24; shift >= 0; shift -= 8)
      *data++ = (uint8_t)(value >> shift);
  }
  return true;
}
