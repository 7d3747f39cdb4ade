/* zmq_msg_*: what a message holds, shares and tells. Most needs no socket;
 * metadata needs one of each kind of connection. */
#include "support/blocking.h"

#include <dlfcn.h>
#include <pthread.h>

#ifndef ZMQ_METADATA
#define ZMQ_METADATA 95
#endif
#ifndef ZMQ_SRCFD
#define ZMQ_SRCFD 2
#endif

enum { SMALL = 33, LARGE = 64 }; /* copies share from here on; or not yet */

typedef struct {
  void *data;
  int calls;
} freed_t;

static void count_free(void *data, void *hint) {
  freed_t *freed = hint;

  freed->data = data;
  __atomic_fetch_add(&freed->calls, 1, __ATOMIC_SEQ_CST);
}

static void fill(zmq_msg_t *message, const char *text) {
  blocking_expect_ok(zmq_msg_init_size(message, strlen(text)));
  memcpy(zmq_msg_data(message), text, strlen(text));
}

static void expect_text(zmq_msg_t *message, const char *text) {
  assert_int_equal(zmq_msg_size(message), strlen(text));
  assert_memory_equal(zmq_msg_data(message), text, strlen(text));
}

static void a_new_message_is_empty(void **state) {
  zmq_msg_t message;
  (void)state;

  memset(&message, 0xee, sizeof(message));
  blocking_expect_ok(zmq_msg_init(&message));
  assert_int_equal(zmq_msg_size(&message), 0);
  assert_non_null(zmq_msg_data(&message));
  assert_int_equal(zmq_msg_more(&message), 0);
  assert_int_equal(zmq_msg_get(&message, ZMQ_MORE), 0);
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void messages_of_all_sizes_keep_their_bytes(void **state) {
  static const size_t sizes[] = {0,  1,  29, 30,  33,  34,    47,     48,
                                 49, 63, 64, 255, 256, 65536, 1000000};
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    const uint8_t *bytes;

    blocking_expect_ok(zmq_msg_init_size(&message, sizes[i]));
    assert_int_equal(zmq_msg_size(&message), sizes[i]);
    for (size_t k = 0; k < sizes[i]; k++)
      ((uint8_t *)zmq_msg_data(&message))[k] = (uint8_t)(k * 7 + i);
    blocking_expect_ok(zmq_msg_init(&other));
    blocking_expect_ok(zmq_msg_move(&other, &message));
    assert_int_equal(zmq_msg_size(&message), 0);
    assert_int_equal(zmq_msg_size(&other), sizes[i]);
    bytes = zmq_msg_data(&other);
    for (size_t k = 0; k < sizes[i]; k++)
      assert_int_equal(bytes[k], (uint8_t)(k * 7 + i));
    blocking_expect_ok(zmq_msg_close(&other));
    blocking_expect_ok(zmq_msg_close(&message));
  }
}

static void a_size_that_no_memory_has_is_enomem(void **state) {
  zmq_msg_t message;
  (void)state;

  blocking_expect_errno(zmq_msg_init_size(&message, SIZE_MAX), ENOMEM);
  blocking_expect_errno(zmq_msg_init_size(&message, SIZE_MAX - 16), ENOMEM);
  if (blocking_is_zuv())
    blocking_expect_ok(zmq_msg_close(&message));
}

