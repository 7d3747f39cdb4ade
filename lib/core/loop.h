/* What zuv keeps for a uv_loop_t: one state, shared by all sockets on the loop,
 * made with the first of them and gone with the last.
 *
 * Work that must not happen inside an API call (callbacks, flushing, freeing)
 * is a task: it runs before the loop polls next. All inner handles are unref'd;
 * what keeps the loop alive is counted by hold and unhold.
 *
 * Programs may end by calling uv_close() on every handle that uv_walk() shows.
 * The watchers below are then closed behind our back, the loop state notices
 * (see loop.c), gives up all connections and still delivers every close
 * callback. */
#ifndef ZUV_CORE_LOOP_H
#define ZUV_CORE_LOOP_H

#include <stdatomic.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/heap.h"
#include "base/list.h"
#include "core/message.h"
#include "core/queue.h"

typedef struct zuv__loop_s zuv__loop_t;
typedef struct zuv__task_s zuv__task_t;
typedef struct zuv__timer_s zuv__timer_t;
typedef struct zuv__letter_s zuv__letter_t;
typedef struct zuv__canary_s zuv__canary_t;

enum {
  ZUV__RECEIVE_CHUNK_SIZE = 64 * 1024, /* the loop's shared receive buffer */
  ZUV__OUTPUT_BUFFER_SIZE = 64 * 1024  /* bytes gathered before a write */
};

/* A piece of work for before the next poll; embedded by its owner. */
struct zuv__task_s {
  zuv__list_t link;
  void (*run)(zuv__task_t *task);
};

/* A one-shot timer; embedded by its owner. */
struct zuv__timer_s {
  zuv__heap_node_t node;
  void (*expired)(zuv__timer_t *timer);
};

/* A message from another thread to this loop. `address` is who it is for, so
 * that it can be taken back; `deliver` or `discard` frees it. */
struct zuv__letter_s {
  zuv__list_t link;
  void *address;
  void (*deliver)(zuv__letter_t *letter);
  void (*discard)(zuv__letter_t *letter);
};

/* Memory of a handle that the program closed: kept until libuv is done. */
typedef struct zuv__grave_s {
  zuv__list_t link;
  unsigned rounds;
  void *memory;
} zuv__grave_t;

struct zuv__loop_s {
  zuv__list_t in_registry;
  uv_loop_t *uv;
  zuv__list_t sockets;
  size_t socket_count;

  uv_prepare_t prepare; /* runs the tasks; ref'd while somebody holds */
  uv_idle_t idle;       /* active while tasks wait, so that poll does not */
  uv_timer_t timer;     /* the earliest of `timers` */
  zuv__canary_t *canary;
  unsigned handles_open;
  size_t holds;
  uint64_t iteration; /* counts the polls */
  bool walked;        /* our visible handles were closed by the program */

  zuv__list_t tasks;
  zuv__list_t dirty; /* tasks too: output to flush, after the tasks */
  zuv__list_t turns; /* tasks that take long: one in an iteration */
  zuv__heap_t timers;
  /* channels to other loops with messages that are not handed over yet; looked
   * at by any thread */
  atomic_uint handing_over;

  uv_mutex_t inbox_mutex;
  zuv__list_t inbox;

  zuv__list_t graveyard; /* watchers that the program closed */

  /* Called between pieces of the loop's own work, where any API call would be
   * legal; NULL: nobody wants to know. */
  void (*pause)(zuv__loop_t *loop);
  void *pause_data;
  struct zuv__io_s **ios_by_fd; /* on loops that pause */
  size_t ios_room;
  int unread_fd;   /* readable when it was left, or -1 */
  bool io_closed;  /* a thread in poll() may still hold the descriptor */
  zuv__list_t ios; /* all descriptors that zuv watches */
  size_t ios_count;

  zuv__block_pool_t blocks;
  zuv__body_t *chunk;     /* the receive buffer, or NULL */
  zuv__body_t *big_chunk; /* a spare one for large frames, or NULL */
  zuv__body_t *fan_out;   /* frames for many peers, or NULL: fan_out.c */
  size_t fan_out_used;    /* bytes of it */
  uint8_t *output_buffer; /* a spare of ZUV__OUTPUT_BUFFER_SIZE, or NULL */
  zuv_msg_t *parts;       /* scratch for the message being delivered */
  size_t parts_room;
};

