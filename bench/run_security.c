/* The security suite: CURVE traffic, handshakes, and half-open connections,
 * with both APIs, libzmq, and libsodium alone. See README.md. */
#include "blocking/blocking.h"
#include "comparison.h"
#include "security/half_open.h"

#define KIB 1024
#define MIB (1024 * 1024)
#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const blocking_roles_t tcp = {.transport = "tcp"};

/* Sides: the places in the tables of sides below. */
enum { ZUV, LIBZMQ, SODIUM, BOXES, RAW };
enum {
  BY_NATIVE,
  BY_BLOCKING,
  BY_LIBZMQ,
  OPERATIONS,
  MINIMAL,
  NULL_NATIVE,
  NULL_BLOCKING,
  NULL_LIBZMQ
};

static const side_t small_sides[] = {
    {"zuv", OURS, "CURVE", "pull", "push"},
    {"libzmq", REFERENCE, "CURVE", "pull", "push"},
    {"libsodium", NO_LIBRARY, "", "open-boxes", NULL},
};
static const side_t large_sides[] = {
    {"zuv", OURS, "CURVE", "pull-messages", "push-messages"},
    {"libzmq", REFERENCE, "CURVE", "pull-messages", "push-messages"},
    {"libsodium", NO_LIBRARY, "", "open-boxes", NULL},
    {"boxes", NO_LIBRARY, "", "raw-pull-boxes", "raw-push-boxes"},
    {"raw", NO_LIBRARY, "", "raw-pull", "raw-push"},
};
static const side_t handshake_sides[] = {
    {"native", NATIVE, "CURVE", "handshakes", "handshake-server"},
    {"zuv", OURS, "CURVE", "handshakes", "handshake-server"},
    {"libzmq", REFERENCE, "CURVE", "handshakes", "handshake-server"},
    {"libsodium", NO_LIBRARY, "", "curve-operations", NULL},
    {"minimal", NO_LIBRARY, "BLIND", "handshakes", "minimal-server"},
    {"native-null", NATIVE, "NULL", "handshakes", "handshake-server"},
    {"zuv-null", OURS, "NULL", "handshakes", "handshake-server"},
    {"libzmq-null", REFERENCE, "NULL", "handshakes", "handshake-server"},
};
static const side_t half_open_sides[] = {
    {"native", NATIVE, "CURVE", "half-open", "echo-server"},
    {"zuv", OURS, "CURVE", "half-open", "echo-server"},
    {"libzmq", REFERENCE, "CURVE", "half-open", "echo-server"},
};

/* clang-format off */
#define SMALL_FIGURES(name, label, zmq_kind, sodium_kind)                      \
  static const figure_t name[] = {                                             \
    {"CURVE " label " B", "k/s", 1e-3, ZUV, 0, LIBZMQ, 0, "libzmq",            \
     zmq_kind, 1.5},                                                           \
    {"", "k/s", 1e-3, ZUV, 0, SODIUM, 0, "libsodium", sodium_kind, 0.85}}
#define LARGE_FIGURES(name, label, kind, size)                                 \
  static const figure_t name[] = {                                             \
    {"CURVE " label, "MiB/s", (size) / (double)MIB, ZUV, 0, SODIUM, 0,         \
     "libsodium", kind, 0.9},                                                  \
    {"", "MiB/s", (size) / (double)MIB, ZUV, 0, LIBZMQ, 0, "libzmq",           \
     NO_GOAL, 0},                                                              \
    {"", "MiB/s", (size) / (double)MIB, ZUV, 0, BOXES, 0,                      \
     "libsodium over raw sockets", NO_GOAL, 0},                                \
    {"", "MiB/s", (size) / (double)MIB, ZUV, 0, RAW, 0, "raw sockets",         \
     NO_GOAL, 0}}
#define HANDSHAKE_FIGURES(name, label, kind)                                   \
  static const figure_t name[] = {                                             \
    {"CURVE " label ", native", "us", 1e6, BY_NATIVE, 0, OPERATIONS, 0,        \
     "libsodium", kind, 1.2},                                                  \
    {"  blocking", "us", 1e6, BY_BLOCKING, 0, OPERATIONS, 0, "libsodium",      \
     kind, 1.2},                                                               \
    {"  libzmq", "us", 1e6, BY_LIBZMQ, 0, OPERATIONS, 0, "libsodium",          \
     NO_GOAL, 0},                                                              \
    {"  minimal", "us", 1e6, MINIMAL, 0, OPERATIONS, 0, "libsodium",           \
     NO_GOAL, 0},                                                              \
    {"  native", "us", 1e6, BY_NATIVE, 0, MINIMAL, 0, "minimal",               \
     NO_GOAL, 0},                                                              \
    {"  blocking", "us", 1e6, BY_BLOCKING, 0, MINIMAL, 0, "minimal",           \
     NO_GOAL, 0},                                                              \
    {"NULL " label ", native", "us", 1e6, NULL_NATIVE, 0, NULL_LIBZMQ, 0,      \
     "libzmq", NO_GOAL, 0},                                                    \
    {"  blocking", "us", 1e6, NULL_BLOCKING, 0, NULL_LIBZMQ, 0, "libzmq",      \
     NO_GOAL, 0}}
