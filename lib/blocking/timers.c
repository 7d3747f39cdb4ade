/* zmq_timers_*: timers that run when the application says so. Not for several
 * threads at once. They fail with EFAULT for what is no timers object (or no
 * handler), EINVAL for an id that is not known, and ENOMEM.
 *
 * A handler may do anything but wait for other handlers: executing from inside
 * a handler does nothing, destroying takes effect when it returns. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "blocking/error.h"
#include "zmq.h"

enum { TIMERS_TAG = 0x7a71, NO_TIMERS_TAG = 0x7a70 };

#define NANOSECONDS_PER_MS ((uint64_t)1000000)

typedef struct {
  uint32_t tag;
  bool executing;
  bool destroyed; /* by a handler */
  int last_id;
  zuv__map_t by_id;
  zuv__heap_t waiting; /* by the time when they are due, in nanoseconds */
  zuv__list_t due;     /* of the current execute, still to run */
} timers_t;

/* A timer is in `waiting`, or in `due`. */
typedef struct {
  zuv__heap_node_t in_waiting;
  zuv__list_t in_due;
  zuv__map_node_t by_id;
  int id;
  size_t interval; /* milliseconds */
  zmq_timer_fn *handler;
  void *arg;
} entry_t;

static timers_t *timers_of(void *object) {
  timers_t *timers = object;

  if (timers == NULL || timers->tag != TIMERS_TAG) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  return timers;
}

static entry_t *timer_find(const timers_t *timers, int id) {
  zuv__map_node_t *node = zuv__map_find(&timers->by_id, &id, sizeof(id));

  return node == NULL ? NULL : zuv__container_of(node, entry_t, by_id);
}

/* An interval may be as long as one likes: then it is never due. */
static uint64_t due_after(uint64_t now, size_t interval) {
  if (interval > (UINT64_MAX - now) / NANOSECONDS_PER_MS)
    return UINT64_MAX;
  return now + interval * NANOSECONDS_PER_MS;
}

static void timer_stop(timers_t *timers, entry_t *timer) {
  zuv__heap_remove(&timers->waiting, &timer->in_waiting);
  zuv__list_remove(&timer->in_due);
}

static void timer_start(timers_t *timers, entry_t *timer, uint64_t now) {
  timer_stop(timers, timer);
  zuv__heap_insert(&timers->waiting, &timer->in_waiting,
                   due_after(now, timer->interval));
}

static void timer_free(timers_t *timers, entry_t *timer) {
  timer_stop(timers, timer);
  zuv__map_remove(&timers->by_id, &timer->by_id);
  zuv__free(timer);
}

static void timers_free(timers_t *timers) {
  zuv__map_iterator_t iterator = zuv__map_iterate(&timers->by_id);
  zuv__map_node_t *node;

  while ((node = zuv__map_next(&iterator)) != NULL)
    timer_free(timers, zuv__container_of(node, entry_t, by_id));
  zuv__map_destroy(&timers->by_id);
  zuv__free(timers);
}

void *zmq_timers_new(void) {
  timers_t *timers = zuv__calloc(1, sizeof(*timers));

  if (timers == NULL) {
    zmq__fail_errno(ENOMEM);
    return NULL;
  }
  timers->tag = TIMERS_TAG;
  zuv__map_init(&timers->by_id);
  zuv__heap_init(&timers->waiting);
  zuv__list_init(&timers->due);
  return timers;
}

int zmq_timers_destroy(void **object) {
  timers_t *timers = object == NULL ? NULL : *object;

  timers = timers_of(timers);
  if (timers == NULL)
    return -1;
  timers->tag = NO_TIMERS_TAG;
  if (timers->executing)
    timers->destroyed = true;
  else
    timers_free(timers);
  *object = NULL;
  return 0;
}

static int next_id(timers_t *timers) {
  do
    timers->last_id = timers->last_id == INT_MAX ? 1 : timers->last_id + 1;
  while (timer_find(timers, timers->last_id) != NULL);
  return timers->last_id;
}

