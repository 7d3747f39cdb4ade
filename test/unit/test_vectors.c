/* Replays captures of libzmq (test/vectors, or ZUV_TEST_VECTORS): a line Z is
 * what libzmq sent, so ours must be the same octets; a line P is fed to us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/command.h"
#include "zmtp/engine.h"
#include "zmtp/frame_v1.h"
#include "zmtp/socket_type.h"

enum { LINE_MAX_SIZE = 2048, LINES_MAX = 64 };

typedef struct {
  char kind;         /* 'Z' or 'P' */
  char comment[128]; /* of the last comment line above */
  uint8_t bytes[LINE_MAX_SIZE];
  size_t size;
} line_t;

typedef struct {
  line_t lines[LINES_MAX];
  size_t count;
} vector_t;

static vector_t vector;

static void read_hex(line_t *line, const char *hex) {
  unsigned octet;

  for (; sscanf(hex, "%2x", &octet) == 1; hex += 2) {
    assert_true(line->size < LINE_MAX_SIZE);
    line->bytes[line->size++] = (uint8_t)octet;
  }
}

static void load(const char *name) {
  const char *directory = getenv("ZUV_TEST_VECTORS");
  static char text[2 * LINE_MAX_SIZE];
  char comment[128] = "";
  char path[512];
  FILE *file;

  snprintf(path, sizeof(path), "%s/%s.txt",
           directory == NULL ? "test/vectors" : directory, name);
  file = fopen(path, "r");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  memset(&vector, 0, sizeof(vector));
  while (fgets(text, sizeof(text), file) != NULL) {
    text[strcspn(text, "\n")] = '\0';
    if (text[0] == '#') {
      snprintf(comment, sizeof(comment), "%.*s", (int)sizeof(comment) - 1,
               text + 2);
    } else if (text[0] == 'Z' || text[0] == 'P') {
      line_t *line = &vector.lines[vector.count++];
      assert_true(vector.count <= LINES_MAX);
      line->kind = text[0];
      memcpy(line->comment, comment, sizeof(comment));
      read_hex(line, text + 2);
    }
  }
  fclose(file);
  assert_true(vector.count > 0);
}

typedef struct {
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  uint8_t out[512];
  size_t out_size;
  size_t checked; /* of out */
} replay_t;

static int sink_write(void *context, const void *bytes, size_t size) {
  replay_t *replay = context;

  assert_true(size <= sizeof(replay->out) - replay->out_size);
  memcpy(replay->out + replay->out_size, bytes, size);
  replay->out_size += size;
  return 0;
}

static void replay_init(replay_t *replay, int socket_type) {
  memset(replay, 0, sizeof(*replay));
  replay->config.socket_type = socket_type;
  replay->config.mechanism = &zuv__mechanism_null;
  replay->sink.write = sink_write;
  replay->sink.context = replay;
}

static void replay_start(replay_t *replay) {
  zuv__engine_init(&replay->engine, &replay->config);
  zuv__engine_start(&replay->engine, &replay->sink);
}

/* Gives the octets of a line, `chunk` new ones at a time. */
static void feed(replay_t *replay, const uint8_t *bytes, size_t size,
                 size_t chunk) {
  size_t done = 0;

  for (size_t seen = 0; seen < size;) {
    size_t consumed;

    seen = size - seen < chunk ? size : seen + chunk;
    zuv__engine_handshake(&replay->engine, &replay->sink, bytes + done,
                          seen - done, &consumed);
    done += consumed;
  }
  assert_int_equal(done, size);
}

static void expect_sent(replay_t *replay, const line_t *line) {
  assert_true(replay->out_size - replay->checked >= line->size);
  assert_memory_equal(replay->out + replay->checked, line->bytes, line->size);
  replay->checked += line->size;
}

static void expect_nothing_more_sent(const replay_t *replay) {
  assert_int_equal(replay->checked, replay->out_size);
}

/* Replays lines until the engine is in traffic or there are none left; returns
 * the number of lines used. */
static size_t replay_handshake(replay_t *replay, size_t chunk) {
  size_t i;

  replay_start(replay);
  for (i = 0; i < vector.count && replay->engine.state != ZUV__ENGINE_TRAFFIC;
       i++) {
    const line_t *line = &vector.lines[i];

    if (line->kind == 'Z') {
      expect_sent(replay, line);
    } else {
      expect_nothing_more_sent(replay);
      feed(replay, line->bytes, line->size, chunk);
    }
  }
  expect_nothing_more_sent(replay);
  return i;
}

