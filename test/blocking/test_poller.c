/* Behaviour 191: the poller. Libraries may lack it, so it is looked up. */
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include "support/blocked.h"
#include "support/blocking.h"

/* zmq_poller_event_t, which zmq.h may not declare. */
typedef struct {
  void *socket;
  int fd;
  void *user_data;
  short events;
} event_t;

static struct {
  void *(*make)(void);
  int (*destroy)(void **poller);
  int (*size)(void *poller);
  int (*add)(void *poller, void *socket, void *user_data, short events);
  int (*modify)(void *poller, void *socket, short events);
  int (*remove)(void *poller, void *socket);
  int (*add_fd)(void *poller, int fd, void *user_data, short events);
  int (*modify_fd)(void *poller, int fd, short events);
  int (*remove_fd)(void *poller, int fd);
  int (*wait)(void *poller, event_t *event, long timeout_ms);
  int (*wait_all)(void *poller, event_t *events, int count, long timeout_ms);
  int (*fd)(void *poller, int *fd);
} poller_api;

static bool look_up(const char *name, void *function) {
  void *symbol = dlsym(RTLD_DEFAULT, name);

  memcpy(function, &symbol, sizeof(symbol));
  return symbol != NULL;
}

static bool has_poller(void) {
  return look_up("zmq_poller_new", &poller_api.make) &&
         look_up("zmq_poller_destroy", &poller_api.destroy) &&
         look_up("zmq_poller_size", &poller_api.size) &&
         look_up("zmq_poller_add", &poller_api.add) &&
         look_up("zmq_poller_modify", &poller_api.modify) &&
         look_up("zmq_poller_remove", &poller_api.remove) &&
         look_up("zmq_poller_add_fd", &poller_api.add_fd) &&
         look_up("zmq_poller_modify_fd", &poller_api.modify_fd) &&
         look_up("zmq_poller_remove_fd", &poller_api.remove_fd) &&
         look_up("zmq_poller_wait", &poller_api.wait) &&
         look_up("zmq_poller_wait_all", &poller_api.wait_all) &&
         look_up("zmq_poller_fd", &poller_api.fd);
}

static void *new_poller(void) {
  void *poller = poller_api.make();

  assert_non_null(poller);
  return poller;
}

static void destroy(void *poller) {
  blocking_expect_ok(poller_api.destroy(&poller));
  assert_null(poller);
}

static const event_t garbage = {
    .socket = (void *)&garbage, .fd = 77, .events = 99};

static void expect_event(const event_t *event, void *socket, int fd,
                         void *user_data, short events) {
  assert_ptr_equal(event->socket, socket);
  assert_int_equal(event->fd, fd);
  assert_ptr_equal(event->user_data, user_data);
  assert_int_equal(event->events, events);
}

static void expect_no_event(const event_t *event) {
  expect_event(event, NULL, -1, NULL, 0);
}

