/* PUB, SUB, XPUB and XSUB over links that write down what they are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/peer.h"
#include "core/socket.h"
#include "zmtp/frame.h"
#include "zuv.h"

enum { LINKS = 4, LOG_SIZE = 4096, BODY_SIZE_MAX = 8 * 1024 };

/* How many allocations succeed from now on; negative: all. */
static int allocations_left = -1;

static bool may_allocate(void) {
  if (allocations_left == 0)
    return false;
  if (allocations_left > 0)
    allocations_left--;
  return true;
}

static void *limited_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *limited_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

static void *limited_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

/* ---- Logs: messages separated by spaces, parts by commas ---- */

typedef struct {
  char text[LOG_SIZE];
  size_t used;
} log_t;

static void log_add(log_t *log, const void *bytes, size_t size) {
  assert_true(size < sizeof(log->text) - log->used);
  memcpy(log->text + log->used, bytes, size);
  log->used += size;
  log->text[log->used] = '\0';
}

/* 01 at the start of a part shows as +, 00 as -; large bodies as one letter. */
static void log_part(log_t *log, const void *bytes, size_t size, bool more) {
  const uint8_t *data = bytes;
  bool sign = size > 0 && data[0] <= 1;

  if (sign)
    log_add(log, data[0] == 1 ? "+" : "-", 1);
  if (size > 64)
    log_add(log, data, 1);
  else
    log_add(log, data + sign, size - sign);
  log_add(log, more ? "," : " ", 1);
}

static void log_parts(log_t *log, zuv_msg_t *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    log_part(log, zuv_msg_data(&parts[i]), zuv_msg_size(&parts[i]),
             i + 1 < count);
}

static void expect(log_t *log, const char *text) {
  assert_string_equal(log->text, text);
  log->used = 0;
  log->text[0] = '\0';
}

/* ---- Links ---- */

typedef struct {
  zuv__pipe_t *pipe; /* NULL: not in use */
  log_t log;         /* `+T:` and `-T:` are subscriptions, `#` is framed */
  int room;          /* messages until it is full */
  bool queues;       /* takes nothing directly */
  int fails;         /* the next calls answer UV_ENOMEM */
} link_t;

static link_t links[LINKS];

static bool must_fail(link_t *link) {
  if (link->fails == 0)
    return false;
  link->fails--;
  return true;
}

static void use_room(link_t *link) {
  assert_true(link->pipe->can_write);
  if (--link->room == 0)
    link->pipe->can_write = false;
}

static int link_write(zuv__pipe_t *pipe, zuv_msg_t *parts, size_t count) {
  link_t *link = pipe->link;

  if (must_fail(link))
    return UV_ENOMEM;
  log_parts(&link->log, parts, count);
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
  use_room(link);
  return 0;
}

static int link_write_framed(zuv__pipe_t *pipe, zuv__body_t *chunk,
                             const uint8_t *bytes, size_t size) {
  link_t *link = pipe->link;
  zuv__frame_t frame = {.flags = ZUV__FRAME_MORE};
  const uint8_t *begin = chunk->data;

  assert_true(bytes >= begin && bytes + size <= begin + zuv__chunk_size(chunk));

  if (link->queues)
    return UV_EAGAIN;
  if (must_fail(link))
    return UV_ENOMEM;
  log_add(&link->log, "#", 1);
  while (size > 0) {
    assert_int_equal(zuv__frame_decode(bytes, size, UINT64_MAX, &frame),
                     ZUV__FRAME_COMPLETE);
    log_part(&link->log, frame.body, frame.size,
             (frame.flags & ZUV__FRAME_MORE) != 0);
    bytes += frame.total;
    size -= frame.total;
  }
  assert_int_equal(frame.flags, 0);
  use_room(link);
  return 0;
}

