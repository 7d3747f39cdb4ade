/* The pairing heap: a tree in which no child leaves before its parent. Called
 * by whoever keeps timers; nothing here can fail. Merging runs over a list of
 * children, never down the tree, so nothing recurses. */
#include "base/heap.h"

#include <assert.h>

static bool before(const zuv__heap_node_t *a, const zuv__heap_node_t *b) {
  return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

/* Makes one tree of two; its root is returned with links that are not set. */
static zuv__heap_node_t *meld(zuv__heap_node_t *a, zuv__heap_node_t *b) {
  if (before(b, a)) {
    zuv__heap_node_t *swap = a;
    a = b;
    b = swap;
  }
  b->back = a;
  b->sibling = a->child;
  if (a->child != NULL)
    a->child->back = b;
  a->child = b;
  return a;
}

/* Makes one tree of a list of children, in pairs and then from the last pair
 * to the first, which is what keeps removing cheap on average. */
static zuv__heap_node_t *meld_all(zuv__heap_node_t *first) {
  zuv__heap_node_t *pairs = NULL;
  zuv__heap_node_t *root = NULL;

  while (first != NULL) {
    zuv__heap_node_t *tree = first;
    first = tree->sibling;
    if (first != NULL) {
      zuv__heap_node_t *second = first;
      first = second->sibling;
      tree = meld(tree, second);
    }
    tree->sibling = pairs;
    pairs = tree;
  }
  while (pairs != NULL) {
    zuv__heap_node_t *tree = pairs;
    pairs = tree->sibling;
    root = root == NULL ? tree : meld(root, tree);
  }
  return root;
}

static void set_root(zuv__heap_t *heap, zuv__heap_node_t *root) {
  heap->root = root;
  if (root == NULL)
    return;
  root->sibling = NULL;
  root->back = root;
}

void zuv__heap_insert(zuv__heap_t *heap, zuv__heap_node_t *node, uint64_t key) {
  assert(!zuv__heap_node_inserted(node));
  node->child = NULL;
  node->key = key;
  node->sequence = heap->sequence++;
  set_root(heap, heap->root == NULL ? node : meld(heap->root, node));
  heap->count++;
}

void zuv__heap_remove(zuv__heap_t *heap, zuv__heap_node_t *node) {
  zuv__heap_node_t *children;

  if (!zuv__heap_node_inserted(node))
    return;
  children = meld_all(node->child);
  if (heap->root == node) {
    set_root(heap, children);
  } else {
    if (node->back->child == node)
      node->back->child = node->sibling;
    else
      node->back->sibling = node->sibling;
    if (node->sibling != NULL)
      node->sibling->back = node->back;
    if (children != NULL)
      set_root(heap, meld(heap->root, children));
  }
  node->back = NULL;
  heap->count--;
}
