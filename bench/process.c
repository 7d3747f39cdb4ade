/* Runs the roles of a row, or programs, as child processes of the driver, which
 * itself has no loop and no threads, so that forking is safe. A child that
 * hangs is ended by its own alarm; one whose driver is gone, by the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { ROLE_SECONDS_MAX = 120 };

/* What a child does: either of the two. */
typedef struct {
  bench_role_fn role;
  char *const *program;
} task_t;

typedef struct {
  pid_t pid;
  int result; /* to read it from */
} child_t;

void bench_fail(const char *what, const char *why) {
  fprintf(stderr, "bench: %s: %s\n", what, why);
  _exit(1);
}

void bench_write_all(int fd, const void *data, size_t size) {
  const char *bytes = data;

  while (size > 0) {
    ssize_t done = write(fd, bytes, size);
    bench_require(done > 0 || (done < 0 && errno == EINTR), "write");
    if (done < 0)
      continue;
    bytes += done;
    size -= (size_t)done;
  }
}

void bench_read_all(int fd, void *data, size_t size) {
  char *bytes = data;

  while (size > 0) {
    ssize_t done = read(fd, bytes, size);
    bench_require(done > 0 || (done < 0 && errno == EINTR), "read");
    if (done < 0)
      continue;
    bytes += done;
    size -= (size_t)done;
  }
}

void bench_say(int link, const void *data, size_t size) {
  bench_write_all(link, data, size);
}

void bench_hear(int link, void *data, size_t size) {
  bench_read_all(link, data, size);
}

uint64_t bench_now(void) {
  return uv_hrtime();
}

double bench_cpu(void) {
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool bench_allow_files(int count) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return false;
  if (limit.rlim_cur >= (rlim_t)count)
    return true;
  limit.rlim_cur = (rlim_t)count;
  if (limit.rlim_max < limit.rlim_cur)
    limit.rlim_max = limit.rlim_cur;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void bench_guard(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(ROLE_SECONDS_MAX);
  signal(SIGPIPE, SIG_IGN);
}

_Noreturn static void become(char *const *program, int link, int result) {
  bench_require(dup2(link, BENCH_PROGRAM_LINK) >= 0, "dup2");
  bench_require(dup2(result, BENCH_PROGRAM_RESULT) >= 0, "dup2");
  execvp(program[0], program);
  bench_fail(program[0], strerror(errno));
}

static child_t start(const bench_work_t *work, const task_t *task, int link,
                     int not_mine) {
  child_t child;
  int ends[2];
  double value;

  bench_require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  child.pid = fork();
  bench_require(child.pid >= 0, "fork");
  if (child.pid > 0) {
    close(ends[1]);
    child.result = ends[0];
    return child;
  }
  bench_guard();
  close(ends[0]);
  close(not_mine);
  if (task->program != NULL)
    become(task->program, link, ends[1]);
  value = task->role(work, link);
  bench_write_all(ends[1], &value, sizeof(value));
  _exit(0);
}

static bool read_values(int fd, double *values, int count) {
  char *bytes = (char *)values;
  size_t size = sizeof(*values) * (size_t)count;

  while (size > 0) {
    ssize_t done = read(fd, bytes, size);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    bytes += done;
    size -= (size_t)done;
  }
  return true;
}

/* The child has a result, or is gone. False: it failed. */
static bool finish(child_t *child, double *values, int count) {
  bool ok = read_values(child->result, values, count);
  int status;

  close(child->result);
  if (!ok)
    kill(child->pid, SIGKILL);
  while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
    ;
  /* SIGALRM: it hung. SIGKILL is what the driver itself uses. */
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    fprintf(stderr, "bench: a process was ended: %s\n",
            strsignal(WTERMSIG(status)));
  return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* True: the second one was done first. */
static bool second_is_first(const child_t *children) {
  struct pollfd items[2] = {{.fd = children[0].result, .events = POLLIN},
                            {.fd = children[1].result, .events = POLLIN}};

  while (poll(items, 2, -1) < 0 && errno == EINTR)
    ;
  return items[0].revents == 0;
}

/* tasks[0] is the one that measures; the other may have nothing to do. */
static bool run_tasks(const bench_work_t *work, const task_t *tasks,
                      double *values, int count) {
  bool alone = tasks[1].role == NULL && tasks[1].program == NULL;
  child_t children[2];
  double nothing;
  double *results[2] = {values, &nothing};
  int counts[2] = {count, 1};
  int link[2];
  bool ok;

  fflush(NULL);
  bench_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0,
                "socketpair");
  children[0] = start(work, &tasks[0], link[0], link[1]);
  if (!alone)
    children[1] = start(work, &tasks[1], link[1], link[0]);
  close(link[0]);
  close(link[1]);
  if (alone) {
    ok = finish(&children[0], values, count);
  } else {
    int first = second_is_first(children) ? 1 : 0;
    int last = 1 - first;
    ok = finish(&children[first], results[first], counts[first]);
    if (!ok)
      kill(children[last].pid, SIGKILL);
    ok = finish(&children[last], results[last], counts[last]) && ok;
  }
  return ok;
}

double bench_run_roles(const bench_work_t *work, bench_role_fn measuring,
                       bench_role_fn other) {
  task_t tasks[2] = {{.role = measuring}, {.role = other}};
  double value;
  return run_tasks(work, tasks, &value, 1) ? value : NAN;
}

bool bench_run_programs_for(char *const *measuring, char *const *other,
                            double *values, int count) {
  task_t tasks[2] = {{.program = measuring}, {.program = other}};
  return run_tasks(NULL, tasks, values, count);
}

double bench_run_programs(char *const *measuring, char *const *other) {
  double value;
  return bench_run_programs_for(measuring, other, &value, 1) ? value : NAN;
}
