/* CURVE as seen by who sits on the wire: reads along, changes, repeats, adds,
 * or keeps back what the two ends say. Only over tcp. */
#include <unistd.h>

#include "support/blocking_raw.h"
#include "support/secured.h"
#include "support/tapped.h"
#include "support/zap_handler.h"

enum { KEY_SIZE = 32 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LITERAL(text) text, sizeof(text) - 1

/* Two ends that are tapped, the client with a monitor. */
typedef struct {
  tapped_t tapped;
  void *of_client;
  secured_keys_t server;
  secured_keys_t client;
} setting_t;

/* The server has no monitor, because libzmq does not always close a connection
 * that has one. */
static void tap(blocking_t *b, setting_t *setting) {
  void *server = blocking_socket(b, ZMQ_PAIR);
  void *client = monitored_connecter(b, ZMQ_PAIR, &setting->of_client);

  secured_make_keys(&setting->server);
  secured_make_keys(&setting->client);
  secured_curve_server(server, &setting->server);
  secured_curve_client(client, &setting->client, setting->server.public_key);
  tapped_connect(&setting->tapped, server, client);
}

static void untap(blocking_t *b, setting_t *setting) {
  tapped_end(&setting->tapped);
  blocking_set(setting->tapped.client, ZMQ_LINGER, 0);
  blocking_close(b, setting->tapped.client);
  blocking_set(setting->tapped.server, ZMQ_LINGER, 0);
  blocking_close(b, setting->tapped.server);
}

/* ---- Reading along ---- */

/* RFC 26: sizes, and the order of commands. */
static void test_the_handshake(void **state) {
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  tap(b, &setting);
  tapped_take(t->to_client, &frame);
  assert_int_equal(frame.bytes[0], 4);
  assert_int_equal(frame.size, 2 + 200);
  assert_memory_equal(tapped_body(&frame), "\5HELLO\1\0", 8);
  for (size_t i = 8; i < 80; i++)
    assert_int_equal(tapped_body(&frame)[i], 0);
  assert_memory_equal(tapped_body(&frame) + 112, "\0\0\0\0\0\0\0\1", 8);
  tapped_give(t->to_server, &frame);
  tapped_take(t->to_server, &frame);
  assert_int_equal(frame.size, 2 + 168);
  assert_memory_equal(tapped_body(&frame), "\7WELCOME", 8);
  tapped_give(t->to_client, &frame);
  tapped_take(t->to_client, &frame);
  assert_int_equal(frame.bytes[0], 6);
  assert_memory_equal(tapped_body(&frame), "\10INITIATE", 9);
  assert_memory_equal(tapped_body(&frame) + 105, "\0\0\0\0\0\0\0\2", 8);
  tapped_give(t->to_server, &frame);
  tapped_take(t->to_server, &frame);
  assert_memory_equal(tapped_body(&frame), "\5READY\0\0\0\0\0\0\0\1", 14);
  tapped_give(t->to_client, &frame);
  blocking_wait_monitor(setting.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  untap(b, &setting);
}

/* One part, and its size, flags and counter. */
static void expect_message(int fd, int to, size_t payload, uint8_t counter,
                           const char *secret) {
  tapped_frame_t frame;

  tapped_take(fd, &frame);
  assert_int_equal(frame.bytes[0], payload + 33 > 255 ? 2 : 0);
  assert_int_equal(frame.size - frame.header_size, payload + 33);
  assert_memory_equal(tapped_body(&frame), "\7MESSAGE\0\0\0\0\0\0\0", 15);
  assert_int_equal(tapped_body(&frame)[15], counter);
  assert_false(tapped_shows(&frame, secret, strlen(secret)));
  tapped_give(to, &frame);
}

static void test_messages(void **state) {
  blocking_t *b = *state;
  char large[BLOCKING_TEXT_MAX];
  setting_t setting;
  tapped_t *t = &setting.tapped;

  memset(large, 'l', 223);
  large[223] = '\0';
  tap(b, &setting);
  tapped_shake_hands(t);
  blocking_send(t->client, "secret|two");
  expect_message(t->to_client, t->to_server, 6, 3, "secret");
  expect_message(t->to_client, t->to_server, 3, 4, "two");
  blocking_expect(t->server, "secret|two");
  blocking_send(t->server, "answer|");
  expect_message(t->to_server, t->to_client, 6, 2, "answer");
  expect_message(t->to_server, t->to_client, 0, 3, "answer");
  blocking_expect(t->client, "answer|");
  blocking_send(t->client, large);
  expect_message(t->to_client, t->to_server, 223, 5, "llll");
  untap(b, &setting);
}

/* Neither who the client is nor what it says of itself is to be seen. */
static void test_nothing_is_to_be_seen(void **state) {
  blocking_t *b = *state;
  uint8_t client[KEY_SIZE];
  uint8_t server[KEY_SIZE];
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  tap(b, &setting);
  zmq_z85_decode(client, setting.client.public_key);
  zmq_z85_decode(server, setting.server.public_key);
  for (int i = 0; i < 4; i++) {
    int from = i % 2 == 0 ? t->to_client : t->to_server;
    tapped_take(from, &frame);
    assert_false(tapped_shows(&frame, client, sizeof(client)));
    assert_false(tapped_shows(&frame, server, sizeof(server)));
    assert_false(tapped_shows(&frame, LITERAL("Socket-Type")));
    assert_false(tapped_shows(&frame, LITERAL("PAIR")));
    tapped_give(from == t->to_client ? t->to_server : t->to_client, &frame);
  }
  blocking_wait_monitor(setting.of_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  untap(b, &setting);
}

/* Keys, nonces and cookies are new for every connection. */
static void test_nothing_is_said_twice(void **state) {
  blocking_t *b = *state;
  tapped_frame_t hello[2];
  tapped_frame_t welcome[2];
  setting_t setting;
  tapped_t *t = &setting.tapped;

  for (int i = 0; i < 2; i++) {
    tap(b, &setting);
    tapped_take(t->to_client, &hello[i]);
    tapped_give(t->to_server, &hello[i]);
    tapped_take(t->to_server, &welcome[i]);
    untap(b, &setting);
  }
  assert_memory_not_equal(tapped_body(&hello[0]) + 80,
                          tapped_body(&hello[1]) + 80, KEY_SIZE);
  assert_memory_not_equal(tapped_body(&welcome[0]) + 8,
                          tapped_body(&welcome[1]) + 8, 16);
}

/* ---- Changing the handshake ---- */

static const char *const commands[] = {"HELLO", "WELCOME", "INITIATE", "READY"};

/* Requires that the handshake comes to nothing when bit 0 of the byte `place`
 * of the body of that command is not what it was; negative: from its end. */
static void expect_noticed(blocking_t *b, int command, int place) {
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;
  int from[] = {0, 0, 0, 0};
  size_t at;

  tap(b, &setting);
  for (int i = 0; i < 4; i++)
    from[i] = i % 2 == 0 ? t->to_client : t->to_server;
  for (int i = 0; i < command; i++)
    tapped_pass(from[i], from[i + 1], commands[i]);
  tapped_take(from[command], &frame);
  tapped_expect_name(&frame, commands[command]);
  at = place < 0 ? frame.size - (size_t)-place
                 : frame.header_size + (size_t)place;
  assert_true(at < frame.size);
  frame.bytes[at] ^= 1;
  tapped_give(from[(command + 1) % 2], &frame);
  secured_raw_wait_end(from[(command + 1) % 2]);
  tapped_end(t);
  secured_wait_refused(setting.of_client, ZMQ_EVENT_DISCONNECTED);
  blocking_expect_nothing(t->server);
  untap(b, &setting);
}

/* Every kind of field. */
static void test_changed_commands(void **state) {
  static const int hello[] = {1, 6, 7, 80, 111, 119, 120, 135, 136, -1};
  static const int welcome[] = {1, 8, 23, 24, 40, 100, -1};
  static const int initiate[] = {1,   9,   24,  25,  104, 112,
                                 113, 129, 161, 270, -1};
  static const int ready[] = {1, 13, 14, 30, -1};
  static const struct {
    const int *places;
    size_t count;
  } fields[] = {{hello, COUNT(hello)},
                {welcome, COUNT(welcome)},
                {initiate, COUNT(initiate)},
                {ready, COUNT(ready)}};

  if (!blocking_is_tcp())
    skip();
  for (int command = 0; command < 4; command++)
    for (size_t i = 0; i < fields[command].count; i++) {
      blocking_restart(*state);
      expect_noticed(*state, command, fields[command].places[i]);
    }
}

/* A client's side of a connection that was, said once more. */
static void test_a_repeated_handshake(void **state) {
  blocking_t *b = *state;
  tapped_frame_t hello;
  tapped_frame_t initiate;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;
  char greeting[SECURED_GREETING];
  char endpoint[BLOCKING_TEXT_MAX];
  int fd;

  tap(b, &setting);
  tapped_take(t->to_client, &hello);
  tapped_give(t->to_server, &hello);
  tapped_pass(t->to_server, t->to_client, "WELCOME");
  tapped_take(t->to_client, &initiate);
  blocking_get_text(t->server, ZMQ_LAST_ENDPOINT, endpoint);
  fd = blocking_raw_connect(endpoint);
  secured_greeting(greeting, "CURVE", 1);
  blocking_raw_send(fd, greeting, sizeof(greeting));
  blocking_raw_skip(fd, sizeof(greeting));
  tapped_give(fd, &hello);
  tapped_take(fd, &frame);
  tapped_expect_name(&frame, "WELCOME");
  tapped_give(fd, &initiate);
  secured_raw_wait_end(fd);
  close(fd);
  untap(b, &setting);
}

/* ---- Changing messages ---- */

/* Takes what the client sends as `text`. */
static void take_sent(tapped_t *t, const char *text, tapped_frame_t *frame) {
  blocking_send(t->client, text);
  tapped_take(t->to_client, frame);
  tapped_expect_name(frame, "MESSAGE");
}

/* Requires that the server ends the connection, and takes nothing more. */
static void expect_end(blocking_t *b, setting_t *setting) {
  secured_raw_wait_end(setting->tapped.to_server);
  blocking_expect_nothing(setting->tapped.server);
  untap(b, setting);
}

static void test_changed_messages(void **state) {
  static const size_t places[] = {0, 1, 8, 15, 16, 31, 32, 33, 38};
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;

  for (size_t i = 0; i < COUNT(places); i++) {
    tap(b, &setting);
    tapped_shake_hands(&setting.tapped);
    take_sent(&setting.tapped, "secret", &frame);
    frame.bytes[frame.header_size + places[i]] ^= 1;
    tapped_give(setting.tapped.to_server, &frame);
    expect_end(b, &setting);
  }
}

static void test_a_message_cut_short(void **state) {
  static const uint8_t sizes[] = {38, 33, 32, 16, 8, 1, 0};
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;

  for (size_t i = 0; i < COUNT(sizes); i++) {
    tap(b, &setting);
    tapped_shake_hands(&setting.tapped);
    take_sent(&setting.tapped, "secret", &frame);
    frame.bytes[1] = sizes[i];
    frame.size = 2u + sizes[i];
    tapped_give(setting.tapped.to_server, &frame);
    expect_end(b, &setting);
  }
}

static void test_a_repeated_message(void **state) {
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  tap(b, &setting);
  tapped_shake_hands(t);
  take_sent(t, "once", &frame);
  tapped_give(t->to_server, &frame);
  blocking_expect(t->server, "once");
  tapped_give(t->to_server, &frame);
  expect_end(b, &setting);
}

static void test_messages_in_another_order(void **state) {
  blocking_t *b = *state;
  tapped_frame_t first;
  tapped_frame_t second;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  tap(b, &setting);
  tapped_shake_hands(t);
  take_sent(t, "first", &first);
  take_sent(t, "second", &second);
  tapped_give(t->to_server, &second);
  blocking_expect(t->server, "second");
  tapped_give(t->to_server, &first);
  expect_end(b, &setting);
}

/* What a server says cannot be said to it. */
static void test_a_reflected_message(void **state) {
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  tap(b, &setting);
  tapped_shake_hands(t);
  for (int i = 0; i < 3; i++) {
    blocking_send(t->server, "to the client");
    tapped_take(t->to_server, &frame);
  }
  tapped_give(t->to_server, &frame);
  expect_end(b, &setting);
}

/* A message that nobody has sealed. */
static void test_a_message_in_clear(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
  } clear[] = {{LITERAL("\0\2hi")},
               {LITERAL("\0\0")},
               {LITERAL("\2\0\0\0\0\0\0\0\2hi")},
               {LITERAL("\4\7\4PINGxx")}};
  blocking_t *b = *state;
  setting_t setting;

  for (size_t i = 0; i < COUNT(clear); i++) {
    tap(b, &setting);
    tapped_shake_hands(&setting.tapped);
    blocking_raw_send(setting.tapped.to_server, clear[i].bytes, clear[i].size);
    expect_end(b, &setting);
  }
}

/* Better than libzmq: only the flags that are sealed count. */
static void test_changed_flags(void **state) {
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  if (!blocking_is_zuv())
    skip();
  for (uint8_t flag = 1; flag <= 4; flag = (uint8_t)(flag * 4)) {
    tap(b, &setting);
    tapped_shake_hands(t);
    take_sent(t, "whole", &frame);
    frame.bytes[0] |= flag;
    tapped_give(t->to_server, &frame);
    blocking_expect(t->server, "whole");
    untap(b, &setting);
  }
}

/* The client is as careful as the server. */
static void test_changed_for_the_client(void **state) {
  blocking_t *b = *state;
  tapped_frame_t frame;
  setting_t setting;
  tapped_t *t = &setting.tapped;

  if (!blocking_is_zuv()) /* the client has a monitor */
    skip();
  for (int kind = 0; kind < 3; kind++) {
    tap(b, &setting);
    tapped_shake_hands(t);
    blocking_send(t->server, "secret");
    tapped_take(t->to_server, &frame);
    if (kind == 0)
      frame.bytes[20] ^= 1;
    tapped_give(t->to_client, &frame);
    if (kind == 1)
      tapped_give(t->to_client, &frame);
    if (kind == 2)
      blocking_raw_send(t->to_client, "\0\2hi", 4);
    if (kind != 0)
      blocking_expect(t->client, "secret");
    blocking_wait_monitor(setting.of_client, ZMQ_EVENT_DISCONNECTED);
    secured_raw_wait_end(t->to_client);
    blocking_expect_nothing(t->client);
    untap(b, &setting);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_the_handshake),
      blocking_test(test_messages),
      blocking_test(test_nothing_is_to_be_seen),
      blocking_test(test_nothing_is_said_twice),
      blocking_test(test_changed_commands),
      blocking_test(test_a_repeated_handshake),
      blocking_test(test_changed_messages),
      blocking_test(test_a_message_cut_short),
      blocking_test(test_a_repeated_message),
      blocking_test(test_messages_in_another_order),
      blocking_test(test_a_reflected_message),
      blocking_test(test_a_message_in_clear),
      blocking_test(test_changed_flags),
      blocking_test(test_changed_for_the_client),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("security wire", tests, NULL, NULL);
}
