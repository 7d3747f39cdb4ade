#include "sweep.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
  SCENARIOS_MAX = 64,
  ALLOCATIONS_MAX = 5000,
  /* So many in a row. */
  SEVERAL = 5
};

static struct {
  const scenario_t *scenarios;
  long (*allowed)(void);
  const char *name; /* NULL: none is under way */
  size_t first;
  size_t length;
  size_t runs;
  size_t only; /* 0: all */
  size_t only_length;
} sweep;

bool sweep_is_single(void) {
  return sweep.length == 1;
}

void sweep_allow_alive(long (*allowed)(void)) {
  sweep.allowed = allowed;
}

static size_t count_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  size_t count = 0;

  assert_non_null(directory);
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

/* Answers how many allocations there were. */
static size_t run(const scenario_t *scenario, size_t first, size_t length) {
  size_t descriptors = count_descriptors();
  long alive;

  sweep.name = scenario->name;
  sweep.first = first;
  sweep.length = length;
  failing_arm(first, length);
  scenario->run(scenario);
  alive = failing_alive();
  if (sweep.allowed != NULL)
    alive -= sweep.allowed();
  if (alive != 0)
    fail_msg("%ld blocks are not freed", alive);
  if (count_descriptors() != descriptors)
    fail_msg("%zu descriptors before, %zu now", descriptors,
             count_descriptors());
  sweep.name = NULL;
  sweep.runs++;
  return failing_count();
}

static void sweep_all(const scenario_t *scenario, size_t length) {
  uint64_t began = uv_hrtime();
  size_t first = 1;
  size_t count = run(scenario, first, length);

  while (first <= count) {
    first += length;
    count = run(scenario, first, length);
    assert_true(count < ALLOCATIONS_MAX);
  }
  print_message("%s, %zu failing: %zu allocations, %u ms\n", scenario->name,
                length, count, (unsigned)((uv_hrtime() - began) / 1000000));
}

static void sweep_single(void **state) {
  sweep_all(*state, 1);
}

static void sweep_several(void **state) {
  sweep_all(*state, SEVERAL);
}

static void sweep_only(void **state) {
  size_t count = run(*state, sweep.only, sweep.only_length);

  print_message("%zu allocations, %zu refused\n", count, failing_failed());
  failing_explain();
}

/* After a failure: which run it was. */
static int explain(void **state) {
  (void)state;
  failing_disarm();
  if (sweep.name == NULL)
    return 0;
  print_error("with allocation %zu of '%s' as the first of %zu that fail:\n",
              sweep.first, sweep.name, sweep.length);
  failing_explain();
  sweep.name = NULL;
  return 0;
}

/* What a process makes once, of libuv above all, is there before we count. */
static void make_first_loop(void) {
  uv_loop_t loop;

  if (uv_loop_init(&loop) == 0)
    (void)uv_loop_close(&loop);
}

static size_t take_scenario(struct CMUnitTest *tests,
                            const scenario_t *scenario) {
  const struct CMUnitTest single = {scenario->name, sweep_single, NULL, explain,
                                    (void *)(uintptr_t)scenario};

  if (sweep.only > 0) {
    tests[0] = single;
    tests[0].test_func = sweep_only;
    return 1;
  }
  tests[0] = tests[1] = single;
  tests[1].test_func = sweep_several;
  return 2;
}

int sweep_main(const char *group, const scenario_t *scenarios, size_t count,
               int argc, char **argv) {
  struct CMUnitTest tests[2 * SCENARIOS_MAX];
  const char *name = argc > 1 ? argv[1] : NULL;
  size_t used = 0;
  int failures;

  if (count > SCENARIOS_MAX)
    return 1;
  sweep.only = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  sweep.only_length = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
  for (size_t i = 0; i < count; i++)
    if (name == NULL || strcmp(name, scenarios[i].name) == 0)
      used += take_scenario(tests + used, &scenarios[i]);
  make_first_loop();
  failing_install();
  failures = _cmocka_run_group_tests(group, tests, used, NULL, NULL);
  print_message("%zu scenarios, %zu runs\n", count, sweep.runs);
  return failures != 0 || used == 0;
}
