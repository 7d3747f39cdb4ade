/* Requests with a time-out, many at a time: a client (DEALER) asks a server
 * (ROUTER) for squares, for answers that come too late or just in time, and at
 * last to be sent away.
 *
 *   requests [COUNT]     squares of 1 to COUNT, 5 if not said otherwise */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

enum { SLOW_MS = 200, IMPATIENT_MS = 50, PATIENT_MS = 10000 };

typedef struct {
  zuv_request_t request; /* first; request.data is not needed */
  char question[32];
} question_t;

/* A reply that the server gives later: id of the peer, id of the request, an
 * empty part, body. */
typedef struct {
  uv_timer_t timer; /* first */
  zuv_msg_t parts[4];
} later_t;

static zuv_socket_t server;
static zuv_socket_t client;
static int squares = 5;
static int open_questions;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

static void *allocate(size_t size) {
  void *memory = calloc(1, size);

  if (memory == NULL)
    check(UV_ENOMEM);
  return memory;
}

/* ---- The server ---- */

static void on_timer_closed(uv_handle_t *timer) {
  free(timer);
}

static void on_time(uv_timer_t *timer) {
  later_t *later = (later_t *)timer;

  check(zuv_try_send(&server, later->parts, 4));
  uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void reply_later(zuv_msg_t *parts) {
  later_t *later = allocate(sizeof(*later));

  check(uv_timer_init(server.loop, &later->timer));
  check(uv_timer_start(&later->timer, on_time, SLOW_MS, 0));
  for (int i = 0; i < 4; i++) {
    zuv_msg_init(&later->parts[i]);
    check(zuv_msg_move(&later->parts[i], &parts[i]));
  }
}

/* The first three parts go back as they came. */
static void on_question(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                        zuv_peer_t *peer) {
  char text[32] = "";

  if (count != 4 || zuv_msg_size(&parts[3]) >= sizeof(text))
    return;
  memcpy(text, zuv_msg_data(&parts[3]), zuv_msg_size(&parts[3]));
  if (strcmp(text, "leave") == 0) {
    zuv_peer_close(peer);
  } else if (strncmp(text, "slow", 4) == 0) {
    reply_later(parts);
  } else {
    long number = strtol(text, NULL, 10);

    snprintf(text, sizeof(text), "%ld", number * number);
    zuv_msg_init_view(&parts[3], text, strlen(text));
    check(zuv_try_send(socket, parts, 4));
  }
}

/* ---- The client ---- */

static void ask(const char *text, uint64_t timeout_ms);

static void end(void) {
  zuv_stats_t stats;

  check(zuv_socket_stats(&client, &stats));
  printf("late replies: %" PRIu64 "\n", stats.late_replies);
  zuv_close_all(client.loop);
}

static void on_end(zuv_request_t *request, int status, zuv_msg_t *parts,
                   size_t count, zuv_peer_t *peer) {
  question_t *question = (question_t *)request;

  (void)peer;
  if (status == 0 && count == 1)
    printf("%s: \"%.*s\"\n", question->question, (int)zuv_msg_size(&parts[0]),
           (const char *)zuv_msg_data(&parts[0]));
  else
    printf("%s: %s\n", question->question, zuv_err_name(status));
  free(question);
  if (--open_questions == 1)
    ask("leave", PATIENT_MS);
  else if (open_questions == 0)
    end();
}

static void ask(const char *text, uint64_t timeout_ms) {
  question_t *question = allocate(sizeof(*question));
  zuv_msg_t part;

  snprintf(question->question, sizeof(question->question), "%s", text);
  zuv_msg_init_view(&part, text, strlen(text));
  check(zuv_request(&question->request, &client, &part, 1, timeout_ms, on_end));
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  char endpoint[64];
  size_t size = sizeof(endpoint);
  char text[32];

  if (argc > 1)
    squares = atoi(argv[1]);

  check(zuv_socket_init(NULL, loop, &server, ZUV_ROUTER));
  check(zuv_bind(&server, "tcp://127.0.0.1:*"));
  check(zuv_get_option(&server, ZUV_LAST_ENDPOINT, endpoint, &size));
  check(zuv_recv_start(&server, on_question));
  check(zuv_socket_init(NULL, loop, &client, ZUV_DEALER));
  check(zuv_connect(&client, endpoint));

  /* The last question, to leave, is asked when all others have an end. */
  open_questions = squares + 3;
  for (int i = 1; i <= squares; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ask(text, PATIENT_MS);
  }
  ask("slow, too slow", IMPATIENT_MS);
  ask("slow", PATIENT_MS);

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
