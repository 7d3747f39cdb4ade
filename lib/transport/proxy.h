/* The SOCKS5 proxy of a connector: where it is, by ZMQ_SOCKS_PROXY, and the
 * negotiation with it on a connected descriptor. The protocol is in socks.h. */
#ifndef ZUV_TRANSPORT_PROXY_H
#define ZUV_TRANSPORT_PROXY_H

#include "core/io.h"
#include "core/options.h"
#include "transport/endpoint.h"
#include "transport/socks.h"

typedef struct {
  /* whom to connect to instead of the target, from the target's source */
  zuv__tcp_endpoint_t where;
  char *text; /* "tcp://HOST:PORT", with HOST:PORT as in the option */
  zuv__socks_target_t target;
  zuv__socks_t socks;
} zuv__proxy_t;

/* The proxy that the options name; *out is NULL if they name none. Options and
 * target must outlive it. UV_EINVAL: the option's value is not HOST:PORT.
 * UV_ENOMEM. */
int zuv__proxy_new(const zuv__options_t *options,
                   const zuv__tcp_endpoint_t *target, zuv__proxy_t **out);
/* Also of NULL. */
void zuv__proxy_free(zuv__proxy_t *proxy);

/* The negotiation: begin, and step each time that the descriptor is ready,
 * beginning at once. 0: connected to the target, and nothing that came from it
 * has been read. UV_EAGAIN: goes on; the io watches for what is needed. Else
 * why there is no connection: a reply of the proxy, UV_EACCES (it does not let
 * us in), UV_EPROTO (it is no such proxy), UV_EOF, or an error of the system.
 */
void zuv__proxy_begin(zuv__proxy_t *proxy);
int zuv__proxy_step(zuv__proxy_t *proxy, zuv__io_t *io);
/* Forgets where it is at. */
void zuv__proxy_end(zuv__proxy_t *proxy);

#endif /* ZUV_TRANSPORT_PROXY_H */
