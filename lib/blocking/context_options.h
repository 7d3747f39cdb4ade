/* The options of a context: one table that says what each is, and the struct in
 * which a context keeps the values. docs/options.md is made from the table.
 *
 * They are set and read by zmq_ctx_set() and zmq_ctx_get(), which answer EINVAL
 * for what is not in the table, out of range, or of the wrong direction. */
#ifndef ZMQ_BLOCKING_CONTEXT_OPTIONS_H
#define ZMQ_BLOCKING_CONTEXT_OPTIONS_H

#include <sched.h>
#include <stddef.h>

enum { ZMQ__NAME_PREFIX_MAX = 16 };

typedef struct zmq__context_options_s {
  int io_threads;
  int max_sockets;
  int thread_priority;
  int thread_sched_policy;
  int max_message_size;
  int zero_copy;
  int ipv6;
  int blocky;
  cpu_set_t cpus;
  char name_prefix[ZMQ__NAME_PREFIX_MAX + 1];
} zmq__context_options_t;

/* Bits of zmq__context_option_t.access. */
enum { ZMQ__CONTEXT_GET = 1, ZMQ__CONTEXT_SET = 2 };

typedef enum {
  ZMQ__CONTEXT_INT,
  ZMQ__CONTEXT_FLAG,     /* an int: anything but 0 reads back as 1 */
  ZMQ__CONTEXT_CONSTANT, /* reads as its initial value */
  ZMQ__CONTEXT_CPU,      /* adds a processor to the set, or removes it */
  ZMQ__CONTEXT_TEXT      /* an int is taken as text */
} zmq__context_option_kind;

typedef struct zmq__context_option_s {
  int number;
  const char *name; /* without the ZMQ_ */
  zmq__context_option_kind kind;
  unsigned access; /* ZMQ__CONTEXT_GET, ZMQ__CONTEXT_SET */
  int min;         /* of the value; the greatest is INT_MAX */
  int initial;
  size_t offset; /* INT, FLAG: where in zmq__context_options_t */
  /* what a set has an effect on: "sockets" and "threads" that come afterwards,
   * the "first socket", or "-" */
  const char *when;
  const char *summary;
} zmq__context_option_t;

enum { ZMQ__CONTEXT_OPTION_COUNT = 13 };
extern const zmq__context_option_t
    zmq__context_option_table[ZMQ__CONTEXT_OPTION_COUNT];

void zmq__context_options_init(zmq__context_options_t *options);

#endif /* ZMQ_BLOCKING_CONTEXT_OPTIONS_H */
