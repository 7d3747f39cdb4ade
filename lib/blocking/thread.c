/* Threads for programs: zmq_threadstart and zmq_threadclose. Starting one fails
 * with NULL: EFAULT without a function, ENOMEM, or what the system says. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "zmq.h"

typedef struct {
  pthread_t thread;
  zmq_thread_fn *function;
  void *arg;
} thread_t;

static void *run(void *arg) {
  thread_t *thread = arg;

  pthread_setname_np(pthread_self(), "ZMQapp");
  thread->function(thread->arg);
  return NULL;
}

/* A thread inherits the mask of signals that its maker has. */
static int start(thread_t *thread) {
  sigset_t all, before;
  int err;

  sigfillset(&all);
  err = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (err != 0)
    return err;
  err = pthread_create(&thread->thread, NULL, run, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

void *zmq_threadstart(zmq_thread_fn *function, void *arg) {
  thread_t *thread;
  int err;

  if (function == NULL) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  thread = zuv__malloc(sizeof(*thread));
  if (thread == NULL) {
    zmq__fail_errno(ENOMEM);
    return NULL;
  }
  thread->function = function;
  thread->arg = arg;
  err = start(thread);
  if (err != 0) {
    zmq__fail_errno(err);
    zuv__free(thread);
    return NULL;
  }
  return thread;
}

void zmq_threadclose(void *object) {
  thread_t *thread = object;

  if (thread == NULL)
    return;
  /* A thread that closes itself cannot wait for its own end. */
  if (pthread_join(thread->thread, NULL) != 0)
    pthread_detach(thread->thread);
  zuv__free(thread);
}
