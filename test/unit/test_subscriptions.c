/* The subscription index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "routing/subscriptions.h"
#include "zuv.h"

enum { PEERS = 12, TOPICS = 160, TOPIC_SIZE_MAX = 200, STEPS = 20000 };

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

/* What every test begins with. */
static zuv__subscriptions_t subscriptions;
static zuv__subscriber_t peers[PEERS];

static int setup(void **state) {
  size_t i;

  (void)state;
  allocations_left = -1;
  zuv__subscriptions_init(&subscriptions);
  for (i = 0; i < PEERS; i++)
    zuv__subscriber_init(&peers[i]);
  return 0;
}

static int teardown(void **state) {
  size_t i;

  (void)state;
  allocations_left = -1;
  zuv__subscriptions_destroy(&subscriptions);
  for (i = 0; i < PEERS; i++) {
    if (peers[i].count != 0 || peers[i].bytes != 0 ||
        !zuv__list_empty(&peers[i].topics))
      return -1;
  }
  return subscriptions.topics.nodes == NULL &&
                 subscriptions.links.nodes == NULL &&
                 subscriptions.lengths == NULL
             ? 0
             : -1;
}

static void add(size_t peer, const char *topic, bool first, bool new_for_peer) {
  bool got_first = !first, got_new = !new_for_peer;
  assert_int_equal(zuv__subscriptions_add(&subscriptions, &peers[peer], topic,
                                          strlen(topic), &got_first, &got_new),
                   0);
  assert_int_equal(got_first, first);
  assert_int_equal(got_new, new_for_peer);
}

static void take_away(size_t peer, const char *topic, int status, bool last) {
  bool got_last = !last;
  assert_int_equal(zuv__subscriptions_remove(&subscriptions, &peers[peer],
                                             topic, strlen(topic), &got_last),
                   status);
  assert_int_equal(got_last, last);
}

/* The matching peers as bits; checks that each is answered once. */
static unsigned match_bytes(const void *data, size_t size) {
  size_t count = zuv__subscriptions_match(&subscriptions, data, size);
  const zuv__subscriber_t *subscriber = subscriptions.matched;
  unsigned bits = 0;

  for (; subscriber != NULL; subscriber = subscriber->next_matched) {
    unsigned bit = 1u << (subscriber - peers);
    assert_int_equal(bits & bit, 0);
    bits |= bit;
    count--;
  }
  assert_int_equal(count, 0);
  return bits;
}

static unsigned match(const char *text) {
  return match_bytes(text, strlen(text));
}

static void test_empty_index_matches_nothing(void **state) {
  (void)state;
  assert_int_equal(match("A"), 0);
  assert_int_equal(match_bytes(NULL, 0), 0);
  assert_false(zuv__subscriptions_matches(&subscriptions, "A", 1));
  assert_false(zuv__subscriptions_matches(&subscriptions, NULL, 0));
  assert_null(zuv__subscriptions_next(&subscriptions, NULL));
  take_away(0, "A", UV_ENOENT, false);
}

static void test_topic_matches_what_it_begins(void **state) {
  (void)state;
  add(0, "weather", true, true);
  assert_int_equal(match("weather"), 1);
  assert_int_equal(match("weather.oslo"), 1);
  assert_int_equal(match("weathe"), 0);
  assert_int_equal(match("Weather"), 0);
  assert_int_equal(match(""), 0);
}

static void test_empty_topic_matches_everything(void **state) {
  (void)state;
  assert_int_equal(
      zuv__subscriptions_add(&subscriptions, &peers[3], NULL, 0, NULL, NULL),
      0);
  assert_int_equal(match(""), 1u << 3);
  assert_int_equal(match_bytes(NULL, 0), 1u << 3);
  assert_int_equal(match("A"), 1u << 3);
  assert_true(zuv__subscriptions_matches(&subscriptions, NULL, 0));
  take_away(3, "", 0, true);
}

static void test_topics_may_hold_any_byte(void **state) {
  (void)state;
  assert_int_equal(zuv__subscriptions_add(&subscriptions, &peers[0], "\0\xff",
                                          2, NULL, NULL),
                   0);
  assert_int_equal(match_bytes("\0\xff\0", 3), 1);
  assert_int_equal(match_bytes("\0\0\0", 3), 0);
}

static void test_peer_subscribing_twice_is_in_once(void **state) {
  (void)state;
  add(0, "A", true, true);
  add(0, "A", false, false);
  assert_int_equal(peers[0].count, 1);
  assert_int_equal(match("A"), 1);
  take_away(0, "A", 0, true);
  take_away(0, "A", UV_ENOENT, false);
  assert_int_equal(match("A"), 0);
}

