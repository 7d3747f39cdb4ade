/* The table of transports, and what the socket asks of it. */
#ifndef ZUV_TRANSPORT_TRANSPORTS_H
#define ZUV_TRANSPORT_TRANSPORTS_H

#include "core/socket.h"
#include "transport/endpoint.h"

enum { ZUV__TRANSPORT_TEXT_SIZE = ZUV__ENDPOINT_TEXT_SIZE };

extern const zuv__transport_t zuv__transport_inproc;

/* For unbind and disconnect with another text for the same address: writes the
 * text with host or interface name resolved, if it is a tcp one. UV_EINVAL: it
 * is no endpoint to bind, nor one to connect. UV_ENOENT and others: there is no
 * other text. */
int zuv__transport_resolve_text(zuv__socket_t *socket, const char *text,
                                char resolved[ZUV__TRANSPORT_TEXT_SIZE]);

#endif /* ZUV_TRANSPORT_TRANSPORTS_H */
