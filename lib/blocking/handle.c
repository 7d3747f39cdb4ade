#include "blocking/handle.h"

#include <string.h>

#include "base/alloc.h"

/* A handle serves again when so many that were closed earlier are unused. */
enum { UNUSED_MIN = 256 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void zmq__handles_lock(void) {
  pthread_mutex_lock(&mutex);
}

void zmq__handles_unlock(void) {
  pthread_mutex_unlock(&mutex);
}

static zmq__handle_t *reuse(zmq__handle_pool_t *pool) {
  zmq__handle_t *handle = NULL;

  zmq__handles_lock();
  if (pool->unused_count > UNUSED_MIN) {
    handle = zuv__container_of(pool->unused.next, zmq__handle_t, unused);
    zuv__list_remove(&handle->unused);
    pool->unused_count--;
  }
  zmq__handles_unlock();
  return handle;
}

void *zmq__handle_open(zmq__handle_pool_t *pool) {
  zmq__handle_t *handle = reuse(pool);

  if (handle == NULL)
    handle = zuv__calloc(1, pool->size);
  else
    memset(handle + 1, 0, pool->size - sizeof(*handle));
  if (handle == NULL)
    return NULL;
  zuv__list_init(&handle->unused);
  atomic_store_explicit(&handle->tag, pool->tag, memory_order_release);
  return handle;
}

bool zmq__handle_close(zmq__handle_pool_t *pool, void *handle) {
  zmq__handle_t *h = handle;
  unsigned tag = pool->tag;

  return h != NULL &&
         atomic_compare_exchange_strong_explicit(
             &h->tag, &tag, 0, memory_order_acq_rel, memory_order_relaxed);
}

void zmq__handle_retire(zmq__handle_pool_t *pool, void *handle) {
  zmq__handle_t *h = handle;

  zmq__handles_lock();
  if (pool->unused.next == NULL)
    zuv__list_init(&pool->unused);
  zuv__list_push_back(&pool->unused, &h->unused);
  pool->unused_count++;
  zmq__handles_unlock();
}
