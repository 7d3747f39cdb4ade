/* REP: a request, fair-queued from all peers, then the reply to it.
 *
 *   IDLE --a request is delivered--> OWING --send--> IDLE
 *
 * A request is [hops] "" body (RFC 28): the parts up to and including the first
 * empty one are kept and go back in front of the reply. A request without them,
 * or without a body, is dropped. The reply goes to the pipe that asked; it is
 * dropped when that is gone or full. Peers have ids as for ROUTER, only so that
 * a second one with an id in use is refused.
 *
 * Sending: UV_EPROTO in IDLE; UV_ENOMEM. */
#include "patterns/patterns.h"

#include "core/socket.h"
#include "routing/envelope.h"
#include "routing/peer_ids.h"

typedef struct {
  zuv__peer_ids_t ids;      /* first, see peer_ids.h */
  zuv__envelope_t envelope; /* of the request to reply to */
  zuv__pipe_t *asker;       /* NULL: gone */
  bool owing;
} rep_t;

static int rep_init(zuv__socket_t *socket) {
  zuv__peer_ids_init(&zuv__state(socket, rep_t)->ids);
  return 0;
}

static void rep_destroy(zuv__socket_t *socket) {
  rep_t *rep = zuv__state(socket, rep_t);

  zuv__envelope_destroy(&rep->envelope);
  zuv__peer_ids_destroy(&rep->ids);
}

static int rep_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  return zuv__peer_ids_attach(&zuv__state(socket, rep_t)->ids, pipe);
}

static int rep_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  return zuv__peer_ids_ready(&zuv__state(socket, rep_t)->ids, pipe);
}

static void rep_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  rep_t *rep = zuv__state(socket, rep_t);

  zuv__peer_ids_detach(&rep->ids, pipe);
  if (rep->asker == pipe)
    rep->asker = NULL;
}

static void rep_forget(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__peer_ids_forget(pipe);
}

static int write_reply(rep_t *rep, zuv_msg_t *parts, size_t count) {
  int err;

  if (rep->asker != NULL && rep->asker->can_write) {
    err = zuv__envelope_write(&rep->envelope, rep->asker, parts, count);
    if (err == 0)
      rep->asker->socket->sent_to = rep->asker;
    return err;
  }
  if (rep->asker != NULL)
    zuv__pipe_dropped(rep->asker);
  zuv__envelope_clear(&rep->envelope);
  zuv__msgs_close(parts, count);
  return 0;
}

static int rep_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  rep_t *rep = zuv__state(socket, rep_t);
  int err;

  if (!rep->owing)
    return UV_EPROTO;
  err = write_reply(rep, parts, count);
  if (err != 0)
    return err;
  rep->owing = false;
  rep->asker = NULL;
  /* Requests that came meanwhile may be delivered. */
  if (!zuv__list_empty(&socket->readers))
    zuv__socket_schedule(socket);
  return 0;
}

static bool rep_writable_now(zuv__socket_t *socket) {
  return zuv__state(socket, rep_t)->owing;
}

static int rep_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  (void)first;
  return zuv__state(socket, rep_t)->owing ? 0 : UV_EPROTO;
}

/* The number of parts up to and including the first empty one, if a body
 * follows; else 0. */
static size_t envelope_size(const zuv__incoming_t *message) {
  for (size_t i = 0; i + 1 < message->count; i++)
    if (zuv__msg_size(&message->parts[i]) == 0)
      return i + 1;
  return 0;
}

static int rep_receive(zuv__socket_t *socket, zuv__pipe_t *pipe,
                       zuv__incoming_t *message) {
  rep_t *rep = zuv__state(socket, rep_t);
  size_t front = envelope_size(message);

  if (front == 0)
    return ZUV__DROP;
  if (zuv__envelope_add(&rep->envelope, message->parts, front) != 0) {
    zuv__pipe_dropped(pipe);
    return ZUV__DROP;
  }
  message->parts += front;
  message->count -= front;
  rep->asker = pipe->attached ? pipe : NULL;
  rep->owing = true;
  /* The reply may be sent now. */
  if (socket->writable_cb != NULL)
    zuv__socket_schedule(socket);
  return ZUV__DELIVER;
}

/* Nobody will answer it. */
static void rep_undelivered(zuv__socket_t *socket) {
  rep_t *rep = zuv__state(socket, rep_t);

  zuv__envelope_clear(&rep->envelope);
  rep->asker = NULL;
  rep->owing = false;
}

static bool rep_readable_now(zuv__socket_t *socket) {
  return !zuv__state(socket, rep_t)->owing;
}

const zuv__pattern_t zuv__pattern_rep = {
    .type = ZUV_REP,
    .name = "REP",
    .can_send = true,
    .can_receive = true,
    .says_hello = true,
    .state_size = sizeof(rep_t),
    .init = rep_init,
    .destroy = rep_destroy,
    .attach = rep_attach,
    .ready = rep_ready,
    .detach = rep_detach,
    .forget = rep_forget,
    .send = rep_send,
    .writable_now = rep_writable_now,
    .check_first = rep_check_first,
    .receive = rep_receive,
    .undelivered = rep_undelivered,
    .readable_now = rep_readable_now,
};
