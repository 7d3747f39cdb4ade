/* TCP_ACCEPT_FILTER and IPC_FILTER_*: whom a listener lets in, and what both
 * sides tell of whom it does not. */
#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/blocking.h"
#include "support/monitored.h"

static bool has_ipv6(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  bool has =
      fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

  if (fd >= 0)
    close(fd);
  return has;
}

static void add(void *socket, const char *filter) {
  blocking_set_text(socket, ZMQ_TCP_ACCEPT_FILTER, filter);
}

static void clear(void *socket, int option) {
  blocking_expect_ok(zmq_setsockopt(socket, option, NULL, 0));
}

/* A PULL that is told nothing but refusals. */
static void *filtered(blocking_t *b, void **monitor) {
  void *puller = blocking_socket(b, ZMQ_PULL);

  *monitor =
      blocking_monitor(b, puller, ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_ACCEPTED);
  return puller;
}

/* ---- Who is told what ---- */

/* Behaviour 149: of two refusals, as nobody gives up. */
static void test_sequence(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *theirs = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  void *ours;
  void *pusher = monitored_connecter(b, ZMQ_PUSH, &ours);

  if (blocking_is_tcp())
    add(puller, "10.1.2.3/32");
  else
    blocking_set(puller, ZMQ_IPC_FILTER_PID, 1);
  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  monitored_expect(theirs, ZMQ_EVENT_LISTENING, endpoint);
  for (int i = 0; i < 2; i++) {
    monitored_expect(theirs, ZMQ_EVENT_ACCEPT_FAILED, endpoint);
    monitored_expect_connected(ours, endpoint);
    monitored_expect(ours, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    monitored_expect(ours, ZMQ_EVENT_DISCONNECTED, endpoint);
    monitored_expect_retry(ours, endpoint, 20);
  }
}

/* ---- tcp ---- */

/* Whether what connects to a listener with these filters from there is let in;
 * NULL ends the list. */
static bool tcp_lets_in(blocking_t *b, bool ipv6, const char *const *filters,
                        const char *host) {
  char bound[BLOCKING_TEXT_MAX];
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = filtered(b, &monitor);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  int event;

  blocking_set(puller, ZMQ_IPV6, ipv6);
  blocking_set(pusher, ZMQ_IPV6, host[0] == '[');
  while (*filters != NULL)
    add(puller, *filters++);
  blocking_bind_to(puller, "tcp://*:*");
  blocking_get_text(puller, ZMQ_LAST_ENDPOINT, bound);
  snprintf(endpoint, sizeof(endpoint), "tcp://%s%s", host, strrchr(bound, ':'));
  blocking_connect(pusher, endpoint);
  event = blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS);
  blocking_close(b, pusher);
  blocking_close(b, puller);
  assert_true(event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_ACCEPT_FAILED);
  return event == ZMQ_EVENT_ACCEPTED;
}

#define lets_in(ipv6, host, ...)                                               \
  tcp_lets_in(*state, ipv6, (const char *const[]){__VA_ARGS__, NULL}, host)

static void test_addresses(void **state) {
  if (!blocking_is_tcp())
    skip();
  assert_true(lets_in(false, "127.0.0.1", "127.0.0.1"));
  assert_true(lets_in(false, "127.0.0.1", "127.9.9.9/8"));
  assert_true(lets_in(false, "127.0.0.1", "0.0.0.0/0"));
  assert_false(lets_in(false, "127.0.0.1", "127.0.0.2"));
  assert_false(lets_in(false, "127.0.0.1", "127.0.0.2/31"));
  assert_true(lets_in(false, "127.0.0.1", "127.0.0.0/31"));
  assert_false(lets_in(false, "127.0.0.1", "10.0.0.0/8"));
  assert_true(lets_in(false, "127.0.0.1", "10.0.0.0/8", "127.0.0.1/32"));
}

static void test_ipv6_addresses(void **state) {
  if (!blocking_is_tcp() || !has_ipv6())
    skip();
  assert_true(lets_in(true, "[::1]", "::1"));
  assert_true(lets_in(true, "[::1]", "[::1]"));
  assert_true(lets_in(true, "[::1]", "::/64"));
  assert_false(lets_in(true, "[::1]", "::2/127"));
  assert_false(lets_in(true, "[::1]", "127.0.0.1"));
  assert_true(lets_in(true, "[::1]", "127.0.0.1", "::1"));
  assert_true(lets_in(true, "127.0.0.1", "127.0.0.1"));
  assert_true(lets_in(true, "127.0.0.1", "127.9.9.9/104"));
  assert_true(lets_in(true, "127.0.0.1", "::ffff:127.0.0.1"));
  assert_true(lets_in(true, "127.0.0.1", "::/0"));
  assert_false(lets_in(true, "127.0.0.1", "::1"));
  assert_false(lets_in(true, "127.0.0.1", "10.0.0.0/104"));
}

