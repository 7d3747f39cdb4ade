#include "option_facts.h"

#include <limits.h>

#define BIT(type) (1u << (type))
enum { PAIR, PUB, SUB, REQ, REP, DEALER, ROUTER, PULL, PUSH, XPUB, XSUB };
enum { STREAM = XSUB + 1 };
#define ALL 0xfffu
/* REP is a ROUTER inside, REQ a DEALER, PUB an XPUB. */
#define ROUTERS (BIT(ROUTER) | BIT(REP))
#define DEALERS (BIT(DEALER) | BIT(REQ))
#define XPUBS (BIT(XPUB) | BIT(PUB))

#define GET OPTION_GET
#define SET OPTION_SET
#define BOTH OPTION_BOTH

#define NAMED(name_, number_, access_, kind_, types_, marks_)                  \
  .name = #name_, .number = (number_), .access = (access_),                    \
  .kind = OPTION_##kind_, .types = (types_), .marks = (marks_)

#define COUNT(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define GOOD(...) .good = {__VA_ARGS__}, .good_count = COUNT(__VA_ARGS__)
#define BAD(...) .bad = {__VA_ARGS__}, .bad_count = COUNT(__VA_ARGS__)
#define HARMFUL(...)                                                           \
  .harmful = {__VA_ARGS__}, .harmful_count = COUNT(__VA_ARGS__)

/* The usual ranges of an int. */
#define FROM_0 GOOD(1, INT_MAX, 0), BAD(-1, INT_MIN)
#define FROM_1 GOOD(2, INT_MAX, 1), BAD(0, -1, INT_MIN)
#define FROM_MINUS_1 GOOD(0, 1, INT_MAX, -1), BAD(-2, INT_MIN)
#define ONE_OR_0 GOOD(1, 0), BAD(-1, 2, INT_MAX, INT_MIN)
#define ANY_INT GOOD(1, INT_MAX, INT_MIN, 0)

#define ON_ALL(name, number, kind, initial_, ...)                              \
  {                                                                            \
    NAMED(name, number, BOTH, kind, ALL, 0), .initial = (initial_),            \
                                             __VA_ARGS__                       \
  }
#define DRAFT(name, number, kind, initial_, ...)                               \
  {                                                                            \
    NAMED(name, number, BOTH, kind, ALL, OPTION_NOT_DEBIANS),                  \
        .initial = (initial_), __VA_ARGS__                                     \
  }
/* Of some types, and can only be set. */
#define SWITCH(name, number, types, marks)                                     \
  { NAMED(name, number, SET, FLAG, types, marks), FROM_0 }
#define NEITHER_HAS(name, number)                                              \
  {                                                                            \
    NAMED(name, number, BOTH, INT, ALL, OPTION_NOT_OURS | OPTION_NOT_DEBIANS), \
        GOOD(0)                                                                \
  }
/* Debian's libzmq is built with GSSAPI. */
#define GSSAPI(name, number, kind, ...)                                        \
  { NAMED(name, number, BOTH, kind, ALL, OPTION_NOT_OURS), __VA_ARGS__ }

