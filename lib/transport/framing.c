/* Puts what is to be sent into a connection's output, framed for ZMTP 2.0 and
 * 3.x: in clear, or each frame through the mechanism; or framed for 1.0. Fails
 * for memory only. */
#include <string.h>

#include "base/alloc.h"
#include "core/queue.h"
#include "transport/connection.h"
#include "zmtp/command.h"
#include "zmtp/frame_v1.h"

enum {
  SMALL_MAX = 256, /* copied without a call */
  /* a larger frame is encoded into a body of its own, not into the buffer */
  ENCODED_COPY_MAX = 8192
};

/* After a message was put into the output, maybe inside an API call. */
static void written(zuv__connection_t *c) {
  if (c->output.size >= c->write_at && c->failure == 0) {
    int err = zuv__output_flush(&c->output, c->loop, c->io->fd);
    if (err == UV_EAGAIN) {
      c->blocked = true;
      zuv__connection_watch(c);
      return;
    }
    c->failure = err;
  }
  /* Even if all is out: whoever waits for that is told by the task. */
  zuv__loop_schedule_flush(c->loop, &c->flush_task);
}

static size_t encode_header(const zuv__connection_t *c, uint8_t *out, bool more,
                            size_t size) {
  if (c->framing_v1)
    return zuv__frame_v1_encode_header(out, more, size);
  return zuv__frame_encode_header(out, more ? ZUV__FRAME_MORE : 0, size);
}

/* Puts a part whose room is reserved. */
static void put_part(zuv__connection_t *c, zuv_msg_t *part, bool more) {
  size_t size = zuv__msg_size(part);
  zuv__output_t *output = &c->output;

  c->sent_bytes += size;
  if (!c->raw) {
    size_t header = encode_header(c, output->bytes + output->used, more, size);
    output->used += header;
    output->size += header;
  }
  if (size > ZUV__OUTPUT_COPY_MAX) {
    zuv__output_append_large(output, part);
  } else {
    zuv__output_append(output, zuv__msg_data(part), size);
    zuv__msg_close(part);
  }
}

/* A view of so much that it fills the output: most of it will be with the
 * kernel before anybody looks away, so only the rest is copied. */
static bool is_written_at_once(const zuv__connection_t *c,
                               const zuv_msg_t *part) {
  const zuv__msg_t *m = zuv__msg_const(part);
  return m->kind == ZUV__MSG_VIEW && m->u.far.body == NULL &&
         m->u.far.size >= c->write_at;
}

/* Reserves the room that put_part needs for all these parts. */
static int reserve(zuv__connection_t *c, zuv_msg_t *parts, size_t count) {
  size_t size = 0;
  size_t large = 0;
  int err;

  for (size_t i = 0; i < count; i++) {
    size_t part = zuv__msg_size(&parts[i]);
    size += ZUV__FRAME_V1_HEADER_MAX; /* the larger one */
    if (part <= ZUV__OUTPUT_COPY_MAX) {
      size += part;
      continue;
    }
    large++;
    if (is_written_at_once(c, &parts[i]))
      continue;
    err = zuv__msg_make_lasting(&parts[i]);
    if (err != 0)
      return err;
  }
  err = zuv__output_reserve(&c->output, c->loop, size);
  if (err == 0 && large > 0)
    err = zuv__output_reserve_large(&c->output, large);
  return err;
}

/* The usual case: one part of a few bytes, and room for it. */
static inline bool put_small(zuv__connection_t *c, zuv_msg_t *part) {
  zuv__output_t *output = &c->output;
  size_t size = zuv__msg_size(part);
  uint8_t *out;

  if (size > SMALL_MAX || zuv__msg(part)->kind == ZUV__MSG_COUNTED ||
      !c->in_clear ||
      output->room - output->used < SMALL_MAX + ZUV__FRAME_HEADER_MAX)
    return false;
  out = output->bytes + output->used;
  out += zuv__frame_encode_header(out, 0, size);
  zuv__copy_small(out, zuv__msg_data(part), size);
  c->sent_bytes += size;
  out += size;
  output->size += (size_t)(out - output->bytes) - output->used;
  output->used = (size_t)(out - output->bytes);
  zuv__msg_init(part);
  return true;
}

/* ---- Through the mechanism ---- */

static int encode_copy(zuv__connection_t *c, uint8_t flags,
                       const uint8_t *payload, size_t size) {
  zuv__mechanism_t *m = c->engine.mechanism;
  zuv__output_t *output = &c->output;
  int err = zuv__output_reserve(output, c->loop, size + m->ops->overhead);

  if (err != 0)
    return err;
  size = m->ops->encode(m, flags, payload, size, output->bytes + output->used);
  output->used += size;
  output->size += size;
  return 0;
}

static int encode_large(zuv__connection_t *c, uint8_t flags,
                        const uint8_t *payload, size_t size) {
  zuv__mechanism_t *m = c->engine.mechanism;
  zuv__body_t *body;
  zuv_msg_t msg;
  int err;

  if (size > SIZE_MAX - m->ops->overhead)
    return UV_ENOMEM;
  err = zuv__output_reserve_large(&c->output, 1);
  if (err != 0)
    return err;
  body = zuv__body_new(size + m->ops->overhead);
  if (body == NULL)
    return UV_ENOMEM;
  size = m->ops->encode(m, flags, payload, size, body->data);
  zuv__msg_init_slice(&msg, body->data, size, body);
  zuv__body_release(body);
  zuv__output_append_large(&c->output, &msg);
  return 0;
}

