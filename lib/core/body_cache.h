/* Bodies of large messages that were freed, kept for the next ones. A stream of
 * large messages would else be given back to the system and asked for again,
 * page by page, all the time. Off until it is opened; from any thread. */
#ifndef ZUV_CORE_BODY_CACHE_H
#define ZUV_CORE_BODY_CACHE_H

#include "core/message.h"

enum {
  ZUV__BODY_CACHE_MIN = 32 * 1024, /* smaller ones are the allocator's */
  ZUV__BODY_CACHE_MAX = 2 * 1024 * 1024,
  ZUV__BODY_CACHE_SLOTS = 8
};

void zuv__body_cache_open(void);

/* One with room for `size` bytes, and not much more, or NULL. */
zuv__body_t *zuv__body_cache_find(size_t size);
static inline zuv__body_t *zuv__body_cache_take(size_t size) {
  return size < ZUV__BODY_CACHE_MIN ? NULL : zuv__body_cache_find(size);
}

/* True: it was taken. */
bool zuv__body_cache_keep(zuv__body_t *body);
static inline bool zuv__body_cache_give(zuv__body_t *body) {
  return body->room >= ZUV__BODY_CACHE_MIN && zuv__body_cache_keep(body);
}

#endif /* ZUV_CORE_BODY_CACHE_H */
