/* The hash map and its hash. Called by whoever finds things by name. Only
 * inserting can fail, and only with UV_EEXIST or UV_ENOMEM. */
#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/random.h"

enum { BUCKETS_MIN = 8 };

/* Written once, before the first map exists; read without a lock after. */
static uint64_t seed[2];
static uv_once_t seed_once = UV_ONCE_INIT;

static void draw_seed(void) {
  zuv__random_bytes(seed, sizeof(seed));
}

static uint64_t load64(const unsigned char *bytes) {
  return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 |
         (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24 |
         (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
         (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

static uint64_t load32(const unsigned char *bytes) {
  return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 |
         (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;
}

/* The last 0 to 7 bytes. Without a loop: the loads overlap instead. */
static uint64_t load_tail(const unsigned char *bytes, size_t size) {
  if (size >= 4)
    return load32(bytes) | load32(bytes + size - 4) << (8 * (size - 4));
  if (size == 0)
    return 0;
  return (uint64_t)bytes[0] | (uint64_t)bytes[size / 2] << (8 * (size / 2)) |
         (uint64_t)bytes[size - 1] << (8 * (size - 1));
}

static uint64_t rotate(uint64_t value, unsigned bits) {
  return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] = rotate(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] = rotate(v[2], 32);
}

static void sip_absorb(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  sip_round(v);
  v[0] ^= word;
}

void zuv__prefix_hash_init(zuv__prefix_hash_t *hash, const void *data) {
  hash->data = data;
  hash->absorbed = 0;
  hash->state[0] = seed[0] ^ UINT64_C(0x736f6d6570736575);
  hash->state[1] = seed[1] ^ UINT64_C(0x646f72616e646f6d);
  hash->state[2] = seed[0] ^ UINT64_C(0x6c7967656e657261);
  hash->state[3] = seed[1] ^ UINT64_C(0x7465646279746573);
}

uint64_t zuv__prefix_hash(zuv__prefix_hash_t *hash, size_t size) {
  uint64_t v[4];
  uint64_t tail = 0;

  assert(size >= hash->absorbed);
  while (size - hash->absorbed >= 8) {
    sip_absorb(hash->state, load64(hash->data + hash->absorbed));
    hash->absorbed += 8;
  }
  if (size > hash->absorbed)
    tail = load_tail(hash->data + hash->absorbed, size - hash->absorbed);

  memcpy(v, hash->state, sizeof(v));
  sip_absorb(v, tail | (uint64_t)size << 56);
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t zuv__map_hash(const void *key, size_t size) {
  zuv__prefix_hash_t hash;
  zuv__prefix_hash_init(&hash, key);
  return zuv__prefix_hash(&hash, size);
}

static void reset(zuv__map_t *map) {
  map->nodes = NULL;
  map->mask = 0;
  map->count = 0;
}

void zuv__map_init(zuv__map_t *map) {
  uv_once(&seed_once, draw_seed);
  reset(map);
}

void zuv__map_destroy(zuv__map_t *map) {
  zuv__free(map->nodes);
  reset(map);
}

static bool has_key(const zuv__map_node_t *node, uint64_t hash, const void *key,
                    size_t size) {
  return node->hash == hash && node->size == size &&
         (size == 0 || memcmp(node->key, key, size) == 0);
}

zuv__map_node_t *zuv__map_find_hashed(const zuv__map_t *map, uint64_t hash,
                                      const void *key, size_t size) {
  zuv__map_node_t *node;

  if (map->nodes == NULL)
    return NULL;
  node = map->nodes[hash & map->mask];
  while (node != NULL && !has_key(node, hash, key, size))
    node = node->next;
  return node;
}

zuv__map_node_t *zuv__map_find(const zuv__map_t *map, const void *key,
                               size_t size) {
  if (map->nodes == NULL)
    return NULL;
  return zuv__map_find_hashed(map, zuv__map_hash(key, size), key, size);
}

static void push(zuv__map_t *map, zuv__map_node_t *node) {
  zuv__map_node_t **bucket = &map->nodes[node->hash & map->mask];
  node->next = *bucket;
  *bucket = node;
}

/* Doubles the number of buckets. A map that cannot grow is slower but whole, so
 * only the first buckets are a must. */
static int grow(zuv__map_t *map) {
  zuv__map_node_t **old = map->nodes;
  size_t old_size = old == NULL ? 0 : map->mask + 1;
  size_t size = old == NULL ? BUCKETS_MIN : old_size * 2;
  zuv__map_node_t **nodes = zuv__calloc(size, sizeof(*nodes));
  size_t i;

  if (nodes == NULL)
    return old == NULL ? UV_ENOMEM : 0;
  map->nodes = nodes;
  map->mask = size - 1;
  for (i = 0; i < old_size; i++) {
    zuv__map_node_t *node = old[i];
    while (node != NULL) {
      zuv__map_node_t *next = node->next;
      push(map, node);
      node = next;
    }
  }
  zuv__free(old);
  return 0;
}

int zuv__map_insert_hashed(zuv__map_t *map, zuv__map_node_t *node,
                           uint64_t hash, const void *key, size_t size) {
  if (zuv__map_find_hashed(map, hash, key, size) != NULL)
    return UV_EEXIST;
  if (map->nodes == NULL || map->count > map->mask) {
    int status = grow(map);
    if (status != 0)
      return status;
  }
  node->hash = hash;
  node->key = key;
  node->size = size;
  push(map, node);
  map->count++;
  return 0;
}

int zuv__map_insert(zuv__map_t *map, zuv__map_node_t *node, const void *key,
                    size_t size) {
  return zuv__map_insert_hashed(map, node, zuv__map_hash(key, size), key, size);
}

void zuv__map_remove(zuv__map_t *map, zuv__map_node_t *node) {
  zuv__map_node_t **link;

  assert(map->nodes != NULL);
  link = &map->nodes[node->hash & map->mask];
  while (*link != node) {
    assert(*link != NULL);
    link = &(*link)->next;
  }
  *link = node->next;
  node->next = NULL;
  map->count--;
  if (map->count == 0)
    zuv__map_destroy(map);
}

zuv__map_iterator_t zuv__map_iterate(const zuv__map_t *map) {
  zuv__map_iterator_t iterator = {map, NULL, 0};
  return iterator;
}

zuv__map_node_t *zuv__map_next(zuv__map_iterator_t *iterator) {
  const zuv__map_t *map = iterator->map;
  zuv__map_node_t *node = iterator->next;

  /* Removing the last node takes the buckets away. */
  while (node == NULL && map->nodes != NULL && iterator->bucket <= map->mask)
    node = map->nodes[iterator->bucket++];
  iterator->next = node == NULL ? NULL : node->next;
  return node;
}
