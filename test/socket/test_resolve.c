/* Names with several addresses, with others at each attempt, or with none. The
 * resolver is the test's own: libuv finds this program's getaddrinfo() before
 * that of the C library. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/raw_tcp.h"

/* ---- The resolver ---- */

enum { ANSWERS_MAX = 4, LOOKUPS_MAX = 64 };

typedef struct {
  struct addrinfo info;
  struct sockaddr_storage address;
} answer_t;

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  const char *answers[ANSWERS_MAX]; /* addresses, up to the first NULL */
  int error;                        /* in place of an answer */
  bool holds;                       /* every lookup, until it does not */
  size_t lookups;
  int family; /* of the last one */
  int flags;
} resolver = {.mutex = PTHREAD_MUTEX_INITIALIZER,
              .changed = PTHREAD_COND_INITIALIZER};

static answer_t *answer_new(const char *text, struct addrinfo *next) {
  answer_t *answer = calloc(1, sizeof(*answer));
  struct sockaddr_in *in = (struct sockaddr_in *)&answer->address;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&answer->address;

  if (answer == NULL)
    abort();
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    answer->info.ai_addrlen = sizeof(*in);
  } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    answer->info.ai_addrlen = sizeof(*in6);
  } else {
    abort();
  }
  answer->info.ai_family = answer->address.ss_family;
  answer->info.ai_socktype = SOCK_STREAM;
  answer->info.ai_addr = (struct sockaddr *)&answer->address;
  answer->info.ai_next = next;
  return answer;
}

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **out) {
  size_t count = 0;
  int error;

  (void)name;
  (void)service;
  *out = NULL;
  pthread_mutex_lock(&resolver.mutex);
  resolver.lookups++;
  pthread_cond_broadcast(&resolver.changed);
  resolver.family = hints->ai_family;
  resolver.flags = hints->ai_flags;
  while (resolver.holds)
    pthread_cond_wait(&resolver.changed, &resolver.mutex);
  error = resolver.error;
  while (count < ANSWERS_MAX && resolver.answers[count] != NULL)
    count++;
  while (error == 0 && count-- > 0)
    *out = &answer_new(resolver.answers[count], *out)->info;
  pthread_mutex_unlock(&resolver.mutex);
  return error;
}

void freeaddrinfo(struct addrinfo *info) {
  while (info != NULL) {
    struct addrinfo *next = info->ai_next;
    free(info);
    info = next;
  }
}

static void answer_with(const char *first, const char *second,
                        const char *third) {
  pthread_mutex_lock(&resolver.mutex);
  resolver.error = 0;
  resolver.answers[0] = first;
  resolver.answers[1] = second;
  resolver.answers[2] = third;
  pthread_mutex_unlock(&resolver.mutex);
}

static void answer_error(int error) {
  pthread_mutex_lock(&resolver.mutex);
  resolver.error = error;
  pthread_mutex_unlock(&resolver.mutex);
}

static void hold(bool holds) {
  pthread_mutex_lock(&resolver.mutex);
  resolver.holds = holds;
  pthread_cond_broadcast(&resolver.changed);
  pthread_mutex_unlock(&resolver.mutex);
}

static size_t lookups(void) {
  size_t count;

  pthread_mutex_lock(&resolver.mutex);
  count = resolver.lookups;
  pthread_mutex_unlock(&resolver.mutex);
  return count;
}

/* Not by the loop, which learns of a lookup only when it is over. */
static void wait_for_lookups(size_t count) {
  struct timespec deadline;
  int err = 0;

  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += HARNESS_DEADLINE_MS / 1000;
  pthread_mutex_lock(&resolver.mutex);
  while (resolver.lookups < count && err == 0)
    err = pthread_cond_timedwait(&resolver.changed, &resolver.mutex, &deadline);
  pthread_mutex_unlock(&resolver.mutex);
  assert_int_equal(err, 0);
}

static int resolver_setup(void **state) {
  hold(false);
  answer_with(NULL, NULL, NULL);
  resolver.lookups = 0;
  return harness_setup(state);
}

