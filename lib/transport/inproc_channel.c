#include "transport/inproc_channel.h"

#include <assert.h>

#include "base/alloc.h"
#include "core/peer.h"
#include "core/socket.h"
#include "routing/notice.h"
#include "transport/inproc_local.h"

/* Of messages, or a limit of it. The counters only grow. */
typedef struct {
  uint64_t messages;
  uint64_t bytes;
} amount_t;

typedef struct {
  zuv__channel_t *channel;
  zuv__inproc_owner_t *owner;

  /* the loop's own */
  zuv__pipe_t *pipe;
  zuv__task_t flush;
  zuv__queue_t received; /* taken from `queue`, not yet in the pipe */
  amount_t sent;         /* handed over */
  amount_t known_read;   /* `acknowledged`, when it was last looked at */
  amount_t limit;        /* of what is sent and not read; 0: none */
  size_t unreported;     /* messages read since the last report */
  uint64_t taken_bytes;  /* of all that came out of `queue` */
  uint64_t told_bytes;   /* of these, reported as read */
  bool hands_over;       /* counted in loop->handing_over */
  bool ready;            /* the peer has taken its end */
  int peer_type;

  /* under the mutex */
  zuv__loop_t *loop; /* NULL: not taken, or closed */
  zuv__letter_t letter;
  bool posted;
  bool closed;
  zuv__queue_t queue;    /* on its way to this end */
  amount_t acknowledged; /* of ours, that the peer has read */
  bool blocked;          /* waits for acknowledgements */
  amount_t send_limit;
  amount_t receive_limit;
  int type; /* of the socket, for the peer */
  uint8_t routing_id_size;
  uint8_t routing_id[255];
} end_t;

struct zuv__channel_s {
  uv_mutex_t mutex;
  unsigned references;
  bool conflate;
  int failure; /* why it ends, if no socket wanted that; under the mutex */
  end_t ends[2];
  char endpoint[];
};

static end_t *peer_of(end_t *end) {
  end_t *ends = end->channel->ends;
  return end == &ends[0] ? &ends[1] : &ends[0];
}

/* Under the mutex: the other side is to look at its end. */
static void wake(end_t *end) {
  if (end->loop == NULL || end->posted)
    return;
  end->posted = true;
  zuv__loop_post(end->loop, &end->letter);
}

static void channel_free(zuv__channel_t *channel) {
  /* Blocks belong to no loop; a pool is only where they go. */
  zuv__block_pool_t pool;

  zuv__block_pool_init(&pool);
  for (int i = 0; i < 2; i++) {
    zuv__queue_clear(&channel->ends[i].queue, &pool);
    zuv__queue_clear(&channel->ends[i].received, &pool);
  }
  zuv__block_pool_destroy(&pool);
  uv_mutex_destroy(&channel->mutex);
  zuv__free(channel);
}

static void release(zuv__channel_t *channel) {
  bool last;

  uv_mutex_lock(&channel->mutex);
  last = --channel->references == 0;
  uv_mutex_unlock(&channel->mutex);
  if (last)
    channel_free(channel);
}

/* Of what goes out only the newest counts. Subscriptions, which go the other
 * way, all do. */
static bool conflates(const zuv__pipe_t *pipe) {
  const zuv__pattern_t *pattern = pipe->socket->pattern;
  return pipe->conflate && pattern->conflates && pattern->can_send;
}

