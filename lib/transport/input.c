/* The reading half of a connection. Frames are parsed where the kernel put
 * them: in the loop's shared chunk, or in a chunk of the connection's own when
 * a frame is incomplete or large frames are coming in, which are then read
 * straight to their final place. */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "core/socket.h"
#include "security/secret.h"
#include "transport/connection.h"
#include "transport/heartbeat.h"
#include "zmtp/frame_v1.h"

enum {
  LARGE_FRAME = 32 * 1024,
  EXPECTED_MAX = 4 * 1024 * 1024,
  KEPT_MIN = 64,        /* room of a chunk for an incomplete small frame */
  STEAL_MIN = 16 * 1024 /* left-over bytes that are worth a chunk change */
};

static uint8_t *chunk_bytes(zuv__body_t *chunk) {
  return chunk->data;
}

/* Gives up a chunk of the connection's own; the loop keeps one to reuse. */
static void put_away(zuv__connection_t *c, zuv__body_t *chunk) {
  if (c->loop->big_chunk == NULL && !zuv__body_is_shared(chunk) &&
      zuv__chunk_size(chunk) >= LARGE_FRAME)
    c->loop->big_chunk = chunk;
  else
    zuv__body_release(chunk);
}

static void forget_chunk(zuv__connection_t *c) {
  c->input.chunk = NULL;
  c->input.begin = c->input.end = 0;
}

/* What was copied or will not be used: of a password nothing stays behind. */
static void forget_bytes(zuv__connection_t *c, zuv__body_t *chunk, size_t begin,
                         size_t end) {
  if (c->wipes_input && begin < end)
    zuv__wipe(chunk_bytes(chunk) + begin, end - begin);
}

void zuv__connection_free_input(zuv__connection_t *c) {
  if (c->input.chunk == NULL)
    return;
  forget_bytes(c, c->input.chunk, c->input.begin, c->input.end);
  put_away(c, c->input.chunk);
  forget_chunk(c);
}

static zuv__body_t *large_chunk(zuv__connection_t *c) {
  zuv__body_t *chunk = c->loop->big_chunk;

  if (chunk != NULL && zuv__chunk_size(chunk) == c->input.expected) {
    c->loop->big_chunk = NULL;
    return chunk;
  }
  return zuv__chunk_new(c->input.expected);
}

static zuv__body_t *loop_chunk(zuv__loop_t *loop) {
  if (loop->chunk != NULL && zuv__body_is_shared(loop->chunk)) {
    zuv__body_release(loop->chunk);
    loop->chunk = NULL;
  }
  if (loop->chunk == NULL)
    loop->chunk = zuv__chunk_new(ZUV__RECEIVE_CHUNK_SIZE);
  return loop->chunk;
}

/* A kept piece of a small frame goes to the front of the loop's chunk, so that
 * the next read is as large as any. */
static zuv__body_t *copy_to_loop_chunk(zuv__connection_t *c) {
  zuv__body_t *chunk = loop_chunk(c->loop);

  if (chunk != NULL)
    memcpy(chunk->data, chunk_bytes(c->input.chunk) + c->input.begin,
           c->input.end - c->input.begin);
  return chunk;
}

/* The chunk to read into next; the bytes not yet parsed are [*begin, *end) of
 * it. */
static zuv__body_t *chunk_to_read(zuv__connection_t *c, size_t *begin,
                                  size_t *end) {
  zuv__input_t *input = &c->input;

  if (input->chunk == NULL && input->expected > 0) {
    input->chunk = large_chunk(c);
    input->begin = input->end = 0;
  }
  *begin = input->begin;
  *end = input->end;
  if (input->chunk == NULL)
    return loop_chunk(c->loop);
  if (zuv__chunk_size(input->chunk) >= LARGE_FRAME)
    return input->chunk;
  *end -= *begin;
  *begin = 0;
  return copy_to_loop_chunk(c);
}

/* Room in all for an incomplete frame of `need` bytes (0: not known), of which
 * `have` are there: memory follows the data, not the announcement. */