static int resolver_teardown(void **state) {
  hold(false);
  return harness_teardown(state);
}

#define resolver_test(function)                                                \
  cmocka_unit_test_setup_teardown(function, resolver_setup, resolver_teardown)

/* ---- Helpers ---- */

/* A PULL that listens at one address; `text` gets the endpoint of a name at the
 * same port. */
static harness_socket_t *server_at(harness_t *h, const char *address,
                                   char *text) {
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  char endpoint[HARNESS_TEXT_MAX];

  snprintf(endpoint, sizeof(endpoint), "tcp://%s:*", address);
  assert_int_equal(zuv_bind(&pull->zuv, endpoint), 0);
  harness_last_endpoint(pull, endpoint);
  snprintf(text, HARNESS_TEXT_MAX, "tcp://many.test%s", strrchr(endpoint, ':'));
  return pull;
}

static harness_socket_t *client(harness_t *h) {
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);

  harness_set(push, ZUV_RECONNECT_IVL, 10);
  return push;
}

static void expect_event(const harness_socket_t *s, size_t index,
                         zuv_event_type type, int status) {
  assert_true(s->happened > index);
  assert_string_equal(zuv_event_name(s->events[index].type),
                      zuv_event_name(type));
  assert_int_equal(s->events[index].status, status);
}

/* ---- Several addresses ---- */

static void all_addresses_are_tried_in_order(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);

  answer_with("127.0.0.3", "127.0.0.2", "127.0.0.1");
  harness_connect(push, text);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
  harness_wait(h, push->happened >= 7);
  for (size_t i = 0; i < 2; i++) {
    expect_event(push, 2 * i, ZUV_EVENT_CONNECT_DELAYED, 0);
    expect_event(push, 2 * i + 1, ZUV_EVENT_CLOSED, UV_ECONNREFUSED);
  }
  expect_event(push, 4, ZUV_EVENT_CONNECT_DELAYED, 0);
  expect_event(push, 5, ZUV_EVENT_CONNECTED, 0);
  expect_event(push, 6, ZUV_EVENT_READY, 0);
  assert_int_equal(lookups(), 1);
}

static void the_first_that_listens_is_taken(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "0.0.0.0", text);
  harness_socket_t *push = client(h);

  answer_with("127.0.0.2", "127.0.0.1", NULL);
  harness_connect(push, text);
  harness_wait_ready(push, 1);
  assert_int_equal(harness_events(pull, ZUV_EVENT_ACCEPTED), 1);
  assert_int_equal(harness_events(push, ZUV_EVENT_CLOSED), 0);
}

static void the_delay_comes_after_the_last(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = client(h);
  char endpoint[HARNESS_TEXT_MAX];
  char text[HARNESS_TEXT_MAX];

  harness_fresh_endpoint(h, endpoint);
  snprintf(text, sizeof(text), "tcp://many.test%s", strrchr(endpoint, ':'));
  answer_with("127.0.0.3", "127.0.0.2", "127.0.0.1");
  harness_connect(push, text);
  for (size_t round = 1; round <= 3; round++) {
    harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, round);
    expect_event(push, 7 * round - 1, ZUV_EVENT_CONNECT_RETRIED,
                 UV_ECONNREFUSED);
    assert_int_equal(harness_events(push, ZUV_EVENT_CLOSED), 3 * round);
  }
}

/* One that cannot be used at all, as with a source of the wrong kind. */
static void an_address_may_fail_at_once(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);

  answer_with("255.255.255.255", "127.0.0.1", NULL);
  harness_connect(push, text);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
  assert_int_equal(harness_events(push, ZUV_EVENT_CONNECT_RETRIED), 0);
}

/* Listens at 127.0.0.2 with a full queue, so that no further connection is
 * answered. */
static int listen_without_answer(uint16_t port, int *fillers, int count) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)),
                   0);
  assert_int_equal(listen(listener, 0), 0);
  for (int i = 0; i < count; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
  }
  return listener;
}

