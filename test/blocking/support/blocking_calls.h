/* Calls that wait, for tests that are about the waiting itself: in the call on
 * the main thread, or in a thread of their own while the test goes on. None
 * waits longer than the deadline. */
#ifndef BLOCKING_CALLS_H
#define BLOCKING_CALLS_H

#include "blocked.h"
#include "blocking.h"

/* Waits in zmq_recv() for the next message and requires its text. Unlike
 * blocking_expect() it suits a socket that has POLLIN for what it then drops.
 */
#define blocking_expect_recv(socket, expected)                                 \
  blocking_expect_recv_at(socket, expected, __FILE__, __LINE__)
void blocking_expect_recv_at(void *socket, const char *expected,
                             const char *file, int line);

/* One message sent or received in a thread, which has gone to sleep or is done
 * when the start returns. Until it is finished the socket is the thread's. */
typedef struct {
  blocked_t blocked;
  void *socket;
  const char *text; /* to send */
  char *received;   /* or NULL */
} blocking_call_t;

void blocking_send_start(blocking_call_t *call, void *socket, const char *text);
/* Waits for its end, and requires that it succeeded. */
void blocking_send_finish(blocking_call_t *call);
void blocking_receive_start(blocking_call_t *call, void *socket);
/* Waits for its end, and requires that it received the text. */
void blocking_receive_finish(blocking_call_t *call, const char *expected);

#endif /* BLOCKING_CALLS_H */
