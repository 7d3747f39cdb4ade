#include "zmtp/socket_type.h"

#include <string.h>

#define ACCEPTS(type) (1u << ZUV__SOCKET_##type)

static const struct {
  const char *name;
  unsigned accepts; /* a bit for each peer type; none: never speaks ZMTP */
  bool sends_routing_id;
} types[] = {
    [ZUV__SOCKET_PAIR] = {"PAIR", ACCEPTS(PAIR), false},
    [ZUV__SOCKET_PUB] = {"PUB", ACCEPTS(SUB) | ACCEPTS(XSUB), false},
    [ZUV__SOCKET_SUB] = {"SUB", ACCEPTS(PUB) | ACCEPTS(XPUB), false},
    [ZUV__SOCKET_REQ] = {"REQ", ACCEPTS(REP) | ACCEPTS(ROUTER), true},
    [ZUV__SOCKET_REP] = {"REP", ACCEPTS(REQ) | ACCEPTS(DEALER), false},
    [ZUV__SOCKET_DEALER] = {"DEALER",
                            ACCEPTS(REP) | ACCEPTS(DEALER) | ACCEPTS(ROUTER),
                            true},
    [ZUV__SOCKET_ROUTER] = {"ROUTER",
                            ACCEPTS(REQ) | ACCEPTS(DEALER) | ACCEPTS(ROUTER),
                            true},
    [ZUV__SOCKET_PULL] = {"PULL", ACCEPTS(PUSH), false},
    [ZUV__SOCKET_PUSH] = {"PUSH", ACCEPTS(PULL), false},
    [ZUV__SOCKET_XPUB] = {"XPUB", ACCEPTS(SUB) | ACCEPTS(XSUB), false},
    [ZUV__SOCKET_XSUB] = {"XSUB", ACCEPTS(PUB) | ACCEPTS(XPUB), false},
    [ZUV__SOCKET_STREAM] = {"STREAM", 0, false},
};

#define TYPE_COUNT ((int)(sizeof(types) / sizeof(types[0])))

static bool is_type(int type) {
  return type >= 0 && type < TYPE_COUNT;
}

const char *zuv__socket_type_name(int type) {
  return is_type(type) ? types[type].name : NULL;
}

int zuv__socket_type_number(const uint8_t *name, size_t size) {
  for (int i = 0; i < TYPE_COUNT; i++)
    if (strlen(types[i].name) == size && memcmp(types[i].name, name, size) == 0)
      return i;
  return -1;
}

bool zuv__socket_types_compatible(int own, const uint8_t *name, size_t size) {
  int peer = zuv__socket_type_number(name, size);
  return is_type(own) && peer >= 0 && (types[own].accepts >> peer & 1u) != 0;
}

bool zuv__socket_type_sends_routing_id(int type) {
  return is_type(type) && types[type].sends_routing_id;
}