static void one_that_hangs_is_passed_over(void **state) {
  enum { FILLERS = 8 };
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);
  uint16_t port = (uint16_t)atoi(strrchr(text, ':') + 1);
  int fillers[FILLERS];
  int listener = listen_without_answer(port, fillers, FILLERS);

  answer_with("127.0.0.2", "127.0.0.1", NULL);
  harness_set(push, ZUV_CONNECT_TIMEOUT, 100);
  harness_connect(push, text);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
  harness_wait_ready(push, 1);
  expect_event(push, 0, ZUV_EVENT_CONNECT_DELAYED, 0);
  expect_event(push, 1, ZUV_EVENT_CLOSED, UV_ETIMEDOUT);
  assert_true(push->events[1].time_ms - push->events[0].time_ms + 2 >= 100);
  expect_event(push, 2, ZUV_EVENT_CONNECT_DELAYED, 0);
  expect_event(push, 3, ZUV_EVENT_CONNECTED, 0);
  for (int i = 0; i < FILLERS; i++)
    close(fillers[i]);
  close(listener);
}

static void one_refusal_is_not_that_of_all(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);

  answer_with("127.0.0.2", "127.0.0.1", NULL);
  harness_set(push, ZUV_RECONNECT_STOP, ZUV_RECONNECT_STOP_CONN_REFUSED);
  harness_connect(push, text);
  harness_wait_ready(push, 1);
  harness_close(pull);
  harness_wait_event(push, ZUV_EVENT_STOPPED, 1);
  assert_int_equal(zuv_disconnect(&push->zuv, text), UV_ENOENT);
}

static void both_families_with_ipv6(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);

  harness_set(push, ZUV_IPV6, 1);
  answer_with("::1", "::ffff:127.0.0.1", NULL);
  harness_connect(push, text);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
  assert_int_equal(resolver.family, AF_INET6);
  assert_int_equal(resolver.flags, AI_V4MAPPED | AI_ALL);
}

static void a_proxy_may_have_several(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = client(h);
  raw_listener_t proxy;
  char text[HARNESS_TEXT_MAX];

  raw_tcp_listen(h, &proxy);
  snprintf(text, sizeof(text), "many.test%s", strrchr(proxy.endpoint, ':'));
  answer_with("127.0.0.2", "127.0.0.1", "127.0.0.1");
  harness_set_text(push, ZUV_SOCKS_PROXY, text);
  harness_connect(push, "tcp://other.test:1");
  /* one refuses, the next ones do not let us in */
  for (size_t i = 0; i < 2; i++) {
    harness_wait(h, proxy.accepted > i);
    harness_wait(h, proxy.peers[i]->size == 3);
    raw_tcp_send(proxy.peers[i], "\5\xff", 2);
  }
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 1);
  expect_event(push, 1, ZUV_EVENT_CLOSED, UV_ECONNREFUSED);
  expect_event(push, 3, ZUV_EVENT_CLOSED, UV_EACCES);
  expect_event(push, 5, ZUV_EVENT_CLOSED, UV_EACCES);
  expect_event(push, 6, ZUV_EVENT_CONNECT_RETRIED, UV_EACCES);
  harness_close(push);
  /* the proxy's name, and never that of the target */
  assert_in_range(lookups(), 1, 2);
  raw_tcp_listener_close(&proxy);
}

/* ---- Anew each time ---- */

static void a_name_is_looked_up_at_each_attempt(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);

  answer_with("127.0.0.2", NULL, NULL);
  harness_connect(push, text);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 3);
  assert_true(lookups() >= 3);
  /* it has moved */
  answer_with("127.0.0.1", NULL, NULL);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
}

static void a_lost_peer_may_have_moved(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  char endpoint[HARNESS_TEXT_MAX];
  harness_socket_t *first = server_at(h, "127.0.0.1", text);
  harness_socket_t *second = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = client(h);

  answer_with("127.0.0.1", NULL, NULL);
  harness_connect(push, text);
  harness_send(push, "here");
  harness_expect(first, 0, "here");
  answer_with("127.0.0.2", NULL, NULL);
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.2%s", strrchr(text, ':'));
  assert_int_equal(zuv_bind(&second->zuv, endpoint), 0);
  harness_close(first);
  harness_wait_lost(push, 1);
  harness_send(push, "there");
  harness_expect(second, 0, "there");
}

