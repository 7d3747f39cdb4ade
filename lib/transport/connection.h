/* A connection: one established stream, tcp or ipc, that speaks ZMTP or is raw.
 *
 *   HANDSHAKE --engine ready--> TRAFFIC --(loss)--> CLOSED
 *
 * A peer of ZMTP 1.0 has its own framing (`framing_v1`), one of 2.0 that of
 * 3.x; neither has commands.
 *
 * Reading: bytes go from the kernel into the loop's shared chunk and are parsed
 * there; only an incomplete frame is kept, in a chunk of its own (input.c).
 * Writing: frames gather in the output buffer, large bodies by reference, and
 * leave in one write when the loop has run its callbacks (framing.c, output.c).
 *
 * It belongs to its session, which is told of everything. */
#ifndef ZUV_TRANSPORT_CONNECTION_H
#define ZUV_TRANSPORT_CONNECTION_H

#include "core/authentication.h"
#include "core/io.h"
#include "core/message.h"
#include "transport/output.h"
#include "transport/session.h"
#include "zmtp/engine.h"

typedef enum {
  ZUV__CONNECTION_HANDSHAKE,
  ZUV__CONNECTION_TRAFFIC,
  ZUV__CONNECTION_CLOSED
} zuv__connection_state_t;

enum {
  ZUV__READS_PER_EVENT_MAX = 16, /* then other descriptors get their turn */
  /* memory is committed for at most this much of an announced frame */
  ZUV__FRAME_TRUST_MAX = 64 * 1024,
  ZUV__HANDSHAKE_TRUST_MAX = 256, /* the same before the peer is known */
  ZUV__FRAMES_PER_MESSAGE_MAX = 1 << 20
};

typedef struct zuv__heartbeat_s zuv__heartbeat_t; /* heartbeat.h */

/* An incomplete frame, or the room for the next one. */
typedef struct zuv__input_s {
  zuv__body_t *chunk; /* owned, or NULL: use the loop's */
  size_t begin;       /* of the bytes not yet parsed */
  size_t end;
  size_t expected; /* size of the large frames that come in, or 0 */
  uint32_t frames; /* of the incomplete message */
} zuv__input_t;

struct zuv__connection_s {
  zuv__session_t *session;
  zuv__loop_t *loop;
  zuv__io_t *io;
  uint8_t state; /* zuv__connection_state_t */
  bool raw;
  bool paused;    /* the pipe is full: not reading */
  bool blocked;   /* the kernel takes no more: waiting to write */
  bool peer_gone; /* blocked for good; reading what it left, to the end */
  bool legacy_subscriptions; /* the peer is older than ZMTP 3.1 */
  bool secured;              /* frames go through the mechanism */
  bool in_clear;             /* frames are those of 2.0 and 3.x, as they are */
  bool framing_v1;           /* frames are those of 1.0 */
  bool says_goodbye;         /* the peer should read our last bytes */
  bool wipes_input;          /* it may be a password */
  int failure;               /* of a write, to be handled by the flush task */
  uint32_t write_at;         /* output of so many bytes does not wait */
  uint32_t read_max;         /* bytes of one read */
  uint32_t raw_max;          /* bytes of a message of a raw stream */
  uint64_t max_size;         /* of a frame's content */
  uint64_t frame_max;        /* of a frame as it comes */
  zuv__authentication_t *authentication; /* asked, or NULL */
  zuv__heartbeat_t *heartbeat;           /* NULL: none */
  zuv__input_t input;
  uint64_t sent_bytes; /* of messages, not yet added to the pipe's */
  zuv__output_t output;
  zuv__task_t flush_task;
  zuv__task_t resume_task;
  zuv__task_t free_task;
  zuv__timer_t handshake_timer;
  zuv__engine_t engine;
};

/* Serves the session with a connected descriptor: a handshake begins, or for
 * raw sockets traffic at once. Takes the io over in any case. On error the
 * session has no connection, and was not told of a loss. */
int zuv__connection_new(zuv__session_t *session, zuv__io_t *io);

/* Ends it without a word to the session. */
void zuv__connection_close(zuv__connection_t *connection);

/* Ends it and tells the session, not from inside an API call. */
void zuv__connection_lose(zuv__connection_t *connection, int status,
                          bool protocol);

/* Ends it, soon, after what can be written at once. */
void zuv__connection_dismiss(zuv__connection_t *connection);

/* Output is taken right now, in front of nothing that waits. */
static inline bool zuv__connection_can_write(const zuv__connection_t *c) {
  return c->state == ZUV__CONNECTION_TRAFFIC && !c->blocked && c->failure == 0;
}

/* The peer knows commands, such as PING. Those before ZMTP 3 and raw ones do
 * not. Only in traffic. */
static inline bool zuv__connection_speaks_commands(const zuv__connection_t *c) {
  return c->engine.peer.version_major >= 3;
}

/* Takes a whole message. UV_ENOMEM: nothing of it. */
int zuv__connection_write(zuv__connection_t *connection, zuv_msg_t *parts,
                          size_t count);
/* Takes one part of a message that waited; may not fail half-way, so a failure
 * loses the connection (later). */
void zuv__connection_write_part(zuv__connection_t *connection, zuv_msg_t *part,
                                bool more);
/* Takes whole frames that lie in a chunk shared with other connections. */
int zuv__connection_write_shared(zuv__connection_t *connection,
                                 zuv__body_t *chunk, const uint8_t *bytes,
                                 size_t size);
/* Takes a (cancelled) subscription, as this peer wants it. */
int zuv__connection_subscribe(zuv__connection_t *connection, bool subscribe,
                              const void *topic, size_t size);

/* The pipe can take messages again. */
void zuv__connection_resume(zuv__connection_t *connection);

/* Nothing waits to be written. */
static inline bool zuv__connection_is_flushed(const zuv__connection_t *c) {
  return zuv__output_is_empty(&c->output);
}

/* -- between the files of a connection -- */

/* Reads and parses what the kernel has; input.c. */
void zuv__connection_read(zuv__connection_t *connection);
/* Parses what was kept when reading was paused; input.c. */
void zuv__connection_parse_kept(zuv__connection_t *connection);
void zuv__connection_free_input(zuv__connection_t *connection);
/* One frame of traffic, or of a raw stream; traffic.c. False: stop parsing for
 * now. */
bool zuv__connection_take_frame(zuv__connection_t *connection,
                                zuv__frame_t *frame, zuv__body_t *chunk);
/* The greeting goes out, and the time begins to run; handshake.c. */
int zuv__connection_start_handshake(zuv__connection_t *connection);
/* Octets of the handshake; answers how many were used; handshake.c. */
size_t zuv__connection_take_handshake(zuv__connection_t *connection,
                                      uint8_t *bytes, size_t size);
/* It has its turn, or its answer; handshake.c. */
void zuv__connection_resume_handshake(zuv__connection_t *connection);
/* It is over, whatever it was at; handshake.c. */
void zuv__connection_end_handshake(zuv__connection_t *connection);
void zuv__connection_tell_handshake_failed(zuv__connection_t *connection,
                                           int status);
/* Takes bytes that are one whole frame in clear; framing.c. */
int zuv__connection_write_frame(zuv__connection_t *connection,
                                const uint8_t *bytes, size_t size);
/* Writes what it can, and watches for more room if need be. */
void zuv__connection_flush(zuv__connection_t *connection);
void zuv__connection_watch(zuv__connection_t *connection);

#endif /* ZUV_TRANSPORT_CONNECTION_H */