static int link_subscribe(zuv__pipe_t *pipe, bool subscribe, const void *topic,
                          size_t size) {
  link_t *link = pipe->link;

  if (must_fail(link))
    return UV_ENOMEM;
  log_add(&link->log, subscribe ? "+" : "-", 1);
  log_add(&link->log, topic, size);
  log_add(&link->log, ": ", 2);
  return 0;
}

static void link_resume(zuv__pipe_t *pipe) {
  (void)pipe;
}

static void link_drain(zuv__pipe_t *pipe) {
  zuv__pipe_drained(pipe);
}

static void link_end(zuv__pipe_t *pipe) {
  ((link_t *)pipe->link)->pipe = NULL;
}

static const zuv__link_ops_t stream_ops = {
    .write = link_write,
    .write_framed = link_write_framed,
    .resume = link_resume,
    .subscribe = link_subscribe,
    .drain = link_drain,
    .end = link_end,
};

static const zuv__link_ops_t inproc_ops = {
    .write = link_write,
    .resume = link_resume,
    .subscribe = link_subscribe,
    .drain = link_drain,
    .end = link_end,
};

/* ---- The socket and its application ---- */

static uv_loop_t loop;
static zuv_socket_t handle;
static zuv__socket_t *the_socket;
static log_t received;
static uint64_t dropped;

static void on_message(zuv_socket_t *s, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)s;
  (void)peer;
  log_parts(&received, parts, count);
}

static void on_event(zuv_socket_t *s, const zuv_event_t *event) {
  (void)s;
  if (event->type == ZUV_EVENT_DROPPED)
    dropped += event->count;
}

