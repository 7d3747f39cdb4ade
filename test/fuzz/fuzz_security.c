/* libFuzzer target for one mechanism in one role: built once for each, with
 * ROLE_MECHANISM and ROLE_IS_SERVER. The subject is an engine in that role, and
 * a genuine peer is one in the other. Both run on fixed keys and repeatable
 * randomness, and the input is a script of what happens between them (the
 * operations below), so that the fuzzer gets past any crypto and then breaks
 * one thing. Anything that the sanitizers do not see by themselves is checked
 * with expect. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "security/mechanism.h"
#include "side.h"
#include "zmtp/engine.h"
#include "zmtp/frame.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bool is_curve = ROLE_MECHANISM == ZUV__MECHANISM_CURVE;

/* What the input is made of: bits of the first octet, the size of the peer's
 * own metadata in the second, that metadata, then operations with what each
 * takes. Behind the end there are zeros. */
enum { ASK_WITH_NULL = 1, SECRETS_DIFFER = 2, TAKE_TURNS = 4 };

enum {
  DELIVER,         /* the peer's next frame; in traffic: flags, size */
  CHANGE,          /* the same, with an octet changed: where (2), how */
  CUT,             /* the same, shorter: by how many */
  EXTEND,          /* the same, longer: by how many, and with what */
  SKIP,            /* the peer's next frame is lost */
  REPLAY,          /* an earlier frame: which */
  RAW,             /* octets: how many, and those */
  VERDICT,         /* to whoever waits: which, size of metadata, that */
  SEND,            /* in traffic, to the peer: flags, size */
  CHUNK,           /* how many octets come at a time: that less one */
  FAIL_ALLOCATION, /* one of the next: which */
  OPERATION_COUNT
};

enum { FRAMES_MAX = 256, TRAFFIC_FRAME_MAX = 1024 };

typedef struct {
  const uint8_t *data;
  size_t size;
  side_t subject;
  side_t peer;
  size_t chunk;
  /* Frames of the peer, as they were before any change. */
  struct {
    uint8_t *bytes;
    size_t size;
  } frames[FRAMES_MAX];
  size_t frame_count;
  size_t delivered; /* how many of the frames are behind the subject */
  bool clean;       /* nothing has happened that may end the handshake */
  bool aligned;     /* the subject sees frames where the peer began them */
  bool over;        /* the connection would be closed by now */
} script_t;

static script_t script;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  side_init_all();
  return 0;
}

static uint8_t take_octet(void) {
  if (script.size == 0)
    return 0;
  script.size--;
  return *script.data++;
}

static const uint8_t *take_octets(size_t *size) {
  const uint8_t *octets = script.data;

  if (*size > script.size)
    *size = script.size;
  script.data += *size;
  script.size -= *size;
  return octets;
}

/* More than anybody would keep ends the connection. */
static void give(side_t *side, const uint8_t *bytes, size_t size,
                 size_t chunk) {
  if (!side_feed(side, bytes, size, chunk))
    script.over = true;
}

/* What the subject says always arrives; what the peer says is cut into frames,
 * which wait for the script. */
static void exchange(void) {
  side_t *peer = &script.peer;
  side_t *subject = &script.subject;
  zuv__frame_t frame;

  give(peer, subject->out + subject->taken, subject->out_size - subject->taken,
       SIZE_MAX);
  subject->taken = subject->out_size;
  while (script.frame_count < FRAMES_MAX &&
         zuv__frame_decode(peer->out + peer->taken,
                           peer->out_size - peer->taken, UINT64_MAX,
                           &frame) == ZUV__FRAME_COMPLETE) {
    uint8_t *bytes = malloc(frame.total);

    expect(bytes != NULL);
    memcpy(bytes, peer->out + peer->taken, frame.total);
    peer->taken += frame.total;
    script.frames[script.frame_count].bytes = bytes;
    script.frames[script.frame_count++].size = frame.total;
  }
  if (peer->taken == peer->out_size)
    peer->taken = peer->out_size = 0;
}

static void exchange_greetings(void) {
  zuv__engine_start(&script.subject.engine, &script.subject.sink);
  zuv__engine_start(&script.peer.engine, &script.peer.sink);
  for (int i = 0; i < 3; i++) {
    side_t *peer = &script.peer;
    size_t size = peer->out_size < ZUV__GREETING_SIZE ? peer->out_size
                                                      : ZUV__GREETING_SIZE;

    if (size > peer->taken)
      give(&script.subject, peer->out + peer->taken, size - peer->taken,
           script.chunk);
    peer->taken = size;
    give(peer, script.subject.out + script.subject.taken,
         script.subject.out_size - script.subject.taken, SIZE_MAX);
    script.subject.taken = script.subject.out_size;
  }
  exchange();
}

