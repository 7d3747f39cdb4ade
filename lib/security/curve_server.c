/* CURVE (RFC 26), the server: WELCOME with a transient key for the client's
 * HELLO; when INITIATE has come and its cookie and vouch are right, the
 * client's long-term key is put before authentication; then READY, or ERROR in
 * clear. Called by the engine. Fails when a box of the client does not open
 * (it does not know our key), when its cookie, vouch or metadata are not what
 * they must be, when it sends anything out of turn, when it is refused, and for
 * memory. */
#include "security/curve.h"

#include <string.h>

#include "base/alloc.h"
#include "security/secret.h"

typedef struct {
  zuv__curve_t curve;
  enum {
    EXPECTS_HELLO,
    SENDS_WELCOME,
    EXPECTS_INITIATE,
    AWAITS_VERDICT,
    SENDS_READY
  } step;
  /* Wiped when READY is sent. */
  struct {
    zuv__curve_key_pair_t cookie; /* what ours holds */
    uint8_t cookie_key[ZUV__CURVE_KEY_SIZE];
    uint8_t hello_key[ZUV__CURVE_KEY_SIZE]; /* of the boxes in HELLO, WELCOME */
    uint8_t session_key[ZUV__CURVE_KEY_SIZE];
    uint8_t client_key[ZUV__CURVE_KEY_SIZE]; /* long-term */
  } handshake;
} curve_server_t;

static void server_init(zuv__mechanism_t *m) {
  curve_server_t *server = (curve_server_t *)m;

  server->step = EXPECTS_HELLO;
  m->command_max = sizeof(zuv__curve_hello_t);
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_HELLO;
  zuv__curve_init(&server->curve);
}

/* All that WELCOME needs, in one call to the system. */
typedef struct {
  uint8_t secret_key[ZUV__CURVE_KEY_SIZE]; /* s' */
  uint8_t cookie_key[ZUV__CURVE_KEY_SIZE];
  uint8_t cookie[ZUV__CURVE_RANDOM_SIZE];
  uint8_t welcome[ZUV__CURVE_RANDOM_SIZE];
} random_octets_t;

static void make_cookie(curve_server_t *server, const random_octets_t *random,
                        zuv__curve_sealed_pair_t *cookie) {
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  memcpy(server->handshake.cookie_key, random->cookie_key,
         sizeof(random->cookie_key));
  memcpy(cookie->random, random->cookie, sizeof(random->cookie));
  zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_COOKIE, cookie->random);
  (void)crypto_secretbox_easy(
      cookie->box, (const uint8_t *)&server->handshake.cookie,
      sizeof(server->handshake.cookie), nonce, server->handshake.cookie_key);
}

static void write_welcome(curve_server_t *server, const zuv__sink_t *sink) {
  zuv__curve_welcome_t welcome = {.name = "\007WELCOME"};
  zuv__curve_welcome_content_t content;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  random_octets_t random;

  randombytes_buf(&random, sizeof(random));
  memcpy(server->handshake.cookie.server, random.secret_key,
         sizeof(random.secret_key));
  (void)crypto_scalarmult_base(content.server_key, random.secret_key);
  make_cookie(server, &random, &content.cookie);
  memcpy(welcome.random, random.welcome, sizeof(random.welcome));
  zuv__wipe(&random, sizeof(random));
  zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_WELCOME, welcome.random);
  (void)crypto_box_easy_afternm(welcome.box, (const uint8_t *)&content,
                                sizeof(content), nonce,
                                server->handshake.hello_key);
  zuv__curve_write_command(&server->curve, sink, &welcome, sizeof(welcome));
}

static void write_ready(curve_server_t *server, const zuv__sink_t *sink) {
  zuv__curve_ready_t ready = {.name = "\005READY"};
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  zuv__curve_count(&server->curve, ready.counter);
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_READY, ready.counter);
  zuv__curve_write_metadata(&server->curve, sink, &ready, sizeof(ready), NULL,
                            0, nonce, server->handshake.session_key);
  if (server->curve.base.status == ZUV__MECHANISM_FAILED)
    return;
  zuv__curve_start_traffic(&server->curve, server->handshake.session_key,
                           ZUV__CURVE_NONCE_FROM_SERVER,
                           ZUV__CURVE_NONCE_FROM_CLIENT);
  zuv__wipe(&server->handshake, sizeof(server->handshake));
}

