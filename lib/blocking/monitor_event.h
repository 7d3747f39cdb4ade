/* What a monitor tells: events of the core in libzmq's terms, and as messages.
 */
#ifndef ZMQ_BLOCKING_MONITOR_EVENT_H
#define ZMQ_BLOCKING_MONITOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zuv.h"

enum { ZMQ__TOLD_VALUES_MAX = 2 };

typedef struct zmq__told_s {
  uint64_t event; /* ZMQ_EVENT_* */
  uint64_t values[ZMQ__TOLD_VALUES_MAX];
  size_t value_count;
  const char *local; /* "" if unknown */
  const char *remote;
  bool bound; /* `local` is the one that names it */
} zmq__told_t;

/* One value, and the endpoint on one side. */
zmq__told_t zmq__told(uint64_t event, int64_t value, bool bound,
                      const char *endpoint);

/* What libzmq tells before this event: a connection without a mechanism, of
 * STREAM or to a peer before ZMTP 3, has to libzmq never left its handshake,
 * so that it fails there when it is lost. False: nothing. */
bool zmq__told_before(const zuv_event_t *event, zmq__told_t *told);

/* False: libzmq has no such event. The texts are the event's. */
bool zmq__told_translate(const zuv_event_t *event, zmq__told_t *told);

/* The parts of a message: views of this and of what is told. */
typedef struct zmq__told_message_s {
  uint8_t head[sizeof(uint16_t) + sizeof(uint32_t)];
  uint64_t numbers[2 + ZMQ__TOLD_VALUES_MAX];
  zuv_msg_t parts[4 + ZMQ__TOLD_VALUES_MAX];
  size_t count;
} zmq__told_message_t;

void zmq__told_message(zmq__told_message_t *message, const zmq__told_t *told,
                       int version);

#endif /* ZMQ_BLOCKING_MONITOR_EVENT_H */
