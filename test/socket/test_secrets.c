/* Secrets end with what they are for: after handshakes, refusals and closes
 * there is no key and no password in any memory that zuv has freed. An
 * allocator keeps every freed block as it was, and is searched. Randomness is
 * noted, so that what was made of it is known. */
#include <sys/random.h>
#include <unistd.h>

#include <sodium.h>

#include "hostile/secured.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { KEY_SIZE = 32, RANDOM_MAX = 64, WINDOW = 16, PASSWORD_SIZE = 240 };

/* ---- Memory that is kept ---- */

typedef struct block_s {
  struct block_s *next;
  size_t size;
  bool is_free;
  _Alignas(max_align_t) unsigned char bytes[];
} block_t;

static block_t *blocks;

static void *keeping_malloc(size_t size) {
  block_t *block = malloc(sizeof(*block) + size);

  if (block == NULL)
    return NULL;
  /* what malloc gives may be a secret of somebody else */
  memset(block->bytes, 0xdd, size);
  block->size = size;
  block->is_free = false;
  block->next = blocks;
  blocks = block;
  return block->bytes;
}

static void *keeping_calloc(size_t count, size_t size) {
  void *bytes = keeping_malloc(count * size);

  return bytes == NULL ? NULL : memset(bytes, 0, count * size);
}

static block_t *block_of(void *pointer) {
  return (block_t *)((char *)pointer - offsetof(block_t, bytes));
}

static void keeping_free(void *pointer) {
  if (pointer != NULL)
    block_of(pointer)->is_free = true;
}

/* Always to another place, as any allocator may. */
static void *keeping_realloc(void *pointer, size_t size) {
  void *bytes = keeping_malloc(size);
  size_t old = pointer == NULL ? 0 : block_of(pointer)->size;

  if (bytes == NULL)
    return NULL;
  if (old > 0)
    memcpy(bytes, pointer, old < size ? old : size);
  keeping_free(pointer);
  return bytes;
}

typedef enum { FREED, IN_USE } where_t;

static size_t find(where_t where, const void *octets, size_t size) {
  size_t found = 0;

  for (const block_t *block = blocks; block != NULL; block = block->next)
    if (block->is_free == (where == FREED))
      found += memmem(block->bytes, block->size, octets, size) != NULL;
  return found;
}

static void expect_nowhere(const char *what, const void *octets, size_t size) {
  if (find(FREED, octets, size) > 0)
    fail_msg("%s is in memory that was freed", what);
  if (find(IN_USE, octets, size) > 0)
    fail_msg("%s is in memory", what);
}

/* What is in use when everything is closed is lost. */
static void expect_all_freed(void) {
  for (const block_t *block = blocks; block != NULL; block = block->next)
    assert_true(block->is_free);
}

static void forget_memory(void) {
  while (blocks != NULL) {
    block_t *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}

/* ---- Randomness that is noted ---- */

static struct {
  uint8_t keys[RANDOM_MAX][KEY_SIZE];
  size_t count;
} noted;

static const char *random_name(void) {
  return "noted";
}

/* A client asks for a key, a server for two of them and two nonces at once. */
static void random_fill(void *buffer, size_t size) {
  size_t keys = size == KEY_SIZE ? 1 : size == 3 * KEY_SIZE ? 2 : 0;

  if (getrandom(buffer, size, 0) != (ssize_t)size)
    abort();
  for (size_t i = 0; i < keys && noted.count < RANDOM_MAX; i++)
    memcpy(noted.keys[noted.count++], (uint8_t *)buffer + i * KEY_SIZE,
           KEY_SIZE);
}

static uint32_t random_number(void) {
  uint32_t number;

  random_fill(&number, sizeof(number));
  return number;
}

static randombytes_implementation noted_random = {
    .implementation_name = random_name,
    .random = random_number,
    .buf = random_fill,
};

/* ---- The secrets ---- */

static void expect_no_text_key(const char *what, const char *text) {
  uint8_t key[KEY_SIZE];

  assert_int_equal(zuv_z85_decode(key, text), 0);
  expect_nowhere(what, key, WINDOW);
  expect_nowhere(what, key + KEY_SIZE - WINDOW, WINDOW);
  expect_nowhere(what, text, WINDOW);
}

static void expect_no_long_term_keys(void) {
  expect_no_text_key("the server's key", secured_server_keys.secret_key);
  expect_no_text_key("the client's key", secured_client_keys.secret_key);
}

/* Transient keys and the keys of cookies. */
static void expect_no_transient_keys(void) {
  for (size_t i = 0; i < noted.count; i++) {
    expect_nowhere("a transient key", noted.keys[i], WINDOW);
    expect_nowhere("a transient key", noted.keys[i] + WINDOW, WINDOW);
  }
}

/* Calls back with the key of each two: all but two are nobody's. */
static void for_shared_keys(void (*check)(const uint8_t key[KEY_SIZE])) {
  uint8_t all[RANDOM_MAX + 2][KEY_SIZE];
  size_t count = noted.count;

  memcpy(all, noted.keys, count * KEY_SIZE);
  zuv_z85_decode(all[count++], secured_server_keys.secret_key);
  zuv_z85_decode(all[count++], secured_client_keys.secret_key);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = i + 1; j < count; j++) {
      uint8_t public_key[KEY_SIZE];
      uint8_t key[KEY_SIZE];

      assert_int_equal(crypto_scalarmult_base(public_key, all[i]), 0);
      assert_int_equal(crypto_box_beforenm(key, public_key, all[j]), 0);
      check(key);
    }
  }
}

