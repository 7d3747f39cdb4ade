/* PAIR: one peer, both ways. The first pipe is the peer until it is forgotten,
 * that is until everything received from it was read; other peers that become
 * ready meanwhile are refused. UV_EAGAIN while the peer cannot take a message,
 * and while there is none. */
#include "patterns/patterns.h"

#include "core/socket.h"

typedef struct {
  zuv__pipe_t *pipe; /* NULL: the next one may come */
} pair_t;

static int pair_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  pair_t *pair = zuv__state(socket, pair_t);

  if (pair->pipe == NULL)
    pair->pipe = pipe;
  return 0;
}

static int pair_ready(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  /* Refused once is refused for good. */
  if (!pipe->attached)
    return UV_EISCONN;
  /* A connecting pipe may have been attached while another was the peer. */
  (void)pair_attach(socket, pipe);
  return zuv__state(socket, pair_t)->pipe == pipe ? 0 : UV_EISCONN;
}

static void pair_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  /* It stays the peer until it is forgotten, but cannot be written to. */
  (void)socket;
  (void)pipe;
}

static void pair_forget(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  pair_t *pair = zuv__state(socket, pair_t);

  if (pair->pipe == pipe)
    pair->pipe = NULL;
}

static bool pair_writable_now(zuv__socket_t *socket) {
  const pair_t *pair = zuv__state(socket, pair_t);
  return pair->pipe != NULL && pair->pipe->can_write;
}

static int pair_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  zuv__pipe_t *pipe = zuv__state(socket, pair_t)->pipe;
  int err;

  if (!pair_writable_now(socket))
    return UV_EAGAIN;
  err = zuv__pipe_write(pipe, parts, count);
  if (err == 0)
    socket->sent_to = pipe;
  return err;
}

const zuv__pattern_t zuv__pattern_pair = {
    .type = ZUV_PAIR,
    .name = "PAIR",
    .can_send = true,
    .can_receive = true,
    .state_size = sizeof(pair_t),
    .attach = pair_attach,
    .ready = pair_ready,
    .detach = pair_detach,
    .forget = pair_forget,
    .send = pair_send,
    .writable_now = pair_writable_now,
};
