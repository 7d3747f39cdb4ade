/* The tcp sockets of listeners and connectors: made, set up by the options, and
 * bound or connected by us, since much must be set before libuv sees them. */
#ifndef ZUV_TRANSPORT_TCP_H
#define ZUV_TRANSPORT_TCP_H

#include "core/options.h"
#include "transport/endpoint.h"

/* The address that binding to the endpoint means. A host name is looked up
 * while the call waits. UV_ENODEV: no such host or interface. */
int zuv__tcp_resolve_bind(const zuv__tcp_endpoint_t *endpoint, bool ipv6,
                          struct sockaddr_storage *out);

/* A listening descriptor. A host name is looked up while the call waits.
 * UV_ENODEV: no such host or interface. */
int zuv__tcp_listen(const zuv__tcp_endpoint_t *endpoint,
                    const zuv__options_t *options, int *out);

/* A descriptor on its way to the address: 0 when connected, UV_EALREADY while
 * it is in progress, or an error, and no descriptor then. */
int zuv__tcp_connect(const struct sockaddr *address, socklen_t length,
                     const zuv__tcp_endpoint_t *endpoint,
                     const zuv__options_t *options, int *out);

/* What applies to every connected descriptor. */
void zuv__tcp_tune(int fd, const zuv__options_t *options);

/* It is connected to itself: where nobody listens on a port that the kernel
 * takes for outgoing connections, one may meet itself. */
bool zuv__tcp_is_own_end(int fd);

/* The address length of what zuv__tcp_resolve_* answers. */
socklen_t zuv__tcp_address_length(const struct sockaddr_storage *address);

#endif /* ZUV_TRANSPORT_TCP_H */
