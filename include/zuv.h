/* zuv: ZeroMQ sockets that are libuv handles.
 *
 * A zuv_socket_t lives on the caller's uv_loop_t, embedded in the caller's
 * struct. Its queues, its routing and its ZMTP framing run in that loop's
 * callbacks; no thread is started.
 *
 * The rules of every call:
 *  - Results are 0 (or a count) or a negative UV_E* code. zuv_strerror() and
 *    zuv_err_name() explain the codes in ZeroMQ's terms.
 *  - A socket belongs to its loop's thread. Contexts may be used from any
 *    thread, and join sockets of different loops through inproc.
 *  - No callback runs from inside the API call that caused it. Unless its
 *    comment says otherwise, every call may be made from every callback,
 *    zuv_close() included.
 *  - A successful zuv_socket_init() obliges to zuv_close(). The socket's memory
 *    is the caller's again when the close callback runs, not before.
 *  - When the program has closed the handles of a loop behind zuv's back
 *    (uv_walk() and uv_close()), calls on its sockets answer UV_ECANCELED; only
 *    zuv_close() is left to do.
 */
#ifndef ZUV_H
#define ZUV_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ZUV_EXTERN __attribute__((visibility("default")))
#else
#define ZUV_EXTERN
#endif

#define ZUV_VERSION_MAJOR 0
#define ZUV_VERSION_MINOR 1
#define ZUV_VERSION_PATCH 0
#define ZUV_VERSION_HEX                                                        \
  ((ZUV_VERSION_MAJOR << 16) | (ZUV_VERSION_MINOR << 8) | ZUV_VERSION_PATCH)

/* The version of the library that runs, as ZUV_VERSION_HEX. Any thread. */
ZUV_EXTERN unsigned int zuv_version(void);

/* The socket types of zmq_socket(3), with ZeroMQ's numbers. */
enum {
  ZUV_PAIR = 0,
  ZUV_PUB = 1,
  ZUV_SUB = 2,
  ZUV_REQ = 3,
  ZUV_REP = 4,
  ZUV_DEALER = 5,
  ZUV_ROUTER = 6,
  ZUV_PULL = 7,
  ZUV_PUSH = 8,
  ZUV_XPUB = 9,
  ZUV_XSUB = 10,
  ZUV_STREAM = 11
};

/* The options, with ZeroMQ's numbers. docs/options.md tells each one's type,
 * unit, range and default, and which are not supported. */
enum {
  ZUV_AFFINITY = 4,
  ZUV_ROUTING_ID = 5,
  ZUV_SUBSCRIBE = 6,
  ZUV_UNSUBSCRIBE = 7,
  ZUV_RATE = 8,
  ZUV_RECOVERY_IVL = 9,
  ZUV_SNDBUF = 11,
  ZUV_RCVBUF = 12,
  ZUV_RCVMORE = 13,
  ZUV_FD = 14,
  ZUV_EVENTS = 15,
  ZUV_TYPE = 16,
  ZUV_LINGER = 17,
  ZUV_RECONNECT_IVL = 18,
  ZUV_BACKLOG = 19,
  ZUV_RECONNECT_IVL_MAX = 21,
  ZUV_MAXMSGSIZE = 22,
  ZUV_SNDHWM = 23,
  ZUV_RCVHWM = 24,
  ZUV_MULTICAST_HOPS = 25,
  ZUV_RCVTIMEO = 27,
  ZUV_SNDTIMEO = 28,
  ZUV_IPV4ONLY = 31,
  ZUV_LAST_ENDPOINT = 32,
  ZUV_ROUTER_MANDATORY = 33,
  ZUV_TCP_KEEPALIVE = 34,
  ZUV_TCP_KEEPALIVE_CNT = 35,
  ZUV_TCP_KEEPALIVE_IDLE = 36,
  ZUV_TCP_KEEPALIVE_INTVL = 37,
  ZUV_TCP_ACCEPT_FILTER = 38,
  ZUV_IMMEDIATE = 39,
  ZUV_XPUB_VERBOSE = 40,
  ZUV_ROUTER_RAW = 41,
  ZUV_IPV6 = 42,
  ZUV_MECHANISM = 43,
  ZUV_PLAIN_SERVER = 44,
  ZUV_PLAIN_USERNAME = 45,
  ZUV_PLAIN_PASSWORD = 46,
  ZUV_CURVE_SERVER = 47,
  ZUV_CURVE_PUBLICKEY = 48,
  ZUV_CURVE_SECRETKEY = 49,
  ZUV_CURVE_SERVERKEY = 50,
  ZUV_PROBE_ROUTER = 51,
  ZUV_REQ_CORRELATE = 52,
  ZUV_REQ_RELAXED = 53,
  ZUV_CONFLATE = 54,
  ZUV_ZAP_DOMAIN = 55,
  ZUV_ROUTER_HANDOVER = 56,
  ZUV_TOS = 57,
  ZUV_IPC_FILTER_PID = 58,
  ZUV_IPC_FILTER_UID = 59,
  ZUV_IPC_FILTER_GID = 60,
  ZUV_CONNECT_ROUTING_ID = 61,
  ZUV_GSSAPI_SERVER = 62,
  ZUV_GSSAPI_PRINCIPAL = 63,
  ZUV_GSSAPI_SERVICE_PRINCIPAL = 64,
  ZUV_GSSAPI_PLAINTEXT = 65,
  ZUV_HANDSHAKE_IVL = 66,
  ZUV_SOCKS_PROXY = 68,
  ZUV_XPUB_NODROP = 69,
  ZUV_XPUB_MANUAL = 71,
  ZUV_XPUB_WELCOME_MSG = 72,
  ZUV_STREAM_NOTIFY = 73,
  ZUV_INVERT_MATCHING = 74,
  ZUV_HEARTBEAT_IVL = 75,
  ZUV_HEARTBEAT_TTL = 76,
  ZUV_HEARTBEAT_TIMEOUT = 77,
  ZUV_XPUB_VERBOSER = 78,
  ZUV_CONNECT_TIMEOUT = 79,
  ZUV_TCP_MAXRT = 80,
  ZUV_THREAD_SAFE = 81,
  ZUV_MULTICAST_MAXTPDU = 84,
  ZUV_VMCI_BUFFER_SIZE = 85,
  ZUV_VMCI_BUFFER_MIN_SIZE = 86,
  ZUV_VMCI_BUFFER_MAX_SIZE = 87,
  ZUV_VMCI_CONNECT_TIMEOUT = 88,
  ZUV_USE_FD = 89,
  ZUV_GSSAPI_PRINCIPAL_NAMETYPE = 90,
  ZUV_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE = 91,
  ZUV_BINDTODEVICE = 92,
  ZUV_ZAP_ENFORCE_DOMAIN = 93,
  ZUV_LOOPBACK_FASTPATH = 94,
  ZUV_METADATA = 95,
  ZUV_MULTICAST_LOOP = 96,
  ZUV_ROUTER_NOTIFY = 97,
  ZUV_XPUB_MANUAL_LAST_VALUE = 98,
  ZUV_SOCKS_USERNAME = 99,
  ZUV_SOCKS_PASSWORD = 100,
  ZUV_IN_BATCH_SIZE = 101,
  ZUV_OUT_BATCH_SIZE = 102,
  ZUV_ONLY_FIRST_SUBSCRIBE = 108,
  ZUV_RECONNECT_STOP = 109,
  ZUV_HELLO_MSG = 110,
  ZUV_DISCONNECT_MSG = 111,
  ZUV_PRIORITY = 112,
  ZUV_BUSY_POLL = 113,
  ZUV_HICCUP_MSG = 114,
  ZUV_XSUB_VERBOSE_UNSUBSCRIBE = 115,
  ZUV_TOPICS_COUNT = 116
};