/* Appends one frame. UV_ENOMEM: not a byte of it. */
static int encode(zuv__connection_t *c, uint8_t flags, const uint8_t *payload,
                  size_t size) {
  return size <= ENCODED_COPY_MAX ? encode_copy(c, flags, payload, size)
                                  : encode_large(c, flags, payload, size);
}

static int encode_part(zuv__connection_t *c, zuv_msg_t *part, bool more) {
  size_t size = zuv__msg_size(part);
  int err = encode(c, more ? ZUV__FRAME_MORE : 0, zuv__msg_data(part), size);

  if (err != 0)
    return err;
  c->sent_bytes += size;
  zuv__msg_close(part);
  return 0;
}

/* Once a frame is encoded there is no way back: its number is used. So without
 * memory for a later part the connection is lost, and the message with it. */
static int write_secured(zuv__connection_t *c, zuv_msg_t *parts, size_t count) {
  int err = encode_part(c, &parts[0], count > 1);

  if (err != 0)
    return err;
  for (size_t i = 1; i < count && err == 0; i++)
    err = encode_part(c, &parts[i], i + 1 < count);
  if (err != 0) {
    zuv__msgs_close(parts, count);
    if (c->failure == 0)
      c->failure = err;
  }
  written(c);
  return 0;
}

/* ---- For the session ---- */

int zuv__connection_write(zuv__connection_t *c, zuv_msg_t *parts,
                          size_t count) {
  int err;

  if (count == 1 && put_small(c, parts)) {
    written(c);
    return 0;
  }
  if (c->secured)
    return write_secured(c, parts, count);
  err = reserve(c, parts, count);
  if (err != 0)
    return err;
  for (size_t i = 0; i < count; i++)
    put_part(c, &parts[i], i + 1 < count);
  written(c);
  err = zuv__output_make_lasting(&c->output);
  if (err != 0 && c->failure == 0)
    c->failure = err;
  return 0;
}

static int write_part(zuv__connection_t *c, zuv_msg_t *part, bool more) {
  int err;

  if (c->secured)
    return encode_part(c, part, more);
  err = reserve(c, part, 1);
  if (err == 0)
    put_part(c, part, more);
  return err;
}

void zuv__connection_write_part(zuv__connection_t *c, zuv_msg_t *part,
                                bool more) {
  int err = c->failure != 0 ? c->failure : write_part(c, part, more);

  if (err != 0) {
    zuv__msg_close(part);
    c->failure = err;
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
  } else if (!more) {
    written(c);
  }
}

int zuv__connection_write_frame(zuv__connection_t *c, const uint8_t *bytes,
                                size_t size) {
  zuv__frame_t frame;
  int err;

  if (c->secured) {
    if (zuv__frame_decode(bytes, size, UINT64_MAX, &frame) !=
        ZUV__FRAME_COMPLETE)
      return UV_EINVAL;
    err = encode(c, frame.flags, frame.body, frame.size);
  } else {
    err = zuv__output_reserve(&c->output, c->loop, size);
    if (err == 0)
      zuv__output_append(&c->output, bytes, size);
  }
  if (err == 0)
    written(c);
  return err;
}

int zuv__connection_write_shared(zuv__connection_t *c, zuv__body_t *chunk,
                                 const uint8_t *bytes, size_t size) {
  int err = zuv__output_append_shared(&c->output, chunk, bytes, size);
  if (err == 0)
    written(c);
  return err;
}

/* A subscription as a frame in clear, the way this peer wants it. */
static size_t write_subscription(const zuv__connection_t *c, uint8_t *out,
                                 bool subscribe, const void *topic,
                                 size_t size) {
  size_t total;

  if (!c->legacy_subscriptions)
    return zuv__command_write(
        out, subscribe ? ZUV__COMMAND_SUBSCRIBE : ZUV__COMMAND_CANCEL, topic,
        size);
  /* Before ZMTP 3.1: a message whose first octet says what it is. */
  total = encode_header(c, out, false, size + 1);
  out[total++] = subscribe ? 1 : 0;
  if (size > 0)
    memcpy(out + total, topic, size);
  return total + size;
}

static int subscribe_secured(zuv__connection_t *c, bool subscribe,
                             const void *topic, size_t size, size_t room) {
  uint8_t *frame = zuv__malloc(room);
  int err;

  if (frame == NULL)
    return UV_ENOMEM;
  size = write_subscription(c, frame, subscribe, topic, size);
  err = zuv__connection_write_frame(c, frame, size);
  zuv__free(frame);
  return err;
}

static int subscribe_in_clear(zuv__connection_t *c, bool subscribe,
                              const void *topic, size_t size, size_t room) {
  zuv__output_t *output = &c->output;
  int err = zuv__output_reserve(output, c->loop, room);

  if (err != 0)
    return err;
  size = write_subscription(c, output->bytes + output->used, subscribe, topic,
                            size);
  output->used += size;
  output->size += size;
  written(c);
  return 0;
}

int zuv__connection_subscribe(zuv__connection_t *c, bool subscribe,
                              const void *topic, size_t size) {
  /* A cancellation and the older form are shorter. */
  size_t room = zuv__command_frame_size(ZUV__COMMAND_SUBSCRIBE, size);
  int err;

  if (c->state != ZUV__CONNECTION_TRAFFIC)
    return 0;
  err = c->secured ? subscribe_secured(c, subscribe, topic, size, room)
                   : subscribe_in_clear(c, subscribe, topic, size, room);
  if (err != 0) {
    /* The next connection is told of all topics. */
    c->failure = err;
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
  }
  return err;
}