static void expect_no_shared_key(const uint8_t key[KEY_SIZE]) {
  expect_nowhere("a shared key", key, WINDOW);
  expect_nowhere("a shared key", key + WINDOW, WINDOW);
}

static size_t traffic_keys;

static void traffic_key(uint8_t out[KEY_SIZE], const uint8_t key[KEY_SIZE],
                        char who) {
  uint8_t prefix[17] = "CurveZMQMESSAGE";

  prefix[15] = (uint8_t)who;
  crypto_core_hsalsa20(out, prefix, key, NULL);
}

static void expect_no_traffic_key(const uint8_t key[KEY_SIZE]) {
  uint8_t traffic[KEY_SIZE];

  traffic_key(traffic, key, 'C');
  expect_nowhere("a key of traffic", traffic, WINDOW);
  traffic_key(traffic, key, 'S');
  expect_nowhere("a key of traffic", traffic, WINDOW);
}

static void count_traffic_keys(const uint8_t key[KEY_SIZE]) {
  uint8_t traffic[KEY_SIZE];

  traffic_key(traffic, key, 'C');
  traffic_keys += find(IN_USE, traffic, KEY_SIZE);
  traffic_key(traffic, key, 'S');
  traffic_keys += find(IN_USE, traffic, KEY_SIZE);
}

static void expect_no_session_keys(void) {
  assert_true(noted.count > 0 && noted.count < RANDOM_MAX);
  expect_no_transient_keys();
  for_shared_keys(expect_no_shared_key);
  for_shared_keys(expect_no_traffic_key);
}

static char password[PASSWORD_SIZE + 1];

static void make_password(void) {
  static const char characters[] = "abcdefghijklmnopqrstuvwxyz";
  uint32_t random = 4711;

  for (size_t i = 0; i < PASSWORD_SIZE; i++) {
    random = random * 1664525 + 1013904223;
    password[i] = characters[(random >> 24) % 26];
  }
}

static void expect_no_password(void) {
  for (size_t i = 0; i + WINDOW <= PASSWORD_SIZE; i += WINDOW)
    expect_nowhere("the password", password + i, WINDOW);
}

/* ---- What is told ---- */

static char told[1 << 16];
static size_t told_size;

static void note(const void *text, size_t size) {
  assert_true(told_size + size < sizeof(told));
  if (size > 0)
    memcpy(told + told_size, text, size);
  told_size += size;
}

static void note_text(const char *text) {
  if (text != NULL)
    note(text, strlen(text));
}

