/* Socket options, what a table of all does not say of them: test_every_option.c
 * has the rest. What they do is tested where it is done. */
#include <limits.h>
#include <poll.h>

#include "support/blocking.h"

/* A draft name. */
enum { XSUB_VERBOSE_UNSUBSCRIBE = 115 };

enum { TYPES = 12 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_int(void *socket, int option, int value) {
  return zmq_setsockopt(socket, option, &value, sizeof(value));
}

static int get_int(void *socket, int option, int *value) {
  size_t size = sizeof(*value);

  return zmq_getsockopt(socket, option, value, &size);
}

/* Behaviour 119. */
static void linger_depends_on_the_type(void **state) {
  int64_t wide = 0;
  size_t size = sizeof(wide);

  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(*state, type);
    assert_int_equal(blocking_get(socket, ZMQ_LINGER),
                     type == ZMQ_SUB || type == ZMQ_XSUB ? 0 : -1);
    blocking_set(socket, ZMQ_LINGER, INT_MAX);
    assert_int_equal(blocking_get(socket, ZMQ_LINGER), INT_MAX);
    blocking_set(socket, ZMQ_LINGER, -1);
    blocking_expect_errno(set_int(socket, ZMQ_LINGER, -2), EINVAL);
    assert_int_equal(blocking_get(socket, ZMQ_LINGER), -1);
    /* Behaviour 190. */
    blocking_expect_errno(zmq_getsockopt(socket, ZMQ_LINGER, &wide, &size),
                          EINVAL);
    blocking_set(socket, ZMQ_LINGER, 0);
  }
}

static void ipv4only_is_the_opposite_of_ipv6(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PAIR);

  blocking_set(socket, ZMQ_IPV6, 1);
  assert_int_equal(blocking_get(socket, ZMQ_IPV4ONLY), 0);
  blocking_set(socket, ZMQ_IPV4ONLY, 1);
  assert_int_equal(blocking_get(socket, ZMQ_IPV6), 0);
}

static void every_int_is_a_flag_for_invert_matching(void **state) {
  static const int values[] = {1, 5, -1, INT_MIN};
  void *socket = blocking_socket(*state, ZMQ_PAIR);

  assert_int_equal(blocking_get(socket, ZMQ_INVERT_MATCHING), 0);
  for (size_t i = 0; i < COUNT(values); i++) {
    blocking_set(socket, ZMQ_INVERT_MATCHING, values[i]);
    assert_int_equal(blocking_get(socket, ZMQ_INVERT_MATCHING), 1);
    blocking_set(socket, ZMQ_INVERT_MATCHING, 0);
    assert_int_equal(blocking_get(socket, ZMQ_INVERT_MATCHING), 0);
  }
}

static void maxmsgsize_has_8_bytes(void **state) {
  static const int64_t values[] = {0, 10, INT64_MAX, INT64_MIN, -1};
  void *socket = blocking_socket(*state, ZMQ_PAIR);
  int64_t value = 0;
  size_t size = sizeof(value);

  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &value, &size));
  assert_true(value == -1 && size == sizeof(value));
  for (size_t i = 0; i < COUNT(values); i++) {
    blocking_expect_ok(
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &values[i], sizeof(value)));
    blocking_expect_ok(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &value, &size));
    assert_true(value == values[i]);
  }
  for (size = 0; size < 12; size++) {
    char bytes[12] = {0};
    size_t room = size;
    if (size == sizeof(value))
      continue;
    blocking_expect_errno(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, bytes, size),
                          EINVAL);
    blocking_expect_errno(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, bytes, &room),
                          EINVAL);
  }
}

static void affinity_chooses_threads(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PAIR);
  uint64_t value = 77;
  size_t size = sizeof(value);
  int narrow = 0;

  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_AFFINITY, &value, &size));
  assert_true(value == 0 && size == sizeof(value));
  value = UINT64_C(1) << 63;
  blocking_expect_ok(
      zmq_setsockopt(socket, ZMQ_AFFINITY, &value, sizeof(value)));
  value = 0;
  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_AFFINITY, &value, &size));
  assert_true(value == UINT64_C(1) << 63);
  size = sizeof(narrow);
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_AFFINITY, &narrow, &size),
                        EINVAL);
  blocking_expect_errno(set_int(socket, ZMQ_AFFINITY, 0), EINVAL);
  /* no such thread */
  blocking_expect_errno(zmq_bind(socket, "tcp://127.0.0.1:*"), EMTHREAD);
  blocking_expect_errno(zmq_connect(socket, "tcp://127.0.0.1:5"), EMTHREAD);
  blocking_bind_to(socket, "inproc://needs-no-thread");
  value = 1;
  blocking_expect_ok(
      zmq_setsockopt(socket, ZMQ_AFFINITY, &value, sizeof(value)));
  blocking_bind_to(socket, "tcp://127.0.0.1:*");
}

