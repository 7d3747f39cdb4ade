#include "bare_peer.h"

#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "../bench.h"

enum {
  SIGNATURE_SIZE = 10,
  GREETING_SIZE = 64,
  COUNTER_SIZE = 8,
  RANDOM_SIZE = 16,
  COOKIE_SIZE = 96,
  BOX_OVERHEAD = crypto_box_MACBYTES,
  HELLO_SIZE = 200,
  HELLO_ZEROS = 64,
  WELCOME_SIZE = 168,
  VOUCH_SIZE = RANDOM_SIZE + 2 * KEY_SIZE + BOX_OVERHEAD,
  METADATA_SIZE = 20,
  INITIATE_PLAIN_SIZE = KEY_SIZE + VOUCH_SIZE + METADATA_SIZE,
  INITIATE_SIZE = 113 + BOX_OVERHEAD + INITIATE_PLAIN_SIZE,
  READY_FIXED_SIZE = 14,
  MESSAGE_SIZE = 16 + BOX_OVERHEAD + 2
};

static const uint8_t metadata[METADATA_SIZE] = "\13Socket-Type\0\0\0\4PUSH";

static void make_nonce(uint8_t *nonce, const char *prefix, size_t prefix_size,
                       const uint8_t *rest) {
  memcpy(nonce, prefix, prefix_size);
  memcpy(nonce + prefix_size, rest, crypto_box_NONCEBYTES - prefix_size);
}

static void require_sealed(int result) {
  bench_require(result == 0, "a box of libsodium");
}

/* ---- greeting ---------------------------------------------------------------
 */

void bare_peer_connect(bare_peer_t *peer, int port, const char *mechanism) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};

  memset(peer, 0, sizeof(*peer));
  peer->fd = bench_tcp_connect(port);
  peer->curve = strcmp(mechanism, "NULL") != 0;
  peer->blind = strcmp(mechanism, "BLIND") == 0;
  /* Thousands of connections in TIME_WAIT would disturb the next run. */
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void bare_peer_receive_signature(bare_peer_t *peer) {
  uint8_t signature[SIGNATURE_SIZE];

  bench_read_all(peer->fd, signature, sizeof(signature));
  bench_require(signature[0] == 0xff, "the server's signature");
}

void bare_peer_send_greeting(bare_peer_t *peer) {
  uint8_t greeting[GREETING_SIZE] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1};
  const char *mechanism = peer->curve ? "CURVE" : "NULL";

  memcpy(greeting + 12, mechanism, strlen(mechanism));
  bench_write_all(peer->fd, greeting, sizeof(greeting));
}

void bare_peer_receive_greeting(bare_peer_t *peer) {
  uint8_t greeting[GREETING_SIZE];

  bench_read_all(peer->fd, greeting, sizeof(greeting));
  bench_require(memcmp(greeting + 12, peer->curve ? "CURVE" : "NULL",
                       peer->curve ? 6 : 5) == 0,
                "the server's mechanism");
}

/* ---- handshake --------------------------------------------------------------
 */

static void send_null_ready(bare_peer_t *peer) {
  uint8_t frame[2 + 6 + METADATA_SIZE] = {4, 6 + METADATA_SIZE};

  memcpy(frame + 2, "\5READY", 6);
  memcpy(frame + 8, metadata, METADATA_SIZE);
  bench_write_all(peer->fd, frame, sizeof(frame));
}

void bare_peer_send_hello(bare_peer_t *peer) {
  static const uint8_t zeros[HELLO_ZEROS];
  uint8_t frame[2 + HELLO_SIZE] = {4, HELLO_SIZE};
  uint8_t *hello = frame + 2, *counter = hello + 112;
  uint8_t nonce[crypto_box_NONCEBYTES];

  if (!peer->curve) {
    send_null_ready(peer);
    return;
  }
  bench_require(sodium_init() >= 0, "sodium_init");
  crypto_box_keypair(peer->transient.public_key, peer->transient.secret_key);
  memcpy(hello, "\5HELLO\1", 7);
  memcpy(hello + 80, peer->transient.public_key, KEY_SIZE);
  counter[COUNTER_SIZE - 1] = 1;
  make_nonce(nonce, "CurveZMQHELLO---", 16, counter);
  require_sealed(crypto_box_easy(hello + 120, zeros, sizeof(zeros), nonce,
                                 keys_of_server()->public_key,
                                 peer->transient.secret_key));
  bench_write_all(peer->fd, frame, sizeof(frame));
}

