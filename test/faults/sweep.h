/* Runs scenarios again and again, each time with another allocation failing,
 * until a run makes fewer: once with one that fails, and once with several in a
 * row. A scenario sets up all it needs, looks at what comes of it and puts
 * everything away; the sweep then requires that no memory and no descriptor is
 * left. */
#ifndef SWEEP_H
#define SWEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing.h"

typedef struct scenario_s {
  const char *name;
  void (*run)(const struct scenario_s *scenario);
  /* whatever the scenario makes of them */
  int transport;
  int binder;
  int connecter;
  int variant;
} scenario_t;

/* Of the allocations of the run only one fails. */
bool sweep_is_single(void);
/* So many allocations are expected to stay, of what is made once. */
void sweep_allow_alive(long (*allowed)(void));

/* main() of a test: all scenarios, or only `argv[1]`, and of that only the run
 * in which allocation `argv[2]` is the first of `argv[3]` (or 1) that fail. */
int sweep_main(const char *group, const scenario_t *scenarios, size_t count,
               int argc, char **argv);

#endif /* SWEEP_H */
