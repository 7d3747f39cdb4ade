#include "transport/socks.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "security/secret.h"

typedef enum {
  METHOD,
  LOGIN,
  CONNECT, /* up to the first octet of the address */
  REST,
  ENDED
} step_t;

enum {
  VERSION = 5,
  LOGIN_VERSION = 1, /* RFC 1929, 2 */
  METHOD_NONE = 0,
  METHOD_LOGIN = 2,
  COMMAND_CONNECT = 1,
  ADDRESS_IPV4 = 1,
  ADDRESS_NAME = 3,
  ADDRESS_IPV6 = 4,
  REPLY_MAX = 8,
  PORT_SIZE = 2,
  /* version, reply, reserved, kind of address, first octet of it */
  ANSWER_HEAD_SIZE = 5
};

static void append(zuv__socks_t *socks, const void *bytes, size_t size) {
  assert(size <= sizeof(socks->out) - socks->out_size);
  if (size > 0)
    memcpy(socks->out + socks->out_size, bytes, size);
  socks->out_size += size;
}

static void append_octet(zuv__socks_t *socks, size_t value) {
  uint8_t octet = (uint8_t)value;

  assert(value <= UINT8_MAX);
  append(socks, &octet, 1);
}

/* An octet with the length, and the octets. */
static void append_counted(zuv__socks_t *socks, const void *bytes,
                           size_t size) {
  append_octet(socks, size);
  append(socks, bytes, size);
}

static void expect(zuv__socks_t *socks, step_t step, size_t size) {
  assert(size <= sizeof(socks->in));
  socks->step = (uint8_t)step;
  socks->in_size = 0;
  socks->in_wanted = size;
}

static uint8_t method(const zuv__socks_t *socks) {
  return socks->target.username_size > 0 ? METHOD_LOGIN : METHOD_NONE;
}

void zuv__socks_start(zuv__socks_t *socks, const zuv__socks_target_t *target) {
  assert(strlen(target->host) <= UINT8_MAX);
  socks->target = *target;
  socks->out_size = 0;
  append_octet(socks, VERSION);
  append_octet(socks, 1);
  append_octet(socks, method(socks));
  expect(socks, METHOD, 2);
}

void zuv__socks_sent(zuv__socks_t *socks, size_t size) {
  assert(size <= socks->out_size);
  memmove(socks->out, socks->out + size, socks->out_size - size);
  socks->out_size -= size;
  zuv__wipe(socks->out + socks->out_size, size);
}

void zuv__socks_end(zuv__socks_t *socks) {
  zuv__wipe(socks->out, sizeof(socks->out));
  socks->out_size = 0;
  expect(socks, ENDED, 0);
}

static void log_in(zuv__socks_t *socks) {
  const zuv__socks_target_t *target = &socks->target;

  append_octet(socks, LOGIN_VERSION);
  append_counted(socks, target->username, target->username_size);
  append_counted(socks, target->password, target->password_size);
  expect(socks, LOGIN, 2);
}

/* False: the host is no IPv6 address in digits. */
static bool parse_ipv6(const char *host, struct in6_addr *out) {
  char digits[INET6_ADDRSTRLEN];
  size_t length = strcspn(host, "%");

  if (length >= sizeof(digits))
    return false;
  memcpy(digits, host, length);
  digits[length] = '\0';
  return inet_pton(AF_INET6, digits, out) == 1;
}

static void ask_for_target(zuv__socks_t *socks) {
  const char *host = socks->target.host;
  uint16_t port = htons(socks->target.port);
  struct in_addr ipv4;
  struct in6_addr ipv6;

  append_octet(socks, VERSION);
  append_octet(socks, COMMAND_CONNECT);
  append_octet(socks, 0);
  if (inet_pton(AF_INET, host, &ipv4) == 1) {
    append_octet(socks, ADDRESS_IPV4);
    append(socks, &ipv4, sizeof(ipv4));
  } else if (parse_ipv6(host, &ipv6)) {
    append_octet(socks, ADDRESS_IPV6);
    append(socks, &ipv6, sizeof(ipv6));
  } else {
    append_octet(socks, ADDRESS_NAME);
    append_counted(socks, host, strlen(host));
  }
  append(socks, &port, sizeof(port));
  expect(socks, CONNECT, ANSWER_HEAD_SIZE);
}

static zuv__socks_result_t take_method(zuv__socks_t *socks) {
  if (socks->in[0] != VERSION)
    return ZUV__SOCKS_MALFORMED;
  if (socks->in[1] != method(socks))
    return ZUV__SOCKS_NOT_LET_IN;
  if (socks->in[1] == METHOD_LOGIN)
    log_in(socks);
  else
    ask_for_target(socks);
  return ZUV__SOCKS_GOES_ON;
}

static zuv__socks_result_t take_login(zuv__socks_t *socks) {
  if (socks->in[0] != LOGIN_VERSION)
    return ZUV__SOCKS_MALFORMED;
  if (socks->in[1] != 0)
    return ZUV__SOCKS_NOT_LET_IN;
  ask_for_target(socks);
  return ZUV__SOCKS_GOES_ON;
}

/* The address by which the proxy has connected is of no use to us, but it must
 * be read to its end, which its kind tells, or its first octet. */
static zuv__socks_result_t take_answer(zuv__socks_t *socks) {
  const uint8_t *in = socks->in;

  if (in[0] != VERSION || in[1] > REPLY_MAX || in[2] != 0)
    return ZUV__SOCKS_MALFORMED;
  socks->reply = in[1];
  if (socks->reply != 0)
    return ZUV__SOCKS_REFUSED;
  switch (in[3]) {
    case ADDRESS_IPV4:
      expect(socks, REST, 4 - 1 + PORT_SIZE);
      return ZUV__SOCKS_GOES_ON;
    case ADDRESS_IPV6:
      expect(socks, REST, 16 - 1 + PORT_SIZE);
      return ZUV__SOCKS_GOES_ON;
    case ADDRESS_NAME:
      expect(socks, REST, (size_t)in[4] + PORT_SIZE);
      return ZUV__SOCKS_GOES_ON;
    default:
      return ZUV__SOCKS_MALFORMED;
  }
}

static zuv__socks_result_t take_whole(zuv__socks_t *socks) {
  switch ((step_t)socks->step) {
    case METHOD:
      return take_method(socks);
    case LOGIN:
      return take_login(socks);
    case CONNECT:
      return take_answer(socks);
    case REST:
      return ZUV__SOCKS_CONNECTED;
    case ENDED:
      break;
  }
  return ZUV__SOCKS_MALFORMED;
}

zuv__socks_result_t zuv__socks_take(zuv__socks_t *socks, const uint8_t *bytes,
                                    size_t size) {
  zuv__socks_result_t result;

  assert(size <= zuv__socks_wanted(socks));
  if (size > 0)
    memcpy(socks->in + socks->in_size, bytes, size);
  socks->in_size += size;
  if (zuv__socks_wanted(socks) > 0)
    return ZUV__SOCKS_GOES_ON;
  result = take_whole(socks);
  if (result != ZUV__SOCKS_GOES_ON)
    zuv__socks_end(socks);
  return result;
}
