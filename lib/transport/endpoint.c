/* The grammar of endpoint strings, and the socket addresses behind them.
 *
 * Called by the socket (bind, connect, unbind, disconnect) and by the tcp and
 * ipc listeners and connectors; endpoint.h says what can fail. Where libzmq
 * lets a malformed tcp text pass (a port of 70000, "80x", port 0 or "a[b" as a
 * target), this grammar says UV_EINVAL: such an endpoint could only ever fail
 * later, or worse, reach another port. */
#include "transport/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

/* An IPv6 address, "%", an interface name, NUL. */
#define NUMERIC_HOST_SIZE (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE)

/* A part of an endpoint text. */
typedef struct {
  const char *data;
  size_t length;
} part_t;

typedef bool (*byte_test_t)(unsigned char byte);

static bool part_is(part_t part, const char *text) {
  return part.length == strlen(text) &&
         memcmp(part.data, text, part.length) == 0;
}

/* A decimal number from 0 to `max`, nothing around it. */
static bool parse_number(part_t part, uint32_t max, uint32_t *out) {
  uint64_t value = 0;
  size_t i;

  for (i = 0; i < part.length; i++) {
    if (part.data[i] < '0' || part.data[i] > '9')
      return false;
    value = value * 10 + (uint64_t)(part.data[i] - '0');
    if (value > max)
      return false;
  }
  *out = (uint32_t)value;
  return part.length > 0;
}

static bool parse_port(part_t part, uint16_t *out) {
  uint32_t value;

  if (!parse_number(part, UINT16_MAX, &value))
    return false;
  *out = (uint16_t)value;
  return value != 0;
}

/* A port that bind chooses is "*" or "0". */
static bool parse_local_port(part_t part, uint16_t *out) {
  *out = 0;
  return part_is(part, "*") || part_is(part, "0") || parse_port(part, out);
}

/* `zone` becomes what follows the "%", or NULL. */
static bool parse_ipv6(const char *host, struct in6_addr *out,
                       const char **zone) {
  char digits[INET6_ADDRSTRLEN];
  size_t length = strcspn(host, "%");

  if (length >= sizeof(digits))
    return false;
  memcpy(digits, host, length);
  digits[length] = '\0';
  *zone = host[length] == '%' ? host + length + 1 : NULL;
  return inet_pton(AF_INET6, digits, out) == 1;
}

static bool is_ipv6(const char *host) {
  struct in6_addr address;
  const char *zone;

  return parse_ipv6(host, &address, &zone) && (zone == NULL || *zone != '\0');
}

