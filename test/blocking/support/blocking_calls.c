#include "blocking_calls.h"

enum { FIRST_PART_MAX = 256 };

/* The next message as text, to be freed; NULL with errno when none came. */
static char *receive_waiting(void *socket) {
  char bytes[FIRST_PART_MAX];
  char text[4 * FIRST_PART_MAX + 1];
  int size = zmq_recv(socket, bytes, sizeof(bytes), 0);
  int more = 0;
  size_t more_size = sizeof(more);
  char *rest = NULL;
  char *whole;

  if (size < 0)
    return NULL;
  if (size > FIRST_PART_MAX)
    size = FIRST_PART_MAX;
  blocking_escape(bytes, (size_t)size, text, sizeof(text));
  if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) != 0)
    return NULL;
  if (more == 0)
    return strdup(text);
  rest = blocking_receive(socket, 0);
  if (rest == NULL)
    return NULL;
  whole = malloc(strlen(text) + strlen(rest) + 2);
  if (whole != NULL)
    sprintf(whole, "%s|%s", text, rest);
  free(rest);
  return whole;
}

/* Requires the text, and frees it. */
static void require_text(char *text, const char *expected, int error,
                         const char *file, int line) {
  bool same = text != NULL && strcmp(text, expected) == 0;

  if (!same)
    print_error("%s:%d: \"%s\" instead of \"%s\"\n", file, line,
                text == NULL ? zmq_strerror(error) : text, expected);
  free(text);
  if (!same)
    _fail(file, line);
}

void blocking_expect_recv_at(void *socket, const char *expected,
                             const char *file, int line) {
  int before = blocking_get(socket, ZMQ_RCVTIMEO);
  char *text;
  int error;

  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  text = receive_waiting(socket);
  error = errno;
  blocking_set(socket, ZMQ_RCVTIMEO, before);
  require_text(text, expected, error, file, line);
}

static int send_text(void *argument) {
  blocking_call_t *call = argument;

  errno = blocking_try_send(call->socket, call->text, 0);
  return errno == 0 ? 0 : -1;
}

static int receive_text(void *argument) {
  blocking_call_t *call = argument;

  call->received = receive_waiting(call->socket);
  return call->received == NULL ? -1 : 0;
}

void blocking_send_start(blocking_call_t *call, void *socket,
                         const char *text) {
  call->socket = socket;
  call->text = text;
  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocked_start(&call->blocked, send_text, call);
  blocked_wait_asleep(&call->blocked);
}

void blocking_send_finish(blocking_call_t *call) {
  blocked_expect_ok(&call->blocked);
}

void blocking_receive_start(blocking_call_t *call, void *socket) {
  call->socket = socket;
  call->received = NULL;
  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocked_start(&call->blocked, receive_text, call);
  blocked_wait_asleep(&call->blocked);
}

void blocking_receive_finish(blocking_call_t *call, const char *expected) {
  blocked_join(&call->blocked);
  require_text(call->received, expected, call->blocked.error, __FILE__,
               __LINE__);
}
