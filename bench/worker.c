#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocking/blocking.h"
#include "libzmq.h"

enum { ARGUMENT_COUNT = 11 };

void worker_report(const double *values, int count) {
  bench_write_all(BENCH_PROGRAM_RESULT, values,
                  sizeof(*values) * (size_t)count);
}

static bench_role_fn role_named(const char *name) {
  for (const worker_role_t *role = worker_roles; role->name != NULL; role++) {
    if (strcmp(role->name, name) == 0)
      return role->run;
  }
  return NULL;
}

int main(int argc, char **argv) {
  blocking_roles_t own = {0};
  bench_work_t work = {.roles = &own};
  bench_role_fn run = argc > 1 ? role_named(argv[1]) : NULL;
  double value;

  if (argc != ARGUMENT_COUNT || run == NULL) {
    fprintf(stderr,
            "usage: %s ROLE LIBRARY TRANSPORT MECHANISM SIZE COUNT PEERS RATE "
            "HANDSHAKE LOG\n"
            "Started by a suite; an empty LIBRARY is none.\n",
            argc > 0 ? argv[0] : "worker");
    return 2;
  }
  bench_guard();
  own.transport = argv[3];
  own.mechanism = argv[4];
  work.size = strtoul(argv[5], NULL, 10);
  work.count = strtoull(argv[6], NULL, 10);
  work.peers = atoi(argv[7]);
  work.rate = atoi(argv[8]);
  work.handshake = atoi(argv[9]);
  own.log = argv[10];
  if (argv[2][0] != '\0' && !libzmq_load(argv[2]))
    return 1;
  value = run(&work, BENCH_PROGRAM_LINK);
  bench_write_all(BENCH_PROGRAM_RESULT, &value, sizeof(value));
  return 0;
}
