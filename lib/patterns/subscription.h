/* A subscription in the form of a message: an octet, 1 to subscribe or 0 to
 * cancel, then the topic. Peers before ZMTP 3.1 send it, the applications of
 * XSUB send it, and those of XPUB receive it. */
#ifndef ZUV_PATTERNS_SUBSCRIPTION_H
#define ZUV_PATTERNS_SUBSCRIPTION_H

#include "core/message.h"

enum { ZUV__CANCELS = 0, ZUV__SUBSCRIBES = 1 };

typedef struct zuv__subscription_s {
  bool subscribe;
  const uint8_t *topic; /* inside the part */
  size_t size;
} zuv__subscription_t;

/* False: it is something else. */
static inline bool zuv__subscription_read(zuv_msg_t *part,
                                          zuv__subscription_t *subscription) {
  const uint8_t *data = zuv__msg_data(part);

  if (zuv__msg_size(part) == 0 || data[0] > ZUV__SUBSCRIBES)
    return false;
  subscription->subscribe = data[0] == ZUV__SUBSCRIBES;
  subscription->topic = data + 1;
  subscription->size = zuv__msg_size(part) - 1;
  return true;
}

#endif /* ZUV_PATTERNS_SUBSCRIPTION_H */
