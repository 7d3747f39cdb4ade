/* Pipes without transports: a link that records what is written to it, and
 * through which a test lets messages arrive. For the unit tests of patterns.
 *
 * Messages are written as text, "id||body" being three parts; `\00` is a byte
 * in hexadecimal, in what tests say and in what they are told. */
#ifndef TEST_FAKE_LINK_H
#define TEST_FAKE_LINK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/peer.h"
#include "core/pipe.h"
#include "core/deposit.h"
#include "core/socket.h"
#include "zuv.h"

enum { FAKE_TEXT_MAX = 1024, FAKE_PARTS_MAX = 64, FAKE_LOG_MAX = 64 };

/* Messages as text, the oldest first. */
typedef struct {
  char texts[FAKE_LOG_MAX][FAKE_TEXT_MAX];
  size_t first;
  size_t count;
} fake_log_t;

typedef struct {
  zuv__pipe_t *pipe; /* NULL: ended */
  fake_log_t sent;
  size_t room; /* messages it takes before it is full */
  int failure; /* of the next write */
} fake_link_t;

static inline void fake_put_byte(char **to, uint8_t byte) {
  static const char digits[] = "0123456789abcdef";

  if (byte >= 0x20 && byte < 0x7f) {
    *(*to)++ = (char)byte;
    return;
  }
  *(*to)++ = '\\';
  *(*to)++ = digits[byte >> 4];
  *(*to)++ = digits[byte & 15];
}

static inline void fake_log(fake_log_t *log, zuv_msg_t *parts, size_t count) {
  char *to = log->texts[log->count];

  assert_true(log->count < FAKE_LOG_MAX);
  for (size_t i = 0; i < count; i++) {
    const uint8_t *data = zuv_msg_data(&parts[i]);

    if (i > 0)
      *to++ = '|';
    for (size_t j = 0; j < zuv_msg_size(&parts[i]); j++)
      fake_put_byte(&to, data[j]);
    assert_true(to < log->texts[log->count] + FAKE_TEXT_MAX - 4);
  }
  *to = '\0';
  log->count++;
}

/* The oldest message of the log, which forgets it; "(none)". */
static inline const char *fake_next(fake_log_t *log) {
  if (log->first == log->count) {
    log->first = log->count = 0;
    return "(none)";
  }
  return log->texts[log->first++];
}

/* Makes views into `bytes`, which is scratch of FAKE_TEXT_MAX. */
static inline size_t fake_parse(const char *text, char *bytes,
                                zuv_msg_t *parts) {
  size_t count = 0;
  char *begin = bytes;

  assert_true(strlen(text) < FAKE_TEXT_MAX);
  for (;; text++) {
    if (*text == '|' || *text == '\0') {
      assert_true(count < FAKE_PARTS_MAX);
      zuv_msg_init_view(&parts[count++], begin, (size_t)(bytes - begin));
      begin = bytes;
      if (*text == '\0')
        return count;
    } else if (*text == '\\') {
      char digits[3] = {text[1], text[2], '\0'};
      *bytes++ = (char)strtol(digits, NULL, 16);
      text += 2;
    } else {
      *bytes++ = *text;
    }
  }
}

static inline int fake_write(zuv__pipe_t *pipe, zuv_msg_t *parts,
                             size_t count) {
  fake_link_t *link = pipe->link;
  int err = link->failure;

  assert_true(pipe->can_write);
  link->failure = 0;
  if (err != 0)
    return err;
  fake_log(&link->sent, parts, count);
  zuv__msgs_close(parts, count);
  if (--link->room == 0)
    pipe->can_write = false;
  return 0;
}

static inline void fake_resume(zuv__pipe_t *pipe) {
  (void)pipe;
}

static inline int fake_subscribe(zuv__pipe_t *pipe, bool subscribe,
                                 const void *topic, size_t size) {
  (void)pipe;
  (void)subscribe;
  (void)topic;
  (void)size;
  return 0;
}

static inline void fake_drain(zuv__pipe_t *pipe) {
  zuv__pipe_drained(pipe);
}

