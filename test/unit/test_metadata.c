/* Metadata blocks, and what is built on them: socket types, our own block, and
 * what is kept of the peer's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zmtp/config.h"
#include "zmtp/metadata.h"
#include "zmtp/peer.h"
#include "zmtp/socket_type.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static const char two[] = "\003abc\0\0\0\002xy"
                          "\001d\0\0\0\0";

/* Counts the properties of a block, in an allocation of the exact size. */
static int count(const uint8_t *block, size_t size) {
  uint8_t *exact = malloc(size);
  zuv__property_t property;
  size_t offset = 0;
  int properties = 0;
  int result;

  if (size > 0)
    memcpy(exact, block, size);
  for (;;) {
    result = zuv__metadata_next(exact, size, &offset, &property);
    if (result <= 0)
      break;
    assert_true(offset <= size);
    properties++;
  }
  assert_int_equal(result == 0, zuv__metadata_is_valid(exact, size));
  free(exact);
  return result < 0 ? -1 : properties;
}

static void properties_come_in_order(void **state) {
  zuv__property_t property;
  size_t offset = 0;
  (void)state;

  assert_int_equal(zuv__metadata_next(BYTES(two), &offset, &property), 1);
  assert_int_equal(property.name_size, 3);
  assert_memory_equal(property.name, "abc", 3);
  assert_int_equal(property.value_size, 2);
  assert_memory_equal(property.value, "xy", 2);
  assert_int_equal(zuv__metadata_next(BYTES(two), &offset, &property), 1);
  assert_int_equal(property.name_size, 1);
  assert_int_equal(property.value_size, 0);
  assert_int_equal(zuv__metadata_next(BYTES(two), &offset, &property), 0);
  assert_int_equal(offset, sizeof(two) - 1);
}

static void an_empty_block_is_valid(void **state) {
  (void)state;
  assert_int_equal(count(NULL, 0), 0);
}

static void a_block_cut_inside_a_property_is_malformed(void **state) {
  (void)state;
  for (size_t size = 1; size < sizeof(two) - 1; size++)
    assert_int_equal(count((const uint8_t *)two, size), size == 10 ? 1 : -1);
  assert_int_equal(count(BYTES(two)), 2);
}

static void octets_left_over_are_malformed(void **state) {
  (void)state;
  assert_int_equal(count(BYTES("\001d\0\0\0\0x")), -1);
  assert_int_equal(count(BYTES("\001d\0\0\0\0\0")), -1);
}

static void an_empty_name_is_malformed(void **state) {
  (void)state;
  assert_int_equal(count(BYTES("\000\0\0\0\0")), -1);
}

static void a_value_over_31_bits_is_malformed(void **state) {
  (void)state;
  assert_int_equal(count(BYTES("\001d\x80\0\0\0")), -1);
  assert_int_equal(count(BYTES("\001d\xff\xff\xff\xff")), -1);
  assert_int_equal(count(BYTES("\001d\x7f\xff\xff\xff")), -1);
}

static void names_are_found_in_any_case(void **state) {
  zuv__property_t property;
  (void)state;

  assert_true(zuv__metadata_find(BYTES(two), "ABC", &property));
  assert_memory_equal(property.value, "xy", 2);
  assert_true(zuv__metadata_find(BYTES(two), "d", &property));
  assert_false(zuv__metadata_find(BYTES(two), "ab", &property));
  assert_false(zuv__metadata_find(BYTES(two), "abcd", &property));
  assert_false(zuv__metadata_find(NULL, 0, "abc", &property));
  assert_false(zuv__metadata_find(BYTES("\004abc\0\0\0\0"), "x", &property));
}

static void only_letters_have_a_case(void **state) {
  zuv__property_t property;
  (void)state;
  assert_false(zuv__metadata_find(BYTES("\001[\0\0\0\0"), "{", &property));
  assert_false(zuv__metadata_find(BYTES("\001@\0\0\0\0"), "`", &property));
}

static void a_property_is_appended_when_it_fits(void **state) {
  uint8_t out[16];
  (void)state;

  for (size_t room = 0; room < 10; room++)
    assert_int_equal(zuv__metadata_append(out, room, "abc", 3, "xy", 2), 0);
  assert_int_equal(zuv__metadata_append(out, 10, "abc", 3, "xy", 2), 10);
  assert_memory_equal(out, two, 10);
  assert_int_equal(zuv__metadata_append(out, 16, "d", 1, NULL, 0), 6);
  assert_memory_equal(out, two + 10, 6);
}

static void names_and_values_of_illegal_size_are_not_appended(void **state) {
  uint8_t out[512];
  char name[256];
  (void)state;

  memset(name, 'n', sizeof(name));
  assert_int_equal(zuv__metadata_append(out, sizeof(out), name, 0, "", 0), 0);
  assert_int_equal(zuv__metadata_append(out, sizeof(out), name, 256, "", 0), 0);
  assert_int_equal(zuv__metadata_append(out, sizeof(out), name, 255, "", 0),
                   260);
  assert_int_equal(
      zuv__metadata_append(out, SIZE_MAX, name, 1, "", (size_t)1 << 31), 0);
}

