/* An endpoint of a socket: one zuv_bind() or zuv_connect(). The transports
 * embed it as the head of their listeners and connectors. */
#ifndef ZUV_CORE_ENDPOINT_H
#define ZUV_CORE_ENDPOINT_H

#include "base/list.h"
#include "core/options.h"

struct zuv__socket_s;
typedef struct zuv__endpoint_s zuv__endpoint_t;

struct zuv__endpoint_s {
  zuv__list_t in_socket;
  struct zuv__socket_s *socket;
  char *text; /* what unbind or disconnect must say; owned */
  bool bound;
  /* Ends it and frees it, soon or now. Connections made through it linger as
   * told, -1 without end. */
  void (*close)(zuv__endpoint_t *endpoint, int linger);
};

/* A transport: one line in transport/transports.c. Both make an endpoint,
 * add it to the socket with zuv__socket_add_endpoint(), or answer UV_E*. */
typedef struct zuv__transport_s {
  const char *scheme;
  int (*bind)(struct zuv__socket_s *socket, const char *text);
  int (*connect)(struct zuv__socket_s *socket, const char *text);
} zuv__transport_t;

/* UV_EINVAL: no endpoint; UV_EPROTONOSUPPORT: unknown scheme. */
int zuv__transport_find(const char *text, const zuv__transport_t **out);

#endif /* ZUV_CORE_ENDPOINT_H */
