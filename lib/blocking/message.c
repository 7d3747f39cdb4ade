/* The messages of zmq.h. They fail with ENOMEM, EINVAL for what a message does
 * not have, and EFAULT for a message that is NULL, closed or was never
 * initialised. */
#include "blocking/message.h"

#include <errno.h>
#include <string.h>

#include "blocking/error.h"

int zmq_msg_init(zmq_msg_t *msg) {
  if (msg == NULL)
    return zmq__fail_errno(EFAULT);
  zuv__msg_init(zmq__msg(msg));
  return 0;
}

int zmq_msg_init_size(zmq_msg_t *msg, size_t size) {
  int err;

  if (msg == NULL)
    return zmq__fail_errno(EFAULT);
  err = zuv_msg_init_size(zmq__msg(msg), size);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_msg_init_buffer(zmq_msg_t *msg, const void *data, size_t size) {
  int err;

  if (msg == NULL)
    return zmq__fail_errno(EFAULT);
  if (data == NULL && size > 0) {
    zuv__msg_init(zmq__msg(msg));
    return zmq__fail_errno(EFAULT);
  }
  err = zuv_msg_init_copy(zmq__msg(msg), data, size);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *ffn,
                      void *hint) {
  int err = 0;

  if (msg == NULL)
    return zmq__fail_errno(EFAULT);
  if (data == NULL && size > 0) {
    zuv__msg_init(zmq__msg(msg));
    return zmq__fail_errno(EFAULT);
  }
  if (ffn == NULL)
    zuv_msg_init_const(zmq__msg(msg), data, size);
  else
    err = zuv_msg_init_data(zmq__msg(msg), data, size, ffn, hint);
  return err == 0 ? 0 : zmq__fail(err);
}

int zmq_msg_close(zmq_msg_t *msg) {
  if (!zmq__msg_check(msg))
    return zmq__fail_errno(EFAULT);
  zmq__msg_release(msg);
  zuv__msg(zmq__msg(msg))->kind = ZMQ__MSG_CLOSED;
  return 0;
}

int zmq_msg_move(zmq_msg_t *to, zmq_msg_t *from) {
  if (!zmq__msg_check(to) || !zmq__msg_check(from))
    return zmq__fail_errno(EFAULT);
  if (to == from)
    return 0;
  zmq__msg_release(to);
  zuv__msg_take(zmq__msg(to), zmq__msg(from));
  return 0;
}

int zmq_msg_copy(zmq_msg_t *to, zmq_msg_t *from) {
  zuv__msg_t *m;

  if (!zmq__msg_check(to) || !zmq__msg_check(from))
    return zmq__fail_errno(EFAULT);
  if (to == from)
    return 0;
  m = zuv__msg(zmq__msg(from));
  if (m->kind == ZUV__MSG_COUNTED) {
    zuv__body_retain(m->u.far.body);
    m->flags |= ZUV__MSG_SHARED;
  }
  if (m->metadata != NULL)
    zuv__peer_retain(m->metadata);
  zmq__msg_release(to);
  *to = *from;
  return 0;
}

void *zmq_msg_data(zmq_msg_t *msg) {
  if (!zmq__msg_check(msg)) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  return zuv__msg_data(zmq__msg(msg));
}

size_t zmq_msg_size(const zmq_msg_t *msg) {
  const zuv__msg_t *m = zmq__msg_const(msg);

  if (!zmq__msg_check(msg)) {
    zmq__fail_errno(EFAULT);
    return 0;
  }
  return m->kind == ZUV__MSG_INLINE ? m->near_size : m->u.far.size;
}

/* Programs ask when they have closed it, too. */
static inline int more_of(const zmq_msg_t *msg) {
  if (!zmq__msg_check(msg) &&
      (msg == NULL || zmq__msg_const(msg)->kind != ZMQ__MSG_CLOSED))
    return zmq__fail_errno(EFAULT);
  return (zmq__msg_const(msg)->flags & ZUV__MSG_MORE) != 0;
}

int zmq_msg_more(const zmq_msg_t *msg) {
  return more_of(msg);
}

static int source_fd(const zuv__msg_t *m) {
  const zuv_peer_t *peer = m->metadata;

  return peer != NULL && peer->fd >= 0 ? peer->fd : zmq__fail_errno(EINVAL);
}

int zmq_msg_get(const zmq_msg_t *msg, int property) {
  const zuv__msg_t *m = zmq__msg_const(msg);

  if (property == ZMQ_MORE)
    return more_of(msg);
  if (!zmq__msg_check(msg))
    return zmq__fail_errno(EFAULT);
  switch (property) {
    case ZMQ_SRCFD:
      return source_fd(m);
    case ZMQ_SHARED:
      return m->kind == ZUV__MSG_CONSTANT || (m->flags & ZUV__MSG_SHARED) != 0;
    default:
      return zmq__fail_errno(EINVAL);
  }
}

int zmq_msg_set(zmq_msg_t *msg, int property, int value) {
  (void)property;
  (void)value;
  return zmq__fail_errno(zmq__msg_check(msg) ? EINVAL : EFAULT);
}

const char *zmq_msg_gets(const zmq_msg_t *msg, const char *property) {
  const char *text = NULL;
  zuv_peer_t *peer;

  if (!zmq__msg_check(msg)) {
    zmq__fail_errno(EFAULT);
    return NULL;
  }
  peer = zmq__msg_const(msg)->metadata;
  if (peer != NULL && property != NULL)
    text = zuv__peer_text(peer, property);
  if (text == NULL)
    zmq__fail_errno(peer != NULL && property != NULL &&
                            zuv__peer_has_property(peer, property)
                        ? ENOMEM
                        : EINVAL);
  return text;
}

int zmq_msg_set_routing_id(zmq_msg_t *msg, uint32_t routing_id) {
  if (!zmq__msg_check(msg))
    return zmq__fail_errno(EFAULT);
  if (routing_id == 0)
    return zmq__fail_errno(EINVAL);
  zuv__msg(zmq__msg(msg))->routing_id = routing_id;
  return 0;
}

uint32_t zmq_msg_routing_id(zmq_msg_t *msg) {
  if (!zmq__msg_check(msg)) {
    zmq__fail_errno(EFAULT);
    return 0;
  }
  return zmq__msg_const(msg)->routing_id;
}

/* There are no socket types that know groups. */
int zmq_msg_set_group(zmq_msg_t *msg, const char *group) {
  (void)group;
  return zmq__fail_errno(zmq__msg_check(msg) ? ENOTSUP : EFAULT);
}

const char *zmq_msg_group(zmq_msg_t *msg) {
  (void)msg;
  return "";
}
