/* The results of the API in ZeroMQ's terms. */
#include "zuv.h"

/* libuv's own functions leak a string for each unknown code. */
#define NAME(name, text)                                                       \
  case UV_##name:                                                              \
    return "UV_" #name;
#define TEXT(name, text)                                                       \
  case UV_##name:                                                              \
    return text;

const char *zuv_err_name(int error) {
  switch (error) {
    case 0:
      return "OK";
      UV_ERRNO_MAP(NAME)
    default:
      return "unknown";
  }
}

static const char *system_text(int error) {
  switch (error) {
    UV_ERRNO_MAP(TEXT)
    default:
      return "unknown error";
  }
}

const char *zuv_strerror(int error) {
  switch (error) {
    case 0:
      return "success";
    case UV_EAGAIN:
      return "no peer can take the message now";
    case UV_EPROTO:
      return "not possible in the current state of the socket, or a peer broke "
             "the protocol";
    case UV_EHOSTUNREACH:
      return "no peer with this routing id";
    case UV_ENOTSUP:
      return "not supported by this socket type or this version";
    case UV_EPROTONOSUPPORT:
      return "unknown transport, or a protocol version not supported";
    case UV_EADDRINUSE:
      return "the endpoint is in use";
    case UV_ENOENT:
      return "no such endpoint";
    case UV_ENODEV:
      return "no such interface or host";
    case UV_EINVAL:
      return "invalid argument, or the socket is closing";
    case UV_ECANCELED:
      return "the socket was closed, or its loop taken down";
    case UV_EOF:
      return "the peer closed the connection";
    case UV_EACCES:
      return "refused";
    case UV_EMSGSIZE:
      return "the peer sent a message over the limit";
    default:
      return system_text(error);
  }
}

unsigned int zuv_version(void) {
  return ZUV_VERSION_HEX;
}
