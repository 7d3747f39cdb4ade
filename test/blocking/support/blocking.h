/* What the tests of the blocking API stand on: a context and sockets that end
 * with the test, a transport to run over, messages as text, and waiting with a
 * deadline. Only zmq.h is used, so that a test can be linked with any libzmq.
 *
 * A message is written and shown as text: its parts joined by '|', a byte that
 * is not printable (or is '|' or '\') as \xNN. "a||b" has three parts, the
 * second one empty; "" is one empty part.
 *
 * Waiting is always for something to happen, and fails the test when the
 * deadline passes. Failing is cmocka's: only the main thread may use what can
 * fail; other threads use zmq.h and what is marked "any thread". */
#ifndef BLOCKING_H
#define BLOCKING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmq.h"

enum {
  BLOCKING_DEADLINE_MS = 15000, /* of everything that waits */
  BLOCKING_QUIET_MS = 40,       /* of blocking_settle() */
  BLOCKING_SOCKETS_MAX = 128,
  BLOCKING_RESERVED_MAX = 8,
  BLOCKING_PARTS_MAX = 16,
  BLOCKING_TEXT_MAX = 256
};

typedef enum {
  BLOCKING_TCP,
  BLOCKING_IPC,
  BLOCKING_INPROC,              /* bind first */
  BLOCKING_INPROC_CONNECT_FIRST /* connect first */
} blocking_transport_t;

typedef struct {
  void *context; /* NULL when the test terminated it */
  void *sockets[BLOCKING_SOCKETS_MAX];
  size_t socket_count;
  int reserved[BLOCKING_RESERVED_MAX]; /* file descriptors that hold ports */
  size_t reserved_count;
  char directory[64]; /* for ipc files, or "" */
  unsigned name_count;
} blocking_t;

/* What the tests of this process run over. */
extern blocking_transport_t blocking_transport;
bool blocking_is_inproc(void);
bool blocking_is_tcp(void);
/* Whether the library under test is ours: for what we do better. Any thread. */
bool blocking_is_zuv(void);

/* Reads the transport's name from argv[1]: tcp (also the default), ipc, inproc,
 * inproc-connect-first. False: unknown. */
bool blocking_take_arguments(int argc, char **argv);

/* ---- Life ---- */

/* cmocka set-up and tear-down: *state is a blocking_t. The tear-down closes
 * every socket made by blocking_socket() without linger, then terminates. */
int blocking_setup(void **state);
int blocking_teardown(void **state);

/* A test with its own context. */
#define blocking_test(function)                                                \
  cmocka_unit_test_setup_teardown(function, blocking_setup, blocking_teardown)

/* Closes all sockets without linger and terminates the context now. */
void blocking_end(blocking_t *b);
/* The same, but with a new context afterwards. */
void blocking_restart(blocking_t *b);

/* ---- Sockets ---- */

void *blocking_socket(blocking_t *b, int type);
/* zmq_close() with the linger it has. */
void blocking_close(blocking_t *b, void *socket);
/* Leaves closing it to the test. */
void blocking_forget(blocking_t *b, void *socket);
void blocking_set(void *socket, int option, int value);
void blocking_set_text(void *socket, int option, const char *text);
int blocking_get(void *socket, int option);
/* A text option; room: BLOCKING_TEXT_MAX. */
void blocking_get_text(void *socket, int option, char *text);
/* Both high-water marks. */
void blocking_set_hwm(void *socket, int send, int receive);

/* ---- Endpoints ---- */

/* A text that nobody is bound to: to bind later, or never. A tcp port of it is
 * reserved for this test, and refuses connections until it is bound. Room of
 * all texts: BLOCKING_TEXT_MAX. */
void blocking_fresh_endpoint(blocking_t *b, char *endpoint);
/* Binds a wildcard or fresh endpoint; `endpoint` gets what to connect to. */
void blocking_bind(blocking_t *b, void *socket, char *endpoint);
void blocking_bind_to(void *socket, const char *endpoint);
void blocking_connect(void *socket, const char *endpoint);
/* Binds one and connects the other, in the order of the transport, and does not
 * wait for more. `endpoint` may be NULL. */
void blocking_attach(blocking_t *b, void *binder, void *connecter,
                     char *endpoint);
/* The same, and waits until both have finished the handshake. */
void blocking_join(blocking_t *b, void *binder, void *connecter,
                   char *endpoint);
/* Two new sockets, joined. */
void blocking_pair(blocking_t *b, int bind_type, int connect_type, void **bound,
                   void **connected);

/* ---- Messages ---- */

/* Sends the parts with `flags`; 0 or the errno of the first part that failed.
 * Any thread. */
int blocking_try_send(void *socket, const char *text, int flags);
/* The same, waiting for room up to the deadline, and required to succeed. */
void blocking_send(void *socket, const char *text);
/* The next message as text, or NULL when there is none within `timeout_ms` or
 * receiving failed (errno). To be freed. Any thread. */
