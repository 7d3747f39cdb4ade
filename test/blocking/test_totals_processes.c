/* Nothing is lost between processes, as far as it is promised, though one of
 * them is killed and comes back. The other process is this program, with its
 * role as the second argument; it tells on a pipe what it received. */
#include "support/blocking.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  REPORT_FD = 3,
  PIPE_SIZE = 4096, /* bytes: how far a process may run ahead of its report */
  BODY = 1000,
  SENDERS = 3
};

/* ---- The other process ---- */

static void report(uint32_t number) {
  if (write(REPORT_FD, &number, sizeof(number)) != sizeof(number))
    _exit(3);
}

/* Receives and reports for ever. */
static int role_pull(void *socket, const char *endpoint, const char *count) {
  uint32_t number;

  (void)count;
  if (zmq_bind(socket, endpoint) != 0)
    return 4;
  while (zmq_recv(socket, &number, sizeof(number), 0) >= 0)
    report(number);
  return 5;
}

/* Reports and answers for ever. */
static int role_rep(void *socket, const char *endpoint, const char *count) {
  uint32_t number;

  (void)count;
  if (zmq_bind(socket, endpoint) != 0)
    return 4;
  while (zmq_recv(socket, &number, sizeof(number), 0) >= 0) {
    report(number);
    if (zmq_send(socket, &number, sizeof(number), 0) != sizeof(number))
      return 6;
  }
  return 5;
}

/* Sends 0 to count - 1, and leaves. */
static int role_push(void *socket, const char *endpoint, const char *count) {
  uint32_t last = (uint32_t)strtoul(count, NULL, 10);

  if (zmq_connect(socket, endpoint) != 0)
    return 4;
  for (uint32_t number = 0; number < last; number++) {
    if (zmq_send(socket, &number, sizeof(number), 0) != sizeof(number))
      return 6;
  }
  return 0;
}

static int role_main(char **argv) {
  static const struct {
    const char *name;
    int type;
    int (*run)(void *socket, const char *endpoint, const char *count);
  } roles[] = {{"pull", ZMQ_PULL, role_pull},
               {"rep", ZMQ_REP, role_rep},
               {"push", ZMQ_PUSH, role_push}};
  void *context = zmq_ctx_new();
  int limit = 10;
  int buffer = 4096;
  int result = 2;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
    void *socket;
    if (strcmp(argv[2], roles[i].name) != 0)
      continue;
    socket = zmq_socket(context, roles[i].type);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &limit, sizeof(limit));
    zmq_setsockopt(socket, ZMQ_RCVHWM, &limit, sizeof(limit));
    zmq_setsockopt(socket, ZMQ_RCVBUF, &buffer, sizeof(buffer));
    result = roles[i].run(socket, argv[3], argv[4]);
    zmq_close(socket);
  }
  zmq_ctx_term(context);
  return result;
}

/* ---- Its parent ---- */

typedef struct {
  pid_t pid;
  int fd; /* of its reports */
} process_t;

static process_t spawn(const char *role, const char *endpoint,
                       const char *count) {
  char *const argv[] = {"peer",
                        "-",
                        (char *)(uintptr_t)role,
                        (char *)(uintptr_t)endpoint,
                        (char *)(uintptr_t)count,
                        NULL};
  posix_spawn_file_actions_t actions;
  process_t process;
  int ends[2];
  int report_end;

  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
  /* dup2() of the very same number would leave it close-on-exec */
  report_end = fcntl(ends[1], F_DUPFD_CLOEXEC, REPORT_FD + 1);
  assert_true(report_end > REPORT_FD);
  close(ends[1]);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, report_end, REPORT_FD);
  assert_int_equal(posix_spawn(&process.pid, "/proc/self/exe", &actions, NULL,
                               argv, environ),
                   0);
  posix_spawn_file_actions_destroy(&actions);
  close(report_end);
  process.fd = ends[0];
  return process;
}

/* The next number it reports; false when its reports have ended, or when none
 * comes within `timeout_ms`. */
static bool next_report(process_t *process, uint32_t *number, int timeout_ms) {
  struct pollfd item = {.fd = process->fd, .events = POLLIN};

  return poll(&item, 1, timeout_ms) == 1 &&
         read(process->fd, number, sizeof(*number)) == sizeof(*number);
}

