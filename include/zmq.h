/* ZeroMQ's blocking API, 4.3.5, as libzuv's own libzmq.so.5 offers it: programs
 * and binaries made for libzmq use it unchanged.
 *
 * The rules of every call, unless its comment says otherwise:
 *  - A failure is -1 or NULL with the reason in errno; after success errno says
 *    nothing.
 *  - A wrong or closed socket is ENOTSOCK; a wrong context, message, timer set,
 *    poller or missing buffer is EFAULT; a value nobody expects is EINVAL. A
 *    socket whose context is ending answers ETERM to everything but
 * zmq_close().
 *  - Contexts may be used from any thread. A socket, a message, a timer set or
 *    a poller belongs to one thread at a time.
 *  - Calls that wait end with EINTR when a signal handler ran.
 *
 * The manual page of each function, zmq_send(3) for zmq_send(), has the rest;
 * docs/options.md has the options' types, units, ranges and defaults.
 */

/* libzmq's guard: where both headers are found, the first one serves. */
#ifndef __ZMQ_H_INCLUDED__
#define __ZMQ_H_INCLUDED__

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#ifndef _WIN32
#include <signal.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ZMQ_NO_EXPORT)
#define ZMQ_EXPORT
#elif defined(_WIN32) && defined(ZMQ_STATIC)
#define ZMQ_EXPORT
#elif defined(_WIN32) && defined(DLL_EXPORT)
#define ZMQ_EXPORT __declspec(dllexport)
#elif defined(_WIN32)
#define ZMQ_EXPORT __declspec(dllimport)
#elif defined(__GNUC__)
#define ZMQ_EXPORT __attribute__((visibility("default")))
#else
#define ZMQ_EXPORT
#endif

/* What programs ask before they rely on it. */
#define ZMQ_DEFINED_STDINT 1
#define ZMQ_HAS_CAPABILITIES 1
#define ZMQ_HAVE_TIMERS

/* Version. */

#define ZMQ_VERSION_MAJOR 4
#define ZMQ_VERSION_MINOR 3
#define ZMQ_VERSION_PATCH 5
#define ZMQ_MAKE_VERSION(major, minor, patch)                                  \
  ((major)*10000 + (minor)*100 + (patch))
#define ZMQ_VERSION                                                            \
  ZMQ_MAKE_VERSION(ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH)

/* The version of the API that the running library speaks. A NULL pointer's
 * number is left out. */
ZMQ_EXPORT void zmq_version(int *major, int *minor, int *patch);

/* 1 when the running library can do what the word names ("ipc", "curve",
 * "draft"...), else 0. */
ZMQ_EXPORT int zmq_has(const char *capability);

/* Errors. */

/* Where the codes that errno.h may lack begin. */
#define ZMQ_HAUSNUMERO 156384712

/* The call does not fit the socket's state: two requests in a row on a REQ. */
#define EFSM (ZMQ_HAUSNUMERO + 51)
/* The transport cannot carry this type of socket. */
#define ENOCOMPATPROTO (ZMQ_HAUSNUMERO + 52)
/* The context is ending. */
#define ETERM (ZMQ_HAUSNUMERO + 53)
/* No I/O thread may serve this endpoint. */
#define EMTHREAD (ZMQ_HAUSNUMERO + 54)

#ifndef ENOTSUP
#define ENOTSUP (ZMQ_HAUSNUMERO + 1)
#endif
#ifndef EPROTONOSUPPORT
#define EPROTONOSUPPORT (ZMQ_HAUSNUMERO + 2)
#endif
#ifndef ENOBUFS
#define ENOBUFS (ZMQ_HAUSNUMERO + 3)
#endif
#ifndef ENETDOWN
#define ENETDOWN (ZMQ_HAUSNUMERO + 4)
#endif
#ifndef EADDRINUSE
#define EADDRINUSE (ZMQ_HAUSNUMERO + 5)
#endif
#ifndef EADDRNOTAVAIL
#define EADDRNOTAVAIL (ZMQ_HAUSNUMERO + 6)
#endif
#ifndef ECONNREFUSED
#define ECONNREFUSED (ZMQ_HAUSNUMERO + 7)
#endif
#ifndef EINPROGRESS
#define EINPROGRESS (ZMQ_HAUSNUMERO + 8)
#endif
#ifndef ENOTSOCK
#define ENOTSOCK (ZMQ_HAUSNUMERO + 9)
#endif
#ifndef EMSGSIZE
#define EMSGSIZE (ZMQ_HAUSNUMERO + 10)
#endif
#ifndef EAFNOSUPPORT
#define EAFNOSUPPORT (ZMQ_HAUSNUMERO + 11)
#endif
#ifndef ENETUNREACH
#define ENETUNREACH (ZMQ_HAUSNUMERO + 12)
#endif
#ifndef ECONNABORTED
#define ECONNABORTED (ZMQ_HAUSNUMERO + 13)
#endif
#ifndef ECONNRESET
#define ECONNRESET (ZMQ_HAUSNUMERO + 14)
#endif
#ifndef ENOTCONN
#define ENOTCONN (ZMQ_HAUSNUMERO + 15)
#endif
#ifndef ETIMEDOUT
#define ETIMEDOUT (ZMQ_HAUSNUMERO + 16)
#endif
#ifndef EHOSTUNREACH
#define EHOSTUNREACH (ZMQ_HAUSNUMERO + 17)
#endif
#ifndef ENETRESET
#define ENETRESET (ZMQ_HAUSNUMERO + 18)
#endif

