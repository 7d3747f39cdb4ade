/* What the files of the benchmark share: the rows, the processes that a row
 * needs, and small helpers. A role (one process of a row) that fails ends its
 * process; the row then has no value, and the others go on. */
#ifndef ZUV_BENCH_H
#define ZUV_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { BENCH_ENDPOINT_MAX = 64, BENCH_SMALL_MAX = 1024 };

/* What one run of one side of a row has to do. */
typedef struct bench_work_s {
  size_t size;    /* bytes of a message */
  uint64_t count; /* messages, or round trips */
  int peers;      /* connections, where a row has many */
  int rate;       /* messages a second, where a row is paced */
  int interval;   /* milliseconds from one burst of these to the next */
  int handshake;  /* milliseconds a peer has for it; 0: the library's default */
  const struct blocking_roles_s *roles; /* of blocking_worker, if it is used */
} bench_work_t;

/* A run of one side. NAN: it could not be measured. */
typedef double (*bench_measure_fn)(const bench_work_t *work);

/* throughput_zuv.c, throughput_zmq.c, throughput_raw.c: messages a second */
double bench_throughput_zuv(const bench_work_t *work);
double bench_throughput_zmq(const bench_work_t *work);
double bench_throughput_raw(const bench_work_t *work);

/* round_trip_zuv.c, round_trip_zmq.c, round_trip_uv.c: seconds a round trip */
double bench_round_trip_zuv(const bench_work_t *work);
double bench_round_trip_zmq(const bench_work_t *work);
double bench_round_trip_uv(const bench_work_t *work);

/* inproc.c: messages a second */
double bench_inproc_zuv(const bench_work_t *work);
double bench_inproc_zmq(const bench_work_t *work);

/* memory.c: bytes a connected peer */
double bench_heap_zuv(const bench_work_t *work);
double bench_heap_zmq(const bench_work_t *work);
double bench_resident_zuv(const bench_work_t *work);
double bench_resident_zmq(const bench_work_t *work);

/* fan_out.c: seconds of the publisher's processor time a delivery */
double bench_fan_out_zuv(const bench_work_t *work);
double bench_fan_out_zmq(const bench_work_t *work);

/* ---- Processes (process.c) ------------------------------------------------
 */

/* One process of a row. `link` is a stream to the other one. What the measuring
 * role returns is the result of the run. */
typedef double (*bench_role_fn)(const bench_work_t *work, int link);

/* Runs the roles in a process each and returns what `measuring` returned; NAN
 * if one failed or took too long. `other` may be NULL. */
double bench_run_roles(const bench_work_t *work, bench_role_fn measuring,
                       bench_role_fn other);

/* The same with programs, whose arguments end with NULL. These are the
 * descriptors that such a program finds open; it writes one double.
 * bench_run_programs_for: the measuring one writes `count` doubles. False: one
 * failed or took too long. */
enum { BENCH_PROGRAM_LINK = 0, BENCH_PROGRAM_RESULT = 1 };
double bench_run_programs(char *const *measuring, char *const *other);
bool bench_run_programs_for(char *const *measuring, char *const *other,
                            double *values, int count);

/* The process ends after a while, or with its parent, and not by SIGPIPE. */
void bench_guard(void);

/* Ends the process with a message. */
_Noreturn void bench_fail(const char *what, const char *why);

/* The same unless the condition holds, and for a result of libuv or zuv if it
 * is an error. */
static inline void bench_require(bool condition, const char *what) {
  if (!condition)
    bench_fail(what, "failed");
}

static inline void bench_require_ok(int result, const char *what) {
  if (result < 0)
    bench_fail(what, uv_strerror(result));
}

/* Whole transfers over the link, or the process ends. */
void bench_say(int link, const void *data, size_t size);
void bench_hear(int link, void *data, size_t size);

uint64_t bench_now(void); /* nanoseconds */
double bench_cpu(void);   /* user and system seconds of this process */

/* Raises the limit of open files if that is needed and allowed. */
bool bench_allow_files(int count);

/* ---- Plain TCP (tcp.c) ----------------------------------------------------
 */

/* Listens on a free port of 127.0.0.1. */
int bench_tcp_listen(int *port);
int bench_tcp_connect(int port);
void bench_write_all(int fd, const void *data, size_t size);
void bench_read_all(int fd, void *data, size_t size);

/* The port of "tcp://127.0.0.1:PORT". */
int bench_port_of(const char *endpoint);

/* Connects, does a ZMTP 3.0 handshake with mechanism NULL as a socket of that
 * type, and then sends `extra`. */
int bench_zmtp_connect(int port, const char *type, const void *extra,
                       size_t size);

#endif /* ZUV_BENCH_H */
