/* NULL (RFC 37, 3.6): each side sends READY when its greeting is complete and
 * does not wait for the other's. With authentication wanted, ours waits for the
 * verdict. Called by the engine. Fails when the peer sends anything but one
 * READY or ERROR, when its metadata does not fit, or when it is refused. */
#include "security/mechanism.h"

#include "zmtp/command.h"

typedef struct {
  zuv__mechanism_t base;
  bool ready_sent;
  bool ready_received;
  int refusal; /* with this status, to be told when the peer's READY is here */
} null_t;

static void null_init(zuv__mechanism_t *m) {
  if (m->config->authenticate)
    m->status = ZUV__MECHANISM_AUTHENTICATE;
}

static void null_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  null_t *null = (null_t *)m;

  if (m->status == ZUV__MECHANISM_IN_PROGRESS && null->refusal != 0) {
    if (!null->ready_received)
      return;
    zuv__mechanism_refuse(m, null->refusal);
  }
  if (m->status == ZUV__MECHANISM_FAILED)
    zuv__mechanism_write_refusal(m, sink);
  if (m->status != ZUV__MECHANISM_IN_PROGRESS)
    return;
  if (!null->ready_sent) {
    null->ready_sent = true;
    zuv__mechanism_write_metadata(m, sink, ZUV__COMMAND_READY);
    if (m->status == ZUV__MECHANISM_FAILED)
      return;
  }
  if (null->ready_received)
    m->status = ZUV__MECHANISM_READY;
}

static void null_process(zuv__mechanism_t *m, const uint8_t *body,
                         size_t size) {
  null_t *null = (null_t *)m;
  zuv__command_t command;
  zuv__command_kind_t kind = zuv__command_parse(body, size, &command);

  if (kind == ZUV__COMMAND_READY && !null->ready_received) {
    null->ready_received = true;
    zuv__mechanism_read_metadata(m, command.data, command.size);
  } else if (kind == ZUV__COMMAND_ERROR && !null->ready_received) {
    zuv__mechanism_read_error(m, command.data, command.size);
  } else {
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        "expected one READY or ERROR command");
  }
}

static void null_credentials(const zuv__mechanism_t *m,
                             zuv__credentials_t *credentials) {
  credentials->mechanism = m->ops->name;
  credentials->count = 0;
}

/* A libzmq that connects gives up for good only when it has sent its READY
 * before it reads our ERROR; else it comes again and again. One end must not
 * wait, for both may refuse. */
static void null_authenticated(zuv__mechanism_t *m, int status) {
  m->status = ZUV__MECHANISM_IN_PROGRESS;
  if (status == 300 || (status != 200 && m->config->connecting))
    zuv__mechanism_refuse(m, status);
  else if (status != 200)
    ((null_t *)m)->refusal = status;
}

const zuv__mechanism_ops_t zuv__mechanism_null = {
    .name = "NULL",
    .number = ZUV__MECHANISM_NULL,
    .state_size = sizeof(null_t),
    .init = null_init,
    .next = null_next,
    .process = null_process,
    .credentials = null_credentials,
    .authenticated = null_authenticated,
};
