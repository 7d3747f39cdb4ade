#include "routing/fan_out.h"

#include "base/alloc.h"
#include "core/monitor.h"
#include "core/socket.h"
#include "zmtp/frame.h"

void zuv__fan_out_begin(zuv__fan_out_t *fan_out, struct zuv__socket_s *socket,
                        zuv_msg_t *parts, size_t count) {
  /* Not the arrays: clearing them would cost more than the message. */
  fan_out->socket = socket;
  fan_out->parts = parts;
  fan_out->count = count;
  fan_out->waiting = NULL;
  fan_out->dropped = 0;
  fan_out->framed_size = 0;
  fan_out->too_large = false;
  fan_out->shared = false;
  fan_out->copies = NULL;
}

/* The size of the message on the wire, or 0 if it is too large. */
static size_t framed_size(const zuv__fan_out_t *fan_out) {
  size_t total = 0;

  for (size_t i = 0; i < fan_out->count; i++) {
    size_t size = zuv__msg_size(&fan_out->parts[i]);

    if (size > ZUV__FAN_OUT_FRAMED_MAX)
      return 0;
    total += zuv__frame_header_size(size) + size;
    if (total > ZUV__FAN_OUT_FRAMED_MAX)
      return 0;
  }
  return total;
}

/* Room behind what the connections may still be writing; once they have
 * written all, from the start, where the memory is in the cache. */
static uint8_t *chunk_room(zuv__loop_t *loop, size_t size) {
  uint8_t *room;

  if (loop->fan_out != NULL && !zuv__body_is_shared(loop->fan_out))
    loop->fan_out_used = 0;
  if (loop->fan_out == NULL ||
      size > ZUV__FAN_OUT_CHUNK_SIZE - loop->fan_out_used) {
    zuv__body_t *chunk = zuv__chunk_new(ZUV__FAN_OUT_CHUNK_SIZE);
    if (chunk == NULL)
      return NULL;
    if (loop->fan_out != NULL)
      zuv__body_release(loop->fan_out);
    loop->fan_out = chunk;
    loop->fan_out_used = 0;
  }
  room = (uint8_t *)loop->fan_out->data + loop->fan_out_used;
  loop->fan_out_used += size;
  return room;
}

static bool frame(zuv__fan_out_t *fan_out) {
  size_t total = framed_size(fan_out);
  uint8_t *out = total == 0 ? NULL : chunk_room(fan_out->socket->loop, total);

  if (out == NULL) {
    fan_out->too_large = true;
    return false;
  }
  fan_out->framed = out;
  fan_out->framed_size = total;
  fan_out->body_size = 0;
  for (size_t i = 0; i < fan_out->count; i++) {
    size_t size = zuv__msg_size(&fan_out->parts[i]);
    uint8_t flags = i + 1 < fan_out->count ? ZUV__FRAME_MORE : 0;

    out += zuv__frame_encode_header(out, flags, size);
    if (size > 0)
      memcpy(out, zuv__msg_data(&fan_out->parts[i]), size);
    out += size;
    fan_out->body_size += size;
  }
  return true;
}

/* 0, UV_ENOMEM, or UV_EAGAIN: not in this way. */
static int write_framed(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe) {
  int err;

  if (pipe->ops->write_framed == NULL || fan_out->too_large)
    return UV_EAGAIN;
  if (fan_out->framed_size == 0 && !frame(fan_out))
    return UV_EAGAIN;
  err = pipe->ops->write_framed(pipe, fan_out->socket->loop->fan_out,
                                fan_out->framed, fan_out->framed_size);
  if (err == 0) {
    pipe->written++;
    pipe->sent_bytes += fan_out->body_size;
  }
  return err;
}

/* Before the first copy. Small bodies are copied by each pipe that keeps them;
 * of a large one that is not ours we need our own to share. */
static int share(zuv__fan_out_t *fan_out) {
  if (fan_out->shared)
    return 0;
  for (size_t i = 0; i < fan_out->count; i++) {
    zuv_msg_t *part = &fan_out->parts[i];
    int err = 0;

    if (zuv__msg_size(part) > ZUV__QUEUE_COPY_MAX)
      err = zuv__msg_make_lasting(part);
    if (err != 0)
      return err;
  }
  fan_out->copies = fan_out->some_copies;
  if (fan_out->count > ZUV__FAN_OUT_PARTS) {
    fan_out->copies = NULL;
    if (fan_out->count <= SIZE_MAX / sizeof(zuv_msg_t))
      fan_out->copies = zuv__malloc(fan_out->count * sizeof(zuv_msg_t));
    if (fan_out->copies == NULL)
      return UV_ENOMEM;
  }
  fan_out->shared = true;
  return 0;
}

static void copy_part(zuv_msg_t *to, zuv_msg_t *from) {
  size_t size = zuv__msg_size(from);

  if (size <= ZUV__QUEUE_COPY_MAX) {
    zuv__msg_init_view(to, zuv__msg_data(from), size, NULL);
    return;
  }
  *to = *from;
  zuv__msg(to)->flags = 0;
  zuv__msg(to)->routing_id = 0;
  zuv__msg(to)->metadata = NULL;
  if (zuv__msg(to)->kind == ZUV__MSG_COUNTED)
    zuv__body_retain(zuv__msg(to)->u.far.body);
}

static int write_copy(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe) {
  int err = share(fan_out);

  if (err != 0)
    return err;
  for (size_t i = 0; i < fan_out->count; i++)
    copy_part(&fan_out->copies[i], &fan_out->parts[i]);
  err = zuv__pipe_write(pipe, fan_out->copies, fan_out->count);
  if (err != 0)
    zuv__msgs_close(fan_out->copies, fan_out->count);
  return err;
}

static void missed(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe) {
  fan_out->dropped++;
  pipe->dropped++;
}

void zuv__fan_out_to(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe) {
  zuv__pipe_t *before = fan_out->waiting;
  int err;

  if (!pipe->can_write) {
    missed(fan_out, pipe);
    return;
  }
  fan_out->waiting = pipe;
  if (before == NULL)
    return;
  err = write_framed(fan_out, before);
  if (err == UV_EAGAIN)
    err = write_copy(fan_out, before);
  if (err != 0)
    missed(fan_out, before);
}

bool zuv__fan_out_directly(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe) {
  return pipe->can_write && write_framed(fan_out, pipe) == 0;
}

/* A single pipe gets the parts without ado. */
static int write_last(zuv__fan_out_t *fan_out) {
  int err = UV_EAGAIN;

  if (fan_out->framed_size > 0)
    err = write_framed(fan_out, fan_out->waiting);
  if (err == UV_EAGAIN)
    err = zuv__pipe_write(fan_out->waiting, fan_out->parts, fan_out->count);
  return err;
}

void zuv__fan_out_end(zuv__fan_out_t *fan_out) {
  if (fan_out->waiting != NULL && write_last(fan_out) != 0)
    missed(fan_out, fan_out->waiting);
  /* Those that were taken are empty. */
  zuv__msgs_close(fan_out->parts, fan_out->count);
  if (fan_out->copies != fan_out->some_copies)
    zuv__free(fan_out->copies);
  if (fan_out->dropped > 0)
    zuv__monitor_dropped(fan_out->socket, fan_out->dropped);
}
