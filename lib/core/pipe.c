#include "core/pipe.h"

#include <assert.h>

#include "base/alloc.h"
#include "core/deposit.h"
#include "core/inbox.h"
#include "core/monitor.h"
#include "core/peer.h"
#include "core/socket.h"

static void on_linger(zuv__timer_t *timer);

static void pipe_free(zuv__task_t *task) {
  zuv__pipe_t *pipe = zuv__container_of(task, zuv__pipe_t, free_task);

  /* The application may have got the peer with a message, and have closed the
   * pipe in that very callback. */
  if (pipe->peer != NULL)
    zuv__peer_release(pipe->peer);
  zuv__free(pipe);
}

static void take_limits(zuv__pipe_t *pipe) {
  const zuv__options_t *options = &pipe->socket->options;

  pipe->in_limit = (size_t)options->rcvhwm;
  pipe->out_limit = (size_t)options->sndhwm;
  pipe->in_limit_bytes = options->rcvhwm_bytes;
  pipe->out_limit_bytes = options->sndhwm_bytes;
}

zuv__pipe_t *zuv__pipe_new(zuv__socket_t *socket, const zuv__link_ops_t *ops,
                           void *link, const char *endpoint) {
  zuv__pipe_t *pipe = zuv__calloc(1, sizeof(*pipe));

  if (pipe == NULL)
    return NULL;
  pipe->socket = socket;
  pipe->ops = ops;
  pipe->link = link;
  pipe->endpoint = endpoint;
  zuv__list_init(&pipe->in_socket);
  zuv__list_init(&pipe->in_readers);
  zuv__list_init(&pipe->in_writers);
  zuv__queue_init(&pipe->in);
  zuv__queue_init(&pipe->out);
  zuv__list_init(&pipe->requests);
  zuv__timer_init(&pipe->linger, on_linger);
  zuv__task_init(&pipe->free_task, pipe_free);
  zuv__subscriber_init(&pipe->subscriber);
  take_limits(pipe);
  pipe->conflate = socket->pattern->conflates && socket->options.conflate;
  pipe->can_write = true;
  zuv__list_push_back(&socket->pipes, &pipe->in_socket);
  zuv__socket_update_hold(socket);
  return pipe;
}

int zuv__pipe_attach(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;
  int err = 0;

  pipe->attached = true;
  if (socket->pattern->attach != NULL)
    err = socket->pattern->attach(socket, pipe);
  zuv__socket_schedule(socket);
  return err;
}

static void detach(zuv__pipe_t *pipe) {
  if (!pipe->attached)
    return;
  pipe->attached = false;
  pipe->can_write = false;
  pipe->socket->pattern->detach(pipe->socket, pipe);
  /* A pattern may wait for the room that this pipe did not have. */
  zuv__socket_schedule(pipe->socket);
}

/* An ended pipe stays only while it has messages to read. */
static void free_if_read(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;

  if (pipe->state != ZUV__PIPE_ENDED || zuv__pipe_unread(pipe) > 0)
    return;
  pipe->state = ZUV__PIPE_FREED;
  zuv__pipe_leave_counts(pipe);
  zuv__queue_clear(&pipe->in, &socket->loop->blocks);
  if (socket->pattern->forget != NULL)
    socket->pattern->forget(socket, pipe);
  zuv__list_remove(&pipe->in_readers);
  zuv__list_remove(&pipe->in_socket);
  if (pipe->peer != NULL)
    pipe->peer->pipe = NULL;
  zuv__loop_schedule(socket->loop, &pipe->free_task);
  zuv__socket_update_hold(socket);
  zuv__socket_schedule(socket);
}

void zuv__pipe_clear_out(zuv__pipe_t *pipe) {
  pipe->lost += pipe->out.count - pipe->commands_waiting;
  pipe->commands_waiting = 0;
  pipe->command_bytes_waiting = 0;
  zuv__queue_clear(&pipe->out, &pipe->socket->loop->blocks);
}

void zuv__pipe_uncount(zuv__pipe_t *pipe, size_t size) {
  pipe->received--;
  pipe->received_bytes -= size;
}

void zuv__pipe_dropped(zuv__pipe_t *pipe) {
  pipe->dropped++;
  zuv__monitor_dropped(pipe->socket, 1);
}

static void end(zuv__pipe_t *pipe, int status) {
  zuv__socket_t *socket = pipe->socket;

  detach(pipe);
  pipe->state = ZUV__PIPE_ENDED;
  pipe->connected = false;
  pipe->ops = NULL;
  pipe->link = NULL;
  pipe->endpoint = "";
  zuv__timer_stop(socket->loop, &pipe->linger);
  zuv__pipe_clear_out(pipe);
  zuv__queue_rollback(&pipe->in, &socket->loop->blocks);
  zuv__requests_cancel(&pipe->requests, status);
  zuv__requester_lost(socket, pipe, UINT64_MAX);
  free_if_read(pipe);
}

