/* XPUB: PUB whose application hears of the subscriptions, and of what else the
 * peers send, in the order of arrival.
 *
 * All of that waits in one queue for all peers. Each message in it ends with a
 * part more, the origin, which says whose it is. Of a peer that leaves first a
 * record stays until its messages are read.
 *
 * What a peer can make us keep is bounded: messages by RCVHWM, those beyond
 * are dropped; reports of its subscriptions like the subscriptions themselves,
 * then UV_ENOBUFS. */
#include "base/alloc.h"
#include "core/peer.h"
#include "patterns/patterns.h"
#include "patterns/publisher.h"

typedef struct {
  zuv__list_t in_state;
  zuv__pipe_t *pipe;           /* NULL once that is gone */
  zuv_peer_t *gone;            /* then: whose it was */
  zuv__subscriber_t requested; /* XPUB_MANUAL: the topics it asked for */
  size_t messages;             /* of it in the queue */
  size_t bytes;                /* of these */
  size_t reports;              /* likewise, of its subscriptions */
  size_t report_bytes;
} peer_t;

typedef struct {
  peer_t *peer;
  bool report; /* of a subscription; else a message of the peer */
} origin_t;

typedef struct {
  zuv__publisher_t publisher; /* first, see publisher.h */
  zuv__subscriptions_t requested;
  zuv__list_t peers;
  zuv__queue_t waiting; /* for the application */
} xpub_t;

static int init(zuv__socket_t *socket) {
  xpub_t *xpub = zuv__state(socket, xpub_t);

  zuv__subscriptions_init(&xpub->requested);
  zuv__list_init(&xpub->peers);
  zuv__queue_init(&xpub->waiting);
  return zuv__publisher_init(socket);
}

static void peer_free(peer_t *peer) {
  zuv__list_remove(&peer->in_state);
  if (peer->gone != NULL)
    zuv__peer_release(peer->gone);
  zuv__free(peer);
}

static void destroy(zuv__socket_t *socket) {
  xpub_t *xpub = zuv__state(socket, xpub_t);

  if (xpub->waiting.count > 0)
    zuv__queue_clear(&xpub->waiting, &socket->loop->blocks);
  zuv__subscriptions_destroy(&xpub->requested);
  while (!zuv__list_empty(&xpub->peers))
    peer_free(zuv__container_of(xpub->peers.next, peer_t, in_state));
  zuv__publisher_destroy(socket);
}

/* The record of the peer, made when it says its first word. NULL: no memory. */
static peer_t *peer_of(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  peer_t *peer = pipe->pattern_data;

  if (peer != NULL)
    return peer;
  peer = zuv__calloc(1, sizeof(*peer));
  if (peer == NULL)
    return NULL;
  peer->pipe = pipe;
  zuv__subscriber_init(&peer->requested);
  zuv__list_push_back(&zuv__state(socket, xpub_t)->peers, &peer->in_state);
  pipe->pattern_data = peer;
  return peer;
}

static void init_origin(zuv_msg_t *part, const origin_t *origin) {
  zuv__msg_init_view(part, origin, sizeof(*origin), NULL);
}

/* Queues a single-part message. UV_ENOMEM: the part is still the caller's. */
static int enqueue(zuv__socket_t *socket, peer_t *peer, zuv_msg_t *part,
                   bool report) {
  origin_t origin = {.peer = peer, .report = report};
  zuv_msg_t parts[2];
  int err;

  parts[0] = *part;
  init_origin(&parts[1], &origin);
  err = zuv__queue_write(&zuv__state(socket, xpub_t)->waiting,
                         &socket->loop->blocks, parts, 2);
  if (err != 0) {
    *part = parts[0];
    return err;
  }
  zuv__msg_init(part);
  zuv__socket_readable(socket, NULL);
  return 0;
}

