/* What zuv has not of ZeroMQ's drafts, and says so. A libzmq may have it. */
#include <dlfcn.h>

#include "support/blocking.h"

enum { SERVER = 12, CHANNEL = 20, TYPES = 12 };

typedef int group_fn(void *socket, const char *group);
typedef uint32_t connect_peer_fn(void *socket, const char *endpoint);

static bool look_up(const char *name, void *function) {
  void *symbol = dlsym(RTLD_DEFAULT, name);

  memcpy(function, &symbol, sizeof(symbol));
  return symbol != NULL;
}

/* Behaviours 200-205: there are no such sockets. */
static void draft_types_are_refused(void **state) {
  blocking_t *b = *state;

  if (!blocking_is_zuv())
    skip();
  for (int type = SERVER; type <= CHANNEL; type++) {
    errno = 0;
    assert_null(zmq_socket(b->context, type));
    assert_int_equal(errno, EINVAL);
  }
  assert_int_equal(zmq_has("draft"), 0);
}

/* Behaviour 203: nor is there their transport. */
static void udp_is_refused(void **state) {
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_zuv())
    skip();
  blocking_expect_errno(zmq_bind(pull, "udp://127.0.0.1:5555"),
                        EPROTONOSUPPORT);
  blocking_expect_errno(zmq_connect(pull, "udp://127.0.0.1:5555"),
                        EPROTONOSUPPORT);
}

/* Behaviour 202: for the types that there are. */
static void nothing_else_joins_groups(void **state) {
  blocking_t *b = *state;
  group_fn *join;
  group_fn *leave;

  if (!look_up("zmq_join", &join) || !look_up("zmq_leave", &leave))
    skip();
  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(b, type);
    blocking_expect_errno(join(socket, "group"), ENOTSUP);
    blocking_expect_errno(leave(socket, "group"), ENOTSUP);
    blocking_close(b, socket);
  }
  blocking_expect_errno(join(NULL, "group"), ENOTSOCK);
  blocking_expect_errno(leave(NULL, "group"), ENOTSOCK);
}

/* Behaviour 204: for the types that there are. */
static void nothing_else_connects_a_peer(void **state) {
  blocking_t *b = *state;
  connect_peer_fn *connect_peer;

  if (!look_up("zmq_connect_peer", &connect_peer))
    skip();
  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(b, type);
    errno = 0;
    assert_int_equal(connect_peer(socket, "inproc://peer"), 0);
    assert_int_equal(errno, ENOTSUP);
    blocking_close(b, socket);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(draft_types_are_refused),
      blocking_test(udp_is_refused),
      blocking_test(nothing_else_joins_groups),
      blocking_test(nothing_else_connects_a_peer),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
