#include "zmtp/peer.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "zmtp/metadata.h"
#include "zmtp/socket_type.h"

void zuv__peer_init(zuv__peer_t *peer) {
  memset(peer, 0, sizeof(*peer));
  peer->socket_type = -1;
}

void zuv__peer_destroy(zuv__peer_t *peer) {
  zuv__free(peer->metadata);
  zuv__free(peer->identity);
  zuv__peer_init(peer);
}

/* Only we and our authentication may say these. */
static bool is_reserved(const zuv__property_t *property) {
  return zuv__property_is(property, "User-Id") ||
         zuv__property_is(property, "Peer-Address") ||
         zuv__property_is(property, "Routing-Id");
}

/* Checks all properties; *kept is the size of those that are not reserved. */
static zuv__peer_result_t check(const zuv__engine_config_t *config,
                                const uint8_t *block, size_t size,
                                size_t *kept) {
  zuv__property_t property;
  size_t offset = 0;
  int result;

  *kept = 0;
  for (;;) {
    result = zuv__metadata_next(block, size, &offset, &property);
    if (result < 0)
      return ZUV__PEER_MALFORMED_METADATA;
    if (result == 0)
      return ZUV__PEER_OK;
    if (zuv__property_is(&property, "Socket-Type") &&
        !zuv__socket_types_compatible(config->socket_type, property.value,
                                      property.value_size))
      return ZUV__PEER_WRONG_SOCKET_TYPE;
    if (zuv__property_is(&property, "Identity") &&
        property.value_size > ZUV__ROUTING_ID_MAX)
      return ZUV__PEER_ROUTING_ID_TOO_LONG;
    if (!is_reserved(&property))
      *kept += zuv__property_size(property.name_size, property.value_size);
  }
}

static void copy_kept(uint8_t *out, const uint8_t *block, size_t size) {
  zuv__property_t property;
  size_t offset = 0;

  for (;;) {
    size_t start = offset;
    if (zuv__metadata_next(block, size, &offset, &property) <= 0)
      return;
    if (is_reserved(&property))
      continue;
    memcpy(out, block + start, offset - start);
    out += offset - start;
  }
}

zuv__peer_result_t zuv__peer_add_metadata(zuv__peer_t *peer,
                                          const zuv__engine_config_t *config,
                                          const uint8_t *block, size_t size) {
  zuv__peer_result_t result;
  zuv__property_t property;
  uint8_t *metadata;
  uint8_t *own;
  size_t kept;

  /* A mechanism has it once; the routing id would be left behind. */
  assert(peer->routing_id == NULL);
  result = check(config, block, size, &kept);
  if (result != ZUV__PEER_OK || kept == 0)
    return result;
  metadata = zuv__realloc(peer->metadata, peer->metadata_size + kept);
  if (metadata == NULL)
    return ZUV__PEER_OUT_OF_MEMORY;
  own = metadata + peer->metadata_size;
  copy_kept(own, block, size);
  peer->metadata = metadata;
  peer->metadata_size += kept;

  if (zuv__metadata_find(own, kept, "Socket-Type", &property))
    peer->socket_type =
        (int8_t)zuv__socket_type_number(property.value, property.value_size);
  if (zuv__metadata_find(own, kept, "Identity", &property) &&
      property.value_size > 0) {
    peer->routing_id = property.value;
    peer->routing_id_size = (uint8_t)property.value_size;
  }
  return ZUV__PEER_OK;
}

zuv__peer_result_t zuv__peer_set_identity(zuv__peer_t *peer,
                                          const uint8_t *identity,
                                          size_t size) {
  assert(peer->identity == NULL && size <= ZUV__ROUTING_ID_MAX);
  if (size == 0)
    return ZUV__PEER_OK;
  peer->identity = zuv__malloc(size);
  if (peer->identity == NULL)
    return ZUV__PEER_OUT_OF_MEMORY;
  memcpy(peer->identity, identity, size);
  peer->routing_id = peer->identity;
  peer->routing_id_size = (uint8_t)size;
  return ZUV__PEER_OK;
}

zuv__peer_result_t zuv__peer_add_authentication(zuv__peer_t *peer,
                                                const uint8_t *user_id,
                                                size_t user_id_size,
                                                const uint8_t *block,
                                                size_t size) {
  static const char name[] = "User-Id";
  size_t front = size;
  size_t used = 0;
  uint8_t *metadata;

  if (!zuv__metadata_is_valid(block, size) || user_id_size > INT32_MAX)
    return ZUV__PEER_MALFORMED_METADATA;
  if (user_id != NULL)
    front += zuv__property_size(sizeof(name) - 1, user_id_size);
  if (front == 0)
    return ZUV__PEER_OK;
  metadata = zuv__malloc(front + peer->metadata_size);
  if (metadata == NULL)
    return ZUV__PEER_OUT_OF_MEMORY;

  if (user_id != NULL)
    used = zuv__metadata_append(metadata, front, name, sizeof(name) - 1,
                                user_id, user_id_size);
  if (size > 0)
    memcpy(metadata + used, block, size);
  if (peer->metadata_size > 0)
    memcpy(metadata + front, peer->metadata, peer->metadata_size);
  if (peer->routing_id != NULL && peer->identity == NULL)
    peer->routing_id = metadata + front + (peer->routing_id - peer->metadata);
  zuv__free(peer->metadata);
  peer->metadata = metadata;
  peer->metadata_size += front;
  return ZUV__PEER_OK;
}
