/* Actors with keys, passwords and an answer to who may come in: what the tests
 * of security have in common. Nothing here fails but the test. */
#ifndef SECURED_H
#define SECURED_H

#include "rig.h"

enum {
  SECURED_REQUESTS_MAX = 600,
  SECURED_NAME_MAX = 300,
  SECURED_ZAP_PARTS_MAX = 16
};

typedef struct {
  char public_key[ZUV_CURVE_KEY_TEXT_SIZE];
  char secret_key[ZUV_CURVE_KEY_TEXT_SIZE];
} secured_keys_t;

/* Of the server, of a client that may come in, and of somebody else. */
extern secured_keys_t secured_server_keys;
extern secured_keys_t secured_client_keys;
extern secured_keys_t secured_other_keys;
/* cmocka's set-up of a group. */
int secured_make_keys(void **state);

/* ---- Actors ---- */

/* What was said of a peer. */
typedef struct {
  char mechanism[16];
  char user_id[SECURED_NAME_MAX]; /* "(none)": NULL */
} secured_peer_t;

/* What zuv_auth_t said when it came. */
typedef struct {
  int mechanism;
  char endpoint[RIG_TEXT_MAX];
  char address[RIG_TEXT_MAX];
  char domain[SECURED_NAME_MAX];
  char routing_id[SECURED_NAME_MAX];
  size_t routing_id_size;
  bool has_username;
  char username[SECURED_NAME_MAX];
  size_t username_size;
  bool has_password;
  char password[SECURED_NAME_MAX];
  size_t password_size;
  char public_key[ZUV_CURVE_KEY_TEXT_SIZE]; /* "": none */
} secured_question_t;

typedef struct {
  actor_t actor;         /* first */
  secured_peer_t ready;  /* of the last ZUV_EVENT_READY */
  secured_peer_t from;   /* of the last message */
  zuv_event_t failed[8]; /* the first ZUV_EVENT_HANDSHAKE_FAILED */
  uint64_t delays[16];   /* of the first ZUV_EVENT_CONNECT_RETRIED */
  /* authentication */
  int verdict;         /* 200: let in; 0: do not answer; else deny */
  const char *user_id; /* of who is let in */
  size_t asked;
  secured_question_t question;                /* the last */
  zuv_auth_t *requests[SECURED_REQUESTS_MAX]; /* that were not answered */
} secured_t;

/* As actor_open(), with what is needed to try again soon. */
void secured_open(secured_t *s, zuv_context_t *context, uv_loop_t *loop,
                  int type);
void secured_set_text(secured_t *s, int option, const char *text);
void secured_curve_server(secured_t *s);
/* A client with the keys of secured_client_keys. */
void secured_curve_client(secured_t *s);
void secured_curve_client_with(secured_t *s, const secured_keys_t *keys,
                               const char *server_key);
void secured_plain_server(secured_t *s);
void secured_plain_client(secured_t *s, const char *username,
                          const char *password);
/* The same by number; a client of PLAIN is "alice" with "her password". */
void secured_set_server(secured_t *s, int mechanism);
void secured_set_client(secured_t *s, int mechanism);
/* zuv_auth_start() with an answer as in `verdict`. */
void secured_ask(secured_t *s, int verdict, const char *user_id);
void secured_on_auth(zuv_socket_t *socket, zuv_auth_t *request);

/* What the process's tests run over: "tcp", or "ipc" by argv[1]. */
extern const char *secured_transport;
void secured_bind(secured_t *s, char endpoint[RIG_TEXT_MAX]);

static inline size_t secured_failures(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED];
}

static inline size_t secured_losses(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_DISCONNECTED];
}

static inline bool secured_is_ready(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_READY] > 0;
}

/* Requires the last failure, or the `index`-th. */
void secured_expect_failure(const secured_t *s, int status, int reason,
                            int peer_status);
void secured_expect_failure_at(const secured_t *s, size_t index, int status,
                               int reason, int peer_status);
/* The peer hung up. */
void secured_expect_hang_up(const secured_t *s);

/* ---- Two of them ---- */

typedef struct {
  rig_t rig;
  secured_t server;
  secured_t client;
  char endpoint[RIG_TEXT_MAX];
} ends_t;

void ends_open(ends_t *ends, int server_type, int client_type);
void ends_set(ends_t *ends, int mechanism);
/* Binds and connects. */
void ends_join(ends_t *ends);
void ends_wait_ready(ends_t *ends);
/* All that, with everybody let in. */
void ends_start(ends_t *ends, int mechanism, int server_type, int client_type);
/* Closes what is not closing yet. */
void ends_close(ends_t *ends);

/* ---- A ZAP handler ---- */

typedef struct {
  actor_t actor; /* first: REP, or ROUTER */
  /* the last request, from the version on */
  size_t count;
  char parts[SECURED_ZAP_PARTS_MAX][SECURED_NAME_MAX];
  size_t sizes[SECURED_ZAP_PARTS_MAX];
  size_t asked;
  /* The reply: parts joined by '|', where '#' is the request's id. NULL: none
   * is given. */
  const char *reply;
} secured_handler_t;

/* Bound to inproc://zeromq.zap.01, and lets everybody in. */
void secured_handler_open(secured_handler_t *handler, zuv_context_t *context,
                          uv_loop_t *loop);
/* The reply of the last request. */
int secured_handler_answer(secured_handler_t *handler);

#endif /* SECURED_H */
