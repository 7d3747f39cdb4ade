/* libFuzzer target for what a SOCKS proxy answers. The first octet of the input
 * says by its lowest bit whether we log in; the rest is what the proxy sends.
 * It comes once octet by octet and once in as large pieces as are wanted, which
 * must be the same to the client. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 3 + ZUV__SOCKS_OUT_MAX + 4 + 1 + 255 + 2 };

typedef struct {
  zuv__socks_result_t result;
  size_t taken;
  uint8_t reply;
  size_t sent_size;
  uint8_t sent[REQUESTS_MAX];
} outcome_t;

static void expect(bool holds) {
  if (!holds)
    abort();
}

static void send_all(zuv__socks_t *socks, outcome_t *outcome) {
  expect(socks->out_size <= sizeof(socks->out));
  expect(socks->out_size <= sizeof(outcome->sent) - outcome->sent_size);
  memcpy(outcome->sent + outcome->sent_size, socks->out, socks->out_size);
  outcome->sent_size += socks->out_size;
  zuv__socks_sent(socks, socks->out_size);
}

/* Each piece in an allocation of its own, so that a read of one octet behind it
 * is seen. */
static zuv__socks_result_t give(zuv__socks_t *socks, const uint8_t *data,
                                size_t size) {
  zuv__socks_result_t result;
  uint8_t *piece = malloc(size);

  expect(piece != NULL);
  memcpy(piece, data, size);
  result = zuv__socks_take(socks, piece, size);
  free(piece);
  return result;
}

static void negotiate(const zuv__socks_target_t *target, const uint8_t *data,
                      size_t size, bool in_octets, outcome_t *outcome) {
  zuv__socks_t socks;

  memset(outcome, 0, sizeof(*outcome));
  memset(&socks, 0, sizeof(socks));
  zuv__socks_start(&socks, target);
  send_all(&socks, outcome);
  while (outcome->result == ZUV__SOCKS_GOES_ON && outcome->taken < size) {
    size_t piece = zuv__socks_wanted(&socks);

    expect(piece > 0 && piece <= ZUV__SOCKS_IN_MAX);
    if (piece > size - outcome->taken)
      piece = size - outcome->taken;
    if (in_octets)
      piece = 1;
    outcome->result = give(&socks, data + outcome->taken, piece);
    outcome->taken += piece;
    send_all(&socks, outcome);
  }
  outcome->reply = socks.reply;
  expect(outcome->result == ZUV__SOCKS_GOES_ON ||
         zuv__socks_wanted(&socks) == 0);
  expect(outcome->result != ZUV__SOCKS_REFUSED || socks.reply != 0);
  for (size_t i = 0; i < sizeof(socks.out); i++)
    expect(socks.out[i] == 0);
  zuv__socks_end(&socks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char secret[] = "secret";
  zuv__socks_target_t target = {.host = "target.test", .port = 7777};
  outcome_t whole;
  outcome_t octets;

  if (size == 0)
    return 0;
  if ((data[0] & 1) != 0) {
    target.username = (const uint8_t *)"user";
    target.username_size = 4;
    target.password = (const uint8_t *)secret;
    target.password_size = sizeof(secret) - 1;
  }
  negotiate(&target, data + 1, size - 1, false, &whole);
  negotiate(&target, data + 1, size - 1, true, &octets);
  expect(whole.result == octets.result && whole.taken == octets.taken &&
         whole.reply == octets.reply);
  expect(whole.sent_size == octets.sent_size &&
         memcmp(whole.sent, octets.sent, whole.sent_size) == 0);
  return 0;
}
