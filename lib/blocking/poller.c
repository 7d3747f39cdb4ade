/* zmq_poller_*: a lasting set of items for zmq__poll(). A poller is used by one
 * thread at a time. Its functions fail with EFAULT for what is no poller,
 * ENOTSOCK for what is no socket, EBADF for what is no descriptor, EINVAL for
 * an item that is there twice or not at all, and ENOMEM; waiting fails as
 * zmq_poll() does, and with EAGAIN in time. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/poll.h"
#include "blocking/socket.h"
#include "zmq.h"

enum { ALL_EVENTS = ZMQ_POLLIN | ZMQ_POLLOUT | ZMQ_POLLERR | ZMQ_POLLPRI };

/* Items without events are kept behind those that have some: nobody looks at
 * them. */
typedef struct {
  zmq__handle_t handle;
  zmq_pollitem_t *items;
  void **user_data; /* of each item */
  int count;
  int enabled; /* the first, that have events */
  int room;
  int next; /* the item that is reported first next time */
} poller_t;

static zmq__handle_pool_t pollers = {.tag = 0xcafebabe,
                                     .size = sizeof(poller_t)};

static poller_t *poller_of(void *object) {
  if (zmq__handle_is_open(&pollers, object))
    return object;
  zmq__fail_errno(EFAULT);
  return NULL;
}

void *zmq_poller_new(void) {
  void *poller = zmq__handle_open(&pollers);

  if (poller == NULL)
    zmq__fail_errno(ENOMEM);
  return poller;
}

int zmq_poller_destroy(void **object) {
  poller_t *poller = object == NULL ? NULL : *object;

  if (!zmq__handle_close(&pollers, poller))
    return zmq__fail_errno(EFAULT);
  zuv__free(poller->items);
  zuv__free(poller->user_data);
  zmq__handle_retire(&pollers, poller);
  *object = NULL;
  return 0;
}

int zmq_poller_size(void *object) {
  const poller_t *poller = poller_of(object);

  return poller == NULL ? -1 : poller->count;
}

/* ---- Items ---- */

static int reserve(poller_t *poller) {
  int room = poller->room == 0 ? 8 : poller->room * 2;
  void *items, *user_data;

  if (poller->count < poller->room)
    return 0;
  items = zuv__realloc(poller->items, (size_t)room * sizeof(*poller->items));
  if (items == NULL)
    return ENOMEM;
  poller->items = items;
  user_data = zuv__realloc(poller->user_data,
                           (size_t)room * sizeof(*poller->user_data));
  if (user_data == NULL)
    return ENOMEM;
  poller->user_data = user_data;
  poller->room = room;
  return 0;
}

/* There is room. */
static void insert(poller_t *poller, zmq_pollitem_t item, void *user_data) {
  int at = item.events == 0 ? poller->count : poller->enabled++;
  size_t behind = (size_t)(poller->count++ - at);

  memmove(&poller->items[at + 1], &poller->items[at],
          behind * sizeof(*poller->items));
  memmove(&poller->user_data[at + 1], &poller->user_data[at],
          behind * sizeof(*poller->user_data));
  poller->items[at] = item;
  poller->user_data[at] = user_data;
}

static void take_out(poller_t *poller, int at) {
  size_t behind = (size_t)(--poller->count - at);

  if (at < poller->enabled)
    poller->enabled--;
  if (at < poller->next)
    poller->next--;
  memmove(&poller->items[at], &poller->items[at + 1],
          behind * sizeof(*poller->items));
  memmove(&poller->user_data[at], &poller->user_data[at + 1],
          behind * sizeof(*poller->user_data));
}

/* -1: it is not there. */
static int find(const poller_t *poller, const zmq_pollitem_t *item) {
  for (int i = 0; i < poller->count; i++)
    if (poller->items[i].socket == item->socket &&
        poller->items[i].fd == item->fd)
      return i;
  return -1;
}

/* 0, or why there can be no such item. */
static int check(const zmq_pollitem_t *item) {
  if (item->socket == NULL && item->fd < 0)
    return EBADF;
  if (item->socket != NULL && !zmq__handle_is_open(&zmq__sockets, item->socket))
    return ENOTSOCK;
  return (item->events & ~ALL_EVENTS) != 0 ? EINVAL : 0;
}

static int add(void *object, zmq_pollitem_t item, void *user_data) {
  poller_t *poller = poller_of(object);
  int err;

  if (poller == NULL)
    return -1;
  err = check(&item);
  if (err == 0)
    err = find(poller, &item) >= 0 ? EINVAL : reserve(poller);
  if (err != 0)
    return zmq__fail_errno(err);
  insert(poller, item, user_data);
  return 0;
}

