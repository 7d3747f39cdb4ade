/* A PULL and a PUSH that can be filled: until the peer, the kernel and all
 * between have no room. */
#ifndef FULL_H
#define FULL_H

#include "support/blocking.h"

/* Two new sockets with short queues, joined. */
void full_pair(blocking_t *b, void **bound, void **connected);
/* Sends large messages until there is no room; how many. The kernel may yet
 * find a little more room, some time later. */
size_t full_fill(void *socket);
/* Receives so many of them. */
void full_receive(void *socket, size_t count);

#endif /* FULL_H */