static inline void fake_end(zuv__pipe_t *pipe) {
  fake_link_t *link = pipe->link;
  link->pipe = NULL;
}

static const zuv__link_ops_t fake_ops = {
    .write = fake_write,
    .resume = fake_resume,
    .subscribe = fake_subscribe,
    .drain = fake_drain,
    .end = fake_end,
};

/* A new pipe, attached; none without memory. */
static inline void fake_open(fake_link_t *link, zuv_socket_t *handle,
                             bool connecting) {
  zuv__socket_t *socket = zuv__socket(handle);

  memset(link, 0, sizeof(*link));
  link->room = SIZE_MAX;
  link->pipe = zuv__pipe_new(socket, &fake_ops, link, "tcp://fake");
  if (link->pipe == NULL)
    return;
  link->pipe->connecting = connecting;
  link->pipe->raw = socket->pattern->raw || socket->options.router_raw;
  link->pipe->notify = (uint8_t)socket->options.router_notify;
  if (zuv__pipe_attach(link->pipe) == 0)
    return;
  zuv__pipe_ended(link->pipe);
  link->pipe = NULL;
}

/* Its peer is ready, and announces this routing id. */
static inline void fake_ready(fake_link_t *link, const char *id) {
  zuv_peer_t *peer = zuv__peer_new("127.0.0.1", "tcp://fake", ZUV_DEALER,
                                   "NULL", id, strlen(id));
  if (peer != NULL && link->pipe != NULL)
    zuv__pipe_ready(link->pipe, peer);
  else if (peer != NULL)
    zuv__peer_release(peer);
}

/* A peer that was accepted. */
static inline void fake_accept(fake_link_t *link, zuv_socket_t *socket,
                               const char *id) {
  fake_open(link, socket, false);
  fake_ready(link, id);
}

/* Parts arrive as from a connection; with `more` the message is not complete.
 * A message of one part may be delivered in here. */
static inline void fake_arrive_parts(fake_link_t *link, const char *text,
                                     bool more) {
  zuv_msg_t parts[FAKE_PARTS_MAX];
  char bytes[FAKE_TEXT_MAX];
  size_t count = fake_parse(text, bytes, parts);
  int err = 0;

  for (size_t i = 0; i < count; i++) {
    if (link->pipe == NULL || err != 0)
      return;
    zuv__pipe_arrived(link->pipe, &parts[i], more || i + 1 < count, &err);
  }
}

/* A message arrives whole, and is queued. */
static inline void fake_arrive(fake_link_t *link, const char *text) {
  zuv_msg_t parts[FAKE_PARTS_MAX];
  char bytes[FAKE_TEXT_MAX];
  size_t count = fake_parse(text, bytes, parts);

  if (link->pipe != NULL)
    (void)zuv__pipe_deposit(link->pipe, parts, count);
}

/* There is room for so many messages more. */
static inline void fake_relieve(fake_link_t *link, size_t room) {
  link->room = room;
  zuv__pipe_writable(link->pipe);
}

/* The peer leaves for good, as a transport tells it. */
static inline void fake_leave(fake_link_t *link) {
  zuv__pipe_t *pipe = link->pipe;

  if (pipe == NULL)
    return;
  zuv__pipe_lost(pipe);
  link->pipe = NULL;
  zuv__pipe_ended(pipe);
}

/* zuv_try_send() of views; after a success the parts must be empty. */
static inline int fake_send(zuv_socket_t *socket, const char *text) {
  zuv_msg_t parts[FAKE_PARTS_MAX];
  char bytes[FAKE_TEXT_MAX];
  size_t count = fake_parse(text, bytes, parts);
  int err = zuv_try_send(socket, parts, count);

  if (err == 0) {
    for (size_t i = 0; i < count; i++)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
  } else {
    fake_log_t *kept = calloc(1, sizeof(*kept));
    assert_non_null(kept);
    fake_log(kept, parts, count);
    assert_string_equal(fake_next(kept), text);
    free(kept);
  }
  zuv__msgs_close(parts, count);
  return err;
}

#endif /* TEST_FAKE_LINK_H */
