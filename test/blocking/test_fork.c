/* Behaviours after fork: a child can close what it inherited, and make a
 * context of its own. What it does never reaches the parent's sockets. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/blocked.h"
#include "support/blocking.h"

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

enum { CHILD_LIVES_S = 10, AT_ONCE_MS = 5000 };

/* ---- Children ---- */

/* Runs in the child: 0, or the number of the line that failed. Failing the test
 * is the parent's. */
typedef int child_fn(void *argument);

#define require(condition)                                                     \
  do {                                                                         \
    if (!(condition)) {                                                        \
      dprintf(STDERR_FILENO, "%s:%d: in the child: %s (errno %d)\n", __FILE__, \
              __LINE__, #condition, errno);                                    \
      return 1;                                                                \
    }                                                                          \
  } while (0)
/* Whether the call answers -1 or NULL, with this error. */
#define fails_with(call, error)                                                \
  (errno = 0, fails((intptr_t)(call)) && errno == (error))
static bool fails(intptr_t result) {
  return result == -1 || result == 0;
}

static pid_t start_child(child_fn *child, void *argument) {
  pid_t pid = fork();

  if (pid == 0) {
    alarm(CHILD_LIVES_S);
    _exit(child(argument));
  }
  assert_true(pid > 0);
  return pid;
}

static bool has_ended(pid_t pid, int *status) {
  return waitpid(pid, status, WNOHANG) == pid;
}

static void expect_child(pid_t pid) {
  int status = -1;

  blocking_wait(has_ended(pid, &status));
  if (WIFSIGNALED(status))
    fail_msg("a child ended with signal %d", WTERMSIG(status));
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void run_child(child_fn *child, void *argument) {
  expect_child(start_child(child, argument));
}

/* ---- A parent that talks ---- */

enum { TRANSPORTS = 3, TALKERS = 4 };

/* Sockets over tcp, ipc and inproc at once. */
typedef struct {
  void *context;
  void *answerers[TRANSPORTS];
  void *askers[TRANSPORTS];
  char endpoints[TRANSPORTS][BLOCKING_TEXT_MAX];
} family_t;

static void make_family(blocking_t *b, family_t *family) {
  static const blocking_transport_t transports[TRANSPORTS] = {
      BLOCKING_TCP, BLOCKING_IPC, BLOCKING_INPROC};

  family->context = b->context;
  for (size_t i = 0; i < TRANSPORTS; i++) {
    blocking_transport = transports[i];
    family->answerers[i] = blocking_socket(b, ZMQ_ROUTER);
    family->askers[i] = blocking_socket(b, ZMQ_REQ);
    blocking_set_text(family->askers[i], ZMQ_ROUTING_ID, "asker");
    blocking_join(b, family->answerers[i], family->askers[i],
                  family->endpoints[i]);
  }
}

static void talk(family_t *family) {
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < TRANSPORTS; i++) {
      blocking_send(family->askers[i], "question");
      blocking_expect(family->answerers[i], "asker||question");
      blocking_send(family->answerers[i], "asker||answer");
      blocking_expect(family->askers[i], "answer");
    }
  }
}

/* Connections that come after the fork are served as well. Each has a name of
 * its own: the last one may not be forgotten yet. */
static void talk_to_newcomers(blocking_t *b, family_t *family) {
  char name[32];
  char text[64];

  for (size_t i = 0; i < TRANSPORTS; i++) {
    void *newcomer = blocking_socket(b, ZMQ_DEALER);

    snprintf(name, sizeof(name), "new-%u", b->name_count++);
    blocking_set_text(newcomer, ZMQ_ROUTING_ID, name);
    blocking_connect(newcomer, family->endpoints[i]);
    blocking_send(newcomer, "hello");
    snprintf(text, sizeof(text), "%s|hello", name);
    blocking_expect(family->answerers[i], text);
    snprintf(text, sizeof(text), "%s|welcome", name);
    blocking_send(family->answerers[i], text);
    blocking_expect(newcomer, "welcome");
    blocking_close(b, newcomer);
  }
}

static int do_nothing(void *unused) {
  (void)unused;
  return 0;
}

static void test_child_does_nothing(void **state) {
  blocking_t *b = *state;
  static family_t family;

  make_family(b, &family);
  talk(&family);
  for (int i = 0; i < 5; i++) {
    run_child(do_nothing, NULL);
    talk(&family);
    talk_to_newcomers(b, &family);
  }
}

/* On ours only: with libzmq a child waits for ever, seldom, for a lock that a
 * thread held when it forked, and the context does not end well. */
