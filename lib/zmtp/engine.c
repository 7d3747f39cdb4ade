#include "zmtp/engine.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "zmtp/frame.h"
#include "zmtp/old_peer.h"

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
  e->peer.version_major = 3;
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

/* ---- Peers before ZMTP 3 ---- */

static bool is_old(const zuv__engine_t *e) {
  return zuv__version_is_before_3((zuv__version_t)e->greeting.version);
}

/* They know no security: nobody gets around ours by being one. */
static bool refuse_if_secured(zuv__engine_t *e) {
  if (e->config->mechanism->number == ZUV__MECHANISM_NULL &&
      !e->config->refuse_old_peers)
    return false;
  fail(e, ZUV__ENGINE_UNSUPPORTED_VERSION, ZUV__PROTOCOL_NO_ERROR,
       "the peer speaks a ZMTP version before 3.0, which has no security");
  return true;
}

static void let_old_peer_in(zuv__engine_t *e) {
  e->state =
      e->config->authenticate ? ZUV__ENGINE_ADMISSION : ZUV__ENGINE_TRAFFIC;
}

static size_t read_identity(zuv__engine_t *e, const uint8_t *in, size_t len) {
  zuv__frame_t frame;

  e->needed = 0;
  switch (zuv__old_identity_decode(&e->greeting, in, len, &frame)) {
    case ZUV__FRAME_COMPLETE:
      break;
    case ZUV__FRAME_PARTIAL:
      e->needed = frame.total;
      return 0;
    case ZUV__FRAME_TOO_LARGE:
      fail(e, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZMTP_INVALID_METADATA,
           "routing id over 255 octets");
      return 0;
    default:
      fail(e, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZMTP_UNSPECIFIED,
           "impossible frame size");
      return 0;
  }
  if (zuv__peer_set_identity(&e->peer, frame.body, frame.size) != ZUV__PEER_OK)
    fail_memory(e);
  else
    let_old_peer_in(e);
  return frame.total;
}

static void finish_old_greeting(zuv__engine_t *e, const zuv__sink_t *sink) {
  uint8_t identity[ZUV__IDENTITY_MAX];
  size_t size;

  if (refuse_if_secured(e))
    return;
  e->peer.mechanism = NULL;
  zuv__old_peer_describe(&e->peer, &e->greeting);
  size = zuv__old_identity_write(identity, (zuv__version_t)e->greeting.version,
                                 e->config);
  if (size > 0 && zuv__sink_write(sink, identity, size) != 0)
    fail_memory(e);
  else
    e->state = ZUV__ENGINE_IDENTITY;
}

static void send_socket_type(zuv__engine_t *e, const zuv__sink_t *sink) {
  uint8_t type = zuv__old_socket_type(e->config->socket_type);

  if (!refuse_if_secured(e) && zuv__sink_write(sink, &type, 1) != 0)
    fail_memory(e);
}

/* ---- Reading ---- */

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
      if (is_old(e))
        send_socket_type(e, sink);
      else
        send_greeting(e, sink, ZUV__GREETING_SIGNATURE_SIZE + 1,
                      ZUV__GREETING_SIZE);
      break;
    case ZUV__GREETING_COMPLETE:
      if (is_old(e))
        finish_old_greeting(e, sink);
      else
        finish_greeting(e, sink);
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
  zuv__engine_state_t before;
  size_t used = 0;
  size_t step;

  begin(e, sink);
  do {
    before = e->state;
    step = 0;
    switch (e->state) {
      case ZUV__ENGINE_GREETING:
        step = read_greeting(e, sink, in + used, len - used);
        /* What follows may suit the verdict only. */
        if (zuv__engine_wants_authentication(e))
          len = used + step;
        break;
      case ZUV__ENGINE_HANDSHAKE:
        if (used < len)
          step = read_command(e, sink, in + used, len - used);
        break;
      case ZUV__ENGINE_IDENTITY:
        step = read_identity(e, in + used, len - used);
        break;
      case ZUV__ENGINE_ADMISSION:
      case ZUV__ENGINE_TRAFFIC:
      case ZUV__ENGINE_FAILED:
        break;
    }
    used += step;
    /* An old peer's identity may have been in its greeting, whole. */
  } while (step > 0 || e->state != before);
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
  return e->state == ZUV__ENGINE_ADMISSION ||
         (e->state == ZUV__ENGINE_HANDSHAKE &&
          e->mechanism->status == ZUV__MECHANISM_AUTHENTICATE);
}

void zuv__engine_credentials(const zuv__engine_t *e,
                             zuv__credentials_t *credentials) {
  assert(zuv__engine_wants_authentication(e));
  if (e->state == ZUV__ENGINE_ADMISSION) {
    credentials->mechanism = e->config->mechanism->name;
    credentials->count = 0;
    return;
  }
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
  } else if (e->state == ZUV__ENGINE_HANDSHAKE) {
    e->mechanism->ops->authenticated(e->mechanism, status);
    follow_mechanism(e, sink);
  } else if (status == 200) {
    e->state = ZUV__ENGINE_TRAFFIC;
  } else {
    /* Such a peer cannot be told. */
    e->failure.status = status;
    fail(e, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR,
         "authentication refused");
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
