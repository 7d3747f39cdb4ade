/* An intrusive, circular, doubly linked list. A node that is in no list points
 * to itself, so removing is always safe and membership can be asked. */
#ifndef ZUV_BASE_LIST_H
#define ZUV_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct zuv__list_s {
  struct zuv__list_s *next;
  struct zuv__list_s *prev;
} zuv__list_t;

/* Keeps what is seldom called out of the way of what is called often. */
#if defined(__GNUC__)
#define ZUV__COLD __attribute__((noinline, cold))
#else
#define ZUV__COLD
#endif

/* The struct that holds `member` at address `pointer`. */
#define zuv__container_of(pointer, type, member)                               \
  ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void zuv__list_init(zuv__list_t *list) {
  list->next = list;
  list->prev = list;
}

/* For a head: nothing is in the list. For a node: it is in no list. */
static inline bool zuv__list_empty(const zuv__list_t *list) {
  return list->next == list;
}

static inline void zuv__list_insert_before(zuv__list_t *position,
                                           zuv__list_t *node) {
  node->next = position;
  node->prev = position->prev;
  position->prev->next = node;
  position->prev = node;
}

static inline void zuv__list_push_back(zuv__list_t *head, zuv__list_t *node) {
  zuv__list_insert_before(head, node);
}

static inline void zuv__list_push_front(zuv__list_t *head, zuv__list_t *node) {
  zuv__list_insert_before(head->next, node);
}

static inline void zuv__list_remove(zuv__list_t *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  zuv__list_init(node);
}

/* Moves all nodes of `from` to the end of `to`; `from` is empty afterwards. */
static inline void zuv__list_splice(zuv__list_t *to, zuv__list_t *from) {
  if (zuv__list_empty(from))
    return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  zuv__list_init(from);
}

#endif /* ZUV_BASE_LIST_H */