/* Hands over what the pipe has gathered. */
static void hand_over_messages(end_t *end) {
  end_t *peer = peer_of(end);
  zuv__pipe_t *pipe = end->pipe;
  size_t messages = pipe->out.count - pipe->commands_waiting;
  size_t bytes = zuv__queue_bytes(&pipe->out) - pipe->command_bytes_waiting;
  zuv__queue_t dropped;

  if (pipe->out.count == 0)
    return;
  zuv__queue_init(&dropped);
  uv_mutex_lock(&end->channel->mutex);
  end->sent.messages += pipe->out.count;
  end->sent.bytes += zuv__queue_bytes(&pipe->out);
  if (conflates(pipe))
    zuv__queue_splice(&dropped, &peer->queue);
  if (peer->closed)
    pipe->lost += messages;
  else
    pipe->sent_bytes += bytes;
  zuv__queue_splice(peer->closed ? &dropped : &peer->queue, &pipe->out);
  wake(peer);
  uv_mutex_unlock(&end->channel->mutex);
  pipe->commands_waiting = 0;
  pipe->command_bytes_waiting = 0;
  /* What frees a body may be the application's: not under the mutex. */
  zuv__queue_clear(&dropped, &pipe->socket->loop->blocks);
  zuv__pipe_flushed(pipe, pipe->written);
}

/* Nothing waits to be handed over any more. */
static void settle(end_t *end, zuv__loop_t *loop) {
  if (!end->hands_over)
    return;
  end->hands_over = false;
  atomic_fetch_sub(&loop->handing_over, 1);
}

static void hand_over(end_t *end) {
  hand_over_messages(end);
  settle(end, end->pipe->socket->loop);
}

static void on_flush(zuv__task_t *task) {
  hand_over(zuv__container_of(task, end_t, flush));
}

/* ---- The link below the pipe ---- */

static amount_t sum_of(const amount_t *send, const amount_t *receive) {
  return (amount_t){zuv__inproc_limit(send->messages, receive->messages),
                    zuv__inproc_limit(send->bytes, receive->bytes)};
}

/* Under the mutex. A conflating channel has room always: what it replaces is
 * never read. */
static amount_t limit_of(const end_t *end, const end_t *peer) {
  return end->channel->conflate
             ? (amount_t){0, 0}
             : sum_of(&end->send_limit, &peer->receive_limit);
}

/* Under the mutex. */
static void set_in_limits(end_t *end) {
  zuv__pipe_t *pipe = end->pipe;
  amount_t limit = sum_of(&peer_of(end)->send_limit, &end->receive_limit);

  pipe->in_limit = (size_t)limit.messages;
  pipe->in_limit_bytes = limit.bytes;
}

static void limits_from(end_t *end, const zuv__options_t *options) {
  end->send_limit =
      (amount_t){(uint64_t)options->sndhwm, options->sndhwm_bytes};
  end->receive_limit =
      (amount_t){(uint64_t)options->rcvhwm, options->rcvhwm_bytes};
}

/* As far as is known without the mutex, which errs on the full side. */
static inline bool seems_full(const end_t *end) {
  const zuv__queue_t *out = &end->pipe->out;
  uint64_t messages =
      end->sent.messages + out->count - end->known_read.messages;
  uint64_t bytes =
      end->sent.bytes + zuv__queue_bytes(out) - end->known_read.bytes;

  return zuv__limit_reached(messages, end->limit.messages) ||
         zuv__limit_reached(bytes, end->limit.bytes);
}

static bool is_full(end_t *end) {
  zuv__channel_t *channel = end->channel;
  bool full;

  if (end->limit.messages == 0 && end->limit.bytes == 0)
    return false;
  uv_mutex_lock(&channel->mutex);
  end->known_read = end->acknowledged;
  full = seems_full(end);
  end->blocked = full;
  uv_mutex_unlock(&channel->mutex);
  return full;
}

static int channel_write(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  end_t *end = pipe->link;
  zuv__loop_t *loop = pipe->socket->loop;
  int err;

  if (pipe->conflate && conflates(pipe))
    zuv__pipe_clear_out(pipe);
  err = zuv__queue_write(&pipe->out, &loop->blocks, parts, count);
  if (err != 0)
    return err;
  zuv__loop_schedule_flush(loop, &end->flush);
  if (!end->hands_over) {
    end->hands_over = true;
    atomic_fetch_add(&loop->handing_over, 1);
  }
  if (seems_full(end) && is_full(end))
    pipe->can_write = false;
  return 0;
}

