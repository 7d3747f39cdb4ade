/* A client and a server that are connected through the test: it takes each
 * frame from one and hands it on to the other, as it is or changed. Only over
 * tcp. Waiting is until the deadline, and then fails the test. */
#ifndef TAPPED_H
#define TAPPED_H

#include "support/blocking.h"

enum { TAPPED_FRAME_MAX = 4096 };

typedef struct {
  void *server; /* a bound socket */
  void *client;
  int listener;
  int to_server;
  int to_client;
} tapped_t;

typedef struct {
  size_t header_size;
  size_t size; /* with the header */
  uint8_t bytes[TAPPED_FRAME_MAX];
} tapped_frame_t;

/* Binds the one, connects the other, and hands their greetings on. */
void tapped_connect(tapped_t *tapped, void *server, void *client);
/* Ends both connections, if they have not ended yet. */
void tapped_end(tapped_t *tapped);

/* Waits for one frame. */
void tapped_take(int fd, tapped_frame_t *frame);
void tapped_give(int fd, const tapped_frame_t *frame);
/* Takes a command of that name from one and gives it to the other. */
void tapped_pass(int from, int to, const char *name);
/* Passes the handshake of CURVE. */
void tapped_shake_hands(tapped_t *tapped);
/* Requires that it begins with this name, after its size. */
void tapped_expect_name(const tapped_frame_t *frame, const char *name);
/* Where the body begins. */
const uint8_t *tapped_body(const tapped_frame_t *frame);
/* Whether these bytes are somewhere in the frame. */
bool tapped_shows(const tapped_frame_t *frame, const void *bytes, size_t size);

#endif /* TAPPED_H */
