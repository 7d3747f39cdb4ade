#include "transport/inproc_local.h"

#include "base/alloc.h"
#include "core/deposit.h"
#include "core/peer.h"
#include "core/socket.h"
#include "routing/notice.h"

typedef struct {
  zuv__pipe_t *pipes[2]; /* [0] is the connecting one; NULL once ended */
  zuv__inproc_owner_t *owner;
  char endpoint[];
} local_t;

static zuv__pipe_t *other(const zuv__pipe_t *pipe) {
  const local_t *local = pipe->link;
  return local->pipes[0] == pipe ? local->pipes[1] : local->pipes[0];
}

static int local_write(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  zuv__pipe_t *peer = other(pipe);
  int err = zuv__pipe_deposit(peer, parts, count);

  if (peer->in_full)
    pipe->can_write = false;
  return err;
}

/* What one has sent is what the other has received. */
static void local_count(const zuv__pipe_t *pipe, zuv__counts_t *counts) {
  const zuv__pipe_t *peer = other(pipe);

  counts->messages_in += peer->written - peer->lost;
  counts->bytes_in += zuv__inproc_queued_bytes(pipe);
  counts->bytes_out += zuv__inproc_queued_bytes(peer) + peer->received_bytes;
}

/* They part, and count for each other no more. */
static void settle_counts(const local_t *local) {
  for (int i = 0; i < 2; i++) {
    zuv__pipe_t *to = local->pipes[i];
    zuv__pipe_t *from = local->pipes[1 - i];

    to->received_bytes += zuv__inproc_queued_bytes(to);
    to->received += from->written - from->lost;
    from->sent_bytes += to->received_bytes;
  }
}

static void local_resume(zuv__pipe_t *pipe) {
  zuv__pipe_writable(other(pipe));
}

static int local_subscribe(zuv__pipe_t *pipe, bool subscribe, const void *topic,
                           size_t size) {
  zuv__pipe_t *peer = other(pipe);
  zuv__socket_t *socket = peer->socket;

  if (socket->pattern->subscription == NULL || !peer->attached)
    return 0;
  return socket->pattern->subscription(socket, peer, subscribe, topic, size);
}

/* One queue serves for both sides of a direction. What is full by a new limit
 * is so after the next message: a part of it may have been promised room. */
static void set_limits(zuv__pipe_t *from, zuv__pipe_t *to) {
  const zuv__options_t *sends = &from->socket->options;
  const zuv__options_t *receives = &to->socket->options;

  to->in_limit = (size_t)zuv__inproc_limit((uint64_t)sends->sndhwm,
                                           (uint64_t)receives->rcvhwm);
  to->in_limit_bytes =
      zuv__inproc_limit(sends->sndhwm_bytes, receives->rcvhwm_bytes);
  if (!to->conflate && zuv__pipe_in_is_full(to)) {
    to->in_full = true;
  } else if (to->in_full) {
    to->in_full = false;
    zuv__pipe_writable(from);
  }
}

static void local_limits(zuv__pipe_t *pipe) {
  set_limits(pipe, other(pipe));
  set_limits(other(pipe), pipe);
}

static void local_drain(zuv__pipe_t *pipe) {
  /* All that was written is with the peer already. */
  zuv__pipe_drained(pipe);
}

/* What we sent lies with the peer until that is read. */
static void local_stats(zuv__pipe_t *pipe, zuv__pipe_stats_t *stats) {
  stats->outbound += zuv__pipe_unread(other(pipe));
}

static void local_end(zuv__pipe_t *pipe) {
  local_t *local = pipe->link;
  zuv__pipe_t *peer = other(pipe);

  settle_counts(local);
  if (local->owner != NULL)
    local->owner->pipe = NULL;
  if (!peer->connecting)
    zuv__notice_loss(peer, &peer->socket->options);
  zuv__pipe_ended(peer);
  zuv__free(local);
}

static const zuv__link_ops_t local_ops = {
    .write = local_write,
    .resume = local_resume,
    .subscribe = local_subscribe,
    .limits = local_limits,
    .count = local_count,
    .drain = local_drain,
    .stats = local_stats,
    .end = local_end,
};

zuv__pipe_t *zuv__inproc_pipe_new(zuv__socket_t *socket, const char *endpoint) {
  zuv__pipe_t *pipe = zuv__pipe_new(socket, &local_ops, NULL, endpoint);

  if (pipe == NULL)
    return NULL;
  /* A message is handed on as soon as it is written. */
  pipe->flushed = UINT64_MAX;
  return pipe;
}