/* The options that only zuv has. */
enum {
  ZUV_SNDHWM_BYTES = 1001,
  ZUV_RCVHWM_BYTES = 1002,
  ZUV_RECONNECT_JITTER = 1003
};

/* Values of ZUV_MECHANISM, with ZeroMQ's numbers. */
enum { ZUV_NULL = 0, ZUV_PLAIN = 1, ZUV_CURVE = 2 };

/* Bits of ZUV_EVENTS. */
enum { ZUV_POLLIN = 1, ZUV_POLLOUT = 2 };

/* Bits of ZUV_RECONNECT_STOP. */
enum {
  ZUV_RECONNECT_STOP_CONN_REFUSED = 1,
  ZUV_RECONNECT_STOP_HANDSHAKE_FAILED = 2,
  ZUV_RECONNECT_STOP_AFTER_DISCONNECT = 4
};

/* Why a handshake failed, with the values of libzmq's monitor. */
enum {
  ZUV_PROTOCOL_ERROR_NONE = 0,
  ZUV_PROTOCOL_ERROR_ZMTP_UNSPECIFIED = 0x10000000,
  ZUV_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND = 0x10000001,
  ZUV_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE = 0x10000002,
  ZUV_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE = 0x10000003,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED = 0x10000011,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE = 0x10000012,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO = 0x10000013,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE = 0x10000014,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR = 0x10000015,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY = 0x10000016,
  ZUV_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME = 0x10000017,
  ZUV_PROTOCOL_ERROR_ZMTP_INVALID_METADATA = 0x10000018,
  ZUV_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC = 0x11000001,
  ZUV_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH = 0x11000002,
  ZUV_PROTOCOL_ERROR_ZAP_UNSPECIFIED = 0x20000000,
  ZUV_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY = 0x20000001,
  ZUV_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID = 0x20000002,
  ZUV_PROTOCOL_ERROR_ZAP_BAD_VERSION = 0x20000003,
  ZUV_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE = 0x20000004,
  ZUV_PROTOCOL_ERROR_ZAP_INVALID_METADATA = 0x20000005
};

typedef struct zuv_context_s zuv_context_t;
typedef struct zuv_msg_s zuv_msg_t;
typedef struct zuv_socket_s zuv_socket_t;
typedef struct zuv_send_s zuv_send_t;
typedef struct zuv_request_s zuv_request_t;
typedef struct zuv_peer_s zuv_peer_t;
typedef struct zuv_event_s zuv_event_t;
typedef struct zuv_auth_s zuv_auth_t;
typedef struct zuv_stats_s zuv_stats_t;

typedef void (*zuv_free_cb)(void *data, void *hint);
typedef void (*zuv_recv_cb)(zuv_socket_t *socket, zuv_msg_t *parts,
                            size_t count, zuv_peer_t *peer);
