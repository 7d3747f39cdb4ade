/* The engine with peers of ZMTP 1.0 and 2.0, octet by octet: what it sends and
 * when, whose identity it takes, whom it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "zmtp/engine.h"
#include "zmtp/old_peer.h"
#include "zmtp/socket_type.h"
#include "zuv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(text) (text), sizeof(text) - 1

typedef struct {
  zuv__engine_config_t config;
  zuv__engine_t engine;
  zuv__sink_t sink;
  uint8_t out[1024];
  size_t out_size;
  size_t writes_left;
  uint8_t kept[1024];
  size_t kept_size;
} side_t;

static int sink_write(void *context, const void *bytes, size_t size) {
  side_t *side = context;

  if (side->writes_left == 0)
    return -1;
  side->writes_left--;
  assert_true(size <= sizeof(side->out) - side->out_size);
  memcpy(side->out + side->out_size, bytes, size);
  side->out_size += size;
  return 0;
}

/* A DEALER with the routing id "ME". */
static void side_init(side_t *side) {
  memset(side, 0, sizeof(*side));
  side->config.socket_type = ZUV__SOCKET_DEALER;
  side->config.mechanism = &zuv__mechanism_null;
  side->config.routing_id = (const uint8_t *)"ME";
  side->config.routing_id_size = 2;
  side->sink.write = sink_write;
  side->sink.context = side;
  side->writes_left = SIZE_MAX;
}

static void side_start(side_t *side) {
  zuv__engine_init(&side->engine, &side->config);
  assert_int_equal(zuv__engine_start(&side->engine, &side->sink),
                   ZUV__ENGINE_GREETING);
}

/* The engine sees an allocation of the exact size. */
static zuv__engine_state_t feed(side_t *side, const void *bytes, size_t size) {
  size_t len = side->kept_size + size;
  uint8_t *exact = malloc(len);
  size_t consumed;
  zuv__engine_state_t state;

  assert_true(exact != NULL || len == 0);
  if (len > 0) {
    memcpy(exact, side->kept, side->kept_size);
    memcpy(exact + side->kept_size, bytes, size);
  }
  state =
      zuv__engine_handshake(&side->engine, &side->sink, exact, len, &consumed);
  assert_true(consumed <= len);
  side->kept_size = len - consumed;
  assert_true(side->kept_size <= sizeof(side->kept));
  if (side->kept_size > 0)
    memcpy(side->kept, exact + consumed, side->kept_size);
  free(exact);
  return state;
}

/* What a peer says, with a message "hi" behind it, and what it hears. */
typedef struct {
  const char *bytes;
  size_t size;
  const char *heard;
  size_t heard_size;
  const char *message;
  size_t message_size;
  int major;
  int type;
  const char *identity;
} script_t;

#define SIGNATURE(size) "\xff\0\0\0\0\0\0\0" size "\x7f"
#define HI_1 TEXT("\3\0hi")
#define HI_2 TEXT("\0\2hi")

