#include "routing/peer_ids.h"

#include "base/random.h"
#include "core/socket.h"

enum { GENERATED_SIZE = 5 };

void zuv__peer_ids_init(zuv__peer_ids_t *ids) {
  zuv__map_init(&ids->map);
  ids->next = zuv__random_u32();
}

void zuv__peer_ids_destroy(zuv__peer_ids_t *ids) {
  zuv__map_destroy(&ids->map);
}

static zuv__pipe_t *find(const zuv__peer_ids_t *ids, const void *id,
                         size_t size) {
  zuv__map_node_t *node = zuv__map_find(&ids->map, id, size);
  return node == NULL ? NULL
                      : zuv__container_of(node, zuv__pipe_t, by_routing_id);
}

bool zuv__peer_ids_taken(const zuv__peer_ids_t *ids, const void *id,
                         size_t size) {
  return find(ids, id, size) != NULL;
}

int zuv__peer_ids_check_connect(zuv__socket_t *socket) {
  const zuv__options_t *options = &socket->options;
  int type = socket->pattern->type;

  if (type != ZUV_ROUTER && type != ZUV_REP && type != ZUV_STREAM)
    return 0;
  if (options->connect_routing_id_size == 0 ||
      !zuv__peer_ids_taken(zuv__state(socket, zuv__peer_ids_t),
                           options->connect_routing_id,
                           options->connect_routing_id_size))
    return 0;
  return UV_EINVAL;
}

/* ---- Naming ----
 *
 * The bytes of an id are a message body of their own, so that a long id in a
 * delivered message may outlive the pipe. */

static zuv__body_t *id_body(const zuv__pipe_t *pipe) {
  return (zuv__body_t *)(uintptr_t)pipe->by_routing_id.key - 1;
}

static void drop_id(zuv__pipe_t *pipe) {
  zuv__body_release(id_body(pipe));
  pipe->by_routing_id.key = NULL;
  pipe->by_routing_id.size = 0;
}

static int name(zuv__peer_ids_t *ids, zuv__pipe_t *pipe, const void *id,
                size_t size) {
  zuv__body_t *body;
  int err;

  if (zuv__peer_ids_taken(ids, id, size))
    return UV_EEXIST;
  body = zuv__body_new(size);
  if (body == NULL)
    return UV_ENOMEM;
  memcpy(body->data, id, size);
  err = zuv__map_insert(&ids->map, &pipe->by_routing_id, body->data, size);
  if (err != 0) {
    zuv__body_release(body);
    pipe->by_routing_id.key = NULL;
  }
  return err;
}

static int generate(zuv__peer_ids_t *ids, zuv__pipe_t *pipe) {
  int err;

  do {
    uint32_t number = ids->next++;
    uint8_t id[GENERATED_SIZE] = {0, (uint8_t)(number >> 24),
                                  (uint8_t)(number >> 16),
                                  (uint8_t)(number >> 8), (uint8_t)number};
    /* A peer may have announced just this id. */
    err = name(ids, pipe, id, sizeof(id));
  } while (err == UV_EEXIST);
  return err;
}

int zuv__peer_ids_attach(zuv__peer_ids_t *ids, zuv__pipe_t *pipe) {
  zuv__options_t *options = &pipe->socket->options;

  if (pipe->connecting && options->connect_routing_id_size > 0) {
    if (name(ids, pipe, options->connect_routing_id,
             options->connect_routing_id_size) == UV_ENOMEM)
      return UV_ENOMEM;
    options->connect_routing_id_size = 0;
  }
  return pipe->raw && !zuv__pipe_has_id(pipe) ? generate(ids, pipe) : 0;
}

static int hand_over(zuv__peer_ids_t *ids, zuv__pipe_t *older,
                     zuv__pipe_t *pipe) {
  zuv__map_remove(&ids->map, &older->by_routing_id);
  drop_id(older);
  /* What it has received goes under another name; without memory for one,
   * zuv__peer_ids_prepend() drops it. */
  (void)generate(ids, older);
  zuv__pipe_close_keeping_unread(older, 0);
  /* The two are one another's peers, when a socket connects to itself over
   * inproc: then both have ended. */
  if (!pipe->attached)
    return UV_EEXIST;
  return name(ids, pipe, pipe->peer->routing_id, pipe->peer->routing_id_size);
}

int zuv__peer_ids_ready(zuv__peer_ids_t *ids, zuv__pipe_t *pipe) {
  const zuv_peer_t *peer = pipe->peer;
  int err;

  /* Refused once is refused for good, whatever its next connection says. */
  if (!pipe->attached)
    return UV_EEXIST;
  if (zuv__pipe_has_id(pipe))
    return 0;
  if (pipe->raw || peer->routing_id_size == 0)
    return generate(ids, pipe);
  err = name(ids, pipe, peer->routing_id, peer->routing_id_size);
  if (err != UV_EEXIST || !pipe->socket->options.router_handover)
    return err;
  return hand_over(ids, find(ids, peer->routing_id, peer->routing_id_size),
                   pipe);
}

void zuv__peer_ids_detach(zuv__peer_ids_t *ids, zuv__pipe_t *pipe) {
  if (zuv__pipe_has_id(pipe))
    zuv__map_remove(&ids->map, &pipe->by_routing_id);
}

void zuv__peer_ids_forget(zuv__pipe_t *pipe) {
  if (zuv__pipe_has_id(pipe))
    drop_id(pipe);
}

/* ---- Messages ---- */

int zuv__peer_ids_prepend(const zuv__pipe_t *pipe, zuv__incoming_t *message) {
  const zuv__map_node_t *id = &pipe->by_routing_id;
  zuv_msg_t *part;

  if (id->key == NULL) {
    zuv__monitor_dropped(pipe->socket, 1);
    return ZUV__DROP;
  }
  part = --message->parts;
  message->count++;
  if (id->size <= ZUV__MSG_INLINE_MAX) {
    (void)zuv_msg_init_copy(part, id->key, id->size);
    return ZUV__DELIVER;
  }
  zuv__msg_init_slice(part, id->key, id->size, id_body(pipe));
  return ZUV__DELIVER;
}

int zuv__peer_ids_check(const zuv__peer_ids_t *ids, const zuv_msg_t *id) {
  const zuv__pipe_t *pipe =
      find(ids, zuv__msg_data((zuv_msg_t *)(uintptr_t)id), zuv__msg_size(id));

  if (pipe == NULL)
    return UV_EHOSTUNREACH;
  return pipe->can_write ? 0 : UV_EAGAIN;
}

int zuv__peer_ids_send(zuv__peer_ids_t *ids, zuv_msg_t *parts, size_t count) {
  zuv__pipe_t *pipe =
      find(ids, zuv__msg_data(&parts[0]), zuv__msg_size(&parts[0]));
  int err;

  if (pipe == NULL)
    return UV_EHOSTUNREACH;
  if (pipe->raw && count > 2)
    return UV_EINVAL;
  if (pipe->raw && zuv__msg_size(&parts[1]) == 0) {
    zuv__msgs_close(parts, count);
    /* A response that was sent just before still goes out. */
    zuv__pipe_close(pipe, pipe->socket->options.linger);
    return 0;
  }
  if (!pipe->can_write)
    return UV_EAGAIN;
  err = zuv__pipe_write(pipe, parts + 1, count - 1);
  if (err != 0)
    return err;
  zuv__msg_close(&parts[0]);
  pipe->socket->sent_to = pipe;
  return 0;
}
