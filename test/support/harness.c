#include "support/harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/harness_text.h"

harness_transport_t harness_transport = HARNESS_TCP;

bool harness_is_inproc(void) {
  return harness_transport == HARNESS_INPROC ||
         harness_transport == HARNESS_INPROC_CONNECT_FIRST;
}

bool harness_is_tcp(void) {
  return harness_transport == HARNESS_TCP;
}

bool harness_take_arguments(int argc, char **argv) {
  static const char *const names[] = {"tcp", "ipc", "ipc-abstract", "inproc",
                                      "inproc-connect-first"};

  if (argc < 2)
    return true;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(argv[1], names[i]) == 0) {
      harness_transport = (harness_transport_t)i;
      return true;
    }
  }
  fprintf(stderr, "unknown transport: %s\n", argv[1]);
  return false;
}

/* ---- Life ---- */

void harness_init(harness_t *h) {
  memset(h, 0, sizeof(*h));
  assert_int_equal(uv_loop_init(&h->loop), 0);
  assert_int_equal(uv_timer_init(&h->loop, &h->deadline), 0);
  assert_int_equal(zuv_context_init(&h->own_context), 0);
  h->context = &h->own_context;
}

static void remove_directory(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  char file[sizeof(((harness_t *)0)->directory) + 256 + 2];

  if (directory == NULL)
    return;
  while ((entry = readdir(directory)) != NULL) {
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    unlink(file);
  }
  closedir(directory);
  rmdir(path);
}

static void message_free(harness_message_t *message) {
  for (size_t i = 0; i < message->count; i++)
    free(message->parts[i].data);
  free(message->parts);
  free(message->text);
}

static void socket_free(harness_socket_t *s) {
  harness_forget_messages(s);
  free(s->messages);
  free(s->events);
  free(s);
}

static bool all_closed(const harness_t *h) {
  for (size_t i = 0; i < h->socket_count; i++) {
    if (!h->sockets[i]->closed)
      return false;
  }
  return true;
}

void harness_finish(harness_t *h) {
  for (size_t i = 0; i < h->socket_count; i++) {
    harness_socket_t *s = h->sockets[i];
    if (s->closed)
      continue;
    if (!s->closing)
      harness_set(s, ZUV_LINGER, 0);
    harness_close_begin(s);
  }
  /* Sockets that lingered before get no more time either. */
  zuv_close_all(&h->loop);
  harness_wait(h, all_closed(h));
  assert_int_equal(zuv_context_destroy(&h->own_context), 0);
  uv_close((uv_handle_t *)&h->deadline, NULL);
  while (uv_run(&h->loop, UV_RUN_DEFAULT) != 0)
    continue;
  assert_int_equal(uv_loop_close(&h->loop), 0);
  for (size_t i = 0; i < h->socket_count; i++)
    socket_free(h->sockets[i]);
  for (size_t i = 0; i < h->reserved_count; i++)
    close(h->reserved[i]);
  if (h->directory[0] != '\0')
    remove_directory(h->directory);
}

int harness_setup(void **state) {
  harness_t *h = malloc(sizeof(*h));

  if (h == NULL)
    return -1;
  harness_init(h);
  *state = h;
  return 0;
}

int harness_teardown(void **state) {
  harness_finish(*state);
  free(*state);
  return 0;
}

/* ---- The loop ---- */

static void on_deadline(uv_timer_t *timer) {
  ((harness_t *)timer->data)->expired = true;
}

static void deadline_start(harness_t *h, uint64_t ms) {
  h->expired = false;
  h->deadline.data = h;
  uv_update_time(&h->loop);
  uv_timer_start(&h->deadline, on_deadline, ms, 0);
}

void harness_wait_begin(harness_t *h) {
  deadline_start(h, HARNESS_DEADLINE_MS);
}

void harness_wait_step(harness_t *h, const char *condition, const char *file,
                       int line) {
  if (h->expired) {
    print_error("%s:%d: waited in vain for: %s\n", file, line, condition);
    _fail(file, line);
  }
  uv_run(&h->loop, UV_RUN_ONCE);
}

void harness_wait_end(harness_t *h) {
  uv_timer_stop(&h->deadline);
}