/* Better: the bits of an IPv4 address are its own. libzmq takes them as those
 * of the mapped address, and lets everybody in. */
static void test_bits_with_ipv6(void **state) {
  if (!blocking_is_zuv() || !blocking_is_tcp() || !has_ipv6())
    skip();
  assert_false(lets_in(true, "127.0.0.1", "10.0.0.0/8"));
  assert_false(lets_in(true, "[::1]", "127.0.0.1/8"));
  assert_false(lets_in(true, "[::1]", "0.0.0.0/0"));
  assert_true(lets_in(true, "127.0.0.1", "127.9.9.9/8"));
  assert_true(lets_in(true, "127.0.0.1", "0.0.0.0/0"));
}

/* Better: also when IPv6 is turned on only for the bind. */
static void test_ipv6_after_the_filter(void **state) {
  blocking_t *b = *state;
  char bound[BLOCKING_TEXT_MAX];
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);

  if (!blocking_is_zuv() || !blocking_is_tcp() || !has_ipv6())
    skip();
  add(puller, "127.0.0.1");
  blocking_set(puller, ZMQ_IPV6, 1);
  blocking_bind_to(puller, "tcp://*:*");
  blocking_get_text(puller, ZMQ_LAST_ENDPOINT, bound);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1%s",
           strrchr(bound, ':'));
  blocking_expect_reaches(b, puller, endpoint, false);
}

