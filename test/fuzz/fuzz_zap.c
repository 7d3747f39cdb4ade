/* libFuzzer target for the answers of ZAP handlers. The first octet of the
 * input says how many frames there are; then each has an octet with its size in
 * front, and the last takes what is left. Anything that the sanitizers do not
 * see by themselves is checked with expect. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "security/zap.h"
#include "zmtp/metadata.h"
#include "zmtp/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES_MAX = ZUV__ZAP_REPLY_FRAMES + 3 };

static void expect(bool holds) {
  if (!holds)
    abort();
}

static bool is_known(zuv__protocol_error_t error) {
  return error == ZUV__ZAP_UNSPECIFIED || error == ZUV__ZAP_MALFORMED_REPLY ||
         error == ZUV__ZAP_BAD_REQUEST_ID || error == ZUV__ZAP_BAD_VERSION ||
         error == ZUV__ZAP_INVALID_STATUS_CODE ||
         error == ZUV__ZAP_INVALID_METADATA;
}

/* A connection takes what was accepted without another look. */
static void check_verdict(const zuv__verdict_t *verdict) {
  zuv__peer_t peer;

  expect(verdict->status == 200 || verdict->status == 300 ||
         verdict->status == 400 || verdict->status == 500);
  zuv__peer_init(&peer);
  expect(zuv__peer_add_authentication(&peer, verdict->user_id,
                                      verdict->user_id_size, verdict->metadata,
                                      verdict->metadata_size) == ZUV__PEER_OK);
  expect(zuv__metadata_is_valid(peer.metadata, peer.metadata_size));
  zuv__peer_destroy(&peer);
}

static void check_reply(const zuv__zap_frame_t *frames, size_t count) {
  zuv__verdict_t verdict = {0};
  zuv__protocol_error_t error = zuv__zap_parse_reply(frames, count, &verdict);

  if (error != ZUV__PROTOCOL_NO_ERROR) {
    expect(is_known(error));
    return;
  }
  expect(count == ZUV__ZAP_REPLY_FRAMES && frames[0].size == 0);
  expect(verdict.user_id_size == frames[5].size);
  expect(verdict.metadata_size == frames[6].size);
  check_verdict(&verdict);
}

/* Each frame in an allocation of its own, so that a read of one octet behind it
 * is seen; an empty one has none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  zuv__zap_frame_t frames[FRAMES_MAX] = {0};
  uint8_t *copies[FRAMES_MAX] = {0};
  size_t count;

  if (size == 0)
    return 0;
  count = data[0] % (FRAMES_MAX + 1);
  data++;
  size--;
  for (size_t i = 0; i < count; i++) {
    size_t part = size;

    if (i + 1 < count && size > 0) {
      part = *data++;
      size--;
    }
    if (part > size)
      part = size;
    if (part > 0) {
      copies[i] = malloc(part);
      expect(copies[i] != NULL);
      memcpy(copies[i], data, part);
    }
    frames[i].data = copies[i];
    frames[i].size = part;
    data += part;
    size -= part;
  }
  check_reply(frames, count);
  for (size_t i = 0; i < count; i++)
    free(copies[i]);
  return 0;
}
