/* The heap of timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/heap.h"

enum { NODES = 300, STEPS = 100000 };

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static void test_empty_heap_has_no_min(void **state) {
  zuv__heap_t heap;

  (void)state;
  zuv__heap_init(&heap);
  assert_null(zuv__heap_min(&heap));
  assert_int_equal(heap.count, 0);
}

static void test_removing_what_is_not_in_does_nothing(void **state) {
  zuv__heap_t heap;
  zuv__heap_node_t inside, outside;

  (void)state;
  zuv__heap_init(&heap);
  zuv__heap_node_init(&inside);
  zuv__heap_node_init(&outside);
  zuv__heap_insert(&heap, &inside, 5);
  assert_true(zuv__heap_node_inserted(&inside));
  zuv__heap_remove(&heap, &outside);
  assert_ptr_equal(zuv__heap_min(&heap), &inside);
  zuv__heap_remove(&heap, &inside);
  zuv__heap_remove(&heap, &inside);
  assert_false(zuv__heap_node_inserted(&inside));
  assert_null(zuv__heap_min(&heap));
}

static void test_equal_keys_leave_in_order_of_insertion(void **state) {
  zuv__heap_t heap;
  zuv__heap_node_t nodes[60];
  size_t i;

  (void)state;
  zuv__heap_init(&heap);
  for (i = 0; i < 60; i++) {
    zuv__heap_node_init(&nodes[i]);
    zuv__heap_insert(&heap, &nodes[i], i % 3);
  }
  for (i = 0; i < 60; i++) {
    zuv__heap_node_t *node = zuv__heap_min(&heap);
    assert_ptr_equal(node, &nodes[i % 20 * 3 + i / 20]);
    zuv__heap_remove(&heap, node);
  }
  assert_null(zuv__heap_min(&heap));
}

static void test_a_node_comes_back_behind_its_equals(void **state) {
  zuv__heap_t heap;
  zuv__heap_node_t a, b;

  (void)state;
  zuv__heap_init(&heap);
  zuv__heap_node_init(&a);
  zuv__heap_node_init(&b);
  zuv__heap_insert(&heap, &a, UINT64_MAX);
  zuv__heap_insert(&heap, &b, UINT64_MAX);
  zuv__heap_remove(&heap, &a);
  zuv__heap_insert(&heap, &a, UINT64_MAX);
  assert_ptr_equal(zuv__heap_min(&heap), &b);
}

static zuv__heap_node_t *naive_min(zuv__heap_node_t *nodes) {
  zuv__heap_node_t *min = NULL;
  size_t i;

  for (i = 0; i < NODES; i++) {
    zuv__heap_node_t *node = &nodes[i];
    if (!zuv__heap_node_inserted(node))
      continue;
    if (min == NULL || node->key < min->key ||
        (node->key == min->key && node->sequence < min->sequence))
      min = node;
  }
  return min;
}

static void test_random_use_equals_a_naive_search(void **state) {
  static zuv__heap_node_t nodes[NODES];
  zuv__heap_t heap;
  uint32_t seed = 7;
  size_t count = 0;
  size_t i;

  (void)state;
  zuv__heap_init(&heap);
  for (i = 0; i < NODES; i++)
    zuv__heap_node_init(&nodes[i]);
  for (i = 0; i < STEPS; i++) {
    zuv__heap_node_t *node = &nodes[next_random(&seed) % NODES];
    if (next_random(&seed) % 4 == 0 && heap.root != NULL)
      node = zuv__heap_min(&heap);
    if (zuv__heap_node_inserted(node)) {
      zuv__heap_remove(&heap, node);
      count--;
    } else {
      zuv__heap_insert(&heap, node, next_random(&seed) % 50);
      count++;
    }
    assert_int_equal(heap.count, count);
    assert_ptr_equal(zuv__heap_min(&heap), naive_min(nodes));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty_heap_has_no_min),
      cmocka_unit_test(test_removing_what_is_not_in_does_nothing),
      cmocka_unit_test(test_equal_keys_leave_in_order_of_insertion),
      cmocka_unit_test(test_a_node_comes_back_behind_its_equals),
      cmocka_unit_test(test_random_use_equals_a_naive_search),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