static void on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  secured_t *s = (secured_t *)socket;
  size_t size = 0;

  actor_on_event(socket, event);
  note_text(zuv_event_name(event->type));
  note_text(event->endpoint);
  note_text(zuv_strerror(event->status));
  if (event->peer == NULL)
    return;
  note_text(zuv_peer_address(event->peer));
  note_text(zuv_peer_endpoint(event->peer));
  note_text(zuv_peer_user_id(event->peer));
  note(zuv_peer_routing_id(event->peer, &size), size);
  snprintf(s->ready.mechanism, sizeof(s->ready.mechanism), "%s",
           zuv_peer_mechanism(event->peer));
}

static void expect_untold(const char *what, const void *octets) {
  if (memmem(told, told_size, octets, WINDOW) != NULL)
    fail_msg("%s was told", what);
}

static void expect_nothing_told(void) {
  uint8_t key[KEY_SIZE];

  expect_untold("the password", password);
  expect_untold("the server's key", secured_server_keys.secret_key);
  expect_untold("the client's key", secured_client_keys.secret_key);
  zuv_z85_decode(key, secured_server_keys.secret_key);
  expect_untold("the server's key", key);
  zuv_z85_decode(key, secured_client_keys.secret_key);
  expect_untold("the client's key", key);
}

/* ---- The stage ---- */

static struct {
  rig_t rig;
  secured_t server;
  secured_t client;
  bool client_is_open;
  char endpoint[RIG_TEXT_MAX];
} stage;

static int stage_open(void **state) {
  (void)state;
  noted.count = 0;
  told_size = 0;
  memset(&stage, 0, sizeof(stage));
  rig_open(&stage.rig);
  secured_open(&stage.server, NULL, &stage.rig.loop, ZUV_DEALER);
  zuv_event_start(&stage.server.actor.zuv, on_event);
  return 0;
}

static void open_client(void) {
  secured_open(&stage.client, NULL, &stage.rig.loop, ZUV_DEALER);
  zuv_event_start(&stage.client.actor.zuv, on_event);
  stage.client_is_open = true;
}

static void close_client(void) {
  if (stage.client_is_open)
    actor_close(&stage.rig, &stage.client.actor);
  stage.client_is_open = false;
}

/* Ends everything, so that all memory is freed; then it is searched. */
static void close_all(void) {
  close_client();
  actor_close(&stage.rig, &stage.server.actor);
  rig_close(&stage.rig);
  expect_all_freed();
}

static int stage_forget(void **state) {
  (void)state;
  forget_memory();
  return 0;
}

#define stage_test(function)                                                   \
  cmocka_unit_test_setup_teardown(function, stage_open, stage_forget)

static void start(void) {
  secured_bind(&stage.server, stage.endpoint);
  actor_connect(&stage.client.actor, stage.endpoint);
}

static void wait_ready(void) {
  rig_until(&stage.rig, stage.client.actor.events[ZUV_EVENT_READY] > 0 &&
                            stage.server.actor.events[ZUV_EVENT_READY] > 0);
}

static void talk(void) {
  assert_int_equal(actor_send(&stage.client.actor, "hello"), 0);
  assert_int_equal(actor_send(&stage.server.actor, "good|day"), 0);
  rig_until(&stage.rig,
            stage.server.actor.received > 0 && stage.client.actor.received > 0);
}

static size_t failures(const secured_t *s) {
  return s->actor.events[ZUV_EVENT_HANDSHAKE_FAILED];
}

/* ---- CURVE ---- */

static void curve_leaves_no_keys(void **state) {
  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  secured_ask(&stage.server, 200, NULL);
  start();
  wait_ready();
  talk();
  close_all();
  expect_no_long_term_keys();
  expect_no_session_keys();
  expect_nothing_told();
}

/* What was recorded cannot be read with what is found in traffic: of the
 * handshake only the keys of traffic are left. This also shows that the search
 * finds what is there. */
static void traffic_keeps_only_its_own_keys(void **state) {
  uint8_t server_key[KEY_SIZE];

  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  start();
  wait_ready();
  talk();
  expect_no_transient_keys();
  for_shared_keys(expect_no_shared_key);
  traffic_keys = 0;
  for_shared_keys(count_traffic_keys);
  assert_int_equal(traffic_keys, 4);
  zuv_z85_decode(server_key, secured_server_keys.secret_key);
  assert_true(find(IN_USE, server_key, KEY_SIZE) > 0);
  close_all();
  for_shared_keys(expect_no_traffic_key);
}

