/* A pipe: the two-way queue between a socket and one peer, with the high-water
 * mark of each direction.
 *
 * Above it is the socket's pattern, which decides which pipe a message takes.
 * Below it is a link: a ZMTP connection (which may come and go while the pipe
 * stays), a raw one, or an inproc peer. A message to send goes through write()
 * straight to the link if that can take it now, else it waits in `out`. A
 * message received goes straight to the application if that is waiting for it,
 * else into `in`.
 *
 *   OPEN -----> LINGERING: the socket is done with it; `out` is still sent
 *     |             |
 *     v             v
 *   ENDED: no link any more; what is in `in` can still be read
 *     |             |
 *     +-> freed <---+
 */
#ifndef ZUV_CORE_PIPE_H
#define ZUV_CORE_PIPE_H

#include "base/list.h"
#include "base/map.h"
#include "core/loop.h"
#include "core/queue.h"
#include "core/stats.h"
#include "routing/subscriptions.h"
#include "zuv.h"

typedef struct zuv__pipe_s zuv__pipe_t;
struct zuv__socket_s;

/* For who watches: what waits between the two ends, and their endpoint texts.
 * Valid until the loop goes on. */
typedef struct zuv__pipe_stats_s {
  uint64_t outbound; /* messages sent that the other end has not taken */
  uint64_t inbound;  /* messages that came in and were not read */
  const char *local; /* "" if it has none */
  const char *remote;
} zuv__pipe_stats_t;

/* What a pipe asks of its link. None of these calls back into the socket. */
typedef struct zuv__link_ops_s {
  /* Takes a whole message; called only while pipe->can_write. The link clears
   * can_write when the next one would not fit. UV_ENOMEM: not taken. */
  int (*write)(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count);
  /* `in` has room again after it was full. */
  void (*resume)(zuv__pipe_t *pipe);
  /* So many messages of `in` were read. May be NULL. */
  void (*was_read)(zuv__pipe_t *pipe, size_t count);
  /* Tells the publisher of a (cancelled) subscription: state, not a message. */
  int (*subscribe)(zuv__pipe_t *pipe, bool subscribe, const void *topic,
                   size_t size);
  /* Takes bytes that are a whole message framed for ZMTP 3.x in clear. They lie
   * in `chunk` and do not change as long as that is referenced. UV_EAGAIN: not
   * in this way. NULL: always use write. */
  int (*write_framed)(zuv__pipe_t *pipe, zuv__body_t *chunk,
                      const uint8_t *bytes, size_t size);
  /* All four limits were set from the options anew. May be NULL. */
  void (*limits)(zuv__pipe_t *pipe);
  /* Adds what the link counts itself. May be NULL. */
  void (*count)(const zuv__pipe_t *pipe, zuv__counts_t *counts);
  /* Ends the peer's connection, soon. NULL: there is none, end the pipe. */
  void (*dismiss)(zuv__pipe_t *pipe);
  /* The pipe lingers: answer with zuv__pipe_drained() as soon as nothing of it
   * waits, maybe at once. */
  void (*drain)(zuv__pipe_t *pipe);
  /* Adds what waits below the pipe, and tells what is known of the ends. */
  void (*stats)(zuv__pipe_t *pipe, zuv__pipe_stats_t *stats);
  /* The pipe is gone: forget it and end the peer. `out` is dropped. */
  void (*end)(zuv__pipe_t *pipe);
} zuv__link_ops_t;

typedef enum {
  ZUV__PIPE_OPEN,
  ZUV__PIPE_LINGERING,
  ZUV__PIPE_ENDED,
  ZUV__PIPE_FREED
} zuv__pipe_state_t;

struct zuv__pipe_s {
  struct zuv__socket_s *socket;
  const zuv__link_ops_t *ops; /* NULL once ended */
  void *link;                 /* the owner's */
  zuv_peer_t *peer;           /* known once the peer is ready, else NULL */
  const char *endpoint;       /* the text of the endpoint it came through */

  zuv__list_t in_socket;  /* all pipes of the socket */
  zuv__list_t in_readers; /* fair queue: pipes with a message to read */
  zuv__list_t in_writers; /* load balancer: pipes that can take a message */

