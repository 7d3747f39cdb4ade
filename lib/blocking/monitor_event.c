#include "blocking/monitor_event.h"

#include <errno.h>
#include <string.h>

#include "zmq.h"

zmq__told_t zmq__told(uint64_t event, int64_t value, bool bound,
                      const char *endpoint) {
  return (zmq__told_t){.event = event,
                       .values = {(uint64_t)value},
                       .value_count = 1,
                       .local = bound ? endpoint : "",
                       .remote = bound ? "" : endpoint,
                       .bound = bound};
}

/* A peer that ends a connection shows where it is written to. */
static int errno_of(int status) {
  if (status == UV_EOF)
    return EPIPE;
  return status < 0 && status > UV__EOF ? -status : EINVAL;
}

static void handshake_failed(const zuv_event_t *event, zmq__told_t *told) {
  if (event->peer_status != 0) {
    told->event = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    told->values[0] = (uint64_t)event->peer_status;
  } else if (event->reason != 0) {
    told->event = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    told->values[0] = (uint64_t)event->reason;
  } else {
    told->event = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    told->values[0] = (uint64_t)errno_of(event->status);
  }
}

/* Without a handshake the connection has no mechanism: that of STREAM, and of
 * a peer before ZMTP 3. */
static bool is_raw(const zuv_event_t *event) {
  return event->peer == NULL || zuv_peer_mechanism(event->peer)[0] == '\0';
}

static void begin(zmq__told_t *told, const zuv_event_t *event) {
  *told = zmq__told(0, event->fd, event->connecting == 0, "");
  told->local = event->local;
  told->remote = event->remote;
}

bool zmq__told_before(const zuv_event_t *event, zmq__told_t *told) {
  /* What breaks the protocol has no such event. */
  if (event->type != ZUV_EVENT_DISCONNECTED || event->peer == NULL ||
      !is_raw(event) || event->status == UV_EPROTO ||
      event->status == UV_EMSGSIZE)
    return false;
  begin(told, event);
  told->event = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  told->values[0] = (uint64_t)errno_of(event->status);
  return true;
}

bool zmq__told_translate(const zuv_event_t *event, zmq__told_t *told) {
  begin(told, event);
  switch (event->type) {
    case ZUV_EVENT_LISTENING:
      told->event = ZMQ_EVENT_LISTENING;
      return true;
    case ZUV_EVENT_ACCEPT_FAILED:
      told->event = ZMQ_EVENT_ACCEPT_FAILED;
      told->values[0] = (uint64_t)errno_of(event->status);
      return true;
    case ZUV_EVENT_CLOSED:
      told->event = ZMQ_EVENT_CLOSED;
      return true;
    case ZUV_EVENT_CONNECT_DELAYED:
      told->event = ZMQ_EVENT_CONNECT_DELAYED;
      told->values[0] = EINPROGRESS;
      return true;
    case ZUV_EVENT_CONNECT_RETRIED:
      told->event = ZMQ_EVENT_CONNECT_RETRIED;
      told->values[0] = event->delay_ms;
      return true;
    case ZUV_EVENT_ACCEPTED:
      told->event = ZMQ_EVENT_ACCEPTED;
      return true;
    case ZUV_EVENT_CONNECTED:
      told->event = ZMQ_EVENT_CONNECTED;
      return true;
    case ZUV_EVENT_READY:
      told->event = ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      told->values[0] = 0;
      return !is_raw(event);
    case ZUV_EVENT_HANDSHAKE_FAILED:
      handshake_failed(event, told);
      return true;
    case ZUV_EVENT_DISCONNECTED:
      told->event = ZMQ_EVENT_DISCONNECTED;
      return true;
    default:
      return false;
  }
}

/* ---- Messages ---- */

static void add(zmq__told_message_t *message, const void *data, size_t size) {
  zuv_msg_init_view(&message->parts[message->count++], data, size);
}

static void add_text(zmq__told_message_t *message, const char *text) {
  add(message, text, strlen(text));
}

void zmq__told_message(zmq__told_message_t *message, const zmq__told_t *told,
                       int version) {
  message->count = 0;
  if (version == 1) {
    uint16_t event = (uint16_t)told->event;
    uint32_t value = (uint32_t)told->values[0];

    memcpy(message->head, &event, sizeof(event));
    memcpy(message->head + sizeof(event), &value, sizeof(value));
    add(message, message->head, sizeof(message->head));
    add_text(message, told->bound ? told->local : told->remote);
    return;
  }
  message->numbers[0] = told->event;
  message->numbers[1] = told->value_count;
  memcpy(&message->numbers[2], told->values, sizeof(told->values));
  for (size_t i = 0; i < 2 + told->value_count; i++)
    add(message, &message->numbers[i], sizeof(message->numbers[i]));
  add_text(message, told->local);
  add_text(message, told->remote);
}