static void server_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  curve_server_t *server = (curve_server_t *)m;

  if (m->status == ZUV__MECHANISM_FAILED)
    zuv__mechanism_write_refusal(m, sink);
  if (m->status != ZUV__MECHANISM_IN_PROGRESS)
    return;
  if (server->step == SENDS_WELCOME) {
    server->step = EXPECTS_INITIATE;
    m->command_max = ZUV__CURVE_INITIATE_MIN + ZUV__CURVE_METADATA_MAX;
    m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_INITIATE;
    write_welcome(server, sink);
  } else if (server->step == SENDS_READY) {
    write_ready(server, sink);
  }
}

static void take_hello(curve_server_t *server, const uint8_t *body,
                       size_t size) {
  const zuv__curve_hello_t *hello = (const zuv__curve_hello_t *)body;
  const zuv__security_t *security = server->curve.base.config->security;
  uint8_t content[sizeof(hello->box) - ZUV__CURVE_TAG_SIZE];
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  if (size != sizeof(*hello) || hello->version[0] != 1 ||
      hello->version[1] != 0) {
    zuv__mechanism_fail(&server->curve.base, ZUV__ZMTP_MALFORMED_COMMAND_HELLO,
                        "malformed HELLO command");
    return;
  }
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_HELLO, hello->counter);
  if (crypto_box_beforenm(server->handshake.hello_key, hello->client_key,
                          security->curve_secret_key) != 0 ||
      crypto_box_open_easy_afternm(content, hello->box, sizeof(hello->box),
                                   nonce, server->handshake.hello_key) != 0) {
    zuv__curve_fail_cryptographic(&server->curve, "HELLO does not open");
    return;
  }
  memcpy(server->handshake.cookie.client, hello->client_key,
         sizeof(hello->client_key));
  server->curve.receives.counter = zuv__frame_read_u64(hello->counter);
  server->step = SENDS_WELCOME;
}

/* True when it is the one that we sent on this connection. */
static bool is_our_cookie(const curve_server_t *server,
                          const zuv__curve_sealed_pair_t *cookie) {
  zuv__curve_key_pair_t pair;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  bool ours;

  zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_COOKIE, cookie->random);
  ours = crypto_secretbox_open_easy((uint8_t *)&pair, cookie->box,
                                    sizeof(cookie->box), nonce,
                                    server->handshake.cookie_key) == 0 &&
         zuv__secrets_equal(&pair, &server->handshake.cookie, sizeof(pair));
  zuv__wipe(&pair, sizeof(pair));
  return ours;
}

/* Only the owner of the long-term key can have made the vouch, for this
 * transient key and this server. */
static void check_vouch(curve_server_t *server,
                        const zuv__curve_initiate_content_t *content) {
  const zuv__security_t *security = server->curve.base.config->security;
  const zuv__curve_key_pair_t *expected = &server->handshake.cookie;
  zuv__curve_key_pair_t pair;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  uint8_t key[ZUV__CURVE_KEY_SIZE];

  zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_VOUCH, content->vouch.random);
  if (crypto_box_beforenm(key, content->client_key, expected->server) != 0 ||
      crypto_box_open_easy_afternm((uint8_t *)&pair, content->vouch.box,
                                   sizeof(content->vouch.box), nonce, key) != 0)
    zuv__curve_fail_cryptographic(&server->curve, "the vouch does not open");
  else if (!zuv__secrets_equal(pair.client, expected->client,
                               sizeof(pair.client)) ||
           !zuv__secrets_equal(pair.server, security->curve_public_key,
                               sizeof(pair.server)))
    zuv__mechanism_fail(&server->curve.base, ZUV__ZMTP_KEY_EXCHANGE,
                        "the vouch is for another connection");
  zuv__wipe(key, sizeof(key));
}

