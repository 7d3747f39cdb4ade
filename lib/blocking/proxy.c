/* Proxies: messages go both ways between two sockets, until something fails or
 * the proxy is told to end. They fail with EFAULT without a socket at both
 * ends, ENOTSOCK, ETERM, EINTR, and whatever passing a message on fails with.
 *
 *   ACTIVE <--PAUSE, RESUME--> PAUSED
 *      \------ TERMINATE --------/---> ENDED */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "blocking/error.h"
#include "blocking/poll.h"
#include "blocking/socket.h"
#include "zmq.h"

/* One direction may not keep the other waiting for longer than this. */
enum { MESSAGES_PER_TURN = 1000 };

typedef enum { ACTIVE, PAUSED, ENDED } state_t;

typedef struct {
  uint64_t messages;
  uint64_t bytes;
} traffic_t;

typedef struct {
  zmq_pollitem_t *from;
  zmq_pollitem_t *to;
  bool held_up; /* there is input, but no room for it */
  traffic_t traffic;
} direction_t;

typedef struct {
  zmq_pollitem_t items[3]; /* frontend, backend, control */
  int item_count;
  direction_t directions[2]; /* from the frontend, from the backend */
  int direction_count;
  void *capture;
  state_t state;
} proxy_t;

/* ---- Passing on ---- */

/* What sending would fail with, it is to tell itself. */
static bool has_room(void *handle) {
  zmq__socket_t *socket = zmq__socket_of(handle);
  bool room;

  if (socket == NULL)
    return true;
  zmq__loop_enter(socket->loop);
  room = zmq__socket_events(socket, ZMQ_POLLOUT) != 0;
  zmq__loop_leave_quickly(socket->loop);
  return room;
}

static int copy_to(void *capture, zmq_msg_t *part, int flags) {
  zmq_msg_t copy;
  int rc;

  zmq_msg_init(&copy);
  rc = zmq_msg_copy(&copy, part);
  if (rc == 0)
    rc = zmq_msg_send(&copy, capture, flags);
  if (rc < 0) {
    int err = errno;
    zmq_msg_close(&copy);
    errno = err;
  }
  return rc;
}

/* Passes on the part and what follows it. */
static int pass_message(direction_t *direction, void *capture,
                        zmq_msg_t *part) {
  for (;;) {
    bool more = zmq_msg_more(part) != 0;
    int flags = more ? ZMQ_SNDMORE : 0;
    size_t size = zmq_msg_size(part);

    if (capture != NULL && copy_to(capture, part, flags) < 0)
      return -1;
    if (zmq_msg_send(part, direction->to->socket, flags) < 0)
      return -1;
    direction->traffic.bytes += size;
    if (!more)
      break;
    if (zmq_msg_recv(part, direction->from->socket, ZMQ_DONTWAIT) < 0)
      return -1;
  }
  direction->traffic.messages++;
  return 0;
}

/* A REP that owes an answer has no input either. */
static bool is_no_input(int error) {
  return error == EAGAIN || error == EFSM;
}

static int pass_messages(direction_t *direction, void *capture,
                         zmq_msg_t *part) {
  for (int i = 0; i < MESSAGES_PER_TURN; i++) {
    /* Of an echo the input makes the room, as with a REP. */
    direction->held_up = direction->to->socket != direction->from->socket &&
                         !has_room(direction->to->socket);
    if (direction->held_up)
      return 0;
    if (zmq_msg_recv(part, direction->from->socket, ZMQ_DONTWAIT) < 0)
      return is_no_input(errno) ? 0 : -1;
    if (pass_message(direction, capture, part) < 0)
      return -1;
  }
  return 0;
}

static void forget_sent(void *handle) {
  zmq__socket_t *socket = zmq__socket_of(handle);

  if (socket != NULL)
    zmq__parts_clear(&socket->outgoing);
}

/* Whoever begins another proxy must not pass on the rest of a message for a
 * whole one. */
static void give_up_message(const proxy_t *proxy,
                            const direction_t *direction) {
  zmq__socket_t *from = zmq__socket_of(direction->from->socket);

  if (from != NULL)
    zmq__receive_drop_rest(from);
  forget_sent(direction->to->socket);
  if (proxy->capture != NULL)
    forget_sent(proxy->capture);
}

static int serve(proxy_t *proxy, direction_t *direction) {
  zmq_msg_t part;
  int rc, err;

  if (!direction->held_up && (direction->from->revents & ZMQ_POLLIN) == 0)
    return 0;
  zmq_msg_init(&part);
  rc = pass_messages(direction, proxy->capture, &part);
  err = errno;
  if (rc < 0)
    give_up_message(proxy, direction);
  zmq_msg_close(&part);
  errno = err;
  return rc;
}

/* ---- Control ---- */

/* Some cannot be answered, or do not fetch their answers: that is no reason to
 * end, or to wait. */