static bool is_alphanumeric(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

/* What a bind may name: the kernel lets an interface be called nearly
 * anything. */
static bool is_bind_byte(unsigned char byte) {
  return byte > ' ' && byte != 0x7f && strchr("/[];", byte) == NULL;
}

static bool is_connect_byte(unsigned char byte) {
  return is_alphanumeric(byte) || (byte != 0 && strchr(".-_:%", byte) != NULL);
}

static bool is_connect_start(unsigned char byte) {
  return is_alphanumeric(byte) || byte == ':';
}

/* Copies a host without its brackets, which only an IPv6 address may have. */
static bool parse_host(part_t part, byte_test_t is_allowed, char *out) {
  bool bracketed = part.length >= 2 && part.data[0] == '[' &&
                   part.data[part.length - 1] == ']';
  size_t i;

  if (bracketed) {
    part.data++;
    part.length -= 2;
  }
  if (part.length == 0 || part.length >= ZUV__HOST_SIZE)
    return false;
  for (i = 0; i < part.length; i++) {
    if (!is_allowed((unsigned char)part.data[i]))
      return false;
  }
  memcpy(out, part.data, part.length);
  out[part.length] = '\0';
  return !bracketed || is_ipv6(out);
}

/* The last ":" separates them, so that brackets are optional. */
static bool split_port(part_t part, part_t *host, part_t *port) {
  size_t i = part.length;

  while (i > 0 && part.data[i - 1] != ':')
    i--;
  if (i == 0)
    return false;
  *host = (part_t){part.data, i - 1};
  *port = (part_t){part.data + i, part.length - i};
  return true;
}

/* A local address to connect from: it must be spelled out, its port too. */
static bool parse_source(part_t part, byte_test_t is_allowed,
                         zuv__tcp_endpoint_t *out) {
  part_t host;
  part_t port;

  if (!split_port(part, &host, &port) ||
      !parse_local_port(port, &out->source_port) ||
      !parse_host(host, is_allowed, out->source))
    return false;
  out->has_source = true;
  return out->source[0] != '*';
}

/* Reads the "source;" of `text`, if there is one, and makes `rest` what
 * follows it. */
static bool split_source(const char *text, byte_test_t is_allowed, part_t *rest,
                         zuv__tcp_endpoint_t *out) {
  const char *semicolon = strchr(text, ';');

  *rest = (part_t){text, strlen(text)};
  if (semicolon == NULL)
    return true;
  *rest = (part_t){semicolon + 1, strlen(semicolon + 1)};
  return parse_source((part_t){text, (size_t)(semicolon - text)}, is_allowed,
                      out);
}

static int parse_tcp_bind(const char *text, zuv__tcp_endpoint_t *out) {
  zuv__tcp_endpoint_t ignored;
  part_t rest;
  part_t host;
  part_t port;

  if (!split_source(text, is_bind_byte, &rest, &ignored) ||
      !split_port(rest, &host, &port) || !parse_local_port(port, &out->port))
    return UV_EINVAL;
  if (host.length == 0)
    return UV_ENODEV;
  if (!parse_host(host, is_bind_byte, out->host))
    return UV_EINVAL;
  out->any_port = out->port == 0;
  out->any_host = part_is(host, "*");
  return 0;
}

/* "HOST:PORT" of another machine. */
static bool parse_target(part_t part, zuv__tcp_endpoint_t *out) {
  part_t host;
  part_t port;

  return split_port(part, &host, &port) && parse_port(port, &out->port) &&
         parse_host(host, is_connect_byte, out->host) &&
         is_connect_start((unsigned char)out->host[0]) &&
         (strpbrk(out->host, ":%") == NULL || is_ipv6(out->host));
}

static int parse_tcp_connect(const char *text, zuv__tcp_endpoint_t *out) {
  part_t rest;

  if (!split_source(text, is_connect_byte, &rest, out) ||
      !parse_target(rest, out))
    return UV_EINVAL;
  if (out->has_source && !is_connect_start((unsigned char)out->source[0]))
    return UV_EINVAL;
  return 0;
}

static int parse_ipc(const char *text, zuv__ipc_endpoint_t *out) {
  size_t length = strlen(text);

  if (length >= sizeof(out->path))
    return UV_ENAMETOOLONG;
  memcpy(out->path, text, length + 1);
  out->length = length;
  out->abstract = text[0] == '@';
  if (!out->abstract)
    return 0;
  out->path[0] = '\0';
  return length > 1 ? 0 : UV_EINVAL;
}

/* Finds the scheme and makes `address` what follows its "://". */
static int parse_scheme(const char *text, zuv__scheme_t *scheme,
                        const char **address) {
  static const char *const names[] = {
      [ZUV__TRANSPORT_TCP] = "tcp",
      [ZUV__TRANSPORT_IPC] = "ipc",
      [ZUV__TRANSPORT_INPROC] = "inproc",
  };
  const char *separator = text == NULL ? NULL : strstr(text, "://");
  part_t name;
  size_t i;

  if (separator == NULL || separator == text || separator[3] == '\0')
    return UV_EINVAL;
  name = (part_t){text, (size_t)(separator - text)};
  *address = separator + 3;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (part_is(name, names[i])) {
      *scheme = (zuv__scheme_t)i;
      return 0;
    }
  }
  return UV_EPROTONOSUPPORT;
}

