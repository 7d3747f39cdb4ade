/* A thread that waits inside one call of the library, for tests of what ends
 * such a wait: the end of the context, a signal, a message.
 *
 * The thread's result is read after blocked_join(), on the main thread. What
 * the thread uses is static: one that never returns outlives a test that
 * failed. */
#ifndef BLOCKED_H
#define BLOCKED_H

#include <pthread.h>
#include <stdatomic.h>

#include "support/blocking.h"

enum { BLOCKED_SOCKETS_MAX = 4 };

/* The call that waits: -1 and errno when it failed. Runs on the thread, so it
 * may not use what can fail a test. */
typedef int blocked_call_fn(void *argument);

typedef struct {
  const char *name; /* of the call, for messages */
  blocked_call_fn *call;
  void *argument;
  pthread_t thread;
  atomic_int thread_id; /* the kernel's, 0 until the thread runs */
  atomic_bool returned;
  int result;
  int error; /* errno when the result is -1 */
  uint64_t took_ms;
} blocked_t;

#define blocked_start(blocked, call, argument)                                 \
  blocked_start_named(blocked, #call, call, argument)
void blocked_start_named(blocked_t *blocked, const char *name,
                         blocked_call_fn *call, void *argument);
/* Waits until the thread sleeps in the kernel. It may sleep for another reason
 * than the call's, so only the interest of a test may depend on it, never its
 * passing. */
void blocked_wait_asleep(blocked_t *blocked);
bool blocked_has_returned(blocked_t *blocked);
/* Sends the thread a signal, which has to have a handler, until the call
 * returns: one that comes before the wait is lost. */
void blocked_interrupt(blocked_t *blocked, int signal);
/* Waits until the call returned, and ends the thread. */
void blocked_join(blocked_t *blocked);
/* Joins, and requires the outcome. */
#define blocked_expect_errno(blocked, expected)                                \
  blocked_expect_errno_at(blocked, expected, __FILE__, __LINE__)
void blocked_expect_errno_at(blocked_t *blocked, int expected, const char *file,
                             int line);
#define blocked_expect_ok(blocked)                                             \
  blocked_expect_ok_at(blocked, __FILE__, __LINE__)
void blocked_expect_ok_at(blocked_t *blocked, const char *file, int line);

/* ---- Every call that waits ---- */

/* What one call waits with. The sockets belong to nobody: whoever uses them
 * last closes them. */
typedef struct {
  const char *name;
  void *sockets[BLOCKED_SOCKETS_MAX];
  size_t socket_count;
  blocked_call_fn *call; /* its argument is this struct */
  bool has_timeout;      /* ZMQ_RCVTIMEO or ZMQ_SNDTIMEO bounds it */
} blocked_wait_t;

size_t blocked_kinds(void);
/* Makes the sockets of one kind of call. `timeout_ms`: of the sockets, or -1.
 */
void blocked_prepare(blocking_t *b, blocked_wait_t *wait, size_t kind,
                     int timeout_ms);
/* Closes the sockets without linger. Any thread. */
void blocked_close(blocked_wait_t *wait);
/* A thread that waits, and then closes the sockets when asked to. */
void blocked_start_wait(blocked_t *blocked, blocked_wait_t *wait,
                        bool then_close);

#endif /* BLOCKED_H */
