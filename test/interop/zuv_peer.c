/* One zuv socket in a process of its own, driven by the interop tests: it reads
 * a command a line on stdin and answers each on stdout with "ok ..." or
 * "error UV_E...". What happens in between is told by lines of their own:
 *
 *   message ID PART...           a message was received, from the peer ID
 *   sent STATUS                  a `send` has ended
 *   event NAME STATUS REASON ENDPOINT TYPE
 *   flooded COUNT                a `flood` was taken to the last message
 *   counted COUNT | miscounted INDEX
 *                                what `expect` asked for is here, or is not
 *   closed                       the close callback ran
 *
 * A part is written in hex, "-" if it is empty, and "*SIZE.SEED" if it holds
 * SIZE bytes of which byte i is (SEED + i) % 251.
 *
 * The end of stdin ends the process, so that none outlives its test. It exits
 * with 0 if everything it made is gone by then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zuv.h"

enum { PATTERN_PERIOD = 251, PATTERN_MIN = 33, HEX_MAX = 100000 };

typedef struct {
  unsigned long next;
  unsigned long count;
  size_t size;
  zuv_msg_t *prefix;
  size_t prefix_count;
} flood_t;

static uv_loop_t loop;
static zuv_socket_t zuv;
static uv_pipe_t input;
static char *line;
static size_t line_size;
static size_t line_room;
static flood_t flood;
static unsigned long expected;
static unsigned long counted;
static int echo;

static void die(const char *what) {
  fprintf(stderr, "zuv_peer: %s\n", what);
  exit(2);
}

static void must(int err, const char *what) {
  if (err == 0)
    return;
  fprintf(stderr, "zuv_peer: %s: %s\n", what, zuv_err_name(err));
  exit(2);
}

/* ---- Parts as text ---- */

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

