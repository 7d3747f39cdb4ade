/* Nothing is lost and nothing comes twice within one process: full queues, slow
 * readers, many threads, and a sender that leaves at once. */
#include "support/blocking.h"

#include <pthread.h>

enum { SENDERS = 3, RECEIVERS = 3, EACH = 3000, REQUESTS = 300, CLIENTS = 4 };

typedef struct {
  uint32_t sender;
  uint32_t number;
} item_t;

/* What one thread does with one socket. */
typedef struct {
  pthread_t thread;
  void *socket;
  uint32_t sender;
  size_t count;
  size_t wrong;
} worker_t;

static void start(worker_t *worker, void *(*function)(void *)) {
  assert_int_equal(pthread_create(&worker->thread, NULL, function, worker), 0);
}

static void *limited(blocking_t *b, int type, int limit) {
  void *socket = blocking_socket(b, type);

  blocking_set_hwm(socket, limit, limit);
  blocking_set(socket, ZMQ_SNDTIMEO, BLOCKING_DEADLINE_MS);
  blocking_set(socket, ZMQ_RCVTIMEO, BLOCKING_DEADLINE_MS);
  return socket;
}

/* Sends `count` items of two parts. */
static void *send_items(void *argument) {
  worker_t *worker = argument;
  item_t item = {.sender = worker->sender};

  for (; item.number < worker->count; item.number++) {
    if (zmq_send(worker->socket, "item", 4, ZMQ_SNDMORE) != 4 ||
        zmq_send(worker->socket, &item, sizeof(item), 0) != sizeof(item)) {
      worker->wrong++;
      break;
    }
  }
  return NULL;
}

static bool receive_item(void *socket, item_t *item) {
  char head[4];

  return zmq_recv(socket, head, sizeof(head), 0) == sizeof(head) &&
         zmq_recv(socket, item, sizeof(*item), 0) == sizeof(*item);
}

/* libzmq forgets what an ipc connection still holds when its sender has left
 * while the receiver was full. */
static void *slow_receiver(blocking_t *b) {
  bool forgets = blocking_transport == BLOCKING_IPC && !blocking_is_zuv();

  return limited(b, ZMQ_PULL, forgets ? 0 : 2);
}

/* Receives all items of all senders, slowly, and requires their order. */
static void expect_items(void *pull, uint32_t senders, uint32_t each) {
  uint32_t next[SENDERS] = {0};
  item_t item;

  for (uint32_t i = 0; i < senders * each; i++) {
    assert_true(receive_item(pull, &item));
    assert_in_range(item.sender, 0, senders - 1);
    assert_int_equal(item.number, next[item.sender]);
    next[item.sender]++;
    if (i % 100 == 0)
      blocking_sleep_ms(1);
  }
  blocking_expect_nothing(pull);
}

static void nothing_is_lost_when_queues_are_full(void **state) {
  static const int limits[][2] = {{1, 1}, {3, 2}, {1, 1000}, {0, 1}};
  blocking_t *b = *state;

  for (size_t round = 0; round < 4; round++) {
    worker_t workers[SENDERS] = {0};
    void *pull = limited(b, ZMQ_PULL, limits[round][1]);
    for (uint32_t i = 0; i < SENDERS; i++) {
      workers[i].sender = i;
      workers[i].count = EACH;
      workers[i].socket = limited(b, ZMQ_PUSH, limits[round][0]);
      blocking_join(b, pull, workers[i].socket, NULL);
    }
    for (size_t i = 0; i < SENDERS; i++)
      start(&workers[i], send_items);
    expect_items(pull, SENDERS, EACH);
    for (size_t i = 0; i < SENDERS; i++) {
      pthread_join(workers[i].thread, NULL);
      assert_int_equal(workers[i].wrong, 0);
    }
  }
}

/* What all receivers have got so far (atomic), and whether to stop. */
static size_t total_count;
static bool total_stop;

static size_t load_count(void) {
  return __atomic_load_n(&total_count, __ATOMIC_ACQUIRE);
}

/* Receives until told to stop, summing up. */
static void *sum_items(void *argument) {
  worker_t *worker = argument;
  item_t item;

  while (!__atomic_load_n(&total_stop, __ATOMIC_ACQUIRE)) {
    if (!receive_item(worker->socket, &item)) {
      worker->wrong += errno != EAGAIN;
      continue;
    }
    worker->count += item.number;
    __atomic_add_fetch(&total_count, 1, __ATOMIC_RELEASE);
  }
  return NULL;
}

