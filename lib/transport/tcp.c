#include "transport/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zuv.h"

static int set(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) != 0)
    return uv_translate_sys_error(errno);
  return 0;
}

socklen_t zuv__tcp_address_length(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                        : (socklen_t)sizeof(struct sockaddr_in);
}

static int family_of(int fd) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof(family);

  (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

/* The kernel derives a priority from the type of service, so ours comes after
 * it. */
static int set_class(int fd, const zuv__options_t *options) {
  int err = 0;

  if (options->tos != 0) {
    err = set(fd, IPPROTO_IP, IP_TOS, options->tos);
    if (err == 0 && family_of(fd) == AF_INET6)
      err = set(fd, IPPROTO_IPV6, IPV6_TCLASS, options->tos);
  }
  if (err == 0 && options->priority != 0)
    err = set(fd, SOL_SOCKET, SO_PRIORITY, options->priority);
  return err;
}

/* What must be set before bind or connect. */
static int prepare(int fd, int family, const zuv__options_t *options) {
  int err = 0;

  if (family == AF_INET6)
    err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (err == 0 && options->bind_to_device[0] != '\0' &&
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, options->bind_to_device,
                 (socklen_t)strlen(options->bind_to_device)) != 0)
    err = uv_translate_sys_error(errno);
  if (err == 0 && options->sndbuf >= 0)
    err = set(fd, SOL_SOCKET, SO_SNDBUF, options->sndbuf);
  if (err == 0 && options->rcvbuf >= 0)
    err = set(fd, SOL_SOCKET, SO_RCVBUF, options->rcvbuf);
  if (err == 0)
    err = set_class(fd, options);
  if (err == 0 && options->busy_poll != 0)
    err = set(fd, SOL_SOCKET, SO_BUSY_POLL, options->busy_poll);
  return err;
}

static int open_socket(int family, const zuv__options_t *options, int *out) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int err;

  if (fd < 0)
    return uv_translate_sys_error(errno);
  err = prepare(fd, family, options);
  if (err != 0) {
    close(fd);
    return err;
  }
  *out = fd;
  return 0;
}

void zuv__tcp_tune(int fd, const zuv__options_t *options) {
  /* None of these can make the connection unusable: a refusal by the kernel is
   * no reason to give it up. */
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  /* An accepted descriptor does not have its listener's priority. */
  set_class(fd, options);
  if (options->tcp_keepalive != -1) {
    set(fd, SOL_SOCKET, SO_KEEPALIVE, options->tcp_keepalive);
    if (options->tcp_keepalive_cnt != -1)
      set(fd, IPPROTO_TCP, TCP_KEEPCNT, options->tcp_keepalive_cnt);
    if (options->tcp_keepalive_idle != -1)
      set(fd, IPPROTO_TCP, TCP_KEEPIDLE, options->tcp_keepalive_idle);
    if (options->tcp_keepalive_intvl != -1)
      set(fd, IPPROTO_TCP, TCP_KEEPINTVL, options->tcp_keepalive_intvl);
  }
  if (options->tcp_maxrt > 0)
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options->tcp_maxrt);
}

bool zuv__tcp_is_own_end(int fd) {
  struct sockaddr_storage here = {0};
  struct sockaddr_storage there = {0};
  socklen_t here_size = sizeof(here);
  socklen_t there_size = sizeof(there);

  return getsockname(fd, (struct sockaddr *)&here, &here_size) == 0 &&
         getpeername(fd, (struct sockaddr *)&there, &there_size) == 0 &&
         here_size == there_size && memcmp(&here, &there, here_size) == 0;
}

static int resolve_name(const char *host, uint16_t port, bool ipv6,
                        struct sockaddr_storage *out) {
  struct addrinfo hints = {.ai_family = ipv6 ? AF_INET6 : AF_INET,
                           .ai_flags = ipv6 ? AI_V4MAPPED : 0,
                           .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;

  if (getaddrinfo(host, NULL, &hints, &found) != 0)
    return UV_ENODEV;
  memcpy(out, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (ipv6)
    ((struct sockaddr_in6 *)out)->sin6_port = htons(port);
  else
    ((struct sockaddr_in *)out)->sin_port = htons(port);
  return 0;
}

/* Interface names come before host names. */
int zuv__tcp_resolve_bind(const zuv__tcp_endpoint_t *endpoint, bool ipv6,
                          struct sockaddr_storage *out) {
  int err;

  if (endpoint->any_host)
    return zuv__tcp_any(endpoint->port, ipv6, out);
  err = zuv__tcp_resolve_numeric(endpoint->host, endpoint->port, ipv6, out);
  if (err != UV_EAI_NONAME)
    return err;
  err = zuv__tcp_resolve_interface(endpoint->host, endpoint->port, ipv6, out);
  if (err != UV_ENODEV)
    return err;
  return resolve_name(endpoint->host, endpoint->port, ipv6, out);
}

int zuv__tcp_listen(const zuv__tcp_endpoint_t *endpoint,
                    const zuv__options_t *options, int *out) {
  struct sockaddr_storage address;
  int fd = -1;
  int err = zuv__tcp_resolve_bind(endpoint, options->ipv6 != 0, &address);

  if (err != 0)
    return err;
  err = open_socket(address.ss_family, options, &fd);
  if (err != 0)
    return err;
  err = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (err != 0)
    goto fail;
  if (bind(fd, (struct sockaddr *)&address,
           zuv__tcp_address_length(&address)) != 0 ||
      listen(fd, options->backlog) != 0) {
    err = uv_translate_sys_error(errno);
    goto fail;
  }
  *out = fd;
  return 0;

fail:
  close(fd);
  return err;
}

static int bind_source(int fd, int family,
                       const zuv__tcp_endpoint_t *endpoint) {
  struct sockaddr_storage source;
  bool ipv6 = family == AF_INET6;
  int err = zuv__tcp_resolve_numeric(endpoint->source, endpoint->source_port,
                                     ipv6, &source);

  if (err == UV_EAI_NONAME)
    err = zuv__tcp_resolve_interface(endpoint->source, endpoint->source_port,
                                     ipv6, &source);
  if (err == 0)
    err = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (err != 0)
    return err;
  if (bind(fd, (struct sockaddr *)&source, zuv__tcp_address_length(&source)) !=
      0)
    return uv_translate_sys_error(errno);
  return 0;
}

int zuv__tcp_connect(const struct sockaddr *address, socklen_t length,
                     const zuv__tcp_endpoint_t *endpoint,
                     const zuv__options_t *options, int *out) {
  int fd = -1;
  int err = open_socket(address->sa_family, options, &fd);

  if (err != 0)
    return err;
  if (endpoint->has_source)
    err = bind_source(fd, address->sa_family, endpoint);
  if (err == 0 && connect(fd, address, length) != 0)
    err = errno == EINPROGRESS || errno == EINTR
              ? UV_EALREADY
              : uv_translate_sys_error(errno);
  if (err != 0 && err != UV_EALREADY) {
    close(fd);
    return err;
  }
  *out = fd;
  return err;
}
