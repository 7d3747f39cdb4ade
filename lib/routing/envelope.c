#include "routing/envelope.h"

#include "base/alloc.h"

enum { FIRST_ROOM = 8 };

static int reserve(zuv__envelope_t *envelope, size_t count) {
  size_t room = envelope->room;
  zuv_msg_t *parts;

  if (count <= room - envelope->count)
    return 0;
  if (count > SIZE_MAX / sizeof(*parts) / 2 - envelope->count)
    return UV_ENOMEM;
  while (room - envelope->count < count)
    room = room == 0 ? FIRST_ROOM : room * 2;
  parts = zuv__realloc(envelope->parts, room * sizeof(*parts));
  if (parts == NULL)
    return UV_ENOMEM;
  envelope->parts = parts;
  envelope->room = room;
  return 0;
}

int zuv__envelope_add(zuv__envelope_t *envelope, zuv_msg_t *parts,
                      size_t count) {
  int err = reserve(envelope, count);

  for (size_t i = 0; i < count && err == 0; i++)
    err = zuv__msg_make_lasting(&parts[i]);
  if (err != 0)
    return err;
  for (size_t i = 0; i < count; i++)
    zuv__msg_take(&envelope->parts[envelope->count++], &parts[i]);
  return 0;
}

/* The envelope is empty: a peer decided how large its array became. */
static void shrink(zuv__envelope_t *envelope) {
  if (envelope->room > ZUV__ENVELOPE_ROOM_KEPT_MAX)
    zuv__envelope_destroy(envelope);
}

int zuv__envelope_write(zuv__envelope_t *envelope, zuv__pipe_t *pipe,
                        zuv_msg_t *body, size_t count) {
  zuv_msg_t *rest;
  int err = reserve(envelope, count);

  if (err != 0)
    return err;
  rest = envelope->parts + envelope->count;
  for (size_t i = 0; i < count; i++)
    zuv__msg_take(&rest[i], &body[i]);
  err = zuv__pipe_write(pipe, envelope->parts, envelope->count + count);
  if (err != 0) {
    for (size_t i = 0; i < count; i++)
      zuv__msg_take(&body[i], &rest[i]);
    return err;
  }
  envelope->count = 0;
  shrink(envelope);
  return 0;
}

void zuv__envelope_clear(zuv__envelope_t *envelope) {
  zuv__msgs_close(envelope->parts, envelope->count);
  envelope->count = 0;
  shrink(envelope);
}

void zuv__envelope_destroy(zuv__envelope_t *envelope) {
  zuv__msgs_close(envelope->parts, envelope->count);
  zuv__free(envelope->parts);
  envelope->parts = NULL;
  envelope->count = 0;
  envelope->room = 0;
}
