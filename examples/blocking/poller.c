/* One thread that waits for two sockets and a plain descriptor at once: a clock
 * ticks, each tick asks two worker threads for a power of its number, and the
 * answers come when they come.
 *
 *   poller [COUNT]     ticks, 5 if not said otherwise */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <zmq.h>

enum { WORKERS = 2, CLOCK = WORKERS, ITEMS = WORKERS + 1, TICK_MS = 10 };

typedef struct {
  void *socket; /* the asking end */
  void *thread;
  int power;
  char endpoint[32];
} worker_t;

static void *context;

static int check(int result) {
  if (result >= 0)
    return result;
  perror("poller");
  exit(1);
}

/* Runs in a thread until it is asked for the power of 0. */
static void work(void *argument) {
  const worker_t *worker = argument;
  void *socket = zmq_socket(context, ZMQ_PAIR);
  int64_t number;

  check(zmq_connect(socket, worker->endpoint));
  for (;;) {
    int64_t result = 1;

    check(zmq_recv(socket, &number, sizeof(number), 0));
    if (number == 0)
      break;
    for (int i = 0; i < worker->power; i++)
      result *= number;
    check(zmq_send(socket, &result, sizeof(result), 0));
  }
  check(zmq_close(socket));
}

static void start_worker(worker_t *worker, int power) {
  worker->power = power;
  worker->socket = zmq_socket(context, ZMQ_PAIR);
  snprintf(worker->endpoint, sizeof(worker->endpoint), "inproc://power-%d",
           power);
  check(zmq_bind(worker->socket, worker->endpoint));
  worker->thread = zmq_threadstart(work, worker);
}

static void ask(worker_t *worker, int64_t number) {
  check(zmq_send(worker->socket, &number, sizeof(number), 0));
}

static void stop_worker(worker_t *worker) {
  ask(worker, 0);
  zmq_threadclose(worker->thread);
  check(zmq_close(worker->socket));
}

static int start_clock(void) {
  struct itimerspec every = {.it_interval = {.tv_nsec = TICK_MS * 1000000},
                             .it_value = {.tv_nsec = TICK_MS * 1000000}};
  int clock = check(timerfd_create(CLOCK_MONOTONIC, 0));

  check(timerfd_settime(clock, 0, &every, NULL));
  return clock;
}

static void run(worker_t *workers, int clock, int count) {
  zmq_pollitem_t items[ITEMS] = {{0}};
  int ticks = 0;

  for (int i = 0; i < WORKERS; i++)
    items[i] = (zmq_pollitem_t){workers[i].socket, 0, ZMQ_POLLIN, 0};
  items[CLOCK] = (zmq_pollitem_t){NULL, clock, ZMQ_POLLIN, 0};

  for (int answers = 0; answers < count * WORKERS;) {
    check(zmq_poll(items, ITEMS, -1));
    if (items[CLOCK].revents & ZMQ_POLLIN) {
      uint64_t expirations;

      check((int)read(clock, &expirations, sizeof(expirations)));
      printf("tick %d\n", ++ticks);
      for (int i = 0; i < WORKERS; i++)
        ask(&workers[i], ticks);
      if (ticks == count)
        items[CLOCK].events = 0;
    }
    for (int i = 0; i < WORKERS; i++) {
      int64_t result;

      if ((items[i].revents & ZMQ_POLLIN) == 0)
        continue;
      check(zmq_recv(workers[i].socket, &result, sizeof(result), 0));
      printf("a power of %d: %lld\n", workers[i].power, (long long)result);
      answers++;
    }
  }
}

int main(int argc, char **argv) {
  worker_t workers[WORKERS];
  int clock;

  context = zmq_ctx_new();
  for (int i = 0; i < WORKERS; i++)
    start_worker(&workers[i], i + 2);
  clock = start_clock();
  run(workers, clock, argc > 1 ? atoi(argv[1]) : 5);
  close(clock);
  for (int i = 0; i < WORKERS; i++)
    stop_worker(&workers[i]);
  check(zmq_ctx_term(context));
  return 0;
}