static void parse_part(zuv_msg_t *part, const char *text) {
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

static size_t parse_parts(char *text, zuv_msg_t **parts) {
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

static void print_bytes(const unsigned char *data, size_t size) {
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

static void print_line_end(void) {
  putchar('\n');
  fflush(stdout);
}

static void answer(int err) {
  if (err < 0)
    printf("error %s", zuv_err_name(err));
  else
    printf("ok");
  print_line_end();
}

/* ---- What the socket tells ---- */

static void on_sent(zuv_send_t *request, int status) {
  printf("sent %s", status < 0 ? zuv_err_name(status) : "0");
  print_line_end();
  free(request);
}

static void on_echoed(zuv_send_t *request, int status) {
  if (status != 0 && status != UV_ECANCELED)
    on_sent(request, status);
  else
    free(request);
}

static int send_parts(zuv_msg_t *parts, size_t count, zuv_send_cb send_cb) {
  zuv_send_t *request = calloc(1, sizeof(*request));
  int err;

  if (request == NULL)
    die("out of memory");
  err = zuv_send(request, &zuv, parts, count, send_cb);
  if (err != 0)
    free(request);
  return err;
}

/* The messages of a flood carry their number in the first four bytes of the
 * last part. */
static void count_message(zuv_msg_t *last) {
  const unsigned char *data = zuv_msg_data(last);
  unsigned long number = 0;

  if (zuv_msg_size(last) < 4)
    return;
  for (int i = 0; i < 4; i++)
    number = number << 8 | data[i];
  if (number != counted) {
    printf("miscounted %lu", counted);
    print_line_end();
    expected = 0;
    return;
  }
  if (++counted == expected) {
    printf("counted %lu", counted);
    print_line_end();
    expected = 0;
  }
}

static void on_message(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  size_t id_size;
  const void *id = zuv_peer_routing_id(peer, &id_size);

  (void)socket;
  if (echo) {
    int err = send_parts(parts, count, on_echoed);
    if (err != 0)
      answer(err);
    return;
  }
  if (expected > 0) {
    count_message(&parts[count - 1]);
    return;
  }
  printf("message");
  print_bytes(id, id_size);
  for (size_t i = 0; i < count; i++)
    print_bytes(zuv_msg_data(&parts[i]), zuv_msg_size(&parts[i]));
  print_line_end();
}

static void on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  (void)socket;
  printf("event ");
  for (const char *at = zuv_event_name(event->type); *at != '\0'; at++)
    putchar(*at == ' ' ? '-' : *at);
  printf(" %s %d %s %d", event->status < 0 ? zuv_err_name(event->status) : "0",
         event->reason, *event->endpoint != '\0' ? event->endpoint : "-",
         event->peer != NULL ? zuv_peer_type(event->peer) : -1);
  print_line_end();
}

static void close_parts(zuv_msg_t *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
  free(parts);
}

static void end_flood(void) {
  printf("flooded %lu", flood.next);
  print_line_end();
  zuv_writable_stop(&zuv);
  close_parts(flood.prefix, flood.prefix_count);
  memset(&flood, 0, sizeof(flood));
}

static int send_flooding(void) {
  size_t count = flood.prefix_count;
  zuv_msg_t *parts = calloc(count + 1, sizeof(*parts));
  unsigned char *data;
  int err;

  if (parts == NULL)
    die("out of memory");
  for (size_t i = 0; i < count; i++)
    must(zuv_msg_copy(&parts[i], &flood.prefix[i]), "message");
  must(zuv_msg_init_size(&parts[count], flood.size), "message");
  data = zuv_msg_data(&parts[count]);
  memset(data, 'x', flood.size);
  for (int i = 0; i < 4; i++)
    data[i] = (unsigned char)(flood.next >> (24 - 8 * i));
  err = zuv_try_send(&zuv, parts, count + 1);
  close_parts(parts, count + 1);
  return err;
}

/* A REQ goes on when the reply is here: UV_EPROTO until then. */
static void on_writable(zuv_socket_t *socket) {
  (void)socket;
  while (flood.next < flood.count) {
    int err = send_flooding();
    if (err == UV_EAGAIN || err == UV_EPROTO)
      return;
    must(err, "flood");
    flood.next++;
  }
  end_flood();
}

static void on_closed(zuv_socket_t *socket) {
  (void)socket;
  printf("closed");
  print_line_end();
}

/* ---- Commands ---- */

static char *next_word(char **text) {
  char *word = strsep(text, " ");

  if (*text == NULL)
    *text = word + strlen(word);
  return word;
}

static void do_bind(char *text) {
  char endpoint[256];
  size_t size = sizeof(endpoint);
  int err = zuv_bind(&zuv, text);

  if (err == 0)
    err = zuv_get_option(&zuv, ZUV_LAST_ENDPOINT, endpoint, &size);
  if (err != 0) {
    answer(err);
    return;
  }
  printf("ok %s", endpoint);
  print_line_end();
}

static void do_unbind(char *text) {
  answer(zuv_unbind(&zuv, text));
}

static void do_connect(char *text) {
  answer(zuv_connect(&zuv, text));
}

static void do_disconnect(char *text) {
  answer(zuv_disconnect(&zuv, text));
}

static void do_set_int(char *text) {
  int option = atoi(next_word(&text));

  answer(zuv_set_int(&zuv, option, atoi(text)));
}

static void do_set_bytes(char *text) {
  int option = atoi(next_word(&text));
  zuv_msg_t value;

  parse_part(&value, text);
  answer(
      zuv_set_option(&zuv, option, zuv_msg_data(&value), zuv_msg_size(&value)));
  zuv_msg_close(&value);
}

static void send_now_or_later(char *text, int now) {
  zuv_msg_t *parts;
  size_t count = parse_parts(text, &parts);

  answer(now ? zuv_try_send(&zuv, parts, count)
             : send_parts(parts, count, on_sent));
  close_parts(parts, count);
}

static void do_send(char *text) {
  send_now_or_later(text, 0);
}

static void do_try(char *text) {
  send_now_or_later(text, 1);
}

/* COUNT SIZE [PART...]: so many numbered messages, behind the parts given. */
static void do_flood(char *text) {
  flood.count = strtoul(next_word(&text), NULL, 10);
  flood.size = strtoul(next_word(&text), NULL, 10);
  flood.prefix_count = parse_parts(text, &flood.prefix);
  answer(zuv_writable_start(&zuv, on_writable));
}

/* COUNT: check so many numbered messages instead of printing them. */
static void do_expect(char *text) {
  expected = strtoul(text, NULL, 10);
  counted = 0;
  answer(0);
}

static void do_echo(char *text) {
  echo = atoi(text);
  answer(0);
}

static void do_receive(char *text) {
  answer(atoi(text) ? zuv_recv_start(&zuv, on_message) : zuv_recv_stop(&zuv));
}

static void do_close(char *text) {
  (void)text;
  answer(0);
  if (flood.count > 0)
    end_flood();
  zuv_close(&zuv, on_closed);
  if (!uv_is_closing((uv_handle_t *)&input))
    uv_close((uv_handle_t *)&input, NULL);
}

static const struct {
  const char *name;
  void (*run)(char *text);
} commands[] = {
    {"bind", do_bind},       {"unbind", do_unbind},
    {"connect", do_connect}, {"disconnect", do_disconnect},
    {"set-int", do_set_int}, {"set-bytes", do_set_bytes},
    {"send", do_send},       {"try", do_try},
    {"flood", do_flood},     {"expect", do_expect},
    {"echo", do_echo},       {"receive", do_receive},
    {"close", do_close},
};

static void run_command(char *text) {
  const char *name = next_word(&text);

  for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
    if (strcmp(commands[i].name, name) == 0) {
      commands[i].run(text);
      return;
    }
  }
  die("unknown command");
}

/* ---- Input ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  if (line_room - line_size < suggested + 1) {
    line_room = 2 * line_room + suggested + 1;
    line = realloc(line, line_room);
    if (line == NULL)
      die("out of memory");
  }
  *buffer = uv_buf_init(line + line_size, (unsigned int)suggested);
}

static void on_input(uv_stream_t *stream, ssize_t size,
                     const uv_buf_t *unused) {
  char *from = line;
  char *end;

  (void)stream;
  (void)unused;
  if (size < 0) {
    zuv_set_int(&zuv, ZUV_LINGER, 0);
    do_close(NULL);
    return;
  }
  line_size += (size_t)size;
  while ((end = memchr(from, '\n', line_size - (size_t)(from - line))) !=
         NULL) {
    *end = '\0';
    run_command(from);
    from = end + 1;
  }
  line_size -= (size_t)(from - line);
  memmove(line, from, line_size);
}

static int type_of(const char *name) {
  static const char *const names[] = {"PAIR", "PUB",    "SUB",    "REQ",
                                      "REP",  "DEALER", "ROUTER", "PULL",
                                      "PUSH", "XPUB",   "XSUB",   "STREAM"};

  for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
    if (strcmp(names[i], name) == 0)
      return i;
  die("unknown socket type");
  return -1;
}

int main(int argc, char **argv) {
  int err;

  if (argc != 2)
    die("usage: zuv_peer SOCKET-TYPE");
  must(uv_loop_init(&loop), "loop");
  must(zuv_socket_init(NULL, &loop, &zuv, type_of(argv[1])), "socket");
  must(zuv_event_start(&zuv, on_event), "events");
  err = zuv_recv_start(&zuv, on_message);
  if (err != UV_ENOTSUP)
    must(err, "receive");
  must(uv_pipe_init(&loop, &input, 0), "stdin");
  must(uv_pipe_open(&input, 0), "stdin");
  must(uv_read_start((uv_stream_t *)&input, on_alloc, on_input), "stdin");
  uv_run(&loop, UV_RUN_DEFAULT);
  free(line);
  must(uv_loop_close(&loop), "something is left on the loop");
  return 0;
}