  zuv__queue_t in;
  zuv__queue_t out;
  struct zuv__inbox_s *inbox; /* has messages of `in` on loan, or NULL */
  size_t lent;                /* how many of them are not reported as read */
  size_t lent_bytes;          /* in these */
  size_t in_limit;            /* messages; 0: none */
  size_t out_limit;
  uint64_t in_limit_bytes; /* 0: none */
  uint64_t out_limit_bytes;
  uint8_t state; /* zuv__pipe_state_t */
  bool can_write;
  bool attached;         /* the pattern knows it */
  bool connected;        /* the peer is there now */
  bool in_full;          /* the link waits for resume */
  bool conflate;         /* only the newest message of each direction is kept */
  bool silent;           /* the pattern ignores this peer, both ways */
  bool connecting;       /* we connected: the pipe outlives its connections */
  bool raw;              /* STREAM */
  uint8_t notify;        /* ROUTER_NOTIFY of the endpoint; inproc has none */
  uint8_t pattern_flags; /* the pattern's own, 0 at first */
  void *pattern_data;    /* likewise, NULL at first */

  /* zuv_send() requests whose message went into this pipe, by sequence */
  zuv__list_t requests;
  uint64_t written;        /* messages taken so far */
  uint64_t flushed;        /* of these, handed to the kernel */
  uint64_t commands;       /* of `written`: subscriptions over inproc */
  size_t commands_waiting; /* of these, in `out` */
  size_t command_bytes_waiting;
  uint64_t sent_bytes; /* of messages that left `out` or passed it by */
  uint64_t lost;       /* of `written`: neither in `out` nor handed on */
  uint64_t received;
  uint64_t received_bytes;
  uint64_t dropped; /* that were for this peer, or from it */

  zuv__timer_t linger;
  zuv__task_t free_task;

  /* ROUTER, REP, STREAM: the id that addresses the peer */
  zuv__map_node_t by_routing_id; /* key NULL: not routable */
  /* PUB, XPUB: the topics of the peer */
  zuv__subscriber_t subscriber;
};

/* A pipe of the socket. `endpoint` lives as long as the link. NULL: no memory.
 */
zuv__pipe_t *zuv__pipe_new(struct zuv__socket_s *socket,
                           const zuv__link_ops_t *ops, void *link,
                           const char *endpoint);
/* Tells the pattern of the new pipe, when the link is set up. UV_ENOMEM: the
 * pipe is to be ended. */
int zuv__pipe_attach(zuv__pipe_t *pipe);

/* -- from above: the socket and its pattern -- */

static inline int zuv__pipe_write(zuv__pipe_t *pipe, zuv_msg_t *parts,
                                  size_t count) {
  int err = pipe->ops->write(pipe, parts, count);
  if (err == 0)
    pipe->written++;
  return err;
}

/* Takes the next message of `in` into loop->parts[1..]; [0] is left free for
 * an id. Sets *count to the number of parts. UV_ENOMEM: nothing was taken. */
int zuv__pipe_read(zuv__pipe_t *pipe, size_t *count);

/* Messages were read: the link may go on, or an ended pipe may go away. */
ZUV__COLD void zuv__pipe_was_read_slow(zuv__pipe_t *pipe, size_t count);
static inline void zuv__pipe_was_read(zuv__pipe_t *pipe, size_t count) {
  if (pipe->in_full || pipe->ops == NULL || pipe->ops->was_read != NULL)
    zuv__pipe_was_read_slow(pipe, count);
}

/* Messages that came in and were not read: in `in` or lent to an inbox. */
static inline size_t zuv__pipe_unread(const zuv__pipe_t *pipe) {
  return pipe->in.count + pipe->lent;
}

static inline size_t zuv__pipe_unread_bytes(const zuv__pipe_t *pipe) {
  return zuv__queue_bytes(&pipe->in) + pipe->lent_bytes;
}

/* The socket is done with the pipe. `in` is dropped; `out` is sent for up to
 * `linger` milliseconds, -1 without end. Again: only shortens that time. */
