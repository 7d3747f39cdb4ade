/* The transports: one line each. */
#include "transport/transports.h"

#include <string.h>

#include "transport/connector.h"
#include "transport/inproc.h"
#include "transport/listener.h"
#include "transport/tcp.h"

const zuv__transport_t zuv__transport_inproc = {"inproc", zuv__inproc_bind,
                                                zuv__inproc_connect};
static const zuv__transport_t tcp = {"tcp", zuv__listener_bind,
                                     zuv__connector_connect};
static const zuv__transport_t ipc = {"ipc", zuv__listener_bind,
                                     zuv__connector_connect};

static const zuv__transport_t *const transports[] = {&tcp, &ipc,
                                                     &zuv__transport_inproc};

int zuv__transport_find(const char *text, const zuv__transport_t **out) {
  const char *separator = text == NULL ? NULL : strstr(text, "://");
  size_t length;

  if (separator == NULL || separator == text || separator[3] == '\0')
    return UV_EINVAL;
  length = (size_t)(separator - text);
  for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
    if (strlen(transports[i]->scheme) == length &&
        memcmp(transports[i]->scheme, text, length) == 0) {
      *out = transports[i];
      return 0;
    }
  }
  return UV_EPROTONOSUPPORT;
}

int zuv__transport_resolve_text(zuv__socket_t *socket, const char *text,
                                char resolved[ZUV__TRANSPORT_TEXT_SIZE]) {
  bool ipv6 = socket->options.ipv6 != 0;
  zuv__endpoint_address_t where;
  struct sockaddr_storage address;
  int err = zuv__endpoint_parse_connect(text, &where);

  if (err != 0)
    return zuv__endpoint_parse_bind(text, &where) == 0 ? UV_ENOENT : err;
  if (where.scheme != ZUV__TRANSPORT_TCP)
    return UV_ENOENT;
  err = zuv__tcp_resolve_bind(&where.u.tcp, ipv6, &address);
  if (err != 0)
    return err;
  return zuv__endpoint_format_tcp((struct sockaddr *)&address, resolved,
                                  ZUV__TRANSPORT_TEXT_SIZE);
}
