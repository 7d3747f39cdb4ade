/* zmq_ctx_set(), zmq_ctx_get() and what they act on. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "blocking/context.h"
#include "blocking/error.h"
#include "zmq.h"

enum { THREAD_NAME_MAX = 15, MOST_NICE = -20 /* of the system */ };

static int *value_of(zmq__context_options_t *options,
                     const zmq__context_option_t *row) {
  return (int *)(void *)((char *)options + row->offset);
}

static const zmq__context_option_t *find(int number, unsigned access) {
  for (int i = 0; i < ZMQ__CONTEXT_OPTION_COUNT; i++) {
    const zmq__context_option_t *row = &zmq__context_option_table[i];
    if (row->number == number && (row->access & access) != 0)
      return row;
  }
  return NULL;
}

void zmq__context_options_init(zmq__context_options_t *options) {
  memset(options, 0, sizeof(*options));
  CPU_ZERO(&options->cpus);
  for (int i = 0; i < ZMQ__CONTEXT_OPTION_COUNT; i++) {
    const zmq__context_option_t *row = &zmq__context_option_table[i];
    if (row->kind == ZMQ__CONTEXT_INT || row->kind == ZMQ__CONTEXT_FLAG)
      *value_of(options, row) = row->initial;
  }
}

static int set_cpu(cpu_set_t *cpus, int number, bool add) {
  size_t cpu = (size_t)number;

  if (number >= CPU_SETSIZE)
    return EINVAL;
  if (!add && !CPU_ISSET(cpu, cpus))
    return EINVAL;
  if (add)
    CPU_SET(cpu, cpus);
  else
    CPU_CLR(cpu, cpus);
  return 0;
}

static int set_int(zmq__context_options_t *options, int number, int value) {
  const zmq__context_option_t *row = find(number, ZMQ__CONTEXT_SET);

  if (row == NULL || value < row->min)
    return EINVAL;
  switch (row->kind) {
    case ZMQ__CONTEXT_TEXT:
      snprintf(options->name_prefix, sizeof(options->name_prefix), "%d", value);
      return 0;
    case ZMQ__CONTEXT_CPU:
      return set_cpu(&options->cpus, value,
                     number == ZMQ_THREAD_AFFINITY_CPU_ADD);
    case ZMQ__CONTEXT_FLAG:
      *value_of(options, row) = value != 0;
      return 0;
    default:
      *value_of(options, row) = value;
      return 0;
  }
}

static int set(zmq__context_options_t *options, int number, const void *value,
               size_t size) {
  int number_value;

  if (value == NULL)
    return EINVAL;
  if (size == sizeof(int)) {
    memcpy(&number_value, value, sizeof(number_value));
    return set_int(options, number, number_value);
  }
  if (number != ZMQ_THREAD_NAME_PREFIX || size < 1 ||
      size > ZMQ__NAME_PREFIX_MAX)
    return EINVAL;
  memcpy(options->name_prefix, value, size);
  options->name_prefix[size] = '\0';
  return 0;
}

static int get_int(zmq__context_options_t *options, int number, int *value) {
  const zmq__context_option_t *row = find(number, ZMQ__CONTEXT_GET);

  if (row == NULL)
    return EINVAL;
  switch (row->kind) {
    case ZMQ__CONTEXT_CONSTANT:
      *value = row->initial;
      return 0;
    case ZMQ__CONTEXT_TEXT:
      *value = (int)strtol(options->name_prefix, NULL, 10);
      return 0;
    default:
      *value = *value_of(options, row);
      return 0;
  }
}

/* libzmq leaves *size as it is, so that nobody can know how long the text is.
 */
static int get_text(const char *text, void *value, size_t *size) {
  size_t length = strlen(text);

  if (*size < length)
    return EINVAL;
  memcpy(value, text, length);
  memset((char *)value + length, 0, *size - length);
  *size = length;
  return 0;
}

static int get(zmq__context_options_t *options, int number, void *value,
               size_t *size) {
  int number_value;
  int err;

  if (value == NULL || size == NULL)
    return EINVAL;
  if (number == ZMQ_THREAD_NAME_PREFIX && *size != sizeof(int))
    return get_text(options->name_prefix, value, size);
  if (*size != sizeof(int))
    return EINVAL;
  err = get_int(options, number, &number_value);
  if (err == 0)
    memcpy(value, &number_value, sizeof(number_value));
  return err;
}

int zmq_ctx_set_ext(void *handle, int option, const void *value, size_t size) {
  zmq__context_t *context = zmq__context_of(handle);
  int err;

  if (context == NULL)
    return -1;
  if (zmq__context_is_foreign(context))
    return zmq__fail_errno(ETERM);
  pthread_mutex_lock(&context->mutex);
  err = set(&context->options, option, value, size);
  pthread_mutex_unlock(&context->mutex);
  return err == 0 ? 0 : zmq__fail_errno(err);
}

int zmq_ctx_set(void *handle, int option, int value) {
  return zmq_ctx_set_ext(handle, option, &value, sizeof(value));
}

int zmq_ctx_get_ext(void *handle, int option, void *value, size_t *size) {
  zmq__context_t *context = zmq__context_of(handle);
  int err;

  if (context == NULL)
    return -1;
  if (zmq__context_is_foreign(context))
    return zmq__fail_errno(ETERM);
  pthread_mutex_lock(&context->mutex);
  err = get(&context->options, option, value, size);
  pthread_mutex_unlock(&context->mutex);
  return err == 0 ? 0 : zmq__fail_errno(err);
}

int zmq_ctx_get(void *handle, int option) {
  int value;
  size_t size = sizeof(value);

  return zmq_ctx_get_ext(handle, option, &value, &size) == 0 ? value : -1;
}

/* ---- Threads ---- */

/* Only two policies know priorities. Under the others a wish for one is a wish
 * for the most that there is, as in libzmq. */
static void set_scheduling(const zmq__context_options_t *options) {
  struct sched_param parameters = {0};
  int policy;

  (void)pthread_getschedparam(pthread_self(), &policy, &parameters);
  if (options->thread_sched_policy >= 0)
    policy = options->thread_sched_policy;
  if (policy == SCHED_FIFO || policy == SCHED_RR) {
    int least = sched_get_priority_min(policy);
    parameters.sched_priority =
        options->thread_priority < least ? least : options->thread_priority;
  } else {
    parameters.sched_priority = 0;
    if (options->thread_priority > 0)
      (void)setpriority(PRIO_PROCESS, 0, MOST_NICE);
  }
  (void)pthread_setschedparam(pthread_self(), policy, &parameters);
}

static void set_name(const char *prefix, int index) {
  char name[ZMQ__NAME_PREFIX_MAX + 32];

  snprintf(name, sizeof(name), "%s%sZMQbg/IO/%d", prefix,
           prefix[0] == '\0' ? "" : "/", index);
  name[THREAD_NAME_MAX] = '\0';
  (void)pthread_setname_np(pthread_self(), name);
}

/* A wish that the system does not grant harms nobody. */
void zmq__context_prepare_thread(zmq__context_t *context, int index) {
  zmq__context_options_t options;

  pthread_mutex_lock(&context->mutex);
  options = context->options;
  pthread_mutex_unlock(&context->mutex);
  if (CPU_COUNT(&options.cpus) > 0)
    (void)pthread_setaffinity_np(pthread_self(), sizeof(options.cpus),
                                 &options.cpus);
  if (options.thread_priority >= 0 || options.thread_sched_policy >= 0)
    set_scheduling(&options);
  set_name(options.name_prefix, index);
}