typedef void (*zuv_writable_cb)(zuv_socket_t *socket);
typedef void (*zuv_send_cb)(zuv_send_t *request, int status);
typedef void (*zuv_request_cb)(zuv_request_t *request, int status,
                               zuv_msg_t *parts, size_t count,
                               zuv_peer_t *peer);
typedef void (*zuv_event_cb)(zuv_socket_t *socket, const zuv_event_t *event);
typedef void (*zuv_close_cb)(zuv_socket_t *socket);
typedef void (*zuv_peer_cb)(zuv_socket_t *socket, zuv_peer_t *peer, void *arg);
typedef void (*zuv_auth_cb)(zuv_socket_t *socket, zuv_auth_t *request);

typedef void *(*zuv_malloc_fn)(size_t size);
typedef void *(*zuv_realloc_fn)(void *pointer, size_t size);
typedef void *(*zuv_calloc_fn)(size_t count, size_t size);
typedef void (*zuv_free_fn)(void *pointer);

/* Replaces the functions through which zuv allocates. Call it before anything
 * else of zuv, or while nothing of zuv is alive. UV_EINVAL: one is NULL. */
ZUV_EXTERN int zuv_replace_allocator(zuv_malloc_fn malloc_fn,
                                     zuv_realloc_fn realloc_fn,
                                     zuv_calloc_fn calloc_fn,
                                     zuv_free_fn free_fn);

/* The name ("UV_EAGAIN") and the meaning of a result, in ZeroMQ's terms where
 * libuv's text would mislead. Static strings, never NULL. Any thread. */
ZUV_EXTERN const char *zuv_err_name(int error);
ZUV_EXTERN const char *zuv_strerror(int error);

/* ---- Messages --------------------------------------------------------------
 *
 * A zuv_msg_t is one part of a message: 64 bytes in the caller's memory that
 * either hold a small body or refer to a larger one. Every initialised message
 * is closed once, unless a send took it: then it is empty, and closing it is
 * allowed but not needed. Messages may be moved between threads, not shared.
 */
struct zuv_msg_s {
  uint64_t zuv__private[8];
};

/* An empty message of size 0. */
ZUV_EXTERN void zuv_msg_init(zuv_msg_t *msg);

/* A message with room for `size` bytes, not filled in. UV_ENOMEM. */
ZUV_EXTERN int zuv_msg_init_size(zuv_msg_t *msg, size_t size);

/* A message with a copy of the bytes. `data` may be NULL if `size` is 0.
 * UV_ENOMEM. */
ZUV_EXTERN int zuv_msg_init_copy(zuv_msg_t *msg, const void *data, size_t size);

/* A message that refers to the caller's bytes without a copy. free_cb(data,
 * hint) runs once, when the last reference is closed, in whatever thread that
 * happens; it may not call functions of a socket. UV_ENOMEM: free_cb is not
 * called. UV_EINVAL: data is NULL with a size, or free_cb is NULL. */
ZUV_EXTERN int zuv_msg_init_data(zuv_msg_t *msg, void *data, size_t size,
                                 zuv_free_cb free_cb, void *hint);

/* A message that refers to bytes which never change and never go away. */
ZUV_EXTERN void zuv_msg_init_const(zuv_msg_t *msg, const void *data,
                                   size_t size);

/* A view: a message that refers to bytes which stay valid only until the call
 * that the message is handed to returns. Sending copies what it must keep.
 * This is the cheapest way to send a buffer. The parts that a zuv_recv_cb sees
 * may be views as well; zuv_msg_move() and zuv_msg_copy() make them lasting. */
ZUV_EXTERN void zuv_msg_init_view(zuv_msg_t *msg, const void *data,
                                  size_t size);

/* Closes what `to` holds and gives it the content of `from`, which is empty
 * afterwards. Views become lasting. UV_ENOMEM: both are unchanged. */
ZUV_EXTERN int zuv_msg_move(zuv_msg_t *to, zuv_msg_t *from);

/* Closes what `to` holds and makes it share the content of `from` (small bodies
 * are copied). Shared content must not be modified. UV_ENOMEM. */
ZUV_EXTERN int zuv_msg_copy(zuv_msg_t *to, zuv_msg_t *from);

/* Releases the content; the message is empty afterwards. */
ZUV_EXTERN void zuv_msg_close(zuv_msg_t *msg);

ZUV_EXTERN void *zuv_msg_data(zuv_msg_t *msg);
ZUV_EXTERN size_t zuv_msg_size(const zuv_msg_t *msg);

/* ---- Contexts --------------------------------------------------------------
 *
 * A context is a name space of inproc endpoints. The sockets that are to meet
 * over inproc share one, whatever loops and threads they live on. Most programs
 * need none: NULL stands for the process's default context everywhere.
 */
struct zuv_context_s {
  /* public */
  void *data;
  /* private */
  void *zuv__impl;
  void *zuv__reserved[2];
};

/* UV_ENOMEM. */
ZUV_EXTERN int zuv_context_init(zuv_context_t *context);

/* Ends the context. UV_EBUSY: sockets of it are not yet closed (their close
 * callback has not run). Any thread. */
ZUV_EXTERN int zuv_context_destroy(zuv_context_t *context);

/* ---- Sockets ------------------------------------------------------------- */

