/* The subscription index; the header says what it is. Called by the four
 * publish-subscribe patterns. Can fail for want of memory, and refuse a peer
 * that holds too much.
 *
 * A (topic, peer) pair is a link: it is in the topic's list, in the peer's
 * list, and in a map of all pairs, so that adding a pair twice is noticed, and
 * removing one costs the same, however long the two lists are. */
#include "routing/subscriptions.h"

#include <assert.h>
#include <string.h>
#include <uv.h>

#include "base/alloc.h"

/* Topics up to this size are compared before they are hashed. */
enum { RECENT_SIZE_MAX = 64, LENGTHS_MIN = 4 };

struct zuv__topic_length_s {
  size_t length;
  size_t topics;        /* how many have it, never 0 */
  zuv__topic_t *recent; /* the one found last; if set and topics is 1, the only
                           one */
};

typedef struct {
  zuv__topic_t *topic;
  zuv__subscriber_t *subscriber;
} pair_t;

typedef struct {
  zuv__map_node_t node; /* in links; its key is pair */
  pair_t pair;
  zuv__list_t in_topic;
  zuv__list_t in_subscriber;
} link_t;

void zuv__subscriptions_init(zuv__subscriptions_t *index) {
  memset(index, 0, sizeof(*index));
  zuv__map_init(&index->topics);
  zuv__map_init(&index->links);
  zuv__list_init(&index->topics_in_order);
}

void zuv__subscriber_init(zuv__subscriber_t *subscriber) {
  memset(subscriber, 0, sizeof(*subscriber));
  zuv__list_init(&subscriber->topics);
}

