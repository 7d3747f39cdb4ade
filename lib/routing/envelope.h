/* The parts in front of a message's body that say where it goes: REQ makes
 * them, REP keeps those of the request for the reply. An envelope is a growing
 * array that its owner embeds; one that became large is given back after use.
 * Growing can fail with UV_ENOMEM, which changes nothing. */
#ifndef ZUV_ROUTING_ENVELOPE_H
#define ZUV_ROUTING_ENVELOPE_H

#include "core/pipe.h"

enum { ZUV__ENVELOPE_ROOM_KEPT_MAX = 32 /* parts */ };

typedef struct zuv__envelope_s {
  zuv_msg_t *parts; /* owned; NULL while there is no room */
  size_t count;
  size_t room; /* also for the body, while it is written */
} zuv__envelope_t;

/* Of a zeroed envelope nothing has to be initialised. */

/* Takes the parts behind those that are there, and makes them lasting. */
int zuv__envelope_add(zuv__envelope_t *envelope, zuv_msg_t *parts,
                      size_t count);

/* Writes the envelope and the body as one message. On success both are empty;
 * on UV_ENOMEM both are as they were. */
int zuv__envelope_write(zuv__envelope_t *envelope, zuv__pipe_t *pipe,
                        zuv_msg_t *body, size_t count);

/* Closes the parts. */
void zuv__envelope_clear(zuv__envelope_t *envelope);

void zuv__envelope_destroy(zuv__envelope_t *envelope);

#endif /* ZUV_ROUTING_ENVELOPE_H */