static void run(void) {
  for (int i = 0; i < 4; i++)
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void expect_received(const char *text) {
  run();
  expect(&received, text);
}

static void expect_dropped(uint64_t count) {
  run();
  assert_int_equal(dropped, count);
  dropped = 0;
}

static void open_socket(int type) {
  assert_int_equal(zuv_socket_init(NULL, &loop, &handle, type), 0);
  the_socket = zuv__socket(&handle);
  assert_int_equal(zuv_event_start(&handle, on_event), 0);
  if (type != ZUV_PUB)
    assert_int_equal(zuv_recv_start(&handle, on_message), 0);
}

static void connect_link(int i, const zuv__link_ops_t *ops) {
  link_t *link = &links[i];

  memset(link, 0, sizeof(*link));
  link->room = 1000;
  link->pipe = zuv__pipe_new(the_socket, ops, link, "fake");
  assert_non_null(link->pipe);
  assert_int_equal(zuv__pipe_attach(link->pipe), 0);
}

static void make_ready(int i) {
  zuv_peer_t *peer = zuv__peer_new("", "", -1, "NULL", NULL, 0);

  assert_non_null(peer);
  zuv__pipe_ready(links[i].pipe, peer);
}

static void accept_links(int count) {
  for (int i = 0; i < count; i++) {
    connect_link(i, &stream_ops);
    make_ready(i);
  }
}

static void end_link(int i) {
  zuv__pipe_t *pipe = links[i].pipe;

  links[i].pipe = NULL;
  zuv__pipe_lost(pipe);
  zuv__pipe_ended(pipe);
}

static void set(int option, int value) {
  assert_int_equal(zuv_set_int(&handle, option, value), 0);
}

static int set_topic(int option, const char *topic) {
  return zuv_set_option(&handle, option, topic, strlen(topic));
}

static void expect_topics(int count) {
  int topics = -1;
  size_t size = sizeof(topics);

  assert_int_equal(zuv_get_option(&handle, ZUV_TOPICS_COUNT, &topics, &size),
                   0);
  assert_int_equal(topics, count);
}

/* The peer subscribes by command. */
static int subscribe(int i, const char *topic) {
  return the_socket->pattern->subscription(the_socket, links[i].pipe, true,
                                           topic, strlen(topic));
}

static int cancel(int i, const char *topic) {
  return the_socket->pattern->subscription(the_socket, links[i].pipe, false,
                                           topic, strlen(topic));
}

/* + and - at the start of a text stand for 01 and 00. */
static zuv_msg_t part_of(const char *text) {
  zuv_msg_t part;
  uint8_t *data;

  allocations_left = -1;
  assert_int_equal(zuv_msg_init_copy(&part, text, strlen(text)), 0);
  data = zuv_msg_data(&part);
  if (text[0] == '+' || text[0] == '-')
    data[0] = text[0] == '+';
  return part;
}

static int arrive(int i, const char *text, bool more) {
  zuv_msg_t part = part_of(text);
  int err;

  zuv__pipe_arrived(links[i].pipe, &part, more, &err);
  if (err != 0)
    zuv_msg_close(&part);
  return err;
}

/* Sends up to three parts. */
static int send_parts(const char *a, const char *b, const char *c) {
  const char *texts[] = {a, b, c};
  zuv_msg_t parts[3];
  size_t count = 0;
  int err;

  while (count < 3 && texts[count] != NULL) {
    parts[count] = part_of(texts[count]);
    count++;
  }
  err = zuv_try_send(&handle, parts, count);
  for (size_t i = 0; i < count; i++) {
    if (err == 0)
      assert_int_equal(zuv_msg_size(&parts[i]), 0);
    else
      assert_int_equal(zuv_msg_size(&parts[i]), strlen(texts[i]));
    zuv_msg_close(&parts[i]);
  }
  return err;
}

static void send_text(const char *text) {
  assert_int_equal(send_parts(text, NULL, NULL), 0);
}

static int setup(void **state) {
  (void)state;
  allocations_left = -1;
  memset(links, 0, sizeof(links));
  memset(&received, 0, sizeof(received));
  dropped = 0;
  return uv_loop_init(&loop);
}

static int teardown(void **state) {
  (void)state;
  allocations_left = -1;
  zuv_close(&handle, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

/* ---- PUB ---- */

static void test_pub_sends_to_those_that_match(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  send_text("nobody");
  accept_links(4);
  subscribe(0, "A");
  subscribe(1, "AB");
  subscribe(2, "");
  expect_topics(3);
  send_text("A");
  expect(&links[0].log, "#A ");
  expect(&links[1].log, "");
  expect(&links[2].log, "#A ");
  assert_int_equal(send_parts("AB", "x", NULL), 0);
  expect(&links[0].log, "#AB,x ");
  expect(&links[1].log, "#AB,x ");
  expect(&links[2].log, "#AB,x ");
  cancel(0, "A");
  cancel(0, "unknown");
  send_text("AB");
  expect(&links[0].log, "");
  expect(&links[3].log, "");
  assert_int_equal(links[1].pipe->written, 2);
}

static void test_pub_gives_a_single_peer_the_message_itself(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  accept_links(2);
  subscribe(1, "A");
  send_text("A");
  expect(&links[1].log, "A ");
}

static void test_pub_takes_all_forms_of_links(void **state) {
  static char body[BODY_SIZE_MAX];
  const size_t sizes[] = {0, 48, 256, 257, 4087, 4088, BODY_SIZE_MAX};
  zuv_msg_t part;

  (void)state;
  open_socket(ZUV_PUB);
  connect_link(0, &inproc_ops);
  connect_link(1, &stream_ops);
  connect_link(2, &stream_ops);
  connect_link(3, &inproc_ops);
  links[2].queues = true;
  memset(body, 'b', sizeof(body));
  for (int i = 0; i < LINKS; i++)
    subscribe(i, "");
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    for (int owned = 0; owned < 2; owned++) {
      if (owned)
        assert_int_equal(zuv_msg_init_copy(&part, body, sizes[i]), 0);
      else
        zuv_msg_init_view(&part, body, sizes[i]);
      assert_int_equal(zuv_try_send(&handle, &part, 1), 0);
    }
  }
  for (int i = 0; i < LINKS; i++)
    assert_int_equal(links[i].pipe->written, 14);
  /* A frame of 4088 octets and its header are more than is framed once. */
  links[1].log.text[links[1].log.used - 8] = '\0';
  assert_null(strstr(links[1].log.text, " b"));
  expect_dropped(0);
}

static void test_pub_copies_many_parts(void **state) {
  zuv_msg_t parts[9];

  (void)state;
  open_socket(ZUV_PUB);
  connect_link(0, &inproc_ops);
  connect_link(1, &inproc_ops);
  subscribe(0, "");
  subscribe(1, "");
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 9; i++)
      parts[i] = part_of("p");
    /* Without memory the copies are lost, but not the original. */
    allocations_left = round == 0 ? -1 : 0;
    assert_int_equal(zuv_try_send(&handle, parts, 9), 0);
    allocations_left = -1;
    expect(&links[0].log, round == 0 ? "p,p,p,p,p,p,p,p,p " : "");
    expect(&links[1].log, "p,p,p,p,p,p,p,p,p ");
  }
  expect_dropped(1);
}

