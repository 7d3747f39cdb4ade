/* The options that choose a security mechanism and feed it. The mechanism and
 * our role in it follow from which of them was set last. Called by options.c
 * for the rows of its table that say so; never allocates.
 *
 * UV_EINVAL: a value of the wrong size, out of range, or a key that is neither
 * 32 bytes nor Z85. */
#ifndef ZUV_CORE_SECURITY_OPTIONS_H
#define ZUV_CORE_SECURITY_OPTIONS_H

#include "core/options.h"

int zuv__security_option_set(zuv__security_t *security,
                             const zuv__option_t *option, const void *value,
                             size_t size);
int zuv__security_option_get(const zuv__security_t *security,
                             const zuv__option_t *option, void *value,
                             size_t *size);

/* For an endpoint's copy of the options, when it is made: works out what its
 * handshakes would else work out one by one. UV_EINVAL: a server of CURVE
 * without its secret key. UV_EIO: no randomness. */
int zuv__security_prepare(zuv__security_t *security);

#endif /* ZUV_CORE_SECURITY_OPTIONS_H */
