#include "core/authentication.h"

#include <string.h>

#include "base/alloc.h"
#include "core/socket.h"
#include "security/secret.h"

/* A question to the application. It lives until it was answered and its owner
 * has ended it, whichever is later. */
typedef struct {
  zuv__authentication_t base;
  zuv__list_t in_socket; /* until it was told */
  bool told;
  zuv_auth_t request;
  size_t size; /* of the bytes */
  char bytes[];
} question_t;

int zuv__authentication_answer(zuv__authentication_t *a,
                               const zuv__verdict_t *verdict) {
  size_t user_id = verdict->user_id_size;
  size_t size = user_id + verdict->metadata_size;

  if (size > 0) {
    a->memory = zuv__malloc(size);
    if (a->memory == NULL)
      return UV_ENOMEM;
    if (user_id > 0)
      memcpy(a->memory, verdict->user_id, user_id);
    if (verdict->metadata_size > 0)
      memcpy(a->memory + user_id, verdict->metadata, verdict->metadata_size);
  }
  a->verdict = *verdict;
  a->verdict.user_id = user_id > 0 ? a->memory : NULL;
  a->verdict.metadata = verdict->metadata_size > 0 ? a->memory + user_id : NULL;
  a->is_answered = true;
  if (a->answered != NULL)
    zuv__loop_schedule(a->socket->loop, a->answered);
  return 0;
}

void zuv__authentication_fail(zuv__authentication_t *a,
                              zuv__protocol_error_t error) {
  a->error = error;
  a->is_answered = true;
  if (a->answered != NULL)
    zuv__loop_schedule(a->socket->loop, a->answered);
}

/* ---- The application's answer ---- */

static void question_free(question_t *question) {
  zuv__free(question->base.memory);
  zuv__wipe(question->bytes, question->size);
  zuv__free(question);
}

static void question_end(zuv__authentication_t *a) {
  question_t *question = zuv__container_of(a, question_t, base);

  zuv__list_remove(&question->in_socket);
  a->answered = NULL;
  a->socket = NULL;
  /* The application has it, and will still answer. */
  if (question->told && !a->is_answered)
    return;
  question_free(question);
}

static size_t question_size(const zuv__admission_t *admission) {
  const zuv__credentials_t *credentials = admission->credentials;
  size_t size = strlen(admission->endpoint) + 1 + strlen(admission->address) +
                1 + admission->security->zap_domain.size + 1 +
                admission->peer_routing_id_size + 1;

  for (size_t i = 0; i < credentials->count; i++)
    size += credentials->parts[i].size + 1;
  return size;
}

/* Appends a NUL as well, which zeroed memory has. */
static const char *keep(char **end, const void *bytes, size_t size) {
  char *kept = *end;

  if (size > 0)
    memcpy(kept, bytes, size);
  *end += size + 1;
  return kept;
}

static void describe(question_t *question, const zuv__admission_t *admission) {
  const zuv__credentials_t *credentials = admission->credentials;
  zuv_auth_t *request = &question->request;
  char *end = question->bytes;

  request->mechanism = admission->security->mechanism;
  request->endpoint =
      keep(&end, admission->endpoint, strlen(admission->endpoint));
  request->address = keep(&end, admission->address, strlen(admission->address));
  request->domain = keep(&end, admission->security->zap_domain.bytes,
                         admission->security->zap_domain.size);
  request->routing_id =
      keep(&end, admission->peer_routing_id, admission->peer_routing_id_size);
  request->routing_id_size = admission->peer_routing_id_size;
  if (request->mechanism == ZUV_PLAIN) {
    request->username_size = credentials->parts[0].size;
    request->username =
        keep(&end, credentials->parts[0].data, request->username_size);
    request->password_size = credentials->parts[1].size;
    request->password =
        keep(&end, credentials->parts[1].data, request->password_size);
  } else if (request->mechanism == ZUV_CURVE) {
    request->public_key = (const uint8_t *)keep(
        &end, credentials->parts[0].data, credentials->parts[0].size);
  }
}

int zuv__auth_ask(const zuv__admission_t *admission,
                  zuv__authentication_t **out) {
  size_t size = question_size(admission);
  question_t *question = zuv__calloc(1, sizeof(*question) + size);

  if (question == NULL)
    return UV_ENOMEM;
  question->base.socket = admission->socket;
  question->base.answered = admission->answered;
  question->base.end = question_end;
  question->size = size;
  question->request.zuv__impl = question;
  describe(question, admission);
  zuv__list_push_back(&admission->socket->questions, &question->in_socket);
  zuv__socket_schedule(admission->socket);
  *out = &question->base;
  return 0;
}

void zuv__auth_tell(zuv__socket_t *socket) {
  while (!zuv__list_empty(&socket->questions)) {
    question_t *question =
        zuv__container_of(socket->questions.next, question_t, in_socket);

    zuv__list_remove(&question->in_socket);
    if (socket->auth_cb != NULL) {
      question->told = true;
      socket->auth_cb(socket->handle, &question->request);
    } else {
      /* Stopped meanwhile: the peer comes again, and others are asked. */
      const zuv__verdict_t verdict = {.status = 300};
      (void)zuv__authentication_answer(&question->base, &verdict);
    }
  }
}

static int answer(zuv_auth_t *request, const zuv__verdict_t *verdict) {
  question_t *question = request->zuv__impl;

  if (question->base.is_answered)
    return UV_EINVAL;
  if (question->base.answered == NULL) {
    question_free(question);
    return UV_ECANCELED;
  }
  return zuv__authentication_answer(&question->base, verdict);
}

int zuv_auth_allow(zuv_auth_t *request, const char *user_id) {
  zuv__verdict_t verdict = {.status = 200};

  if (user_id != NULL && *user_id != '\0') {
    verdict.user_id = (const uint8_t *)user_id;
    verdict.user_id_size = strlen(user_id);
  }
  return answer(request, &verdict);
}

int zuv_auth_deny(zuv_auth_t *request, int status) {
  const zuv__verdict_t verdict = {.status = status};

  if (status != 300 && status != 400 && status != 500)
    return UV_EINVAL;
  return answer(request, &verdict);
}

int zuv_auth_start(zuv_socket_t *handle, zuv_auth_cb auth_cb) {
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  if (auth_cb == NULL)
    return UV_EINVAL;
  zuv__socket(handle)->auth_cb = auth_cb;
  zuv__socket(handle)->asks_application = true;
  return 0;
}

int zuv_auth_stop(zuv_socket_t *handle) {
  int err = zuv__socket_check(handle);

  if (err != 0)
    return err;
  zuv__socket(handle)->auth_cb = NULL;
  zuv__socket(handle)->asks_application = false;
  return 0;
}
