/* The queue of a pipe against a plain array of messages: random writes, pushes,
 * roll-backs, splices and reads of all kinds and sizes of parts, fixed seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/queue.h"

enum { MESSAGES = 4096, PARTS_MAX = 5, SIZE_LIMIT = 600, STEPS = 40000 };

/* What is in a message follows from its number: only that is kept. */
typedef struct {
  zuv__queue_t queue;
  zuv__block_pool_t pool;
  uint32_t expected[MESSAGES];
  size_t first;
  size_t count;
  size_t bytes;
  uint32_t next;
} model_t;

static uint32_t random_state;

static uint32_t random_below(uint32_t limit) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % limit;
}

static size_t parts_of(uint32_t number) {
  return number % 3 != 0 ? 1 : 1 + number / 3 % PARTS_MAX;
}

/* Around the limits of inline bodies, of copies and of steps in copying. */
static size_t size_of(uint32_t number, size_t part) {
  static const size_t sizes[] = {0,  1,  15, 16, 17,  31,  32,  33,
                                 47, 48, 49, 64, 255, 256, 257, SIZE_LIMIT};
  return sizes[(number * 7 + part * 5) % (sizeof(sizes) / sizeof(sizes[0]))];
}

static size_t bytes_of(uint32_t number) {
  size_t bytes = 0;

  for (size_t i = 0; i < parts_of(number); i++)
    bytes += size_of(number, i);
  return bytes;
}

static void expect_queued(model_t *m, uint32_t number) {
  m->expected[(m->first + m->count++) % MESSAGES] = number;
  m->bytes += bytes_of(number);
}

static uint8_t byte_of(uint32_t number, size_t part, size_t i) {
  return (uint8_t)(number * 31 + part * 7 + i);
}

/* A view, or a copy of its own: inline or counted. */
static void make_part(zuv_msg_t *msg, uint8_t *bytes, uint32_t number,
                      size_t part) {
  size_t size = size_of(number, part);

  for (size_t i = 0; i < size; i++)
    bytes[i] = byte_of(number, part, i);
  if (number % 2 == 0) {
    zuv_msg_init_view(msg, bytes, size);
  } else {
    assert_int_equal(zuv_msg_init_copy(msg, bytes, size), 0);
  }
}

static void expect_part(zuv_msg_t *msg, uint32_t number, size_t part) {
  const uint8_t *data = zuv_msg_data(msg);
  size_t size = size_of(number, part);

  assert_int_equal(zuv_msg_size(msg), size);
  for (size_t i = 0; i < size; i++)
    assert_int_equal(data[i], byte_of(number, part, i));
  zuv_msg_close(msg);
}

static void write_message(model_t *m, zuv__queue_t *queue) {
  static uint8_t bytes[PARTS_MAX][SIZE_LIMIT];
  uint32_t number = m->next++;
  size_t count = parts_of(number);
  zuv_msg_t parts[PARTS_MAX];

  for (size_t i = 0; i < count; i++)
    make_part(&parts[i], bytes[i], number, i);
  assert_int_equal(zuv__queue_write(queue, &m->pool, parts, count), 0);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(zuv_msg_size(&parts[i]), 0);
  /* Views were copied. */
  memset(bytes, 0xee, sizeof(bytes));
  expect_queued(m, number);
}

/* Part by part, as they arrive; `finish` false: the connection is lost. */
static void push_message(model_t *m, bool finish) {
  uint8_t bytes[SIZE_LIMIT];
  uint32_t number = m->next++;
  size_t count = parts_of(number);
  zuv_msg_t part;

  for (size_t i = 0; i < count; i++) {
    make_part(&part, bytes, number, i);
    assert_int_equal(
        zuv__queue_push(&m->queue, &m->pool, &part, i + 1 < count || !finish),
        0);
  }
  assert_int_equal(m->queue.partial, !finish);
  /* An incomplete message is not counted. */
  if (!finish)
    assert_int_equal(zuv__queue_bytes(&m->queue), m->bytes);
  if (finish)
    expect_queued(m, number);
  else
    zuv__queue_rollback(&m->queue, &m->pool);
  assert_false(m->queue.partial);
}

