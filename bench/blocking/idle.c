/* What a process does while it waits in zmq_recv and its peers are silent. The
 * peers are bare sockets in the process that measures: it reads the other
 * one's processor clock at both ends of the pause, or looks up the pause in a
 * log of system calls that strace writes. Then a message ends the wait.
 *
 * The link: the waiting process says its process id and endpoint, and closes
 * it, strace's copy too, when all is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../libzmq.h"
#include "blocking.h"
#include "zuv.h"

enum { SETTLE_MS = 500, LINE_MAX_SIZE = 512 };

typedef struct {
  double begin; /* of the pause, as strace prints it */
  double end;
  double cpu;
} pause_t;

double blocking_idle(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  void *context = blocking_context();
  void *socket = blocking_bound(context, ZUV_PULL, work, endpoint);
  pid_t pid = getpid();
  char body[BENCH_SMALL_MAX];

  bench_say(link, &pid, sizeof(pid));
  bench_say(link, endpoint, sizeof(endpoint));
  bench_require(libzmq.recv(socket, body, sizeof(body), 0) >= 0, "zmq_recv");
  blocking_end(socket, context);
  return 0;
}

static double read_clock(clockid_t clock) {
  struct timespec time;

  bench_require(clock_gettime(clock, &time) == 0, "clock_gettime");
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_for(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                          .tv_nsec = (long)(ms % 1000) * 1000000};
  bench_require(nanosleep(&time, NULL) == 0, "nanosleep");
}

/* Connects the peers, lets work->count milliseconds pass, and ends the wait. */
static pause_t let_pass(const bench_work_t *work, int link) {
  static const uint8_t message[] = {0, 1, 'x'};
  char endpoint[BENCH_ENDPOINT_MAX];
  clockid_t clock;
  pause_t pause;
  pid_t pid;
  int fd = -1;

  bench_hear(link, &pid, sizeof(pid));
  bench_hear(link, endpoint, sizeof(endpoint));
  bench_require(clock_getcpuclockid(pid, &clock) == 0, "clock_getcpuclockid");
  for (int i = 0; i < work->peers; i++)
    fd = bench_zmtp_connect(bench_port_of(endpoint), "PUSH", "", 0);
  sleep_for(SETTLE_MS);
  pause.begin = read_clock(CLOCK_REALTIME);
  pause.cpu = read_clock(clock);
  sleep_for(work->count);
  pause.cpu = read_clock(clock) - pause.cpu;
  pause.end = read_clock(CLOCK_REALTIME);
  bench_write_all(fd, message, sizeof(message));
  return pause;
}

double blocking_idle_cpu(const bench_work_t *work, int link) {
  return let_pass(work, link).cpu;
}

/* A call that began in the pause: "PID TIME NAME(...". What else there is are
 * signals, ends of threads, and "<... NAME resumed>". */
static bool is_call(const char *line, const pause_t *pause) {
  double time;
  char first;

  return sscanf(line, "%*d %lf %c", &time, &first) == 2 &&
         time >= pause->begin && time <= pause->end &&
         strchr("<+-", first) == NULL;
}

static double count_calls(const char *name, const pause_t *pause) {
  char line[LINE_MAX_SIZE];
  FILE *log = fopen(name, "r");
  bool line_begins = true, any = false;
  double count = 0;

  bench_require(log != NULL, "opening the log of system calls");
  while (fgets(line, sizeof(line), log) != NULL) {
    any = true;
    if (line_begins && is_call(line, pause))
      count++;
    line_begins = strchr(line, '\n') != NULL;
  }
  fclose(log);
  bench_require(any, "reading the log of system calls");
  return count;
}

double blocking_idle_calls(const bench_work_t *work, int link) {
  pause_t pause = let_pass(work, link);
  char byte;

  bench_require(read(link, &byte, 1) == 0, "waiting for the other process");
  return count_calls(work->roles->log, &pause);
}