#define HALF_OPEN_FIGURES(side, label, kind, left_kind)                        \
    {label " held, median", "us", 1e6, side, HALF_OPEN_HELD_MEDIAN,            \
     side, HALF_OPEN_QUIET_MEDIAN, "quiet", kind, 2},                          \
    {"  held, 99 %", "us", 1e6, side, HALF_OPEN_HELD_TAIL,                     \
     side, HALF_OPEN_QUIET_TAIL, "quiet", kind, 2},                            \
    {"  arriving, median", "us", 1e6, side, HALF_OPEN_ARRIVING_MEDIAN,         \
     side, HALF_OPEN_QUIET_MEDIAN, "quiet", NO_GOAL, 0},                       \
    {"  arriving, 99 %", "us", 1e6, side, HALF_OPEN_ARRIVING_TAIL,             \
     side, HALF_OPEN_QUIET_TAIL, "quiet", NO_GOAL, 0},                         \
    {"  memory of each", "B", 1, side, HALF_OPEN_MEMORY,                       \
     BY_LIBZMQ, HALF_OPEN_MEMORY, "libzmq", NO_GOAL, 0},                       \
    {"  stay for ever", "", 1, side, HALF_OPEN_LEFT,                           \
     COMPARISON_ALONE, 0, "", left_kind, 0},                                   \
    {"  the last one goes", "s", 1, side, HALF_OPEN_LAST,                      \
     COMPARISON_ALONE, 0, "", NO_GOAL, 0}

SMALL_FIGURES(figures_16, "16", NO_GOAL, NO_GOAL);
SMALL_FIGURES(figures_64, "64", RATIO_AT_LEAST, RATIO_AT_LEAST);
SMALL_FIGURES(figures_256, "256", NO_GOAL, NO_GOAL);
SMALL_FIGURES(figures_1024, "1024", NO_GOAL, NO_GOAL);
LARGE_FIGURES(figures_64k, "64 KiB", RATIO_AT_LEAST, 64 * KIB);
LARGE_FIGURES(figures_1m, "1 MiB", NO_GOAL, MIB);
HANDSHAKE_FIGURES(figures_handshake, "x 8", RATIO_AT_MOST);
HANDSHAKE_FIGURES(figures_handshake_single, "x 1", NO_GOAL);
static const figure_t figures_half_open[] = {
  HALF_OPEN_FIGURES(BY_NATIVE, "native", RATIO_AT_MOST, VALUE_AT_MOST),
  HALF_OPEN_FIGURES(BY_BLOCKING, "blocking", RATIO_AT_MOST, VALUE_AT_MOST),
  HALF_OPEN_FIGURES(BY_LIBZMQ, "libzmq", NO_GOAL, NO_GOAL),
};

#define ROW(name, sides, figures, values, ...)                                 \
  {name, {.roles = &tcp, __VA_ARGS__}, values, sides, COUNT_OF(sides),         \
   figures, COUNT_OF(figures)}

static const comparison_t rows[] = {
  ROW("curve-16", small_sides, figures_16, 1, .size = 16, .count = 1500000),
  ROW("curve-64", small_sides, figures_64, 1, .size = 64, .count = 1500000),
  ROW("curve-256", small_sides, figures_256, 1, .size = 256, .count = 800000),
  ROW("curve-1024", small_sides, figures_1024, 1, .size = KIB,
      .count = 400000),
  ROW("curve-64k", large_sides, figures_64k, 1, .size = 64 * KIB,
      .count = 12000),
  ROW("curve-1m", large_sides, figures_1m, 1, .size = MIB, .count = 800),
  ROW("handshake", handshake_sides, figures_handshake, 1, .count = 2000,
      .peers = 8),
  ROW("handshake-single", handshake_sides, figures_handshake_single, 1,
      .count = 2000, .peers = 1),
  ROW("half-open", half_open_sides, figures_half_open, HALF_OPEN_COUNT,
      .size = 64, .count = 10000, .peers = 10000, .handshake = 10000),
};
/* clang-format on */

int main(int argc, char **argv) {
  static const comparison_suite_t suite = {"run_security", rows, COUNT_OF(rows),
                                           BENCH_OURS};
  return comparison_drive(&suite, argc, argv);
}
