/* The client's part of SOCKS5 (RFC 1928), with user name and password (RFC
 * 1929) or without any authentication; sans-I/O.
 *
 *   METHOD --> [LOGIN] --> CONNECT --> REST --> ended
 *      (each waits for an answer; what asks for it lies in `out`)
 *
 * The caller sends what lies in `out`, then receives at most what is wanted, so
 * that octets behind the last answer, which are of the connection to the target
 * already, stay where they are. Answers may come in any pieces. Only one method
 * of authentication is offered: who has a password does not do without it.
 *
 * What can fail is in zuv__socks_result_t. Includes no libuv header. */
#ifndef ZUV_TRANSPORT_SOCKS_H
#define ZUV_TRANSPORT_SOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /* a request to log in, with name and password of 255 octets each */
  ZUV__SOCKS_OUT_MAX = 3 + 255 + 255,
  /* the rest of an answer whose address is a name of 255 octets */
  ZUV__SOCKS_IN_MAX = 255 + 2
};

typedef enum {
  ZUV__SOCKS_GOES_ON,
  ZUV__SOCKS_CONNECTED, /* what follows is of the target */
  ZUV__SOCKS_MALFORMED, /* no answer of SOCKS5, or one that was not asked for */
  ZUV__SOCKS_NOT_LET_IN, /* the method or the password is not accepted */
  ZUV__SOCKS_REFUSED     /* `reply` says why there is no connection */
} zuv__socks_result_t;

/* Where to and as whom; all of it must outlive the negotiation. */
typedef struct {
  /* A name, which the proxy resolves, or an address in digits. Neither
   * brackets nor, as it would mean nothing to the proxy, a zone are sent. At
   * most 255 characters. */
  const char *host;
  uint16_t port;
  /* Without a user name there is no authentication. At most 255 octets. */
  const uint8_t *username;
  size_t username_size;
  const uint8_t *password;
  size_t password_size;
} zuv__socks_target_t;

typedef struct {
  zuv__socks_target_t target;
  uint8_t step;
  uint8_t reply; /* RFC 1928, 6 */
  size_t in_size;
  size_t in_wanted;
  uint8_t in[ZUV__SOCKS_IN_MAX];
  size_t out_size; /* to be sent, from the front of `out` */
  uint8_t out[ZUV__SOCKS_OUT_MAX];
} zuv__socks_t;

/* Begins; the first octets are in `out`. */
void zuv__socks_start(zuv__socks_t *socks, const zuv__socks_target_t *target);

/* The front of `out` was sent, and is wiped. */
void zuv__socks_sent(zuv__socks_t *socks, size_t size);

/* How many octets may be received now; 0 when it has ended. */
static inline size_t zuv__socks_wanted(const zuv__socks_t *socks) {
  return socks->in_wanted - socks->in_size;
}

/* Takes octets, at most as many as are wanted. With another result than
 * GOES_ON it has ended. */
zuv__socks_result_t zuv__socks_take(zuv__socks_t *socks, const uint8_t *bytes,
                                    size_t size);

/* Ends it, wherever it is; the password was only in `out`. */
void zuv__socks_end(zuv__socks_t *socks);

#endif /* ZUV_TRANSPORT_SOCKS_H */
