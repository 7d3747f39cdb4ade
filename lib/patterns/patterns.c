/* The table of socket types: one line each. */
#include "patterns/patterns.h"

static const zuv__pattern_t *const patterns[] = {
    [ZUV_PAIR] = &zuv__pattern_pair,     [ZUV_PUB] = &zuv__pattern_pub,
    [ZUV_SUB] = &zuv__pattern_sub,       [ZUV_REQ] = &zuv__pattern_req,
    [ZUV_REP] = &zuv__pattern_rep,       [ZUV_DEALER] = &zuv__pattern_dealer,
    [ZUV_ROUTER] = &zuv__pattern_router, [ZUV_PULL] = &zuv__pattern_pull,
    [ZUV_PUSH] = &zuv__pattern_push,     [ZUV_XPUB] = &zuv__pattern_xpub,
    [ZUV_XSUB] = &zuv__pattern_xsub,     [ZUV_STREAM] = &zuv__pattern_stream,
};

const zuv__pattern_t *zuv__pattern_find(int type) {
  if (type < 0 || (size_t)type >= sizeof(patterns) / sizeof(patterns[0]))
    return NULL;
  return patterns[type];
}