static void what_was_given_is_freed_once(void **state) {
  static const size_t sizes[] = {0, 1, 33, 64, 100000};
  static char bytes[100000];
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    freed_t freed = {NULL, 0};

    blocking_expect_ok(
        zmq_msg_init_data(&message, bytes, sizes[i], count_free, &freed));
    assert_ptr_equal(zmq_msg_data(&message), bytes);
    assert_int_equal(zmq_msg_size(&message), sizes[i]);
    assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
    blocking_expect_ok(zmq_msg_init(&other));
    blocking_expect_ok(zmq_msg_copy(&other, &message));
    blocking_expect_ok(zmq_msg_close(&message));
    assert_int_equal(freed.calls, 0);
    blocking_expect_ok(zmq_msg_init(&message));
    blocking_expect_ok(zmq_msg_move(&message, &other));
    assert_int_equal(freed.calls, 0);
    assert_ptr_equal(zmq_msg_data(&message), bytes);
    blocking_expect_ok(zmq_msg_close(&message));
    assert_int_equal(freed.calls, 1);
    assert_ptr_equal(freed.data, bytes);
    blocking_expect_ok(zmq_msg_close(&other));
    assert_int_equal(freed.calls, 1);
  }
}

static void nothing_can_be_given_too(void **state) {
  freed_t freed = {&freed, 0};
  zmq_msg_t message;
  (void)state;

  blocking_expect_ok(zmq_msg_init_data(&message, NULL, 0, count_free, &freed));
  assert_int_equal(zmq_msg_size(&message), 0);
  blocking_expect_ok(zmq_msg_close(&message));
  assert_int_equal(freed.calls, 1);
  assert_null(freed.data);
}

static void constant_data_is_shared_and_never_freed(void **state) {
  static char text[] = "as long as the program runs";
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  blocking_expect_ok(
      zmq_msg_init_data(&message, text, sizeof(text), NULL, NULL));
  assert_ptr_equal(zmq_msg_data(&message), text);
  assert_int_equal(zmq_msg_size(&message), sizeof(text));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 1);
  blocking_expect_ok(zmq_msg_init(&other));
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  blocking_expect_ok(zmq_msg_close(&message));
  assert_ptr_equal(zmq_msg_data(&other), text);
  assert_int_equal(zmq_msg_get(&other, ZMQ_SHARED), 1);
  blocking_expect_ok(zmq_msg_close(&other));
}

static void a_small_copy_is_independent(void **state) {
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  /* Behaviour 9. */
  blocking_expect_ok(zmq_msg_init_size(&message, SMALL));
  memset(zmq_msg_data(&message), 'a', SMALL);
  blocking_expect_ok(zmq_msg_init(&other));
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
  assert_int_equal(zmq_msg_get(&other, ZMQ_SHARED), 0);
  memset(zmq_msg_data(&message), 'b', SMALL);
  assert_int_equal(((char *)zmq_msg_data(&other))[SMALL - 1], 'a');
  blocking_expect_ok(zmq_msg_close(&message));
  blocking_expect_ok(zmq_msg_close(&other));
}

static void a_large_copy_shares(void **state) {
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  /* Behaviour 9. */
  blocking_expect_ok(zmq_msg_init_size(&message, LARGE));
  memset(zmq_msg_data(&message), 'a', LARGE);
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
  blocking_expect_ok(zmq_msg_init(&other));
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  assert_ptr_equal(zmq_msg_data(&other), zmq_msg_data(&message));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 1);
  assert_int_equal(zmq_msg_get(&other, ZMQ_SHARED), 1);
  blocking_expect_ok(zmq_msg_close(&other));
  assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 1);
  assert_int_equal(((char *)zmq_msg_data(&message))[LARGE - 1], 'a');
  blocking_expect_ok(zmq_msg_close(&message));
}

