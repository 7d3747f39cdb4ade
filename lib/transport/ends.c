#include "transport/ends.h"

#include <string.h>

#include "base/alloc.h"
#include "transport/address.h"
#include "transport/endpoint.h"

zuv__ends_t *zuv__ends_of(int fd, const char *remote) {
  char self[ZUV__ENDPOINT_TEXT_SIZE];
  char other[ZUV__ENDPOINT_TEXT_SIZE];
  size_t self_size, remote_size;
  zuv__ends_t *ends;

  if (zuv__address_of_self(fd, self, sizeof(self)) != 0)
    self[0] = '\0';
  if (remote == NULL) {
    zuv__address_of_other(fd, other, sizeof(other));
    remote = other;
  }
  self_size = strlen(self) + 1;
  remote_size = strlen(remote) + 1;
  ends = zuv__malloc(sizeof(*ends) + self_size + remote_size);
  if (ends == NULL)
    return NULL;
  memcpy(ends->local, self, self_size);
  ends->remote = memcpy(ends->local + self_size, remote, remote_size);
  return ends;
}