int zuv__inproc_deposit_next(zuv__queue_t *queue, zuv__pipe_t *to) {
  zuv__block_pool_t *blocks = &to->socket->loop->blocks;
  size_t count = zuv__queue_next_parts(queue);
  zuv_msg_t few[4];
  zuv_msg_t *parts = few;
  bool more = true;
  int err;

  /* The loop's own array of parts may be with the application just now. */
  if (count > sizeof(few) / sizeof(few[0]))
    parts = zuv__malloc(count * sizeof(*parts));
  if (parts == NULL) {
    while (more) {
      zuv__queue_pop(queue, blocks, few, &more);
      zuv__msg_close(few);
    }
    return UV_ENOMEM;
  }
  zuv__block_pool_pin(blocks);
  for (size_t i = 0; i < count; i++)
    zuv__queue_pop(queue, blocks, &parts[i], &more);
  err = zuv__pipe_deposit(to, parts, count);
  if (err != 0)
    zuv__msgs_close(parts, count);
  zuv__block_pool_unpin(blocks);
  if (parts != few)
    zuv__free(parts);
  return err;
}

static void deposit_all(zuv__queue_t *queue, zuv__pipe_t *to) {
  while (queue->count > 0)
    if (zuv__inproc_deposit_next(queue, to) != 0)
      zuv__monitor_dropped(to->socket, 1);
  zuv__queue_clear(queue, &to->socket->loop->blocks);
}

/* Each may have said hello, and nobody is known by whom. */
static void unsay(const local_t *local) {
  for (int i = 0; i < 2; i++) {
    zuv__pipe_t *pipe = local->pipes[i];
    zuv__queue_clear(&pipe->in, &pipe->socket->loop->blocks);
  }
}

static zuv_peer_t *peer_of(const zuv__socket_t *socket, const char *endpoint) {
  return zuv__inproc_peer(socket->pattern->type, socket->options.routing_id,
                          socket->options.routing_id_size, endpoint);
}

int zuv__inproc_join(zuv__pipe_t *connecting, zuv__inproc_owner_t *owner,
                     zuv__socket_t *binder, zuv__queue_t *waiting) {
  size_t size = strlen(connecting->endpoint) + 1;
  local_t *local = zuv__malloc(sizeof(*local) + size);
  zuv_peer_t *binder_peer = peer_of(binder, connecting->endpoint);
  zuv_peer_t *connecting_peer =
      peer_of(connecting->socket, connecting->endpoint);
  zuv__pipe_t *bound = NULL;
  int err, err_connecting;

  if (local == NULL || binder_peer == NULL || connecting_peer == NULL)
    goto fail;
  memcpy(local->endpoint, connecting->endpoint, size);
  bound = zuv__pipe_new(binder, &local_ops, local, local->endpoint);
  if (bound == NULL)
    goto fail;
  bound->flushed = UINT64_MAX;
  /* As in libzmq the connecting side's option counts for both directions. */
  bound->conflate = connecting->conflate;
  local->pipes[0] = connecting;
  local->pipes[1] = bound;
  local->owner = owner;
  /* What it has handed over comes through here again. */
  connecting->sent_bytes = 0;
  connecting->ops = &local_ops;
  connecting->link = local;
  connecting->flushed = UINT64_MAX;
  zuv__pipe_flushed(connecting, UINT64_MAX);

  err = connecting->attached ? 0 : zuv__inproc_attach(connecting);
  if (err == 0)
    err = zuv__inproc_attach(bound);
  if (err != 0)
    goto fail_bound;
  err = zuv__pipe_ready(bound, connecting_peer);
  err_connecting = zuv__pipe_ready(connecting, binder_peer);
  if (connecting->state == ZUV__PIPE_ENDED ||
      connecting->state == ZUV__PIPE_FREED) {
    /* One has taken the id of the other, which is of the same socket. */
    if (waiting != NULL)
      zuv__queue_clear(waiting, &binder->loop->blocks);
    return 0;
  }
  if (err == 0)
    err = err_connecting;
  if (err != 0) {
    unsay(local);
    zuv__pipe_ended(bound);
    zuv__free(local);
    return err;
  }
  if (waiting != NULL)
    deposit_all(waiting, bound);
  deposit_all(&connecting->out, bound);
  local_limits(connecting);
  if (!bound->silent && !bound->in_full)
    zuv__pipe_writable(connecting);
  /* A peer that is not wanted takes nothing. */
  if (bound->silent)
    connecting->can_write = false;
  return 0;

fail_bound:
  unsay(local);
  zuv__pipe_ended(bound);
fail:
  if (binder_peer != NULL)
    zuv__peer_release(binder_peer);
  if (connecting_peer != NULL)
    zuv__peer_release(connecting_peer);
  zuv__free(local);
  return UV_ENOMEM;
}
