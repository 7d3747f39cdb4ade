/* The driver: runs the rows, zuv and the reference in turns, and prints the
 * medians, their ratio, and whether it meets the goal. See README.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

enum { ROUNDS_MAX = 101, ROUNDS = 5, QUICK_ROUNDS = 2, QUICK_PART = 5 };

typedef enum {
  RATIO_AT_LEAST, /* more is better */
  RATIO_AT_MOST,  /* less is better */
  VALUE_AT_MOST,  /* of zuv itself */
  NO_GOAL
} goal_kind_t;

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
} row_t;

typedef struct {
  bool quick;
  bool all;
  bool strict;
  int rounds;
  const char *side; /* NULL: both */
  char **names;
  int name_count;
} settings_t;

#define KIB 1024
#define MIB (1024 * 1024)

/* clang-format off */
static const row_t rows[] = {
  {"push-16", "PUSH-PULL tcp 16 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 3.0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 16, .count = 8000000}, 0},
  {"push-64", "PUSH-PULL tcp 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 3.0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 64, .count = 6000000}, 0},
  {"push-64k", "PUSH-PULL tcp 64 KiB", "raw sockets", "MiB/s", 1.0 / 16,
   RATIO_AT_LEAST, 0.9, bench_throughput_zuv, bench_throughput_raw,
   {.size = 64 * KIB, .count = 60000}, 0},
  {"push-1m", "PUSH-PULL tcp 1 MiB", "raw sockets", "MiB/s", 1,
   RATIO_AT_LEAST, 0.9, bench_throughput_zuv, bench_throughput_raw,
   {.size = MIB, .count = 4000}, 0},
  {"req-64", "REQ-REP tcp 64 B", "libuv echo", "us", 1e6,
   RATIO_AT_MOST, 1.15, bench_round_trip_zuv, bench_round_trip_uv,
   {.size = 64, .count = 40000}, 0},
  {"inproc-64", "PUSH-PULL inproc 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 10, bench_inproc_zuv, bench_inproc_zmq,
   {.size = 64, .count = 10000000}, 0},
  {"heap-1000", "heap a peer, 1000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_heap_zuv, bench_heap_zmq,
   {.peers = 1000}, 3},
  {"heap-10000", "heap a peer, 10000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_heap_zuv, bench_heap_zmq,
   {.peers = 10000}, 1},
  {"rss-1000", "resident a peer, 1000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_resident_zuv, bench_resident_zmq,
   {.peers = 1000}, 3},
  {"rss-10000", "resident a peer, 10000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_resident_zuv, bench_resident_zmq,
   {.peers = 10000}, 1},
  {"pub-100", "PUB to 100, CPU each", "libzmq", "ns", 1e9,
   RATIO_AT_MOST, 1.0 / 3, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 10000, .peers = 100, .rate = 5000, .interval = 10}, 0},
  {"pub-100-full", "PUB to 100, full speed", "libzmq", "ns", 1e9,
   RATIO_AT_MOST, 1.0 / 3, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 100000, .peers = 100, .rate = 0, .interval = 1}, 0},
  {"pub-100-1ms", "the same each 1 ms", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 10000, .peers = 100, .rate = 5000, .interval = 1}, 0},
  {"pub-100-single", "the same one by one", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 2000, .peers = 100, .rate = 1000, .interval = 1}, 0},
  {"pub-100-fast", "the same at 20000/s", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 40000, .peers = 100, .rate = 20000, .interval = 10},
   0},
  {"req-64-zmq", "REQ-REP tcp 64 B", "libzmq", "us", 1e6,
   NO_GOAL, 0, bench_round_trip_zuv, bench_round_trip_zmq,
   {.size = 64, .count = 40000}, 0},
  {"push-64k-zmq", "PUSH-PULL tcp 64 KiB", "libzmq", "MiB/s", 1.0 / 16,
   NO_GOAL, 0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 64 * KIB, .count = 60000}, 0},
};
/* clang-format on */

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

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
    printf("       -\n");
  else if (row->goal_kind == VALUE_AT_MOST)
    printf("<= %.0f %s  %s\n", row->goal, row->unit, ok ? "met" : "MISSED");
  else
    printf("%s %-5.3g  %s\n",
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

/* Measures only one side: something to run under a profiler. */
static bool run_side(const settings_t *settings, const row_t *row) {
  bench_measure_fn measure =
      strcmp(settings->side, "zuv") == 0 ? row->zuv : row->reference;
  bench_work_t work = work_of(settings, row);
  bool ok = true;

  for (int i = 0; i < rounds_of(settings, row); i++) {
    double value = measure(&work);
    ok &= !isnan(value);
    printf("%-22s %s %.4g %s\n", row->what, settings->side, value * row->factor,
           row->unit);
    fflush(stdout);
  }
  return ok;
}

static bool run_row(const settings_t *settings, const row_t *row, bool *ok) {
  double zuv[ROUNDS_MAX], reference[ROUNDS_MAX], ratios[ROUNDS_MAX];
  int rounds = rounds_of(settings, row);
  bench_work_t work = work_of(settings, row);
  double zuv_median, reference_median, ratio;

  for (int i = 0; i < rounds; i++) {
    zuv[i] = row->zuv(&work) * row->factor;
    reference[i] = row->reference(&work) * row->factor;
    ratios[i] = zuv[i] / reference[i];
    if (isnan(ratios[i])) {
      printf("%-22s could not be measured\n", row->what);
      return false;
    }
  }
  median(ratios, rounds);
  zuv_median = median(zuv, rounds);
  reference_median = median(reference, rounds);
  ratio = zuv_median / reference_median;
  *ok = met(row, zuv_median, ratio);
  printf("%-22s %8.5g %-5s %8.5g %-5s %-11s %6.2f %6.2f..%-6.2f ", row->what,
         zuv_median, row->unit, reference_median, row->unit,
         row->reference_name, ratio, ratios[0], ratios[rounds - 1]);
  print_goal(row, *ok);
  fflush(stdout);
  return true;
}

static int usage(void) {
  fputs("usage: run [--quick] [--rounds N] [--all] [--strict]\n"
        "           [--side zuv|reference] [ROW...]\n"
        "rows:",
        stderr);
  for (int i = 0; i < ROW_COUNT; i++)
    fprintf(stderr, " %s", rows[i].name);
  fputc('\n', stderr);
  return 2;
}

static bool known(const char *name) {
  for (int i = 0; i < ROW_COUNT; i++) {
    if (strcmp(rows[i].name, name) == 0)
      return true;
  }
  return false;
}

static bool parse(int argc, char **argv, settings_t *settings) {
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
    if (!known(argv[i]))
      return false;
  }
  if (settings->rounds == 0)
    settings->rounds = settings->quick ? QUICK_ROUNDS : ROUNDS;
  return settings->rounds > 0 && settings->rounds <= ROUNDS_MAX;
}

