/* zmq_ctx_set(), zmq_ctx_get() and what they act on. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "blocking/context.h"
#include "blocking/error.h"
#include "zmq.h"

enum {
  ZERO_COPY_RECV = 10, /* a draft name of zmq.h, the option is not */
  SOCKET_LIMIT = 65535
};

enum { GET = 1, SET = 2 };

typedef struct {
  int number;
  int access;
  int min;
  int initial;
  size_t offset;
} row_t;

#define AT(field) offsetof(zmq__context_options_t, field)

static const row_t rows[] = {
    {ZMQ_IO_THREADS, GET | SET, 0, ZMQ_IO_THREADS_DFLT, AT(io_threads)},
    {ZMQ_MAX_SOCKETS, GET | SET, 1, ZMQ_MAX_SOCKETS_DFLT, AT(max_sockets)},
    {ZMQ_THREAD_PRIORITY, SET, 0, -1, AT(thread_priority)},
    {ZMQ_THREAD_SCHED_POLICY, GET | SET, 0, -1, AT(thread_sched_policy)},
    {ZMQ_MAX_MSGSZ, GET | SET, 0, INT_MAX, AT(max_message_size)},
    {ZERO_COPY_RECV, GET | SET, 0, 1, AT(zero_copy)},
    {ZMQ_IPV6, GET | SET, 0, 0, AT(ipv6)},
    {ZMQ_BLOCKY, GET | SET, 0, 1, AT(blocky)},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static int *value_of(zmq__context_options_t *options, const row_t *row) {
  return (int *)(void *)((char *)options + row->offset);
}

static const row_t *find(int number, int access) {
  for (int i = 0; i < ROW_COUNT; i++)
    if (rows[i].number == number && (rows[i].access & access) != 0)
      return &rows[i];
  return NULL;
}

void zmq__context_options_init(zmq__context_options_t *options) {
  memset(options, 0, sizeof(*options));
  CPU_ZERO(&options->cpus);
  for (int i = 0; i < ROW_COUNT; i++)
    *value_of(options, &rows[i]) = rows[i].initial;
}

static int set_cpu(cpu_set_t *cpus, int number, bool add) {
  size_t cpu = (size_t)number;

  if (number < 0 || number >= CPU_SETSIZE)
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
  const row_t *row = find(number, SET);

  if (number == ZMQ_THREAD_NAME_PREFIX) {
    snprintf(options->name_prefix, sizeof(options->name_prefix), "%d", value);
    return 0;
  }
  if (number == ZMQ_THREAD_AFFINITY_CPU_ADD ||
      number == ZMQ_THREAD_AFFINITY_CPU_REMOVE)
    return set_cpu(&options->cpus, value,
                   number == ZMQ_THREAD_AFFINITY_CPU_ADD);
  if (row == NULL || value < row->min)
    return EINVAL;
  if (number == ZMQ_IPV6 || number == ZMQ_BLOCKY || number == ZERO_COPY_RECV)
    value = value != 0;
  *value_of(options, row) = value;
  return 0;
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
  const row_t *row = find(number, GET);

  switch (number) {
    case ZMQ_SOCKET_LIMIT:
      *value = SOCKET_LIMIT;
      return 0;
    case ZMQ_MSG_T_SIZE:
      *value = (int)sizeof(zmq_msg_t);
      return 0;
    case ZMQ_THREAD_NAME_PREFIX:
      *value = 0;
      (void)sscanf(options->name_prefix, "%d", value);
      return 0;
    default:
      if (row == NULL)
        return EINVAL;
      *value = *value_of(options, row);
      return 0;
  }
}

static int get(zmq__context_options_t *options, int number, void *value,
               const size_t *size) {
  int number_value;
  int err;

  if (value == NULL || size == NULL)
    return EINVAL;
  if (number == ZMQ_THREAD_NAME_PREFIX && *size != sizeof(int)) {
    size_t length = strlen(options->name_prefix);
    if (*size < length)
      return EINVAL;
    memcpy(value, options->name_prefix, length);
    return 0;
  }
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

/* A wish that the system does not grant harms nobody. */
void zmq__context_prepare_thread(zmq__context_t *context, int index) {
  zmq__context_options_t options;
  char name[ZMQ__NAME_PREFIX_MAX + 32];
  struct sched_param parameters = {0};
  int policy;

  pthread_mutex_lock(&context->mutex);
  options = context->options;
  pthread_mutex_unlock(&context->mutex);
  snprintf(name, sizeof(name), "%s%sZMQbg/IO/%d", options.name_prefix,
           options.name_prefix[0] == '\0' ? "" : "/", index);
  name[15] = '\0';
  (void)pthread_setname_np(pthread_self(), name);
  if (CPU_COUNT(&options.cpus) > 0)
    (void)pthread_setaffinity_np(pthread_self(), sizeof(options.cpus),
                                 &options.cpus);
  if (options.thread_priority < 0 && options.thread_sched_policy < 0)
    return;
  (void)pthread_getschedparam(pthread_self(), &policy, &parameters);
  if (options.thread_sched_policy >= 0)
    policy = options.thread_sched_policy;
  if (options.thread_priority >= 0)
    parameters.sched_priority = options.thread_priority;
  (void)pthread_setschedparam(pthread_self(), policy, &parameters);
}
