/* A ROUTER with PLAIN or CURVE under attack by strangers, and a healthy DEALER
 * that exchanges messages with it all the while. Whoever closes the fort shows
 * that the exchange never stopped and lost nothing. */
#ifndef FORT_H
#define FORT_H

#include "stranger.h"

typedef struct {
  rig_t rig;
  secured_t server;
  secured_t healthy;
  char endpoint[RIG_TEXT_MAX]; /* for the strangers */
  uint64_t asked;
  uint64_t answered;
  size_t strange; /* messages of others */
} fort_t;

extern fort_t fort;

#define ZMTP(reason) ZUV_PROTOCOL_ERROR_ZMTP_##reason

/* Strangers have an endpoint of their own, with that HANDSHAKE_IVL if it is not
 * 0. Whoever is asked about gets `verdict`. */
void fort_open(int mechanism, int handshake_ivl, int verdict);
/* The healthy peer gets two more answers. */
void fort_is_well(void);
void fort_close(void);
/* What the healthy peer does in every tick; whoever has a tick of its own calls
 * it. */
void fort_ask(rig_t *rig);

/* Events of the server. */
static inline size_t happened(zuv_event_type type) {
  return fort.server.actor.events[type];
}
/* Waits for so many handshakes that failed. */
void wait_failed(size_t count);
/* The stranger is out, as the `failed`-th, for that reason. */
void expect_out(stranger_t *s, size_t failed, int status, int reason);
/* The server is asked about a stranger at this stage, if it does not answer. */
void wait_asked(stranger_stage_t stage);
/* Answers all that nobody waits for any more. */
void answer_in_vain(void);

#endif /* FORT_H */
