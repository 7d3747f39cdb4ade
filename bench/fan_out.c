/* A publisher at a steady rate, and bare sockets as its subscribers, which read
 * all that comes. The first byte of a message is its kind: 'p' is sent until
 * every subscriber has had one, 'd' is counted, 'e' ends.
 *
 * The link: the subscribers say 1 (as a uint64_t) when all have had a 'p', and
 * the number of 'd' that arrived when all have had an 'e'. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "libzmq.h"
#include "zuv.h"

enum {
  FRAME_MAX = 2 + 255,
  READ_MAX = 64 * 1024,
  FILES_SPARE = 64,
  BURST_MAX = 400,
  BATCH = 1000 /* sent between two looks at the time */
};

/* ---- the subscribers ------------------------------------------------------
 */

typedef struct {
  int fd;
  bool begun;
  bool ended;
  size_t at; /* in the frame that is coming in */
} subscriber_t;

typedef struct {
  subscriber_t *subscribers;
  size_t frame; /* bytes of a frame */
  int begun;
  int ended;
  uint64_t deliveries;
} audience_t;

static void take_message(audience_t *audience, subscriber_t *subscriber,
                         char kind) {
  if (kind == 'd')
    audience->deliveries++;
  if (!subscriber->begun) {
    subscriber->begun = true;
    audience->begun++;
  }
  if (kind == 'e' && !subscriber->ended) {
    subscriber->ended = true;
    audience->ended++;
  }
}

static void drain(audience_t *audience, subscriber_t *subscriber) {
  static char bytes[READ_MAX];
  enum { KIND = 2 };
  ssize_t size = read(subscriber->fd, bytes, sizeof(bytes));
  size_t i = 0;

  bench_require(size > 0, "reading as a subscriber");
  while (i < (size_t)size) {
    size_t left = (size_t)size - i;
    size_t step = audience->frame - subscriber->at;
    if (step > left)
      step = left;
    if (subscriber->at <= KIND && subscriber->at + step > KIND)
      take_message(audience, subscriber, bytes[i + KIND - subscriber->at]);
    i += step;
    subscriber->at = (subscriber->at + step) % audience->frame;
  }
}

static double subscribe(const bench_work_t *work, int link) {
  static const uint8_t everything[] = {0, 1, 1};
  char endpoint[BENCH_ENDPOINT_MAX];
  audience_t audience = {.frame = work->size + 2};
  struct epoll_event events[64];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  uint64_t one = 1;
  bool told = false;

  bench_require(bench_allow_files(work->peers + FILES_SPARE), "setrlimit");
  bench_require(work->size <= 255, "a message of this size");
  audience.subscribers =
      calloc((size_t)work->peers, sizeof(*audience.subscribers));
  bench_require(epoll >= 0 && audience.subscribers != NULL, "epoll_create1");
  bench_hear(link, endpoint, sizeof(endpoint));
  for (int i = 0; i < work->peers; i++) {
    subscriber_t *subscriber = &audience.subscribers[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = subscriber};
    subscriber->fd = bench_zmtp_connect(bench_port_of(endpoint), "SUB",
                                        everything, sizeof(everything));
    bench_require(epoll_ctl(epoll, EPOLL_CTL_ADD, subscriber->fd, &event) == 0,
                  "epoll_ctl");
  }
  while (audience.ended < work->peers) {
    int count = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; i++)
      drain(&audience, events[i].data.ptr);
    if (!told && audience.begun == work->peers) {
      told = true;
      bench_say(link, &one, sizeof(one));
    }
  }
  bench_say(link, &audience.deliveries, sizeof(audience.deliveries));
  return 0;
}

/* ---- the publishers -------------------------------------------------------
 */

typedef enum { PROBING, PUBLISHING, ENDING, FINISHED } phase_t;

typedef struct publisher_s publisher_t;
struct publisher_s {
  /* false: some subscriber has no room, and nobody got it */
  bool (*publish)(publisher_t *publisher);
  const bench_work_t *work;
  int link;
  phase_t phase;
  uint64_t sent;
  uint64_t begin;
  double cpu;
  uint64_t deliveries;
  char body[FRAME_MAX];
  /* the one that is used */
  zuv_socket_t native;
  void *libzmq;
  uv_timer_t timer;
  uv_poll_t poll;
};

/* Without a rate: as many as all subscribers take. */
static void publish_all(publisher_t *p) {
  for (int i = 0; i < BATCH && p->sent < p->work->count; i++) {
    if (!p->publish(p))
      return;
    p->sent++;
  }
}

/* Once in an interval. */
static void tick(publisher_t *p) {
  uint64_t due = 1;

  p->body[0] = p->phase == PROBING ? 'p' : p->phase == ENDING ? 'e' : 'd';
  if (p->phase != PUBLISHING) {
    p->publish(p);
    return;
  }
  if (p->work->rate == 0) {
    publish_all(p);
    if (p->sent == p->work->count)
      p->phase = ENDING;
    return;
  }
  due += (bench_now() - p->begin) * (uint64_t)p->work->rate / 1000000000;
  /* After a pause, do not run into the high-water mark. */
  if (due > p->sent + BURST_MAX)
    due = p->sent + BURST_MAX;
  if (due > p->work->count)
    due = p->work->count;
  for (; p->sent < due; p->sent++)
    p->publish(p);
  if (p->sent == p->work->count)
    p->phase = ENDING;
}

