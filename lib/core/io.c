#include "core/io.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static void on_poll(uv_poll_t *handle, int status, int events) {
  zuv__io_t *io = zuv__container_of(handle, zuv__io_t, poll);
  zuv__loop_t *loop = io->loop;

  if (status < 0) {
    /* libuv stops watching a descriptor in error; reading or writing it tells
     * which error it is. */
    events = UV_READABLE | UV_WRITABLE;
    io->events = 0;
  }
  io->cb(io->owner, events);
  if (loop->pause != NULL)
    loop->pause(loop);
}

/* Without memory it is not found by its descriptor, and uv_run() does all. */
static void find_by_fd(zuv__loop_t *loop, zuv__io_t *io) {
  size_t at = (size_t)io->fd;

  if (loop->pause == NULL)
    return;
  if (at >= loop->ios_room) {
    size_t room = at < 32 ? 64 : at * 2;
    zuv__io_t **ios = zuv__realloc(loop->ios_by_fd, room * sizeof(zuv__io_t *));
    if (ios == NULL)
      return;
    memset(ios + loop->ios_room, 0,
           (room - loop->ios_room) * sizeof(zuv__io_t *));
    loop->ios_by_fd = ios;
    loop->ios_room = room;
  }
  loop->ios_by_fd[at] = io;
}

static void remember(zuv__loop_t *loop, zuv__io_t *io) {
  zuv__list_push_back(&loop->ios, &io->in_loop);
  loop->ios_count++;
  find_by_fd(loop, io);
}

static void forget(zuv__io_t *io) {
  zuv__list_remove(&io->in_loop);
  io->loop->ios_count--;
  io->loop->io_closed = true;
  if ((size_t)io->fd < io->loop->ios_room)
    io->loop->ios_by_fd[io->fd] = NULL;
}

bool zuv__io_readable(zuv__loop_t *loop, int fd) {
  zuv__io_t *io =
      fd >= 0 && (size_t)fd < loop->ios_room ? loop->ios_by_fd[fd] : NULL;

  if (io == NULL || (io->events & UV_READABLE) == 0)
    return false;
  io->cb(io->owner, UV_READABLE);
  if (loop->pause != NULL)
    loop->pause(loop);
  return true;
}

int zuv__io_open(zuv__loop_t *loop, int fd, void *owner, zuv__io_cb cb,
                 zuv__io_t **out) {
  zuv__io_t *io = zuv__malloc(sizeof(*io));
  int err;

  if (io == NULL)
    return UV_ENOMEM;
  err = uv_poll_init(loop->uv, &io->poll, fd);
  if (err != 0) {
    zuv__free(io);
    return err;
  }
  uv_unref((uv_handle_t *)&io->poll);
  io->loop = loop;
  io->owner = owner;
  io->cb = cb;
  io->fd = fd;
  io->events = 0;
  io->listens = false;
  remember(loop, io);
  *out = io;
  return 0;
}

int zuv__io_watch(zuv__io_t *io, int events) {
  int err;

  if (io->events == events)
    return 0;
  if (uv_is_closing((uv_handle_t *)&io->poll))
    return UV_EBADF;
  err = events == 0 ? uv_poll_stop(&io->poll)
                    : uv_poll_start(&io->poll, events, on_poll);
  if (err == 0)
    io->events = events;
  return err;
}

static void on_close(uv_handle_t *handle) {
  zuv__free(zuv__container_of(handle, zuv__io_t, poll));
}

void zuv__io_release(zuv__io_t *io) {
  bool closed_by_program = uv_is_closing((uv_handle_t *)&io->poll);

  forget(io);
  if (closed_by_program)
    zuv__loop_bury(io->loop, &io->grave, io);
  else
    uv_close((uv_handle_t *)&io->poll, on_close);
  io->fd = -1;
}

void zuv__io_close(zuv__io_t *io) {
  int fd = io->fd;

  zuv__io_release(io);
  close(fd);
}