static void test_topic_stays_until_its_last_peer_leaves(void **state) {
  (void)state;
  add(0, "A", true, true);
  add(1, "A", false, true);
  assert_int_equal(match("AB"), 3);
  take_away(2, "A", UV_ENOENT, false);
  take_away(0, "A", 0, false);
  assert_int_equal(match("AB"), 2);
  assert_int_equal(zuv__subscriptions_count(&subscriptions), 1);
  take_away(1, "A", 0, true);
  assert_int_equal(zuv__subscriptions_count(&subscriptions), 0);
}

static void test_peer_with_overlapping_topics_is_answered_once(void **state) {
  (void)state;
  add(0, "", true, true);
  add(0, "A", true, true);
  add(0, "AB", true, true);
  add(1, "AB", false, true);
  add(2, "ABC", true, true);
  assert_int_equal(match("AB"), 3);
  assert_int_equal(match("ABCD"), 7);
  assert_int_equal(match("B"), 1);
}

/* What the callback of remove_all was told, as "topic+" or "topic-". */
static char told[64];

static void tell(void *context, const void *topic, size_t size, bool last) {
  assert_ptr_equal(context, told);
  strncat(told, topic, size);
  strcat(told, last ? "-" : "+");
}

static void test_leaving_peer_tells_its_topics_oldest_first(void **state) {
  (void)state;
  add(0, "C", true, true);
  add(0, "", true, true);
  add(0, "B", true, true);
  add(1, "B", false, true);
  told[0] = '\0';
  zuv__subscriptions_remove_all(&subscriptions, &peers[0], told, tell);
  assert_string_equal(told, "C--B+");
  assert_int_equal(peers[0].count, 0);
  assert_int_equal(match("B"), 2);
  assert_int_equal(match("C"), 0);
  zuv__subscriptions_remove_all(&subscriptions, &peers[1], NULL, NULL);
  zuv__subscriptions_remove_all(&subscriptions, &peers[1], NULL, NULL);
  assert_int_equal(zuv__subscriptions_count(&subscriptions), 0);
}

static void hand_over(void *context, const void *topic, size_t size,
                      bool last) {
  assert_true(last);
  assert_int_equal(
      zuv__subscriptions_add(&subscriptions, context, topic, size, NULL, NULL),
      0);
}

static void test_callback_of_a_leaving_peer_may_subscribe(void **state) {
  (void)state;
  add(0, "A", true, true);
  add(0, "AB", true, true);
  zuv__subscriptions_remove_all(&subscriptions, &peers[0], &peers[1],
                                hand_over);
  assert_int_equal(match("AB"), 2);
  assert_int_equal(peers[1].count, 2);
}

static void test_peer_leaving_amid_a_match_is_not_taken(void **state) {
  size_t i;

  (void)state;
  for (i = 0; i < 4; i++)
    add(i, "A", i == 0, true);
  assert_int_equal(zuv__subscriptions_match(&subscriptions, "A", 1), 4);
  assert_ptr_equal(zuv__subscriptions_take_matched(&subscriptions), &peers[0]);
  zuv__subscriptions_remove_all(&subscriptions, &peers[0], NULL, NULL);
  zuv__subscriptions_remove_all(&subscriptions, &peers[2], NULL, NULL);
  assert_ptr_equal(zuv__subscriptions_take_matched(&subscriptions), &peers[1]);
  zuv__subscriptions_remove_all(&subscriptions, &peers[3], NULL, NULL);
  assert_null(zuv__subscriptions_take_matched(&subscriptions));
  assert_null(zuv__subscriptions_take_matched(&subscriptions));
}

static void test_references_are_counted(void **state) {
  bool first = false, last = true;

  (void)state;
  assert_int_equal(zuv__subscriptions_ref(&subscriptions, "A", 1, &first), 0);
  assert_true(first);
  assert_int_equal(zuv__subscriptions_ref(&subscriptions, "A", 1, &first), 0);
  assert_false(first);
  assert_int_equal(zuv__subscriptions_unref(&subscriptions, "A", 1, &last), 0);
  assert_false(last);
  assert_true(zuv__subscriptions_matches(&subscriptions, "AB", 2));
  assert_int_equal(zuv__subscriptions_unref(&subscriptions, "A", 1, &last), 0);
  assert_true(last);
  assert_false(zuv__subscriptions_matches(&subscriptions, "AB", 2));
  assert_int_equal(zuv__subscriptions_unref(&subscriptions, "A", 1, &last),
                   UV_ENOENT);
  assert_false(last);
}

