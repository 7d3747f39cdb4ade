/* What a connection has yet to write: a buffer of bytes, and large bodies that
 * are written from where they are. Empty, it owns no memory. */
#ifndef ZUV_TRANSPORT_OUTPUT_H
#define ZUV_TRANSPORT_OUTPUT_H

#include "core/loop.h"
#include "core/message.h"

enum {
  ZUV__OUTPUT_COPY_MAX = 4096, /* larger bodies are not copied */
  ZUV__OUTPUT_GATHER_MAX = 64  /* pieces handed to the kernel at once */
};

/* A body that belongs after the first `position` bytes of the buffer. */
typedef struct zuv__large_body_s {
  size_t position;
  zuv_msg_t msg;
} zuv__large_body_t;

typedef struct zuv__output_s {
  uint8_t *bytes;
  size_t used;
  size_t room;
  size_t written; /* bytes of the buffer that the kernel has */
  zuv__large_body_t *large;
  uint32_t large_count;
  uint32_t large_room;
  uint32_t large_done;           /* bodies that the kernel has */
  size_t large_written;          /* bytes of the body after these */
  size_t size;                   /* bytes to write in all */
  bool wipe;                     /* the buffer holds a secret */
  zuv__large_body_t first_large; /* room for one without an allocation */
} zuv__output_t;

static inline bool zuv__output_is_empty(const zuv__output_t *output) {
  return output->size == 0;
}

/* Room for `size` more bytes in the buffer. UV_ENOMEM. */
int zuv__output_grow(zuv__output_t *output, zuv__loop_t *loop, size_t size);

static inline int zuv__output_reserve(zuv__output_t *output, zuv__loop_t *loop,
                                      size_t size) {
  return size <= output->room - output->used
             ? 0
             : zuv__output_grow(output, loop, size);
}

/* Room for `count` more large bodies. UV_ENOMEM. */
int zuv__output_reserve_large(zuv__output_t *output, size_t count);

/* All three need the room reserved. */
static inline void zuv__output_append(zuv__output_t *output, const void *bytes,
                                      size_t size) {
  if (size == 0)
    return;
  memcpy(output->bytes + output->used, bytes, size);
  output->used += size;
  output->size += size;
}
void zuv__output_append_large(zuv__output_t *output, zuv_msg_t *msg);

/* Copies what is left of views that were appended. UV_ENOMEM: they are gone,
 * and the output is of no use any more. */
int zuv__output_make_views_lasting(zuv__output_t *output);
static inline int zuv__output_make_lasting(zuv__output_t *output) {
  return output->large_count == 0 ? 0 : zuv__output_make_views_lasting(output);
}

/* Appends bytes that lie in a shared chunk and stay there: the next bytes of
 * the chunk join those appended before. UV_ENOMEM. */
int zuv__output_append_shared(zuv__output_t *output, zuv__body_t *chunk,
                              const uint8_t *bytes, size_t size);

/* Writes to the descriptor: 0 when all is out, UV_EAGAIN, or an error. */
int zuv__output_flush(zuv__output_t *output, zuv__loop_t *loop, int fd);

/* Drops everything. */
void zuv__output_clear(zuv__output_t *output, zuv__loop_t *loop);

#endif /* ZUV_TRANSPORT_OUTPUT_H */
