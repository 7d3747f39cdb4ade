/* A context: how many sockets use it, and the names its inproc endpoints have.
 * The only state of the core that several threads share; `mutex` guards it. */
#ifndef ZUV_CORE_CONTEXT_H
#define ZUV_CORE_CONTEXT_H

#include "base/list.h"
#include "base/map.h"
#include "zuv.h"

typedef struct zuv__context_s {
  uv_mutex_t mutex;
  size_t sockets;
  zuv__map_t inproc_names;   /* of transport/inproc.c: bound names */
  zuv__list_t inproc_parked; /* of transport/inproc.c: connects before a bind */
} zuv__context_t;

/* One socket more uses the context; NULL is the default one. */
int zuv__context_acquire(zuv_context_t *handle, zuv__context_t **out);
void zuv__context_release(zuv__context_t *context);

#endif /* ZUV_CORE_CONTEXT_H */
