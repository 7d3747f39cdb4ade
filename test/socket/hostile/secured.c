#include "secured.h"

secured_keys_t secured_server_keys;
secured_keys_t secured_client_keys;
secured_keys_t secured_other_keys;
const char *secured_transport = "tcp";

int secured_make_keys(void **state) {
  secured_keys_t *const keys[] = {&secured_server_keys, &secured_client_keys,
                                  &secured_other_keys};

  (void)state;
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
    if (zuv_curve_keypair(keys[i]->public_key, keys[i]->secret_key) != 0)
      return -1;
  return 0;
}

/* ---- Callbacks ---- */

static void note_peer(secured_peer_t *to, const zuv_peer_t *peer) {
  const char *user_id = zuv_peer_user_id(peer);

  snprintf(to->mechanism, sizeof(to->mechanism), "%s",
           zuv_peer_mechanism(peer));
  snprintf(to->user_id, sizeof(to->user_id), "%s",
           user_id == NULL ? "(none)" : user_id);
}

static void on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  secured_t *s = (secured_t *)socket;
  size_t index = s->actor.events[event->type];

  actor_on_event(socket, event);
  if (event->type == ZUV_EVENT_READY)
    note_peer(&s->ready, event->peer);
  if (event->type == ZUV_EVENT_HANDSHAKE_FAILED &&
      index < sizeof(s->failed) / sizeof(s->failed[0]))
    s->failed[index] = *event;
  if (event->type == ZUV_EVENT_CONNECT_RETRIED &&
      index < sizeof(s->delays) / sizeof(s->delays[0]))
    s->delays[index] = event->delay_ms;
}

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  secured_t *s = (secured_t *)socket;

  actor_note_message(&s->actor, parts, count);
  if (peer != NULL)
    note_peer(&s->from, peer);
}

static size_t copy(char *to, const void *from, size_t size) {
  assert_true(size < SECURED_NAME_MAX);
  if (size > 0)
    memcpy(to, from, size);
  to[size] = '\0';
  /* behind every text is a NUL */
  if (from != NULL)
    assert_int_equal(((const char *)from)[size], '\0');
  return size;
}

static void note_question(secured_question_t *to, const zuv_auth_t *request) {
  to->mechanism = request->mechanism;
  snprintf(to->endpoint, sizeof(to->endpoint), "%s", request->endpoint);
  snprintf(to->address, sizeof(to->address), "%s", request->address);
  snprintf(to->domain, sizeof(to->domain), "%s", request->domain);
  to->routing_id_size =
      copy(to->routing_id, request->routing_id, request->routing_id_size);
  to->has_username = request->username != NULL;
  to->username_size =
      copy(to->username, request->username, request->username_size);
  to->has_password = request->password != NULL;
  to->password_size =
      copy(to->password, request->password, request->password_size);
  to->public_key[0] = '\0';
  if (request->public_key != NULL)
    assert_int_equal(
        zuv_z85_encode(to->public_key, request->public_key, ZUV_CURVE_KEY_SIZE),
        0);
}

void secured_on_auth(zuv_socket_t *socket, zuv_auth_t *request) {
  secured_t *s = (secured_t *)socket;

  note_question(&s->question, request);
  assert_true(s->asked < SECURED_REQUESTS_MAX);
  s->requests[s->asked++] = s->verdict == 0 ? request : NULL;
  if (s->verdict == 200)
    assert_int_equal(zuv_auth_allow(request, s->user_id), 0);
  else if (s->verdict != 0)
    assert_int_equal(zuv_auth_deny(request, s->verdict), 0);
}

/* ---- Actors ---- */

void secured_open(secured_t *s, zuv_context_t *context, uv_loop_t *loop,
                  int type) {
  memset(s, 0, sizeof(*s));
  actor_open(&s->actor, context, loop, type);
  assert_int_equal(zuv_event_start(&s->actor.zuv, on_event), 0);
  if (type != ZUV_PUB && type != ZUV_PUSH)
    assert_int_equal(zuv_recv_start(&s->actor.zuv, on_message), 0);
  actor_set(&s->actor, ZUV_RECONNECT_IVL, 1);
}

void secured_set_text(secured_t *s, int option, const char *text) {
  assert_int_equal(zuv_set_option(&s->actor.zuv, option, text, strlen(text)),
                   0);
}

void secured_curve_server(secured_t *s) {
  secured_set_text(s, ZUV_CURVE_SECRETKEY, secured_server_keys.secret_key);
  actor_set(&s->actor, ZUV_CURVE_SERVER, 1);
}

void secured_curve_client_with(secured_t *s, const secured_keys_t *keys,
                               const char *server_key) {
  secured_set_text(s, ZUV_CURVE_PUBLICKEY, keys->public_key);
  secured_set_text(s, ZUV_CURVE_SECRETKEY, keys->secret_key);
  secured_set_text(s, ZUV_CURVE_SERVERKEY, server_key);
}

void secured_curve_client(secured_t *s) {
  secured_curve_client_with(s, &secured_client_keys,
                            secured_server_keys.public_key);
}

void secured_plain_server(secured_t *s) {
  actor_set(&s->actor, ZUV_PLAIN_SERVER, 1);
}

void secured_plain_client(secured_t *s, const char *username,
                          const char *password) {
  secured_set_text(s, ZUV_PLAIN_USERNAME, username);
  secured_set_text(s, ZUV_PLAIN_PASSWORD, password);
}

void secured_set_server(secured_t *s, int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_server(s);
  if (mechanism == ZUV_CURVE)
    secured_curve_server(s);
}

