/* Many threads on one context: each with sockets of its own, sockets that go
 * from hand to hand, and the end of the context in the middle of it. */
#include <pthread.h>

#include "support/blocked.h"
#include "support/blocking.h"

enum { THREADS = 8 };

/* What may be used by any thread: results instead of failures. */

static void *open_socket(void *context, int type) {
  const int deadline = BLOCKING_DEADLINE_MS;
  const int linger = 0;
  void *socket = zmq_socket(context, type);

  if (socket == NULL)
    return NULL;
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
  zmq_setsockopt(socket, ZMQ_RCVTIMEO, &deadline, sizeof(deadline));
  zmq_setsockopt(socket, ZMQ_SNDTIMEO, &deadline, sizeof(deadline));
  return socket;
}

/* A closed socket may count for a while yet. */
static void *open_when_there_is_room(void *context, int type) {
  uint64_t until = blocking_now_ms() + BLOCKING_DEADLINE_MS;
  void *socket;

  while ((socket = open_socket(context, type)) == NULL && errno == EMFILE &&
         blocking_now_ms() < until)
    blocking_sleep_ms(1);
  return socket;
}

/* Binds over the current transport; the name is for inproc. */
static int bind_any(void *socket, const char *name, char *endpoint) {
  size_t size = BLOCKING_TEXT_MAX;

  if (blocking_is_inproc())
    snprintf(endpoint, BLOCKING_TEXT_MAX, "inproc://%s", name);
  else
    snprintf(endpoint, BLOCKING_TEXT_MAX, "%s",
             blocking_is_tcp() ? "tcp://127.0.0.1:*" : "ipc://*");
  if (zmq_bind(socket, endpoint) != 0)
    return -1;
  return zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
}

/* The error is what to tell the test when the result is -1. */
static int fail_with(int error) {
  errno = error;
  return -1;
}

/* Receives one part, which has to be this number. */
static int receive_number(void *socket, int expected) {
  int number = -1;

  if (zmq_recv(socket, &number, sizeof(number), 0) != sizeof(number))
    return -1;
  return number == expected ? 0 : fail_with(EPROTO);
}

static int send_number(void *socket, int number) {
  return zmq_send(socket, &number, sizeof(number), 0) == sizeof(number) ? 0
                                                                        : -1;
}

static int ask_and_answer(void *asker, void *answerer, int rounds) {
  for (int i = 0; i < rounds; i++) {
    if (send_number(asker, i) != 0 || receive_number(answerer, i) != 0 ||
        send_number(answerer, -i) != 0 || receive_number(asker, -i) != 0)
      return -1;
  }
  return 0;
}

typedef struct {
  void *context;
  char name[32];
  int rounds;
  int talks; /* so far */
  blocked_t thread;
} talker_t;

/* Two sockets of its own, that talk to each other. */
static int talk(void *argument) {
  talker_t *talker = argument;
  char endpoint[BLOCKING_TEXT_MAX];
  char name[64]; /* a closed socket may hold its name for a while yet */
  void *answerer = open_when_there_is_room(talker->context, ZMQ_REP);
  void *asker = open_when_there_is_room(talker->context, ZMQ_REQ);
  int result = -1;
  int error;

  snprintf(name, sizeof(name), "%s-%d", talker->name, talker->talks++);
  if (answerer != NULL && asker != NULL &&
      bind_any(answerer, name, endpoint) == 0 &&
      zmq_connect(asker, endpoint) == 0)
    result = ask_and_answer(asker, answerer, talker->rounds);
  error = errno;
  zmq_close(asker);
  zmq_close(answerer);
  errno = error;
  return result;
}

static void start_talkers(void *context, talker_t *talkers, size_t count,
                          int rounds) {
  for (size_t i = 0; i < count; i++) {
    talkers[i].context = context;
    talkers[i].rounds = rounds;
    snprintf(talkers[i].name, sizeof(talkers[i].name), "talker-%zu", i);
    blocked_start(&talkers[i].thread, talk, &talkers[i]);
  }
}

static void join_talkers(talker_t *talkers, size_t count) {
  for (size_t i = 0; i < count; i++)
    blocked_expect_ok(&talkers[i].thread);
}

static void test_each_its_own(void **state) {
  blocking_t *b = *state;
  static talker_t talkers[THREADS];

  start_talkers(b->context, talkers, THREADS, 200);
  join_talkers(talkers, THREADS);
}