static void test_pub_drops_for_the_slow_alone(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  accept_links(3);
  for (int i = 0; i < 3; i++)
    subscribe(i, "");
  links[1].room = 1;
  send_text("a");
  send_text("b");
  links[0].fails = 1;
  send_text("c");
  expect(&links[0].log, "#a #b ");
  expect(&links[1].log, "#a ");
  expect(&links[2].log, "#a #b #c ");
  expect_dropped(3);
}

static void test_pub_forgets_who_leaves(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  accept_links(2);
  subscribe(0, "A");
  subscribe(1, "B");
  end_link(0);
  expect_topics(1);
  zuv__pipe_lost(links[1].pipe);
  expect_topics(0);
  make_ready(1);
  subscribe(1, "A");
  send_text("A");
  expect(&links[1].log, "A ");
}

static void test_pub_takes_subscriptions_as_messages(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  accept_links(1);
  arrive(0, "+A", false);
  arrive(0, "", false);
  arrive(0, "user", true);
  arrive(0, "+B", false);
  expect_topics(2);
  arrive(0, "-A", false);
  expect_topics(1);
  set(ZUV_ONLY_FIRST_SUBSCRIBE, 1);
  arrive(0, "user", true);
  arrive(0, "+C", true);
  arrive(0, "+D", false);
  expect_topics(1);
  arrive(0, "+C", true);
  arrive(0, "user", true);
  arrive(0, "+D", false);
  expect_topics(3);
  arrive(0, "user", true);
  zuv__pipe_lost(links[0].pipe);
  make_ready(0);
  arrive(0, "+E", false);
  expect_topics(1);
}

static void test_pub_inverts_matching(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  accept_links(3);
  subscribe(0, "A");
  subscribe(1, "B");
  set(ZUV_INVERT_MATCHING, 1);
  send_text("A");
  expect(&links[0].log, "");
  expect(&links[1].log, "#A ");
  expect(&links[2].log, "#A ");
}

static void test_nodrop_sends_to_all_or_none(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(3);
  subscribe(0, "");
  subscribe(1, "A");
  set(ZUV_XPUB_NODROP, 1);
  links[1].room = 1;
  send_text("A");
  assert_int_equal(send_parts("A", NULL, NULL), UV_EAGAIN);
  send_text("B");
  expect(&links[0].log, "#A B ");
  set(ZUV_INVERT_MATCHING, 1);
  assert_int_equal(send_parts("B", NULL, NULL), UV_EAGAIN);
  zuv__pipe_writable(links[1].pipe);
  links[1].room = 1;
  send_text("B");
  expect(&links[1].log, "#A #B ");
  expect(&links[2].log, "#B ");
  expect_dropped(0);
}

static int sent_status = 1;

static void on_sent(zuv_send_t *request, int status) {
  (void)request;
  sent_status = status;
}

