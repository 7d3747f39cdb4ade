/* ZUV_METADATA: properties of ours that peers see beside Socket-Type and
 * Identity. They are kept as the handshake sends them (RFC 37, metadata). */
#ifndef ZUV_CORE_METADATA_OPTION_H
#define ZUV_CORE_METADATA_OPTION_H

#include "core/option_bytes.h"

/* With Socket-Type and the longest Identity it is less than what PLAIN and
 * CURVE take from a peer. */
enum { ZUV__METADATA_OPTION_MAX = 15 * 1024 };

/* Adds "X-name:value"; a NUL ends the value. Of a name that is there already
 * the first value stays, which is no error. UV_EINVAL: not of that form, a name
 * of more than 255 octets, an empty value, or more than
 * ZUV__METADATA_OPTION_MAX octets in all. UV_ENOMEM. */
int zuv__metadata_option_set(zuv__option_bytes_t **metadata, const void *text,
                             size_t size);

#endif /* ZUV_CORE_METADATA_OPTION_H */
