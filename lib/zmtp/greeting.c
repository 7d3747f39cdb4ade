#include "zmtp/greeting.h"

#include <assert.h>
#include <string.h>

/* Offsets in the greeting (RFC 37, 3.2). */
enum {
  SIGNATURE_FIRST = 0,
  SIGNATURE_LAST = 9,
  REVISION = 10,
  MINOR = 11,
  MECHANISM = 12,
  AS_SERVER = MECHANISM + ZUV__GREETING_MECHANISM_SIZE
};

void zuv__greeting_init(zuv__greeting_t *greeting) {
  memset(greeting, 0, sizeof(*greeting));
  greeting->mechanism_matches = true;
}

void zuv__greeting_write(uint8_t out[ZUV__GREETING_SIZE],
                         size_t routing_id_size, const char *mechanism,
                         bool as_server) {
  uint64_t padding = (uint64_t)routing_id_size + 1;

  assert(strlen(mechanism) <= ZUV__GREETING_MECHANISM_SIZE);
  memset(out, 0, ZUV__GREETING_SIZE);
  out[SIGNATURE_FIRST] = 0xff;
  /* A 1.0 peer reads this as the length of a frame with our routing id. */
  for (int i = SIGNATURE_LAST - 1; i > SIGNATURE_FIRST; i--, padding >>= 8)
    out[i] = (uint8_t)padding;
  out[SIGNATURE_LAST] = 0x7f;
  out[REVISION] = 3;
  out[MINOR] = 1;
  memcpy(out + MECHANISM, mechanism, strlen(mechanism));
  out[AS_SERVER] = as_server ? 1 : 0;
}

/* The version as far as the octet at `position` decides it. Revision 2 and
 * those above 3 count as 3.1: a higher version is never refused. */
static zuv__version_t decide(const uint8_t *head, size_t position) {
  switch (position) {
    case SIGNATURE_LAST:
      return (head[position] & 1) != 0 ? ZUV__VERSION_UNDECIDED
                                       : ZUV__VERSION_1_0;
    case REVISION:
      if (head[position] == 0)
        return ZUV__VERSION_1_0_WITH_TYPE;
      return head[position] == 1 ? ZUV__VERSION_2_0 : ZUV__VERSION_UNDECIDED;
    case MINOR:
      return head[REVISION] == 3 && head[MINOR] == 0 ? ZUV__VERSION_3_0
                                                     : ZUV__VERSION_3_1;
    default:
      return ZUV__VERSION_UNDECIDED;
  }
}

static void compare_mechanism(zuv__greeting_t *greeting, size_t position,
                              const char *mechanism, uint8_t octet) {
  size_t index = position - MECHANISM;
  uint8_t expected =
      index < strlen(mechanism) ? (uint8_t)mechanism[index] : (uint8_t)0;

  if (octet != expected)
    greeting->mechanism_matches = false;
}

/* Takes one octet; NEEDS_MORE when it causes nothing. */
static zuv__greeting_event_t take(zuv__greeting_t *greeting,
                                  const char *mechanism, uint8_t octet) {
  size_t position = greeting->received++;

  if (position < ZUV__GREETING_HEAD_SIZE) {
    greeting->head[position] = octet;
    if (greeting->version == ZUV__VERSION_UNDECIDED)
      greeting->version = (uint8_t)decide(greeting->head, position);
  } else if (position < AS_SERVER) {
    compare_mechanism(greeting, position, mechanism, octet);
  }

  switch (greeting->received) {
    case ZUV__GREETING_SIGNATURE_SIZE:
      return greeting->version == ZUV__VERSION_1_0 ? ZUV__GREETING_COMPLETE
                                                   : ZUV__GREETING_SIGNATURE;
    case REVISION + 1:
      return ZUV__GREETING_REVISION;
    case ZUV__GREETING_HEAD_SIZE:
      return zuv__version_is_before_3((zuv__version_t)greeting->version)
                 ? ZUV__GREETING_COMPLETE
                 : ZUV__GREETING_NEEDS_MORE;
    case ZUV__GREETING_SIZE:
      return ZUV__GREETING_COMPLETE;
    default:
      return ZUV__GREETING_NEEDS_MORE;
  }
}

zuv__greeting_event_t zuv__greeting_read(zuv__greeting_t *greeting,
                                         const char *mechanism,
                                         const uint8_t *in, size_t len,
                                         size_t *consumed) {
  zuv__greeting_event_t event = ZUV__GREETING_NEEDS_MORE;
  size_t used = 0;

  assert(greeting->received < ZUV__GREETING_SIZE);
  if (greeting->received == 0 && len > 0 && in[0] != 0xff) {
    greeting->version = ZUV__VERSION_1_0;
    event = ZUV__GREETING_COMPLETE;
  }
  while (used < len && event == ZUV__GREETING_NEEDS_MORE)
    event = take(greeting, mechanism, in[used++]);
  *consumed = used;
  return event;
}
