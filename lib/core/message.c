#include "core/message.h"

#include "base/alloc.h"
#include "core/body_cache.h"

static bool (*defer)(zuv__body_t *body);

/* The block and its bytes are one allocation, the bytes behind the header. */
zuv__body_t *zuv__body_new(size_t size) {
  zuv__body_t *body;

  if (size > SIZE_MAX - sizeof(*body))
    return NULL;
  body = zuv__body_cache_take(size);
  if (body == NULL) {
    body = zuv__malloc(sizeof(*body) + size);
    if (body == NULL)
      return NULL;
    body->room = size;
  }
  atomic_init(&body->references, 1);
  body->free_cb = NULL;
  body->data = body + 1;
  body->hint = NULL;
  return body;
}

void zuv__body_release(zuv__body_t *body) {
  /* The last holder needs no atomic decrement: nobody else can touch it. */
  if (atomic_load_explicit(&body->references, memory_order_acquire) != 1 &&
      atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) !=
          1)
    return;
  if (body->free_cb != NULL && defer != NULL && defer(body))
    return;
  zuv__body_destroy(body);
}

void zuv__body_destroy(zuv__body_t *body) {
  if (body->free_cb != NULL)
    body->free_cb(body->data, body->hint);
  if (!zuv__body_cache_give(body))
    zuv__free(body);
}

void zuv__body_set_defer(bool (*defer_fn)(zuv__body_t *body)) {
  defer = defer_fn;
}

static void init_far(zuv_msg_t *msg, zuv__msg_kind_t kind, void *data,
                     size_t size, zuv__body_t *body) {
  zuv__msg_t *m = zuv__msg(msg);
  zuv__msg_init(msg);
  m->kind = (uint8_t)kind;
  m->u.far.data = data;
  m->u.far.size = size;
  m->u.far.body = body;
}

void zuv_msg_init(zuv_msg_t *msg) {
  zuv__msg_init(msg);
}

int zuv_msg_init_size(zuv_msg_t *msg, size_t size) {
  zuv__body_t *body;

  zuv__msg_init(msg);
  if (size <= ZUV__MSG_INLINE_MAX) {
    zuv__msg(msg)->near_size = (uint8_t)size;
    return 0;
  }
  body = zuv__body_new(size);
  if (body == NULL)
    return UV_ENOMEM;
  init_far(msg, ZUV__MSG_COUNTED, body->data, size, body);
  return 0;
}

int zuv_msg_init_copy(zuv_msg_t *msg, const void *data, size_t size) {
  int err = zuv_msg_init_size(msg, size);
  if (err == 0 && size > 0)
    memcpy(zuv__msg_data(msg), data, size);
  return err;
}

int zuv_msg_init_data(zuv_msg_t *msg, void *data, size_t size,
                      zuv_free_cb free_cb, void *hint) {
  zuv__body_t *body;

  zuv__msg_init(msg);
  if (free_cb == NULL || (data == NULL && size > 0))
    return UV_EINVAL;
  body = zuv__body_new(0);
  if (body == NULL)
    return UV_ENOMEM;
  body->free_cb = free_cb;
  body->data = data;
  body->hint = hint;
  init_far(msg, ZUV__MSG_COUNTED, data, size, body);
  return 0;
}

void zuv_msg_init_const(zuv_msg_t *msg, const void *data, size_t size) {
  init_far(msg, ZUV__MSG_CONSTANT, (void *)(uintptr_t)data, size, NULL);
}

void zuv_msg_init_view(zuv_msg_t *msg, const void *data, size_t size) {
  zuv__msg_init_view(msg, data, size, NULL);
}

int zuv__msg_make_lasting(zuv_msg_t *msg) {
  zuv__msg_t *m = zuv__msg(msg);
  zuv__body_t *body;
  zuv_msg_t copy;
  int err;

  if (m->kind != ZUV__MSG_VIEW)
    return 0;
  body = m->u.far.body;
  if (body != NULL && m->u.far.size > ZUV__MSG_INLINE_MAX &&
      m->u.far.size >= body->room / ZUV__MSG_SLICE_PART) {
    zuv__body_retain(body);
    m->kind = ZUV__MSG_COUNTED;
    return 0;
  }
  err = zuv_msg_init_copy(&copy, m->u.far.data, m->u.far.size);
  if (err != 0)
    return err;
  zuv__msg(&copy)->flags = m->flags;
  zuv__msg(&copy)->routing_id = m->routing_id;
  *msg = copy;
  return 0;
}

int zuv_msg_move(zuv_msg_t *to, zuv_msg_t *from) {
  int err;

  if (to == from)
    return zuv__msg_make_lasting(to);
  err = zuv__msg_make_lasting(from);
  if (err != 0)
    return err;
  zuv__msg_close(to);
  zuv__msg_take(to, from);
  return 0;
}

int zuv_msg_copy(zuv_msg_t *to, zuv_msg_t *from) {
  int err;

  if (to == from)
    return zuv__msg_make_lasting(to);
  err = zuv__msg_make_lasting(from);
  if (err != 0)
    return err;
  zuv__msg_close(to);
  *to = *from;
  if (zuv__msg(from)->kind == ZUV__MSG_COUNTED)
    zuv__body_retain(zuv__msg(from)->u.far.body);
  return 0;
}

void zuv_msg_close(zuv_msg_t *msg) {
  zuv__msg_close(msg);
}

void *zuv_msg_data(zuv_msg_t *msg) {
  return zuv__msg_data(msg);
}

size_t zuv_msg_size(const zuv_msg_t *msg) {
  return zuv__msg_size(msg);
}
