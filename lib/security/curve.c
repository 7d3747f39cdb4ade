/* See curve.h. Traffic: a box of NaCl is XSalsa20 with Poly1305, and XSalsa20
 * is Salsa20 under a key made of the box's key and the first 16 octets of the
 * nonce. Those 16 stay the same all through one direction of a connection, so
 * that key is made once, and a frame costs its part of Salsa20 and Poly1305. */
#include "security/curve.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "security/secret.h"
#include "zmtp/config.h"

_Static_assert(sizeof(zuv__curve_hello_t) == 200, "HELLO");
_Static_assert(sizeof(zuv__curve_welcome_t) == 168, "WELCOME");
_Static_assert(ZUV__CURVE_INITIATE_MIN == 257, "INITIATE");
_Static_assert(ZUV__CURVE_READY_MIN == 30, "READY");
_Static_assert(ZUV__CURVE_MESSAGE_MIN == 33, "MESSAGE");

#define MESSAGE_NAME "\007MESSAGE"

enum { INNER_MORE = 1, INNER_COMMAND = 2 };

enum {
  STREAM_BLOCK = 64,
  STREAM_MAX = 512, /* of keystream, on the stack */
  TAG_KEY_SIZE = crypto_onetimeauth_poly1305_KEYBYTES,
  HEAD_MAX = STREAM_MAX - TAG_KEY_SIZE
};

static void write_u64(uint8_t out[8], uint64_t value) {
  for (int i = 7; i >= 0; i--, value >>= 8)
    out[i] = (uint8_t)value;
}

/* Vector code makes several blocks of keystream in the time of two. */
static size_t stream_unit(void) {
  if (sodium_runtime_has_avx2())
    return 8 * STREAM_BLOCK;
  if (sodium_runtime_has_sse2())
    return 4 * STREAM_BLOCK;
  return STREAM_BLOCK;
}

void zuv__curve_init(zuv__curve_t *curve) {
  if (!zuv__security_init()) {
    zuv__mechanism_fail_memory(&curve->base);
    return;
  }
  curve->stream_unit = stream_unit();
}

void zuv__curve_count(zuv__curve_t *curve,
                      uint8_t counter[ZUV__CURVE_COUNTER_SIZE]) {
  write_u64(counter, ++curve->sends.counter);
}

void zuv__curve_counted_nonce(uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                              const char prefix[16],
                              const uint8_t counter[ZUV__CURVE_COUNTER_SIZE]) {
  memcpy(nonce, prefix, 16);
  memcpy(nonce + 16, counter, ZUV__CURVE_COUNTER_SIZE);
}

void zuv__curve_random_nonce(uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                             const char prefix[8],
                             const uint8_t random[ZUV__CURVE_RANDOM_SIZE]) {
  memcpy(nonce, prefix, 8);
  memcpy(nonce + 8, random, ZUV__CURVE_RANDOM_SIZE);
}

void zuv__curve_write_command(zuv__curve_t *curve, const zuv__sink_t *sink,
                              const void *body, size_t size) {
  uint8_t frame[ZUV__FRAME_SHORT_HEADER + ZUV__FRAME_SHORT_MAX];
  size_t header;

  assert(size <= ZUV__FRAME_SHORT_MAX);
  header = zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, size);
  memcpy(frame + header, body, size);
  if (zuv__sink_write(sink, frame, header + size) != 0)
    zuv__mechanism_fail_memory(&curve->base);
}

void zuv__curve_write_metadata(zuv__curve_t *curve, const zuv__sink_t *sink,
                               const void *clear, size_t clear_size,
                               const void *content, size_t content_size,
                               const uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                               const uint8_t key[ZUV__CURVE_KEY_SIZE]) {
  const zuv__engine_config_t *config = curve->base.config;
  size_t sealed_size = content_size + zuv__config_metadata_size(config);
  size_t body_size = clear_size + ZUV__CURVE_TAG_SIZE + sealed_size;
  size_t total = zuv__frame_header_size(body_size) + body_size;
  uint8_t *frame = zuv__malloc(total);
  uint8_t *tag;
  uint8_t *sealed;

  if (frame == NULL) {
    zuv__mechanism_fail_memory(&curve->base);
    return;
  }
  sealed = frame + total - sealed_size;
  tag = sealed - ZUV__CURVE_TAG_SIZE;
  zuv__frame_encode_header(frame, ZUV__FRAME_COMMAND, body_size);
  memcpy(tag - clear_size, clear, clear_size);
  if (content_size > 0)
    memcpy(sealed, content, content_size);
  zuv__config_metadata_write(config, sealed + content_size);
  (void)crypto_box_detached_afternm(sealed, tag, sealed, sealed_size, nonce,
                                    key);
  if (zuv__sink_write(sink, frame, total) != 0)
    zuv__mechanism_fail_memory(&curve->base);
  zuv__free(frame);
}

