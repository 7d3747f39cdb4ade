/* How a closed-behind-our-back loop is noticed: prepare, idle and timer carry
 * libuv's mark of internal handles, so uv_walk() does not show them. The
 * canary, a uv_async_t that also wakes the loop for letters, is shown. When
 * prepare finds the canary closing, the program has walked the loop.
 *
 * The memory of a handle that the program closed may be freed only after libuv
 * has finished closing it, of which we are not told: the graveyard keeps it for
 * a few more iterations. */
#include "core/loop.h"

#include <assert.h>

#include "base/alloc.h"
#include "core/io.h"
#include "core/socket.h"

enum {
  TASK_ROUNDS = 8,       /* tasks that make tasks, within one iteration */
  GRAVE_ROUNDS = 3,      /* iterations until a foreign close has surely ended */
  HANDLE_INTERNAL = 0x10 /* UV_HANDLE_INTERNAL of libuv 1.x; verified below */
};

struct zuv__canary_s {
  uv_async_t async;
  zuv__loop_t *loop;
  zuv__grave_t grave;
};

static uv_once_t registry_once = UV_ONCE_INIT;
static uv_mutex_t registry_mutex;
static zuv__list_t registry;
static int registry_error;

static void registry_init(void) {
  zuv__list_init(&registry);
  registry_error = uv_mutex_init(&registry_mutex);
}

void zuv__loops_init(void) {
  uv_once(&registry_once, registry_init);
}

void zuv__loops_lock(void) {
  uv_mutex_lock(&registry_mutex);
}

void zuv__loops_unlock(void) {
  uv_mutex_unlock(&registry_mutex);
}

static void arm_timer(zuv__loop_t *loop);
static void loop_free(zuv__loop_t *loop);

static void run_first(zuv__loop_t *loop, zuv__list_t *tasks) {
  zuv__task_t *task = zuv__container_of(tasks->next, zuv__task_t, link);

  zuv__list_remove(&task->link);
  task->run(task);
  if (loop->pause != NULL)
    loop->pause(loop);
}

static void run_tasks(zuv__loop_t *loop, zuv__list_t *tasks) {
  zuv__list_t now;

  zuv__list_init(&now);
  zuv__list_splice(&now, tasks);
  while (!zuv__list_empty(&now))
    run_first(loop, &now);
}

static void dig_up(zuv__loop_t *loop) {
  zuv__list_t *node = loop->graveyard.next;
  while (node != &loop->graveyard) {
    zuv__list_t *next = node->next;
    zuv__grave_t *grave = zuv__container_of(node, zuv__grave_t, link);
    if (--grave->rounds == 0) {
      zuv__list_remove(node);
      zuv__free(grave->memory);
    }
    node = next;
  }
}

static void on_idle(uv_idle_t *idle) {
  (void)idle; /* its being active is all it is for */
}

static bool work_waits(const zuv__loop_t *loop) {
  return !zuv__list_empty(&loop->tasks) || !zuv__list_empty(&loop->dirty) ||
         !zuv__list_empty(&loop->turns) || !zuv__list_empty(&loop->graveyard) ||
         loop->socket_count == 0;
}

/* While work waits the loop polls without waiting, and does not end. */
static void wake(zuv__loop_t *loop) {
  if (!uv_is_closing((uv_handle_t *)&loop->idle))
    uv_idle_start(&loop->idle, on_idle);
}

static void sleep_or_wake(zuv__loop_t *loop) {
  if (work_waits(loop))
    wake(loop);
  else
    uv_idle_stop(&loop->idle);
}

void zuv__loop_bury(zuv__loop_t *loop, zuv__grave_t *grave, void *memory) {
  grave->rounds = GRAVE_ROUNDS;
  grave->memory = memory;
  zuv__list_push_back(&loop->graveyard, &grave->link);
  wake(loop);
}

static void on_walked(zuv__loop_t *loop) {
  loop->walked = true;
  zuv__loop_bury(loop, &loop->canary->grave, loop->canary);
  for (zuv__list_t *node = loop->sockets.next; node != &loop->sockets;
       node = node->next)
    zuv__socket_abandon(zuv__container_of(node, zuv__socket_t, in_loop));
}

void zuv__loop_work(zuv__loop_t *loop) {
  for (int i = 0; i < TASK_ROUNDS && zuv__loop_has_work(loop); i++) {
    run_tasks(loop, &loop->tasks);
    run_tasks(loop, &loop->dirty);
  }
  sleep_or_wake(loop);
}