/* The position of the first length that is not smaller. */
static size_t length_position(const zuv__subscriptions_t *index,
                              size_t length) {
  size_t low = 0;
  size_t high = index->lengths_count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (index->lengths[middle].length < length)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int lengths_reserve(zuv__subscriptions_t *index) {
  zuv__topic_length_t *lengths;
  size_t room;

  if (index->lengths_count < index->lengths_room)
    return 0;
  room = index->lengths_room == 0 ? LENGTHS_MIN : index->lengths_room * 2;
  lengths = zuv__realloc(index->lengths, room * sizeof(*lengths));
  if (lengths == NULL)
    return UV_ENOMEM;
  index->lengths = lengths;
  index->lengths_room = room;
  return 0;
}

static int lengths_add(zuv__subscriptions_t *index, zuv__topic_t *topic) {
  size_t position = length_position(index, topic->node.size);
  zuv__topic_length_t *entry;
  int status;

  if (position < index->lengths_count &&
      index->lengths[position].length == topic->node.size) {
    index->lengths[position].topics++;
    return 0;
  }
  status = lengths_reserve(index);
  if (status != 0)
    return status;
  entry = &index->lengths[position];
  memmove(entry + 1, entry, (index->lengths_count - position) * sizeof(*entry));
  index->lengths_count++;
  entry->length = topic->node.size;
  entry->topics = 1;
  entry->recent = topic;
  return 0;
}

static void lengths_remove(zuv__subscriptions_t *index,
                           const zuv__topic_t *topic) {
  size_t position = length_position(index, topic->node.size);
  zuv__topic_length_t *entry = &index->lengths[position];

  if (entry->recent == topic)
    entry->recent = NULL;
  entry->topics--;
  if (entry->topics > 0)
    return;
  index->lengths_count--;
  memmove(entry, entry + 1, (index->lengths_count - position) * sizeof(*entry));
  if (index->lengths_count == 0) {
    zuv__free(index->lengths);
    index->lengths = NULL;
    index->lengths_room = 0;
  }
}

static zuv__topic_t *topic_find(const zuv__subscriptions_t *index,
                                uint64_t hash, const void *bytes, size_t size) {
  zuv__map_node_t *node =
      zuv__map_find_hashed(&index->topics, hash, bytes, size);
  return node == NULL ? NULL : zuv__container_of(node, zuv__topic_t, node);
}

/* NULL: no memory. */
static zuv__topic_t *topic_create(zuv__subscriptions_t *index, uint64_t hash,
                                  const void *bytes, size_t size) {
  zuv__topic_t *topic;

  if (size > SIZE_MAX - sizeof(*topic))
    return NULL;
  topic = zuv__malloc(sizeof(*topic) + size);
  if (topic == NULL)
    return NULL;
  if (size > 0)
    memcpy(topic->bytes, bytes, size);
  topic->references = 0;
  topic->id = ++index->last_id;
  topic->known_prefix = 0;
  zuv__list_init(&topic->subscribers);
  zuv__list_init(&topic->in_order);

  if (zuv__map_insert_hashed(&index->topics, &topic->node, hash, topic->bytes,
                             size) != 0)
    goto fail;
  if (lengths_add(index, topic) != 0)
    goto fail_inserted;
  zuv__list_push_back(&index->topics_in_order, &topic->in_order);
  return topic;

fail_inserted:
  zuv__map_remove(&index->topics, &topic->node);
fail:
  zuv__free(topic);
  return NULL;
}

/* Takes a topic that nobody holds any more out of the index, and says whether
 * it did; the memory is then the caller's to free. */
static bool topic_leave(zuv__subscriptions_t *index, zuv__topic_t *topic) {
  if (topic->references > 0 || !zuv__list_empty(&topic->subscribers))
    return false;
  zuv__list_remove(&topic->in_order);
  zuv__map_remove(&index->topics, &topic->node);
  lengths_remove(index, topic);
  return true;
}

/* The hash of the topic is keyed already, so no peer can steer this one. */
static uint64_t pair_hash(const pair_t *pair) {
  uint64_t address = (uint64_t)(uintptr_t)pair->subscriber;
  uint64_t product = address * UINT64_C(0x9e3779b97f4a7c15);
  return pair->topic->node.hash ^ product ^ product >> 32;
}

static link_t *link_find(const zuv__subscriptions_t *index, zuv__topic_t *topic,
                         zuv__subscriber_t *subscriber) {
  pair_t pair = {topic, subscriber};
  zuv__map_node_t *node = zuv__map_find_hashed(&index->links, pair_hash(&pair),
                                               &pair, sizeof(pair));
  return node == NULL ? NULL : zuv__container_of(node, link_t, node);
}

static int link_create(zuv__subscriptions_t *index, zuv__topic_t *topic,
                       zuv__subscriber_t *subscriber) {
  link_t *link = zuv__malloc(sizeof(*link));
  int status;

  if (link == NULL)
    return UV_ENOMEM;
  link->pair.topic = topic;
  link->pair.subscriber = subscriber;
  status =
      zuv__map_insert_hashed(&index->links, &link->node, pair_hash(&link->pair),
                             &link->pair, sizeof(link->pair));
  if (status != 0) {
    zuv__free(link);
    return status;
  }
  zuv__list_push_back(&topic->subscribers, &link->in_topic);
  zuv__list_push_back(&subscriber->topics, &link->in_subscriber);
  subscriber->count++;
  subscriber->bytes += topic->node.size;
  return 0;
}

static void link_destroy(zuv__subscriptions_t *index, link_t *link) {
  link->pair.subscriber->count--;
  link->pair.subscriber->bytes -= link->pair.topic->node.size;
  zuv__list_remove(&link->in_topic);
  zuv__list_remove(&link->in_subscriber);
  zuv__map_remove(&index->links, &link->node);
  zuv__free(link);
}

static void answer(bool *out, bool value) {
  if (out != NULL)
    *out = value;
}

int zuv__subscriptions_add(zuv__subscriptions_t *index,
                           zuv__subscriber_t *subscriber, const void *topic,
                           size_t size, bool *first_of_topic,
                           bool *new_for_subscriber) {
  uint64_t hash = zuv__map_hash(topic, size);
  zuv__topic_t *entry = topic_find(index, hash, topic, size);
  bool first = entry == NULL;
  int status;

  answer(first_of_topic, false);
  answer(new_for_subscriber, false);
  if (!first && link_find(index, entry, subscriber) != NULL)
    return 0;
  if (subscriber->count >= ZUV__SUBSCRIPTIONS_PER_PEER_MAX ||
      size > ZUV__SUBSCRIPTION_BYTES_PER_PEER_MAX - subscriber->bytes)
    return UV_ENOBUFS;

  if (first)
    entry = topic_create(index, hash, topic, size);
  if (entry == NULL)
    return UV_ENOMEM;
  status = link_create(index, entry, subscriber);
  if (status != 0) {
    if (topic_leave(index, entry))
      zuv__free(entry);
    return status;
  }
  answer(first_of_topic, first);
  answer(new_for_subscriber, true);
  return 0;
}

int zuv__subscriptions_remove(zuv__subscriptions_t *index,
                              zuv__subscriber_t *subscriber, const void *topic,
                              size_t size, bool *last_of_topic) {
  zuv__topic_t *entry =
      topic_find(index, zuv__map_hash(topic, size), topic, size);
  link_t *link = entry == NULL ? NULL : link_find(index, entry, subscriber);
  bool last;

  answer(last_of_topic, false);
  if (link == NULL)
    return UV_ENOENT;
  link_destroy(index, link);
  last = topic_leave(index, entry);
  if (last)
    zuv__free(entry);
  answer(last_of_topic, last);
  return 0;
}

/* Takes a leaving peer out of what the latest match found. */
static void matched_remove(zuv__subscriptions_t *index,
                           zuv__subscriber_t *subscriber) {
  zuv__subscriber_t **position = &index->matched;

  if (subscriber->generation != index->generation)
    return;
  while (*position != NULL && *position != subscriber)
    position = &(*position)->next_matched;
  if (*position == subscriber)
    *position = subscriber->next_matched;
}

void zuv__subscriptions_remove_all(zuv__subscriptions_t *index,
                                   zuv__subscriber_t *subscriber, void *context,
                                   zuv__subscriptions_left_cb callback) {
  matched_remove(index, subscriber);
  while (!zuv__list_empty(&subscriber->topics)) {
    link_t *link =
        zuv__container_of(subscriber->topics.next, link_t, in_subscriber);
    zuv__topic_t *topic = link->pair.topic;
    bool last;

    link_destroy(index, link);
    last = topic_leave(index, topic);
    if (callback != NULL)
      callback(context, topic->bytes, topic->node.size, last);
    if (last)
      zuv__free(topic);
  }
}

void zuv__subscriptions_destroy(zuv__subscriptions_t *index) {
  while (!zuv__list_empty(&index->topics_in_order)) {
    zuv__topic_t *topic =
        zuv__container_of(index->topics_in_order.next, zuv__topic_t, in_order);

    while (!zuv__list_empty(&topic->subscribers))
      link_destroy(
          index, zuv__container_of(topic->subscribers.next, link_t, in_topic));
    topic->references = 0;
    if (topic_leave(index, topic))
      zuv__free(topic);
  }
  index->matched = NULL;
}

/* One walk over the topics that begin a frame, shortest first. */
typedef struct {
  zuv__subscriptions_t *index;
  const unsigned char *data;
  size_t size;
  size_t position;            /* in lengths */
  zuv__prefix_hash_t hash;    /* without data until it is needed */
  const zuv__topic_t *latest; /* the longest found so far */
} walk_t;

/* Compares a topic whose hash and length fit. A peer may hold one topic of
 * every length, each the beginning of the next: comparing all of them whole
 * would cost the square of the frame's size. Bytes that are known to equal the
 * topic found before are therefore not compared again. */
static bool walk_compare(walk_t *walk, zuv__topic_t *topic) {
  const zuv__topic_t *latest = walk->latest;
  size_t known = latest != NULL && topic->known_prefix == latest->id
                     ? latest->node.size
                     : 0;
  size_t rest = topic->node.size - known;

  if (rest > 0 && memcmp(topic->bytes + known, walk->data + known, rest) != 0)
    return false;
  if (latest != NULL)
    topic->known_prefix = latest->id;
  return true;
}

static zuv__topic_t *walk_find(walk_t *walk, zuv__topic_length_t *entry) {
  const zuv__map_t *topics = &walk->index->topics;
  zuv__map_node_t *node;
  uint64_t hash;

  if (entry->recent != NULL && entry->length <= RECENT_SIZE_MAX) {
    if (walk_compare(walk, entry->recent))
      return entry->recent;
    if (entry->topics == 1)
      return NULL;
  }
  if (walk->hash.data == NULL)
    zuv__prefix_hash_init(&walk->hash, walk->data);
  hash = zuv__prefix_hash(&walk->hash, entry->length);
  node = topics->nodes[hash & topics->mask];
  for (; node != NULL; node = node->next) {
    zuv__topic_t *topic = zuv__container_of(node, zuv__topic_t, node);
    if (node->hash == hash && node->size == entry->length &&
        walk_compare(walk, topic)) {
      entry->recent = topic;
      return topic;
    }
  }
  return NULL;
}

/* The next topic, or NULL when there is none any more. */
static zuv__topic_t *walk_next(walk_t *walk) {
  while (walk->position < walk->index->lengths_count) {
    zuv__topic_length_t *entry = &walk->index->lengths[walk->position++];
    zuv__topic_t *topic;

    if (entry->length > walk->size)
      return NULL;
    topic = walk_find(walk, entry);
    if (topic != NULL) {
      walk->latest = topic;
      return topic;
    }
  }
  return NULL;
}

size_t zuv__subscriptions_match(zuv__subscriptions_t *index, const void *data,
                                size_t size) {
  walk_t walk = {.index = index, .data = data, .size = size};
  zuv__subscriber_t **end = &index->matched;
  uint64_t generation = ++index->generation;
  size_t count = 0;
  zuv__topic_t *topic;

  while ((topic = walk_next(&walk)) != NULL) {
    zuv__list_t *node = topic->subscribers.next;
    for (; node != &topic->subscribers; node = node->next) {
      zuv__subscriber_t *subscriber =
          zuv__container_of(node, link_t, in_topic)->pair.subscriber;
      if (subscriber->generation == generation)
        continue;
      subscriber->generation = generation;
      *end = subscriber;
      end = &subscriber->next_matched;
      count++;
    }
  }
  *end = NULL;
  return count;
}

bool zuv__subscriptions_matches(zuv__subscriptions_t *index, const void *data,
                                size_t size) {
  walk_t walk = {.index = index, .data = data, .size = size};
  return walk_next(&walk) != NULL;
}

int zuv__subscriptions_ref(zuv__subscriptions_t *index, const void *topic,
                           size_t size, bool *first) {
  uint64_t hash = zuv__map_hash(topic, size);
  zuv__topic_t *entry = topic_find(index, hash, topic, size);

  answer(first, false);
  if (entry == NULL) {
    entry = topic_create(index, hash, topic, size);
    if (entry == NULL)
      return UV_ENOMEM;
    answer(first, true);
  }
  entry->references++;
  return 0;
}

int zuv__subscriptions_unref(zuv__subscriptions_t *index, const void *topic,
                             size_t size, bool *last) {
  zuv__topic_t *entry =
      topic_find(index, zuv__map_hash(topic, size), topic, size);
  bool left;

  answer(last, false);
  if (entry == NULL || entry->references == 0)
    return UV_ENOENT;
  entry->references--;
  left = topic_leave(index, entry);
  if (left)
    zuv__free(entry);
  answer(last, left);
  return 0;
}

const zuv__topic_t *zuv__subscriptions_next(const zuv__subscriptions_t *index,
                                            const zuv__topic_t *previous) {
  const zuv__list_t *node =
      previous == NULL ? index->topics_in_order.next : previous->in_order.next;
  return node == &index->topics_in_order
             ? NULL
             : zuv__container_of(node, const zuv__topic_t, in_order);
}
