/* A zmq context: its options, its private loops, and the sockets that are open.
 *
 *   RUNNING --zmq_ctx_shutdown, zmq_ctx_term--> STOPPED --last socket--> gone
 *
 * In a child process every context of the parent is STOPPED: a child may close,
 * and no more. */
#ifndef ZMQ_BLOCKING_CONTEXT_H
#define ZMQ_BLOCKING_CONTEXT_H

#include "blocking/context_options.h"
#include "blocking/handle.h"
#include "blocking/loop.h"
#include "zuv.h"

typedef enum {
  ZMQ__CONTEXT_RUNNING,
  ZMQ__CONTEXT_STOPPED,
  ZMQ__CONTEXT_FORKED
} zmq__context_state_t;

typedef struct zmq__context_s {
  zmq__handle_t handle;
  zuv__list_t in_contexts; /* all of the process */
  atomic_int state;        /* zmq__context_state_t */
  atomic_int open;         /* sockets whose slot is taken; term waits for 0 */
  pthread_mutex_t mutex;   /* of all below; taken before a loop's lock */
  zmq__context_options_t options;
  zuv_context_t core;
  zuv__list_t sockets;
  zmq__loop_t *loops; /* NULL before the first socket */
  int loop_count;
  int io_threads; /* as it was with the first socket */
  int max_sockets;
  int next_loop; /* for the next socket */
} zmq__context_t;

/* NULL, and errno is EFAULT: not a context. */
zmq__context_t *zmq__context_of(void *handle);

static inline bool zmq__context_is_running(zmq__context_t *context) {
  return atomic_load_explicit(&context->state, memory_order_acquire) ==
         ZMQ__CONTEXT_RUNNING;
}

static inline bool zmq__context_is_foreign(zmq__context_t *context) {
  return atomic_load_explicit(&context->state, memory_order_acquire) ==
         ZMQ__CONTEXT_FORKED;
}

/* A slot for one socket more, and the loop to put it on. UV_EMFILE, UV_ENOMEM
 * and others. With the mutex. */
int zmq__context_take_slot(zmq__context_t *context, zmq__loop_t **loop);
/* The same for a socket that goes where another is. UV_EMFILE. */
int zmq__context_take_bare_slot(zmq__context_t *context);
/* From any thread; nothing of the context may be touched after it. */
void zmq__context_free_slot(zmq__context_t *context);

/* Before an answer "nothing there": what was sent on other loops and is
 * gathered there comes over. With no lock held. */
void zmq__context_fetch_slowly(zmq__context_t *context);
static inline void zmq__context_fetch(zmq__context_t *context) {
  if (context->loop_count > 1)
    zmq__context_fetch_slowly(context);
}

/* The loop is to do I/O: it needs its thread. */
int zmq__context_start(zmq__context_t *context, zmq__loop_t *loop);

/* What a loop's thread does first: its name, its place. */
void zmq__context_prepare_thread(zmq__context_t *context, int index);

#endif /* ZMQ_BLOCKING_CONTEXT_H */
