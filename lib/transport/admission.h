/* Who decides whether a peer may come in: the application, a ZAP handler, or
 * nobody. The rules are libzmq's. */
#ifndef ZUV_TRANSPORT_ADMISSION_H
#define ZUV_TRANSPORT_ADMISSION_H

#include "core/authentication.h"
#include "core/socket.h"

enum { ZUV__ADMITTED = 1 };

/* Somebody may be asked. Most sockets never ask: they need not describe their
 * peers, nor look who is bound. */
bool zuv__admission_may_ask(const zuv__socket_t *socket,
                            const zuv__security_t *security);

/* ZUV__ADMITTED: nobody is to be asked. 0: *out is asked. UV_EFAULT: there
 * should be a handler, and is none. UV_ECANCELED: the application is not asked
 * any more, for the socket closes. UV_ENOMEM. */
int zuv__admission_begin(const zuv__admission_t *admission,
                         zuv__authentication_t **out);

#endif /* ZUV_TRANSPORT_ADMISSION_H */