/* ---- Bytes and texts ---- */

static void a_routing_id_has_up_to_255_bytes(void **state) {
  void *socket = blocking_socket(*state, ZMQ_DEALER);
  char bytes[300];
  char id[256];
  size_t size = sizeof(bytes);

  memset(id, 'i', sizeof(id));
  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_ROUTING_ID, bytes, &size));
  assert_int_equal(size, 0);
  blocking_expect_errno(zmq_setsockopt(socket, ZMQ_ROUTING_ID, id, 0), EINVAL);
  blocking_expect_errno(zmq_setsockopt(socket, ZMQ_ROUTING_ID, id, 256),
                        EINVAL);
  blocking_expect_ok(zmq_setsockopt(socket, ZMQ_ROUTING_ID, id, 255));
  blocking_expect_ok(zmq_setsockopt(socket, ZMQ_ROUTING_ID, "a\0b", 3));
  size = 2;
  blocking_expect_errno(zmq_getsockopt(socket, ZMQ_ROUTING_ID, bytes, &size),
                        EINVAL);
  memset(bytes, 'x', sizeof(bytes));
  size = 5;
  blocking_expect_ok(zmq_getsockopt(socket, ZMQ_ROUTING_ID, bytes, &size));
  assert_int_equal(size, 3);
  assert_memory_equal(bytes, "a\0b\0\0x", 6);
}

static void a_connect_routing_id_is_for_routers(void **state) {
  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(*state, type);
    bool takes = type == ZMQ_ROUTER || type == ZMQ_REP || type == ZMQ_STREAM;
    char bytes[8];
    size_t size = sizeof(bytes);
    if (takes)
      blocking_set_text(socket, ZMQ_CONNECT_ROUTING_ID, "id");
    else
      blocking_expect_errno(
          zmq_setsockopt(socket, ZMQ_CONNECT_ROUTING_ID, "id", 2), EINVAL);
    blocking_expect_errno(
        zmq_setsockopt(socket, ZMQ_CONNECT_ROUTING_ID, "id", 0), EINVAL);
    blocking_expect_errno(
        zmq_getsockopt(socket, ZMQ_CONNECT_ROUTING_ID, bytes, &size), EINVAL);
  }
}

static void a_device_is_a_short_text(void **state) {
  void *socket = blocking_socket(*state, ZMQ_PAIR);
  char text[BLOCKING_TEXT_MAX];

  blocking_get_text(socket, ZMQ_BINDTODEVICE, text);
  assert_string_equal(text, "");
  blocking_set_text(socket, ZMQ_BINDTODEVICE, "lo");
  blocking_get_text(socket, ZMQ_BINDTODEVICE, text);
  assert_string_equal(text, "lo");
  blocking_set_text(socket, ZMQ_BINDTODEVICE, "0123456789abcdef");
  blocking_expect_errno(
      zmq_setsockopt(socket, ZMQ_BINDTODEVICE, "0123456789abcdef0", 17),
      EINVAL);
  blocking_get_text(socket, ZMQ_BINDTODEVICE, text);
  assert_string_equal(text, "0123456789abcdef");
  blocking_expect_ok(zmq_setsockopt(socket, ZMQ_BINDTODEVICE, NULL, 0));
  blocking_get_text(socket, ZMQ_BINDTODEVICE, text);
  assert_string_equal(text, "");
}

/* Behaviour 86: PUB and XPUB take them in manual mode only. */
static void topics_are_for_sub(void **state) {
  char bytes[8];
  size_t size = sizeof(bytes);

  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(*state, type);
    for (int option = ZMQ_SUBSCRIBE; option <= ZMQ_UNSUBSCRIBE; option++) {
      if (type == ZMQ_SUB) {
        blocking_expect_ok(zmq_setsockopt(socket, option, "topic", 5));
        blocking_expect_ok(zmq_setsockopt(socket, option, NULL, 0));
      } else {
        blocking_expect_errno(zmq_setsockopt(socket, option, "topic", 5),
                              EINVAL);
      }
      blocking_expect_errno(zmq_getsockopt(socket, option, bytes, &size),
                            EINVAL);
    }
  }
}

