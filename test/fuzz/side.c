#include "side.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "security/curve_keys.h"
#include "security/mechanism.h"
#include "security/secret.h"
#include "zmtp/frame.h"
#include "zmtp/metadata.h"
#include "zmtp/socket_type.h"
#include "zuv.h"

void expect(bool holds) {
  if (!holds)
    abort();
}

/* Randomness that is the same in every run of one input. */
static uint32_t random_state;

static const char *random_name(void) {
  return "fixed";
}

static uint32_t random_next(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8 ^ random_state << 24;
}

static void random_fill(void *const out, const size_t size) {
  for (size_t i = 0; i < size; i++)
    ((uint8_t *)out)[i] = (uint8_t)random_next();
}

static struct randombytes_implementation fixed_random = {
    .implementation_name = random_name,
    .random = random_next,
    .buf = random_fill,
};

/* Memory that is refused once, when the script says so. */
static size_t allocations_left = SIZE_MAX;
static bool starved;

static bool may_allocate(void) {
  if (allocations_left == SIZE_MAX || allocations_left-- > 0)
    return true;
  starved = true;
  return false;
}

static void *scarce_malloc(size_t size) {
  return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *pointer, size_t size) {
  return may_allocate() ? realloc(pointer, size) : NULL;
}

static void *scarce_calloc(size_t count, size_t size) {
  return may_allocate() ? calloc(count, size) : NULL;
}

static uint8_t client_keys[2][ZUV__CURVE_KEY_SIZE];
static uint8_t server_keys[2][ZUV__CURVE_KEY_SIZE];

void side_init_all(void) {
  random_state = 1;
  expect(randombytes_set_implementation(&fixed_random) == 0);
  expect(zuv__security_init());
  expect(zuv__curve_keypair(client_keys[0], client_keys[1]));
  expect(zuv__curve_keypair(server_keys[0], server_keys[1]));
  zuv_replace_allocator(scarce_malloc, scarce_realloc, scarce_calloc, free);
}

void side_begin(const uint8_t *data, size_t size) {
  random_state = 2;
  for (size_t i = 0; i < size; i++)
    random_state = (random_state ^ data[i]) * 16777619;
  allocations_left = SIZE_MAX;
  starved = false;
}

void side_fail_allocation(size_t after) {
  allocations_left = after;
}

void side_random(void *out, size_t size) {
  random_fill(out, size);
}

static int keep_output(void *context, const void *bytes, size_t size) {
  side_t *side = context;

  expect(size <= BUFFER_MAX - side->out_size);
  memcpy(side->out + side->out_size, bytes, size);
  side->out_size += size;
  return 0;
}

void side_write(side_t *side, const uint8_t *bytes, size_t size) {
  expect(keep_output(side, bytes, size) == 0);
}

static void set_text(zuv__security_text_t *text, const char *value) {
  text->size = (uint8_t)strlen(value);
  memcpy(text->bytes, value, text->size);
}

void side_init(side_t *side, int mechanism, bool as_server,
               bool secrets_differ) {
  zuv__security_t *security = &side->security;
  uint8_t(*own)[ZUV__CURVE_KEY_SIZE] = as_server ? server_keys : client_keys;

  memset(side, 0, offsetof(side_t, out));
  side->out_size = side->taken = side->pending_size = 0;
  security->mechanism = (uint8_t)mechanism;
  security->as_server = as_server;
  set_text(&security->plain_username, "admin");
  set_text(&security->plain_password, "secret");
  memcpy(security->curve_public_key, own[0], ZUV__CURVE_KEY_SIZE);
  memcpy(security->curve_secret_key, own[1], ZUV__CURVE_KEY_SIZE);
  memcpy(security->curve_server_key, server_keys[0], ZUV__CURVE_KEY_SIZE);
  if (secrets_differ)
    security->curve_server_key[5] ^= 1;

  side->config.socket_type =
      as_server ? ZUV__SOCKET_ROUTER : ZUV__SOCKET_DEALER;
  side->config.routing_id = (const uint8_t *)"fuzz";
  side->config.routing_id_size = 4;
  side->config.mechanism = zuv__mechanism_find(mechanism, as_server);
  side->config.security = security;
  side->config.as_server = as_server;
  side->sink.write = keep_output;
  side->sink.context = side;
  zuv__engine_init(&side->engine, &side->config);
}

void side_destroy(side_t *side) {
  zuv__engine_destroy(&side->engine);
}

