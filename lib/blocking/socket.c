#include "blocking/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/futex.h"
#include "blocking/monitor.h"

zmq__handle_pool_t zmq__sockets = {.tag = 0xbaddecaf,
                                   .size = sizeof(zmq__socket_t)};

zmq__socket_t *zmq__socket_refuse(void *handle) {
  errno = zmq__handle_is_open(&zmq__sockets, handle) ? ETERM : ENOTSOCK;
  return NULL;
}

uint64_t zmq__deadline_in(long ms) {
  uint64_t now = zmq__clock_ns();

  if (ms < 0 || (uint64_t)ms > (ZMQ__NEVER - now) / ZMQ__NS_PER_MS)
    return ZMQ__NEVER;
  return now + (uint64_t)ms * ZMQ__NS_PER_MS;
}

/* ---- What the core tells ---- */

static void begin_edge(zmq__socket_t *socket) {
  socket->edge = true;
  (void)eventfd_write(socket->events_fd, 1);
}

static void on_notify(zuv_socket_t *handle) {
  zmq__socket_t *socket = handle->data;

  if (socket->waiter != NULL)
    zmq__waiter_wake(socket->waiter);
  if (socket->events_fd >= 0 && !socket->edge)
    begin_edge(socket);
}

void zmq__socket_watch(zmq__socket_t *socket, zmq__waiter_t *waiter) {
  socket->waiter = waiter;
  socket->core->notify =
      waiter != NULL || socket->events_fd >= 0 ? on_notify : NULL;
}

void zmq__socket_end_edge(zmq__socket_t *socket) {
  eventfd_t count;

  socket->edge = false;
  (void)eventfd_read(socket->events_fd, &count);
}

void zmq__socket_stop(zmq__socket_t *socket) {
  zmq__loop_enter(socket->loop);
  on_notify(&socket->native->zuv);
  zmq__loop_leave(socket->loop);
}

/* ---- Life ---- */

static void on_closed(zuv_socket_t *handle) {
  zmq__native_t *native = zuv__container_of(handle, zmq__native_t, zuv);
  zmq__context_t *context = native->context;

  zuv__free(native);
  zmq__context_free_slot(context);
}

int zmq__native_open(zmq__context_t *context, zmq__loop_t *loop, int type,
                     zmq__native_t **out) {
  zmq__native_t *native = zuv__calloc(1, sizeof(*native));
  int err;

  if (native == NULL)
    return UV_ENOMEM;
  err = zuv_socket_init(&context->core, &loop->uv, &native->zuv, type);
  if (err != 0) {
    zuv__free(native);
    return err;
  }
  native->context = context;
  *out = native;
  return 0;
}

void zmq__native_close(zmq__native_t *native) {
  zuv__socket(&native->zuv)->notify = NULL;
  native->zuv.data = NULL;
  zuv_close(&native->zuv, on_closed);
}

static void set_defaults(zmq__socket_t *socket) {
  const zmq__context_options_t *options = &socket->context->options;

  if (options->ipv6)
    (void)zuv_set_int(&socket->native->zuv, ZUV_IPV6, 1);
  if (!options->blocky)
    (void)zuv_set_int(&socket->native->zuv, ZUV_LINGER, 0);
}

/* With the context's mutex, and a slot. */
static zmq__socket_t *socket_new(zmq__context_t *context, zmq__loop_t *loop,
                                 int type, int *err) {
  zmq__socket_t *socket = zmq__handle_open(&zmq__sockets);
  zmq__native_t *native;

  *err = UV_ENOMEM;
  if (socket == NULL)
    return NULL;
  zmq__loop_enter(loop);
  *err = zmq__native_open(context, loop, type, &native);
  if (*err != 0) {
    zmq__loop_leave(loop);
    if (zmq__handle_close(&zmq__sockets, socket))
      zmq__handle_retire(&zmq__sockets, socket);
    return NULL;
  }
  native->zuv.data = socket;
  socket->context = context;
  socket->loop = loop;
  socket->native = native;
  socket->core = zuv__socket(&native->zuv);
  socket->type = type;
  socket->events_fd = -1;
  socket->stalled_at = ZMQ__NOT_STALLED;
  socket->io = context->loop_count > 1;
  socket->zero_copy = context->options.zero_copy != 0;
  zuv__inbox_init(&socket->inbox, socket->core);
  set_defaults(socket);
  zmq__loop_leave(loop);
  return socket;
}

void *zmq_socket(void *handle, int type) {
  zmq__context_t *context = zmq__context_of(handle);
  zmq__socket_t *socket = NULL;
  zmq__loop_t *loop;
  int err;

  if (context == NULL)
    return NULL;
  if (zmq__context_is_foreign(context)) {
    errno = ETERM;
    return NULL;
  }
  pthread_mutex_lock(&context->mutex);
  if (!zmq__context_is_running(context)) {
    pthread_mutex_unlock(&context->mutex);
    errno = ETERM;
    return NULL;
  }
  err = zmq__context_take_slot(context, &loop);
  if (err == 0) {
    socket = socket_new(context, loop, type, &err);
    if (socket == NULL)
      zmq__context_free_slot(context);
    else
      zuv__list_push_back(&context->sockets, &socket->in_context);
  }
  pthread_mutex_unlock(&context->mutex);
  if (socket == NULL)
    (void)zmq__fail(err);
  return socket;
}

