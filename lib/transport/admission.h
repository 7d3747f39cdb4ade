/* Who decides whether a peer may come in: the application, a ZAP handler, or
 * nobody. The rules are libzmq's. */
#ifndef ZUV_TRANSPORT_ADMISSION_H
#define ZUV_TRANSPORT_ADMISSION_H

#include "core/authentication.h"

enum { ZUV__ADMITTED = 1 };

/* ZUV__ADMITTED: nobody is to be asked. 0: *out is asked. UV_EFAULT: there
 * should be a handler, and is none. UV_ENOMEM. */
int zuv__admission_begin(const zuv__admission_t *admission,
                         zuv__authentication_t **out);

#endif /* ZUV_TRANSPORT_ADMISSION_H */
