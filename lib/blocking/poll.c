#include "blocking/poll.h"

#include <errno.h>
#include <poll.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/futex.h"
#include "blocking/socket.h"

enum { FEW = 16 };

/* One zmq_poll(). Of the program's items, `fds` has those that are plain
 * descriptors, behind a slot that the wait needs. */
typedef struct {
  zmq_pollitem_t *items;
  int count;
  zmq__waiter_t waiter;
  zmq__wait_t wait;
  struct pollfd *fds;
  struct pollfd few[FEW];
  zmq__loop_t *loop; /* of all sockets, or NULL */
  bool several;      /* the sockets are on several loops */
  bool io;
  zmq__habit_t habit;
} poll_t;

static zmq__socket_t *socket_at(const poll_t *p, int i) {
  return p->items[i].socket;
}

/* ---- Descriptors ---- */

static short to_system(short events) {
  return (short)(((events & ZMQ_POLLIN) ? POLLIN : 0) |
                 ((events & ZMQ_POLLOUT) ? POLLOUT : 0) |
                 ((events & ZMQ_POLLPRI) ? POLLPRI : 0));
}

static short from_system(short events) {
  return (short)(((events & POLLIN) ? ZMQ_POLLIN : 0) |
                 ((events & POLLOUT) ? ZMQ_POLLOUT : 0) |
                 ((events & POLLPRI) ? ZMQ_POLLPRI : 0) |
                 ((events & ~(POLLIN | POLLOUT | POLLPRI)) ? ZMQ_POLLERR : 0));
}

static void collect_fds(poll_t *p) {
  nfds_t count = 0;

  for (int i = 0; i < p->count; i++)
    if (p->items[i].socket == NULL)
      p->fds[++count] = (struct pollfd){
          .fd = p->items[i].fd, .events = to_system(p->items[i].events)};
  p->wait.fd_count = count;
}

/* Answers how many have events, as of the latest poll() of them. */
static int take_fds(poll_t *p) {
  nfds_t at = 0;
  int ready = 0;

  for (int i = 0; i < p->count; i++) {
    if (p->items[i].socket != NULL)
      continue;
    p->items[i].revents = from_system(p->fds[++at].revents);
    ready += p->items[i].revents != 0;
  }
  return ready;
}

static int look_at_fds(poll_t *p) {
  if (p->wait.fd_count == 0)
    return 0;
  if (poll(p->fds + 1, p->wait.fd_count, 0) < 0)
    return uv_translate_sys_error(errno);
  return take_fds(p);
}

/* ---- Sockets ---- */

/* With the lock of its loop. */
static int look_at(poll_t *p, int i) {
  zmq_pollitem_t *item = &p->items[i];

  item->revents = (short)zmq__socket_events(item->socket, item->events);
  return item->revents != 0;
}

static int look_at_sockets(poll_t *p) {
  int ready = 0;

  for (int i = 0; i < p->count; i++) {
    zmq__socket_t *socket = socket_at(p, i);
    if (socket == NULL)
      continue;
    if (!zmq__context_is_running(socket->context))
      return ZMQ__ETERM;
    if (p->several)
      zmq__loop_enter(socket->loop);
    ready += look_at(p, i);
    if (p->several)
      zmq__loop_leave(socket->loop);
  }
  return ready;
}

static void watch(poll_t *p, zmq__waiter_t *waiter) {
  for (int i = 0; i < p->count; i++) {
    zmq__socket_t *socket = socket_at(p, i);
    if (socket == NULL)
      continue;
    if (p->several)
      zmq__loop_enter(socket->loop);
    zmq__socket_watch(socket, waiter);
    if (p->several)
      zmq__loop_leave(socket->loop);
  }
}

/* ---- Waiting ---- */

/* All sockets, and maybe descriptors: fds ready in the round before are left in
 * p->fds. */
static int ready_now(poll_t *p, bool polled_fds) {
  int ready = look_at_sockets(p);
  int fds;

  if (ready < 0)
    return ready;
  fds = polled_fds ? take_fds(p) : look_at_fds(p);
  return fds < 0 ? fds : ready + fds;
}

static void forget_fds(poll_t *p) {
  for (nfds_t i = 0; i <= p->wait.fd_count; i++)
    p->fds[i].revents = 0;
}

/* How the wait ended, if nothing is ready. */
static int outcome(int waited) {
  return waited == UV_ETIMEDOUT ? 0 : waited;
}

