/* The subscription index: which topics are subscribed to, and by whom.
 *
 * PUB and XPUB keep, for each topic, the set of peers that want it (add,
 * remove, remove_all, match). SUB and XSUB keep a count for each topic and no
 * peers (ref, unref, matches). Both forms may live in one index; a topic is
 * there as long as a peer or a reference holds it.
 *
 * A message matches a topic that is a prefix of its first frame. Topics are
 * kept whole in a hash map, next to the sorted set of their distinct lengths;
 * matching looks up one prefix of the frame for each of these lengths. So it
 * takes a time that grows with the number of distinct lengths, not with the
 * number of topics, and nothing recurses over what a peer sent.
 *
 * Where a function can fail with UV_ENOMEM or UV_ENOBUFS, the index is as it
 * was before. Out-parameters may be NULL. */
#ifndef ZUV_ROUTING_SUBSCRIPTIONS_H
#define ZUV_ROUTING_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

/* What one peer may hold: topics, and bytes in all its topics together. */
#define ZUV__SUBSCRIPTIONS_PER_PEER_MAX ((size_t)1 << 20)
#define ZUV__SUBSCRIPTION_BYTES_PER_PEER_MAX ((size_t)1 << 28)

typedef struct zuv__subscriptions_s zuv__subscriptions_t;
typedef struct zuv__subscriber_s zuv__subscriber_t;
typedef struct zuv__topic_s zuv__topic_t;
typedef struct zuv__topic_length_s zuv__topic_length_t;

/* One topic of the index; its bytes are node.key, node.size. */
struct zuv__topic_s {
  zuv__map_node_t node;    /* in topics */
  zuv__list_t in_order;    /* in topics_in_order */
  zuv__list_t subscribers; /* the links to the peers that want it */
  uint64_t references;     /* of zuv__subscriptions_ref */
  uint64_t id;             /* never used again in this index */
  uint64_t known_prefix;   /* the id of a topic that begins this one, or 0 */
  unsigned char bytes[];
};

/* Embedded by the owner, one for each peer; in one index at most. */
struct zuv__subscriber_s {
  zuv__list_t topics;              /* the links to its topics, oldest first */
  size_t count;                    /* read-only: how many topics */
  size_t bytes;                    /* read-only: how many bytes these have */
  uint64_t generation;             /* of the match that found it last */
  zuv__subscriber_t *next_matched; /* read-only, after a match */
};

struct zuv__subscriptions_s {
  zuv__map_t topics;            /* bytes to zuv__topic_t */
  zuv__map_t links;             /* (topic, subscriber) to their link */
  zuv__list_t topics_in_order;  /* all topics, oldest first */
  zuv__topic_length_t *lengths; /* the distinct lengths, ascending */
  size_t lengths_count;
  size_t lengths_room;
  uint64_t last_id;           /* of a topic */
  uint64_t generation;        /* of the latest match */
  zuv__subscriber_t *matched; /* read-only: who is left of it */
};

/* Told for each topic a leaving peer had; last_of_topic: the topic has left
 * the index with it. The index is consistent and may be changed from inside;
 * `topic` is valid until the callback returns. */
typedef void (*zuv__subscriptions_left_cb)(void *context, const void *topic,
                                           size_t size, bool last_of_topic);

void zuv__subscriptions_init(zuv__subscriptions_t *index);

/* Forgets everything; subscribers are left empty. */
void zuv__subscriptions_destroy(zuv__subscriptions_t *index);

void zuv__subscriber_init(zuv__subscriber_t *subscriber);

/* Puts the peer into the topic's set. first_of_topic: the topic is new in the
 * index. new_for_subscriber: the peer had it not. 0, UV_ENOMEM, or UV_ENOBUFS
 * when the peer holds as much as one peer may. */
int zuv__subscriptions_add(zuv__subscriptions_t *index,
                           zuv__subscriber_t *subscriber, const void *topic,
                           size_t size, bool *first_of_topic,
                           bool *new_for_subscriber);

/* 0, or UV_ENOENT if the peer had no such topic. last_of_topic: the topic has
 * left the index. */
int zuv__subscriptions_remove(zuv__subscriptions_t *index,
                              zuv__subscriber_t *subscriber, const void *topic,
                              size_t size, bool *last_of_topic);

/* The peer leaves: must be called before the memory of a subscriber goes away.
 * Oldest topic first. The callback may be NULL. */
void zuv__subscriptions_remove_all(zuv__subscriptions_t *index,
                                   zuv__subscriber_t *subscriber, void *context,
                                   zuv__subscriptions_left_cb callback);

/* Finds the peers that want a message whose first frame is `data`, each once,
 * and answers how many they are. They can be looked at,
 *   for (s = index->matched; s != NULL; s = s->next_matched)
 * while the index does not change, and taken one by one,
 *   while ((s = zuv__subscriptions_take_matched(index)) != NULL)
 * also while it does: who leaves in between is not answered any more. The next
 * match begins anew. */
size_t zuv__subscriptions_match(zuv__subscriptions_t *index, const void *data,
                                size_t size);

static inline zuv__subscriber_t *
zuv__subscriptions_take_matched(zuv__subscriptions_t *index) {
  zuv__subscriber_t *subscriber = index->matched;
  if (subscriber != NULL)
    index->matched = subscriber->next_matched;
  return subscriber;
}

/* Whether any topic matches. Not const: it remembers what it found. */
bool zuv__subscriptions_matches(zuv__subscriptions_t *index, const void *data,
                                size_t size);

/* One more reference to the topic. first: the topic is new in the index.
 * 0 or UV_ENOMEM. */
int zuv__subscriptions_ref(zuv__subscriptions_t *index, const void *topic,
                           size_t size, bool *first);

/* One reference less. 0, or UV_ENOENT if nobody holds one. last: the topic has
 * left the index. */
int zuv__subscriptions_unref(zuv__subscriptions_t *index, const void *topic,
                             size_t size, bool *last);

/* The number of distinct topics. */
static inline size_t
zuv__subscriptions_count(const zuv__subscriptions_t *index) {
  return index->topics.count;
}

/* All topics, oldest first: the one after `previous` (NULL: the first), or NULL
 * at the end. Whoever removes a topic meanwhile asks for its next before. */
const zuv__topic_t *zuv__subscriptions_next(const zuv__subscriptions_t *index,
                                            const zuv__topic_t *previous);

#endif /* ZUV_ROUTING_SUBSCRIPTIONS_H */