/* errno, for programs whose C library is not the one this library uses. */
ZMQ_EXPORT int zmq_errno(void);

/* A text for any errno, ours included; the library's, not to be freed. */
ZMQ_EXPORT const char *zmq_strerror(int code);

/* Contexts. */

/* Numbers for zmq_ctx_set() and zmq_ctx_get(). ZMQ_IPV6 and ZMQ_BLOCKY belong
 * here too; they are what later sockets start with. */
#define ZMQ_IO_THREADS 1
#define ZMQ_MAX_SOCKETS 2
#define ZMQ_SOCKET_LIMIT 3    /* get */
#define ZMQ_THREAD_PRIORITY 3 /* set */
#define ZMQ_THREAD_SCHED_POLICY 4
#define ZMQ_MAX_MSGSZ 5
#define ZMQ_MSG_T_SIZE 6 /* get */
#define ZMQ_THREAD_AFFINITY_CPU_ADD 7
#define ZMQ_THREAD_AFFINITY_CPU_REMOVE 8
#define ZMQ_THREAD_NAME_PREFIX 9
#define ZMQ_BLOCKY 70

#define ZMQ_IO_THREADS_DFLT 1
#define ZMQ_MAX_SOCKETS_DFLT 1023
#define ZMQ_THREAD_PRIORITY_DFLT -1
#define ZMQ_THREAD_SCHED_POLICY_DFLT -1

/* A context, to be given back with zmq_ctx_term(). EMFILE, ENOMEM. */
ZMQ_EXPORT void *zmq_ctx_new(void);

/* Sets an option; most count only before the first socket is made. */
ZMQ_EXPORT int zmq_ctx_set(void *context, int option, int value);

/* The option's value. -1 may be one: errno tells only after a failure. */
ZMQ_EXPORT int zmq_ctx_get(void *context, int option);

/* Makes every wait in the context's sockets end with ETERM, and every later
 * zmq_socket() fail so. Closes and frees nothing; may be called again. */
ZMQ_EXPORT int zmq_ctx_shutdown(void *context);

/* As zmq_ctx_shutdown(), then waits until all sockets are closed and what
 * lingers is sent, and frees the context. After EINTR call it again. */
ZMQ_EXPORT int zmq_ctx_term(void *context);

/* Messages. */

#if defined(__GNUC__)
#define ZMQ_POINTER_ALIGNED __attribute__((aligned(sizeof(void *))))
#elif defined(__cplusplus)
#define ZMQ_POINTER_ALIGNED alignas(void *)
#else
#define ZMQ_POINTER_ALIGNED _Alignas(void *)
#endif

/* One part of a message. The caller provides the memory; the bytes are the
 * library's and move to another zmq_msg_t only through zmq_msg_move(). What a
 * zmq_msg_init*() filled ends in one zmq_msg_close(). */
typedef struct zmq_msg_t {
  ZMQ_POINTER_ALIGNED unsigned char _[64];
} zmq_msg_t;

#undef ZMQ_POINTER_ALIGNED

/* Frees a body given to zmq_msg_init_data(); `hint` is that call's. May run on
 * any thread. */
typedef void(zmq_free_fn)(void *data, void *hint);

/* Numbers for zmq_msg_get(). */
#define ZMQ_MORE 1
#define ZMQ_SHARED 3

/* The longest name of a group. */
#define ZMQ_GROUP_MAX_LENGTH 255

/* An empty message, as zmq_msg_recv() wants it. Cannot fail. */
ZMQ_EXPORT int zmq_msg_init(zmq_msg_t *message);

/* Room for `size` bytes, not cleared. ENOMEM. */
ZMQ_EXPORT int zmq_msg_init_size(zmq_msg_t *message, size_t size);

/* A message around the caller's bytes. They are the library's until it calls
 * `free_data`, once; with NULL they must stay for good. ENOMEM: not taken. */
ZMQ_EXPORT int zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size,
                                 zmq_free_fn *free_data, void *hint);

/* Releases the content. EFAULT when there is none, as after another close. */
ZMQ_EXPORT int zmq_msg_close(zmq_msg_t *message);

/* Gives the content of `from`, which is empty then, to `to`, whose own content
 * is released. */
ZMQ_EXPORT int zmq_msg_move(zmq_msg_t *to, zmq_msg_t *from);