static const script_t scripts[] = {
    {TEXT("\1\0"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1, ""},
    {TEXT("\3\0id"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1, "id"},
    /* MORE means nothing here. */
    {TEXT("\3\1id"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1, "id"},
    {TEXT("\3\xffid"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1, "id"},
    {TEXT("\xff\0\0\0\0\0\0\0\1\0"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1,
     ""},
    {TEXT("\xff\0\0\0\0\0\0\0\3\0id"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1, -1,
     "id"},
    {TEXT("\xff\0\0\0\0\0\0\0\3\xfeid"), TEXT(SIGNATURE("\3") "ME"), HI_1, 1,
     -1, "id"},
    {TEXT(SIGNATURE("\1") "\0\6\1\0"), TEXT(SIGNATURE("\3") "\3\5\3\0ME"), HI_1,
     1, ZUV__SOCKET_ROUTER, ""},
    {TEXT(SIGNATURE("\1") "\0\6\3\0id"), TEXT(SIGNATURE("\3") "\3\5\3\0ME"),
     HI_1, 1, ZUV__SOCKET_ROUTER, "id"},
    {TEXT(SIGNATURE("\1") "\0\6\xff\0\0\0\0\0\0\0\3\0id"),
     TEXT(SIGNATURE("\3") "\3\5\3\0ME"), HI_1, 1, ZUV__SOCKET_ROUTER, "id"},
    {TEXT(SIGNATURE("\1") "\1\6\0\0"), TEXT(SIGNATURE("\3") "\3\5\0\2ME"), HI_2,
     2, ZUV__SOCKET_ROUTER, ""},
    {TEXT(SIGNATURE("\3") "\1\6\0\2id"), TEXT(SIGNATURE("\3") "\3\5\0\2ME"),
     HI_2, 2, ZUV__SOCKET_ROUTER, "id"},
    {TEXT(SIGNATURE("\3") "\1\6\xfd\2id"), TEXT(SIGNATURE("\3") "\3\5\0\2ME"),
     HI_2, 2, ZUV__SOCKET_ROUTER, "id"},
    {TEXT(SIGNATURE("\3") "\1\6\2\0\0\0\0\0\0\0\2id"),
     TEXT(SIGNATURE("\3") "\3\5\0\2ME"), HI_2, 2, ZUV__SOCKET_ROUTER, "id"},
    /* A type that does not fit, one that nobody knows. */
    {TEXT(SIGNATURE("\1") "\1\1\0\0"), TEXT(SIGNATURE("\3") "\3\5\0\2ME"), HI_2,
     2, ZUV__SOCKET_PUB, ""},
    {TEXT(SIGNATURE("\1") "\1\xf0\0\0"), TEXT(SIGNATURE("\3") "\3\5\0\2ME"),
     HI_2, 2, -1, ""},
};

static void expect_traffic(side_t *side, const script_t *script) {
  const zuv__peer_t *peer = &side->engine.peer;

  assert_int_equal(side->engine.state, ZUV__ENGINE_TRAFFIC);
  assert_int_equal(side->out_size, script->heard_size);
  assert_memory_equal(side->out, script->heard, script->heard_size);
  assert_int_equal(peer->version_major, script->major);
  assert_int_equal(peer->version_minor, 0);
  assert_int_equal(peer->socket_type, script->type);
  assert_int_equal(peer->routing_id_size, strlen(script->identity));
  if (peer->routing_id_size > 0)
    assert_memory_equal(peer->routing_id, script->identity,
                        peer->routing_id_size);
  else
    assert_null(peer->routing_id);
  assert_null(peer->mechanism);
  assert_null(side->engine.mechanism);
  assert_int_equal(zuv__engine_needed(&side->engine), 0);
  assert_false(zuv__engine_wants_authentication(&side->engine));
}

static void they_come_in_in_any_split(void **state) {
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++) {
    const script_t *script = &scripts[i];

    for (size_t chunk = 1; chunk <= script->size; chunk++) {
      size_t done = 0;
      side_t side;

      side_init(&side);
      side_start(&side);
      while (done < script->size) {
        size_t next = script->size - done < chunk ? script->size - done : chunk;
        assert_int_not_equal(side.engine.state, ZUV__ENGINE_TRAFFIC);
        feed(&side, script->bytes + done, next);
        done += next;
      }
      expect_traffic(&side, script);
      assert_int_equal(side.kept_size, 0);
      zuv__engine_destroy(&side.engine);
    }
  }
}

static void octets_behind_the_identity_are_traffic(void **state) {
  uint8_t all[128];
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++) {
    const script_t *script = &scripts[i];
    size_t size = script->size + script->message_size;

    memcpy(all, script->bytes, script->size);
    memcpy(all + script->size, script->message, script->message_size);
    for (size_t split = 0; split <= size; split++) {
      side_t side;

      side_init(&side);
      side_start(&side);
      feed(&side, all, split);
      feed(&side, all + split, size - split);
      expect_traffic(&side, script);
      assert_int_equal(side.kept_size, script->message_size);
      assert_memory_equal(side.kept, script->message, script->message_size);
      zuv__engine_destroy(&side.engine);
    }
  }
}

/* RFC 15 and libzmq: neither side waits longer than it must. */
static void each_octet_causes_what_it_should(void **state) {
  static const char bytes[] = SIGNATURE("\1") "\1\6\0\2id";
  side_t side;
  (void)state;

  side_init(&side);
  side_start(&side);
  for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
    size_t expected = i < 10 ? 10 : i == 10 ? 11 : i == 11 ? 12 : 16;
    assert_int_equal(side.out_size, expected);
    feed(&side, bytes + i, 1);
  }
  assert_int_equal(side.out_size, 16);
  zuv__engine_destroy(&side.engine);

  side_init(&side);
  side_start(&side);
  assert_int_equal(feed(&side, "\3", 1), ZUV__ENGINE_IDENTITY);
  assert_int_equal(side.out_size, 12);
  zuv__engine_destroy(&side.engine);
}

static void a_pending_identity_says_what_it_needs(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    size_t needed;
  } pending[] = {
      {TEXT("\5"), 0},
      {TEXT("\5\0"), 6},
      {TEXT("\5\0ide"), 6},
      {TEXT("\xff\0\0\0\0\0\0\0\5\0"), 4},
      {TEXT("\xff\0\0\0\0\0\0\0\5\0ide"), 4},
      {TEXT(SIGNATURE("\1") "\0\6"), 0},
      {TEXT(SIGNATURE("\1") "\0\6\xff\0\0\0\0"), 0},
      {TEXT(SIGNATURE("\1") "\0\6\xff\0\0\0\0\0\0\0\5\0"), 14},
      {TEXT(SIGNATURE("\1") "\1\6\0"), 0},
      {TEXT(SIGNATURE("\1") "\1\6\0\4id"), 6},
      /* What an HTTP client says: 70 octets, after length and flags. */
      {TEXT("GET / HTTP/1.1\r\n"), 72},
  };
  (void)state;

  for (size_t i = 0; i < COUNT(pending); i++) {
    side_t side;

    side_init(&side);
    side_start(&side);
    assert_int_equal(feed(&side, pending[i].bytes, pending[i].size),
                     ZUV__ENGINE_IDENTITY);
    assert_int_equal(zuv__engine_needed(&side.engine), pending[i].needed);
    zuv__engine_destroy(&side.engine);
  }
}

static void we_say_what_rfc_15_knows(void **state) {
  (void)state;

  for (int type = 0; type < ZUV__SOCKET_STREAM; type++) {
    static const uint8_t bytes[] = SIGNATURE("\1") "\1\0\0\0";
    uint8_t expected = (uint8_t)type;
    side_t side;

    if (type == ZUV__SOCKET_XPUB)
      expected = ZUV__SOCKET_PUB;
    if (type == ZUV__SOCKET_XSUB)
      expected = ZUV__SOCKET_SUB;
    side_init(&side);
    side.config.socket_type = type;
    side.config.routing_id_size = 0;
    side_start(&side);
    feed(&side, bytes, sizeof(bytes) - 1);
    assert_int_equal(side.engine.state, ZUV__ENGINE_TRAFFIC);
    assert_int_equal(side.out_size, 14);
    assert_int_equal(side.out[11], expected);
    assert_memory_equal(side.out + 12, "\0\0", 2);
    zuv__engine_destroy(&side.engine);
  }
}

/* 253 octets are the most that a short header of 1.0 has. */
static void our_identity_has_up_to_255_octets(void **state) {
  uint8_t id[ZUV__ROUTING_ID_MAX];
  (void)state;

  memset(id, 'i', sizeof(id));
  for (size_t size = 252; size <= sizeof(id); size++) {
    zuv__engine_config_t config = {.routing_id = id, .routing_id_size = size};
    uint8_t out[ZUV__IDENTITY_MAX];
    zuv__frame_t frame = {0};
    size_t total;

    assert_int_equal(zuv__old_identity_write(out, ZUV__VERSION_1_0, &config),
                     size);
    assert_memory_equal(out, id, size);
    total = zuv__old_identity_write(out, ZUV__VERSION_1_0_WITH_TYPE, &config);
    assert_int_equal(total, size + (size > 253 ? 10 : 2));
    assert_int_equal(zuv__frame_v1_decode(out, total, size, &frame),
                     ZUV__FRAME_COMPLETE);
    assert_int_equal(frame.size, size);
    total = zuv__old_identity_write(out, ZUV__VERSION_2_0, &config);
    assert_int_equal(total, size + 2);
    assert_int_equal(zuv__frame_decode(out, total, size, &frame),
                     ZUV__FRAME_COMPLETE);
    assert_memory_equal(frame.body, id, size);
  }
}

static void expect_failure(side_t *side, zuv__failure_kind_t kind,
                           zuv__protocol_error_t error, int status) {
  assert_int_equal(side->engine.state, ZUV__ENGINE_FAILED);
  assert_int_equal(side->engine.failure.kind, kind);
  assert_int_equal(side->engine.failure.error, error);
  assert_int_equal(side->engine.failure.status, status);
  assert_non_null(side->engine.failure.text);
  assert_false(zuv__engine_wants_authentication(&side->engine));
  assert_int_equal(zuv__engine_needed(&side->engine), 0);
  zuv__engine_destroy(&side->engine);
}

static void a_peers_identity_has_up_to_255_octets(void **state) {
  static const struct {
    const char *head;
    size_t size;
    size_t place; /* of the length */
    int extra;    /* that it counts */
  } heads[] = {
      {TEXT("\xff\0\0\0\0\0\0\0\0\0"), 7, 1},
      {TEXT(SIGNATURE("\1") "\0\6\xff\0\0\0\0\0\0\0\0\0"), 19, 1},
      {TEXT(SIGNATURE("\1") "\1\6\2\0\0\0\0\0\0\0\0"), 19, 0},
      /* What would be a command in 3.x is one that is too long, too. */
      {TEXT(SIGNATURE("\1") "\1\6\6\0\0\0\0\0\0\0\0"), 19, 0},
  };
  (void)state;

  for (size_t i = 0; i < COUNT(heads); i++)
    for (int size = 254; size <= 256; size++) {
      uint8_t bytes[300] = {0};
      side_t side;

      memcpy(bytes, heads[i].head, heads[i].size);
      bytes[heads[i].place] = (uint8_t)((size + heads[i].extra) >> 8);
      bytes[heads[i].place + 1] = (uint8_t)(size + heads[i].extra);
      side_init(&side);
      side_start(&side);
      feed(&side, bytes, heads[i].size);
      if (size > 255) {
        expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR,
                       ZUV__ZMTP_INVALID_METADATA, 0);
        continue;
      }
      assert_int_equal(feed(&side, bytes + heads[i].size, (size_t)size),
                       ZUV__ENGINE_TRAFFIC);
      assert_int_equal(side.engine.peer.routing_id_size, size);
      zuv__engine_destroy(&side.engine);
    }
}

static void impossible_sizes_end_it_at_their_header(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    zuv__protocol_error_t error;
  } broken[] = {
      {TEXT("\0"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT("\xff\0\0\0\0\0\0\0\0\0"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT("\xff\x80\0\0\0\0\0\0\0\0"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT("\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0"),
       ZUV__ZMTP_INVALID_METADATA},
      {TEXT(SIGNATURE("\1") "\0\6\0"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT(SIGNATURE("\1") "\0\6\xff\x80\0\0\0\0\0\0\0"),
       ZUV__ZMTP_UNSPECIFIED},
      {TEXT(SIGNATURE("\1") "\1\6\2\x80\0\0\0\0\0\0\0"), ZUV__ZMTP_UNSPECIFIED},
      {TEXT(SIGNATURE("\1") "\1\6\2\x7f\0\0\0\0\0\0\0"),
       ZUV__ZMTP_INVALID_METADATA},
  };
  (void)state;

  for (size_t i = 0; i < COUNT(broken); i++)
    for (size_t cut = 0; cut < broken[i].size; cut++) {
      side_t side;

      side_init(&side);
      side_start(&side);
      feed(&side, broken[i].bytes, cut);
      assert_int_not_equal(side.engine.state, ZUV__ENGINE_FAILED);
      feed(&side, broken[i].bytes + cut, broken[i].size - cut);
      expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, broken[i].error, 0);
    }
}

static void refused(const zuv__mechanism_ops_t *mechanism, bool policy) {
  static const struct {
    const char *bytes;
    size_t size;
    size_t sent;
  } peers[] = {
      {TEXT("\1"), 10},
      {TEXT("HTTP/1.1 400"), 10},
      {TEXT("\xff\0\0\0\0\0\0\0\1\0"), 10},
      {TEXT(SIGNATURE("\1") "\0"), 11},
      {TEXT(SIGNATURE("\1") "\1"), 11},
  };

  for (size_t i = 0; i < COUNT(peers); i++) {
    side_t side;
    size_t sent = peers[i].sent;

    side_init(&side);
    side.config.mechanism = mechanism;
    side.config.refuse_old_peers = policy;
    side_start(&side);
    feed(&side, peers[i].bytes, peers[i].size);
    /* A secured greeting begins with 11 octets. */
    assert_int_equal(side.out_size, policy ? sent : 11);
    expect_failure(&side, ZUV__ENGINE_UNSUPPORTED_VERSION,
                   ZUV__PROTOCOL_NO_ERROR, 0);
  }
}

/* Behaviour 174. */
static void where_there_is_security_they_are_refused(void **state) {
  (void)state;
  refused(&zuv__mechanism_null, true);
  refused(&zuv__mechanism_plain_client, false);
  refused(&zuv__mechanism_plain_server, false);
  refused(&zuv__mechanism_curve_client, false);
  refused(&zuv__mechanism_curve_server, false);
}

static void side_init_authenticating(side_t *side, const script_t *script) {
  zuv__credentials_t credentials;

  side_init(side);
  side->config.authenticate = true;
  side_start(side);
  feed(side, script->bytes, script->size);
  assert_int_equal(feed(side, script->message, script->message_size),
                   ZUV__ENGINE_ADMISSION);
  assert_true(zuv__engine_wants_authentication(&side->engine));
  assert_int_equal(side->kept_size, script->message_size);
  zuv__engine_credentials(&side->engine, &credentials);
  assert_string_equal(credentials.mechanism, "NULL");
  assert_int_equal(credentials.count, 0);
}

static void they_wait_for_the_verdict(void **state) {
  const zuv__verdict_t accepted = {
      .status = 200, .user_id = (const uint8_t *)"joe", .user_id_size = 3};
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++) {
    side_t side;

    side_init_authenticating(&side, &scripts[i]);
    assert_int_equal(
        zuv__engine_authenticated(&side.engine, &side.sink, &accepted),
        ZUV__ENGINE_TRAFFIC);
    expect_traffic(&side, &scripts[i]);
    assert_int_equal(side.engine.peer.metadata_size, 15);
    assert_memory_equal(side.engine.peer.metadata, "\007User-Id\0\0\0\003joe",
                        15);
    zuv__engine_destroy(&side.engine);
  }
}

static void a_refusal_ends_it_without_a_word(void **state) {
  static const int statuses[][2] = {
      {300, 300}, {400, 400}, {500, 500}, {0, 500}};
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++)
    for (size_t k = 0; k < COUNT(statuses); k++) {
      const zuv__verdict_t verdict = {.status = statuses[k][0]};
      side_t side;

      side_init_authenticating(&side, &scripts[i]);
      zuv__engine_authenticated(&side.engine, &side.sink, &verdict);
      assert_int_equal(side.out_size, scripts[i].heard_size);
      expect_failure(&side, ZUV__ENGINE_REFUSED, ZUV__PROTOCOL_NO_ERROR,
                     statuses[k][1]);
    }
}

static void an_answer_that_is_none_ends_it(void **state) {
  const zuv__verdict_t malformed = {
      .status = 200, .metadata = (const uint8_t *)"\001x", .metadata_size = 2};
  side_t side;
  (void)state;

  side_init_authenticating(&side, &scripts[1]);
  zuv__engine_answer_is_malformed(&side.engine, ZUV__ZAP_BAD_VERSION);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZAP_BAD_VERSION, 0);
  side_init_authenticating(&side, &scripts[1]);
  zuv__engine_authenticated(&side.engine, &side.sink, &malformed);
  expect_failure(&side, ZUV__ENGINE_PROTOCOL_ERROR, ZUV__ZAP_INVALID_METADATA,
                 0);
}

