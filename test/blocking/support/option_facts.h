/* What the options of ZeroMQ are, as libzmq's own behave: written down apart
 * from the library's tables, so that the two can be compared. Rows are only
 * facts; what is done with them is in option_checks.h. Nothing here needs
 * zmq.h or zuv.h. */
#ifndef OPTION_FACTS_H
#define OPTION_FACTS_H

#include <stddef.h>
#include <stdint.h>

enum { OPTION_SOCKET_TYPES = 12, OPTION_VALUES_MAX = 4, OPTION_TEXTS_MAX = 4 };

typedef enum {
  OPTION_INT,    /* 4 bytes */
  OPTION_FLAG,   /* the same, and reads back as 0 or 1 */
  OPTION_TENTHS, /* the same, and reads back in full tenths of a second */
  OPTION_WIDE,   /* 8 bytes */
  OPTION_TEXT,   /* a get adds a NUL and counts it */
  OPTION_BYTES,
  OPTION_KEY /* 32 bytes, or 40 characters of Z85 and a NUL */
} option_kind_t;

enum { OPTION_GET = 1, OPTION_SET = 2, OPTION_BOTH = 3 };

enum {
  OPTION_IN_LARGER = 1,    /* a get takes larger buffers, and zeroes the rest */
  OPTION_OWN_VALUE = 2,    /* what it reads is not kept by a set */
  OPTION_NULL_CLEARS = 4,  /* NULL with size 0 is taken */
  OPTION_IF_MANUAL = 8,    /* on PUB and XPUB only while XPUB_MANUAL is on */
  OPTION_NOT_OURS = 16,    /* zuv is built without it */
  OPTION_NOT_DEBIANS = 32, /* libzmq 4.3.4 in its stable build is */
  OPTION_ONLY_NATIVE = 64  /* zuv's own, and unknown to any zmq.h */
};

typedef struct {
  const char *name;
  int number;
  unsigned access;
  option_kind_t kind;
  unsigned types; /* 1 << type */
  unsigned marks;

  /* of numbers */
  int64_t initial;
  int64_t good[OPTION_VALUES_MAX];
  size_t good_count;
  int64_t bad[OPTION_VALUES_MAX];
  size_t bad_count;
  /* libzmq takes these, and then works no more; zuv refuses them */
  int64_t harmful[OPTION_VALUES_MAX];
  size_t harmful_count;

  /* of text and bytes: lengths, longest 0 being none; or, where not every text
   * is one, some that are and some that are not */
  size_t shortest;
  size_t longest;
  const char *good_texts[OPTION_TEXTS_MAX];
  const char *bad_texts[OPTION_TEXTS_MAX];
} option_fact_t;

extern const option_fact_t option_facts[];
extern const size_t option_fact_count;

/* What a new socket of that type reads, of an option that is a number; -1 with
 * OPTION_OWN_VALUE: anything. */
int64_t option_initial(const option_fact_t *fact, int type);

#endif /* OPTION_FACTS_H */