static void socket_types_have_names_and_numbers(void **state) {
  (void)state;

  assert_string_equal(zuv__socket_type_name(ZUV__SOCKET_PAIR), "PAIR");
  assert_string_equal(zuv__socket_type_name(ZUV__SOCKET_STREAM), "STREAM");
  assert_null(zuv__socket_type_name(-1));
  assert_null(zuv__socket_type_name(12));
  for (int type = ZUV__SOCKET_PAIR; type <= ZUV__SOCKET_STREAM; type++) {
    const char *name = zuv__socket_type_name(type);
    assert_int_equal(
        zuv__socket_type_number((const uint8_t *)name, strlen(name)), type);
    assert_int_equal(
        zuv__socket_type_number((const uint8_t *)name, strlen(name) - 1), -1);
  }
  assert_int_equal(zuv__socket_type_number(BYTES("push")), -1);
  assert_int_equal(zuv__socket_type_number(NULL, 0), -1);
}

/* Row: own type; a 1 for each peer type it accepts, in the order of numbers. */
static void only_fitting_socket_types_talk(void **state) {
  static const char *const accepts[] = {
      "100000000000" /* PAIR */,   "001000000010" /* PUB */,
      "010000000100" /* SUB */,    "000010100000" /* REQ */,
      "000101000000" /* REP */,    "000011100000" /* DEALER */,
      "000101100000" /* ROUTER */, "000000001000" /* PULL */,
      "000000010000" /* PUSH */,   "001000000010" /* XPUB */,
      "010000000100" /* XSUB */,   "000000000000" /* STREAM */,
  };
  (void)state;

  for (int own = 0; own < 12; own++)
    for (int peer = 0; peer < 12; peer++) {
      const char *name = zuv__socket_type_name(peer);
      bool accepted = zuv__socket_types_compatible(own, (const uint8_t *)name,
                                                   strlen(name));
      assert_int_equal(accepted, accepts[own][peer] == '1');
      if (peer != own)
        assert_int_equal(accepts[own][peer], accepts[peer][own]);
    }
  assert_false(zuv__socket_types_compatible(12, BYTES("PAIR")));
  assert_false(zuv__socket_types_compatible(-1, BYTES("PAIR")));
  assert_false(zuv__socket_types_compatible(0, BYTES("")));
}

static void our_block_names_type_identity_and_extras(void **state) {
  zuv__engine_config_t config = {.socket_type = ZUV__SOCKET_DEALER,
                                 .routing_id = (const uint8_t *)"ME",
                                 .routing_id_size = 2,
                                 .extra_metadata = (const uint8_t *)two,
                                 .extra_metadata_size = sizeof(two) - 1};
  static const char expected[] = "\013Socket-Type\0\0\0\006DEALER"
                                 "\010Identity\0\0\0\002ME"
                                 "\003abc\0\0\0\002xy"
                                 "\001d\0\0\0\0";
  uint8_t out[sizeof(expected) - 1];
  (void)state;

  assert_int_equal(zuv__config_metadata_size(&config), sizeof(out));
  zuv__config_metadata_write(&config, out);
  assert_memory_equal(out, expected, sizeof(out));
}

static const zuv__engine_config_t pull = {.socket_type = ZUV__SOCKET_PULL};

static void the_peer_block_is_kept_without_reserved_names(void **state) {
  static const char block[] = "\013socket-type\0\0\0\004PUSH"
                              "\007User-Id\0\0\0\003eve"
                              "\003X-a\0\0\0\001b"
                              "\014PEER-ADDRESS\0\0\0\0011"
                              "\012routing-id\0\0\0\0012"
                              "\010Identity\0\0\0\002ME";
  static const char kept[] = "\013socket-type\0\0\0\004PUSH"
                             "\003X-a\0\0\0\001b"
                             "\010Identity\0\0\0\002ME";
  zuv__peer_t peer;
  (void)state;

  zuv__peer_init(&peer);
  assert_int_equal(zuv__peer_add_metadata(&peer, &pull, BYTES(block)),
                   ZUV__PEER_OK);
  assert_int_equal(peer.metadata_size, sizeof(kept) - 1);
  assert_memory_equal(peer.metadata, kept, sizeof(kept) - 1);
  assert_int_equal(peer.socket_type, ZUV__SOCKET_PUSH);
  assert_int_equal(peer.routing_id_size, 2);
  assert_memory_equal(peer.routing_id, "ME", 2);
  zuv__peer_destroy(&peer);
}