struct zuv_socket_s {
  /* public */
  void *data;
  /* read-only */
  uv_loop_t *loop;
  int type;
  /* private */
  struct zuv__socket_s *zuv__impl;
  void *zuv__reserved[4];
};

/* Makes a socket of the given type on the loop. `context` NULL is the default
 * context. UV_EINVAL: unknown type, or no loop. UV_ENOMEM and other errors of
 * libuv: nothing was initialised. */
ZUV_EXTERN int zuv_socket_init(zuv_context_t *context, uv_loop_t *loop,
                               zuv_socket_t *socket, int type);

/* Sets or reads an option by ZeroMQ's number. Integer options are exactly an
 * int (MAXMSGSIZE int64_t; AFFINITY, SNDHWM_BYTES and RCVHWM_BYTES uint64_t);
 * strings and blobs come with their size. Reading stores the size in *size;
 * strings are stored with a NUL that is counted. UV_EINVAL: unknown option,
 * wrong size, out of range, wrong direction, wrong socket type, or (setting)
 * closing; ZUV_LINGER may be set while the socket closes, and any option be
 * read. UV_ENOTSUP: ZeroMQ has the option, this version of zuv does not.
 * UV_ENOMEM. ZUV_SNDTIMEO and ZUV_RCVTIMEO are kept but limit nothing, for no
 * call of this API blocks. Source: zmq_setsockopt(3). */
ZUV_EXTERN int zuv_set_option(zuv_socket_t *socket, int option,
                              const void *value, size_t size);
ZUV_EXTERN int zuv_get_option(zuv_socket_t *socket, int option, void *value,
                              size_t *size);

/* zuv_set_option() of an int. */
ZUV_EXTERN int zuv_set_int(zuv_socket_t *socket, int option, int value);

/* Listens on an endpoint: tcp://HOST:PORT, ipc://PATH, ipc://@ABSTRACT,
 * inproc://NAME; `*` is any address, port or path. On return the endpoint
 * accepts peers; ZUV_LAST_ENDPOINT tells the resolved text. With ZUV_USE_FD a
 * tcp or ipc bind takes over that listening descriptor instead, whatever its
 * address; after an error it is still the caller's.
 * UV_EINVAL: not an endpoint, or closing, or a CURVE server has no secret key,
 * or the descriptor of ZUV_USE_FD does not listen or is of another transport.
 * UV_EPROTONOSUPPORT: unknown transport. UV_EADDRINUSE, UV_EADDRNOTAVAIL,
 * UV_ENODEV (no such interface or host), UV_ENAMETOOLONG, UV_ENOMEM, and the
 * system's errors. A host name is looked up while the call waits; addresses and
 * interface names are not. Source: zmq_bind(3). */
ZUV_EXTERN int zuv_bind(zuv_socket_t *socket, const char *endpoint);

/* Stops listening and ends the connections accepted there; messages already
 * received stay readable. `endpoint` is the text of ZUV_LAST_ENDPOINT, or
 * another that resolves to it; a host name is looked up while the call waits.
 * UV_ENOENT: not in use by this socket. UV_EINVAL and UV_EPROTONOSUPPORT as
 * zuv_bind(). Source: zmq_unbind(3). */
ZUV_EXTERN int zuv_unbind(zuv_socket_t *socket, const char *endpoint);

/* Connects to an endpoint, now and again whenever the connection is lost.
 * Returns at once; host names are resolved anew at each attempt, off the loop.
 * tcp://SOURCE:PORT;HOST:PORT leaves from the address and port SOURCE:PORT. An
 * attempt that fails is an event, not an error. With ZUV_SOCKS_PROXY it leads
 * to that SOCKS5 proxy (RFC 1928), which is asked for HOST:PORT as it is
 * written here. UV_EINVAL: not an endpoint, or closing, or the
 * ZUV_CONNECT_ROUTING_ID is in use, or ZUV_SOCKS_PROXY is not HOST:PORT, or as
 * for zuv_bind(). UV_EPROTONOSUPPORT: unknown transport. UV_ENAMETOOLONG,
 * UV_ENOMEM. SUB, PUB, REQ and DEALER ignore a second connect to the same tcp
 * or ipc text. Source: zmq_connect(3). */
ZUV_EXTERN int zuv_connect(zuv_socket_t *socket, const char *endpoint);

/* Ends all connections made with this text. Messages not yet sent follow
 * ZUV_LINGER; messages received but not yet delivered are discarded. Another
 * text than that of the connect is resolved, and errors are, as for
 * zuv_unbind(). Source: zmq_disconnect(3). */
ZUV_EXTERN int zuv_disconnect(zuv_socket_t *socket, const char *endpoint);

/* Calls `recv_cb` with every message that arrives, whole: all its parts, and
 * the peer it came from. Parts and peer are valid until the callback returns;
 * zuv_msg_move() keeps a part. Messages that were waiting are delivered first.
 * Calling it again replaces the callback. UV_ENOTSUP: PUB and PUSH receive
 * nothing. UV_EINVAL: recv_cb is NULL, or closing. Source: zmq_recv(3). */
ZUV_EXTERN int zuv_recv_start(zuv_socket_t *socket, zuv_recv_cb recv_cb);

/* Stops the delivery. Up to ZUV_RCVHWM messages a peer wait; then that peer is
 * no longer read from. UV_EINVAL: closing. */
