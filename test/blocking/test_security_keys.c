/* CURVE keys as programs make them. */
#include "support/blocking.h"
#include "support/secured.h"

/* Pairs that zmq_curve(7) and RFC 26 show. */
static const secured_keys_t known[] = {
    {"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
     "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"},
    {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
     "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"},
};

static void test_known_pairs(void **state) {
  char public_key[SECURED_KEY_TEXT];

  (void)state;
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    blocking_expect_ok(zmq_curve_public(public_key, known[i].secret_key));
    assert_string_equal(public_key, known[i].public_key);
  }
}

static void test_pairs_belong_together(void **state) {
  enum { PAIRS = 20 };
  char public_key[SECURED_KEY_TEXT];
  uint8_t bytes[32];
  secured_keys_t keys[PAIRS];

  (void)state;
  for (int i = 0; i < PAIRS; i++) {
    memset(&keys[i], 'x', sizeof(keys[i]));
    secured_make_keys(&keys[i]);
    assert_int_equal(strnlen(keys[i].public_key, SECURED_KEY_TEXT), 40);
    assert_int_equal(strnlen(keys[i].secret_key, SECURED_KEY_TEXT), 40);
    assert_non_null(zmq_z85_decode(bytes, keys[i].public_key));
    assert_non_null(zmq_z85_decode(bytes, keys[i].secret_key));
    blocking_expect_ok(zmq_curve_public(public_key, keys[i].secret_key));
    assert_string_equal(public_key, keys[i].public_key);
    for (int k = 0; k < i; k++) {
      assert_string_not_equal(keys[i].public_key, keys[k].public_key);
      assert_string_not_equal(keys[i].secret_key, keys[k].secret_key);
    }
  }
}

/* Secret and public key may be the same memory. */
static void test_in_place(void **state) {
  char key[SECURED_KEY_TEXT];

  (void)state;
  memcpy(key, known[0].secret_key, sizeof(key));
  blocking_expect_ok(zmq_curve_public(key, key));
  assert_string_equal(key, known[0].public_key);
}

static void test_texts_that_are_no_keys(void **state) {
  static const char *const bad[] = {
      "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c ",
      " :)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
      "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%#####",
      "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c\x80",
      "",
      "D:)",
      "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c"};
  char public_key[SECURED_KEY_TEXT];

  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    blocking_expect_errno(zmq_curve_public(public_key, bad[i]), EINVAL);
}

/* Better than libzmq, which does not look at the length. */
static void test_texts_of_another_length(void **state) {
  static const char *const bad[] = {
      "D:)Q[", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%",
      "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%csD:)Q["};
  char public_key[SECURED_KEY_TEXT];

  (void)state;
  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    blocking_expect_errno(zmq_curve_public(public_key, bad[i]), EINVAL);
}

/* Better than libzmq, which ends the process. */
static void test_no_memory_given(void **state) {
  char key[SECURED_KEY_TEXT];

  (void)state;
  if (!blocking_is_zuv())
    skip();
  blocking_expect_errno(zmq_curve_keypair(NULL, key), EFAULT);
  blocking_expect_errno(zmq_curve_keypair(key, NULL), EFAULT);
  blocking_expect_errno(zmq_curve_public(NULL, known[0].secret_key), EFAULT);
  blocking_expect_errno(zmq_curve_public(key, NULL), EFAULT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_pairs),
      cmocka_unit_test(test_pairs_belong_together),
      cmocka_unit_test(test_in_place),
      cmocka_unit_test(test_texts_that_are_no_keys),
      cmocka_unit_test(test_texts_of_another_length),
      cmocka_unit_test(test_no_memory_given),
  };

  return cmocka_run_group_tests_name("security keys", tests, NULL, NULL);
}
