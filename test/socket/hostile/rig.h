/* What the tests of bad input and of life cycles stand on: a loop that runs
 * until a condition holds, sockets that count what happens to them, and raw
 * peers that send any bytes. Called by the tests of this folder. What fails
 * here fails the test, so only the main thread may use it. */
#ifndef RIG_H
#define RIG_H

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
  RIG_DEADLINE_MS = 15000,
  RIG_TEXT_MAX = 256,
  RIG_EVENT_TYPES = 16,
  RIG_WIRE_MAX = 4096
};

/* ---- The loop ---- */

typedef struct rig_s {
  uv_loop_t loop;
  uv_timer_t tick; /* conditions are looked at again every 2 ms */
  void (*on_tick)(struct rig_s *rig);
  uint64_t ticks;
  uint64_t deadline;
} rig_t;

void rig_open(rig_t *rig);
/* Runs what is left, and requires that the loop closes. */
void rig_close(rig_t *rig);

/* Runs the loop until the condition holds. */
#define rig_until(rig, condition)                                              \
  do {                                                                         \
    rig_until_begin(rig);                                                      \
    while (!(condition))                                                       \
      rig_until_step(rig, #condition, __FILE__, __LINE__);                     \
    rig_until_end(rig);                                                        \
  } while (0)
void rig_until_begin(rig_t *rig);
void rig_until_step(rig_t *rig, const char *condition, const char *file,
                    int line);
void rig_until_end(rig_t *rig);

/* Runs the loop for a while, to show that something does not happen. */
void rig_run_for(rig_t *rig, uint64_t ms);
uint64_t rig_now_ms(void);

/* An address of loopback for this process alone: connectors of other tests that
 * try a port again must not reach ours when it was theirs before. */
const char *rig_address(void);
/* "tcp://" that address ":*" */
const char *rig_any_port(void);

/* ---- Sockets ---- */

typedef struct {
  zuv_socket_t zuv; /* first: a zuv_socket_t* of ours is one of these */
  size_t received;
  size_t count;            /* parts of the last message */
  size_t size;             /* bytes of its parts */
  char text[RIG_TEXT_MAX]; /* its parts joined by '|', cut to fit */
  size_t events[RIG_EVENT_TYPES];
  zuv_event_t last[RIG_EVENT_TYPES]; /* without pointers */
  size_t closed;
} actor_t;

/* A socket that receives, if its type can, and tells of its events. */
void actor_open(actor_t *actor, zuv_context_t *context, uv_loop_t *loop,
                int type);
void actor_note_message(actor_t *actor, zuv_msg_t *parts, size_t count);
void actor_on_event(zuv_socket_t *socket, const zuv_event_t *event);
void actor_on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                   zuv_peer_t *peer);
void actor_on_close(zuv_socket_t *socket);
void actor_set(actor_t *actor, int option, int value);
/* Binds to a free port of rig_address() and fills `endpoint`. */
void actor_bind(actor_t *actor, char endpoint[RIG_TEXT_MAX]);
void actor_connect(actor_t *actor, const char *endpoint);
/* zuv_try_send() of parts joined by '|'. */
int actor_send(actor_t *actor, const char *text);
/* Closes it without linger and waits for the callback. */
void actor_close(rig_t *rig, actor_t *actor);

/* ---- Raw peers ---- */

/* Bytes for the wire, put together piece by piece. */
typedef struct {
  uint8_t bytes[RIG_WIRE_MAX];
  size_t size;
} wire_t;

void wire_put(wire_t *wire, const void *bytes, size_t size);
/* A greeting of ZMTP `major`.`minor`. */
void wire_greeting(wire_t *wire, int major, int minor, const char *mechanism);
/* A frame of any flags; long if the flags say so. */
void wire_frame(wire_t *wire, int flags, const void *body, size_t size);
/* The header of a long frame. */
void wire_long_header(wire_t *wire, int flags, uint64_t size);
/* A command frame: a name and its data. */
void wire_command(wire_t *wire, const char *name, const void *data,
                  size_t size);
void wire_ready(wire_t *wire, const char *type, const void *routing_id,
                size_t size);
/* Greeting and READY of a peer that behaves so far. */
void wire_handshake(wire_t *wire, const char *type);

/* A connection to an endpoint that actor_bind() told. */
int raw_connect(const char *endpoint);
/* A listener, and the endpoint to connect to. */
int raw_listen(char endpoint[RIG_TEXT_MAX]);
/* A port of ours where nobody listens: connects are refused, until listen(). */
int raw_reserve(char endpoint[RIG_TEXT_MAX]);
/* A listener that lets nobody in any more: who connects goes on trying. Ended
 * by raw_listen_full_end(). */
typedef struct {
  int listener;
  int waiting[4];
} raw_full_t;
void raw_listen_full(raw_full_t *full, char endpoint[RIG_TEXT_MAX]);
void raw_listen_full_end(raw_full_t *full);
/* Waits for the next connection. */
int raw_accept(rig_t *rig, int listener);
/* Sends all while the loop runs. False: the other side closed. */
bool raw_send(rig_t *rig, int fd, const void *bytes, size_t size);
bool raw_send_wire(rig_t *rig, int fd, const wire_t *wire);
/* Reads and forgets what is there. True: the other side closed. */
bool raw_is_closed(int fd);
/* The bytes that are there now. */
size_t raw_read(int fd, void *bytes, size_t room);

#endif /* RIG_H */