/* Tells the application, whatever waits for it already. */
static int report(zuv__socket_t *socket, peer_t *peer,
                  const zuv__subscription_t *subscription) {
  uint8_t bytes[ZUV__QUEUE_COPY_MAX];
  size_t size = subscription->size + 1;
  uint8_t *data = bytes;
  zuv_msg_t part;
  int err;

  if (size <= sizeof(bytes)) {
    zuv__msg_init_view(&part, bytes, size, NULL);
  } else {
    err = zuv_msg_init_size(&part, size);
    if (err != 0)
      return err;
    data = zuv__msg_data(&part);
  }
  data[0] = subscription->subscribe ? ZUV__SUBSCRIBES : ZUV__CANCELS;
  if (size > 1)
    memcpy(data + 1, subscription->topic, subscription->size);
  err = enqueue(socket, peer, &part, true);
  if (err != 0) {
    zuv__msg_close(&part);
    return err;
  }
  peer->reports++;
  peer->report_bytes += size;
  return 0;
}

static bool has_too_many_reports(const peer_t *peer, size_t size) {
  return peer->reports >= ZUV__SUBSCRIPTIONS_PER_PEER_MAX ||
         peer->report_bytes > ZUV__SUBSCRIPTION_BYTES_PER_PEER_MAX ||
         size > ZUV__SUBSCRIPTION_BYTES_PER_PEER_MAX - peer->report_bytes;
}

/* Applies a subscription; with XPUB_MANUAL only notes that it was asked for.
 * `alone`: it is not a part of a message that is delivered anyway. */
static int apply(zuv__socket_t *socket, peer_t *peer,
                 const zuv__subscription_t *sub, bool alone) {
  const zuv__options_t *options = &socket->options;
  xpub_t *xpub = zuv__state(socket, xpub_t);
  zuv__subscriptions_t *index = &xpub->publisher.subscriptions;
  zuv__subscriber_t *subscriber = &peer->pipe->subscriber;
  bool tell = options->xpub_manual != 0;
  bool changed = false;
  bool edge; /* it is the first of its topic, or the last, or unknown */
  int err = 0;

  if (alone && has_too_many_reports(peer, sub->size))
    return UV_ENOBUFS;
  if (options->xpub_manual) {
    index = &xpub->requested;
    subscriber = &peer->requested;
  }
  if (sub->subscribe) {
    err = zuv__subscriptions_add(index, subscriber, sub->topic, sub->size,
                                 &edge, &changed);
    tell = tell || edge || options->xpub_verbose;
  } else {
    changed = zuv__subscriptions_remove(index, subscriber, sub->topic,
                                        sub->size, &edge) == 0;
    tell = tell || edge || !changed || options->xpub_verboser;
    zuv__publisher_fewer_subscribers(socket);
  }
  if (err == 0 && tell && alone)
    err = report(socket, peer, sub);
  if (err != 0 && changed && sub->subscribe)
    zuv__subscriptions_remove(index, subscriber, sub->topic, sub->size, NULL);
  if (err != 0 && !sub->subscribe) {
    /* The topic is gone whatever else would be told. */
    zuv__monitor_dropped(socket, 1);
    err = 0;
  }
  if (err == 0 && changed && !options->xpub_manual)
    zuv__monitor_subscription(socket, peer->pipe, sub->subscribe, sub->topic,
                              sub->size);
  return err;
}

static int subscription(zuv__socket_t *socket, zuv__pipe_t *pipe,
                        bool subscribe, const void *topic, size_t size) {
  zuv__subscription_t sub = {subscribe, topic, size};
  peer_t *peer;

  if (!pipe->attached)
    return 0;
  peer = peer_of(socket, pipe);
  return peer == NULL ? UV_ENOMEM : apply(socket, peer, &sub, true);
}

static bool has_enough(const peer_t *peer) {
  const zuv__pipe_t *pipe = peer->pipe;

  return zuv__limit_reached(peer->messages, pipe->in_limit) ||
         zuv__limit_reached(peer->bytes, pipe->in_limit_bytes);
}

/* The message that lies in pipe->in is whole but for its origin. */
static int finish_message(zuv__socket_t *socket, peer_t *peer) {
  zuv__block_pool_t *blocks = &socket->loop->blocks;
  zuv__queue_t *in = &peer->pipe->in;
  origin_t origin = {.peer = peer, .report = false};
  size_t bytes = in->partial_bytes;
  zuv_msg_t part;

  init_origin(&part, &origin);
  if (has_enough(peer) || zuv__queue_push(in, blocks, &part, false) != 0) {
    zuv__queue_rollback(in, blocks);
    zuv__pipe_dropped(peer->pipe);
    return 0;
  }
  zuv__queue_splice(&zuv__state(socket, xpub_t)->waiting, in);
  peer->messages++;
  peer->bytes += bytes;
  zuv__socket_readable(socket, NULL);
  return 0;
}

