/* Plain TCP on a harness's loop: what talks to zuv without being zuv. */
#ifndef RAW_TCP_H
#define RAW_TCP_H

#include "support/harness.h"

typedef struct {
  uv_tcp_t tcp; /* first */
  harness_t *harness;
  char *bytes; /* received so far */
  size_t size;
  bool connected;
  bool ended; /* the other side closed */
  bool closed;
} raw_tcp_t;

enum { RAW_TCP_PEERS_MAX = 32 };

typedef struct {
  uv_tcp_t tcp; /* first */
  harness_t *harness;
  raw_tcp_t *peers[RAW_TCP_PEERS_MAX];
  size_t accepted;
  char endpoint[HARNESS_TEXT_MAX];
  bool closed;
} raw_listener_t;

/* Connects to a tcp://127.0.0.1:PORT endpoint and waits for it. */
void raw_tcp_connect(harness_t *h, raw_tcp_t *raw, const char *endpoint);
void raw_tcp_send(raw_tcp_t *raw, const void *data, size_t size);
/* Lets the other side write until the kernel takes no more, and reads on. */
void raw_tcp_stop_reading(raw_tcp_t *raw);
void raw_tcp_read_again(raw_tcp_t *raw);
/* Closes it, waits, and frees what it received. */
void raw_tcp_close(raw_tcp_t *raw);

/* Listens on a free port. */
void raw_tcp_listen(harness_t *h, raw_listener_t *listener);
/* Closes it and all it has accepted. */
void raw_tcp_listener_close(raw_listener_t *listener);

#endif /* RAW_TCP_H */
