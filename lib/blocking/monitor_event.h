/* What a monitor tells: events of the core in libzmq's terms, and as messages.
 *
 * libzmq names a connection by its two addresses. The core names the endpoint
 * only, so the addresses are read when a connection is made and kept by its
 * descriptor. Want of memory costs no event, only such an address. */
#ifndef ZMQ_BLOCKING_MONITOR_EVENT_H
#define ZMQ_BLOCKING_MONITOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
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

/* The connections of one socket: a map of descriptors. */
typedef struct zmq__told_connections_s {
  zuv__map_t by_fd;
} zmq__told_connections_t;

void zmq__told_connections_init(zmq__told_connections_t *connections);
void zmq__told_connections_destroy(zmq__told_connections_t *connections);

/* Puts the addresses of this connection in, if they are known. They stay until
 * its DISCONNECTED is done with. */
void zmq__told_name(const zmq__told_connections_t *connections, int fd,
                    zmq__told_t *told);

/* What libzmq tells before this event: a connection without a mechanism, of
 * STREAM or to a peer before ZMTP 3, has to libzmq never left its handshake,
 * so that it fails there when it is lost. False: nothing. */
bool zmq__told_before(const zmq__told_connections_t *connections,
                      const zuv_event_t *event, zmq__told_t *told);

/* False: libzmq has no such event. */
bool zmq__told_translate(zmq__told_connections_t *connections,
                         const zuv_event_t *event, zmq__told_t *told);
/* After what was told is sent. */
void zmq__told_done(zmq__told_connections_t *connections,
                    const zuv_event_t *event);

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
