/* Empty messages that tell of a peer: to the other side (PROBE_ROUTER), or to
 * our own application (ROUTER_NOTIFY, STREAM_NOTIFY), which sees them as if the
 * peer had sent them. One for which there is no memory is not told. */
#ifndef ZUV_ROUTING_NOTICE_H
#define ZUV_ROUTING_NOTICE_H

#include "core/pipe.h"

/* In pipe->pattern_flags of ROUTER and STREAM: the connection is ready, and its
 * loss will be news. */
enum { ZUV__PIPE_UP = 1 };

/* With PROBE_ROUTER: the first message of a new pipe. */
void zuv__notice_probe(zuv__pipe_t *pipe);

/* An empty message from this peer, behind those that wait to be read. No
 * message of the peer may be incomplete. Not told when a pipe that outlives its
 * connections is full, so that unread notices cannot pile up for ever. */
void zuv__notice_deliver(zuv__pipe_t *pipe);

#endif /* ZUV_ROUTING_NOTICE_H */
