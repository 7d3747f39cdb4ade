/* Who is let in by zuv_peer.c: by a callback of the socket, or by a ZAP handler
 * of the same process, made with the native API as well. Each tells who asks:
 *
 *   asked MECHANISM DOMAIN ADDRESS ID USER PASSWORD KEY
 *
 * All words but the first are written as parts are. ID is what the peer (to a
 * handler: this socket) calls itself. */
#ifndef TEST_INTEROP_ZUV_PEER_AUTH_H
#define TEST_INTEROP_ZUV_PEER_AUTH_H

#include "zuv.h"

/* allow [USER-ID] | deny STATUS | later | stop: what the callback says from now
 * on, "later" being said by auth_answer(). */
void auth_command(zuv_socket_t *socket, char *text);

/* allow [USER-ID] | deny STATUS: to the one that waits longest. */
void auth_answer(char *text);

/* TYPE STATUS [USER-ID]: a handler on a socket of this type, REP or ROUTER,
 * that answers so from now on. */
void zap_command(uv_loop_t *loop, char *text);

/* Closes the handler, and refuses everyone who waits. */
void auth_close(void);

#endif /* TEST_INTEROP_ZUV_PEER_AUTH_H */