int zuv__endpoint_parse_bind(const char *text, zuv__endpoint_address_t *out) {
  const char *address;
  int status;

  memset(out, 0, sizeof(*out));
  status = parse_scheme(text, &out->scheme, &address);
  if (status != 0)
    return status;
  switch (out->scheme) {
    case ZUV__TRANSPORT_TCP:
      return parse_tcp_bind(address, &out->u.tcp);
    case ZUV__TRANSPORT_IPC:
      out->u.ipc.wildcard = address[0] == '*';
      return out->u.ipc.wildcard ? 0 : parse_ipc(address, &out->u.ipc);
    case ZUV__TRANSPORT_INPROC:
      out->u.inproc.name = address;
      return 0;
  }
  return UV_EPROTONOSUPPORT;
}

int zuv__endpoint_parse_connect(const char *text,
                                zuv__endpoint_address_t *out) {
  const char *address;
  int status;

  memset(out, 0, sizeof(*out));
  status = parse_scheme(text, &out->scheme, &address);
  if (status != 0)
    return status;
  switch (out->scheme) {
    case ZUV__TRANSPORT_TCP:
      return parse_tcp_connect(address, &out->u.tcp);
    case ZUV__TRANSPORT_IPC:
      return parse_ipc(address, &out->u.ipc);
    case ZUV__TRANSPORT_INPROC:
      out->u.inproc.name = address;
      return 0;
  }
  return UV_EPROTONOSUPPORT;
}

int zuv__endpoint_parse_proxy(const char *text, size_t length,
                              zuv__tcp_endpoint_t *out) {
  memset(out, 0, sizeof(*out));
  return parse_target((part_t){text, length}, out) ? 0 : UV_EINVAL;
}

static void set_ipv6(const struct in6_addr *address, uint32_t scope,
                     uint16_t port, struct sockaddr_storage *out) {
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

  memset(out, 0, sizeof(*out));
  in6->sin6_family = AF_INET6;
  in6->sin6_addr = *address;
  in6->sin6_scope_id = scope;
  in6->sin6_port = htons(port);
}

static void set_ipv4(const struct in_addr *address, uint16_t port, bool mapped,
                     struct sockaddr_storage *out) {
  struct sockaddr_in *in = (struct sockaddr_in *)out;
  struct in6_addr in6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

  if (mapped) {
    memcpy(&in6.s6_addr[12], address, sizeof(*address));
    set_ipv6(&in6, 0, port, out);
    return;
  }
  memset(out, 0, sizeof(*out));
  in->sin_family = AF_INET;
  in->sin_addr = *address;
  in->sin_port = htons(port);
}

int zuv__tcp_any(uint16_t port, bool ipv6, struct sockaddr_storage *out) {
  struct in_addr any = {.s_addr = htonl(INADDR_ANY)};

  if (ipv6)
    set_ipv6(&in6addr_any, 0, port, out);
  else
    set_ipv4(&any, port, false, out);
  return 0;
}

/* A zone is an interface's name or its number; the name is tried first, for
 * an interface may be called "3". */
static int resolve_zone(const char *zone, uint32_t *out) {
  char name[IF_NAMESIZE];
  part_t part = {zone, strlen(zone)};

  *out = if_nametoindex(zone);
  if (*out != 0)
    return 0;
  if (!parse_number(part, UINT32_MAX, out) ||
      if_indextoname(*out, name) == NULL)
    return UV_EINVAL;
  return 0;
}

int zuv__tcp_resolve_numeric(const char *host, uint16_t port, bool ipv6,
                             struct sockaddr_storage *out) {
  struct in_addr in;
  struct in6_addr in6;
  const char *zone;
  uint32_t scope = 0;

  if (inet_pton(AF_INET, host, &in) == 1) {
    set_ipv4(&in, port, ipv6, out);
    return 0;
  }
  if (!parse_ipv6(host, &in6, &zone))
    return UV_EAI_NONAME;
  if (!ipv6 && zone == NULL && IN6_IS_ADDR_V4MAPPED(&in6)) {
    memcpy(&in, &in6.s6_addr[12], sizeof(in));
    set_ipv4(&in, port, false, out);
    return 0;
  }
  if (!ipv6)
    return UV_ENODEV;
  if (zone != NULL && resolve_zone(zone, &scope) != 0)
    return UV_EINVAL;
  set_ipv6(&in6, scope, port, out);
  return 0;
}

