#include "options.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, QUICK_ROUNDS = 2, QUICK_PART = 5 };

bool options_parse(options_t *options, int argc, char **argv) {
  int i = 1;

  for (; i < argc && argv[i][0] == '-'; i++) {
    if (strcmp(argv[i], "--quick") == 0)
      options->quick = true;
    else if (strcmp(argv[i], "--all") == 0)
      options->all = true;
    else if (strcmp(argv[i], "--strict") == 0)
      options->strict = true;
    else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
      options->rounds = atoi(argv[++i]);
    else if (strcmp(argv[i], "--side") == 0 && i + 1 < argc)
      options->side = argv[++i];
    else
      return false;
  }
  options->names = argv + i;
  options->name_count = argc - i;
  if (options->rounds == 0)
    options->rounds = options->quick ? QUICK_ROUNDS : ROUNDS;
  return options->rounds > 0 && options->rounds <= ROUNDS_MAX;
}

bool options_select(const options_t *options, const char *name, bool has_goal) {
  if (options->name_count == 0)
    return options->all || has_goal;
  for (int i = 0; i < options->name_count; i++) {
    if (strcmp(options->names[i], name) == 0)
      return true;
  }
  return false;
}

uint64_t options_count(const options_t *options, uint64_t count) {
  return options->quick ? count / QUICK_PART : count;
}

int options_rounds(const options_t *options, int rounds_max) {
  return rounds_max != 0 && rounds_max < options->rounds ? rounds_max
                                                         : options->rounds;
}
