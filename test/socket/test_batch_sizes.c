/* IN_BATCH_SIZE and OUT_BATCH_SIZE, seen from the kernel: the calls that the
 * library makes pass through here. */
#include <dlfcn.h>
#include <sys/socket.h>

#include "support/harness.h"

enum { MESSAGE = 300, FRAMED = MESSAGE + 9 /* of a frame beyond 255 bytes */ };

static size_t largest_read; /* that was asked for */
static size_t writes;

static void look_up(const char *name, void *function) {
  void *symbol = dlsym(RTLD_NEXT, name);

  memcpy(function, &symbol, sizeof(symbol));
}

ssize_t recv(int fd, void *bytes, size_t size, int flags) {
  static ssize_t (*real)(int, void *, size_t, int);

  if (real == NULL)
    look_up("recv", &real);
  largest_read = size > largest_read ? size : largest_read;
  return real(fd, bytes, size, flags);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);

  if (real == NULL)
    look_up("send", &real);
  writes++;
  return real(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  static ssize_t (*real)(int, const struct msghdr *, int);

  if (real == NULL)
    look_up("sendmsg", &real);
  writes++;
  return real(fd, message, flags);
}

/* ---- Reading ---- */

/* A PULL that reads so much at once, if it is not 0, and its PUSH. */
static void join(harness_t *h, int in_batch, int out_batch,
                 harness_socket_t **pull, harness_socket_t **push) {
  *pull = harness_socket(h, ZUV_PULL);
  *push = harness_socket(h, ZUV_PUSH);
  if (in_batch > 0)
    harness_set(*pull, ZUV_IN_BATCH_SIZE, in_batch);
  if (out_batch > 0)
    harness_set(*push, ZUV_OUT_BATCH_SIZE, out_batch);
  harness_join(*pull, *push, NULL);
}

static void expect_size(harness_socket_t *pull, size_t index, size_t size) {
  harness_wait(pull->harness, pull->received > index);
  assert_int_equal(pull->messages[index].parts[0].size, size);
}

/* The PUSH reads nothing now but a goodbye. */
static void one_read_takes_no_more(void **state) {
  static const size_t sizes[] = {0, 1, 6, 7, 8, 300, 5000, 40000};
  enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 7, 0, &pull, &push);
  largest_read = 0;
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(harness_try_send_size(push, sizes[i], 'x'), 0);
  for (size_t i = 0; i < COUNT; i++)
    expect_size(pull, i, sizes[i]);
  assert_int_equal(largest_read, 7);
}

static void without_the_option_a_read_takes_all(void **state) {
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 0, 0, &pull, &push);
  assert_int_equal(harness_get(pull, ZUV_IN_BATCH_SIZE), 8192);
  largest_read = 0;
  assert_int_equal(harness_try_send_size(push, 1, 'x'), 0);
  expect_size(pull, 0, 1);
  assert_int_equal(largest_read, 65536);
}

/* ---- Writing ---- */

/* Sends them in one go: how many calls that took. The rest is written when the
 * loop runs. */
static size_t writes_of(harness_socket_t *push, size_t count) {
  writes = 0;
  for (size_t i = 0; i < count; i++)
    assert_int_equal(harness_try_send_size(push, MESSAGE, 'x'), 0);
  return writes;
}

static void output_of_that_size_is_written(void **state) {
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 0, 2 * FRAMED, &pull, &push);
  assert_int_equal(writes_of(push, 1), 0);
  assert_int_equal(writes_of(push, 1), 1);
  assert_int_equal(writes_of(push, 9), 4);
  harness_wait(push->harness, pull->received == 11);
  assert_int_equal(writes, 5);
}

static void output_may_be_written_at_once(void **state) {
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 0, 1, &pull, &push);
  assert_int_equal(writes_of(push, 5), 5);
  harness_wait(push->harness, pull->received == 5);
  assert_int_equal(writes, 5);
}

static void more_than_usual_may_gather(void **state) {
  enum { COUNT = 300, SIZE = COUNT * FRAMED };
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 0, SIZE + 1, &pull, &push);
  assert_int_equal(writes_of(push, COUNT), 0);
  harness_wait(push->harness, pull->received == COUNT);
  expect_size(pull, COUNT - 1, MESSAGE);
}

static void without_the_option_64_kib_gather(void **state) {
  enum { COUNT = (64 * 1024 + FRAMED - 1) / FRAMED };
  harness_socket_t *pull;
  harness_socket_t *push;

  join(*state, 0, 0, &pull, &push);
  assert_int_equal(harness_get(push, ZUV_OUT_BATCH_SIZE), 8192);
  assert_int_equal(writes_of(push, COUNT - 1), 0);
  assert_int_equal(writes_of(push, 1), 1);
  harness_wait(push->harness, pull->received == COUNT);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      harness_test(one_read_takes_no_more),
      harness_test(without_the_option_a_read_takes_all),
      harness_test(output_of_that_size_is_written),
      harness_test(output_may_be_written_at_once),
      harness_test(more_than_usual_may_gather),
      harness_test(without_the_option_64_kib_gather),
  };

  if (!harness_take_arguments(argc, argv))
    return EXIT_FAILURE;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
