#include "transport/inproc.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/peer.h"
#include "core/socket.h"
#include "routing/notice.h"
#include "routing/peer_ids.h"
#include "transport/endpoint.h"
#include "transport/inproc_channel.h"
#include "transport/inproc_local.h"

/* A bound name. In the map under the context's mutex. */
typedef struct {
  zuv__endpoint_t endpoint;
  zuv__map_node_t by_name;
} binding_t;

/* A connect of ours; stays until disconnect even when its pipe has ended. */
typedef struct {
  zuv__endpoint_t endpoint;
  zuv__inproc_owner_t owner;
  zuv__timer_t again;
  /* CONNECT_ROUTING_ID, which it has consumed */
  unsigned char routing_id_size;
  unsigned char routing_id[255];
} connect_t;

/* A channel that waits for a bind. In the list under the context's mutex. */
typedef struct {
  zuv__list_t link;
  zuv__channel_t *channel;
  char name[];
} parked_t;

/* "Take this channel": from a connect on another loop to the binding socket. */
typedef struct {
  zuv__letter_t letter;
  zuv__channel_t *channel;
} offer_t;

static const char *name_of(const char *text) {
  return strstr(text, "://") + 3;
}

zuv_peer_t *zuv__inproc_peer(int type, const void *routing_id,
                             size_t routing_id_size, const char *endpoint) {
  return zuv__peer_new("", endpoint, type, "", routing_id, routing_id_size);
}

int zuv__inproc_attach(zuv__pipe_t *pipe) {
  zuv__socket_t *socket = pipe->socket;
  zuv_msg_t hello;

  if (zuv__notice_hello(&socket->options, socket->pattern, &hello)) {
    int err = zuv__pipe_write(pipe, &hello, 1);
    if (err != 0) {
      zuv__msg_close(&hello);
      return err;
    }
  }
  return zuv__pipe_attach(pipe);
}

static int endpoint_init(zuv__endpoint_t *endpoint, zuv__socket_t *socket,
                         const char *text) {
  zuv__list_init(&endpoint->in_socket);
  endpoint->socket = socket;
  endpoint->text = zuv__strndup(text, strlen(text));
  return endpoint->text == NULL ? UV_ENOMEM : 0;
}

/* ---- Parking ---- */

static void refuse_all(zuv__list_t *all) {
  while (!zuv__list_empty(all)) {
    parked_t *one = zuv__container_of(all->next, parked_t, link);
    zuv__list_remove(&one->link);
    zuv__channel_refuse(one->channel, 0);
    zuv__free(one);
  }
}

/* Under the mutex: sockets that come and go must not pile up here. */
static void drop_void(zuv__context_t *context) {
  zuv__list_t *node = context->inproc_parked.next;
  zuv__list_t dropped;

  zuv__list_init(&dropped);
  while (node != &context->inproc_parked) {
    zuv__list_t *next = node->next;
    if (zuv__channel_is_void(
            zuv__container_of(node, parked_t, link)->channel)) {
      zuv__list_remove(node);
      zuv__list_push_back(&dropped, node);
    }
    node = next;
  }
  refuse_all(&dropped);
}

static int park(zuv__context_t *context, const char *name,
                zuv__channel_t *channel) {
  size_t size = strlen(name) + 1;
  parked_t *parked = zuv__malloc(sizeof(*parked) + size);

  if (parked == NULL)
    return UV_ENOMEM;
  drop_void(context);
  memcpy(parked->name, name, size);
  parked->channel = channel;
  zuv__list_push_back(&context->inproc_parked, &parked->link);
  return 0;
}

/* Under the mutex: moves what is parked under this name. */
static void unpark(zuv__context_t *context, const char *name,
                   zuv__list_t *out) {
  zuv__list_t *node = context->inproc_parked.next;

  while (node != &context->inproc_parked) {
    zuv__list_t *next = node->next;
    if (strcmp(zuv__container_of(node, parked_t, link)->name, name) == 0) {
      zuv__list_remove(node);
      zuv__list_push_back(out, node);
    }
    node = next;
  }
}

static void take(zuv__socket_t *binder, zuv__channel_t *channel) {
  zuv__pipe_t *pipe = zuv__channel_pipe_on(channel, binder->loop);
  zuv__inproc_owner_t *owner;
  zuv__queue_t waiting;

  if (pipe == NULL) {
    if (zuv__channel_take(channel, binder) != 0)
      zuv__channel_refuse(channel, UV_ENOMEM);
    return;
  }
  zuv__channel_dissolve(channel, &waiting, &owner);
  if (zuv__inproc_join(pipe, owner, binder, &waiting) != 0) {
    size_t lost = waiting.count + pipe->out.count;

    zuv__queue_clear(&waiting, &binder->loop->blocks);
    if (lost > 0)
      zuv__monitor_dropped(pipe->socket, lost);
    zuv__pipe_ended(pipe);
    if (owner == NULL)
      return;
    owner->pipe = NULL;
    owner->failed(owner, UV_ENOMEM);
  }
}