/* Lets `to`, whose own content is released, share the content of `from`, which
 * nobody may change from now on. */
ZMQ_EXPORT int zmq_msg_copy(zmq_msg_t *to, zmq_msg_t *from);

/* The bytes; they stay the message's. NULL for a closed message. */
ZMQ_EXPORT void *zmq_msg_data(zmq_msg_t *message);

/* The number of bytes. 0 for a closed message. */
ZMQ_EXPORT size_t zmq_msg_size(const zmq_msg_t *message);

/* 1 when the received part has a successor, else 0. */
ZMQ_EXPORT int zmq_msg_more(const zmq_msg_t *message);

/* The number behind ZMQ_MORE, ZMQ_SHARED or ZMQ_SRCFD. EINVAL for all other,
 * and where the message came over no descriptor. */
ZMQ_EXPORT int zmq_msg_get(const zmq_msg_t *message, int property);

/* Always EINVAL: no property can be set. */
ZMQ_EXPORT int zmq_msg_set(zmq_msg_t *message, int property, int value);

/* What the sender's connection is known by: "Peer-Address", "Socket-Type",
 * "User-Id"... The text is the message's. EINVAL for an unknown name, ENOMEM.
 */
ZMQ_EXPORT const char *zmq_msg_gets(const zmq_msg_t *message, const char *name);

/* Sockets. */

#define ZMQ_PAIR 0
#define ZMQ_PUB 1
#define ZMQ_SUB 2
#define ZMQ_REQ 3
#define ZMQ_REP 4
#define ZMQ_DEALER 5
#define ZMQ_ROUTER 6
#define ZMQ_PULL 7
#define ZMQ_PUSH 8
#define ZMQ_XPUB 9
#define ZMQ_XSUB 10
#define ZMQ_STREAM 11

/* A socket of the type, to be given back with zmq_close(). ETERM; EMFILE at
 * ZMQ_MAX_SOCKETS; ENOMEM; EINVAL for the type. */
ZMQ_EXPORT void *zmq_socket(void *context, int type);

/* Ends the socket at once for the caller; what it still has to send lingers in
 * the background as ZMQ_LINGER says. */
ZMQ_EXPORT int zmq_close(void *socket);

/* Sets an option from `size` bytes, which are copied. EINVAL: unknown, not for
 * this type of socket, or a size or a value it cannot have. */
ZMQ_EXPORT int zmq_setsockopt(void *socket, int option, const void *value,
                              size_t size);

/* Reads an option into `*size` bytes and stores the number used in `*size`;
 * texts end in a zero byte, which counts. EINVAL as zmq_setsockopt(). */
ZMQ_EXPORT int zmq_getsockopt(void *socket, int option, void *value,
                              size_t *size);

/* Listens at the endpoint, which is bound on return. EINVAL, EPROTONOSUPPORT,
 * ENOCOMPATPROTO, EMTHREAD; EADDRINUSE, EADDRNOTAVAIL, ENODEV, EACCES... */
ZMQ_EXPORT int zmq_bind(void *socket, const char *endpoint);

/* Connects in the background, and again whenever the connection is lost.
 * EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO, EMTHREAD. */
ZMQ_EXPORT int zmq_connect(void *socket, const char *endpoint);

/* Stops listening and ends the connections accepted there. ENOENT when the
 * socket does not use the endpoint. */
ZMQ_EXPORT int zmq_unbind(void *socket, const char *endpoint);

/* Ends what zmq_connect() began; unsent messages linger. ENOENT when the socket
 * does not use the endpoint. */
ZMQ_EXPORT int zmq_disconnect(void *socket, const char *endpoint);

/* Sending and receiving. */

#define ZMQ_DONTWAIT 1 /* answer EAGAIN instead of waiting */
#define ZMQ_SNDMORE 2  /* the next part belongs to the same message */

/* Sends a copy of the bytes and returns their number: queued, not delivered.
 * EAGAIN at a full queue; EHOSTUNREACH; EFSM; ENOTSUP. */
ZMQ_EXPORT int zmq_send(void *socket, const void *data, size_t size, int flags);

/* As zmq_send(), without a copy: the bytes must stay as they are for good. */
ZMQ_EXPORT int zmq_send_const(void *socket, const void *data, size_t size,
                              int flags);

/* Sends the message and returns its size. The content is the library's then
 * and the message empty; after an error both are unchanged. As zmq_send(). */
ZMQ_EXPORT int zmq_msg_send(zmq_msg_t *message, void *socket, int flags);

/* Receives one part and returns its size, even if that is more than the room
 * given: the excess is lost. EAGAIN with nothing there in time; EFSM; ENOTSUP.
 */
ZMQ_EXPORT int zmq_recv(void *socket, void *buffer, size_t room, int flags);

/* Receives one part into an initialised message, whose old content is released
 * in any case, and returns its size. Errors as zmq_recv(). */
ZMQ_EXPORT int zmq_msg_recv(zmq_msg_t *message, void *socket, int flags);

