/* The socket options: one table that says of every ZeroMQ option what it is,
 * and the plain struct in which a socket keeps the values.
 *
 * The socket owns one zuv__options_t and calls zuv__options_set() and
 * zuv__options_get() for zuv_set_option() and zuv_get_option(). Listeners and
 * connectors keep a copy, made when they are created: that is what "from the
 * next bind or connect on" means. Options that the table cannot store by itself
 * answer ZUV__OPTION_SPECIAL after the checks; the socket or its pattern does
 * the rest.
 *
 * Failures: UV_EINVAL (unknown option, wrong size, out of range, wrong
 * direction, wrong socket type), UV_ENOTSUP (an option of ZeroMQ that zuv does
 * not have, or a value that it cannot honour), and UV_ENOMEM where a value is
 * kept in bytes of its own. */
#ifndef ZUV_CORE_OPTIONS_H
#define ZUV_CORE_OPTIONS_H

#include "core/option_bytes.h"
#include "security/settings.h"
#include "zuv.h"

/* Values of any size, by their place in zuv__options_t.bytes. */
enum {
  ZUV__BYTES_HELLO_MSG,
  ZUV__BYTES_DISCONNECT_MSG,
  ZUV__BYTES_HICCUP_MSG,
  /* encoded as the handshake sends them (RFC 37, metadata) */
  ZUV__BYTES_METADATA,
  ZUV__BYTES_SOCKS_PROXY,
  ZUV__BYTES_SOCKS_USERNAME,
  ZUV__BYTES_SOCKS_PASSWORD,
  /* arrays, see accept_filters.h */
  ZUV__BYTES_TCP_ACCEPT_FILTERS,
  ZUV__BYTES_IPC_FILTER_PIDS,
  ZUV__BYTES_IPC_FILTER_UIDS,
  ZUV__BYTES_IPC_FILTER_GIDS,
  ZUV__BYTES_COUNT
};

/* The values. Flags are 0 or 1, times are in milliseconds. */
typedef struct zuv__options_s {
  /* any transport */
  int type;
  int linger;
  int reconnect_ivl;
  int reconnect_ivl_max;
  int reconnect_stop;
  int backlog;
  int sndhwm;
  int rcvhwm;
  int sndtimeo;
  int rcvtimeo;
  int immediate;
  int handshake_ivl;
  int conflate;
  int invert_matching;
  int64_t max_message_size;
  uint64_t affinity; /* 0, or with the bit of the one thread that there is */
  int in_batch_size;
  int out_batch_size;
  /* the two were set: without that they read as libzmq's, and our own hold */
  int in_batch_is_set;
  int out_batch_is_set;
  /* bytes that may wait for a peer, 0: no limit */
  uint64_t sndhwm_bytes;
  uint64_t rcvhwm_bytes;
  int reconnect_jitter;
  int heartbeat_ivl;
  int heartbeat_ttl;     /* a multiple of 100, the unit of the wire */
  int heartbeat_timeout; /* -1: heartbeat_ivl */

  /* tcp and ipc */
  int ipv6;
  int sndbuf;
  int rcvbuf;
  int tcp_keepalive;
  int tcp_keepalive_cnt;
  int tcp_keepalive_idle;
  int tcp_keepalive_intvl;
  int tcp_maxrt;
  int connect_timeout;
  int tos;
  int priority;
  int busy_poll;
  int use_fd;

  /* kept for programs that set them; nothing reads them */
  int rate;
  int recovery_ivl;
  int multicast_hops;
  int multicast_maxtpdu;
  int multicast_loop;
  int loopback_fastpath;

  /* patterns */
  int router_mandatory;
  int router_handover;
  int router_raw;
  int router_notify;
  int probe_router;
  int req_correlate;
  int req_relaxed;
  int stream_notify;
  /* tell of every subscription, not only of a topic's first */
  int xpub_verbose;
  /* tell of every cancellation, not only of a topic's last */
  int xpub_verboser;
  int xpub_manual;
  int xpub_manual_last_value;
  int xpub_nodrop;
  int only_first_subscribe;
  int xsub_verbose_unsubscribe;

  /* each size is the byte behind its data: the table relies on it */
  unsigned char routing_id[255];
  unsigned char routing_id_size;
  /* consumed by the next connect, which sets the size to 0 */
  unsigned char connect_routing_id[255];
  unsigned char connect_routing_id_size;
  /* ends with a NUL */
  char bind_to_device[17];

  /* ZUV__BYTES_*, NULL: empty */
  zuv__option_bytes_t *bytes[ZUV__BYTES_COUNT];

  zuv__security_t security;
} zuv__options_t;

/* What the value looks like to the caller. */
typedef enum {
  /* an int */
  ZUV__OPTION_INT,
  /* an int that counts as a flag: anything but 0 reads back as 1 */
  ZUV__OPTION_FLAG,
  /* a flag that is stored as its opposite */
  ZUV__OPTION_INVERSE_FLAG,
  ZUV__OPTION_INT64,
  ZUV__OPTION_UINT64,
  /* text; a get adds a NUL and counts it */
  ZUV__OPTION_STRING,
  /* bytes */
  ZUV__OPTION_BLOB
} zuv__option_type;

