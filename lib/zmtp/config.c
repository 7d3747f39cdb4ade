#include "zmtp/config.h"

#include <assert.h>
#include <string.h>

#include "zmtp/metadata.h"
#include "zmtp/socket_type.h"

#define SOCKET_TYPE "Socket-Type"
#define IDENTITY "Identity"

size_t zuv__config_metadata_size(const zuv__engine_config_t *config) {
  const char *type = zuv__socket_type_name(config->socket_type);
  size_t size;

  assert(type != NULL);
  size = zuv__property_size(strlen(SOCKET_TYPE), strlen(type));
  if (zuv__socket_type_sends_routing_id(config->socket_type))
    size += zuv__property_size(strlen(IDENTITY), config->routing_id_size);
  return size + config->extra_metadata_size;
}

void zuv__config_metadata_write(const zuv__engine_config_t *config,
                                uint8_t *out) {
  const char *type = zuv__socket_type_name(config->socket_type);
  size_t room = zuv__config_metadata_size(config);
  size_t used = zuv__metadata_append(out, room, SOCKET_TYPE,
                                     strlen(SOCKET_TYPE), type, strlen(type));

  if (zuv__socket_type_sends_routing_id(config->socket_type))
    used += zuv__metadata_append(out + used, room - used, IDENTITY,
                                 strlen(IDENTITY), config->routing_id,
                                 config->routing_id_size);
  if (config->extra_metadata_size > 0)
    memcpy(out + used, config->extra_metadata, config->extra_metadata_size);
}