static void test_peers_and_references_hold_a_topic_together(void **state) {
  bool first = true, last = true;

  (void)state;
  add(0, "A", true, true);
  assert_int_equal(zuv__subscriptions_unref(&subscriptions, "A", 1, NULL),
                   UV_ENOENT);
  assert_int_equal(zuv__subscriptions_ref(&subscriptions, "A", 1, &first), 0);
  assert_false(first);
  take_away(0, "A", 0, false);
  assert_int_equal(match("A"), 0);
  assert_true(zuv__subscriptions_matches(&subscriptions, "A", 1));
  assert_int_equal(zuv__subscriptions_unref(&subscriptions, "A", 1, &last), 0);
  assert_true(last);
}

static void test_topics_are_listed_oldest_first(void **state) {
  const char *const expected[] = {"B", "", "long topic"};
  const zuv__topic_t *topic = NULL;
  size_t i;

  (void)state;
  add(0, "B", true, true);
  add(0, "gone", true, true);
  add(0, "", true, true);
  add(1, "long topic", true, true);
  take_away(0, "gone", 0, true);
  for (i = 0; i < 3; i++) {
    topic = zuv__subscriptions_next(&subscriptions, topic);
    assert_non_null(topic);
    assert_int_equal(topic->node.size, strlen(expected[i]));
    assert_memory_equal(topic->node.key, expected[i], topic->node.size);
  }
  assert_null(zuv__subscriptions_next(&subscriptions, topic));
}

static void test_peer_that_holds_too_much_is_refused(void **state) {
  bool first = true, new_for_peer = true;

  (void)state;
  peers[0].bytes = ZUV__SUBSCRIPTION_BYTES_PER_PEER_MAX;
  assert_int_equal(zuv__subscriptions_add(&subscriptions, &peers[0], "A", 1,
                                          &first, &new_for_peer),
                   UV_ENOBUFS);
  assert_false(first);
  assert_false(new_for_peer);
  peers[0].bytes = 0;
  peers[0].count = ZUV__SUBSCRIPTIONS_PER_PEER_MAX;
  assert_int_equal(zuv__subscriptions_add(&subscriptions, &peers[0], "A", 1,
                                          &first, &new_for_peer),
                   UV_ENOBUFS);
  peers[0].count--;
  add(0, "A", true, true);
  add(0, "A", false, false);
  add(1, "B", true, true);
  take_away(0, "A", 0, true);
  peers[0].count = 0;
}

/* Every topic begins the next: a hit on all of them at once. Removing some
 * changes what each was compared with before. */
static void test_many_nested_topics_match(void **state) {
  static char text[1001];
  size_t size;
  int round;

  (void)state;
  memset(text, 'a', sizeof(text));
  for (size = 0; size <= 1000; size++)
    assert_int_equal(zuv__subscriptions_add(&subscriptions, &peers[size % 5],
                                            text, size, NULL, NULL),
                     0);
  for (round = 0; round < 3; round++) {
    assert_int_equal(match_bytes(text, 1000), 31);
    assert_int_equal(match_bytes(text, 2), 7);
    text[500] = 'b';
    assert_int_equal(match_bytes(text, 1000), 31);
    text[2] = 'b';
    assert_int_equal(match_bytes(text, 1000), 7);
    text[2] = text[500] = 'a';
  }
  for (size = 0; size <= 1000; size += 3)
    assert_int_equal(zuv__subscriptions_remove(&subscriptions, &peers[size % 5],
                                               text, size, NULL),
                     0);
  assert_int_equal(match_bytes(text, 0), 0);
  assert_int_equal(match_bytes(text, 4), 1u << 1 | 1u << 2 | 1u << 4);
  assert_int_equal(match_bytes(text, 1000), 31);
}

/* The naive model: who holds which topic, in a table. */
static struct {
  char topics[TOPICS][TOPIC_SIZE_MAX];
  size_t sizes[TOPICS];
  bool held[PEERS][TOPICS];
  unsigned references[TOPICS];
} model;

/* Short topics over two letters, so that they nest, and long ones that begin
 * one another or differ in one place. */
static size_t make_topic(uint32_t *seed, bool is_long, char *bytes) {
  size_t size = next_random(seed) % (is_long ? TOPIC_SIZE_MAX : 8);
  size_t i;

  for (i = 0; i < size; i++)
    bytes[i] = is_long ? 'a' : (char)('a' + next_random(seed) % 2);
  if (is_long && size > 0 && next_random(seed) % 2 == 0)
    bytes[next_random(seed) % size] = 'b';
  return size;
}