bool side_error_is_known(zuv__protocol_error_t error) {
  switch (error) {
    case ZUV__PROTOCOL_NO_ERROR:
    case ZUV__ZAP_UNSPECIFIED:
    case ZUV__ZAP_MALFORMED_REPLY:
    case ZUV__ZAP_BAD_REQUEST_ID:
    case ZUV__ZAP_BAD_VERSION:
    case ZUV__ZAP_INVALID_STATUS_CODE:
    case ZUV__WS_UNSPECIFIED:
      return false; /* none of them is said by an engine */
    case ZUV__ZMTP_UNSPECIFIED:
    case ZUV__ZMTP_UNEXPECTED_COMMAND:
    case ZUV__ZMTP_INVALID_SEQUENCE:
    case ZUV__ZMTP_KEY_EXCHANGE:
    case ZUV__ZMTP_MALFORMED_COMMAND_UNSPECIFIED:
    case ZUV__ZMTP_MALFORMED_COMMAND_MESSAGE:
    case ZUV__ZMTP_MALFORMED_COMMAND_HELLO:
    case ZUV__ZMTP_MALFORMED_COMMAND_INITIATE:
    case ZUV__ZMTP_MALFORMED_COMMAND_ERROR:
    case ZUV__ZMTP_MALFORMED_COMMAND_READY:
    case ZUV__ZMTP_MALFORMED_COMMAND_WELCOME:
    case ZUV__ZMTP_INVALID_METADATA:
    case ZUV__ZMTP_CRYPTOGRAPHIC:
    case ZUV__ZMTP_MECHANISM_MISMATCH:
    case ZUV__ZAP_INVALID_METADATA:
      return true;
  }
  return false;
}

static void check_failure(const zuv__failure_t *failure) {
  bool refused = failure->kind == ZUV__ENGINE_REFUSED ||
                 failure->kind == ZUV__ENGINE_REFUSED_BY_PEER;

  expect(failure->text != NULL && failure->text[0] != '\0');
  expect(failure->kind != ZUV__ENGINE_NO_FAILURE);
  expect(failure->kind != ZUV__ENGINE_UNSUPPORTED_VERSION);
  expect(failure->kind != ZUV__ENGINE_OUT_OF_MEMORY || starved);
  if (failure->kind == ZUV__ENGINE_PROTOCOL_ERROR)
    expect(side_error_is_known(failure->error));
  else
    expect(failure->error == ZUV__PROTOCOL_NO_ERROR);
  expect(failure->status == 0 ||
         (refused && (failure->status == 300 || failure->status == 400 ||
                      failure->status == 500)));
  expect(failure->kind != ZUV__ENGINE_REFUSED || failure->status != 0);
  expect(failure->peer_text == NULL ||
         failure->kind == ZUV__ENGINE_REFUSED_BY_PEER);
}

void side_check(const side_t *side) {
  const zuv__engine_t *e = &side->engine;

  if (e->state == ZUV__ENGINE_FAILED) {
    check_failure(&e->failure);
    expect(e->mechanism == NULL);
  } else {
    expect(e->failure.kind == ZUV__ENGINE_NO_FAILURE);
  }
  if (e->state == ZUV__ENGINE_TRAFFIC) {
    expect(zuv__metadata_is_valid(e->peer.metadata, e->peer.metadata_size));
    expect((e->mechanism != NULL) == (e->config->mechanism->encode != NULL));
  }
  expect(zuv__engine_needed(e) <= ZUV__COMMAND_MAX + ZUV__FRAME_HEADER_MAX);
}

/* Every step sees an allocation of the exact size. */
static void step_once(side_t *side) {
  zuv__engine_state_t before = side->engine.state;
  size_t sent = side->out_size;
  uint8_t *exact;
  size_t consumed;

  exact = malloc(side->pending_size);
  expect(exact != NULL || side->pending_size == 0);
  if (side->pending_size > 0)
    memcpy(exact, side->pending, side->pending_size);
  zuv__engine_handshake(&side->engine, &side->sink, exact, side->pending_size,
                        &consumed);
  free(exact);
  expect(consumed <= side->pending_size);
  expect(side->engine.state >= before);
  if (before == ZUV__ENGINE_TRAFFIC || before == ZUV__ENGINE_FAILED)
    expect(consumed == 0 && side->out_size == sent);
  side->pending_size -= consumed;
  memmove(side->pending, side->pending + consumed, side->pending_size);
  side_check(side);
}

void side_step(side_t *side) {
  step_once(side);
  while (zuv__engine_wants_turn(&side->engine)) {
    size_t left = side->pending_size;
    size_t written = side->out_size;

    expect(side->engine.state == ZUV__ENGINE_HANDSHAKE);
    zuv__engine_grant_turn(&side->engine);
    step_once(side);
    /* A client's HELLO needs no octet of the peer's. */
    expect(side->pending_size < left || side->out_size > written ||
           side->engine.state == ZUV__ENGINE_FAILED);
  }
}

bool side_feed(side_t *side, const uint8_t *bytes, size_t size, size_t chunk) {
  for (size_t done = 0; done < size;) {
    size_t part = size - done < chunk ? size - done : chunk;

    if (part > BUFFER_MAX - side->pending_size)
      return false;
    memcpy(side->pending + side->pending_size, bytes + done, part);
    side->pending_size += part;
    done += part;
    side_step(side);
  }
  return true;
}

bool side_has_client_key(const uint8_t *key) {
  return memcmp(key, client_keys[0], ZUV__CURVE_KEY_SIZE) == 0;
}