/* Enough of one limit is free again since the last report. */
static inline bool is_worth_a_report(uint64_t read, uint64_t limit) {
  return limit != 0 && read > limit / 4;
}

/* Reports what was read: when half of the limits is free again, and then not
 * each time. */
static void channel_was_read(zuv__pipe_t *pipe, size_t count) {
  end_t *end = pipe->link;
  end_t *peer = peer_of(end);
  size_t unread = zuv__pipe_unread(pipe) + end->received.count;
  uint64_t unread_bytes =
      zuv__pipe_unread_bytes(pipe) + zuv__queue_bytes(&end->received);
  uint64_t read_bytes = end->taken_bytes - end->told_bytes - unread_bytes;

  end->unreported += count;
  if (!zuv__limit_relieved(unread, pipe->in_limit) ||
      !zuv__limit_relieved(unread_bytes, pipe->in_limit_bytes) ||
      (unread > 0 && !is_worth_a_report(end->unreported, pipe->in_limit) &&
       !is_worth_a_report(read_bytes, pipe->in_limit_bytes)))
    return;
  uv_mutex_lock(&end->channel->mutex);
  peer->acknowledged.messages += end->unreported;
  peer->acknowledged.bytes += read_bytes;
  if (peer->blocked)
    wake(peer);
  uv_mutex_unlock(&end->channel->mutex);
  end->unreported = 0;
  end->told_bytes += read_bytes;
}

static void channel_resume(zuv__pipe_t *pipe) {
  (void)pipe; /* was_read reports */
}

/* A subscription travels as a marked message; nothing limits it. */
static int channel_subscribe(zuv__pipe_t *pipe, bool subscribe,
                             const void *topic, size_t size) {
  end_t *end = pipe->link;
  zuv__loop_t *loop = pipe->socket->loop;
  zuv_msg_t msg;
  int err;

  if (!end->ready || (end->peer_type != ZUV_PUB && end->peer_type != ZUV_XPUB))
    return 0;
  err = zuv_msg_init_size(&msg, size + 1);
  if (err != 0)
    return err;
  zuv__msg_data(&msg)[0] = subscribe ? 1 : 0;
  if (size > 0)
    memcpy(zuv__msg_data(&msg) + 1, topic, size);
  zuv__msg(&msg)->flags |= ZUV__MSG_COMMAND;
  err = zuv__queue_write(&pipe->out, &loop->blocks, &msg, 1);
  if (err != 0) {
    zuv__msg_close(&msg);
    return err;
  }
  pipe->written++;
  pipe->commands++;
  pipe->commands_waiting++;
  pipe->command_bytes_waiting += size + 1;
  zuv__loop_schedule_flush(loop, &end->flush);
  return 0;
}

static void channel_limits(zuv__pipe_t *pipe) {
  end_t *end = pipe->link;
  end_t *peer = peer_of(end);

  uv_mutex_lock(&end->channel->mutex);
  limits_from(end, &pipe->socket->options);
  if (end->ready || peer->loop != NULL)
    end->limit = limit_of(end, peer);
  else if (!end->channel->conflate)
    end->limit = end->send_limit;
  set_in_limits(end);
  wake(peer);
  uv_mutex_unlock(&end->channel->mutex);
  if (!is_full(end))
    zuv__pipe_writable(pipe);
}

static void channel_drain(zuv__pipe_t *pipe) {
  hand_over(pipe->link);
  zuv__pipe_drained(pipe);
}

/* The other loop reports what it has read now and then, so of what we sent a
 * little more seems to wait than does. It never reports what was replaced. */
static void channel_stats(zuv__pipe_t *pipe, zuv__pipe_stats_t *stats) {
  end_t *end = pipe->link;

  uv_mutex_lock(&end->channel->mutex);
  stats->outbound += end->channel->conflate
                         ? peer_of(end)->queue.count
                         : end->sent.messages - end->acknowledged.messages;
  stats->inbound += end->received.count + end->queue.count;
  uv_mutex_unlock(&end->channel->mutex);
}