static void each_message_goes_to_one_receiver(void **state) {
  const size_t expected = (size_t)EACH * (EACH - 1) / 2;
  blocking_t *b = *state;
  worker_t workers[RECEIVERS] = {0};
  worker_t sender = {.socket = limited(b, ZMQ_PUSH, 2), .count = EACH};
  size_t sum = 0;

  total_count = 0;
  total_stop = false;
  for (size_t i = 0; i < RECEIVERS; i++) {
    workers[i].socket = limited(b, ZMQ_PULL, 2);
    blocking_set(workers[i].socket, ZMQ_RCVTIMEO, BLOCKING_QUIET_MS);
    blocking_join(b, workers[i].socket, sender.socket, NULL);
  }
  for (size_t i = 0; i < RECEIVERS; i++)
    start(&workers[i], sum_items);
  send_items(&sender);
  assert_int_equal(sender.wrong, 0);
  blocking_wait(load_count() == EACH);
  blocking_settle();
  __atomic_store_n(&total_stop, true, __ATOMIC_RELEASE);
  for (size_t i = 0; i < RECEIVERS; i++) {
    pthread_join(workers[i].thread, NULL);
    assert_int_equal(workers[i].wrong, 0);
    assert_true(workers[i].count > 0);
    sum += workers[i].count;
  }
  assert_int_equal(load_count(), EACH);
  assert_int_equal(sum, expected);
}

/* ---- Requests ---- */

static void *ask(void *argument) {
  worker_t *worker = argument;
  item_t item = {.sender = worker->sender};
  item_t reply;

  for (; item.number < REQUESTS; item.number++) {
    if (zmq_send(worker->socket, &item, sizeof(item), 0) != sizeof(item) ||
        zmq_recv(worker->socket, &reply, sizeof(reply), 0) != sizeof(reply) ||
        memcmp(&item, &reply, sizeof(item)) != 0) {
      worker->wrong++;
      break;
    }
  }
  return NULL;
}

static void each_request_gets_its_reply(void **state) {
  blocking_t *b = *state;
  worker_t workers[CLIENTS] = {0};
  /* libzmq may see the room for a reply too late, and drops it then */
  const int limit = blocking_is_zuv() ? 1 : 1000;
  void *rep = limited(b, ZMQ_REP, limit);
  item_t item;

  for (uint32_t i = 0; i < CLIENTS; i++) {
    workers[i].sender = i;
    workers[i].socket = limited(b, ZMQ_REQ, limit);
    blocking_join(b, rep, workers[i].socket, NULL);
  }
  for (size_t i = 0; i < CLIENTS; i++)
    start(&workers[i], ask);
  for (size_t i = 0; i < (size_t)CLIENTS * REQUESTS; i++) {
    assert_int_equal(zmq_recv(rep, &item, sizeof(item), 0), sizeof(item));
    assert_int_equal(zmq_send(rep, &item, sizeof(item), 0), sizeof(item));
  }
  for (size_t i = 0; i < CLIENTS; i++) {
    pthread_join(workers[i].thread, NULL);
    assert_int_equal(workers[i].wrong, 0);
  }
  blocking_expect_nothing(rep);
}

/* ---- A sender that leaves ---- */

static void *send_items_and_close(void *argument) {
  worker_t *worker = argument;

  send_items(worker);
  worker->wrong += zmq_close(worker->socket) != 0;
  return NULL;
}

static void a_sender_that_leaves_delivers_all(void **state) {
  static const int limits[] = {1, 5, 0};
  blocking_t *b = *state;

  for (size_t round = 0; round < 3; round++) {
    worker_t workers[SENDERS] = {0};
    void *pull = slow_receiver(b);
    for (uint32_t i = 0; i < SENDERS; i++) {
      workers[i].sender = i;
      workers[i].count = EACH / 3;
      workers[i].socket = limited(b, ZMQ_PUSH, limits[round]);
      blocking_join(b, pull, workers[i].socket, NULL);
      blocking_forget(b, workers[i].socket);
    }
    for (size_t i = 0; i < SENDERS; i++)
      start(&workers[i], send_items_and_close);
    expect_items(pull, SENDERS, EACH / 3);
    for (size_t i = 0; i < SENDERS; i++) {
      pthread_join(workers[i].thread, NULL);
      assert_int_equal(workers[i].wrong, 0);
    }
  }
}

static void a_sender_that_never_saw_its_receiver_delivers_all(void **state) {
  blocking_t *b = *state;
  void *pull = slow_receiver(b);
  char endpoint[BLOCKING_TEXT_MAX];

  blocking_fresh_endpoint(b, endpoint);
  for (uint32_t i = 0; i < SENDERS; i++) {
    worker_t worker = {.sender = i, .count = EACH};
    worker.socket = limited(b, ZMQ_PUSH, 0);
    blocking_connect(worker.socket, endpoint);
    blocking_forget(b, worker.socket);
    send_items_and_close(&worker);
    assert_int_equal(worker.wrong, 0);
  }
  blocking_bind_to(pull, endpoint);
  expect_items(pull, SENDERS, EACH);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      blocking_test(nothing_is_lost_when_queues_are_full),
      blocking_test(each_message_goes_to_one_receiver),
      blocking_test(each_request_gets_its_reply),
      blocking_test(a_sender_that_leaves_delivers_all),
      blocking_test(a_sender_that_never_saw_its_receiver_delivers_all),
  };

  if (!blocking_take_arguments(argc, argv))
    return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