/* Bits of zuv__option_t.access. */
enum {
  ZUV__OPTION_GET = 1,
  ZUV__OPTION_SET = 2,
  /* a get takes any buffer that is large enough, and zeroes the rest of it */
  ZUV__OPTION_GET_WIDE = 4
};

/* What a successful set affects. */
typedef enum {
  ZUV__OPTION_NOW,
  /* binds and connects made afterwards; existing ones keep their value */
  ZUV__OPTION_NEXT,
  ZUV__OPTION_NOW_AND_NEXT,
  /* the closing of the socket, or of an endpoint */
  ZUV__OPTION_CLOSE
} zuv__option_when;

/* Who does it. */
typedef enum {
  /* the table stores it in zuv__options_t */
  ZUV__OPTION_PLAIN = 0,
  /* the table only checks; also the result that tells the caller to act */
  ZUV__OPTION_SPECIAL = 1,
  /* reads as its initial value */
  ZUV__OPTION_CONSTANT = 2,
  /* UV_ENOTSUP, whatever the arguments */
  ZUV__OPTION_UNSUPPORTED = 3,
  /* checked and kept by security_options.c */
  ZUV__OPTION_SECURITY = 4,
  /* kept in zuv__options_t.bytes; NULL with size 0 empties it */
  ZUV__OPTION_BYTES = 5,
  /* each set adds one more, see accept_filters.h; NULL with size 0 removes all
   * of them */
  ZUV__OPTION_FILTER = 6,
  /* checked and kept there by metadata_option.c */
  ZUV__OPTION_METADATA = 7
} zuv__option_handling;

/* A row of the table. */
typedef struct zuv__option_s {
  int number;
  /* without the ZUV_ */
  const char *name;
  zuv__option_type type;
  /* ZUV__OPTION_GET and friends */
  unsigned int access;
  /* 1u << ZUV_PAIR and so on */
  uint32_t socket_types;
  /* range of the value; of the length for strings and blobs */
  int64_t min;
  int64_t max;
  /* value of a new socket; 0 (empty) for strings and blobs */
  int64_t initial;
  /* PLAIN: where in zuv__options_t; BYTES, FILTER: which of its bytes */
  size_t offset;
  size_t size;
  zuv__option_when when;
  zuv__option_handling handling;
  /* "ms", "bytes"; "" for numbers without one */
  const char *unit;
  const char *summary;
} zuv__option_t;

/* One more than the largest number of ZeroMQ, and the numbers of zuv's own
 * options, which the blocking API does not know. zuv__option_find() with all
 * numbers below ZUV__OPTION_END meets every row. */
enum {
  ZUV__OPTION_LIMIT = 125,
  ZUV__OPTION_OWN = ZUV_SNDHWM_BYTES,
  ZUV__OPTION_END = ZUV_RECONNECT_JITTER + 1
};

/* In options_table.c, indexed by number, and by number - ZUV__OPTION_OWN;
 * `name` is NULL where there is none. For zuv__option_find() only. */
extern const zuv__option_t zuv__option_table[ZUV__OPTION_LIMIT];
extern const zuv__option_t
    zuv__own_option_table[ZUV__OPTION_END - ZUV__OPTION_OWN];

/* The row of an option, NULL if there is none with that number. */
const zuv__option_t *zuv__option_find(int number);

/* The values of a new socket of that type. */
void zuv__options_init(zuv__options_t *options, int socket_type);

/* A copy, of which both ends are destroyed. */
void zuv__options_copy(zuv__options_t *to, const zuv__options_t *from);

/* The same for another loop, which shares nothing. UV_ENOMEM: *to is empty. */
int zuv__options_clone(zuv__options_t *to, const zuv__options_t *from);

/* Gives up what the options hold, and wipes their secrets. */
void zuv__options_destroy(zuv__options_t *options);

/* 0: stored. ZUV__OPTION_SPECIAL: the number, direction, socket type, size and
 * range are fine, and the caller has to act: SUBSCRIBE, UNSUBSCRIBE (on PUB and
 * XPUB only while XPUB_MANUAL is on) and XPUB_WELCOME_MSG. UV_EINVAL,
 * UV_ENOTSUP: nothing was changed. */
int zuv__options_set(zuv__options_t *options, int socket_type, int number,
                     const void *value, size_t size);

/* 0: *value and *size are written. ZUV__OPTION_SPECIAL: nothing was written,
 * the checks passed as far as possible, and the caller has to answer with one
 * of the two functions below: EVENTS, FD, RCVMORE, LAST_ENDPOINT, TOPICS_COUNT.
 * UV_EINVAL, UV_ENOTSUP: nothing was written. */
int zuv__options_get(const zuv__options_t *options, int socket_type, int number,
                     void *value, size_t *size);

/* Writes the answer of a SPECIAL option into the arguments of the get, by the
 * size rules of its row. UV_EINVAL: the buffer has the wrong size. */
int zuv__option_answer_int(const zuv__option_t *option, int number, void *value,
                           size_t *size);

/* The same for strings (a NUL is added and counted) and blobs. `length` is
 * without a NUL; `bytes` may be NULL if it is 0. */
int zuv__option_answer_bytes(const zuv__option_t *option, const void *bytes,
                             size_t length, void *value, size_t *size);

#endif /* ZUV_CORE_OPTIONS_H */
