/* An allocator for zuv that fails where it is told to and counts what is in
 * use. From any thread. */
#ifndef FAILING_H
#define FAILING_H

#include <stddef.h>

/* Replaces zuv's allocator, while nothing of zuv is alive. */
void failing_install(void);

/* From now on allocation number `first` (of those to come, from 1) and those
 * behind it fail, `length` in all. What is alive is forgotten. */
void failing_arm(size_t first, size_t length);
/* No more of them fails. */
void failing_disarm(void);

/* Since failing_arm(): allocations made or refused, refused, and not freed. */
size_t failing_count(void);
size_t failing_failed(void);
long failing_alive(void);

/* Writes to stderr who asked for the memory that was refused first. */
void failing_explain(void);

#endif /* FAILING_H */