/* Ends a pipe from above: its link has to be told. */
static void end_with_link(zuv__pipe_t *pipe, int status) {
  const zuv__link_ops_t *ops = pipe->ops;

  if (ops != NULL)
    ops->end(pipe);
  end(pipe, status);
}

static void on_linger(zuv__timer_t *timer) {
  end_with_link(zuv__container_of(timer, zuv__pipe_t, linger), UV_ECANCELED);
}

static void linger_on(zuv__pipe_t *pipe, int linger) {
  zuv__loop_t *loop = pipe->socket->loop;

  if (linger == 0)
    end_with_link(pipe, UV_ECANCELED);
  else if (linger > 0 &&
           (uint64_t)linger < zuv__timer_left(loop, &pipe->linger))
    zuv__timer_start(loop, &pipe->linger, (uint64_t)linger);
}

static void drop_unread(zuv__pipe_t *pipe) {
  zuv__queue_clear(&pipe->in, &pipe->socket->loop->blocks);
  zuv__list_remove(&pipe->in_readers);
  if (pipe->inbox != NULL)
    zuv__inbox_revoke(pipe->inbox);
  free_if_read(pipe);
}

void zuv__pipe_close_keeping_unread(zuv__pipe_t *pipe, int linger) {
  if (pipe->state == ZUV__PIPE_LINGERING)
    linger_on(pipe, linger);
  if (pipe->state != ZUV__PIPE_OPEN)
    return;
  detach(pipe);
  pipe->state = ZUV__PIPE_LINGERING;
  zuv__queue_rollback(&pipe->in, &pipe->socket->loop->blocks);
  pipe->ops->drain(pipe);
  if (pipe->state == ZUV__PIPE_LINGERING)
    linger_on(pipe, linger);
}

void zuv__pipe_close(zuv__pipe_t *pipe, int linger) {
  zuv__pipe_close_keeping_unread(pipe, linger);
  drop_unread(pipe);
}

void zuv__pipe_update_limits(zuv__pipe_t *pipe) {
  take_limits(pipe);
  if (pipe->ops != NULL && pipe->ops->limits != NULL)
    pipe->ops->limits(pipe);
}

void zuv__pipe_stats(zuv__pipe_t *pipe, zuv__pipe_stats_t *out) {
  out->outbound = pipe->out.count;
  out->inbound = zuv__pipe_unread(pipe);
  out->local = pipe->connecting ? "" : pipe->endpoint;
  out->remote = pipe->connecting ? pipe->endpoint : "";
  if (pipe->ops != NULL)
    pipe->ops->stats(pipe, out);
}

bool zuv__pipe_in_has_bytes_enough(const zuv__pipe_t *pipe) {
  return zuv__limit_reached(zuv__pipe_unread_bytes(pipe), pipe->in_limit_bytes);
}

bool zuv__pipe_out_has_bytes_enough(const zuv__pipe_t *pipe) {
  return zuv__limit_reached(zuv__queue_bytes(&pipe->out),
                            pipe->out_limit_bytes);
}

int zuv__pipe_read(zuv__pipe_t *pipe, size_t *count) {
  zuv__loop_t *loop = pipe->socket->loop;
  size_t parts = zuv__queue_next_parts(&pipe->in);
  bool more;
  int err;

  err = zuv__loop_reserve_parts(loop, parts + 1);
  if (err != 0)
    return err;
  for (size_t i = 1; i <= parts; i++)
    zuv__queue_pop(&pipe->in, &loop->blocks, &loop->parts[i], &more);
  if (pipe->in.count == 0)
    zuv__list_remove(&pipe->in_readers);
  *count = parts;
  return 0;
}

void zuv__pipe_was_read_slow(zuv__pipe_t *pipe, size_t count) {
  if (pipe->ops != NULL && pipe->ops->was_read != NULL)
    pipe->ops->was_read(pipe, count);
  if (pipe->in_full && pipe->ops != NULL && zuv__pipe_in_is_relieved(pipe)) {
    pipe->in_full = false;
    pipe->ops->resume(pipe);
  }
  free_if_read(pipe);
}

/* Of a conflating pipe only the newest part is of interest. */
static bool conflate(zuv__pipe_t *pipe, zuv_msg_t *part, bool more) {
  if (more) {
    zuv__msg_close(part);
    return true;
  }
  zuv__queue_clear(&pipe->in, &pipe->socket->loop->blocks);
  return false;
}

static bool queue_part(zuv__pipe_t *pipe, zuv_msg_t *part, bool more,
                       int *err) {
  zuv__socket_t *socket = pipe->socket;

  if (pipe->conflate && conflate(pipe, part, more))
    return true;
  *err = more || pipe->in.partial
             ? zuv__queue_push(&pipe->in, &socket->loop->blocks, part, more)
             : zuv__queue_write(&pipe->in, &socket->loop->blocks, part, 1);
  if (*err != 0 && pipe->in.count == 0)
    /* The one that it should have replaced is gone already. */
    zuv__list_remove(&pipe->in_readers);
  if (*err != 0 || more)
    return true;
  zuv__socket_readable(socket, pipe);
  if (pipe->conflate || !zuv__pipe_in_is_full(pipe))
    return true;
  pipe->in_full = true;
  return false;
}