static void model_make(uint32_t *seed) {
  size_t topic = 0;

  memset(&model, 0, sizeof(model));
  while (topic < TOPICS) {
    char *bytes = model.topics[topic];
    size_t size = make_topic(seed, topic % 4 == 0, bytes);
    size_t other = 0;

    while (other < topic && (model.sizes[other] != size ||
                             memcmp(model.topics[other], bytes, size) != 0))
      other++;
    if (other == topic)
      model.sizes[topic++] = size;
  }
}

static bool model_has(size_t topic) {
  bool has = model.references[topic] > 0;
  size_t peer;

  for (peer = 0; peer < PEERS; peer++)
    has = has || model.held[peer][topic];
  return has;
}

static void model_check_match(uint32_t *seed) {
  char data[TOPIC_SIZE_MAX];
  size_t size = make_topic(seed, next_random(seed) % 2 == 0, data);
  bool any = false;
  unsigned bits = 0;
  size_t topic, peer;

  for (topic = 0; topic < TOPICS; topic++) {
    if (model.sizes[topic] > size ||
        memcmp(model.topics[topic], data, model.sizes[topic]) != 0)
      continue;
    any = any || model_has(topic);
    for (peer = 0; peer < PEERS; peer++)
      bits |= model.held[peer][topic] ? 1u << peer : 0;
  }
  assert_int_equal(match_bytes(data, size), bits);
  assert_int_equal(zuv__subscriptions_matches(&subscriptions, data, size), any);
}

static void model_check_count(void) {
  const zuv__topic_t *entry = NULL;
  size_t count = 0;
  size_t topic;

  for (topic = 0; topic < TOPICS; topic++)
    count += model_has(topic) ? 1 : 0;
  assert_int_equal(zuv__subscriptions_count(&subscriptions), count);
  while ((entry = zuv__subscriptions_next(&subscriptions, entry)) != NULL)
    count--;
  assert_int_equal(count, 0);
}

static void model_add(size_t peer, size_t topic) {
  bool first, new_for_peer;
  bool had = model_has(topic);
  assert_int_equal(
      zuv__subscriptions_add(&subscriptions, &peers[peer], model.topics[topic],
                             model.sizes[topic], &first, &new_for_peer),
      0);
  assert_int_equal(first, !had);
  assert_int_equal(new_for_peer, !model.held[peer][topic]);
  model.held[peer][topic] = true;
}

static void model_remove(size_t peer, size_t topic) {
  bool last;
  int status =
      zuv__subscriptions_remove(&subscriptions, &peers[peer],
                                model.topics[topic], model.sizes[topic], &last);
  assert_int_equal(status, model.held[peer][topic] ? 0 : UV_ENOENT);
  model.held[peer][topic] = false;
  assert_int_equal(last, status == 0 && !model_has(topic));
}

static void model_ref(size_t topic) {
  bool first;
  bool had = model_has(topic);
  assert_int_equal(zuv__subscriptions_ref(&subscriptions, model.topics[topic],
                                          model.sizes[topic], &first),
                   0);
  assert_int_equal(first, !had);
  model.references[topic]++;
}

static void model_unref(size_t topic) {
  bool last;
  int status = zuv__subscriptions_unref(&subscriptions, model.topics[topic],
                                        model.sizes[topic], &last);
  assert_int_equal(status, model.references[topic] > 0 ? 0 : UV_ENOENT);
  if (status == 0)
    model.references[topic]--;
  assert_int_equal(last, status == 0 && !model_has(topic));
}

static void model_told(void *context, const void *bytes, size_t size,
                       bool last) {
  bool *held = context;
  size_t topic = 0;

  while (model.sizes[topic] != size ||
         memcmp(model.topics[topic], bytes, size) != 0) {
    topic++;
    assert_true(topic < TOPICS);
  }
  assert_true(held[topic]);
  held[topic] = false;
  assert_int_equal(last, !model_has(topic));
}

static void model_remove_all(size_t peer) {
  size_t topic;

  zuv__subscriptions_remove_all(&subscriptions, &peers[peer], model.held[peer],
                                model_told);
  for (topic = 0; topic < TOPICS; topic++)
    assert_false(model.held[peer][topic]);
}