static void greeting_and_ready(const char *name, const char *routing_id) {
  load(name);
  for (size_t chunk = 1; chunk <= 64; chunk++) {
    replay_t replay;

    replay_init(&replay, ZUV__SOCKET_DEALER);
    replay.config.routing_id = (const uint8_t *)routing_id;
    replay.config.routing_id_size = strlen(routing_id);
    assert_int_equal(replay_handshake(&replay, chunk), vector.count);
    assert_int_equal(replay.engine.state, ZUV__ENGINE_HANDSHAKE);
    zuv__engine_destroy(&replay.engine);
  }
}

static void the_greeting_is_sent_as_libzmq_does(void **state) {
  (void)state;
  greeting_and_ready("01-greeting-null", "");
}

static void the_greeting_with_a_routing_id_too(void **state) {
  (void)state;
  greeting_and_ready("02-greeting-null-identity", "AB");
}

/* "DEALER" or "DEALER, ZMQ_ROUTING_ID=client-1, ..." to a number. */
static int type_in(const char *comment) {
  return zuv__socket_type_number((const uint8_t *)comment,
                                 strcspn(comment, ","));
}

static void every_socket_type_sends_its_ready(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  size_t known = 0;
  (void)state;

  load("03-ready-by-socket-type");
  zuv__greeting_write(greeting, 0, "NULL", false);
  for (size_t i = 0; i < vector.count; i++) {
    const line_t *line = &vector.lines[i];
    replay_t replay;

    if (type_in(line->comment) < 0)
      continue;
    known++;
    replay_init(&replay, type_in(line->comment));
    if (strstr(line->comment, "client-1") != NULL) {
      replay.config.routing_id = (const uint8_t *)"client-1";
      replay.config.routing_id_size = 8;
      replay.config.extra_metadata = (const uint8_t *)"\005X-foo\0\0\0\003bar";
      replay.config.extra_metadata_size = 13;
    }
    replay_start(&replay);
    feed(&replay, greeting, sizeof(greeting), sizeof(greeting));
    replay.checked = ZUV__GREETING_SIZE;
    expect_sent(&replay, line);
    expect_nothing_more_sent(&replay);
    zuv__engine_destroy(&replay.engine);
  }
  assert_int_equal(known, 12);
}

/* Every cut of the line is refused as partial, then all frames are taken apart
 * and built again. Returns their number. */
static size_t rebuild_frames(const line_t *line) {
  uint8_t built[LINE_MAX_SIZE];
  zuv__frame_t frame = {0};
  size_t offset = 0;
  size_t frames = 0;

  for (; offset < line->size; offset += frame.total, frames++) {
    const uint8_t *in = line->bytes + offset;
    size_t header;

    assert_int_equal(
        zuv__frame_decode(in, line->size - offset, UINT64_MAX, &frame),
        ZUV__FRAME_COMPLETE);
    for (size_t cut = 0; cut < frame.total; cut++) {
      zuv__frame_t partial;
      assert_int_equal(zuv__frame_decode(in, cut, UINT64_MAX, &partial),
                       ZUV__FRAME_PARTIAL);
    }
    header = zuv__frame_encode_header(built + offset, frame.flags, frame.size);
    memcpy(built + offset + header, frame.body, frame.size);
  }
  assert_int_equal(offset, line->size);
  assert_memory_equal(built, line->bytes, line->size);
  return frames;
}

static void frames_are_taken_apart_and_built_again(void **state) {
  static const size_t frames[] = {1, 1, 3, 1, 1, 2};
  (void)state;

  load("04-frames-3x");
  assert_int_equal(vector.count, 6);
  for (size_t i = 0; i < vector.count; i++)
    assert_int_equal(rebuild_frames(&vector.lines[i]), frames[i]);

  load("16-req-rep");
  for (size_t i = 0; i < vector.count; i++)
    assert_true(rebuild_frames(&vector.lines[i]) >= 2);

  load("22-probe-and-hello");
  for (size_t i = 0; i < vector.count; i++)
    assert_int_equal(rebuild_frames(&vector.lines[i]), 1);
}

static void expect_command(const line_t *line, zuv__command_kind_t kind,
                           const char *topic, size_t size) {
  uint8_t built[LINE_MAX_SIZE];

  assert_int_equal(zuv__command_frame_size(kind, size), line->size);
  assert_int_equal(zuv__command_write(built, kind, topic, size), line->size);
  assert_memory_equal(built, line->bytes, line->size);
}

