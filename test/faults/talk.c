/* Messages of several kinds, which arrive whole or with an event. */
#include "stage.h"

enum {
  LARGE_SIZE = 1024 * 1024,
  MIDDLE_SIZE = 20000,
  /* in ticks of 2 ms */
  AGAIN_TICKS = 3
};

static uint8_t pattern[LARGE_SIZE];

static const uint8_t *large(void) {
  if (pattern[0] == 0)
    for (size_t i = 0; i < LARGE_SIZE; i++)
      pattern[i] = (uint8_t)('x' + i * 7 + (i >> 12));
  return pattern;
}

/* Of every way to make one. */
static int many_parts(zuv_msg_t *parts) {
  int err = zuv_msg_init_copy(&parts[0], "many", 4);

  assert_int_equal(err, 0);
  zuv_msg_init_view(&parts[1], large(), MIDDLE_SIZE);
  zuv_msg_init(&parts[2]);
  err = zuv_msg_init_copy(&parts[3], large(), 300);
  if (err != 0)
    return err;
  err = zuv_msg_init_copy(&parts[4], large(), MIDDLE_SIZE);
  if (err != 0) {
    zuv_msg_close(&parts[3]);
    return err;
  }
  zuv_msg_init_const(&parts[5], "end", 3);
  return 0;
}

int kind_parts(kind_t kind, zuv_msg_t *parts, size_t *count) {
  *count = kind == MANY ? 6 : 1;
  if (kind == MANY)
    return many_parts(parts);
  if (kind == LARGE)
    zuv_msg_init_view(&parts[0], large(), LARGE_SIZE);
  else
    zuv_msg_init_view(&parts[0], "small", 5);
  return 0;
}

static bool is_part(zuv_msg_t *part, const void *bytes, size_t size) {
  return zuv_msg_size(part) == size &&
         memcmp(zuv_msg_data(part), bytes, size) == 0;
}

static bool is_kind(kind_t kind, zuv_msg_t *parts, size_t count) {
  switch (kind) {
    case SMALL:
      return count == 1 && is_part(&parts[0], "small", 5);
    case LARGE:
      return count == 1 && is_part(&parts[0], large(), LARGE_SIZE);
    default:
      return count == 6 && is_part(&parts[0], "many", 4) &&
             is_part(&parts[1], large(), MIDDLE_SIZE) &&
             is_part(&parts[2], "", 0) && is_part(&parts[3], large(), 300) &&
             is_part(&parts[4], large(), MIDDLE_SIZE) &&
             is_part(&parts[5], "end", 3);
  }
}

static void note_origin(talker_t *talker, zuv_msg_t *first) {
  talker->from.size = zuv_msg_size(first);
  assert_true(talker->from.size <= sizeof(talker->from.id));
  memcpy(talker->from.id, zuv_msg_data(first), talker->from.size);
}

void talker_on_recv(zuv_socket_t *socket, zuv_msg_t *parts, size_t count,
                    zuv_peer_t *peer) {
  talker_t *talker = (talker_t *)socket;
  kind_t kind = SMALL;

  (void)peer;
  assert_true(count > talker->lead);
  if (talker->lead > 0)
    note_origin(talker, &parts[0]);
  parts += talker->lead;
  count -= talker->lead;
  while (kind < KINDS && !is_kind(kind, parts, count))
    kind++;
  if (kind == KINDS)
    fail_msg("%zu parts that nobody has sent so", count);
  talker->heard[kind]++;
  talker->s.actor.received++;
}

/* Taken whole or not at all. */
static void expect_taken(zuv_msg_t *parts, size_t count, kind_t kind,
                         size_t lead, int err) {
  if (err != 0) {
    assert_true(is_kind(kind, parts + lead, count - lead));
    return;
  }
  for (size_t i = 0; i < count; i++)
    assert_int_equal(zuv_msg_size(&parts[i]), 0);
}

int talker_send(talker_t *talker, kind_t kind, const void *id, size_t id_size) {
  zuv_msg_t parts[PARTS_MAX];
  size_t lead = id != NULL;
  size_t count;
  int err;

  zuv_msg_init_view(&parts[0], id, id_size);
  err = kind_parts(kind, parts + lead, &count);
  if (err != 0)
    return err;
  count += lead;
  err = zuv_try_send(&talker->s.actor.zuv, parts, count);
  expect_taken(parts, count, kind, lead, err);
  talker->accepted += err == 0;
  for (size_t i = 0; i < count; i++)
    zuv_msg_close(&parts[i]);
  return err;
}

/* Not sent yet, or lost. */
static bool is_to_be_sent(const talker_t *talker, kind_t kind) {
  uint64_t again = talker->sent[kind].tick + AGAIN_TICKS;

  if (!talker->sent[kind].done)
    return true;
  if (talker->lossy || !sweep_is_single())
    return stage->rig.ticks >= again;
  return talker->sent[kind].losses != stage_losses();
}

static void send_kind(talker_t *from, talker_t *to, kind_t kind) {
  size_t failed = failing_failed();
  bool addressed = from->lead > 0;
  int err;

  /* It is known when it has spoken. */
  if (addressed && from->from.size == 0)
    return;
  err = talker_send(from, kind, addressed ? from->from.id : NULL,
                    from->from.size);
  if (err == UV_ENOMEM && failing_failed() == failed)
    fail_msg("UV_ENOMEM, but there was memory");
  if (err != 0 && err != UV_ENOMEM && err != UV_EAGAIN &&
      err != UV_EHOSTUNREACH)
    fail_msg("sending: %s", zuv_err_name(err));
  if (err == UV_EHOSTUNREACH) {
    /* It has come back under another name, and must speak again. */
    from->from.size = 0;
    from->heard[SMALL] = 0;
    to->sent[SMALL].done = false;
  }
  if (err != 0)
    return;
  from->sent[kind].done = true;
  from->sent[kind].tick = stage->rig.ticks;
  from->sent[kind].losses = stage_losses();
}

bool talkers_talk(talker_t *from, talker_t *to, kind_t up_to) {
  bool all = true;

  for (kind_t kind = SMALL; kind <= up_to; kind++) {
    if (to->heard[kind] > 0)
      continue;
    all = false;
    if (is_to_be_sent(from, kind))
      send_kind(from, to, kind);
  }
  return all;
}
