/* Receiving by asking: for a caller that runs no callbacks of its own but takes
 * one message after the other (the blocking layer).
 *
 * zuv__socket_pull() takes the next message of the socket. Where many small
 * messages of one pipe wait, zuv__inbox_borrow() takes them all at once: from
 * then on zuv__inbox_next() needs nothing of the loop, so it may run while
 * another thread runs the loop. Borrowed messages count against the high-water
 * mark of their pipe until zuv__inbox_report() says that they were read. */
#ifndef ZUV_CORE_INBOX_H
#define ZUV_CORE_INBOX_H

#include "core/pattern.h"
#include "core/socket.h"

typedef struct zuv__inbox_s {
  zuv__queue_t queue; /* read-only: queue.count */
  zuv__block_pool_t blocks;
  zuv__socket_t *socket;
  zuv_peer_t *peer;  /* of all these messages; a reference, or NULL */
  zuv__pipe_t *pipe; /* the lender, or NULL once it is of no interest */
  size_t report_at;  /* messages left when the next report is due */
} zuv__inbox_t;

/* `socket` only as a sign of what is meant to be read. */
void zuv__inbox_init(zuv__inbox_t *inbox, zuv__socket_t *socket);
/* Drops what was not read. */
void zuv__inbox_destroy(zuv__inbox_t *inbox);

/* True: the inbox, which was empty, has messages now. */
bool zuv__inbox_borrow(zuv__inbox_t *inbox);

/* Tells the lender what was read; due when zuv__inbox_report_due(). */
void zuv__inbox_report(zuv__inbox_t *inbox);

static inline bool zuv__inbox_report_due(const zuv__inbox_t *inbox) {
  return inbox->queue.count <= inbox->report_at;
}

/* Takes the next message if it has a single part; false: it has several, which
 * zuv__inbox_next_part() takes. The part may be a view, valid until
 * zuv__inbox_done(). There must be a message. */
static inline bool zuv__inbox_next(zuv__inbox_t *inbox, zuv_msg_t *part) {
  zuv__block_pool_pin(&inbox->blocks);
  return zuv__queue_pop_single(&inbox->queue, &inbox->blocks, part);
}

static inline void zuv__inbox_next_part(zuv__inbox_t *inbox, zuv_msg_t *part,
                                        bool *more) {
  zuv__queue_pop(&inbox->queue, &inbox->blocks, part, more);
}

/* False: the pattern drops the message. */
static inline bool zuv__inbox_wants(zuv__inbox_t *inbox, zuv_msg_t *parts,
                                    size_t count) {
  const zuv__pattern_t *pattern = inbox->socket->pattern;
  zuv__incoming_t message = {parts, count};

  return pattern->receive == NULL ||
         pattern->receive(inbox->socket, NULL, &message) == ZUV__DELIVER;
}

static inline void zuv__inbox_done(zuv__inbox_t *inbox) {
  zuv__block_pool_unpin(&inbox->blocks);
}

/* -- from the pipe: its unread messages are to be dropped -- */
void zuv__inbox_revoke(zuv__inbox_t *inbox);

/* -- without an inbox -- */

/* Calls `recv_cb` with the next message, or answers false: there is none. The
 * socket has no other recv_cb. */
bool zuv__socket_pull(zuv__socket_t *socket, zuv_recv_cb recv_cb);

/* In this state the pattern delivers nothing, whatever comes (REQ, REP). */
static inline bool zuv__socket_is_deaf(zuv__socket_t *socket) {
  return socket->pattern->readable_now != NULL &&
         !socket->pattern->readable_now(socket);
}

/* A pipe that was full is offered again when it is half empty. This offers
 * those that have any room, for one who is about to be told that there is none.
 */
void zuv__socket_find_room(zuv__socket_t *socket);

/* 0 if a message that begins with this part could be sent now, else what
 * sending it would answer. */
int zuv__socket_check_first(zuv__socket_t *socket, const zuv_msg_t *first);

#endif /* ZUV_CORE_INBOX_H */
