#include "transport/proxy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

int zuv__proxy_new(const zuv__options_t *options,
                   const zuv__tcp_endpoint_t *target, zuv__proxy_t **out) {
  const zuv__option_bytes_t *value = options->bytes[ZUV__BYTES_SOCKS_PROXY];
  const zuv__option_bytes_t *name = options->bytes[ZUV__BYTES_SOCKS_USERNAME];
  const zuv__option_bytes_t *word = options->bytes[ZUV__BYTES_SOCKS_PASSWORD];
  static const char scheme[] = "tcp://";
  zuv__proxy_t *proxy;
  size_t size;
  int err;

  *out = NULL;
  if (value == NULL)
    return 0;
  proxy = zuv__calloc(1, sizeof(*proxy));
  if (proxy == NULL)
    return UV_ENOMEM;
  /* Read from another socket, it comes with its NUL. */
  size = value->size - (value->data[value->size - 1] == '\0' ? 1 : 0);
  err =
      zuv__endpoint_parse_proxy((const char *)value->data, size, &proxy->where);
  if (err != 0)
    goto fail;
  proxy->where.has_source = target->has_source;
  proxy->where.source_port = target->source_port;
  memcpy(proxy->where.source, target->source, sizeof(target->source));
  proxy->text = zuv__malloc(sizeof(scheme) + value->size);
  if (proxy->text == NULL) {
    err = UV_ENOMEM;
    goto fail;
  }
  memcpy(proxy->text, scheme, sizeof(scheme) - 1);
  memcpy(proxy->text + sizeof(scheme) - 1, value->data, value->size + 1);
  proxy->target.host = target->host;
  proxy->target.port = target->port;
  if (name != NULL) {
    proxy->target.username = name->data;
    proxy->target.username_size = name->size;
  }
  if (word != NULL) {
    proxy->target.password = word->data;
    proxy->target.password_size = word->size;
  }
  *out = proxy;
  return 0;

fail:
  zuv__free(proxy);
  return err;
}

void zuv__proxy_free(zuv__proxy_t *proxy) {
  if (proxy == NULL)
    return;
  zuv__proxy_end(proxy);
  zuv__free(proxy->text);
  zuv__free(proxy);
}

void zuv__proxy_begin(zuv__proxy_t *proxy) {
  zuv__socks_start(&proxy->socks, &proxy->target);
}

void zuv__proxy_end(zuv__proxy_t *proxy) {
  zuv__socks_end(&proxy->socks);
}

/* RFC 1928, 6: the replies, as the errors of a connect without a proxy. */
static int status_of_reply(uint8_t reply) {
  switch (reply) {
    case 2:
      return UV_EACCES;
    case 3:
      return UV_ENETUNREACH;
    case 4:
    case 6:
      return UV_EHOSTUNREACH;
    case 5:
      return UV_ECONNREFUSED;
    case 7:
      return UV_ENOTSUP;
    case 8:
      return UV_EAFNOSUPPORT;
    default:
      return UV_EIO;
  }
}

static int status_of(zuv__socks_result_t result, uint8_t reply) {
  switch (result) {
    case ZUV__SOCKS_CONNECTED:
      return 0;
    case ZUV__SOCKS_NOT_LET_IN:
      return UV_EACCES;
    case ZUV__SOCKS_REFUSED:
      return status_of_reply(reply);
    case ZUV__SOCKS_GOES_ON:
    case ZUV__SOCKS_MALFORMED:
      break;
  }
  return UV_EPROTO;
}

static bool must_wait(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

/* 0: all was sent. */
static int send_request(zuv__socks_t *socks, int fd) {
  while (socks->out_size > 0) {
    ssize_t sent = send(fd, socks->out, socks->out_size, MSG_NOSIGNAL);

    if (sent >= 0)
      zuv__socks_sent(socks, (size_t)sent);
    else if (must_wait(errno))
      return UV_EAGAIN;
    else if (errno != EINTR)
      return uv_translate_sys_error(errno);
  }
  return 0;
}

/* 0: *result tells what came of the octets that there were. */
static int receive_answer(zuv__socks_t *socks, int fd,
                          zuv__socks_result_t *result) {
  uint8_t bytes[ZUV__SOCKS_IN_MAX];
  ssize_t got;

  do
    got = recv(fd, bytes, zuv__socks_wanted(socks), 0);
  while (got < 0 && errno == EINTR);
  if (got == 0)
    return UV_EOF;
  if (got < 0)
    return must_wait(errno) ? UV_EAGAIN : uv_translate_sys_error(errno);
  *result = zuv__socks_take(socks, bytes, (size_t)got);
  return 0;
}

int zuv__proxy_step(zuv__proxy_t *proxy, zuv__io_t *io) {
  zuv__socks_t *socks = &proxy->socks;
  zuv__socks_result_t result = ZUV__SOCKS_GOES_ON;
  int err = 0;

  while (err == 0 && result == ZUV__SOCKS_GOES_ON) {
    err = send_request(socks, io->fd);
    if (err == 0)
      err = receive_answer(socks, io->fd, &result);
  }
  if (err == 0)
    return status_of(result, socks->reply);
  if (err != UV_EAGAIN)
    return err;
  err = zuv__io_watch(io, socks->out_size > 0 ? UV_WRITABLE : UV_READABLE);
  return err == 0 ? UV_EAGAIN : err;
}