static void refusals_leave_no_keys(void **state) {
  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  secured_ask(&stage.server, 400, NULL);
  start();
  rig_until(&stage.rig, stage.client.actor.events[ZUV_EVENT_STOPPED] > 0 &&
                            failures(&stage.server) > 0);
  close_all();
  expect_no_long_term_keys();
  expect_no_session_keys();
  expect_nothing_told();
}

static void wrong_keys_leave_no_keys(void **state) {
  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client_with(&stage.client, &secured_client_keys,
                            secured_other_keys.public_key);
  start();
  rig_until(&stage.rig, failures(&stage.client) > 1);
  close_all();
  expect_no_long_term_keys();
  expect_no_session_keys();
  expect_nothing_told();
}

static void handshakes_cut_short_leave_no_keys(void **state) {
  zuv_auth_t *request;

  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  secured_ask(&stage.server, 0, NULL);
  start();
  rig_until(&stage.rig, stage.server.asked == 1);
  request = stage.server.requests[0];
  close_client();
  actor_close(&stage.rig, &stage.server.actor);
  assert_int_equal(zuv_auth_allow(request, NULL), UV_ECANCELED);
  rig_close(&stage.rig);
  expect_all_freed();
  expect_no_long_term_keys();
  expect_no_session_keys();
}

static void options_leave_no_keys(void **state) {
  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  secured_plain_client(&stage.client, "alice", password);
  close_all();
  expect_no_long_term_keys();
  expect_no_password();
}

/* Endpoints end before their socket does. */
static void endpoints_leave_no_keys(void **state) {
  (void)state;
  open_client();
  secured_curve_server(&stage.server);
  secured_curve_client(&stage.client);
  start();
  wait_ready();
  assert_int_equal(zuv_disconnect(&stage.client.actor.zuv, stage.endpoint), 0);
  assert_int_equal(zuv_unbind(&stage.server.actor.zuv, stage.endpoint), 0);
  secured_set_text(&stage.server, ZUV_CURVE_SECRETKEY,
                   secured_other_keys.secret_key);
  secured_set_text(&stage.client, ZUV_CURVE_SECRETKEY,
                   secured_other_keys.secret_key);
  rig_run_for(&stage.rig, 20);
  expect_no_long_term_keys();
  expect_no_session_keys();
  close_all();
}

static void endpoints_that_cannot_be_made_leave_no_keys(void **state) {
  (void)state;
  secured_curve_server(&stage.server);
  assert_int_not_equal(
      zuv_bind(&stage.server.actor.zuv, "tcp://192.0.2.1:1234"), 0);
  assert_int_not_equal(
      zuv_bind(&stage.server.actor.zuv, "ipc:///nowhere/at/all"), 0);
  assert_int_not_equal(zuv_connect(&stage.server.actor.zuv, "tcp://here"), 0);
  close_all();
  expect_no_long_term_keys();
}

/* ---- PLAIN ---- */

static void plain_leaves_no_password(void **state) {
  (void)state;
  open_client();
  secured_plain_server(&stage.server);
  secured_plain_client(&stage.client, "alice", password);
  secured_ask(&stage.server, 200, NULL);
  start();
  wait_ready();
  talk();
  assert_true(find(IN_USE, password, PASSWORD_SIZE) > 0);
  close_all();
  expect_no_password();
  expect_nothing_told();
}

/* The server forgets it when it is judged. */
static void a_judged_password_is_forgotten(void **state) {
  (void)state;
  open_client();
  secured_plain_server(&stage.server);
  secured_plain_client(&stage.client, "alice", password);
  secured_ask(&stage.server, 0, NULL);
  start();
  rig_until(&stage.rig, stage.server.asked == 1);
  assert_string_equal(stage.server.requests[0]->password, password);
  assert_int_equal(zuv_auth_allow(stage.server.requests[0], NULL), 0);
  wait_ready();
  close_client();
  expect_no_password();
  close_all();
}

static void refusals_leave_no_password(void **state) {
  (void)state;
  open_client();
  secured_plain_server(&stage.server);
  secured_plain_client(&stage.client, "alice", password);
  secured_ask(&stage.server, 400, NULL);
  start();
  rig_until(&stage.rig, stage.client.actor.events[ZUV_EVENT_STOPPED] > 0 &&
                            failures(&stage.server) > 0);
  close_all();
  expect_no_password();
  expect_nothing_told();
}

