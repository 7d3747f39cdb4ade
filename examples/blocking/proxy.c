/* Clients ask over tcp, a proxy spreads what they ask over worker threads, and
 * ending the context ends all.
 *
 *   proxy [COUNT]     questions of each client, 5 if not said otherwise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum { CLIENTS = 4, WORKERS = 3 };

typedef struct {
  void *socket; /* belongs to the thread once that runs */
  void *thread;
  int answered;
} worker_t;

static void *context;
static int count = 5;

static int check(int result) {
  if (result >= 0)
    return result;
  fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
  exit(1);
}

/* Answers a number by the next one, until the context ends. */
static void work(void *argument) {
  worker_t *worker = argument;
  void *socket = worker->socket;
  int number;

  while (zmq_recv(socket, &number, sizeof(number), 0) >= 0) {
    number++;
    worker->answered++;
    if (zmq_send(socket, &number, sizeof(number), 0) < 0)
      break;
  }
  if (zmq_errno() != ETERM)
    check(-1);
  check(zmq_close(socket));
}

static void start_worker(worker_t *worker) {
  worker->socket = zmq_socket(context, ZMQ_REP);
  check(zmq_connect(worker->socket, "inproc://workers"));
  worker->thread = zmq_threadstart(work, worker);
}

/* All clients ask before the first waits for an answer. */
static void ask(void *endpoint) {
  void *clients[CLIENTS];
  int correct = 0;

  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = zmq_socket(context, ZMQ_REQ);
    check(zmq_connect(clients[i], endpoint));
  }
  for (int round = 0; round < count; round++) {
    for (int i = 0; i < CLIENTS; i++) {
      int number = round * CLIENTS + i;

      check(zmq_send(clients[i], &number, sizeof(number), 0));
    }
    for (int i = 0; i < CLIENTS; i++) {
      int number;

      check(zmq_recv(clients[i], &number, sizeof(number), 0));
      correct += number == round * CLIENTS + i + 1;
    }
  }
  for (int i = 0; i < CLIENTS; i++)
    check(zmq_close(clients[i]));
  printf("%d of %d answers are right\n", correct, count * CLIENTS);
  check(zmq_ctx_shutdown(context));
}

int main(int argc, char **argv) {
  worker_t workers[WORKERS] = {{0}};
  void *frontend, *backend, *clients;
  char endpoint[64];
  size_t size = sizeof(endpoint);
  int answered = 0;

  if (argc > 1)
    count = atoi(argv[1]);
  context = zmq_ctx_new();
  frontend = zmq_socket(context, ZMQ_ROUTER);
  check(zmq_bind(frontend, "tcp://127.0.0.1:*"));
  check(zmq_getsockopt(frontend, ZMQ_LAST_ENDPOINT, endpoint, &size));
  backend = zmq_socket(context, ZMQ_DEALER);
  check(zmq_bind(backend, "inproc://workers"));

  for (int i = 0; i < WORKERS; i++)
    start_worker(&workers[i]);
  clients = zmq_threadstart(ask, endpoint);

  zmq_proxy(frontend, backend, NULL);
  printf("the proxy ended: %s\n", zmq_strerror(zmq_errno()));

  zmq_threadclose(clients);
  for (int i = 0; i < WORKERS; i++) {
    zmq_threadclose(workers[i].thread);
    answered += workers[i].answered;
  }
  printf("%d workers answered %d times\n", WORKERS, answered);
  check(zmq_close(frontend));
  check(zmq_close(backend));
  check(zmq_ctx_term(context));
  return 0;
}