void bare_peer_receive_welcome(bare_peer_t *peer) {
  uint8_t frame[2 + WELCOME_SIZE], content[KEY_SIZE + COOKIE_SIZE];
  const uint8_t *random = frame + 2 + 8;
  uint8_t nonce[crypto_box_NONCEBYTES];

  if (!peer->curve)
    return;
  bench_read_all(peer->fd, frame, sizeof(frame));
  bench_require(memcmp(frame + 2, "\7WELCOME", 8) == 0, "the WELCOME");
  if (peer->blind)
    return;
  make_nonce(nonce, "WELCOME-", 8, random);
  bench_require(crypto_box_open_easy(content, random + RANDOM_SIZE,
                                     sizeof(content) + BOX_OVERHEAD, nonce,
                                     keys_of_server()->public_key,
                                     peer->transient.secret_key) == 0,
                "opening the WELCOME");
  memcpy(peer->their_transient_key, content, KEY_SIZE);
  memcpy(peer->cookie, content + KEY_SIZE, COOKIE_SIZE);
  bench_require(crypto_box_beforenm(peer->session_key, content,
                                    peer->transient.secret_key) == 0,
                "the session's key");
}

static void make_vouch(bare_peer_t *peer, uint8_t *vouch) {
  uint8_t nonce[crypto_box_NONCEBYTES], content[2 * KEY_SIZE];

  randombytes_buf(vouch, RANDOM_SIZE);
  make_nonce(nonce, "VOUCH---", 8, vouch);
  memcpy(content, peer->transient.public_key, KEY_SIZE);
  memcpy(content + KEY_SIZE, keys_of_server()->public_key, KEY_SIZE);
  require_sealed(crypto_box_easy(vouch + RANDOM_SIZE, content, sizeof(content),
                                 nonce, peer->their_transient_key,
                                 keys_of_client()->secret_key));
}

static void make_initiate(bare_peer_t *peer, uint8_t *initiate) {
  uint8_t plain[INITIATE_PLAIN_SIZE], nonce[crypto_box_NONCEBYTES];
  uint8_t *counter = initiate + 105;

  memcpy(initiate + 9, peer->cookie, COOKIE_SIZE);
  counter[COUNTER_SIZE - 1] = 2;
  memcpy(plain, keys_of_client()->public_key, KEY_SIZE);
  make_vouch(peer, plain + KEY_SIZE);
  memcpy(plain + KEY_SIZE + VOUCH_SIZE, metadata, METADATA_SIZE);
  make_nonce(nonce, "CurveZMQINITIATE", 16, counter);
  require_sealed(crypto_box_easy_afternm(initiate + 113, plain, sizeof(plain),
                                         nonce, peer->session_key));
}

void bare_peer_send_initiate(bare_peer_t *peer) {
  enum { HEADER_SIZE = 9 }; /* long, as there are more than 255 bytes */
  uint8_t frame[HEADER_SIZE + INITIATE_SIZE] = {6};

  if (!peer->curve)
    return;
  frame[HEADER_SIZE - 2] = INITIATE_SIZE >> 8;
  frame[HEADER_SIZE - 1] = INITIATE_SIZE & 255;
  memcpy(frame + HEADER_SIZE, "\10INITIATE", 9);
  if (!peer->blind)
    make_initiate(peer, frame + HEADER_SIZE);
  bench_write_all(peer->fd, frame, sizeof(frame));
}

void bare_peer_receive_ready(bare_peer_t *peer) {
  uint8_t header[2], body[255], plain[255], nonce[crypto_box_NONCEBYTES];

  bench_read_all(peer->fd, header, sizeof(header));
  bench_require(header[0] == 4, "the server's READY");
  bench_read_all(peer->fd, body, header[1]);
  bench_require(header[1] >= 6 && memcmp(body, "\5READY", 6) == 0,
                "the server's READY");
  if (!peer->curve || peer->blind)
    return;
  bench_require(header[1] >= READY_FIXED_SIZE, "the size of READY");
  make_nonce(nonce, "CurveZMQREADY---", 16, body + 6);
  bench_require(
      crypto_box_open_easy_afternm(plain, body + READY_FIXED_SIZE,
                                   (size_t)header[1] - READY_FIXED_SIZE, nonce,
                                   peer->session_key) == 0,
      "opening READY");
}

/* ---- traffic ----------------------------------------------------------------
 */

void bare_peer_send_message(bare_peer_t *peer) {
  static const uint8_t null_frame[] = {0, 1, 'x'};
  static const uint8_t plain[] = {0, 'x'};
  uint8_t frame[2 + MESSAGE_SIZE] = {0, MESSAGE_SIZE};
  uint8_t *counter = frame + 2 + 8, nonce[crypto_box_NONCEBYTES];

  if (!peer->curve) {
    bench_write_all(peer->fd, null_frame, sizeof(null_frame));
    return;
  }
  memcpy(frame + 2, "\7MESSAGE", 8);
  counter[COUNTER_SIZE - 1] = 3;
  make_nonce(nonce, "CurveZMQMESSAGEC", 16, counter);
  require_sealed(crypto_box_easy_afternm(
      counter + COUNTER_SIZE, plain, sizeof(plain), nonce, peer->session_key));
  bench_write_all(peer->fd, frame, sizeof(frame));
}
