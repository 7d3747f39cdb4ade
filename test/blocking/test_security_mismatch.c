/* Ends that do not agree on a mechanism, and peers that know none: nothing ever
 * passes between them. Over inproc there is no mechanism at all. */
#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/secured.h"
#include "support/zap_handler.h"

static secured_keys_t keys;

static void be_nothing(void *socket) {
  (void)socket;
}

static void be_in_a_domain(void *socket) {
  blocking_set_text(socket, ZMQ_ZAP_DOMAIN, "domain");
}

static void be_plain_client(void *socket) {
  secured_plain_client(socket, "admin", "secret");
}

static void be_curve_server(void *socket) {
  secured_curve_server(socket, &keys);
}

static void be_curve_client(void *socket) {
  secured_curve_client(socket, NULL, keys.public_key);
}

typedef void role_fn(void *socket);

static role_fn *const servers[] = {be_nothing, secured_plain_server,
                                   be_curve_server};
static role_fn *const clients[] = {be_nothing, be_plain_client,
                                   be_curve_client};
/* Those that refuse peers without a mechanism. */
static role_fn *const careful[] = {be_in_a_domain, secured_plain_server,
                                   be_plain_client, be_curve_server,
                                   be_curve_client};
enum { KINDS = 3, CAREFUL = 5 };

#define LITERAL(text) text, sizeof(text) - 1

/* ---- Two sockets ---- */

/* libzmq may leave before it has said its own greeting, so that the other end
 * cannot know why. */
static void expect_told(void *monitor) {
  if (blocking_is_zuv())
    secured_expect_failure(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
  else
    secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
}

static void expect_mismatch(blocking_t *b, role_fn *binder,
                            role_fn *connecter) {
  secured_pair_t pair;

  secured_make(b, &pair, ZMQ_PAIR, ZMQ_PAIR);
  binder(pair.server);
  connecter(pair.client);
  secured_connect(b, &pair);
  blocking_try_send(pair.client, "to server", ZMQ_DONTWAIT);
  blocking_try_send(pair.server, "to client", ZMQ_DONTWAIT);
  expect_told(pair.of_server);
  expect_told(pair.of_client);
  if (blocking_is_zuv())
    secured_expect_given_up(pair.of_client);
  secured_expect_never(&pair);
  blocking_expect_nothing(pair.server);
  blocking_expect_nothing(pair.client);
  secured_close(b, &pair);
}

/* Behaviour 152: whichever of the two binds. */
static void test_every_pair(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);

  for (int i = 0; i < KINDS; i++) {
    for (int k = 0; k < KINDS; k++) {
      if (i != k) {
        expect_mismatch(b, servers[i], clients[k]);
        expect_mismatch(b, clients[k], servers[i]);
      }
    }
  }
  zap_expect_nothing(handler);
}

/* Behaviour 152: who has the right mechanism is not disturbed. */
static void test_beside_another_client(void **state) {
  blocking_t *b = *state;
  secured_pair_t pair;
  void *stranger = blocking_socket(b, ZMQ_REQ);
  void *monitor = blocking_monitor(b, stranger, ZMQ_EVENT_ALL);

  secured_make(b, &pair, ZMQ_REP, ZMQ_REQ);
  be_curve_server(pair.server);
  be_curve_client(pair.client);
  secured_connect(b, &pair);
  secured_expect_success(&pair);
  blocking_connect(stranger, pair.endpoint);
  secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
  secured_expect_traffic(&pair);
}

/* ---- Peers of older protocols ---- */

/* What a PUSH says, with one message "hi". */
typedef struct {
  const char *bytes;
  size_t size;
} script_t;

static const script_t old[] = {
    /* ZMTP 1.0: an identity */
    {LITERAL("\1\0\3\0hi")},
    /* ZMTP 1.0, as libzmq from 3.0 on says it to others */
    {LITERAL("\xff\0\0\0\0\0\0\0\1\0\3\0hi")},
    /* revision 0 */
    {LITERAL("\xff\0\0\0\0\0\0\0\1\x7f\0\x08\1\0\3\0hi")},
    /* ZMTP 2.0 */
    {LITERAL("\xff\0\0\0\0\0\0\0\1\x7f\1\x08\0\0\0\2hi")},
};
enum { OLD = sizeof(old) / sizeof(old[0]) };

