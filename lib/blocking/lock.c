#include "blocking/lock.h"

#include "blocking/futex.h"
#include "core/message.h"

enum { SPINS = 100 };

/* Most holders are done in less time than a thread takes to fall asleep. */
static bool spin(zmq__lock_t *lock) {
  for (int i = 0; i < SPINS; i++) {
    int state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    if (state == ZMQ__LOCK_FREE &&
        atomic_compare_exchange_strong_explicit(
            &lock->state, &state, ZMQ__LOCK_HELD, memory_order_acquire,
            memory_order_relaxed))
      return true;
    if (state == ZMQ__LOCK_HANDED)
      return false;
    zmq__cpu_relax();
  }
  return false;
}

/* Takes the lock as one whom others may wait behind: we cannot know. */
static bool take(zmq__lock_t *lock, int *state) {
  return atomic_compare_exchange_strong_explicit(
      &lock->state, state, ZMQ__LOCK_CONTENDED, memory_order_acquire,
      memory_order_relaxed);
}

void zmq__lock_wait(zmq__lock_t *lock) {
  bool slept = false;
  bool impatient = false;
  uint64_t patience = 0;

  if (spin(lock))
    return;
  for (;;) {
    int state = atomic_load_explicit(&lock->state, memory_order_relaxed);

    if (state == ZMQ__LOCK_FREE || (state == ZMQ__LOCK_HANDED && slept)) {
      if (take(lock, &state))
        break;
      continue;
    }
    if (state == ZMQ__LOCK_HELD &&
        !atomic_compare_exchange_strong_explicit(
            &lock->state, &state, ZMQ__LOCK_CONTENDED, memory_order_relaxed,
            memory_order_relaxed))
      continue;
    if (patience == 0) {
      patience = zmq__clock_ns() + ZMQ__LOCK_PATIENCE_NS;
    } else if (!impatient && zmq__clock_ns() >= patience) {
      impatient = true;
      atomic_fetch_add_explicit(&lock->impatient, 1, memory_order_relaxed);
    }
    zmq__futex_wait(&lock->state,
                    state == ZMQ__LOCK_HANDED ? ZMQ__LOCK_HANDED
                                              : ZMQ__LOCK_CONTENDED,
                    impatient ? ZMQ__NEVER : patience);
    slept = true;
  }
  if (impatient)
    atomic_fetch_sub_explicit(&lock->impatient, 1, memory_order_relaxed);
}

void zmq__lock_release(zmq__lock_t *lock) {
  bool hand = atomic_load_explicit(&lock->impatient, memory_order_relaxed) > 0;

  atomic_store_explicit(&lock->state, hand ? ZMQ__LOCK_HANDED : ZMQ__LOCK_FREE,
                        memory_order_release);
  zmq__futex_wake(&lock->state, 1);
}

/* ---- Free callbacks ---- */

_Thread_local unsigned zmq__locks_held;
_Thread_local zuv__body_t *zmq__unfreed;

static bool defer(zuv__body_t *body) {
  if (zmq__locks_held == 0)
    return false;
  body->next = zmq__unfreed;
  zmq__unfreed = body;
  return true;
}

void zmq__lock_setup(void) {
  zuv__body_set_defer(defer);
}

void zmq__free_deferred(void) {
  while (zmq__unfreed != NULL) {
    zuv__body_t *body = zmq__unfreed;
    zmq__unfreed = body->next;
    zuv__body_destroy(body);
  }
}
