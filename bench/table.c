#include "table.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

double table_median(double *values, int count) {
  qsort(values, (size_t)count, sizeof(*values), by_value);
  return count % 2 == 1 ? values[count / 2]
                        : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static bool met(const line_t *line, double value, double ratio) {
  switch (line->goal_kind) {
    case RATIO_AT_LEAST:
      return ratio >= line->goal;
    case RATIO_AT_MOST:
      return ratio <= line->goal;
    case VALUE_AT_MOST:
      return value <= line->goal;
    case NO_GOAL:
      break;
  }
  return true;
}

static void print_goal(const line_t *line, bool ok) {
  if (line->goal_kind == NO_GOAL)
    printf("       -");
  else if (line->goal_kind == VALUE_AT_MOST)
    printf("<= %.0f %s  %s", line->goal, line->unit, ok ? "met" : "MISSED");
  else
    printf("%s %-5.3g  %s",
           line->goal_kind == RATIO_AT_LEAST ? ">=" : "<=", line->goal,
           ok ? "met" : "MISSED");
}

void table_head(const char *value_name) {
  printf("%-22s %14s %14s %-11s %6s %-15s goal\n", "", value_name, "reference",
         "", "ratio", "  least..most");
}

bool table_line(const line_t *line, double *values, double *reference,
                int rounds) {
  double ratios[ROUNDS_MAX], value, other = 0;
  bool has_ratio = reference != NULL && reference[0] > 0;
  bool ok;

  for (int i = 0; has_ratio && i < rounds; i++)
    ratios[i] = values[i] / reference[i];
  value = table_median(values, rounds);
  printf("%-22s %8.5g %-5s ", line->what, value, line->unit);
  if (reference != NULL) {
    other = table_median(reference, rounds);
    printf("%8.5g %-5s %-11s ", other, line->unit, line->reference_name);
  } else {
    printf("%8s %-5s %-11s ", "", "", "");
  }
  if (has_ratio) {
    table_median(ratios, rounds);
    printf("%6.2f %6.2f..%-6.2f ", value / other, ratios[0],
           ratios[rounds - 1]);
  } else {
    printf("%6s %6s  %-6s ", "-", "-", "");
  }
  ok = met(line, value, has_ratio ? value / other : NAN);
  print_goal(line, ok);
  return ok;
}