static int close_all(void *argument) {
  family_t *family = argument;
  uint64_t begin = blocking_now_ms();

  for (size_t i = 0; i < TRANSPORTS; i++) {
    require(zmq_close(family->answerers[i]) == 0);
    require(zmq_close(family->askers[i]) == 0);
  }
  require(zmq_ctx_term(family->context) == 0);
  require(blocking_now_ms() - begin < AT_ONCE_MS);
  return 0;
}

static void test_child_closes(void **state) {
  blocking_t *b = *state;
  static family_t family;

  if (!blocking_is_zuv())
    skip();
  make_family(b, &family);
  talk(&family);
  for (int i = 0; i < 5; i++) {
    run_child(close_all, &family);
    talk(&family);
    talk_to_newcomers(b, &family);
  }
}

/* While the child lives and dies. */
static void test_child_closes_meanwhile(void **state) {
  blocking_t *b = *state;
  static family_t family;
  pid_t children[5];

  if (!blocking_is_zuv())
    skip();
  make_family(b, &family);
  for (int i = 0; i < 5; i++) {
    children[i] = start_child(close_all, &family);
    talk(&family);
  }
  talk_to_newcomers(b, &family);
  for (int i = 0; i < 5; i++)
    expect_child(children[i]);
  talk(&family);
}

static int close_one(void *socket) {
  uint64_t begin = blocking_now_ms();

  require(zmq_close(socket) == 0);
  require(blocking_now_ms() - begin < AT_ONCE_MS);
  return 0;
}

/* Messages that wait are the parent's: the child neither waits for them nor
 * sends them. */
static void test_child_closes_with_linger(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  void *puller = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_zuv())
    skip();
  blocking_transport = BLOCKING_TCP;
  blocking_set(pusher, ZMQ_LINGER, -1);
  blocking_fresh_endpoint(b, endpoint);
  blocking_connect(pusher, endpoint);
  assert_int_equal(blocking_fill(pusher, "m", 10), 10);
  run_child(close_one, pusher);
  blocking_bind_to(puller, endpoint);
  blocking_expect_numbers(puller, "m", 0, 10);
  blocking_expect_nothing(puller);
}

static int terminate(void *argument) {
  family_t *family = argument;
  uint64_t begin = blocking_now_ms();

  zmq_ctx_shutdown(family->context);
  require(zmq_ctx_term(family->context) == 0);
  require(blocking_now_ms() - begin < AT_ONCE_MS);
  return 0;
}

/* Even with sockets that are open yet. */
static void test_child_terminates_first(void **state) {
  blocking_t *b = *state;
  static family_t family;

  if (!blocking_is_zuv())
    skip();
  make_family(b, &family);
  run_child(terminate, &family);
  talk(&family);
  talk_to_newcomers(b, &family);
}

static int use_socket(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
  int value = 0;
  size_t size = sizeof(value);
  char byte;
  zmq_msg_t message;

  zmq_msg_init(&message);
  require(fails_with(zmq_send(socket, "x", 1, 0), ETERM));
  require(fails_with(zmq_send(socket, "x", 1, ZMQ_DONTWAIT), ETERM));
  require(fails_with(zmq_send_const(socket, "x", 1, 0), ETERM));
  require(fails_with(zmq_recv(socket, &byte, 1, 0), ETERM));
  require(fails_with(zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT), ETERM));
  require(fails_with(zmq_msg_send(&message, socket, 0), ETERM));
  require(fails_with(zmq_msg_recv(&message, socket, 0), ETERM));
  require(fails_with(zmq_poll(&item, 1, -1), ETERM));
  require(fails_with(zmq_poll(&item, 1, 0), ETERM));
  require(fails_with(zmq_proxy(socket, socket, NULL), ETERM));
  require(fails_with(zmq_bind(socket, "inproc://child"), ETERM));
  require(fails_with(zmq_bind(socket, "tcp://127.0.0.1:*"), ETERM));
  require(fails_with(zmq_connect(socket, "inproc://child"), ETERM));
  require(fails_with(zmq_connect(socket, "tcp://127.0.0.1:9"), ETERM));
  require(fails_with(zmq_unbind(socket, "inproc://child"), ETERM));
  require(fails_with(zmq_disconnect(socket, "inproc://child"), ETERM));
  require(fails_with(zmq_setsockopt(socket, ZMQ_LINGER, &value, size), ETERM));
  require(fails_with(zmq_getsockopt(socket, ZMQ_TYPE, &value, &size), ETERM));
  require(fails_with(zmq_getsockopt(socket, ZMQ_EVENTS, &value, &size), ETERM));
  require(fails_with(zmq_socket_monitor(socket, "inproc://m", 1), ETERM));
  zmq_msg_close(&message);
  return 0;
}

