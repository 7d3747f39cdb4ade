/* The table of the options of a context: what each one is, without any code. */
#include <limits.h>

#include "blocking/context_options.h"
#include "zmq.h"

enum {
  ZERO_COPY_RECV = 10, /* a draft name of zmq.h, the option is not */
  SOCKET_LIMIT = 65535
};

#define GET ZMQ__CONTEXT_GET
#define SET ZMQ__CONTEXT_SET
#define INT ZMQ__CONTEXT_INT
#define FLAG ZMQ__CONTEXT_FLAG
#define AT(field) offsetof(zmq__context_options_t, field)

const zmq__context_option_t
    zmq__context_option_table[ZMQ__CONTEXT_OPTION_COUNT] = {
        {ZMQ_IO_THREADS, "IO_THREADS", INT, GET | SET, 0, ZMQ_IO_THREADS_DFLT,
         AT(io_threads), "first socket",
         "How many I/O threads there are; 0: inproc only"},
        {ZMQ_MAX_SOCKETS, "MAX_SOCKETS", INT, GET | SET, 1,
         ZMQ_MAX_SOCKETS_DFLT, AT(max_sockets), "first socket",
         "Limit of sockets that are open at once"},
        {ZMQ_SOCKET_LIMIT, "SOCKET_LIMIT", ZMQ__CONTEXT_CONSTANT, GET,
         SOCKET_LIMIT, SOCKET_LIMIT, 0, "-",
         "The largest MAX_SOCKETS that makes sense"},
        {ZMQ_THREAD_PRIORITY, "THREAD_PRIORITY", INT, SET, 0, -1,
         AT(thread_priority), "threads",
         "Priority of I/O threads under their policy"},
        {ZMQ_THREAD_SCHED_POLICY, "THREAD_SCHED_POLICY", INT, GET | SET, 0, -1,
         AT(thread_sched_policy), "threads",
         "Scheduling policy of I/O threads, as SCHED_*"},
        {ZMQ_MAX_MSGSZ, "MAX_MSGSZ", INT, GET | SET, 0, INT_MAX,
         AT(max_message_size), "-", "Kept; libzmq does not enforce it either"},
        {ZMQ_MSG_T_SIZE, "MSG_T_SIZE", ZMQ__CONTEXT_CONSTANT, GET,
         sizeof(zmq_msg_t), sizeof(zmq_msg_t), 0, "-", "sizeof(zmq_msg_t)"},
        {ZMQ_THREAD_AFFINITY_CPU_ADD, "THREAD_AFFINITY_CPU_ADD",
         ZMQ__CONTEXT_CPU, SET, 0, 0, 0, "threads",
         "One more processor that I/O threads may run on; without any: all"},
        {ZMQ_THREAD_AFFINITY_CPU_REMOVE, "THREAD_AFFINITY_CPU_REMOVE",
         ZMQ__CONTEXT_CPU, SET, 0, 0, 0, "threads",
         "Takes one back that was added"},
        {ZMQ_THREAD_NAME_PREFIX, "THREAD_NAME_PREFIX", ZMQ__CONTEXT_TEXT,
         GET | SET, INT_MIN, 0, 0, "threads",
         "What the names of I/O threads begin with"},
        {ZERO_COPY_RECV, "ZERO_COPY_RECV", FLAG, GET | SET, 0, 1, AT(zero_copy),
         "sockets", "Messages may keep the memory that they were received in"},
        {ZMQ_IPV6, "IPV6", FLAG, GET | SET, 0, 0, AT(ipv6), "sockets",
         "What IPV6 of a socket begins with"},
        {ZMQ_BLOCKY, "BLOCKY", FLAG, GET | SET, 0, 1, AT(blocky), "sockets",
         "0: what LINGER of a socket begins with is 0"},
};
