/* CURVE (RFC 26), the client: HELLO under a transient key; when the server's
 * WELCOME has come, INITIATE with the cookie, a vouch that joins our long-term
 * key to the transient one, and our metadata; then the server's READY. Called
 * by the engine. Fails when a box of the server does not open (its key is not
 * the one we were told), when it refuses us or sends anything out of turn, when
 * its metadata does not fit, and for memory. */
#include "security/curve.h"

#include <string.h>

#include "base/alloc.h"
#include "security/secret.h"

typedef struct {
  zuv__curve_t curve;
  enum { SENDS_HELLO, EXPECTS_WELCOME, SENDS_INITIATE, EXPECTS_READY } step;
  /* Wiped when READY has come. */
  struct {
    uint8_t public_key[ZUV__CURVE_KEY_SIZE]; /* transient, as the next */
    uint8_t secret_key[ZUV__CURVE_KEY_SIZE];
    uint8_t hello_key[ZUV__CURVE_KEY_SIZE]; /* of the boxes in HELLO, WELCOME */
    uint8_t session_key[ZUV__CURVE_KEY_SIZE];
    zuv__curve_welcome_content_t welcome;
  } handshake;
} curve_client_t;

static void client_init(zuv__mechanism_t *m) {
  curve_client_t *client = (curve_client_t *)m;

  client->step = SENDS_HELLO;
  /* A WELCOME of a wrong size is one that does not open, as with libzmq. */
  m->command_max = ZUV__CURVE_ERROR_MAX;
  m->too_large_error = ZUV__ZMTP_CRYPTOGRAPHIC;
  zuv__curve_init(&client->curve);
}

static void write_hello(curve_client_t *client, const zuv__sink_t *sink) {
  static const uint8_t zeros[64];
  const zuv__security_t *security = client->curve.base.config->security;
  zuv__curve_hello_t hello = {.name = "\005HELLO", .version = {1, 0}};
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  if (crypto_box_keypair(client->handshake.public_key,
                         client->handshake.secret_key) != 0 ||
      crypto_box_beforenm(client->handshake.hello_key,
                          security->curve_server_key,
                          client->handshake.secret_key) != 0) {
    zuv__curve_fail_cryptographic(&client->curve,
                                  "the server's key is no public key");
    return;
  }
  memcpy(hello.client_key, client->handshake.public_key,
         sizeof(hello.client_key));
  zuv__curve_count(&client->curve, hello.counter);
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_HELLO, hello.counter);
  (void)crypto_box_easy_afternm(hello.box, zeros, sizeof(zeros), nonce,
                                client->handshake.hello_key);
  zuv__curve_write_command(&client->curve, sink, &hello, sizeof(hello));
}

static bool make_vouch(const curve_client_t *client,
                       zuv__curve_sealed_pair_t *vouch) {
  const zuv__security_t *security = client->curve.base.config->security;
  zuv__curve_key_pair_t pair;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  uint8_t key[ZUV__CURVE_KEY_SIZE];
  bool made = crypto_box_beforenm(key, client->handshake.welcome.server_key,
                                  security->curve_secret_key) == 0;

  if (made) {
    memcpy(pair.client, client->handshake.public_key, sizeof(pair.client));
    memcpy(pair.server, security->curve_server_key, sizeof(pair.server));
    randombytes_buf(vouch->random, sizeof(vouch->random));
    zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_VOUCH, vouch->random);
    (void)crypto_box_easy_afternm(vouch->box, (const uint8_t *)&pair,
                                  sizeof(pair), nonce, key);
  }
  zuv__wipe(key, sizeof(key));
  return made;
}

static void write_initiate(curve_client_t *client, const zuv__sink_t *sink) {
  const zuv__security_t *security = client->curve.base.config->security;
  zuv__curve_initiate_t initiate = {.name = "\010INITIATE"};
  zuv__curve_initiate_content_t content;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  if (!make_vouch(client, &content.vouch)) {
    zuv__curve_fail_cryptographic(&client->curve, "no key for the vouch");
    return;
  }
  memcpy(content.client_key, security->curve_public_key,
         sizeof(content.client_key));
  initiate.cookie = client->handshake.welcome.cookie;
  zuv__curve_count(&client->curve, initiate.counter);
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_INITIATE, initiate.counter);
  zuv__curve_write_metadata(&client->curve, sink, &initiate, sizeof(initiate),
                            &content, sizeof(content), nonce,
                            client->handshake.session_key);
}

