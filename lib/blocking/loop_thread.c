/* The thread of a private loop: the driver of last resort, and the writer of
 * what has gathered. */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "blocking/futex.h"
#include "blocking/loop.h"

enum {
  TICK_NS = 500 * ZMQ__NS_PER_US,
  QUIET_TICKS = 4,                      /* until it takes the role */
  HEAVY_SENDS = 500,                    /* in a tick */
  QUICK_TICK_NS = 100 * ZMQ__NS_PER_US, /* while sends gather */
  TIMER_SLACK_NS = 10 * ZMQ__NS_PER_US
};

/* What the thread knows of the round before. */
typedef struct {
  uint64_t rounds;
  unsigned quiet; /* ticks without one */
  uint64_t sends;
} seen_t;

typedef struct {
  zmq__loop_t *loop;
  void (*prepare)(void *data);
  void *data;
} start_t;

static zmq__thread_state_t next_state(zmq__loop_t *loop, seen_t *seen) {
  bool wanted = loop->thread_wanted;

  loop->thread_wanted = false;
  seen->quiet = loop->rounds == seen->rounds ? seen->quiet + 1 : 0;
  seen->rounds = loop->rounds;
  if (loop->driver != NULL)
    return seen->quiet > 0 ? ZMQ__THREAD_PARKED : ZMQ__THREAD_TICKING;
  if (wanted)
    seen->quiet = QUIET_TICKS;
  return seen->quiet >= QUIET_TICKS || loop->waiting > 0 ? ZMQ__THREAD_DRIVING
                                                         : ZMQ__THREAD_TICKING;
}

/* Writes what has gathered; a tick without a send ends the gathering. */
static void write_gathered(zmq__loop_t *loop, seen_t *seen) {
  if (loop->sends == seen->sends)
    loop->gathering = false;
  seen->sends = loop->sends;
  zuv__loop_flush(loop->core);
}

/* Drives if it should; answers until when to sleep. */
static uint64_t round_of(zmq__loop_t *loop, seen_t *seen) {
  uint64_t until = ZMQ__NEVER;
  /* So many fill the buffers all the time, and these are written when full. */
  bool heavy = loop->gathering && loop->sends - seen->sends > HEAVY_SENDS;

  loop->thread_state = next_state(loop, seen);
  if (loop->gathering)
    write_gathered(loop, seen);
  /* Who waits now and then writes then what has gathered. */
  loop->thread_quick = loop->gathering && seen->quiet > 0 && !heavy;
  if (loop->thread_state == ZMQ__THREAD_DRIVING) {
    int timeout;
    zmq__loop_turn(loop);
    timeout = uv_backend_timeout(&loop->uv);
    loop->polled_until = UINT64_MAX;
    if (timeout >= 0) {
      loop->polled_until = uv_now(&loop->uv) + (uint64_t)timeout;
      until = zmq__clock_ns() + (uint64_t)timeout * ZMQ__NS_PER_MS;
    }
  } else {
    /* The kernel may not have taken all that had gathered. */
    zmq__loop_see_to_driver(loop);
    if (loop->thread_state == ZMQ__THREAD_TICKING)
      until = zmq__clock_ns() + TICK_NS;
  }
  if (loop->gathering) {
    uint64_t tick =
        zmq__clock_ns() + (loop->thread_quick ? QUICK_TICK_NS : TICK_NS);
    until = tick < until ? tick : until;
  }
  return until;
}

static void sleep_until(zmq__loop_t *loop, uint64_t until) {
  struct pollfd fds[2] = {
      {.fd = loop->thread_fd, .events = POLLIN},
      {.fd = uv_backend_fd(&loop->uv), .events = POLLIN},
  };
  nfds_t count = loop->thread_state == ZMQ__THREAD_DRIVING ? 2 : 1;
  struct timespec left = {0};

  if (until != ZMQ__NEVER) {
    uint64_t now = zmq__clock_ns();
    left = zmq__timespec(until > now ? until - now : 0);
  }
  zmq__unlock(&loop->lock);
  (void)ppoll(fds, count, until == ZMQ__NEVER ? NULL : &left, NULL);
  zmq__lock(&loop->lock);
  if (loop->driver == NULL)
    loop->polled_until = UINT64_MAX;
  if (fds[0].revents != 0) {
    eventfd_t kicks;
    loop->thread_kicked = false;
    (void)eventfd_read(loop->thread_fd, &kicks);
  }
}

static void *run(void *argument) {
  start_t start = *(start_t *)argument;
  zmq__loop_t *loop = start.loop;
  seen_t seen = {0};

  zuv__free(argument);
  prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
  start.prepare(start.data);
  zmq__lock(&loop->lock);
  while (!loop->thread_stop)
    sleep_until(loop, round_of(loop, &seen));
  zmq__unlock(&loop->lock);
  return NULL;
}

int zmq__loop_start(zmq__loop_t *loop, void (*prepare)(void *), void *data) {
  start_t *start;
  sigset_t all, before;
  int err;

  if (loop->has_thread)
    return 0;
  start = zuv__malloc(sizeof(*start));
  if (start == NULL)
    return UV_ENOMEM;
  *start = (start_t){loop, prepare, data};
  loop->thread_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (loop->thread_fd < 0) {
    err = uv_translate_sys_error(errno);
    goto fail;
  }
  loop->thread_state = ZMQ__THREAD_TICKING;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  err = pthread_create(&loop->thread, NULL, run, start);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (err != 0) {
    err = uv_translate_sys_error(err);
    goto fail_fd;
  }
  loop->has_thread = true;
  return 0;

fail_fd:
  close(loop->thread_fd);
  loop->thread_fd = -1;
fail:
  zuv__free(start);
  return err;
}

void zmq__loop_stop(zmq__loop_t *loop) {
  if (!loop->has_thread)
    return;
  zmq__lock(&loop->lock);
  loop->thread_stop = true;
  (void)eventfd_write(loop->thread_fd, 1);
  zmq__unlock(&loop->lock);
  pthread_join(loop->thread, NULL);
  loop->has_thread = false;
  close(loop->thread_fd);
  loop->thread_fd = -1;
}
