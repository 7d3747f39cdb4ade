/* One zuv socket in a process of its own, driven by the interop tests: it reads
 * a command a line on stdin and answers each on stdout with "ok ..." or
 * "error UV_E...". What happens in between is told by lines of their own:
 *
 *   user ID                      the next message is of this user
 *   message ID PART...           a message was received, from the peer ID
 *   sent STATUS                  a `send` has ended
 *   event NAME STATUS REASON ENDPOINT TYPE PEER-STATUS DELAY MECHANISM
 *   asked ...                    somebody wants to be let in: zuv_peer_auth.h
 *   ended NAME STATUS PART...    a `request` has ended, and what was replied
 *   flooded COUNT                a `flood` was taken to the last message
 *   counted COUNT | miscounted INDEX
 *                                what `expect` asked for is here, or is not
 *   closed                       the close callback ran
 *
 * zuv_peer_text.h tells how parts are written.
 *
 * The end of stdin ends the process, so that none outlives its test. It exits
 * with 0 if everything it made is gone by then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zuv.h"
#include "zuv_peer_auth.h"
#include "zuv_peer_text.h"

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
  const char *user_id = zuv_peer_user_id(peer);

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
  if (user_id != NULL) {
    printf("user");
    print_bytes(user_id, strlen(user_id));
    print_line_end();
  }
  printf("message");
  print_bytes(id, id_size);
  for (size_t i = 0; i < count; i++)
    print_bytes(zuv_msg_data(&parts[i]), zuv_msg_size(&parts[i]));
  print_line_end();
}

static void on_event(zuv_socket_t *socket, const zuv_event_t *event) {
  const char *mechanism =
      event->peer != NULL ? zuv_peer_mechanism(event->peer) : "";

  (void)socket;
  printf("event ");
  for (const char *at = zuv_event_name(event->type); *at != '\0'; at++)
    putchar(*at == ' ' ? '-' : *at);
  printf(" %s %d %s %d %d %lu %s",
         event->status < 0 ? zuv_err_name(event->status) : "0", event->reason,
         *event->endpoint != '\0' ? event->endpoint : "-",
         event->peer != NULL ? zuv_peer_type(event->peer) : -1,
         event->peer_status, (unsigned long)event->delay_ms,
         *mechanism != '\0' ? mechanism : "-");
  print_line_end();
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

typedef struct {
  zuv_request_t request; /* first */
  char name[32];
} named_request_t;

static void on_request_ended(zuv_request_t *request, int status,
                             zuv_msg_t *parts, size_t count, zuv_peer_t *peer) {
  named_request_t *named = (named_request_t *)request;

  (void)peer;
  printf("ended %s %s", named->name, status < 0 ? zuv_err_name(status) : "0");
  for (size_t i = 0; i < count; i++)
    print_bytes(zuv_msg_data(&parts[i]), zuv_msg_size(&parts[i]));
  print_line_end();
  free(named);
}

/* NAME MILLISECONDS PART...: a request */
static void do_request(char *text) {
  named_request_t *named = calloc(1, sizeof(*named));
  unsigned long timeout_ms;
  zuv_msg_t *parts;
  size_t count;
  int err;

  if (named == NULL)
    die("out of memory");
  snprintf(named->name, sizeof(named->name), "%s", next_word(&text));
  timeout_ms = strtoul(next_word(&text), NULL, 10);
  count = parse_parts(text, &parts);
  err = zuv_request(&named->request, &zuv, parts, count, timeout_ms,
                    on_request_ended);
  if (err != 0)
    free(named);
  answer(err);
  close_parts(parts, count);
}

/* late replies, messages and bytes out, messages and bytes in, peers */
static void do_stats(char *text) {
  zuv_stats_t stats;
  int err = zuv_socket_stats(&zuv, &stats);

  (void)text;
  if (err != 0) {
    answer(err);
    return;
  }
  printf("ok %lu %lu %lu %lu %lu %lu", (unsigned long)stats.late_replies,
         (unsigned long)stats.messages_out, (unsigned long)stats.bytes_out,
         (unsigned long)stats.messages_in, (unsigned long)stats.bytes_in,
         (unsigned long)stats.peers);
  print_line_end();
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

static void do_auth(char *text) {
  auth_command(&zuv, text);
}

static void do_auth_answer(char *text) {
  auth_answer(text);
}

static void do_zap(char *text) {
  zap_command(&loop, text);
}

static void do_close(char *text) {
  (void)text;
  answer(0);
  if (flood.count > 0)
    end_flood();
  auth_close();
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
    {"auth", do_auth},       {"auth-answer", do_auth_answer},
    {"zap", do_zap},         {"close", do_close},
    {"request", do_request}, {"stats", do_stats},
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