void zuv__loop_flush(zuv__loop_t *loop) {
  run_tasks(loop, &loop->dirty);
  sleep_or_wake(loop);
}

static void on_prepare(uv_prepare_t *prepare) {
  zuv__loop_t *loop = zuv__container_of(prepare, zuv__loop_t, prepare);

  loop->iteration++;
  if (!loop->walked && uv_is_closing((uv_handle_t *)&loop->canary->async))
    on_walked(loop);
  dig_up(loop);
  if (!zuv__list_empty(&loop->turns))
    run_first(loop, &loop->turns);
  zuv__loop_work(loop);
  if (loop->socket_count == 0 && zuv__list_empty(&loop->tasks) &&
      zuv__list_empty(&loop->dirty) && zuv__list_empty(&loop->graveyard))
    loop_free(loop);
}

void zuv__loop_schedule(zuv__loop_t *loop, zuv__task_t *task) {
  if (zuv__task_waits(task))
    return;
  zuv__list_push_back(&loop->tasks, &task->link);
  wake(loop);
}

void zuv__loop_schedule_flush(zuv__loop_t *loop, zuv__task_t *task) {
  if (zuv__task_waits(task))
    return;
  zuv__list_push_back(&loop->dirty, &task->link);
  wake(loop);
}

void zuv__loop_schedule_turn(zuv__loop_t *loop, zuv__task_t *task) {
  if (zuv__task_waits(task))
    return;
  zuv__list_push_back(&loop->turns, &task->link);
  wake(loop);
}

void zuv__loop_hold(zuv__loop_t *loop) {
  if (loop->holds++ == 0)
    uv_ref((uv_handle_t *)&loop->prepare);
}

void zuv__loop_unhold(zuv__loop_t *loop) {
  assert(loop->holds > 0);
  if (--loop->holds == 0)
    uv_unref((uv_handle_t *)&loop->prepare);
}

static void on_timer(uv_timer_t *handle) {
  zuv__loop_t *loop = zuv__container_of(handle, zuv__loop_t, timer);
  uint64_t now = uv_now(loop->uv);
  zuv__heap_node_t *node = zuv__heap_min(&loop->timers);

  while (node != NULL && node->key <= now) {
    zuv__timer_t *timer = zuv__container_of(node, zuv__timer_t, node);
    zuv__heap_remove(&loop->timers, node);
    timer->expired(timer);
    node = zuv__heap_min(&loop->timers);
  }
  arm_timer(loop);
}

static void arm_timer(zuv__loop_t *loop) {
  zuv__heap_node_t *node = zuv__heap_min(&loop->timers);
  uint64_t now = uv_now(loop->uv);

  if (uv_is_closing((uv_handle_t *)&loop->timer))
    return;
  if (node == NULL) {
    uv_timer_stop(&loop->timer);
    return;
  }
  uv_timer_start(&loop->timer, on_timer, node->key > now ? node->key - now : 0,
                 0);
}

void zuv__timer_init(zuv__timer_t *timer,
                     void (*expired)(zuv__timer_t *timer)) {
  zuv__heap_node_init(&timer->node);
  timer->expired = expired;
}

void zuv__timer_start(zuv__loop_t *loop, zuv__timer_t *timer, uint64_t ms) {
  uint64_t now;

  zuv__heap_remove(&loop->timers, &timer->node);
  /* The loop's idea of now is as old as the iteration. */
  uv_update_time(loop->uv);
  now = uv_now(loop->uv);
  zuv__heap_insert(&loop->timers, &timer->node,
                   ms > UINT64_MAX - now ? UINT64_MAX : now + ms);
  if (zuv__heap_min(&loop->timers) == &timer->node)
    arm_timer(loop);
}

void zuv__timer_stop(zuv__loop_t *loop, zuv__timer_t *timer) {
  /* The uv_timer_t may then expire for nothing, which costs less than arming
   * it anew each time. */
  zuv__heap_remove(&loop->timers, &timer->node);
}

uint64_t zuv__timer_left(zuv__loop_t *loop, const zuv__timer_t *timer) {
  uint64_t now;

  if (!zuv__heap_node_inserted(&timer->node))
    return UINT64_MAX;
  uv_update_time(loop->uv);
  now = uv_now(loop->uv);
  return timer->node.key > now ? timer->node.key - now : 0;
}