static void a_welcome_is_for_xpub(void **state) {
  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(*state, type);
    if (type == ZMQ_XPUB || type == ZMQ_PUB) {
      blocking_set_text(socket, ZMQ_XPUB_WELCOME_MSG, "welcome");
      blocking_expect_ok(zmq_setsockopt(socket, ZMQ_XPUB_WELCOME_MSG, "", 0));
      blocking_expect_ok(zmq_setsockopt(socket, ZMQ_XPUB_WELCOME_MSG, NULL, 0));
    } else {
      blocking_expect_errno(
          zmq_setsockopt(socket, ZMQ_XPUB_WELCOME_MSG, "welcome", 7), EINVAL);
    }
  }
}

/* ---- What can only be read ---- */

static void types_can_be_read(void **state) {
  for (int type = 0; type < TYPES; type++) {
    void *socket = blocking_socket(*state, type);
    assert_int_equal(blocking_get(socket, ZMQ_TYPE), type);
    assert_int_equal(blocking_get(socket, ZMQ_MECHANISM), ZMQ_NULL);
    assert_int_equal(blocking_get(socket, ZMQ_THREAD_SAFE), 0);
    assert_int_equal(blocking_get(socket, ZMQ_RCVMORE), 0);
    assert_int_equal(blocking_get(socket, ZMQ_FD),
                     blocking_get(socket, ZMQ_FD));
  }
}

static void what_can_only_be_read_cannot_be_set(void **state) {
  static const int options[] = {
      ZMQ_TYPE, ZMQ_MECHANISM, ZMQ_THREAD_SAFE,  ZMQ_RCVMORE,
      ZMQ_FD,   ZMQ_EVENTS,    ZMQ_LAST_ENDPOINT};
  void *socket = blocking_socket(*state, ZMQ_PAIR);

  for (size_t i = 0; i < COUNT(options); i++)
    blocking_expect_errno(set_int(socket, options[i], 0), EINVAL);
}

/* Behaviour 190: these take larger buffers, and clear what they do not need. */
static void some_take_larger_buffers(void **state) {
  static const int wide[] = {ZMQ_RCVMORE, ZMQ_FD, ZMQ_EVENTS, ZMQ_THREAD_SAFE};
  static const int narrow[] = {ZMQ_TYPE, ZMQ_MECHANISM};
  void *socket = blocking_socket(*state, ZMQ_PAIR);
  unsigned char bytes[16];
  int value;
  size_t size;

  for (size_t i = 0; i < COUNT(wide); i++) {
    memset(bytes, 0xaa, sizeof(bytes));
    size = 8;
    blocking_expect_ok(zmq_getsockopt(socket, wide[i], bytes, &size));
    assert_int_equal(size, sizeof(int));
    memcpy(&value, bytes, sizeof(value));
    assert_int_equal(value, blocking_get(socket, wide[i]));
    assert_memory_equal(bytes + 4, "\0\0\0\0\xaa", 5);
    size = 3;
    blocking_expect_errno(zmq_getsockopt(socket, wide[i], bytes, &size),
                          EINVAL);
  }
  for (size_t i = 0; i < COUNT(narrow); i++) {
    size = 8;
    blocking_expect_errno(zmq_getsockopt(socket, narrow[i], bytes, &size),
                          EINVAL);
    size = 3;
    blocking_expect_errno(zmq_getsockopt(socket, narrow[i], bytes, &size),
                          EINVAL);
  }
}

