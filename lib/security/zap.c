#include "security/zap.h"

#include <stdbool.h>
#include <string.h>

#include "zmtp/metadata.h"

/* There is one request a connection to the handler, so its id need not tell
 * more; libzmq's is the same. */
static const char version[] = "1.0";
static const char request_id[] = "1";

static zuv__zap_frame_t text_frame(const char *text) {
  return (zuv__zap_frame_t){(const uint8_t *)text, strlen(text)};
}

size_t zuv__zap_request(const zuv__zap_question_t *question,
                        zuv__zap_frame_t frames[ZUV__ZAP_REQUEST_FRAMES_MAX]) {
  const zuv__credentials_t *credentials = question->credentials;
  size_t count = 0;

  frames[count++] = (zuv__zap_frame_t){NULL, 0};
  frames[count++] = text_frame(version);
  frames[count++] = text_frame(request_id);
  frames[count++] = (zuv__zap_frame_t){question->domain, question->domain_size};
  frames[count++] = text_frame(question->address);
  frames[count++] =
      (zuv__zap_frame_t){question->routing_id, question->routing_id_size};
  frames[count++] = text_frame(credentials->mechanism);
  for (size_t i = 0; i < credentials->count; i++)
    frames[count++] = (zuv__zap_frame_t){credentials->parts[i].data,
                                         credentials->parts[i].size};
  return count;
}

static bool is_text(const zuv__zap_frame_t *frame, const char *text) {
  size_t size = strlen(text);
  return frame->size == size && memcmp(frame->data, text, size) == 0;
}

/* RFC 27, reply: the status codes; 0 for anything else. */
static int parse_status(const zuv__zap_frame_t *frame) {
  static const char *const codes[] = {"200", "300", "400", "500"};

  for (int i = 0; i < 4; i++)
    if (is_text(frame, codes[i]))
      return 200 + 100 * i;
  return 0;
}

zuv__protocol_error_t zuv__zap_parse_reply(const zuv__zap_frame_t *frames,
                                           size_t count,
                                           zuv__verdict_t *verdict) {
  if (count != ZUV__ZAP_REPLY_FRAMES)
    return ZUV__ZAP_MALFORMED_REPLY;
  if (frames[0].size != 0)
    return ZUV__ZAP_UNSPECIFIED;
  if (!is_text(&frames[1], version))
    return ZUV__ZAP_BAD_VERSION;
  if (!is_text(&frames[2], request_id))
    return ZUV__ZAP_BAD_REQUEST_ID;
  verdict->status = parse_status(&frames[3]);
  if (verdict->status == 0)
    return ZUV__ZAP_INVALID_STATUS_CODE;
  if (!zuv__metadata_is_valid(frames[6].data, frames[6].size))
    return ZUV__ZAP_INVALID_METADATA;
  verdict->user_id = frames[5].data;
  verdict->user_id_size = frames[5].size;
  verdict->metadata = frames[6].data;
  verdict->metadata_size = frames[6].size;
  return ZUV__PROTOCOL_NO_ERROR;
}
