/* What a security mechanism is to the engine: a table of functions around one
 * state, stepped by handshake commands. Octets out go through a sink and are
 * valid even when the step failed. One mechanism is one file with its table at
 * the bottom, and one line in mechanism.c.
 *
 *     IN_PROGRESS <--> AUTHENTICATE      READY      FAILED
 *          \________________\______________^__________^
 *
 * Called by the engine only (encode and decode: by the connection). */
#ifndef ZUV_SECURITY_MECHANISM_H
#define ZUV_SECURITY_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zmtp/command.h"
#include "zmtp/config.h"
#include "zmtp/error.h"
#include "zmtp/frame.h"
#include "zmtp/peer.h"
#include "zmtp/sink.h"

/* The numbers of ZMQ_MECHANISM. */
enum {
  ZUV__MECHANISM_NULL = 0,
  ZUV__MECHANISM_PLAIN = 1,
  ZUV__MECHANISM_CURVE = 2
};

typedef enum zuv__mechanism_status {
  ZUV__MECHANISM_IN_PROGRESS,
  ZUV__MECHANISM_AUTHENTICATE, /* waits for `authenticated` */
  ZUV__MECHANISM_READY,
  ZUV__MECHANISM_FAILED /* base.failure says why */
} zuv__mechanism_status_t;

enum { ZUV__CREDENTIALS_MAX = 2 };

/* What ZAP puts behind the mechanism's name: nothing for NULL, user and
 * password for PLAIN, the client's key for CURVE. */
typedef struct zuv__credentials_s {
  const char *mechanism;
  size_t count;
  struct {
    const uint8_t *data;
    size_t size;
  } parts[ZUV__CREDENTIALS_MAX];
} zuv__credentials_t;

/* The answer of whoever was asked. */
typedef struct zuv__verdict_s {
  int status;             /* 200, 300, 400 or 500; anything else is 500 */
  const uint8_t *user_id; /* NULL: none */
  size_t user_id_size;
  const uint8_t *metadata; /* raw properties, may be NULL */
  size_t metadata_size;
} zuv__verdict_t;

/* The head of every mechanism's state. `peer` and `failure` are the engine's;
 * the mechanism fills them. */
typedef struct zuv__mechanism_s {
  const struct zuv__mechanism_ops_s *ops;
  const zuv__engine_config_t *config;
  zuv__peer_t *peer;
  zuv__failure_t *failure;
  zuv__mechanism_status_t status;
  /* The largest body that the next command may have, and what to call it when
   * its header announces more: nothing of that is waited for. At first
   * ZUV__COMMAND_MAX; the mechanism sets it for each step. */
  zuv__protocol_error_t too_large_error;
  size_t command_max;
} zuv__mechanism_t;

typedef struct zuv__mechanism_ops_s {
  const char *name; /* as in the greeting */
  int number;
  size_t state_size; /* of the struct that begins with zuv__mechanism_t */
  bool costly; /* a step takes so long that others should get their turn */

  /* Called once, on zeroed memory with the head filled and IN_PROGRESS. May
   * set the status. */
  void (*init)(zuv__mechanism_t *m);

  /* Frees what the state points to, not the state itself, which is wiped
   * afterwards. May be NULL. */
  void (*destroy)(zuv__mechanism_t *m);

  /* Writes everything that is due now. Called after init, process and
   * authenticated, also when these failed: an ERROR command goes out here. */
  void (*next)(zuv__mechanism_t *m, const zuv__sink_t *sink);

  /* Takes the body of one handshake command; not called in READY and FAILED.
   * `body` may be changed or reused after the call. */
  void (*process)(zuv__mechanism_t *m, const uint8_t *body, size_t size);

  /* In AUTHENTICATE: what to judge, valid until the verdict. What the peer has
   * said of itself so far is in base.peer. */
  void (*credentials)(const zuv__mechanism_t *m,
                      zuv__credentials_t *credentials);

  /* In AUTHENTICATE: the verdict, 200, 300, 400 or 500. Leaves that status. */
  void (*authenticated)(zuv__mechanism_t *m, int status);

  /* Traffic. Both NULL and overhead 0 when frames go in clear; the state is
   * then freed as soon as the handshake is done. encode writes one whole frame
   * around the payload of a frame with these flags (MORE, COMMAND), of at most
   * size + overhead octets, header included, and returns its size; `out` and
   * `payload` do not overlap. decode opens the body of one received frame in
   * place, and fills `frame` with body, size and flags of what was inside
   * (`total` is not touched); ZUV__PROTOCOL_NO_ERROR, or why it cannot. What is
   * inside is at most size - decode_overhead octets. */
  size_t overhead;
  size_t decode_overhead;
  size_t (*encode)(zuv__mechanism_t *m, uint8_t flags, const uint8_t *payload,
                   size_t size, uint8_t *out);
  zuv__protocol_error_t (*decode)(zuv__mechanism_t *m, uint8_t *body,
                                  size_t size, zuv__frame_t *frame);
} zuv__mechanism_ops_t;

extern const zuv__mechanism_ops_t zuv__mechanism_null;
extern const zuv__mechanism_ops_t zuv__mechanism_plain_client;
extern const zuv__mechanism_ops_t zuv__mechanism_plain_server;
extern const zuv__mechanism_ops_t zuv__mechanism_curve_client;
extern const zuv__mechanism_ops_t zuv__mechanism_curve_server;

/* The mechanism in this role; NULL when there is none of that number. */
const zuv__mechanism_ops_t *zuv__mechanism_find(int number, bool as_server);

/* Allocates and initialises a state; NULL when there is no memory. `config`,
 * `peer` and `failure` outlive it. */
zuv__mechanism_t *zuv__mechanism_new(const zuv__engine_config_t *config,
                                     zuv__peer_t *peer,
                                     zuv__failure_t *failure);

/* Accepts NULL. */
void zuv__mechanism_free(zuv__mechanism_t *m);

/* For the mechanisms: each sets FAILED and fills the failure, unless an
 * earlier one is there already. */
void zuv__mechanism_fail(zuv__mechanism_t *m, zuv__protocol_error_t error,
                         const char *text);
void zuv__mechanism_fail_memory(zuv__mechanism_t *m);
void zuv__mechanism_refuse(zuv__mechanism_t *m, int status);

/* For the mechanisms: reads the peer's metadata into base.peer, or fails with
 * INVALID_METADATA or for memory. */
void zuv__mechanism_read_metadata(zuv__mechanism_t *m, const uint8_t *block,
                                  size_t size);

/* For the mechanisms: takes the data of a received ERROR command, and fails
 * as refused by the peer or as MALFORMED_COMMAND_ERROR. */
void zuv__mechanism_read_error(zuv__mechanism_t *m, const uint8_t *data,
                               size_t size);

/* For the mechanisms: writes a command of this kind with our own metadata;
 * fails for memory. */
void zuv__mechanism_write_metadata(zuv__mechanism_t *m, const zuv__sink_t *sink,
                                   zuv__command_kind_t kind);

/* For the mechanisms, in FAILED: tells the peer if it was refused with 400 or
 * 500. Nothing is sent for 300 or for any other failure. */
void zuv__mechanism_write_refusal(zuv__mechanism_t *m, const zuv__sink_t *sink);

#endif /* ZUV_SECURITY_MECHANISM_H */
