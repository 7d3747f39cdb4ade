/* Purpose and errors: see zuv_peer_text.h. */
#include "zuv_peer_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_PERIOD = 251, PATTERN_MIN = 33, HEX_MAX = 100000 };

void die(const char *what) {
  fprintf(stderr, "zuv_peer: %s\n", what);
  exit(2);
}

void must(int err, const char *what) {
  if (err == 0)
    return;
  fprintf(stderr, "zuv_peer: %s: %s\n", what, zuv_err_name(err));
  exit(2);
}

char *next_word(char **text) {
  char *word = strsep(text, " ");

  if (*text == NULL)
    *text = word + strlen(word);
  return word;
}

static int hex_value(char digit) {
  const char *digits = "0123456789abcdef";
  const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

  if (found == NULL)
    die("not a hex digit");
  return (int)(found - digits);
}

static void parse_pattern(zuv_msg_t *part, const char *text) {
  char *end;
  size_t size = strtoul(text + 1, &end, 10);
  unsigned int value = (unsigned int)strtoul(end + 1, NULL, 10);
  unsigned char *data;

  must(zuv_msg_init_size(part, size), "message");
  data = zuv_msg_data(part);
  for (size_t i = 0; i < size; i++) {
    data[i] = (unsigned char)value;
    value = value + 1 == PATTERN_PERIOD ? 0 : value + 1;
  }
}

void parse_part(zuv_msg_t *part, const char *text) {
  size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
  unsigned char *data;

  if (*text == '*') {
    parse_pattern(part, text);
    return;
  }
  must(zuv_msg_init_size(part, size), "message");
  data = zuv_msg_data(part);
  for (size_t i = 0; i < size; i++)
    data[i] = (unsigned char)(hex_value(text[2 * i]) << 4 |
                              hex_value(text[2 * i + 1]));
}

size_t parse_parts(char *text, zuv_msg_t **parts) {
  size_t room = 2;
  size_t count = 0;
  char *state;

  for (const char *at = text; *at != '\0'; at++)
    room += *at == ' ';
  *parts = calloc(room, sizeof(**parts));
  if (*parts == NULL)
    die("out of memory");
  for (char *word = strtok_r(text, " ", &state); word != NULL;
       word = strtok_r(NULL, " ", &state))
    parse_part(&(*parts)[count++], word);
  return count;
}

void close_parts(zuv_msg_t *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
  free(parts);
}

static int is_pattern(const unsigned char *data, size_t size) {
  unsigned int value;

  if (size < PATTERN_MIN || data[0] >= PATTERN_PERIOD)
    return 0;
  value = data[0];
  for (size_t i = 0; i < size; i++) {
    if (data[i] != value)
      return 0;
    value = value + 1 == PATTERN_PERIOD ? 0 : value + 1;
  }
  return 1;
}

void print_bytes(const void *bytes, size_t size) {
  const unsigned char *data = bytes;

  if (size == 0)
    printf(" -");
  else if (is_pattern(data, size))
    printf(" *%zu.%d", size, data[0]);
  else if (size > HEX_MAX)
    printf(" ?%zu", size);
  else {
    putchar(' ');
    for (size_t i = 0; i < size; i++)
      printf("%02x", data[i]);
  }
}

void print_line_end(void) {
  putchar('\n');
  fflush(stdout);
}

void answer(int err) {
  if (err < 0)
    printf("error %s", zuv_err_name(err));
  else
    printf("ok");
  print_line_end();
}
