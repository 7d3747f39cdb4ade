/* A zmq_msg_t is a zuv_msg_t, see core/message.h, and two things more: it may
 * be closed, and its metadata is a reference to the zuv_peer_t it came from.
 * The core knows neither: whoever hands a message down strips the metadata.
 *
 * A body may be shared with messages in other threads; a message itself is
 * used by one thread at a time. */
#ifndef ZMQ_BLOCKING_MESSAGE_H
#define ZMQ_BLOCKING_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/message.h"
#include "core/peer.h"
#include "zmq.h"

_Static_assert(sizeof(zmq_msg_t) == sizeof(zuv_msg_t),
               "one message, two names");

/* One more kind: closed. As a rule never initialised memory is none of the
 * core's kinds either. */
enum { ZMQ__MSG_CLOSED = 0xCD };

static inline zuv_msg_t *zmq__msg(zmq_msg_t *msg) {
  return (zuv_msg_t *)(void *)msg;
}

static inline const zuv__msg_t *zmq__msg_const(const zmq_msg_t *msg) {
  return (const zuv__msg_t *)(const void *)msg;
}

/* It is initialised and not closed. */
static inline bool zmq__msg_check(const zmq_msg_t *msg) {
  return msg != NULL && zmq__msg_const(msg)->kind <= ZUV__MSG_VIEW;
}

/* Gives back what the message holds; its memory is not touched. */
static inline void zmq__msg_release(zmq_msg_t *msg) {
  zuv__msg_t *m = zuv__msg(zmq__msg(msg));
  if (m->kind == ZUV__MSG_COUNTED)
    zuv__body_release(m->u.far.body);
  if (m->metadata != NULL)
    zuv__peer_release(m->metadata);
}

/* Gives back what the message holds and leaves it empty. */
static inline void zmq__msg_clear(zmq_msg_t *msg) {
  zmq__msg_release(msg);
  zuv__msg_init(zmq__msg(msg));
}

#endif /* ZMQ_BLOCKING_MESSAGE_H */