static size_t room_for(const zuv__connection_t *c, size_t need, size_t have) {
  size_t trust = c->state == ZUV__CONNECTION_HANDSHAKE
                     ? ZUV__HANDSHAKE_TRUST_MAX
                     : ZUV__FRAME_TRUST_MAX;
  size_t room = have > SIZE_MAX / 4 ? SIZE_MAX : have * 4;

  if (room < trust)
    room = trust;
  if (need < room)
    room = need;
  if (room < have)
    room = have;
  return room < KEPT_MIN ? KEPT_MIN : room;
}

/* Makes the connection's own chunk larger, in place if the allocator can. */
static int grow_chunk(zuv__connection_t *c, size_t room) {
  zuv__body_t *chunk = zuv__realloc(c->input.chunk, sizeof(zuv__body_t) + room);

  if (chunk == NULL)
    return UV_ENOMEM;
  chunk->data = chunk + 1;
  chunk->room = room;
  c->input.chunk = chunk;
  return 0;
}

/* Keeps the bytes [begin, end) of the chunk for later; the frame that they
 * begin needs `need` bytes in all, 0 if that is not known. */
static int keep(zuv__connection_t *c, zuv__body_t *chunk, size_t begin,
                size_t end, size_t need) {
  bool own = chunk == c->input.chunk;
  size_t have = end - begin;
  size_t fits = zuv__chunk_size(chunk) - begin;
  size_t room = room_for(c, need, have);
  zuv__body_t *fresh;

  if (have == 0) {
    if (own)
      zuv__connection_free_input(c);
    return 0;
  }
  if (own && fits >= room) {
    c->input.begin = begin;
    c->input.end = end;
    return 0;
  }
  if (own && begin == 0 && !zuv__body_is_shared(chunk) && !c->wipes_input) {
    c->input.end = end;
    return grow_chunk(c, room);
  }
  if (!own && have >= STEAL_MIN && fits >= room) {
    assert(chunk == c->loop->chunk);
    c->loop->chunk = NULL;
    c->input.chunk = chunk;
    c->input.begin = begin;
    c->input.end = end;
    return 0;
  }
  fresh = zuv__chunk_new(room);
  if (fresh == NULL)
    return UV_ENOMEM;
  memcpy(fresh->data, chunk_bytes(chunk) + begin, have);
  forget_bytes(c, chunk, begin, end);
  if (own)
    put_away(c, chunk);
  c->input.chunk = fresh;
  c->input.begin = 0;
  c->input.end = have;
  return 0;
}

static void keep_or_lose(zuv__connection_t *c, zuv__body_t *chunk, size_t begin,
                         size_t end, size_t need) {
  int err;

  if (c->state == ZUV__CONNECTION_CLOSED) {
    forget_bytes(c, chunk, begin, end);
    return;
  }
  err = keep(c, chunk, begin, end, need);
  if (err != 0)
    zuv__connection_lose(c, err, false);
}

/* STREAM: whatever was read is a message. */
static size_t parse_raw(zuv__connection_t *c, zuv__body_t *chunk, size_t begin,
                        size_t end) {
  while (begin < end && c->state != ZUV__CONNECTION_CLOSED && !c->paused) {
    size_t size = end - begin;
    zuv__frame_t frame;

    if (size > c->raw_max)
      size = c->raw_max;
    frame.body = chunk_bytes(chunk) + begin;
    frame.size = frame.total = size;
    frame.flags = 0;
    begin += size;
    zuv__connection_take_frame(c, &frame, chunk);
  }
  return begin;
}

/* Rare enough to stay out of the way of the others. */
ZUV__COLD static int decode_v1(const zuv__connection_t *c, const uint8_t *in,
                               size_t size, zuv__frame_t *frame) {
  return zuv__frame_v1_decode(in, size, c->frame_max, frame);
}

/* Parses frames until the bytes end or parsing must stop. Answers where it
 * stopped; *need is the size of the incomplete frame there. */