void harness_run_for(harness_t *h, uint64_t ms) {
  deadline_start(h, ms);
  while (!h->expired)
    uv_run(&h->loop, UV_RUN_ONCE);
}

void harness_settle(harness_t *h) {
  harness_run_for(h, HARNESS_QUIET_MS);
}

uint64_t harness_now_ms(void) {
  return uv_hrtime() / 1000000;
}

/* ---- Collecting ---- */

static void *grown(void *array, size_t *room, size_t used, size_t size) {
  if (used < *room)
    return array;
  *room = *room == 0 ? 16 : *room * 2;
  array = realloc(array, *room * size);
  assert_non_null(array);
  return array;
}

static void copy_part(harness_part_t *to, zuv_msg_t *from) {
  to->size = zuv_msg_size(from);
  to->data = calloc(1, to->size + 1);
  assert_non_null(to->data);
  if (to->size > 0)
    memcpy(to->data, zuv_msg_data(from), to->size);
}

static void copy_peer(harness_message_t *to, const zuv_peer_t *peer) {
  const void *routing_id;
  size_t size = 0;

  to->peer_type = -2;
  if (peer == NULL)
    return;
  to->peer_type = zuv_peer_type(peer);
  snprintf(to->peer_address, sizeof(to->peer_address), "%s",
           zuv_peer_address(peer));
  snprintf(to->peer_endpoint, sizeof(to->peer_endpoint), "%s",
           zuv_peer_endpoint(peer));
  snprintf(to->peer_mechanism, sizeof(to->peer_mechanism), "%s",
           zuv_peer_mechanism(peer));
  routing_id = zuv_peer_routing_id(peer, &size);
  harness_escape(routing_id, size, to->peer_routing_id,
                 sizeof(to->peer_routing_id));
}

static void on_message(zuv_socket_t *zuv, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  harness_socket_t *s = (harness_socket_t *)zuv;
  harness_message_t *message;

  s->messages =
      grown(s->messages, &s->messages_room, s->received, sizeof(*s->messages));
  message = &s->messages[s->received++];
  memset(message, 0, sizeof(*message));
  message->count = count;
  message->parts = calloc(count, sizeof(*message->parts));
  assert_non_null(message->parts);
  for (size_t i = 0; i < count; i++)
    copy_part(&message->parts[i], &parts[i]);
  copy_peer(message, peer);
  message->text = harness_message_text(message->parts, count);
}

static void on_event(zuv_socket_t *zuv, const zuv_event_t *event) {
  harness_socket_t *s = (harness_socket_t *)zuv;
  harness_event_t *copy;

  s->events =
      grown(s->events, &s->events_room, s->happened, sizeof(*s->events));
  copy = &s->events[s->happened++];
  memset(copy, 0, sizeof(*copy));
  copy->type = event->type;
  copy->status = event->status;
  copy->reason = event->reason;
  copy->delay_ms = event->delay_ms;
  copy->count = event->count;
  copy->time_ms = harness_now_ms();
  copy->peer_type = event->peer == NULL ? -2 : zuv_peer_type(event->peer);
  copy->peer_status = event->peer_status;
  copy->fd = event->fd;
  copy->connecting = event->connecting;
  snprintf(copy->endpoint, sizeof(copy->endpoint), "%s", event->endpoint);
  snprintf(copy->local, sizeof(copy->local), "%s", event->local);
  snprintf(copy->remote, sizeof(copy->remote), "%s", event->remote);
  snprintf(copy->address, sizeof(copy->address), "%s", event->address);
  if (event->type == ZUV_EVENT_DROPPED)
    s->dropped += event->count;
}

size_t harness_events(const harness_socket_t *s, zuv_event_type type) {
  size_t count = 0;

  for (size_t i = 0; i < s->happened; i++)
    count += s->events[i].type == type;
  return count;
}

const harness_event_t *harness_event(const harness_socket_t *s,
                                     zuv_event_type type, size_t index) {
  for (size_t i = 0; i < s->happened; i++) {
    if (s->events[i].type == type && index-- == 0)
      return &s->events[i];
  }
  return NULL;
}

