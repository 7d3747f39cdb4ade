/* Where older programs look for the stopwatch, the threads and Z85: zmq.h has
 * them all. */
#ifndef ZMQ_UTILS_H
#define ZMQ_UTILS_H

#include "zmq.h"

#endif
