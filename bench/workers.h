/* What starts workers: the programs that are built beside a suite, their
 * command lines, and the two libraries with libzmq's API that are measured. */
#ifndef ZUV_BENCH_WORKERS_H
#define ZUV_BENCH_WORKERS_H

#include <limits.h>

#include "bench.h"

enum {
  WORKERS_NUMBERS = 6,
  WORKERS_NUMBER_MAX = 24,
  WORKERS_ARGUMENTS_MAX = 24
};

/* The files of the libraries, once workers_introduce() has run. */
extern const char *workers_ours;
extern const char *workers_reference;

/* The command line of a worker. */
typedef struct {
  char numbers[WORKERS_NUMBERS][WORKERS_NUMBER_MAX];
  char program[PATH_MAX];
  char *arguments[WORKERS_ARGUMENTS_MAX];
  int count;
} command_t;

typedef struct {
  const char *program; /* its name, e.g. "blocking_worker" */
  const char *role;
  const char *library;   /* "": none */
  const char *mechanism; /* "" or "NULL", or "CURVE" */
  const char *log;       /* "": none */
} worker_t;

/* Appends an argument, for a program that runs the worker. */
void workers_add(command_t *command, const char *argument);

/* Appends the worker's arguments, and the end. */
void workers_command(command_t *command, const worker_t *worker,
                     const bench_work_t *work);

/* Finds the libraries and prints which they are; `ours` is the one that was
 * built with the suite. False: one is not there. */
bool workers_introduce(const char *ours, int rounds);

#endif /* ZUV_BENCH_WORKERS_H */