/* Nobody will ever read it. */
static bool is_deaf(const zuv__pipe_t *pipe) {
  return pipe->silent || pipe->state != ZUV__PIPE_OPEN ||
         (!pipe->socket->pattern->can_receive &&
          pipe->socket->pattern->arrived == NULL);
}

bool zuv__pipe_arrived(zuv__pipe_t *pipe, zuv_msg_t *part, bool more,
                       int *err) {
  zuv__socket_t *socket = pipe->socket;

  *err = 0;
  if (is_deaf(pipe)) {
    zuv__msg_close(part);
    return true;
  }
  if (socket->pattern->arrived != NULL) {
    *err = socket->pattern->arrived(socket, pipe, part, more);
    return true;
  }
  if (!more && !pipe->in.partial && zuv__socket_wants_message(socket)) {
    zuv__socket_deliver_now(socket, pipe, part);
    return true;
  }
  return queue_part(pipe, part, more, err);
}

static int deposit_parts(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  zuv__socket_t *socket = pipe->socket;

  for (size_t i = 0; i < count; i++) {
    int err = socket->pattern->arrived(socket, pipe, &parts[i], i + 1 < count);
    if (err != 0)
      return err;
  }
  return 0;
}

int zuv__pipe_deposit_specially(zuv__pipe_t *pipe, zuv_msg_t *parts,
                                size_t count) {
  int err = 0;

  if (is_deaf(pipe) || pipe->socket->pattern->arrived != NULL)
    for (size_t i = 0; i < count; i++)
      pipe->received_bytes += zuv__msg_size(&parts[i]);
  if (is_deaf(pipe)) {
    zuv__msgs_close(parts, count);
    return 0;
  }
  if (pipe->socket->pattern->arrived != NULL)
    return deposit_parts(pipe, parts, count);
  for (size_t i = 0; i < count && err == 0; i++)
    (void)queue_part(pipe, &parts[i], i + 1 < count, &err);
  return err;
}

int zuv__pipe_ready(zuv__pipe_t *pipe, zuv_peer_t *peer) {
  zuv__socket_t *socket = pipe->socket;
  int err;

  if (pipe->peer != NULL) {
    zuv__pipe_leave_counts_to_peer(pipe);
    pipe->peer->pipe = NULL;
    zuv__peer_release(pipe->peer);
  }
  pipe->peer = peer;
  peer->pipe = pipe;
  pipe->connected = true;
  socket->counts.connections++;
  if (pipe->state != ZUV__PIPE_OPEN || socket->pattern->ready == NULL)
    return 0;
  err = socket->pattern->ready(socket, pipe);
  if (err == UV_ENOMEM)
    return err;
  if (err != 0) {
    /* Connected, but nothing is exchanged with it. */
    pipe->silent = true;
    detach(pipe);
  }
  return 0;
}

/* Requests whose message went down with the connection. Those in `out` wait for
 * the next one. */
static void fail_requests_under_way(zuv__pipe_t *pipe) {
  uint64_t sequence = pipe->written - pipe->out.count;

  while (!zuv__list_empty(&pipe->requests)) {
    zuv_send_t *request = zuv__request(pipe->requests.next);
    if (request->zuv__sequence > sequence)
      return;
    zuv__request_done(request, UV_ECONNRESET);
  }
}

void zuv__pipe_lost(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;

  pipe->connected = false;
  zuv__requester_lost(socket, pipe, pipe->written - pipe->out.count);
  fail_requests_under_way(pipe);
  zuv__queue_rollback(&pipe->in, &socket->loop->blocks);
  if (pipe->attached && socket->pattern->lost != NULL)
    socket->pattern->lost(socket, pipe);
}

void zuv__pipe_writable(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;

  if (pipe->can_write || !pipe->attached)
    return;
  pipe->can_write = true;
  if (socket->pattern->writable != NULL)
    socket->pattern->writable(socket, pipe);
  if (socket->writable_cb != NULL || !zuv__list_empty(&socket->waiting))
    zuv__socket_schedule(socket);
  else if (socket->notify != NULL)
    socket->notify(socket->handle);
}

void zuv__pipe_flushed(zuv__pipe_t *pipe, uint64_t sequence) {
  pipe->flushed = sequence;
  while (!zuv__list_empty(&pipe->requests)) {
    zuv_send_t *request = zuv__request(pipe->requests.next);
    if (request->zuv__sequence > sequence)
      return;
    zuv__request_done(request, 0);
  }
}

void zuv__pipe_drained(zuv__pipe_t *pipe) {
  assert(pipe->state == ZUV__PIPE_LINGERING);
  end_with_link(pipe, 0);
}

void zuv__pipe_ended(zuv__pipe_t *pipe) {
  end(pipe, UV_ECONNRESET);
}