static void late_answers_leave_no_password(void **state) {
  zuv_auth_t *request;

  (void)state;
  open_client();
  secured_plain_server(&stage.server);
  secured_plain_client(&stage.client, "alice", password);
  secured_ask(&stage.server, 0, NULL);
  start();
  rig_until(&stage.rig, stage.server.asked == 1);
  request = stage.server.requests[0];
  close_client();
  actor_close(&stage.rig, &stage.server.actor);
  rig_close(&stage.rig);
  assert_string_equal(request->password, password);
  assert_int_equal(zuv_auth_deny(request, 400), UV_ECANCELED);
  expect_all_freed();
  expect_no_password();
}

/* Nobody answers the client. */
static void a_silent_server_leaves_no_password(void **state) {
  char endpoint[RIG_TEXT_MAX];
  int listener = raw_listen(endpoint);
  wire_t wire = {.size = 0};
  char bytes[1024];
  size_t have = 0;
  int fd;

  (void)state;
  open_client();
  secured_plain_client(&stage.client, "alice", password);
  actor_connect(&stage.client.actor, endpoint);
  fd = raw_accept(&stage.rig, listener);
  wire_greeting(&wire, 3, 1, "PLAIN");
  assert_true(raw_send_wire(&stage.rig, fd, &wire));
  rig_until(&stage.rig,
            (have += raw_read(fd, bytes + have, sizeof(bytes) - have)) >
                PASSWORD_SIZE);
  close_client();
  close(fd);
  close(listener);
  close_all();
  expect_no_password();
}

/* A password comes in pieces, and its end never. */
static void pieces_leave_no_password(void **state) {
  static const size_t cuts[] = {80, 150, 260, 0};

  (void)state;
  secured_plain_server(&stage.server);
  secured_ask(&stage.server, 200, NULL);
  actor_bind(&stage.server.actor, stage.endpoint);
  for (size_t last = 1; last <= COUNT(cuts); last++) {
    size_t failed = failures(&stage.server);
    int fd = raw_connect(stage.endpoint);
    wire_t wire = {.size = 0};
    uint8_t hello[2 + 5 + PASSWORD_SIZE] = "\005alice";
    size_t from = 0;

    hello[6] = PASSWORD_SIZE;
    memcpy(hello + 7, password, PASSWORD_SIZE);
    wire_greeting(&wire, 3, 1, "PLAIN");
    wire_command(&wire, "HELLO", hello, sizeof(hello));
    for (size_t i = 0; i < last; i++) {
      size_t to = cuts[i] == 0 ? wire.size : cuts[i];
      assert_true(raw_send(&stage.rig, fd, wire.bytes + from, to - from));
      from = to;
      rig_run_for(&stage.rig, 5);
    }
    close(fd);
    rig_until(&stage.rig, failures(&stage.server) > failed);
  }
  assert_int_equal(stage.server.asked, 1);
  close_all();
  expect_no_password();
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      stage_test(curve_leaves_no_keys),
      stage_test(traffic_keeps_only_its_own_keys),
      stage_test(refusals_leave_no_keys),
      stage_test(wrong_keys_leave_no_keys),
      stage_test(handshakes_cut_short_leave_no_keys),
      stage_test(options_leave_no_keys),
      stage_test(endpoints_leave_no_keys),
      stage_test(endpoints_that_cannot_be_made_leave_no_keys),
      stage_test(plain_leaves_no_password),
      stage_test(a_judged_password_is_forgotten),
      stage_test(refusals_leave_no_password),
      stage_test(late_answers_leave_no_password),
      stage_test(a_silent_server_leaves_no_password),
      stage_test(pieces_leave_no_password),
  };

  if (argc > 1)
    secured_transport = argv[1];
  randombytes_set_implementation(&noted_random);
  make_password();
  zuv_replace_allocator(keeping_malloc, keeping_realloc, keeping_calloc,
                        keeping_free);
  return cmocka_run_group_tests_name("secrets", tests, secured_make_keys, NULL);
}
