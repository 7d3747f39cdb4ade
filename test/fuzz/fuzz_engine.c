/* libFuzzer target for the engine and the parsers below it. The first octet of
 * the input chooses socket type, authentication and whether peers before ZMTP 3
 * are refused, the second how many octets come at a time; the rest is what a
 * peer sends. Anything that the sanitizers
 * do not see by themselves is checked with expect. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zmtp/command.h"
#include "zmtp/engine.h"
#include "zmtp/frame_v1.h"
#include "zmtp/metadata.h"
#include "zmtp/old_peer.h"
#include "zmtp/socket_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
  if (!holds)
    abort();
}

/* Our own output in one handshake: greeting, READY and an ERROR at most. */
enum { OUTPUT_MAX = 1024 };

typedef struct {
  uint8_t bytes[OUTPUT_MAX];
  size_t size;
} output_t;

static int keep_output(void *context, const void *bytes, size_t size) {
  output_t *output = context;

  expect(size <= OUTPUT_MAX - output->size);
  memcpy(output->bytes + output->size, bytes, size);
  output->size += size;
  return 0;
}

static void parse_metadata(const uint8_t *block, size_t size) {
  zuv__property_t property;
  size_t offset = 0;

  for (;;) {
    size_t before = offset;
    int result = zuv__metadata_next(block, size, &offset, &property);

    expect(zuv__metadata_is_valid(block + before, size - before) ||
           result != 0);
    if (result <= 0)
      break;
    expect(offset - before ==
           zuv__property_size(property.name_size, property.value_size));
    expect(offset <= size && property.name_size > 0);
  }
  zuv__metadata_find(block, size, "Identity", &property);
}

static void parse_command(const uint8_t *body, size_t size) {
  uint8_t out[ZUV__PING_FRAME_MAX];
  const uint8_t *reason;
  zuv__command_t command;
  zuv__ping_t ping;
  size_t reason_size;

  if (zuv__command_parse(body, size, &command) == ZUV__COMMAND_MALFORMED)
    return;
  expect(command.name_size + command.size + 1 == size);
  if (zuv__command_parse_ping(&command, &ping) == 0) {
    expect(zuv__command_write_ping(out, &ping) <= sizeof(out));
    expect(zuv__command_write_pong(out, &ping) <= sizeof(out));
  }
  if (zuv__command_parse_error(&command, &reason, &reason_size) == 0)
    expect(reason_size < command.size);
  parse_metadata(command.data, command.size);
}

static void parse_frames(const uint8_t *in, size_t len, uint64_t max_size) {
  zuv__frame_t frame;

  while (zuv__frame_decode(in, len, max_size, &frame) == ZUV__FRAME_COMPLETE) {
    expect(frame.total <= len && frame.size < frame.total);
    expect(frame.body + frame.size == in + frame.total);
    expect(frame.size <= max_size || (frame.flags & ZUV__FRAME_COMMAND) != 0);
    parse_command(frame.body, frame.size);
    in += frame.total;
    len -= frame.total;
  }
}

static void parse_frames_v1(const uint8_t *in, size_t len, uint64_t max_size) {
  uint8_t header[ZUV__FRAME_V1_HEADER_MAX];
  zuv__frame_t frame;
  zuv__frame_t again;
  int result;

  while ((result = zuv__frame_v1_decode(in, len, max_size, &frame)) ==
         ZUV__FRAME_COMPLETE) {
    size_t size =
        zuv__frame_v1_encode_header(header, frame.flags != 0, frame.size);

    expect(frame.total <= len && frame.size < frame.total);
    expect(frame.body + frame.size == in + frame.total);
    expect(frame.size <= max_size);
    expect((frame.flags & ~ZUV__FRAME_MORE) == 0);
    expect(zuv__frame_v1_decode(header, size, max_size, &again) ==
           (frame.size == 0 ? ZUV__FRAME_COMPLETE : ZUV__FRAME_PARTIAL));
    expect(again.size == frame.size && again.flags == frame.flags);
    in += frame.total;
    len -= frame.total;
  }
  if (result == ZUV__FRAME_PARTIAL && frame.total > 0)
    expect(frame.total > len && frame.size <= max_size);
}