static int modify(void *object, zmq_pollitem_t item) {
  poller_t *poller = poller_of(object);
  void *user_data;
  int at, err;

  if (poller == NULL)
    return -1;
  err = check(&item);
  if (err != 0)
    return zmq__fail_errno(err);
  at = find(poller, &item);
  if (at < 0)
    return zmq__fail_errno(EINVAL);
  if ((item.events != 0) == (at < poller->enabled)) {
    poller->items[at].events = item.events;
    return 0;
  }
  user_data = poller->user_data[at];
  take_out(poller, at);
  insert(poller, item, user_data);
  return 0;
}

/* What was closed meanwhile can still be removed. */
static int remove_item(void *object, zmq_pollitem_t item) {
  poller_t *poller = poller_of(object);
  int at, err;

  if (poller == NULL)
    return -1;
  at = find(poller, &item);
  if (at < 0) {
    err = check(&item);
    return zmq__fail_errno(err == 0 ? EINVAL : err);
  }
  take_out(poller, at);
  return 0;
}

static int refuse_no_socket(void *object) {
  return poller_of(object) == NULL ? -1 : zmq__fail_errno(ENOTSOCK);
}

static zmq_pollitem_t socket_item(void *socket, short events) {
  return (zmq_pollitem_t){.socket = socket, .fd = -1, .events = events};
}

static zmq_pollitem_t fd_item(zmq_fd_t fd, short events) {
  return (zmq_pollitem_t){.fd = fd, .events = events};
}

int zmq_poller_add(void *poller, void *socket, void *user_data, short events) {
  if (socket == NULL)
    return refuse_no_socket(poller);
  return add(poller, socket_item(socket, events), user_data);
}

int zmq_poller_modify(void *poller, void *socket, short events) {
  if (socket == NULL)
    return refuse_no_socket(poller);
  return modify(poller, socket_item(socket, events));
}

int zmq_poller_remove(void *poller, void *socket) {
  if (socket == NULL)
    return refuse_no_socket(poller);
  return remove_item(poller, socket_item(socket, 0));
}

int zmq_poller_add_fd(void *poller, zmq_fd_t fd, void *user_data,
                      short events) {
  return add(poller, fd_item(fd, events), user_data);
}

int zmq_poller_modify_fd(void *poller, zmq_fd_t fd, short events) {
  return modify(poller, fd_item(fd, events));
}

int zmq_poller_remove_fd(void *poller, zmq_fd_t fd) {
  return remove_item(poller, fd_item(fd, 0));
}

/* ---- Waiting ---- */

/* Those that did not fit last time come first this time. */
static int report(poller_t *poller, zmq_poller_event_t *events, int room) {
  int from = poller->next < poller->enabled ? poller->next : 0;
  int count = 0;

  for (int i = 0; i < poller->enabled && count < room; i++) {
    int at = (from + i) % poller->enabled;
    const zmq_pollitem_t *item = &poller->items[at];

    if (item->revents == 0)
      continue;
    events[count++] = (zmq_poller_event_t){.socket = item->socket,
                                           .fd = item->fd,
                                           .user_data = poller->user_data[at],
                                           .events = item->revents};
    poller->next = at + 1;
  }
  return count;
}

static int wait_for_events(void *object, zmq_poller_event_t *events, int room,
                           long timeout_ms) {
  poller_t *poller = poller_of(object);
  int ready, used;

  if (poller == NULL)
    return -1;
  if (events == NULL)
    return zmq__fail_errno(EFAULT);
  if (room < 0)
    return zmq__fail_errno(EINVAL);
  used = room == 0 ? 0 : poller->enabled;
  if (used == 0 && timeout_ms < 0)
    return zmq__fail_errno(EFAULT);
  ready = zmq__poll(poller->items, used, timeout_ms, NULL);
  if (ready <= 0)
    return zmq__fail(ready == 0 ? UV_EAGAIN : ready);
  if (ready <= room)
    poller->next = 0;
  return report(poller, events, room);
}

int zmq_poller_wait_all(void *poller, zmq_poller_event_t *events, int count,
                        long timeout) {
  int used = wait_for_events(poller, events, count, timeout);
  int err = errno;

  for (int i = used < 0 ? 0 : used; events != NULL && i < count; i++)
    events[i] = (zmq_poller_event_t){.fd = -1};
  errno = err;
  return used;
}

int zmq_poller_wait(void *poller, zmq_poller_event_t *event, long timeout) {
  return zmq_poller_wait_all(poller, event, 1, timeout) < 0 ? -1 : 0;
}

/* Only sockets that several threads may use at once would have one. */
int zmq_poller_fd(void *poller, zmq_fd_t *fd) {
  (void)fd;
  return poller_of(poller) == NULL ? -1 : zmq__fail_errno(EINVAL);
}
