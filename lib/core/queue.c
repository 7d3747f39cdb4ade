#include "core/queue.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

_Static_assert(sizeof(zuv__entry_t) == 8, "entries keep blocks aligned");
_Static_assert(sizeof(zuv__block_t) == ZUV__QUEUE_BLOCK_SIZE, "block size");

void zuv__block_pool_init(zuv__block_pool_t *pool) {
  memset(pool, 0, sizeof(*pool));
}

static void block_list_free(zuv__block_t *block) {
  while (block != NULL) {
    zuv__block_t *next = block->next;
    zuv__free(block);
    block = next;
  }
}

void zuv__block_pool_destroy(zuv__block_pool_t *pool) {
  assert(pool->pins == 0 && pool->held == NULL);
  block_list_free(pool->kept);
  zuv__block_pool_init(pool);
}

static zuv__block_t *block_get(zuv__block_pool_t *pool) {
  zuv__block_t *block = pool->kept;
  if (block != NULL) {
    pool->kept = block->next;
    pool->kept_count--;
  } else {
    block = zuv__malloc(sizeof(*block));
    if (block == NULL)
      return NULL;
  }
  block->next = NULL;
  block->used = 0;
  return block;
}

static void block_keep(zuv__block_pool_t *pool, zuv__block_t *block) {
  if (pool->kept_count >= ZUV__BLOCK_POOL_KEPT_MAX) {
    zuv__free(block);
    return;
  }
  block->next = pool->kept;
  pool->kept = block;
  pool->kept_count++;
}

static void block_put(zuv__block_pool_t *pool, zuv__block_t *block) {
  if (pool->pins == 0) {
    block_keep(pool, block);
    return;
  }
  block->next = pool->held;
  pool->held = block;
}

void zuv__block_pool_unpin_last(zuv__block_pool_t *pool) {
  zuv__block_t *block = pool->held;
  pool->held = NULL;
  while (block != NULL) {
    zuv__block_t *next = block->next;
    block_keep(pool, block);
    block = next;
  }
}

void zuv__block_pool_trade(zuv__block_pool_t *from, zuv__block_pool_t *to) {
  zuv__block_t *block = from->kept;

  from->kept = NULL;
  from->kept_count = 0;
  while (block != NULL) {
    zuv__block_t *next = block->next;
    block_keep(to, block);
    block = next;
  }
}

void zuv__queue_init(zuv__queue_t *queue) {
  memset(queue, 0, sizeof(*queue));
}

/* Empty, and without blocks. */
static void reset(zuv__queue_t *queue) {
  queue->head = queue->tail = queue->mark = NULL;
  queue->read = queue->marked = 0;
  queue->count = 0;
  queue->partial = false;
  queue->partial_bytes = 0;
  queue->read_bytes = queue->written_bytes;
}

static inline uint32_t entry_size(const zuv__entry_t *entry) {
  if (entry->moved)
    return (uint32_t)(sizeof(zuv__entry_t) + sizeof(zuv_msg_t));
  return (uint32_t)(sizeof(zuv__entry_t) + ((entry->size + 7u) & ~7u));
}

static zuv__entry_t *entry_new(zuv__queue_t *queue, zuv__block_pool_t *pool,
                               uint32_t size) {
  zuv__block_t *tail = queue->tail;
  zuv__entry_t *entry;

  if (tail == NULL || size > ZUV__QUEUE_BLOCK_ROOM - tail->used) {
    zuv__block_t *block = block_get(pool);
    if (block == NULL)
      return NULL;
    if (tail == NULL) {
      queue->head = queue->mark = block;
      queue->read = queue->marked = 0;
    } else {
      tail->next = block;
    }
    queue->tail = tail = block;
  }
  entry = zuv__entry_at(tail, tail->used);
  tail->used += size;
  return entry;
}

/* Copies the part into the queue; the source is not touched, so that a failing
 * write can be taken back. */
static int part_put(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool more) {
  zuv__msg_t *m = zuv__msg(part);
  size_t size = zuv__msg_size(part);
  zuv__entry_t *entry;

  if ((m->kind == ZUV__MSG_INLINE ||
       (m->kind == ZUV__MSG_VIEW && size <= ZUV__QUEUE_COPY_MAX)) &&
      m->metadata == NULL) {
    uint32_t room =
        (uint32_t)(sizeof(zuv__entry_t) + ((size + 7u) & ~(size_t)7u));
    entry = entry_new(queue, pool, room);
    if (entry == NULL)
      return UV_ENOMEM;
    entry->size = (uint16_t)size;
    entry->moved = 0;
    zuv__copy_small((uint8_t *)(entry + 1), zuv__msg_data(part), size);
  } else {
    int err = zuv__msg_make_lasting(part);
    if (err != 0)
      return err;
    entry = entry_new(queue, pool,
                      (uint32_t)(sizeof(zuv__entry_t) + sizeof(zuv_msg_t)));
    if (entry == NULL)
      return UV_ENOMEM;
    entry->moved = 1;
    entry->size = 0;
    memcpy(entry + 1, part, sizeof(*part));
  }
  entry->more = more;
  entry->flags = m->flags;
  queue->partial_bytes += size;
  return 0;
}

/* Forgets what was written since the mark, without closing it. */
static void back_to_mark(zuv__queue_t *queue, zuv__block_pool_t *pool) {
  zuv__block_t *block;

  queue->partial = false;
  queue->partial_bytes = 0;
  if (queue->mark == NULL)
    return;
  block = queue->mark->next;
  queue->mark->next = NULL;
  queue->mark->used = queue->marked;
  queue->tail = queue->mark;
  while (block != NULL) {
    zuv__block_t *next = block->next;
    block_put(pool, block);
    block = next;
  }
}

