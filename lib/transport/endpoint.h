/* Endpoint strings: "tcp://127.0.0.1:5555", "ipc:///run/feed", "inproc://a".
 *
 * The socket parses the text of every bind and connect here; the listener and
 * the connector turn the parsed host into a socket address at the time they
 * need one, and format addresses for ZMQ_LAST_ENDPOINT, monitor events and
 * message metadata.
 *
 * Parsing is pure. The zuv__tcp_resolve_* functions may ask the kernel for its
 * interfaces but never for names on the network, so nothing here blocks.
 * All functions return 0 or a negative UV_E* code. */
#ifndef ZUV_TRANSPORT_ENDPOINT_H
#define ZUV_TRANSPORT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A host name, address or interface name, with its NUL. */
#define ZUV__HOST_SIZE 256

/* An ipc path with its NUL: 107 bytes and one on Linux. */
#define ZUV__IPC_PATH_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path))

/* Enough for every text that zuv__endpoint_format_* can write. */
#define ZUV__ENDPOINT_TEXT_SIZE 128

typedef enum {
  ZUV__TRANSPORT_TCP,
  ZUV__TRANSPORT_IPC,
  ZUV__TRANSPORT_INPROC
} zuv__scheme_t;

typedef struct {
  /* Without the brackets of an IPv6 address, with its zone ("fe80::1%lo").
   * "*" when any_host. */
  char host[ZUV__HOST_SIZE];
  uint16_t port; /* 0 when any_port */
  bool any_host; /* bind only: "*" */
  bool any_port; /* bind only: "*" or "0" */

  /* connect only: the local address to bind first, numeric or an interface */
  bool has_source;
  char source[ZUV__HOST_SIZE];
  uint16_t source_port; /* 0: any */
} zuv__tcp_endpoint_t;

typedef struct {
  /* The first `length` bytes are what belongs in sun_path, and a NUL follows.
   * The name of an abstract socket starts with NUL, which replaces the "@" of
   * the text and counts as one byte. */
  char path[ZUV__IPC_PATH_SIZE];
  size_t length;
  bool wildcard; /* bind only: "*", choose a path; `path` is empty */
  bool abstract;
} zuv__ipc_endpoint_t;

typedef struct {
  zuv__scheme_t scheme;
  union {
    zuv__tcp_endpoint_t tcp;
    zuv__ipc_endpoint_t ipc;
    struct {
      const char *name; /* points into the parsed text, behind "inproc://" */
    } inproc;
  } u;
} zuv__endpoint_address_t;

/* Parse the text of a bind or of a connect. `out` is meaningful only on
 * success.
 *   UV_EINVAL           malformed (`text` may be NULL)
 *   UV_EPROTONOSUPPORT  a scheme that is unknown or in the wrong case
 *   UV_ENAMETOOLONG     an ipc path that does not fit
 *   UV_ENODEV           bind to an empty tcp host, ":5555"
 * A bind may carry a source ("lo:0;127.0.0.1:5555"): it is checked, then
 * ignored. */
int zuv__endpoint_parse_bind(const char *text, zuv__endpoint_address_t *out);
int zuv__endpoint_parse_connect(const char *text, zuv__endpoint_address_t *out);

/* "HOST:PORT", as the value of ZMQ_SOCKS_PROXY has it: no scheme, no source.
 * `text` need not end with a NUL. UV_EINVAL: malformed. */
int zuv__endpoint_parse_proxy(const char *text, size_t length,
                              zuv__tcp_endpoint_t *out);

/* The address of a wildcard bind; with `ipv6` a dual-stack one. */
int zuv__tcp_any(uint16_t port, bool ipv6, struct sockaddr_storage *out);

/* An address in digits, with an optional zone. With `ipv6` an IPv4 address
 * becomes a v4-mapped one, and without it a v4-mapped one the IPv4 address that
 * it is: so ZMQ_LAST_ENDPOINT of a dual-stack socket is of use to any other.
 *   UV_EAI_NONAME  not numeric: go on with the interface or the host name
 *   UV_ENODEV      an IPv6 address, but `ipv6` is off
 *   UV_EINVAL      the zone is empty or no interface has it */
int zuv__tcp_resolve_numeric(const char *host, uint16_t port, bool ipv6,
                             struct sockaddr_storage *out);

/* The first address of a network interface. With `ipv6` its first IPv6
 * address, or its first IPv4 address v4-mapped if it has none.
 *   UV_ENODEV  no such interface, or it has no suitable address
 * or the reason why the interfaces cannot be listed. */
int zuv__tcp_resolve_interface(const char *name, uint16_t port, bool ipv6,
                               struct sockaddr_storage *out);

/* Write text with its NUL into `out`; ZUV__ENDPOINT_TEXT_SIZE always fits.
 *   UV_ENOBUFS       `out` is too small
 *   UV_EAFNOSUPPORT  `addr` is neither IPv4 nor IPv6 */

/* "tcp://1.2.3.4:5", "tcp://[::1]:5". */
int zuv__endpoint_format_tcp(const struct sockaddr *addr, char *out,
                             size_t size);

/* "1.2.3.4", "::1": an address without its port. */
int zuv__endpoint_format_address(const struct sockaddr *addr, char *out,
                                 size_t size);

/* "ipc:///run/feed", "ipc://@name". `path` and `length` as in
 * zuv__ipc_endpoint_t; UV_EINVAL if text cannot express the name: it is empty
 * or has a NUL inside. */
int zuv__endpoint_format_ipc(const char *path, size_t length, bool abstract,
                             char *out, size_t size);

#endif /* ZUV_TRANSPORT_ENDPOINT_H */
