#include "half_open.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../blocking/blocking.h"
#include "../worker.h"

enum { TRIPS_MAX = 1 << 20, BATCH = 20 };

typedef struct {
  uint64_t *times;
  uint64_t count;
} times_t;

void half_open_begin(half_open_t *run, const bench_work_t *work, int link) {
  run->work = work;
  bench_hear(link, &run->server, sizeof(run->server));
  bench_hear(link, run->endpoint, sizeof(run->endpoint));
  run->crowd = crowd_start(work, bench_port_of(run->endpoint));
}

static double resident(pid_t pid) {
  unsigned long size, pages = 0;
  char name[64];
  FILE *file;

  snprintf(name, sizeof(name), "/proc/%d/statm", (int)pid);
  file = fopen(name, "r");
  bench_require(file != NULL && fscanf(file, "%lu %lu", &size, &pages) == 2,
                "reading the server's memory");
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void take_times(times_t *times, uint64_t count, round_trip_fn round_trip,
                       void *client) {
  for (uint64_t i = 0; i < count && times->count < TRIPS_MAX; i++) {
    uint64_t begin = bench_now();
    round_trip(client);
    times->times[times->count++] = bench_now() - begin;
  }
}

static int by_time(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Writes the median and the 99th percentile, and empties the times. */
static void sum_up(times_t *times, double *values) {
  qsort(times->times, times->count, sizeof(*times->times), by_time);
  values[0] = (double)times->times[times->count / 2] / 1e9;
  values[1] = (double)times->times[times->count - 1 - times->count / 100] / 1e9;
  times->count = 0;
}

static bool readable(int fd) {
  struct pollfd item = {.fd = fd, .events = POLLIN};
  return poll(&item, 1, 0) > 0;
}

static void say(int crowd, char what) {
  bench_say(crowd, &what, 1);
}

static void measure_all(const half_open_t *run, times_t *times,
                        round_trip_fn round_trip, void *client,
                        double *values) {
  uint64_t count = run->work->count;
  double base;
  char done;

  take_times(times, blocking_warm_up(run->work), round_trip, client);
  times->count = 0;
  take_times(times, count, round_trip, client);
  sum_up(times, &values[HALF_OPEN_QUIET_MEDIAN]);
  base = resident(run->server);
  say(run->crowd, CROWD_OPEN);
  while (!readable(run->crowd))
    take_times(times, BATCH, round_trip, client);
  bench_hear(run->crowd, &done, 1);
  bench_require(times->count < TRIPS_MAX, "room for the times");
  sum_up(times, &values[HALF_OPEN_ARRIVING_MEDIAN]);
  take_times(times, count, round_trip, client);
  sum_up(times, &values[HALF_OPEN_HELD_MEDIAN]);
  values[HALF_OPEN_MEMORY] =
      (resident(run->server) - base) / (double)run->work->peers;
}

double half_open_measure(const half_open_t *run, round_trip_fn round_trip,
                         void *client) {
  double values[HALF_OPEN_COUNT];
  times_t times = {.times = calloc(TRIPS_MAX, sizeof(*times.times))};
  crowd_end_t end;

  bench_require(times.times != NULL, "calloc");
  measure_all(run, &times, round_trip, client, values);
  free(times.times);
  say(run->crowd, CROWD_WAIT);
  bench_hear(run->crowd, &end, sizeof(end));
  /* Else their handshakes had ended while the round trips were measured. */
  bench_require((int)end.held == run->work->peers, "holding the connections");
  values[HALF_OPEN_LEFT] = end.left;
  values[HALF_OPEN_LAST] = end.last;
  worker_report(values, HALF_OPEN_COUNT - 1);
  return values[HALF_OPEN_COUNT - 1];
}
