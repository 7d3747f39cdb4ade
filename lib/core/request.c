#include "core/request.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "core/peer.h"
#include "core/socket.h"

enum {
  FRONT = 2,    /* parts before the body: the id, the empty one */
  PARTS_FEW = 8 /* of a message that needs no allocation */
};

/* What zuv_request_t.zuv__private holds. */
typedef struct {
  zuv__map_node_t node; /* in outstanding; its key is `id` */
  zuv__timer_t timer;
  zuv__pipe_t *pipe; /* it went into, only to be compared; or NULL */
  uint64_t sequence; /* there */
  uint32_t id;
  bool outstanding;
  bool lost; /* the peer; a reply may still be among what is received */
} state_t;

_Static_assert(sizeof(state_t) <= sizeof(((zuv_request_t *)0)->zuv__private),
               "the private part of zuv_request_t");

static state_t *state_of(zuv_request_t *request) {
  return (state_t *)(void *)request->zuv__private;
}

static zuv_request_t *request_of(state_t *state) {
  return zuv__container_of((uint64_t *)(void *)state, zuv_request_t,
                           zuv__private[0]);
}

static state_t *state_of_send(const zuv_send_t *send) {
  return state_of(zuv__container_of((zuv_send_t *)(uintptr_t)send,
                                    zuv_request_t, zuv__send));
}

/* ---- Ends ---- */

static void forget(state_t *state) {
  zuv__socket_t *socket = zuv__socket(request_of(state)->socket);
  zuv__requester_t *requester = socket->requester;

  zuv__map_remove(&requester->outstanding, &state->node);
  zuv__timer_stop(socket->loop, &state->timer);
  state->outstanding = false;
  if (state->lost)
    requester->lost--;
}

/* By the way of its send request, whatever that is at: its callback is ours,
 * and runs from the work task. */
static void end_later(state_t *state, int status) {
  forget(state);
  zuv__request_done(&request_of(state)->zuv__send, status);
}

static void on_timeout(zuv__timer_t *timer) {
  end_later(zuv__container_of(timer, state_t, timer), UV_ETIMEDOUT);
}

static void mark_lost(zuv__socket_t *socket, state_t *state) {
  if (state->lost)
    return;
  state->lost = true;
  socket->requester->lost++;
  zuv__socket_schedule(socket);
}

/* The message went out, or did not; or all is over. */
static void on_sent(zuv_send_t *send, int status) {
  state_t *state = state_of_send(send);
  zuv_request_t *request = request_of(state);

  if (state->outstanding && status == 0)
    return;
  if (state->outstanding && status == UV_ECONNRESET) {
    mark_lost(zuv__socket(send->socket), state);
    return;
  }
  if (state->outstanding)
    forget(state);
  request->zuv__cb(request, status, NULL, 0, NULL);
}

bool zuv__requester_owns(const zuv_send_t *send) {
  return send->zuv__cb == on_sent;
}

void zuv__requester_sent(zuv_send_t *send, zuv__pipe_t *pipe) {
  state_t *state = state_of_send(send);

  state->pipe = pipe;
  state->sequence = pipe->written;
}

void zuv__requester_lost(zuv__socket_t *socket, const zuv__pipe_t *pipe,
                         uint64_t sequence) {
  zuv__map_iterator_t iterator;
  zuv__map_node_t *node;

  if (socket->requester == NULL)
    return;
  iterator = zuv__map_iterate(&socket->requester->outstanding);
  while ((node = zuv__map_next(&iterator)) != NULL) {
    state_t *state = zuv__container_of(node, state_t, node);
    if (state->pipe == pipe && state->sequence <= sequence)
      mark_lost(socket, state);
  }
}

static void end_all(zuv__socket_t *socket, bool lost, int status) {
  zuv__map_iterator_t iterator =
      zuv__map_iterate(&socket->requester->outstanding);
  zuv__map_node_t *node;

  while ((node = zuv__map_next(&iterator)) != NULL) {
    state_t *state = zuv__container_of(node, state_t, node);
    if (!lost || state->lost)
      end_later(state, status);
  }
}

void zuv__requester_settle(zuv__socket_t *socket) {
  if (socket->requester != NULL && socket->requester->lost > 0 &&
      zuv__list_empty(&socket->readers))
    end_all(socket, true, UV_ECONNRESET);
}

void zuv__requester_cancel(zuv__socket_t *socket) {
  if (socket->requester != NULL)
    end_all(socket, false, UV_ECANCELED);
}

void zuv__requester_destroy(zuv__socket_t *socket) {
  if (socket->requester == NULL)
    return;
  zuv__map_destroy(&socket->requester->outstanding);
  zuv__free(socket->requester);
  socket->requester = NULL;
}

/* ---- Replies ---- */

static bool has_front(zuv_msg_t *parts, size_t count) {
  return count >= FRONT && zuv__msg_size(&parts[0]) == sizeof(uint32_t) &&
         zuv__msg_size(&parts[1]) == 0;
}

static state_t *find(const zuv__requester_t *requester, uint32_t id) {
  zuv__map_node_t *node =
      zuv__map_find(&requester->outstanding, &id, sizeof(id));
  return node == NULL ? NULL : zuv__container_of(node, state_t, node);
}