static size_t parse_frames(zuv__connection_t *c, zuv__body_t *chunk,
                           size_t begin, size_t end, size_t *need) {
  const uint8_t *bytes = chunk_bytes(chunk);
  const bool v1 = c->framing_v1;
  zuv__frame_t frame;

  while (begin < end) {
    int result = v1 ? decode_v1(c, bytes + begin, end - begin, &frame)
                    : zuv__frame_decode(bytes + begin, end - begin,
                                        c->frame_max, &frame);
    if (result == ZUV__FRAME_COMPLETE) {
      begin += frame.total;
      c->input.expected = frame.total < LARGE_FRAME    ? 0
                          : frame.total > EXPECTED_MAX ? EXPECTED_MAX
                                                       : frame.total;
      if (!zuv__connection_take_frame(c, &frame, chunk))
        return begin;
    } else if (result == ZUV__FRAME_PARTIAL) {
      *need = frame.total;
      return begin;
    } else {
      zuv__connection_lose(
          c, result == ZUV__FRAME_TOO_LARGE ? UV_EMSGSIZE : UV_EPROTO, true);
      return end;
    }
  }
  return begin;
}

static void parse(zuv__connection_t *c, zuv__body_t *chunk, size_t begin,
                  size_t end) {
  size_t need = 0;

  if (c->state == ZUV__CONNECTION_HANDSHAKE) {
    begin += zuv__connection_take_handshake(c, chunk_bytes(chunk) + begin,
                                            end - begin);
    need = c->state == ZUV__CONNECTION_HANDSHAKE
               ? zuv__engine_needed(&c->engine)
               : 0;
    /* While somebody decides about an old peer, its messages wait with it. */
    c->paused =
        c->paused || (c->engine.state == ZUV__ENGINE_ADMISSION && begin < end);
  }
  if (c->state == ZUV__CONNECTION_TRAFFIC)
    begin = c->raw ? parse_raw(c, chunk, begin, end)
                   : parse_frames(c, chunk, begin, end, &need);
  keep_or_lose(c, chunk, begin, end, need);
}

void zuv__connection_parse_kept(zuv__connection_t *c) {
  c->paused = false;
  if (c->input.chunk != NULL)
    parse(c, c->input.chunk, c->input.begin, c->input.end);
  zuv__connection_watch(c);
}

/* Somebody waits for a large message, and it is there: to read on would only
 * drive it out of the processor's cache. */
static bool has_enough(const zuv__connection_t *c) {
  const zuv__pipe_t *pipe = c->session->pipe;

  return c->input.expected > 0 && pipe != NULL && pipe->in.count > 0 &&
         zuv__socket_is_asked(c->session->socket);
}

void zuv__connection_read(zuv__connection_t *c) {
  for (int i = 0; i < ZUV__READS_PER_EVENT_MAX; i++) {
    size_t begin, end, room;
    zuv__body_t *chunk = chunk_to_read(c, &begin, &end);
    ssize_t size;

    if (chunk == NULL) {
      zuv__connection_lose(c, UV_ENOMEM, false);
      return;
    }
    room = zuv__chunk_size(chunk) - end;
    if (room > c->read_max)
      room = c->read_max;
    do
      size = recv(c->io->fd, chunk_bytes(chunk) + end, room, 0);
    while (size < 0 && errno == EINTR);
    if (size <= 0) {
      if (c->input.chunk != chunk)
        forget_bytes(c, chunk, begin, end);
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        break;
      zuv__connection_lose(
          c, size == 0 ? UV_EOF : uv_translate_sys_error(errno), false);
      return;
    }
    zuv__heartbeat_heard(c);
    if (c->input.chunk != chunk)
      zuv__connection_free_input(c);
    parse(c, chunk, begin, end + (size_t)size);
    if (c->state == ZUV__CONNECTION_CLOSED || c->paused ||
        (size_t)size < room || zuv__engine_wants_turn(&c->engine))
      break;
    if (has_enough(c)) {
      c->loop->unread_fd = c->io->fd;
      break;
    }
  }
  /* An idle connection owns no buffer. */
  if (c->state != ZUV__CONNECTION_CLOSED && c->input.chunk != NULL &&
      c->input.begin == c->input.end)
    zuv__connection_free_input(c);
}
