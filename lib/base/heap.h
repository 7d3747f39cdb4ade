/* An intrusive min-heap, for timers: a pairing heap, so it needs no memory of
 * its own and inserting costs O(1), removing O(log n) amortised. Nodes with
 * equal keys leave in the order in which they came. */
#ifndef ZUV_BASE_HEAP_H
#define ZUV_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct zuv__heap_node_s {
  struct zuv__heap_node_s *child;   /* first child */
  struct zuv__heap_node_s *sibling; /* next child of the same parent */
  struct zuv__heap_node_s *back;    /* previous sibling, or the parent; the root
                                       has itself, who is in no heap NULL */
  uint64_t key;                     /* read-only while in the heap */
  uint64_t sequence;
} zuv__heap_node_t;

typedef struct zuv__heap_s {
  zuv__heap_node_t *root;
  uint64_t sequence; /* of the next node that comes */
  size_t count;
} zuv__heap_t;

static inline void zuv__heap_init(zuv__heap_t *heap) {
  heap->root = NULL;
  heap->sequence = 0;
  heap->count = 0;
}

/* To be called once before a node is used in any other way. */
static inline void zuv__heap_node_init(zuv__heap_node_t *node) {
  node->back = NULL;
}

static inline bool zuv__heap_node_inserted(const zuv__heap_node_t *node) {
  return node->back != NULL;
}

/* The node with the smallest key, or NULL. */
static inline zuv__heap_node_t *zuv__heap_min(const zuv__heap_t *heap) {
  return heap->root;
}

/* The node must be in no heap. */
void zuv__heap_insert(zuv__heap_t *heap, zuv__heap_node_t *node, uint64_t key);

/* Does nothing if the node is in no heap. */
void zuv__heap_remove(zuv__heap_t *heap, zuv__heap_node_t *node);

#endif /* ZUV_BASE_HEAP_H */
