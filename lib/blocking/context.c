#include "blocking/context.h"

#include <errno.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "blocking/futex.h"
#include "blocking/socket.h"
#include "core/body_cache.h"
#include "zmq.h"

static zmq__handle_pool_t pool = {.tag = 0xabadcafe,
                                  .size = sizeof(zmq__context_t)};

/* ---- Forks ---- */

static zuv__list_t contexts; /* under zmq__handles_lock() */
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
  zuv__loops_lock();
  zmq__handles_lock();
}

static void after_fork_in_parent(void) {
  zmq__handles_unlock();
  zuv__loops_unlock();
}

/* The threads that drove the loops are not here, and the descriptors are the
 * parent's: nothing of a context may be touched again. */
static void after_fork_in_child(void) {
  for (zuv__list_t *node = contexts.next; node != &contexts;
       node = node->next) {
    zmq__context_t *context =
        zuv__container_of(node, zmq__context_t, in_contexts);
    atomic_store(&context->state, ZMQ__CONTEXT_FORKED);
  }
  zuv__list_init(&contexts);
  zmq__handles_unlock();
  zuv__loops_unlock();
}

static void contexts_init(void) {
  zuv__list_init(&contexts);
  zuv__loops_init();
  zuv__body_cache_open();
  zmq__lock_setup();
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- Beginning ---- */

zmq__context_t *zmq__context_of(void *handle) {
  if (zmq__handle_is_open(&pool, handle))
    return handle;
  errno = EFAULT;
  return NULL;
}

void *zmq_ctx_new(void) {
  zmq__context_t *context;

  pthread_once(&contexts_once, contexts_init);
  context = zmq__handle_open(&pool);
  if (context == NULL)
    goto fail;
  if (zuv_context_init(&context->core) != 0)
    goto fail_handle;
  pthread_mutex_init(&context->mutex, NULL);
  zuv__list_init(&context->sockets);
  zmq__context_options_init(&context->options);
  zmq__handles_lock();
  zuv__list_push_back(&contexts, &context->in_contexts);
  zmq__handles_unlock();
  return context;

fail_handle:
  (void)zmq__handle_close(&pool, context);
  zmq__handle_retire(&pool, context);
fail:
  errno = ENOMEM;
  return NULL;
}

static void end_loops(zmq__context_t *context, int count) {
  for (int i = 0; i < count; i++)
    zmq__loop_stop(&context->loops[i]);
  for (int i = 0; i < count; i++)
    zmq__loop_destroy(&context->loops[i]);
  zuv__free(context->loops);
  context->loops = NULL;
}

/* Without I/O threads there is still a loop, for inproc. */
static int begin_loops(zmq__context_t *context) {
  int count = context->options.io_threads;

  context->io_threads = count;
  context->max_sockets = context->options.max_sockets;
  if (count < 1)
    count = 1;
  context->loops = zuv__calloc((size_t)count, sizeof(*context->loops));
  if (context->loops == NULL)
    return UV_ENOMEM;
  context->loop_count = count;
  for (int i = 0; i < count; i++) {
    int err = zmq__loop_init(&context->loops[i]);
    if (err == 0)
      continue;
    end_loops(context, i);
    return err;
  }
  return 0;
}

int zmq__context_take_bare_slot(zmq__context_t *context) {
  if (atomic_load(&context->open) >= context->max_sockets)
    return UV_EMFILE;
  atomic_fetch_add(&context->open, 1);
  return 0;
}

int zmq__context_take_slot(zmq__context_t *context, zmq__loop_t **loop) {
  int err;

  if (context->loops == NULL) {
    err = begin_loops(context);
    if (err != 0)
      return err;
  }
  *loop = &context->loops[context->next_loop];
  /* Sockets on different loops meet through their threads. */
  if (context->loop_count > 1) {
    err = zmq__context_start(context, *loop);
    if (err != 0)
      return err;
  }
  err = zmq__context_take_bare_slot(context);
  if (err == 0)
    context->next_loop = (context->next_loop + 1) % context->loop_count;
  return err;
}

typedef struct {
  zmq__context_t *context;
  int index;
} thread_t;

static void prepare_thread(void *data) {
  thread_t thread = *(thread_t *)data;

  zuv__free(data);
  zmq__context_prepare_thread(thread.context, thread.index);
}

void zmq__context_fetch_slowly(zmq__context_t *context) {
  for (int i = 0; i < context->loop_count; i++) {
    zmq__loop_t *loop = &context->loops[i];

    if (atomic_load(&loop->core->handing_over) == 0)
      continue;
    zmq__loop_enter(loop);
    zuv__loop_flush(loop->core);
    zmq__loop_leave(loop);
  }
}

int zmq__context_start(zmq__context_t *context, zmq__loop_t *loop) {
  thread_t *thread;
  int err;

  if (loop->has_thread)
    return 0;
  thread = zuv__malloc(sizeof(*thread));
  if (thread == NULL)
    return UV_ENOMEM;
  *thread = (thread_t){context, (int)(loop - context->loops)};
  err = zmq__loop_start(loop, prepare_thread, thread);
  if (err != 0)
    zuv__free(thread);
  return err;
}

/* ---- Ending ---- */

void zmq__context_free_slot(zmq__context_t *context) {
  atomic_int *open = &context->open;

  /* Who waits for the last may then free the context at once: the address is
   * not looked at, only woken. */
  if (atomic_fetch_sub(open, 1) == 1)
    zmq__futex_wake(open, INT_MAX);
}

static void stop_sockets(zmq__context_t *context) {
  for (zuv__list_t *node = context->sockets.next; node != &context->sockets;
       node = node->next)
    zmq__socket_stop(zuv__container_of(node, zmq__socket_t, in_context));
}

/* Under the mutex all along: when it returns in one thread, no other is still
 * at it. */
static void stop(zmq__context_t *context) {
  int running = ZMQ__CONTEXT_RUNNING;

  pthread_mutex_lock(&context->mutex);
  if (atomic_compare_exchange_strong(&context->state, &running,
                                     ZMQ__CONTEXT_STOPPED))
    stop_sockets(context);
  pthread_mutex_unlock(&context->mutex);
}

int zmq_ctx_shutdown(void *handle) {
  zmq__context_t *context = zmq__context_of(handle);

  if (context == NULL)
    return -1;
  if (!zmq__context_is_foreign(context))
    stop(context);
  return 0;
}

/* The last socket may have gone in the middle of another thread's work. */
static void await_leavers(zmq__loop_t *loop) {
  bool running = true;

  while (running) {
    zmq__loop_enter(loop);
    running = loop->running;
    zmq__loop_leave_quickly(loop);
    if (running)
      sched_yield();
  }
}

/* All sockets are closed. */
static void finish(zmq__context_t *context) {
  for (int i = 0; context->loops != NULL && i < context->loop_count; i++)
    await_leavers(&context->loops[i]);
  if (context->loops != NULL)
    end_loops(context, context->loop_count);
  (void)zuv_context_destroy(&context->core);
  pthread_mutex_destroy(&context->mutex);
  zmq__handles_lock();
  zuv__list_remove(&context->in_contexts);
  zmq__handles_unlock();
  zmq__handle_retire(&pool, context);
}

int zmq_ctx_term(void *handle) {
  zmq__context_t *context = zmq__context_of(handle);
  int open;

  if (context == NULL)
    return -1;
  if (zmq__context_is_foreign(context))
    return zmq__handle_close(&pool, context) ? 0 : zmq__fail_errno(EFAULT);
  stop(context);
  while ((open = atomic_load(&context->open)) > 0)
    if (zmq__futex_wait(&context->open, open, ZMQ__NEVER) == EINTR)
      return zmq__fail_errno(EINTR);
  if (!zmq__handle_close(&pool, context))
    return zmq__fail_errno(EFAULT);
  finish(context);
  return 0;
}

int zmq_ctx_destroy(void *handle) {
  return zmq_ctx_term(handle);
}

int zmq_term(void *handle) {
  return zmq_ctx_term(handle);
}

void *zmq_init(int io_threads) {
  void *handle;

  if (io_threads < 0) {
    errno = EINVAL;
    return NULL;
  }
  handle = zmq_ctx_new();
  if (handle != NULL)
    (void)zmq_ctx_set(handle, ZMQ_IO_THREADS, io_threads);
  return handle;
}
