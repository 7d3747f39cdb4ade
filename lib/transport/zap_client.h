/* Asks the ZAP handler of the context about a peer: one DEALER of our own for
 * each question, connected to inproc://zeromq.zap.01, so that handlers see what
 * they see from libzmq, and none waits for another. */
#ifndef ZUV_TRANSPORT_ZAP_CLIENT_H
#define ZUV_TRANSPORT_ZAP_CLIENT_H

#include "core/authentication.h"
#include "core/context.h"

/* A handler, REP or ROUTER, is bound in this context. */
bool zuv__zap_has_handler(zuv__context_t *context);

/* Sends the request. UV_ENOMEM and other errors of making a socket: nothing was
 * asked. */
int zuv__zap_ask(const zuv__admission_t *admission,
                 zuv__authentication_t **out);

#endif /* ZUV_TRANSPORT_ZAP_CLIENT_H */
