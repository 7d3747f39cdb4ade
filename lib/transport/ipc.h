/* The unix-domain sockets of listeners and connectors: paths, abstract names,
 * and the wildcard, which makes a path of its own and removes it in the end. */
#ifndef ZUV_TRANSPORT_IPC_H
#define ZUV_TRANSPORT_IPC_H

#include "core/options.h"
#include "transport/endpoint.h"

/* A listening descriptor. For a wildcard *directory is a directory made for it,
 * which the caller owns and later hands to zuv__ipc_cleanup(); else NULL. */
int zuv__ipc_listen(const zuv__ipc_endpoint_t *endpoint,
                    const zuv__options_t *options, int *out, char **directory);

/* Removes the socket and its directory, and frees the text. NULL is fine. */
void zuv__ipc_cleanup(char *directory);

/* A connected descriptor, or why there is none: this never takes time. */
int zuv__ipc_connect(const zuv__ipc_endpoint_t *endpoint,
                     const zuv__options_t *options, int *out);

/* What applies to every descriptor, and no accepted one has of its listener. */
void zuv__ipc_tune(int fd, const zuv__options_t *options);

#endif /* ZUV_TRANSPORT_IPC_H */
