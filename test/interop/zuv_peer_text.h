/* How zuv_peer.c reads and writes messages and answers: a part is written in
 * hex, "-" if it is empty, and "*SIZE.SEED" if it holds SIZE bytes of which
 * byte i is (SEED + i) % 251.
 *
 * What cannot be read, or fails where nothing is to fail, ends the process with
 * a line on stderr. */
#ifndef TEST_INTEROP_ZUV_PEER_TEXT_H
#define TEST_INTEROP_ZUV_PEER_TEXT_H

#include <stddef.h>

#include "zuv.h"

void die(const char *what);
void must(int err, const char *what);

/* Cuts the first word off; an empty one at the end. */
char *next_word(char **text);

void parse_part(zuv_msg_t *part, const char *text);

/* The parts of a line, in memory for one part more at least; for
 * close_parts(). */
size_t parse_parts(char *text, zuv_msg_t **parts);
void close_parts(zuv_msg_t *parts, size_t count);

/* Writes a blank and the part, into the line that print_line_end() ends. */
void print_bytes(const void *bytes, size_t size);
void print_line_end(void);

/* Writes "ok" or "error UV_E...". */
void answer(int err);

#endif /* TEST_INTEROP_ZUV_PEER_TEXT_H */
