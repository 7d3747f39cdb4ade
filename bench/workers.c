#include "workers.h"

#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "blocking/blocking.h"
#include "libzmq.h"

const char *workers_ours;
const char *workers_reference;

static char directory[PATH_MAX];

void workers_add(command_t *command, const char *argument) {
  bench_require(command->count < WORKERS_ARGUMENTS_MAX, "room for arguments");
  command->arguments[command->count++] = (char *)argument;
}

static void add_number(command_t *command, int index, uint64_t number) {
  snprintf(command->numbers[index], WORKERS_NUMBER_MAX, "%llu",
           (unsigned long long)number);
  workers_add(command, command->numbers[index]);
}

void workers_command(command_t *command, const worker_t *worker,
                     const bench_work_t *work) {
  bench_require(snprintf(command->program, PATH_MAX, "%s/%s", directory,
                         worker->program) < PATH_MAX,
                "the path of a worker");
  workers_add(command, command->program);
  workers_add(command, worker->role);
  workers_add(command, worker->library);
  workers_add(command, work->roles->transport);
  workers_add(command, worker->mechanism);
  add_number(command, 0, work->size);
  add_number(command, 1, work->count);
  add_number(command, 2, (uint64_t)work->peers);
  add_number(command, 3, (uint64_t)work->rate);
  add_number(command, 4, (uint64_t)work->handshake);
  workers_add(command, worker->log);
  workers_add(command, NULL);
}

/* In a process of its own, as it loads the library. */
static void print_library(const char *who, const char *name) {
  int major, minor, patch;

  if (!libzmq_load(name))
    _exit(1);
  libzmq.version(&major, &minor, &patch);
  printf("%s: libzmq %d.%d.%d (%s)\n", who, major, minor, patch, libzmq_file());
  fflush(stdout);
}

static double print_ours(const bench_work_t *work, int link) {
  (void)work;
  (void)link;
  print_library("zuv", workers_ours);
  return 0;
}

static double print_reference(const bench_work_t *work, int link) {
  (void)work;
  (void)link;
  print_library("reference", workers_reference);
  return 0;
}

/* The workers are built beside this program. */
static bool find_directory(void) {
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

  if (length < 0)
    return false;
  self[length] = '\0';
  snprintf(directory, sizeof(directory), "%s", dirname(self));
  return true;
}

bool workers_introduce(const char *ours, int rounds) {
  bench_work_t work = {0};

  workers_ours = getenv("ZUV_BENCH_OURS");
  if (workers_ours == NULL)
    workers_ours = ours;
  workers_reference = getenv("ZUV_BENCH_LIBZMQ");
  if (workers_reference == NULL)
    workers_reference = "libzmq.so.5";
  if (!find_directory() || isnan(bench_run_roles(&work, print_ours, NULL)) ||
      isnan(bench_run_roles(&work, print_reference, NULL)))
    return false;
  printf("%d rounds\n", rounds);
  return true;
}
