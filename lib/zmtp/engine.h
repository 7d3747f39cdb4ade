/* The handshake of one connection, without any I/O: octets of the peer go in,
 * octets for the peer come out through a sink. Owned and called by the
 * connection; many engines share one config.
 *
 *     GREETING --64 octets--> HANDSHAKE --mechanism ready--> TRAFFIC
 *        |                       |                              ^
 *        +--12 octets or fewer--> IDENTITY --first frame--> ADMISSION
 *        |                       |                              |
 *         \______________________|______ any failure ______> FAILED
 *
 * In TRAFFIC the engine is done: the connection reads and writes frames with
 * zmtp/frame.h (or through the mechanism's encode and decode, or for a peer of
 * version 1.0 with zmtp/frame_v1.h) and looks at `peer`. In FAILED it looks at
 * `failure`, still sends what the sink was given, and closes. What can fail: a
 * peer of a broken protocol, or of one too old for a secured socket, one whose
 * mechanism, socket type or metadata do not fit, a refusal by either side, and
 * memory. */
#ifndef ZUV_ZMTP_ENGINE_H
#define ZUV_ZMTP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "security/mechanism.h"
#include "zmtp/config.h"
#include "zmtp/error.h"
#include "zmtp/greeting.h"
#include "zmtp/peer.h"
#include "zmtp/sink.h"

typedef enum zuv__engine_state {
  ZUV__ENGINE_GREETING,
  ZUV__ENGINE_HANDSHAKE,
  ZUV__ENGINE_IDENTITY,  /* of a peer before ZMTP 3: the frame is to come */
  ZUV__ENGINE_ADMISSION, /* the same, when it has come: wants authentication */
  ZUV__ENGINE_TRAFFIC,
  ZUV__ENGINE_FAILED
} zuv__engine_state_t;

typedef struct zuv__engine_s {
  const zuv__engine_config_t *config;
  zuv__mechanism_t *mechanism; /* NULL before the handshake, and in traffic
                                  when frames go in clear */
  zuv__peer_t peer;            /* complete in TRAFFIC */
  zuv__failure_t failure;      /* filled in FAILED */
  size_t needed;               /* see zuv__engine_needed */
  zuv__engine_state_t state;
  bool takes_turns; /* see zuv__engine_take_turns */
  bool has_turn;
  bool wants_turn;
  bool begun; /* the mechanism could send its first command */
  zuv__greeting_t greeting;
} zuv__engine_t;

/* Cannot fail and allocates nothing. The engine must stay where it is. */
void zuv__engine_init(zuv__engine_t *e, const zuv__engine_config_t *config);

/* Frees what the engine owns, in any state; the peer's metadata too unless it
 * was taken. */
void zuv__engine_destroy(zuv__engine_t *e);

/* Sends the first 10 octets of the greeting, or, when secured, 11. Call once,
 * when the connection is up, before zuv__engine_handshake. Returns the state.
 */
zuv__engine_state_t zuv__engine_start(zuv__engine_t *e,
                                      const zuv__sink_t *sink);

/* Feeds octets and returns the state. *consumed of them were used: octets of
 * the greeting as they come, a handshake command or an identity only when the
 * whole frame is in `in`. Before TRAFFIC and FAILED the caller keeps the
 * unconsumed octets and calls again with them and more behind; at once, when
 * authentication came to be wanted and the verdict is there already: a peer may
 * have sent traffic right behind its READY. In TRAFFIC the unconsumed octets
 * are traffic. In ADMISSION, TRAFFIC and FAILED a call uses nothing. */
zuv__engine_state_t zuv__engine_handshake(zuv__engine_t *e,
                                          const zuv__sink_t *sink,
                                          const uint8_t *in, size_t len,
                                          size_t *consumed);

/* How many octets, from the first unconsumed one on, the pending handshake
 * frame needs in all; 0 when no such frame has shown its header. At most
 * ZUV__COMMAND_MAX and a header. */
size_t zuv__engine_needed(const zuv__engine_t *e);

/* From now on a command of a costly mechanism is taken only when granted: else
 * zuv__engine_handshake leaves it unconsumed, and wants a turn. A grant is good
 * for one command; the caller then feeds the octets again. The first command of
 * a client waits for a turn, too: then there may be no octets to feed. */
void zuv__engine_take_turns(zuv__engine_t *e);
void zuv__engine_grant_turn(zuv__engine_t *e);
static inline bool zuv__engine_wants_turn(const zuv__engine_t *e) {
  return e->wants_turn;
}

/* True while the handshake waits for zuv__engine_authenticated. Look after
 * every zuv__engine_handshake; it stays true until answered. */
bool zuv__engine_wants_authentication(const zuv__engine_t *e);

/* What to judge: valid until zuv__engine_authenticated or destroy. Only while
 * authentication is wanted. */
void zuv__engine_credentials(const zuv__engine_t *e,
                             zuv__credentials_t *credentials);

/* The verdict. Ignored when none is wanted. Returns the state, which may go to
 * TRAFFIC or, on a refusal, to FAILED at once. When it stays as it was, call
 * zuv__engine_handshake with the octets kept so far. */
zuv__engine_state_t zuv__engine_authenticated(zuv__engine_t *e,
                                              const zuv__sink_t *sink,
                                              const zuv__verdict_t *verdict);

/* The verdict could not be had: what was answered breaks ZAP. Ignored when none
 * is wanted. */
void zuv__engine_answer_is_malformed(zuv__engine_t *e,
                                     zuv__protocol_error_t error);

/* Hands the peer's metadata block over to the caller, who frees it with
 * zuv__free; peer.routing_id then points into the caller's block. NULL and 0
 * when there is none. */
uint8_t *zuv__engine_take_metadata(zuv__engine_t *e, size_t *size);

#endif /* ZUV_ZMTP_ENGINE_H */