static void test_each_its_own_on_four_io_threads(void **state) {
  blocking_t *b = *state;
  static talker_t talkers[THREADS];

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 4));
  start_talkers(b->context, talkers, THREADS, 200);
  join_talkers(talkers, THREADS);
}

/* ---- One socket, many threads in turn ---- */

static int echo(void *socket) {
  char bytes[64];
  int size;

  while ((size = zmq_recv(socket, bytes, sizeof(bytes), 0)) > 0) {
    if (zmq_send(socket, bytes, (size_t)size, 0) != size)
      return -1;
  }
  return size;
}

typedef struct {
  pthread_mutex_t mutex;
  void *socket;
  int asked; /* guarded by the mutex */
} shared_t;

static int use_in_turn(void *argument) {
  shared_t *shared = argument;
  int result = 0;

  for (int i = 0; i < 50 && result == 0; i++) {
    pthread_mutex_lock(&shared->mutex);
    shared->asked++;
    result = send_number(shared->socket, shared->asked);
    if (result == 0)
      result = receive_number(shared->socket, shared->asked);
    pthread_mutex_unlock(&shared->mutex);
  }
  return result;
}

static void share_between_threads(blocking_t *b, int type, int echo_type) {
  static shared_t shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  static blocked_t users[THREADS];
  static blocked_t echoer;
  void *peer;

  blocking_pair(b, type, echo_type, &shared.socket, &peer);
  blocking_set(shared.socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  shared.asked = 0;
  blocked_start(&echoer, echo, peer);
  for (size_t i = 0; i < THREADS; i++)
    blocked_start(&users[i], use_in_turn, &shared);
  for (size_t i = 0; i < THREADS; i++)
    blocked_expect_ok(&users[i]);
  assert_int_equal(shared.asked, THREADS * 50);
  assert_int_equal(zmq_send(shared.socket, "", 0, 0), 0);
  blocked_expect_ok(&echoer);
}

static void test_handed_around(void **state) {
  share_between_threads(*state, ZMQ_PAIR, ZMQ_PAIR);
  share_between_threads(*state, ZMQ_DEALER, ZMQ_DEALER);
  share_between_threads(*state, ZMQ_REQ, ZMQ_REP);
}

/* ---- Streams between threads ---- */

enum { STREAM = 3000 };

static int send_stream(void *socket) {
  for (int i = 0; i < STREAM; i++) {
    if (zmq_send(socket, "head", 4, ZMQ_SNDMORE) != 4 ||
        send_number(socket, i) != 0)
      return -1;
  }
  return 0;
}

static int receive_stream(void *socket) {
  char head[4];

  for (int i = 0; i < STREAM; i++) {
    if (zmq_recv(socket, head, sizeof(head), 0) != 4 ||
        receive_number(socket, i) != 0)
      return -1;
  }
  return 0;
}

/* Both wait for each other all the time, for the queues are short. */
static void stream(blocking_t *b, int high_water_mark) {
  static blocked_t sender;
  static blocked_t receiver;
  void *puller = blocking_socket(b, ZMQ_PULL);
  void *pusher = blocking_socket(b, ZMQ_PUSH);

  blocking_set_hwm(puller, high_water_mark, high_water_mark);
  blocking_set_hwm(pusher, high_water_mark, high_water_mark);
  blocking_set(puller, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(pusher, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_attach(b, puller, pusher, NULL);
  blocked_start(&receiver, receive_stream, puller);
  blocked_start(&sender, send_stream, pusher);
  blocked_expect_ok(&sender);
  blocked_expect_ok(&receiver);
}

static void test_stream(void **state) {
  stream(*state, 1);
  stream(*state, 10);
  stream(*state, 1000);
}

typedef struct {
  void *context;
  const char *endpoint;
  int number;
  blocked_t thread;
} source_t;

/* Messages of two parts: who sends, and a running number. */
static int run_source(void *argument) {
  source_t *source = argument;
  const int linger = -1;
  void *socket = open_socket(source->context, ZMQ_PUSH);
  int result = -1;

  if (socket == NULL)
    return -1;
  if (zmq_connect(socket, source->endpoint) == 0)
    result = 0;
  for (int i = 0; i < STREAM / 10 && result == 0; i++) {
    if (zmq_send(socket, &source->number, sizeof(int), ZMQ_SNDMORE) < 0 ||
        send_number(socket, i) != 0)
      result = -1;
  }
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
  zmq_close(socket);
  return result;
}

static void test_many_sources(void **state) {
  blocking_t *b = *state;
  static source_t sources[THREADS];
  char endpoint[BLOCKING_TEXT_MAX];
  void *puller = blocking_socket(b, ZMQ_PULL);
  int next[THREADS] = {0};
  int number;

  blocking_set(puller, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  blocking_bind(b, puller, endpoint);
  for (int i = 0; i < THREADS; i++) {
    sources[i] =
        (source_t){.context = b->context, .endpoint = endpoint, .number = i};
    blocked_start(&sources[i].thread, run_source, &sources[i]);
  }
  for (int i = 0; i < THREADS * (STREAM / 10); i++) {
    assert_int_equal(zmq_recv(puller, &number, sizeof(number), 0),
                     sizeof(number));
    assert_in_range(number, 0, THREADS - 1);
    assert_int_equal(receive_number(puller, next[number]), 0);
    next[number]++;
  }
  for (int i = 0; i < THREADS; i++)
    blocked_expect_ok(&sources[i].thread);
}

/* ---- Those who wait hold nobody up ---- */

static int receive_one(void *socket) {
  char byte;

  return zmq_recv(socket, &byte, 1, 0);
}

static int poll_one(void *socket) {
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

  if (zmq_poll(&item, 1, -1) != 1)
    return -1;
  return receive_one(socket);
}

/* Waiting threads are woken one by one, while the main thread talks. */
static void talk_beside_waiters(blocking_t *b) {
  static blocked_t waiters[THREADS];
  void *waiting[THREADS];
  void *wakers[THREADS];
  void *asker;
  void *answerer;

  blocking_pair(b, ZMQ_REP, ZMQ_REQ, &answerer, &asker);
  for (size_t i = 0; i < THREADS; i++) {
    blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &waiting[i], &wakers[i]);
    blocked_start(&waiters[i], i % 2 == 0 ? receive_one : poll_one, waiting[i]);
  }
  for (size_t i = 0; i < THREADS; i++)
    blocked_wait_asleep(&waiters[i]);
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(ask_and_answer(asker, answerer, 50), 0);
    for (size_t k = i; k < THREADS; k++)
      assert_false(blocked_has_returned(&waiters[k]));
    blocking_send(wakers[i], "w");
    blocked_expect_ok(&waiters[i]);
    assert_int_equal(waiters[i].result, 1);
  }
}

static void test_waiting_beside_others(void **state) {
  talk_beside_waiters(*state);
}

static void test_waiting_beside_others_on_four_io_threads(void **state) {
  blocking_t *b = *state;

  blocking_expect_ok(zmq_ctx_set(b->context, ZMQ_IO_THREADS, 4));
  talk_beside_waiters(b);
}

/* ---- Opening and closing ---- */

typedef struct {
  void *context;
  int number;
  blocked_t thread;
} opener_t;

/* Twenty-five times ten sockets: bound, connected, or neither. */
static int open_and_close(void *argument) {
  static const int types[] = {ZMQ_PAIR, ZMQ_PUB,   ZMQ_SUB,    ZMQ_REQ,
                              ZMQ_REP,  ZMQ_PULL,  ZMQ_DEALER, ZMQ_PUSH,
                              ZMQ_XPUB, ZMQ_ROUTER};
  opener_t *opener = argument;
  char endpoint[BLOCKING_TEXT_MAX];
  char name[64];
  void *sockets[10] = {NULL};

  for (int round = 0; round < 25; round++) {
    for (int i = 0; i < 10; i++) {
      sockets[i] = open_when_there_is_room(opener->context, types[i]);
      if (sockets[i] == NULL)
        return -1;
    }
    snprintf(name, sizeof(name), "opener-%d-%d", opener->number, round);
    if (bind_any(sockets[0], name, endpoint) != 0 ||
        zmq_connect(sockets[6], endpoint) != 0 ||
        zmq_connect(sockets[1], endpoint) != 0)
      return -1;
    for (int i = 0; i < 10; i++) {
      if (zmq_close(sockets[i]) != 0)
        return -1;
    }
  }
  return 0;
}

static void test_a_thousand_sockets_while_others_talk(void **state) {
  enum { OPENERS = 4, TALKERS = 3 };
  blocking_t *b = *state;
  static talker_t talkers[TALKERS];
  static opener_t openers[OPENERS];

  start_talkers(b->context, talkers, TALKERS, 500);
  for (int i = 0; i < OPENERS; i++) {
    openers[i] = (opener_t){.context = b->context, .number = i};
    blocked_start(&openers[i].thread, open_and_close, &openers[i]);
  }
  for (int i = 0; i < OPENERS; i++)
    blocked_expect_ok(&openers[i].thread);
  join_talkers(talkers, TALKERS);
}

static int run_contexts(void *argument) {
  talker_t *talker = argument;
  int result = 0;

  for (int i = 0; i < 10 && result == 0; i++) {
    talker->context = zmq_ctx_new();
    if (talker->context == NULL)
      return -1;
    result = talk(talker);
    if (zmq_ctx_term(talker->context) != 0)
      result = -1;
  }
  return result;
}

static void test_contexts_in_every_thread(void **state) {
  static talker_t talkers[THREADS];

  (void)state;
  for (size_t i = 0; i < THREADS; i++) {
    talkers[i].rounds = 10;
    snprintf(talkers[i].name, sizeof(talkers[i].name), "same-name");
    blocked_start(&talkers[i].thread, run_contexts, &talkers[i]);
  }
  join_talkers(talkers, THREADS);
}

/* ---- The end, at any moment ---- */

static void new_context(blocking_t *b) {
  b->context = zmq_ctx_new();
  assert_non_null(b->context);
}

/* Behaviour 121: zmq_ctx_term comes before, at and after the call. */
static void test_term_races_every_wait(void **state) {
  enum { ROUNDS = 10 };
  blocking_t *b = *state;
  static blocked_wait_t wait;
  static blocked_t blocked;

  for (int round = 0; round < ROUNDS; round++) {
    for (size_t kind = 0; kind < blocked_kinds(); kind++) {
      blocked_prepare(b, &wait, kind, round % 2 == 0 ? -1 : 10000);
      blocked_start_wait(&blocked, &wait, true);
      if (round % 3 == 1)
        blocked_wait_asleep(&blocked);
      else if (round % 3 == 2)
        blocking_wait(atomic_load(&blocked.thread_id) != 0);
      blocking_expect_ok(zmq_ctx_term(b->context));
      blocked_expect_errno(&blocked, ETERM);
      new_context(b);
    }
  }
}

static int talk_until_the_end(void *argument) {
  while (talk(argument) == 0)
    continue;
  return -1;
}

/* Behaviour 121: in the middle of sockets that open, talk and close. */
static void test_term_races_those_who_talk(void **state) {
  blocking_t *b = *state;
  static talker_t talkers[4];

  for (int round = 0; round < 10; round++) {
    for (size_t i = 0; i < 4; i++) {
      talkers[i].context = b->context;
      talkers[i].rounds = 20;
      snprintf(talkers[i].name, sizeof(talkers[i].name), "talker-%zu", i);
      blocked_start(&talkers[i].thread, talk_until_the_end, &talkers[i]);
    }
    blocking_sleep_ms((unsigned)round);
    /* a talker may yet ask for a socket, so the context has to live on */
    blocking_expect_ok(zmq_ctx_shutdown(b->context));
    for (size_t i = 0; i < 4; i++)
      blocked_expect_errno(&talkers[i].thread, ETERM);
    blocking_restart(b);
  }
}

static int shut_down(void *context) {
  return zmq_ctx_shutdown(context);
}

/* Behaviour 124: by several at once, with those who wait. */
static void test_shutdown_from_several_threads(void **state) {
  blocking_t *b = *state;
  static blocked_t waiters[4];
  static blocked_t enders[4];
  void *sockets[4];

  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < 4; i++) {
      sockets[i] = blocking_socket(b, ZMQ_PULL);
      blocked_start(&waiters[i], i % 2 == 0 ? receive_one : poll_one,
                    sockets[i]);
    }
    for (size_t i = 0; i < 4; i++)
      blocked_start(&enders[i], shut_down, b->context);
    for (size_t i = 0; i < 4; i++) {
      blocked_expect_ok(&enders[i]);
      blocked_expect_errno(&waiters[i], ETERM);
    }
    blocking_restart(b);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(test_each_its_own),
      blocking_test(test_each_its_own_on_four_io_threads),
      blocking_test(test_handed_around),
      blocking_test(test_stream),
      blocking_test(test_many_sources),
      blocking_test(test_waiting_beside_others),
      blocking_test(test_waiting_beside_others_on_four_io_threads),
      blocking_test(test_a_thousand_sockets_while_others_talk),
      blocking_test(test_contexts_in_every_thread),
      blocking_test(test_term_races_every_wait),
      blocking_test(test_term_races_those_who_talk),
      blocking_test(test_shutdown_from_several_threads),
  };

  if (!blocking_take_arguments(argc, argv))
    return 1;
  return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
