/* A ROUTER under attack, and a healthy DEALER that exchanges messages with it
 * all the while. Whoever finishes the town shows that the exchange never
 * stopped and lost nothing. */
#ifndef TOWN_H
#define TOWN_H

#include "rig.h"

typedef struct {
  rig_t rig;      /* first: its tick finds the town */
  actor_t server; /* notes what others than the healthy peer send */
  actor_t healthy;
  char endpoint[RIG_TEXT_MAX];
  uint64_t asked;
  uint64_t answered;
} town_t;

/* `prepare` (may be NULL) sets options of the server before it binds. */
void town_open(town_t *town, void (*prepare)(actor_t *server));
/* The healthy peer gets two more answers. */
void town_is_well(town_t *town);
void town_close(town_t *town);

#endif /* TOWN_H */