static void make_pipe(int *ends) {
  assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static void test_empty(void **state) {
  void *poller;
  event_t event = garbage;

  (void)state;
  if (!has_poller())
    skip();
  poller = new_poller();
  assert_int_equal(poller_api.size(poller), 0);
  blocking_expect_errno(poller_api.wait(poller, &event, -1), EFAULT);
  expect_no_event(&event);
  event = garbage;
  blocking_expect_errno(poller_api.wait(poller, &event, 0), EAGAIN);
  expect_no_event(&event);
  blocking_expect_errno(poller_api.wait_all(poller, &event, 1, -1), EFAULT);
  blocking_expect_errno(poller_api.wait_all(poller, &event, 1, 0), EAGAIN);
  destroy(poller);
}

static void test_bad_poller(void **state) {
  blocking_t *b = *state;
  void *nothing = NULL;
  void *socket = blocking_socket(b, ZMQ_PAIR);
  event_t event;
  int fd;

  if (!has_poller())
    skip();
  blocking_expect_errno(poller_api.destroy(NULL), EFAULT);
  blocking_expect_errno(poller_api.destroy(&nothing), EFAULT);
  blocking_expect_errno(poller_api.size(NULL), EFAULT);
  blocking_expect_errno(poller_api.add(NULL, socket, NULL, 1), EFAULT);
  blocking_expect_errno(poller_api.modify(NULL, socket, 1), EFAULT);
  blocking_expect_errno(poller_api.remove(NULL, socket), EFAULT);
  blocking_expect_errno(poller_api.add_fd(NULL, 0, NULL, 1), EFAULT);
  blocking_expect_errno(poller_api.modify_fd(NULL, 0, 1), EFAULT);
  blocking_expect_errno(poller_api.remove_fd(NULL, 0), EFAULT);
  blocking_expect_errno(poller_api.wait(NULL, &event, 0), EFAULT);
  blocking_expect_errno(poller_api.wait_all(NULL, &event, 1, 0), EFAULT);
  blocking_expect_errno(poller_api.fd(NULL, &fd), EFAULT);
}

static void test_registrations(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PAIR);
  void *stranger = blocking_socket(b, ZMQ_PAIR);
  void *poller;

  if (!has_poller())
    skip();
  poller = new_poller();
  blocking_expect_ok(poller_api.add(poller, socket, NULL, ZMQ_POLLIN));
  assert_int_equal(poller_api.size(poller), 1);
  blocking_expect_errno(poller_api.add(poller, socket, NULL, ZMQ_POLLIN),
                        EINVAL);
  blocking_expect_errno(poller_api.add(poller, NULL, NULL, ZMQ_POLLIN),
                        ENOTSOCK);
  blocking_expect_errno(poller_api.add(poller, stranger, NULL, 16), EINVAL);
  blocking_expect_errno(poller_api.modify(poller, stranger, ZMQ_POLLIN),
                        EINVAL);
  blocking_expect_errno(poller_api.remove(poller, stranger), EINVAL);
  blocking_expect_ok(poller_api.modify(poller, socket, ZMQ_POLLOUT));
  blocking_expect_ok(poller_api.modify(poller, socket, 0));
  blocking_expect_ok(poller_api.add(poller, stranger, NULL, 0));
  assert_int_equal(poller_api.size(poller), 2);
  blocking_expect_ok(poller_api.remove(poller, socket));
  blocking_expect_errno(poller_api.remove(poller, socket), EINVAL);
  assert_int_equal(poller_api.size(poller), 1);
  destroy(poller);
}

static void test_registrations_of_descriptors(void **state) {
  void *poller;
  int ends[2];

  (void)state;
  if (!has_poller())
    skip();
  make_pipe(ends);
  poller = new_poller();
  blocking_expect_errno(poller_api.add_fd(poller, -1, NULL, ZMQ_POLLIN), EBADF);
  blocking_expect_errno(poller_api.modify_fd(poller, -1, ZMQ_POLLIN), EBADF);
  blocking_expect_errno(poller_api.remove_fd(poller, -1), EBADF);
  blocking_expect_ok(poller_api.add_fd(poller, ends[0], NULL, ZMQ_POLLIN));
  blocking_expect_errno(poller_api.add_fd(poller, ends[0], NULL, ZMQ_POLLIN),
                        EINVAL);
  blocking_expect_errno(poller_api.modify_fd(poller, ends[1], 1), EINVAL);
  blocking_expect_errno(poller_api.remove_fd(poller, ends[1]), EINVAL);
  blocking_expect_ok(poller_api.modify_fd(poller, ends[0], 0));
  blocking_expect_ok(poller_api.remove_fd(poller, ends[0]));
  assert_int_equal(poller_api.size(poller), 0);
  destroy(poller);
  close(ends[0]);
  close(ends[1]);
}