ZUV_EXTERN int zuv_recv_stop(zuv_socket_t *socket);

/* Sends one message of `count` parts, now or not at all. 0: zuv owns the
 * contents, the parts are empty. On error the parts are still the caller's.
 * UV_EAGAIN: no peer can take it now, or zuv_send() requests are waiting.
 * UV_EHOSTUNREACH: no such peer (ROUTER with ROUTER_MANDATORY, STREAM).
 * UV_EPROTO: REQ waits for a reply, or REP has no request to answer.
 * UV_ENOTSUP: SUB and PULL do not send. UV_EINVAL: no parts (STREAM: or more
 * than two), or closing. UV_ENOMEM. Source: zmq_send(3). */
ZUV_EXTERN int zuv_try_send(zuv_socket_t *socket, zuv_msg_t *parts,
                            size_t count);

/* Calls `writable_cb` once in every loop iteration in which zuv_try_send()
 * would not answer UV_EAGAIN for want of room, until it is stopped. As with
 * uv_poll_t it is a level: stop it when there is nothing to send. UV_ENOTSUP:
 * SUB and PULL do not send. UV_EINVAL: writable_cb is NULL, or closing. */
ZUV_EXTERN int zuv_writable_start(zuv_socket_t *socket,
                                  zuv_writable_cb writable_cb);
/* UV_EINVAL: closing. */
ZUV_EXTERN int zuv_writable_stop(zuv_socket_t *socket);

/* A send request. The caller's memory; it stays valid until its callback. */
struct zuv_send_s {
  /* public */
  void *data;
  /* read-only */
  zuv_socket_t *socket;
  /* private */
  zuv_send_cb zuv__cb;
  zuv_msg_t *zuv__parts;
  size_t zuv__count;
  void *zuv__link[2];
  uint64_t zuv__sequence;
  int zuv__status;
  void *zuv__reserved[2];
};

/* Sends one message, waiting for its turn when there is no room: requests are
 * served in order. On success zuv owns the parts' contents (the array stays the
 * caller's) and send_cb runs once: with 0 when the message was handed to the
 * kernel or to the inproc peer (or dropped, where the socket type drops),
 * UV_ECANCELED when the socket closed first, UV_ECONNRESET when the peer left
 * first, or the error that zuv_try_send() would have given. Errors as
 * zuv_try_send() but for UV_EAGAIN; then send_cb does not run. A request that
 * must wait allocates room for its parts. */
ZUV_EXTERN int zuv_send(zuv_send_t *request, zuv_socket_t *socket,
                        zuv_msg_t *parts, size_t count, zuv_send_cb send_cb);

/* ---- Requests ------------------------------------------------------------
 *
 * Many requests at a time, each with its own reply: over a DEALER, to servers
 * on REP, or on ROUTER that send the parts up to the first empty one back in
 * front of the reply. On the wire a request is an id of 4 octets, an empty
 * part, and the body.
 */

/* A request. The caller's memory; it stays valid until its callback. */
struct zuv_request_s {
  /* public */
  void *data;
  /* read-only */
  zuv_socket_t *socket;
  /* private */
  zuv_request_cb zuv__cb;
  zuv_send_t zuv__send;
  uint64_t zuv__private[20];
};

/* Sends a request to one of the peers in turn, waiting for room like zuv_send()
 * if need be, and calls request_cb once: with 0 and the parts of the reply,
 * without the id and the empty one, which with `peer` are valid until the
 * callback returns, as for zuv_recv_cb; else without parts, and UV_ETIMEDOUT
 * when `timeout_ms` milliseconds have passed (0: no limit), UV_ECANCELED after
 * zuv_request_cancel(), or when the socket or its endpoint closed,
 * UV_ECONNRESET when the connection that the request went into was lost, or
 * another error of zuv_try_send(). Whether the peer did what it was asked for
 * is then not known, so nothing is sent twice. A request that was not sent yet
 * is withdrawn at its end, but for those that wait in the queue of a peer.
 *
 * A reply counts if it comes the way that the request went. One that comes
 * after the end is dropped and counted (zuv_stats_t). All other messages are
 * for the callback of zuv_recv_start(); on a socket that has made a request
 * they are dropped while there is none, so that no reply waits behind them.
 *
 * Errors as zuv_send(), and then request_cb does not run. UV_ENOTSUP: not a
 * DEALER, or with ZUV_CONFLATE. REQ is none: it has one request at a time, and
 * zuv_try_send() and zuv_recv_start() for it. UV_EINVAL: also if request_cb is
 * NULL. */
ZUV_EXTERN int zuv_request(zuv_request_t *request, zuv_socket_t *socket,
                           zuv_msg_t *parts, size_t count, uint64_t timeout_ms,
                           zuv_request_cb request_cb);

/* Ends the request, which zuv_request() took, with UV_ECANCELED. UV_EINVAL: it
 * has ended, even if its callback has yet to run. */
ZUV_EXTERN int zuv_request_cancel(zuv_request_t *request);

/* ---- Events -------------------------------------------------------------- */