uint8_t *zuv__curve_open_metadata(zuv__curve_t *curve, const uint8_t *box,
                                  size_t size,
                                  const uint8_t nonce[ZUV__CURVE_NONCE_SIZE],
                                  const uint8_t key[ZUV__CURVE_KEY_SIZE]) {
  uint8_t *content = zuv__malloc(size);

  if (content == NULL) {
    zuv__mechanism_fail_memory(&curve->base);
    return NULL;
  }
  if (crypto_box_open_easy_afternm(content, box, size, nonce, key) != 0) {
    zuv__curve_fail_cryptographic(curve, "a box does not open");
    zuv__free(content);
    return NULL;
  }
  return content;
}

void zuv__curve_fail_cryptographic(zuv__curve_t *curve, const char *text) {
  zuv__mechanism_fail(&curve->base, ZUV__ZMTP_CRYPTOGRAPHIC, text);
}

void zuv__curve_start_traffic(zuv__curve_t *curve,
                              const uint8_t session_key[ZUV__CURVE_KEY_SIZE],
                              const char send_prefix[16],
                              const char receive_prefix[16]) {
  (void)crypto_core_hsalsa20(curve->sends.key, (const uint8_t *)send_prefix,
                             session_key, NULL);
  (void)crypto_core_hsalsa20(
      curve->receives.key, (const uint8_t *)receive_prefix, session_key, NULL);
  curve->base.status = ZUV__MECHANISM_READY;
}

/* Fills `stream` with at least `size` octets of keystream from this block on.
 * The whole unit is made when that costs no more. */
static void make_stream(const zuv__curve_t *curve,
                        const zuv__curve_direction_t *direction,
                        const uint8_t *counter, uint64_t block,
                        uint8_t stream[STREAM_MAX], size_t size) {
  size_t unit = curve->stream_unit;

  if (size > STREAM_BLOCK)
    size = (size + unit - 1) / unit * unit;
  memset(stream, 0, size);
  (void)crypto_stream_salsa20_xor_ic(stream, stream, size, counter, block,
                                     direction->key);
}

/* `out` may be `in`. */
static void apply_stream(uint8_t *out, const uint8_t *in, const uint8_t *stream,
                         size_t size) {
  for (; size >= 16; size -= 16, out += 16, in += 16, stream += 16) {
    uint64_t octets[2];
    uint64_t mask[2];

    memcpy(octets, in, 16);
    memcpy(mask, stream, 16);
    octets[0] ^= mask[0];
    octets[1] ^= mask[1];
    memcpy(out, octets, 16);
  }
  for (size_t i = 0; i < size; i++)
    out[i] = in[i] ^ stream[i];
}

/* What is behind the first STREAM_MAX octets of keystream. `out` may be
 * `in`. */
static void apply_rest(const zuv__curve_t *curve,
                       const zuv__curve_direction_t *direction,
                       const uint8_t *counter, uint8_t *out, const uint8_t *in,
                       size_t size) {
  uint64_t block = STREAM_MAX / STREAM_BLOCK;
  size_t end = size % curve->stream_unit;
  size_t whole = size - end;
  uint8_t stream[STREAM_MAX];

  if (whole > 0)
    (void)crypto_stream_salsa20_xor_ic(out, in, whole, counter, block,
                                       direction->key);
  if (end == 0)
    return;
  make_stream(curve, direction, counter, block + whole / STREAM_BLOCK, stream,
              end);
  apply_stream(out + whole, in + whole, stream, end);
}

/* The keystream on the stack is not wiped: it tells of this frame only, whose
 * payload is in memory as well. */
static void seal(const zuv__curve_t *curve, zuv__curve_message_t *message,
                 uint8_t flags, const uint8_t *payload, size_t size) {
  const zuv__curve_direction_t *direction = &curve->sends;
  size_t head = size < HEAD_MAX - 1 ? size : HEAD_MAX - 1;
  uint8_t *content = message->content;
  uint8_t stream[STREAM_MAX];

  make_stream(curve, direction, message->counter, 0, stream,
              TAG_KEY_SIZE + 1 + head);
  content[0] = flags ^ stream[TAG_KEY_SIZE];
  apply_stream(content + 1, payload, stream + TAG_KEY_SIZE + 1, head);
  if (size > head)
    apply_rest(curve, direction, message->counter, content + 1 + head,
               payload + head, size - head);
  (void)crypto_onetimeauth_poly1305(message->tag, content, 1 + size, stream);
}

