#include "security/mechanism.h"

#include <string.h>

#include "base/alloc.h"
#include "security/secret.h"

/* By number, client and server. */
static const zuv__mechanism_ops_t *const mechanisms[][2] = {
    {&zuv__mechanism_null, &zuv__mechanism_null},
    {&zuv__mechanism_plain_client, &zuv__mechanism_plain_server},
    {&zuv__mechanism_curve_client, &zuv__mechanism_curve_server},
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

const zuv__mechanism_ops_t *zuv__mechanism_find(int number, bool as_server) {
  if (number < 0 || (size_t)number >= MECHANISM_COUNT)
    return NULL;
  return mechanisms[number][as_server];
}

zuv__mechanism_t *zuv__mechanism_new(const zuv__engine_config_t *config,
                                     zuv__peer_t *peer,
                                     zuv__failure_t *failure) {
  zuv__mechanism_t *m = zuv__calloc(1, config->mechanism->state_size);

  if (m == NULL)
    return NULL;
  m->ops = config->mechanism;
  m->config = config;
  m->peer = peer;
  m->failure = failure;
  m->status = ZUV__MECHANISM_IN_PROGRESS;
  m->command_max = ZUV__COMMAND_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED;
  m->ops->init(m);
  return m;
}

void zuv__mechanism_free(zuv__mechanism_t *m) {
  if (m == NULL)
    return;
  if (m->ops->destroy != NULL)
    m->ops->destroy(m);
  zuv__wipe(m, m->ops->state_size);
  zuv__free(m);
}

static void fail(zuv__mechanism_t *m, zuv__failure_kind_t kind,
                 const char *text) {
  m->status = ZUV__MECHANISM_FAILED;
  if (m->failure->kind != ZUV__ENGINE_NO_FAILURE)
    return;
  m->failure->kind = kind;
  m->failure->text = text;
}

void zuv__mechanism_fail(zuv__mechanism_t *m, zuv__protocol_error_t error,
                         const char *text) {
  if (m->failure->kind == ZUV__ENGINE_NO_FAILURE)
    m->failure->error = error;
  fail(m, ZUV__ENGINE_PROTOCOL_ERROR, text);
}

void zuv__mechanism_fail_memory(zuv__mechanism_t *m) {
  fail(m, ZUV__ENGINE_OUT_OF_MEMORY, "out of memory");
}

void zuv__mechanism_refuse(zuv__mechanism_t *m, int status) {
  if (m->failure->kind == ZUV__ENGINE_NO_FAILURE)
    m->failure->status = status;
  fail(m, ZUV__ENGINE_REFUSED, "authentication refused");
}

void zuv__mechanism_read_metadata(zuv__mechanism_t *m, const uint8_t *block,
                                  size_t size) {
  const char *text = NULL;

  switch (zuv__peer_add_metadata(m->peer, m->config, block, size)) {
    case ZUV__PEER_OK:
      return;
    case ZUV__PEER_OUT_OF_MEMORY:
      zuv__mechanism_fail_memory(m);
      return;
    case ZUV__PEER_MALFORMED_METADATA:
      text = "malformed metadata";
      break;
    case ZUV__PEER_WRONG_SOCKET_TYPE:
      text = "incompatible socket type";
      break;
    case ZUV__PEER_ROUTING_ID_TOO_LONG:
      text = "routing id over 255 octets";
      break;
  }
  zuv__mechanism_fail(m, ZUV__ZMTP_INVALID_METADATA, text);
}

/* The ZAP status that libzmq sends as the reason, or 0. */
static int parse_status(const uint8_t *reason, size_t size) {
  if (size != 3 || reason[0] < '3' || reason[0] > '5' || reason[1] != '0' ||
      reason[2] != '0')
    return 0;
  return (reason[0] - '0') * 100;
}

void zuv__mechanism_read_error(zuv__mechanism_t *m, const uint8_t *data,
                               size_t size) {
  const zuv__command_t command = {.data = data, .size = size};
  const uint8_t *reason;
  size_t reason_size;

  if (zuv__command_parse_error(&command, &reason, &reason_size) != 0) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_ERROR,
                        "malformed ERROR command");
    return;
  }
  if (m->failure->kind == ZUV__ENGINE_NO_FAILURE) {
    m->failure->status = parse_status(reason, reason_size);
    /* Without memory the refusal stands and only its text is missing. */
    m->failure->peer_text = zuv__strndup((const char *)reason, reason_size);
  }
  fail(m, ZUV__ENGINE_REFUSED_BY_PEER, "refused by the peer");
}

void zuv__mechanism_write_metadata(zuv__mechanism_t *m, const zuv__sink_t *sink,
                                   zuv__command_kind_t kind) {
  size_t size = zuv__config_metadata_size(m->config);
  size_t total = zuv__command_frame_size(kind, size);
  uint8_t *frame = zuv__malloc(total);

  if (frame == NULL) {
    zuv__mechanism_fail_memory(m);
    return;
  }
  zuv__command_write(frame, kind, NULL, size);
  zuv__config_metadata_write(m->config, frame + total - size);
  if (zuv__sink_write(sink, frame, total) != 0)
    zuv__mechanism_fail_memory(m);
  zuv__free(frame);
}

void zuv__mechanism_write_refusal(zuv__mechanism_t *m,
                                  const zuv__sink_t *sink) {
  uint8_t frame[16];
  uint8_t reason[4] = {3, '0', '0', '0'};

  if (m->failure->kind != ZUV__ENGINE_REFUSED ||
      (m->failure->status != 400 && m->failure->status != 500))
    return;
  reason[1] = (uint8_t)('0' + m->failure->status / 100);
  /* The refusal stands whether or not the sink can take it. */
  (void)zuv__sink_write(
      sink, frame,
      zuv__command_write(frame, ZUV__COMMAND_ERROR, reason, sizeof(reason)));
}
