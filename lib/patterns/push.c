/* PUSH: each message goes to one of the peers, in turn. UV_EAGAIN while none
 * can take it. */
#include "patterns/patterns.h"

#include "core/socket.h"
#include "routing/load_balancer.h"

typedef struct {
  zuv__load_balancer_t balancer;
} push_t;

static int push_init(zuv__socket_t *socket) {
  zuv__load_balancer_init(&zuv__state(socket, push_t)->balancer);
  return 0;
}

static void push_writable(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__load_balancer_add(&zuv__state(socket, push_t)->balancer, pipe);
}

static int push_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  push_writable(socket, pipe);
  return 0;
}

static void push_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__load_balancer_remove(pipe);
}

static int push_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  return zuv__load_balancer_send(&zuv__state(socket, push_t)->balancer, parts,
                                 count);
}

static bool push_writable_now(zuv__socket_t *socket) {
  return zuv__load_balancer_next(&zuv__state(socket, push_t)->balancer) != NULL;
}

const zuv__pattern_t zuv__pattern_push = {
    .type = ZUV_PUSH,
    .name = "PUSH",
    .can_send = true,
    .conflates = true,
    .state_size = sizeof(push_t),
    .init = push_init,
    .attach = push_attach,
    .detach = push_detach,
    .writable = push_writable,
    .send = push_send,
    .writable_now = push_writable_now,
};
