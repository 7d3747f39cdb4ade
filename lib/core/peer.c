#include "core/peer.h"

#include <string.h>

#include "base/alloc.h"
#include "core/pipe.h"
#include "zmtp/metadata.h"

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
  peer->references = 1;
  peer->type = type;
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
  if (--peer->references > 0)
    return;
  zuv__free(peer->metadata);
  zuv__free(peer->user_id);
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

const char *zuv_peer_user_id(const zuv_peer_t *peer) {
  return peer->user_id;
}

const void *zuv_peer_property(const zuv_peer_t *peer, const char *name,
                              size_t *size) {
  zuv__property_t property;

  if (!zuv__metadata_find(peer->metadata, peer->metadata_size, name, &property))
    return NULL;
  *size = property.value_size;
  return property.value;
}
