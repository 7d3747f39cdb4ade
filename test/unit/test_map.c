/* The hash map, its hash, and the randomness that seeds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "zuv.h"

enum { ENTRIES = 500, STEPS = 50000 };

typedef struct {
  char key[40];
  size_t size;
  bool inside;
  zuv__map_node_t node;
} entry_t;

static entry_t entries[ENTRIES];

/* How many allocations succeed from now on; negative: all. */
static int allocations_left = -1;

static bool may_allocate(void) {
  if (allocations_left == 0)
    return false;
  if (allocations_left > 0)
    allocations_left--;
  return true;
}

static void *limited_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *limited_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

static void *limited_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static void zeros(void *bytes, size_t size) {
  memset(bytes, 0, size);
}

/* Entry i has the decimal number i as its key, and some have a tail. */
static void make_entries(void) {
  size_t i;

  memset(entries, 0, sizeof(entries));
  for (i = 0; i < ENTRIES; i++) {
    size_t number = i;
    entry_t *entry = &entries[i];
    do {
      entry->key[entry->size++] = (char)('0' + number % 10);
      number /= 10;
    } while (number > 0);
    entry->size += i % 30;
  }
}

static int insert(zuv__map_t *map, entry_t *entry) {
  return zuv__map_insert(map, &entry->node, entry->key, entry->size);
}

static void test_random_comes_from_one_place(void **state) {
  unsigned char bytes[32], again[32];

  (void)state;
  assert_int_equal(zuv__random_u32(), 0);
  zuv__random_replace(NULL);
  zuv__random_bytes(bytes, sizeof(bytes));
  zuv__random_bytes(again, sizeof(again));
  zuv__random_bytes(NULL, 0);
  zuv__random_replace(zeros);
  assert_memory_not_equal(bytes, again, sizeof(bytes));
}

/* Made with another implementation of SipHash-1-3, the key being zeros. */
static void test_hash_is_siphash_1_3(void **state) {
  unsigned char bytes[64];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(bytes); i++)
    bytes[i] = (unsigned char)i;
  assert_true(zuv__map_hash("a", 1) == UINT64_C(0x407448d2b89b1813));
  assert_true(zuv__map_hash("abc", 3) == UINT64_C(0xc03bc3a0042630f2));
  assert_true(zuv__map_hash("1234567", 7) == UINT64_C(0xa33d651594fdae81));
  assert_true(zuv__map_hash("12345678", 8) == UINT64_C(0x3489982430560a87));
  assert_true(zuv__map_hash("The quick brown fox", 19) ==
              UINT64_C(0x975e410714568333));
  assert_true(zuv__map_hash(bytes, 64) == UINT64_C(0x75e05fd5bbc870c6));
}

static void test_prefix_hash_equals_the_hash_of_the_prefix(void **state) {
  unsigned char bytes[300];
  size_t step, size, i;

  (void)state;
  for (i = 0; i < sizeof(bytes); i++)
    bytes[i] = (unsigned char)(i * 37);
  for (step = 1; step < 40; step++) {
    zuv__prefix_hash_t hash;
    zuv__prefix_hash_init(&hash, bytes);
    for (size = 0; size <= sizeof(bytes); size += step) {
      assert_true(zuv__prefix_hash(&hash, size) == zuv__map_hash(bytes, size));
      assert_true(zuv__prefix_hash(&hash, size) == zuv__map_hash(bytes, size));
    }
  }
}

static void test_new_map_is_empty_and_owns_nothing(void **state) {
  zuv__map_t map;
  zuv__map_iterator_t iterator;

  (void)state;
  zuv__map_init(&map);
  assert_null(map.nodes);
  assert_null(zuv__map_find(&map, "a", 1));
  iterator = zuv__map_iterate(&map);
  assert_null(zuv__map_next(&iterator));
  zuv__map_destroy(&map);
}

static void test_empty_key_is_a_key(void **state) {
  zuv__map_t map;
  zuv__map_node_t node, other;

  (void)state;
  zuv__map_init(&map);
  assert_int_equal(zuv__map_insert(&map, &node, NULL, 0), 0);
  assert_int_equal(zuv__map_insert(&map, &other, "", 0), UV_EEXIST);
  assert_ptr_equal(zuv__map_find(&map, "", 0), &node);
  assert_null(zuv__map_find(&map, "\0", 1));
  zuv__map_remove(&map, &node);
  assert_null(map.nodes);
}

static void test_keys_with_equal_hashes_stay_apart(void **state) {
  zuv__map_t map;
  zuv__map_node_t a, ab, b;

  (void)state;
  zuv__map_init(&map);
  assert_int_equal(zuv__map_insert_hashed(&map, &a, 1, "a", 1), 0);
  assert_int_equal(zuv__map_insert_hashed(&map, &ab, 1, "ab", 2), 0);
  assert_int_equal(zuv__map_insert_hashed(&map, &b, 1, "b", 1), 0);
  assert_int_equal(zuv__map_insert_hashed(&map, &b, 1, "a", 1), UV_EEXIST);
  assert_ptr_equal(zuv__map_find_hashed(&map, 1, "a", 1), &a);
  assert_ptr_equal(zuv__map_find_hashed(&map, 1, "ab", 2), &ab);
  zuv__map_remove(&map, &ab);
  assert_null(zuv__map_find_hashed(&map, 1, "ab", 2));
  assert_ptr_equal(zuv__map_find_hashed(&map, 1, "b", 1), &b);
  zuv__map_destroy(&map);
}

