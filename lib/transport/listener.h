/* A bound tcp or ipc endpoint: accepts connections, and owns the sessions of
 * the peers accepted. */
#ifndef ZUV_TRANSPORT_LISTENER_H
#define ZUV_TRANSPORT_LISTENER_H

#include "core/socket.h"

/* The bind of the transport table for "tcp" and "ipc". */
int zuv__listener_bind(zuv__socket_t *socket, const char *text);

#endif /* ZUV_TRANSPORT_LISTENER_H */
