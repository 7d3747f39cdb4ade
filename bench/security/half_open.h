/* How quick an established connection is while others hang in their handshake.
 * A REQ of a library asks a REP, which is the server of 10,000 half-open
 * connections too: bare peers of a third process, a third of which are silent
 * after connect, a third after the greeting, a third after CURVE's HELLO.
 *
 * The link: the REP says its process id and its endpoint. */
#ifndef ZUV_BENCH_HALF_OPEN_H
#define ZUV_BENCH_HALF_OPEN_H

#include <sys/types.h>

#include "../bench.h"

/* The results; times are in seconds, of a whole round trip. */
enum {
  HALF_OPEN_QUIET_MEDIAN,
  HALF_OPEN_QUIET_TAIL, /* the 99th percentile */
  HALF_OPEN_ARRIVING_MEDIAN,
  HALF_OPEN_ARRIVING_TAIL,
  HALF_OPEN_HELD_MEDIAN,
  HALF_OPEN_HELD_TAIL,
  HALF_OPEN_MEMORY, /* resident bytes of the server, a connection */
  HALF_OPEN_LEFT,   /* connections that stayed when their time was over */
  HALF_OPEN_LAST,   /* when the last one went, since it connected */
  HALF_OPEN_COUNT
};

typedef struct {
  const bench_work_t *work;
  char endpoint[BENCH_ENDPOINT_MAX];
  pid_t server;
  int crowd; /* a stream to the process of the bare peers */
} half_open_t;

typedef void (*round_trip_fn)(void *client);

/* Before the process has threads: the bare peers' process is forked. */
void half_open_begin(half_open_t *run, const bench_work_t *work, int link);

/* Writes all results but the last, which it returns. */
double half_open_measure(const half_open_t *run, round_trip_fn round_trip,
                         void *client);

/* ---- The process of the bare peers (crowd.c) -------------------------------
 */

enum {
  CROWD_OPEN = 'o', /* answered when all are half open, by 1 */
  CROWD_WAIT = 'w'  /* answered by crowd_end_t when they are gone, and the
                       process ends */
};

typedef struct {
  double held; /* were still there when the wait began */
  double left; /* were still there long after their time was over */
  double last; /* seconds from the last connect to the last one's end */
} crowd_end_t;

/* Forks it, and answers the stream to it. */
int crowd_start(const bench_work_t *work, int port);

#endif /* ZUV_BENCH_HALF_OPEN_H */
