/* zuv-keygen: makes key pairs for CURVE, as Z85 text, on the standard output
 * or in two files. It uses the public header only.
 *
 * It fails when the system gives no randomness, when one of the files exists,
 * and when one cannot be written; then neither is left. Secret keys stay in
 * buffers of its own, which are wiped: stdio, with buffers that are not, is for
 * the rest. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zuv.h"

enum { FAILED = 1, USAGE = 2 };

typedef struct {
  char public_key[ZUV_CURVE_KEY_TEXT_SIZE];
  char secret_key[ZUV_CURVE_KEY_TEXT_SIZE];
  char text[256]; /* what is written, with one key or both */
} keys_t;

static const char help[] =
    "Usage: zuv-keygen                      prints a key pair\n"
    "       zuv-keygen NAME                 writes NAME.public, NAME.secret\n"
    "       zuv-keygen --certificate NAME   writes NAME.key, NAME.key_secret\n"
    "       zuv-keygen --public             reads a secret key, prints its "
    "public one\n"
    "\n"
    "Makes keys for ZeroMQ's security mechanism CURVE, as 40 characters of\n"
    "Z85. Certificates are what czmq and pyzmq load. Only the owner may read\n"
    "the file of a secret key. Files that exist are left as they are: that is\n"
    "an error, as is a file that cannot be written, and none is made then.\n"
    "With NAME, the public key is printed.\n"
    "\n"
    "Exit codes: 0, or 1 for a failure, 2 for wrong arguments.\n";

static int fail(const char *what, const char *why) {
  fprintf(stderr, "zuv-keygen: %s: %s\n", what, why);
  return FAILED;
}

static bool write_all(int fd, const char *text) {
  size_t size = strlen(text);

  while (size > 0) {
    ssize_t written = write(fd, text, size);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    text += written;
    size -= (size_t)written;
  }
  return true;
}

static int print(const char *text) {
  if (!write_all(STDOUT_FILENO, text))
    return fail("standard output", strerror(errno));
  return 0;
}

/* A new file that is on the disk when this returns 0; else an errno, and there
 * is no such file, or one that was there before. */