static void channel_count(const zuv__pipe_t *pipe, zuv__counts_t *counts) {
  counts->bytes_in += zuv__inproc_queued_bytes(pipe);
}

static void channel_end(zuv__pipe_t *pipe) {
  end_t *end = pipe->link;
  zuv__channel_t *channel = end->channel;

  /* Whatever the linger time: what was sent over inproc is the peer's. */
  hand_over(end);
  if (end->owner != NULL)
    end->owner->pipe = NULL;
  zuv__task_cancel(&end->flush);
  uv_mutex_lock(&channel->mutex);
  end->closed = true;
  end->loop = NULL;
  wake(peer_of(end));
  uv_mutex_unlock(&channel->mutex);
  zuv__loop_discard_letters(pipe->socket->loop, end);
  pipe->received_bytes += zuv__inproc_queued_bytes(pipe);
  end->pipe = NULL;
  release(channel);
}

static const zuv__link_ops_t channel_ops = {
    .write = channel_write,
    .resume = channel_resume,
    .was_read = channel_was_read,
    .subscribe = channel_subscribe,
    .limits = channel_limits,
    .count = channel_count,
    .drain = channel_drain,
    .stats = channel_stats,
    .end = channel_end,
};

/* ---- Letters ---- */

static bool is_subscription(zuv__queue_t *queue, zuv__pipe_t *pipe) {
  return pipe->socket->pattern->subscription != NULL &&
         (zuv__queue_next_flags(queue) & ZUV__MSG_COMMAND) != 0;
}

/* Both sides lose their pipe, and what was on its way through the channel. The
 * connecting one is told why. */
static void fail(end_t *end, int status) {
  zuv__pipe_t *pipe = end->pipe;
  const zuv__link_ops_t *ops = pipe->ops;
  zuv__channel_t *channel = end->channel;
  zuv__inproc_owner_t *owner = end->owner;
  const end_t *peer = peer_of(end);
  size_t lost = end->received.count + pipe->out.count;

  uv_mutex_lock(&channel->mutex);
  channel->failure = status;
  /* Nobody has taken the other end. */
  if (peer->type < 0)
    lost += peer->queue.count;
  uv_mutex_unlock(&channel->mutex);
  if (lost > 0)
    zuv__monitor_dropped(pipe->socket, lost);
  ops->end(pipe);
  zuv__pipe_ended(pipe);
  if (owner != NULL)
    owner->failed(owner, status);
}

static int take_subscription(zuv__queue_t *queue, zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;
  zuv__block_pool_t *blocks = &socket->loop->blocks;
  zuv_msg_t msg;
  bool more;
  int err = 0;

  zuv__block_pool_pin(blocks);
  zuv__queue_pop(queue, blocks, &msg, &more);
  pipe->received--;
  if (pipe->attached)
    err = socket->pattern->subscription(
        socket, pipe, zuv__msg_data(&msg)[0] != 0, zuv__msg_data(&msg) + 1,
        zuv__msg_size(&msg) - 1);
  zuv__msg_close(&msg);
  zuv__block_pool_unpin(blocks);
  return err;
}

/* 0, or why the channel must end. */
static int receive(end_t *end) {
  zuv__queue_t *received = &end->received;
  zuv__pipe_t *pipe = end->pipe;
  /* Messages that go into no queue are read when they arrive. */
  bool read_now = pipe->silent || pipe->socket->pattern->arrived != NULL;

  while (received->count > 0) {
    int err;

    if (is_subscription(received, pipe)) {
      /* It must not vanish silently: both sides learn of the end. */
      err = take_subscription(received, pipe);
      if (err != 0)
        return err;
    } else {
      err = zuv__inproc_deposit_next(received, pipe);
      if (err != 0)
        zuv__pipe_dropped(pipe);
    }
    if (read_now || err != 0)
      channel_was_read(pipe, 1);
  }
  return 0;
}

