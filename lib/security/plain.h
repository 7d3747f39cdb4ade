/* What the two roles of PLAIN have in common (RFC 24). */
#ifndef ZUV_SECURITY_PLAIN_H
#define ZUV_SECURITY_PLAIN_H

#include "security/settings.h"

/* An ERROR command as libzmq has spelled it since 4.3.0, in PLAIN only: the
 * first letter is gone, and '^' stands where the name's length should. Its
 * clients understand nothing else. */
#define ZUV__PLAIN_ERROR_PREFIX "^RROR"

enum {
  ZUV__PLAIN_ERROR_PREFIX_SIZE = sizeof(ZUV__PLAIN_ERROR_PREFIX) - 1,
  /* Bodies; metadata has no limit of its own in the field. */
  ZUV__PLAIN_METADATA_MAX = 16 * 1024,
  ZUV__PLAIN_HELLO_MAX = 1 + 5 + 2 * (1 + ZUV__CREDENTIAL_MAX),
  ZUV__PLAIN_ERROR_MAX = 1 + 5 + 1 + 255,
  ZUV__PLAIN_INITIATE_MAX = 1 + 8 + ZUV__PLAIN_METADATA_MAX,
  ZUV__PLAIN_READY_MAX = 1 + 5 + ZUV__PLAIN_METADATA_MAX
};

#endif /* ZUV_SECURITY_PLAIN_H */