typedef enum {
  /* bind: the endpoint listens */
  ZUV_EVENT_LISTENING = 1,
  /* bind: a connection was accepted; its handshake begins */
  ZUV_EVENT_ACCEPTED,
  /* bind: accept failed (status), e.g. UV_EMFILE; again after `delay_ms`.
   * UV_EACCES: no accept filter lets the peer in, see `address` */
  ZUV_EVENT_ACCEPT_FAILED,
  /* bind: the listener was closed; connect: an attempt under way was given up
   * (status) */
  ZUV_EVENT_CLOSED,
  /* connect: the attempt has begun and is in progress */
  ZUV_EVENT_CONNECT_DELAYED,
  /* connect: the next attempt begins in `delay_ms`, because of status */
  ZUV_EVENT_CONNECT_RETRIED,
  /* connect: the transport is up; the handshake begins */
  ZUV_EVENT_CONNECTED,
  /* the handshake is done (STREAM: the connection is up): `peer` is known */
  ZUV_EVENT_READY,
  /* the handshake failed: `status`; for a protocol error (UV_EPROTO) `reason`,
   * for a refusal by either side (UV_EACCES) `peer_status`. UV_EFAULT: a ZAP
   * handler is needed and there is none */
  ZUV_EVENT_HANDSHAKE_FAILED,
  /* the connection was lost: `status` says why (UV_EOF: the peer closed it) */
  ZUV_EVENT_DISCONNECTED,
  /* connect: no further attempt will be made (status). To try again, call
   * zuv_disconnect(), whatever it answers, and zuv_connect() */
  ZUV_EVENT_STOPPED,
  /* `count` messages were dropped since the last such event */
  ZUV_EVENT_DROPPED,
  /* `count` events were not told since the last such event: too many waited, or
   * there was no memory for them */
  ZUV_EVENT_EVENTS_DROPPED,
  /* PUB, XPUB: `peer` gets messages that begin with `topic` from now on. With
   * XPUB_MANUAL when the application let it */
  ZUV_EVENT_SUBSCRIBED,
  /* and gets them no more. The topics of a peer that leaves go without a word
   */
  ZUV_EVENT_UNSUBSCRIBED
} zuv_event_type;

/* What happened. Valid until the callback returns. */
struct zuv_event_s {
  zuv_event_type type;
  /* 0 or a UV_E* code */
  int status;
  /* HANDSHAKE_FAILED: ZUV_PROTOCOL_ERROR_*, or 0 */
  int reason;
  /* HANDSHAKE_FAILED: 300, 400 or 500 if the peer was refused, by this side's
   * authentication or by the other's; else 0 */
  int peer_status;
  /* the endpoint concerned, as bound or connected; "" if none */
  const char *endpoint;
  /* the peer, or NULL while none is known */
  zuv_peer_t *peer;
  /* CONNECT_RETRIED, ACCEPT_FAILED: milliseconds until the next attempt */
  uint64_t delay_ms;
  /* DROPPED, EVENTS_DROPPED: how many */
  uint64_t count;
  /* the descriptor of the listener, the attempt or the connection, -1 if there
   * is none. A name, not for use: it may be closed by now, and be another's */
  int fd;
  /* HANDSHAKE_FAILED, and ACCEPT_FAILED by a filter: the peer's address, as
   * zuv_peer_address(); else "" */
  const char *address;
  /* our end and the other one as endpoint texts, "tcp://127.0.0.1:5555": from
   * ACCEPTED or CONNECTED to DISCONNECTED those of the connection, else the
   * endpoint on its side. By way of ZUV_SOCKS_PROXY the other end is the proxy.
   * "" where it is not known, or has no name, as the connecting end of ipc */
  const char *local;
  const char *remote;
  /* 1: the endpoint is connected, 0: it is bound, or there is none */
  int connecting;
  /* SUBSCRIBED, UNSUBSCRIBED: the prefix; else NULL, 0 */
  const void *topic;
  size_t topic_size;
};

/* Calls `event_cb` with what happens to the socket's endpoints and peers, in
 * order. Events from before the call are not told. At most a bounded number
 * waits; what is lost is counted. A call that fails is no event: zuv_bind()
 * answers its error at once. UV_EINVAL: event_cb is NULL, or closing. Source:
 * zmq_socket_monitor(3). */
ZUV_EXTERN int zuv_event_start(zuv_socket_t *socket, zuv_event_cb event_cb);
ZUV_EXTERN int zuv_event_stop(zuv_socket_t *socket);

/* The printable name of an event type, e.g. "listening". */
ZUV_EXTERN const char *zuv_event_name(zuv_event_type type);

/* ---- Peers ----------------------------------------------------------------
 *
 * Valid only inside the callback that got the peer; strings too.
 */

/* The numeric IP address, "localhost:UID:GID:PID" for ipc, "" for inproc. */
ZUV_EXTERN const char *zuv_peer_address(const zuv_peer_t *peer);
/* The endpoint of this socket through which the peer is connected. */
ZUV_EXTERN const char *zuv_peer_endpoint(const zuv_peer_t *peer);
/* The routing id: for ROUTER, REP and STREAM the one that addresses the peer,
 * else the one it announced, if any. */
ZUV_EXTERN const void *zuv_peer_routing_id(const zuv_peer_t *peer,
                                           size_t *size);
/* The peer's socket type, ZUV_PAIR..ZUV_XSUB, or -1 if it did not say. */
ZUV_EXTERN int zuv_peer_type(const zuv_peer_t *peer);
/* The security mechanism of the connection: "NULL", "PLAIN" or "CURVE"; "" for
 * inproc, STREAM, and peers of ZMTP 1.0 and 2.0. */
