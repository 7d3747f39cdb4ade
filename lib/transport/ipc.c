#include "transport/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "zuv.h"

static socklen_t fill(struct sockaddr_un *address,
                      const zuv__ipc_endpoint_t *endpoint) {
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, endpoint->path, endpoint->length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + endpoint->length +
                     (endpoint->abstract ? 0 : 1));
}

void zuv__ipc_tune(int fd, const zuv__options_t *options) {
  if (options->sndbuf >= 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options->sndbuf, sizeof(int));
  if (options->rcvbuf >= 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options->rcvbuf, sizeof(int));
}

static int open_socket(const zuv__options_t *options, int *out) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return uv_translate_sys_error(errno);
  zuv__ipc_tune(fd, options);
  *out = fd;
  return 0;
}

static const char *temporary_directory(void) {
  static const char *const names[] = {"TMPDIR", "TEMPDIR", "TMP"};
  struct stat status;

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    const char *path = getenv(names[i]);
    if (path != NULL && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
      return path;
  }
  return NULL;
}

/* Makes a directory of its own for the wildcard socket. */
static int choose_path(zuv__ipc_endpoint_t *endpoint, char **directory) {
  const char *parent = temporary_directory();
  char made[ZUV__IPC_PATH_SIZE];
  int length;

  length = snprintf(made, sizeof(made), "%s%stmpXXXXXX", parent ? parent : "",
                    parent ? "/" : "");
  if (length < 0 || (size_t)length + sizeof("/socket") > sizeof(made))
    return UV_ENAMETOOLONG;
  if (mkdtemp(made) == NULL)
    return uv_translate_sys_error(errno);
  *directory = zuv__strndup(made, strlen(made));
  if (*directory == NULL) {
    rmdir(made);
    return UV_ENOMEM;
  }
  length =
      snprintf(endpoint->path, sizeof(endpoint->path), "%s/socket", *directory);
  endpoint->length = (size_t)length;
  return 0;
}

void zuv__ipc_cleanup(char *directory) {
  char path[ZUV__IPC_PATH_SIZE];

  if (directory == NULL)
    return;
  snprintf(path, sizeof(path), "%s/socket", directory);
  unlink(path);
  rmdir(directory);
  zuv__free(directory);
}

int zuv__ipc_listen(const zuv__ipc_endpoint_t *given,
                    const zuv__options_t *options, int *out, char **directory) {
  zuv__ipc_endpoint_t endpoint = *given;
  struct sockaddr_un address;
  int fd = -1;
  int err;

  *directory = NULL;
  if (endpoint.wildcard) {
    err = choose_path(&endpoint, directory);
    if (err != 0)
      return err;
  }
  err = open_socket(options, &fd);
  if (err != 0)
    goto fail;
  /* As in ZeroMQ a path is taken over from whoever had it. */
  if (!endpoint.abstract)
    unlink(endpoint.path);
  if (bind(fd, (struct sockaddr *)&address, fill(&address, &endpoint)) != 0 ||
      listen(fd, options->backlog) != 0) {
    err = uv_translate_sys_error(errno);
    goto fail;
  }
  *out = fd;
  return 0;

fail:
  if (fd >= 0)
    close(fd);
  zuv__ipc_cleanup(*directory);
  *directory = NULL;
  return err;
}

int zuv__ipc_connect(const zuv__ipc_endpoint_t *endpoint,
                     const zuv__options_t *options, int *out) {
  struct sockaddr_un address;
  socklen_t length = fill(&address, endpoint);
  int fd = -1;
  int err = open_socket(options, &fd);

  if (err != 0)
    return err;
  if (connect(fd, (struct sockaddr *)&address, length) != 0) {
    /* A full backlog shows as EAGAIN, and is tried again like a refusal. */
    err = uv_translate_sys_error(errno);
    close(fd);
    return err;
  }
  *out = fd;
  return 0;
}
