/* The long-term CURVE keys of the benchmarks: always the same ones, so that no
 * process has to tell another. */
#ifndef ZUV_BENCH_KEYS_H
#define ZUV_BENCH_KEYS_H

#include <stdint.h>

enum { KEY_SIZE = 32 };

typedef struct {
  uint8_t public_key[KEY_SIZE];
  uint8_t secret_key[KEY_SIZE];
} keys_t;

const keys_t *keys_of_server(void);
const keys_t *keys_of_client(void);

#endif /* ZUV_BENCH_KEYS_H */