static zuv__letter_t *next_letter(zuv__loop_t *loop) {
  zuv__letter_t *letter = NULL;

  uv_mutex_lock(&loop->inbox_mutex);
  if (!zuv__list_empty(&loop->inbox)) {
    letter = zuv__container_of(loop->inbox.next, zuv__letter_t, link);
    zuv__list_remove(&letter->link);
  }
  uv_mutex_unlock(&loop->inbox_mutex);
  return letter;
}

static size_t count_letters(zuv__loop_t *loop) {
  size_t count = 0;

  uv_mutex_lock(&loop->inbox_mutex);
  for (zuv__list_t *node = loop->inbox.next; node != &loop->inbox;
       node = node->next)
    count++;
  uv_mutex_unlock(&loop->inbox_mutex);
  return count;
}

/* One letter at a time: delivering one may take back others. Those that come
 * meanwhile wake the loop again, so that it gets on with its other work. */
size_t zuv__loop_take_letters(zuv__loop_t *loop) {
  size_t count = 0;

  for (size_t left = count_letters(loop); left > 0; left--) {
    zuv__letter_t *letter = next_letter(loop);
    if (letter == NULL)
      break;
    letter->deliver(letter);
    count++;
  }
  return count;
}

static void on_wake(uv_async_t *async) {
  (void)zuv__loop_take_letters(
      zuv__container_of(async, zuv__canary_t, async)->loop);
}

void zuv__loop_post(zuv__loop_t *loop, zuv__letter_t *letter) {
  uv_mutex_lock(&loop->inbox_mutex);
  zuv__list_push_back(&loop->inbox, &letter->link);
  uv_mutex_unlock(&loop->inbox_mutex);
  uv_async_send(&loop->canary->async);
}

void zuv__loop_discard_letters(zuv__loop_t *loop, void *address) {
  zuv__list_t found;
  zuv__list_t *node;

  zuv__list_init(&found);
  uv_mutex_lock(&loop->inbox_mutex);
  node = loop->inbox.next;
  while (node != &loop->inbox) {
    zuv__list_t *next = node->next;
    zuv__letter_t *letter = zuv__container_of(node, zuv__letter_t, link);
    if (letter->address == address) {
      zuv__list_remove(node);
      zuv__list_push_back(&found, node);
    }
    node = next;
  }
  uv_mutex_unlock(&loop->inbox_mutex);
  while (!zuv__list_empty(&found)) {
    zuv__letter_t *letter = zuv__container_of(found.next, zuv__letter_t, link);
    zuv__list_remove(&letter->link);
    letter->discard(letter);
  }
}

int zuv__loop_reserve_parts(zuv__loop_t *loop, size_t count) {
  size_t room = loop->parts_room;
  zuv_msg_t *parts;

  if (count <= room)
    return 0;
  while (room < count)
    room = room == 0 ? 16 : room * 2;
  parts = zuv__realloc(loop->parts, room * sizeof(*parts));
  if (parts == NULL)
    return UV_ENOMEM;
  loop->parts = parts;
  loop->parts_room = room;
  return 0;
}

static void on_walk_seen(uv_handle_t *handle, void *seen) {
  if (handle == *(uv_handle_t **)seen)
    *(uv_handle_t **)seen = NULL;
}

/* Hides a handle from uv_walk(), unless this libuv marks such handles
 * otherwise: then it stays as it was, and the program will close it. */
static void hide(uv_handle_t *handle) {
  uv_handle_t *seen = handle;

  uv_unref(handle);
  handle->flags |= HANDLE_INTERNAL;
  uv_walk(handle->loop, on_walk_seen, &seen);
  if (seen == NULL)
    handle->flags &= ~(unsigned)HANDLE_INTERNAL;
}