static void what_was_there_is_released(void **state) {
  char bytes[100];
  freed_t freed = {NULL, 0};
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  blocking_expect_ok(
      zmq_msg_init_data(&other, bytes, sizeof(bytes), count_free, &freed));
  fill(&message, "copied");
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  assert_int_equal(freed.calls, 1);
  expect_text(&other, "copied");
  expect_text(&message, "copied");
  blocking_expect_ok(zmq_msg_close(&other));

  blocking_expect_ok(
      zmq_msg_init_data(&other, bytes, sizeof(bytes), count_free, &freed));
  blocking_expect_ok(zmq_msg_move(&other, &message));
  assert_int_equal(freed.calls, 2);
  expect_text(&other, "copied");
  expect_text(&message, "");
  blocking_expect_ok(zmq_msg_close(&other));
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_copy_onto_a_copy_keeps_the_body(void **state) {
  char bytes[100] = "shared";
  freed_t freed = {NULL, 0};
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  blocking_expect_ok(
      zmq_msg_init_data(&message, bytes, sizeof(bytes), count_free, &freed));
  blocking_expect_ok(zmq_msg_init(&other));
  for (int i = 0; i < 3; i++)
    blocking_expect_ok(zmq_msg_copy(&other, &message));
  blocking_expect_ok(zmq_msg_move(&message, &other));
  assert_int_equal(freed.calls, 0);
  assert_ptr_equal(zmq_msg_data(&message), bytes);
  blocking_expect_ok(zmq_msg_close(&message));
  assert_int_equal(freed.calls, 1);
  blocking_expect_ok(zmq_msg_close(&other));
}

static void a_message_may_be_copied_and_moved_onto_itself(void **state) {
  static const char *const texts[] = {
      "short",
      "a text that is long enough to be in a block of its own, shared"};
  zmq_msg_t message;
  (void)state;

  if (!blocking_is_zuv())
    skip();
  for (size_t i = 0; i < 2; i++) {
    fill(&message, texts[i]);
    blocking_expect_ok(zmq_msg_copy(&message, &message));
    blocking_expect_ok(zmq_msg_move(&message, &message));
    expect_text(&message, texts[i]);
    assert_int_equal(zmq_msg_get(&message, ZMQ_SHARED), 0);
    blocking_expect_ok(zmq_msg_close(&message));
  }
}

enum { THREADS = 4, COPIES = 500 };

static void *close_all(void *arg) {
  zmq_msg_t *messages = arg;

  for (size_t i = 0; i < COPIES; i++)
    zmq_msg_close(&messages[i]);
  return NULL;
}

static void threads_may_close_copies_at_once(void **state) {
  static zmq_msg_t copies[THREADS][COPIES];
  pthread_t threads[THREADS];
  char bytes[100];
  freed_t freed = {NULL, 0};
  zmq_msg_t message;
  (void)state;

  blocking_expect_ok(
      zmq_msg_init_data(&message, bytes, sizeof(bytes), count_free, &freed));
  for (size_t i = 0; i < THREADS; i++)
    for (size_t k = 0; k < COPIES; k++) {
      blocking_expect_ok(zmq_msg_init(&copies[i][k]));
      blocking_expect_ok(zmq_msg_copy(&copies[i][k], &message));
    }
  blocking_expect_ok(zmq_msg_close(&message));
  for (size_t i = 0; i < THREADS; i++)
    blocking_expect_ok(pthread_create(&threads[i], NULL, close_all, copies[i]));
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(freed.calls, 1);
}

static void unknown_properties_are_refused(void **state) {
  zmq_msg_t message;
  (void)state;

  fill(&message, "text");
  blocking_expect_errno(zmq_msg_get(&message, 0), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, 99), EINVAL);
  blocking_expect_errno(zmq_msg_set(&message, ZMQ_MORE, 1), EINVAL);
  blocking_expect_errno(zmq_msg_set(&message, 99, 0), EINVAL);
  assert_int_equal(zmq_msg_more(&message), 0);
  blocking_expect_errno(zmq_msg_gets(&message, "Peer-Address"), EINVAL);
  if (blocking_is_zuv())
    blocking_expect_errno(zmq_msg_gets(&message, NULL), EINVAL);
  expect_text(&message, "text");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void a_closed_message_is_refused(void **state) {
  zmq_msg_t closed;
  zmq_msg_t message;
  (void)state;

  fill(&closed, "text");
  fill(&message, "kept");
  blocking_expect_ok(zmq_msg_close(&closed));
  blocking_expect_errno(zmq_msg_close(&closed), EFAULT);
  blocking_expect_errno(zmq_msg_copy(&message, &closed), EFAULT);
  blocking_expect_errno(zmq_msg_move(&message, &closed), EFAULT);
  blocking_expect_errno(zmq_msg_copy(&closed, &message), EFAULT);
  blocking_expect_errno(zmq_msg_move(&closed, &message), EFAULT);
  expect_text(&message, "kept");
  blocking_expect_ok(zmq_msg_init(&closed));
  blocking_expect_ok(zmq_msg_move(&closed, &message));
  expect_text(&closed, "kept");
  blocking_expect_ok(zmq_msg_close(&closed));
  blocking_expect_ok(zmq_msg_close(&message));
}

static void misuse_is_refused(void **state) {
  zmq_msg_t message;
  (void)state;

  if (!blocking_is_zuv())
    skip();
  fill(&message, "text");
  blocking_expect_ok(zmq_msg_close(&message));
  blocking_expect_errno(zmq_msg_data(&message), EFAULT);
  assert_int_equal(zmq_msg_size(&message), 0);
  assert_int_equal(errno, EFAULT);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SHARED), EFAULT);
  blocking_expect_errno(zmq_msg_set(&message, ZMQ_MORE, 1), EFAULT);
  blocking_expect_errno(zmq_msg_gets(&message, "Socket-Type"), EFAULT);

  blocking_expect_errno(zmq_msg_init(NULL), EFAULT);
  blocking_expect_errno(zmq_msg_init_size(NULL, 1), EFAULT);
  blocking_expect_errno(zmq_msg_init_data(NULL, NULL, 0, NULL, NULL), EFAULT);
  blocking_expect_errno(zmq_msg_close(NULL), EFAULT);
  blocking_expect_errno(zmq_msg_move(NULL, NULL), EFAULT);
  blocking_expect_errno(zmq_msg_copy(NULL, NULL), EFAULT);
  blocking_expect_errno(zmq_msg_data(NULL), EFAULT);
  assert_int_equal(zmq_msg_size(NULL), 0);
  blocking_expect_errno(zmq_msg_more(NULL), EFAULT);
  blocking_expect_errno(zmq_msg_gets(NULL, "Socket-Type"), EFAULT);

  blocking_expect_errno(zmq_msg_init_data(&message, NULL, 1, NULL, NULL),
                        EFAULT);
  blocking_expect_errno(zmq_msg_init_data(&message, NULL, 1, count_free, NULL),
                        EFAULT);
  blocking_expect_ok(zmq_msg_close(&message));
}

