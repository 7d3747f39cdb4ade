/* A watched file descriptor: a uv_poll_t in memory of its own, so that its
 * owner can go away at once while libuv still closes the handle. */
#ifndef ZUV_CORE_IO_H
#define ZUV_CORE_IO_H

#include "core/loop.h"

typedef struct zuv__io_s zuv__io_t;

/* `events` are UV_READABLE and UV_WRITABLE; an error on the descriptor shows as
 * both. The callback may close the io. */
typedef void (*zuv__io_cb)(void *owner, int events);

struct zuv__io_s {
  uv_poll_t poll;
  zuv__list_t in_loop;
  bool listens; /* only epoll may wait for it: poll() would hold it open */
  zuv__loop_t *loop;
  void *owner;
  zuv__io_cb cb;
  int fd;
  int events;
  zuv__grave_t grave;
};

/* Takes the descriptor over, and makes it non-blocking. On error it is still
 * the caller's; UV_EEXIST: the loop watches it already. */
int zuv__io_open(zuv__loop_t *loop, int fd, void *owner, zuv__io_cb cb,
                 zuv__io_t **out);

/* Watches for these events, 0 for none. Costs nothing if nothing changes. */
int zuv__io_watch(zuv__io_t *io, int events);

/* The descriptor, which the loop watches, is readable: tells its owner now.
 * Only on loops with a pause hook. False: leave it to uv_run(). Being told for
 * nothing harms no reader. */
bool zuv__io_readable(zuv__loop_t *loop, int fd);

/* Closes the descriptor; the owner hears nothing more. */
void zuv__io_close(zuv__io_t *io);
/* The same, but the descriptor stays open and is the caller's again. */
void zuv__io_release(zuv__io_t *io);

#endif /* ZUV_CORE_IO_H */
