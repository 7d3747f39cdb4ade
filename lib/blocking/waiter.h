/* A thread that waits for something to happen to one of its sockets. It is
 * woken under the lock of the socket's loop, and sleeps in one of three ways:
 *   - on a word of memory, while somebody else drives the loop
 *   - in poll() on the loop's descriptor, driving the loop itself
 *   - in poll() on a descriptor of its own, along with those of the program */
#ifndef ZMQ_BLOCKING_WAITER_H
#define ZMQ_BLOCKING_WAITER_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct zmq__loop_s;

/* Of zmq__waiter_t.word. */
enum { ZMQ__WAITER_AWAKE, ZMQ__WAITER_WOKEN, ZMQ__WAITER_ASLEEP };

typedef struct zmq__waiter_s {
  atomic_int word;
  struct zmq__loop_s *polls; /* drives this loop, and sleeps in poll() */
  int fd;                    /* an eventfd to be woken by, or -1 */
} zmq__waiter_t;

/* What earlier waits have taught; see waiter.c. */
typedef struct zmq__habit_s {
  unsigned vain; /* looks without a success since the last one */
  unsigned skipped;
} zmq__habit_t;

/* Until when, and for what besides, a thread waits. */
typedef struct zmq__wait_s {
  uint64_t deadline;    /* of zmq__clock_ns(); ZMQ__NEVER */
  struct pollfd *fds;   /* slot 0 is ours, the program's follow */
  nfds_t fd_count;      /* of the program's */
  const sigset_t *mask; /* of signals while it sleeps; NULL: as it is */
  bool lets_gather; /* many may come, and none is waited for by its sender */
  zmq__habit_t *habit;
} zmq__wait_t;

void zmq__waiter_init(zmq__waiter_t *waiter);
void zmq__waiter_destroy(zmq__waiter_t *waiter);

/* Makes sure that it has a descriptor. False: none is to be had. */
bool zmq__waiter_open(zmq__waiter_t *waiter);

/* Under the lock of the loop: ends its sleep, or the next one. */
void zmq__waiter_wake(zmq__waiter_t *waiter);

static inline bool zmq__waiter_is_woken(zmq__waiter_t *waiter) {
  return atomic_load_explicit(&waiter->word, memory_order_acquire) ==
         ZMQ__WAITER_WOKEN;
}

/* Was it woken? Then it is not any more. */
bool zmq__waiter_take(zmq__waiter_t *waiter);

/* Without a lock: sleeps until it is woken. 0 (maybe for nothing), or UV_EINTR
 * or UV_ETIMEDOUT. */
int zmq__waiter_sleep(zmq__waiter_t *waiter, const zmq__wait_t *wait);

/* poll() of fds[0..fd_count], as zmq__waiter_sleep(); UV_EINVAL (more than the
 * process may open), UV_ENOMEM. */
int zmq__wait_poll(const zmq__wait_t *wait, uint64_t deadline);

#endif /* ZMQ_BLOCKING_WAITER_H */
