/* Runs the rows of a suite, zuv and the reference in turns, and prints the
 * medians, their ratio, and whether it meets the goal. See README.md. A row
 * that cannot be measured is reported, and the others go on. */
#include "driver.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

enum { SPARE_FILES = 64 };

typedef struct {
  double zuv[ROUNDS_MAX];
  double reference[ROUNDS_MAX];
  double also[ROUNDS_MAX];
} samples_t;

static bench_work_t work_of(const options_t *options, const row_t *row) {
  bench_work_t work = row->work;
  work.count = options_count(options, work.count);
  return work;
}

static bench_measure_fn side_of(const options_t *options, const row_t *row) {
  if (strcmp(options->side, "zuv") == 0)
    return row->zuv;
  return strcmp(options->side, "reference") == 0 ? row->reference : row->also;
}

/* Measures only one side: something to run under a profiler. */
static bool run_side(const options_t *options, const row_t *row) {
  bench_measure_fn measure = side_of(options, row);
  bench_work_t work = work_of(options, row);
  bool ok = true;

  if (measure == NULL)
    return true;
  for (int i = 0; i < options_rounds(options, row->rounds_max); i++) {
    double value = measure(&work);
    ok &= !isnan(value);
    printf("%-22s %s %.4g %s\n", row->what, options->side, value * row->factor,
           row->unit);
    fflush(stdout);
  }
  return ok;
}

/* False: one of the sides has no value. */
static bool take_samples(const options_t *options, const row_t *row,
                         samples_t *samples) {
  bench_work_t work = work_of(options, row);

  for (int i = 0; i < options_rounds(options, row->rounds_max); i++) {
    samples->zuv[i] = row->zuv(&work) * row->factor;
    samples->reference[i] = row->reference(&work) * row->factor;
    samples->also[i] = row->also != NULL ? row->also(&work) * row->factor : 0;
    if (isnan(samples->zuv[i]) || isnan(samples->reference[i]) ||
        isnan(samples->also[i]))
      return false;
  }
  return true;
}

static bool run_row(const options_t *options, const row_t *row, bool *ok) {
  line_t line = {row->what, row->unit, row->reference_name, row->goal_kind,
                 row->goal};
  samples_t samples;
  int rounds = options_rounds(options, row->rounds_max);

  if (!take_samples(options, row, &samples)) {
    printf("%-22s could not be measured\n", row->what);
    return false;
  }
  *ok = table_line(&line, samples.zuv, samples.reference, rounds);
  if (row->also != NULL)
    printf("  (%s %.5g %s)", row->also_name, table_median(samples.also, rounds),
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
                  options_t *options) {
  if (!options_parse(options, argc, argv))
    return false;
  for (int i = 0; i < options->name_count; i++) {
    if (!known(suite, options->names[i]))
      return false;
  }
  return true;
}

/* Why the row cannot be measured on this machine, or NULL. */
static const char *obstacle(const row_t *row) {
  if (row->work.peers != 0 && !bench_allow_files(row->work.peers + SPARE_FILES))
    return "the limit of open files is too low";
  return row->missing != NULL ? row->missing() : NULL;
}

int bench_drive(const suite_t *suite, int argc, char **argv) {
  options_t options = {0};
  bool all_measured = true, all_met = true;

  if (!parse(suite, argc, argv, &options))
    return usage(suite);
  if (!suite->introduce(options.rounds))
    return 1;
  if (options.side == NULL)
    table_head("zuv");
  fflush(stdout);
  for (int i = 0; i < suite->row_count; i++) {
    const row_t *row = &suite->rows[i];
    const char *why;
    bool ok = true;
    if (!options_select(&options, row->name, row->goal_kind != NO_GOAL))
      continue;
    why = obstacle(row);
    if (why != NULL)
      printf("%-22s skipped: %s\n", row->what, why);
    else if (options.side != NULL)
      all_measured &= run_side(&options, row);
    else
      all_measured &= run_row(&options, row, &ok);
    all_met &= ok;
    fflush(stdout);
  }
  return !all_measured || (options.strict && !all_met);
}
