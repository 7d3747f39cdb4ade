/* REQ: a request to one of the peers, in turn, then its reply.
 *
 *   IDLE --send--> ASKED --the reply is delivered--> IDLE
 *
 * On the wire a request is [id of the request] "" body; the id only with
 * REQ_CORRELATE (RFC 28 knows no such part: it is ZeroMQ's). A reply counts if
 * it comes from the pipe that was asked and begins with the same parts;
 * anything else is dropped. When the asked pipe is detached, a reply from any
 * pipe counts; a pipe that only lost its connection is still waited for.
 *
 * Sending: UV_EPROTO in ASKED, unless REQ_RELAXED; UV_EAGAIN while no peer can
 * take the request; UV_ENOMEM. */
#include "patterns/patterns.h"

#include "base/random.h"
#include "core/socket.h"
#include "routing/envelope.h"
#include "routing/load_balancer.h"
#include "routing/notice.h"

typedef struct {
  zuv__load_balancer_t balancer;
  zuv__envelope_t envelope; /* scratch for a request */
  zuv__pipe_t *asked;       /* NULL: the reply may come from anyone */
  bool waiting;             /* ASKED */
  uint32_t request_id;      /* of the last request */
} req_t;

static int req_init(zuv__socket_t *socket) {
  req_t *req = zuv__state(socket, req_t);

  zuv__load_balancer_init(&req->balancer);
  req->request_id = zuv__random_u32();
  return 0;
}

static void req_destroy(zuv__socket_t *socket) {
  zuv__envelope_destroy(&zuv__state(socket, req_t)->envelope);
}

static void req_writable(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__load_balancer_add(&zuv__state(socket, req_t)->balancer, pipe);
}

static int req_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  int err = zuv__notice_probe(pipe);

  if (err == 0)
    req_writable(socket, pipe);
  return err;
}

static void req_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  req_t *req = zuv__state(socket, req_t);

  zuv__load_balancer_remove(pipe);
  if (req->asked == pipe)
    req->asked = NULL;
}

/* Drops the messages that a pipe has received. One that is coming in just now
 * keeps its first parts, so that the rest cannot pass for a whole message. */
static void discard_received(zuv__pipe_t *pipe) {
  while (pipe->in.count > 0) {
    zuv_msg_t part;
    bool more = true;

    while (more) {
      zuv__queue_pop(&pipe->in, &pipe->socket->loop->blocks, &part, &more);
      zuv__msg_close(&part);
    }
    if (pipe->in.count == 0)
      zuv__list_remove(&pipe->in_readers);
    zuv__pipe_was_read(pipe, 1);
  }
}

/* A late reply to an older request must not answer this one. */
static void discard_all_received(zuv__socket_t *socket) {
  while (!zuv__list_empty(&socket->readers))
    discard_received(
        zuv__container_of(socket->readers.next, zuv__pipe_t, in_readers));
}

static int write_request(req_t *req, bool correlate, zuv__pipe_t *pipe,
                         zuv_msg_t *parts, size_t count) {
  uint32_t id = req->request_id + 1;
  zuv_msg_t front[2];
  int err;

  /* In host byte order: only we look into it. */
  (void)zuv_msg_init_copy(&front[0], &id, sizeof(id));
  zuv__msg_init(&front[1]);
  err = correlate ? zuv__envelope_add(&req->envelope, &front[0], 2)
                  : zuv__envelope_add(&req->envelope, &front[1], 1);
  if (err == 0)
    err = zuv__envelope_write(&req->envelope, pipe, parts, count);
  zuv__envelope_clear(&req->envelope);
  if (err == 0)
    req->request_id = id;
  return err;
}

static int req_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  req_t *req = zuv__state(socket, req_t);
  zuv__pipe_t *pipe;
  int err;

  if (req->waiting && !socket->options.req_relaxed)
    return UV_EPROTO;
  pipe = zuv__load_balancer_next(&req->balancer);
  if (pipe == NULL)
    return UV_EAGAIN;
  err = write_request(req, socket->options.req_correlate, pipe, parts, count);
  if (err != 0)
    return err;
  zuv__load_balancer_wrote(&req->balancer, pipe);
  req->asked = pipe;
  req->waiting = true;
  discard_all_received(socket);
  return 0;
}

static bool req_writable_now(zuv__socket_t *socket) {
  req_t *req = zuv__state(socket, req_t);

  if (req->waiting && !socket->options.req_relaxed)
    return false;
  return zuv__load_balancer_next(&req->balancer) != NULL;
}

static int req_check_first(zuv__socket_t *socket, const zuv_msg_t *first) {
  req_t *req = zuv__state(socket, req_t);

  (void)first;
  if (req->waiting && !socket->options.req_relaxed)
    return UV_EPROTO;
  return zuv__load_balancer_next(&req->balancer) == NULL ? UV_EAGAIN : 0;
}

static bool is_request_id(const req_t *req, zuv_msg_t *part) {
  return zuv__msg_size(part) == sizeof(req->request_id) &&
         memcmp(zuv__msg_data(part), &req->request_id,
                sizeof(req->request_id)) == 0;
}

static int req_receive(zuv__socket_t *socket, zuv__pipe_t *pipe,
                       zuv__incoming_t *message) {
  req_t *req = zuv__state(socket, req_t);
  zuv_msg_t *parts = message->parts;
  size_t front = socket->options.req_correlate ? 2 : 1;

  if (req->asked != NULL && pipe != req->asked)
    return ZUV__DROP;
  if (message->count <= front || zuv__msg_size(&parts[front - 1]) != 0)
    return ZUV__DROP;
  if (front == 2 && !is_request_id(req, &parts[0]))
    return ZUV__DROP;
  zuv__msgs_close(parts, front);
  message->parts += front;
  message->count -= front;
  req->waiting = false;
  /* The next request may be sent now. */
  if (socket->writable_cb != NULL)
    zuv__socket_schedule(socket);
  return ZUV__DELIVER;
}

static bool req_readable_now(zuv__socket_t *socket) {
  return zuv__state(socket, req_t)->waiting;
}

const zuv__pattern_t zuv__pattern_req = {
    .type = ZUV_REQ,
    .name = "REQ",
    .can_send = true,
    .can_receive = true,
    .single_connect = true,
    .state_size = sizeof(req_t),
    .init = req_init,
    .destroy = req_destroy,
    .attach = req_attach,
    .detach = req_detach,
    .writable = req_writable,
    .send = req_send,
    .writable_now = req_writable_now,
    .check_first = req_check_first,
    .receive = req_receive,
    .readable_now = req_readable_now,
};