static int use_everything(void *argument) {
  family_t *family = argument;

  for (size_t i = 0; i < TRANSPORTS; i++) {
    require(use_socket(family->answerers[i]) == 0);
    require(use_socket(family->askers[i]) == 0);
  }
  require(fails_with(zmq_socket(family->context, ZMQ_PAIR), ETERM));
  return close_all(family);
}

/* Every other call answers, and says ETERM. */
static void test_child_uses_what_it_inherited(void **state) {
  blocking_t *b = *state;
  static family_t family;

  if (!blocking_is_zuv())
    skip();
  make_family(b, &family);
  blocking_send(family.askers[0], "question");
  run_child(use_everything, &family);
  blocking_expect(family.answerers[0], "asker||question");
  blocking_send(family.answerers[0], "asker||answer");
  blocking_expect(family.askers[0], "answer");
  talk(&family);
  talk_to_newcomers(b, &family);
}

static int use_messages(void *argument) {
  zmq_msg_t *inherited = argument;
  zmq_msg_t copy;

  zmq_msg_init(&copy);
  require(zmq_msg_copy(&copy, inherited) == 0);
  require(zmq_msg_size(&copy) == 1000);
  require(zmq_msg_close(inherited) == 0);
  require(((char *)zmq_msg_data(&copy))[999] == 'x');
  require(zmq_msg_close(&copy) == 0);
  require(zmq_msg_init_size(&copy, 5000) == 0);
  require(zmq_msg_close(&copy) == 0);
  return 0;
}

/* Messages are memory, and each process has its own. */
static void test_child_uses_messages(void **state) {
  blocking_t *b = *state;
  static family_t family;
  zmq_msg_t message;

  make_family(b, &family);
  blocking_expect_ok(zmq_msg_init_size(&message, 1000));
  memset(zmq_msg_data(&message), 'x', 1000);
  run_child(use_messages, &message);
  assert_int_equal(((char *)zmq_msg_data(&message))[999], 'x');
  blocking_expect_ok(zmq_msg_close(&message));
}

static int talk_with_parent(void *argument) {
  family_t *family = argument;
  const int linger = 0;
  const int deadline = 1000 * CHILD_LIVES_S / 2;
  void *context = zmq_ctx_new();
  void *socket;
  char answer[8];

  require(context != NULL);
  for (int i = 0; i < 2; i++) {
    socket = zmq_socket(context, ZMQ_REQ);
    require(socket != NULL);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &deadline, sizeof(deadline));
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, "child", 5);
    require(zmq_connect(socket, family->endpoints[i]) == 0);
    require(zmq_send(socket, "hello", 5, 0) == 5);
    require(zmq_recv(socket, answer, sizeof(answer), 0) == 7);
    require(memcmp(answer, "welcome", 7) == 0);
    require(zmq_close(socket) == 0);
  }
  require(zmq_ctx_term(context) == 0);
  return blocking_is_zuv() ? close_all(family) : 0;
}

/* A context of its own, beside the one it inherited. */
static void test_child_has_its_own_context(void **state) {
  blocking_t *b = *state;
  static family_t family;
  pid_t child;

#ifdef THREAD_SANITIZER
  skip(); /* which cannot follow threads of a child */
#endif
  make_family(b, &family);
  child = start_child(talk_with_parent, &family);
  for (int i = 0; i < 2; i++) {
    blocking_expect(family.answerers[i], "child||hello");
    blocking_send(family.answerers[i], "child||welcome");
  }
  expect_child(child);
  talk(&family);
}

/* ---- A parent whose threads are busy ---- */

typedef struct {
  void *context;
  const char *endpoint;
  atomic_bool *enough;
  int talks;
  blocked_t thread;
} talker_t;