static void expect_reports(process_t *process, uint32_t first, uint32_t last) {
  uint32_t number;

  for (; first < last; first++) {
    assert_true(next_report(process, &number, BLOCKING_DEADLINE_MS));
    assert_int_equal(number, first);
  }
}

static void expect_no_report(process_t *process) {
  uint32_t number;

  assert_false(next_report(process, &number, BLOCKING_QUIET_MS));
}

/* Its reports can still be read. */
static void kill_process(process_t *process) {
  int status;

  assert_int_equal(kill(process->pid, SIGKILL), 0);
  assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
  assert_true(WIFSIGNALED(status));
}

static void send_number(void *push, uint32_t number) {
  assert_int_equal(zmq_send(push, &number, sizeof(number), 0), sizeof(number));
}

static void *connected(blocking_t *b, int type, const char *endpoint) {
  void *socket = blocking_socket(b, type);

  blocking_set(socket, ZMQ_RECONNECT_IVL, 10);
  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_connect(socket, endpoint);
  return socket;
}

/* ---- Pushing to a process that is killed ---- */

static void what_is_sent_while_the_receiver_is_down_arrives(void **state) {
  enum { ROUNDS = 3, EACH = 200 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  uint32_t number = 0;
  uint32_t received = 0;
  void *monitor;
  void *push;

  /* Behaviour 95: a connecting PUSH keeps what it cannot send. */
  blocking_fresh_endpoint(b, endpoint);
  push = connected(b, ZMQ_PUSH, endpoint);
  monitor = blocking_monitor(b, push, ZMQ_EVENT_DISCONNECTED);
  for (int round = 0; round < ROUNDS; round++) {
    process_t process;
    for (int i = 0; i < EACH; i++)
      send_number(push, number++);
    process = spawn("pull", endpoint, "");
    for (int i = 0; i < EACH; i++)
      send_number(push, number++);
    expect_reports(&process, received, number);
    received = number;
    expect_no_report(&process);
    kill_process(&process);
    close(process.fd);
    blocking_wait_monitor(monitor, ZMQ_EVENT_DISCONNECTED);
  }
  blocking_monitor_end(b, push, monitor);
}

typedef struct {
  void *socket;
  uint32_t count;
  uint32_t sent;
} sender_t;

/* Large messages, so that few fit the buffers of the kernel. */
static void *send_large(void *argument) {
  sender_t *sender = argument;
  char body[BODY] = "";

  for (; sender->sent < sender->count; sender->sent++) {
    memcpy(body, &sender->sent, sizeof(sender->sent));
    if (zmq_send(sender->socket, body, sizeof(body), 0) != sizeof(body))
      return NULL;
  }
  return NULL;
}

/* Reads what a process reports up to `last` and requires that nothing came
 * before, and nothing is missing but perhaps in front of its first number; how
 * many. */
static uint32_t follow_reports(process_t *process, uint32_t *next,
                               uint32_t last, bool is_first) {
  uint32_t count = 0;
  uint32_t number;

  while (*next < last && next_report(process, &number, BLOCKING_DEADLINE_MS)) {
    if (is_first)
      assert_true(number >= *next);
    else
      assert_int_equal(number, *next);
    is_first = false;
    *next = number + 1;
    count++;
  }
  return count;
}

static void only_what_was_under_way_dies_with_the_receiver(void **state) {
  enum { COUNT = 10000, KILLS = 3, UNDER_WAY = 2000 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  sender_t sender = {.count = COUNT};
  pthread_t thread;
  process_t process;
  uint32_t next = 0;
  uint32_t received = 0;

  /* Behaviour 95: no message comes twice, and the rest comes without a gap. */
  blocking_fresh_endpoint(b, endpoint);
  sender.socket = blocking_socket(b, ZMQ_PUSH);
  blocking_set(sender.socket, ZMQ_RECONNECT_IVL, 10);
  blocking_set(sender.socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(sender.socket, ZMQ_SNDHWM, 10);
  blocking_set(sender.socket, ZMQ_SNDBUF, 4096);
  blocking_connect(sender.socket, endpoint);
  assert_int_equal(pthread_create(&thread, NULL, send_large, &sender), 0);
  for (uint32_t i = 0; i < KILLS; i++) {
    process = spawn("pull", endpoint, "");
    received += follow_reports(&process, &next, next + 1000, true);
    kill_process(&process);
    received += follow_reports(&process, &next, COUNT, false);
    close(process.fd);
  }
  process = spawn("pull", endpoint, "");
  received += follow_reports(&process, &next, COUNT, true);
  pthread_join(thread, NULL);
  assert_int_equal(sender.sent, COUNT);
  assert_int_equal(next, COUNT);
  assert_in_range(received, COUNT - KILLS * UNDER_WAY, COUNT);
  expect_no_report(&process);
  kill_process(&process);
  close(process.fd);
}

/* ---- Asking a process that is killed ---- */

/* Asks until the reply comes, each time with a new socket after a time-out. */
static void *ask(blocking_t *b, void *req, const char *endpoint,
                 uint32_t number) {
  uint64_t until = blocking_now_ms() + 2 * BLOCKING_DEADLINE_MS;
  uint32_t reply;

  for (;;) {
    send_number(req, number);
    if (zmq_recv(req, &reply, sizeof(reply), 0) == sizeof(reply))
      break;
    assert_int_equal(errno, EAGAIN);
    assert_true(blocking_now_ms() < until);
    blocking_set(req, ZMQ_LINGER, 0);
    blocking_close(b, req);
    req = connected(b, ZMQ_REQ, endpoint);
    blocking_set(req, ZMQ_RCVTIMEO, 100);
  }
  assert_int_equal(reply, number);
  return req;
}

/* Marks all that a killed process has reported. */
static void mark_reports(process_t *process, char *asked, uint32_t count) {
  uint32_t number;

  while (next_report(process, &number, BLOCKING_DEADLINE_MS)) {
    assert_in_range(number, 0, count - 1);
    asked[number] = 1;
  }
}

static void every_request_is_answered_in_the_end(void **state) {
  enum { COUNT = 300, BETWEEN = 60 };
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  char asked[COUNT] = {0};
  process_t process;
  void *req;

  blocking_fresh_endpoint(b, endpoint);
  req = connected(b, ZMQ_REQ, endpoint);
  blocking_set(req, ZMQ_RCVTIMEO, 100);
  process = spawn("rep", endpoint, "");
  for (uint32_t i = 0; i < COUNT; i++) {
    if (i % BETWEEN == BETWEEN - 1) {
      kill_process(&process);
      mark_reports(&process, asked, COUNT);
      close(process.fd);
      process = spawn("rep", endpoint, "");
    }
    req = ask(b, req, endpoint, i);
  }
  kill_process(&process);
  mark_reports(&process, asked, COUNT);
  close(process.fd);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(asked[i], 1);
}

/* ---- A process that leaves ---- */

static void a_process_that_leaves_delivers_all(void **state) {
  enum { COUNT = 2000 };
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  process_t processes[SENDERS];
  uint32_t times[COUNT] = {0};
  char endpoint[BLOCKING_TEXT_MAX];
  int status;

  /* libzmq forgets what an ipc connection still holds when its sender has left
   * while the receiver was full. */
  if (blocking_is_tcp() || blocking_is_zuv())
    blocking_set(pull, ZMQ_RCVHWM, 10);
  else
    blocking_set(pull, ZMQ_RCVHWM, 0);
  /* Behaviour 111: with the linger a socket begins with. */
  blocking_set(pull, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_bind(b, pull, endpoint);
  for (size_t i = 0; i < SENDERS; i++)
    processes[i] = spawn("push", endpoint, "2000");
  for (size_t i = 0; i < (size_t)SENDERS * COUNT; i++) {
    uint32_t number = COUNT;
    assert_int_equal(zmq_recv(pull, &number, sizeof(number), 0),
                     sizeof(number));
    assert_in_range(number, 0, COUNT - 1);
    times[number]++;
    if (i % 100 == 0)
      blocking_sleep_ms(1);
  }
  for (size_t i = 0; i < SENDERS; i++) {
    assert_int_equal(waitpid(processes[i].pid, &status, 0), processes[i].pid);
    assert_int_equal(status, 0);
    close(processes[i].fd);
  }
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(times[i], SENDERS);
  blocking_expect_nothing(pull);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(what_is_sent_while_the_receiver_is_down_arrives),
      blocking_test(only_what_was_under_way_dies_with_the_receiver),
      blocking_test(every_request_is_answered_in_the_end),
      blocking_test(a_process_that_leaves_delivers_all),
  };

  if (argc == 5)
    return role_main(argv);
  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
