/* A server that decides who may come in, a client, and a crowd of clients: what
 * the tests of authentication have in common. Each test begins with the two of
 * them, unconnected, and ends with nothing of zuv in memory. */
#ifndef AUTH_STAGE_H
#define AUTH_STAGE_H

#include "hostile/counting.h"
#include "hostile/secured.h"

enum { QUIET_MS = 40, CROWD = 40 };

extern ends_t stage;

/* cmocka's set-up and tear-down. */
int stage_open(void **state);
int stage_close(void **state);
#define stage_test(function)                                                   \
  cmocka_unit_test_setup_teardown(function, stage_open, stage_close)

/* Waits for so many requests. */
void wait_asked(size_t count);
/* The two join with this mechanism, up to a request without an answer. */
void wait_for_request(int mechanism);
/* A request that was not answered. */
zuv_auth_t *request(size_t index);
/* The client sends a message, and the server gets it. */
void hello(void);

/* Who connects leaves from the usual address of loopback. */
#define CLIENT_IP "127.0.0.1"

/* Requires a peer's address, for tcp with this IP address. */
void expect_address(const char *address, const char *ip);

/* ---- Many clients ---- */

extern struct crowd_s {
  secured_t clients[CROWD];
  char names[CROWD][32];
  size_t matched;
} crowd;

/* Connects them to stage.endpoint; `prepare` sets their options. */
void crowd_open(void (*prepare)(secured_t *client, const char *name));
/* PLAIN with their names, and CURVE with these as routing ids. */
void with_name(secured_t *client, const char *name);
void with_id(secured_t *client, const char *name);
/* Each sends its name when it is ready, and must be known by it. */
void crowd_speaks(void);
void crowd_close(void);

#endif /* AUTH_STAGE_H */
