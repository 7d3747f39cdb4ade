/* The least that encrypted traffic can cost without a thread more: boxes of
 * libsodium over a plain tcp socket, sealed into the buffer that is sent, and
 * opened where they were received.
 *
 * The link: the listening side says the port. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocking/blocking.h"
#include "security.h"

enum { NAME_AND_COUNTER = 16 }; /* a MESSAGE has them in front of its box */

typedef struct {
  size_t plain_size;
  size_t wire_size;
  uint8_t *wire;
  uint8_t *plain;
  uint8_t nonce[crypto_box_NONCEBYTES];
  uint8_t key[crypto_box_BEFORENMBYTES];
} boxes_t;

static void prepare(boxes_t *boxes, const bench_work_t *work) {
  *boxes = (boxes_t){.key = {1}, .plain_size = work->size + 1};
  boxes->wire_size = NAME_AND_COUNTER + crypto_box_MACBYTES + boxes->plain_size;
  boxes->plain = calloc(1, boxes->plain_size);
  boxes->wire = calloc(1, boxes->wire_size);
  bench_require(boxes->plain != NULL && boxes->wire != NULL, "malloc");
  bench_require(sodium_init() >= 0, "sodium_init");
}

static void forget(boxes_t *boxes) {
  free(boxes->plain);
  free(boxes->wire);
}

double sodium_raw_pull(const bench_work_t *work, int link) {
  uint64_t warm_up = blocking_warm_up(work), begin = 0;
  int port, listener = bench_tcp_listen(&port), fd;
  boxes_t boxes;
  double seconds;

  prepare(&boxes, work);
  bench_say(link, &port, sizeof(port));
  fd = accept(listener, NULL, NULL);
  bench_require(fd >= 0, "accept");
  close(listener);
  for (uint64_t i = 0; i < warm_up + work->count; i++) {
    uint8_t *box = boxes.wire + NAME_AND_COUNTER;
    size_t size = boxes.wire_size - NAME_AND_COUNTER;

    if (i == warm_up)
      begin = bench_now();
    bench_require(recv(fd, boxes.wire, boxes.wire_size, MSG_WAITALL) ==
                      (ssize_t)boxes.wire_size,
                  "recv");
    bench_require(crypto_box_open_detached_afternm(
                      box + crypto_box_MACBYTES, box + crypto_box_MACBYTES, box,
                      size - crypto_box_MACBYTES, boxes.nonce, boxes.key) == 0,
                  "crypto_box_open_detached_afternm");
  }
  seconds = (double)(bench_now() - begin) / 1e9;
  close(fd);
  forget(&boxes);
  return (double)work->count / seconds;
}

double sodium_raw_push(const bench_work_t *work, int link) {
  uint64_t total = blocking_warm_up(work) + work->count;
  int port, fd;
  boxes_t boxes;

  prepare(&boxes, work);
  bench_hear(link, &port, sizeof(port));
  fd = bench_tcp_connect(port);
  for (uint64_t i = 0; i < total; i++) {
    bench_require(crypto_box_easy_afternm(boxes.wire + NAME_AND_COUNTER,
                                          boxes.plain, boxes.plain_size,
                                          boxes.nonce, boxes.key) == 0,
                  "crypto_box_easy_afternm");
    bench_require(send(fd, boxes.wire, boxes.wire_size, 0) ==
                      (ssize_t)boxes.wire_size,
                  "send");
  }
  close(fd);
  forget(&boxes);
  return 0;
}