static void nothing_is_kept_of_a_peer_that_says_nothing(void **state) {
  zuv__peer_t peer;
  (void)state;

  zuv__peer_init(&peer);
  assert_int_equal(zuv__peer_add_metadata(&peer, &pull, NULL, 0), ZUV__PEER_OK);
  assert_int_equal(
      zuv__peer_add_metadata(&peer, &pull, BYTES("\007User-Id\0\0\0\0")),
      ZUV__PEER_OK);
  assert_null(peer.metadata);
  assert_int_equal(peer.socket_type, -1);
  assert_null(peer.routing_id);
  zuv__peer_destroy(&peer);
}

static void a_peer_that_does_not_fit_is_told_apart(void **state) {
  uint8_t identity[8 + 1 + 4 + 256] = "\010Identity\0\0\001\000";
  zuv__peer_t peer;
  (void)state;

  zuv__peer_init(&peer);
  assert_int_equal(zuv__peer_add_metadata(
                       &peer, &pull, BYTES("\013Socket-Type\0\0\0\004PULL")),
                   ZUV__PEER_WRONG_SOCKET_TYPE);
  assert_int_equal(
      zuv__peer_add_metadata(&peer, &pull,
                             BYTES("\013Socket-Type\0\0\0\004PUSH"
                                   "\013Socket-Type\0\0\0\003PUB")),
      ZUV__PEER_WRONG_SOCKET_TYPE);
  assert_int_equal(zuv__peer_add_metadata(&peer, &pull, BYTES("\001")),
                   ZUV__PEER_MALFORMED_METADATA);
  assert_int_equal(
      zuv__peer_add_metadata(&peer, &pull, identity, sizeof(identity)),
      ZUV__PEER_ROUTING_ID_TOO_LONG);
  assert_null(peer.metadata);
  identity[11] = 0;
  identity[12] = 255;
  assert_int_equal(
      zuv__peer_add_metadata(&peer, &pull, identity, sizeof(identity) - 1),
      ZUV__PEER_OK);
  assert_int_equal(peer.routing_id_size, 255);
  zuv__peer_destroy(&peer);
}

static void authentication_speaks_first(void **state) {
  static const char expected[] = "\007User-Id\0\0\0\003joe"
                                 "\003X-z\0\0\0\0019"
                                 "\010Identity\0\0\0\002ME";
  (void)state;

  for (int verdict_first = 0; verdict_first < 2; verdict_first++) {
    zuv__peer_t peer;

    zuv__peer_init(&peer);
    for (int step = 0; step < 2; step++)
      if (step == verdict_first)
        assert_int_equal(zuv__peer_add_metadata(
                             &peer, &pull, BYTES("\010Identity\0\0\0\002ME")),
                         ZUV__PEER_OK);
      else
        assert_int_equal(zuv__peer_add_authentication(
                             &peer, BYTES("joe"), BYTES("\003X-z\0\0\0\0019")),
                         ZUV__PEER_OK);
    assert_int_equal(peer.metadata_size, sizeof(expected) - 1);
    assert_memory_equal(peer.metadata, expected, sizeof(expected) - 1);
    assert_ptr_equal(peer.routing_id, peer.metadata + peer.metadata_size - 2);
    zuv__peer_destroy(&peer);
  }
}

static void authentication_may_say_nothing_but_no_nonsense(void **state) {
  zuv__peer_t peer;
  (void)state;

  zuv__peer_init(&peer);
  assert_int_equal(zuv__peer_add_authentication(&peer, NULL, 0, NULL, 0),
                   ZUV__PEER_OK);
  assert_null(peer.metadata);
  assert_int_equal(zuv__peer_add_authentication(&peer, NULL, 0, BYTES("\1x")),
                   ZUV__PEER_MALFORMED_METADATA);
  assert_int_equal(zuv__peer_add_authentication(&peer, (const uint8_t *)"",
                                                (size_t)1 << 31, NULL, 0),
                   ZUV__PEER_MALFORMED_METADATA);
  assert_null(peer.metadata);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(properties_come_in_order),
      cmocka_unit_test(an_empty_block_is_valid),
      cmocka_unit_test(a_block_cut_inside_a_property_is_malformed),
      cmocka_unit_test(octets_left_over_are_malformed),
      cmocka_unit_test(an_empty_name_is_malformed),
      cmocka_unit_test(a_value_over_31_bits_is_malformed),
      cmocka_unit_test(names_are_found_in_any_case),
      cmocka_unit_test(only_letters_have_a_case),
      cmocka_unit_test(a_property_is_appended_when_it_fits),
      cmocka_unit_test(names_and_values_of_illegal_size_are_not_appended),
      cmocka_unit_test(socket_types_have_names_and_numbers),
      cmocka_unit_test(only_fitting_socket_types_talk),
      cmocka_unit_test(our_block_names_type_identity_and_extras),
      cmocka_unit_test(the_peer_block_is_kept_without_reserved_names),
      cmocka_unit_test(nothing_is_kept_of_a_peer_that_says_nothing),
      cmocka_unit_test(a_peer_that_does_not_fit_is_told_apart),
      cmocka_unit_test(authentication_speaks_first),
      cmocka_unit_test(authentication_may_say_nothing_but_no_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
