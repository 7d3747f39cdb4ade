/* What is inside a zuv_msg_t: 64 bytes, shared by both APIs.
 *
 * A message is one part. Its body is
 *   inline    up to 48 bytes, in the message itself
 *   counted   in a shared, reference-counted block: allocated with it, the
 *             caller's with a free callback, or a slice of a receive chunk
 *   constant  bytes that never go away
 *   view      bytes that somebody else owns until the current call returns
 *
 * The count is atomic, since bodies cross threads. */
#ifndef ZUV_CORE_MESSAGE_H
#define ZUV_CORE_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "zuv.h"

enum { ZUV__MSG_INLINE_MAX = 48 };

/* A view of a receive chunk that must last becomes a slice of the chunk only if
 * it is at least this part of it, else a copy: so no small message that is kept
 * holds a large chunk. */
enum { ZUV__MSG_SLICE_PART = 8 };

typedef enum {
  ZUV__MSG_INLINE = 0,
  ZUV__MSG_COUNTED,
  ZUV__MSG_CONSTANT,
  ZUV__MSG_VIEW
} zuv__msg_kind_t;

/* A block that several messages refer to. */
typedef struct zuv__body_s {
  atomic_size_t references;
  zuv_free_cb free_cb; /* NULL: the bytes lie in the block's own allocation */
  void *data;
  void *hint;
  size_t room;              /* bytes behind the header */
  struct zuv__body_s *next; /* of those that wait to be destroyed */
} zuv__body_t;

typedef struct zuv__msg_s {
  union {
    struct {
      uint8_t *data;
      size_t size;
      zuv__body_t *body; /* counted: the block; view: its chunk, or NULL */
    } far;
    uint8_t near[ZUV__MSG_INLINE_MAX];
  } u;
  uint8_t near_size;
  uint8_t kind;
  uint8_t flags;
  uint8_t unused;
  uint32_t routing_id;
  void *metadata;
} zuv__msg_t;

_Static_assert(sizeof(zuv__msg_t) == sizeof(zuv_msg_t), "zuv_msg_t is 64");

/* Flags. */
enum {
  /* Of the blocking layer: what zmq.h tells of a message. */
  ZUV__MSG_MORE = 1,
  ZUV__MSG_SHARED = 2,
  ZUV__MSG_COMMAND = 4 /* a subscription on its way through an inproc queue */
};

static inline zuv__msg_t *zuv__msg(zuv_msg_t *msg) {
  return (zuv__msg_t *)(void *)msg;
}

static inline const zuv__msg_t *zuv__msg_const(const zuv_msg_t *msg) {
  return (const zuv__msg_t *)(const void *)msg;
}

static inline void zuv__msg_init(zuv_msg_t *msg) {
  zuv__msg_t *m = zuv__msg(msg);
  m->near_size = 0;
  m->kind = ZUV__MSG_INLINE;
  m->flags = 0;
  m->unused = 0; /* so that all of these are one store */
  m->routing_id = 0;
  m->metadata = NULL;
}

static inline uint8_t *zuv__msg_data(zuv_msg_t *msg) {
  zuv__msg_t *m = zuv__msg(msg);
  return m->kind == ZUV__MSG_INLINE ? m->u.near : m->u.far.data;
}

static inline size_t zuv__msg_size(const zuv_msg_t *msg) {
  const zuv__msg_t *m = zuv__msg_const(msg);
  return m->kind == ZUV__MSG_INLINE ? m->near_size : m->u.far.size;
}

static inline void zuv__msg_init_view(zuv_msg_t *msg, const void *data,
                                      size_t size, zuv__body_t *body) {
  zuv__msg_t *m = zuv__msg(msg);
  m->u.far.data = (uint8_t *)(uintptr_t)data;
  m->u.far.size = size;
  m->u.far.body = body;
  m->near_size = 0;
  m->kind = ZUV__MSG_VIEW;
  m->flags = 0;
  m->unused = 0;
  m->routing_id = 0;
  m->metadata = NULL;
}

static inline void zuv__body_retain(zuv__body_t *body) {
  atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
}

/* A block with room for `size` bytes behind it, referenced once; or NULL. */
zuv__body_t *zuv__body_new(size_t size);

void zuv__body_release(zuv__body_t *body);

/* Before anything else of the library: asked before a free callback runs, which
 * is the program's and may do anything. True: whoever took the body destroys it
 * later. */
void zuv__body_set_defer(bool (*defer)(zuv__body_t *body));
void zuv__body_destroy(zuv__body_t *body);

/* Somebody else holds it, too. */
static inline bool zuv__body_is_shared(const zuv__body_t *body) {
  return atomic_load_explicit(&body->references, memory_order_acquire) > 1;
}

/* A counted slice of the body, which is retained for it. */
static inline void zuv__msg_init_slice(zuv_msg_t *msg, const void *data,
                                       size_t size, zuv__body_t *body) {
  zuv__msg_init_view(msg, data, size, body);
  zuv__body_retain(body);
  zuv__msg(msg)->kind = ZUV__MSG_COUNTED;
}

static inline void zuv__msg_close(zuv_msg_t *msg) {
  zuv__msg_t *m = zuv__msg(msg);
  if (m->kind == ZUV__MSG_COUNTED)
    zuv__body_release(m->u.far.body);
  zuv__msg_init(msg);
}

/* Moves the content into uninitialised memory; views stay views. */
static inline void zuv__msg_take(zuv_msg_t *to, zuv_msg_t *from) {
  *to = *from;
  zuv__msg_init(from);
}

/* Makes the message independent of the current call: a view becomes a copy or
 * a counted slice. UV_ENOMEM: unchanged. */
int zuv__msg_make_lasting(zuv_msg_t *msg);

/* Releases a message whose memory is not used any more. */
static inline void zuv__msg_discard(zuv_msg_t *msg) {
  if (zuv__msg(msg)->kind == ZUV__MSG_COUNTED)
    zuv__body_release(zuv__msg(msg)->u.far.body);
}

/* Closes `count` messages. */
static inline void zuv__msgs_close(zuv_msg_t *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    zuv__msg_close(&parts[i]);
}

#endif /* ZUV_CORE_MESSAGE_H */