static void take_parked(zuv__socket_t *binder, zuv__list_t *parked) {
  while (!zuv__list_empty(parked)) {
    parked_t *one = zuv__container_of(parked->next, parked_t, link);
    zuv__list_remove(&one->link);
    take(binder, one->channel);
    zuv__free(one);
  }
}

int zuv__inproc_bound_type(zuv__context_t *context, const char *name) {
  zuv__map_node_t *node;
  int type = -1;

  uv_mutex_lock(&context->mutex);
  node = zuv__map_find(&context->inproc_names, name, strlen(name));
  if (node != NULL)
    type = zuv__container_of(node, binding_t, by_name)
               ->endpoint.socket->pattern->type;
  uv_mutex_unlock(&context->mutex);
  return type;
}

void zuv__inproc_forget_parked(zuv__context_t *context) {
  zuv__list_t all;

  zuv__list_init(&all);
  uv_mutex_lock(&context->mutex);
  /* Another thread may have made a socket, and parked, in the meantime. */
  if (context->sockets == 0)
    zuv__list_splice(&all, &context->inproc_parked);
  uv_mutex_unlock(&context->mutex);
  refuse_all(&all);
}

/* ---- Binding ---- */

static void deliver_offer(zuv__letter_t *letter) {
  offer_t *offer = zuv__container_of(letter, offer_t, letter);
  binding_t *binding = letter->address;
  zuv__channel_t *channel = offer->channel;

  zuv__free(offer);
  if (zuv__channel_take(channel, binding->endpoint.socket) != 0)
    zuv__channel_refuse(channel, UV_ENOMEM);
}

/* The binding goes. Who has connected to it before an unbind is connected, also
 * if the binding has yet to hear of it. */
static void discard_offer(zuv__letter_t *letter) {
  offer_t *offer = zuv__container_of(letter, offer_t, letter);
  binding_t *binding = letter->address;
  const zuv__socket_t *socket = binding->endpoint.socket;

  if (!socket->closing && !socket->abandoned) {
    deliver_offer(letter);
    return;
  }
  zuv__channel_refuse(offer->channel, 0);
  zuv__free(offer);
}

static void binding_close(zuv__endpoint_t *endpoint, int linger) {
  binding_t *binding = zuv__container_of(endpoint, binding_t, endpoint);
  zuv__context_t *context = endpoint->socket->context;

  (void)linger;
  /* Only the name goes; whoever is connected stays so. */
  uv_mutex_lock(&context->mutex);
  zuv__map_remove(&context->inproc_names, &binding->by_name);
  uv_mutex_unlock(&context->mutex);
  zuv__loop_discard_letters(endpoint->socket->loop, binding);
  zuv__free(endpoint->text);
  zuv__free(binding);
}

int zuv__inproc_bind(zuv__socket_t *socket, const char *text) {
  zuv__context_t *context = socket->context;
  binding_t *binding = zuv__calloc(1, sizeof(*binding));
  const char *name;
  zuv__list_t parked;
  int err;

  if (binding == NULL)
    return UV_ENOMEM;
  err = endpoint_init(&binding->endpoint, socket, text);
  if (err != 0)
    goto fail;
  binding->endpoint.bound = true;
  binding->endpoint.close = binding_close;
  name = name_of(binding->endpoint.text);
  zuv__list_init(&parked);
  uv_mutex_lock(&context->mutex);
  err = zuv__map_insert(&context->inproc_names, &binding->by_name, name,
                        strlen(name));
  if (err == 0) {
    err = zuv__socket_add_endpoint(socket, &binding->endpoint);
    if (err != 0)
      zuv__map_remove(&context->inproc_names, &binding->by_name);
  }
  if (err == 0)
    unpark(context, name, &parked);
  uv_mutex_unlock(&context->mutex);
  if (err != 0)
    goto fail;
  take_parked(socket, &parked);
  return 0;

fail:
  zuv__free(binding->endpoint.text);
  zuv__free(binding);
  return err == UV_EEXIST ? UV_EADDRINUSE : err;
}

/* ---- Connecting ---- */

static void connect_close(zuv__endpoint_t *endpoint, int linger) {
  connect_t *connect = zuv__container_of(endpoint, connect_t, endpoint);
  zuv__pipe_t *pipe = connect->owner.pipe;

  zuv__timer_stop(endpoint->socket->loop, &connect->again);
  if (pipe != NULL)
    zuv__pipe_close(pipe, linger);
  assert(connect->owner.pipe == NULL);
  zuv__free(endpoint->text);
  zuv__free(connect);
}

/* The binding is on this loop. */
static int connect_here(connect_t *connect, zuv__socket_t *binder) {
  zuv__pipe_t *pipe =
      zuv__inproc_pipe_new(connect->endpoint.socket, connect->endpoint.text);
  int err;

  if (pipe == NULL)
    return UV_ENOMEM;
  pipe->connecting = true;
  connect->owner.pipe = pipe;
  err = zuv__inproc_join(pipe, &connect->owner, binder, NULL);
  if (err != 0) {
    connect->owner.pipe = NULL;
    zuv__pipe_ended(pipe);
  }
  return err;
}

