#include "core/monitor.h"

#include <string.h>

#include "base/alloc.h"
#include "core/peer.h"
#include "core/socket.h"

typedef struct {
  zuv__list_t link;
  zuv_event_t event;
  char texts[]; /* endpoint, address and proxy */
} waiting_event_t;

void zuv__monitor_event(zuv__socket_t *socket, const zuv_event_t *event) {
  const char *endpoint = event->endpoint != NULL ? event->endpoint : "";
  const char *address = event->address != NULL ? event->address : "";
  const char *proxy = event->proxy != NULL ? event->proxy : "";
  size_t size = strlen(endpoint) + 1;
  size_t address_size = strlen(address) + 1;
  size_t proxy_size = strlen(proxy) + 1;
  waiting_event_t *waiting;

  if (socket->event_cb == NULL ||
      socket->events_count >= ZUV__EVENTS_WAITING_MAX)
    return;
  waiting = zuv__malloc(sizeof(*waiting) + size + address_size + proxy_size);
  if (waiting == NULL)
    return;
  waiting->event = *event;
  memcpy(waiting->texts, endpoint, size);
  memcpy(waiting->texts + size, address, address_size);
  waiting->event.endpoint = waiting->texts;
  waiting->event.address = waiting->texts + size;
  memcpy(waiting->texts + size + address_size, proxy, proxy_size);
  waiting->event.proxy = waiting->texts + size + address_size;
  if (event->peer != NULL)
    zuv__peer_retain(event->peer);
  zuv__list_push_back(&socket->events, &waiting->link);
  socket->events_count++;
  zuv__socket_schedule(socket);
}

static waiting_event_t *take_event(zuv__socket_t *socket) {
  waiting_event_t *waiting =
      zuv__container_of(socket->events.next, waiting_event_t, link);
  zuv__list_remove(&waiting->link);
  socket->events_count--;
  return waiting;
}

static void waiting_event_free(waiting_event_t *waiting) {
  if (waiting->event.peer != NULL)
    zuv__peer_release(waiting->event.peer);
  zuv__free(waiting);
}

void zuv__monitor_dropped(zuv__socket_t *socket, uint64_t count) {
  socket->dropped += count;
  if (socket->event_cb != NULL)
    zuv__socket_schedule(socket);
}

void zuv__monitor_tell(zuv__socket_t *socket) {
  /* What the callbacks cause is told the next time. */
  size_t count = socket->events_count;

  while (count-- > 0 && socket->event_cb != NULL && socket->events_count > 0) {
    /* It outlives a close in the callback. */
    waiting_event_t *waiting = take_event(socket);
    socket->event_cb(socket->handle, &waiting->event);
    waiting_event_free(waiting);
  }
  if (socket->dropped > 0 && socket->event_cb != NULL) {
    zuv_event_t event = {.type = ZUV_EVENT_DROPPED,
                         .endpoint = "",
                         .count = socket->dropped,
                         .fd = -1,
                         .address = "",
                         .proxy = ""};
    socket->dropped = 0;
    socket->event_cb(socket->handle, &event);
  }
}

void zuv__monitor_clear(zuv__socket_t *socket) {
  while (!zuv__list_empty(&socket->events))
    waiting_event_free(take_event(socket));
  socket->dropped = 0;
}

int zuv_event_start(zuv_socket_t *handle, zuv_event_cb event_cb) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  if (event_cb == NULL)
    return UV_EINVAL;
  if (zuv__socket(handle)->event_cb == NULL)
    zuv__socket(handle)->dropped = 0;
  zuv__socket(handle)->event_cb = event_cb;
  return 0;
}

int zuv_event_stop(zuv_socket_t *handle) {
  int err = zuv__socket_check(handle);
  if (err != 0)
    return err;
  zuv__socket(handle)->event_cb = NULL;
  zuv__monitor_clear(zuv__socket(handle));
  return 0;
}

const char *zuv_event_name(zuv_event_type type) {
  switch (type) {
    case ZUV_EVENT_LISTENING:
      return "listening";
    case ZUV_EVENT_ACCEPTED:
      return "accepted";
    case ZUV_EVENT_ACCEPT_FAILED:
      return "accept failed";
    case ZUV_EVENT_CLOSED:
      return "closed";
    case ZUV_EVENT_CONNECT_DELAYED:
      return "connect delayed";
    case ZUV_EVENT_CONNECT_RETRIED:
      return "connect retried";
    case ZUV_EVENT_CONNECTED:
      return "connected";
    case ZUV_EVENT_READY:
      return "ready";
    case ZUV_EVENT_HANDSHAKE_FAILED:
      return "handshake failed";
    case ZUV_EVENT_DISCONNECTED:
      return "disconnected";
    case ZUV_EVENT_STOPPED:
      return "stopped";
    case ZUV_EVENT_DROPPED:
      return "dropped";
  }
  return "unknown";
}
