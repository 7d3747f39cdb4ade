#include "support/full.h"

enum { LARGE = 65536 };

void full_pair(blocking_t *b, void **bound, void **connected) {
  *bound = blocking_socket(b, ZMQ_PULL);
  *connected = blocking_socket(b, ZMQ_PUSH);
  blocking_set_hwm(*bound, 2, 2);
  blocking_set_hwm(*connected, 2, 2);
  blocking_set(*bound, ZMQ_RCVBUF, LARGE);
  blocking_set(*connected, ZMQ_SNDBUF, LARGE);
  blocking_join(b, *bound, *connected, NULL);
}

size_t full_fill(void *socket) {
  static const char large[LARGE];
  size_t sent = 0;
  size_t before;

  do {
    before = sent;
    while (zmq_send(socket, large, sizeof(large), ZMQ_DONTWAIT) >= 0)
      sent++;
    assert_int_equal(errno, EAGAIN);
    blocking_settle();
  } while (sent != before);
  return sent;
}

void full_receive(void *socket, size_t count) {
  char byte;

  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  while (count-- > 0)
    assert_int_equal(zmq_recv(socket, &byte, 1, 0), LARGE);
}
