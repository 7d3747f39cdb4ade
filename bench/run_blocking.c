/* The blocking suite: two libraries with libzmq's API, ours and the reference,
 * and raw sockets. Each process of a row is a blocking_worker that loads one of
 * the two. See README.md. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocking/blocking.h"
#include "driver.h"
#include "workers.h"

/* ---- running a row --------------------------------------------------------
 */

static void add_worker(command_t *command, const bench_work_t *work,
                       const char *role, const char *library, const char *log) {
  worker_t worker = {"blocking_worker", role, library, "", log};
  workers_command(command, &worker, work);
}

static void add_strace(command_t *command, const char *log) {
  static const char *const arguments[] = {"strace", "-f", "-ttt", "-o"};

  for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
    workers_add(command, arguments[i]);
  workers_add(command, log);
}

static double run_pair(const bench_work_t *work, const char *measuring,
                       const char *other, const char *library) {
  command_t first = {0}, second = {0};

  add_worker(&first, work, measuring, library, "");
  if (other != NULL)
    add_worker(&second, work, other, library, "");
  return bench_run_programs(first.arguments,
                            other != NULL ? second.arguments : NULL);
}

static double run_library(const bench_work_t *work, const char *library) {
  return run_pair(work, work->roles->measuring, work->roles->other, library);
}

static double run_ours(const bench_work_t *work) {
  return run_library(work, workers_ours);
}

static double run_reference(const bench_work_t *work) {
  return run_library(work, workers_reference);
}

static double run_raw(const bench_work_t *work) {
  return run_pair(work, work->roles->raw_measuring, work->roles->raw_other, "");
}

/* The other process runs under strace, whose log the measuring one reads. */
static double run_traced(const bench_work_t *work, const char *library) {
  char log[] = "/tmp/zuv-bench-XXXXXX";
  command_t first = {0}, second = {0};
  int fd = mkostemp(log, O_CLOEXEC);
  double value;

  if (fd < 0) {
    fprintf(stderr, "bench: a temporary file: %s\n", strerror(errno));
    return NAN;
  }
  close(fd);
  add_worker(&first, work, work->roles->measuring, library, log);
  add_strace(&second, log);
  add_worker(&second, work, work->roles->other, library, "");
  value = bench_run_programs(first.arguments, second.arguments);
  unlink(log);
  return value;
}

static double trace_ours(const bench_work_t *work) {
  return run_traced(work, workers_ours);
}

static double trace_reference(const bench_work_t *work) {
  return run_traced(work, workers_reference);
}

static const char *no_strace(void) {
  return system("strace -o /dev/null true >/dev/null 2>&1") == 0
             ? NULL
             : "there is no strace, or it is not allowed to trace";
}

/* ---- the rows -------------------------------------------------------------
 */

#define KIB 1024
#define MIB (1024 * 1024)

static const blocking_roles_t push_tcp = {
    .transport = "tcp",
    .measuring = "pull",
    .other = "push",
    .raw_measuring = "raw-pull",
    .raw_other = "raw-push",
};
static const blocking_roles_t push_ipc = {
    .transport = "ipc",
    .measuring = "pull",
    .other = "push",
    .raw_measuring = "raw-pull",
    .raw_other = "raw-push",
};
static const blocking_roles_t messages_tcp = {
    .transport = "tcp",
    .measuring = "pull-messages",
    .other = "push-messages",
    .raw_measuring = "raw-pull",
    .raw_other = "raw-push",
};
static const blocking_roles_t messages_ipc = {
    .transport = "ipc",
    .measuring = "pull-messages",
    .other = "push-messages",
    .raw_measuring = "raw-pull",
    .raw_other = "raw-push",
};
static const blocking_roles_t req_tcp = {
    .transport = "tcp",
    .measuring = "req",
    .other = "rep",
    .raw_measuring = "raw-req",
    .raw_other = "raw-rep",
};
static const blocking_roles_t push_inproc = {.transport = "inproc",
                                             .measuring = "push-to-thread"};
static const blocking_roles_t req_inproc = {.transport = "inproc",
                                            .measuring = "req-to-thread"};
static const blocking_roles_t crowd = {
    .transport = "tcp", .measuring = "dealers", .other = "router"};
static const blocking_roles_t send_tail = {
    .transport = "tcp", .measuring = "send-tail", .other = "traffic"};
static const blocking_roles_t send_max = {
    .transport = "tcp", .measuring = "send-max", .other = "traffic"};
static const blocking_roles_t idle_cpu = {
    .transport = "tcp", .measuring = "idle-cpu", .other = "idle"};
static const blocking_roles_t idle_calls = {
    .transport = "tcp", .measuring = "idle-calls", .other = "idle"};