static void check_peer(const zuv__engine_t *e) {
  const zuv__peer_t *peer = &e->peer;

  expect(zuv__metadata_is_valid(peer->metadata, peer->metadata_size));
  expect((peer->routing_id == NULL) == (peer->routing_id_size == 0));
  expect(peer->version_major >= 1 && peer->version_major <= 3);
  expect((peer->mechanism == NULL) == (peer->version_major < 3));
  expect(peer->version_major == 3 || !e->config->refuse_old_peers);
}

static void check_end(const zuv__engine_t *e) {
  if (e->state == ZUV__ENGINE_FAILED)
    expect(e->failure.kind != ZUV__ENGINE_NO_FAILURE &&
           e->failure.kind != ZUV__ENGINE_OUT_OF_MEMORY &&
           e->failure.text != NULL);
  else
    expect(e->failure.kind == ZUV__ENGINE_NO_FAILURE);
  if (e->state == ZUV__ENGINE_TRAFFIC)
    check_peer(e);
  if (e->state == ZUV__ENGINE_IDENTITY)
    expect(zuv__engine_needed(e) <= ZUV__IDENTITY_MAX);
  expect(zuv__engine_needed(e) <= ZUV__COMMAND_MAX + ZUV__FRAME_HEADER_MAX);
}

static void run_engine(const zuv__engine_config_t *config, int status,
                       const uint8_t *in, size_t len, size_t chunk) {
  const zuv__verdict_t verdict = {
      .status = status, .user_id = (const uint8_t *)"joe", .user_id_size = 3};
  output_t output = {.size = 0};
  const zuv__sink_t sink = {keep_output, &output};
  zuv__engine_t engine;
  size_t done = 0;

  zuv__engine_init(&engine, config);
  zuv__engine_start(&engine, &sink);
  for (size_t seen = 0; seen < len;) {
    size_t consumed;

    seen = len - seen < chunk ? len : seen + chunk;
    zuv__engine_handshake(&engine, &sink, in + done, seen - done, &consumed);
    expect(consumed <= seen - done);
    done += consumed;
    if (zuv__engine_wants_authentication(&engine) && seen % 3 == 0)
      zuv__engine_authenticated(&engine, &sink, &verdict);
  }
  check_end(&engine);
  if (engine.state == ZUV__ENGINE_TRAFFIC && engine.peer.version_major == 1)
    parse_frames_v1(in + done, len - done, UINT64_MAX);
  else if (engine.state == ZUV__ENGINE_TRAFFIC)
    parse_frames(in + done, len - done, UINT64_MAX);
  zuv__engine_destroy(&engine);
}

/* The input in an allocation of its own, so that a read of one octet behind it
 * is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int statuses[] = {200, 300, 400, 500};
  zuv__engine_config_t config = {.mechanism = &zuv__mechanism_null};
  uint8_t *in;
  size_t len;

  if (size < 3)
    return 0;
  len = size - 2;
  in = malloc(len);
  if (in == NULL)
    return 0;
  memcpy(in, data + 2, len);

  config.socket_type = (data[0] & 15) % ZUV__SOCKET_STREAM;
  config.refuse_old_peers = (data[0] & 16) != 0;
  run_engine(&config, 200, in, len, (size_t)data[1] + 1);
  config.authenticate = true;
  config.routing_id = (const uint8_t *)"fuzz";
  config.routing_id_size = 4;
  run_engine(&config, statuses[data[0] >> 6], in, len, (size_t)data[1] + 1);

  parse_frames(in, len, UINT64_MAX);
  parse_frames(in, len, data[1]);
  parse_frames_v1(in, len, UINT64_MAX);
  parse_frames_v1(in, len, data[1]);
  parse_command(in, len);
  parse_metadata(in, len);
  free(in);
  return 0;
}