static int poll_one_loop(poll_t *p) {
  zmq__loop_t *loop = p->loop;
  int waited = 0;
  int ready;

  zmq__loop_enter(loop);
  ready = ready_now(p, false);
  if (ready == 0 && p->wait.deadline == 0) {
    zmq__loop_look(loop);
    ready = look_at_sockets(p);
  } else if (ready == 0) {
    watch(p, &p->waiter);
    zmq__loop_begin_wait(loop, p->io);
    /* The first look may have given up the lock, with nobody to be woken. */
    ready = look_at_sockets(p);
    while (ready == 0 && waited == 0) {
      forget_fds(p);
      waited = zmq__loop_wait(loop, &p->waiter, p->io, &p->wait);
      ready = ready_now(p, true);
    }
    zmq__loop_end_wait(loop, &p->waiter, p->io);
    watch(p, NULL);
    if (ready == 0)
      ready = outcome(waited);
  }
  zmq__loop_leave(loop);
  return ready;
}

/* Of the sockets on one loop only the first counts. */
static bool is_first_of_loop(const poll_t *p, int i) {
  for (int j = 0; j < i; j++)
    if (socket_at(p, j) != NULL &&
        socket_at(p, j)->loop == socket_at(p, i)->loop)
      return false;
  return true;
}

static void follow_loops(poll_t *p, bool begin) {
  for (int i = 0; i < p->count; i++) {
    zmq__socket_t *socket = socket_at(p, i);
    if (socket == NULL || !is_first_of_loop(p, i))
      continue;
    zmq__loop_enter(socket->loop);
    if (begin)
      zmq__loop_begin_follow(socket->loop);
    else
      zmq__loop_end_follow(socket->loop);
    zmq__loop_leave(socket->loop);
  }
}

static int poll_several_loops(poll_t *p) {
  int waited = 0;
  int ready = ready_now(p, false);

  if (ready != 0 || p->wait.deadline == 0)
    return ready;
  if (!zmq__waiter_open(&p->waiter))
    return UV_EMFILE;
  watch(p, &p->waiter);
  follow_loops(p, true);
  ready = ready_now(p, false);
  while (ready == 0 && waited == 0) {
    forget_fds(p);
    waited = zmq__waiter_sleep(&p->waiter, &p->wait);
    (void)zmq__waiter_take(&p->waiter);
    ready = ready_now(p, true);
  }
  follow_loops(p, false);
  watch(p, NULL);
  return ready != 0 ? ready : outcome(waited);
}

static int poll_no_loop(poll_t *p) {
  int waited;

  p->fds[0] = (struct pollfd){.fd = -1};
  waited = zmq__wait_poll(&p->wait, p->wait.deadline);
  return waited == 0 ? take_fds(p) : outcome(waited);
}

/* ---- The call ---- */

static int check_items(poll_t *p) {
  for (int i = 0; i < p->count; i++) {
    zmq__socket_t *socket;

    p->items[i].revents = 0;
    if (p->items[i].socket == NULL)
      continue;
    socket = zmq__socket_of(p->items[i].socket);
    if (socket == NULL)
      return -errno;
    p->several |= p->loop != NULL && p->loop != socket->loop;
    p->loop = socket->loop;
    p->io |= socket->io;
    zmq__context_fetch(socket->context);
  }
  return 0;
}

static int run(poll_t *p, long timeout_ms, const sigset_t *mask) {
  int err = check_items(p);

  if (err != 0)
    return err;
  collect_fds(p);
  p->wait.deadline = timeout_ms == 0 ? 0 : zmq__deadline_in(timeout_ms);
  p->wait.mask = mask;
  p->wait.habit = &p->habit;
  if (p->loop == NULL)
    p->wait.fds = p->fds;
  else if (p->several || p->wait.fd_count > 0 || mask != NULL)
    p->wait.fds = p->fds;
  if (p->loop == NULL)
    return poll_no_loop(p);
  return p->several ? poll_several_loops(p) : poll_one_loop(p);
}

int zmq__poll(zmq_pollitem_t *items, int count, long timeout_ms,
              const sigset_t *mask) {
  poll_t p = {.items = items, .count = count};
  int result;

  p.fds = p.few;
  if (count >= FEW) {
    p.fds = zuv__malloc(((size_t)count + 1) * sizeof(*p.fds));
    if (p.fds == NULL)
      return UV_ENOMEM;
  }
  zmq__waiter_init(&p.waiter);
  result = run(&p, timeout_ms, mask);
  zmq__waiter_destroy(&p.waiter);
  if (p.fds != p.few)
    zuv__free(p.fds);
  return result;
}

static int check_arguments(const zmq_pollitem_t *items, int count) {
  if (count < 0)
    return EINVAL;
  return items == NULL && count > 0 ? EFAULT : 0;
}

int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout,
              const sigset_t *mask) {
  int err = check_arguments(items, count);
  int ready;

  if (err != 0)
    return zmq__fail_errno(err);
  ready = zmq__poll(items, count, timeout, mask);
  return ready < 0 ? zmq__fail(ready) : ready;
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout) {
  return zmq_ppoll(items, count, timeout, NULL);
}
