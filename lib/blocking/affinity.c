/* ZMQ_AFFINITY: which loop a socket lives on. It is put on one when it is made,
 * and told the mask afterwards. So as long as it has begun nothing it moves: it
 * is made anew on the loop with the fewest sockets of those that the mask
 * names, with its options, and what it was before closes. One that has begun
 * stays where it is. Fails for want of memory or of threads. */
#include "base/alloc.h"
#include "blocking/socket.h"
#include "security/secret.h"

static bool names(uint64_t mask, int thread) {
  return mask == 0 || (thread < 64 && (mask >> thread & 1) != 0);
}

/* NULL: there is none. */
static zmq__loop_t *best_loop(zmq__context_t *context, uint64_t mask) {
  zmq__loop_t *best = NULL;
  size_t least = SIZE_MAX;

  for (int i = 0; i < context->loop_count; i++) {
    zmq__loop_t *loop = &context->loops[i];
    size_t load;
    if (!names(mask, i))
      continue;
    zmq__loop_enter(loop);
    load = loop->core->socket_count;
    zmq__loop_leave_quickly(loop);
    if (load >= least)
      continue;
    least = load;
    best = loop;
  }
  return best;
}

static int topics(const zmq__socket_t *socket) {
  int count = 0;
  size_t size = sizeof(count);

  (void)zuv_get_option(&socket->native->zuv, ZUV_TOPICS_COUNT, &count, &size);
  return count;
}

/* Nothing is lost but what the options say. With the lock of its loop. */
static bool has_begun(const zmq__socket_t *socket) {
  const zuv__socket_t *core = socket->core;

  return socket->has_welcome || topics(socket) > 0 || socket->monitor != NULL ||
         socket->incoming.count > 0 || socket->outgoing.count > 0 ||
         socket->inbox.queue.count > 0 || core->last_endpoint != NULL ||
         core->dependents > 0 || !zuv__list_empty(&core->endpoints) ||
         !zuv__list_empty(&core->pipes);
}

/* With the lock of its new loop; takes the options over. */
static void settle(zmq__socket_t *socket, zmq__loop_t *loop,
                   zmq__native_t *native, zuv__options_t *options) {
  native->zuv.data = socket;
  socket->loop = loop;
  socket->native = native;
  socket->core = zuv__socket(&native->zuv);
  zuv__options_destroy(&socket->core->options);
  socket->core->options = *options;
  zuv__wipe(&options->security, sizeof(options->security));
  zuv__inbox_init(&socket->inbox, socket->core);
  zmq__socket_watch(socket, NULL);
}

/* What it was before is to be closed: *old, or NULL if it stays. */
static int move(zmq__socket_t *socket, zmq__loop_t *to, zmq__native_t **old) {
  zmq__context_t *context = socket->context;
  zmq__native_t *fresh;
  zuv__options_t options;
  bool stays;
  int err;

  zmq__loop_enter(socket->loop);
  stays = has_begun(socket);
  err = stays ? 0 : zuv__options_clone(&options, &socket->core->options);
  zmq__loop_leave_quickly(socket->loop);
  if (stays || err != 0)
    return err;

  /* Sockets on different loops meet through their threads. */
  err = zmq__context_start(context, to);
  if (err != 0)
    goto fail;
  zmq__loop_enter(to);
  err = zmq__native_open(context, to, socket->type, &fresh);
  if (err == 0) {
    *old = socket->native;
    settle(socket, to, fresh, &options);
    /* Until the old one has closed there are two. */
    atomic_fetch_add(&context->open, 1);
  }
  zmq__loop_leave(to);
  if (err == 0)
    return 0;

fail:
  zuv__options_destroy(&options);
  return err;
}

int zmq__socket_set_affinity(zmq__socket_t *socket, uint64_t mask) {
  zmq__context_t *context = socket->context;
  zmq__loop_t *from = socket->loop;
  zmq__native_t *old = NULL;
  zmq__loop_t *to = NULL;
  int err = 0;

  /* The end of the context looks for its sockets on their loops. */
  pthread_mutex_lock(&context->mutex);
  if (!names(mask, (int)(from - context->loops)))
    to = best_loop(context, mask);
  if (to != NULL)
    err = move(socket, to, &old);
  if (err == 0)
    socket->affinity = mask;
  pthread_mutex_unlock(&context->mutex);
  if (old != NULL) {
    zmq__loop_enter(from);
    zmq__native_close(old);
    zmq__loop_leave(from);
  }
  return err;
}
