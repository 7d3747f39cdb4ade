#include "zmtp/engine.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "zmtp/frame.h"

void zuv__engine_init(zuv__engine_t *e, const zuv__engine_config_t *config) {
  assert(config->routing_id_size <= ZUV__ROUTING_ID_MAX);
  memset(e, 0, sizeof(*e));
  e->config = config;
  e->state = ZUV__ENGINE_GREETING;
  zuv__peer_init(&e->peer);
  e->peer.mechanism = config->mechanism;
  zuv__greeting_init(&e->greeting);
}

void zuv__engine_destroy(zuv__engine_t *e) {
  zuv__mechanism_free(e->mechanism);
  e->mechanism = NULL;
  zuv__peer_destroy(&e->peer);
  zuv__free(e->failure.peer_text);
  e->failure.peer_text = NULL;
}

/* The mechanism's state may be the one that failed: it is freed here, and only
 * the failure, which is ours, lives on. */
static void enter_failed(zuv__engine_t *e) {
  zuv__mechanism_free(e->mechanism);
  e->mechanism = NULL;
  e->needed = 0;
  e->wants_turn = false;
  e->state = ZUV__ENGINE_FAILED;
}

static void fail(zuv__engine_t *e, zuv__failure_kind_t kind,
                 zuv__protocol_error_t error, const char *text) {
  e->failure.kind = kind;
  e->failure.error = error;
  e->failure.text = text;
  enter_failed(e);
}

static void fail_memory(zuv__engine_t *e) {
  fail(e, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR, "out of memory");
}

/* The greeting goes out in steps for the sake of old peers, to which the octet
 * of the revision means something else. A secured socket does not talk to these
 * and sends it at once. The rest still waits for the peer's revision: a libzmq
 * that finds our mechanism with it, and does not like that, would close before
 * it has told its own. */
static size_t first_octets(const zuv__engine_t *e) {
  return ZUV__GREETING_SIGNATURE_SIZE +
         (e->config->mechanism->number != ZUV__MECHANISM_NULL);
}

/* Sends octets [from, to) of our greeting. */
static void send_greeting(zuv__engine_t *e, const zuv__sink_t *sink,
                          size_t from, size_t to) {
  const zuv__mechanism_ops_t *mechanism = e->config->mechanism;
  uint8_t octets[ZUV__GREETING_SIZE];

  /* NULL has no roles (RFC 37, 3.6). */
  zuv__greeting_write(octets, e->config->routing_id_size, mechanism->name,
                      e->config->as_server &&
                          mechanism->number != ZUV__MECHANISM_NULL);
  if (zuv__sink_write(sink, octets + from, to - from) != 0)
    fail_memory(e);
}

/* Lets the mechanism write what a step made due, then goes where it went. */
static void follow_mechanism(zuv__engine_t *e, const zuv__sink_t *sink) {
  zuv__mechanism_t *m = e->mechanism;

  m->ops->next(m, sink);
  switch (m->status) {
    case ZUV__MECHANISM_IN_PROGRESS:
    case ZUV__MECHANISM_AUTHENTICATE:
      break;
    case ZUV__MECHANISM_READY:
      e->state = ZUV__ENGINE_TRAFFIC;
      if (m->ops->encode == NULL) {
        zuv__mechanism_free(m);
        e->mechanism = NULL;
      }
      break;
    case ZUV__MECHANISM_FAILED:
      enter_failed(e);
      break;
  }
}

static bool use_turn(zuv__engine_t *e) {
  if (!e->takes_turns || !e->mechanism->ops->costly)
    return true;
  e->wants_turn = !e->has_turn;
  e->has_turn = false;
  return !e->wants_turn;
}

/* A client's first command costs as much as any other. */
static void begin(zuv__engine_t *e, const zuv__sink_t *sink) {
  if (e->state != ZUV__ENGINE_HANDSHAKE || e->begun)
    return;
  if (!e->config->as_server && !use_turn(e))
    return;
  e->begun = true;
  follow_mechanism(e, sink);
}

static void finish_greeting(zuv__engine_t *e, const zuv__sink_t *sink) {
  e->peer.version_minor = e->greeting.version == ZUV__VERSION_3_0 ? 0 : 1;
  if (!e->greeting.mechanism_matches) {
    fail(e, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZMTP_MECHANISM_MISMATCH,
         "the peer uses another security mechanism");
    return;
  }
  e->state = ZUV__ENGINE_HANDSHAKE;
  e->mechanism = zuv__mechanism_new(e->config, &e->peer, &e->failure);
  if (e->mechanism == NULL)
    fail_memory(e);
  else
    begin(e, sink);
}

static size_t read_greeting(zuv__engine_t *e, const zuv__sink_t *sink,
                            const uint8_t *in, size_t len) {
  size_t consumed;

  switch (zuv__greeting_read(&e->greeting, e->config->mechanism->name, in, len,
                             &consumed)) {
    case ZUV__GREETING_NEEDS_MORE:
      break;
    case ZUV__GREETING_SIGNATURE:
      if (first_octets(e) == ZUV__GREETING_SIGNATURE_SIZE)
        send_greeting(e, sink, ZUV__GREETING_SIGNATURE_SIZE,
                      ZUV__GREETING_SIGNATURE_SIZE + 1);
      break;
    case ZUV__GREETING_REVISION:
      send_greeting(e, sink, ZUV__GREETING_SIGNATURE_SIZE + 1,
                    ZUV__GREETING_SIZE);
      break;
    case ZUV__GREETING_COMPLETE:
      finish_greeting(e, sink);
      break;
    case ZUV__GREETING_UNSUPPORTED:
      fail(e, ZUV__ENGINE_UNSUPPORTED_VERSION, ZUV__PROTOCOL_NO_ERROR,
           "the peer speaks a ZMTP version before 3.0");
      break;
  }
  return consumed;
}