static int reply(void *control, const void *data, size_t size, int flags) {
  if (zmq_send(control, data, size, flags | ZMQ_DONTWAIT) >= 0 ||
      errno == ENOTSUP || errno == EAGAIN || errno == EFSM)
    return 0;
  return -1;
}

static int reply_statistics(const proxy_t *proxy, void *control) {
  const traffic_t *forth = &proxy->directions[0].traffic;
  const traffic_t *back = &proxy->directions[1].traffic;
  const uint64_t numbers[] = {forth->messages, forth->bytes,   back->messages,
                              back->bytes,     back->messages, back->bytes,
                              forth->messages, forth->bytes};
  enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };

  for (int i = 0; i < COUNT; i++)
    if (reply(control, &numbers[i], sizeof(numbers[i]),
              i < COUNT - 1 ? ZMQ_SNDMORE : 0) < 0)
      return -1;
  return 0;
}

static bool is_command(zmq_msg_t *message, const char *name) {
  return zmq_msg_size(message) == strlen(name) &&
         memcmp(zmq_msg_data(message), name, strlen(name)) == 0;
}

static int obey(proxy_t *proxy, zmq__socket_t *control, zmq_msg_t *command) {
  if (is_command(command, "STATISTICS"))
    return reply_statistics(proxy, control);
  if (is_command(command, "PAUSE"))
    proxy->state = PAUSED;
  else if (is_command(command, "RESUME"))
    proxy->state = ACTIVE;
  else if (is_command(command, "TERMINATE"))
    proxy->state = ENDED;
  return control->type == ZMQ_REP ? reply(control, "", 0, 0) : 0;
}

/* A command has one part; any other message stands for none. */
static int receive_command(void *control, zmq_msg_t *command) {
  bool several = false;

  if (zmq_msg_recv(command, control, ZMQ_DONTWAIT) < 0)
    return -1;
  while (zmq_msg_more(command)) {
    several = true;
    if (zmq_msg_recv(command, control, ZMQ_DONTWAIT) < 0)
      return -1;
  }
  if (several) {
    zmq_msg_close(command);
    zmq_msg_init(command);
  }
  return 0;
}

static int serve_control(proxy_t *proxy) {
  void *control = proxy->items[2].socket;
  zmq_msg_t command;
  int rc, err;

  zmq_msg_init(&command);
  rc = receive_command(control, &command);
  if (rc == 0)
    rc = obey(proxy, control, &command);
  else if (errno == EAGAIN)
    rc = 0;
  err = errno;
  zmq_msg_close(&command);
  errno = err;
  return rc;
}

/* ---- Turns ---- */

/* What is full is waited for only when there is input for it, and input is not
 * waited for while it has nowhere to go. */
static int wait_for_work(proxy_t *proxy) {
  int ready;

  for (int i = 0; i < 2; i++)
    proxy->items[i].events = 0;
  for (int i = 0; i < proxy->direction_count && proxy->state == ACTIVE; i++) {
    direction_t *direction = &proxy->directions[i];
    if (direction->held_up)
      direction->to->events |= ZMQ_POLLOUT;
    else
      direction->from->events |= ZMQ_POLLIN;
  }
  ready = zmq__poll(proxy->items, proxy->item_count, -1, NULL);
  return ready < 0 ? zmq__fail(ready) : 0;
}

static int turn(proxy_t *proxy) {
  if (wait_for_work(proxy) < 0)
    return -1;
  if (proxy->items[2].revents != 0 && serve_control(proxy) < 0)
    return -1;
  for (int i = 0; i < proxy->direction_count && proxy->state == ACTIVE; i++)
    if (serve(proxy, &proxy->directions[i]) < 0)
      return -1;
  return 0;
}

/* ---- zmq.h ---- */

int zmq_proxy_steerable(void *frontend, void *backend, void *capture,
                        void *control) {
  proxy_t proxy = {.items = {{.socket = frontend},
                             {.socket = backend},
                             {.socket = control, .events = ZMQ_POLLIN}},
                   .item_count = control == NULL ? 2 : 3,
                   .capture = capture};

  if (frontend == NULL || backend == NULL)
    return zmq__fail_errno(EFAULT);
  if (capture != NULL && zmq__socket_of(capture) == NULL)
    return -1;
  proxy.directions[0] =
      (direction_t){.from = &proxy.items[0], .to = &proxy.items[1]};
  proxy.directions[1] =
      (direction_t){.from = &proxy.items[1], .to = &proxy.items[0]};
  proxy.direction_count = frontend == backend ? 1 : 2;
  while (proxy.state != ENDED)
    if (turn(&proxy) < 0)
      return -1;
  return 0;
}

int zmq_proxy(void *frontend, void *backend, void *capture) {
  return zmq_proxy_steerable(frontend, backend, capture, NULL);
}

int zmq_device(int type, void *frontend, void *backend) {
  (void)type;
  return zmq_proxy(frontend, backend, NULL);
}
