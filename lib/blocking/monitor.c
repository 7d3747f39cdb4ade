#include "blocking/monitor.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/monitor_event.h"
#include "transport/transports.h"

typedef struct zmq__monitor_s {
  zuv_socket_t zuv;
  zmq__context_t *context;
  uint64_t events;
  int version;
  size_t waiting;   /* messages there was no room for */
  uint64_t dropped; /* events that nobody will hear of */
} monitor_t;

/* A message that waits. */
typedef struct {
  zuv_send_t request;
  monitor_t *monitor;
} waiting_t;

/* ---- Telling ---- */

static void on_sent(zuv_send_t *request, int status) {
  waiting_t *waiting = zuv__container_of(request, waiting_t, request);

  (void)status;
  waiting->monitor->waiting--;
  zuv__free(waiting);
}

/* False: it is lost. */
static bool keep(monitor_t *monitor, zmq__told_message_t *message) {
  waiting_t *waiting;

  if (monitor->waiting >= ZMQ__MONITOR_WAITING_MAX)
    return false;
  waiting = zuv__malloc(sizeof(*waiting));
  if (waiting == NULL)
    return false;
  waiting->monitor = monitor;
  if (zuv_send(&waiting->request, &monitor->zuv, message->parts, message->count,
               on_sent) != 0) {
    zuv__free(waiting);
    return false;
  }
  monitor->waiting++;
  return true;
}

static void tell(monitor_t *monitor, const zmq__told_t *told) {
  zmq__told_message_t message;
  int err;

  if ((monitor->events & told->event) == 0)
    return;
  zmq__told_message(&message, told, monitor->version);
  err = zuv_try_send(&monitor->zuv, message.parts, message.count);
  if (err != 0 && (err != UV_EAGAIN || !keep(monitor, &message)))
    monitor->dropped++;
}

static void on_event(zuv_socket_t *handle, const zuv_event_t *event) {
  zmq__socket_t *socket = handle->data;
  monitor_t *monitor = socket->monitor;
  zmq__told_t told;

  if (event->type == ZUV_EVENT_EVENTS_DROPPED)
    monitor->dropped += event->count;
  if (zmq__told_before(event, &told))
    tell(monitor, &told);
  if (zmq__told_translate(event, &told))
    tell(monitor, &told);
}

void zmq__monitor_bind_failed(zmq__socket_t *socket, const char *endpoint,
                              int error) {
  const char *address = strstr(endpoint, "://");
  zmq__told_t told;

  if (socket->monitor == NULL || address == NULL ||
      (strncmp(endpoint, "tcp:", 4) != 0 && strncmp(endpoint, "ipc:", 4) != 0))
    return;
  zuv__monitor_tell(socket->core);
  told = zmq__told(ZMQ_EVENT_BIND_FAILED, -error, true, address + 3);
  tell(socket->monitor, &told);
}

/* ---- Life ---- */

static void on_closed(zuv_socket_t *handle) {
  monitor_t *monitor = zuv__container_of(handle, monitor_t, zuv);
  zmq__context_t *context = monitor->context;

  zuv__free(monitor);
  zmq__context_free_slot(context);
}

/* With a slot, which is the monitor's if that comes into being. */
static int begin(zmq__socket_t *socket, const char *endpoint, int type,
                 monitor_t **out) {
  monitor_t *monitor = zuv__calloc(1, sizeof(*monitor));
  int err;

  *out = NULL;
  if (monitor == NULL)
    return UV_ENOMEM;
  err = zuv_socket_init(&socket->context->core, &socket->loop->uv,
                        &monitor->zuv, type);
  if (err != 0) {
    zuv__free(monitor);
    return err;
  }
  *out = monitor;
  monitor->context = socket->context;
  err = zuv_bind(&monitor->zuv, endpoint);
  if (err == 0)
    err = zuv_event_start(&socket->native->zuv, on_event);
  if (err == 0)
    socket->monitor = monitor;
  else
    zuv_close(&monitor->zuv, on_closed);
  return err;
}

/* A reader that has connected on another loop may be on its way, while whoever
 * runs this one is in the middle of a turn. */
static void let_reader_in(zmq__socket_t *socket) {
  monitor_t *monitor = socket->monitor;

  if (monitor != NULL && socket->context->loop_count > 1 &&
      zuv__list_empty(&zuv__socket(&monitor->zuv)->pipes))
    (void)zuv__loop_take_letters(socket->loop->core);
}

/* All that it did not tell, up to the largest value of version 1. */
static int64_t count_dropped(const monitor_t *monitor) {
  /* A PUB drops by itself. */
  uint64_t count = monitor->dropped + zuv__socket(&monitor->zuv)->dropped;

  return count > UINT32_MAX ? UINT32_MAX : (int64_t)count;
}

