/* The blocking suite: the roles of blocking_worker, a program that loads one
 * libzmq.so.5 and calls it through zmq_*. The code of a role is the same
 * whichever library was loaded. A role that fails ends the process. */
#ifndef ZUV_BENCH_BLOCKING_H
#define ZUV_BENCH_BLOCKING_H

#include "../bench.h"

enum { BLOCKING_WARM_UP_PART = 10, BLOCKING_WARM_UP_MIN = 100 };

/* Whom a row needs. */
typedef struct blocking_roles_s {
  const char *transport; /* tcp, ipc or inproc */
  const char *mechanism; /* "CURVE": the bound side is its server */
  const char *measuring;
  const char *other; /* NULL: one process does it all */
  const char *raw_measuring;
  const char *raw_other;
  const char *log; /* of the other one's system calls, or NULL */
} blocking_roles_t;

/* Messages or round trips that come before those that count. */
static inline uint64_t blocking_warm_up(const bench_work_t *work) {
  uint64_t part = work->count / BLOCKING_WARM_UP_PART;
  return part > BLOCKING_WARM_UP_MIN ? part : BLOCKING_WARM_UP_MIN;
}

/* sockets.c: a context, and a bound and a connected socket of this process, as
 * the work wants them. */
void *blocking_context(void);
void *blocking_bound(void *context, int type, const bench_work_t *work,
                     char *endpoint);
void *blocking_connected(void *context, int type, const bench_work_t *work,
                         const char *endpoint);

/* Ends both; queued messages are sent before. */
void blocking_end(void *socket, void *context);

/* throughput.c: messages a second, all pairs together */
double blocking_pull(const bench_work_t *work, int link);
double blocking_push(const bench_work_t *work, int link);
double blocking_pull_messages(const bench_work_t *work, int link);
double blocking_push_messages(const bench_work_t *work, int link);
double blocking_push_to_thread(const bench_work_t *work, int link);

/* round_trip.c: seconds of a way */
double blocking_req(const bench_work_t *work, int link);
double blocking_rep(const bench_work_t *work, int link);
double blocking_req_to_thread(const bench_work_t *work, int link);

/* crowd.c: answered requests a second */
double blocking_dealers(const bench_work_t *work, int link);
double blocking_router(const bench_work_t *work, int link);

/* send_time.c: seconds of a zmq_send */
double blocking_send_tail(const bench_work_t *work, int link);
double blocking_send_max(const bench_work_t *work, int link);
double blocking_traffic(const bench_work_t *work, int link);

/* idle.c: seconds of processor time; system calls */
double blocking_idle(const bench_work_t *work, int link);
double blocking_idle_cpu(const bench_work_t *work, int link);
double blocking_idle_calls(const bench_work_t *work, int link);

/* raw.c: the same as pull, push, req and rep, with plain sockets */
double blocking_raw_pull(const bench_work_t *work, int link);
double blocking_raw_push(const bench_work_t *work, int link);
double blocking_raw_req(const bench_work_t *work, int link);
double blocking_raw_rep(const bench_work_t *work, int link);

#endif /* ZUV_BENCH_BLOCKING_H */
