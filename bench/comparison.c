/* Runs the rows of a suite, each round all sides of a row in turns, and prints
 * how the medians compare. See README.md. A row that cannot be measured is
 * reported, and the others go on. */
#include "comparison.h"

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "workers.h"

enum { SPARE_FILES = 64 };

/* The values of all rounds. */
typedef struct {
  double values[ROUNDS_MAX][COMPARISON_SIDES_MAX][COMPARISON_VALUES_MAX];
} samples_t;

/* ---- measuring ------------------------------------------------------------
 */

static worker_t worker_of(const side_t *side, const char *role) {
  worker_t worker = {.program = "blocking_worker",
                     .role = role,
                     .library = "",
                     .mechanism = side->mechanism,
                     .log = ""};

  if (side->whose == NATIVE)
    worker.program = "native_worker";
  else if (side->whose == OURS)
    worker.library = workers_ours;
  else if (side->whose == REFERENCE)
    worker.library = workers_reference;
  return worker;
}

static bool measure(const side_t *side, const bench_work_t *work,
                    double *values, int count) {
  worker_t measuring = worker_of(side, side->measuring);
  worker_t other = worker_of(side, side->other);
  command_t first = {0}, second = {0};

  workers_command(&first, &measuring, work);
  if (side->other != NULL)
    workers_command(&second, &other, work);
  return bench_run_programs_for(first.arguments,
                                side->other != NULL ? second.arguments : NULL,
                                values, count);
}

static bool is_chosen(const options_t *options, const side_t *side) {
  return options->side == NULL || strcmp(options->side, side->name) == 0;
}

/* False: a side has no value. */
static bool take_samples(const options_t *options, const comparison_t *row,
                         samples_t *samples) {
  bench_work_t work = row->work;

  work.count = options_count(options, work.count);
  for (int round = 0; round < options->rounds; round++) {
    for (int i = 0; i < row->side_count; i++) {
      if (is_chosen(options, &row->sides[i]) &&
          !measure(&row->sides[i], &work, samples->values[round][i],
                   row->value_count))
        return false;
    }
  }
  return true;
}

/* ---- printing -------------------------------------------------------------
 */

/* A value of all rounds, in the figure's unit. */
static void collect(const samples_t *samples, int rounds, int side, int value,
                    double factor, double *values) {
  for (int i = 0; i < rounds; i++)
    values[i] = samples->values[i][side][value] * factor;
}

static bool print_figure(const figure_t *figure, const samples_t *samples,
                         int rounds) {
  line_t line = {figure->what, figure->unit, figure->against_name,
                 figure->goal_kind, figure->goal};
  double values[ROUNDS_MAX], reference[ROUNDS_MAX];
  bool compare = figure->against != COMPARISON_ALONE;
  bool ok;

  collect(samples, rounds, figure->side, figure->value, figure->factor, values);
  if (compare)
    collect(samples, rounds, figure->against, figure->against_value,
            figure->factor, reference);
  ok = table_line(&line, values, compare ? reference : NULL, rounds);
  printf("\n");
  return ok;
}

static void print_comparisons(const comparison_t *row, const samples_t *samples,
                              int rounds, bool *ok) {
  for (int i = 0; i < row->figure_count; i++)
    *ok &= print_figure(&row->figures[i], samples, rounds);
}

/* The figure that has this value of this side, or else is compared with it. */
static const figure_t *figure_of(const comparison_t *row, int side, int value) {
  const figure_t *found = NULL;

  for (int i = 0; i < row->figure_count; i++) {
    const figure_t *figure = &row->figures[i];
    if (figure->side == side && figure->value == value)
      return figure;
    if (found == NULL && figure->against == side &&
        figure->against_value == value)
      found = figure;
  }
  return found;
}

/* A value of one side alone. */
static void print_value(const comparison_t *row, const samples_t *samples,
                        int rounds, int side, int value) {
  const figure_t *figure = figure_of(row, side, value);
  double values[ROUNDS_MAX];
  char what[64];
  line_t line = {.what = what};

  if (figure == NULL)
    return;
  if (figure->side == side && figure->value == value)
    snprintf(what, sizeof(what), "%s", figure->what);
  else
    snprintf(what, sizeof(what), "%s: %s", figure->against_name, figure->what);
  line.unit = figure->unit;
  collect(samples, rounds, side, value, figure->factor, values);
  table_line(&line, values, NULL, rounds);
  printf("\n");
}

static bool run_row(const options_t *options, const comparison_t *row,
                    bool *ok) {
  static samples_t samples;

  if (!take_samples(options, row, &samples)) {
    printf("%-22s could not be measured\n", row->name);
    return false;
  }
  if (options->side == NULL) {
    print_comparisons(row, &samples, options->rounds, ok);
    return true;
  }
  for (int i = 0; i < row->side_count; i++) {
    for (int j = 0; is_chosen(options, &row->sides[i]) && j < row->value_count;
         j++)
      print_value(row, &samples, options->rounds, i, j);
  }
  return true;
}

/* ---- the command line -----------------------------------------------------
 */

static bool has_side(const comparison_t *row, const char *name) {
  for (int i = 0; i < row->side_count; i++) {
    if (strcmp(row->sides[i].name, name) == 0)
      return true;
  }
  return false;
}

static bool has_goal(const comparison_t *row) {
  for (int i = 0; i < row->figure_count; i++) {
    if (row->figures[i].goal_kind != NO_GOAL)
      return true;
  }
  return false;
}

static int usage(const comparison_suite_t *suite) {
  fprintf(stderr,
          "usage: %s [--quick] [--rounds N] [--all] [--strict] [--side SIDE] "
          "[ROW...]\n"
          "rows and their sides:\n",
          suite->program);
  for (int i = 0; i < suite->row_count; i++) {
    const comparison_t *row = &suite->rows[i];
    fprintf(stderr, "  %s:", row->name);
    for (int j = 0; j < row->side_count; j++)
      fprintf(stderr, " %s", row->sides[j].name);
    fputc('\n', stderr);
  }
  return 2;
}

static bool known(const comparison_suite_t *suite, const char *name) {
  for (int i = 0; i < suite->row_count; i++) {
    if (strcmp(suite->rows[i].name, name) == 0)
      return true;
  }
  return false;
}

static bool parse(const comparison_suite_t *suite, int argc, char **argv,
                  options_t *options) {
  if (!options_parse(options, argc, argv))
    return false;
  for (int i = 0; i < options->name_count; i++) {
    if (!known(suite, options->names[i]))
      return false;
  }
  return true;
}

static bool selected(const options_t *options, const comparison_t *row) {
  return options_select(options, row->name, has_goal(row)) &&
         (options->side == NULL || has_side(row, options->side));
}

int comparison_drive(const comparison_suite_t *suite, int argc, char **argv) {
  options_t options = {0};
  bool all_measured = true, all_met = true;

  if (!parse(suite, argc, argv, &options))
    return usage(suite);
  if (!workers_introduce(suite->ours, options.rounds))
    return 1;
  table_head("measured");
  fflush(stdout);
  for (int i = 0; i < suite->row_count; i++) {
    const comparison_t *row = &suite->rows[i];
    if (!selected(&options, row))
      continue;
    if (!bench_allow_files(row->work.peers + SPARE_FILES))
      printf("%-22s skipped: the limit of open files is too low\n", row->name);
    else
      all_measured &= run_row(&options, row, &all_met);
    fflush(stdout);
  }
  return !all_measured || (options.strict && !all_met);
}
