/* Messages as text, for harness.c. */
#ifndef HARNESS_TEXT_H
#define HARNESS_TEXT_H

#include "support/harness.h"

/* The text of a message, to be freed. */
char *harness_message_text(const harness_part_t *parts, size_t count);

#endif /* HARNESS_TEXT_H */
