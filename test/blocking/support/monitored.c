#include "support/monitored.h"

void *monitored_listener(blocking_t *b, int type, char *endpoint,
                         void **monitor) {
  void *socket = blocking_socket(b, type);

  *monitor = blocking_monitor(b, socket, ZMQ_EVENT_ALL);
  blocking_bind(b, socket, endpoint);
  monitored_expect(*monitor, ZMQ_EVENT_LISTENING, endpoint);
  return socket;
}

void *monitored_connecter(blocking_t *b, int type, void **monitor) {
  void *socket = blocking_socket(b, type);

  *monitor = blocking_monitor(b, socket, ZMQ_EVENT_ALL);
  blocking_set(socket, ZMQ_RECONNECT_IVL, 20);
  return socket;
}

uint32_t monitored_expect_at(void *monitor, int event, const char *name,
                             const char *address, int line) {
  char text[BLOCKING_TEXT_MAX] = "";
  uint32_t value = 0;
  int next = blocking_next_event(monitor, &value, text, BLOCKING_DEADLINE_MS);

  if (next != event)
    fail_msg("line %d: event 0x%x of \"%s\" instead of %s", line,
             (unsigned)next, text, name);
  if (address != NULL && strcmp(text, address) != 0)
    fail_msg("line %d: %s of \"%s\" instead of \"%s\"", line, name, text,
             address);
  return value;
}

void monitored_expect_nothing(void *monitor) {
  assert_int_equal(blocking_next_event(monitor, NULL, NULL, BLOCKING_QUIET_MS),
                   0);
}

void monitored_expect_delay(void *monitor, const char *address) {
  if (blocking_is_tcp())
    assert_int_equal(
        monitored_expect(monitor, ZMQ_EVENT_CONNECT_DELAYED, address),
        EINPROGRESS);
}

void monitored_expect_connected(void *monitor, const char *address) {
  monitored_expect_delay(monitor, address);
  assert_true((int)monitored_expect(monitor, ZMQ_EVENT_CONNECTED, address) >=
              0);
}

void monitored_expect_retry(void *monitor, const char *address,
                            uint32_t delay) {
  assert_in_range(monitored_expect(monitor, ZMQ_EVENT_CONNECT_RETRIED, address),
                  delay, 2 * delay);
}

void monitored_expect_accepted(void *monitor, const char *address) {
  assert_true((int)monitored_expect(monitor, ZMQ_EVENT_ACCEPTED, address) >= 0);
}