static int write_file(int directory, const char *name, mode_t mode,
                      const char *text) {
  int error = 0;
  int fd = openat(directory, name,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

  if (fd < 0)
    return errno;
  if (!write_all(fd, text) || fsync(fd) < 0)
    error = errno;
  if (close(fd) < 0 && error == 0)
    error = errno;
  if (error != 0)
    unlinkat(directory, name, 0);
  return error;
}

/* A certificate is what czmq and pyzmq load: ZPL (RFC 4), the secret file with
 * both keys. */
static void fill_public(keys_t *keys, bool certificate) {
  snprintf(keys->text, sizeof(keys->text),
           certificate ? "metadata\ncurve\n    public-key = \"%s\"\n" : "%s\n",
           keys->public_key);
}

static void fill_secret(keys_t *keys, bool certificate) {
  if (!certificate) {
    snprintf(keys->text, sizeof(keys->text), "%s\n", keys->secret_key);
    return;
  }
  snprintf(keys->text, sizeof(keys->text),
           "metadata\ncurve\n    public-key = \"%s\"\n"
           "    secret-key = \"%s\"\n",
           keys->public_key, keys->secret_key);
}

static int write_files(int directory, const char *name, bool certificate,
                       keys_t *keys) {
  char public_name[NAME_MAX + 1], secret_name[NAME_MAX + 1];
  int error;

  if (snprintf(public_name, sizeof(public_name), "%s%s", name,
               certificate ? ".key" : ".public") > NAME_MAX ||
      snprintf(secret_name, sizeof(secret_name), "%s%s", name,
               certificate ? ".key_secret" : ".secret") > NAME_MAX)
    return fail(name, strerror(ENAMETOOLONG));

  fill_secret(keys, certificate);
  error = write_file(directory, secret_name, S_IRUSR | S_IWUSR, keys->text);
  if (error != 0)
    return fail(secret_name, strerror(error));
  fill_public(keys, certificate);
  error = write_file(directory, public_name,
                     S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, keys->text);
  if (error != 0) {
    unlinkat(directory, secret_name, 0);
    return fail(public_name, strerror(error));
  }
  fsync(directory);
  return 0;
}

/* Between the two files no signal ends the program. The modes are what they
 * are named, whatever the umask. */
static int make_files(char *path, bool certificate, keys_t *keys) {
  char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  const char *directory_name = slash == NULL ? "." : path;
  sigset_t all, before;
  int directory, result;

  if (slash == path)
    directory_name = "/";
  else if (slash != NULL)
    *slash = '\0';
  directory = open(directory_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return fail(directory_name, strerror(errno));

  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  umask(0);
  result = write_files(directory, name, certificate, keys);
  sigprocmask(SIG_SETMASK, &before, NULL);

  close(directory);
  if (result == 0) {
    fill_public(keys, false);
    result = print(keys->text);
  }
  return result;
}

static int make_pair(char *path, bool certificate, keys_t *keys) {
  int err = zuv_curve_keypair(keys->public_key, keys->secret_key);

  if (err != 0)
    return fail("no keys", zuv_strerror(err));
  if (path != NULL)
    return make_files(path, certificate, keys);
  snprintf(keys->text, sizeof(keys->text), "public %s\nsecret %s\n",
           keys->public_key, keys->secret_key);
  return print(keys->text);
}

static int print_public(keys_t *keys) {
  size_t size = 0;
  ssize_t got;

  do {
    got = read(STDIN_FILENO, keys->text + size, sizeof(keys->text) - 1 - size);
    if (got > 0)
      size += (size_t)got;
  } while (got > 0 || (got < 0 && errno == EINTR));
  if (got < 0)
    return fail("standard input", strerror(errno));
  while (size > 0 && strchr(" \t\r\n", keys->text[size - 1]) != NULL)
    size--;
  keys->text[size] = '\0';
  if (zuv_curve_public(keys->public_key, keys->text) != 0)
    return fail("standard input", "not the 40 characters of a secret key");
  fill_public(keys, false);
  return print(keys->text);
}

static int usage(void) {
  fputs("zuv-keygen: wrong arguments; --help tells the right ones\n", stderr);
  return USAGE;
}

static int print_version(void) {
  unsigned int version = zuv_version();
  char text[64];

  snprintf(text, sizeof(text), "zuv-keygen %u.%u.%u\n", version >> 16,
           version >> 8 & 0xff, version & 0xff);
  return print(text);
}

/* A file's name without a last part is none. */
static bool is_name(const char *path) {
  size_t length = strlen(path);

  return length > 0 && path[length - 1] != '/';
}

static int run(int argc, char **argv, keys_t *keys) {
  static const struct option options[] = {
      {"certificate", no_argument, NULL, 'c'},
      {"public", no_argument, NULL, 'p'},
      {"help", no_argument, NULL, 'h'},
      {"version", no_argument, NULL, 'v'},
      {NULL, 0, NULL, 0},
  };
  int option, mode = 0;
  char *path;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (mode != 0 || option == '?')
      return usage();
    mode = option;
  }
  path = argv[optind];
  if (path != NULL &&
      (!is_name(path) || argc - optind > 1 || (mode != 0 && mode != 'c')))
    return usage();

  switch (mode) {
    case 0:
      return make_pair(path, false, keys);
    case 'c':
      return path == NULL ? usage() : make_pair(path, true, keys);
    case 'p':
      return print_public(keys);
    case 'h':
      return print(help);
    default:
      return print_version();
  }
}

int main(int argc, char **argv) {
  keys_t keys;
  int result = run(argc, argv, &keys);

  explicit_bzero(&keys, sizeof(keys));
  return result;
}
