/* zmq_atomic_counter_*. Only making one can fail: NULL and ENOMEM. What is no
 * counter counts nothing. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/alloc.h"
#include "blocking/error.h"
#include "zmq.h"

typedef struct {
  atomic_int value;
} counter_t;

void *zmq_atomic_counter_new(void) {
  counter_t *counter = zuv__malloc(sizeof(*counter));

  if (counter == NULL)
    zmq__fail_errno(ENOMEM);
  else
    atomic_init(&counter->value, 0);
  return counter;
}

void zmq_atomic_counter_set(void *object, int value) {
  counter_t *counter = object;

  if (counter != NULL)
    atomic_store(&counter->value, value);
}

int zmq_atomic_counter_inc(void *object) {
  counter_t *counter = object;

  return counter != NULL ? atomic_fetch_add(&counter->value, 1) : 0;
}

/* 0 when that was the last. */
int zmq_atomic_counter_dec(void *object) {
  counter_t *counter = object;

  return counter != NULL && atomic_fetch_sub(&counter->value, 1) != 1;
}

int zmq_atomic_counter_value(void *object) {
  counter_t *counter = object;

  return counter != NULL ? atomic_load(&counter->value) : 0;
}

void zmq_atomic_counter_destroy(void **object) {
  if (object == NULL)
    return;
  zuv__free(*object);
  *object = NULL;
}
