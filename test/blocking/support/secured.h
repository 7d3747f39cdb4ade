/* Sockets with a security mechanism, and what their monitors tell of the
 * handshake between two of them. */
#ifndef SECURED_H
#define SECURED_H

#include "support/blocking.h"
#include "support/monitored.h"

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93 /* a draft name, in any libzmq */
#endif

enum { SECURED_KEY_TEXT = 41 /* a key as Z85, with its NUL */ };

typedef struct {
  char public_key[SECURED_KEY_TEXT];
  char secret_key[SECURED_KEY_TEXT];
} secured_keys_t;

void secured_make_keys(secured_keys_t *keys);

/* ---- Roles ---- */

void secured_plain_server(void *socket);
void secured_plain_client(void *socket, const char *username,
                          const char *password);
void secured_curve_server(void *socket, const secured_keys_t *server);
/* `client` NULL: with keys of its own that nobody knows. */
void secured_curve_client(void *socket, const secured_keys_t *client,
                          const char *server_public_key);

/* ---- Two sockets with monitors ---- */

/* The one that binds, the server unless a test says otherwise, and the one that
 * connects, and tries again every 20 to 40 ms. */
typedef struct {
  void *server;
  void *client;
  void *of_server; /* the monitors */
  void *of_client;
  char endpoint[BLOCKING_TEXT_MAX];
} secured_pair_t;

/* Makes the sockets and monitors. */
void secured_make(blocking_t *b, secured_pair_t *pair, int server_type,
                  int client_type);
/* Binds and connects, and waits until the kernel has connected them. */
void secured_connect(blocking_t *b, secured_pair_t *pair);
/* Both ends in one: secured_make() for PAIR sockets with these mechanisms. */
void secured_make_plain(blocking_t *b, secured_pair_t *pair);
void secured_make_curve(blocking_t *b, secured_pair_t *pair);

/* Closes the sockets, to make others. The monitors stay: one that goes before
 * its socket has ended may stop all sockets of a context. */
void secured_close(blocking_t *b, secured_pair_t *pair);

/* Requires that both tell next that the handshake is done. */
void secured_expect_success(secured_pair_t *pair);
/* Requires that something passes each way between two that can both send. */
void secured_expect_traffic(secured_pair_t *pair);
/* Requires that one tells next of this failure, and then that it is
 * disconnected; with libzmq not always at once. */
#define secured_expect_failure(monitor, event, value)                          \
  secured_expect_failure_at(monitor, event, value, #event, __FILE__, __LINE__)
void secured_expect_failure_at(void *monitor, int event, uint32_t value,
                               const char *name, const char *file, int line);
/* Requires that the connecting end tells next that it lost the other within the
 * handshake, whichever way, and tries again. */
void secured_expect_loss(void *of_client);
/* Requires that the end which lost its handshake does not try again. */
void secured_expect_given_up(void *of_client);
/* Skips events until that one; fails when a handshake succeeds before. Its
 * value. */
uint32_t secured_wait_refused(void *monitor, int event);
/* Requires that none of the two ever said that a handshake succeeded, up to
 * now. */
void secured_expect_never(secured_pair_t *pair);

/* Requires that this time has passed since then; the clock of libzmq may be a
 * few milliseconds old. */
void secured_expect_passed(uint64_t since, uint64_t ms);

/* ---- Bare peers ---- */

enum { SECURED_GREETING = 64 };

/* The greeting of ZMTP 3.<minor> with this mechanism. */
void secured_greeting(char greeting[SECURED_GREETING], const char *mechanism,
                      int minor);
/* Waits for these many bytes. */
void secured_raw_take(int fd, void *bytes, size_t size);
/* Reads until the other side ends the connection, within the deadline. */
void secured_raw_wait_end(int fd);

#endif /* SECURED_H */