static void every_failed_write_ends_as_out_of_memory(void **state) {
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++)
    for (size_t writes = 1;; writes++) {
      side_t side;

      side_init(&side);
      side.writes_left = writes;
      side_start(&side);
      if (feed(&side, scripts[i].bytes, scripts[i].size) ==
          ZUV__ENGINE_TRAFFIC) {
        assert_true(writes >= 2);
        zuv__engine_destroy(&side.engine);
        break;
      }
      expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR,
                     0);
    }
}

static void *no_malloc(size_t size) {
  (void)size;
  return NULL;
}

static void without_memory_for_the_identity_it_ends(void **state) {
  (void)state;

  for (size_t i = 0; i < COUNT(scripts); i++) {
    side_t side;

    side_init(&side);
    side_start(&side);
    zuv_replace_allocator(no_malloc, realloc, calloc, free);
    feed(&side, scripts[i].bytes, scripts[i].size);
    zuv_replace_allocator(malloc, realloc, calloc, free);
    if (scripts[i].identity[0] != '\0') {
      expect_failure(&side, ZUV__ENGINE_OUT_OF_MEMORY, ZUV__PROTOCOL_NO_ERROR,
                     0);
    } else {
      expect_traffic(&side, &scripts[i]);
      zuv__engine_destroy(&side.engine);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_come_in_in_any_split),
      cmocka_unit_test(octets_behind_the_identity_are_traffic),
      cmocka_unit_test(each_octet_causes_what_it_should),
      cmocka_unit_test(a_pending_identity_says_what_it_needs),
      cmocka_unit_test(we_say_what_rfc_15_knows),
      cmocka_unit_test(our_identity_has_up_to_255_octets),
      cmocka_unit_test(a_peers_identity_has_up_to_255_octets),
      cmocka_unit_test(impossible_sizes_end_it_at_their_header),
      cmocka_unit_test(where_there_is_security_they_are_refused),
      cmocka_unit_test(they_wait_for_the_verdict),
      cmocka_unit_test(a_refusal_ends_it_without_a_word),
      cmocka_unit_test(an_answer_that_is_none_ends_it),
      cmocka_unit_test(every_failed_write_ends_as_out_of_memory),
      cmocka_unit_test(without_memory_for_the_identity_it_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
