/* The two ends of a connection as endpoint texts, for events. */
#ifndef ZUV_TRANSPORT_ENDS_H
#define ZUV_TRANSPORT_ENDS_H

typedef struct zuv__ends_s {
  const char *remote; /* behind the local one */
  char local[];
} zuv__ends_t;

/* In memory that zuv__free() takes back. An end without a name is "". `remote`
 * NULL: asks the kernel. NULL: no memory. */
zuv__ends_t *zuv__ends_of(int fd, const char *remote);

#endif /* ZUV_TRANSPORT_ENDS_H */