static void model_run(uint32_t seed) {
  size_t step;

  model_make(&seed);
  for (step = 0; step < STEPS; step++) {
    size_t peer = next_random(&seed) % PEERS;
    size_t topic = next_random(&seed) % TOPICS;
    uint32_t choice = next_random(&seed) % 100;

    if (choice == 0)
      model_remove_all(peer);
    else if (choice < 30)
      model_add(peer, topic);
    else if (choice < 60)
      model_remove(peer, topic);
    else if (choice < 65)
      model_ref(topic);
    else if (choice < 72)
      model_unref(topic);
    else
      model_check_match(&seed);
    if (step % 100 == 0)
      model_check_count();
  }
}

static void test_random_use_equals_a_naive_model(void **state) {
  uint32_t seed;

  (void)state;
  for (seed = 1; seed <= 4; seed++) {
    model_run(seed);
    zuv__subscriptions_destroy(&subscriptions);
  }
}

/* Adds with k allocations allowed, k = 0, 1, ... until it succeeds: every
 * failure must leave the index as it was. Answers the last k. */
static int add_under_pressure(size_t peer, const char *topic, bool reference) {
  size_t count = zuv__subscriptions_count(&subscriptions);
  size_t lengths = subscriptions.lengths_count;
  size_t links = subscriptions.links.count;
  size_t held = peers[peer].count;
  unsigned matching = match(topic);
  int allowed, status;

  for (allowed = 0;; allowed++) {
    allocations_left = allowed;
    status =
        reference
            ? zuv__subscriptions_ref(&subscriptions, topic, strlen(topic), NULL)
            : zuv__subscriptions_add(&subscriptions, &peers[peer], topic,
                                     strlen(topic), NULL, NULL);
    allocations_left = -1;
    if (status == 0)
      return allowed;
    assert_int_equal(status, UV_ENOMEM);
    assert_int_equal(zuv__subscriptions_count(&subscriptions), count);
    assert_int_equal(subscriptions.lengths_count, lengths);
    assert_int_equal(subscriptions.links.count, links);
    assert_int_equal(peers[peer].count, held);
    assert_int_equal(match(topic), matching);
  }
}

static void test_without_memory_nothing_changes(void **state) {
  char topic[32] = "";
  size_t i;

  (void)state;
  /* topic, buckets of topics, lengths, link, buckets of links */
  assert_int_equal(add_under_pressure(0, "A", false), 5);
  assert_int_equal(add_under_pressure(1, "A", false), 1);
  assert_int_equal(add_under_pressure(1, "A", false), 0);
  assert_int_equal(add_under_pressure(0, "A", true), 0);
  assert_int_equal(add_under_pressure(0, "B", true), 1);
  for (i = 0; i < 20; i++) {
    topic[i] = 'c';
    assert_true(add_under_pressure(i % PEERS, topic, i % 3 == 0) > 0);
    assert_true(zuv__subscriptions_matches(&subscriptions, topic, i + 1));
  }
}

static void test_removing_needs_no_memory(void **state) {
  (void)state;
  add(0, "A", true, true);
  add(1, "A", false, true);
  add(1, "B", true, true);
  allocations_left = 0;
  assert_int_equal(match("A"), 3);
  take_away(0, "A", 0, false);
  zuv__subscriptions_remove_all(&subscriptions, &peers[1], NULL, NULL);
  assert_int_equal(match("A"), 0);
}

static int setup_group(void **state) {
  (void)state;
  return zuv_replace_allocator(limited_malloc, limited_realloc, limited_calloc,
                               free);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_empty_index_matches_nothing),
      TEST(test_topic_matches_what_it_begins),
      TEST(test_empty_topic_matches_everything),
      TEST(test_topics_may_hold_any_byte),
      TEST(test_peer_subscribing_twice_is_in_once),
      TEST(test_topic_stays_until_its_last_peer_leaves),
      TEST(test_peer_with_overlapping_topics_is_answered_once),
      TEST(test_leaving_peer_tells_its_topics_oldest_first),
      TEST(test_callback_of_a_leaving_peer_may_subscribe),
      TEST(test_peer_leaving_amid_a_match_is_not_taken),
      TEST(test_references_are_counted),
      TEST(test_peers_and_references_hold_a_topic_together),
      TEST(test_topics_are_listed_oldest_first),
      TEST(test_peer_that_holds_too_much_is_refused),
      TEST(test_many_nested_topics_match),
      TEST(test_random_use_equals_a_naive_model),
      TEST(test_without_memory_nothing_changes),
      TEST(test_removing_needs_no_memory),
  };
  return cmocka_run_group_tests(tests, setup_group, NULL);
}
