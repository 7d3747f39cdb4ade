#include "core/peer.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "core/socket.h"
#include "zmtp/metadata.h"
#include "zmtp/socket_type.h"

zuv_peer_t *zuv__peer_new(const char *address, const char *endpoint, int type,
                          const char *mechanism, const void *routing_id,
                          size_t routing_id_size) {
  size_t address_size = strlen(address) + 1;
  size_t endpoint_size = strlen(endpoint) + 1;
  zuv_peer_t *peer = zuv__calloc(1, sizeof(*peer) + address_size +
                                        endpoint_size + routing_id_size);
  char *end;

  if (peer == NULL)
    return NULL;
  atomic_init(&peer->references, 1);
  atomic_init(&peer->values, NULL);
  peer->type = type;
  peer->fd = -1;
  peer->mechanism = mechanism;
  memcpy(peer->address, address, address_size);
  end = peer->address + address_size;
  memcpy(end, endpoint, endpoint_size);
  peer->endpoint = end;
  end += endpoint_size;
  if (routing_id_size > 0)
    memcpy(end, routing_id, routing_id_size);
  peer->routing_id = (const uint8_t *)end;
  peer->routing_id_size = routing_id_size;
  return peer;
}

void zuv__peer_release(zuv_peer_t *peer) {
  /* The last holder needs no atomic decrement: nobody else can touch it. */
  if (atomic_load_explicit(&peer->references, memory_order_acquire) != 1 &&
      atomic_fetch_sub_explicit(&peer->references, 1, memory_order_acq_rel) !=
          1)
    return;
  zuv__free(atomic_load_explicit(&peer->values, memory_order_relaxed));
  zuv__free(peer->metadata);
  zuv__free(peer);
}

const char *zuv_peer_address(const zuv_peer_t *peer) {
  return peer->address;
}

const char *zuv_peer_endpoint(const zuv_peer_t *peer) {
  return peer->endpoint;
}

const void *zuv_peer_routing_id(const zuv_peer_t *peer, size_t *size) {
  const zuv__pipe_t *pipe = peer->pipe;

  if (pipe != NULL && pipe->by_routing_id.key != NULL) {
    *size = pipe->by_routing_id.size;
    return pipe->by_routing_id.key;
  }
  *size = peer->routing_id_size;
  return peer->routing_id;
}

int zuv_peer_type(const zuv_peer_t *peer) {
  return peer->type;
}

const char *zuv_peer_mechanism(const zuv_peer_t *peer) {
  return peer->mechanism;
}

const void *zuv_peer_property(const zuv_peer_t *peer, const char *name,
                              size_t *size) {
  zuv__property_t property;

  if (!zuv__metadata_find(peer->metadata, peer->metadata_size, name, &property))
    return NULL;
  *size = property.value_size;
  return property.value;
}

static bool find_exact(const zuv_peer_t *peer, const char *name,
                       zuv__property_t *property) {
  size_t size = strlen(name);
  size_t offset = 0;

  while (zuv__metadata_next(peer->metadata, peer->metadata_size, &offset,
                            property) > 0)
    if (property->name_size == size && memcmp(property->name, name, size) == 0)
      return true;
  return false;
}

/* The values, each one octet in front of where it is in the metadata: there,
 * behind it, is room for its NUL. */
static char *values_new(const zuv_peer_t *peer) {
  char *values = zuv__calloc(1, peer->metadata_size);
  zuv__property_t property;
  size_t offset = 0;

  if (values == NULL)
    return NULL;
  while (zuv__metadata_next(peer->metadata, peer->metadata_size, &offset,
                            &property) > 0)
    memcpy(values + (property.value - peer->metadata) - 1, property.value,
           property.value_size);
  return values;
}

/* Most peers are never asked, so they are made when the first one asks. */
static const char *values_of(zuv_peer_t *peer) {
  char *values = atomic_load_explicit(&peer->values, memory_order_acquire);
  char *own;

  if (values != NULL)
    return values;
  own = values_new(peer);
  if (own == NULL)
    return NULL;
  if (atomic_compare_exchange_strong_explicit(&peer->values, &values, own,
                                              memory_order_acq_rel,
                                              memory_order_acquire))
    return own;
  zuv__free(own);
  return values;
}

static const char *property_name(const char *name) {
  return strcmp(name, "Routing-Id") == 0 ? "Identity" : name;
}

bool zuv__peer_has_property(const zuv_peer_t *peer, const char *name) {
  zuv__property_t property;

  return peer->metadata != NULL &&
         find_exact(peer, property_name(name), &property);
}

const char *zuv__peer_text(zuv_peer_t *peer, const char *name) {
  zuv__property_t property;
  const char *values;

  if (strcmp(name, "Peer-Address") == 0)
    return peer->address[0] != '\0' ? peer->address : NULL;
  if (peer->metadata == NULL)
    return NULL;
  if (strcmp(name, "Socket-Type") == 0)
    return zuv__socket_type_name(peer->type);
  if (!find_exact(peer, property_name(name), &property))
    return NULL;
  values = values_of(peer);
  return values != NULL ? values + (property.value - peer->metadata) - 1 : NULL;
}

const char *zuv_peer_user_id(const zuv_peer_t *peer) {
  /* What it makes on demand is no part of what the peer is. */
  return zuv__peer_text((zuv_peer_t *)(uintptr_t)peer, "User-Id");
}

int zuv_peer_close(zuv_peer_t *peer) {
  zuv__pipe_t *pipe = peer->pipe;

  if (pipe == NULL || !pipe->connected || pipe->ops == NULL)
    return UV_ENOTCONN;
  if (pipe->ops->dismiss != NULL)
    pipe->ops->dismiss(pipe);
  else
    zuv__pipe_close_keeping_unread(pipe, 0);
  return 0;
}

/* The peers that are connected, each retained. */
static size_t collect(const zuv__socket_t *socket, zuv_peer_t **peers) {
  size_t count = 0;

  for (const zuv__list_t *node = socket->pipes.next; node != &socket->pipes;
       node = node->next) {
    const zuv__pipe_t *pipe =
        zuv__container_of(node, const zuv__pipe_t, in_socket);
    if (!pipe->connected)
      continue;
    if (peers != NULL) {
      zuv__peer_retain(pipe->peer);
      peers[count] = pipe->peer;
    }
    count++;
  }
  return count;
}

static bool is_connected(const zuv_peer_t *peer) {
  return peer->pipe != NULL && peer->pipe->connected;
}

int zuv_peers(zuv_socket_t *handle, zuv_peer_cb peer_cb, void *arg) {
  zuv__socket_t *socket = zuv__socket(handle);
  zuv_peer_t **peers;
  size_t count;

  if (socket == NULL || peer_cb == NULL)
    return UV_EINVAL;
  count = collect(socket, NULL);
  if (count == 0)
    return 0;
  peers = zuv__malloc(count * sizeof(zuv_peer_t *));
  if (peers == NULL)
    return UV_ENOMEM;
  collect(socket, peers);
  for (size_t i = 0; i < count; i++) {
    if (is_connected(peers[i]))
      peer_cb(handle, peers[i], arg);
    zuv__peer_release(peers[i]);
  }
  zuv__free(peers);
  return 0;
}