int main(int argc, char **argv) {
  settings_t settings = {0};
  bool all_measured = true, all_met = true;
  int major, minor, patch;

  if (!parse(argc, argv, &settings))
    return usage();
  if (!libzmq_load())
    return 1;
  libzmq.version(&major, &minor, &patch);
  printf("zuv %u.%u.%u, libuv %s, libzmq %d.%d.%d (%s), %d rounds\n",
         zuv_version() >> 16, zuv_version() >> 8 & 255, zuv_version() & 255,
         uv_version_string(), major, minor, patch, libzmq_file(),
         settings.rounds);
  if (settings.side == NULL)
    printf("%-22s %14s %14s %-11s %6s %-15s goal\n", "", "zuv", "reference", "",
           "ratio", "  least..most");
  fflush(stdout);
  for (int i = 0; i < ROW_COUNT; i++) {
    bool ok = true;
    if (!selected(&settings, &rows[i]))
      continue;
    if (rows[i].work.peers != 0 && !bench_allow_files(rows[i].work.peers + 64))
      printf("%-22s skipped: the limit of open files is too low\n",
             rows[i].what);
    else if (settings.side != NULL)
      all_measured &= run_side(&settings, &rows[i]);
    else
      all_measured &= run_row(&settings, &rows[i], &ok);
    all_met &= ok;
  }
  return !all_measured || (settings.strict && !all_met);
}
