#include "core/monitor.h"

#include <string.h>

#include "base/alloc.h"
#include "core/peer.h"
#include "core/socket.h"

enum { TEXTS = 4 };

typedef struct {
  zuv__list_t link;
  zuv_event_t event;
  char texts[];
} waiting_event_t;

static void set_ends(zuv_event_t *event) {
  if (event->endpoint == NULL)
    event->endpoint = "";
  if (event->address == NULL)
    event->address = "";
  if (event->local == NULL)
    event->local = event->connecting ? "" : event->endpoint;
  if (event->remote == NULL)
    event->remote = event->connecting ? event->endpoint : "";
}

/* With texts of its own. */
static waiting_event_t *copy(const zuv_event_t *event) {
  zuv_event_t with_texts = *event;
  const char **const texts[TEXTS] = {&with_texts.endpoint, &with_texts.address,
                                     &with_texts.local, &with_texts.remote};
  size_t sizes[TEXTS];
  size_t total = 0;
  waiting_event_t *waiting;
  char *to;

  set_ends(&with_texts);
  for (int i = 0; i < TEXTS; i++)
    total += sizes[i] = strlen(*texts[i]) + 1;
  waiting = zuv__malloc(sizeof(*waiting) + total + event->topic_size);
  if (waiting == NULL)
    return NULL;
  to = waiting->texts;
  for (int i = 0; i < TEXTS; i++) {
    *texts[i] = memcpy(to, *texts[i], sizes[i]);
    to += sizes[i];
  }
  if (event->topic_size > 0)
    memcpy(to, event->topic, event->topic_size);
  if (event->topic != NULL)
    with_texts.topic = to;
  waiting->event = with_texts;
  return waiting;
}

void zuv__monitor_event(zuv__socket_t *socket, const zuv_event_t *event) {
  size_t max = event->topic == NULL ? ZUV__EVENTS_WAITING_MAX
                                    : ZUV__SUBSCRIPTION_EVENTS_MAX;
  waiting_event_t *waiting = NULL;

  if (socket->event_cb == NULL)
    return;
  zuv__socket_schedule(socket);
  if (socket->events_count < max)
    waiting = copy(event);
  if (waiting == NULL) {
    socket->events_dropped++;
    socket->counts.events_dropped++;
    return;
  }
  if (event->peer != NULL)
    zuv__peer_retain(event->peer);
  zuv__list_push_back(&socket->events, &waiting->link);
  socket->events_count++;
}

void zuv__monitor_subscription(zuv__socket_t *socket, const zuv__pipe_t *pipe,
                               bool subscribed, const void *topic,
                               size_t size) {
  zuv_event_t event = {.type = subscribed ? ZUV_EVENT_SUBSCRIBED
                                          : ZUV_EVENT_UNSUBSCRIBED,
                       .endpoint = pipe->endpoint,
                       .peer = pipe->peer,
                       .fd = pipe->peer != NULL ? pipe->peer->fd : -1,
                       .topic = topic != NULL ? topic : "",
                       .topic_size = size};

  zuv__monitor_event(socket, &event);
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
  socket->counts.gone.dropped += count;
  socket->dropped += count;
  if (socket->event_cb != NULL)
    zuv__socket_schedule(socket);
}

static void tell_count(zuv__socket_t *socket, zuv_event_type type,
                       uint64_t *count) {
  zuv_event_t event = {.type = type, .count = *count, .fd = -1};

  if (*count == 0 || socket->event_cb == NULL)
    return;
  *count = 0;
  set_ends(&event);
  socket->event_cb(socket->handle, &event);
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
  tell_count(socket, ZUV_EVENT_EVENTS_DROPPED, &socket->events_dropped);
  tell_count(socket, ZUV_EVENT_DROPPED, &socket->dropped);
}

void zuv__monitor_clear(zuv__socket_t *socket) {
  while (!zuv__list_empty(&socket->events))
    waiting_event_free(take_event(socket));
  socket->dropped = 0;
  socket->events_dropped = 0;
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
    case ZUV_EVENT_EVENTS_DROPPED:
      return "events dropped";
    case ZUV_EVENT_SUBSCRIBED:
      return "subscribed";
    case ZUV_EVENT_UNSUBSCRIBED:
      return "unsubscribed";
  }
  return "unknown";
}
