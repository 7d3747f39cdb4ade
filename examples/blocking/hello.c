/* A REP socket answers what a REQ socket asks, five times.
 *
 *   hello                       both, in two threads
 *   hello server [ENDPOINT]     the one in this terminal,
 *   hello client [ENDPOINT]     the other in that one
 *
 * ENDPOINT is tcp://127.0.0.1:5555 if not said otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum { QUESTIONS = 5, PATIENCE_MS = 10000 };

static void *context;

static int check(int result) {
  if (result >= 0)
    return result;
  fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
  exit(1);
}

/* zmq_recv() returns the whole length, also of what it had to cut off. */
static void receive(void *socket, char *text, size_t size) {
  int length = check(zmq_recv(socket, text, size - 1, 0));

  text[(size_t)length < size ? (size_t)length : size - 1] = '\0';
}

static void serve(void *server) {
  char question[64];
  char answer[80];

  for (int i = 0; i < QUESTIONS; i++) {
    receive(server, question, sizeof(question));
    printf("server: \"%s\"\n", question);
    snprintf(answer, sizeof(answer), "%s, too", question);
    check(zmq_send(server, answer, strlen(answer), 0));
  }
}

static void ask(void *endpoint) {
  void *client = zmq_socket(context, ZMQ_REQ);
  int patience = PATIENCE_MS;
  char text[80];

  check(zmq_setsockopt(client, ZMQ_RCVTIMEO, &patience, sizeof(patience)));
  check(zmq_connect(client, endpoint));
  for (int i = 1; i <= QUESTIONS; i++) {
    snprintf(text, sizeof(text), "hello %d", i);
    check(zmq_send(client, text, strlen(text), 0));
    receive(client, text, sizeof(text));
    printf("client: \"%s\"\n", text);
  }
  check(zmq_close(client));
}

static void serve_at(const char *endpoint, zmq_thread_fn *beside) {
  void *server = zmq_socket(context, ZMQ_REP);
  void *thread = NULL;
  char bound[64];
  size_t size = sizeof(bound);

  check(zmq_bind(server, endpoint));
  check(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, bound, &size));
  printf("server: listening on %s\n", bound);
  if (beside != NULL)
    thread = zmq_threadstart(beside, bound);
  serve(server);
  if (thread != NULL)
    zmq_threadclose(thread);
  check(zmq_close(server));
}

int main(int argc, char **argv) {
  char endpoint[64] = "tcp://127.0.0.1:5555";

  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc > 2)
    snprintf(endpoint, sizeof(endpoint), "%s", argv[2]);
  context = zmq_ctx_new();
  if (argc == 1)
    serve_at("tcp://127.0.0.1:*", ask);
  else if (strcmp(argv[1], "server") == 0)
    serve_at(endpoint, NULL);
  else
    ask(endpoint);
  check(zmq_ctx_term(context));
  return 0;
}
