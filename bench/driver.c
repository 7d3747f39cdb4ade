/* Runs the rows of a suite, zuv and the reference in turns, and prints the
 * medians, their ratio, and whether it meets the goal. See README.md. A row
 * that cannot be measured is reported, and the others go on. */
#include "driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ROUNDS_MAX = 101,
  ROUNDS = 5,
  QUICK_ROUNDS = 2,
  QUICK_PART = 5,
  SPARE_FILES = 64
};

typedef struct {
  bool quick;
  bool all;
  bool strict;
  int rounds;
  const char *side; /* NULL: all */
  char **names;
  int name_count;
} settings_t;

typedef struct {
  double zuv[ROUNDS_MAX];
  double reference[ROUNDS_MAX];
  double also[ROUNDS_MAX];
  double ratios[ROUNDS_MAX];
} samples_t;

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Sorts the values. */
static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof(*values), by_value);
  return count % 2 == 1 ? values[count / 2]
                        : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static bool selected(const settings_t *settings, const row_t *row) {
  if (settings->name_count == 0)
    return settings->all || row->goal_kind != NO_GOAL;
  for (int i = 0; i < settings->name_count; i++) {
    if (strcmp(settings->names[i], row->name) == 0)
      return true;
  }
  return false;
}

static bool met(const row_t *row, double zuv, double ratio) {
  switch (row->goal_kind) {
    case RATIO_AT_LEAST:
      return ratio >= row->goal;
    case RATIO_AT_MOST:
      return ratio <= row->goal;
    case VALUE_AT_MOST:
      return zuv <= row->goal;
    case NO_GOAL:
      break;
  }
  return true;
}

static void print_goal(const row_t *row, bool ok) {
  if (row->goal_kind == NO_GOAL)
    printf("       -");
  else if (row->goal_kind == VALUE_AT_MOST)
    printf("<= %.0f %s  %s", row->goal, row->unit, ok ? "met" : "MISSED");
  else
    printf("%s %-5.3g  %s",
           row->goal_kind == RATIO_AT_LEAST ? ">=" : "<=", row->goal,
           ok ? "met" : "MISSED");
}

static int rounds_of(const settings_t *settings, const row_t *row) {
  return row->rounds_max != 0 && row->rounds_max < settings->rounds
             ? row->rounds_max
             : settings->rounds;
}

static bench_work_t work_of(const settings_t *settings, const row_t *row) {
  bench_work_t work = row->work;
  if (settings->quick)
    work.count /= QUICK_PART;
  return work;
}

static bench_measure_fn side_of(const settings_t *settings, const row_t *row) {
  if (strcmp(settings->side, "zuv") == 0)
    return row->zuv;
  return strcmp(settings->side, "reference") == 0 ? row->reference : row->also;
}

/* Measures only one side: something to run under a profiler. */
static bool run_side(const settings_t *settings, const row_t *row) {
  bench_measure_fn measure = side_of(settings, row);
  bench_work_t work = work_of(settings, row);
  bool ok = true;

  if (measure == NULL)
    return true;
  for (int i = 0; i < rounds_of(settings, row); i++) {
    double value = measure(&work);
    ok &= !isnan(value);
    printf("%-22s %s %.4g %s\n", row->what, settings->side, value * row->factor,
           row->unit);
    fflush(stdout);
  }
  return ok;
}

/* False: one of the sides has no value. */
static bool take_samples(const settings_t *settings, const row_t *row,
                         samples_t *samples) {
  bench_work_t work = work_of(settings, row);

  for (int i = 0; i < rounds_of(settings, row); i++) {
    samples->zuv[i] = row->zuv(&work) * row->factor;
    samples->reference[i] = row->reference(&work) * row->factor;
    samples->also[i] = row->also != NULL ? row->also(&work) * row->factor : 0;
    if (isnan(samples->zuv[i]) || isnan(samples->reference[i]) ||
        isnan(samples->also[i]))
      return false;
    samples->ratios[i] = samples->zuv[i] / samples->reference[i];
  }
  return true;
}

