/* Socket types as the wire names them, and who may talk to whom (RFC 28 to
 * 31). One line a type in socket_type.c. The numbers are those of the public
 * headers. Nothing here can fail. */
#ifndef ZUV_ZMTP_SOCKET_TYPE_H
#define ZUV_ZMTP_SOCKET_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum zuv__socket_type {
  ZUV__SOCKET_PAIR = 0,
  ZUV__SOCKET_PUB = 1,
  ZUV__SOCKET_SUB = 2,
  ZUV__SOCKET_REQ = 3,
  ZUV__SOCKET_REP = 4,
  ZUV__SOCKET_DEALER = 5,
  ZUV__SOCKET_ROUTER = 6,
  ZUV__SOCKET_PULL = 7,
  ZUV__SOCKET_PUSH = 8,
  ZUV__SOCKET_XPUB = 9,
  ZUV__SOCKET_XSUB = 10,
  ZUV__SOCKET_STREAM = 11
} zuv__socket_type_t;

/* The upper-case name, or NULL for a number that is none. */
const char *zuv__socket_type_name(int type);

/* The number of an exact name, or -1. */
int zuv__socket_type_number(const uint8_t *name, size_t size);

/* True when a socket of type `own` accepts a peer that says it is `name`. */
bool zuv__socket_types_compatible(int own, const uint8_t *name, size_t size);

/* True for the types that put an Identity property into their metadata, be it
 * empty: REQ, DEALER, ROUTER. */
bool zuv__socket_type_sends_routing_id(int type);

#endif /* ZUV_ZMTP_SOCKET_TYPE_H */
