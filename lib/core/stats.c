#include "core/stats.h"

#include <limits.h>
#include <string.h>

#include "core/peer.h"
#include "core/socket.h"

void zuv__pipe_count(const zuv__pipe_t *pipe, zuv__counts_t *counts) {
  uint64_t waiting = pipe->out.count - pipe->commands_waiting;

  counts->messages_in = pipe->received;
  counts->bytes_in = pipe->received_bytes;
  counts->messages_out = pipe->written - pipe->commands - pipe->lost - waiting;
  counts->bytes_out = pipe->sent_bytes;
  counts->dropped = pipe->dropped;
  counts->lost = pipe->lost;
  if (pipe->ops != NULL && pipe->ops->count != NULL)
    pipe->ops->count(pipe, counts);
}

void zuv__pipe_leave_counts_to_peer(const zuv__pipe_t *pipe) {
  if (pipe->peer != NULL)
    zuv__pipe_count(pipe, &pipe->peer->counts);
}

static void add(zuv__counts_t *to, const zuv__counts_t *from) {
  to->messages_in += from->messages_in;
  to->bytes_in += from->bytes_in;
  to->messages_out += from->messages_out;
  to->bytes_out += from->bytes_out;
  to->lost += from->lost;
}

void zuv__pipe_leave_counts(const zuv__pipe_t *pipe) {
  zuv__counts_t counts;

  zuv__pipe_count(pipe, &counts);
  add(&pipe->socket->counts.gone, &counts);
  if (pipe->peer != NULL)
    pipe->peer->counts = counts;
}

/* ---- The public functions ---- */

static void tell(zuv_stats_t *stats, const zuv__counts_t *counts) {
  stats->messages_in = counts->messages_in;
  stats->bytes_in = counts->bytes_in;
  stats->messages_out = counts->messages_out;
  stats->bytes_out = counts->bytes_out;
  stats->dropped = counts->dropped;
  stats->lost = counts->lost;
}

static void add_waiting(zuv_stats_t *stats, const zuv__pipe_t *pipe) {
  const zuv__pattern_t *pattern = pipe->socket->pattern;
  size_t messages = 0;
  size_t bytes = 0;

  if (pattern->kept != NULL)
    pattern->kept(pipe, &messages, &bytes);
  stats->queued_in += zuv__pipe_unread(pipe) + messages;
  stats->queued_in_bytes += zuv__pipe_unread_bytes(pipe) + bytes;
  stats->queued_out += pipe->out.count - pipe->commands_waiting;
  stats->queued_out_bytes +=
      zuv__queue_bytes(&pipe->out) - pipe->command_bytes_waiting;
}

int zuv_peer_stats(const zuv_peer_t *peer, zuv_stats_t *stats) {
  zuv__counts_t counts;

  if (peer == NULL || stats == NULL)
    return UV_EINVAL;
  memset(stats, 0, sizeof(*stats));
  if (peer->pipe == NULL) {
    tell(stats, &peer->counts);
    return 0;
  }
  zuv__pipe_count(peer->pipe, &counts);
  tell(stats, &counts);
  add_waiting(stats, peer->pipe);
  return 0;
}

int zuv_socket_stats(const zuv_socket_t *handle, zuv_stats_t *stats) {
  const zuv__socket_t *socket = zuv__socket(handle);
  zuv__counts_t sum;

  if (socket == NULL || stats == NULL)
    return UV_EINVAL;
  memset(stats, 0, sizeof(*stats));
  sum = socket->counts.gone;
  for (const zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    const zuv__pipe_t *pipe =
        zuv__container_of(node, const zuv__pipe_t, in_socket);
    zuv__counts_t counts;

    zuv__pipe_count(pipe, &counts);
    add(&sum, &counts);
    add_waiting(stats, pipe);
    if (pipe->connected)
      stats->peers++;
  }
  tell(stats, &sum);
  stats->connections = socket->counts.connections;
  stats->reconnects = socket->counts.reconnects;
  stats->handshakes_failed = socket->counts.handshakes_failed;
  stats->events_dropped = socket->counts.events_dropped;
  stats->late_replies = socket->counts.late_replies;
  return 0;
}

int zuv_subscriber_count(const zuv_socket_t *handle, const void *topic,
                         size_t size) {
  zuv__socket_t *socket = zuv__socket(handle);
  size_t count;

  if (socket == NULL || socket->pattern->subscribers == NULL ||
      (topic == NULL && size > 0))
    return UV_EINVAL;
  count = socket->pattern->subscribers(socket, topic, size);
  return count > INT_MAX ? INT_MAX : (int)count;
}
