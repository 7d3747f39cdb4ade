/* The roles of the security suite. Those of the libraries come in two kinds:
 * with zmq_*, for blocking_worker, and with zuv.h, for native_worker. */
#ifndef ZUV_BENCH_SECURITY_H
#define ZUV_BENCH_SECURITY_H

#include "../bench.h"

/* sodium.c: boxes of size + 1 bytes opened in a second; processor seconds of
 * what a server computes in a handshake. No library is loaded. */
double sodium_open_boxes(const bench_work_t *work, int link);
double sodium_curve_operations(const bench_work_t *work, int link);

/* raw_boxes.c: boxes received and opened in a second, over plain tcp. */
double sodium_raw_pull(const bench_work_t *work, int link);
double sodium_raw_push(const bench_work_t *work, int link);

/* handshakes.c: processor seconds of the other process a handshake */
double bare_handshakes(const bench_work_t *work, int link);

/* The other process of bare_handshakes: a PULL that ends with a message.
 * minimal_handshake_server (minimal.c) has no library but libsodium. */
double minimal_handshake_server(const bench_work_t *work, int link);
double blocking_handshake_server(const bench_work_t *work, int link);
double native_handshake_server(const bench_work_t *work, int link);

/* REQ, which has the results of half_open.h, and the REP that it asks, which
 * ends with an empty message. */
double blocking_half_open(const bench_work_t *work, int link);
double native_half_open(const bench_work_t *work, int link);
double blocking_echo_server(const bench_work_t *work, int link);
double native_echo_server(const bench_work_t *work, int link);

#endif /* ZUV_BENCH_SECURITY_H */