static void end(zmq__socket_t *socket) {
  monitor_t *monitor = socket->monitor;
  zmq__told_t stopped;

  if (monitor == NULL)
    return;
  zuv__monitor_tell(socket->core);
  (void)zuv_event_stop(&socket->native->zuv);
  socket->monitor = NULL;
  /* The last words may be over the limit, or there is no reader at all. */
  (void)zuv_set_int(&monitor->zuv, ZUV_SNDHWM, 0);
  zuv__socket_serve_senders(zuv__socket(&monitor->zuv));
  stopped =
      zmq__told(ZMQ_EVENT_MONITOR_STOPPED, count_dropped(monitor), true, "");
  tell(monitor, &stopped);
  zuv_close(&monitor->zuv, on_closed);
}

static void close_listeners(zuv__socket_t *core) {
  zuv__list_t *node = core->endpoints.next;

  while (node != &core->endpoints) {
    zuv__endpoint_t *endpoint =
        zuv__container_of(node, zuv__endpoint_t, in_socket);

    node = node->next;
    if (!endpoint->bound)
      continue;
    zuv__list_remove(&endpoint->in_socket);
    endpoint->close(endpoint, core->options.linger);
  }
}

void zmq__monitor_end(zmq__socket_t *socket) {
  let_reader_in(socket);
  if (socket->monitor == NULL)
    return;
  close_listeners(socket->core);
  end(socket);
}

/* ---- zmq.h ---- */

/* A thread may watch a socket that another one uses, and that might move just
 * now: see affinity.c. */
static void enter(zmq__socket_t *socket) {
  zmq__context_t *context = socket->context;

  pthread_mutex_lock(&context->mutex);
  zmq__loop_enter(socket->loop);
  pthread_mutex_unlock(&context->mutex);
}

static int stop(zmq__socket_t *socket) {
  enter(socket);
  let_reader_in(socket);
  end(socket);
  zmq__loop_leave(socket->loop);
  return 0;
}

static int start(zmq__socket_t *socket, const char *endpoint, uint64_t events,
                 int version, int type) {
  zmq__context_t *context = socket->context;
  monitor_t *monitor;
  int err;

  pthread_mutex_lock(&context->mutex);
  err = zmq__context_take_bare_slot(context);
  pthread_mutex_unlock(&context->mutex);
  if (err != 0)
    return err;
  enter(socket);
  /* Another thread may have been quicker. */
  end(socket);
  err = begin(socket, endpoint, type, &monitor);
  if (err == 0) {
    monitor->events = events;
    monitor->version = version;
  }
  zmq__loop_leave(socket->loop);
  if (monitor == NULL)
    zmq__context_free_slot(context);
  return err;
}

static int check(const char *endpoint, int type) {
  const zuv__transport_t *transport;
  int err = zuv__transport_find(endpoint, &transport);

  if (err != 0)
    return err;
  if (transport != &zuv__transport_inproc)
    return UV_EPROTONOSUPPORT;
  return type == ZMQ_PAIR || type == ZMQ_PUB || type == ZMQ_PUSH ? 0
                                                                 : UV_EINVAL;
}

int zmq_socket_monitor_versioned(void *handle, const char *endpoint,
                                 uint64_t events, int version, int type) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  int err;

  if (socket == NULL)
    return -1;
  if (version < ZMQ_CURRENT_EVENT_VERSION ||
      version > ZMQ_CURRENT_EVENT_VERSION_DRAFT ||
      (version == 1 && events > ZMQ_EVENT_ALL_V1))
    return zmq__fail_errno(EINVAL);
  if (endpoint == NULL)
    return stop(socket);
  err = check(endpoint, type);
  if (err != 0)
    return zmq__fail(err);
  (void)stop(socket);
  err = start(socket, endpoint, events, version, type);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_socket_monitor(void *handle, const char *endpoint, int events) {
  return zmq_socket_monitor_versioned(handle, endpoint, (uint64_t)events, 1,
                                      ZMQ_PAIR);
}

/* ---- Statistics ---- */

static void tell_pipe(monitor_t *monitor, zuv__pipe_t *pipe) {
  zuv__pipe_stats_t stats;
  zmq__told_t told = zmq__told(ZMQ_EVENT_PIPES_STATS, 0, !pipe->connecting, "");

  zuv__pipe_stats(pipe, &stats);
  told.values[0] = stats.outbound;
  told.values[1] = stats.inbound;
  told.value_count = 2;
  told.local = stats.local;
  told.remote = stats.remote;
  tell(monitor, &told);
}

static int tell_pipes(zmq__socket_t *socket) {
  const zuv__list_t *pipes = &socket->core->pipes;

  if (socket->monitor == NULL ||
      (socket->monitor->events & ZMQ_EVENT_PIPES_STATS) == 0)
    return UV_EINVAL;
  if (zuv__list_empty(pipes))
    return UV_EAGAIN;
  zuv__monitor_tell(socket->core);
  for (zuv__list_t *node = pipes->next; node != pipes; node = node->next)
    tell_pipe(socket->monitor, zuv__container_of(node, zuv__pipe_t, in_socket));
  return 0;
}

int zmq_socket_monitor_pipes_stats(void *handle) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  int err;

  if (socket == NULL)
    return -1;
  enter(socket);
  err = tell_pipes(socket);
  zmq__loop_leave(socket->loop);
  return err == 0 ? 0 : zmq__fail(err);
}