static void test_wait_for_one(void **state) {
  blocking_t *b = *state;
  void *bound;
  void *connected;
  void *poller;
  event_t event = garbage;
  int mark;

  if (!has_poller())
    skip();
  blocking_pair(b, ZMQ_PAIR, ZMQ_PAIR, &bound, &connected);
  poller = new_poller();
  blocking_expect_ok(poller_api.add(poller, bound, &mark, ZMQ_POLLIN));
  blocking_expect_errno(poller_api.wait(poller, &event, 0), EAGAIN);
  expect_no_event(&event);
  blocking_expect_errno(poller_api.wait(poller, &event, 30), EAGAIN);
  blocking_send(connected, "m");
  blocking_expect_ok(poller_api.wait(poller, &event, BLOCKING_DEADLINE_MS));
  expect_event(&event, bound, -1, &mark, ZMQ_POLLIN);
  blocking_expect_ok(
      poller_api.modify(poller, bound, ZMQ_POLLIN | ZMQ_POLLOUT));
  blocking_expect_ok(poller_api.wait(poller, &event, -1));
  expect_event(&event, bound, -1, &mark, ZMQ_POLLIN | ZMQ_POLLOUT);
  blocking_expect(bound, "m");
  blocking_expect_ok(poller_api.wait(poller, &event, -1));
  expect_event(&event, bound, -1, &mark, ZMQ_POLLOUT);
  blocking_expect_ok(poller_api.modify(poller, bound, 0));
  blocking_expect_errno(poller_api.wait(poller, &event, 0), EAGAIN);
  blocking_expect_errno(poller_api.wait(poller, &event, -1), EFAULT);
  blocking_expect_ok(poller_api.remove(poller, bound));
  destroy(poller);
}

static void test_wait_for_all(void **state) {
  blocking_t *b = *state;
  void *bound[3];
  void *connected[3];
  void *poller;
  event_t events[4] = {garbage, garbage, garbage, garbage};
  int marks[3];

  if (!has_poller())
    skip();
  poller = new_poller();
  for (size_t i = 0; i < 3; i++) {
    blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound[i], &connected[i]);
    blocking_expect_ok(poller_api.add(poller, bound[i], &marks[i], ZMQ_POLLIN));
  }
  blocking_expect_errno(poller_api.wait_all(poller, events, 4, 0), EAGAIN);
  blocking_send(connected[0], "m");
  blocking_send(connected[2], "m");
  blocking_wait_events(bound[0], ZMQ_POLLIN);
  blocking_wait_events(bound[2], ZMQ_POLLIN);
  assert_int_equal(poller_api.wait_all(poller, events, 4, -1), 2);
  expect_event(&events[0], bound[0], -1, &marks[0], ZMQ_POLLIN);
  expect_event(&events[1], bound[2], -1, &marks[2], ZMQ_POLLIN);
  expect_no_event(&events[2]);
  expect_no_event(&events[3]);
  assert_int_equal(poller_api.wait_all(poller, events, 1, -1), 1);
  blocking_expect_errno(poller_api.wait_all(poller, events, -1, 0), EINVAL);
  blocking_expect_errno(poller_api.wait_all(poller, NULL, 4, 0), EFAULT);
  destroy(poller);
}

static void test_descriptors(void **state) {
  void *poller;
  event_t event;
  int ends[2];
  int mark;

  (void)state;
  if (!has_poller())
    skip();
  make_pipe(ends);
  poller = new_poller();
  blocking_expect_ok(poller_api.add_fd(poller, ends[0], &mark, ZMQ_POLLIN));
  blocking_expect_errno(poller_api.wait(poller, &event, 20), EAGAIN);
  assert_int_equal(write(ends[1], "x", 1), 1);
  blocking_expect_ok(poller_api.wait(poller, &event, -1));
  expect_event(&event, NULL, ends[0], &mark, ZMQ_POLLIN);
  destroy(poller);
  close(ends[0]);
  close(ends[1]);
}

typedef struct {
  void *poller;
  event_t event;
} waiting_t;

