#include "support/old_peer.h"

enum { HEADER_MAX = 10 };

bool old_has_type(old_version_t version) {
  return version == OLD_1_0_WITH_TYPE || version == OLD_2_0;
}

void old_connect(harness_t *h, old_peer_t *peer, old_version_t version,
                 const char *endpoint) {
  memset(peer, 0, sizeof(*peer));
  peer->version = version;
  peer->raw = &peer->own;
  raw_tcp_connect(h, peer->raw, endpoint);
}

void old_accept(old_peer_t *peer, old_version_t version,
                raw_listener_t *listener, size_t index) {
  harness_wait(listener->harness, listener->accepted > index);
  memset(peer, 0, sizeof(*peer));
  peer->version = version;
  peer->raw = listener->peers[index];
}

void old_close(old_peer_t *peer) {
  raw_tcp_close(peer->raw);
}

static size_t put_u64(uint8_t *out, uint64_t value) {
  for (int i = 7; i >= 0; i--, value >>= 8)
    out[i] = (uint8_t)value;
  return 8;
}

static size_t header(old_version_t version, bool more, size_t size,
                     uint8_t *out) {
  if (version == OLD_2_0) {
    bool is_long = size > 255;
    out[0] = (uint8_t)(more | (is_long ? 2 : 0));
    out[1] = (uint8_t)size;
    return is_long ? 1 + put_u64(out + 1, size) : 2;
  }
  if (size < 254) {
    out[0] = (uint8_t)(size + 1);
    out[1] = more;
    return 2;
  }
  out[0] = 0xff;
  put_u64(out + 1, size + 1);
  out[9] = more;
  return 10;
}

size_t old_frame(old_version_t version, bool more, const void *body,
                 size_t size, uint8_t *out) {
  size_t used = header(version, more, size, out);

  if (size > 0)
    memcpy(out + used, body, size);
  return used + size;
}

/* The octets in front of the identity's: with 1.0 those of the frame itself. */
static size_t greeting(old_version_t version, int type, size_t identity_size,
                       uint8_t *out) {
  if (version == OLD_1_0)
    return header(version, false, identity_size, out);
  out[0] = 0xff;
  put_u64(out + 1, identity_size + 1);
  out[9] = 0x7f;
  if (version == OLD_1_0_LONG)
    out[9] = 0;
  if (!old_has_type(version))
    return 10;
  out[10] = version == OLD_2_0;
  out[11] = (uint8_t)type;
  return 12 + header(version, false, identity_size, out + 12);
}

void old_greet(old_peer_t *peer, int type, const char *identity) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  uint8_t bytes[12 + HEADER_MAX + 255];
  size_t size;

  assert_int_equal(harness_parts(identity, parts), 1);
  assert_true(zuv_msg_size(&parts[0]) <= 255);
  size = greeting(peer->version, type, zuv_msg_size(&parts[0]), bytes);
  memcpy(bytes + size, zuv_msg_data(&parts[0]), zuv_msg_size(&parts[0]));
  old_send_bytes(peer, bytes, size + zuv_msg_size(&parts[0]));
  harness_parts_close(parts, 1);
}

void old_expect_greeting(old_peer_t *peer, int type, const char *identity) {
  size_t identity_size = strlen(identity);
  uint8_t bytes[12 + HEADER_MAX + 255] = {0xff};
  size_t size = 10;

  put_u64(bytes + 1, identity_size + 1);
  bytes[9] = 0x7f;
  if (old_has_type(peer->version)) {
    bytes[10] = 3;
    bytes[11] = (uint8_t)type;
    size = 12 + header(peer->version, false, identity_size, bytes + 12);
  }
  memcpy(bytes + size, identity, identity_size);
  old_expect_bytes(peer, bytes, size + identity_size);
}

void old_send(old_peer_t *peer, const char *text) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  size_t count = harness_parts(text, parts);

  for (size_t i = 0; i < count; i++) {
    size_t size = zuv_msg_size(&parts[i]);
    uint8_t *bytes = malloc(HEADER_MAX + size);

    assert_non_null(bytes);
    size = old_frame(peer->version, i + 1 < count, zuv_msg_data(&parts[i]),
                     size, bytes);
    old_send_bytes(peer, bytes, size);
    free(bytes);
  }
  harness_parts_close(parts, count);
}

void old_send_size(old_peer_t *peer, size_t size, char octet, bool more) {
  uint8_t *bytes = malloc(HEADER_MAX + size);
  size_t used;

  assert_non_null(bytes);
  used = header(peer->version, more, size, bytes);
  memset(bytes + used, octet, size);
  old_send_bytes(peer, bytes, used + size);
  free(bytes);
}

void old_send_bytes(old_peer_t *peer, const void *bytes, size_t size) {
  raw_tcp_send(peer->raw, bytes, size);
}

static const uint8_t *wait_bytes(old_peer_t *peer, size_t size) {
  harness_wait(peer->raw->harness, peer->raw->size - peer->read >= size);
  return (const uint8_t *)peer->raw->bytes + peer->read;
}

void old_expect_bytes(old_peer_t *peer, const void *bytes, size_t size) {
  assert_memory_equal(wait_bytes(peer, size), bytes, size);
  peer->read += size;
}

void old_expect(old_peer_t *peer, const char *text) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  size_t count = harness_parts(text, parts);

  for (size_t i = 0; i < count; i++) {
    size_t size = zuv_msg_size(&parts[i]);
    uint8_t *bytes = malloc(HEADER_MAX + size);

    assert_non_null(bytes);
    size = old_frame(peer->version, i + 1 < count, zuv_msg_data(&parts[i]),
                     size, bytes);
    old_expect_bytes(peer, bytes, size);
    free(bytes);
  }
  harness_parts_close(parts, count);
}

void old_expect_size(old_peer_t *peer, size_t size, char octet, bool more) {
  uint8_t expected[HEADER_MAX];
  size_t used = header(peer->version, more, size, expected);
  const uint8_t *body;

  old_expect_bytes(peer, expected, used);
  body = wait_bytes(peer, size);
  for (size_t i = 0; i < size; i++)
    if (body[i] != (uint8_t)octet)
      fail_msg("octet %zu of %zu is %02x", i, size, body[i]);
  peer->read += size;
}

void old_expect_nothing(old_peer_t *peer) {
  assert_int_equal(peer->raw->size, peer->read);
}
