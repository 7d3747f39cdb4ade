/* A raw peer that can behave: it has the octets of a client, as far as it wants
 * to go with them. Whoever drives it decides what is sent, and what instead. */
#ifndef STRANGER_H
#define STRANGER_H

#include "secured.h"
#include "security/settings.h"
#include "zmtp/engine.h"

/* How far it goes. With PLAIN and CURVE. */
typedef enum {
  STRANGER_CONNECTED,
  STRANGER_SIGNED,   /* the first 10 octets */
  STRANGER_GREETED,  /* all 64 */
  STRANGER_HELLO,    /* HELLO is sent */
  STRANGER_WELCOME,  /* WELCOME has come, INITIATE is ready */
  STRANGER_INITIATE, /* INITIATE is sent */
  STRANGER_READY     /* READY has come */
} stranger_stage_t;

typedef struct {
  zuv__security_t security;
  zuv__engine_config_t config;
  zuv__engine_t engine;
  wire_t out;  /* all that it may send */
  size_t sent; /* of it */
  uint8_t in[RIG_WIRE_MAX];
  size_t have;
  int fd;
  bool closed; /* by the other side */
} stranger_t;

/* Connects as a DEALER with the keys of secured_client_keys, or as "alice". */
void stranger_open(stranger_t *s, int mechanism, const char *endpoint);
void stranger_close(stranger_t *s);
/* Reads what came, and sends what leads to the stage. True: it is there, or the
 * other side has closed. */
bool stranger_moves(stranger_t *s, stranger_stage_t stage);
/* Waits for that, and requires the former. */
void stranger_reach(rig_t *rig, stranger_t *s, stranger_stage_t stage);
/* Sends these octets, unless the other side has closed. */
void stranger_say(rig_t *rig, stranger_t *s, const void *bytes, size_t size);
/* Reads what came. True: the other side has closed. */
bool stranger_is_closed(stranger_t *s);

#endif /* STRANGER_H */
