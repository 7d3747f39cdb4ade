#include "operations.h"

#include <sodium.h>
#include <string.h>

#include "../bench.h"

enum {
  HELLO_PLAIN_SIZE = 64,
  COOKIE_PLAIN_SIZE = 64,
  WELCOME_PLAIN_SIZE = 128,
  VOUCH_PLAIN_SIZE = 64,
  METADATA_SIZE = 20,
  INITIATE_PLAIN_SIZE = 128 + METADATA_SIZE
};

static const uint8_t nonce_zero[crypto_box_NONCEBYTES];

static void seal(uint8_t *box, size_t size, const uint8_t *public_key,
                 const uint8_t *secret_key) {
  static const uint8_t plain[OPERATIONS_BOX_MAX];

  bench_require(crypto_box_easy(box, plain, size, nonce_zero, public_key,
                                secret_key) == 0,
                "crypto_box_easy");
}

void operations_prepare(operations_t *operations) {
  const keys_t *server = keys_of_server(), *client = keys_of_client();
  keys_t *transient = &operations->transient;
  keys_t *server_transient = &operations->server_transient;

  memcpy(operations->server_secret_key, server->secret_key, KEY_SIZE);
  memcpy(operations->client_public_key, client->public_key, KEY_SIZE);
  randombytes_buf(operations->cookie_key, sizeof(operations->cookie_key));
  crypto_box_keypair(transient->public_key, transient->secret_key);
  crypto_box_keypair(server_transient->public_key,
                     server_transient->secret_key);
  seal(operations->hello, HELLO_PLAIN_SIZE, server->public_key,
       transient->secret_key);
  seal(operations->initiate, INITIATE_PLAIN_SIZE, server_transient->public_key,
       transient->secret_key);
  seal(operations->vouch, VOUCH_PLAIN_SIZE, server_transient->public_key,
       client->secret_key);
}

static void before(uint8_t *key, const uint8_t *public_key,
                   const uint8_t *secret_key) {
  bench_require(crypto_box_beforenm(key, public_key, secret_key) == 0,
                "crypto_box_beforenm");
}

static void open_box(const uint8_t *box, size_t plain_size,
                     const uint8_t *key) {
  uint8_t plain[OPERATIONS_BOX_MAX];

  bench_require(crypto_box_open_easy_afternm(plain, box,
                                             plain_size + crypto_box_MACBYTES,
                                             nonce_zero, key) == 0,
                "crypto_box_open_easy_afternm");
}

static void make_box(size_t plain_size, const uint8_t *key) {
  static const uint8_t plain[OPERATIONS_BOX_MAX];
  uint8_t box[OPERATIONS_BOX_MAX];

  bench_require(
      crypto_box_easy_afternm(box, plain, plain_size, nonce_zero, key) == 0,
      "crypto_box_easy_afternm");
}

/* The first key serves HELLO and WELCOME, the last one INITIATE and READY. */
void operations_serve(const operations_t *operations) {
  uint8_t cookie[COOKIE_PLAIN_SIZE + crypto_secretbox_MACBYTES];
  uint8_t plain[COOKIE_PLAIN_SIZE] = {0}, key[crypto_box_BEFORENMBYTES];
  const keys_t *server_transient = &operations->server_transient;
  keys_t new_transient;

  before(key, operations->transient.public_key, operations->server_secret_key);
  open_box(operations->hello, HELLO_PLAIN_SIZE, key);
  crypto_box_keypair(new_transient.public_key, new_transient.secret_key);
  crypto_secretbox_easy(cookie, plain, sizeof(plain), nonce_zero,
                        operations->cookie_key);
  make_box(WELCOME_PLAIN_SIZE, key);
  bench_require(crypto_secretbox_open_easy(plain, cookie, sizeof(cookie),
                                           nonce_zero,
                                           operations->cookie_key) == 0,
                "crypto_secretbox_open_easy");
  before(key, operations->client_public_key, server_transient->secret_key);
  open_box(operations->vouch, VOUCH_PLAIN_SIZE, key);
  before(key, operations->transient.public_key, server_transient->secret_key);
  open_box(operations->initiate, INITIATE_PLAIN_SIZE, key);
  make_box(METADATA_SIZE, key);
}
