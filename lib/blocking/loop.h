/* A private loop: a uv_loop_t with the sockets of a context on it, treated as a
 * monitor. Whoever holds the lock may touch anything on the loop, libuv
 * included. The lock is given up while a thread waits, and offered to others in
 * between the callbacks of a long turn.
 *
 * Somebody must run the loop, the driver:
 *   - an application thread that waits, if no other waits as well: what it
 *     waits for then reaches it without a hand-over
 *   - else the loop's own thread, which takes the role when nobody had it for
 *     a few ticks, when several wait, or when a connection has just begun:
 *
 *        PARKED ---the driver left---> TICKING ---nobody came---> DRIVING
 *           ^                            |   ^                       |
 *           +--the driver stays for long-+   +--somebody came--------+
 *
 * To drive is to give up the lock, sleep until something is ready, take the
 * lock, and do what there is to do (drive.c). Two threads may poll at the same
 * time, but only one is the driver.
 *
 * Output is written when a thread has sent for the first time after a pause;
 * what is sent within microseconds of that gathers until a buffer is full, the
 * thread waits, or the loop's thread has ticked (zmq__loop_sent). */
#ifndef ZMQ_BLOCKING_LOOP_H
#define ZMQ_BLOCKING_LOOP_H

#include <pthread.h>
#include <uv.h>

#include "blocking/lock.h"
#include "blocking/waiter.h"
#include "core/loop.h"

typedef enum {
  ZMQ__THREAD_PARKED,
  ZMQ__THREAD_TICKING,
  ZMQ__THREAD_DRIVING
} zmq__thread_state_t;

typedef struct zmq__loop_s {
  zmq__lock_t lock;
  uv_loop_t uv;
  zuv__loop_t *core;
  uv_async_t kick;       /* wakes who polls; keeps the loop alive */
  uint64_t polled_until; /* loop time at which who polls looks by itself */
  bool running;          /* somebody runs it, and may be offering the lock */
  unsigned partial;      /* sleeps since that ended without uv_run() */

  zmq__waiter_t *driver; /* the application thread that has the role */
  unsigned waiting;      /* application threads that wait for I/O */
  uint64_t rounds;       /* how often an application thread took or left it */

  bool gathering;     /* sends do not write, the thread ticks quickly */
  uint64_t sent_at;   /* when a lone send was written */
  uint64_t looked_at; /* see zmq__loop_catch_up */
  uint64_t sends;     /* counts those that left something to write */

  bool has_thread;
  pthread_t thread;
  int thread_fd;      /* an eventfd that wakes it */
  bool thread_wanted; /* to drive, without waiting for a quiet time */
  bool thread_kicked;
  bool thread_quick; /* it ticks for what is gathered */
  bool thread_stop;
  zmq__thread_state_t thread_state;
} zmq__loop_t;

int zmq__loop_init(zmq__loop_t *loop);
/* When all its sockets are gone, and its thread is joined. */
void zmq__loop_destroy(zmq__loop_t *loop);

/* Starts the loop's thread if it has none. `prepare` runs first in it. */
int zmq__loop_start(zmq__loop_t *loop, void (*prepare)(void *), void *data);
/* Ends and joins it. Without the lock. */
void zmq__loop_stop(zmq__loop_t *loop);

static inline void zmq__loop_enter(zmq__loop_t *loop) {
  zmq__lock(&loop->lock);
}

/* After calls that may have left work behind. */
void zmq__loop_leave(zmq__loop_t *loop);

/* After calls that have not. */
static inline void zmq__loop_leave_quickly(zmq__loop_t *loop) {
  zmq__unlock(&loop->lock);
}

/* All else holds the lock. */

/* Does what waits for the next turn. False: there was nothing. */
bool zmq__loop_work(zmq__loop_t *loop);

/* Something has begun that goes on by itself, as a connection: nobody may have
 * it wait. */
void zmq__loop_want_driver(zmq__loop_t *loop);

/* Runs the loop once, unless somebody does already. */
void zmq__loop_turn(zmq__loop_t *loop);

/* Before an answer "nothing there": lets in what other loops have sent, and
 * what the kernel has, unless the loop's thread would have. */
void zmq__loop_look(zmq__loop_t *loop);

/* Lets in what the kernel has, if that was not done within the last few
 * microseconds, and unless sends are being gathered. */
void zmq__loop_look_now(zmq__loop_t *loop);
static inline void zmq__loop_catch_up(zmq__loop_t *loop) {
  if (!loop->gathering && loop->core->ios_count > 0)
    zmq__loop_look_now(loop);
}

/* Whoever sleeps must know of a descriptor that is to be watched, and of a
 * timer that ends before their sleep; and somebody must be there in the end. To
 * be called by all that has changed the loop and does not run it. */
void zmq__loop_see_to_driver(zmq__loop_t *loop);

/* A message was sent. */
void zmq__loop_sent_something(zmq__loop_t *loop);
static inline void zmq__loop_sent(zmq__loop_t *loop) {
  if (!zuv__list_empty(&loop->core->dirty)) {
    loop->sends++;
    if (!loop->gathering)
      zmq__loop_sent_something(loop);
  }
}

/* At the end of a send: what it has left for sockets that are called back, as
 * those that ask a ZAP handler are, is done at once. Nobody else would know of
 * it. */
void zmq__loop_do_tasks(zmq__loop_t *loop);
static inline void zmq__loop_handed_over(zmq__loop_t *loop) {
  if (!zuv__list_empty(&loop->core->tasks))
    zmq__loop_do_tasks(loop);
}

/* A thread begins to wait; `io`: for more than what other threads do. */
static inline void zmq__loop_begin_wait(zmq__loop_t *loop, bool io) {
  loop->waiting += io;
}
/* Gives up the lock until the waiter is woken, or the wait is over: 0, UV_EINTR
 * or UV_ETIMEDOUT. May answer 0 for nothing. */
int zmq__loop_wait(zmq__loop_t *loop, zmq__waiter_t *waiter, bool io,
                   const zmq__wait_t *wait);
void zmq__loop_end_wait(zmq__loop_t *loop, zmq__waiter_t *waiter, bool io);

/* One sleep of the driver, and what it finds; as zmq__loop_wait(). drive.c. */
int zmq__loop_drive(zmq__loop_t *loop, zmq__waiter_t *waiter,
                    const zmq__wait_t *wait);

/* The same for a thread that waits for several loops at once and can drive
 * none: its sleep is between begin and end, without any lock. */
void zmq__loop_begin_follow(zmq__loop_t *loop);
void zmq__loop_end_follow(zmq__loop_t *loop);

#endif /* ZMQ_BLOCKING_LOOP_H */