static bool in_traffic(void) {
  return script.subject.engine.state == ZUV__ENGINE_TRAFFIC;
}

/* Makes the peer write one more frame of traffic, and tells what is in it. */
static bool encode(side_t *from, uint8_t *flags, uint8_t *payload,
                   size_t *size) {
  zuv__mechanism_t *m = from->engine.mechanism;
  size_t written;
  uint8_t *exact;
  size_t room;

  *flags = take_octet() & (ZUV__FRAME_MORE | ZUV__FRAME_COMMAND);
  *size = (size_t)take_octet() * 2;
  if (from->engine.state != ZUV__ENGINE_TRAFFIC || m == NULL)
    return false;
  room = *size + m->ops->overhead;
  expect(room <= TRAFFIC_FRAME_MAX);
  /* A long script has nothing new to tell. */
  if (room > BUFFER_MAX - from->out_size) {
    script.over = true;
    return false;
  }
  side_random(payload, *size);
  exact = malloc(room);
  expect(exact != NULL);
  written = m->ops->encode(m, *flags, payload, *size, exact);
  expect(written <= room);
  side_write(from, exact, written);
  free(exact);
  return true;
}

/* One whole frame of traffic: true when it could be opened. */
static bool decode(side_t *to, const uint8_t *bytes, size_t total,
                   uint8_t *flags, uint8_t *payload, size_t *size) {
  zuv__mechanism_t *m = to->engine.mechanism;
  zuv__protocol_error_t error;
  zuv__frame_t frame;
  zuv__frame_t opened = {0};
  uint8_t *exact;

  if (zuv__frame_decode(bytes, total, UINT64_MAX, &frame) !=
      ZUV__FRAME_COMPLETE)
    return false;
  exact = malloc(frame.size);
  expect(exact != NULL || frame.size == 0);
  memcpy(exact, frame.body, frame.size);
  error = m->ops->decode(m, exact, frame.size, &opened);
  if (error == ZUV__PROTOCOL_NO_ERROR) {
    expect(frame.size >= m->ops->decode_overhead);
    expect(opened.size <= frame.size - m->ops->decode_overhead);
    expect(opened.body >= exact &&
           opened.body + opened.size <= exact + frame.size);
    expect((opened.flags & ~(ZUV__FRAME_MORE | ZUV__FRAME_COMMAND)) == 0);
    *flags = opened.flags;
    *size = opened.size;
    memcpy(payload, opened.body, opened.size);
  } else {
    expect(side_error_is_known(error));
  }
  free(exact);
  return error == ZUV__PROTOCOL_NO_ERROR;
}

/* The body of a changed frame in a frame of its own, so that what follows is
 * still seen as it is; answers the size of all. */
static size_t rebuild(uint8_t *out, const uint8_t *bytes, size_t total,
                      uint8_t operation) {
  zuv__frame_t frame = {0};
  uint8_t body[BUFFER_MAX];
  size_t header;
  size_t change = 0;
  size_t at;

  expect(zuv__frame_decode(bytes, total, UINT64_MAX, &frame) ==
         ZUV__FRAME_COMPLETE);
  memcpy(body, frame.body, frame.size);
  switch (operation) {
    case CHANGE:
      at = (size_t)take_octet() << 8;
      at |= take_octet();
      change = take_octet();
      if (frame.size > 0)
        body[at % frame.size] ^= (uint8_t)change;
      break;
    case CUT:
      change = take_octet();
      frame.size -= change < frame.size ? change : frame.size;
      break;
    case EXTEND:
      change = take_octet() % 8;
      for (size_t i = 0; i < change; i++)
        body[frame.size++] = take_octet();
      break;
    default:
      break;
  }
  header = zuv__frame_encode_header(out, frame.flags, frame.size);
  memcpy(out + header, body, frame.size);
  return header + frame.size;
}

/* CURVE fails at once for whatever was changed, except in the padding of HELLO,
 * which nothing protects, and in the topmost bit of its key, which is no part
 * of it (RFC 7748, 5) and fails later, when the vouch has another. */
