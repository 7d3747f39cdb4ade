/* The table of the socket options: what each one is, without any code. Rows are
 * grouped by purpose and indexed by number. docs/options.md is made from
 * them: after a change run docs/options.py. */
#include "core/options.h"

#include <limits.h>

#define BIT(socket_type) (1u << (socket_type))
#define ALL 0xfffu
/* REP is a ROUTER inside, REQ a DEALER, PUB an XPUB: as in libzmq they take
 * the options of what they are made of. */
#define ROUTERS (BIT(ZUV_ROUTER) | BIT(ZUV_REP))
#define DEALERS (BIT(ZUV_DEALER) | BIT(ZUV_REQ))
#define XPUBS (BIT(ZUV_XPUB) | BIT(ZUV_PUB))

#define GET ZUV__OPTION_GET
#define GET_WIDE (ZUV__OPTION_GET | ZUV__OPTION_GET_WIDE)
#define SET ZUV__OPTION_SET
#define BOTH (ZUV__OPTION_GET | ZUV__OPTION_SET)

#define ROW(name, type, access, socket_types, min, max, initial, offset, size, \
            when, handling, unit, summary)                                     \
  [ZUV_##name] = ENTRY(name, type, access, socket_types, min, max, initial,    \
                       offset, size, when, handling, unit, summary)

#define ENTRY(name, type, access, socket_types, min, max, initial, offset,     \
              size, when, handling, unit, summary)                             \
  {                                                                            \
    ZUV_##name, #name, ZUV__OPTION_##type, access, socket_types, min, max,     \
        initial, offset, size, ZUV__OPTION_##when, ZUV__OPTION_##handling,     \
        unit, summary                                                          \
  }

/* Kept in `field` of zuv__options_t. */
#define STORED(name, field, type, access, socket_types, min, max, initial,     \
               when, unit, summary)                                            \
  ROW(name, type, access, socket_types, min, max, initial,                     \
      offsetof(zuv__options_t, field), sizeof(((zuv__options_t *)0)->field),   \
      when, PLAIN, unit, summary)

/* Checked here, done by the socket or its pattern. */
#define SPECIAL(name, type, access, socket_types, min, max, when, unit,        \
                summary)                                                       \
  ROW(name, type, access, socket_types, min, max, 0, 0, 0, when, SPECIAL,      \
      unit, summary)

#define CONSTANT(name, access, value, summary)                                 \
  ROW(name, INT, access, ALL, value, value, value, 0, 0, NOW, CONSTANT, "",    \
      summary)

#define SECURITY(name, type, access, min, max, unit, summary)                  \
  ROW(name, type, access, ALL, min, max, 0, 0, 0, NEXT, SECURITY, unit, summary)

/* Kept in the bytes of zuv__options_t. */
#define BYTES(name, type, access, min, max, when, unit, summary)               \
  ROW(name, type, access, ALL, min, max, 0, ZUV__BYTES_##name, 0, when, BYTES, \
      unit, summary)

/* Many values, in the bytes `field` of zuv__options_t. */
#define FILTER(name, field, type, min, max, unit, summary)                     \
  ROW(name, type, SET, ALL, min, max, 0, ZUV__BYTES_##field, 0, NEXT, FILTER,  \
      unit, summary)