static void rcvmore_tells_of_the_part_last_read(void **state) {
  void *bound;
  void *connected;
  char byte;

  blocking_pair(*state, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  blocking_send(connected, "1|2|3");
  blocking_wait_events(bound, ZMQ_POLLIN);
  assert_int_equal(blocking_get(bound, ZMQ_RCVMORE), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(zmq_recv(bound, &byte, 1, 0), 1);
    assert_int_equal(blocking_get(bound, ZMQ_RCVMORE), i < 2);
    assert_int_equal(blocking_get(bound, ZMQ_RCVMORE), i < 2);
  }
  blocking_expect_errno(zmq_recv(bound, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
  assert_int_equal(blocking_get(bound, ZMQ_RCVMORE), 0);
}

/* Behaviour 189. */
static void the_descriptor_tells_of_news(void **state) {
  struct pollfd item = {.events = POLLIN};
  void *bound;
  void *connected;

  blocking_pair(*state, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  item.fd = blocking_get(bound, ZMQ_FD);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(blocking_events(bound) & ZMQ_POLLIN, 0);
    blocking_send(connected, "news");
    while ((blocking_events(bound) & ZMQ_POLLIN) == 0)
      assert_int_equal(poll(&item, 1, BLOCKING_DEADLINE_MS), 1);
    assert_int_equal(item.fd, blocking_get(bound, ZMQ_FD));
    blocking_expect(bound, "news");
  }
}

/* ---- Misuse ---- */

static void unknown_options_are_refused(void **state) {
  static const int numbers[] = {-1, 0,  1,  2,  3,  10,   20,      26,     29,
                                30, 67, 70, 82, 83, 1000, INT_MAX, INT_MIN};
  void *socket = blocking_socket(*state, ZMQ_PAIR);
  int value;

  for (size_t i = 0; i < COUNT(numbers); i++) {
    blocking_expect_errno(set_int(socket, numbers[i], 0), EINVAL);
    blocking_expect_errno(get_int(socket, numbers[i], &value), EINVAL);
  }
}

static void what_is_no_socket_is_refused(void **state) {
  int value = 0;

  (void)state;
  blocking_expect_errno(set_int(NULL, ZMQ_LINGER, 0), ENOTSOCK);
  blocking_expect_errno(get_int(NULL, ZMQ_LINGER, &value), ENOTSOCK);
}

static void expect_refused(int result) {
  assert_int_equal(result, -1);
  assert_true(errno == EFAULT || errno == EINVAL);
}

/* libzmq crashes here. */
static void null_arguments_are_refused(void **state) {
  static const int options[] = {ZMQ_LINGER,
                                ZMQ_MAXMSGSIZE,
                                ZMQ_AFFINITY,
                                ZMQ_ROUTING_ID,
                                ZMQ_EVENTS,
                                ZMQ_RCVMORE,
                                ZMQ_FD,
                                ZMQ_TYPE,
                                ZMQ_SUBSCRIBE,
                                ZMQ_BINDTODEVICE,
                                ZMQ_LAST_ENDPOINT,
                                XSUB_VERBOSE_UNSUBSCRIBE,
                                1000};
  static const int types[] = {ZMQ_SUB, ZMQ_XSUB, ZMQ_ROUTER, ZMQ_XPUB};
  int64_t value = 0;

  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < COUNT(types); i++) {
    void *socket = blocking_socket(*state, types[i]);
    for (size_t j = 0; j < COUNT(options); j++) {
      for (size_t size = 1; size <= 8; size++) {
        size_t room = size;
        expect_refused(zmq_setsockopt(socket, options[j], NULL, size));
        expect_refused(zmq_getsockopt(socket, options[j], NULL, &room));
      }
      expect_refused(zmq_getsockopt(socket, options[j], &value, NULL));
      expect_refused(zmq_getsockopt(socket, options[j], NULL, NULL));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      blocking_test(linger_depends_on_the_type),
      blocking_test(ipv4only_is_the_opposite_of_ipv6),
      blocking_test(every_int_is_a_flag_for_invert_matching),
      blocking_test(maxmsgsize_has_8_bytes),
      blocking_test(affinity_chooses_threads),
      blocking_test(a_routing_id_has_up_to_255_bytes),
      blocking_test(a_connect_routing_id_is_for_routers),
      blocking_test(a_device_is_a_short_text),
      blocking_test(topics_are_for_sub),
      blocking_test(a_welcome_is_for_xpub),
      blocking_test(types_can_be_read),
      blocking_test(what_can_only_be_read_cannot_be_set),
      blocking_test(some_take_larger_buffers),
      blocking_test(rcvmore_tells_of_the_part_last_read),
      blocking_test(the_descriptor_tells_of_news),
      blocking_test(unknown_options_are_refused),
      blocking_test(what_is_no_socket_is_refused),
      blocking_test(null_arguments_are_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
