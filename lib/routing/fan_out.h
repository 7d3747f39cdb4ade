/* Sending one message to many pipes: it is encoded once.
 *
 * A small message for several peers is framed once, into a chunk of the loop
 * behind the frames of the messages before it, and every connection that can
 * take it directly refers to the same bytes: to publish is to move one number
 * a connection, and a burst leaves each in one write. All other pipes get
 * copies that share large bodies by count; the last one gets the message
 * itself. Pipes without room miss the message, which is counted as dropped.
 *
 * Called by PUB, XPUB and XSUB in their send:
 *   zuv__fan_out_begin(&fan_out, socket, parts, count);
 *   zuv__fan_out_to(&fan_out, pipe);     for each pipe
 *   zuv__fan_out_end(&fan_out);
 * Nothing of it fails: without memory a pipe misses the message, too. */
#ifndef ZUV_ROUTING_FAN_OUT_H
#define ZUV_ROUTING_FAN_OUT_H

#include "core/pipe.h"

enum {
  ZUV__FAN_OUT_CHUNK_SIZE = 64 * 1024,
  ZUV__FAN_OUT_FRAMED_MAX = 4096, /* bytes; larger messages are shared */
  ZUV__FAN_OUT_PARTS = 4          /* copies of so many need no allocation */
};

typedef struct zuv__fan_out_s {
  struct zuv__socket_s *socket;
  zuv_msg_t *parts;
  size_t count;
  zuv__pipe_t *waiting; /* the latest pipe: maybe the last, so not served yet */
  size_t dropped;
  uint8_t *framed;    /* in the loop's chunk */
  size_t framed_size; /* 0: not framed yet */
  size_t body_size;   /* of all parts, when framed */
  bool too_large;     /* to be framed */
  bool shared;        /* the parts can be copied */
  zuv_msg_t *copies;  /* the first of some_copies, or allocated; or NULL */
  zuv_msg_t some_copies[ZUV__FAN_OUT_PARTS];
} zuv__fan_out_t;

void zuv__fan_out_begin(zuv__fan_out_t *fan_out, struct zuv__socket_s *socket,
                        zuv_msg_t *parts, size_t count);

/* The pipe is one of those that the message is for. */
void zuv__fan_out_to(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe);

/* Hands the message to the pipe's connection, past every queue. False: that
 * cannot take it now, and nothing has happened. */
bool zuv__fan_out_directly(zuv__fan_out_t *fan_out, zuv__pipe_t *pipe);

/* All pipes were named. Takes the parts. */
void zuv__fan_out_end(zuv__fan_out_t *fan_out);

#endif /* ZUV_ROUTING_FAN_OUT_H */