/* ---- Functions that not every library exports ---- */

typedef union {
  void *symbol;
  int (*init_buffer)(zmq_msg_t *, const void *, size_t);
  int (*set_routing_id)(zmq_msg_t *, uint32_t);
  uint32_t (*routing_id)(zmq_msg_t *);
  int (*set_group)(zmq_msg_t *, const char *);
  const char *(*group)(zmq_msg_t *);
} draft_t;

static draft_t draft(const char *name) {
  draft_t function;

  function.symbol = dlsym(RTLD_DEFAULT, name);
  if (function.symbol == NULL)
    skip();
  return function;
}

static void init_buffer_copies(void **state) {
  draft_t function = draft("zmq_msg_init_buffer");
  char text[] = "a text that is longer than what fits into a message itself";
  zmq_msg_t message;
  (void)state;

  blocking_expect_ok(function.init_buffer(&message, text, sizeof(text) - 1));
  assert_int_equal(zmq_msg_size(&message), sizeof(text) - 1);
  assert_ptr_not_equal(zmq_msg_data(&message), text);
  expect_text(&message, text);
  blocking_expect_ok(zmq_msg_close(&message));
  blocking_expect_ok(function.init_buffer(&message, NULL, 0));
  expect_text(&message, "");
  blocking_expect_ok(zmq_msg_close(&message));
  if (blocking_is_zuv())
    blocking_expect_errno(function.init_buffer(&message, NULL, 1), EFAULT);
}

