/* ZAP handlers (RFC 27): who a server's library asks about each client.
 *
 * One that the test plays itself takes requests and answers them when the test
 * says so; one that runs in a thread answers by a rule. What is asked and what
 * is answered is text as everywhere here: parts joined by '|', from the version
 * on. The empty part, and what a ROUTER has before it, stay out of sight. */
#ifndef ZAP_HANDLER_H
#define ZAP_HANDLER_H

#include <stdatomic.h>

#include "support/blocking.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum { ZAP_TEXT_MAX = 1400 };

/* "1.0|<request id>|<domain>|<address>|<routing id>|<mechanism>|..." */
typedef struct {
  char envelope[64]; /* what a ROUTER has before the empty part, and '|' */
  char text[ZAP_TEXT_MAX];
} zap_request_t;

/* ---- Played by the test ---- */

/* A bound REP or ROUTER. */
void *zap_handler(blocking_t *b, int type);
/* Waits for a request. */
void zap_take(void *handler, zap_request_t *request);
/* Requires that a quiet time brings none. */
void zap_expect_nothing(void *handler);
/* Answers with "version|request id|status|text|user id|metadata", or whatever
 * it is. */
void zap_answer_with(void *handler, const zap_request_t *request,
                     const char *reply);
/* Answers well. `metadata` is of zap_property(), or "". */
void zap_answer(void *handler, const zap_request_t *request, const char *status,
                const char *user_id, const char *metadata);
/* Takes a request and answers it. */
void zap_serve(void *handler, const char *status);

/* What all requests begin with up to the mechanism, for these transports:
 * "1.0|1|<domain>|<address>|<routing id>|<mechanism>". */
void zap_head(char text[ZAP_TEXT_MAX], const char *domain,
              const char *routing_id, const char *mechanism);
/* Requires what a request is: zap_head(), and "|<credentials>" unless NULL. */
#define zap_expect_request(request, domain, routing_id, mechanism,             \
                           credentials)                                        \
  zap_expect_request_at(request, domain, routing_id, mechanism, credentials,   \
                        __FILE__, __LINE__)
void zap_expect_request_at(const zap_request_t *request, const char *domain,
                           const char *routing_id, const char *mechanism,
                           const char *credentials, const char *file, int line);
/* Appends a property to metadata in text. */
void zap_property(char metadata[ZAP_TEXT_MAX], const char *name,
                  const char *value);
/* The text of a CURVE key in a request. */
void zap_key_text(const char *public_key, char text[ZAP_TEXT_MAX]);
/* Closes one that the test plays. */
void zap_close(blocking_t *b, void *handler);

/* ---- In a thread ---- */

/* Says what to reply to a request (room: ZAP_TEXT_MAX). Runs on the thread. */
typedef void zap_rule_fn(const zap_request_t *request, char *reply,
                         void *argument);
typedef struct zap_thread_s zap_thread_t;

/* It ends with zap_thread_end(), or else with the context. */
zap_thread_t *zap_thread_start(blocking_t *b, zap_rule_fn *rule,
                               void *argument);
/* Requests so far, up to the one that is being answered. */
int zap_thread_count(zap_thread_t *thread);
void zap_thread_end(zap_thread_t *thread);
/* The same, when the context has ended. */
void zap_thread_join(zap_thread_t *thread);
/* The rule for whom everybody is welcome; without a user id. */
void zap_allow_all(const zap_request_t *request, char *reply, void *argument);

#endif /* ZAP_HANDLER_H */