void harness_forget_events(harness_socket_t *s) {
  s->happened = 0;
}

void harness_forget_first(harness_socket_t *s) {
  message_free(&s->messages[0]);
  s->received--;
  memmove(&s->messages[0], &s->messages[1],
          s->received * sizeof(s->messages[0]));
}

void harness_forget_messages(harness_socket_t *s) {
  for (size_t i = 0; i < s->received; i++)
    message_free(&s->messages[i]);
  s->received = 0;
}

/* ---- Sockets ---- */

harness_socket_t *harness_deaf_socket(harness_t *h, int type) {
  harness_socket_t *s = calloc(1, sizeof(*s));

  assert_non_null(s);
  assert_true(h->socket_count < HARNESS_SOCKETS_MAX);
  s->harness = h;
  assert_int_equal(zuv_socket_init(h->context, &h->loop, &s->zuv, type), 0);
  h->sockets[h->socket_count++] = s;
  assert_int_equal(zuv_event_start(&s->zuv, on_event), 0);
  return s;
}

harness_socket_t *harness_socket(harness_t *h, int type) {
  harness_socket_t *s = harness_deaf_socket(h, type);

  if (type != ZUV_PUB && type != ZUV_PUSH)
    harness_receive(s);
  return s;
}

void harness_set(harness_socket_t *s, int option, int value) {
  assert_int_equal(zuv_set_int(&s->zuv, option, value), 0);
}

void harness_set_text(harness_socket_t *s, int option, const char *text) {
  assert_int_equal(zuv_set_option(&s->zuv, option, text, strlen(text)), 0);
}

int harness_get(harness_socket_t *s, int option) {
  int value = -1;
  size_t size = sizeof(value);

  assert_int_equal(zuv_get_option(&s->zuv, option, &value, &size), 0);
  assert_int_equal(size, sizeof(value));
  return value;
}

void harness_subscribe(harness_socket_t *s, const char *topic) {
  harness_set_text(s, ZUV_SUBSCRIBE, topic);
}

void harness_unsubscribe(harness_socket_t *s, const char *topic) {
  harness_set_text(s, ZUV_UNSUBSCRIBE, topic);
}

void harness_receive(harness_socket_t *s) {
  assert_int_equal(zuv_recv_start(&s->zuv, on_message), 0);
}

void harness_stop_receiving(harness_socket_t *s) {
  assert_int_equal(zuv_recv_stop(&s->zuv), 0);
}

static void on_closed(zuv_socket_t *zuv) {
  ((harness_socket_t *)zuv)->closed = true;
}

void harness_close_begin(harness_socket_t *s) {
  s->closing = true;
  zuv_close(&s->zuv, on_closed);
}

void harness_close(harness_socket_t *s) {
  harness_close_begin(s);
  harness_wait(s->harness, s->closed);
}

/* ---- Endpoints ---- */

/* Bound but not listening: the port refuses, and nobody else gets it. */
static int reserve_port(harness_t *h) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;

  assert_true(fd >= 0);
  assert_true(h->reserved_count < HARNESS_RESERVED_MAX);
  h->reserved[h->reserved_count++] = fd;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
                   0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  return ntohs(address.sin_port);
}

static const char *ipc_directory(harness_t *h) {
  if (h->directory[0] == '\0') {
    snprintf(h->directory, sizeof(h->directory), "/tmp/zuv-test-XXXXXX");
    assert_non_null(mkdtemp(h->directory));
  }
  return h->directory;
}

void harness_fresh_endpoint(harness_t *h, char *text) {
  unsigned number = h->name_count++;

  switch (harness_transport) {
    case HARNESS_TCP:
      snprintf(text, HARNESS_TEXT_MAX, "tcp://127.0.0.1:%d", reserve_port(h));
      break;
    case HARNESS_IPC:
      snprintf(text, HARNESS_TEXT_MAX, "ipc://%s/%u", ipc_directory(h), number);
      break;
    case HARNESS_IPC_ABSTRACT:
      snprintf(text, HARNESS_TEXT_MAX, "ipc://@zuv-test-%d-%p-%u",
               (int)getpid(), (void *)h, number);
      break;
    case HARNESS_INPROC:
    case HARNESS_INPROC_CONNECT_FIRST:
      snprintf(text, HARNESS_TEXT_MAX, "inproc://name-%u", number);
      break;
  }
}

