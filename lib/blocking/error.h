/* How a function of zmq.h fails: the reason in errno, and -1. Nothing here can
 * fail itself. */
#ifndef ZMQ_BLOCKING_ERROR_H
#define ZMQ_BLOCKING_ERROR_H

#include "base/list.h"
#include "zmq.h"

/* UV_E* codes that libuv does not have. */
enum { ZMQ__ETERM = -ETERM, ZMQ__EMTHREAD = -EMTHREAD };

/* Answers -1 with the errno that a UV_E* code of the core stands for. */
ZUV__COLD int zmq__fail(int uv_error);

/* Answers -1 with this errno. */
ZUV__COLD int zmq__fail_errno(int error);

#endif /* ZMQ_BLOCKING_ERROR_H */
