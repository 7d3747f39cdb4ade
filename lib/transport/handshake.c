/* The handshake of a connection: feeds the engine, asks whether the peer may
 * come in, and tells how it ended. A costly step waits for its turn among all
 * connections of the loop. */
#include "core/monitor.h"
#include "security/secret.h"
#include "transport/address.h"
#include "transport/admission.h"
#include "transport/connection.h"
#include "transport/heartbeat.h"

static int sink_write(void *context, const void *bytes, size_t size) {
  zuv__connection_t *c = context;
  int err = zuv__output_reserve(&c->output, c->loop, size);

  if (err != 0)
    return err;
  zuv__output_append(&c->output, bytes, size);
  /* PLAIN sends a password in clear. */
  c->output.wipe = c->wipes_input;
  return 0;
}

int zuv__connection_start_handshake(zuv__connection_t *c) {
  zuv__sink_t sink = {sink_write, c};

  if (c->session->options->handshake_ivl > 0)
    zuv__timer_start(c->loop, &c->handshake_timer,
                     (uint64_t)c->session->options->handshake_ivl);
  zuv__engine_take_turns(&c->engine);
  if (zuv__engine_start(&c->engine, &sink) == ZUV__ENGINE_FAILED)
    return UV_ENOMEM;
  zuv__loop_schedule_flush(c->loop, &c->flush_task);
  return 0;
}

void zuv__connection_tell_handshake_failed(zuv__connection_t *c, int status) {
  const zuv__failure_t *failure = &c->engine.failure;
  char address[ZUV__ADDRESS_SIZE];
  zuv_event_t event = {.type = ZUV_EVENT_HANDSHAKE_FAILED,
                       .status = status,
                       .reason = (int)failure->error,
                       .peer_status = failure->status,
                       .fd = c->io->fd,
                       .address = address};

  c->session->socket->counts.handshakes_failed++;
  zuv__address_of_peer(c->io->fd, address, sizeof(address));
  zuv__session_tell(c->session, &event);
}

static int engine_status(const zuv__failure_t *failure) {
  switch (failure->kind) {
    case ZUV__ENGINE_OUT_OF_MEMORY:
      return UV_ENOMEM;
    case ZUV__ENGINE_REFUSED:
    case ZUV__ENGINE_REFUSED_BY_PEER:
      return UV_EACCES;
    case ZUV__ENGINE_UNSUPPORTED_VERSION:
      return UV_EPROTONOSUPPORT;
    default:
      return UV_EPROTO;
  }
}

/* Where the limits of a message lie when it comes inside a frame. Only inside
 * is told whether it is a command, which may always have its size. */
static void set_limits(zuv__connection_t *c) {
  uint64_t inner = c->max_size;
  size_t overhead;

  c->secured = c->engine.mechanism != NULL;
  c->framing_v1 = c->engine.peer.version_major == 1;
  c->in_clear = !c->secured && !c->framing_v1;
  if (!c->secured || inner == UINT64_MAX)
    return;
  if (inner < ZUV__COMMAND_MAX)
    inner = ZUV__COMMAND_MAX;
  overhead = c->engine.mechanism->ops->decode_overhead;
  c->frame_max = inner > UINT64_MAX - overhead ? UINT64_MAX : inner + overhead;
}

/* ZMTP 1.0 without a greeting is libzmq 2, whose subscribers say nothing and
 * look through all that there is. */
static int subscribe_to_all(zuv__connection_t *c) {
  zuv__socket_t *socket = c->session->socket;
  zuv__pipe_t *pipe = c->session->pipe;

  if (c->engine.greeting.version != ZUV__VERSION_1_0 ||
      socket->pattern->subscription == NULL || !pipe->attached)
    return 0;
  return socket->pattern->subscription(socket, pipe, true, "", 0);
}

static int handshake_done(zuv__connection_t *c) {
  const zuv__peer_t *known = &c->engine.peer;
  char address[ZUV__ADDRESS_SIZE];
  zuv_peer_t *peer;
  int err = zuv__heartbeat_start(c);

  if (err != 0)
    return err;
  zuv__timer_stop(c->loop, &c->handshake_timer);
  c->legacy_subscriptions = known->version_minor == 0;
  set_limits(c);
  zuv__address_of_peer(c->io->fd, address, sizeof(address));
  peer = zuv__peer_new(address, c->session->endpoint, known->socket_type,
                       known->mechanism != NULL ? known->mechanism->name : "",
                       known->routing_id, known->routing_id_size);
  if (peer == NULL)
    return UV_ENOMEM;
  peer->fd = c->io->fd;
  peer->metadata = zuv__engine_take_metadata(&c->engine, &peer->metadata_size);
  c->state = ZUV__CONNECTION_TRAFFIC;
  c->wipes_input = false;
  err = zuv__session_ready(c->session, peer);
  if (err == 0 && c->state == ZUV__CONNECTION_TRAFFIC)
    err = subscribe_to_all(c);
  return err;
}

