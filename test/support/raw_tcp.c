#include "support/raw_tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle;
  *out = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *from) {
  raw_tcp_t *raw = (raw_tcp_t *)stream;

  if (count > 0) {
    raw->bytes = realloc(raw->bytes, raw->size + (size_t)count);
    assert_non_null(raw->bytes);
    memcpy(raw->bytes + raw->size, from->base, (size_t)count);
    raw->size += (size_t)count;
  } else if (count < 0) {
    raw->ended = true;
    uv_read_stop(stream);
  }
  free(from->base);
}

static void raw_init(harness_t *h, raw_tcp_t *raw) {
  memset(raw, 0, sizeof(*raw));
  raw->harness = h;
  assert_int_equal(uv_tcp_init(&h->loop, &raw->tcp), 0);
}

static void start_reading(raw_tcp_t *raw) {
  raw->connected = true;
  uv_tcp_nodelay(&raw->tcp, 1);
  uv_read_start((uv_stream_t *)&raw->tcp, on_allocate, on_read);
}

static void on_connect(uv_connect_t *connect, int status) {
  if (status == 0)
    start_reading((raw_tcp_t *)connect->handle);
}

void raw_tcp_connect(harness_t *h, raw_tcp_t *raw, const char *endpoint) {
  struct sockaddr_in address;
  uv_connect_t connect;
  const char *port = strrchr(endpoint, ':');

  raw_init(h, raw);
  assert_non_null(port);
  assert_int_equal(uv_ip4_addr("127.0.0.1", atoi(port + 1), &address), 0);
  assert_int_equal(uv_tcp_connect(&connect, &raw->tcp,
                                  (struct sockaddr *)&address, on_connect),
                   0);
  harness_wait(h, raw->connected);
}

void raw_tcp_send(raw_tcp_t *raw, const void *data, size_t size) {
  const char *bytes = data;

  while (size > 0) {
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);
    int wrote = uv_try_write((uv_stream_t *)&raw->tcp, &buffer, 1);
    if (wrote == UV_EAGAIN) {
      uv_run(&raw->harness->loop, UV_RUN_NOWAIT);
      continue;
    }
    assert_true(wrote > 0);
    bytes += wrote;
    size -= (size_t)wrote;
  }
}

void raw_tcp_stop_reading(raw_tcp_t *raw) {
  uv_read_stop((uv_stream_t *)&raw->tcp);
}

void raw_tcp_read_again(raw_tcp_t *raw) {
  uv_read_start((uv_stream_t *)&raw->tcp, on_allocate, on_read);
}

static void on_raw_closed(uv_handle_t *handle) {
  ((raw_tcp_t *)handle)->closed = true;
}

void raw_tcp_close(raw_tcp_t *raw) {
  if (raw->closed)
    return;
  uv_close((uv_handle_t *)&raw->tcp, on_raw_closed);
  harness_wait(raw->harness, raw->closed);
  free(raw->bytes);
  raw->bytes = NULL;
}

static void on_connection(uv_stream_t *stream, int status) {
  raw_listener_t *listener = (raw_listener_t *)stream;
  raw_tcp_t *raw;

  assert_int_equal(status, 0);
  assert_true(listener->accepted < RAW_TCP_PEERS_MAX);
  raw = malloc(sizeof(*raw));
  assert_non_null(raw);
  raw_init(listener->harness, raw);
  assert_int_equal(uv_accept(stream, (uv_stream_t *)&raw->tcp), 0);
  start_reading(raw);
  listener->peers[listener->accepted++] = raw;
}

void raw_tcp_listen(harness_t *h, raw_listener_t *listener) {
  struct sockaddr_in address;
  int size = sizeof(address);

  memset(listener, 0, sizeof(*listener));
  listener->harness = h;
  assert_int_equal(uv_tcp_init(&h->loop, &listener->tcp), 0);
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
  assert_int_equal(uv_tcp_bind(&listener->tcp, (struct sockaddr *)&address, 0),
                   0);
  assert_int_equal(uv_listen((uv_stream_t *)&listener->tcp, 16, on_connection),
                   0);
  assert_int_equal(
      uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &size),
      0);
  snprintf(listener->endpoint, sizeof(listener->endpoint), "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
}

static void on_listener_closed(uv_handle_t *handle) {
  ((raw_listener_t *)handle)->closed = true;
}

void raw_tcp_listener_close(raw_listener_t *listener) {
  uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
  harness_wait(listener->harness, listener->closed);
  for (size_t i = 0; i < listener->accepted; i++) {
    raw_tcp_close(listener->peers[i]);
    free(listener->peers[i]);
  }
}