/* The COMMAND flag is not looked at: libzmq takes a handshake command without
 * it, and what is no command fails by its content. */
static size_t read_command(zuv__engine_t *e, const zuv__sink_t *sink,
                           const uint8_t *in, size_t len) {
  zuv__mechanism_t *m = e->mechanism;
  zuv__frame_t frame;
  int result;

  if (!e->begun)
    return 0;
  result = zuv__frame_decode(in, len, ZUV__COMMAND_MAX, &frame);
  if (result >= ZUV__FRAME_PARTIAL && frame.total > 0 &&
      frame.size > m->command_max)
    result = ZUV__FRAME_TOO_LARGE;
  switch (result) {
    case ZUV__FRAME_COMPLETE:
      if (!use_turn(e))
        return 0;
      break;
    case ZUV__FRAME_PARTIAL:
      e->needed = frame.total;
      return 0;
    case ZUV__FRAME_TOO_LARGE:
      fail(e, ZUV__ENGINE_PROTOCOL_ERROR, m->too_large_error,
           "handshake command is too large");
      return 0;
    default:
      fail(e, ZUV__ENGINE_PROTOCOL_ERROR,
           ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED, "impossible frame size");
      return 0;
  }
  e->needed = 0;
  m->ops->process(m, frame.body, frame.size);
  follow_mechanism(e, sink);
  return frame.total;
}

zuv__engine_state_t zuv__engine_start(zuv__engine_t *e,
                                      const zuv__sink_t *sink) {
  send_greeting(e, sink, 0, first_octets(e));
  return e->state;
}

zuv__engine_state_t zuv__engine_handshake(zuv__engine_t *e,
                                          const zuv__sink_t *sink,
                                          const uint8_t *in, size_t len,
                                          size_t *consumed) {
  size_t used = 0;
  size_t step = 1;

  begin(e, sink);
  while (used < len && step > 0) {
    switch (e->state) {
      case ZUV__ENGINE_GREETING:
        step = read_greeting(e, sink, in + used, len - used);
        /* What follows may suit the verdict only. */
        if (zuv__engine_wants_authentication(e))
          len = used + step;
        break;
      case ZUV__ENGINE_HANDSHAKE:
        step = read_command(e, sink, in + used, len - used);
        break;
      case ZUV__ENGINE_TRAFFIC:
      case ZUV__ENGINE_FAILED:
        step = 0;
        break;
    }
    used += step;
  }
  *consumed = used;
  return e->state;
}

size_t zuv__engine_needed(const zuv__engine_t *e) {
  return e->needed;
}

void zuv__engine_take_turns(zuv__engine_t *e) {
  e->takes_turns = true;
}

void zuv__engine_grant_turn(zuv__engine_t *e) {
  e->wants_turn = false;
  e->has_turn = true;
}

bool zuv__engine_wants_authentication(const zuv__engine_t *e) {
  return e->state == ZUV__ENGINE_HANDSHAKE &&
         e->mechanism->status == ZUV__MECHANISM_AUTHENTICATE;
}

void zuv__engine_credentials(const zuv__engine_t *e,
                             zuv__credentials_t *credentials) {
  assert(zuv__engine_wants_authentication(e));
  e->mechanism->ops->credentials(e->mechanism, credentials);
}

static int normalise_status(int status) {
  return status == 200 || status == 300 || status == 400 ? status : 500;
}

zuv__engine_state_t zuv__engine_authenticated(zuv__engine_t *e,
                                              const zuv__sink_t *sink,
                                              const zuv__verdict_t *verdict) {
  int status = normalise_status(verdict->status);
  zuv__peer_result_t result = ZUV__PEER_OK;

  if (!zuv__engine_wants_authentication(e))
    return e->state;
  if (status == 200)
    result = zuv__peer_add_authentication(
        &e->peer, verdict->user_id, verdict->user_id_size, verdict->metadata,
        verdict->metadata_size);
  if (result == ZUV__PEER_OUT_OF_MEMORY) {
    fail_memory(e);
  } else if (result != ZUV__PEER_OK) {
    fail(e, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZAP_INVALID_METADATA,
         "malformed metadata in the authentication's answer");
  } else {
    e->mechanism->ops->authenticated(e->mechanism, status);
    follow_mechanism(e, sink);
  }
  return e->state;
}

void zuv__engine_answer_is_malformed(zuv__engine_t *e,
                                     zuv__protocol_error_t error) {
  if (zuv__engine_wants_authentication(e))
    fail(e, ZUV__ENGINE_PROTOCOL_ERROR, error,
         "the authentication's answer is malformed");
}

uint8_t *zuv__engine_take_metadata(zuv__engine_t *e, size_t *size) {
  uint8_t *metadata = e->peer.metadata;

  *size = e->peer.metadata_size;
  e->peer.metadata = NULL;
  e->peer.metadata_size = 0;
  return metadata;
}