static void test_nodrop_request_goes_on_when_the_slow_cancels(void **state) {
  zuv_send_t request;
  zuv_msg_t part;

  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  subscribe(0, "");
  subscribe(1, "A");
  set(ZUV_XPUB_NODROP, 1);
  links[1].pipe->can_write = false;
  part = part_of("A");
  assert_int_equal(zuv_send(&request, &handle, &part, 1, on_sent), 0);
  run();
  assert_int_equal(sent_status, 1);
  cancel(1, "A");
  run();
  assert_int_equal(sent_status, 0);
  expect(&links[0].log, "A ");
}

static void test_welcome_begins_each_connection(void **state) {
  (void)state;
  open_socket(ZUV_PUB);
  assert_int_equal(set_topic(ZUV_XPUB_WELCOME_MSG, "hello"), 0);
  accept_links(1);
  expect(&links[0].log, "hello ");
  zuv__pipe_lost(links[0].pipe);
  make_ready(0);
  expect(&links[0].log, "hello ");
  assert_int_equal(set_topic(ZUV_XPUB_WELCOME_MSG, ""), 0);
  zuv__pipe_lost(links[0].pipe);
  make_ready(0);
  expect(&links[0].log, "");
}

/* ---- XPUB ---- */

static void test_xpub_reports_first_and_last(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  subscribe(0, "A");
  subscribe(0, "A");
  subscribe(1, "A");
  subscribe(1, "");
  expect_received("+A + ");
  cancel(0, "A");
  expect_received("");
  cancel(1, "A");
  cancel(1, "A");
  expect_received("-A -A ");
  subscribe(0, "B");
  subscribe(1, "B");
  subscribe(1, "C");
  end_link(1);
  expect_received("+B +C - -C ");
  end_link(0);
  expect_received("-B ");
  expect_topics(0);
}

static void test_xpub_verbose_and_verboser(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  set(ZUV_XPUB_VERBOSE, 1);
  for (int i = 0; i < 3; i++)
    subscribe(0, "A");
  subscribe(1, "A");
  cancel(1, "A");
  expect_received("+A +A +A +A ");
  set(ZUV_XPUB_VERBOSER, 1);
  subscribe(1, "A");
  cancel(1, "A");
  subscribe(1, "A");
  end_link(1);
  expect_received("+A -A +A -A ");
}

static void test_xpub_delivers_messages_in_order(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  arrive(0, "one", true);
  arrive(1, "+A", false);
  arrive(1, "user", true);
  arrive(0, "two", false);
  subscribe(0, "A");
  arrive(0, "", false);
  arrive(1, "+D", false);
  arrive(0, "+E", true);
  arrive(0, "x", true);
  arrive(0, "y", false);
  expect_received("+A one,two  user,+D +E x,y ");
  expect_topics(3);
  send_text("D");
  expect(&links[1].log, "D ");
}

static void test_xpub_only_first_subscribe(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(1);
  set(ZUV_ONLY_FIRST_SUBSCRIBE, 1);
  arrive(0, "user", true);
  arrive(0, "+D", false);
  expect_received("user,+D ");
  expect_topics(0);
}

static void test_xpub_delivers_whole_messages_of_the_lost(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  subscribe(0, "A");
  arrive(0, "whole", true);
  arrive(0, "message", false);
  arrive(0, "unfinished", true);
  end_link(0);
  arrive(1, "other", true);
  zuv__pipe_lost(links[1].pipe);
  make_ready(1);
  arrive(1, "new", false);
  expect_received("+A whole,message -A new ");
}

static void test_xpub_bounds_messages_not_subscriptions(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  set(ZUV_RCVHWM, 2);
  accept_links(2);
  for (int i = 0; i < 3; i++) {
    arrive(0, "a", false);
    arrive(0, "b", true);
    arrive(0, "c", false);
  }
  arrive(0, "+A", false);
  arrive(1, "d", false);
  expect_received("a b,c +A d ");
  expect_dropped(4);
  arrive(0, "e", false);
  expect_received("e ");
}