static int loop_new(uv_loop_t *uv, zuv__loop_t **out) {
  zuv__loop_t *loop = zuv__calloc(1, sizeof(*loop));
  zuv__canary_t *canary = zuv__calloc(1, sizeof(*canary));
  int err = UV_ENOMEM;

  if (loop == NULL || canary == NULL)
    goto fail;
  err = uv_mutex_init(&loop->inbox_mutex);
  if (err != 0)
    goto fail;
  err = uv_async_init(uv, &canary->async, on_wake);
  if (err != 0)
    goto fail_mutex;
  uv_unref((uv_handle_t *)&canary->async);
  canary->loop = loop;
  loop->canary = canary;
  loop->uv = uv;
  loop->unread_fd = -1;
  zuv__list_init(&loop->sockets);
  zuv__list_init(&loop->ios);
  zuv__list_init(&loop->tasks);
  zuv__list_init(&loop->dirty);
  zuv__list_init(&loop->turns);
  zuv__list_init(&loop->inbox);
  zuv__list_init(&loop->graveyard);
  zuv__heap_init(&loop->timers);
  zuv__block_pool_init(&loop->blocks);
  /* None of these can fail. */
  uv_prepare_init(uv, &loop->prepare);
  uv_idle_init(uv, &loop->idle);
  uv_timer_init(uv, &loop->timer);
  hide((uv_handle_t *)&loop->prepare);
  hide((uv_handle_t *)&loop->idle);
  hide((uv_handle_t *)&loop->timer);
  /* Waiting work keeps the loop alive. */
  uv_ref((uv_handle_t *)&loop->idle);
  uv_prepare_start(&loop->prepare, on_prepare);
  *out = loop;
  return 0;

fail_mutex:
  uv_mutex_destroy(&loop->inbox_mutex);
fail:
  zuv__free(canary);
  zuv__free(loop);
  return err;
}

static void on_canary_close(uv_handle_t *handle) {
  zuv__free(zuv__container_of(handle, zuv__canary_t, async));
}

static void on_loop_close(uv_handle_t *handle) {
  zuv__loop_t *loop = handle->data;

  if (--loop->handles_open > 0)
    return;
  uv_mutex_destroy(&loop->inbox_mutex);
  zuv__free(loop);
}

static void close_handle(zuv__loop_t *loop, uv_handle_t *handle) {
  if (uv_is_closing(handle))
    return;
  loop->handles_open++;
  handle->data = loop;
  uv_close(handle, on_loop_close);
}

static void loop_free(zuv__loop_t *loop) {
  assert(zuv__list_empty(&loop->sockets) && loop->holds == 0);
  uv_mutex_lock(&registry_mutex);
  zuv__list_remove(&loop->in_registry);
  uv_mutex_unlock(&registry_mutex);
  if (loop->chunk != NULL)
    zuv__body_release(loop->chunk);
  if (loop->big_chunk != NULL)
    zuv__body_release(loop->big_chunk);
  if (loop->fan_out != NULL)
    zuv__body_release(loop->fan_out);
  zuv__free(loop->ios_by_fd);
  zuv__free(loop->output_buffer);
  zuv__free(loop->parts);
  zuv__block_pool_destroy(&loop->blocks);
  /* A canary that the program closed has been dug up already. */
  if (!loop->walked)
    uv_close((uv_handle_t *)&loop->canary->async, on_canary_close);
  loop->handles_open = 0;
  close_handle(loop, (uv_handle_t *)&loop->prepare);
  close_handle(loop, (uv_handle_t *)&loop->idle);
  close_handle(loop, (uv_handle_t *)&loop->timer);
}

static zuv__loop_t *find_locked(uv_loop_t *uv) {
  for (zuv__list_t *node = registry.next; node != &registry;
       node = node->next) {
    zuv__loop_t *loop = zuv__container_of(node, zuv__loop_t, in_registry);
    if (loop->uv == uv)
      return loop;
  }
  return NULL;
}

zuv__loop_t *zuv__loop_find(uv_loop_t *uv) {
  zuv__loop_t *loop;

  zuv__loops_init();
  if (registry_error != 0)
    return NULL;
  uv_mutex_lock(&registry_mutex);
  loop = find_locked(uv);
  uv_mutex_unlock(&registry_mutex);
  return loop;
}

int zuv__loop_acquire(uv_loop_t *uv, zuv__loop_t **out) {
  zuv__loop_t *loop = zuv__loop_find(uv);
  int err;

  if (registry_error != 0)
    return registry_error;
  /* Only the loop's own thread makes or frees its state. */
  if (loop == NULL) {
    err = loop_new(uv, &loop);
    if (err != 0)
      return err;
    uv_mutex_lock(&registry_mutex);
    zuv__list_push_back(&registry, &loop->in_registry);
    uv_mutex_unlock(&registry_mutex);
  } else if (loop->walked ||
             uv_is_closing((uv_handle_t *)&loop->canary->async)) {
    return UV_ECANCELED;
  }
  loop->socket_count++;
  *out = loop;
  return 0;
}

void zuv__loop_release(zuv__loop_t *loop) {
  assert(loop->socket_count > 0);
  if (--loop->socket_count == 0)
    wake(loop);
}