static int wait_call(void *argument) {
  waiting_t *waiting = argument;

  return poller_api.wait(waiting->poller, &waiting->event, -1);
}

static void test_sockets_and_descriptors_wake(void **state) {
  blocking_t *b = *state;
  static waiting_t waiting;
  void *bound;
  void *connected;
  static blocked_t blocked;
  int ends[2];
  char byte;

  if (!has_poller())
    skip();
  make_pipe(ends);
  waiting.poller = new_poller();
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
  blocking_expect_ok(poller_api.add(waiting.poller, bound, NULL, ZMQ_POLLIN));
  blocking_expect_ok(
      poller_api.add_fd(waiting.poller, ends[0], NULL, ZMQ_POLLIN));
  for (int i = 0; i < 10; i++) {
    blocked_start(&blocked, wait_call, &waiting);
    blocked_wait_asleep(&blocked);
    blocking_send(connected, "m");
    blocked_expect_ok(&blocked);
    expect_event(&waiting.event, bound, -1, NULL, ZMQ_POLLIN);
    blocking_expect(bound, "m");

    blocked_start(&blocked, wait_call, &waiting);
    blocked_wait_asleep(&blocked);
    assert_int_equal(write(ends[1], "x", 1), 1);
    blocked_expect_ok(&blocked);
    expect_event(&waiting.event, NULL, ends[0], NULL, ZMQ_POLLIN);
    assert_int_equal(read(ends[0], &byte, 1), 1);
  }
  destroy(waiting.poller);
  close(ends[0]);
  close(ends[1]);
}

/* Behaviour 121, of the poller. */
static void test_the_end_wakes(void **state) {
  blocking_t *b = *state;
  static waiting_t waiting;
  void *socket = blocking_socket(b, ZMQ_PULL);
  static blocked_t blocked;

  if (!has_poller())
    skip();
  waiting.poller = new_poller();
  blocking_expect_ok(poller_api.add(waiting.poller, socket, NULL, ZMQ_POLLIN));
  blocked_start(&blocked, wait_call, &waiting);
  blocked_wait_asleep(&blocked);
  blocking_expect_ok(zmq_ctx_shutdown(b->context));
  blocked_expect_errno(&blocked, ETERM);
  destroy(waiting.poller);
}

static void test_timeout(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  void *poller;
  event_t event;
  uint64_t begin;

  if (!has_poller())
    skip();
  poller = new_poller();
  blocking_expect_ok(poller_api.add(poller, socket, NULL, ZMQ_POLLIN));
  begin = blocking_now_ms();
  blocking_expect_errno(poller_api.wait(poller, &event, 120), EAGAIN);
  assert_true(blocking_now_ms() - begin >= 120);
  begin = blocking_now_ms();
  blocking_expect_errno(poller_api.wait_all(poller, &event, 1, 120), EAGAIN);
  assert_true(blocking_now_ms() - begin >= 120);
  destroy(poller);
}

/* Nothing but stable types here: no descriptor of its own. */
static void test_no_descriptor(void **state) {
  blocking_t *b = *state;
  void *socket = blocking_socket(b, ZMQ_PULL);
  void *poller;
  int fd;

  if (!has_poller())
    skip();
  poller = new_poller();
  blocking_expect_ok(poller_api.add(poller, socket, NULL, ZMQ_POLLIN));
  blocking_expect_errno(poller_api.fd(poller, &fd), EINVAL);
  destroy(poller);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_empty),
      blocking_test(test_bad_poller),
      blocking_test(test_registrations),
      blocking_test(test_registrations_of_descriptors),
      blocking_test(test_wait_for_one),
      blocking_test(test_wait_for_all),
      blocking_test(test_descriptors),
      blocking_test(test_sockets_and_descriptors_wake),
      blocking_test(test_the_end_wakes),
      blocking_test(test_timeout),
      blocking_test(test_no_descriptor),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}
