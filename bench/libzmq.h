/* libzmq, loaded at run time, so that building needs neither its header nor its
 * library. Its socket types and options have the numbers of zuv.h. */
#ifndef ZUV_BENCH_LIBZMQ_H
#define ZUV_BENCH_LIBZMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ZMQ_SNDMORE_FLAG = 2,
  ZMQ_POLLIN_EVENT = 1,
  ZMQ_ETERM_ERROR = 156384765
};

typedef struct {
  uint64_t content[8];
} libzmq_msg_t;

typedef struct {
  void *socket;
  int fd;
  short events;
  short revents;
} libzmq_item_t;

typedef struct {
  void (*version)(int *major, int *minor, int *patch);
  void *(*ctx_new)(void);
  int (*ctx_term)(void *context);
  void *(*socket)(void *context, int type);
  int (*close)(void *socket);
  int (*bind)(void *socket, const char *endpoint);
  int (*connect)(void *socket, const char *endpoint);
  int (*setsockopt)(void *socket, int option, const void *value, size_t size);
  int (*getsockopt)(void *socket, int option, void *value, size_t *size);
  int (*msg_init)(libzmq_msg_t *msg);
  int (*msg_init_size)(libzmq_msg_t *msg, size_t size);
  int (*msg_close)(libzmq_msg_t *msg);
  void *(*msg_data)(libzmq_msg_t *msg);
  size_t (*msg_size)(const libzmq_msg_t *msg);
  int (*sendmsg)(void *socket, libzmq_msg_t *msg, int flags);
  int (*recvmsg)(void *socket, libzmq_msg_t *msg, int flags);
  int (*msg_send)(libzmq_msg_t *msg, void *socket, int flags);
  int (*msg_recv)(libzmq_msg_t *msg, void *socket, int flags);
  int (*send)(void *socket, const void *data, size_t size, int flags);
  int (*recv)(void *socket, void *data, size_t size, int flags);
  int (*poll)(libzmq_item_t *items, int count, long timeout);
  int (*last_error)(void);
} libzmq_t;

extern libzmq_t libzmq;

/* Loads that file; NULL: libzmq.so.5. False: there is none, or it lacks a
 * function, which is then named on stderr. */
bool libzmq_load(const char *name);
/* The file that was loaded, or "". */
const char *libzmq_file(void);

/* Binds a socket, and tells its endpoint; the same with a new socket and a
 * wildcard port of 127.0.0.1; a new socket that is connected. The process ends
 * if that fails. */
void libzmq_bind(void *socket, const char *address, char *endpoint,
                 size_t size);
void *libzmq_bound(void *context, int type, char *endpoint, size_t size);
void *libzmq_connected(void *context, int type, const char *endpoint);

#endif /* ZUV_BENCH_LIBZMQ_H */