void harness_last_endpoint(harness_socket_t *s, char *text) {
  size_t size = HARNESS_TEXT_MAX;

  assert_int_equal(zuv_get_option(&s->zuv, ZUV_LAST_ENDPOINT, text, &size), 0);
}

void harness_bind(harness_socket_t *s, char *text) {
  if (harness_is_tcp())
    snprintf(text, HARNESS_TEXT_MAX, "tcp://127.0.0.1:*");
  else
    harness_fresh_endpoint(s->harness, text);
  assert_int_equal(zuv_bind(&s->zuv, text), 0);
  harness_last_endpoint(s, text);
}

void harness_connect(harness_socket_t *s, const char *text) {
  assert_int_equal(zuv_connect(&s->zuv, text), 0);
}

void harness_join(harness_socket_t *binder, harness_socket_t *connecter,
                  char *text) {
  size_t binder_ready = harness_events(binder, ZUV_EVENT_READY);
  size_t connecter_ready = harness_events(connecter, ZUV_EVENT_READY);
  char endpoint[HARNESS_TEXT_MAX];

  if (harness_transport == HARNESS_INPROC_CONNECT_FIRST) {
    harness_fresh_endpoint(binder->harness, endpoint);
    harness_connect(connecter, endpoint);
    assert_int_equal(zuv_bind(&binder->zuv, endpoint), 0);
  } else {
    harness_bind(binder, endpoint);
    harness_connect(connecter, endpoint);
  }
  harness_wait_ready(binder, binder_ready + 1);
  harness_wait_ready(connecter, connecter_ready + 1);
  if (text != NULL)
    snprintf(text, HARNESS_TEXT_MAX, "%s", endpoint);
}

void harness_wait_ready(harness_socket_t *s, size_t count) {
  if (!harness_is_inproc())
    harness_wait_event(s, ZUV_EVENT_READY, count);
}

void harness_wait_lost(harness_socket_t *s, size_t count) {
  if (harness_is_inproc())
    harness_settle(s->harness);
  else
    harness_wait_event(s, ZUV_EVENT_DISCONNECTED, count);
}

/* ---- Sending ---- */

int harness_try_send(harness_socket_t *s, const char *text) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  size_t count = harness_parts(text, parts);
  int err = zuv_try_send(&s->zuv, parts, count);

  harness_parts_close(parts, count);
  return err;
}

void harness_send(harness_socket_t *s, const char *text) {
  int err = harness_try_send(s, text);

  if (err != 0)
    print_error("sending \"%s\": %s\n", text, zuv_err_name(err));
  assert_int_equal(err, 0);
}

void harness_send_waiting(harness_socket_t *s, const char *text) {
  int err = UV_EAGAIN;

  harness_wait(s->harness, (err = harness_try_send(s, text)) != UV_EAGAIN);
  assert_int_equal(err, 0);
}

int harness_try_send_size(harness_socket_t *s, size_t size, char byte) {
  zuv_msg_t part;
  int err;

  assert_int_equal(zuv_msg_init_size(&part, size), 0);
  memset(zuv_msg_data(&part), byte, size);
  err = zuv_try_send(&s->zuv, &part, 1);
  zuv_msg_close(&part);
  return err;
}

size_t harness_fill(harness_socket_t *s, const char *prefix, size_t most) {
  char text[HARNESS_TEXT_MAX];
  size_t sent = 0;

  for (; sent < most; sent++) {
    snprintf(text, sizeof(text), "%s%zu", prefix, sent);
    if (harness_try_send(s, text) != 0)
      break;
  }
  return sent;
}

int harness_request(zuv_send_t *request, harness_socket_t *s, const char *text,
                    zuv_send_cb send_cb) {
  zuv_msg_t parts[HARNESS_PARTS_MAX];
  size_t count = harness_parts(text, parts);
  int err = zuv_send(request, &s->zuv, parts, count, send_cb);

  harness_parts_close(parts, count);
  return err;
}