static int tell_ready(end_t *end, int type, const uint8_t *routing_id,
                      size_t size) {
  zuv_peer_t *peer =
      zuv__inproc_peer(type, routing_id, size, end->channel->endpoint);
  end->ready = true;
  end->peer_type = type;
  return peer == NULL ? UV_ENOMEM : zuv__pipe_ready(end->pipe, peer);
}

static void on_letter(zuv__letter_t *letter) {
  end_t *end = letter->address;
  end_t *peer = peer_of(end);
  zuv__channel_t *channel = end->channel;
  zuv__pipe_t *pipe = end->pipe;
  uint8_t routing_id[255];
  size_t size;
  bool taken, closed;
  int type, failure;
  int err = 0;

  uv_mutex_lock(&channel->mutex);
  end->posted = false;
  closed = peer->closed;
  failure = channel->failure;
  taken = peer->loop != NULL || (closed && peer->type >= 0);
  type = peer->type;
  size = peer->routing_id_size;
  memcpy(routing_id, peer->routing_id, size);
  if (taken)
    end->limit = limit_of(end, peer);
  set_in_limits(end);
  end->taken_bytes += zuv__queue_bytes(&end->queue);
  pipe->received += end->queue.count;
  zuv__queue_splice(&end->received, &end->queue);
  uv_mutex_unlock(&channel->mutex);

  if (taken && !end->ready)
    err = tell_ready(end, type, routing_id, size);
  if (err == 0)
    err = closed && failure != 0 ? failure : receive(end);
  if (err != 0) {
    fail(end, err);
    return;
  }
  if (!pipe->silent && !is_full(end))
    zuv__pipe_writable(pipe);
  if (closed) {
    const zuv__link_ops_t *ops = pipe->ops;
    if (!pipe->connecting && end->ready)
      zuv__notice_loss(pipe, &pipe->socket->options);
    ops->end(pipe);
    zuv__pipe_ended(pipe);
  }
}

static void on_letter_discarded(zuv__letter_t *letter) {
  (void)letter; /* the end that it was for is closing */
}

/* ---- Making and taking ---- */

static void end_init(zuv__channel_t *channel, int side) {
  end_t *end = &channel->ends[side];

  end->channel = channel;
  end->letter.address = end;
  end->letter.deliver = on_letter;
  end->letter.discard = on_letter_discarded;
  zuv__task_init(&end->flush, on_flush);
  zuv__queue_init(&end->received);
  zuv__queue_init(&end->queue);
  end->type = -1;
}

/* Under the mutex, or before anybody else knows the channel. */
static void end_take(end_t *end, zuv__pipe_t *pipe) {
  const zuv__options_t *options = &pipe->socket->options;

  end->pipe = pipe;
  end->loop = pipe->socket->loop;
  limits_from(end, options);
  end->type = pipe->socket->pattern->type;
  end->routing_id_size = options->routing_id_size;
  memcpy(end->routing_id, options->routing_id, options->routing_id_size);
  pipe->link = end;
}