static const struct sockaddr *find_address(const struct ifaddrs *list,
                                           const char *name, int family) {
  const struct ifaddrs *entry;

  for (entry = list; entry != NULL; entry = entry->ifa_next) {
    if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == family &&
        strcmp(entry->ifa_name, name) == 0)
      return entry->ifa_addr;
  }
  return NULL;
}

int zuv__tcp_resolve_interface(const char *name, uint16_t port, bool ipv6,
                               struct sockaddr_storage *out) {
  struct ifaddrs *list;
  const struct sockaddr *found = NULL;
  const struct sockaddr_in *in;
  const struct sockaddr_in6 *in6;
  int status = 0;

  if (getifaddrs(&list) != 0)
    return uv_translate_sys_error(errno);
  if (ipv6)
    found = find_address(list, name, AF_INET6);
  if (found == NULL)
    found = find_address(list, name, AF_INET);
  if (found == NULL) {
    status = UV_ENODEV;
  } else if (found->sa_family == AF_INET6) {
    in6 = (const struct sockaddr_in6 *)(const void *)found;
    set_ipv6(&in6->sin6_addr, in6->sin6_scope_id, port, out);
  } else {
    in = (const struct sockaddr_in *)(const void *)found;
    set_ipv4(&in->sin_addr, port, ipv6, out);
  }
  freeifaddrs(list);
  return status;
}

static int copy_text(const char *text, char *out, size_t size) {
  size_t length = strlen(text);

  if (length >= size)
    return UV_ENOBUFS;
  memcpy(out, text, length + 1);
  return 0;
}

/* "fe80::1%eth0": without the zone the text would name another address. */
static void format_ipv6(const struct sockaddr_in6 *in6,
                        char out[NUMERIC_HOST_SIZE]) {
  size_t length;

  inet_ntop(AF_INET6, &in6->sin6_addr, out, INET6_ADDRSTRLEN);
  if (in6->sin6_scope_id == 0)
    return;
  length = strlen(out);
  out[length++] = '%';
  if (if_indextoname(in6->sin6_scope_id, out + length) == NULL)
    snprintf(out + length, IF_NAMESIZE, "%lu",
             (unsigned long)in6->sin6_scope_id);
}

int zuv__endpoint_format_address(const struct sockaddr *addr, char *out,
                                 size_t size) {
  char host[NUMERIC_HOST_SIZE];
  const void *any_address = addr;

  if (addr->sa_family == AF_INET) {
    const struct sockaddr_in *in = any_address;

    inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
  } else if (addr->sa_family == AF_INET6) {
    format_ipv6(any_address, host);
  } else {
    return UV_EAFNOSUPPORT;
  }
  return copy_text(host, out, size);
}

int zuv__endpoint_format_tcp(const struct sockaddr *addr, char *out,
                             size_t size) {
  char host[NUMERIC_HOST_SIZE];
  char text[ZUV__ENDPOINT_TEXT_SIZE];
  const void *any_address = addr;
  int status = zuv__endpoint_format_address(addr, host, sizeof(host));

  if (status != 0)
    return status;
  if (addr->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = any_address;

    snprintf(text, sizeof(text), "tcp://[%s]:%d", host, ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_in *in = any_address;

    snprintf(text, sizeof(text), "tcp://%s:%d", host, ntohs(in->sin_port));
  }
  return copy_text(text, out, size);
}

int zuv__endpoint_format_ipc(const char *path, size_t length, bool abstract,
                             char *out, size_t size) {
  static const char scheme[] = "ipc://";
  const size_t start = sizeof(scheme) - 1;
  const size_t prefix = abstract ? 1 : 0;

  if (length <= prefix || memchr(path + prefix, '\0', length - prefix) != NULL)
    return UV_EINVAL;
  if (!abstract && path[0] == '@')
    return UV_EINVAL;
  if (size <= start || length >= size - start)
    return UV_ENOBUFS;
  memcpy(out, scheme, start);
  memcpy(out + start, path, length);
  if (abstract)
    out[start] = '@';
  out[start + length] = '\0';
  return 0;
}