/* Under the mutex: the binding is on another loop, and cannot go away. */
static int connect_there(connect_t *connect, binding_t *binding) {
  offer_t *offer = zuv__malloc(sizeof(*offer));
  int err;

  if (offer == NULL)
    return UV_ENOMEM;
  err = zuv__channel_new(connect->endpoint.socket, connect->endpoint.text,
                         &connect->owner, &offer->channel);
  if (err != 0) {
    zuv__free(offer);
    return err;
  }
  offer->letter.address = binding;
  offer->letter.deliver = deliver_offer;
  offer->letter.discard = discard_offer;
  zuv__loop_post(binding->endpoint.socket->loop, &offer->letter);
  return 0;
}

/* Under the mutex: nobody has bound the name yet. */
static int connect_later(connect_t *connect, const char *name) {
  zuv__socket_t *socket = connect->endpoint.socket;
  zuv__channel_t *channel;
  int err = zuv__channel_new(socket, connect->endpoint.text, &connect->owner,
                             &channel);

  if (err != 0)
    return err;
  err = park(socket->context, name, channel);
  if (err != 0)
    zuv__channel_refuse(channel, 0);
  return err;
}

/* UV_ENOMEM: it has no pipe. */
static int begin_connect(connect_t *connect) {
  zuv__socket_t *socket = connect->endpoint.socket;
  zuv__context_t *context = socket->context;
  const char *name = name_of(connect->endpoint.text);
  zuv__map_node_t *node;
  zuv__socket_t *binder = NULL; /* if it is on this loop */
  int err = 0;

  uv_mutex_lock(&context->mutex);
  node = zuv__map_find(&context->inproc_names, name, strlen(name));
  if (node == NULL) {
    err = connect_later(connect, name);
  } else {
    binding_t *binding = zuv__container_of(node, binding_t, by_name);
    if (binding->endpoint.socket->loop == socket->loop)
      binder = binding->endpoint.socket;
    else
      err = connect_there(connect, binding);
  }
  uv_mutex_unlock(&context->mutex);
  if (binder != NULL)
    err = connect_here(connect, binder);
  if (err != 0 && connect->owner.pipe != NULL)
    zuv__pipe_close(connect->owner.pipe, 0);
  return err;
}

static void connect_failed(connect_t *connect, int status) {
  zuv__socket_t *socket = connect->endpoint.socket;
  int interval = socket->options.reconnect_ivl;
  bool again = status == UV_ENOMEM && interval > 0;
  zuv_event_t event = {.type = again ? ZUV_EVENT_CONNECT_RETRIED
                                     : ZUV_EVENT_STOPPED,
                       .status = status,
                       .endpoint = connect->endpoint.text,
                       .connecting = 1,
                       .delay_ms = again ? (uint64_t)interval : 0,
                       .fd = -1};

  zuv__monitor_event(socket, &event);
  if (again)
    zuv__timer_start(socket->loop, &connect->again, (uint64_t)interval);
}

static void on_failed(zuv__inproc_owner_t *owner, int status) {
  connect_failed(zuv__container_of(owner, connect_t, owner), status);
}

/* With the same id for the peer as before. */
static void on_again(zuv__timer_t *timer) {
  connect_t *connect = zuv__container_of(timer, connect_t, again);
  zuv__options_t *options = &connect->endpoint.socket->options;
  unsigned char size = options->connect_routing_id_size;
  unsigned char id[sizeof(connect->routing_id)];
  int err;

  memcpy(id, options->connect_routing_id, sizeof(id));
  memcpy(options->connect_routing_id, connect->routing_id, sizeof(id));
  options->connect_routing_id_size = connect->routing_id_size;
  err = begin_connect(connect);
  memcpy(options->connect_routing_id, id, sizeof(id));
  options->connect_routing_id_size = size;
  if (err != 0)
    connect_failed(connect, err);
}

int zuv__inproc_connect(zuv__socket_t *socket, const char *text) {
  const zuv__options_t *options = &socket->options;
  connect_t *connect;
  int err = zuv__peer_ids_check_connect(socket);

  if (err != 0)
    return err;
  connect = zuv__calloc(1, sizeof(*connect));
  if (connect == NULL)
    return UV_ENOMEM;
  err = endpoint_init(&connect->endpoint, socket, text);
  if (err != 0)
    goto fail;
  connect->endpoint.close = connect_close;
  connect->owner.failed = on_failed;
  zuv__timer_init(&connect->again, on_again);
  connect->routing_id_size = options->connect_routing_id_size;
  memcpy(connect->routing_id, options->connect_routing_id,
         sizeof(connect->routing_id));
  err = zuv__socket_add_endpoint(socket, &connect->endpoint);
  if (err != 0)
    goto fail;
  err = begin_connect(connect);
  if (err == 0)
    return 0;
  zuv__socket_remove_endpoint(&connect->endpoint);

fail:
  zuv__free(connect->endpoint.text);
  zuv__free(connect);
  return err;
}