/* The C library's, from sys/uio.h. */
struct iovec;

/* Sends `count` parts, as one message with ZMQ_SNDMORE and as so many without.
 * Returns the last one's size; on failure the parts before it are sent. */
ZMQ_EXPORT int zmq_sendiov(void *socket, struct iovec *parts, size_t count,
                           int flags);

/* Receives up to `*count` parts of a message and stores and returns their
 * number. The caller frees each iov_base with free(). */
ZMQ_EXPORT int zmq_recviov(void *socket, struct iovec *parts, size_t *count,
                           int flags);

/* Options of sockets. */

/* Which socket this is, and what it is doing. */
#define ZMQ_TYPE 16
#define ZMQ_THREAD_SAFE 81
#define ZMQ_LAST_ENDPOINT 32
#define ZMQ_RCVMORE 13
#define ZMQ_EVENTS 15
#define ZMQ_FD 14
#define ZMQ_USE_FD 89
#define ZMQ_AFFINITY 4

/* Queues and how long to wait. */
#define ZMQ_SNDHWM 23
#define ZMQ_RCVHWM 24
#define ZMQ_SNDTIMEO 28
#define ZMQ_RCVTIMEO 27
#define ZMQ_LINGER 17
#define ZMQ_IMMEDIATE 39
#define ZMQ_CONFLATE 54
#define ZMQ_MAXMSGSIZE 22

/* The life of a connection. */
#define ZMQ_BACKLOG 19
#define ZMQ_CONNECT_TIMEOUT 79
#define ZMQ_HANDSHAKE_IVL 66
#define ZMQ_RECONNECT_IVL 18
#define ZMQ_RECONNECT_IVL_MAX 21
#define ZMQ_HEARTBEAT_IVL 75
#define ZMQ_HEARTBEAT_TTL 76
#define ZMQ_HEARTBEAT_TIMEOUT 77

/* PUB, SUB, XPUB and XSUB. */
#define ZMQ_SUBSCRIBE 6
#define ZMQ_UNSUBSCRIBE 7
#define ZMQ_INVERT_MATCHING 74
#define ZMQ_XPUB_VERBOSE 40
#define ZMQ_XPUB_VERBOSER 78
#define ZMQ_XPUB_NODROP 69
#define ZMQ_XPUB_MANUAL 71
#define ZMQ_XPUB_WELCOME_MSG 72

/* REQ, ROUTER and STREAM. */
#define ZMQ_ROUTING_ID 5
#define ZMQ_CONNECT_ROUTING_ID 61
#define ZMQ_ROUTER_MANDATORY 33
#define ZMQ_ROUTER_HANDOVER 56
#define ZMQ_PROBE_ROUTER 51
#define ZMQ_REQ_CORRELATE 52
#define ZMQ_REQ_RELAXED 53
#define ZMQ_STREAM_NOTIFY 73

/* TCP. */
#define ZMQ_IPV6 42
#define ZMQ_SNDBUF 11
#define ZMQ_RCVBUF 12
#define ZMQ_TOS 57
#define ZMQ_TCP_KEEPALIVE 34
#define ZMQ_TCP_KEEPALIVE_CNT 35
#define ZMQ_TCP_KEEPALIVE_IDLE 36
#define ZMQ_TCP_KEEPALIVE_INTVL 37
#define ZMQ_TCP_MAXRT 80
#define ZMQ_BINDTODEVICE 92
#define ZMQ_SOCKS_PROXY 68

/* Multicast and VMCI: numbers to keep programs compiling. */
#define ZMQ_RATE 8
#define ZMQ_RECOVERY_IVL 9
#define ZMQ_MULTICAST_HOPS 25
#define ZMQ_MULTICAST_MAXTPDU 84
#define ZMQ_VMCI_BUFFER_SIZE 85
#define ZMQ_VMCI_BUFFER_MIN_SIZE 86
#define ZMQ_VMCI_BUFFER_MAX_SIZE 87
#define ZMQ_VMCI_CONNECT_TIMEOUT 88

/* Security: ZMQ_MECHANISM tells which mechanism the last of these chose. */
#define ZMQ_MECHANISM 43
#define ZMQ_ZAP_DOMAIN 55
#define ZMQ_PLAIN_SERVER 44
#define ZMQ_PLAIN_USERNAME 45
#define ZMQ_PLAIN_PASSWORD 46
#define ZMQ_CURVE_SERVER 47
#define ZMQ_CURVE_PUBLICKEY 48
#define ZMQ_CURVE_SECRETKEY 49
#define ZMQ_CURVE_SERVERKEY 50
#define ZMQ_GSSAPI_SERVER 62
#define ZMQ_GSSAPI_PRINCIPAL 63
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL 64
#define ZMQ_GSSAPI_PLAINTEXT 65
#define ZMQ_GSSAPI_PRINCIPAL_NAMETYPE 90
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE 91