static void a_routing_id_stays_with_its_message(void **state) {
  draft_t set = draft("zmq_msg_set_routing_id");
  draft_t get = draft("zmq_msg_routing_id");
  zmq_msg_t message;
  zmq_msg_t other;
  (void)state;

  fill(&message, "text");
  assert_int_equal(get.routing_id(&message), 0);
  blocking_expect_errno(set.set_routing_id(&message, 0), EINVAL);
  blocking_expect_ok(set.set_routing_id(&message, 0xdeadbeef));
  blocking_expect_ok(zmq_msg_init(&other));
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  assert_int_equal(get.routing_id(&other), 0xdeadbeef);
  assert_int_equal(get.routing_id(&message), 0xdeadbeef);
  blocking_expect_ok(zmq_msg_close(&message));
  blocking_expect_ok(zmq_msg_close(&other));
  if (!blocking_is_zuv())
    return;
  blocking_expect_errno(set.set_routing_id(&message, 1), EFAULT);
  assert_int_equal(get.routing_id(&message), 0);
}

static void no_message_has_a_group(void **state) {
  draft_t set = draft("zmq_msg_set_group");
  draft_t get = draft("zmq_msg_group");
  zmq_msg_t message;
  (void)state;

  fill(&message, "text");
  assert_string_equal(get.group(&message), "");
  if (blocking_is_zuv())
    blocking_expect_errno(set.set_group(&message, "group"), ENOTSUP);
  blocking_expect_ok(zmq_msg_close(&message));
}

/* ---- What received messages tell ---- */

static void receive(void *socket, zmq_msg_t *message) {
  blocking_wait_events(socket, ZMQ_POLLIN);
  blocking_expect_ok(zmq_msg_init(message));
  assert_true(zmq_msg_recv(message, socket, 0) >= 0);
}

static void copies_and_closed_messages_tell_of_more(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  zmq_msg_t other;
  void *pull;
  void *push;

  blocking_transport = BLOCKING_INPROC;
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  blocking_send(push, "first|last");
  receive(pull, &message);
  assert_int_equal(zmq_msg_more(&message), 1);
  assert_int_equal(zmq_msg_get(&message, ZMQ_MORE), 1);
  blocking_expect_ok(zmq_msg_init(&other));
  blocking_expect_ok(zmq_msg_copy(&other, &message));
  assert_int_equal(zmq_msg_more(&other), 1);
  blocking_expect_ok(zmq_msg_close(&message));
  /* Undocumented, but programs do it. */
  assert_int_equal(zmq_msg_more(&message), 1);
  blocking_expect_ok(zmq_msg_close(&other));
  receive(pull, &message);
  assert_int_equal(zmq_msg_more(&message), 0);
  blocking_expect_ok(zmq_msg_close(&message));
}

/* A message that a DEALER has sent to a ROUTER, behind its routing id. */
static void routed(blocking_t *b, zmq_msg_t *message, const char *routing_id,
                   void **dealer) {
  void *router = blocking_socket(b, ZMQ_ROUTER);

  *dealer = blocking_socket(b, ZMQ_DEALER);
  if (routing_id != NULL)
    blocking_set_text(*dealer, ZMQ_ROUTING_ID, routing_id);
  blocking_join(b, router, *dealer, NULL);
  blocking_send(*dealer, "head|body");
  receive(router, message);
  blocking_expect_ok(zmq_msg_close(message));
  receive(router, message);
  expect_text(message, "head");
  assert_int_equal(zmq_msg_more(message), 1);
  blocking_expect_ok(zmq_msg_close(message));
  receive(router, message);
  expect_text(message, "body");
}

