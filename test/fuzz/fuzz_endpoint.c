/* Feeds any text to bind and connect. What is accepted must lie within its
 * bounds, and the text that is given back for it must mean the same again. */
#include "transport/endpoint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*parse_t)(const char *text, zuv__endpoint_address_t *out);

/* Also where NDEBUG is set. */
static void check(bool condition) {
  if (!condition)
    abort();
}

static void check_status(int status) {
  check(status == 0 || status == UV_EINVAL || status == UV_EPROTONOSUPPORT ||
        status == UV_ENAMETOOLONG || status == UV_ENODEV);
}

static void check_host(const char *host) {
  check(memchr(host, '\0', ZUV__HOST_SIZE) != NULL);
  check(host[0] != '\0');
}

static void check_numeric(const char *host, uint16_t port, bool ipv6) {
  struct sockaddr_storage first;
  struct sockaddr_storage second;
  zuv__endpoint_address_t again;
  const zuv__tcp_endpoint_t *tcp = &again.u.tcp;
  char text[ZUV__ENDPOINT_TEXT_SIZE];
  char peer[ZUV__ENDPOINT_TEXT_SIZE];
  int status = zuv__tcp_resolve_numeric(host, port, ipv6, &first);

  check(status == 0 || status == UV_EAI_NONAME || status == UV_ENODEV ||
        status == UV_EINVAL);
  if (status != 0)
    return;
  check(first.ss_family == (ipv6 ? AF_INET6 : AF_INET));
  check(zuv__endpoint_format_tcp((struct sockaddr *)&first, text,
                                 sizeof(text)) == 0);
  check(zuv__endpoint_parse_bind(text, &again) == 0);
  check(again.scheme == ZUV__TRANSPORT_TCP && tcp->port == port);
  check(zuv__tcp_resolve_numeric(tcp->host, tcp->port, ipv6, &second) == 0);
  check(memcmp(&first, &second, sizeof(first)) == 0);
  check(zuv__endpoint_format_address((struct sockaddr *)&first, peer,
                                     sizeof(peer)) == 0);
  check(strcmp(peer, tcp->host) == 0);
}

static void check_tcp(const zuv__tcp_endpoint_t *tcp, bool is_bind) {
  check_host(tcp->host);
  check(tcp->any_port == (tcp->port == 0));
  check(tcp->any_host == (strcmp(tcp->host, "*") == 0));
  check(is_bind ? !tcp->has_source : !tcp->any_host && !tcp->any_port);
  check_numeric(tcp->host, tcp->port, false);
  check_numeric(tcp->host, tcp->port, true);
  if (!tcp->has_source)
    return;
  check_host(tcp->source);
  check_numeric(tcp->source, tcp->source_port, false);
  check_numeric(tcp->source, tcp->source_port, true);
}

static void check_ipc(const char *text, const zuv__ipc_endpoint_t *ipc,
                      bool is_bind) {
  char again[ZUV__ENDPOINT_TEXT_SIZE];

  check(ipc->length < sizeof(ipc->path));
  check(ipc->path[ipc->length] == '\0');
  if (ipc->wildcard) {
    check(is_bind && ipc->length == 0);
    return;
  }
  check(ipc->length > (ipc->abstract ? 1 : 0));
  check(zuv__endpoint_format_ipc(ipc->path, ipc->length, ipc->abstract, again,
                                 sizeof(again)) == 0);
  check(strcmp(again, text) == 0);
}

static void check_parse(const char *text, parse_t parse, bool is_bind) {
  zuv__endpoint_address_t address;
  int status = parse(text, &address);

  check_status(status);
  if (status != 0)
    return;
  switch (address.scheme) {
    case ZUV__TRANSPORT_TCP:
      check_tcp(&address.u.tcp, is_bind);
      break;
    case ZUV__TRANSPORT_IPC:
      check_ipc(text, &address.u.ipc, is_bind);
      break;
    case ZUV__TRANSPORT_INPROC:
      check(address.u.inproc.name == text + strlen("inproc://"));
      check(address.u.inproc.name[0] != '\0');
      break;
  }
}

/* The value of an option: it has a size, and maybe a NUL inside. */
static void check_proxy(const uint8_t *data, size_t size) {
  zuv__tcp_endpoint_t proxy;
  int status = zuv__endpoint_parse_proxy((const char *)data, size, &proxy);

  check(status == 0 || status == UV_EINVAL);
  if (status == 0)
    check_tcp(&proxy, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);

  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  check_parse(text, zuv__endpoint_parse_bind, true);
  check_parse(text, zuv__endpoint_parse_connect, false);
  check_proxy(data, size);
  check_numeric(text, 5, false);
  check_numeric(text, 5, true);
  free(text);
  return 0;
}