static void test_xpub_closes_with_messages_unread(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  zuv_recv_stop(&handle);
  subscribe(0, "A");
  arrive(0, "a", true);
  arrive(0, "b", false);
  arrive(1, "unfinished", true);
  end_link(0);
  expect_received("");
}

static void test_xpub_reports_long_topics(void **state) {
  static char topic[1000];

  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(1);
  memset(topic, 't', sizeof(topic) - 1);
  subscribe(0, topic);
  run();
  assert_string_equal(received.text, "+\x01 ");
}

static void test_manual_leaves_it_to_the_application(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  set(ZUV_XPUB_MANUAL, 1);
  assert_int_equal(set_topic(ZUV_SUBSCRIBE, "nobody"), 0);
  subscribe(0, "A");
  expect_received("+A ");
  expect_topics(0);
  assert_int_equal(set_topic(ZUV_SUBSCRIBE, "XA"), 0);
  send_text("A");
  send_text("XA");
  expect(&links[0].log, "XA ");
  subscribe(1, "A");
  expect_received("+A ");
  cancel(0, "A");
  expect_received("-A ");
  send_text("XA");
  expect(&links[0].log, "XA ");
  assert_int_equal(set_topic(ZUV_UNSUBSCRIBE, "XA"), 0);
  expect_topics(0);
}

static void test_manual_reports_what_a_leaving_peer_asked_for(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  set(ZUV_XPUB_MANUAL, 1);
  subscribe(0, "A");
  expect_received("+A ");
  set_topic(ZUV_SUBSCRIBE, "XA");
  subscribe(1, "A");
  expect_received("+A ");
  set_topic(ZUV_SUBSCRIBE, "XA");
  end_link(0);
  expect_received("-A ");
  expect_topics(1);
  subscribe(1, "B");
  end_link(1);
  expect_received("+B -A -B ");
  assert_int_equal(set_topic(ZUV_SUBSCRIBE, "XB"), 0);
  expect_topics(0);
}

static void test_last_value_goes_to_the_last_subscriber(void **state) {
  (void)state;
  open_socket(ZUV_XPUB);
  accept_links(2);
  set(ZUV_XPUB_MANUAL_LAST_VALUE, 1);
  for (int i = 0; i < 2; i++) {
    subscribe(i, "A");
    expect_received("+A ");
    set_topic(ZUV_SUBSCRIBE, "A");
    send_text("A");
    expect(&links[i].log, "A ");
    expect(&links[1 - i].log, "");
  }
  send_text("A");
  expect(&links[0].log, "#A ");
  expect(&links[1].log, "#A ");
}

/* ---- SUB ---- */

static void test_sub_tells_its_peers(void **state) {
  (void)state;
  open_socket(ZUV_SUB);
  set_topic(ZUV_SUBSCRIBE, "A");
  set_topic(ZUV_SUBSCRIBE, "A");
  set_topic(ZUV_SUBSCRIBE, "B");
  accept_links(1);
  connect_link(1, &stream_ops);
  expect(&links[0].log, "+A: +B: ");
  set_topic(ZUV_SUBSCRIBE, "B");
  set_topic(ZUV_UNSUBSCRIBE, "A");
  set_topic(ZUV_UNSUBSCRIBE, "unknown");
  expect(&links[0].log, "+B: ");
  set_topic(ZUV_UNSUBSCRIBE, "A");
  expect(&links[0].log, "-A: ");
  expect_topics(1);
  zuv__pipe_lost(links[0].pipe);
  set_topic(ZUV_SUBSCRIBE, "C");
  expect(&links[0].log, "");
  make_ready(0);
  expect(&links[0].log, "+B: +C: ");
  expect(&links[1].log, "");
  assert_int_equal(send_parts("x", NULL, NULL), UV_ENOTSUP);
}