ZUV_EXTERN const char *zuv_peer_mechanism(const zuv_peer_t *peer);
/* The user id that authentication gave the peer, or NULL. The first call for a
 * peer needs memory; without any it answers NULL, and a later one does not. */
ZUV_EXTERN const char *zuv_peer_user_id(const zuv_peer_t *peer);
/* A property of the peer's handshake (RFC 37, metadata), by name in any case,
 * NULL if it sent none. The value is not NUL-terminated. */
ZUV_EXTERN const void *zuv_peer_property(const zuv_peer_t *peer,
                                         const char *name, size_t *size);

/* Calls `peer_cb` with every peer that is connected now, and `arg`, before it
 * returns: as uv_walk(), the one exception to the rule that no callback runs
 * from inside a call. Any call is legal in it; peers that leave meanwhile are
 * left out. UV_EINVAL: peer_cb is NULL, or the socket is closed. UV_ENOMEM:
 * nobody was told of. */
ZUV_EXTERN int zuv_peers(zuv_socket_t *socket, zuv_peer_cb peer_cb, void *arg);

/* Ends the connection to this peer as if it had left: after the callback that
 * runs, and after what the kernel takes at once of what was sent to it. An
 * endpoint that connects tries again as after any loss, but over inproc, where
 * neither side connects again. UV_ENOTCONN: it is not connected any more. */
ZUV_EXTERN int zuv_peer_close(zuv_peer_t *peer);

/* ---- Statistics ------------------------------------------------------------
 *
 * Messages are counted whole, bytes in the bodies of their parts. Subscriptions
 * and other commands are no messages. Of what was accepted for sending, each
 * message is queued, out, or lost.
 */
struct zuv_stats_s {
  /* that arrived; bytes also of a message that is not complete */
  uint64_t messages_in;
  uint64_t bytes_in;
  /* handed on: to the inproc peer, or to the connection, which gives up to 64
   * KiB and one message to the kernel later. A connection that is lost takes
   * along what is on its way, and is not asked what arrived */
  uint64_t messages_out;
  uint64_t bytes_out;
  /* waiting now: to be delivered; to be sent. Over inproc what is sent waits
   * with its receiver */
  uint64_t queued_in;
  uint64_t queued_in_bytes;
  uint64_t queued_out;
  uint64_t queued_out_bytes;
  /* never accepted or never delivered for want of room, of memory or of a peer
   * to send to: what ZUV_EVENT_DROPPED tells of */
  uint64_t dropped;
  /* accepted, and given up before they were handed on: when the peer left, the
   * linger time was over, or a newer one took the place (ZUV_CONFLATE) */
  uint64_t lost;
  /* of a socket only: */
  /* connected now */
  uint64_t peers;
  /* handshakes done so far, and inproc peers met */
  uint64_t connections;
  /* of these, by endpoints that had lost one before */
  uint64_t reconnects;
  /* as told by ZUV_EVENT_HANDSHAKE_FAILED */
  uint64_t handshakes_failed;
  /* that nobody was told of since too many waited, or for want of memory */
  uint64_t events_dropped;
  /* replies to zuv_request() that came after its end */
  uint64_t late_replies;
  /* 0, for what later versions count */
  uint64_t zuv__reserved[16];
};

/* What the socket has done since it was made, peers that are gone included. It
 * may be closing. Costs a visit to each peer. UV_EINVAL: the socket is closed,
 * or stats is NULL. */
ZUV_EXTERN int zuv_socket_stats(const zuv_socket_t *socket, zuv_stats_t *stats);

/* The same of one peer. What is known of an endpoint that connects goes on
 * through all its connections (without ZUV_IMMEDIATE). Of a peer that has gone,
 * as ZUV_EVENT_DISCONNECTED shows it: the last numbers. UV_EINVAL: stats is
 * NULL. */
ZUV_EXTERN int zuv_peer_stats(const zuv_peer_t *peer, zuv_stats_t *stats);

/* PUB, XPUB: how many peers a message that begins with exactly these bytes as
 * its first part would be for now: those that subscribed to the whole of them
 * or to any beginning of them. Who waits for `n` subscribers of a topic asks
 * with what it will send; ZUV_EVENT_SUBSCRIBED tells when to ask again.
 * UV_EINVAL: another type of socket, closed, or topic is NULL with a size. */
ZUV_EXTERN int zuv_subscriber_count(const zuv_socket_t *socket,
                                    const void *topic, size_t size);

/* ---- Security --------------------------------------------------------------
 *
 * A socket's mechanism and role follow from its options: ZUV_PLAIN_SERVER or
 * ZUV_PLAIN_USERNAME and ZUV_PLAIN_PASSWORD; ZUV_CURVE_SERVER and
 * ZUV_CURVE_SECRETKEY, or ZUV_CURVE_SERVERKEY with ZUV_CURVE_PUBLICKEY and
 * ZUV_CURVE_SECRETKEY. The last one set wins, and endpoints keep what was set
 * when they were made. docs/security.md tells what each mechanism protects.
 */

enum {
  ZUV_CURVE_KEY_SIZE = 32,
  ZUV_CURVE_KEY_TEXT_SIZE = 41 /* as Z85 text, with its NUL */
};

