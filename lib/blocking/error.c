/* Errors, the version, and what the library can do. Nothing here can fail. */
#include "blocking/error.h"

#include <errno.h>
#include <string.h>
#include <uv.h>

#include "zmq.h"

/* libuv numbers what is no errno from here on downwards. */
enum { FIRST_UV_ERROR = -3000 };

/* The codes of libuv that are no errno. */
static int errno_of(int uv_error) {
  switch (uv_error) {
    case ZMQ__ETERM:
      return ETERM;
    case ZMQ__EMTHREAD:
      return EMTHREAD;
    case UV_EPROTO:
      return EFSM;
    case UV_EAI_MEMORY:
      return ENOMEM;
    case UV_EOF:
      return ECONNRESET;
    default:
      return uv_error > FIRST_UV_ERROR ? -uv_error : EINVAL;
  }
}

int zmq__fail(int uv_error) {
  return zmq__fail_errno(errno_of(uv_error));
}

int zmq__fail_errno(int error) {
  errno = error;
  return -1;
}

int zmq_errno(void) {
  return errno;
}

const char *zmq_strerror(int error) {
  switch (error) {
    case EFSM:
      return "Operation cannot be accomplished in current state";
    case ENOCOMPATPROTO:
      return "The protocol is not compatible with the socket type";
    case ETERM:
      return "Context was terminated";
    case EMTHREAD:
      return "No thread available";
    case EHOSTUNREACH:
      return "Host unreachable";
    default:
      return strerror(error);
  }
}

void zmq_version(int *major, int *minor, int *patch) {
  if (major != NULL)
    *major = ZMQ_VERSION_MAJOR;
  if (minor != NULL)
    *minor = ZMQ_VERSION_MINOR;
  if (patch != NULL)
    *patch = ZMQ_VERSION_PATCH;
}

int zmq_has(const char *capability) {
  /* The last is ours: it tells programs which library they run with. */
  static const char *const words[] = {"ipc", "curve", "zuv"};

  if (capability == NULL)
    return 0;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strcmp(capability, words[i]) == 0)
      return 1;
  return 0;
}