static void handshake_failed(zuv__connection_t *c) {
  const zuv__failure_t *failure = &c->engine.failure;

  /* What the peer should hear of it still goes out, if it can. */
  zuv__output_flush(&c->output, c->loop, c->io->fd);
  c->says_goodbye = failure->kind == ZUV__ENGINE_REFUSED;
  zuv__connection_lose(
      c, engine_status(failure),
      failure->kind != ZUV__ENGINE_OUT_OF_MEMORY &&
          !(failure->kind == ZUV__ENGINE_REFUSED && failure->status == 300));
}

/* ---- Admission ---- */

/* ZUV__ADMITTED, 0: asked, or why that was not possible. */
static int ask(zuv__connection_t *c) {
  const zuv__options_t *options = c->session->options;
  const zuv__peer_t *known = &c->engine.peer;
  char address[ZUV__ADDRESS_SIZE];
  zuv__credentials_t credentials;
  zuv__admission_t admission = {.socket = c->session->socket,
                                .security = &options->security,
                                .endpoint = c->session->endpoint,
                                .address = address,
                                .own_routing_id = options->routing_id,
                                .own_routing_id_size = options->routing_id_size,
                                .peer_routing_id = known->routing_id,
                                .peer_routing_id_size = known->routing_id_size,
                                .credentials = &credentials,
                                .answered = &c->resume_task};

  if (!zuv__admission_may_ask(c->session->socket, &options->security))
    return ZUV__ADMITTED;
  zuv__address_of_peer(c->io->fd, address, sizeof(address));
  zuv__engine_credentials(&c->engine, &credentials);
  return zuv__admission_begin(&admission, &c->authentication);
}

static void end_authentication(zuv__connection_t *c) {
  zuv__authentication_t *authentication = c->authentication;

  c->authentication = NULL;
  if (authentication != NULL)
    authentication->end(authentication);
}

void zuv__connection_end_handshake(zuv__connection_t *c) {
  zuv__timer_stop(c->loop, &c->handshake_timer);
  end_authentication(c);
  zuv__engine_destroy(&c->engine);
}

/* Goes where the engine went: asks, begins with traffic, or gives up. */
static void follow_engine(zuv__connection_t *c) {
  const zuv__verdict_t admitted = {.status = 200};
  zuv__sink_t sink = {sink_write, c};
  int err = 0;

  if (zuv__engine_wants_authentication(&c->engine) &&
      c->authentication == NULL) {
    err = ask(c);
    if (err == ZUV__ADMITTED) {
      zuv__engine_authenticated(&c->engine, &sink, &admitted);
      err = 0;
    }
  }
  if (!zuv__output_is_empty(&c->output))
    zuv__loop_schedule_flush(c->loop, &c->flush_task);
  if (zuv__engine_wants_turn(&c->engine))
    zuv__loop_schedule_turn(c->loop, &c->resume_task);
  if (err == 0 && c->engine.state == ZUV__ENGINE_TRAFFIC)
    err = handshake_done(c);
  if (c->state == ZUV__CONNECTION_CLOSED)
    return;
  if (err != 0)
    /* Whom nobody will ever let in is not worth another attempt. */
    zuv__connection_lose(c, err, err == UV_ECANCELED);
  else if (c->engine.state == ZUV__ENGINE_FAILED)
    handshake_failed(c);
}

static size_t feed_engine(zuv__connection_t *c, uint8_t *bytes, size_t size) {
  zuv__sink_t sink = {sink_write, c};
  size_t consumed = 0;

  zuv__engine_handshake(&c->engine, &sink, bytes, size, &consumed);
  /* They may have been a password, and the memory is used for other things. */
  if (c->wipes_input)
    zuv__wipe(bytes, consumed);
  follow_engine(c);
  return consumed;
}

size_t zuv__connection_take_handshake(zuv__connection_t *c, uint8_t *bytes,
                                      size_t size) {
  size_t used = 0;
  size_t step;

  do {
    step = feed_engine(c, bytes + used, size - used);
    used += step;
  } while (step > 0 && used < size && c->state == ZUV__CONNECTION_HANDSHAKE);
  return used;
}

void zuv__connection_resume_handshake(zuv__connection_t *c) {
  uint8_t nothing;
  zuv__authentication_t *authentication;
  zuv__sink_t sink = {sink_write, c};

  if (zuv__engine_wants_turn(&c->engine)) {
    zuv__engine_grant_turn(&c->engine);
    /* Else what was kept is parsed after this. */
    if (c->input.chunk == NULL)
      zuv__connection_take_handshake(c, &nothing, 0);
  }
  authentication = c->authentication;
  if (authentication == NULL || !authentication->is_answered)
    return;
  if (authentication->error != ZUV__PROTOCOL_NO_ERROR)
    zuv__engine_answer_is_malformed(&c->engine, authentication->error);
  else
    zuv__engine_authenticated(&c->engine, &sink, &authentication->verdict);
  end_authentication(c);
  follow_engine(c);
}
