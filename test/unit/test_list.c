/* The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

typedef struct {
  int value;
  zuv__list_t node;
} item_t;

static void assert_values(const zuv__list_t *head, const int *values,
                          size_t count) {
  const zuv__list_t *node = head->next;
  const zuv__list_t *previous = head;
  size_t i;

  for (i = 0; i < count; i++) {
    assert_ptr_not_equal(node, head);
    assert_ptr_equal(node->prev, previous);
    assert_int_equal(zuv__container_of(node, item_t, node)->value, values[i]);
    previous = node;
    node = node->next;
  }
  assert_ptr_equal(node, head);
  assert_ptr_equal(head->prev, previous);
}

static void test_keeps_the_order_of_both_ends(void **state) {
  zuv__list_t head;
  item_t items[] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
  const int expected[] = {3, 1, 4, 2};

  (void)state;
  zuv__list_init(&head);
  assert_true(zuv__list_empty(&head));
  zuv__list_push_back(&head, &items[0].node);
  zuv__list_push_back(&head, &items[1].node);
  zuv__list_push_front(&head, &items[2].node);
  zuv__list_insert_before(&items[1].node, &items[3].node);
  assert_false(zuv__list_empty(&head));
  assert_values(&head, expected, 4);
}

static void test_removed_node_is_in_no_list(void **state) {
  zuv__list_t head;
  item_t items[] = {{1, {0}}, {2, {0}}, {3, {0}}};
  const int expected[] = {1, 3};
  size_t i;

  (void)state;
  zuv__list_init(&head);
  for (i = 0; i < 3; i++)
    zuv__list_push_back(&head, &items[i].node);
  zuv__list_remove(&items[1].node);
  assert_true(zuv__list_empty(&items[1].node));
  zuv__list_remove(&items[1].node);
  assert_values(&head, expected, 2);
  zuv__list_remove(&items[0].node);
  zuv__list_remove(&items[2].node);
  assert_true(zuv__list_empty(&head));
}

static void test_splice_appends_and_empties(void **state) {
  zuv__list_t to, from;
  item_t items[] = {{1, {0}}, {2, {0}}, {3, {0}}};
  const int expected[] = {1, 2, 3};

  (void)state;
  zuv__list_init(&to);
  zuv__list_init(&from);
  zuv__list_push_back(&to, &items[0].node);
  zuv__list_splice(&to, &from);
  assert_values(&to, expected, 1);
  zuv__list_push_back(&from, &items[1].node);
  zuv__list_push_back(&from, &items[2].node);
  zuv__list_splice(&to, &from);
  assert_true(zuv__list_empty(&from));
  assert_values(&to, expected, 3);
  zuv__list_splice(&from, &to);
  assert_true(zuv__list_empty(&to));
  assert_values(&from, expected, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keeps_the_order_of_both_ends),
      cmocka_unit_test(test_removed_node_is_in_no_list),
      cmocka_unit_test(test_splice_appends_and_empties),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
