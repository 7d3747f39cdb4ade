/* What libsodium alone takes for the same work, on one core. */
#include <sodium.h>
#include <stdlib.h>

#include "../blocking/blocking.h"
#include "operations.h"
#include "security.h"

double sodium_open_boxes(const bench_work_t *work, int link) {
  uint8_t nonce[crypto_box_NONCEBYTES] = {0}, key[crypto_box_BEFORENMBYTES];
  uint64_t warm_up = blocking_warm_up(work), begin = 0;
  size_t size = work->size + 1; /* a message has an octet of flags */
  uint8_t *plain = calloc(1, size), *box = malloc(size + crypto_box_MACBYTES);
  double seconds;

  (void)link;
  bench_require(plain != NULL && box != NULL, "malloc");
  bench_require(sodium_init() >= 0, "sodium_init");
  randombytes_buf(key, sizeof(key));
  bench_require(crypto_box_easy_afternm(box, plain, size, nonce, key) == 0,
                "crypto_box_easy_afternm");
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    if (i == warm_up)
      begin = bench_now();
    bench_require(crypto_box_open_easy_afternm(
                      plain, box, size + crypto_box_MACBYTES, nonce, key) == 0,
                  "crypto_box_open_easy_afternm");
  }
  seconds = (double)(bench_now() - begin) / 1e9;
  free(plain);
  free(box);
  return (double)work->count / seconds;
}

double sodium_curve_operations(const bench_work_t *work, int link) {
  uint64_t warm_up = blocking_warm_up(work);
  operations_t operations;
  double begin = 0;

  (void)link;
  operations_prepare(&operations);
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    if (i == warm_up)
      begin = bench_cpu();
    operations_serve(&operations);
  }
  return (bench_cpu() - begin) / (double)work->count;
}
