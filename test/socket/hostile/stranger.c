#include "stranger.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "security/z85.h"

enum { SIGNATURE_SIZE = 10, GREETING_SIZE = 64 };

static int take(void *context, const void *bytes, size_t size) {
  wire_put(&((stranger_t *)context)->out, bytes, size);
  return 0;
}

static void set_text(zuv__security_text_t *to, const char *text) {
  to->size = (uint8_t)strlen(text);
  memcpy(to->bytes, text, to->size);
}

static void set_key(uint8_t *key, const char *text) {
  assert_true(zuv__z85_decode(key, text, ZUV__CURVE_KEY_TEXT_SIZE));
}

void stranger_open(stranger_t *s, int mechanism, const char *endpoint) {
  zuv__sink_t sink = {take, s};

  memset(s, 0, sizeof(*s));
  s->security.mechanism = (uint8_t)mechanism;
  set_text(&s->security.plain_username, "alice");
  set_text(&s->security.plain_password, "her password");
  set_key(s->security.curve_public_key, secured_client_keys.public_key);
  set_key(s->security.curve_secret_key, secured_client_keys.secret_key);
  set_key(s->security.curve_server_key, secured_server_keys.public_key);
  s->config.socket_type = ZUV_DEALER;
  s->config.mechanism = zuv__mechanism_find(mechanism, false);
  s->config.security = &s->security;
  zuv__engine_init(&s->engine, &s->config);
  zuv__engine_start(&s->engine, &sink);
  s->fd = raw_connect(endpoint);
}

void stranger_close(stranger_t *s) {
  zuv__engine_destroy(&s->engine);
  close(s->fd);
}

/* What it has not understood stays in `in`. */
static void listen_to(stranger_t *s) {
  zuv__sink_t sink = {take, s};
  size_t room = sizeof(s->in) - s->have;
  ssize_t n = recv(s->fd, s->in + s->have, room, MSG_DONTWAIT);
  size_t used;

  assert_true(room > 0);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    s->closed = true;
  if (n > 0)
    s->have += (size_t)n;
  zuv__engine_handshake(&s->engine, &sink, s->in, s->have, &used);
  s->have -= used;
  memmove(s->in, s->in + used, s->have);
}

/* The frame at this offset of what it may send; 0: it is not there yet. */
static size_t frame_size(const stranger_t *s, size_t from) {
  zuv__frame_t frame;

  if (s->out.size <= from ||
      zuv__frame_decode(s->out.bytes + from, s->out.size - from, UINT64_MAX,
                        &frame) != ZUV__FRAME_COMPLETE)
    return 0;
  return frame.total;
}

/* How much is sent at that stage; 0: not known yet. */
static size_t limit_of(const stranger_t *s, stranger_stage_t stage) {
  size_t hello = frame_size(s, GREETING_SIZE);

  switch (stage) {
    case STRANGER_CONNECTED:
      return 0;
    case STRANGER_SIGNED:
      return SIGNATURE_SIZE;
    case STRANGER_GREETED:
      return GREETING_SIZE;
    case STRANGER_HELLO:
    case STRANGER_WELCOME:
      return hello == 0 ? 0 : GREETING_SIZE + hello;
    default:
      return hello == 0 || frame_size(s, GREETING_SIZE + hello) == 0
                 ? 0
                 : s->out.size;
  }
}

static bool is_there(const stranger_t *s, stranger_stage_t stage) {
  size_t limit = limit_of(s, stage);

  if (stage == STRANGER_READY)
    return s->engine.state == ZUV__ENGINE_TRAFFIC;
  if (stage == STRANGER_WELCOME)
    return limit_of(s, STRANGER_INITIATE) > 0;
  return stage == STRANGER_CONNECTED || (limit > 0 && s->sent >= limit);
}

/* What leads there, as far as that is known. */
static size_t limit_on_the_way(const stranger_t *s, stranger_stage_t stage) {
  size_t limit = 0;

  for (; limit == 0 && stage > STRANGER_CONNECTED; stage--)
    limit = limit_of(s, stage);
  return limit < s->out.size ? limit : s->out.size;
}

bool stranger_moves(stranger_t *s, stranger_stage_t stage) {
  size_t limit;

  listen_to(s);
  limit = limit_on_the_way(s, stage);
  while (s->sent < limit && !s->closed) {
    ssize_t n = send(s->fd, s->out.bytes + s->sent, limit - s->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      s->closed |= errno != EAGAIN;
      break;
    }
    s->sent += (size_t)n;
  }
  return s->closed || is_there(s, stage);
}

void stranger_reach(rig_t *rig, stranger_t *s, stranger_stage_t stage) {
  rig_until(rig, stranger_moves(s, stage));
  assert_false(s->closed);
}

void stranger_say(rig_t *rig, stranger_t *s, const void *bytes, size_t size) {
  if (!s->closed)
    s->closed = !raw_send(rig, s->fd, bytes, size);
}

bool stranger_is_closed(stranger_t *s) {
  s->closed |= raw_is_closed(s->fd);
  return s->closed;
}
