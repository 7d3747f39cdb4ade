/* zmq_socket_monitor(): the events of a socket as messages. */
#ifndef ZMQ_BLOCKING_MONITOR_H
#define ZMQ_BLOCKING_MONITOR_H

struct zmq__socket_s;

/* With the lock of the socket's loop: the socket closes, its monitor is told. */
void zmq__monitor_end(struct zmq__socket_s *socket);

#endif /* ZMQ_BLOCKING_MONITOR_H */