static void client_next(zuv__mechanism_t *m, const zuv__sink_t *sink) {
  curve_client_t *client = (curve_client_t *)m;

  if (m->status != ZUV__MECHANISM_IN_PROGRESS)
    return;
  if (client->step == SENDS_HELLO) {
    client->step = EXPECTS_WELCOME;
    write_hello(client, sink);
  } else if (client->step == SENDS_INITIATE) {
    client->step = EXPECTS_READY;
    write_initiate(client, sink);
  }
}

static void take_welcome(curve_client_t *client, const uint8_t *body,
                         size_t size) {
  const zuv__curve_welcome_t *welcome = (const zuv__curve_welcome_t *)body;
  zuv__mechanism_t *m = &client->curve.base;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];

  if (size != sizeof(*welcome)) {
    zuv__curve_fail_cryptographic(&client->curve,
                                  "WELCOME command of a wrong size");
    return;
  }
  zuv__curve_random_nonce(nonce, ZUV__CURVE_NONCE_WELCOME, welcome->random);
  if (crypto_box_open_easy_afternm((uint8_t *)&client->handshake.welcome,
                                   welcome->box, sizeof(welcome->box), nonce,
                                   client->handshake.hello_key) != 0 ||
      crypto_box_beforenm(client->handshake.session_key,
                          client->handshake.welcome.server_key,
                          client->handshake.secret_key) != 0) {
    zuv__curve_fail_cryptographic(&client->curve, "WELCOME does not open");
    return;
  }
  client->step = SENDS_INITIATE;
  m->command_max = ZUV__CURVE_READY_MIN + ZUV__CURVE_METADATA_MAX;
  m->too_large_error = ZUV__ZMTP_MALFORMED_COMMAND_READY;
}

static void take_ready(curve_client_t *client, const uint8_t *body,
                       size_t size) {
  const zuv__curve_ready_t *ready = (const zuv__curve_ready_t *)body;
  zuv__mechanism_t *m = &client->curve.base;
  uint8_t nonce[ZUV__CURVE_NONCE_SIZE];
  uint8_t *metadata;

  if (size < ZUV__CURVE_READY_MIN) {
    zuv__mechanism_fail(m, ZUV__ZMTP_MALFORMED_COMMAND_READY,
                        "malformed READY command");
    return;
  }
  zuv__curve_counted_nonce(nonce, ZUV__CURVE_NONCE_READY, ready->counter);
  metadata = zuv__curve_open_metadata(&client->curve, ready->box,
                                      size - sizeof(*ready), nonce,
                                      client->handshake.session_key);
  if (metadata == NULL)
    return;
  zuv__mechanism_read_metadata(m, metadata, size - ZUV__CURVE_READY_MIN);
  zuv__free(metadata);
  if (m->status == ZUV__MECHANISM_FAILED)
    return;
  client->curve.receives.counter = zuv__frame_read_u64(ready->counter);
  zuv__curve_start_traffic(&client->curve, client->handshake.session_key,
                           ZUV__CURVE_NONCE_FROM_CLIENT,
                           ZUV__CURVE_NONCE_FROM_SERVER);
  zuv__wipe(&client->handshake, sizeof(client->handshake));
}

static void client_process(zuv__mechanism_t *m, const uint8_t *body,
                           size_t size) {
  curve_client_t *client = (curve_client_t *)m;
  zuv__command_t command;
  zuv__command_kind_t kind = zuv__command_parse(body, size, &command);

  if (kind == ZUV__COMMAND_WELCOME && client->step == EXPECTS_WELCOME)
    take_welcome(client, body, size);
  else if (kind == ZUV__COMMAND_READY && client->step == EXPECTS_READY)
    take_ready(client, body, size);
  else if (kind == ZUV__COMMAND_ERROR)
    zuv__mechanism_read_error(m, command.data, command.size);
  else
    zuv__mechanism_fail(m, ZUV__ZMTP_UNEXPECTED_COMMAND,
                        client->step == EXPECTS_WELCOME
                            ? "expected a WELCOME or ERROR command"
                            : "expected a READY or ERROR command");
}

const zuv__mechanism_ops_t zuv__mechanism_curve_client = {
    .name = "CURVE",
    .number = ZUV__MECHANISM_CURVE,
    .state_size = sizeof(curve_client_t),
    .costly = true,
    .init = client_init,
    .next = client_next,
    .process = client_process,
    .overhead = ZUV__CURVE_OVERHEAD,
    .decode_overhead = ZUV__CURVE_DECODE_OVERHEAD,
    .encode = zuv__curve_encode,
    .decode = zuv__curve_decode,
};