static bool run_row(const settings_t *settings, const row_t *row, bool *ok) {
  samples_t samples;
  int rounds = rounds_of(settings, row);
  double zuv, reference, ratio;

  if (!take_samples(settings, row, &samples)) {
    printf("%-22s could not be measured\n", row->what);
    return false;
  }
  zuv = median(samples.zuv, rounds);
  reference = median(samples.reference, rounds);
  ratio = zuv / reference;
  *ok = met(row, zuv, ratio);
  printf("%-22s %8.5g %-5s %8.5g %-5s %-11s ", row->what, zuv, row->unit,
         reference, row->unit, row->reference_name);
  if (samples.reference[0] > 0) {
    median(samples.ratios, rounds);
    printf("%6.2f %6.2f..%-6.2f ", ratio, samples.ratios[0],
           samples.ratios[rounds - 1]);
  } else {
    printf("%6s %6s  %-6s ", "-", "-", "");
  }
  print_goal(row, *ok);
  if (row->also != NULL)
    printf("  (%s %.5g %s)", row->also_name, median(samples.also, rounds),
           row->unit);
  printf("\n");
  return true;
}

static int usage(const suite_t *suite) {
  fprintf(stderr,
          "usage: %s [--quick] [--rounds N] [--all] [--strict]\n"
          "           [--side zuv|reference|also] [ROW...]\n"
          "rows:",
          suite->program);
  for (int i = 0; i < suite->row_count; i++)
    fprintf(stderr, " %s", suite->rows[i].name);
  fputc('\n', stderr);
  return 2;
}

static bool known(const suite_t *suite, const char *name) {
  for (int i = 0; i < suite->row_count; i++) {
    if (strcmp(suite->rows[i].name, name) == 0)
      return true;
  }
  return false;
}

static bool parse(const suite_t *suite, int argc, char **argv,
                  settings_t *settings) {
  int i = 1;

  for (; i < argc && argv[i][0] == '-'; i++) {
    if (strcmp(argv[i], "--quick") == 0)
      settings->quick = true;
    else if (strcmp(argv[i], "--all") == 0)
      settings->all = true;
    else if (strcmp(argv[i], "--strict") == 0)
      settings->strict = true;
    else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
      settings->rounds = atoi(argv[++i]);
    else if (strcmp(argv[i], "--side") == 0 && i + 1 < argc)
      settings->side = argv[++i];
    else
      return false;
  }
  settings->names = argv + i;
  settings->name_count = argc - i;
  for (; i < argc; i++) {
    if (!known(suite, argv[i]))
      return false;
  }
  if (settings->rounds == 0)
    settings->rounds = settings->quick ? QUICK_ROUNDS : ROUNDS;
  return settings->rounds > 0 && settings->rounds <= ROUNDS_MAX;
}

/* Why the row cannot be measured on this machine, or NULL. */
static const char *obstacle(const row_t *row) {
  if (row->work.peers != 0 && !bench_allow_files(row->work.peers + SPARE_FILES))
    return "the limit of open files is too low";
  return row->missing != NULL ? row->missing() : NULL;
}

int bench_drive(const suite_t *suite, int argc, char **argv) {
  settings_t settings = {0};
  bool all_measured = true, all_met = true;

  if (!parse(suite, argc, argv, &settings))
    return usage(suite);
  if (!suite->introduce(settings.rounds))
    return 1;
  if (settings.side == NULL)
    printf("%-22s %14s %14s %-11s %6s %-15s goal\n", "", "zuv", "reference", "",
           "ratio", "  least..most");
  fflush(stdout);
  for (int i = 0; i < suite->row_count; i++) {
    const row_t *row = &suite->rows[i];
    const char *why;
    bool ok = true;
    if (!selected(&settings, row))
      continue;
    why = obstacle(row);
    if (why != NULL)
      printf("%-22s skipped: %s\n", row->what, why);
    else if (settings.side != NULL)
      all_measured &= run_side(&settings, row);
    else
      all_measured &= run_row(&settings, row, &ok);
    all_met &= ok;
    fflush(stdout);
  }
  return !all_measured || (settings.strict && !all_met);
}