/* Metadata is read before authentication, which may want the routing id. */
static void take_content(curve_server_t *server, const uint8_t *octets,
                         size_t size) {
  const zuv__curve_initiate_content_t *content =
      (const zuv__curve_initiate_content_t *)octets;
  zuv__mechanism_t *m = &server->curve.base;

  check_vouch(server, content);
  if (m->status != ZUV__MECHANISM_FAILED)
    zuv__mechanism_read_metadata(m, octets + sizeof(*content),
                                 size - sizeof(*content));
  if (m->status == ZUV__MECHANISM_FAILED)
    return;
  memcpy(server->handshake.client_key, content->client_key,
         sizeof(content->client_key));
  server->step = AWAITS_VERDICT;
  m->status = ZUV__MECHANISM_AUTHENTICATE;
  m->command_max = 0;
  m->too_large_error = ZUV__ZMTP_UNSPECIFIED;
}

static void take_initiate(curve_server_t *server, const uint8_t *body,
                          size_t size) {
  const zuv__curve_initiate_t *initiate = (const zuv__curve_initiate_t *)body;
  const zuv__curve_key_pair_t *pair = &server->handshake.cookie;
  zuv__mechanism_t *m = &server->curve.base;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  uint64_t counter;
  uint8_t *content;

  if (size < ZUV__CURVE_INITIATE_MIN) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_INITIATE,
                        "malformed INITIATE command");
    return;
  }
  counter = zuv__frame_read_u64(initiate->counter);
  if (counter <= server->curve.receives.counter) {
    zuv__mechanism_fail(m, ZUV__ZMTP_INVALID_SEQUENCE,
                        "INITIATE with a used counter");
    return;
  }
  if (!is_our_cookie(server, &initiate->cookie) ||
      crypto_box_beforenm(server->handshake.session_key, pair->client,
                          pair->server) != 0) {
    zuv__curve_fail_cryptographic(&server->curve, "the cookie is not ours");
    return;
  }
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_INITIATE, initiate->counter);
  content = zuv__curve_open_metadata(&server->curve, initiate->box,
                                     size - sizeof(*initiate), nonce,
                                     server->handshake.session_key);
  if (content == NULL)
    return;
  server->curve.receives.counter = counter;
  take_content(server, content, size - sizeof(*initiate) - ZUV__CURVE_TAG_SIZE);
  zuv__free(content);
}

static void server_process(zuv__mechanism_t *m, const uint8_t *body,
                           size_t size) {
  curve_server_t *server = (curve_server_t *)m;
  zuv__command_t command;
  zuv__command_kind_t kind = zuv__command_parse(body, size, &command);

  if (size <= 1 || body[0] >= size)
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED,
                        "malformed command");
  else if (kind == ZUV__COMMAND_HELLO && server->step == EXPECTS_HELLO)
    take_hello(server, body, size);
  else if (kind == ZUV__COMMAND_INITIATE && server->step == EXPECTS_INITIATE)
    take_initiate(server, body, size);
  else
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        "expected a HELLO, then an INITIATE command");
}

static void server_credentials(const zuv__mechanism_t *m,
                               zuv__credentials_t *credentials) {
  const curve_server_t *server = (const curve_server_t *)m;

  credentials->mechanism = m->ops->name;
  credentials->count = 1;
  credentials->parts[0].data = server->handshake.client_key;
  credentials->parts[0].size = sizeof(server->handshake.client_key);
}

static void server_authenticated(zuv__mechanism_t *m, int status) {
  curve_server_t *server = (curve_server_t *)m;

  if (status != 200) {
    zuv__mechanism_refuse(m, status);
    return;
  }
  server->step = SENDS_READY;
  m->status = ZUV__MECHANISM_IN_PROGRESS;
}

const zuv__mechanism_ops_t zuv__mechanism_curve_server = {
    .name = "CURVE",
    .number = ZUV__MECHANISM_CURVE,
    .state_size = sizeof(curve_server_t),
    .costly = true,
    .init = server_init,
    .next = server_next,
    .process = server_process,
    .credentials = server_credentials,
    .authenticated = server_authenticated,
    .overhead = ZUV__CURVE_OVERHEAD,
    .decode_overhead = ZUV__CURVE_DECODE_OVERHEAD,
    .encode = zuv__curve_encode,
    .decode = zuv__curve_decode,
};