const option_fact_t option_facts[] = {
    /* any type */
    {NAMED(AFFINITY, 4, BOTH, WIDE, ALL, 0), GOOD(1, 3, -1, 0)},
    {NAMED(ROUTING_ID, 5, BOTH, BYTES, ALL, 0), .shortest = 1, .longest = 255},
    {NAMED(RCVMORE, 13, GET, INT, ALL, OPTION_IN_LARGER)},
    {NAMED(FD, 14, GET, INT, ALL, OPTION_IN_LARGER | OPTION_OWN_VALUE)},
    {NAMED(EVENTS, 15, GET, INT, ALL, OPTION_IN_LARGER)},
    {NAMED(TYPE, 16, GET, INT, ALL, 0)},
    ON_ALL(LINGER, 17, INT, -1, GOOD(0, 1, INT_MAX, -1), BAD(-2, INT_MIN)),
    ON_ALL(RECONNECT_IVL, 18, INT, 100, FROM_MINUS_1),
    ON_ALL(RECONNECT_IVL_MAX, 21, INT, 0, FROM_0),
    ON_ALL(BACKLOG, 19, INT, 100, FROM_0),
    ON_ALL(MAXMSGSIZE, 22, WIDE, -1, GOOD(0, 10, INT64_MAX, INT64_MIN)),
    ON_ALL(SNDHWM, 23, INT, 1000, FROM_0),
    ON_ALL(RCVHWM, 24, INT, 1000, FROM_0),
    ON_ALL(RCVTIMEO, 27, INT, -1, FROM_MINUS_1),
    ON_ALL(SNDTIMEO, 28, INT, -1, FROM_MINUS_1),
    ON_ALL(SNDBUF, 11, INT, -1, FROM_MINUS_1),
    ON_ALL(RCVBUF, 12, INT, -1, FROM_MINUS_1),
    {NAMED(LAST_ENDPOINT, 32, GET, TEXT, ALL, 0)},
    ON_ALL(IMMEDIATE, 39, FLAG, 0, ONE_OR_0),
    {NAMED(MECHANISM, 43, GET, INT, ALL, 0)},
    ON_ALL(IPV6, 42, FLAG, 0, ONE_OR_0),
    ON_ALL(IPV4ONLY, 31, FLAG, 1, ONE_OR_0),
    ON_ALL(HANDSHAKE_IVL, 66, INT, 30000, FROM_0),
    ON_ALL(HEARTBEAT_IVL, 75, INT, 0, FROM_0),
    ON_ALL(HEARTBEAT_TIMEOUT, 77, INT, -1, FROM_0),
    ON_ALL(HEARTBEAT_TTL, 76, TENTHS, 0, GOOD(155, 6553599, -99, 100),
           BAD(-100, 6553600, INT_MIN, INT_MAX)),
    {NAMED(THREAD_SAFE, 81, GET, INT, ALL, OPTION_IN_LARGER)},
    ON_ALL(USE_FD, 89, INT, -1, FROM_MINUS_1),
    ON_ALL(CONFLATE, 54, FLAG, 0, ONE_OR_0),
    ON_ALL(INVERT_MATCHING, 74, FLAG, 0, ANY_INT),

    /* some types */
    {NAMED(SUBSCRIBE, 6, SET, BYTES, BIT(SUB) | XPUBS,
           OPTION_NULL_CLEARS | OPTION_IF_MANUAL)},
    {NAMED(UNSUBSCRIBE, 7, SET, BYTES, BIT(SUB) | XPUBS,
           OPTION_NULL_CLEARS | OPTION_IF_MANUAL)},
    SWITCH(ROUTER_MANDATORY, 33, ROUTERS, 0),
    SWITCH(ROUTER_HANDOVER, 56, ROUTERS, 0),
    SWITCH(ROUTER_RAW, 41, ROUTERS, 0),
    SWITCH(PROBE_ROUTER, 51, ROUTERS | DEALERS, 0),
    /* libzmq takes longer ones, against its manual */
    {NAMED(CONNECT_ROUTING_ID, 61, SET, BYTES, ROUTERS | BIT(STREAM), 0),
     .shortest = 1, .longest = 255},
    SWITCH(REQ_CORRELATE, 52, BIT(REQ), 0),
    SWITCH(REQ_RELAXED, 53, BIT(REQ), 0),
    {NAMED(STREAM_NOTIFY, 73, SET, FLAG, BIT(STREAM), 0), ONE_OR_0},
    SWITCH(XPUB_VERBOSE, 40, XPUBS, 0),
    SWITCH(XPUB_VERBOSER, 78, XPUBS, 0),
    SWITCH(XPUB_MANUAL, 71, XPUBS, 0),
    SWITCH(XPUB_NODROP, 69, XPUBS, 0),
    {NAMED(XPUB_WELCOME_MSG, 72, SET, BYTES, XPUBS, OPTION_NULL_CLEARS)},
    {NAMED(TOPICS_COUNT, 116, GET, INT, XPUBS | BIT(SUB) | BIT(XSUB),
           OPTION_IN_LARGER | OPTION_NOT_DEBIANS)},
    SWITCH(ONLY_FIRST_SUBSCRIBE, 108, XPUBS | BIT(XSUB), 0),
    SWITCH(XPUB_MANUAL_LAST_VALUE, 98, XPUBS, 0),
    {NAMED(ROUTER_NOTIFY, 97, BOTH, INT, ROUTERS, OPTION_NOT_DEBIANS),
     GOOD(1, 2, 3, 0), BAD(-1, 4, INT_MAX, INT_MIN)},
    {NAMED(XSUB_VERBOSE_UNSUBSCRIBE, 115, SET, FLAG, BIT(XSUB),
           OPTION_NOT_DEBIANS),
     ANY_INT},
    {NAMED(HELLO_MSG, 110, SET, BYTES, ALL,
           OPTION_NULL_CLEARS | OPTION_NOT_DEBIANS)},
    {NAMED(DISCONNECT_MSG, 111, SET, BYTES, ALL,
           OPTION_NULL_CLEARS | OPTION_NOT_DEBIANS)},
    {NAMED(HICCUP_MSG, 114, SET, BYTES, ALL,
           OPTION_NULL_CLEARS | OPTION_NOT_DEBIANS)},

    /* security */
    ON_ALL(PLAIN_SERVER, 44, FLAG, 0, ONE_OR_0),
    {NAMED(PLAIN_USERNAME, 45, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .shortest = 1, .longest = 255},
    {NAMED(PLAIN_PASSWORD, 46, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .shortest = 1, .longest = 255},
    ON_ALL(CURVE_SERVER, 47, FLAG, 0, ONE_OR_0),
    {NAMED(CURVE_PUBLICKEY, 48, BOTH, KEY, ALL, 0)},
    {NAMED(CURVE_SECRETKEY, 49, BOTH, KEY, ALL, 0)},
    {NAMED(CURVE_SERVERKEY, 50, BOTH, KEY, ALL, 0)},
    {NAMED(ZAP_DOMAIN, 55, BOTH, TEXT, ALL, 0), .shortest = 1, .longest = 255},
    ON_ALL(ZAP_ENFORCE_DOMAIN, 93, FLAG, 0, ANY_INT),
    GSSAPI(GSSAPI_SERVER, 62, FLAG, ONE_OR_0),
    GSSAPI(GSSAPI_PLAINTEXT, 65, FLAG, ONE_OR_0),
    GSSAPI(GSSAPI_PRINCIPAL, 63, TEXT, .shortest = 1, .longest = 255),
    GSSAPI(GSSAPI_SERVICE_PRINCIPAL, 64, TEXT, .shortest = 1, .longest = 255),
    GSSAPI(GSSAPI_PRINCIPAL_NAMETYPE, 90, INT, GOOD(1, 2, 0),
           BAD(-1, 3, INT_MAX)),
    GSSAPI(GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, 91, INT, GOOD(1, 2, 0),
           BAD(-1, 3, INT_MAX)),
    {NAMED(METADATA, 95, SET, TEXT, ALL, 0),
     .good_texts = {"X-name:value", "X-a:b:c"},
     .bad_texts = {"name:value", "X-name", "X-name:", ":value"}},

    /* tcp, ipc, SOCKS */
    ON_ALL(TCP_KEEPALIVE, 34, INT, -1, GOOD(0, 1, -1),
           BAD(-2, 2, INT_MAX, INT_MIN)),
    ON_ALL(TCP_KEEPALIVE_CNT, 35, INT, -1, GOOD(1, 127, -1), BAD(-2, INT_MIN),
           HARMFUL(0, 128, INT_MAX)),
    ON_ALL(TCP_KEEPALIVE_IDLE, 36, INT, -1, GOOD(1, 32767, -1),
           BAD(-2, INT_MIN), HARMFUL(0, 32768, INT_MAX)),
    ON_ALL(TCP_KEEPALIVE_INTVL, 37, INT, -1, GOOD(1, 32767, -1),
           BAD(-2, INT_MIN), HARMFUL(0, 32768, INT_MAX)),
    ON_ALL(TCP_MAXRT, 80, INT, 0, FROM_0),
    ON_ALL(CONNECT_TIMEOUT, 79, INT, 0, FROM_0),
    ON_ALL(TOS, 57, INT, 0, FROM_0),
    DRAFT(PRIORITY, 112, INT, 0, FROM_0),
    {NAMED(BINDTODEVICE, 92, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .shortest = 1, .longest = 16},
    /* which a libzmq that has it cannot read */
    DRAFT(BUSY_POLL, 113, INT, 0, GOOD(1, INT_MAX, 0), HARMFUL(-1, INT_MIN)),
    {NAMED(TCP_ACCEPT_FILTER, 38, SET, TEXT, ALL, OPTION_NULL_CLEARS),
     .good_texts = {"127.0.0.1", "10.0.0.0/8", "0.0.0.0/0"},
     .bad_texts = {"localhost", "1.2.3.4/33", "::1/129"}},
    {NAMED(IPC_FILTER_PID, 58, SET, INT, ALL, OPTION_NULL_CLEARS),
     GOOD(1, INT_MAX, 0)},
    {NAMED(IPC_FILTER_UID, 59, SET, INT, ALL, OPTION_NULL_CLEARS),
     GOOD(1, INT_MAX, 0)},
    {NAMED(IPC_FILTER_GID, 60, SET, INT, ALL, OPTION_NULL_CLEARS),
     GOOD(1, INT_MAX, 0)},
    {NAMED(SOCKS_PROXY, 68, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .shortest = 1},
    {NAMED(SOCKS_USERNAME, 99, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .longest = 255},
    {NAMED(SOCKS_PASSWORD, 100, BOTH, TEXT, ALL, OPTION_NULL_CLEARS),
     .longest = 255},
    DRAFT(IN_BATCH_SIZE, 101, INT, 8192, FROM_1),
    DRAFT(OUT_BATCH_SIZE, 102, INT, 8192, FROM_1),
    ON_ALL(LOOPBACK_FASTPATH, 94, FLAG, 0, ANY_INT),
    ON_ALL(RECONNECT_STOP, 109, INT, 0, GOOD(7, INT_MAX, INT_MIN, 0)),

    /* transports that neither has, or that only libzmq has */
    ON_ALL(RATE, 8, INT, 100, FROM_1),
    ON_ALL(RECOVERY_IVL, 9, INT, 10000, FROM_0),
    ON_ALL(MULTICAST_HOPS, 25, INT, 1, FROM_1),
    ON_ALL(MULTICAST_MAXTPDU, 84, INT, 1500, FROM_1),
    ON_ALL(MULTICAST_LOOP, 96, FLAG, 1, ANY_INT),
    NEITHER_HAS(VMCI_BUFFER_SIZE, 85),
    NEITHER_HAS(VMCI_BUFFER_MIN_SIZE, 86),
    NEITHER_HAS(VMCI_BUFFER_MAX_SIZE, 87),
    NEITHER_HAS(VMCI_CONNECT_TIMEOUT, 88),
    NEITHER_HAS(WSS_KEY_PEM, 103),
    NEITHER_HAS(WSS_CERT_PEM, 104),
    NEITHER_HAS(WSS_TRUST_PEM, 105),
    NEITHER_HAS(WSS_HOSTNAME, 106),
    NEITHER_HAS(WSS_TRUST_SYSTEM, 107),
    NEITHER_HAS(NORM_MODE, 117),
    NEITHER_HAS(NORM_UNICAST_NACK, 118),
    NEITHER_HAS(NORM_BUFFER_SIZE, 119),
    NEITHER_HAS(NORM_SEGMENT_SIZE, 120),
    NEITHER_HAS(NORM_BLOCK_SIZE, 121),
    NEITHER_HAS(NORM_NUM_PARITY, 122),
    NEITHER_HAS(NORM_NUM_AUTOPARITY, 123),
    NEITHER_HAS(NORM_PUSH, 124),

    /* zuv's own */
    {NAMED(SNDHWM_BYTES, 1001, BOTH, WIDE, ALL, OPTION_ONLY_NATIVE),
     GOOD(1, INT64_MAX, 0), BAD(-1, INT64_MIN)},
    {NAMED(RCVHWM_BYTES, 1002, BOTH, WIDE, ALL, OPTION_ONLY_NATIVE),
     GOOD(1, INT64_MAX, 0), BAD(-1, INT64_MIN)},
    {NAMED(RECONNECT_JITTER, 1003, BOTH, INT, ALL, OPTION_ONLY_NATIVE),
     GOOD(1, 100, 0), BAD(-1, 101, INT_MAX, INT_MIN)},
};

const size_t option_fact_count = sizeof(option_facts) / sizeof(option_facts[0]);

/* Those that nobody is connected to, and can send all the same. */
static int64_t events_of(int type) {
  unsigned writable = XPUBS | BIT(XSUB) | BIT(ROUTER) | BIT(STREAM);
  return (writable & BIT(type)) != 0 ? 2 : 0;
}

int64_t option_initial(const option_fact_t *fact, int type) {
  enum { EVENTS = 15, TYPE = 16, LINGER = 17 };

  switch (fact->number) {
    case EVENTS:
      return events_of(type);
    case TYPE:
      return type;
    case LINGER:
      return type == SUB || type == XSUB ? 0 : -1;
    default:
      return fact->initial;
  }
}