/* Makes a CURVE key pair, as Z85 text with a NUL. Wipe the secret one when it
 * is of no use any more. Any thread. UV_EIO: the system gives no randomness.
 * Source: zmq_curve_keypair(3). */
ZUV_EXTERN int zuv_curve_keypair(char public_key[41], char secret_key[41]);

/* The public key of a secret one, both as Z85 text. Any thread. UV_EINVAL: the
 * secret key is not 40 characters of Z85. Source: zmq_curve_public(3). */
ZUV_EXTERN int zuv_curve_public(char public_key[41], const char *secret_key);

/* Bytes as Z85 text (RFC 32) and back. Encoding writes size / 4 * 5 characters
 * and a NUL; decoding a text of 5n characters writes 4n bytes. Any thread.
 * UV_EINVAL: the size is no multiple of 4; the text is empty, its length is no
 * multiple of 5, or it is no Z85. */
ZUV_EXTERN int zuv_z85_encode(char *text, const void *data, size_t size);
ZUV_EXTERN int zuv_z85_decode(void *data, const char *text);

/* A peer that asks to be let in. It is zuv's memory: valid from the callback
 * until it is answered, by zuv_auth_allow() or zuv_auth_deny(). Every request
 * must be answered once, also when its peer has gone meanwhile or its socket
 * was closed. */
struct zuv_auth_s {
  /* public */
  void *data;
  /* read-only; texts may hold any octet, and end with a NUL that is not
   * counted */
  int mechanism;        /* ZUV_NULL, ZUV_PLAIN or ZUV_CURVE */
  const char *endpoint; /* of this socket, as bound or connected */
  const char *address;  /* the peer's, as zuv_peer_address() */
  const char *domain;   /* ZUV_ZAP_DOMAIN of this socket */
  /* what the peer announced; CURVE, and NULL with ZMTP 1.0 and 2.0, only:
   * others do so when they are in */
  const void *routing_id;
  size_t routing_id_size;
  /* PLAIN, else NULL */
  const char *username;
  size_t username_size;
  const char *password;
  size_t password_size;
  /* CURVE: 32 bytes, which the peer has proven to own; else NULL */
  const uint8_t *public_key;
  /* private */
  void *zuv__impl;
};

/* Asks auth_cb about every peer from now on, instead of a ZAP handler: what
 * comes from clients when this socket is the server of PLAIN or CURVE, and
 * every peer with NULL; with NULL and a ZUV_ZAP_DOMAIN those of ZMTP 1.0
 * and 2.0 are refused unasked. Peers over inproc and of STREAM are not asked
 * about. The callback answers at once or later, and the socket goes on
 * meanwhile; the peer has ZUV_HANDSHAKE_IVL in all. UV_EINVAL: auth_cb is NULL,
 * or closing. */
ZUV_EXTERN int zuv_auth_start(zuv_socket_t *socket, zuv_auth_cb auth_cb);

/* Peers are asked about by ZAP again, if at all. Requests that wait stay to be
 * answered. UV_EINVAL: closing. */
ZUV_EXTERN int zuv_auth_stop(zuv_socket_t *socket);

/* Lets the peer in and frees the request. `user_id` is copied, and what
 * zuv_peer_user_id() will tell; NULL: none. From the loop's thread, in any
 * callback or none. UV_ECANCELED: the peer has gone, and the request was freed
 * all the same. UV_ENOMEM: it was not freed; try again, or deny. */
ZUV_EXTERN int zuv_auth_allow(zuv_auth_t *request, const char *user_id);

/* Refuses the peer and frees the request. `status` is what the peer is told, in
 * ZAP's terms: 400, it will not come back; 500, the same for an error of ours;
 * 300, it is told nothing and will try again. One of ZMTP 1.0 or 2.0 cannot be
 * told, and may try again whatever the status. UV_ECANCELED: as above.
 * UV_EINVAL: another status; the request was not freed. */
ZUV_EXTERN int zuv_auth_deny(zuv_auth_t *request, int status);

/* ---- Life cycle ---------------------------------------------------------- */

/* Closes the socket. Its listeners close now, waiting requests end with
 * UV_ECANCELED, and messages accepted but not yet handed to the kernel are sent
 * for as long as ZUV_LINGER says. Then close_cb (which may be NULL) runs, and
 * the memory is the caller's again. Unlike uv_close() it may be called twice:
 * the second call only shortens the linger time to what ZUV_LINGER says now. */
ZUV_EXTERN void zuv_close(zuv_socket_t *socket, zuv_close_cb close_cb);

/* Closes every zuv socket on the loop that is not closing yet, with no
 * callback, and cuts the linger time of all to 0. */
ZUV_EXTERN void zuv_close_all(uv_loop_t *loop);

/* Non-zero from zuv_close() on. */
ZUV_EXTERN int zuv_is_closing(const zuv_socket_t *socket);

/* As uv_ref() and friends: a referenced socket keeps uv_run() running while it
 * has an endpoint. Sockets start referenced. A closing socket keeps the loop
 * alive until its close callback. */
ZUV_EXTERN void zuv_ref(zuv_socket_t *socket);
ZUV_EXTERN void zuv_unref(zuv_socket_t *socket);
ZUV_EXTERN int zuv_has_ref(const zuv_socket_t *socket);

#ifdef __cplusplus
}
#endif

#endif /* ZUV_H */
