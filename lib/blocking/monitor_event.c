#include "blocking/monitor_event.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/list.h"
#include "transport/address.h"
#include "transport/endpoint.h"
#include "zmq.h"

/* ---- Connections ---- */

typedef struct {
  zuv__map_node_t node; /* its key is `fd` */
  int fd;
  bool bound;
  const char *remote; /* behind the local one */
  char local[];
} connection_t;

void zmq__told_connections_init(zmq__told_connections_t *connections) {
  zuv__map_init(&connections->by_fd);
}

void zmq__told_connections_destroy(zmq__told_connections_t *connections) {
  zuv__map_iterator_t iterator = zuv__map_iterate(&connections->by_fd);
  zuv__map_node_t *node;

  while ((node = zuv__map_next(&iterator)) != NULL) {
    zuv__map_remove(&connections->by_fd, node);
    zuv__free(zuv__container_of(node, connection_t, node));
  }
  zuv__map_destroy(&connections->by_fd);
}

static connection_t *find(const zmq__told_connections_t *connections, int fd) {
  zuv__map_node_t *node = zuv__map_find(&connections->by_fd, &fd, sizeof(fd));
  return node == NULL ? NULL : zuv__container_of(node, connection_t, node);
}

static void forget(zmq__told_connections_t *connections, int fd) {
  connection_t *connection = find(connections, fd);

  if (connection == NULL)
    return;
  zuv__map_remove(&connections->by_fd, &connection->node);
  zuv__free(connection);
}

static void remote_of(int fd, char *out, size_t size) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);

  out[0] = '\0';
  if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
    (void)zuv__endpoint_format_tcp((struct sockaddr *)&address, out, size);
}

/* As in libzmq: who is connected to. */
static const char *endpoint_of(const zuv_event_t *event) {
  return event->proxy[0] != '\0' ? event->proxy : event->endpoint;
}

static void remember(zmq__told_connections_t *connections,
                     const zuv_event_t *event) {
  bool bound = event->type == ZUV_EVENT_ACCEPTED;
  const char *remote = endpoint_of(event);
  char self[ZUV__ENDPOINT_TEXT_SIZE];
  char peer[ZUV__ENDPOINT_TEXT_SIZE];
  size_t local_size, remote_size;
  connection_t *connection;

  /* The core closes connections of its own accord without an event. */
  forget(connections, event->fd);
  if (zuv__address_of_self(event->fd, self, sizeof(self)) != 0)
    self[0] = '\0';
  if (bound) {
    remote_of(event->fd, peer, sizeof(peer));
    remote = peer;
  }
  local_size = strlen(self) + 1;
  remote_size = strlen(remote) + 1;
  connection = zuv__malloc(sizeof(*connection) + local_size + remote_size);
  if (connection == NULL)
    return;
  connection->fd = event->fd;
  connection->bound = bound;
  memcpy(connection->local, self, local_size);
  memcpy(connection->local + local_size, remote, remote_size);
  connection->remote = connection->local + local_size;
  if (zuv__map_insert(&connections->by_fd, &connection->node, &connection->fd,
                      sizeof(connection->fd)) != 0)
    zuv__free(connection);
}

void zmq__told_name(const zmq__told_connections_t *connections, int fd,
                    zmq__told_t *told) {
  const connection_t *connection = find(connections, fd);

  if (connection == NULL)
    return;
  told->bound = connection->bound;
  told->local = connection->local;
  told->remote = connection->remote;
}

/* ---- Events ---- */

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
  const char *endpoint = endpoint_of(event);

  if (event->peer_status != 0)
    *told = zmq__told(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, event->peer_status,
                      false, endpoint);
  else if (event->reason != 0)
    *told = zmq__told(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, event->reason, false,
                      endpoint);
  else
    *told = zmq__told(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                      errno_of(event->status), false, endpoint);
}

/* Without a handshake the connection has no mechanism: that of STREAM, and of
 * a peer before ZMTP 3. */
static bool is_raw(const zuv_event_t *event) {
  return event->peer == NULL || zuv_peer_mechanism(event->peer)[0] == '\0';
}

bool zmq__told_before(const zmq__told_connections_t *connections,
                      const zuv_event_t *event, zmq__told_t *told) {
  /* What breaks the protocol has no such event. */
  if (event->type != ZUV_EVENT_DISCONNECTED || event->peer == NULL ||
      !is_raw(event) || event->status == UV_EPROTO ||
      event->status == UV_EMSGSIZE)
    return false;
  *told = zmq__told(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                    errno_of(event->status), false, event->endpoint);
  zmq__told_name(connections, event->fd, told);
  return true;
}

bool zmq__told_translate(zmq__told_connections_t *connections,
                         const zuv_event_t *event, zmq__told_t *told) {
  const char *endpoint = endpoint_of(event);

  switch (event->type) {
    case ZUV_EVENT_LISTENING:
      *told = zmq__told(ZMQ_EVENT_LISTENING, event->fd, true, endpoint);
      return true;
    case ZUV_EVENT_ACCEPT_FAILED:
      *told = zmq__told(ZMQ_EVENT_ACCEPT_FAILED, errno_of(event->status), true,
                        endpoint);
      return true;
    case ZUV_EVENT_CLOSED:
      *told =
          zmq__told(ZMQ_EVENT_CLOSED, event->fd, event->status == 0, endpoint);
      return true;
    case ZUV_EVENT_CONNECT_DELAYED:
      *told =
          zmq__told(ZMQ_EVENT_CONNECT_DELAYED, EINPROGRESS, false, endpoint);
      return true;
    case ZUV_EVENT_CONNECT_RETRIED:
      *told = zmq__told(ZMQ_EVENT_CONNECT_RETRIED, (int64_t)event->delay_ms,
                        false, endpoint);
      return true;
    case ZUV_EVENT_ACCEPTED:
      remember(connections, event);
      *told = zmq__told(ZMQ_EVENT_ACCEPTED, event->fd, true, endpoint);
      break;
    case ZUV_EVENT_CONNECTED:
      remember(connections, event);
      *told = zmq__told(ZMQ_EVENT_CONNECTED, event->fd, false, endpoint);
      break;
    case ZUV_EVENT_READY:
      if (is_raw(event))
        return false;
      *told = zmq__told(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0, false, endpoint);
      break;
    case ZUV_EVENT_HANDSHAKE_FAILED:
      handshake_failed(event, told);
      break;
    case ZUV_EVENT_DISCONNECTED:
      *told = zmq__told(ZMQ_EVENT_DISCONNECTED, event->fd, false, endpoint);
      break;
    default:
      return false;
  }
  zmq__told_name(connections, event->fd, told);
  return true;
}

void zmq__told_done(zmq__told_connections_t *connections,
                    const zuv_event_t *event) {
  if (event->type == ZUV_EVENT_DISCONNECTED)
    forget(connections, event->fd);
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
