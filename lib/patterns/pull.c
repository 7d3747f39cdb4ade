/* PULL: receives from all peers, fair-queued, which the socket does for every
 * pattern. There is nothing of its own to it. */
#include "patterns/patterns.h"

static void pull_detach(struct zuv__socket_s *socket, zuv__pipe_t *pipe) {
  (void)socket;
  (void)pipe;
}

const zuv__pattern_t zuv__pattern_pull = {
    .type = ZUV_PULL,
    .name = "PULL",
    .can_receive = true,
    .conflates = true,
    .detach = pull_detach,
};
