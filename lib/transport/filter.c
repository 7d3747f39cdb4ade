#include "transport/filter.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "core/accept_filters.h"

enum { ENTRY_SIZE_MAX = 1 << 20, GROUPS_MAX = 1 << 16 };

/* ---- tcp ---- */

static bool address_of(const struct sockaddr_storage *address,
                       uint8_t out[ZUV__FILTER_ADDRESS_SIZE]) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

  if (address->ss_family == AF_INET6) {
    memcpy(out, &v6->sin6_addr, ZUV__FILTER_ADDRESS_SIZE);
    return true;
  }
  if (address->ss_family != AF_INET)
    return false;
  memset(out, 0, 10);
  memset(out + 10, 0xff, 2);
  memcpy(out + 12, &v4->sin_addr, 4);
  return true;
}

static int check_tcp(int fd, const zuv__options_t *options) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  uint8_t bytes[ZUV__FILTER_ADDRESS_SIZE];

  if (getpeername(fd, (struct sockaddr *)&address, &length) != 0 ||
      !address_of(&address, bytes))
    return UV_EACCES;
  return zuv__accept_filters_match_address(options, bytes) ? 0 : UV_EACCES;
}

/* ---- ipc ---- */

static bool has_match(const zuv__options_t *options, const gid_t *groups,
                      int count) {
  for (int i = 0; i < count; i++)
    if (zuv__accept_filters_match_group(options, (int)groups[i]))
      return true;
  return false;
}

static int check_groups_of(const char *user, gid_t gid,
                           const zuv__options_t *options) {
  int room = 32;
  int count = room;
  gid_t *groups = zuv__malloc((size_t)room * sizeof(*groups));
  int status = UV_EACCES;

  while (groups != NULL && getgrouplist(user, gid, groups, &count) < 0) {
    zuv__free(groups);
    groups = NULL;
    if (room >= GROUPS_MAX)
      return UV_EACCES;
    count = room = room * 2 > count ? room * 2 : count;
    groups = zuv__malloc((size_t)room * sizeof(*groups));
  }
  if (groups == NULL)
    return UV_ENOMEM;
  if (has_match(options, groups, count))
    status = 0;
  zuv__free(groups);
  return status;
}

/* As in libzmq a user counts for the groups that list it, whatever groups its
 * process has left or taken. */
static int check_groups(const zuv__process_t *credentials,
                        const zuv__options_t *options) {
  struct passwd entry;
  struct passwd *found = NULL;
  char *texts = NULL;
  int err = ERANGE;
  int status = UV_EACCES;

  for (size_t size = 1024; err == ERANGE && size <= ENTRY_SIZE_MAX; size *= 2) {
    zuv__free(texts);
    texts = zuv__malloc(size);
    if (texts == NULL)
      return UV_ENOMEM;
    err = getpwuid_r((uid_t)credentials->uid, &entry, texts, size, &found);
  }
  if (err == 0 && found != NULL)
    status = check_groups_of(found->pw_name, (gid_t)credentials->gid, options);
  zuv__free(texts);
  return status;
}

static int check_ipc(int fd, const zuv__options_t *options) {
  struct ucred peer;
  socklen_t length = sizeof(peer);
  zuv__process_t credentials;

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
    return UV_EACCES;
  credentials = (zuv__process_t){
      .pid = peer.pid, .uid = (int)peer.uid, .gid = (int)peer.gid};
  if (zuv__accept_filters_match_credentials(options, &credentials))
    return 0;
  if (options->bytes[ZUV__BYTES_IPC_FILTER_GIDS] == NULL)
    return UV_EACCES;
  return check_groups(&credentials, options);
}

int zuv__filter_check(int fd, const zuv__options_t *options) {
  struct sockaddr_storage self;
  socklen_t length = sizeof(self);

  if (!zuv__accept_filters_of_tcp(options) &&
      !zuv__accept_filters_of_ipc(options))
    return 0;
  if (getsockname(fd, (struct sockaddr *)&self, &length) != 0)
    return UV_EACCES;
  if (self.ss_family == AF_UNIX)
    return zuv__accept_filters_of_ipc(options) ? check_ipc(fd, options) : 0;
  return zuv__accept_filters_of_tcp(options) ? check_tcp(fd, options) : 0;
}