/* The subscribers have said something. */
static void hear(publisher_t *p) {
  uint64_t number;

  bench_hear(p->link, &number, sizeof(number));
  if (p->phase == PROBING) {
    p->phase = PUBLISHING;
    p->begin = bench_now();
    p->cpu = bench_cpu();
  } else {
    p->phase = FINISHED;
    p->cpu = bench_cpu() - p->cpu;
    p->deliveries = number;
  }
}

static double outcome(const publisher_t *p, const char *who) {
  uint64_t expected = p->work->count * (uint64_t)p->work->peers;

  if (p->deliveries != expected)
    fprintf(stderr, "bench: %s dropped %llu of %llu deliveries\n", who,
            (unsigned long long)(expected - p->deliveries),
            (unsigned long long)expected);
  return p->cpu / (double)p->deliveries;
}

static bool publish_zuv(publisher_t *p) {
  zuv_msg_t msg;
  int err;

  zuv_msg_init_view(&msg, p->body, p->work->size);
  err = zuv_try_send(&p->native, &msg, 1);
  if (err == UV_EAGAIN)
    return false;
  bench_require_ok(err, "zuv_try_send");
  return true;
}

static void on_timer(uv_timer_t *timer) {
  tick(timer->data);
}

static void on_link(uv_poll_t *poll, int status, int events) {
  publisher_t *p = poll->data;

  (void)events;
  bench_require_ok(status, "uv_poll");
  hear(p);
  if (p->phase == FINISHED)
    uv_stop(poll->loop);
}

static double run_zuv(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX] = "";
  size_t size = sizeof(endpoint);
  static publisher_t p;
  uv_loop_t *loop = uv_default_loop();

  p.publish = publish_zuv;
  p.work = work;
  p.link = link;
  p.timer.data = p.poll.data = &p;
  bench_require(bench_allow_files(work->peers + FILES_SPARE), "setrlimit");
  bench_require_ok(zuv_socket_init(NULL, loop, &p.native, ZUV_PUB),
                   "zuv_socket_init");
  bench_require_ok(zuv_set_int(&p.native, ZUV_XPUB_NODROP, work->rate == 0),
                   "zuv_set_int");
  bench_require_ok(zuv_bind(&p.native, "tcp://127.0.0.1:*"), "zuv_bind");
  bench_require_ok(
      zuv_get_option(&p.native, ZUV_LAST_ENDPOINT, endpoint, &size),
      "zuv_get_option");
  bench_require_ok(uv_timer_init(loop, &p.timer), "uv_timer_init");
  bench_require_ok(
      uv_timer_start(&p.timer, on_timer, 1, (uint64_t)work->interval),
      "uv_timer_start");
  bench_require_ok(uv_poll_init(loop, &p.poll, link), "uv_poll_init");
  bench_require_ok(uv_poll_start(&p.poll, UV_READABLE, on_link),
                   "uv_poll_start");
  bench_say(link, endpoint, sizeof(endpoint));
  uv_run(loop, UV_RUN_DEFAULT);
  return outcome(&p, "zuv");
}

static bool publish_zmq(publisher_t *p) {
  libzmq_msg_t msg;

  bench_require(libzmq.msg_init_size(&msg, p->work->size) == 0,
                "zmq_msg_init_size");
  memcpy(libzmq.msg_data(&msg), p->body, p->work->size);
  bench_require(libzmq.sendmsg(p->libzmq, &msg, 0) >= 0, "zmq_sendmsg");
  return true;
}

static double run_zmq(const bench_work_t *work, int link) {
  char endpoint[BENCH_ENDPOINT_MAX];
  static publisher_t p;
  struct pollfd item = {.fd = link, .events = POLLIN};
  int no_drop = work->rate == 0;
  void *context;

  p.publish = publish_zmq;
  p.work = work;
  p.link = link;
  bench_require(bench_allow_files(work->peers + FILES_SPARE), "setrlimit");
  context = libzmq.ctx_new();
  p.libzmq = libzmq_bound(context, ZUV_PUB, endpoint, sizeof(endpoint));
  bench_require(libzmq.setsockopt(p.libzmq, ZUV_XPUB_NODROP, &no_drop,
                                  sizeof(no_drop)) == 0,
                "zmq_setsockopt");
  bench_say(link, endpoint, sizeof(endpoint));
  while (p.phase != FINISHED) {
    if (poll(&item, 1, work->interval) > 0)
      hear(&p);
    else
      tick(&p);
  }
  return outcome(&p, "libzmq");
}

double bench_fan_out_zuv(const bench_work_t *work) {
  return bench_run_roles(work, run_zuv, subscribe);
}

double bench_fan_out_zmq(const bench_work_t *work) {
  return bench_run_roles(work, run_zmq, subscribe);
}
