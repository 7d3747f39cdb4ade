/* The heartbeats of a connection in traffic (RFC 37): our PINGs, and how long a
 * peer may be silent.
 *
 * Two deadlines end the connection with UV_ETIMEDOUT. Ours runs from a PING on
 * for HEARTBEAT_TIMEOUT, the peer's from one of its PINGs on for the time to
 * live in there. Whatever is read from the peer stops both.
 *
 * A connection has this state only with HEARTBEAT_IVL, or once a peer has sent
 * a time to live. UV_ENOMEM: it has not. */
#ifndef ZUV_TRANSPORT_HEARTBEAT_H
#define ZUV_TRANSPORT_HEARTBEAT_H

#include "transport/connection.h"

struct zuv__heartbeat_s {
  zuv__connection_t *connection;
  uint64_t ttl_ms; /* of the peer's last PING */
  zuv__timer_t interval;
  zuv__timer_t deadline;
  zuv__timer_t peer_deadline;
};

/* Traffic begins: the first PING is due after HEARTBEAT_IVL. Peers before
 * ZMTP 3 know none. */
int zuv__heartbeat_start(zuv__connection_t *connection);

/* The peer's PING asks us to end the connection after so many tenths of a
 * second of silence; 0: it does not ask. */
int zuv__heartbeat_ttl(zuv__connection_t *connection, uint16_t ttl);

/* Octets were read from the peer. To be told before they are looked at. */
ZUV__COLD void zuv__heartbeat_end_deadlines(zuv__connection_t *connection);
static inline void zuv__heartbeat_heard(zuv__connection_t *connection) {
  const zuv__heartbeat_t *heartbeat = connection->heartbeat;

  if (heartbeat != NULL &&
      (zuv__heap_node_inserted(&heartbeat->deadline.node) ||
       zuv__heap_node_inserted(&heartbeat->peer_deadline.node)))
    zuv__heartbeat_end_deadlines(connection);
}

/* The kernel takes output again, so the peer has read some: a PING that is
 * still under way cannot be answered yet. */
void zuv__heartbeat_progressed(zuv__connection_t *connection);

/* We go on reading after a pause: deadlines that run begin anew. */
void zuv__heartbeat_resumed(zuv__connection_t *connection);

void zuv__heartbeat_free(zuv__connection_t *connection);

#endif /* ZUV_TRANSPORT_HEARTBEAT_H */
