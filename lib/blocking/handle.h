/* What a program gets as `void *` for a socket or a context: memory that begins
 * with a tag. It is never given back to the allocator, so a handle that was
 * closed can be told from an open one for ever, until its memory serves again
 * for another, which is put off as long as few are unused. */
#ifndef ZMQ_BLOCKING_HANDLE_H
#define ZMQ_BLOCKING_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

typedef struct zmq__handle_s {
  atomic_uint tag; /* of its pool while open, else 0 */
  zuv__list_t unused;
} zmq__handle_t;

/* Handles of one kind. */
typedef struct zmq__handle_pool_s {
  const unsigned tag;
  const size_t size; /* of the struct that begins with the handle */
  zuv__list_t unused;
  size_t unused_count;
} zmq__handle_pool_t;

/* An open handle; all behind it is zero. NULL: no memory. */
void *zmq__handle_open(zmq__handle_pool_t *pool);
/* Closes it. False: it is not open, or another thread was quicker. */
bool zmq__handle_close(zmq__handle_pool_t *pool, void *handle);
/* Nobody looks behind the tag of a closed one any more. */
void zmq__handle_retire(zmq__handle_pool_t *pool, void *handle);

static inline bool zmq__handle_is_open(const zmq__handle_pool_t *pool,
                                       void *handle) {
  zmq__handle_t *h = handle;
  return h != NULL &&
         atomic_load_explicit(&h->tag, memory_order_acquire) == pool->tag;
}

/* One lock for all pools, and for the list of contexts: what must be whole when
 * the process forks. */
void zmq__handles_lock(void);
void zmq__handles_unlock(void);

#endif /* ZMQ_BLOCKING_HANDLE_H */
