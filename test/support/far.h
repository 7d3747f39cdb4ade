/* A second loop on the test's own thread, with a socket: two loops that inproc
 * joins by its channel, each run a step at a time. */
#ifndef FAR_H
#define FAR_H

#include "support/harness.h"

typedef struct {
  zuv_socket_t zuv; /* first */
  harness_t *harness;
  uv_loop_t loop;
  size_t received;
  size_t received_bytes;
  size_t stop_after; /* this many received; 0: never */
  bool closed;
} far_t;

static inline void far_on_message(zuv_socket_t *socket, zuv_msg_t *parts,
                                  size_t count, zuv_peer_t *peer) {
  far_t *far = (far_t *)socket;

  (void)peer;
  far->received++;
  for (size_t i = 0; i < count; i++)
    far->received_bytes += zuv_msg_size(&parts[i]);
  if (far->received == far->stop_after)
    assert_int_equal(zuv_recv_stop(socket), 0);
}

/* In the harness's context; it does not receive yet. */
static inline void far_init(far_t *far, harness_t *h, int type) {
  memset(far, 0, sizeof(*far));
  far->harness = h;
  assert_int_equal(uv_loop_init(&far->loop), 0);
  assert_int_equal(zuv_socket_init(h->context, &far->loop, &far->zuv, type), 0);
}

static inline void far_step(far_t *far) {
  uv_run(&far->harness->loop, UV_RUN_NOWAIT);
  uv_run(&far->loop, UV_RUN_NOWAIT);
}

/* Runs both loops until the condition holds. */
#define far_wait(far, condition)                                               \
  do {                                                                         \
    uint64_t far_deadline = harness_now_ms() + HARNESS_DEADLINE_MS;            \
    while (!(condition)) {                                                     \
      assert_true(harness_now_ms() < far_deadline);                            \
      far_step(far);                                                           \
    }                                                                          \
  } while (0)

/* Enough for what is on its way, when nothing else is to happen. */
static inline void far_settle(far_t *far) {
  for (int i = 0; i < 20; i++)
    far_step(far);
}

static inline void far_on_closed(zuv_socket_t *socket) {
  ((far_t *)socket)->closed = true;
}

static inline void far_finish(far_t *far) {
  int linger = 0;

  assert_int_equal(
      zuv_set_option(&far->zuv, ZUV_LINGER, &linger, sizeof(linger)), 0);
  zuv_close(&far->zuv, far_on_closed);
  far_wait(far, far->closed);
  far_settle(far);
  assert_int_equal(uv_loop_close(&far->loop), 0);
}

#endif /* FAR_H */
