/* An allocator for zuv that counts what is in use, and fails when it is told
 * to. For tests of one thread. */
#ifndef COUNTING_H
#define COUNTING_H

#include <stdbool.h>

extern struct counting_s {
  long blocks;
  long octets;
  bool fails;
} counting;

/* From now on, and no more. While nothing of zuv is alive. */
void counting_start(void);
void counting_stop(void);

#endif /* COUNTING_H */