static void reply(state_t *state, zuv_msg_t *parts, size_t count,
                  zuv_peer_t *peer) {
  zuv_request_t *request = request_of(state);

  forget(state);
  /* That its message went out needs no telling any more. */
  zuv__request_withdraw(&request->zuv__send);
  request->zuv__cb(request, 0, parts, count, peer);
}

/* True: the message is a reply. */
static bool is_reply(zuv__socket_t *socket, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  zuv__requester_t *requester = socket->requester;
  state_t *state;
  uint32_t id;

  if (!has_front(parts, count) || peer == NULL)
    return false;
  memcpy(&id, zuv__msg_data(&parts[0]), sizeof(id));
  state = find(requester, id);
  if (state != NULL && state->pipe != NULL && state->pipe == peer->pipe) {
    reply(state, parts + FRONT, count - FRONT, peer);
    return true;
  }
  /* Somebody else's four octets are hardly among those that we drew. */
  if (id - requester->first_id >= requester->issued)
    return false;
  socket->counts.late_replies++;
  return true;
}

static void recv_or_reply(zuv_socket_t *handle, zuv_msg_t *parts, size_t count,
                          zuv_peer_t *peer) {
  zuv__socket_t *socket = zuv__socket(handle);

  if (is_reply(socket, parts, count, peer))
    return;
  if (socket->requester->recv_cb != NULL)
    socket->requester->recv_cb(handle, parts, count, peer);
  else if (peer != NULL && peer->pipe != NULL)
    zuv__pipe_dropped(peer->pipe);
  else
    zuv__monitor_dropped(socket, 1);
}

/* ---- Requests ---- */

static int requester_make(zuv__socket_t *socket) {
  zuv__requester_t *requester;

  if (socket->requester != NULL)
    return 0;
  requester = zuv__calloc(1, sizeof(*requester));
  if (requester == NULL)
    return UV_ENOMEM;
  zuv__map_init(&requester->outstanding);
  requester->recv_cb = socket->recv_cb;
  socket->recv_cb = recv_or_reply;
  requester->first_id = zuv__random_u32();
  requester->last_id = requester->first_id - 1;
  socket->requester = requester;
  zuv__socket_schedule(socket);
  return 0;
}

/* Takes the next id that no outstanding request has. UV_ENOMEM. */
static int enter(zuv__requester_t *requester, state_t *state) {
  do {
    state->id = ++requester->last_id;
    if (requester->issued < UINT32_MAX)
      requester->issued++;
  } while (find(requester, state->id) != NULL);
  return zuv__map_insert(&requester->outstanding, &state->node, &state->id,
                         sizeof(state->id));
}

/* The id, the empty part, and the body's parts, which come back on error. */
static int send_parts(zuv_request_t *request, zuv_msg_t *all, zuv_msg_t *parts,
                      size_t count) {
  state_t *state = state_of(request);
  int err;

  (void)zuv_msg_init_copy(&all[0], &state->id, sizeof(state->id));
  zuv__msg_init(&all[1]);
  for (size_t i = 0; i < count; i++)
    zuv__msg_take(&all[FRONT + i], &parts[i]);
  err = zuv_send(&request->zuv__send, request->socket, all, FRONT + count,
                 on_sent);
  if (err != 0)
    for (size_t i = 0; i < count; i++)
      zuv__msg_take(&parts[i], &all[FRONT + i]);
  return err;
}

static int send_request(zuv_request_t *request, zuv_msg_t *parts,
                        size_t count) {
  zuv_msg_t few[PARTS_FEW];
  zuv_msg_t *all = few;
  int err;

  if (count > PARTS_FEW - FRONT) {
    all = NULL;
    if (count <= SIZE_MAX / sizeof(*all) - FRONT)
      all = zuv__malloc((FRONT + count) * sizeof(*all));
    if (all == NULL)
      return UV_ENOMEM;
  }
  err = send_parts(request, all, parts, count);
  if (all != few)
    zuv__free(all);
  return err;
}

static int check(const zuv_socket_t *handle, const zuv_msg_t *parts,
                 size_t count, zuv_request_cb request_cb) {
  const zuv__socket_t *socket = zuv__socket(handle);
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  if (parts == NULL || count == 0 || request_cb == NULL)
    return UV_EINVAL;
  return socket->pattern->type == ZUV_DEALER && !socket->options.conflate
             ? 0
             : UV_ENOTSUP;
}

int zuv_request(zuv_request_t *request, zuv_socket_t *handle, zuv_msg_t *parts,
                size_t count, uint64_t timeout_ms, zuv_request_cb request_cb) {
  zuv__socket_t *socket = zuv__socket(handle);
  state_t *state = state_of(request);
  int err = check(handle, parts, count, request_cb);

  if (err == 0)
    err = requester_make(socket);
  if (err != 0)
    return err;
  memset(state, 0, sizeof(*state));
  request->socket = handle;
  request->zuv__cb = request_cb;
  zuv__timer_init(&state->timer, on_timeout);
  err = enter(socket->requester, state);
  if (err != 0)
    return err;
  state->outstanding = true;
  err = send_request(request, parts, count);
  if (err != 0) {
    forget(state);
    return err;
  }
  if (timeout_ms > 0)
    zuv__timer_start(socket->loop, &state->timer, timeout_ms);
  return 0;
}

int zuv_request_cancel(zuv_request_t *request) {
  state_t *state = state_of(request);

  if (!state->outstanding)
    return UV_EINVAL;
  end_later(state, UV_ECANCELED);
  return 0;
}