static void test_sub_filters(void **state) {
  (void)state;
  open_socket(ZUV_SUB);
  accept_links(1);
  arrive(0, "A", false);
  expect_received("");
  set_topic(ZUV_SUBSCRIBE, "A");
  arrive(0, "AB", true);
  arrive(0, "x", false);
  arrive(0, "x", true);
  arrive(0, "A", false);
  arrive(0, "A", false);
  expect_received("AB,x A ");
  set(ZUV_INVERT_MATCHING, 1);
  arrive(0, "A", false);
  arrive(0, "B", false);
  expect_received("B ");
}

static void test_sub_without_memory_takes_it_back(void **state) {
  (void)state;
  open_socket(ZUV_SUB);
  accept_links(2);
  links[1].fails = 1;
  assert_int_equal(set_topic(ZUV_SUBSCRIBE, "A"), UV_ENOMEM);
  expect_topics(0);
  expect(&links[0].log, "+A: -A: ");
  assert_int_equal(set_topic(ZUV_SUBSCRIBE, "A"), 0);
  expect(&links[0].log, "+A: ");
}

/* ---- XSUB ---- */

static void test_xsub_sends_subscriptions(void **state) {
  (void)state;
  open_socket(ZUV_XSUB);
  accept_links(2);
  connect_link(2, &inproc_ops);
  make_ready(2);
  links[1].queues = true;
  send_text("+A");
  send_text("+A");
  send_text("-A");
  send_text("-unknown");
  expect_topics(1);
  send_text("-A");
  expect(&links[0].log, "#+A #+A #-A ");
  expect(&links[1].log, "+A: +A: -A: ");
  expect(&links[2].log, "+A: +A: -A: ");
  expect_topics(0);
  set(ZUV_XSUB_VERBOSE_UNSUBSCRIBE, 1);
  send_text("-unknown");
  expect(&links[0].log, "#-unknown ");
}

static void test_xsub_subscriptions_are_state(void **state) {
  (void)state;
  open_socket(ZUV_XSUB);
  accept_links(1);
  connect_link(1, &stream_ops);
  links[0].pipe->can_write = false;
  send_text("+A");
  send_text("user");
  assert_int_equal(send_parts("user", "+B", NULL), 0);
  expect(&links[0].log, "+A: +B: ");
  expect(&links[1].log, "user user,+B ");
  make_ready(1);
  expect(&links[1].log, "+A: +B: ");
  expect_dropped(2);
}

static void test_xsub_sends_all_else_to_everyone(void **state) {
  (void)state;
  open_socket(ZUV_XSUB);
  accept_links(2);
  send_text("");
  assert_int_equal(send_parts("user", "+D", "-unknown"), 0);
  assert_int_equal(send_parts("-unknown", "x", NULL), 0);
  expect(&links[0].log, "# #user,+D #x ");
  expect(&links[1].log, "# #user,+D #x ");
  expect_topics(1);
  set(ZUV_ONLY_FIRST_SUBSCRIBE, 1);
  assert_int_equal(send_parts("user", "+E", NULL), 0);
  expect_topics(1);
  assert_int_equal(send_parts("+E", "+F", NULL), 0);
  expect_topics(3);
  arrive(0, "unfiltered", false);
  expect_received("unfiltered ");
}

static void test_xsub_without_memory_takes_it_back(void **state) {
  zuv_msg_t parts[3];
  int allowed;
  int err = UV_ENOMEM;

  (void)state;
  open_socket(ZUV_XSUB);
  accept_links(2);
  send_text("+A");
  send_text("+A");
  expect(&links[0].log, "#+A #+A ");
  for (allowed = 0; err != 0; allowed++) {
    parts[0] = part_of("-A");
    parts[1] = part_of("+B");
    parts[2] = part_of("+Ctopic");
    allocations_left = allowed;
    err = zuv_try_send(&handle, parts, 3);
    allocations_left = -1;
    if (err == 0)
      break;
    assert_int_equal(err, UV_ENOMEM);
    expect_topics(1);
    for (int i = 0; i < 3; i++) {
      assert_int_equal(zuv__msg(&parts[i])->flags, 0);
      assert_int_not_equal(zuv_msg_size(&parts[i]), 0);
      zuv_msg_close(&parts[i]);
    }
  }
  assert_true(allowed > 1);
  expect(&links[0].log, "#+B,+Ctopic ");
  expect_topics(3);
  send_text("-A");
  expect(&links[0].log, "#-A ");
}

