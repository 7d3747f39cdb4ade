/* Purpose: see zuv_peer_auth.h. What fails where nothing is to fail ends the
 * process. */
#include "zuv_peer_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zuv_peer_text.h"

enum { TEXT_MAX = 255, WAITING_MAX = 16 };

/* The frames of a request, without what the socket type puts in front. */
enum {
  ZAP_VERSION,
  ZAP_REQUEST_ID,
  ZAP_DOMAIN,
  ZAP_ADDRESS,
  ZAP_IDENTITY,
  ZAP_MECHANISM,
  ZAP_CREDENTIALS
};

typedef struct {
  int status; /* 200: allow; 0: later */
  char user_id[TEXT_MAX + 1];
} verdict_t;

static verdict_t verdict;
static zuv_auth_t *waiting[WAITING_MAX];
static size_t waiting_count;

static zuv_socket_t handler;
static int handler_is_open;
static char zap_status[TEXT_MAX + 1];
static char zap_user_id[TEXT_MAX + 1];

static void read_text(char *to, const char *text) {
  zuv_msg_t part;
  size_t size;

  parse_part(&part, text);
  size = zuv_msg_size(&part);
  if (size > TEXT_MAX)
    die("text is too long");
  memcpy(to, zuv_msg_data(&part), size);
  to[size] = '\0';
  zuv_msg_close(&part);
}

static verdict_t read_verdict(char *text) {
  const char *what = next_word(&text);
  verdict_t read = {.status = 200};

  if (strcmp(what, "deny") == 0)
    read.status = atoi(text);
  else if (strcmp(what, "later") == 0)
    read.status = 0;
  else if (strcmp(what, "allow") != 0)
    die("unknown verdict");
  else if (*text != '\0')
    read_text(read.user_id, text);
  return read;
}

static int judge(zuv_auth_t *request, const verdict_t *by) {
  if (by->status != 200)
    return zuv_auth_deny(request, by->status);
  return zuv_auth_allow(request, *by->user_id != '\0' ? by->user_id : NULL);
}

static const char *mechanism_name(int mechanism) {
  static const char *const names[] = {"NULL", "PLAIN", "CURVE"};

  if (mechanism < 0 || mechanism > ZUV_CURVE)
    die("unknown mechanism");
  return names[mechanism];
}

static void on_auth(zuv_socket_t *socket, zuv_auth_t *request) {
  int err;

  (void)socket;
  printf("asked %s", mechanism_name(request->mechanism));
  print_bytes(request->domain, strlen(request->domain));
  print_bytes(request->address, strlen(request->address));
  print_bytes(request->routing_id, request->routing_id_size);
  print_bytes(request->username, request->username_size);
  print_bytes(request->password, request->password_size);
  print_bytes(request->public_key,
              request->public_key != NULL ? ZUV_CURVE_KEY_SIZE : 0);
  print_line_end();
  if (verdict.status != 0) {
    err = judge(request, &verdict);
    if (err != UV_ECANCELED)
      must(err, "verdict");
    return;
  }
  if (waiting_count == WAITING_MAX)
    die("too many wait");
  waiting[waiting_count++] = request;
}

void auth_command(zuv_socket_t *socket, char *text) {
  if (strcmp(text, "stop") == 0) {
    answer(zuv_auth_stop(socket));
    return;
  }
  verdict = read_verdict(text);
  answer(zuv_auth_start(socket, on_auth));
}

static int judge_first(const verdict_t *by) {
  zuv_auth_t *first = waiting[0];

  waiting_count--;
  memmove(waiting, waiting + 1, waiting_count * sizeof(*waiting));
  return judge(first, by);
}

void auth_answer(char *text) {
  verdict_t read = read_verdict(text);

  if (waiting_count == 0)
    die("nobody waits");
  answer(judge_first(&read));
}

/* ---- The handler ---- */

static void print_part(zuv_msg_t *part) {
  print_bytes(zuv_msg_data(part), zuv_msg_size(part));
}

static void print_request(zuv_msg_t *parts, size_t count) {
  static const int order[] = {ZAP_DOMAIN, ZAP_ADDRESS, ZAP_IDENTITY};
  zuv_msg_t *mechanism = &parts[ZAP_MECHANISM];
  int is_curve = zuv_msg_size(mechanism) == 5 &&
                 memcmp(zuv_msg_data(mechanism), "CURVE", 5) == 0;

  printf("asked %.*s", (int)zuv_msg_size(mechanism),
         (const char *)zuv_msg_data(mechanism));
  for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
    print_part(&parts[order[i]]);
  if (is_curve)
    printf(" - -");
  for (size_t i = ZAP_CREDENTIALS; i < count; i++)
    print_part(&parts[i]);
  if (!is_curve && count > ZAP_CREDENTIALS)
    printf(" -");
  else if (!is_curve)
    printf(" - - -");
  print_line_end();
}

static void reply(zuv_msg_t *envelope, size_t envelope_count,
                  zuv_msg_t *request) {
  enum { ENVELOPE_MAX = 2, REPLY_COUNT = 6 };
  zuv_msg_t parts[ENVELOPE_MAX + REPLY_COUNT];
  zuv_msg_t *body = parts + envelope_count;
  int err;

  for (size_t i = 0; i < envelope_count; i++) {
    zuv_msg_init(&parts[i]);
    must(zuv_msg_copy(&parts[i], &envelope[i]), "envelope");
  }
  zuv_msg_init_const(&body[0], "1.0", 3);
  zuv_msg_init(&body[1]);
  must(zuv_msg_copy(&body[1], &request[ZAP_REQUEST_ID]), "request id");
  zuv_msg_init_view(&body[2], zap_status, strlen(zap_status));
  zuv_msg_init(&body[3]);
  zuv_msg_init_view(&body[4], zap_user_id, strlen(zap_user_id));
  zuv_msg_init(&body[5]);
  err = zuv_try_send(&handler, parts, envelope_count + REPLY_COUNT);
  for (size_t i = 0; i < envelope_count + REPLY_COUNT; i++)
    zuv_msg_close(&parts[i]);
  must(err, "reply");
}

/* A ROUTER sees the asking peer's id and the delimiter in front. */
static void on_request(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  size_t envelope_count = socket->type == ZUV_ROUTER ? 2 : 0;

  (void)peer;
  if (count < envelope_count + ZAP_CREDENTIALS)
    die("short request");
  print_request(parts + envelope_count, count - envelope_count);
  reply(parts, envelope_count, parts + envelope_count);
}

void zap_command(uv_loop_t *loop, char *text) {
  const char *type = next_word(&text);
  const char *status = next_word(&text);
  int err = 0;

  snprintf(zap_status, sizeof(zap_status), "%s", status);
  zap_user_id[0] = '\0';
  if (*text != '\0')
    read_text(zap_user_id, text);
  if (!handler_is_open) {
    must(zuv_socket_init(NULL, loop, &handler,
                         strcmp(type, "REP") == 0 ? ZUV_REP : ZUV_ROUTER),
         "handler");
    handler_is_open = 1;
    must(zuv_recv_start(&handler, on_request), "handler");
    err = zuv_bind(&handler, "inproc://zeromq.zap.01");
  }
  answer(err);
}

void auth_close(void) {
  static const verdict_t no = {.status = 500};

  while (waiting_count > 0) {
    int err = judge_first(&no);
    if (err != UV_ECANCELED)
      must(err, "verdict");
  }
  if (handler_is_open)
    zuv_close(&handler, NULL);
  handler_is_open = 0;
}
