/* A worker is a program that is one process of a row: a suite starts it, and
 * leaves it a stream to the other process and a pipe for its result. Its
 * command line names the role, and the library to load. */
#ifndef ZUV_BENCH_WORKER_H
#define ZUV_BENCH_WORKER_H

#include "bench.h"

typedef struct {
  const char *name;
  bench_role_fn run;
} worker_role_t;

/* Of this program; the last one has no name. */
extern const worker_role_t worker_roles[];

/* A role that has several results writes all but the last, which it returns. */
void worker_report(const double *values, int count);

#endif /* ZUV_BENCH_WORKER_H */
