/* Sockets with a monitor, and what it has to tell next. */
#ifndef MONITORED_H
#define MONITORED_H

#include "support/blocking.h"

/* A bound socket whose monitor has told of it. */
void *monitored_listener(blocking_t *b, int type, char *endpoint,
                         void **monitor);
/* A socket that tries again every 20 to 40 ms, once it connects. */
void *monitored_connecter(blocking_t *b, int type, void **monitor);

/* Requires the next event, and its address unless that is NULL. Its value. */
#define monitored_expect(monitor, event, address)                              \
  monitored_expect_at(monitor, event, #event, address, __LINE__)
uint32_t monitored_expect_at(void *monitor, int event, const char *name,
                             const char *address, int line);
/* Requires that a quiet time brings none. */
void monitored_expect_nothing(void *monitor);
/* What comes before CONNECTED: CONNECT_DELAYED, over tcp. */
void monitored_expect_delay(void *monitor, const char *address);
void monitored_expect_connected(void *monitor, const char *address);
/* CONNECT_RETRIED, after `delay` to twice as many milliseconds. */
void monitored_expect_retry(void *monitor, const char *address, uint32_t delay);
void monitored_expect_accepted(void *monitor, const char *address);

#endif /* MONITORED_H */
