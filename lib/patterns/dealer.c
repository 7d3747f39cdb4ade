/* DEALER: sends to its peers in turn, and receives from all of them. UV_EAGAIN
 * while no peer can take a message. */
#include "patterns/patterns.h"

#include "core/socket.h"
#include "routing/load_balancer.h"
#include "routing/notice.h"

typedef struct {
  zuv__load_balancer_t balancer;
} dealer_t;

static int dealer_init(zuv__socket_t *socket) {
  zuv__load_balancer_init(&zuv__state(socket, dealer_t)->balancer);
  return 0;
}

static void dealer_writable(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  zuv__load_balancer_add(&zuv__state(socket, dealer_t)->balancer, pipe);
}

static int dealer_attach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  int err = zuv__notice_probe(pipe);

  if (err == 0)
    dealer_writable(socket, pipe);
  return err;
}

static void dealer_detach(zuv__socket_t *socket, zuv__pipe_t *pipe) {
  (void)socket;
  zuv__load_balancer_remove(pipe);
}

static int dealer_send(zuv__socket_t *socket, zuv_msg_t *parts, size_t count) {
  return zuv__load_balancer_send(&zuv__state(socket, dealer_t)->balancer, parts,
                                 count);
}

static bool dealer_writable_now(zuv__socket_t *socket) {
  return zuv__load_balancer_next(&zuv__state(socket, dealer_t)->balancer) !=
         NULL;
}

const zuv__pattern_t zuv__pattern_dealer = {
    .type = ZUV_DEALER,
    .name = "DEALER",
    .can_send = true,
    .can_receive = true,
    .single_connect = true,
    .conflates = true,
    .says_hello = true,
    .hears_hiccup = true,
    .state_size = sizeof(dealer_t),
    .init = dealer_init,
    .attach = dealer_attach,
    .detach = dealer_detach,
    .writable = dealer_writable,
    .send = dealer_send,
    .writable_now = dealer_writable_now,
};
