/* A suite whose rows have several sides, which are measured in turns, and
 * figures that compare them. Each process of a side is a worker. */
#ifndef ZUV_BENCH_COMPARISON_H
#define ZUV_BENCH_COMPARISON_H

#include "bench.h"
#include "table.h"

enum {
  COMPARISON_SIDES_MAX = 8,
  COMPARISON_VALUES_MAX = 10, /* of a side */
  COMPARISON_ALONE = -1       /* a value that is compared with nothing */
};

/* Whose functions a worker calls. */
typedef enum { NATIVE, OURS, REFERENCE, NO_LIBRARY } whose_t;

typedef struct {
  const char *name;
  whose_t whose;
  const char *mechanism;
  const char *measuring;
  const char *other; /* NULL: one process does it all */
} side_t;

/* A value of a side, and one that it is compared with. */
typedef struct {
  const char *what;
  const char *unit;
  double factor; /* from the measured value to the unit */
  int side;
  int value;
  int against; /* a side, or COMPARISON_ALONE */
  int against_value;
  const char *against_name;
  goal_kind_t goal_kind;
  double goal;
} figure_t;

typedef struct {
  const char *name;
  bench_work_t work;
  int value_count; /* of a side */
  const side_t *sides;
  int side_count;
  const figure_t *figures;
  int figure_count;
} comparison_t;

typedef struct {
  const char *program;
  const comparison_t *rows;
  int row_count;
  const char *ours; /* the file of our libzmq */
} comparison_suite_t;

/* The main function of such a suite. */
int comparison_drive(const comparison_suite_t *suite, int argc, char **argv);

#endif /* ZUV_BENCH_COMPARISON_H */