/* A listener has the filters of its bind. */
static void test_next_bind(void **state) {
  blocking_t *b = *state;
  char first[BLOCKING_TEXT_MAX];
  char second[BLOCKING_TEXT_MAX];
  char third[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = filtered(b, &monitor);
  void *pusher = blocking_socket(b, ZMQ_PUSH);

  if (!blocking_is_tcp())
    skip();
  blocking_bind(b, puller, first);
  add(puller, "10.0.0.0/8");
  blocking_bind(b, puller, second);
  clear(puller, ZMQ_TCP_ACCEPT_FILTER);
  blocking_bind(b, puller, third);
  blocking_expect_reaches(b, puller, first, false);
  monitored_expect_accepted(monitor, first);
  blocking_expect_reaches(b, puller, third, false);
  monitored_expect_accepted(monitor, third);
  blocking_connect(pusher, second);
  monitored_expect(monitor, ZMQ_EVENT_ACCEPT_FAILED, second);
}

static void test_texts(void **state) {
  static const char *const bad[] = {
      "",
      "/",
      "/8",
      "*",
      "lo",
      "localhost",
      " 127.0.0.1",
      "127.0.0.1 ",
      "127.0.0.1/",
      "127.0.0.1/x",
      "127.0.0.1/-1",
      "127.0.0.1/33",
      "127.0.0.1:8",
      "::1",
      "::1/129",
      "127.0.0.1/8/8",
  };
  static char long_text[256];
  void *socket = blocking_socket(*state, ZMQ_PULL);
  size_t size = sizeof(long_text);

  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    blocking_expect_errno(
        zmq_setsockopt(socket, ZMQ_TCP_ACCEPT_FILTER, bad[i], strlen(bad[i])),
        EINVAL);
  memset(long_text, '1', sizeof(long_text));
  blocking_expect_errno(
      zmq_setsockopt(socket, ZMQ_TCP_ACCEPT_FILTER, long_text, 256), EINVAL);
  clear(socket, ZMQ_TCP_ACCEPT_FILTER);
  blocking_expect_errno(
      zmq_getsockopt(socket, ZMQ_TCP_ACCEPT_FILTER, long_text, &size), EINVAL);
}

/* ---- ipc ---- */

typedef struct {
  int option;
  int id;
} filter_t;

/* The same over ipc, from this process; {0} ends the list. */
static bool ipc_lets_in(blocking_t *b, const filter_t *filters) {
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller = filtered(b, &monitor);
  void *pusher = blocking_socket(b, ZMQ_PUSH);
  int event;

  for (; filters->option != 0; filters++)
    blocking_set(puller, filters->option, filters->id);
  blocking_bind(b, puller, endpoint);
  blocking_connect(pusher, endpoint);
  event = blocking_next_event(monitor, NULL, NULL, BLOCKING_DEADLINE_MS);
  blocking_close(b, pusher);
  blocking_close(b, puller);
  assert_true(event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_ACCEPT_FAILED);
  return event == ZMQ_EVENT_ACCEPTED;
}

#define ipc_with(...)                                                          \
  ipc_lets_in(*state, (const filter_t[]){__VA_ARGS__, {0, 0}})

/* That nobody has. */
enum { NO_ID = 0x7ffffff0 };

static void test_ids(void **state) {
  if (blocking_is_tcp())
    skip();
  assert_true(ipc_with({ZMQ_IPC_FILTER_PID, getpid()}));
  assert_true(ipc_with({ZMQ_IPC_FILTER_UID, (int)geteuid()}));
  assert_true(ipc_with({ZMQ_IPC_FILTER_GID, (int)getegid()}));
  assert_false(ipc_with({ZMQ_IPC_FILTER_PID, getpid() + 1}));
  assert_false(ipc_with({ZMQ_IPC_FILTER_UID, NO_ID}));
  assert_false(ipc_with({ZMQ_IPC_FILTER_GID, NO_ID}));
  assert_true(
      ipc_with({ZMQ_IPC_FILTER_PID, NO_ID}, {ZMQ_IPC_FILTER_PID, getpid()}));
}

/* One match of any kind is enough. */
static void test_any_kind(void **state) {
  if (blocking_is_tcp())
    skip();
  assert_true(ipc_with({ZMQ_IPC_FILTER_PID, NO_ID},
                       {ZMQ_IPC_FILTER_UID, (int)geteuid()}));
  assert_true(
      ipc_with({ZMQ_IPC_FILTER_GID, NO_ID}, {ZMQ_IPC_FILTER_PID, getpid()}));
  assert_false(ipc_with({ZMQ_IPC_FILTER_GID, NO_ID},
                        {ZMQ_IPC_FILTER_UID, NO_ID},
                        {ZMQ_IPC_FILTER_PID, NO_ID}));
}

static int groups_of_user(gid_t *groups, int room) {
  const struct passwd *user = getpwuid(geteuid());
  int listed = 0;
  int count = room;

  if (user == NULL ||
      getgrouplist(user->pw_name, getegid(), groups, &count) < 0)
    return 0;
  for (int i = 0; i < count; i++)
    if (groups[i] != getegid())
      groups[listed++] = groups[i];
  return listed;
}

/* A group that lists the user counts, though the process has another one: by
 * the system's databases, which here may list it in none. */
static void test_membership(void **state) {
  gid_t groups[64];
  int count = groups_of_user(groups, 64);

  if (blocking_is_tcp() || count == 0)
    skip();
  for (int i = 0; i < count; i++)
    assert_true(ipc_with({ZMQ_IPC_FILTER_GID, (int)groups[i]}));
}

static void test_ids_of_wrong_size(void **state) {
  static const int options[] = {ZMQ_IPC_FILTER_PID, ZMQ_IPC_FILTER_UID,
                                ZMQ_IPC_FILTER_GID};
  void *socket = blocking_socket(*state, ZMQ_PULL);
  int64_t value = 1;

  for (size_t i = 0; i < 3; i++) {
    size_t size = sizeof(value);

    blocking_expect_errno(zmq_setsockopt(socket, options[i], &value, 8),
                          EINVAL);
    blocking_expect_errno(zmq_setsockopt(socket, options[i], &value, 3),
                          EINVAL);
    blocking_expect_errno(zmq_setsockopt(socket, options[i], &value, 0),
                          EINVAL);
    blocking_expect_errno(zmq_getsockopt(socket, options[i], &value, &size),
                          EINVAL);
    clear(socket, options[i]);
  }
}

/* The ones of the other transport do not count. */
static void test_other_transport(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);

  if (blocking_is_tcp())
    blocking_set(puller, ZMQ_IPC_FILTER_UID, NO_ID);
  else
    add(puller, "10.0.0.1");
  blocking_bind(b, puller, endpoint);
  blocking_expect_reaches(b, puller, endpoint, false);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_sequence),
      blocking_test(test_addresses),
      blocking_test(test_ipv6_addresses),
      blocking_test(test_bits_with_ipv6),
      blocking_test(test_ipv6_after_the_filter),
      blocking_test(test_next_bind),
      blocking_test(test_texts),
      blocking_test(test_ids),
      blocking_test(test_any_kind),
      blocking_test(test_membership),
      blocking_test(test_ids_of_wrong_size),
      blocking_test(test_other_transport),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("accept filters", tests, NULL, NULL);
}
