/* Events on their way to the application. They are told by the work task, or
 * before the next message, in order; at most a bounded number waits. */
#ifndef ZUV_CORE_MONITOR_H
#define ZUV_CORE_MONITOR_H

#include <stdbool.h>

#include "zuv.h"

struct zuv__pipe_s;
struct zuv__socket_s;

enum {
  ZUV__EVENTS_WAITING_MAX = 4096,
  /* Peers cause as many of these as they like. */
  ZUV__SUBSCRIPTION_EVENTS_MAX = ZUV__EVENTS_WAITING_MAX / 2
};

/* Copies the event with its texts, and keeps the peer. `local` and `remote`, if
 * NULL, are the endpoint on its side, and nothing on the other. Without memory,
 * or with too many waiting, the event is lost and counted; nobody listening, it
 * costs nothing. */
void zuv__monitor_event(struct zuv__socket_s *socket, const zuv_event_t *event);

/* One more message was dropped for want of room. */
void zuv__monitor_dropped(struct zuv__socket_s *socket, uint64_t count);

/* The peer of the pipe got or lost a topic: an event, if anybody listens. */
void zuv__monitor_subscription(struct zuv__socket_s *socket,
                               const struct zuv__pipe_s *pipe, bool subscribed,
                               const void *topic, size_t size);

/* Tells what waits. The callback may close the socket. */
void zuv__monitor_tell(struct zuv__socket_s *socket);

/* Forgets what waits. */
void zuv__monitor_clear(struct zuv__socket_s *socket);

#endif /* ZUV_CORE_MONITOR_H */