static void expect_address(const zmq_msg_t *message) {
  const char *address = zmq_msg_gets(message, "Peer-Address");

  assert_non_null(address);
  if (blocking_is_tcp())
    assert_string_equal(address, "127.0.0.1");
  else
    assert_memory_equal(address, "localhost:", strlen("localhost:"));
}

static void messages_tell_of_their_sender(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *dealer;

  /* Behaviour 175. */
  for (int i = BLOCKING_TCP; i <= BLOCKING_IPC; i++) {
    blocking_transport = (blocking_transport_t)i;
    routed(b, &message, "dealer 1", &dealer);
    expect_address(&message);
    assert_string_equal(zmq_msg_gets(&message, "Socket-Type"), "DEALER");
    assert_string_equal(zmq_msg_gets(&message, "Identity"), "dealer 1");
    blocking_expect_errno(zmq_msg_gets(&message, "socket-type"), EINVAL);
    blocking_expect_errno(zmq_msg_gets(&message, "Socket-Typ"), EINVAL);
    blocking_expect_errno(zmq_msg_gets(&message, "User-Id"), EINVAL);
    blocking_expect_errno(zmq_msg_gets(&message, ""), EINVAL);
    if (blocking_is_zuv())
      assert_string_equal(zmq_msg_gets(&message, "Routing-Id"), "dealer 1");
    assert_true(zmq_msg_get(&message, ZMQ_SRCFD) >= 0);
    blocking_expect_ok(zmq_msg_close(&message));
    blocking_restart(b);
  }
}

static void an_empty_routing_id_is_told_too(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *dealer;

  blocking_transport = BLOCKING_TCP;
  routed(b, &message, NULL, &dealer);
  assert_string_equal(zmq_msg_gets(&message, "Identity"), "");
  blocking_expect_ok(zmq_msg_close(&message));
}

