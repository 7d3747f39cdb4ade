#include "support/tapped.h"

#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/secured.h"

enum { LONG_FRAME = 2 /* flag: a size of eight bytes */ };

/* Each side says these only when it has read so much of the other. */
static void pass_greetings(tapped_t *tapped) {
  static const size_t steps[] = {10, 1, 53};
  uint8_t bytes[SECURED_GREETING];

  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    secured_raw_take(tapped->to_client, bytes, steps[i]);
    blocking_raw_send(tapped->to_server, bytes, steps[i]);
    secured_raw_take(tapped->to_server, bytes, steps[i]);
    blocking_raw_send(tapped->to_client, bytes, steps[i]);
  }
}

void tapped_connect(tapped_t *tapped, void *server, void *client) {
  char endpoint[BLOCKING_TEXT_MAX];

  tapped->server = server;
  tapped->client = client;
  tapped->listener = blocking_raw_listen(endpoint);
  blocking_connect(client, endpoint);
  tapped->to_client = blocking_raw_accept(tapped->listener);
  blocking_bind_resolved(server, "tcp://127.0.0.1:*", endpoint);
  tapped->to_server = blocking_raw_connect(endpoint);
  pass_greetings(tapped);
}

static void end(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

void tapped_end(tapped_t *tapped) {
  end(&tapped->listener);
  end(&tapped->to_client);
  end(&tapped->to_server);
}

void tapped_take(int fd, tapped_frame_t *frame) {
  uint64_t size;

  secured_raw_take(fd, frame->bytes, 2);
  size = frame->bytes[1];
  frame->header_size = 2;
  if (frame->bytes[0] & LONG_FRAME) {
    secured_raw_take(fd, frame->bytes + 2, 7);
    frame->header_size = 9;
    for (size_t i = 2; i < 9; i++)
      size = size << 8 | frame->bytes[i];
  }
  assert_true(size <= TAPPED_FRAME_MAX - frame->header_size);
  secured_raw_take(fd, frame->bytes + frame->header_size, size);
  frame->size = frame->header_size + size;
}

void tapped_give(int fd, const tapped_frame_t *frame) {
  blocking_raw_send(fd, frame->bytes, frame->size);
}

void tapped_pass(int from, int to, const char *name) {
  tapped_frame_t frame;

  tapped_take(from, &frame);
  tapped_expect_name(&frame, name);
  tapped_give(to, &frame);
}

void tapped_shake_hands(tapped_t *tapped) {
  tapped_pass(tapped->to_client, tapped->to_server, "HELLO");
  tapped_pass(tapped->to_server, tapped->to_client, "WELCOME");
  tapped_pass(tapped->to_client, tapped->to_server, "INITIATE");
  tapped_pass(tapped->to_server, tapped->to_client, "READY");
}

const uint8_t *tapped_body(const tapped_frame_t *frame) {
  return frame->bytes + frame->header_size;
}

void tapped_expect_name(const tapped_frame_t *frame, const char *name) {
  size_t size = strlen(name);

  assert_true(frame->size > frame->header_size + size);
  assert_int_equal(tapped_body(frame)[0], size);
  assert_memory_equal(tapped_body(frame) + 1, name, size);
}

bool tapped_shows(const tapped_frame_t *frame, const void *bytes, size_t size) {
  return memmem(frame->bytes, frame->size, bytes, size) != NULL;
}
