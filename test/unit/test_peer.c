/* What a peer tells to those who ask by name (zuv__peer_text), from any
 * thread. The rest of core/peer.c is tested with sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/alloc.h"
#include "core/peer.h"
#include "zmtp/metadata.h"

static void add(zuv_peer_t *peer, const char *name, const char *value,
                size_t value_size) {
  size_t name_size = strlen(name);
  size_t more = zuv__property_size(name_size, value_size);
  uint8_t *block = zuv__realloc(peer->metadata, peer->metadata_size + more);

  assert_non_null(block);
  assert_int_equal(zuv__metadata_append(block + peer->metadata_size, more, name,
                                        name_size, value, value_size),
                   more);
  peer->metadata = block;
  peer->metadata_size += more;
}

static zuv_peer_t *dealer_new(void) {
  zuv_peer_t *peer =
      zuv__peer_new("10.0.0.1", "tcp://*:1", ZUV_DEALER, "NULL", "id", 2);

  assert_non_null(peer);
  add(peer, "X", "", 0);
  add(peer, "Socket-Type", "DEALER", 6);
  add(peer, "Identity", "id", 2);
  add(peer, "X-Empty", "", 0);
  add(peer, "X-Nul", "a\0b", 3);
  add(peer, "X-Twice", "first", 5);
  add(peer, "X-Twice", "second", 6);
  add(peer, "x-lower", "last", 4);
  return peer;
}

static void properties_are_texts(void **state) {
  zuv_peer_t *peer = dealer_new();
  (void)state;

  for (int i = 0; i < 2; i++) {
    assert_string_equal(zuv__peer_text(peer, "Peer-Address"), "10.0.0.1");
    assert_string_equal(zuv__peer_text(peer, "Socket-Type"), "DEALER");
    assert_string_equal(zuv__peer_text(peer, "Identity"), "id");
    assert_string_equal(zuv__peer_text(peer, "Routing-Id"), "id");
    assert_string_equal(zuv__peer_text(peer, "X"), "");
    assert_string_equal(zuv__peer_text(peer, "X-Empty"), "");
    assert_string_equal(zuv__peer_text(peer, "X-Nul"), "a");
    assert_string_equal(zuv__peer_text(peer, "X-Twice"), "first");
    assert_string_equal(zuv__peer_text(peer, "x-lower"), "last");
  }
  assert_ptr_equal(zuv__peer_text(peer, "Identity"),
                   zuv__peer_text(peer, "Identity"));
  zuv__peer_release(peer);
}

static void names_are_exact(void **state) {
  static const char *const names[] = {"",          "identity", "Identit",
                                      "Identity ", "X-Lower",  "User-Id"};
  zuv_peer_t *peer = dealer_new();
  (void)state;

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    assert_null(zuv__peer_text(peer, names[i]));
  add(peer, "User-Id", "admin", 5);
  assert_string_equal(zuv__peer_text(peer, "User-Id"), "admin");
  zuv__peer_release(peer);
}

static void inproc_peers_tell_nothing(void **state) {
  static const char *const names[] = {"Peer-Address", "Socket-Type", "Identity",
                                      "Routing-Id", "User-Id"};
  zuv_peer_t *peer = zuv__peer_new("", "inproc://a", ZUV_DEALER, "", "id", 2);
  (void)state;

  assert_non_null(peer);
  assert_int_equal(peer->fd, -1);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    assert_null(zuv__peer_text(peer, names[i]));
  zuv__peer_release(peer);
}

enum { THREADS = 4, ROUNDS = 200 };

static pthread_barrier_t barrier;

/* Has a reference of its own, and gives it back. */
static void *ask(void *arg) {
  const char *answer;
  bool good;

  pthread_barrier_wait(&barrier);
  answer = zuv__peer_text(arg, "X-Twice");
  good = answer != NULL && strcmp(answer, "first") == 0;
  zuv__peer_release(arg);
  return good ? arg : NULL;
}

static void threads_may_ask_at_once(void **state) {
  pthread_t threads[THREADS];
  void *result;
  (void)state;

  assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
  for (int round = 0; round < ROUNDS; round++) {
    zuv_peer_t *peer = dealer_new();

    for (size_t i = 0; i < THREADS; i++) {
      zuv__peer_retain(peer);
      assert_int_equal(pthread_create(&threads[i], NULL, ask, peer), 0);
    }
    zuv__peer_release(peer);
    for (size_t i = 0; i < THREADS; i++) {
      assert_int_equal(pthread_join(threads[i], &result), 0);
      assert_non_null(result);
    }
  }
  pthread_barrier_destroy(&barrier);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(properties_are_texts),
      cmocka_unit_test(names_are_exact),
      cmocka_unit_test(inproc_peers_tell_nothing),
      cmocka_unit_test(threads_may_ask_at_once),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