void secured_set_client(secured_t *s, int mechanism) {
  if (mechanism == ZUV_PLAIN)
    secured_plain_client(s, "alice", "her password");
  if (mechanism == ZUV_CURVE)
    secured_curve_client(s);
}

void secured_ask(secured_t *s, int verdict, const char *user_id) {
  s->verdict = verdict;
  s->user_id = user_id;
  assert_int_equal(zuv_auth_start(&s->actor.zuv, secured_on_auth), 0);
}

void secured_bind(secured_t *s, char endpoint[RIG_TEXT_MAX]) {
  size_t size = RIG_TEXT_MAX;

  if (strcmp(secured_transport, "tcp") == 0) {
    actor_bind(&s->actor, endpoint);
    return;
  }
  assert_int_equal(zuv_bind(&s->actor.zuv, "ipc://*"), 0);
  assert_int_equal(
      zuv_get_option(&s->actor.zuv, ZUV_LAST_ENDPOINT, endpoint, &size), 0);
}

/* ---- Failures ---- */

static void expect(const zuv_event_t *event, int status, int reason,
                   int peer_status) {
  if (event->status != status || event->reason != reason ||
      event->peer_status != peer_status)
    fail_msg("status %s instead of %s, reason %#x instead of %#x, peer status "
             "%d instead of %d",
             zuv_err_name(event->status), zuv_err_name(status),
             (unsigned)event->reason, (unsigned)reason, event->peer_status,
             peer_status);
}

void secured_expect_failure(const secured_t *s, int status, int reason,
                            int peer_status) {
  assert_true(s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED] > 0);
  expect(&s->actor.last[ZUV_EVENT_HANDSHAKE_FAILED], status, reason,
         peer_status);
}

void secured_expect_failure_at(const secured_t *s, size_t index, int status,
                               int reason, int peer_status) {
  assert_true(s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED] > index);
  expect(&s->failed[index], status, reason, peer_status);
}

void secured_expect_hang_up(const secured_t *s) {
  const zuv_event_t *event = &s->actor.last[ZUV_EVENT_HANDSHAKE_FAILED];

  assert_true(s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED] > 0);
  expect(event, event->status == UV_ECONNRESET ? UV_ECONNRESET : UV_EOF, 0, 0);
}

/* ---- Two of them ---- */

void ends_open(ends_t *ends, int server_type, int client_type) {
  memset(ends, 0, sizeof(*ends));
  rig_open(&ends->rig);
  secured_open(&ends->server, NULL, &ends->rig.loop, server_type);
  secured_open(&ends->client, NULL, &ends->rig.loop, client_type);
}

void ends_set(ends_t *ends, int mechanism) {
  secured_set_server(&ends->server, mechanism);
  secured_set_client(&ends->client, mechanism);
}

void ends_join(ends_t *ends) {
  secured_bind(&ends->server, ends->endpoint);
  actor_connect(&ends->client.actor, ends->endpoint);
}

void ends_wait_ready(ends_t *ends) {
  rig_until(&ends->rig,
            secured_is_ready(&ends->server) && secured_is_ready(&ends->client));
}

void ends_start(ends_t *ends, int mechanism, int server_type, int client_type) {
  ends_open(ends, server_type, client_type);
  ends_set(ends, mechanism);
  if (mechanism == ZUV_PLAIN)
    secured_ask(&ends->server, 200, "alice");
  ends_join(ends);
  ends_wait_ready(ends);
}

void ends_close(ends_t *ends) {
  secured_t *const both[] = {&ends->client, &ends->server};

  for (int i = 0; i < 2; i++)
    if (!zuv_is_closing(&both[i]->actor.zuv))
      actor_close(&ends->rig, &both[i]->actor);
  rig_close(&ends->rig);
}

/* ---- A ZAP handler ---- */

static void on_zap_request(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                           zuv_peer_t *peer) {
  secured_handler_t *handler = (secured_handler_t *)socket;

  (void)peer;
  assert_true(count <= SECURED_ZAP_PARTS_MAX);
  handler->asked++;
  handler->count = count;
  for (size_t i = 0; i < count; i++) {
    handler->sizes[i] = zuv_msg_size(&parts[i]);
    assert_true(handler->sizes[i] < SECURED_NAME_MAX);
    memset(handler->parts[i], 0, SECURED_NAME_MAX);
    if (handler->sizes[i] > 0)
      memcpy(handler->parts[i], zuv_msg_data(&parts[i]), handler->sizes[i]);
  }
  if (handler->reply != NULL)
    assert_int_equal(secured_handler_answer(handler), 0);
}

int secured_handler_answer(secured_handler_t *handler) {
  char text[RIG_TEXT_MAX];
  const char *id = strchr(handler->reply, '#');
  int size;

  if (id == NULL)
    return actor_send(&handler->actor, handler->reply);
  size = snprintf(text, sizeof(text), "%.*s%s%s", (int)(id - handler->reply),
                  handler->reply, handler->parts[1], id + 1);
  assert_true(size > 0 && (size_t)size < sizeof(text));
  return actor_send(&handler->actor, text);
}

void secured_handler_open(secured_handler_t *handler, zuv_context_t *context,
                          uv_loop_t *loop) {
  memset(handler, 0, sizeof(*handler));
  actor_open(&handler->actor, context, loop, ZUV_REP);
  assert_int_equal(zuv_recv_start(&handler->actor.zuv, on_zap_request), 0);
  handler->reply = "1.0|#|200|OK||";
  assert_int_equal(zuv_bind(&handler->actor.zuv, "inproc://zeromq.zap.01"), 0);
}
