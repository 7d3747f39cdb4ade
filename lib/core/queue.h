/* A queue of messages: one direction of a pipe. It starts empty, holding no
 * memory, and gives its memory back as it drains.
 *
 * Parts are kept in blocks, small bodies copied into the block itself, so that
 * a burst of small messages costs neither an allocation nor a pointer chase
 * each. A message becomes readable when its last part is in. Writing a whole
 * message either takes it all or leaves the queue as it was (UV_ENOMEM).
 *
 * Blocks come from a pool that belongs to the loop. Reading yields views into
 * blocks; while the pool is pinned, blocks that were read are kept, so the
 * views stay valid whatever happens to the queue. */
#ifndef ZUV_CORE_QUEUE_H
#define ZUV_CORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

enum {
  ZUV__QUEUE_BLOCK_SIZE = 4096,
  ZUV__QUEUE_COPY_MAX = 256,     /* larger bodies are moved, not copied */
  ZUV__BLOCK_POOL_KEPT_MAX = 128 /* free blocks a loop keeps for reuse */
};

typedef struct zuv__block_s zuv__block_t;

typedef struct zuv__block_pool_s {
  zuv__block_t *kept; /* free, for reuse */
  size_t kept_count;
  zuv__block_t *held; /* were given back while pinned */
  unsigned pins;
} zuv__block_pool_t;

void zuv__block_pool_init(zuv__block_pool_t *pool);
void zuv__block_pool_destroy(zuv__block_pool_t *pool);
void zuv__block_pool_unpin_last(zuv__block_pool_t *pool);

static inline void zuv__block_pool_pin(zuv__block_pool_t *pool) {
  pool->pins++;
}

static inline void zuv__block_pool_unpin(zuv__block_pool_t *pool) {
  if (--pool->pins == 0 && pool->held != NULL)
    zuv__block_pool_unpin_last(pool);
}

typedef struct zuv__queue_s {
  zuv__block_t *head; /* read from here, at `read` */
  zuv__block_t *tail; /* written here */
  zuv__block_t *mark; /* where the incomplete message begins, at `marked` */
  uint32_t read;
  uint32_t marked;
  size_t count; /* read-only: complete messages */
  bool partial; /* read-only: the last message is incomplete */
} zuv__queue_t;

void zuv__queue_init(zuv__queue_t *queue);

/* Takes the part; `more` says that the message goes on. On UV_ENOMEM the part
 * is still the caller's. */
int zuv__queue_push(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool more);

/* Takes a whole message, or nothing of it. */
int zuv__queue_write(zuv__queue_t *queue, zuv__block_pool_t *pool,
                     zuv_msg_t *parts, size_t count);

/* Takes the next part into uninitialised memory; `more` says that the message
 * goes on. There must be a complete message. The part may be a view that is
 * valid while the pool is pinned. */
void zuv__queue_pop(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool *more);

/* How many parts the next complete message has. There must be one. */
size_t zuv__queue_next_parts(const zuv__queue_t *queue);

/* The flags (ZUV__MSG_*) of the next part. There must be a message. */
uint8_t zuv__queue_next_flags(const zuv__queue_t *queue);

/* Drops the parts of the incomplete message. */
void zuv__queue_rollback(zuv__queue_t *queue, zuv__block_pool_t *pool);

/* Drops everything. */
void zuv__queue_clear(zuv__queue_t *queue, zuv__block_pool_t *pool);

/* Moves all of `from`, which has no incomplete message, behind `to`. */
void zuv__queue_splice(zuv__queue_t *to, zuv__queue_t *from);

#endif /* ZUV_CORE_QUEUE_H */
