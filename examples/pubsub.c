/* A publisher that sends a reading of two sensors every 10 ms, and a subscriber
 * that wants only one of them and leaves after COUNT readings.
 *
 *   pubsub [COUNT]     5 if not said otherwise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zuv.h>

static zuv_socket_t publisher;
static zuv_socket_t subscriber;
static uv_timer_t clock_tick;
static int readings_due = 5;

static void check(int err) {
  if (err == 0)
    return;
  fprintf(stderr, "%s: %s\n", zuv_err_name(err), zuv_strerror(err));
  exit(1);
}

/* The first part is what subscriptions are compared with. A publisher never
 * waits: who is not there, or does not keep up, misses messages. */
static void publish(const char *topic, int value) {
  char text[16];
  zuv_msg_t parts[2];

  snprintf(text, sizeof(text), "%d", value);
  zuv_msg_init_view(&parts[0], topic, strlen(topic));
  zuv_msg_init_view(&parts[1], text, strlen(text));
  check(zuv_try_send(&publisher, parts, 2));
}

static void on_tick(uv_timer_t *timer) {
  static int tick;

  (void)timer;
  publish("temperature.hall", 20 + tick % 3);
  publish("humidity.hall", 40 + tick % 5);
  tick++;
}

static void on_reading(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                       zuv_peer_t *peer) {
  (void)count;
  (void)peer;
  printf("%.*s = %.*s\n", (int)zuv_msg_size(&parts[0]),
         (const char *)zuv_msg_data(&parts[0]), (int)zuv_msg_size(&parts[1]),
         (const char *)zuv_msg_data(&parts[1]));
  if (--readings_due > 0)
    return;
  zuv_close(socket, NULL);
  zuv_close(&publisher, NULL);
  uv_close((uv_handle_t *)&clock_tick, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  char endpoint[64];
  size_t size = sizeof(endpoint);

  if (argc > 1)
    readings_due = atoi(argv[1]);

  check(zuv_socket_init(NULL, loop, &publisher, ZUV_PUB));
  check(zuv_bind(&publisher, "tcp://127.0.0.1:*"));
  check(zuv_get_option(&publisher, ZUV_LAST_ENDPOINT, endpoint, &size));

  check(zuv_socket_init(NULL, loop, &subscriber, ZUV_SUB));
  check(zuv_set_option(&subscriber, ZUV_SUBSCRIBE, "temperature.", 12));
  check(zuv_connect(&subscriber, endpoint));
  check(zuv_recv_start(&subscriber, on_reading));

  check(uv_timer_init(loop, &clock_tick));
  check(uv_timer_start(&clock_tick, on_tick, 0, 10));

  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