static void read_message(model_t *m) {
  uint32_t number = m->expected[m->first];
  size_t count = parts_of(number);
  zuv_msg_t part;
  bool more;

  assert_int_equal(zuv__queue_next_parts(&m->queue), count);
  zuv__block_pool_pin(&m->pool);
  if (number % 5 != 0) {
    bool single = zuv__queue_pop_single(&m->queue, &m->pool, &part);
    assert_int_equal(single, count == 1);
    if (single)
      expect_part(&part, number, 0);
  }
  if (number % 5 == 0 || count > 1) {
    for (size_t i = 0; i < count; i++) {
      zuv__queue_pop(&m->queue, &m->pool, &part, &more);
      assert_int_equal(more, i + 1 < count);
      expect_part(&part, number, i);
    }
  }
  zuv__block_pool_unpin(&m->pool);
  m->first = (m->first + 1) % MESSAGES;
  m->count--;
  m->bytes -= bytes_of(number);
}

static void splice_messages(model_t *m) {
  zuv__queue_t other;
  uint32_t count = random_below(20);

  zuv__queue_init(&other);
  for (uint32_t i = 0; i < count; i++)
    write_message(m, &other);
  zuv__queue_splice(&m->queue, &other);
  assert_int_equal(other.count, 0);
  assert_int_equal(zuv__queue_bytes(&other), 0);
}

static void run(uint32_t seed) {
  static model_t m;

  memset(&m, 0, sizeof(m));
  random_state = seed;
  zuv__queue_init(&m.queue);
  zuv__block_pool_init(&m.pool);
  for (int step = 0; step < STEPS; step++) {
    uint32_t what = random_below(100);
    /* Now it fills, now it drains, so that it is often empty and often long. */
    bool filling = step / 500 % 2 == 0;

    if (what < 2 && m.count + 20 < MESSAGES)
      splice_messages(&m);
    else if (what < 10)
      push_message(&m, false);
    else if (what < (filling ? 60u : 30u) && m.count + 2 < MESSAGES)
      what % 2 ? write_message(&m, &m.queue) : push_message(&m, true);
    else if (m.count > 0)
      read_message(&m);
    assert_int_equal(m.queue.count, m.count);
    assert_int_equal(zuv__queue_bytes(&m.queue), m.bytes);
  }
  while (m.count > MESSAGES / 100)
    read_message(&m);
  zuv__queue_clear(&m.queue, &m.pool);
  assert_null(m.queue.head);
  assert_int_equal(zuv__queue_bytes(&m.queue), 0);
  zuv__block_pool_destroy(&m.pool);
}

static void test_queue_keeps_every_message_in_order(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= 5; seed++)
    run(seed);
}

static void test_views_outlive_the_queue_while_pinned(void **state) {
  zuv__queue_t queue;
  zuv__block_pool_t pool;
  zuv_msg_t msg;

  (void)state;
  zuv__queue_init(&queue);
  zuv__block_pool_init(&pool);
  zuv_msg_init_view(&msg, "sixteen bytes...", 16);
  assert_int_equal(zuv__queue_write(&queue, &pool, &msg, 1), 0);
  zuv__block_pool_pin(&pool);
  assert_true(zuv__queue_pop_single(&queue, &pool, &msg));
  zuv__queue_clear(&queue, &pool);
  assert_memory_equal(zuv_msg_data(&msg), "sixteen bytes...", 16);
  zuv__block_pool_unpin(&pool);
  zuv__block_pool_destroy(&pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_queue_keeps_every_message_in_order),
      cmocka_unit_test(test_views_outlive_the_queue_while_pinned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
