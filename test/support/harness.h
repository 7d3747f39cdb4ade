/* What the socket tests stand on: a loop with a deadline, sockets that collect
 * what they receive and what happens to them, and messages as text.
 *
 * A message is written and shown as text: its parts joined by '|', a byte that
 * is not printable (or is '|' or '\') as \xNN. "a||b" has three parts, the
 * second one empty; "" is one empty part.
 *
 * Waiting is always for a condition: harness_wait() runs the loop until it
 * holds, or fails the test when the deadline passes. One harness belongs to one
 * thread; failing is cmocka's, so only the main thread may use what fails. */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zuv.h"

enum {
  HARNESS_DEADLINE_MS = 15000, /* of one harness_wait() */
  HARNESS_QUIET_MS = 30,       /* of harness_settle() */
  HARNESS_SOCKETS_MAX = 128,
  HARNESS_RESERVED_MAX = 8,
  HARNESS_PARTS_MAX = 16,
  HARNESS_TEXT_MAX = 256
};

typedef enum {
  HARNESS_TCP,
  HARNESS_IPC,
  HARNESS_IPC_ABSTRACT,
  HARNESS_INPROC,              /* bind first */
  HARNESS_INPROC_CONNECT_FIRST /* connect first */
} harness_transport_t;

typedef struct {
  void *data; /* ends with a NUL that `size` does not count */
  size_t size;
} harness_part_t;

typedef struct {
  char *text; /* the whole message; long parts as "<N bytes>" */
  size_t count;
  harness_part_t *parts;
  /* of the peer it came from; peer_type is -2 when there was none */
  int peer_type;
  char peer_address[64];
  char peer_endpoint[HARNESS_TEXT_MAX];
  char peer_mechanism[16];
  char peer_routing_id[HARNESS_TEXT_MAX]; /* as text */
} harness_message_t;

typedef struct {
  zuv_event_type type;
  int status;
  int reason;
  int peer_type; /* -2 without a peer */
  uint64_t delay_ms;
  uint64_t count;
  uint64_t time_ms;
  int peer_status;
  int fd;
  int connecting;
  char endpoint[HARNESS_TEXT_MAX];
  char local[HARNESS_TEXT_MAX];
  char remote[HARNESS_TEXT_MAX];
  char address[64];
} harness_event_t;

struct harness_s;

typedef struct {
  zuv_socket_t zuv; /* first: a zuv_socket_t* of ours is one of these */
  struct harness_s *harness;
  harness_message_t *messages;
  size_t received; /* messages */
  size_t messages_room;
  harness_event_t *events;
  size_t happened; /* events */
  size_t events_room;
  uint64_t dropped;      /* as told by ZUV_EVENT_DROPPED */
  size_t writable_calls; /* of harness_on_writable() */
  bool closing;
  bool closed;
} harness_socket_t;

typedef struct harness_s {
  uv_loop_t loop;
  zuv_context_t own_context;
  zuv_context_t *context; /* of the sockets: own_context unless changed */
  uv_timer_t deadline;
  bool expired;
  harness_socket_t *sockets[HARNESS_SOCKETS_MAX];
  size_t socket_count;
  int reserved[HARNESS_RESERVED_MAX]; /* file descriptors that hold ports */
  size_t reserved_count;
  char directory[64]; /* for ipc files, or "" */
  unsigned name_count;
} harness_t;

/* What the tests of this process run over. */
extern harness_transport_t harness_transport;
bool harness_is_inproc(void);
bool harness_is_tcp(void);

/* Reads the transport's name from argv[1]: tcp (also the default), ipc,
 * ipc-abstract, inproc, inproc-connect-first. False: unknown. */
bool harness_take_arguments(int argc, char **argv);

/* ---- Life ---- */

void harness_init(harness_t *h);
/* Closes everything without linger, and requires that the loop ends empty. */
void harness_finish(harness_t *h);
/* cmocka set-up and tear-down: *state is a harness_t. */
int harness_setup(void **state);
int harness_teardown(void **state);

/* A test with its own harness. */
#define harness_test(function)                                                 \
  cmocka_unit_test_setup_teardown(function, harness_setup, harness_teardown)

/* ---- The loop ---- */

