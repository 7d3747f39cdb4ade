/* A PUSH client that speaks just enough ZMTP 3.1 (RFC 37) with NULL or CURVE
 * (RFC 26) to make a library's server do a handshake, or the begin of one. Each
 * step is a call, so that several peers can be under way. What fails ends the
 * process. */
#ifndef ZUV_BENCH_BARE_PEER_H
#define ZUV_BENCH_BARE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"

typedef struct {
  int fd; /* resets the connection when it is closed */
  bool curve;
  bool blind;
  keys_t transient;
  uint8_t their_transient_key[KEY_SIZE];
  uint8_t session_key[KEY_SIZE]; /* precomputed, of both transient keys */
  uint8_t cookie[96];
} bare_peer_t;

/* The mechanism is NULL, CURVE or BLIND: CURVE with a server that sends frames
 * of the right sizes only, whose boxes are not opened, and so does the peer. */
void bare_peer_connect(bare_peer_t *peer, int port, const char *mechanism);

/* What a server sends of itself: the first part of its greeting. */
void bare_peer_receive_signature(bare_peer_t *peer);

/* Greetings both ways, HELLO, WELCOME, INITIATE, READY: in this order. With
 * NULL, bare_peer_send_hello() sends READY instead, and the next two do
 * nothing. */
void bare_peer_send_greeting(bare_peer_t *peer);
void bare_peer_receive_greeting(bare_peer_t *peer);
void bare_peer_send_hello(bare_peer_t *peer);
void bare_peer_receive_welcome(bare_peer_t *peer);
void bare_peer_send_initiate(bare_peer_t *peer);
void bare_peer_receive_ready(bare_peer_t *peer);

/* The first message, of one byte. */
void bare_peer_send_message(bare_peer_t *peer);

#endif /* ZUV_BENCH_BARE_PEER_H */
