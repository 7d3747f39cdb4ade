/* A connecting tcp or ipc endpoint: tries, serves its session, and tries again
 * when that is lost. */
#ifndef ZUV_TRANSPORT_CONNECTOR_H
#define ZUV_TRANSPORT_CONNECTOR_H

#include "core/socket.h"

/* The connect of the transport table for "tcp" and "ipc". */
int zuv__connector_connect(zuv__socket_t *socket, const char *text);

#endif /* ZUV_TRANSPORT_CONNECTOR_H */