/* Values of ZMQ_MECHANISM. */
#define ZMQ_NULL 0
#define ZMQ_PLAIN 1
#define ZMQ_CURVE 2
#define ZMQ_GSSAPI 3

/* Values of the two GSSAPI name types. */
#define ZMQ_GSSAPI_NT_HOSTBASED 0
#define ZMQ_GSSAPI_NT_USER_NAME 1
#define ZMQ_GSSAPI_NT_KRB5_PRINCIPAL 2

/* Waiting for several. */

#define ZMQ_POLLIN 1
#define ZMQ_POLLOUT 2
#define ZMQ_POLLERR 4 /* descriptors only, as ZMQ_POLLPRI */
#define ZMQ_POLLPRI 8

/* How many items programs like to keep on the stack. */
#define ZMQ_POLLITEMS_DFLT 16

/* A descriptor of the system. */
#ifdef _WIN32
typedef uintptr_t zmq_fd_t;
#else
typedef int zmq_fd_t;
#endif

/* What to wait for. `fd` counts only when `socket` is NULL. */
typedef struct zmq_pollitem_t {
  void *socket;
  zmq_fd_t fd;
  short events;  /* the caller's wishes */
  short revents; /* what has come true */
} zmq_pollitem_t;

/* Waits for at most `timeout` milliseconds, for ever with -1, and returns how
 * many items have something in revents. EFAULT, EINVAL, ENOTSOCK, ETERM. */
ZMQ_EXPORT int zmq_poll(zmq_pollitem_t *items, int count, long timeout);

/* Watching connections. */

#define ZMQ_EVENT_CONNECTED 0x0001
#define ZMQ_EVENT_CONNECT_DELAYED 0x0002
#define ZMQ_EVENT_CONNECT_RETRIED 0x0004
#define ZMQ_EVENT_LISTENING 0x0008
#define ZMQ_EVENT_BIND_FAILED 0x0010
#define ZMQ_EVENT_ACCEPTED 0x0020
#define ZMQ_EVENT_ACCEPT_FAILED 0x0040
#define ZMQ_EVENT_CLOSED 0x0080
#define ZMQ_EVENT_CLOSE_FAILED 0x0100
#define ZMQ_EVENT_DISCONNECTED 0x0200
#define ZMQ_EVENT_MONITOR_STOPPED 0x0400
#define ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL 0x0800
#define ZMQ_EVENT_HANDSHAKE_SUCCEEDED 0x1000
#define ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL 0x2000
#define ZMQ_EVENT_HANDSHAKE_FAILED_AUTH 0x4000
#define ZMQ_EVENT_ALL 0xFFFF

/* Values of ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED 0x10000000
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND 0x10000001
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE 0x10000002
#define ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE 0x10000003
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED 0x10000011
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE 0x10000012
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO 0x10000013
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE 0x10000014
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR 0x10000015
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY 0x10000016
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME 0x10000017
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA 0x10000018
#define ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC 0x11000001
#define ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH 0x11000002
#define ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED 0x20000000
#define ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY 0x20000001
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID 0x20000002
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION 0x20000003
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE 0x20000004
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA 0x20000005
#define ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED 0x30000000

/* Binds a PAIR at an inproc endpoint, on which the events asked for arrive as
 * two parts: uint16_t event and uint32_t value in the machine's byte order, and
 * the address. NULL ends it. EPROTONOSUPPORT, EINVAL, EADDRINUSE, EMFILE. */
ZMQ_EXPORT int zmq_socket_monitor(void *socket, const char *endpoint,
                                  int events);

/* Proxies. */

/* Passes messages both ways between two sockets, with a copy to `capture` if it
 * is not NULL, until one fails: always -1. ETERM, EINTR, EFAULT... */
ZMQ_EXPORT int zmq_proxy(void *frontend, void *backend, void *capture);

/* As zmq_proxy(), obeying PAUSE, RESUME, STATISTICS and TERMINATE received on
 * `control`, if it is not NULL. 0 after TERMINATE. */
ZMQ_EXPORT int zmq_proxy_steerable(void *frontend, void *backend, void *capture,
                                   void *control);

/* Keys. */

/* Writes `size` bytes, a multiple of 4, as Z85 text with its zero byte into
 * size * 5 / 4 + 1 characters. Returns `text`; EINVAL. */
ZMQ_EXPORT char *zmq_z85_encode(char *text, const uint8_t *data, size_t size);

/* Reads a Z85 text, whose length is a multiple of 5, into length * 4 / 5 bytes.
 * Returns `data`; EINVAL for anything that is no such text. */
ZMQ_EXPORT uint8_t *zmq_z85_decode(uint8_t *data, const char *text);

/* Makes a pair of CURVE keys as Z85 texts of 41 characters, zero byte included.
 * ENOTSUP without CURVE. */
ZMQ_EXPORT int zmq_curve_keypair(char *public_key, char *secret_key);