/* One of zuv's own. */
#define OWN(name, field, type, min, max, initial, when, unit, summary)         \
  [ZUV_##name - ZUV__OPTION_OWN] =                                             \
      ENTRY(name, type, BOTH, ALL, min, max, initial,                          \
            offsetof(zuv__options_t, field),                                   \
            sizeof(((zuv__options_t *)0)->field), when, PLAIN, unit, summary)

#define UNSUPPORTED(number_, name_, summary_)                                  \
  [number_] = {.number = number_,                                              \
               .name = name_,                                                  \
               .handling = ZUV__OPTION_UNSUPPORTED,                            \
               .unit = "",                                                     \
               .summary = summary_}

const zuv__option_t zuv__option_table[ZUV__OPTION_LIMIT] = {
    /* The socket */
    STORED(TYPE, type, INT, GET, ALL, ZUV_PAIR, ZUV_STREAM, 0, NOW, "",
           "The socket type"),
    SPECIAL(EVENTS, INT, GET_WIDE, ALL, 0, 3, NOW, "",
            "ZUV_POLLIN and ZUV_POLLOUT, as they hold now"),
    SPECIAL(LAST_ENDPOINT, STRING, GET, ALL, 0, INT64_MAX, NOW, "",
            "The endpoint of the last successful bind or connect, resolved"),
    STORED(LINGER, linger, INT, BOTH, ALL, -1, INT_MAX, -1, CLOSE, "ms",
           "How long a close waits for unsent messages; -1: for ever"),
    STORED(SNDHWM, sndhwm, INT, BOTH, ALL, 0, INT_MAX, 1000, NOW_AND_NEXT,
           "messages", "Limit of messages waiting to be sent; 0: none"),
    STORED(RCVHWM, rcvhwm, INT, BOTH, ALL, 0, INT_MAX, 1000, NOW_AND_NEXT,
           "messages", "Limit of messages waiting to be received; 0: none"),
    STORED(SNDTIMEO, sndtimeo, INT, BOTH, ALL, -1, INT_MAX, -1, NOW, "ms",
           "Limit of a blocking send; the native API has none"),
    STORED(RCVTIMEO, rcvtimeo, INT, BOTH, ALL, -1, INT_MAX, -1, NOW, "ms",
           "Limit of a blocking receive; the native API has none"),
    STORED(CONFLATE, conflate, FLAG, BOTH, ALL, 0, 1, 0, NEXT, "",
           "Keep only the newest message"),
    STORED(AFFINITY, affinity, UINT64, BOTH, ALL, INT64_MIN, INT64_MAX, 0, NEXT,
           "", "Bit n: I/O thread n may serve the socket; 0: any may"),
    SPECIAL(RCVMORE, INT, GET_WIDE, ALL, 0, 1, NOW, "",
            "More parts follow; 0 here, since messages are delivered whole"),
    SPECIAL(FD, INT, GET_WIDE, ALL, 0, INT_MAX, NOW, "",
            "Descriptor that becomes readable when there is something to do"),
    CONSTANT(THREAD_SAFE, GET_WIDE, 0, "Sockets belong to one thread"),

    /* Connections */
    STORED(ROUTING_ID, routing_id, BLOB, BOTH, ALL, 1, 255, 0, NEXT, "bytes",
           "The id announced to ROUTER peers"),
    STORED(IMMEDIATE, immediate, FLAG, BOTH, ALL, 0, 1, 0, NEXT, "",
           "Queue messages only for peers whose handshake is done"),
    STORED(RECONNECT_IVL, reconnect_ivl, INT, BOTH, ALL, -1, INT_MAX, 100, NEXT,
           "ms", "Delay before the next attempt; -1 and 0: none is made"),
    STORED(RECONNECT_IVL_MAX, reconnect_ivl_max, INT, BOTH, ALL, 0, INT_MAX, 0,
           NEXT, "ms", "Double the delay up to this; 0: constant delay"),
    STORED(RECONNECT_STOP, reconnect_stop, INT, BOTH, ALL, INT_MIN, INT_MAX, 0,
           NEXT, "", "Bits ZUV_RECONNECT_STOP_*: when to stop trying"),
    STORED(CONNECT_TIMEOUT, connect_timeout, INT, BOTH, ALL, 0, INT_MAX, 0,
           NEXT, "ms", "Limit of one attempt to connect; 0: the system's"),
    STORED(HANDSHAKE_IVL, handshake_ivl, INT, BOTH, ALL, 0, INT_MAX, 30000,
           NEXT, "ms", "Limit of greeting and handshake; 0: none"),
    STORED(MAXMSGSIZE, max_message_size, INT64, BOTH, ALL, INT64_MIN, INT64_MAX,
           -1, NEXT, "bytes", "Limit of an incoming frame; negative: none"),
    STORED(BACKLOG, backlog, INT, BOTH, ALL, 0, INT_MAX, 100, NEXT, "",
           "Limit of connections waiting to be accepted"),
    STORED(USE_FD, use_fd, INT, BOTH, ALL, -1, INT_MAX, -1, NEXT, "",
           "Bind adopts this listening descriptor; -1: makes its own"),
    STORED(IN_BATCH_SIZE, in_batch_size, INT, BOTH, ALL, 1, INT_MAX, 8192, NEXT,
           "bytes", "Limit of one read, and of a message of STREAM"),
    STORED(OUT_BATCH_SIZE, out_batch_size, INT, BOTH, ALL, 1, INT_MAX, 8192,
           NEXT, "bytes", "Output that has grown to this is written"),

    /* TCP and IPC */
    STORED(IPV6, ipv6, FLAG, BOTH, ALL, 0, 1, 0, NEXT, "",
           "Use IPv6, and IPv4 through it"),
    STORED(IPV4ONLY, ipv6, INVERSE_FLAG, BOTH, ALL, 0, 1, 1, NEXT, "",
           "The opposite of IPV6 (deprecated)"),
    STORED(SNDBUF, sndbuf, INT, BOTH, ALL, -1, INT_MAX, -1, NEXT, "bytes",
           "SO_SNDBUF; -1: the system's"),
    STORED(RCVBUF, rcvbuf, INT, BOTH, ALL, -1, INT_MAX, -1, NEXT, "bytes",
           "SO_RCVBUF; -1: the system's"),
    STORED(TCP_KEEPALIVE, tcp_keepalive, INT, BOTH, ALL, -1, 1, -1, NEXT, "",
           "SO_KEEPALIVE; -1: the system's, and the next three are not used"),
    STORED(TCP_KEEPALIVE_CNT, tcp_keepalive_cnt, INT, BOTH, ALL, -1, 127, -1,
           NEXT, "probes", "TCP_KEEPCNT, not 0; -1: the system's"),
    STORED(TCP_KEEPALIVE_IDLE, tcp_keepalive_idle, INT, BOTH, ALL, -1, 32767,
           -1, NEXT, "s", "TCP_KEEPIDLE, not 0; -1: the system's"),
    STORED(TCP_KEEPALIVE_INTVL, tcp_keepalive_intvl, INT, BOTH, ALL, -1, 32767,
           -1, NEXT, "s", "TCP_KEEPINTVL, not 0; -1: the system's"),
    STORED(TCP_MAXRT, tcp_maxrt, INT, BOTH, ALL, 0, INT_MAX, 0, NEXT, "ms",
           "TCP_USER_TIMEOUT; 0: the system's"),
    STORED(TOS, tos, INT, BOTH, ALL, 0, INT_MAX, 0, NEXT, "",
           "IP_TOS and IPV6_TCLASS; 0: the system's"),
    STORED(PRIORITY, priority, INT, BOTH, ALL, 0, INT_MAX, 0, NEXT, "",
           "SO_PRIORITY; 0: the system's"),
    STORED(BUSY_POLL, busy_poll, INT, BOTH, ALL, 0, INT_MAX, 0, NEXT, "us",
           "SO_BUSY_POLL; 0: the system's"),
    STORED(BINDTODEVICE, bind_to_device, STRING, BOTH, ALL, 1, 16, 0, NEXT,
           "bytes", "SO_BINDTODEVICE, an interface's name; NULL: any"),

    /* ROUTER, DEALER, REQ, REP, STREAM */
    STORED(ROUTER_MANDATORY, router_mandatory, FLAG, SET, ROUTERS, 0, INT_MAX,
           0, NOW, "", "Refuse messages to unknown or full peers"),
    STORED(ROUTER_HANDOVER, router_handover, FLAG, SET, ROUTERS, 0, INT_MAX, 0,
           NOW, "", "A new peer takes over a routing id in use"),
    STORED(ROUTER_RAW, router_raw, FLAG, SET, ROUTERS, 0, INT_MAX, 0, NEXT, "",
           "Talk raw TCP as STREAM does (deprecated)"),
    STORED(ROUTER_NOTIFY, router_notify, INT, BOTH, ROUTERS, 0, 3, 0, NEXT, "",
           "Report peers that come (1) and go (2) by empty messages"),
    STORED(CONNECT_ROUTING_ID, connect_routing_id, BLOB, SET,
           ROUTERS | BIT(ZUV_STREAM), 1, 255, 0, NEXT, "bytes",
           "Our id for the peer of the next connect, which consumes it"),
    STORED(PROBE_ROUTER, probe_router, FLAG, SET, ROUTERS | DEALERS, 0, INT_MAX,
           0, NEXT, "", "Send each new peer an empty message first"),
    STORED(REQ_CORRELATE, req_correlate, FLAG, SET, BIT(ZUV_REQ), 0, INT_MAX, 0,
           NOW, "", "Number the requests; ignore replies to others"),
    STORED(REQ_RELAXED, req_relaxed, FLAG, SET, BIT(ZUV_REQ), 0, INT_MAX, 0,
           NOW, "", "Allow a new request before the reply"),
    STORED(STREAM_NOTIFY, stream_notify, FLAG, SET, BIT(ZUV_STREAM), 0, 1, 1,
           NEXT, "", "Report connects and disconnects by empty messages"),

    /* PUB, SUB, XPUB, XSUB */
    SPECIAL(SUBSCRIBE, BLOB, SET, BIT(ZUV_SUB) | XPUBS, 0, INT64_MAX, NOW,
            "bytes", "Subscribe to a prefix; PUB, XPUB: with XPUB_MANUAL only"),
    SPECIAL(UNSUBSCRIBE, BLOB, SET, BIT(ZUV_SUB) | XPUBS, 0, INT64_MAX, NOW,
            "bytes", "Take one subscription back; PUB, XPUB: likewise"),
    STORED(INVERT_MATCHING, invert_matching, FLAG, BOTH, ALL, INT_MIN, INT_MAX,
           0, NOW, "", "Pass what does not match; set it at both ends"),
    SPECIAL(TOPICS_COUNT, INT, GET_WIDE, XPUBS | BIT(ZUV_SUB) | BIT(ZUV_XSUB),
            0, INT_MAX, NOW, "topics",
            "How many different topics are subscribed to"),
    STORED(XPUB_VERBOSE, xpub_verbose, FLAG, SET, XPUBS, 0, INT_MAX, 0, NOW, "",
           "Report repeated subscriptions too; ends XPUB_VERBOSER"),
    STORED(XPUB_VERBOSER, xpub_verboser, FLAG, SET, XPUBS, 0, INT_MAX, 0, NOW,
           "", "Report repeated subscriptions and all cancellations"),
    STORED(XPUB_MANUAL, xpub_manual, FLAG, SET, XPUBS, 0, INT_MAX, 0, NOW, "",
           "Only report subscriptions; the application decides"),
    STORED(XPUB_MANUAL_LAST_VALUE, xpub_manual_last_value, FLAG, SET, XPUBS, 0,
           INT_MAX, 0, NOW, "",
           "XPUB_MANUAL, and one message to the last subscriber alone"),
    STORED(XPUB_NODROP, xpub_nodrop, FLAG, SET, XPUBS, 0, INT_MAX, 0, NOW, "",
           "Refuse a message that a subscriber has no room for"),
    SPECIAL(XPUB_WELCOME_MSG, BLOB, SET, XPUBS, 0, INT64_MAX, NEXT, "bytes",
            "Message that begins each connection; empty: none"),
    STORED(ONLY_FIRST_SUBSCRIBE, only_first_subscribe, FLAG, SET,
           XPUBS | BIT(ZUV_XSUB), 0, INT_MAX, 0, NOW, "",
           "Only a message's first part may be a subscription"),
    STORED(XSUB_VERBOSE_UNSUBSCRIBE, xsub_verbose_unsubscribe, FLAG, SET,
           BIT(ZUV_XSUB), INT_MIN, INT_MAX, 0, NOW, "",
           "Pass on repeated cancellations"),

    /* Kept without a use */
    STORED(RATE, rate, INT, BOTH, ALL, 1, INT_MAX, 100, NEXT, "kbit/s",
           "Multicast data rate"),
    STORED(RECOVERY_IVL, recovery_ivl, INT, BOTH, ALL, 0, INT_MAX, 10000, NEXT,
           "ms", "Multicast recovery time"),
    STORED(MULTICAST_HOPS, multicast_hops, INT, BOTH, ALL, 1, INT_MAX, 1, NEXT,
           "", "Multicast TTL"),
    STORED(MULTICAST_MAXTPDU, multicast_maxtpdu, INT, BOTH, ALL, 1, INT_MAX,
           1500, NEXT, "bytes", "Multicast packet size"),
    STORED(MULTICAST_LOOP, multicast_loop, FLAG, BOTH, ALL, INT_MIN, INT_MAX, 1,
           NEXT, "", "Hear own multicasts"),
    STORED(LOOPBACK_FASTPATH, loopback_fastpath, FLAG, BOTH, ALL, INT_MIN,
           INT_MAX, 0, NEXT, "", "Faster loopback connections of Windows"),

    /* Security: the mechanism follows from what was set last */
    SECURITY(MECHANISM, INT, GET, 0, 2, "",
             "The mechanism: 0 NULL, 1 PLAIN, 2 CURVE"),
    SECURITY(PLAIN_SERVER, FLAG, BOTH, 0, 1, "",
             "1: be a server of PLAIN; 0: back to NULL"),
    SECURITY(PLAIN_USERNAME, STRING, BOTH, 1, 255, "bytes",
             "Be a client of PLAIN with this user name; NULL: back to NULL"),
    SECURITY(PLAIN_PASSWORD, STRING, BOTH, 1, 255, "bytes",
             "Be a client of PLAIN with this password; NULL: back to NULL"),
    SECURITY(CURVE_SERVER, FLAG, BOTH, 0, 1, "",
             "1: be a server of CURVE; 0: back to NULL"),
    SECURITY(CURVE_PUBLICKEY, BLOB, BOTH, 32, 41, "bytes",
             "Own public key: 32 bytes, or Z85 text"),
    SECURITY(CURVE_SECRETKEY, BLOB, BOTH, 32, 41, "bytes",
             "Own secret key: 32 bytes, or Z85 text"),
    SECURITY(CURVE_SERVERKEY, BLOB, BOTH, 32, 41, "bytes",
             "Be a client of CURVE of the server with this public key"),
    SECURITY(ZAP_DOMAIN, STRING, BOTH, 1, 255, "bytes",
             "Domain of ZAP requests; with NULL it turns ZAP on"),
    SECURITY(ZAP_ENFORCE_DOMAIN, FLAG, BOTH, INT_MIN, INT_MAX, "",
             "No peer without a ZAP handler, if there is a domain"),

    /* Heartbeats */
    STORED(HEARTBEAT_IVL, heartbeat_ivl, INT, BOTH, ALL, 0, INT_MAX, 0, NEXT,
           "ms", "Interval of PINGs; 0: none"),
    STORED(HEARTBEAT_TTL, heartbeat_ttl, INT, BOTH, ALL, -99, 6553599, 0, NEXT,
           "ms", "Silence after which the peer closes; 0: none"),
    STORED(HEARTBEAT_TIMEOUT, heartbeat_timeout, INT, BOTH, ALL, 0, INT_MAX, -1,
           NEXT, "ms", "Silence after which we close; -1: HEARTBEAT_IVL"),

    /* Messages and properties of the connection */
    BYTES(HELLO_MSG, BLOB, SET, 0, INT64_MAX, NEXT, "bytes",
          "First message of each connection; empty: none"),
    BYTES(DISCONNECT_MSG, BLOB, SET, 0, INT64_MAX, NEXT, "bytes",
          "Received when an accepted peer goes away; empty: none"),
    BYTES(HICCUP_MSG, BLOB, SET, 0, INT64_MAX, NEXT, "bytes",
          "Received when a connected peer goes away; empty: none"),
    ROW(METADATA, STRING, SET, ALL, 4, INT64_MAX, 0, ZUV__BYTES_METADATA, 0,
        NEXT, METADATA, "bytes",
        "X-name:value, one more property that peers see of us"),

    /* SOCKS */
    BYTES(SOCKS_PROXY, STRING, BOTH, 1, INT64_MAX, NEXT, "bytes",
          "HOST:PORT of the SOCKS5 proxy of tcp connects; NULL: none"),
    BYTES(SOCKS_USERNAME, STRING, BOTH, 0, 255, NEXT, "bytes",
          "User name for the proxy; empty: no authentication"),
    BYTES(SOCKS_PASSWORD, STRING, BOTH, 0, 255, NEXT, "bytes",
          "Password for the proxy"),

    /* Accept filters: a listener takes only peers that match one */
    FILTER(TCP_ACCEPT_FILTER, TCP_ACCEPT_FILTERS, STRING, 1, 255, "bytes",
           "Adds an address, or ADDRESS/BITS, to accept from; NULL: all"),
    FILTER(IPC_FILTER_PID, IPC_FILTER_PIDS, INT, INT_MIN, INT_MAX, "",
           "Adds a process to accept; NULL: any"),
    FILTER(IPC_FILTER_UID, IPC_FILTER_UIDS, INT, INT_MIN, INT_MAX, "",
           "Adds a user to accept; NULL: any"),
    FILTER(IPC_FILTER_GID, IPC_FILTER_GIDS, INT, INT_MIN, INT_MAX, "",
           "Adds a group, whose members too are accepted; NULL: any"),

    /* Not supported: GSSAPI, ws:// with TLS */
    UNSUPPORTED(ZUV_GSSAPI_SERVER, "GSSAPI_SERVER", "Be a GSSAPI server"),
    UNSUPPORTED(ZUV_GSSAPI_PLAINTEXT, "GSSAPI_PLAINTEXT",
                "GSSAPI without encryption"),
    UNSUPPORTED(ZUV_GSSAPI_PRINCIPAL, "GSSAPI_PRINCIPAL", "Own principal"),
    UNSUPPORTED(ZUV_GSSAPI_SERVICE_PRINCIPAL, "GSSAPI_SERVICE_PRINCIPAL",
                "Server's principal"),
    UNSUPPORTED(ZUV_GSSAPI_PRINCIPAL_NAMETYPE, "GSSAPI_PRINCIPAL_NAMETYPE",
                "Kind of name of the own principal"),
    UNSUPPORTED(ZUV_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE,
                "GSSAPI_SERVICE_PRINCIPAL_NAMETYPE",
                "Kind of name of the server's principal"),
    UNSUPPORTED(103, "WSS_KEY_PEM", "TLS key"),
    UNSUPPORTED(104, "WSS_CERT_PEM", "TLS certificate"),
    UNSUPPORTED(105, "WSS_TRUST_PEM", "TLS certificates to trust"),
    UNSUPPORTED(106, "WSS_HOSTNAME", "TLS name to expect"),
    UNSUPPORTED(107, "WSS_TRUST_SYSTEM", "Trust the system's certificates"),

    /* Not supported: other transports */
    UNSUPPORTED(ZUV_VMCI_BUFFER_SIZE, "VMCI_BUFFER_SIZE", "VMCI buffer"),
    UNSUPPORTED(ZUV_VMCI_BUFFER_MIN_SIZE, "VMCI_BUFFER_MIN_SIZE",
                "Smallest VMCI buffer"),
    UNSUPPORTED(ZUV_VMCI_BUFFER_MAX_SIZE, "VMCI_BUFFER_MAX_SIZE",
                "Largest VMCI buffer"),
    UNSUPPORTED(ZUV_VMCI_CONNECT_TIMEOUT, "VMCI_CONNECT_TIMEOUT",
                "Limit of one attempt to connect over VMCI"),
    UNSUPPORTED(117, "NORM_MODE", "NORM congestion control"),
    UNSUPPORTED(118, "NORM_UNICAST_NACK", "NORM answers by unicast"),
    UNSUPPORTED(119, "NORM_BUFFER_SIZE", "NORM buffer"),
    UNSUPPORTED(120, "NORM_SEGMENT_SIZE", "NORM packet size"),
    UNSUPPORTED(121, "NORM_BLOCK_SIZE", "NORM packets in a block"),
    UNSUPPORTED(122, "NORM_NUM_PARITY", "NORM parity packets"),
    UNSUPPORTED(123, "NORM_NUM_AUTOPARITY", "NORM parity sent unasked"),
    UNSUPPORTED(124, "NORM_PUSH", "NORM stream in push mode"),
};

const zuv__option_t zuv__own_option_table[ZUV__OPTION_END - ZUV__OPTION_OWN] = {
    OWN(SNDHWM_BYTES, sndhwm_bytes, UINT64, 0, INT64_MAX, 0, NOW_AND_NEXT,
        "bytes", "Limit of bytes waiting to be sent; 0: none"),
    OWN(RCVHWM_BYTES, rcvhwm_bytes, UINT64, 0, INT64_MAX, 0, NOW_AND_NEXT,
        "bytes", "Limit of bytes waiting to be received; 0: none"),
    OWN(RECONNECT_JITTER, reconnect_jitter, INT, 0, 100, 0, NEXT, "%",
        "Shorten each delay by up to this much at random"),
};
