#include "core/body_cache.h"

#include "base/alloc.h"

static atomic_bool is_open;
static atomic_uint next; /* the slot to give up when all are taken */
static _Atomic(zuv__body_t *) slots[ZUV__BODY_CACHE_SLOTS];

void zuv__body_cache_open(void) {
  atomic_store_explicit(&is_open, true, memory_order_relaxed);
}

/* Half of the room may be unused, no more. */
static bool fits(const zuv__body_t *body, size_t size) {
  return body->room >= size && body->room / 2 <= size;
}

/* Whoever exchanges a body out of its slot owns it. */
zuv__body_t *zuv__body_cache_find(size_t size) {
  for (int i = 0; i < ZUV__BODY_CACHE_SLOTS; i++) {
    zuv__body_t *body = atomic_load_explicit(&slots[i], memory_order_relaxed);

    if (body != NULL)
      body = atomic_exchange_explicit(&slots[i], NULL, memory_order_acquire);
    if (body == NULL)
      continue;
    if (fits(body, size))
      return body;
    if (!zuv__body_cache_keep(body))
      zuv__free(body);
  }
  return NULL;
}

static bool keep_in_empty_slot(zuv__body_t *body) {
  for (int i = 0; i < ZUV__BODY_CACHE_SLOTS; i++) {
    zuv__body_t *none = NULL;

    if (atomic_load_explicit(&slots[i], memory_order_relaxed) == NULL &&
        atomic_compare_exchange_strong_explicit(
            &slots[i], &none, body, memory_order_release, memory_order_relaxed))
      return true;
  }
  return false;
}

bool zuv__body_cache_keep(zuv__body_t *body) {
  if (body->room > ZUV__BODY_CACHE_MAX ||
      !atomic_load_explicit(&is_open, memory_order_relaxed))
    return false;
  if (!keep_in_empty_slot(body)) {
    /* The sizes that were of use once may not be any more. */
    unsigned i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    zuv__body_t *older = atomic_exchange_explicit(
        &slots[i % ZUV__BODY_CACHE_SLOTS], body, memory_order_acq_rel);
    zuv__free(older);
  }
  return true;
}
