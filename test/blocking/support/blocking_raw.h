/* Bare TCP connections of the kernel, for what talks without ZMTP. Everything
 * waits at most until the deadline, and then fails the test. */
#ifndef BLOCKING_RAW_H
#define BLOCKING_RAW_H

#include "blocking.h"

/* Connects to "tcp://127.0.0.1:PORT". The descriptor is the test's. */
int blocking_raw_connect(const char *endpoint);
/* Listens on a free port; `endpoint` gets what to connect to. */
int blocking_raw_listen(char *endpoint);
int blocking_raw_accept(int listener);

void blocking_raw_send(int fd, const void *bytes, size_t size);
/* Waits for as many bytes as the text has, and requires them. */
void blocking_raw_expect(int fd, const char *text);
/* Waits for so many bytes, whatever they are. */
void blocking_raw_skip(int fd, size_t size);
/* Requires that the other side ends the connection, and says no more. */
void blocking_raw_expect_end(int fd);

#endif /* BLOCKING_RAW_H */
