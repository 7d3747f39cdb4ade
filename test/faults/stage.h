/* What the scenarios of the native API stand on: a loop and a context, sockets
 * that talk, and calls that are repeated when there was no memory for them. A
 * message that was taken arrives whole, or an event tells of a loss. */
#ifndef STAGE_H
#define STAGE_H

#include "socket/hostile/secured.h"
#include "sweep.h"

enum { STAGE_TALKERS_MAX = 40 };

typedef enum { TCP, IPC, INPROC, INPROC_CONNECT_FIRST } transport_t;

/* What they talk about: a few octets, a megabyte, many parts. */
typedef enum { SMALL, LARGE, MANY, KINDS } kind_t;

typedef struct {
  secured_t s;                  /* first */
  bool lossy;                   /* what it sends may be lost without a word */
  char connected[RIG_TEXT_MAX]; /* the endpoint, or "" */
  const char *calls_peer; /* CONNECT_ROUTING_ID of its connects, or NULL */
  size_t accepted;        /* messages that zuv_try_send() took */
  size_t heard[KINDS];
  size_t lead; /* parts of the last message before those of its kind */
  struct {
    uint8_t id[255];
    size_t size;
  } from; /* the first part of the last message, of a ROUTER */
  struct {
    bool done;
    uint64_t tick;
    size_t losses;
  } sent[KINDS];
} talker_t;

typedef struct {
  rig_t rig;
  zuv_context_t context;
  const scenario_t *scenario;
  talker_t *talkers[STAGE_TALKERS_MAX];
  size_t count;
} stage_t;

extern stage_t *stage;

/* Makes loop and context. */
void stage_open(const scenario_t *scenario);
/* Closes all sockets, waits for their callbacks, and puts everything away. */
void stage_close(void);

/* Repeats a call that fails for memory, if it really did, and requires that it
 * succeeds in the end. */
#define must(call)                                                             \
  do {                                                                         \
    size_t must_failed;                                                        \
    int must_result;                                                           \
    do {                                                                       \
      must_failed = failing_failed();                                          \
      must_result = (call);                                                    \
    } while (stage_repeats(must_result, must_failed));                         \
    if (must_result != 0)                                                      \
      fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call,                     \
               zuv_err_name(must_result));                                     \
  } while (0)
/* There was no memory for the call: it may be repeated. */
bool stage_repeats(int result, size_t failed_before);

/* Runs the loop until `done` says so. It is asked outside of callbacks, and may
 * do things. */
void stage_until(bool (*done)(void));
/* An ipc endpoint of this process alone. */
const char *stage_ipc_path(void);
/* Events that tell of messages or connections lost, of all sockets. */
size_t stage_losses(void);

/* ---- Talkers ---- */

/* A socket that receives, tells of its events and tries again soon. */
talker_t *talker_new(int type);
void talker_set_text(talker_t *talker, int option, const char *text);
/* Over the transport of the scenario. */
void talker_bind(talker_t *talker);
void talker_connect(talker_t *talker, talker_t *binder);
void talkers_join(talker_t *binder, talker_t *connecter);
/* What it has sent with talker_send() alone is waiting, out or lost. */
void talker_expect_balance(const talker_t *talker);
/* Closes it and waits for the callback. */
void talker_close(talker_t *talker);

/* ---- Talking ---- */

/* Room for the parts of any kind, and two before them. */
enum { PARTS_MAX = 8 };
/* The parts of a message. 0 and *count, or UV_ENOMEM. */
int kind_parts(kind_t kind, zuv_msg_t *parts, size_t *count);
/* zuv_try_send() of it, behind a routing id if that is not NULL. Answers what
 * that does, UV_ENOMEM also for the parts. */
int talker_send(talker_t *talker, kind_t kind, const void *id, size_t id_size);
/* Sends what `to` has not heard, again if it was lost. True: it has heard all
 * up to and with the kind. */
bool talkers_talk(talker_t *from, talker_t *to, kind_t up_to);
/* zuv_recv_cb: notes a message, which must be whole. */
void talker_on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer);

#endif /* STAGE_H */
