#include "core/context.h"

#include "base/alloc.h"
#include "transport/inproc.h"

static uv_once_t default_once = UV_ONCE_INIT;
static zuv__context_t default_context;
static int default_error;

static int context_init(zuv__context_t *context) {
  context->sockets = 0;
  zuv__map_init(&context->inproc_names);
  zuv__list_init(&context->inproc_parked);
  return uv_mutex_init(&context->mutex);
}

static void default_init(void) {
  default_error = context_init(&default_context);
}

int zuv_context_init(zuv_context_t *handle) {
  zuv__context_t *context = zuv__malloc(sizeof(*context));
  int err;

  if (context == NULL)
    return UV_ENOMEM;
  err = context_init(context);
  if (err != 0) {
    zuv__free(context);
    return err;
  }
  handle->zuv__impl = context;
  return 0;
}

int zuv_context_destroy(zuv_context_t *handle) {
  zuv__context_t *context = handle->zuv__impl;
  size_t sockets;

  if (context == NULL)
    return UV_EINVAL;
  uv_mutex_lock(&context->mutex);
  sockets = context->sockets;
  uv_mutex_unlock(&context->mutex);
  if (sockets > 0)
    return UV_EBUSY;
  zuv__inproc_forget_parked(context);
  zuv__map_destroy(&context->inproc_names);
  uv_mutex_destroy(&context->mutex);
  zuv__free(context);
  handle->zuv__impl = NULL;
  return 0;
}

int zuv__context_acquire(zuv_context_t *handle, zuv__context_t **out) {
  zuv__context_t *context;

  if (handle == NULL) {
    uv_once(&default_once, default_init);
    if (default_error != 0)
      return default_error;
    context = &default_context;
  } else {
    context = handle->zuv__impl;
    if (context == NULL)
      return UV_EINVAL;
  }
  uv_mutex_lock(&context->mutex);
  context->sockets++;
  uv_mutex_unlock(&context->mutex);
  *out = context;
  return 0;
}

void zuv__context_release(zuv__context_t *context) {
  size_t sockets;

  uv_mutex_lock(&context->mutex);
  sockets = --context->sockets;
  uv_mutex_unlock(&context->mutex);
  /* Nobody is left who could bind the names that parked messages wait for, and
   * the default context has no other end. */
  if (sockets == 0 && context == &default_context)
    zuv__inproc_forget_parked(context);
}