static void test_finds_all_while_it_grows_and_empties(void **state) {
  zuv__map_t map;
  size_t i, k;

  (void)state;
  make_entries();
  zuv__map_init(&map);
  for (i = 0; i < ENTRIES; i++) {
    assert_int_equal(insert(&map, &entries[i]), 0);
    assert_int_equal(insert(&map, &entries[i]), UV_EEXIST);
    assert_int_equal(map.count, i + 1);
    assert_true(map.count <= map.mask + 1);
  }
  for (i = 0; i < ENTRIES; i++) {
    for (k = 0; k < ENTRIES; k++) {
      zuv__map_node_t *found =
          zuv__map_find(&map, entries[k].key, entries[k].size);
      assert_ptr_equal(found, k < i ? NULL : &entries[k].node);
    }
    zuv__map_remove(&map, &entries[i].node);
  }
  assert_null(map.nodes);
}

static void test_iteration_may_remove_the_current_node(void **state) {
  zuv__map_t map;
  size_t round, i;

  (void)state;
  make_entries();
  zuv__map_init(&map);
  for (i = 0; i < ENTRIES; i++)
    assert_int_equal(insert(&map, &entries[i]), 0);
  for (round = 0; round < 2; round++) {
    zuv__map_iterator_t iterator = zuv__map_iterate(&map);
    zuv__map_node_t *node;
    size_t seen = 0;
    while ((node = zuv__map_next(&iterator)) != NULL) {
      entry_t *entry = zuv__container_of(node, entry_t, node);
      if (round == 1 || (entry - entries) % 2 == 0) {
        zuv__map_remove(&map, node);
        memset(node, 0xff, sizeof(*node));
      }
      seen++;
    }
    assert_int_equal(seen, round == 0 ? ENTRIES : ENTRIES / 2);
  }
  assert_int_equal(map.count, 0);
  assert_null(map.nodes);
}

static void test_random_use_equals_a_naive_model(void **state) {
  zuv__map_t map;
  uint32_t seed = 3;
  size_t count = 0;
  size_t i;

  (void)state;
  make_entries();
  zuv__map_init(&map);
  for (i = 0; i < STEPS; i++) {
    entry_t *entry = &entries[next_random(&seed) % ENTRIES];
    zuv__map_node_t *found = zuv__map_find(&map, entry->key, entry->size);
    assert_ptr_equal(found, entry->inside ? &entry->node : NULL);
    if (entry->inside) {
      zuv__map_remove(&map, &entry->node);
      count--;
    } else {
      assert_int_equal(insert(&map, entry), 0);
      count++;
    }
    entry->inside = !entry->inside;
    assert_int_equal(map.count, count);
  }
  zuv__map_destroy(&map);
  assert_int_equal(map.count, 0);
}

static void test_without_memory_insert_fails_or_slows_down(void **state) {
  zuv__map_t map;
  size_t i;

  (void)state;
  make_entries();
  zuv__map_init(&map);
  allocations_left = 0;
  assert_int_equal(insert(&map, &entries[0]), UV_ENOMEM);
  assert_int_equal(map.count, 0);
  assert_null(zuv__map_find(&map, entries[0].key, entries[0].size));
  allocations_left = 1;
  for (i = 0; i < 100; i++)
    assert_int_equal(insert(&map, &entries[i]), 0);
  for (i = 0; i < 100; i++)
    assert_ptr_equal(zuv__map_find(&map, entries[i].key, entries[i].size),
                     &entries[i].node);
  allocations_left = -1;
  assert_int_equal(insert(&map, &entries[100]), 0);
  for (i = 0; i <= 100; i++)
    zuv__map_remove(&map, &entries[i].node);
  assert_null(map.nodes);
}

/* The seed is drawn with the first map, so zeros must be in place before. */
static int setup(void **state) {
  zuv__map_t map;

  (void)state;
  zuv__random_replace(zeros);
  zuv__map_init(&map);
  return zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc,
                               free);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_comes_from_one_place),
      cmocka_unit_test(test_hash_is_siphash_1_3),
      cmocka_unit_test(test_prefix_hash_equals_the_hash_of_the_prefix),
      cmocka_unit_test(test_new_map_is_empty_and_owns_nothing),
      cmocka_unit_test(test_empty_key_is_a_key),
      cmocka_unit_test(test_keys_with_equal_hashes_stay_apart),
      cmocka_unit_test(test_finds_all_while_it_grows_and_empties),
      cmocka_unit_test(test_iteration_may_remove_the_current_node),
      cmocka_unit_test(test_random_use_equals_a_naive_model),
      cmocka_unit_test(test_without_memory_insert_fails_or_slows_down),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
