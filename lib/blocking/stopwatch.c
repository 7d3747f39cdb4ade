/* zmq_stopwatch_*, in microseconds, and zmq_sleep. Starting a stopwatch fails
 * for want of memory; one that was not started shows 0. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "zmq.h"

typedef struct {
  uint64_t started; /* nanoseconds */
} stopwatch_t;

void *zmq_stopwatch_start(void) {
  stopwatch_t *watch = zuv__malloc(sizeof(*watch));

  if (watch == NULL)
    zmq__fail_errno(ENOMEM);
  else
    watch->started = uv_hrtime();
  return watch;
}

unsigned long zmq_stopwatch_intermediate(void *object) {
  const stopwatch_t *watch = object;

  if (watch == NULL)
    return 0;
  return (unsigned long)((uv_hrtime() - watch->started) / 1000);
}

unsigned long zmq_stopwatch_stop(void *object) {
  unsigned long elapsed = zmq_stopwatch_intermediate(object);

  zuv__free(object);
  return elapsed;
}

void zmq_sleep(int seconds) {
  if (seconds > 0)
    sleep((unsigned)seconds);
}