/* The state of the loop, made if need be; one socket more uses it. */
int zuv__loop_acquire(uv_loop_t *uv, zuv__loop_t **out);
/* One socket less. After the last the state goes away, once no task and no
 * grave is left. */
void zuv__loop_release(zuv__loop_t *loop);
/* Around a fork(): no other thread makes or frees a loop's state. */
void zuv__loops_init(void);
void zuv__loops_lock(void);
void zuv__loops_unlock(void);

/* The state of the loop, or NULL if zuv is not on it. */
zuv__loop_t *zuv__loop_find(uv_loop_t *uv);

static inline void zuv__task_init(zuv__task_t *task,
                                  void (*run)(zuv__task_t *task)) {
  zuv__list_init(&task->link);
  task->run = run;
}

/* Runs the task before the next poll; no effect if it waits already. */
void zuv__loop_schedule(zuv__loop_t *loop, zuv__task_t *task);
/* The same, after all ordinary tasks: for flushing what these have written. */
void zuv__loop_schedule_flush(zuv__loop_t *loop, zuv__task_t *task);

/* Runs the task before one of the next polls of uv_run(): of all that were
 * scheduled so, one an iteration, so that what is quick need not wait for all
 * of them. */
void zuv__loop_schedule_turn(zuv__loop_t *loop, zuv__task_t *task);

/* Does now what else would be done before the next poll. Not from a callback of
 * the loop. */
void zuv__loop_work(zuv__loop_t *loop);
/* Only the flushes; from anywhere. */
void zuv__loop_flush(zuv__loop_t *loop);

static inline bool zuv__loop_has_work(const zuv__loop_t *loop) {
  return !zuv__list_empty(&loop->tasks) || !zuv__list_empty(&loop->dirty);
}

static inline void zuv__task_cancel(zuv__task_t *task) {
  zuv__list_remove(&task->link);
}

static inline bool zuv__task_waits(const zuv__task_t *task) {
  return !zuv__list_empty(&task->link);
}

void zuv__timer_init(zuv__timer_t *timer, void (*expired)(zuv__timer_t *timer));
void zuv__timer_start(zuv__loop_t *loop, zuv__timer_t *timer, uint64_t ms);
void zuv__timer_stop(zuv__loop_t *loop, zuv__timer_t *timer);
/* Milliseconds until it expires; UINT64_MAX: it does not run. */
uint64_t zuv__timer_left(zuv__loop_t *loop, const zuv__timer_t *timer);

/* Keep uv_run() running. */
void zuv__loop_hold(zuv__loop_t *loop);
void zuv__loop_unhold(zuv__loop_t *loop);

/* From any thread, while a socket of that loop cannot go away. */
void zuv__loop_post(zuv__loop_t *loop, zuv__letter_t *letter);
/* Delivers those that are there, without waiting for the loop to do it, and
 * answers how many these were. */
size_t zuv__loop_take_letters(zuv__loop_t *loop);
/* Discards the letters for this address. */
void zuv__loop_discard_letters(zuv__loop_t *loop, void *address);

/* A chunk to receive into, with room for `size` bytes or more (see message.h).
 * NULL: no memory. */
static inline zuv__body_t *zuv__chunk_new(size_t size) {
  return zuv__body_new(size);
}

static inline size_t zuv__chunk_size(const zuv__body_t *chunk) {
  return chunk->room;
}

/* Room for `count` parts in loop->parts; what is there stays. UV_ENOMEM. */
int zuv__loop_reserve_parts(zuv__loop_t *loop, size_t count);

/* Frees `memory`, which holds the grave and a handle that the program closed,
 * when libuv is done with the handle. */
void zuv__loop_bury(zuv__loop_t *loop, zuv__grave_t *grave, void *memory);

#endif /* ZUV_CORE_LOOP_H */
