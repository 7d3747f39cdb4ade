#include "transport/address.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

#include "transport/endpoint.h"

static void peer_credentials(int fd, char *out, size_t size) {
  struct ucred credentials;
  socklen_t length = sizeof(credentials);

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return;
  snprintf(out, size, "localhost:%u:%u:%d", (unsigned)credentials.uid,
           (unsigned)credentials.gid, (int)credentials.pid);
}

void zuv__address_of_peer(int fd, char *out, size_t size) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);

  out[0] = '\0';
  if (getpeername(fd, (struct sockaddr *)&address, &length) != 0)
    return;
  if (address.ss_family == AF_UNIX)
    peer_credentials(fd, out, size);
  else if (zuv__endpoint_format_address((struct sockaddr *)&address, out,
                                        size) != 0)
    out[0] = '\0';
}

static int self_unix(const struct sockaddr_un *address, socklen_t length,
                     char *out, size_t size) {
  size_t used = (size_t)length - offsetof(struct sockaddr_un, sun_path);
  bool abstract = used > 0 && address->sun_path[0] == '\0';

  /* The kernel counts the NUL of a path. */
  if (!abstract)
    used = strnlen(address->sun_path, used);
  return zuv__endpoint_format_ipc(address->sun_path, used, abstract, out, size);
}

int zuv__address_of_self(int fd, char *out, size_t size) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);

  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    return uv_translate_sys_error(errno);
  if (address.ss_family == AF_UNIX)
    return self_unix((struct sockaddr_un *)&address, length, out, size);
  return zuv__endpoint_format_tcp((struct sockaddr *)&address, out, size);
}

void zuv__address_of_other(int fd, char *out, size_t size) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);

  if (getpeername(fd, (struct sockaddr *)&address, &length) != 0 ||
      zuv__endpoint_format_tcp((struct sockaddr *)&address, out, size) != 0)
    out[0] = '\0';
}