static bool must_fail(const uint8_t *changed, size_t size,
                      const uint8_t *genuine, size_t genuine_size) {
  static const size_t padding = ZUV__FRAME_SHORT_HEADER + 8;
  static const size_t topmost = ZUV__FRAME_SHORT_HEADER + 8 + 72 + 31;
  uint8_t with_padding[BUFFER_MAX];

  if (!is_curve || !script.aligned)
    return false;
  if (size != genuine_size)
    return true;
  memcpy(with_padding, changed, size);
  if (ROLE_IS_SERVER && script.delivered == 1 && size > topmost) {
    memcpy(with_padding + padding, genuine + padding, 72);
    with_padding[topmost] =
        (uint8_t)((changed[topmost] & 0x7f) | (genuine[topmost] & 0x80));
  }
  return memcmp(with_padding, genuine, size) != 0;
}

static void deliver_command(uint8_t operation) {
  uint8_t bytes[BUFFER_MAX];
  size_t at = script.delivered;
  bool was_handshake = script.subject.engine.state == ZUV__ENGINE_HANDSHAKE;
  bool changed;
  size_t size;

  if (at == script.frame_count)
    return;
  script.delivered++;
  if (operation == SKIP) {
    script.clean = false;
    return;
  }
  size = rebuild(bytes, script.frames[at].bytes, script.frames[at].size,
                 operation);
  changed = size != script.frames[at].size ||
            memcmp(bytes, script.frames[at].bytes, size) != 0;
  if (changed)
    script.clean = false;
  give(&script.subject, bytes, size, script.chunk);
  if (was_handshake && !script.over &&
      must_fail(bytes, size, script.frames[at].bytes, script.frames[at].size))
    expect(script.subject.engine.state == ZUV__ENGINE_FAILED);
}

/* Traffic of the peer is made when it is delivered. */
static void deliver_traffic(uint8_t operation) {
  uint8_t sent[TRAFFIC_FRAME_MAX];
  uint8_t got[BUFFER_MAX];
  uint8_t bytes[BUFFER_MAX];
  uint8_t sent_flags;
  uint8_t got_flags = 0;
  size_t sent_size;
  size_t got_size = 0;
  size_t size;
  size_t at;

  if (!encode(&script.peer, &sent_flags, sent, &sent_size))
    return;
  at = script.frame_count;
  exchange();
  if (script.frame_count == at)
    return;
  if (operation == SKIP)
    return;
  script.delivered = script.frame_count;
  size = rebuild(bytes, script.frames[at].bytes, script.frames[at].size,
                 operation);
  if (!decode(&script.subject, bytes, size, &got_flags, got, &got_size)) {
    expect(size != script.frames[at].size ||
           memcmp(bytes, script.frames[at].bytes, size) != 0);
    script.over = true;
    return;
  }
  expect(size == script.frames[at].size &&
         memcmp(bytes, script.frames[at].bytes, size) == 0);
  expect(got_flags == sent_flags && got_size == sent_size);
  expect(memcmp(got, sent, got_size) == 0);
}

static void deliver(uint8_t operation) {
  if (in_traffic())
    deliver_traffic(operation);
  else
    deliver_command(operation);
}

/* In traffic only what comes for the first time, and after all that came, can
 * be opened. */
static void replay(void) {
  uint8_t payload[BUFFER_MAX];
  size_t which = take_octet();
  uint8_t flags;
  size_t size;

  if (script.frame_count == 0)
    return;
  which %= script.frame_count;
  script.clean = false;
  if (!in_traffic()) {
    give(&script.subject, script.frames[which].bytes, script.frames[which].size,
         script.chunk);
    return;
  }
  if (decode(&script.subject, script.frames[which].bytes,
             script.frames[which].size, &flags, payload, &size)) {
    expect(which >= script.delivered);
    script.delivered = which + 1;
  } else {
    script.over = true;
  }
}

static void give_raw(void) {
  uint8_t payload[BUFFER_MAX];
  size_t size = take_octet();
  const uint8_t *octets = take_octets(&size);
  uint8_t flags;

  script.clean = false;
  script.aligned = false;
  if (!in_traffic()) {
    give(&script.subject, octets, size, script.chunk);
  } else {
    expect(!decode(&script.subject, octets, size, &flags, payload, &size));
    script.over = true;
  }
}

