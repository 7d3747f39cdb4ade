/* What the first two suites share: rows that are measured in turns with a
 * reference, and printed as a table. */
#ifndef ZUV_BENCH_DRIVER_H
#define ZUV_BENCH_DRIVER_H

#include "bench.h"
#include "table.h"

typedef struct {
  const char *name;
  const char *what;
  const char *reference_name;
  const char *unit;
  double factor; /* from the measured value to the unit */
  goal_kind_t goal_kind;
  double goal;
  bench_measure_fn zuv;
  bench_measure_fn reference;
  bench_work_t work;
  int rounds_max; /* 0: no limit */
  /* Measured in the same rounds and printed, without a goal. May be NULL. */
  const char *also_name;
  bench_measure_fn also;
  /* Why the row cannot be measured here; NULL: it can. May be NULL. */
  const char *(*missing)(void);
} row_t;

typedef struct {
  const char *program;
  const row_t *rows;
  int row_count;
  /* Prints what is measured. False: a library is not there. */
  bool (*introduce)(int rounds);
} suite_t;

/* The main function of a suite. */
int bench_drive(const suite_t *suite, int argc, char **argv);

#endif /* ZUV_BENCH_DRIVER_H */
