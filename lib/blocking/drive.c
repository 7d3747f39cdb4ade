/* An application thread drives a private loop: it sleeps without the lock until
 * something is ready, and then does what there is to do.
 *
 * How it sleeps decides how fast it wakes. libuv's descriptor would do, but
 * then uv_run() asks epoll once more, and who is woken through an epoll
 * descriptor is as a rule moved to another processor. So a thread sleeps
 *   - in poll() on the few descriptors themselves, and libuv's for the rest
 *   - in epoll_wait() on libuv's descriptor, where they are many: it answers
 *     which are ready, as libuv marks its events by descriptor
 *   - in poll() on libuv's descriptor, beside those of the program
 * and in the first two cases uv_run() is needed only for what is left. To be
 * told for nothing that a descriptor is readable harms no owner. */
#include <errno.h>
#include <sys/epoll.h>

#include "blocking/futex.h"
#include "blocking/loop.h"
#include "core/io.h"

enum {
  FEW_MAX = 6, /* descriptors that are polled one by one */
  EVENTS_MAX = 32,
  PARTIAL_MAX = 8 /* a busy reader must not keep writers and kicks waiting */
};

/* How long it may sleep, in milliseconds; 0: not at all. */
static int sleep_time(zmq__loop_t *loop, uint64_t deadline) {
  int timeout = uv_backend_timeout(&loop->uv);
  uint64_t now, left;

  /* The core leaves its uv_timer_t running when nothing waits for it any more:
   * a sleep without a limit is cheaper. */
  if (timeout > 0 && zuv__heap_min(&loop->core->timers) == NULL)
    timeout = -1;
  loop->polled_until =
      timeout < 0 ? UINT64_MAX : uv_now(&loop->uv) + (uint64_t)timeout;
  if (deadline == ZMQ__NEVER || timeout == 0)
    return timeout;
  now = zmq__clock_ns();
  left = now >= deadline ? 0 : (deadline - now - 1) / ZMQ__NS_PER_MS + 1;
  if (left > INT32_MAX)
    left = INT32_MAX;
  return timeout < 0 || left < (uint64_t)timeout ? (int)left : timeout;
}

static bool is_over(const zmq__wait_t *wait) {
  return wait->deadline != ZMQ__NEVER && zmq__clock_ns() >= wait->deadline;
}

/* What a sleep found: descriptors of ours that are readable, and whether there
 * is more. */
typedef struct {
  int fds[EVENTS_MAX];
  int count;
  bool more;
} found_t;

/* Tells the owners; what is left is for uv_run(). */
static void tell(zmq__loop_t *loop, found_t *found) {
  loop->running = true;
  for (int i = 0; i < found->count; i++)
    if (!zuv__io_readable(loop->core, found->fds[i]))
      found->more = true;
  if (zuv__loop_has_work(loop->core))
    zuv__loop_work(loop->core);
  loop->running = false;
  if (zuv__heap_min(&loop->core->timers) != NULL)
    uv_update_time(&loop->uv);
  if (!found->more && ++loop->partial < PARTIAL_MAX &&
      uv_backend_timeout(&loop->uv) != 0)
    return;
  loop->partial = 0;
  zmq__loop_turn(loop);
}

/* ---- A few descriptors ---- */

/* The readers of the loop behind libuv's own descriptor. */
static nfds_t collect(const zmq__loop_t *loop, struct pollfd *fds) {
  zuv__list_t *head = &loop->core->ios;
  nfds_t count = 1;

  fds[0] = (struct pollfd){.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
  for (zuv__list_t *node = head->next; node != head; node = node->next) {
    const zuv__io_t *io = zuv__container_of(node, zuv__io_t, in_loop);
    if ((io->events & UV_READABLE) && !io->listens)
      fds[count++] = (struct pollfd){.fd = io->fd, .events = POLLIN};
  }
  return count;
}

static int sleep_on_few(zmq__loop_t *loop, int timeout, found_t *found) {
  struct pollfd fds[FEW_MAX + 1];
  nfds_t count = collect(loop, fds);
  int ready;

  zmq__unlock(&loop->lock);
  ready = poll(fds, count, timeout);
  for (nfds_t i = 1; i < count && ready > 0; i++)
    if (fds[i].revents == POLLIN)
      found->fds[found->count++] = fds[i].fd;
  found->more = ready <= 0 || found->count == 0;
  return ready < 0 && errno == EINTR ? UV_EINTR : 0;
}

/* ---- Many ---- */

static int sleep_on_many(zmq__loop_t *loop, int timeout, found_t *found) {
  struct epoll_event events[EVENTS_MAX];
  int ready;

  zmq__unlock(&loop->lock);
  ready = epoll_wait(uv_backend_fd(&loop->uv), events, EVENTS_MAX, timeout);
  found->more = ready <= 0;
  for (int i = 0; i < ready; i++) {
    if (events[i].events == EPOLLIN)
      found->fds[found->count++] = events[i].data.fd;
    else
      found->more = true;
  }
  return ready < 0 && errno == EINTR ? UV_EINTR : 0;
}

/* ---- Beside the program's ---- */

static int sleep_beside(zmq__loop_t *loop, int timeout, const zmq__wait_t *wait,
                        found_t *found) {
  uint64_t until = ZMQ__NEVER;
  int result;

  if (timeout >= 0)
    until = zmq__clock_ns() + (uint64_t)timeout * ZMQ__NS_PER_MS;
  if (wait->deadline < until)
    until = wait->deadline;
  wait->fds[0] =
      (struct pollfd){.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
  zmq__unlock(&loop->lock);
  result = zmq__wait_poll(wait, until);
  found->more = true;
  return result == UV_ETIMEDOUT ? 0 : result;
}

/* A reader that stopped with its message may well find the next one there. */
static bool read_on(zmq__loop_t *loop) {
  found_t found = {.fds = {loop->core->unread_fd}, .count = 1};

  if (loop->core->unread_fd < 0)
    return false;
  loop->core->unread_fd = -1;
  tell(loop, &found);
  return true;
}

int zmq__loop_drive(zmq__loop_t *loop, zmq__waiter_t *waiter,
                    const zmq__wait_t *wait) {
  int timeout = sleep_time(loop, wait->deadline);
  found_t found = {.count = 0, .more = false};
  int result;

  loop->driver = waiter;
  loop->rounds++;
  if (timeout == 0 || read_on(loop)) {
    if (timeout == 0)
      zmq__loop_turn(loop);
    return is_over(wait) ? UV_ETIMEDOUT : 0;
  }
  waiter->polls = loop;
  loop->core->io_closed = false;
  if (wait->fds != NULL)
    result = sleep_beside(loop, timeout, wait, &found);
  else if (loop->core->ios_count <= FEW_MAX)
    result = sleep_on_few(loop, timeout, &found);
  else
    result = sleep_on_many(loop, timeout, &found);
  zmq__lock(&loop->lock);
  waiter->polls = NULL;
  loop->polled_until = UINT64_MAX;
  if (!loop->running)
    tell(loop, &found);
  if (result == 0 && found.count == 0 && is_over(wait))
    result = UV_ETIMEDOUT;
  return result;
}
