/* The table that the suites print: a value and what it is compared with, as
 * medians of all rounds, their ratio, and whether it meets the goal. */
#ifndef ZUV_BENCH_TABLE_H
#define ZUV_BENCH_TABLE_H

#include <stdbool.h>

typedef enum {
  NO_GOAL,
  RATIO_AT_LEAST, /* more is better */
  RATIO_AT_MOST,  /* less is better */
  VALUE_AT_MOST   /* whatever it is compared with */
} goal_kind_t;

typedef struct {
  const char *what;
  const char *unit;
  const char *reference_name;
  goal_kind_t goal_kind;
  double goal;
} line_t;

/* The column heads. */
void table_head(const char *value_name);

/* A line, without its end. `values` and `reference` have a value of each round
 * and are sorted; without a reference (NULL) there is no ratio. False: the goal
 * is missed. */
bool table_line(const line_t *line, double *values, double *reference,
                int rounds);

/* Sorts the values. */
double table_median(double *values, int count);

#endif /* ZUV_BENCH_TABLE_H */
