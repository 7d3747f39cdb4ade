#include "security/secret.h"

#include <sodium.h>

bool zuv__security_init(void) {
  return sodium_init() >= 0;
}

void zuv__wipe(void *memory, size_t size) {
  sodium_memzero(memory, size);
}

bool zuv__secrets_equal(const void *a, const void *b, size_t size) {
  return sodium_memcmp(a, b, size) == 0;
}