/* Takes a part for the application. Messages of several parts gather in
 * pipe->in, whose core forgets unfinished ones with the connection. */
static int take_part(zuv__socket_t *socket, peer_t *peer, zuv_msg_t *part,
                     bool more) {
  zuv__pipe_t *pipe = peer->pipe;
  size_t size = zuv__msg_size(part);
  int err;

  if (more || pipe->in.partial) {
    err = zuv__queue_push(&pipe->in, &socket->loop->blocks, part, true);
    return err != 0 || more ? err : finish_message(socket, peer);
  }
  if (has_enough(peer)) {
    zuv__msg_close(part);
    zuv__pipe_dropped(pipe);
    return 0;
  }
  err = enqueue(socket, peer, part, false);
  if (err != 0)
    return err;
  peer->messages++;
  peer->bytes += size;
  return 0;
}

static int take_any_part(zuv__socket_t *socket, zuv__pipe_t *pipe,
                         zuv_msg_t *part, bool more) {
  peer_t *peer = peer_of(socket, pipe);
  bool alone = !pipe->in.partial;
  zuv__subscription_t sub;
  int err;

  if (peer == NULL)
    return UV_ENOMEM;
  if (!zuv__publisher_is_subscription(pipe, part, more, &sub))
    return take_part(socket, peer, part, more);
  err = apply(socket, peer, &sub, alone);
  if (err != 0)
    return err;
  if (!alone)
    return take_part(socket, peer, part, more);
  zuv__msg_close(part);
  return 0;
}

/* Over inproc the pipe stays, and the next message must not be taken for the
 * rest of one that was given up. */
static int arrived(zuv__socket_t *socket, zuv__pipe_t *pipe, zuv_msg_t *part,
                   bool more) {
  int err = take_any_part(socket, pipe, part, more);

  if (err != 0) {
    zuv__queue_rollback(&pipe->in, &socket->loop->blocks);
    zuv__publisher_forget_message(pipe);
  }
  return err;
}

typedef struct {
  zuv__socket_t *socket;
  peer_t *peer;
  bool all; /* tell of each topic, not only if it was the last of its kind */
} leaving_t;

static void on_left(void *context, const void *topic, size_t size,
                    bool last_of_topic) {
  const leaving_t *leaving = context;
  zuv__subscription_t sub = {false, topic, size};

  if (!last_of_topic && !leaving->all)
    return;
  if (report(leaving->socket, leaving->peer, &sub) != 0)
    zuv__monitor_dropped(leaving->socket, 1);
}

static void lost(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  xpub_t *xpub = zuv__state(socket, xpub_t);
  peer_t *peer = pipe->pattern_data;
  bool manual = socket->options.xpub_manual != 0;
  leaving_t leaving = {socket, peer, true};

  zuv__publisher_forget_message(pipe);
  if (xpub->publisher.last == pipe)
    xpub->publisher.last = NULL;
  if (peer == NULL)
    return;
  /* What the application allowed follows from what was asked for, and so is
   * not told of by itself. */
  zuv__subscriptions_remove_all(&xpub->requested, &peer->requested, &leaving,
                                socket->closing ? NULL : on_left);
  leaving.all = socket->options.xpub_verboser != 0;
  zuv__subscriptions_remove_all(&xpub->publisher.subscriptions,
                                &pipe->subscriber, &leaving,
                                socket->closing || manual ? NULL : on_left);
  zuv__publisher_fewer_subscribers(socket);
}

static void free_if_read(peer_t *peer) {
  if (peer->pipe == NULL && peer->messages == 0 && peer->reports == 0)
    peer_free(peer);
}

static void forget(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  peer_t *peer = pipe->pattern_data;

  (void)socket;
  if (peer == NULL)
    return;
  pipe->pattern_data = NULL;
  peer->pipe = NULL;
  peer->gone = pipe->peer;
  if (peer->gone != NULL)
    zuv__peer_retain(peer->gone);
  free_if_read(peer);
}

