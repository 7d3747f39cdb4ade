/* What the scenarios of zmq.h stand on: a context whose sockets are all closed
 * in the end, calls that are repeated when there was no memory for them, and
 * messages that are sent until they are heard. */
#ifndef BLOCKING_STAGE_H
#define BLOCKING_STAGE_H

#include <errno.h>

#include "sweep.h"
#include "zmq.h"
#include "zmq_utils.h"

enum { BLOCKING_TEXT_MAX = 256, BLOCKING_SOCKETS_MAX = 24 };

typedef struct {
  void *context;
  void *sockets[BLOCKING_SOCKETS_MAX];
  size_t count;
  uint64_t deadline;
} blocking_stage_t;

extern blocking_stage_t blocking;

/* So many handles are never given back: before a sweep, so many are made that
 * no more are needed. */
void blocking_make_handles(void);

/* 0: with the default number of I/O threads. */
void blocking_open(int io_threads);
/* Closes what is open, and ends the context. */
void blocking_close(void);

/* Repeats a call that fails for memory, if it really did. For expressions that
 * are -1, or NULL, on error. */
#define must_not(failure, call)                                                \
  ({                                                                           \
    size_t must_failed = failing_failed();                                     \
    __typeof__(call) must_result = (call);                                     \
    while (must_result == (failure) && blocking_repeats(must_failed)) {        \
      must_failed = failing_failed();                                          \
      must_result = (call);                                                    \
    }                                                                          \
    if (must_result == (failure))                                              \
      fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call,                     \
               zmq_strerror(errno));                                           \
    must_result;                                                               \
  })
#define must(call) (void)must_not(-1, call)
/* errno is ENOMEM, and there was a reason. */
bool blocking_repeats(size_t failed_before);

/* A socket that tries again soon and waits for 15 ms at most. */
void *blocking_socket(int type);
/* Out of the stage's hands. */
void blocking_close_socket(void *socket);
void blocking_set(void *socket, int option, int value);
void blocking_set_text(void *socket, int option, const char *text);
/* Binds to "tcp", "ipc", or an inproc endpoint, and tells which it became. */
void blocking_bind(void *socket, const char *where,
                   char endpoint[BLOCKING_TEXT_MAX]);
void blocking_connect(void *socket, const char *endpoint);
/* Both; with `connect_first` over inproc only. */
void blocking_join(void *binder, void *connecter, const char *where,
                   bool connect_first);

/* Fails when a scenario takes too long. */
void blocking_check_deadline(void);

/* Of a kind is a message of a few octets, a large one, or one of many parts;
 * all begin with the text `lead`, as a first part, unless that is NULL. */
enum { BLOCKING_SMALL, BLOCKING_LARGE, BLOCKING_MANY, BLOCKING_KINDS };
/* As zmq_send(). */
int blocking_send(void *socket, const char *lead, int kind);
/* Receives a whole message: its kind, or -1 and errno. `lead` gets the first
 * part, unless it is NULL. */
int blocking_receive(void *socket, char lead[BLOCKING_TEXT_MAX]);
/* Sends each kind until it is heard. */
void blocking_talk(void *from, void *to);

#endif /* BLOCKING_STAGE_H */