void zuv__pipe_close(zuv__pipe_t *pipe, int linger);

/* The same, but what is in `in` can still be read (zmq_unbind(3)). */
void zuv__pipe_close_keeping_unread(zuv__pipe_t *pipe, int linger);

/* What it holds now, with what is below it. */
void zuv__pipe_stats(zuv__pipe_t *pipe, zuv__pipe_stats_t *out);

/* The limits follow the socket's options. */
void zuv__pipe_update_limits(zuv__pipe_t *pipe);

/* A message for this peer, or from it, is dropped for want of room or memory.
 */
void zuv__pipe_dropped(zuv__pipe_t *pipe);

/* A message that arrived was none: it says what else a command does. */
void zuv__pipe_uncount(zuv__pipe_t *pipe, size_t size);

/* What waits in `out` is given up. */
void zuv__pipe_clear_out(zuv__pipe_t *pipe);

/* -- from below: the link -- */

/* A part has come in, and is taken. False: this was the last that fits; wait
 * for resume before the next message. Messages may be delivered to the
 * application in here: look at pipe->state and the link's own state after it.
 * On UV_ENOMEM in *err the part is still the link's. */
bool zuv__pipe_arrived(zuv__pipe_t *pipe, zuv_msg_t *part, bool more, int *err);

/* The peer is known (again) and the connection open. Takes the peer. UV_ENOMEM:
 * the pattern cannot serve it; the link ends the connection. */
int zuv__pipe_ready(zuv__pipe_t *pipe, zuv_peer_t *peer);

/* The connection is lost; a connecting pipe waits for the next one. */
void zuv__pipe_lost(zuv__pipe_t *pipe);

/* There is room in `out` again. */
void zuv__pipe_writable(zuv__pipe_t *pipe);

/* All messages up to this sequence number were handed on. */
void zuv__pipe_flushed(zuv__pipe_t *pipe, uint64_t sequence);

/* A lingering pipe has nothing left to send: it goes away. */
void zuv__pipe_drained(zuv__pipe_t *pipe);

/* The link ends for good; messages in `in` can still be read. The pipe forgets
 * the link. */
void zuv__pipe_ended(zuv__pipe_t *pipe);

/* Has a queue of `count` messages, or of so many bytes, reached its limit? */
static inline bool zuv__limit_reached(uint64_t count, uint64_t limit) {
  return limit != 0 && count >= limit;
}

/* A full queue is offered again when it is at most half full. */
static inline bool zuv__limit_relieved(uint64_t count, uint64_t limit) {
  return limit == 0 || count <= limit / 2;
}

ZUV__COLD bool zuv__pipe_in_has_bytes_enough(const zuv__pipe_t *pipe);
ZUV__COLD bool zuv__pipe_out_has_bytes_enough(const zuv__pipe_t *pipe);

static inline bool zuv__pipe_in_is_full(const zuv__pipe_t *pipe) {
  return zuv__limit_reached(zuv__pipe_unread(pipe), pipe->in_limit) ||
         (pipe->in_limit_bytes != 0 && zuv__pipe_in_has_bytes_enough(pipe));
}

static inline bool zuv__pipe_in_is_relieved(const zuv__pipe_t *pipe) {
  return zuv__limit_relieved(zuv__pipe_unread(pipe), pipe->in_limit) &&
         zuv__limit_relieved(zuv__pipe_unread_bytes(pipe),
                             pipe->in_limit_bytes);
}

static inline bool zuv__pipe_out_is_full(const zuv__pipe_t *pipe) {
  return zuv__limit_reached(pipe->out.count, pipe->out_limit) ||
         (pipe->out_limit_bytes != 0 && zuv__pipe_out_has_bytes_enough(pipe));
}

static inline bool zuv__pipe_out_is_relieved(const zuv__pipe_t *pipe) {
  return zuv__limit_relieved(pipe->out.count, pipe->out_limit) &&
         zuv__limit_relieved(zuv__queue_bytes(&pipe->out),
                             pipe->out_limit_bytes);
}

#endif /* ZUV_CORE_PIPE_H */