static void messages_tell_what_the_sender_said(void **state) {
  static const char property[] = "X-Name:some value";
  blocking_t *b = *state;
  void *pull = blocking_socket(b, ZMQ_PULL);
  void *push = blocking_socket(b, ZMQ_PUSH);
  zmq_msg_t message;

  /* Behaviour 176. */
  blocking_transport = BLOCKING_TCP;
  assert_int_equal(
      zmq_setsockopt(push, ZMQ_METADATA, property, sizeof(property) - 1), 0);
  blocking_join(b, pull, push, NULL);
  blocking_send(push, "text");
  receive(pull, &message);
  assert_string_equal(zmq_msg_gets(&message, "X-Name"), "some value");
  blocking_expect_errno(zmq_msg_gets(&message, "X-name"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void metadata_goes_with_copies_and_moves(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  zmq_msg_t copy;
  zmq_msg_t moved;
  void *dealer;

  blocking_transport = BLOCKING_TCP;
  routed(b, &message, "id", &dealer);
  blocking_expect_ok(zmq_msg_init(&copy));
  blocking_expect_ok(zmq_msg_init(&moved));
  blocking_expect_ok(zmq_msg_copy(&copy, &message));
  blocking_expect_ok(zmq_msg_move(&moved, &message));
  blocking_expect_errno(zmq_msg_gets(&message, "Identity"), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
  assert_string_equal(zmq_msg_gets(&copy, "Identity"), "id");
  assert_string_equal(zmq_msg_gets(&moved, "Identity"), "id");
  blocking_expect_ok(zmq_msg_close(&copy));
  /* It outlives its connection, its socket and its context. */
  blocking_end(b);
  expect_address(&moved);
  assert_string_equal(zmq_msg_gets(&moved, "Identity"), "id");
  blocking_expect_ok(zmq_msg_close(&moved));
}

static void a_sent_message_loses_its_metadata(void **state) {
  blocking_t *b = *state;
  zmq_msg_t message;
  void *dealer;
  void *pull;
  void *push;

  blocking_transport = BLOCKING_TCP;
  routed(b, &message, "id", &dealer);
  blocking_transport = BLOCKING_INPROC;
  blocking_pair(b, ZMQ_PULL, ZMQ_PUSH, &pull, &push);
  assert_int_equal(zmq_msg_send(&message, push, 0), 4);
  blocking_expect_errno(zmq_msg_gets(&message, "Identity"), EINVAL);
  receive(pull, &message);
  expect_text(&message, "body");
  blocking_expect_errno(zmq_msg_gets(&message, "Identity"), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void inproc_messages_have_no_metadata(void **state) {
  static const char *const names[] = {"Peer-Address", "Socket-Type", "Identity",
                                      "Routing-Id", "User-Id"};
  blocking_t *b = *state;
  zmq_msg_t message;
  void *dealer;

  /* Behaviour 175. */
  blocking_transport = BLOCKING_INPROC;
  routed(b, &message, "id", &dealer);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    blocking_expect_errno(zmq_msg_gets(&message, names[i]), EINVAL);
  blocking_expect_errno(zmq_msg_get(&message, ZMQ_SRCFD), EINVAL);
  blocking_expect_ok(zmq_msg_close(&message));
}

static void *ask(void *arg) {
  return (void *)(uintptr_t)zmq_msg_gets(arg, "Identity");
}

static void threads_may_ask_copies_at_once(void **state) {
  blocking_t *b = *state;
  zmq_msg_t messages[THREADS];
  pthread_t threads[THREADS];
  const char *answers[THREADS];
  void *dealer;

  blocking_transport = BLOCKING_TCP;
  routed(b, &messages[0], "id", &dealer);
  for (size_t i = 1; i < THREADS; i++) {
    blocking_expect_ok(zmq_msg_init(&messages[i]));
    blocking_expect_ok(zmq_msg_copy(&messages[i], &messages[0]));
  }
  for (size_t i = 0; i < THREADS; i++)
    blocking_expect_ok(pthread_create(&threads[i], NULL, ask, &messages[i]));
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], (void **)(void *)&answers[i]);
  for (size_t i = 0; i < THREADS; i++) {
    assert_non_null(answers[i]);
    assert_string_equal(answers[i], "id");
  }
  for (size_t i = 0; i < THREADS; i++)
    blocking_expect_ok(zmq_msg_close(&messages[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_message_is_empty),
      cmocka_unit_test(messages_of_all_sizes_keep_their_bytes),
      cmocka_unit_test(a_size_that_no_memory_has_is_enomem),
      cmocka_unit_test(what_was_given_is_freed_once),
      cmocka_unit_test(nothing_can_be_given_too),
      cmocka_unit_test(constant_data_is_shared_and_never_freed),
      cmocka_unit_test(a_small_copy_is_independent),
      cmocka_unit_test(a_large_copy_shares),
      cmocka_unit_test(what_was_there_is_released),
      cmocka_unit_test(a_copy_onto_a_copy_keeps_the_body),
      cmocka_unit_test(a_message_may_be_copied_and_moved_onto_itself),
      cmocka_unit_test(threads_may_close_copies_at_once),
      cmocka_unit_test(unknown_properties_are_refused),
      cmocka_unit_test(a_closed_message_is_refused),
      cmocka_unit_test(misuse_is_refused),
      cmocka_unit_test(init_buffer_copies),
      cmocka_unit_test(a_routing_id_stays_with_its_message),
      cmocka_unit_test(no_message_has_a_group),
      blocking_test(copies_and_closed_messages_tell_of_more),
      blocking_test(messages_tell_of_their_sender),
      blocking_test(an_empty_routing_id_is_told_too),
      blocking_test(messages_tell_what_the_sender_said),
      blocking_test(metadata_goes_with_copies_and_moves),
      blocking_test(a_sent_message_loses_its_metadata),
      blocking_test(inproc_messages_have_no_metadata),
      blocking_test(threads_may_ask_copies_at_once),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
