#include "transport/output.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "security/secret.h"

enum { FIRST_ROOM = 1024 };

int zuv__output_grow(zuv__output_t *output, zuv__loop_t *loop, size_t size) {
  size_t room = output->room;
  uint8_t *bytes;

  if (size > SIZE_MAX / 2 - output->used)
    return UV_ENOMEM;
  if (room == 0 && loop->output_buffer != NULL) {
    output->bytes = loop->output_buffer;
    output->room = room = ZUV__OUTPUT_BUFFER_SIZE;
    loop->output_buffer = NULL;
    if (size <= room)
      return 0;
  }
  if (room == 0)
    room = FIRST_ROOM;
  while (room - output->used < size)
    room *= 4;
  bytes = zuv__realloc(output->bytes, room);
  if (bytes == NULL)
    return UV_ENOMEM;
  output->bytes = bytes;
  output->room = room;
  return 0;
}

int zuv__output_reserve_large(zuv__output_t *output, size_t count) {
  size_t room = output->large_room;
  zuv__large_body_t *large;

  if (count <= room - output->large_count)
    return 0;
  if (room == 0 && count == 1) {
    output->large = &output->first_large;
    output->large_room = 1;
    return 0;
  }
  while (room - output->large_count < count)
    room = room == 0 ? 4 : room * 2;
  if (room > UINT32_MAX)
    return UV_ENOMEM;
  if (output->large == &output->first_large) {
    large = zuv__malloc(room * sizeof(*large));
    if (large != NULL)
      large[0] = output->first_large;
  } else {
    large = zuv__realloc(output->large, room * sizeof(*large));
  }
  if (large == NULL)
    return UV_ENOMEM;
  output->large = large;
  output->large_room = (uint32_t)room;
  return 0;
}

void zuv__output_append_large(zuv__output_t *output, zuv_msg_t *msg) {
  zuv__large_body_t *large = &output->large[output->large_count++];

  output->size += zuv__msg_size(msg);
  large->position = output->used;
  zuv__msg_take(&large->msg, msg);
}

int zuv__output_make_views_lasting(zuv__output_t *output) {
  int result = 0;

  for (uint32_t i = output->large_count; i > output->large_done; i--) {
    zuv_msg_t *msg = &output->large[i - 1].msg;
    size_t done = i - 1 == output->large_done ? output->large_written : 0;
    zuv_msg_t rest;
    int err;

    /* Older ones have been seen to. */
    if (zuv__msg(msg)->kind != ZUV__MSG_VIEW)
      break;
    err = zuv_msg_init_copy(&rest, zuv__msg_data(msg) + done,
                            zuv__msg_size(msg) - done);
    if (err != 0) {
      zuv__msg_init(&rest);
      result = err;
    }
    *msg = rest;
    if (done > 0)
      output->large_written = 0;
  }
  return result;
}

/* The latest body, if these bytes go on where it ends. */
static zuv__msg_t *continued(zuv__output_t *output, const zuv__body_t *chunk,
                             const uint8_t *bytes) {
  zuv__large_body_t *last;
  zuv__msg_t *msg;

  if (output->large_count == output->large_done)
    return NULL;
  last = &output->large[output->large_count - 1];
  msg = zuv__msg(&last->msg);
  if (last->position != output->used || msg->kind != ZUV__MSG_COUNTED ||
      msg->u.far.body != chunk || msg->u.far.data + msg->u.far.size != bytes)
    return NULL;
  return msg;
}

int zuv__output_append_shared(zuv__output_t *output, zuv__body_t *chunk,
                              const uint8_t *bytes, size_t size) {
  zuv__msg_t *last = continued(output, chunk, bytes);
  zuv_msg_t slice;
  int err;

  if (last != NULL) {
    last->u.far.size += size;
    output->size += size;
    return 0;
  }
  err = zuv__output_reserve_large(output, 1);
  if (err != 0)
    return err;
  zuv__msg_init_slice(&slice, bytes, size, chunk);
  zuv__output_append_large(output, &slice);
  return 0;
}

static void release_buffer(zuv__output_t *output, zuv__loop_t *loop) {
  if (output->wipe)
    zuv__wipe(output->bytes, output->used);
  if (output->room == ZUV__OUTPUT_BUFFER_SIZE && loop->output_buffer == NULL)
    loop->output_buffer = output->bytes;
  else if (output->bytes != NULL)
    zuv__free(output->bytes);
  if (output->large != &output->first_large)
    zuv__free(output->large);
  memset(output, 0, offsetof(zuv__output_t, first_large));
}

void zuv__output_clear(zuv__output_t *output, zuv__loop_t *loop) {
  for (uint32_t i = output->large_done; i < output->large_count; i++)
    zuv__msg_close(&output->large[i].msg);
  release_buffer(output, loop);
}

/* The next pieces in their order on the wire. */
static int gather(zuv__output_t *output, struct iovec *pieces) {
  size_t position = output->written;
  uint32_t i = output->large_done;
  size_t skip = output->large_written;
  int count = 0;

  while (count < ZUV__OUTPUT_GATHER_MAX - 1) {
    size_t until =
        i < output->large_count ? output->large[i].position : output->used;
    if (until > position) {
      pieces[count].iov_base = output->bytes + position;
      pieces[count++].iov_len = until - position;
      position = until;
    }
    if (i == output->large_count)
      break;
    pieces[count].iov_base = zuv__msg_data(&output->large[i].msg) + skip;
    pieces[count++].iov_len = zuv__msg_size(&output->large[i].msg) - skip;
    skip = 0;
    i++;
  }
  return count;
}

/* The kernel has taken `size` bytes. */
static void advance(zuv__output_t *output, size_t size) {
  output->size -= size;
  while (size > 0) {
    zuv__large_body_t *large = output->large_done < output->large_count
                                   ? &output->large[output->large_done]
                                   : NULL;
    size_t until = large != NULL ? large->position : output->used;
    size_t step = until - output->written;

    if (step > 0) {
      step = step < size ? step : size;
      output->written += step;
      size -= step;
      continue;
    }
    step = zuv__msg_size(&large->msg) - output->large_written;
    step = step < size ? step : size;
    output->large_written += step;
    size -= step;
    if (output->large_written == zuv__msg_size(&large->msg)) {
      zuv__msg_close(&large->msg);
      output->large_done++;
      output->large_written = 0;
    }
  }
}

static ssize_t write_pieces(zuv__output_t *output, int fd, size_t *asked) {
  struct iovec pieces[ZUV__OUTPUT_GATHER_MAX];
  struct msghdr header = {.msg_iov = pieces};
  ssize_t written;

  header.msg_iovlen = (size_t)gather(output, pieces);
  *asked = 0;
  for (size_t i = 0; i < header.msg_iovlen; i++)
    *asked += pieces[i].iov_len;
  do
    /* The kernel is quicker with a single piece if it need not copy a list. */
    written = header.msg_iovlen == 1
                  ? send(fd, pieces[0].iov_base, *asked, MSG_NOSIGNAL)
                  : sendmsg(fd, &header, MSG_NOSIGNAL);
  while (written < 0 && errno == EINTR);
  return written;
}

int zuv__output_flush(zuv__output_t *output, zuv__loop_t *loop, int fd) {
  while (output->size > 0) {
    size_t asked;
    ssize_t written = write_pieces(output, fd, &asked);
    if (written < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return UV_EAGAIN;
      return uv_translate_sys_error(errno);
    }
    advance(output, (size_t)written);
    /* The kernel is full: asking once more would only tell so. */
    if ((size_t)written < asked)
      return UV_EAGAIN;
  }
  release_buffer(output, loop);
  return 0;
}
