/* blocking_worker: one process of a row of the blocking suite. It is started by
 * run_blocking, which leaves it a stream to the other process and a pipe for
 * its result; the library it loads is named on the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../libzmq.h"
#include "blocking.h"

typedef struct {
  const char *name;
  bench_role_fn run;
} role_t;

static const role_t roles[] = {
    {"pull", blocking_pull},
    {"push", blocking_push},
    {"pull-messages", blocking_pull_messages},
    {"push-messages", blocking_push_messages},
    {"push-to-thread", blocking_push_to_thread},
    {"req", blocking_req},
    {"rep", blocking_rep},
    {"req-to-thread", blocking_req_to_thread},
    {"dealers", blocking_dealers},
    {"router", blocking_router},
    {"send-tail", blocking_send_tail},
    {"send-max", blocking_send_max},
    {"traffic", blocking_traffic},
    {"idle", blocking_idle},
    {"idle-cpu", blocking_idle_cpu},
    {"idle-calls", blocking_idle_calls},
    {"raw-pull", blocking_raw_pull},
    {"raw-push", blocking_raw_push},
    {"raw-req", blocking_raw_req},
    {"raw-rep", blocking_raw_rep},
};

void *blocking_context(void) {
  void *context = libzmq.ctx_new();

  bench_require(context != NULL, "zmq_ctx_new");
  return context;
}

void *blocking_bound(void *context, int type, const bench_work_t *work,
                     char *endpoint) {
  const char *transport = work->roles->transport;
  char address[BENCH_ENDPOINT_MAX] = "tcp://127.0.0.1:*";

  if (strcmp(transport, "ipc") == 0)
    snprintf(address, sizeof(address), "ipc://@zuv-bench-%d", (int)getpid());
  else if (strcmp(transport, "inproc") == 0)
    snprintf(address, sizeof(address), "inproc://bench");
  return libzmq_bound_to(context, type, address, endpoint, BENCH_ENDPOINT_MAX);
}

void blocking_end(void *socket, void *context) {
  bench_require(libzmq.close(socket) == 0, "zmq_close");
  bench_require(libzmq.ctx_term(context) == 0, "zmq_ctx_term");
}

static bench_role_fn role_named(const char *name) {
  for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
    if (strcmp(roles[i].name, name) == 0)
      return roles[i].run;
  }
  return NULL;
}

int main(int argc, char **argv) {
  blocking_roles_t own = {0};
  bench_work_t work = {.roles = &own};
  bench_role_fn run = argc > 1 ? role_named(argv[1]) : NULL;
  double value;

  if (argc != 9 || run == NULL) {
    fputs("usage: blocking_worker ROLE LIBRARY TRANSPORT SIZE COUNT PEERS RATE "
          "LOG\n"
          "Started by run_blocking; an empty LIBRARY is none.\n",
          stderr);
    return 2;
  }
  bench_guard();
  own.transport = argv[3];
  work.size = strtoul(argv[4], NULL, 10);
  work.count = strtoull(argv[5], NULL, 10);
  work.peers = atoi(argv[6]);
  work.rate = atoi(argv[7]);
  own.log = argv[8];
  if (argv[2][0] != '\0' && !libzmq_load(argv[2]))
    return 1;
  value = run(&work, BENCH_PROGRAM_LINK);
  bench_write_all(BENCH_PROGRAM_RESULT, &value, sizeof(value));
  return 0;
}
