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

#include "base/list.h"
#include "core/message.h"

enum {
  ZUV__QUEUE_BLOCK_SIZE = 4096,
  ZUV__QUEUE_COPY_MAX = 256,     /* larger bodies are moved, not copied */
  ZUV__BLOCK_POOL_KEPT_MAX = 128 /* free blocks a loop keeps for reuse */
};

enum { ZUV__QUEUE_BLOCK_ROOM = ZUV__QUEUE_BLOCK_SIZE - 16 };

typedef struct zuv__block_s zuv__block_t;

/* Memory for entries: each a header, then the bytes or a zuv_msg_t. */
struct zuv__block_s {
  zuv__block_t *next;
  uint32_t used;
  uint32_t unused;
  uint64_t bytes[ZUV__QUEUE_BLOCK_ROOM / 8];
};

typedef struct zuv__entry_s {
  uint16_t size; /* of the bytes that follow */
  uint8_t moved; /* a zuv_msg_t follows instead */
  uint8_t more;
  uint8_t flags;
  uint8_t unused[3];
} zuv__entry_t;

typedef struct zuv__block_pool_s {
  zuv__block_t *kept; /* free, for reuse */
  size_t kept_count;
  zuv__block_t *held; /* were given back while pinned */
  unsigned pins;
} zuv__block_pool_t;

void zuv__block_pool_init(zuv__block_pool_t *pool);
void zuv__block_pool_destroy(zuv__block_pool_t *pool);
/* Gives `to` the free blocks that `from` keeps. */
void zuv__block_pool_trade(zuv__block_pool_t *from, zuv__block_pool_t *to);
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
  size_t count;         /* read-only: complete messages */
  size_t partial_bytes; /* read-only: of the incomplete one */
  bool partial;         /* read-only: the last message is incomplete */
  /* Of complete messages: all that were ever put in, all that left it again.
   * Not beside `count`: compilers would make one slow addition of both. */
  uint64_t written_bytes;
  uint64_t read_bytes;
} zuv__queue_t;

void zuv__queue_init(zuv__queue_t *queue);

/* In the bodies of the complete messages. */
static inline size_t zuv__queue_bytes(const zuv__queue_t *queue) {
  return (size_t)(queue->written_bytes - queue->read_bytes);
}

/* Takes the part; `more` says that the message goes on. On UV_ENOMEM the part
 * is still the caller's. */
int zuv__queue_push(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool more);

/* Takes a whole message, or nothing of it. */
static inline int zuv__queue_write(zuv__queue_t *queue, zuv__block_pool_t *pool,
                                   zuv_msg_t *parts, size_t count);

/* Takes the next part into uninitialised memory; `more` says that the message
 * goes on. There must be a complete message. The part may be a view that is
 * valid while the pool is pinned. */
void zuv__queue_pop(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool *more);

/* Like pop, if the next message has a single part; else false, and nothing is
 * taken. */
static inline bool zuv__queue_pop_single(zuv__queue_t *queue,
                                         zuv__block_pool_t *pool,
                                         zuv_msg_t *part);

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

/* ---- The usual case, inline: a single small part ---- */

static inline zuv__entry_t *zuv__entry_at(zuv__block_t *block,
                                          uint32_t offset) {
  return (zuv__entry_t *)(void *)((uint8_t *)block->bytes + offset);
}

/* memcpy without a call, for sizes that are mostly small and at least 32. */
static inline void zuv__copy_small(uint8_t *to, const uint8_t *from,
                                   size_t size) {
  const uint8_t *last;
  uint8_t *to_last;

  if (size < 32) {
    if (size > 0)
      memcpy(to, from, size);
    return;
  }
  last = from + size - 32;
  to_last = to + size - 32;
  for (; from < last; from += 32, to += 32)
    memcpy(to, from, 32);
  memcpy(to_last, last, 32);
}

static inline size_t zuv__entry_room(size_t size) {
  return sizeof(zuv__entry_t) + ((size + 7u) & ~(size_t)7u);
}

ZUV__COLD int zuv__queue_write_parts(zuv__queue_t *queue,
                                     zuv__block_pool_t *pool, zuv_msg_t *parts,
                                     size_t count);
ZUV__COLD bool zuv__queue_pop_single_slow(zuv__queue_t *queue,
                                          zuv__block_pool_t *pool,
                                          zuv_msg_t *part);

static inline int zuv__queue_write(zuv__queue_t *queue, zuv__block_pool_t *pool,
                                   zuv_msg_t *parts, size_t count) {
  zuv__msg_t *m = zuv__msg(parts);
  zuv__block_t *tail = queue->tail;
  size_t size = m->u.far.size;
  const uint8_t *data = m->u.far.data;
  zuv__entry_t *entry;

  if (m->kind == ZUV__MSG_INLINE) {
    size = m->near_size;
    data = m->u.near;
  }
  if (count != 1 || m->kind == ZUV__MSG_COUNTED ||
      m->kind == ZUV__MSG_CONSTANT || size > ZUV__QUEUE_COPY_MAX ||
      m->metadata != NULL || tail == NULL ||
      zuv__entry_room(size) > ZUV__QUEUE_BLOCK_ROOM - tail->used)
    return zuv__queue_write_parts(queue, pool, parts, count);
  entry = zuv__entry_at(tail, tail->used);
  *entry = (zuv__entry_t){.size = (uint16_t)size, .flags = m->flags};
  zuv__copy_small((uint8_t *)(entry + 1), data, size);
  zuv__msg_init(parts);
  queue->mark = tail;
  queue->marked = tail->used += (uint32_t)zuv__entry_room(size);
  queue->count++;
  queue->written_bytes += size;
  return 0;
}

static inline bool zuv__queue_pop_single(zuv__queue_t *queue,
                                         zuv__block_pool_t *pool,
                                         zuv_msg_t *part) {
  zuv__block_t *head = queue->head;
  zuv__entry_t *entry = zuv__entry_at(head, queue->read);
  uint32_t end;

  if (queue->read >= head->used || entry->moved || entry->more)
    return zuv__queue_pop_single_slow(queue, pool, part);
  end = queue->read + (uint32_t)zuv__entry_room(entry->size);
  if (end == head->used)
    return zuv__queue_pop_single_slow(queue, pool, part);
  queue->read = end;
  queue->count--;
  queue->read_bytes += entry->size;
  zuv__msg_init_view(part, entry + 1, entry->size, NULL);
  zuv__msg(part)->flags = entry->flags;
  return true;
}

#endif /* ZUV_CORE_QUEUE_H */
