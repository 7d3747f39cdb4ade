/* What RFC 26 has a server compute in a handshake, with libsodium alone: four
 * multiplications on the curve, and the boxes. What comes from the client, and
 * nonces, are always the same. */
#ifndef ZUV_BENCH_OPERATIONS_H
#define ZUV_BENCH_OPERATIONS_H

#include "keys.h"

enum { OPERATIONS_BOX_MAX = 164 /* of INITIATE */ };

typedef struct {
  uint8_t server_secret_key[KEY_SIZE];
  uint8_t client_public_key[KEY_SIZE];
  uint8_t cookie_key[KEY_SIZE];
  keys_t transient;        /* the client's */
  keys_t server_transient; /* stands in for the one that is made each time */
  uint8_t hello[OPERATIONS_BOX_MAX];
  uint8_t initiate[OPERATIONS_BOX_MAX];
  uint8_t vouch[OPERATIONS_BOX_MAX];
} operations_t;

void operations_prepare(operations_t *operations);

/* All of a handshake. */
void operations_serve(const operations_t *operations);

#endif /* ZUV_BENCH_OPERATIONS_H */
