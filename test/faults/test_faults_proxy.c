/* Connects by way of a SOCKS5 proxy while memory runs out. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

enum { SESSIONS_MAX = 16, PASSWORD = 1 };

/* ---- The proxy ---- */

/* What a client has said so far decides what is answered. */
typedef enum { METHODS, LOGIN, REQUEST, RELAY, ENDED } step_t;

typedef struct {
  int client;
  int target;
  step_t step;
} session_t;

static struct {
  int listener;
  char endpoint[RIG_TEXT_MAX];
  session_t sessions[SESSIONS_MAX];
  size_t count;
} proxy;

static void proxy_open(void) {
  proxy.count = 0;
  proxy.listener = raw_listen(proxy.endpoint);
}

static void session_end(session_t *s) {
  if (s->step == ENDED)
    return;
  close(s->client);
  if (s->target >= 0)
    close(s->target);
  s->step = ENDED;
}

static void proxy_close(void) {
  for (size_t i = 0; i < proxy.count; i++)
    session_end(&proxy.sessions[i]);
  close(proxy.listener);
}

static bool is_readable(int fd) {
  struct pollfd item = {.fd = fd, .events = POLLIN};
  return poll(&item, 1, 0) > 0;
}

static void proxy_accept(void) {
  session_t *s = NULL;

  for (size_t i = 0; s == NULL && i < proxy.count; i++)
    if (proxy.sessions[i].step == ENDED)
      s = &proxy.sessions[i];
  if (s == NULL) {
    assert_true(proxy.count < SESSIONS_MAX);
    s = &proxy.sessions[proxy.count++];
  }
  *s = (session_t){accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC), -1,
                   METHODS};
}

static void answer(session_t *s, const void *bytes, size_t size, step_t next) {
  if (send(s->client, bytes, size, MSG_NOSIGNAL) == (ssize_t)size)
    s->step = next;
  else
    session_end(s);
}

static void connect_target(session_t *s, const uint8_t *request) {
  struct sockaddr_in address = {.sin_family = AF_INET};

  memcpy(&address.sin_addr, request + 4, 4);
  memcpy(&address.sin_port, request + 8, 2);
  s->target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(s->target, (struct sockaddr *)&address, sizeof(address)) != 0)
    session_end(s);
  else
    answer(s, "\5\0\0\1\0\0\0\0\0\0", 10, RELAY);
}

static void relay(session_t *s, int from, int to) {
  static uint8_t bytes[64 * 1024];
  ssize_t size = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);

  for (ssize_t sent = 0, step; sent < size; sent += step) {
    step = send(to, bytes + sent, (size_t)(size - sent),
                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (step < 0 && errno == EAGAIN) {
      /* Whoever is to read it is on our loop. */
      uv_run(&stage->rig.loop, UV_RUN_NOWAIT);
      step = 0;
    } else if (step < 0) {
      session_end(s);
      return;
    }
  }
  if (size <= 0)
    session_end(s);
}

static void serve(session_t *s) {
  bool password = stage->scenario->variant == PASSWORD;
  uint8_t bytes[600];
  ssize_t size;

  if (s->step == RELAY) {
    if (is_readable(s->client))
      relay(s, s->client, s->target);
    if (s->step == RELAY && is_readable(s->target))
      relay(s, s->target, s->client);
    return;
  }
  if (s->step == ENDED || !is_readable(s->client))
    return;
  size = recv(s->client, bytes, sizeof(bytes), 0);
  if (size <= 0)
    session_end(s);
  else if (s->step == METHODS)
    answer(s, password ? "\5\2" : "\5\0", 2, password ? LOGIN : REQUEST);
  else if (s->step == LOGIN)
    answer(s, "\1\0", 2, REQUEST);
  else
    connect_target(s, bytes);
}

static void proxy_run(void) {
  if (is_readable(proxy.listener))
    proxy_accept();
  for (size_t i = 0; i < proxy.count; i++)
    serve(&proxy.sessions[i]);
}

/* ---- The scenario ---- */

static talker_t *server;
static talker_t *client;

static bool both_are_heard(void) {
  bool there;

  proxy_run();
  there = talkers_talk(client, server, MANY);
  return talkers_talk(server, client, MANY) && there;
}

static void through_proxy(const scenario_t *scenario) {
  stage_open(scenario);
  proxy_open();
  server = talker_new(ZUV_DEALER);
  client = talker_new(ZUV_DEALER);
  talker_set_text(client, ZUV_SOCKS_PROXY, proxy.endpoint + strlen("tcp://"));
  if (scenario->variant == PASSWORD) {
    talker_set_text(client, ZUV_SOCKS_USERNAME, "alice");
    talker_set_text(client, ZUV_SOCKS_PASSWORD, "her password");
  }
  talkers_join(server, client);
  stage_until(both_are_heard);
  proxy_close();
  stage_close();
}

static const scenario_t scenarios[] = {
    {"proxy", through_proxy, TCP, 0, 0, 0},
    {"proxy with a password", through_proxy, TCP, 0, 0, PASSWORD},
};

int main(int argc, char **argv) {
  return sweep_main("faults proxy", scenarios, 2, argc, argv);
}