int zmq_timers_add(void *object, size_t interval, zmq_timer_fn *handler,
                   void *arg) {
  timers_t *timers = timers_of(object);
  entry_t *timer;

  if (timers == NULL)
    return -1;
  if (handler == NULL)
    return zmq__fail_errno(EFAULT);
  timer = zuv__malloc(sizeof(*timer));
  if (timer == NULL)
    return zmq__fail_errno(ENOMEM);
  timer->id = next_id(timers);
  timer->interval = interval;
  timer->handler = handler;
  timer->arg = arg;
  zuv__heap_node_init(&timer->in_waiting);
  zuv__list_init(&timer->in_due);
  if (zuv__map_insert(&timers->by_id, &timer->by_id, &timer->id,
                      sizeof(timer->id)) != 0) {
    zuv__free(timer);
    return zmq__fail_errno(ENOMEM);
  }
  timer_start(timers, timer, uv_hrtime());
  return timer->id;
}

/* The timers and one of them; false with errno set. */
static bool find(void *object, int id, timers_t **timers, entry_t **timer) {
  *timers = timers_of(object);
  if (*timers == NULL)
    return false;
  *timer = timer_find(*timers, id);
  if (*timer == NULL)
    zmq__fail_errno(EINVAL);
  return *timer != NULL;
}

int zmq_timers_cancel(void *object, int id) {
  entry_t *timer;
  timers_t *timers;

  if (!find(object, id, &timers, &timer))
    return -1;
  timer_free(timers, timer);
  return 0;
}

int zmq_timers_set_interval(void *object, int id, size_t interval) {
  entry_t *timer;
  timers_t *timers;

  if (!find(object, id, &timers, &timer))
    return -1;
  timer->interval = interval;
  timer_start(timers, timer, uv_hrtime());
  return 0;
}

int zmq_timers_reset(void *object, int id) {
  entry_t *timer;
  timers_t *timers;

  if (!find(object, id, &timers, &timer))
    return -1;
  timer_start(timers, timer, uv_hrtime());
  return 0;
}

/* Rounded up: who waits as long as that finds the timer due. */
long zmq_timers_timeout(void *object) {
  timers_t *timers = timers_of(object);
  zuv__heap_node_t *first;
  uint64_t now, left;

  if (timers == NULL)
    return -1;
  if (!zuv__list_empty(&timers->due))
    return 0;
  first = zuv__heap_min(&timers->waiting);
  if (first == NULL)
    return -1;
  now = uv_hrtime();
  if (first->key <= now)
    return 0;
  left = (first->key - now - 1) / NANOSECONDS_PER_MS + 1;
  return left > LONG_MAX ? LONG_MAX : (long)left;
}

/* What is due is set apart before the first handler runs: so each timer runs at
 * most once, whatever the handlers do. */
static void take_due(timers_t *timers, uint64_t now) {
  zuv__heap_node_t *node;

  while ((node = zuv__heap_min(&timers->waiting)) != NULL && node->key <= now) {
    entry_t *timer = zuv__container_of(node, entry_t, in_waiting);

    zuv__heap_remove(&timers->waiting, node);
    zuv__list_push_back(&timers->due, &timer->in_due);
  }
}

int zmq_timers_execute(void *object) {
  timers_t *timers = timers_of(object);
  uint64_t now;

  if (timers == NULL)
    return -1;
  if (timers->executing)
    return 0;
  timers->executing = true;
  now = uv_hrtime();
  take_due(timers, now);
  while (!zuv__list_empty(&timers->due) && !timers->destroyed) {
    entry_t *timer = zuv__container_of(timers->due.next, entry_t, in_due);

    /* First, so that the handler may change it, or cancel it. */
    timer_start(timers, timer, now);
    timer->handler(timer->id, timer->arg);
  }
  timers->executing = false;
  if (timers->destroyed)
    timers_free(timers);
  return 0;
}
