/* Z85: bytes as printable text, four as five characters (RFC 32). Keys are
 * written this way. Fails for sizes that are no multiple of four or five, and
 * for text that encodes nothing. */
#ifndef ZUV_SECURITY_Z85_H
#define ZUV_SECURITY_Z85_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZUV__Z85_BYTES = 4, ZUV__Z85_CHARACTERS = 5 };

/* Writes size / 4 * 5 characters and a NUL. False, and nothing is written:
 * `size` is no multiple of four. */
bool zuv__z85_encode(char *text, const uint8_t *data, size_t size);

/* Writes size / 5 * 4 bytes. False: `size` is no multiple of five (nothing is
 * written), or a group of five is no value of 32 bits. */
bool zuv__z85_decode(uint8_t *data, const char *text, size_t size);

#endif /* ZUV_SECURITY_Z85_H */
