#include "core/inbox.h"

#include "core/peer.h"

/* Fewer are as quickly pulled one by one. */
enum { BORROW_MIN = 8 };

void zuv__inbox_init(zuv__inbox_t *inbox, zuv__socket_t *socket) {
  zuv__queue_init(&inbox->queue);
  zuv__block_pool_init(&inbox->blocks);
  inbox->socket = socket;
  inbox->peer = NULL;
  inbox->pipe = NULL;
  inbox->report_at = 0;
}

static void part_from(zuv__inbox_t *inbox) {
  zuv__pipe_t *pipe = inbox->pipe;

  if (inbox->peer != NULL)
    zuv__peer_release(inbox->peer);
  inbox->peer = NULL;
  inbox->pipe = NULL;
  if (pipe != NULL) {
    pipe->inbox = NULL;
    pipe->lent = 0;
    pipe->lent_bytes = 0;
  }
}

void zuv__inbox_destroy(zuv__inbox_t *inbox) {
  zuv__queue_clear(&inbox->queue, &inbox->blocks);
  zuv__inbox_report(inbox);
  part_from(inbox);
  zuv__block_pool_destroy(&inbox->blocks);
}

void zuv__inbox_revoke(zuv__inbox_t *inbox) {
  part_from(inbox);
  zuv__queue_clear(&inbox->queue, &inbox->blocks);
}

static bool may_borrow(const zuv__socket_t *socket) {
  const zuv__pattern_t *pattern = socket->pattern;

  return pattern->next_own == NULL && pattern->readable_now == NULL &&
         (pattern->receive == NULL || pattern->receives_alone);
}

bool zuv__inbox_borrow(zuv__inbox_t *inbox) {
  zuv__socket_t *socket = inbox->socket;
  zuv__list_t *node = socket->readers.next;
  zuv__pipe_t *pipe;

  /* With several pipes each message is another's turn. */
  if (!may_borrow(socket) || node == &socket->readers ||
      node->next != &socket->readers)
    return false;
  pipe = zuv__container_of(node, zuv__pipe_t, in_readers);
  if (pipe->in.count < BORROW_MIN || pipe->in.partial || pipe->conflate)
    return false;
  zuv__block_pool_trade(&inbox->blocks, &socket->loop->blocks);
  zuv__queue_splice(&inbox->queue, &pipe->in);
  zuv__list_remove(node);
  pipe->inbox = inbox;
  pipe->lent = inbox->queue.count;
  pipe->lent_bytes = zuv__queue_bytes(&inbox->queue);
  inbox->pipe = pipe;
  inbox->report_at = pipe->lent / 2;
  inbox->peer = pipe->peer;
  if (inbox->peer != NULL)
    zuv__peer_retain(inbox->peer);
  return true;
}

void zuv__inbox_report(zuv__inbox_t *inbox) {
  zuv__pipe_t *pipe = inbox->pipe;
  size_t left = inbox->queue.count;
  size_t read;

  inbox->report_at = 0;
  if (pipe == NULL)
    return;
  read = pipe->lent - left;
  pipe->lent = left;
  pipe->lent_bytes = zuv__queue_bytes(&inbox->queue);
  if (left == 0)
    part_from(inbox);
  if (read > 0)
    zuv__pipe_was_read(pipe, read);
}
