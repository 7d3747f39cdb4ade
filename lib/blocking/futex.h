/* Sleeping on a word of memory, and waking who sleeps on it: what locks and
 * waiting threads here are made of. A condition variable would do for the lock,
 * but it cannot be interrupted by a signal, as blocking calls must be. */
#ifndef ZMQ_BLOCKING_FUTEX_H
#define ZMQ_BLOCKING_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ZMQ__NS_PER_US = 1000, ZMQ__NS_PER_MS = 1000000 };

/* A deadline that never comes, but makes a signal end the wait: the kernel
 * restarts waits without a time limit (SA_RESTART), never those with one. */
#define ZMQ__NEVER UINT64_MAX

static inline uint64_t zmq__clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline struct timespec zmq__timespec(uint64_t ns) {
  const uint64_t year = (uint64_t)365 * 24 * 3600;
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
                          .tv_nsec = (long)(ns % 1000000000u)};
  if (ns == ZMQ__NEVER)
    time.tv_sec = (time_t)(50 * year);
  return time;
}

/* Sleeps while the word has this value, until zmq__clock_ns() is `deadline`. 0,
 * or an errno: EAGAIN (it has another), EINTR, ETIMEDOUT. */
static inline int zmq__futex_wait(atomic_int *word, int value,
                                  uint64_t deadline) {
  struct timespec until = zmq__timespec(deadline);
  long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
                    value, &until, NULL, FUTEX_BITSET_MATCH_ANY);
  return rc == 0 ? 0 : errno;
}

static inline void zmq__futex_wake(atomic_int *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL,
          0);
}

/* For loops that look at a word until it changes. */
static inline void zmq__cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

#endif /* ZMQ_BLOCKING_FUTEX_H */