/* The public key that belongs to a secret one, both as Z85 texts. EINVAL;
 * ENOTSUP without CURVE. */
ZMQ_EXPORT int zmq_curve_public(char *public_key, const char *secret_key);

/* Timers. */

/* Called by zmq_timers_execute() with the timer's number. */
typedef void(zmq_timer_fn)(int id, void *argument);

/* A set of timers, to be given back with zmq_timers_destroy(). ENOMEM. */
ZMQ_EXPORT void *zmq_timers_new(void);

/* Frees the set and makes the pointer NULL. */
ZMQ_EXPORT int zmq_timers_destroy(void **timers);

/* Calls `handler` every `interval` milliseconds until the timer is cancelled.
 * Returns its number, from 1 on. EFAULT; ENOMEM. */
ZMQ_EXPORT int zmq_timers_add(void *timers, size_t interval,
                              zmq_timer_fn *handler, void *argument);

/* Ends a timer, also from inside its handler. EINVAL: no such number. */
ZMQ_EXPORT int zmq_timers_cancel(void *timers, int id);

/* Gives a timer another interval, which begins now. EINVAL: no such number. */
ZMQ_EXPORT int zmq_timers_set_interval(void *timers, int id, size_t interval);

/* Begins a timer's interval anew. EINVAL: no such number. */
ZMQ_EXPORT int zmq_timers_reset(void *timers, int id);

/* Milliseconds until a timer is due, -1 without any: fit for zmq_poll(). */
ZMQ_EXPORT long zmq_timers_timeout(void *timers);

/* Calls the handler of every timer that is due, once. */
ZMQ_EXPORT int zmq_timers_execute(void *timers);

/* Counters, clocks and threads. */

/* A number any thread may change, 0 at first, to be given back with
 * zmq_atomic_counter_destroy(). NULL: ENOMEM. */
ZMQ_EXPORT void *zmq_atomic_counter_new(void);

/* Gives it a value. The one call that must not meet another. */
ZMQ_EXPORT void zmq_atomic_counter_set(void *counter, int value);

/* Adds one and returns what was there before. */
ZMQ_EXPORT int zmq_atomic_counter_inc(void *counter);

/* Takes one away; 0 when that leaves 0, else 1. */
ZMQ_EXPORT int zmq_atomic_counter_dec(void *counter);

/* The number as it is now. */
ZMQ_EXPORT int zmq_atomic_counter_value(void *counter);

/* Frees it and makes the pointer NULL. */
ZMQ_EXPORT void zmq_atomic_counter_destroy(void **counter);

/* Begins to measure. zmq_stopwatch_stop() frees it. NULL: ENOMEM. */
ZMQ_EXPORT void *zmq_stopwatch_start(void);

/* Microseconds since the start; goes on. */
ZMQ_EXPORT unsigned long zmq_stopwatch_intermediate(void *stopwatch);

/* Microseconds since the start; frees the stopwatch. */
ZMQ_EXPORT unsigned long zmq_stopwatch_stop(void *stopwatch);

/* Lets the thread sleep. */
ZMQ_EXPORT void zmq_sleep(int seconds);

/* The body of a thread. */
typedef void(zmq_thread_fn)(void *argument);

/* Runs `body` on a thread that takes no signals; zmq_threadclose() ends it.
 * NULL: EAGAIN, ENOMEM. */
ZMQ_EXPORT void *zmq_threadstart(zmq_thread_fn *body, void *argument);

/* Waits for the thread's end and frees it. */
ZMQ_EXPORT void zmq_threadclose(void *thread);

/* Deprecated. */

#define ZMQ_XREQ ZMQ_DEALER
#define ZMQ_XREP ZMQ_ROUTER
#define ZMQ_NOBLOCK ZMQ_DONTWAIT
#define ZMQ_IDENTITY ZMQ_ROUTING_ID
#define ZMQ_CONNECT_RID ZMQ_CONNECT_ROUTING_ID
#define ZMQ_FAIL_UNROUTABLE ZMQ_ROUTER_MANDATORY
#define ZMQ_ROUTER_BEHAVIOR ZMQ_ROUTER_MANDATORY
#define ZMQ_DELAY_ATTACH_ON_CONNECT ZMQ_IMMEDIATE
#define ZMQ_IPV4ONLY 31
#define ZMQ_ROUTER_RAW 41
#define ZMQ_TCP_ACCEPT_FILTER 38
#define ZMQ_IPC_FILTER_PID 58
#define ZMQ_IPC_FILTER_UID 59
#define ZMQ_IPC_FILTER_GID 60
#define ZMQ_SRCFD 2

#define ZMQ_STREAMER 1
#define ZMQ_FORWARDER 2
#define ZMQ_QUEUE 3

/* zmq_ctx_new() with ZMQ_IO_THREADS set. */
ZMQ_EXPORT void *zmq_init(int io_threads);