char *blocking_receive(void *socket, int timeout_ms);
/* Sends "<prefix>0", "<prefix>1"... with DONTWAIT until one fails or `most`
 * were taken; how many. */
size_t blocking_fill(void *socket, const char *prefix, size_t most);
/* Receives what is there without waiting (whole messages); how many. */
size_t blocking_drain(void *socket);
/* Turns text into bytes of one part up to the next '|' and back. Any thread. */
const char *blocking_unescape(const char *text, char *bytes, size_t *size);
void blocking_escape(const void *data, size_t size, char *text, size_t room);

/* Waits for the next message and requires its text. */
#define blocking_expect(socket, expected)                                      \
  blocking_expect_at(socket, expected, __FILE__, __LINE__)
void blocking_expect_at(void *socket, const char *expected, const char *file,
                        int line);
/* Requires "<prefix><first>" up to "<prefix><last - 1>". */
#define blocking_expect_numbers(socket, prefix, first, last)                   \
  blocking_expect_numbers_at(socket, prefix, first, last, __FILE__, __LINE__)
void blocking_expect_numbers_at(void *socket, const char *prefix, size_t first,
                                size_t last, const char *file, int line);
/* Requires that a quiet time brings no message. */
#define blocking_expect_nothing(socket)                                        \
  blocking_expect_nothing_at(socket, __FILE__, __LINE__)
void blocking_expect_nothing_at(void *socket, const char *file, int line);
/* Requires that the call fails (-1, or NULL of a pointer) and sets errno. */
#define blocking_expect_errno(call, expected)                                  \
  blocking_expect_errno_at((errno = 0, (intptr_t)(call)),                      \
                           blocking_failure_of(call), expected, #call,         \
                           __FILE__, __LINE__)
/* clang-format off */
#define blocking_failure_of(call) _Generic((call), int: -1, long: -1, default: 0)
/* clang-format on */
void blocking_expect_errno_at(intptr_t result, intptr_t failure, int expected,
                              const char *call, const char *file, int line);
/* Requires that the call returns 0. */
#define blocking_expect_ok(call)                                               \
  blocking_expect_ok_at((call), #call, __FILE__, __LINE__)
void blocking_expect_ok_at(int result, const char *call, const char *file,
                           int line);

/* ---- Waiting ---- */

/* Waits until the condition holds, looking every millisecond. */
#define blocking_wait(condition)                                               \
  do {                                                                         \
    uint64_t blocking_until = blocking_now_ms() + BLOCKING_DEADLINE_MS;        \
    while (!(condition))                                                       \
      blocking_wait_step(blocking_until, #condition, __FILE__, __LINE__);      \
  } while (0)
void blocking_wait_step(uint64_t until, const char *condition, const char *file,
                        int line);
/* Waits until the socket has all of ZMQ_POLLIN, ZMQ_POLLOUT that are asked. */
#define blocking_wait_events(socket, events)                                   \
  blocking_wait((blocking_events(socket) & (events)) == (events))
/* Waits until it has none of them. */
#define blocking_wait_no_events(socket, events)                                \
  blocking_wait((blocking_events(socket) & (events)) == 0)
/* ZMQ_EVENTS. */
int blocking_events(void *socket);
/* A quiet time. Only to show that something does not happen: a test that
 * depends on it for what must happen is wrong. Any thread. */
void blocking_settle(void);
void blocking_sleep_ms(unsigned ms); /* any thread */
/* Milliseconds of a steady clock. Any thread. */
uint64_t blocking_now_ms(void);

/* ---- Monitors ---- */

/* A PAIR that tells of the events (ZMQ_EVENT_*) of a socket. */
void *blocking_monitor(blocking_t *b, void *socket, int events);
/* Ends it, and closes the PAIR. */
void blocking_monitor_end(blocking_t *b, void *socket, void *monitor);
/* The next event, and its value and address (both may be NULL; room of the
 * address: BLOCKING_TEXT_MAX); 0 when none comes within `timeout_ms`. */
int blocking_next_event(void *monitor, uint32_t *value, char *address,
                        int timeout_ms);
/* Skips events until one of that kind comes; its value. */
uint32_t blocking_wait_monitor(void *monitor, int event);

/* ---- Named endpoints ---- */

/* Binds; `endpoint` gets what to connect to. */
void blocking_bind_resolved(void *socket, const char *text, char *endpoint);
/* An ipc endpoint in the abstract namespace, of this process. */
void blocking_abstract_name(const char *name, char *endpoint);
/* Requires that ZMQ_LAST_ENDPOINT is this text. */
#define blocking_expect_last(socket, expected)                                 \
  blocking_expect_last_at(socket, expected, __FILE__, __LINE__)
void blocking_expect_last_at(void *socket, const char *expected,
                             const char *file, int line);
/* Requires that something goes through `endpoint` from a new PUSH to `pull`. */
void blocking_expect_reaches(blocking_t *b, void *pull, const char *endpoint,
                             bool ipv6);

#endif /* BLOCKING_H */
