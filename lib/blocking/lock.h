/* The lock of a private loop. Who comes while it is free gets it, even before
 * threads that wait: that is fast. But one that has waited for
 * ZMQ__LOCK_PATIENCE_NS is handed the lock by the next unlock, and
 * zmq__lock_offer lets it in between two steps of a long piece of work.
 *
 *   FREE --> HELD --somebody waits--> CONTENDED --> FREE, a waiter is woken
 *                                               \-> HANDED to a waiter */
#ifndef ZMQ_BLOCKING_LOCK_H
#define ZMQ_BLOCKING_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { ZMQ__LOCK_PATIENCE_NS = 200 * 1000 };

enum {
  ZMQ__LOCK_FREE = 0,
  ZMQ__LOCK_HELD,
  ZMQ__LOCK_CONTENDED,
  ZMQ__LOCK_HANDED
};

typedef struct zmq__lock_s {
  atomic_int state;
  atomic_int impatient; /* threads that have waited long */
} zmq__lock_t;

void zmq__lock_wait(zmq__lock_t *lock);
void zmq__lock_release(zmq__lock_t *lock);

static inline void zmq__lock_init(zmq__lock_t *lock) {
  atomic_init(&lock->state, ZMQ__LOCK_FREE);
  atomic_init(&lock->impatient, 0);
}

/* The free callbacks of messages are the program's, and may call zmq.h: they do
 * not run while their thread holds a lock, but when it has given up the last.
 */
struct zuv__body_s;
extern _Thread_local unsigned zmq__locks_held
    __attribute__((tls_model("initial-exec")));
extern _Thread_local struct zuv__body_s *zmq__unfreed
    __attribute__((tls_model("initial-exec")));
void zmq__free_deferred(void);
void zmq__lock_setup(void);

static inline void zmq__lock(zmq__lock_t *lock) {
  int state = ZMQ__LOCK_FREE;
  zmq__locks_held++;
  if (!atomic_compare_exchange_strong_explicit(
          &lock->state, &state, ZMQ__LOCK_HELD, memory_order_acquire,
          memory_order_relaxed))
    zmq__lock_wait(lock);
}

static inline void zmq__unlock(zmq__lock_t *lock) {
  int state = ZMQ__LOCK_HELD;
  if (!atomic_compare_exchange_strong_explicit(
          &lock->state, &state, ZMQ__LOCK_FREE, memory_order_release,
          memory_order_relaxed))
    zmq__lock_release(lock);
  if (--zmq__locks_held == 0 && zmq__unfreed != NULL)
    zmq__free_deferred();
}

/* Gives the lock to a thread that has waited long, and takes it back later. */
static inline void zmq__lock_offer(zmq__lock_t *lock) {
  if (atomic_load_explicit(&lock->impatient, memory_order_relaxed) == 0)
    return;
  zmq__unlock(lock);
  zmq__lock(lock);
}

#endif /* ZMQ_BLOCKING_LOCK_H */