/* Behaviours 139 and 145. */
static void a_failed_lookup_is_tried_again(void **state) {
  harness_t *h = *state;
  char text[HARNESS_TEXT_MAX];
  harness_socket_t *pull = server_at(h, "127.0.0.1", text);
  harness_socket_t *push = client(h);
  size_t failed;

  answer_error(EAI_AGAIN);
  harness_connect(push, text);
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
  answer_error(EAI_NONAME);
  failed = push->happened;
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, failed + 2);
  expect_event(push, 0, ZUV_EVENT_CONNECT_RETRIED, UV_EAI_AGAIN);
  expect_event(push, push->happened - 1, ZUV_EVENT_CONNECT_RETRIED,
               UV_EAI_NONAME);
  assert_int_equal(push->happened,
                   harness_events(push, ZUV_EVENT_CONNECT_RETRIED));
  answer_with("127.0.0.1", NULL, NULL);
  harness_send(push, "found");
  harness_expect(pull, 0, "found");
}

static void a_name_without_addresses_is_tried_again(void **state) {
  harness_socket_t *push = client(*state);

  harness_connect(push, "tcp://many.test:5");
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 2);
  expect_event(push, 0, ZUV_EVENT_CONNECT_RETRIED, UV_EAI_NODATA);
}

static void the_delay_doubles_for_lookups_too(void **state) {
  static const uint64_t expected[] = {10, 20, 40, 50, 50};
  harness_socket_t *push = client(*state);

  answer_error(EAI_NONAME);
  harness_set(push, ZUV_RECONNECT_IVL_MAX, 50);
  harness_connect(push, "tcp://many.test:5");
  harness_wait_event(push, ZUV_EVENT_CONNECT_RETRIED, 5);
  for (size_t i = 0; i < 5; i++)
    assert_int_equal(push->events[i].delay_ms, expected[i]);
}

/* ---- Slow ones ---- */

static void a_slow_lookup_holds_nobody_up(void **state) {
  harness_t *h = *state;
  harness_socket_t *pull = harness_socket(h, ZUV_PULL);
  harness_socket_t *push = harness_socket(h, ZUV_PUSH);
  harness_socket_t *slow = client(h);

  hold(true);
  harness_connect(slow, "tcp://many.test:5");
  wait_for_lookups(1);
  harness_join(pull, push, NULL);
  harness_send(push, "meanwhile");
  harness_expect(pull, 0, "meanwhile");
  assert_int_equal(slow->happened, 0);
}

static void leaving_does_not_wait_for_a_lookup(void **state) {
  harness_t *h = *state;
  harness_socket_t *push = client(h);
  harness_socket_t *other = client(h);

  hold(true);
  harness_connect(push, "tcp://many.test:5");
  harness_connect(other, "tcp://many.test:5");
  wait_for_lookups(2);
  assert_int_equal(zuv_disconnect(&other->zuv, "tcp://many.test:5"), 0);
  harness_close(push);
  harness_close(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      resolver_test(all_addresses_are_tried_in_order),
      resolver_test(the_first_that_listens_is_taken),
      resolver_test(the_delay_comes_after_the_last),
      resolver_test(an_address_may_fail_at_once),
      resolver_test(one_that_hangs_is_passed_over),
      resolver_test(one_refusal_is_not_that_of_all),
      resolver_test(both_families_with_ipv6),
      resolver_test(a_proxy_may_have_several),
      resolver_test(a_name_is_looked_up_at_each_attempt),
      resolver_test(a_lost_peer_may_have_moved),
      resolver_test(a_failed_lookup_is_tried_again),
      resolver_test(a_name_without_addresses_is_tried_again),
      resolver_test(the_delay_doubles_for_lookups_too),
      resolver_test(a_slow_lookup_holds_nobody_up),
      resolver_test(leaving_does_not_wait_for_a_lookup),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