int zuv__channel_new(zuv__socket_t *socket, const char *endpoint,
                     zuv__inproc_owner_t *owner, zuv__channel_t **out) {
  size_t size = strlen(endpoint) + 1;
  zuv__channel_t *channel = zuv__calloc(1, sizeof(*channel) + size);
  zuv__pipe_t *pipe;
  int err = UV_ENOMEM;

  if (channel == NULL)
    return UV_ENOMEM;
  memcpy(channel->endpoint, endpoint, size);
  err = uv_mutex_init(&channel->mutex);
  if (err != 0)
    goto fail;
  end_init(channel, ZUV__CHANNEL_CONNECTING);
  end_init(channel, ZUV__CHANNEL_BINDING);
  channel->references = 2;
  pipe = zuv__pipe_new(socket, &channel_ops, NULL, endpoint);
  if (pipe == NULL) {
    err = UV_ENOMEM;
    goto fail_mutex;
  }
  pipe->connecting = true;
  channel->conflate = pipe->conflate;
  end_take(&channel->ends[ZUV__CHANNEL_CONNECTING], pipe);
  if (!channel->conflate)
    channel->ends[ZUV__CHANNEL_CONNECTING].limit =
        channel->ends[ZUV__CHANNEL_CONNECTING].send_limit;
  channel->ends[ZUV__CHANNEL_CONNECTING].owner = owner;
  owner->pipe = pipe;
  err = zuv__inproc_attach(pipe);
  if (err != 0)
    goto fail_pipe;
  *out = channel;
  return 0;

fail_pipe:
  zuv__task_cancel(&channel->ends[ZUV__CHANNEL_CONNECTING].flush);
  settle(&channel->ends[ZUV__CHANNEL_CONNECTING], socket->loop);
  owner->pipe = NULL;
  zuv__pipe_ended(pipe);
fail_mutex:
  uv_mutex_destroy(&channel->mutex);
fail:
  zuv__free(channel);
  return err;
}

int zuv__channel_take(zuv__channel_t *channel, zuv__socket_t *binder) {
  end_t *end = &channel->ends[ZUV__CHANNEL_BINDING];
  end_t *peer = &channel->ends[ZUV__CHANNEL_CONNECTING];
  zuv__pipe_t *pipe =
      zuv__pipe_new(binder, &channel_ops, end, channel->endpoint);

  if (pipe == NULL)
    return UV_ENOMEM;
  pipe->conflate = channel->conflate;
  uv_mutex_lock(&channel->mutex);
  end_take(end, pipe);
  end->limit = limit_of(end, peer);
  set_in_limits(end);
  wake(peer);
  /* What has come already, and who the peer is, is told by a letter too. */
  wake(end);
  uv_mutex_unlock(&channel->mutex);
  if (zuv__inproc_attach(pipe) != 0)
    fail(end, UV_ENOMEM);
  return 0;
}

void zuv__channel_refuse(zuv__channel_t *channel, int status) {
  uv_mutex_lock(&channel->mutex);
  channel->failure = status;
  channel->ends[ZUV__CHANNEL_BINDING].closed = true;
  wake(&channel->ends[ZUV__CHANNEL_CONNECTING]);
  uv_mutex_unlock(&channel->mutex);
  release(channel);
}

bool zuv__channel_is_void(zuv__channel_t *channel) {
  bool is_void;

  uv_mutex_lock(&channel->mutex);
  is_void = channel->ends[ZUV__CHANNEL_CONNECTING].closed &&
            channel->ends[ZUV__CHANNEL_BINDING].queue.count == 0;
  uv_mutex_unlock(&channel->mutex);
  return is_void;
}

zuv__pipe_t *zuv__channel_pipe_on(zuv__channel_t *channel, zuv__loop_t *loop) {
  end_t *end = &channel->ends[ZUV__CHANNEL_CONNECTING];
  zuv__pipe_t *pipe = NULL;

  uv_mutex_lock(&channel->mutex);
  if (end->loop == loop)
    pipe = end->pipe;
  uv_mutex_unlock(&channel->mutex);
  return pipe;
}

void zuv__channel_dissolve(zuv__channel_t *channel, zuv__queue_t *waiting,
                           zuv__inproc_owner_t **owner) {
  end_t *end = &channel->ends[ZUV__CHANNEL_CONNECTING];

  zuv__queue_init(waiting);
  zuv__queue_splice(waiting, &channel->ends[ZUV__CHANNEL_BINDING].queue);
  zuv__task_cancel(&end->flush);
  settle(end, end->loop);
  zuv__loop_discard_letters(end->loop, end);
  *owner = end->owner;
  end->pipe->link = NULL;
  channel_free(channel);
}
