#include "blocking/monitor.h"

void zmq__monitor_end(struct zmq__socket_s *socket) {
  (void)socket;
}
