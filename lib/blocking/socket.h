/* A zmq socket: a zuv_socket_t on a private loop, and what only a caller that
 * takes part after part needs.
 *
 * One thread at a time uses a socket, so what is marked "the caller's" needs no
 * lock; the rest is under the lock of the loop. */
#ifndef ZMQ_BLOCKING_SOCKET_H
#define ZMQ_BLOCKING_SOCKET_H

#include "blocking/context.h"
#include "blocking/handle.h"
#include "blocking/loop.h"
#include "core/inbox.h"
#include "core/socket.h"
#include "zmq.h"

/* The socket of the core; it outlives the handle while it lingers. */
typedef struct zmq__native_s {
  zuv_socket_t zuv;
  zmq__context_t *context;
} zmq__native_t;

/* Both with the lock of the loop. A slot is taken already; the end of the
 * closing gives it back. */
int zmq__native_open(zmq__context_t *context, zmq__loop_t *loop, int type,
                     zmq__native_t **native);
void zmq__native_close(zmq__native_t *native);

/* Of zmq__socket_t.stalled_at. */
#define ZMQ__NOT_STALLED UINT64_MAX

/* Parts of one message, all lasting. */
typedef struct zmq__parts_s {
  zuv_msg_t *parts;
  size_t count;
  size_t room;
  size_t next; /* the first that the program has not got */
} zmq__parts_t;

typedef struct zmq__socket_s {
  zmq__handle_t handle;
  zmq__context_t *context;
  zmq__loop_t *loop;
  zmq__native_t *native;
  zuv__socket_t *core; /* of native */
  zuv__list_t in_context;
  int type;

  /* the caller's */
  zmq__parts_t incoming; /* the rest of a message that is being read */
  zuv_peer_t *incoming_from;
  zmq__parts_t outgoing; /* the beginning of one that is being sent */
  zuv__inbox_t inbox;
  bool more;      /* of the part read last */
  bool zero_copy; /* a part may keep the chunk that it was received in */
  struct zmq__slot_s *slot; /* of the thread that pulls; NULL: keep it */
  int slot_error;
  zmq__habit_t habit; /* of its waits */
  uint64_t affinity;  /* ZMQ_AFFINITY: bit n is I/O thread n; 0: any */
  bool has_welcome;   /* its pattern keeps a ZMQ_XPUB_WELCOME_MSG */

  /* under the lock */
  bool io; /* it has more than inproc on this loop: somebody must drive */
  zmq__waiter_t *waiter;
  uint64_t stalled_at; /* see send.c */
  int events_fd;       /* ZMQ_FD; -1 until it is asked for */
  bool edge;           /* it is readable, and the program has not looked yet */
  struct zmq__monitor_s *monitor;
} zmq__socket_t;

/* NULL, and errno is ENOTSOCK or ETERM. */
ZUV__COLD zmq__socket_t *zmq__socket_refuse(void *handle);
extern zmq__handle_pool_t zmq__sockets;
static inline zmq__socket_t *zmq__socket_of(void *handle) {
  zmq__socket_t *socket = handle;
  if (zmq__handle_is_open(&zmq__sockets, handle) &&
      zmq__context_is_running(socket->context))
    return socket;
  return zmq__socket_refuse(handle);
}

/* Keeps ZMQ_AFFINITY and moves to a loop that it names, where that can be done:
 * see affinity.c. Failed, it has changed nothing. */
int zmq__socket_set_affinity(zmq__socket_t *socket, uint64_t mask);

/* Its context stops: ends its waiting. */
void zmq__socket_stop(zmq__socket_t *socket);

/* -- with the lock of socket->loop -- */

/* A thread begins or ends (NULL) to wait for the socket. */
void zmq__socket_watch(zmq__socket_t *socket, zmq__waiter_t *waiter);

/* The program has seen how the socket stands: the edge of ZMQ_FD is over. */
ZUV__COLD void zmq__socket_end_edge(zmq__socket_t *socket);
static inline void zmq__socket_observed(zmq__socket_t *socket) {
  if (socket->edge)
    zmq__socket_end_edge(socket);
}

/* ZMQ_POLLIN and ZMQ_POLLOUT, as far as `wanted`; for the thread that uses the
 * socket. */
int zmq__socket_events(zmq__socket_t *socket, int wanted);

/* The milliseconds of an option as a deadline. */
uint64_t zmq__deadline_in(long ms);

/* -- receive.c, send.c -- */

/* What is to be filled: a message, or a buffer. */
typedef struct zmq__slot_s {
  zmq_msg_t *msg;
  void *buffer;
  size_t room;
  size_t size; /* of the part */
} zmq__slot_t;

/* Takes the next part: 0 or a UV_E* code. */
int zmq__receive(zmq__socket_t *socket, zmq__slot_t *slot, int flags);
/* With the lock: true if there is a part to read, which it then keeps ready. */
bool zmq__receive_prefetch(zmq__socket_t *socket);
/* Drops the rest of the message that is being read. */
void zmq__receive_drop_rest(zmq__socket_t *socket);
/* With the lock: drops what was begun to be read and sent. */
void zmq__receive_end(zmq__socket_t *socket);

/* Sends a part, which is taken, or answers a UV_E* code. */
int zmq__send(zmq__socket_t *socket, zuv_msg_t *part, int flags);

/* 0 with room for one part more, or UV_ENOMEM. */
int zmq__parts_reserve(zmq__parts_t *parts, size_t count);
void zmq__parts_clear(zmq__parts_t *parts);
void zmq__parts_destroy(zmq__parts_t *parts);

#endif /* ZMQ_BLOCKING_SOCKET_H */
