/* libzmq, loaded at run time, so that building needs neither its header nor its
 * library. Its socket types and options have the numbers of zuv.h. */
#ifndef ZUV_BENCH_LIBZMQ_H
#define ZUV_BENCH_LIBZMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZMQ_SNDMORE_FLAG = 2 };

typedef struct {
  uint64_t content[8];
} libzmq_msg_t;

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
} libzmq_t;

extern libzmq_t libzmq;

/* Loads $ZUV_BENCH_LIBZMQ or libzmq.so.5. False: there is none. */
bool libzmq_load(void);
/* The file that was loaded, or "". */
const char *libzmq_file(void);

/* A bound socket that tells its endpoint, or a connected one. The process ends
 * if that fails. */
void *libzmq_bound(void *context, int type, char *endpoint, size_t size);
void *libzmq_connected(void *context, int type, const char *endpoint);

#endif /* ZUV_BENCH_LIBZMQ_H */