/* zmq_ctx_term(), by its older names. */
ZMQ_EXPORT int zmq_term(void *context);
ZMQ_EXPORT int zmq_ctx_destroy(void *context);

/* zmq_msg_send() and zmq_msg_recv() with the socket first. */
ZMQ_EXPORT int zmq_sendmsg(void *socket, zmq_msg_t *message, int flags);
ZMQ_EXPORT int zmq_recvmsg(void *socket, zmq_msg_t *message, int flags);

/* zmq_proxy() without a capture; the type makes no difference. */
ZMQ_EXPORT int zmq_device(int type, void *frontend, void *backend);

/* Drafts: not settled in ZeroMQ itself, and on request only. */

#ifdef ZMQ_BUILD_DRAFT_API

#define ZMQ_HAVE_POLLER

/* Types of sockets that never split a message into parts, but for DGRAM. */
#define ZMQ_SERVER 12
#define ZMQ_CLIENT 13
#define ZMQ_RADIO 14
#define ZMQ_DISH 15
#define ZMQ_GATHER 16
#define ZMQ_SCATTER 17
#define ZMQ_DGRAM 18
#define ZMQ_PEER 19
#define ZMQ_CHANNEL 20

/* An option of contexts. */
#define ZMQ_ZERO_COPY_RECV 10

/* Options of sockets. */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#define ZMQ_LOOPBACK_FASTPATH 94
#define ZMQ_METADATA 95
#define ZMQ_MULTICAST_LOOP 96
#define ZMQ_ROUTER_NOTIFY 97
#define ZMQ_XPUB_MANUAL_LAST_VALUE 98
#define ZMQ_SOCKS_USERNAME 99
#define ZMQ_SOCKS_PASSWORD 100
#define ZMQ_IN_BATCH_SIZE 101
#define ZMQ_OUT_BATCH_SIZE 102
#define ZMQ_WSS_KEY_PEM 103
#define ZMQ_WSS_CERT_PEM 104
#define ZMQ_WSS_TRUST_PEM 105
#define ZMQ_WSS_HOSTNAME 106
#define ZMQ_WSS_TRUST_SYSTEM 107
#define ZMQ_ONLY_FIRST_SUBSCRIBE 108
#define ZMQ_RECONNECT_STOP 109
#define ZMQ_HELLO_MSG 110
#define ZMQ_DISCONNECT_MSG 111
#define ZMQ_PRIORITY 112
#define ZMQ_BUSY_POLL 113
#define ZMQ_HICCUP_MSG 114
#define ZMQ_XSUB_VERBOSE_UNSUBSCRIBE 115
#define ZMQ_TOPICS_COUNT 116
#define ZMQ_NORM_MODE 117
#define ZMQ_NORM_UNICAST_NACK 118
#define ZMQ_NORM_BUFFER_SIZE 119
#define ZMQ_NORM_SEGMENT_SIZE 120
#define ZMQ_NORM_BLOCK_SIZE 121
#define ZMQ_NORM_NUM_PARITY 122
#define ZMQ_NORM_NUM_AUTOPARITY 123
#define ZMQ_NORM_PUSH 124

/* Bits of ZMQ_ROUTER_NOTIFY. */
#define ZMQ_NOTIFY_CONNECT 1
#define ZMQ_NOTIFY_DISCONNECT 2

/* Bits of ZMQ_RECONNECT_STOP. */
#define ZMQ_RECONNECT_STOP_CONN_REFUSED 0x1
#define ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED 0x2
#define ZMQ_RECONNECT_STOP_AFTER_DISCONNECT 0x4

/* Values of ZMQ_NORM_MODE. */
#define ZMQ_NORM_FIXED 0
#define ZMQ_NORM_CC 1
#define ZMQ_NORM_CCL 2
#define ZMQ_NORM_CCE 3
#define ZMQ_NORM_CCE_ECNONLY 4

/* Names for zmq_msg_gets(). */
#define ZMQ_MSG_PROPERTY_ROUTING_ID "Routing-Id"
#define ZMQ_MSG_PROPERTY_SOCKET_TYPE "Socket-Type"
#define ZMQ_MSG_PROPERTY_USER_ID "User-Id"
#define ZMQ_MSG_PROPERTY_PEER_ADDRESS "Peer-Address"

/* Context options by their size, which for numbers is an int's. EINVAL. */
ZMQ_EXPORT int zmq_ctx_set_ext(void *context, int option, const void *value,
                               size_t size);
ZMQ_EXPORT int zmq_ctx_get_ext(void *context, int option, void *value,
                               size_t *size);

/* A message with a copy of the bytes. ENOMEM. */
ZMQ_EXPORT int zmq_msg_init_buffer(zmq_msg_t *message, const void *data,
                                   size_t size);

/* Which peer of a SERVER or PEER a message goes to, and which it is from; 0 is
 * nobody. EINVAL to set that. */