int zmq_close(void *handle) {
  zmq__socket_t *socket = handle;
  zmq__context_t *context;
  zmq__loop_t *loop;

  if (!zmq__handle_close(&zmq__sockets, handle))
    return zmq__fail_errno(ENOTSOCK);
  context = socket->context;
  loop = socket->loop;
  if (zmq__context_is_foreign(context))
    return 0;
  pthread_mutex_lock(&context->mutex);
  zuv__list_remove(&socket->in_context);
  pthread_mutex_unlock(&context->mutex);
  zmq__loop_enter(loop);
  zmq__monitor_end(socket);
  zmq__receive_end(socket);
  if (socket->events_fd >= 0)
    close(socket->events_fd);
  zmq__native_close(socket->native);
  zmq__loop_leave(loop);
  zmq__handle_retire(&zmq__sockets, socket);
  return 0;
}

/* ---- Endpoints ---- */

static bool needs_io(const char *endpoint) {
  return strncmp(endpoint, "tcp://", 6) == 0 ||
         strncmp(endpoint, "ipc://", 6) == 0;
}

static bool has_thread(const zmq__socket_t *socket) {
  int threads = socket->context->io_threads;
  uint64_t all = threads < 64 ? (UINT64_C(1) << threads) - 1 : UINT64_MAX;

  if (socket->affinity == 0)
    return threads > 0;
  return (socket->affinity & all) != 0;
}

/* A connect over inproc for which there was no memory is made again later, for
 * which somebody must look at the time: a thread, else whoever waits for this
 * socket. */
static bool look_at_time(zmq__socket_t *socket) {
  zmq__loop_t *loop = socket->loop;

  if (zuv__heap_min(&loop->core->timers) == NULL)
    return false;
  socket->io = true;
  return zmq__context_start(socket->context, loop) == 0;
}

typedef int (*endpoint_call_t)(zuv_socket_t *, const char *);

static int begin_endpoint(zmq__socket_t *socket, const char *endpoint,
                          endpoint_call_t call) {
  bool io = needs_io(endpoint);
  int err = 0;

  if (io && !has_thread(socket))
    return ZMQ__EMTHREAD;
  zmq__loop_enter(socket->loop);
  if (io) {
    err = zmq__context_start(socket->context, socket->loop);
    socket->io = true;
  }
  if (err == 0)
    err = call(&socket->native->zuv, endpoint);
  if (err == 0 && !io)
    io = look_at_time(socket);
  if (err == 0 && io)
    zmq__loop_want_driver(socket->loop);
  if (err != 0 && call == zuv_bind)
    zmq__monitor_bind_failed(socket, endpoint, err);
  /* Over inproc a bind may find letters of sockets that have left. */
  if (!socket->loop->has_thread)
    zmq__loop_turn(socket->loop);
  zmq__loop_leave(socket->loop);
  return err;
}

static int end_endpoint(zmq__socket_t *socket, const char *endpoint,
                        endpoint_call_t call) {
  int err;

  zmq__loop_enter(socket->loop);
  err = call(&socket->native->zuv, endpoint);
  zmq__loop_leave(socket->loop);
  return err;
}

static int with_endpoint(void *handle, const char *endpoint,
                         int (*step)(zmq__socket_t *, const char *,
                                     endpoint_call_t),
                         endpoint_call_t call) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  int err;

  if (socket == NULL)
    return -1;
  if (endpoint == NULL)
    return zmq__fail_errno(EINVAL);
  err = step(socket, endpoint, call);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_bind(void *handle, const char *endpoint) {
  return with_endpoint(handle, endpoint, begin_endpoint, zuv_bind);
}

int zmq_connect(void *handle, const char *endpoint) {
  return with_endpoint(handle, endpoint, begin_endpoint, zuv_connect);
}

int zmq_unbind(void *handle, const char *endpoint) {
  return with_endpoint(handle, endpoint, end_endpoint, zuv_unbind);
}

int zmq_disconnect(void *handle, const char *endpoint) {
  return with_endpoint(handle, endpoint, end_endpoint, zuv_disconnect);
}

/* ---- Parts ---- */

int zmq__parts_reserve(zmq__parts_t *parts, size_t count) {
  size_t room = parts->room;
  zuv_msg_t *grown;

  if (count <= room - parts->count)
    return 0;
  while (room - parts->count < count)
    room = room == 0 ? 4 : room * 2;
  grown = zuv__realloc(parts->parts, room * sizeof(*grown));
  if (grown == NULL)
    return UV_ENOMEM;
  parts->parts = grown;
  parts->room = room;
  return 0;
}

void zmq__parts_clear(zmq__parts_t *parts) {
  if (parts->count > parts->next)
    zuv__msgs_close(parts->parts + parts->next, parts->count - parts->next);
  parts->count = parts->next = 0;
}

void zmq__parts_destroy(zmq__parts_t *parts) {
  zmq__parts_clear(parts);
  zuv__free(parts->parts);
  *parts = (zmq__parts_t){0};
}
