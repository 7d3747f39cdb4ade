/* Whether the accept filters of a listener let a connection in. */
#ifndef ZUV_TRANSPORT_FILTER_H
#define ZUV_TRANSPORT_FILTER_H

#include "core/options.h"

/* 0, or UV_EACCES: the peer matches no filter, or has gone, so that nobody can
 * tell. With IPC_FILTER_GID the groups of a user are looked up in the system's
 * databases while the call waits, which takes time where these are across a
 * network; UV_ENOMEM: not enough memory for that. */
int zuv__filter_check(int fd, const zuv__options_t *options);

#endif /* ZUV_TRANSPORT_FILTER_H */