ZMQ_EXPORT int zmq_msg_set_routing_id(zmq_msg_t *message, uint32_t routing_id);
ZMQ_EXPORT uint32_t zmq_msg_routing_id(zmq_msg_t *message);

/* The group of a RADIO's message, "" at first. The text read is the
 * message's. */
ZMQ_EXPORT int zmq_msg_set_group(zmq_msg_t *message, const char *group);
ZMQ_EXPORT const char *zmq_msg_group(zmq_msg_t *message);

/* Enters and leaves a group. ENOTSUP but for a DISH; EINVAL: too long, joined
 * already, or not joined. */
ZMQ_EXPORT int zmq_join(void *socket, const char *group);
ZMQ_EXPORT int zmq_leave(void *socket, const char *group);

/* As zmq_connect(), for a PEER: returns the other's routing id, or 0. */
ZMQ_EXPORT uint32_t zmq_connect_peer(void *socket, const char *endpoint);

/* ZMQ_POLLOUT or 0: whether a ROUTER has room for that peer. EHOSTUNREACH: no
 * such peer; ENOTSUP for other types. */
ZMQ_EXPORT int zmq_socket_get_peer_state(void *socket, const void *routing_id,
                                         size_t size);

/* More of zmq_socket_monitor(). */
#define ZMQ_EVENT_PIPES_STATS 0x10000
#define ZMQ_EVENT_ALL_V1 ZMQ_EVENT_ALL
/* without parentheses, as programs have it */
#define ZMQ_EVENT_ALL_V2 ZMQ_EVENT_ALL_V1 | ZMQ_EVENT_PIPES_STATS
#define ZMQ_CURRENT_EVENT_VERSION 1
#define ZMQ_CURRENT_EVENT_VERSION_DRAFT 2

/* As zmq_socket_monitor(), on a PAIR, PUB or PUSH, in either form: version 2 is
 * event, number of values, the values (each uint64_t) and two addresses. */
ZMQ_EXPORT int zmq_socket_monitor_versioned(void *socket, const char *endpoint,
                                            uint64_t events, int event_version,
                                            int type);

/* Asks for one ZMQ_EVENT_PIPES_STATS a peer: how much waits to leave and to be
 * received. EINVAL: not monitored; EAGAIN: no peer. */
ZMQ_EXPORT int zmq_socket_monitor_pipes_stats(void *socket);

/* As zmq_poll(), with another signal mask while it waits; NULL keeps the
 * thread's. Strict C without POSIX has no sigset_t. */
#ifdef _WIN32
ZMQ_EXPORT int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout,
                         const void *signals);
#elif !defined(__STRICT_ANSI__) || defined(_GNU_SOURCE) ||                     \
    defined(_POSIX_C_SOURCE)
ZMQ_EXPORT int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout,
                         const sigset_t *signals);
#endif

/* What came true in a poller: of a socket, with fd -1, or of a descriptor, with
 * socket NULL. */
typedef struct zmq_poller_event_t {
  void *socket;
  zmq_fd_t fd;
  void *user_data;
  short events;
} zmq_poller_event_t;

/* A lasting set of what to wait for, to be given back with
 * zmq_poller_destroy(), which makes the pointer NULL. ENOMEM. */
ZMQ_EXPORT void *zmq_poller_new(void);
ZMQ_EXPORT int zmq_poller_destroy(void **poller);

/* How many sockets and descriptors it holds. */
ZMQ_EXPORT int zmq_poller_size(void *poller);

/* Sockets, which must be removed before they are closed. EINVAL: held already,
 * or not held, or events that do not exist. */
ZMQ_EXPORT int zmq_poller_add(void *poller, void *socket, void *user_data,
                              short events);
ZMQ_EXPORT int zmq_poller_modify(void *poller, void *socket, short events);
ZMQ_EXPORT int zmq_poller_remove(void *poller, void *socket);

/* The same for descriptors. EBADF for -1; EINVAL as for sockets. */
ZMQ_EXPORT int zmq_poller_add_fd(void *poller, zmq_fd_t fd, void *user_data,
                                 short events);
ZMQ_EXPORT int zmq_poller_modify_fd(void *poller, zmq_fd_t fd, short events);
ZMQ_EXPORT int zmq_poller_remove_fd(void *poller, zmq_fd_t fd);

/* Waits for one event, or for all there are, `count` at most: returns 0, or how
 * many. EAGAIN in time; EFAULT: would wait for ever for nothing. */
ZMQ_EXPORT int zmq_poller_wait(void *poller, zmq_poller_event_t *event,
                               long timeout);
ZMQ_EXPORT int zmq_poller_wait_all(void *poller, zmq_poller_event_t *events,
                                   int count, long timeout);

/* A descriptor that becomes readable with the poller; stays the poller's.
 * EINVAL before a thread-safe socket was added. */
ZMQ_EXPORT int zmq_poller_fd(void *poller, zmq_fd_t *fd);

#endif

#undef ZMQ_EXPORT

#ifdef __cplusplus
}
#endif

#endif
