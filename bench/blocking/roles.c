/* blocking_worker: the roles that call a library through zmq_*, and those that
 * use plain sockets or libsodium. */
#include "../security/security.h"
#include "../worker.h"
#include "blocking.h"

const worker_role_t worker_roles[] = {
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
    {"open-boxes", sodium_open_boxes},
    {"raw-pull-boxes", sodium_raw_pull},
    {"raw-push-boxes", sodium_raw_push},
    {"curve-operations", sodium_curve_operations},
    {"handshakes", bare_handshakes},
    {"minimal-server", minimal_handshake_server},
    {"handshake-server", blocking_handshake_server},
    {"half-open", blocking_half_open},
    {"echo-server", blocking_echo_server},
    {0},
};
