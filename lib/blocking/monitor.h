/* zmq_socket_monitor(): the events of a socket as messages.
 *
 * A monitor is a socket of the core on the loop of the one that it watches. It
 * never waits: what its reader has no room for, or what happens before there is
 * a reader, is kept up to a bound and then lost. It ends with the watched
 * socket, or when another takes its place, and the value of MONITOR_STOPPED is
 * how many events were lost. */
#ifndef ZMQ_BLOCKING_MONITOR_H
#define ZMQ_BLOCKING_MONITOR_H

#include "blocking/socket.h"

enum { ZMQ__MONITOR_WAITING_MAX = 1000 };

/* -- with the lock of socket->loop; without a monitor nothing happens -- */

/* The socket is about to close: ends its listeners, so that this is told, and
 * the monitor. */
void zmq__monitor_end(zmq__socket_t *socket);

/* A bind has failed: a UV_E* code. */
void zmq__monitor_bind_failed(zmq__socket_t *socket, const char *endpoint,
                              int error);

#endif /* ZMQ_BLOCKING_MONITOR_H */
