/* The round trip of a plain libuv program that moves as many bytes as REQ and
 * REP put on the wire for a message of this size. */
#include <netinet/in.h>
#include <string.h>

#include "bench.h"
#include "zuv.h"

enum { FRAMING = 4 /* the empty delimiter, and the header of a small part */ };

typedef struct {
  uv_tcp_t listener;
  uv_tcp_t stream;
  uv_connect_t request;
  uint64_t done;
  uint64_t count;
  size_t size; /* bytes of a message on the wire */
  size_t have; /* of the message that is coming in */
  char body[BENCH_SMALL_MAX];
  char buffer[64 * 1024];
} side_t;

static side_t side;

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(side.buffer, sizeof(side.buffer));
}

static void send_bytes(char *bytes) {
  uv_buf_t buffer = uv_buf_init(bytes, (unsigned int)side.size);
  int written = uv_try_write((uv_stream_t *)&side.stream, &buffer, 1);

  bench_require_ok(written, "uv_try_write");
  bench_require((size_t)written == side.size, "writing a whole message");
}

/* True: a whole message has come in. */
static bool take(ssize_t size) {
  bench_require_ok((int)size, "reading");
  side.have += (size_t)size;
  if (side.have < side.size)
    return false;
  side.have -= side.size;
  side.done++;
  return true;
}

static void on_request(uv_stream_t *stream, ssize_t size,
                       const uv_buf_t *buffer) {
  (void)buffer;
  if (size == UV_EOF) {
    uv_close((uv_handle_t *)stream, NULL);
    uv_close((uv_handle_t *)&side.listener, NULL);
    return;
  }
  if (take(size))
    send_bytes(side.body);
}

static void on_connection(uv_stream_t *listener, int status) {
  bench_require_ok(status, "listening");
  bench_require_ok(uv_tcp_init(listener->loop, &side.stream), "uv_tcp_init");
  bench_require_ok(uv_accept(listener, (uv_stream_t *)&side.stream),
                   "uv_accept");
  uv_tcp_nodelay(&side.stream, 1);
  bench_require_ok(
      uv_read_start((uv_stream_t *)&side.stream, alloc, on_request),
      "uv_read_start");
}

static void prepare(const bench_work_t *work) {
  side.count = work->count;
  side.size = work->size + FRAMING;
  bench_require(side.size <= sizeof(side.body), "room for the message");
  memset(side.body, 'x', sizeof(side.body));
}

static double answer(const bench_work_t *work, int link) {
  struct sockaddr_in address;
  int size = sizeof(address);
  uv_loop_t *loop = uv_default_loop();
  int port;

  prepare(work);
  uv_ip4_addr("127.0.0.1", 0, &address);
  bench_require_ok(uv_tcp_init(loop, &side.listener), "uv_tcp_init");
  bench_require_ok(uv_tcp_bind(&side.listener, (struct sockaddr *)&address, 0),
                   "uv_tcp_bind");
  bench_require_ok(uv_listen((uv_stream_t *)&side.listener, 128, on_connection),
                   "uv_listen");
  bench_require_ok(
      uv_tcp_getsockname(&side.listener, (struct sockaddr *)&address, &size),
      "uv_tcp_getsockname");
  port = ntohs(address.sin_port);
  bench_say(link, &port, sizeof(port));
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}

static void on_reply(uv_stream_t *stream, ssize_t size,
                     const uv_buf_t *buffer) {
  (void)buffer;
  if (!take(size))
    return;
  if (side.done == side.count)
    uv_close((uv_handle_t *)stream, NULL);
  else
    send_bytes(side.body);
}

static void on_connect(uv_connect_t *request, int status) {
  bench_require_ok(status, "uv_tcp_connect");
  bench_require_ok(uv_read_start(request->handle, alloc, on_reply),
                   "uv_read_start");
  send_bytes(side.body);
}

static double measure(const bench_work_t *work, int link) {
  struct sockaddr_in address;
  uv_loop_t *loop = uv_default_loop();
  uint64_t begin;
  int port;

  prepare(work);
  bench_hear(link, &port, sizeof(port));
  uv_ip4_addr("127.0.0.1", port, &address);
  bench_require_ok(uv_tcp_init(loop, &side.stream), "uv_tcp_init");
  uv_tcp_nodelay(&side.stream, 1);
  begin = bench_now();
  bench_require_ok(uv_tcp_connect(&side.request, &side.stream,
                                  (struct sockaddr *)&address, on_connect),
                   "uv_tcp_connect");
  uv_run(loop, UV_RUN_DEFAULT);
  bench_require(side.done == work->count, "receiving all replies");
  return (double)(bench_now() - begin) / 1e9 / (double)work->count;
}

double bench_round_trip_uv(const bench_work_t *work) {
  return bench_run_roles(work, measure, answer);
}
