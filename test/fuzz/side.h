/* One engine of a fuzz target, with its connection's duties, on fixed keys and
 * repeatable randomness, and with memory that can run out. Every step is
 * checked. */
#ifndef ZUV_TEST_FUZZ_SIDE_H
#define ZUV_TEST_FUZZ_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "security/settings.h"
#include "zmtp/engine.h"

enum { BUFFER_MAX = 32 * 1024 };

typedef struct {
  zuv__security_t security;
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  uint8_t out[BUFFER_MAX];
  size_t out_size;
  size_t taken; /* of out: by the other side, or by the script */
  uint8_t pending[BUFFER_MAX];
  size_t pending_size; /* given to the engine and not used */
} side_t;

/* Ends the process, also where NDEBUG is set. */
void expect(bool holds);

/* Once, before everything else. */
void side_init_all(void);

/* There is memory again, and randomness that follows from the input: a frame
 * that the fuzzer has seen in one run is of no use to it in another. */
void side_begin(const uint8_t *data, size_t size);

/* One of the next allocations is refused: after so many. */
void side_fail_allocation(size_t after);

/* Random octets of the same kind. */
void side_random(void *out, size_t size);

/* The two do not fit together when the secrets differ. */
void side_init(side_t *side, int mechanism, bool as_server,
               bool secrets_differ);
void side_destroy(side_t *side);

/* As the engine's sink does. */
void side_write(side_t *side, const uint8_t *bytes, size_t size);

/* Gives the engine what is pending, and the turns that it wants. */
void side_step(side_t *side);

/* Gives octets, so many at a time. False: nobody would keep that much. */
bool side_feed(side_t *side, const uint8_t *bytes, size_t size, size_t chunk);

/* What must hold in any state. */
void side_check(const side_t *side);

bool side_error_is_known(zuv__protocol_error_t error);
bool side_has_client_key(const uint8_t *key);

#endif /* ZUV_TEST_FUZZ_SIDE_H */
