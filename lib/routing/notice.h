/* Messages that neither application has sent: to the other side (PROBE_ROUTER,
 * HELLO_MSG), or to our own application (ROUTER_NOTIFY, STREAM_NOTIFY,
 * DISCONNECT_MSG, HICCUP_MSG), which sees them as if the peer had sent them;
 * one of those for which there is no memory is dropped. */
#ifndef ZUV_ROUTING_NOTICE_H
#define ZUV_ROUTING_NOTICE_H

#include "core/options.h"
#include "core/pattern.h"
#include "core/pipe.h"

/* In pipe->pattern_flags of ROUTER and STREAM: the connection is ready, and its
 * loss will be news. */
enum { ZUV__PIPE_UP = 1 };

/* With PROBE_ROUTER: the first message of a new pipe. UV_ENOMEM. */
int zuv__notice_probe(zuv__pipe_t *pipe);

/* HELLO_MSG, if there is one and the socket says it, is what was put into *msg,
 * as a view. */
bool zuv__notice_hello(const zuv__options_t *options,
                       const zuv__pattern_t *pattern, zuv_msg_t *msg);

/* An empty message from this peer, behind those that wait to be read. No
 * message of the peer may be incomplete. Not told when a pipe that outlives its
 * connections is full, so that unread notices cannot pile up for ever. */
void zuv__notice_deliver(zuv__pipe_t *pipe);

/* The peer is lost after it was ready: HICCUP_MSG of a connecting pipe, of
 * another DISCONNECT_MSG, delivered in the same way if the socket wants it. */
void zuv__notice_loss(zuv__pipe_t *pipe, const zuv__options_t *options);

#endif /* ZUV_ROUTING_NOTICE_H */
