/* Waiting for several sockets and descriptors: what zmq_poll(), zmq_ppoll() and
 * the poller share. */
#ifndef ZMQ_BLOCKING_POLL_H
#define ZMQ_BLOCKING_POLL_H

#include <signal.h>

#include "zmq.h"

/* Fills in revents and answers how many are not 0; 0 when `timeout_ms` (-1:
 * never) is over; or a UV_E* code. Signals are masked by `mask` while it
 * sleeps, unless that is NULL. */
int zmq__poll(zmq_pollitem_t *items, int count, long timeout_ms,
              const sigset_t *mask);

#endif /* ZMQ_BLOCKING_POLL_H */
