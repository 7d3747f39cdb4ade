#include "transport/admission.h"

#include "transport/zap_client.h"

/* 0: a handler is to be asked. */
static int ask_handler(const zuv__security_t *security, bool has_handler) {
  bool domain = security->zap_domain.size > 0;
  bool enforce = security->zap_enforce_domain;

  switch (security->mechanism) {
    case ZUV__MECHANISM_PLAIN:
      /* Passwords mean nothing to anybody else. */
      return has_handler && (domain || !enforce) ? 0 : UV_EFAULT;
    case ZUV__MECHANISM_CURVE:
      if (enforce && !domain)
        return ZUV__ADMITTED;
      break;
    default:
      if (!domain)
        return ZUV__ADMITTED;
      break;
  }
  if (has_handler)
    return 0;
  return enforce ? UV_EFAULT : ZUV__ADMITTED;
}

bool zuv__admission_may_ask(const zuv__socket_t *socket,
                            const zuv__security_t *security) {
  return socket->auth_cb != NULL || socket->asks_application ||
         security->mechanism != ZUV__MECHANISM_NULL ||
         security->zap_domain.size > 0;
}

int zuv__admission_begin(const zuv__admission_t *admission,
                         zuv__authentication_t **out) {
  zuv__socket_t *socket = admission->socket;
  int result;

  if (socket->auth_cb != NULL)
    return zuv__auth_ask(admission, out);
  /* It is closing, and lingers: nobody may decide instead. */
  if (socket->asks_application)
    return UV_ECANCELED;
  result =
      ask_handler(admission->security, zuv__zap_has_handler(socket->context));
  return result == 0 ? zuv__zap_ask(admission, out) : result;
}