static void subscriptions_are_commands_to_a_3_1_publisher(void **state) {
  char topic[246];
  replay_t replay;
  size_t i;
  (void)state;

  memset(topic, 't', sizeof(topic));
  load("05-subscribe-3.1");
  for (size_t chunk = 64; chunk > 0; chunk--) {
    replay_init(&replay, ZUV__SOCKET_SUB);
    i = replay_handshake(&replay, chunk);
    assert_int_equal(replay.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(replay.engine.peer.version_minor, 1);
    assert_int_equal(replay.engine.peer.socket_type, ZUV__SOCKET_PUB);
    zuv__engine_destroy(&replay.engine);
  }
  assert_int_equal(vector.count - i, 6);
  expect_command(&vector.lines[i++], ZUV__COMMAND_SUBSCRIBE, "A", 1);
  expect_command(&vector.lines[i++], ZUV__COMMAND_SUBSCRIBE, "", 0);
  expect_command(&vector.lines[i++], ZUV__COMMAND_CANCEL, "A", 1);
  expect_command(&vector.lines[i++], ZUV__COMMAND_CANCEL, "", 0);
  expect_command(&vector.lines[i++], ZUV__COMMAND_SUBSCRIBE, topic, 245);
  expect_command(&vector.lines[i++], ZUV__COMMAND_SUBSCRIBE, topic, 246);
}

static void a_3_0_publisher_is_told_by_its_minor(void **state) {
  replay_t replay;
  size_t i;
  (void)state;

  load("06-subscribe-3.0");
  for (size_t chunk = 64; chunk > 0; chunk--) {
    replay_init(&replay, ZUV__SOCKET_SUB);
    i = replay_handshake(&replay, chunk);
    assert_int_equal(replay.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(replay.engine.peer.version_minor, 0);
    zuv__engine_destroy(&replay.engine);
  }
  assert_int_equal(vector.count - i, 4);
  for (; i < vector.count; i++)
    assert_int_equal(rebuild_frames(&vector.lines[i]), 1);
}

static zuv__command_kind_t parse_line(const line_t *line,
                                      zuv__command_t *command) {
  zuv__frame_t frame = {0};

  assert_int_equal(
      zuv__frame_decode(line->bytes, line->size, UINT64_MAX, &frame),
      ZUV__FRAME_COMPLETE);
  assert_int_equal(frame.flags, ZUV__FRAME_COMMAND);
  return zuv__command_parse(frame.body, frame.size, command);
}

/* Takes the frames of a line apart and builds them again. */
static void rebuild(const line_t *line, bool v1) {
  size_t offset = 0;

  while (offset < line->size) {
    const uint8_t *in = line->bytes + offset;
    uint8_t header[ZUV__FRAME_V1_HEADER_MAX];
    zuv__frame_t frame;
    size_t size;

    assert_int_equal((v1 ? zuv__frame_v1_decode : zuv__frame_decode)(
                         in, line->size - offset, UINT64_MAX, &frame),
                     ZUV__FRAME_COMPLETE);
    size = v1 ? zuv__frame_v1_encode_header(
                    header, (frame.flags & ZUV__FRAME_MORE) != 0, frame.size)
              : zuv__frame_encode_header(header, frame.flags, frame.size);
    assert_int_equal(size + frame.size, frame.total);
    assert_memory_equal(header, in, size);
    offset += frame.total;
  }
}

static bool begins_connection(const line_t *line) {
  return line->kind == 'Z' && line->size == 10 && line->bytes[0] == 0xff &&
         line->bytes[9] == 0x7f;
}

/* Replays the connection that begins with line `first`. */
static void replay_old(replay_t *replay, size_t first, size_t chunk) {
  replay_start(replay);
  for (size_t i = first; i < vector.count; i++) {
    const line_t *line = &vector.lines[i];

    if (i > first && begins_connection(line))
      break;
    if (line->kind == 'Z' && replay->checked < replay->out_size)
      expect_sent(replay, line);
    else if (replay->engine.state == ZUV__ENGINE_TRAFFIC)
      rebuild(line, replay->engine.peer.version_major == 1);
    else
      feed(replay, line->bytes, line->size, chunk);
  }
  expect_nothing_more_sent(replay);
  assert_int_equal(replay->engine.state, ZUV__ENGINE_TRAFFIC);
}

static void old_connection(const char *name, size_t number, int socket_type,
                           const char *routing_id, int major,
                           const char *peer_id) {
  size_t first = 0;

  load(name);
  while (number-- > 0)
    while (!begins_connection(&vector.lines[++first]))
      assert_true(first < vector.count);
  for (size_t chunk = 1; chunk < 20; chunk++) {
    replay_t replay;

    replay_init(&replay, socket_type);
    replay.config.routing_id = (const uint8_t *)routing_id;
    replay.config.routing_id_size = strlen(routing_id);
    replay_old(&replay, first, chunk);
    assert_int_equal(replay.engine.peer.version_major, major);
    assert_int_equal(replay.engine.peer.routing_id_size, strlen(peer_id));
    if (peer_id[0] != '\0')
      assert_memory_equal(replay.engine.peer.routing_id, peer_id,
                          strlen(peer_id));
    zuv__engine_destroy(&replay.engine);
  }
}

static void peers_of_2_0_are_talked_to_as_libzmq_does(void **state) {
  (void)state;
  old_connection("07-subscribe-2.0", 0, ZUV__SOCKET_SUB, "", 2, "");
  old_connection("10-zmtp-2.0", 0, ZUV__SOCKET_DEALER, "ME", 2, "");
}

static void peers_of_1_0_too(void **state) {
  (void)state;
  old_connection("08-subscribe-1.0", 0, ZUV__SOCKET_SUB, "", 1, "");
  old_connection("11-zmtp-1.0", 0, ZUV__SOCKET_DEALER, "", 1, "id");
  old_connection("11-zmtp-1.0", 1, ZUV__SOCKET_DEALER, "ME", 1, "id");
  old_connection("11-zmtp-1.0", 2, ZUV__SOCKET_XPUB, "", 1, "");
}

static void pings_are_written_and_answered_as_libzmq_does(void **state) {
  const zuv__ping_t own = {.ttl = 25};
  uint8_t out[ZUV__PING_FRAME_MAX];
  zuv__command_t command;
  (void)state;

  load("09-heartbeat");
  assert_int_equal(vector.count, 6);
  assert_int_equal(zuv__command_write_ping(out, &own), vector.lines[0].size);
  assert_memory_equal(out, vector.lines[0].bytes, vector.lines[0].size);
  assert_int_equal(parse_line(&vector.lines[1], &command), ZUV__COMMAND_PONG);
  for (size_t i = 2; i < vector.count; i += 2) {
    const line_t *pong = &vector.lines[i + 1];
    zuv__ping_t ping;

    assert_int_equal(parse_line(&vector.lines[i], &command), ZUV__COMMAND_PING);
    assert_int_equal(zuv__command_parse_ping(&command, &ping), 0);
    assert_int_equal(ping.ttl, 0);
    assert_int_equal(zuv__command_write_pong(out, &ping), pong->size);
    assert_memory_equal(out, pong->bytes, pong->size);
  }
}

static void a_refusal_is_the_error_command_of_libzmq(void **state) {
  static const uint8_t ready[] =
      "\x04\x19\005READY\013Socket-Type\0\0\0\003REQ";
  const zuv__verdict_t verdict = {.status = 400};
  uint8_t greeting[ZUV__GREETING_SIZE];
  replay_t replay;
  (void)state;

  load("14-error-commands");
  assert_int_equal(vector.count, 1);
  zuv__greeting_write(greeting, 0, "NULL", false);
  replay_init(&replay, ZUV__SOCKET_REP);
  replay.config.authenticate = true;
  replay_start(&replay);
  feed(&replay, greeting, sizeof(greeting), 1);
  replay.checked = ZUV__GREETING_SIZE;
  expect_nothing_more_sent(&replay);
  feed(&replay, ready, sizeof(ready) - 1, sizeof(ready));
  assert_int_equal(
      zuv__engine_authenticated(&replay.engine, &replay.sink, &verdict),
      ZUV__ENGINE_FAILED);
  expect_sent(&replay, &vector.lines[0]);
  expect_nothing_more_sent(&replay);
  zuv__engine_destroy(&replay.engine);
}

static void the_same_error_command_is_understood(void **state) {
  uint8_t greeting[ZUV__GREETING_SIZE];
  (void)state;

  load("14-error-commands");
  zuv__greeting_write(greeting, 0, "NULL", false);
  for (size_t chunk = 1; chunk < 16; chunk++) {
    replay_t replay;

    replay_init(&replay, ZUV__SOCKET_REQ);
    replay_start(&replay);
    feed(&replay, greeting, sizeof(greeting), chunk);
    feed(&replay, vector.lines[0].bytes, vector.lines[0].size, chunk);
    assert_int_equal(replay.engine.state, ZUV__ENGINE_FAILED);
    assert_int_equal(replay.engine.failure.kind, ZUV__ENGINE_REFUSED_BY_PEER);
    assert_int_equal(replay.engine.failure.status, 400);
    zuv__engine_destroy(&replay.engine);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_greeting_is_sent_as_libzmq_does),
      cmocka_unit_test(the_greeting_with_a_routing_id_too),
      cmocka_unit_test(every_socket_type_sends_its_ready),
      cmocka_unit_test(frames_are_taken_apart_and_built_again),
      cmocka_unit_test(subscriptions_are_commands_to_a_3_1_publisher),
      cmocka_unit_test(a_3_0_publisher_is_told_by_its_minor),
      cmocka_unit_test(peers_of_2_0_are_talked_to_as_libzmq_does),
      cmocka_unit_test(peers_of_1_0_too),
      cmocka_unit_test(pings_are_written_and_answered_as_libzmq_does),
      cmocka_unit_test(a_refusal_is_the_error_command_of_libzmq),
      cmocka_unit_test(the_same_error_command_is_understood),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