/* Whose message it is, with a reference for the caller. */
static zuv_peer_t *sender_of(const origin_t *origin) {
  const peer_t *peer = origin->peer;
  zuv_peer_t *sender = peer->pipe != NULL ? peer->pipe->peer : peer->gone;

  if (sender != NULL)
    zuv__peer_retain(sender);
  return sender;
}

/* A message of so many bytes has left the queue. Answers its pipe, or NULL if
 * that is gone. */
static zuv__pipe_t *settle(const origin_t *origin, size_t size) {
  peer_t *peer = origin->peer;
  zuv__pipe_t *pipe = peer->pipe;

  if (origin->report) {
    peer->reports--;
    peer->report_bytes -= size;
  } else {
    peer->messages--;
    peer->bytes -= size;
  }
  free_if_read(peer);
  return pipe;
}

static void pop_origin(zuv__socket_t *socket, origin_t *origin) {
  zuv_msg_t part;
  bool more;

  zuv__queue_pop(&zuv__state(socket, xpub_t)->waiting, &socket->loop->blocks,
                 &part, &more);
  memcpy(origin, zuv__msg_data(&part), sizeof(*origin));
}

/* There is no memory to deliver it: see dispatch in core/socket_receive.c. */
static void drop_next(zuv__socket_t *socket, size_t count) {
  xpub_t *xpub = zuv__state(socket, xpub_t);
  uint64_t before = xpub->waiting.read_bytes;
  origin_t origin;
  zuv_msg_t part;
  bool more;

  for (size_t i = 0; i < count; i++) {
    zuv__queue_pop(&xpub->waiting, &socket->loop->blocks, &part, &more);
    zuv__msg_close(&part);
  }
  pop_origin(socket, &origin);
  settle(&origin, (size_t)(xpub->waiting.read_bytes - before) - sizeof(origin));
  zuv__monitor_dropped(socket, 1);
}

static bool next_own(zuv__socket_t *socket, zuv__incoming_t *message,
                     zuv_peer_t **from) {
  xpub_t *xpub = zuv__state(socket, xpub_t);
  zuv__queue_t *waiting = &xpub->waiting;
  zuv__pipe_t *pipe;
  origin_t origin;
  bool more;

  while (waiting->count > 0) {
    size_t count = zuv__queue_next_parts(waiting) - 1;
    uint64_t before = waiting->read_bytes;

    if (count > 1) {
      if (zuv__loop_reserve_parts(socket->loop, count + 1) != 0) {
        drop_next(socket, count);
        continue;
      }
      message->parts = socket->loop->parts + 1;
    }
    for (size_t i = 0; i < count; i++)
      zuv__queue_pop(waiting, &socket->loop->blocks, &message->parts[i], &more);
    pop_origin(socket, &origin);
    message->count = count;
    *from = sender_of(&origin);
    pipe = settle(&origin,
                  (size_t)(waiting->read_bytes - before) - sizeof(origin));
    if (origin.report && socket->options.xpub_manual)
      xpub->publisher.last = pipe != NULL && pipe->attached ? pipe : NULL;
    return true;
  }
  return false;
}

static bool has_own(zuv__socket_t *socket) {
  return zuv__state(socket, xpub_t)->waiting.count > 0;
}

static void kept(const zuv__pipe_t *pipe, size_t *messages, size_t *bytes) {
  const peer_t *peer = pipe->pattern_data;

  if (peer == NULL)
    return;
  *messages = peer->messages;
  *bytes = peer->bytes;
}

const zuv__pattern_t zuv__pattern_xpub = {
    .type = ZUV_XPUB,
    .name = "XPUB",
    .can_send = true,
    .can_receive = true,
    .state_size = sizeof(xpub_t),
    .init = init,
    .destroy = destroy,
    .ready = zuv__publisher_ready,
    .lost = lost,
    .detach = lost,
    .forget = forget,
    .send = zuv__publisher_send,
    .writable_now = zuv__publisher_writable_now,
    .check_first = zuv__publisher_check_first,
    .arrived = arrived,
    .subscription = subscription,
    .subscribers = zuv__publisher_count,
    .next_own = next_own,
    .kept = kept,
    .has_own = has_own,
    .set_option = zuv__publisher_set_option,
    .get_option = zuv__publisher_get_option,
};
