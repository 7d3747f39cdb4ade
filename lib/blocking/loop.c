#include "blocking/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "blocking/futex.h"

enum {
  TURNS_MAX = 3,                 /* of the loop, when a call is over */
  PAUSE_NS = 20 * ZMQ__NS_PER_US /* between sends that are each written */
};

static void on_kick(uv_async_t *kick) {
  (void)kick; /* to end the poll is all it is for */
}

static void on_pause(zuv__loop_t *core) {
  zmq__loop_t *loop = core->pause_data;
  zmq__lock_offer(&loop->lock);
}

/* With the first loop of a process libuv makes a pipe for signals, and ends the
 * process if it cannot. So many descriptors must be there for any loop. */
static int check_descriptors(void) {
  int fds[4];
  int count = 0;
  int err = 0;

  while (count < 4 && err == 0) {
    fds[count] = eventfd(0, EFD_CLOEXEC);
    if (fds[count] < 0)
      err = uv_translate_sys_error(errno);
    else
      count++;
  }
  while (count > 0)
    close(fds[--count]);
  return err;
}

int zmq__loop_init(zmq__loop_t *loop) {
  int err;

  zmq__lock_init(&loop->lock);
  loop->polled_until = UINT64_MAX;
  loop->thread_fd = -1;
  err = check_descriptors();
  if (err != 0)
    return err;
  err = uv_loop_init(&loop->uv);
  if (err != 0)
    return err;
  err = uv_async_init(&loop->uv, &loop->kick, on_kick);
  if (err != 0)
    goto fail;
  err = zuv__loop_acquire(&loop->uv, &loop->core);
  if (err != 0)
    goto fail_kick;
  loop->core->pause = on_pause;
  loop->core->pause_data = loop;
  return 0;

fail_kick:
  uv_close((uv_handle_t *)&loop->kick, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
fail:
  uv_loop_close(&loop->uv);
  return err;
}

void zmq__loop_destroy(zmq__loop_t *loop) {
  loop->core->pause = NULL;
  zuv__loop_release(loop->core);
  uv_close((uv_handle_t *)&loop->kick, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  uv_loop_close(&loop->uv);
}

/* ---- Running it ---- */

bool zmq__loop_work(zmq__loop_t *loop) {
  if (loop->running || !zuv__loop_has_work(loop->core))
    return false;
  loop->running = true;
  zuv__loop_work(loop->core);
  loop->running = false;
  return true;
}

/* When the loop next needs somebody, in its own time. */
static uint64_t next_time(const zmq__loop_t *loop) {
  zuv__heap_node_t *first;

  if (uv_backend_timeout(&loop->uv) == 0)
    return 0;
  first = zuv__heap_min(&loop->core->timers);
  return first == NULL ? UINT64_MAX : first->key;
}

/* Who runs the loop reads the kicks, also one that was for the driver. */
static void kick_driver_again(zmq__loop_t *loop) {
  zmq__waiter_t *driver = loop->driver;

  if (driver != NULL && driver->polls == loop &&
      (zmq__waiter_is_woken(driver) || next_time(loop) < loop->polled_until))
    uv_async_send(&loop->kick);
}

void zmq__loop_turn(zmq__loop_t *loop) {
  if (loop->running)
    return;
  loop->running = true;
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  if (zuv__loop_has_work(loop->core))
    zuv__loop_work(loop->core);
  loop->running = false;
  kick_driver_again(loop);
}

static void kick_thread(zmq__loop_t *loop) {
  if (!loop->has_thread || loop->thread_kicked)
    return;
  loop->thread_kicked = true;
  (void)eventfd_write(loop->thread_fd, 1);
}

void zmq__loop_see_to_driver(zmq__loop_t *loop) {
  if (loop->running)
    return;
  if (loop->driver == NULL && loop->thread_state != ZMQ__THREAD_DRIVING) {
    if (loop->thread_state == ZMQ__THREAD_PARKED || loop->waiting > 0)
      kick_thread(loop);
    return;
  }
  if (next_time(loop) >= loop->polled_until && !loop->core->io_closed)
    return;
  loop->core->io_closed = false;
  if (loop->driver != NULL && loop->driver->polls == loop)
    uv_async_send(&loop->kick);
  else
    kick_thread(loop);
}

void zmq__loop_want_driver(zmq__loop_t *loop) {
  if (loop->driver != NULL || loop->thread_state == ZMQ__THREAD_DRIVING)
    return;
  loop->thread_wanted = true;
  kick_thread(loop);
}

/* Steps of handshakes take long, and are none of a caller's who has what it
 * came for. */
void zmq__loop_leave(zmq__loop_t *loop) {
  zuv__list_t *turns = &loop->core->turns;

  (void)zmq__loop_work(loop);
  for (int i = 0; i < TURNS_MAX && zuv__list_empty(turns) &&
                  uv_backend_timeout(&loop->uv) == 0;
       i++)
    zmq__loop_turn(loop);
  if (!zuv__list_empty(turns))
    zmq__loop_want_driver(loop);
  zmq__loop_see_to_driver(loop);
  zmq__unlock(&loop->lock);
}

void zmq__loop_look(zmq__loop_t *loop) {
  (void)zuv__loop_take_letters(loop->core);
  if (loop->thread_state == ZMQ__THREAD_DRIVING)
    return;
  zmq__loop_turn(loop);
  zmq__loop_see_to_driver(loop);
}

void zmq__loop_look_now(zmq__loop_t *loop) {
  uint64_t now = zmq__clock_ns();

  if (now - loop->looked_at < PAUSE_NS)
    return;
  loop->looked_at = now;
  zmq__loop_turn(loop);
  zmq__loop_see_to_driver(loop);
}

/* ---- Sending ---- */

void zmq__loop_sent_something(zmq__loop_t *loop) {
  if (zmq__clock_ns() - loop->sent_at < PAUSE_NS && loop->has_thread) {
    loop->gathering = true;
    /* A thread that ticks will see it. */
    if (loop->thread_state != ZMQ__THREAD_TICKING && !loop->thread_quick)
      kick_thread(loop);
    return;
  }
  zuv__loop_flush(loop->core);
  loop->sent_at = zmq__clock_ns();
  if (uv_backend_timeout(&loop->uv) == 0)
    zmq__loop_see_to_driver(loop);
}

void zmq__loop_do_tasks(zmq__loop_t *loop) {
  if (zmq__loop_work(loop))
    zmq__loop_see_to_driver(loop);
}

/* Who waits has said all there is to say, and what is sent after the wait is no
 * continuation of it. */
static void end_gathering(zmq__loop_t *loop) {
  loop->gathering = false;
  loop->sent_at = 0;
  (void)zmq__loop_work(loop);
}

/* ---- Waiting ---- */

static bool may_drive(const zmq__loop_t *loop, const zmq__waiter_t *waiter) {
  return !loop->running && loop->waiting == 1 &&
         (loop->driver == NULL || loop->driver == waiter);
}

int zmq__loop_wait(zmq__loop_t *loop, zmq__waiter_t *waiter, bool io,
                   const zmq__wait_t *wait) {
  int result;

  end_gathering(loop);
  if (zmq__waiter_take(waiter))
    return 0;
  if (io && may_drive(loop, waiter))
    return zmq__loop_drive(loop, waiter, wait);
  if (loop->driver == waiter)
    loop->driver = NULL;
  if (wait->fds != NULL && !zmq__waiter_open(waiter))
    return UV_EMFILE;
  zmq__loop_see_to_driver(loop);
  zmq__unlock(&loop->lock);
  result = zmq__waiter_sleep(waiter, wait);
  zmq__lock(&loop->lock);
  if (zmq__waiter_take(waiter) && result == UV_ETIMEDOUT)
    result = 0;
  return result;
}

void zmq__loop_end_wait(zmq__loop_t *loop, zmq__waiter_t *waiter, bool io) {
  loop->waiting -= io;
  if (loop->driver == waiter) {
    loop->driver = NULL;
    loop->rounds++;
    zmq__loop_see_to_driver(loop);
  }
}

void zmq__loop_begin_follow(zmq__loop_t *loop) {
  loop->waiting++;
  end_gathering(loop);
  zmq__loop_see_to_driver(loop);
}

void zmq__loop_end_follow(zmq__loop_t *loop) {
  loop->waiting--;
}
