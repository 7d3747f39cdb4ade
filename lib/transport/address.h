/* Who is at the other end of a descriptor, and who we are at ours. */
#ifndef ZUV_TRANSPORT_ADDRESS_H
#define ZUV_TRANSPORT_ADDRESS_H

#include <stddef.h>

enum { ZUV__ADDRESS_SIZE = 128 };

/* The text of the Peer-Address property: "127.0.0.1", for ipc
 * "localhost:UID:GID:PID"; "" if the peer has gone already. */
void zuv__address_of_peer(int fd, char *out, size_t size);

/* The endpoint text of a bound tcp or ipc descriptor, e.g.
 * "tcp://127.0.0.1:5555". */
int zuv__address_of_self(int fd, char *out, size_t size);

/* The same of the tcp descriptor at the other end; "" if there is none. */
void zuv__address_of_other(int fd, char *out, size_t size);

#endif /* ZUV_TRANSPORT_ADDRESS_H */