/* ---- Without memory ---- */

/* A peer's words either count or are refused, and nothing leaks. */
static void test_xpub_survives_want_of_memory(void **state) {
  static char topic[600];

  (void)state;
  open_socket(ZUV_XPUB);
  memset(topic, 't', sizeof(topic) - 1);
  for (int allowed = 0; allowed < 12; allowed++) {
    int err;

    accept_links(1);
    allocations_left = allowed;
    err = subscribe(0, topic);
    allocations_left = -1;
    if (err != 0) {
      assert_int_equal(err, UV_ENOMEM);
      expect_topics(0);
    } else {
      expect_topics(1);
    }
    for (int part = 0; part < 3; part++) {
      zuv_msg_t message = part_of("part");
      zuv_msg_t large;

      assert_int_equal(zuv_msg_init_size(&large, 300), 0);
      memset(zuv_msg_data(&large), 'L', 300);
      allocations_left = allowed;
      zuv__pipe_arrived(links[0].pipe, part == 1 ? &large : &message, part < 2,
                        &err);
      allocations_left = -1;
      zuv_msg_close(&message);
      zuv_msg_close(&large);
      if (err != 0)
        break;
    }
    allocations_left = allowed;
    end_link(0);
    run();
    allocations_left = -1;
    expect_topics(0);
  }
  /* Blocks of the pool were kept, so all of the last message was delivered. */
  assert_non_null(strstr(received.text, "part,L,part "));
}

static int setup_group(void **state) {
  (void)state;
  return zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc,
                               free);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_pub_sends_to_those_that_match),
      TEST(test_pub_gives_a_single_peer_the_message_itself),
      TEST(test_pub_takes_all_forms_of_links),
      TEST(test_pub_copies_many_parts),
      TEST(test_pub_drops_for_the_slow_alone),
      TEST(test_pub_forgets_who_leaves),
      TEST(test_pub_takes_subscriptions_as_messages),
      TEST(test_pub_inverts_matching),
      TEST(test_nodrop_sends_to_all_or_none),
      TEST(test_nodrop_request_goes_on_when_the_slow_cancels),
      TEST(test_welcome_begins_each_connection),
      TEST(test_xpub_reports_first_and_last),
      TEST(test_xpub_verbose_and_verboser),
      TEST(test_xpub_delivers_messages_in_order),
      TEST(test_xpub_only_first_subscribe),
      TEST(test_xpub_delivers_whole_messages_of_the_lost),
      TEST(test_xpub_bounds_messages_not_subscriptions),
      TEST(test_xpub_closes_with_messages_unread),
      TEST(test_xpub_reports_long_topics),
      TEST(test_manual_leaves_it_to_the_application),
      TEST(test_manual_reports_what_a_leaving_peer_asked_for),
      TEST(test_last_value_goes_to_the_last_subscriber),
      TEST(test_sub_tells_its_peers),
      TEST(test_sub_filters),
      TEST(test_sub_without_memory_takes_it_back),
      TEST(test_xsub_sends_subscriptions),
      TEST(test_xsub_subscriptions_are_state),
      TEST(test_xsub_sends_all_else_to_everyone),
      TEST(test_xsub_without_memory_takes_it_back),
      TEST(test_xpub_survives_want_of_memory),
  };
  return cmocka_run_group_tests(tests, setup_group, NULL);
}
