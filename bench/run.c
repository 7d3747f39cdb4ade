/* The native suite: zuv's own API against libzmq, raw sockets and plain libuv.
 * libzmq is loaded before the rows run. See README.md. */
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"
#include "libzmq.h"
#include "zuv.h"

#define KIB 1024
#define MIB (1024 * 1024)

/* clang-format off */
static const row_t rows[] = {
  {"push-16", "PUSH-PULL tcp 16 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 3.0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 16, .count = 8000000}, 0},
  {"push-64", "PUSH-PULL tcp 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 3.0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 64, .count = 6000000}, 0},
  {"push-64k", "PUSH-PULL tcp 64 KiB", "raw sockets", "MiB/s", 1.0 / 16,
   RATIO_AT_LEAST, 0.9, bench_throughput_zuv, bench_throughput_raw,
   {.size = 64 * KIB, .count = 60000}, 0},
  {"push-1m", "PUSH-PULL tcp 1 MiB", "raw sockets", "MiB/s", 1,
   RATIO_AT_LEAST, 0.9, bench_throughput_zuv, bench_throughput_raw,
   {.size = MIB, .count = 4000}, 0},
  {"req-64", "REQ-REP tcp 64 B", "libuv echo", "us", 1e6,
   RATIO_AT_MOST, 1.15, bench_round_trip_zuv, bench_round_trip_uv,
   {.size = 64, .count = 40000}, 0},
  {"inproc-64", "PUSH-PULL inproc 64 B", "libzmq", "M/s", 1e-6,
   RATIO_AT_LEAST, 10, bench_inproc_zuv, bench_inproc_zmq,
   {.size = 64, .count = 10000000}, 0},
  {"heap-1000", "heap a peer, 1000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_heap_zuv, bench_heap_zmq,
   {.peers = 1000}, 3},
  {"heap-10000", "heap a peer, 10000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_heap_zuv, bench_heap_zmq,
   {.peers = 10000}, 1},
  {"rss-1000", "resident a peer, 1000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_resident_zuv, bench_resident_zmq,
   {.peers = 1000}, 3},
  {"rss-10000", "resident a peer, 10000", "libzmq", "B", 1,
   VALUE_AT_MOST, 2048, bench_resident_zuv, bench_resident_zmq,
   {.peers = 10000}, 1},
  {"pub-100", "PUB to 100, CPU each", "libzmq", "ns", 1e9,
   RATIO_AT_MOST, 1.0 / 3, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 10000, .peers = 100, .rate = 5000, .interval = 10}, 0},
  {"pub-100-full", "PUB to 100, full speed", "libzmq", "ns", 1e9,
   RATIO_AT_MOST, 1.0 / 3, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 100000, .peers = 100, .rate = 0, .interval = 1}, 0},
  {"pub-100-1ms", "the same each 1 ms", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 10000, .peers = 100, .rate = 5000, .interval = 1}, 0},
  {"pub-100-single", "the same one by one", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 2000, .peers = 100, .rate = 1000, .interval = 1}, 0},
  {"pub-100-fast", "the same at 20000/s", "libzmq", "ns", 1e9,
   NO_GOAL, 0, bench_fan_out_zuv, bench_fan_out_zmq,
   {.size = 64, .count = 40000, .peers = 100, .rate = 20000, .interval = 10},
   0},
  {"req-64-zmq", "REQ-REP tcp 64 B", "libzmq", "us", 1e6,
   NO_GOAL, 0, bench_round_trip_zuv, bench_round_trip_zmq,
   {.size = 64, .count = 40000}, 0},
  {"push-64k-zmq", "PUSH-PULL tcp 64 KiB", "libzmq", "MiB/s", 1.0 / 16,
   NO_GOAL, 0, bench_throughput_zuv, bench_throughput_zmq,
   {.size = 64 * KIB, .count = 60000}, 0},
};
/* clang-format on */

static bool introduce(int rounds) {
  int major, minor, patch;

  if (!libzmq_load(getenv("ZUV_BENCH_LIBZMQ")))
    return false;
  libzmq.version(&major, &minor, &patch);
  printf("zuv %u.%u.%u, libuv %s, libzmq %d.%d.%d (%s), %d rounds\n",
         zuv_version() >> 16, zuv_version() >> 8 & 255, zuv_version() & 255,
         uv_version_string(), major, minor, patch, libzmq_file(), rounds);
  return true;
}

int main(int argc, char **argv) {
  static const suite_t suite = {"run", rows, sizeof(rows) / sizeof(rows[0]),
                                introduce};
  return bench_drive(&suite, argc, argv);
}