/* Nothing is changed unless the tag is right. */
static bool open_in_place(const zuv__curve_t *curve,
                          zuv__curve_message_t *message, size_t content_size) {
  const zuv__curve_direction_t *direction = &curve->receives;
  size_t head = content_size < HEAD_MAX ? content_size : HEAD_MAX;
  uint8_t *content = message->content;
  uint8_t stream[STREAM_MAX];

  make_stream(curve, direction, message->counter, 0, stream,
              TAG_KEY_SIZE + head);
  if (crypto_onetimeauth_poly1305_verify(message->tag, content, content_size,
                                         stream) != 0)
    return false;
  apply_stream(content, content, stream + TAG_KEY_SIZE, head);
  if (content_size > head)
    apply_rest(curve, direction, message->counter, content + head,
               content + head, content_size - head);
  return true;
}

/* No nonce may serve twice (RFC 26). A direction that has
 * used up its counters, which takes centuries, sends frames that repeat the
 * last one and hold nothing: the peer closes the connection for the first. */
size_t zuv__curve_encode(zuv__mechanism_t *m, uint8_t flags,
                         const uint8_t *payload, size_t size, uint8_t *out) {
  zuv__curve_t *curve = (zuv__curve_t *)m;
  bool spent = curve->sends.counter == UINT64_MAX;
  zuv__curve_message_t *message;
  uint8_t inner = 0;
  size_t header;

  if (spent)
    size = 0;
  else
    curve->sends.counter++;
  if (flags & ZUV__FRAME_MORE)
    inner |= INNER_MORE;
  if (flags & ZUV__FRAME_COMMAND)
    inner |= INNER_COMMAND;
  /* The outer flags are clear even for a command: libzmq drops others. */
  header = zuv__frame_encode_header(out, 0, ZUV__CURVE_MESSAGE_MIN + size);
  message = (zuv__curve_message_t *)(out + header);
  memcpy(message->name, MESSAGE_NAME, sizeof(message->name));
  write_u64(message->counter, curve->sends.counter);
  if (spent) {
    memset(message->tag, 0, sizeof(message->tag));
    message->content[0] = 0;
  } else {
    seal(curve, message, inner, payload, size);
  }
  return header + ZUV__CURVE_MESSAGE_MIN + size;
}

static zuv__protocol_error_t check_message(const uint8_t *body, size_t size) {
  const size_t name_size = sizeof(MESSAGE_NAME) - 1;

  if (size >= ZUV__CURVE_MESSAGE_MIN &&
      memcmp(body, MESSAGE_NAME, name_size) == 0)
    return ZUV__PROTOCOL_NO_ERROR;
  if (size <= 1 || body[0] >= size)
    return ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED;
  if (size < name_size || memcmp(body, MESSAGE_NAME, name_size) != 0)
    return ZUV__ZMTP_UNEXPECTED_COMMAND;
  return ZUV__ZMTP_MALFORMED_COMMAND_MESSAGE;
}

zuv__protocol_error_t zuv__curve_decode(zuv__mechanism_t *m, uint8_t *body,
                                        size_t size, zuv__frame_t *frame) {
  zuv__curve_t *curve = (zuv__curve_t *)m;
  zuv__curve_message_t *message = (zuv__curve_message_t *)body;
  zuv__protocol_error_t error = check_message(body, size);
  uint64_t counter;

  if (error != ZUV__PROTOCOL_NO_ERROR)
    return error;
  counter = zuv__frame_read_u64(message->counter);
  if (counter <= curve->receives.counter)
    return ZUV__ZMTP_INVALID_SEQUENCE;
  if (!open_in_place(curve, message, size - sizeof(*message)))
    return ZUV__ZMTP_CRYPTOGRAPHIC;
  curve->receives.counter = counter;
  frame->body = message->content + 1;
  frame->size = size - ZUV__CURVE_MESSAGE_MIN;
  frame->flags = 0;
  if (message->content[0] & INNER_MORE)
    frame->flags |= ZUV__FRAME_MORE;
  if (message->content[0] & INNER_COMMAND)
    frame->flags |= ZUV__FRAME_COMMAND;
  return ZUV__PROTOCOL_NO_ERROR;
}
