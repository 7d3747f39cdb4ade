/* A question whether a peer may come in, while it waits for its answer: from
 * the application (zuv_auth_start(), here) or from a ZAP handler
 * (transport/zap_client.c). The connection that asks is told when the answer is
 * there, reads the verdict and ends the question; it may end it before. */
#ifndef ZUV_CORE_AUTHENTICATION_H
#define ZUV_CORE_AUTHENTICATION_H

#include "base/list.h"
#include "core/loop.h"
#include "security/mechanism.h"
#include "security/settings.h"

struct zuv__socket_s;
typedef struct zuv__authentication_s zuv__authentication_t;

/* What is asked. Everything is copied as far as it is needed later. */
typedef struct zuv__admission_s {
  struct zuv__socket_s *socket;
  const zuv__security_t *security;
  const char *endpoint;
  const char *address;
  const uint8_t *own_routing_id;
  size_t own_routing_id_size;
  const uint8_t *peer_routing_id; /* NULL while it is not known */
  size_t peer_routing_id_size;
  const zuv__credentials_t *credentials;
  zuv__task_t *answered; /* scheduled when the answer is there */
} zuv__admission_t;

struct zuv__authentication_s {
  struct zuv__socket_s *socket;
  zuv__task_t *answered; /* NULL: nobody waits any more */
  bool is_answered;
  zuv__protocol_error_t error; /* the answer was none */
  zuv__verdict_t verdict;      /* points into `memory` */
  uint8_t *memory;             /* owned; user id and metadata, or NULL */
  /* Nobody waits any more: frees it, or lets it be freed by its answer. */
  void (*end)(zuv__authentication_t *authentication);
};

/* Keeps a copy of the verdict and tells the owner. UV_ENOMEM: neither. */
int zuv__authentication_answer(zuv__authentication_t *authentication,
                               const zuv__verdict_t *verdict);
/* What was answered is no verdict. */
void zuv__authentication_fail(zuv__authentication_t *authentication,
                              zuv__protocol_error_t error);

/* Asks the application, from the socket's next work. UV_ENOMEM. */
int zuv__auth_ask(const zuv__admission_t *admission,
                  zuv__authentication_t **out);

/* Calls back with the questions that wait; from the socket's work. */
void zuv__auth_tell(struct zuv__socket_s *socket);

#endif /* ZUV_CORE_AUTHENTICATION_H */
