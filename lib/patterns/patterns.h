/* The socket types; each is defined at the bottom of its file. */
#ifndef ZUV_PATTERNS_PATTERNS_H
#define ZUV_PATTERNS_PATTERNS_H

#include "core/pattern.h"

extern const zuv__pattern_t zuv__pattern_pair;
extern const zuv__pattern_t zuv__pattern_pub;
extern const zuv__pattern_t zuv__pattern_sub;
extern const zuv__pattern_t zuv__pattern_req;
extern const zuv__pattern_t zuv__pattern_rep;
extern const zuv__pattern_t zuv__pattern_dealer;
extern const zuv__pattern_t zuv__pattern_router;
extern const zuv__pattern_t zuv__pattern_pull;
extern const zuv__pattern_t zuv__pattern_push;
extern const zuv__pattern_t zuv__pattern_xpub;
extern const zuv__pattern_t zuv__pattern_xsub;
extern const zuv__pattern_t zuv__pattern_stream;

#endif /* ZUV_PATTERNS_PATTERNS_H */
