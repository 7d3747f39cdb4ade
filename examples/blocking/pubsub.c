/* A publisher with readings of two sensors, and a subscriber in another thread
 * that wants those of one.
 *
 *   pubsub [COUNT]     readings of each, 5 if not said otherwise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

static void *context;
static int count = 5;

static int check(int result) {
  if (result >= 0)
    return result;
  fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
  exit(1);
}

/* The first part is what subscriptions are compared with. */
static void publish(void *publisher, const char *topic, int value) {
  char text[16];

  snprintf(text, sizeof(text), "%d", value);
  check(zmq_send(publisher, topic, strlen(topic), ZMQ_SNDMORE));
  check(zmq_send(publisher, text, strlen(text), 0));
}

static void subscribe(void *endpoint) {
  void *subscriber = zmq_socket(context, ZMQ_SUB);
  char topic[32];
  char text[16];

  check(zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "temperature.", 12));
  check(zmq_connect(subscriber, endpoint));
  for (int i = 0; i < count; i++) {
    int topic_length = check(zmq_recv(subscriber, topic, sizeof(topic), 0));
    int text_length = check(zmq_recv(subscriber, text, sizeof(text), 0));

    printf("%.*s = %.*s\n", topic_length, topic, text_length, text);
  }
  check(zmq_close(subscriber));
}

int main(int argc, char **argv) {
  void *publisher, *thread;
  char notice[32];
  char endpoint[64];
  size_t size = sizeof(endpoint);
  int no_limit = 0;

  if (argc > 1)
    count = atoi(argv[1]);
  context = zmq_ctx_new();

  /* Who is not there yet misses what is published. An XPUB is a PUB that is
   * told who subscribes, so it can wait for the first. */
  publisher = zmq_socket(context, ZMQ_XPUB);
  check(zmq_setsockopt(publisher, ZMQ_SNDHWM, &no_limit, sizeof(no_limit)));
  check(zmq_bind(publisher, "tcp://127.0.0.1:*"));
  check(zmq_getsockopt(publisher, ZMQ_LAST_ENDPOINT, endpoint, &size));
  thread = zmq_threadstart(subscribe, endpoint);

  size = (size_t)check(zmq_recv(publisher, notice, sizeof(notice), 0));
  printf("%s: %.*s*\n", notice[0] == 1 ? "subscribed" : "unsubscribed",
         (int)size - 1, notice + 1);
  for (int i = 0; i < count; i++) {
    publish(publisher, "temperature.hall", 20 + i % 3);
    publish(publisher, "humidity.hall", 40 + i % 5);
  }

  zmq_threadclose(thread);
  check(zmq_close(publisher));
  check(zmq_ctx_term(context));
  return 0;
}