static void give_verdict(void) {
  static const int statuses[] = {200, 300, 400, 500, 0, -1};
  size_t which = take_octet();
  size_t size = take_octet();
  const uint8_t *metadata = take_octets(&size);
  const zuv__verdict_t verdict = {
      .status = statuses[(which & 127) % 6],
      .user_id = (const uint8_t *)(which & 128 ? "joe" : NULL),
      .user_id_size = which & 128 ? 3 : 0,
      .metadata = metadata,
      .metadata_size = size};
  side_t *side = &script.subject;
  zuv__credentials_t credentials;

  if (!zuv__engine_wants_authentication(&side->engine))
    side = &script.peer;
  if (!zuv__engine_wants_authentication(&side->engine))
    return;
  zuv__engine_credentials(&side->engine, &credentials);
  expect(strcmp(credentials.mechanism, side->config.mechanism->name) == 0);
  expect(credentials.count <= ZUV__CREDENTIALS_MAX);
  for (size_t i = 0; i < credentials.count; i++)
    expect(credentials.parts[i].size <= ZUV__CREDENTIAL_MAX);
  if (is_curve)
    expect(side_has_client_key(credentials.parts[0].data));
  if (verdict.status != 200 || size > 0)
    script.clean = false;
  zuv__engine_authenticated(&side->engine, &side->sink, &verdict);
  side_check(side);
  /* NULL tells its refusal when the peer's READY has come. */
  expect(verdict.status == 200 || side->engine.state == ZUV__ENGINE_FAILED ||
         ROLE_MECHANISM == ZUV__MECHANISM_NULL);
  side_step(side);
}

static void send_traffic(void) {
  uint8_t sent[TRAFFIC_FRAME_MAX];
  uint8_t got[BUFFER_MAX];
  uint8_t sent_flags;
  uint8_t got_flags = 0;
  size_t sent_size;
  size_t got_size = 0;
  side_t *subject = &script.subject;

  if (!encode(subject, &sent_flags, sent, &sent_size))
    return;
  if (script.peer.engine.state == ZUV__ENGINE_TRAFFIC) {
    expect(decode(&script.peer, subject->out + subject->taken,
                  subject->out_size - subject->taken, &got_flags, got,
                  &got_size));
    expect(got_flags == sent_flags && got_size == sent_size);
    expect(memcmp(got, sent, got_size) == 0);
  }
  subject->taken = subject->out_size = 0;
}

static void operate(uint8_t operation) {
  switch (operation) {
    case DELIVER:
    case CHANGE:
    case CUT:
    case EXTEND:
    case SKIP:
      deliver(operation);
      break;
    case REPLAY:
      replay();
      break;
    case RAW:
      give_raw();
      break;
    case VERDICT:
      give_verdict();
      break;
    case SEND:
      send_traffic();
      break;
    case CHUNK:
      script.chunk = (size_t)take_octet() + 1;
      break;
    case FAIL_ALLOCATION:
      side_fail_allocation(take_octet() % 16);
      script.clean = false;
      break;
    default:
      break;
  }
}

/* Frames in clear need no mechanism: they are left to fuzz_engine. */
static bool is_over(void) {
  const side_t *subject = &script.subject;

  if (script.over || subject->engine.state == ZUV__ENGINE_FAILED)
    return true;
  if (in_traffic())
    return !is_curve || subject->pending_size > 0;
  return script.frame_count == FRAMES_MAX;
}

static void run(void) {
  uint8_t bits = take_octet();
  size_t metadata_size = take_octet();
  const uint8_t *metadata = take_octets(&metadata_size);
  bool differ = is_curve && (bits & SECRETS_DIFFER) != 0;

  side_init(&script.subject, ROLE_MECHANISM, ROLE_IS_SERVER, differ);
  side_init(&script.peer, ROLE_MECHANISM, !ROLE_IS_SERVER, differ);
  script.subject.config.authenticate = (bits & ASK_WITH_NULL) != 0;
  script.peer.config.extra_metadata = metadata;
  script.peer.config.extra_metadata_size = metadata_size;
  if ((bits & TAKE_TURNS) != 0)
    zuv__engine_take_turns(&script.subject.engine);
  script.chunk = SIZE_MAX;
  script.clean = metadata_size == 0 && !differ;
  script.aligned = true;
  exchange_greetings();
  while (script.size > 0 && !is_over()) {
    bool was_traffic = in_traffic();

    operate(take_octet() % OPERATION_COUNT);
    if (!was_traffic)
      exchange();
  }
  if (script.clean)
    expect(script.subject.engine.state != ZUV__ENGINE_FAILED &&
           script.peer.engine.state != ZUV__ENGINE_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  script.data = data;
  script.size = size;
  script.frame_count = script.delivered = 0;
  script.over = false;
  side_begin(data, size);
  run();
  for (size_t i = 0; i < script.frame_count; i++)
    free(script.frames[i].bytes);
  side_destroy(&script.subject);
  side_destroy(&script.peer);
  return 0;
}
