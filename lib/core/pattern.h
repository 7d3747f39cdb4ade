/* What a socket type is to the socket: a table of functions around one state.
 * A pattern is one file with its table at the bottom, and one line in
 * patterns/patterns.c. All run on the socket's loop. */
#ifndef ZUV_CORE_PATTERN_H
#define ZUV_CORE_PATTERN_H

#include "core/pipe.h"

struct zuv__socket_s;

/* A message on its way to the application: parts[0..count). One slot before
 * parts may be used for an id, by moving `parts` back. */
typedef struct zuv__incoming_s {
  zuv_msg_t *parts;
  size_t count;
} zuv__incoming_t;

enum { ZUV__DELIVER = 0, ZUV__DROP = 1 };

typedef struct zuv__pattern_s {
  int type;
  const char *name;
  bool can_send;         /* else zuv_try_send() is UV_ENOTSUP */
  bool can_receive;      /* else zuv_recv_start() is UV_ENOTSUP */
  bool raw;              /* speaks no ZMTP */
  bool single_connect;   /* a second connect to the same text is a no-op */
  bool conflates;        /* honours ZUV_CONFLATE */
  bool says_hello;       /* honours ZUV_HELLO_MSG */
  bool hears_disconnect; /* honours ZUV_DISCONNECT_MSG */
  bool hears_hiccup;     /* honours ZUV_HICCUP_MSG */
  /* receive needs no pipe, and nothing that changes outside API calls */
  bool receives_alone;
  size_t state_size; /* zeroed, at socket->pattern_state */

  /* Both may be NULL. destroy runs when all pipes are gone. */
  int (*init)(struct zuv__socket_s *socket);
  void (*destroy)(struct zuv__socket_s *socket);

  /* A pipe is there and may be written to. UV_ENOMEM: it is to end. NULL:
   * nothing to do. */
  int (*attach)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);
  /* Its peer is connected and known, now or once more. UV_ENOMEM:
   * its connection is to end. Another error: it is not wanted. May write. NULL:
   * nothing to do. */
  int (*ready)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);
  /* The connection is lost; a new one may follow. May be NULL. */
  void (*lost)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);
  /* Must not be written to any more. Messages may still be read. */
  void (*detach)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);
  /* Everything of it was read: forget it. May be NULL. */
  void (*forget)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);
  /* It can be written to again. NULL: the pattern asks can_write itself. */
  void (*writable)(struct zuv__socket_s *socket, zuv__pipe_t *pipe);

  /* Takes a message (then returns 0), or returns why not: UV_EAGAIN, UV_EPROTO,
   * UV_EHOSTUNREACH, UV_ENOMEM, and takes nothing of it. Sets
   * socket->sent_to to the one pipe it went to, or NULL. */
  int (*send)(struct zuv__socket_s *socket, zuv_msg_t *parts, size_t count);
  /* False: send would answer UV_EAGAIN or UV_EPROTO now. */
  bool (*writable_now)(struct zuv__socket_s *socket);

  /* 0 if a message that begins with this part would be sent now, else what send
   * would answer. NULL: UV_EAGAIN if not writable_now. */
  int (*check_first)(struct zuv__socket_s *socket, const zuv_msg_t *first);

  /* The next message of `pipe` goes to the application: change it as needed,
   * or ZUV__DROP. The parts may be views. NULL: deliver as it is. */
  int (*receive)(struct zuv__socket_s *socket, zuv__pipe_t *pipe,
                 zuv__incoming_t *message);
  /* The application had no memory to take the last of those, which is lost.
   * NULL: nothing to do. */
  void (*undelivered)(struct zuv__socket_s *socket);
  /* False: nothing may be delivered in this state. NULL: always. */
  bool (*readable_now)(struct zuv__socket_s *socket);

  /* For patterns that look at every part as it arrives, before any queue
   * (PUB, XPUB). Takes the part. NULL: parts are queued. */
  int (*arrived)(struct zuv__socket_s *socket, zuv__pipe_t *pipe,
                 zuv_msg_t *part, bool more);
  /* The peer subscribes or cancels. NULL: dropped. */
  int (*subscription)(struct zuv__socket_s *socket, zuv__pipe_t *pipe,
                      bool subscribe, const void *topic, size_t size);
  /* zuv_subscriber_count(). NULL: the pattern has no subscribers. */
  size_t (*subscribers)(struct zuv__socket_s *socket, const void *topic,
                        size_t size);
  /* A message that the pattern made itself, for the application (XPUB); as
   * receive. The pattern calls zuv__socket_readable() when there is one.
   * *from is its peer, even if that has left, with a reference for the caller.
   * False: there is none. */
  bool (*next_own)(struct zuv__socket_s *socket, zuv__incoming_t *message,
                   zuv_peer_t **from);
  /* Messages from the pipe that the pattern keeps for next_own. May be NULL. */
  void (*kept)(const zuv__pipe_t *pipe, size_t *messages, size_t *bytes);
  /* Whether next_own would answer true. */
  bool (*has_own)(struct zuv__socket_s *socket);

  /* SPECIAL options; UV_EINVAL if not this pattern's. May be NULL. */
  int (*set_option)(struct zuv__socket_s *socket, int option, const void *value,
                    size_t size);
  int (*get_option)(struct zuv__socket_s *socket, int option, void *value,
                    size_t *size);
} zuv__pattern_t;

/* The pattern of a socket type, or NULL. */
const zuv__pattern_t *zuv__pattern_find(int type);

#endif /* ZUV_CORE_PATTERN_H */
