/* Requests: messages through a DEALER that wait for their reply, many at a
 * time. On the wire a request is [id, 4 octets] "" body; REP sends the parts up
 * to the empty one back, and so do servers on ROUTER. A reply counts if it
 * comes through the pipe that the request went into.
 *
 *   zuv_request() --> WAITING --> SENT --reply--> done, 0
 *                        |          |
 *                        +----------+--> UV_ETIMEDOUT, UV_ECANCELED,
 *                                        UV_ECONNRESET
 *
 * Each goes by a zuv_send_t of its own, which waits for room if need be. From
 * the first request on, all messages are delivered to a callback of ours, which
 * hands those that are no replies to the application's: who makes no requests
 * pays nothing for them.
 *
 * Fails as zuv_send(). */
#ifndef ZUV_CORE_REQUEST_H
#define ZUV_CORE_REQUEST_H

#include "base/map.h"
#include "core/pipe.h"
#include "zuv.h"

struct zuv__socket_s;

/* The requests of a socket, made with the first of them. */
typedef struct zuv__requester_s {
  zuv__map_t outstanding; /* by id */
  zuv_recv_cb recv_cb;    /* the application's, or NULL */
  uint32_t first_id;
  uint32_t last_id;
  uint32_t issued; /* ids, first_id and those after it; or all there are */
  size_t lost;     /* outstanding requests whose peer was lost */
} zuv__requester_t;

/* The message of the send request went into this pipe. */
void zuv__requester_sent(zuv_send_t *send, zuv__pipe_t *pipe);
/* Is it of a request? */
bool zuv__requester_owns(const zuv_send_t *send);

/* What went into the pipe up to this sequence number has no peer any more. */
void zuv__requester_lost(struct zuv__socket_s *socket, const zuv__pipe_t *pipe,
                         uint64_t sequence);
/* All that was received is delivered: requests whose peer was lost before have
 * no reply to expect. */
void zuv__requester_settle(struct zuv__socket_s *socket);

/* Ends all of them; the callbacks run from the work task. */
void zuv__requester_cancel(struct zuv__socket_s *socket);
/* When all have ended. */
void zuv__requester_destroy(struct zuv__socket_s *socket);

#endif /* ZUV_CORE_REQUEST_H */