/* Runs the loop until the condition holds. */
#define harness_wait(h, condition)                                             \
  do {                                                                         \
    harness_wait_begin(h);                                                     \
    while (!(condition))                                                       \
      harness_wait_step(h, #condition, __FILE__, __LINE__);                    \
    harness_wait_end(h);                                                       \
  } while (0)
void harness_wait_begin(harness_t *h);
void harness_wait_step(harness_t *h, const char *condition, const char *file,
                       int line);
void harness_wait_end(harness_t *h);

/* Runs the loop a while. Only to show that something does not happen: a test
 * that depends on it for what must happen is wrong. */
void harness_run_for(harness_t *h, uint64_t ms);
void harness_settle(harness_t *h);
/* Milliseconds of a steady clock. */
uint64_t harness_now_ms(void);

/* ---- Sockets ---- */

/* A socket that tells of its events and, where it can, receives. It lives until
 * the harness ends. */
harness_socket_t *harness_socket(harness_t *h, int type);
/* The same without zuv_recv_start(). */
harness_socket_t *harness_deaf_socket(harness_t *h, int type);
void harness_set(harness_socket_t *s, int option, int value);
void harness_set_text(harness_socket_t *s, int option, const char *text);
int harness_get(harness_socket_t *s, int option);
void harness_subscribe(harness_socket_t *s, const char *topic);
void harness_unsubscribe(harness_socket_t *s, const char *topic);
void harness_receive(harness_socket_t *s);
void harness_stop_receiving(harness_socket_t *s);
/* Closes it and waits for the close callback. */
void harness_close(harness_socket_t *s);
/* Closes it; `closed` tells when it is. */
void harness_close_begin(harness_socket_t *s);

/* ---- Endpoints ---- */

/* A text that nobody is bound to: to bind later, or never. A tcp port of it is
 * reserved for this harness, and refuses connections until it is bound. Room of
 * all texts: HARNESS_TEXT_MAX. */
void harness_fresh_endpoint(harness_t *h, char *text);
void harness_last_endpoint(harness_socket_t *s, char *text);
/* Binds a fresh endpoint; `text` gets what to connect to. */
void harness_bind(harness_socket_t *s, char *text);
void harness_connect(harness_socket_t *s, const char *text);
/* Joins two sockets over the transport, in its order, and waits until both see
 * each other. `text` (may be NULL) gets the endpoint. */
void harness_join(harness_socket_t *binder, harness_socket_t *connecter,
                  char *text);
/* Waits until `s` has seen `count` peers become ready (no-op over inproc). */
void harness_wait_ready(harness_socket_t *s, size_t count);
/* Waits until `s` has lost `count` peers; over inproc runs the loop. */
void harness_wait_lost(harness_socket_t *s, size_t count);

/* ---- Messages ---- */

/* zuv_try_send() of the text. */
int harness_try_send(harness_socket_t *s, const char *text);
/* The same, required to succeed. */
void harness_send(harness_socket_t *s, const char *text);
/* Tries until there is room. */
void harness_send_waiting(harness_socket_t *s, const char *text);
/* zuv_try_send() of a part of `size` equal bytes. */
int harness_try_send_size(harness_socket_t *s, size_t size, char byte);
/* Sends numbers "<prefix>0", "<prefix>1"... until one fails or `most` were
 * taken; how many. */
size_t harness_fill(harness_socket_t *s, const char *prefix, size_t most);
/* zuv_send() of the text. */
int harness_request(zuv_send_t *request, harness_socket_t *s, const char *text,
                    zuv_send_cb send_cb);

/* Turns text into parts and back. Room for parts: HARNESS_PARTS_MAX. */
size_t harness_parts(const char *text, zuv_msg_t *parts);
void harness_parts_close(zuv_msg_t *parts, size_t count);
void harness_escape(const void *data, size_t size, char *text, size_t room);

/* Waits for message `index` and requires its text. */
#define harness_expect(s, index, expected)                                     \
  do {                                                                         \
    harness_wait((s)->harness, (s)->received > (index));                       \
    assert_string_equal((s)->messages[index].text, expected);                  \
  } while (0)
/* Waits for the next message not yet expected this way, and forgets it. */
#define harness_expect_next(s, expected)                                       \
  do {                                                                         \
    harness_wait((s)->harness, (s)->received > 0);                             \
    assert_string_equal((s)->messages[0].text, expected);                      \
    harness_forget_first(s);                                                   \
  } while (0)
void harness_forget_first(harness_socket_t *s);
void harness_forget_messages(harness_socket_t *s);
/* The text of part `part` of message `index`: good for sending it back. */
const char *harness_part(harness_socket_t *s, size_t index, size_t part);

/* ---- Events ---- */

size_t harness_events(const harness_socket_t *s, zuv_event_type type);
/* The index-th of its type, or NULL. */
const harness_event_t *harness_event(const harness_socket_t *s,
                                     zuv_event_type type, size_t index);
void harness_forget_events(harness_socket_t *s);
#define harness_wait_event(s, type, at_least)                                  \
  harness_wait((s)->harness, harness_events(s, type) >= (at_least))

#endif /* HARNESS_H */
