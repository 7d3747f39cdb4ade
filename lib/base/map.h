/* An intrusive hash map from byte strings to nodes, and the keyed hash under
 * it. Peers choose many of our keys (routing ids, topics), so the hash is
 * SipHash-1-3 with a seed drawn once a process: nobody outside can make keys
 * collide on purpose.
 *
 * The user embeds a node and owns the key, which must stay where it is while
 * the node is in the map. The map owns only its array of buckets. */
#ifndef ZUV_BASE_MAP_H
#define ZUV_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct zuv__map_node_s {
  struct zuv__map_node_s *next; /* in the same bucket */
  uint64_t hash;
  const void *key;
  size_t size; /* of the key */
} zuv__map_node_t;

typedef struct zuv__map_s {
  zuv__map_node_t **nodes; /* the buckets, NULL while the map is empty */
  size_t mask;             /* number of buckets - 1 */
  size_t count;            /* read-only */
} zuv__map_t;

/* Allocates nothing. Draws the seed of the hash if nobody did so far, which is
 * why a map filled with zeros is not an initialised one. */
void zuv__map_init(zuv__map_t *map);

/* Frees the buckets; the nodes are the user's. The map can be used again. */
void zuv__map_destroy(zuv__map_t *map);

/* NULL if there is no such key. */
zuv__map_node_t *zuv__map_find(const zuv__map_t *map, const void *key,
                               size_t size);

/* 0; UV_EEXIST if the key is there; UV_ENOMEM, and nothing has changed. */
int zuv__map_insert(zuv__map_t *map, zuv__map_node_t *node, const void *key,
                    size_t size);

/* The node must be in the map. */
void zuv__map_remove(zuv__map_t *map, zuv__map_node_t *node);

/* The same for callers that know the hash of the key already. */
uint64_t zuv__map_hash(const void *key, size_t size);
zuv__map_node_t *zuv__map_find_hashed(const zuv__map_t *map, uint64_t hash,
                                      const void *key, size_t size);
int zuv__map_insert_hashed(zuv__map_t *map, zuv__map_node_t *node,
                           uint64_t hash, const void *key, size_t size);

/* Visits all nodes in no particular order:
 *   zuv__map_iterator_t iterator = zuv__map_iterate(&map);
 *   while ((node = zuv__map_next(&iterator)) != NULL)
 * Meanwhile the node just visited may be removed (and freed), no other node,
 * and nothing inserted. */
typedef struct zuv__map_iterator_s {
  const zuv__map_t *map;
  zuv__map_node_t *next;
  size_t bucket; /* the next one to look into */
} zuv__map_iterator_t;

zuv__map_iterator_t zuv__map_iterate(const zuv__map_t *map);
zuv__map_node_t *zuv__map_next(zuv__map_iterator_t *iterator);

/* Hashes of growing prefixes of one byte string: hashing all the prefixes that
 * are asked for costs one pass over the string plus a constant each. Sizes
 * must not shrink from call to call. Equals zuv__map_hash(data, size). */
typedef struct zuv__prefix_hash_s {
  const unsigned char *data;
  size_t absorbed; /* bytes of data that are in the state, whole words */
  uint64_t state[4];
} zuv__prefix_hash_t;

void zuv__prefix_hash_init(zuv__prefix_hash_t *hash, const void *data);
uint64_t zuv__prefix_hash(zuv__prefix_hash_t *hash, size_t size);

#endif /* ZUV_BASE_MAP_H */