/* clang-format off */
#define SMALL_ROW(transport, label, bytes, at_least, messages)                 \
  {"push-" #transport "-" label, "PUSH-PULL " #transport " " label " B",       \
   "libzmq", "M/s", 1e-6, RATIO_AT_LEAST, at_least, run_ours, run_reference,   \
   {.size = bytes, .count = messages, .roles = &push_##transport}, 0}
#define LARGE_ROW(transport, suffix, label, kind, by, bytes, messages)         \
  {"push-" #transport "-" suffix, "PUSH-PULL " #transport " " label,           \
   "raw sockets", "MiB/s", (bytes) / (double)MIB, kind, 0.9,                   \
   run_ours, run_raw,                                                          \
   {.size = bytes, .count = messages, .roles = &by##_##transport}, 0,          \
   "libzmq", run_reference}
#define ROUND_TRIP_ROW(label, bytes)                                           \
  {"req-tcp-" label, "REQ-REP tcp " label " B", "raw sockets", "us", 1e6,      \
   RATIO_AT_MOST, 1.15, run_ours, run_raw,                                     \
   {.size = bytes, .count = 20000, .roles = &req_tcp}, 0,                      \
   "libzmq", run_reference}

static const row_t rows[] = {
  SMALL_ROW(tcp, "16", 16, 3.0, 6000000),
  SMALL_ROW(tcp, "64", 64, 3.0, 4000000),
  SMALL_ROW(tcp, "256", 256, 3.0, 2000000),
  SMALL_ROW(ipc, "16", 16, 3.0, 6000000),
  SMALL_ROW(ipc, "64", 64, 3.0, 4000000),
  SMALL_ROW(ipc, "256", 256, 3.0, 2000000),
  SMALL_ROW(tcp, "1024", KIB, 1.5, 1000000),
  SMALL_ROW(ipc, "1024", KIB, 1.5, 1000000),
  LARGE_ROW(tcp, "64k", "64 KiB", RATIO_AT_LEAST, messages, 64 * KIB, 40000),
  LARGE_ROW(tcp, "1m", "1 MiB", RATIO_AT_LEAST, messages, MIB, 3000),
  LARGE_ROW(ipc, "64k", "64 KiB", RATIO_AT_LEAST, messages, 64 * KIB, 40000),
  LARGE_ROW(ipc, "1m", "1 MiB", RATIO_AT_LEAST, messages, MIB, 3000),
  LARGE_ROW(tcp, "64k-buffer", "64 KiB buf", NO_GOAL, push, 64 * KIB, 40000),
  LARGE_ROW(tcp, "1m-buffer", "1 MiB buf", NO_GOAL, push, MIB, 3000),
  LARGE_ROW(ipc, "64k-buffer", "64 KiB buf", NO_GOAL, push, 64 * KIB, 40000),
  LARGE_ROW(ipc, "1m-buffer", "1 MiB buf", NO_GOAL, push, MIB, 3000),
  ROUND_TRIP_ROW("1", 1),
  ROUND_TRIP_ROW("64", 64),
  ROUND_TRIP_ROW("1024", KIB),
  {"push-inproc-64", "PUSH-PULL inproc 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 3.0, run_ours, run_reference,
   {.size = 64, .count = 5000000, .roles = &push_inproc}, 0},
  {"req-inproc-64", "REQ-REP inproc 64 B", "libzmq", "us", 1e6,
   RATIO_AT_MOST, 0.5, run_ours, run_reference,
   {.size = 64, .count = 40000, .roles = &req_inproc}, 0},
  {"router-100", "ROUTER, 100 DEALERs", "libzmq", "k/s", 1e-3,
   RATIO_AT_LEAST, 2.0, run_ours, run_reference,
   {.size = 64, .count = 200000, .peers = 100, .roles = &crowd}, 0},
  {"threads-4", "4 threads push 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 1.0, run_ours, run_reference,
   {.size = 64, .count = 1000000, .peers = 4, .roles = &push_tcp}, 0},
  {"send-tail", "zmq_send, 99.9 %", "libzmq", "us", 1e6,
   VALUE_AT_MOST, 1000, run_ours, run_reference,
   {.size = 64, .count = 30000, .peers = 1000, .rate = 10000,
    .roles = &send_tail}, 0},
  {"send-max", "zmq_send, longest", "libzmq", "us", 1e6,
   NO_GOAL, 0, run_ours, run_reference,
   {.size = 64, .count = 30000, .peers = 1000, .rate = 10000,
    .roles = &send_max}, 0},
  {"idle-cpu", "CPU of waiting", "libzmq", "us", 1e6,
   VALUE_AT_MOST, 0, run_ours, run_reference,
   {.count = 5000, .peers = 100, .roles = &idle_cpu}, 1},
  {"idle-calls", "system calls, waiting", "libzmq", "", 1,
   VALUE_AT_MOST, 0, trace_ours, trace_reference,
   {.count = 5000, .peers = 100, .roles = &idle_calls}, 1,
   .missing = no_strace},
};
/* clang-format on */

static bool introduce(int rounds) {
  return workers_introduce(BENCH_OURS, rounds);
}

int main(int argc, char **argv) {
  static const suite_t suite = {"run_blocking", rows,
                                sizeof(rows) / sizeof(rows[0]), introduce};
  return bench_drive(&suite, argc, argv);
}
