/* The socket behind a zuv_socket_t: its endpoints, pipes, callbacks and state.
 *
 *   OPEN --zuv_close()--> CLOSING --no endpoint, no pipe, no request--> gone
 *
 * What the application must hear later than now (messages, room, completed
 * requests, events, the close) is done by the socket's `work` task. */
#ifndef ZUV_CORE_SOCKET_H
#define ZUV_CORE_SOCKET_H

#include "base/list.h"
#include "core/context.h"
#include "core/endpoint.h"
#include "core/loop.h"
#include "core/monitor.h"
#include "core/options.h"
#include "core/pattern.h"
#include "core/peer.h"
#include "core/pipe.h"
#include "core/request.h"
#include "core/stats.h"
#include "zuv.h"

typedef struct zuv__socket_s zuv__socket_t;

enum {
  /* messages delivered before other work of the loop gets its turn */
  ZUV__DISPATCH_MAX = 1024
};

struct zuv__socket_s {
  zuv_socket_t *handle;
  zuv__loop_t *loop;
  zuv__context_t *context;
  const zuv__pattern_t *pattern;
  void *pattern_state;
  zuv__options_t options;
  char *last_endpoint; /* owned, or NULL */

  zuv__list_t in_loop;
  zuv__list_t endpoints;
  zuv__list_t pipes;
  zuv__list_t readers;  /* fair queue: pipes with a message to read */
  zuv__pipe_t *sent_to; /* where pattern->send put the message, or NULL */

  zuv_recv_cb recv_cb;
  zuv_writable_cb writable_cb;
  zuv_event_cb event_cb;
  zuv_auth_cb auth_cb;
  zuv_close_cb close_cb;
  /* For a caller that asks instead of being called: something may have changed,
   * look at the socket. Inside any call; may not call into the core. */
  void (*notify)(zuv_socket_t *handle);

  zuv__task_t work;
  zuv__list_t waiting; /* zuv_send() requests without room, in order */
  zuv__list_t done;    /* requests whose callback is due */
  zuv__list_t events;  /* not yet told, see monitor.c */
  size_t events_count;
  uint64_t dropped;        /* messages, not yet told */
  uint64_t events_dropped; /* likewise */
  zuv__socket_counts_t counts;
  zuv__requester_t *requester; /* of zuv_request(), or NULL */
  zuv__list_t questions;       /* for auth_cb, see authentication.c */
  size_t dependents;           /* sockets of ours that ask ZAP for this one */

  uint64_t writable_told; /* the iteration of the last writable_cb */

  bool closing;
  bool abandoned; /* the program closed the loop's handles */
  bool ref;
  bool holding;          /* the loop */
  bool internal;         /* not the application's */
  bool asks_application; /* auth_cb decides, even when it runs no more */
};

static inline zuv__socket_t *zuv__socket(const zuv_socket_t *handle) {
  return handle->zuv__impl;
}

/* It is asked for messages instead of calling back. */
static inline bool zuv__socket_is_asked(const zuv__socket_t *socket) {
  return socket->notify != NULL && socket->recv_cb == NULL;
}

/* The state of the pattern. */
#define zuv__state(socket, type) ((type *)(socket)->pattern_state)

/* Its open for API calls: 0, or UV_EINVAL when closing, UV_ECANCELED when its
 * loop was taken down. */
int zuv__socket_check(const zuv_socket_t *handle);

/* Something is to be done before the next poll. */
static inline void zuv__socket_schedule(zuv__socket_t *socket) {
  if (socket->notify != NULL)
    socket->notify(socket->handle);
  zuv__loop_schedule(socket->loop, &socket->work);
}

/* Takes over an endpoint that a transport has made, and the text that
 * ZUV_LAST_ENDPOINT answers from now on. UV_ENOMEM: not taken. */
int zuv__socket_add_endpoint(zuv__socket_t *socket, zuv__endpoint_t *endpoint);
void zuv__socket_remove_endpoint(zuv__endpoint_t *endpoint);
/* Pipes come and go. */
void zuv__socket_update_hold(zuv__socket_t *socket);

/* The program has closed the handles of the loop: gives everything up. */
void zuv__socket_abandon(zuv__socket_t *socket);

/* -- receiving: socket_receive.c -- */

/* The application waits for a message, and none is queued before it. */
bool zuv__socket_wants_message(const zuv__socket_t *socket);
/* Delivers a single-part message that just arrived, in a loop callback and when
 * zuv__socket_wants_message(). Takes the part. */
void zuv__socket_deliver_now(zuv__socket_t *socket, zuv__pipe_t *pipe,
                             zuv_msg_t *part);
/* A pipe has a message to read. */
ZUV__COLD void zuv__socket_readable_first(zuv__socket_t *socket,
                                          zuv__pipe_t *pipe);
static inline void zuv__socket_readable(zuv__socket_t *socket,
                                        zuv__pipe_t *pipe) {
  if (pipe == NULL || zuv__list_empty(&pipe->in_readers) ||
      (socket->recv_cb != NULL && !zuv__task_waits(&socket->work)))
    zuv__socket_readable_first(socket, pipe);
}
/* Delivers what waits, up to a bound; in a loop callback only. */
void zuv__socket_dispatch(zuv__socket_t *socket);
/* Something could be delivered, were there a callback. */
bool zuv__socket_has_message(zuv__socket_t *socket);

/* -- sending: socket_send.c -- */

/* Room may have come: serve waiting requests and the writable callback. */
void zuv__socket_serve_senders(zuv__socket_t *socket);
/* The request is over; its callback runs from the work task. */
void zuv__request_done(zuv_send_t *request, int status);
/* Forgets the request, without its callback. */
void zuv__request_withdraw(zuv_send_t *request);
/* Ends all requests of the list. */
void zuv__requests_cancel(zuv__list_t *requests, int status);
void zuv__requests_tell(zuv__socket_t *socket);
static inline zuv_send_t *zuv__request(zuv__list_t *link) {
  return zuv__container_of(link, zuv_send_t, zuv__link);
}
static inline zuv__list_t *zuv__request_link(zuv_send_t *request) {
  return (zuv__list_t *)(void *)request->zuv__link;
}

#endif /* ZUV_CORE_SOCKET_H */