/* Asks an echo of its own until it is enough. */
static int keep_talking(void *argument) {
  talker_t *talker = argument;
  const int deadline = BLOCKING_DEADLINE_MS;
  char endpoint[BLOCKING_TEXT_MAX];
  size_t size = sizeof(endpoint);
  void *answerer = zmq_socket(talker->context, ZMQ_PAIR);
  void *asker = zmq_socket(talker->context, ZMQ_PAIR);
  int result = 0;
  int number = 0;

  zmq_setsockopt(answerer, ZMQ_RCVTIMEO, &deadline, sizeof(deadline));
  zmq_setsockopt(asker, ZMQ_RCVTIMEO, &deadline, sizeof(deadline));
  if (zmq_bind(answerer, talker->endpoint) != 0 ||
      zmq_getsockopt(answerer, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0 ||
      zmq_connect(asker, endpoint) != 0)
    result = -1;
  for (int i = 0; result == 0 && !atomic_load(talker->enough); i++) {
    if (zmq_send(asker, &i, sizeof(i), 0) != sizeof(i) ||
        zmq_recv(answerer, &number, sizeof(number), 0) != sizeof(number) ||
        number != i)
      result = -1;
    talker->talks++;
  }
  zmq_close(asker);
  zmq_close(answerer);
  return result;
}

/* On ours a child also closes what another thread was just using. */
static void test_other_threads_talk(void **state) {
  static const char *const endpoints[TALKERS] = {
      "tcp://127.0.0.1:*", "ipc://*", "inproc://one", "inproc://two"};
  blocking_t *b = *state;
  static family_t family;
  static talker_t talkers[TALKERS];
  static atomic_bool enough;

  make_family(b, &family);
  atomic_store(&enough, false);
  for (size_t i = 0; i < TALKERS; i++) {
    talkers[i] = (talker_t){
        .context = b->context, .endpoint = endpoints[i], .enough = &enough};
    blocked_start(&talkers[i].thread, keep_talking, &talkers[i]);
  }
  for (int i = 0; i < 20; i++) {
    run_child(blocking_is_zuv() ? close_all : do_nothing, &family);
    talk(&family);
  }
  atomic_store(&enough, true);
  for (size_t i = 0; i < TALKERS; i++) {
    blocked_expect_ok(&talkers[i].thread);
    assert_true(talkers[i].talks > 0);
  }
}

static int receive(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, 0);
}

/* The child has a copy of the socket, but not the thread that waits. */
static void test_another_thread_waits(void **state) {
  blocking_t *b = *state;
  static family_t family;
  static blocked_t waiter;
  void *bound;
  void *connected;

  make_family(b, &family);
  for (int i = 0; i < 3; i++) {
    blocking_transport = (const blocking_transport_t[]){
        BLOCKING_TCP, BLOCKING_IPC, BLOCKING_INPROC}[i];
    blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &bound, &connected);
    blocked_start(&waiter, receive, bound);
    blocked_wait_asleep(&waiter);
    run_child(blocking_is_zuv() ? close_one : do_nothing, bound);
    assert_false(blocked_has_returned(&waiter));
    blocking_send(connected, "m");
    blocked_expect_ok(&waiter);
    assert_int_equal(waiter.result, 1);
  }
  talk(&family);
}

static void test_commands(void **state) {
  blocking_t *b = *state;
  static family_t family;

  make_family(b, &family);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(WEXITSTATUS(system("exit 3")), 3);
    talk(&family);
    talk_to_newcomers(b, &family);
  }
}

/* Fills in which descriptors are open. */
enum { DESCRIPTORS_MAX = 1024 };

static void list_descriptors(bool open[DESCRIPTORS_MAX]) {
  DIR *directory = opendir("/proc/self/fd");
  struct dirent *entry;
  long number;

  assert_non_null(directory);
  memset(open, 0, DESCRIPTORS_MAX * sizeof(open[0]));
  while ((entry = readdir(directory)) != NULL) {
    number = strtol(entry->d_name, NULL, 10);
    if (entry->d_name[0] != '.' && number < DESCRIPTORS_MAX &&
        number != dirfd(directory))
      open[number] = true;
  }
  closedir(directory);
}

/* What a command inherits would keep ports bound and connections open. */
static void test_descriptors_are_closed_by_exec(void **state) {
  blocking_t *b = *state;
  static family_t family;
  static bool before[DESCRIPTORS_MAX];
  static bool after[DESCRIPTORS_MAX];
  int flags;

  list_descriptors(before);
  make_family(b, &family);
  talk(&family);
  list_descriptors(after);
  for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
    if (before[fd] || !after[fd])
      continue;
    flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC))
      fail_msg("descriptor %d would be inherited", fd);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_child_does_nothing),
      blocking_test(test_child_closes),
      blocking_test(test_child_closes_meanwhile),
      blocking_test(test_child_closes_with_linger),
      blocking_test(test_child_terminates_first),
      blocking_test(test_child_uses_what_it_inherited),
      blocking_test(test_child_uses_messages),
      blocking_test(test_child_has_its_own_context),
      blocking_test(test_other_threads_talk),
      blocking_test(test_another_thread_waits),
      blocking_test(test_commands),
      blocking_test(test_descriptors_are_closed_by_exec),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