/* The same in ZMTP 3.<minor>: all at once, or the greeting first and the rest
 * after the other's READY. */
static void say_3(int fd, const char *mechanism, int minor, bool waits) {
  static const char rest[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PUSH"
                             "\0\2hi";
  char bytes[SECURED_GREETING + sizeof(rest) - 1];

  secured_greeting(bytes, mechanism, minor);
  memcpy(bytes + SECURED_GREETING, rest, sizeof(rest) - 1);
  if (waits) {
    blocking_raw_send(fd, bytes, SECURED_GREETING);
    blocking_raw_skip(fd, sizeof(bytes) - 4);
    blocking_raw_send(fd, rest, sizeof(rest) - 1);
  } else {
    blocking_raw_send(fd, bytes, sizeof(bytes));
  }
}

static void *bound_puller(blocking_t *b, role_fn *role, char *endpoint,
                          void **monitor) {
  void *puller = blocking_socket(b, ZMQ_PULL);

  *monitor = blocking_monitor(b, puller, ZMQ_EVENT_ALL);
  role(puller);
  blocking_bind(b, puller, endpoint);
  return puller;
}

/* Behaviour 174: without security they are welcome, so the scripts are good. */
static void test_old_peers_without_security(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller;
  int fd;

  if (!blocking_is_tcp())
    skip();
  puller = bound_puller(b, be_nothing, endpoint, &monitor);
  for (int i = 0; i < OLD; i++) {
    fd = blocking_raw_connect(endpoint);
    blocking_raw_send(fd, old[i].bytes, old[i].size);
    blocking_expect(puller, "hi");
    close(fd);
  }
  for (int minor = 0; minor < 2; minor++) {
    fd = blocking_raw_connect(endpoint);
    say_3(fd, "NULL", minor, true);
    blocking_expect(puller, "hi");
    close(fd);
  }
}

/* Behaviour 174. */
static void test_old_peers_are_refused(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller;
  int fd;

  if (!blocking_is_tcp())
    skip();
  for (int role = 0; role < CAREFUL; role++) {
    puller = bound_puller(b, careful[role], endpoint, &monitor);
    for (int i = 0; i < OLD; i++) {
      fd = blocking_raw_connect(endpoint);
      blocking_raw_send(fd, old[i].bytes, old[i].size);
      secured_raw_wait_end(fd);
      secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
      close(fd);
    }
    blocking_expect_nothing(puller);
  }
}

/* Behaviour 174: also when the old peer is the one that listens. */
static void test_old_listeners_are_refused(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller;
  int listener;
  int fd;

  if (!blocking_is_tcp())
    skip();
  for (int role = 0; role < CAREFUL; role++) {
    for (int i = 0; i < OLD; i++) {
      puller = monitored_connecter(b, ZMQ_PULL, &monitor);
      careful[role](puller);
      listener = blocking_raw_listen(endpoint);
      blocking_connect(puller, endpoint);
      fd = blocking_raw_accept(listener);
      blocking_raw_send(fd, old[i].bytes, old[i].size);
      secured_raw_wait_end(fd);
      secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
      secured_expect_given_up(monitor);
      blocking_expect_nothing(puller);
      blocking_close(b, puller);
      close(fd);
      close(listener);
    }
  }
}

/* Behaviours 152, 174: nor does a newer one get in without the mechanism. */
static void test_null_peers_are_refused(void **state) {
  blocking_t *b = *state;
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *puller;
  int fd;

  if (!blocking_is_tcp())
    skip();
  for (int role = 1; role < CAREFUL; role++) {
    puller = bound_puller(b, careful[role], endpoint, &monitor);
    for (int minor = 0; minor < 2; minor++) {
      fd = blocking_raw_connect(endpoint);
      say_3(fd, "NULL", minor, false);
      secured_wait_refused(monitor, ZMQ_EVENT_DISCONNECTED);
      secured_raw_wait_end(fd);
      close(fd);
    }
    blocking_expect_nothing(puller);
  }
}

/* Behaviour 152: names are compared whole, with what is behind them. */
static void test_names_that_are_not_quite_it(void **state) {
  static const char *const almost[] = {
      "CURVE2", "CURV", "curve", "", "GSSAPI", "CURVE               x"};
  blocking_t *b = *state;
  char greeting[SECURED_GREETING];
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  int fd;

  if (!blocking_is_tcp())
    skip();
  bound_puller(b, be_curve_server, endpoint, &monitor);
  monitored_expect(monitor, ZMQ_EVENT_LISTENING, endpoint);
  for (size_t i = 0; i < sizeof(almost) / sizeof(almost[0]); i++) {
    secured_greeting(greeting, almost[i], 1);
    fd = blocking_raw_connect(endpoint);
    monitored_expect_accepted(monitor, endpoint);
    blocking_raw_send(fd, greeting, sizeof(greeting));
    secured_expect_failure(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    secured_raw_wait_end(fd);
    close(fd);
  }
}

/* The greeting's word on who is server is not believed, nor needed. */
static void test_the_role_in_the_greeting(void **state) {
  blocking_t *b = *state;
  char greeting[SECURED_GREETING];
  char endpoint[BLOCKING_TEXT_MAX];
  void *monitor;
  void *handler;
  int fd;

  if (!blocking_is_tcp())
    skip();
  handler = zap_handler(b, ZMQ_REP);
  bound_puller(b, secured_plain_server, endpoint, &monitor);
  for (int as_server = 0; as_server < 2; as_server++) {
    secured_greeting(greeting, "PLAIN", 1);
    greeting[32] = (char)as_server;
    fd = blocking_raw_connect(endpoint);
    blocking_raw_send(fd, greeting, sizeof(greeting));
    blocking_raw_skip(fd, sizeof(greeting));
    blocking_raw_send(fd, LITERAL("\x04\x08\x05HELLO\0\0"));
    zap_serve(handler, "200");
    blocking_raw_expect(fd, "\x04\x08\x07WELCOME");
    close(fd);
  }
}

/* ---- inproc ---- */

/* Nobody is asked, and everything passes, whatever the two say. */
static void test_inproc_knows_no_mechanism(void **state) {
  blocking_t *b = *state;
  void *handler = zap_handler(b, ZMQ_REP);
  char endpoint[BLOCKING_TEXT_MAX];
  void *binder;
  void *connecter;

  for (int i = 0; i < KINDS; i++) {
    for (int k = 0; k < KINDS; k++) {
      snprintf(endpoint, sizeof(endpoint), "inproc://pair-%d-%d", i, k);
      binder = blocking_socket(b, ZMQ_PAIR);
      connecter = blocking_socket(b, ZMQ_PAIR);
      be_in_a_domain(binder);
      blocking_set(binder, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
      servers[i](binder);
      clients[k](connecter);
      blocking_bind_to(binder, endpoint);
      blocking_connect(connecter, endpoint);
      blocking_send(connecter, "to|binder");
      blocking_expect(binder, "to|binder");
      blocking_send(binder, "to|connecter");
      blocking_expect(connecter, "to|connecter");
    }
  }
  zap_expect_nothing(handler);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_every_pair),
      blocking_test(test_beside_another_client),
      blocking_test(test_old_peers_without_security),
      blocking_test(test_old_peers_are_refused),
      blocking_test(test_old_listeners_are_refused),
      blocking_test(test_null_peers_are_refused),
      blocking_test(test_names_that_are_not_quite_it),
      blocking_test(test_the_role_in_the_greeting),
      blocking_test(test_inproc_knows_no_mechanism),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  secured_make_keys(&keys);
  return cmocka_run_group_tests_name("security mismatch", tests, NULL, NULL);
}
