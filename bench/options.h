/* The options of the command line that all suites have. See README.md. */
#ifndef ZUV_BENCH_OPTIONS_H
#define ZUV_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { ROUNDS_MAX = 101 };

typedef struct {
  bool quick;
  bool all;
  bool strict;
  int rounds;
  const char *side; /* NULL: all */
  char **names;     /* of rows; none: those with a goal */
  int name_count;
} options_t;

/* False: the command line is wrong. */
bool options_parse(options_t *options, int argc, char **argv);

/* Whether to run a row of that name. */
bool options_select(const options_t *options, const char *name, bool has_goal);

/* So many messages, less with --quick. */
uint64_t options_count(const options_t *options, uint64_t count);

/* Rounds of a row that allows so many; 0: any number. */
int options_rounds(const options_t *options, int rounds_max);

#endif /* ZUV_BENCH_OPTIONS_H */
