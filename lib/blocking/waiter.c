#include "blocking/waiter.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "blocking/futex.h"
#include "blocking/loop.h"

void zmq__waiter_init(zmq__waiter_t *waiter) {
  atomic_init(&waiter->word, ZMQ__WAITER_AWAKE);
  waiter->polls = NULL;
  waiter->fd = -1;
}

void zmq__waiter_destroy(zmq__waiter_t *waiter) {
  if (waiter->fd >= 0)
    close(waiter->fd);
}

bool zmq__waiter_open(zmq__waiter_t *waiter) {
  if (waiter->fd < 0)
    waiter->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return waiter->fd >= 0;
}

void zmq__waiter_wake(zmq__waiter_t *waiter) {
  int was = atomic_exchange_explicit(&waiter->word, ZMQ__WAITER_WOKEN,
                                     memory_order_release);

  if (was == ZMQ__WAITER_WOKEN)
    return;
  if (was == ZMQ__WAITER_ASLEEP)
    zmq__futex_wake(&waiter->word, 1);
  if (waiter->polls != NULL)
    uv_async_send(&waiter->polls->kick);
  if (waiter->fd >= 0)
    (void)eventfd_write(waiter->fd, 1);
}

bool zmq__waiter_take(zmq__waiter_t *waiter) {
  eventfd_t count;

  if (!zmq__waiter_is_woken(waiter))
    return false;
  /* In this order: who wakes us from now on writes once more. */
  if (waiter->fd >= 0)
    (void)eventfd_read(waiter->fd, &count);
  atomic_exchange_explicit(&waiter->word, ZMQ__WAITER_AWAKE,
                           memory_order_acq_rel);
  return true;
}

static bool has_many_cpus(void) {
  static atomic_int answer; /* 0: not known, 1: no, 2: yes */
  int known = atomic_load_explicit(&answer, memory_order_relaxed);

  if (known == 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    known =
        sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1
            ? 2
            : 1;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == 2;
}

/* ---- Looking before sleeping ----
 *
 * Who answers within microseconds does so before a thread has fallen asleep and
 * been woken again. Whether that pays is learnt from whether it did: after some
 * looks in vain only one wait in many looks at all. */

enum {
  GATHER_NS = ZMQ__NS_PER_US,
  LOOK_NS = 20 * ZMQ__NS_PER_US,
  LOOK_ALONE_NS =
      2 * ZMQ__NS_PER_US, /* then the other may need our processor */
  VAIN_MAX = 4,
  PROBE_EVERY = 64 /* waits */
};

static bool should_look(zmq__habit_t *habit) {
  if (!has_many_cpus())
    return false;
  return habit->vain < VAIN_MAX || ++habit->skipped % PROBE_EVERY == 0;
}

static bool look_until(zmq__waiter_t *waiter, uint64_t until) {
  do {
    for (int i = 0; i < 32; i++) {
      if (zmq__waiter_is_woken(waiter))
        return true;
      zmq__cpu_relax();
    }
  } while (zmq__clock_ns() < until);
  return false;
}

static bool look(zmq__waiter_t *waiter, zmq__habit_t *habit) {
  uint64_t since;
  bool seen;

  if (!should_look(habit))
    return false;
  since = zmq__clock_ns();
  seen = look_until(waiter, since + LOOK_ALONE_NS);
  if (!seen) {
    sched_yield();
    seen = look_until(waiter, since + LOOK_NS);
  }
  if (seen)
    habit->vain = 0;
  else if (habit->vain < VAIN_MAX)
    habit->vain++;
  return seen;
}

/* A sender as quick as that has more: taking these together, and not each from
 * under its hands, is quicker for both. */
static void let_gather(void) {
  uint64_t until = zmq__clock_ns() + GATHER_NS;

  while (zmq__clock_ns() < until)
    zmq__cpu_relax();
}

static int sleep_on_word(zmq__waiter_t *waiter, uint64_t deadline) {
  int word = ZMQ__WAITER_AWAKE;
  int err;

  if (!atomic_compare_exchange_strong_explicit(
          &waiter->word, &word, ZMQ__WAITER_ASLEEP, memory_order_acquire,
          memory_order_acquire))
    return 0;
  do
    err = zmq__futex_wait(&waiter->word, ZMQ__WAITER_ASLEEP, deadline);
  while (err == 0 &&
         atomic_load_explicit(&waiter->word, memory_order_acquire) ==
             ZMQ__WAITER_ASLEEP);
  word = ZMQ__WAITER_ASLEEP;
  atomic_compare_exchange_strong_explicit(
      &waiter->word, &word, ZMQ__WAITER_AWAKE, memory_order_acquire,
      memory_order_acquire);
  if (word == ZMQ__WAITER_WOKEN || err == 0 || err == EAGAIN)
    return 0;
  return err == EINTR ? UV_EINTR : UV_ETIMEDOUT;
}

int zmq__waiter_sleep(zmq__waiter_t *waiter, const zmq__wait_t *wait) {
  if (wait->fds != NULL) {
    wait->fds[0] = (struct pollfd){.fd = waiter->fd, .events = POLLIN};
    return zmq__wait_poll(wait, wait->deadline);
  }
  if (!look(waiter, wait->habit))
    return sleep_on_word(waiter, wait->deadline);
  if (wait->lets_gather)
    let_gather();
  return 0;
}

int zmq__wait_poll(const zmq__wait_t *wait, uint64_t deadline) {
  struct timespec left = {0};
  int count;

  if (deadline != ZMQ__NEVER) {
    uint64_t now = zmq__clock_ns();
    left = zmq__timespec(deadline > now ? deadline - now : 0);
  }
  count = ppoll(wait->fds, wait->fd_count + 1,
                deadline == ZMQ__NEVER ? NULL : &left, wait->mask);
  if (count > 0)
    return 0;
  if (count < 0)
    return uv_translate_sys_error(errno);
  return deadline == wait->deadline ? UV_ETIMEDOUT : 0;
}
