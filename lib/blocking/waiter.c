#include "blocking/waiter.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "blocking/futex.h"
#include "blocking/loop.h"

/* A wait that ends this soon is not worth a sleep. */
enum { SPIN_MAX_NS = 20 * ZMQ__NS_PER_US, SPIN_MIN_NS = 1000 };

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

/* Looks a short while, if that has paid lately. */
static bool look(zmq__waiter_t *waiter, unsigned spin_ns, uint64_t since) {
  if (spin_ns < SPIN_MIN_NS || !has_many_cpus())
    return false;
  do {
    for (int i = 0; i < 32; i++) {
      if (zmq__waiter_is_woken(waiter))
        return true;
      zmq__cpu_relax();
    }
  } while (zmq__clock_ns() - since < spin_ns);
  return false;
}

/* Short waits make the next look longer, long ones shorter. */
static void learn(unsigned *spin_ns, uint64_t waited) {
  if (waited < SPIN_MAX_NS)
    *spin_ns = SPIN_MAX_NS;
  else
    *spin_ns /= 2;
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
  uint64_t since;
  int result = 0;

  if (wait->fds != NULL) {
    wait->fds[0] = (struct pollfd){.fd = waiter->fd, .events = POLLIN};
    return zmq__wait_poll(wait, wait->deadline);
  }
  since = zmq__clock_ns();
  if (!look(waiter, *wait->spin_ns, since))
    result = sleep_on_word(waiter, wait->deadline);
  learn(wait->spin_ns, zmq__clock_ns() - since);
  return result;
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
    return errno == EINTR ? UV_EINTR : 0;
  return deadline == wait->deadline ? UV_ETIMEDOUT : 0;
}