static inline void commit(zuv__queue_t *queue) {
  queue->mark = queue->tail;
  queue->marked = queue->tail->used;
  queue->partial = false;
  queue->count++;
  queue->written_bytes += queue->partial_bytes;
  queue->partial_bytes = 0;
}

int zuv__queue_push(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool more) {
  int err = part_put(queue, pool, part, more);
  if (err != 0)
    return err;
  zuv__msg_init(part);
  if (more)
    queue->partial = true;
  else
    commit(queue);
  return 0;
}

int zuv__queue_write_parts(zuv__queue_t *queue, zuv__block_pool_t *pool,
                           zuv_msg_t *parts, size_t count) {
  assert(!queue->partial);
  for (size_t i = 0; i < count; i++) {
    int err = part_put(queue, pool, &parts[i], i + 1 < count);
    if (err != 0) {
      back_to_mark(queue, pool);
      return err;
    }
  }
  for (size_t i = 0; i < count; i++)
    zuv__msg_init(&parts[i]);
  commit(queue);
  return 0;
}

/* The last message ended exactly with its block. */
static void next_block(zuv__queue_t *queue, zuv__block_pool_t *pool) {
  zuv__block_t *head = queue->head;

  queue->head = head->next;
  if (queue->mark == head) {
    queue->mark = queue->head;
    queue->marked = 0;
  }
  block_put(pool, head);
  queue->read = 0;
}

static inline const zuv__entry_t *next_entry(zuv__queue_t *queue,
                                             zuv__block_pool_t *pool) {
  assert(queue->count > 0);
  if (queue->read == queue->head->used && queue->head->next != NULL)
    next_block(queue, pool);
  return zuv__entry_at(queue->head, queue->read);
}

static inline void take_entry(zuv__queue_t *queue, zuv__block_pool_t *pool,
                              const zuv__entry_t *entry, zuv_msg_t *part) {
  zuv__block_t *head = queue->head;

  if (entry->moved)
    memcpy(part, entry + 1, sizeof(*part));
  else
    zuv__msg_init_view(part, entry + 1, entry->size, NULL);
  zuv__msg(part)->flags = entry->flags;
  queue->read_bytes += zuv__msg_size(part);
  queue->read += entry_size(entry);
  if (queue->read == head->used && head == queue->tail) {
    reset(queue);
    block_put(pool, head);
  }
}

void zuv__queue_pop(zuv__queue_t *queue, zuv__block_pool_t *pool,
                    zuv_msg_t *part, bool *more) {
  const zuv__entry_t *entry = next_entry(queue, pool);

  *more = entry->more;
  if (!entry->more)
    queue->count--;
  take_entry(queue, pool, entry, part);
}

bool zuv__queue_pop_single_slow(zuv__queue_t *queue, zuv__block_pool_t *pool,
                                zuv_msg_t *part) {
  const zuv__entry_t *entry = next_entry(queue, pool);

  if (entry->more)
    return false;
  queue->count--;
  take_entry(queue, pool, entry, part);
  return true;
}

size_t zuv__queue_next_parts(const zuv__queue_t *queue) {
  zuv__block_t *block = queue->head;
  uint32_t offset = queue->read;
  size_t count = 0;
  const zuv__entry_t *entry;

  do {
    if (offset == block->used) {
      block = block->next;
      offset = 0;
    }
    entry = zuv__entry_at(block, offset);
    offset += entry_size(entry);
    count++;
  } while (entry->more);
  return count;
}

uint8_t zuv__queue_next_flags(const zuv__queue_t *queue) {
  zuv__block_t *block = queue->head;
  uint32_t offset = queue->read;

  if (offset == block->used) {
    block = block->next;
    offset = 0;
  }
  return zuv__entry_at(block, offset)->flags;
}

/* Closes the messages from the given place to the end. */
static void close_from(zuv__block_t *block, uint32_t offset) {
  for (; block != NULL; block = block->next, offset = 0) {
    while (offset < block->used) {
      zuv__entry_t *entry = zuv__entry_at(block, offset);
      if (entry->moved)
        zuv__msg_close((zuv_msg_t *)(void *)(entry + 1));
      offset += entry_size(entry);
    }
  }
}

void zuv__queue_rollback(zuv__queue_t *queue, zuv__block_pool_t *pool) {
  if (!queue->partial)
    return;
  close_from(queue->mark, queue->marked);
  back_to_mark(queue, pool);
  if (queue->count == 0)
    zuv__queue_clear(queue, pool);
}

void zuv__queue_clear(zuv__queue_t *queue, zuv__block_pool_t *pool) {
  zuv__block_t *block = queue->head;

  close_from(block, queue->read);
  reset(queue);
  while (block != NULL) {
    zuv__block_t *next = block->next;
    block_put(pool, block);
    block = next;
  }
}

void zuv__queue_splice(zuv__queue_t *to, zuv__queue_t *from) {
  assert(!from->partial && !to->partial);
  if (from->count == 0)
    return;
  if (to->tail == NULL) {
    to->head = from->head;
    to->read = from->read;
  } else {
    /* Blocks are read from their start, except for the first of a queue. */
    assert(from->read == 0);
    to->tail->next = from->head;
  }
  to->tail = from->tail;
  to->mark = from->tail;
  to->marked = from->tail->used;
  to->count += from->count;
  to->written_bytes += zuv__queue_bytes(from);
  reset(from);
}
