/* A session: the pipe of one stream peer, and the connection that serves it
 * now. The pipe of a connecting endpoint outlives its connections, that of an
 * accepted peer is as old as its connection. Embedded in the connector and in
 * the listener's record of an accepted peer.
 *
 * It is the link below the pipe: messages go through it into the connection,
 * or wait in the pipe while there is none. */
#ifndef ZUV_TRANSPORT_SESSION_H
#define ZUV_TRANSPORT_SESSION_H

#include "core/endpoint.h"
#include "core/pipe.h"
#include "core/socket.h"
#include "transport/ends.h"
#include "zmtp/config.h"

typedef struct zuv__session_s zuv__session_t;
typedef struct zuv__connection_s zuv__connection_t;

/* Why a connection ended. */
typedef struct zuv__loss_s {
  int status;    /* UV_EOF, UV_ETIMEDOUT, UV_ECONNRESET, UV_EPROTO ... */
  bool protocol; /* the peer cannot be talked to: trying again is no use */
  bool in_handshake;
  int fd; /* that the connection had */
} zuv__loss_t;

/* What the owner of a session is told. */
typedef struct zuv__session_owner_s {
  /* The connection is gone; session->connection is NULL. */
  void (*lost)(zuv__session_t *session, const zuv__loss_t *loss);
  /* The pipe is gone, and the session is not needed any more. */
  void (*ended)(zuv__session_t *session);
} zuv__session_owner_t;

struct zuv__session_s {
  zuv__socket_t *socket;
  const zuv__session_owner_t *owner;
  const zuv__options_t *options;      /* the owner's copy */
  const zuv__engine_config_t *config; /* the owner's */
  const char *endpoint;               /* the owner's text */
  const char *proxy;                  /* its endpoint, or NULL */
  zuv__connection_t *connection;      /* NULL: none now */
  zuv__pipe_t *pipe;                  /* NULL: not yet */
  zuv__ends_t *ends; /* of the connection; NULL: nobody has asked */
  bool connecting;   /* the owner is a connector */
  bool was_ready;    /* it has had a connection */
};

/* What a handshake says of us, for the options of a listener or connector,
 * which both outlive it. Fails as zuv__security_prepare(). */
int zuv__session_config(zuv__engine_config_t *config, zuv__options_t *options,
                        int socket_type);

/* Makes the pipe of the session and tells the pattern. UV_ENOMEM. */
int zuv__session_open_pipe(zuv__session_t *session);

/* Drops the connection, if there is one, and what was known of its ends,
 * without telling the owner. */
void zuv__session_drop_connection(zuv__session_t *session);

/* Ends the pipe, if there is one, as its link: it loses its connection and
 * everything that waits. The owner is not told. */
void zuv__session_end_pipe(zuv__session_t *session);

/* -- from below: the connection -- */

/* The handshake is done. Takes the peer. UV_ENOMEM: no pipe for it. */
int zuv__session_ready(zuv__session_t *session, zuv_peer_t *peer);
/* The connection can take output again: moves what waits into it. */
void zuv__session_pump(zuv__session_t *session);
/* The connection has ended itself. */
void zuv__session_lost(zuv__session_t *session, const zuv__loss_t *loss);

/* An event about this session: all but the endpoint and the ends is given.
 * ACCEPTED and CONNECTED begin with a new connection. */
void zuv__session_tell(zuv__session_t *session, const zuv_event_t *event);

/* The descriptor is about to be closed: what events say of its ends has to be
 * known by then. */
void zuv__session_see_ends(zuv__session_t *session, int fd);

#endif /* ZUV_TRANSPORT_SESSION_H */
