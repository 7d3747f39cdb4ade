#include "support/harness_text.h"

enum { LONG_PART = 200 /* bytes: shown by its size only */ };

static bool is_plain(unsigned char byte) {
  return byte >= ' ' && byte < 0x7f && byte != '|' && byte != '\\';
}

void harness_escape(const void *data, size_t size, char *text, size_t room) {
  const unsigned char *bytes = data;
  size_t at = 0;

  for (size_t i = 0; i < size && at + 5 < room; i++) {
    if (is_plain(bytes[i]))
      text[at++] = (char)bytes[i];
    else
      at += (size_t)snprintf(text + at, 5, "\\x%02x", bytes[i]);
  }
  text[at] = '\0';
}

static size_t part_text(const harness_part_t *part, char *text, size_t room) {
  if (part->size > LONG_PART)
    snprintf(text, room, "<%zu bytes>", part->size);
  else
    harness_escape(part->data, part->size, text, room);
  return strlen(text);
}

char *harness_message_text(const harness_part_t *parts, size_t count) {
  size_t room = count * (4 * LONG_PART + 8) + 1;
  char *text = malloc(room);
  size_t at = 0;

  assert_non_null(text);
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      text[at++] = '|';
    at += part_text(&parts[i], text + at, room - at);
  }
  return text;
}

const char *harness_part(harness_socket_t *s, size_t index, size_t part) {
  static char text[4 * LONG_PART + 8];

  assert_true(index < s->received && part < s->messages[index].count);
  part_text(&s->messages[index].parts[part], text, sizeof(text));
  return text;
}

/* One part up to the next '|'; *size bytes of it. */
static const char *unescape(const char *text, char *bytes, size_t *size) {
  *size = 0;
  while (*text != '\0' && *text != '|') {
    unsigned value = (unsigned char)*text++;
    if (value == '\\') {
      assert_int_equal(sscanf(text, "x%2x", &value), 1);
      text += 3;
    }
    bytes[(*size)++] = (char)value;
  }
  return text;
}

size_t harness_parts(const char *text, zuv_msg_t *parts) {
  char *bytes = malloc(strlen(text) + 1);
  size_t count = 0;
  size_t size;

  assert_non_null(bytes);
  for (;;) {
    assert_true(count < HARNESS_PARTS_MAX);
    text = unescape(text, bytes, &size);
    assert_int_equal(zuv_msg_init_copy(&parts[count++], bytes, size), 0);
    if (*text++ == '\0')
      break;
  }
  free(bytes);
  return count;
}

void harness_parts_close(zuv_msg_t *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
}
