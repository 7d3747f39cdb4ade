/* What is counted, for zuv_socket_stats() and zuv_peer_stats(). A pipe counts
 * while it lives, and its link what passes the pipe by; when a pipe goes, its
 * numbers are left to its socket and its peer. Nothing here fails but the
 * public functions. */
#ifndef ZUV_CORE_STATS_H
#define ZUV_CORE_STATS_H

#include <stdint.h>

struct zuv__pipe_s;

/* Of a pipe, or of those that are gone. */
typedef struct zuv__counts_s {
  uint64_t messages_in;
  uint64_t bytes_in;
  uint64_t messages_out;
  uint64_t bytes_out;
  uint64_t dropped;
  uint64_t lost;
} zuv__counts_t;

/* Of a socket. */
typedef struct zuv__socket_counts_s {
  zuv__counts_t gone; /* of pipes that are gone; all that was dropped */
  uint64_t connections;
  uint64_t reconnects;
  uint64_t handshakes_failed;
  uint64_t events_dropped;
  uint64_t late_replies;
} zuv__socket_counts_t;

/* What the pipe and its link have counted so far. */
void zuv__pipe_count(const struct zuv__pipe_s *pipe, zuv__counts_t *counts);

/* The pipe goes: its numbers stay with its socket and its peer. */
void zuv__pipe_leave_counts(const struct zuv__pipe_s *pipe);

/* The pipe has a newer peer: the one before keeps the numbers. */
void zuv__pipe_leave_counts_to_peer(const struct zuv__pipe_s *pipe);

#endif /* ZUV_CORE_STATS_H */
