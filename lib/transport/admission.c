#include "transport/admission.h"

#include "core/socket.h"
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

int zuv__admission_begin(const zuv__admission_t *admission,
                         zuv__authentication_t **out) {
  zuv__socket_t *socket = admission->socket;
  int result;

  if (socket->auth_cb != NULL)
    return zuv__auth_ask(admission, out);
  /* Most sockets never ask; they need not look who is bound. */
  if (admission->security->mechanism == ZUV__MECHANISM_NULL &&
      admission->security->zap_domain.size == 0)
    return ZUV__ADMITTED;
  result =
      ask_handler(admission->security, zuv__zap_has_handler(socket->context));
  return result == 0 ? zuv__zap_ask(admission, out) : result;
}
